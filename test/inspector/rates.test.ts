import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import type { InspectorState } from "../../src/inspector/index.ts"
import { quantile, ratesOf } from "../../src/inspector/internal/rates.ts"
import { Histogram } from "../../src/internal/histogram.ts"

const bounds = [0.01, 0.1, 1]

const timesOf = (histogram: Histogram): InspectorState.Times => {
  const { buckets, count, max, sum } = histogram.state
  return { buckets, count, sum, max: count === 0 ? 0 : max }
}

const times = (...values: ReadonlyArray<number>) => {
  const histogram = new Histogram(bounds)
  for (const value of values) histogram.observe(value)
  return timesOf(histogram)
}

describe("quantile", () => {
  it("is undefined where there was nothing", () => {
    assert.isUndefined(quantile(times(), 0.5))
    const same = times(0.05, 2)
    assert.isUndefined(quantile(same, 0.5, same))
  })

  it("is interpolated within the bucket that holds the rank", () => {
    // Ten in (0.01, 0.1], of which the longest fills the bucket: the half of them end in its middle.
    assert.closeTo(quantile(times(...Array.from({ length: 10 }, () => 0.1)), 0.5)!, 0.055, 1e-9)
    // Five below, five above: the 75th percentile is half way through the upper five.
    assert.closeTo(quantile(times(...Array(5).fill(0.005), ...Array(5).fill(1)), 0.75)!, 0.55, 1e-9)
  })

  it("never exceeds the longest, also above all bounds", () => {
    assert.strictEqual(quantile(times(0.02), 1), 0.02)
    assert.strictEqual(quantile(times(0.02, 7), 1), 7)
    assert.closeTo(quantile(times(5, 5), 0.5)!, 3, 1e-9)
  })

  it("takes a share out of range for the nearest in it", () => {
    assert.strictEqual(quantile(times(0.005, 0.5), -1), 0)
    assert.strictEqual(quantile(times(0.005, 0.5), 2), 0.5)
  })

  it("is that of what came since before", () => {
    const histogram = new Histogram(bounds)
    for (let n = 0; n < 1000; n++) histogram.observe(0.005)
    const before = timesOf(histogram)
    histogram.observe(0.5)
    histogram.observe(0.5)
    assert.isAbove(quantile(timesOf(histogram), 0.5, before)!, 0.1)
    assert.isBelow(quantile(timesOf(histogram), 0.5)!, 0.01)
  })

  it("takes all there is when what was before is of another life of the host, or has other buckets", () => {
    const fresh = times(0.5)
    assert.strictEqual(quantile(fresh, 1, times(0.005, 0.005)), 0.5)
    assert.strictEqual(quantile(fresh, 1, times(0.005)), 0.5)
    const other = new Histogram([0.5])
    assert.strictEqual(quantile(fresh, 1, timesOf(other)), 0.5)
  })

  it.prop(
    "rises with the share, and stays within what was observed",
    { values: Schema.NonEmptyArray(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 3 }))) },
    ({ values }) => {
      const all = times(...values)
      const shares = [0, 0.25, 0.5, 0.9, 0.99, 1].map((q) => quantile(all, q)!)
      assert.deepStrictEqual(
        shares,
        shares.toSorted((a, b) => a - b)
      )
      assert.isAtMost(shares.at(-1)!, Math.max(...values))
      assert.isAtLeast(shares[0]!, 0)
    }
  )
})

const definition = (name: string, handled: number, more: Partial<InspectorState.Definition> = {}) => ({
  name,
  accepted: handled,
  handled,
  failed: 0,
  dropped: {},
  refused: {},
  queued: 0,
  inHand: 0,
  crashes: 0,
  restarts: 0,
  yields: 0,
  ...more
})

describe("ratesOf", () => {
  it("is what came in a second, by definition, all reasons together", () => {
    const before = { now: 1000, definitions: [definition("A", 10, { dropped: { deadline: 1 }, refused: { busy: 5 } })] }
    const after = {
      now: 3000,
      definitions: [
        definition("A", 30, {
          accepted: 40,
          failed: 2,
          dropped: { deadline: 2, closed: 3 },
          refused: { busy: 8, stopped: 1 }
        })
      ]
    }
    assert.deepStrictEqual(ratesOf(before, after).get("A"), {
      accepted: 15,
      handled: 10,
      failed: 1,
      dropped: 2,
      refused: 2
    })
  })

  it("counts from nothing what is new, and what has begun anew", () => {
    const before = { now: 0, definitions: [definition("A", 100)] }
    const after = { now: 1000, definitions: [definition("A", 4), definition("__proto__", 7)] }
    const rates = ratesOf(before, after)
    assert.strictEqual(rates.get("A")?.handled, 4)
    assert.strictEqual(rates.get("__proto__")?.handled, 7)
  })

  it("is empty when no time has passed, or the clock went back", () => {
    const state = (now: number) => ({ now, definitions: [definition("A", now)] })
    assert.strictEqual(ratesOf(state(5), state(5)).size, 0)
    assert.strictEqual(ratesOf(state(5), state(4)).size, 0)
  })
})
