import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { Changes } from "../../src/internal/changes.ts"
import { Timers } from "../../src/internal/timers.ts"

/** A fiber that waits, with a condition and a limit that the test moves, and tasks that run when the test says so. */
const setup = Effect.gen(function* () {
  const clock = yield* Clock.clockWith(Effect.succeed)
  const timers = new Timers(clock, yield* Effect.context())
  const tasks: Array<() => void> = []
  const changes = new Changes(timers, (task) => tasks.push(task))
  const state = { holds: false, until: Number.POSITIVE_INFINITY, looks: 0 }
  const wait = changes.waitUntil(
    () => {
      state.looks++
      return state.holds
    },
    () => state.until
  )
  const runTasks = (): void => {
    for (const task of tasks.splice(0)) task()
  }
  const start = Effect.forkChild(wait, { startImmediately: true })
  return { changes, runTasks, start, state, tasks, timers, wait }
})

/** What the fiber gave; undefined while it waits. */
const resultOf = (fiber: Fiber.Fiber<boolean>): boolean | undefined => {
  const exit = fiber.pollUnsafe()
  return exit === undefined
    ? undefined
    : Exit.getSuccess(exit).pipe((option) => ("value" in option ? option.value : undefined))
}

const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

describe("Changes.waitUntil", () => {
  it.effect("is true at once when the condition holds already, without a task or a timer", () =>
    Effect.gen(function* () {
      const { changes, start, state, tasks } = yield* setup
      state.holds = true
      state.until = 100
      assert.strictEqual(resultOf(yield* start), true)
      assert.strictEqual(tasks.length, 0)
      assert.strictEqual(changes.place, -1)
    })
  )

  it.effect("is false at once when the time has passed already, or comes now", () =>
    Effect.gen(function* () {
      const { changes, start, state } = yield* setup
      yield* TestClock.adjust(50)
      for (const until of [-1, 0, 49, 50]) {
        state.until = until
        assert.strictEqual(resultOf(yield* start), false)
        assert.strictEqual(changes.place, -1)
      }
    })
  )

  it.effect("is true when the condition holds at the very time at which it gives up", () =>
    Effect.gen(function* () {
      const { runTasks, start, state } = yield* setup
      state.holds = true
      state.until = 0
      assert.strictEqual(resultOf(yield* start), true)
      state.holds = false
      state.until = 10
      const fiber = yield* start
      yield* TestClock.adjust(10)
      state.holds = true
      runTasks()
      assert.strictEqual(resultOf(fiber), true)
    })
  )

  it.effect("waits on while the condition does not hold, whoever notifies it, and goes on when it does", () =>
    Effect.gen(function* () {
      const { changes, runTasks, start, state } = yield* setup
      const fiber = yield* start
      for (let i = 0; i < 3; i++) {
        changes.notify()
        runTasks()
        assert.isUndefined(resultOf(fiber))
      }
      state.holds = true
      assert.isUndefined(resultOf(fiber))
      changes.notify()
      runTasks()
      assert.strictEqual(resultOf(fiber), true)
    })
  )

  it.effect("goes on in a task of its own, never on the stack of whoever notifies it", () =>
    Effect.gen(function* () {
      const { changes, runTasks, start, state, tasks } = yield* setup
      const fiber = yield* start
      state.holds = true
      changes.notify()
      assert.isUndefined(resultOf(fiber))
      assert.strictEqual(tasks.length, 1)
      runTasks()
      assert.strictEqual(resultOf(fiber), true)
    })
  )

  it.effect("looks once for any number of notifications", () =>
    Effect.gen(function* () {
      const { changes, runTasks, start, state, tasks } = yield* setup
      yield* start
      const before = state.looks
      for (let i = 0; i < 100; i++) changes.notify()
      assert.strictEqual(tasks.length, 1)
      runTasks()
      assert.strictEqual(state.looks, before + 1)
      // It looks again for the next one.
      changes.notify()
      runTasks()
      assert.strictEqual(state.looks, before + 2)
    })
  )

  it.effect("looks at the state when its task runs, not when it was notified", () =>
    Effect.gen(function* () {
      const { changes, runTasks, start, state } = yield* setup
      const fiber = yield* start
      state.holds = true
      changes.notify()
      state.holds = false
      runTasks()
      assert.isUndefined(resultOf(fiber))
    })
  )

  it.effect("needs no notification that came before it", () =>
    Effect.gen(function* () {
      const { changes, start, state, tasks } = yield* setup
      state.holds = true
      changes.notify()
      assert.strictEqual(tasks.length, 0)
      assert.strictEqual(resultOf(yield* start), true)
    })
  )

  it.effect("is not disturbed by a notification of the wait before it", () =>
    Effect.gen(function* () {
      const { changes, runTasks, start, state } = yield* setup
      state.until = 10
      const first = yield* start
      yield* TestClock.adjust(10)
      runTasks()
      assert.strictEqual(resultOf(first), false)
      changes.notify()
      state.until = 30
      const second = yield* start
      changes.notify()
      const third = yield* Effect.sync(() => {
        runTasks()
        return resultOf(second)
      })
      assert.isUndefined(third)
      yield* TestClock.adjust(20)
      runTasks()
      assert.strictEqual(resultOf(second), false)
    })
  )

  it.effect("goes on when a task of the wait before it is still to run", () =>
    Effect.gen(function* () {
      const { changes, runTasks, start, state } = yield* setup
      const first = yield* start
      changes.notify()
      yield* Fiber.interrupt(first)
      const second = yield* start
      // The stale task stands for both: it looks for whoever waits now.
      changes.notify()
      state.holds = true
      runTasks()
      assert.strictEqual(resultOf(second), true)
    })
  )

  it.effect("is false when its time comes, not before, and looks no more", () =>
    Effect.gen(function* () {
      const { changes, runTasks, start, state } = yield* setup
      state.until = 10
      const fiber = yield* start
      yield* TestClock.adjust(9)
      runTasks()
      assert.isUndefined(resultOf(fiber))
      yield* TestClock.adjust(1)
      runTasks()
      assert.strictEqual(resultOf(fiber), false)
      assert.strictEqual(changes.place, -1)
      const { looks } = state
      changes.notify()
      runTasks()
      assert.strictEqual(state.looks, looks)
    })
  )

  it.effect("without a limit takes no timer and waits for ever", () =>
    Effect.gen(function* () {
      const { changes, runTasks, start } = yield* setup
      const fiber = yield* start
      assert.strictEqual(changes.place, -1)
      yield* TestClock.adjust("365 days")
      changes.notify()
      runTasks()
      assert.isUndefined(resultOf(fiber))
    })
  )

  it.effect("gives up earlier when its limit moves up and it is notified", () =>
    Effect.gen(function* () {
      const { changes, runTasks, start, state } = yield* setup
      state.until = 100
      const fiber = yield* start
      state.until = 20
      changes.notify()
      runTasks()
      yield* TestClock.adjust(19)
      runTasks()
      assert.isUndefined(resultOf(fiber))
      yield* TestClock.adjust(1)
      runTasks()
      assert.strictEqual(resultOf(fiber), false)
    })
  )

  it.effect("gives up at once when its limit moves to a time that has passed", () =>
    Effect.gen(function* () {
      const { changes, runTasks, start, state } = yield* setup
      const fiber = yield* start
      yield* TestClock.adjust(50)
      state.until = 40
      changes.notify()
      runTasks()
      assert.strictEqual(resultOf(fiber), false)
    })
  )

  it.effect("waits longer when its limit moves back, even if nobody says so", () =>
    Effect.gen(function* () {
      const { runTasks, start, state } = yield* setup
      state.until = 20
      const fiber = yield* start
      state.until = 50
      yield* TestClock.adjust(20)
      runTasks()
      yield* TestClock.adjust(29)
      runTasks()
      assert.isUndefined(resultOf(fiber))
      yield* TestClock.adjust(1)
      runTasks()
      assert.strictEqual(resultOf(fiber), false)
    })
  )

  it.effect("waits for ever when its limit goes away, and no timer of it is left", () =>
    Effect.gen(function* () {
      const { changes, runTasks, start, state } = yield* setup
      state.until = 20
      const fiber = yield* start
      state.until = Number.POSITIVE_INFINITY
      changes.notify()
      runTasks()
      assert.strictEqual(changes.place, -1)
      yield* TestClock.adjust(1_000)
      runTasks()
      assert.isUndefined(resultOf(fiber))
    })
  )

  it.effect("interrupted leaves no waiter and no timer, and the next wait is like the first", () =>
    Effect.gen(function* () {
      const { changes, runTasks, start, state, tasks } = yield* setup
      state.until = 20
      const fiber = yield* start
      assert.isAtLeast(changes.place, 0)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(changes.place, -1)
      changes.notify()
      assert.strictEqual(tasks.length, 0)
      state.until = 30
      const next = yield* start
      yield* TestClock.adjust(20)
      runTasks()
      assert.isUndefined(resultOf(next))
      yield* TestClock.adjust(10)
      runTasks()
      assert.strictEqual(resultOf(next), false)
    })
  )

  it.effect("interrupted after it was notified is over: the task that was to look finds nobody", () =>
    Effect.gen(function* () {
      const { changes, runTasks, start, state } = yield* setup
      const fiber = yield* start
      state.holds = true
      changes.notify()
      yield* Fiber.interrupt(fiber)
      const { looks } = state
      runTasks()
      assert.strictEqual(state.looks, looks)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
    })
  )

  it.effect("can be waited for again by whoever it lets go on", () =>
    Effect.gen(function* () {
      const { changes, runTasks, state, wait } = yield* setup
      const results: Array<boolean> = []
      // The second wait begins on the stack of the task that ended the first.
      const fiber = yield* Effect.forkChild(
        Effect.flatMap(wait, (first) => {
          results.push(first)
          state.holds = false
          return Effect.map(wait, (second) => results.push(second))
        }),
        { startImmediately: true }
      )
      state.holds = true
      changes.notify()
      runTasks()
      assert.deepStrictEqual(results, [true])
      assert.isUndefined(fiber.pollUnsafe())
      state.holds = true
      changes.notify()
      runTasks()
      assert.deepStrictEqual(results, [true, true])
    })
  )

  const event = Schema.Union([
    Schema.Struct({ do: Schema.tag("set"), holds: Schema.Boolean, notify: Schema.Boolean }),
    Schema.Struct({ do: Schema.tag("limit"), in: int(-2, 10), notify: Schema.Boolean }),
    Schema.Struct({ do: Schema.tag("pass"), millis: int(0, 6) }),
    Schema.Struct({ do: Schema.tag("tasks") }),
    Schema.Struct({ do: Schema.tag("interrupt") })
  ])

  it.effect.prop(
    "under any changes, it ends when it is told of a condition that holds or of a time that has come, and only then",
    [Arbitrary.array(Arbitrary.schema(event), { maxLength: 60 })],
    ([events]) =>
      Effect.gen(function* () {
        const { changes, runTasks, start, state, tasks, timers } = yield* setup
        state.until = 5
        let fiber = yield* start
        /** When its timer is due, and whether a look is to come. */
        let alarm = 5
        let told = false
        let expected: boolean | "interrupted" | undefined = undefined
        const look = () => {
          if (!told) return
          told = false
          if (expected !== undefined) return
          if (state.holds) expected = true
          else if (state.until <= timers.now()) expected = false
          else alarm = state.until
        }
        for (const event of events) {
          switch (event.do) {
            case "set":
              state.holds = event.holds
              if (event.notify) changes.notify()
              if (event.notify && expected === undefined) told = true
              break
            case "limit":
              state.until = timers.now() + event.in
              if (event.notify) changes.notify()
              if (event.notify && expected === undefined) told = true
              break
            case "pass":
              yield* TestClock.adjust(event.millis)
              if (expected === undefined && alarm <= timers.now()) told = true
              break
            case "tasks":
              look()
              runTasks()
              break
            case "interrupt":
              if (expected === undefined) expected = "interrupted"
              yield* Fiber.interrupt(fiber)
          }
          const exit = fiber.pollUnsafe()
          if (expected === "interrupted") assert.isTrue(exit !== undefined && Exit.hasInterrupts(exit))
          else assert.strictEqual(resultOf(fiber), expected)
          assert.isAtMost(tasks.length, 1)
          if (expected !== undefined) {
            assert.strictEqual(changes.place, -1)
            // The next wait begins with whatever the last one left behind.
            state.holds = false
            state.until = timers.now() + 5
            fiber = yield* start
            expected = undefined
            alarm = state.until
            told = tasks.length > 0
          }
        }
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(changes.place, -1)
      }),
    { arbitrary: { runs: 200, size: 60 } }
  )
})
