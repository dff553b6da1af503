/**
 * A bounded mailbox: offers are refused with a typed error when it is full, and control signals go
 * by a lane of their own that is never shed.
 *
 * Actors have one each; this module is for those who want the mailbox without an actor.
 *
 * **Details**
 *
 * - The bound counts messages that wait. Control signals are not counted.
 * - A full, a closed and an ended mailbox are told apart: `Busy`, `Stopped { reason: "Closed" }` and
 *   `Stopped { reason: "Ended" }`.
 * - Messages of one sender are taken in the order in which they were offered.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as MutableList from "effect/MutableList"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import { withoutStack } from "./internal/errors.ts"
import { checkInt } from "./internal/options.ts"
import * as Sizer from "./internal/sizer.ts"
import { Busy, type InvalidOption, Stopped, Timeout, TooLarge } from "./RykerError.ts"

const TypeId = "~ryker/Mailbox"

/**
 * A bounded mailbox of messages `A` and control signals `C`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Mailbox<in out A, in out C = never> {
  readonly [TypeId]: {
    readonly _A: (_: A) => A
    readonly _C: (_: C) => C
  }
  /** What errors call it. */
  readonly name: string
  /** How many messages may wait. */
  readonly capacity: number
  /** The largest message in bytes; `Infinity` when there is no cap. */
  readonly maxMessageBytes: number
}

/**
 * Options of {@link make}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<A> {
  /** What errors call the mailbox. Default `"mailbox"`. */
  readonly name?: string | undefined
  /** How many messages may wait: a whole number from 1 to 1,048,576. Default 256. */
  readonly capacity?: number | undefined
  /** The largest message in bytes: a whole number from 1 to 2^53 - 1. Default: no cap. */
  readonly maxMessageBytes?: number | undefined
  /** The messages' schema, from which the size check is derived. Default: every value is measured. */
  readonly schema?: Schema.Codec<A, unknown, unknown, unknown> | undefined
}

class MailboxImpl<in out A, in out C> implements Mailbox<A, C> {
  readonly [TypeId] = { _A: (a: A) => a, _C: (c: C) => c }
  readonly name: string
  readonly capacity: number
  readonly maxMessageBytes: number
  readonly messages: Queue.Queue<A, Cause.Done>
  readonly signals: Queue.Queue<C, Cause.Done>
  private readonly sizer: Sizer.Sizer

  constructor(
    name: string,
    maxMessageBytes: number,
    sizer: Sizer.Sizer,
    messages: Queue.Queue<A, Cause.Done>,
    signals: Queue.Queue<C, Cause.Done>
  ) {
    this.name = name
    this.capacity = messages.capacity
    this.maxMessageBytes = maxMessageBytes
    this.sizer = sizer
    this.messages = messages
    this.signals = signals
  }

  tooLarge(message: A): TooLarge | undefined {
    const max = this.maxMessageBytes
    const bytes = Sizer.oversize(this.sizer, message, max, false)
    return bytes === undefined
      ? undefined
      : withoutStack(() => new TooLarge({ actor: this.name, request: "message", bytes, max }))
  }

  get hasEnded(): boolean {
    return this.messages.state._tag === "Done"
  }

  /** The error of a take that has nothing more to wait for. */
  ended(): Stopped {
    return new Stopped({ actor: this.name, reason: "Ended" })
  }

  /** The error of an offer to a mailbox that is not open any more. */
  refused(): Stopped {
    return new Stopped({ actor: this.name, reason: this.hasEnded ? "Ended" : "Closed", phase: "refused" })
  }

  refusal(): Busy | Stopped {
    return this.messages.state._tag === "Open"
      ? new Busy({ actor: this.name, limit: "mailbox", capacity: this.capacity })
      : this.refused()
  }
}

// Every Mailbox is made by `make`, so the implementation behind the interface is known.
const impl = <A, C>(self: Mailbox<A, C>): MailboxImpl<A, C> => self as MailboxImpl<A, C>

/**
 * Makes an open, empty mailbox.
 *
 * **Details**
 *
 * Fails with `InvalidOption` when `capacity` or `maxMessageBytes` is out of its range.
 *
 * **Example** (Refusing what does not fit)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Mailbox } from "ryker"
 *
 * const program = Effect.gen(function*() {
 *   const jobs = yield* Mailbox.make<string>({ name: "jobs", capacity: 1 })
 *   yield* Mailbox.offer(jobs, "first")
 *   const error = yield* Effect.flip(Mailbox.offer(jobs, "second"))
 *   console.log(error._tag) // => Busy
 *   console.log(yield* Mailbox.take(jobs)) // => first
 *   console.log(yield* Mailbox.depth(jobs)) // => 0
 * })
 *
 * await Effect.runPromise(program)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A, C = never>(options?: Options<A>): Effect.Effect<Mailbox<A, C>, InvalidOption> =>
  Effect.gen(function* () {
    const name = options?.name ?? "mailbox"
    const capacity = yield* checkInt(name, "capacity", options?.capacity ?? 256, 1, 1_048_576)
    const maxMessageBytes =
      options?.maxMessageBytes === undefined
        ? Number.POSITIVE_INFINITY
        : yield* checkInt(name, "maxMessageBytes", options.maxMessageBytes, 1, Number.MAX_SAFE_INTEGER)
    const messages = yield* Queue.bounded<A, Cause.Done>(capacity)
    const signals = yield* Queue.unbounded<C, Cause.Done>()
    // The control lane ends with the mailbox, whoever takes its last message.
    yield* Effect.forkDetach(Effect.andThen(Effect.exit(Queue.await(messages)), Queue.end(signals)))
    const sizer = Sizer.fromSchema(options?.schema ?? Schema.Unknown)
    return new MailboxImpl<A, C>(name, maxMessageBytes, sizer, messages, signals)
  })

/**
 * Offers a message without waiting for room.
 *
 * **Details**
 *
 * Fails with `Busy` when the mailbox is full, `TooLarge` when the message is larger than
 * `maxMessageBytes`, and `Stopped` when the mailbox was closed (`"Closed"`) or has ended (`"Ended"`).
 * A message that was refused is not in the mailbox.
 *
 * @see {@link offerWait} to wait for room
 * @category offering
 * @since 0.1.0
 */
export const offer: {
  <A>(message: A): <C>(self: Mailbox<A, C>) => Effect.Effect<void, Busy | TooLarge | Stopped>
  <A, C>(self: Mailbox<A, C>, message: A): Effect.Effect<void, Busy | TooLarge | Stopped>
} = dual(2, <A, C>(self: Mailbox<A, C>, message: A): Effect.Effect<void, Busy | TooLarge | Stopped> =>
  Effect.suspend((): Effect.Effect<void, Busy | TooLarge | Stopped> => {
    const mailbox = impl(self)
    const tooLarge = mailbox.tooLarge(message)
    if (tooLarge !== undefined) return tooLarge
    return Queue.offerUnsafe(mailbox.messages, message) ? Effect.void : withoutStack(() => mailbox.refusal())
  })
)

/**
 * Offers a message, waiting for room until the deadline.
 *
 * **Details**
 *
 * Those who wait are served in the order in which they came, before any later `offer`. Fails with
 * `Timeout { phase: "queued" }` when there was no room in time; the message is then not in the
 * mailbox. Fails with `TooLarge` and `Stopped` as {@link offer} does. Interrupting it withdraws the
 * message.
 *
 * **Example** (Waiting for room)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Mailbox } from "ryker"
 *
 * const program = Effect.gen(function*() {
 *   const jobs = yield* Mailbox.make<number>({ capacity: 1 })
 *   yield* Mailbox.offer(jobs, 1)
 *   const error = yield* Effect.flip(Mailbox.offerWait(jobs, 2, { deadline: "5 millis" }))
 *   console.log(error._tag) // => Timeout
 *   console.log(yield* Mailbox.depth(jobs)) // => 1
 * })
 *
 * await Effect.runPromise(program)
 * ```
 *
 * @category offering
 * @since 0.1.0
 */
export const offerWait: {
  <A>(
    message: A,
    options: { readonly deadline: Duration.Input }
  ): <C>(self: Mailbox<A, C>) => Effect.Effect<void, Timeout | TooLarge | Stopped>
  <A, C>(
    self: Mailbox<A, C>,
    message: A,
    options: { readonly deadline: Duration.Input }
  ): Effect.Effect<void, Timeout | TooLarge | Stopped>
} = dual(
  3,
  <A, C>(
    self: Mailbox<A, C>,
    message: A,
    options: { readonly deadline: Duration.Input }
  ): Effect.Effect<void, Timeout | TooLarge | Stopped> =>
    Effect.suspend((): Effect.Effect<void, Timeout | TooLarge | Stopped> => {
      const mailbox = impl(self)
      const tooLarge = mailbox.tooLarge(message)
      if (tooLarge !== undefined) return tooLarge
      // Nobody waits while there is room, so this overtakes nobody.
      if (Queue.offerUnsafe(mailbox.messages, message)) return Effect.void
      const duration = Duration.max(Duration.zero, Duration.fromInputUnsafe(options.deadline))
      return Effect.flatMap(
        Effect.timeoutOption(Queue.offer(mailbox.messages, message), duration),
        Option.match({
          onNone: (): Effect.Effect<void, Timeout | Stopped> =>
            new Timeout({
              actor: self.name,
              request: "message",
              phase: "queued",
              millis: Duration.toMillis(duration)
            }),
          // Queue resumes it on the taker's stack, between the take and its result: nothing else may run there.
          onSome: (accepted) => (accepted ? Effect.yieldNow : mailbox.refused())
        })
      )
    })
)

/**
 * Takes the oldest message, waiting for one.
 *
 * **Details**
 *
 * Fails with `Stopped { reason: "Ended" }` once the mailbox was closed and has nothing left, or was
 * shut down. Interrupting it loses no message.
 *
 * @category taking
 * @since 0.1.0
 */
export const take = <A, C>(self: Mailbox<A, C>): Effect.Effect<A, Stopped> =>
  Effect.mapError(Queue.take(impl(self).messages), () => impl(self).ended())

/**
 * Takes up to `max` messages, oldest first, waiting for at least one.
 *
 * **Details**
 *
 * `max` is a whole number of at least 1; less is taken as 1. Fails as {@link take} does.
 *
 * **Example** (Taking a batch)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Mailbox } from "ryker"
 *
 * const program = Effect.gen(function*() {
 *   const jobs = yield* Mailbox.make<number>()
 *   yield* Effect.forEach([1, 2, 3], (n) => Mailbox.offer(jobs, n))
 *   console.log((yield* Mailbox.takeBatch(jobs, 2)).join(" ")) // => 1 2
 * })
 *
 * await Effect.runPromise(program)
 * ```
 *
 * @category taking
 * @since 0.1.0
 */
export const takeBatch: {
  (max: number): <A, C>(self: Mailbox<A, C>) => Effect.Effect<Arr.NonEmptyArray<A>, Stopped>
  <A, C>(self: Mailbox<A, C>, max: number): Effect.Effect<Arr.NonEmptyArray<A>, Stopped>
} = dual(2, <A, C>(self: Mailbox<A, C>, max: number): Effect.Effect<Arr.NonEmptyArray<A>, Stopped> =>
  Effect.mapError(
    // At least one message, as `takeBetween` waits for that many.
    Queue.takeBetween(impl(self).messages, 1, max >= 1 ? max : 1) as Effect.Effect<Arr.NonEmptyArray<A>, Cause.Done>,
    () => impl(self).ended()
  )
)

/**
 * Puts a control signal into the lane that has no bound; false when the mailbox has ended.
 *
 * **When to use**
 *
 * For signals that must arrive however full the mailbox is, and whose number is bounded by other
 * means: stop, suspend, the end of something watched.
 *
 * **Example** (Stopping a full mailbox)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Mailbox } from "ryker"
 *
 * const program = Effect.gen(function*() {
 *   const jobs = yield* Mailbox.make<number, "stop">({ capacity: 1 })
 *   yield* Mailbox.offer(jobs, 1)
 *   console.log(yield* Mailbox.signal(jobs, "stop")) // => true
 *   console.log(yield* Mailbox.takeSignal(jobs)) // => stop
 * })
 *
 * await Effect.runPromise(program)
 * ```
 *
 * @category control
 * @since 0.1.0
 */
export const signal: {
  <C>(signal: C): <A>(self: Mailbox<A, C>) => Effect.Effect<boolean>
  <A, C>(self: Mailbox<A, C>, signal: C): Effect.Effect<boolean>
} = dual(2, <A, C>(self: Mailbox<A, C>, signal: C): Effect.Effect<boolean> =>
  Effect.sync(() => !impl(self).hasEnded && Queue.offerUnsafe(impl(self).signals, signal))
)

/**
 * Takes the oldest control signal, waiting for one.
 *
 * **Details**
 *
 * Fails with `Stopped { reason: "Ended" }` once the mailbox has ended and no signal is left.
 *
 * @category control
 * @since 0.1.0
 */
export const takeSignal = <A, C>(self: Mailbox<A, C>): Effect.Effect<C, Stopped> =>
  Effect.mapError(Queue.take(impl(self).signals), () => impl(self).ended())

/**
 * How many messages wait.
 *
 * @category getters
 * @since 0.1.0
 */
export const depth = <A, C>(self: Mailbox<A, C>): Effect.Effect<number> => Queue.size(impl(self).messages)

/**
 * Refuses further offers; what is queued can still be taken, then the mailbox has ended.
 *
 * **Details**
 *
 * Offers that were waiting for room before are still let in as room comes. Closing twice is harmless.
 *
 * **Example** (Draining a closed mailbox)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Mailbox } from "ryker"
 *
 * const program = Effect.gen(function*() {
 *   const jobs = yield* Mailbox.make<string>({ name: "jobs" })
 *   yield* Mailbox.offer(jobs, "last")
 *   yield* Mailbox.close(jobs)
 *   console.log((yield* Effect.flip(Mailbox.offer(jobs, "too late"))).message) // => "jobs" takes no more messages (Closed), the message was not taken in: the mailbox was closed: offer to another one
 *   console.log(yield* Mailbox.take(jobs)) // => last
 *   console.log((yield* Effect.flip(Mailbox.take(jobs))).reason) // => Ended
 * })
 *
 * await Effect.runPromise(program)
 * ```
 *
 * @category closing
 * @since 0.1.0
 */
export const close = <A, C>(self: Mailbox<A, C>): Effect.Effect<void> => Effect.asVoid(Queue.end(impl(self).messages))

/**
 * Ends the mailbox now and hands back the messages that were queued, oldest first.
 *
 * **Details**
 *
 * The second call hands back nothing. Those who wait to offer or to take fail with
 * `Stopped { reason: "Ended" }`.
 *
 * **Example** (Getting back what was left)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Mailbox } from "ryker"
 *
 * const program = Effect.gen(function*() {
 *   const jobs = yield* Mailbox.make<number>()
 *   yield* Effect.forEach([1, 2], (n) => Mailbox.offer(jobs, n))
 *   console.log((yield* Mailbox.shutdown(jobs)).length) // => 2
 * })
 *
 * await Effect.runPromise(program)
 * ```
 *
 * @category closing
 * @since 0.1.0
 */
export const shutdown = <A, C>(self: Mailbox<A, C>): Effect.Effect<ReadonlyArray<A>> =>
  Effect.sync(() => {
    const { messages } = impl(self)
    const left = MutableList.toArray<A>(messages.messages)
    // Ended first: those who wait are then told that it has ended, and not interrupted.
    Queue.endUnsafe(messages)
    Queue.shutdownUnsafe(messages)
    return left
  })
