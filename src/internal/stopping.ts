/** Stopping actors and waiting for it, one or all of a runtime. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
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

/** What a drain did, from when it was asked for. */
export interface Drained {
  readonly millis: number
  readonly actors: ReadonlyArray<ActorDrained>
}

/**
 * Drains the runtime: nothing is taken in from outside, all that was accepted runs until `at`, then
 * every actor is stopped, the last started first.
 *
 * There is one drain and no way back: those who ask for another join it, and the earliest time holds.
 * It has a fiber of its own, so that it ends even if the one who asked for it is a handler that it
 * interrupts.
 */
export const drain = (runtime: Runtime, at: number): Effect.Effect<Drained> =>
  Effect.gen(function* () {
    const startedAt = runtime.timers.now()
    const before = new Map(runtime.ledger.map((entry) => [entry.actor, entry]))
    runtime.drainBy = Math.min(at, runtime.drainBy ?? at)
    runtime.changes.notify()
    runtime.draining ??= Effect.runForkWith(runtime.context)(drainOnce(runtime))
    yield* Fiber.join(runtime.draining)
    const actors = runtime.ledger.map((after) => difference(before.get(after.actor), after))
    return { millis: runtime.timers.now() - startedAt, actors }
  })

const drainOnce = Effect.fnUntraced(function* (runtime: Runtime) {
  const until = () => runtime.drainBy!
  yield* runtime.changes.waitUntil(() => runtime.busy === 0, until)
  runtime.closed = true
  while (runtime.cells.size > 0) {
    const cells = Array.from(runtime.cells).toReversed()
    // Once the time is over there is no order to keep: all are told at once, so that none works on.
    if (runtime.isDrainOver) for (const cell of cells) cell.requestStop("Draining", until())
    for (const cell of cells) yield* stopBy(cell, "Draining", until())
  }
})

const difference = (before: Ledger.Entry | undefined, after: Ledger.Entry): ActorDrained => ({
  actor: after.actor,
  handled: after.handled - (before?.handled ?? 0),
  failed: after.failed - (before?.failed ?? 0),
  dropped: totalDropped(after.dropped) - (before === undefined ? 0 : totalDropped(before.dropped)),
  abandoned: after.inHand
})
