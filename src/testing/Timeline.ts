/**
 * Draws calls of several processes as text: one line of bars for each process, then a list of the calls.
 *
 * @since 0.1.0
 */
import * as Formatter from "effect/Formatter"
import type { Call } from "./History.ts"

/**
 * How calls are drawn.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<in Op, in Result> {
  /** The words for an operation. Default: `Formatter.format` of Effect, in which secrets that are `Redacted` stay so. */
  readonly showOp?: ((op: Op) => string) | undefined
  /** The words for a result. Default: as for operations. */
  readonly showResult?: ((result: Result) => string) | undefined
  /** How many invocations and returns are drawn, the last ones: a whole number of at least 2. Default 24. */
  readonly maxEvents?: number | undefined
}

/** A call's number in the list, and where its bar begins and ends. */
interface Bar<Op, Result> {
  readonly call: Call<Op, Result>
  readonly number: number
  /** Columns; -1 for a beginning that is not drawn. */
  readonly from: number
  readonly to: number
}

/**
 * Draws the calls.
 *
 * **Details**
 *
 * Time goes to the right, a column for each invocation and each return. A bar is `[1---]`, with the call's
 * number; `[1---->` was not answered, and may have taken effect at any time after its beginning. Calls that
 * ended before the first column are left out, and counted.
 *
 * **Example** (Two calls at the same time)
 *
 * ```ts
 * import { Timeline } from "ryker/testing"
 *
 * console.log(Timeline.draw([
 *   { process: "a", op: "inc", invoked: 1, returned: 3, outcome: { _tag: "Answered", result: 1 } },
 *   { process: "b", op: "inc", invoked: 2, returned: 4, outcome: { _tag: "Unanswered", reason: "Timeout" } }
 * ]))
 * // => a  [1----]
 * // => b     [2---->
 * // =>
 * // => 1  a  "inc" -> 1
 * // => 2  b  "inc" -> ? (Timeout)
 * ```
 *
 * @category rendering
 * @since 0.1.0
 */
export const draw = <Op, Result>(calls: ReadonlyArray<Call<Op, Result>>, options: Options<Op, Result> = {}): string => {
  const bars = barsOf(calls, options.maxEvents ?? 24)
  const left = calls.length - bars.length
  const width = String(calls.length).length
  const names = Math.max(0, ...bars.map(({ call }) => call.process.length))
  return [
    ...(left > 0 ? [`${left} earlier ${left === 1 ? "call is" : "calls are"} not shown`] : []),
    ...rowsOf(bars).map((row) => `${row[0]!.call.process.padEnd(names)}  ${drawRow(row, width + 2)}`.trimEnd()),
    "",
    ...bars.map(
      ({ call, number }) =>
        `${String(number).padStart(width)}  ${call.process.padEnd(names)}  ${showCall(call, options)}`
    )
  ].join("\n")
}

/**
 * Gives the words for a call: its operation and what came of it.
 *
 * @category rendering
 * @since 0.1.0
 */
export const showCall = <Op, Result>(
  { op, outcome }: Call<Op, Result>,
  { showOp = Formatter.format, showResult = Formatter.format }: Options<Op, Result> = {}
): string => {
  switch (outcome._tag) {
    case "Answered":
      return `${showOp(op)} -> ${showResult(outcome.result)}`
    case "Unanswered":
      return `${showOp(op)} -> ? (${outcome.reason})`
    case "Refused":
      return `${showOp(op)} refused (${outcome.reason})`
  }
}

const isOpen = (call: Call<unknown, unknown>): boolean => call.outcome._tag === "Unanswered"

const barsOf = <Op, Result>(
  calls: ReadonlyArray<Call<Op, Result>>,
  maxEvents: number
): ReadonlyArray<Bar<Op, Result>> => {
  const events = calls
    .flatMap(({ invoked, returned }) => [invoked, returned])
    .filter((at) => Number.isFinite(at))
    .toSorted((a, b) => a - b)
    .slice(-maxEvents)
  const columns = new Map(events.map((at, column) => [at, column]))
  return calls.flatMap((call, index) => {
    const from = columns.get(call.invoked) ?? -1
    const to = columns.get(call.returned) ?? (Number.isFinite(call.returned) ? -1 : events.length)
    const bar = { call, number: index + 1, from, to }
    return to < 0 ? [] : [bar]
  })
}

/** A row for each process, in the order of their first calls, and further rows for calls that it made meanwhile. */
const rowsOf = <Op, Result>(bars: ReadonlyArray<Bar<Op, Result>>): ReadonlyArray<ReadonlyArray<Bar<Op, Result>>> => {
  const rows = new Map<string, Array<Array<Bar<Op, Result>>>>()
  for (const bar of bars) {
    const own = rows.get(bar.call.process) ?? []
    rows.set(bar.call.process, own)
    const free = own.find((row) => row.at(-1)!.to < bar.from)
    if (free === undefined) own.push([bar])
    else free.push(bar)
  }
  return [...rows.values()].flat()
}

const drawRow = (row: ReadonlyArray<Bar<unknown, unknown>>, cell: number): string =>
  row.reduce((line, { call, from, number, to }) => {
    const begin = Math.max(from, 0) * cell
    const head = `${from < 0 ? "-" : "["}${number}`
    return line.padEnd(begin) + head.padEnd(to * cell - begin, "-") + (isOpen(call) ? ">" : "]")
  }, "")
