import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import type * as Ledger from "../src/Ledger.ts"
import type { AskError } from "../src/RykerError.ts"
import {
  ask,
  background,
  entryOf,
  interruptedAtStep,
  type Job,
  type Refused,
  settled,
  spawnWorker,
  tell,
  Worker,
  workerLayer
} from "./Actor.fixtures.ts"
import { assertBalanced, withActors } from "./fixtures.ts"

describe("interrupting a caller whose message is queued", () => {
  it.effect("removes the message: the depth goes down, its slot is free, and it never runs", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      let ran = 0
      yield* tell(worker, () => Effect.sleep(100))
      yield* settled
      const caller = yield* background(ask(worker, () => Effect.sync(() => ran++)))
      assert.deepInclude(yield* Actor.status(worker), { queued: 1 })
      yield* Fiber.interrupt(caller)
      assert.deepInclude(yield* Actor.status(worker), { queued: 0 })
      yield* tell(worker, () => Effect.void)
      yield* TestClock.adjust(100)
      assert.strictEqual(ran, 0)
      const { dropped, failed, handled } = yield* entryOf("Worker")
      assert.deepStrictEqual(
        { interrupted: dropped.interrupted, failed, handled },
        { interrupted: 1, failed: 0, handled: 2 }
      )
    }).pipe(withActors(workerLayer({ capacity: 1 })))
  )

  it.effect("removes it also while the actor waits to restart", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      let ran = 0
      yield* Effect.exit(ask(worker, () => Effect.die("on purpose")))
      const caller = yield* background(ask(worker, () => Effect.sync(() => ran++)))
      yield* Fiber.interrupt(caller)
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Restarting", queued: 0 })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(ran, 0)
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 2 })
    }).pipe(withActors(workerLayer()))
  )

  it.effect("of hundreds at once removes them all, and leaves the others in order", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const ran: Array<number> = []
      yield* tell(worker, () => Effect.sleep(100))
      yield* settled
      const callers = yield* Effect.forEach(Array.from({ length: 300 }), (_, n) =>
        Effect.forkChild(
          ask(worker, () => Effect.sync(() => ran.push(n))),
          { startImmediately: true }
        )
      )
      assert.strictEqual((yield* Effect.flip(tell(worker, () => Effect.void)))._tag, "Busy")
      yield* Fiber.interruptAll(callers.filter((_, n) => n % 10 !== 0))
      assert.deepInclude(yield* Actor.status(worker), { queued: 30 })
      // All 270 slots are free again, and not one more.
      for (let n = 300; n < 570; n++) yield* tell(worker, () => Effect.sync(() => ran.push(n)))
      assert.strictEqual((yield* Effect.flip(tell(worker, () => Effect.void)))._tag, "Busy")
      yield* TestClock.adjust(100)
      yield* Fiber.awaitAll(callers)
      const left = Array.from({ length: 570 }, (_, n) => n).filter((n) => n >= 300 || n % 10 === 0)
      assert.deepStrictEqual(ran, left)
      assert.strictEqual((yield* entryOf("Worker")).dropped.interrupted, 270)
    }).pipe(withActors(workerLayer({ capacity: 300 })))
  )

  it.effect("lets a stop finish that waited only for that message", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* Effect.exit(ask(worker, () => Effect.die("on purpose")))
      const caller = yield* background(ask(worker, () => Effect.void))
      const stop = yield* background(Actor.stop(worker, { deadline: "1 hour" }))
      assert.isUndefined(stop.pollUnsafe())
      yield* Fiber.interrupt(caller)
      yield* Fiber.join(stop)
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Stopped" })
    }).pipe(withActors(workerLayer()))
  )
})

describe("interrupting a caller whose handler runs", () => {
  it.effect("interrupts the handler, finalizers and all; the actor lives on", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      let finalized = 0
      const job = () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => finalized++))
      const caller = yield* background(ask(worker, job))
      assert.deepInclude(yield* Actor.status(worker), { busy: true })
      yield* Fiber.interrupt(caller)
      assert.strictEqual(finalized, 1)
      assert.deepInclude(yield* ask(worker, () => Actor.self), { incarnation: 1 })
      assert.deepInclude(yield* entryOf("Worker"), { failed: 1, handled: 1, crashes: 0 })
    }).pipe(withActors(workerLayer()))
  )

  it.effect("does so also for callers that give up by a timeout of their own", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      let finalized = 0
      const job = () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => finalized++))
      const caller = yield* background(Effect.timeoutOption(ask(worker, job), 100))
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(yield* Fiber.join(caller), Option.none())
      assert.strictEqual(finalized, 1)
    }).pipe(withActors(workerLayer()))
  )

  it.effect("does not wait for a handler that cannot be interrupted; the next message does", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const ran: Array<string> = []
      const job = () =>
        Effect.uninterruptible(
          Effect.andThen(
            Effect.sleep(500),
            Effect.sync(() => ran.push("stubborn"))
          )
        )
      const caller = yield* background(ask(worker, job))
      yield* Fiber.interrupt(caller)
      const next = yield* background(ask(worker, () => Effect.sync(() => ran.push("next"))))
      assert.deepInclude(yield* entryOf("Worker"), { inHand: 1, queued: 1 })
      yield* TestClock.adjust(500)
      yield* Fiber.join(next)
      assert.deepStrictEqual(ran, ["stubborn", "next"])
      assert.deepInclude(yield* entryOf("Worker"), { failed: 1, handled: 1, crashes: 0 })
    }).pipe(withActors(workerLayer()))
  )

  it.effect("goes down the whole line of asks, to a handler at its end", () =>
    Effect.gen(function* () {
      const [a, b, c] = yield* Effect.all([spawnWorker("a"), spawnWorker("b"), spawnWorker("c")])
      const finalized: Array<string> = []
      const note = (what: string) => Effect.onInterrupt(() => Effect.sync(() => finalized.push(what)))
      const caller = yield* background(
        ask(a, () => ask(b, () => ask(c, () => Effect.never.pipe(note("c"))).pipe(note("b"))).pipe(note("a")))
      )
      yield* Fiber.interrupt(caller)
      assert.sameMembers(finalized, ["a", "b", "c"])
      for (const worker of [a, b, c]) assert.strictEqual(yield* ask(worker, () => Effect.succeed("free")), "free")
    }).pipe(withActors(Layer.empty))
  )

  it.effect(
    "goes down a line of asks far longer than a stack is deep",
    () =>
      Effect.gen(function* () {
        const length = 8_000
        const workers = yield* Effect.forEach(Array.from({ length }), (_, n) =>
          spawnWorker(`worker-${n}`, { deadline: "Infinity" })
        )
        const bottom = yield* Deferred.make<void>()
        const top = yield* Deferred.make<void>()
        let finalized = 0
        const down = (n: number): Effect.Effect<unknown, Refused | AskError> =>
          Effect.onInterrupt(
            n < length
              ? ask(workers[n]!, () => down(n + 1))
              : Effect.andThen(Deferred.succeed(bottom, undefined), Effect.never),
            () => (++finalized > length ? Deferred.succeed(top, undefined) : Effect.void)
          )
        const caller = yield* background(down(0))
        yield* Deferred.await(bottom)
        yield* Fiber.interrupt(caller)
        yield* Deferred.await(top)
        assert.strictEqual(finalized, length + 1)
      }).pipe(withActors(Layer.empty)),
    // Many actors: on a busy machine it takes its time.
    20_000
  )

  it.effect("goes down the whole line of asks, to a message queued at its end", () =>
    Effect.gen(function* () {
      const [a, b] = yield* Effect.all([spawnWorker("a"), spawnWorker("b")])
      let ran = 0
      yield* tell(b, () => Effect.sleep(100))
      const caller = yield* background(ask(a, () => ask(b, () => Effect.sync(() => ran++))))
      assert.deepInclude(yield* Actor.status(b), { queued: 1 })
      yield* Fiber.interrupt(caller)
      assert.deepInclude(yield* Actor.status(b), { queued: 0 })
      yield* TestClock.adjust(100)
      assert.strictEqual(ran, 0)
    }).pipe(withActors(Layer.empty))
  )

  it.effect("crashes the actor when a finalizer of the handler dies", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const caller = yield* background(
        ask(worker, () => Effect.onInterrupt(Effect.never, () => Effect.die("on purpose")))
      )
      yield* Fiber.interrupt(caller)
      yield* TestClock.adjust("1 minute")
      assert.deepInclude(yield* ask(worker, () => Actor.self), { incarnation: 2 })
      assert.deepInclude(yield* entryOf("Worker"), { failed: 1, crashes: 1 })
    }).pipe(withActors(workerLayer()))
  )

  it.effect("after the answer does nothing", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const caller = yield* background(ask(worker, () => Effect.succeed("answer")).pipe(Effect.andThen(Effect.never)))
      const next = yield* background(ask(worker, () => Effect.as(Effect.sleep(10), "next")))
      yield* Fiber.interrupt(caller)
      yield* TestClock.adjust(10)
      assert.strictEqual(yield* Fiber.join(next), "next")
      assert.deepInclude(yield* entryOf("Worker"), { failed: 0, handled: 2 })
    }).pipe(withActors(workerLayer()))
  )
})

describe("a handler that interrupts its own caller", () => {
  /** Asks with a job that gets what interrupts the asking fiber at once, on the handler's own stack. */
  const askWithInterrupt = (job: (interruptCaller: () => void) => ReturnType<Job>) =>
    Effect.gen(function* () {
      const worker = yield* Worker
      // Asked while it is suspended: else the handler would run before the caller waits, see below.
      yield* Actor.suspend(worker)
      const caller: Fiber.Fiber<unknown, unknown> = yield* Effect.forkChild(
        ask(worker, () => job(() => caller.interruptUnsafe()))
      )
      yield* settled
      yield* Actor.resume(worker)
      yield* settled
      assert.isTrue(Exit.hasInterrupts(caller.pollUnsafe() ?? Exit.void))
      assert.strictEqual(yield* ask(worker, () => Effect.succeed("next")), "next")
      assert.deepInclude(yield* entryOf("Worker"), { accepted: 2, failed: 1, handled: 1, crashes: 0, inHand: 0 })
    }).pipe(withActors(workerLayer()))

  it.effect("and then waits, is interrupted", () => {
    let finalized = 0
    return askWithInterrupt((interruptCaller) =>
      Effect.sync(interruptCaller).pipe(
        Effect.andThen(Effect.never),
        Effect.onInterrupt(() => Effect.sync(() => finalized++))
      )
    ).pipe(Effect.tap(() => Effect.sync(() => assert.strictEqual(finalized, 1))))
  })

  it.effect("and then is done, counts as failed", () =>
    askWithInterrupt((interruptCaller) => Effect.sync(interruptCaller))
  )

  it.effect("before it has even become an effect, is interrupted all the same", () =>
    askWithInterrupt((interruptCaller) => {
      interruptCaller()
      return Effect.never
    })
  )

  it.effect("after it was suspended, is interrupted", () =>
    askWithInterrupt((interruptCaller) =>
      Effect.andThen(Effect.yieldNow, Effect.sync(interruptCaller)).pipe(Effect.andThen(Effect.never))
    )
  )

  it.effect("and replies with a value that needs no fiber, counts as failed", () =>
    askWithInterrupt((interruptCaller) => {
      interruptCaller()
      return Effect.succeed("nobody hears it")
    })
  )

  describe("that does not wait yet, as the ask is handled at once", () => {
    const askAtOnce = (job: (interruptCaller: () => void) => ReturnType<Job>, books: Partial<Ledger.Entry>) =>
      Effect.gen(function* () {
        const worker = yield* Worker
        const caller: Fiber.Fiber<unknown, unknown> = yield* Effect.forkChild(
          ask(worker, () => job(() => caller.interruptUnsafe()))
        )
        yield* settled
        assert.isTrue(Exit.hasInterrupts(caller.pollUnsafe() ?? Exit.void))
        assert.strictEqual(yield* ask(worker, () => Effect.succeed("next")), "next")
        assert.deepInclude(yield* entryOf("Worker"), { accepted: 2, crashes: 0, inHand: 0, ...books })
      }).pipe(withActors(workerLayer()))

    it.effect("and then is done, has answered before", () =>
      askAtOnce((interruptCaller) => Effect.sync(interruptCaller), { handled: 2, failed: 0 })
    )

    it.effect("and replies with a value that needs no fiber, has answered before", () =>
      askAtOnce(
        (interruptCaller) => {
          interruptCaller()
          return Effect.succeed("nobody hears it")
        },
        { handled: 2, failed: 0 }
      )
    )

    it.effect("and then waits, is interrupted", () => {
      let finalized = 0
      const job = (interruptCaller: () => void) =>
        Effect.sync(interruptCaller).pipe(
          Effect.andThen(Effect.never),
          Effect.onInterrupt(() => Effect.sync(() => finalized++))
        )
      return Effect.tap(askAtOnce(job, { handled: 1, failed: 1 }), () =>
        Effect.sync(() => assert.strictEqual(finalized, 1))
      )
    })
  })
})

describe("an ask interrupted", () => {
  it.effect("at any step leaves nothing behind: what began ends, and the ledger balances", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      let begun = 0
      let ended = 0
      const job = () =>
        Effect.sync(() => begun++).pipe(
          Effect.andThen(Effect.yieldNow),
          Effect.andThen(Effect.yieldNow),
          Effect.ensuring(Effect.sync(() => ended++))
        )
      let steps = 0
      for (let reached = true; reached; steps++) {
        reached = (yield* interruptedAtStep(ask(worker, job), steps)).reached
        assert.strictEqual(ended, begun)
        yield* assertBalanced
      }
      // Before it is sent, and while its handler waits; the handler begins in the same step.
      assert.isAbove(steps, 2)
      assert.strictEqual(yield* ask(worker, () => Effect.succeed("alive")), "alive")
      assert.deepInclude(yield* entryOf("Worker"), { crashes: 0, queued: 0, inHand: 0 })
    }).pipe(withActors(workerLayer()))
  )

  it.effect("by the reply of another leaves the others in the queue", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const gate = yield* Deferred.make<void>()
      const raced = yield* background(
        Effect.raceAll([
          ask(worker, () => Effect.as(Deferred.await(gate), "first")),
          ask(worker, () => Effect.succeed("second")),
          ask(worker, () => Effect.succeed("third"))
        ])
      )
      const other = yield* background(ask(worker, () => Effect.succeed("other")))
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual(yield* Fiber.join(raced), "first")
      assert.strictEqual(yield* Fiber.join(other), "other")
      const { dropped, handled } = yield* entryOf("Worker")
      assert.deepStrictEqual({ interrupted: dropped.interrupted, handled }, { interrupted: 2, handled: 2 })
    }).pipe(withActors(workerLayer()))
  )

  it.effect("because a sibling learns that the actor stopped is dropped once, not twice", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* tell(worker, () => Effect.never)
      yield* settled
      // The first to fail interrupts the second, while the actor is still answering its queue.
      const both = yield* background(
        Effect.all([ask(worker, () => Effect.void), ask(worker, () => Effect.void)], { concurrency: 2 })
      )
      yield* Actor.stop(worker, { deadline: 0 })
      assert.strictEqual((yield* Effect.flip(Fiber.join(both)))._tag, "Stopped")
      yield* assertBalanced
      const { accepted, dropped } = yield* entryOf("Worker")
      assert.strictEqual(accepted, 3)
      assert.strictEqual(dropped.shutdown + dropped.interrupted, 2)
    }).pipe(withActors(workerLayer()))
  )

  it.effect("because a sibling in hand learns that the actor stopped is dropped once, not twice", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const both = yield* background(
        Effect.all([ask(worker, () => Effect.uninterruptible(Effect.sleep(100))), ask(worker, () => Effect.void)], {
          concurrency: 2
        })
      )
      yield* Actor.stop(worker, { deadline: 0 })
      assert.strictEqual((yield* Effect.flip(Fiber.join(both)))._tag, "Stopped")
      yield* TestClock.adjust(100)
      yield* assertBalanced
      const { accepted, dropped, failed, queued } = yield* entryOf("Worker")
      assert.deepStrictEqual({ accepted, failed, queued }, { accepted: 2, failed: 1, queued: 0 })
      assert.strictEqual(dropped.shutdown + dropped.interrupted, 1)
    }).pipe(withActors(workerLayer()))
  )
})
