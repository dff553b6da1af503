import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import { Stopped } from "../src/RykerError.ts"
import { ask, background, entryOf, spawnWorker, tell, Worker, workerLayer } from "./Actor.fixtures.ts"
import { withActors } from "./fixtures.ts"

const refused = (reason: Stopped["reason"]) => new Stopped({ actor: "Worker", reason, phase: "refused" })

describe("closing the Scope", () => {
  it.effect("lets what was accepted run, for as long as the shutdown time", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const worker = yield* Scope.provide(spawnWorker("Worker", { shutdown: "1 second", deadline: "Infinity" }), scope)
      let ran = 0
      yield* tell(worker, () => Effect.sleep(900))
      yield* tell(worker, () => Effect.sync(() => ran++))
      yield* tell(worker, () => Effect.never)
      const asked = yield* background(Effect.flip(ask(worker, () => Effect.void)))
      const closing = yield* background(Scope.close(scope, Exit.void))
      yield* TestClock.adjust(900)
      assert.strictEqual(ran, 1)
      assert.isUndefined(closing.pollUnsafe())
      yield* TestClock.adjust(100)
      yield* Fiber.join(closing)
      yield* Fiber.join(asked)
      const { dropped, failed, handled } = yield* entryOf("Worker")
      assert.deepStrictEqual({ shutdown: dropped.shutdown, failed, handled }, { shutdown: 1, failed: 1, handled: 2 })
    }).pipe(withActors(Layer.empty))
  )

  it.effect("gives each actor its own shutdown time, however many others come and go", () =>
    Effect.gen(function* () {
      let handled = 0
      // Longer than the runtime's time for a whole shutdown, and never a pause between two closings.
      for (let n = 0; n < 300; n++) {
        const scope = yield* Scope.make()
        const worker = yield* Scope.provide(spawnWorker("Worker", { shutdown: "1 second" }), scope)
        yield* tell(worker, () =>
          Effect.delay(
            Effect.sync(() => handled++),
            50
          )
        )
        yield* background(Scope.close(scope, Exit.void))
        yield* TestClock.adjust(50)
      }
      assert.strictEqual(handled, 300)
    }).pipe(withActors(Layer.empty))
  )
})

describe("a Scope", () => {
  it.effect("that closes on an actor that is being stopped keeps the reason, and the earlier deadline", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const worker = yield* Scope.provide(spawnWorker("Worker", { shutdown: "1 second" }), scope)
      const hanging = yield* background(Effect.flip(ask(worker, () => Effect.never, { deadline: "Infinity" })))
      yield* background(Actor.stop(worker, { deadline: "1 hour" }))
      const closing = yield* background(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(closing)
      assert.strictEqual((yield* Fiber.join(hanging))._tag, "Timeout")
      assert.deepStrictEqual(yield* Actor.status(worker), { _tag: "Stopped", reason: "Stopped" })
    }).pipe(withActors(Layer.empty))
  )

  it.effect("that sees actors come and go does not keep anything of each", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const live = yield* Scope.provide(Effect.all([spawnWorker("live"), spawnWorker("alive")]), scope)
      for (let n = 0; n < 100; n++) {
        yield* Actor.stop(yield* Scope.provide(spawnWorker("Worker"), scope))
      }
      assert.strictEqual(scope.state._tag === "Open" ? scope.state.finalizers?.size : 0, live.length)
      yield* Scope.close(scope, Exit.void)
      for (const worker of live) assert.deepInclude(yield* Actor.status(worker), { _tag: "Stopped" })
    }).pipe(withActors(Layer.empty))
  )
})

describe("a handle", () => {
  it.effect("of a stopped actor refuses at once, in every way of sending", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* Actor.stop(worker)
      assert.deepStrictEqual(yield* Effect.flip(ask(worker, () => Effect.void)), refused("Stopped"))
      assert.deepStrictEqual(yield* Effect.flip(tell(worker, () => Effect.void)), refused("Stopped"))
      const dispatched = Actor.dispatch(worker, { tag: "Run", payload: { job: () => Effect.void } })
      assert.deepStrictEqual(yield* Effect.flip(dispatched), refused("Stopped"))
    }).pipe(withActors(workerLayer()))
  )

  it.effect("that outlives its runtime refuses at once", () =>
    Effect.gen(function* () {
      const handle = yield* Deferred.make<Worker["Service"]>()
      yield* Effect.flatMap(Worker, (worker) => Deferred.succeed(handle, worker)).pipe(withActors(workerLayer()))
      const worker = yield* Deferred.await(handle)
      assert.deepStrictEqual(yield* Effect.flip(ask(worker, () => Effect.void)), refused("ScopeClosed"))
      yield* Actor.stop(worker)
      assert.strictEqual(yield* Actor.awaitStopped(worker), "ScopeClosed")
    })
  )
})
