/** The JSON of a run: what is written by `main.ts` and read by `docs.ts`. */
import { readFileSync, writeFileSync } from "node:fs"
import type { Metric } from "./metrics.ts"
import type { HandlerForm, PeerName, WorkloadName } from "./workload.ts"

export interface Run {
  readonly machine: Machine
  readonly rows: ReadonlyArray<RowResult>
}

export interface Machine {
  /** When it began, to the minute, in UTC. */
  readonly at: string
  readonly cpu: string
  readonly cores: number
  /** Whether all ran on one core. */
  readonly pinned: boolean
  /** Work that waited for a core when it began: more than there are cores means that the machine was not quiet. */
  readonly load: number
  /** How busy the other cores were during the run, from 0 to 1: what came up later shows here. */
  readonly others: number
  readonly seconds: number
  readonly versions: { readonly [name: string]: string }
}

/**
 * Whether it had the machine to itself; figures of one that had not say nothing about anybody. A run that has just ended is in the
 * load for some minutes still, so that what counts first is how busy the other cores were.
 */
export const isQuiet = ({ machine }: Run): boolean => machine.load <= machine.cores && machine.others <= 0.2

export interface RowResult {
  readonly workload: WorkloadName
  readonly title: string
  readonly handler: HandlerForm
  /** How long all of its processes took together. */
  readonly seconds: number
  /** How many rounds each of a peer's processes ran. */
  readonly rounds: { readonly [peer in PeerName]?: ReadonlyArray<number> }
  readonly figures: { readonly [peer in PeerName]?: { readonly [metric in Metric]?: Figure } }
}

/** Median, least and most of the rounds of all processes. */
export type Figure = readonly [median: number, min: number, max: number]

export const summarize = (samples: ReadonlyArray<number>): Figure => {
  const sorted = samples.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  return [median, sorted[0]!, sorted.at(-1)!].map((value) => Number(value.toPrecision(4))) as [number, number, number]
}

/** A line for each peer of each row, so that a difference between two runs can be read. */
export const write = (file: string, { machine, rows }: Run): void => {
  const text = rows.map(({ figures, ...row }) => {
    const peers = Object.entries(figures).map(([peer, figure]) => `${JSON.stringify(peer)}: ${JSON.stringify(figure)}`)
    return `${JSON.stringify(row).slice(0, -1)}, "figures": {\n${peers.join(",\n")}\n}}`
  })
  writeFileSync(file, `{ "machine": ${JSON.stringify(machine)},\n"rows": [\n${text.join(",\n")}\n] }\n`)
}

export const read = (file: string): Run => JSON.parse(readFileSync(file, "utf8")) as Run

/** The two by hand of which the better one counts: a fiber for each actor costs memory, none costs turns. */
const best: ReadonlyArray<PeerName> = ["effect-fiber", "effect-pump"]

/** The best by hand in a row; by what costs least, or gives most. */
export const bestByHand = ({ figures }: RowResult, metric: Metric): Figure | undefined =>
  best
    .map((peer) => figures[peer]?.[metric])
    .filter((figure) => figure !== undefined)
    .toSorted(([a], [b]) => (moreIsBetter(metric) ? b - a : a - b))[0]

export const moreIsBetter = (metric: Metric): boolean => metric === "rate" || metric === "again"

/** Ryker's median divided by another's; empty when there is nothing to divide by. */
export const ratio = (ryker: Figure | undefined, other: Figure | undefined): string => {
  if (ryker === undefined || other === undefined || other[0] === 0) return ""
  const times = ryker[0] / other[0]
  return times > 0 && times < 0.1 ? times.toPrecision(1) : times.toFixed(times < 10 ? 2 : 0)
}
