/**
 * What happens to actors and supervisors: one typed event for each transition.
 *
 * **Details**
 *
 * `Ryker.events` is the stream of them. Each event is also one log line, at the level that the table
 * says, with its name in snake case as the annotation `event`. None holds a payload or the message of
 * a defect. All are schemas, so that a host can encode them for a bus of its own.
 *
 * | event | level | when |
 * | --- | --- | --- |
 * | `ActorStarted` | Debug | an incarnation is ready |
 * | `ActorCrashed` | Error | a handler crashed the actor |
 * | `ActorStartFailed` | Error | a start failed |
 * | `ActorRestarting` | Info | the backoff before a restart begins, or somebody asked for a restart |
 * | `ActorStopped` | Error, Warn, Debug | it has ended; Error for `RapidFail` and `Crashed`, Warn if it dropped messages |
 * | `ActorSuspended`, `ActorResumed` | Info | an operator suspended or resumed it |
 * | `GroupRestarting` | Warn | siblings of a failed child are stopped, to be restarted with it |
 * | `SupervisorFailed` | Error | a child has given up, and its supervisor fails with it |
 * | `ChildIsolated` | Warn | a child has given up, and its supervisor lives on without it |
 * | `SupervisorFinished` | Info | significant children have ended, and their supervisor ends itself |
 * | `RootFailed` | Fatal | something at the top has given up: the application should end |
 * | `ScopeSlowToClose` | Warn | a Scope takes longer to close than `shutdown`, outside of a stop |
 * | `ScopeAbandoned` | Warn | a Scope was not closed at the deadline of a stop |
 * | `FinalizerFailed` | Error | a Scope's finalizer failed |
 * | `ConfigApplied` | Info, Debug | settings were applied; Debug for the first ones if they are the defaults |
 * | `ConfigRefused` | Error | a reload was refused, and nothing was changed |
 * | `DrainStarted` | Info | `Ryker.drain` was called |
 * | `DrainFinished` | Info, Debug, Warn | a drain is over; Warn if anything was lost, Debug at the closing of the Layer |
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { StopReason } from "./RykerError.ts"

const Millis = Schema.Finite

/** What all events have. */
const common = {
  /** The address of the actor or supervisor that it is about; `"ryker"` for the runtime. */
  actor: Schema.String,
  /** When it happened: milliseconds since the epoch. */
  time: Millis
}

/** A count from 1. */
const incarnation = Schema.Int

/** Whether it handles messages, supervises others, or is a keyed family. */
const kind = Schema.Literals(["actor", "supervisor", "family"])

/** A defect by its class and its first stack frame, both without values. */
const defect = { defect: Schema.String, at: Schema.String }

/**
 * An incarnation is ready: an actor handles messages, a supervisor's children are up.
 *
 * @category events
 * @since 0.1.0
 */
export const ActorStarted = Schema.TaggedStruct("ActorStarted", { ...common, kind, incarnation })

/**
 * A handler crashed the actor.
 *
 * @category events
 * @since 0.1.0
 */
export const ActorCrashed = Schema.TaggedStruct("ActorCrashed", {
  ...common,
  incarnation,
  ...defect,
  /** The correlation id of the message that it had in hand, if there is one, see `Actor.withCorrelationId`. */
  correlation: Schema.optionalKey(Schema.String)
})

/**
 * A start failed.
 *
 * @category events
 * @since 0.1.0
 */
export const ActorStartFailed = Schema.TaggedStruct("ActorStartFailed", { ...common, incarnation, ...defect })

/**
 * A restart was admitted, and the backoff before it begins. One that somebody asked for (`Actor.restart`) has no backoff.
 *
 * @category events
 * @since 0.1.0
 */
export const ActorRestarting = Schema.TaggedStruct("ActorRestarting", {
  ...common,
  /** The incarnation to come. */
  incarnation,
  /** How long the backoff lasts, in milliseconds. */
  delay: Millis
})

/**
 * An actor or supervisor has ended.
 *
 * @category events
 * @since 0.1.0
 */
export const ActorStopped = Schema.TaggedStruct("ActorStopped", {
  ...common,
  kind,
  /** The last incarnation; 0 if there was none. */
  incarnation: Schema.Int,
  reason: StopReason,
  /** How many queued messages were dropped. */
  dropped: Schema.Int
})

/**
 * An actor was suspended: it begins no message until it is resumed.
 *
 * @category events
 * @since 0.1.0
 */
export const ActorSuspended = Schema.TaggedStruct("ActorSuspended", common)

/**
 * A suspended actor was resumed.
 *
 * @category events
 * @since 0.1.0
 */
export const ActorResumed = Schema.TaggedStruct("ActorResumed", common)

/**
 * A child failed, or is restarted because somebody asked for it, and siblings are stopped in order to be restarted together
 * with it.
 *
 * @category events
 * @since 0.1.0
 */
export const GroupRestarting = Schema.TaggedStruct("GroupRestarting", {
  ...common,
  /** The address of the child that failed, or is to be restarted. */
  child: Schema.String,
  /** The addresses of all that are restarted, that child among them, in the order of starting. */
  group: Schema.Array(Schema.String)
})

/**
 * A child has given up, and its supervisor fails with it.
 *
 * @category events
 * @since 0.1.0
 */
export const SupervisorFailed = Schema.TaggedStruct("SupervisorFailed", {
  ...common,
  /** The address of the child that has given up. */
  child: Schema.String,
  incarnation
})

/**
 * A child has given up, and its supervisor goes on without it (`onExhausted: "isolate"`).
 *
 * @category events
 * @since 0.1.0
 */
export const ChildIsolated = Schema.TaggedStruct("ChildIsolated", { ...common, child: Schema.String })

/**
 * Significant children have ended, and their supervisor ends itself (`autoShutdown`).
 *
 * @category events
 * @since 0.1.0
 */
export const SupervisorFinished = Schema.TaggedStruct("SupervisorFinished", { ...common, child: Schema.String })

/**
 * Something directly under `Ryker.layer` has given up, see `Ryker.awaitFailure`.
 *
 * @category events
 * @since 0.1.0
 */
export const RootFailed = Schema.TaggedStruct("RootFailed", common)

/**
 * A Scope takes longer to close than `shutdown`; the restart waits for it.
 *
 * @category events
 * @since 0.1.0
 */
export const ScopeSlowToClose = Schema.TaggedStruct("ScopeSlowToClose", {
  ...common,
  incarnation,
  /** How long it has been waited for, in milliseconds. */
  waited: Millis
})

/**
 * A Scope was not closed at the deadline of a stop.
 *
 * @category events
 * @since 0.1.0
 */
export const ScopeAbandoned = Schema.TaggedStruct("ScopeAbandoned", { ...common, incarnation })

/**
 * A finalizer of a Scope failed.
 *
 * @category events
 * @since 0.1.0
 */
export const FinalizerFailed = Schema.TaggedStruct("FinalizerFailed", { ...common, incarnation, ...defect })

/**
 * Settings were applied: the first ones, or those of a reload.
 *
 * @category events
 * @since 0.1.0
 */
export const ConfigApplied = Schema.TaggedStruct("ConfigApplied", {
  ...common,
  /** Where they came from: `"start"`, or what the reload said. */
  source: Schema.String,
  /** Counted from 1. */
  version: Schema.Int,
  /** What is different now; of the first ones, what differs from the defaults. */
  diff: Schema.Array(
    Schema.Struct({
      key: Schema.String,
      class: Schema.Literals(["hot", "cold", "next restart"]),
      from: Schema.String,
      to: Schema.String
    })
  )
})

/**
 * A reload was refused, and nothing was changed.
 *
 * @category events
 * @since 0.1.0
 */
export const ConfigRefused = Schema.TaggedStruct("ConfigRefused", {
  ...common,
  source: Schema.String,
  /** The version that still holds. */
  version: Schema.Int,
  /** How many problems the settings had. */
  problems: Schema.Int
})

/**
 * The runtime takes nothing in from outside any more.
 *
 * @category events
 * @since 0.1.0
 */
export const DrainStarted = Schema.TaggedStruct("DrainStarted", {
  ...common,
  /** How long the drain may take, in milliseconds; absent if for ever. */
  limit: Schema.optionalKey(Millis)
})

/**
 * A drain is over.
 *
 * @category events
 * @since 0.1.0
 */
export const DrainFinished = Schema.TaggedStruct("DrainFinished", {
  ...common,
  outcome: Schema.Literals(["complete", "incomplete"]),
  /** How long it took, in milliseconds. */
  elapsed: Millis,
  handled: Schema.Int,
  failed: Schema.Int,
  dropped: Schema.Int,
  abandoned: Schema.Int
})

/**
 * Any event.
 *
 * **Example** (Encoding an event for a bus of one's own)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { RykerEvent } from "ryker"
 *
 * const encode = Schema.encodeSync(RykerEvent.RykerEvent)
 *
 * console.log(encode({ _tag: "ActorSuspended", actor: "Account", time: 0 })) // => { _tag: 'ActorSuspended', actor: 'Account', time: 0 }
 * ```
 *
 * @category events
 * @since 0.1.0
 */
export const RykerEvent = Schema.Union([
  ActorStarted,
  ActorCrashed,
  ActorStartFailed,
  ActorRestarting,
  ActorStopped,
  ActorSuspended,
  ActorResumed,
  GroupRestarting,
  SupervisorFailed,
  ChildIsolated,
  SupervisorFinished,
  RootFailed,
  ScopeSlowToClose,
  ScopeAbandoned,
  FinalizerFailed,
  ConfigApplied,
  ConfigRefused,
  DrainStarted,
  DrainFinished
])

/**
 * The type of {@link RykerEvent}.
 *
 * @category models
 * @since 0.1.0
 */
export type RykerEvent = typeof RykerEvent.Type
