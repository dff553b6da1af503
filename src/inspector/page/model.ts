/** All that the page knows of its host, as a value: what it hears makes a new one. */
import type { RecordedEvent, RecordedLetter, State } from "../InspectorState.ts"
import { type History, remember } from "./history.ts"
import { emptyTimeline, type Timeline, withState, withStreamed } from "./timeline.ts"

export interface Model {
  /** Undefined until the first answer. */
  readonly state: State | undefined
  /** When that came, by the browser's clock. */
  readonly received: number
  readonly history: History
  readonly timeline: Timeline
}

export const emptyModel: Model = { state: undefined, received: 0, history: [], timeline: emptyTimeline }

/** After an answer of `/state`. */
export const hearState = ({ history, timeline }: Model, state: State, received: number): Model => ({
  state,
  received,
  history: remember(history, state),
  timeline: withState(timeline, state)
})

/** After messages of `/events`. */
export const hearStream = (model: Model, records: ReadonlyArray<RecordedEvent | RecordedLetter>): Model => ({
  ...model,
  timeline: withStreamed(model.timeline, records)
})
