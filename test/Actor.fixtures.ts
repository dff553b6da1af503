/** What the tests of actors share besides `fixtures.ts`. */
import { assert } from "@effect/vitest"
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { Rpc } from "effect/rpc"
import * as Scheduler from "effect/Scheduler"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Actor from "../src/Actor.ts"
import type * as Ledger from "../src/Ledger.ts"
import * as Ryker from "../src/Ryker.ts"
import * as RykerError from "../src/RykerError.ts"
import { type Counter, counterLayer } from "./fixtures.ts"

/** A worker's typed failure. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String }) {}

/** What a worker does with a message. What it asks others may fail it, as in any handler. */
export type Job = () => Effect.Effect<unknown, Refused | RykerError.AskError, Actor.Self | Ryker.Ryker | Scope.Scope>

/** Does what the message says, so that a test can say what a handler does in the place where it matters. */
export class Worker extends Actor.Service<Worker>()("Worker", [
  Rpc.make("Run", {
    payload: { job: Schema.declare((value): value is Job => typeof value === "function") },
    success: Schema.Unknown,
    error: Schema.Union([
      Refused,
      RykerError.Busy,
      RykerError.Timeout,
      RykerError.TooLarge,
      RykerError.Crashed,
      RykerError.Stopped,
      RykerError.Deadlock
    ])
  })
]) {}

export type WorkerHandle = Worker["Service"]

export const workerHandlers = Worker.of({ Run: ({ job }) => job() })

/** Closing waits for nobody: where an assertion fails, no time passes that a handler could wait for. */
const impatient: Actor.Options = { shutdown: 0 }

export const workerLayer = (options?: Actor.Options) => Worker.toLayer(workerHandlers, { ...impatient, ...options })

/** A worker of that name, for as long as the test's Scope. */
export const spawnWorker = (name: string, options: Actor.Options = {}) =>
  Actor.spawn(Worker, workerHandlers, { ...impatient, ...options, name })

export const ask = (worker: WorkerHandle, job: Job, options?: Actor.SendOptions) => worker.ask.Run({ job }, options)

export const tell = (worker: WorkerHandle, job: Job, options?: Actor.SendOptions) => worker.tell.Run({ job }, options)

/** Lets all happen that can without time passing. */
export const settled: Effect.Effect<void> = Effect.forEach(Array.from({ length: 50 }), () => Effect.yieldNow, {
  discard: true
})

/** Runs beside the test; when this returns it has done what it can at once. */
export const background = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Fiber.Fiber<A, E>, never, R> =>
  Effect.tap(Effect.forkChild(effect, { startImmediately: true }), () => settled)

/** Runs the effect, which yields at its n-th step and is interrupted there; says whether it had so many steps. */
export const interruptedAtStep = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  n: number
): Effect.Effect<{ readonly reached: boolean; readonly exit: Exit.Exit<A, E> | undefined }, never, R> =>
  Effect.gen(function* () {
    const scheduler = new Scheduler.MixedScheduler()
    let own: Fiber.Fiber<unknown, unknown> | undefined
    let steps = 0
    let reached = false
    const interrupting: Scheduler.Scheduler = {
      executionMode: "async",
      makeDispatcher: () => scheduler.makeDispatcher(),
      shouldYield: (fiber) => {
        if (fiber !== own || steps++ !== n) return false
        reached = true
        queueMicrotask(() => fiber.interruptUnsafe())
        return true
      }
    }
    const watched = Effect.withFiber((fiber) => {
      own = fiber
      return effect
    })
    const fiber = Effect.runForkWith(yield* Effect.context<R>())(watched, { scheduler: interrupting })
    yield* settled
    return { reached, exit: fiber.pollUnsafe() }
  })

/** A clock whose time passes and whose timers do not fire, as in an event loop that someone blocks. */
export const stalledClock = (millis: () => number): Clock.Clock => {
  const nanos = () => BigInt(millis()) * 1_000_000n
  return {
    currentTimeMillisUnsafe: millis,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: nanos,
    monotonicTimeNanos: Effect.sync(nanos),
    sleep: () => Effect.never
  }
}

/** The ledger's account of one definition. */
export const entryOf = (actor: string): Effect.Effect<Ledger.Entry, never, Ryker.Ryker> =>
  Effect.map(Ryker.ledger, (entries) => {
    const entry = entries.find((entry) => entry.actor === actor)
    assert.isDefined(entry, `no entry of ${actor}`)
    return entry
  })

/** Counts what builds acquire and release. */
export const makeResource = () => {
  const resource = { acquired: 0, released: 0 }
  const acquire = Effect.acquireRelease(
    Effect.sync(() => resource.acquired++),
    () => Effect.sync(() => resource.released++)
  )
  return { resource, acquire }
}

/** How the Layer's start ends. */
export const startOf = <E>(layer: Layer.Layer<Counter, E, Ryker.Ryker>) =>
  Effect.exit(Effect.scoped(Layer.build(layer)))

/** Nothing is left of an earlier start: its name is free. */
export const assertFree = Effect.gen(function* () {
  const exit = yield* startOf(counterLayer())
  assert.isTrue(Exit.isSuccess(exit), String(exit))
})

/** The typed failure of an exit; fails the test when there is none. */
export const errorOf = <A, E>(exit: Exit.Exit<A, E>): E => {
  const reason = Exit.isFailure(exit) ? exit.cause.reasons.find(Cause.isFailReason) : undefined
  assert.isDefined(reason, exit._tag)
  return reason.error
}
