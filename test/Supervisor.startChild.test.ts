/** Starting children while their supervisor runs. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import type * as Ryker from "../src/Ryker.ts"
import type * as RykerError from "../src/RykerError.ts"
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
class Pool extends Supervisor.Service<Pool>()("Pool") {}

class Family extends Actor.keyed<Family>()("Family", [Rpc.make("Who", { success: Schema.String })]) {}

const familyLayer = Family.toLayer((id) => ({ Who: () => Effect.succeed(id) }))

/** What a start may fail with, and need. */
type StartFailure = Refused | RykerError.StartError | RykerError.InvalidOption | RykerError.SupervisorStartError
type Needs = Ryker.Ryker | Scope.Scope

/** A pool with these children, and what a test does with it. */
const pool = (options: Supervisor.Options<[]> = {}, ...children: ReadonlyArray<Traced>) =>
  Effect.gen(function* () {
    const layers = children.map(({ layer }) => layer)
    const { close, services } = yield* open(Pool.toLayer({ ...options, children: layers }))
    const self = Context.get(services, Pool)
    const handles = yield* Effect.forEach(children, ({ handle }) => Effect.provideContext(handle, services))
    return { self, close, handles, services, children: childrenOf(self), counts: Supervisor.countChildren(self) }
  })

const reasonOf = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.exit(effect), (exit) => {
    if (Exit.isSuccess(exit)) return "done"
    const error: unknown = errorOf(exit)
    return typeof error === "object" && error !== null && "reason" in error ? error.reason : error
  })

// --- startChild ---------------------------------------------------------------------------------------------------------

describe("startChild", () => {
  it.effect("adds the child as the last, to be restarted like any, and to be stopped first", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const { children, close, self } = yield* pool({}, traced("a"))
      const b = yield* Supervisor.startChild(self, traced("b").spawn)
      yield* Supervisor.startChild(self, traced("c").spawn)
      assert.deepStrictEqual(yield* children, ["a:Running", "b:Running", "c:Running"])
      yield* b.tell.Crash()
      yield* TestClock.adjust(100)
      assert.strictEqual(yield* b.ask.Ping(), 2)
      assert.deepStrictEqual(yield* children, ["a:Running", "b:Running", "c:Running"])
      yield* close
      assert.deepStrictEqual(take(), ["+a1", "+b1", "+c1", "-b1", "+b2", "-c1", "-b2", "-a1"])
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("does not bind the child to the Scope or the span of who calls", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const { close, self } = yield* pool()
      const a = yield* Effect.scoped(Effect.andThen(Effect.scope, Supervisor.startChild(self, traced("a").spawn)))
      assert.strictEqual(yield* a.ask.Ping(), 1)
      yield* close
      assert.deepStrictEqual(take(), ["+a1", "-a1"])
    }).pipe(run())
  )

  it.effect("takes a Layer: its actors become children in their order, also those it is provided with", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const { children, close, counts, self } = yield* pool({}, traced("a"))
      const c = traced("c")
      const cWithB = c.layer.pipe(Layer.provide(traced("b").layer))
      const services = yield* Supervisor.startChild(self, Layer.build(cWithB))
      assert.strictEqual(yield* (yield* Effect.provideContext(c.handle, services)).ask.Ping(), 1)
      yield* Supervisor.startChild(self, Layer.build(Top.toLayer({ children: [traced("d").layer] })))
      const family = yield* Supervisor.startChild(self, Layer.build(familyLayer))
      assert.strictEqual(yield* Context.get(family, Family).get("x").ask.Who(), "x")
      assert.deepStrictEqual(yield* children, ["a:Running", "b:Running", "c:Running", "Top:Running", "Family:Running"])
      assert.deepStrictEqual(yield* counts, { specs: 5, active: 5, supervisors: 1, workers: 4 })
      take()
      yield* close
      assert.deepStrictEqual(take(), ["-d1", "-c1", "-b1", "-a1"])
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("with a name that is taken fails with DuplicateName and leaves the other alone", () =>
    Effect.gen(function* () {
      const { children, close, self } = yield* pool({}, tracing().traced("a"))
      const { take, traced } = tracing()
      const first = Layer.build(traced("b").layer)
      yield* Supervisor.startChild(self, first)
      for (const again of [traced("a").spawn, traced("b").spawn, Layer.build(Pool.toLayer())]) {
        assert.strictEqual(
          yield* reasonOf(
            Effect.provide(
              Supervisor.startChild<unknown, StartFailure, Needs>(self, again),
              yield* Effect.context<Ryker.Ryker>()
            )
          ),
          "DuplicateName"
        )
      }
      assert.deepStrictEqual(yield* children, ["a:Running", "b:Running"])
      assert.deepStrictEqual(take(), ["+b1"])
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  const failures: Readonly<Record<string, TracedOptions>> = {
    "a typed failure": { onStart: () => new Refused({ why: "no" }) },
    "a defect": { onStart: () => Effect.die(new Error("on purpose")) },
    "a timeout": { onStart: () => Effect.never, startTimeout: 100 },
    "a significant child where nothing follows from its end": { significant: true, restart: "transient" }
  }

  it.effect.each(Object.entries(failures))("that fails with %s adds nothing and keeps nothing", ([, options]) =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const { children, close, self } = yield* pool({ strategy: "one-for-all" }, traced("a"))
      for (const restart of ["transient", "temporary"] as const) {
        // What had been started before it goes, too, and first what came last.
        const both = Effect.andThen(traced("b").spawn, traced("c", { restart, ...options }).spawn)
        const child = yield* start(Supervisor.startChild(self, both))
        yield* TestClock.adjust(100)
        const error = errorOf(yield* Fiber.join(child))
        assert.include(["Refused", "StartError", "InvalidOption"], error._tag)
        const trace = take().filter((entry) => !entry.endsWith("a1"))
        const expected = ["+b1", "+c1", "-c1", "-b1"]
        assert.deepStrictEqual(trace, error._tag === "InvalidOption" ? ["+b1", "-b1"] : expected)
        assert.deepStrictEqual(yield* children, ["a:Running"])
        assert.deepStrictEqual([...(yield* runtime).names], ["Pool", "a"])
      }
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("whose effect fails when its actors are up stops them in reverse, and then closes its Scope", () =>
    Effect.gen(function* () {
      const { note, take, traced } = tracing()
      const { children, close, self } = yield* pool()
      const resource = Effect.acquireRelease(note("acquired"), () => note("released"))
      const two = Effect.andThen(traced("b").spawn, traced("c").spawn)
      const effect = Effect.andThen(Effect.andThen(resource, two), new Refused({ why: "no" }))
      assert.strictEqual(errorOf(yield* Effect.exit(Supervisor.startChild(self, effect)))._tag, "Refused")
      assert.deepStrictEqual(take(), ["acquired", "+b1", "+c1", "-c1", "-b1", "released"])
      assert.deepStrictEqual(yield* children, [])
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("that is interrupted adds nothing and keeps nothing, whatever had been started", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const { children, close, self } = yield* pool({}, traced("a"))
      const slow = traced("c", { onStart: () => Effect.never, startTimeout: "Infinity" })
      const child = yield* Effect.forkChild(
        Supervisor.startChild(self, Effect.andThen(traced("b").spawn, slow.spawn)),
        {
          startImmediately: true
        }
      )
      yield* settle
      // It is a child from its start on, so that a stop of the supervisor finds it.
      assert.deepStrictEqual(yield* children, ["a:Running", "b:Running", "c:Starting"])
      yield* Fiber.interrupt(child)
      assert.deepStrictEqual(yield* children, ["a:Running"])
      assert.deepStrictEqual(take(), ["+a1", "+b1", "+c1", "-c1", "-b1"])
      assert.deepStrictEqual([...(yield* runtime).names], ["Pool", "a"])
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("of an effect that starts no actor for it is refused, and what it acquired is released", () =>
    Effect.gen(function* () {
      const { note, take } = tracing()
      const { children, close, self } = yield* pool()
      const effect = Effect.acquireRelease(Effect.succeed(7), () => note("released"))
      const error = yield* Effect.flip(Supervisor.startChild(self, effect))
      assert.deepInclude(error, { _tag: "ChildError", supervisor: "Pool", reason: "NotSupervised" })
      assert.deepStrictEqual(take(), ["released"])
      assert.deepStrictEqual(yield* children, [])
      yield* close
    }).pipe(run())
  )

  it.effect("works from a handler of another child; from a build it is refused while the supervisor starts", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const { self } = yield* pool()
      class Boss extends Actor.Service<Boss>()("Boss", [Rpc.make("Hire", { payload: { name: Schema.String } })]) {}
      const boss = yield* Supervisor.startChild(
        self,
        Actor.spawn(Boss, { Hire: ({ name }) => Effect.orDie(Supervisor.startChild(self, traced(name).spawn)) })
      )
      yield* boss.ask.Hire({ name: "a" })
      yield* boss.ask.Hire({ name: "b" })
      assert.deepStrictEqual(yield* childrenOf(self), ["Boss#1:Running", "a:Running", "b:Running"])
      // A stop of the boss is not theirs: they belong to the supervisor.
      yield* Actor.stop(boss)
      assert.deepStrictEqual(take(), ["+a1", "+b1"])
      const early: Array<unknown> = []
      const eager = traced("eager", {
        onStart: () =>
          Effect.gen(function* () {
            const top = Option.getOrThrow(yield* Supervisor.find("Top"))
            early.push(yield* Effect.orDie(Effect.flip(Effect.scoped(Supervisor.startChild(top, Effect.void)))))
          })
      })
      const { close } = yield* open(
        Top.toLayer({ children: [Supervisor.layer("Wrap", { children: [traced("x").layer] }), eager.layer] })
      )
      assert.strictEqual(early.length, 1)
      assert.deepInclude(early[0], { _tag: "ChildError", reason: "NotRunning" })
      yield* close
    }).pipe(run())
  )

  it.effect("is refused while the supervisor restarts and when it has ended", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const a = traced("a", { ...fragile, onStart: (n) => (n === 1 ? Effect.void : Effect.sleep(50)) })
      const { close, handles, self } = yield* pool({ backoff: quick.backoff }, a)
      const refused = Effect.map(Effect.flip(Supervisor.startChild(self, traced("b").spawn)), (error) =>
        "reason" in error ? error.reason : error
      )
      yield* handles[0]!.tell.Crash()
      yield* settle
      assert.strictEqual((yield* Actor.status(self))._tag, "Restarting")
      assert.strictEqual(yield* refused, "NotRunning")
      yield* TestClock.adjust(100)
      assert.strictEqual((yield* Actor.status(self))._tag, "Starting")
      assert.strictEqual(yield* refused, "NotRunning")
      yield* TestClock.adjust(50)
      yield* handles[0]!.tell.Slow({ millis: 100 })
      const stop = yield* start(Actor.stop(self))
      assert.strictEqual((yield* Actor.status(self))._tag, "Stopping")
      assert.strictEqual(yield* refused, "NotRunning")
      yield* TestClock.adjust(100)
      yield* Fiber.join(stop)
      assert.strictEqual(yield* refused, "NotRunning")
      assert.notInclude(take(), "+b1")
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("is forgotten when the supervisor is restarted: it ends, its name is free, the fixed come back", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const a = traced("a", fragile)
      const { children, close, handles, self } = yield* pool({ backoff: quick.backoff }, a)
      const b = yield* Supervisor.startChild(self, traced("b").spawn)
      yield* b.tell.Slow({ millis: 30 })
      yield* b.tell.Work({ label: "queued" })
      yield* handles[0]!.tell.Crash()
      yield* settle
      yield* TestClock.adjust(30)
      // It had time to do its work.
      assert.deepStrictEqual(take(), ["+a1", "+b1", "-a1", "b1:slow", "b1:queued", "-b1"])
      assert.strictEqual(yield* Actor.awaitStopped(b), "SupervisorStopped")
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(yield* children, ["a:Running"])
      assert.deepStrictEqual([...(yield* runtime).names], ["Pool", "a"])
      yield* Supervisor.startChild(self, traced("b").spawn)
      assert.deepStrictEqual(yield* children, ["a:Running", "b:Running"])
      assert.deepStrictEqual(yield* Actor.status(b), { _tag: "Stopped", reason: "SupervisorStopped" })
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  /** What can happen to the supervisor while the effect is on its way to its first actor. */
  const upheavals = {
    "is restarted": (
      _: Supervisor.Handle,
      a: { readonly tell: { readonly Crash: () => Effect.Effect<void, unknown> } }
    ) => Effect.andThen(Effect.orDie(a.tell.Crash()), TestClock.adjust(0)),
    "has been restarted": (
      _: Supervisor.Handle,
      a: { readonly tell: { readonly Crash: () => Effect.Effect<void, unknown> } }
    ) =>
      Effect.gen(function* () {
        yield* Effect.orDie(a.tell.Crash())
        yield* settle
        yield* TestClock.adjust(100)
      }),
    "has ended": (self: Supervisor.Handle) => Actor.stop(self)
  }

  it.effect.each(Object.keys(upheavals) as Array<keyof typeof upheavals>)(
    "starts nothing that nobody supervises: when its supervisor %s meanwhile, the effect fails",
    (upheaval) =>
      Effect.gen(function* () {
        const { take, traced } = tracing()
        const { children, close, handles, self } = yield* pool({ backoff: quick.backoff }, traced("a", fragile))
        const late = Effect.andThen(Effect.sleep(150), traced("b").spawn)
        const child = yield* start(Supervisor.startChild(self, late))
        yield* upheavals[upheaval](self, handles[0]!)
        yield* settle
        const before = take()
        yield* TestClock.adjust(50)
        yield* TestClock.adjust(100)
        yield* TestClock.adjust(100)
        assert.isTrue(Exit.isFailure(yield* Fiber.join(child)))
        assert.notInclude([...before, ...take()], "+b1")
        assert.deepStrictEqual(yield* children, upheaval === "has ended" ? [] : ["a:Running"])
        yield* close
        yield* assertNothingLeft
      }).pipe(run())
  )

  it.effect("that the supervisor's end overtakes ends with it: its start is cut short", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const { close, self } = yield* pool({}, traced("a"))
      const slow = traced("b", { onStart: () => Effect.never, startTimeout: "Infinity" })
      const child = yield* start(Supervisor.startChild(self, slow.spawn))
      yield* Actor.stop(self)
      assert.deepInclude(errorOf(yield* Fiber.join(child)), { _tag: "StartError", reason: "NotRunning" })
      assert.deepStrictEqual(take(), ["+a1", "+b1", "-b1", "-a1"])
      yield* assertNothingLeft
      yield* close
    }).pipe(run())
  )

  it.effect("adopts what the effect starts, and not what a fiber of it starts when it is long over", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const { children, close, self } = yield* pool({}, traced("a"))
      const background = Effect.forkScoped(Effect.delay(traced("late").spawn, 100))
      yield* Supervisor.startChild(self, Effect.andThen(background, traced("b").spawn))
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(yield* children, ["a:Running", "b:Running"])
      assert.include(take(), "+late1")
      // It belongs to the Scope that it was started in, which is b's.
      yield* Supervisor.terminateChild(self, "b")
      yield* Supervisor.deleteChild(self, "b")
      yield* settle
      assert.deepStrictEqual(take(), ["-b1", "-late1"])
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("keeps the Scope of the effect open while it runs, also when its first child has ended", () =>
    Effect.gen(function* () {
      const { note, take, traced } = tracing()
      const { children, close, self } = yield* pool()
      const resource = Effect.acquireRelease(note("acquired"), () => note("released"))
      const effect = Effect.gen(function* () {
        yield* resource
        const first = yield* traced("a", { restart: "temporary" }).spawn
        yield* Actor.stop(first)
        yield* settle
        return yield* traced("b").spawn
      })
      const b = yield* Supervisor.startChild(self, effect)
      assert.strictEqual(yield* b.ask.Ping(), 1)
      assert.deepStrictEqual(yield* children, ["b:Running"])
      assert.deepStrictEqual(take(), ["acquired", "+a1", "-a1", "+b1"])
      yield* close
      assert.deepStrictEqual(take(), ["-b1", "released"])
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("holds what the effect acquired until the last of its children is forgotten", () =>
    Effect.gen(function* () {
      const { note, take, traced } = tracing()
      const { close, self } = yield* pool()
      const resource = Effect.acquireRelease(note("acquired"), () => note("released"))
      yield* Supervisor.startChild(self, Effect.andThen(resource, Effect.andThen(traced("a").spawn, traced("b").spawn)))
      yield* Supervisor.terminateChild(self, "a")
      yield* Supervisor.deleteChild(self, "a")
      yield* Supervisor.terminateChild(self, "b")
      yield* settle
      assert.notInclude(take(), "released")
      yield* Supervisor.restartChild(self, "b")
      yield* Supervisor.terminateChild(self, "b")
      take()
      yield* Supervisor.deleteChild(self, "b")
      yield* settle
      assert.deepStrictEqual(take(), ["released"])
      yield* close
    }).pipe(run())
  )

  it.effect.each(["close", "stop", "delete"] as const)("has released what it acquired before the %s is done", (way) =>
    Effect.gen(function* () {
      const { note, take, traced } = tracing({ timed: true })
      const { close, self } = yield* pool()
      const resource = Effect.acquireRelease(note("acquired"), () =>
        Effect.andThen(Effect.sleep(100), note("released"))
      )
      yield* Supervisor.startChild(self, Effect.andThen(resource, traced("a").spawn))
      const ways = {
        close,
        stop: Actor.stop(self),
        delete: Effect.orDie(Effect.andThen(Supervisor.terminateChild(self, "a"), Supervisor.deleteChild(self, "a")))
      }
      const done = yield* start(timed(ways[way]))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(take(), ["acquired@0", "+a1@0", "-a1@0", "released@100"])
      assert.deepStrictEqual(yield* Fiber.join(done), Exit.succeed(100))
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("is not waited for beyond the time of a stop, if what it acquired hangs", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust(0)
      const { take, traced } = tracing({ timed: true })
      const { close, self } = yield* pool({ shutdown: 300 }, traced("a"))
      const forever = Effect.acquireRelease(Effect.void, () => Effect.sleep("1 hour"))
      yield* Supervisor.startChild(self, Effect.andThen(forever, traced("b").spawn))
      const done = yield* start(timed(close))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(done), Exit.succeed(300))
      assert.deepStrictEqual(take(), ["+a1@0", "+b1@0", "-b1@0", "-a1@0"])
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("closes what a child had acquired before its supervisor starts again", () =>
    Effect.gen(function* () {
      const { note, take, traced } = tracing({ timed: true })
      const { close, handles, self } = yield* pool({ backoff: quick.backoff }, traced("a", fragile))
      const resource = Effect.acquireRelease(note("acquired"), () =>
        Effect.andThen(Effect.sleep(500), note("released"))
      )
      yield* Supervisor.startChild(self, Effect.andThen(resource, traced("b").spawn))
      take()
      yield* handles[0]!.tell.Crash()
      yield* settle
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(take(), ["-a1@0", "-b1@0", "released@500", "+a2@600"])
      yield* close
    }).pipe(run())
  )

  it.effect("takes many at once, each once, and forgets those that are temporary when they end", () =>
    Effect.gen(function* () {
      const { traced } = tracing()
      const { close, counts, self } = yield* pool()
      const names = Array.from({ length: 300 }, (_, index) => `n${index}`)
      for (let round = 0; round < 3; round++) {
        const handles = yield* Effect.forEach(
          names,
          (name, index) => {
            const ends = { restart: "temporary", onStart: () => Effect.yieldNow } as const
            const child = traced(name, ends)
            return Supervisor.startChild(
              self,
              index % 2 === 0
                ? child.spawn
                : Effect.flatMap(Layer.build(child.layer), (services) => Effect.provideContext(child.handle, services))
            )
          },
          { concurrency: "unbounded" }
        )
        assert.deepInclude(yield* counts, { specs: 300, active: 300 })
        for (const [index, handle] of handles.entries()) {
          if (index % 3 === 0) yield* handle.tell.Crash()
          else if (index % 3 === 1) yield* handle.tell.Bye()
          else yield* Actor.stop(handle)
        }
        yield* settle
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(yield* counts, { specs: 0, active: 0, supervisors: 0, workers: 0 })
        const { cells, names: taken } = yield* runtime
        assert.deepStrictEqual([...taken], ["Pool"])
        assert.strictEqual(cells.size, 1)
      }
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )
})
