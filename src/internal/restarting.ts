/** A restart that somebody asked for: the incarnation ends and the next one starts, though nothing has failed. */
import * as Effect from "effect/Effect"
import type { ActorCell } from "./actorCell.ts"
import { emit } from "./report.ts"

/** Why an actor is not restarted. */
export type RestartRefusal =
  /** It has ended: only its supervisor can start it anew. */
  | "stopped"
  /** A stop of it was asked for, or the runtime drains. */
  | "stopping"
  /** Somebody waits for its first start. */
  | "starting"
  /** It is on its way to a restart already. */
  | "restarting"
  /** Its restart type is `temporary`. */
  | "temporary"

/** Whether the actor can be restarted now; undefined if it can. */
export const findRestartRefusal = (cell: ActorCell): RestartRefusal | undefined => {
  const { awaitedStart, haltRequest, phase, runtime, settings, stopReason, stopRequest } = cell
  if (phase === "Stopped" || stopReason !== undefined) return "stopped"
  if (stopRequest !== undefined || runtime.drainBy !== undefined) return "stopping"
  if (settings.restart === "temporary") return "temporary"
  if (phase === "New" || awaitedStart !== undefined) return "starting"
  if (haltRequest !== undefined || phase === "Closing" || phase === "Halted") return "restarting"
  return undefined
}

/**
 * Restarts the actor, unless there is a reason not to, which it gives.
 *
 * It is halted like a child whose supervisor takes its group down, and released as soon as it is down: the message in hand
 * has the actor's `shutdown` to come to its end, the queue stays, and neither backoff nor restart intensity know of it. Where a
 * supervisor restarts groups, it is asked to do so, as siblings may depend on the state that is lost.
 */
export const restart = (cell: ActorCell): Effect.Effect<RestartRefusal | undefined> =>
  Effect.suspend(() => {
    const refusal = findRestartRefusal(cell)
    if (refusal !== undefined) return Effect.succeed(refusal)
    const { address: actor, incarnation, options, runtime, settings, supervisor } = cell
    const { family } = options
    if (supervisor?.restartsGroups === true) {
      supervisor.asksForRestart(cell)
      return Effect.undefined
    }
    cell.requestHalt(runtime.timers.now() + settings.shutdown, actor)
    cell.onHalted(() => {
      // Whoever has taken it down meanwhile, together with others, starts it again in its turn.
      const isKept = supervisor?.isEnding === true || family?.isHalted === true
      if (cell.phase === "Halted" && !isKept) cell.releaseHalt(undefined)
    })
    return Effect.as(
      emit(runtime, { _tag: "ActorRestarting", actor, incarnation: incarnation + 1, delay: 0 }),
      undefined
    )
  })
