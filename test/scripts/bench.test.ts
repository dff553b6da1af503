import { assert, describe, it } from "@effect/vitest"
import { Budget, inTurn, leastProcesses, roundsOf, weightOf } from "../../scripts/bench/budget.ts"
import { kindOf, percentile, show } from "../../scripts/bench/metrics.ts"
import { render } from "../../scripts/bench/page.ts"
import { plot } from "../../scripts/bench/plot.ts"
import { bestByHand, type Figure, ratio, type RowResult, type Run, summarize } from "../../scripts/bench/results.ts"
import { peersOf } from "../../scripts/bench/rows.ts"
import { judge, needed, targets } from "../../scripts/bench/targets.ts"
import {
  type PeerName,
  peerNames,
  type PlainPeer,
  type Row,
  type Workload,
  workloadNames
} from "../../scripts/bench/workload.ts"
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
  seconds: 1,
  rounds: { ryker: [3, 3] },
  figures
})

const quiet = { at: "", cpu: "", cores: 1, pinned: true, load: 0, others: 0, seconds: 1, versions: {} }

const run = (figures: RowResult["figures"], machine: Partial<Run["machine"]> = {}): Run => ({
  machine: { ...quiet, ...machine },
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
    assert.deepStrictEqual(summarize([4, 1, 2, 3]), [2.5, 1, 4])
  })

  it("there are three rounds at least from two processes, and two where they are slow and not compared", () => {
    assert.isAtLeast(leastProcesses, 2)
    const least = (row: Row, peer: PeerName): number =>
      Array.from({ length: leastProcesses }, (_, earlier) => roundsOf(row, peer, earlier)).reduce(
        (sum, one) => sum + one
      )
    const slow = { ...tell.rows[0]!, slow: 6 }
    for (const peer of ["ryker", "erlang", "effect-fiber", "effect-pump"] as const)
      assert.isAtLeast(least(slow, peer), 3)
    assert.strictEqual(least(slow, "nact"), 2)
    for (const peer of peerNames) assert.isAtLeast(least(tell.rows[0]!, peer), 3)
  })

  it("those that targets compare have their turn first, and nobody is left out", () => {
    assert.deepStrictEqual(inTurn(["ryker", "nact", "effect-pump", "erlang"]), [
      "ryker",
      "erlang",
      "effect-pump",
      "nact"
    ])
  })

  it("a row may take its share of the time, by its peers and how slow it is", () => {
    assert.strictEqual(weightOf({ ...tell.rows[0]!, slow: 6 }, ["ryker", "erlang"]), 12)
    const budget = new Budget(0, 100, 10)
    assert.strictEqual(budget.until(0, 5), 50)
    // What the first has left over is shared by the others.
    assert.strictEqual(budget.until(20, 1), 36)
    assert.strictEqual(budget.until(40, 4), 100)
  })

  it("a row after one that took too long has less, and after half of the time once more none begins", () => {
    const budget = new Budget(0, 100, 10)
    budget.until(0, 5)
    assert.strictEqual(budget.until(110, 1), 110)
    assert.isFalse(budget.isSpent(150))
    assert.isTrue(budget.isSpent(151))
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

  it("a rate that is wanted is met, too, by as much as Effect gives by hand in that run", () => {
    const target = targets.find(({ workload }) => workload === "tell")!
    assert.strictEqual(needed(target), "at least 3,000 k/s, or 1 x by hand")
    const verdict = (ryker: number, byHand: number) => {
      const figures = { ryker: { rate: figure(ryker) }, "effect-pump": { rate: figure(byHand) } }
      return judge({ machine: quiet, rows: [{ ...row(figures), workload: "tell", title: target.title }] }, target)
    }
    assert.deepStrictEqual(verdict(2e6, 2e6), { is: "2,000 k/s, 1.00 x by hand (2,000 k/s)", isMet: true })
    assert.deepStrictEqual(verdict(3e6, 4e6), { is: "3,000 k/s, 0.75 x by hand (4,000 k/s)", isMet: true })
    assert.deepStrictEqual(verdict(2e6, 4e6), { is: "2,000 k/s, 0.50 x by hand (4,000 k/s)", isMet: false })
  })

  it("every target is for a row that there is", async () => {
    for (const { handler, title, workload: name } of targets) {
      const { default: workload }: { default: Workload } = await import(`../../scripts/bench/workloads/${name}.ts`)
      assert.isTrue(
        workload.rows.some((row) => row.title === title && row.handler === handler),
        title
      )
    }
  })

  it("without a run on a quiet machine pages have the targets, and say that there are no figures", () => {
    const none = "There is no run on a quiet machine yet."
    const figures = { ryker: { rate: figure(1) } }
    for (const runs of [[], [run(figures, { load: 3 })], [run(figures, { others: 0.5 })]]) {
      const { picture, sections, summary } = render(runs)
      assert.deepStrictEqual([summary, sections["rates"], sections["costs"], sections["scale"]], [none, none, "", none])
      assert.include(sections["targets"], "| ask, one at a time | `Effect.sync` | 1.2 x Erlang |\n")
      assert.isUndefined(picture)
    }
  })

  it("with several runs there is a column of targets for each, and the figures are the latest", () => {
    const ran = (at: string, ryker: number) =>
      run({ ryker: { rate: figure(ryker) }, erlang: { rate: figure(100_000) } }, { at })
    const { picture, sections, summary } = render([ran("2026-01-01T10:00", 110_000), ran("2026-01-02T10:00", 130_000)])
    assert.include(sections["targets"], "| needed | 2026-01-02 10:00 | 2026-01-01 10:00 |\n")
    assert.include(sections["targets"], "| 1.2 x Erlang | 1.30 x, met | 1.10 x, **missed** |\n")
    assert.include(sections["machine"], "Measured on 2026-01-02 at 10:00 UTC")
    assert.include(sections["rates"], "130 [130 to 130]")
    assert.notInclude(sections["rates"], "110")
    assert.include(summary, "| ask, one at a time | 130 |  | 100 (1.30) |")
    // None of them has the workload that it shows.
    assert.isUndefined(picture)
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
