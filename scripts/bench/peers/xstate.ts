/** XState: the smallest actor that it has, a transition function. */
import { type ActorRefFrom, createActor, fromTransition } from "xstate"
import type { PlainHandler, PlainPeer } from "../workload.ts"

const logicOf = (handler: PlainHandler) =>
  fromTransition((handled: number, { n }: { readonly type: "add"; readonly n: number }) => {
    void handler(n)
    return handled + 1
  }, 0)

type Actor = ActorRefFrom<ReturnType<typeof logicOf>>

const actors: Array<Actor> = []

const peer: PlainPeer<Actor> = {
  kind: "plain",
  title: "XState",
  guarantees: {
    bounded: [false, "grows"],
    deadline: [false, "no ask"],
    supervised: [false, "it stops"],
    ownTurn: [false, "inside the send"]
  },
  spawn: (handler) => {
    const actor = createActor(logicOf(handler)).start()
    actors.push(actor)
    return actor
  },
  tell: (actor, n) => {
    actor.send({ type: "add", n })
    return true
  },
  ask: () => Promise.reject(new Error("XState has no ask")),
  stop: () => {
    for (const actor of actors.splice(0)) actor.stop()
  }
}

export default peer
