/**
 * The settings of the runtime: read from several sources, validated whole, described, compared.
 *
 * **Details**
 *
 * One schema has all that is known of each key: its environment name, default, unit, range and class. The
 * reading of all sources, the JSON Schema for editors, the table in the documentation and the plan of a
 * reload derive from it.
 *
 * Of several sources that set a key, the first holds: the builder, which is what the program gives; the
 * environment, with names that begin with `RYKER_`; a file; the defaults. A per-actor option beats them all.
 *
 * | class | takes effect |
 * | --- | --- |
 * | `hot` | at once, on running actors, between two messages |
 * | `next restart` | at the next restart of each actor, not for one that is scheduled already |
 * | `cold` | for actors that are started afterwards; running ones keep what they have |
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Format } from "./internal/configFile.ts"
import { type Key, type ReloadClass, type RykerConfig, settings } from "./internal/configSchema.ts"
import * as Sources from "./internal/configSources.ts"
import { format as formatAs, jsonSchemaOf } from "./internal/configText.ts"
import * as Reload from "./internal/reload.ts"
import { follow, readAtRest, signals } from "./internal/reloadTriggers.ts"
import { logSettings } from "./internal/report.ts"
import { Ryker, type Runtime, runtimeOf } from "./internal/runtime.ts"
import type { InvalidConfig } from "./RykerError.ts"

export { defaults, type Key, type ReloadClass, RykerConfig } from "./internal/configSchema.ts"

/**
 * Values that the program gives, by section and key: as they would be written, or as numbers of
 * milliseconds and bytes, booleans, and durations.
 *
 * @category models
 * @since 0.1.0
 */
export type Input = Sources.Input

/**
 * Where a value stands.
 *
 * @category models
 * @since 0.1.0
 */
export type Origin = Sources.Origin

/**
 * Settings that were read from all sources and are valid, and where each comes from.
 *
 * @category models
 * @since 0.1.0
 */
export type Resolved = Sources.Resolved

/**
 * What to read, see {@link load}.
 *
 * @category models
 * @since 0.1.0
 */
export type LoadOptions = Sources.LoadOptions

/**
 * All keys with what is known of them, in the order of the documentation.
 *
 * **Example** (Finding what may be changed in a running program)
 *
 * ```ts
 * import { RykerConfig } from "ryker"
 *
 * const hot = RykerConfig.keys.filter((key) => key.class === "hot").map(({ key }) => key)
 * console.log(hot.slice(0, 2)) // => [ 'defaults.deadline', 'fairness.batch_messages' ]
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const keys: ReadonlyArray<Key> = settings.map((setting) => ({
  key: setting.key,
  environment: setting.environment,
  deprecated: setting.deprecated,
  class: setting.class,
  unit: setting.unit,
  default: setting.default,
  valid: setting.valid,
  description: setting.description,
  json: setting.json
}))

/**
 * Reads the settings from all sources, and gives what holds.
 *
 * **Details**
 *
 * - The environment is the current `ConfigProvider`: the process's environment unless the host provides
 *   another. A name that begins with `RYKER_` and is not known is a problem, and so is an empty value of
 *   the process's environment.
 * - The file is the one given, or the one that `RYKER_CONFIG_PATH` names: TOML, JSON or YAML, as its name
 *   says, at most 16 KiB of UTF-8. It takes a `FileSystem`, such as `NodeFileSystem.layer` of
 *   `@effect/platform-node`. `RYKER_CONFIG_PATH` is for development: with `APP_ENV` or `NODE_ENV`
 *   `production` it is refused unless `RYKER_ALLOW_CONFIG_PATH` is `1`. A file that is written while it is read is a problem.
 * - Fails with `InvalidConfig`, which has all problems of all sources at once. A value that another source
 *   overrides is not looked at.
 * - A deprecated name works, and gives a warning.
 *
 * **Example** (An environment of one's own)
 *
 * ```ts
 * import { ConfigProvider, Effect } from "effect"
 * import { RykerConfig } from "ryker"
 *
 * const environment = ConfigProvider.fromEnv({ env: { RYKER_DEFAULT_DEADLINE: "250ms", RYKER_SPAN_LEVEL: "DEBUG" } })
 *
 * const { config, origins } = await Effect.runPromise(RykerConfig.load({ environment }))
 * console.log(config.defaults.deadline, config.observability.span_level) // => 250 debug
 * console.log(origins["defaults.deadline"]) // => { source: 'environment', name: 'RYKER_DEFAULT_DEADLINE' }
 *
 * const wrong = ConfigProvider.fromEnv({ env: { RYKER_DEFAULT_DEADLIN: "1s" } })
 * const error = await Effect.runPromise(Effect.flip(RykerConfig.load({ environment: wrong })))
 * console.log(error.problems[0]?.fix) // => did you mean RYKER_DEFAULT_DEADLINE?
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const load = (options: LoadOptions = {}): Effect.Effect<Resolved, InvalidConfig> => Sources.load(options)

/**
 * A key with its value and where that comes from, see {@link describe}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Described {
  readonly key: string
  /** The value as it would be written. */
  readonly value: string
  readonly origin: Origin
  readonly class: ReloadClass
}

/**
 * What each key is, and which source set it.
 *
 * **Example** (Printing what is not a default)
 *
 * ```ts
 * import { ConfigProvider, Effect } from "effect"
 * import { RykerConfig } from "ryker"
 *
 * const environment = ConfigProvider.fromEnv({ env: { RYKER_BATCH_MESSAGES: "8" } })
 *
 * const resolved = await Effect.runPromise(RykerConfig.load({ environment }))
 * for (const { key, origin, value } of RykerConfig.describe(resolved)) {
 *   if (origin.source !== "default") console.log(key, value, origin.name) // => fairness.batch_messages 8 RYKER_BATCH_MESSAGES
 * }
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const describe = ({ config, origins }: Pick<Resolved, "config" | "origins">): ReadonlyArray<Described> => {
  const values = Sources.texts(config)
  return settings.map((setting) => ({
    key: setting.key,
    value: values[setting.key]!,
    origin: origins[setting.key]!,
    class: setting.class
  }))
}

/**
 * A key whose value differs between two settings.
 *
 * @category models
 * @since 0.1.0
 */
export interface Change {
  readonly key: string
  readonly class: ReloadClass
  /** The values as they would be written. */
  readonly from: string
  readonly to: string
}

/**
 * What differs between two settings, in the order of {@link keys}.
 *
 * **Example** (Comparing with the defaults)
 *
 * ```ts
 * import { ConfigProvider, Effect } from "effect"
 * import { RykerConfig } from "ryker"
 *
 * const environment = ConfigProvider.fromEnv({ env: { RYKER_DEFAULT_DEADLINE: "2s" } })
 *
 * const { config } = await Effect.runPromise(RykerConfig.load({ environment }))
 * console.log(RykerConfig.diff(RykerConfig.defaults, config))
 * // => [ { key: 'defaults.deadline', class: 'hot', from: '1s', to: '2s' } ]
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const diff = (from: RykerConfig, to: RykerConfig): ReadonlyArray<Change> => {
  const [old, next] = [Sources.texts(from), Sources.texts(to)]
  return settings.flatMap(({ class: reload, key }) =>
    old[key] === next[key] ? [] : [{ key, class: reload, from: old[key]!, to: next[key]! }]
  )
}

/**
 * The JSON Schema of a file of settings, draft 2020-12, for editors.
 *
 * @category schemas
 * @since 0.1.0
 */
export const jsonSchema: Readonly<Record<string, unknown>> = jsonSchemaOf(settings)

/**
 * The settings as the text of a file, or as lines for the environment.
 *
 * **Example** (Writing a file)
 *
 * ```ts
 * import { RykerConfig } from "ryker"
 *
 * console.log(RykerConfig.format(RykerConfig.defaults, "toml").split("\n")[1]) // => mailbox_capacity = 256
 * console.log(RykerConfig.format(RykerConfig.defaults, "env").split("\n")[2]) // => RYKER_DEFAULT_DEADLINE=1s
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const format = (config: RykerConfig, as: Format | "env"): string => formatAs(config, as)

/**
 * What makes the program read its settings anew, see {@link layerReload}.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReloadOptions {
  /** A signal of the process, such as `"SIGHUP"`. Default: none. */
  readonly signal?: string | undefined
  /** The file to read and to follow. Default: that of `Ryker.layerConfig` is read, and nothing is followed. */
  readonly file?: string | undefined
  /** Half of the time for which a file must have been left alone before it is read, also at a signal. Default 200 ms. */
  readonly debounce?: Duration.Input | undefined
  /** Whether a change of a cold key refuses the whole reload. Default false. */
  readonly strict?: boolean | undefined
}

/**
 * Reloads the settings when a signal comes, and when a file changes.
 *
 * **Details**
 *
 * - All sources are read as {@link load} does, and applied as `Ryker.reload` does: all at once or not at
 *   all. What is wrong is logged (`config_refused`, and a line with the problems) and counted, and the settings that hold go on to hold.
 * - The file's folder is watched, so that a file which is replaced by a rename is seen, as editors and
 *   Kubernetes do it. Watching takes a `FileSystem`; without one that is logged.
 * - Whatever the trigger, a file is read when it has not changed for twice `debounce`, and not applied if it changes while
 *   it is read: one that is half-written is left until it is whole. Without a file a signal is served at once.
 * - The same content again is no reload.
 * - When the folder cannot be watched, it is logged, and tried again every second.
 *
 * **Example** (Settings that follow a file)
 *
 * ```ts
 * import { Effect, Layer, Logger } from "effect"
 * import { Ryker, RykerConfig } from "ryker"
 *
 * const Reloading = RykerConfig.layerReload({ signal: "SIGHUP", strict: true })
 * // With a file: provide NodeFileSystem.layer of @effect/platform-node, and give { file: "ryker.toml" }.
 *
 * const program = Effect.gen(function*() {
 *   process.kill(process.pid, "SIGHUP")
 *   yield* Effect.sleep("20 millis")
 *   const { refused, version } = yield* Ryker.config
 *   console.log(version, refused) // => 1 0
 * })
 *
 * await Effect.runPromise(program.pipe(
 *   Effect.provide(Reloading),
 *   Effect.provide(Ryker.layerConfig()),
 *   Effect.provide(Logger.layer([]))
 * ))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerReload = (options: ReloadOptions): Layer.Layer<never, never, Ryker> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const runtime = runtimeOf(yield* Ryker)
      const { debounce = "200 millis", file, signal, strict = false } = options
      const read = load({ file: file ?? runtime.file })
      const reload = (source: string, isStill: Effect.Effect<boolean>) =>
        // What has changed while it was read is read again by whoever noticed.
        Reload.reload(
          runtime,
          Effect.flatMap(Effect.result(read), (result) =>
            Effect.flatMap(isStill, (still): Effect.Effect<Resolved, InvalidConfig | typeof stale> =>
              still ? Effect.fromResult(result) : Effect.fail(stale)
            )
          ),
          source,
          strict
        ).pipe(
          Effect.as(true),
          Effect.catch((error) =>
            typeof error === "string" ? Effect.succeed(false) : Effect.as(logProblem(runtime, error.message), true)
          ),
          Effect.catchDefect(() =>
            Effect.as(logProblem(runtime, "reading the settings died: those that hold go on to hold"), true)
          )
        )
      const fs = Option.getOrUndefined(yield* Effect.serviceOption(FileSystem.FileSystem))
      const pause = Duration.fromInputUnsafe(debounce)
      const always = Effect.succeed(true)
      // Once the Layer is ready, a signal must not end the process any more.
      const now = { startImmediately: true } as const
      if (signal !== undefined) {
        const path = file ?? runtime.file
        const serve =
          path === undefined || fs === undefined
            ? Effect.asVoid(reload(signal, always))
            : readAtRest({ fs, path, pause, read: (isStill) => reload(signal, isStill) })
        yield* Effect.forkScoped(
          Stream.runForEach(signals(signal), () => serve),
          now
        )
      }
      if (file === undefined) return
      if (fs === undefined) {
        return yield* logProblem(
          runtime,
          `"${file}" is not followed: provide a FileSystem, such as NodeFileSystem.layer`
        )
      }
      const following = follow(
        { fs, path: file, pause, read: (isStill) => reload(file, isStill) },
        logProblem(runtime, `the folder of "${file}" cannot be watched now: it is tried again`)
      )
      yield* Effect.forkScoped(following, now)
    })
  )

/** The file has changed while it was read. */
const stale = "stale"

const logProblem = (runtime: Runtime, text: string): Effect.Effect<void> =>
  Effect.suspend(() => logSettings(runtime.settings.observability.logLevel, "Error", "config_problem", text))
