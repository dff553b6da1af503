import { assert, describe, it } from "@effect/vitest"
import type { Actor } from "../../../src/inspector/InspectorState.ts"
import type { Tone } from "../../../src/inspector/page/status.ts"
import { nextSort, type Row, rowsOf, treeOf, treeOrder, type View } from "../../../src/inspector/page/tree.ts"
import { actor } from "./fixtures.ts"

const everything: View = { sort: treeOrder, query: "", only: new Set(), unfolded: new Map() }

const rows = (actors: ReadonlyArray<Actor>, view: Partial<View> = {}) =>
  rowsOf(treeOf(actors), { ...everything, ...view })

/** The rows as a reader sees them. */
const drawn = (some: ReadonlyArray<Row>) =>
  some.map(({ isUnfolded, level, node }) => {
    const sign = isUnfolded === undefined ? "" : isUnfolded ? "- " : "+ "
    return `${"  ".repeat(level - 1)}${sign}${node.label}`
  })

const shop = [
  actor("Shop", { kind: "supervisor", capacity: 0 }),
  actor("Shop/Orders", { parent: "Shop", depth: 2 }),
  actor("Shop/Payment", { parent: "Shop", status: "backoff", depth: 9, incarnation: 4 }),
  actor("Audit", { depth: 5 })
]

const family = (count: number) => [
  actor("Account", { kind: "family", capacity: 0 }),
  ...Array.from({ length: count }, (_, id) => actor(`Account/${id}`, { parent: "Account" }))
]

describe("the tree", () => {
  it("has everything below what it stands below, without repeating its address", () => {
    assert.deepStrictEqual(drawn(rows(shop).rows), ["- Shop", "  Orders", "  Payment", "Audit"])
  })

  it("tells the place of each among its siblings", () => {
    const places = rows(shop).rows.map(({ level, position, siblings }) => [level, position, siblings])
    assert.deepStrictEqual(places, [
      [1, 1, 2],
      [2, 1, 2],
      [2, 2, 2],
      [1, 2, 2]
    ])
  })

  it("has at the top what stands below something that was left out", () => {
    assert.deepStrictEqual(drawn(rows([actor("Gone/Orders", { parent: "Gone" })]).rows), ["Gone/Orders"])
  })

  it("takes an address for a label whatever it holds", () => {
    const odd = [actor("a", { kind: "family" }), actor("a/", { parent: "a" }), actor("b", { parent: "a" })]
    assert.deepStrictEqual(drawn(rows(odd).rows), ["- a", "  a/", "  b"])
  })

  it("folds families with many residents until somebody unfolds them", () => {
    assert.deepStrictEqual(drawn(rows(family(3)).rows), ["- Account", "  0", "  1", "  2"])
    assert.deepStrictEqual(drawn(rows(family(2_000)).rows), ["+ Account"])
    assert.strictEqual(rows(family(2_000), { unfolded: new Map([["Account", true]]) }).rows.length, 2_001)
    assert.deepStrictEqual(drawn(rows(shop, { unfolded: new Map([["Shop", false]]) }).rows), ["+ Shop", "Audit"])
  })

  it("counts what is below, and what of it an operator should know of", () => {
    const [root] = treeOf([
      actor("Top", { kind: "supervisor" }),
      ...shop.map((it) => ({ ...it, parent: it.parent ?? "Top" })),
      actor("Gone", { parent: "Top", status: "stopped", reason: "RapidFail" }),
      actor("Done", { parent: "Top", status: "stopped", reason: "Normal" })
    ])
    assert.strictEqual(root!.below, 6)
    assert.deepStrictEqual(root!.notable, [
      ["failed", 1],
      ["backoff", 1]
    ])
  })
})

describe("a search", () => {
  it("finds by all of its words, in any case, with what is above", () => {
    const { found, rows: some } = rows(shop, { query: " PAY shop " })
    assert.deepStrictEqual(drawn(some), ["- Shop", "  Payment"])
    assert.deepStrictEqual(
      some.map(({ isMatch }) => isMatch),
      [false, true]
    )
    assert.strictEqual(found, 1)
  })

  it("finds by status, reason and message in hand", () => {
    const some = [
      actor("A", { status: "busy", inHand: { request: "Withdraw" } }),
      actor("B", { status: "stopped", reason: "RapidFail" })
    ]
    assert.deepStrictEqual(drawn(rows(some, { query: "withdraw" }).rows), ["A"])
    assert.deepStrictEqual(drawn(rows(some, { query: "rapidfail" }).rows), ["B"])
  })

  it("unfolds what it finds", () => {
    const { rows: some } = rows(family(2_000), { query: "account/1999", unfolded: new Map([["Account", false]]) })
    assert.deepStrictEqual(drawn(some), ["- Account", "  1999"])
  })

  it("finds nothing where there is nothing", () => {
    assert.deepStrictEqual(rows(shop, { query: "nobody" }), { rows: [], found: 0 })
  })

  it("is narrowed to some statuses", () => {
    const only = new Set<Tone>(["backoff", "stuck"])
    assert.deepStrictEqual(drawn(rows(shop, { only }).rows), ["- Shop", "  Payment"])
    assert.deepStrictEqual(drawn(rows(shop, { only, query: "orders" }).rows), [])
  })
})

describe("an order", () => {
  const by = (key: Parameters<typeof nextSort>[1], isDescending: boolean, actors = shop) =>
    drawn(rows(actors, { sort: { key, isDescending } }).rows)

  it("by name counts numbers as numbers", () => {
    const some = ["b", "a10", "a9"].map((address) => actor(address))
    assert.deepStrictEqual(by("name", false, some), ["a9", "a10", "b"])
    assert.deepStrictEqual(by("name", true, some), ["b", "a10", "a9"])
  })

  it("by a measure brings to the top what has the most, with what it stands below", () => {
    const some = [actor("Audit", { depth: 5 }), ...shop.slice(0, 3)]
    assert.deepStrictEqual(by("queue", true, some), ["- Shop", "  Payment", "  Orders", "Audit"])
    assert.deepStrictEqual(by("restarts", true, some), ["- Shop", "  Payment", "  Orders", "Audit"])
  })

  it("by status begins with what needs somebody", () => {
    const some = (["running", "suspended", "backoff", "stuck", "busy"] as const).map((status) =>
      actor(status, { status })
    )
    const failed = actor("failed", { status: "stopped", reason: "RapidFail" })
    assert.deepStrictEqual(by("status", true, [...some, failed]), [
      "failed",
      "stuck",
      "backoff",
      "suspended",
      "busy",
      "running"
    ])
  })

  it("by what is in hand begins with the longest", () => {
    const some = [
      actor("none"),
      actor("short", { inHand: { request: "R", millis: 1 } }),
      actor("long", { inHand: { request: "R", millis: 2 } })
    ]
    assert.deepStrictEqual(by("hand", true, some), ["long", "short", "none"])
  })

  it("leaves those that are equal as they are", () => {
    assert.deepStrictEqual(by("restarts", true, [actor("b"), actor("a")]), ["b", "a"])
  })

  it("is turned by a second click, and given up by a third", () => {
    const first = nextSort(treeOrder, "queue")
    assert.deepStrictEqual(first, { key: "queue", isDescending: true })
    const second = nextSort(first, "queue")
    assert.deepStrictEqual(second, { key: "queue", isDescending: false })
    assert.deepStrictEqual(nextSort(second, "queue"), treeOrder)
    assert.deepStrictEqual(nextSort(first, "name"), { key: "name", isDescending: false })
  })
})
