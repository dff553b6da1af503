/** The clock of a run: time goes on when the schedule says so, from one sleeper to the next. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as TestClock from "effect/testing/TestClock"

interface Sleeper {
  readonly at: number
  readonly wake: () => void
}

/** What the clock needs of the run that it belongs to. */
export interface Surroundings {
  /** Runs a task after those that are there. */
  readonly schedule: (task: () => void) => void
  /** Calls back when there is no task left. */
  readonly onQuiet: (task: () => void) => void
}

/** It is a `TestClock`, so that programs which move the time themselves can be explored, too. */
export class VirtualClock implements TestClock.TestClock {
  private millis = 0
  /** The latest first. */
  private readonly sleepers: Array<Sleeper> = []
  private readonly surroundings: Surroundings

  constructor(surroundings: Surroundings) {
    this.surroundings = surroundings
  }

  readonly currentTimeMillisUnsafe = (): number => this.millis
  readonly currentTimeNanosUnsafe = (): bigint => BigInt(Math.round(this.millis * 1_000_000))
  readonly monotonicTimeNanosUnsafe = this.currentTimeNanosUnsafe
  readonly currentTimeMillis = Effect.sync(this.currentTimeMillisUnsafe)
  readonly currentTimeNanos = Effect.sync(this.currentTimeNanosUnsafe)
  readonly monotonicTimeNanos = this.currentTimeNanos

  readonly sleep = (duration: Duration.Duration): Effect.Effect<void> =>
    Effect.callback<void>((resume) => {
      const millis = Duration.toMillis(duration)
      if (millis <= 0) return resume(Effect.void)
      const sleeper = { at: this.millis + millis, wake: () => resume(Effect.void) }
      const after = this.sleepers.findLastIndex((other) => other.at > sleeper.at)
      this.sleepers.splice(after + 1, 0, sleeper)
      return Effect.sync(() => {
        const place = this.sleepers.indexOf(sleeper)
        if (place >= 0) this.sleepers.splice(place, 1)
      })
    })

  /** The time goes on by itself; this waits until it has, and until all that was due then has been done. */
  readonly adjust = (duration: Duration.Input): Effect.Effect<void> =>
    Effect.andThen(
      this.sleep(Duration.fromInputUnsafe(duration)),
      Effect.callback<void>((resume) => this.surroundings.onQuiet(() => resume(Effect.void)))
    )

  readonly setTime = (timestamp: number): Effect.Effect<void> =>
    Effect.suspend(() => this.adjust(Math.max(0, timestamp - this.millis)))

  /** There is no other time in a run. */
  readonly withLive = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => effect

  /** Until when the next sleeper sleeps; infinite where there is none, or only such as sleep for ever. */
  get next(): number {
    return this.sleepers.at(-1)?.at ?? Number.POSITIVE_INFINITY
  }

  /** Goes on to the time of the next sleeper, and lets all that sleep until then have a task. */
  pass(): void {
    const next = this.sleepers.at(-1)
    if (next === undefined) return
    this.millis = next.at
    while (this.sleepers.at(-1)?.at === next.at) this.surroundings.schedule(this.sleepers.pop()!.wake)
  }
}
