/** One producer that runs no effects: it sends all that there is room for, then lets the event loop go on. */
import * as Effect from "effect/Effect"
import * as Senders from "../effectSenders.ts"
import * as PlainSenders from "../plainSenders.ts"
import { makeHandler, makePlainHandler, Tally } from "../tally.ts"
import { effectPeers, type HandlerForm, type PeerName, type Row, type Workload } from "../workload.ts"

const row = (handler: HandlerForm, peers?: ReadonlyArray<PeerName>): Row => ({
  title: "tellUnsafe, 1 producer, 1 actor",
  handler,
  quick: 2_000,
  outruns: true,
  ...(peers === undefined ? {} : { peers })
})

const workload: Workload = {
  rows: [row("Effect.sync"), row("Effect.succeed", [...effectPeers, "erlang", "erlang-paced", "plain"])],
  about: ["bounded", "supervised", "ownTurn"],
  absent: { entity: "its clients give Effects only" },
  effect: (peer, { handler }, count) =>
    Effect.gen(function* () {
      const tally = new Tally(count)
      const actor = yield* peer.spawn(makeHandler(handler, tally), {})
      const send = Senders.outside(() => PlainSenders.tellAll(0, count, (n) => peer.tellUnsafe!(actor, n)))
      return yield* Senders.timed(tally, count, send)
    }),
  plain: (peer, { handler }, count) => {
    const tally = new Tally(count)
    const actor = peer.spawn(makePlainHandler(handler, tally), {})
    return PlainSenders.timed(tally, count, () => PlainSenders.tellAll(0, count, (n) => peer.tell(actor, n)))
  }
}

export default workload
