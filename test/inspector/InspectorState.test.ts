import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import type { DeadLetter } from "../../src/index.ts"
import { RykerEvent } from "../../src/index.ts"
import { InspectorState } from "../../src/inspector/index.ts"

describe("topicOf", () => {
  it("is the tag in dotted snake case", () => {
    assert.strictEqual(InspectorState.topicOf("ActorCrashed"), "actor.crashed")
    assert.strictEqual(InspectorState.topicOf("ActorStartFailed"), "actor.start_failed")
    assert.strictEqual(InspectorState.topicOf("ScopeSlowToClose"), "scope.slow_to_close")
    assert.strictEqual(InspectorState.topicOf("ConfigApplied"), "config.applied")
  })

  it("differs from event to event, and none is that of dead letters", () => {
    const topics = RykerEvent.RykerEvent.members.map(({ fields }) => InspectorState.topicOf(fields._tag.schema.literal))
    assert.strictEqual(new Set([...topics, "dead_letter", "missed"]).size, topics.length + 2)
    for (const topic of topics) assert.match(topic, /^[a-z]+\.[a-z]+(_[a-z]+)*$/)
  })
})

describe("DeadLetter", () => {
  it("is what Ryker.deadLetters gives", () => {
    const letter: DeadLetter.DeadLetter = { actor: "A", request: "R", reason: "poison", kind: "tell", age: 3 }
    const same: typeof InspectorState.DeadLetter.Type = letter
    const back: DeadLetter.DeadLetter = Schema.decodeUnknownSync(InspectorState.DeadLetter)(same)
    assert.deepStrictEqual(back, letter)
  })
})
