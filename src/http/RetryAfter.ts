/**
 * When a client should try again: the seconds of `Retry-After`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Ryker, runtimeOf } from "../internal/runtime.ts"
import type { Busy, Stopped, StopReason } from "../RykerError.ts"
import { Load } from "./internal/load.ts"

/**
 * The seconds that are said when nothing better is known, and the bounds of what is computed.
 *
 * **Details**
 *
 * | constant | seconds | for |
 * | --- | --- | --- |
 * | `least` | 1 | the least that is ever said; a full mailbox or stash of which nothing is known; a runtime that drains, as the next try goes to another instance |
 * | `most` | 30 | the most that is ever said; an actor that handles nothing |
 * | `residents` | 5 | a keyed family that is full: room comes when an actor has been idle for long enough |
 * | `ended` | 10 | an actor that has ended otherwise; with {@link layer}, the runtime's restart window |
 *
 * @category constants
 * @since 0.1.0
 */
export const seconds = { least: 1, most: 30, residents: 5, ended: 10 } as const

/**
 * What says when to try again.
 *
 * @category models
 * @since 0.1.0
 */
export interface Estimator {
  /** Whole seconds, at least 1. */
  readonly after: (error: Busy | Stopped) => number
}

const soon: ReadonlyArray<StopReason> = ["Draining", "Passivated"]

/** What the error alone says. */
const fixed = (error: Busy | Stopped, ended: number): number => {
  if (error._tag === "Stopped") return soon.includes(error.reason) ? seconds.least : ended
  return error.limit === "residents" ? seconds.residents : seconds.least
}

/**
 * The estimator that holds. By default it goes by the error alone, see {@link seconds}; {@link layer} has one that measures.
 *
 * @category references
 * @since 0.1.0
 */
export const RetryAfter: Context.Reference<Estimator> = Context.Reference<Estimator>("ryker/http/RetryAfter", {
  defaultValue: () => ({ after: (error) => fixed(error, seconds.ended) })
})

const whole = (value: number): number => Math.min(seconds.most, Math.max(seconds.least, Math.ceil(value)))

/**
 * An estimator that knows how fast the actors of the runtime are.
 *
 * **Details**
 *
 * For a full mailbox it says how long the actor takes to work off half of it, so that whoever comes back then finds room
 * although others come back, too: half the capacity, divided by the messages that one actor of the definition ends in a
 * second. The rate is that of the last 10 seconds, counted from the first second in which anything was done. An actor
 * that waits for its restart takes the rest of this delay longer. One that is suspended, or has ended nothing in 10 seconds,
 * gives `seconds.most`.
 *
 * For an actor that has ended in failure it says the runtime's restart window: for as long, a keyed family refuses messages to the id.
 *
 * It reads counters once a second. An estimate holds for a second, so that answering thousands of refused requests costs
 * one computation for each actor. When more than 100,000 actors would have to be looked at in a second, it says `seconds.least`.
 *
 * **Gotchas**
 *
 * Clients that follow it come back together. Have them add some time at random.
 *
 * **Example** (Telling clients when to come back)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { Ryker, RykerError } from "ryker"
 * import { RetryAfter } from "ryker/http"
 *
 * const program = Effect.gen(function*() {
 *   const estimator = yield* RetryAfter.RetryAfter
 *   const error = new RykerError.Stopped({ actor: "Stock", reason: "Draining", phase: "refused" })
 *   console.log(estimator.after(error)) // => 1
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(RetryAfter.layer), Effect.provide(Ryker.layer)))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never, never, Ryker> = Layer.effect(
  RetryAfter,
  Effect.gen(function* () {
    const runtime = runtimeOf(yield* Ryker)
    const load = new Load(runtime)
    yield* Effect.forkScoped(
      Effect.forever(
        Effect.andThen(
          Effect.sleep("1 second"),
          Effect.sync(() => load.sample())
        )
      )
    )
    return {
      after: (error) => {
        if (error._tag === "Busy" && error.limit === "mailbox") {
          const wait = load.waitFor(error.actor, error.capacity)
          return wait === undefined ? seconds.least : whole(wait)
        }
        return fixed(error, whole(runtime.settings.actor.intensity.window / 1000))
      }
    }
  })
)
