import { assert, describe, it } from "@effect/vitest"
import { kindOf, percentile, show } from "../../scripts/bench/metrics.ts"
import { plot } from "../../scripts/bench/plot.ts"
import { bestByHand, type Figure, ratio, type RowResult, type Run, summarize } from "../../scripts/bench/results.ts"
import { peersOf } from "../../scripts/bench/rows.ts"
import { judge, needed, targets } from "../../scripts/bench/targets.ts"
import { type PlainPeer, type Workload, workloadNames } from "../../scripts/bench/workload.ts"
import ask from "../../scripts/bench/workloads/ask.ts"
import tell from "../../scripts/bench/workloads/tell.ts"
import { between } from "../../scripts/generated.ts"

/** A peer that handles at once, `times` times, and answers with a number that is off by `error`. */
const peer = (times: number, error = 0): PlainPeer<(n: number) => number> => ({
  kind: "plain",
  title: "a peer",
  guarantees: { bounded: [false, ""], deadline: [false, ""], supervised: [false, ""], ownTurn: [false, ""] },
  spawn: (handler) => (n) => {
    for (let time = 1; time < times; time++) void handler(n)
    return handler(n) as number
  },
  tell: (actor, n) => {
    actor(n)
    return true
  },
  ask: (actor, n) => Promise.resolve(actor(n) + error),
  stop: () => {}
})

const figure = (median: number): Figure => [median, median, median]

const row = (figures: RowResult["figures"]): RowResult => ({
  workload: "ask",
  title: "ask, one at a time",
  handler: "Effect.sync",
  figures
})

const run = (figures: RowResult["figures"]): Run => ({
  machine: { at: "", cpu: "", cores: 1, pinned: true, load: 0, seconds: 1, rounds: 1, versions: {} },
  rows: [row(figures)]
})

const message = async (promise: Promise<unknown>): Promise<string> => {
  try {
    await promise
    return "no error"
  } catch (error) {
    return (error as Error).message
  }
}

describe("bench", () => {
  it("a round whose results are right gives a rate", async () => {
    assert.isAbove((await tell.plain(peer(1), tell.rows[0]!, 10)).rate!, 0)
    assert.isAbove((await ask.plain(peer(1), ask.rows[0]!, 10)).rate!, 0)
  })

  it("a message that is handled twice ends the round", async () => {
    assert.strictEqual(await message(tell.plain(peer(2), tell.rows[0]!, 10)), "handled: expected 10, but got 20")
  })

  it("an answer that is wrong ends the round", async () => {
    assert.strictEqual(await message(ask.plain(peer(1, 1), ask.rows[0]!, 10)), "answer to 0: expected 1, but got 2")
  })

  it("ryker is in every row, and whoever is absent has a reason", async () => {
    for (const name of workloadNames) {
      const { default: workload }: { default: Workload } = await import(`../../scripts/bench/workloads/${name}.ts`)
      for (const row of workload.rows) assert.include(peersOf(workload, row), "ryker", row.title)
      for (const why of Object.values(workload.absent ?? {})) assert.isNotEmpty(why)
    }
  })

  it("a percentile is the smallest sample that so many do not exceed", () => {
    const samples = Array.from({ length: 1_000 }, (_, index) => index + 1)
    assert.deepStrictEqual(
      [0.5, 0.99, 0.999, 1].map((share) => percentile(samples, share)),
      [500, 990, 999, 1_000]
    )
    assert.strictEqual(percentile([7], 0.5), 7)
  })

  it("figures have three digits and a unit", () => {
    assert.strictEqual(show("rate", 1_234_567), "1,235 k/s")
    assert.strictEqual(show("idleHeap", 7_654), "7.65 KB")
    assert.strictEqual(show("unanswered", 0), "0 messages")
    assert.strictEqual(show("at 1000", 98.76), "98.8 ns")
    assert.strictEqual(kindOf("at 1000").note, "1,000")
  })

  it("a summary has the median, the least and the most", () => {
    assert.deepStrictEqual(summarize([3, 1, 2]), [2, 1, 3])
  })

  it("the best by hand is the faster one, or the one that costs less", () => {
    const figures = {
      "effect-fiber": { rate: figure(3), idleHeap: figure(3) },
      "effect-pump": { rate: figure(2), idleHeap: figure(2) }
    }
    assert.deepStrictEqual(bestByHand(row(figures), "rate"), figure(3))
    assert.deepStrictEqual(bestByHand(row(figures), "idleHeap"), figure(2))
    assert.isUndefined(bestByHand(row({}), "rate"))
  })

  it("a ratio is ryker's figure divided by the other's", () => {
    assert.strictEqual(ratio(figure(3), figure(2)), "1.50")
    assert.strictEqual(ratio(figure(1), figure(200)), "0.005")
    assert.strictEqual(ratio(figure(3), figure(0)), "")
    assert.strictEqual(ratio(figure(3), undefined), "")
  })

  it("a target is met, missed, or unknown where the run has not what it takes", () => {
    const target = targets.find(({ title }) => title === "ask, one at a time")!
    assert.strictEqual(needed(target), "1.2 x Erlang")
    const verdict = (ryker: number) =>
      judge(run({ ryker: { rate: figure(ryker) }, erlang: { rate: figure(100) } }), target)
    assert.deepStrictEqual(verdict(120), { is: "1.20 x", isMet: true })
    assert.deepStrictEqual(verdict(119), { is: "1.19 x", isMet: false })
    assert.isUndefined(judge(run({ ryker: { rate: figure(1) } }), target))
  })

  it("what stands between markers is replaced, and nothing else", () => {
    const text = "a\n<!-- x:begin -->\nold\n<!-- x:end -->\nb"
    assert.strictEqual(between("page", text, "x", "new"), "a\n<!-- x:begin -->\n\nnew\n\n<!-- x:end -->\nb")
    assert.throws(() => between("page", text, "y", "new"), "page must hold <!-- y:begin --> and <!-- y:end -->")
  })

  it("a plot has a line for each series, with a point for each size", () => {
    const points = [
      [1, 900],
      [10, 100],
      [100, 90]
    ] as const
    const svg = plot([{ title: "each of so many", series: [{ name: "ryker", points }] }])
    const [, line] = /<path d="M([^"]+)" stroke="#0969da" stroke-width="2"/.exec(svg)!
    assert.strictEqual(line!.split("L").length, 3)
    assert.notInclude(svg, "NaN")
  })
})
