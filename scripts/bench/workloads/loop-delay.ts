/** How long the event loop's turns are beside an actor that always has work, 10 us for each message. */
import * as Effect from "effect/Effect"
import * as Senders from "../effectSenders.ts"
import { percentile } from "../metrics.ts"
import * as PlainSenders from "../plainSenders.ts"
import { Tally } from "../tally.ts"
import type { Measures, Workload } from "../workload.ts"

const workMillis = 0.01

const work = (): void => {
  const until = performance.now() + workMillis
  while (performance.now() < until);
}

/** Measures from one turn of the event loop to the next until it is stopped. */
class Probe {
  private readonly micros: Array<number> = []
  private last = performance.now()
  private immediate = setImmediate(() => this.turn())

  private turn(): void {
    const now = performance.now()
    this.micros.push((now - this.last) * 1000)
    this.last = now
    this.immediate = setImmediate(() => this.turn())
  }

  stop(): Measures {
    clearImmediate(this.immediate)
    // What the loop is in when it is stopped counts, too: it may be the only one.
    this.micros.push((performance.now() - this.last) * 1000)
    const sorted = this.micros.toSorted((a, b) => a - b)
    return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), max: sorted.at(-1)! }
  }
}

const workload: Workload = {
  rows: [
    {
      title: "turn of the event loop beside a saturated actor",
      handler: "Effect.sync",
      count: 20_000,
      // It takes a quarter of a millisecond for each.
      counts: { entity: 2_000 },
      quick: 1_000,
      slow: 1.5
    }
  ],
  about: ["bounded", "ownTurn"],
  absent: { erlang: "it has no event loop: processes are preempted" },
  effect: (peer, _row, count) =>
    Effect.gen(function* () {
      const tally = new Tally(count)
      const actor = yield* peer.spawn(
        (n) =>
          Effect.sync(() => {
            work()
            return tally.add(n)
          }),
        {}
      )
      let probe: Probe | undefined = undefined
      // Not before it sends: a round begins with a garbage collection.
      const send = Effect.suspend(() => {
        probe = new Probe()
        return Senders.tellAll(0, count, (n) => peer.tell(actor, n))
      })
      const { rate } = yield* Senders.timed(tally, count, send)
      return { rate: rate!, ...probe!.stop() }
    }),
  plain: async (peer, _row, count) => {
    const tally = new Tally(count)
    const actor = peer.spawn((n) => {
      work()
      return tally.add(n)
    }, {})
    let probe: Probe | undefined = undefined
    const { rate } = await PlainSenders.timed(tally, count, () => {
      probe = new Probe()
      return PlainSenders.tellAll(0, count, (n) => peer.tell(actor, n))
    })
    return { rate: rate!, ...probe!.stop() }
  }
}

export default workload
