/**
 * Dead letters: messages that an actor accepted and did not handle.
 *
 * @since 0.1.0
 */
import type { DropReason } from "./Ledger.ts"

/**
 * A message that was accepted and dropped, without its payload.
 *
 * **When to use**
 *
 * `Ryker.deadLetters` is the stream of them. The ledger counts them by actor and reason, so that none
 * goes unseen when nobody subscribes.
 *
 * @category models
 * @since 0.1.0
 */
export interface DeadLetter {
  /** The address of the actor that had accepted it. */
  readonly actor: string
  /** The message's tag. */
  readonly request: string
  /** Why it was not handled. */
  readonly reason: DropReason
  /** Whether somebody waited for the answer. An asker has got an error; who told knows only from here. */
  readonly kind: "ask" | "tell"
  /** Its correlation id, if there is one, see `Actor.withCorrelationId`. */
  readonly correlation?: string
  /** How long ago it was sent, in milliseconds. */
  readonly age: number
}
