import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import * as Actor from "../../src/Actor.ts"
import * as Supervisor from "../../src/Supervisor.ts"
import * as TestProbe from "../../src/testing/TestProbe.ts"
import * as TestRyker from "../../src/testing/TestRyker.ts"
import { stalledClock } from "../Actor.fixtures.ts"
import { Account, Overdrawn } from "../fixtures.ts"

const withRuntime = <A, E, R>(test: Effect.Effect<A, E, R>) =>
  test.pipe(Effect.scoped, Effect.provide(TestRyker.layer({ failOn: ["unfinished"] })))

const deposit = (amount: number) => ({ amount })

describe("expectMessage", () => {
  it.effect("gives the next message, and looks at each once", () =>
    Effect.gen(function* () {
      const { expectMessage, handle, received } = yield* TestProbe.make(Account)
      yield* handle.tell.Deposit(deposit(1))
      yield* handle.tell.Deposit(deposit(2))
      const first = yield* expectMessage("Deposit")
      assert.deepInclude(first, { tag: "Deposit", payload: { amount: 1 }, actor: "Account#1", incarnation: 1, time: 0 })
      yield* expectMessage("Deposit", deposit(2))
      assert.deepStrictEqual(
        (yield* received).map(({ payload }) => payload),
        [deposit(1), deposit(2)]
      )
    }).pipe(withRuntime)
  )

  it.effect("sees to it that what was sent before is there, without time passing", () =>
    Effect.gen(function* () {
      const probe = yield* TestProbe.make(Account)
      const late = Effect.andThen(Effect.repeat(Effect.yieldNow, { times: 40 }), probe.handle.tell.Deposit(deposit(1)))
      yield* Effect.forkChild(late)
      yield* probe.expectMessage("Deposit")
      assert.strictEqual(yield* Clock.currentTimeMillis, 0)
    }).pipe(withRuntime)
  )

  it.effect("waits for what comes by real I/O", () =>
    Effect.gen(function* () {
      const probe = yield* TestProbe.make(Account)
      const later = new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)))
      yield* Effect.forkChild(
        Effect.andThen(
          Effect.promise(() => later),
          probe.handle.tell.Deposit(deposit(1))
        )
      )
      yield* probe.expectMessage("Deposit")
    }).pipe(withRuntime)
  )

  it.effect("moves the TestClock within the time that it is given, and stops it when the message comes", () =>
    Effect.gen(function* () {
      const probe = yield* TestProbe.make(Account)
      const later = (millis: number) => Effect.delay(probe.handle.tell.Deposit(deposit(millis)), millis)
      yield* Effect.forkChild(Effect.forEach([300, 100, 600], later, { concurrency: "unbounded" }))
      yield* TestRyker.settle
      const { time } = yield* probe.expectMessage("Deposit", deposit(100), { within: "1 second" })
      assert.deepStrictEqual([time, yield* Clock.currentTimeMillis], [100, 100])
      // At the last moment.
      yield* probe.expectMessage("Deposit", deposit(300), { within: 200 })
      const { message } = yield* Effect.flip(probe.expectMessage("Deposit", undefined, { within: 299 }))
      assert.strictEqual(
        message.split("\n")[0],
        'The probe of "Account" expected Deposit within 299ms, but no message came.'
      )
      assert.strictEqual(yield* Clock.currentTimeMillis, 599)
    }).pipe(withRuntime)
  )

  it.effect("takes a predicate", () =>
    Effect.gen(function* () {
      const { expectMessage, handle } = yield* TestProbe.make(Account)
      yield* handle.tell.Deposit(deposit(1))
      yield* handle.tell.Deposit(deposit(2))
      yield* expectMessage("Deposit", ({ amount }) => amount < 2)
      const { message } = yield* Effect.flip(expectMessage("Deposit", ({ amount }) => amount < 2))
      assert.deepStrictEqual(message.split("\n"), [
        'The probe of "Account" expected Deposit that the predicate accepts, but Deposit {"amount":2} came.',
        "It has received so far:",
        '  0 ms  Deposit {"amount":1}',
        '  0 ms  Deposit {"amount":2}'
      ])
    }).pipe(withRuntime)
  )

  it.effect("says what came instead: nothing, another message, another payload", () =>
    Effect.gen(function* () {
      const { expectMessage, handle } = yield* TestProbe.make(Account)
      const failure = (expectation: Effect.Effect<unknown, { readonly message: string }>) =>
        Effect.map(Effect.flip(expectation), ({ message }) => message.split("\n")[0])
      const nothing = yield* Effect.flip(expectMessage("Deposit"))
      assert.strictEqual(
        nothing.message,
        'The probe of "Account" expected Deposit without time passing, but no message came.\nIt has received nothing.'
      )
      assert.strictEqual(nothing.kind, "probe")
      yield* handle.tell.Deposit(deposit(3))
      assert.strictEqual(
        yield* failure(expectMessage("Withdraw")),
        'The probe of "Account" expected Withdraw, but Deposit {"amount":3} came.'
      )
      yield* handle.tell.Deposit(deposit(3))
      assert.strictEqual(
        yield* failure(expectMessage("Deposit", deposit(4))),
        'The probe of "Account" expected Deposit {"amount":4}, but Deposit {"amount":3} came.'
      )
    }).pipe(withRuntime)
  )

  it.effect("never shows what is redacted", () => {
    class Vault extends Actor.Service<Vault>()("Vault", [
      Rpc.make("Put", { payload: { secret: Schema.Redacted(Schema.String) } })
    ]) {}
    return Effect.gen(function* () {
      const { expectNoMessage, handle } = yield* TestProbe.make(Vault)
      yield* handle.tell.Put({ secret: Redacted.make("hush") })
      const { message } = yield* Effect.flip(expectNoMessage())
      assert.include(message, "redacted")
      assert.notInclude(message, "hush")
    }).pipe(withRuntime)
  })

  it.effect("leaves a clock that is no TestClock to those who move it", () => {
    let now = 0
    return Effect.gen(function* () {
      const probe = yield* TestProbe.make(Account)
      const waiting = yield* Effect.forkChild(probe.expectMessage("Deposit", undefined, { within: "1 hour" }))
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 40)))
      assert.isUndefined(waiting.pollUnsafe())
      now = 1
      yield* probe.handle.tell.Deposit(deposit(1))
      assert.strictEqual((yield* Fiber.join(waiting)).time, 1)
    }).pipe(
      withRuntime,
      Effect.provideService(
        Clock.Clock,
        stalledClock(() => now)
      )
    )
  })
})

describe("expectNoMessage", () => {
  it.effect("lets the time pass, and is content if nothing comes", () =>
    Effect.gen(function* () {
      const probe = yield* TestProbe.make(Account)
      yield* Effect.forkChild(Effect.delay(probe.handle.tell.Deposit(deposit(1)), 501))
      yield* probe.expectNoMessage()
      assert.strictEqual(yield* Clock.currentTimeMillis, 0)
      yield* probe.expectNoMessage(500)
      assert.strictEqual(yield* Clock.currentTimeMillis, 500)
      const { message } = yield* Effect.flip(probe.expectNoMessage("1 minute"))
      assert.include(message, 'expected no message within 1m, but Deposit {"amount":1} came.')
      assert.strictEqual(yield* Clock.currentTimeMillis, 501)
    }).pipe(withRuntime)
  )

  it.effect("does not count what an expectation has looked at", () =>
    Effect.gen(function* () {
      const probe = yield* TestProbe.make(Account)
      yield* probe.handle.tell.Deposit(deposit(1))
      yield* probe.expectMessage("Deposit")
      yield* probe.expectNoMessage("1 second")
    }).pipe(withRuntime)
  )
})

describe("fishFor", () => {
  it.effect("passes over what is not wanted", () =>
    Effect.gen(function* () {
      const probe = yield* TestProbe.make(Account)
      const later = (n: number) => Effect.delay(probe.handle.tell.Deposit(deposit(n)), 100 * n)
      yield* Effect.forkChild(Effect.forEach([1, 2, 3, 4], later, { concurrency: "unbounded" }))
      const fish = yield* probe.fishFor(({ payload }) => payload.amount === 3, { within: "1 second" })
      assert.strictEqual(fish.time, 300)
      yield* probe.expectMessage("Deposit", deposit(4), { within: 100 })
    }).pipe(withRuntime)
  )

  it.effect("has one time for all that it passes over", () =>
    Effect.gen(function* () {
      const probe = yield* TestProbe.make(Account)
      yield* Effect.forkChild(Effect.forever(Effect.delay(probe.handle.tell.Deposit(deposit(0)), 100)))
      const { message } = yield* Effect.flip(probe.fishFor(() => false, { within: 250 }))
      assert.include(message, "expected a message that the function accepts within 250ms, but none of the 2 that came")
      assert.strictEqual(yield* Clock.currentTimeMillis, 250)
    }).pipe(withRuntime)
  )
})

describe("answers", () => {
  it.effect("come from a list, one for each message: replies, typed failures, defects", () =>
    Effect.gen(function* () {
      const { handle } = yield* TestProbe.make(Account, {
        backoff: { base: 100, jitter: false },
        replies: {
          Withdraw: [
            Effect.succeed(7),
            new Overdrawn({ short: 1 }),
            Effect.die("broken"),
            ({ amount }) => Effect.succeed(amount)
          ]
        }
      })
      const ask = handle.ask.Withdraw({ amount: 3 })
      assert.strictEqual(yield* ask, 7)
      assert.deepStrictEqual(yield* Effect.flip(ask), new Overdrawn({ short: 1 }))
      assert.strictEqual((yield* Effect.flip(ask))._tag, "Crashed")
      const last = yield* Effect.forkChild(ask)
      yield* TestRyker.settle
      yield* TestClock.adjust(100)
      assert.strictEqual(yield* Fiber.join(last), 3)
    }).pipe(withRuntime)
  )

  it.effect("are the same to all, until there is a list, and again after it", () =>
    Effect.gen(function* () {
      const probe = yield* TestProbe.make(Account, { replies: { Withdraw: () => Effect.succeed(1) } })
      const ask = probe.handle.ask.Withdraw({ amount: 3 })
      yield* ask
      yield* probe.script("Withdraw", [Effect.succeed(2)])
      yield* probe.script("Withdraw", [Effect.succeed(3)])
      assert.deepStrictEqual([yield* ask, yield* ask, yield* ask], [2, 3, 1])
    }).pipe(withRuntime)
  )

  it.effect("may take their time, or never come", () =>
    Effect.gen(function* () {
      const { handle } = yield* TestProbe.make(Account, {
        replies: { Withdraw: [Effect.delay(Effect.succeed(1), 500), Effect.never] }
      })
      const asks = yield* Effect.forkChild(
        Effect.forEach([1, 2], (amount) => Effect.result(handle.ask.Withdraw({ amount })))
      )
      yield* TestRyker.settle
      yield* TestClock.adjust("1500 millis")
      const [first, second] = yield* Fiber.join(asks)
      assert.deepInclude(first, { _tag: "Success", success: 1 })
      assert.deepInclude(second, { _tag: "Failure" })
    }).pipe(withRuntime)
  )

  it.effect("are given by the test where there is no script, once", () =>
    Effect.gen(function* () {
      const probe = yield* TestProbe.make(Account)
      const asks = yield* Effect.forkChild(
        Effect.forEach([1, 2], (amount) => Effect.result(probe.handle.ask.Withdraw({ amount })), {
          concurrency: "unbounded"
        })
      )
      const first = yield* probe.expectMessage("Withdraw", { amount: 1 })
      yield* probe.expectNoMessage()
      assert.isTrue(yield* first.answer(Effect.succeed(9)))
      assert.isFalse(yield* first.answer(Effect.succeed(10)))
      yield* (yield* probe.expectMessage("Withdraw", { amount: 2 })).answer(new Overdrawn({ short: 1 }))
      const [one, two] = yield* Fiber.join(asks)
      assert.deepInclude(one, { success: 9 })
      assert.deepInclude(two, { failure: new Overdrawn({ short: 1 }) })
    }).pipe(withRuntime)
  )

  it.effect("are void at once where that is the reply", () =>
    Effect.gen(function* () {
      const { handle } = yield* TestProbe.make(Account)
      assert.isUndefined(yield* handle.ask.Deposit(deposit(1)))
    }).pipe(withRuntime)
  )
})

describe("a probe as a Layer", () => {
  class Keys extends Actor.keyed<Keys>()("Keys", Account.messages) {}

  it.effect("stands for the real actor, also in a supervision tree, and is restarted there", () =>
    Effect.gen(function* () {
      const probe = yield* TestProbe.of(Account)
      const account = yield* Account
      yield* account.tell.Withdraw({ amount: 1 })
      yield* probe.expectMessage("Withdraw")
      yield* account.tell.Deposit(deposit(1))
      const { actor, incarnation } = yield* probe.expectMessage("Deposit", undefined, { within: "1 second" })
      assert.deepStrictEqual([actor, incarnation], ["Account", 2])
    }).pipe(
      Effect.provide(
        Supervisor.layer("Top", {
          children: [TestProbe.layer(Account, { replies: { Withdraw: () => Effect.die("broken") } })]
        })
      ),
      withRuntime
    )
  )

  it.effect("stands for a whole keyed family, and says whose message it was", () =>
    Effect.gen(function* () {
      const keys = yield* Keys
      yield* keys.get("ada").ask.Deposit(deposit(1))
      yield* keys.get("bob").ask.Deposit(deposit(2))
      const probe = yield* TestProbe.of(Keys)
      assert.deepStrictEqual(
        (yield* probe.received).map(({ actor, id }) => [actor, id]),
        [
          ["Keys/ada", "ada"],
          ["Keys/bob", "bob"]
        ]
      )
      const { message } = yield* Effect.flip(probe.expectMessage("Withdraw"))
      assert.include(message, 'but Deposit {"amount":1} for Keys/ada came.')
    }).pipe(Effect.provide(TestProbe.layer(Keys)), withRuntime)
  )

  it.effect("that is not there is said so", () =>
    Effect.gen(function* () {
      const { message } = yield* Effect.flip(TestProbe.of(Account))
      assert.strictEqual(message, 'There is no probe of "Account": provide TestProbe.layer(Account)')
    }).pipe(withRuntime)
  )

  it.effect("is what make gives, for what is provided with it", () =>
    Effect.gen(function* () {
      const probe = yield* TestProbe.make(Account)
      const context = yield* Layer.build(probe.layer)
      yield* Context.get(context, Account).tell.Deposit(deposit(1))
      yield* probe.expectMessage("Deposit")
    }).pipe(withRuntime)
  )

  it.effect("keeps what it recorded, whatever the runtime forgets", () => {
    class Vault extends Actor.Service<Vault>()("Vault", [Rpc.make("Put", { payload: { bytes: Schema.Uint8Array } })]) {}
    return Effect.gen(function* () {
      const probe = yield* TestProbe.make(Vault)
      yield* probe.handle.ask.Put({ bytes: new Uint8Array([1, 2]) })
      assert.deepStrictEqual((yield* probe.expectMessage("Put")).payload.bytes, new Uint8Array([1, 2]))
    }).pipe(Effect.scoped, Effect.provide(TestRyker.layer({ defaults: { amnesia: true } })))
  })
})

describe("the types", () => {
  it("are those of the protocol", () => {
    type Probe = TestProbe.TestProbe<(typeof Account.messages)[number]>
    type Withdrawn = Effect.Success<ReturnType<typeof expectWithdraw>>
    const expectWithdraw = (probe: Probe) => probe.expectMessage("Withdraw")
    expectTypeOf<Withdrawn["tag"]>().toEqualTypeOf<"Withdraw">()
    expectTypeOf<Withdrawn["payload"]>().toEqualTypeOf<{ readonly amount: number }>()
    expectTypeOf<Parameters<Withdrawn["answer"]>[0]>().toEqualTypeOf<Effect.Effect<number, Overdrawn>>()
    const wrong = (probe: Probe) => {
      // @ts-expect-error no such message
      void probe.expectMessage("Steal")
      // @ts-expect-error not its payload
      void probe.expectMessage("Deposit", { amount: "1" })
      // @ts-expect-error not its reply
      void probe.script("Withdraw", [Effect.succeed("1")])
      // @ts-expect-error not its error
      void probe.script("Deposit", () => Effect.fail("no"))
    }
    assert.isDefined(wrong)
  })
})
