/** Starting actors that a Layer or a Scope owns. */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import { InvalidOption, StartError } from "../RykerError.ts"
import { ActorCell } from "./actorCell.ts"
import type { CellOptions, CellOwn } from "./cell.ts"
import { CurrentAdoption, currentAdoption } from "./adoption.ts"
import { CurrentMessage } from "./envelope.ts"
import { CurrentIncarnation } from "./incarnation.ts"
import { begin } from "./lifecycle.ts"
import type { Runtime } from "./runtime.ts"
import { awaitStopped, stopBy } from "./stopping.ts"

/** What is current where an actor is started, and ends long before the actor does. */
const passing = [Tracer.ParentSpan, CurrentMessage, CurrentIncarnation, CurrentAdoption] as const

/**
 * The surroundings of an actor: what its Layer or spawner has, without what happens to be current
 * there: a span, a correlation id, the message and incarnation of a spawning handler, a supervisor that starts children.
 */
export const surroundings: Effect.Effect<Context.Context<never>> = Effect.contextWith(
  (context: Context.Context<never>) => {
    let own = known.get(context)
    if (own === undefined) known.set(context, (own = lastingOf(context)))
    return Effect.succeed(own)
  }
)

/** Contexts do not change, and many actors are started in the same one: they share what is left of it. */
const known = new WeakMap<Context.Context<never>, Context.Context<never>>()

const lastingOf = (context: Context.Context<never>): Context.Context<never> => {
  const lasting = passing.every((key) => !context.mapUnsafe.has(key.key))
    ? // The same map without the layers on top of it: what is added for each message then stays cheap.
      Context.makeUnsafe(context.mapUnsafe)
    : Context.omit(...passing)(context)
  const { corr_id, ...notes } = Context.get(lasting, References.CurrentLogAnnotations)
  return corr_id === undefined ? lasting : Context.add(lasting, References.CurrentLogAnnotations, notes)
}

/**
 * Starts the actor, as a child of the supervisor that starts children here, or else in the current
 * Scope: then it stops when the Scope closes.
 */
export const startScoped = (
  options: CellOptions,
  own: Pick<CellOwn, "address" | "build">
): Effect.Effect<ActorCell, unknown, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) => startWith(options, own, restore))

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

// Made once, not with each start: a generator function of its own for each is a third of what a start costs.
const startWith = Effect.fnUntraced(function* (
  options: CellOptions,
  { address, build }: Pick<CellOwn, "address" | "build">,
  restore: Restore
): Effect.fn.Return<ActorCell, unknown, Scope.Scope> {
  const { group, runtime } = options
  yield* checkMayStart(runtime, address)
  const adoption = yield* currentAdoption
  if (adoption?.isLate === true) {
    const detail = "its supervisor has ended or is restarted meanwhile: start it again when that is up"
    return yield* new StartError({ actor: address, reason: "NotRunning", detail })
  }
  if (options.settings.significant && adoption?.takesSignificant === false) {
    const rule = 'false under a supervisor with autoShutdown: "never": give the supervisor "any" or "all"'
    return yield* new InvalidOption({ owner: address, option: "significant", value: "true", rule })
  }
  const owner = yield* Effect.scope
  if (owner.state._tag === "Closed") {
    const detail = "the Scope that would own it is closed: start it in one that is open"
    return yield* new StartError({ actor: address, reason: "NotRunning", detail })
  }
  const firstStart = Deferred.makeUnsafe<void, unknown>()
  const cell = new ActorCell(options, { address, build, supervisor: adoption?.supervisor })
  runtime.names.add(address)
  runtime.closing.startBegins()
  group.enter(cell)
  runtime.cells.add(cell)
  adoption?.adopt(cell)
  if (adoption === undefined) yield* stopWithScope(cell, owner)
  begin(cell, { ifFailed: "end", onStarted: (exit) => Deferred.doneUnsafe(firstStart, exit) })
  yield* Effect.onInterrupt(restore(Deferred.await(firstStart)), () =>
    Effect.suspend(() => {
      // What it may have sent itself is not worth waiting for; what it has acquired is released.
      cell.requestStop("ScopeClosed", runtime.timers.now() + cell.settings.shutdown, "nothing")
      return awaitStopped(cell)
    })
  )
  return cell
})

/**
 * Stops the actor when the Scope closes.
 *
 * It has a Scope of its own below the given one, which goes with the actor: a Scope that sees a
 * million actors come and go does not keep a finalizer of each.
 */
const stopWithScope = (cell: ActorCell, owner: Scope.Scope): Effect.Effect<void> => {
  const scope = Scope.forkUnsafe(owner)
  cell.scope = scope
  return Scope.addFinalizerExit(scope, () => stopOnClose(cell))
}

const stopOnClose = (cell: ActorCell): Effect.Effect<void> => {
  const { phase, runtime, settings } = cell
  if (phase === "Stopped") return Effect.void
  return runtime.closing.during(settings.shutdown, (at) => Effect.asVoid(stopBy(cell, "ScopeClosed", at)))
}

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
