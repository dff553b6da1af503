/** What was in the last minutes: from it come rates, recent percentiles and the small charts. */
import type { Definition, State } from "../InspectorState.ts"
import { quantile, type Rates, ratesOf } from "../internal/rates.ts"

/** How far back the small charts go at most, in milliseconds. */
export const span = 120_000
/** Over how much of it a rate is taken that is shown as a number. */
const rateSpan = 5_000
/** Over how much of it percentiles are taken. */
const percentileSpan = 60_000
/** Two states further apart than this have a gap between them in the charts: nobody looked. */
const gap = 5_000

interface Sample {
  readonly now: number
  readonly definitions: ReadonlyArray<Definition>
  readonly byName: ReadonlyMap<string, Definition>
  /** Since the sample before. */
  readonly rates: ReadonlyMap<string, Rates>
  readonly totals: Totals
}

/** All definitions together. */
export interface Totals extends Rates {
  readonly restarts: number
  /** Not a rate: how many messages wait now. */
  readonly queued: number
}

/** The samples, the oldest first. A value: what comes is added to a new one. */
export type History = ReadonlyArray<Sample>

/** A chart: values over time, the latest last. An undefined value breaks the line. */
export type Series = ReadonlyArray<readonly [time: number, value: number | undefined]>

/** With one more state. Of a state that is not newer, only it is left: it is another host's, or its clock was set. */
export const remember = (history: History, { definitions, now }: Pick<State, "definitions" | "now">): History => {
  const byName = new Map(definitions.map((definition) => [definition.name, definition]))
  const last = history.at(-1)
  const kept = last !== undefined && last.now < now ? history.filter((sample) => sample.now >= now - span) : []
  const rates = last !== undefined && kept.length > 0 ? ratesOf(last, { now, definitions }) : new Map<string, Rates>()
  const next = { now, definitions, byName, rates }
  return [...kept, { ...next, totals: totalsOf(rates, kept.at(-1), next) }]
}

const totalsOf = (
  rates: ReadonlyMap<string, Rates>,
  before: Pick<Sample, "now" | "byName"> | undefined,
  after: Pick<Sample, "now" | "definitions">
): Totals => {
  const sum = (pick: (rates: Rates) => number) => [...rates.values()].reduce((total, it) => total + pick(it), 0)
  const restarts =
    before === undefined
      ? 0
      : after.definitions.reduce((total, { name, restarts }) => {
          const old = before.byName.get(name)?.restarts ?? 0
          return total + (restarts < old ? restarts : restarts - old)
        }, 0) /
        ((after.now - before.now) / 1000)
  return {
    accepted: sum((it) => it.accepted),
    handled: sum((it) => it.handled),
    failed: sum((it) => it.failed),
    dropped: sum((it) => it.dropped),
    refused: sum((it) => it.refused),
    restarts,
    queued: after.definitions.reduce((total, { queued }) => total + queued, 0)
  }
}

/** The oldest sample that is at most so old, if it is not the latest. */
const since = (history: History, millis: number): Sample | undefined => {
  const last = history.at(-1)
  // Polls don't come on the dot.
  const oldest = last && history.find((sample) => sample.now >= last.now - millis * 1.1)
  return oldest === last ? undefined : oldest
}

/** By definition, the rates of the last seconds; empty until there are two states. */
export const recentRates = (history: History): ReadonlyMap<string, Rates> => {
  const before = since(history, rateSpan)
  return before === undefined ? new Map() : ratesOf(before, history.at(-1)!)
}

/** All definitions together, in the last seconds; undefined until there are two states. */
export const recentTotals = (history: History): Totals | undefined => {
  const before = since(history, rateSpan)
  const last = history.at(-1)
  return before === undefined || last === undefined ? undefined : totalsOf(ratesOf(before, last), before, last)
}

/** Times in seconds that half, 95 and 99 of a hundred messages did not exceed. */
export interface Percentiles {
  readonly p50: number | undefined
  readonly p95: number | undefined
  readonly p99: number | undefined
}

/** The percentiles of the last minute, of what a definition's messages waited or took. */
export const recentPercentiles = (history: History, name: string, of: "wait" | "latency"): Percentiles => {
  const before = since(history, percentileSpan)
  const times = history.at(-1)?.byName.get(name)?.[of]
  const at = (q: number) =>
    before === undefined || times === undefined ? undefined : quantile(times, q, before.byName.get(name)?.[of])
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}

const seriesOf = (history: History, value: (sample: Sample, before: Sample) => number | undefined): Series =>
  history.flatMap((sample, index) => {
    const before = history[index - 1]
    if (before === undefined) return []
    return [[sample.now, sample.now - before.now > gap ? undefined : value(sample, before)] as const]
  })

/** A rate of one definition over time. */
export const rateSeries = (history: History, name: string, of: keyof Rates): Series =>
  seriesOf(history, (sample) => sample.rates.get(name)?.[of] ?? 0)

/** What a share of one definition's messages took at most, over time. */
export const latencySeries = (history: History, name: string, q: number): Series =>
  seriesOf(history, (sample, before) => {
    const times = sample.byName.get(name)?.latency
    return times && quantile(times, q, before.byName.get(name)?.latency)
  })

/** Something of all definitions together over time. */
export const totalSeries = (history: History, of: keyof Totals): Series =>
  seriesOf(history, (sample) => sample.totals[of])
