import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import * as Ryker from "../src/Ryker.ts"
import { Crashed, InvalidMessage, InvalidOption } from "../src/RykerError.ts"
import {
  ask,
  background,
  entryOf,
  type Job,
  Refused,
  spawnWorker,
  tell,
  Worker,
  workerLayer
} from "./Actor.fixtures.ts"
import { Account, accountLayer, Overdrawn, withActors } from "./fixtures.ts"

const rubbish = "soon" as never

/** Options out of their range: how the value is told, and the rule. */
const badOptions: ReadonlyArray<[options: Actor.Options, option: string, value: string, rule: RegExp]> = [
  [{ capacity: 0 }, "capacity", "0", /a whole number from 1 to 1048576/],
  [{ capacity: -1 }, "capacity", "-1", /whole number/],
  [{ capacity: 1.5 }, "capacity", "1.5", /whole number/],
  [{ capacity: Number.NaN }, "capacity", "NaN", /whole number/],
  [{ capacity: 2 ** 53 }, "capacity", "9007199254740992", /whole number/],
  [{ capacity: Number.POSITIVE_INFINITY }, "capacity", "Infinity", /whole number/],
  [{ capacity: 1_048_577 }, "capacity", "1048577", /whole number/],
  [{ capacity: "256" as never }, "capacity", "256", /whole number/],
  [{ maxMessageBytes: 0 }, "maxMessageBytes", "0", /a whole number from 1/],
  [{ maxMessageBytes: Number.NaN }, "maxMessageBytes", "NaN", /whole number/],
  [{ deadline: 0 }, "deadline", "0", /a duration of at least 1 ms/],
  [{ deadline: -1 }, "deadline", "-1ms", /at least 1 ms/],
  [{ deadline: "-1 second" }, "deadline", "-1s", /at least 1 ms/],
  [{ deadline: Number.NaN }, "deadline", "NaN", /at least 1 ms/],
  [{ deadline: rubbish }, "deadline", '"soon"', /at least 1 ms/],
  [{ restart: "always" as never }, "restart", '"always"', /one of permanent, transient, temporary/],
  [{ startTimeout: 0 }, "startTimeout", "0", /at least 1 ms/],
  [{ startTimeout: rubbish }, "startTimeout", '"soon"', /at least 1 ms/],
  [{ shutdown: -1 }, "shutdown", "-1ms", /at least 0 ms/],
  [{ shutdown: Number.NaN }, "shutdown", "NaN", /at least 0 ms/],
  [{ shutdown: rubbish }, "shutdown", '"soon"', /at least 0 ms/],
  [{ backoff: { base: 0 } }, "backoff.base", "0", /more than 0 ms/],
  [{ backoff: { base: 200, cap: 100 } }, "backoff.base", "200ms", /at most 100 ms/],
  [{ backoff: { cap: "Infinity" } }, "backoff.cap", "Infinity", /at most 86400000 ms/],
  [{ intensity: { restarts: -1 } }, "intensity.restarts", "-1", /a whole number from 0/],
  [{ intensity: { window: 0 } }, "intensity.window", "0", /at least 1 ms/]
]

describe("an option out of its range", () => {
  for (const [options, option, value, rule] of badOptions) {
    it.effect(`gives InvalidOption that says what is allowed (${option}: ${value})`, () =>
      Effect.gen(function* () {
        const layered = yield* Effect.flip(Effect.scoped(Layer.build(workerLayer(options))))
        const spawned = yield* Effect.flip(Effect.scoped(spawnWorker("worker", options)))
        for (const error of [layered, spawned]) {
          assert.instanceOf(error, InvalidOption)
          assert.strictEqual(error.owner, "Worker")
          assert.strictEqual(error.option, option)
          assert.match(error.rule, rule)
          // "0ns" or "0" for a duration of nothing: either tells what was given.
          assert.match(error.value, value === "0" ? /^0/ : new RegExp(`^${value}$`))
        }
        // Nothing was started.
        assert.deepStrictEqual(yield* Ryker.ledger, [])
      }).pipe(withActors(Layer.empty))
    )
  }

  it.effect("also among the defaults of the runtime gives InvalidOption", () =>
    Effect.gen(function* () {
      for (const [options] of badOptions) {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(Ryker.layerWith({ defaults: options }))))
        assert.strictEqual(error._tag, "InvalidOption")
      }
    })
  )

  it.effect("is not one at the very edge of it", () =>
    Effect.gen(function* () {
      const edges: ReadonlyArray<Actor.Options> = [
        { capacity: 1 },
        { capacity: 1_048_576 },
        { maxMessageBytes: Number.MAX_SAFE_INTEGER },
        { deadline: 1, startTimeout: 1, shutdown: 0 },
        { deadline: "Infinity", startTimeout: "Infinity", shutdown: "Infinity" },
        { backoff: { base: 0.001, cap: "1 day" } },
        { backoff: { cap: 1 } },
        { intensity: { restarts: 0, window: "Infinity" } }
      ]
      for (const options of edges) yield* Effect.scoped(spawnWorker("worker", options))
    }).pipe(withActors(Layer.empty))
  )

  it.effect("of a single send is a defect of its sender, and nothing is sent", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const asked = yield* Effect.exit(ask(worker, () => Effect.void, { deadline: rubbish }))
      const told = yield* Effect.exit(tell(worker, () => Effect.void, { deadline: rubbish }))
      for (const exit of [asked, told]) assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      assert.strictEqual((yield* entryOf("Worker")).accepted, 0)
    }).pipe(withActors(workerLayer()))
  )
})

describe("dispatch", () => {
  it.effect("decodes the payload and asks", () =>
    Effect.gen(function* () {
      const account = yield* Account
      yield* Actor.dispatch(account, { tag: "Deposit", payload: { amount: 5 } })
      assert.strictEqual(yield* Actor.dispatch(account, { tag: "Withdraw", payload: { amount: 3 } }), 2)
      const error = yield* Effect.flip(Actor.dispatch(account, { tag: "Withdraw", payload: { amount: 30 } }))
      assert.deepStrictEqual(error, new Overdrawn({ short: 28 }))
    }).pipe(withActors(accountLayer()))
  )

  it.effect("gives InvalidMessage for a tag that is not in the protocol, and names those that are", () =>
    Effect.gen(function* () {
      const account = yield* Account
      for (const tag of ["Close", "", "toString", "__proto__", "x".repeat(10_000)]) {
        const error = yield* Effect.flip(Actor.dispatch(account, { tag, payload: { amount: 5 } }))
        assert.deepStrictEqual(
          error,
          new InvalidMessage({
            actor: "Account",
            request: tag.slice(0, 64),
            reason: "UnknownTag",
            issue: "expected one of Deposit, Withdraw"
          })
        )
      }
      assert.strictEqual((yield* entryOf("Account")).accepted, 0)
    }).pipe(withActors(accountLayer()))
  )

  it.effect("gives InvalidMessage for a tag that is no text, as a message from outside may have", () =>
    Effect.gen(function* () {
      const account = yield* Account
      for (const tag of [undefined, null, 7, {}, Symbol("tag")]) {
        const error = yield* Effect.flip(Effect.suspend(() => Actor.dispatch(account, { tag: tag as never })))
        assert.deepInclude(error, { _tag: "InvalidMessage", reason: "UnknownTag" })
      }
    }).pipe(withActors(accountLayer()))
  )

  it.effect("gives InvalidMessage for a payload that breaks its schema, and quotes none of it", () =>
    Effect.gen(function* () {
      const account = yield* Account
      const payloads = [undefined, null, {}, { amount: "secret" }, { amount: Number.NaN }, [], "secret"]
      for (const payload of payloads) {
        const error = yield* Effect.flip(Actor.dispatch(account, { tag: "Deposit", payload }))
        assert.deepInclude(error, {
          _tag: "InvalidMessage",
          actor: "Account",
          request: "Deposit",
          reason: "InvalidPayload"
        })
        assert.notInclude(JSON.stringify(error) + error.message, "secret")
      }
      assert.strictEqual((yield* entryOf("Account")).accepted, 0)
    }).pipe(withActors(accountLayer()))
  )

  it.effect("takes a deadline, as ask does", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const payload = { job: () => Effect.never }
      const answer = yield* background(Effect.flip(Actor.dispatch(worker, { tag: "Run", payload }, { deadline: 10 })))
      yield* TestClock.adjust(10)
      assert.strictEqual((yield* Fiber.join(answer))._tag, "Timeout")
    }).pipe(withActors(workerLayer()))
  )
})

const even = Schema.Int.check(Schema.makeFilter((n: number) => n % 2 === 0, { expected: "an even number" }))
const messages = [Rpc.make("Half", { payload: { n: even }, success: Schema.Finite })] as const

class Trusting extends Actor.Service<Trusting>()("Trusting", messages) {}
class Strict extends Actor.Service<Strict>()("Strict", messages, { validate: "always" }) {}
const halve = { Half: ({ n }: { readonly n: number }) => Effect.succeed(n / 2) }

describe("a payload that breaks its schema", () => {
  it.effect("is refused with InvalidMessage where the definition says always, in ask and in tell", () =>
    Effect.gen(function* () {
      const strict = yield* Strict
      const invalid = new InvalidMessage({
        actor: "Strict",
        request: "Half",
        reason: "InvalidPayload",
        issue: "n: expected an even number"
      })
      assert.deepStrictEqual(yield* Effect.flip(strict.ask.Half({ n: 3 })), invalid)
      assert.deepStrictEqual(yield* Effect.flip(strict.tell.Half({ n: 3 })), invalid)
      assert.strictEqual((yield* Effect.flip(strict.ask.Half({ n: "secret" as never })))._tag, "InvalidMessage")
      assert.strictEqual(yield* strict.ask.Half({ n: 4 }), 2)
      const { accepted, refused } = yield* entryOf("Strict")
      assert.deepStrictEqual({ accepted, invalid: refused.invalid }, { accepted: 1, invalid: 3 })
    }).pipe(withActors(Strict.toLayer(halve)))
  )

  it.effect("passes by default, as the compiler is trusted between actors; dispatch checks it", () =>
    Effect.gen(function* () {
      const trusting = yield* Trusting
      assert.strictEqual(yield* trusting.ask.Half({ n: 3 }), 1.5)
      const error = yield* Effect.flip(Actor.dispatch(trusting, { tag: "Half", payload: { n: 3 } }))
      assert.strictEqual(error._tag, "InvalidMessage")
    }).pipe(withActors(Trusting.toLayer(halve)))
  )
})

/** What a handler may give instead of an effect when nobody checks its types. */
const nonEffects: ReadonlyArray<[name: string, value: unknown]> = [
  ["undefined", undefined],
  ["null", null],
  ["a number", 5],
  ["a text", "reply"],
  ["a promise", Promise.resolve("reply")],
  ["an object", { reply: true }],
  ["an object without a prototype", Object.create(null)],
  ["a function", () => Effect.void]
]

describe("a handler", () => {
  const crashed = (incarnation: number) => new Crashed({ actor: "Worker", request: "Run", incarnation })

  it.effect("that throws before it gives an effect crashes its actor, as one that dies does", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const throws: Job = () => {
        throw new Error("on purpose")
      }
      assert.deepStrictEqual(yield* Effect.flip(ask(worker, throws)), crashed(1))
      yield* TestClock.adjust("1 minute")
      assert.deepInclude(yield* ask(worker, () => Actor.self), { incarnation: 2 })
    }).pipe(withActors(workerLayer()))
  )

  for (const [name, value] of nonEffects) {
    it.effect(`that gives ${name} instead of an effect crashes its actor`, () =>
      Effect.gen(function* () {
        const worker = yield* Worker
        const answer = yield* background(Effect.flip(ask(worker, () => value as never)))
        assert.deepStrictEqual(answer.pollUnsafe(), Exit.succeed(crashed(1)))
        yield* TestClock.adjust("1 minute")
        assert.deepInclude(yield* ask(worker, () => Actor.self), { incarnation: 2 })
      }).pipe(withActors(workerLayer()))
    )
  }

  it.effect("that interrupts itself crashes its actor: ryker did not ask for it", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      assert.deepStrictEqual(yield* Effect.flip(ask(worker, () => Effect.interrupt)), crashed(1))
    }).pipe(withActors(workerLayer()))
  )

  it.effect("that gives an Exit has answered with it", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      assert.strictEqual(yield* ask(worker, () => Exit.succeed("reply")), "reply")
      const refused = new Refused({ why: "on purpose" })
      assert.deepStrictEqual(yield* Effect.flip(ask(worker, () => Exit.fail(refused))), refused)
      assert.deepInclude(yield* entryOf("Worker"), { handled: 2, failed: 0 })
      assert.deepStrictEqual(yield* Effect.flip(ask(worker, () => Exit.die("on purpose"))), crashed(1))
    }).pipe(withActors(workerLayer()))
  )

  it.effect("that fails and dies at once has died", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const job = () => Effect.ensuring(new Refused({ why: "on purpose" }), Effect.die("on purpose"))
      assert.deepStrictEqual(yield* Effect.flip(ask(worker, job)), crashed(1))
    }).pipe(withActors(workerLayer()))
  )
})

describe("options of actors that are started alike", () => {
  it.effect("hold for each, and a wrong one is found however it is written", () =>
    Effect.gen(function* () {
      const capacityOf = (options: Actor.Options) =>
        Effect.gen(function* () {
          const worker = yield* Actor.spawn(Worker, { Run: () => Effect.never }, { shutdown: 0, ...options })
          let refused = worker.tellUnsafe.Run({ job: () => Effect.void })
          while (refused === undefined) refused = worker.tellUnsafe.Run({ job: () => Effect.void })
          return refused._tag === "Busy" ? refused.capacity : Number.NaN
        })
      assert.strictEqual(yield* capacityOf({ capacity: 2 }), 2)
      assert.strictEqual(yield* capacityOf({ capacity: 3, deadline: 7 }), 3)
      assert.strictEqual(yield* capacityOf({ capacity: 2 }), 2)
      assert.strictEqual(yield* capacityOf({}), 256)
      yield* capacityOf({ restart: "permanent", startTimeout: 5 })
      const wrong = "permanent startTimeout number 5" as never
      const error = yield* Effect.flip(spawnWorker("wrong", { restart: wrong }))
      assert.instanceOf(error, InvalidOption)
      const text = yield* Effect.flip(spawnWorker("text", { capacity: "2" as never }))
      assert.instanceOf(text, InvalidOption)
    }).pipe(Effect.scoped, withActors(Layer.empty))
  )
})
