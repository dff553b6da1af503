/** Starting actors that a Layer or a Scope owns. */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import { StartError } from "../RykerError.ts"
import { ActorCell, type CellOptions } from "./actorCell.ts"
import { CurrentMessage } from "./envelope.ts"
import { begin } from "./lifecycle.ts"
import type { Runtime } from "./runtime.ts"
import { awaitStopped, stopBy } from "./stopping.ts"

/**
 * The surroundings of an actor: what its Layer or spawner has, without what happens to be current
 * there and ends long before the actor does: a span, and the message that a spawning handler serves.
 */
export const surroundings: Effect.Effect<Context.Context<never>> = Effect.contextWith(
  (context: Context.Context<never>) =>
    Effect.succeed(
      Context.getOrUndefined(context, Tracer.ParentSpan) === undefined &&
        Context.getOrUndefined(context, CurrentMessage) === undefined
        ? // The same map without the layers on top of it: what is added for each message then stays cheap.
          Context.makeUnsafe(context.mapUnsafe)
        : Context.omit(Tracer.ParentSpan, CurrentMessage)(context)
    )
)

/**
 * Starts the actor and stops it when the Scope closes.
 *
 * It has a Scope of its own below the given one, which goes with the actor: a Scope that sees a
 * million actors come and go does not keep a finalizer of each.
 */
export const startScoped = (
  options: Omit<CellOptions, "leave" | "family">
): Effect.Effect<ActorCell, unknown, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const { address, group, runtime } = options
      yield* checkMayStart(runtime, address)
      const owner = yield* Effect.scope
      if (owner.state._tag === "Closed") {
        const detail = "the Scope that would own it is closed: start it in one that is open"
        return yield* new StartError({ actor: address, reason: "NotRunning", detail })
      }
      const scope = Scope.forkUnsafe(owner)
      const firstStart = Deferred.makeUnsafe<void, unknown>()
      const cell = new ActorCell({ ...options, leave: () => runtime.names.delete(address) })
      runtime.names.add(address)
      runtime.closing.startBegins()
      group.cells.add(cell)
      runtime.cells.add(cell)
      begin(cell, { retryFirst: false, onFirstStart: (exit) => Deferred.doneUnsafe(firstStart, exit) })
      yield* Scope.addFinalizer(
        scope,
        Effect.suspend(() =>
          cell.phase === "Stopped"
            ? Effect.void
            : runtime.closing.during(cell.settings.shutdown, (at) => Effect.asVoid(stopBy(cell, "ScopeClosed", at)))
        )
      )
      cell.onStopped(() => Effect.runFork(Scope.close(scope, Exit.void)))
      yield* Effect.onInterrupt(restore(Deferred.await(firstStart)), () =>
        Effect.suspend(() => {
          // What it may have sent itself is not worth waiting for; what it has acquired is released.
          cell.requestStop("ScopeClosed", runtime.timers.now() + cell.settings.shutdown, false)
          return awaitStopped(cell)
        })
      )
      return cell
    })
  )

/** Whether an actor or a family of this name can be started now. */
export const checkMayStart = (runtime: Runtime, actor: string): Effect.Effect<void, StartError> => {
  if (runtime.drainBy !== undefined) {
    const detail = "the runtime is draining or has drained: start no actors during shutdown"
    return new StartError({ actor, reason: "NotRunning", detail })
  }
  if (runtime.names.has(actor)) {
    const detail =
      "an actor of this name is alive, or still closes its Scope, in this runtime: give one of them another name, " +
      "or provide the same Layer value in both places"
    return new StartError({ actor, reason: "DuplicateName", detail })
  }
  return Effect.void
}
