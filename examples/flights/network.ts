/** The aggregate: one actor that all airports report to. */
import { Effect, Schema } from "effect"
import { Rpc } from "effect/rpc"
import { Actor } from "ryker"

export class Network extends Actor.Service<Network>()("Network", [
  /** Counts a movement and gives its number. */
  Rpc.make("Record", { payload: { delay: Schema.Int, distance: Schema.Int }, success: Schema.Int }),
  Rpc.make("Totals", {
    success: Schema.Struct({ movements: Schema.Int, delay: Schema.Int, distance: Schema.Int })
  })
]) {}

/** An airport waits for each answer, so the default mailbox of 256 has room for one question of each of the 224. */
export const NetworkLayer = Network.toLayer(
  Effect.sync(() => {
    const totals = { movements: 0, delay: 0, distance: 0 }
    return Network.of({
      Record: ({ delay, distance }) =>
        Effect.sync(() => {
          totals.delay += delay
          totals.distance += distance
          return ++totals.movements
        }),
      Totals: () => Effect.sync(() => ({ ...totals }))
    })
  })
)
