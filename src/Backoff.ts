/**
 * How long to wait before a restart: exponential backoff, with or without jitter.
 *
 * A `Backoff` is an immutable value. Whoever restarts something keeps it
 * between restarts, takes the {@link next} one before each restart, waits for its
 * `delay`, and goes back to {@link initial} once what was restarted has been
 * healthy for long enough. Nothing here reads a clock or draws a random number.
 *
 * The rule with jitter is "Decorrelated Jitter" of the AWS Architecture Blog's
 * "Exponential Backoff And Jitter" (Marc Brooker, 2015).
 *
 * @since 0.1.0
 */
import * as Function from "effect/Function"

/**
 * Where a series of restarts has got to: the delay last given, and how many were given.
 *
 * @see {@link initial} for the start of a series
 * @see {@link next} for the step from one delay to the following one
 *
 * @category models
 * @since 0.1.0
 */
export interface Backoff {
  /** Milliseconds to wait before this restart, fractions included; 0 before the first. */
  readonly delay: number
  /** How many delays this series has given: 0 before the first, then 1, 2, and so on. */
  readonly attempt: number
}

/**
 * The bounds of every delay, and whether delays are random.
 *
 * **Details**
 *
 * A `Policy` may change between two restarts: the next delay is within the bounds
 * of the policy it is asked with, whatever came before.
 *
 * **Gotchas**
 *
 * Nothing is checked here. Keep `0 < base <= cap`, both finite, as the
 * configuration does.
 *
 * @category models
 * @since 0.1.0
 */
export interface Policy {
  /** The shortest delay, in milliseconds: more than 0. */
  readonly base: number
  /** The longest delay, in milliseconds: finite and at least `base`. */
  readonly cap: number
  /** `true` for decorrelated jitter, `false` to double at each restart. */
  readonly jitter: boolean
}

/**
 * The start of a series of restarts, before any delay was given.
 *
 * **When to use**
 *
 * Use for something that has not been restarted yet, and to start over after it
 * has been healthy for a while (ryker waits for the rapid-fail window).
 *
 * **Example** (Starting over)
 *
 * ```ts
 * import { Backoff } from "ryker"
 *
 * const policy: Backoff.Policy = { base: 100, cap: 5000, jitter: false }
 *
 * const third = [1, 2, 3].reduce((backoff) => Backoff.next(backoff, policy, 0), Backoff.initial)
 * console.log(third.delay) // => 400
 * console.log(Backoff.next(Backoff.initial, policy, 0).delay) // => 100
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const initial: Backoff = { delay: 0, attempt: 0 }

/**
 * Gives the delay that follows the one last given.
 *
 * **Details**
 *
 * | `jitter` | delay |
 * | --- | --- |
 * | `true` | `min(cap, base + random * (3 * previous - base))`: uniform from the base to three times the previous delay |
 * | `false` | `min(cap, base * 2 ** attempt)` |
 *
 * `random` is a number from 0 (included) to 1 (excluded), as `Random.next` of
 * Effect gives; without jitter it is not used. `previous` is the base before the
 * first delay, and when the base has been raised above it since. The cap is
 * applied last, so the delay is never below `base` and never above `cap`, however
 * many restarts there have been.
 *
 * Without jitter, all that failed together restarts together. With it, each series
 * needs random numbers of its own.
 *
 * **Gotchas**
 *
 * A series with jitter that has reached the cap draws from the base to three times
 * the cap, so about two in three of the delays that follow are the cap itself, and
 * are not spread out. Choose a cap that most series never reach.
 *
 * **Example** (Restarting with jitter)
 *
 * ```ts
 * import { Backoff } from "ryker"
 *
 * const policy: Backoff.Policy = { base: 100, cap: 5000, jitter: true }
 *
 * // 100 to 300 ms: in the middle with 0.5
 * const first = Backoff.next(Backoff.initial, policy, 0.5)
 * console.log(first) // => { delay: 200, attempt: 1 }
 *
 * // 100 to 600 ms
 * const second = Backoff.next(first, policy, 0.5)
 * console.log(second) // => { delay: 350, attempt: 2 }
 * ```
 *
 * **Example** (Doubling up to the cap)
 *
 * ```ts
 * import { Backoff } from "ryker"
 *
 * const policy: Backoff.Policy = { base: 100, cap: 500, jitter: false }
 *
 * let backoff = Backoff.initial
 * for (let restart = 0; restart < 4; restart++) {
 *   backoff = Backoff.next(backoff, policy, 0)
 *   console.log(backoff.delay)
 * }
 * // => 100
 * // => 200
 * // => 400
 * // => 500
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const next: {
  (policy: Policy, random: number): (self: Backoff) => Backoff
  (self: Backoff, policy: Policy, random: number): Backoff
} = Function.dual(3, (self: Backoff, policy: Policy, random: number): Backoff => {
  const { base, cap, jitter } = policy
  // Before the first delay, and after the base was raised, three times the last delay may be less than the base.
  const previous = Math.max(base, self.delay)
  const uncapped = jitter ? base + random * (3 * previous - base) : base * 2 ** self.attempt
  return { delay: Math.min(cap, uncapped), attempt: self.attempt + 1 }
})
