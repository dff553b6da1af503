import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import { Stopped } from "../src/RykerError.ts"
import {
  ask,
  background,
  entryOf,
  settled,
  spawnWorker,
  tell,
  Worker,
  workerHandlers,
  workerLayer
} from "./Actor.fixtures.ts"
import { assertBalanced, withActors } from "./fixtures.ts"

const stopped = (phase: "refused" | "queued" | "running", reason: Stopped["reason"] = "Stopped") =>
  new Stopped({ actor: "Worker", reason, phase })

describe("stop", () => {
  it.effect("handles what is in hand and what is queued, in order, and then closes the Scope", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const note = (what: string) => Effect.sync(() => log.push(what))
      const worker = yield* Actor.spawn(
        Worker,
        Effect.as(
          Effect.addFinalizer(() => note("closed")),
          workerHandlers
        ),
        { name: "Worker" }
      )
      yield* tell(worker, () => Effect.delay(note("in hand"), 100))
      yield* settled
      const asked = yield* background(ask(worker, () => Effect.as(note("asked"), "answer")))
      yield* tell(worker, () => note("told"))
      const stop = yield* background(Effect.tap(Actor.stop(worker), () => note("stopped")))
      yield* TestClock.adjust(100)
      yield* Fiber.join(stop)
      assert.strictEqual(yield* Fiber.join(asked), "answer")
      assert.deepStrictEqual(log, ["in hand", "asked", "told", "closed", "stopped"])
      assert.deepInclude(yield* entryOf("Worker"), { handled: 3, failed: 0, crashes: 0, restarts: 0 })
    }).pipe(withActors(Layer.empty))
  )

  it.effect("takes no more messages from that moment on, from outside or from its own handlers", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const inside = yield* background(
        ask(worker, () =>
          Effect.andThen(Effect.sleep(100), Effect.flip(tell(worker, () => Effect.void)).pipe(Effect.orDie))
        )
      )
      const stop = yield* background(Actor.stop(worker, { deadline: "1 second" }))
      assert.deepStrictEqual(yield* Effect.flip(ask(worker, () => Effect.void)), stopped("refused"))
      assert.deepStrictEqual(yield* Effect.flip(tell(worker, () => Effect.void)), stopped("refused"))
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(yield* Fiber.join(inside), stopped("refused"))
      yield* Fiber.join(stop)
      assert.strictEqual((yield* entryOf("Worker")).refused.stopped, 3)
    }).pipe(withActors(workerLayer()))
  )

  it.effect("at its deadline interrupts what is in hand and drops the queue; all who ask get Stopped", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      let finalized = 0
      let ran = 0
      const hang = () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => finalized++))
      const inHand = yield* background(Effect.flip(ask(worker, hang)))
      const queued = yield* background(Effect.flip(ask(worker, () => Effect.sync(() => ran++))))
      yield* tell(worker, () => Effect.sync(() => ran++))
      const stop = yield* background(Actor.stop(worker, { deadline: "2 seconds" }))
      yield* TestClock.adjust(1_999)
      assert.isUndefined(stop.pollUnsafe())
      yield* TestClock.adjust(1)
      yield* Fiber.join(stop)
      assert.deepStrictEqual(yield* Fiber.join(inHand), stopped("running"))
      assert.deepStrictEqual(yield* Fiber.join(queued), stopped("queued"))
      assert.deepStrictEqual([finalized, ran], [1, 0])
      const { dropped, failed, handled } = yield* entryOf("Worker")
      assert.deepStrictEqual({ shutdown: dropped.shutdown, failed, handled }, { shutdown: 2, failed: 1, handled: 0 })
    }).pipe(withActors(workerLayer({ deadline: "Infinity" })))
  )

  it.effect("with a deadline of zero does so at once", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const inHand = yield* background(Effect.flip(ask(worker, () => Effect.never)))
      const queued = yield* background(Effect.flip(ask(worker, () => Effect.void)))
      yield* Actor.stop(worker, { deadline: 0 })
      assert.deepStrictEqual(yield* Fiber.join(inHand), stopped("running"))
      assert.deepStrictEqual(yield* Fiber.join(queued), stopped("queued"))
      assert.deepStrictEqual(yield* Actor.status(worker), { _tag: "Stopped", reason: "Stopped" })
    }).pipe(withActors(workerLayer()))
  )

  it.effect("takes a deadline that is past, or no number, as zero", () =>
    Effect.gen(function* () {
      for (const deadline of [-1, Number.NaN, "-1 second"] as const) {
        const worker = yield* spawnWorker(`worker ${deadline}`)
        yield* tell(worker, () => Effect.never)
        yield* settled
        yield* Actor.stop(worker, { deadline })
      }
    }).pipe(withActors(Layer.empty))
  )

  it.effect("never takes longer than its deadline, whatever cannot be interrupted", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const inHand = yield* background(Effect.flip(ask(worker, () => Effect.uninterruptible(Effect.sleep("1 hour")))))
      const stop = yield* background(Actor.stop(worker, { deadline: 100 }))
      yield* TestClock.adjust(100)
      yield* Fiber.join(stop)
      assert.deepStrictEqual(yield* Fiber.join(inHand), stopped("running"))
      // The handler that outlives its actor stays in the books until it ends.
      assert.deepInclude(yield* entryOf("Worker"), { inHand: 1, failed: 0 })
      yield* assertBalanced
      yield* TestClock.adjust("1 hour")
      assert.deepInclude(yield* entryOf("Worker"), { inHand: 0, failed: 1 })
    }).pipe(withActors(workerLayer({ deadline: "Infinity" })))
  )

  it.effect("never takes longer than its deadline, whatever a finalizer does", () =>
    Effect.gen(function* () {
      const worker = yield* Actor.spawn(
        Worker,
        Effect.as(
          Effect.addFinalizer(() => Effect.sleep("1 hour")),
          workerHandlers
        )
      )
      yield* TestClock.adjust(0)
      const stop = yield* background(Actor.stop(worker, { deadline: "1 second" }))
      assert.isUndefined(stop.pollUnsafe())
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(stop)
    }).pipe(withActors(Layer.empty))
  )

  it.effect("has the actor's shutdown time when no deadline is given", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* tell(worker, () => Effect.never)
      yield* settled
      const stop = yield* background(Actor.stop(worker))
      yield* TestClock.adjust(699)
      assert.isUndefined(stop.pollUnsafe())
      yield* TestClock.adjust(1)
      yield* Fiber.join(stop)
    }).pipe(withActors(workerLayer({ shutdown: 700 })))
  )

  it.effect("twice is harmless", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* Actor.stop(worker)
      yield* Actor.stop(worker)
      yield* Actor.stop(worker, { deadline: 0 })
      assert.deepStrictEqual(yield* Actor.status(worker), { _tag: "Stopped", reason: "Stopped" })
    }).pipe(withActors(workerLayer()))
  )

  for (const [first, second] of [
    ["1 hour", "1 second"],
    ["1 second", "1 hour"]
  ] as const) {
    it.effect(`from two sides at once keeps the earlier deadline (${first}, then ${second})`, () =>
      Effect.gen(function* () {
        const worker = yield* Worker
        yield* tell(worker, () => Effect.never)
        yield* settled
        const one = yield* background(Actor.stop(worker, { deadline: first }))
        const two = yield* background(Actor.stop(worker, { deadline: second }))
        yield* TestClock.adjust(999)
        assert.isUndefined(one.pollUnsafe())
        assert.isUndefined(two.pollUnsafe())
        yield* TestClock.adjust(1)
        yield* Fiber.join(one)
        yield* Fiber.join(two)
      }).pipe(withActors(workerLayer()))
    )
  }

  it.effect("goes on when the one who asked for it is interrupted", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* tell(worker, () => Effect.sleep(100))
      yield* settled
      const stop = yield* background(Actor.stop(worker))
      yield* Fiber.interrupt(stop)
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(yield* Actor.status(worker), { _tag: "Stopped", reason: "Stopped" })
    }).pipe(withActors(workerLayer({ shutdown: "1 second" })))
  )

  it.effect("is no crash: nothing restarts", () =>
    Effect.gen(function* () {
      let starts = 0
      const worker = yield* Actor.spawn(
        Worker,
        Effect.sync(() => {
          starts++
          return workerHandlers
        })
      )
      yield* Actor.stop(worker)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(starts, 1)
      assert.deepInclude(yield* entryOf("Worker"), { crashes: 0, restarts: 0 })
    }).pipe(withActors(Layer.empty))
  )

  it.effect("survives a crash: the actor restarts for what is queued, and then stops", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      let ran = 0
      yield* tell(worker, () => Effect.andThen(Effect.sleep(10), Effect.die("on purpose")))
      yield* tell(worker, () => Effect.sync(() => ran++))
      yield* settled
      const stop = yield* background(Actor.stop(worker, { deadline: "1 minute" }))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(stop)
      assert.strictEqual(ran, 1)
      assert.deepInclude(yield* entryOf("Worker"), { crashes: 1, restarts: 1, handled: 1 })
    }).pipe(withActors(workerLayer()))
  )
})

describe("stop while the actor waits to restart", () => {
  const crashed = Effect.gen(function* () {
    const worker = yield* Worker
    yield* Effect.exit(ask(worker, () => Effect.die("on purpose")))
    assert.strictEqual((yield* Actor.status(worker))._tag, "Restarting")
    return worker
  })

  it.effect("ends it at once when nothing is queued", () =>
    Effect.gen(function* () {
      const worker = yield* crashed
      yield* Actor.stop(worker)
      assert.deepStrictEqual(yield* Actor.status(worker), { _tag: "Stopped", reason: "Stopped" })
      assert.deepInclude(yield* entryOf("Worker"), { crashes: 1, restarts: 0 })
    }).pipe(withActors(workerLayer()))
  )

  it.effect("lets it restart for what is queued", () =>
    Effect.gen(function* () {
      const worker = yield* crashed
      const asked = yield* background(ask(worker, () => Actor.self))
      const stop = yield* background(Actor.stop(worker, { deadline: "1 minute" }))
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* Fiber.join(asked), { incarnation: 2 })
      yield* Fiber.join(stop)
    }).pipe(withActors(workerLayer()))
  )

  it.effect("ends it at the deadline, and drops what is queued", () =>
    Effect.gen(function* () {
      const worker = yield* crashed
      const asked = yield* background(Effect.flip(ask(worker, () => Actor.self)))
      const stop = yield* background(Actor.stop(worker, { deadline: 50 }))
      yield* TestClock.adjust(50)
      yield* Fiber.join(stop)
      assert.deepStrictEqual(yield* Fiber.join(asked), stopped("queued"))
      assert.strictEqual((yield* entryOf("Worker")).dropped.shutdown, 1)
    }).pipe(withActors(workerLayer({ backoff: { base: 100 } })))
  )
})

describe("stop from inside a handler", () => {
  it.effect("in a fork is graceful: the handler answers, what is queued is handled", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const last = yield* background(
        ask(worker, () => Effect.as(Effect.forkDetach(Actor.stop(worker), { startImmediately: true }), "last words"))
      )
      assert.strictEqual(yield* Fiber.join(last), "last words")
      assert.deepStrictEqual(yield* Actor.awaitStopped(worker), "Stopped")
    }).pipe(withActors(workerLayer({ shutdown: "1 second" })))
  )

  it.effect("that waits for it lasts until the deadline, and its asker gets Stopped", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const asked = yield* background(Effect.flip(ask(worker, () => Actor.stop(worker, { deadline: 100 }))))
      assert.isUndefined(asked.pollUnsafe())
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(yield* Fiber.join(asked), stopped("running"))
      assert.deepStrictEqual(yield* Actor.status(worker), { _tag: "Stopped", reason: "Stopped" })
    }).pipe(withActors(workerLayer()))
  )

  it.effect("with a deadline of zero ends the actor then and there", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const asked = yield* background(Effect.flip(ask(worker, () => Actor.stop(worker, { deadline: 0 }))))
      assert.deepStrictEqual(yield* Fiber.join(asked), stopped("running"))
      assert.deepInclude(yield* entryOf("Worker"), { failed: 1, inHand: 0 })
    }).pipe(withActors(workerLayer()))
  )
})

describe("awaitStopped", () => {
  it.effect("waits for the end and says why, to all who wait, and to those who come later", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const waiting = yield* Effect.forEach([1, 2, 3], () => background(Actor.awaitStopped(worker)))
      yield* Fiber.interrupt(waiting[1]!)
      assert.isUndefined(waiting[0]!.pollUnsafe())
      yield* Actor.stop(worker)
      assert.strictEqual(yield* Fiber.join(waiting[0]!), "Stopped")
      assert.strictEqual(yield* Fiber.join(waiting[2]!), "Stopped")
      assert.strictEqual(yield* Actor.awaitStopped(worker), "Stopped")
    }).pipe(withActors(workerLayer()))
  )

  it.effect("does not take a restart for the end", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const waiting = yield* background(Actor.awaitStopped(worker))
      yield* Effect.exit(ask(worker, () => Effect.die("on purpose")))
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(waiting.pollUnsafe())
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 2 })
    }).pipe(withActors(workerLayer()))
  )

  const crash = (worker: Worker["Service"]) => Effect.exit(ask(worker, () => Effect.die("on purpose")))

  it.effect("says RapidFail of an actor that crashed too often", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* crash(worker)
      assert.strictEqual(yield* Actor.awaitStopped(worker), "RapidFail")
    }).pipe(withActors(workerLayer({ intensity: { restarts: 0 } })))
  )

  it.effect("says Crashed of a temporary actor that crashed", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* crash(worker)
      assert.strictEqual(yield* Actor.awaitStopped(worker), "Crashed")
      assert.deepStrictEqual(yield* Effect.flip(ask(worker, () => Effect.void)), stopped("refused", "Crashed"))
    }).pipe(withActors(workerLayer({ restart: "temporary" })))
  )

  it.effect("says ScopeClosed of an actor whose Scope was closed", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const worker = yield* Scope.provide(spawnWorker("Worker"), scope)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* Actor.awaitStopped(worker), "ScopeClosed")
      assert.deepStrictEqual(yield* Effect.flip(tell(worker, () => Effect.void)), stopped("refused", "ScopeClosed"))
    }).pipe(withActors(Layer.empty))
  )
})
