import { assert, describe, it } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import { TestClock } from "effect/testing"
import { runtimeOf } from "../../src/internal/runtime.ts"
import type * as Actor from "../../src/Actor.ts"
import * as Ryker from "../../src/Ryker.ts"
import * as Explore from "../../src/testing/Explore.ts"
import * as Fault from "../../src/testing/Fault.ts"
import * as TestProbe from "../../src/testing/TestProbe.ts"
import * as TestRyker from "../../src/testing/TestRyker.ts"
import { Counter, counterLayer } from "../fixtures.ts"

const strategies = [
  ["random", Explore.random],
  ["pct", Explore.pct()],
  ["exhaustive", Explore.exhaustive({ deviations: 2 })]
] as const

/** Reads, lets others go first, and writes: of two at a time, one may be lost. */
const increment = (ref: Ref.Ref<number>) =>
  Effect.gen(function* () {
    const n = yield* Ref.get(ref)
    yield* Effect.yieldNow
    yield* Ref.set(ref, n + 1)
  })

/** Goes wrong when the first is still at it when the second begins, which it is not by itself. */
const lostUpdate = Effect.gen(function* () {
  const ref = yield* Ref.make(0)
  const late = Effect.forEach([1, 2], () => Effect.yieldNow).pipe(Effect.andThen(increment(ref)))
  yield* Effect.all([increment(ref), late], { concurrency: "unbounded" })
  assert.strictEqual(yield* Ref.get(ref), 2)
})

/** The failure that a program comes to. */
const failureOf = <A, E>(program: Effect.Effect<A, E>, options: Explore.Options = {}) =>
  Effect.flip(Explore.run(program, options)).pipe(
    Effect.map((error) => {
      assert(error._tag === "ExploreFailure")
      return error
    })
  )

/** Both write their first letter as they are forked; of the four that follow, two are one's. */
const ordersOfTwo = 6

/** Notes in which order two fibers do three things each. */
const orderOfTwo = (orders: Set<string>) =>
  Effect.gen(function* () {
    let order = ""
    const write = (letter: string) =>
      Effect.forEach([1, 2, 3], () =>
        Effect.andThen(
          Effect.sync(() => {
            order += letter
          }),
          Effect.yieldNow
        )
      )
    yield* Effect.all([write("a"), write("b")], { concurrency: "unbounded" })
    orders.add(order)
  })

const inActors = <A, E>(program: Effect.Effect<A, E, Counter | Ryker.Ryker>, options: Actor.Options = {}) =>
  program.pipe(
    Effect.provide(counterLayer({ shutdown: 0, ...options })),
    Effect.provide(Ryker.layerWith({ drainDeadline: 0 }))
  )

describe("Explore.run", () => {
  it.effect("runs a program that is right under as many schedules as it was asked for", () =>
    Effect.gen(function* () {
      const report = yield* Explore.run(orderOfTwo(new Set()), { seeds: 50 })
      assert.strictEqual(report.schedules, 50)
      assert.isFalse(report.exhausted)
      assert.isAbove(report.distinct, 10)
      assert.isAtMost(report.distinct, 50)
    })
  )

  it.effect("does by default what happens by itself: the oldest task goes, no time passes before", () =>
    Effect.gen(function* () {
      const orders = new Set<string>()
      yield* Explore.run(orderOfTwo(orders), { replay: "0" })
      const plain = new Set<string>()
      yield* orderOfTwo(plain)
      assert.deepStrictEqual([...orders], [...plain])
      yield* Explore.run(lostUpdate, { replay: "0" })
    })
  )

  for (const [name, strategy] of strategies) {
    it.effect(`finds an order that loses an update, and with it the fewest deviations (${name})`, () =>
      Effect.gen(function* () {
        const failure = yield* failureOf(lostUpdate, { seeds: 1_000, strategy })
        assert.strictEqual(failure.fault, "Failure")
        assert.include(failure.detail, "expected 1 to equal 2")
        assert.isAtMost(failure.deviations, failure.deviationsBefore)
        assert.strictEqual(failure.deviations, 2)
        const again = yield* failureOf(lostUpdate, { replay: failure.schedule })
        assert.deepStrictEqual([again.schedule, again.trace], [failure.schedule, failure.trace])
      })
    )

    it.effect(`comes to the same each time (${name})`, () =>
      Effect.gen(function* () {
        const once = yield* failureOf(lostUpdate, { seeds: 1_000, strategy })
        const twice = yield* failureOf(lostUpdate, { seeds: 1_000, strategy })
        assert.strictEqual(twice.message, once.message)
        const [one, two] = yield* Effect.replicateEffect(
          Effect.suspend(() => {
            const orders = new Set<string>()
            return Effect.map(Explore.run(orderOfTwo(orders), { seeds: 60, strategy }), (report) => [
              report,
              [...orders]
            ])
          }),
          2
        )
        assert.deepStrictEqual(two, one)
      })
    )
  }

  it.effect("comes to all the orders that there are", () =>
    Effect.gen(function* () {
      for (const strategy of [Explore.random, Explore.pct(), Explore.exhaustive()]) {
        const orders = new Set<string>()
        yield* Explore.run(orderOfTwo(orders), { seeds: 500, strategy })
        assert.strictEqual(orders.size, ordersOfTwo)
      }
    })
  )

  it.effect("gives each run its own random numbers, the same for the same seed", () =>
    Effect.gen(function* () {
      const drawn: Array<number> = []
      const program = Effect.map(Random.next, (n) => void drawn.push(n))
      yield* Explore.run(program, { seeds: [7, 8] })
      yield* Explore.run(program, { seeds: [7] })
      yield* Explore.run(program, { replay: "8" })
      assert.strictEqual(drawn[0], drawn[2])
      assert.strictEqual(drawn[1], drawn[3])
      assert.notStrictEqual(drawn[0], drawn[1])
    })
  )

  it.effect("builds the Layers of each run anew, also where some are built already", () => {
    let built = 0
    class Thing extends Context.Service<Thing, number>()("test/Thing") {}
    const layer = Layer.effect(
      Thing,
      Effect.sync(() => ++built)
    )
    return Effect.gen(function* () {
      yield* Explore.run(Effect.provide(Effect.asVoid(Effect.service(Thing)), layer), { seeds: 3 })
      assert.strictEqual(built, 4)
    }).pipe(Effect.provide(Layer.effectDiscard(Effect.service(Thing)).pipe(Layer.provide(layer))))
  })

  it.effect("closes the Scope of each run, also of one that fails or hangs", () =>
    Effect.gen(function* () {
      for (const end of [Effect.void, Effect.die("no"), Effect.never, Effect.forever(Effect.yieldNow)]) {
        const open = new Set<number>()
        let opened = 0
        const program = Effect.acquireRelease(
          Effect.sync(() => {
            open.add(++opened)
            return opened
          }),
          (it) => Effect.sync(() => open.delete(it))
        ).pipe(Effect.andThen(end), Effect.scoped)
        yield* Effect.exit(Explore.run(program, { seeds: 3, maxSteps: 50 }))
        assert.isAbove(opened, 0)
        assert.strictEqual(open.size, 0)
      }
    })
  )

  it.effect("begins no further run when the budget is used up", () =>
    Effect.gen(function* () {
      const report = yield* Explore.run(Effect.void, { budget: 0 })
      assert.deepStrictEqual(report, { schedules: 0, distinct: 0, steps: 0, exhausted: false })
    })
  )

  it.effect("can be interrupted", () =>
    Effect.gen(function* () {
      let runs = 0
      const program = Effect.sync(() => void runs++)
      const fiber = yield* Effect.forkChild(Explore.run(program, { seeds: 1_000_000_000 }), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      assert.isBelow(runs, 100)
    }).pipe(TestClock.withLive)
  )

  const wrong: ReadonlyArray<readonly [Explore.Options, string]> = [
    [{ seeds: 0 }, "seeds"],
    [{ seeds: 1.5 }, "seeds"],
    [{ seeds: [1, -1] }, "seeds"],
    [{ maxSteps: 0 }, "maxSteps"],
    [{ maxShrinks: -1 }, "maxShrinks"],
    [{ stall: "-1 millis" }, "stall"],
    [{ budget: Number.NaN }, "budget"],
    [{ strategy: Explore.pct({ depth: 0 }) }, "strategy.depth"],
    [{ strategy: Explore.exhaustive({ deviations: -1 }) }, "strategy.deviations"],
    [{ replay: "" }, "replay"],
    [{ replay: "7:" }, "replay"],
    [{ replay: "7:1--2" }, "replay"],
    [{ replay: "DROP TABLE" }, "replay"]
  ]
  for (const [options, option] of wrong) {
    it.effect(`refuses ${option} that cannot be: ${JSON.stringify(options)}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Explore.run(Effect.void, options))
        assert(error._tag === "InvalidOption")
        assert.strictEqual(error.option, option)
      })
    )
  }
})

describe("a failure", () => {
  it.effect("has the error itself for its cause, so that a test runner can show it", () =>
    Effect.gen(function* () {
      const error = new Error("no")
      for (const program of [Effect.die(error), Effect.fail(error)]) {
        assert.strictEqual((yield* failureOf(program)).cause, error)
      }
      assert.isUndefined((yield* failureOf(Effect.never)).cause)
    })
  )
})

describe("a schedule", () => {
  it.effect("that does not fit the program is followed as far as it does", () =>
    Explore.run(orderOfTwo(new Set()), { replay: "3:0.90-1.7-500.3-99999" })
  )

  it.effect("that fails differently the second time is told as such", () =>
    Effect.gen(function* () {
      let runs = 0
      const program = Effect.suspend(() => (runs++ === 0 ? Effect.die("only once") : Effect.void))
      const failure = yield* failureOf(program)
      assert.include(failure.detail, "only once")
      assert.include(failure.detail, "does not do the same each time")
    })
  )
})

describe("a fiber", () => {
  it.effect("that is woken goes on at once, or after the one that woke it", () =>
    Effect.gen(function* () {
      const seen = new Set<boolean>()
      const program = Effect.gen(function* () {
        const latch = yield* Deferred.make<void>()
        let isLater = false
        const woken = Effect.andThen(
          Deferred.await(latch),
          Effect.sync(() => seen.add(isLater))
        )
        const fiber = yield* Effect.forkChild(woken, { startImmediately: true })
        yield* Deferred.succeed(latch, undefined)
        isLater = true
        yield* Fiber.join(fiber)
      })
      yield* Explore.run(program, { replay: "0" })
      assert.deepStrictEqual([...seen], [false])
      yield* Explore.run(program)
      assert.strictEqual(seen.size, 2)
    })
  )

  it.effect("that is begun at once does what it can before its parent goes on", () =>
    Explore.run(
      Effect.gen(function* () {
        let n = 0
        const child = Effect.forEach([1, 2, 3], () => Effect.sync(() => n++))
        yield* Effect.forkChild(child, { startImmediately: true })
        assert.strictEqual(n, 3)
      })
    )
  )
})

describe("pct", () => {
  it.effect("finds a bug of depth 2 at least as often as its paper says", () =>
    Effect.gen(function* () {
      // Two fibers and the one that forks them; five steps at which there is a choice.
      const [threads, steps, runs] = [3, 5, 400]
      let found = 0
      for (let seed = 0; seed < runs; seed++) {
        const result = yield* Effect.result(
          Explore.run(lostUpdate, { seeds: [1_000_000, seed], strategy: Explore.pct({ depth: 2 }), maxShrinks: 0 })
        )
        if (result._tag === "Failure") found++
      }
      assert.isAtLeast(found / runs, 1 / (threads * steps))
    })
  )
})

describe("exhaustive", () => {
  it.effect("runs every schedule once, and says that there is no other", () =>
    Effect.gen(function* () {
      const orders = new Set<string>()
      const report = yield* Explore.run(orderOfTwo(orders), { seeds: 100_000, strategy: Explore.exhaustive() })
      assert.isTrue(report.exhausted)
      assert.strictEqual(report.distinct, report.schedules)
      assert.strictEqual(orders.size, ordersOfTwo)
    })
  )

  it.effect("keeps to its number of deviations, and runs those with fewer first", () =>
    Effect.gen(function* () {
      let last = 0
      for (const deviations of [0, 1, 2]) {
        const strategy = Explore.exhaustive({ deviations })
        const report = yield* Explore.run(orderOfTwo(new Set()), { seeds: 10_000, strategy })
        assert.isTrue(report.exhausted)
        assert.isAbove(report.schedules, last)
        last = report.schedules
      }
      const zero = yield* Explore.run(orderOfTwo(new Set()), { strategy: Explore.exhaustive({ deviations: 0 }) })
      assert.strictEqual(zero.schedules, 1)
    })
  )

  it.effect("does not call itself exhausted when it was stopped before", () =>
    Effect.gen(function* () {
      const report = yield* Explore.run(orderOfTwo(new Set()), { seeds: 5, strategy: Explore.exhaustive() })
      assert.deepStrictEqual([report.schedules, report.exhausted], [5, false])
    })
  )
})

describe("time", () => {
  it.effect("begins at 0 and goes on by itself, to the next sleeper", () =>
    Explore.run(
      Effect.gen(function* () {
        assert.strictEqual(yield* Clock.currentTimeMillis, 0)
        yield* Effect.sleep("3 days")
        assert.strictEqual(yield* Clock.currentTimeMillis, 259_200_000)
      })
    )
  )

  /** How late a task was that could run at once. */
  const lateness = (stall: number) =>
    Effect.gen(function* () {
      const late = new Set<number>()
      const program = Effect.gen(function* () {
        yield* Effect.forkScoped(Effect.forever(Effect.sleep(30)))
        yield* Effect.sleep(1_000)
        const before = yield* Clock.currentTimeMillis
        yield* Effect.yieldNow
        late.add((yield* Clock.currentTimeMillis) - before)
      })
      yield* Explore.run(program, { seeds: 600, stall })
      return [...late].toSorted((a, b) => a - b)
    })

  it.effect("may go on before what can run has run, but for no longer than `stall`", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* lateness(0), [0])
      assert.isAtMost(Math.max(...(yield* lateness(19))), 19)
      const late = yield* lateness(100)
      assert.include(late, 20)
      assert.isAbove(Math.max(...late), 20)
      assert.isAtMost(Math.max(...late), 100)
    })
  )

  it.effect("can be moved by the program, as a TestClock", () =>
    Explore.run(
      Effect.gen(function* () {
        const done = yield* Ref.make<ReadonlyArray<string>>([])
        const note = (what: string) => Ref.update(done, Array.append(what))
        yield* Effect.forkChild(Effect.delay(note("5 s"), "5 seconds"))
        yield* Effect.forkChild(Effect.delay(Effect.andThen(Effect.yieldNow, note("10 s")), "10 seconds"))
        yield* TestClock.adjust(0)
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(yield* Ref.get(done), ["5 s", "10 s"])
        yield* TestClock.setTime(60_000)
        assert.strictEqual(yield* Clock.currentTimeMillis, 60_000)
      }),
      { stall: 0 }
    )
  )
})

describe("a deadlock", () => {
  it.effect("is named, with the actors that have work", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        const counter = yield* Counter
        yield* Effect.all([counter.ask.Hang(), counter.ask.Next()], { concurrency: "unbounded" })
      })
      const failure = yield* failureOf(inActors(program, { deadline: "Infinity" }))
      assert.strictEqual(failure.fault, "Deadlock")
      assert.include(failure.detail, "Counter: Running, Hang in hand, 1 queued")
    })
  )

  it.effect("that needs an order is found", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        const [left, right] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        const isFree = { left: true, right: true }
        const take = (which: keyof typeof isFree, until: Deferred.Deferred<void>) =>
          Effect.suspend(() => {
            if (!isFree[which]) return Deferred.await(until)
            isFree[which] = false
            return Effect.yieldNow
          })
        const free = (which: keyof typeof isFree, done: Deferred.Deferred<void>) =>
          Effect.suspend(() => {
            isFree[which] = true
            return Deferred.succeed(done, undefined)
          })
        const one = take("left", left).pipe(
          Effect.andThen(take("right", right)),
          Effect.andThen(free("right", right)),
          Effect.andThen(free("left", left))
        )
        const two = Effect.forEach([1, 2, 3], () => Effect.yieldNow).pipe(
          Effect.andThen(take("right", right)),
          Effect.andThen(take("left", left)),
          Effect.andThen(free("left", left)),
          Effect.andThen(free("right", right))
        )
        yield* Effect.all([one, two], { concurrency: "unbounded" })
      })
      yield* Explore.run(program, { replay: "0" })
      const failure = yield* failureOf(program)
      assert.strictEqual(failure.fault, "Deadlock")
      assert.isAtMost(failure.deviations, 3)
    })
  )

  it.effect("is not what waits for a promise, or for a few turns of the event loop", () =>
    Explore.run(
      Effect.gen(function* () {
        yield* Effect.promise(() => Promise.resolve())
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        yield* Effect.sleep("1 second")
      }),
      { seeds: 5 }
    )
  )
})

describe("a livelock", () => {
  it.effect("is named when a program takes more steps than it may", () =>
    Effect.gen(function* () {
      const failure = yield* failureOf(Effect.forever(Effect.yieldNow), { maxSteps: 500 })
      assert.strictEqual(failure.fault, "Livelock")
      assert.include(failure.detail, "after 500 steps")
    })
  )

  it.effect("is not a program that computes for long without waiting", () =>
    Explore.run(Effect.forEach(Array.range(1, 10_000), Effect.succeed), { seeds: 3, maxSteps: 50 })
  )
})

describe("always", () => {
  it.effect("fails the run at the step after which it does not hold", () =>
    Effect.gen(function* () {
      const program = Effect.scoped(
        Effect.gen(function* () {
          const ref = yield* Ref.make(0)
          yield* Explore.always(
            "below 2",
            Effect.map(Ref.get(ref), (n) => n < 2)
          )
          for (const n of [1, 2, 0]) {
            yield* Ref.set(ref, n)
            yield* Effect.yieldNow
          }
        })
      )
      const failure = yield* failureOf(program)
      assert.deepStrictEqual([failure.fault, failure.detail], ["Always", `"below 2" does not hold`])
    })
  )

  it.effect("holds for no longer than its Scope", () =>
    Explore.run(
      Effect.gen(function* () {
        const ref = yield* Ref.make(true)
        yield* Effect.scoped(Effect.andThen(Explore.always("true", Ref.get(ref)), Effect.yieldNow))
        yield* Ref.set(ref, false)
        yield* Effect.yieldNow
      })
    )
  )

  const checks: ReadonlyArray<readonly [string, Effect.Effect<boolean, string>, string]> = [
    ["fails", Effect.fail("no"), "no"],
    ["dies", Effect.die(new Error("no")), "no"],
    ["waits", Effect.as(Effect.sleep(1), true), "it waits for something, which a check cannot"]
  ]
  for (const [what, check, detail] of checks) {
    it.effect(`fails the run when its check ${what}`, () =>
      Effect.gen(function* () {
        const program = Effect.scoped(Effect.andThen(Explore.always("it", check), Effect.yieldNow))
        const failure = yield* failureOf(program)
        assert.strictEqual(failure.fault, "Always")
        assert.include(failure.detail, detail)
      })
    )
  }

  it.effect("is for programs that are explored", () =>
    Effect.gen(function* () {
      for (const misused of [
        Effect.scoped(Explore.always("it", Effect.succeed(true))),
        Explore.eventually("it", Effect.succeed(true)),
        Explore.settled
      ]) {
        const exit = yield* Effect.exit(misused)
        assert.include(exit._tag === "Failure" ? Cause.pretty(exit.cause) : "", "is for programs that Explore.run runs")
      }
    })
  )
})

describe("eventually", () => {
  it.effect("waits for what comes about, and no longer", () =>
    Explore.run(
      Effect.gen(function* () {
        const ref = yield* Ref.make(0)
        const up = Effect.delay(
          Ref.update(ref, (n) => n + 1),
          "1 second"
        )
        yield* Effect.forkChild(Effect.forEach([1, 2, 3], () => up))
        yield* Explore.eventually(
          "two",
          Effect.map(Ref.get(ref), (n) => n === 2)
        )
        assert.strictEqual(yield* Ref.get(ref), 2)
        assert.strictEqual(yield* Clock.currentTimeMillis, 2_000)
      })
    )
  )

  it.effect("fails the run when it cannot come about any more", () =>
    Effect.gen(function* () {
      const program = Effect.andThen(
        Effect.forkChild(Effect.sleep("1 hour")),
        Explore.eventually("pigs fly", Effect.succeed(false))
      )
      const failure = yield* failureOf(program)
      assert.strictEqual(failure.fault, "Eventually")
      assert.strictEqual(failure.detail, `"pigs fly" does not hold, and nothing can change any more`)
    })
  )

  it.effect("fails the run when its check fails", () =>
    Effect.gen(function* () {
      const failure = yield* failureOf(Explore.eventually("it", Effect.fail("no")))
      assert.deepStrictEqual([failure.fault, failure.detail.split("\n")[0]], ["Eventually", `"it" failed: Error: no`])
    })
  )
})

describe("settled", () => {
  it.effect("waits until nothing can run, and lets no time pass", () =>
    Explore.run(
      Effect.gen(function* () {
        let n = 0
        yield* Effect.forkChild(
          Effect.forEach(Array.range(1, 20), () =>
            Effect.andThen(
              Effect.yieldNow,
              Effect.sync(() => n++)
            )
          )
        )
        yield* Explore.settled
        assert.strictEqual(n, 20)
        assert.strictEqual(yield* Clock.currentTimeMillis, 0)
      }),
      { stall: 0 }
    )
  )
})

describe("a trace", () => {
  const crashing = Effect.gen(function* () {
    const counter = yield* Counter
    const ada = Explore.named(counter.ask.Next(), "ada")
    const bob = Explore.named(Effect.flip(counter.ask.Crash()), "bob")
    yield* Effect.log("hello", { n: 1 })
    yield* Effect.all([ada, bob, counter.tell.Add({ n: 123_456_789 })], { concurrency: "unbounded" })
    yield* Effect.sleep("10 seconds")
    return yield* Effect.die(new Error("the end"))
  })

  it.effect("says who ran, what was sent to whom, and what came of it", () =>
    Effect.gen(function* () {
      const { trace } = yield* failureOf(inActors(crashing), { seeds: 1 })
      const said = trace.split("\n").map((line) => line.slice(8).trim().replaceAll(/ {2,}/g, " | "))
      for (const line of [
        `0 ms | program | logs hello {"n":1}`,
        "0 ms | ada | asks Counter Next",
        "0 ms | bob | asks Counter Crash",
        "0 ms | Counter | begins Next",
        "0 ms | Counter | Next succeeds",
        "0 ms | Counter | Crash dies",
        "0 ms | Counter | ActorRestarting"
      ]) {
        assert.isTrue(
          said.some((other) => other.replaceAll(/\s+/g, " ") === line),
          `${line} is not in\n${said.join("\n")}`
        )
      }
    })
  )

  it.effect("has no payload", () =>
    Effect.gen(function* () {
      const { message } = yield* failureOf(inActors(crashing), { seeds: 1 })
      assert.include(message, "Counter Add")
      assert.notInclude(message, "123456789")
    })
  )

  it.effect("is where log lines of the program go, and nowhere else", () =>
    Effect.gen(function* () {
      const lines: Array<unknown> = []
      const logger = Logger.make(({ message }) => void lines.push(message))
      yield* Effect.provide(failureOf(inActors(crashing)), Logger.layer([logger]))
      assert.deepStrictEqual(lines, [])
    })
  )

  it.effect("marks the deviations, and only those", () =>
    Effect.gen(function* () {
      const failure = yield* failureOf(lostUpdate)
      const steps = new Set(
        failure.trace
          .split("\n")
          .filter((line) => line.startsWith("*"))
          .map((line) => line.slice(1, 7))
      )
      assert.strictEqual(steps.size, failure.deviations)
      const plain = yield* failureOf(Effect.die("no"))
      assert.notInclude(plain.trace, "*")
    })
  )

  it.effect("is cut at its beginning when it is long", () =>
    Effect.gen(function* () {
      const program = Effect.andThen(
        Effect.forEach(Array.range(1, 300), (n) => Effect.log(n)),
        Effect.die("no")
      )
      const { trace } = yield* failureOf(program)
      assert.include(trace, "lines before these")
      assert.include(trace, "logs 300")
      assert.notInclude(trace, "logs 1\n")
    })
  )
})

describe("the ledger", () => {
  it.effect("is checked after every step, unless that is turned off", () =>
    Effect.gen(function* () {
      const program = inActors(
        Effect.gen(function* () {
          const counter = yield* Counter
          yield* counter.ask.Next()
          // What no program should do: spoil the books.
          const [group] = runtimeOf(yield* Ryker.Ryker).groups.values()
          group!.counters.handled--
          yield* Effect.yieldNow
        })
      )
      const failure = yield* failureOf(program)
      assert.strictEqual(failure.fault, "Ledger")
      assert.include(failure.detail, `"Counter" do not balance: 1 unaccounted for`)
      yield* Explore.run(program, { seeds: 3, checkLedger: false })
    })
  )
})

describe("TestRyker in a program that is explored", () => {
  it.effect("injects its faults, settles without time, and closes in virtual time", () =>
    Explore.run(
      Effect.gen(function* () {
        const counter = yield* Counter
        const asks = yield* Effect.forkChild(
          Effect.all([Effect.exit(counter.ask.Next()), counter.tell.Stubborn({ millis: 60_000 })])
        )
        yield* TestRyker.settle
        assert.strictEqual(yield* Clock.currentTimeMillis, 0)
        const [next] = yield* Fiber.join(asks)
        assert.strictEqual(next._tag, "Failure")
        assert.strictEqual((yield* TestRyker.injected).length, 1)
      }).pipe(
        Effect.provide(counterLayer()),
        Effect.provide(TestRyker.layer({ faults: [Fault.crashOn(Counter, "Next", 1)], drainDeadline: "5 minutes" }))
      ),
      { seeds: 50, stall: 0 }
    )
  )

  it.effect("waits for a probe's messages in virtual time", () =>
    Explore.run(
      Effect.gen(function* () {
        const probe = yield* TestProbe.make(Counter)
        yield* Effect.forkChild(Effect.delay(probe.handle.tell.Add({ n: 1 }), "5 seconds"))
        yield* probe.expectMessage("Add", { n: 1 }, { within: "10 seconds" })
        yield* probe.expectNoMessage("1 second")
      }).pipe(Effect.provide(TestRyker.layer())),
      { seeds: 50 }
    )
  )
})
