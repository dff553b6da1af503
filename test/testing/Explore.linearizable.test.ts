import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import * as Actor from "../../src/Actor.ts"
import * as Ryker from "../../src/Ryker.ts"
import * as Explore from "../../src/testing/Explore.ts"
import type * as Linearizable from "../../src/testing/Linearizable.ts"
import { Account, accountLayer, Overdrawn } from "../fixtures.ts"

/** A number of a few words. */
class Register extends Actor.Service<Register>()("Register", [
  Rpc.make("Read", { success: Schema.Int }),
  Rpc.make("Write", { payload: { n: Schema.Int } })
]) {}

/** As it should be, or with a cache in front of it that is late. */
const registerLayer = (isLate: boolean) =>
  Register.toLayer(
    Effect.sync(() => {
      let n = 0
      let cached = 0
      return Register.of({
        Read: () => Effect.sync(() => (isLate ? cached : n)),
        Write: (payload) =>
          Effect.gen(function* () {
            n = payload.n
            if (isLate)
              yield* Effect.forkDetach(
                Effect.andThen(
                  Effect.yieldNow,
                  Effect.sync(() => (cached = n))
                )
              )
            else cached = n
          })
      })
    })
  )

type Op = { readonly _tag: "Read" } | { readonly _tag: "Write"; readonly n: number }

const anyOp: Effect.Effect<Op> = Effect.map(Random.nextIntBetween(0, 5), (n) =>
  n === 0 ? { _tag: "Read" } : { _tag: "Write", n }
)

const model = {
  initial: 0,
  step: (state: number, op: Op) => (op._tag === "Read" ? { state, result: state } : { state: op.n, result: -1 })
}

const register = (isLate: boolean) =>
  Effect.gen(function* () {
    const { ask } = yield* Register
    const run = (op: Op) => (op._tag === "Read" ? ask.Read() : Effect.as(ask.Write({ n: op.n }), -1))
    const next = Effect.map(Effect.all([Random.nextBoolean, anyOp]), ([reads, op]): Op =>
      reads ? { _tag: "Read" } : op
    )
    yield* Explore.linearizable(model, { next, run, processes: 3, calls: 3 })
  }).pipe(Effect.provide(registerLayer(isLate)), Effect.provide(Ryker.layer))

describe("Explore.linearizable", () => {
  it.effect("finds an order for what an actor answers, whatever the schedule", () =>
    Effect.gen(function* () {
      const report = yield* Explore.run(register(false))
      assert.strictEqual(report.schedules, 200)
    })
  )

  it.effect("shows the calls for which there is none", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Explore.run(register(true)))
      assert(error._tag === "ExploreFailure")
      assert.strictEqual(error.fault, "Failure")
      assert.include(error.detail, "Not linearizable")
      assert.include(error.detail, "process 1")
    })
  )

  it.effect("takes the message's own errors for answers", () =>
    Explore.run(
      Effect.gen(function* () {
        const { ask } = yield* Account
        yield* ask.Deposit({ amount: 10 })
        const withdraw = (balance: number, amount: number): Linearizable.Step<number, number | Overdrawn> =>
          amount > balance
            ? { state: balance, result: new Overdrawn({ short: amount - balance }) }
            : { state: balance - amount, result: balance - amount }
        yield* Explore.linearizable(
          { initial: 10, step: withdraw },
          { next: Random.nextIntBetween(1, 8), run: (amount) => ask.Withdraw({ amount }) }
        )
      }).pipe(Effect.provide(accountLayer()), Effect.provide(Ryker.layer)),
      { seeds: 50 }
    )
  )

  it.effect("says when it gave up: that shows nothing", () =>
    Effect.gen(function* () {
      const ref = yield* Ref.make(0)
      const program = Explore.linearizable(
        { initial: 0, step: (n: number) => ({ state: n + 1, result: n + 1 }) },
        { next: Effect.succeed("next"), run: () => Ref.updateAndGet(ref, (n) => n + 1), maxStates: 2 }
      )
      const error = yield* Effect.flip(program)
      assert(error._tag === "LinearizableFailure")
      assert.strictEqual(error.verdict._tag, "GaveUp")
      assert.include(error.message, "Gave up")
    })
  )

  it.effect("refuses numbers that cannot be", () =>
    Effect.gen(function* () {
      const commands = { next: Effect.succeed("next"), run: () => Effect.succeed(1) }
      const one = { initial: 0, step: () => ({ state: 0, result: 1 }) }
      for (const wrong of [{ processes: 0 }, { calls: 0 }, { calls: 1.5 }]) {
        const error = yield* Effect.flip(Explore.linearizable(one, { ...commands, ...wrong }))
        assert.strictEqual(error._tag, "InvalidOption")
      }
    })
  )
})
