/**
 * Brings the metrics of a runtime into the registry that it was built with.
 *
 * The one file that knows how Effect registers series, which is unstable there. All series are read from those who
 * have the numbers when somebody reads the metrics.
 */
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import * as RykerMetrics from "../RykerMetrics.ts"
import type { Counters } from "./counters.ts"
import { Histogram } from "./histogram.ts"
import type { Observability } from "./settings.ts"

type Labels = Readonly<Record<string, string>>

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
interface Part {
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
class Surroundings {
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
interface Observed extends Part {
  readonly histogram: Histogram
}

/** The times of one definition's messages. */
export interface Timings {
  readonly wait: Histogram
  readonly latency: Readonly<Record<RykerMetrics.HandlerOutcome, Histogram>>
}

/** What a definition's actors hold, as the metrics see it. */
export interface Measured {
  readonly name: string
  readonly counters: Counters
  /** Messages that wait. */
  readonly queued: number
  /** Actors that are up. */
  readonly up: number
  /** Where times go; undefined while metrics are off. */
  timings: Timings | undefined
}

/** The metrics of one definition, or of one supervisor. */
export class GroupMetrics {
  private readonly measured: Measured
  private readonly kept: ReadonlyArray<Part>
  private readonly depth: Part | undefined
  private readonly up: Part
  private readonly timings: Timings | undefined
  private isPresent = false
  private settings: Observability

  constructor(surroundings: Surroundings, measured: Measured, hasMailbox: boolean, settings: Observability) {
    const { counters, name } = measured
    const { dropped, refused } = counters
    const labels = { actor: name }
    const pulled = (metric: RykerMetrics.Definition["metric"], source: () => number, more?: Labels) =>
      surroundings.pulled(metric, { ...labels, ...more }, source)
    this.measured = measured
    this.settings = settings
    this.up = pulled(RykerMetrics.actorUp, () => measured.up)
    const restarts = pulled(RykerMetrics.actorRestarts, () => counters.restarts)
    if (!hasMailbox) {
      this.kept = [restarts]
      return
    }
    this.depth = pulled(RykerMetrics.mailboxDepth, () => measured.queued)
    const droppedFor: Readonly<Record<RykerMetrics.DroppedReason, () => number>> = {
      capacity: () => dropped.capacity + refused.busy,
      deadline: () => dropped.deadline + refused.timeout,
      too_large: () => refused.tooLarge,
      closed: () => dropped.closed + refused.stopped,
      shutdown: () => dropped.shutdown,
      rapid_fail: () => dropped.rapid_fail,
      poison: () => dropped.poison,
      interrupted: () => dropped.interrupted
    }
    const wait = surroundings.histogram(RykerMetrics.mailboxWait, labels, RykerMetrics.messageBuckets)
    const latency = (outcome: RykerMetrics.HandlerOutcome) =>
      surroundings.histogram(RykerMetrics.handlerLatency, { ...labels, outcome }, RykerMetrics.messageBuckets)
    const latencies = {
      ok: latency("ok"),
      error: latency("error"),
      timeout: latency("timeout"),
      crash: latency("crash"),
      interrupted: latency("interrupted")
    }
    this.timings = {
      wait: wait.histogram,
      latency: {
        ok: latencies.ok.histogram,
        error: latencies.error.histogram,
        timeout: latencies.timeout.histogram,
        crash: latencies.crash.histogram,
        interrupted: latencies.interrupted.histogram
      }
    }
    this.kept = [
      restarts,
      wait,
      ...Object.values(latencies),
      ...Object.entries(droppedFor).map(([reason, source]) => pulled(RykerMetrics.mailboxDropped, source, { reason })),
      ...Object.keys(dropped).map((reason) =>
        // The keys are those of the record.
        pulled(RykerMetrics.deadLetters, () => dropped[reason as keyof typeof dropped], { reason })
      ),
      pulled(RykerMetrics.busyRejections, () => refused.busy),
      pulled(RykerMetrics.yields, () => counters.yields),
      pulled(RykerMetrics.deadlocks, () => refused.deadlock),
      pulled(RykerMetrics.zeroizedBytes, () => counters.zeroizedBytes)
    ]
  }

  follow(settings: Observability): void {
    this.settings = settings
    for (const part of this.kept) part.setVisible(settings.metrics)
    this.measured.timings = settings.metrics ? this.timings : undefined
    this.showGauges()
  }

  /** Whether there is an actor to measure. */
  setPresent(isPresent: boolean): void {
    if (this.isPresent === isPresent) return
    this.isPresent = isPresent
    this.showGauges()
  }

  private showGauges(): void {
    const { metrics, queueDepth } = this.settings
    this.up.setVisible(metrics && this.isPresent)
    this.depth?.setVisible(metrics && queueDepth && this.isPresent)
  }

  close(): void {
    for (const part of [...this.kept, this.up, this.depth]) part?.close()
    this.measured.timings = undefined
  }
}

/** So many sources of reloads have a series of their own. */
const maxSources = 32

/** The metrics of one runtime. */
export class RuntimeMetrics {
  private readonly surroundings: Surroundings
  private readonly groups: Array<GroupMetrics> = []
  private readonly parts: Array<Part> = []
  private readonly sources = new Set<string>()
  private readonly counts = new Map<string, { count: number }>()
  private readonly drains: Readonly<Record<"complete" | "incomplete", Observed>>
  private settings: Observability
  private isClosed = false

  constructor(context: Context.Context<never>, settings: Observability) {
    this.surroundings = new Surroundings(context)
    this.settings = settings
    const drain = (outcome: string) =>
      this.surroundings.histogram(RykerMetrics.drainSeconds, { outcome }, RykerMetrics.drainBuckets)
    this.drains = { complete: drain("complete"), incomplete: drain("incomplete") }
    this.parts.push(...Object.values(this.drains))
    for (const part of this.parts) part.setVisible(settings.metrics)
  }

  /** The metrics of a new definition, or of a new supervisor, which has no mailbox. */
  add(measured: Measured, hasMailbox: boolean): GroupMetrics {
    const group = new GroupMetrics(this.surroundings, measured, hasMailbox, this.settings)
    if (!this.isClosed) {
      this.groups.push(group)
      group.follow(this.settings)
    }
    return group
  }

  /** The settings have changed. */
  follow(settings: Observability): void {
    if (settings.metrics === this.settings.metrics && settings.queueDepth === this.settings.queueDepth) return
    this.settings = settings
    for (const part of this.parts) part.setVisible(settings.metrics)
    for (const group of this.groups) group.follow(settings)
  }

  configApplied(source: string): void {
    this.count(RykerMetrics.configReloads, { source: this.known(source) })
  }

  configRefused(source: string, error: "invalid" | "cold" | "defect"): void {
    this.count(RykerMetrics.configReloadErrors, { source: this.known(source), error })
  }

  drained(outcome: "complete" | "incomplete", millis: number): void {
    if (this.settings.metrics) this.drains[outcome].histogram.observe(millis / 1_000)
  }

  /** The runtime is closed: nothing of it is alive any more. */
  close(): void {
    this.isClosed = true
    for (const part of [...this.groups, ...this.parts]) part.close()
  }

  private count(metric: RykerMetrics.Definition["metric"], labels: Labels): void {
    const key = JSON.stringify([metric.id, labels])
    let entry = this.counts.get(key)
    if (entry === undefined) {
      const made = { count: 0 }
      entry = made
      this.counts.set(key, made)
      const part = this.surroundings.pulled(metric, labels, () => made.count)
      this.parts.push(part)
      part.setVisible(this.settings.metrics)
    }
    entry.count++
  }

  /** Whoever reloads says what the source is, and might say something new each time. */
  private known(source: string): string {
    if (this.sources.size < maxSources) this.sources.add(source)
    return this.sources.has(source) ? source : "other"
  }
}
