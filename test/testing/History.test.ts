import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Cause from "effect/Cause"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { Busy, Crashed, Deadlock, InvalidMessage, Stopped, Timeout, TooLarge } from "../../src/RykerError.ts"
import * as History from "../../src/testing/History.ts"
import * as Linearizable from "../../src/testing/Linearizable.ts"
import * as Timeline from "../../src/testing/Timeline.ts"
import { Account, accountLayer, Counter, counterLayer, Overdrawn, withActors } from "../fixtures.ts"
import { counter } from "./histories.ts"

const base = { actor: "Account", request: "Withdraw" }

describe("History", () => {
  describe("outcomeOf", () => {
    const answered: ReadonlyArray<readonly [string, Exit.Exit<number, Overdrawn>, number | Overdrawn]> = [
      ["a success", Exit.succeed(7), 7],
      ["the message's own error", Exit.fail(new Overdrawn({ short: 3 })), new Overdrawn({ short: 3 })]
    ]
    for (const [name, exit, result] of answered) {
      it(`${name} is an answer`, () => {
        assert.deepStrictEqual(History.outcomeOf<number | Overdrawn>(exit), { _tag: "Answered", result })
      })
    }

    const refused: ReadonlyArray<History.SendError> = [
      new Busy({ actor: "Account", limit: "mailbox", capacity: 1 }),
      new TooLarge({ ...base, bytes: 2, max: 1 }),
      new Timeout({ ...base, phase: "queued", millis: 5 }),
      new Stopped({ actor: "Account", reason: "Draining", phase: "refused" }),
      new Stopped({ actor: "Account", reason: "Stopped", phase: "queued" }),
      new Deadlock({ actor: "Account", request: "Withdraw", cycle: ["Account", "Account"] }),
      new InvalidMessage({ ...base, reason: "UnknownTag", issue: "no such tag" })
    ]
    for (const error of refused) {
      it(`${error._tag} ${"phase" in error ? error.phase : ""} had no effect`, () => {
        assert.deepStrictEqual(History.outcomeOf(Exit.fail(error)), { _tag: "Refused", reason: error._tag })
      })
    }

    const unanswered: ReadonlyArray<History.SendError> = [
      new Timeout({ ...base, phase: "running", millis: 5 }),
      new Crashed({ ...base, incarnation: 1 }),
      new Stopped({ actor: "Account", reason: "Stopped", phase: "running" }),
      // Whoever doesn't say how far it came may have come as far as that.
      new Stopped({ actor: "Account", reason: "Ended" })
    ]
    for (const error of unanswered) {
      it(`${error._tag} ${"phase" in error ? error.phase : ""} may have had an effect`, () => {
        assert.deepStrictEqual(History.outcomeOf(Exit.fail(error)), { _tag: "Unanswered", reason: error._tag })
      })
    }

    it("a defect and an interruption may have had an effect, also beside an error", () => {
      const busy = new Busy({ actor: "Account", limit: "mailbox", capacity: 1 })
      assert.deepStrictEqual(History.outcomeOf(Exit.die("boom")), { _tag: "Unanswered", reason: "died" })
      assert.deepStrictEqual(History.outcomeOf(Exit.interrupt(1)), { _tag: "Unanswered", reason: "interrupted" })
      assert.deepStrictEqual(History.outcomeOf(Exit.failCause(Cause.combine(Cause.fail(busy), Cause.die("boom")))), {
        _tag: "Unanswered",
        reason: "died"
      })
    })
  })

  it.effect("calls are recorded in the order of their invocations, with what the effect gave", () =>
    Effect.gen(function* () {
      const history = yield* History.make<string, number>()
      const slow = yield* Effect.forkChild(history.record("a", "slow", Effect.delay(Effect.succeed(1), 10)), {
        startImmediately: true
      })
      assert.strictEqual(yield* history.record("b", "fast", Effect.succeed(2)), 2)
      const running = { _tag: "Unanswered", reason: "running" } as const
      const fast = {
        process: "b",
        op: "fast",
        invoked: 2,
        returned: 3,
        outcome: { _tag: "Answered", result: 2 }
      } as const
      assert.deepStrictEqual(yield* history.calls, [
        { process: "a", op: "slow", invoked: 1, returned: Infinity, outcome: running },
        fast
      ])
      yield* TestClock.adjust(10)
      yield* Fiber.join(slow)
      assert.deepStrictEqual(yield* history.calls, [
        { process: "a", op: "slow", invoked: 1, returned: 4, outcome: { _tag: "Answered", result: 1 } },
        fast
      ])
    })
  )

  it.effect("a call is recorded however it ends, and its end goes on", () =>
    Effect.gen(function* () {
      const history = yield* History.make<string, number>()
      const interrupted = yield* Effect.forkChild(history.record("a", "hang", Effect.never), { startImmediately: true })
      yield* Fiber.interrupt(interrupted)
      const error = new Busy({ actor: "Account", limit: "mailbox", capacity: 1 })
      assert.strictEqual(yield* Effect.flip(history.record("b", "refused", Effect.fail(error))), error)
      assert.isTrue(Exit.hasDies(yield* Effect.exit(history.record("c", "crash", Effect.die("boom")))))
      assert.deepStrictEqual(
        (yield* history.calls).map(({ op, outcome }) => [op, outcome._tag, "reason" in outcome && outcome.reason]),
        [
          ["hang", "Unanswered", "interrupted"],
          ["refused", "Refused", "Busy"],
          ["crash", "Unanswered", "died"]
        ]
      )
    })
  )

  it.effect("an effect that is recorded twice makes two calls", () =>
    Effect.gen(function* () {
      const history = yield* History.make<string, number>()
      const call = history.record("a", "get", Effect.succeed(1))
      yield* call
      yield* call
      assert.deepStrictEqual(
        (yield* history.calls).map(({ invoked, returned }) => [invoked, returned]),
        [
          [1, 2],
          [3, 4]
        ]
      )
    })
  )

  // --- Of actors --------------------------------------------------------------------------------------------------------

  const processes = ["a", "b", "c", "d"]

  it.effect("an actor that is asked by many at once is linearizable", () =>
    Effect.gen(function* () {
      const counterActor = yield* Counter
      const history = yield* History.make<"inc", number>()
      yield* Effect.forEach(
        processes,
        (process) => Effect.repeat(history.record(process, "inc", counterActor.ask.Next()), { times: 9 }),
        { concurrency: "unbounded" }
      )
      const calls = yield* history.calls
      assert.strictEqual(calls.length, 40)
      assert.strictEqual(Linearizable.check(counter, calls)._tag, "Linearizable")
    }).pipe(withActors(counterLayer()))
  )

  it.effect("a counter that reads, gives way and writes is not", () =>
    Effect.gen(function* () {
      let n = 0
      const next = Effect.gen(function* () {
        const before = n
        yield* Effect.yieldNow
        return (n = before + 1)
      })
      const history = yield* History.make<"inc", number>()
      yield* Effect.forEach(processes, (process) => history.record(process, "inc", next), { concurrency: "unbounded" })
      const verdict = Linearizable.check(counter, yield* history.calls)
      assert.strictEqual(verdict._tag, "NotLinearizable")
      assert.match(Linearizable.format(verdict), /Cannot be placed: 2, whose answer would be 2/)
    })
  )

  it.effect("a typed failure of an actor is an answer that the model gives as well", () =>
    Effect.gen(function* () {
      const account = yield* Account
      const history = yield* History.make<number, number | Overdrawn | void>()
      yield* history.record("a", 10, account.ask.Deposit({ amount: 10 }))
      yield* Effect.forEach(
        processes,
        (process) => Effect.ignore(history.record(process, -4, account.ask.Withdraw({ amount: 4 }))),
        { concurrency: "unbounded" }
      )
      const model: Linearizable.Model<number, number, number | Overdrawn | void> = {
        initial: 0,
        step: (balance, change) => {
          if (change > 0) return { state: balance + change, result: undefined }
          return -change > balance
            ? { state: balance, result: new Overdrawn({ short: -change - balance }) }
            : { state: balance + change, result: balance + change }
        }
      }
      const verdict = Linearizable.check(model, yield* history.calls)
      assert.strictEqual(verdict._tag, "Linearizable", Linearizable.format(verdict))
    }).pipe(withActors(accountLayer()))
  )

  it.effect("with Crashed as an answer, a model can know that the state is lost", () =>
    Effect.gen(function* () {
      const actor = yield* Counter
      type Op = "inc" | "crash"
      const history = yield* History.make<Op, number | void>({
        outcome: (exit, op) =>
          op === "crash" ? { _tag: "Answered", result: undefined } : History.outcomeOf<number | void>(exit)
      })
      yield* history.record("a", "inc", actor.ask.Next())
      yield* Effect.flip(history.record("a", "crash", actor.ask.Crash()))
      const next = yield* Effect.forkChild(history.record("a", "inc", actor.ask.Next()))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(next), 1)
      const model: Linearizable.Model<number, Op, number | void> = {
        initial: 0,
        step: (n, op) => (op === "crash" ? { state: 0, result: undefined } : { state: n + 1, result: n + 1 })
      }
      assert.strictEqual(Linearizable.check(model, yield* history.calls)._tag, "Linearizable")
    }).pipe(withActors(counterLayer({ backoff: { jitter: false }, deadline: "5 seconds" })))
  )
})

describe("Timeline", () => {
  const call = (process: string, invoked: number, returned: number): History.Call<string, number> => ({
    process,
    op: "get",
    invoked,
    returned,
    outcome: returned === Infinity ? { _tag: "Unanswered", reason: "running" } : { _tag: "Answered", result: invoked }
  })

  it("a process that makes several calls at once has a line for each", () => {
    assert.deepStrictEqual(
      Timeline.draw([call("a", 1, 3), call("a", 2, 4), call("a", 5, 6)])
        .split("\n")
        .slice(0, 2),
      ["a  [1----]     [3-]", "a     [2----]"]
    )
  })

  it("a call that began before the first column has no beginning, one that ended before is left out", () => {
    const calls = [call("a", 1, 2), call("b", 3, 6), call("a", 4, 5)]
    assert.deepStrictEqual(Timeline.draw(calls, { maxEvents: 3 }).split("\n"), [
      "1 earlier call is not shown",
      "b  -2----]",
      "a  [3-]",
      "",
      '2  b  "get" -> 3',
      '3  a  "get" -> 4'
    ])
  })

  it("no calls are nothing", () => {
    assert.strictEqual(Timeline.draw([]).trim(), "")
  })

  it("a call that was refused is shown as such", () => {
    assert.strictEqual(
      Timeline.showCall({ ...call("a", 1, 2), outcome: { _tag: "Refused", reason: "Busy" } }),
      '"get" refused (Busy)'
    )
  })
})
