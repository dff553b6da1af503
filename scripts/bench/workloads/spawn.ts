/** Starting actors, and the heap that each takes: before its first message, and idle again after an ask. */
import * as Effect from "effect/Effect"
import { askAll, makeHandler, Tally, type Peer, type Row, type Workload } from "../harness.ts"

const row = (count: number): Row => ({
  title: `spawn ${count.toLocaleString("en")} actors`,
  handler: "Effect.sync",
  count,
  quick: count / 100
})

const heap = (): number => {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

const workload: Workload = {
  rows: [row(10_000), row(100_000)],
  round: <A>(peer: Peer<A>, { handler }: Row, count: number) =>
    Effect.gen(function* () {
      const tally = new Tally(count)
      const handle = makeHandler(handler, tally)
      const actors: Array<A> = []
      const before = heap()
      const begunAt = performance.now()
      for (let n = 0; n < count; n++) actors.push(yield* peer.spawn(handle))
      const millis = performance.now() - begunAt
      const idle = (heap() - before) / count
      yield* askAll(0, count, (n) => peer.ask(actors[n]!, n))
      const used = (heap() - before) / count
      yield* tally.check
      return { rate: (count * 1000) / millis, idle, used }
    })
}

export default workload
