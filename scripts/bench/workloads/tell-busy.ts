/** Producers that outrun one actor: whenever there is no room for another message, they back off. */
import * as Effect from "effect/Effect"
import * as Senders from "../effectSenders.ts"
import * as PlainSenders from "../plainSenders.ts"
import { makeHandler, makePlainHandler, Tally } from "../tally.ts"
import type { Workload } from "../workload.ts"

const capacity = 1_024

/** One alone would not meet it: a fiber gives way after about as many sends. */
const producers = 4

const unbounded = "it is not bounded"

/** Producers that were never refused have measured something else; so few that they fit in need not be. */
const checkRefused = (refusals: number, count: number): void => {
  if (refusals < Math.floor(count / capacity / 4))
    throw new Error(`${count} messages were refused ${refusals} times only`)
}

const workload: Workload = {
  rows: [{ title: "tell, 4 producers that meet a full mailbox of 1,024", handler: "Effect.sync", quick: 8_000 }],
  about: ["bounded", "supervised", "ownTurn"],
  absent: {
    entity: "its clients are held up before a mailbox fills",
    nact: unbounded,
    xstate: unbounded,
    fastq: unbounded,
    "p-queue": unbounded,
    erlang: unbounded
  },
  effect: (peer, { handler }, count) =>
    Effect.gen(function* () {
      const tally = new Tally(count)
      const actor = yield* peer.spawn(makeHandler(handler, tally), { capacity })
      let refusals = 0
      const tell = (n: number) => peer.tell(actor, n)
      const send = Senders.concurrently(producers, count, (from, to) =>
        Senders.tellAll(from, to, tell, () => refusals++)
      )
      const measures = yield* Senders.timed(tally, count, send)
      if (!peer.guarantees.bounded[1].includes("waits")) checkRefused(refusals, count)
      return measures
    }),
  plain: async (peer, { handler }, count) => {
    const tally = new Tally(count)
    const actor = peer.spawn(makePlainHandler(handler, tally), { capacity })
    let refusals = 0
    const tell = (n: number) => peer.tell(actor, n)
    const send = () =>
      PlainSenders.concurrently(producers, count, (from, to) => PlainSenders.tellAll(from, to, tell, () => refusals++))
    const measures = await PlainSenders.timed(tally, count, send)
    checkRefused(refusals, count)
    return measures
  }
}

export default workload
