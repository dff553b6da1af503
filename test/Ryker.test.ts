/** The runtime: drain, the closing of Layers, the ledger, and options. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as References from "effect/References"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import * as Ledger from "../src/Ledger.ts"
import * as Ryker from "../src/Ryker.ts"
import { assertBalanced, Counter, counterHandlers, counterLayer, withActors } from "./fixtures.ts"

// --- What the tests use -------------------------------------------------------------------------------------------------

/** Begins at once, and goes on beside the test. */
const start = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.forkChild(Effect.exit(effect), { startImmediately: true })

/** Lets everything run that needs no time to pass: a message takes a few turns of the event loop for each actor it meets. */
const settle = Effect.repeat(Effect.yieldNow, { times: 30 })

/** Gives the time at which an effect ends as well. */
const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(effect, (value) => Effect.map(Clock.currentTimeMillis, (at) => ({ value, at })))

/** Runs an effect while time passes, and gives what it gave and when. */
const whileTimePasses = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* start(timed(effect))
    yield* settle
    for (let second = 0; second < 120 && fiber.pollUnsafe() === undefined; second++) yield* TestClock.adjust("1 second")
    if (fiber.pollUnsafe() === undefined) assert.fail("not done after two minutes")
    return yield* yield* Fiber.join(fiber)
  })

const errorOf = (fiber: Fiber.Fiber<Exit.Exit<unknown, unknown>>) =>
  Effect.map(Fiber.join(fiber), (exit) =>
    Exit.isFailure(exit) ? Cause.squash(exit.cause) : assert.fail(`succeeded with ${String(exit.value)}`)
  )

const ledgerOf = (actor: string) =>
  Effect.map(Ryker.ledger, (entries): Ledger.Entry => {
    const entry = entries.find((entry) => entry.actor === actor)
    return entry ?? assert.fail(`no entry for ${actor}`)
  })

/** Actors are spawned in the test's Scope; what they leave undone in the end is none of the test's business. */
const run = withActors(Layer.empty, { drainDeadline: 0 })

const spawnCounter = (options?: Actor.Options & { readonly name?: string }) =>
  Actor.spawn(Counter, Effect.sync(counterHandlers), options)

type CounterHandle = Actor.Handle<(typeof Counter)["messages"][number]>

/** A counter as a Layer of its own, under a name of its own; its handle is put into `handles`. */
const counterIn = (handles: Array<CounterHandle>, name: string, options?: Actor.Options) =>
  Layer.effectDiscard(Effect.map(spawnCounter({ ...options, name }), (handle) => handles.push(handle)))

const doubling = { base: 100, cap: "1 hour", jitter: false } as const

// --- Drain --------------------------------------------------------------------------------------------------------------

describe("drain", () => {
  it.effect("takes nothing in from outside from its first step on", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      yield* counter.tell.Slow({ millis: 500 })
      yield* settle
      const drain = yield* start(Ryker.drain("1 second"))
      const told = yield* Effect.flip(counter.tell.Add({ n: 1 }))
      const asked = yield* Effect.flip(counter.ask.Next())
      for (const error of [told, asked]) {
        assert.deepInclude(error, { _tag: "Stopped", reason: "Draining", phase: "refused" })
      }
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(drain)
      assert.deepInclude(yield* Effect.flip(counter.ask.Next()), { _tag: "Stopped", reason: "Draining" })
      const entry = yield* ledgerOf("Counter")
      assert.strictEqual(entry.accepted, 1)
      assert.strictEqual(entry.refused.stopped, 3)
    }).pipe(withActors(counterLayer()))
  )

  it.effect("lets handlers in hand send and ask on, also from fibers of theirs", () =>
    Effect.gen(function* () {
      const counter = yield* spawnCounter()
      const worker = yield* Actor.spawn(
        Counter,
        {
          ...counterHandlers(),
          Slow: ({ millis }) =>
            Effect.gen(function* () {
              yield* Effect.sleep(millis)
              yield* counter.tell.Add({ n: 40 })
              yield* Effect.all([counter.ask.Next(), counter.ask.Next()], { concurrency: "unbounded" })
              const fiber = yield* Effect.forkChild(counter.ask.Next())
              return yield* Fiber.join(fiber)
            }).pipe(Effect.orDie)
        },
        { deadline: "Infinity" }
      )
      const asks = [yield* start(worker.ask.Slow({ millis: 100 })), yield* start(worker.ask.Slow({ millis: 100 }))]
      yield* settle
      const { value: report } = yield* whileTimePasses(Ryker.drain("10 seconds"))
      assert.deepStrictEqual(yield* Effect.forEach(asks, Fiber.join), [Exit.succeed(43), Exit.succeed(86)])
      assert.deepInclude(report, { outcome: "complete", millis: 200 })
      assert.deepStrictEqual(report.actors, [{ actor: "Counter", handled: 10, failed: 0, dropped: 0, abandoned: 0 }])
    }).pipe(run)
  )

  it.effect("does not take a fiber for inside whose handler has answered", () =>
    Effect.gen(function* () {
      const counter = yield* spawnCounter()
      const late: Array<Exit.Exit<void, unknown>> = []
      const worker = yield* Actor.spawn(Counter, {
        ...counterHandlers(),
        Hang: () =>
          Effect.asVoid(
            Effect.forkDetach(
              Effect.sleep(100).pipe(
                Effect.andThen(counter.tell.Add({ n: 1 })),
                Effect.exit,
                Effect.map((exit) => late.push(exit))
              )
            )
          )
      })
      yield* worker.ask.Hang()
      yield* worker.tell.Slow({ millis: 500 })
      yield* settle
      yield* whileTimePasses(Ryker.drain("10 seconds"))
      assert.strictEqual(late.length, 1)
      const exit = late[0]!
      assert.deepInclude(Exit.isFailure(exit) ? Cause.squash(exit.cause) : {}, { _tag: "Stopped", reason: "Draining" })
    }).pipe(run)
  )

  it.effect("runs what is queued and in hand until the deadline, and drops the rest as shutdown", () =>
    Effect.gen(function* () {
      const counter = yield* spawnCounter({ deadline: "Infinity" })
      const asks: Array<Fiber.Fiber<Exit.Exit<number, unknown>>> = []
      for (let index = 0; index < 5; index++) asks.push(yield* start(counter.ask.Slow({ millis: 400 })))
      yield* counter.tell.Add({ n: 1 })
      const { at, value: report } = yield* whileTimePasses(Ryker.drain("1 second"))
      assert.strictEqual(at, 1_000)
      assert.deepInclude(report, { outcome: "incomplete", millis: 1_000 })
      assert.deepStrictEqual(report.actors, [{ actor: "Counter", handled: 2, failed: 1, dropped: 3, abandoned: 0 }])
      assert.deepStrictEqual(yield* Effect.forEach(asks.slice(0, 2), Fiber.join), [Exit.succeed(1), Exit.succeed(2)])
      for (const [index, ask] of asks.slice(2).entries()) {
        const phase = index === 0 ? "running" : "queued"
        assert.deepInclude(yield* errorOf(ask), { _tag: "Stopped", reason: "Draining", phase })
      }
      const { dropped } = yield* ledgerOf("Counter")
      assert.strictEqual(dropped.shutdown, 3)
      assert.strictEqual(Ledger.totalDropped(dropped), 3)
    }).pipe(run)
  )

  it.effect("is over as soon as all is done", () =>
    Effect.gen(function* () {
      const counter = yield* spawnCounter({ deadline: "Infinity" })
      yield* counter.tell.Slow({ millis: 300 })
      const { at, value: report } = yield* whileTimePasses(Ryker.drain("1 hour"))
      assert.strictEqual(at, 300)
      assert.deepInclude(report, { outcome: "complete", millis: 300 })
      assert.strictEqual(yield* Actor.awaitStopped(counter), "Draining")
    }).pipe(run)
  )

  it.effect("of nothing is complete at once", () =>
    Effect.gen(function* () {
      const { at, value: report } = yield* whileTimePasses(Ryker.drain("1 hour"))
      assert.strictEqual(at, 0)
      assert.deepStrictEqual(report, { outcome: "complete", millis: 0, actors: [] })
    }).pipe(run)
  )

  it.effect("of idle actors is complete at once, and stops them", () =>
    Effect.gen(function* () {
      const counters = [yield* spawnCounter(), yield* spawnCounter()]
      const { at, value: report } = yield* whileTimePasses(Ryker.drain("1 hour"))
      assert.strictEqual(at, 0)
      assert.strictEqual(report.outcome, "complete")
      for (const counter of counters) {
        assert.deepStrictEqual(yield* Actor.status(counter), { _tag: "Stopped", reason: "Draining" })
      }
    }).pipe(run)
  )

  it.effect.each([0, -1, Number.NaN])("with a deadline of %d stops everything at once", (deadline) =>
    Effect.gen(function* () {
      const counter = yield* spawnCounter({ deadline: "Infinity" })
      const inHand = yield* start(counter.ask.Hang())
      yield* settle
      const queued = yield* start(counter.ask.Next())
      const { at, value: report } = yield* whileTimePasses(Ryker.drain(deadline))
      assert.strictEqual(at, 0)
      assert.deepStrictEqual(report.actors, [{ actor: "Counter", handled: 0, failed: 1, dropped: 1, abandoned: 0 }])
      assert.deepInclude(yield* errorOf(inHand), { _tag: "Stopped", reason: "Draining", phase: "running" })
      assert.deepInclude(yield* errorOf(queued), { _tag: "Stopped", reason: "Draining", phase: "queued" })
    }).pipe(run)
  )

  it.effect("with a deadline of zero drops what has not begun, even if it would take no time", () =>
    Effect.gen(function* () {
      const counter = yield* spawnCounter()
      // Their turn is scheduled already.
      yield* counter.tell.Add({ n: 1 })
      const queued = yield* start(counter.ask.Next())
      const { at } = yield* whileTimePasses(Ryker.drain(0))
      assert.strictEqual(at, 0)
      assert.deepInclude(yield* errorOf(queued), { _tag: "Stopped", reason: "Draining", phase: "queued" })
      assert.deepInclude(yield* ledgerOf("Counter"), { accepted: 2, handled: 0 })
    }).pipe(run)
  )

  /** Everything that may not want to end. */
  const stubbornness: ReadonlyArray<readonly [string, Effect.Effect<unknown, unknown, Ryker.Ryker | Scope.Scope>]> = [
    [
      "a handler that hangs",
      Effect.flatMap(spawnCounter({ deadline: "Infinity" }), (counter) => start(counter.ask.Hang()))
    ],
    [
      "a handler that cannot be interrupted",
      Effect.flatMap(spawnCounter({ deadline: "Infinity" }), (counter) =>
        start(counter.ask.Stubborn({ millis: 100_000_000 }))
      )
    ],
    [
      "a handler whose interruption takes for ever",
      Effect.flatMap(
        Actor.spawn(Counter, {
          ...counterHandlers(),
          Hang: () => Effect.onInterrupt(Effect.never, () => Effect.never)
        }),
        (counter) => counter.tell.Hang()
      )
    ],
    [
      "a finalizer that hangs",
      Actor.spawn(
        Counter,
        Effect.map(
          Effect.addFinalizer(() => Effect.never),
          counterHandlers
        )
      )
    ],
    [
      "a finalizer that hangs after a crash",
      Effect.flatMap(
        Actor.spawn(
          Counter,
          Effect.map(
            Effect.addFinalizer(() => Effect.never),
            counterHandlers
          )
        ),
        (counter) => Effect.andThen(counter.tell.Crash(), counter.tell.Add({ n: 1 }))
      )
    ],
    [
      "a first build that never ends",
      start(Actor.spawn(Counter, Effect.andThen(Effect.never, Effect.sync(counterHandlers)), { startTimeout: "1 day" }))
    ],
    [
      "a first build that never ends and cannot be interrupted",
      start(
        Actor.spawn(Counter, Effect.uninterruptible(Effect.andThen(Effect.never, Effect.sync(counterHandlers))), {
          startTimeout: "1 day"
        })
      )
    ],
    [
      "a later build that never ends and cannot be interrupted",
      Effect.flatMap(
        Actor.spawn(
          Counter,
          Effect.flatMap(Actor.self, ({ incarnation }) =>
            incarnation === 1 ? Effect.sync(counterHandlers) : Effect.uninterruptible(Effect.never)
          ),
          { backoff: { base: 1, cap: 1 } }
        ),
        (counter) => Effect.andThen(counter.tell.Crash(), counter.tell.Add({ n: 1 }))
      )
    ],
    [
      "work that never ends to come",
      Effect.flatMap(
        Actor.spawn(
          Counter,
          Effect.map(Counter, (self) => ({
            ...counterHandlers(),
            Add: ({ n }: { readonly n: number }) =>
              Effect.andThen(Effect.sleep(10), Effect.orDie(self.tell.Add({ n: n + 1 })))
          }))
        ),
        (counter) => counter.tell.Add({ n: 0 })
      )
    ],
    [
      "a storm of crashes",
      Effect.flatMap(
        spawnCounter({
          backoff: { base: 10, cap: 10 },
          intensity: { restarts: 1_000_000, window: "1 hour" },
          capacity: 10_000
        }),
        (counter) => Effect.repeat(counter.tell.Crash(), { times: 500 })
      )
    ],
    [
      "a backoff longer than the deadline",
      Effect.flatMap(spawnCounter({ backoff: { base: "1 hour", cap: "1 hour" } }), (counter) =>
        Effect.andThen(counter.tell.Crash(), counter.tell.Add({ n: 1 }))
      )
    ]
  ]

  it.effect.each(stubbornness)("never takes longer than its deadline, whatever is in its way: %s", ([, stubborn]) =>
    Effect.gen(function* () {
      yield* TestClock.adjust(0)
      yield* stubborn
      yield* settle
      yield* TestClock.adjust(100)
      const { at, value: report } = yield* whileTimePasses(Ryker.drain(2_500))
      assert.isAtMost(at, 100 + 2_500)
      assert.isAtMost(report.millis, 2_500)
      yield* assertBalanced
    }).pipe(run)
  )

  it.effect("never takes longer than its deadline with everything in its way at once", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust(0)
      for (const [, stubborn] of stubbornness) yield* stubborn
      for (const [, stubborn] of stubbornness) yield* stubborn
      yield* settle
      const { at, value: report } = yield* whileTimePasses(Ryker.drain(2_500))
      assert.strictEqual(at, 2_500)
      assert.deepInclude(report, { outcome: "incomplete", millis: 2_500 })
      // A stubborn handler and a slow interruption, twice each.
      assert.isAtLeast(report.actors[0]?.abandoned ?? 0, 4)
      yield* assertBalanced
    }).pipe(run)
  )

  it.effect("reports per definition what became of every message there was, and it adds up with the ledger", () =>
    Effect.gen(function* () {
      class Other extends Actor.Service<Other>()("Other", [
        Rpc.make("Slow", { payload: { millis: Schema.Int } }),
        Rpc.make("Fail", { error: Schema.String })
      ]) {}
      const handlers = Other.of({ Slow: ({ millis }) => Effect.sleep(millis), Fail: () => Effect.fail("typed") })
      const counters = [yield* spawnCounter(), yield* spawnCounter()]
      const other = yield* Actor.spawn(Other, handlers)
      // Before: these are not the drain's.
      yield* counters[0]!.ask.Next()
      yield* Effect.exit(counters[1]!.ask.Crash())
      yield* TestClock.adjust("1 second")
      // Two handlers in hand and some messages queued; one deadline passes during the drain, and one actor crashes.
      yield* counters[0]!.tell.Slow({ millis: 500 })
      yield* counters[0]!.tell.Stubborn({ millis: 50_000 })
      yield* counters[0]!.tell.Add({ n: 1 })
      yield* counters[0]!.tell.Add({ n: 1 }, { deadline: 800 })
      yield* counters[1]!.tell.Crash()
      yield* counters[1]!.tell.Add({ n: 1 })
      yield* counters[1]!.tell.Hang()
      yield* counters[1]!.tell.Add({ n: 1 })
      yield* other.tell.Fail()
      yield* other.tell.Slow({ millis: 700 })
      const before = yield* Ryker.ledger
      const { value: report } = yield* whileTimePasses(Ryker.drain("2 seconds"))
      assert.deepStrictEqual(report.actors, [
        { actor: "Counter", handled: 2, failed: 2, dropped: 3, abandoned: 1 },
        { actor: "Other", handled: 2, failed: 0, dropped: 0, abandoned: 0 }
      ])
      const after = yield* Ryker.ledger
      for (const [index, actor] of report.actors.entries()) {
        const [was, is] = [before[index]!, after[index]!]
        const open = was.queued + was.inHand + is.accepted - was.accepted
        assert.strictEqual(actor.handled + actor.failed + actor.dropped + actor.abandoned, open)
        assert.deepInclude(actor, {
          actor: is.actor,
          handled: is.handled - was.handled,
          failed: is.failed - was.failed,
          dropped: Ledger.totalDropped(is.dropped) - Ledger.totalDropped(was.dropped),
          abandoned: is.inHand
        })
        assert.strictEqual(is.queued, 0)
      }
      assert.deepInclude(after[0]?.dropped, { deadline: 1, shutdown: 2 })
    }).pipe(run)
  )

  it.effect("keeps an abandoned handler in the books until it ends", () =>
    Effect.gen(function* () {
      const counter = yield* spawnCounter()
      yield* counter.tell.Stubborn({ millis: 5_000 })
      yield* settle
      const { value: report } = yield* whileTimePasses(Ryker.drain("1 second"))
      assert.deepStrictEqual(report.actors, [{ actor: "Counter", handled: 0, failed: 0, dropped: 0, abandoned: 1 }])
      assert.deepInclude(yield* ledgerOf("Counter"), { accepted: 1, failed: 0, inHand: 1 })
      yield* TestClock.adjust("10 seconds")
      assert.deepInclude(yield* ledgerOf("Counter"), { accepted: 1, failed: 1, inHand: 0 })
    }).pipe(run)
  )

  it.effect("waits for an actor in backoff that has work, and works it off", () =>
    Effect.gen(function* () {
      const counter = yield* spawnCounter({ backoff: doubling })
      yield* counter.tell.Crash()
      const ask = yield* start(counter.ask.Next())
      yield* TestClock.adjust(50)
      const { at, value: report } = yield* whileTimePasses(Ryker.drain("1 second"))
      assert.strictEqual(at, 100)
      assert.deepStrictEqual(report.actors, [{ actor: "Counter", handled: 1, failed: 0, dropped: 0, abandoned: 0 }])
      assert.deepStrictEqual(yield* Fiber.join(ask), Exit.succeed(1))
    }).pipe(run)
  )

  it.effect("does not wait for an actor in backoff that has none", () =>
    Effect.gen(function* () {
      const counter = yield* spawnCounter({ backoff: doubling })
      yield* counter.tell.Crash()
      yield* TestClock.adjust(50)
      const { at, value: report } = yield* whileTimePasses(Ryker.drain("1 second"))
      assert.strictEqual(at, 50)
      assert.strictEqual(report.outcome, "complete")
      assert.deepInclude(yield* ledgerOf("Counter"), { restarts: 0 })
    }).pipe(run)
  )

  it.effect("restarts actors that crash meanwhile, as always", () =>
    Effect.gen(function* () {
      const counter = yield* spawnCounter({ backoff: doubling })
      const ask = yield* start(
        Effect.andThen(
          Effect.andThen(counter.tell.Slow({ millis: 50 }), counter.tell.Crash()),
          Effect.andThen(counter.tell.Crash(), counter.ask.Next())
        )
      )
      yield* settle
      const { at, value: report } = yield* whileTimePasses(Ryker.drain("1 second"))
      assert.strictEqual(at, 350)
      assert.deepStrictEqual(report.actors, [{ actor: "Counter", handled: 2, failed: 2, dropped: 0, abandoned: 0 }])
      assert.deepStrictEqual(yield* Fiber.join(ask), Exit.succeed(1))
    }).pipe(run)
  )

  it.effect("is complete only when all that was accepted was handled", () =>
    Effect.gen(function* () {
      const counter = yield* spawnCounter({ backoff: doubling })
      yield* counter.tell.Crash()
      yield* counter.tell.Add({ n: 1 })
      const { value: report } = yield* whileTimePasses(Ryker.drain("1 second"))
      assert.strictEqual(report.outcome, "incomplete")
      assert.deepStrictEqual(report.actors, [{ actor: "Counter", handled: 1, failed: 1, dropped: 0, abandoned: 0 }])
    }).pipe(run)
  )

  it.effect("goes on with the others when an actor ends in RapidFail meanwhile", () =>
    Effect.gen(function* () {
      const stormy = yield* spawnCounter({ intensity: { restarts: 0 } })
      const calm = yield* spawnCounter()
      yield* stormy.tell.Slow({ millis: 50 })
      yield* stormy.tell.Crash()
      yield* stormy.tell.Add({ n: 1 })
      yield* calm.tell.Slow({ millis: 200 })
      yield* settle
      const { at, value: report } = yield* whileTimePasses(Ryker.drain("1 second"))
      assert.strictEqual(at, 200)
      assert.deepStrictEqual(report.actors, [{ actor: "Counter", handled: 2, failed: 1, dropped: 1, abandoned: 0 }])
      assert.strictEqual(yield* Actor.awaitStopped(stormy), "RapidFail")
      assert.strictEqual(yield* Actor.awaitStopped(calm), "Draining")
    }).pipe(run)
  )

  it.effect("twice is harmless: the second finds nothing", () =>
    Effect.gen(function* () {
      const counter = yield* spawnCounter()
      yield* counter.tell.Slow({ millis: 100 })
      assert.strictEqual((yield* whileTimePasses(Ryker.drain("1 second"))).value.outcome, "complete")
      const { value: report } = yield* whileTimePasses(Ryker.drain("1 second"))
      assert.deepInclude(report, { outcome: "complete", millis: 0 })
      assert.deepStrictEqual(report.actors, [{ actor: "Counter", handled: 0, failed: 0, dropped: 0, abandoned: 0 }])
    }).pipe(run)
  )

  it.effect("twice at the same time ends both when all is done", () =>
    Effect.gen(function* () {
      const counter = yield* spawnCounter({ deadline: "Infinity" })
      yield* counter.tell.Slow({ millis: 300 })
      yield* settle
      const drains = [
        yield* start(timed(Ryker.drain("5 seconds"))),
        yield* start(timed(Ryker.drain("5 seconds"))),
        yield* start(timed(Ryker.drain("10 seconds")))
      ]
      yield* TestClock.adjust("1 minute")
      for (const drain of drains) {
        const exit = drain.pollUnsafe() ?? assert.fail("a drain hangs")
        const { at, value: report } = yield* yield* exit
        assert.strictEqual(at, 300)
        assert.strictEqual(report.outcome, "complete")
      }
    }).pipe(run)
  )

  it.effect.each([
    [1_000, 5_000],
    [5_000, 1_000]
  ])("twice at the same time keeps the earlier deadline: %i ms and %i ms", ([first, second]) =>
    Effect.gen(function* () {
      yield* TestClock.adjust(0)
      const counter = yield* spawnCounter({ deadline: "Infinity" })
      yield* counter.tell.Stubborn({ millis: 1_000_000 })
      yield* counter.tell.Add({ n: 1 })
      yield* settle
      const drains = [yield* start(timed(Ryker.drain(first!))), yield* start(timed(Ryker.drain(second!)))]
      yield* TestClock.adjust("1 minute")
      for (const drain of drains) {
        const exit = drain.pollUnsafe() ?? assert.fail("a drain hangs")
        assert.strictEqual((yield* yield* exit).at, 1_000)
      }
    }).pipe(run)
  )

  it.effect("keeps the deadline of a later one, also when it is closing Scopes already", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust(0)
      yield* Actor.spawn(
        Counter,
        Effect.map(
          Effect.addFinalizer(() => Effect.never),
          counterHandlers
        )
      )
      const first = yield* start(timed(Ryker.drain("1 hour")))
      yield* TestClock.adjust("2 seconds")
      const second = yield* start(timed(Ryker.drain("1 second")))
      yield* TestClock.adjust("2 hours")
      for (const drain of [first, second]) {
        const exit = drain.pollUnsafe() ?? assert.fail("a drain hangs")
        assert.strictEqual((yield* yield* exit).at, 3_000)
      }
    }).pipe(run)
  )

  it.effect("keeps the deadline of a later one, also for an actor whose own Scope closes already", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust(0)
      const scope = yield* Scope.make()
      const hanging = Effect.map(
        Effect.addFinalizer(() => Effect.never),
        counterHandlers
      )
      yield* Scope.provide(Actor.spawn(Counter, hanging, { shutdown: "2 hours" }), scope)
      const closing = yield* start(timed(Scope.close(scope, Exit.void)))
      const first = yield* start(timed(Ryker.drain("30 minutes")))
      yield* TestClock.adjust("2 seconds")
      const second = yield* start(timed(Ryker.drain("1 second")))
      yield* TestClock.adjust("3 hours")
      for (const fiber of [closing, first, second]) {
        const exit = fiber.pollUnsafe() ?? assert.fail("it hangs")
        assert.strictEqual((yield* yield* exit).at, 3_000)
      }
    }).pipe(withActors(Layer.empty, { drainDeadline: "2 hours" }))
  )

  it.effect("that is given up does not hold up another", () =>
    Effect.gen(function* () {
      const counter = yield* spawnCounter({ deadline: "Infinity" })
      yield* counter.tell.Slow({ millis: 300 })
      yield* settle
      const first = yield* start(Ryker.drain("5 seconds"))
      const second = yield* start(timed(Ryker.drain("5 seconds")))
      yield* Fiber.interrupt(first)
      yield* TestClock.adjust("1 minute")
      const exit = second.pollUnsafe() ?? assert.fail("the other drain hangs")
      assert.strictEqual((yield* yield* exit).at, 300)
    }).pipe(run)
  )

  it.effect("that a handler asks for stops all actors all the same", () =>
    Effect.gen(function* () {
      const ryker = yield* Ryker.Ryker
      const first = yield* spawnCounter()
      const drainer = yield* Actor.spawn(Counter, {
        ...counterHandlers(),
        Hang: () => Effect.provideService(Effect.asVoid(Ryker.drain("1 second")), Ryker.Ryker, ryker)
      })
      const last = yield* spawnCounter()
      yield* drainer.tell.Hang()
      yield* settle
      yield* TestClock.adjust("1 minute")
      for (const counter of [last, drainer, first]) {
        assert.deepStrictEqual(yield* Actor.status(counter), { _tag: "Stopped", reason: "Draining" })
      }
    }).pipe(run)
  )

  it.effect("stops actors in the reverse order of their start, each when the one before has stopped", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const build = (millis: number) =>
        Effect.gen(function* () {
          const { address } = yield* Actor.self
          yield* Effect.addFinalizer(() =>
            Effect.gen(function* () {
              trace.push(`closing ${address}`)
              yield* Effect.sleep(millis)
              trace.push(`closed ${address}`)
            })
          )
          return counterHandlers()
        })
      // Those that are stopped first have the least work and take the longest to close.
      for (let index = 1; index <= 3; index++) {
        const counter = yield* Actor.spawn(Counter, build(index * 100))
        yield* counter.tell.Slow({ millis: 100 - index })
      }
      yield* settle
      yield* whileTimePasses(Ryker.drain("10 seconds"))
      assert.deepStrictEqual(trace, [
        "closing Counter#3",
        "closed Counter#3",
        "closing Counter#2",
        "closed Counter#2",
        "closing Counter#1",
        "closed Counter#1"
      ])
    }).pipe(run)
  )

  it.effect("lets no actor start any more, during it and after it", () =>
    Effect.gen(function* () {
      const started: Array<string> = []
      const build = Effect.sync(() => {
        started.push("started")
        return counterHandlers()
      })
      const counter = yield* spawnCounter()
      yield* counter.tell.Slow({ millis: 500 })
      yield* settle
      const drain = yield* start(Ryker.drain("1 second"))
      const spawned = yield* Effect.flip(Actor.spawn(Counter, build))
      assert.deepInclude(spawned, { _tag: "StartError", reason: "NotRunning" })
      const layered = yield* Effect.flip(Effect.scoped(Layer.build(Counter.toLayer(build))))
      assert.deepInclude(layered, { _tag: "StartError", actor: "Counter", reason: "NotRunning" })
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(drain)
      assert.deepInclude(yield* Effect.flip(Actor.spawn(Counter, build)), { _tag: "StartError", reason: "NotRunning" })
      assert.deepStrictEqual(started, [])
    }).pipe(run)
  )

  it.effect("that comes while an actor starts for the first time makes that start fail, released again", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const spawning = yield* start(
        Actor.spawn(
          Counter,
          Effect.gen(function* () {
            yield* Effect.addFinalizer(() => Effect.sync(() => trace.push("released")))
            yield* Effect.sleep("3 seconds")
            trace.push("started")
            return counterHandlers()
          })
        )
      )
      yield* settle
      const { at, value: report } = yield* whileTimePasses(Ryker.drain("1 second"))
      assert.strictEqual(at, 0)
      assert.strictEqual(report.outcome, "complete")
      assert.deepInclude(yield* errorOf(spawning), { _tag: "StartError", reason: "NotRunning" })
      assert.deepStrictEqual(trace, ["released"])
    }).pipe(run)
  )

  it.effect("writes one structured line when it has finished", () => {
    const lines: Array<readonly [string, Readonly<Record<string, unknown>>]> = []
    const logger = Logger.make(({ fiber, logLevel }) =>
      lines.push([logLevel, fiber.getRef(References.CurrentLogAnnotations)])
    )
    return Effect.gen(function* () {
      const counter = yield* spawnCounter()
      yield* counter.tell.Slow({ millis: 400 })
      yield* counter.tell.Hang()
      yield* counter.tell.Add({ n: 1 })
      yield* settle
      yield* whileTimePasses(Ryker.drain("1 second"))
      const finished = lines.filter(([, { event }]) => event === "drain_finished")
      assert.deepStrictEqual(finished, [
        [
          "Warn",
          {
            lib: "ryker",
            event: "drain_finished",
            actor: "ryker",
            outcome: "incomplete",
            elapsed_ms: 1_000,
            handled: 1,
            failed: 1,
            dropped: 1,
            abandoned: 0
          }
        ]
      ])
    }).pipe(run, Effect.provide(Logger.layer([logger])))
  })
})

// --- Closing ------------------------------------------------------------------------------------------------------------

describe("closing the runtime's Layer", () => {
  /** Builds a Layer in a Scope that the test closes itself. */
  const built = <A, E>(layer: Layer.Layer<A, E>) =>
    Effect.gen(function* () {
      yield* TestClock.adjust(0)
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(layer, scope)
      return { context, close: Scope.close(scope, Exit.void) }
    })

  it.effect("drains the actors that are still alive, within drainDeadline", () =>
    Effect.gen(function* () {
      const { close, context } = yield* built(Ryker.layerWith({ drainDeadline: "2 seconds" }))
      // They live in the test's Scope, which closes later.
      const counter = yield* Effect.provideContext(spawnCounter({ deadline: "Infinity" }), context)
      const other = yield* Effect.provideContext(spawnCounter(), context)
      const done = yield* start(counter.ask.Slow({ millis: 1_500 }))
      const cut = yield* start(counter.ask.Slow({ millis: 1_500 }))
      yield* counter.tell.Add({ n: 1 })
      yield* settle
      const closing = yield* start(timed(close))
      yield* settle
      assert.deepInclude(yield* Effect.flip(other.ask.Next()), { _tag: "Stopped", reason: "Draining" })
      assert.deepInclude(yield* Effect.flip(Effect.provideContext(Effect.scoped(spawnCounter()), context)), {
        _tag: "StartError",
        reason: "NotRunning"
      })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* yield* Fiber.join(closing)).at, 2_000)
      assert.deepStrictEqual(yield* Fiber.join(done), Exit.succeed(1))
      assert.deepInclude(yield* errorOf(cut), { _tag: "Stopped", reason: "Draining" })
      const [entry] = yield* Effect.provideContext(Ryker.ledger, context)
      assert.strictEqual(entry?.dropped.shutdown, 1)
      assert.strictEqual(Ledger.imbalance(entry!), 0)
    })
  )

  it.effect("ends at once when nothing is alive", () =>
    Effect.gen(function* () {
      const { close } = yield* built(Ryker.layer)
      assert.strictEqual((yield* whileTimePasses(close)).at, 0)
    })
  )

  it.effect("does not take longer because of stubborn handlers and finalizers", () =>
    Effect.gen(function* () {
      const { close, context } = yield* built(Ryker.layerWith({ drainDeadline: "2 seconds" }))
      const stubborn = Actor.spawn(
        Counter,
        Effect.map(
          Effect.addFinalizer(() => Effect.never),
          counterHandlers
        )
      )
      for (let index = 0; index < 5; index++) {
        const counter = yield* Effect.provideContext(stubborn, context)
        yield* counter.tell.Stubborn({ millis: 1_000_000 })
      }
      yield* settle
      assert.strictEqual((yield* whileTimePasses(close)).at, 2_000)
    })
  )

  it.effect("joins a drain that is under way, and does not wait for longer than that", () =>
    Effect.gen(function* () {
      const { close, context } = yield* built(Ryker.layerWith({ drainDeadline: "10 seconds" }))
      const counter = yield* Effect.provideContext(spawnCounter(), context)
      yield* counter.tell.Slow({ millis: 3_000 })
      yield* counter.tell.Stubborn({ millis: 1_000_000 })
      yield* settle
      const drain = yield* start(timed(Effect.provideContext(Ryker.drain("5 seconds"), context)))
      yield* TestClock.adjust(100)
      const closing = yield* start(timed(close))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* yield* drain.pollUnsafe() ?? assert.fail("the drain hangs")).at, 5_000)
      assert.strictEqual((yield* yield* closing.pollUnsafe() ?? assert.fail("closing hangs")).at, 5_000)
    })
  )

  it.effect("does not take longer because of a drain with a later deadline that is closing Scopes", () =>
    Effect.gen(function* () {
      const { close, context } = yield* built(Ryker.layerWith({ drainDeadline: "2 seconds" }))
      const hanging = Actor.spawn(
        Counter,
        Effect.map(
          Effect.addFinalizer(() => Effect.never),
          counterHandlers
        )
      )
      yield* Effect.provideContext(hanging, context)
      yield* start(Effect.provideContext(Ryker.drain("1 hour"), context))
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* whileTimePasses(close)).at, 12_000)
    })
  )

  it.effect("takes no time after a drain, whatever that had to abandon", () =>
    Effect.gen(function* () {
      const handles: Array<CounterHandle> = []
      const { close, context } = yield* built(
        Layer.provideMerge(counterIn(handles, "counter"), Ryker.layerWith({ drainDeadline: "10 seconds" }))
      )
      yield* handles[0]!.tell.Stubborn({ millis: 1_000_000 })
      yield* settle
      yield* whileTimePasses(Effect.provideContext(Ryker.drain("1 second"), context))
      const before = yield* Clock.currentTimeMillis
      assert.strictEqual((yield* whileTimePasses(close)).at, before)
    })
  )

  const many = 8

  /** `many` Layers of one stubborn actor each, put together in one way or another. */
  const together = (
    how: (layers: ReadonlyArray<Layer.Layer<never, unknown, Ryker.Ryker>>) => Layer.Layer<never, unknown, Ryker.Ryker>,
    options: Actor.Options
  ) =>
    Effect.gen(function* () {
      const handles: Array<CounterHandle> = []
      const layers = Array.from({ length: many }, (_, index) => counterIn(handles, `counter ${index}`, options))
      const { close, context } = yield* built(
        Layer.provideMerge(how(layers), Ryker.layerWith({ drainDeadline: "10 seconds" }))
      )
      for (const counter of handles) yield* counter.tell.Stubborn({ millis: 1_000_000 })
      yield* settle
      assert.strictEqual(handles.length, many)
      return { close, ledger: Effect.provideContext(Ryker.ledger, context) }
    })

  const oneAfterTheOther = (layers: ReadonlyArray<Layer.Layer<never, unknown, Ryker.Ryker>>) =>
    layers.reduce((all, next) => Layer.provideMerge(next, all))

  const allAtOnce = (layers: ReadonlyArray<Layer.Layer<never, unknown, Ryker.Ryker>>) =>
    layers.reduce((all, next) => Layer.merge(all, next))

  it.effect("after those of many stubborn actors, one after the other, takes no longer than drainDeadline in all", () =>
    Effect.gen(function* () {
      const { close, ledger } = yield* together(oneAfterTheOther, { shutdown: "3 seconds" })
      // Three actors have their 3 seconds, the fourth what is left of 10, the others nothing.
      assert.strictEqual((yield* whileTimePasses(close)).at, 10_000)
      assert.deepInclude((yield* ledger)[0], { accepted: many, inHand: many, queued: 0 })
    })
  )

  it.effect("and all others at the same time takes no longer than the longest of them", () =>
    Effect.gen(function* () {
      const { close } = yield* together(allAtOnce, { shutdown: "3 seconds" })
      // Layers that are merged close in one order or another; together they have drainDeadline.
      assert.isAtMost((yield* whileTimePasses(close)).at, 10_000)
    })
  )

  it.effect("logs what became of the messages of the whole shutdown, also of actors whose Layers closed before", () => {
    const lines: Array<Readonly<Record<string, unknown>>> = []
    const logger = Logger.make(({ fiber }) => lines.push(fiber.getRef(References.CurrentLogAnnotations)))
    return Effect.gen(function* () {
      const handles: Array<CounterHandle> = []
      const { close } = yield* built(
        oneAfterTheOther([counterIn(handles, "a"), counterIn(handles, "b", { shutdown: 300 })]).pipe(
          Layer.provideMerge(Ryker.layer)
        )
      )
      // Before: this is not the shutdown's.
      yield* handles[0]!.ask.Next()
      for (const counter of handles) {
        yield* counter.tell.Slow({ millis: 200 })
        yield* counter.tell.Slow({ millis: 200 })
        yield* counter.tell.Add({ n: 1 })
      }
      yield* settle
      yield* whileTimePasses(close)
      assert.deepStrictEqual(
        lines.filter(({ event }) => event === "drain_finished"),
        [
          {
            lib: "ryker",
            event: "drain_finished",
            actor: "ryker",
            outcome: "incomplete",
            elapsed_ms: 400,
            // "b" closes first, for 300 ms: one of three. "a" works meanwhile, and has all it needs.
            handled: 4,
            failed: 1,
            dropped: 1,
            abandoned: 0
          }
        ]
      )
    }).pipe(Effect.provide(Logger.layer([logger])))
  })

  it.effect("gives one actor's Layer no more than the actor's own shutdown time", () =>
    Effect.gen(function* () {
      const handles: Array<CounterHandle> = []
      const { close } = yield* built(
        Layer.provideMerge(
          counterIn(handles, "counter", { shutdown: "3 seconds" }),
          Ryker.layerWith({ drainDeadline: "10 seconds" })
        )
      )
      yield* handles[0]!.tell.Stubborn({ millis: 1_000_000 })
      yield* settle
      assert.strictEqual((yield* whileTimePasses(close)).at, 3_000)
    })
  )

  it.effect("lets each actor's Layer finish its work while those that it needs are still there", () =>
    Effect.gen(function* () {
      class Front extends Actor.Service<Front>()("Front", [Rpc.make("Pass", { success: Schema.Int })]) {}
      const FrontLayer = Front.toLayer(
        Effect.map(Counter, (counter) =>
          Front.of({
            Pass: () => Effect.andThen(Effect.sleep(500), Effect.orDie(counter.ask.Next()))
          })
        ),
        { deadline: "Infinity" }
      )
      const { close, context } = yield* built(
        FrontLayer.pipe(Layer.provideMerge(counterLayer()), Layer.provideMerge(Ryker.layer))
      )
      const front = Context.get(context, Front)
      const asks = [yield* start(front.ask.Pass()), yield* start(front.ask.Pass())]
      yield* settle
      assert.strictEqual((yield* whileTimePasses(close)).at, 1_000)
      assert.deepStrictEqual(yield* Effect.forEach(asks, Fiber.join), [Exit.succeed(1), Exit.succeed(2)])
    })
  )
})

describe("closing one actor's Layer", () => {
  it.effect("stops that actor and no other", () =>
    Effect.gen(function* () {
      const other = yield* spawnCounter()
      const scope = yield* Scope.make()
      const counter = Context.get(yield* Layer.buildWithScope(counterLayer(), scope), Counter)
      const ask = yield* start(counter.ask.Slow({ millis: 200 }))
      yield* other.tell.Slow({ millis: 1_000 })
      yield* settle
      assert.strictEqual((yield* whileTimePasses(Scope.close(scope, Exit.void))).at, 200)
      assert.deepStrictEqual(yield* Fiber.join(ask), Exit.succeed(1))
      assert.deepInclude(yield* Effect.flip(counter.ask.Next()), { _tag: "Stopped", reason: "ScopeClosed" })
      assert.strictEqual((yield* Actor.status(other))._tag, "Running")
      const next = yield* start(other.ask.Next())
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(next), Exit.succeed(2))
      // And its name is free again.
      const again = Context.get(yield* Layer.build(counterLayer()), Counter)
      assert.strictEqual(yield* again.ask.Next(), 1)
    }).pipe(withActors(Layer.empty))
  )

  it.effect.each([
    [1_000, 3_000],
    [3_000, 1_000]
  ])("during a drain ends with the earlier of the two: drain %i ms, shutdown %i ms", ([drainMillis, shutdown]) =>
    Effect.gen(function* () {
      yield* TestClock.adjust(0)
      const scope = yield* Scope.make()
      const counter = yield* Scope.provide(spawnCounter({ shutdown: shutdown! }), scope)
      yield* counter.tell.Stubborn({ millis: 1_000_000 })
      yield* settle
      const drain = yield* start(timed(Ryker.drain(drainMillis!)))
      const close = yield* start(timed(Scope.close(scope, Exit.void)))
      yield* TestClock.adjust("1 minute")
      for (const fiber of [drain, close]) {
        const exit = fiber.pollUnsafe() ?? assert.fail("it hangs")
        assert.strictEqual((yield* yield* exit).at, 1_000)
      }
      // Of several reasons to stop, the first is the one.
      assert.strictEqual(yield* Actor.awaitStopped(counter), "ScopeClosed")
    }).pipe(withActors(Layer.empty))
  )

  it.effect("gives it a budget of its own, however much others needed long before", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust(0)
      const scopes: Array<Scope.Closeable> = []
      for (let index = 0; index < 4; index++) {
        const scope = yield* Scope.make()
        const counter = yield* Scope.provide(spawnCounter({ shutdown: "5 seconds" }), scope)
        yield* counter.tell.Stubborn({ millis: 100_000_000 })
        scopes.push(scope)
      }
      yield* settle
      for (const [index, scope] of scopes.entries()) {
        yield* TestClock.setTime(index * 60_000)
        assert.strictEqual((yield* whileTimePasses(Scope.close(scope, Exit.void))).at, index * 60_000 + 5_000)
      }
    }).pipe(withActors(Layer.empty, { drainDeadline: "6 seconds" }))
  )

  it.effect("gives each of many actors that come and go all the time what its work needs", () =>
    Effect.gen(function* () {
      // A busy service: every 50 ms an actor's Scope closes with 20 ms of work in hand, for much longer than drainDeadline.
      const answers: Array<Exit.Exit<number, unknown>> = []
      for (let index = 0; index < 100; index++) {
        const scope = yield* Scope.make()
        const counter = yield* Scope.provide(spawnCounter(), scope)
        const ask = yield* start(counter.ask.Slow({ millis: 20 }))
        yield* settle
        const close = yield* start(Scope.close(scope, Exit.void))
        yield* TestClock.adjust(50)
        yield* Fiber.join(close)
        answers.push(yield* Fiber.join(ask))
      }
      assert.strictEqual(answers.filter(Exit.isSuccess).length, 100)
    }).pipe(withActors(Layer.empty, { drainDeadline: "2 seconds" }))
  )

  it.effect("gives each of many actors that overlap all the time what its work needs", () =>
    Effect.gen(function* () {
      const asks: Array<Fiber.Fiber<Exit.Exit<number, unknown>>> = []
      for (let index = 0; index < 100; index++) {
        const scope = yield* Scope.make()
        const counter = yield* Scope.provide(spawnCounter({ deadline: "Infinity" }), scope)
        asks.push(yield* start(counter.ask.Slow({ millis: 200 })))
        yield* settle
        yield* start(Scope.close(scope, Exit.void))
        yield* TestClock.adjust(50)
      }
      yield* TestClock.adjust("1 second")
      const answers = yield* Effect.forEach(asks, Fiber.join)
      assert.strictEqual(answers.filter(Exit.isSuccess).length, 100)
    }).pipe(withActors(Layer.empty, { drainDeadline: "2 seconds" }))
  )
})

// --- The ledger ---------------------------------------------------------------------------------------------------------

describe("the ledger", () => {
  it.effect("has one entry for each definition, whatever the number of its actors", () =>
    Effect.gen(function* () {
      const counters = [yield* spawnCounter(), yield* spawnCounter({ name: "mine" }), yield* Counter]
      for (const counter of counters) yield* counter.ask.Next()
      const entries = yield* Ryker.ledger
      assert.deepStrictEqual(
        entries.map(({ accepted, actor, handled }) => ({ actor, accepted, handled })),
        [{ actor: "Counter", accepted: 3, handled: 3 }]
      )
    }).pipe(withActors(counterLayer()))
  )

  it.effect("keeps the counts of actors that are gone", () =>
    Effect.gen(function* () {
      for (let index = 0; index < 3; index++) {
        yield* Effect.scoped(Effect.flatMap(spawnCounter(), (counter) => counter.ask.Next()))
      }
      assert.deepInclude(yield* ledgerOf("Counter"), { accepted: 3, handled: 3, queued: 0, inHand: 0 })
    }).pipe(run)
  )

  it.effect("sees each message in one place at each moment: queued, in hand, handled", () =>
    Effect.gen(function* () {
      const counter = yield* spawnCounter()
      yield* counter.tell.Slow({ millis: 100 })
      yield* counter.tell.Slow({ millis: 100 })
      assert.deepInclude(yield* ledgerOf("Counter"), { accepted: 2, queued: 2, inHand: 0, handled: 0 })
      yield* settle
      assert.deepInclude(yield* ledgerOf("Counter"), { accepted: 2, queued: 1, inHand: 1, handled: 0 })
      yield* TestClock.adjust(100)
      assert.deepInclude(yield* ledgerOf("Counter"), { accepted: 2, queued: 0, inHand: 1, handled: 1 })
      yield* TestClock.adjust(100)
      assert.deepInclude(yield* ledgerOf("Counter"), { accepted: 2, queued: 0, inHand: 0, handled: 2 })
    }).pipe(run)
  )

  it.effect("is a picture of its moment that does not change later", () =>
    Effect.gen(function* () {
      const counter = yield* spawnCounter()
      const before = yield* ledgerOf("Counter")
      yield* counter.ask.Next()
      yield* Effect.exit(counter.ask.Next(undefined, { deadline: 0 }))
      yield* Actor.stop(counter)
      yield* Effect.exit(counter.ask.Next())
      assert.deepInclude(before, { accepted: 0, handled: 0 })
      assert.strictEqual(before.refused.stopped, 0)
    }).pipe(run)
  )

  it.effect("counts every refusal under its error, and none of them as accepted", () =>
    Effect.gen(function* () {
      class Strict extends Actor.Service<Strict>()(
        "Strict",
        [
          Rpc.make("Put", { payload: { text: Schema.String } }),
          Rpc.make("Hang"),
          // Asks itself.
          Rpc.make("Loop", { success: Schema.String })
        ],
        { validate: "always" }
      ) {}
      const strict = yield* Actor.spawn(
        Strict,
        Effect.map(Strict, (self) => ({
          Put: () => Effect.void,
          Hang: () => Effect.never,
          Loop: () =>
            self.ask.Put({ text: "" }).pipe(
              Effect.as("no error"),
              Effect.catch((error) => Effect.succeed<string>(error._tag))
            )
        })),
        { capacity: 2, maxMessageBytes: 100 }
      )
      const refused = () => Effect.map(ledgerOf("Strict"), (entry) => entry.refused)
      const none = { busy: 0, tooLarge: 0, stopped: 0, timeout: 0, deadlock: 0, invalid: 0 }
      assert.deepStrictEqual(yield* refused(), none)

      assert.strictEqual((yield* Effect.flip(strict.tell.Put({ text: "x".repeat(101) })))._tag, "TooLarge")
      assert.deepStrictEqual(yield* refused(), { ...none, tooLarge: 1 })

      const wrong: { text: string } = JSON.parse('{ "text": 7 }')
      assert.strictEqual((yield* Effect.flip(strict.tell.Put(wrong)))._tag, "InvalidMessage")
      assert.deepStrictEqual(yield* refused(), { ...none, tooLarge: 1, invalid: 1 })

      const late = yield* Effect.flip(strict.ask.Put({ text: "" }, { deadline: 0 }))
      assert.deepInclude(late, { _tag: "Timeout", phase: "queued" })
      assert.deepStrictEqual(yield* refused(), { ...none, tooLarge: 1, invalid: 1, timeout: 1 })

      assert.strictEqual(yield* strict.ask.Loop(), "Deadlock")
      assert.deepStrictEqual(yield* refused(), { ...none, tooLarge: 1, invalid: 1, timeout: 1, deadlock: 1 })

      yield* strict.tell.Hang()
      yield* settle
      yield* strict.tell.Put({ text: "" })
      yield* strict.tell.Put({ text: "" })
      assert.strictEqual((yield* Effect.flip(strict.tell.Put({ text: "" })))._tag, "Busy")
      assert.strictEqual((yield* Effect.flip(strict.ask.Put({ text: "" })))._tag, "Busy")
      assert.deepStrictEqual(yield* refused(), { ...none, tooLarge: 1, invalid: 1, timeout: 1, deadlock: 1, busy: 2 })

      yield* Actor.stop(strict, { deadline: 0 })
      assert.strictEqual((yield* Effect.flip(strict.tell.Put({ text: "" })))._tag, "Stopped")
      assert.deepStrictEqual(yield* refused(), {
        tooLarge: 1,
        invalid: 1,
        timeout: 1,
        deadlock: 1,
        busy: 2,
        stopped: 1
      })
      assert.deepInclude(yield* ledgerOf("Strict"), { accepted: 4, handled: 1, failed: 1 })
      assert.strictEqual((yield* ledgerOf("Strict")).dropped.shutdown, 2)
    }).pipe(run)
  )

  it.effect("knows a reply from a typed failure, a crash, a deadline and an interruption", () =>
    Effect.gen(function* () {
      const counter = yield* spawnCounter({ backoff: { base: 1, cap: 1 } })
      yield* counter.ask.Next()
      yield* Effect.exit(counter.ask.Crash())
      yield* TestClock.adjust(10)
      const timedOut = yield* start(counter.ask.Hang(undefined, { deadline: 10 }))
      yield* TestClock.adjust(1_000)
      yield* Fiber.join(timedOut)
      const interrupted = yield* start(counter.ask.Hang())
      const waiting = yield* start(counter.ask.Next())
      const expiring = yield* start(counter.ask.Slow({ millis: 1 }, { deadline: 20 }))
      yield* settle
      yield* TestClock.adjust(20)
      yield* Fiber.interrupt(waiting)
      yield* Fiber.interrupt(interrupted)
      yield* Fiber.join(expiring)
      assert.deepInclude(yield* ledgerOf("Counter"), { accepted: 6, handled: 1, failed: 3, queued: 0, inHand: 0 })
      assert.deepInclude((yield* ledgerOf("Counter")).dropped, { deadline: 1, interrupted: 1 })
    }).pipe(run)
  )

  /** Does at random whatever can be done with three actors that ask each other, and checks the books after each step. */
  it.effect.each(["a", "b", "c", "d", "e", "f", "g", "h"])(
    "balances at every step of a long mixed scenario: seed %s",
    (seed) =>
      Effect.gen(function* () {
        let attempts = 0
        let begun = 0
        class Mixed extends Actor.Service<Mixed>()("Mixed", [
          Rpc.make("Quick", { payload: { text: Schema.String }, success: Schema.Int }),
          Rpc.make("Slow", { payload: { millis: Schema.Int } }),
          Rpc.make("Stubborn", { payload: { millis: Schema.Int } }),
          Rpc.make("Fail", { error: Schema.String }),
          Rpc.make("Die"),
          Rpc.make("Pass", { payload: { to: Schema.Array(Schema.Int), millis: Schema.Int } })
        ]) {}
        type MixedHandle = Actor.Handle<(typeof Mixed)["messages"][number]>
        const actors: Array<MixedHandle> = []
        const ryker = yield* Ryker.Ryker
        const scope = yield* Effect.scope
        /** Every attempt to send is accepted or refused, and every refusal is counted. */
        const attempt = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
          Effect.suspend(() => {
            attempts++
            return effect
          })
        const handler = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
          begun++
          return effect
        }
        const handlers = Mixed.of({
          Quick: () => handler(Effect.succeed(1)),
          Slow: ({ millis }) => handler(Effect.sleep(millis)),
          Stubborn: ({ millis }) => handler(Effect.uninterruptible(Effect.sleep(millis))),
          Fail: () => handler(Effect.fail("typed")),
          Die: () => handler(Effect.die("untyped")),
          Pass: ({ millis, to: [next, ...rest] }) =>
            handler(
              next === undefined
                ? Effect.sleep(millis)
                : Effect.ignore(attempt(Effect.suspend(() => actors[next]!.ask.Pass({ to: rest, millis }))))
            )
        })
        const spawn = (index: number) =>
          Effect.gen(function* () {
            actors[index] = yield* Actor.spawn(Mixed, handlers, {
              capacity: 4,
              maxMessageBytes: 100,
              deadline: 40,
              backoff: { base: 2, cap: 20 },
              intensity: { restarts: 3, window: 50 }
            })
          }).pipe(Effect.provideService(Ryker.Ryker, ryker), Effect.provideService(Scope.Scope, scope))
        for (let index = 0; index < 3; index++) yield* spawn(index)

        const check = Effect.gen(function* () {
          yield* assertBalanced
          const entry = yield* ledgerOf("Mixed")
          const refused = Object.values(entry.refused).reduce((sum, n) => sum + n)
          assert.strictEqual(entry.accepted + refused, attempts)
          assert.strictEqual(entry.handled + entry.failed + entry.inHand, begun)
          assert.isAtMost(entry.queued, 3 * 4)
        })

        const pending: Array<Fiber.Fiber<Exit.Exit<unknown, unknown>>> = []
        const send = <A, E>(effect: Effect.Effect<A, E>) =>
          Effect.map(start(attempt(effect)), (fiber) => {
            pending.push(fiber)
          })
        for (let step = 0; step < 400; step++) {
          const index = yield* Random.nextIntBetween(0, 2)
          const actor = actors[index]!
          const millis = yield* Random.nextIntBetween(0, 60)
          const choice = yield* Random.nextIntBetween(0, 17)
          if (choice === 0) yield* send(actor.ask.Quick({ text: "" }))
          else if (choice === 1) yield* send(actor.tell.Quick({ text: "x".repeat(2 * millis) }))
          else if (choice === 2) yield* send(actor.ask.Slow({ millis }))
          else if (choice === 3) yield* send(actor.tell.Slow({ millis }, { deadline: 30 }))
          else if (choice === 4) yield* send(actor.ask.Stubborn({ millis }))
          else if (choice === 5) yield* send(actor.ask.Fail())
          else if (choice === 6) yield* send(actor.ask.Die())
          else if (choice === 7) yield* send(actor.tell.Die())
          else if (choice === 8) yield* send(actor.ask.Quick({ text: "" }, { deadline: 0 }))
          else if (choice < 11) {
            const to = yield* Effect.forEach([1, 2, 3], () => Random.nextIntBetween(0, 2))
            yield* send(actor.ask.Pass({ to, millis }))
          } else if (choice === 11 && pending.length > 0) {
            yield* Fiber.interrupt(pending[yield* Random.nextIntBetween(0, pending.length - 1)]!)
          } else if (choice === 12) {
            pending.push(yield* start(Actor.stop(actor, { deadline: millis })))
          } else if (choice === 13) yield* settle
          else yield* TestClock.adjust(yield* Random.nextIntBetween(0, 15))
          yield* check
          if ((yield* Actor.status(actor))._tag === "Stopped") yield* spawn(index)
        }
        const { value: report } = yield* whileTimePasses(Ryker.drain(20))
        yield* check
        yield* TestClock.adjust("1 minute")
        yield* check
        const entry = yield* ledgerOf("Mixed")
        assert.deepInclude(entry, { queued: 0, inHand: 0 })
        assert.isAtMost(report.millis, 20)
        // Nobody hangs.
        assert.isTrue(pending.every((fiber) => fiber.pollUnsafe() !== undefined))
        // And the scenario was one.
        for (const key of ["handled", "failed", "crashes", "restarts"] as const) assert.isAbove(entry[key], 5)
      }).pipe(withActors(Layer.empty, { drainDeadline: 0 }), Random.withSeed(seed))
  )
})

// --- Options ------------------------------------------------------------------------------------------------------------

describe("layerWith", () => {
  const build = (options: Ryker.Options) => Effect.exit(Effect.scoped(Layer.build(Ryker.layerWith(options))))

  /** The types forbid some of the values, and the table has one type for all options. */
  const untyped = (value: unknown) => value as never

  const bigInts = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1, 0.5, 1.5, 2 ** 53]
  const durations = ["-1 millis", Number.NaN, -5] as const

  /** Each option: what makes it, values in its range, values out of it. */
  const ranges: ReadonlyArray<
    readonly [string, (value: never) => Ryker.Options, ReadonlyArray<unknown>, ReadonlyArray<unknown>]
  > = [
    ["capacity", (capacity) => ({ defaults: { capacity } }), [1, 256, 1_048_576], [...bigInts, 0, 1_048_577]],
    [
      "maxMessageBytes",
      (maxMessageBytes) => ({ defaults: { maxMessageBytes } }),
      [1, 65_536, Number.MAX_SAFE_INTEGER],
      [...bigInts, 0]
    ],
    [
      "deadline",
      (deadline) => ({ defaults: { deadline } }),
      [1, "1 millis", "1 hour", "Infinity", Number.POSITIVE_INFINITY],
      [...durations, 0, 0.5, "0 millis"]
    ],
    [
      "startTimeout",
      (startTimeout) => ({ defaults: { startTimeout } }),
      [1, "1 hour", "Infinity"],
      [...durations, 0, 0.5]
    ],
    ["shutdown", (shutdown) => ({ defaults: { shutdown } }), [0, 0.5, "1 hour", "Infinity"], durations],
    [
      "backoff.base",
      (base) => ({ defaults: { backoff: { base } } }),
      [0.001, 1, "5 seconds"],
      [...durations, 0, 5_001, "Infinity"]
    ],
    [
      "backoff.cap",
      (cap) => ({ defaults: { backoff: { cap } } }),
      [1, 50, "1 day"],
      [...durations, 0, "25 hours", "Infinity"]
    ],
    [
      "intensity.restarts",
      (restarts) => ({ defaults: { intensity: { restarts } } }),
      [0, 1, 1_000_000],
      [...bigInts, 1_000_001]
    ],
    [
      "intensity.window",
      (window) => ({ defaults: { intensity: { window } } }),
      [1, "10 seconds", "Infinity"],
      [...durations, 0, 0.5]
    ],
    [
      "fairness.batchMessages",
      (batchMessages) => ({ fairness: { batchMessages } }),
      [1, 32, 1_000_000],
      [...bigInts, 0, 1_000_001]
    ],
    [
      "fairness.yieldEvery",
      (yieldEvery) => ({ fairness: { yieldEvery } }),
      [32, 64, 1_000_000],
      [...bigInts, 0, 1, 31, 1_000_001]
    ],
    ["drainDeadline", (drainDeadline) => ({ drainDeadline }), [0, "1 hour", "Infinity"], durations]
  ]

  it.effect.each(ranges)("keeps %s in its range, and says what is allowed", ([option, make, good, bad]) =>
    Effect.gen(function* () {
      for (const value of good) {
        assert.isTrue(Exit.isSuccess(yield* build(make(untyped(value)))), `${option}: ${String(value)}`)
      }
      for (const value of bad) {
        const exit = yield* build(make(untyped(value)))
        if (Exit.isSuccess(exit)) return assert.fail(`${option} takes ${String(value)}`)
        const error = Cause.squash(exit.cause)
        assert.deepInclude(error, { _tag: "InvalidOption", owner: "Ryker", option })
        assert.include(String(error), option)
      }
    })
  )

  it.effect("wants yieldEvery to be at least batchMessages, and moves only a default", () =>
    Effect.gen(function* () {
      assert.isTrue(Exit.isSuccess(yield* build({ fairness: { batchMessages: 100 } })))
      assert.isTrue(Exit.isSuccess(yield* build({ fairness: { batchMessages: 100, yieldEvery: 100 } })))
      assert.isTrue(Exit.isFailure(yield* build({ fairness: { batchMessages: 100, yieldEvery: 99 } })))
    })
  )

  it.effect("wants base to be at most cap, and moves only a default", () =>
    Effect.gen(function* () {
      assert.isTrue(Exit.isSuccess(yield* build({ defaults: { backoff: { cap: 50 } } })))
      assert.isTrue(Exit.isSuccess(yield* build({ defaults: { backoff: { base: 50, cap: 50 } } })))
      assert.isTrue(Exit.isFailure(yield* build({ defaults: { backoff: { base: 51, cap: 50 } } })))
    })
  )

  it.effect("fails nothing with an actor's options: the actor's own Layer does, under the actor's name", () =>
    Effect.gen(function* () {
      for (const capacity of [0, -1, Number.NaN, 2 ** 53]) {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(counterLayer({ capacity }))))
        assert.deepInclude(error, {
          _tag: "InvalidOption",
          owner: "Counter",
          option: "capacity",
          value: String(capacity)
        })
      }
      assert.deepStrictEqual(yield* Ryker.ledger, [])
    }).pipe(run)
  )
})

describe("an actor", () => {
  const under = (options: Ryker.Options) => withActors(Layer.empty, { drainDeadline: 0, ...options })

  /** Fills a mailbox and says how many messages went in. */
  const capacityOf = (counter: CounterHandle) =>
    Effect.gen(function* () {
      yield* counter.tell.Hang()
      yield* settle
      let n = 0
      while (Exit.isSuccess(yield* Effect.exit(counter.tell.Next()))) n++
      return n
    })

  /** How long an ask takes until it times out. */
  const deadlineOf = (counter: CounterHandle) =>
    Effect.gen(function* () {
      const before = yield* Clock.currentTimeMillis
      const { at } = yield* whileTimePasses(Effect.flip(counter.ask.Hang()))
      return at - before
    })

  it.effect("goes by the runtime's defaults where it says nothing", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* capacityOf(yield* spawnCounter()), 3)
      assert.strictEqual(yield* deadlineOf(yield* spawnCounter()), 7_000)
    }).pipe(under({ defaults: { capacity: 3, deadline: "7 seconds" } }))
  )

  it.effect("goes by what it says itself, whatever the runtime's defaults", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* capacityOf(yield* spawnCounter({ capacity: 5 })), 5)
      assert.strictEqual(yield* deadlineOf(yield* spawnCounter({ deadline: "3 seconds" })), 3_000)
    }).pipe(under({ defaults: { capacity: 3, deadline: "7 seconds" } }))
  )

  it.effect("goes by the documented defaults where nobody says anything", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* capacityOf(yield* spawnCounter()), 256)
      assert.strictEqual(yield* deadlineOf(yield* spawnCounter()), 1_000)
    }).pipe(under({}))
  )

  it.effect("has its own maxMessageBytes, else the runtime's", () =>
    Effect.gen(function* () {
      class Blob extends Actor.Service<Blob>()("Blob", [Rpc.make("Put", { payload: { text: Schema.String } })]) {}
      const small = yield* Actor.spawn(Blob, { Put: () => Effect.void })
      const large = yield* Actor.spawn(Blob, { Put: () => Effect.void }, { maxMessageBytes: 200 })
      yield* small.ask.Put({ text: "x".repeat(100) })
      assert.deepInclude(yield* Effect.flip(small.ask.Put({ text: "x".repeat(101) })), { _tag: "TooLarge", max: 100 })
      yield* large.ask.Put({ text: "x".repeat(200) })
      assert.deepInclude(yield* Effect.flip(large.ask.Put({ text: "x".repeat(201) })), { _tag: "TooLarge", max: 200 })
    }).pipe(under({ defaults: { maxMessageBytes: 100 } }))
  )

  it.effect("has its own restart type, else the runtime's", () =>
    Effect.gen(function* () {
      const temporary = yield* spawnCounter()
      const permanent = yield* spawnCounter({ restart: "permanent" })
      for (const counter of [temporary, permanent]) yield* counter.tell.Crash()
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Actor.status(temporary), { _tag: "Stopped", reason: "Crashed" })
      assert.deepInclude(yield* Actor.status(permanent), { _tag: "Running", incarnation: 2 })
    }).pipe(under({ defaults: { restart: "temporary" } }))
  )

  it.effect("has its own backoff, each part of it else the runtime's", () =>
    Effect.gen(function* () {
      const delayOf = (options: Actor.Options) =>
        Effect.gen(function* () {
          const counter = yield* spawnCounter(options)
          yield* counter.tell.Crash()
          yield* settle
          const status = yield* Actor.status(counter)
          return status._tag === "Restarting" ? status.millisLeft : assert.fail(status._tag)
        })
      assert.strictEqual(yield* delayOf({}), 300)
      assert.strictEqual(yield* delayOf({ backoff: { base: 40 } }), 40)
      // The runtime's base gives way to a smaller cap, and its jitter stays off.
      assert.strictEqual(yield* delayOf({ backoff: { cap: 200 } }), 200)
      const jittered = yield* delayOf({ backoff: { base: 100, cap: 1_000, jitter: true } })
      assert.isTrue(jittered > 100 && jittered < 300, String(jittered))
      const error = yield* Effect.flip(spawnCounter({ backoff: { base: 1_001 } }))
      assert.deepInclude(error, { _tag: "InvalidOption", option: "backoff.base" })
    }).pipe(under({ defaults: { backoff: { base: 300, cap: 1_000, jitter: false } } }), Random.withSeed("seed"))
  )

  it.effect("has its own intensity, each part of it else the runtime's", () =>
    Effect.gen(function* () {
      const survives = (options: Actor.Options) =>
        Effect.gen(function* () {
          const counter = yield* spawnCounter({ ...options, backoff: { base: 1, cap: 1 } })
          yield* counter.tell.Crash()
          yield* TestClock.adjust("2 seconds")
          yield* counter.tell.Crash()
          yield* TestClock.adjust("2 seconds")
          return (yield* Actor.status(counter))._tag === "Running"
        })
      assert.isFalse(yield* survives({}))
      assert.isTrue(yield* survives({ intensity: { restarts: 2 } }))
      assert.isTrue(yield* survives({ intensity: { window: "1 second" } }))
    }).pipe(under({ defaults: { intensity: { restarts: 1, window: "1 minute" } } }))
  )

  it.effect("has its own startTimeout and shutdown, else the runtime's", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust(0)
      const startTimeOf = (options: Actor.Options) =>
        Effect.gen(function* () {
          const before = yield* Clock.currentTimeMillis
          const { at, value } = yield* whileTimePasses(Effect.flip(Actor.spawn(Counter, Effect.never, options)))
          assert.deepInclude(value, { _tag: "StartError", reason: "Timeout" })
          return at - before
        })
      assert.strictEqual(yield* startTimeOf({}), 2_000)
      assert.strictEqual(yield* startTimeOf({ startTimeout: 500 }), 500)
      const stopTimeOf = (options: Actor.Options) =>
        Effect.gen(function* () {
          const counter = yield* spawnCounter(options)
          yield* counter.tell.Stubborn({ millis: 1_000_000 })
          yield* settle
          const before = yield* Clock.currentTimeMillis
          const { at } = yield* whileTimePasses(Actor.stop(counter))
          return at - before
        })
      assert.strictEqual(yield* stopTimeOf({}), 3_000)
      assert.strictEqual(yield* stopTimeOf({ shutdown: 700 }), 700)
    }).pipe(under({ defaults: { startTimeout: "2 seconds", shutdown: "3 seconds" } }))
  )
})
