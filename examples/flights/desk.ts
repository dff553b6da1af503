/** Where some of a region's airports report their movements. It has them counted by the region's tally. */
import { Context, Effect, Layer } from "effect"
import { Rpc } from "effect/rpc"
import { Actor } from "ryker"
import { patience } from "./busy.ts"
import { Movement } from "./flights.ts"
import type { Region } from "./regions.ts"
import { tallyOf } from "./tally.ts"
import { Weather } from "./weather.ts"

export class Desk extends Actor.Service<Desk>()("Desk", [Rpc.make("Report", { payload: Movement })]) {}

/** The key of the desk with this address. */
export const deskAt = (address: string) => Context.Service<Desk, typeof Desk.Service>(`flights/${address}`)

export const deskLayer = (region: Region, address: string, options: Actor.Options) =>
  Layer.effect(
    deskAt(address),
    Actor.spawn(
      Desk,
      Effect.gen(function* () {
        const tally = yield* tallyOf(region)
        const weather = yield* Weather
        return Desk.of({
          Report: Effect.fnUntraced(function* (movement) {
            yield* weather.pass(address, movement.report.flight)
            yield* tally.ask.Count(movement).pipe(
              // A tally that is gone comes back, and this desk is restarted with it: until then it can but try.
              Effect.retry({ while: ({ _tag }) => _tag === "Crashed" || _tag === "Stopped", schedule: patience }),
              Effect.orDie
            )
          })
        })
      }),
      { ...options, name: address }
    )
  )
