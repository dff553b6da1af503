/**
 * Actors for Effect: bounded mailboxes, typed overload and deadline errors, and supervision.
 *
 * @since 0.1.0
 */
export * as Actor from "./Actor.ts"
export * as Backoff from "./Backoff.ts"
export * as DeadLetter from "./DeadLetter.ts"
export * as Deadline from "./Deadline.ts"
export * as Keyed from "./Keyed.ts"
export * as Ledger from "./Ledger.ts"
export * as Mailbox from "./Mailbox.ts"
export * as RestartWindow from "./RestartWindow.ts"
export * as Router from "./Router.ts"
export * as Ryker from "./Ryker.ts"
export * as RykerConfig from "./RykerConfig.ts"
export * as RykerError from "./RykerError.ts"
export * as RykerEvent from "./RykerEvent.ts"
export * as RykerMetrics from "./RykerMetrics.ts"
export * as Supervisor from "./Supervisor.ts"
