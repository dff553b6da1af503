import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import { Timeout } from "../src/RykerError.ts"
import { ask, background, entryOf, spawnWorker, tell, Worker, workerLayer } from "./Actor.fixtures.ts"
import { Counter, counterLayer, withActors } from "./fixtures.ts"

const timeout = (phase: "queued" | "running", millis: number, actor = "Worker") =>
  new Timeout({ actor, request: "Run", phase, millis })

const never = () => Effect.never

describe("the deadline of an ask", () => {
  it.effect("is the actor's default when nothing else is said", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const answer = yield* background(Effect.flip(ask(worker, never)))
      yield* TestClock.adjust(299)
      assert.isUndefined(answer.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* Fiber.join(answer), timeout("running", 300))
    }).pipe(withActors(workerLayer({ deadline: 300 })))
  )

  it.effect("is one second by default", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const answer = yield* background(Effect.flip(ask(worker, never)))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(answer), timeout("running", 1_000))
    }).pipe(withActors(workerLayer()))
  )

  it.effect("is its own when that is earlier than the default", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const answer = yield* background(Effect.flip(ask(worker, never, { deadline: "100 millis" })))
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(yield* Fiber.join(answer), timeout("running", 100))
    }).pipe(withActors(workerLayer()))
  )

  it.effect("is the default when its own is later", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const later = yield* background(Effect.flip(ask(worker, never, { deadline: "5 seconds" })))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(later.pollUnsafe(), Exit.succeed(timeout("running", 1_000)))
      const endless = yield* background(Effect.flip(ask(worker, never, { deadline: "Infinity" })))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(endless.pollUnsafe(), Exit.succeed(timeout("running", 1_000)))
    }).pipe(withActors(workerLayer()))
  )

  it.effect("is absolute: time spent in the queue is not given back", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* tell(worker, () => Effect.sleep(600))
      const answer = yield* background(Effect.flip(ask(worker, never)))
      yield* TestClock.adjust(600)
      assert.isUndefined(answer.pollUnsafe())
      yield* TestClock.adjust(400)
      assert.deepStrictEqual(yield* Fiber.join(answer), timeout("running", 1_000))
    }).pipe(withActors(workerLayer()))
  )

  it.effect("runs on while the actor waits to restart", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* Effect.exit(ask(worker, () => Effect.die("on purpose")))
      const answer = yield* background(Effect.flip(ask(worker, never, { deadline: 50 })))
      yield* TestClock.adjust(50)
      assert.deepStrictEqual(yield* Fiber.join(answer), timeout("queued", 50))
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Restarting", queued: 0 })
    }).pipe(withActors(workerLayer({ backoff: { base: 100 } })))
  )

  it.effect("of zero, or less, or no number gives Timeout at once, and nothing is enqueued", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      for (const deadline of [0, -1, Number.NaN, Number.NEGATIVE_INFINITY, "-1 second"] as const) {
        assert.deepStrictEqual(yield* Effect.flip(ask(worker, never, { deadline })), timeout("queued", 0))
      }
      const { accepted, refused } = yield* entryOf("Worker")
      assert.deepStrictEqual({ accepted, timeout: refused.timeout }, { accepted: 0, timeout: 5 })
    }).pipe(withActors(workerLayer()))
  )

  it.effect("of less than a millisecond comes at the next millisecond", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const answer = yield* background(Effect.flip(ask(worker, never, { deadline: "300 micros" })))
      assert.isUndefined(answer.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* Fiber.join(answer))._tag, "Timeout")
    }).pipe(withActors(workerLayer()))
  )

  it.effect("may be infinite: then it waits for as long as it takes", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const running = yield* background(ask(worker, () => Effect.as(Effect.sleep("30 days"), "done")))
      const queued = yield* background(ask(worker, () => Effect.succeed("next")))
      yield* TestClock.adjust("30 days")
      assert.strictEqual(yield* Fiber.join(running), "done")
      assert.strictEqual(yield* Fiber.join(queued), "next")
    }).pipe(withActors(workerLayer({ deadline: "Infinity" })))
  )
})

describe("an ask made by a handler", () => {
  it.effect("inherits what is left of the ask being served, two levels down", () =>
    Effect.gen(function* () {
      const [a, b, c] = yield* Effect.all([spawnWorker("a"), spawnWorker("b"), spawnWorker("c")])
      const errors: Array<unknown> = []
      const answer = yield* background(
        Effect.flip(
          ask(
            a,
            () =>
              Effect.andThen(
                Effect.sleep(100),
                ask(b, () =>
                  Effect.andThen(
                    Effect.sleep(50),
                    Effect.uninterruptible(
                      Effect.tapError(ask(c, never), (error) => Effect.sync(() => errors.push(error)))
                    )
                  )
                )
              ),
            { deadline: 300 }
          )
        )
      )
      yield* TestClock.adjust(300)
      assert.deepStrictEqual(yield* Fiber.join(answer), timeout("running", 300, "a"))
      assert.deepStrictEqual(errors, [timeout("running", 150, "c")])
    }).pipe(withActors(Layer.empty))
  )

  it.effect("keeps its own deadline, or the default, when that is earlier than what it inherits", () =>
    Effect.gen(function* () {
      const a = yield* spawnWorker("a", { deadline: "Infinity" })
      const b = yield* spawnWorker("b", { deadline: 70 })
      const own = yield* background(ask(a, () => Effect.result(ask(b, never, { deadline: 30 })), { deadline: 500 }))
      yield* TestClock.adjust(30)
      assert.deepStrictEqual(yield* Fiber.join(own), Result.fail(timeout("running", 30, "b")))
      const byDefault = yield* background(ask(a, () => Effect.result(ask(b, never)), { deadline: 500 }))
      yield* TestClock.adjust(70)
      assert.deepStrictEqual(yield* Fiber.join(byDefault), Result.fail(timeout("running", 70, "b")))
    }).pipe(withActors(Layer.empty))
  )

  it.effect("inherits also when its own and the default are infinite", () =>
    Effect.gen(function* () {
      const a = yield* spawnWorker("a", { deadline: "Infinity" })
      const b = yield* spawnWorker("b", { deadline: "Infinity" })
      const job = () => Effect.uninterruptible(ask(b, never, { deadline: "Infinity" }))
      const answer = yield* background(Effect.flip(ask(a, job, { deadline: 200 })))
      yield* TestClock.adjust(200)
      assert.deepStrictEqual(yield* Fiber.join(answer), timeout("running", 200, "a"))
      assert.deepInclude(yield* Actor.status(b), { busy: false })
    }).pipe(withActors(Layer.empty))
  )

  it.effect("after that ask's deadline has passed fails at once", () =>
    Effect.gen(function* () {
      const [a, b] = yield* Effect.all([spawnWorker("a"), spawnWorker("b")])
      const late = yield* Deferred.make<unknown>()
      const job = () =>
        Effect.uninterruptible(
          Effect.andThen(
            Effect.sleep(500),
            Effect.exit(ask(b, () => Effect.succeed("too late"))).pipe(
              Effect.tap((exit) => Deferred.succeed(late, exit))
            )
          )
        )
      yield* background(Effect.exit(ask(a, job, { deadline: 100 })))
      yield* TestClock.adjust(500)
      assert.deepStrictEqual(yield* Deferred.await(late), Exit.fail(timeout("queued", 0, "b")))
    }).pipe(withActors(Layer.empty))
  )

  it.effect("in a fork inherits while the ask is served, and no longer once it was answered", () =>
    Effect.gen(function* () {
      const [a, b] = yield* Effect.all([spawnWorker("a"), spawnWorker("b")])
      const seen: Array<unknown> = []
      const forked = Effect.forkDetach(
        Effect.sleep(200).pipe(
          Effect.andThen(ask(b, () => Effect.as(Effect.sleep(500), "whole second of its own"))),
          Effect.exit,
          Effect.tap((exit) => Effect.sync(() => seen.push(exit)))
        )
      )
      const answered = yield* background(ask(a, () => Effect.as(forked, "answered"), { deadline: 300 }))
      assert.strictEqual(yield* Fiber.join(answered), "answered")
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(seen, [Exit.succeed("whole second of its own")])

      const serving = yield* background(
        Effect.exit(ask(a, () => Effect.andThen(forked, Effect.never), { deadline: 300 }))
      )
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(serving)
      assert.deepStrictEqual(seen[1], Exit.fail(timeout("running", 100, "b")))
    }).pipe(withActors(Layer.empty))
  )

  it.effect("takes its work down with it: the deadline interrupts the handlers of both", () =>
    Effect.gen(function* () {
      const [a, b] = yield* Effect.all([spawnWorker("a"), spawnWorker("b")])
      const finalized: Array<string> = []
      const note = (what: string) => Effect.onInterrupt(() => Effect.sync(() => finalized.push(what)))
      const inner = () => Effect.never.pipe(note("b"))
      yield* background(Effect.exit(ask(a, () => ask(b, inner).pipe(note("a")), { deadline: 100 })))
      yield* TestClock.adjust(100)
      assert.sameMembers(finalized, ["a", "b"])
      assert.strictEqual(yield* ask(b, () => Effect.succeed("free")), "free")
    }).pipe(withActors(Layer.empty))
  )
})

describe("a tell", () => {
  it.effect("has no deadline when none is given, whatever the default and the ask being served", () =>
    Effect.gen(function* () {
      const [a, b] = yield* Effect.all([spawnWorker("a"), spawnWorker("b")])
      let ran = 0
      const count = () => Effect.sync(() => ran++)
      yield* tell(b, () => Effect.sleep("1 hour"))
      yield* tell(b, count)
      yield* ask(a, () => Effect.orDie(tell(b, count)), { deadline: 10 })
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(ran, 2)
    }).pipe(withActors(Layer.empty))
  )

  it.effect("never runs after a deadline that it was given", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      let ran = 0
      const count = () => Effect.sync(() => ran++)
      yield* tell(worker, () => Effect.sleep(100))
      yield* tell(worker, count, { deadline: 99 })
      yield* tell(worker, count, { deadline: 101 })
      yield* TestClock.adjust("1 second")
      assert.strictEqual(ran, 1)
      assert.strictEqual((yield* entryOf("Worker")).dropped.deadline, 1)
    }).pipe(withActors(workerLayer()))
  )

  it.effect("is interrupted at a deadline that it was given", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      yield* counter.tell.Hang(undefined, { deadline: 100 })
      yield* TestClock.adjust(100)
      assert.strictEqual(yield* counter.ask.Next(), 1)
      assert.deepInclude(yield* entryOf("Counter"), { failed: 1, crashes: 0 })
    }).pipe(withActors(counterLayer()))
  )

  it.effect("with a deadline of zero is dropped unrun: it does not fail with what its type rules out", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      let ran = 0
      yield* tell(worker, () => Effect.sync(() => ran++), { deadline: 0 })
      yield* TestClock.adjust(1)
      assert.strictEqual(ran, 0)
      assert.strictEqual((yield* entryOf("Worker")).dropped.deadline, 1)
    }).pipe(withActors(workerLayer()))
  )
})
