import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { decode, type Deviation, encode } from "../../../src/testing/internal/schedule.ts"

const int = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

const anyDeviation = Arbitrary.map(
  Arbitrary.all({ at: int(0, 100_000), choice: int(1, 40) }),
  ({ at, choice }): Deviation => [at, choice]
)

describe("a schedule", () => {
  it.effect.prop(
    "is read as it was written",
    [int(0, 1_000_000), Arbitrary.array(anyDeviation, { maxLength: 30 })],
    ([seed, deviations]) =>
      Effect.sync(() => assert.deepStrictEqual(decode(encode({ seed, deviations })), { seed, deviations }))
  )

  it.effect("is short to write, as one word of a shell", () =>
    Effect.sync(() => {
      assert.strictEqual(encode({ seed: 17, deviations: [] }), "17")
      const deviations = [
        [3, 1],
        [8, 2]
      ] as const
      assert.strictEqual(encode({ seed: 17, deviations }), "17:3-8.2")
    })
  )

  for (const text of ["", " ", "x", "-1", "1.5", "17:", "17:a", "17:1-", "17:-1", "17:1..2", "17:1.2.3", "17;1"]) {
    it.effect(`is not "${text}"`, () => Effect.sync(() => assert.isUndefined(decode(text))))
  }
})
