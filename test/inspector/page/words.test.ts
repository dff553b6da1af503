/** How things are written: numbers, times, events, and what an action will do. */
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import { actionsFor, consequences } from "../../../src/inspector/page/control.ts"
import { levelOf, textOf, topics } from "../../../src/inspector/page/eventText.ts"
import {
  formatAge,
  formatClock,
  formatClockMillis,
  formatCounted,
  formatLeft,
  formatMillis,
  formatRate,
  formatReasons,
  formatSeconds
} from "../../../src/inspector/page/format.ts"
import { piecesOf } from "../../../src/inspector/page/search.ts"
import { countTones, explain, statusWord } from "../../../src/inspector/page/status.ts"
import { topicOf } from "../../../src/inspector/InspectorState.ts"
import { letterTopic } from "../../../src/inspector/internal/memory.ts"
import { RykerEvent } from "../../../src/RykerEvent.ts"
import { actor } from "./fixtures.ts"

describe("numbers", () => {
  it("have as many digits as they need", () => {
    assert.deepStrictEqual([0, 0.01, 0.5, 12.34, 99.96, 1_234.5, 250_000].map(formatRate), [
      "0",
      "<0.1",
      "0.5",
      "12.3",
      "100",
      "1,235",
      "250k"
    ])
    assert.deepStrictEqual([0.01, 1, 9.96, 999.6, 12_340, 59_960, 3_599_600, 90_000_000].map(formatMillis), [
      "<0.1 ms",
      "1.0 ms",
      "10 ms",
      "1.00 s",
      "12.3 s",
      "1 m 00 s",
      "1 h 00 m",
      "1 d 1 h"
    ])
    assert.deepStrictEqual([undefined, 0.25].map(formatSeconds), ["–", "250 ms"])
    assert.deepStrictEqual([400, 4_140, 59_600].map(formatAge), ["0 s", "4 s", "1 m 00 s"])
    assert.deepStrictEqual([-5, 1_240, 61_000].map(formatLeft), ["0.0 s", "1.2 s", "1 m 01 s"])
  })

  it("agree with their nouns", () => {
    assert.deepStrictEqual(
      [0, 1, 2_000].map((count) => formatCounted(count, "actor")),
      ["0 actors", "1 actor", "2,000 actors"]
    )
  })

  it("are listed by reason, the largest first, without those of nothing", () => {
    assert.strictEqual(formatReasons({ deadline: 2, poison: 0, capacity: 30 }), "capacity 30, deadline 2")
  })

  it("of a clock are those of the reader's time", () => {
    const time = new Date(2026, 1, 3, 4, 5, 6, 7).getTime()
    assert.deepStrictEqual([formatClock(time), formatClockMillis(time)], ["04:05:06", "04:05:06.007"])
  })
})

describe("what was searched for", () => {
  it("is marked wherever it is", () => {
    assert.deepStrictEqual(piecesOf("Shop/Payment", "PAY sh"), ["", "Sh", "op/", "Pay", "ment"])
    assert.deepStrictEqual(piecesOf("aaa", "a aa"), ["", "aa", "", "a", ""])
    assert.deepStrictEqual(piecesOf("Shop", ""), ["Shop"])
    assert.deepStrictEqual(piecesOf("Shop", "x"), ["Shop"])
  })

  it("leaves a text whole whose letters change their length with their case", () => {
    assert.deepStrictEqual(piecesOf("İstanbul", "stan"), ["İstanbul"])
  })
})

describe("statuses", () => {
  it("are counted, those to be seen first in front", () => {
    const failed = actor("d", { status: "stopped", reason: "RapidFail" })
    const counts = countTones([actor("a"), actor("b", { status: "stuck" }), actor("c"), failed])
    assert.deepStrictEqual(
      [counts[0], counts[1], counts.at(-1)],
      [
        ["failed", 1],
        ["stuck", 1],
        ["running", 2]
      ]
    )
  })

  it("come with their reason", () => {
    const gone = actor("a", { status: "stopped", reason: "RapidFail" })
    assert.strictEqual(statusWord(gone), "stopped: RapidFail")
    assert.match(explain(gone), /^has stopped: it crashed more often/)
    assert.strictEqual(explain(actor("a")), "up, with nothing in hand")
  })
})

describe("events", () => {
  it("are all asked for", () => {
    const all = RykerEvent.members.map(({ fields }) => topicOf(fields._tag.schema.literal))
    assert.sameMembers([...topics], [...all, letterTopic])
  })

  it.prop("are told in one line, whatever they are", [Arbitrary.schema(RykerEvent)], ([event]) => {
    assert.isNotEmpty(textOf(event))
    assert.include(["error", "warn", "info", "debug"], levelOf(event))
  })

  it("say what happened", () => {
    const common = { actor: "Account", time: 0 }
    const crash = { ...common, _tag: "ActorCrashed", incarnation: 2, defect: "TypeError", at: "f (a.ts:1)" } as const
    assert.strictEqual(textOf(crash), "incarnation 2: TypeError at f (a.ts:1)")
    assert.strictEqual(textOf({ ...crash, at: "at f (a.ts:1)" }), textOf(crash))
    assert.strictEqual(textOf({ ...crash, correlation: "c" }), "incarnation 2: TypeError at f (a.ts:1), for c")
    const stop = { ...common, _tag: "ActorStopped", kind: "actor", incarnation: 1 } as const
    assert.strictEqual(textOf({ ...stop, reason: "Normal", dropped: 0 }), "Normal")
    assert.strictEqual(textOf({ ...stop, reason: "Draining", dropped: 2 }), "Draining, 2 messages dropped")
    assert.deepStrictEqual(
      [
        levelOf({ ...stop, reason: "Normal", dropped: 0 }),
        levelOf({ ...stop, reason: "Draining", dropped: 2 }),
        levelOf({ ...stop, reason: "RapidFail", dropped: 0 })
      ],
      ["debug", "warn", "error"]
    )
    const change = { key: "defaults.deadline", class: "hot", from: "1s", to: "2s" } as const
    const applied = { ...common, _tag: "ConfigApplied", source: "SIGHUP", version: 3 } as const
    assert.strictEqual(textOf({ ...applied, diff: [change] }), "version 3 from SIGHUP: defaults.deadline 1s → 2s")
    assert.strictEqual(textOf({ ...applied, diff: [] }), "version 3 from SIGHUP: no difference")
  })
})

describe("an action", () => {
  const busy = actor("Account", { status: "busy", depth: 3, inHand: { request: "Deposit", millis: 20 } })
  const subject = { actor: busy, parent: undefined, below: 0 }

  it("is offered where it can do something", () => {
    assert.deepStrictEqual(actionsFor(busy), ["suspend", "restart", "stop"])
    assert.deepStrictEqual(actionsFor(actor("a", { status: "suspended" })), ["resume", "restart", "stop"])
    assert.deepStrictEqual(actionsFor(actor("a", { status: "stopping" })), [])
    assert.deepStrictEqual(actionsFor(actor("a", { status: "stopped" })), [])
    assert.deepStrictEqual(actionsFor(actor("a", { status: "stopped", parent: "s" })), ["restart"])
    assert.deepStrictEqual(actionsFor(actor("a", { kind: "supervisor" })), ["restart", "stop"])
    assert.deepStrictEqual(actionsFor(actor("a", { kind: "family" })), [])
    assert.deepStrictEqual(actionsFor(actor("a", { kind: "pool" })), ["suspend", "resume", "restart", "stop"])
  })

  it("says before what will happen to the message in hand, the queue and the state", () => {
    const suspend = consequences("suspend", subject).join(" ")
    assert.match(suspend, /ends the message in hand \(Deposit, for 20 ms now\)/)
    assert.match(suspend, /3 of 10 places are taken/)
    const restart = consequences("restart", subject).join(" ")
    assert.match(restart, /holds in memory is lost/)
    assert.match(restart, /What is queued stays: 3 messages/)
    assert.match(consequences("stop", subject).join(" "), /handles what it has \(3 messages\)/)
    assert.match(consequences("resume", subject).join(" "), /goes on with what is queued: 3 messages/)
  })

  it("says who is affected with it", () => {
    const parent = actor("Shop", { kind: "supervisor", strategy: "rest-for-one" })
    assert.match(consequences("restart", { ...subject, parent }).join(" "), /Shop is rest-for-one/)
    assert.match(consequences("stop", { ...subject, actor: parent, below: 7 }).join(" "), /It and all 7 below/)
    assert.match(consequences("restart", { ...subject, actor: parent, below: 7 }).join(" "), /It and all 7 below/)
  })
})
