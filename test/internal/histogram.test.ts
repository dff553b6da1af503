import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import * as Schema from "effect/Schema"
import { Histogram } from "../../src/internal/histogram.ts"
import { messageBuckets } from "../../src/RykerMetrics.ts"

/** Between the bounds, on them, below and above all. */
const value = Arbitrary.map(
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: -1, maximum: 12_000 }))),
  (n) => (n % 3 === 0 ? messageBuckets[n % messageBuckets.length]! : n / 1_000)
)
const values = Arbitrary.array(value, { maxLength: 60 })

/** The state of Effect's own. */
const effects = (observed: ReadonlyArray<number>): Metric.HistogramState => {
  const context = Context.make(Metric.MetricRegistry, new Map())
  const metric = Metric.histogram("x", { boundaries: messageBuckets })
  for (const each of observed) metric.updateUnsafe(each, context)
  return metric.valueUnsafe(context)
}

const filled = (observed: ReadonlyArray<number>): Histogram => {
  const histogram = new Histogram(messageBuckets)
  for (const each of observed) histogram.observe(each)
  return histogram
}

describe("Histogram", () => {
  it("that is empty is as Effect's is", () => {
    assert.deepStrictEqual(filled([]).state, effects([]))
  })

  it.prop("has the state that Effect's would have", { observed: values }, ({ observed }) => {
    assert.deepStrictEqual(filled(observed).state, effects(observed))
  })

  it.prop("that others are merged into has observed all", { a: values, b: values }, ({ a, b }) => {
    const both = filled(a)
    both.merge(filled(b))
    const { sum, ...rest } = both.state
    const { sum: expected, ...others } = effects([...a, ...b])
    assert.deepStrictEqual(rest, others)
    assert.closeTo(sum, expected, 1e-9)
  })
})
