/** The library as it comes: defaults, typed handle, supervised actors. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import * as Actor from "ryker/Actor"
import * as Ledger from "ryker/Ledger"
import * as Ryker from "ryker/Ryker"
import { expectEqual } from "../tally.ts"
import { deadlineMillis, defaultCapacity, type EffectPeer, type Handler } from "../workload.ts"

const messages = [
  Rpc.make("Add", { payload: { n: Schema.Finite }, success: Schema.Finite }),
  Rpc.make("Store", { payload: { n: Schema.Finite, bytes: Schema.Uint8Array } })
] as const

class Adder extends Actor.Service<Adder>()("Adder", messages) {}

class Adders extends Actor.keyed<Adders>()("Adders", messages) {}

const handlersOf = (handler: Handler) =>
  Adder.of({
    Add: ({ n }) => handler(n),
    Store: ({ bytes, n }) => Effect.asVoid(handler(n, bytes))
  })

/** The library in a runtime of that kind. */
export const rykerWith = (title: string, layer: Layer.Layer<Ryker.Ryker>): EffectPeer<Adder["Service"]> => ({
  kind: "effect",
  title,
  guarantees: {
    bounded: [true, "refused with `Busy`"],
    deadline: [true, "expired messages do not run, handlers are interrupted"],
    supervised: [true, "restart with backoff and a limit; queue kept, asker told"],
    ownTurn: [true, "a turn of its own; up to 64 asks of an idle actor in a row, on the stack of the asker, who waits"]
  },
  layer,
  spawn: (handler, { amnesia = false, capacity = defaultCapacity }) =>
    Actor.spawn(Adder, handlersOf(handler), {
      amnesia,
      capacity,
      deadline: deadlineMillis,
      // 64 KiB of bytes and a number are more than the default.
      maxMessageBytes: 128 * 1024
    }),
  tell: (actor, n, bytes) => (bytes === undefined ? actor.tell.Add({ n }) : actor.tell.Store({ n, bytes })),
  ask: (actor, n) => actor.ask.Add({ n }),
  tellUnsafe: (actor, n) => {
    const refused = actor.tellUnsafe.Add({ n })
    if (refused === undefined) return true
    if (refused._tag === "Busy") return false
    throw refused
  },
  askPromise: (actor, n) => actor.askPromise.Add({ n }),
  keyed: (handler, ids) =>
    Effect.gen(function* () {
      const layer = Adders.toLayer(() => handlersOf(handler), { maxResident: ids, deadline: deadlineMillis })
      const adders = Context.get(yield* Layer.build(layer), Adders)
      return (id) => adders.get(id)
    }),
  restarting: (build) =>
    Actor.spawn(
      Adder,
      Effect.sync(() => handlersOf(build())),
      {
        deadline: deadlineMillis,
        // The shortest there can be: what is measured is the restart, not the wait.
        backoff: { base: "1 millis", cap: "1 millis" },
        intensity: { restarts: 1_000_000, window: "1 second" }
      }
    ),
  drain: Effect.map(Ryker.drain("1 minute"), ({ outcome }) => expectEqual("outcome of the drain", outcome, "complete")),
  check: Effect.map(Ryker.ledger, (entries) => {
    for (const entry of entries) expectEqual(`imbalance of ${entry.actor}`, Ledger.imbalance(entry), 0)
  }),
  zeroized: Effect.map(Ryker.ledger, (entries) => entries.reduce((bytes, entry) => bytes + entry.zeroizedBytes, 0))
})

export default rykerWith("ryker", Ryker.layer)
