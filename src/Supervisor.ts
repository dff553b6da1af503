/**
 * Supervision trees as Layers: who is started after whom, restarted with whom, and what follows when a
 * child gives up.
 *
 * **Details**
 *
 * - Children start in the order of the list, each after the one before is ready, and stop in reverse.
 * - A child restarts itself, with a backoff and within a restart intensity of its own. The strategy says
 *   which siblings are restarted with it. A whole group is down before anything of it starts.
 * - A child that exceeds its intensity has given up: its supervisor fails with it, is restarted in turn
 *   with all its children, and gives up itself in the end, one level up.
 * - Handles stay valid all the way, and queues are kept, as across any restart.
 *
 * The rules are those of the `supervisor` manual page of Erlang/OTP; the page on semantics lists what
 * differs on purpose.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type * as Actor from "./Actor.ts"
import { Handles, type HandleImpl, implOf } from "./internal/handle.ts"
import { CurrentIncarnation } from "./internal/incarnation.ts"
import { policyOf } from "./internal/options.ts"
import { noMessages } from "./internal/protocol.ts"
import { Ryker, runtimeOf } from "./internal/runtime.ts"
import { Services } from "./internal/services.ts"
import { startScoped, surroundings } from "./internal/start.ts"
import { statusOf } from "./internal/status.ts"
import { Supervision, supervisionOf } from "./internal/supervision.ts"
import { type ChildError, InvalidOption, type StartError, type SupervisorStartError } from "./RykerError.ts"

/**
 * A supervisor's handle. `Actor.status`, `Actor.stop`, `Actor.watch` and `Actor.awaitStopped` take it, too.
 *
 * @category models
 * @since 0.1.0
 */
export interface Handle extends Actor.Any {}

/**
 * How a supervisor works.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<Children extends ReadonlyArray<Layer.Any> = ReadonlyArray<Layer.Any>> {
  /**
   * Which children are restarted when one fails: `"one-for-one"`, only it; `"one-for-all"`, all;
   * `"rest-for-one"`, it and those after it. Default `"one-for-one"`.
   */
  readonly strategy?: "one-for-one" | "one-for-all" | "rest-for-one" | undefined
  /**
   * The Layers of actors, keyed families, routers and further supervisors, in the order of starting.
   * What a child's Layer is provided with may hold actors, too: they are children that start before it.
   */
  readonly children?: Children | undefined
  /**
   * What follows when a child exceeds its restart intensity: `"escalate"`, the supervisor fails with it;
   * `"isolate"`, the child stays stopped and the others go on. Default `"escalate"`.
   */
  readonly onExhausted?: "escalate" | "isolate" | undefined
  /**
   * Whether the supervisor ends itself when significant children have ended by themselves: `"never"`,
   * with the first (`"any"`), or with the last (`"all"`). Default `"never"`.
   */
  readonly autoShutdown?: "never" | "any" | "all" | undefined
  /**
   * When the supervisor itself is restarted, as `restart` of `Actor.Options`. Default `"permanent"`; with
   * `autoShutdown` `"transient"`, so that it is not restarted after that.
   */
  readonly restart?: "permanent" | "transient" | "temporary" | undefined
  /** Whether its end by itself may end its own supervisor. Default false. */
  readonly significant?: boolean | undefined
  /** How long it waits before it restarts after a child gave up; as `backoff` of `Actor.Options`. */
  readonly backoff?: Actor.Options["backoff"]
  /** How often it may be restarted itself; as `intensity` of `Actor.Options`. Children have one of their own each. */
  readonly intensity?: Actor.Options["intensity"]
  /**
   * How long it may take to stop all its children; each has its own `shutdown` within it. Default is the
   * `drainDeadline` of the runtime, 10 seconds.
   */
  readonly shutdown?: Duration.Input | undefined
}

/**
 * What the Layer of a supervisor is, with these children.
 *
 * @category models
 * @since 0.1.0
 */
export type LayerOf<Own, Children extends ReadonlyArray<Layer.Any>> = Layer.Layer<
  Own | Layer.Success<Children[number]>,
  SupervisorStartError | StartError | InvalidOption,
  Ryker | Layer.Services<Children[number]>
>

/**
 * A child of a supervisor, as {@link whichChildren} lists it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Child {
  readonly address: string
  readonly kind: "actor" | "supervisor" | "family"
  readonly restart: "permanent" | "transient" | "temporary"
  readonly significant: boolean
  readonly status: Actor.Status
}

/**
 * How many children a supervisor has, see {@link countChildren}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Counts {
  /** All in the list, whether they run or not. */
  readonly specs: number
  /** Those that have not ended. */
  readonly active: number
  /** Those that are supervisors, whether they run or not. */
  readonly supervisors: number
  /** The others, whether they run or not. */
  readonly workers: number
}

// --- Constructors -------------------------------------------------------------------------------------------------------

const handles = new Handles(noMessages)

/**
 * A supervisor with its children as one Layer: it gives the handles of all of them.
 *
 * **Details**
 *
 * The Layer is ready when all children are. If one does not start, those that were started are stopped,
 * in reverse, and the Layer fails with `SupervisorStartError { child, cause }`; that is not a restart,
 * and nothing is tried again. It fails with `InvalidOption` for an option out of its range, and with
 * `StartError` if the name is taken or the runtime drains.
 *
 * Of a child's Layer only what an actor's `build` does runs again at a restart. So what must be new
 * after a restart belongs there, not into a Layer below.
 *
 * A supervisor directly under `Ryker.layer` that gives up is a failure of the root, see `Ryker.awaitFailure`.
 *
 * **Gotchas**
 *
 * A child's Layer may be provided elsewhere as well: it is the same actor. But it must be the supervisor
 * that starts it, so provide it after the supervisor, or better not at all: the supervisor's Layer gives
 * the handle. Otherwise the start fails (`"NotSupervised"`).
 *
 * **Example** (Two actors that live and die together)
 *
 * ```ts
 * import { Effect, Layer, Schema } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Ryker, Supervisor } from "ryker"
 *
 * class Store extends Actor.Service<Store>()("Store", [
 *   Rpc.make("Put", { payload: { value: Schema.Int } }),
 *   Rpc.make("Sum", { success: Schema.Int })
 * ]) {}
 *
 * class Cache extends Actor.Service<Cache>()("Cache", [Rpc.make("Sum", { success: Schema.Int })]) {}
 *
 * const StoreLayer = Store.toLayer(Effect.sync(() => {
 *   let sum = 0
 *   return Store.of({
 *     Put: ({ value }) => Effect.sync(() => { sum += value }),
 *     Sum: () => Effect.sync(() => sum)
 *   })
 * }))
 *
 * const CacheLayer = Cache.toLayer(Effect.gen(function*() {
 *   const store = yield* Store
 *   return { Sum: () => Effect.orDie(store.ask.Sum()) }
 * }))
 *
 * // The cache knows what the store said: when the store is restarted, so is the cache.
 * const Bank = Supervisor.layer("Bank", {
 *   strategy: "rest-for-one",
 *   children: [StoreLayer, CacheLayer.pipe(Layer.provide(StoreLayer))]
 * })
 *
 * const program = Effect.gen(function*() {
 *   const store = yield* Store
 *   yield* store.ask.Put({ value: 7 })
 *   console.log(yield* (yield* Cache).ask.Sum()) // => 7
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(Bank), Effect.provide(Ryker.layer)))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <const Children extends ReadonlyArray<Layer.Any> = readonly []>(
  name: string,
  options: Options<Children> = {}
): LayerOf<never, Children> => makeLayer<never, Children>(name, options, () => Context.empty())

/**
 * The definition of a supervisor that others reach by a service.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServiceClass<Self, Name extends string> extends Context.Key<Self, Handle> {
  new (_: never): Context.ServiceClass.Shape<`ryker/Supervisor/${Name}`, Handle>
  /** The supervisor as a Layer, as {@link layer} makes it, which also gives its own handle. */
  readonly toLayer: <const Children extends ReadonlyArray<Layer.Any> = readonly []>(
    options?: Options<Children>
  ) => LayerOf<Self, Children>
}

/**
 * Defines a supervisor that others can reach, to start and stop children while the program runs.
 *
 * **Example** (A pool that grows)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Ryker, Supervisor } from "ryker"
 *
 * class Worker extends Actor.Service<Worker>()("Worker", [Rpc.make("Work")]) {}
 * class Pool extends Supervisor.Service<Pool>()("Pool") {}
 *
 * const program = Effect.gen(function*() {
 *   const pool = yield* Pool
 *   const worker = yield* Supervisor.startChild(pool, Actor.spawn(Worker, { Work: () => Effect.void }))
 *   yield* worker.ask.Work()
 *   const { active } = yield* Supervisor.countChildren(pool)
 *   console.log(worker.address, active) // => Worker#1 1
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(Pool.toLayer()), Effect.provide(Ryker.layer)))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const Service =
  <Self>() =>
  <const Name extends string>(name: Name): ServiceClass<Self, Name> => {
    const key = Context.Service<Self, Handle>()(`ryker/Supervisor/${name}`)
    return Object.assign(key, {
      toLayer: <const Children extends ReadonlyArray<Layer.Any>>(options: Options<Children> = {}) =>
        makeLayer<Self, Children>(name, options, (handle) => Context.make(key, handle))
    })
  }

const makeLayer = <Own, Children extends ReadonlyArray<Layer.Any>>(
  name: string,
  options: Options<Children>,
  serve: (handle: Handle) => Context.Context<Own>
): LayerOf<Own, Children> =>
  Layer.fromBuildMemo((memoMap, scope) =>
    Effect.gen(function* () {
      const runtime = runtimeOf(yield* Ryker)
      yield* checkOptions(name, options)
      const { autoShutdown = "never", onExhausted = "escalate", strategy = "one-for-one" } = options
      const policy = yield* policyOf(
        name,
        {
          restart: options.restart ?? (autoShutdown === "never" ? "permanent" : "transient"),
          backoff: options.backoff,
          intensity: options.intensity,
          shutdown: options.shutdown ?? runtime.settings.drainDeadline,
          significant: options.significant
        },
        runtime,
        // Its start takes as long as those of its children, each of which has a limit.
        { startTimeout: Number.POSITIVE_INFINITY }
      )
      // Below the supervisor's own Scope, so that the supervisor stops its children before their Layers close.
      const held = yield* Scope.fork(scope)
      let services: Context.Context<never> = Context.empty()
      const layers = (options.children ?? []).map((child) =>
        Effect.map(
          // The types of `Children` say what each gives and needs; here they are all alike.
          Layer.buildWithMemoMap(child as Layer.Layer<never, unknown>, memoMap, held),
          (built) => {
            services = Context.merge(services, built)
          }
        )
      )
      const context = yield* surroundings
      const supervision = new Supervision({ runtime, strategy, onExhausted, autoShutdown, layers, scope: held })
      const cell = yield* Scope.provide(
        startScoped(
          {
            runtime,
            // It has no messages, so the ledger does not list it.
            group: runtime.supervisorGroup(name),
            protocol: noMessages,
            settings: policy.now(),
            kind: "supervisor",
            context,
            services: new Services(context),
            isVital: true,
            release: (reason) => supervision.release(reason),
            onStopAsked: () => supervision.stopAsked(),
            onForgotten: () => supervision.forgotten()
          },
          {
            address: name,
            build: Effect.flatMap(CurrentIncarnation, (incarnation) => supervision.start(incarnation!.cell))
          }
        ),
        scope
      )
      return Context.merge(services, serve(handles.make(name, cell)))
    })
  ) as unknown as LayerOf<Own, Children> // The children's types are known to `Options`, not to the run loop.

const checkOptions = (owner: string, options: Options): Effect.Effect<void, InvalidOption> => {
  const wrong = (option: string, value: string, rule: string) =>
    Effect.fail(new InvalidOption({ owner, option, value, rule }))
  const choices = [
    ["strategy", options.strategy, ["one-for-one", "one-for-all", "rest-for-one"]],
    ["onExhausted", options.onExhausted, ["escalate", "isolate"]],
    ["autoShutdown", options.autoShutdown, ["never", "any", "all"]]
  ] as const
  for (const [option, value, allowed] of choices) {
    // For callers that the compiler does not see.
    if (value !== undefined && !(allowed as ReadonlyArray<string>).includes(value)) {
      return wrong(option, `"${value}"`, `one of ${allowed.join(", ")}`)
    }
  }
  return Effect.void
}

// --- Children that come and go ------------------------------------------------------------------------------------------

const supervisionIn = (handle: Handle): Supervision => {
  // A supervisor's handle points to one cell, and the cell has its supervision from the first start on.
  const [cell] = (implOf(handle) satisfies HandleImpl).target.cells()
  const supervision = cell === undefined ? undefined : supervisionOf(cell)
  if (supervision === undefined) throw new TypeError(`"${handle.address}" is no supervisor: give a Supervisor.Handle`)
  return supervision
}

/**
 * Starts children while the supervisor runs: the actors that the effect starts are its children from
 * then on, the last in order.
 *
 * **Details**
 *
 * - The effect is `Actor.spawn(...)`, or `Layer.build(...)` of a Layer of actors or supervisors. The Scope that it needs
 *   is the children's.
 * - If it fails, or is interrupted, what it had started is stopped, and nothing is added.
 * - Such a child is restarted like any other. But it does not outlive its supervisor's incarnation: when
 *   the supervisor is restarted, only the children of `Supervisor.Options` come back, as in OTP.
 * - Fails with `ChildError`: `"NotRunning"` while the supervisor does not run, and `"NotSupervised"` if the effect started
 *   nothing for it, as with a Layer that was built elsewhere before.
 *
 * @see {@link Service} for an example
 *
 * @category children
 * @since 0.1.0
 */
export const startChild = <A, E, R>(
  supervisor: Handle,
  start: Effect.Effect<A, E, R>
): Effect.Effect<A, E | ChildError, Exclude<R, Scope.Scope>> =>
  Effect.suspend(() => supervisionIn(supervisor).startChild(start))

/**
 * Stops a child and waits until it has stopped: within its `shutdown`, it works off what is queued.
 *
 * **Details**
 *
 * It stays in the list, for {@link restartChild} and {@link deleteChild}, unless it is temporary. Nothing restarts it but that and a
 * restart of the supervisor itself. Stopping one that has stopped does nothing. Fails with
 * `ChildError { reason: "NotFound" }`.
 *
 * @category children
 * @since 0.1.0
 */
export const terminateChild = (supervisor: Handle, address: string): Effect.Effect<void, ChildError> =>
  Effect.suspend(() => supervisionIn(supervisor).terminateChild(address))

/**
 * Starts a child anew that has ended, and waits until it is ready: the same handles lead to it, with an empty mailbox and a new restart
 * intensity.
 *
 * **Details**
 *
 * Fails with `ChildError`: `"NotFound"`, `"Running"`, `"Restarting"`, or `"NotRunning"` while the supervisor
 * does not run; and with `SupervisorStartError` if the start fails: then the child stays as it was.
 *
 * @category children
 * @since 0.1.0
 */
export const restartChild = (
  supervisor: Handle,
  address: string
): Effect.Effect<void, ChildError | SupervisorStartError> =>
  Effect.suspend(() => supervisionIn(supervisor).restartChild(address))

/**
 * Takes a child that has ended from the list.
 *
 * **Details**
 *
 * A child of `Supervisor.Options` comes back when the supervisor itself is restarted. Fails with
 * `ChildError`: `"NotFound"`, `"Running"`, or `"Restarting"`.
 *
 * @category children
 * @since 0.1.0
 */
export const deleteChild = (supervisor: Handle, address: string): Effect.Effect<void, ChildError> =>
  Effect.suspend(() => supervisionIn(supervisor).deleteChild(address))

/**
 * The children in the order of starting, also those that have ended and are in the list still.
 *
 * @category children
 * @since 0.1.0
 */
export const whichChildren = (supervisor: Handle): Effect.Effect<ReadonlyArray<Child>> =>
  Effect.sync(() =>
    supervisionIn(supervisor).cells.map((cell) => ({
      address: cell.address,
      kind: cell.options.kind,
      restart: cell.settings.restart,
      significant: cell.settings.significant,
      status: statusOf(cell)
    }))
  )

/**
 * How many children there are, as `count_children` of OTP counts them.
 *
 * @category children
 * @since 0.1.0
 */
export const countChildren = (supervisor: Handle): Effect.Effect<Counts> =>
  Effect.sync(() => {
    const { cells } = supervisionIn(supervisor)
    const supervisors = cells.filter(({ options }) => options.kind === "supervisor").length
    return {
      specs: cells.length,
      active: cells.filter(({ phase }) => phase !== "Stopped").length,
      supervisors,
      workers: cells.length - supervisors
    }
  })

/**
 * The supervisor of this name, if one is running or may be restarted.
 *
 * **When to use**
 *
 * For operators and tools. A program that starts children defines its supervisor with {@link Service}.
 *
 * @category getters
 * @since 0.1.0
 */
export const find = (name: string): Effect.Effect<Option.Option<Handle>, never, Ryker> =>
  Effect.map(Ryker, (service) => {
    for (const cell of runtimeOf(service).cells) {
      if (cell.options.kind === "supervisor" && cell.address === name) return Option.some(handles.make(name, cell))
    }
    return Option.none()
  })
