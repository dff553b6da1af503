import { assert, describe, it } from "@effect/vitest"
import type { RecordedEvent, RecordedLetter } from "../../../src/inspector/InspectorState.ts"
import { emptyTimeline, type Timeline, withState, withStreamed } from "../../../src/inspector/page/timeline.ts"
import { letter, suspended } from "./fixtures.ts"

const ids = ({ events, letters }: Timeline) => [events.map(({ id }) => id), letters.map(({ id }) => id)]

const state = (events: ReadonlyArray<RecordedEvent>, deadLetters: ReadonlyArray<RecordedLetter> = []) => ({
  events,
  deadLetters
})

describe("the timeline", () => {
  it("has what the state and the stream tell, each once and in order", () => {
    const first = withState(emptyTimeline, state([suspended(1, 1), suspended(3, 3)], [letter(2, 2)]))
    const second = withStreamed(first, [suspended(5, 5), letter(4, 4), suspended(3, 3)])
    assert.deepStrictEqual(ids(second), [
      [1, 3, 5],
      [2, 4]
    ])
    assert.deepStrictEqual(ids(withState(second, state([suspended(3, 3), suspended(4, 4), suspended(6, 6)]))), [
      [1, 3, 4, 5, 6],
      [2, 4]
    ])
  })

  it("keeps what the state does not have: what came since it was made, and what the host has forgotten", () => {
    const streamed = withStreamed(emptyTimeline, [suspended(1, 1), suspended(2, 2), suspended(3, 3)])
    assert.deepStrictEqual(ids(withState(streamed, state([suspended(2, 2)])))[0], [1, 2, 3])
  })

  it("is the same value when nothing is new", () => {
    const first = withState(emptyTimeline, state([suspended(1, 1)], [letter(2, 2)]))
    const again = withState(first, state([suspended(1, 1)], [letter(2, 2)]))
    assert.strictEqual(again.events, first.events)
    assert.strictEqual(again.letters, first.letters)
  })

  it("is bounded, and drops the oldest", () => {
    const many = Array.from({ length: 5_000 }, (_, id) => suspended(id + 1, id))
    const { events } = withStreamed(emptyTimeline, many)
    assert.deepStrictEqual([events.length, events[0]?.id, events.at(-1)?.id], [2_000, 3_001, 5_000])
  })
})
