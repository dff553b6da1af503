/** Supervision trees as Layers: how they start, how a start fails, and what they leave behind. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import * as Ryker from "../src/Ryker.ts"
import * as RykerError from "../src/RykerError.ts"
import * as Supervisor from "../src/Supervisor.ts"
import {
  assertNothingLeft,
  childrenOf,
  errorOf,
  fragile,
  open,
  quick,
  Refused,
  run,
  runtime,
  settle,
  start,
  timed,
  type Traced,
  type TracedOptions,
  tracing
} from "./Supervisor.fixtures.ts"

class Top extends Supervisor.Service<Top>()("Top") {}
class Mid extends Supervisor.Service<Mid>()("Mid") {}
class Low extends Supervisor.Service<Low>()("Low") {}

/** What a SupervisorStartError says, without what cannot be compared. */
const told = (error: unknown): unknown =>
  error instanceof RykerError.SupervisorStartError
    ? [error.supervisor, error.child, told(error.cause)]
    : error instanceof RykerError.StartError
      ? `StartError ${error.reason}`
      : error instanceof RykerError.InvalidOption
        ? `InvalidOption ${error.option}`
        : error instanceof Refused
          ? `Refused ${error.why}`
          : error

const startOf = <A, E>(layer: Layer.Layer<A, E, Ryker.Ryker>) =>
  Effect.map(Effect.exit(Effect.scoped(Layer.build(layer))), (exit) => told(errorOf(exit)))

// --- Start --------------------------------------------------------------------------------------------------------------

describe("a start", () => {
  it.effect("goes in the order of the list, each child after the one before is ready", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing({ timed: true })
      const slow = (name: string, millis: number) => traced(name, { onStart: () => Effect.sleep(millis) }).layer
      const tree = yield* start(timed(open(Top.toLayer({ children: [slow("a", 100), slow("b", 50), slow("c", 10)] }))))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(tree), Exit.succeed(160))
      assert.deepStrictEqual(take(), ["+a1@0", "+b1@100", "+c1@150"])
    }).pipe(run())
  )

  it.effect("of a tree goes into depth first, and gives the handles of all of it", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const [a, b, c, d] = [traced("a"), traced("b"), traced("c"), traced("d")]
      const low = Low.toLayer({ children: [b.layer, c.layer] })
      const { close, services } = yield* open(
        Top.toLayer({ children: [a.layer, Mid.toLayer({ children: [low] }), d.layer] })
      )
      assert.deepStrictEqual(take(), ["+a1", "+b1", "+c1", "+d1"])
      for (const actor of [a, b, c, d]) {
        const handle = yield* Effect.provideContext(actor.handle, services)
        assert.strictEqual(yield* handle.ask.Ping(), 1)
      }
      assert.deepStrictEqual(yield* childrenOf(Context.get(services, Top)), ["a:Running", "Mid:Running", "d:Running"])
      const [mid, lowest] = [yield* Supervisor.find("Mid"), yield* Supervisor.find("Low")]
      assert.deepStrictEqual(yield* childrenOf(Option.getOrThrow(mid)), ["Low:Running"])
      assert.deepStrictEqual(yield* childrenOf(Option.getOrThrow(lowest)), ["b:Running", "c:Running"])
      yield* close
      assert.deepStrictEqual(take(), ["-d1", "-c1", "-b1", "-a1"])
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("of a supervisor without children succeeds, and so does its stop", () =>
    Effect.gen(function* () {
      const { close, services } = yield* open(Top.toLayer())
      const top = Context.get(services, Top)
      assert.strictEqual((yield* Actor.status(top))._tag, "Running")
      assert.deepStrictEqual(yield* Supervisor.whichChildren(top), [])
      yield* close
      assert.strictEqual(yield* Actor.awaitStopped(top), "ScopeClosed")
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("makes an actor that a child's Layer is provided with a child that starts before it", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const a = traced("a")
      const b = traced("b")
      const { close, services } = yield* open(Top.toLayer({ children: [b.layer.pipe(Layer.provide(a.layer))] }))
      assert.deepStrictEqual(yield* childrenOf(Context.get(services, Top)), ["a:Running", "b:Running"])
      yield* close
      assert.deepStrictEqual(take(), ["+a1", "+b1", "-b1", "-a1"])
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("takes as long as its children need: each has a limit of its own, and the supervisor none", () =>
    Effect.gen(function* () {
      const { traced } = tracing()
      const slow = (name: string) =>
        traced(name, { startTimeout: "5 seconds", onStart: () => Effect.sleep(4_000) }).layer
      const children = ["a", "b", "c", "d"].map(slow)
      const tree = yield* start(timed(open(Top.toLayer({ children: [Mid.toLayer({ children })] }))))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(tree), Exit.succeed(16_000))
    }).pipe(run())
  )

  it.effect("makes the same Layer that is provided after the supervisor too the same actor", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const a = traced("a")
      const inside = Effect.gen(function* () {
        assert.strictEqual(yield* (yield* a.handle).ask.Ping(), 1)
        assert.deepStrictEqual(yield* childrenOf(yield* Top), ["a:Running"])
      })
      yield* inside.pipe(Effect.provide(a.layer), Effect.provide(Top.toLayer({ children: [a.layer] })))
      assert.deepStrictEqual(take(), ["+a1", "-a1"])
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("of the same supervisor Layer, provided twice, is one", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const top = Top.toLayer({ children: [traced("a").layer] })
      yield* Top.pipe(Effect.provide(top), Effect.provide(top))
      yield* Top.pipe(Effect.provide(Layer.merge(top, top)))
      assert.deepStrictEqual(take(), ["+a1", "-a1", "+a1", "-a1"])
      yield* assertNothingLeft
    }).pipe(run())
  )
})

// --- Failed starts ------------------------------------------------------------------------------------------------------

describe("a start that fails", () => {
  /** How a child can fail to start: its options, and the cause that the supervisor tells. */
  const flaws: Readonly<Record<string, readonly [TracedOptions, string]>> = {
    "a typed failure": [{ onStart: () => new Refused({ why: "no" }) }, "Refused no"],
    "a defect": [{ onStart: () => Effect.die(new Error("on purpose")) }, "StartError Defect"],
    "a timeout": [{ onStart: () => Effect.never, startTimeout: 100 }, "StartError Timeout"],
    "a temporary child's failure": [{ onStart: () => new Refused({ why: "no" }), restart: "temporary" }, "Refused no"]
  }
  const places = ["first", "middle", "last"] as const
  const cases = Object.keys(flaws).flatMap((flaw) => places.map((place) => [flaw, place] as const))

  it.effect.each(cases)("with %s of the %s child stops the started in reverse, and tells it", ([flaw, place]) =>
    Effect.gen(function* () {
      const [options, cause] = flaws[flaw]!
      const { take, traced } = tracing()
      const failing = places.indexOf(place)
      const names = ["a", "b", "c"]
      const children = names.map((name, index) => traced(name, index === failing ? options : {}).layer)
      const exit = yield* start(startOf(Top.toLayer({ children })))
      yield* TestClock.adjust("1 minute")
      const child = names[failing]!
      assert.deepStrictEqual(yield* Fiber.join(exit), Exit.succeed(["Top", child, cause]))
      const started = names.slice(0, failing + 1)
      // Each of them once: nothing is tried again.
      assert.deepStrictEqual(take(), [
        ...started.map((name) => `+${name}1`),
        ...started.toReversed().map((name) => `-${name}1`)
      ])
      for (const entry of yield* Ryker.ledger) assert.strictEqual(entry.restarts, 0)
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("with an option out of range is told as the place in the list, as there is no actor", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const children = [traced("a").layer, traced("b", { capacity: 0 }).layer]
      assert.deepStrictEqual(yield* startOf(Top.toLayer({ children })), ["Top", "child 2", "InvalidOption capacity"])
      assert.deepStrictEqual(take(), ["+a1", "-a1"])
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect.each(["a", "Top", "b"])("with the name %s taken, by a child, itself or somebody else", (taken) =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const scope = yield* Scope.make()
      if (taken === "b") yield* Scope.provide(traced("b").spawn, scope)
      const children = [traced("a").layer, traced(taken).layer]
      assert.deepStrictEqual(yield* startOf(Top.toLayer({ children })), ["Top", "child 2", "StartError DuplicateName"])
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(
        take().filter((entry) => entry.endsWith("a1")),
        ["+a1", "-a1"]
      )
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("of two supervisors of one name: the second does not start, and the first is left alone", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const first = yield* open(Top.toLayer({ children: [traced("a").layer] }))
      assert.strictEqual(
        yield* startOf(Supervisor.layer("Top", { children: [traced("b").layer] })),
        "StartError DuplicateName"
      )
      assert.deepStrictEqual(take(), ["+a1"])
      assert.deepStrictEqual(yield* childrenOf(Context.get(first.services, Top)), ["a:Running"])
      yield* first.close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("in the depth takes the whole tree down in reverse, and says the way to it", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const d = traced("d", { onStart: () => new Refused({ why: "no" }) })
      const low = Low.toLayer({ children: [traced("c").layer, d.layer, traced("never").layer] })
      const mid = Mid.toLayer({ children: [traced("b").layer, low] })
      const top = Top.toLayer({ children: [traced("a").layer, mid, traced("nor").layer] })
      assert.deepStrictEqual(yield* startOf(top), ["Top", "Mid", ["Mid", "Low", ["Low", "d", "Refused no"]]])
      assert.deepStrictEqual(take(), ["+a1", "+b1", "+c1", "+d1", "-d1", "-c1", "-b1", "-a1"])
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(take(), [])
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("leaves the way free: the same Layers start when the cause is mended", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      let isMended = false
      const b = traced("b", { onStart: () => (isMended ? Effect.void : new Refused({ why: "not yet" })) })
      const mid = Mid.toLayer({ children: [traced("a").layer, b.layer] })
      const top = Top.toLayer({ children: [mid] })
      assert.deepStrictEqual(yield* startOf(top), ["Top", "Mid", ["Mid", "b", "Refused not yet"]])
      take()
      isMended = true
      const { close } = yield* open(top)
      yield* close
      assert.deepStrictEqual(take(), ["+a1", "+b1", "-b1", "-a1"])
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("names the child that failed, not the one before it that the same Layer started", () =>
    Effect.gen(function* () {
      const { traced } = tracing()
      const b = traced("b", { capacity: 0 }).layer.pipe(Layer.provide(traced("a").layer))
      assert.deepStrictEqual(yield* startOf(Top.toLayer({ children: [b] })), [
        "Top",
        "child 1",
        "InvalidOption capacity"
      ])
      // Both start at the same time, and the first fails while the second starts.
      const c = traced("c", { onStart: () => Effect.andThen(Effect.yieldNow, new Refused({ why: "no" })) })
      const both = Layer.mergeAll(c.layer, traced("d", { onStart: () => Effect.never }).layer)
      assert.deepStrictEqual(yield* startOf(Top.toLayer({ children: [both] })), ["Top", "c", "Refused no"])
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("waits until the started children have closed their Scopes", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing({ timed: true })
      const a = traced("a", { onClose: () => Effect.sleep(100) })
      const b = traced("b", { onClose: () => Effect.sleep(10) })
      const c = traced("c", { onStart: () => new Refused({ why: "no" }), onClose: () => Effect.sleep(1) })
      const exit = yield* start(timed(startOf(Top.toLayer({ children: [a.layer, b.layer, c.layer] }))))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(exit), Exit.succeed(111))
      assert.deepStrictEqual(take(), ["+a1@0", "+b1@0", "+c1@0", "-c1@1", "-b1@11", "-a1@111"])
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("ends the work that its children have begun within their shutdown, and drops the rest", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing({ timed: true })
      const a: Traced = traced("a", {
        shutdown: 300,
        onStart: () =>
          Effect.gen(function* () {
            const own = yield* a.handle
            yield* Effect.ignore(own.tell.Slow({ millis: 1_000 }))
            yield* Effect.ignore(own.tell.Work({ label: "never" }))
          })
      })
      const b = traced("b", { onStart: () => Effect.andThen(Effect.sleep(10), new Refused({ why: "no" })) })
      const exit = yield* start(timed(startOf(Top.toLayer({ children: [a.layer, b.layer] }))))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(exit), Exit.succeed(310))
      assert.deepStrictEqual(take(), ["+a1@0", "+b1@0", "-b1@10", "-a1@310"])
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("as it is interrupted stops the one that starts and those before it, in reverse", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const b = traced("b", { onStart: () => Effect.never, startTimeout: "Infinity" })
      const mid = Mid.toLayer({ children: [traced("a").layer, b.layer, traced("c").layer] })
      const build = yield* Effect.forkChild(Effect.scoped(Layer.build(Top.toLayer({ children: [mid] }))), {
        startImmediately: true
      })
      yield* settle
      assert.deepStrictEqual(take(), ["+a1", "+b1"])
      yield* Fiber.interrupt(build)
      assert.deepStrictEqual(take(), ["-b1", "-a1"])
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(build)))
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("as it is interrupted gives up on a build that cannot be, at the end of the time", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing({ timed: true })
      const onStart = () => Effect.uninterruptible(Effect.sleep("1 minute"))
      const children = [traced("a").layer, traced("b", { onStart, startTimeout: "Infinity", shutdown: 200 }).layer]
      const build = yield* start(timed(Layer.build(Top.toLayer({ children }))))
      const interrupted = yield* start(timed(Fiber.interrupt(build)))
      yield* TestClock.adjust(10_000)
      assert.deepStrictEqual(yield* Fiber.join(interrupted), Exit.succeed(200))
      assert.deepStrictEqual(take(), ["+a1@0", "+b1@0", "-b1@200", "-a1@200"])
      // What it left behind keeps its name until it is done.
      assert.deepStrictEqual([...(yield* runtime).names].includes("b"), true)
      yield* TestClock.adjust("1 minute")
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("for a child that gives up while those after it start is told as that child's end", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const a: Traced = traced("a", {
        ...fragile,
        onStart: () => Effect.flatMap(a.handle, (own) => Effect.ignore(own.tell.Crash()))
      })
      const b = traced("b", { onStart: () => Effect.sleep(50) })
      const exit = yield* start(Layer.build(Top.toLayer({ children: [a.layer, b.layer, traced("c").layer] })))
      yield* TestClock.adjust("1 second")
      const error = errorOf(yield* Fiber.join(exit))
      assert.deepInclude(error, { _tag: "SupervisorStartError", supervisor: "Top", child: "a" })
      assert.deepInclude("cause" in error ? error.cause : {}, { _tag: "Stopped", reason: "RapidFail" })
      assert.deepStrictEqual(take(), ["+a1", "+b1", "-a1", "-b1"])
      yield* assertNothingLeft
    }).pipe(run())
  )

  /** Layers that start no actor for the supervisor, at their place among the children. */
  const strangers = {
    "starts nothing": () => [Layer.empty],
    "stands in the list twice": () => {
      const { layer } = tracing().traced("a")
      return [layer, layer]
    }
  }
  it.effect.each(Object.keys(strangers) as Array<keyof typeof strangers>)(
    "with NotSupervised for a Layer that %s",
    (what) =>
      Effect.gen(function* () {
        const children = strangers[what]()
        const place = `child ${children.length}`
        assert.deepStrictEqual(yield* startOf(Top.toLayer({ children })), ["Top", place, "StartError NotSupervised"])
        yield* assertNothingLeft
      }).pipe(run())
  )

  it.effect("with NotSupervised for an actor that was started before its supervisor, which is left alone", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const a = traced("a")
      const top = Top.toLayer({ children: [traced("b").layer, a.layer] })
      const program = Effect.gen(function* () {
        assert.deepStrictEqual(yield* startOf(top), ["Top", "child 2", "StartError NotSupervised"])
        assert.deepStrictEqual(take(), ["+a1", "+b1", "-b1"])
        assert.strictEqual(yield* (yield* a.handle).ask.Ping(), 1)
      })
      yield* Effect.provide(program, a.layer)
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("during a drain", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      yield* Ryker.drain("1 second")
      assert.strictEqual(yield* startOf(Top.toLayer({ children: [traced("a").layer] })), "StartError NotRunning")
      assert.deepStrictEqual(take(), [])
      yield* assertNothingLeft
    }).pipe(run())
  )
})

describe("an option out of its range", () => {
  // As from a caller that the compiler does not see.
  const wrong: ReadonlyArray<readonly [string, object]> = [
    ["strategy", { strategy: "all-for-none" }],
    ["onExhausted", { onExhausted: "shrug" }],
    ["autoShutdown", { autoShutdown: true }],
    ["restart", { restart: "sometimes" }],
    ["shutdown", { shutdown: -1 }],
    ["shutdown", { shutdown: Number.NaN }],
    ["intensity.restarts", { intensity: { restarts: -1 } }],
    ["intensity.restarts", { intensity: { restarts: 1.5 } }],
    ["intensity.window", { intensity: { window: 0 } }],
    ["backoff.base", { backoff: { base: 0 } }],
    ["backoff.base", { backoff: { base: 200, cap: 100 } }],
    ["backoff.cap", { backoff: { cap: 0 } }],
    ["significant", { significant: true }],
    ["significant", { significant: true, restart: "permanent" }]
  ]

  it.effect.each(wrong)("is told before anything starts: %s of %o", ([option, options]) =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const layer = Top.toLayer({ children: [traced("a").layer], ...options })
      const exit = yield* Effect.exit(Effect.scoped(Layer.build(layer)))
      assert.deepInclude(errorOf(exit), { _tag: "InvalidOption", owner: "Top", option })
      assert.deepStrictEqual(take(), [])
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect.each(["transient", "temporary"] as const)(
    "is a significant %s child where nothing follows from its end",
    (restart) =>
      Effect.gen(function* () {
        const { traced } = tracing()
        const worker = Top.toLayer({ children: [traced("a", { significant: true, restart }).layer] })
        assert.deepStrictEqual(yield* startOf(worker), ["Top", "child 1", "InvalidOption significant"])
        const supervisor = Top.toLayer({ children: [Mid.toLayer({ significant: true, restart })] })
        assert.deepStrictEqual(yield* startOf(supervisor), ["Top", "child 1", "InvalidOption significant"])
        yield* assertNothingLeft
      }).pipe(run())
  )
})

// --- Nothing left -------------------------------------------------------------------------------------------------------

describe("a tree that is built, used and closed many times in one runtime", () => {
  it.effect("leaves nothing behind", () =>
    Effect.gen(function* () {
      const { traced } = tracing()
      const [a, b, c] = [traced("a", fragile), traced("b"), traced("c", { restart: "temporary" })]
      const mid = Mid.toLayer({ strategy: "rest-for-one", backoff: quick.backoff, children: [a.layer, b.layer] })
      const top = Top.toLayer({ strategy: "one-for-all", children: [mid, c.layer] })
      for (let round = 0; round < 50; round++) {
        const { close, services } = yield* open(top)
        const handle = yield* Effect.provideContext(round % 2 === 0 ? a.handle : b.handle, services)
        yield* handle.tell.Crash()
        if (round % 3 === 0) yield* (yield* Effect.provideContext(c.handle, services)).tell.Crash()
        const dynamic = yield* Supervisor.startChild(Context.get(services, Top), traced("d").spawn)
        yield* dynamic.tell.Work({ label: "some" })
        yield* TestClock.adjust(round % 5 === 0 ? "1 second" : 50)
        const closing = yield* start(close)
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(closing)
        yield* assertNothingLeft
      }
      assert.isFalse(yield* Deferred.isDone((yield* runtime).failure))
    }).pipe(run())
  )
})
