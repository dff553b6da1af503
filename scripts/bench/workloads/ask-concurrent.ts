/** Many callers of one actor, who wait for each answer. */
import * as Effect from "effect/Effect"
import * as Senders from "../effectSenders.ts"
import * as PlainSenders from "../plainSenders.ts"
import { makeHandler, makePlainHandler, Tally } from "../tally.ts"
import type { Row, Workload } from "../workload.ts"

const row = (size: number): Row => ({
  title: `ask, ${size.toLocaleString("en")} callers`,
  handler: "Effect.sync",
  size,
  quick: 2_048
})

/** Room for all callers: what is measured is answers, not refusals. */
const capacity = 1_024

const workload: Workload = {
  rows: [row(64), row(1_024)],
  about: ["bounded", "deadline", "supervised", "ownTurn"],
  absent: { xstate: "it has no ask" },
  effect: (peer, { handler, size: callers }, count) =>
    Effect.gen(function* () {
      const tally = new Tally(count)
      const actor = yield* peer.spawn(makeHandler(handler, tally), { capacity })
      const send = Senders.concurrently(callers!, count, (from, to) =>
        Senders.askAll(from, to, (n) => peer.ask(actor, n))
      )
      return yield* Senders.timed(tally, count, send)
    }),
  plain: (peer, { handler, size: callers }, count) => {
    const tally = new Tally(count)
    const actor = peer.spawn(makePlainHandler(handler, tally), { capacity })
    return PlainSenders.timed(tally, count, () =>
      PlainSenders.concurrently(callers!, count, (from, to) => PlainSenders.askAll(from, to, (n) => peer.ask(actor, n)))
    )
  }
}

export default workload
