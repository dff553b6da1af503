/**
 * An actor for each article. Reading the shelf, deciding and writing take time, and others want the same units meanwhile: one
 * actor handles one message after the other, so nothing is sold twice.
 */
import { Effect, Schema } from "effect"
import { HttpApiError } from "effect/http-api"
import { Rpc } from "effect/rpc"
import { Actor } from "ryker"
import * as Shelf from "./shelf.ts"
import { Warehouse } from "./warehouse.ts"

export class OutOfStock extends HttpApiError.Problem<OutOfStock>()(
  "OutOfStock",
  { type: "urn:problem-type:gateway:out-of-stock", status: 409, title: "Out Of Stock" },
  { available: Schema.Int }
) {}

/** Units by where they are. */
export const Level = Schema.Struct({ available: Schema.Int, held: Schema.Int, sold: Schema.Int })

export class Inventory extends Actor.keyed<Inventory>()("Inventory", [
  Rpc.make("Reserve", { payload: { order: Schema.String, units: Schema.Int }, error: OutOfStock }),
  // The two ends of a reservation. Who got no answer may ask again: the second time changes nothing.
  Rpc.make("Release", { payload: { order: Schema.String } }),
  Rpc.make("Sell", { payload: { order: Schema.String } }),
  Rpc.make("Count", { success: Level })
]) {}

/** Runs at every start: after a crash, and when somebody asks for an article that nobody has asked for in a while. */
const build = (sku: string) =>
  Effect.gen(function* () {
    const warehouse = yield* Warehouse
    let shelf = yield* warehouse.load(sku)
    // An asker that goes away interrupts the handler: not between the database and what is known here.
    const write = (next: Shelf.Shelf) =>
      next === shelf
        ? Effect.void
        : Effect.uninterruptible(
            Effect.andThen(
              warehouse.save(sku, next),
              Effect.sync(() => void (shelf = next))
            )
          )

    return Inventory.of({
      Reserve: ({ order, units }) => {
        const next = Shelf.hold(shelf, order, units)
        return next === undefined ? Effect.fail(new OutOfStock({ available: shelf.available })) : write(next)
      },
      Release: ({ order }) => write(Shelf.release(shelf, order)),
      Sell: ({ order }) => write(Shelf.sell(shelf, order)),
      Count: () => Effect.succeed({ available: shelf.available, held: Shelf.heldUnits(shelf), sold: shelf.sold })
    })
  })

export const InventoryLayer = Inventory.toLayer(build)
