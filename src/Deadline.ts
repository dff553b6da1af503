/**
 * Absolute deadlines: the moment at which work is no longer wanted.
 *
 * A deadline is a plain number, so that it costs nothing to carry with each
 * message: a reading of a monotonic clock in milliseconds, fractions included.
 * Being absolute, it can be handed on: whoever gets it has what is left of it.
 * Nothing here reads a clock.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Function from "effect/Function"

/**
 * A moment on a monotonic clock, in milliseconds; `Infinity` for no deadline.
 *
 * **Gotchas**
 *
 * Compare deadlines only with readings of the clock they were made from. A
 * monotonic clock starts anywhere, so they mean nothing to another process, and
 * nothing as a date.
 *
 * @see {@link after} for making one
 * @see {@link none} for none at all
 *
 * @category models
 * @since 0.1.0
 */
export type Deadline = number

/**
 * No deadline: it never expires, and any other one is earlier.
 *
 * **Example** (Waiting for as long as it takes)
 *
 * ```ts
 * import { Deadline } from "ryker"
 *
 * console.log(Deadline.isExpired(Deadline.none, Number.MAX_VALUE)) // => false
 * console.log(Deadline.after(1000, "Infinity") === Deadline.none) // => true
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const none: Deadline = Infinity

/**
 * Makes the deadline that is a duration after a reading of the clock.
 *
 * **Details**
 *
 * `now` is in milliseconds, and so is a duration that is a number. A number is
 * used as it is, without making a `Duration`. A duration of zero or less, or `NaN`
 * (which Effect reads as zero), gives `now`: a deadline that has expired already.
 * `"Infinity"` gives {@link none}.
 *
 * **Gotchas**
 *
 * It throws for a string that is no duration, as `Duration.fromInputUnsafe` does.
 *
 * **Example** (Making deadlines)
 *
 * ```ts
 * import { Deadline } from "ryker"
 *
 * console.log(Deadline.after(1000, 250)) // => 1250
 * console.log(Deadline.after(1000, "2 seconds")) // => 3000
 * console.log(Deadline.after(1000, "-2 seconds")) // => 1000
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const after: {
  (duration: Duration.Input): (now: number) => Deadline
  (now: number, duration: Duration.Input): Deadline
} = Function.dual(2, (now: number, duration: Duration.Input): Deadline => {
  const millis = typeof duration === "number" ? duration : Duration.toMillis(duration)
  // Also for NaN: a deadline that is NaN would never expire.
  return millis > 0 ? now + millis : now
})

/**
 * Gives the earlier of two deadlines.
 *
 * **When to use**
 *
 * Use to bound work by all who set it a limit: work done for someone has at most
 * the time that is left to them.
 *
 * **Example** (Inheriting what is left)
 *
 * ```ts
 * import { Deadline } from "ryker"
 *
 * const inherited = 1800
 * const own = Deadline.after(1000, "5 seconds")
 *
 * console.log(Deadline.earliest(own, inherited)) // => 1800
 * console.log(Deadline.earliest(own, Deadline.none)) // => 6000
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const earliest: {
  (that: Deadline): (self: Deadline) => Deadline
  (self: Deadline, that: Deadline): Deadline
} = Function.dual(2, (self: Deadline, that: Deadline): Deadline => Math.min(self, that))

/**
 * Whether the deadline has been reached.
 *
 * **Details**
 *
 * `now` is a reading of the clock in milliseconds. A deadline has been reached at
 * its own moment: no time is {@link remaining}.
 *
 * **Example** (Reaching a deadline)
 *
 * ```ts
 * import { Deadline } from "ryker"
 *
 * const deadline = Deadline.after(1000, "250 millis")
 *
 * console.log(Deadline.isExpired(deadline, 1249.9)) // => false
 * console.log(Deadline.isExpired(deadline, 1250)) // => true
 * ```
 *
 * @category predicates
 * @since 0.1.0
 */
export const isExpired: {
  (now: number): (self: Deadline) => boolean
  (self: Deadline, now: number): boolean
} = Function.dual(2, (self: Deadline, now: number): boolean => now >= self)

/**
 * Gives the milliseconds that are left, 0 when the deadline has expired.
 *
 * **Details**
 *
 * `now` is a reading of the clock in milliseconds. The result is never negative: it
 * is 0 exactly when the deadline {@link isExpired}, and `Infinity` for {@link none}.
 *
 * **Gotchas**
 *
 * `setTimeout` fires after 1 ms when it is given `Infinity`, or more than
 * `2 ** 31 - 1` milliseconds (25 days). Set no timer for {@link none}.
 *
 * **Example** (Knowing what is left)
 *
 * ```ts
 * import { Deadline } from "ryker"
 *
 * const deadline = Deadline.after(1000, "250 millis")
 *
 * console.log(Deadline.remaining(deadline, 1100)) // => 150
 * console.log(Deadline.remaining(deadline, 2000)) // => 0
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const remaining: {
  (now: number): (self: Deadline) => number
  (self: Deadline, now: number): number
} = Function.dual(2, (self: Deadline, now: number): number => Math.max(0, self - now))
