/** What an actor's timers run: its surroundings, and how it ends. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Tracer from "effect/Tracer"
import * as Actor from "../src/Actor.ts"
import * as Ryker from "../src/Ryker.ts"
import { ask, background, entryOf, settled, spawnWorker, tell, type WorkerHandle } from "./Actor.fixtures.ts"
import { crash, defaults, each, run } from "./Actor.kinds.ts"

// --- What the tests use -------------------------------------------------------------------------------------------------

/** What happened when. */
const makeTrace = () => {
  const trace: Array<string> = []
  const note = (what: string) => Effect.map(Clock.currentTimeMillis, (now) => void trace.push(`${what} ${now}`))
  return { trace, note }
}

/** Runs as a handler of the worker. */
const within = <E, R extends Actor.Self | Ryker.Ryker | Scope.Scope>(
  worker: WorkerHandle,
  effect: Effect.Effect<unknown, E, R>
) => ask(worker, () => Effect.orDie(effect))

describe("what a timer runs", () => {
  class Tariff extends Context.Service<Tariff, { readonly rate: number }>()("test/Tariff") {}

  each("has the services of the call, and the actor's own", (make) =>
    Effect.gen(function* () {
      const worker = yield* make()
      const found: Array<unknown> = []
      const closed: Array<string> = []
      yield* within(
        worker,
        Effect.flatMap(Actor.timers, (timers) =>
          timers.single(
            "tick",
            10,
            Effect.gen(function* () {
              const { rate } = yield* Tariff
              const { address, incarnation } = yield* Actor.self
              yield* Effect.addFinalizer(() => Effect.sync(() => closed.push("closed")))
              found.push(rate, address, incarnation)
            })
          )
        ).pipe(Effect.provideService(Tariff, { rate: 7 }))
      )
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(found, [7, worker.address, 1])
      assert.deepStrictEqual(closed, [])
      yield* Effect.exit(ask(worker, crash))
      yield* settled
      assert.deepStrictEqual(closed, ["closed"])
    })
  )

  it.effect("has the actor's own Scope, also if it is started in a smaller one", () =>
    Effect.gen(function* () {
      const worker = yield* spawnWorker("scoped", defaults)
      const trace: Array<string> = []
      yield* within(
        worker,
        Effect.scoped(
          Effect.flatMap(Actor.timers, (timers) =>
            timers.single(
              "tick",
              10,
              Effect.andThen(
                Effect.addFinalizer(() => Effect.sync(() => trace.push("closed"))),
                Effect.sync(() => trace.push("ticked"))
              )
            )
          )
        )
      )
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(trace, ["ticked"])
      yield* Effect.exit(ask(worker, crash))
      yield* settled
      assert.deepStrictEqual(trace, ["ticked", "closed"])
    }).pipe(run)
  )

  it.effect("has neither the span nor the message of the handler that started it", () =>
    Effect.gen(function* () {
      const worker = yield* spawnWorker("clean")
      const other = yield* spawnWorker("other")
      let span: unknown = "not looked at"
      yield* background(
        ask(
          worker,
          () =>
            Effect.gen(function* () {
              const timers = yield* Actor.timers
              yield* Effect.orDie(
                timers.single(
                  "tick",
                  10,
                  Effect.gen(function* () {
                    span = (yield* Effect.context()).mapUnsafe.get(Tracer.ParentSpan.key)
                    // With the starter's message it would have the 20 ms of that one's deadline, which is long over.
                    yield* Effect.orDie(ask(other, () => Effect.sleep(100)))
                  })
                )
              )
            }).pipe(Effect.withSpan("starting")),
          { deadline: 20 }
        )
      )
      yield* TestClock.adjust(9)
      yield* TestClock.adjust(50)
      assert.deepInclude(yield* Actor.status(worker), { busy: true })
      yield* TestClock.adjust(60)
      assert.isUndefined(span)
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 1, busy: false })
      assert.deepInclude(yield* entryOf("Worker"), { handled: 2, failed: 0, crashes: 0 })
    }).pipe(run)
  )

  const crashes = {
    "a defect": Effect.die(new Error("on purpose")),
    "a throw": Effect.sync(() => {
      throw new Error("on purpose")
    }),
    "an interruption that nobody asked for": Effect.interrupt,
    "a defect after a while": Effect.andThen(Effect.sleep(5), Effect.die("on purpose"))
  }
  for (const [what, effect] of Object.entries(crashes)) {
    each(`crashes the actor by ${what}: once, with the queue kept and the timers gone`, (make) =>
      Effect.gen(function* () {
        const ran: Array<string> = []
        const worker = yield* make()
        yield* within(
          worker,
          Effect.gen(function* () {
            const timers = yield* Actor.timers
            yield* timers.fixedDelay("tick", 10, effect)
            yield* timers.fixedRate("other", 3, Effect.void)
          })
        )
        yield* TestClock.adjust(9)
        yield* tell(worker, () => Effect.sleep(2))
        yield* settled
        yield* tell(worker, () => Effect.sync(() => ran.push("queued")))
        yield* TestClock.adjust(10)
        assert.deepInclude(yield* Actor.status(worker), { _tag: "Restarting", queued: 1 })
        yield* TestClock.adjust(1_000)
        assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 2 })
        assert.deepStrictEqual(ran, ["queued"])
        const { crashes, failed } = (yield* Ryker.ledger).find(
          ({ actor }) => actor === worker.address.split(/[/#]/)[0]
        )!
        assert.deepStrictEqual({ crashes, failed }, { crashes: 1, failed: 0 })
      })
    )
  }

  it.effect("may ask another actor, and gets Deadlock for its own, and for one that waits for it", () =>
    Effect.gen(function* () {
      const worker = yield* spawnWorker("asking")
      const other = yield* spawnWorker("asked")
      const answers: Array<unknown> = []
      const answer = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.matchEffect(effect, {
          onFailure: (error) => Effect.sync(() => answers.push(error)),
          onSuccess: (value) => Effect.sync(() => answers.push(value))
        })
      yield* within(
        worker,
        Effect.flatMap(Actor.timers, (timers) =>
          timers.single(
            "tick",
            10,
            Effect.gen(function* () {
              yield* answer(ask(other, () => Effect.succeed("fine")))
              yield* answer(ask(worker, () => Effect.void))
              yield* answer(ask(other, () => ask(worker, () => Effect.void).pipe(Effect.catch(Effect.succeed))))
            })
          )
        )
      )
      yield* TestClock.adjust(10)
      const cycles = answers.map((answer) =>
        typeof answer === "object" && answer !== null && "cycle" in answer ? answer.cycle : answer
      )
      assert.deepStrictEqual(cycles, ["fine", ["asking", "asking"], ["asked", "asking", "asked"]])
    }).pipe(run)
  )

  it.effect("may stash nothing: there is no message, and to try is a defect", () =>
    Effect.gen(function* () {
      const { note, trace } = makeTrace()
      const worker = yield* spawnWorker("stashing")
      yield* within(
        worker,
        Effect.flatMap(Actor.timers, (timers) =>
          timers.fixedDelay("tick", 10, Effect.andThen(note("tick"), Effect.andThen(Actor.stash, note("never"))))
        )
      )
      yield* TestClock.adjust(25)
      assert.deepStrictEqual(trace, ["tick 10"])
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Restarting", queued: 0 })
    }).pipe(run)
  )

  it.effect("may end the actor by stopSelf", () =>
    Effect.gen(function* () {
      const worker = yield* spawnWorker("ending", { restart: "transient" })
      yield* within(
        worker,
        Effect.flatMap(Actor.timers, (timers) => timers.fixedRate("tick", 10, Actor.stopSelf))
      )
      yield* TestClock.adjust(10)
      assert.strictEqual(yield* Actor.awaitStopped(worker), "Normal")
    }).pipe(run)
  )

  it.effect("is interrupted at the deadline of a stop that comes in the middle of it", () =>
    Effect.gen(function* () {
      const { note, trace } = makeTrace()
      const worker = yield* spawnWorker("stopping")
      yield* within(
        worker,
        Effect.flatMap(Actor.timers, (timers) =>
          timers.single(
            "tick",
            10,
            Effect.onInterrupt(Effect.never, () => note("interrupted"))
          )
        )
      )
      yield* TestClock.adjust(10)
      yield* background(Actor.stop(worker, { deadline: 20 }))
      yield* TestClock.adjust(19)
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Stopping", busy: true })
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(trace, ["interrupted 30"])
      assert.deepStrictEqual(yield* Actor.status(worker), { _tag: "Stopped", reason: "Stopped" })
    }).pipe(run)
  )

  it.effect("in hand when a stop or a drain comes is waited for, and may use actors meanwhile", () =>
    Effect.gen(function* () {
      const { note, trace } = makeTrace()
      const worker = yield* spawnWorker("finishing", { shutdown: 1_000 })
      // Started later, so it would be stopped first.
      const later = yield* spawnWorker("later", { shutdown: 1_000 })
      yield* within(
        worker,
        Effect.flatMap(Actor.timers, (timers) =>
          timers.single(
            "tick",
            10,
            Effect.gen(function* () {
              yield* Effect.sleep(20)
              yield* Effect.orDie(ask(later, () => note("asked")))
            })
          )
        )
      )
      yield* TestClock.adjust(10)
      const draining = yield* background(Ryker.drain(100))
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(trace, ["asked 30"])
      const { outcome } = yield* Fiber.join(draining)
      assert.strictEqual(outcome, "complete")
    }).pipe(run)
  )
})
