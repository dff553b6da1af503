import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import { Feed } from "../../src/internal/feed.ts"

/** How many elements may wait for a subscriber, as the documentation of `Ryker.events` says. */
const bound = 256

const settled: Effect.Effect<void> = Effect.repeat(Effect.yieldNow, { times: 30 })

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

const publishAll = (feed: Feed<number>, elements: ReadonlyArray<number>) => {
  for (const element of elements) feed.publish(element)
}

/** A subscriber that has taken the elements in `seen` in, and is there when this returns. */
const subscribe = (feed: Feed<number>, onElement: (n: number) => Effect.Effect<unknown> = () => Effect.void) =>
  Effect.gen(function* () {
    const seen: Array<number> = []
    const run = Stream.runForEach(feed.stream, (n) =>
      Effect.suspend(() => {
        seen.push(n)
        return onElement(n)
      })
    )
    const fiber = yield* Effect.forkChild(run, { startImmediately: true })
    yield* settled
    return { seen, fiber }
  })

describe("Feed", () => {
  it.effect("gives what is published from the moment on when its stream is run", () =>
    Effect.gen(function* () {
      const feed = new Feed<number>()
      const { stream } = feed
      assert.isFalse(feed.isWanted)
      feed.publish(1)
      const fiber = yield* Effect.forkChild(Stream.runCollect(Stream.take(stream, 2)), { startImmediately: true })
      // Nothing has run yet but the subscription, and it is there already.
      assert.isTrue(feed.isWanted)
      publishAll(feed, [2, 3, 4])
      assert.deepStrictEqual(yield* Fiber.join(fiber), [2, 3])
      assert.isFalse(feed.isWanted)
    })
  )

  it.effect("gives everything to each subscriber, in order, those of the same stream value among them", () =>
    Effect.gen(function* () {
      const feed = new Feed<number>()
      const first = yield* subscribe(feed)
      publishAll(feed, [1, 2])
      yield* settled
      const second = yield* subscribe(feed)
      const third = yield* subscribe(feed)
      publishAll(feed, [3, 4])
      yield* settled
      assert.deepStrictEqual(
        [first.seen, second.seen, third.seen],
        [
          [1, 2, 3, 4],
          [3, 4],
          [3, 4]
        ]
      )
      assert.strictEqual(feed.missed, 0)
    })
  )

  it.effect("keeps as many as its bound for a slow subscriber, then loses the oldest and counts them", () =>
    Effect.gen(function* () {
      const feed = new Feed<number>()
      const latch = yield* Latch.make()
      const slow = yield* subscribe(feed, () => latch.await)
      feed.publish(0)
      yield* settled
      // Zero is in its hands; the buffer is empty.
      publishAll(feed, numbers(1, bound))
      assert.strictEqual(feed.missed, 0)
      feed.publish(bound + 1)
      assert.strictEqual(feed.missed, 1)
      feed.publish(bound + 2)
      assert.strictEqual(feed.missed, 2)
      yield* latch.open
      yield* settled
      assert.deepStrictEqual(slow.seen, [0, ...numbers(3, bound + 2)])
      // It has caught up: nothing more is lost.
      publishAll(feed, [1_000, 1_001])
      yield* settled
      assert.deepStrictEqual(slow.seen.slice(-2), [1_000, 1_001])
      assert.strictEqual(feed.missed, 2)
    })
  )

  it.effect("counts what each of several slow ones has lost, and holds a fast one up by nothing", () =>
    Effect.gen(function* () {
      const feed = new Feed<number>()
      yield* subscribe(feed, () => Effect.never)
      yield* subscribe(feed, () => Effect.never)
      const fast = yield* subscribe(feed)
      for (const n of numbers(0, bound + 10)) {
        feed.publish(n)
        yield* settled
      }
      assert.deepStrictEqual(fast.seen, numbers(0, bound + 10))
      // Each slow one has one in its hands and the bound waiting: ten are lost to each.
      assert.strictEqual(feed.missed, 20)
    })
  )

  it.effect("counts nothing for one that has gone: interrupted, satisfied, failed or dead", () =>
    Effect.gen(function* () {
      const ends: ReadonlyArray<(feed: Feed<number>) => Effect.Effect<unknown, unknown>> = [
        (feed) =>
          Effect.gen(function* () {
            const { fiber } = yield* subscribe(feed, () => Effect.never)
            feed.publish(1)
            yield* settled
            yield* Fiber.interrupt(fiber)
          }),
        (feed) => Effect.flatMap(subscribe(feed), ({ fiber }) => Fiber.interrupt(fiber)),
        (feed) =>
          Effect.gen(function* () {
            const { fiber } = yield* subscribe(feed, () => Effect.die("dead"))
            feed.publish(1)
            assert.isTrue(Exit.isFailure(yield* Fiber.await(fiber)))
          }),
        (feed) =>
          Effect.gen(function* () {
            const taking = yield* Effect.forkChild(Stream.runDrain(Stream.take(feed.stream, 1)), {
              startImmediately: true
            })
            publishAll(feed, [1, 2, 3])
            yield* Fiber.join(taking)
          })
      ]
      for (const end of ends) {
        const feed = new Feed<number>()
        const other = yield* subscribe(feed)
        yield* end(feed)
        const before = other.seen.length
        for (const n of numbers(1, 2 * bound)) {
          feed.publish(n)
          if (n % 100 === 0) yield* settled
        }
        yield* settled
        assert.strictEqual(feed.missed, 0)
        assert.strictEqual(other.seen.length, before + 2 * bound)
        yield* Fiber.interrupt(other.fiber)
        assert.isFalse(feed.isWanted)
      }
    })
  )

  it.effect("ends its streams when it ends, after what waits was read", () =>
    Effect.gen(function* () {
      const feed = new Feed<number>()
      const latch = yield* Latch.make()
      const slow = yield* subscribe(feed, () => latch.await)
      const fast = yield* subscribe(feed)
      publishAll(feed, [1, 2])
      yield* settled
      publishAll(feed, numbers(3, 20))
      feed.end()
      feed.publish(21)
      yield* Fiber.join(fast.fiber)
      assert.deepStrictEqual(fast.seen, numbers(1, 20))
      assert.deepStrictEqual(slow.seen, [1])
      yield* latch.open
      yield* Fiber.join(slow.fiber)
      assert.deepStrictEqual(slow.seen, numbers(1, 20))
      assert.strictEqual(feed.missed, 0)
    })
  )

  it.effect("reads a full buffer to its end after it has ended", () =>
    Effect.gen(function* () {
      const feed = new Feed<number>()
      const latch = yield* Latch.make()
      const slow = yield* subscribe(feed, () => latch.await)
      feed.publish(0)
      yield* settled
      publishAll(feed, numbers(1, bound + 5))
      feed.end()
      yield* latch.open
      yield* Fiber.join(slow.fiber)
      assert.deepStrictEqual(slow.seen, [0, ...numbers(6, bound + 5)])
      assert.strictEqual(feed.missed, 5)
    })
  )

  it.effect("gives an empty stream to whoever comes after its end", () =>
    Effect.gen(function* () {
      const feed = new Feed<number>()
      feed.publish(1)
      feed.end()
      feed.end()
      feed.publish(2)
      assert.deepStrictEqual(yield* Stream.runCollect(feed.stream), [])
      assert.isFalse(feed.isWanted)
      assert.strictEqual(feed.missed, 0)
    })
  )

  it.effect("may be published to from within a subscriber, and subscribed to from within one", () =>
    Effect.gen(function* () {
      const feed = new Feed<number>()
      let inner: { readonly seen: Array<number> } | undefined
      const outer = yield* subscribe(feed, (n) =>
        Effect.gen(function* () {
          if (n < 3) feed.publish(n + 1)
          if (n === 2) inner = yield* subscribe(feed)
        })
      )
      feed.publish(1)
      yield* settled
      feed.publish(9)
      yield* settled
      assert.deepStrictEqual(outer.seen, [1, 2, 3, 9])
      // What was published before it came, from the same place, is not for it.
      const { seen } = inner ?? assert.fail("it never subscribed")
      assert.strictEqual(seen.at(-1), 9)
      assert.notInclude(seen, 1)
    })
  )

  it.effect("leaves no subscriber behind, wherever its fiber is interrupted", () =>
    Effect.gen(function* () {
      for (let yields = 0; yields < 12; yields++) {
        const feed = new Feed<number>()
        const fiber = yield* Effect.forkChild(Stream.runDrain(feed.stream))
        for (let n = 0; n < yields; n++) yield* Effect.yieldNow
        feed.publish(yields)
        yield* Fiber.interrupt(fiber)
        const exit = yield* Fiber.await(fiber)
        assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
        assert.isFalse(feed.isWanted, `after ${yields} yields`)
      }
    })
  )

  it.effect("gives each subscriber, at any pace, an ascending selection: what it has seen and lost is all", () =>
    Effect.gen(function* () {
      const feed = new Feed<number>()
      const paces = [1, 3, 7, 40]
      const all: Array<{ readonly seen: Array<number>; readonly fiber: Fiber.Fiber<void> }> = []
      for (const pace of paces) {
        all.push(yield* subscribe(feed, () => Effect.repeat(Effect.yieldNow, { times: pace })))
      }
      const total = 5_000
      let published = 0
      while (published < total) {
        const burst = Math.min(yield* Random.nextIntBetween(1, 400), total - published)
        publishAll(feed, numbers(published, published + burst - 1))
        published += burst
        const pause = yield* Random.nextIntBetween(1, 300)
        yield* Effect.repeat(Effect.yieldNow, { times: pause })
      }
      feed.end()
      let lost = 0
      for (const { fiber, seen } of all) {
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(
          seen,
          seen.toSorted((a, b) => a - b)
        )
        assert.strictEqual(new Set(seen).size, seen.length)
        assert.strictEqual(seen.at(-1), total - 1)
        lost += total - seen.length
      }
      assert.isAbove(lost, 0)
      assert.strictEqual(feed.missed, lost)
    }).pipe(Random.withSeed("feed"))
  )
})
