/** Tiny actors that the tests share, and what runs them. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import * as Actor from "../src/Actor.ts"
import * as Ledger from "../src/Ledger.ts"
import * as Ryker from "../src/Ryker.ts"
import * as TestRyker from "../src/testing/TestRyker.ts"

/** Counts; `Crash` is a defect, `Hang` never answers, `Stubborn` cannot be interrupted while it takes its time. */
export class Counter extends Actor.Service<Counter>()("Counter", [
  Rpc.make("Next", { success: Schema.Int }),
  Rpc.make("Add", { payload: { n: Schema.Int } }),
  Rpc.make("Crash"),
  Rpc.make("Hang"),
  Rpc.make("Slow", { payload: { millis: Schema.Int }, success: Schema.Int }),
  Rpc.make("Stubborn", { payload: { millis: Schema.Int }, success: Schema.Int })
]) {}

/** The handlers of `Counter`; state starts from nothing at each call. */
export const counterHandlers = () => {
  let n = 0
  return Counter.of({
    Next: () => Effect.sync(() => ++n),
    Add: (payload) =>
      Effect.sync(() => {
        n += payload.n
      }),
    Crash: () => Effect.die(new Error("crash on purpose")),
    Hang: () => Effect.never,
    Slow: ({ millis }) => Effect.sync(() => ++n).pipe(Effect.delay(millis)),
    Stubborn: ({ millis }) => Effect.uninterruptible(Effect.sync(() => ++n).pipe(Effect.delay(millis)))
  })
}

export const counterLayer = (options?: Actor.Options) => Counter.toLayer(Effect.sync(counterHandlers), options)

/** Refuses to go below zero, with a typed error. */
export class Overdrawn extends Schema.TaggedError<Overdrawn>()("Overdrawn", { short: Schema.Finite }) {}

export class Account extends Actor.Service<Account>()("Account", [
  Rpc.make("Deposit", { payload: { amount: Schema.Finite } }),
  Rpc.make("Withdraw", { payload: { amount: Schema.Finite }, success: Schema.Finite, error: Overdrawn })
]) {}

export const accountLayer = (options?: Actor.Options) =>
  Account.toLayer(
    Effect.sync(() => {
      let balance = 0
      return Account.of({
        Deposit: ({ amount }) =>
          Effect.sync(() => {
            balance += amount
          }),
        Withdraw: ({ amount }) =>
          amount > balance ? new Overdrawn({ short: amount - balance }) : Effect.sync(() => (balance -= amount))
      })
    }),
    options
  )

/** Runs a test with actors under a runtime of its own, whose ledger must balance in the end. */
export const withActors =
  <ROut, E2>(layer: Layer.Layer<ROut, E2, Ryker.Ryker>, options: Ryker.Options = {}) =>
  <A, E, R>(test: Effect.Effect<A, E, R>) =>
    test.pipe(
      Effect.tap(() => assertBalanced),
      Effect.provide(layer),
      Effect.provide(TestRyker.layer(options))
    )

/** Every message that was accepted is accounted for. */
export const assertBalanced: Effect.Effect<void, never, Ryker.Ryker> = Effect.map(Ryker.ledger, (entries) => {
  for (const entry of entries) assert.strictEqual(Ledger.imbalance(entry), 0, JSON.stringify(entry))
})
