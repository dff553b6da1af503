/** What the tests of supervisors share: actors that trace their life, and what runs them. */
import { assert } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import type { Runtime } from "../src/internal/runtime.ts"
import { runtimeOf } from "../src/internal/runtime.ts"
import * as Ryker from "../src/Ryker.ts"
import type * as RykerError from "../src/RykerError.ts"
import * as Supervisor from "../src/Supervisor.ts"
import * as TestRyker from "../src/testing/TestRyker.ts"
import { assertBalanced } from "./fixtures.ts"

/** A typed failure of a start. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String }) {}

const messages = [
  /** Gives the incarnation. */
  Rpc.make("Ping", { success: Schema.Int }),
  /** Traces `a1:label`. */
  Rpc.make("Work", { payload: { label: Schema.String } }),
  Rpc.make("Crash"),
  /** Ends normally. */
  Rpc.make("Bye"),
  /** Takes its time, then traces `a1:slow`. */
  Rpc.make("Slow", { payload: { millis: Schema.Int } }),
  Rpc.make("Hang"),
  /** As `Slow`, but cannot be interrupted, and traces `a1:stubborn`. */
  Rpc.make("Stubborn", { payload: { millis: Schema.Int } })
] as const

/** What the handles of all traced actors are; they differ by name only. */
export interface TracedSelf {
  readonly _: unique symbol
}

export type TracedHandle = Actor.Handle<(typeof messages)[number]>

/** What happens in a `build` besides tracing; `traced(...).handle` is its own handle there. */
export type Hook = (
  incarnation: number
) => Effect.Effect<unknown, Refused, TracedSelf | Actor.Self | Ryker.Ryker | Scope.Scope>

export interface TracedOptions extends Actor.Options {
  /** Runs in `build`, after `+a1` was traced. */
  readonly onStart?: Hook | undefined
  /** Runs when the Scope closes, before `-a1` is traced. */
  readonly onClose?: ((incarnation: number) => Effect.Effect<unknown>) | undefined
}

export interface Traced {
  readonly name: string
  /** Gives the handle. */
  readonly handle: Effect.Effect<TracedHandle, never, TracedSelf>
  readonly layer: Layer.Layer<TracedSelf, Refused | RykerError.StartError | RykerError.InvalidOption, Ryker.Ryker>
  /** Starts it as `Actor.spawn` does, under its name. */
  readonly spawn: Effect.Effect<
    TracedHandle,
    Refused | RykerError.StartError | RykerError.InvalidOption,
    Ryker.Ryker | Scope.Scope
  >
}

/**
 * A trace of its own for each test: `traced("a")` is an actor that writes `+a1` into it when its first
 * incarnation starts, `-a1` when that one's Scope closes, and so on. With `timed`, `+a1@100` says when.
 */
export const tracing = (options: { readonly timed?: boolean } = {}) => {
  let trace: Array<string> = []
  const note = (text: string): Effect.Effect<void> =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      trace.push(options.timed === true ? `${text}@${now}` : text)
    })
  /** What was traced since the last call. */
  const take = () => {
    const taken = trace
    trace = []
    return taken
  }

  const buildOf = (name: string, { onClose, onStart }: TracedOptions) =>
    Effect.gen(function* () {
      const { incarnation } = yield* Actor.self
      const me = `${name}${incarnation}`
      yield* note(`+${me}`)
      yield* Effect.addFinalizer(() =>
        Effect.ensuring(onClose === undefined ? Effect.void : Effect.asVoid(onClose(incarnation)), note(`-${me}`))
      )
      if (onStart !== undefined) yield* onStart(incarnation)
      return {
        Ping: () => Effect.succeed(incarnation),
        Work: ({ label }: { readonly label: string }) => note(`${me}:${label}`),
        Crash: () => Effect.die(new Error("crash on purpose")),
        Bye: () => Actor.stopSelf,
        Slow: ({ millis }: { readonly millis: number }) => Effect.delay(note(`${me}:slow`), millis),
        Hang: () => Effect.never,
        Stubborn: ({ millis }: { readonly millis: number }) =>
          Effect.uninterruptible(Effect.delay(note(`${me}:stubborn`), millis))
      }
    })

  const traced = (name: string, options: TracedOptions = {}): Traced => {
    class Definition extends Actor.Service<TracedSelf>()(name, messages) {}
    const all = { ...quick, ...options }
    return {
      name,
      handle: Effect.service(Definition),
      layer: Definition.toLayer(buildOf(name, all), all),
      spawn: Actor.spawn(Definition, buildOf(name, all), { ...all, name })
    }
  }
  return { note, take, traced }
}

/** Delays that are easy to reckon with, and time enough for most tests not to meet the limits. */
export const quick = {
  backoff: { base: 100, cap: "1 hour", jitter: false },
  intensity: { restarts: 1_000, window: "1 hour" },
  deadline: "Infinity"
} as const satisfies Actor.Options

/** The child gives up at its first crash. */
export const fragile = { intensity: { restarts: 0, window: "1 second" } } as const satisfies Actor.Options

/** Runs beside the test; when this returns it has done what it can at once. */
export const start = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Fiber.Fiber<Exit.Exit<A, E>>, never, R> =>
  Effect.tap(Effect.forkChild(Effect.exit(effect), { startImmediately: true }), () => settle)

/** Lets everything run that needs no time to pass. */
export const settle: Effect.Effect<void> = Effect.forEach(Array.from({ length: 60 }), () => Effect.yieldNow, {
  discard: true
})

/** The effect, and when it was done. */
export const timed = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<number, E, R> =>
  Effect.andThen(effect, Clock.currentTimeMillis)

/** A Layer built in a Scope of its own, so that the test says when it closes. */
export const open = <A, E, R>(layer: Layer.Layer<A, E, R>) =>
  Effect.gen(function* () {
    const scope = yield* Scope.fork(yield* Effect.scope)
    const services = yield* Scope.provide(Layer.build(layer), scope)
    return { services, close: Scope.close(scope, Exit.void) }
  })

/** Runs a test under a runtime of its own, whose ledger must balance in the end. */
export const run =
  (options: Ryker.Options = {}) =>
  <A, E, R>(test: Effect.Effect<A, E, R>) =>
    test.pipe(
      Effect.tap(() => assertBalanced),
      Effect.scoped,
      Effect.provide(TestRyker.layer(options))
    )

/** The runtime behind the current `Ryker.layer`. */
export const runtime: Effect.Effect<Runtime, never, Ryker.Ryker> = Effect.map(Ryker.Ryker, runtimeOf)

/** Nothing is left of any actor: no cell, no name, and nothing to do. */
export const assertNothingLeft = Effect.map(runtime, ({ busy, cells, groups, names }) => {
  assert.deepStrictEqual(
    Array.from(cells, ({ address }) => address),
    []
  )
  assert.deepStrictEqual(Array.from(names), [])
  assert.strictEqual(busy, 0)
  for (const group of groups.values()) assert.strictEqual(group.cells.size, 0, group.name)
})

/** The typed failure of an exit; fails the test when there is none. */
export const errorOf = <A, E>(exit: Exit.Exit<A, E>): E => {
  const reason = Exit.isFailure(exit) ? exit.cause.reasons.find(Cause.isFailReason) : undefined
  assert.isDefined(reason, String(exit))
  return reason.error
}

/** The children as `address:status`, in order. */
export const childrenOf = (supervisor: Supervisor.Handle): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(Supervisor.whichChildren(supervisor), (children) =>
    children.map(({ address, status }) => `${address}:${status._tag}`)
  )

export type TreeLayer = Layer.Layer<
  TracedSelf,
  Refused | RykerError.SupervisorStartError | RykerError.StartError | RykerError.InvalidOption,
  Ryker.Ryker
>

/** A supervisor as a child or as the whole tree, with delays that are easy to reckon with. */
export const supervisor = (
  name: string,
  children: ReadonlyArray<Traced | TreeLayer>,
  options: Supervisor.Options = {}
): TreeLayer =>
  Supervisor.layer(name, {
    ...quick,
    ...options,
    children: children.map((child): TreeLayer => ("layer" in child ? child.layer : child))
  })

/** Builds the tree in the test's Scope, and gives the handles of these actors in it. */
export const grow = <Handles extends Record<string, Traced>>(tree: TreeLayer, actors: Handles) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(tree)
    const handles: Record<string, TracedHandle> = {}
    for (const [name, { handle }] of Object.entries(actors)) handles[name] = yield* Effect.provide(handle, context)
    // There is one for each name of the record.
    return handles as { readonly [N in keyof Handles]: TracedHandle }
  })

export const supervisorOf = (name: string) => Effect.map(Supervisor.find(name), Option.getOrThrow)

/** Time passes, from when all has been done that can be done without, until all has been done that follows. */
export const pass = (duration: Duration.Input) =>
  settle.pipe(Effect.andThen(TestClock.adjust(duration)), Effect.andThen(settle))

export const crash = (actor: TracedHandle) => Effect.andThen(actor.tell.Crash(), settle)
