import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import * as Ryker from "../src/Ryker.ts"
import { Stopped } from "../src/RykerError.ts"
import {
  assertFree,
  background,
  entryOf,
  errorOf,
  interruptedAtStep,
  makeResource,
  settled,
  startOf
} from "./Actor.fixtures.ts"
import { Counter, counterHandlers, counterLayer, withActors } from "./fixtures.ts"

describe("a start that is interrupted", () => {
  it.effect("leaves no actor, and has released all that it had acquired when the interruption returns", () =>
    Effect.gen(function* () {
      let released = 0
      const build = Effect.andThen(
        Effect.addFinalizer(() =>
          Effect.delay(
            Effect.sync(() => released++),
            10
          )
        ),
        Effect.never
      )
      yield* TestClock.adjust(0)
      const start = yield* background(startOf(Counter.toLayer(build)))
      const interruption = yield* background(Fiber.interrupt(start))
      assert.isUndefined(interruption.pollUnsafe())
      yield* TestClock.adjust(10)
      yield* Fiber.join(interruption)
      assert.strictEqual(released, 1)
      yield* assertFree
    }).pipe(withActors(Layer.empty))
  )

  it.effect("ends at once, also when build has told its own actor something already", () =>
    Effect.gen(function* () {
      const build = Effect.gen(function* () {
        const counter = yield* Counter
        yield* counter.tell.Next()
        return yield* Effect.never
      })
      const start = yield* background(Effect.exit(Actor.spawn(Counter, build, { name: "Counter" })))
      const interruption = yield* background(Fiber.interrupt(start))
      const isOver = interruption.pollUnsafe() !== undefined
      yield* TestClock.adjust("10 seconds")
      assert.isTrue(isOver)
      yield* assertFree
      const { accepted, dropped } = yield* entryOf("Counter")
      assert.deepStrictEqual({ accepted, shutdown: dropped.shutdown }, { accepted: 1, shutdown: 1 })
    }).pipe(withActors(Layer.empty))
  )

  it.effect("frees its name for a start that follows at once", () =>
    Effect.gen(function* () {
      const start = yield* background(startOf(Counter.toLayer(Effect.never)))
      yield* Fiber.interrupt(start)
      yield* assertFree
    }).pipe(withActors(Layer.empty))
  )

  it.effect("at any step leaves no actor", () =>
    Effect.gen(function* () {
      const { acquire, resource } = makeResource()
      const build = Effect.andThen(acquire, Effect.sync(counterHandlers))
      let steps = 0
      for (let reached = true; reached; steps++) {
        const scope = yield* Scope.make()
        const start = Scope.provide(Actor.spawn(Counter, build, { name: "one" }), scope)
        const interrupted = yield* interruptedAtStep(start, steps)
        reached = interrupted.reached
        assert.isDefined(interrupted.exit, "it hangs")
        // One start after the other: a failure would be that of a name that is still taken.
        assert.isFalse(Exit.isFailure(interrupted.exit) && Cause.hasFails(interrupted.exit.cause))
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual(resource.released, resource.acquired)
      }
      assert.isAbove(steps, 10)
      assert.isAbove(resource.acquired, 1)
    }).pipe(withActors(Layer.empty))
  )
})

describe("a start in a Scope that is closed", () => {
  it.effect("gives StartError NotRunning, and build never runs", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* Scope.close(scope, Exit.void)
      let built = 0
      const build = Effect.sync(() => {
        built++
        return counterHandlers()
      })
      const exit = yield* Effect.exit(Scope.provide(Actor.spawn(Counter, build, { name: "Counter" }), scope))
      assert.deepInclude(errorOf(exit), { _tag: "StartError", reason: "NotRunning" })
      assert.strictEqual(built, 0)
      yield* assertFree
    }).pipe(withActors(Layer.empty))
  )

  it.effect("that closes while build runs gives StartError NotRunning", () =>
    Effect.gen(function* () {
      const { acquire, resource } = makeResource()
      const scope = yield* Scope.make()
      const build = Effect.andThen(acquire, Effect.never)
      const start = yield* background(
        Effect.exit(Scope.provide(Actor.spawn(Counter, build, { name: "Counter" }), scope))
      )
      yield* Scope.close(scope, Exit.void)
      assert.deepInclude(errorOf(yield* Fiber.join(start)), { _tag: "StartError", reason: "NotRunning" })
      assert.deepStrictEqual(resource, { acquired: 1, released: 1 })
      yield* assertFree
    }).pipe(withActors(Layer.empty))
  )
})

describe("a start that is stopped", () => {
  it.effect("by the actor's own handle gives StartError NotRunning at once, and releases what it had acquired", () =>
    Effect.gen(function* () {
      const { acquire, resource } = makeResource()
      const own = yield* Deferred.make<Counter["Service"]>()
      const build = Effect.gen(function* () {
        yield* acquire
        yield* Deferred.succeed(own, yield* Counter)
        return yield* Effect.never
      })
      const start = yield* background(startOf(Counter.toLayer(build)))
      const counter = yield* Deferred.await(own)
      assert.deepStrictEqual(yield* Actor.status(counter), { _tag: "Starting", incarnation: 1, queued: 0 })
      yield* Actor.stop(counter)
      assert.deepInclude(errorOf(yield* Fiber.join(start)), { _tag: "StartError", reason: "NotRunning" })
      assert.deepStrictEqual(resource, { acquired: 1, released: 1 })
      assert.deepInclude(yield* Actor.status(counter), { _tag: "Stopped" })
      yield* assertFree
    }).pipe(withActors(Layer.empty))
  )

  it.effect("goes on for messages that wait already, until the stop's deadline", () =>
    Effect.gen(function* () {
      const own = yield* Deferred.make<Counter["Service"]>()
      const build = Effect.gen(function* () {
        const counter = yield* Counter
        yield* counter.tell.Next()
        yield* Deferred.succeed(own, counter)
        yield* Effect.sleep("1 second")
        return counterHandlers()
      }).pipe(Effect.orDie)
      yield* background(startOf(Counter.toLayer(build)))
      const counter = yield* Deferred.await(own)
      const stop = yield* background(Actor.stop(counter, { deadline: "2 seconds" }))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(stop)
      assert.deepInclude(yield* entryOf("Counter"), { accepted: 1, handled: 1 })
    }).pipe(withActors(Layer.empty))
  )

  it.effect("by a drain gives StartError NotRunning, and so does one that begins later", () =>
    Effect.gen(function* () {
      const start = yield* background(startOf(Counter.toLayer(Effect.never)))
      yield* Ryker.drain("1 second")
      assert.deepInclude(errorOf(yield* Fiber.join(start)), { _tag: "StartError", reason: "NotRunning" })
      assert.deepInclude(errorOf(yield* startOf(counterLayer())), { _tag: "StartError", reason: "NotRunning" })
    }).pipe(withActors(Layer.empty))
  )
})

describe("a name", () => {
  it.effect("that an actor has already gives StartError DuplicateName, and the first is not touched", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      yield* counter.ask.Next()
      const exit = yield* startOf(counterLayer())
      assert.deepInclude(errorOf(exit), { _tag: "StartError", reason: "DuplicateName", actor: "Counter" })
      const spawned = yield* Effect.exit(Actor.spawn(Counter, counterHandlers(), { name: "Counter" }))
      assert.deepInclude(errorOf(spawned), { reason: "DuplicateName", actor: "Counter" })
      assert.strictEqual(yield* counter.ask.Next(), 2)
    }).pipe(withActors(counterLayer()))
  )

  it.effect("is taken while its actor restarts or stops, and free as soon as it has stopped", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      const isTaken = Effect.map(startOf(counterLayer()), Exit.isFailure)
      yield* Effect.exit(counter.ask.Crash())
      assert.isTrue(yield* isTaken)
      yield* TestClock.adjust("1 minute")
      yield* counter.tell.Slow({ millis: 100 })
      yield* settled
      const stop = yield* background(Actor.stop(counter))
      assert.isTrue(yield* isTaken)
      yield* TestClock.adjust(100)
      yield* Fiber.join(stop)
      assert.isFalse(yield* isTaken)
      // The old handle stays what it was: the end of the first.
      const stopped = new Stopped({ actor: "Counter", reason: "Stopped", phase: "refused" })
      assert.deepStrictEqual(yield* Effect.flip(counter.ask.Next()), stopped)
    }).pipe(withActors(counterLayer()))
  )

  it.effect("is taken while what a stop had no time for still runs: a handler, or the closing of the Scope", () =>
    Effect.gen(function* () {
      const isTaken = Effect.map(startOf(counterLayer()), Exit.isFailure)
      const stubborn = yield* Actor.spawn(Counter, Effect.sync(counterHandlers), { name: "Counter" })
      yield* stubborn.tell.Stubborn({ millis: 100 })
      yield* settled
      yield* Actor.stop(stubborn, { deadline: 0 })
      assert.isTrue(yield* isTaken)
      yield* TestClock.adjust(100)
      assert.isFalse(yield* isTaken)

      const build = Effect.as(
        Effect.addFinalizer(() => Effect.sleep(100)),
        counterHandlers()
      )
      const slow = yield* Actor.spawn(Counter, build, { name: "Counter" })
      yield* Actor.stop(slow, { deadline: 0 })
      assert.isTrue(yield* isTaken)
      yield* TestClock.adjust(100)
      assert.isFalse(yield* isTaken)
    }).pipe(withActors(Layer.empty))
  )

  it.effect("is free to whoever learns of the end first", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      const restart = yield* background(Effect.andThen(Actor.awaitStopped(counter), assertFree))
      yield* Actor.stop(counter)
      yield* Fiber.join(restart)
    }).pipe(withActors(counterLayer()))
  )
})
