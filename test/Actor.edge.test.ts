import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { inspect } from "node:util"
import * as Actor from "../src/Actor.ts"
import * as Router from "../src/Router.ts"
import { Busy, Crashed, type Stopped, Timeout } from "../src/RykerError.ts"
import { entryOf, type Job, settled, spawnWorker, Worker, workerHandlers, workerLayer } from "./Actor.fixtures.ts"
import { Account, accountLayer, Counter, counterLayer, Overdrawn, withActors } from "./fixtures.ts"

/** What a promise has come to after all has happened that can without time passing. */
const settledTo = <A>(promise: Promise<A>) => {
  let seen: { readonly value: A } | { readonly error: unknown } | undefined
  promise.then(
    (value) => (seen = { value }),
    (error: unknown) => (seen = { error })
  )
  const microtasks = Effect.promise(() => Promise.resolve())
  return settled.pipe(
    Effect.andThen(Effect.forEach([1, 2, 3, 4], () => microtasks, { discard: true })),
    Effect.map(() => seen)
  )
}

const errorOf = (end: { readonly value: unknown } | { readonly error: unknown } | undefined): unknown =>
  end !== undefined && "error" in end ? end.error : undefined

/** As from a callback: no fiber runs. */
const outside = <A>(f: () => A | PromiseLike<A>): Effect.Effect<A> => Effect.promise(() => Promise.resolve().then(f))

class Blobs extends Actor.Service<Blobs>()("Blobs", [Rpc.make("Put", { payload: { bytes: Schema.Uint8Array } })]) {}

class Strict extends Actor.Service<Strict>()("Strict", [Rpc.make("Put", { payload: { n: Schema.Finite } })], {
  validate: "always"
}) {}

class Counters extends Actor.keyed<Counters>()("Counters", [
  Rpc.make("Add", { payload: { n: Schema.Finite }, success: Schema.Finite })
]) {}

const countersLayer = Counters.toLayer(
  () => {
    let sum = 0
    return { Add: ({ n }) => Effect.sync(() => (sum += n)) }
  },
  { maxResident: 1 }
)

describe("tellUnsafe", () => {
  it.effect("puts the message into the mailbox, in the step of the call and in order", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      const refused = yield* outside(() => [counter.tellUnsafe.Add({ n: 1 }), counter.tellUnsafe.Add({ n: 2 })])
      assert.deepStrictEqual(refused, [undefined, undefined])
      assert.strictEqual((yield* entryOf("Counter")).accepted, 2)
      assert.strictEqual(yield* counter.ask.Next(), 4)
    }).pipe(withActors(counterLayer()))
  )

  it.effect("gives Busy and Stopped, and the ledger has them", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      const add = counter.tellUnsafe.Add
      yield* outside(() => {
        assert.isUndefined(add({ n: 1 }))
        assert.instanceOf(add({ n: 1 }), Busy)
      })
      yield* settled
      yield* Actor.stop(counter)
      const stopped = yield* outside(() => add({ n: 1 }))
      assert.strictEqual(stopped?._tag, "Stopped")
      assert.strictEqual((stopped as Stopped).reason, "Stopped")
      const { refused } = yield* entryOf("Counter")
      assert.deepInclude(refused, { busy: 1, stopped: 1 })
    }).pipe(withActors(counterLayer({ capacity: 1 })))
  )

  it.effect("drops a message whose deadline comes first", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      yield* outside(() => {
        assert.isUndefined(counter.tellUnsafe.Hang())
        assert.isUndefined(counter.tellUnsafe.Add({ n: 1 }, { deadline: 10 }))
      })
      yield* settled
      yield* TestClock.adjust(10)
      assert.strictEqual((yield* entryOf("Counter")).dropped.deadline, 1)
      yield* Actor.stop(counter, { deadline: 0 })
    }).pipe(withActors(counterLayer()))
  )

  it.effect("called in a handler, sends under its correlation id", () =>
    Effect.gen(function* () {
      const [a, b] = yield* Effect.all([spawnWorker("a"), spawnWorker("b")])
      const seen: Array<string | undefined> = []
      const note: Job = () => Effect.map(Actor.correlationId, (id) => void seen.push(Option.getOrUndefined(id)))
      const job: Job = () => Effect.sync(() => b.tellUnsafe.Run({ job: note }))
      yield* a.ask.Run({ job }).pipe(Actor.withCorrelationId("one"))
      yield* settled
      yield* outside(() => b.tellUnsafe.Run({ job: note }))
      yield* settled
      assert.deepStrictEqual(seen, ["one", undefined])
    }).pipe(Effect.scoped, withActors(Layer.empty, { observability: { spanLevel: "off" } }))
  )

  it.effect("gives TooLarge for a payload larger than the cap", () =>
    Effect.gen(function* () {
      const blobs = yield* Actor.spawn(Blobs, { Put: () => Effect.void }, { maxMessageBytes: 100 })
      const refused = yield* outside(() => blobs.tellUnsafe.Put({ bytes: new Uint8Array(200) }))
      assert.strictEqual(refused?._tag, "TooLarge")
    }).pipe(Effect.scoped, withActors(Layer.empty))
  )

  it.effect("gives InvalidMessage where every payload is checked", () =>
    Effect.gen(function* () {
      const strict = yield* Actor.spawn(Strict, { Put: () => Effect.void })
      // What the compiler does not see.
      const wrong: number = JSON.parse('"text"')
      const refused = yield* outside(() => strict.tellUnsafe.Put({ n: wrong }))
      assert.strictEqual(refused?._tag, "InvalidMessage")
    }).pipe(Effect.scoped, withActors(Layer.empty))
  )

  it.effect("starts a keyed actor, whose next message is asked for by a promise", () =>
    Effect.gen(function* () {
      const counters = yield* Counters
      yield* outside(() => counters.get("a").tellUnsafe.Add({ n: 2 }))
      assert.strictEqual(yield* outside(() => counters.get("a").askPromise.Add({ n: 3 })), 5)
      assert.deepStrictEqual(yield* counters.residents, ["a"])
      assert.strictEqual(yield* outside(() => counters.get("b").tellUnsafe.Add({ n: 3 })?._tag), "Busy")
    }).pipe(withActors(countersLayer))
  )

  it.effect("goes to a member of a pool", () =>
    Effect.gen(function* () {
      const handled: Array<string> = []
      const note: Job = () => Effect.map(Actor.self, ({ address }) => void handled.push(address))
      const pool = yield* Router.spawn(Worker, workerHandlers, { size: 2, name: "pool" })
      yield* outside(() => [pool.tellUnsafe.Run({ job: note }), pool.tellUnsafe.Run({ job: note })])
      yield* settled
      assert.deepStrictEqual(handled, ["pool/1", "pool/2"])
    }).pipe(Effect.scoped, withActors(Layer.empty))
  )
})

describe("askPromise", () => {
  it.effect("gives the handler's reply", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      assert.strictEqual(yield* outside(() => counter.askPromise.Next()), 1)
      assert.deepStrictEqual(yield* settledTo(counter.askPromise.Next()), { value: 2 })
    }).pipe(withActors(counterLayer()))
  )

  it.effect("is rejected with the message's own error, and with what an ask fails with", () =>
    Effect.gen(function* () {
      const account = yield* Account
      const short = yield* settledTo(account.askPromise.Withdraw({ amount: 3 }))
      assert.deepStrictEqual(short, { error: new Overdrawn({ short: 3 }) })
    }).pipe(withActors(accountLayer()))
  )

  it.effect("is rejected with Timeout at the deadline, the actor's or its own", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      const ends: Array<unknown> = []
      const note = (error: unknown) => void ends.push(error)
      counter.askPromise.Hang(undefined, { deadline: 10 }).catch(note)
      counter.askPromise.Hang().catch(note)
      yield* settled
      yield* TestClock.adjust(10)
      yield* settledTo(Promise.resolve())
      assert.strictEqual(ends.length, 1)
      yield* TestClock.adjust(990)
      yield* settledTo(Promise.resolve())
      assert.strictEqual(ends.length, 2)
      for (const end of ends) assert.instanceOf(end, Timeout)
    }).pipe(withActors(counterLayer()))
  )

  it.effect("in a handler, refuses to wait for itself, and ends with the ask being served", () =>
    Effect.gen(function* () {
      const [a, b] = yield* Effect.all([spawnWorker("a"), spawnWorker("b")])
      const own: Job = () => Effect.promise(() => a.askPromiseExit.Run({ job: () => Effect.void }))
      const exit = (yield* a.ask.Run({ job: own })) as Exit.Exit<unknown, { readonly _tag: string }>
      assert.strictEqual(Option.getOrThrow(Exit.findErrorOption(exit))._tag, "Deadlock")
      let inner: Promise<unknown> | undefined
      const job: Job = () =>
        Effect.suspend(() => {
          inner = b.askPromiseExit.Run({ job: () => Effect.never }, { deadline: "Infinity" })
          return Effect.never
        })
      const outer = a.askPromiseExit.Run({ job }, { deadline: 20 })
      yield* settled
      yield* TestClock.adjust(20)
      const ends = yield* Effect.promise(() => Promise.all([outer, inner]))
      for (const end of ends as ReadonlyArray<Exit.Exit<unknown, { readonly _tag: string }>>) {
        assert.strictEqual(Option.getOrThrow(Exit.findErrorOption(end))._tag, "Timeout")
      }
    }).pipe(Effect.scoped, withActors(Layer.empty))
  )

  it.effect("is rejected with what the choice of a member throws", () =>
    Effect.gen(function* () {
      const choose = Router.consistentHash<(typeof Worker)["messages"][number]>(() => {
        throw new Error("no key")
      })
      const pool = yield* Router.spawn(Worker, workerHandlers, { size: 2, choose })
      const job: Job = () => Effect.void
      assert.propertyVal(errorOf(yield* settledTo(pool.askPromise.Run({ job }))), "message", "no key")
      const exit = yield* Effect.promise(() => pool.askPromiseExit.Run({ job }))
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
    }).pipe(Effect.scoped, withActors(Layer.empty))
  )
})

describe("an aborted signal", () => {
  it.effect("takes a queued message out of the mailbox, and rejects with its reason at once", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      const controller = new AbortController()
      counter.tellUnsafe.Hang()
      const answer = counter.askPromise.Next(undefined, { signal: controller.signal })
      yield* settled
      controller.abort(new Error("client gone"))
      assert.propertyVal(errorOf(yield* settledTo(answer)), "message", "client gone")
      assert.strictEqual((yield* entryOf("Counter")).dropped.interrupted, 1)
      yield* Actor.stop(counter, { deadline: 0 })
    }).pipe(withActors(counterLayer()))
  )

  it.effect("interrupts the handler in hand", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const interrupted = yield* Deferred.make<void>()
      const controller = new AbortController()
      const job: Job = () => Effect.onInterrupt(Effect.never, () => Deferred.succeed(interrupted, undefined))
      const answer = worker.askPromiseExit.Run({ job }, { signal: controller.signal })
      yield* settled
      controller.abort()
      yield* Deferred.await(interrupted)
      const exit = yield* Effect.promise(() => answer)
      assert.isTrue(Exit.hasInterrupts(exit))
      yield* settled
      assert.strictEqual((yield* entryOf("Worker")).failed, 1)
    }).pipe(withActors(workerLayer()))
  )

  it.effect("that was aborted before sends nothing", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      const signal = AbortSignal.abort("no")
      assert.deepStrictEqual(yield* settledTo(counter.askPromise.Next(undefined, { signal })), { error: "no" })
      assert.strictEqual((yield* entryOf("Counter")).accepted, 0)
    }).pipe(withActors(counterLayer()))
  )

  it.effect("changes nothing after the answer, and is let go of", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      const controller = new AbortController()
      const { signal } = controller
      const listeners = new Set<unknown>()
      const add = signal.addEventListener.bind(signal)
      const remove = signal.removeEventListener.bind(signal)
      signal.addEventListener = (...args: Parameters<typeof add>) => {
        listeners.add(args[1])
        add(...args)
      }
      signal.removeEventListener = (...args: Parameters<typeof remove>) => {
        listeners.delete(args[1])
        remove(...args)
      }
      // Answered at once: nobody need listen.
      assert.deepStrictEqual(yield* settledTo(counter.askPromise.Next(undefined, { signal })), { value: 1 })
      assert.strictEqual(listeners.size, 0)
      yield* counter.tell.Add({ n: 1 })
      const answer = counter.askPromise.Next(undefined, { signal })
      assert.strictEqual(listeners.size, 1)
      assert.deepStrictEqual(yield* settledTo(answer), { value: 3 })
      assert.strictEqual(listeners.size, 0)
      controller.abort()
      assert.strictEqual(yield* counter.ask.Next(), 4)
    }).pipe(withActors(counterLayer()))
  )
})

describe("askPromise of a crash", () => {
  it.effect("is rejected with Crashed", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      assert.instanceOf(errorOf(yield* settledTo(counter.askPromise.Crash())), Crashed)
    }).pipe(withActors(counterLayer()))
  )
})

describe("a handle", () => {
  it.effect("shows nothing of its target when printed, whatever was sent with it", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      counter.tellUnsafe.Add({ n: 1 })
      assert.notInclude(inspect(counter, { depth: 9 }), "mailbox")
    }).pipe(withActors(counterLayer()))
  )
})
