/** The timers of an actor: when they run, and when they do not any more. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import * as Ryker from "../src/Ryker.ts"
import {
  ask,
  background,
  entryOf,
  settled,
  spawnWorker,
  stalledClock,
  tell,
  Worker,
  type WorkerHandle
} from "./Actor.fixtures.ts"
import { building, crash, defaults, each, residentOf, run } from "./Actor.kinds.ts"

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

const modes = ["single", "fixedDelay", "fixedRate"] as const

// --- Timers -------------------------------------------------------------------------------------------------------------

describe("a timer", () => {
  each("of each mode keeps its time", (make) =>
    Effect.gen(function* () {
      const { note, trace } = makeTrace()
      const slow = (what: string) => Effect.delay(note(what), 3)
      yield* make(
        {},
        building(
          Effect.gen(function* () {
            const timers = yield* Actor.timers
            yield* timers.single("once", 5, note("once"))
            yield* timers.fixedDelay("delay", 10, slow("delay"))
            yield* timers.fixedRate("rate", 20, slow("rate"))
          })
        )
      )
      yield* TestClock.adjust(63)
      // Each run takes 3 ms and counts at its end. Delays count from one run's end to the next one's start; rates keep
      // their beat, whatever else runs.
      assert.deepStrictEqual(trace, [
        "once 5",
        "delay 13",
        "rate 23",
        "delay 26",
        "delay 39",
        "rate 43",
        "delay 52",
        "rate 63"
      ])
    })
  )

  for (const mode of modes) {
    each(`(${mode}) ends with a crash, and nothing of it is run by the next incarnation`, (make) =>
      Effect.gen(function* () {
        const { note, trace } = makeTrace()
        const worker = yield* make()
        yield* within(
          worker,
          Effect.flatMap(Actor.timers, (timers) => timers[mode]("tick", 10, note("tick")))
        )
        // One tick waits already when the handler crashes, others would come in the backoff and after it.
        yield* background(Effect.exit(ask(worker, () => Effect.andThen(Effect.sleep(15), crash()))))
        yield* TestClock.adjust(1_000)
        assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 2 })
        assert.deepStrictEqual(trace, [])
      })
    )

    each(`(${mode}) set again in build runs for the next incarnation`, (make) =>
      Effect.gen(function* () {
        const { note, trace } = makeTrace()
        const worker = yield* make(
          {},
          building(
            Effect.gen(function* () {
              const { incarnation } = yield* Actor.self
              yield* (yield* Actor.timers)[mode]("tick", 30, note(`tick of ${incarnation}`))
            })
          )
        )
        yield* Effect.exit(ask(worker, crash))
        yield* TestClock.adjust(100)
        yield* settled
        yield* TestClock.adjust(35)
        assert.deepStrictEqual(trace, ["tick of 2 130"])
      })
    )

    each(`(${mode}) that falls due while build still runs is run once the actor is ready`, (make) =>
      Effect.gen(function* () {
        const { note, trace } = makeTrace()
        const making = yield* background(
          make(
            {},
            building(
              Effect.gen(function* () {
                yield* (yield* Actor.timers)[mode]("tick", 10, note("tick"))
                yield* Effect.sleep(25)
              })
            )
          )
        )
        yield* TestClock.adjust(25)
        yield* Fiber.join(making)
        yield* settled
        assert.deepStrictEqual(trace, ["tick 25"])
        yield* TestClock.adjust(11)
        assert.deepStrictEqual(trace.slice(1), { single: [], fixedDelay: ["tick 35"], fixedRate: ["tick 30"] }[mode])
      })
    )

    it.effect(`(${mode}) comes before queued messages, and needs no room in the mailbox`, () =>
      Effect.gen(function* () {
        const { note, trace } = makeTrace()
        const worker = yield* spawnWorker("full", { capacity: 2 })
        yield* within(
          worker,
          Effect.flatMap(Actor.timers, (timers) => timers[mode]("tick", 10, note("tick")))
        )
        yield* tell(worker, () => Effect.delay(note("slow"), 15))
        yield* settled
        yield* tell(worker, () => note("a"))
        yield* tell(worker, () => note("b"))
        assert.strictEqual((yield* Effect.flip(tell(worker, () => note("c"))))._tag, "Busy")
        yield* TestClock.adjust(15)
        assert.deepStrictEqual(trace, ["slow 15", "tick 15", "a 15", "b 15"])
      }).pipe(run)
    )

    it.effect(`(${mode}) that has fired and waits is not run when the handler in hand cancels it`, () =>
      Effect.gen(function* () {
        const { note, trace } = makeTrace()
        const worker = yield* spawnWorker("cancels")
        for (const cancelling of ["cancel", "cancelAll"] as const) {
          yield* background(
            within(
              worker,
              Effect.gen(function* () {
                const timers = yield* Actor.timers
                yield* timers[mode]("tick", 10, note("tick"))
                yield* Effect.sleep(25)
                assert.isTrue(yield* timers.isActive("tick"))
                yield* cancelling === "cancel" ? timers.cancel("tick") : timers.cancelAll
                assert.isFalse(yield* timers.isActive("tick"))
              })
            )
          )
          yield* TestClock.adjust(100)
        }
        assert.deepStrictEqual(trace, [])
      }).pipe(run)
    )

    it.effect(`(${mode}) started again when it has fired and waits never runs as it was`, () =>
      Effect.gen(function* () {
        const { note, trace } = makeTrace()
        const worker = yield* spawnWorker("restarts")
        yield* background(
          within(
            worker,
            Effect.gen(function* () {
              const timers = yield* Actor.timers
              yield* timers[mode]("tick", 10, note("old"))
              yield* Effect.sleep(10)
              yield* timers.single("tick", 10, note("new"))
              yield* Effect.sleep(15)
            })
          )
        )
        yield* TestClock.adjust(100)
        assert.deepStrictEqual(trace, ["new 25"])
      }).pipe(run)
    )

    it.effect(`(${mode}) waits while the actor is suspended, and comes once when it is resumed`, () =>
      Effect.gen(function* () {
        const { note, trace } = makeTrace()
        const worker = yield* spawnWorker("suspended")
        yield* within(
          worker,
          Effect.flatMap(Actor.timers, (timers) => timers[mode]("tick", 10, note("tick")))
        )
        yield* Actor.suspend(worker)
        yield* TestClock.adjust(35)
        assert.deepStrictEqual(trace, [])
        yield* Actor.resume(worker)
        yield* settled
        assert.deepStrictEqual(trace, ["tick 35"])
      }).pipe(run)
    )

    it.effect(`(${mode}) of a stopped actor does not run any more, also while it closes`, () =>
      Effect.gen(function* () {
        const { note, trace } = makeTrace()
        const worker = yield* Actor.spawn(
          Worker,
          building(
            Effect.gen(function* () {
              yield* (yield* Actor.timers)[mode]("tick", 10, note("tick"))
              yield* Effect.addFinalizer(() => Effect.sleep(100))
            })
          )
        )
        yield* background(Actor.stop(worker))
        yield* TestClock.adjust(1_000)
        assert.deepStrictEqual(trace, [])
      }).pipe(run)
    )

    it.effect(`(${mode}) started by a fiber that outlives its incarnation is nobody's`, () =>
      Effect.gen(function* () {
        const { note, trace } = makeTrace()
        const worker = yield* spawnWorker("outlived", defaults)
        const go = yield* Deferred.make<void>()
        const result = yield* Deferred.make<boolean>()
        yield* within(
          worker,
          Effect.forkDetach(
            Effect.gen(function* () {
              const timers = yield* Actor.timers
              yield* Deferred.await(go)
              yield* timers[mode]("known", 10, note("known"))
              yield* (yield* Actor.timers)[mode]("looked up", 10, note("looked up"))
              yield* Deferred.succeed(result, yield* timers.isActive("known"))
            })
          )
        )
        yield* Effect.exit(ask(worker, crash))
        yield* TestClock.adjust(100)
        yield* Deferred.succeed(go, undefined)
        assert.isFalse(yield* Deferred.await(result))
        yield* TestClock.adjust(100)
        assert.deepStrictEqual(trace, [])
        assert.deepInclude(yield* Actor.status(worker), { incarnation: 2 })
      }).pipe(run)
    )

    it.effect(`(${mode}) refuses a time below 1 ms, and the earlier timer of its key goes on`, () =>
      Effect.gen(function* () {
        const { note, trace } = makeTrace()
        const worker = yield* spawnWorker("refusing")
        const refused = yield* within(
          worker,
          Effect.gen(function* () {
            const timers = yield* Actor.timers
            yield* timers.single("tick", 10, note("tick"))
            return yield* Effect.forEach([0, -1, 0.5, Number.NaN], (time) =>
              Effect.flip(timers[mode]("tick", time, note("wrong")))
            )
          })
        )
        assert.deepStrictEqual(
          (refused as ReadonlyArray<{ readonly _tag: string; readonly owner: string }>).map(({ _tag, owner }) => [
            _tag,
            owner
          ]),
          Array.from({ length: 4 }, () => ["InvalidOption", "refusing"])
        )
        yield* TestClock.adjust(10)
        assert.deepStrictEqual(trace, ["tick 10"])
      }).pipe(run)
    )
  }

  it.effect("that had the last turn before a pause comes before what is queued all the same", () =>
    Effect.gen(function* () {
      const { note, trace } = makeTrace()
      const worker = yield* spawnWorker("pausing")
      yield* within(
        worker,
        Effect.flatMap(Actor.timers, (timers) => timers.fixedRate("tick", 10, note("tick")))
      )
      yield* TestClock.adjust(15)
      yield* Actor.suspend(worker)
      yield* tell(worker, () => note("a"))
      yield* TestClock.adjust(10)
      yield* Actor.resume(worker)
      yield* settled
      assert.deepStrictEqual(trace, ["tick 10", "tick 25", "a 25"])
    }).pipe(run)
  )

  it.effect("set to never comes: nothing fires, and it counts as active until it is cancelled", () =>
    Effect.gen(function* () {
      const { note, trace } = makeTrace()
      const worker = yield* spawnWorker("never")
      const active = yield* within(
        worker,
        Effect.gen(function* () {
          const timers = yield* Actor.timers
          yield* timers.fixedRate("never", "Infinity", note("never"))
          yield* timers.single("soon", 1, note("soon"))
          return yield* timers.isActive("never")
        })
      )
      assert.isTrue(active)
      yield* TestClock.adjust("1 day")
      assert.deepStrictEqual(trace, ["soon 1"])
    }).pipe(run)
  )

  it.effect("with one key replaces one of another mode; other keys are left alone", () =>
    Effect.gen(function* () {
      const { note, trace } = makeTrace()
      const worker = yield* spawnWorker("modes")
      yield* within(
        worker,
        Effect.gen(function* () {
          const timers = yield* Actor.timers
          yield* timers.fixedRate("a", 10, note("rate"))
          yield* timers.single("b", 12, note("other"))
          yield* timers.single("a", 15, note("single"))
        })
      )
      yield* TestClock.adjust(50)
      assert.deepStrictEqual(trace, ["other 12", "single 15"])
    }).pipe(run)
  )

  it.effect("that is single is active until its run begins, and can start itself again from within", () =>
    Effect.gen(function* () {
      const worker = yield* spawnWorker("again")
      const seen: Array<boolean> = []
      yield* within(
        worker,
        Effect.gen(function* () {
          const timers = yield* Actor.timers
          const tick: Effect.Effect<void> = Effect.gen(function* () {
            seen.push(yield* timers.isActive("tick"))
            yield* Effect.orDie(timers.single("tick", 10, tick))
            seen.push(yield* timers.isActive("tick"))
          })
          yield* timers.single("tick", 10, tick)
        })
      )
      yield* TestClock.adjust(20)
      assert.deepStrictEqual(seen, [false, true, false, true])
    }).pipe(run)
  )

  for (const mode of ["fixedDelay", "fixedRate"] as const) {
    it.effect(`(${mode}) cancelled from within its own run does not come again`, () =>
      Effect.gen(function* () {
        const { note, trace } = makeTrace()
        const worker = yield* spawnWorker("own")
        yield* within(
          worker,
          Effect.gen(function* () {
            const timers = yield* Actor.timers
            yield* timers[mode](
              "tick",
              10,
              Effect.andThen(note("tick"), Effect.andThen(timers.cancel("tick"), Effect.sleep(25)))
            )
          })
        )
        yield* TestClock.adjust(200)
        assert.deepStrictEqual(trace, ["tick 10"])
      }).pipe(run)
    )
  }

  it.effect("at a fixed rate skips what a busy actor misses, and keeps its beat", () =>
    Effect.gen(function* () {
      const { note, trace } = makeTrace()
      const worker = yield* spawnWorker("busy")
      yield* within(
        worker,
        Effect.flatMap(Actor.timers, (timers) => timers.fixedRate("tick", 10, note("tick")))
      )
      yield* tell(worker, () => Effect.sleep(47))
      yield* TestClock.adjust(65)
      // Those of 10 to 40 are one; the next comes at 50, not at 57.
      assert.deepStrictEqual(trace, ["tick 47", "tick 50", "tick 60"])
    }).pipe(run)
  )

  it.effect("at a fixed rate whose own run is longer than the period has at most one run waiting", () =>
    Effect.gen(function* () {
      const { note, trace } = makeTrace()
      const worker = yield* spawnWorker("slow")
      yield* within(
        worker,
        Effect.flatMap(Actor.timers, (timers) =>
          timers.fixedRate("tick", 10, Effect.andThen(note("from"), Effect.sleep(35)))
        )
      )
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(trace, ["from 10", "from 45", "from 80"])
    }).pipe(run)
  )

  it.effect("at a fixed rate comes once after a stalled clock, not once for each period missed", () => {
    let now = 0
    return Effect.gen(function* () {
      const worker = yield* spawnWorker("stalled")
      const ticks: Array<number> = []
      yield* within(
        worker,
        Effect.flatMap(Actor.timers, (timers) =>
          timers.fixedRate(
            "tick",
            10,
            Effect.sync(() => void ticks.push(now))
          )
        )
      )
      // Timers are late until somebody looks at the clock: an expired message does.
      const pass = (until: number) =>
        Effect.gen(function* () {
          yield* tell(worker, () => Effect.void, { deadline: 1 })
          now = until
          yield* settled
        })
      yield* pass(1_005)
      assert.deepStrictEqual(ticks, [1_005])
      yield* pass(1_009)
      assert.deepStrictEqual(ticks, [1_005])
      yield* pass(1_011)
      assert.deepStrictEqual(ticks, [1_005, 1_011])
    }).pipe(
      run,
      Effect.provideService(
        Clock.Clock,
        stalledClock(() => now)
      )
    )
  })

  it.effect("is no message: the ledger knows nothing of its runs, not even of one in hand", () =>
    Effect.gen(function* () {
      const worker = yield* spawnWorker("uncounted")
      yield* within(
        worker,
        Effect.flatMap(Actor.timers, (timers) => timers.single("tick", 10, Effect.sleep(50)))
      )
      yield* TestClock.adjust(10)
      assert.deepInclude(yield* Actor.status(worker), { busy: true, queued: 0 })
      assert.deepInclude(yield* entryOf("Worker"), { accepted: 1, handled: 1, failed: 0, queued: 0, inHand: 0 })
      yield* TestClock.adjust(50)
      assert.deepInclude(yield* entryOf("Worker"), { accepted: 1, handled: 1, failed: 0, queued: 0, inHand: 0 })
    }).pipe(run)
  )
})

describe("a timer whose runs leave no pause", () => {
  /** Each run takes longer than the period, so that one always waits. */
  const saturated = Effect.gen(function* () {
    const worker = yield* spawnWorker("saturated", { shutdown: 5_000 })
    yield* within(
      worker,
      Effect.flatMap(Actor.timers, (timers) => timers.fixedRate("tick", 10, Effect.sleep(25)))
    )
    yield* TestClock.adjust(100)
    assert.deepInclude(yield* Actor.status(worker), { busy: true, queued: 0 })
    return worker
  })

  it.effect("does not put off a stop: it is over with the run in hand", () =>
    Effect.gen(function* () {
      const worker = yield* saturated
      const stopping = yield* background(Effect.andThen(Actor.stop(worker), Clock.currentTimeMillis))
      yield* TestClock.adjust(6_000)
      // Runs begin at 10, 35, 60, 85.
      assert.strictEqual(yield* Fiber.join(stopping), 110)
    }).pipe(run)
  )

  it.effect("does not lock messages out: one has its turn between two runs", () =>
    Effect.gen(function* () {
      const { note, trace } = makeTrace()
      const worker = yield* saturated
      for (const label of ["a", "b", "c"]) yield* tell(worker, () => note(label))
      yield* TestClock.adjust(100)
      // Runs begin at 10, 35, 60, 85, 110, 135, 160.
      assert.deepStrictEqual(trace, ["a 110", "b 135", "c 160"])
    }).pipe(run)
  )

  it.effect("does not put off a drain", () =>
    Effect.gen(function* () {
      yield* saturated
      const draining = yield* background(Ryker.drain(5_000))
      yield* TestClock.adjust(5_000)
      const { millis, outcome } = yield* Fiber.join(draining)
      assert.strictEqual(outcome, "complete")
      assert.isAtMost(millis, 100)
    }).pipe(run)
  )
})

describe("the timers of a keyed actor", () => {
  for (const [period, outcome] of [
    [20, "keep it resident if they run more often than idleAfter"],
    [60, "do not keep it resident if they run less often, and end with it"]
  ] as const) {
    it.effect(outcome, () =>
      Effect.gen(function* () {
        const { note, trace } = makeTrace()
        const { one, pack } = yield* residentOf(
          { idleAfter: 50 },
          building(Effect.flatMap(Actor.timers, (timers) => timers.fixedRate("tick", period, note("tick"))))
        )
        yield* ask(one, () => Effect.void)
        for (let time = 0; time < 500; time += 10) yield* TestClock.adjust(10)
        assert.deepStrictEqual(yield* pack.residents, period < 50 ? ["a"] : [])
        assert.strictEqual(trace.length, period < 50 ? 25 : 0)
      }).pipe(run)
    )
  }

  it.effect("do not let it be passivated in the middle of a run", () =>
    Effect.gen(function* () {
      const { note, trace } = makeTrace()
      const slow = Effect.andThen(Effect.sleep(200), note("ticked"))
      const { one, pack } = yield* residentOf(
        { idleAfter: 50 },
        building(Effect.flatMap(Actor.timers, (timers) => timers.single("tick", 10, slow)))
      )
      yield* ask(one, () => Effect.void)
      yield* TestClock.adjust(220)
      assert.deepStrictEqual(trace, ["ticked 210"])
      assert.deepStrictEqual(yield* pack.residents, ["a"])
      yield* TestClock.adjust(50)
      assert.deepStrictEqual(yield* pack.residents, [])
    }).pipe(run)
  )
})
