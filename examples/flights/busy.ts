/** What a sender does about a full mailbox. */
import { Schedule } from "effect"
import { RykerError } from "ryker"

export const isBusy = (error: unknown): error is RykerError.Busy => error instanceof RykerError.Busy

/**
 * When to send again: after 1, 2, 4 ... 32 ms, each a fifth more or less, so that senders who were refused together
 * do not come back together.
 */
export const patience = Schedule.min([Schedule.exponential("1 milli"), Schedule.spaced("32 millis")]).pipe(
  Schedule.jittered
)
