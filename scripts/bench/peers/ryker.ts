/** The library as it comes: defaults, typed handle, supervised actors. */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import * as Actor from "ryker/Actor"
import * as Ledger from "ryker/Ledger"
import * as Ryker from "ryker/Ryker"
import { capacity, deadlineMillis, expectEqual, type Peer } from "../harness.ts"

class Adder extends Actor.Service<Adder>()("Adder", [
  Rpc.make("Add", { payload: { n: Schema.Finite }, success: Schema.Finite })
]) {}

/** The library under a runtime of that kind. */
export const rykerWith = (title: string, runtime: Layer.Layer<Ryker.Ryker>): Peer<Adder["Service"]> => ({
  title,
  runtime,
  spawn: (handler) =>
    Actor.spawn(Adder, Adder.of({ Add: ({ n }) => handler(n) }), { capacity, deadline: deadlineMillis }),
  tell: (actor, n) => actor.tell.Add({ n }),
  ask: (actor, n) => actor.ask.Add({ n }),
  check: Effect.flatMap(Ryker.ledger, (entries) =>
    Effect.forEach(entries, (entry) => expectEqual(`imbalance of ${entry.actor}`, Ledger.imbalance(entry), 0), {
      discard: true
    })
  )
})

export default rykerWith("ryker", Ryker.layer)
