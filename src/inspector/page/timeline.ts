/**
 * Events and dead letters, from the answers of `/state` and the stream of `/events` together: each once, in order.
 *
 * A host that is started anew goes on with larger ids, so that what its predecessor told stays in front of it.
 */
import type { RecordedEvent, RecordedLetter, State } from "../InspectorState.ts"

/** How many of each are kept. */
const most = { events: 2_000, letters: 1_000 }

/** A value: what comes is added to a new one. The oldest first. */
export interface Timeline {
  readonly events: ReadonlyArray<RecordedEvent>
  readonly letters: ReadonlyArray<RecordedLetter>
}

export const emptyTimeline: Timeline = { events: [], letters: [] }

const merge = <A extends { readonly id: number }>(
  old: ReadonlyArray<A>,
  more: ReadonlyArray<A>,
  limit: number
): ReadonlyArray<A> => {
  const known = new Set(old.map(({ id }) => id))
  const fresh = more.filter(({ id }) => !known.has(id))
  return fresh.length === 0 ? old : [...old, ...fresh].toSorted((a, b) => a.id - b.id).slice(-limit)
}

/** With what a state has. */
export const withState = ({ events, letters }: Timeline, state: Pick<State, "deadLetters" | "events">): Timeline => ({
  events: merge(events, state.events, most.events),
  letters: merge(letters, state.deadLetters, most.letters)
})

/** With what the stream has brought. */
export const withStreamed = (timeline: Timeline, records: ReadonlyArray<RecordedEvent | RecordedLetter>): Timeline =>
  withState(timeline, {
    events: records.filter((it) => "event" in it),
    deadLetters: records.filter((it) => "letter" in it)
  })
