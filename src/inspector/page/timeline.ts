/** Events and dead letters, from the answers of `/state` and the stream of `/events` together: each once, in order. */
import type { RecordedEvent, RecordedLetter, State } from "../InspectorState.ts"

/** How many of each are kept. */
const most = { events: 2_000, letters: 1_000 }

/** A host may give a state that it has made shortly before. */
const freshness = 5_000

/** A value: what comes is added to a new one. The oldest first. */
export interface Timeline {
  readonly events: ReadonlyArray<RecordedEvent>
  readonly letters: ReadonlyArray<RecordedLetter>
}

export const emptyTimeline: Timeline = { events: [], letters: [] }

const timeOf = (record: RecordedEvent | RecordedLetter): number => ("event" in record ? record.event.time : record.time)

const merge = <A extends { readonly id: number }>(
  old: ReadonlyArray<A>,
  more: ReadonlyArray<A>,
  limit: number
): ReadonlyArray<A> => {
  const known = new Set(old.map(({ id }) => id))
  const fresh = more.filter(({ id }) => !known.has(id))
  return fresh.length === 0 ? old : [...old, ...fresh].toSorted((a, b) => a.id - b.id).slice(-limit)
}

const mergeAll = (timeline: Timeline, { events, letters }: Timeline): Timeline => ({
  events: merge(timeline.events, events, most.events),
  letters: merge(timeline.letters, letters, most.letters)
})

/** With what the stream has brought. */
export const withStreamed = (timeline: Timeline, records: ReadonlyArray<RecordedEvent | RecordedLetter>): Timeline =>
  mergeAll(timeline, {
    events: records.filter((it) => "event" in it),
    letters: records.filter((it) => "letter" in it)
  })

/** With what a state has; only with that if it is one of another runtime, which counts from 1 again. */
export const withState = (
  timeline: Timeline,
  { deadLetters, events, now }: Pick<State, "deadLetters" | "events" | "now">
): Timeline => {
  const told = { events, letters: deadLetters }
  return mergeAll(isOfAnother(timeline, told, now) ? emptyTimeline : timeline, told)
}

/** It has something else under a number that is known, or it is of later and has not come so far. */
const isOfAnother = (known: Timeline, told: Timeline, now: number): boolean => {
  const old = [...known.events, ...known.letters]
  const times = new Map(old.map((record) => [record.id, timeOf(record)]))
  const fresh = [...told.events, ...told.letters]
  if (fresh.some((record) => times.has(record.id) && times.get(record.id) !== timeOf(record))) return true
  const last = old.toSorted((a, b) => a.id - b.id).at(-1)
  return last !== undefined && now > timeOf(last) + freshness && fresh.every(({ id }) => id < last.id)
}
