/** Starting actors that a Layer or a Scope owns. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import { StartError } from "../RykerError.ts"
import { ActorCell, type CellOptions } from "./actorCell.ts"
import { begin } from "./lifecycle.ts"
import { stopBy } from "./stopping.ts"

/**
 * The surroundings of an actor: what its Layer or spawner has, without the span that happens to be
 * current there, which ends long before the actor does.
 */
export const surroundings: Effect.Effect<Context.Context<never>> = Effect.contextWith(
  (context: Context.Context<never>) =>
    Effect.succeed(
      Context.getOrUndefined(context, Tracer.ParentSpan) === undefined
        ? // The same map without the layers on top of it: what is added for each message then stays cheap.
          Context.makeUnsafe(context.mapUnsafe)
        : Context.omit(Tracer.ParentSpan)(context)
    )
)

/** Starts the actor and stops it when the Scope closes. */
export const startScoped = (options: CellOptions): Effect.Effect<ActorCell, unknown, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend((): Effect.Effect<ActorCell, unknown> => {
      const { address, group, runtime } = options
      if (runtime.draining) {
        return new StartError({
          actor: address,
          reason: "NotRunning",
          detail: "the runtime is draining or has drained: start no actors during shutdown"
        })
      }
      if (runtime.cells.has(address)) {
        return new StartError({
          actor: address,
          reason: "DuplicateName",
          detail:
            "an actor of this name is alive in this runtime: give one of them another name, " +
            "or provide the same Layer value in both places"
        })
      }
      const cell = new ActorCell(options)
      group.cells.add(cell)
      runtime.cells.set(address, cell)
      return Effect.as(begin(cell, { retryFirst: false }), cell)
    }),
    (cell) =>
      cell.phase === "Stopped"
        ? Effect.void
        : cell.runtime.duringClose((at) => stopBy(cell, "ScopeClosed", at), cell.settings.shutdown),
    { interruptible: true }
  )
