/** A queue of 100,000 behind a handler that waits: from its end until all is handled and, where there is one, the report is there. */
import * as Effect from "effect/Effect"
import * as Senders from "../effectSenders.ts"
import * as PlainSenders from "../plainSenders.ts"
import { expectEqual, replyTo, Tally } from "../tally.ts"
import type { Workload } from "../workload.ts"

const workload: Workload = {
  rows: [
    { title: "drain of 100,000 queued messages", handler: "Effect.sync", count: 100_000, quick: 1_000, slow: 1.5 }
  ],
  about: ["bounded", "supervised", "ownTurn"],
  absent: {
    entity: "its clients are held up before so much is queued",
    fastq: "what is queued runs on one stack, which so much overflows",
    xstate: "its handlers do not wait"
  },
  effect: (peer, _row, count) =>
    Effect.gen(function* () {
      const tally = new Tally(count)
      let open = () => {}
      const handler = (n: number): Effect.Effect<number> =>
        n === 0
          ? Effect.callback((resume) => void (open = () => resume(Effect.sync(() => tally.add(n)))))
          : Effect.sync(() => tally.add(n))
      const actor = yield* peer.spawn(handler, { capacity: count })
      // The first is in hand before the others come: a sender that waits for room has all it needs.
      yield* peer.tell(actor, 0)
      yield* Effect.sleep(5)
      yield* Senders.tellAll(1, count, (n) => peer.tell(actor, n))
      const drain = Effect.suspend(() => {
        open()
        return peer.drain ?? Effect.void
      })
      const context = yield* Effect.context<Effect.Services<typeof drain>>()
      return yield* Senders.timed(tally, count, Effect.provideContext(drain, context))
    }),
  plain: async (peer, _row, count) => {
    const tally = new Tally(count)
    let open = () => {}
    const handler = (n: number): number | Promise<number> =>
      n === 0 ? new Promise((resolve) => void (open = () => resolve(tally.add(n)))) : tally.add(n)
    const actor = peer.spawn(handler, { capacity: count })
    const first = peer.ask(actor, 0)
    await new Promise((resolve) => setTimeout(resolve, 5))
    await PlainSenders.tellAll(1, count, (n) => peer.tell(actor, n))
    return PlainSenders.timed(tally, count, async () => {
      open()
      expectEqual("answer to 0", await first, replyTo(0))
    })
  }
}

export default workload
