/** The metrics of a runtime, as the contract has them: what each reads, and how long each is there. */
import type * as Context from "effect/Context"
import * as RykerMetrics from "../RykerMetrics.ts"
import type { Counters } from "./counters.ts"
import type { Histogram } from "./histogram.ts"
import { type Labels, type Observed, type Part, Surroundings } from "./metricSeries.ts"
import type { Observability } from "./settings.ts"

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
