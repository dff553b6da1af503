/** What happens to an actor at a time: its timers, and the timeout of waiting for messages. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { InvalidOption } from "../RykerError.ts"
import { type Job, withServices } from "./control.ts"
import { CurrentIncarnation, type Incarnation } from "./incarnation.ts"
import { checkMillis } from "./options.ts"
import type { Self } from "./self.ts"
import type { TimerEntry } from "./timers.ts"

/**
 * The timers of an actor, each with a key of its own; see `Actor.timers`.
 *
 * **Details**
 *
 * A time is at least 1 ms; any other fails with `InvalidOption`, and an earlier timer of the key goes on.
 *
 * @category models
 * @since 0.1.0
 */
export interface Timers {
  /** Runs the effect once, after the delay. */
  readonly single: <R>(
    key: string,
    delay: Duration.Input,
    effect: Effect.Effect<void, never, R>
  ) => Effect.Effect<void, InvalidOption, R>
  /** Runs the effect again and again; the delay counts from the end of a run to the next. */
  readonly fixedDelay: <R>(
    key: string,
    delay: Duration.Input,
    effect: Effect.Effect<void, never, R>
  ) => Effect.Effect<void, InvalidOption, R>
  /**
   * Runs the effect at every multiple of the period. At most one run waits for its turn: what a busy
   * actor misses is not made up for.
   */
  readonly fixedRate: <R>(
    key: string,
    period: Duration.Input,
    effect: Effect.Effect<void, never, R>
  ) => Effect.Effect<void, InvalidOption, R>
  /** Cancels the timer; a run of it that waits for its turn does not come any more. */
  readonly cancel: (key: string) => Effect.Effect<void>
  /** Cancels all. */
  readonly cancelAll: Effect.Effect<void>
  /** Whether the timer is to run, or to run again. */
  readonly isActive: (key: string) => Effect.Effect<boolean>
}

/** When a timer runs again. */
type Mode = "once" | "delay" | "rate"

class Timer implements TimerEntry, Job {
  at: number
  place = -1
  order = 0
  isStale = false
  readonly effect: Effect.Effect<void>
  private readonly owner: OwnTimers
  private readonly key: string
  private readonly mode: Mode
  private readonly millis: number
  private isWaiting = false

  constructor(owner: OwnTimers, key: string, mode: Mode, millis: number, effect: Effect.Effect<void>) {
    this.owner = owner
    this.key = key
    this.mode = mode
    this.millis = millis
    this.effect = effect
    this.at = owner.timers.now() + millis
    owner.timers.add(this)
  }

  fire(): void {
    const { timers } = this.owner
    if (!this.isWaiting) {
      this.isWaiting = true
      this.owner.incarnation.cell.signal(this)
    }
    if (this.mode !== "rate") return
    // From its own times, not from now, so that lateness does not add up.
    const missed = Math.floor((timers.now() - this.at) / this.millis)
    this.at += (missed + 1) * this.millis
    timers.add(this)
  }

  begins(): void {
    this.isWaiting = false
    if (this.mode === "once") this.owner.forget(this.key, this)
  }

  ends(): void {
    const { timers } = this.owner
    if (this.mode !== "delay" || this.isStale) return
    this.at = timers.now() + this.millis
    timers.add(this)
  }

  cancel(): void {
    this.isStale = true
    this.owner.timers.remove(this)
  }
}

/** The timers of one incarnation, by key. */
class OwnTimers {
  readonly incarnation: Incarnation
  private readonly byKey = new Map<string, Timer>()

  constructor(incarnation: Incarnation) {
    this.incarnation = incarnation
    incarnation.onEnd(() => this.cancelAll())
  }

  get timers() {
    return this.incarnation.cell.runtime.timers
  }

  start(key: string, mode: Mode, millis: number, effect: Effect.Effect<void>): void {
    // A fiber may outlive the incarnation that forked it; what it starts is nobody's.
    if (this.incarnation.isOver) return
    this.cancel(key)
    this.byKey.set(key, new Timer(this, key, mode, millis, effect))
  }

  cancel(key: string): void {
    this.byKey.get(key)?.cancel()
    this.byKey.delete(key)
  }

  cancelAll(): void {
    for (const timer of this.byKey.values()) timer.cancel()
    this.byKey.clear()
  }

  has(key: string): boolean {
    return this.byKey.has(key)
  }

  forget(key: string, timer: Timer): void {
    if (this.byKey.get(key) === timer) this.byKey.delete(key)
  }
}

const timersOf = new WeakMap<Incarnation, Timers>()

/**
 * The actor's own timers: what they run is a turn of the actor's own.
 *
 * **Details**
 *
 * - A run comes before queued messages, and a full mailbox does not refuse it; what falls due during a run lets one message
 *   go first. No handler runs at the same time, so a run may use the actor's state. A defect in it is a crash.
 * - To start a key again replaces its timer: a run of the old one that waits for its turn does not come.
 * - All timers end with the incarnation, at a crash and at a stop. `build` is the place to start those
 *   that every incarnation needs.
 * - Runs wait while the actor is suspended or its handler suspends. For a keyed actor a run counts as
 *   work: a timer that repeats more often than `idleAfter` keeps it resident.
 * - The rules are those of Akka's and Pekko's timers.
 *
 * **Example** (Flushing now and then)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Ryker } from "ryker"
 *
 * class Meter extends Actor.Service<Meter>()("Meter", [Rpc.make("Hit")]) {}
 *
 * const MeterLayer = Meter.toLayer(Effect.gen(function*() {
 *   let hits = 0
 *   const timers = yield* Actor.timers
 *   yield* timers.fixedRate("flush", "10 millis", Effect.sync(() => {
 *     if (hits > 0) console.log(`${hits} hits`)
 *     hits = 0
 *   }))
 *   return Meter.of({ Hit: () => Effect.sync(() => { hits++ }) })
 * }))
 *
 * const program = Effect.gen(function*() {
 *   const meter = yield* Meter
 *   yield* meter.tell.Hit()
 *   yield* meter.tell.Hit()
 *   yield* Effect.sleep("30 millis")
 *   // => 2 hits
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(MeterLayer), Effect.provide(Ryker.layer)))
 * ```
 *
 * @category timers
 * @since 0.1.0
 */
export const timers: Effect.Effect<Timers, never, Self> = Effect.map(CurrentIncarnation, (incarnation) => {
  if (incarnation === undefined) throw new Error("Actor.timers is for build and handlers: there is no actor here")
  const known = timersOf.get(incarnation)
  if (known !== undefined) return known
  const made = makeTimers(incarnation)
  timersOf.set(incarnation, made)
  return made
})

const makeTimers = (incarnation: Incarnation): Timers => {
  const own = new OwnTimers(incarnation)
  const start =
    (mode: Mode, option: string) =>
    <R>(key: string, time: Duration.Input, effect: Effect.Effect<void, never, R>) =>
      Effect.gen(function* () {
        const millis = yield* checkMillis(incarnation.cell.address, option, time, 1, Number.POSITIVE_INFINITY)
        own.start(key, mode, millis, withServices(effect, yield* Effect.context<R>()))
      })
  return {
    single: start("once", "delay"),
    fixedDelay: start("delay", "delay"),
    fixedRate: start("rate", "period"),
    cancel: (key) => Effect.sync(() => own.cancel(key)),
    cancelAll: Effect.sync(() => own.cancelAll()),
    isActive: (key) => Effect.sync(() => own.has(key))
  }
}

/** Runs whenever the actor has had nothing to do for so long. */
class ReceiveTimeout implements TimerEntry, Job {
  at = Number.POSITIVE_INFINITY
  place = -1
  order = 0
  isStale = false
  readonly effect: Effect.Effect<void>
  /** Takes it off the list of what ends with the incarnation. */
  release: () => void = () => {}
  private readonly incarnation: Incarnation
  private readonly millis: number

  constructor(incarnation: Incarnation, millis: number, effect: Effect.Effect<void>) {
    this.incarnation = incarnation
    this.millis = millis
    this.effect = effect
  }

  /** Counts from now. */
  restart(): void {
    const { timers } = this.incarnation.cell.runtime
    timers.remove(this)
    this.at = timers.now() + this.millis
    if (!this.isStale && this.at !== Number.POSITIVE_INFINITY) timers.add(this)
  }

  fire(): void {
    const { cell } = this.incarnation
    // With a message in hand or queued it counts anew, and once more from that message's end.
    if (cell.isHandling || cell.mailbox.depth > 0) this.restart()
    else cell.signal(this)
  }

  begins(): void {}

  ends(): void {
    this.restart()
  }

  cancel(): void {
    this.isStale = true
    this.release()
    this.incarnation.cell.runtime.timers.remove(this)
  }
}

const timeouts = new WeakMap<Incarnation, ReceiveTimeout>()

/**
 * Runs the effect, as a turn of the actor's own, whenever no message was handled for so long.
 *
 * **Details**
 *
 * It counts from the end of the last message, and again from the end of each run, until it is cancelled
 * (`Actor.cancelReceiveTimeout`), set anew, or the incarnation ends. Runs of timers do not count as
 * messages. Fails with `InvalidOption` for a time below 1 ms. The rule is that of `receive ... after` in Erlang and
 * of Akka's receive timeout.
 *
 * **Example** (Doing something when nobody asks)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Ryker } from "ryker"
 *
 * class Session extends Actor.Service<Session>()("Session", [Rpc.make("Touch")]) {}
 *
 * const SessionLayer = Session.toLayer(Effect.gen(function*() {
 *   yield* Actor.receiveTimeout("10 millis", Effect.andThen(
 *     Effect.sync(() => console.log("timed out")),
 *     Actor.stopSelf
 *   ))
 *   return { Touch: () => Effect.void }
 * }), { restart: "transient" })
 *
 * const program = Effect.gen(function*() {
 *   const session = yield* Session
 *   yield* session.ask.Touch()
 *   console.log(yield* Actor.awaitStopped(session))
 *   // => timed out
 *   // => Normal
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(SessionLayer), Effect.provide(Ryker.layer)))
 * ```
 *
 * @category timers
 * @since 0.1.0
 */
export const receiveTimeout = <R>(
  time: Duration.Input,
  effect: Effect.Effect<void, never, R>
): Effect.Effect<void, InvalidOption, R | Self> =>
  Effect.gen(function* () {
    const incarnation = yield* CurrentIncarnation
    if (incarnation === undefined || incarnation.isOver) return
    const { address } = incarnation.cell
    const millis = yield* checkMillis(address, "receiveTimeout", time, 1, Number.POSITIVE_INFINITY)
    const services = yield* Effect.context<R>()
    cancelTimeoutOf(incarnation)
    const timeout = new ReceiveTimeout(incarnation, millis, withServices(effect, services))
    timeouts.set(incarnation, timeout)
    incarnation.onRest = () => timeout.restart()
    timeout.release = incarnation.onEnd(() => timeout.cancel())
    // In the middle of a message it counts from that message's end; in `build`, from the start.
    if (incarnation.cell.phase === "Running" && !incarnation.cell.isHandling) timeout.restart()
  })

const cancelTimeoutOf = (incarnation: Incarnation): void => {
  timeouts.get(incarnation)?.cancel()
  timeouts.delete(incarnation)
  incarnation.onRest = undefined
}

/**
 * Cancels the receive timeout.
 *
 * @category timers
 * @since 0.1.0
 */
export const cancelReceiveTimeout: Effect.Effect<void, never, Self> = Effect.map(CurrentIncarnation, (incarnation) => {
  if (incarnation !== undefined) cancelTimeoutOf(incarnation)
})
