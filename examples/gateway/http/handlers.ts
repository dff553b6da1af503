/** Each endpoint asks the shop, and says how that ended. */
import { Effect, Layer } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { HttpProblem, RequestDeadline } from "ryker/http"
import { catalogue, type Item, itemOf } from "../shop/catalogue.ts"
import { Inventory } from "../shop/inventory.ts"
import { Orders } from "../shop/orders.ts"
import { Api } from "./api.ts"

const OrdersHandlers = HttpApiBuilder.group(
  Api,
  "orders",
  Effect.fnUntraced(function* (handlers) {
    const orders = yield* Orders
    return handlers.handle("place", ({ payload }) =>
      HttpProblem.mapErrors(
        Effect.map(orders.place(payload), (receipt) => ({ ...receipt, sku: payload.sku, units: payload.units }))
      )
    )
  })
)

const StockHandlers = HttpApiBuilder.group(
  Api,
  "stock",
  Effect.fnUntraced(function* (handlers) {
    const inventory = yield* Inventory
    const stockOf = Effect.fnUntraced(function* (sku: string, { price }: Item) {
      const level = yield* inventory.get(sku).ask.Count(undefined, { deadline: yield* RequestDeadline.left })
      return { sku, cents: price, ...level }
    }, HttpProblem.mapErrors)
    return handlers.handleAll({
      list: () => Effect.forEach(catalogue, ([sku, item]) => stockOf(sku, item), { concurrency: "unbounded" }),
      one: ({ params: { sku } }) => Effect.flatMap(itemOf(sku), (item) => stockOf(sku, item))
    })
  })
)

export const Handlers = Layer.merge(OrdersHandlers, StockHandlers)
