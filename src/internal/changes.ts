/** Waiting for a condition over plain mutable state, with a time limit. */
import * as Effect from "effect/Effect"
import type { TimerEntry, Timers } from "./timers.ts"

/** What a fiber waits for. */
export interface Condition {
  /** Whether it has come. */
  holds(): boolean
  /** When there is no more waiting, by the clock of `Timers`; may change. */
  until(): number
}

/**
 * Lets one fiber, or one function, wait until a condition holds; whoever changes the state calls `notify`.
 *
 * Waiting is for a state, never for an event: a notification that comes early, twice or for another
 * reason does no harm, and one that comes while nobody waits is not needed, as the condition is
 * looked at first. The waiter continues in a task of its own, so `notify` may be called anywhere.
 */
export class Changes implements TimerEntry {
  at = Number.POSITIVE_INFINITY
  place = -1
  order = 0
  private readonly timers: Timers
  private readonly schedule: (task: () => void) => void
  private condition: Condition | undefined = undefined
  private onSettled: ((result: boolean) => void) | undefined = undefined
  private scheduled = false

  constructor(timers: Timers, schedule: (task: () => void) => void) {
    this.timers = timers
    this.schedule = schedule
  }

  notify(): void {
    if (this.condition === undefined || this.scheduled) return
    this.scheduled = true
    this.schedule(() => {
      this.scheduled = false
      this.look()
    })
  }

  fire(): void {
    this.notify()
  }

  /** True once `holds()`, false when the clock reads `until()` first. One fiber may wait at a time. */
  waitUntil(holds: () => boolean, until: () => number): Effect.Effect<boolean> {
    return this.waitFor({ holds, until })
  }

  /** The same for a condition that is there already. */
  waitFor(condition: Condition): Effect.Effect<boolean> {
    return Effect.callback<boolean>((resume) => {
      this.watch(condition, (result) => resume(Effect.succeed(result)))
      this.look()
      return Effect.sync(() => this.forget())
    })
  }

  /** Waits without a fiber: calls back in a task of its own, and looks for the first time when it is notified. */
  watch(condition: Condition, onSettled: (result: boolean) => void): void {
    if (this.condition !== undefined) throw new Error("Changes: somebody waits already")
    this.condition = condition
    this.onSettled = onSettled
  }

  /** Somebody waits. */
  get isAwaited(): boolean {
    return this.condition !== undefined
  }

  private look(): void {
    const { condition } = this
    if (condition === undefined) return
    if (condition.holds()) return this.settle(true)
    const at = condition.until()
    if (at <= this.timers.now()) return this.settle(false)
    if (at === this.at && this.place >= 0) return
    this.timers.remove(this)
    this.at = at
    if (at !== Number.POSITIVE_INFINITY) this.timers.add(this)
  }

  private settle(result: boolean): void {
    const { onSettled } = this
    this.forget()
    onSettled?.(result)
  }

  private forget(): void {
    this.condition = undefined
    this.onSettled = undefined
    this.timers.remove(this)
  }
}
