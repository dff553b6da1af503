import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Function from "effect/Function"
import * as Schema from "effect/Schema"
import * as Backoff from "../src/Backoff.ts"

const jittered: Backoff.Policy = { base: 100, cap: 5000, jitter: true }
const doubling: Backoff.Policy = { base: 100, cap: 5000, jitter: false }

/** The largest number that is below 1. */
const almostOne = 1 - 2 ** -53

const int = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

/** As Random.next gives it: a multiple of 2 ** -53, below 1. */
const anyRandom = Arbitrary.map(int(0, 2 ** 53 - 1), (n) => n * 2 ** -53)

/** Bounds with fractions, and now and then the same number twice. */
const anyPolicy = Arbitrary.map(
  Arbitrary.all({ base: int(1, 100_000), room: int(0, 1_000_000), jitter: Arbitrary.schema(Schema.Boolean) }),
  ({ base, jitter, room }): Backoff.Policy => ({ base: base / 8, cap: (base + room) / 8, jitter })
)

/** A series of up to 60 restarts, each with a policy of its own. */
const anyRestarts = Arbitrary.array(Arbitrary.all({ policy: anyPolicy, random: anyRandom }), {
  minLength: 1,
  maxLength: 60
})
const checks = { arbitrary: { runs: 300, size: 60 } }

const delays = (policy: Backoff.Policy, randoms: ReadonlyArray<number>): ReadonlyArray<number> => {
  let backoff = Backoff.initial
  return randoms.map((random) => {
    backoff = Backoff.next(backoff, policy, random)
    return backoff.delay
  })
}

describe("Backoff", () => {
  it("nothing has been given before the first restart", () => {
    assert.deepStrictEqual(Backoff.initial, { delay: 0, attempt: 0 })
  })

  it.prop(
    "a delay is never below base nor above cap, also when the policy changes between restarts",
    [anyRestarts],
    ([restarts]) => {
      let backoff = Backoff.initial
      for (const { policy, random } of restarts) {
        backoff = Backoff.next(backoff, policy, random)
        assert.isAtLeast(backoff.delay, policy.base)
        assert.isAtMost(backoff.delay, policy.cap)
      }
    },
    checks
  )

  it.prop(
    "a delay of an endless series is within base and cap",
    [anyPolicy, anyRandom, int(0, Number.MAX_SAFE_INTEGER)],
    ([policy, random, attempt]) => {
      const { delay } = Backoff.next({ delay: policy.cap, attempt }, policy, random)
      assert.isAtLeast(delay, policy.base)
      assert.isAtMost(delay, policy.cap)
    }
  )

  it.prop(
    "each delay counts as one attempt",
    [anyRestarts],
    ([restarts]) => {
      const last = restarts.reduce((self, { policy, random }) => Backoff.next(self, policy, random), Backoff.initial)
      assert.strictEqual(last.attempt, restarts.length)
    },
    checks
  )

  it("a series goes on from where it was, whichever way it is called", () => {
    const first = Backoff.next(Backoff.initial, jittered, 0.25)
    assert.deepStrictEqual(first, { delay: 150, attempt: 1 })
    assert.deepStrictEqual(Function.pipe(first, Backoff.next(jittered, 0.5)), { delay: 275, attempt: 2 })
    // The value it was called with is as it was.
    assert.deepStrictEqual(first, { delay: 150, attempt: 1 })
  })

  describe("with jitter", () => {
    it("the first delay is between base and three times base", () => {
      assert.strictEqual(Backoff.next(Backoff.initial, jittered, 0).delay, 100)
      assert.strictEqual(Backoff.next(Backoff.initial, jittered, 0.5).delay, 200)
      assert.closeTo(Backoff.next(Backoff.initial, jittered, almostOne).delay, 300, 1e-9)
    })

    it("a later delay is between base and three times the previous one", () => {
      const previous: Backoff.Backoff = { delay: 400, attempt: 7 }
      assert.strictEqual(Backoff.next(previous, jittered, 0).delay, 100)
      assert.strictEqual(Backoff.next(previous, jittered, 0.5).delay, 650)
      assert.closeTo(Backoff.next(previous, jittered, almostOne).delay, 1200, 1e-9)
    })

    it.prop(
      "a delay is at most three times the previous one, and the first at most three times base",
      [anyPolicy, Arbitrary.array(anyRandom, { minLength: 1, maxLength: 60 })],
      ([policy, randoms]) => {
        let previous = policy.base
        for (const delay of delays({ ...policy, jitter: true }, randoms)) {
          // Rounding may add a last digit.
          assert.isAtMost(delay, 3 * previous * (1 + 2 * Number.EPSILON))
          previous = delay
        }
      },
      checks
    )

    it.prop(
      "a larger random number never gives a shorter delay",
      [anyPolicy, anyRandom, anyRandom],
      ([policy, one, other]) => {
        const delay = (random: number) => Backoff.next(Backoff.initial, { ...policy, jitter: true }, random).delay
        assert.isAtMost(delay(Math.min(one, other)), delay(Math.max(one, other)))
      }
    )

    it("the cap is applied last: what is drawn above it becomes the cap", () => {
      const previous: Backoff.Backoff = { delay: 5000, attempt: 9 }
      // From 100 to 15000: 4900 / 14900 of them are below the cap.
      assert.isBelow(Backoff.next(previous, jittered, 0.328).delay, 5000)
      assert.strictEqual(Backoff.next(previous, jittered, 0.329).delay, 5000)
      assert.strictEqual(Backoff.next(previous, jittered, almostOne).delay, 5000)
    })

    it("the number of attempts does not matter", () => {
      const delay = (attempt: number) => Backoff.next({ delay: 300, attempt }, jittered, 0.5).delay
      assert.strictEqual(delay(0), delay(1_000_000))
    })

    it("after base was raised, the previous delay counts as the new base", () => {
      const raised: Backoff.Policy = { base: 1000, cap: 5000, jitter: true }
      assert.strictEqual(Backoff.next({ delay: 100, attempt: 1 }, raised, 0.5).delay, 2000)
      assert.strictEqual(Backoff.next({ delay: 1001, attempt: 1 }, raised, 0.5).delay, 2001.5)
    })

    it("base and cap may be the same: every delay is that", () => {
      assert.deepStrictEqual(delays({ base: 100, cap: 100, jitter: true }, [0, 0.5, almostOne]), [100, 100, 100])
    })
  })

  describe("without jitter", () => {
    it("a delay is twice the previous one until the cap, whatever the random numbers", () => {
      assert.deepStrictEqual(
        delays(doubling, [0, 0.5, almostOne, 0, 0.5, almostOne, 0, 0]),
        [100, 200, 400, 800, 1600, 3200, 5000, 5000]
      )
    })

    it("a delay of exactly the cap is not changed", () => {
      assert.deepStrictEqual(delays({ base: 100, cap: 400, jitter: false }, [0, 0, 0, 0]), [100, 200, 400, 400])
    })

    it("a delay is the cap when two to the number of attempts is infinite", () => {
      assert.strictEqual(2 ** 1024, Infinity)
      assert.strictEqual(Backoff.next({ delay: 5000, attempt: 1024 }, doubling, 0).delay, 5000)
      assert.strictEqual(Backoff.next({ delay: 5000, attempt: Number.MAX_SAFE_INTEGER }, doubling, 0).delay, 5000)
    })

    it("the previous delay does not matter", () => {
      assert.strictEqual(Backoff.next({ delay: 1234.5, attempt: 2 }, doubling, 0.5).delay, 400)
    })
  })
})
