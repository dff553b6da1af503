/** How long actors may take to close, one by one and in a shutdown. */
import * as Effect from "effect/Effect"
import type { Instrument } from "./instrument.ts"
import type { Timers } from "./timers.ts"

/** Closes that begin within this time of the last one's end, in milliseconds, belong to the same shutdown. */
const closePause = 100

/**
 * Gives each actor or family its own time to close, and all that close in one shutdown a time together.
 *
 * An application that shuts down closes its Layers one after the other, and no single one knows of
 * the rest. So closes that follow each other without a pause, and without a start in between, which
 * tells them from the coming and going of actors in a live service, share one `drainDeadline`.
 */
export class Closing<Books> {
  /** When the shutdown began, or what may become one, and the books as they were then. */
  since: { readonly at: number; readonly books: Books }
  private readonly timers: Timers
  private readonly drainDeadline: number
  private readonly readBooks: () => Books
  private readonly instrument: Pick<Instrument, "close"> | undefined
  private running = 0
  private endedAt = Number.NEGATIVE_INFINITY
  /** When the shutdown must be over; in the past when a close would begin a new one. */
  private endsBy = Number.NEGATIVE_INFINITY

  constructor(timers: Timers, drainDeadline: number, readBooks: () => Books, instrument?: Pick<Instrument, "close">) {
    this.timers = timers
    this.drainDeadline = drainDeadline
    this.readBooks = readBooks
    this.instrument = instrument
    this.since = { at: timers.now(), books: readBooks() }
  }

  /** An actor or a family begins to live: what closes after this has its own time again. */
  startBegins(): void {
    this.endsBy = Number.NEGATIVE_INFINITY
  }

  /** Runs a close, which must be over by the time that it is given: `shutdown` milliseconds at most. */
  during(shutdown: number, close: (at: number) => Effect.Effect<void>): Effect.Effect<void> {
    return Effect.suspend(() => {
      const now = this.timers.now()
      const isApart = this.running === 0 && now - this.endedAt > closePause
      if (isApart || this.endsBy === Number.NEGATIVE_INFINITY) {
        this.endsBy = now + this.drainDeadline
        this.since = { at: now, books: this.readBooks() }
      }
      this.running++
      const closing = close(Math.min(now + shutdown, this.endsBy))
      return Effect.ensuring(
        this.instrument === undefined ? closing : this.instrument.close(closing),
        Effect.sync(() => {
          this.running--
          this.endedAt = this.timers.now()
        })
      )
    })
  }
}
