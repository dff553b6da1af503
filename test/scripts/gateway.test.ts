/** That each check of the gateway's load and drill can fail. */
import { assert, describe, it } from "@effect/vitest"
import * as cannon from "../../scripts/gateway/cannon.ts"
import * as checks from "../../scripts/gateway/checks.ts"
import * as counts from "../../scripts/gateway/counts.ts"
import { passed, report } from "../../scripts/gateway/report.ts"

const text = `# HELP gateway_stock_units Units
gateway_stock_units{sku="pen",state="available"} 90
gateway_stock_units{sku="pen",state="held"} 2
gateway_stock_units{sku="pen",state="sold"} 8
gateway_stock_units{sku="paper",state="sold"} 3
gateway_http_request_seconds_bucket{status="201",le="0.005"} 4
gateway_http_request_seconds_count{status="201"} 10
gateway_http_request_seconds_count{status="429"} 5
ryker_config_reload_total{source="/tmp/gateway.toml"} 2
ryker_config_reload_total{source="SIGHUP"} 1
ryker_config_reload_errors_total{source="SIGHUP",error="InvalidConfig"} 7
`

describe("the counts of a gateway", () => {
  const series = counts.parse(text)

  it("are read from its metrics", () => {
    assert.deepStrictEqual(counts.statusesOf(series), { 201: 10, 429: 5 })
    assert.deepStrictEqual(counts.unitsOf(series), { available: 90, held: 2, sold: 11 })
    assert.strictEqual(counts.total(counts.unitsOf(series)), 103)
  })

  it("are summed over all series of exactly that name, with these labels", () => {
    assert.strictEqual(counts.sum(series, "ryker_config_reload_total"), 3)
    assert.strictEqual(counts.sum(series, "ryker_config_reload_total", { source: "SIGHUP" }), 1)
    assert.strictEqual(counts.sum(series, "ryker_config_reload"), 0)
  })

  it("are compared with those before, without what stayed as it was", () => {
    assert.deepStrictEqual(counts.since({ 201: 10, 429: 5 }, { 201: 12, 429: 5, 500: 1 }), { 201: 2, 500: 1 })
  })
})

describe("agreement", () => {
  it("is by status, to the last response", () => {
    assert.isTrue(checks.agree({ 201: 2, 429: 1 }, { 201: 2, 429: 1 }).passed)
    assert.isFalse(checks.agree({ 201: 2, 429: 1 }, { 201: 1, 429: 2 }).passed)
    assert.isFalse(checks.agree({ 201: 2 }, { 201: 2, 500: 1 }).passed)
    const { passed, seen } = checks.agree({ 201: 2, 500: 1 }, { 201: 2 })
    assert.isFalse(passed)
    assert.strictEqual(seen, "500: 1 got, 0 sent")
  })

  it("leaves out requests whose client was gone, and says so", () => {
    assert.deepInclude(checks.agree({ 201: 2 }, { 201: 2, 0: 3 }), {
      passed: true,
      seen: "2 x 201; 3 whose client was gone"
    })
  })
})

describe("every request", () => {
  it("has an answer or a failure, and there is at least one", () => {
    assert.isTrue(checks.accounted(3, { 201: 2 }, { ECONNREFUSED: 1 }).passed)
    assert.isFalse(checks.accounted(4, { 201: 2 }, { ECONNREFUSED: 1 }).passed)
    assert.isFalse(checks.accounted(0, {}, {}).passed)
  })
})

describe("stock", () => {
  const start = { available: 100, held: 0, sold: 0 }

  it("is conserved when what was sold and what is left are what there was", () => {
    assert.isTrue(checks.conserved(start, { available: 90, held: 0, sold: 10 }).passed)
    assert.isFalse(checks.conserved(start, { available: 90, held: 0, sold: 11 }).passed)
    assert.isFalse(checks.conserved(start, { available: 89, held: 1, sold: 10 }).passed)
  })

  it("that was sold has receipts", () => {
    assert.isTrue(checks.sold(10, start, { available: 90, held: 0, sold: 10 }).passed)
    assert.isFalse(checks.sold(9, start, { available: 90, held: 0, sold: 10 }).passed)
  })
})

describe("what clients have seen", () => {
  const seen = { ...cannon.nothing, attempts: 2, statuses: { 201: 1 }, failures: { closed: 1 }, millis: [5], units: 3 }

  it("adds up", () => {
    assert.deepStrictEqual(cannon.merge(seen, seen), {
      attempts: 4,
      statuses: { 201: 2 },
      failures: { closed: 2 },
      millis: [5, 5],
      units: 6
    })
  })

  it("has percentiles", () => {
    const millis = Array.from({ length: 100 }, (_, n) => 100 - n)
    assert.strictEqual(cannon.percentile(millis, 0.5), 50)
    assert.strictEqual(cannon.percentile(millis, 0.99), 99)
    assert.strictEqual(cannon.percentile([], 0.5), 0)
  })
})

describe("a report", () => {
  const good = { name: "Calm", what: "Nothing.", checks: [checks.check("calm", true, "calm | quiet")] }
  const bad = { name: "Storm", what: "All.", checks: [checks.check("calm", false, 7)] }

  it("says of each drill what was seen, and of all of them whether they passed", () => {
    const text = report([good, bad], { node: "v24" })
    assert.include(text, "- verdict: **FAIL**, 1 of 2 drills")
    assert.include(text, "## Calm: pass")
    assert.include(text, "| calm | calm \\| quiet | pass |")
    assert.include(text, "| calm | 7 | **FAIL** |")
    assert.include(report([good], {}), "- verdict: pass, 1 drills")
  })

  it("fails a drill that has looked at nothing", () => {
    assert.isTrue(passed(good))
    assert.isFalse(passed({ ...good, checks: [] }))
  })
})
