/** Where an actor is in its life, as its users see it. */
import type { Status } from "../Actor.ts"
import type { ActorCell } from "./actorCell.ts"

export const statusOf = (cell: ActorCell): Status => {
  const { depth: queued, incarnation, phase, resumesAt, runtime, stopReason, stopRequest, suspended } = cell
  const busy = cell.inHand !== undefined
  if (stopReason !== undefined) return { _tag: "Stopped", reason: stopReason }
  if (stopRequest !== undefined) return { _tag: "Stopping", reason: stopRequest.reason, queued, busy }
  switch (phase) {
    case "Starting":
      return { _tag: "Starting", incarnation, queued }
    case "Running":
      return suspended
        ? { _tag: "Suspended", incarnation, queued, busy }
        : { _tag: "Running", incarnation, queued, busy }
    default:
      return { _tag: "Restarting", incarnation, queued, millisLeft: Math.max(0, resumesAt - runtime.timers.now()) }
  }
}
