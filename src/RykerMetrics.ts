/**
 * The metrics of ryker: their names, types, labels and buckets, which are a contract.
 *
 * **When to use**
 *
 * To read a metric in a program or a test, or to check dashboards and alerts against {@link contract}. Exporters need
 * nothing of this: they are Effect metrics, in the `Metric.MetricRegistry` that `Ryker.layer` was built with.
 *
 * **Details**
 *
 * Actors never touch a registry. All is read when somebody reads the metrics: counts from the ledger, times from the
 * histograms in which the actors of a definition note them.
 *
 * - The label `actor` is the name of a definition, never an id: all actors of a keyed family, all members of a pool,
 *   and all that were spawned from one definition are one series. A supervisor has `ryker_actor_up` and
 *   `ryker_actor_restarts_total`.
 * - All series of a definition are there, at zero, once its first actor starts. Counters and histograms stay. The two
 *   gauges go when its last actor has ended; but those of an actor of a Layer that ended as `RapidFail` or `Crashed` stay, so
 *   that its `ryker_actor_up` of 0 is seen.
 * - When the runtime closes, its gauges go, and its counters and histograms stay as they are: the last
 *   export of a process still has what the shutdown counted, and no counter ever falls.
 * - Runtimes that share a registry share their series: each is the sum.
 * - `observability.enable_metrics` and `observability.queue_depth_sampling` act at once. While metrics are off, the
 *   series are gone; counts go on, times do not.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"
import type { DropReason } from "./Ledger.ts"

/**
 * The upper bounds of the buckets for the time of single messages, in seconds: 5 ms to 10 s.
 *
 * @category constants
 * @since 0.1.0
 */
export const messageBuckets: ReadonlyArray<number> = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/**
 * The upper bounds of the buckets for the time of drains, in seconds: 50 ms to 60 s.
 *
 * @category constants
 * @since 0.1.0
 */
export const drainBuckets: ReadonlyArray<number> = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

const counter = (name: string, description: string) => Metric.counter(name, { description, incremental: true })

/**
 * Messages that wait, in mailboxes and in stashes; read when the metrics are. Not there without
 * `observability.queue_depth_sampling`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const mailboxDepth: Metric.Gauge<number> = Metric.gauge("ryker_mailbox_depth", {
  description: "Messages that wait in mailboxes and stashes"
})

/**
 * Messages that no handler has brought to an end, by reason: refused ones and dropped ones.
 *
 * @see {@link contract} for what each reason counts
 *
 * @category metrics
 * @since 0.1.0
 */
export const mailboxDropped: Metric.Counter<number> = counter(
  "ryker_mailbox_dropped_total",
  "Messages that were refused, or accepted and not handled"
)

/**
 * Messages that were refused with `Busy` by a full mailbox, a full pool or a full family.
 *
 * @category metrics
 * @since 0.1.0
 */
export const busyRejections: Metric.Counter<number> = counter(
  "ryker_busy_rejections_total",
  "Messages that were refused with Busy"
)

/**
 * Seconds from the send of a message to the beginning of its handler, observed when the handler has ended; of a message
 * that is delivered again after a crash, the first time only.
 *
 * @category metrics
 * @since 0.1.0
 */
export const mailboxWait: Metric.Histogram<number> = Metric.histogram("ryker_mailbox_wait_seconds", {
  description: "Time from the send of a message to the beginning of its handler",
  boundaries: messageBuckets
})

/**
 * Seconds from the beginning to the end of a handler, by outcome. One that put its message aside (`Actor.stash`) is not
 * observed.
 *
 * @category metrics
 * @since 0.1.0
 */
export const handlerLatency: Metric.Histogram<number> = Metric.histogram("ryker_handler_latency_seconds", {
  description: "Time from the beginning to the end of a handler",
  boundaries: messageBuckets
})

/**
 * Incarnations that were started after a crash, a failed start, a normal end or a halt.
 *
 * @category metrics
 * @since 0.1.0
 */
export const actorRestarts: Metric.Counter<number> = counter("ryker_actor_restarts_total", "Restarts")

/**
 * How many actors of the definition are up: their `build` is done, and they have not crashed or ended since. A
 * suspended actor is up.
 *
 * @category metrics
 * @since 0.1.0
 */
export const actorUp: Metric.Gauge<number> = Metric.gauge("ryker_actor_up", {
  description: "Actors that are up"
})

/**
 * Turns that ended with messages left, so that others could go first.
 *
 * @category metrics
 * @since 0.1.0
 */
export const yields: Metric.Counter<number> = counter(
  "ryker_yields_total",
  "Turns that ended with messages left, so that others could go first"
)

/**
 * Messages that were accepted and not handled, by reason: the dead letters of `Ryker.deadLetters`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const deadLetters: Metric.Counter<number> = counter(
  "ryker_dead_letters_total",
  "Messages that were accepted and not handled"
)

/**
 * Asks that were refused with `Deadlock`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const deadlocks: Metric.Counter<number> = counter(
  "ryker_deadlocks_total",
  "Asks that were refused, as they would have closed a cycle"
)

/**
 * Settings that were applied: the first ones (`source="start"`) and those of reloads that changed anything.
 *
 * @category metrics
 * @since 0.1.0
 */
export const configReloads: Metric.Counter<number> = counter("ryker_config_reload_total", "Settings that were applied")

/**
 * Reloads that changed nothing, because they were refused or died.
 *
 * @category metrics
 * @since 0.1.0
 */
export const configReloadErrors: Metric.Counter<number> = counter(
  "ryker_config_reload_errors_total",
  "Reloads that were refused"
)

/**
 * Seconds that a drain took: one of `Ryker.drain`, or the one at the closing of the runtime's Layer.
 *
 * @category metrics
 * @since 0.1.0
 */
export const drainSeconds: Metric.Histogram<number> = Metric.histogram("ryker_drain_seconds", {
  description: "Time that a drain took",
  boundaries: drainBuckets
})

/**
 * Bytes of payloads and replies that were overwritten with zeros (`amnesia`).
 *
 * @category metrics
 * @since 0.1.0
 */
export const zeroizedBytes: Metric.Counter<number> = counter(
  "ryker_zeroized_bytes_total",
  "Bytes of payloads and replies that were overwritten with zeros"
)

/**
 * Why a message was dropped or refused, as `ryker_mailbox_dropped_total` has it.
 *
 * @category models
 * @since 0.1.0
 */
export type DroppedReason = DropReason | "too_large"

/**
 * How a handler ended, as `ryker_handler_latency_seconds` has it.
 *
 * @category models
 * @since 0.1.0
 */
export type HandlerOutcome = "ok" | "error" | "timeout" | "crash" | "interrupted"

/**
 * A label of a metric.
 *
 * @category models
 * @since 0.1.0
 */
export interface Label {
  readonly name: string
  /** What its values are. */
  readonly description: string
  /** All values with their meaning, where they are fixed. */
  readonly values?: Readonly<Record<string, string>>
}

/**
 * What is promised of one metric.
 *
 * @category models
 * @since 0.1.0
 */
export interface Definition {
  readonly metric: Metric.Metric<number, unknown>
  readonly name: string
  readonly type: "counter" | "gauge" | "histogram"
  readonly description: string
  readonly labels: ReadonlyArray<Label>
  /** The upper bounds of a histogram's buckets, without the last one, which is infinite. */
  readonly buckets?: ReadonlyArray<number>
}

const define = (
  metric: Metric.Metric<number, unknown>,
  labels: ReadonlyArray<Label>,
  buckets?: ReadonlyArray<number>
): Definition => ({
  metric,
  name: metric.id,
  // Only these three kinds are made above.
  type: metric.type.toLowerCase() as Definition["type"],
  description: metric.description ?? "",
  labels,
  ...(buckets !== undefined && { buckets })
})

const actor: Label = { name: "actor", description: "the name of the definition, or of a supervisor" }

const droppedReasons: Readonly<Record<DroppedReason, string>> = {
  capacity: "refused with `Busy`; or put aside by its handler when the stash was full",
  deadline: "queued at its deadline; or an ask that was sent when its deadline had passed",
  too_large: "refused with `TooLarge`",
  closed: "refused with `Stopped`; or queued when its actor ended otherwise: `Crashed`, `Normal`",
  shutdown: "queued when its actor was ended by a stop, a drain, or the closing of its Scope",
  rapid_fail: "queued when its actor's limit of restarts was exceeded",
  poison: "in hand at more crashes than `redeliver` allows",
  interrupted: "queued when its asker was interrupted"
}

const deadLetterReasons: Readonly<Record<DropReason, string>> = {
  capacity: "put aside by its handler when the stash was full",
  deadline: "queued at its deadline",
  closed: "queued when its actor ended otherwise: `Crashed`, `Normal`",
  shutdown: droppedReasons.shutdown,
  rapid_fail: droppedReasons.rapid_fail,
  poison: droppedReasons.poison,
  interrupted: droppedReasons.interrupted
}

const outcomes: Readonly<Record<HandlerOutcome, string>> = {
  ok: "a reply",
  error: "a typed failure",
  timeout: "it ran at its deadline, however it then ended",
  crash: "it crashed the actor",
  interrupted: "its asker was interrupted, or the actor was stopped or halted"
}

const source: Label = {
  name: "source",
  description:
    "`start` for the first settings, the name of the signal, the path of the file, or what the program gave to `Ryker.reload` " +
    "(`program` by default); `other` from the 33rd on"
}

/**
 * All metrics with their labels and buckets.
 *
 * **Example** (Checking that a dashboard asks for metrics that there are)
 *
 * ```ts
 * import { RykerMetrics } from "ryker"
 *
 * const names = RykerMetrics.contract.map(({ name }) => name)
 *
 * console.log(names.includes("ryker_mailbox_depth"), names.includes("ryker_queue_length")) // => true false
 * ```
 *
 * @category constants
 * @since 0.1.0
 */
export const contract: ReadonlyArray<Definition> = [
  define(mailboxDepth, [actor]),
  define(mailboxDropped, [actor, { name: "reason", description: "what the message was", values: droppedReasons }]),
  define(busyRejections, [actor]),
  define(mailboxWait, [actor], messageBuckets),
  define(
    handlerLatency,
    [actor, { name: "outcome", description: "how the handler ended", values: outcomes }],
    messageBuckets
  ),
  define(actorRestarts, [actor]),
  define(actorUp, [actor]),
  define(yields, [actor]),
  define(deadLetters, [actor, { name: "reason", description: "what the message was", values: deadLetterReasons }]),
  define(deadlocks, [actor]),
  define(configReloads, [source]),
  define(configReloadErrors, [
    source,
    {
      name: "error",
      description: "why it changed nothing",
      values: {
        invalid: "values, keys or sources are not valid",
        cold: "it was strict, and would have changed keys that are cold",
        defect: "reading the settings died"
      }
    }
  ]),
  define(
    drainSeconds,
    [
      {
        name: "outcome",
        description: "what became of the messages",
        values: { complete: "all were handled", incomplete: "some failed, were dropped or abandoned" }
      }
    ],
    drainBuckets
  ),
  define(zeroizedBytes, [actor])
]
