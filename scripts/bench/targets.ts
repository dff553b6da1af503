/** What Ryker means to reach, as far as a run can say it. */
import { bestByHand, ratio, type RowResult, type Run } from "./results.ts"
import { type Metric, show } from "./metrics.ts"
import type { HandlerForm, WorkloadName } from "./workload.ts"

interface Target {
  readonly workload: WorkloadName
  readonly title: string
  readonly handler: HandlerForm
  readonly metric: Metric
  /** At least so many times what the other does, or at most a figure of its own. */
  readonly needs:
    | { readonly times: number; readonly of: "erlang" | "by hand" }
    | { readonly atMost: number }
    /** Or as much as the best by hand, where Effect itself, in this run, gives no more than that. */
    | { readonly atLeast: number }
}

const target = (
  workload: WorkloadName,
  title: string,
  needs: Target["needs"],
  { handler = "Effect.sync", metric = "rate" }: { readonly handler?: HandlerForm; readonly metric?: Metric } = {}
): Target => ({ workload, title, handler, metric, needs })

export const targets: ReadonlyArray<Target> = [
  target("tell-unsafe", "tellUnsafe, 1 producer, 1 actor", { times: 1, of: "erlang" }),
  // Who has no Effect to send has often none to handle it with.
  target("tell-unsafe", "tellUnsafe, 1 producer, 1 actor", { times: 1, of: "erlang" }, { handler: "Effect.succeed" }),
  target("tell", "tell, 1 producer, 1 actor", { atLeast: 3_000_000 }),
  target("ask", "ask, one at a time", { times: 1.2, of: "erlang" }),
  target("ask-concurrent", "ask, 64 callers", { times: 1.5, of: "erlang" }),
  target("fan-out", "fan-out, 1 producer to 1,000 actors", { times: 1, of: "erlang" }),
  target("fan-in", "fan-in, 100 producers to 1 actor", { times: 2, of: "erlang" }),
  target("spawn", "spawn 100,000 actors", { times: 1, of: "erlang" }),
  target("spawn", "spawn 100,000 actors", { atMost: 2_048 }, { metric: "idleHeap" })
]

const find = (run: Run, { handler, title, workload }: Target): RowResult | undefined =>
  run.rows.find((row) => row.workload === workload && row.title === title && row.handler === handler)

/** What a target asks for, in words. */
export const needed = ({ metric, needs }: Target): string => {
  if ("atMost" in needs) return `at most ${show(metric, needs.atMost)}`
  if ("atLeast" in needs) return `at least ${show(metric, needs.atLeast)}, or 1 x by hand`
  return `${needs.times} x ${needs.of === "erlang" ? "Erlang" : "by hand"}`
}

export interface Verdict {
  readonly is: string
  readonly isMet: boolean
}

/** Whether a run has met a target; undefined when it has not what it takes to tell. */
export const judge = (run: Run, target: Target): Verdict | undefined => {
  const { metric, needs } = target
  const row = find(run, target)
  const ryker = row?.figures.ryker?.[metric]
  if (row === undefined || ryker === undefined) return undefined
  if ("atMost" in needs) return { is: show(metric, ryker[0]), isMet: ryker[0] <= needs.atMost }
  if ("atLeast" in needs) {
    const floor = bestByHand(row, metric)
    const isMet = ryker[0] >= Math.min(needs.atLeast, floor?.[0] ?? needs.atLeast)
    const beside = floor === undefined ? "" : `, ${ratio(ryker, floor)} x by hand (${show(metric, floor[0])})`
    return { is: `${show(metric, ryker[0])}${beside}`, isMet }
  }
  const other = needs.of === "erlang" ? row.figures.erlang?.[metric] : bestByHand(row, metric)
  if (other === undefined) return undefined
  const times = ryker[0] / other[0]
  return { is: `${times.toFixed(2)} x`, isMet: times >= needs.times }
}
