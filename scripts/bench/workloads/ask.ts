/** One caller, who waits for each answer. */
import * as Effect from "effect/Effect"
import { askAll, makeHandler, Tally, timed, type HandlerForm, type Row, type Workload } from "../harness.ts"

const row = (handler: HandlerForm): Row => ({ title: "ask, one at a time", handler, quick: 1_000 })

const workload: Workload = {
  rows: [row("Effect.sync"), row("Effect.succeed"), row("Effect.gen")],
  round: (peer, { handler }, count) =>
    Effect.gen(function* () {
      const tally = new Tally(count)
      const actor = yield* peer.spawn(makeHandler(handler, tally))
      return yield* timed(
        tally,
        count,
        askAll(0, count, (n) => peer.ask(actor, n))
      )
    })
}

export default workload
