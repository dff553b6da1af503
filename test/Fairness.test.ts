/** Turns, yields, and long chains: no actor starves another, the event loop, or the stack. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import { PreventSchedulerYield as PreventYield } from "effect/Scheduler"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import type * as Ledger from "../src/Ledger.ts"
import { CurrentMessage } from "../src/internal/envelope.ts"
import * as Ryker from "../src/Ryker.ts"
import { withActors } from "./fixtures.ts"

// --- What the tests use -------------------------------------------------------------------------------------------------

/** `Sync` needs no fiber of its own, `Yield` suspends, `Again` tells itself the next one. */
class Busybody extends Actor.Service<Busybody>()("Busybody", [
  Rpc.make("Sync"),
  Rpc.make("Yield"),
  Rpc.make("Again"),
  Rpc.make("Crash")
]) {}

type Handle = Actor.Handle<(typeof Busybody)["messages"][number]>

/** An actor that writes its name into `trace` for each message. */
const busybody = (name: string, trace: Array<string>, options: Actor.Options = {}) =>
  Actor.spawn(
    Busybody,
    Effect.map(Busybody, (self) => ({
      Sync: () => Effect.sync(() => trace.push(name)).pipe(Effect.asVoid),
      Yield: () => Effect.andThen(Effect.yieldNow, Effect.asVoid(Effect.sync(() => trace.push(name)))),
      Again: () =>
        Effect.suspend(() => {
          trace.push(name)
          return Effect.orDie(self.tell.Again())
        }),
      Crash: () => Effect.die("crash on purpose")
    })),
    { capacity: 1_048_576, name, ...options }
  )

const tellTimes = (handle: Handle, times: number, message: "Sync" | "Yield" = "Sync") =>
  Effect.gen(function* () {
    for (let index = 0; index < times; index++) yield* handle.tell[message]()
  })

/** Runs without giving anybody else a turn, however long it takes. */
const atOnce = Effect.provideService(PreventYield, true)

/** The names in the trace with how often each stands there in a row. */
const runs = (trace: ReadonlyArray<string>) => {
  const out: Array<readonly [string, number]> = []
  for (const name of trace) {
    const last = out.at(-1)
    if (last !== undefined && last[0] === name) out[out.length - 1] = [name, last[1] + 1]
    else out.push([name, 1])
  }
  return out
}

/** Waits until a condition holds, without time. */
const until = (holds: () => boolean) =>
  Effect.gen(function* () {
    for (let turn = 0; turn < 100_000; turn++) {
      if (holds()) return
      yield* Effect.yieldNow
    }
    assert.fail("it never came to that")
  })

const ledger = Effect.map(Ryker.ledger, (entries): Ledger.Entry => entries[0] ?? assert.fail("no actor was started"))

const start = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.forkChild(Effect.exit(effect), { startImmediately: true })

/** The error that an effect has ended with by now. */
const endOf = <A, E extends { readonly _tag: string }>(fiber: Fiber.Fiber<Exit.Exit<A, E>>) => {
  const exit = fiber.pollUnsafe() ?? assert.fail("it hangs")
  const inner = Exit.isSuccess(exit) ? exit.value : assert.fail("it was interrupted")
  return Option.getOrThrow(Exit.findErrorOption(inner))
}

const run = (fairness: Ryker.Options["fairness"] = {}) => withActors(Layer.empty, { drainDeadline: 0, fairness })

// --- Turns --------------------------------------------------------------------------------------------------------------

describe("a saturated actor", () => {
  it.effect.each([
    [1, 1],
    [1, 64],
    [3, 5],
    [32, 64]
  ])("lets another have its turn after batchMessages, both with long queues: %i of %i", ([batch, yieldEvery]) =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const a = yield* busybody("a", trace)
      const b = yield* busybody("b", trace)
      yield* atOnce(Effect.andThen(tellTimes(a, batch! * 10), tellTimes(b, batch! * 10)))
      yield* until(() => trace.length === batch! * 20)
      const expected = Array.from({ length: 20 }, (_, index) => [index % 2 === 0 ? "a" : "b", batch!] as const)
      assert.deepStrictEqual(runs(trace), expected)
    }).pipe(run({ batchMessages: batch!, yieldEvery: yieldEvery! }))
  )

  it.effect("does not make an actor with a single message wait for more than one turn", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const a = yield* busybody("a", trace)
      const b = yield* busybody("b", trace)
      yield* atOnce(Effect.andThen(tellTimes(a, 10_000), b.tell.Sync()))
      yield* until(() => trace.length === 10_001)
      assert.deepStrictEqual(runs(trace).slice(0, 2), [
        ["a", 32],
        ["b", 1]
      ])
    }).pipe(run())
  )

  it.effect("shares with all others, not only with the next", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const names = ["a", "b", "c", "d", "e"]
      const actors = yield* Effect.forEach(names, (name) => busybody(name, trace))
      yield* atOnce(Effect.forEach(actors, (actor) => tellTimes(actor, 200)))
      yield* until(() => trace.length === 1_000)
      const all = runs(trace)
      // Round after round, each has its batch; the last rounds are what is left of 200.
      for (const [index, [name, count]] of all.entries()) {
        assert.strictEqual(name, names[index % 5])
        assert.strictEqual(count, index < 30 ? 32 : 8)
      }
    }).pipe(run())
  )

  it.effect("whose handlers suspend takes one message at a time, turn by turn with another", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const a = yield* busybody("a", trace)
      const b = yield* busybody("b", trace)
      yield* tellTimes(a, 100, "Yield")
      yield* tellTimes(b, 100, "Yield")
      yield* until(() => trace.length === 200)
      for (const [, count] of runs(trace)) assert.isAtMost(count, 2)
    }).pipe(run())
  )

  it.effect("that feeds itself for ever does not starve another actor", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const a = yield* busybody("a", trace)
      const b = yield* busybody("b", trace)
      yield* a.tell.Again()
      yield* until(() => trace.length > 100)
      const before = trace.length
      yield* b.ask.Sync()
      assert.isBelow(trace.length - before, 1_000)
      yield* Actor.stop(a, { deadline: 0 })
    }).pipe(run())
  )

  it.effect("that feeds itself for ever does not starve fibers or the clock", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const a = yield* busybody("a", trace)
      const b = yield* busybody("b", trace)
      for (const actor of [a, b]) yield* actor.tell.Again()
      const sleeper = yield* start(Effect.sleep("1 second"))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(sleeper), Exit.void)
      for (const actor of [a, b]) yield* Actor.stop(actor, { deadline: 0 })
    }).pipe(run())
  )

  // Real time, but no sleep: setImmediate comes when the event loop gets around to it.
  it.live("that feeds itself for ever does not starve the event loop", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const a = yield* busybody("a", trace)
      yield* a.tell.Again()
      for (let turn = 0; turn < 10; turn++) {
        const before = trace.length
        yield* Effect.promise(() => new Promise((resolve) => setTimeout(() => setImmediate(resolve), 0)))
        assert.isAbove(trace.length, before)
      }
      yield* Actor.stop(a, { deadline: 0 })
    }).pipe(run())
  )

  it.effect("can be stopped, and its Scope closed, at once", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const a = yield* busybody("a", trace)
      yield* a.tell.Again()
      yield* until(() => trace.length > 1_000)
      yield* Actor.stop(a, { deadline: 0 })
      const length = trace.length
      for (let turn = 0; turn < 10; turn++) yield* Effect.yieldNow
      assert.strictEqual(trace.length, length)
    }).pipe(run())
  )

  it.effect("that crashes gives its turn away, and takes none until it has restarted", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const a = yield* busybody("a", trace, { backoff: { base: 100, cap: 100 } })
      const b = yield* busybody("b", trace)
      yield* tellTimes(a, 5)
      yield* a.tell.Crash()
      yield* tellTimes(a, 5)
      yield* tellTimes(b, 100)
      yield* until(() => trace.length === 105)
      assert.deepStrictEqual(runs(trace), [
        ["a", 5],
        ["b", 100]
      ])
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(runs(trace).at(-1), ["a", 5])
    }).pipe(run())
  )
})

describe("a yield", () => {
  it.effect("is counted for each time that an actor gives way in the middle of its queue", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const a = yield* busybody("a", trace)
      // Alone it goes on until yieldEvery: after 10, 20 and 30, and not after the last.
      yield* tellTimes(a, 40)
      yield* until(() => trace.length === 40)
      assert.strictEqual((yield* ledger).yields, 3)
    }).pipe(run({ batchMessages: 5, yieldEvery: 10 }))
  )

  it.effect("is not counted at the end of a queue, nor for handlers that suspend", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const a = yield* busybody("a", trace)
      yield* tellTimes(a, 10)
      yield* until(() => trace.length === 10)
      yield* tellTimes(a, 100, "Yield")
      yield* until(() => trace.length === 110)
      assert.strictEqual((yield* ledger).yields, 0)
    }).pipe(run({ batchMessages: 10, yieldEvery: 10 }))
  )

  it.effect("comes after batchMessages only while another waits", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const a = yield* busybody("a", trace)
      const b = yield* busybody("b", trace)
      yield* tellTimes(a, 40)
      yield* tellTimes(b, 5)
      yield* until(() => trace.length === 45)
      assert.deepStrictEqual(runs(trace), [
        ["a", 5],
        ["b", 5],
        ["a", 35]
      ])
      // One for the other's sake, then one after each 10 of what is left.
      assert.strictEqual((yield* ledger).yields, 1 + 3)
    }).pipe(run({ batchMessages: 5, yieldEvery: 10 }))
  )

  it.effect("leaves the event loop its turn after yieldEvery, also when nobody else waits", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const a = yield* busybody("a", trace)
      yield* atOnce(tellTimes(a, 1_000))
      const seen: Array<number> = []
      yield* until(() => {
        if (seen.at(-1) !== trace.length) seen.push(trace.length)
        return trace.length === 1_000
      })
      for (const [index, length] of seen.entries()) assert.isAtMost(length - (seen[index - 1] ?? 0), 2 * 7)
      assert.strictEqual((yield* ledger).yields, Math.ceil(1_000 / 7) - 1)
    }).pipe(run({ batchMessages: 7, yieldEvery: 7 }))
  )

  it.effect("does not reorder messages", () =>
    Effect.gen(function* () {
      class Numbers extends Actor.Service<Numbers>()("Numbers", [
        Rpc.make("Take", { payload: { n: Schema.Int, suspend: Schema.Boolean } })
      ]) {}
      const seen: Array<number> = []
      const numbers = yield* Actor.spawn(
        Numbers,
        {
          Take: ({ n, suspend }) =>
            Effect.andThen(
              suspend ? Effect.yieldNow : Effect.void,
              Effect.sync(() => {
                seen.push(n)
              })
            )
        },
        { capacity: 1_000 }
      )
      for (let n = 0; n < 1_000; n++) yield* numbers.tell.Take({ n, suspend: n % 7 === 3 })
      yield* until(() => seen.length === 1_000)
      assert.deepStrictEqual(
        seen,
        Array.from({ length: 1_000 }, (_, n) => n)
      )
    }).pipe(run({ batchMessages: 2, yieldEvery: 3 }))
  )
})

// --- Long chains --------------------------------------------------------------------------------------------------------

// The time is for machines under load: what hangs, hangs for ever.
describe("the stack", { timeout: 30_000 }, () => {
  class Link extends Actor.Service<Link>()("Link", [
    Rpc.make("Depth", { success: Schema.Int }),
    Rpc.make("Crash", { success: Schema.Int })
  ]) {}
  type LinkHandle = Actor.Handle<(typeof Link)["messages"][number]>

  /** So many actors, each of which asks the next; the last does what `bottom` says. Gives the first. */
  const chain = (length: number, bottom: Effect.Effect<number>, options: Actor.Options = {}) =>
    Effect.gen(function* () {
      const link = (handlers: { readonly [Tag in "Depth" | "Crash"]: () => Effect.Effect<number> }) =>
        Actor.spawn(Link, handlers, { deadline: "Infinity", intensity: { restarts: 0 }, ...options })
      let first: LinkHandle = yield* link({ Depth: () => bottom, Crash: () => Effect.die("crash on purpose") })
      for (let index = 1; index < length; index++) {
        const next = first
        first = yield* link({
          Depth: () => Effect.map(Effect.orDie(next.ask.Depth()), (depth) => depth + 1),
          // The crash of the one below is an answer to this one, and what it makes of it is its own crash.
          Crash: () => Effect.orDie(next.ask.Crash())
        })
      }
      return first
    })

  const long = 2_000
  // Tests run in threads with four times the stack of a program, and must overflow it where 2,000 would overflow that.
  const deep = 6_000

  /** What the last of a chain does, and whether it has begun: then all have a message in hand. */
  const waiting = (bottom: Effect.Effect<number>) => {
    const state = { begun: false }
    return {
      bottom: Effect.andThen(
        Effect.sync(() => {
          state.begun = true
        }),
        bottom
      ),
      begun: until(() => state.begun)
    }
  }

  /** Waits until no link has a message in hand, and gives the ledger. */
  const released = Effect.gen(function* () {
    for (let look = 0; look < 100 && (yield* ledger).inHand > 0; look++) {
      yield* Effect.repeat(Effect.yieldNow, { times: 100 })
    }
    return yield* ledger
  })

  it.effect("holds for a chain of 2,000 asks, each within the one before", () =>
    Effect.gen(function* () {
      const first = yield* chain(long, Effect.succeed(1))
      assert.strictEqual(yield* first.ask.Depth(), long)
      assert.deepInclude(yield* ledger, { accepted: long, handled: long, failed: 0, crashes: 0 })
    }).pipe(run())
  )

  it.effect("holds when such a chain waits and is answered later", () =>
    Effect.gen(function* () {
      const { begun, bottom } = waiting(Effect.delay(Effect.succeed(1), 100))
      const first = yield* chain(deep, bottom)
      const ask = yield* start(first.ask.Depth())
      yield* begun
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(yield* Fiber.join(ask), Exit.succeed(deep))
    }).pipe(run())
  )

  it.effect("holds when the asker of such a chain gives up", () =>
    Effect.gen(function* () {
      const { begun, bottom } = waiting(Effect.never)
      const first = yield* chain(deep, bottom)
      const ask = yield* start(first.ask.Depth())
      yield* begun
      yield* Fiber.interrupt(ask)
      assert.deepInclude(yield* released, { accepted: deep, failed: deep, inHand: 0, queued: 0, crashes: 0 })
    }).pipe(run())
  )

  it.effect("holds when the deadline of such a chain passes", () =>
    Effect.gen(function* () {
      const { begun, bottom } = waiting(Effect.never)
      const first = yield* chain(deep, bottom)
      const ask = yield* start(first.ask.Depth(undefined, { deadline: "1 second" }))
      yield* begun
      yield* TestClock.adjust("1 second")
      assert.deepInclude(endOf(ask), { _tag: "Timeout", phase: "running" })
      assert.deepInclude(yield* released, { accepted: deep, failed: deep, inHand: 0, queued: 0, crashes: 0 })
      // And the timers still work.
      const late = yield* start(first.ask.Depth(undefined, { deadline: "1 second" }))
      yield* TestClock.adjust("1 second")
      assert.deepInclude(endOf(late), { _tag: "Timeout" })
    }).pipe(run())
  )

  it.effect("holds when the first of such a chain is stopped", () =>
    Effect.gen(function* () {
      const { begun, bottom } = waiting(Effect.never)
      const first = yield* chain(deep, bottom)
      const ask = yield* start(first.ask.Depth())
      yield* begun
      yield* Actor.stop(first, { deadline: 0 })
      assert.deepInclude(endOf(ask), { _tag: "Stopped", reason: "Stopped" })
      assert.deepInclude(yield* released, { accepted: deep, failed: deep, inHand: 0, queued: 0, crashes: 0 })
    }).pipe(run())
  )

  it.effect("holds when such a chain is drained", () =>
    Effect.gen(function* () {
      const { begun, bottom } = waiting(Effect.never)
      const first = yield* chain(long, bottom)
      const ask = yield* start(first.ask.Depth())
      yield* begun
      const drain = yield* start(Effect.andThen(Ryker.drain("1 second"), Clock.currentTimeMillis))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(drain), Exit.succeed(1_000))
      assert.strictEqual(endOf(ask)._tag, "Stopped")
      assert.deepInclude(yield* ledger, { accepted: long, failed: long, inHand: 0, queued: 0, crashes: 0 })
    }).pipe(run())
  )

  it.effect("holds when the last of such a chain crashes, and all above it for that reason", () =>
    Effect.gen(function* () {
      const first = yield* chain(long, Effect.never)
      const error = yield* Effect.flip(first.ask.Crash())
      assert.deepInclude(error, { _tag: "Crashed" })
      assert.deepInclude(yield* released, { accepted: long, failed: long, crashes: long, inHand: 0 })
    }).pipe(run())
  )

  it.effect("holds for 100,000 tells without a pause", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const a = yield* busybody("a", trace)
      const afterwards = yield* atOnce(Effect.andThen(tellTimes(a, 100_000), ledger))
      assert.deepInclude(afterwards, { accepted: 100_000, queued: 100_000, handled: 0 })
      yield* until(() => trace.length === 100_000)
      assert.deepInclude(yield* ledger, { accepted: 100_000, queued: 0, handled: 100_000 })
    }).pipe(run())
  )

  it.effect("holds for 100,000 asks, each by the answer to the one before", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const a = yield* busybody("a", trace)
      for (let index = 0; index < 100_000; index++) yield* a.ask.Sync()
      assert.deepInclude(yield* ledger, { accepted: 100_000, handled: 100_000 })
    }).pipe(run())
  )

  it.effect("holds for 10,000 askers that are answered at the same time", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const a = yield* busybody("a", trace)
      const fibers = yield* Effect.forEach(Array.from({ length: 10_000 }), () => start(a.ask.Sync()))
      const exits = yield* Effect.forEach(fibers, Fiber.join)
      assert.isTrue(exits.every(Exit.isSuccess))
    }).pipe(run())
  )

  it.effect("holds for 10,000 askers that are turned away at the same time", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const a = yield* busybody("a", trace, { backoff: { base: "1 hour", cap: "1 hour" }, deadline: "Infinity" })
      yield* a.tell.Crash()
      yield* until(() => true)
      const fibers = yield* Effect.forEach(Array.from({ length: 10_000 }), () => start(a.ask.Sync()))
      yield* Actor.stop(a, { deadline: 0 })
      const exits = yield* Effect.forEach(fibers, Fiber.join)
      assert.isTrue(exits.every(Exit.isFailure))
    }).pipe(run())
  )
})

// --- Memory -------------------------------------------------------------------------------------------------------------

describe("a message", () => {
  /** How many messages are kept alive by the one in hand, which came of them. */
  const ancestors = Effect.map(CurrentMessage, (sender) => {
    let n = 0
    for (let next = sender?.serving?.asker; next !== undefined; next = next.asker) n++
    return n
  })

  class Ticker extends Actor.Service<Ticker>()("Ticker", [Rpc.make("Tick", { payload: { left: Schema.Int } })]) {}

  it.effect("that an actor tells itself holds on to none of those before it, however long that goes on", () =>
    Effect.gen(function* () {
      let kept = -1
      const ticker = yield* Actor.spawn(
        Ticker,
        Effect.map(Ticker, (self) => ({
          Tick: ({ left }: { readonly left: number }) =>
            left > 0
              ? Effect.orDie(self.tell.Tick({ left: left - 1 }))
              : Effect.map(ancestors, (n) => {
                  kept = n
                })
        }))
      )
      yield* ticker.tell.Tick({ left: 1_000 })
      yield* until(() => kept >= 0)
      assert.isAtMost(kept, 1)
    }).pipe(run())
  )

  it.effect("that is asked without waiting holds on to none of those before it, however long that goes on", () =>
    Effect.gen(function* () {
      let kept = -1
      const tickers: Array<Actor.Handle<(typeof Ticker)["messages"][number]>> = []
      for (let index = 0; index < 2; index++) {
        const ticker = yield* Actor.spawn(Ticker, {
          Tick: ({ left }) =>
            left > 0
              ? Effect.asVoid(
                  Effect.forkDetach(tickers[1 - index]!.ask.Tick({ left: left - 1 }), { startImmediately: true })
                )
              : Effect.map(ancestors, (n) => {
                  kept = n
                })
        })
        tickers.push(ticker)
      }
      yield* tickers[0]!.tell.Tick({ left: 1_000 })
      yield* until(() => kept >= 0)
      assert.isAtMost(kept, 1)
    }).pipe(run())
  )
})
