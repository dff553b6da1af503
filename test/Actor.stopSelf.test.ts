/** An actor that ends itself: what follows for each restart type, and what becomes of its messages. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import * as Ryker from "../src/Ryker.ts"
import * as Supervisor from "../src/Supervisor.ts"
import { ask, background, entryOf, errorOf, type Job, settled, tell, workerHandlers } from "./Actor.fixtures.ts"
import { crash, each, type Make, packOf, pass, run, spawn, treeOf } from "./Actor.kinds.ts"

// --- What the tests use -------------------------------------------------------------------------------------------------

/** With an actor of each kind that does not simply start anew: a keyed one has tests of its own. */
const eachUnkeyed = <A, E>(name: string, test: (make: Make) => Effect.Effect<A, E, Ryker.Ryker | Scope.Scope>) =>
  each(name, test, ["plain", "supervised"])

const makeNotes = () => {
  const ran: Array<string> = []
  return { ran, note: (label: string) => () => Effect.sync(() => ran.push(label)) }
}

// --- The restart types --------------------------------------------------------------------------------------------------

describe("stopSelf", () => {
  eachUnkeyed("of a permanent actor restarts it as after a crash, with the queue kept, and is no crash", (make) =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* make({})
      const last = yield* background(
        ask(worker, () => Effect.andThen(Effect.sleep(10), Effect.as(Actor.stopSelf, "answered")))
      )
      yield* tell(worker, note("a"))
      const b = yield* background(ask(worker, note("b")))
      yield* TestClock.adjust(10)
      assert.strictEqual(yield* Fiber.join(last), "answered")
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Restarting", queued: 2, millisLeft: 100 })
      assert.deepStrictEqual(ran, [])
      yield* pass(120)
      yield* Fiber.join(b)
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 2 })
      assert.deepStrictEqual(ran, ["a", "b"])
      assert.deepInclude(yield* entryOf("Worker"), { crashes: 0, restarts: 1, handled: 3, failed: 0 })
    })
  )

  for (const restart of ["transient", "temporary"] as const) {
    eachUnkeyed(`of a ${restart} actor ends it: what is queued is dropped, and askers learn why`, (make) =>
      Effect.gen(function* () {
        const { note, ran } = makeNotes()
        const worker = yield* make({ restart })
        const last = yield* background(
          ask(worker, () => Effect.andThen(Effect.sleep(10), Effect.as(Actor.stopSelf, "answered")))
        )
        yield* tell(worker, note("a"))
        const b = yield* background(Effect.exit(ask(worker, note("b"))))
        yield* TestClock.adjust(10)
        assert.strictEqual(yield* Fiber.join(last), "answered")
        assert.strictEqual(yield* Actor.awaitStopped(worker), "Normal")
        assert.deepInclude(errorOf(yield* Fiber.join(b)), { _tag: "Stopped", reason: "Normal", phase: "queued" })
        const late = yield* Effect.flip(ask(worker, note("late")))
        assert.deepInclude(late, { _tag: "Stopped", reason: "Normal", phase: "refused" })
        yield* pass(500)
        assert.deepStrictEqual(ran, [])
        const { crashes, dropped, restarts } = yield* entryOf("Worker")
        assert.deepStrictEqual([dropped.closed, crashes, restarts], [2, 0, 0])
      })
    )
  }

  it.effect("of a permanent actor counts against its restart intensity", () =>
    Effect.gen(function* () {
      const worker = yield* spawn({ intensity: { restarts: 2, window: "1 hour" } })
      for (let n = 0; n < 3; n++) {
        yield* ask(worker, () => Actor.stopSelf)
        yield* pass(500)
      }
      assert.deepStrictEqual(yield* Actor.status(worker), { _tag: "Stopped", reason: "RapidFail" })
    }).pipe(run)
  )

  it.effect("of a keyed actor passivates it: what is queued starts it anew at once, whatever its restart type", () =>
    Effect.gen(function* () {
      for (const restart of ["permanent", "transient", "temporary"] as const) {
        const trace: Array<string> = []
        const build = Effect.gen(function* () {
          const { incarnation } = yield* Actor.self
          trace.push(`start ${incarnation}`)
          yield* Effect.addFinalizer(() => Effect.sync(() => trace.push(`close ${incarnation}`)))
          return workerHandlers
        })
        yield* Effect.scoped(
          Effect.gen(function* () {
            const pack = yield* packOf({ restart }, build)
            yield* tell(pack.get("a"), () => Effect.andThen(Effect.sleep(10), Actor.stopSelf))
            const queued = yield* background(ask(pack.get("a"), () => Effect.succeed("queued")))
            yield* TestClock.adjust(10)
            assert.strictEqual(yield* Fiber.join(queued), "queued")
            assert.deepStrictEqual(trace, ["start 1", "close 1", "start 2"])
            yield* ask(pack.get("a"), () => Actor.stopSelf)
            yield* settled
            assert.deepStrictEqual(yield* pack.residents, [])
            // The next one is a new actor.
            yield* ask(pack.get("a"), () => Effect.void)
            assert.deepStrictEqual(trace.slice(3), ["close 2", "start 1"])
          })
        )
        yield* settled
      }
      assert.deepInclude(yield* entryOf("Pack"), { crashes: 0, restarts: 0 })
    }).pipe(run)
  )

  it.effect("of a permanent child restarts its group; of a transient one it does not", () =>
    Effect.gen(function* () {
      const { sibling, worker } = yield* treeOf({})
      yield* ask(worker, () => Actor.stopSelf)
      yield* pass(200)
      assert.deepInclude(yield* Actor.status(sibling), { _tag: "Running", incarnation: 2 })
    }).pipe(run)
  )

  it.effect("of a transient child leaves its group alone, and the group's next restart starts it anew", () =>
    Effect.gen(function* () {
      const { sibling, worker } = yield* treeOf({ restart: "transient" })
      yield* ask(worker, () => Actor.stopSelf)
      yield* pass(200)
      assert.deepInclude(yield* Actor.status(sibling), { _tag: "Running", incarnation: 1 })
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Stopped", reason: "Normal" })
      yield* Effect.exit(ask(sibling, crash))
      yield* pass(200)
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Running" })
      assert.strictEqual(yield* ask(worker, () => Effect.succeed("handled")), "handled")
    }).pipe(run)
  )

  it.effect("of a temporary child takes it from the list for good", () =>
    Effect.gen(function* () {
      const { sibling, top, worker } = yield* treeOf({ restart: "temporary" })
      yield* ask(worker, () => Actor.stopSelf)
      yield* settled
      const addresses = Effect.map(Supervisor.whichChildren(top), (children) => children.map(({ address }) => address))
      assert.deepStrictEqual(yield* addresses, ["Sibling"])
      yield* Effect.exit(ask(sibling, crash))
      yield* pass(200)
      assert.deepStrictEqual(yield* addresses, ["Sibling"])
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Stopped", reason: "Normal" })
    }).pipe(run)
  )
})

// --- Where it is called -------------------------------------------------------------------------------------------------

describe("stopSelf takes effect after the message in hand", () => {
  const places: Record<string, Job> = {
    "at once": () => Effect.as(Actor.stopSelf, "answer"),
    "before the handler suspends": () => Effect.andThen(Actor.stopSelf, Effect.as(Effect.sleep(10), "answer")),
    "after the handler has suspended": () => Effect.andThen(Effect.sleep(10), Effect.as(Actor.stopSelf, "answer")),
    twice: () => Effect.andThen(Actor.stopSelf, Effect.as(Actor.stopSelf, "answer")),
    "in a fiber that the handler joins": () =>
      Effect.as(Effect.flatMap(Effect.forkChild(Actor.stopSelf), Fiber.join), "answer"),
    "in a fiber that ends before the handler does": () =>
      Effect.andThen(Effect.forkChild(Actor.stopSelf), Effect.as(Effect.sleep(10), "answer")),
    "in a finalizer of the handler": () => Effect.ensuring(Effect.as(Effect.sleep(10), "answer"), Actor.stopSelf)
  }
  for (const [place, job] of Object.entries(places)) {
    it.effect(`called ${place}`, () =>
      Effect.gen(function* () {
        const { note, ran } = makeNotes()
        const worker = yield* spawn({ restart: "transient" })
        const answer = yield* background(ask(worker, job))
        yield* Effect.ignore(tell(worker, note("queued")))
        yield* TestClock.adjust(10)
        assert.strictEqual(yield* Fiber.join(answer), "answer")
        assert.strictEqual(yield* Actor.awaitStopped(worker), "Normal")
        assert.deepStrictEqual(ran, [])
      }).pipe(run)
    )
  }

  it.effect("with a typed failure, which is an answer like any other", () =>
    Effect.gen(function* () {
      const worker = yield* spawn({ restart: "transient" })
      const other = yield* spawn()
      yield* Actor.stop(other)
      const error = yield* Effect.flip(
        ask(worker, () =>
          Effect.andThen(
            Actor.stopSelf,
            ask(other, () => Effect.void)
          )
        )
      )
      assert.deepInclude(error, { _tag: "Stopped", actor: other.address })
      assert.strictEqual(yield* Actor.awaitStopped(worker), "Normal")
    }).pipe(run)
  )

  it.effect("that is interrupted at its deadline, or as its asker gave up", () =>
    Effect.gen(function* () {
      for (const give of ["deadline", "asker"] as const) {
        const worker = yield* spawn({ restart: "transient" })
        const asker = yield* background(
          ask(worker, () => Effect.andThen(Actor.stopSelf, Effect.never), { deadline: 20 })
        )
        if (give === "asker") yield* Fiber.interrupt(asker)
        else yield* TestClock.adjust(20)
        assert.strictEqual(yield* Actor.awaitStopped(worker), "Normal", give)
      }
    }).pipe(run)
  )

  it.effect("and at once from a fiber of an idle actor", () =>
    Effect.gen(function* () {
      const worker = yield* spawn({ restart: "transient" })
      yield* ask(worker, () => Effect.forkDetach(Effect.andThen(Effect.sleep(10), Actor.stopSelf)))
      yield* TestClock.adjust(9)
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Running" })
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* Actor.awaitStopped(worker), "Normal")
    }).pipe(run)
  )

  it.effect("and at once from a fiber of a suspended actor, whose queue is dropped", () =>
    Effect.gen(function* () {
      const worker = yield* spawn({ restart: "transient" })
      yield* ask(worker, () => Effect.forkDetach(Effect.andThen(Effect.sleep(10), Actor.stopSelf)))
      yield* Actor.suspend(worker)
      yield* tell(worker, () => Effect.void)
      yield* TestClock.adjust(10)
      assert.strictEqual(yield* Actor.awaitStopped(worker), "Normal")
      assert.strictEqual((yield* entryOf("Worker")).dropped.closed, 1)
    }).pipe(run)
  )

  it.effect("and not at all from a fiber that outlives its incarnation", () =>
    Effect.gen(function* () {
      const worker = yield* spawn({ restart: "transient" })
      const go = yield* Deferred.make<void>()
      const done = yield* Deferred.make<void>()
      yield* ask(worker, () =>
        Effect.forkDetach(
          Effect.andThen(Deferred.await(go), Effect.andThen(Actor.stopSelf, Deferred.succeed(done, undefined)))
        )
      )
      yield* Effect.exit(ask(worker, crash))
      yield* pass(200)
      yield* Deferred.succeed(go, undefined)
      yield* Deferred.await(done)
      yield* settled
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 2 })
    }).pipe(run)
  )
})

describe("stopSelf in build", () => {
  const inBuild = Effect.as(Actor.stopSelf, workerHandlers)

  for (const restart of ["transient", "temporary"] as const) {
    it.effect(`of a ${restart} actor lets the start succeed, and ends it before any message`, () =>
      Effect.gen(function* () {
        const worker = yield* spawn({ restart }, inBuild)
        yield* settled
        assert.strictEqual(yield* Actor.awaitStopped(worker), "Normal")
      }).pipe(run)
    )
  }

  it.effect("of a permanent actor restarts it within its intensity, and then it has given up", () =>
    Effect.gen(function* () {
      let starts = 0
      const build = Effect.suspend(() => {
        starts++
        return inBuild
      })
      const worker = yield* spawn({ intensity: { restarts: 3, window: "1 hour" } }, build)
      yield* pass(2_000)
      assert.strictEqual(starts, 4)
      assert.deepStrictEqual(yield* Actor.status(worker), { _tag: "Stopped", reason: "RapidFail" })
    }).pipe(run)
  )

  it.effect("of a keyed actor backs off, as it would start anew for ever for a message that it never handles", () =>
    Effect.gen(function* () {
      let starts = 0
      const build = Effect.suspend(() => {
        // A start without end would take the test's time, and say nothing.
        if (++starts > 1_000) return Effect.never
        return inBuild
      })
      const pack = yield* packOf({ deadline: "Infinity", intensity: { restarts: 3, window: "1 hour" } }, build)
      const asker = yield* background(Effect.exit(ask(pack.get("a"), () => Effect.void)))
      yield* pass(2_000)
      assert.strictEqual(starts, 4)
      assert.deepInclude(errorOf(yield* Fiber.join(asker)), { _tag: "Stopped", reason: "RapidFail", phase: "queued" })
    }).pipe(run)
  )

  it.effect("and in a keyed actor's handler that then stashes, likewise", () =>
    Effect.gen(function* () {
      let runs = 0
      const pack = yield* packOf({ deadline: "Infinity", intensity: { restarts: 3, window: "1 hour" } })
      const asker = yield* background(
        Effect.exit(
          ask(pack.get("a"), () => (++runs > 1_000 ? Effect.void : Effect.andThen(Actor.stopSelf, Actor.stash)))
        )
      )
      yield* pass(2_000)
      assert.strictEqual(runs, 4)
      assert.deepInclude(errorOf(yield* Fiber.join(asker)), { _tag: "Stopped", reason: "RapidFail" })
    }).pipe(run)
  )

  it.effect("that then fails is a failed start", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(spawn({ restart: "transient" }, Effect.andThen(Actor.stopSelf, crash())))
      assert.deepInclude(errorOf(exit), { _tag: "StartError", reason: "Defect" })
    }).pipe(run)
  )

  it.effect("that has a fiber call it after the start ends the actor then", () =>
    Effect.gen(function* () {
      const build = Effect.as(Effect.forkScoped(Effect.andThen(Effect.sleep(10), Actor.stopSelf)), workerHandlers)
      const worker = yield* spawn({ restart: "transient" }, build)
      yield* ask(worker, () => Effect.void)
      yield* TestClock.adjust(10)
      assert.strictEqual(yield* Actor.awaitStopped(worker), "Normal")
    }).pipe(run)
  )
})

// --- With other ends ----------------------------------------------------------------------------------------------------

describe("stopSelf and then", () => {
  eachUnkeyed("a crash in the same handler is a crash: a transient actor is restarted", (make) =>
    Effect.gen(function* () {
      const worker = yield* make({ restart: "transient" })
      const error = yield* Effect.flip(ask(worker, () => Effect.andThen(Actor.stopSelf, crash())))
      assert.deepInclude(error, { _tag: "Crashed" })
      yield* pass(200)
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 2 })
      // The next incarnation is not to end, as it has not said so.
      yield* ask(worker, () => Effect.void)
      yield* pass(200)
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 2 })
      assert.deepInclude(yield* entryOf("Worker"), { crashes: 1, restarts: 1 })
    })
  )

  it.effect("a crash in the same handler ends a temporary actor with that", () =>
    Effect.gen(function* () {
      const worker = yield* spawn({ restart: "temporary" })
      yield* Effect.exit(ask(worker, () => Effect.andThen(Actor.stopSelf, crash())))
      assert.strictEqual(yield* Actor.awaitStopped(worker), "Crashed")
    }).pipe(run)
  )

  it.effect("a crash in a keyed actor's same handler is a crash: it backs off", () =>
    Effect.gen(function* () {
      const pack = yield* packOf()
      yield* Effect.exit(ask(pack.get("a"), () => Effect.andThen(Actor.stopSelf, crash())))
      yield* settled
      assert.deepInclude(yield* Actor.status(pack.get("a")), { _tag: "Restarting" })
      yield* pass(200)
      assert.deepInclude(yield* Actor.status(pack.get("a")), { _tag: "Running", incarnation: 2 })
    }).pipe(run)
  )

  it.effect("the stash: a permanent actor keeps the message, a transient one drops it", () =>
    Effect.gen(function* () {
      for (const restart of ["permanent", "transient"] as const) {
        const worker = yield* spawn({ restart })
        let runs = 0
        const asker = yield* background(
          Effect.exit(
            ask(worker, () => (++runs === 1 ? Effect.andThen(Actor.stopSelf, Actor.stash) : Effect.succeed("later")))
          )
        )
        yield* pass(200)
        const exit = yield* Fiber.join(asker)
        if (restart === "permanent") assert.deepStrictEqual(exit._tag === "Success" && exit.value, "later")
        else assert.deepInclude(errorOf(exit), { _tag: "Stopped", reason: "Normal", phase: "queued" })
      }
    }).pipe(run)
  )

  it.effect("a stop at the same moment is one end, within the stop's time", () =>
    Effect.gen(function* () {
      for (const restart of ["permanent", "transient", "temporary"] as const) {
        const worker = yield* spawn({ restart })
        yield* tell(worker, () => Effect.andThen(Actor.stopSelf, Effect.sleep(10)))
        yield* settled
        const stopping = yield* background(
          Effect.andThen(Actor.stop(worker, { deadline: 50 }), Clock.currentTimeMillis)
        )
        const before = yield* Clock.currentTimeMillis
        yield* TestClock.adjust(500)
        assert.strictEqual((yield* Fiber.join(stopping)) - before, 10, restart)
      }
    }).pipe(run)
  )

  it.effect("a drain: a permanent actor works off its queue still, as after a crash", () =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* spawn()
      yield* tell(worker, () => Effect.andThen(Effect.sleep(10), Actor.stopSelf))
      yield* tell(worker, note("a"))
      yield* settled
      const draining = yield* background(Ryker.drain(1_000))
      yield* pass(1_000)
      assert.deepInclude(yield* Fiber.join(draining), { outcome: "complete" })
      assert.deepStrictEqual(ran, ["a"])
    }).pipe(run)
  )

  it.effect("a slow Scope: what is sent meanwhile is kept by a permanent actor, and dropped by a transient one", () =>
    Effect.gen(function* () {
      for (const restart of ["permanent", "transient"] as const) {
        const { note, ran } = makeNotes()
        const build = Effect.as(
          Effect.addFinalizer(() => Effect.sleep(50)),
          workerHandlers
        )
        const worker = yield* spawn({ restart }, build)
        yield* ask(worker, () => Actor.stopSelf)
        yield* pass(20)
        const asker = yield* background(Effect.exit(ask(worker, note("meanwhile"))))
        yield* pass(300)
        yield* Fiber.join(asker)
        assert.deepStrictEqual(ran, restart === "permanent" ? ["meanwhile"] : [], restart)
      }
    }).pipe(run)
  )
})
