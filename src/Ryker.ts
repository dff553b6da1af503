/**
 * The runtime of actors as a Layer: their registry, timers and settings, the drain, and the ledger.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { DeadLetter } from "./DeadLetter.ts"
import { flatten } from "./internal/configSchema.ts"
import { checkRules } from "./internal/configSources.ts"
import { type ActorOptions, checkInt, checkMillis, ownKeys, resolveActor } from "./internal/options.ts"
import * as Reload from "./internal/reload.ts"
import { emit, logSettings } from "./internal/report.ts"
import * as Internal from "./internal/runtime.ts"
import { defaults, logLevels, type RuntimeSettings, spanLevels } from "./internal/settings.ts"
import { type ActorDrained, drain as drainRuntime, drainedSince } from "./internal/stopping.ts"
import * as Tracing from "./internal/tracing.ts"
import * as Deadline from "./Deadline.ts"
import type * as Ledger from "./Ledger.ts"
import * as RykerConfig from "./RykerConfig.ts"
import { type InvalidConfig, InvalidOption, type RootFailure } from "./RykerError.ts"
import type { RykerEvent } from "./RykerEvent.ts"

/**
 * The runtime's service: every actor Layer needs it. One per application.
 *
 * @category services
 * @since 0.1.0
 */
export const Ryker = Internal.Ryker

/**
 * The type of the {@link Ryker} service's identifier.
 *
 * @category services
 * @since 0.1.0
 */
export type Ryker = Internal.Ryker

/**
 * Options of {@link layerWith}. Whatever is left out has its default.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** What actors go by that say nothing else, see `Actor.Options`. */
  readonly defaults?: ActorOptions | undefined
  readonly fairness?:
    | {
        /** Messages that an actor handles in one turn while others wait: a whole number of at least 1. Default 32. */
        readonly batchMessages?: number | undefined
        /** Messages after which an actor lets timers and sockets go first: at least `batchMessages`. Default 64. */
        readonly yieldEvery?: number | undefined
      }
    | undefined
  /** What is measured and traced, see `RykerMetrics` and `docs/traces.md`. */
  readonly observability?:
    | {
        /** Whether metrics are kept. Default true. */
        readonly metrics?: boolean | undefined
        /** Whether the depth of mailboxes is measured. Default true. */
        readonly queueDepth?: boolean | undefined
        /** Down to which level spans are made. Default `"info"`. */
        readonly spanLevel?: "off" | "error" | "warn" | "info" | "debug" | "trace" | undefined
        /**
         * Down to which level ryker's own log lines are written, whatever the program's level is. Default `"inherit"`:
         * the program's level decides.
         */
        readonly logLevel?: "inherit" | "off" | "fatal" | "error" | "warn" | "info" | "debug" | "trace" | undefined
      }
    | undefined
  /** How long the drain at the closing of the Layer may take in all. Default 10 seconds. */
  readonly drainDeadline?: Duration.Input | undefined
}

/**
 * What a drain did, see {@link drain}.
 *
 * @category models
 * @since 0.1.0
 */
export interface DrainReport {
  /** `"complete"` when all that was accepted was handled; `"incomplete"` when any failed, was dropped or abandoned. */
  readonly outcome: "complete" | "incomplete"
  /** How long it took, in milliseconds. */
  readonly millis: number
  /** One entry for each definition that had an actor. */
  readonly actors: ReadonlyArray<ActorReport>
}

/**
 * What a drain did with the messages of one definition.
 *
 * @category models
 * @since 0.1.0
 */
export interface ActorReport extends ActorDrained {
  /** The definition's name. */
  readonly actor: string
  /** Handled during the drain. */
  readonly handled: number
  /** Begun and not brought to an end: crashed, timed out or interrupted. */
  readonly failed: number
  /** Never begun. */
  readonly dropped: number
  /** Handlers that cannot be interrupted and still ran when the time was over. */
  readonly abandoned: number
}

/** The end of a shutdown: its actors' Layers have mostly been closed before, so the report reaches back to the first. */
const closeRuntime = (runtime: Internal.Runtime): Effect.Effect<void> =>
  runtime.closing.during(Infinity, (at) =>
    Effect.gen(function* () {
      const { since } = runtime.closing
      // Who has asked for a drain before tells of it.
      const isTold = runtime.draining !== undefined
      const draining = Effect.map(drainRuntime(runtime, at), () => reportSince(runtime, since.at, since.books))
      // An end that lost nothing is nothing to write home about.
      if (isTold) yield* draining
      else yield* report(runtime, yield* traced(runtime, at - runtime.timers.now(), draining), "Debug")
      runtime.metrics.close()
      runtime.timers.shutdown()
      runtime.events.end()
      runtime.deadLetters.end()
    })
  )

/** The drain with its span. */
const traced = (
  runtime: Internal.Runtime,
  limit: number,
  draining: Effect.Effect<DrainReport>
): Effect.Effect<DrainReport> => {
  const deadline = Number.isFinite(limit) ? Math.round(limit) : undefined
  return Tracing.within(runtime, "ryker.drain", { deadline_ms: deadline }, draining, (exit) =>
    Exit.isSuccess(exit) ? { outcome: exit.value.outcome, ...sums(exit.value) } : { outcome: "interrupted" }
  )
}

/** What became of the messages of all definitions together. */
const sums = ({ actors }: DrainReport) => {
  const sum = (key: "handled" | "failed" | "dropped" | "abandoned") => actors.reduce((n, actor) => n + actor[key], 0)
  return { handled: sum("handled"), failed: sum("failed"), dropped: sum("dropped"), abandoned: sum("abandoned") }
}

const reportSince = (
  runtime: Internal.Runtime,
  startedAt: number,
  before: ReadonlyArray<Ledger.Entry>
): DrainReport => {
  const actors = drainedSince(before, runtime.ledger)
  const isComplete = actors.every(({ abandoned, dropped, failed }) => failed + dropped + abandoned === 0)
  return {
    outcome: isComplete ? "complete" : "incomplete",
    millis: runtime.timers.now() - startedAt,
    actors
  }
}

/** Reports the end of a drain: at `level`, or as a warning when anything was lost. */
const report = (runtime: Internal.Runtime, result: DrainReport, level: "Info" | "Debug"): Effect.Effect<void> => {
  const { millis, outcome } = result
  runtime.metrics.drained(outcome, millis)
  const event = { _tag: "DrainFinished", actor: "ryker", outcome, elapsed: millis, ...sums(result) } as const
  return emit(runtime, event, outcome === "complete" ? level : "Warn")
}

/**
 * The runtime with options of your own.
 *
 * **Details**
 *
 * Fails with `InvalidOption` when an option is out of its range.
 *
 * **Example** (Smaller mailboxes for all actors)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { Ryker } from "ryker"
 *
 * const RykerLayer = Ryker.layerWith({ defaults: { capacity: 0 } })
 *
 * const error = await Effect.runPromise(Effect.flip(Effect.scoped(Layer.build(RykerLayer))))
 * console.log(error.message) // => "Ryker": capacity is 0, but must be a whole number from 1 to 1048576
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWith = (options: Options): Layer.Layer<Ryker, InvalidOption> =>
  Layer.effect(Ryker, start(options, { config: RykerConfig.defaults, origins: defaultOrigins }))

const defaultOrigins: Readonly<Record<string, RykerConfig.Origin>> = Object.fromEntries(
  RykerConfig.keys.map(({ key }) => [key, { source: "default", name: "" }])
)

/** Starts a runtime with options over settings that were read. */
const start = Effect.fnUntraced(function* (
  options: ConfigOptions,
  read: Pick<RykerConfig.Resolved, "config" | "origins">
): Effect.fn.Return<Ryker["Service"], InvalidOption, Scope.Scope> {
  const base = Reload.settingsOf(read.config, defaults, false)
  const settings = yield* resolveRuntime(options, base)
  const config = Reload.configOf(settings, read.config)
  const own = new Set(ownKeys(options.defaults ?? {}))
  if (options.fairness?.batchMessages !== undefined) own.add("fairness.batch_messages")
  if (options.fairness?.yieldEvery !== undefined) own.add("fairness.yield_every_n_msgs")
  for (const [name, key] of observabilityKeys) if (options.observability?.[name] !== undefined) own.add(key)
  const builder: RykerConfig.Origin = { source: "builder", name: "builder" }
  const values = flatten(config)
  const snapshot = {
    version: 1,
    config,
    origins: { ...read.origins, ...Object.fromEntries(Array.from(own, (key) => [key, builder])) },
    source: "start",
    refused: 0
  }
  const context = yield* Effect.context()
  const runtime = yield* Effect.acquireRelease(
    Effect.sync(
      () =>
        new Internal.Runtime(
          {
            settings,
            snapshot,
            pinned: Object.fromEntries(Array.from(own, (key) => [key, values[key]])),
            ownsStash: options.defaults?.stash !== undefined,
            file: options.file
          },
          context
        )
    ),
    closeRuntime
  )
  yield* Reload.reportApplied(runtime, RykerConfig.diff(RykerConfig.defaults, config))
  return runtime
})

/** For callers that the compiler does not see. */
const checkChoice = <A extends string>(
  name: string,
  value: A,
  choices: ReadonlyArray<A>
): Effect.Effect<A, InvalidOption> =>
  choices.includes(value)
    ? Effect.succeed(value)
    : Effect.fail(
        new InvalidOption({
          owner: "Ryker",
          option: `observability.${name}`,
          value: JSON.stringify(value),
          rule: `one of ${choices.join(", ")}`
        })
      )

const observabilityKeys = [
  ["metrics", "observability.enable_metrics"],
  ["queueDepth", "observability.queue_depth_sampling"],
  ["spanLevel", "observability.span_level"],
  ["logLevel", "observability.log_level"]
] as const

const resolveRuntime = Effect.fnUntraced(function* (
  { defaults, drainDeadline, fairness, observability }: Options,
  base: RuntimeSettings
): Effect.fn.Return<RuntimeSettings, InvalidOption> {
  const owner = "Ryker"
  const batchMessages = yield* checkInt(
    owner,
    "fairness.batchMessages",
    fairness?.batchMessages ?? base.batchMessages,
    1,
    1_000_000
  )
  const spanLevel = yield* checkChoice(
    "spanLevel",
    observability?.spanLevel ?? base.observability.spanLevel,
    spanLevels
  )
  const logLevel = yield* checkChoice("logLevel", observability?.logLevel ?? base.observability.logLevel, logLevels)
  return {
    actor: yield* resolveActor(owner, defaults ?? {}, base.actor),
    observability: {
      metrics: observability?.metrics ?? base.observability.metrics,
      queueDepth: observability?.queueDepth ?? base.observability.queueDepth,
      spanLevel,
      logLevel
    },
    batchMessages,
    yieldEvery: yield* checkInt(
      owner,
      "fairness.yieldEvery",
      // The default gives way to a larger batch; a value that was asked for does not.
      fairness?.yieldEvery ?? Math.max(batchMessages, base.yieldEvery),
      batchMessages,
      1_000_000
    ),
    drainDeadline: yield* checkMillis(
      owner,
      "drainDeadline",
      drainDeadline ?? base.drainDeadline,
      0,
      Number.POSITIVE_INFINITY
    )
  }
})

/**
 * Options of {@link layerConfig}.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConfigOptions extends Options {
  /** The path of a file of settings. Default: `RYKER_CONFIG_PATH` of the environment, if it is set. */
  readonly file?: string | undefined
}

/**
 * The runtime with settings from the environment and a file, below options of your own.
 *
 * **When to use**
 *
 * In a service that others operate. With {@link layerWith} and {@link layer} the program alone decides.
 *
 * **Details**
 *
 * The sources are those of `RykerConfig.load`; the options are its builder. Fails with `InvalidConfig`,
 * which has all problems at once, and with `InvalidOption` for an option out of its range. Names that are
 * deprecated are logged as warnings. The first settings are reported like those of a reload (`config_applied`).
 *
 * **Example** (A deadline from the environment)
 *
 * ```ts
 * import { ConfigProvider, Effect, Logger } from "effect"
 * import { Ryker } from "ryker"
 *
 * const program = Effect.gen(function*() {
 *   const { config, version } = yield* Ryker.config
 *   console.log(version, config.defaults.deadline) // => 1 250
 * })
 *
 * await Effect.runPromise(program.pipe(
 *   Effect.provide(Ryker.layerConfig()),
 *   Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: { RYKER_DEFAULT_DEADLINE: "250ms" } }))),
 *   Effect.provide(Logger.layer([]))
 * ))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (options: ConfigOptions = {}): Layer.Layer<Ryker, InvalidConfig | InvalidOption> =>
  Layer.effect(
    Ryker,
    Effect.gen(function* () {
      const read = yield* RykerConfig.load({ file: options.file })
      const enabled = options.defaults?.amnesia ?? read.config.amnesia.enabled
      yield* checkRules({ ...read, config: { ...read.config, amnesia: { ...read.config.amnesia, enabled } } })
      for (const warning of read.warnings) {
        yield* logSettings(read.config.observability.log_level, "Warn", "config_deprecated", warning)
      }
      return yield* start(options, read)
    })
  )

/**
 * The runtime with its defaults.
 *
 * **Details**
 *
 * When it closes, it drains all actors that are still alive within 10 seconds in all, see {@link drain}.
 *
 * **Example** (An application without actors)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Ryker } from "ryker"
 *
 * const program = Effect.map(Ryker.ledger, (entries) => entries.length)
 *
 * console.log(await Effect.runPromise(program.pipe(Effect.provide(Ryker.layer)))) // => 0
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Ryker> = Layer.orDie(layerWith({}))

/**
 * Stops taking messages in, lets what was accepted run until the deadline, stops all actors, and
 * reports what became of the messages.
 *
 * **Details**
 *
 * - From the first step on, messages from outside fail with `Stopped { reason: "Draining" }`.
 *   Messages that handlers send go through, as the work in hand may need them.
 * - Actors that crash during the drain are restarted as always, for as long as there is time.
 * - At the deadline the handlers in hand are interrupted, what is queued is dropped
 *   (`reason: "shutdown"`), and Scopes are closed, the last started actor first. Nothing waits for a
 *   handler or a finalizer that cannot be interrupted: the handler counts as abandoned, and the log
 *   names the actor whose Scope was (`scope_abandoned`).
 * - The runtime does not come back: actors started later fail with `StartError`.
 * - A deadline of zero stops everything at once.
 *
 * **Example** (Draining before the program ends)
 *
 * ```ts
 * import { Effect, Logger } from "effect"
 * import { Ryker } from "ryker"
 *
 * const program = Effect.gen(function*() {
 *   const report = yield* Ryker.drain("5 seconds")
 *   console.log(report.outcome) // => complete
 * })
 *
 * // Without the log line that every drain writes.
 * const Quiet = Logger.layer([])
 *
 * await Effect.runPromise(program.pipe(Effect.provide(Ryker.layer), Effect.provide(Quiet)))
 * ```
 *
 * @category draining
 * @since 0.1.0
 */
export const drain = (deadline: Duration.Input): Effect.Effect<DrainReport, never, Ryker> =>
  Effect.gen(function* () {
    const runtime = Internal.runtimeOf(yield* Ryker)
    const startedAt = runtime.timers.now()
    const before = runtime.ledger
    const at = Deadline.after(startedAt, deadline)
    const limit = at - startedAt
    const started = { _tag: "DrainStarted", actor: "ryker" } as const
    yield* emit(runtime, Number.isFinite(limit) ? { ...started, limit } : started)
    // The report, too, has a fiber of its own: the drain ends whether or not anybody waits for it still.
    const finishing = Effect.gen(function* () {
      yield* drainRuntime(runtime, at)
      const result = reportSince(runtime, startedAt, before)
      yield* report(runtime, result, "Info")
      return result
    }).pipe((effect) => traced(runtime, limit, effect))
    return yield* Fiber.join(yield* Effect.forkDetach(finishing, { startImmediately: true }))
  })

/**
 * What became of every message, by definition, see `Ledger`.
 *
 * @category getters
 * @since 0.1.0
 */
export const ledger: Effect.Effect<ReadonlyArray<Ledger.Entry>, never, Ryker> = Effect.map(
  Ryker,
  (service) => Internal.runtimeOf(service).ledger
)

/**
 * The events of actors and supervisors, from the moment on when the stream is run.
 *
 * **Details**
 *
 * Nothing waits for a subscriber: one that is more than 256 events behind loses the oldest, which is
 * counted in {@link missed}. The stream ends when the runtime's Layer closes.
 *
 * **Example** (Printing what happens)
 *
 * ```ts
 * import { Effect, Fiber, Logger, Stream } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Ryker } from "ryker"
 *
 * class Echo extends Actor.Service<Echo>()("Echo", [Rpc.make("Ping")]) {}
 *
 * const program = Effect.gen(function*() {
 *   const echo = yield* Echo
 *   const fiber = yield* Ryker.events.pipe(
 *     Stream.take(2),
 *     Stream.runForEach(({ _tag, actor }) => Effect.sync(() => console.log(_tag, actor))),
 *     Effect.forkChild({ startImmediately: true })
 *   )
 *   yield* Actor.suspend(echo)
 *   yield* Actor.resume(echo)
 *   yield* Fiber.join(fiber)
 *   // => ActorSuspended Echo
 *   // => ActorResumed Echo
 * })
 *
 * await Effect.runPromise(program.pipe(
 *   Effect.provide(Echo.toLayer({ Ping: () => Effect.void })),
 *   Effect.provide(Ryker.layer),
 *   Effect.provide(Logger.layer([]))
 * ))
 * ```
 *
 * @category streams
 * @since 0.1.0
 */
export const events: Stream.Stream<RykerEvent, never, Ryker> = Stream.unwrap(
  Effect.map(Ryker, (service) => Internal.runtimeOf(service).events.stream)
)

/**
 * The messages that actors accepted and did not handle, from the moment on when the stream is run.
 *
 * **Details**
 *
 * Nothing waits for a subscriber: one that is more than 256 letters behind loses the oldest, which is
 * counted in {@link missed}. The ledger counts every dead letter by actor and reason all the same. The
 * stream ends when the runtime's Layer closes.
 *
 * **Example** (Learning what became of a tell)
 *
 * ```ts
 * import { Effect, Fiber, Logger, Stream } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Ryker } from "ryker"
 *
 * class Echo extends Actor.Service<Echo>()("Echo", [Rpc.make("Ping")]) {}
 *
 * const program = Effect.gen(function*() {
 *   const echo = yield* Echo
 *   const fiber = yield* Ryker.deadLetters.pipe(
 *     Stream.take(1),
 *     Stream.runForEach(({ actor, kind, reason, request }) =>
 *       Effect.sync(() => console.log(actor, kind, request, reason))
 *     ),
 *     Effect.forkChild({ startImmediately: true })
 *   )
 *   yield* Actor.suspend(echo)
 *   yield* echo.tell.Ping()
 *   yield* Actor.stop(echo, { deadline: 0 })
 *   yield* Fiber.join(fiber) // => Echo tell Ping shutdown
 * })
 *
 * await Effect.runPromise(program.pipe(
 *   Effect.provide(Echo.toLayer({ Ping: () => Effect.void })),
 *   Effect.provide(Ryker.layer),
 *   Effect.provide(Logger.layer([]))
 * ))
 * ```
 *
 * @category streams
 * @since 0.1.0
 */
export const deadLetters: Stream.Stream<DeadLetter, never, Ryker> = Stream.unwrap(
  Effect.map(Ryker, (service) => Internal.runtimeOf(service).deadLetters.stream)
)

/**
 * How many elements the subscribers of {@link events} and {@link deadLetters} have lost, as they read too slowly.
 *
 * @category streams
 * @since 0.1.0
 */
export const missed: Effect.Effect<{ readonly events: number; readonly deadLetters: number }, never, Ryker> =
  Effect.map(Ryker, (service) => {
    const { deadLetters, events } = Internal.runtimeOf(service)
    return { events: events.missed, deadLetters: deadLetters.missed }
  })

/**
 * Waits until something at the top has given up, and fails with it.
 *
 * **When to use**
 *
 * In a host that does more than run Layers: race it with the rest. With `Layer.launch` use
 * {@link layerAwaitFailure}.
 *
 * **Details**
 *
 * What is at the top is an actor's Layer or a supervisor that is no other supervisor's child. It gives
 * up when its restart intensity is exceeded. The rest of the application is left as it is: what follows
 * is the host's decision. Actors that were spawned, and keyed ones, never count. Of several failures it gives the first.
 *
 * **Example** (Ending with the failure)
 *
 * ```ts
 * import { Effect, Logger } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Ryker } from "ryker"
 *
 * class Fragile extends Actor.Service<Fragile>()("Fragile", [Rpc.make("Break")]) {}
 *
 * const FragileLayer = Fragile.toLayer({ Break: () => Effect.die("broken") }, { intensity: { restarts: 0 } })
 *
 * const program = Effect.gen(function*() {
 *   const fragile = yield* Fragile
 *   yield* fragile.tell.Break()
 *   const failure = yield* Effect.flip(Ryker.awaitFailure)
 *   console.log(failure._tag, failure.actor) // => RootFailure Fragile
 * })
 *
 * await Effect.runPromise(program.pipe(
 *   Effect.provide(FragileLayer),
 *   Effect.provide(Ryker.layer),
 *   Effect.provide(Logger.layer([]))
 * ))
 * ```
 *
 * @category failing
 * @since 0.1.0
 */
export const awaitFailure: Effect.Effect<never, RootFailure, Ryker> = Effect.flatMap(Ryker, (service) =>
  Deferred.await(Internal.runtimeOf(service).failure)
)

/**
 * {@link awaitFailure} as a Layer, which is never ready and fails when something at the top gives up.
 *
 * **When to use**
 *
 * In an application that is a Layer: launch this one on top of it. `Layer.launch` then fails, all
 * Layers close, and `NodeRuntime.runMain` ends the process with exit code 1. The log has one line of
 * it, `root_failed`: `runMain` does not log the same again.
 *
 * **Example** (An application that ends when it cannot go on)
 *
 * ```ts
 * import { Effect, Layer, Logger } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Ryker } from "ryker"
 *
 * class Fragile extends Actor.Service<Fragile>()("Fragile", [Rpc.make("Break")]) {}
 *
 * const App = Fragile.toLayer(
 *   Effect.gen(function*() {
 *     const fragile = yield* Fragile
 *     yield* fragile.tell.Break()
 *     return { Break: () => Effect.die("broken") }
 *   }),
 *   { intensity: { restarts: 0 } }
 * )
 *
 * const main = Ryker.layerAwaitFailure.pipe(
 *   Layer.provide(App),
 *   Layer.provide(Ryker.layer),
 *   Layer.provide(Logger.layer([])),
 *   Layer.launch
 * )
 *
 * // With @effect/platform-node: NodeRuntime.runMain(main)
 * const failure = await Effect.runPromise(Effect.flip(main))
 * console.log(failure._tag) // => RootFailure
 * ```
 *
 * @category failing
 * @since 0.1.0
 */
export const layerAwaitFailure: Layer.Layer<never, RootFailure, Ryker> = Layer.effectDiscard(awaitFailure)

/**
 * The settings that hold.
 *
 * @category models
 * @since 0.1.0
 */
export type Snapshot = Reload.Snapshot

/**
 * What a reload would do, or has done, see {@link plan}.
 *
 * @category models
 * @since 0.1.0
 */
export type ReloadPlan = Reload.ReloadPlan

/**
 * Settings to be: what `RykerConfig.load` has read, or single values over those that hold.
 *
 * @category models
 * @since 0.1.0
 */
export type Next = Reload.Next

/**
 * The settings that hold now, where each comes from, and their version.
 *
 * @category configuration
 * @since 0.1.0
 */
export const config: Effect.Effect<Snapshot, never, Ryker> = Effect.map(
  Ryker,
  (service) => Internal.runtimeOf(service).snapshot
)

/**
 * What a reload would change, without changing anything.
 *
 * **Details**
 *
 * Of a cold key it names the definitions whose running actors keep what they have. Values that the
 * program gave in {@link Options} stay, whatever was read. Fails with `InvalidConfig` as {@link reload} does.
 *
 * @see {@link reload} for an example
 *
 * @category configuration
 * @since 0.1.0
 */
export const plan = (next: Next): Effect.Effect<ReloadPlan, InvalidConfig, Ryker> =>
  Effect.flatMap(Ryker, (service) => Reload.planFor(Internal.runtimeOf(service), next))

/**
 * Replaces the settings of the running program, all at once or not at all.
 *
 * **Details**
 *
 * - `next` is what `RykerConfig.load` has read, its effect, or single values. Single values are the
 *   program's own word from then on: they beat what is read later.
 * - Hot keys act on running actors from their next message on. Keys of class `next restart` act when an
 *   actor next backs off. Cold keys act on actors that are started afterwards. Options of an actor itself
 *   are not touched.
 * - What does not differ is no reload: the version stays.
 * - Fails with `InvalidConfig`, which has all problems, and changes nothing; `refused` of {@link config} counts it, and the
 *   log has `config_refused`. With `strict`, changes of cold keys are problems, too.
 * - Reloads take turns: one that was asked for later is applied later.
 *
 * **Example** (A longer deadline, for running actors, too)
 *
 * ```ts
 * import { Effect, Logger } from "effect"
 * import { Ryker } from "ryker"
 *
 * const program = Effect.gen(function*() {
 *   const { changes } = yield* Ryker.reload({ defaults: { deadline: "2s" } })
 *   console.log(changes.map(({ class: reload, from, key, to }) => `${key} ${from} -> ${to}, ${reload}`).join()) // => defaults.deadline 1s -> 2s, hot
 *   const error = yield* Effect.flip(Ryker.reload({ defaults: { deadline: "soon" } }))
 *   console.log(error.problems[0]?.rule) // => a duration from 10ms to 1m, with its unit: ms, s or m
 *   const { refused, version } = yield* Ryker.config
 *   console.log(version, refused) // => 2 1
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(Ryker.layer), Effect.provide(Logger.layer([]))))
 * ```
 *
 * @category configuration
 * @since 0.1.0
 */
export const reload = <R = never>(
  next: Next | Effect.Effect<Next, InvalidConfig, R>,
  options?: { readonly strict?: boolean | undefined; readonly source?: string | undefined }
): Effect.Effect<ReloadPlan, InvalidConfig, Ryker | R> =>
  Effect.contextWith((context: Context.Context<Ryker | R>) => {
    const read = Effect.isEffect(next) ? Effect.provideContext(next, context) : Effect.succeed(next)
    const runtime = Internal.runtimeOf(Context.get(context, Ryker))
    return Reload.reload(runtime, read, options?.source ?? "program", options?.strict === true)
  })
