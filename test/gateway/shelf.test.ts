import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Shelf from "../../examples/gateway/shop/shelf.ts"

const Step = Schema.Struct({
  what: Schema.Literals(["hold", "release", "sell"]),
  order: Schema.Literals(["a", "b", "c"]),
  units: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 6 }))
})

describe("a shelf", () => {
  it.prop(
    "has as many units as before, whatever is held, released and sold, and never less than none",
    [Schema.Array(Step)],
    ([steps]) => {
      let shelf = Shelf.full(10)
      let sold = 0
      for (const { order, units, what } of steps) {
        if (what === "hold") shelf = Shelf.hold(shelf, order, units) ?? shelf
        if (what === "release") shelf = Shelf.release(shelf, order)
        if (what === "sell") shelf = Shelf.sell(shelf, order)
        assert.strictEqual(shelf.available + Shelf.heldUnits(shelf) + shelf.sold, 10)
        assert.isAtLeast(shelf.available, 0)
        assert.isAtLeast(shelf.sold, sold)
        sold = shelf.sold
      }
    }
  )

  it("refuses more than there is, and holds once for an order", () => {
    const shelf = Shelf.hold(Shelf.full(10), "a", 6)!
    assert.isUndefined(Shelf.hold(shelf, "b", 5))
    assert.strictEqual(Shelf.hold(shelf, "a", 6), shelf)
    assert.strictEqual(Shelf.release(shelf, "b"), shelf)
    assert.strictEqual(Shelf.sell(Shelf.sell(shelf, "a"), "a").sold, 6)
  })
})
