/** Everything but HTTP, as one Layer. */
import { Effect, Layer } from "effect"
import { bank } from "../settings.ts"
import { Bank } from "./bank.ts"
import { Orders } from "./orders.ts"
import { Tree } from "./tree.ts"
import { Warehouse } from "./warehouse.ts"

export const Shop = Orders.layer.pipe(
  Layer.provideMerge(Tree),
  Layer.provide(Warehouse.layer),
  Layer.provideMerge(Layer.unwrap(Effect.map(bank, (behaviour) => Bank.layer(behaviour))))
)
