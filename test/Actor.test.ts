import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import { inspect } from "node:util"
import * as Actor from "../src/Actor.ts"
import {
  ask,
  background,
  entryOf,
  settled,
  spawnWorker,
  tell,
  Worker,
  workerHandlers,
  workerLayer
} from "./Actor.fixtures.ts"
import { Account, accountLayer, Counter, counterHandlers, counterLayer, withActors } from "./fixtures.ts"

/** Knows itself: who it is, and how to reach itself. */
class Narcissus extends Actor.Service<Narcissus>()("Narcissus", [
  Rpc.make("Who", { success: Schema.Unknown }),
  Rpc.make("CountDown", { payload: { n: Schema.Int } }),
  Rpc.make("Counted", { success: Schema.Array(Schema.Int) }),
  Rpc.make("Address", { success: Schema.String })
]) {}

const narcissusBuild = Effect.gen(function* () {
  const counted: Array<number> = []
  const built = yield* Actor.self
  const own = yield* Narcissus
  return Narcissus.of({
    Who: () => Effect.map(Actor.self, (self) => ({ self, built })),
    CountDown: ({ n }) => {
      counted.push(n)
      return n === 0 ? Effect.void : Effect.orDie(own.tell.CountDown({ n: n - 1 }))
    },
    Counted: () => Effect.succeed(counted),
    Address: () => Effect.map(Narcissus, ({ address }) => address)
  })
})

describe("a definition", () => {
  it("has its name and its messages", () => {
    assert.strictEqual(Counter.actor, "Counter")
    assert.deepStrictEqual(
      Account.messages.map(({ _tag }) => _tag),
      ["Deposit", "Withdraw"]
    )
  })

  it("refuses a tag that stands twice, and a stream as a reply", () => {
    const twice = () => Actor.Service<Counter>()("Twice", [Rpc.make("Next"), Rpc.make("Other"), Rpc.make("Next")])
    assert.throws(twice, TypeError, '"Next" stands twice')
    const stream = () => Actor.Service<Counter>()("Stream", [Rpc.make("Watch", { success: Schema.Int, stream: true })])
    assert.throws(stream, TypeError, '"Watch" replies with a stream')
  })

  it.effect("that Actor.Service did not make is refused by spawn with a word on why", () =>
    Effect.gen(function* () {
      // @ts-expect-error no definition
      assert.throws(() => Actor.spawn({}, counterHandlers()), TypeError, "not an actor's definition")
      yield* Effect.void
    })
  )

  it.effect("works under a class that extends it once more", () =>
    Effect.gen(function* () {
      class Sub extends Counter {}
      const counter = yield* Actor.spawn(Sub, Effect.sync(counterHandlers))
      assert.strictEqual(counter.address, "Counter#1")
      assert.strictEqual(yield* counter.ask.Next(), 1)
    }).pipe(withActors(Layer.empty))
  )
})

describe("an actor's Layer", () => {
  it.effect("provided twice is one actor", () =>
    Effect.gen(function* () {
      const layer = counterLayer()
      const next = Effect.flatMap(Counter, (counter) => counter.ask.Next())
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* next, 1)
        assert.strictEqual(yield* Effect.provide(next, layer), 2)
        assert.strictEqual(yield* next, 3)
      }).pipe(Effect.provide(Layer.mergeAll(layer, Layer.provideMerge(accountLayer(), layer))))
    }).pipe(withActors(Layer.empty))
  )

  it.effect("takes handlers as they are when they need no build", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      assert.strictEqual(yield* ask(worker, () => Effect.succeed(1)), 1)
    }).pipe(withActors(Worker.toLayer(workerHandlers)))
  )

  it.effect("stops the actor when it closes", () =>
    Effect.gen(function* () {
      const counter = yield* Counter.pipe(Effect.provide(counterLayer()))
      assert.deepStrictEqual(yield* Actor.status(counter), { _tag: "Stopped", reason: "ScopeClosed" })
    }).pipe(withActors(Layer.empty))
  )
})

describe("spawn", () => {
  it.effect("numbers the addresses of a definition, or takes the name given", () =>
    Effect.gen(function* () {
      const spawn = (options?: { readonly name?: string }) =>
        Actor.spawn(Counter, Effect.sync(counterHandlers), options)
      const counters = yield* Effect.all([spawn(), spawn(), spawn({ name: "the third" })])
      assert.deepStrictEqual(
        counters.map(({ address }) => address),
        ["Counter#1", "Counter#2", "the third"]
      )
      for (const counter of counters) assert.strictEqual(yield* counter.ask.Next(), 1)
      // One account for the definition.
      assert.strictEqual((yield* entryOf("Counter")).handled, 3)
    }).pipe(withActors(Layer.empty))
  )

  it.effect("finds an address of its own also where a name given stands in the way", () =>
    Effect.gen(function* () {
      yield* Actor.spawn(Counter, Effect.sync(counterHandlers), { name: "Counter#1" })
      const counter = yield* Actor.spawn(Counter, Effect.sync(counterHandlers))
      assert.notStrictEqual(counter.address, "Counter#1")
    }).pipe(withActors(Layer.empty))
  )

  it.effect("stops the actor when the Scope closes, after what is queued", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const worker = yield* Scope.provide(spawnWorker("Worker", { shutdown: "1 second" }), scope)
      let ran = 0
      yield* tell(worker, () => Effect.sync(() => ran++))
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(ran, 1)
      assert.deepStrictEqual(yield* Actor.status(worker), { _tag: "Stopped", reason: "ScopeClosed" })
    }).pipe(withActors(Layer.empty))
  )

  it.effect("in a handler starts an actor that goes with the incarnation", () =>
    Effect.gen(function* () {
      const parent = yield* Worker
      const child = yield* Deferred.make<Counter["Service"]>()
      yield* ask(parent, () =>
        Effect.flatMap(Effect.orDie(Actor.spawn(Counter, Effect.sync(counterHandlers))), (counter) =>
          Deferred.succeed(child, counter)
        )
      )
      const counter = yield* Deferred.await(child)
      assert.strictEqual(yield* counter.ask.Next(), 1)
      yield* Effect.exit(ask(parent, () => Effect.die("on purpose")))
      yield* settled
      assert.deepStrictEqual(yield* Actor.status(counter), { _tag: "Stopped", reason: "ScopeClosed" })
      yield* TestClock.adjust("1 minute")
      assert.deepInclude(yield* Actor.status(parent), { _tag: "Running", incarnation: 2 })
    }).pipe(withActors(workerLayer()))
  )
})

describe("inside an actor", () => {
  it.effect("Actor.self says who it is, in build and in handlers", () =>
    Effect.gen(function* () {
      const named = yield* Narcissus
      const spawned = yield* Actor.spawn(Narcissus, narcissusBuild)
      const self = (address: string) => ({ name: "Narcissus", address, id: undefined, incarnation: 1 })
      for (const [handle, address] of [
        [named, "Narcissus"],
        [spawned, "Narcissus#1"]
      ] as const) {
        assert.deepStrictEqual(yield* handle.ask.Who(), { self: self(address), built: self(address) })
      }
    }).pipe(withActors(Narcissus.toLayer(narcissusBuild)))
  )

  it.effect("Actor.self counts incarnations", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      for (const incarnation of [1, 2, 3]) {
        assert.deepInclude(yield* ask(worker, () => Actor.self), { incarnation })
        yield* Effect.exit(ask(worker, () => Effect.die("on purpose")))
        yield* TestClock.adjust("1 minute")
      }
    }).pipe(withActors(workerLayer()))
  )

  it.effect("the definition gives its own handle, also to a spawned actor, and it can tell itself", () =>
    Effect.gen(function* () {
      const narcissus = yield* Actor.spawn(Narcissus, narcissusBuild, { name: "own" })
      yield* narcissus.tell.CountDown({ n: 5 })
      yield* settled
      assert.deepStrictEqual(yield* narcissus.ask.Counted(), [5, 4, 3, 2, 1, 0])
      // Not the handle of the Layer that happens to be around.
      assert.strictEqual(yield* narcissus.ask.Address(), "own")
      assert.deepStrictEqual(yield* (yield* Narcissus).ask.Counted(), [])
    }).pipe(withActors(Narcissus.toLayer(narcissusBuild)))
  )
})

describe("status", () => {
  it.effect("follows the actor through its life", () =>
    Effect.gen(function* () {
      const build = Effect.as(
        Effect.addFinalizer(() => Effect.sleep(10)),
        workerHandlers
      )
      const worker = yield* Actor.spawn(Worker, build, { backoff: { base: 100, cap: 100 } })
      const status = Actor.status(worker)
      const running = { _tag: "Running", incarnation: 1, queued: 0, busy: false } as const
      assert.deepStrictEqual(yield* status, running)

      yield* tell(worker, () => Effect.andThen(Effect.sleep(10), Effect.die("on purpose")))
      yield* settled
      yield* tell(worker, () => Effect.sleep(10))
      assert.deepStrictEqual(yield* status, { ...running, queued: 1, busy: true })

      yield* TestClock.adjust(10)
      const restarting = { _tag: "Restarting", incarnation: 1, queued: 1 } as const
      assert.deepStrictEqual(yield* status, { ...restarting, millisLeft: 0 })
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(yield* status, { ...restarting, millisLeft: 100 })
      yield* TestClock.adjust(75)
      assert.deepStrictEqual(yield* status, { ...restarting, millisLeft: 25 })
      yield* TestClock.adjust(25)
      assert.deepStrictEqual(yield* status, { ...running, incarnation: 2, busy: true })

      const stop = yield* background(Actor.stop(worker))
      assert.deepStrictEqual(yield* status, { _tag: "Stopping", reason: "Stopped", queued: 0, busy: true })
      yield* TestClock.adjust(20)
      yield* Fiber.join(stop)
      assert.deepStrictEqual(yield* status, { _tag: "Stopped", reason: "Stopped" })
    }).pipe(withActors(Layer.empty))
  )
})

describe("a handle", () => {
  it.effect("shows its address and nothing of what is queued, however it is printed", () =>
    Effect.gen(function* () {
      const account = yield* Account
      yield* account.tell.Deposit({ amount: 123_456_789 })
      assert.deepInclude(JSON.parse(JSON.stringify(account)), { address: "Account" })
      for (const value of [account, account.ask, account.tell, account.ask.Withdraw]) {
        // The last is what a logger does with a value.
        const prints = [inspect(value, { depth: Infinity }), JSON.stringify(value) ?? "", String(Exit.succeed(value))]
        for (const print of prints) {
          assert.notInclude(print, "123456789")
          assert.isBelow(print.length, 200)
        }
      }
    }).pipe(withActors(accountLayer()))
  )
})
