/** Signs on at the bank, once for all that charge cards. Who signs on again ends the session before: see `tree.ts`. */
import { Effect, Schema } from "effect"
import { Rpc } from "effect/rpc"
import { Actor } from "ryker"
import { Bank } from "./bank.ts"

export class Session extends Actor.Service<Session>()("Session", [
  Rpc.make("Token", { success: Schema.String }),
  Rpc.make("Crash")
]) {}

const build = Effect.gen(function* () {
  const bank = yield* Bank
  const token = yield* bank.signOn
  return Session.of({
    Token: () => Effect.succeed(token),
    // A drill.
    Crash: () => Effect.die(new Error("told to"))
  })
})

export const SessionLayer = Session.toLayer(build)
