/** What was accepted and not handled: one letter each, and nothing in it but where, what, why and for how long. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Actor from "../src/Actor.ts"
import type { DeadLetter } from "../src/DeadLetter.ts"
import * as Ledger from "../src/Ledger.ts"
import * as Ryker from "../src/Ryker.ts"
import * as Supervisor from "../src/Supervisor.ts"
import { assertBalanced } from "./fixtures.ts"
import {
  A,
  ask,
  B,
  dies,
  handlers,
  type Handle,
  type Job,
  Keys,
  never,
  pass,
  quick,
  refuse,
  secret,
  settled,
  spawn,
  start,
  tell
} from "./RykerEvent.fixtures.ts"

// --- What the tests use -------------------------------------------------------------------------------------------------

/** Runs a test with its own runtime and gives all letters, those of the closing at the end, and the last ledger. */
const lettersOf = <X, E>(
  test: Effect.Effect<X, E, Ryker.Ryker | Scope.Scope>,
  options: Ryker.Options = { drainDeadline: 0 }
) =>
  Effect.gen(function* () {
    const letters: Array<DeadLetter> = []
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(Ryker.layerWith(options), scope)
    const subscriber = yield* start(
      Effect.provide(
        Stream.runForEach(Ryker.deadLetters, (letter) => Effect.sync(() => letters.push(letter))),
        context
      )
    )
    const value = yield* Effect.scoped(test).pipe(
      Effect.tap(() => assertBalanced),
      Effect.provide(context)
    )
    yield* Effect.provide(assertBalanced, context)
    const ledger = yield* Effect.provide(Ryker.ledger, context)
    const missed = yield* Effect.provide(Ryker.missed, context)
    yield* Scope.close(scope, Exit.void)
    yield* Fiber.join(subscriber)
    assert.deepStrictEqual(missed, { events: 0, deadLetters: 0 })
    return { letters, ledger, value }
  })

const letter = (reason: Ledger.DropReason, kind: "ask" | "tell", age = 0, actor = "A"): DeadLetter => ({
  actor,
  request: "Run",
  reason,
  kind,
  age
})

/** Both an ask and a tell of the job; nobody is interested in the answer. */
const both = (actor: Handle, job: Job, options?: Actor.SendOptions) =>
  Effect.andThen(
    Effect.forkChild(Effect.exit(ask(actor, job, { deadline: "Infinity", ...options })), { startImmediately: true }),
    tell(actor, job, options)
  )

const bothLetters = (reason: Ledger.DropReason, age = 0, actor = "A") => [
  letter(reason, "ask", age, actor),
  letter(reason, "tell", age, actor)
]

const nothing: Job = () => Effect.void
const stash: Job = () => Actor.stash

type Test = Effect.Effect<unknown, unknown, Ryker.Ryker | Scope.Scope>

// --- Each way -----------------------------------------------------------------------------------------------------------

const ways: Record<string, readonly [run: Test, expected: ReadonlyArray<DeadLetter>]> = {
  "whose deadline passes while they are queued": [
    Effect.gen(function* () {
      const a = yield* spawn()
      yield* tell(a, never)
      yield* both(a, nothing, { deadline: 30 })
      yield* pass(30)
    }),
    bothLetters("deadline", 30)
  ],
  "whose deadline has passed when they are told": [
    Effect.gen(function* () {
      yield* tell(yield* spawn(), nothing, { deadline: 0 })
      yield* pass(0)
    }),
    [letter("deadline", "tell")]
  ],
  "whose deadline passes while they are stashed": [
    Effect.gen(function* () {
      yield* both(yield* spawn(), stash, { deadline: 30 })
      yield* pass(30)
    }),
    bothLetters("deadline", 30)
  ],
  "whose deadline passes while their actor is suspended": [
    Effect.gen(function* () {
      const a = yield* spawn()
      yield* Actor.suspend(a)
      yield* both(a, nothing, { deadline: 30 })
      yield* pass(30)
    }),
    bothLetters("deadline", 30)
  ],
  "whose asker is interrupted while they are queued": [
    Effect.gen(function* () {
      const a = yield* spawn()
      yield* tell(a, never)
      const asker = yield* start(ask(a, nothing))
      yield* pass(20)
      yield* Fiber.interrupt(asker)
    }),
    // The message in hand has failed.
    [letter("interrupted", "ask", 20)]
  ],
  "whose asker is interrupted while they are stashed": [
    Effect.gen(function* () {
      const asker = yield* start(ask(yield* spawn(), stash))
      yield* pass(20)
      yield* Fiber.interrupt(asker)
    }),
    [letter("interrupted", "ask", 20)]
  ],
  "whose asker is interrupted while they wait to be delivered again": [
    Effect.gen(function* () {
      const asker = yield* start(ask(yield* spawn({ redeliver: 3 }), dies))
      yield* pass(20)
      yield* Fiber.interrupt(asker)
    }),
    [letter("interrupted", "ask", 20)]
  ],
  "that are queued when their actor is stopped": [
    Effect.gen(function* () {
      const a = yield* spawn()
      yield* tell(a, never)
      yield* both(a, nothing)
      yield* pass(20)
      yield* Actor.stop(a, { deadline: 0 })
    }),
    bothLetters("shutdown", 20)
  ],
  "that are stashed when their actor is stopped": [
    Effect.gen(function* () {
      const a = yield* spawn()
      yield* both(a, stash)
      yield* settled
      yield* Actor.stop(a, { deadline: 0 })
    }),
    bothLetters("shutdown")
  ],
  "that a suspended actor has when the time of its stop is over": [
    Effect.gen(function* () {
      const a = yield* spawn()
      yield* Actor.suspend(a)
      yield* both(a, nothing)
      const stop = yield* start(Actor.stop(a, { deadline: 50 }))
      yield* pass(50)
      yield* Fiber.join(stop)
    }),
    bothLetters("shutdown", 50)
  ],
  "that are queued when their actor's Scope closes": [
    Effect.scoped(
      Effect.gen(function* () {
        const a = yield* spawn()
        yield* tell(a, never)
        yield* both(a, nothing)
      })
    ),
    bothLetters("shutdown")
  ],
  "that are queued when the time of a drain is over": [
    Effect.gen(function* () {
      const a = yield* spawn()
      yield* tell(a, never)
      yield* both(a, nothing)
      const drain = yield* start(Ryker.drain(50))
      yield* pass(50)
      yield* Fiber.join(drain)
    }),
    bothLetters("shutdown", 50)
  ],
  "that wait during the backoff when their actor is stopped": [
    Effect.gen(function* () {
      const a = yield* spawn()
      yield* tell(a, dies)
      yield* settled
      yield* both(a, nothing)
      yield* Actor.stop(a, { deadline: 0 })
    }),
    bothLetters("shutdown")
  ],
  "that are to be delivered again when their actor is stopped": [
    Effect.gen(function* () {
      const a = yield* spawn({ redeliver: 1 })
      yield* tell(a, dies)
      yield* pass(20)
      yield* Actor.stop(a, { deadline: 0 })
    }),
    [letter("shutdown", "tell", 20)]
  ],
  "that are queued when their actor gives up": [
    Effect.gen(function* () {
      const a = yield* spawn({ intensity: { restarts: 0 } })
      yield* tell(a, dies)
      yield* both(a, nothing)
      yield* Actor.awaitStopped(a)
    }),
    bothLetters("rapid_fail")
  ],
  "that are queued when a temporary actor crashes": [
    Effect.gen(function* () {
      const a = yield* spawn({ restart: "temporary" })
      yield* tell(a, dies)
      yield* both(a, nothing)
      yield* Actor.awaitStopped(a)
    }),
    bothLetters("closed")
  ],
  "that are queued when their actor ends itself": [
    Effect.gen(function* () {
      const a = yield* spawn({ restart: "transient" })
      yield* tell(a, () => Actor.stopSelf)
      yield* both(a, nothing)
      yield* Actor.awaitStopped(a)
    }),
    bothLetters("closed")
  ],
  "that its own build sent to an actor whose first start fails": [
    Effect.exit(
      Actor.spawn(
        A,
        Effect.gen(function* () {
          yield* tell(yield* A, nothing)
          return yield* refuse()
        }),
        { ...quick, name: "A" }
      )
    ),
    [letter("closed", "tell")]
  ],
  "that their handlers put aside, when the stash is full": [
    Effect.gen(function* () {
      const a = yield* spawn({ stash: 1 })
      yield* tell(a, stash)
      yield* both(a, stash)
      yield* settled
      yield* tell(a, () => Actor.unstashAll)
      yield* pass(10)
      yield* Actor.stop(a, { deadline: 0 })
    }),
    [...bothLetters("capacity"), letter("shutdown", "tell", 10)]
  ],
  "whose handler crashed at each delivery": [
    Effect.gen(function* () {
      const a = yield* spawn({ redeliver: 1, backoff: { base: 100, cap: 100, jitter: false } })
      yield* both(a, dies)
      for (let n = 0; n < 4; n++) yield* pass(100)
    }),
    [letter("poison", "ask", 100), letter("poison", "tell", 300)]
  ],
  "of a keyed actor, by its address": [
    Effect.gen(function* () {
      const layer = Keys.toLayer(() => handlers, { ...quick, intensity: { restarts: 0 } })
      const key = Context.get(yield* Layer.build(layer), Keys).get("7")
      yield* tell(key, dies)
      yield* both(key, nothing)
      yield* Actor.awaitStopped(key)
    }),
    bothLetters("rapid_fail", 0, "Keys/7")
  ],
  "of a temporary child whose group is restarted": [
    Effect.gen(function* () {
      const children = [A.toLayer(handlers, quick), B.toLayer(handlers, { ...quick, restart: "temporary" })]
      const services = yield* Layer.build(Supervisor.layer("S", { strategy: "one-for-all", children }))
      yield* tell(Context.get(services, B), never)
      yield* both(Context.get(services, B), nothing)
      yield* tell(Context.get(services, A), dies)
      yield* pass(100)
    }),
    bothLetters("shutdown", 0, "B")
  ],
  "of the children of a supervisor that gives up": [
    Effect.gen(function* () {
      const children = [A.toLayer(handlers, { ...quick, intensity: { restarts: 0 } }), B.toLayer(handlers, quick)]
      const services = yield* Layer.build(Supervisor.layer("S", { intensity: { restarts: 0 }, children }))
      yield* tell(Context.get(services, B), never)
      yield* both(Context.get(services, B), nothing)
      yield* tell(Context.get(services, A), dies)
      yield* both(Context.get(services, A), nothing)
      yield* Effect.flip(Ryker.awaitFailure)
    }),
    [...bothLetters("rapid_fail"), ...bothLetters("shutdown", 0, "B")]
  ]
}

const noLetters: Record<string, Test> = {
  "handled, failed with a typed error, or crashed": Effect.gen(function* () {
    const a = yield* spawn()
    yield* both(a, nothing)
    yield* both(a, refuse)
    yield* both(a, dies)
    yield* pass(100)
    yield* pass(200)
  }),
  "begun, and cut off by their deadline, their asker, a stop or a group's restart": Effect.gen(function* () {
    const a = yield* spawn()
    yield* tell(a, never, { deadline: 10 })
    yield* pass(10)
    yield* Fiber.interrupt(yield* start(ask(a, never)))
    yield* tell(a, never)
    yield* settled
    yield* Actor.stop(a, { deadline: 0 })
    const children = [B.toLayer(handlers, quick), A.toLayer(handlers, quick)]
    const services = yield* Layer.build(Supervisor.layer("S", { strategy: "one-for-all", children }))
    yield* tell(Context.get(services, A), never)
    yield* settled
    yield* tell(Context.get(services, B), dies)
    yield* pass(100)
  }),
  "stashed, and handled later": Effect.gen(function* () {
    const a = yield* spawn()
    let isReady = false
    yield* both(a, () => (isReady ? Effect.void : Actor.stash))
    yield* tell(a, () =>
      Effect.andThen(
        Effect.sync(() => (isReady = true)),
        Actor.unstashAll
      )
    )
    yield* settled
    assert.deepInclude((yield* Ryker.ledger)[0], { accepted: 3, handled: 3 })
  }),
  "delivered again, and handled then": Effect.gen(function* () {
    let deliveries = 0
    yield* both(yield* spawn({ redeliver: 1 }), () => (++deliveries === 1 ? dies() : Effect.void))
    yield* pass(100)
    assert.deepInclude((yield* Ryker.ledger)[0], { accepted: 2, handled: 2 })
  }),
  "kept in the queue across restarts, of one actor and of its group": Effect.gen(function* () {
    const children = [A.toLayer(handlers, quick), B.toLayer(handlers, quick)]
    const services = yield* Layer.build(Supervisor.layer("S", { strategy: "one-for-all", children }))
    yield* tell(Context.get(services, A), dies)
    yield* both(Context.get(services, A), nothing)
    yield* both(Context.get(services, B), nothing)
    yield* pass(100)
  }),
  refused: Effect.gen(function* () {
    const a = yield* spawn({ capacity: 1, maxMessageBytes: 100 })
    yield* tell(a, never, { deadline: 10 })
    yield* settled
    yield* tell(a, nothing)
    assert.strictEqual((yield* Effect.flip(tell(a, nothing)))._tag, "Busy")
    assert.strictEqual((yield* Effect.flip(ask(a, nothing)))._tag, "Busy")
    assert.strictEqual((yield* Effect.flip(ask(a, nothing, { deadline: 0 })))._tag, "Timeout")
    yield* pass(10)
    const tooLarge = { job: nothing, note: secret.repeat(100) }
    assert.strictEqual((yield* Effect.flip(a.tell.Run(tooLarge)))._tag, "TooLarge")
    const cycle = yield* ask(a, () =>
      Effect.match(ask(a, nothing), { onSuccess: () => "none", onFailure: ({ _tag }) => _tag })
    )
    assert.strictEqual(cycle, "Deadlock")
    yield* Actor.stop(a)
    assert.strictEqual((yield* Effect.flip(tell(a, nothing)))._tag, "Stopped")
  }),
  "no messages at all: timers' ticks and other turns of an actor's own that never come": Effect.gen(function* () {
    const a = yield* spawn()
    yield* ask(a, () =>
      Effect.gen(function* () {
        const timers = yield* Actor.timers
        yield* Effect.orDie(timers.fixedRate("tick", 10, Effect.never))
        yield* Effect.orDie(timers.fixedRate("tock", 10, Effect.void))
      })
    )
    yield* pass(10)
    yield* Actor.stop(a, { deadline: 0 })
  })
}

describe("Dead letters", () => {
  it.effect.each(Object.entries(ways))("are the messages %s", ([, [run, expected]]) =>
    Effect.gen(function* () {
      const { ledger, letters } = yield* lettersOf(run)
      assert.deepStrictEqual(letters, expected)
      assert.strictEqual(
        ledger.reduce((sum, { dropped }) => sum + Ledger.totalDropped(dropped), 0),
        expected.length
      )
    })
  )

  it.effect.each(Object.entries(noLetters))("are none of those %s", ([, run]) =>
    Effect.gen(function* () {
      const { ledger, letters } = yield* lettersOf(run)
      assert.deepStrictEqual(letters, [])
      assert.isTrue(ledger.every(({ dropped }) => Ledger.totalDropped(dropped) === 0))
    })
  )

  it.effect("are told to all who subscribe, and what a slow one loses is counted apart from events", () =>
    Effect.gen(function* () {
      const latch = yield* Latch.make()
      const [slow, fast]: [Array<DeadLetter>, Array<DeadLetter>] = [[], []]
      const subscribe = (seen: Array<DeadLetter>, wait: Effect.Effect<void>) =>
        start(
          Stream.runForEach(Ryker.deadLetters, (letter) => {
            seen.push(letter)
            return wait
          })
        )
      yield* subscribe(slow, latch.await)
      yield* subscribe(fast, Effect.void)
      const a = yield* spawn({ capacity: 1_000 })
      yield* Actor.suspend(a)
      // The slow one has the first in its hands; of the others, 256 wait.
      yield* tell(a, nothing, { deadline: 1 })
      yield* pass(1)
      for (let n = 0; n < 266; n++) yield* tell(a, nothing, { deadline: 2 + n })
      for (let n = 0; n < 266; n++) yield* pass(n === 0 ? 2 : 1)
      assert.strictEqual(fast.length, 267)
      assert.deepStrictEqual(yield* Ryker.missed, { events: 0, deadLetters: 10 })
      yield* latch.open
      yield* settled
      assert.deepStrictEqual(
        slow.map(({ age }) => age),
        [1, ...fast.slice(11).map(({ age }) => age)]
      )
      yield* Actor.stop(a)
    }).pipe(Effect.scoped, Effect.provide(Ryker.layerWith({ drainDeadline: 0 })))
  )

  it.effect("are counted in the ledger, and nowhere lost, when nobody subscribes", () =>
    Effect.gen(function* () {
      const a = yield* spawn()
      yield* tell(a, never)
      for (let n = 0; n < 50; n++) yield* tell(a, nothing)
      yield* Actor.stop(a, { deadline: 0 })
      assert.strictEqual((yield* Ryker.ledger)[0]?.dropped.shutdown, 50)
      assert.deepStrictEqual(yield* Ryker.missed, { events: 0, deadLetters: 0 })
      // Whoever comes later gets none of them.
      const late = yield* start(Stream.runCollect(Stream.take(Ryker.deadLetters, 1)))
      yield* settled
      assert.isUndefined(late.pollUnsafe())
    }).pipe(Effect.scoped, Effect.provide(Ryker.layerWith({ drainDeadline: 0 })))
  )
})

// --- A storm ------------------------------------------------------------------------------------------------------------

/** The name under which the ledger counts an address. */
const entryName = (address: string) => address.split(/[/#]/)[0]!

describe("In a storm", () => {
  it.effect.each([1, 2, 3, 4])("letters agree with the ledger, by definition and reason (seed %i)", (seed) =>
    Effect.gen(function* () {
      const backoff = { base: 5, cap: 20, jitter: false }
      const options: Actor.Options = {
        backoff,
        shutdown: 20,
        capacity: 8,
        stash: 2,
        intensity: { restarts: 4, window: "1 second" }
      }
      const storm = Effect.gen(function* () {
        const services = yield* Layer.build(
          Supervisor.layer("S", {
            strategy: "rest-for-one",
            backoff,
            intensity: { restarts: 1_000 },
            children: [
              A.toLayer(handlers, { ...options, redeliver: 1 }),
              B.toLayer(handlers, options),
              Keys.toLayer(() => handlers, options)
            ]
          })
        )
        const keys = Context.get(services, Keys)
        const asks: Array<Fiber.Fiber<unknown, unknown>> = []
        const jobs: ReadonlyArray<Job> = [
          nothing,
          nothing,
          dies,
          stash,
          stash,
          () => Actor.unstashAll,
          () => Actor.stopSelf,
          () => Effect.sleep(15),
          () => Effect.uninterruptible(Effect.sleep(15)),
          refuse
        ]
        let spawned: Handle = yield* Actor.spawn(A, handlers, { ...options, restart: "temporary" })
        for (let step = 0; step < 800; step++) {
          if ((yield* Actor.status(spawned))._tag === "Stopped") {
            spawned = yield* Actor.spawn(A, handlers, { ...options, restart: "temporary" })
          }
          const actors = [
            Context.get(services, A),
            Context.get(services, B),
            keys.get("1"),
            keys.get("2"),
            spawned
          ] as const
          const pick = (n: number) => Random.nextIntBetween(0, n, { halfOpen: true })
          const actor = actors[yield* pick(actors.length)]!
          const job = jobs[yield* pick(jobs.length)]!
          const deadline = [1, 10, 40, "Infinity"] as const
          const sendOptions = { deadline: deadline[yield* pick(4)]! }
          switch (yield* pick(8)) {
            case 0:
            case 1:
            case 2:
              yield* Effect.ignore(tell(actor, job, sendOptions))
              break
            case 3:
            case 4:
              asks.push(yield* Effect.forkChild(Effect.exit(ask(actor, job, sendOptions)), { startImmediately: true }))
              break
            case 5:
              if (asks.length > 0) yield* Fiber.interrupt(asks[yield* pick(asks.length)]!)
              break
            case 6:
              yield* (yield* Random.nextBoolean) ? Actor.suspend(actor) : Actor.resume(actor)
              break
            case 7:
              if (actor === spawned) yield* Effect.forkChild(Actor.stop(actor, { deadline: 10 }))
              yield* pass(yield* pick(30))
              break
          }
        }
      })
      const { ledger, letters } = yield* lettersOf(storm.pipe(Random.withSeed(`letters ${seed}`)))
      const told: Record<string, number> = {}
      for (const { actor, age, kind, reason } of letters) {
        const key = `${entryName(actor)} ${reason}`
        told[key] = (told[key] ?? 0) + 1
        assert.isAtLeast(age, 0)
        if (reason === "interrupted") assert.strictEqual(kind, "ask")
      }
      const counted = ledger.flatMap(({ actor, dropped }) =>
        Object.entries(dropped).flatMap(([reason, count]) =>
          count > 0 ? [[`${actor} ${reason}`, count] as const] : []
        )
      )
      assert.deepStrictEqual(told, Object.fromEntries(counted))
      // The storm was one: nearly every reason was met.
      assert.isAtLeast(new Set(letters.map(({ reason }) => reason)).size, 6)
    })
  )
})
