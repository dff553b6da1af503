/** Stopping actors and waiting for it, one or all of a runtime. */
import * as Effect from "effect/Effect"
import type * as Ledger from "../Ledger.ts"
import { totalDropped } from "../Ledger.ts"
import type { StopReason } from "../RykerError.ts"
import type { ActorCell } from "./actorCell.ts"
import type { Runtime } from "./runtime.ts"

/** Waits until the actor has stopped for good. */
export const awaitStopped = (cell: ActorCell): Effect.Effect<StopReason> =>
  Effect.callback<StopReason>((resume) => {
    const forget = cell.onStopped((reason) => resume(Effect.succeed(reason)))
    return Effect.sync(forget)
  })

/** Stops the actor by `at` and waits for it. */
export const stopBy = (cell: ActorCell, reason: StopReason, at: number): Effect.Effect<StopReason> =>
  Effect.suspend(() => {
    cell.requestStop(reason, at)
    return awaitStopped(cell)
  })

/** What became of the messages of one definition during a drain. */
export interface ActorDrained {
  readonly actor: string
  readonly handled: number
  readonly failed: number
  readonly dropped: number
  readonly abandoned: number
}

/**
 * Drains the runtime: nothing is taken in from outside, all that was accepted runs until `at`, then
 * every actor is stopped, the last started first.
 */
export const drain = (runtime: Runtime, at: number): Effect.Effect<ReadonlyArray<ActorDrained>> =>
  Effect.gen(function* () {
    const before = new Map(runtime.ledger.map((entry) => [entry.actor, entry]))
    runtime.draining = true
    yield* runtime.changes.waitUntil(
      () => runtime.busy === 0,
      () => at
    )
    runtime.closed = true
    while (runtime.cells.size > 0) {
      const cells = Array.from(runtime.cells).toReversed()
      for (const cell of cells) yield* stopBy(cell, "Draining", at)
    }
    return runtime.ledger.map((after) => difference(before.get(after.actor), after))
  })

const difference = (before: Ledger.Entry | undefined, after: Ledger.Entry): ActorDrained => ({
  actor: after.actor,
  handled: after.handled - (before?.handled ?? 0),
  failed: after.failed - (before?.failed ?? 0),
  dropped: totalDropped(after.dropped) - (before === undefined ? 0 : totalDropped(before.dropped)),
  abandoned: after.inHand
})
