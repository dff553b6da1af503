/** An actor as most people write it with Effect: a queue, a loop in a fiber, a Deferred for each answer. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { capacity, deadlineMillis, type Peer } from "../harness.ts"

interface Message {
  readonly n: number
  readonly reply: Deferred.Deferred<number> | undefined
}

const peer: Peer<Queue.Queue<Message>> = {
  title: "Effect, as usually written",
  spawn: (handler) =>
    Effect.gen(function* () {
      const queue = yield* Queue.bounded<Message>(capacity)
      const serve = Effect.gen(function* () {
        const { n, reply } = yield* Queue.take(queue)
        const answer = yield* handler(n)
        if (reply !== undefined) yield* Deferred.succeed(reply, answer)
      })
      yield* Effect.forkScoped(Effect.forever(serve))
      return queue
    }),
  tell: (queue, n) => Queue.offer(queue, { n, reply: undefined }),
  ask: (queue, n) =>
    Effect.gen(function* () {
      const reply = yield* Deferred.make<number>()
      yield* Queue.offer(queue, { n, reply })
      return yield* Deferred.await(reply)
    }).pipe(Effect.timeout(deadlineMillis))
}

export default peer
