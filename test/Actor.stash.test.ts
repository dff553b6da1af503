/** Messages that a handler puts aside: their order, their bound, and what becomes of them in every kind of end. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import * as Ryker from "../src/Ryker.ts"
import {
  ask,
  background,
  entryOf,
  errorOf,
  type Job,
  settled,
  spawnWorker,
  tell,
  type WorkerHandle
} from "./Actor.fixtures.ts"
import { crash, each, letters, nameOf, packOf, run, spawn, treeOf } from "./Actor.kinds.ts"

// --- What the tests use -------------------------------------------------------------------------------------------------

/** Jobs that wait for a phase: they are put aside until it has come. */
const makePhase = () => {
  const ran: Array<string> = []
  let isReady = false
  return {
    ran,
    /** Notes its label, once it is ready. */
    note:
      (label: string): Job =>
      () =>
        Effect.suspend(() => {
          if (!isReady) return Actor.stash
          ran.push(label)
          return Effect.succeed(label)
        }),
    /** Notes its label in any case. */
    now:
      (label: string): Job =>
      () =>
        Effect.sync(() => ran.push(label)),
    ready: () =>
      Effect.suspend(() => {
        isReady = true
        return Actor.unstashAll
      }),
    /** Says that it is ready, and puts nothing back. */
    open: () => {
      isReady = true
    },
    /** Puts the next messages aside again. */
    notReady: () =>
      Effect.sync(() => {
        isReady = false
      })
  }
}

const queuedOf = (worker: WorkerHandle) =>
  Effect.map(Actor.status(worker), (status) => ("queued" in status ? status.queued : undefined))

// --- Order --------------------------------------------------------------------------------------------------------------

describe("a message that is put aside", () => {
  each("is handled later, in order and before what was queued, and its asker waits on", (make) =>
    Effect.gen(function* () {
      const { note, now, ran, ready } = makePhase()
      const worker = yield* make({})
      const a = yield* background(ask(worker, note("a")))
      yield* tell(worker, note("b"))
      const c = yield* background(ask(worker, note("c")))
      assert.deepStrictEqual([a.pollUnsafe(), c.pollUnsafe()], [undefined, undefined])
      assert.strictEqual(yield* queuedOf(worker), 3)
      yield* tell(worker, () => Effect.sleep(5))
      yield* settled
      yield* tell(worker, ready)
      yield* tell(worker, now("d"))
      yield* tell(worker, now("e"))
      yield* TestClock.adjust(5)
      assert.deepStrictEqual(ran, ["a", "b", "c", "d", "e"])
      assert.deepStrictEqual([yield* Fiber.join(a), yield* Fiber.join(c)], ["a", "c"])
    })
  )

  each("counts as queued: in the status, and in the ledger", (make) =>
    Effect.gen(function* () {
      const { note } = makePhase()
      const worker = yield* make({})
      for (const label of ["a", "b"]) yield* tell(worker, note(label))
      yield* settled
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", queued: 2, busy: false })
      const entry = yield* entryOf(nameOf(worker))
      assert.deepInclude(entry, { queued: 2, inHand: 0, failed: 0 })
    })
  )

  it.effect("and put aside again keeps its order, however often, also if others go through in between", () =>
    Effect.gen(function* () {
      const { note, notReady, now, ran, ready } = makePhase()
      const worker = yield* spawnWorker("again")
      for (const label of ["a", "b"]) yield* tell(worker, note(label))
      // All goes back, is put aside once more, behind nothing; `c` joins the others as the last.
      yield* tell(worker, () => Effect.andThen(Actor.unstashAll, notReady()))
      yield* tell(worker, now("x"))
      yield* tell(worker, note("c"))
      yield* tell(worker, () => Actor.unstashAll)
      yield* tell(worker, now("y"))
      yield* settled
      assert.deepStrictEqual(ran, ["x", "y"])
      assert.strictEqual(yield* queuedOf(worker), 3)
      yield* ask(worker, ready)
      yield* settled
      assert.deepStrictEqual(ran, ["x", "y", "a", "b", "c"])
    }).pipe(run)
  )

  it.effect("stays in order if all go back while some that went back before are not handled yet", () =>
    Effect.gen(function* () {
      const worker = yield* spawnWorker("nested")
      const ran: Array<string> = []
      const times = new Map<string, number>()
      /** Is put aside so many times before it is handled, and then puts all back. */
      const after =
        (label: string, stashes: number): Job =>
        () =>
          Effect.suspend(() => {
            const n = times.get(label) ?? 0
            times.set(label, n + 1)
            if (n < stashes) return Actor.stash
            ran.push(label)
            return Actor.unstashAll
          })
      yield* tell(worker, after("a", 2))
      yield* tell(worker, after("b", 1))
      yield* tell(worker, after("c", 1))
      yield* tell(worker, () => Actor.unstashAll)
      yield* settled
      // `a` is aside again when `b` puts it back: it comes before `c`.
      assert.deepStrictEqual(ran, ["b", "a", "c"])
    }).pipe(run)
  )

  it.effect("by a handler that ends the actor's not-ready phase itself is not lost", () =>
    Effect.gen(function* () {
      const { note, ran, ready } = makePhase()
      const worker = yield* spawnWorker("itself")
      yield* tell(worker, note("a"))
      // It puts all back, and then itself aside: it stays aside alone.
      yield* tell(worker, () => Effect.andThen(ready(), Actor.stash))
      yield* settled
      assert.deepStrictEqual(ran, ["a"])
      assert.strictEqual(yield* queuedOf(worker), 1)
    }).pipe(run)
  )

  it.effect("is not put back by a fiber of an earlier incarnation", () =>
    Effect.gen(function* () {
      const { note, open, ran } = makePhase()
      const worker = yield* spawn()
      yield* ask(worker, () => Effect.forkDetach(Effect.andThen(Effect.sleep(500), Actor.unstashAll)))
      yield* Effect.exit(ask(worker, crash))
      yield* TestClock.adjust(200)
      yield* tell(worker, note("a"))
      yield* settled
      open()
      yield* TestClock.adjust(500)
      assert.deepStrictEqual(ran, [])
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 2, queued: 1 })
    }).pipe(run)
  )

  it.effect("is put back by a timer, by a fiber of the actor's own, and by the end of a watch as well", () =>
    Effect.gen(function* () {
      const other = yield* spawnWorker("other")
      const ways: Record<string, (unstash: Effect.Effect<void, never, Actor.Self>) => Job> = {
        timer: (unstash) => () =>
          Effect.orDie(Effect.flatMap(Actor.timers, (timers) => timers.single("unstash", 10, unstash))),
        fiber: (unstash) => () => Effect.forkDetach(Effect.andThen(Effect.sleep(10), unstash)),
        watch: (unstash) => () => Actor.onDown(other, () => unstash)
      }
      for (const [way, job] of Object.entries(ways)) {
        const { note, ran, ready } = makePhase()
        const worker = yield* spawnWorker(way)
        yield* tell(worker, note("a"))
        yield* tell(worker, job(Effect.suspend(ready)))
        yield* TestClock.adjust(10)
        if (way === "watch") yield* Actor.stop(other)
        yield* settled
        assert.deepStrictEqual(ran, ["a"], way)
      }
    }).pipe(run)
  )
})

// --- Bounds -------------------------------------------------------------------------------------------------------------

describe("a full stash", () => {
  each("drops one more as a dead letter; its asker gets Busy, and those inside stay", (make) =>
    Effect.gen(function* () {
      const { note, ran, ready } = makePhase()
      const worker = yield* make({ stash: 2, capacity: 10 })
      const found = yield* letters
      for (const label of ["a", "b"]) yield* tell(worker, note(label))
      const refused = yield* Effect.flip(ask(worker, note("c")))
      assert.deepInclude(refused, { _tag: "Busy", actor: worker.address, limit: "stash", capacity: 2 })
      yield* TestClock.adjust(7)
      yield* tell(worker, note("d"))
      yield* settled
      const expected = { actor: worker.address, request: "Run", reason: "capacity" } as const
      assert.deepStrictEqual(found, [
        { ...expected, kind: "ask", age: 0 },
        { ...expected, kind: "tell", age: 0 }
      ])
      yield* ask(worker, ready)
      yield* settled
      assert.deepStrictEqual(ran, ["a", "b"])
      const { dropped, failed, refused: atTheDoor } = yield* entryOf(nameOf(worker))
      assert.deepStrictEqual([dropped.capacity, failed, atTheDoor.busy], [2, 0, 0])
    })
  )

  it.effect("has room again for each that leaves it: by deadline, by interruption, by going back", () =>
    Effect.gen(function* () {
      const { note, notReady, ran, ready } = makePhase()
      const worker = yield* spawnWorker("room", { stash: 1, capacity: 10 })
      const full = Effect.map(Effect.exit(ask(worker, note("probe"), { deadline: 1 })), (exit) => errorOf(exit))
      const late = yield* background(Effect.exit(ask(worker, note("late"), { deadline: 10 })))
      assert.deepInclude(yield* full, { _tag: "Busy" })
      yield* TestClock.adjust(10)
      assert.deepInclude(errorOf(yield* Fiber.join(late)), { _tag: "Timeout", phase: "queued", millis: 10 })
      const given = yield* background(ask(worker, note("given up")))
      assert.deepInclude(yield* full, { _tag: "Busy" })
      yield* Fiber.interrupt(given)
      yield* tell(worker, note("kept"))
      yield* settled
      assert.deepInclude(yield* full, { _tag: "Busy" })
      yield* ask(worker, ready)
      yield* ask(worker, notReady)
      yield* tell(worker, note("last"))
      yield* settled
      assert.deepInclude(yield* full, { _tag: "Busy" })
      assert.deepStrictEqual(ran, ["kept"])
      const { dropped } = yield* entryOf("Worker")
      assert.deepInclude(dropped, { capacity: 4, deadline: 1, interrupted: 1 })
    }).pipe(run)
  )

  it.effect("takes as many as the capacity unless it is told otherwise", () =>
    Effect.gen(function* () {
      const worker = yield* spawnWorker("default", { capacity: 1 })
      yield* tell(worker, () => Actor.stash)
      yield* settled
      const refused = yield* Effect.flip(ask(worker, () => Actor.stash))
      assert.deepInclude(refused, { _tag: "Busy", limit: "stash", capacity: 1 })
    }).pipe(run)
  )

  it.effect("of size 0 takes none", () =>
    Effect.gen(function* () {
      const worker = yield* spawnWorker("none", { stash: 0 })
      assert.deepInclude(yield* Effect.flip(ask(worker, () => Actor.stash)), {
        _tag: "Busy",
        limit: "stash",
        capacity: 0
      })
    }).pipe(run)
  )

  for (const stash of [-1, 1.5, Number.NaN]) {
    it.effect(`of size ${stash} is refused at the start`, () =>
      Effect.gen(function* () {
        const refused = yield* Effect.flip(spawnWorker("wrong", { stash }))
        assert.deepInclude(refused, { _tag: "InvalidOption", option: "stash" })
      }).pipe(run)
    )
  }
})

describe("the mailbox's bound", () => {
  it.effect("does not count what is aside, and counts what has gone back until it has been handled", () =>
    Effect.gen(function* () {
      const { note, now, ran, ready } = makePhase()
      const worker = yield* spawnWorker("bound", { capacity: 2, stash: 3 })
      for (const label of ["a", "b", "c"]) {
        yield* tell(worker, note(label))
        yield* settled
      }
      // Three are aside, and there is room for two.
      yield* Actor.suspend(worker)
      yield* tell(worker, () => Effect.andThen(ready(), Effect.sleep(5)))
      yield* tell(worker, now("d"))
      const busy = Effect.map(Effect.flip(tell(worker, now("x"))), ({ _tag }) => _tag)
      assert.strictEqual(yield* busy, "Busy")
      yield* Actor.resume(worker)
      yield* settled
      // In hand is the one that put all back: four wait, with room for two.
      assert.strictEqual(yield* queuedOf(worker), 4)
      assert.strictEqual(yield* busy, "Busy")
      yield* TestClock.adjust(5)
      assert.deepStrictEqual(ran, ["a", "b", "c", "d"])
      for (const label of ["e", "f"]) yield* tell(worker, now(label))
      assert.strictEqual(yield* busy, "Busy")
      yield* settled
      assert.deepStrictEqual(ran, ["a", "b", "c", "d", "e", "f"])
    }).pipe(run)
  )

  it.effect("holds at each step while what has gone back is handled one by one", () =>
    Effect.gen(function* () {
      const { note, now, ready } = makePhase()
      const worker = yield* spawnWorker("steps", { capacity: 2, stash: 3 })
      const slow = (label: string): Job => {
        const job = note(label)
        return () => Effect.andThen(job(), Effect.sleep(10))
      }
      for (const label of ["a", "b", "c"]) {
        yield* tell(worker, slow(label))
        yield* settled
      }
      yield* tell(worker, ready)
      yield* settled
      // `a` is in hand; `b` and `c` fill the mailbox.
      const offer = Effect.map(Effect.exit(tell(worker, now("x"))), (exit) => Exit.isSuccess(exit))
      const taken: Array<boolean> = [yield* offer]
      for (let step = 0; step < 3; step++) {
        yield* TestClock.adjust(10)
        taken.push(yield* offer, yield* offer)
      }
      assert.deepStrictEqual(taken, [false, true, false, true, false, true, true])
      yield* settled
    }).pipe(run)
  )
})

// --- Deadlines and interruptions ----------------------------------------------------------------------------------------

describe("a stashed message", () => {
  each("times out at its deadline as one that never ran, and never runs", (make) =>
    Effect.gen(function* () {
      const { note, ran, ready } = makePhase()
      const worker = yield* make({})
      const found = yield* letters
      const asker = yield* background(Effect.exit(ask(worker, note("a"), { deadline: 50 })))
      yield* tell(worker, note("b"), { deadline: 50 })
      yield* TestClock.adjust(49)
      assert.strictEqual(yield* queuedOf(worker), 2)
      yield* TestClock.adjust(1)
      assert.deepInclude(errorOf(yield* Fiber.join(asker)), { _tag: "Timeout", phase: "queued", millis: 50 })
      assert.deepStrictEqual(
        found.map(({ age, kind, reason }) => [kind, reason, age]),
        [
          ["ask", "deadline", 50],
          ["tell", "deadline", 50]
        ]
      )
      yield* ask(worker, ready)
      yield* settled
      assert.deepStrictEqual(ran, [])
    })
  )

  it.effect("times out also after it has gone back to the mailbox, and in the backoff of a restart", () =>
    Effect.gen(function* () {
      for (const back of [() => Effect.andThen(Actor.unstashAll, Effect.sleep(60)), crash]) {
        const { note, ran } = makePhase()
        const worker = yield* spawn()
        const asker = yield* background(Effect.exit(ask(worker, note("a"), { deadline: 50 })))
        yield* background(Effect.exit(ask(worker, back)))
        yield* TestClock.adjust(50)
        assert.deepInclude(errorOf(yield* Fiber.join(asker)), { _tag: "Timeout", phase: "queued" })
        yield* TestClock.adjust(500)
        assert.deepStrictEqual(ran, [])
        assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", queued: 0 })
      }
    }).pipe(run)
  )

  it.effect("whose asker is interrupted leaves: aside, gone back, or in the backoff", () =>
    Effect.gen(function* () {
      const phases: Record<string, (worker: WorkerHandle) => Effect.Effect<unknown, unknown>> = {
        aside: () => Effect.void,
        "gone back": (worker) => tell(worker, () => Effect.andThen(Actor.unstashAll, Effect.sleep(60))),
        "backing off": (worker) => tell(worker, crash)
      }
      for (const [phase, go] of Object.entries(phases)) {
        const { note, ran, ready } = makePhase()
        const worker = yield* spawn()
        const asker = yield* background(ask(worker, note("a")))
        yield* tell(worker, note("b"))
        yield* settled
        yield* go(worker)
        yield* settled
        yield* Fiber.interrupt(asker)
        assert.strictEqual(yield* queuedOf(worker), 1, phase)
        yield* TestClock.adjust(500)
        yield* ask(worker, ready)
        yield* settled
        assert.deepStrictEqual(ran, ["b"], phase)
      }
    }).pipe(run)
  )

  it.effect("is waited for: an actor that asks the one that waits for it gets Deadlock", () =>
    Effect.gen(function* () {
      const first = yield* spawnWorker("first")
      const second = yield* spawnWorker("second")
      yield* background(Effect.exit(ask(first, () => ask(second, () => Actor.stash))))
      const error = yield* ask(second, () => Effect.flip(ask(first, () => Effect.void)) as Effect.Effect<unknown>)
      assert.deepInclude(error, { _tag: "Deadlock", cycle: ["second", "first", "second"] })
    }).pipe(run)
  )
})

// --- Ends of all kinds --------------------------------------------------------------------------------------------------

describe("at the end of an incarnation, what is aside", () => {
  each("goes back first and in order after a crash", (make) =>
    Effect.gen(function* () {
      const { note, now, open, ran } = makePhase()
      const worker = yield* make({})
      const a = yield* background(ask(worker, note("a")))
      yield* tell(worker, note("b"))
      yield* tell(worker, () => Effect.andThen(Effect.sleep(5), crash()))
      yield* settled
      yield* tell(worker, now("c"))
      yield* TestClock.adjust(5)
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Restarting", queued: 3 })
      open()
      yield* TestClock.adjust(100)
      yield* settled
      assert.deepStrictEqual(ran, ["a", "b", "c"])
      assert.strictEqual(yield* Fiber.join(a), "a")
    })
  )

  it.effect("is kept by a sibling that is restarted with its group, also if that had a message in hand", () =>
    Effect.gen(function* () {
      const { note, now, open, ran } = makePhase()
      const { sibling, worker } = yield* treeOf()
      yield* tell(worker, note("a"))
      yield* tell(worker, note("b"))
      const inHand = yield* background(Effect.exit(ask(worker, () => Effect.never)))
      yield* tell(worker, now("c"))
      open()
      yield* Effect.exit(ask(sibling, crash))
      yield* TestClock.adjust(100)
      yield* settled
      assert.deepInclude(errorOf(yield* Fiber.join(inHand)), { _tag: "Crashed", sibling: "Sibling" })
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 2, queued: 0 })
      assert.deepStrictEqual(ran, ["a", "b", "c"])
    }).pipe(run)
  )

  it.effect("is dropped with the rest when the restart intensity is exceeded", () =>
    Effect.gen(function* () {
      const worker = yield* spawnWorker("rapid", { intensity: { restarts: 0 } })
      const found = yield* letters
      const asker = yield* background(Effect.exit(ask(worker, () => Actor.stash)))
      yield* tell(worker, () => Actor.stash)
      yield* Effect.exit(ask(worker, crash))
      yield* settled
      assert.deepInclude(errorOf(yield* Fiber.join(asker)), { _tag: "Stopped", reason: "RapidFail", phase: "queued" })
      assert.deepStrictEqual(
        found.map(({ kind, reason }) => `${kind} ${reason}`),
        ["ask rapid_fail", "tell rapid_fail"]
      )
    }).pipe(run)
  )

  each("is waited for by a stop, and handled if it goes back in time", (make) =>
    Effect.gen(function* () {
      const { note, ran, ready } = makePhase()
      const worker = yield* make({})
      const asker = yield* background(ask(worker, note("a")))
      yield* ask(worker, () =>
        Effect.orDie(Effect.flatMap(Actor.timers, (timers) => timers.single("ready", 30, Effect.suspend(ready))))
      )
      const stopping = yield* background(Actor.stop(worker, { deadline: 100 }))
      yield* TestClock.adjust(29)
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Stopping", queued: 1 })
      yield* TestClock.adjust(1)
      yield* Fiber.join(stopping)
      assert.deepStrictEqual([ran, yield* Fiber.join(asker)], [["a"], "a"])
      assert.strictEqual(yield* Clock.currentTimeMillis, 30)
    })
  )

  each("is dropped at the deadline of a stop", (make) =>
    Effect.gen(function* () {
      const { note, ran } = makePhase()
      const worker = yield* make({})
      const found = yield* letters
      const asker = yield* background(Effect.exit(ask(worker, note("a"))))
      yield* tell(worker, note("b"))
      yield* settled
      const stopping = yield* background(Actor.stop(worker, { deadline: 100 }))
      yield* TestClock.adjust(100)
      yield* Fiber.join(stopping)
      assert.deepInclude(errorOf(yield* Fiber.join(asker)), { _tag: "Stopped", reason: "Stopped", phase: "queued" })
      assert.deepStrictEqual(
        found.map(({ kind, reason }) => `${kind} ${reason}`),
        ["ask shutdown", "tell shutdown"]
      )
      assert.deepStrictEqual(ran, [])
    })
  )

  each("is waited for by a drain, and accounted for in its report", (make) =>
    Effect.gen(function* () {
      const worker = yield* make({})
      yield* tell(worker, () => Actor.stash)
      yield* tell(worker, () => Actor.stash)
      yield* settled
      const draining = yield* background(Ryker.drain(100))
      yield* TestClock.adjust(99)
      assert.isUndefined(draining.pollUnsafe())
      yield* TestClock.adjust(1)
      const report = yield* Fiber.join(draining)
      const name = nameOf(worker)
      assert.strictEqual(report.outcome, "incomplete")
      assert.deepStrictEqual(
        report.actors.filter(({ actor }) => actor === name),
        [{ actor: name, handled: 0, failed: 0, dropped: 2, abandoned: 0 }]
      )
    })
  )

  it.effect("is kept by a keyed actor that would otherwise be passivated", () =>
    Effect.gen(function* () {
      const { note, ran, ready } = makePhase()
      const pack = yield* packOf({ idleAfter: 50 })
      yield* tell(pack.get("a"), note("a"))
      yield* TestClock.adjust(500)
      assert.deepStrictEqual(yield* pack.residents, ["a"])
      yield* ask(pack.get("a"), ready)
      yield* settled
      assert.deepStrictEqual(ran, ["a"])
      yield* TestClock.adjust(51)
      assert.deepStrictEqual(yield* pack.residents, [])
    }).pipe(run)
  )
})

// --- Where a handler stashes --------------------------------------------------------------------------------------------

describe("Actor.stash", () => {
  /** Runs a job that stashes the first time; says what became of the ask, and how often the job ran. */
  const outcomeOf = (first: Job) =>
    Effect.gen(function* () {
      const worker = yield* spawn()
      let runs = 0
      const job: Job = () => (++runs === 1 ? first() : Effect.succeed("later"))
      const asker = yield* background(Effect.exit(ask(worker, job, { deadline: 500 })))
      yield* TestClock.adjust(100)
      yield* Effect.ignore(tell(worker, () => Actor.unstashAll))
      yield* TestClock.adjust(1_000)
      const exit = yield* Fiber.join(asker)
      return { runs, answer: Exit.isSuccess(exit) ? exit.value : errorOf(exit)._tag }
    })

  const later = { runs: 2, answer: "later" }

  const cases: Record<
    string,
    { readonly job: Job; readonly gives: { readonly runs: number; readonly answer: unknown } }
  > = {
    "at once": { job: () => Actor.stash, gives: later },
    "after a while": { job: () => Effect.andThen(Effect.sleep(10), Actor.stash), gives: later },
    "in an uninterruptible region": { job: () => Effect.uninterruptible(Actor.stash), gives: later },
    "in an uninterruptible region, after a while": {
      job: () => Effect.uninterruptible(Effect.andThen(Effect.sleep(10), Actor.stash)),
      gives: later
    },
    "with a finalizer that takes its time": { job: () => Effect.ensuring(Actor.stash, Effect.sleep(10)), gives: later },
    "in a fiber that the handler joins": {
      job: () => Effect.flatMap(Effect.forkChild(Actor.stash), Fiber.join),
      gives: later
    },
    "in one of several effects at once": {
      job: () => Effect.all([Effect.sleep(10), Actor.stash], { concurrency: 2 }),
      gives: later
    },
    "in a forked fiber that nobody joins, which has no say": {
      job: () => Effect.andThen(Effect.forkChild(Actor.stash), Effect.as(Effect.sleep(10), "first")),
      gives: { runs: 1, answer: "first" }
    },
    "in a forked fiber that runs at once, which has no say either": {
      job: () =>
        Effect.andThen(Effect.forkChild(Actor.stash, { startImmediately: true }), Effect.as(Effect.sleep(10), "first")),
      gives: { runs: 1, answer: "first" }
    },
    "that is caught, by a handler that answers": {
      job: () => Effect.as(Effect.exit(Actor.stash), "first"),
      gives: { runs: 1, answer: "first" }
    },
    "that is caught, by a handler that answers after a while": {
      job: () => Effect.andThen(Effect.exit(Actor.stash), Effect.as(Effect.sleep(10), "first")),
      gives: { runs: 1, answer: "first" }
    },
    "that is caught after a while, by a handler that answers after a while": {
      job: () =>
        Effect.andThen(
          Effect.sleep(10),
          Effect.andThen(Effect.exit(Actor.stash), Effect.as(Effect.sleep(10), "first"))
        ),
      gives: { runs: 1, answer: "first" }
    },
    "that is caught, by a handler that interrupts itself all the same": {
      job: () => Effect.catchCause(Actor.stash, () => Effect.interrupt),
      gives: later
    },
    "that is caught, by a handler that crashes": {
      job: () => Effect.catchCause(Actor.stash, () => crash()),
      gives: { runs: 1, answer: "Crashed" }
    },
    "with a finalizer that crashes": {
      job: () => Effect.ensuring(Actor.stash, Effect.die("on purpose")),
      gives: { runs: 1, answer: "Crashed" }
    },
    "after the deadline has come, in a finalizer": {
      job: () => Effect.onInterrupt(Effect.sleep(10_000), () => Actor.stash),
      gives: { runs: 1, answer: "Timeout" }
    },
    "that is caught, by a handler that then overruns its deadline": {
      job: () => Effect.andThen(Effect.exit(Actor.stash), Effect.never),
      gives: { runs: 1, answer: "Timeout" }
    }
  }
  for (const [where, { gives, job }] of Object.entries(cases)) {
    it.effect(where, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* outcomeOf(job), gives)
      }).pipe(run)
    )
  }

  it.effect("ends the handler there, runs its finalizers before the next message, and then puts it aside", () =>
    Effect.gen(function* () {
      const worker = yield* spawnWorker("finalizers")
      const trace: Array<string> = []
      const push = (what: string) => Effect.sync(() => void trace.push(what))
      yield* tell(worker, () =>
        Actor.stash.pipe(
          Effect.andThen(push("the rest of it")),
          Effect.ensuring(Effect.andThen(Effect.sleep(10), push("finalized")))
        )
      )
      yield* tell(worker, () => push("next"))
      yield* settled
      assert.deepInclude(yield* Actor.status(worker), { queued: 1, busy: true })
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(trace, ["finalized", "next"])
      assert.deepInclude(yield* Actor.status(worker), { queued: 1, busy: false })
    }).pipe(run)
  )

  it.effect("is overtaken by the deadline and by an interrupted asker while finalizers run: nothing is put aside", () =>
    Effect.gen(function* () {
      const worker = yield* spawnWorker("overtaken")
      const job: Job = () => Effect.ensuring(Actor.stash, Effect.sleep(10))
      const late = yield* background(Effect.exit(ask(worker, job, { deadline: 5 })))
      yield* TestClock.adjust(5)
      assert.deepInclude(errorOf(yield* Fiber.join(late)), { _tag: "Timeout", phase: "running" })
      yield* TestClock.adjust(5)
      assert.deepInclude(yield* Actor.status(worker), { queued: 0, busy: false })
      const given = yield* background(ask(worker, job))
      yield* Fiber.interrupt(given)
      yield* TestClock.adjust(10)
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 1, queued: 0, busy: false })
      assert.deepInclude(yield* entryOf("Worker"), { accepted: 2, handled: 0, failed: 2 })
    }).pipe(run)
  )

  it.effect("is overtaken by the end of a stop's time while finalizers run", () =>
    Effect.gen(function* () {
      const worker = yield* spawnWorker("stopped")
      const asker = yield* background(Effect.exit(ask(worker, () => Effect.ensuring(Actor.stash, Effect.sleep(100)))))
      const stopping = yield* background(Actor.stop(worker, { deadline: 10 }))
      yield* TestClock.adjust(10)
      yield* Fiber.join(stopping)
      assert.deepInclude(errorOf(yield* Fiber.join(asker)), { _tag: "Stopped", phase: "running" })
      yield* TestClock.adjust(100)
      assert.deepInclude(yield* entryOf("Worker"), { accepted: 1, failed: 1, queued: 0, inHand: 0 })
    }).pipe(run)
  )

  it.effect("in a fiber whose handler has answered, and outside of actors, only interrupts", () =>
    Effect.gen(function* () {
      const worker = yield* spawnWorker("answered")
      const exits: Array<Exit.Exit<unknown, unknown>> = []
      yield* ask(worker, () =>
        Effect.forkDetach(
          Effect.sleep(10).pipe(
            Effect.andThen(Actor.stash),
            Effect.onExit((exit) => Effect.sync(() => exits.push(exit)))
          )
        )
      )
      yield* background(ask(worker, () => Effect.sleep(20)))
      yield* TestClock.adjust(20)
      exits.push(yield* Effect.exit(Effect.provideService(Actor.stash, Actor.Self, Actor.Self.of(nobody))))
      assert.deepStrictEqual(
        exits.map((exit) => Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)),
        [true, true]
      )
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 1, queued: 0, busy: false })
      assert.deepInclude(yield* entryOf("Worker"), { accepted: 2, handled: 2 })
    }).pipe(run)
  )
})

/** For running what asks for `Self` outside of an actor. */
const nobody = { name: "nobody", address: "nobody", id: undefined, incarnation: 0 }
