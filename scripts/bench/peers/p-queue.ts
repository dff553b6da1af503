/** p-queue: a queue of functions, here one of concurrency 1 for each actor. */
import PQueue from "p-queue"
import { deadlineMillis, type PlainHandler, type PlainPeer } from "../workload.ts"

interface Actor {
  readonly queue: PQueue
  readonly handler: PlainHandler
}

const options = { timeout: deadlineMillis }

const peer: PlainPeer<Actor> = {
  kind: "plain",
  title: "p-queue",
  guarantees: {
    bounded: [false, "grows"],
    deadline: [true, "from when it begins to run; the message runs on"],
    supervised: [false, "the asker is told, the actor goes on with its state"],
    ownTurn: [false, "inside the send when idle"]
  },
  spawn: (handler) => ({ handler, queue: new PQueue({ concurrency: 1 }) }),
  tell: ({ handler, queue }, n) => {
    void queue.add(() => handler(n))
    return true
  },
  ask: async ({ handler, queue }, n) => await queue.add(async () => handler(n), options),
  stop: () => {}
}

export default peer
