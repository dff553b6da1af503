import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { pipe } from "effect/Function"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Scheduler from "effect/Scheduler"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import * as Mailbox from "../src/Mailbox.ts"
import { Busy, InvalidOption, Stopped, Timeout, TooLarge } from "../src/RykerError.ts"

/** Gives way to others so many times. */
const turns = (count: number) => (count === 0 ? Effect.void : Effect.repeat(Effect.yieldNow, { times: count - 1 }))

/** Lets every fiber that can go on do so; no time passes. */
const quiet = turns(20)

/** Runs in a fiber of its own, up to where it has to wait. */
const start = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.tap(Effect.forkChild(effect, { startImmediately: true }), () => quiet)

const isWaiting = (fiber: Fiber.Fiber<unknown, unknown>): boolean => fiber.pollUnsafe() === undefined

const filled = (capacity: number) =>
  Effect.gen(function* () {
    const jobs = yield* Mailbox.make<number>({ name: "jobs", capacity })
    for (let n = 0; n < capacity; n++) yield* Mailbox.offer(jobs, n)
    return jobs
  })

/** What there is to take, without waiting for more. */
const takeAll = <A, C>(self: Mailbox.Mailbox<A, C>) =>
  Effect.gen(function* () {
    const taken: Array<A> = []
    while ((yield* Mailbox.depth(self)) > 0) taken.push(yield* Mailbox.take(self))
    return taken
  })

/** The two ways to end a mailbox, and what each hands back. */
const ends = {
  close: <A>(self: Mailbox.Mailbox<A>): Effect.Effect<ReadonlyArray<A>> => Effect.as(Mailbox.close(self), []),
  shutdown: <A>(self: Mailbox.Mailbox<A>): Effect.Effect<ReadonlyArray<A>> => Mailbox.shutdown(self)
}

const busy = (capacity: number) => new Busy({ actor: "jobs", limit: "mailbox", capacity })
/** What a take that has nothing more to wait for fails with. */
const ended = new Stopped({ actor: "jobs", reason: "Ended" })
/** Why something failed, in one word. */
const reasonOf = (error: Busy | TooLarge | Stopped | Timeout): string =>
  error._tag === "Stopped" ? error.reason : error._tag
const timeout = (millis: number) => new Timeout({ actor: "jobs", request: "message", phase: "queued", millis })

const deadline = { deadline: "1 minute" } as const

const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

describe("Mailbox.make", () => {
  const wholeFrom1 = (max: number) => `a whole number from 1 to ${max}`
  const badCapacities = [0, -1, Number.NaN, 2 ** 53, Infinity, -Infinity, 1.5, 1_048_577, Number.MIN_VALUE]
  it.effect.each(badCapacities)("a capacity of %d is an InvalidOption that says what is allowed", (capacity) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Mailbox.make({ name: "jobs", capacity }))
      const rule = wholeFrom1(1_048_576)
      assert.deepStrictEqual(
        error,
        new InvalidOption({ owner: "jobs", option: "capacity", value: String(capacity), rule })
      )
      for (const part of ["jobs", "capacity", String(capacity), rule]) assert.include(error.message, part)
    })
  )

  const badSizes = [0, -1, Number.NaN, 2 ** 53, Infinity, -Infinity, 1.5]
  it.effect.each(badSizes)("a maxMessageBytes of %d is an InvalidOption that says what is allowed", (size) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Mailbox.make({ maxMessageBytes: size }))
      const rule = wholeFrom1(Number.MAX_SAFE_INTEGER)
      assert.deepStrictEqual(
        error,
        new InvalidOption({ owner: "mailbox", option: "maxMessageBytes", value: String(size), rule })
      )
    })
  )

  it.effect("takes the least and the most that is allowed", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Mailbox.make({ capacity: 1 })).capacity, 1)
      assert.strictEqual((yield* Mailbox.make({ capacity: 1_048_576 })).capacity, 1_048_576)
      assert.strictEqual((yield* Mailbox.make({ maxMessageBytes: 1 })).maxMessageBytes, 1)
      assert.strictEqual((yield* Mailbox.make({ maxMessageBytes: 2 ** 53 - 1 })).maxMessageBytes, 2 ** 53 - 1)
    })
  )

  it.effect("without options holds 256 messages of any size, and is called a mailbox", () =>
    Effect.gen(function* () {
      const self = yield* Mailbox.make<string>()
      assert.deepStrictEqual([self.name, self.capacity, self.maxMessageBytes], ["mailbox", 256, Infinity])
      for (let n = 0; n < 256; n++) yield* Mailbox.offer(self, "a".repeat(n))
      assert.strictEqual((yield* Effect.flip(Mailbox.offer(self, "")))._tag, "Busy")
      assert.strictEqual(yield* Mailbox.depth(self), 256)
    })
  )

  it.effect("makes another mailbox each time it is run", () =>
    Effect.gen(function* () {
      const make = Mailbox.make<number>()
      const first = yield* make
      const second = yield* make
      yield* Mailbox.offer(first, 1)
      assert.strictEqual(yield* Mailbox.depth(second), 0)
    })
  )
})

describe("Mailbox.offer", () => {
  it.effect.each([1, 2, 3, 100])("to a full mailbox gives Busy and enqueues nothing (capacity %d)", (capacity) =>
    Effect.gen(function* () {
      const jobs = yield* filled(capacity)
      assert.strictEqual(yield* Mailbox.depth(jobs), capacity)
      for (let n = 0; n < 3; n++) {
        assert.deepStrictEqual(yield* Effect.flip(Mailbox.offer(jobs, 999)), busy(capacity))
        assert.strictEqual(yield* Mailbox.depth(jobs), capacity)
      }
      assert.strictEqual(yield* Mailbox.take(jobs), 0)
      // One place, and no more, is free again.
      yield* Mailbox.offer(jobs, capacity)
      assert.deepStrictEqual(yield* Effect.flip(Mailbox.offer(jobs, 999)), busy(capacity))
      assert.deepStrictEqual(
        yield* takeAll(jobs),
        Array.from({ length: capacity }, (_, n) => n + 1)
      )
    })
  )

  it.effect("tells a full, a closed and an ended mailbox apart", () =>
    Effect.gen(function* () {
      const jobs = yield* filled(2)
      assert.deepStrictEqual(yield* Effect.flip(Mailbox.offer(jobs, 9)), busy(2))
      yield* Mailbox.close(jobs)
      // It is still full; that it is closed is what matters to whoever offers.
      assert.strictEqual(reasonOf(yield* Effect.flip(Mailbox.offer(jobs, 9))), "Closed")
      yield* Mailbox.take(jobs)
      assert.strictEqual(reasonOf(yield* Effect.flip(Mailbox.offer(jobs, 9))), "Closed")
      yield* Mailbox.take(jobs)
      assert.strictEqual(reasonOf(yield* Effect.flip(Mailbox.offer(jobs, 9))), "Ended")
      assert.strictEqual(yield* Mailbox.depth(jobs), 0)
    })
  )

  it.effect("that is refused by a closed or an ended mailbox says that the message was not taken in", () =>
    Effect.gen(function* () {
      const jobs = yield* filled(1)
      const waiting = yield* start(Effect.flip(Mailbox.offerWait(jobs, 9, deadline)))
      yield* Mailbox.close(jobs)
      const refusals = [
        yield* Effect.flip(Mailbox.offer(jobs, 9)),
        yield* Effect.flip(Mailbox.offerWait(jobs, 9, deadline)),
        yield* Effect.andThen(Mailbox.shutdown(jobs), Fiber.join(waiting)),
        yield* Effect.flip(Mailbox.offer(jobs, 9)),
        yield* Effect.flip(Mailbox.offerWait(jobs, 9, deadline))
      ]
      for (const [i, reason] of (["Closed", "Closed", "Ended", "Ended", "Ended"] as const).entries()) {
        assert.deepStrictEqual(refusals[i], new Stopped({ actor: "jobs", reason, phase: "refused" }))
      }
    })
  )

  it.effect("does nothing until it is run, and the same each time", () =>
    Effect.gen(function* () {
      const jobs = yield* Mailbox.make<number>({ capacity: 2 })
      const offer = Mailbox.offer(jobs, 7)
      assert.strictEqual(yield* Mailbox.depth(jobs), 0)
      yield* offer
      yield* offer
      assert.strictEqual((yield* Effect.flip(offer))._tag, "Busy")
      assert.deepStrictEqual(yield* takeAll(jobs), [7, 7])
    })
  )

  it.effect("takes any value for a message, also those that look like none", () =>
    Effect.gen(function* () {
      const odd = [undefined, null, Number.NaN, false, 0, "", Exit.fail("no"), Effect.never]
      const self = yield* Mailbox.make<unknown>()
      for (const value of odd) yield* Mailbox.offer(self, value)
      for (const value of odd) {
        const taken: unknown = yield* Mailbox.take(self)
        assert.isTrue(Object.is(taken, value))
      }
      const fiber = yield* start(Mailbox.take(self))
      yield* Mailbox.offer(self, undefined)
      assert.isUndefined(yield* Fiber.join(fiber))
    })
  )

  it.effect.prop(
    "messages are taken in the order in which they were offered",
    [Arbitrary.array(Arbitrary.schema(int(0, 5)), { maxLength: 80 })],
    ([batches]) =>
      Effect.gen(function* () {
        const self = yield* Mailbox.make<number>()
        let offered = 0
        let taken = 0
        for (const size of batches) {
          for (let i = 0; i < size; i++) yield* Mailbox.offer(self, offered++)
          for (let i = 0; i < size && taken < offered - 1; i++) assert.strictEqual(yield* Mailbox.take(self), taken++)
        }
        while (taken < offered) assert.strictEqual(yield* Mailbox.take(self), taken++)
      })
  )
})

describe("Mailbox.offerWait", () => {
  it.effect("with room is done at once, without giving way to others", () =>
    Effect.gen(function* () {
      const jobs = yield* Mailbox.make<number>()
      const fiber = yield* Effect.forkChild(Mailbox.offerWait(jobs, 1, deadline), { startImmediately: true })
      assert.isFalse(isWaiting(fiber))
    })
  )

  it.effect("with room is accepted at once, whatever the deadline", () =>
    Effect.gen(function* () {
      const jobs = yield* Mailbox.make<number>({ name: "jobs" })
      yield* Mailbox.offerWait(jobs, 1, { deadline: 0 })
      yield* Mailbox.offerWait(jobs, 2, { deadline: "1 milli" })
      yield* Mailbox.offerWait(jobs, 3, { deadline: Infinity })
      assert.deepStrictEqual(yield* takeAll(jobs), [1, 2, 3])
    })
  )

  it.effect("waits for room, and is accepted as soon as there is some", () =>
    Effect.gen(function* () {
      const jobs = yield* filled(1)
      const fiber = yield* start(Mailbox.offerWait(jobs, 1, deadline))
      yield* TestClock.adjust("59 seconds")
      assert.isTrue(isWaiting(fiber))
      assert.strictEqual(yield* Mailbox.depth(jobs), 1)
      assert.strictEqual(yield* Mailbox.take(jobs), 0)
      yield* Fiber.join(fiber)
      assert.strictEqual(yield* Mailbox.depth(jobs), 1)
      assert.strictEqual(yield* Mailbox.take(jobs), 1)
    })
  )

  it.effect("is served in the order of coming, before any later offer", () =>
    Effect.gen(function* () {
      const jobs = yield* filled(2)
      const waiters = yield* Effect.forEach([2, 3, 4], (n) => start(Mailbox.offerWait(jobs, n, deadline)))
      const taken: Array<number> = []
      for (let n = 0; n < 3; n++) {
        assert.deepStrictEqual(yield* Effect.flip(Mailbox.offer(jobs, 99)), busy(2))
        // No step lies between the take and the offer: the place was never free for it.
        const [next, late] = yield* Effect.zip(Mailbox.take(jobs), Effect.flip(Mailbox.offer(jobs, 99)))
        taken.push(next)
        assert.deepStrictEqual(late, busy(2))
        yield* quiet
        assert.deepStrictEqual(
          waiters.map(isWaiting),
          [0, 1, 2].map((i) => i > n)
        )
      }
      yield* Mailbox.take(jobs)
      yield* Mailbox.offer(jobs, 5)
      assert.deepStrictEqual([...taken, 3, ...(yield* takeAll(jobs))], [0, 1, 2, 3, 4, 5])
    })
  )

  it.effect("is served before a later one that has a shorter deadline", () =>
    Effect.gen(function* () {
      const jobs = yield* filled(1)
      const patient = yield* start(Mailbox.offerWait(jobs, 1, { deadline: "10 seconds" }))
      const hasty = yield* start(Mailbox.offerWait(jobs, 2, { deadline: "1 second" }))
      yield* Mailbox.take(jobs)
      yield* Fiber.join(patient)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Effect.flip(Fiber.join(hasty)), timeout(1000))
      assert.deepStrictEqual(yield* takeAll(jobs), [1])
    })
  )

  it.effect("without room in time gives Timeout queued at its deadline, not before, and enqueues nothing", () =>
    Effect.gen(function* () {
      const jobs = yield* filled(2)
      const fiber = yield* start(Mailbox.offerWait(jobs, 9, { deadline: "250 millis" }))
      yield* TestClock.adjust(249)
      assert.isTrue(isWaiting(fiber))
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* Effect.flip(Fiber.join(fiber)), timeout(250))
      assert.strictEqual(yield* Mailbox.depth(jobs), 2)
      yield* Mailbox.take(jobs)
      assert.strictEqual(yield* Mailbox.depth(jobs), 1)
      yield* Mailbox.offer(jobs, 2)
      assert.deepStrictEqual(yield* takeAll(jobs), [1, 2])
    })
  )

  it.effect("with no time at all gives Timeout when the mailbox is full", () =>
    Effect.gen(function* () {
      const jobs = yield* filled(1)
      for (const millis of [0, -5, -Infinity, Number.NaN]) {
        assert.deepStrictEqual(yield* Effect.flip(Mailbox.offerWait(jobs, 9, { deadline: millis })), timeout(0))
      }
      assert.deepStrictEqual(yield* takeAll(jobs), [0])
    })
  )

  it.effect("with an infinite deadline waits for as long as it takes", () =>
    Effect.gen(function* () {
      const jobs = yield* filled(1)
      const fiber = yield* start(Mailbox.offerWait(jobs, 1, { deadline: Infinity }))
      yield* TestClock.adjust("1000 days")
      assert.isTrue(isWaiting(fiber))
      yield* Mailbox.take(jobs)
      yield* Fiber.join(fiber)
    })
  )

  it.effect("once accepted has nothing to do with its deadline any more", () =>
    Effect.gen(function* () {
      const jobs = yield* filled(1)
      const fiber = yield* start(Mailbox.offerWait(jobs, 1, { deadline: 100 }))
      yield* TestClock.adjust(99)
      yield* Mailbox.take(jobs)
      yield* TestClock.adjust(1000)
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(yield* takeAll(jobs), [1])
    })
  )

  it.effect("whose place is freed at the very time of its deadline is either accepted or timed out, never both", () =>
    Effect.gen(function* () {
      // The one who makes room is woken before, or after, the one who gives up.
      for (const takerFirst of [true, false]) {
        const jobs = yield* filled(1)
        const taker = start(Effect.delay(Mailbox.take(jobs), 100))
        if (takerFirst) yield* taker
        const offerer = yield* start(Effect.result(Mailbox.offerWait(jobs, 1, { deadline: 100 })))
        if (!takerFirst) yield* taker
        yield* TestClock.adjust(100)
        const result = yield* Fiber.join(offerer)
        assert.deepStrictEqual(yield* takeAll(jobs), Result.isSuccess(result) ? [1] : [])
        if (Result.isFailure(result)) assert.deepStrictEqual(result.failure, timeout(100))
      }
    })
  )

  it.effect("interrupted is withdrawn, and the others keep their order", () =>
    Effect.gen(function* () {
      const jobs = yield* filled(1)
      const fibers = yield* Effect.forEach([1, 2, 3, 4], (n) => start(Mailbox.offerWait(jobs, n, deadline)))
      yield* Fiber.interrupt(fibers[1]!)
      yield* Fiber.interrupt(fibers[3]!)
      assert.deepStrictEqual(yield* takeAll(jobs).pipe(Effect.tap(quiet)), [0, 1, 3])
      assert.deepStrictEqual(
        fibers.map((fiber) =>
          Option.match(Option.fromUndefinedOr(fiber.pollUnsafe()), {
            onNone: () => "waits",
            onSome: (exit) => exit._tag
          })
        ),
        ["Success", "Failure", "Success", "Failure"]
      )
      yield* Mailbox.offer(jobs, 5)
      assert.deepStrictEqual(yield* takeAll(jobs), [5])
    })
  )

  it.effect("interrupted in the step in which room is made was either accepted or is gone", () =>
    Effect.gen(function* () {
      const jobs = yield* filled(1)
      const fiber = yield* start(Mailbox.offerWait(jobs, 1, deadline))
      // The interruption comes first.
      yield* Effect.andThen(
        Effect.sync(() => fiber.interruptUnsafe()),
        Mailbox.take(jobs)
      )
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      assert.strictEqual(yield* Mailbox.depth(jobs), 0)
    })
  )

  it.effect("is still let in when the mailbox is closed meanwhile: it came before the close", () =>
    Effect.gen(function* () {
      const jobs = yield* filled(2)
      const fibers = yield* Effect.forEach([2, 3, 4], (n) => start(Mailbox.offerWait(jobs, n, deadline)))
      yield* Mailbox.close(jobs)
      assert.strictEqual(reasonOf(yield* Effect.flip(Mailbox.offer(jobs, 9))), "Closed")
      assert.strictEqual(reasonOf(yield* Effect.flip(Mailbox.offerWait(jobs, 9, deadline))), "Closed")
      assert.deepStrictEqual(yield* takeAll(jobs), [0, 1, 2, 3, 4])
      for (const fiber of fibers) yield* Fiber.join(fiber)
      assert.deepStrictEqual(yield* Effect.flip(Mailbox.take(jobs)), ended)
    })
  )

  it.effect("times out, and can be interrupted, in a closed mailbox as in an open one", () =>
    Effect.gen(function* () {
      const jobs = yield* filled(1)
      const first = yield* start(Mailbox.offerWait(jobs, 1, { deadline: 100 }))
      const second = yield* start(Mailbox.offerWait(jobs, 2, deadline))
      const third = yield* start(Mailbox.offerWait(jobs, 3, deadline))
      yield* Mailbox.close(jobs)
      yield* TestClock.adjust(100)
      yield* Fiber.interrupt(second)
      assert.deepStrictEqual(yield* Effect.flip(Fiber.join(first)), timeout(100))
      assert.deepStrictEqual(yield* takeAll(jobs), [0, 3])
      yield* Fiber.join(third)
      assert.deepStrictEqual(yield* Effect.flip(Mailbox.take(jobs)), ended)
    })
  )

  it.effect("is turned away by a shutdown, which does not hand back its message", () =>
    Effect.gen(function* () {
      const jobs = yield* filled(2)
      const fibers = yield* Effect.forEach([2, 3, 4], (n) => start(Mailbox.offerWait(jobs, n, deadline)))
      assert.deepStrictEqual(yield* Mailbox.shutdown(jobs), [0, 1])
      for (const fiber of fibers) assert.strictEqual(reasonOf(yield* Effect.flip(Fiber.join(fiber))), "Ended")
    })
  )

  it.effect("to a closed or an ended mailbox fails at once", () =>
    Effect.gen(function* () {
      const jobs = yield* filled(1)
      yield* Mailbox.close(jobs)
      assert.strictEqual(reasonOf(yield* Effect.flip(Mailbox.offerWait(jobs, 9, deadline))), "Closed")
      yield* Mailbox.take(jobs)
      assert.strictEqual(reasonOf(yield* Effect.flip(Mailbox.offerWait(jobs, 9, deadline))), "Ended")
      assert.strictEqual(yield* Clock.currentTimeMillis, 0)
    })
  )

  describe("and, as soon as it is accepted,", () => {
    for (const [name, end] of Object.entries(ends)) {
      it.effect(`a ${name} by the one who waited loses no message and leaves nobody waiting`, () =>
        Effect.gen(function* () {
          const jobs = yield* filled(1)
          const first = yield* start(Effect.andThen(Mailbox.offerWait(jobs, 1, deadline), end(jobs)))
          const second = yield* start(Effect.result(Mailbox.offerWait(jobs, 2, deadline)))
          const third = yield* start(Effect.result(Mailbox.offerWait(jobs, 3, deadline)))
          assert.strictEqual(yield* Mailbox.take(jobs), 0)
          yield* quiet
          const left = yield* Fiber.join(first)
          // What was let in comes out, one way or the other, and whoever was not let in is told so.
          const taken = yield* takeAll(jobs)
          const results = [yield* Fiber.join(second), yield* Fiber.join(third)]
          assert.deepStrictEqual(Arr.getFailures(results).map(reasonOf), name === "close" ? [] : ["Ended", "Ended"])
          assert.deepStrictEqual([...left, ...taken], name === "close" ? [1, 2, 3] : [1])
        })
      )
    }

    it.effect("an interruption of the taker by the one who waited loses no message", () =>
      Effect.gen(function* () {
        const jobs = yield* filled(1)
        const taken: Array<number> = []
        const taker: Fiber.Fiber<unknown, unknown> = yield* Effect.forkChild(
          Effect.map(Mailbox.take(jobs), (n) => taken.push(n))
        )
        yield* Effect.forkChild(
          Effect.andThen(
            Mailbox.offerWait(jobs, 1, deadline),
            Effect.sync(() => taker.interruptUnsafe())
          ),
          { startImmediately: true }
        )
        yield* Fiber.await(taker)
        yield* quiet
        assert.deepStrictEqual([...taken, ...(yield* takeAll(jobs))], [0, 1])
      })
    )

    it.effect("an endless producer does not make a batch endless", () =>
      Effect.gen(function* () {
        const jobs = yield* filled(3)
        let next = 3
        const producer = yield* start(Effect.forever(Effect.suspend(() => Mailbox.offerWait(jobs, next++, deadline))))
        for (let n = 0; n < 30;) {
          const batch = yield* Mailbox.takeBatch(jobs, Infinity)
          for (const message of batch) assert.strictEqual(message, n++)
          yield* quiet
        }
        yield* Fiber.interrupt(producer)
      })
    )
  })
})

describe("Mailbox.take", () => {
  it.effect("waits for a message and is woken by it", () =>
    Effect.gen(function* () {
      const jobs = yield* Mailbox.make<string>()
      const fiber = yield* start(Mailbox.take(jobs))
      yield* TestClock.adjust("1 hour")
      assert.isTrue(isWaiting(fiber))
      yield* Mailbox.offer(jobs, "hello")
      assert.strictEqual(yield* Fiber.join(fiber), "hello")
      assert.strictEqual(yield* Mailbox.depth(jobs), 0)
    })
  )

  it.effect("is woken again and again", () =>
    Effect.gen(function* () {
      const jobs = yield* Mailbox.make<number>()
      for (let n = 0; n < 20; n++) {
        const fiber = yield* start(Mailbox.take(jobs))
        assert.isTrue(isWaiting(fiber))
        yield* Mailbox.offer(jobs, n)
        assert.strictEqual(yield* Fiber.join(fiber), n)
      }
    })
  )

  it.effect("by several: each message goes to one of them, and each of them gets one", () =>
    Effect.gen(function* () {
      const jobs = yield* Mailbox.make<number>()
      const takers = yield* Effect.forEach(Array.from({ length: 10 }), () => start(Mailbox.take(jobs)))
      for (let n = 0; n < 4; n++) yield* Mailbox.offer(jobs, n)
      yield* quiet
      assert.strictEqual(takers.filter(isWaiting).length, 6)
      assert.strictEqual(yield* Mailbox.depth(jobs), 0)
      for (let n = 4; n < 10; n++) {
        yield* Mailbox.offer(jobs, n)
        yield* quiet
        assert.strictEqual(takers.filter(isWaiting).length, 9 - n)
      }
      const taken = yield* Effect.forEach(takers, Fiber.join)
      assert.deepStrictEqual(
        taken.toSorted((a, b) => a - b),
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
      )
    })
  )

  it.effect("by several who take again and again: all messages are taken, none twice", () =>
    Effect.gen(function* () {
      const jobs = yield* Mailbox.make<number>({ capacity: 3 })
      const taken: Array<number> = []
      const takers = yield* Effect.forEach(Array.from({ length: 4 }), () =>
        start(Effect.forever(Effect.map(Mailbox.take(jobs), (n) => taken.push(n))))
      )
      for (let n = 0; n < 100; n++) yield* Mailbox.offerWait(jobs, n, deadline)
      yield* quiet
      assert.deepStrictEqual(
        taken.toSorted((a, b) => a - b),
        Array.from({ length: 100 }, (_, n) => n)
      )
      assert.isTrue(takers.every(isWaiting))
    })
  )

  it.effect("fails for all who wait when an empty mailbox is closed, or when it is shut down", () =>
    Effect.gen(function* () {
      for (const end of Object.values(ends)) {
        const jobs = yield* Mailbox.make<number>({ name: "jobs" })
        const takers = yield* Effect.forEach(Array.from({ length: 3 }), () => start(Effect.flip(Mailbox.take(jobs))))
        const batch = yield* start(Effect.flip(Mailbox.takeBatch(jobs, 5)))
        yield* end(jobs)
        for (const taker of takers) assert.deepStrictEqual(yield* Fiber.join(taker), ended)
        assert.deepStrictEqual(yield* Fiber.join(batch), ended)
      }
    })
  )

  it.effect("fails for those who come too late for the last message of a closed mailbox", () =>
    Effect.gen(function* () {
      const jobs = yield* Mailbox.make<number>({ name: "jobs" })
      const takers = yield* Effect.forEach([1, 2, 3], () => start(Effect.result(Mailbox.take(jobs))))
      yield* Effect.andThen(Mailbox.offer(jobs, 7), Mailbox.close(jobs))
      const results = yield* Effect.forEach(takers, Fiber.join)
      assert.deepStrictEqual(Arr.getSuccesses(results), [7])
      assert.deepStrictEqual(Arr.getFailures(results), [ended, ended])
    })
  )

  it.effect("interrupted while it waits loses nothing: the message goes to the next", () =>
    Effect.gen(function* () {
      const jobs = yield* Mailbox.make<number>()
      const [first, second] = yield* Effect.all([start(Mailbox.take(jobs)), start(Mailbox.take(jobs))])
      yield* Fiber.interrupt(first)
      yield* Mailbox.offer(jobs, 1)
      assert.strictEqual(yield* Fiber.join(second), 1)
    })
  )

  it.effect("interrupted in the step in which a message comes loses nothing", () =>
    Effect.gen(function* () {
      const jobs = yield* Mailbox.make<number>()
      for (const offerFirst of [true, false]) {
        const taken: Array<number> = []
        const fiber = yield* start(Effect.map(Mailbox.take(jobs), (n) => taken.push(n)))
        const interrupt = Effect.sync(() => fiber.interruptUnsafe())
        const offer = Mailbox.offer(jobs, 1)
        yield* offerFirst ? Effect.andThen(offer, interrupt) : Effect.andThen(interrupt, offer)
        yield* Fiber.await(fiber)
        yield* quiet
        assert.deepStrictEqual([...taken, ...(yield* takeAll(jobs))], [1])
      }
    })
  )

  // A fiber gives way after so many operations, wherever it is then; that is where an interruption finds it.
  for (const [name, take] of Object.entries({
    take: (jobs: Mailbox.Mailbox<number>) => Effect.map(Mailbox.take(jobs), (n) => [n]),
    takeBatch: (jobs: Mailbox.Mailbox<number>) =>
      Effect.map(Mailbox.takeBatch(jobs, 2), (batch): Array<number> => batch)
  })) {
    for (const waits of [false, true]) {
      it.effect(`interrupted wherever it gives way loses nothing: ${name}${waits ? ", having waited" : ""}`, () =>
        Effect.gen(function* () {
          const lost: Array<string> = []
          for (let operations = 2; operations < 40; operations++) {
            for (let pause = 0; pause < 5; pause++) {
              const jobs = yield* Mailbox.make<number>()
              const taken: Array<number> = []
              const offers = Effect.forEach([1, 2, 3], (n) => Mailbox.offer(jobs, n))
              if (!waits) yield* offers
              const fiber = yield* Effect.forkChild(
                Effect.provideService(
                  Effect.map(take(jobs), (messages) => taken.push(...messages)),
                  Scheduler.MaxOpsBeforeYield,
                  operations
                ),
                { startImmediately: true }
              )
              if (waits) yield* Effect.andThen(quiet, offers)
              yield* turns(pause)
              yield* Fiber.interrupt(fiber)
              const found = [...taken, ...(yield* takeAll(jobs))]
              if (found.join(" ") !== "1 2 3") lost.push(`${operations} operations, ${pause} turns: ${found.join(" ")}`)
            }
          }
          assert.deepStrictEqual(lost, [])
        })
      )
    }
  }

  it.effect("hands messages down a long chain of mailboxes without running out of stack", () =>
    Effect.gen(function* () {
      const length = 5000
      const chain = yield* Effect.forEach(Array.from({ length: length + 1 }), () =>
        Mailbox.make<string>({ capacity: 1 })
      )
      const links = yield* Effect.forEach(Array.from({ length }), (_, i) =>
        Effect.forkChild(
          Effect.flatMap(Mailbox.take(chain[i]!), (message) => Mailbox.offer(chain[i + 1]!, message)),
          { startImmediately: true }
        )
      )
      yield* Mailbox.offer(chain[0]!, "hello")
      for (const link of links) yield* Fiber.join(link)
      assert.strictEqual(yield* Mailbox.take(chain[length]!), "hello")
    })
  )
})

describe("Mailbox.takeBatch", () => {
  it.effect("takes up to max, oldest first, and leaves the rest", () =>
    Effect.gen(function* () {
      const jobs = yield* filled(5)
      assert.deepStrictEqual(yield* Mailbox.takeBatch(jobs, 2), [0, 1])
      assert.strictEqual(yield* Mailbox.depth(jobs), 3)
      assert.deepStrictEqual(yield* Mailbox.takeBatch(jobs, 100), [2, 3, 4])
      assert.strictEqual(yield* Mailbox.depth(jobs), 0)
    })
  )

  it.effect.each([1, 0, -3, Number.NaN, -Infinity])("with a max of %d takes one", (max) =>
    Effect.gen(function* () {
      const jobs = yield* filled(3)
      assert.deepStrictEqual(yield* Mailbox.takeBatch(jobs, max), [0])
      assert.strictEqual(yield* Mailbox.depth(jobs), 2)
    })
  )

  it.effect("waits for at least one, and does not wait for more", () =>
    Effect.gen(function* () {
      const jobs = yield* Mailbox.make<number>()
      const fiber = yield* start(Mailbox.takeBatch(jobs, 10))
      assert.isTrue(isWaiting(fiber))
      yield* Mailbox.offer(jobs, 1)
      assert.deepStrictEqual(yield* Fiber.join(fiber), [1])
    })
  )

  it.effect("makes room for those who wait, in their order", () =>
    Effect.gen(function* () {
      const jobs = yield* filled(3)
      const waiters = yield* Effect.forEach([3, 4, 5, 6], (n) => start(Mailbox.offerWait(jobs, n, deadline)))
      assert.deepStrictEqual(yield* Mailbox.takeBatch(jobs, 2), [0, 1])
      yield* quiet
      assert.deepStrictEqual(waiters.map(isWaiting), [false, false, true, true])
      assert.strictEqual(yield* Mailbox.depth(jobs), 3)
      assert.deepStrictEqual(yield* takeAll(jobs), [2, 3, 4, 5, 6])
    })
  )

  it.effect("takes the rest of a closed mailbox, then says that it has ended", () =>
    Effect.gen(function* () {
      const jobs = yield* filled(3)
      yield* Mailbox.close(jobs)
      assert.deepStrictEqual(yield* Mailbox.takeBatch(jobs, 2), [0, 1])
      assert.deepStrictEqual(yield* Mailbox.takeBatch(jobs, 2), [2])
      assert.deepStrictEqual(yield* Effect.flip(Mailbox.takeBatch(jobs, 2)), ended)
    })
  )
})

describe("Mailbox.close", () => {
  it.effect("refuses further offers, lets what is queued be taken, then the mailbox has ended", () =>
    Effect.gen(function* () {
      const jobs = yield* filled(2)
      yield* Mailbox.close(jobs)
      assert.strictEqual(yield* Mailbox.depth(jobs), 2)
      assert.deepStrictEqual(yield* takeAll(jobs), [0, 1])
      for (let i = 0; i < 2; i++) assert.deepStrictEqual(yield* Effect.flip(Mailbox.take(jobs)), ended)
    })
  )

  it.effect("twice, or after the end, is harmless", () =>
    Effect.gen(function* () {
      const jobs = yield* filled(1)
      yield* Mailbox.close(jobs)
      yield* Mailbox.close(jobs)
      assert.strictEqual(reasonOf(yield* Effect.flip(Mailbox.offer(jobs, 9))), "Closed")
      assert.deepStrictEqual(yield* takeAll(jobs), [0])
      yield* Mailbox.close(jobs)
      assert.strictEqual(reasonOf(yield* Effect.flip(Mailbox.offer(jobs, 9))), "Ended")
    })
  )

  it.effect("of an empty mailbox ends it", () =>
    Effect.gen(function* () {
      const jobs = yield* Mailbox.make<number>({ name: "jobs" })
      yield* Mailbox.close(jobs)
      assert.strictEqual(reasonOf(yield* Effect.flip(Mailbox.offer(jobs, 9))), "Ended")
      assert.deepStrictEqual(yield* Effect.flip(Mailbox.take(jobs)), ended)
    })
  )
})

describe("Mailbox.shutdown", () => {
  it.effect("hands back what was left, oldest first, once, and ends the mailbox", () =>
    Effect.gen(function* () {
      const jobs = yield* filled(4)
      yield* Mailbox.take(jobs)
      assert.deepStrictEqual(yield* Mailbox.shutdown(jobs), [1, 2, 3])
      assert.deepStrictEqual(yield* Mailbox.shutdown(jobs), [])
      assert.strictEqual(yield* Mailbox.depth(jobs), 0)
      assert.deepStrictEqual(yield* Effect.flip(Mailbox.take(jobs)), ended)
      assert.strictEqual(reasonOf(yield* Effect.flip(Mailbox.offer(jobs, 9))), "Ended")
      yield* Mailbox.close(jobs)
      assert.strictEqual(reasonOf(yield* Effect.flip(Mailbox.offer(jobs, 9))), "Ended")
    })
  )

  it.effect("of a closed mailbox hands back the rest", () =>
    Effect.gen(function* () {
      const jobs = yield* filled(3)
      yield* Mailbox.close(jobs)
      yield* Mailbox.take(jobs)
      assert.deepStrictEqual(yield* Mailbox.shutdown(jobs), [1, 2])
    })
  )

  it.effect("of an empty or ended mailbox hands back nothing", () =>
    Effect.gen(function* () {
      const jobs = yield* Mailbox.make<number>()
      yield* Mailbox.close(jobs)
      assert.deepStrictEqual(yield* Mailbox.shutdown(jobs), [])
      assert.deepStrictEqual(yield* Mailbox.shutdown(yield* Mailbox.make<number>()), [])
    })
  )
})

describe("The control lane", () => {
  const withSignals = (capacity: number) =>
    Effect.gen(function* () {
      const jobs = yield* Mailbox.make<number, string>({ name: "jobs", capacity })
      for (let n = 0; n < capacity; n++) yield* Mailbox.offer(jobs, n)
      return jobs
    })

  it.effect("is never shed by a full mailbox, has no bound, and does not count", () =>
    Effect.gen(function* () {
      const jobs = yield* withSignals(2)
      for (let n = 0; n < 5000; n++) assert.isTrue(yield* Mailbox.signal(jobs, String(n)))
      assert.strictEqual(yield* Mailbox.depth(jobs), 2)
      assert.deepStrictEqual(yield* Effect.flip(Mailbox.offer(jobs, 9)), busy(2))
      yield* Mailbox.take(jobs)
      yield* Mailbox.offer(jobs, 2)
      for (let n = 0; n < 5000; n++) assert.strictEqual(yield* Mailbox.takeSignal(jobs), String(n))
      assert.deepStrictEqual(yield* takeAll(jobs), [1, 2])
    })
  )

  it.effect("and the messages are taken apart from each other", () =>
    Effect.gen(function* () {
      const jobs = yield* Mailbox.make<number, string>()
      const signal = yield* start(Mailbox.takeSignal(jobs))
      yield* Mailbox.offer(jobs, 1)
      yield* quiet
      assert.isTrue(isWaiting(signal))
      assert.strictEqual(yield* Mailbox.take(jobs), 1)
      const message = yield* start(Mailbox.take(jobs))
      yield* Mailbox.signal(jobs, "stop")
      assert.strictEqual(yield* Fiber.join(signal), "stop")
      assert.isTrue(isWaiting(message))
      yield* Mailbox.offer(jobs, 2)
      assert.strictEqual(yield* Fiber.join(message), 2)
    })
  )

  it.effect("is open for as long as a closed mailbox has messages", () =>
    Effect.gen(function* () {
      const jobs = yield* withSignals(1)
      yield* Mailbox.close(jobs)
      assert.isTrue(yield* Mailbox.signal(jobs, "stop"))
      assert.strictEqual(yield* Mailbox.takeSignal(jobs), "stop")
      const fiber = yield* start(Mailbox.takeSignal(jobs))
      assert.isTrue(isWaiting(fiber))
    })
  )

  const ends: Record<string, (jobs: Mailbox.Mailbox<number, string>) => Effect.Effect<unknown, Stopped>> = {
    "its shutdown": Mailbox.shutdown,
    "closing it when it is empty": (jobs) => Effect.andThen(takeAll(jobs), Mailbox.close(jobs)),
    "taking the last message after its close": (jobs) => Effect.andThen(Mailbox.close(jobs), Mailbox.take(jobs)),
    "taking the last batch after its close": (jobs) => Effect.andThen(Mailbox.close(jobs), Mailbox.takeBatch(jobs, 5))
  }
  for (const [name, end] of Object.entries(ends)) {
    it.effect(`ends with the mailbox, by ${name}: what was signalled before is still there, then nothing`, () =>
      Effect.gen(function* () {
        const jobs = yield* withSignals(1)
        yield* Mailbox.signal(jobs, "first")
        yield* Mailbox.signal(jobs, "second")
        yield* end(jobs)
        assert.isFalse(yield* Mailbox.signal(jobs, "late"))
        assert.strictEqual(yield* Mailbox.takeSignal(jobs), "first")
        assert.strictEqual(yield* Mailbox.takeSignal(jobs), "second")
        const last = yield* start(Effect.flip(Mailbox.takeSignal(jobs)))
        assert.isFalse(isWaiting(last))
        assert.deepStrictEqual(yield* Fiber.join(last), ended)
      })
    )

    it.effect(`ends for those who wait for a signal, by ${name}`, () =>
      Effect.gen(function* () {
        const jobs = yield* withSignals(1)
        const waiting = yield* start(Effect.flip(Mailbox.takeSignal(jobs)))
        assert.isTrue(isWaiting(waiting))
        yield* end(jobs)
        yield* quiet
        assert.isFalse(isWaiting(waiting))
        assert.deepStrictEqual(yield* Fiber.join(waiting), ended)
      })
    )
  }
})

describe("The size of a message", () => {
  const tooLarge = (bytes: number, max: number) => new TooLarge({ actor: "jobs", request: "message", bytes, max })

  it.effect("above the cap gives TooLarge and enqueues nothing, at the cap it fits", () =>
    Effect.gen(function* () {
      const jobs = yield* Mailbox.make<string>({ name: "jobs", maxMessageBytes: 10, schema: Schema.String })
      yield* Mailbox.offer(jobs, "a".repeat(10))
      yield* Mailbox.offer(jobs, "é".repeat(5))
      assert.deepStrictEqual(yield* Effect.flip(Mailbox.offer(jobs, "a".repeat(11))), tooLarge(11, 10))
      assert.deepStrictEqual(yield* Effect.flip(Mailbox.offer(jobs, "é".repeat(6))), tooLarge(12, 10))
      assert.strictEqual(yield* Mailbox.depth(jobs), 2)
    })
  )

  it.effect("is checked before anybody waits for room", () =>
    Effect.gen(function* () {
      const jobs = yield* Mailbox.make<string>({ name: "jobs", capacity: 1, maxMessageBytes: 2 })
      yield* Mailbox.offerWait(jobs, "ab", deadline)
      assert.deepStrictEqual(yield* Effect.flip(Mailbox.offerWait(jobs, "abc", deadline)), tooLarge(3, 2))
      assert.deepStrictEqual(yield* takeAll(jobs), ["ab"])
    })
  )

  it.effect("is measured without a schema as well", () =>
    Effect.gen(function* () {
      const jobs = yield* Mailbox.make<unknown>({ name: "jobs", maxMessageBytes: 16 })
      yield* Mailbox.offer(jobs, new Uint8Array(16))
      assert.deepStrictEqual(yield* Effect.flip(Mailbox.offer(jobs, new Uint8Array(17))), tooLarge(17, 16))
    })
  )

  it.effect("that has no end is still a number of bytes in the error", () =>
    Effect.gen(function* () {
      const jobs = yield* Mailbox.make<unknown>({ name: "jobs", maxMessageBytes: 16 })
      const sparse: Array<unknown> = []
      sparse.length = 2 ** 32 - 1
      const error = yield* Effect.flip(Mailbox.offer(jobs, sparse))
      assert.deepStrictEqual(error, tooLarge(Number.MAX_SAFE_INTEGER, 16))
    })
  )

  const Reading = Schema.Struct({ at: Schema.Finite, ok: Schema.Boolean })

  /** A reading that notices when it is looked at. */
  const watched = () => {
    const looks: Array<string> = []
    const reading = {
      get at() {
        looks.push("at")
        return 1
      },
      get ok() {
        looks.push("ok")
        return true
      }
    }
    return { looks, reading }
  }

  it.effect("is not measured where the schema's types keep it under the cap", () =>
    Effect.gen(function* () {
      const { looks, reading } = watched()
      const jobs = yield* Mailbox.make({ name: "jobs", maxMessageBytes: 9, schema: Reading })
      yield* Mailbox.offer(jobs, reading)
      yield* Mailbox.offerWait(jobs, reading, deadline)
      assert.deepStrictEqual(looks, [])
      // One byte less and it has to be.
      const tight = yield* Mailbox.make({ name: "jobs", maxMessageBytes: 8, schema: Reading })
      assert.deepStrictEqual(yield* Effect.flip(Mailbox.offer(tight, reading)), tooLarge(9, 8))
      assert.isNotEmpty(looks)
    })
  )

  it.effect("is not measured where there is no cap", () =>
    Effect.gen(function* () {
      const { looks, reading } = watched()
      yield* Mailbox.offer(yield* Mailbox.make<unknown>(), reading)
      yield* Mailbox.offer(yield* Mailbox.make({ schema: Reading }), reading)
      assert.deepStrictEqual(looks, [])
    })
  )

  it.effect("is measured where only a check bounds it, as nobody has run the check", () =>
    Effect.gen(function* () {
      const schema = Schema.String.check(Schema.isMaxLength(1))
      const jobs = yield* Mailbox.make({ name: "jobs", maxMessageBytes: 10, schema })
      assert.deepStrictEqual(yield* Effect.flip(Mailbox.offer(jobs, "a".repeat(100))), tooLarge(100, 10))
    })
  )

  it.effect("of a control signal is not checked", () =>
    Effect.gen(function* () {
      const jobs = yield* Mailbox.make<string, string>({ maxMessageBytes: 1 })
      assert.isTrue(yield* Mailbox.signal(jobs, "a long signal"))
    })
  )
})

describe("Mailbox, data-last", () => {
  it.effect("works in a pipe as it does with the mailbox first", () =>
    Effect.gen(function* () {
      const jobs = yield* Mailbox.make<number, string>({ name: "jobs", capacity: 3 })
      yield* pipe(jobs, Mailbox.offer(1))
      yield* pipe(jobs, Mailbox.offerWait(2, deadline))
      yield* pipe(jobs, Mailbox.offer(3))
      assert.deepStrictEqual(yield* pipe(jobs, Mailbox.offer(4), Effect.flip), busy(3))
      assert.deepStrictEqual(yield* pipe(jobs, Mailbox.offerWait(4, { deadline: 0 }), Effect.flip), timeout(0))
      assert.deepStrictEqual(yield* pipe(jobs, Mailbox.takeBatch(2)), [1, 2])
      assert.isTrue(yield* pipe(jobs, Mailbox.signal("stop")))
      assert.strictEqual(yield* pipe(jobs, Mailbox.takeSignal), "stop")
      assert.strictEqual(yield* pipe(jobs, Mailbox.depth), 1)
      yield* pipe(jobs, Mailbox.close)
      assert.deepStrictEqual(yield* pipe(jobs, Mailbox.shutdown), [3])
    })
  )

  it.effect("takes a mailbox for a message without confusing the two", () =>
    Effect.gen(function* () {
      const inner = yield* Mailbox.make<number>()
      const outer = yield* Mailbox.make<Mailbox.Mailbox<number>>()
      yield* pipe(outer, Mailbox.offer(inner))
      yield* Mailbox.offer(outer, inner)
      assert.strictEqual(yield* Mailbox.take(outer), inner)
      assert.strictEqual(yield* Mailbox.depth(inner), 0)
    })
  )
})

// --- Under any interleaving ---------------------------------------------------------------------------------------------

interface Sent {
  readonly sender: number
  readonly seq: number
}

const sender = int(0, 2)

const steps = Arbitrary.array(
  Arbitrary.schema(
    Schema.Union([
      Schema.Struct({ do: Schema.tag("offer"), sender }),
      Schema.Struct({ do: Schema.tag("offer"), sender }),
      Schema.Struct({ do: Schema.tag("offerWait"), sender, deadline: int(0, 20) }),
      Schema.Struct({ do: Schema.tag("offerWait"), sender, deadline: int(0, 20) }),
      Schema.Struct({ do: Schema.tag("take"), max: int(1, 4) }),
      Schema.Struct({ do: Schema.tag("take"), max: int(1, 4) }),
      Schema.Struct({ do: Schema.tag("withdraw"), which: int(0, 10) }),
      Schema.Struct({ do: Schema.tag("giveUp"), which: int(0, 10) }),
      Schema.Struct({ do: Schema.tag("pass"), millis: int(0, 8) }),
      Schema.Struct({ do: Schema.Literals(["close", "shutdown"]), when: int(0, 20) })
    ])
  ),
  { maxLength: 80 }
)

/** A mailbox that is plain lists, and what each of its callers is to be given. */
class Model {
  readonly capacity: number
  state: "Open" | "Closed" | "Ended" = "Open"
  queue: Array<Sent> = []
  waiting: Array<{ readonly message: Sent; readonly at: number; readonly id: number }> = []
  takers: Array<number> = []
  readonly outcomes = new Map<number, string>()
  readonly delivered: Array<Sent> = []

  constructor(capacity: number) {
    this.capacity = capacity
  }

  offer(id: number, message: Sent): void {
    if (this.state !== "Open") return void this.outcomes.set(id, this.state)
    if (this.queue.length === this.capacity) return void this.outcomes.set(id, "Busy")
    this.outcomes.set(id, "Success")
    this.queue.push(message)
    this.settle()
  }

  offerWait(id: number, message: Sent, at: number, now: number): void {
    if (this.state === "Open" && this.queue.length === this.capacity) {
      if (at <= now) return void this.outcomes.set(id, "Timeout")
      this.waiting.push({ message, at, id })
    } else this.offer(id, message)
  }

  /**
   * How many a batch takes is free within bounds: at least what was queued, up to what those who waited
   * for room add to it.
   */
  take(id: number, max: number, taken: number): void {
    if (this.queue.length > 0) {
      assert.isAtLeast(taken, Math.min(max, this.queue.length))
      assert.isAtMost(taken, Math.min(max, this.queue.length + this.waiting.length))
      for (let n = 0; n < taken; n++) {
        this.delivered.push(this.queue.shift()!)
        this.admit()
      }
      this.outcomes.set(id, "Success")
    } else this.takers.push(id)
    this.settle()
  }

  pass(now: number): void {
    for (const { at, id } of this.waiting) if (at <= now) this.outcomes.set(id, "Timeout")
    this.waiting = this.waiting.filter(({ at }) => at > now)
  }

  close(): void {
    if (this.state === "Open") this.state = "Closed"
    this.settle()
  }

  shutdown(): ReadonlyArray<Sent> {
    const left = this.queue
    this.queue = []
    for (const { id } of this.waiting) this.outcomes.set(id, "Ended")
    this.waiting = []
    this.close()
    return left
  }

  private admit(): void {
    for (const { id, message } of this.waiting.splice(0, this.capacity - this.queue.length)) {
      this.outcomes.set(id, "Success")
      this.queue.push(message)
    }
  }

  private settle(): void {
    // Takers wait for an empty mailbox only, so there is one message for one of them at most.
    if (this.queue.length > 0 && this.takers.length > 0) {
      this.delivered.push(this.queue.shift()!)
      this.outcomes.set(this.takers.shift()!, "Success")
    }
    if (this.state !== "Open" && this.queue.length === 0) {
      this.state = "Ended"
      for (const id of this.takers) this.outcomes.set(id, "Ended")
      this.takers = []
    }
  }
}

/** In one word, what an operation gave; undefined while it waits. */
const outcomeOf = (fiber: Fiber.Fiber<unknown, Busy | TooLarge | Stopped | Timeout>): string | undefined => {
  const exit = fiber.pollUnsafe()
  if (exit === undefined || Exit.isSuccess(exit)) return exit?._tag
  if (Exit.hasInterrupts(exit)) return "Interrupted"
  const error = Option.getOrThrow(Exit.findErrorOption(exit))
  return reasonOf(error)
}

const assertOrder = (messages: ReadonlyArray<Sent>): void => {
  const last = new Map<number, number>()
  for (const { sender, seq } of messages) {
    assert.isAbove(seq, last.get(sender) ?? -1)
    last.set(sender, seq)
  }
}

describe("Under any interleaving", () => {
  it.effect.prop(
    "each step gives what it gives on a plain list: nothing is lost or doubled, and senders keep their order",
    [int(1, 4), steps],
    ([capacity, steps]) =>
      Effect.gen(function* () {
        const jobs = yield* Mailbox.make<Sent>({ capacity })
        const model = new Model(capacity)
        const fibers = new Map<number, Fiber.Fiber<unknown, Busy | TooLarge | Stopped | Timeout>>()
        const delivered: Array<Sent> = []
        const next = [0, 0, 0]
        let now = 0
        const send = (sender: number): Sent => ({ sender, seq: next[sender]!++ })

        for (const [id, step] of steps.entries()) {
          switch (step.do) {
            case "offer": {
              const message = send(step.sender)
              model.offer(id, message)
              fibers.set(id, yield* start(Mailbox.offer(jobs, message)))
              break
            }
            case "offerWait": {
              const message = send(step.sender)
              model.offerWait(id, message, now + step.deadline, now)
              fibers.set(id, yield* start(Mailbox.offerWait(jobs, message, { deadline: step.deadline })))
              break
            }
            case "take": {
              const before = delivered.length
              const take = Effect.map(Mailbox.takeBatch(jobs, step.max), (batch) => delivered.push(...batch))
              fibers.set(id, yield* start(take))
              model.take(id, step.max, delivered.length - before)
              break
            }
            case "withdraw":
            case "giveUp": {
              // Of offers that wait, or of takers.
              const gone =
                step.do === "withdraw"
                  ? model.waiting.splice(step.which % Math.max(1, model.waiting.length), 1)[0]?.id
                  : model.takers.splice(step.which % Math.max(1, model.takers.length), 1)[0]
              if (gone === undefined) break
              model.outcomes.set(gone, "Interrupted")
              yield* Fiber.interrupt(fibers.get(gone)!)
              break
            }
            case "pass": {
              now += step.millis
              model.pass(now)
              yield* TestClock.adjust(step.millis)
              break
            }
            case "close":
            case "shutdown": {
              // Rarely, so that most of a run is spent open.
              if (step.when > 1) break
              if (step.do === "close") {
                model.close()
                yield* Mailbox.close(jobs)
              } else assert.deepStrictEqual(yield* Mailbox.shutdown(jobs), model.shutdown())
            }
          }
          yield* quiet
          for (const [id, fiber] of fibers) {
            assert.strictEqual(outcomeOf(fiber), model.outcomes.get(id), `step ${id}`)
          }
          assert.deepStrictEqual(delivered, model.delivered)
          assert.strictEqual(yield* Mailbox.depth(jobs), model.queue.length)
        }
        assertOrder(delivered)
        assert.deepStrictEqual(yield* Mailbox.shutdown(jobs), model.queue)
      }),
    { arbitrary: { runs: 150, size: 80 } }
  )

  const pauses = Arbitrary.array(Arbitrary.schema(int(0, 3)), { minLength: 4, maxLength: 24 })

  it.effect.prop(
    "senders, takers and a close that run at once: what was accepted is taken or handed back, each message once",
    [int(1, 3), Schema.Tuple([int(0, 40), Schema.Boolean]), pauses, int(3, 12)],
    ([capacity, [endsAfter, abruptly], pauses, operations]) =>
      Effect.gen(function* () {
        const jobs = yield* Mailbox.make<Sent>({ capacity })
        const accepted: Array<Sent> = []
        const refused: Array<Sent> = []
        const delivered: Array<Sent> = []
        const pause = (n: number) => turns(pauses[n % pauses.length]!)

        const sender = (sender: number) =>
          Effect.gen(function* () {
            for (let seq = 0; seq < 12; seq++) {
              const message = { sender, seq }
              const offer: Effect.Effect<void, Busy | TooLarge | Stopped | Timeout> =
                (sender + seq) % 2 === 0
                  ? Mailbox.offer(jobs, message)
                  : Mailbox.offerWait(jobs, message, { deadline: 1000 })
              const exit = yield* Effect.exit(offer)
              ;(Exit.isSuccess(exit) ? accepted : refused).push(message)
              yield* pause(sender * 7 + seq)
            }
          })
        const taker = (which: number) =>
          Effect.gen(function* () {
            for (let n = 0; ; n++) {
              const take = Effect.map(Mailbox.takeBatch(jobs, 1 + (n % 2)), (batch) => delivered.push(...batch))
              // Now and then it gives up, wherever it is by then.
              const fiber = yield* Effect.forkChild(take, { startImmediately: true })
              yield* pause(which * 5 + n)
              if (n % 2 === 1) yield* Fiber.interrupt(fiber)
              const exit = yield* Fiber.await(fiber)
              if (Exit.isFailure(exit) && !Exit.hasInterrupts(exit)) return
            }
          })

        const senders = yield* Effect.forEach([0, 1, 2], (n) => Effect.forkChild(sender(n)))
        // Takers give way after a few operations, so that an interruption finds them at any of these.
        const takers = yield* Effect.forEach([0, 1], (n) => Effect.forkChild(taker(n))).pipe(
          Effect.provideService(Scheduler.MaxOpsBeforeYield, operations)
        )
        yield* turns(endsAfter)
        const left = abruptly ? yield* Mailbox.shutdown(jobs) : yield* Effect.as(Mailbox.close(jobs), [])
        yield* TestClock.adjust(1000)
        yield* Effect.forEach([...senders, ...takers], Fiber.await)

        const key = ({ sender, seq }: Sent) => `${sender}/${seq}`
        assert.sameMembers([...delivered, ...left].map(key), accepted.map(key))
        assert.strictEqual(accepted.length + refused.length, 36)
        assertOrder(left)
        // Two who take may be overtaken by each other after the mailbox: only what one takes has an order.
        assert.strictEqual(new Set(delivered.map(key)).size, delivered.length)
      }),
    { arbitrary: { runs: 150, size: 40 } }
  )

  it.effect.prop(
    "one taker sees each sender's messages in the order of sending, however senders and taker interleave",
    [int(1, 3), pauses, int(3, 60)],
    ([capacity, pauses, operations]) =>
      Effect.gen(function* () {
        const jobs = yield* Mailbox.make<Sent>({ capacity })
        const pause = (n: number) => turns(pauses[n % pauses.length]!)
        const senders = yield* Effect.forEach([0, 1, 2], (sender) =>
          Effect.forkChild(
            Effect.forEach(Array.from({ length: 12 }), (_, seq) =>
              Effect.andThen(Mailbox.offerWait(jobs, { sender, seq }, deadline), pause(sender * 7 + seq))
            )
          )
        ).pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, operations))
        const delivered: Array<Sent> = []
        while (delivered.length < 36) {
          delivered.push(...(yield* Mailbox.takeBatch(jobs, 2)))
          yield* pause(delivered.length)
        }
        yield* Effect.forEach(senders, Fiber.join)
        assertOrder(delivered)
        assert.strictEqual(yield* Mailbox.depth(jobs), 0)
      }),
    { arbitrary: { runs: 100, size: 40 } }
  )
})
