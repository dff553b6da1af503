/** Waiting for a condition over plain mutable state, with a time limit. */
import * as Effect from "effect/Effect"
import type { TimerEntry, Timers } from "./timers.ts"

/**
 * Lets one fiber wait until a condition holds; whoever changes the state calls `notify`.
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
  private waiter: (() => void) | undefined = undefined
  private scheduled = false

  constructor(timers: Timers, schedule: (task: () => void) => void) {
    this.timers = timers
    this.schedule = schedule
  }

  notify(): void {
    if (this.waiter === undefined || this.scheduled) return
    this.scheduled = true
    this.schedule(() => this.look())
  }

  fire(): void {
    this.notify()
  }

  /** True once `holds()`, false when the clock reads `until()` first. One fiber may wait at a time. */
  waitUntil(holds: () => boolean, until: () => number): Effect.Effect<boolean> {
    return Effect.callback<boolean>((resume) => {
      if (this.waiter !== undefined) throw new Error("Changes: one fiber waits already")
      const settle = (result: boolean) => {
        this.waiter = undefined
        this.timers.remove(this)
        resume(Effect.succeed(result))
      }
      this.waiter = () => {
        if (holds()) return settle(true)
        const at = until()
        if (at <= this.timers.now()) return settle(false)
        if (at === this.at && this.place >= 0) return
        this.timers.remove(this)
        this.at = at
        if (at !== Number.POSITIVE_INFINITY) this.timers.add(this)
      }
      this.waiter()
      return Effect.sync(() => {
        this.waiter = undefined
        this.timers.remove(this)
      })
    })
  }

  private look(): void {
    this.scheduled = false
    this.waiter?.()
  }
}
