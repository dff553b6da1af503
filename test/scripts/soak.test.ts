import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as checks from "../../scripts/soak/checks.ts"
import { Lines } from "../../scripts/soak/log.ts"
import type { Entry } from "../../src/Ledger.ts"

const mebibytes = (...values: ReadonlyArray<number>) => values.map((value) => value * 2 ** 20)

const dropped = { deadline: 0, interrupted: 0, shutdown: 1, rapid_fail: 0, closed: 0, capacity: 0, poison: 0 }
const refused = { busy: 0, tooLarge: 0, stopped: 0, timeout: 0, deadlock: 0, invalid: 0 }
const balanced: Entry = {
  actor: "Account",
  accepted: 10,
  handled: 7,
  failed: 2,
  dropped,
  queued: 0,
  inHand: 0,
  refused,
  crashes: 0,
  restarts: 0,
  yields: 0,
  zeroizedBytes: 0
}

describe("soak", () => {
  it("a heap that stays as it is after the warm-up passes", () => {
    assert.isTrue(checks.heap(mebibytes(10, 18, 20, 20.1, 20, 19.9, 20, 20.2)).passed)
  })

  it("a heap that grows with each life fails", () => {
    const { measured, passed } = checks.heap(mebibytes(20, 21, 22, 23, 24, 25, 26, 27))
    assert.isFalse(passed)
    assert.strictEqual(measured, "4.00 MiB (23.00 MiB to 27.00 MiB)")
  })

  it("a large heap may grow by a tenth, a small one by two mebibytes", () => {
    const growth = (from: number, to: number) => checks.heap(mebibytes(from, from, to, to)).passed
    assert.isTrue(checks.heap(mebibytes(0, 10, 10, 12)).passed)
    assert.isFalse(checks.heap(mebibytes(0, 10, 10, 12.1)).passed)
    assert.isTrue(growth(100, 110))
    assert.isFalse(growth(100, 110.1))
  })

  it("a heap that was not measured fails", () => {
    assert.isFalse(checks.heap([]).passed)
  })

  it("a timer that is left fails, one that was there before or has gone does not", () => {
    assert.isTrue(checks.resources(["TTYWrap", "Timeout"], ["TTYWrap"]).passed)
    const { measured, passed } = checks.resources(["TTYWrap"], ["Timeout", "TTYWrap", "Timeout"])
    assert.isFalse(passed)
    assert.strictEqual(measured, "2 Timeout")
  })

  it("a message that is lost, queued or in hand after a drain fails", () => {
    assert.isTrue(checks.ledger([[balanced], [balanced]]).passed)
    for (const change of [{ handled: 6 }, { handled: 6, queued: 1 }, { handled: 6, inHand: 1 }, { handled: 8 }]) {
      assert.isFalse(checks.ledger([[balanced], [{ ...balanced, ...change }]]).passed, JSON.stringify(change))
    }
  })

  it("a ledger without a message fails", () => {
    assert.isFalse(checks.ledger([]).passed)
  })

  it("an ask that did not settle fails, and so do no asks", () => {
    assert.isTrue(checks.settled(3, 3).passed)
    assert.isFalse(checks.settled(3, 2).passed)
    assert.isFalse(checks.settled(0, 0).passed)
  })

  it("a drain beyond its deadline fails, and so do no drains", () => {
    assert.isTrue(checks.drains([10, 549], 300).passed)
    assert.isFalse(checks.drains([10, 551], 300).passed)
    assert.isFalse(checks.drains([], 300).passed)
  })

  it("an event loop that is held up fails, often or once", () => {
    assert.isTrue(checks.eventLoop(200, 1500).passed)
    assert.isFalse(checks.eventLoop(201, 202).passed)
    assert.isFalse(checks.eventLoop(10, 1501).passed)
  })

  it("a line that nothing brings about fails, and is shown", () => {
    assert.isTrue(checks.surprises([]).passed)
    const { measured, passed } = checks.surprises(["Warn scope_abandoned Account"])
    assert.isFalse(passed)
    assert.include(measured, "scope_abandoned")
  })

  it("a kind of load that never came about fails", () => {
    assert.isTrue(checks.coverage({ crash: 1, reload: 2 }).passed)
    assert.strictEqual(checks.coverage({ crash: 0, reload: 2 }).measured, "never: crash")
  })

  it.effect("lines of ryker that crashes bring about are expected, others and those of anybody else are not", () =>
    Effect.gen(function* () {
      const lines = new Lines()
      const log = (lib: string, event: string) =>
        Effect.logWarning("text").pipe(
          Effect.annotateLogs({ lib, event, actor: "Account" }),
          Effect.provide(Logger.layer([lines.logger]))
        )
      yield* log("ryker", "actor_crashed")
      assert.deepStrictEqual(lines.surprises, [])
      yield* log("ryker", "scope_abandoned")
      yield* log("other", "actor_crashed")
      assert.deepStrictEqual(lines.surprises, ["Warn scope_abandoned Account: text", "Warn other Account: text"])
      assert.deepStrictEqual(lines.counts, { actor_crashed: 1, scope_abandoned: 1, other: 1 })
    })
  )
})
