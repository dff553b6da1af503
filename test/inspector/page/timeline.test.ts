import { assert, describe, it } from "@effect/vitest"
import type { RecordedEvent, RecordedLetter } from "../../../src/inspector/InspectorState.ts"
import { emptyTimeline, type Timeline, withState, withStreamed } from "../../../src/inspector/page/timeline.ts"
import { letter, suspended } from "./fixtures.ts"

const ids = ({ events, letters }: Timeline) => [events.map(({ id }) => id), letters.map(({ id }) => id)]

const state = (now: number, events: ReadonlyArray<RecordedEvent>, deadLetters: ReadonlyArray<RecordedLetter> = []) => ({
  now,
  events,
  deadLetters
})

describe("the timeline", () => {
  it("has what the state and the stream tell, each once and in order", () => {
    const first = withState(emptyTimeline, state(10, [suspended(1, 1), suspended(3, 3)], [letter(2, 2)]))
    const second = withStreamed(first, [suspended(5, 5), letter(4, 4), suspended(3, 3)])
    assert.deepStrictEqual(ids(second), [
      [1, 3, 5],
      [2, 4]
    ])
    assert.deepStrictEqual(ids(withState(second, state(20, [suspended(3, 3), suspended(6, 6)]))), [
      [1, 3, 5, 6],
      [2, 4]
    ])
  })

  it("keeps what has been streamed since a state was made", () => {
    const streamed = withStreamed(emptyTimeline, [suspended(1, 1_000), suspended(2, 2_000)])
    assert.deepStrictEqual(ids(withState(streamed, state(1_500, [suspended(1, 1_000)])))[0], [1, 2])
  })

  it("is the same value when nothing is new", () => {
    const first = withState(emptyTimeline, state(10, [suspended(1, 1)], [letter(2, 2)]))
    const again = withState(first, state(20, [suspended(1, 1)], [letter(2, 2)]))
    assert.strictEqual(again.events, first.events)
    assert.strictEqual(again.letters, first.letters)
  })

  it("begins anew when a number means something else", () => {
    const old = withStreamed(emptyTimeline, [suspended(1, 1_000), letter(2, 1_001), suspended(3, 1_002)])
    assert.deepStrictEqual(ids(withState(old, state(1_500, [suspended(1, 1_400)]))), [[1], []])
    assert.deepStrictEqual(ids(withState(old, state(1_500, [suspended(2, 1_400)]))), [[2], []])
  })

  it("begins anew when a later state has not come so far", () => {
    const old = withStreamed(emptyTimeline, [suspended(700, 1_000), suspended(701, 1_001)])
    assert.deepStrictEqual(ids(withState(old, state(60_000, [suspended(1, 59_000)])))[0], [1])
    assert.deepStrictEqual(ids(withState(old, state(60_000, [])))[0], [])
  })

  it("is bounded", () => {
    const many = Array.from({ length: 5_000 }, (_, id) => suspended(id + 1, id))
    const { events } = withStreamed(emptyTimeline, many)
    assert.deepStrictEqual([events.length, events.at(-1)?.id], [2_000, 5_000])
  })
})
