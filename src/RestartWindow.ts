/**
 * Whether something that fails may be restarted: at most so many times in so long.
 *
 * A `RestartWindow` is an immutable value that remembers when the latest
 * restarts were. Whoever restarts something keeps it, asks {@link admit} before
 * each restart, and gives up when the answer is no. Nothing here reads a clock.
 *
 * The rule is the maximum restart intensity of the `supervisor` manual page of
 * Erlang/OTP, with milliseconds in place of whole seconds.
 *
 * @since 0.1.0
 */
import * as Function from "effect/Function"

/**
 * The restarts that were admitted and, as far as known, still count.
 *
 * **Details**
 *
 * It holds no more restarts than the highest threshold it was asked with.
 *
 * @see {@link empty} for one without restarts
 * @see {@link admit} for the way to add one
 *
 * @category models
 * @since 0.1.0
 */
export interface RestartWindow {
  /** When they were: readings of a monotonic clock in milliseconds, the latest first. */
  readonly restarts: ReadonlyArray<number>
}

/**
 * The reading and the length that say which restarts count.
 *
 * @category models
 * @since 0.1.0
 */
export interface CountOptions {
  /**
   * A reading of a monotonic clock in milliseconds, fractions included, never less
   * than an earlier one.
   */
  readonly now: number
  /**
   * How long a restart counts, in milliseconds: 0 for never, `Infinity` for ever.
   */
  readonly window: number
}

/**
 * What a restart is measured against.
 *
 * @category models
 * @since 0.1.0
 */
export interface AdmitOptions extends CountOptions {
  /** How many restarts a window may hold: a whole number, 0 to admit none at all. */
  readonly threshold: number
}

/**
 * The answer to a restart.
 *
 * @category models
 * @since 0.1.0
 */
export interface Admission {
  /** `false` when the restart would be one too many. */
  readonly admitted: boolean
  /** What to ask next time: with this restart if it was admitted, without it if not. */
  readonly window: RestartWindow
}

/**
 * A window without restarts.
 *
 * **When to use**
 *
 * Use for something that has not been restarted yet, and to forget the past, as
 * when an operator starts again what had been given up.
 *
 * **Example** (Forgetting the past)
 *
 * ```ts
 * import { RestartWindow } from "ryker"
 *
 * console.log(RestartWindow.count(RestartWindow.empty, { now: 0, window: 10_000 })) // => 0
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const empty: RestartWindow = { restarts: [] }

/**
 * Admits a restart, unless with it the window would hold more than the threshold.
 *
 * **Details**
 *
 * A restart at `t` counts while `now - t < window`: one of exactly a window ago no
 * longer does. So no span of that length, its end excluded, ever sees more than
 * `threshold` restarts, and something that fails every `window / threshold`
 * milliseconds, but no faster, is restarted for ever.
 *
 * A refused restart does not happen, so it does not count.
 *
 * OTP still counts a restart of exactly one period ago. Its clock gives whole
 * seconds, so that such a restart may really be less than a period ago. Readings
 * are not rounded here.
 *
 * **Gotchas**
 *
 * What has gone out of a window is forgotten: it does not come back when the
 * window is made longer. When the threshold is lowered, restarts are refused until
 * enough of them have gone out.
 *
 * A threshold of `Infinity` refuses nothing, and remembers all that the window
 * holds.
 *
 * **Example** (Giving up after two restarts in ten seconds)
 *
 * ```ts
 * import { RestartWindow } from "ryker"
 *
 * let window = RestartWindow.empty
 * for (const now of [0, 4000, 9999, 10_000]) {
 *   const admission = RestartWindow.admit(window, { now, window: 10_000, threshold: 2 })
 *   console.log(now, admission.admitted)
 *   window = admission.window
 * }
 * // => 0 true
 * // => 4000 true
 * // => 9999 false
 * // => 10000 true
 * console.log(window) // => { restarts: [ 10000, 4000 ] }
 * ```
 *
 * @see {@link count} for how many restarts count, without another one
 *
 * @category combinators
 * @since 0.1.0
 */
export const admit: {
  (options: AdmitOptions): (self: RestartWindow) => Admission
  (self: RestartWindow, options: AdmitOptions): Admission
} = Function.dual(2, (self: RestartWindow, options: AdmitOptions): Admission => {
  const kept = self.restarts.slice(0, count(self, options))
  return kept.length + 1 <= options.threshold
    ? { admitted: true, window: { restarts: [options.now, ...kept] } }
    : { admitted: false, window: { restarts: kept } }
})

/**
 * Counts the restarts of the window that ends now.
 *
 * **Details**
 *
 * A restart at `t` counts while `now - t < window`, as for {@link admit}.
 *
 * **Example** (Counting recent restarts)
 *
 * ```ts
 * import { RestartWindow } from "ryker"
 *
 * const options = { window: 10_000, threshold: 5 }
 * const { window } = RestartWindow.admit(RestartWindow.empty, { ...options, now: 500 })
 *
 * console.log(RestartWindow.count(window, { ...options, now: 10_499 })) // => 1
 * console.log(RestartWindow.count(window, { ...options, now: 10_500 })) // => 0
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const count: {
  (options: CountOptions): (self: RestartWindow) => number
  (self: RestartWindow, options: CountOptions): number
} = Function.dual(2, (self: RestartWindow, { now, window }: CountOptions): number => {
  // The latest is first and readings do not decrease: behind one that is too old, all are.
  const index = self.restarts.findIndex((at) => now - at >= window)
  return index === -1 ? self.restarts.length : index
})
