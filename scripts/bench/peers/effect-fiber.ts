/** By hand, for speed: a fiber for each actor that takes all there is, and answers without a Deferred. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import { capacity, type Peer } from "../harness.ts"
import { askBy, type Message, tellBy } from "./byHand.ts"

const peer: Peer<Queue.Queue<Message>> = {
  title: "Effect by hand, a fiber each",
  spawn: (handler) =>
    Effect.gen(function* () {
      const queue = yield* Queue.bounded<Message>(capacity)
      const run = Effect.runForkWith(yield* Effect.context())
      const loop = Effect.gen(function* () {
        while (true) {
          for (const message of yield* Queue.takeAll(queue)) {
            const effect = handler(message.n)
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
  tell: (queue, n) => tellBy((message) => Queue.offerUnsafe(queue, message), n),
  ask: (queue, n) => askBy((message) => Queue.offerUnsafe(queue, message), n)
}

export default peer
