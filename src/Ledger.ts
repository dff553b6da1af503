/**
 * The conservation ledger: what became of every message that an actor accepted.
 *
 * **Details**
 *
 * At any quiet moment, for every actor:
 *
 * `accepted = handled + failed + dropped (by reason) + queued + inHand`
 *
 * `queued` and `inHand` are read from the mailboxes and the run loops, not computed from the others,
 * so the equation can fail, and tests assert it. What was refused at the door was never accepted and
 * stands apart, in `refused`.
 *
 * @since 0.1.0
 */
import type { StopReason } from "./RykerError.ts"

/**
 * Why an accepted message was not handled.
 *
 * **Details**
 *
 * | reason | meaning |
 * | --- | --- |
 * | `"deadline"` | its deadline passed while it was queued |
 * | `"interrupted"` | its asker was interrupted while it was queued |
 * | `"shutdown"` | the actor was stopped or drained, or its Layer or Scope closed, before its turn came |
 * | `"rapid_fail"` | the actor's restart intensity was exceeded |
 * | `"closed"` | the actor has ended and is not restarted: a temporary one crashed, or it ended itself |
 * | `"capacity"` | the handler put it aside, and the stash was full |
 * | `"poison"` | its handler crashed at each of its deliveries (`redeliver`) |
 *
 * @category models
 * @since 0.1.0
 */
export type DropReason = "deadline" | "interrupted" | "shutdown" | "rapid_fail" | "closed" | "capacity" | "poison"

/**
 * How many messages were dropped, for each reason.
 *
 * @category models
 * @since 0.1.0
 */
export type Dropped = { readonly [reason in DropReason]: number }

/**
 * One actor's account, or that of all actors of one definition: a keyed family and the actors
 * spawned from one definition have one entry between them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Entry {
  /** The definition's name. */
  readonly actor: string
  /** Messages that entered a mailbox. */
  readonly accepted: number
  /** Handlers that came to their own end: a reply or a typed failure. */
  readonly handled: number
  /** Handlers that did not: a crash, a deadline passed while running, or an interruption. */
  readonly failed: number
  /** Accepted messages that no handler saw. */
  readonly dropped: Dropped
  /** Messages that wait in mailboxes now. */
  readonly queued: number
  /** Messages that handlers work on now. */
  readonly inHand: number
  /** Messages that were never accepted. */
  readonly refused: Refused
  /** Crashes and failed starts. */
  readonly crashes: number
  /** Incarnations started after a crash. */
  readonly restarts: number
  /** Times that an actor gave way to others in the middle of its queue. */
  readonly yields: number
  /** Bytes of payloads and replies that were overwritten with zeros (`amnesia`). */
  readonly zeroizedBytes: number
}

/**
 * Messages that were refused at the door, by the error that the sender got.
 *
 * @category models
 * @since 0.1.0
 */
export interface Refused {
  readonly busy: number
  readonly tooLarge: number
  readonly stopped: number
  /** The deadline had passed before the message was sent. */
  readonly timeout: number
  readonly deadlock: number
  /** The payload did not fit (`validate: "always"`). What `Actor.dispatch` finds wrong never comes to the actor. */
  readonly invalid: number
}

/**
 * The sum of all reasons.
 *
 * @category getters
 * @since 0.1.0
 */
export const totalDropped = (dropped: Dropped): number =>
  dropped.deadline +
  dropped.interrupted +
  dropped.shutdown +
  dropped.rapid_fail +
  dropped.closed +
  dropped.capacity +
  dropped.poison

/**
 * Messages that were accepted and are not accounted for; 0 when the entry balances.
 *
 * **Example** (Checking that no message was lost)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Ledger, Ryker } from "ryker"
 *
 * const program = Effect.gen(function*() {
 *   const entries = yield* Ryker.ledger
 *   console.log(entries.every((entry) => Ledger.imbalance(entry) === 0)) // => true
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(Ryker.layer)))
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const imbalance = (entry: Entry): number =>
  entry.accepted - entry.handled - entry.failed - totalDropped(entry.dropped) - entry.queued - entry.inHand

/**
 * The reason under which messages are dropped when an actor ends.
 *
 * @category getters
 * @since 0.1.0
 */
export const dropReasonOf = (reason: StopReason): DropReason => {
  switch (reason) {
    case "RapidFail":
      return "rapid_fail"
    case "Stopped":
    case "Draining":
    case "ScopeClosed":
    case "SupervisorStopped":
      return "shutdown"
    default:
      return "closed"
  }
}
