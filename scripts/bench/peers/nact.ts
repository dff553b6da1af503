/** nact: actors of functions and Promises, in the manner of Akka. */
/* oxlint-disable typescript/no-generated-empty-object-type -- its types give a Ref no members */
import { dispatch, query, type Ref, spawn, start, stop, type ActorSystemRef } from "nact"
import { deadlineMillis, type PlainHandler, type PlainPeer } from "../workload.ts"

interface Message {
  readonly n: number
  readonly from?: Ref<number>
}

let system: ActorSystemRef | undefined = undefined

const receive = async (handler: PlainHandler, { from, n }: Message): Promise<PlainHandler> => {
  const answer = await handler(n)
  if (from !== undefined) dispatch(from, answer)
  return handler
}

const peer: PlainPeer<Ref<Message>> = {
  kind: "plain",
  title: "nact",
  guarantees: {
    bounded: "no",
    deadline: "the asker gives up; the message runs",
    supervised: "its `onCrash` decides; the default is to stop, the asker waits for its deadline",
    runs: "in a turn of its own"
  },
  spawn: (handler) =>
    spawn((system ??= start()), (state: PlainHandler, message: Message) => receive(state, message), undefined, {
      initialState: handler
    }),
  tell: (actor, n) => {
    dispatch(actor, { n })
    return true
  },
  ask: (actor, n) => query(actor, (from: Ref<number>): Message => ({ n, from }), deadlineMillis),
  restarting: (build) =>
    spawn((system ??= start()), (state: PlainHandler, message: Message) => receive(state, message), undefined, {
      initialStateFunc: build,
      onCrash: (_message, _error, context) => context.reset
    }),
  stop: () => {
    if (system !== undefined) stop(system)
    system = undefined
  }
}

export default peer
