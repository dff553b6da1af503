/**
 * Sees what a runtime does, for tests that explore schedules. With none, which is the rule, the run
 * loop pays for a look at one field.
 */
import * as Context from "effect/Context"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { DropReason } from "../Ledger.ts"
import type { ActorCell } from "./actorCell.ts"
import type { Refusal } from "./cell.ts"
import type { Envelope } from "./envelope.ts"
import type { NewEvent } from "./report.ts"
import type { Runtime } from "./runtime.ts"

/** Called as things happen, from inside the run loop: must not throw, and must not change anything. */
export interface RuntimeObserver {
  /** Whether an ask may be handled on its asker's stack, where there is nothing to choose from. */
  readonly handlesAtOnce: boolean
  /** A runtime has begun. */
  opened(runtime: Runtime): void
  /** An actor was made; `turn` is the task in which it handles messages. */
  created(cell: ActorCell, turn: () => void): void
  /** A fiber goes on with the actor's life: from its start, and whenever there is something to do again. */
  lives(cell: ActorCell, fiber: Fiber.Fiber<unknown, unknown>): void
  accepted(message: Envelope): void
  refused(message: Envelope, refusal: Refusal): void
  /** The handler is about to be called. */
  began(message: Envelope): void
  ended(message: Envelope, exit: Exit.Exit<unknown, unknown>): void
  /** Its handler never began, or will not begin again. */
  dropped(message: Envelope, reason: DropReason): void
  happened(event: NewEvent): void
}

/** What sees the runtimes that are built here. */
export const CurrentObserver = Context.Reference<RuntimeObserver | undefined>("ryker/internal/CurrentObserver", {
  defaultValue: () => undefined
})
