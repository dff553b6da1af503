/** What an actor does when no message comes for a while. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import type * as Ryker from "../src/Ryker.ts"
import { ask, background, spawnWorker, tell, Worker, type WorkerHandle, workerLayer } from "./Actor.fixtures.ts"
import { building, crash, defaults, each, run } from "./Actor.kinds.ts"
import { withActors } from "./fixtures.ts"

// --- What the tests use -------------------------------------------------------------------------------------------------

/** What happened when. */
const makeTrace = () => {
  const trace: Array<string> = []
  const note = (what: string) => Effect.map(Clock.currentTimeMillis, (now) => void trace.push(`${what} ${now}`))
  return { trace, note }
}

/** Runs as a handler of the worker. */
const within = <E, R extends Actor.Self | Ryker.Ryker | Scope.Scope>(
  worker: WorkerHandle,
  effect: Effect.Effect<unknown, E, R>
) => ask(worker, () => Effect.orDie(effect))

describe("receiveTimeout", () => {
  each("runs whenever no message was handled for so long, counted from the end of the last", (make) =>
    Effect.gen(function* () {
      const { note, trace } = makeTrace()
      const worker = yield* make({}, building(Actor.receiveTimeout(50, note("timeout"))))
      yield* TestClock.adjust(40)
      yield* ask(worker, () => Effect.void)
      yield* TestClock.adjust(49)
      assert.deepStrictEqual(trace, [])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(trace, ["timeout 90"])
      yield* background(ask(worker, () => Effect.sleep(70)))
      yield* TestClock.adjust(200)
      assert.deepStrictEqual(trace, ["timeout 90", "timeout 210", "timeout 260"])
    })
  )

  each("ends with the incarnation, and does not run in the backoff", (make) =>
    Effect.gen(function* () {
      const { note, trace } = makeTrace()
      const worker = yield* make()
      yield* within(worker, Actor.receiveTimeout(50, note("timeout")))
      yield* Effect.exit(ask(worker, crash))
      yield* TestClock.adjust(1_000)
      assert.deepStrictEqual(trace, [])
    })
  )

  it.effect("is not reset by the runs of timers, however they are long", () =>
    Effect.gen(function* () {
      const { note, trace } = makeTrace()
      const worker = yield* spawnWorker("ticking")
      yield* within(
        worker,
        Effect.gen(function* () {
          yield* Actor.receiveTimeout(50, note("timeout"))
          yield* (yield* Actor.timers).fixedRate("tick", 20, Effect.sleep(12))
        })
      )
      yield* TestClock.adjust(120)
      // At 50 the run that began at 40 is in hand, at 102 the one that began at 100.
      assert.deepStrictEqual(trace, ["timeout 52", "timeout 112"])
    }).pipe(run)
  )

  it.effect("runs while messages wait in the stash, as a stashed message cannot wait for ever", () =>
    Effect.gen(function* () {
      const { note, trace } = makeTrace()
      let isReady = false
      const worker = yield* Actor.spawn(
        Worker,
        building(
          Actor.receiveTimeout(
            50,
            Effect.andThen(
              Effect.suspend(() => {
                isReady = true
                return note("timeout")
              }),
              Actor.unstashAll
            )
          )
        )
      )
      yield* tell(worker, () => (isReady ? note("handled") : Actor.stash))
      yield* TestClock.adjust(50)
      assert.deepStrictEqual(trace, ["timeout 50", "handled 50"])
    }).pipe(run)
  )

  it.effect("set again replaces the old one, and cancelled it is no more, also when it waits already", () =>
    Effect.gen(function* () {
      const { note, trace } = makeTrace()
      const worker = yield* spawnWorker("replacing")
      yield* within(worker, Actor.receiveTimeout(50, note("old")))
      yield* within(worker, Actor.receiveTimeout(20, note("new")))
      yield* TestClock.adjust(55)
      assert.deepStrictEqual(trace, ["new 20", "new 40"])
      // Suspended, the next run waits; a fiber of the actor's own cancels it there.
      yield* within(worker, Effect.forkDetach(Effect.andThen(Effect.sleep(30), Actor.cancelReceiveTimeout)))
      yield* Actor.suspend(worker)
      yield* TestClock.adjust(30)
      yield* Actor.resume(worker)
      yield* TestClock.adjust(200)
      assert.deepStrictEqual(trace, ["new 20", "new 40"])
    }).pipe(run)
  )

  it.effect("set from within a timer's run, or by a fiber while nothing is in hand, counts from then", () =>
    Effect.gen(function* () {
      const { note, trace } = makeTrace()
      const worker = yield* spawnWorker("inside")
      yield* within(
        worker,
        Effect.flatMap(Actor.timers, (timers) =>
          timers.single("tick", 10, Effect.orDie(Actor.receiveTimeout(50, note("by tick"))))
        )
      )
      yield* TestClock.adjust(60)
      assert.deepStrictEqual(trace, ["by tick 60"])
      yield* within(
        worker,
        Effect.forkDetach(Effect.andThen(Effect.sleep(10), Actor.receiveTimeout(30, note("by fiber"))))
      )
      yield* TestClock.adjust(40)
      assert.deepStrictEqual(trace.slice(1), ["by fiber 100"])
    }).pipe(run)
  )

  it.effect("counts from its own run's end, and crashes the actor by a defect in it", () =>
    Effect.gen(function* () {
      const { note, trace } = makeTrace()
      const worker = yield* spawnWorker("own end", defaults)
      yield* within(worker, Actor.receiveTimeout(50, Effect.andThen(note("timeout"), Effect.sleep(30))))
      yield* TestClock.adjust(200)
      assert.deepStrictEqual(trace, ["timeout 50", "timeout 130"])
      yield* within(worker, Actor.receiveTimeout(50, Effect.die("on purpose")))
      yield* TestClock.adjust(50)
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Restarting", incarnation: 1 })
    }).pipe(run)
  )

  it.effect("does not run while messages are handled without a pause", () =>
    Effect.gen(function* () {
      const { note, trace } = makeTrace()
      const worker = yield* spawnWorker("unpausing")
      yield* within(worker, Actor.receiveTimeout(25, note("timeout")))
      for (let n = 0; n < 10; n++) yield* tell(worker, () => Effect.sleep(10))
      yield* TestClock.adjust(124)
      assert.deepStrictEqual(trace, [])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(trace, ["timeout 125"])
    }).pipe(run)
  )

  it.effect("refuses a time below 1 ms", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const refused = yield* ask(worker, () => Effect.flip(Actor.receiveTimeout(0, Effect.void)).pipe(Effect.orDie))
      assert.deepInclude(refused, { _tag: "InvalidOption", option: "receiveTimeout" })
    }).pipe(withActors(workerLayer()))
  )
})
