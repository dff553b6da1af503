/** Starting actors, and the memory that each takes: before its first message, and idle again after one. */
import * as Effect from "effect/Effect"
import * as Senders from "../effectSenders.ts"
import * as PlainSenders from "../plainSenders.ts"
import { makeHandler, makePlainHandler, Tally } from "../tally.ts"
import type { EffectPeer, Measures, PlainPeer, Row, Workload } from "../workload.ts"

interface Memory {
  readonly heap: number
  readonly rss: number
}

const memory = (): Memory => {
  globalThis.gc?.()
  const { heapUsed, rss } = process.memoryUsage()
  return { heap: heapUsed, rss }
}

/** Memory that a process keeps from an earlier round is not asked of the system again: a round's growth may be less than 0. */
const each = (after: number, before: number, count: number): number => Math.max(0, (after - before) / count)

const measures = (count: number, millis: number, before: Memory, idle: Memory, used: Memory): Measures => ({
  rate: (count * 1000) / millis,
  idleHeap: each(idle.heap, before.heap, count),
  usedHeap: each(used.heap, before.heap, count),
  idleRss: each(idle.rss, before.rss, count),
  usedRss: each(used.rss, before.rss, count)
})

const workload: Workload = {
  rows: [
    {
      title: "spawn 100,000 actors",
      handler: "Effect.sync",
      count: 100_000,
      counts: { entity: 5_000 },
      quick: 1_000,
      slow: 6
    }
  ],
  about: ["bounded", "supervised"],
  effect: <A>(peer: EffectPeer<A>, { handler }: Row, count: number) =>
    Effect.gen(function* () {
      const tally = new Tally(count)
      const handle = makeHandler(handler, tally)
      const actors: Array<A> = []
      const before = memory()
      const begunAt = performance.now()
      for (let n = 0; n < count; n++) actors.push(yield* peer.spawn(handle, {}))
      const millis = performance.now() - begunAt
      const idle = memory()
      yield* Senders.timed(
        tally,
        count,
        Senders.tellAll(0, count, (n) => peer.tell(actors[n]!, n))
      )
      return measures(count, millis, before, idle, memory())
    }),
  plain: async <A>(peer: PlainPeer<A>, { handler }: Row, count: number) => {
    const tally = new Tally(count)
    const handle = makePlainHandler(handler, tally)
    const actors: Array<A> = []
    const before = memory()
    const begunAt = performance.now()
    for (let n = 0; n < count; n++) actors.push(peer.spawn(handle, {}))
    const millis = performance.now() - begunAt
    const idle = memory()
    await PlainSenders.timed(tally, count, () => PlainSenders.tellAll(0, count, (n) => peer.tell(actors[n]!, n)))
    return measures(count, millis, before, idle, memory())
  }
}

export default workload
