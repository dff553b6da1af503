/** 100 producers to one actor. */
import * as Effect from "effect/Effect"
import * as Senders from "../effectSenders.ts"
import * as PlainSenders from "../plainSenders.ts"
import { makeHandler, makePlainHandler, Tally } from "../tally.ts"
import type { Workload } from "../workload.ts"

const producers = 100

const workload: Workload = {
  rows: [
    { title: "fan-in, 100 producers to 1 actor", handler: "Effect.sync", size: producers, quick: 2_000, outruns: true }
  ],
  about: ["bounded", "supervised", "ownTurn"],
  effect: (peer, { handler }, count) =>
    Effect.gen(function* () {
      const tally = new Tally(count)
      const actor = yield* peer.spawn(makeHandler(handler, tally), {})
      const send = Senders.concurrently(producers, count, (from, to) =>
        Senders.tellAll(from, to, (n) => peer.tell(actor, n))
      )
      return yield* Senders.timed(tally, count, send)
    }),
  plain: (peer, { handler }, count) => {
    const tally = new Tally(count)
    const actor = peer.spawn(makePlainHandler(handler, tally), {})
    return PlainSenders.timed(tally, count, () =>
      PlainSenders.concurrently(producers, count, (from, to) =>
        PlainSenders.tellAll(from, to, (n) => peer.tell(actor, n))
      )
    )
  }
}

export default workload
