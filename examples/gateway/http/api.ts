/** What clients may ask for, and every way in which it can fail: the server, typed clients and the OpenAPI document follow from it. */
import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiMiddleware, HttpApiSchema, OpenApi } from "effect/http-api"
import { HttpProblem } from "ryker/http"
import { Declined } from "../shop/bank.ts"
import { UnknownSku } from "../shop/catalogue.ts"
import { Level, OutOfStock } from "../shop/inventory.ts"

const Sku = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(64))

export const OrderRequest = Schema.Struct({
  sku: Sku,
  units: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 })),
  /** Redacted from here on: it is in no log line, no error and no trace. */
  card: Schema.RedactedFromValue(Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(64)))
})

export const Receipt = Schema.Struct({ order: Schema.String, sku: Sku, units: Schema.Int, cents: Schema.Int })

export const Stock = Schema.Struct({ sku: Sku, cents: Schema.Int, ...Level.fields })

const orders = HttpApiGroup.make("orders").add(
  HttpApiEndpoint.post("place", "/orders", {
    payload: OrderRequest,
    success: Receipt.pipe(HttpApiSchema.status(201)),
    error: [UnknownSku, OutOfStock, Declined, ...HttpProblem.errors]
  }).annotate(
    OpenApi.Description,
    "Sells, or changes nothing: whatever is answered but 201, no unit is held and no money is kept."
  )
)

const stock = HttpApiGroup.make("stock").add(
  HttpApiEndpoint.get("list", "/stock", { success: Schema.Array(Stock), error: HttpProblem.errors }),
  HttpApiEndpoint.get("one", "/stock/:sku", {
    params: { sku: Sku },
    success: Stock,
    error: [UnknownSku, ...HttpProblem.errors]
  })
)

export const Api = HttpApi.make("gateway")
  .add(orders)
  .add(stock)
  .middleware(HttpApiMiddleware.ProblemDetails)
  .annotateMerge(OpenApi.annotations({ title: "Order gateway", version: "1.0.0" }))
