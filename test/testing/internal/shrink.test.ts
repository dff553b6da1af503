import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Deviation } from "../../../src/testing/internal/schedule.ts"
import { shrink } from "../../../src/testing/internal/shrink.ts"

const all = (length: number): ReadonlyArray<Deviation> => Array.from({ length }, (_, at) => [at, 1])

/** What is left, and after how many tries. */
const shrunk = (deviations: ReadonlyArray<Deviation>, fails: (tried: ReadonlyArray<Deviation>) => boolean) => {
  const tries = shrink(deviations)
  let tried = tries.next()
  let count = 0
  while (tried.done !== true) {
    count++
    assert.isBelow(tried.value.length, deviations.length)
    tried = tries.next(fails(tried.value) ? tried.value : undefined)
  }
  return { left: tried.value.map(([at]) => at), count }
}

const anyNeeded = Arbitrary.array(Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 59 }))), {
  maxLength: 6
})

describe("shrink", () => {
  it.effect.prop("leaves what it takes to fail, and nothing else", [anyNeeded], ([needed]) =>
    Effect.sync(() => {
      const wanted = new Set(needed)
      const { left } = shrunk(all(60), (tried) => [...wanted].every((at) => tried.some(([other]) => other === at)))
      assert.deepStrictEqual(
        left,
        [...wanted].toSorted((a, b) => a - b)
      )
    })
  )

  it.effect("tries to do without any first", () =>
    Effect.sync(() =>
      assert.deepStrictEqual(
        shrunk(all(1_000), () => true),
        { left: [], count: 1 }
      )
    )
  )

  it.effect("takes tries in the order of the logarithm for a single one of many", () =>
    Effect.sync(() => {
      const { count, left } = shrunk(all(1_024), (tried) => tried.some(([at]) => at === 700))
      assert.deepStrictEqual(left, [700])
      assert.isBelow(count, 60)
    })
  )

  it.effect("leaves all when none can be done without", () =>
    Effect.sync(() => assert.strictEqual(shrunk(all(20), () => false).left.length, 20))
  )

  it.effect("goes on from what the run has made of a try", () =>
    Effect.sync(() => {
      const tries = shrink(all(8))
      assert.deepStrictEqual(tries.next().value, [])
      tries.next(undefined)
      // Half of them was asked for, and one was made, which nothing can be taken from that was not tried.
      assert.deepStrictEqual(tries.next([[2, 1]]), { done: true, value: [[2, 1]] })
    })
  )
})
