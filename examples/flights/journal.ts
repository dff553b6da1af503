/**
 * Stands for a database table with a row for each movement that a region has counted. Its key is the movement, so
 * what is entered twice is there once: whoever was not told whether it worked may try again.
 */
import { Context, Effect, Layer } from "effect"
import type { Movement } from "./flights.ts"
import * as Totals from "./totals.ts"

export class Journal extends Context.Service<
  Journal,
  {
    /** Adds a row, and says whether it was new. */
    readonly enter: (region: string, movement: Movement) => Effect.Effect<boolean>
    /** Adds a region's rows up. */
    readonly sum: (region: string) => Effect.Effect<Totals.Totals>
  }
>()("flights/Journal") {
  static readonly layer = Layer.sync(Journal, () => {
    const tables = new Map<string, Map<string, Movement>>()
    return {
      enter: (region, movement) =>
        Effect.sync(() => {
          const table = tables.get(region) ?? new Map<string, Movement>()
          tables.set(region, table)
          const key = `${movement.kind} ${movement.report.flight}`
          if (table.has(key)) return false
          table.set(key, movement)
          return true
        }),
      sum: (region) => Effect.sync(() => Array.from(tables.get(region)?.values() ?? []).reduce(Totals.add, Totals.none))
    }
  })
}
