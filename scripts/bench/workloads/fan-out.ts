/** One producer to 1,000 actors in turn. */
import * as Effect from "effect/Effect"
import { makeHandler, Tally, tellAll, timed, type Workload } from "../harness.ts"

const actors = 1_000

const workload: Workload = {
  rows: [{ title: "fan-out, 1 producer to 1,000 actors", handler: "Effect.sync", quick: 3_000 }],
  round: (peer, { handler }, count) =>
    Effect.gen(function* () {
      const tally = new Tally(count)
      const handle = makeHandler(handler, tally)
      const all = yield* Effect.forEach(Array.from({ length: actors }), () => peer.spawn(handle))
      return yield* timed(
        tally,
        count,
        tellAll(0, count, (n) => peer.tell(all[n % actors]!, n))
      )
    })
}

export default workload
