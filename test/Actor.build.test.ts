import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import { StartError } from "../src/RykerError.ts"
import {
  assertFree,
  background,
  entryOf,
  errorOf,
  makeResource,
  Refused,
  startOf,
  Worker,
  workerHandlers
} from "./Actor.fixtures.ts"
import { Counter, counterHandlers, counterLayer, withActors } from "./fixtures.ts"

const startError = (reason: StartError["reason"], detail: string, actor = "Counter") =>
  new StartError({ actor, reason, detail })

describe("a build", () => {
  it.effect("that fails is the Layer's own typed error, and what it had acquired is released", () =>
    Effect.gen(function* () {
      const { acquire, resource } = makeResource()
      const error = new Refused({ why: "no database" })
      const exit = yield* startOf(Counter.toLayer(Effect.andThen(acquire, error)))
      assert.deepStrictEqual(exit, Exit.fail(error))
      assert.deepStrictEqual(resource, { acquired: 1, released: 1 })
      yield* assertFree
    }).pipe(withActors(Layer.empty))
  )

  it.effect("that fails is not tried again: the first start is the program's to judge", () =>
    Effect.gen(function* () {
      let starts = 0
      const build = Effect.suspend(() => {
        starts++
        return Effect.fail(new Refused({ why: "no database" }))
      })
      yield* startOf(Counter.toLayer(build))
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(starts, 1)
      assert.deepInclude(yield* entryOf("Counter"), { crashes: 1, restarts: 0 })
    }).pipe(withActors(Layer.empty))
  )

  it.effect("that dies gives StartError Defect, which does not quote the defect", () =>
    Effect.gen(function* () {
      const { acquire, resource } = makeResource()
      const build = Effect.andThen(acquire, Effect.die(new RangeError("the password is 1234")))
      const exit = yield* startOf(Counter.toLayer(build))
      assert.deepStrictEqual(
        exit,
        Exit.fail(startError("Defect", "build died with RangeError: see the log for the place"))
      )
      assert.deepStrictEqual(resource, { acquired: 1, released: 1 })
      yield* assertFree
    }).pipe(withActors(Layer.empty))
  )

  it.effect("that fails and dies at once has died, and of that", () =>
    Effect.gen(function* () {
      const both = Cause.combine(Cause.fail(new Refused({ why: "no database" })), Cause.die("on purpose"))
      const exit = yield* startOf(Counter.toLayer(Effect.failCause(both)))
      assert.deepStrictEqual(exit, Exit.fail(startError("Defect", "build died with string: see the log for the place")))
    }).pipe(withActors(Layer.empty))
  )

  it.effect("that throws, or is interrupted from within, gives StartError Defect", () =>
    Effect.gen(function* () {
      const throws = Effect.sync((): ReturnType<typeof counterHandlers> => {
        throw "text"
      })
      assert.deepStrictEqual(
        yield* startOf(Counter.toLayer(throws)),
        Exit.fail(startError("Defect", "build died with string: see the log for the place"))
      )
      assert.deepStrictEqual(
        yield* startOf(Counter.toLayer(Effect.interrupt)),
        Exit.fail(startError("Defect", "build died with interrupted: see the log for the place"))
      )
      yield* assertFree
    }).pipe(withActors(Layer.empty))
  )

  it.effect("that never ends is interrupted after startTimeout, and gives StartError Timeout", () =>
    Effect.gen(function* () {
      const { acquire, resource } = makeResource()
      const layer = Counter.toLayer(Effect.andThen(acquire, Effect.never), { startTimeout: "2 seconds" })
      const start = yield* background(startOf(layer))
      yield* TestClock.adjust(1_999)
      assert.isUndefined(start.pollUnsafe())
      yield* TestClock.adjust(1)
      const error = errorOf(yield* Fiber.join(start))
      assert.instanceOf(error, StartError)
      assert.deepInclude(error, { actor: "Counter", reason: "Timeout" })
      assert.include(error.message, "2000 ms")
      assert.deepStrictEqual(resource, { acquired: 1, released: 1 })
      yield* assertFree
    }).pipe(withActors(Layer.empty))
  )

  it.effect("has five seconds by default", () =>
    Effect.gen(function* () {
      const start = yield* background(startOf(Counter.toLayer(Effect.never)))
      yield* TestClock.adjust(4_999)
      assert.isUndefined(start.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.isTrue(Exit.isFailure(yield* Fiber.join(start)))
    }).pipe(withActors(Layer.empty))
  )

  it.effect("that never ends and cannot be interrupted frees whoever waits all the same; its name stays taken", () =>
    Effect.gen(function* () {
      const build = Effect.as(Effect.uninterruptible(Effect.sleep("1 hour")), counterHandlers())
      const start = yield* background(Effect.exit(Actor.spawn(Counter, build, { name: "Counter" })))
      yield* TestClock.adjust("5 seconds")
      assert.deepInclude(errorOf(yield* Fiber.join(start)), { _tag: "StartError", reason: "Timeout" })
      // Two must never be alive together.
      const second = yield* startOf(counterLayer())
      assert.deepInclude(errorOf(second), { _tag: "StartError", reason: "DuplicateName" })
      yield* TestClock.adjust("1 hour")
      yield* assertFree
    }).pipe(withActors(Layer.empty))
  )

  it.effect("that cannot be interrupted holds up the Scope that closes after it no longer than the shutdown time", () =>
    Effect.gen(function* () {
      const build = Effect.as(Effect.uninterruptible(Effect.sleep("1 hour")), counterHandlers())
      const start = yield* background(startOf(Counter.toLayer(build, { startTimeout: 100, shutdown: 50 })))
      yield* TestClock.adjust(150)
      assert.deepInclude(errorOf(yield* Fiber.join(start)), { _tag: "StartError", reason: "Timeout" })
      yield* TestClock.adjust("1 hour")
      yield* assertFree
    }).pipe(withActors(Layer.empty))
  )

  it.effect("that misses a handler at run time gives StartError Defect that names the message", () =>
    Effect.gen(function* () {
      const { Hang: _, ...others } = counterHandlers()
      const missing = startError(
        "Defect",
        '"Counter" has no handler for "Hang": add it to what build gives to of({ ... })'
      )
      // @ts-expect-error a handler is missing
      assert.deepStrictEqual(yield* startOf(Counter.toLayer(others)), Exit.fail(missing))
      // @ts-expect-error there are no handlers at all
      assert.isTrue(Exit.isFailure(yield* startOf(Counter.toLayer(Effect.succeed(undefined)))))
      yield* assertFree
    }).pipe(withActors(Layer.empty))
  )

  it.effect("runs with what the Layer requires, and so do the handlers", () => {
    class Step extends Context.Service<Step, number>()("test/Step") {}
    const build = Effect.map(Step, (first) =>
      Counter.of({
        ...counterHandlers(),
        Next: () => Effect.map(Step, (step) => first + step)
      })
    )
    return Effect.gen(function* () {
      const counter = yield* Counter
      assert.strictEqual(yield* counter.ask.Next(), 14)
    }).pipe(withActors(Counter.toLayer(build).pipe(Layer.provide(Layer.succeed(Step, 7)))))
  })

  it.effect("and handlers share one Scope, which closes before the next incarnation starts", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const note = (what: string) => Effect.map(Actor.self, ({ incarnation }) => log.push(`${what} ${incarnation}`))
      const scopes: Array<Scope.Scope> = []
      const build = Effect.gen(function* () {
        yield* note("start")
        yield* Effect.addFinalizer(() => Effect.andThen(Effect.sleep(10), note("close build")))
        scopes.push(yield* Effect.scope)
        return workerHandlers
      })
      const worker = yield* Actor.spawn(Worker, build)
      const inScope = Effect.gen(function* () {
        scopes.push(yield* Effect.scope)
        yield* Effect.addFinalizer(() => note("close handler"))
      })
      yield* worker.ask.Run({ job: () => inScope })
      yield* Effect.exit(worker.ask.Run({ job: () => Effect.die("on purpose") }))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(log, ["start 1", "close handler 1", "close build 1", "start 2"])
      yield* worker.ask.Run({ job: () => inScope })
      assert.strictEqual(scopes.length, 4)
      assert.strictEqual(scopes[0], scopes[1])
      assert.strictEqual(scopes[2], scopes[3])
      assert.notStrictEqual(scopes[0], scopes[2])
      const stop = yield* background(Actor.stop(worker))
      yield* TestClock.adjust(10)
      yield* Fiber.join(stop)
      assert.deepStrictEqual(log.slice(4), ["close handler 2", "close build 2"])
    }).pipe(withActors(Layer.empty))
  )

  it.effect("runs again only when the old Scope is closed, however long that takes", () =>
    Effect.gen(function* () {
      let starts = 0
      const build = Effect.gen(function* () {
        starts++
        yield* Effect.addFinalizer(() => Effect.sleep("1 hour"))
        return workerHandlers
      })
      const worker = yield* Actor.spawn(Worker, build, { shutdown: 0 })
      yield* Effect.exit(worker.ask.Run({ job: () => Effect.die("on purpose") }))
      yield* TestClock.adjust("59 minutes")
      assert.strictEqual(starts, 1)
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Restarting", incarnation: 1 })
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(starts, 2)
      yield* Actor.stop(worker, { deadline: 0 })
    }).pipe(withActors(Layer.empty))
  )

  it.effect("adds finalizers that learn how its incarnation ended", () =>
    Effect.gen(function* () {
      const ends: Array<string> = []
      const build = Effect.as(
        Effect.addFinalizer((exit) => Effect.sync(() => ends.push(exit._tag))),
        workerHandlers
      )
      const worker = yield* Actor.spawn(Worker, build)
      yield* Effect.exit(worker.ask.Run({ job: () => Effect.die("on purpose") }))
      yield* TestClock.adjust("1 minute")
      yield* Actor.stop(worker)
      assert.deepStrictEqual(ends, ["Failure", "Success"])
    }).pipe(withActors(Layer.empty))
  )
})
