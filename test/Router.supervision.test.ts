/** Pools under supervisors, and what else acts on all members of a pool. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import * as Router from "../src/Router.ts"
import * as Ryker from "../src/Ryker.ts"
import * as Supervisor from "../src/Supervisor.ts"
import { Counter, counterHandlers, withActors } from "./fixtures.ts"
import { settle, start } from "./Supervisor.fixtures.ts"

const options = { size: 3, backoff: { base: 100, jitter: false }, shutdown: 0, deadline: "Infinity" } as const
const fragile = { ...options, intensity: { restarts: 0 } } as const

const poolLayer = (poolOptions: Actor.Options & { readonly size: number } = options) =>
  Router.layer(Counter, Effect.sync(counterHandlers), poolOptions)

class Sup extends Supervisor.Service<Sup>()("Sup") {}

const supervised = (own: Supervisor.Options = {}, poolOptions: Actor.Options & { readonly size: number } = options) =>
  Sup.toLayer({ backoff: { base: 500, jitter: false }, ...own, children: [poolLayer(poolOptions)] })

const tags = Effect.gen(function* () {
  const statuses = yield* Effect.forEach(Router.members(yield* Counter), Actor.status)
  return statuses.map((status) => (status._tag === "Running" ? status.incarnation : status._tag))
})

describe("a pool under a supervisor", () => {
  it.effect("has its members as children, in their order", () =>
    Effect.gen(function* () {
      const children = yield* Supervisor.whichChildren(yield* Sup)
      assert.deepStrictEqual(
        children.map(({ address }) => address),
        ["Counter/1", "Counter/2", "Counter/3"]
      )
    }).pipe(withActors(supervised()))
  )

  it.effect("is restarted as a group where the strategy says so, behind the same handle", () =>
    Effect.gen(function* () {
      const pool = yield* Counter
      yield* pool.tell.Crash()
      yield* settle
      assert.strictEqual((yield* Actor.status(pool))._tag, "Restarting")
      const waiting = yield* start(pool.ask.Next())
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(yield* tags, [2, 2, 2])
      assert.deepStrictEqual((yield* Fiber.join(waiting))._tag, "Success")
    }).pipe(withActors(supervised({ strategy: "one-for-all" })))
  )

  it.effect("comes back whole when a member has given up, and takes messages again", () =>
    Effect.gen(function* () {
      const pool = yield* Counter
      yield* pool.tell.Crash()
      yield* settle
      yield* TestClock.adjust(500)
      yield* settle
      assert.deepStrictEqual(yield* tags, [2, 2, 2])
      assert.strictEqual(yield* pool.ask.Next(), 1)
    }).pipe(withActors(supervised({}, fragile)))
  )

  it.effect("that was stopped takes messages again once a member is restarted", () =>
    Effect.gen(function* () {
      const pool = yield* Counter
      const supervisor = yield* Sup
      yield* Actor.stop(pool)
      assert.deepInclude(yield* Effect.flip(pool.ask.Next()), { _tag: "Stopped", reason: "Stopped" })
      assert.deepInclude(yield* Actor.status(pool), { _tag: "Stopped" })
      yield* Supervisor.restartChild(supervisor, "Counter/2")
      assert.strictEqual(yield* pool.ask.Next(), 1)
      assert.deepStrictEqual(yield* tags, ["Stopped", 2, "Stopped"])
      // Its end is heard of anew.
      yield* Actor.stop(pool)
      assert.deepInclude(yield* Effect.flip(pool.ask.Next()), { _tag: "Stopped", reason: "Stopped" })
    }).pipe(withActors(supervised()))
  )

  it.effect("leaves its name free when its Layer has closed", () =>
    Effect.gen(function* () {
      for (const _ of [1, 2]) {
        yield* Effect.scoped(Effect.asVoid(Layer.build(supervised())))
        yield* Effect.scoped(Effect.asVoid(Layer.build(poolLayer())))
      }
    }).pipe(withActors(Layer.empty))
  )
})

describe("a pool without a supervisor", () => {
  it.effect("has given up when its last member has, and not before", () =>
    Effect.gen(function* () {
      const pool = yield* Counter
      const failure = yield* start(Ryker.awaitFailure)
      yield* pool.tell.Crash()
      yield* pool.tell.Crash()
      yield* settle
      assert.isUndefined(failure.pollUnsafe())
      yield* pool.tell.Crash()
      yield* settle
      assert.deepInclude(yield* Effect.flip(Ryker.awaitFailure), { _tag: "RootFailure", actor: "Counter" })
      yield* Fiber.join(failure)
    }).pipe(withActors(poolLayer(fragile)))
  )

  it.effect("that was spawned fails nobody", () =>
    Effect.gen(function* () {
      const failure = yield* start(Ryker.awaitFailure)
      const pool = yield* Router.spawn(Counter, Effect.sync(counterHandlers), { ...fragile, size: 1 })
      yield* pool.tell.Crash()
      yield* settle
      assert.deepInclude(yield* Actor.status(pool), { _tag: "Stopped", reason: "RapidFail" })
      assert.isUndefined(failure.pollUnsafe())
      yield* Fiber.interrupt(failure)
    }).pipe(withActors(Layer.empty))
  )

  it.effect("is suspended and resumed with all its members", () =>
    Effect.gen(function* () {
      const pool = yield* Counter
      yield* Actor.suspend(pool)
      const asks = yield* Effect.forEach([1, 2, 3], () => start(pool.ask.Next()))
      assert.deepStrictEqual(yield* Actor.status(pool), { _tag: "Suspended", incarnation: 1, queued: 3, busy: false })
      assert.deepStrictEqual(yield* tags, ["Suspended", "Suspended", "Suspended"])
      yield* Actor.resume(pool)
      for (const ask of asks) assert.strictEqual((yield* Fiber.join(ask))._tag, "Success")
    }).pipe(withActors(poolLayer()))
  )

  it.effect("prefers members that are not suspended", () =>
    Effect.gen(function* () {
      const pool = yield* Counter
      const [first, second] = Router.members(pool)
      yield* Actor.suspend(first!)
      yield* Actor.suspend(second!)
      assert.deepStrictEqual(yield* Effect.forEach([1, 2, 3, 4], () => pool.ask.Next()), [1, 2, 3, 4])
      yield* Actor.resume(first!)
      yield* Actor.resume(second!)
    }).pipe(withActors(poolLayer()))
  )

  it.effect("is down when its last member is", () =>
    Effect.gen(function* () {
      const pool = yield* Counter
      const { down } = yield* Actor.watch(pool)
      const heard = yield* start(down)
      const [first, ...others] = Router.members(pool)
      for (const member of others) yield* Actor.stop(member)
      yield* settle
      assert.isUndefined(heard.pollUnsafe())
      yield* Actor.stop(first!)
      assert.deepStrictEqual(yield* down, { actor: "Counter", incarnation: 1, reason: "Stopped" })
      yield* Fiber.join(heard)
    }).pipe(withActors(poolLayer()))
  )
})
