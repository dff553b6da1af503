/**
 * Series in a registry of Effect's, shared by all runtimes that have it.
 *
 * The one file that knows how Effect registers series, which is unstable there. All are read from those who have the
 * numbers when somebody reads the metrics.
 */
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import type * as RykerMetrics from "../RykerMetrics.ts"
import { Histogram } from "./histogram.ts"

export type Labels = Readonly<Record<string, string>>

/** A series in a registry, shared by all runtimes that have it, see `Registry`. Its state is that of all sources together. */
abstract class Series<Source> {
  /** Whose wish it is that it can be seen. */
  readonly users = new Set<unknown>()
  protected readonly sources = new Set<Source>()
  private readonly metric: RykerMetrics.Definition["metric"]
  private readonly context: Context.Context<never>
  private registration: Metric.Registration | undefined = undefined

  constructor(metric: RykerMetrics.Definition["metric"], context: Context.Context<never>) {
    this.metric = metric
    this.context = context
  }

  protected abstract get state(): unknown

  /** What the source has counted stays counted when it is gone. */
  protected abstract settle(source: Source): void

  add(source: Source): void {
    this.sources.add(source)
    this.users.add(source)
    const nothing = () => {}
    this.registration ??= Metric.registerUnsafe(this.metric, this.context, {
      get: () => this.state,
      update: nothing,
      modify: nothing
    })
  }

  remove(source: Source): void {
    this.sources.delete(source)
    this.users.delete(source)
    if (this.users.size > 0) return
    this.registration?.remove()
    this.registration = undefined
  }

  /** As `remove`, but the series stays: it has still to be exported, and whoever goes on counting begins where this ended. */
  close(source: Source): void {
    if (!this.sources.has(source)) return
    this.settle(source)
    this.users.add(this)
    this.remove(source)
  }
}

class Counts extends Series<() => number> {
  private settled = 0

  protected get state(): Metric.CounterState<number> {
    return { count: this.settled + sum(this.sources), incremental: true }
  }

  protected settle(source: () => number): void {
    this.settled += source()
  }
}

class Levels extends Series<() => number> {
  protected get state(): Metric.GaugeState<number> {
    return { value: sum(this.sources) }
  }

  protected settle(): void {}

  /** What is gone has no level. */
  override close(source: () => number): void {
    this.remove(source)
  }
}

const sum = (sources: ReadonlySet<() => number>): number => {
  let total = 0
  for (const source of sources) total += source()
  return total
}

class Times extends Series<Histogram> {
  private settled: Histogram | undefined = undefined

  protected get state(): Metric.HistogramState {
    return this.together.state
  }

  protected settle(source: Histogram): void {
    this.settled ??= source.alike()
    this.settled.merge(source)
  }

  private get together(): Histogram {
    const all = [...(this.settled === undefined ? [] : [this.settled]), ...this.sources]
    const together = all[0]!.alike()
    for (const each of all) together.merge(each)
    return together
  }
}

type AnySeries = Counts | Levels | Times

/** The series of ryker in one registry. */
class Registry {
  private readonly series = new Map<string, AnySeries>()

  /** The series of that metric and the context's attributes; made when it is asked for first. */
  get<S extends AnySeries>(
    make: new (metric: RykerMetrics.Definition["metric"], context: Context.Context<never>) => S,
    metric: RykerMetrics.Definition["metric"],
    context: Context.Context<never>
  ): S {
    const labels = Context.get(context, Metric.CurrentMetricAttributes)
    const key = JSON.stringify([metric.id, ...Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))])
    const series = this.series.get(key) ?? new make(metric, context)
    this.series.set(key, series)
    // A metric is of one kind, always.
    return series as S
  }
}

const registries = new WeakMap<Metric.MetricRegistry, Registry>()

const registryOf = (context: Context.Context<never>): Registry => {
  const key = Context.get(context, Metric.MetricRegistry)
  let registry = registries.get(key)
  if (registry === undefined) {
    registry = new Registry()
    registries.set(key, registry)
  }
  return registry
}

/** A runtime's part in one series. */
export interface Part {
  /** The runtime wants it to be seen, or not; of several runtimes, one is enough. */
  setVisible(isVisible: boolean): void
  /** The runtime is gone. */
  close(): void
}

const partOf = <Source>(series: Series<Source>, source: Source): Part => ({
  setVisible: (isVisible) => (isVisible ? series.add(source) : series.remove(source)),
  close: () => series.close(source)
})

/** What all parts of a runtime have in common. */
export class Surroundings {
  private readonly registry: Registry
  private readonly context: Context.Context<never>

  constructor(context: Context.Context<never>) {
    this.registry = registryOf(context)
    this.context = Context.make(Metric.MetricRegistry, Context.get(context, Metric.MetricRegistry)).pipe(
      Context.add(Metric.CurrentMetricAttributes, Context.get(context, Metric.CurrentMetricAttributes))
    )
  }

  private with(labels: Labels): Context.Context<never> {
    const own = Context.get(this.context, Metric.CurrentMetricAttributes)
    return Context.add(this.context, Metric.CurrentMetricAttributes, { ...own, ...labels })
  }

  pulled(metric: RykerMetrics.Definition["metric"], labels: Labels, source: () => number): Part {
    const kind = metric.type === "Counter" ? Counts : Levels
    return partOf(this.registry.get<Counts | Levels>(kind, metric, this.with(labels)), source)
  }

  histogram(metric: Metric.Histogram<number>, labels: Labels, bounds: ReadonlyArray<number>): Observed {
    const histogram = new Histogram(bounds)
    return { histogram, ...partOf(this.registry.get(Times, metric, this.with(labels)), histogram) }
  }
}

/** A histogram with its part in a series. */
export interface Observed extends Part {
  readonly histogram: Histogram
}
