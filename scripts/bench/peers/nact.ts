/** nact: actors of functions and Promises, in the manner of Akka. */
/* oxlint-disable typescript/no-generated-empty-object-type -- its types give a Ref no members */
import { dispatch, query, type Ref, spawn, start, stop, type ActorSystemRef } from "nact"
import { deadlineMillis, type PlainHandler, type PlainPeer } from "../workload.ts"

interface Message {
  readonly n: number
  readonly from?: Ref<number>
}

let system: ActorSystemRef | undefined = undefined

/** The names that nact makes up are random numbers, of which 100,000 have two alike now and then. */
let spawned = 0
const nextName = (): string => `actor-${spawned++}`

const receive = async (handler: PlainHandler, { from, n }: Message): Promise<PlainHandler> => {
  const answer = await handler(n)
  if (from !== undefined) dispatch(from, answer)
  return handler
}

const peer: PlainPeer<Ref<Message>> = {
  kind: "plain",
  title: "nact",
  guarantees: {
    bounded: [false, "grows"],
    deadline: [true, "the asker gives up; the message runs"],
    supervised: [true, "as `onCrash` says, stop by default; queue kept, askers wait for their deadline"],
    ownTurn: [true, "a turn of its own"]
  },
  spawn: (handler) =>
    spawn((system ??= start()), (state: PlainHandler, message: Message) => receive(state, message), nextName(), {
      initialState: handler
    }),
  tell: (actor, n) => {
    dispatch(actor, { n })
    return true
  },
  ask: (actor, n) => query(actor, (from: Ref<number>): Message => ({ n, from }), deadlineMillis),
  restarting: (build) =>
    spawn((system ??= start()), (state: PlainHandler, message: Message) => receive(state, message), nextName(), {
      initialStateFunc: build,
      onCrash: (_message, _error, context) => context.reset
    }),
  stop: () => {
    if (system !== undefined) stop(system)
    system = undefined
  }
}

export default peer
