/** Delivering a message again whose handler crashed, and giving it up in the end. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import * as Ryker from "../src/Ryker.ts"
import { ask, background, entryOf, errorOf, type Job, settled, tell, Worker, workerHandlers } from "./Actor.fixtures.ts"
import { crash, each, letters, nameOf, pass, run, spawn, treeOf } from "./Actor.kinds.ts"

// --- What the tests use -------------------------------------------------------------------------------------------------

/** Crashes are many here, and none of them is to wait for longer than the others. */
const often: Actor.Options = { backoff: { base: 100, cap: 100, jitter: false }, intensity: { restarts: 100 } }

/** Jobs that note each of their deliveries, and crash at the first `crashes` of them. */
const makeNotes = () => {
  const ran: Array<string> = []
  const note =
    (label: string, crashes = 0, end: Effect.Effect<unknown> = crash()): Job =>
    () =>
      Effect.suspend(() => {
        ran.push(label)
        const n = ran.filter((other) => other === label).length
        return n <= crashes ? end : Effect.succeed(`${label}${n}`)
      })
  return { ran, note }
}

describe("redeliver of a temporary actor", () => {
  it.effect("delivers nothing again, as there is nobody to deliver to: the asker gets Crashed", () =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* Actor.spawn(Worker, workerHandlers, { redeliver: 3, restart: "temporary" })
      const error = yield* Effect.flip(ask(worker, note("a", Infinity)))
      assert.deepInclude(error, { _tag: "Crashed", incarnation: 1 })
      assert.deepStrictEqual(ran, ["a"])
      assert.deepInclude(yield* entryOf("Worker"), { failed: 1, queued: 0 })
    }).pipe(run)
  )
})

// --- How often ----------------------------------------------------------------------------------------------------------

describe("redeliver", () => {
  for (const redeliver of [0, 1, 2, 5]) {
    each(
      `: ${redeliver} delivers a message that always crashes ${redeliver + 1} times, and others in order after it`,
      (make) =>
        Effect.gen(function* () {
          const { note, ran } = makeNotes()
          const worker = yield* make({ ...often, redeliver })
          const found = yield* letters
          const asker = yield* background(Effect.exit(ask(worker, note("a", Infinity))))
          yield* tell(worker, note("b"))
          const c = yield* background(ask(worker, note("c")))
          yield* pass(1_000)
          assert.deepStrictEqual(ran, [...Array.from({ length: redeliver + 1 }, () => "a"), "b", "c"])
          assert.deepInclude(errorOf(yield* Fiber.join(asker)), { _tag: "Crashed", incarnation: redeliver + 1 })
          assert.strictEqual(yield* Fiber.join(c), "c1")
          const { crashes, dropped, failed } = yield* entryOf(nameOf(worker))
          assert.deepStrictEqual(
            { crashes, poison: dropped.poison, failed },
            redeliver === 0 ? { crashes: 1, poison: 0, failed: 1 } : { crashes: redeliver + 1, poison: 1, failed: 0 }
          )
          const letter = { actor: worker.address, request: "Run", reason: "poison", kind: "ask" }
          assert.deepStrictEqual(
            found.map(({ actor, kind, reason, request }) => ({ actor, request, reason, kind })),
            redeliver === 0 ? [] : [letter]
          )
        })
    )
  }

  each("answers the asker with what a later delivery gives; the asker hears nothing of the crash", (make) =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* make({ ...often, redeliver: 2 })
      const asker = yield* background(ask(worker, note("a", 2)))
      assert.isUndefined(asker.pollUnsafe())
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Restarting", queued: 1 })
      yield* pass(500)
      assert.strictEqual(yield* Fiber.join(asker), "a3")
      assert.deepStrictEqual(ran, ["a", "a", "a"])
      const { crashes, failed } = yield* entryOf(nameOf(worker))
      assert.deepStrictEqual({ crashes, failed }, { crashes: 2, failed: 0 })
    })
  )

  it.effect("works for tells, and the poison is a dead letter with its age", () =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* spawn({ ...often, redeliver: 1 })
      const found = yield* letters
      yield* TestClock.adjust(1_000)
      yield* tell(worker, note("a", Infinity))
      yield* tell(worker, note("b", 1))
      yield* pass(1_000)
      assert.deepStrictEqual(ran, ["a", "a", "b", "b"])
      assert.deepStrictEqual(found, [
        { actor: worker.address, request: "Run", reason: "poison", kind: "tell", age: 100 }
      ])
    }).pipe(run)
  )

  it.effect("counts for each message by itself", () =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* spawn({ ...often, redeliver: 1 })
      for (const label of ["a", "b", "c"]) yield* tell(worker, note(label, 1))
      yield* pass(1_000)
      assert.deepStrictEqual(ran, ["a", "a", "b", "b", "c", "c"])
      assert.deepInclude(yield* entryOf("Worker"), { handled: 3, failed: 0, crashes: 3 })
    }).pipe(run)
  )

  it.effect(
    "does not deliver again what ended otherwise: a typed failure, a deadline, an interrupted asker, a stop",
    () =>
      Effect.gen(function* () {
        const { note, ran } = makeNotes()
        const worker = yield* spawn({ ...often, redeliver: 3 })
        const gone = yield* spawn({})
        yield* Actor.stop(gone)
        const failing = yield* Effect.flip(
          ask(worker, () =>
            Effect.andThen(
              note("failing")(),
              ask(gone, () => Effect.void)
            )
          )
        )
        assert.deepInclude(failing, { _tag: "Stopped", actor: gone.address })
        const late = yield* background(Effect.exit(ask(worker, note("late", 1, Effect.never), { deadline: 10 })))
        yield* pass(10)
        assert.deepInclude(errorOf(yield* Fiber.join(late)), { _tag: "Timeout", phase: "running" })
        const given = yield* background(ask(worker, note("given up", 1, Effect.never)))
        yield* Fiber.interrupt(given)
        const cut = yield* background(Effect.exit(ask(worker, note("cut off", 1, Effect.never))))
        yield* Actor.stop(worker, { deadline: 0 })
        assert.deepInclude(errorOf(yield* Fiber.join(cut)), { _tag: "Stopped", phase: "running" })
        yield* pass(500)
        assert.deepStrictEqual(ran, ["failing", "late", "given up", "cut off"])
      }).pipe(run)
  )

  it.effect("does not deliver again what crashes when it is interrupted at its deadline, or as nobody waits", () =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* spawn({ ...often, redeliver: 3 })
      const end = Effect.onInterrupt(Effect.never, () => Effect.die("on purpose"))
      const late = yield* background(Effect.exit(ask(worker, note("late", 9, end), { deadline: 10 })))
      yield* pass(500)
      assert.deepInclude(errorOf(yield* Fiber.join(late)), { _tag: "Timeout", phase: "running" })
      const given = yield* background(ask(worker, note("given up", 9, end)))
      yield* Fiber.interrupt(given)
      yield* pass(500)
      assert.deepStrictEqual(ran, ["late", "given up"])
      assert.deepInclude(yield* entryOf("Worker"), { failed: 2, handled: 0, crashes: 2 })
    }).pipe(run)
  )

  it.effect("delivers again what was interrupted by itself, as that is a crash", () =>
    Effect.gen(function* () {
      const { note } = makeNotes()
      const worker = yield* spawn({ ...often, redeliver: 1 })
      const asker = yield* background(ask(worker, note("a", 1, Effect.interrupt)))
      yield* pass(200)
      assert.strictEqual(yield* Fiber.join(asker), "a2")
    }).pipe(run)
  )

  it.effect("does not deliver again the message in hand of a sibling that is restarted with its group", () =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const { sibling, worker } = yield* treeOf({ ...often, redeliver: 3 })
      const inHand = yield* background(Effect.exit(ask(worker, note("in hand", 1, Effect.never))))
      yield* tell(worker, note("queued"))
      const poison = yield* background(ask(sibling, note("poison", 1)))
      yield* pass(500)
      assert.deepInclude(errorOf(yield* Fiber.join(inHand)), { _tag: "Crashed", sibling: "Sibling" })
      assert.strictEqual(yield* Fiber.join(poison), "poison2")
      assert.deepStrictEqual(ran.toSorted(), ["in hand", "poison", "poison", "queued"])
    }).pipe(run)
  )

  for (const redeliver of [-1, 0.5, Number.NaN, Infinity]) {
    it.effect(`of ${redeliver} is refused at the start`, () =>
      Effect.gen(function* () {
        assert.deepInclude(yield* Effect.flip(spawn({ ...often, redeliver })), {
          _tag: "InvalidOption",
          option: "redeliver"
        })
      }).pipe(run)
    )
  }
})

// --- Between two deliveries ---------------------------------------------------------------------------------------------

describe("a message that was delivered and waits to be delivered again", () => {
  each("times out as one that ran, and is not delivered again", (make) =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* make({ ...often, redeliver: 3 })
      const asker = yield* background(Effect.exit(ask(worker, note("a", 9), { deadline: 50 })))
      const queued = yield* background(Effect.exit(ask(worker, note("b"), { deadline: 50 })))
      yield* pass(500)
      assert.deepInclude(errorOf(yield* Fiber.join(asker)), { _tag: "Timeout", phase: "running", millis: 50 })
      assert.deepInclude(errorOf(yield* Fiber.join(queued)), { _tag: "Timeout", phase: "queued", millis: 50 })
      assert.deepStrictEqual(ran, ["a"])
      assert.strictEqual((yield* entryOf(nameOf(worker))).dropped.deadline, 2)
    })
  )

  each("is withdrawn when its asker is interrupted", (make) =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* make({ ...often, redeliver: 3 })
      const asker = yield* background(ask(worker, note("a", 9)))
      yield* tell(worker, note("b"))
      yield* Fiber.interrupt(asker)
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Restarting", queued: 1 })
      yield* pass(500)
      assert.deepStrictEqual(ran, ["a", "b"])
      assert.strictEqual((yield* entryOf(nameOf(worker))).dropped.interrupted, 1)
    })
  )

  each("is dropped at a stop's deadline as one that ran", (make) =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* make({ ...often, redeliver: 3 })
      const asker = yield* background(Effect.exit(ask(worker, note("a", 9))))
      const queued = yield* background(Effect.exit(ask(worker, note("b"))))
      yield* background(Actor.stop(worker, { deadline: 50 }))
      yield* pass(100)
      assert.deepInclude(errorOf(yield* Fiber.join(asker)), { _tag: "Stopped", reason: "Stopped", phase: "running" })
      assert.deepInclude(errorOf(yield* Fiber.join(queued)), { _tag: "Stopped", reason: "Stopped", phase: "queued" })
      assert.deepStrictEqual(ran, ["a"])
    })
  )

  it.effect("is delivered again within a stop's time, and within a drain's", () =>
    Effect.gen(function* () {
      const { note } = makeNotes()
      const stopped = yield* spawn({ ...often, redeliver: 1 })
      const drained = yield* spawn({ ...often, redeliver: 1 })
      const first = yield* background(ask(stopped, note("a", 1)))
      yield* background(Actor.stop(stopped, { deadline: 500 }))
      const second = yield* background(ask(drained, note("b", 1)))
      const draining = yield* background(Ryker.drain(1_000))
      yield* pass(300)
      assert.deepStrictEqual([yield* Fiber.join(first), yield* Fiber.join(second)], ["a2", "b2"])
      assert.deepInclude(yield* Fiber.join(draining), { outcome: "complete" })
    }).pipe(run)
  )

  each("is dropped when the restart intensity is exceeded, as one that ran", (make) =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* make({ ...often, redeliver: 9, intensity: { restarts: 1 } })
      const found = yield* letters
      const asker = yield* background(Effect.exit(ask(worker, note("a", 9))))
      const queued = yield* background(Effect.exit(ask(worker, note("b"))))
      yield* pass(105)
      assert.deepInclude(errorOf(yield* Fiber.join(asker)), { _tag: "Stopped", reason: "RapidFail", phase: "running" })
      assert.deepInclude(errorOf(yield* Fiber.join(queued)), { _tag: "Stopped", reason: "RapidFail", phase: "queued" })
      assert.deepStrictEqual(ran, ["a", "a"])
      assert.deepStrictEqual(
        found.map(({ reason }) => reason),
        ["rapid_fail", "rapid_fail"]
      )
    })
  )

  it.effect("in an actor that is not restarted gives its asker an error at once, and is accounted for", () =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* spawn({ ...often, redeliver: 3, restart: "temporary" })
      const exit = yield* Effect.exit(ask(worker, note("a", 9)))
      assert.isTrue(Exit.isFailure(exit))
      assert.strictEqual(yield* Actor.awaitStopped(worker), "Crashed")
      yield* pass(500)
      assert.deepStrictEqual(ran, ["a"])
    }).pipe(run)
  )

  it.effect("is kept over starts that fail, which are no deliveries", () =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      let starts = 0
      const build = Effect.suspend(() => {
        starts++
        return starts === 2 || starts === 3 ? Effect.die("on purpose") : Effect.succeed(workerHandlers)
      })
      const worker = yield* spawn({ ...often, redeliver: 1 }, build)
      const asker = yield* background(ask(worker, note("a", 1)))
      yield* pass(500)
      assert.strictEqual(yield* Fiber.join(asker), "a2")
      assert.deepStrictEqual([ran, starts], [["a", "a"], 4])
    }).pipe(run)
  )

  it.effect("counts against the bound: there is no more room than before", () =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* spawn({ ...often, redeliver: 1, capacity: 2 })
      yield* tell(worker, note("a", 1))
      yield* settled
      yield* tell(worker, note("b"))
      assert.strictEqual((yield* Effect.flip(tell(worker, note("no"))))._tag, "Busy")
      yield* pass(200)
      for (const label of ["c", "d"]) yield* tell(worker, note(label))
      assert.strictEqual((yield* Effect.flip(tell(worker, note("no"))))._tag, "Busy")
      yield* settled
      assert.deepStrictEqual(ran, ["a", "a", "b", "c", "d"])
    }).pipe(run)
  )

  it.effect("into a full mailbox is put back all the same, in front", () =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* spawn({ ...often, redeliver: 1, capacity: 2 })
      yield* tell(worker, note("a", 1, Effect.andThen(Effect.sleep(10), crash())))
      yield* settled
      for (const label of ["b", "c"]) yield* tell(worker, note(label))
      yield* pass(10)
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Restarting", queued: 3 })
      yield* pass(200)
      assert.deepStrictEqual(ran, ["a", "a", "b", "c"])
    }).pipe(run)
  )

  it.effect("waits while the actor is suspended", () =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* spawn({ ...often, redeliver: 1 })
      yield* tell(worker, note("a", 1))
      yield* settled
      yield* Actor.suspend(worker)
      yield* pass(200)
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Suspended", incarnation: 2, queued: 1 })
      assert.deepStrictEqual(ran, ["a"])
      yield* Actor.resume(worker)
      yield* settled
      assert.deepStrictEqual(ran, ["a", "a"])
    }).pipe(run)
  )

  it.effect("waits for others no more: who asked through it gets no false Deadlock", () =>
    Effect.gen(function* () {
      const worker = yield* spawn({ ...often, redeliver: 1 })
      const other = yield* spawn({})
      let runs = 0
      // The first delivery leaves an ask behind when it crashes.
      const asker = yield* background(
        ask(worker, () =>
          ++runs === 1
            ? Effect.andThen(
                Effect.forkDetach(
                  ask(other, () => Effect.sleep(50)),
                  { startImmediately: true }
                ),
                crash()
              )
            : Effect.succeed("done")
        )
      )
      const back = yield* background(ask(other, () => ask(worker, () => Effect.succeed("no cycle"))))
      yield* pass(500)
      assert.deepStrictEqual([yield* Fiber.join(asker), yield* Fiber.join(back)], ["done", "no cycle"])
    }).pipe(run)
  )
})

describe("redeliver and the stash", () => {
  it.effect("count no delivery for a time that ended in the stash", () =>
    Effect.gen(function* () {
      const worker = yield* spawn({ ...often, redeliver: 1 })
      const ran: Array<string> = []
      const steps = ["stash", "crash", "stash", "answer"]
      const asker = yield* background(
        ask(worker, () =>
          Effect.suspend((): Effect.Effect<unknown, never, Actor.Self> => {
            const step = steps[ran.length]!
            ran.push(step)
            return step === "stash" ? Actor.stash : step === "crash" ? crash() : Effect.succeed("answer")
          })
        )
      )
      yield* tell(worker, () => Actor.unstashAll)
      yield* pass(200)
      yield* tell(worker, () => Actor.unstashAll)
      yield* pass(200)
      assert.strictEqual(yield* Fiber.join(asker), "answer")
      assert.deepStrictEqual(ran, steps)
    }).pipe(run)
  )

  it.effect("deliver again also if it crashed while it was stashed", () =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* spawn({ ...often, redeliver: 1 })
      let runs = 0
      const asker = yield* background(
        ask(worker, () =>
          Effect.andThen(
            note("a")(),
            Effect.suspend(() =>
              ++runs === 1 ? Effect.ensuring(Actor.stash, Effect.die("on purpose")) : Effect.succeed("again")
            )
          )
        )
      )
      yield* pass(200)
      assert.strictEqual(yield* Fiber.join(asker), "again")
      assert.deepStrictEqual(ran, ["a", "a"])
    }).pipe(run)
  )

  it.effect("say of a message that was delivered, crashed and was then put aside, that it ran", () =>
    Effect.gen(function* () {
      const worker = yield* spawn({ ...often, redeliver: 1 })
      let runs = 0
      const asker = yield* background(
        Effect.exit(ask(worker, () => (++runs === 1 ? crash() : Actor.stash), { deadline: 500 }))
      )
      yield* pass(500)
      assert.deepInclude(errorOf(yield* Fiber.join(asker)), { _tag: "Timeout", phase: "running" })
    }).pipe(run)
  )

  it.effect("keep together what was aside, what crashed and what was queued: nothing is lost or handled twice", () =>
    Effect.gen(function* () {
      const { note, ran } = makeNotes()
      const worker = yield* spawn({ ...often, redeliver: 1 })
      let isReady = false
      const aside =
        (label: string): Job =>
        () =>
          isReady ? note(label)() : Actor.stash
      for (const label of ["a", "b"]) yield* tell(worker, aside(label))
      yield* tell(worker, () =>
        Effect.andThen(
          note("crashing")(),
          Effect.suspend(() => {
            if (isReady) return Effect.void
            isReady = true
            return crash()
          })
        )
      )
      yield* tell(worker, note("c"))
      yield* pass(200)
      assert.deepStrictEqual(ran.toSorted(), ["a", "b", "c", "crashing", "crashing"])
      assert.isBelow(ran.indexOf("a"), ran.indexOf("b"))
      assert.strictEqual(ran.at(-1), "c")
      assert.deepInclude(yield* entryOf("Worker"), { accepted: 4, handled: 4, failed: 0 })
    }).pipe(run)
  )
})
