/**
 * What processes asked of something at the same time, and what they were answered.
 *
 * A `History` records calls as they begin and end. Its time is a counter, not a clock: only the order of
 * events matters. `Linearizable.check` says whether its calls can be explained as if they had come one
 * after the other.
 *
 * The words are those of Herlihy and Wing, "Linearizability: A Correctness Condition for Concurrent
 * Objects" (1990): a process makes calls, each has an invocation and, if it is answered, a return.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { Busy, Crashed, Deadlock, InvalidMessage, Stopped, Timeout, TooLarge } from "../RykerError.ts"

/**
 * The errors that a send fails with by ryker's doing, not the handler's.
 *
 * @category models
 * @since 0.1.0
 */
export type SendError = Busy | TooLarge | Timeout | Crashed | Stopped | Deadlock | InvalidMessage

/**
 * How a call ended, and so whether it had an effect.
 *
 * **Details**
 *
 * | outcome | did it take effect |
 * | --- | --- |
 * | `Answered` | yes, between its invocation and its return |
 * | `Refused` | no |
 * | `Unanswered` | perhaps, at any time after its invocation |
 *
 * @see {@link outcomeOf} for which end of an effect is which
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome<Result> =
  | { readonly _tag: "Answered"; readonly result: Result }
  | { readonly _tag: "Refused"; readonly reason: string }
  | { readonly _tag: "Unanswered"; readonly reason: string }

/**
 * One call: who called, what was asked, and what came of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call<out Op, out Result> {
  /** Who called. A process may have several calls open at once. */
  readonly process: string
  /** What was asked. */
  readonly op: Op
  /** When it began, on the history's counter. */
  readonly invoked: number
  /** When it ended, later than `invoked`; `Infinity` while it has not. */
  readonly returned: number
  readonly outcome: Outcome<Result>
}

/**
 * A recorder of calls.
 *
 * @see {@link make} for making one
 *
 * @category models
 * @since 0.1.0
 */
export interface History<Op, Result> {
  /**
   * Runs `effect` as a call of `process`, and gives what it gives.
   *
   * The call is recorded however the effect ends, also when it is interrupted.
   */
  readonly record: <A extends Result, E extends Result | SendError, R>(
    process: string,
    op: Op,
    effect: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E, R>
  /** The calls until now, in the order of their invocations. One that has not ended is `Unanswered`. */
  readonly calls: Effect.Effect<ReadonlyArray<Call<Op, Result>>>
}

/**
 * Options of {@link make}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<Op, Result> {
  /** What an end means for the call. Default: {@link outcomeOf}. */
  readonly outcome?: ((exit: Exit.Exit<Result, Result | SendError>, op: Op) => Outcome<Result>) | undefined
}

/**
 * Says what the end of an ask means for its call.
 *
 * **Details**
 *
 * | end | outcome |
 * | --- | --- |
 * | success | `Answered` with the reply |
 * | the message's own error | `Answered` with the error |
 * | `Busy`, `TooLarge`, `Deadlock`, `InvalidMessage` | `Refused` |
 * | `Timeout` or `Stopped` whose `phase` is `"queued"`, `Stopped` whose `phase` is `"refused"` | `Refused` |
 * | `Timeout` or `Stopped` while running, `Crashed` | `Unanswered` |
 * | a defect, an interruption | `Unanswered` |
 *
 * **Gotchas**
 *
 * A handler that asks another actor and fails with that one's `Busy` looks refused, and may have had an
 * effect before. Give such handlers errors of their own.
 *
 * An actor that crashes loses its state, and the default doesn't know. Where a model should know it, make
 * `Crashed` an answer with the option `outcome`, and let the model say that the state is then the first.
 *
 * **Example** (An ask that may have taken effect)
 *
 * ```ts
 * import { Exit } from "effect"
 * import { RykerError } from "ryker"
 * import { History } from "ryker/testing"
 *
 * const crashed = new RykerError.Crashed({ actor: "Account", request: "Withdraw", incarnation: 1 })
 * console.log(History.outcomeOf(Exit.fail(crashed))) // => { _tag: 'Unanswered', reason: 'Crashed' }
 * ```
 *
 * @category outcomes
 * @since 0.1.0
 */
export const outcomeOf = <Result>(exit: Exit.Exit<Result, Result | SendError>): Outcome<Result> => {
  if (Exit.isSuccess(exit)) return { _tag: "Answered", result: exit.value }
  const error = Cause.findErrorOption(exit.cause)
  // With a defect or an interruption beside it, the error is not what the handler answered.
  if (Option.isNone(error) || exit.cause.reasons.length > 1) {
    return { _tag: "Unanswered", reason: Cause.hasInterruptsOnly(exit.cause) ? "interrupted" : "died" }
  }
  const value = error.value
  if (!isSendError(value)) return { _tag: "Answered", result: value }
  return { _tag: mayHaveRun(value) ? "Unanswered" : "Refused", reason: value._tag }
}

const sendErrors = [Busy, TooLarge, Timeout, Crashed, Stopped, Deadlock, InvalidMessage]

// The classes are those of the union.
const isSendError = (error: unknown): error is SendError => sendErrors.some((Class) => error instanceof Class)

const mayHaveRun = (error: SendError): boolean => {
  switch (error._tag) {
    case "Timeout":
      return error.phase === "running"
    case "Stopped":
      return error.phase !== "refused" && error.phase !== "queued"
    default:
      return error._tag === "Crashed"
  }
}

/**
 * Makes an empty history.
 *
 * **Details**
 *
 * `Result` is what calls are answered with: replies, and the messages' own errors if there are any.
 *
 * **Example** (Recording a call)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { History } from "ryker/testing"
 *
 * const program = Effect.gen(function*() {
 *   const history = yield* History.make<"get", number>()
 *   yield* history.record("p1", "get", Effect.succeed(7))
 *   const [call] = yield* history.calls
 *   console.log(call?.process, call?.op, call?.outcome) // => p1 get { _tag: 'Answered', result: 7 }
 * })
 *
 * await Effect.runPromise(program)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Op, Result>(options: Options<Op, Result> = {}): Effect.Effect<History<Op, Result>> =>
  Effect.sync(() => {
    const outcome = options.outcome ?? outcomeOf
    const calls: Array<Call<Op, Result>> = []
    let now = 0
    return {
      record: (process, op, effect) =>
        Effect.suspend(() => {
          const index = calls.length
          const call: Call<Op, Result> = { process, op, invoked: ++now, returned: Infinity, outcome: running }
          calls.push(call)
          return Effect.onExit(effect, (exit) =>
            Effect.sync(() => {
              calls[index] = { ...call, returned: ++now, outcome: outcome(exit, op) }
            })
          )
        }),
      calls: Effect.sync(() => calls.slice())
    }
  })

const running = { _tag: "Unanswered", reason: "running" } as const
