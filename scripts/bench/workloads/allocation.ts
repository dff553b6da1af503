/**
 * Bytes allocated for each message, with all that its sender and its handler allocate.
 *
 * V8 has no counter of allocated bytes. What was allocated is what the heap has grown by, as long as nothing is
 * collected: the young generation is made larger than what a round allocates, and a round in which V8 has collected
 * all the same is an error.
 */
import * as Effect from "effect/Effect"
import { GCProfiler } from "node:v8"
import * as Senders from "../effectSenders.ts"
import * as PlainSenders from "../plainSenders.ts"
import { expectEqual, makeHandler, makePlainHandler, Tally } from "../tally.ts"
import type { Row, Workload } from "../workload.ts"

const row = (title: string): Row => ({
  title,
  handler: "Effect.sync",
  count: 5_000,
  counts: { entity: 1_000 },
  quick: 1_000
})

const [tell, ask] = [row("bytes for each tell"), row("bytes for each ask")]

/** Begins to watch; the function that it gives says how much was allocated since. */
const watch = (): (() => number) => {
  globalThis.gc?.()
  const profiler = new GCProfiler()
  profiler.start()
  const before = process.memoryUsage().heapUsed
  return () => {
    const allocated = process.memoryUsage().heapUsed - before
    expectEqual("garbage collections in the meantime", profiler.stop().statistics.length, 0)
    return allocated
  }
}

const workload: Workload = {
  rows: [tell, ask],
  about: ["bounded", "deadline", "supervised"],
  absent: { xstate: "it has no ask", erlang: "its processes have heaps of their own, which are collected at any time" },
  node: ["--min-semi-space-size=128", "--max-semi-space-size=128"],
  effect: (peer, { handler, title }, count) =>
    Effect.gen(function* () {
      const tally = new Tally(count)
      const actor = yield* peer.spawn(makeHandler(handler, tally), {})
      const send =
        title === tell.title
          ? Senders.tellAll(0, count, (n) => peer.tell(actor, n))
          : Senders.askAll(0, count, (n) => peer.ask(actor, n))
      const allocated = watch()
      yield* send
      yield* Effect.promise(tally.finished)
      const bytes = allocated()
      tally.check()
      return { allocated: bytes / count }
    }),
  plain: async (peer, { handler, title }, count) => {
    const tally = new Tally(count)
    const actor = peer.spawn(makePlainHandler(handler, tally), {})
    const allocated = watch()
    await (title === tell.title
      ? PlainSenders.tellAll(0, count, (n) => peer.tell(actor, n))
      : PlainSenders.askAll(0, count, (n) => peer.ask(actor, n)))
    await tally.finished()
    const bytes = allocated()
    tally.check()
    return { allocated: bytes / count }
  }
}

export default workload
