/** One caller, who waits for each answer. */
import * as Effect from "effect/Effect"
import * as Senders from "../effectSenders.ts"
import * as PlainSenders from "../plainSenders.ts"
import { makeHandler, makePlainHandler, Tally } from "../tally.ts"
import { effectPeers, type HandlerForm, type PeerName, type Row, type Workload } from "../workload.ts"

const row = (handler: HandlerForm, peers?: ReadonlyArray<PeerName>): Row => ({
  title: "ask, one at a time",
  handler,
  quick: 1_000,
  ...(peers === undefined ? {} : { peers })
})

const workload: Workload = {
  rows: [
    row("Effect.sync"),
    row("Effect.succeed", [...effectPeers, "erlang", "plain"]),
    row("Effect.gen", effectPeers)
  ],
  about: ["bounded", "deadline", "supervised", "ownTurn"],
  absent: { xstate: "it has no ask" },
  effect: (peer, { handler }, count) =>
    Effect.gen(function* () {
      const tally = new Tally(count)
      const actor = yield* peer.spawn(makeHandler(handler, tally), {})
      return yield* Senders.timed(
        tally,
        count,
        Senders.askAll(0, count, (n) => peer.ask(actor, n))
      )
    }),
  plain: (peer, { handler }, count) => {
    const tally = new Tally(count)
    const actor = peer.spawn(makePlainHandler(handler, tally), {})
    return PlainSenders.timed(tally, count, () => PlainSenders.askAll(0, count, (n) => peer.ask(actor, n)))
  }
}

export default workload
