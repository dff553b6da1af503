/** How supervision trees stop: in which order, within which time, whatever happens meanwhile. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Rpc } from "effect/rpc"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import * as Ryker from "../src/Ryker.ts"
import * as Supervisor from "../src/Supervisor.ts"
import {
  assertNothingLeft,
  childrenOf,
  errorOf,
  fragile,
  open,
  quick,
  run,
  runtime,
  settle,
  start,
  timed,
  type Traced,
  tracing
} from "./Supervisor.fixtures.ts"

class Top extends Supervisor.Service<Top>()("Top") {}
class Mid extends Supervisor.Service<Mid>()("Mid") {}
class Low extends Supervisor.Service<Low>()("Low") {}

// --- Stop ---------------------------------------------------------------------------------------------------------------

describe("a stop", () => {
  /** The ways to stop a tree, and what its children and itself hear. */
  const ways = [
    ["closing its Layer", "ScopeClosed", "ScopeClosed"],
    ["Actor.stop", "Stopped", "SupervisorStopped"],
    ["Ryker.drain", "Draining", "Draining"]
  ] as const

  /** Opens the tree and gives each way to stop it. */
  const stoppable = <A, E>(layer: Layer.Layer<A | Top, E, Ryker.Ryker>) =>
    Effect.gen(function* () {
      const { close, services } = yield* open(layer)
      const top = Context.get(services, Top)
      const stops = {
        "closing its Layer": close,
        "Actor.stop": Actor.stop(top),
        "Ryker.drain": Effect.asVoid(Ryker.drain("10 seconds"))
      }
      return { close, services, stops, top }
    })

  it.effect.each(ways)("by %s works off what is queued on all levels, then ends all in reverse", ([way, own, theirs]) =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const [a, b, c, d] = [traced("a"), traced("b"), traced("c"), traced("d")]
      const mid = Mid.toLayer({ children: [b.layer, Low.toLayer({ children: [c.layer] })] })
      const { close, services, stops, top } = yield* stoppable(Top.toLayer({ children: [a.layer, mid, d.layer] }))
      const handles = yield* Effect.forEach([a, b, c, d], ({ handle }) => Effect.provideContext(handle, services))
      const nested = Option.getOrThrow(yield* Supervisor.find("Low"))
      for (const handle of handles) {
        yield* handle.tell.Slow({ millis: 10 })
        yield* handle.tell.Work({ label: "queued" })
      }
      take()
      const stop = yield* start(stops[way])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(stop), Exit.void)
      const trace = take()
      for (const name of ["a", "b", "c", "d"]) assert.include(trace, `${name}1:queued`)
      assert.deepStrictEqual(
        trace.filter((entry) => entry.startsWith("-")),
        ["-d1", "-c1", "-b1", "-a1"]
      )
      assert.strictEqual(yield* Actor.awaitStopped(top), own)
      assert.strictEqual(yield* Actor.awaitStopped(nested), theirs)
      for (const handle of handles) assert.strictEqual(yield* Actor.awaitStopped(handle), theirs)
      for (const { dropped, failed } of yield* Ryker.ledger) {
        assert.strictEqual(failed, 0)
        for (const n of Object.values(dropped)) assert.strictEqual(n, 0)
      }
      yield* assertNothingLeft
      yield* close
      assert.deepStrictEqual(take(), [])
    }).pipe(run())
  )

  /** Children that all have a message that never ends, with these times to stop. */
  const hanging = (times: Readonly<Record<string, number>>, options: Supervisor.Options<[]> = {}) =>
    Effect.gen(function* () {
      const { take, traced } = tracing({ timed: true })
      const actors = Object.entries(times).map(([name, shutdown]) => traced(name, { shutdown }))
      const children = actors.map(({ layer }) => layer)
      const tree = yield* stoppable(Top.toLayer({ ...options, children }))
      for (const { handle } of actors) yield* (yield* Effect.provideContext(handle, tree.services)).tell.Hang()
      yield* settle
      take()
      return { ...tree, take }
    })

  it.effect.each(ways)("by %s gives each child its own time, one after the other", ([way]) =>
    Effect.gen(function* () {
      const { close, stops, take } = yield* hanging({ a: 100, b: 20, c: 300 })
      // The first phase of a drain is over only when all work is.
      const from = way === "Ryker.drain" ? 10_000 : 0
      const stop = yield* start(timed(stops[way]))
      yield* TestClock.adjust("1 minute")
      const expected = from === 0 ? ["-c1@300", "-b1@320", "-a1@420"] : ["-c1@10000", "-b1@10000", "-a1@10000"]
      assert.deepStrictEqual(take(), expected)
      assert.deepStrictEqual(yield* Fiber.join(stop), Exit.succeed(from === 0 ? 420 : from))
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("never takes longer than the supervisor's own time, which the last to stop have spent", () =>
    Effect.gen(function* () {
      const { close, stops, take } = yield* hanging({ a: 300, b: 300, c: 300 }, { shutdown: 400 })
      const stop = yield* start(timed(stops["Actor.stop"]))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(stop), Exit.succeed(400))
      assert.deepStrictEqual(take(), ["-c1@300", "-b1@400", "-a1@400"])
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("of a child with no time at all ends it at once, as brutal_kill does", () =>
    Effect.gen(function* () {
      const { close, stops, take } = yield* hanging({ a: 100, b: 0 })
      const stop = yield* start(timed(stops["Actor.stop"]))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(stop), Exit.succeed(100))
      assert.deepStrictEqual(take(), ["-b1@0", "-a1@100"])
      yield* close
    }).pipe(run())
  )

  it.effect("keeps the times of each level: a supervisor below has its own, within those above", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing({ timed: true })
      const actors = ["a", "b", "c", "d"].map((name) => traced(name, { shutdown: 1_000 }))
      const [a, b, c, d] = actors.map(({ layer }) => layer) as [Traced["layer"], ...Array<Traced["layer"]>]
      const low = Low.toLayer({ shutdown: 150, children: [d!] })
      const mid = Mid.toLayer({ shutdown: 500, children: [b!, c!, low] })
      const { close, services, stops } = yield* stoppable(Top.toLayer({ shutdown: 700, children: [a, mid] }))
      for (const { handle } of actors) yield* (yield* Effect.provideContext(handle, services)).tell.Hang()
      yield* settle
      take()
      const stop = yield* start(timed(stops["Actor.stop"]))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(take(), ["-d1@150", "-c1@500", "-b1@500", "-a1@700"])
      assert.deepStrictEqual(yield* Fiber.join(stop), Exit.succeed(700))
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("that comes second and earlier holds for the child in its turn and those after it", () =>
    Effect.gen(function* () {
      const { close, stops, take, top } = yield* hanging({ a: 1_000, b: 1_000, c: 1_000 })
      const first = yield* start(timed(stops["Actor.stop"]))
      yield* TestClock.adjust(100)
      const second = yield* start(timed(Actor.stop(top, { deadline: 200 })))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(take(), ["-c1@300", "-b1@300", "-a1@300"])
      assert.deepStrictEqual(
        [yield* Fiber.join(first), yield* Fiber.join(second)],
        [Exit.succeed(300), Exit.succeed(300)]
      )
      yield* close
    }).pipe(run())
  )

  it.effect("that comes second and earlier reaches the depth of a tree", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing({ timed: true })
      const b = traced("b", { shutdown: 10_000 })
      const mid = Mid.toLayer({ children: [Low.toLayer({ children: [b.layer] })] })
      const { close, services, stops, top } = yield* stoppable(Top.toLayer({ children: [traced("a").layer, mid] }))
      yield* (yield* Effect.provideContext(b.handle, services)).tell.Hang()
      yield* settle
      yield* start(stops["Actor.stop"])
      yield* TestClock.adjust(100)
      yield* Actor.stop(top, { deadline: 0 })
      assert.deepStrictEqual(take(), ["+a1@0", "+b1@0", "-b1@100", "-a1@100"])
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("does not wait for handlers and finalizers that hang, nor mind those that throw", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust(0)
      const { take, traced } = tracing({ timed: true })
      const forever = Effect.uninterruptible(Effect.sleep("1 hour"))
      const [a, b, c, d] = [
        traced("a", { shutdown: 100 }),
        traced("b", { shutdown: 100, onClose: () => forever }),
        traced("c", { shutdown: 100, onClose: () => Effect.die(new Error("on purpose")) }),
        traced("d", { shutdown: 100 })
      ]
      const children = [a, b, c, d].map(({ layer }) => layer)
      const { close, services, stops } = yield* stoppable(Top.toLayer({ children: [Mid.toLayer({ children })] }))
      yield* (yield* Effect.provideContext(d.handle, services)).tell.Stubborn({ millis: 3_600_000 })
      yield* settle
      take()
      const stop = yield* start(timed(stops["Actor.stop"]))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(stop), Exit.succeed(200))
      assert.deepStrictEqual(take(), ["-d1@100", "-c1@100", "-a1@200"])
      // What was abandoned keeps its name until it is done: two incarnations must never be alive together.
      assert.includeMembers([...(yield* runtime).names], ["b", "d"])
      yield* TestClock.adjust("2 hours")
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("of a child by Actor.stop leaves the others and the supervisor alone, and nothing restarts it", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const b = traced("b")
      const { close, services, top } = yield* stoppable(
        Top.toLayer({ strategy: "one-for-all", children: [traced("a").layer, b.layer, traced("c").layer] })
      )
      yield* Actor.stop(yield* Effect.provideContext(b.handle, services))
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(take(), ["+a1", "+b1", "+c1", "-b1"])
      assert.deepStrictEqual(yield* childrenOf(top), ["a:Running", "b:Stopped", "c:Running"])
      yield* close
      assert.deepStrictEqual(take(), ["-c1", "-a1"])
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("finds a child in its backoff, and one that starts again", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing({ timed: true })
      const a = traced("a", {
        onStart: (incarnation) => (incarnation === 1 ? Effect.void : Effect.sleep("1 hour")),
        startTimeout: "2 hours"
      })
      const b = traced("b", { backoff: { base: "1 hour", cap: "1 hour" } })
      const { close, services, top } = yield* stoppable(Top.toLayer({ children: [a.layer, b.layer] }))
      for (const { handle } of [a, b]) yield* (yield* Effect.provideContext(handle, services)).tell.Crash()
      yield* TestClock.adjust(200)
      assert.deepStrictEqual(yield* childrenOf(top), ["a:Starting", "b:Restarting"])
      take()
      yield* close
      assert.deepStrictEqual(take(), ["-a2@200"])
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("meets a supervisor that is restarted: in its backoff, and while it starts its children", () =>
    Effect.gen(function* () {
      for (const millis of [50, 150]) {
        const { take, traced } = tracing({ timed: true })
        const a = traced("a", {
          onStart: (incarnation) => (incarnation === 1 ? Effect.void : Effect.sleep("1 hour")),
          startTimeout: "2 hours"
        })
        const b = traced("b", fragile)
        const mid = Mid.toLayer({ backoff: quick.backoff, children: [a.layer, b.layer] })
        const { close, services, top } = yield* stoppable(Top.toLayer({ children: [mid, traced("c").layer] }))
        yield* (yield* Effect.provideContext(b.handle, services)).tell.Crash()
        yield* settle
        yield* TestClock.adjust(millis)
        const [status] = yield* Supervisor.whichChildren(top)
        assert.strictEqual(status?.status._tag, millis === 50 ? "Restarting" : "Starting")
        yield* close
        const closed = take()
          .slice(-2)
          .map((entry) => entry.replace(/@.*/, ""))
        assert.deepStrictEqual(closed, millis === 50 ? ["-a1", "-c1"] : ["-c1", "-a2"])
        yield* assertNothingLeft
      }
    }).pipe(run())
  )

  it.effect("by Actor.stop frees the names, so that the tree can be built again while its Layer is open", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const top = Top.toLayer({ children: [traced("a").layer, Mid.toLayer({ children: [traced("b").layer] })] })
      const first = yield* stoppable(top)
      yield* first.stops["Actor.stop"]
      yield* assertNothingLeft
      const second = yield* stoppable(top)
      assert.deepStrictEqual(yield* childrenOf(second.top), ["a:Running", "Mid:Running"])
      // The first one's end has nothing to do with the second.
      yield* first.close
      assert.deepStrictEqual(yield* childrenOf(second.top), ["a:Running", "Mid:Running"])
      assert.deepStrictEqual(take(), ["+a1", "+b1", "-b1", "-a1", "+a1", "+b1"])
      yield* second.close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("by a drain whose time is over ends all in reverse and reports what was not done", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing({ timed: true })
      const [a, b] = [traced("a"), traced("b")]
      const mid = Mid.toLayer({ children: [b.layer] })
      const { close, services } = yield* stoppable(Top.toLayer({ children: [a.layer, mid] }))
      for (const { handle } of [a, b]) {
        const actor = yield* Effect.provideContext(handle, services)
        yield* actor.tell.Hang()
        yield* actor.tell.Work({ label: "never" })
      }
      const drain = yield* start(Ryker.drain(500))
      yield* TestClock.adjust("1 minute")
      const report = yield* Effect.flatten(Fiber.join(drain))
      assert.deepInclude(report, { outcome: "incomplete", millis: 500 })
      // Supervisors have no messages, so they are not in the report.
      assert.deepStrictEqual(report.actors, [
        { actor: "a", handled: 0, failed: 1, dropped: 1, abandoned: 0 },
        { actor: "b", handled: 0, failed: 1, dropped: 1, abandoned: 0 }
      ])
      assert.deepStrictEqual(take(), ["+a1@0", "+b1@0", "-b1@500", "-a1@500"])
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("that a child's own handler waits for lasts until that handler's time is over", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing({ timed: true })
      class Quitter extends Actor.Service<Quitter>()("Quitter", [Rpc.make("Quit")]) {}
      const stopTop = Effect.flatMap(Supervisor.find("Top"), (top) => Actor.stop(Option.getOrThrow(top)))
      const quitter = Quitter.toLayer({ Quit: () => stopTop }, { shutdown: 300, deadline: "Infinity" })
      const { close, services, top } = yield* stoppable(Top.toLayer({ children: [traced("a").layer, quitter] }))
      const ask = yield* start(Context.get(services, Quitter).ask.Quit())
      yield* TestClock.adjust("1 second")
      assert.deepInclude(errorOf(yield* Fiber.join(ask)), { _tag: "Stopped", reason: "SupervisorStopped" })
      assert.strictEqual(yield* Actor.awaitStopped(top), "Stopped")
      assert.deepStrictEqual(take(), ["+a1@0", "-a1@300"])
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )
})
