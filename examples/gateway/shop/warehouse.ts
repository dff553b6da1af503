/** Stands for a database: what must survive the crash of an actor. It knows nothing of who writes when. */
import { Context, Effect, Layer, Metric } from "effect"
import { catalogue } from "./catalogue.ts"
import * as Shelf from "./shelf.ts"

/** Read by whoever scrapes: units sold and units left are all there ever were. */
const units = Metric.gauge("gateway_stock_units", { description: "Units of an article, by where they are" })

const measure = (sku: string, shelf: Shelf.Shelf) =>
  Effect.forEach(
    Object.entries({ available: shelf.available, held: Shelf.heldUnits(shelf), sold: shelf.sold }),
    ([state, count]) => Metric.update(Metric.withAttributes(units, { sku, state }), count),
    { discard: true }
  )

export class Warehouse extends Context.Service<
  Warehouse,
  {
    readonly load: (sku: string) => Effect.Effect<Shelf.Shelf>
    readonly save: (sku: string, shelf: Shelf.Shelf) => Effect.Effect<void>
  }
>()("gateway/Warehouse") {
  static readonly layer = Layer.effect(
    Warehouse,
    Effect.gen(function* () {
      const rows = new Map(Array.from(catalogue, ([sku, { stock }]) => [sku, Shelf.full(stock)] as const))
      yield* Effect.forEach(rows, ([sku, shelf]) => measure(sku, shelf), { discard: true })
      return {
        load: (sku) =>
          Effect.delay(
            Effect.sync(() => rows.get(sku) ?? Shelf.full(0)),
            "1 millis"
          ),
        save: (sku, shelf) =>
          Effect.delay(
            Effect.suspend(() => {
              rows.set(sku, shelf)
              return measure(sku, shelf)
            }),
            "1 millis"
          )
      }
    })
  )
}
