import { assert, describe, it, layer } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Tracer from "effect/Tracer"
import * as Actor from "../../src/Actor.ts"
import * as Router from "../../src/Router.ts"
import * as Ryker from "../../src/Ryker.ts"
import * as Supervisor from "../../src/Supervisor.ts"
import * as TestRyker from "../../src/testing/TestRyker.ts"
import { stalledClock } from "../Actor.fixtures.ts"
import { Counter, counterHandlers, counterLayer } from "../fixtures.ts"
import { assertPassed, failureOf, loseMessages, outcomeOf } from "./fixtures.ts"

/** Runs a test as `Effect.runPromise` would, without `it.effect` around it. */
const runAlone = <A, E>(test: Effect.Effect<A, E>) => Effect.promise(() => Effect.runPromise(test))

const counting = (options: TestRyker.Options = {}, counter = counterLayer()) => {
  const provided = Layer.provideMerge(counter, TestRyker.layer(options))
  return <A, E, R>(test: Effect.Effect<A, E, R>) => Effect.provide(test, provided)
}

describe("the clock", () => {
  it.effect("is the TestClock that is current", () =>
    Effect.gen(function* () {
      const outside = yield* Clock.Clock
      assert.strictEqual(yield* Effect.provide(Clock.Clock, TestRyker.layer()), outside)
    })
  )

  it.live("is a TestClock of its own where time is live, for the test and for its actors", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      const slow = yield* Effect.forkChild(counter.ask.Slow({ millis: 999 }))
      yield* TestClock.adjust("999 millis")
      assert.strictEqual(yield* Fiber.join(slow), 1)
      assert.strictEqual(yield* Clock.currentTimeMillis, 999)
    }).pipe(counting())
  )

  it.effect("is any other that somebody has provided", () => {
    const clock = stalledClock(() => 0)
    return Effect.gen(function* () {
      assert.strictEqual(yield* Effect.provide(Clock.Clock, TestRyker.layer()), clock)
    }).pipe(Effect.provideService(Clock.Clock, clock))
  })
})

describe("random numbers", () => {
  /** The delays of an actor's first restarts, with jitter. */
  const delays = Effect.gen(function* () {
    const counter = yield* Counter
    for (let crash = 0; crash < 3; crash++) {
      yield* Effect.flip(counter.ask.Crash())
      yield* TestClock.adjust("10 seconds")
    }
    const events = yield* TestRyker.events
    return events.flatMap((event) => (event._tag === "ActorRestarting" ? [event.delay] : []))
  })

  it.effect("are the same for the same seed, others for another, and the same without one", () =>
    Effect.gen(function* () {
      const first = yield* counting({ seed: 1 })(delays)
      assert.strictEqual(new Set(first).size, 3)
      assert.deepStrictEqual(yield* counting({ seed: 1 })(delays), first)
      assert.notDeepEqual(yield* counting({ seed: 2 })(delays), first)
      assert.deepStrictEqual(yield* counting()(delays), yield* counting()(delays))
    })
  )

  it.effect("are those that the test has seeded itself, unless a seed is given", () =>
    Effect.gen(function* () {
      const drawn = (options?: TestRyker.Options) => Effect.provide(Random.nextInt, TestRyker.layer(options))
      const own = (seed: string) => Random.withSeed(drawn(), seed)
      assert.strictEqual(yield* own("a"), yield* own("a"))
      assert.notStrictEqual(yield* own("a"), yield* own("b"))
      assert.strictEqual(yield* Random.withSeed(drawn({ seed: 1 }), "a"), yield* drawn({ seed: 1 }))
    })
  )
})

describe("what happens is recorded:", () => {
  it.effect("every event from the first on, more than a subscriber could be behind, at once", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      for (let n = 0; n < 200; n++) {
        yield* Actor.suspend(counter)
        yield* Actor.resume(counter)
      }
      const events = yield* TestRyker.events
      assert.deepStrictEqual(
        events.slice(0, 3).map(({ _tag }) => _tag),
        ["ConfigApplied", "ActorStarted", "ActorSuspended"]
      )
      assert.strictEqual(events.length, 402)
      assert.deepStrictEqual(yield* Ryker.missed, { events: 0, deadLetters: 0 })
    }).pipe(counting())
  )

  it.effect("log lines, ryker's and the program's, with their annotations; the default logger is silent", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      yield* Effect.logWarning("mine", 7)
      yield* Effect.flip(counter.ask.Crash())
      yield* TestRyker.settle
      const [mine, crashed] = yield* TestRyker.logs
      assert.deepInclude(mine, { level: "Warn", message: ["mine", 7] })
      assert.deepInclude(crashed?.annotations, { lib: "ryker", event: "actor_crashed", defect: "Error" })
      assert.isFalse((yield* Logger.CurrentLoggers).has(Logger.defaultLogger))
    }).pipe(counting())
  )

  it.effect("log lines, which a logger that the test provides gets, too", () => {
    const own: Array<unknown> = []
    const logger = Logger.make(({ message }) => void own.push(message))
    return Effect.gen(function* () {
      yield* Effect.log("hello")
      assert.deepStrictEqual(own, [["hello"]])
      assert.strictEqual((yield* TestRyker.logs)[0]?.message, "hello")
    }).pipe(counting(), Effect.provide(Logger.layer([logger])))
  })

  it.effect("spans, those of handlers among them, which the tracer that was there gets, too", () => {
    const own: Array<string> = []
    const tracer = Tracer.make({
      span: (options) => {
        own.push(options.name)
        return new Tracer.NativeSpan(options)
      }
    })
    const handlers = { ...counterHandlers(), Next: () => Effect.withSpan(Effect.succeed(1), "in the handler") }
    return Effect.gen(function* () {
      const counter = yield* Counter
      yield* Effect.withSpan(counter.ask.Next(), "in the test")
      const names = (yield* TestRyker.spans).map(({ name }) => name)
      assert.includeMembers(names, ["in the test", "in the handler"])
      assert.deepStrictEqual(own, names)
    }).pipe(counting({}, Counter.toLayer(handlers)), Effect.provideService(Tracer.Tracer, tracer))
  })

  it.effect("metrics, of this test and no other", () => {
    const counted = Metric.counter("counted_in_a_handler")
    const handlers = { ...counterHandlers(), Next: () => Effect.as(Metric.update(counted, 1), 1) }
    const test = Effect.gen(function* () {
      const counter = yield* Counter
      yield* counter.ask.Next()
      yield* counter.ask.Next()
      const mine = (yield* TestRyker.metrics).filter(({ id }) => id === "counted_in_a_handler")
      assert.deepStrictEqual(
        mine.map(({ state }) => state),
        [{ count: 2, incremental: false }]
      )
    }).pipe(counting({}, Counter.toLayer(handlers)))
    return Effect.andThen(test, test)
  })

  it.effect("dead letters and the ledger of a definition", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* TestRyker.ledger({ actor: "Nobody" }), { actor: "Nobody", accepted: 0 })
      const counter = yield* Counter
      yield* counter.ask.Next()
      yield* Actor.suspend(counter)
      yield* counter.tell.Add({ n: 1 })
      yield* Actor.stop(counter, { deadline: 0 })
      assert.deepStrictEqual(yield* TestRyker.deadLetters, [
        { actor: "Counter", request: "Add", reason: "shutdown", kind: "tell", age: 0 }
      ])
      assert.deepInclude(yield* TestRyker.ledger(Counter), { accepted: 2, handled: 1 })
    }).pipe(counting())
  )
})

describe("options", () => {
  it.effect("of the runtime are applied", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      yield* Actor.suspend(counter)
      yield* counter.tell.Add({ n: 1 })
      assert.strictEqual((yield* Effect.flip(counter.tell.Add({ n: 1 })))._tag, "Busy")
    }).pipe(counting({ defaults: { capacity: 1 } }))
  )

  it.effect("that are out of range fail as those of the runtime", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.void.pipe(counting({ defaults: { capacity: 0 } })))
      assert.deepInclude(error, { _tag: "InvalidOption", option: "capacity" })
    })
  )

  it.effect("of an operator are read from what is given, and not from the process", () =>
    Effect.gen(function* () {
      const { config, origins } = yield* Ryker.config
      assert.strictEqual(config.defaults.deadline, 250)
      assert.deepStrictEqual(origins["defaults.deadline"], { source: "environment", name: "RYKER_DEFAULT_DEADLINE" })
    }).pipe(counting({ environment: { RYKER_DEFAULT_DEADLINE: "250ms" } }))
  )

  it.effect("of an operator that are wrong fail with all that is", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.void.pipe(counting({ environment: { RYKER_DEFAULT_DEADLIN: "1s" } })))
      assert.strictEqual(error._tag, "InvalidConfig")
    })
  )
})

describe("a test that loses a message", () => {
  it.effect("fails, with the ledger as a table and the actor that is wrong by name", () =>
    Effect.gen(function* () {
      const { exit, printed } = yield* outcomeOf(
        Effect.gen(function* () {
          const counter = yield* Counter
          yield* counter.ask.Next()
          yield* loseMessages("Counter", 2)
          return 1
        })
      )
      const { kind, message } = failureOf(exit)
      assert.strictEqual(kind, "ledger")
      assert.deepStrictEqual(message.split("\n").slice(0, 7), [
        "the ledger does not balance",
        '  "Counter": 2 of 3 accepted messages are lost',
        "  This is a fault of ryker, not of the test: please report it.",
        'the seed was "ryker": TestRyker.layer({ seed: "ryker" }) has the same random numbers',
        "the ledger",
        "  actor    accepted  handled  failed  dropped  queued  in hand  unaccounted",
        "  Counter         3        1       0        0       0        0            2"
      ])
      assert.deepStrictEqual(printed, [])
    })
  )

  it.effect("fails, too, for one that was counted twice", () =>
    Effect.gen(function* () {
      const { exit } = yield* outcomeOf(loseMessages("Counter", -1))
      assert.include(failureOf(exit).message, '"Counter": 1 of -1 accepted message is counted twice')
    })
  )

  it.effect("fails although it has failed already, and keeps its own failure", () =>
    Effect.gen(function* () {
      const { exit } = yield* outcomeOf(Effect.andThen(loseMessages("Counter", 1), Effect.fail("own failure")))
      assert.strictEqual(failureOf(exit).kind, "ledger")
      assert.include(String(exit), "own failure")
    })
  )

  it.effect("passes with checkLedger: false", () =>
    Effect.gen(function* () {
      const { exit } = yield* outcomeOf(loseMessages("Counter", 1), { checkLedger: false })
      assertPassed(exit)
    })
  )

  it.effect("fails however the Layer was provided", () =>
    Effect.gen(function* () {
      const test = loseMessages("Counter", 1)
      const layer = TestRyker.layer()
      const CounterLayer = counterLayer()
      const ways = {
        "Effect.provide": test.pipe(Effect.provide(CounterLayer), Effect.provide(layer)),
        "several at once": test.pipe(Effect.provide([Layer.provideMerge(CounterLayer, layer), Logger.layer([])])),
        "Layer.provide": Effect.scoped(
          Layer.build(Layer.provide(Layer.effectDiscard(test), Layer.provideMerge(CounterLayer, layer)))
        ),
        "in another": test.pipe(Effect.provide(CounterLayer), Effect.provide(layer), Effect.scoped, Effect.asVoid)
      }
      for (const [way, effect] of Object.entries(ways)) {
        const exit = yield* Effect.exit(effect)
        assert.strictEqual(failureOf(exit).kind, "ledger", way)
      }
    })
  )

  // What `it.effect` runs must fail: vitest itself says so, by `fails`.
  it.effect.fails("fails under it.effect", () =>
    loseMessages("Counter", 1).pipe(Effect.provide(TestRyker.layer({ print: () => {} })))
  )

  it("rejects the promise of a test without a runner", async () => {
    const test = loseMessages("Counter", 1).pipe(Effect.provide(TestRyker.layer()))
    const exit = await Effect.runPromiseExit(test)
    assert.strictEqual(failureOf(exit).kind, "ledger")
  })
})

describe("a test that fails", () => {
  it.effect("keeps its failure as it is, and prints the seed, the ledger and the last events", () =>
    Effect.gen(function* () {
      const { exit, printed } = yield* outcomeOf(
        Effect.gen(function* () {
          const counter = yield* Counter
          yield* counter.ask.Next()
          return yield* Effect.fail("own failure")
        }),
        { seed: 7 }
      )
      assert.deepStrictEqual(exit, Exit.fail("own failure"))
      assert.strictEqual(printed.length, 1)
      assert.deepStrictEqual(printed[0]?.split("\n"), [
        "The test failed under TestRyker.",
        "the seed was 7: TestRyker.layer({ seed: 7 }) has the same random numbers",
        "the ledger",
        "  actor    accepted  handled  failed  dropped  queued  in hand  unaccounted",
        "  Counter         1        1       0        0       0        0            0",
        "the last events",
        "  0 ms  ConfigApplied ryker",
        "  0 ms  ActorStarted Counter",
        "  0 ms  ActorStopped Counter: ScopeClosed",
        "  0 ms  DrainFinished ryker"
      ])
    })
  )

  it.effect("does not fail for leftovers on top", () =>
    Effect.gen(function* () {
      const test = Effect.gen(function* () {
        const counter = yield* Counter
        yield* counter.tell.Crash()
        yield* counter.tell.Hang()
        return yield* Effect.fail("own failure")
      })
      const { exit } = yield* outcomeOf(test, { failOn: ["crash", "dead_letter", "unfinished"] })
      assert.deepStrictEqual(exit, Exit.fail("own failure"))
    })
  )

  it.effect("that passes prints nothing", () =>
    Effect.gen(function* () {
      const { exit, printed } = yield* outcomeOf(Effect.void)
      assertPassed(exit)
      assert.deepStrictEqual(printed, [])
    })
  )
})

describe("the end of a test", () => {
  /** Nothing of it moves the clock. */
  const endsWith = (
    leftover: Effect.Effect<unknown, unknown, Counter | Ryker.Ryker | Scope.Scope>,
    options?: Actor.Options
  ) =>
    Effect.gen(function* () {
      const { exit } = yield* outcomeOf(leftover, { failOn: ["unfinished"] }, counterLayer(options))
      assert.strictEqual(yield* Clock.currentTimeMillis, 0)
      return failureOf(exit).message.split("\n").slice(0, 3)
    })

  it.effect("comes although a message is in hand, and others are queued", () =>
    Effect.gen(function* () {
      const message = yield* endsWith(
        Effect.gen(function* () {
          const counter = yield* Counter
          yield* counter.tell.Hang()
          yield* counter.tell.Next()
          yield* counter.tell.Next()
        })
      )
      assert.deepStrictEqual(message.slice(0, 2), [
        "the test ended before these messages were done; wait for them, or move the TestClock",
        "  Counter: Hang in hand 2 queued"
      ])
    })
  )

  it.effect("comes although a handler cannot be interrupted", () =>
    Effect.gen(function* () {
      const [, line] = yield* endsWith(Effect.flatMap(Counter, (counter) => counter.tell.Stubborn({ millis: 1 })))
      assert.strictEqual(line, "  Counter: Stubborn in hand")
    })
  )

  it.effect("comes although an actor backs off with messages queued", () =>
    Effect.gen(function* () {
      const [, line] = yield* endsWith(
        Effect.gen(function* () {
          const counter = yield* Counter
          yield* Effect.flip(counter.ask.Crash())
          yield* counter.tell.Next()
        })
      )
      assert.strictEqual(line, "  Counter: 1 queued")
    })
  )

  it.effect("comes although an actor is suspended with messages queued", () =>
    Effect.gen(function* () {
      const [, line] = yield* endsWith(
        Effect.gen(function* () {
          const counter = yield* Counter
          yield* Actor.suspend(counter)
          yield* counter.tell.Next()
        })
      )
      assert.strictEqual(line, "  Counter: 1 queued")
    })
  )

  it.effect("comes although those below supervisors, members of pools and spawned ones are at work", () =>
    Effect.gen(function* () {
      const handlers = counterHandlers()
      class Below extends Actor.Service<Below>()("Below", Counter.messages) {}
      class Pool extends Actor.Service<Pool>()("Pool", Counter.messages) {}
      const test = Effect.gen(function* () {
        const tree = Supervisor.layer("Top", {
          children: [
            Supervisor.layer("Middle", { children: [Below.toLayer(handlers)] }),
            Router.layer(Pool, handlers, { size: 2 })
          ]
        })
        const context = yield* Layer.build(tree)
        const spawned = yield* Actor.spawn(Counter, handlers)
        yield* spawned.tell.Hang()
        yield* Context.get(context, Below).tell.Hang()
        yield* Context.get(context, Pool).tell.Hang()
        yield* Context.get(context, Pool).tell.Stubborn({ millis: 10 })
        yield* TestRyker.settle
      })
      const { exit } = yield* outcomeOf(test, { failOn: ["unfinished"] })
      const lines = failureOf(exit).message.split("\n").slice(1, 5)
      assert.sameMembers(lines, [
        "  Counter#1: Hang in hand",
        "  Below: Hang in hand",
        "  Pool/1: Hang in hand",
        "  Pool/2: Stubborn in hand"
      ])
      assert.strictEqual(yield* Clock.currentTimeMillis, 0)
    })
  )

  it.effect("comes although a group restarts, and one of it has a message in hand", () =>
    Effect.gen(function* () {
      const handlers = counterHandlers()
      class Below extends Actor.Service<Below>()("Below", Counter.messages) {}
      class Beside extends Actor.Service<Beside>()("Beside", Counter.messages) {}
      const test = Effect.gen(function* () {
        const children = [Below.toLayer(handlers), Beside.toLayer(handlers)] as const
        const context = yield* Layer.build(Supervisor.layer("Top", { strategy: "one-for-all", children }))
        yield* Context.get(context, Beside).tell.Stubborn({ millis: 10 })
        yield* Effect.flip(Context.get(context, Below).ask.Crash())
        yield* TestRyker.settle
      })
      const { exit } = yield* outcomeOf(test, { failOn: ["unfinished"] })
      assert.include(failureOf(exit).message, "  Beside: Stubborn in hand")
      assert.strictEqual(yield* Clock.currentTimeMillis, 0)
    })
  )

  it.effect("comes although a keyed family has work, and a drain is in progress", () =>
    Effect.gen(function* () {
      class Keys extends Actor.keyed<Keys>()("Keys", Counter.messages) {}
      const test = Effect.gen(function* () {
        const keys = Context.get(yield* Layer.build(Keys.toLayer(() => counterHandlers())), Keys)
        yield* keys.get("a").tell.Hang()
        yield* keys.get("b").tell.Hang()
        yield* TestRyker.settle
      })
      const { message } = failureOf((yield* outcomeOf(test, { failOn: ["unfinished"] })).exit)
      assert.include(message, "  Keys/a: Hang in hand\n  Keys/b: Hang in hand\n")
      const draining = Effect.andThen(test, Effect.forkDetach(Ryker.drain("1 minute"), { startImmediately: true }))
      const drained = failureOf((yield* outcomeOf(draining, { failOn: ["unfinished"] })).exit)
      assert.include(drained.message, "  Keys/a: Hang in hand\n  Keys/b: Hang in hand\n")
      assert.strictEqual(yield* Clock.currentTimeMillis, 0)
    })
  )

  it.effect("comes although a supervisor restarts, and a child's start hangs", () =>
    Effect.gen(function* () {
      class Below extends Actor.Service<Below>()("Below", Counter.messages) {}
      const build = Effect.flatMap(Actor.self, ({ incarnation }) =>
        incarnation === 1 ? Effect.succeed(counterHandlers()) : Effect.uninterruptible(Effect.never)
      )
      const test = Effect.gen(function* () {
        const children = [Below.toLayer(build, { intensity: { restarts: 0 } })] as const
        const context = yield* Layer.build(Supervisor.layer("Top", { children, backoff: { base: 1, jitter: false } }))
        yield* Effect.flip(Context.get(context, Below).ask.Crash())
        yield* TestRyker.settle
        yield* TestClock.adjust(1)
        yield* Context.get(context, Below).tell.Next()
        yield* TestRyker.settle
      })
      const { exit } = yield* outcomeOf(test, { failOn: ["unfinished"] })
      assert.include(failureOf(exit).message, "  Below: 1 queued\n")
      assert.strictEqual(yield* Clock.currentTimeMillis, 1)
    })
  )

  it.effect("comes although what a child was started with waits for time to pass", () =>
    Effect.gen(function* () {
      class Top extends Supervisor.Service<Top>()("Top") {}
      const test = Effect.gen(function* () {
        const top = Context.get(yield* Layer.build(Top.toLayer({ children: [] })), Top)
        yield* Supervisor.startChild(
          top,
          Effect.andThen(
            Effect.addFinalizer(() => Effect.sleep("1 minute")),
            Actor.spawn(Counter, counterHandlers())
          )
        )
      })
      const { exit } = yield* outcomeOf(test)
      assertPassed(exit)
      assert.strictEqual(yield* Clock.currentTimeMillis, 0)
    })
  )

  it.effect("comes although a finalizer waits for time to pass", () =>
    Effect.gen(function* () {
      const slowToClose = Counter.toLayer(
        Effect.as(
          Effect.addFinalizer(() => Effect.sleep("1 minute")),
          counterHandlers()
        )
      )
      const { exit } = yield* outcomeOf(Effect.void, {}, slowToClose)
      assertPassed(exit)
      assert.strictEqual(yield* Clock.currentTimeMillis, 0)
    })
  )

  it.effect("lets done be what needs no time: what is queued is handled, and finalizers run", () =>
    Effect.gen(function* () {
      let closed = 0
      let handled = 0
      const handlers = {
        ...counterHandlers(),
        Add: () =>
          Effect.andThen(
            Effect.repeat(Effect.yieldNow, { times: 20 }),
            Effect.sync(() => handled++)
          )
      }
      const CounterLayer = Counter.toLayer(
        Effect.as(
          Effect.addFinalizer(() =>
            Effect.andThen(
              Effect.yieldNow,
              Effect.sync(() => closed++)
            )
          ),
          { ...handlers, Add: () => Effect.asVoid(handlers.Add()) }
        )
      )
      const test = Effect.flatMap(Counter, (counter) =>
        Effect.forEach(Array.from({ length: 100 }), () => counter.tell.Add({ n: 1 }))
      )
      const { exit } = yield* outcomeOf(test, { failOn: ["unfinished", "dead_letter"] }, CounterLayer)
      assertPassed(exit)
      assert.deepStrictEqual({ closed, handled }, { closed: 1, handled: 100 })
    })
  )

  it.effect("lets a close in the middle of a test have the time that the test gives it", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const counter = yield* Scope.provide(Actor.spawn(Counter, counterHandlers()), scope)
      const slow = yield* Effect.forkChild(counter.ask.Slow({ millis: 500 }), { startImmediately: true })
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* TestRyker.settle
      yield* TestClock.adjust("500 millis")
      assert.strictEqual(yield* Fiber.join(slow), 1)
      yield* Fiber.join(closing)
    }).pipe(Effect.provide(TestRyker.layer({ failOn: ["unfinished"] })))
  )

  it.effect("is the same for a runtime that several tests share", () =>
    runAlone(
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const context = yield* Layer.buildWithScope(Layer.provideMerge(counterLayer(), TestRyker.layer()), scope)
        yield* Context.get(context, Counter).tell.Hang()
        yield* Effect.provide(loseMessages("Counter", 1), context)
        assert.strictEqual(failureOf(yield* Effect.exit(Scope.close(scope, Exit.void))).kind, "ledger")
      })
    )
  )
})

layer(Layer.provideMerge(counterLayer(), TestRyker.layer()))("a runtime for a whole suite", (it) => {
  it.effect("is one for its tests", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      yield* counter.ask.Next()
      assert.isAtLeast((yield* TestRyker.ledger(Counter)).handled, 1)
    })
  )
})

describe("failOn", () => {
  const failOn = (...kinds: ReadonlyArray<TestRyker.FailOn>) => ({ failOn: kinds })
  const crashing = Effect.flatMap(Counter, (counter) => Effect.flip(counter.ask.Crash()))
  /** Two dead letters. */
  const dropping = Effect.gen(function* () {
    const counter = yield* Counter
    yield* Actor.suspend(counter)
    yield* counter.tell.Next()
    yield* counter.tell.Add({ n: 1 })
    yield* Actor.stop(counter, { deadline: 0 })
  })

  it.effect("nothing by default", () =>
    Effect.gen(function* () {
      assertPassed((yield* outcomeOf(crashing)).exit)
      assertPassed((yield* outcomeOf(dropping)).exit)
    })
  )

  it.effect("crash names the actor, the defect and its place", () =>
    Effect.gen(function* () {
      const { message } = failureOf((yield* outcomeOf(crashing, failOn("crash"))).exit)
      assert.match(
        message,
        /actors crashed, and no fault was injected there\n {2}Counter, incarnation 1: Error at .*fixtures\.ts/
      )
    })
  )

  it.effect("dead_letter names the messages, unless the test has read them", () =>
    Effect.gen(function* () {
      const { exit } = yield* outcomeOf(dropping, failOn("dead_letter"))
      assert.deepStrictEqual(failureOf(exit).message.split("\n").slice(0, 3), [
        "messages were accepted and dropped; if that is meant, read TestRyker.deadLetters in the test",
        "  Counter: tell Next (shutdown)",
        "  Counter: tell Add (shutdown)"
      ])
      assertPassed((yield* outcomeOf(Effect.andThen(dropping, TestRyker.deadLetters), failOn("dead_letter"))).exit)
    })
  )

  it.effect("unfinished does not count what the end of the test cut off as dead letters, too", () =>
    Effect.gen(function* () {
      const test = Effect.flatMap(Counter, (counter) => Effect.andThen(counter.tell.Hang(), counter.tell.Next()))
      const { message } = failureOf((yield* outcomeOf(test, failOn("unfinished", "dead_letter"))).exit)
      assert.notInclude(message, "accepted and dropped")
    })
  )
})

describe("settle", () => {
  it.effect("returns when nothing more happens, and no time has passed", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      for (let n = 0; n < 100; n++) yield* counter.tell.Add({ n: 1 })
      yield* TestRyker.settle
      assert.deepInclude(yield* TestRyker.ledger(Counter), { handled: 100, queued: 0 })
      assert.strictEqual(yield* Clock.currentTimeMillis, 0)
    }).pipe(counting())
  )

  it.effect("returns although an actor feeds itself for ever, and so does the end of the test", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      yield* counter.tell.Next()
      yield* TestRyker.settle
      assert.isAbove((yield* TestRyker.ledger(Counter)).handled, 100)
      // Even a drain lets it go on: what it sends itself comes from inside.
      yield* Effect.forkDetach(Ryker.drain("1 minute"), { startImmediately: true })
    }).pipe(
      counting(
        {},
        Counter.toLayer(
          Effect.map(Effect.context<Counter>(), (context) => ({
            ...counterHandlers(),
            Next: () => Effect.as(Effect.ignore(Context.get(context, Counter).tell.Next()), 1)
          }))
        )
      )
    )
  )
})

describe("inspect", () => {
  const stateful = (build: (read: () => unknown) => Effect.Effect<unknown, never, Actor.Self>) =>
    Counter.toLayer(
      Effect.gen(function* () {
        let n = 0
        yield* build(() => ({ n }))
        return { ...counterHandlers(), Next: () => Effect.sync(() => ++n) }
      })
    )

  it.effect("gives the state as it is now, of the incarnation that is alive", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      yield* counter.ask.Next()
      yield* counter.ask.Next()
      assert.deepStrictEqual(yield* TestRyker.inspect(counter), { n: 2 })
      yield* Effect.flip(counter.ask.Crash())
      yield* TestRyker.settle
      assert.include((yield* Effect.flip(TestRyker.inspect(counter))).message, "no incarnation now")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* TestRyker.inspect(counter), { n: 0 })
    }).pipe(counting({}, stateful(Actor.inspectable)))
  )

  it.effect("says so where build shows nothing", () =>
    Effect.gen(function* () {
      const { kind, message } = yield* Effect.flip(TestRyker.inspect(yield* Counter))
      assert.strictEqual(kind, "inspect")
      assert.strictEqual(
        message,
        '"Counter" cannot be inspected: its build does not call Actor.inspectable(() => state)'
      )
    }).pipe(counting())
  )

  it.effect("has no answer for a pool", () =>
    Effect.gen(function* () {
      const pool = yield* Router.spawn(Counter, counterHandlers(), { size: 2 })
      assert.include((yield* Effect.flip(TestRyker.inspect(pool))).message, "it is a pool")
    }).pipe(Effect.scoped, Effect.provide(TestRyker.layer()))
  )

  it("needs TestRyker, so that no production code calls it", () => {
    // @ts-expect-error the requirement is TestRyker, which Ryker.layer does not provide
    const program: Effect.Effect<unknown, unknown, Ryker.Ryker> = Effect.flatMap(Deferred.make<Actor.Any>(), (handle) =>
      Effect.flatMap(Deferred.await(handle), TestRyker.inspect)
    )
    assert.isDefined(program)
  })
})
