import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { type TimerEntry, Timers } from "../../src/internal/timers.ts"

/**
 * A clock that shows who sleeps on it: TestClock does not, and it never wakes anybody late.
 *
 * Its wall clock runs backwards, so that whoever reads it for a deadline is found out.
 */
class FakeClock implements Clock.Clock {
  millis = 0
  readonly sleepers = new Set<{ readonly at: number; readonly wake: () => void }>()

  currentTimeMillisUnsafe(): number {
    return -this.millis
  }
  currentTimeNanosUnsafe(): bigint {
    return -this.monotonicTimeNanosUnsafe()
  }
  monotonicTimeNanosUnsafe(): bigint {
    return BigInt(this.millis * 1_000_000)
  }
  readonly currentTimeMillis = Effect.sync(() => this.currentTimeMillisUnsafe())
  readonly currentTimeNanos = Effect.sync(() => this.currentTimeNanosUnsafe())
  readonly monotonicTimeNanos = Effect.sync(() => this.monotonicTimeNanosUnsafe())

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const sleeper = { at: this.millis + Duration.toMillis(duration), wake: () => resume(Effect.void) }
      this.sleepers.add(sleeper)
      return Effect.sync(() => this.sleepers.delete(sleeper))
    })
  }

  /** The event loop stalls: nobody is woken before all the time has passed. */
  stall(millis: number): void {
    this.millis += millis
    for (const sleeper of this.sleepers) {
      if (sleeper.at > this.millis) continue
      this.sleepers.delete(sleeper)
      sleeper.wake()
    }
  }

  /** Everybody is woken at the time they asked for. */
  advance(millis: number): void {
    const end = this.millis + millis
    while (true) {
      const next = Math.min(...Array.from(this.sleepers, ({ at }) => at))
      if (next > end) break
      this.stall(next - this.millis)
    }
    this.millis = end
  }
}

interface Alarm extends TimerEntry {
  readonly name: string
}

const setup = () => {
  const clock = new FakeClock()
  const timers = new Timers(clock, Context.make(Clock.Clock, clock))
  /** What fired, and at what time. */
  const fired: Array<readonly [name: string, at: number]> = []
  const alarm = (name: string, at: number, onFire: () => void = () => {}): Alarm => ({
    name,
    at,
    place: -1,
    order: 0,
    fire: () => {
      fired.push([name, clock.millis])
      onFire()
    }
  })
  const add = (name: string, at: number, onFire?: () => void): Alarm => {
    const entry = alarm(name, at, onFire)
    timers.add(entry)
    return entry
  }
  const names = () => fired.map(([name]) => name)
  return { clock, timers, fired, names, alarm, add }
}

const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** Quarters of a millisecond, so that sums are exact and times are met twice. */
const quarters = (minimum: number, maximum: number) => int(minimum * 4, maximum * 4)

const step = Schema.Union([
  Schema.Struct({ do: Schema.tag("add"), in: int(1, 400) }),
  Schema.Struct({ do: Schema.tag("add"), in: int(1, 40) }),
  Schema.Struct({ do: Schema.tag("add"), in: int(1, 40) }),
  Schema.Struct({ do: Schema.tag("remove"), which: int(0, 40) }),
  Schema.Struct({ do: Schema.tag("advance"), by: quarters(0, 8) }),
  Schema.Struct({ do: Schema.tag("stall"), by: quarters(0, 8) })
])
const steps = Arbitrary.array(Arbitrary.schema(step), { maxLength: 150 })
const checks = { arbitrary: { runs: 300, size: 150 } }

describe("Timers", () => {
  describe("an entry", () => {
    it("fires at its time, once, and not a moment before", () => {
      const { add, clock, fired } = setup()
      const entry = add("a", 10)
      clock.advance(9.75)
      assert.deepStrictEqual(fired, [])
      clock.advance(0.25)
      assert.deepStrictEqual(fired, [["a", 10]])
      assert.strictEqual(entry.place, -1)
      clock.advance(100)
      assert.strictEqual(fired.length, 1)
    })

    it("at a fraction of a millisecond fires at the next whole one, never before", () => {
      const { add, clock, fired } = setup()
      add("a", 10.25)
      clock.advance(10.75)
      assert.deepStrictEqual(fired, [])
      clock.advance(0.25)
      assert.deepStrictEqual(fired, [["a", 11]])
    })

    it("whose time has passed when it is added fires within a millisecond, not on the stack of whoever adds it", () => {
      const { add, clock, fired } = setup()
      clock.advance(50)
      add("late", 20)
      add("now", 50)
      assert.deepStrictEqual(fired, [])
      clock.advance(1)
      assert.deepStrictEqual(fired, [
        ["late", 51],
        ["now", 51]
      ])
    })

    it("is ordered by time, whatever the order of adding", () => {
      const { add, clock, names } = setup()
      for (const at of [7, 3, 9, 1, 8, 2, 6, 4, 5]) add(String(at), at)
      clock.stall(100)
      assert.deepStrictEqual(names(), ["1", "2", "3", "4", "5", "6", "7", "8", "9"])
    })

    it("fires after those that were added before it for the same time", () => {
      const { add, clock, names, timers } = setup()
      const entries = Array.from({ length: 40 }, (_, i) => add(String(i), 5))
      // Taking some out moves others about in the heap.
      for (let i = 0; i < 40; i += 3) timers.remove(entries[i]!)
      clock.advance(5)
      assert.deepStrictEqual(
        names(),
        entries.filter((_, i) => i % 3 !== 0).map(({ name }) => name)
      )
    })

    it("earlier than all others wakes the sleeper earlier, and there is one sleeper", () => {
      const { add, clock, fired } = setup()
      for (const at of [100, 50, 20, 70, 10]) {
        add(String(at), at)
        assert.strictEqual(clock.sleepers.size, 1)
      }
      clock.advance(10)
      assert.deepStrictEqual(fired, [["10", 10]])
      clock.advance(200)
      assert.deepStrictEqual(fired, [
        ["10", 10],
        ["20", 20],
        ["50", 50],
        ["70", 70],
        ["100", 100]
      ])
      assert.strictEqual(clock.sleepers.size, 0)
    })

    it("may be added again once it has fired or was removed", () => {
      const { clock, fired, timers } = setup()
      const entry = { at: 5, place: -1, order: 0, fire: () => fired.push(["a", clock.millis]) }
      timers.add(entry)
      clock.advance(5)
      entry.at = 8
      timers.add(entry)
      timers.remove(entry)
      entry.at = 12
      timers.add(entry)
      clock.advance(100)
      assert.deepStrictEqual(fired, [
        ["a", 5],
        ["a", 12]
      ])
    })
  })

  describe("a removed entry", () => {
    it("never fires, and leaves the others in order", () => {
      const { add, clock, names, timers } = setup()
      const entries = Array.from({ length: 31 }, (_, i) => add(String(i), (i * 17) % 31))
      const removed = entries.filter((_, i) => i % 4 === 1)
      for (const entry of removed) {
        timers.remove(entry)
        assert.strictEqual(entry.place, -1)
      }
      clock.stall(1000)
      const left = entries.filter((entry) => !removed.includes(entry)).toSorted((a, b) => a.at - b.at)
      assert.deepStrictEqual(
        names(),
        left.map(({ name }) => name)
      )
    })

    it("is replaced by one that may belong further up", () => {
      const { add, clock, names, timers } = setup()
      // As a heap: 1 above 10 and 2, 10 above 11 and 12, 2 above 3 and 4. The last, 4, takes the place of 11, below 10.
      const entries = [1, 10, 2, 11, 12, 3, 4].map((at) => add(String(at), at))
      timers.remove(entries[3]!)
      add("20", 20)
      add("21", 21)
      clock.stall(100)
      assert.deepStrictEqual(names(), ["1", "2", "3", "4", "10", "12", "20", "21"])
    })

    it("may be removed again, also after it has fired, without touching another", () => {
      const { add, clock, names, timers } = setup()
      const first = add("first", 1)
      const second = add("second", 2)
      add("third", 3)
      clock.advance(1)
      timers.remove(first)
      timers.remove(second)
      timers.remove(second)
      clock.advance(100)
      assert.deepStrictEqual(names(), ["first", "third"])
    })

    it("that was never added is none", () => {
      const { add, alarm, clock, names, timers } = setup()
      add("a", 1)
      timers.remove(alarm("stranger", 1))
      clock.advance(1)
      assert.deepStrictEqual(names(), ["a"])
    })

    it("that was the only one leaves nobody asleep once its time has passed", () => {
      const { add, clock, timers } = setup()
      timers.remove(add("a", 10))
      clock.advance(10)
      assert.strictEqual(clock.sleepers.size, 0)
    })
  })

  describe("after a stall", () => {
    it("all that is due fires at the one next wake-up, in order, and what is not stays", () => {
      const { add, clock, fired } = setup()
      for (let at = 100; at > 0; at--) add(String(at), at)
      clock.stall(60)
      assert.deepStrictEqual(
        fired,
        Array.from({ length: 60 }, (_, i) => [String(i + 1), 60])
      )
      clock.stall(1_000_000)
      assert.strictEqual(fired.length, 100)
      assert.strictEqual(clock.sleepers.size, 0)
    })

    it("what comes next is not late by what the stall took", () => {
      const { add, clock, fired } = setup()
      add("due", 10)
      add("next", 500)
      clock.stall(499)
      clock.advance(1)
      assert.deepStrictEqual(fired, [
        ["due", 499],
        ["next", 500]
      ])
    })
  })

  describe("an entry that fires", () => {
    it("may add an earlier, a later and a due entry", () => {
      const { add, clock, fired } = setup()
      add("far", 100)
      add("a", 10, () => {
        add("later", 30)
        add("earlier", 20)
        add("due", 5)
      })
      clock.advance(10)
      assert.deepStrictEqual(fired, [
        ["a", 10],
        ["due", 10]
      ])
      assert.strictEqual(clock.sleepers.size, 1)
      clock.advance(200)
      assert.deepStrictEqual(fired.slice(2), [
        ["earlier", 20],
        ["later", 30],
        ["far", 100]
      ])
    })

    it("may add itself again", () => {
      const { clock, fired, timers } = setup()
      const entry = {
        at: 3,
        place: -1,
        order: 0,
        fire: () => {
          fired.push(["tick", clock.millis])
          entry.at += 3
          timers.add(entry)
        }
      }
      timers.add(entry)
      clock.advance(10)
      assert.deepStrictEqual(fired, [
        ["tick", 3],
        ["tick", 6],
        ["tick", 9]
      ])
      timers.remove(entry)
      clock.advance(10)
      assert.strictEqual(fired.length, 3)
      assert.strictEqual(clock.sleepers.size, 0)
    })

    it("may remove the next that is due, and itself", () => {
      const { add, clock, names, timers } = setup()
      const first = add("first", 1, () => {
        timers.remove(first)
        timers.remove(second)
      })
      const second = add("second", 1)
      add("third", 1)
      clock.advance(1)
      assert.deepStrictEqual(names(), ["first", "third"])
    })

    it("may shut everything down: nothing fires after it and nobody sleeps", () => {
      const { add, clock, names, timers } = setup()
      add("first", 1, () => timers.shutdown())
      add("second", 1)
      add("third", 2)
      clock.stall(10)
      clock.advance(10)
      assert.deepStrictEqual(names(), ["first"])
      assert.strictEqual(clock.sleepers.size, 0)
    })

    it("may fire what else is due: each fires once, in order", () => {
      const { add, clock, names, timers } = setup()
      add("first", 1, () => timers.fireDue())
      add("second", 2, () => timers.fireDue())
      add("third", 3)
      add("fourth", 9)
      clock.stall(5)
      assert.deepStrictEqual(names(), ["first", "second", "third"])
      assert.strictEqual(clock.sleepers.size, 1)
      clock.advance(4)
      assert.deepStrictEqual(names(), ["first", "second", "third", "fourth"])
    })
  })

  it("firing what is due ahead of the sleeper leaves it nothing to fire twice", () => {
    const { add, clock, fired, timers } = setup()
    add("a", 10, () => add("c", 12))
    add("b", 20)
    clock.millis = 10
    timers.fireDue()
    assert.deepStrictEqual(fired, [["a", 10]])
    clock.advance(100)
    assert.deepStrictEqual(fired.slice(1), [
      ["c", 12],
      ["b", 20]
    ])
    assert.strictEqual(clock.sleepers.size, 0)
  })

  it("a shutdown forgets all entries and leaves nobody asleep", () => {
    const { add, clock, fired, timers } = setup()
    const entries = [add("a", 10), add("b", 20)]
    timers.shutdown()
    assert.strictEqual(clock.sleepers.size, 0)
    assert.deepStrictEqual(
      entries.map(({ place }) => place),
      [-1, -1]
    )
    for (const entry of entries) timers.remove(entry)
    timers.shutdown()
    clock.advance(100)
    assert.deepStrictEqual(fired, [])
  })

  it.prop(
    "under any adding, removing and passing of time, what is due fires once, in order, and nothing early",
    [steps],
    ([steps]) => {
      const { add, clock, fired, timers } = setup()
      // In the order in which they are to fire: by time, then by when they were added.
      let model: Array<Alarm> = []
      let added = 0
      for (const step of steps) {
        fired.length = 0
        if (step.do === "add") {
          const entry = add(String(added++), clock.millis + step.in / 4)
          const after = model.findIndex(({ at }) => at > entry.at)
          model.splice(after < 0 ? model.length : after, 0, entry)
        } else if (step.do === "remove") {
          const entry = model[step.which % Math.max(1, model.length)]
          if (entry !== undefined) timers.remove(entry)
          model = model.filter((other) => other !== entry)
        } else {
          clock[step.do](step.by / 4)
        }
        const due = model.splice(0, fired.length)
        assert.deepStrictEqual(
          fired.map(([name]) => name),
          due.map(({ name }) => name)
        )
        fired.forEach(([, at], i) => {
          assert.isAtLeast(at, due[i]!.at)
          // Sleeps are whole milliseconds.
          if (step.do === "advance") assert.isBelow(at, due[i]!.at + 1)
        })
        for (const { at, place } of model) {
          assert.isAbove(at + 1, clock.millis)
          assert.isAtLeast(place, 0)
        }
        assert.isAtMost(clock.sleepers.size, 1)
        if (model.length > 0) assert.strictEqual(clock.sleepers.size, 1)
      }
      fired.length = 0
      clock.stall(1_000)
      assert.deepStrictEqual(
        fired.map(([name]) => name),
        model.map(({ name }) => name)
      )
      assert.strictEqual(clock.sleepers.size, 0)
    },
    checks
  )

  it.prop(
    "entries that add and remove others while they fire: each fires once, none early, none is left",
    [
      Arbitrary.array(Arbitrary.schema(Schema.Tuple([quarters(0, 10), quarters(-3, 6), int(0, 60)])), { maxLength: 60 })
    ],
    ([plan]) => {
      const { add, clock, fired, timers } = setup()
      const entries = new Map<string, Alarm>()
      const removed = new Set<string>()
      const start = (name: string, at: number, onFire?: () => void) => entries.set(name, add(name, at, onFire))
      plan.forEach(([at, child, victim], i) =>
        start(String(i), at / 4, () => {
          start(`${i}'`, clock.millis + child / 4)
          const entry = entries.get(String(victim))
          if (entry !== undefined && entry.place >= 0) {
            removed.add(entry.name)
            timers.remove(entry)
          }
        })
      )
      clock.advance(5)
      clock.stall(100)
      clock.advance(100)
      const names = fired.map(([name]) => name)
      assert.strictEqual(new Set(names).size, names.length)
      assert.sameMembers(
        names,
        Array.from(entries.keys()).filter((name) => !removed.has(name))
      )
      for (const [name, at] of fired) assert.isAtLeast(at, entries.get(name)!.at)
      assert.strictEqual(clock.sleepers.size, 0)
    },
    checks
  )

  it.effect("TestClock drives them", () =>
    Effect.gen(function* () {
      const fired: Array<number> = []
      const clock = yield* Clock.clockWith(Effect.succeed)
      const timers = new Timers(clock, yield* Effect.context())
      for (const at of [30, 10, 20]) timers.add({ at, place: -1, order: 0, fire: () => fired.push(timers.now()) })
      yield* TestClock.adjust(9)
      assert.deepStrictEqual(fired, [])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(fired, [10])
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(fired, [10, 20, 30])
    })
  )
})
