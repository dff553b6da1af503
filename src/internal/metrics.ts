/**
 * Brings the metrics of a runtime into the registry that it was built with.
 *
 * The one file that knows how Effect registers series, which is unstable there. Counters and gauges are
 * read from the books when somebody reads the metrics; histograms are held by those who write them.
 */
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import * as RykerMetrics from "../RykerMetrics.ts"
import type { Counters } from "./counters.ts"
import type { Observability } from "./settings.ts"

type Labels = Readonly<Record<string, string>>

/** A series in a registry, shared by all runtimes that have it; see `Registry`. */
interface Series {
  show(): void
  hide(): void
}

/** Counts or measures, read from those who have the numbers. */
class PulledSeries implements Series {
  private readonly metric: Metric.Metric<number, unknown>
  private readonly context: Context.Context<never>
  private readonly sources = new Set<() => number>()
  /** What those have counted that are gone. */
  private settled = 0
  private registration: Metric.Registration | undefined = undefined

  constructor(metric: Metric.Metric<number, unknown>, context: Context.Context<never>) {
    this.metric = metric
    this.context = context
  }

  add(source: () => number): void {
    this.sources.add(source)
  }

  /** `isFinal`: what it has counted stays counted. */
  remove(source: () => number, isFinal: boolean): void {
    if (this.sources.delete(source) && isFinal) this.settled += source()
  }

  show(): void {
    const nothing = () => {}
    this.registration ??= Metric.registerUnsafe(this.metric, this.context, {
      get: () => this.state,
      update: nothing,
      modify: nothing
    })
  }

  hide(): void {
    this.registration?.remove()
    this.registration = undefined
  }

  private get state(): unknown {
    let sum = this.settled
    for (const source of this.sources) sum += source()
    return this.metric.type === "Counter" ? { count: sum, incremental: true } : { value: sum }
  }
}

/** Adds an observation, in seconds. */
export type Observe = (seconds: number) => void

/** A histogram of Effect's own; what is held is its series, so that nothing is looked up for an observation. */
class HistogramSeries implements Series {
  readonly observe: Observe
  private readonly registry: Metric.MetricRegistry
  private readonly key: string
  private readonly metadata: Metric.Metric.Metadata<number, unknown>

  constructor(metric: Metric.Metric<number, unknown>, context: Context.Context<never>) {
    this.registry = Context.get(context, Metric.MetricRegistry)
    // Reading a series makes it, if there is none: in a registry of its own, so that it need not be looked for.
    const own: Metric.MetricRegistry = new Map()
    metric.valueUnsafe(Context.add(context, Metric.MetricRegistry, own))
    const [key, made] = own.entries().next().value!
    this.key = key
    this.metadata = this.registry.get(key) ?? made
    const { update } = this.metadata.hooks
    this.observe = (seconds) => update(seconds, context)
  }

  show(): void {
    if (!this.registry.has(this.key)) this.registry.set(this.key, this.metadata)
  }

  hide(): void {
    if (this.registry.get(this.key) === this.metadata) this.registry.delete(this.key)
  }
}

/** The series of ryker in one registry, and which runtimes want to see each. */
class Registry {
  private readonly series = new Map<string, { readonly series: Series; readonly users: Set<object> }>()

  /** The series of that name and those labels; made when it is asked for first. */
  get<S extends Series>(
    make: new (metric: Metric.Metric<number, unknown>, context: Context.Context<never>) => S,
    metric: Metric.Metric<number, unknown>,
    context: Context.Context<never>
  ): { readonly series: S; readonly users: Set<object> } {
    const labels = Context.get(context, Metric.CurrentMetricAttributes)
    const key = JSON.stringify([metric.id, ...Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))])
    let found = this.series.get(key)
    if (found === undefined) {
      found = { series: new make(metric, context), users: new Set() }
      this.series.set(key, found)
    }
    // A metric is either pulled or a histogram, always.
    return found as { readonly series: S; readonly users: Set<object> }
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

  pulled(metric: Metric.Metric<number, unknown>, labels: Labels, source: () => number): Part {
    const { series, users } = this.registry.get(PulledSeries, metric, this.with(labels))
    const isCounter = metric.type === "Counter"
    return {
      setVisible: (isVisible) => {
        if (isVisible) {
          series.add(source)
          users.add(source)
          series.show()
        } else {
          series.remove(source, false)
          users.delete(source)
          if (users.size === 0) series.hide()
        }
      },
      close: () => {
        const wasVisible = users.delete(source)
        series.remove(source, isCounter)
        // A counter stays: it has still to be exported, and whoever goes on counting begins where it ended.
        if (wasVisible && isCounter) users.add(series)
        if (users.size === 0) series.hide()
      }
    }
  }

  histogram(metric: Metric.Metric<number, unknown>, labels: Labels): Part & { readonly observe: Observe } {
    const { series, users } = this.registry.get(HistogramSeries, metric, this.with(labels))
    const user = {}
    return {
      observe: series.observe,
      setVisible: (isVisible) => {
        if (isVisible) {
          users.add(user)
          series.show()
        } else {
          users.delete(user)
          if (users.size === 0) series.hide()
        }
      },
      close: () => {
        if (users.delete(user)) users.add(series)
      }
    }
  }
}

/** The times of one definition's messages. */
export interface Timings {
  readonly wait: Observe
  readonly latency: Readonly<Record<RykerMetrics.HandlerOutcome, Observe>>
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
    const pulled = (metric: Metric.Metric<number, unknown>, source: () => number, more?: Labels) =>
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
    const wait = surroundings.histogram(RykerMetrics.mailboxWait, labels)
    const latency = (outcome: RykerMetrics.HandlerOutcome) =>
      surroundings.histogram(RykerMetrics.handlerLatency, { ...labels, outcome })
    const latencies = {
      ok: latency("ok"),
      error: latency("error"),
      timeout: latency("timeout"),
      crash: latency("crash"),
      interrupted: latency("interrupted")
    }
    this.timings = {
      wait: wait.observe,
      latency: {
        ok: latencies.ok.observe,
        error: latencies.error.observe,
        timeout: latencies.timeout.observe,
        crash: latencies.crash.observe,
        interrupted: latencies.interrupted.observe
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
  private readonly drains: Readonly<Record<"complete" | "incomplete", Part & { readonly observe: Observe }>>
  private settings: Observability
  private isClosed = false

  constructor(context: Context.Context<never>, settings: Observability) {
    this.surroundings = new Surroundings(context)
    this.settings = settings
    const drain = (outcome: string) => this.surroundings.histogram(RykerMetrics.drainSeconds, { outcome })
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
    if (this.settings.metrics) this.drains[outcome].observe(millis / 1_000)
  }

  /** The runtime is closed: nothing of it is alive any more. */
  close(): void {
    this.isClosed = true
    for (const part of [...this.groups, ...this.parts]) part.close()
  }

  private count(metric: Metric.Metric<number, unknown>, labels: Labels): void {
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
