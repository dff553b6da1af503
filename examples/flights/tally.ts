/** A region's totals. What it counts it enters into the journal, and from there it has its totals after a restart. */
import { Context, Effect, Layer } from "effect"
import { Rpc } from "effect/rpc"
import { Actor } from "ryker"
import { Movement } from "./flights.ts"
import { Journal } from "./journal.ts"
import type { Region } from "./regions.ts"
import * as Totals from "./totals.ts"
import { Weather } from "./weather.ts"

export class Tally extends Actor.Service<Tally>()("Tally", [
  Rpc.make("Count", { payload: Movement }),
  Rpc.make("Totals", { success: Totals.Totals })
]) {}

/** There is one in each region, so each has a key of its own. */
export const tallyOf = ({ tally }: Region) => Context.Service<Tally, typeof Tally.Service>(`flights/${tally}`)

export const tallyLayer = (region: Region, options: Actor.Options) =>
  Layer.effect(
    tallyOf(region),
    Actor.spawn(
      Tally,
      Effect.gen(function* () {
        const journal = yield* Journal
        const weather = yield* Weather
        let totals = yield* journal.sum(region.name)
        return Tally.of({
          Count: Effect.fnUntraced(function* (movement) {
            yield* weather.pass(region.tally, movement.report.flight)
            if (yield* journal.enter(region.name, movement)) totals = Totals.add(totals, movement)
          }),
          Totals: () => Effect.sync(() => totals)
        })
      }),
      { ...options, name: region.tally }
    )
  )
