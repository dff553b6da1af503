/** By hand, for speed: a fiber for each actor that takes all there is, and answers without a Deferred. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import { defaultCapacity, type EffectPeer } from "../workload.ts"
import { askBy, askPromiseBy, busy, guarantees, Message } from "./byHand.ts"

const peer: EffectPeer<Queue.Queue<Message>> = {
  kind: "effect",
  title: "Effect by hand, a fiber each",
  guarantees,
  layer: Layer.empty,
  spawn: (handler, { capacity = defaultCapacity }) =>
    Effect.gen(function* () {
      const queue = yield* Queue.bounded<Message>(capacity)
      const run = Effect.runForkWith(yield* Effect.context())
      const loop = Effect.gen(function* () {
        while (true) {
          for (const message of yield* Queue.takeAll(queue)) {
            const effect = handler(message.n, message.bytes)
            if (Exit.isExit(effect)) {
              message.settle(effect)
            } else {
              const fiber = run(effect)
              message.settle(fiber.pollUnsafe() ?? (yield* Fiber.await(fiber)))
            }
          }
        }
      })
      yield* Effect.forkScoped(loop)
      return queue
    }),
  // The least that a tell can be as an Effect: one of Effect's own, whose function hands the message over.
  tell: (queue, n, bytes) => Effect.suspend(() => (Queue.offerUnsafe(queue, new Message(n, bytes)) ? Exit.void : busy)),
  ask: (queue, n) => askBy((message) => Queue.offerUnsafe(queue, message), n),
  tellUnsafe: (queue, n) => Queue.offerUnsafe(queue, new Message(n, undefined)),
  askPromise: (queue, n) => askPromiseBy((message) => Queue.offerUnsafe(queue, message), n)
}

export default peer
