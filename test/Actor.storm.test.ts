/** Everything at once, by a seed: stash, suspension, timers, crashes, redelivery, deadlines, interruptions, stops. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import * as Ledger from "../src/Ledger.ts"
import { ask, background, entryOf, type Job, settled, tell, type WorkerHandle } from "./Actor.fixtures.ts"
import { crash, each, letters, nameOf, pass, run, spawn } from "./Actor.kinds.ts"
import { assertBalanced } from "./fixtures.ts"

/** A whole number from 0, below the limit. */
const below = (limit: number) => Random.nextIntBetween(0, limit - 1)

const capacity = 6
const stash = 3
const redeliver = 1

/** One storm of `steps` steps, and the calm after it; asserts what must hold in each step and in the end. */
const storm = (worker: WorkerHandle, steps: number) =>
  Effect.gen(function* () {
    const dead = yield* letters
    const before = yield* entryOf(nameOf(worker))
    let isReady = false
    let isCalm = false
    let running = 0
    let label = 0
    /** How often each job has come to its own end. */
    const ended = new Map<number, number>()
    const fibers: Array<Fiber.Fiber<Exit.Exit<unknown, unknown>>> = []

    /** Nothing of the actor's own runs at the same time as anything else. */
    const alone = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      Effect.acquireUseRelease(
        Effect.sync(() => assert.strictEqual(++running, 1)),
        () => effect,
        () => Effect.sync(() => void running--)
      )

    const behaviours: ReadonlyArray<() => Effect.Effect<unknown, never, Actor.Self>> = [
      () => Effect.void,
      () => Effect.void,
      () => Effect.sleep(7),
      () => (isReady || isCalm ? Effect.void : Actor.stash),
      () => (isReady || isCalm ? Effect.void : Effect.andThen(Effect.sleep(3), Actor.stash)),
      () =>
        Effect.andThen(
          Effect.sync(() => (isReady = !isReady)),
          Actor.unstashAll
        ),
      () => (isCalm ? Effect.void : crash()),
      () => (isCalm ? Effect.void : Effect.andThen(Effect.sleep(4), crash())),
      () => (isCalm ? Effect.void : Actor.stopSelf),
      () => Effect.orDie(Effect.flatMap(Actor.timers, (timers) => timers.fixedRate("tick", 9, alone(Effect.sleep(2))))),
      () =>
        Effect.orDie(
          Effect.flatMap(Actor.timers, (timers) => timers.single("once", 5, alone(isCalm ? Effect.void : crash())))
        ),
      () => Effect.orDie(Actor.receiveTimeout(20, alone(Actor.unstashAll)))
    ]

    const jobOf = (n: number, behaviour: number): Job => {
      const body = behaviours[behaviour]!
      return () =>
        alone(Effect.tap(Effect.suspend(body), () => Effect.sync(() => ended.set(n, (ended.get(n) ?? 0) + 1))))
    }

    const step = Effect.gen(function* () {
      const action = yield* below(12)
      const job = jobOf(label++, yield* below(behaviours.length))
      const options = (yield* Random.nextBoolean) ? { deadline: yield* Random.nextIntBetween(1, 40) } : {}
      if (action < 4) fibers.push(yield* background(Effect.exit(ask(worker, job, options))))
      else if (action < 7) yield* Effect.exit(tell(worker, job, options))
      else if (action === 7) yield* Actor.suspend(worker)
      else if (action === 8) yield* Actor.resume(worker)
      else if (action === 9 && fibers.length > 0) {
        yield* Fiber.interrupt(fibers[yield* below(fibers.length)]!)
      } else yield* TestClock.adjust(yield* Random.nextIntBetween(1, 60))
      yield* settled
      yield* assertBalanced
      const status = yield* Actor.status(worker)
      // One that is delivered again is beyond the bound, like the one that was in hand.
      if ("queued" in status) assert.isAtMost(status.queued, capacity + stash + 1)
    })
    for (let n = 0; n < steps; n++) yield* step

    isCalm = true
    isReady = true
    yield* Actor.resume(worker)
    yield* Effect.exit(
      tell(worker, () =>
        Effect.andThen(
          Actor.unstashAll,
          Effect.flatMap(Actor.timers, (t) => t.cancelAll)
        )
      )
    )
    yield* pass(1_000)
    // What was put aside before the calm goes back now; the mailbox has room again.
    yield* Effect.exit(
      tell(worker, () =>
        Effect.andThen(
          Actor.unstashAll,
          Effect.flatMap(Actor.timers, (t) => t.cancelAll)
        )
      )
    )
    yield* pass(500)

    const after = yield* entryOf(nameOf(worker))
    assert.strictEqual(Ledger.imbalance(after), 0)
    assert.deepStrictEqual([after.queued, after.inHand], [0, 0])
    for (const fiber of fibers) assert.isDefined(fiber.pollUnsafe(), "an ask hangs")
    for (const [n, times] of ended) assert.isAtMost(times, 1, `job ${n} was handled ${times} times`)
    const dropped = Ledger.totalDropped(after.dropped) - Ledger.totalDropped(before.dropped)
    assert.strictEqual(dead.length, dropped)
    return after
  })

describe("in a storm", () => {
  for (let seed = 1; seed <= 12; seed++) {
    each(`no message is lost or handled twice, no ask hangs, and the bounds hold: seed ${seed}`, (make) =>
      Effect.gen(function* () {
        const worker = yield* make({
          capacity,
          stash,
          redeliver,
          backoff: { base: 10, cap: 20, jitter: false },
          intensity: { restarts: 100_000, window: 1 }
        })
        const { crashes, handled } = yield* storm(worker, 150)
        assert.isAbove(crashes, 0)
        assert.isAbove(handled, 10)
      }).pipe(Random.withSeed(`storm ${seed}`))
    )
  }

  it.effect("a stop in the middle of it answers everybody within its time", () =>
    Effect.forEach(
      Array.from({ length: 12 }, (_, n) => n),
      (seed) =>
        Effect.gen(function* () {
          const worker = yield* spawn({
            capacity,
            stash,
            redeliver,
            backoff: { base: 10, cap: 20, jitter: false },
            intensity: { restarts: 1_000 }
          })
          const jobs: ReadonlyArray<Job> = [
            () => Actor.stash,
            () => Effect.sleep(7),
            crash,
            () => Effect.uninterruptible(Effect.sleep(30)),
            () => Effect.andThen(Actor.stopSelf, Effect.sleep(3))
          ]
          const fibers: Array<Fiber.Fiber<unknown>> = []
          for (let n = 0; n < 6; n++) {
            const job = jobs[yield* below(jobs.length)]!
            fibers.push(yield* background(Effect.exit(ask(worker, job))))
          }
          if (yield* Random.nextBoolean) yield* Actor.suspend(worker)
          yield* background(Actor.stop(worker, { deadline: yield* below(25) }))
          yield* pass(30)
          assert.deepInclude(yield* Actor.status(worker), { _tag: "Stopped", reason: "Stopped" })
          for (const fiber of fibers) assert.isDefined(fiber.pollUnsafe(), "an ask hangs")
          yield* pass(50)
          yield* assertBalanced
        }).pipe(Random.withSeed(`stop ${seed}`)),
      { discard: true }
    ).pipe(run)
  )
})
