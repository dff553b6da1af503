import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import { nearest } from "../../src/internal/nearest.ts"
import { keys } from "../../src/RykerConfig.ts"

const known = keys.map(({ key }) => key)
const environment = keys.map((key) => key.environment)
const anyText = Arbitrary.schema(Schema.String)

describe("the nearest of the known names", () => {
  it.each([
    ["defaults.deadlin", "defaults.deadline"],
    ["defaults.deadine", "defaults.deadline"],
    ["defaults.daedline", "defaults.deadline"],
    ["defaults.deadlines", "defaults.deadline"],
    ["default.deadline", "defaults.deadline"],
    ["DEFAULTS.DEADLINE", "defaults.deadline"],
    ["defaults.mailbox-capacity", "defaults.mailbox_capacity"],
    ["defaults.mailboxCapacity", "defaults.mailbox_capacity"],
    ["supervisor.backoff_base", "supervisor.backoff_base_ms"],
    ["supervisor.backoff_cap", "supervisor.backoff_cap_ms"],
    ["fairness.yield_every_n", "fairness.yield_every_n_msgs"],
    ["amnesia.enable", "amnesia.enabled"]
  ])("to the slip %s is %s", (slip, meant) => {
    assert.strictEqual(nearest(slip, known), meant)
  })

  it.each([
    ["RYKER_DEFAULT_DEADLIN", "RYKER_DEFAULT_DEADLINE"],
    ["RYKER_DEFAULTS_DEADLINE", "RYKER_DEFAULT_DEADLINE"],
    ["ryker_amnesia", "RYKER_AMNESIA"],
    ["RYKER_ZEROISE", "RYKER_ZEROIZE"],
    ["RYKER_YIELD_EVERY_N_MSGS", "RYKER_YIELD_EVERY_N"]
  ])("in the environment, to the slip %s, is %s", (slip, meant) => {
    assert.strictEqual(nearest(slip, environment), meant)
  })

  it.each(["", "x", "hello", "port", "logging.level", "defaults", "__proto__", "constructor", "((((", "日本語"])(
    "to %j, which is no slip, is none",
    (name) => {
      assert.isUndefined(nearest(name, known))
    }
  )

  it("is none where nothing is known", () => {
    assert.isUndefined(nearest("a", []))
  })

  it("is the first of several that are as near", () => {
    assert.strictEqual(nearest("cat", ["car", "bat", "cab"]), "car")
  })

  it("is rather nearer than first", () => {
    assert.strictEqual(nearest("abcd", ["abxy", "abcx"]), "abcx")
  })

  it("takes two letters of a short name for a slip, three not", () => {
    assert.strictEqual(nearest("abcd", ["abxy"]), "abxy")
    assert.isUndefined(nearest("abcd", ["axyz"]))
  })

  it("takes a quarter of the letters of a long name for a slip, more not", () => {
    assert.strictEqual(nearest("abcdefghijklmnop", ["abcdefghijkl1234"]), "abcdefghijkl1234")
    assert.isUndefined(nearest("abcdefghijklmnop", ["abcdefghijk12345"]))
  })

  it("does not take long for a name of a megabyte", () => {
    assert.isUndefined(nearest("x".repeat(1_000_000), known))
  })

  it.prop(
    "is one of the known ones, or none, whatever the name",
    [anyText, Arbitrary.array(anyText, { maxLength: 5 })],
    ([name, names]) => {
      const found = nearest(name, names)
      assert.isTrue(found === undefined || names.includes(found))
    },
    { arbitrary: { runs: 200, size: 30 } }
  )

  it.prop(
    "to a known one is itself",
    [Arbitrary.schema(Schema.Literals(known))],
    ([name]) => assert.strictEqual(nearest(name, known), name),
    { arbitrary: { runs: 50 } }
  )
})
