/** Letting all happen that can without virtual time passing, and noticing when there is nothing more of it. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { CurrentControls } from "./controls.ts"

/** When nothing more is to be expected. */
export interface Patience {
  /** Rounds of the event loop in which nothing happens. */
  readonly rounds: number
  /** Real milliseconds in which nothing happens, on top: what does I/O has no other time. */
  readonly millis: number
  /** Rounds after which somebody is taken to go on for ever. Default 2,000. */
  readonly mostRounds?: number
}

/** The clock that nobody has replaced. */
export const liveClock: Clock.Clock = Context.get(Context.empty(), Clock.Clock)

const pause = Effect.provideService(Effect.sleep(1), Clock.Clock, liveClock)

/**
 * Lets fibers run until `isDone`, which gives true, or until `progress` has been the same for so long. A program that
 * is explored knows when nothing can run any more.
 */
export const untilQuiet = (
  progress: () => unknown,
  isDone: () => boolean,
  patience: Patience
): Effect.Effect<boolean> =>
  Effect.flatMap(CurrentControls, (controls) =>
    controls === undefined ? watch(progress, isDone, patience) : Effect.map(controls.quiet, isDone)
  )

const watch = (
  progress: () => unknown,
  isDone: () => boolean,
  { millis, mostRounds = 2_000, rounds }: Patience
): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    let last = progress()
    let quiet = 0
    let since = liveClock.currentTimeMillisUnsafe()
    for (let round = 0; round < mostRounds && !isDone(); round++) {
      const now = progress()
      if (now !== last) {
        last = now
        quiet = 0
        since = liveClock.currentTimeMillisUnsafe()
      } else if (quiet++ >= rounds) {
        if (liveClock.currentTimeMillisUnsafe() - since >= millis) break
        yield* pause
      }
      yield* Effect.yieldNow
    }
    return isDone()
  })
