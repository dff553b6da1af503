/** Handlers that wait for a turn of the event loop, as for a socket: one caller for each of so many actors. */
import * as Effect from "effect/Effect"
import * as Senders from "../effectSenders.ts"
import * as PlainSenders from "../plainSenders.ts"
import { makeHandler, makePlainHandler, Tally } from "../tally.ts"
import type { Row, Workload } from "../workload.ts"

const row = (size: number): Row => ({
  title: `ask, handler waits, ${size.toLocaleString("en")} actor${size === 1 ? "" : "s"} at once`,
  handler: "Effect.callback",
  size,
  quick: 2_048
})

const workload: Workload = {
  rows: [row(1), row(64), row(1_024)],
  about: ["bounded", "deadline", "supervised", "ownTurn"],
  absent: { xstate: "it has no ask" },
  effect: (peer, { handler, size: actors }, count) =>
    Effect.gen(function* () {
      const tally = new Tally(count)
      const handle = makeHandler(handler, tally)
      const all = yield* Effect.forEach(Array.from({ length: actors! }), () => peer.spawn(handle, {}))
      const send = Senders.concurrently(actors!, count, (from, to, caller) =>
        Senders.askAll(from, to, (n) => peer.ask(all[caller]!, n))
      )
      return yield* Senders.timed(tally, count, send)
    }),
  plain: (peer, { handler, size: actors }, count) => {
    const tally = new Tally(count)
    const handle = makePlainHandler(handler, tally)
    const all = Array.from({ length: actors! }, () => peer.spawn(handle, {}))
    return PlainSenders.timed(tally, count, () =>
      PlainSenders.concurrently(actors!, count, (from, to, caller) =>
        PlainSenders.askAll(from, to, (n) => peer.ask(all[caller]!, n))
      )
    )
  }
}

export default workload
