/** 100 producers to one actor. */
import * as Effect from "effect/Effect"
import { concurrently, makeHandler, Tally, tellAll, timed, type Workload } from "../harness.ts"

const workload: Workload = {
  rows: [{ title: "fan-in, 100 producers to 1 actor", handler: "Effect.sync", quick: 2_000 }],
  round: (peer, { handler }, count) =>
    Effect.gen(function* () {
      const tally = new Tally(count)
      const actor = yield* peer.spawn(makeHandler(handler, tally))
      const send = concurrently(100, count, (from, to) => tellAll(from, to, (n) => peer.tell(actor, n)))
      return yield* timed(tally, count, send)
    })
}

export default workload
