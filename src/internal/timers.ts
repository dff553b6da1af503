/**
 * Everything of a runtime that must happen at a time: deadlines, backoff, idle actors.
 *
 * One binary heap ordered by time, and one sleeping fiber for its earliest entry. The clock is
 * Effect's, so TestClock drives it, and it does not count ticks: after a stall of the event loop all
 * that is due fires at the next wake-up, none late by more than the stall.
 *
 * Entries know their place in the heap, so that a settled ask leaves at once and its memory with it.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

/** Something that happens at a time. Belongs to at most one `Timers`, at most once at a time. */
export interface TimerEntry {
  /** Monotonic milliseconds, see `Timers.now`. */
  readonly at: number
  /** Its place in the heap; -1 when it is not in one. Written by `Timers` alone. */
  place: number
  /** Its turn among those of the same time; 0 until it has one. Written by `Timers` alone. */
  order: number
  /** Called once at `at` or as soon after as the event loop allows. Must not throw. */
  fire(): void
}

export class Timers {
  /** Monotonic milliseconds, with fractions: deadlines must not jump with the wall clock. */
  readonly now: () => number
  private readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  private readonly heap: Array<TimerEntry> = []
  private sleeper: Fiber.Fiber<void> | undefined = undefined
  private wakesAt = Number.POSITIVE_INFINITY
  private added = 0

  constructor(clock: Clock.Clock, context: Context.Context<never>) {
    this.now = monotonic(clock)
    this.fork = Effect.runForkWith(context)
  }

  /** Gives the entry its turn among those of the same time before it is added, if it ever is. */
  number(entry: TimerEntry): void {
    entry.order = ++this.added
  }

  add(entry: TimerEntry): void {
    entry.place = this.heap.length
    if (entry.order === 0) this.number(entry)
    this.heap.push(entry)
    this.siftUp(entry.place)
    if (entry.at < this.wakesAt) this.sleep()
  }

  remove(entry: TimerEntry): void {
    const place = entry.place
    if (place < 0) return
    entry.place = -1
    const last = this.heap.pop()!
    if (last === entry) return
    this.heap[place] = last
    last.place = place
    this.siftUp(place)
    this.siftDown(last.place)
  }

  /** Forgets everything, so that nothing keeps the process alive. */
  shutdown(): void {
    for (const entry of this.heap) entry.place = -1
    this.heap.length = 0
    this.sleeper?.interruptUnsafe()
    this.sleeper = undefined
    this.wakesAt = Number.POSITIVE_INFINITY
  }

  /**
   * Fires what is due now, in order of time, and of being added for the same time.
   *
   * The order matters: an ask and the ask that it is served by often end at the same time, and then
   * the outer one, added first, must go first. It interrupts the handler, which would otherwise see
   * the inner one time out, and might make a crash of it.
   */
  fireDue(): void {
    const now = this.now()
    let first = this.heap[0]
    while (first !== undefined && first.at <= now) {
      this.remove(first)
      first.fire()
      first = this.heap[0]
    }
  }

  private sleep(): void {
    // Whole milliseconds, rounded up: waking early would only mean sleeping once more.
    const now = this.now()
    const millis = Math.max(1, Math.ceil(this.heap[0]!.at - now))
    // What is overdue already must not put off a sleeper that wakes as soon.
    if (now + millis >= this.wakesAt) return
    const previous = this.sleeper
    this.wakesAt = now + millis
    this.sleeper = this.fork(
      Effect.andThen(
        Effect.sleep(Duration.millis(millis)),
        Effect.sync(() => this.wake())
      )
    )
    previous?.interruptUnsafe()
  }

  private wake(): void {
    this.sleeper = undefined
    // Entries that fire may add others: with `wakesAt` in the past, only the end of this pass sleeps again.
    this.wakesAt = Number.NEGATIVE_INFINITY
    this.fireDue()
    this.wakesAt = Number.POSITIVE_INFINITY
    if (this.heap.length > 0) this.sleep()
  }

  private siftUp(from: number): void {
    const heap = this.heap
    const entry = heap[from]!
    let place = from
    while (place > 0) {
      const above = (place - 1) >> 1
      const parent = heap[above]!
      if (!isBefore(entry, parent)) break
      heap[place] = parent
      parent.place = place
      place = above
    }
    heap[place] = entry
    entry.place = place
  }

  private siftDown(from: number): void {
    const heap = this.heap
    const entry = heap[from]!
    let place = from
    while (true) {
      let below = 2 * place + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below++
      const child = heap[below]!
      if (!isBefore(child, entry)) break
      heap[place] = child
      child.place = place
      place = below
    }
    heap[place] = entry
    entry.place = place
  }
}

/**
 * Reads the clock twice or thrice for each message, so that its price shows: Effect's own clock, which tests and
 * hosts may replace, gives nanoseconds as bigints, and is read here without making any.
 */
const monotonic = (clock: Clock.Clock): (() => number) =>
  clock === Context.get(Context.empty(), Clock.Clock)
    ? () => performance.now()
    : () => Number(clock.monotonicTimeNanosUnsafe()) / 1_000_000

const isBefore = (self: TimerEntry, that: TimerEntry): boolean =>
  self.at < that.at || (self.at === that.at && self.order < that.order)
