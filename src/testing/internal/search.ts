/**
 * The search for a linearization: depth first over the places that an order of calls can lead to, each looked at once.
 * The sources are named in `Linearizable.ts`.
 */
import * as Equal from "effect/Equal"
import * as MutableHashSet from "effect/MutableHashSet"
import type { Call } from "../History.ts"
import type { Model, Step, Stuck } from "../Linearizable.ts"

export type Calls<Op, Result> = ReadonlyArray<Call<Op, Result>>

export const isAnswered = (call: Call<unknown, unknown>): boolean => call.outcome._tag === "Answered"

/** There is no linearization. */
export interface None<Op, Result> {
  readonly _tag: "None"
  readonly order: Calls<Op, Result>
  readonly stuck: ReadonlyArray<Stuck<Op, Result>>
  readonly states: number
}

export type Searched<Op, Result> =
  | { readonly _tag: "Found"; readonly order: Calls<Op, Result>; readonly states: number }
  | { readonly _tag: "Limit"; readonly placed: number }
  | None<Op, Result>

/** A place in the search: which calls come first, and the state that they lead to. */
interface Place<State, Op, Result> {
  /** Answered calls up to here, in the order of their invocations, are placed. */
  readonly base: number
  /** The further answered calls that are placed, as numbers that ascend. */
  readonly ahead: ReadonlyArray<number>
  /** The unanswered calls that are placed, as numbers that ascend. */
  readonly open: ReadonlyArray<number>
  readonly state: State
  /** The call that was placed last, and the place before; together they are the order. */
  readonly last: Call<Op, Result> | undefined
  readonly before: Place<State, Op, Result> | undefined
}

/** Looks for a linearization of calls that are in the order of their invocations, none of them refused. */
export const search = <State, Op, Result>(
  model: Model<State, Op, Result>,
  calls: Calls<Op, Result>,
  maxStates: number
): Searched<Op, Result> => {
  const answered = calls.filter(isAnswered)
  const unanswered = calls.filter((call) => !isAnswered(call))
  // Two unanswered calls of the same operation are as good as each other: the one that began first is placed first.
  const twins = unanswered.map(({ op }, index) =>
    unanswered.findLastIndex((it, other) => other < index && Equal.equals(it.op, op))
  )
  const seen = new Seen(model.key)
  const start: Place<State, Op, Result> = {
    base: 0,
    ahead: [],
    open: [],
    state: model.initial,
    last: undefined,
    before: undefined
  }
  const stack = [start]
  seen.add(start)
  let best = start
  let stuck: ReadonlyArray<Stuck<Op, Result>> = []
  for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
    if (place.base === answered.length) return { _tag: "Found", order: orderOf(place), states: seen.size }
    const { first, numbers } = candidates(answered, place)
    const tried = numbers.map((number) => {
      const call = answered[number]!
      const steps = stepsOf(model, place.state, call.op)
      const fitting = steps.filter(({ result }) => allows(model, result, call))
      return { number, call, steps, fitting }
    })
    // A read that fits now can go first in every order of the rest: nothing else need be tried.
    const read = tried.find(({ call, fitting }) => fitting.length > 0 && model.isRead?.(call.op) === true)
    const next = (read === undefined ? tried : [read]).flatMap(({ call, fitting, number }) =>
      fitting.map(({ state }) => ({ ...withAnswered(place, number), state, last: call, before: place }))
    )
    for (const [number, call] of unanswered.entries()) {
      if (read !== undefined || call.invoked > first) break
      const twin = twins[number]!
      if (place.open.includes(number) || (twin >= 0 && !place.open.includes(twin))) continue
      const open = insert(place.open, number)
      for (const { state } of stepsOf(model, place.state, call.op)) {
        // Without an effect, it needn't be placed at all.
        if (!Equal.equals(state, place.state)) next.push({ ...place, open, state, last: call, before: place })
      }
    }
    if (countOf(place) > countOf(best) || place === start) {
      best = place
      stuck = tried.map(({ call, steps }) => ({ call, expected: distinct(steps.map(({ result }) => result)) }))
    } else if (isSameSet(place, best)) {
      // The same calls are left, in another state.
      stuck = stuck.map(({ call, expected }, index) => ({
        call,
        expected: distinct([...expected, ...tried[index]!.steps.map(({ result }) => result)])
      }))
    }
    // Last in, first out: what is likely comes last.
    for (const place of next.toReversed()) {
      if (!seen.add(place)) continue
      if (seen.size > maxStates) return { _tag: "Limit", placed: countOf(best) }
      stack.push(place)
    }
  }
  return { _tag: "None", order: orderOf(best), stuck, states: seen.size }
}

/** The answered calls that may come next, the likeliest first, and when the first of those that are left returns. */
const candidates = <State, Op, Result>(
  answered: Calls<Op, Result>,
  { ahead, base }: Place<State, Op, Result>
): { readonly first: number; readonly numbers: ReadonlyArray<number> } => {
  const numbers: Array<number> = []
  let first = Infinity
  let placed = 0
  for (let number = base; number < answered.length; number++) {
    const { invoked, returned } = answered[number]!
    // Whatever began after another had returned comes after it; so does what began later still.
    if (invoked > first) break
    if (ahead[placed] === number) placed++
    else {
      numbers.push(number)
      first = Math.min(first, returned)
    }
  }
  return { first, numbers: numbers.toSorted((one, other) => answered[one]!.returned - answered[other]!.returned) }
}

const withAnswered = <State, Op, Result>(place: Place<State, Op, Result>, number: number): Place<State, Op, Result> => {
  if (number !== place.base) return { ...place, ahead: insert(place.ahead, number) }
  let skipped = 0
  while (place.ahead[skipped] === number + 1 + skipped) skipped++
  return { ...place, base: number + 1 + skipped, ahead: place.ahead.slice(skipped) }
}

const insert = (numbers: ReadonlyArray<number>, number: number): ReadonlyArray<number> => {
  const index = numbers.findIndex((other) => other > number)
  return numbers.toSpliced(index < 0 ? numbers.length : index, 0, number)
}

const countOf = <State, Op, Result>(place: Place<State, Op, Result>): number => place.base + place.ahead.length

const isSameSet = <State, Op, Result>(one: Place<State, Op, Result>, other: Place<State, Op, Result>): boolean =>
  one.base === other.base && Equal.equals(one.ahead, other.ahead)

const orderOf = <State, Op, Result>(place: Place<State, Op, Result>): Calls<Op, Result> => {
  const order: Array<Call<Op, Result>> = []
  for (let at: Place<State, Op, Result> | undefined = place; at?.last !== undefined; at = at.before) order.push(at.last)
  return order.toReversed()
}

const stepsOf = <State, Op, Result>(
  model: Model<State, Op, Result>,
  state: State,
  op: Op
): ReadonlyArray<Step<State, Result>> => {
  const steps = model.step(state, op)
  // A step is an object with a state, never an array.
  return Array.isArray(steps) ? steps : [steps as Step<State, Result>]
}

const allows = <State, Op, Result>(
  model: Model<State, Op, Result>,
  expected: Result,
  { outcome }: Call<Op, Result>
): boolean => outcome._tag === "Answered" && (model.allows ?? Equal.equals)(expected, outcome.result)

const distinct = <A>(values: ReadonlyArray<A>): ReadonlyArray<A> =>
  values.filter((value, index) => values.findIndex((other) => Equal.equals(other, value)) === index)

/** The places that the search has been to. */
class Seen<State> {
  private readonly states = new Map<string, MutableHashSet.MutableHashSet<unknown>>()
  private readonly key: ((state: State) => string | number) | undefined
  size = 0

  constructor(key: ((state: State) => string | number) | undefined) {
    this.key = key
  }

  /** False when it was here before. */
  add({ ahead, base, open, state }: Place<State, unknown, unknown>): boolean {
    const set = `${base} ${ahead.join()} ${open.join()}`
    const states = this.states.get(set) ?? MutableHashSet.empty<unknown>()
    this.states.set(set, states)
    const key = this.key === undefined ? state : this.key(state)
    if (MutableHashSet.has(states, key)) return false
    MutableHashSet.add(states, key)
    this.size++
    return true
  }
}
