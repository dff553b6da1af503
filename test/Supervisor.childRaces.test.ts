/** A supervisor's children when several things happen at once: interruptions at every step, group restarts, drains. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import * as Ryker from "../src/Ryker.ts"
import * as Supervisor from "../src/Supervisor.ts"
import { interruptedAtStep } from "./Actor.fixtures.ts"
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

/** A pool with these children, and what a test does with it. */
const pool = (options: Supervisor.Options<[]>, ...children: ReadonlyArray<Traced>) =>
  Effect.gen(function* () {
    const layers = children.map(({ layer }) => layer)
    const { close, services } = yield* open(Pool.toLayer({ ...options, children: layers }))
    const self = Context.get(services, Pool)
    const handles = yield* Effect.forEach(children, ({ handle }) => Effect.provideContext(handle, services))
    return { self, close, handles, services, children: childrenOf(self) }
  })

const slowAgain = (millis: number): TracedOptions => ({
  onStart: (n) => (n === 1 ? Effect.void : Effect.sleep(millis))
})

describe("an interruption at any step", () => {
  const steps = Effect.fnUntraced(function* <A, E, R, E2, R2>(
    attempt: (n: number) => Effect.Effect<A, E, R>,
    after: (exit: Exit.Exit<A, E> | undefined) => Effect.Effect<unknown, E2, R2>
  ) {
    for (let n = 0; ; n++) {
      const { exit, reached } = yield* interruptedAtStep(attempt(n), n)
      assert.isDefined(exit, `step ${n}`)
      yield* after(exit)
      if (!reached) return n
    }
  })

  it.effect("of the building of a tree leaves nothing, or the whole", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const slow: TracedOptions = { onStart: () => Effect.yieldNow }
      const mid = Pool.toLayer({ children: [traced("b", slow).layer, traced("c", slow).layer] })
      const top = Top.toLayer({ strategy: "rest-for-one", children: [traced("a", slow).layer, mid] })
      const count = yield* steps(
        () => Effect.scoped(Layer.build(top)),
        () =>
          Effect.gen(function* () {
            yield* assertNothingLeft
            const trace = take()
            const started = trace.filter((entry) => entry.startsWith("+")).map((entry) => entry.slice(1))
            const closed = trace.filter((entry) => entry.startsWith("-")).map((entry) => entry.slice(1))
            assert.deepStrictEqual(closed, started.toReversed())
          })
      )
      assert.isAbove(count, 20)
    }).pipe(run())
  )

  it.effect("of startChild leaves no child, or one that runs", () =>
    Effect.gen(function* () {
      const { traced } = tracing()
      const { children, close, self } = yield* pool({}, traced("a"))
      const b = traced("b", { onStart: () => Effect.yieldNow })
      const c = traced("c", { onStart: () => Effect.yieldNow })
      const count = yield* steps(
        () => Supervisor.startChild(self, Effect.andThen(b.spawn, Layer.build(c.layer))),
        (exit) =>
          Effect.gen(function* () {
            const added = (yield* children).slice(1)
            // All or nothing. An interruption that comes when all is done finds children that nobody asked back.
            if (added.length > 0 || exit?._tag === "Success") assert.deepStrictEqual(added, ["b:Running", "c:Running"])
            for (const child of added.map((entry) => entry.slice(0, 1))) {
              yield* Supervisor.terminateChild(self, child)
              yield* Supervisor.deleteChild(self, child)
            }
            assert.deepStrictEqual([...(yield* runtime).names], ["Pool", "a"])
          })
      )
      assert.isAbove(count, 10)
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("of terminateChild, restartChild and deleteChild does each whole or not at all", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const a = traced("a", { onStart: () => Effect.yieldNow, onClose: () => Effect.yieldNow })
      const { children, close, self } = yield* pool({}, a)
      yield* steps(
        () => Supervisor.terminateChild(self, "a"),
        () =>
          Effect.gen(function* () {
            yield* settle
            const [status] = yield* children
            assert.include(["a:Running", "a:Stopped"], status)
            if (status === "a:Stopped") yield* Supervisor.restartChild(self, "a")
          })
      )
      yield* Supervisor.terminateChild(self, "a")
      yield* steps(
        () => Supervisor.restartChild(self, "a"),
        () =>
          Effect.gen(function* () {
            yield* settle
            const [status] = yield* children
            assert.include(["a:Running", "a:Stopped"], status)
            if (status === "a:Running") yield* Supervisor.terminateChild(self, "a")
          })
      )
      const b = traced("b")
      yield* steps(
        () => Supervisor.deleteChild(self, "b"),
        () =>
          Effect.gen(function* () {
            yield* settle
            const listed = yield* children
            if (listed.length === 2) return
            yield* Supervisor.startChild(self, b.spawn)
            yield* Supervisor.terminateChild(self, "b")
          })
      ).pipe(Effect.ignore)
      take()
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )
})

describe("a group that is being restarted", () => {
  const groups = ["one-for-all", "rest-for-one"] as const
  const ends = {
    terminateChild: (self: Supervisor.Handle) => Effect.orDie(Supervisor.terminateChild(self, "a")),
    "Actor.stop": (_: Supervisor.Handle, a: Actor.Any) => Actor.stop(a)
  }
  const cases = groups.flatMap((strategy) =>
    (["terminateChild", "Actor.stop"] as const).map((end) => [strategy, end] as const)
  )

  it.effect.each(cases)(
    "by %s comes up without the child that failed, if %s ends that in its backoff",
    ([strategy, end]) =>
      Effect.gen(function* () {
        const { take, traced } = tracing()
        const { children, close, handles, self } = yield* pool({ strategy }, traced("a"), traced("b"), traced("c"))
        yield* handles[0]!.tell.Crash()
        yield* settle
        assert.deepStrictEqual(yield* children, ["a:Restarting", "b:Restarting", "c:Restarting"])
        yield* ends[end](self, handles[0]!)
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(yield* children, ["a:Stopped", "b:Running", "c:Running"])
        assert.deepStrictEqual(take(), ["+a1", "+b1", "+c1", "-a1", "-c1", "-b1", "+b2", "+c2"])
        yield* close
        yield* assertNothingLeft
      }).pipe(run())
  )

  it.effect.each(groups)("by %s comes up without the child that failed, if that ends while it goes down", (strategy) =>
    Effect.gen(function* () {
      const { traced } = tracing()
      const b = traced("b", { onClose: (n) => (n === 1 ? Effect.sleep(500) : Effect.void) })
      const { children, close, handles, self } = yield* pool({ strategy }, traced("a"), b, traced("c"))
      yield* handles[0]!.tell.Crash()
      yield* settle
      yield* Supervisor.terminateChild(self, "a")
      yield* Supervisor.deleteChild(self, "a")
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* children, ["b:Running", "c:Running"])
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect.each(groups)("by %s with restartChild on its way: what that says is what is", (strategy) =>
    Effect.gen(function* () {
      const { traced } = tracing()
      const b = traced("b", slowAgain(100))
      const { children, close, handles, self } = yield* pool({ strategy }, traced("a"), b, traced("c"))
      yield* Supervisor.terminateChild(self, "b")
      const restart = yield* start(Supervisor.restartChild(self, "b"))
      yield* TestClock.adjust(50)
      yield* handles[0]!.tell.Crash()
      yield* settle
      yield* TestClock.adjust("1 minute")
      const exit = yield* Fiber.join(restart)
      const status = Exit.isSuccess(exit) ? "Running" : "Stopped"
      assert.deepStrictEqual(yield* children, ["a:Running", `b:${status}`, "c:Running"])
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect.each(groups)(
    "by %s comes up with a child that was stopped and started while it was taken down",
    (strategy) =>
      Effect.gen(function* () {
        const { take, traced } = tracing()
        const { children, close, handles, self } = yield* pool({ strategy }, traced("a"), traced("b"), traced("c"))
        yield* handles[2]!.tell.Slow({ millis: 50 })
        yield* settle
        yield* handles[0]!.tell.Crash()
        yield* settle
        // The group waits for its last child to end what it has in hand, and that is started anew as soon as it has ended.
        const replaced = yield* start(
          Effect.andThen(Supervisor.terminateChild(self, "c"), Supervisor.restartChild(self, "c"))
        )
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(replaced)
        assert.deepStrictEqual(yield* children, ["a:Running", "b:Running", "c:Running"])
        const starts = take().filter((entry) => entry.startsWith("+"))
        assert.deepStrictEqual(starts.slice(0, 3), ["+a1", "+b1", "+c1"])
        // The group is down before any of it starts: the c in between went with it, if it came so far.
        assert.deepStrictEqual(starts.slice(-3), ["+a2", "+b2", starts.includes("+c3") ? "+c3" : "+c2"])
        yield* close
        yield* assertNothingLeft
      }).pipe(run())
  )

  it.effect.each(groups)("by %s with startChild on its way: what that says is what is", (strategy) =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const { children, close, handles, self } = yield* pool({ strategy }, traced("a"), traced("b"))
      const slow = traced("c", { onStart: () => Effect.sleep(100) })
      const child = yield* start(Supervisor.startChild(self, slow.spawn))
      yield* TestClock.adjust(50)
      yield* handles[0]!.tell.Crash()
      yield* settle
      yield* TestClock.adjust("1 minute")
      const exit = yield* Fiber.join(child)
      assert.deepStrictEqual(yield* children, [
        "a:Running",
        "b:Running",
        ...(Exit.isSuccess(exit) ? ["c:Running"] : [])
      ])
      // Nothing of it runs that is not in the list.
      const running = take().filter((entry) => entry.includes("c"))
      assert.strictEqual(running.length % 2, Exit.isSuccess(exit) ? 1 : 0)
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("does not start a child that was deleted meanwhile", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const { children, close, handles, self } = yield* pool({ strategy: "one-for-all" }, traced("a"))
      const b = yield* Supervisor.startChild(self, traced("b", { restart: "transient" }).spawn)
      yield* b.tell.Bye()
      yield* settle
      yield* handles[0]!.tell.Crash()
      yield* settle
      yield* Supervisor.deleteChild(self, "b")
      take()
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(take(), ["+a2"])
      assert.deepStrictEqual(yield* children, ["a:Running"])
      assert.strictEqual(yield* Actor.awaitStopped(b), "Normal")
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("does not start a child that was deleted meanwhile, also while its supervisor starts again", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const a = traced("a", { ...fragile, ...slowAgain(100) })
      const { children, close, handles, self } = yield* pool({ backoff: quick.backoff }, a, traced("b"))
      yield* Supervisor.terminateChild(self, "b")
      yield* handles[0]!.tell.Crash()
      yield* settle
      yield* TestClock.adjust(150)
      assert.deepStrictEqual(yield* children, ["a:Starting", "b:Stopped"])
      yield* Supervisor.deleteChild(self, "b")
      take()
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(take(), [])
      assert.deepStrictEqual(yield* children, ["a:Running"])
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("takes those with it that were started later, and they come back in their place", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const { children, close, handles, self } = yield* pool({ strategy: "rest-for-one" }, traced("a"), traced("b"))
      const c = yield* Supervisor.startChild(self, traced("c").spawn)
      yield* Supervisor.startChild(self, traced("d", { restart: "temporary" }).spawn)
      take()
      yield* handles[1]!.tell.Crash()
      yield* settle
      yield* c.tell.Work({ label: "queued" })
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(take(), ["-b1", "-d1", "-c1", "+b2", "+c2", "c2:queued"])
      assert.deepStrictEqual(yield* children, ["a:Running", "b:Running", "c:Running"])
      assert.notInclude([...(yield* runtime).names], "d")
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )
})

describe("a supervisor's Layer", () => {
  it.effect("stops the actors before it closes what their Layers have acquired, also when the start fails", () =>
    Effect.gen(function* () {
      const { note, take, traced } = tracing()
      const resource = (name: string) =>
        Layer.effectDiscard(Effect.acquireRelease(note(`open ${name}`), () => note(`shut ${name}`)))
      let fails = false
      const b = traced("b", { onStart: () => (fails ? new Refused({ why: "no" }) : Effect.void) })
      const children = [
        Layer.provideMerge(traced("a").layer, resource("a")),
        Layer.provideMerge(b.layer, resource("b"))
      ] as const
      const layer = Top.toLayer({ children })
      const { close } = yield* open(layer)
      assert.deepStrictEqual(take(), ["open a", "+a1", "open b", "+b1"])
      yield* close
      assert.deepStrictEqual(take(), ["-b1", "-a1", "shut b", "shut a"])
      fails = true
      const error = errorOf(yield* Effect.exit(Effect.scoped(Layer.build(layer))))
      assert.strictEqual(error._tag, "SupervisorStartError")
      assert.deepStrictEqual(take(), ["open a", "+a1", "open b", "+b1", "-b1", "shut b", "-a1", "shut a"])
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("fails in time when a finalizer of a started child hangs: its shutdown holds", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust(0)
      const { take, traced } = tracing({ timed: true })
      const forever = Effect.uninterruptible(Effect.sleep("1 hour"))
      const a = traced("a", { shutdown: 100, onClose: () => forever })
      const b = traced("b", { onStart: () => new Refused({ why: "no" }) })
      const mid = Pool.toLayer({ children: [a.layer, b.layer] })
      const build = yield* start(timed(Effect.exit(Effect.scoped(Layer.build(Top.toLayer({ children: [mid] }))))))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(build), Exit.succeed(100))
      assert.deepStrictEqual(take(), ["+a1@0", "+b1@0", "-b1@0"])
      yield* TestClock.adjust("1 hour")
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("does not make a child of what a child spawns itself: that belongs to the child", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const a = traced("a", { onStart: () => Effect.orDie(traced("helper").spawn) })
      const { children, close, handles } = yield* pool({}, a)
      assert.deepStrictEqual(yield* children, ["a:Running"])
      yield* handles[0]!.tell.Crash()
      yield* settle
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(yield* children, ["a:Running"])
      yield* close
      assert.deepStrictEqual(take(), ["+a1", "+helper1", "-helper1", "-a1", "+a2", "+helper1", "-helper1", "-a2"])
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("does not make a child of what a fiber of a child's Layer spawns later, over and over", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const clients = Layer.effectDiscard(
        Effect.forkScoped(
          Effect.forEach(["x", "y"], (name) =>
            Effect.andThen(Effect.sleep(10), Effect.scoped(Effect.andThen(traced(name).spawn, Effect.sleep(10))))
          )
        )
      )
      const a = Layer.provideMerge(traced("a").layer, clients)
      const { close, services } = yield* open(Top.toLayer({ children: [a] }))
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(yield* childrenOf(Context.get(services, Top)), ["a:Running"])
      for (let n = 0; n < 5; n++) yield* TestClock.adjust(10)
      assert.deepStrictEqual(take(), ["+a1", "+x1", "-x1", "+y1", "-y1"])
      assert.deepStrictEqual([...(yield* runtime).names], ["Top", "a"])
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  class Family extends Actor.keyed<Family>()("Family", [Rpc.make("Slow", { payload: { label: Schema.String } })]) {}

  it.effect("stops a keyed family in its turn: its residents work off what they have", () =>
    Effect.gen(function* () {
      const { note, take, traced } = tracing()
      const family = Family.toLayer((id) =>
        Effect.as(
          Effect.addFinalizer(() => note(`-${id}`)),
          {
            Slow: ({ label }: { readonly label: string }) => Effect.delay(note(`${id}:${label}`), 10)
          }
        )
      )
      const { close, services } = yield* open(Top.toLayer({ children: [traced("a").layer, family, traced("b").layer] }))
      for (const id of ["x", "y"]) {
        const resident = Context.get(services, Family).get(id)
        yield* resident.tell.Slow({ label: "one" })
        yield* resident.tell.Slow({ label: "two" })
      }
      take()
      const closing = yield* start(close)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(closing)
      const trace = take()
      assert.sameMembers(trace.slice(1, -1), ["x:one", "y:one", "x:two", "y:two", "-x", "-y"])
      assert.deepStrictEqual([trace[0], trace.at(-1)], ["-b1", "-a1"])
      yield* assertNothingLeft
    }).pipe(run())
  )
})

describe("times of stopping", () => {
  it.effect("may be infinite: then a stop waits as long as it takes, and the closing of the Layer does not", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing({ timed: true })
      const long = { shutdown: "Infinity" } as const
      for (const way of ["stop", "close"] as const) {
        const { close, handles, self } = yield* pool(long, traced("a", long))
        yield* handles[0]!.tell.Slow({ millis: 3_600_000 })
        yield* settle
        const from = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
        take()
        const done = yield* start(timed(way === "stop" ? Actor.stop(self) : close))
        yield* TestClock.adjust("2 hours")
        const at = way === "stop" ? from + 3_600_000 : from + 10_000
        assert.deepStrictEqual(yield* Fiber.join(done), Exit.succeed(at))
        assert.deepStrictEqual(take().at(-1), `-a1@${at}`)
        yield* close
      }
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("of a child that is being stopped with more time than its supervisor has are cut to that", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing({ timed: true })
      const { close, handles, self } = yield* pool({}, traced("a", { shutdown: 200 }), traced("b"))
      yield* handles[0]!.tell.Hang()
      const first = yield* start(Actor.stop(handles[0]!, { deadline: "1 hour" }))
      const second = yield* start(timed(Actor.stop(self)))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(second), Exit.succeed(200))
      yield* Fiber.join(first)
      assert.deepStrictEqual(take(), ["+a1@0", "+b1@0", "-b1@0", "-a1@200"])
      yield* close
    }).pipe(run())
  )

  it.effect("hold for suspended children: what they have queued is dropped at the end of theirs", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing({ timed: true })
      const { close, handles, self } = yield* pool({}, traced("a", { shutdown: 200 }))
      yield* Actor.suspend(handles[0]!)
      yield* handles[0]!.tell.Work({ label: "never" })
      const stop = yield* start(timed(Actor.stop(self)))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(stop), Exit.succeed(200))
      assert.deepStrictEqual(take(), ["+a1@0", "-a1@200"])
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )
})

describe("a drain", () => {
  it.effect("lets a supervisor restart and its children work off what they have queued", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing({ timed: true })
      const { close, handles, self } = yield* pool({ backoff: quick.backoff }, traced("a"), traced("b", fragile))
      const c = yield* Supervisor.startChild(self, traced("c").spawn)
      yield* handles[1]!.tell.Crash()
      yield* settle
      yield* handles[0]!.tell.Work({ label: "queued" })
      assert.strictEqual(yield* Actor.awaitStopped(c), "SupervisorStopped")
      const drain = yield* start(Ryker.drain("5 seconds"))
      yield* TestClock.adjust("1 minute")
      const report = yield* Effect.flatten(Fiber.join(drain))
      assert.deepInclude(report, { outcome: "complete", millis: 100 })
      assert.deepStrictEqual(take().slice(-5), ["+a2@100", "+b2@100", "a2:queued@100", "-b2@100", "-a2@100"])
      yield* close
      yield* assertNothingLeft
    }).pipe(run())
  )

  it.effect("refuses startChild, and ends children that were terminated, deleted or are starting", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const { close, handles, self } = yield* pool({}, traced("a"), traced("b"), traced("c"))
      yield* Supervisor.terminateChild(self, "b")
      yield* Supervisor.terminateChild(self, "c")
      yield* Supervisor.deleteChild(self, "c")
      yield* handles[0]!.tell.Slow({ millis: 100 })
      const slow = yield* start(Supervisor.startChild(self, traced("d", { onStart: () => Effect.never }).spawn))
      const drain = yield* start(Ryker.drain("1 second"))
      const refused = yield* Effect.flip(Supervisor.startChild(self, traced("e").spawn))
      assert.deepInclude(refused, { _tag: "StartError", reason: "NotRunning" })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Effect.flatten(Fiber.join(drain))).outcome, "complete")
      assert.deepInclude(errorOf(yield* Fiber.join(slow)), { _tag: "StartError", reason: "NotRunning" })
      assert.deepStrictEqual(take(), ["+a1", "+b1", "+c1", "-b1", "-c1", "+d1", "a1:slow", "-d1", "-a1"])
      yield* assertNothingLeft
      yield* close
    }).pipe(run())
  )
})
