import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { type AskError, Crashed, Stopped } from "../src/RykerError.ts"
import { CurrentMessage } from "../src/internal/envelope.ts"
import {
  ask,
  background,
  entryOf,
  type Refused,
  settled,
  spawnWorker,
  tell,
  Worker,
  workerLayer
} from "./Actor.fixtures.ts"
import { Account, accountLayer, Counter, counterLayer, Overdrawn, withActors } from "./fixtures.ts"

describe("ask", () => {
  it.effect("gives the handler's reply", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      assert.strictEqual(yield* counter.ask.Next(), 1)
      assert.strictEqual(yield* counter.ask.Next(), 2)
    }).pipe(withActors(counterLayer()))
  )

  it.effect("gives the reply of a handler that takes its time", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      const answer = yield* background(counter.ask.Slow({ millis: 500 }))
      assert.isUndefined(answer.pollUnsafe())
      yield* TestClock.adjust(500)
      assert.strictEqual(yield* Fiber.join(answer), 1)
    }).pipe(withActors(counterLayer()))
  )

  it.effect("gives nothing for a message that declares no reply", () =>
    Effect.gen(function* () {
      const account = yield* Account
      assert.isUndefined(yield* account.ask.Deposit({ amount: 1 }))
    }).pipe(withActors(accountLayer()))
  )

  it.effect("sends a message each time it is run, and none before", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      const next = counter.ask.Next()
      yield* settled
      assert.strictEqual((yield* entryOf("Counter")).accepted, 0)
      assert.strictEqual(yield* next, 1)
      assert.strictEqual(yield* next, 2)
    }).pipe(withActors(counterLayer()))
  )

  it.effect("gives the handler's typed failure as an answer, and the actor lives on", () =>
    Effect.gen(function* () {
      const account = yield* Account
      yield* account.ask.Deposit({ amount: 10 })
      const error = yield* Effect.flip(account.ask.Withdraw({ amount: 13 }))
      assert.deepStrictEqual(error, new Overdrawn({ short: 3 }))
      // The balance is still there: the same incarnation goes on.
      assert.strictEqual(yield* account.ask.Withdraw({ amount: 4 }), 6)
      const { crashes, failed, handled } = yield* entryOf("Account")
      assert.deepStrictEqual({ crashes, failed, handled }, { crashes: 0, failed: 0, handled: 3 })
    }).pipe(withActors(accountLayer()))
  )

  it.effect("gives Crashed at once, with actor, request and incarnation, to the message in hand", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      const error = yield* Effect.flip(counter.ask.Crash())
      assert.deepStrictEqual(error, new Crashed({ actor: "Counter", request: "Crash", incarnation: 1 }))
      yield* TestClock.adjust("1 minute")
      const again = yield* Effect.flip(counter.ask.Crash())
      assert.deepStrictEqual(again, new Crashed({ actor: "Counter", request: "Crash", incarnation: 2 }))
      assert.strictEqual((yield* entryOf("Counter")).failed, 2)
    }).pipe(withActors(counterLayer()))
  )

  it.effect("that crashes its actor is consumed; those queued behind it are answered later, in order", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const ran: Array<string> = []
      const note = (what: string) => () => Effect.sync(() => ran.push(what))
      const gate = yield* Deferred.make<void>()
      const crash = yield* background(
        Effect.exit(ask(worker, () => Effect.andThen(Deferred.await(gate), Effect.die("on purpose"))))
      )
      const first = yield* background(ask(worker, note("first")))
      const second = yield* background(ask(worker, note("second")))
      yield* Deferred.succeed(gate, undefined)
      yield* settled
      assert.deepStrictEqual(
        yield* Fiber.join(crash),
        Exit.fail(new Crashed({ actor: "Worker", request: "Run", incarnation: 1 }))
      )
      assert.deepStrictEqual(ran, [])
      assert.isUndefined(first.pollUnsafe())
      yield* TestClock.adjust("900 millis")
      yield* Fiber.join(first)
      yield* Fiber.join(second)
      assert.deepStrictEqual(ran, ["first", "second"])
    }).pipe(withActors(workerLayer()))
  )

  it.effect("without a deadline never hangs: a crash and an end for good are told at once", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const gate = yield* Deferred.make<void>()
      const inHand = yield* background(
        Effect.flip(ask(worker, () => Effect.andThen(Deferred.await(gate), Effect.die("on purpose"))))
      )
      const queued = yield* background(Effect.flip(ask(worker, () => Effect.void)))
      yield* Deferred.succeed(gate, undefined)
      yield* settled
      assert.strictEqual((yield* Fiber.join(inHand))._tag, "Crashed")
      assert.deepStrictEqual(
        yield* Fiber.join(queued),
        new Stopped({ actor: "Worker", reason: "RapidFail", phase: "queued" })
      )
      const late = yield* Effect.flip(ask(worker, () => Effect.void))
      assert.deepStrictEqual(late, new Stopped({ actor: "Worker", reason: "RapidFail", phase: "refused" }))
      assert.strictEqual((yield* entryOf("Worker")).dropped.rapid_fail, 1)
    }).pipe(withActors(workerLayer({ deadline: "Infinity", intensity: { restarts: 0 } })))
  )

  it.effect("settles once: a reply that comes after the Timeout changes nothing", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      let settlements = 0
      const answer = yield* background(
        Effect.flip(counter.ask.Stubborn({ millis: 3_000 })).pipe(Effect.onExit(() => Effect.sync(() => settlements++)))
      )
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(answer))._tag, "Timeout")
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(settlements, 1)
      assert.strictEqual((yield* entryOf("Counter")).failed, 1)
    }).pipe(withActors(counterLayer()))
  )

  it.effect("settles once when the reply comes at the very moment of the deadline", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      let settlements = 0
      yield* background(
        Effect.exit(counter.ask.Slow({ millis: 100 }, { deadline: 100 })).pipe(
          Effect.tap(() => Effect.sync(() => settlements++))
        )
      )
      yield* TestClock.adjust(100)
      yield* settled
      assert.strictEqual(settlements, 1)
      assert.isNumber(yield* counter.ask.Next())
    }).pipe(withActors(counterLayer()))
  )

  it.effect("of many callers at once gives each its own answer", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const numbers = Array.from({ length: 200 }, (_, n) => n)
      const answers = yield* Effect.forEach(
        numbers,
        (n) => ask(worker, () => (n % 3 === 0 ? Effect.as(Effect.yieldNow, n) : Effect.succeed(n))),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(answers, numbers)
    }).pipe(withActors(workerLayer()))
  )

  it.effect(
    "passes along a chain of actors far longer than a stack is deep",
    () =>
      Effect.gen(function* () {
        const length = 8_000
        const workers = yield* Effect.forEach(Array.from({ length }), (_, n) => spawnWorker(`worker-${n}`))
        const down = (n: number): Effect.Effect<unknown, Refused | AskError> =>
          n === length ? Effect.succeed("bottom") : ask(workers[n]!, () => down(n + 1))
        assert.strictEqual(yield* down(0), "bottom")
      }).pipe(withActors(workerLayer())),
    // Many actors: on a busy machine it takes its time.
    20_000
  )
})

describe("tell", () => {
  it.effect("goes on without waiting for the handler", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      let ran = false
      yield* tell(worker, () =>
        Effect.sync(() => {
          ran = true
        })
      )
      assert.isFalse(ran)
      yield* settled
      assert.isTrue(ran)
    }).pipe(withActors(workerLayer()))
  )

  it.effect("keeps the order of each sender, also among asks", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const seen: Array<[sender: string, n: number]> = []
      const numbers = Array.from({ length: 50 }, (_, n) => n)
      const sender = (name: string) =>
        Effect.forEach(numbers, (n) => {
          const job = () => Effect.sync(() => seen.push([name, n]))
          if (n % 7 === 0) return ask(worker, job)
          return n % 5 === 0 ? Effect.andThen(Effect.yieldNow, tell(worker, job)) : tell(worker, job)
        })
      yield* Effect.all(["a", "b", "c"].map(sender), { concurrency: "unbounded" })
      yield* settled
      for (const name of ["a", "b", "c"]) {
        const own = seen.filter(([sender]) => sender === name).map(([, n]) => n)
        assert.deepStrictEqual(own, numbers)
      }
    }).pipe(withActors(workerLayer()))
  )

  it.effect("keeps the order also when the handler takes long and the actor restarts in between", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const seen: Array<number> = []
      for (let n = 0; n < 100; n++) {
        const note = Effect.sync(() => seen.push(n))
        yield* tell(worker, () => {
          if (n === 40) return Effect.die("on purpose")
          return n % 9 === 0 ? Effect.delay(note, 10) : note
        })
      }
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(
        seen,
        Array.from({ length: 100 }, (_, n) => n).filter((n) => n !== 40)
      )
    }).pipe(withActors(workerLayer()))
  )

  it.effect("ignores the handler's reply and its typed failure: both count as handled, and the actor lives on", () =>
    Effect.gen(function* () {
      const account = yield* Account
      yield* account.tell.Deposit({ amount: 5 })
      yield* account.tell.Withdraw({ amount: 100 })
      yield* account.tell.Withdraw({ amount: 2 })
      assert.strictEqual(yield* account.ask.Withdraw({ amount: 1 }), 2)
      const { crashes, failed, handled } = yield* entryOf("Account")
      assert.deepStrictEqual({ crashes, failed, handled }, { crashes: 0, failed: 0, handled: 4 })
    }).pipe(withActors(accountLayer()))
  )

  it.effect("that crashes its actor is counted, and the actor restarts", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      yield* counter.tell.Add({ n: 5 })
      yield* counter.tell.Crash()
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* counter.ask.Next(), 1)
      const { crashes, failed, restarts } = yield* entryOf("Counter")
      assert.deepStrictEqual({ crashes, failed, restarts }, { crashes: 1, failed: 1, restarts: 1 })
    }).pipe(withActors(counterLayer()))
  )
})

describe("a message", () => {
  /** How many messages the one in hand holds on to, with itself. */
  const kept = Effect.gen(function* () {
    let count = 0
    for (let message = (yield* CurrentMessage)?.serving; message !== undefined; message = message.asker) count++
    return count
  })

  it.effect("that a handler tells its own actor, on and on, keeps none of the past alive", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const end = yield* Deferred.make<number>()
      const step = (left: number): Effect.Effect<unknown> =>
        left === 0
          ? Effect.flatMap(kept, (count) => Deferred.succeed(end, count))
          : Effect.orDie(tell(worker, () => step(left - 1)))
      yield* ask(worker, () => step(1_000))
      assert.strictEqual(yield* Deferred.await(end), 1)
    }).pipe(withActors(workerLayer()))
  )

  it.effect("that a handler asks for in a fork, on and on, keeps none of the past alive", () =>
    Effect.gen(function* () {
      const [a, b] = yield* Effect.all([spawnWorker("a"), spawnWorker("b")])
      const end = yield* Deferred.make<number>()
      const step = (left: number): Effect.Effect<unknown> =>
        left === 0
          ? Effect.flatMap(kept, (count) => Deferred.succeed(end, count))
          : Effect.forkDetach(
              ask(left % 2 === 0 ? a : b, () => step(left - 1)),
              { startImmediately: true }
            )
      yield* step(1_000)
      assert.isAtMost(yield* Deferred.await(end), 3)
    }).pipe(withActors(workerLayer()))
  )
})
