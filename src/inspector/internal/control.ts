/** What an operator can do to an actor, and why it may not be possible now. */
import * as Effect from "effect/Effect"
import { ActorCell } from "../../internal/actorCell.ts"
import { Family } from "../../internal/family.ts"
import { Pool } from "../../internal/pool.ts"
import { emit } from "../../internal/report.ts"
import { restart, type RestartRefusal } from "../../internal/restarting.ts"
import type { Runtime } from "../../internal/runtime.ts"
import type * as InspectorState from "../InspectorState.ts"
import { findSubject, supervisionAbove } from "./subjects.ts"

/** What became of a command. */
export type Outcome =
  | { readonly _tag: "Accepted" }
  | { readonly _tag: "Unknown" }
  | { readonly _tag: "Refused"; readonly why: string }

const accepted: Outcome = { _tag: "Accepted" }
const refused = (why: string): Outcome => ({ _tag: "Refused", why })

/** Does it, or begins it: nothing here waits for an actor. */
export const act = (runtime: Runtime, { action, address }: InspectorState.Command): Effect.Effect<Outcome> =>
  Effect.suspend(() => {
    const subject = findSubject(runtime, address)
    if (subject === undefined) return Effect.succeed<Outcome>({ _tag: "Unknown" })
    if (subject instanceof ActorCell) return actions[action](subject)
    if (subject instanceof Pool) return actOnPool(subject, action)
    if (subject instanceof Family) {
      return Effect.succeed(refused("a family without a supervisor has no life of its own: choose one of its actors"))
    }
    return Effect.succeed(refused("it has stopped, and no supervisor can start it anew"))
  })

type Action = InspectorState.Command["action"]

const whyEnding = ({ stopReason, stopRequest }: ActorCell): string | undefined => {
  if (stopReason !== undefined) return "it has stopped"
  return stopRequest === undefined ? undefined : "it is stopping"
}

/** Why an actor is not restarted. */
const restartRefusals: Readonly<Record<RestartRefusal, string>> = {
  stopped: "it has stopped, and no supervisor can start it anew",
  stopping: "it is stopping, or the runtime is draining",
  starting: "its first start is not over",
  restarting: "it is on its way to a restart already",
  temporary: "it is temporary: nothing restarts it"
}

const actions: Readonly<Record<Action, (cell: ActorCell) => Effect.Effect<Outcome>>> = {
  suspend: (cell) => {
    const { address: actor, options, runtime } = cell
    const why = options.kind === "actor" ? whyEnding(cell) : "only actors can be suspended"
    if (why !== undefined) return Effect.succeed(refused(why))
    return cell.suspend()
      ? Effect.as(emit(runtime, { _tag: "ActorSuspended", actor }), accepted)
      : Effect.succeed(refused("it is suspended already"))
  },
  resume: (cell) =>
    cell.resume()
      ? Effect.as(emit(cell.runtime, { _tag: "ActorResumed", actor: cell.address }), accepted)
      : Effect.succeed(refused("it is not suspended")),
  restart: (cell) =>
    cell.phase === "Stopped"
      ? startAnew(cell)
      : Effect.map(restart(cell), (why) => (why === undefined ? accepted : refused(restartRefusals[why]))),
  stop: (cell) => {
    const why = whyEnding(cell)
    if (why !== undefined) return Effect.succeed(refused(why))
    cell.requestStop("Stopped", cell.runtime.timers.now() + cell.settings.shutdown)
    return Effect.succeed(accepted)
  }
}

/** A child that has ended: its supervisor starts it, which may take as long as its `build`. */
const startAnew = (cell: ActorCell): Effect.Effect<Outcome> => {
  const { address, isGone, options, runtime } = cell
  const supervision = supervisionAbove(cell)
  if (supervision === undefined || !supervision.cells.includes(cell)) {
    return Effect.succeed(refused(restartRefusals.stopped))
  }
  if (supervision.supervisor?.phase !== "Running" || runtime.drainBy !== undefined) {
    return Effect.succeed(refused("its supervisor is not running"))
  }
  if (!isGone) return Effect.succeed(refused("what it left behind at its stop still runs"))
  return Effect.sync(() => {
    // A start that fails is told by the actor's own events.
    Effect.runForkWith(options.context)(Effect.ignore(supervision.restartChild(address)))
    return accepted
  })
}

/** All members for which it is possible; refused if there is none, for the reason of the last one. */
const actOnPool = (pool: Pool, action: Action): Effect.Effect<Outcome> =>
  Effect.gen(function* () {
    if (action === "stop") pool.refuseAll("Stopped")
    const outcomes: Array<Outcome> = []
    for (const member of pool.members) outcomes.push(yield* actions[action](member))
    return outcomes.find(({ _tag }) => _tag === "Accepted") ?? outcomes.at(-1) ?? refused("it has no members yet")
  })
