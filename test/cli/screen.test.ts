/** What is written to draw the screen, read by a terminal. */
import { assert, describe, it } from "@effect/vitest"
import * as Random from "effect/Random"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Terminal from "effect/Terminal"
import * as Screen from "../../src/cli/screen.ts"
import { terminalOf } from "./terminal.fixtures.ts"

describe("the screen", () => {
  it.effect("shows the lines, and after each change those of the change", () =>
    Effect.gen(function* () {
      const shown = terminalOf({ columns: 20, rows: 6 })
      const words = ["", "a", "\u001B[31mred\u001B[0m and plain", "12345678901234567890", "注文 | 🛒"]
      let before: ReadonlyArray<string> = []
      for (let n = 0; n < 50; n++) {
        const height = yield* Random.nextIntBetween(0, 6)
        const after: Array<string> = []
        for (let row = 0; row < height; row++) after.push(words[yield* Random.nextIntBetween(0, words.length - 1)]!)
        yield* shown.write(Screen.redraw(before, after))
        before = after
        const plain = after.map((line) => line.replaceAll("\u001B[31m", "").replaceAll("\u001B[0m", ""))
        assert.deepStrictEqual(shown.lines(), [...plain, ...Array.from({ length: 6 - plain.length }, () => "")])
      }
    }).pipe(Random.withSeed("screen"))
  )

  it("writes only lines that differ, and nothing when none does", () => {
    assert.strictEqual(
      Screen.redraw(["a", "b", "c"], ["a", "x", "c"]),
      "\u001B[?2026h\u001B[2;1H\u001B[2Kx\u001B[?2026l"
    )
    assert.strictEqual(Screen.redraw(["a"], ["a"]), "")
  })

  for (const [how, end] of [
    ["ends", Effect.void],
    ["fails", Effect.fail("no")],
    ["dies", Effect.die("no")]
  ] as const) {
    it.effect(`gives back what was there when its user ${how}`, () =>
      Effect.gen(function* () {
        const shown = terminalOf({ columns: 20, rows: 4 })
        yield* shown.write("$ ryker top\r\n")
        const use = Effect.gen(function* () {
          const screen = yield* Screen.make
          yield* screen.draw(["inside"])
          yield* shown.seen
          assert.deepStrictEqual([shown.lines()[0], shown.isAlternate(), Screen.isOpen()], ["inside", true, true])
          yield* end
        }).pipe(Effect.scoped, Effect.provideService(Terminal.Terminal, shown.terminal))
        yield* Fiber.await(yield* Effect.forkChild(use))
        yield* shown.seen
        assert.deepStrictEqual([shown.lines()[0], shown.isAlternate(), Screen.isOpen()], ["$ ryker top", false, false])
        yield* shown.write("next")
        assert.strictEqual(shown.lines()[1], "next")
      })
    )
  }
})
