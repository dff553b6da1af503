/** An actor as most people write it with Effect: a queue, a loop in a fiber, a Deferred for each answer. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import { deadlineMillis, defaultCapacity, type EffectPeer, type Handler } from "../workload.ts"

interface Message {
  readonly n: number
  readonly bytes: Uint8Array | undefined
  readonly reply: Deferred.Deferred<number> | undefined
}

const serve = (queue: Queue.Queue<Message>, handler: Handler): Effect.Effect<never> =>
  Effect.forever(
    Effect.gen(function* () {
      const { bytes, n, reply } = yield* Queue.take(queue)
      const answer = yield* handler(n, bytes)
      if (reply !== undefined) yield* Deferred.succeed(reply, answer)
    })
  )

const ask = (queue: Queue.Queue<Message>, n: number) =>
  Effect.gen(function* () {
    const reply = yield* Deferred.make<number>()
    yield* Queue.offer(queue, { n, bytes: undefined, reply })
    return yield* Deferred.await(reply)
  }).pipe(Effect.timeout(deadlineMillis))

const peer: EffectPeer<Queue.Queue<Message>> = {
  kind: "effect",
  title: "Effect, as usually written",
  guarantees: {
    bounded: [true, "the sender waits"],
    deadline: [true, "the asker gives up; the message runs"],
    supervised: [false, "the loop is gone, askers wait for their deadline"],
    ownTurn: [true, "a turn of its own"]
  },
  layer: Layer.empty,
  spawn: (handler, { capacity = defaultCapacity }) =>
    Effect.gen(function* () {
      const queue = yield* Queue.bounded<Message>(capacity)
      yield* Effect.forkScoped(serve(queue, handler))
      return queue
    }),
  tell: (queue, n, bytes) => Queue.offer(queue, { n, bytes, reply: undefined }),
  ask,
  tellUnsafe: (queue, n) => Queue.offerUnsafe(queue, { n, bytes: undefined, reply: undefined }),
  askPromise: (queue, n) => Effect.runPromise(ask(queue, n)),
  restarting: (build) =>
    Effect.gen(function* () {
      const queue = yield* Queue.bounded<Message>(defaultCapacity)
      const incarnation = Effect.suspend(() => serve(queue, build()))
      yield* Effect.forkScoped(Effect.retry(Effect.sandbox(incarnation), { times: Number.POSITIVE_INFINITY }))
      return queue
    })
}

export default peer
