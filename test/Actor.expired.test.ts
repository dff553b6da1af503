import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import { Stopped, Timeout } from "../src/RykerError.ts"
import { ask, background, entryOf, settled, stalledClock, tell, Worker, workerLayer } from "./Actor.fixtures.ts"
import { Counter, counterLayer, withActors } from "./fixtures.ts"

const timeout = (phase: "queued" | "running", millis: number, actor = "Worker") =>
  new Timeout({ actor, request: "Run", phase, millis })

const never = () => Effect.never

describe("expired work", () => {
  it.effect("that is queued never runs: its caller gets Timeout queued, and its slot is free", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      let ran = 0
      yield* tell(worker, () => Effect.sleep("1 second"))
      yield* settled
      const answer = yield* background(Effect.flip(ask(worker, () => Effect.sync(() => ran++), { deadline: 200 })))
      assert.strictEqual((yield* Effect.flip(tell(worker, () => Effect.void)))._tag, "Busy")
      yield* TestClock.adjust(200)
      assert.deepStrictEqual(yield* Fiber.join(answer), timeout("queued", 200))
      assert.deepInclude(yield* Actor.status(worker), { queued: 0 })
      yield* tell(worker, () => Effect.void)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(ran, 0)
      const { dropped, handled } = yield* entryOf("Worker")
      assert.deepStrictEqual({ deadline: dropped.deadline, handled }, { deadline: 1, handled: 2 })
    }).pipe(withActors(workerLayer({ capacity: 1 })))
  )

  it.effect("never runs either when the event loop was too busy for its timer", () => {
    let now = 0
    return Effect.gen(function* () {
      const worker = yield* Worker
      const ran: Array<string> = []
      const note = (what: string) => () => Effect.sync(() => ran.push(what))
      const block = () =>
        Effect.sync(() => {
          now += 500
        })
      yield* tell(worker, block)
      yield* tell(worker, note("tell"), { deadline: 500 })
      yield* tell(worker, note("tell in time"), { deadline: 501 })
      // In the order of their deadlines, which is not the order of the queue.
      const errors: Array<unknown> = []
      for (const deadline of [450, 400]) {
        const asked = Effect.flip(ask(worker, note("ask"), { deadline }))
        yield* Effect.forkChild(
          Effect.tap(asked, (error) => Effect.sync(() => errors.push(error))),
          {
            startImmediately: true
          }
        )
      }
      yield* settled
      assert.deepStrictEqual(ran, ["tell in time"])
      assert.deepStrictEqual(errors, [timeout("queued", 400), timeout("queued", 450)])
      assert.strictEqual((yield* entryOf("Worker")).dropped.deadline, 3)
    }).pipe(
      withActors(workerLayer()),
      Effect.provideService(
        Clock.Clock,
        stalledClock(() => now)
      )
    )
  })

  it.effect("that runs is interrupted, finalizers and all, and the actor goes on in the same incarnation", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      let finalized = 0
      const job = () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => finalized++))
      const answer = yield* background(Effect.flip(ask(worker, job)))
      let next = 0
      yield* tell(worker, () => Effect.map(Actor.self, ({ incarnation }) => (next = incarnation)))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(answer), timeout("running", 1_000))
      assert.strictEqual(finalized, 1)
      assert.strictEqual(next, 1)
      assert.deepInclude(yield* entryOf("Worker"), { failed: 1, handled: 1, crashes: 0 })
    }).pipe(withActors(workerLayer()))
  )

  it.effect("that cannot be interrupted does not delay its caller, and the next message waits for it", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      const stubborn = yield* background(Effect.flip(counter.ask.Stubborn({ millis: 3_000 })))
      yield* counter.tell.Add({ n: 10 })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(
        yield* Fiber.join(stubborn),
        new Timeout({ actor: "Counter", request: "Stubborn", phase: "running", millis: 1_000 })
      )
      assert.deepInclude(yield* entryOf("Counter"), { inHand: 1, queued: 1, failed: 0 })
      yield* TestClock.adjust("2 seconds")
      assert.deepInclude(yield* entryOf("Counter"), { inHand: 0, queued: 0, failed: 1, handled: 1, crashes: 0 })
      assert.strictEqual(yield* counter.ask.Next(), 12)
    }).pipe(withActors(counterLayer()))
  )

  it.effect("whose finalizers take time does not delay its caller either", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const job = () => Effect.onInterrupt(Effect.never, () => Effect.sleep("1 minute"))
      const answer = yield* background(Effect.flip(ask(worker, job)))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(answer), timeout("running", 1_000))
      const next = yield* background(Effect.flip(ask(worker, () => Effect.void)))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(next), timeout("queued", 1_000))
      yield* TestClock.adjust("1 minute")
      yield* ask(worker, () => Effect.void)
    }).pipe(withActors(workerLayer()))
  )

  it.effect("that dies of its interruption crashes the actor", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* background(
        Effect.exit(ask(worker, () => Effect.onInterrupt(Effect.never, () => Effect.die("on purpose"))))
      )
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* entryOf("Worker"), { failed: 1, crashes: 1 })
      yield* Actor.stop(worker)
      assert.deepStrictEqual(
        yield* Effect.flip(ask(worker, never)),
        new Stopped({ actor: "Worker", reason: "Stopped", phase: "refused" })
      )
    }).pipe(withActors(workerLayer({ backoff: { base: "1 minute", cap: "1 minute" } })))
  )
})
