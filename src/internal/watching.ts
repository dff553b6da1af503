/** Hearing of an actor's end. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { Any } from "../Actor.ts"
import type { DownReason } from "./cell.ts"
import { type Job, withServices } from "./control.ts"
import { implOf } from "./handle.ts"
import { CurrentIncarnation } from "./incarnation.ts"
import type { Self } from "./self.ts"

/**
 * That an actor, or an incarnation of it, is over.
 *
 * @category models
 * @since 0.1.0
 */
export interface Down {
  /** The address of the actor that was watched. */
  readonly actor: string
  /** The incarnation that is over; 0 for an actor that never started. */
  readonly incarnation: number
  /**
   * Why: the reason for which the actor has ended, or for an incarnation also `"Crashed"`, `"StartFailed"`,
   * or `"Restarted"`, when its supervisor restarts it together with another child, or somebody asked for it (`Actor.restart`).
   */
  readonly reason: DownReason
}

/**
 * How to watch.
 *
 * @category models
 * @since 0.1.0
 */
export interface WatchOptions {
  /**
   * What to wait for: `"terminal"`, the actor's end for good, or `"incarnation"`, the end of the
   * incarnation that is alive or about to be. Default `"terminal"`.
   */
  readonly until?: "terminal" | "incarnation" | undefined
}

/**
 * A watch of an actor, see `Actor.watch`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Watch {
  /** Waits for the end. May be run any number of times, and always gives the same. */
  readonly down: Effect.Effect<Down>
  /** Ends the watch: who waits for `down` goes on waiting, and a job of `Actor.onDown` is not run any more. */
  readonly unwatch: Effect.Effect<void>
}

/** Calls back once, maybe at once; gives a function that takes the call back. */
const observe = (handle: Any, options: WatchOptions | undefined, observer: (down: Down) => void): (() => void) => {
  const { address: actor, target } = implOf(handle)
  const cells = target.cells()
  if (cells.length === 0) {
    observer({ actor, incarnation: 0, reason: "Passivated" })
    return () => {}
  }
  // Of several, as in a pool, the last to end is the end of all.
  let left = cells.length
  const forgets = cells.map((cell) => {
    const hear = (reason: DownReason) => {
      if (--left === 0) observer({ actor, incarnation: cell.incarnation, reason })
    }
    return options?.until === "incarnation" ? cell.onDown(hear) : cell.onStopped(hear)
  })
  return () => {
    for (const forget of forgets) forget()
  }
}

/**
 * Watches an actor: gives exactly one {@link Down}, at once if it is down already.
 *
 * **When to use**
 *
 * To learn that an actor has ended without asking it. In a handler, to go on handling messages
 * meanwhile, use `Actor.onDown`. To wait for the end and nothing else, `Actor.awaitStopped`.
 *
 * **Details**
 *
 * - Watching does not hold the actor up, and nobody else is told.
 * - With `until: "terminal"` restarts are not seen; with `until: "incarnation"` the one incarnation that
 *   is alive, or about to start, is watched, also if the actor is restarted afterwards.
 * - An actor that waits for a restart has no incarnation: `until: "incarnation"` gives Down at once,
 *   with the reason of the last.
 * - A keyed actor that is not resident is down: `"Passivated"`. Of a pool, the end of its last member counts.
 * - The rule is that of monitors in Erlang: one message, also if there is nothing to monitor.
 *
 * **Example** (Learning of an end)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Ryker } from "ryker"
 *
 * class Echo extends Actor.Service<Echo>()("Echo", [Rpc.make("Ping")]) {}
 *
 * const program = Effect.gen(function*() {
 *   const echo = yield* Echo
 *   const watch = yield* Actor.watch(echo)
 *   yield* Actor.stop(echo)
 *   console.log(yield* watch.down) // => { actor: 'Echo', incarnation: 1, reason: 'Stopped' }
 * })
 *
 * await Effect.runPromise(program.pipe(
 *   Effect.provide(Echo.toLayer({ Ping: () => Effect.void })),
 *   Effect.provide(Ryker.layer)
 * ))
 * ```
 *
 * @category watching
 * @since 0.1.0
 */
export const watch = (handle: Any, options?: WatchOptions): Effect.Effect<Watch> =>
  Effect.sync(() => {
    const down = Deferred.makeUnsafe<Down>()
    const forget = observe(handle, options, (value) => Deferred.doneUnsafe(down, Effect.succeed(value)))
    return { down: Deferred.await(down), unwatch: Effect.sync(forget) }
  })

/**
 * Watches an actor from within another one: when it is down, the effect runs as a turn of the watching
 * actor's own.
 *
 * **Details**
 *
 * - The turn comes before queued messages, and a full mailbox does not refuse it. No handler runs at the
 *   same time, so it may use the actor's state. A defect in it is a crash.
 * - The watch ends with the watching incarnation: `build` is the place to set it up again.
 * - Otherwise it is as `Actor.watch`. Its effect `down` can be waited for as well.
 *
 * **Example** (Noticing that a worker has ended)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Ryker } from "ryker"
 *
 * class Worker extends Actor.Service<Worker>()("Worker", [Rpc.make("Work")]) {}
 * class Boss extends Actor.Service<Boss>()("Boss", [Rpc.make("Watch"), Rpc.make("Ping")]) {}
 *
 * const program = Effect.gen(function*() {
 *   const worker = yield* Worker
 *   const boss = yield* Actor.spawn(Boss, {
 *     Watch: () => Actor.onDown(worker, ({ actor, reason }) => Effect.sync(() => console.log(actor, reason))),
 *     Ping: () => Effect.void
 *   })
 *   yield* boss.ask.Watch()
 *   yield* Actor.stop(worker)
 *   yield* boss.ask.Ping() // => Worker Stopped
 * })
 *
 * await Effect.runPromise(Effect.scoped(program).pipe(
 *   Effect.provide(Worker.toLayer({ Work: () => Effect.void })),
 *   Effect.provide(Ryker.layer)
 * ))
 * ```
 *
 * @category watching
 * @since 0.1.0
 */
export const onDown = <R>(
  handle: Any,
  use: (down: Down) => Effect.Effect<void, never, R>,
  options?: WatchOptions
): Effect.Effect<Watch, never, R | Self> =>
  Effect.gen(function* () {
    const watcher = yield* CurrentIncarnation
    const down = Deferred.makeUnsafe<Down>()
    const services = yield* Effect.context<R>()
    let isStale = watcher === undefined || watcher.isOver
    // Being told may come at once, before there is anything to take back.
    let release = () => {}
    const forget = observe(handle, options, (value) => {
      Deferred.doneUnsafe(down, Effect.succeed(value))
      if (isStale) return
      const job: Job = {
        effect: withServices(
          Effect.suspend(() => use(value)),
          services
        ),
        get isStale() {
          return isStale
        },
        begins: () => release(),
        ends: () => {}
      }
      watcher?.cell.signal(job)
    })
    const end = () => {
      isStale = true
      forget()
    }
    if (watcher !== undefined && !isStale) release = watcher.onEnd(end)
    return {
      down: Deferred.await(down),
      unwatch: Effect.sync(() => {
        end()
        release()
      })
    }
  })
