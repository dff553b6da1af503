/** One producer to one actor. */
import * as Effect from "effect/Effect"
import { makeHandler, Tally, tellAll, timed, type HandlerForm, type Row, type Workload } from "../harness.ts"

const row = (handler: HandlerForm): Row => ({ title: "tell, 1 producer, 1 actor", handler, quick: 2_000 })

const workload: Workload = {
  rows: [row("Effect.sync"), row("Effect.succeed"), row("Effect.gen")],
  round: (peer, { handler }, count) =>
    Effect.gen(function* () {
      const tally = new Tally(count)
      const actor = yield* peer.spawn(makeHandler(handler, tally))
      return yield* timed(
        tally,
        count,
        tellAll(0, count, (n) => peer.tell(actor, n))
      )
    })
}

export default workload
