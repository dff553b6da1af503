/** A restart that somebody asks for. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import * as Router from "../src/Router.ts"
import * as Ryker from "../src/Ryker.ts"
import * as Supervisor from "../src/Supervisor.ts"
import { ask, background, entryOf, settled, tell, Worker, workerHandlers } from "./Actor.fixtures.ts"
import { building, crash, defaults, each, nameOf, packOf, run, spawn, Top, treeOf } from "./Actor.kinds.ts"

/** Counts how often an actor was built. */
const makeBuilds = () => {
  const builds = { opened: 0, closed: 0 }
  const build = building(
    Effect.acquireRelease(
      Effect.sync(() => void builds.opened++),
      () => Effect.sync(() => void builds.closed++)
    )
  )
  return { build, builds }
}

describe("a restart on request", () => {
  each("ends the incarnation, closes its Scope and starts the next one, without a crash", (make) =>
    Effect.gen(function* () {
      const { build, builds } = makeBuilds()
      const worker = yield* make({}, build)
      yield* Actor.restart(worker)
      yield* settled
      assert.deepStrictEqual(builds, { opened: 2, closed: 1 })
      assert.deepStrictEqual(yield* Actor.status(worker), { _tag: "Running", incarnation: 2, queued: 0, busy: false })
      assert.deepInclude(yield* entryOf(nameOf(worker)), { crashes: 0 })
    })
  )

  each("waits for neither a backoff nor the limit of restarts", (make) =>
    Effect.gen(function* () {
      const worker = yield* make({ intensity: { restarts: 0, window: "1 minute" } })
      for (let n = 0; n < 5; n++) {
        yield* Actor.restart(worker)
        yield* settled
      }
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 6 })
    })
  )

  each("keeps what is queued, in order, and takes messages in meanwhile", (make) =>
    Effect.gen(function* () {
      const ran: Array<string> = []
      const note = (label: string) => () => Effect.sync(() => ran.push(label))
      const worker = yield* make({ shutdown: "1 second" })
      yield* tell(worker, () => Effect.sleep("100 millis"))
      yield* settled
      yield* tell(worker, note("a"))
      yield* Actor.restart(worker)
      yield* settled
      yield* tell(worker, note("b"))
      assert.deepStrictEqual(ran, [])
      yield* TestClock.adjust("100 millis")
      yield* settled
      assert.deepStrictEqual(ran, ["a", "b"])
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 2 })
    })
  )

  each("gives the message in hand the actor's shutdown, and then tells its asker", (make) =>
    Effect.gen(function* () {
      const worker = yield* make({ shutdown: "1 second" })
      const stuck = yield* background(Effect.flip(ask(worker, () => Effect.never)))
      yield* Actor.restart(worker)
      yield* settled
      yield* TestClock.adjust("999 millis")
      yield* settled
      assert.isUndefined(stuck.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      yield* settled
      const { address } = worker
      const error = yield* Fiber.join(stuck)
      assert.deepInclude(error, { _tag: "Crashed", actor: address, incarnation: 1, sibling: address })
      assert.include(String(error), "on request")
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 2 })
    })
  )

  each("leaves a suspended actor suspended", (make) =>
    Effect.gen(function* () {
      const worker = yield* make()
      yield* Actor.suspend(worker)
      yield* Actor.restart(worker)
      yield* settled
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Suspended", incarnation: 2 })
    })
  )

  each(
    "starts one that backs off at once",
    (make) =>
      Effect.gen(function* () {
        const worker = yield* make({ backoff: { base: "1 minute", cap: "1 minute", jitter: false } })
        yield* tell(worker, crash)
        yield* settled
        assert.deepInclude(yield* Actor.status(worker), { _tag: "Restarting", millisLeft: 60_000 })
        yield* Actor.restart(worker)
        yield* settled
        assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 2 })
        assert.deepInclude(yield* entryOf(nameOf(worker)), { restarts: 1 })
      }),
    ["plain", "keyed"]
  )

  each(
    "is told by an event, and to those who watch",
    (make) =>
      Effect.gen(function* () {
        const worker = yield* make()
        const events = yield* background(Stream.runCollect(Stream.take(Ryker.events, 2)))
        const { down } = yield* Actor.watch(worker, { until: "incarnation" })
        yield* Actor.restart(worker)
        yield* settled
        const { address: actor } = worker
        assert.deepStrictEqual(
          (yield* Fiber.join(events)).map(({ _tag, actor }) => [_tag, actor]),
          [
            ["ActorRestarting", actor],
            ["ActorStarted", actor]
          ]
        )
        assert.deepInclude(yield* down, { reason: "Restarted" })
      }),
    ["plain"]
  )

  each(
    "is nothing to an actor that has stopped, is stopping, or is temporary",
    (make) =>
      Effect.gen(function* () {
        const temporary = yield* spawn({ restart: "temporary" })
        yield* Actor.restart(temporary)
        yield* settled
        assert.deepInclude(yield* Actor.status(temporary), { _tag: "Running", incarnation: 1 })

        const worker = yield* make({ shutdown: "1 second" })
        yield* tell(worker, () => Effect.sleep("100 millis"))
        yield* settled
        yield* Effect.forkChild(Actor.stop(worker), { startImmediately: true })
        yield* Actor.restart(worker)
        yield* TestClock.adjust("1 second")
        yield* settled
        assert.deepStrictEqual(yield* Actor.status(worker), { _tag: "Stopped", reason: "Stopped" })
        yield* Actor.restart(worker)
        yield* settled
        assert.deepStrictEqual(yield* Actor.status(worker), { _tag: "Stopped", reason: "Stopped" })
      }),
    ["plain"]
  )

  it.effect("asked for twice is one restart", () =>
    run(
      Effect.gen(function* () {
        const worker = yield* spawn()
        yield* Actor.restart(worker)
        yield* Actor.restart(worker)
        yield* settled
        assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 2 })
      })
    )
  )

  it.effect("cuts a start short that doesn't end, unless somebody waits for it", () =>
    run(
      Effect.gen(function* () {
        let starts = 0
        const build = building(Effect.suspend(() => (++starts === 2 ? Effect.never : Effect.void)))
        const worker = yield* spawn({ startTimeout: "1 hour" }, build)
        yield* tell(worker, crash)
        yield* TestClock.adjust("100 millis")
        yield* settled
        assert.deepInclude(yield* Actor.status(worker), { _tag: "Starting", incarnation: 2 })
        yield* Actor.restart(worker)
        yield* settled
        assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 3 })
      })
    )
  )

  it.effect("during a drain is none", () =>
    run(
      Effect.gen(function* () {
        const worker = yield* spawn()
        yield* tell(worker, () => Effect.sleep("1 second"))
        yield* settled
        const drained = yield* background(Ryker.drain("1 minute"))
        yield* Actor.restart(worker)
        yield* settled
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(drained)
        assert.deepInclude(yield* entryOf(nameOf(worker)), { handled: 1, restarts: 0 })
      })
    )
  )
})

describe("under a supervisor", () => {
  it.effect("it is that of the group, which is taken down in reverse order before anything starts", () =>
    run(
      Effect.gen(function* () {
        const { sibling, worker } = yield* treeOf()
        const events = yield* background(Stream.runCollect(Stream.take(Ryker.events, 1)))
        yield* Actor.restart(worker)
        yield* settled
        assert.deepInclude(yield* Actor.status(sibling), { _tag: "Running", incarnation: 2 })
        const [event] = yield* Fiber.join(events)
        assert.deepInclude(event, { _tag: "GroupRestarting", actor: "Top", child: worker.address })
      })
    )
  )

  it.effect("of one-for-one it concerns nobody else", () =>
    run(
      Effect.gen(function* () {
        class Other extends Actor.Service<Other>()("Other", Worker.messages) {}
        const children = [Worker.toLayer(workerHandlers, defaults), Other.toLayer(workerHandlers, defaults)] as const
        const context = yield* Layer.build(Top.toLayer({ children }))
        yield* Actor.restart(Context.get(context, Worker))
        yield* settled
        assert.deepInclude(yield* Actor.status(Context.get(context, Worker)), { _tag: "Running", incarnation: 2 })
        assert.deepInclude(yield* Actor.status(Context.get(context, Other)), { _tag: "Running", incarnation: 1 })
      })
    )
  )

  it.effect("the supervisor's own is that of all its children, who keep their queues", () =>
    run(
      Effect.gen(function* () {
        const ran: Array<string> = []
        const { sibling, top, worker } = yield* treeOf({ shutdown: "1 second" })
        yield* tell(worker, () => Effect.sleep("100 millis"))
        yield* settled
        yield* tell(worker, () => Effect.sync(() => ran.push("queued")))
        yield* Actor.restart(top)
        yield* TestClock.adjust("100 millis")
        yield* settled
        assert.deepStrictEqual(ran, ["queued"])
        for (const child of [worker, sibling]) {
          assert.deepInclude(yield* Actor.status(child), { _tag: "Running", incarnation: 2 })
        }
        assert.deepInclude(yield* Actor.status(top), { _tag: "Running", incarnation: 2 })
      })
    )
  )

  it.effect("one that takes its children down meanwhile starts the actor again itself, once", () =>
    run(
      Effect.gen(function* () {
        const children = [Worker.toLayer(workerHandlers, { ...defaults, shutdown: "1 second" })] as const
        const context = yield* Layer.build(Top.toLayer({ children }))
        const worker = Context.get(context, Worker)
        yield* tell(worker, () => Effect.sleep("100 millis"))
        yield* settled
        yield* Actor.restart(worker)
        yield* Actor.restart(Context.get(context, Top))
        yield* TestClock.adjust("100 millis")
        yield* settled
        assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 2 })
        const [child] = yield* Supervisor.whichChildren(Context.get(context, Top))
        assert.deepInclude(child?.status, { _tag: "Running", incarnation: 2 })
      })
    )
  )
})

it.effect("a pool is restarted member by member", () =>
  run(
    Effect.gen(function* () {
      const pool = yield* Router.spawn(Worker, workerHandlers, { ...defaults, size: 3 })
      yield* Actor.restart(pool)
      yield* settled
      for (const member of Router.members(pool)) {
        assert.deepInclude(yield* Actor.status(member), { _tag: "Running", incarnation: 2 })
      }
    })
  )
)

it.effect("a keyed actor that is not resident is left alone", () =>
  run(
    Effect.gen(function* () {
      const pack = yield* packOf()
      yield* Actor.restart(pack.get("nobody"))
      yield* settled
      assert.deepStrictEqual(yield* pack.residents, [])
    })
  )
)
