/** Crashes: of 100 actors each is crashed and asked in turn, and must answer with a state that began anew. */
import * as Effect from "effect/Effect"
import * as Senders from "../effectSenders.ts"
import * as PlainSenders from "../plainSenders.ts"
import { expectEqual, replyTo, Tally } from "../tally.ts"
import type { Handler, PlainHandler, Workload } from "../workload.ts"

const actors = 100

/** The number that a handler dies of. */
const crash = -1

const isFirst = (handled: number) => expectEqual("messages handled since the crash", handled, 1)

const notRestarted = "what has crashed does not begin anew"

const workload: Workload = {
  rows: [{ title: "crash, restart, answer: 100 actors at once", handler: "Effect.sync", quick: 300 }],
  about: ["supervised"],
  absent: {
    "effect-fiber": notRestarted,
    "effect-pump": notRestarted,
    entity: "its request runs again after a crash, and crashes again",
    xstate: notRestarted,
    fastq: notRestarted,
    "p-queue": notRestarted,
    plain: notRestarted
  },
  effect: (peer, _row, count) =>
    Effect.gen(function* () {
      const tally = new Tally(count)
      const build = (): Handler => {
        let handled = 0
        return (n) =>
          n === crash
            ? Effect.die(new Error("crash"))
            : Effect.sync(() => {
                isFirst(++handled)
                return tally.add(n)
              })
      }
      const all = yield* Effect.forEach(Array.from({ length: actors }), () => peer.restarting!(build))
      const send = Senders.concurrently(actors, count, (from, to, sender) =>
        Effect.gen(function* () {
          const actor = all[sender]!
          for (let n = from; n < to; n++) {
            yield* peer.tell(actor, crash)
            expectEqual(`answer to ${n}`, yield* peer.ask(actor, n), replyTo(n))
          }
        })
      )
      return yield* Senders.timed(tally, count, send)
    }),
  plain: (peer, _row, count) => {
    const tally = new Tally(count)
    const build = (): PlainHandler => {
      let handled = 0
      return (n) => {
        if (n === crash) throw new Error("crash")
        isFirst(++handled)
        return tally.add(n)
      }
    }
    const all = Array.from({ length: actors }, () => peer.restarting!(build))
    return PlainSenders.timed(tally, count, () =>
      PlainSenders.concurrently(actors, count, (from, to, sender) =>
        PlainSenders.askAll(from, to, (n) => {
          peer.tell(all[sender]!, crash)
          return peer.ask(all[sender]!, n)
        })
      )
    )
  }
}

export default workload
