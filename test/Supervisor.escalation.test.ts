/** What follows when a child gives up: its supervisor's restart, the next level, the root; and ends that are no failures. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { Rpc } from "effect/rpc"
import * as References from "effect/References"
import * as Runtime from "effect/Runtime"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import * as Ryker from "../src/Ryker.ts"
import * as RykerError from "../src/RykerError.ts"
import * as Supervisor from "../src/Supervisor.ts"
import { entryOf } from "./Actor.fixtures.ts"
import {
  assertNothingLeft,
  childrenOf,
  crash,
  errorOf,
  fragile,
  grow,
  pass,
  quick,
  Refused,
  run,
  settle,
  start,
  supervisor,
  supervisorOf,
  type TracedHandle,
  type TracedSelf,
  tracing,
  type TreeLayer
} from "./Supervisor.fixtures.ts"

// --- What the tests use -------------------------------------------------------------------------------------------------

const reasonOf = (handle: Actor.Any) =>
  Effect.map(Actor.status(handle), (status) => (status._tag === "Stopped" ? status.reason : status._tag))

interface Line {
  readonly level: string
  readonly event: unknown
  readonly actor: unknown
}

/** Takes all log lines in. */
const logsInto = (lines: Array<Line>) =>
  Logger.layer([
    Logger.make(({ fiber, logLevel }) => {
      const { actor, event } = fiber.getRef(References.CurrentLogAnnotations)
      lines.push({ level: logLevel, event, actor })
    })
  ])

// --- Escalation ---------------------------------------------------------------------------------------------------------

describe("a child that gives up", () => {
  for (const strategy of ["one-for-one", "one-for-all", "rest-for-one"] as const) {
    it.effect(
      `under ${strategy} fails its supervisor: all end in reverse, and start anew in order after its backoff`,
      () =>
        Effect.gen(function* () {
          const t = tracing({ timed: true })
          const [a, b, c] = [t.traced("a"), t.traced("b", fragile), t.traced("c")]
          const handles = yield* grow(supervisor("S", [a, b, c], { strategy }), { a, b, c })
          t.take()
          yield* crash(handles.b)
          assert.strictEqual(yield* reasonOf(handles.b), "RapidFail")
          assert.strictEqual(t.take().join(" "), "-b1@0 -c1@0 -a1@0")
          yield* pass("1 minute")
          assert.strictEqual(t.take().join(" "), "+a2@100 +b2@100 +c2@100")
          // Behind the same handles, and with a budget of its own again.
          for (const handle of Object.values(handles)) assert.strictEqual(yield* handle.ask.Ping(), 2)
          yield* crash(handles.b)
          yield* pass("1 minute")
          assert.strictEqual(yield* handles.b.ask.Ping(), 3)
        }).pipe(run())
    )
  }

  it.effect("loses its own queue, and its siblings keep theirs, in order, with what comes while they are down", () =>
    Effect.gen(function* () {
      const t = tracing()
      const actors = { a: t.traced("a"), b: t.traced("b", fragile), c: t.traced("c") }
      const { a, b, c } = yield* grow(supervisor("S", Object.values(actors)), actors)
      for (const actor of [a, c]) {
        yield* actor.tell.Slow({ millis: 10 })
        yield* actor.tell.Work({ label: "1" })
      }
      yield* settle
      yield* b.tell.Crash()
      const asked = yield* Effect.forkChild(Effect.exit(b.ask.Ping()), { startImmediately: true })
      yield* b.tell.Work({ label: "lost" })
      yield* settle
      assert.deepInclude(errorOf(yield* Fiber.join(asked)), { _tag: "Stopped", reason: "RapidFail", phase: "queued" })
      assert.deepInclude(yield* Effect.flip(b.ask.Ping()), { _tag: "Stopped", reason: "RapidFail", phase: "refused" })
      for (const actor of [a, c]) yield* actor.tell.Work({ label: "2" })
      yield* pass("1 minute")
      const trace = t.take().filter((line) => line.includes(":"))
      for (const name of ["a", "c"]) {
        const labels = trace.filter((line) => line.startsWith(name)).map((line) => line.split(":")[1])
        assert.deepStrictEqual(labels, ["slow", "1", "2"], name)
      }
      assert.deepInclude(yield* entryOf("b"), { accepted: 3, handled: 0, failed: 1 })
      assert.strictEqual((yield* entryOf("b")).dropped.rapid_fail, 2)
    }).pipe(run())
  )

  it.effect("cuts off a sibling's handler after the sibling's shutdown time: Crashed with the child that gave up", () =>
    Effect.gen(function* () {
      const t = tracing({ timed: true })
      const actors = { a: t.traced("a", { shutdown: 1_000 }), b: t.traced("b", fragile) }
      const { a, b } = yield* grow(supervisor("S", Object.values(actors)), actors)
      const asker = yield* start(a.ask.Hang())
      yield* crash(b)
      t.take()
      yield* pass("1 minute")
      assert.deepInclude(errorOf(yield* Fiber.join(asker)), {
        _tag: "Crashed",
        actor: "a",
        incarnation: 1,
        sibling: "b"
      })
      // The supervisor's backoff counts from when all is down.
      assert.strictEqual(t.take().join(" "), "-a1@1000 +a2@1100 +b2@1100")
    }).pipe(run())
  )

  it.effect("together with others at the same moment fails its supervisor once", () =>
    Effect.gen(function* () {
      const t = tracing()
      const actors = { a: t.traced("a", fragile), b: t.traced("b", fragile), c: t.traced("c", fragile) }
      const once = { intensity: { restarts: 1, window: "1 hour" } } as const
      const handles = yield* grow(supervisor("S", Object.values(actors), once), actors)
      t.take()
      for (const handle of Object.values(handles)) yield* handle.tell.Crash()
      yield* pass("1 minute")
      assert.deepStrictEqual(yield* childrenOf(yield* supervisorOf("S")), ["a:Running", "b:Running", "c:Running"])
      assert.deepStrictEqual(t.take().slice(3), ["+a2", "+b2", "+c2"])
    }).pipe(run())
  )

  it.effect("at any moment of the supervisor's first start or after it, is never missed", () =>
    Effect.gen(function* () {
      for (let yields = 0; yields < 40; yields++) {
        const t = tracing()
        const giveUp = Effect.gen(function* () {
          for (let n = 0; n < yields; n++) yield* Effect.yieldNow
          return yield* Effect.die("after some turns")
        })
        class First extends Actor.Service<First>()("First", []) {}
        const first = First.toLayer(
          Effect.gen(function* () {
            const timers = yield* Actor.timers
            yield* Effect.orDie(timers.single("give up", 1, giveUp))
            return {}
          }),
          { ...fragile, shutdown: 0 }
        )
        const last = t.traced("last", { onStart: () => Effect.sleep(1) })
        const tree = Supervisor.layer("S", { ...quick, ...fragile, children: [first, last.layer] })
        yield* Effect.gen(function* () {
          const failure = yield* start(Ryker.awaitFailure)
          const building = yield* start(Layer.build(tree))
          yield* pass(1)
          yield* pass(1)
          const built = building.pollUnsafe()
          assert.isDefined(built)
          const exit = yield* Fiber.join(building)
          // Either the start fails, or the supervisor does, which gives up.
          if (Exit.isSuccess(exit)) {
            assert.isDefined(failure.pollUnsafe(), `after ${yields} turns`)
          } else {
            assert.deepInclude(errorOf(exit), { _tag: "SupervisorStartError", child: "First" })
          }
          yield* Fiber.interrupt(failure)
        }).pipe(run())
      }
    })
  )
})

describe("a supervisor that gives up", () => {
  const hindrances = [
    ["a handler that cannot be interrupted", {}, (a: TracedHandle) => a.tell.Stubborn({ millis: 3_600_000 })],
    ["a finalizer that hangs", { onClose: () => Effect.sleep("1 hour") }, () => Effect.void]
  ] as const
  for (const [what, options, hinder] of hindrances) {
    it.effect(`does so within its shutdown time, though a child of it has ${what}`, () =>
      Effect.gen(function* () {
        const t = tracing()
        const actors = { a: t.traced("a", options), b: t.traced("b", fragile) }
        const tree = supervisor("S", Object.values(actors), { ...fragile, shutdown: 2_000 })
        const { a, b } = yield* grow(tree, actors)
        const failure = yield* start(Ryker.awaitFailure)
        yield* hinder(a)
        const queued = yield* start(a.ask.Ping())
        yield* crash(b)
        yield* pass(2_000)
        assert.isDefined(failure.pollUnsafe(), "the host must hear of it")
        assert.isDefined(queued.pollUnsafe())
        yield* pass("2 hours")
        yield* assertNothingLeft
        yield* Fiber.interrupt(failure)
      }).pipe(run())
    )
  }
})

describe("escalation through three levels", () => {
  /** R { M { L { x, y }, z }, w } */
  const plant = (t: ReturnType<typeof tracing>, options: { readonly [N in "L" | "M" | "R"]?: Supervisor.Options }) => {
    const actors = {
      x: t.traced("x", fragile),
      y: t.traced("y"),
      z: t.traced("z"),
      w: t.traced("w")
    }
    const L = supervisor("L", [actors.x, actors.y], options.L)
    const M = supervisor("M", [L, actors.z], options.M)
    return grow(supervisor("R", [M, actors.w], options.R), actors)
  }

  it.effect("stops at the first level that has budget left: nothing above or beside it is touched", () =>
    Effect.gen(function* () {
      const t = tracing({ timed: true })
      const { x } = yield* plant(t, {})
      assert.strictEqual(t.take().join(" "), "+x1@0 +y1@0 +z1@0 +w1@0")
      yield* crash(x)
      yield* pass("1 minute")
      assert.strictEqual(t.take().join(" "), "-x1@0 -y1@0 +x2@100 +y2@100")
    }).pipe(run())
  )

  it.effect("takes a level with it whose budget is spent: its whole subtree is rebuilt, in order", () =>
    Effect.gen(function* () {
      const t = tracing({ timed: true })
      const { w, x, y, z } = yield* plant(t, { L: fragile })
      t.take()
      yield* crash(x)
      // What was below the level that gave up has ended with it; what was beside it only waits.
      const refused = yield* Effect.flip(y.tell.Work({ label: "refused" }))
      assert.deepInclude(refused, { _tag: "Stopped", reason: "SupervisorStopped", phase: "refused" })
      yield* z.tell.Work({ label: "kept" })
      yield* pass("1 minute")
      assert.strictEqual(t.take().join(" "), "-x1@0 -y1@0 -z1@0 +x2@100 +y2@100 +z2@100 z2:kept@100")
      assert.deepStrictEqual(yield* Effect.forEach([x, y, z, w], (actor) => actor.ask.Ping()), [2, 2, 2, 1])
      assert.deepStrictEqual(yield* childrenOf(yield* supervisorOf("L")), ["x:Running", "y:Running"])
    }).pipe(run())
  )

  it.effect("as a whole ends the root: every child ends, queues are answered, one root_failed, one RootFailure", () => {
    const lines: Array<Line> = []
    return Effect.gen(function* () {
      const t = tracing()
      const { w, x, y, z } = yield* plant(t, { L: fragile, M: fragile, R: fragile })
      const failure = yield* start(Ryker.awaitFailure)
      const asks = yield* Effect.forEach([y, z, w], (actor) =>
        Effect.andThen(Actor.suspend(actor), start(actor.ask.Ping()))
      )
      yield* w.tell.Work({ label: "told" })
      t.take()
      yield* crash(x)
      yield* settle
      assert.deepInclude(errorOf(yield* Fiber.join(failure)), { _tag: "RootFailure", actor: "R" })
      assert.deepStrictEqual(t.take(), ["-x1", "-y1", "-z1", "-w1"])
      for (const asker of asks) {
        assert.deepInclude(errorOf(yield* Fiber.join(asker)), { _tag: "Stopped", phase: "queued" })
      }
      const reasons = yield* Effect.forEach([x, y, z, w], reasonOf)
      assert.deepStrictEqual(reasons, ["RapidFail", "SupervisorStopped", "SupervisorStopped", "SupervisorStopped"])
      assert.deepStrictEqual(
        lines.filter(({ event }) => event === "root_failed"),
        [{ level: "Fatal", event: "root_failed", actor: "R" }]
      )
      // Whoever comes later hears of it, too.
      assert.deepInclude(yield* Effect.flip(Ryker.awaitFailure), { _tag: "RootFailure", actor: "R" })
      yield* pass("1 hour")
      assert.deepStrictEqual(t.take(), [], "nothing comes back")
      yield* assertNothingLeft
    }).pipe(run(), Effect.provide(logsInto(lines)))
  })

  it.effect("is stopped by a level that isolates: the supervisor that gave up stays down, its siblings go on", () =>
    Effect.gen(function* () {
      const t = tracing()
      const { w, x, y, z } = yield* plant(t, { L: fragile, M: { ...fragile, onExhausted: "isolate" }, R: fragile })
      const failure = yield* start(Ryker.awaitFailure)
      t.take()
      yield* crash(x)
      yield* pass("1 hour")
      assert.deepStrictEqual(t.take(), ["-x1", "-y1"])
      assert.deepStrictEqual(yield* childrenOf(yield* supervisorOf("M")), ["L:Stopped", "z:Running"])
      assert.deepStrictEqual(yield* Effect.forEach([x, y, z, w], reasonOf), [
        "RapidFail",
        "SupervisorStopped",
        "Running",
        "Running"
      ])
      assert.isUndefined(failure.pollUnsafe())
      // An operator starts it anew: all below comes with it.
      yield* Supervisor.restartChild(yield* supervisorOf("M"), "L")
      assert.deepStrictEqual(t.take(), ["+x2", "+y2"])
      assert.strictEqual(yield* y.ask.Ping(), 2)
      yield* Fiber.interrupt(failure)
    }).pipe(run())
  )

  it.effect("of a transient supervisor restarts it, of a temporary one ends it, and the tree goes on", () =>
    Effect.gen(function* () {
      for (const [restart, expected] of [
        ["transient", ["L:Running", "z:Running"]],
        ["temporary", ["z:Running"]]
      ] as const) {
        yield* Effect.gen(function* () {
          const t = tracing()
          const { x, y } = yield* plant(t, { L: { restart } })
          yield* crash(x)
          yield* pass("1 minute")
          assert.deepStrictEqual(yield* childrenOf(yield* supervisorOf("M")), expected)
          assert.strictEqual(yield* reasonOf(y), restart === "transient" ? "Running" : "SupervisorStopped")
        }).pipe(run())
      }
    })
  )
})

// --- The supervisor's own restart ---------------------------------------------------------------------------------------

describe("a supervisor that is restarted", () => {
  it.effect(
    "starts all of its Options again, also what had ended or was taken from the list; started children end",
    () =>
      Effect.gen(function* () {
        const t = tracing()
        const temporary = { restart: "temporary" } as const
        const actors = {
          a: t.traced("a", { restart: "transient" }),
          b: t.traced("b", temporary),
          c: t.traced("c"),
          d: t.traced("d"),
          e: t.traced("e", fragile)
        }
        const { a, b, e } = yield* grow(supervisor("S", Object.values(actors)), actors)
        const S = yield* supervisorOf("S")
        const f = yield* Supervisor.startChild(S, t.traced("f").spawn)
        yield* a.ask.Bye()
        yield* Effect.ignore(b.ask.Crash())
        yield* Supervisor.terminateChild(S, "c")
        yield* Supervisor.terminateChild(S, "d")
        yield* Supervisor.deleteChild(S, "d")
        yield* settle
        assert.deepStrictEqual(yield* childrenOf(S), ["a:Stopped", "c:Stopped", "e:Running", "f:Running"])
        const queued = yield* Effect.andThen(f.tell.Hang(), start(f.ask.Ping()))
        t.take()
        yield* crash(e)
        yield* pass("1 minute")
        assert.deepStrictEqual(t.take(), ["-e1", "-f1", "+a2", "+b2", "+c2", "+d2", "+e2"])
        assert.deepStrictEqual(
          yield* childrenOf(S),
          ["a", "b", "c", "d", "e"].map((name) => `${name}:Running`)
        )
        assert.strictEqual(yield* reasonOf(f), "SupervisorStopped")
        assert.deepInclude(errorOf(yield* Fiber.join(queued)), { _tag: "Stopped", reason: "SupervisorStopped" })
        // Its name is free again.
        yield* Supervisor.startChild(S, t.traced("f").spawn)
      }).pipe(run())
  )

  it.effect("ends a started child that waits for its group, too: its asker hears at once, its name is free", () =>
    Effect.gen(function* () {
      const t = tracing()
      const long = { backoff: { base: "1 hour", cap: "1 hour", jitter: false } } as const
      const actors = { a: t.traced("a"), z: t.traced("z", fragile) }
      const inner = supervisor("S", [actors.a], { strategy: "one-for-all" })
      const { z } = yield* grow(supervisor("P", [inner, actors.z]), actors)
      const S = yield* supervisorOf("S")
      const f = yield* Supervisor.startChild(S, t.traced("f", long).spawn)
      yield* crash(f)
      const queued = yield* start(f.ask.Ping())
      yield* crash(z)
      yield* pass("1 minute")
      assert.deepStrictEqual(yield* childrenOf(S), ["a:Running"])
      assert.deepInclude(errorOf(yield* Fiber.join(queued)), { _tag: "Stopped", reason: "SupervisorStopped" })
      yield* Supervisor.startChild(S, t.traced("f").spawn)
    }).pipe(run())
  )

  it.effect(
    "in the middle of a startChild: the call settles, and the child does not outlive the incarnation unseen",
    () =>
      Effect.gen(function* () {
        const t = tracing()
        const actors = { a: t.traced("a", fragile) }
        const { a } = yield* grow(supervisor("S", Object.values(actors)), actors)
        const S = yield* supervisorOf("S")
        const starting = yield* start(
          Supervisor.startChild(S, Effect.andThen(Effect.sleep(50), t.traced("late").spawn))
        )
        yield* crash(a)
        yield* pass(60)
        const exit = yield* Fiber.join(starting)
        yield* pass("1 minute")
        // It may be refused, or be a child of the incarnation that is there. What it must not be is nobody's child.
        const isListed = (yield* childrenOf(S)).includes("late:Running")
        const trace = t.take()
        const count = (sign: string) => trace.filter((line) => line.startsWith(`${sign}late`)).length
        assert.strictEqual(isListed, count("+") > count("-"))
        if (isListed) return
        assert.isTrue(Exit.isFailure(exit))
        // Then its name is free.
        yield* Supervisor.startChild(S, t.traced("late").spawn)
      }).pipe(run())
  )

  it.effect("is charged for a child's start that fails then, with its own delays; the child is not", () =>
    Effect.gen(function* () {
      const t = tracing({ timed: true })
      const bad = { onStart: (n: number) => (n === 2 || n === 3 ? new Refused({ why: "not yet" }) : Effect.void) }
      const once = { intensity: { restarts: 1, window: "1 hour" } } as const
      const actors = { a: t.traced("a"), b: t.traced("b", { ...bad, ...once }), c: t.traced("c", fragile) }
      const three = { intensity: { restarts: 3, window: "1 hour" } } as const
      const { b, c } = yield* grow(supervisor("S", Object.values(actors), three), actors)
      const failure = yield* start(Ryker.awaitFailure)
      t.take()
      yield* crash(c)
      yield* pass("1 minute")
      assert.strictEqual(
        t.take().join(" "),
        "-c1@0 -b1@0 -a1@0 +a2@100 +b2@100 -b2@100 -a2@100 +a3@300 +b3@300 -b3@300 -a3@300 +a4@700 +b4@700 +c2@700"
      )
      // The child has its one restart still.
      yield* crash(b)
      yield* pass("1 minute")
      assert.strictEqual(yield* b.ask.Ping(), 5)
      // The supervisor has none.
      yield* crash(c)
      yield* settle
      assert.deepInclude(errorOf(yield* Fiber.join(failure)), { actor: "S" })
    }).pipe(run())
  )

  it.effect("gives up when a child's start fails more often than its intensity allows, and all is released", () =>
    Effect.gen(function* () {
      const t = tracing()
      const bad = { onStart: (n: number) => (n > 1 ? new Refused({ why: "never again" }) : Effect.void) }
      const actors = { a: t.traced("a"), b: t.traced("b", bad), c: t.traced("c", fragile) }
      const twice = { intensity: { restarts: 2, window: "1 hour" } } as const
      const { a, c } = yield* grow(supervisor("S", Object.values(actors), twice), actors)
      const failure = yield* start(Ryker.awaitFailure)
      yield* crash(c)
      const queued = yield* start(a.ask.Work({ label: "?" }, { deadline: "Infinity" }))
      const told = yield* start(a.tell.Work({ label: "?" }))
      yield* pass("1 minute")
      assert.deepInclude(errorOf(yield* Fiber.join(failure)), { _tag: "RootFailure", actor: "S" })
      assert.strictEqual((yield* Fiber.join(told))._tag, "Success")
      assert.isDefined(queued.pollUnsafe())
      const trace = t.take()
      assert.strictEqual(trace.filter((line) => line.startsWith("+a")).length, 3)
      assert.strictEqual(trace.filter((line) => line.startsWith("-a")).length, 3)
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect(
    "has delays that grow, and begin anew after it was healthy for a whole window, and not a moment sooner",
    () =>
      Effect.gen(function* () {
        const t = tracing({ timed: true })
        const actors = { a: t.traced("a", fragile) }
        const policy = { intensity: { restarts: 1_000, window: 10_000 } } as const
        const { a } = yield* grow(supervisor("S", Object.values(actors), policy), actors)
        t.take()
        const next = Effect.gen(function* () {
          const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
          yield* crash(a)
          yield* pass(5_000)
          const [, up] = t.take()
          return Number(up?.split("@")[1]) - now
        })
        assert.strictEqual(yield* next, 100)
        assert.strictEqual(yield* next, 200)
        assert.strictEqual(yield* next, 400)
        // It has been up for 4,600 ms.
        yield* pass(5_399)
        assert.strictEqual(yield* next, 800)
        // For 4,200 ms.
        yield* pass(5_800)
        assert.strictEqual(yield* next, 100)
      }).pipe(run())
  )

  it.effect("does not count what is longer ago than its window: one failure for each window/n goes on for ever", () =>
    Effect.gen(function* () {
      for (const [millis, survives] of [
        [500, true],
        [499, false]
      ] as const) {
        yield* Effect.gen(function* () {
          const t = tracing()
          const actors = { a: t.traced("a", fragile) }
          const policy = {
            intensity: { restarts: 2, window: 1_000 },
            backoff: { base: 1, cap: 1, jitter: false }
          } as const
          const { a } = yield* grow(supervisor("S", Object.values(actors), policy), actors)
          for (let n = 0; n < 12; n++) {
            yield* Effect.ignore(crash(a))
            yield* pass(millis)
          }
          assert.strictEqual(yield* reasonOf(a), survives ? "Running" : "RapidFail")
        }).pipe(run())
      }
    })
  )

  for (const at of [0, 99, 100, 101, 150, 200, 201]) {
    it.effect(
      `ends for good if its Layer closes after ${at} ms of it: nothing starts afterwards, nothing is left`,
      () =>
        Effect.gen(function* () {
          const t = tracing()
          const actors = {
            a: t.traced("a", { onStart: (n) => (n > 1 ? Effect.sleep(100) : Effect.void) }),
            b: t.traced("b", fragile)
          }
          const ask = yield* Effect.scoped(
            Effect.gen(function* () {
              const { a, b } = yield* grow(supervisor("S", Object.values(actors)), actors)
              const asker = yield* Effect.andThen(
                Actor.suspend(a),
                Effect.forkDetach(Effect.exit(a.ask.Ping()), { startImmediately: true })
              )
              yield* crash(b)
              yield* TestClock.adjust(at)
              return asker
            })
          ).pipe(Effect.timeout("1 minute"), start)
          yield* pass("1 hour")
          const asker = yield* Effect.flatten(Fiber.join(ask))
          assert.isDefined(asker.pollUnsafe(), "the asker hears of it")
          const trace = t.take()
          for (const name of ["a", "b"]) {
            const of = (sign: string) => trace.filter((line) => line.startsWith(`${sign}${name}`)).length
            assert.strictEqual(of("+"), of("-"), trace.join(" "))
          }
          yield* assertNothingLeft
        }).pipe(run())
    )
  }
})

describe("nested groups", () => {
  it.effect(
    "a supervisor in a group that restarts a group itself at the same moment comes up once, with the outer group",
    () =>
      Effect.gen(function* () {
        const t = tracing({ timed: true })
        const all = { strategy: "one-for-all" } as const
        const actors = { a: t.traced("a"), b: t.traced("b"), c: t.traced("c") }
        const inner = supervisor("S", [actors.a, actors.b], all)
        const { a, b, c } = yield* grow(supervisor("P", [inner, actors.c], all), actors)
        t.take()
        yield* a.tell.Crash()
        yield* b.tell.Work({ label: "kept" })
        yield* c.tell.Crash()
        yield* pass("1 minute")
        const trace = t.take()
        assert.deepStrictEqual(
          trace.filter((line) => line.startsWith("+")),
          ["+a2@100", "+b2@100", "+c2@100"],
          trace.join(" ")
        )
        assert.deepStrictEqual(yield* Effect.forEach([a, b, c], (actor) => actor.ask.Ping()), [2, 2, 2])
      }).pipe(run())
  )

  it.effect(
    "an inner group in its backoff is taken up by the outer restart, and not restarted once more by itself",
    () =>
      Effect.gen(function* () {
        const t = tracing({ timed: true })
        const all = { strategy: "one-for-all" } as const
        const long = { backoff: { base: 10_000, cap: "1 hour", jitter: false } } as const
        const actors = { a: t.traced("a", long), b: t.traced("b"), c: t.traced("c") }
        const inner = supervisor("S", [actors.a, actors.b], all)
        const { a, c } = yield* grow(supervisor("P", [inner, actors.c], all), actors)
        t.take()
        yield* crash(a)
        yield* pass(1_000)
        yield* crash(c)
        t.take()
        yield* pass("1 hour")
        const ups = t.take().map((line) => line.replace(/@.*/, ""))
        assert.deepStrictEqual(ups, ["+a2", "+b2", "+c2"])
      }).pipe(run())
  )

  it.effect(
    "a child that crashes while its supervisor is taken down does not restart the group once more afterwards",
    () =>
      Effect.gen(function* () {
        const t = tracing()
        const slow = { onClose: (n: number) => (n === 1 ? Effect.sleep(1_000) : Effect.void) }
        const actors = { a: t.traced("a"), b: t.traced("b", fragile), c: t.traced("c", slow) }
        const { a, b } = yield* grow(supervisor("S", Object.values(actors), { strategy: "one-for-all" }), actors)
        t.take()
        // S fails with b; c takes its time to close, and meanwhile a crashes.
        yield* crash(b)
        yield* crash(a)
        yield* pass("1 minute")
        assert.deepStrictEqual(t.take().toSorted(), ["+a2", "+b2", "+c2", "-a1", "-b1", "-c1"])
      }).pipe(run())
  )

  it.effect("an outer restart while the inner group is being torn down waits for it", () =>
    Effect.gen(function* () {
      const t = tracing({ timed: true })
      const all = { strategy: "one-for-all" } as const
      const slow = { onClose: (n: number) => (n === 1 ? Effect.sleep(1_000) : Effect.void) }
      const actors = { a: t.traced("a", slow), b: t.traced("b"), c: t.traced("c") }
      const inner = supervisor("S", [actors.a, actors.b], all)
      const { b, c } = yield* grow(supervisor("P", [inner, actors.c], all), actors)
      t.take()
      yield* crash(b)
      yield* crash(c)
      yield* pass("1 minute")
      assert.strictEqual(t.take().join(" "), "-b1@0 -c1@0 -a1@1000 +a2@1000 +b2@1000 +c2@1000")
    }).pipe(run())
  )

  it.effect(
    "a child of the inner group that gives up while the outer one is torn down comes back with it, uncharged",
    () =>
      Effect.gen(function* () {
        const t = tracing()
        const all = { strategy: "one-for-all" } as const
        const slow = { onClose: (n: number) => (n === 1 ? Effect.sleep(1_000) : Effect.void) }
        const actors = { a: t.traced("a", fragile), b: t.traced("b", slow), c: t.traced("c") }
        const inner = supervisor("S", [actors.a, actors.b], { ...all, ...fragile })
        const { a, b, c } = yield* grow(supervisor("P", [inner, actors.c], { ...all, ...fragile }), actors)
        const failure = yield* start(Ryker.awaitFailure)
        yield* crash(c)
        // S is halted, b closes; a is up still, and gives up now.
        yield* crash(a)
        yield* pass("1 minute")
        assert.isUndefined(failure.pollUnsafe())
        assert.deepStrictEqual(yield* Effect.forEach([a, b, c], reasonOf), ["Running", "Running", "Running"])
        yield* Fiber.interrupt(failure)
      }).pipe(run())
  )
})

// --- The root -----------------------------------------------------------------------------------------------------------

describe("the root", () => {
  /** The exit code of a process that runs this, and what it logs. */
  const processOf = <E>(app: Layer.Layer<TracedSelf, E, Ryker.Ryker>) => {
    const lines: Array<Line> = []
    const main = Ryker.layerAwaitFailure.pipe(
      Layer.provide(app),
      Layer.provide(Ryker.layer),
      Layer.provide(logsInto(lines)),
      Layer.launch,
      Effect.provide(logsInto(lines))
    )
    return Effect.callback<{ readonly code: number; readonly lines: ReadonlyArray<Line> }>((resume) => {
      const runMain = Runtime.makeRunMain(({ fiber, teardown }) => {
        fiber.addObserver((exit) => teardown(exit, (code) => resume(Effect.succeed({ code, lines }))))
      })
      runMain(main)
    })
  }

  it.effect("that gives up ends the process with code 1 and one line: root_failed, at level Fatal", () =>
    Effect.gen(function* () {
      const t = tracing()
      const bad = t.traced("bad", fragile)
      const tree = supervisor("Root", [t.traced("good"), bad], fragile)
      const app = Layer.tap(tree, (context) =>
        Effect.flatMap(Effect.provide(bad.handle, context), (actor) => actor.tell.Crash())
      )
      const { code, lines } = yield* processOf(app)
      assert.strictEqual(code, 1)
      const fatal = lines.filter(({ level }) => level === "Fatal")
      assert.deepStrictEqual(fatal, [{ level: "Fatal", event: "root_failed", actor: "Root" }])
      assert.deepStrictEqual(
        lines.filter(({ event }) => event === undefined),
        [],
        "runMain does not log it again"
      )
      assert.deepStrictEqual(t.take(), ["+good1", "+bad1", "-bad1", "-good1"])
    })
  )

  it.effect("is also an actor's Layer without a supervisor", () =>
    Effect.gen(function* () {
      const t = tracing()
      const bad = t.traced("bad", fragile)
      const app = Layer.tap(bad.layer, (context) =>
        Effect.flatMap(Effect.provide(bad.handle, context), (actor) => actor.tell.Crash())
      )
      const { code, lines } = yield* processOf(app)
      assert.strictEqual(code, 1)
      assert.strictEqual(lines.filter(({ event }) => event === "root_failed").length, 1)
    })
  )

  it.effect("fails once, with the first, when several at the top give up", () => {
    const lines: Array<Line> = []
    return Effect.gen(function* () {
      const t = tracing()
      const actors = { a: t.traced("a", fragile), b: t.traced("b", fragile) }
      const trees = Layer.mergeAll(supervisor("A", [actors.a], fragile), supervisor("B", [actors.b], fragile))
      const { a, b } = yield* grow(trees, actors)
      yield* crash(b)
      yield* crash(a)
      assert.deepInclude(yield* Effect.flip(Ryker.awaitFailure), { actor: "B" })
      assert.deepStrictEqual(
        lines.filter(({ event }) => event === "root_failed").map(({ actor }) => actor),
        ["B"]
      )
    }).pipe(run(), Effect.provide(logsInto(lines)))
  })

  it.effect("has not given up when a spawned or keyed actor, or an isolated child did, nor after an orderly end", () =>
    Effect.gen(function* () {
      const t = tracing()
      const failure = yield* start(Ryker.awaitFailure)
      const spawned = yield* t.traced("spawned", fragile).spawn
      yield* crash(spawned)
      class Family extends Actor.keyed<Family>()("Family", [Rpc.make("Crash")]) {}
      const context = yield* Layer.build(Family.toLayer(() => ({ Crash: () => Effect.die("x") }), fragile))
      const family = yield* Effect.provide(Family, context)
      yield* Effect.ignore(family.get("a").ask.Crash())
      const actors = { a: t.traced("a", fragile), b: t.traced("b", { restart: "transient", significant: true }) }
      yield* grow(supervisor("Isolating", [actors.a], { onExhausted: "isolate" }), { a: actors.a }).pipe(
        Effect.flatMap(({ a }) => crash(a))
      )
      const { b } = yield* grow(supervisor("Finishing", [actors.b], { autoShutdown: "any" }), { b: actors.b })
      yield* b.ask.Bye()
      yield* grow(t.traced("temporary", { restart: "temporary" }).layer, {})
      yield* Effect.scoped(grow(supervisor("Closed", [t.traced("c")]), {}))
      yield* pass("1 hour")
      assert.strictEqual(yield* reasonOf(spawned), "RapidFail")
      assert.isUndefined(failure.pollUnsafe())
      yield* Fiber.interrupt(failure)
    }).pipe(run())
  )

  it.effect("that gives up while it drains still ends within the drain's time", () =>
    Effect.gen(function* () {
      const t = tracing()
      const actors = { a: t.traced("a"), b: t.traced("b", fragile) }
      const { a, b } = yield* grow(supervisor("S", Object.values(actors), fragile), actors)
      yield* a.tell.Slow({ millis: 200 })
      yield* b.tell.Slow({ millis: 100 })
      yield* b.tell.Crash()
      const drain = yield* start(Ryker.drain(1_000))
      yield* pass("1 minute")
      const report = yield* Effect.flatten(Fiber.join(drain))
      assert.isAtMost(report.millis, 1_000)
      yield* assertNothingLeft
    }).pipe(run())
  )
})

// --- Significant children -----------------------------------------------------------------------------------------------

describe("autoShutdown", () => {
  type End = "Crash" | "Bye" | "terminateChild" | "stop"
  const cases: ReadonlyArray<
    readonly [
      title: string,
      autoShutdown: "any" | "all",
      children: Readonly<Record<string, "transient" | "temporary" | "plain">>,
      ends: ReadonlyArray<readonly [child: string, end: End]>,
      finished: boolean
    ]
  > = [
    ["any: the first transient that ends normally", "any", { a: "transient", b: "transient" }, [["a", "Bye"]], true],
    ["any: a transient that crashes is restarted", "any", { a: "transient", b: "plain" }, [["a", "Crash"]], false],
    ["any: a temporary that crashes", "any", { a: "plain", b: "temporary" }, [["b", "Crash"]], true],
    ["any: a temporary that ends normally", "any", { a: "plain", b: "temporary" }, [["b", "Bye"]], true],
    ["any: a bystander that ends normally", "any", { a: "plain", b: "transient" }, [["a", "Bye"]], false],
    ["any: terminateChild", "any", { a: "transient", b: "plain" }, [["a", "terminateChild"]], false],
    ["any: Actor.stop", "any", { a: "transient", b: "plain" }, [["a", "stop"]], false],
    ["all: one of two", "all", { a: "transient", b: "temporary" }, [["a", "Bye"]], false],
    [
      "all: the last of two",
      "all",
      { a: "transient", b: "temporary" },
      [
        ["b", "Crash"],
        ["a", "Bye"]
      ],
      true
    ],
    ["all: the bystander is none of them", "all", { a: "plain", b: "transient" }, [["b", "Bye"]], true],
    [
      "all: terminateChild of the last does not",
      "all",
      { a: "transient", b: "transient" },
      [
        ["a", "Bye"],
        ["b", "terminateChild"]
      ],
      false
    ],
    [
      "all: the end of the last does when another was terminated",
      "all",
      { a: "transient", b: "transient" },
      [
        ["a", "terminateChild"],
        ["b", "Bye"]
      ],
      true
    ],
    [
      "all: without any significant child",
      "all",
      { a: "plain", b: "plain" },
      [
        ["a", "Bye"],
        ["b", "Bye"]
      ],
      false
    ]
  ]
  for (const strategy of ["one-for-one", "one-for-all", "rest-for-one"] as const) {
    for (const [title, autoShutdown, children, ends, finished] of cases) {
      it.effect(`under ${strategy}, ${title}: ${finished ? "finishes" : "goes on"}`, () =>
        Effect.gen(function* () {
          const t = tracing()
          const actors = Object.fromEntries(
            Object.entries(children).map(([name, type]) => [
              name,
              t.traced(name, type === "plain" ? { restart: "transient" } : { restart: type, significant: true })
            ])
          )
          const handles: Record<string, TracedHandle> = yield* grow(
            supervisor("S", Object.values(actors), { strategy, autoShutdown }),
            actors
          )
          const S = yield* supervisorOf("S")
          for (const [child, end] of ends) {
            const actor = handles[child]!
            if (end === "terminateChild") yield* Supervisor.terminateChild(S, child)
            else if (end === "stop") yield* Actor.stop(actor)
            else yield* Effect.ignore(actor.ask[end]())
            yield* settle
          }
          yield* pass("1 minute")
          assert.strictEqual(yield* reasonOf(S), finished ? "Normal" : "Running")
          if (!finished) return
          const ended = ends.map(([child]) => child)
          for (const [name, handle] of Object.entries(handles)) {
            if (!ended.includes(name)) assert.strictEqual(yield* reasonOf(handle), "SupervisorStopped", name)
          }
          yield* assertNothingLeft
        }).pipe(run())
      )
    }
  }

  it.effect("is not triggered by a significant temporary child that is ended with its group", () =>
    Effect.gen(function* () {
      for (const strategy of ["one-for-all", "rest-for-one"] as const) {
        yield* Effect.gen(function* () {
          const t = tracing()
          const actors = { a: t.traced("a"), b: t.traced("b", { restart: "temporary", significant: true }) }
          const { a, b } = yield* grow(
            supervisor("S", Object.values(actors), { strategy, autoShutdown: "any" }),
            actors
          )
          yield* crash(a)
          yield* pass("1 minute")
          assert.strictEqual(yield* reasonOf(b), "SupervisorStopped")
          assert.deepStrictEqual(yield* childrenOf(yield* supervisorOf("S")), ["a:Running"])
        }).pipe(run())
      }
    })
  )

  it.effect(
    "stops the others in reverse, each within its shutdown: SupervisorStopped for who is cut off and who waits",
    () =>
      Effect.gen(function* () {
        const t = tracing({ timed: true })
        const actors = {
          a: t.traced("a", { shutdown: 1_000 }),
          b: t.traced("b", { restart: "transient", significant: true }),
          c: t.traced("c", { shutdown: 1_000 })
        }
        const { a, b, c } = yield* grow(supervisor("S", Object.values(actors), { autoShutdown: "any" }), actors)
        const slow = yield* start(a.ask.Slow({ millis: 500 }))
        const cut = yield* start(c.ask.Hang())
        const waiting = yield* start(c.ask.Ping())
        t.take()
        yield* b.ask.Bye()
        yield* pass("1 minute")
        assert.strictEqual((yield* Fiber.join(slow))._tag, "Success")
        assert.deepInclude(errorOf(yield* Fiber.join(cut)), { _tag: "Stopped", reason: "SupervisorStopped" })
        assert.deepInclude(errorOf(yield* Fiber.join(waiting)), { _tag: "Stopped", reason: "SupervisorStopped" })
        assert.strictEqual(t.take().join(" "), "-b1@0 a1:slow@500 -c1@1000 -a1@1000")
      }).pipe(run())
  )

  it.effect("ends within the supervisor's total time, though a handler of another child cannot be interrupted", () =>
    Effect.gen(function* () {
      const t = tracing()
      const actors = { a: t.traced("a"), b: t.traced("b", { restart: "transient", significant: true }) }
      const options = { autoShutdown: "any", shutdown: 2_000 } as const
      const { a, b } = yield* grow(supervisor("S", Object.values(actors), options), actors)
      const S = yield* supervisorOf("S")
      const asker = yield* start(a.ask.Stubborn({ millis: 3_600_000 }))
      yield* b.ask.Bye()
      yield* pass(2_000)
      assert.strictEqual(yield* reasonOf(S), "Normal")
      assert.isDefined(asker.pollUnsafe())
      yield* pass("2 hours")
    }).pipe(run())
  )

  it.effect("of a significant supervisor goes up level by level, without a failure and without a restart", () =>
    Effect.gen(function* () {
      const t = tracing()
      const actors = {
        x: t.traced("x", { restart: "transient", significant: true }),
        y: t.traced("y"),
        z: t.traced("z")
      }
      const any = { autoShutdown: "any" } as const
      const L = supervisor("L", [actors.x, actors.y], { ...any, significant: true })
      const M = supervisor("M", [L, actors.z], any)
      const { x } = yield* grow(M, actors)
      const failure = yield* start(Ryker.awaitFailure)
      t.take()
      yield* x.ask.Bye()
      yield* pass("1 minute")
      assert.deepStrictEqual(t.take(), ["-x1", "-y1", "-z1"])
      assert.isUndefined(failure.pollUnsafe())
      yield* assertNothingLeft
      yield* Fiber.interrupt(failure)
    }).pipe(run())
  )

  it.effect("of a permanent supervisor is followed by its restart", () =>
    Effect.gen(function* () {
      const t = tracing()
      const actors = { a: t.traced("a", { restart: "transient", significant: true }), b: t.traced("b") }
      const options = { autoShutdown: "any", restart: "permanent" } as const
      const { a } = yield* grow(supervisor("S", Object.values(actors), options), actors)
      t.take()
      yield* a.ask.Bye()
      yield* pass("1 minute")
      assert.deepStrictEqual(t.take(), ["-a1", "-b1", "+a2", "+b2"])
    }).pipe(run())
  )

  for (const autoShutdown of ["any", "all"] as const) {
    it.effect(`${autoShutdown}: also for a child that ends itself while those after it are being started`, () =>
      Effect.gen(function* () {
        const t = tracing()
        const actors = {
          a: t.traced("a", { restart: "transient", significant: true, onStart: () => Actor.stopSelf }),
          b: t.traced("b", { onStart: () => Effect.sleep(100) })
        }
        const growing = yield* start(grow(supervisor("S", Object.values(actors), { autoShutdown }), actors))
        yield* pass("1 minute")
        const exit = yield* Fiber.join(growing)
        assert.isTrue(Exit.isSuccess(exit), String(exit))
        assert.deepStrictEqual(t.take(), ["+a1", "-a1", "+b1", "-b1"])
        yield* assertNothingLeft
      }).pipe(run())
    )
  }

  const significant = { restart: "transient", significant: true } as const
  // What the compiler would refuse, from callers that it does not see.
  const wrong = "sometimes" as never
  const refused: ReadonlyArray<readonly [string, (t: ReturnType<typeof tracing>) => TreeLayer, string, string]> = [
    [
      "a significant permanent child",
      (t) => supervisor("S", [t.traced("a", { significant: true })], { autoShutdown: "any" }),
      "a",
      "significant"
    ],
    [
      "a significant child without autoShutdown",
      (t) => supervisor("S", [t.traced("a", significant)]),
      "a",
      "significant"
    ],
    [
      "a significant supervisor without autoShutdown above it",
      (t) => supervisor("S", [supervisor("I", [t.traced("a")], significant)]),
      "I",
      "significant"
    ],
    [
      "a significant permanent supervisor",
      (t) => supervisor("S", [supervisor("I", [t.traced("a")], { significant: true })], { autoShutdown: "all" }),
      "I",
      "significant"
    ],
    ["an unknown strategy", (t) => supervisor("S", [t.traced("a")], { strategy: wrong }), "S", "strategy"],
    ["an unknown autoShutdown", (t) => supervisor("S", [t.traced("a")], { autoShutdown: wrong }), "S", "autoShutdown"],
    ["an unknown onExhausted", (t) => supervisor("S", [t.traced("a")], { onExhausted: wrong }), "S", "onExhausted"],
    ["an unknown restart type", (t) => supervisor("S", [t.traced("a")], { restart: wrong }), "S", "restart"],
    [
      "an intensity of less than none",
      (t) => supervisor("S", [t.traced("a")], { intensity: { restarts: -1 } }),
      "S",
      "intensity.restarts"
    ],
    [
      "a backoff over its cap",
      (t) => supervisor("S", [t.traced("a")], { backoff: { base: 2_000, cap: 1_000 } }),
      "S",
      "backoff.base"
    ],
    ["a negative shutdown", (t) => supervisor("S", [t.traced("a")], { shutdown: -1 }), "S", "shutdown"]
  ]
  for (const [title, tree, owner, option] of refused) {
    it.effect(`a tree with ${title} is refused: InvalidOption, and nothing of it runs`, () =>
      Effect.gen(function* () {
        const t = tracing()
        const error = yield* Effect.flip(Effect.scoped(Layer.build(tree(t))))
        const cause = error._tag === "SupervisorStartError" ? error.cause : error
        assert.instanceOf(cause, RykerError.InvalidOption)
        assert.deepInclude(cause, { owner, option })
        assert.deepStrictEqual(t.take(), [])
        yield* assertNothingLeft
      }).pipe(run())
    )
  }

  it.effect(
    "a significant child that is started under a supervisor without it is refused, and the supervisor goes on",
    () =>
      Effect.gen(function* () {
        const t = tracing()
        yield* grow(supervisor("S", [t.traced("a")]), {})
        const S = yield* supervisorOf("S")
        const error = yield* Effect.flip(Supervisor.startChild(S, t.traced("b", significant).spawn))
        assert.deepInclude(error, { _tag: "InvalidOption", option: "significant" })
        assert.deepStrictEqual(yield* childrenOf(S), ["a:Running"])
      }).pipe(run())
  )
})
