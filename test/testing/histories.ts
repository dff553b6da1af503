/** Histories written down, made up, or made by a simulation; models of well-known objects; and the slow, obvious check. */
import * as Equal from "effect/Equal"
import type { Call, Outcome } from "../../src/testing/History.ts"
import type { Model, Step } from "../../src/testing/Linearizable.ts"

// --- Models -------------------------------------------------------------------------------------------------------------

export type RegisterOp = { readonly _tag: "Write"; readonly value: number } | { readonly _tag: "Read" }
export const write = (value: number): RegisterOp => ({ _tag: "Write", value })
export const read: RegisterOp = { _tag: "Read" }

export const register: Model<number, RegisterOp, number | void> = {
  initial: 0,
  isRead: (op) => op._tag === "Read",
  step: (state, op) => (op._tag === "Read" ? { state, result: state } : { state: op.value, result: undefined })
}

export type QueueOp = { readonly _tag: "Enq"; readonly value: string } | { readonly _tag: "Deq" }
export const enq = (value: string): QueueOp => ({ _tag: "Enq", value })
export const deq: QueueOp = { _tag: "Deq" }

/** Taking from an empty queue is not possible: a real one waits. */
export const queue: Model<ReadonlyArray<string>, QueueOp, string | void> = {
  initial: [],
  step: (state, op) => {
    if (op._tag === "Enq") return { state: [...state, op.value], result: undefined }
    const [first, ...rest] = state
    return first === undefined ? [] : { state: rest, result: first }
  }
}

export const counter: Model<number, "inc", number> = {
  initial: 0,
  step: (state) => ({ state: state + 1, result: state + 1 })
}

/** Gives any of its elements. */
export const bag: Model<ReadonlyArray<string>, QueueOp, string | void> = {
  initial: [],
  step: (state, op) =>
    op._tag === "Enq"
      ? { state: [...state, op.value].toSorted(), result: undefined }
      : state.map((value, index) => ({ state: state.toSpliced(index, 1), result: value }))
}

// --- Written down -------------------------------------------------------------------------------------------------------

export const invoke = <Op>(process: string, op: Op) => ({ process, op })
export const answer = <Result>(process: string, result: Result) => ({ process, result })
export const lose = (process: string) => ({ process, lost: true })
export const refuse = (process: string) => ({ process, refused: true })

type Event<Op, Result> =
  | ReturnType<typeof invoke<Op>>
  | ReturnType<typeof answer<Result>>
  | ReturnType<typeof lose>
  | ReturnType<typeof refuse>

const outcomeOf = <Op, Result>(event: Event<Op, Result>): Outcome<Result> => {
  if ("result" in event) return { _tag: "Answered", result: event.result }
  return "lost" in event ? { _tag: "Unanswered", reason: "Timeout" } : { _tag: "Refused", reason: "Busy" }
}

/** The calls of events that come in this order, one open call for each process. */
export const callsOf = <Op, Result>(events: ReadonlyArray<Event<Op, Result>>): ReadonlyArray<Call<Op, Result>> =>
  events.flatMap((event, index) => {
    if (!("op" in event)) return []
    const end = events.findIndex((it, other) => other > index && it.process === event.process)
    const { op, process } = event
    return end < 0
      ? [
          {
            process,
            op,
            invoked: index,
            returned: Infinity,
            outcome: { _tag: "Unanswered", reason: "running" } as const
          }
        ]
      : [{ process, op, invoked: index, returned: end, outcome: outcomeOf(events[end]!) }]
  })

// --- Simulated ----------------------------------------------------------------------------------------------------------

/** A small generator of numbers from 0 to 1, the same for the same seed (Mulberry32). */
export const randomOf = (seed: number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

export interface Simulation<Op> {
  readonly seed: number
  readonly processes: number
  readonly calls: number
  readonly op: (random: () => number, index: number) => Op
  /** The share of calls that are answered as soon as they have taken effect, as an actor does; 0 by default. */
  readonly prompt?: number
  /** The share of calls that are not answered; half of these take effect, some of them late. */
  readonly lost?: number
}

/** What processes would see of an object that does exactly what the model says, at a moment during each call. */
export const simulate = <State, Op, Result>(
  model: Model<State, Op, Result>,
  { calls: count, lost = 0, op: nextOp, processes, prompt = 0, seed }: Simulation<Op>
): ReadonlyArray<Call<Op, Result>> => {
  const random = randomOf(seed)
  const calls: Array<Call<Op, Result>> = []
  const open = new Map<string, { readonly index: number; result: { readonly value: Result } | undefined }>()
  const late: Array<Op> = []
  let state = model.initial
  let now = 0
  const apply = (op: Op): { readonly value: Result } | undefined => {
    const steps = [model.step(state, op)].flat() as ReadonlyArray<Step<State, Result>>
    if (steps.length === 0) return undefined
    const step = steps[Math.floor(random() * steps.length)]!
    state = step.state
    return { value: step.result }
  }
  // Calls that are not possible stay open, and may be all there is in the end.
  for (let turn = 0; (calls.length < count || open.size > 0) && turn < 100 * count; turn++) {
    if (late.length > 0 && random() < 0.1) apply(late.shift()!)
    const process = `p${Math.floor(random() * processes)}`
    const current = open.get(process)
    if (current === undefined) {
      if (calls.length >= count) continue
      open.set(process, { index: calls.length, result: undefined })
      const outcome = { _tag: "Unanswered", reason: "running" } as const
      calls.push({ process, op: nextOp(random, calls.length), invoked: ++now, returned: Infinity, outcome })
      continue
    }
    const call = calls[current.index]!
    const isLost = current.result === undefined && random() < lost
    if (isLost && random() < 0.5) late.push(call.op)
    const isNew = current.result === undefined && !isLost
    if (isNew) current.result = apply(call.op)
    const result = current.result
    if (isLost) {
      calls[current.index] = { ...call, returned: ++now, outcome: { _tag: "Unanswered", reason: "Timeout" } }
      open.delete(process)
    } else if (result !== undefined && (!isNew || random() < prompt)) {
      calls[current.index] = { ...call, returned: ++now, outcome: { _tag: "Answered", result: result.value } }
      open.delete(process)
    }
  }
  return calls
}

// --- The obvious check --------------------------------------------------------------------------------------------------

const permutations = <A>(items: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  items.length === 0
    ? [[]]
    : items.flatMap((item, index) => permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]))

const subsets = <A>(items: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  items.reduce<ReadonlyArray<ReadonlyArray<A>>>((all, item) => [...all, ...all.map((some) => [...some, item])], [[]])

/** Whether the model gives these answers in this order. */
export const explains = <State, Op, Result>(
  model: Model<State, Op, Result>,
  order: ReadonlyArray<Call<Op, Result>>
): boolean => {
  let states: ReadonlyArray<State> = [model.initial]
  for (const { op, outcome } of order) {
    states = states.flatMap((state) =>
      ([model.step(state, op)].flat() as ReadonlyArray<Step<State, Result>>)
        .filter(({ result }) => outcome._tag !== "Answered" || Equal.equals(result, outcome.result))
        .map((step) => step.state)
    )
  }
  return states.length > 0
}

/** Whether no call comes after one that began when it had been answered. */
export const keepsTime = (order: ReadonlyArray<Call<unknown, unknown>>): boolean =>
  order.every((call, index) =>
    order.slice(index + 1).every((later) => later.outcome._tag !== "Answered" || later.returned > call.invoked)
  )

/** Tries every order of the answered calls and any of the unanswered. */
export const isLinearizable = <State, Op, Result>(
  model: Model<State, Op, Result>,
  calls: ReadonlyArray<Call<Op, Result>>
): boolean => {
  const answered = calls.filter(({ outcome }) => outcome._tag === "Answered")
  const unanswered = calls.filter(({ outcome }) => outcome._tag === "Unanswered")
  return subsets(unanswered).some((some) =>
    permutations([...answered, ...some]).some((order) => keepsTime(order) && explains(model, order))
  )
}
