/** Actors in a ring that pass one number on, counting it up: two play ping-pong, in 1,000 each waits long. */
import * as Effect from "effect/Effect"
import * as Senders from "../effectSenders.ts"
import * as PlainSenders from "../plainSenders.ts"
import { Tally } from "../tally.ts"
import { effectPeers, type Row, type Workload } from "../workload.ts"

const row = (title: string, size: number): Row => ({ title, handler: "Effect.sync", size, quick: 3_000 })

/** Not an Entity: with effect 4.1.0 a ring of 600 comes round, and one of 800 does not. */
const longRing: Row = {
  ...row("ring of 1,000 actors", 1_000),
  peers: [...effectPeers, "nact", "erlang", "plain"]
}

const recursion = "a handler that sends runs the next one on its own stack"

const workload: Workload = {
  rows: [row("ping-pong, 2 actors", 2), longRing],
  about: ["bounded", "supervised", "ownTurn"],
  absent: { xstate: recursion, fastq: recursion, "p-queue": recursion },
  effect: <A>(peer: Parameters<typeof workload.effect<A>>[0], { size: actors }: Row, count: number) =>
    Effect.gen(function* () {
      const tally = new Tally(count)
      const all: Array<A> = []
      const pass = (n: number): Effect.Effect<number> =>
        Effect.suspend(() => {
          const next = tally.add(n)
          // A refusal is a defect: there is one message in all.
          return next === count
            ? Effect.succeed(next)
            : Effect.as(Effect.orDie(peer.tell(all[next % actors!]!, next)), next)
        })
      for (let actor = 0; actor < actors!; actor++) all.push(yield* peer.spawn(pass, {}))
      return yield* Senders.timed(tally, count, Effect.asVoid(peer.tell(all[0]!, 0)))
    }),
  plain: async <A>(peer: Parameters<typeof workload.plain<A>>[0], { size: actors }: Row, count: number) => {
    const tally = new Tally(count)
    const all: Array<A> = []
    const pass = (n: number): number => {
      const next = tally.add(n)
      if (next < count && !peer.tell(all[next % actors!]!, next)) throw new Error("There is one message in all")
      return next
    }
    for (let actor = 0; actor < actors!; actor++) all.push(peer.spawn(pass, {}))
    return PlainSenders.timed(tally, count, async () => void peer.tell(all[0]!, 0))
  }
}

export default workload
