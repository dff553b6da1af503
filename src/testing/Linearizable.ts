/**
 * Whether calls that were made at the same time can be explained as if they had come one after the other.
 *
 * A history is linearizable when each call can be given a moment between its invocation and its return, so
 * that a sequential {@link Model} that makes the calls in the order of these moments gives the same answers
 * (Herlihy and Wing, "Linearizability: A Correctness Condition for Concurrent Objects", 1990).
 *
 * {@link check} looks for such an order. It is the search of Wing and Gong ("Testing and Verifying
 * Concurrent Objects", 1993) with the memory of Lowe ("Testing for Linearizability", 2017): what follows
 * depends only on which calls were placed and on the state they led to, so no such pair is searched twice.
 * Parts of a history that don't touch each other are searched one by one (Horn and Kroening, "Faster
 * Linearizability Checking via P-Compositionality", 2015). The question is NP-complete, so the search has a
 * limit and says when it came to it.
 *
 * @since 0.1.0
 */
import * as Formatter from "effect/Formatter"
import type { Call } from "./History.ts"
import { type Calls, isAnswered, type None, search } from "./internal/search.ts"
import * as Timeline from "./Timeline.ts"

/**
 * What an operation does to a state, and what it is answered with.
 *
 * @category models
 * @since 0.1.0
 */
export interface Step<out State, out Result> {
  readonly state: State
  readonly result: Result
}

/**
 * How something behaves when it is asked one thing after the other.
 *
 * **Details**
 *
 * States are compared with Effect's `Equal`, which looks into plain objects, arrays, `Map` and `Set`.
 *
 * **Gotchas**
 *
 * `step` must not change the state that it is given, and must give the same each time.
 *
 * @category models
 * @since 0.1.0
 */
export interface Model<State, in Op, Result> extends Timeline.Options<Op, Result> {
  /** The state before the first call; of each part, where there is `partition`. */
  readonly initial: State
  /**
   * What the operation does. An array says that it may do any of these, an empty one that it is not
   * possible in this state.
   */
  readonly step: (state: State, op: Op) => Step<State, Result> | ReadonlyArray<Step<State, Result>>
  /** Whether the answer that was given counts as the model's. Default: `Equal.equals`. */
  readonly allows?: ((expected: Result, actual: Result) => boolean) | undefined
  /**
   * The part of the state that an operation touches, such as a key of a map. Each part then has a search of
   * its own, which is much faster. Every operation must touch one part only.
   */
  readonly partition?: ((op: Op) => string | number) | undefined
  /**
   * Whether the operation never changes a state. Such calls are placed as soon as their answer fits, which spares
   * most of the search where many calls are open at once.
   */
  readonly isRead?: ((op: Op) => boolean) | undefined
  /** A short name for a state, the same for states that are equal. Faster than comparing large states. */
  readonly key?: ((state: State) => string | number) | undefined
}

/**
 * Options of {@link check}.
 *
 * @category models
 * @since 0.1.0
 */
export interface CheckOptions {
  /**
   * How many pairs of placed calls and state are looked at before the search gives up, for each part of the
   * history: a whole number of at least 1. Default 100,000, which takes a second or two.
   */
  readonly maxStates?: number | undefined
}

/**
 * An order was found.
 *
 * @category results
 * @since 0.1.0
 */
export interface Linearizable<out Op, out Result> {
  readonly _tag: "Linearizable"
  /** One order that explains all answers, with those unanswered calls that must have taken effect. */
  readonly order: ReadonlyArray<Call<Op, Result>>
  /** How many states were looked at. */
  readonly states: number
}

/**
 * A call that cannot be placed, and what the model would have answered.
 *
 * @category results
 * @since 0.1.0
 */
export interface Stuck<out Op, out Result> {
  readonly call: Call<Op, Result>
  /** The answers that the model gives after the {@link NotLinearizable} `order`; none when the call is not possible. */
  readonly expected: ReadonlyArray<Result>
}

/**
 * No order explains the answers.
 *
 * @category results
 * @since 0.1.0
 */
export interface NotLinearizable<out Op, out Result> {
  readonly _tag: "NotLinearizable"
  /** The part that fails, if the model has parts. */
  readonly part: string | number | undefined
  /**
   * The shortest beginning of the history that fails: without its last return it would be linearizable. It
   * may be longer where the search for the shortest gave up.
   */
  readonly calls: ReadonlyArray<Call<Op, Result>>
  /** The longest order that was found in it. */
  readonly order: ReadonlyArray<Call<Op, Result>>
  /** The calls that had to come next, each with an answer that the model doesn't give. */
  readonly stuck: ReadonlyArray<Stuck<Op, Result>>
  /** How many states were looked at. */
  readonly states: number
}

/**
 * The search came to its limit: the history may be linearizable or not.
 *
 * @category results
 * @since 0.1.0
 */
export interface GaveUp {
  readonly _tag: "GaveUp"
  /** The part that is too large, if the model has parts. */
  readonly part: string | number | undefined
  /** The limit that was met. */
  readonly maxStates: number
  /** How many answered calls the longest order that was found has, of how many. */
  readonly placed: number
  readonly answered: number
}

/**
 * What {@link check} found.
 *
 * @category results
 * @since 0.1.0
 */
export type Verdict<Op, Result> = Linearizable<Op, Result> | NotLinearizable<Op, Result> | GaveUp

/**
 * Looks for an order of the calls that explains all answers.
 *
 * **Details**
 *
 * Calls that were refused are left out. Those that were not answered may be placed anywhere after their
 * invocation, or nowhere. `calls` may come in any order; no two of its events have the same time.
 *
 * A part that fails counts for more than one whose search gave up.
 *
 * **Gotchas**
 *
 * Each unanswered call can double what is to be searched. Keep histories short and many, rather than long
 * and few.
 *
 * **Example** (A read that comes too late for its answer)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { History, Linearizable } from "ryker/testing"
 *
 * type Op = { readonly write: number } | "read"
 *
 * const register: Linearizable.Model<number, Op, number | void> = {
 *   initial: 0,
 *   step: (value, op) => op === "read" ? { state: value, result: value } : { state: op.write, result: undefined }
 * }
 *
 * const program = Effect.gen(function*() {
 *   const history = yield* History.make<Op, number | void>()
 *   yield* history.record("a", { write: 1 }, Effect.void)
 *   yield* history.record("b", "read", Effect.succeed(0))
 *   console.log(Linearizable.format(Linearizable.check(register, yield* history.calls)))
 *   // => Not linearizable: no order explains these 2 calls.
 *   // =>
 *   // => a  [1-]
 *   // => b        [2-]
 *   // =>
 *   // => 1  a  {"write":1} -> undefined
 *   // => 2  b  "read" -> 0
 *   // =>
 *   // => Placed, in this order: 1
 *   // => Cannot be placed: 2, whose answer would be 1
 * })
 *
 * await Effect.runPromise(program)
 * ```
 *
 * @category checking
 * @since 0.1.0
 */
export const check = <State, Op, Result>(
  model: Model<State, Op, Result>,
  calls: ReadonlyArray<Call<Op, Result>>,
  options: CheckOptions = {}
): Verdict<Op, Result> => {
  const maxStates = options.maxStates ?? 100_000
  const found: Array<Linearizable<Op, Result>> = []
  let gaveUp: GaveUp | undefined = undefined
  for (const [part, own] of partsOf(model, calls)) {
    const verdict = checkPart(model, part, own, maxStates)
    if (verdict._tag === "NotLinearizable") return verdict
    if (verdict._tag === "GaveUp") gaveUp ??= verdict
    else found.push(verdict)
  }
  return gaveUp ?? merge(found)
}

/**
 * Renders what was found as text, to be read on a screen or thrown by a test.
 *
 * **Details**
 *
 * A model is options, too: with it, operations and results are shown in its words.
 *
 * @category rendering
 * @since 0.1.0
 */
export const format = <Op, Result>(
  verdict: Verdict<Op, Result>,
  options: Timeline.Options<Op, Result> = {}
): string => {
  switch (verdict._tag) {
    case "Linearizable":
      return `Linearizable: ${verdict.order.length} calls in order, ${verdict.states} states searched.`
    case "GaveUp":
      return (
        `Gave up${ofPart(verdict.part)}: ${verdict.maxStates} states were searched (maxStates), and at most ` +
        `${verdict.placed} of ${verdict.answered} answered calls placed. Record fewer calls or fewer that stay ` +
        `unanswered, give the model a partition, or raise maxStates.`
      )
    case "NotLinearizable":
      return formatFailure(verdict, options)
  }
}

const formatFailure = <Op, Result>(
  { calls, order, part, stuck }: NotLinearizable<Op, Result>,
  options: Timeline.Options<Op, Result>
): string => {
  const show = options.showResult ?? Formatter.format
  const number = (call: Call<Op, Result>) => String(calls.indexOf(call) + 1)
  const numbers = order.map(number)
  const placed = numbers.length > 40 ? ["...", ...numbers.slice(-40)] : numbers
  return [
    `Not linearizable${ofPart(part)}: no order explains ${calls.length === 1 ? "this call" : `these ${calls.length} calls`}.`,
    "",
    Timeline.draw(calls, options),
    "",
    `Placed, in this order: ${placed.length === 0 ? "none" : placed.join(", ")}`,
    ...stuck.map(({ call, expected }) => {
      const answers =
        expected.length === 0
          ? "which is not possible then"
          : `whose answer would be ${expected.map((result) => show(result)).join(" or ")}`
      return `Cannot be placed: ${number(call)}, ${answers}`
    })
  ].join("\n")
}

const ofPart = (part: string | number | undefined): string => (part === undefined ? "" : ` (part ${part})`)

// --- Parts --------------------------------------------------------------------------------------------------------------

/** The calls that may have had an effect, in the order of their invocations, of each part. */
const partsOf = <State, Op, Result>(
  { partition }: Model<State, Op, Result>,
  calls: Calls<Op, Result>
): ReadonlyMap<string | number | undefined, Calls<Op, Result>> => {
  const parts = new Map<string | number | undefined, Array<Call<Op, Result>>>()
  for (const call of calls.toSorted((one, other) => one.invoked - other.invoked)) {
    if (call.outcome._tag === "Refused") continue
    const part = partition?.(call.op)
    const own = parts.get(part)
    if (own === undefined) parts.set(part, [call])
    else own.push(call)
  }
  return parts
}

/**
 * One order for all parts. A call comes at its invocation, or with the call before it if that is later: so it is before
 * its return, as the orders of the parts are linearizations.
 */
const merge = <Op, Result>(found: ReadonlyArray<Linearizable<Op, Result>>): Linearizable<Op, Result> => ({
  _tag: "Linearizable",
  order: found
    .flatMap(({ order }) => {
      let at = 0
      return order.map((call) => ({ call, at: (at = Math.max(at, call.invoked)) }))
    })
    .toSorted((one, other) => one.at - other.at)
    .map(({ call }) => call),
  states: found.reduce((sum, { states }) => sum + states, 0)
})

const checkPart = <State, Op, Result>(
  model: Model<State, Op, Result>,
  part: string | number | undefined,
  calls: Calls<Op, Result>,
  maxStates: number
): Verdict<Op, Result> => {
  const whole = search(model, calls, maxStates)
  switch (whole._tag) {
    case "Found":
      return { _tag: "Linearizable", order: whole.order, states: whole.states }
    case "Limit":
      return { _tag: "GaveUp", part, maxStates, placed: whole.placed, answered: calls.filter(isAnswered).length }
    case "None": {
      const { beginning, failure } = shortest(model, calls, whole, maxStates)
      const { order, states, stuck } = failure
      return { _tag: "NotLinearizable", part, calls: beginning, order, stuck, states }
    }
  }
}

/** What fails stays so however it goes on: so half of the returns can be left out at a time. */
const shortest = <State, Op, Result>(
  model: Model<State, Op, Result>,
  calls: Calls<Op, Result>,
  whole: None<Op, Result>,
  maxStates: number
): { readonly beginning: Calls<Op, Result>; readonly failure: None<Op, Result> } => {
  const returns = calls
    .filter(isAnswered)
    .map(({ returned }) => returned)
    .toSorted((a, b) => a - b)
  let shortest = { beginning: calls, failure: whole }
  let low = 0
  let high = returns.length
  while (low < high) {
    const middle = (low + high) >> 1
    const beginning = until(calls, returns[middle]!)
    const failure = search(model, beginning, maxStates)
    if (failure._tag === "None") {
      shortest = { beginning, failure }
      high = middle
    } else {
      low = middle + 1
    }
  }
  return shortest
}

/** The history as it was at that time: what had not returned was not answered. */
const until = <Op, Result>(calls: Calls<Op, Result>, at: number): Calls<Op, Result> =>
  calls
    .filter(({ invoked }) => invoked < at)
    .map((call) => (call.returned > at ? { ...call, returned: Infinity, outcome: running } : call))

const running = { _tag: "Unanswered", reason: "running" } as const
