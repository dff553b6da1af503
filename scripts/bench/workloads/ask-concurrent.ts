/** 64 callers of one actor, who wait for each answer. */
import * as Effect from "effect/Effect"
import { askAll, concurrently, makeHandler, Tally, timed, type Workload } from "../harness.ts"

const workload: Workload = {
  rows: [{ title: "ask, 64 callers", handler: "Effect.sync", quick: 1_000 }],
  round: (peer, { handler }, count) =>
    Effect.gen(function* () {
      const tally = new Tally(count)
      const actor = yield* peer.spawn(makeHandler(handler, tally))
      const send = concurrently(64, count, (from, to) => askAll(from, to, (n) => peer.ask(actor, n)))
      return yield* timed(tally, count, send)
    })
}

export default workload
