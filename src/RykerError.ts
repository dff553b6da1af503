/**
 * Every typed error of ryker, one class for each decision a caller can take.
 *
 * All of them are `Schema.TaggedError`s: they can be matched with
 * `Effect.catchTag`, yielded in `Effect.gen`, and encoded and decoded, so they
 * also travel over a wire. None of them carries a payload.
 *
 * | error | decision of the caller |
 * | --- | --- |
 * | `Busy` | back off, retry later, or shed the work |
 * | `TooLarge` | send less, or raise the cap |
 * | `Timeout` | give up, or retry with more time if the work is idempotent |
 * | `Crashed` | retry if the work is idempotent: the actor is restarting |
 * | `Stopped` | go elsewhere: this actor takes no more work |
 * | `Deadlock` | mend the program: two handlers wait for each other |
 * | `InvalidMessage` | reject the input at the edge |
 * | `InvalidOption`, `InvalidConfig` | mend the configuration |
 * | `StartError`, `SupervisorStartError` | let the program fail to start |
 * | `ChildError` | mend the call: the supervisor has no such child, or not in that state |
 * | `RootFailure` | let the process end: what it cannot be without has given up |
 *
 * @since 0.1.0
 */
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"

const plural = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? "" : "s"}`

const millis = (n: number): string => `${Math.round(n * 1000) / 1000} ms`

/** What Effect's `HttpApi` answers with when an endpoint lists the error; `ryker/http` has the whole mapping. */
const httpStatus = (code: number) => ({ httpApiStatus: code })

/**
 * The actor has no room for the message now.
 *
 * **When to use**
 *
 * Match it to back off: the message was not enqueued, nothing was lost and
 * nothing will run. `limit` says which bound was met: `"mailbox"` (as many
 * messages wait as its capacity allows), `"residents"` (a keyed family holds
 * as many actors as its `maxResident` allows), or `"stash"` (the handler wanted
 * to put the message aside, and as many are aside as the actor's `stash` allows).
 *
 * **Example** (Retrying with backoff when an actor is busy)
 *
 * ```ts
 * import { Effect, Schedule } from "effect"
 * import { RykerError } from "ryker"
 *
 * let attempts = 0
 * const send = Effect.suspend(() =>
 *   ++attempts < 3
 *     ? Effect.fail(new RykerError.Busy({ actor: "Account", limit: "mailbox", capacity: 256 }))
 *     : Effect.succeed("sent")
 * )
 * const program = send.pipe(Effect.retry({
 *   while: (error) => error._tag === "Busy",
 *   schedule: Schedule.exponential("1 milli")
 * }))
 *
 * console.log(await Effect.runPromise(program)) // => sent
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class Busy extends Schema.TaggedError<Busy>("ryker/Busy")(
  "Busy",
  {
    /** The actor's address: its name, and after a slash its id where it has one. */
    actor: Schema.String,
    /** Which bound was met. */
    limit: Schema.Literals(["mailbox", "residents", "stash"]),
    /** The bound: messages of the mailbox, of a pool's mailboxes together or of the stash, or actors of the family. */
    capacity: Schema.Int
  },
  httpStatus(429)
) {
  override get message(): string {
    switch (this.limit) {
      case "mailbox":
        return (
          `the mailbox of "${this.actor}" is full (${plural(this.capacity, "message")}): ` +
          `back off and retry, or raise its capacity`
        )
      case "residents":
        return (
          `the family of "${this.actor}" is full (${plural(this.capacity, "resident actor")}): ` +
          `retry once some have gone idle, or raise maxResident`
        )
      case "stash":
        return (
          `the stash of "${this.actor}" is full (${plural(this.capacity, "message")}): ` +
          `retry once it is ready for this message, or raise its stash`
        )
    }
  }
}

/**
 * The payload is larger than the actor's cap on one message.
 *
 * **Details**
 *
 * The message was not enqueued. `bytes` is the size that was measured; measuring
 * stops once the cap is passed, so it is at least `max + 1` and may be less than
 * the whole size.
 *
 * **Example** (Reading what was too large)
 *
 * ```ts
 * import { RykerError } from "ryker"
 *
 * const error = new RykerError.TooLarge({ actor: "Blobs", request: "Store", bytes: 70_000, max: 65_536 })
 * console.log(error.message) // => "Store" to "Blobs" holds at least 70000 bytes, more than the cap of 65536: send a reference or smaller parts, or raise maxMessageBytes
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class TooLarge extends Schema.TaggedError<TooLarge>("ryker/TooLarge")(
  "TooLarge",
  {
    /** The actor's address. */
    actor: Schema.String,
    /** The message's tag. */
    request: Schema.String,
    /** Bytes measured, at least `max + 1`. */
    bytes: Schema.Int,
    /** The cap in bytes. */
    max: Schema.Int
  },
  httpStatus(413)
) {
  override get message(): string {
    return (
      `"${this.request}" to "${this.actor}" holds at least ${this.bytes} bytes, more than the cap of ${this.max}: ` +
      `send a reference or smaller parts, or raise maxMessageBytes`
    )
  }
}

/**
 * The deadline passed before there was an answer.
 *
 * **Details**
 *
 * `phase` says how far the message came: `"queued"` means that the handler never
 * ran and never will, so a retry is safe; `"running"` means that the handler had
 * begun and has been interrupted, so a retry is safe only for idempotent work.
 * `offerWait` gives `"queued"` when it found no room in time.
 *
 * **Example** (Telling the phases apart)
 *
 * ```ts
 * import { RykerError } from "ryker"
 *
 * const error = new RykerError.Timeout({ actor: "Account", request: "Withdraw", phase: "queued", millis: 250 })
 * console.log(error.message) // => "Withdraw" to "Account" was still queued at its deadline of 250 ms and will not run: retry, or give it more time
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class Timeout extends Schema.TaggedError<Timeout>("ryker/Timeout")(
  "Timeout",
  {
    /** The actor's address. */
    actor: Schema.String,
    /** The message's tag. */
    request: Schema.String,
    /** How far the message came. */
    phase: Schema.Literals(["queued", "running"]),
    /** The time that the message had in all, in milliseconds, from being sent to its deadline. */
    millis: Schema.Finite
  },
  httpStatus(504)
) {
  override get message(): string {
    return this.phase === "queued"
      ? `"${this.request}" to "${this.actor}" was still queued at its deadline of ${millis(this.millis)} ` +
          `and will not run: retry, or give it more time`
      : `"${this.request}" to "${this.actor}" was still running at its deadline of ${millis(this.millis)} ` +
          `and was interrupted: retry only if it is idempotent, or give it more time`
  }
}

/**
 * The actor crashed while it had this message in hand.
 *
 * **Details**
 *
 * A crash is a defect (a throw, `Effect.die`) or an interruption that ryker did
 * not ask for. The message is consumed, the supervisor restarts the actor, and
 * the messages behind it are kept in order. The defect itself is not part of the
 * error, as it may quote a payload: it goes to the log by name and place.
 *
 * With `sibling` the actor itself has done nothing wrong: it was restarted
 * together with its supervisor's other children, because of the one named;
 * or, if that is its own address, because somebody asked for it (`Actor.restart`).
 *
 * **Example** (Reading which incarnation crashed)
 *
 * ```ts
 * import { RykerError } from "ryker"
 *
 * const error = new RykerError.Crashed({ actor: "Account", request: "Withdraw", incarnation: 1 })
 * console.log(error.message) // => "Account" crashed (incarnation 1) while it handled "Withdraw", which is consumed: see its log; retry only if it is idempotent
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class Crashed extends Schema.TaggedError<Crashed>("ryker/Crashed")(
  "Crashed",
  {
    /** The actor's address. */
    actor: Schema.String,
    /** The tag of the message in hand. */
    request: Schema.String,
    /** Which incarnation crashed, counted from 1. */
    incarnation: Schema.Int,
    /**
     * The address of the child of the same supervisor, or of the supervisor, that failed or was to be restarted; absent if it
     * was the actor itself that failed.
     */
    sibling: Schema.optionalKey(Schema.String)
  },
  httpStatus(500)
) {
  override get message(): string {
    if (this.sibling !== undefined) {
      return (
        `"${this.actor}" was restarted (incarnation ${this.incarnation}) ` +
        `${this.sibling === this.actor ? "on request" : `because of "${this.sibling}"`}, ` +
        `while it handled "${this.request}", which is consumed: retry only if it is idempotent`
      )
    }
    return (
      `"${this.actor}" crashed (incarnation ${this.incarnation}) while it handled "${this.request}", ` +
      `which is consumed: see its log; retry only if it is idempotent`
    )
  }
}

/**
 * Why an actor, or a mailbox, takes no more messages.
 *
 * **Details**
 *
 * | reason | meaning |
 * | --- | --- |
 * | `"Stopped"` | `Actor.stop` was called |
 * | `"Draining"` | the runtime is draining or has drained: shutdown |
 * | `"ScopeClosed"` | the Layer or Scope that owns the actor was closed |
 * | `"RapidFail"` | it crashed more often than its restart intensity allows |
 * | `"Crashed"` | it crashed, and its restart type is `"temporary"` |
 * | `"Normal"` | it ended itself, with `Actor.stopSelf`; a supervisor, by automatic shutdown |
 * | `"SupervisorStopped"` | its supervisor ended it: as it ended itself, or as a temporary child of a group that is restarted |
 * | `"Passivated"` | a keyed actor went idle; the next message starts it anew |
 * | `"Closed"` | the mailbox was closed; what it holds is still taken |
 * | `"Ended"` | the mailbox was closed and has nothing left, or was shut down |
 *
 * @category models
 * @since 0.1.0
 */
export const StopReason = Schema.Literals([
  "Stopped",
  "Draining",
  "ScopeClosed",
  "RapidFail",
  "Crashed",
  "Normal",
  "SupervisorStopped",
  "Passivated",
  "Closed",
  "Ended"
])

/**
 * The type of {@link StopReason}.
 *
 * @category models
 * @since 0.1.0
 */
export type StopReason = typeof StopReason.Type

const stopFates = {
  refused: "the message was not taken in",
  queued: "the message will not run",
  running: "the handler was cut off"
}

const stopAdvice: Record<StopReason, string> = {
  Stopped: "it was stopped on purpose: start it anew, or send the work elsewhere",
  Draining: "the runtime is shutting down: send the work elsewhere",
  ScopeClosed: "the Layer or Scope that owns it was closed: keep it open for as long as the actor is used",
  RapidFail: "it crashed more often than its restart intensity allows: see its log, mend the cause, start it anew",
  Crashed: 'it crashed and is not restarted (restart: "temporary"): see its log',
  Normal: "it ended itself: start it anew if there is more to do",
  SupervisorStopped: "its supervisor ended it: see the supervisor's log lines",
  Passivated: "it went idle: get it from its family again",
  Closed: "the mailbox was closed: offer to another one",
  Ended: "the mailbox was closed and has nothing left: start another one"
}

/**
 * The actor, or the mailbox, takes no more messages.
 *
 * **Details**
 *
 * `reason` says why, see {@link StopReason}. `phase` says how far the message came: `"refused"` means
 * that it was not taken in, `"queued"` that it was and its handler never ran, so that it is safe to
 * send it elsewhere; `"running"` means that its handler had begun and was cut off, so that this is safe
 * only for idempotent work.
 *
 * **Example** (Reading why an actor stopped)
 *
 * ```ts
 * import { RykerError } from "ryker"
 *
 * const error = new RykerError.Stopped({ actor: "Account", reason: "Draining", phase: "refused" })
 * console.log(error.message) // => "Account" takes no more messages (Draining), the message was not taken in: the runtime is shutting down: send the work elsewhere
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class Stopped extends Schema.TaggedError<Stopped>("ryker/Stopped")(
  "Stopped",
  {
    /** The actor's address, or the mailbox's name. */
    actor: Schema.String,
    /** Why. */
    reason: StopReason,
    /** How far the message came; absent where no message was sent, as for a take from a mailbox. */
    phase: Schema.optionalKey(Schema.Literals(["refused", "queued", "running"]))
  },
  httpStatus(503)
) {
  override get message(): string {
    const fate = this.phase === undefined ? "" : `, ${stopFates[this.phase]}`
    return `"${this.actor}" takes no more messages (${this.reason})${fate}: ${stopAdvice[this.reason]}`
  }
}

/**
 * The ask would have closed a cycle of actors that wait for each other.
 *
 * **Details**
 *
 * It fails at once, instead of hanging until its deadline. `cycle` names the
 * actors in the order in which they wait, first and last being the one that
 * asked. To mend it, answer with `tell`, or move the shared state into one actor.
 *
 * **Example** (Reading the cycle)
 *
 * ```ts
 * import { RykerError } from "ryker"
 *
 * const error = new RykerError.Deadlock({ actor: "B", request: "Get", cycle: ["A", "B", "A"] })
 * console.log(error.message) // => asking "B" for "Get" would deadlock: A -> B -> A wait for each other; answer with tell, or let one actor own the state
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class Deadlock extends Schema.TaggedError<Deadlock>("ryker/Deadlock")(
  "Deadlock",
  {
    /** The actor that was asked. */
    actor: Schema.String,
    /** The tag of the ask that was refused. */
    request: Schema.String,
    /** Addresses in the order of waiting; the first is repeated at the end. */
    cycle: Schema.Array(Schema.String)
  },
  httpStatus(500)
) {
  override get message(): string {
    return (
      `asking "${this.actor}" for "${this.request}" would deadlock: ${this.cycle.join(" -> ")} ` +
      `wait for each other; answer with tell, or let one actor own the state`
    )
  }
}

/**
 * The message does not fit the actor's protocol.
 *
 * **Details**
 *
 * Given by `Actor.dispatch`, which takes messages of unknown origin, and by
 * actors defined with `validate: "always"`. `issue` names the places and what was
 * expected there; it never quotes the payload.
 *
 * **Example** (Reading what was wrong)
 *
 * ```ts
 * import { RykerError } from "ryker"
 *
 * const error = new RykerError.InvalidMessage({
 *   actor: "Account",
 *   request: "Withdraw",
 *   reason: "InvalidPayload",
 *   issue: "amount: expected a finite number"
 * })
 * console.log(error.message) // => "Withdraw" does not fit the protocol of "Account" (InvalidPayload): amount: expected a finite number
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidMessage extends Schema.TaggedError<InvalidMessage>("ryker/InvalidMessage")(
  "InvalidMessage",
  {
    /** The actor's address. */
    actor: Schema.String,
    /** The message's tag. */
    request: Schema.String,
    /** Whether the tag or the payload is wrong. */
    reason: Schema.Literals(["UnknownTag", "InvalidPayload"]),
    /** Where it is wrong and what was expected. */
    issue: Schema.String
  },
  httpStatus(400)
) {
  override get message(): string {
    return `"${this.request}" does not fit the protocol of "${this.actor}" (${this.reason}): ${this.issue}`
  }
}

/**
 * An option is out of its range.
 *
 * **Details**
 *
 * Nothing was started. `rule` says what is allowed.
 *
 * **Example** (Refusing a capacity of zero)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Mailbox } from "ryker"
 *
 * const program = Effect.flip(Mailbox.make({ name: "jobs", capacity: 0 }))
 * const error = await Effect.runPromise(program)
 * console.log(error.message) // => "jobs": capacity is 0, but must be a whole number from 1 to 1048576
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidOption extends Schema.TaggedError<InvalidOption>("ryker/InvalidOption")("InvalidOption", {
  /** The actor, mailbox or module whose option it is. */
  owner: Schema.String,
  /** The option's name. */
  option: Schema.String,
  /** The value that was given. */
  value: Schema.String,
  /** What is allowed. */
  rule: Schema.String
}) {
  override get message(): string {
    return `"${this.owner}": ${this.option} is ${this.value}, but must be ${this.rule}`
  }
}

/**
 * Settings that cannot hold: all problems at once, from all sources.
 *
 * **Details**
 *
 * Nothing of them was applied. Each problem says which key it is about, by which name the environment
 * knows it, where the value stands (with the line, if it is a file's and can be told), the value, the
 * rule, and what to do.
 *
 * **Example** (Reading what is wrong)
 *
 * ```ts
 * import { RykerError } from "ryker"
 *
 * const error = new RykerError.InvalidConfig({
 *   problems: [{
 *     key: "defaults.deadline",
 *     environment: "RYKER_DEFAULT_DEADLINE",
 *     source: "ryker.toml",
 *     line: 3,
 *     value: "10 parsecs",
 *     rule: "a duration from 10ms to 1m, with its unit: ms, s or m",
 *     fix: "write it like 1s"
 *   }]
 * })
 * console.log(error.message) // => 1 problem with the settings of ryker, none of which was applied: defaults.deadline (RYKER_DEFAULT_DEADLINE) in ryker.toml, line 3, is "10 parsecs", but must be a duration from 10ms to 1m, with its unit: ms, s or m: write it like 1s
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidConfig extends Schema.TaggedError<InvalidConfig>("ryker/InvalidConfig")("InvalidConfig", {
  problems: Schema.Array(
    Schema.Struct({
      /** The key; empty when the problem is about none that is known. */
      key: Schema.String,
      /** Its name in the environment; empty when it has none. */
      environment: Schema.String,
      /** `"builder"`, `"default"`, a name in the environment, or the path of a file. */
      source: Schema.String,
      /** The line in the file, counted from 1, if it can be told. */
      line: Schema.optionalKey(Schema.Int),
      /** The value as it is written, cut to 64 characters; absent when the problem is not about a value. */
      value: Schema.optionalKey(Schema.String),
      /** What is allowed. */
      rule: Schema.String,
      /** What to do. */
      fix: Schema.String
    })
  )
}) {
  override get message(): string {
    const { problems } = this
    const list = problems.length === 1 ? describeProblem(problems[0]!) : problems.map(describeProblem).join("\n- ")
    const count = `${plural(problems.length, "problem")} with the settings of ryker, none of which was applied`
    return problems.length === 1 ? `${count}: ${list}` : `${count}:\n- ${list}`
  }
}

const describeProblem = (problem: InvalidConfig["problems"][number]): string => {
  const { environment, fix, key, line, rule, source, value } = problem
  const names = [key, environment].filter((name) => name !== "")
  const what = names.length === 2 ? `${key} (${environment})` : (names[0] ?? "what stands")
  const isPlaceKnown = source === environment || source === "environment"
  const isDefault = source === "default"
  const place = isPlaceKnown || isDefault ? "" : ` in ${source}${line === undefined ? "" : `, line ${line},`}`
  const fault = value === undefined ? "must be" : `is ${isDefault ? "by default " : ""}"${value}", but must be`
  return `${what}${place} ${fault} ${rule}: ${fix}`
}

/**
 * An actor could not be started, for another reason than a typed failure of its own.
 *
 * **Details**
 *
 * | reason | meaning |
 * | --- | --- |
 * | `"DuplicateName"` | an actor of this address is alive under the same `Ryker.layer` |
 * | `"Timeout"` | `build` was not done within `startTimeout` |
 * | `"Defect"` | `build` died or was interrupted; the log has the defect |
 * | `"NotRunning"` | the runtime is draining, or the owning Scope or supervisor is closed |
 * | `"NotSupervised"` | a child's Layer starts no actor, or started it before its supervisor could |
 *
 * A typed failure of `build` is not wrapped: it is the Layer's own error.
 *
 * **Example** (Reading why a start failed)
 *
 * ```ts
 * import { RykerError } from "ryker"
 *
 * const error = new RykerError.StartError({ actor: "Account", reason: "Timeout", detail: "build was not done after 5000 ms" })
 * console.log(error.message) // => "Account" did not start (Timeout): build was not done after 5000 ms
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class StartError extends Schema.TaggedError<StartError>("ryker/StartError")("StartError", {
  /** The actor's address. */
  actor: Schema.String,
  /** Why. */
  reason: Schema.Literals(["DuplicateName", "Timeout", "Defect", "NotRunning", "NotSupervised"]),
  /** What happened and what to do. */
  detail: Schema.String
}) {
  override get message(): string {
    return `"${this.actor}" did not start (${this.reason}): ${this.detail}`
  }
}

/**
 * A child of a supervisor did not start, and so the supervisor did not.
 *
 * **Details**
 *
 * The children that were started before it have been stopped, in reverse. `cause` is what the child
 * failed with: its own typed error, a {@link StartError}, or, if the child is a supervisor, its
 * `SupervisorStartError`. It is on the error for the program; the message names its class alone.
 *
 * **Example** (Reading which child it was)
 *
 * ```ts
 * import { RykerError } from "ryker"
 *
 * const cause = new RykerError.StartError({ actor: "Audit", reason: "Timeout", detail: "build was not done after 5000 ms" })
 * const error = new RykerError.SupervisorStartError({ supervisor: "Bank", child: "Audit", cause })
 * console.log(error.message) // => "Bank" did not start: its child "Audit" failed with StartError: see the cause, and the log
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class SupervisorStartError extends Schema.TaggedError<SupervisorStartError>("ryker/SupervisorStartError")(
  "SupervisorStartError",
  {
    /** The supervisor's address. */
    supervisor: Schema.String,
    /** The child's address, or its place among the children (`"child 2"`) if it started no actor. */
    child: Schema.String,
    /** What the child failed with. */
    cause: Schema.Defect()
  }
) {
  override get message(): string {
    return `"${this.supervisor}" did not start: its child "${this.child}" failed with ${classOf(this.cause)}: see the cause, and the log`
  }
}

const classOf = (error: unknown): string => {
  if (!(error instanceof Error)) return "a value that is no Error"
  return "_tag" in error && typeof error._tag === "string" ? error._tag : error.constructor.name
}

/**
 * A supervisor cannot do with a child what was asked.
 *
 * **Details**
 *
 * | reason | meaning |
 * | --- | --- |
 * | `"NotFound"` | it has no child of this address |
 * | `"Running"` | the child is running, and only one that has ended can be restarted or deleted |
 * | `"Restarting"` | the child is on its way to a restart |
 * | `"NotRunning"` | the supervisor itself is not running: it restarts, stops, or has ended |
 * | `"NotSupervised"` | what was to start children started none for this supervisor |
 *
 * **Example** (Reading why)
 *
 * ```ts
 * import { RykerError } from "ryker"
 *
 * const error = new RykerError.ChildError({ supervisor: "Bank", child: "Audit", reason: "NotFound" })
 * console.log(error.message) // => "Bank" has no child "Audit": Supervisor.whichChildren lists those it has
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class ChildError extends Schema.TaggedError<ChildError>("ryker/ChildError")("ChildError", {
  /** The supervisor's address. */
  supervisor: Schema.String,
  /** The child's address; empty when the call was about none in particular. */
  child: Schema.String,
  /** Why. */
  reason: Schema.Literals(["NotFound", "Running", "Restarting", "NotRunning", "NotSupervised"])
}) {
  override get message(): string {
    const { child, supervisor } = this
    switch (this.reason) {
      case "NotFound":
        return `"${supervisor}" has no child "${child}": Supervisor.whichChildren lists those it has`
      case "Running":
        return `the child "${child}" of "${supervisor}" is running: terminate it first`
      case "Restarting":
        return `the child "${child}" of "${supervisor}" is on its way to a restart: wait for it, or terminate it first`
      case "NotRunning":
        return `"${supervisor}" is not running now: its children cannot be changed while it restarts, stops or has ended`
      case "NotSupervised":
        return (
          `nothing was started as a child of "${supervisor}": give an effect that spawns an actor, or that builds ` +
          `a Layer which was not built elsewhere before`
        )
    }
  }
}

/**
 * Something that the application cannot be without has given up for good.
 *
 * **Details**
 *
 * An actor Layer or a supervisor directly under `Ryker.layer` exceeded its restart intensity. The log
 * has said so already (`root_failed`), so `runMain` does not log it again; its exit code is 1.
 *
 * **Example** (Reading what has given up)
 *
 * ```ts
 * import { RykerError } from "ryker"
 *
 * const error = new RykerError.RootFailure({ actor: "Bank" })
 * console.log(error.message) // => "Bank" failed more often than its restart intensity allows, and nothing is above it: see its log, mend the cause, start the program anew
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class RootFailure extends Schema.TaggedError<RootFailure>("ryker/RootFailure")("RootFailure", {
  /** The address of the actor or supervisor that has given up. */
  actor: Schema.String
}) {
  override readonly [Runtime.errorReported] = false
  override get message(): string {
    return (
      `"${this.actor}" failed more often than its restart intensity allows, and nothing is above it: ` +
      `see its log, mend the cause, start the program anew`
    )
  }
}

/**
 * What `tell` can fail with.
 *
 * @category models
 * @since 0.1.0
 */
export type TellError = Busy | TooLarge | Stopped

/**
 * What `ask` can fail with besides the message's own error.
 *
 * @category models
 * @since 0.1.0
 */
export type AskError = Busy | Timeout | TooLarge | Crashed | Stopped | Deadlock
