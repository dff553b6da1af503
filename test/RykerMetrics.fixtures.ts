/** Reading the metrics of a test's own registry. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"

/** Runs the test with a registry of its own, which its Layers have, too. */
export const withRegistry = <A, E, R>(test: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => Effect.provideService(test, Metric.MetricRegistry, new Map()))

export type Labels = Readonly<Record<string, string>>

/** A series as it is exported: its name with its labels in braces. */
export const seriesName = (id: string, labels: Labels | undefined): string => {
  const list = Object.entries(labels ?? {})
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}="${value}"`)
  return list.length === 0 ? id : `${id}{${list.join(",")}}`
}

/** All series with their numbers: counts, gauges' values, and how many observations histograms have. */
export const readMetrics: Effect.Effect<Readonly<Record<string, number>>> = Effect.contextWith(
  (context: Context.Context<never>) =>
    Effect.sync(() =>
      Object.fromEntries(
        Metric.snapshotUnsafe(context).map(({ attributes, id, state }) => [
          seriesName(id, attributes),
          // None of ryker's counters and gauges is a bigint, and there are no frequencies.
          Number("count" in state ? state.count : "value" in state ? state.value : Number.NaN)
        ])
      )
    )
)

/** The number of one series; undefined if it is not there. */
export const readMetric = (id: string, labels?: Labels): Effect.Effect<number | undefined> =>
  Effect.map(readMetrics, (all) => all[seriesName(id, labels)])

/** What is not zero. */
export const readCounted = (prefix: string): Effect.Effect<Readonly<Record<string, number>>> =>
  Effect.map(readMetrics, (all) =>
    Object.fromEntries(Object.entries(all).filter(([name, value]) => name.startsWith(prefix) && value !== 0))
  )

/** The observations of a histogram: how many, their sum in seconds, and how many are at most each bound. */
export const readHistogram = (metric: Metric.Histogram<number>, labels: Labels): Effect.Effect<Metric.HistogramState> =>
  Effect.suspend(() => Metric.value(Metric.withAttributes(metric, labels)))
