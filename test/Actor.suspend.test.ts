/** Holding an actor still, and letting it go on. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import * as Ryker from "../src/Ryker.ts"
import * as Supervisor from "../src/Supervisor.ts"
import {
  ask,
  background,
  entryOf,
  errorOf,
  settled,
  spawnWorker,
  tell,
  Worker,
  workerHandlers,
  type WorkerHandle
} from "./Actor.fixtures.ts"
import { crash, defaults, each, nameOf, residentOf, run, Top, treeOf } from "./Actor.kinds.ts"

// --- What the tests use -------------------------------------------------------------------------------------------------

/** Jobs that note their label. */
const makeNotes = () => {
  const ran: Array<string> = []
  return { ran, note: (label: string) => () => Effect.sync(() => ran.push(label)) }
}

// --- Suspended ----------------------------------------------------------------------------------------------------------

describe("a suspended actor", () => {
  each("begins no message; they queue up to the bound, and are handled in order when it is resumed", (make) =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* make({ capacity: 2 })
      yield* Actor.suspend(worker)
      yield* tell(worker, note("a"))
      const b = yield* background(ask(worker, note("b")))
      const refused = yield* Effect.flip(tell(worker, note("c")))
      assert.deepInclude(refused, { _tag: "Busy", limit: "mailbox", capacity: 2 })
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(ran, [])
      assert.deepStrictEqual(yield* Actor.status(worker), {
        _tag: "Suspended",
        incarnation: 1,
        queued: 2,
        busy: false
      })
      yield* Actor.resume(worker)
      yield* Fiber.join(b)
      assert.deepStrictEqual(ran, ["a", "b"])
      assert.deepStrictEqual(yield* Actor.status(worker), { _tag: "Running", incarnation: 1, queued: 0, busy: false })
    })
  )

  each("lets the message in hand end, and begins none after it", (make) =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* make({})
      const inHand = yield* background(ask(worker, () => Effect.as(Effect.sleep(10), "done")))
      yield* tell(worker, note("next"))
      yield* Actor.suspend(worker)
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Suspended", queued: 1, busy: true })
      yield* TestClock.adjust(20)
      assert.strictEqual(yield* Fiber.join(inHand), "done")
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Suspended", queued: 1, busy: false })
      assert.deepStrictEqual(ran, [])
    })
  )

  it.effect("that suspends itself in a handler answers that message, and begins none after it in the same turn", () =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* spawnWorker("itself")
      yield* tell(worker, () => Effect.as(Actor.suspend(worker), "done"))
      yield* tell(worker, note("next"))
      yield* settled
      assert.deepStrictEqual(ran, [])
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Suspended", queued: 1, busy: false })
      yield* Actor.resume(worker)
      yield* settled
      assert.deepStrictEqual(ran, ["next"])
    }).pipe(run)
  )

  it.effect("that is suspended in the middle of a turn by another actor begins none after that", () =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* spawnWorker("victim")
      for (let n = 0; n < 100; n++) {
        yield* tell(worker, n === 40 ? () => Effect.andThen(Actor.suspend(worker), note("40")()) : note(`${n}`))
      }
      yield* settled
      assert.strictEqual(ran.length, 41)
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Suspended", queued: 59 })
    }).pipe(run)
  )

  each("drops what expires and what nobody waits for, and frees their places", (make) =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* make({ capacity: 2 })
      yield* Actor.suspend(worker)
      const late = yield* background(Effect.exit(ask(worker, note("late"), { deadline: 50 })))
      const given = yield* background(ask(worker, note("given up")))
      assert.strictEqual((yield* Effect.flip(tell(worker, note("no"))))._tag, "Busy")
      yield* TestClock.adjust(50)
      assert.deepInclude(errorOf(yield* Fiber.join(late)), { _tag: "Timeout", phase: "queued", millis: 50 })
      yield* Fiber.interrupt(given)
      for (const label of ["a", "b"]) yield* tell(worker, note(label))
      assert.strictEqual((yield* Effect.flip(tell(worker, note("no"))))._tag, "Busy")
      yield* Actor.resume(worker)
      yield* settled
      assert.deepStrictEqual(ran, ["a", "b"])
    })
  )

  it.effect("keeps the deadline of the message in hand: it is interrupted, and the actor lives on", () =>
    Effect.gen(function* () {
      const worker = yield* spawnWorker("deadline")
      const late = yield* background(Effect.exit(ask(worker, () => Effect.never, { deadline: 50 })))
      yield* Actor.suspend(worker)
      yield* TestClock.adjust(50)
      assert.deepInclude(errorOf(yield* Fiber.join(late)), { _tag: "Timeout", phase: "running" })
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Suspended", incarnation: 1, queued: 0, busy: false })
    }).pipe(run)
  )

  each("that crashes is restarted as always, and stays suspended", (make) =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* make({})
      yield* background(Effect.exit(ask(worker, () => Effect.andThen(Effect.sleep(10), crash()))))
      yield* tell(worker, note("queued"))
      yield* Actor.suspend(worker)
      yield* TestClock.adjust(10)
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Restarting", queued: 1 })
      yield* TestClock.adjust(1_000)
      yield* settled
      assert.deepStrictEqual(yield* Actor.status(worker), {
        _tag: "Suspended",
        incarnation: 2,
        queued: 1,
        busy: false
      })
      assert.deepStrictEqual(ran, [])
      yield* Actor.resume(worker)
      yield* settled
      assert.deepStrictEqual(ran, ["queued"])
    })
  )

  it.effect("that is restarted for a sibling's sake stays suspended", () =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const { sibling, worker } = yield* treeOf()
      yield* Actor.suspend(worker)
      yield* tell(worker, note("queued"))
      yield* Effect.exit(ask(sibling, crash))
      yield* TestClock.adjust(100)
      yield* settled
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Suspended", incarnation: 2, queued: 1 })
      assert.deepInclude(yield* Actor.status(sibling), { _tag: "Running", incarnation: 2 })
      assert.deepStrictEqual(ran, [])
      yield* Actor.resume(worker)
      yield* settled
      assert.deepStrictEqual(ran, ["queued"])
    }).pipe(run)
  )

  const moments: Record<string, (worker: WorkerHandle) => Effect.Effect<unknown>> = {
    "while it closes": (worker) =>
      Effect.exit(
        ask(worker, () =>
          Effect.andThen(
            Effect.addFinalizer(() => Effect.sleep(50)),
            crash()
          )
        )
      ),
    "while it backs off": (worker) => Effect.exit(ask(worker, crash))
  }
  for (const [moment, go] of Object.entries(moments)) {
    each(`can be suspended and resumed ${moment}`, (make) =>
      Effect.gen(function* () {
        const { note, ran } = makeNotes()
        const worker = yield* make({})
        yield* go(worker)
        yield* tell(worker, note("a"))
        yield* Actor.suspend(worker)
        assert.deepInclude(yield* Actor.status(worker), { _tag: "Restarting" })
        for (let step = 0; step < 10; step++) yield* TestClock.adjust(50)
        yield* settled
        assert.deepInclude(yield* Actor.status(worker), { _tag: "Suspended", incarnation: 2, queued: 1 })
        yield* Actor.resume(worker)
        yield* settled
        yield* Effect.exit(ask(worker, crash))
        yield* Actor.suspend(worker)
        yield* Actor.resume(worker)
        yield* tell(worker, note("b"))
        for (let step = 0; step < 20; step++) yield* TestClock.adjust(50)
        yield* settled
        assert.deepStrictEqual(ran, ["a", "b"])
      })
    )
  }

  it.effect("can be suspended while build still runs: its first message waits", () =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const { pack } = yield* residentOf({})
      const slow = pack.get("b")
      yield* tell(slow, note("first"))
      // Its message has made it resident, and its build has not run yet.
      assert.deepInclude(yield* Actor.status(slow), { _tag: "Starting" })
      yield* Actor.suspend(slow)
      yield* settled
      assert.deepInclude(yield* Actor.status(slow), { _tag: "Suspended", incarnation: 1, queued: 1 })
      assert.deepStrictEqual(ran, [])
      yield* Actor.resume(slow)
      yield* settled
      assert.deepStrictEqual(ran, ["first"])
    }).pipe(run)
  )

  it.effect("twice is suspended once: one resume lets it go on, and one event says so", () =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* spawnWorker("twice")
      const events: Array<string> = []
      yield* background(Stream.runForEach(Ryker.events, ({ _tag }) => Effect.sync(() => events.push(_tag))))
      yield* Actor.resume(worker)
      yield* Actor.suspend(worker)
      yield* Actor.suspend(worker)
      yield* tell(worker, note("a"))
      yield* Actor.resume(worker)
      yield* Actor.resume(worker)
      yield* settled
      assert.deepStrictEqual(ran, ["a"])
      assert.deepStrictEqual(events, ["ActorSuspended", "ActorResumed"])
    }).pipe(run)
  )

  it.effect("and suspended again before its turn comes begins nothing", () =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* spawnWorker("flicker")
      yield* Actor.suspend(worker)
      yield* tell(worker, note("a"))
      yield* Effect.andThen(Actor.resume(worker), Actor.suspend(worker))
      yield* settled
      assert.deepStrictEqual(ran, [])
      yield* Actor.resume(worker)
      yield* settled
      assert.deepStrictEqual(ran, ["a"])
    }).pipe(run)
  )

  it.effect("is waited for by those who ask it, so that a cycle through it is a Deadlock still", () =>
    Effect.gen(function* () {
      const first = yield* spawnWorker("first")
      const second = yield* spawnWorker("second")
      yield* Actor.suspend(second)
      const asker = yield* background(Effect.exit(ask(first, () => ask(second, () => ask(first, () => Effect.void)))))
      assert.isUndefined(asker.pollUnsafe())
      yield* Actor.resume(second)
      assert.deepInclude(errorOf(yield* Fiber.join(asker)), { _tag: "Deadlock", cycle: ["second", "first", "second"] })
    }).pipe(run)
  )

  it.effect("hears of an end that it watches when it is resumed, before what is queued", () =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* spawnWorker("watcher")
      const other = yield* spawnWorker("watched")
      yield* ask(worker, () => Actor.onDown(other, ({ reason }) => note(reason)()))
      yield* Actor.suspend(worker)
      yield* tell(worker, note("queued"))
      yield* Actor.stop(other)
      yield* settled
      assert.deepStrictEqual(ran, [])
      yield* Actor.resume(worker)
      yield* settled
      assert.deepStrictEqual(ran, ["Stopped", "queued"])
    }).pipe(run)
  )
})

// --- Ends ---------------------------------------------------------------------------------------------------------------

describe("the stop of a suspended actor", () => {
  const stopIn = (worker: WorkerHandle, deadline: number) =>
    background(Effect.andThen(Actor.stop(worker, { deadline }), Clock.currentTimeMillis))

  each("with nothing queued is over at once", (make) =>
    Effect.gen(function* () {
      const worker = yield* make({})
      yield* Actor.suspend(worker)
      assert.strictEqual(yield* Fiber.join(yield* stopIn(worker, 1_000)), 0)
    })
  )

  each("with a message in hand, and nothing queued, is over when that has ended", (make) =>
    Effect.gen(function* () {
      const worker = yield* make({})
      const inHand = yield* background(ask(worker, () => Effect.as(Effect.sleep(10), "done")))
      yield* Actor.suspend(worker)
      const stopping = yield* stopIn(worker, 1_000)
      yield* TestClock.adjust(5_000)
      assert.strictEqual(yield* Fiber.join(inHand), "done")
      assert.strictEqual(yield* Fiber.join(stopping), 10)
    })
  )

  each("with messages queued waits until its deadline, then drops them", (make) =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* make({})
      yield* Actor.suspend(worker)
      const asker = yield* background(Effect.exit(ask(worker, note("a"))))
      yield* tell(worker, note("b"))
      const stopping = yield* stopIn(worker, 1_000)
      yield* TestClock.adjust(999)
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Stopping", queued: 2 })
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* Fiber.join(stopping), 1_000)
      assert.deepInclude(errorOf(yield* Fiber.join(asker)), { _tag: "Stopped", reason: "Stopped", phase: "queued" })
      assert.deepStrictEqual(ran, [])
      assert.strictEqual((yield* entryOf(nameOf(worker))).dropped.shutdown, 2)
    })
  )

  each("is over as soon as it is resumed and has worked off its queue, or as the last has expired", (make) =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* make({})
      yield* Actor.suspend(worker)
      yield* tell(worker, note("a"))
      yield* tell(worker, note("late"), { deadline: 40 })
      const stopping = yield* stopIn(worker, 1_000)
      yield* TestClock.adjust(50)
      assert.isUndefined(stopping.pollUnsafe())
      yield* Actor.resume(worker)
      assert.strictEqual(yield* Fiber.join(stopping), 50)
      assert.deepStrictEqual(ran, ["a"])
    })
  )

  it.effect("is over when the last queued message has expired", () =>
    Effect.gen(function* () {
      const worker = yield* spawnWorker("expiring")
      yield* Actor.suspend(worker)
      yield* tell(worker, () => Effect.void, { deadline: 40 })
      const stopping = yield* stopIn(worker, 1_000)
      yield* TestClock.adjust(2_000)
      assert.strictEqual(yield* Fiber.join(stopping), 40)
    }).pipe(run)
  )
})

describe("a drain", () => {
  each("waits for a suspended actor's queue until its deadline, and for no time if there is none", (make) =>
    Effect.gen(function* () {
      const worker = yield* make({})
      yield* Actor.suspend(worker)
      yield* tell(worker, () => Effect.void)
      const draining = yield* background(Ryker.drain(500))
      yield* TestClock.adjust(499)
      assert.isUndefined(draining.pollUnsafe())
      yield* TestClock.adjust(1)
      const report = yield* Fiber.join(draining)
      assert.deepInclude(report, { outcome: "incomplete", millis: 500 })
    })
  )

  each("of a suspended actor with a message in hand alone is over when that has ended", (make) =>
    Effect.gen(function* () {
      const worker = yield* make({})
      yield* tell(worker, () => Effect.sleep(10))
      yield* settled
      yield* Actor.suspend(worker)
      const draining = yield* background(Ryker.drain(500))
      yield* TestClock.adjust(500)
      assert.deepInclude(yield* Fiber.join(draining), { outcome: "complete", millis: 10 })
    })
  )

  it.effect("of an actor that suspended itself in its last handler is over at once", () =>
    Effect.gen(function* () {
      const worker = yield* spawnWorker("itself")
      yield* ask(worker, () => Actor.suspend(worker))
      const draining = yield* background(Ryker.drain(500))
      yield* TestClock.adjust(500)
      assert.deepInclude(yield* Fiber.join(draining), { outcome: "complete", millis: 0 })
    }).pipe(run)
  )
})

describe("suspending a keyed actor", () => {
  it.effect("keeps it resident beyond its idle time, and resuming starts that time anew", () =>
    Effect.gen(function* () {
      const { one, pack } = yield* residentOf({ idleAfter: 50 })
      yield* Actor.suspend(one)
      yield* TestClock.adjust(1_000)
      assert.deepStrictEqual(yield* pack.residents, ["a"])
      // With its state: it has not started anew.
      assert.deepInclude(yield* Actor.status(one), { _tag: "Suspended", incarnation: 1 })
      yield* Actor.resume(one)
      yield* TestClock.adjust(49)
      assert.deepStrictEqual(yield* pack.residents, ["a"])
      yield* TestClock.adjust(2)
      assert.deepStrictEqual(yield* pack.residents, [])
    }).pipe(run)
  )

  it.effect("that is suspended when its message in hand ends is passivated after it is resumed", () =>
    Effect.gen(function* () {
      const { one, pack } = yield* residentOf({ idleAfter: 50 })
      yield* tell(one, () => Effect.sleep(10))
      yield* settled
      yield* Actor.suspend(one)
      yield* TestClock.adjust(1_000)
      assert.deepStrictEqual(yield* pack.residents, ["a"])
      yield* Actor.resume(one)
      yield* TestClock.adjust(51)
      assert.deepStrictEqual(yield* pack.residents, [])
    }).pipe(run)
  )

  it.effect("that is not resident does nothing: its next message starts it, and is handled", () =>
    Effect.gen(function* () {
      const { pack } = yield* residentOf({})
      yield* Actor.suspend(pack.get("b"))
      assert.deepStrictEqual(yield* pack.residents, ["a"])
      assert.strictEqual(yield* ask(pack.get("b"), () => Effect.succeed("handled")), "handled")
    }).pipe(run)
  )

  it.effect("leaves the other ids alone", () =>
    Effect.gen(function* () {
      const { one, pack } = yield* residentOf({})
      yield* Actor.suspend(one)
      assert.strictEqual(yield* ask(pack.get("b"), () => Effect.succeed("handled")), "handled")
    }).pipe(run)
  )

  it.effect("keeps it resident over a stopSelf, and over a passivation that was under way", () =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const { one, pack } = yield* residentOf({ idleAfter: 50 })
      yield* tell(one, () => Effect.andThen(Effect.sleep(10), Actor.stopSelf))
      yield* settled
      yield* Actor.suspend(one)
      yield* TestClock.adjust(10)
      yield* settled
      assert.deepStrictEqual(yield* pack.residents, ["a"])
      yield* tell(one, note("a"))
      yield* settled
      assert.deepInclude(yield* Actor.status(one), { _tag: "Suspended", queued: 1 })
      yield* Actor.resume(one)
      yield* ask(one, () => Effect.addFinalizer(() => Effect.sleep(10)))
      yield* TestClock.adjust(55)
      assert.deepInclude(yield* Actor.status(one), { _tag: "Restarting" })
      yield* Actor.suspend(one)
      yield* TestClock.adjust(10)
      yield* settled
      yield* tell(one, note("b"))
      yield* settled
      assert.deepStrictEqual(ran, ["a"])
      yield* Actor.resume(one)
      yield* settled
      assert.deepStrictEqual(ran, ["a", "b"])
    }).pipe(run)
  )

  it.effect("outlasts a stopSelf in its message in hand: what is queued waits still", () =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const { one } = yield* residentOf({})
      yield* tell(one, () => Effect.andThen(Effect.sleep(10), Actor.stopSelf))
      yield* tell(one, note("queued"))
      yield* settled
      yield* Actor.suspend(one)
      yield* TestClock.adjust(100)
      yield* settled
      assert.deepStrictEqual(ran, [])
      assert.deepInclude(yield* Actor.status(one), { _tag: "Suspended", queued: 1 })
      yield* Actor.resume(one)
      yield* settled
      assert.deepStrictEqual(ran, ["queued"])
    }).pipe(run)
  )
})

describe("an actor that has ended", () => {
  it.effect("is neither suspended nor resumed, and no event says so", () =>
    Effect.gen(function* () {
      const worker = yield* spawnWorker("ended")
      yield* Actor.suspend(worker)
      yield* Actor.stop(worker)
      const events: Array<string> = []
      yield* background(Stream.runForEach(Ryker.events, ({ _tag }) => Effect.sync(() => events.push(_tag))))
      yield* Actor.suspend(worker)
      yield* Actor.resume(worker)
      yield* settled
      assert.deepStrictEqual(events, [])
      assert.deepStrictEqual(yield* Actor.status(worker), { _tag: "Stopped", reason: "Stopped" })
    }).pipe(run)
  )

  it.effect("and is started anew by its supervisor is not suspended any more", () =>
    Effect.gen(function* () {
      const layer = Top.toLayer({ children: [Worker.toLayer(workerHandlers, defaults)] })
      const context = yield* Layer.build(layer)
      const worker = Context.get(context, Worker)
      yield* Actor.suspend(worker)
      yield* Supervisor.terminateChild(Context.get(context, Top), "Worker")
      yield* Supervisor.restartChild(Context.get(context, Top), "Worker")
      assert.isTrue(Exit.isSuccess(yield* Effect.exit(ask(worker, () => Effect.void))))
    }).pipe(run)
  )

  it.effect("that is a supervisor is left alone: its children work on", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(Top.toLayer({ children: [Worker.toLayer(workerHandlers, defaults)] }))
      const top = Context.get(context, Top)
      yield* Actor.suspend(top)
      assert.deepInclude(yield* Actor.status(top), { _tag: "Running" })
      yield* ask(Context.get(context, Worker), () => Effect.void)
    }).pipe(run)
  )
})
