/** One producer to 1,000 actors in turn. */
import * as Effect from "effect/Effect"
import * as Senders from "../effectSenders.ts"
import * as PlainSenders from "../plainSenders.ts"
import { makeHandler, makePlainHandler, Tally } from "../tally.ts"
import type { Workload } from "../workload.ts"

const actors = 1_000

const workload: Workload = {
  rows: [{ title: "fan-out, 1 producer to 1,000 actors", handler: "Effect.sync", size: actors, quick: 3_000 }],
  about: ["bounded", "supervised", "ownTurn"],
  effect: (peer, { handler }, count) =>
    Effect.gen(function* () {
      const tally = new Tally(count)
      const handle = makeHandler(handler, tally)
      const all = yield* Effect.forEach(Array.from({ length: actors }), () => peer.spawn(handle, {}))
      return yield* Senders.timed(
        tally,
        count,
        Senders.tellAll(0, count, (n) => peer.tell(all[n % actors]!, n))
      )
    }),
  plain: (peer, { handler }, count) => {
    const tally = new Tally(count)
    const handle = makePlainHandler(handler, tally)
    const all = Array.from({ length: actors }, () => peer.spawn(handle, {}))
    return PlainSenders.timed(tally, count, () => PlainSenders.tellAll(0, count, (n) => peer.tell(all[n % actors]!, n)))
  }
}

export default workload
