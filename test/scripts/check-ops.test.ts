import { assert, describe, it } from "@effect/vitest"
import { checkQuery, knownSeries } from "../../scripts/ops/promql.ts"

const known = knownSeries()
const problemsOf = (query: string) => checkQuery(query, known).problems
const labelsOf = (query: string) => [...checkQuery(query, known).labels].toSorted()

describe("the check of queries", () => {
  it("accepts what fits the contract", () => {
    for (const query of [
      'sum by (actor) (rate(ryker_handler_latency_seconds_count{outcome=~"ok|error", job=~"$job"}[$__rate_interval])) > 0',
      "histogram_quantile(0.95, sum without (outcome) (rate(ryker_handler_latency_seconds_bucket[5m])))",
      'ryker_handler_latency_seconds_bucket{le="0.25"} or ryker_mailbox_wait_seconds_bucket{le="+Inf"}',
      "ryker_actor_up == 0 unless on (actor) ryker_actor_up offset 10m"
    ]) {
      assert.deepStrictEqual(problemsOf(query), [], query)
    }
  })

  it("names what there is not: a metric, a label, a value", () => {
    assert.deepStrictEqual(problemsOf("rate(ryker_busy_total[5m])"), ['there is no metric "ryker_busy_total"'])
    assert.deepStrictEqual(problemsOf("rate(ryker_drain_seconds[5m])"), ['there is no metric "ryker_drain_seconds"'])
    assert.deepStrictEqual(problemsOf('ryker_actor_up{reason="capacity"}'), ['ryker_actor_up has no label "reason"'])
    assert.deepStrictEqual(problemsOf('ryker_mailbox_dropped_total{reason=~"capacity|dead_line"}'), [
      'reason of ryker_mailbox_dropped_total is never "dead_line"'
    ])
    assert.deepStrictEqual(problemsOf('ryker_dead_letters_total{reason="too_large"}'), [
      'reason of ryker_dead_letters_total is never "too_large"'
    ])
    assert.deepStrictEqual(problemsOf('ryker_handler_latency_seconds_bucket{le="0.3"}'), [
      'le of ryker_handler_latency_seconds_bucket is never "0.3"'
    ])
    assert.deepStrictEqual(problemsOf('{actor="A"}'), ['"{actor="A"}" names no metric'])
  })

  it("finds what Prometheus would accept and answer with nothing", () => {
    assert.deepStrictEqual(problemsOf("rate(ryker_mailbox_depth[5m])"), [
      "rate of ryker_mailbox_depth, which is no counter"
    ])
    assert.deepStrictEqual(
      problemsOf("histogram_quantile(0.95, sum by (actor) (rate(ryker_mailbox_wait_seconds_bucket[5m])))"),
      ['histogram_quantile of what has no label "le"']
    )
    assert.lengthOf(problemsOf("sum by (reason) (ryker_actor_up)"), 1)
    assert.lengthOf(problemsOf("sum by (actor) (ryker_actor_up) / on (instance) sum by (actor) (ryker_actor_up)"), 1)
    assert.include(problemsOf("rate(ryker_yields_total[5m)")[0]!, "cannot be parsed")
  })

  it("knows which labels are left", () => {
    assert.deepStrictEqual(labelsOf("sum by (actor) (ryker_actor_up)"), ["actor"])
    assert.deepStrictEqual(labelsOf("sum without (actor, reason) (ryker_mailbox_dropped_total)"), ["instance", "job"])
    assert.deepStrictEqual(labelsOf("1 - ryker_actor_up"), ["actor", "instance", "job"])
    assert.deepStrictEqual(labelsOf("count(ryker_actor_up) or vector(0)"), [])
  })
})
