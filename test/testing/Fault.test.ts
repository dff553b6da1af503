import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import * as Actor from "../../src/Actor.ts"
import { runtimeOf } from "../../src/internal/runtime.ts"
import * as Ryker from "../../src/Ryker.ts"
import { StartError } from "../../src/RykerError.ts"
import * as Fault from "../../src/testing/Fault.ts"
import * as TestProbe from "../../src/testing/TestProbe.ts"
import * as TestRyker from "../../src/testing/TestRyker.ts"
import { assertBalanced, Counter, counterHandlers, counterLayer } from "../fixtures.ts"
import { assertPassed, failureOf, outcomeOf } from "./fixtures.ts"

class Keys extends Actor.keyed<Keys>()("Keys", Counter.messages) {}

const options: Actor.Options = {
  backoff: { base: 100, jitter: false },
  intensity: { restarts: 1_000 },
  deadline: "1 minute"
}

const keysLayer = Keys.toLayer(() => counterHandlers(), options)

const withFaults =
  (faults: ReadonlyArray<Fault.Fault>, more: TestRyker.Options = {}, counter = counterLayer(options)) =>
  <A, E>(test: Effect.Effect<A, E, Counter | Keys | Ryker.Ryker | TestRyker.TestRyker>) =>
    test.pipe(Effect.provide(Layer.merge(counter, keysLayer)), Effect.provide(TestRyker.layer({ faults, ...more })))

const pass = (millis: number) => Effect.andThen(TestRyker.settle, TestClock.adjust(millis))

/** What becomes of so many asks, one after the other, with time enough for a restart between them. */
const asks = (count: number) =>
  Effect.gen(function* () {
    const counter = yield* Counter
    const answers: Array<number | string> = []
    for (let n = 0; n < count; n++) {
      const exit = yield* Effect.result(counter.ask.Next())
      answers.push(exit._tag === "Success" ? exit.success : exit.failure._tag)
      yield* pass(1_000)
    }
    return answers
  })

describe("crashOn", () => {
  it.effect("crashes at the n-th message of the tag, before its handler does anything", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      yield* counter.ask.Add({ n: 10 })
      assert.deepStrictEqual(yield* asks(4), [11, "Crashed", 1, 2])
    }).pipe(withFaults([Fault.crashOn(Counter, "Next", 2)]))
  )

  it.effect("crashes after the handler has done its work, if so told", () => {
    let done = 0
    const handlers = { ...counterHandlers(), Next: () => Effect.sync(() => ++done) }
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* asks(3), [1, "Crashed", 3])
    }).pipe(withFaults([Fault.crashOn(Counter, "Next", 2, { when: "after" })], {}, Counter.toLayer(handlers, options)))
  })

  it.effect("takes several numbers, or every one", () =>
    Effect.gen(function* () {
      const several = yield* asks(4).pipe(withFaults([Fault.crashOn(Counter, "Next", [1, 3])]))
      assert.deepStrictEqual(several, ["Crashed", 1, "Crashed", 1])
      const every = yield* asks(2).pipe(withFaults([Fault.crashOn(Counter, "Next", "every")]))
      assert.deepStrictEqual(every, ["Crashed", "Crashed"])
    })
  )

  it.effect("counts a message that is delivered again once more", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      const answer = yield* Effect.forkChild(counter.ask.Next())
      yield* pass(1_000)
      assert.strictEqual(yield* Fiber.join(answer), 1)
      assert.strictEqual((yield* TestRyker.injected).length, 2)
    }).pipe(withFaults([Fault.crashOn(Counter, "Next", [1, 2])], {}, counterLayer({ ...options, redeliver: 2 })))
  )

  it.effect("concerns one id of a family, or all of them together", () =>
    Effect.gen(function* () {
      const both = Effect.gen(function* () {
        const keys = yield* Keys
        const tags: Array<string> = []
        for (const id of ["ada", "bob"]) tags.push((yield* Effect.exit(keys.get(id).ask.Next()))._tag)
        return tags
      })
      const one = yield* both.pipe(withFaults([Fault.crashOn(Keys, "Next", 1, { id: "bob" })]))
      assert.deepStrictEqual(one, ["Success", "Failure"])
      const all = yield* both.pipe(withFaults([Fault.crashOn(Keys, "Next", 1)]))
      assert.deepStrictEqual(all, ["Failure", "Success"])
    })
  )

  it.effect("concerns one spawned actor by its address", () =>
    Effect.gen(function* () {
      const first = yield* Actor.spawn(Counter, counterHandlers())
      const second = yield* Actor.spawn(Counter, counterHandlers())
      yield* first.ask.Next()
      assert.strictEqual((yield* Effect.flip(second.ask.Next()))._tag, "Crashed")
    }).pipe(Effect.scoped, withFaults([Fault.crashOn(Counter, "Next", 1, { address: "Counter#2" })]))
  )

  it.effect("can be known in events, log lines and by TestRyker.injected", () =>
    Effect.gen(function* () {
      yield* asks(1)
      const label = 'Fault.crashOn(Counter, "Next", 1)'
      const crashed = (yield* TestRyker.events).find(({ _tag }) => _tag === "ActorCrashed")
      assert.deepInclude(crashed, { defect: "InjectedFault", at: `at ${label}` })
      const line = (yield* TestRyker.logs).find(({ level }) => level === "Error")
      assert.deepInclude(line?.annotations, { event: "actor_crashed", defect: "InjectedFault", at: `at ${label}` })
      assert.deepStrictEqual(yield* TestRyker.injected, [
        { fault: label, effect: "crash", actor: "Counter", request: "Next", incarnation: 1, time: 0 }
      ])
    }).pipe(withFaults([Fault.crashOn(Counter, "Next", 1)]))
  )

  it("takes no tag that the protocol does not have", () => {
    // @ts-expect-error "Nxet" is not a message of Counter
    assert.isDefined(Fault.crashOn(Counter, "Nxet", 1))
  })
})

it("nth is a whole number from 1", () => {
  assert.throws(() => Fault.crashOn(Counter, "Next", 0), "Fault.crashOn: nth is 0, but must be a whole number from 1")
  assert.throws(() => Fault.failStart(Counter, [1, 1.5]), RangeError)
})

describe("hangOn", () => {
  it.effect("lets the message hang until its deadline; the actor then goes on in the same incarnation", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      const hanging = yield* Effect.forkChild(Effect.flip(counter.ask.Next(undefined, { deadline: "1 second" })))
      yield* pass(1_000)
      assert.deepInclude(yield* Fiber.join(hanging), { _tag: "Timeout", phase: "running" })
      assert.strictEqual(yield* counter.ask.Next(), 1)
      assert.deepInclude(yield* TestRyker.ledger(Counter), { failed: 1, handled: 1, crashes: 0 })
    }).pipe(withFaults([Fault.hangOn(Counter, "Next", 1)]))
  )
})

describe("slow", () => {
  it.effect("delays every message, or those of one tag, in virtual time", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      yield* counter.ask.Add({ n: 1 })
      assert.strictEqual(yield* Clock.currentTimeMillis, 0)
      const slow = yield* Effect.forkChild(counter.ask.Next())
      yield* pass(49)
      assert.isUndefined(slow.pollUnsafe())
      yield* pass(1)
      assert.strictEqual(yield* Fiber.join(slow), 2)
    }).pipe(withFaults([Fault.slow(Counter, "50 millis", { request: "Next" })]))
  )

  it.effect("adds to other faults of the same message", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      const slow = yield* Effect.forkChild(Effect.flip(counter.ask.Next()))
      yield* pass(50)
      assert.strictEqual((yield* Fiber.join(slow))._tag, "Crashed")
      assert.deepStrictEqual(
        (yield* TestRyker.injected).map(({ effect }) => effect),
        ["crash", "slow"]
      )
    }).pipe(withFaults([Fault.crashOn(Counter, "Next", 1), Fault.slow(Counter, 50)]))
  )
})

describe("failStart", () => {
  it.effect("fails a restart, which is tried again", () =>
    Effect.gen(function* () {
      yield* Effect.flip(Effect.flatMap(Counter, (counter) => counter.ask.Crash()))
      yield* pass(100)
      yield* pass(200)
      const events = (yield* TestRyker.events).filter(({ actor }) => actor === "Counter")
      assert.deepStrictEqual(
        events.map(({ _tag }) => _tag),
        ["ActorStarted", "ActorCrashed", "ActorRestarting", "ActorStartFailed", "ActorRestarting", "ActorStarted"]
      )
      assert.deepInclude(events[3], { defect: "InjectedFault", at: "at Fault.failStart(Counter, 2)" })
    }).pipe(withFaults([Fault.failStart(Counter, 2)]))
  )

  it.effect("fails the Layer at the first start", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.void.pipe(withFaults([Fault.failStart(Counter, 1)])))
      assert.instanceOf(error, StartError)
      assert.deepInclude(error, { actor: "Counter", reason: "Defect" })
    })
  )

  it.effect("is tried again for a keyed actor", () =>
    Effect.gen(function* () {
      const keys = yield* Keys
      const answer = yield* Effect.forkChild(keys.get("ada").ask.Next())
      yield* pass(100)
      assert.strictEqual(yield* Fiber.join(answer), 1)
    }).pipe(withFaults([Fault.failStart(Keys, 1, { id: "ada" })]))
  )
})

describe("crashStorm", () => {
  /** What a storm did to 300 asks of each of two actors, every message of which ends somehow. */
  const stormy = (faults: ReadonlyArray<Fault.Fault>) =>
    Effect.gen(function* () {
      const counter = yield* Counter
      const keys = yield* Keys
      const startedAt = yield* Clock.currentTimeMillis
      const all = yield* Effect.forkChild(
        Effect.forEach(
          Array.from({ length: 300 }),
          () => Effect.all([Effect.exit(counter.ask.Next()), Effect.exit(keys.get("ada").ask.Next())]),
          { concurrency: 10 }
        )
      )
      for (let step = 0; step < 300 && all.pollUnsafe() === undefined; step++) yield* pass(1_000)
      assert.isDefined(all.pollUnsafe(), "an ask hangs")
      yield* assertBalanced
      const injected = yield* TestRyker.injected
      // The fault's name has the seed; what it did is what counts.
      return injected.map(({ actor, effect, incarnation, time }) => ({
        actor,
        effect,
        incarnation,
        after: time - startedAt
      }))
    }).pipe(withFaults(faults, { failOn: ["crash", "unfinished"] }))

  it.effect("is the same for the same seed, and another for another", () =>
    Effect.gen(function* () {
      const first = yield* stormy([Fault.crashStorm(1)])
      assert.isNotEmpty(first)
      assert.deepStrictEqual(yield* stormy([Fault.crashStorm(1)]), first)
      assert.notDeepEqual(yield* stormy([Fault.crashStorm(2)]), first)
    })
  )

  it.effect("has crashes, hangs and failed starts, and an end", () =>
    Effect.gen(function* () {
      const injected = yield* stormy([
        Fault.crashStorm("all", { crash: 0.2, hang: 0.1, failStart: 0.3, hangFor: 500, limit: 40 })
      ])
      assert.strictEqual(injected.length, 40)
      assert.deepStrictEqual(new Set(injected.map(({ effect }) => effect)), new Set(["crash", "hang", "failed start"]))
      assert.deepStrictEqual(new Set(injected.map(({ actor }) => actor)), new Set(["Counter", "Keys/ada"]))
      assert.isTrue(injected.every(({ effect, incarnation }) => effect !== "failed start" || incarnation > 1))
    })
  )

  it.effect("concerns the actors that it names, and leaves the others where they are", () =>
    Effect.gen(function* () {
      const injected = yield* stormy([Fault.crashStorm(1, { actors: [Keys] })])
      assert.deepStrictEqual(new Set(injected.map(({ actor }) => actor)), new Set(["Keys/ada"]))
      // What one actor draws does not depend on the others.
      const calm = { hang: 0, failStart: 0, limit: Infinity }
      const both = yield* stormy([Fault.crashStorm(1, calm)])
      const alone = yield* stormy([Fault.crashStorm(1, { ...calm, actors: [Keys] })])
      const ofKeys = (all: ReadonlyArray<{ readonly actor: string }>) =>
        all.filter(({ actor }) => actor === "Keys/ada").length
      assert.strictEqual(ofKeys(both), ofKeys(alone))
    })
  )

  it.effect("leaves probes alone", () =>
    Effect.gen(function* () {
      const probe = yield* TestProbe.make(Counter, { replies: { Next: () => Effect.succeed(1) } })
      for (let n = 0; n < 100; n++) yield* probe.handle.ask.Next()
      assert.isEmpty(yield* TestRyker.injected)
    }).pipe(Effect.scoped, Effect.provide(TestRyker.layer({ faults: [Fault.crashStorm(1, { crash: 0.5 })] })))
  )

  it("takes rates from 0 to 1", () => {
    assert.throws(() => Fault.crashStorm(1, { hang: 1.5 }), "Fault.crashStorm: hang is 1.5, but must be from 0 to 1")
    assert.throws(() => Fault.crashStorm(1, { crash: Number.NaN }), RangeError)
  })
})

describe("what a test says of faults", () => {
  it.effect("failOn crash leaves injected ones out", () =>
    Effect.gen(function* () {
      const test = Effect.flatMap(Counter, (counter) => Effect.exit(counter.ask.Next()))
      const faults = [Fault.crashOn(Counter, "Next", 1)]
      assertPassed((yield* outcomeOf(test, { faults, failOn: ["crash"] })).exit)
    })
  )

  it.effect("failOn unused_fault names those that did not happen", () =>
    Effect.gen(function* () {
      const faults = [Fault.crashOn(Counter, "Next", 2), Fault.failStart(Counter, 2), Fault.crashStorm(1)]
      const { exit } = yield* outcomeOf(Effect.void, { faults, failOn: ["unused_fault"] })
      assert.deepStrictEqual(failureOf(exit).message.split("\n").slice(0, 3), [
        "planned faults did not happen, so the test has not tested them",
        '  Fault.crashOn(Counter, "Next", 2)',
        "  Fault.failStart(Counter, 2)"
      ])
    })
  )

  it.effect("a test that fails prints the faults that happened", () =>
    Effect.gen(function* () {
      const test = Effect.flatMap(Counter, (counter) => counter.ask.Next())
      const { exit, printed } = yield* outcomeOf(test, { faults: [Fault.crashOn(Counter, "Next", 1)] })
      assert.isTrue(Exit.isFailure(exit))
      assert.include(
        printed[0],
        'injected faults\n  0 ms  Counter, incarnation 1, Next: crash by Fault.crashOn(Counter, "Next", 1)\n'
      )
    })
  )
})

describe("without faults", () => {
  it.effect("no handler is wrapped; without TestRyker, nothing is there to wrap one", () =>
    Effect.gen(function* () {
      const handlers = counterHandlers()
      const inside = Effect.gen(function* () {
        const runtime = runtimeOf(yield* Ryker.Ryker)
        const [cell] = runtime.cells
        assert.isDefined(cell)
        const bound = [() => Effect.void]
        const start = runtime.instrument?.start(cell, Effect.succeed(bound))
        assert.isDefined(start)
        // The types of a start leave open what it needs; this one needs nothing.
        assert.strictEqual(yield* start as Effect.Effect<unknown, unknown>, bound)
      })
      yield* inside.pipe(Effect.provide(Counter.toLayer(handlers)), Effect.provide(TestRyker.layer()))
      const runtime = runtimeOf(yield* Effect.provide(Ryker.Ryker, Ryker.layer))
      assert.isUndefined(runtime.instrument)
    })
  )
})
