import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Function from "effect/Function"
import * as Schema from "effect/Schema"
import * as RestartWindow from "../src/RestartWindow.ts"

interface Limits {
  readonly window: number
  readonly threshold: number
}

const threeInTen: Limits = { window: 10_000, threshold: 3 }

/** Asks for a restart at each of the times: the answers, and the window left at the end. */
const restartAt = (times: ReadonlyArray<number>, limits: Limits, start = RestartWindow.empty) => {
  let window = start
  const answers = times.map((now) => {
    const admission = RestartWindow.admit(window, { ...limits, now })
    window = admission.window
    return admission.admitted
  })
  return { answers, window }
}

const int = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

/** Non-decreasing readings with quarters of a millisecond, so that sums are exact and boundaries are met. */
const anyTimes = Arbitrary.map(
  Arbitrary.all({ start: int(0, 1_000_000), gaps: Arbitrary.array(int(0, 20), { maxLength: 80 }) }),
  ({ gaps, start }) => {
    let now = start / 4
    return gaps.map((gap) => (now += gap / 4))
  }
)
const anyLimits = Arbitrary.map(
  Arbitrary.all({ window: int(0, 60), threshold: int(0, 6) }),
  ({ threshold, window }): Limits => ({ window: window / 4, threshold })
)
const checks = { arbitrary: { runs: 500, size: 80 } }

describe("RestartWindow", () => {
  it("an empty window has no restarts", () => {
    assert.deepStrictEqual(RestartWindow.empty, { restarts: [] })
    assert.strictEqual(RestartWindow.count(RestartWindow.empty, { now: 0, window: 10_000 }), 0)
  })

  it("as many restarts as the threshold are admitted at once, and not one more", () => {
    assert.deepStrictEqual(restartAt([7, 7, 7, 7, 7], threeInTen).answers, [true, true, true, false, false])
  })

  it("a threshold of one admits one restart in a window", () => {
    assert.deepStrictEqual(restartAt([0, 9999, 10_000], { window: 10_000, threshold: 1 }).answers, [true, false, true])
  })

  it("a threshold of zero admits none", () => {
    assert.deepStrictEqual(restartAt([0, 1e9], { window: 10_000, threshold: 0 }).answers, [false, false])
  })

  it("a restart counts for less than the window: at exactly its end it no longer does", () => {
    const { window } = restartAt([1000], threeInTen)
    const count = (now: number) => RestartWindow.count(window, { now, window: 10_000 })
    assert.strictEqual(count(1000), 1)
    assert.strictEqual(count(10_999.75), 1)
    assert.strictEqual(count(11_000), 0)
    assert.strictEqual(count(11_000.25), 0)
  })

  it("a restart is refused until the oldest of them is exactly one window ago", () => {
    const { window } = restartAt([1000, 2000, 3000], threeInTen)
    assert.isFalse(RestartWindow.admit(window, { ...threeInTen, now: 10_999.75 }).admitted)
    assert.isTrue(RestartWindow.admit(window, { ...threeInTen, now: 11_000 }).admitted)
  })

  it("an admitted restart comes first, and those that are too old go", () => {
    const { window } = restartAt([1000, 2000, 11_500], threeInTen)
    assert.deepStrictEqual(window, { restarts: [11_500, 2000] })
  })

  it("a refused restart is not remembered, and those that are too old go as well", () => {
    const { answers, window } = restartAt([0, 5000, 6000, 6500], threeInTen)
    assert.deepStrictEqual(answers, [true, true, true, false])
    assert.deepStrictEqual(window, { restarts: [6000, 5000, 0] })
    const lowered = RestartWindow.admit(window, { window: 10_000, threshold: 2, now: 10_000 })
    assert.deepStrictEqual(lowered, { admitted: false, window: { restarts: [6000, 5000] } })
  })

  it("the window that was asked is as it was", () => {
    const { window } = restartAt([0, 5000], threeInTen)
    RestartWindow.admit(window, { ...threeInTen, now: 12_000 })
    assert.deepStrictEqual(window, { restarts: [5000, 0] })
    assert.deepStrictEqual(RestartWindow.empty, { restarts: [] })
  })

  it("both ways of calling give the same", () => {
    const { window } = restartAt([0, 5000], threeInTen)
    const options = { ...threeInTen, now: 12_000 }
    assert.deepStrictEqual(Function.pipe(window, RestartWindow.admit(options)), RestartWindow.admit(window, options))
    assert.strictEqual(Function.pipe(window, RestartWindow.count(options)), 1)
    assert.strictEqual(RestartWindow.count(window, options), 1)
  })

  it("after the threshold was lowered, restarts are refused until enough have gone", () => {
    const { window } = restartAt([0, 1000, 2000], threeInTen)
    const lowered = { window: 10_000, threshold: 2 }
    assert.deepStrictEqual(restartAt([3000, 10_000, 11_000], lowered, window).answers, [false, false, true])
  })

  it("after the threshold was raised, the restarts so far still count", () => {
    const { window } = restartAt([0, 1000, 2000], threeInTen)
    assert.deepStrictEqual(restartAt([3000, 4000], { window: 10_000, threshold: 4 }, window).answers, [true, false])
  })

  it("in an endless window no restart is ever forgotten", () => {
    const endless = { window: Infinity, threshold: 2 }
    assert.deepStrictEqual(restartAt([0, 1e9, 1e12], endless).answers, [true, true, false])
  })

  it("in a window of no length no restart counts", () => {
    assert.deepStrictEqual(restartAt([5, 5, 5], { window: 0, threshold: 1 }).answers, [true, true, true])
  })

  it.prop(
    "restarts are admitted exactly as in a model that remembers all of them",
    [anyTimes, anyLimits],
    ([times, limits]) => {
      const admitted: Array<number> = []
      const expected = times.map((now) => {
        const isAdmitted = admitted.filter((at) => at > now - limits.window).length < limits.threshold
        if (isAdmitted) admitted.push(now)
        return isAdmitted
      })
      assert.deepStrictEqual(restartAt(times, limits).answers, expected)
    },
    checks
  )

  it.prop(
    "no span as long as the window, its end excluded, sees more restarts than the threshold",
    // In a window of no length nothing counts.
    [anyTimes, Arbitrary.filter(anyLimits, ({ window }) => window > 0)],
    ([times, limits]) => {
      const { answers } = restartAt(times, limits)
      const admitted = times.filter((_, index) => answers[index])
      for (const from of times) {
        const seen = admitted.filter((at) => from <= at && at < from + limits.window)
        assert.isAtMost(seen.length, limits.threshold)
      }
    },
    checks
  )

  it.prop(
    "it never holds more restarts than the threshold, the latest first, all of them in the window",
    [anyTimes, anyLimits],
    ([times, limits]) => {
      let window = RestartWindow.empty
      for (const now of times) {
        const admission = RestartWindow.admit(window, { ...limits, now })
        window = admission.window
        assert.isAtMost(window.restarts.length, limits.threshold)
        assert.deepStrictEqual(
          window.restarts,
          window.restarts.toSorted((a, b) => b - a)
        )
        // The one admitted now counts for itself, also where the window has no length.
        const before = admission.admitted ? window.restarts.slice(1) : window.restarts
        assert.isTrue(before.every((at) => now - at < limits.window))
      }
    },
    checks
  )

  it.prop(
    "a crash every window / threshold milliseconds is restarted for ever",
    [int(1, 1000), int(1, 10)],
    ([gap, threshold]) => {
      const crashes = Array.from({ length: 5 * threshold + 5 }, (_, index) => index * gap)
      assert.isTrue(restartAt(crashes, { window: gap * threshold, threshold }).answers.every(Boolean))
    }
  )

  it.prop(
    "a crash more often than that is given up at the first one above the threshold",
    [int(1, 1000), int(1, 10)],
    ([gap, threshold]) => {
      const crashes = Array.from({ length: threshold + 1 }, (_, index) => index * gap)
      const { answers } = restartAt(crashes, { window: gap * threshold + 0.25, threshold })
      assert.strictEqual(answers.indexOf(false), threshold)
    }
  )
})
