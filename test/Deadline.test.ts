import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Duration from "effect/Duration"
import * as Function from "effect/Function"
import * as Schema from "effect/Schema"
import * as Deadline from "../src/Deadline.ts"

/** Quarters of a millisecond, so that sums are exact and boundaries are met. */
const quarters = (minimum: number, maximum: number) =>
  Arbitrary.map(Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum }))), (n) => n / 4)

const reading = quarters(0, 2 ** 40)
const near = quarters(0, 20)

describe("Deadline", () => {
  describe("after", () => {
    it("a deadline is the reading plus the duration, in milliseconds", () => {
      assert.strictEqual(Deadline.after(1000, 250), 1250)
      assert.strictEqual(Deadline.after(1000.5, 0.25), 1000.75)
      assert.strictEqual(Deadline.after(1000, "2 seconds"), 3000)
      assert.strictEqual(Deadline.after(1000, Duration.minutes(1)), 61_000)
      assert.strictEqual(Deadline.after(1000, 500_000n), 1000.5)
      assert.strictEqual(Deadline.after(1000, [1, 500_000_000]), 2500)
      assert.strictEqual(Deadline.after(1000, { seconds: 1, milliseconds: 1 }), 2001)
    })

    it("an endless duration gives no deadline", () => {
      assert.strictEqual(Deadline.none, Infinity)
      assert.strictEqual(Deadline.after(1000, Infinity), Deadline.none)
      assert.strictEqual(Deadline.after(1000, "Infinity"), Deadline.none)
      assert.strictEqual(Deadline.after(1000, Duration.infinity), Deadline.none)
    })

    const nothing: ReadonlyArray<readonly [string, Duration.Input]> = [
      ["zero", 0],
      ["minus zero", -0],
      ["a negative number", -1],
      ["a negative string", "-1 seconds"],
      ["a negative bigint", -1n],
      ["minus infinity", -Infinity],
      ["the string of minus infinity", "-Infinity"],
      ["not a number", Number.NaN],
      ["a duration made of not a number", Duration.millis(Number.NaN)]
    ]
    for (const [name, duration] of nothing) {
      it(`a duration that is ${name} gives a deadline that has expired, and no earlier one than now`, () => {
        assert.strictEqual(Deadline.after(1000, duration), 1000)
        assert.isTrue(Deadline.isExpired(Deadline.after(1000, duration), 1000))
      })
    }

    it("a string that is no duration throws", () => {
      // @ts-expect-error the compiler refuses it as well
      assert.throws(() => Deadline.after(1000, "soon"))
    })

    // Up to three days: a Duration with fractions counts nanoseconds, which a number holds exactly up to 104 days.
    it.prop("a number and the duration of it give the same", [reading, quarters(-20, 2 ** 30)], ([now, millis]) => {
      assert.strictEqual(Deadline.after(now, millis), Deadline.after(now, Duration.millis(millis)))
    })
  })

  describe("earliest", () => {
    it("the earlier of two is given, in either order", () => {
      assert.strictEqual(Deadline.earliest(1000, 1000.25), 1000)
      assert.strictEqual(Deadline.earliest(1000.25, 1000), 1000)
      assert.strictEqual(Deadline.earliest(1000, 1000), 1000)
    })

    it("any deadline is earlier than none", () => {
      assert.strictEqual(Deadline.earliest(Deadline.none, 1000), 1000)
      assert.strictEqual(Deadline.earliest(1000, Deadline.none), 1000)
      assert.strictEqual(Deadline.earliest(Deadline.none, Deadline.none), Deadline.none)
    })

    it.prop("the earliest has expired when any has", [near, near, near], ([one, other, now]) => {
      const isAnyExpired = Deadline.isExpired(one, now) || Deadline.isExpired(other, now)
      assert.strictEqual(Deadline.isExpired(Deadline.earliest(one, other), now), isAnyExpired)
    })
  })

  describe("isExpired", () => {
    it("a deadline has expired at its own moment, and not before", () => {
      assert.isFalse(Deadline.isExpired(1000, 999.75))
      assert.isTrue(Deadline.isExpired(1000, 1000))
      assert.isTrue(Deadline.isExpired(1000, 1000.25))
    })

    it("no deadline never expires", () => {
      assert.isFalse(Deadline.isExpired(Deadline.none, Number.MAX_VALUE))
    })
  })

  describe("remaining", () => {
    it("what remains is the time to the deadline, and never less than nothing", () => {
      assert.strictEqual(Deadline.remaining(1000, 999.75), 0.25)
      assert.strictEqual(Deadline.remaining(1000, 1000), 0)
      assert.strictEqual(Deadline.remaining(1000, 1000.25), 0)
      assert.strictEqual(Deadline.remaining(Deadline.none, 1000), Infinity)
    })

    it.prop("nothing remains exactly when a deadline has expired", [near, near], ([deadline, now]) => {
      assert.strictEqual(Deadline.remaining(deadline, now) === 0, Deadline.isExpired(deadline, now))
    })

    it.prop("at the start the whole duration remains", [reading, quarters(0, 2 ** 40)], ([now, millis]) => {
      assert.strictEqual(Deadline.remaining(Deadline.after(now, millis), now), millis)
    })
  })

  it("both ways of calling give the same", () => {
    assert.strictEqual(Function.pipe(1000, Deadline.after("1 second")), 2000)
    assert.strictEqual(Function.pipe(1000, Deadline.earliest(900)), 900)
    assert.isFalse(Function.pipe(1000, Deadline.isExpired(900)))
    assert.isTrue(Function.pipe(900, Deadline.isExpired(1000)))
    assert.strictEqual(Function.pipe(1000, Deadline.remaining(900)), 100)
  })
})
