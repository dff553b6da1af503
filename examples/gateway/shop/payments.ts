/**
 * Charges cards, as many at a time as the bank allows. When its library throws, the actor crashes: its asker hears of it at
 * once, what is queued waits, and the next incarnation begins with a fresh connection after a backoff.
 */
import { Effect, Schema } from "effect"
import { Rpc } from "effect/rpc"
import { Actor, Router } from "ryker"
import { Bank, Declined } from "./bank.ts"
import { Session } from "./session.ts"

export class Payments extends Actor.Service<Payments>()("Payments", [
  Rpc.make("Charge", {
    payload: { order: Schema.String, card: Schema.Redacted(Schema.String), cents: Schema.Int },
    error: Declined
  })
]) {}

/** Runs for each of the four, at each of its starts. */
const build = Effect.gen(function* () {
  const bank = yield* Bank
  const session = yield* Session
  const token = yield* Effect.orDie(session.ask.Token())
  return Payments.of({ Charge: (charge) => bank.charge(token, charge) })
})

/** Four at work and 32 that wait: what is more gets `Busy` at once, rather than an answer after its deadline. */
export const PaymentsLayer = Router.layer(Payments, build, { size: 4, choose: "least-queued", capacity: 8 })
