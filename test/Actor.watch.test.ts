/** Hearing of an end: exactly one Down for each watch, whatever happens around it. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Tracer from "effect/Tracer"
import * as Actor from "../src/Actor.ts"
import * as Ryker from "../src/Ryker.ts"
import * as Supervisor from "../src/Supervisor.ts"
import {
  ask,
  background,
  entryOf,
  settled,
  spawnWorker,
  tell,
  Worker,
  workerHandlers,
  type WorkerHandle
} from "./Actor.fixtures.ts"
import { crash, defaults, each, kinds, type Make, Pack, packOf, pass, run, treeOf } from "./Actor.kinds.ts"

// --- What the tests use -------------------------------------------------------------------------------------------------

/** Takes all Downs of a watch down. */
const downsOf = (handle: Actor.Any, options?: Actor.WatchOptions) =>
  Effect.gen(function* () {
    const downs: Array<string> = []
    const watch = yield* Actor.watch(handle, options)
    yield* background(
      Effect.tap(watch.down, ({ incarnation, reason }) => Effect.sync(() => downs.push(`${reason} ${incarnation}`)))
    )
    return { downs, watch }
  })

// --- Until the end ------------------------------------------------------------------------------------------------------

describe("a watch until the end", () => {
  const ends: Record<
    string,
    {
      readonly options?: Actor.Options
      readonly end: (worker: WorkerHandle) => Effect.Effect<unknown, unknown>
      readonly gives: string
    }
  > = {
    "a stop": { end: (worker) => Actor.stop(worker), gives: "Stopped 1" },
    "a stop after restarts": {
      end: (worker) => Effect.andThen(Effect.exit(ask(worker, crash)), Effect.andThen(pass(200), Actor.stop(worker))),
      gives: "Stopped 2"
    },
    "a stop in the backoff": {
      end: (worker) => Effect.andThen(Effect.exit(ask(worker, crash)), Actor.stop(worker)),
      gives: "Stopped 1"
    }
  }
  for (const [what, { end, gives }] of Object.entries(ends)) {
    each(`gives one Down after ${what}`, (make) =>
      Effect.gen(function* () {
        const worker = yield* make({})
        const { downs, watch } = yield* downsOf(worker)
        yield* end(worker)
        yield* settled
        assert.deepStrictEqual(downs, [gives])
        // As often as one likes, and always the same.
        assert.strictEqual(yield* watch.down, yield* watch.down)
        assert.strictEqual((yield* watch.down).actor, worker.address)
      })
    )
  }

  it.effect("gives the reason of the end: RapidFail, Crashed, Normal, ScopeClosed, Draining", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const seen: Array<ReadonlyArray<string>> = []
      const rapid = yield* spawnWorker("rapid", { intensity: { restarts: 0 } })
      const temporary = yield* spawnWorker("temporary", { restart: "temporary" })
      const transient = yield* spawnWorker("transient", { restart: "transient" })
      const scoped = yield* Scope.provide(spawnWorker("scoped"), scope)
      const drained = yield* spawnWorker("drained")
      for (const handle of [rapid, temporary, transient, scoped, drained]) seen.push((yield* downsOf(handle)).downs)
      yield* Effect.exit(ask(rapid, crash))
      yield* Effect.exit(ask(temporary, crash))
      yield* ask(transient, () => Actor.stopSelf)
      yield* settled
      yield* Scope.close(scope, yield* Effect.exit(Effect.void))
      yield* Ryker.drain(0)
      yield* settled
      assert.deepStrictEqual(seen.flat(), ["RapidFail 1", "Crashed 1", "Normal 1", "ScopeClosed 1", "Draining 1"])
    }).pipe(run)
  )

  each("does not see restarts", (make) =>
    Effect.gen(function* () {
      const worker = yield* make({})
      const { downs } = yield* downsOf(worker)
      for (let n = 0; n < 3; n++) {
        yield* Effect.exit(ask(worker, crash))
        yield* pass(500)
      }
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 4 })
      assert.deepStrictEqual(downs, [])
    })
  )

  each("gives Down at once for an actor that has ended, with the reason of its end", (make) =>
    Effect.gen(function* () {
      const worker = yield* make({ intensity: { restarts: 0 } })
      yield* Effect.exit(ask(worker, crash))
      yield* settled
      for (const until of ["terminal", "incarnation"] as const) {
        const watch = yield* Actor.watch(worker, { until })
        assert.deepStrictEqual(yield* watch.down, { actor: worker.address, incarnation: 1, reason: "RapidFail" })
      }
    })
  )

  it.effect("gives Down when the end is complete: the Scope is closed, and the messages are answered", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const worker = yield* Actor.spawn(
        Worker,
        Effect.as(
          Effect.addFinalizer(() =>
            Effect.andThen(
              Effect.sleep(10),
              Effect.sync(() => trace.push("closed"))
            )
          ),
          workerHandlers
        )
      )
      const watch = yield* Actor.watch(worker)
      yield* background(Effect.tap(watch.down, () => Effect.sync(() => trace.push("down"))))
      yield* background(Actor.stop(worker))
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(trace, ["closed", "down"])
    }).pipe(run)
  )

  it.effect("gives Down for an actor that is stopped before its first start is done, with incarnation 1", () =>
    Effect.gen(function* () {
      const pack = Context.get(
        yield* Layer.build(Pack.toLayer(() => Effect.as(Effect.sleep("1 hour"), workerHandlers), defaults)),
        Pack
      )
      yield* tell(pack.get("a"), () => Effect.void)
      const { downs } = yield* downsOf(pack.get("a"))
      yield* background(Actor.stop(pack.get("a"), { deadline: 10 }))
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(downs, ["Stopped 1"])
    }).pipe(run)
  )

  it.effect("of a keyed actor that is not resident gives Passivated at once", () =>
    Effect.gen(function* () {
      const pack = yield* packOf({ idleAfter: 50 })
      const nobody = { actor: "Pack/a", incarnation: 0, reason: "Passivated" }
      for (const until of ["terminal", "incarnation"] as const) {
        assert.deepStrictEqual(yield* (yield* Actor.watch(pack.get("a"), { until })).down, nobody)
      }
      // As a resident it is watched; the resident after it is another one.
      yield* ask(pack.get("a"), () => Effect.void)
      const { downs, watch } = yield* downsOf(pack.get("a"))
      assert.deepStrictEqual(downs, [])
      yield* TestClock.adjust(51)
      assert.deepStrictEqual(downs, ["Passivated 1"])
      yield* ask(pack.get("a"), () => Effect.void)
      assert.deepInclude(yield* watch.down, { reason: "Passivated", incarnation: 1 })
    }).pipe(run)
  )

  it.effect("of a keyed actor that starts anew in the middle of its passivation goes on", () =>
    Effect.gen(function* () {
      const build = Effect.as(
        Effect.addFinalizer(() => Effect.sleep(10)),
        workerHandlers
      )
      const pack = Context.get(yield* Layer.build(Pack.toLayer(() => build, { ...defaults, idleAfter: 50 })), Pack)
      yield* ask(pack.get("a"), () => Effect.void)
      const terminal = yield* downsOf(pack.get("a"))
      const incarnation = yield* downsOf(pack.get("a"), { until: "incarnation" })
      yield* TestClock.adjust(55)
      const kept = yield* background(ask(pack.get("a"), () => Effect.succeed("kept")))
      yield* TestClock.adjust(5)
      assert.strictEqual(yield* Fiber.join(kept), "kept")
      assert.deepStrictEqual([terminal.downs, incarnation.downs], [[], ["Passivated 1"]])
    }).pipe(run)
  )

  it.effect("of a supervisor gives its end, and of a child the supervisor's", () =>
    Effect.gen(function* () {
      const { top, worker } = yield* treeOf()
      const ofTop = yield* downsOf(top)
      const ofWorker = yield* downsOf(worker)
      yield* Actor.stop(top)
      yield* settled
      assert.deepStrictEqual([ofTop.downs, ofWorker.downs], [["Stopped 1"], ["SupervisorStopped 1"]])
    }).pipe(run)
  )

  it.effect("gives one Down also if the child is started anew behind the same handle, and watched anew", () =>
    Effect.gen(function* () {
      const { top, worker } = yield* treeOf()
      const first = yield* downsOf(worker)
      yield* Supervisor.terminateChild(top, "Worker")
      yield* Supervisor.restartChild(top, "Worker")
      const second = yield* downsOf(worker)
      assert.deepStrictEqual([first.downs, second.downs], [["Stopped 1"], []])
      yield* Supervisor.terminateChild(top, "Worker")
      yield* settled
      assert.deepStrictEqual([first.downs, second.downs], [["Stopped 1"], ["Stopped 2"]])
    }).pipe(run)
  )
})

// --- Until the end of an incarnation ------------------------------------------------------------------------------------

describe("a watch until the incarnation's end", () => {
  each("gives one Down at a crash, when the Scope is closed, and none for the next incarnation", (make) =>
    Effect.gen(function* () {
      const worker = yield* make({})
      yield* ask(worker, () => Effect.addFinalizer(() => Effect.sleep(20)))
      const { downs } = yield* downsOf(worker, { until: "incarnation" })
      yield* Effect.exit(ask(worker, crash))
      yield* settled
      // It closes still: who watches it now watches the same incarnation.
      const late = yield* downsOf(worker, { until: "incarnation" })
      assert.deepStrictEqual([downs, late.downs], [[], []])
      yield* TestClock.adjust(20)
      assert.deepStrictEqual([downs, late.downs], [["Crashed 1"], ["Crashed 1"]])
      // It backs off: there is no incarnation to watch.
      const backingOff = yield* downsOf(worker, { until: "incarnation" })
      assert.deepStrictEqual(backingOff.downs, ["Crashed 1"])
      yield* pass(200)
      const next = yield* downsOf(worker, { until: "incarnation" })
      assert.deepStrictEqual(next.downs, [])
      yield* Effect.exit(ask(worker, crash))
      yield* settled
      assert.deepStrictEqual([downs, next.downs], [["Crashed 1"], ["Crashed 2"]])
    })
  )

  it.effect("gives Restarted for a sibling that is halted with its group, and Crashed for the one that failed", () =>
    Effect.gen(function* () {
      const { sibling, worker } = yield* treeOf()
      const ofWorker = yield* downsOf(worker, { until: "incarnation" })
      const ofSibling = yield* downsOf(sibling, { until: "incarnation" })
      const terminal = yield* downsOf(worker)
      yield* Effect.exit(ask(sibling, crash))
      yield* settled
      assert.deepStrictEqual([ofWorker.downs, ofSibling.downs], [["Restarted 1"], ["Crashed 1"]])
      // Halted, waiting for its group.
      assert.deepStrictEqual((yield* downsOf(worker, { until: "incarnation" })).downs, ["Restarted 1"])
      yield* pass(200)
      assert.deepStrictEqual(terminal.downs, [])
      assert.deepStrictEqual((yield* downsOf(worker, { until: "incarnation" })).downs, [])
    }).pipe(run)
  )

  it.effect("gives StartFailed for a start that fails, also to one who watches while build runs", () =>
    Effect.gen(function* () {
      let starts = 0
      const build = Effect.suspend(() =>
        Effect.andThen(Effect.sleep(10), ++starts === 1 ? Effect.die("on purpose") : Effect.succeed(workerHandlers))
      )
      const pack = Context.get(yield* Layer.build(Pack.toLayer(() => build, defaults)), Pack)
      yield* tell(pack.get("a"), () => Effect.void)
      const { downs } = yield* downsOf(pack.get("a"), { until: "incarnation" })
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(downs, ["StartFailed 1"])
      assert.deepStrictEqual((yield* downsOf(pack.get("a"), { until: "incarnation" })).downs, ["StartFailed 1"])
      yield* TestClock.adjust(105)
      // The second start is under way.
      const second = yield* downsOf(pack.get("a"), { until: "incarnation" })
      assert.deepStrictEqual(second.downs, [])
      yield* pass(100)
      yield* Actor.stop(pack.get("a"))
      assert.deepStrictEqual([downs, second.downs], [["StartFailed 1"], ["Stopped 2"]])
    }).pipe(run)
  )

  it.effect("gives Normal at a stopSelf, also of a permanent actor that is restarted afterwards", () =>
    Effect.gen(function* () {
      for (const restart of ["permanent", "transient", "temporary"] as const) {
        const worker = yield* spawnWorker(restart, { ...defaults, restart })
        const { downs } = yield* downsOf(worker, { until: "incarnation" })
        yield* ask(worker, () => Actor.stopSelf)
        yield* pass(200)
        assert.deepStrictEqual(downs, ["Normal 1"], restart)
      }
    }).pipe(run)
  )

  it.effect("gives the crash, not the end that follows it, when the intensity is exceeded", () =>
    Effect.gen(function* () {
      const worker = yield* spawnWorker("rapid", { intensity: { restarts: 0 } })
      const incarnation = yield* downsOf(worker, { until: "incarnation" })
      const terminal = yield* downsOf(worker)
      yield* Effect.exit(ask(worker, crash))
      yield* settled
      assert.deepStrictEqual([incarnation.downs, terminal.downs], [["Crashed 1"], ["RapidFail 1"]])
    }).pipe(run)
  )
})

// --- Several, and none --------------------------------------------------------------------------------------------------

describe("watches of one actor", () => {
  each("each give their own Down, and end one by one", (make) =>
    Effect.gen(function* () {
      const worker = yield* make({})
      const watches = yield* Effect.forEach([1, 2, 3], () => downsOf(worker))
      yield* watches[1]!.watch.unwatch
      yield* watches[1]!.watch.unwatch
      yield* Actor.stop(worker)
      yield* settled
      assert.deepStrictEqual(
        watches.map(({ downs }) => downs),
        [["Stopped 1"], [], ["Stopped 1"]]
      )
      // After the end there is nothing to end: Down stays what it is.
      yield* watches[0]!.watch.unwatch
      assert.deepInclude(yield* watches[0]!.watch.down, { reason: "Stopped" })
    })
  )

  it.effect("are not touched by an interruption of who waits for them", () =>
    Effect.gen(function* () {
      const worker = yield* spawnWorker("patient")
      const watch = yield* Actor.watch(worker)
      const waiting = yield* background(watch.down)
      const other = yield* background(watch.down)
      yield* Fiber.interrupt(waiting)
      yield* Actor.stop(worker)
      assert.deepInclude(yield* Fiber.join(other), { reason: "Stopped" })
      assert.deepInclude(yield* watch.down, { reason: "Stopped" })
    }).pipe(run)
  )

  it.effect("hold nobody up: the watched actor ends whether or not anybody reads its Down", () =>
    Effect.gen(function* () {
      const worker = yield* spawnWorker("unread")
      for (let n = 0; n < 1_000; n++) yield* Actor.watch(worker)
      yield* Actor.stop(worker)
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Stopped" })
    }).pipe(run)
  )
})

// --- From within an actor -----------------------------------------------------------------------------------------------

describe("onDown", () => {
  /** The watching actor, and a way to note what it hears. */
  const watching = (make: Make, options: Actor.Options = {}) =>
    Effect.gen(function* () {
      const watcher = yield* make(options)
      const watched = yield* spawnWorker("watched", defaults)
      const heard: Array<string> = []
      const note = (what: string) => Effect.sync(() => void heard.push(what))
      const use = ({ incarnation, reason }: Actor.Down) => note(`${reason} ${incarnation}`)
      return { watcher, watched, heard, note, use }
    })

  each("runs once, in a turn of the watcher's own, before queued messages and though the mailbox is full", (make) =>
    Effect.gen(function* () {
      const { heard, note, use, watched, watcher } = yield* watching(make, { capacity: 1 })
      yield* ask(watcher, () => Actor.onDown(watched, use))
      yield* tell(watcher, () => Effect.andThen(Effect.sleep(10), note("in hand")))
      yield* settled
      yield* tell(watcher, () => note("queued"))
      assert.strictEqual((yield* Effect.flip(tell(watcher, () => note("refused"))))._tag, "Busy")
      yield* Actor.stop(watched)
      yield* settled
      assert.deepStrictEqual(heard, [])
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(heard, ["in hand", "Stopped 1", "queued"])
    })
  )

  it.effect("runs for each of several ends that wait, before what is queued", () =>
    Effect.gen(function* () {
      const { heard, note, watched, watcher } = yield* watching(kinds.plain)
      const other = yield* spawnWorker("other")
      for (const handle of [watched, other]) {
        yield* ask(watcher, () => Actor.onDown(handle, ({ actor }) => note(actor)))
      }
      yield* tell(watcher, () => Effect.sleep(10))
      yield* settled
      for (const label of ["a", "b"]) yield* tell(watcher, () => note(label))
      yield* Actor.stop(watched)
      yield* Actor.stop(other)
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(heard, ["watched", "other", "a", "b"])
    }).pipe(run)
  )

  each("runs for an end that was before, in a handler", (make) =>
    Effect.gen(function* () {
      const { heard, use, watched, watcher } = yield* watching(make)
      yield* Actor.stop(watched)
      yield* ask(watcher, () => Actor.onDown(watched, use))
      yield* settled
      assert.deepStrictEqual(heard, ["Stopped 1"])
    })
  )

  it.effect("runs for an end that was before or comes meanwhile, in build: once the watcher is ready", () =>
    Effect.gen(function* () {
      const before = yield* spawnWorker("before")
      const meanwhile = yield* spawnWorker("meanwhile")
      yield* Actor.stop(before)
      const heard: Array<string> = []
      const use = ({ actor }: Actor.Down) => Effect.sync(() => void heard.push(actor))
      const spawning = yield* background(
        Actor.spawn(
          Worker,
          Effect.gen(function* () {
            yield* Actor.onDown(before, use)
            yield* Actor.onDown(meanwhile, use)
            yield* Effect.sleep(10)
            heard.push("ready")
            return workerHandlers
          })
        )
      )
      yield* Actor.stop(meanwhile)
      yield* TestClock.adjust(10)
      yield* Fiber.join(spawning)
      yield* settled
      assert.deepStrictEqual(heard, ["ready", "before", "meanwhile"])
    }).pipe(run)
  )

  each("is gone with the watcher's incarnation: by a crash before the end, and by one before its turn", (make) =>
    Effect.gen(function* () {
      const { heard, use, watched, watcher } = yield* watching(make)
      yield* ask(watcher, () => Actor.onDown(watched, use))
      yield* Effect.exit(ask(watcher, crash))
      yield* pass(200)
      const second = yield* spawnWorker("second")
      yield* ask(watcher, () => Actor.onDown(second, use))
      yield* tell(watcher, () => Effect.andThen(Effect.sleep(10), crash()))
      yield* settled
      yield* Actor.stop(watched)
      yield* Actor.stop(second)
      yield* pass(500)
      assert.deepInclude(yield* Actor.status(watcher), { _tag: "Running", incarnation: 3 })
      assert.deepStrictEqual(heard, [])
    })
  )

  it.effect("is gone when the watcher is restarted with its group", () =>
    Effect.gen(function* () {
      const { sibling, worker } = yield* treeOf()
      const watched = yield* spawnWorker("watched")
      let heard = 0
      yield* ask(worker, () => Actor.onDown(watched, () => Effect.sync(() => void heard++)))
      yield* Effect.exit(ask(sibling, crash))
      yield* pass(200)
      yield* Actor.stop(watched)
      yield* settled
      assert.strictEqual(heard, 0)
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 2 })
    }).pipe(run)
  )

  it.effect("does not run after unwatch, also if it waits for its turn already", () =>
    Effect.gen(function* () {
      const { heard, note, use, watched, watcher } = yield* watching(kinds.plain)
      yield* background(
        ask(watcher, () =>
          Effect.gen(function* () {
            const watch = yield* Actor.onDown(watched, use)
            yield* Actor.onDown(watched, () => note("kept"))
            yield* Effect.sleep(10)
            yield* watch.unwatch
          })
        )
      )
      yield* Actor.stop(watched)
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(heard, ["kept"])
    }).pipe(run)
  )

  it.effect("may be waited for as well, and that from outside", () =>
    Effect.gen(function* () {
      const { heard, use, watched, watcher } = yield* watching(kinds.plain)
      const deferred = yield* Deferred.make<Actor.Watch>()
      yield* ask(watcher, () =>
        Effect.flatMap(Actor.onDown(watched, use), (watch) => Deferred.succeed(deferred, watch))
      )
      yield* Actor.stop(watched)
      assert.deepInclude(yield* (yield* Deferred.await(deferred)).down, { reason: "Stopped" })
      yield* settled
      assert.deepStrictEqual(heard, ["Stopped 1"])
    }).pipe(run)
  )

  it.effect("until the incarnation's end is for that one: to go on watching is to watch anew", () =>
    Effect.gen(function* () {
      const { heard, note, watched, watcher } = yield* watching(kinds.plain)
      const again: Effect.Effect<Actor.Watch, never, Actor.Self> = Effect.suspend(() =>
        Actor.onDown(watched, ({ incarnation, reason }) => note(`${reason} ${incarnation}`), { until: "incarnation" })
      )
      yield* ask(watcher, () => again)
      yield* Effect.exit(ask(watched, crash))
      yield* pass(200)
      yield* Effect.exit(ask(watched, crash))
      yield* pass(500)
      assert.deepStrictEqual(heard, ["Crashed 1"])
      yield* ask(watcher, () => again)
      yield* Effect.exit(ask(watched, crash))
      yield* pass(500)
      assert.deepStrictEqual(heard, ["Crashed 1", "Crashed 3"])
    }).pipe(run)
  )

  it.effect("crashes the watcher by a defect in it, and is no message", () =>
    Effect.gen(function* () {
      const { watched, watcher } = yield* watching(kinds.plain)
      yield* ask(watcher, () => Actor.onDown(watched, () => crash()))
      const queued = yield* background(ask(watcher, () => Effect.sleep(10)))
      yield* Actor.stop(watched)
      yield* TestClock.adjust(10)
      yield* Fiber.join(queued)
      yield* settled
      assert.deepInclude(yield* Actor.status(watcher), { _tag: "Restarting", incarnation: 1 })
      assert.deepInclude(yield* entryOf("Worker"), { accepted: 2, handled: 2, failed: 0, crashes: 1 })
    }).pipe(run)
  )

  it.effect("runs with the services of the call and the watcher's own, without the span it was called in", () =>
    Effect.gen(function* () {
      class Tariff extends Context.Service<Tariff, { readonly rate: number }>()("test/Tariff") {}
      const { heard, note, watched, watcher } = yield* watching(kinds.plain)
      yield* ask(watcher, () =>
        Actor.onDown(watched, () =>
          Effect.gen(function* () {
            const { rate } = yield* Tariff
            const { address } = yield* Actor.self
            yield* Effect.addFinalizer(() => note("closed"))
            const span = (yield* Effect.context()).mapUnsafe.get(Tracer.ParentSpan.key)
            yield* note(`${rate} ${address === watcher.address} ${span === undefined}`)
          })
        ).pipe(Effect.scoped, Effect.provideService(Tariff, { rate: 7 }), Effect.withSpan("calling"))
      )
      yield* Actor.stop(watched)
      yield* settled
      assert.deepStrictEqual(heard, ["7 true true"])
      yield* Actor.stop(watcher)
      assert.deepStrictEqual(heard, ["7 true true", "closed"])
    }).pipe(run)
  )

  it.effect("of the actor itself never runs, and its end is not held up by that", () =>
    Effect.gen(function* () {
      const { heard, use, watcher } = yield* watching(kinds.plain)
      yield* ask(watcher, () => Actor.onDown(watcher, use))
      yield* Actor.stop(watcher)
      assert.deepStrictEqual(heard, [])
    }).pipe(run)
  )

  it.effect("of two actors that watch each other tells the one that is left", () =>
    Effect.gen(function* () {
      const first = yield* spawnWorker("first")
      const second = yield* spawnWorker("second")
      const heard: Array<string> = []
      const use = ({ actor }: Actor.Down) => Effect.sync(() => void heard.push(actor))
      yield* ask(first, () => Actor.onDown(second, use))
      yield* ask(second, () => Actor.onDown(first, use))
      yield* Actor.stop(first)
      yield* settled
      yield* Actor.stop(second)
      yield* settled
      assert.deepStrictEqual(heard, ["first"])
    }).pipe(run)
  )

  it.effect("in a fiber that outlives its incarnation runs nothing; its Down can be waited for all the same", () =>
    Effect.gen(function* () {
      const { heard, use, watched, watcher } = yield* watching(kinds.plain)
      const go = yield* Deferred.make<void>()
      const watch = yield* Deferred.make<Actor.Watch>()
      yield* ask(watcher, () =>
        Effect.forkDetach(
          Effect.andThen(
            Deferred.await(go),
            Effect.flatMap(Actor.onDown(watched, use), (made) => Deferred.succeed(watch, made))
          )
        )
      )
      yield* Effect.exit(ask(watcher, crash))
      yield* pass(200)
      yield* Deferred.succeed(go, undefined)
      const made = yield* Deferred.await(watch)
      yield* Actor.stop(watched)
      assert.deepInclude(yield* made.down, { reason: "Stopped" })
      yield* settled
      assert.deepStrictEqual(heard, [])
    }).pipe(run)
  )
})
