import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { cut, escape, escapeJson, fit, widthOf } from "../../src/cli/text.ts"

/** What a terminal would obey, or show as something else. */
const obeyed = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u

describe("text for a terminal", () => {
  it("has control characters, turned writing and what is not seen written out", () => {
    assert.strictEqual(escape("a\u001B[31mb\u0007"), "a\\x1b[31mb\\x07")
    assert.strictEqual(escape("\u009B2J"), "\\x9b2J")
    assert.strictEqual(escape("x\u202Egnp.exe"), "x\\u{202e}gnp.exe")
    assert.strictEqual(escape("a\u200Bb\u2028c\uD800"), "a\\u{200b}b\\u{2028}c\\u{d800}")
    assert.strictEqual(escape("Müller/注文/🛒"), "Müller/注文/🛒")
  })

  it("says the same in JSON as before", () => {
    const value = { actor: "a\u001B[31m\u009B\u202E\u{E0001}\u2028ü" }
    const json = escapeJson(JSON.stringify(value))
    assert.notMatch(json, obeyed)
    assert.deepStrictEqual(JSON.parse(json), value)
  })

  it("takes as many columns as it is given", () => {
    assert.deepStrictEqual(["ab", "注文", "🛒", "e\u0301", ""].map(widthOf), [2, 4, 2, 1, 0])
    assert.strictEqual(fit("ab", 4), "ab  ")
    assert.strictEqual(fit("ab", 4, "right"), "  ab")
    assert.strictEqual(fit("abcdef", 4), "abc~")
    assert.strictEqual(fit("注文書", 4), "注~ ")
    assert.deepStrictEqual([cut("ab", 2), cut("ab", 1), cut("ab", 0)], ["ab", "~", ""])
  })

  it("keeps no more marks on a character than writing has", () => {
    assert.isBelow(cut(`e${"\u0301".repeat(5000)}x`, 10).length, 10)
  })

  it.prop(
    "is never wider than its room, whatever it is",
    [Schema.String, Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40 }))],
    ([text, width]) => {
      assert.isAtMost(widthOf(cut(escape(text), width)), width)
      assert.strictEqual(widthOf(fit(escape(text), width)), width)
      assert.notMatch(escape(text), obeyed)
    }
  )
})
