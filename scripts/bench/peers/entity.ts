/** `effect/cluster` on one machine, with nothing outside memory: messages that are not persisted. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Entity from "effect/cluster/Entity"
import * as TestRunner from "effect/cluster/TestRunner"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import { deadlineMillis, type EffectPeer, type Handler } from "../workload.ts"

const Adder = Entity.make("Adder", [
  Rpc.make("Add", { payload: { n: Schema.Finite }, success: Schema.Finite }),
  Rpc.make("Start")
])

/** An entity is started by its id, so that its handler is looked up by it. */
const handlers = new Map<string, Handler>()

const AdderLayer = Adder.toLayer(
  Effect.gen(function* () {
    const { entityId } = yield* Entity.CurrentAddress
    const handler = handlers.get(entityId) ?? handlers.get("")!
    return Adder.of({ Add: ({ payload }) => handler(payload.n), Start: () => Effect.void })
  })
)

type Client = Effect.Success<typeof Adder.client> extends (id: string) => infer A ? A : never

const register = (id: string, handler: Handler) =>
  Effect.acquireRelease(
    Effect.sync(() => void handlers.set(id, handler)),
    () => Effect.sync(() => void handlers.delete(id))
  )

let spawned = 0

const peer: EffectPeer<Client> = {
  kind: "effect",
  title: "effect/cluster Entity, in memory",
  guarantees: {
    bounded: [true, "4,096 messages, then `MailboxFull`"],
    deadline: [true, "`Effect.timeout` interrupts the handler"],
    supervised: [true, "restart with backoff, no limit; the message runs again"],
    ownTurn: [true, "a turn of its own"]
  },
  layer: AdderLayer.pipe(Layer.provideMerge(TestRunner.layer)),
  spawn: (handler) =>
    Effect.gen(function* () {
      const id = `adder-${spawned++}`
      yield* register(id, handler)
      const client = (yield* Adder.client)(id)
      // It is started by its first message, and what is measured is not the start.
      yield* client.Start()
      return client
    }),
  tell: (client, n) => client.Add({ n }, { discard: true }),
  ask: (client, n) => Effect.timeout(client.Add({ n }), deadlineMillis),
  keyed: (handler) =>
    Effect.gen(function* () {
      yield* register("", handler)
      return yield* Adder.client
    })
}

export default peer
