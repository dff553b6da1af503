/**
 * Faults by plan: crashes, hangs, failed starts and slowness that a test puts into actors whose Layers it does not touch.
 *
 * **Details**
 *
 * `TestRyker.layer({ faults: [...] })` arms them. An injected crash is a defect like any other to the actor and its
 * supervisor. In events and log lines its `defect` is `"InjectedFault"`, and `at` names the fault; `TestRyker.injected` lists those that
 * happened.
 *
 * The n-th message is the n-th that the handlers of the definition begin, of all its actors together and across restarts; one that is delivered
 * again (`redeliver`) counts again. With `id` or `address` only the messages of that actor count. A fault acts where an
 * incarnation starts and its handlers are bound, so a runtime without faults runs the same code as in production.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Actor from "../Actor.ts"

/**
 * What a fault concerns: the definition of an actor or of a keyed family.
 *
 * @category models
 * @since 0.1.0
 */
export interface Definition<M extends Actor.Message> {
  /** The definition's name. */
  readonly actor: string
  readonly messages: ReadonlyArray<M>
}

/**
 * Which of a series: the n-th, a whole number from 1; several of them; or every one. Any other number is a `RangeError`.
 *
 * @category models
 * @since 0.1.0
 */
export type Nth = number | ReadonlyArray<number> | "every"

/**
 * Narrows a fault to one actor of the definition.
 *
 * @category models
 * @since 0.1.0
 */
export interface Only {
  /** The id of a keyed actor. */
  readonly id?: string | undefined
  /** The address, such as that of a spawned actor (`"Account#1"`) or of a pool's member (`"Account/1"`). */
  readonly address?: string | undefined
}

/**
 * A planned fault.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault =
  | {
      readonly _tag: "Message"
      /** How it is called in events, log lines and reports. */
      readonly label: string
      readonly actor: string
      /** The address of the one actor that it concerns. */
      readonly address: string | undefined
      /** The message; undefined for any. */
      readonly request: string | undefined
      readonly nth: Nth
      readonly effect: "crash before" | "crash after" | "hang" | "slow"
      readonly duration: Duration.Input
    }
  | {
      readonly _tag: "Start"
      readonly label: string
      readonly actor: string
      readonly address: string | undefined
      readonly nth: Nth
    }
  | {
      readonly _tag: "Storm"
      readonly label: string
      readonly seed: string | number
      readonly crash: number
      readonly failStart: number
      readonly hang: number
      readonly hangFor: Duration.Input
      readonly limit: number
      readonly actors: ReadonlyArray<Definition<Actor.Message>> | undefined
    }

const labelOf = (name: string, ...args: ReadonlyArray<unknown>): string =>
  `Fault.${name}(${args
    .filter((arg) => arg !== undefined)
    .map((arg, index) => (index === 0 && typeof arg === "string" ? arg : JSON.stringify(arg)))
    .join(", ")})`

const addressOf = (actor: string, only: Only | undefined): string | undefined =>
  only?.address ?? (only?.id === undefined ? undefined : `${actor}/${only.id}`)

/** A number that nothing ever reaches would be a fault that no test notices is missing. */
const checkNth = (name: string, nth: Nth): void => {
  const wrong = nth === "every" ? undefined : [nth].flat().find((n) => !Number.isInteger(n) || n < 1)
  if (wrong !== undefined) throw new RangeError(`Fault.${name}: nth is ${wrong}, but must be a whole number from 1`)
}

const onMessage = (
  name: string,
  { actor }: Definition<Actor.Message>,
  request: string | undefined,
  nth: Nth,
  only: Only | undefined,
  effect: "crash before" | "crash after" | "hang" | "slow",
  duration: Duration.Input = 0
): Fault => {
  checkNth(name, nth)
  const address = addressOf(actor, only)
  const amount = effect === "slow" ? duration : nth
  const label = labelOf(name, address ?? actor, request, amount, effect === "crash after" ? "after" : undefined)
  return { _tag: "Message", label, actor, address, request, nth, effect, duration }
}

/**
 * Crashes the actor at its n-th message of that tag.
 *
 * **Details**
 *
 * `when: "before"` (the default) crashes it before the handler does anything. `"after"` lets the handler end and crashes
 * the actor then, so that the work is done and the reply is lost: what a caller that tries again must be ready for.
 *
 * **Example** (A crash between two withdrawals)
 *
 * ```ts
 * import { Effect, Fiber, Schema } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { TestClock } from "effect/testing"
 * import { Actor } from "ryker"
 * import { Fault, TestRyker } from "ryker/testing"
 *
 * class Counter extends Actor.Service<Counter>()("Counter", [Rpc.make("Next", { success: Schema.Int })]) {}
 *
 * const CounterLayer = Counter.toLayer(Effect.sync(() => {
 *   let n = 0
 *   return { Next: () => Effect.sync(() => ++n) }
 * }))
 *
 * const test = Effect.gen(function*() {
 *   const counter = yield* Counter
 *   yield* counter.ask.Next()
 *   console.log((yield* Effect.flip(counter.ask.Next()))._tag) // => Crashed
 *   const next = yield* Effect.forkChild(counter.ask.Next())
 *   yield* TestClock.adjust("1 second")
 *   console.log(yield* Fiber.join(next)) // => 1
 *   console.log((yield* TestRyker.injected)[0]?.fault) // => Fault.crashOn(Counter, "Next", 2)
 * })
 *
 * await Effect.runPromise(test.pipe(
 *   Effect.provide(CounterLayer),
 *   Effect.provide(TestRyker.layer({ faults: [Fault.crashOn(Counter, "Next", 2)] }))
 * ))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const crashOn = <M extends Actor.Message>(
  definition: Definition<M>,
  request: M["_tag"],
  nth: Nth,
  options?: Only & { readonly when?: "before" | "after" | undefined }
): Fault =>
  onMessage("crashOn", definition, request, nth, options, options?.when === "after" ? "crash after" : "crash before")

/**
 * Lets the n-th message of that tag hang: its handler never ends by itself.
 *
 * **Details**
 *
 * It can be interrupted, as at its deadline or by a stop. A tell without a deadline holds its actor up for good.
 *
 * @see {@link crashOn} for an example
 *
 * @category constructors
 * @since 0.1.0
 */
export const hangOn = <M extends Actor.Message>(
  definition: Definition<M>,
  request: M["_tag"],
  nth: Nth,
  options?: Only
): Fault => onMessage("hangOn", definition, request, nth, options, "hang")

/**
 * Delays every message, or every one of a tag, by `duration` of virtual time before its handler begins.
 *
 * @see {@link crashOn} for an example
 *
 * @category constructors
 * @since 0.1.0
 */
export const slow = <M extends Actor.Message>(
  definition: Definition<M>,
  duration: Duration.Input,
  options?: Only & { readonly request?: M["_tag"] | undefined }
): Fault => onMessage("slow", definition, options?.request, "every", options, "slow", duration)

/**
 * Lets the n-th start of an actor of the definition fail, before `build` runs.
 *
 * **Details**
 *
 * Start 1 is the first: if it fails, the actor's Layer fails with `StartError { reason: "Defect" }`, that of a keyed actor
 * is tried again. Start 2 is the first restart.
 *
 * @see {@link crashOn} for an example
 *
 * @category constructors
 * @since 0.1.0
 */
export const failStart = (definition: Definition<Actor.Message>, nth: Nth, options?: Only): Fault => {
  checkNth("failStart", nth)
  const address = addressOf(definition.actor, options)
  const label = labelOf("failStart", address ?? definition.actor, nth)
  return { _tag: "Start", label, actor: definition.actor, address, nth }
}

/**
 * Options of {@link crashStorm}.
 *
 * @category models
 * @since 0.1.0
 */
export interface StormOptions {
  /** How likely each message crashes its actor: from 0 to 1. Default 0.1. */
  readonly crash?: number | undefined
  /** How likely each restart fails: from 0 to 1. Default 0.1. First starts are left alone. */
  readonly failStart?: number | undefined
  /** How likely each message hangs for `hangFor` before its handler begins: from 0 to 1. Default 0.02. */
  readonly hang?: number | undefined
  /** How long a hang lasts, in virtual time. Default 5 seconds. */
  readonly hangFor?: Duration.Input | undefined
  /** After so many faults in all the storm is over: a whole number from 0. Default 20. */
  readonly limit?: number | undefined
  /** The definitions it concerns. Default: all, but for probes. */
  readonly actors?: ReadonlyArray<Definition<Actor.Message>> | undefined
}

/**
 * A random series of crashes, failed starts and hangs; the same for the same seed and the same messages.
 *
 * **When to use**
 *
 * To see what many faults at once do to a whole application: run it for some seeds, and let `checkLedger` and the test's own
 * assertions say whether it holds. Each actor draws from a stream of its own, made of the seed and its address, so that
 * what one does leaves the others' faults where they are.
 *
 * **Gotchas**
 *
 * A storm can exceed an actor's restart intensity (`RapidFail`): give the actor a larger one, or the storm lower rates, if the test
 * is not about that.
 *
 * **Example** (A storm that loses no message without telling)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { TestClock } from "effect/testing"
 * import { Actor } from "ryker"
 * import { Fault, TestRyker } from "ryker/testing"
 *
 * class Counter extends Actor.Service<Counter>()("Counter", [Rpc.make("Next", { success: Schema.Int })]) {}
 *
 * const CounterLayer = Counter.toLayer(
 *   Effect.sync(() => {
 *     let n = 0
 *     return { Next: () => Effect.sync(() => ++n) }
 *   }),
 *   { intensity: { restarts: 100 }, deadline: "1 hour" }
 * )
 *
 * const test = Effect.gen(function*() {
 *   const counter = yield* Counter
 *   const asks = Array.from({ length: 100 }, () => Effect.exit(counter.ask.Next()))
 *   yield* Effect.forkChild(Effect.all(asks, { concurrency: "unbounded" }))
 *   yield* TestRyker.settle
 *   yield* TestClock.adjust("1 hour")
 *   console.log((yield* TestRyker.injected).length > 0) // => true
 * })
 *
 * await Effect.runPromise(test.pipe(
 *   Effect.provide(CounterLayer),
 *   Effect.provide(TestRyker.layer({ faults: [Fault.crashStorm(42)] }))
 * ))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const crashStorm = (seed: string | number, options: StormOptions = {}): Fault => {
  const { actors, crash = 0.1, failStart = 0.1, hang = 0.02, hangFor = "5 seconds", limit = 20 } = options
  for (const [name, rate] of Object.entries({ crash, failStart, hang })) {
    if (!(rate >= 0 && rate <= 1)) throw new RangeError(`Fault.crashStorm: ${name} is ${rate}, but must be from 0 to 1`)
  }
  return {
    _tag: "Storm",
    label: labelOf("crashStorm", JSON.stringify(seed)),
    seed,
    actors,
    crash,
    failStart,
    hang,
    hangFor,
    limit
  }
}
