/** Stands for a database: where airports keep what must survive a crash. */
import { Context, Effect, Layer } from "effect"
import * as Totals from "./totals.ts"

export class Store extends Context.Service<
  Store,
  {
    readonly load: (airport: string) => Effect.Effect<Totals.Totals>
    readonly save: (airport: string, totals: Totals.Totals) => Effect.Effect<void>
    readonly all: Effect.Effect<ReadonlyMap<string, Totals.Totals>>
  }
>()("flights/Store") {
  static readonly layer = Layer.sync(Store, () => {
    const rows = new Map<string, Totals.Totals>()
    return {
      load: (airport) => Effect.sync(() => rows.get(airport) ?? Totals.none),
      save: (airport, totals) => Effect.sync(() => void rows.set(airport, totals)),
      all: Effect.sync(() => new Map(rows))
    }
  })
}
