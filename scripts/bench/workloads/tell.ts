/** One producer to one actor. */
import * as Effect from "effect/Effect"
import * as Senders from "../effectSenders.ts"
import * as PlainSenders from "../plainSenders.ts"
import { makeHandler, makePlainHandler, Tally } from "../tally.ts"
import { effectPeers, type HandlerForm, type PeerName, type Row, type Workload } from "../workload.ts"

const row = (handler: HandlerForm, peers?: ReadonlyArray<PeerName>): Row => ({
  title: "tell, 1 producer, 1 actor",
  handler,
  quick: 2_000,
  outruns: true,
  ...(peers === undefined ? {} : { peers })
})

const workload: Workload = {
  rows: [
    row("Effect.sync"),
    // A handler that gives its answer without an Effect to run is the nearest to a function.
    row("Effect.succeed", [...effectPeers, "erlang", "erlang-paced", "plain"]),
    row("Effect.gen", effectPeers)
  ],
  about: ["bounded", "supervised", "ownTurn"],
  effect: (peer, { handler }, count) =>
    Effect.gen(function* () {
      const tally = new Tally(count)
      const actor = yield* peer.spawn(makeHandler(handler, tally), {})
      return yield* Senders.timed(
        tally,
        count,
        Senders.tellAll(0, count, (n) => peer.tell(actor, n))
      )
    }),
  plain: (peer, { handler }, count) => {
    const tally = new Tally(count)
    const actor = peer.spawn(makePlainHandler(handler, tally), {})
    return PlainSenders.timed(tally, count, () => PlainSenders.tellAll(0, count, (n) => peer.tell(actor, n)))
  }
}

export default workload
