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

/** Waits until an actor that was told to halt has done so, or has stopped. */
export const awaitHalted = (cell: ActorCell): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    const forget = cell.onHalted(() => resume(Effect.void))
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
 *
 * There is one drain and no way back: those who ask for another join it, and the earliest time holds.
 * It has a fiber of its own, so that it ends even if the one who asked for it is a handler that it
 * interrupts.
 */
export const drain = (runtime: Runtime, at: number): Effect.Effect<void> =>
  Effect.suspend(() => {
    const by = Math.min(at, runtime.drainBy ?? at)
    runtime.drainBy = by
    runtime.changes.notify()
    // An earlier time also holds for those that are being stopped already, for whatever reason.
    for (const cell of runtime.cells) {
      if (cell.stopRequest !== undefined) cell.requestStop("Draining", by)
    }
    runtime.draining ??= Effect.runForkWith(runtime.context)(drainOnce(runtime))
    return Fiber.join(runtime.draining)
  })

/** Gives those of the cells that are being stopped or halted no more time, and a drain in progress none. */
export const cutShort = (runtime: Runtime, cells: Iterable<ActorCell>): void => {
  const now = runtime.timers.now()
  if (runtime.drainBy !== undefined) runtime.drainBy = Math.min(now, runtime.drainBy)
  runtime.changes.notify()
  for (const cell of cells) {
    const { haltRequest, stopRequest } = cell
    if (haltRequest !== undefined) cell.requestHalt(now, haltRequest.because)
    if (stopRequest !== undefined) cell.requestStop(stopRequest.reason, now)
  }
}

const drainOnce = Effect.fnUntraced(function* (runtime: Runtime) {
  const until = () => runtime.drainBy!
  yield* runtime.changes.waitUntil(() => runtime.busy === 0, until)
  runtime.closed = true
  while (runtime.cells.size > 0) {
    const cells = Array.from(runtime.cells).toReversed()
    // Once the time is over there is no order to keep: all are told at once, so that none works on.
    if (runtime.isDrainOver) for (const cell of cells) cell.requestStop("Draining", until())
    // Children are stopped by their supervisors, in the supervisor's order.
    const top = cells.filter(
      ({ options, supervisor }) => supervisor === undefined && options.family?.isSupervised !== true
    )
    // The actors of a family have no order among them: they stop together, when the first one's turn comes.
    for (const group of byFamily(top.length > 0 ? top : cells)) {
      for (const cell of group) cell.requestStop("Draining", until())
      yield* Effect.forEach(group, awaitStopped, { discard: true })
    }
  }
})

/** The actors of each family together, where its first one stands; others by themselves. */
const byFamily = (cells: ReadonlyArray<ActorCell>): Iterable<ReadonlyArray<ActorCell>> => {
  const groups = new Map<object, Array<ActorCell>>()
  for (const cell of cells) {
    const key = cell.options.family ?? cell
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [cell])
    else group.push(cell)
  }
  return groups.values()
}

/** What became of the messages of every definition since `before`. */
export const drainedSince = (
  before: ReadonlyArray<Ledger.Entry>,
  after: ReadonlyArray<Ledger.Entry>
): ReadonlyArray<ActorDrained> =>
  after.map((now) => {
    const was = before.find(({ actor }) => actor === now.actor)
    return {
      actor: now.actor,
      handled: now.handled - (was?.handled ?? 0),
      failed: now.failed - (was?.failed ?? 0),
      dropped: totalDropped(now.dropped) - (was === undefined ? 0 : totalDropped(was.dropped)),
      abandoned: now.inHand
    }
  })
