import { assert, describe, it } from "@effect/vitest"
import { AsyncLocalStorage } from "node:async_hooks"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Actor from "../../src/Actor.ts"
import { CurrentObserver, type RuntimeObserver } from "../../src/internal/runtimeObserver.ts"
import * as Ryker from "../../src/Ryker.ts"
import { Counter, counterHandlers } from "../fixtures.ts"

/** Keeps the fibers of actors' lives. */
const watching = () => {
  const fibers: Array<Fiber.Fiber<unknown, unknown>> = []
  const ignore = () => {}
  const observer: RuntimeObserver = {
    handlesAtOnce: true,
    opened: ignore,
    created: ignore,
    lives: (_cell, fiber) => fibers.push(fiber),
    accepted: ignore,
    refused: ignore,
    began: ignore,
    ended: ignore,
    dropped: ignore,
    happened: ignore
  }
  return { fibers, layer: Layer.provide(Ryker.layer, Layer.succeedContext(Context.make(CurrentObserver, observer))) }
}

/** How many of them have not ended. */
const alive = (fibers: ReadonlyArray<Fiber.Fiber<unknown, unknown>>): number =>
  fibers.filter((fiber) => fiber.pollUnsafe() === undefined).length

/** What is scheduled goes on, and what that schedules. */
const settle = TestClock.adjust(0)

const exact = { backoff: { base: 100, jitter: false } } as const

describe("the life of an actor", () => {
  it.effect("has a fiber while there is something to do, and none while the incarnation handles messages", () => {
    const { fibers, layer } = watching()
    return Effect.scoped(
      Effect.gen(function* () {
        const counter = yield* Actor.spawn(Counter, Effect.sync(counterHandlers), exact)
        assert.deepStrictEqual([fibers.length, alive(fibers)], [1, 0])
        for (let n = 0; n < 3; n++) yield* counter.ask.Next()
        yield* counter.tell.Add({ n: 1 })
        assert.strictEqual(yield* counter.ask.Next(), 5)
        assert.deepStrictEqual([fibers.length, alive(fibers)], [1, 0])
        // It waits for the time of the restart, and is up again then.
        yield* counter.tell.Crash()
        yield* settle
        assert.deepStrictEqual([fibers.length, alive(fibers)], [2, 1])
        yield* TestClock.adjust(100)
        assert.deepStrictEqual([fibers.length, alive(fibers)], [2, 0])
        assert.strictEqual(yield* counter.ask.Next(), 1)
        // A stop that the message in hand holds up.
        yield* counter.tell.Stubborn({ millis: 50 })
        yield* settle
        yield* Effect.forkChild(Actor.stop(counter), { startImmediately: true })
        yield* settle
        assert.strictEqual((yield* Actor.status(counter))._tag, "Stopping")
        yield* TestClock.adjust(50)
        assert.strictEqual((yield* Actor.status(counter))._tag, "Stopped")
        assert.deepStrictEqual([fibers.length, alive(fibers)], [3, 0])
      })
    ).pipe(Effect.provide(layer))
  })

  it.effect("remembers its restarts while it has no fiber: the delays grow, and too many end it", () => {
    const { layer } = watching()
    return Effect.scoped(
      Effect.gen(function* () {
        const options = { ...exact, intensity: { restarts: 2, window: "1 minute" } } as const
        const counter = yield* Actor.spawn(Counter, Effect.sync(counterHandlers), options)
        const delays: Array<number> = []
        for (let n = 0; n < 2; n++) {
          yield* counter.tell.Crash()
          yield* settle
          const status = yield* Actor.status(counter)
          const delay = status._tag === "Restarting" ? status.millisLeft : Number.NaN
          delays.push(delay)
          yield* TestClock.adjust(delay)
          assert.strictEqual(yield* counter.ask.Next(), 1)
        }
        assert.deepStrictEqual(delays, [100, 200])
        yield* counter.tell.Crash()
        yield* settle
        assert.deepInclude(yield* Actor.status(counter), { _tag: "Stopped", reason: "RapidFail" })
      })
    ).pipe(Effect.provide(layer))
  })

  it.effect("goes on in the async context in which it began, whoever makes it go on", () => {
    const { layer } = watching()
    const storage = new AsyncLocalStorage<string>()
    const seen: Array<string> = []
    const note = (what: string) => Effect.sync(() => seen.push(`${what} ${storage.getStore()}`))
    const build = Effect.gen(function* () {
      yield* Effect.addFinalizer(() => note("closes in"))
      yield* note("starts in")
      return counterHandlers()
    })
    return Effect.gen(function* () {
      const services = yield* Effect.context<Ryker.Ryker | Scope.Scope>()
      /** Runs it in the async context of somebody with this store. */
      const as = <A, E>(store: string, effect: Effect.Effect<A, E, Ryker.Ryker | Scope.Scope>) =>
        Fiber.join(storage.run(store, () => Effect.runForkWith(services)(effect)))
      const counter = yield* as("spawner's", Actor.spawn(Counter, build, exact))
      yield* as("sender's", counter.tell.Crash())
      yield* settle
      yield* TestClock.adjust(100)
      yield* as("stopper's", Actor.stop(counter))
      assert.deepStrictEqual(seen, [
        "starts in spawner's",
        "closes in spawner's",
        "starts in spawner's",
        "closes in spawner's"
      ])
    }).pipe(Effect.scoped, Effect.provide(layer))
  })
})
