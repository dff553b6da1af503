import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import type { Message } from "../../src/cli/host.ts"
import { paintWith } from "../../src/cli/render.ts"
import { isAbout, jsonLine, missedOf, textLine, topics } from "../../src/cli/tailView.ts"
import * as InspectorState from "../../src/inspector/InspectorState.ts"
import type { RykerEvent } from "../../src/RykerEvent.ts"

const plain = paintWith(false)
const time = Date.UTC(2026, 10, 28, 9, 30, 1, 5)

const encode = Schema.encodeSync(InspectorState.RecordedEvent)

const message = (event: RykerEvent): Message => {
  const topic = InspectorState.topicOf(event._tag)
  return { topic, id: 7, data: encode({ id: 7, topic, event }) }
}

const letter = (data: InspectorState.RecordedLetter["letter"]): Message => ({
  topic: "dead_letter",
  id: 8,
  data: { id: 8, time, letter: data }
})

const defect = { defect: "TypeError", at: "at reserve (stock.ts:12:3)" }
const common = { actor: "Payment", time }

const all: ReadonlyArray<Message> = (
  [
    { _tag: "ActorStarted", ...common, kind: "actor", incarnation: 1 },
    { _tag: "ActorCrashed", ...common, incarnation: 1, ...defect, correlation: "abc" },
    { _tag: "ActorStartFailed", ...common, incarnation: 2, ...defect },
    { _tag: "ActorRestarting", ...common, incarnation: 2, delay: 120.4 },
    { _tag: "ActorStopped", ...common, kind: "actor", incarnation: 2, reason: "RapidFail", dropped: 1 },
    { _tag: "ActorSuspended", ...common },
    { _tag: "ActorResumed", ...common },
    { _tag: "GroupRestarting", actor: "shop", time, child: "Payment", group: ["Payment", "Mailer"] },
    { _tag: "SupervisorFailed", actor: "shop", time, child: "Payment", incarnation: 1 },
    { _tag: "ChildIsolated", actor: "shop", time, child: "Payment" },
    { _tag: "SupervisorFinished", actor: "shop", time, child: "Payment" },
    { _tag: "RootFailed", actor: "shop", time },
    { _tag: "ScopeSlowToClose", ...common, incarnation: 1, waited: 5000 },
    { _tag: "ScopeAbandoned", ...common, incarnation: 1 },
    { _tag: "FinalizerFailed", ...common, incarnation: 1, ...defect },
    {
      _tag: "ConfigApplied",
      actor: "ryker",
      time,
      source: "SIGHUP",
      version: 2,
      diff: [{ key: "defaults.deadline", class: "hot", from: "1s", to: "250ms" }]
    },
    { _tag: "ConfigApplied", actor: "ryker", time, source: "start", version: 1, diff: [] },
    { _tag: "ConfigRefused", actor: "ryker", time, source: "SIGHUP", version: 2, problems: 3 },
    { _tag: "DrainStarted", actor: "ryker", time, limit: 30_000 },
    { _tag: "DrainStarted", actor: "ryker", time },
    {
      _tag: "DrainFinished",
      actor: "ryker",
      time,
      outcome: "complete",
      elapsed: 81,
      handled: 40,
      failed: 1,
      dropped: 2,
      abandoned: 0
    }
  ] as const
).map(message)

const letters = [
  letter({ actor: "Inventory/acc-7", request: "Reserve", reason: "deadline", kind: "tell", age: 31 }),
  letter({ actor: "Payment", request: "Charge", reason: "poison", kind: "ask", age: 0.25, correlation: "abc" })
]

describe("ryker tail", () => {
  it("has time, topic, actor and details in columns", () => {
    assert.strictEqual(
      [...all, ...letters].map((each) => textLine(each, plain)).join("\n"),
      `2026-11-28T09:30:01.005Z  actor.started        Payment               actor, incarnation 1
2026-11-28T09:30:01.005Z  actor.crashed        Payment               incarnation 1, TypeError at reserve (stock.ts:12:3), correlation abc
2026-11-28T09:30:01.005Z  actor.start_failed   Payment               incarnation 2, TypeError at reserve (stock.ts:12:3)
2026-11-28T09:30:01.005Z  actor.restarting     Payment               incarnation 2 in 120ms
2026-11-28T09:30:01.005Z  actor.stopped        Payment               actor, incarnation 2, RapidFail, 1 message dropped
2026-11-28T09:30:01.005Z  actor.suspended      Payment
2026-11-28T09:30:01.005Z  actor.resumed        Payment
2026-11-28T09:30:01.005Z  group.restarting     shop                  Payment failed, with it restart Payment, Mailer
2026-11-28T09:30:01.005Z  supervisor.failed    shop                  Payment has given up, incarnation 1
2026-11-28T09:30:01.005Z  child.isolated       shop                  Payment has given up, and is left out
2026-11-28T09:30:01.005Z  supervisor.finished  shop                  Payment has ended
2026-11-28T09:30:01.005Z  root.failed          shop
2026-11-28T09:30:01.005Z  scope.slow_to_close  Payment               incarnation 1, for 5.0s
2026-11-28T09:30:01.005Z  scope.abandoned      Payment               incarnation 1
2026-11-28T09:30:01.005Z  finalizer.failed     Payment               incarnation 1, TypeError at reserve (stock.ts:12:3)
2026-11-28T09:30:01.005Z  config.applied       ryker                 version 2 from SIGHUP: defaults.deadline 1s -> 250ms (hot)
2026-11-28T09:30:01.005Z  config.applied       ryker                 version 1 from start: nothing differs
2026-11-28T09:30:01.005Z  config.refused       ryker                 3 problems in SIGHUP, version 2 still holds
2026-11-28T09:30:01.005Z  drain.started        ryker                 limit 30.0s
2026-11-28T09:30:01.005Z  drain.started        ryker                 no limit
2026-11-28T09:30:01.005Z  drain.finished       ryker                 complete after 81ms, handled 40, failed 1, dropped 2, abandoned 0
2026-11-28T09:30:01.005Z  dead_letter          Inventory/acc-7       Reserve, tell, deadline, 31ms old
2026-11-28T09:30:01.005Z  dead_letter          Payment               Charge, ask, poison, 250us old, correlation abc`
    )
  })

  it("knows the topic of each event that there is", () => {
    assert.deepStrictEqual([...new Set([...all, ...letters].map(({ topic }) => topic))], topics)
  })

  it("is as JSON what the host has sent, on one line", () => {
    for (const each of [...all, ...letters]) {
      const line = jsonLine(each)
      assert.notInclude(line, "\n")
      assert.deepStrictEqual(JSON.parse(line), each.data)
    }
  })

  it("never prints what a terminal would obey", () => {
    const evil = "x\u001B]0;owned\u0007\u009B31m\u202E\n"
    for (const each of [
      message({ _tag: "ActorStarted", actor: evil, time, kind: "actor", incarnation: 1 }),
      message({ _tag: "GroupRestarting", actor: evil, time, child: evil, group: [evil] }),
      letter({ actor: evil, request: evil, reason: "deadline", kind: "tell", age: 1, correlation: evil }),
      { topic: evil, id: 1, data: { [evil]: evil } }
    ]) {
      assert.notMatch(textLine(each, plain), /[\p{Cc}\p{Cf}]/u)
      const line = jsonLine(each)
      assert.notMatch(line, /[\p{Cc}\p{Cf}]/u)
      assert.deepStrictEqual(JSON.parse(line), each.data)
    }
  })

  it("prints events of a later version as they are", () => {
    const event = { _tag: "ActorMoved", actor: "Payment", time, to: "other" }
    assert.strictEqual(
      textLine({ topic: "actor.moved", id: 1, data: { id: 1, topic: "actor.moved", event } }, plain),
      `2026-11-28T09:30:01.005Z  actor.moved          Payment               {"to":"other"}`
    )
    assert.strictEqual(
      textLine({ topic: "note", id: undefined, data: [1] }, plain),
      `${"-".padEnd(24)}  note                                       [1]`
    )
  })

  it("knows what was missed, and which topics a pattern is about", () => {
    assert.strictEqual(missedOf({ topic: "missed", id: undefined, data: { missed: 12 } }), 12)
    assert.strictEqual(missedOf(letters[0]!), undefined)
    assert.isTrue(isAbout("config.*", "config.applied"))
    assert.isTrue(isAbout("config.applied", "config.applied"))
    assert.isFalse(isAbout("config.*", "configuration.applied"))
    assert.isFalse(isAbout("config", "config.applied"))
  })
})
