import { assert, describe, it } from "@effect/vitest"
import type { State } from "../../src/cli/host.ts"
import { paintWith } from "../../src/cli/render.ts"
import { widthOf } from "../../src/cli/text.ts"
import { initial, type Model } from "../../src/cli/topModel.ts"
import { compact, millis, page, rate, screen } from "../../src/cli/topView.ts"
import { actor, definition, stateOf } from "./host.fixtures.ts"

const plain = paintWith(false)

const times = (...counts: readonly [number, number, number]) => {
  const [upTo5, upTo50, upTo500] = counts
  const buckets = [[0.005, upTo5] as const, [0.05, upTo50] as const, [0.5, upTo500] as const]
  return { count: upTo500, sum: 1, max: 0.4, buckets }
}

const shop = [
  actor("shop", { kind: "supervisor", capacity: 0, strategy: "one-for-one" }),
  actor("Inventory", { kind: "family", capacity: 0, parent: "shop", incarnation: 0, depth: 131 }),
  actor("Inventory/apples", {
    name: "Inventory",
    parent: "Inventory",
    status: "busy",
    depth: 128,
    inHand: { request: "Reserve", millis: 12 }
  }),
  actor("Inventory/pears", { name: "Inventory", parent: "Inventory", depth: 3 }),
  actor("Payment", { parent: "shop", status: "backoff", millisLeft: 1250, incarnation: 3 }),
  actor("Mailer", { status: "stopped", reason: "RapidFail", isolated: true, incarnation: 6 })
]

const before: State = stateOf({
  actors: shop,
  definitions: [
    definition("Inventory", { accepted: 100, handled: 90, latency: times(90, 90, 90) }),
    definition("Payment", { crashes: 1, restarts: 1 }),
    definition("Mailer")
  ]
})

const after: State = stateOf({
  now: before.now + 2000,
  actors: shop,
  waitFor: [{ from: "Inventory/apples", to: "Payment", request: "Charge" }],
  definitions: [
    definition("Inventory", {
      accepted: 2600,
      handled: 2460,
      failed: 3,
      refused: { Busy: 40 },
      dropped: { deadline: 2, shutdown: 1 },
      queued: 131,
      inHand: 1,
      latency: times(1290, 2290, 2490)
    }),
    definition("Payment", { crashes: 2, restarts: 2 }),
    definition("Mailer")
  ]
})

const model = (given: Partial<Model> = {}): Model => ({
  ...initial({
    url: "http://127.0.0.1:3000/ryker",
    interval: 1000,
    size: { columns: 80, rows: 24 },
    state: after,
    at: after.now
  }),
  before,
  ...given
})

const shown = (given: Partial<Model> = {}) =>
  screen(model(given), plain)
    .map((line) => line.trimEnd())
    .join("\n")

describe("ryker top", () => {
  it("has the whole, the definitions and the tree on a terminal of 80 columns", () => {
    assert.strictEqual(
      shown(),
      `running  09:30:02Z  http://127.0.0.1:3000/ryker  every 1.0s
4 actors: 1 busy, 1 running, 1 backoff, 1 stopped
accepted 1250/s  handled 1185/s  failed 1.5/s  refused 20/s  dropped 1.5/s
queued 131  in hand 1  crashes 2  restarts 2  dead letters 3
DONE/S FAIL/S BUSY/S DROP/S QUEUED  HAND    P50    P99 RESTART DEFINITION (3)
  1185    1.5     20    1.5    131     1  5.0ms  358ms       0 Inventory
     0      0      0      0      0     0      -      -       0 Mailer
     0      0      0      0      0     0      -      -       2 Payment
STATUS             DEPTH       DOING               INC ACTOR (6)
running                        one-for-one           1 shop (supervisor)
running            131                                   Inventory (family)
busy      ||||.... 128/256     Reserve 12ms > Pa~    1     Inventory/apples
running   |....... 3/256                             1     Inventory/pears
backoff   ........ 0/256       restart in 1.3s       3   Payment
stopped   ........ 0/256       RapidFail, isolat~    6 Mailer








q quit  / search  ? keys  Tab tables  t n s d h i r l sort  by tree`
    )
  })

  it("leaves columns out where there is no room, and never the name", () => {
    assert.strictEqual(
      shown({ size: { columns: 48, rows: 12 } }),
      `running  09:30:02Z  http://127.0.0.1:3000/ryker~
4 actors: 1 busy, 1 running, 1 backoff, 1 stopp~
accepted 1250/s  handled 1185/s  failed 1.5/s  ~
queued 131  in hand 1  crashes 2  restarts 2  d~
DONE/S QUEUED    P99 DEFINITION (2 of 3)
  1185    131  358ms Inventory
     0      0      - Mailer
STATUS    DEPTH       ACTOR (2 of 6)
running               shop (supervisor)
running   131           Inventory (family)

q quit  / search  ? keys  Tab tables  t n s d h~`
    )
    assert.strictEqual(
      shown({ size: { columns: 24, rows: 4 } }),
      `running  09:30:02Z  htt~
STATUS    ACTOR (1 of 6)
running   shop (supervi~
q quit  / search  ? key~`
    )
  })

  it("fits in any terminal, in whatever state it is", () => {
    const states: ReadonlyArray<Partial<Model>> = [
      {},
      { selected: "Payment" },
      { view: "definitions", selected: "Inventory" },
      { view: "actors", selected: "Mailer" },
      { isHelp: true },
      { isSearching: true, search: "a\u001B[31m" },
      { stale: "connection refused" }
    ]
    for (const given of states) {
      for (const columns of [1, 2, 9, 10, 11, 20, 21, 33, 47, 64, 79, 80, 81, 132, 300]) {
        for (const rows of [1, 2, 3, 4, 5, 11, 12, 13, 24, 60]) {
          const lines = screen(model({ ...given, size: { columns, rows } }), plain)
          assert.isAtMost(lines.length, rows)
          for (const line of lines) assert.isAtMost(widthOf(line), columns)
        }
      }
    }
  })

  it("marks a row and tells all of it", () => {
    const lines = screen(model({ selected: "Inventory/apples" }), paintWith(true))
    assert.match(lines[11]!.replaceAll("\u001B", "ESC"), /^ESC\[7mbusy .*Inventory\/apples +ESC\[0m$/)
    const detail = shown({ selected: "Inventory/apples", size: { columns: 120, rows: 24 } }).split("\n")[22]
    assert.strictEqual(
      detail,
      "Inventory/apples  busy  Reserve 12ms > Payment  depth 128/256  incarnation 1  actor of Inventory"
    )
    assert.include(shown({ selected: "Inventory/figs" }), "Inventory/figs is no more")
    assert.include(
      shown({ view: "definitions", selected: "Inventory", size: { columns: 120, rows: 24 } }),
      "Inventory  accepted 2600 handled 2460 failed 3  dropped: deadline 2 shutdown 1  refused: Busy 40"
    )
  })

  it("says since when it is stale, and why", () => {
    assert.strictEqual(
      shown({ stale: "connection refused", size: { columns: 100, rows: 24 } }).split("\n")[0],
      "stale since 09:30:02Z: connection refused, trying again  http://127.0.0.1:3000/ryker  every 1.0s"
    )
  })

  it("sorts by what an operator looks for, and turns it round", () => {
    const order = (given: Partial<Model>) => {
      const lines = shown({ view: "actors", ...given }).split("\n")
      const head = lines.findIndex((line) => line.includes("ACTOR"))
      const found = lines.slice(head + 1, head + 7).map((line) => /(\S+)(?: \(\w+\))?$/.exec(line)![1])
      return found.join(" ")
    }
    const rest = "Inventory/apples Inventory/pears"
    assert.strictEqual(order({ sort: "n" }), `Inventory ${rest} Mailer Payment shop`)
    assert.strictEqual(order({ sort: "d" }), `Inventory ${rest} shop Payment Mailer`)
    assert.strictEqual(order({ sort: "s" }), "Payment Mailer Inventory/apples shop Inventory Inventory/pears")
    assert.strictEqual(order({ sort: "h" }), "Inventory/apples shop Inventory Inventory/pears Payment Mailer")
    assert.strictEqual(order({ sort: "i" }), `Mailer Payment shop ${rest} Inventory`)
    assert.strictEqual(order({ sort: "r" }), `Inventory ${rest} shop Payment Mailer`)
    assert.strictEqual(order({ sort: "l" }), `Inventory ${rest} shop Payment Mailer`)
    assert.strictEqual(
      order({ sort: "n", isReversed: true }),
      "shop Payment Mailer Inventory/pears Inventory/apples Inventory"
    )
  })

  it("finds rows by address, definition and status", () => {
    const found = (search: string) => shown({ search, view: "actors" }).split("\n").slice(4, 9)
    assert.deepStrictEqual(
      found("PEARS"),
      [
        "STATUS             DEPTH       DOING               INC ACTOR (1 of 1 that match,",
        "running   |....... 3/256                             1 Inventory/pears",
        "",
        "",
        ""
      ].map((line) => (line.endsWith("match,") ? line.slice(0, 79) + "~" : line))
    )
    assert.include(found("backoff")[1], "Payment")
    assert.deepStrictEqual(found("nobody").slice(1), ["", "", "", ""])
  })

  it("shows no rates before there are two states, and those of a host that began anew", () => {
    const alone = shown({ before: undefined })
    assert.include(alone, "accepted -/s  handled -/s")
    assert.include(alone, "     -      -      -      -    131     1      -      -       0 Inventory")
    const anew = shown({ before: after, state: { ...before, now: after.now + 1000 } })
    assert.include(anew, "accepted 100/s  handled 90/s")
  })

  it("never shows what a terminal would obey", () => {
    const evil = "x\u001B]0;owned\u0007\u009B31m\u202E\n\r"
    const state = stateOf({
      actors: [actor(evil, { name: evil, status: "busy", inHand: { request: evil, millis: 1 } })],
      waitFor: [{ from: evil, to: evil, request: evil }],
      definitions: [definition(evil, { dropped: { [evil]: 1 }, refused: { [evil]: 1 } })]
    })
    const given = { state, before: undefined, size: { columns: 500, rows: 24 }, search: "x" }
    for (const view of ["both", "definitions"] as const) {
      const text = screen(model({ ...given, view, selected: evil }), plain).join("")
      assert.notMatch(text, /[\p{Cc}\p{Cf}]/u)
      assert.include(text, "x\\x1b]0;owned\\x07\\x9b31m\\u{202e}\\x0a\\x0d")
    }
    assert.notMatch(page(model(given), undefined, plain).join(""), /[\p{Cc}\p{Cf}]/u)
  })

  it("can be printed once, with all rows and nothing cut", () => {
    const long = `Inventory/${"x".repeat(100)}`
    const state = { ...after, actors: [...shop, actor(long, { parent: "Inventory" })], omitted: 7 }
    const lines = page(model({ state }), undefined, plain)
    assert.strictEqual(lines[1], "5 actors: 2 running, 1 busy, 1 backoff, 1 stopped; 7 more rows are not told")
    assert.isTrue(lines.at(-1)!.endsWith(long))
    assert.strictEqual(lines.length, 4 + 2 + 3 + 2 + 7)
  })

  it("draws 10,000 actors", () => {
    const actors = Array.from({ length: 10_000 }, (_, n) => actor(`a/${n}`, { depth: n % 256 }))
    const lines = screen(model({ state: { ...after, actors }, sort: "d", selected: "a/511" }), plain)
    assert.strictEqual(lines.length, 24)
    assert.isTrue(lines.some((line) => / a\/511 +$/.test(line)))
  })
})

describe("numbers", () => {
  it("are as short as a column", () => {
    assert.deepStrictEqual([0, 999, 9999, 10_000, 99_949, 99_951, 999_949, 1e6, 1e12].map(compact), [
      "0",
      "999",
      "9999",
      "10.0k",
      "99.9k",
      "100k",
      "1000k",
      "1.0M",
      "1000G"
    ])
    assert.deepStrictEqual([undefined, 0, 0.04, 9.94, 9.96, 1234.5].map(rate), ["-", "0", "0.0", "9.9", "10", "1235"])
    assert.deepStrictEqual([0, 0.25, 1.25, 9.96, 850, 999.6, 1250, 61_000, 3_600_000, 360_000_000].map(millis), [
      "0ms",
      "250us",
      "1.3ms",
      "10ms",
      "850ms",
      "1.0s",
      "1.3s",
      "1m01s",
      "1h00m",
      "100h00m"
    ])
  })
})
