import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import { TestClock } from "effect/testing"
import * as Scope from "effect/Scope"
import * as Actor from "../src/Actor.ts"
import { ask, type Job, spawnWorker, Worker, workerHandlers } from "./Actor.fixtures.ts"
import { withActors } from "./fixtures.ts"

class Place extends Context.Service<Place, string>()("Place") {}

class Other extends Context.Service<Other, string>()("Other") {}

const inPlace = Effect.provideService(Place, "here")

/** The job runs in a handler; its failures and what it needs are the test's affair. */
const within = <A>(worker: Worker["Service"], job: Effect.Effect<A, unknown, unknown>) =>
  // What a handler gives back is unknown to its protocol, and known here.
  Effect.orDie(ask(worker, (() => Effect.orDie(job)) as Job)) as Effect.Effect<A>

const surroundings = Effect.context()

const self: Actor.Self["Service"] = { name: "Worker", address: "Surveyor", id: undefined, incarnation: 1 }

describe("what a handler finds around it", () => {
  it.effect("is what the actor was started in, and what is its own, in whichever way it looks", () =>
    Effect.gen(function* () {
      const outer = yield* Effect.scope
      const worker = yield* inPlace(spawnWorker("Surveyor"))
      const around = yield* within(worker, surroundings)
      const services = around.mapUnsafe
      const own = yield* within(worker, Effect.scope)
      assert.notStrictEqual(own, outer)
      assert.strictEqual(services.get(Place.key), "here")
      assert.strictEqual(services.get(Scope.Scope.key), own)
      assert.strictEqual(services.get(Worker.key), worker)
      assert.deepStrictEqual(services.get(Actor.Self.key), self)
      for (const key of [Place.key, Scope.Scope.key, Worker.key, Actor.Self.key]) assert.isTrue(services.has(key), key)
      assert.isFalse(services.has(Other.key))
      assert.isUndefined(services.get(Other.key))
    }).pipe(withActors(Layer.empty))
  )

  it.effect(
    "can be listed, as by who copies it: each service once, the actor's own before what it was started in",
    () =>
      Effect.gen(function* () {
        let around = Context.empty()
        const build = Effect.map(surroundings, (found) => {
          around = found
          return workerHandlers
        })
        const worker = yield* inPlace(Actor.spawn(Worker, build))
        const services = around.mapUnsafe
        const keys = Array.from(services.keys())
        assert.includeMembers(keys, [Place.key, Scope.Scope.key, Worker.key, Actor.Self.key])
        assert.strictEqual(new Set(keys).size, keys.length)
        assert.strictEqual(services.size, keys.length)
        const expected = keys.map((key) => [key, services.get(key)] as const)
        assert.deepStrictEqual(Array.from(services), expected)
        assert.deepStrictEqual(Array.from(services.entries()), expected)
        assert.deepStrictEqual(
          Array.from(services.values()),
          expected.map(([, value]) => value)
        )
        const visited: Array<readonly [string, unknown]> = []
        services.forEach((value, key) => visited.push([key, value]))
        assert.deepStrictEqual(visited, expected)
        assert.strictEqual(services.get(Worker.key), worker)
        assert.notStrictEqual(services.get(Scope.Scope.key), yield* Effect.scope)
      }).pipe(withActors(Layer.empty))
  )

  it.effect("stays while the handler provides more, and is there for the fibers that it forks", () =>
    Effect.gen(function* () {
      const worker = yield* inPlace(spawnWorker("Surveyor"))
      const all = Effect.all([Place, Other, Actor.self])
      const layer = Layer.succeed(Other, "there")
      const context = Context.make(Other, "there")
      const expected: [string, string, typeof self] = ["here", "there", self]
      assert.deepStrictEqual(yield* within(worker, Effect.provide(all, layer)), expected)
      assert.deepStrictEqual(yield* within(worker, Effect.provideContext(all, context)), expected)
      assert.deepStrictEqual(yield* within(worker, Effect.provideService(all, Other, "there")), expected)
      const forked = Effect.flatMap(Effect.forkChild(Effect.provide(all, layer)), Fiber.join)
      assert.deepStrictEqual(yield* within(worker, forked), expected)
      assert.strictEqual(yield* within(worker, Effect.provideService(Effect.service(Place), Place, "nearer")), "nearer")
    }).pipe(withActors(Layer.empty))
  )

  it.effect("is equal to itself, and not to another actor's", () =>
    Effect.gen(function* () {
      const [one, other] = yield* inPlace(Effect.all([spawnWorker("Surveyor"), spawnWorker("Other")]))
      // Without the message in hand, which is another one each time.
      const own = Effect.map(surroundings, Context.pick(Place, Actor.Self, Scope.Scope))
      assert.isTrue(Equal.equals(yield* within(one, own), yield* within(one, own)))
      assert.isFalse(Equal.equals(yield* within(one, own), yield* within(other, own)))
    }).pipe(withActors(Layer.empty))
  )

  it.effect("is that of its own incarnation, also for what the one before has left running", () =>
    Effect.gen(function* () {
      const seen = yield* Ref.make<ReadonlyArray<number>>([])
      const worker = yield* spawnWorker("Surveyor", { backoff: { base: "1 millis", cap: "1 millis" } })
      const note = Effect.flatMap(Actor.self, ({ incarnation }) => Ref.update(seen, (all) => [...all, incarnation]))
      yield* within(worker, Effect.forkDetach(Effect.delay(note, "1 second")))
      yield* Effect.exit(within(worker, Effect.die("broken")))
      yield* TestClock.adjust("10 millis")
      yield* within(worker, note)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Ref.get(seen), [2, 1])
    }).pipe(withActors(Layer.empty))
  )
})
