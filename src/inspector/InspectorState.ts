/**
 * What the inspector says of a runtime, as schemas: the answer of `GET /state`, the messages of `GET /events`, and the command that
 * `POST /control` takes.
 *
 * **Details**
 *
 * None of it holds a payload, a reply, or the message of a defect. It does hold addresses of actors, and with them the ids of keyed
 * actors, the tags of messages, correlation ids, and the values of settings.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { StopReason } from "../RykerError.ts"
import { RykerEvent } from "../RykerEvent.ts"

/** A count from 0. */
const Count = Schema.Int

const Millis = Schema.Finite

const Counts = Schema.Record(Schema.String, Count)

/**
 * What a row of the tree is.
 *
 * **Details**
 *
 * `"pool"` stands for the members of a pool (`Router.layer`, `Router.spawn`), and `"family"` for the residents of a keyed
 * family: both have rows of their own below it.
 *
 * @category models
 * @since 0.1.0
 */
export const Kind = Schema.Literals(["actor", "supervisor", "family", "pool"])

/**
 * The type of {@link Kind}.
 *
 * @category models
 * @since 0.1.0
 */
export type Kind = typeof Kind.Type

/**
 * Where an actor is in its life.
 *
 * **Details**
 *
 * | status | meaning |
 * | --- | --- |
 * | `"starting"` | its `build` runs, or is about to |
 * | `"running"` | it is up and has nothing in hand |
 * | `"busy"` | it has a message in hand |
 * | `"stuck"` | it has had the same message in hand for longer than the inspector's `stuckAfter` |
 * | `"suspended"` | it begins no message until it is resumed |
 * | `"closing"` | an incarnation has ended, and its Scope is being closed |
 * | `"backoff"` | it waits for its next start, see `millisLeft` |
 * | `"waiting"` | it waits until its supervisor lets it start with its group |
 * | `"stopping"` | it is to stop, see `reason` |
 * | `"stopped"` | it has stopped, see `reason` |
 *
 * @category models
 * @since 0.1.0
 */
export const Status = Schema.Literals([
  "starting",
  "running",
  "busy",
  "stuck",
  "suspended",
  "closing",
  "backoff",
  "waiting",
  "stopping",
  "stopped"
])

/**
 * The type of {@link Status}.
 *
 * @category models
 * @since 0.1.0
 */
export type Status = typeof Status.Type

/**
 * One row of the tree: an actor, a supervisor, a family or a pool.
 *
 * @category models
 * @since 0.1.0
 */
export const Actor = Schema.Struct({
  /** What it is called; of all rows of one state, only one has it. */
  address: Schema.String,
  /** The definition's name, as metrics have it; a supervisor's own. */
  name: Schema.String,
  kind: Kind,
  /** The address of the row above it: a supervisor's, a family's or a pool's; null at the top. */
  parent: Schema.NullOr(Schema.String),
  status: Status,
  /** Counted from 1; 0 before the first, and for what has none: pools, and families without a supervisor. */
  incarnation: Count,
  /** Why it is stopping or has stopped. */
  reason: Schema.optionalKey(StopReason),
  /** Until the restart, in milliseconds, while in `"backoff"`. */
  millisLeft: Schema.optionalKey(Millis),
  /** Messages that wait; of a pool or a family, of all below it. */
  depth: Count,
  /** How many may; 0 for supervisors and families. */
  capacity: Count,
  /**
   * The message that it has in hand: its tag, and for how many milliseconds; without those when nothing times it. A turn of its own,
   * like a timer's, has a tag in parentheses.
   */
  inHand: Schema.optionalKey(Schema.Struct({ request: Schema.String, millis: Schema.optionalKey(Millis) })),
  /** Of a supervisor: who is restarted with whom. */
  strategy: Schema.optionalKey(Schema.Literals(["one-for-one", "one-for-all", "rest-for-one"])),
  /** True for a child that has given up, and whose supervisor goes on without it. */
  isolated: Schema.optionalKey(Schema.Boolean)
})

/**
 * The type of {@link Actor}.
 *
 * @category models
 * @since 0.1.0
 */
export type Actor = typeof Actor.Type

/**
 * A histogram of times in seconds, of all since the start of the runtime.
 *
 * @category models
 * @since 0.1.0
 */
export const Times = Schema.Struct({
  count: Count,
  sum: Schema.Finite,
  /** The longest; 0 if there was none. */
  max: Schema.Finite,
  /** Upper bounds, ascending, each with how many were at most that. `count` may be more than the last one has. */
  buckets: Schema.Array(Schema.Tuple([Schema.Finite, Count]))
})

/**
 * The type of {@link Times}.
 *
 * @category models
 * @since 0.1.0
 */
export type Times = typeof Times.Type

/**
 * What all actors of one definition have done since the start of the runtime, as `Ryker.ledger` has it, and how long it took them.
 *
 * @category models
 * @since 0.1.0
 */
export const Definition = Schema.Struct({
  name: Schema.String,
  accepted: Count,
  handled: Count,
  failed: Count,
  /** By reason. */
  dropped: Counts,
  /** By the error that the sender got. */
  refused: Counts,
  queued: Count,
  inHand: Count,
  crashes: Count,
  restarts: Count,
  yields: Count,
  /** From the send to the beginning of the handler. Absent while metrics are off. */
  wait: Schema.optionalKey(Times),
  /** From the beginning to the end of the handler, whatever its outcome. Absent while metrics are off. */
  latency: Schema.optionalKey(Times)
})

/**
 * The type of {@link Definition}.
 *
 * @category models
 * @since 0.1.0
 */
export type Definition = typeof Definition.Type

/**
 * An ask that the message in hand of `from` waits for.
 *
 * @category models
 * @since 0.1.0
 */
export const Wait = Schema.Struct({
  from: Schema.String,
  to: Schema.String,
  /** The tag of what was asked. */
  request: Schema.String
})

/**
 * The type of {@link Wait}.
 *
 * @category models
 * @since 0.1.0
 */
export type Wait = typeof Wait.Type

/**
 * An event that the inspector remembers.
 *
 * @category models
 * @since 0.1.0
 */
export const RecordedEvent = Schema.Struct({
  /** Ascending over events and dead letters together. */
  id: Count,
  /** Its tag in dotted snake case, see {@link topicOf}. */
  topic: Schema.String,
  event: RykerEvent
})

/**
 * The type of {@link RecordedEvent}.
 *
 * @category models
 * @since 0.1.0
 */
export type RecordedEvent = typeof RecordedEvent.Type

/**
 * A message that was accepted and not handled, see `Ryker.deadLetters`.
 *
 * @category models
 * @since 0.1.0
 */
export const DeadLetter = Schema.Struct({
  actor: Schema.String,
  request: Schema.String,
  reason: Schema.Literals(["deadline", "interrupted", "shutdown", "rapid_fail", "closed", "capacity", "poison"]),
  kind: Schema.Literals(["ask", "tell"]),
  correlation: Schema.optionalKey(Schema.String),
  /** How long before it was dropped it had been sent, in milliseconds. */
  age: Millis
})

/**
 * A dead letter that the inspector remembers.
 *
 * @category models
 * @since 0.1.0
 */
export const RecordedLetter = Schema.Struct({
  /** Ascending over events and dead letters together. */
  id: Count,
  /** When it was dropped: milliseconds since the epoch. */
  time: Millis,
  letter: DeadLetter
})

/**
 * The type of {@link RecordedLetter}.
 *
 * @category models
 * @since 0.1.0
 */
export type RecordedLetter = typeof RecordedLetter.Type

/**
 * A key of the settings, with what it is and where that comes from.
 *
 * @category models
 * @since 0.1.0
 */
export const ConfigEntry = Schema.Struct({
  key: Schema.String,
  value: Schema.String,
  class: Schema.Literals(["hot", "cold", "next restart"]),
  source: Schema.Literals(["builder", "environment", "file", "default"]),
  /** The variable's name, or the path of the file. */
  name: Schema.String
})

/**
 * The type of {@link ConfigEntry}.
 *
 * @category models
 * @since 0.1.0
 */
export type ConfigEntry = typeof ConfigEntry.Type

/**
 * The answer of `GET /state`.
 *
 * @category models
 * @since 0.1.0
 */
export const State = Schema.Struct({
  /** Of this format. */
  version: Schema.Literal(1),
  /** Milliseconds since the epoch. */
  now: Millis,
  /** `"closed"`: a drain is over, and no actor is started any more. */
  phase: Schema.Literals(["running", "draining", "closed"]),
  /** Whether `POST /control` is there. */
  control: Schema.Boolean,
  /** In the order of the tree: those above before those below, siblings in the order of their start. */
  actors: Schema.Array(Actor),
  /** Rows that were left out, as there are more than the inspector's `actors`. */
  omitted: Count,
  definitions: Schema.Array(Definition),
  waitFor: Schema.Array(Wait),
  /** The latest, the oldest first. */
  events: Schema.Array(RecordedEvent),
  /** The latest 100, the oldest first. */
  deadLetters: Schema.Array(RecordedLetter),
  /** How many have come since the inspector was built that are not remembered any more. */
  missed: Schema.Struct({ events: Count, deadLetters: Count }),
  config: Schema.Struct({
    version: Count,
    /** What the last change came from. */
    source: Schema.String,
    /** How many reloads were refused. */
    refused: Count,
    entries: Schema.Array(ConfigEntry)
  })
})

/**
 * The type of {@link State}.
 *
 * @category models
 * @since 0.1.0
 */
export type State = typeof State.Type

/**
 * What an operator wants done, the body of `POST /control`.
 *
 * @category models
 * @since 0.1.0
 */
export const Command = Schema.Struct({
  action: Schema.Literals(["suspend", "resume", "restart", "stop"]),
  /** The address of the actor, supervisor, family or pool. */
  address: Schema.String,
  /** The address once more. */
  confirm: Schema.String
})

/**
 * The type of {@link Command}.
 *
 * @category models
 * @since 0.1.0
 */
export type Command = typeof Command.Type

/**
 * The topic of an event: its tag in dotted snake case.
 *
 * **Details**
 *
 * The first word of the tag, a dot, and the others: `ActorCrashed` is `actor.crashed`, `ActorStartFailed` is `actor.start_failed`.
 * Dead letters have the topic `dead_letter`.
 *
 * **Example** (Finding out what to subscribe to)
 *
 * ```ts
 * import { InspectorState } from "ryker/inspector"
 *
 * console.log(InspectorState.topicOf("ConfigApplied"), InspectorState.topicOf("ScopeSlowToClose")) // => config.applied scope.slow_to_close
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const topicOf = (tag: RykerEvent["_tag"]): string =>
  tag
    .replace(/(?!^)[A-Z]/g, "_$&")
    .toLowerCase()
    .replace("_", ".")
