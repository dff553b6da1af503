import { assert, describe, it } from "@effect/vitest"
import type { Times } from "../../../src/inspector/InspectorState.ts"
import {
  type History,
  latencySeries,
  rateSeries,
  recentPercentiles,
  recentRates,
  recentTotals,
  remember,
  totalSeries
} from "../../../src/inspector/page/history.ts"
import { definition } from "./fixtures.ts"

const times = (fast: number, slow: number): Times => ({
  count: fast + slow,
  sum: fast * 0.01 + slow,
  max: 1,
  buckets: [
    [0.01, fast],
    [1, fast + slow]
  ]
})

/** A state a second, each with as many handled as the list says. */
const counting = (handled: ReadonlyArray<number>, every = 1_000) =>
  handled.reduce<History>(
    (history, count, at) =>
      remember(history, { now: 10_000 + at * every, definitions: [definition("Account", { handled: count })] }),
    []
  )

describe("the history", () => {
  it("has no rates until there are two states", () => {
    assert.strictEqual(recentRates(counting([5])).size, 0)
    assert.strictEqual(recentTotals(counting([5])), undefined)
    assert.strictEqual(recentTotals([]), undefined)
    assert.deepStrictEqual(rateSeries(counting([5]), "Account", "handled"), [])
  })

  it("takes rates over the last seconds, and charts each by itself", () => {
    const history = counting([0, 0, 0, 0, 0, 0, 0, 10, 20, 30])
    assert.strictEqual(recentRates(history).get("Account")?.handled, 6)
    assert.strictEqual(recentTotals(history)?.handled, 6)
    assert.deepStrictEqual(rateSeries(history, "Account", "handled").slice(-2), [
      [18_000, 10],
      [19_000, 10]
    ])
  })

  it("leaves a gap where nobody looked", () => {
    const [, value] = rateSeries(counting([0, 100], 60_000), "Account", "handled")[0]!
    assert.strictEqual(value, undefined)
  })

  it("forgets what is older than its charts", () => {
    assert.isAtMost(counting(Array.from({ length: 500 }, (_, at) => at)).length, 122)
  })

  it("begins anew when time goes back", () => {
    assert.strictEqual(remember(counting([1, 2, 3]), { now: 1, definitions: [] }).length, 1)
  })

  it("counts what a restarted host has done since", () => {
    assert.strictEqual(recentRates(counting([1_000, 4])).get("Account")?.handled, 4)
  })

  it("sums up all definitions", () => {
    const before = [definition("A", { restarts: 1, queued: 9 }), definition("B")]
    const after = [
      definition("A", { restarts: 3, queued: 4, failed: 1 }),
      definition("B", { queued: 3, refused: { Busy: 2 } })
    ]
    const history = remember(remember([], { now: 0, definitions: before }), { now: 1_000, definitions: after })
    const { failed, queued, refused, restarts } = recentTotals(history)!
    assert.deepStrictEqual({ failed, queued, refused, restarts }, { failed: 1, queued: 7, refused: 2, restarts: 2 })
    assert.deepStrictEqual(totalSeries(history, "queued"), [[1_000, 7]])
  })

  it("takes percentiles of what came lately, not of all", () => {
    const at = (now: number, latency: Times) => ({ now, definitions: [definition("Account", { latency })] })
    const first = remember([], at(0, times(1_000, 0)))
    assert.strictEqual(recentPercentiles(first, "Account", "latency").p50, undefined)
    const history = remember(first, at(1_000, times(1_000, 10)))
    assert.isAbove(recentPercentiles(history, "Account", "latency").p50!, 0.01)
    assert.isAbove(latencySeries(history, "Account", 0.5)[0]![1]!, 0.01)
    assert.deepStrictEqual(recentPercentiles(history, "Account", "wait"), {
      p50: undefined,
      p95: undefined,
      p99: undefined
    })
  })
})
