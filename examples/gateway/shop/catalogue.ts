/** What is sold, for how much, and how many units there are at the start. */
import { HttpApiError } from "effect/http-api"
import { Effect } from "effect"

export interface Item {
  /** In cents. */
  readonly price: number
  /** Units on the shelf when the service starts. */
  readonly stock: number
}

export const catalogue: ReadonlyMap<string, Item> = new Map([
  ["pen", { price: 2_00, stock: 1_000_000 }],
  ["paper", { price: 5_00, stock: 1_000_000 }],
  ["printer", { price: 120_00, stock: 1_000_000 }],
  // A limited edition: more people want it than there are.
  ["signed-print", { price: 900_00, stock: 25 }]
])

export class UnknownSku extends HttpApiError.Problem<UnknownSku>()("UnknownSku", {
  type: "urn:problem-type:gateway:unknown-sku",
  status: 404,
  title: "Unknown Article"
}) {}

/** Strangers' words start no actors: only what is in the catalogue has one. */
export const itemOf = (sku: string): Effect.Effect<Item, UnknownSku> => {
  const item = catalogue.get(sku)
  return item === undefined ? Effect.fail(new UnknownSku()) : Effect.succeed(item)
}
