import { assert, describe, it } from "@effect/vitest"
import { cyclesOf, waitRowsOf } from "../../../src/inspector/page/waits.ts"

/** `"a>b c>b"` */
const waits = (text: string) =>
  text.split(" ").map((edge) => {
    const [from, to] = edge.split(">") as [string, string]
    return { from, to, request: `Ask${to.toUpperCase()}` }
  })

const drawn = (text: string) =>
  waitRowsOf(waits(text)).map(
    ({ address, isInCycle, isRepeated, level, waiting }) =>
      `${"  ".repeat(level - 1)}${address} ${waiting}${isInCycle ? " cycle" : ""}${isRepeated ? " above" : ""}`
  )

describe("cycles", () => {
  it("are not where there are none", () => {
    assert.deepStrictEqual(cyclesOf([]), [])
    assert.deepStrictEqual(cyclesOf(waits("a>b b>c a>c d>c")), [])
  })

  it("are found wherever they are, each once and closed", () => {
    assert.deepStrictEqual(cyclesOf(waits("x>a a>b b>c c>a c>y")), [["a", "b", "c", "a"]])
    assert.deepStrictEqual(cyclesOf(waits("a>a")), [["a", "a"]])
    assert.deepStrictEqual(cyclesOf(waits("a>b b>a b>c d>c c>d")).length, 2)
  })

  it("are told by the shortest way round", () => {
    assert.deepStrictEqual(cyclesOf(waits("a>b b>c c>a b>a")), [["a", "b", "a"]])
  })

  it("are found in long chains", () => {
    const chain = Array.from({ length: 2_000 }, (_, at) => `n${at}>n${(at + 1) % 2_000}`).join(" ")
    assert.strictEqual(cyclesOf(waits(chain))[0]?.length, 2_001)
  })
})

describe("the list of waits", () => {
  it("begins with what holds the most up, and has below it who waits", () => {
    assert.deepStrictEqual(drawn("x>y a>b b>c d>c"), ["c 3", "  b 1", "    a 0", "  d 0", "y 1", "  x 0"])
  })

  it("says what was asked", () => {
    assert.deepStrictEqual(
      waitRowsOf(waits("a>b")).map(({ request }) => request),
      [undefined, "AskB"]
    )
  })

  it("lists those once that wait for several, and for whom others wait", () => {
    assert.deepStrictEqual(drawn("w>a a>x a>y"), ["x 2", "  a 1", "    w 0", "y 2", "  a 1 above"])
  })

  it("has cycles at the top, and ends", () => {
    assert.deepStrictEqual(drawn("p>q a>b b>a c>a"), [
      "a 2 cycle",
      "  b 2 cycle",
      "    a 2 cycle above",
      "  c 0",
      "q 1",
      "  p 0"
    ])
  })
})
