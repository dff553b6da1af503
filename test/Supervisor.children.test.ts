/** The children of a running supervisor: listing and counting them, stopping, restarting, deleting them. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import type * as Ryker from "../src/Ryker.ts"
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

// --- Listing and counting -----------------------------------------------------------------------------------------------

describe("whichChildren", () => {
  it.effect("gives all in the order of starting, with kind, restart type, significance and status", () =>
    Effect.gen(function* () {
      const { traced } = tracing()
      const low = Pool.toLayer({ children: [traced("b").layer], autoShutdown: "any" })
      const c = traced("c", { restart: "temporary", significant: true })
      const top = Top.toLayer({ autoShutdown: "all", children: [traced("a").layer, low, familyLayer, c.layer] })
      const { close, services } = yield* open(top)
      const self = Context.get(services, Top)
      yield* Context.get(services, Family).get("one").ask.Who()
      const listed = yield* Supervisor.whichChildren(self)
      assert.deepStrictEqual(
        listed.map(({ address, kind, restart, significant, status }) => [
          address,
          kind,
          restart,
          significant,
          status._tag
        ]),
        [
          ["a", "actor", "permanent", false, "Running"],
          // One that may end itself is not restarted after that.
          ["Pool", "supervisor", "transient", false, "Running"],
          ["Family", "family", "permanent", false, "Running"],
          ["c", "actor", "temporary", true, "Running"]
        ]
      )
      // A family is one child, however many residents it has.
      assert.deepStrictEqual(yield* Supervisor.countChildren(self), { specs: 4, active: 4, supervisors: 1, workers: 3 })
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("and countChildren follow a child through its life", () =>
    Effect.gen(function* () {
      const { traced } = tracing()
      const slow: TracedOptions = { onStart: (n) => (n === 1 ? Effect.void : Effect.sleep(50)) }
      const a = traced("a", { restart: "transient", ...slow })
      const { children, close, counts, handles, self } = yield* pool({}, a, traced("b"))
      const [handle] = handles
      const see = Effect.all([children, Effect.map(counts, ({ active, specs }) => `${active} of ${specs}`)])
      assert.deepStrictEqual(yield* see, [["a:Running", "b:Running"], "2 of 2"])
      yield* handle!.tell.Crash()
      yield* settle
      assert.deepStrictEqual(yield* see, [["a:Restarting", "b:Running"], "2 of 2"])
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(yield* see, [["a:Starting", "b:Running"], "2 of 2"])
      yield* TestClock.adjust(50)
      assert.deepStrictEqual(yield* see, [["a:Running", "b:Running"], "2 of 2"])
      yield* Actor.suspend(handle!)
      assert.deepStrictEqual(yield* see, [["a:Suspended", "b:Running"], "2 of 2"])
      yield* Actor.resume(handle!)
      yield* handle!.tell.Slow({ millis: 100 })
      const stop = yield* start(Supervisor.terminateChild(self, "a"))
      assert.deepStrictEqual(yield* see, [["a:Stopping", "b:Running"], "2 of 2"])
      yield* TestClock.adjust(100)
      yield* Fiber.join(stop)
      assert.deepStrictEqual(yield* see, [["a:Stopped", "b:Running"], "1 of 2"])
      const restart = yield* start(Supervisor.restartChild(self, "a"))
      assert.deepStrictEqual(yield* see, [["a:Starting", "b:Running"], "2 of 2"])
      yield* TestClock.adjust(50)
      yield* Fiber.join(restart)
      yield* handle!.tell.Bye()
      yield* settle
      assert.deepStrictEqual(yield* see, [["a:Stopped", "b:Running"], "1 of 2"])
      yield* Supervisor.deleteChild(self, "a")
      assert.deepStrictEqual(yield* see, [["b:Running"], "1 of 1"])
      yield* close
      // Nobody can start them again.
      assert.deepStrictEqual(yield* see, [[], "0 of 0"])
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("and countChildren see a group that is down, and a supervisor that is restarted", () =>
    Effect.gen(function* () {
      const { traced } = tracing()
      const a = traced("a", fragile)
      const b = traced("b", { backoff: { base: 50, jitter: false } })
      const { children, close, counts, handles } = yield* pool(
        { strategy: "one-for-all", backoff: quick.backoff },
        a,
        b
      )
      yield* handles[1]!.tell.Crash()
      yield* settle
      assert.deepStrictEqual(yield* children, ["a:Restarting", "b:Restarting"])
      assert.deepInclude(yield* counts, { specs: 2, active: 2 })
      yield* TestClock.adjust(50)
      assert.deepStrictEqual(yield* children, ["a:Running", "b:Running"])
      yield* handles[0]!.tell.Crash()
      yield* settle
      // It has given up, and comes back with its supervisor.
      assert.deepStrictEqual(yield* children, ["a:Stopped", "b:Restarting"])
      assert.deepInclude(yield* counts, { specs: 2, active: 1 })
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(yield* children, ["a:Running", "b:Running"])
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("and its siblings refuse a handle that is no supervisor's, as a defect of the program", () =>
    Effect.gen(function* () {
      const { traced } = tracing()
      const handle = yield* traced("a").spawn
      const calls: ReadonlyArray<Effect.Effect<unknown, unknown, Ryker.Ryker>> = [
        Supervisor.whichChildren(handle),
        Supervisor.countChildren(handle),
        Supervisor.terminateChild(handle, "a"),
        Supervisor.restartChild(handle, "a"),
        Supervisor.deleteChild(handle, "a"),
        Supervisor.startChild(handle, Effect.void)
      ]
      for (const call of calls) {
        const exit = yield* Effect.exit(call)
        assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      }
    }).pipe(run())
  )
})

describe("find", () => {
  it.effect("gives the running supervisor of this name, on any level, and nothing else", () =>
    Effect.gen(function* () {
      const { traced } = tracing()
      const top = Top.toLayer({ children: [Pool.toLayer({ children: [traced("a").layer] })] })
      assert.isTrue(Option.isNone(yield* Supervisor.find("Pool")))
      const { close } = yield* open(top)
      const found = Option.getOrThrow(yield* Supervisor.find("Pool"))
      assert.deepStrictEqual(yield* childrenOf(found), ["a:Running"])
      for (const name of ["a", "Nobody", "", "pool"]) assert.isTrue(Option.isNone(yield* Supervisor.find(name)), name)
      yield* Actor.stop(found)
      assert.isTrue(Option.isNone(yield* Supervisor.find("Pool")))
      yield* Supervisor.restartChild(Option.getOrThrow(yield* Supervisor.find("Top")), "Pool")
      assert.deepStrictEqual(yield* childrenOf(Option.getOrThrow(yield* Supervisor.find("Pool"))), ["a:Running"])
      assert.deepStrictEqual(yield* childrenOf(found), ["a:Running"])
      yield* close
      assert.isTrue(Option.isNone(yield* Supervisor.find("Top")))
    }).pipe(run())
  )
})

// --- terminateChild, restartChild, deleteChild --------------------------------------------------------------------------

describe("terminateChild, restartChild and deleteChild", () => {
  /** How a child, "a", gets into a state, and what the three say there. */
  interface Case {
    readonly options?: TracedOptions
    readonly reach: (given: {
      readonly self: Supervisor.Handle
      readonly a: Actor.Any & { readonly tell: Tells }
    }) => Effect.Effect<unknown, unknown>
    readonly restart: unknown
    readonly remove: unknown
  }
  type Tells = Readonly<Record<"Crash" | "Bye" | "Hang", () => Effect.Effect<void, unknown>>>

  const states: Readonly<Record<string, Case>> = {
    idle: { reach: () => Effect.void, restart: "Running", remove: "Running" },
    busy: { reach: ({ a }) => a.tell.Hang(), restart: "Running", remove: "Running" },
    suspended: { reach: ({ a }) => Actor.suspend(a), restart: "Running", remove: "Running" },
    "backing off": { reach: ({ a }) => a.tell.Crash(), restart: "Restarting", remove: "Restarting" },
    "starting again": {
      options: { onStart: (n) => (n === 2 ? Effect.never : Effect.void), startTimeout: "Infinity" },
      reach: ({ a }) =>
        Effect.gen(function* () {
          yield* a.tell.Crash()
          yield* settle
          yield* TestClock.adjust(100)
        }),
      restart: "Running",
      remove: "Running"
    },
    "being stopped": {
      reach: ({ a }) =>
        Effect.andThen(a.tell.Hang(), Effect.andThen(settle, start(Actor.stop(a, { deadline: "1 minute" })))),
      restart: "Running",
      remove: "Running"
    },
    terminated: { reach: ({ self }) => Supervisor.terminateChild(self, "a"), restart: "done", remove: "done" },
    "stopped by its handle": { reach: ({ a }) => Actor.stop(a), restart: "done", remove: "done" },
    "ended normally": {
      options: { restart: "transient" },
      reach: ({ a }) => a.tell.Bye(),
      restart: "done",
      remove: "done"
    },
    "given up and isolated": { options: fragile, reach: ({ a }) => a.tell.Crash(), restart: "done", remove: "done" },
    unknown: {
      reach: ({ self }) => Effect.andThen(Supervisor.terminateChild(self, "a"), Supervisor.deleteChild(self, "a")),
      restart: "NotFound",
      remove: "NotFound"
    },
    "temporary and ended": {
      options: { restart: "temporary" },
      reach: ({ a }) => a.tell.Crash(),
      restart: "NotFound",
      remove: "NotFound"
    },
    "temporary and terminated": {
      options: { restart: "temporary" },
      reach: ({ self }) => Supervisor.terminateChild(self, "a"),
      restart: "NotFound",
      remove: "NotFound"
    }
  }
  const origins = ["in the list", "started later"] as const
  const cases = Object.keys(states).flatMap((state) => origins.map((origin) => [origin, state] as const))

  const given = (origin: (typeof origins)[number], state: Case) =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const a = traced("a", { shutdown: 0, ...state.options })
      const found = yield* pool({ onExhausted: "isolate" }, ...(origin === "in the list" ? [a] : []), traced("b"))
      const handle = origin === "in the list" ? found.handles[0]! : yield* Supervisor.startChild(found.self, a.spawn)
      yield* Effect.orDie(state.reach({ self: found.self, a: handle }))
      yield* settle
      take()
      return { ...found, a: handle, take }
    })

  it.effect.each(cases)("say the right thing of a child %s that is %s", ([origin, name]) =>
    Effect.gen(function* () {
      const state = states[name]!
      const one = yield* given(origin, state)
      assert.strictEqual(yield* reasonOf(Supervisor.restartChild(one.self, "a")), state.restart)
      if (state.restart === "done") assert.strictEqual((yield* Actor.status(one.a))._tag, "Running")
      yield* Actor.stop(one.a, { deadline: 0 })
      yield* one.close
      yield* assertNothingLeft
      const two = yield* given(origin, state)
      assert.strictEqual(yield* reasonOf(Supervisor.deleteChild(two.self, "a")), state.remove)
      const gone = state.remove === "done" || state.remove === "NotFound"
      assert.strictEqual((yield* two.counts).specs, gone ? 1 : 2)
      yield* Actor.stop(two.a, { deadline: 0 })
      yield* two.close
      yield* assertNothingLeft
      const three = yield* given(origin, state)
      const expected = state.restart === "NotFound" ? "NotFound" : "done"
      assert.strictEqual(yield* reasonOf(Supervisor.terminateChild(three.self, "a")), expected)
      assert.strictEqual((yield* Actor.status(three.a))._tag, "Stopped")
      // At once: nobody has to wait for the list to follow.
      const isListed = (yield* three.children).includes("a:Stopped")
      assert.strictEqual(isListed, expected === "done" && state.options?.restart !== "temporary")
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* Actor.status(three.a))._tag, "Stopped")
      yield* three.close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("terminateChild of a temporary child has taken it from the list when it returns", () =>
    Effect.gen(function* () {
      const { traced } = tracing()
      const a = traced("a", { restart: "temporary" })
      const { children, close, self } = yield* pool({}, a)
      yield* Supervisor.terminateChild(self, "a")
      assert.deepStrictEqual(yield* children, [])
      const b = traced("b", { restart: "temporary" })
      for (let n = 0; n < 5; n++) {
        yield* Supervisor.startChild(self, b.spawn)
        yield* Supervisor.terminateChild(self, "b")
        assert.deepStrictEqual(yield* children, [])
      }
      yield* close
    }).pipe(run())
  )

  it.effect("terminateChild works off what is queued within the child's shutdown, and nothing restarts it", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing({ timed: true })
      const { close, handles, self } = yield* pool(
        { strategy: "one-for-all" },
        traced("a", { shutdown: 250 }),
        traced("b")
      )
      const [a, b] = handles
      for (let n = 0; n < 4; n++) yield* a!.tell.Slow({ millis: 100 })
      const done = yield* start(timed(Supervisor.terminateChild(self, "a")))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(done), Exit.succeed(250))
      assert.deepStrictEqual(take(), ["+a1@0", "+b1@0", "a1:slow@100", "a1:slow@200", "-a1@250"])
      assert.deepInclude(yield* Effect.flip(a!.tell.Work({ label: "x" })), { _tag: "Stopped", reason: "Stopped" })
      yield* b!.tell.Crash()
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* b!.ask.Ping(), 2)
      assert.deepStrictEqual(yield* childrenOf(self), ["a:Stopped", "b:Running"])
      yield* close
    }).pipe(run())
  )

  it.effect(
    "restartChild gives an empty mailbox, a new intensity and no suspension, behind the handles of before",
    () =>
      Effect.gen(function* () {
        const { take, traced } = tracing()
        const a = traced("a", { shutdown: 0, capacity: 2, intensity: { restarts: 1, window: "1 hour" } })
        const { close, handles, self } = yield* pool({ onExhausted: "isolate" }, a, traced("b"))
        const [handle] = handles
        yield* handle!.tell.Crash()
        yield* settle
        yield* TestClock.adjust(100)
        yield* Actor.suspend(handle!)
        yield* handle!.tell.Work({ label: "old" })
        yield* handle!.tell.Work({ label: "old" })
        const asked = yield* Effect.flip(handle!.ask.Ping())
        assert.strictEqual(asked._tag, "Busy")
        yield* Supervisor.terminateChild(self, "a")
        yield* Supervisor.restartChild(self, "a")
        assert.strictEqual(yield* handle!.ask.Ping(), 3)
        // Its place among the others is the old one.
        assert.deepStrictEqual(yield* childrenOf(self), ["a:Running", "b:Running"])
        yield* handle!.tell.Crash()
        yield* settle
        yield* TestClock.adjust(100)
        assert.strictEqual(yield* handle!.ask.Ping(), 4)
        take()
        yield* close
        assert.deepStrictEqual(take(), ["-b1", "-a4"])
        yield* assertNothingLeft
      }).pipe(run())
  )

  it.effect("restartChild that fails tells the cause, and the child stays ended until the next try", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const a = traced("a", { onStart: (n) => (n === 2 ? new Refused({ why: "no" }) : Effect.void) })
      const { close, handles, self } = yield* pool({ strategy: "one-for-all" }, traced("b"), a)
      yield* Supervisor.terminateChild(self, "a")
      const error = yield* Effect.flip(Supervisor.restartChild(self, "a"))
      assert.deepInclude(error, { _tag: "SupervisorStartError", supervisor: "Pool", child: "a" })
      assert.deepInclude("cause" in error ? error.cause : {}, { _tag: "Refused", why: "no" })
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(yield* childrenOf(self), ["b:Running", "a:Stopped"])
      assert.deepStrictEqual(take(), ["+b1", "+a1", "-a1", "+a2", "-a2"])
      yield* Supervisor.restartChild(self, "a")
      assert.strictEqual(yield* handles[1]!.ask.Ping(), 3)
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("restartChild refuses a child whose stop left a handler behind, until that has ended", () =>
    Effect.gen(function* () {
      const { traced } = tracing()
      const { close, handles, self } = yield* pool({}, traced("a", { shutdown: 0 }))
      yield* handles[0]!.tell.Stubborn({ millis: 1_000 })
      yield* settle
      yield* Supervisor.terminateChild(self, "a")
      const error = yield* Effect.flip(Supervisor.restartChild(self, "a"))
      assert.deepInclude("cause" in error ? error.cause : {}, { _tag: "StartError", reason: "NotRunning" })
      yield* TestClock.adjust(1_000)
      yield* Supervisor.restartChild(self, "a")
      assert.strictEqual(yield* handles[0]!.ask.Ping(), 2)
      yield* close
    }).pipe(run())
  )

  it.effect("restartChild of two callers at once starts it once", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const a = traced("a", { onStart: (n) => (n === 1 ? Effect.void : Effect.sleep(50)) })
      const { close, self } = yield* pool({}, a)
      yield* Supervisor.terminateChild(self, "a")
      const both = yield* start(
        Effect.all([reasonOf(Supervisor.restartChild(self, "a")), reasonOf(Supervisor.restartChild(self, "a"))], {
          concurrency: 2
        })
      )
      yield* TestClock.adjust(50)
      assert.deepStrictEqual(yield* Effect.flatten(Fiber.join(both)), ["done", "Running"])
      assert.deepStrictEqual(take(), ["+a1", "-a1", "+a2"])
      yield* close
    }).pipe(run())
  )

  it.effect("terminateChild ends a restartChild that is on its way", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const a = traced("a", { onStart: (n) => (n === 1 ? Effect.void : Effect.never), startTimeout: "Infinity" })
      const { close, self } = yield* pool({}, a)
      yield* Supervisor.terminateChild(self, "a")
      const restart = yield* start(Supervisor.restartChild(self, "a"))
      yield* Supervisor.terminateChild(self, "a")
      assert.strictEqual(errorOf(yield* Fiber.join(restart))._tag, "SupervisorStartError")
      assert.deepStrictEqual(take(), ["+a1", "-a1", "+a2", "-a2"])
      assert.deepStrictEqual(yield* childrenOf(self), ["a:Stopped"])
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("restartChild is refused while the supervisor does not run", () =>
    Effect.gen(function* () {
      const { traced } = tracing()
      const { close, handles, self } = yield* pool({ backoff: quick.backoff }, traced("a"), traced("b", fragile))
      yield* Supervisor.terminateChild(self, "a")
      yield* handles[1]!.tell.Crash()
      yield* settle
      assert.strictEqual(yield* reasonOf(Supervisor.restartChild(self, "a")), "NotRunning")
      yield* TestClock.adjust(100)
      // A restart of the supervisor brings back what was terminated, as in OTP.
      assert.deepStrictEqual(yield* childrenOf(self), ["a:Running", "b:Running"])
      yield* Actor.stop(self)
      assert.strictEqual(yield* reasonOf(Supervisor.restartChild(self, "a")), "NotRunning")
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("deleteChild of a child in the list lasts until the supervisor is restarted", () =>
    Effect.gen(function* () {
      const { traced } = tracing()
      const [a, b, c] = [traced("a"), traced("b", fragile), traced("c", { restart: "temporary" })]
      const { children, close, handles, self } = yield* pool({ backoff: quick.backoff }, a, b, c)
      yield* Supervisor.terminateChild(self, "a")
      yield* Supervisor.deleteChild(self, "a")
      yield* handles[2]!.tell.Crash()
      yield* settle
      assert.deepStrictEqual(yield* children, ["b:Running"])
      yield* handles[1]!.tell.Crash()
      yield* settle
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(yield* children, ["a:Running", "b:Running", "c:Running"])
      for (const handle of handles) assert.strictEqual(yield* handle.ask.Ping(), 2)
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("deleteChild of a child that was started later frees its name; the old handle stays the old one's", () =>
    Effect.gen(function* () {
      const { traced } = tracing()
      const { children, close, self } = yield* pool({}, traced("a"))
      const old = yield* Supervisor.startChild(self, traced("b").spawn)
      yield* Supervisor.terminateChild(self, "b")
      assert.strictEqual(
        yield* reasonOf(
          Effect.provide(Supervisor.startChild(self, traced("b").spawn), yield* Effect.context<Ryker.Ryker>())
        ),
        "DuplicateName"
      )
      yield* Supervisor.deleteChild(self, "b")
      const young = yield* Supervisor.startChild(self, traced("b").spawn)
      yield* Actor.stop(old)
      assert.strictEqual(yield* young.ask.Ping(), 1)
      assert.deepInclude(yield* Effect.flip(old.ask.Ping()), { _tag: "Stopped", reason: "Stopped" })
      assert.deepStrictEqual(yield* children, ["a:Running", "b:Running"])
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("deleteChild of a Layer's child lets the same Layer be started anew at once", () =>
    Effect.gen(function* () {
      const { note, take, traced } = tracing()
      const { close, self } = yield* pool()
      const extra = Layer.effectDiscard(Effect.acquireRelease(note("open"), () => note("shut")))
      const layer = Layer.provideMerge(traced("a").layer, extra)
      for (let n = 0; n < 3; n++) {
        yield* Supervisor.startChild(self, Layer.build(layer))
        yield* Supervisor.terminateChild(self, "a")
        yield* Supervisor.deleteChild(self, "a")
        assert.deepStrictEqual(take(), ["open", "+a1", "-a1", "shut"])
      }
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("do with a supervisor what they do with an actor: it goes and comes with all its children", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const [a, b] = [traced("a"), traced("b")]
      const { close, services } = yield* open(
        Top.toLayer({ children: [Pool.toLayer({ children: [a.layer, b.layer] })] })
      )
      const [top, self] = [Context.get(services, Top), Context.get(services, Pool)]
      const handle = yield* Effect.provideContext(a.handle, services)
      yield* Supervisor.startChild(self, traced("c").spawn)
      yield* handle.tell.Work({ label: "queued" })
      yield* Supervisor.terminateChild(top, "Pool")
      assert.deepStrictEqual(take(), ["+a1", "+b1", "+c1", "a1:queued", "-c1", "-b1", "-a1"])
      assert.strictEqual(yield* Actor.awaitStopped(handle), "SupervisorStopped")
      assert.deepStrictEqual(yield* childrenOf(top), ["Pool:Stopped"])
      yield* Supervisor.restartChild(top, "Pool")
      assert.strictEqual(yield* handle.ask.Ping(), 2)
      assert.deepStrictEqual(yield* childrenOf(self), ["a:Running", "b:Running"])
      yield* Supervisor.terminateChild(top, "Pool")
      yield* Supervisor.deleteChild(top, "Pool")
      assert.deepStrictEqual(take(), ["+a2", "+b2", "-b2", "-a2"])
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("restartChild of a supervisor whose child does not start leaves all of it ended", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const b = traced("b", { onStart: (n) => (n === 2 ? new Refused({ why: "no" }) : Effect.void) })
      const low = Pool.toLayer({ children: [traced("a").layer, b.layer, traced("c").layer] })
      const { close, services } = yield* open(Top.toLayer({ children: [low] }))
      const [top, self] = [Context.get(services, Top), Context.get(services, Pool)]
      yield* Supervisor.terminateChild(top, "Pool")
      take()
      const error = yield* Effect.flip(Supervisor.restartChild(top, "Pool"))
      assert.deepInclude("cause" in error ? error.cause : {}, {
        _tag: "SupervisorStartError",
        supervisor: "Pool",
        child: "b"
      })
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(take(), ["+a2", "+b2", "-b2", "-a2"])
      assert.deepStrictEqual(yield* childrenOf(self), ["a:Stopped", "b:Stopped", "c:Stopped"])
      assert.deepStrictEqual(yield* childrenOf(top), ["Pool:Stopped"])
      yield* Supervisor.restartChild(top, "Pool")
      assert.deepStrictEqual(take(), ["+a3", "+b3", "+c2"])
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("do with a keyed family what they do with an actor: its residents end, and start again on demand", () =>
    Effect.gen(function* () {
      const { close, services } = yield* open(Top.toLayer({ children: [familyLayer] }))
      const [top, family] = [Context.get(services, Top), Context.get(services, Family)]
      const one = family.get("one")
      assert.strictEqual(yield* one.ask.Who(), "one")
      yield* Supervisor.terminateChild(top, "Family")
      assert.deepStrictEqual(yield* family.residents, [])
      assert.deepInclude(yield* Effect.flip(one.ask.Who()), { _tag: "Stopped", reason: "Stopped" })
      assert.deepInclude(yield* Effect.flip(family.get("two").ask.Who()), { _tag: "Stopped", reason: "Stopped" })
      assert.strictEqual(yield* reasonOf(Supervisor.terminateChild(top, "Family/one")), "NotFound")
      yield* Supervisor.restartChild(top, "Family")
      assert.strictEqual(yield* one.ask.Who(), "one")
      assert.strictEqual(yield* family.get("two").ask.Who(), "two")
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )
})
