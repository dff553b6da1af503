/** One caller that runs no effects and waits for each answer. */
import * as Effect from "effect/Effect"
import * as Senders from "../effectSenders.ts"
import * as PlainSenders from "../plainSenders.ts"
import { makeHandler, makePlainHandler, Tally } from "../tally.ts"
import type { Workload } from "../workload.ts"

const workload: Workload = {
  rows: [{ title: "askPromise, one at a time", handler: "Effect.sync", quick: 1_000 }],
  about: ["bounded", "deadline", "supervised", "ownTurn"],
  absent: { entity: "its clients give Effects only", xstate: "it has no ask" },
  effect: (peer, { handler }, count) =>
    Effect.gen(function* () {
      const tally = new Tally(count)
      const actor = yield* peer.spawn(makeHandler(handler, tally), {})
      const send = Senders.outside(() => PlainSenders.askAll(0, count, (n) => peer.askPromise!(actor, n)))
      return yield* Senders.timed(tally, count, send)
    }),
  plain: (peer, { handler }, count) => {
    const tally = new Tally(count)
    const actor = peer.spawn(makePlainHandler(handler, tally), {})
    return PlainSenders.timed(tally, count, () => PlainSenders.askAll(0, count, (n) => peer.ask(actor, n)))
  }
}

export default workload
