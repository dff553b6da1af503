/** Range checks of options, each giving a typed error that says what is allowed. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { InvalidOption } from "../RykerError.ts"
import type { ActorSettings, RestartType } from "./settings.ts"

/** A whole number from `min` to `max`. */
export const checkInt = (
  owner: string,
  option: string,
  value: number,
  min: number,
  max: number
): Effect.Effect<number, InvalidOption> =>
  Number.isInteger(value) && value >= min && value <= max
    ? Effect.succeed(value)
    : Effect.fail(
        new InvalidOption({ owner, option, value: String(value), rule: `a whole number from ${min} to ${max}` })
      )

const millisRule = (min: number, max: number): string => {
  const least = min === Number.MIN_VALUE ? "more than 0 ms" : `at least ${min} ms`
  return max === Number.POSITIVE_INFINITY ? `a duration of ${least}` : `a duration of ${least} and at most ${max} ms`
}

/** A duration from `min` to `max` milliseconds, given back in milliseconds. */
export const checkMillis = (
  owner: string,
  option: string,
  value: Duration.Input,
  min: number,
  max: number
): Effect.Effect<number, InvalidOption> => {
  // A NaN would pass for no time at all.
  const duration = Number.isNaN(value) ? Option.none() : Duration.fromInput(value)
  const millis = Option.isSome(duration) ? Duration.toMillis(duration.value) : Number.NaN
  return millis >= min && millis <= max
    ? Effect.succeed(millis)
    : Effect.fail(
        new InvalidOption({
          owner,
          option,
          value: Option.match(duration, {
            onNone: () => (typeof value === "string" ? `"${value}"` : `${Number(value)}`),
            onSome: Duration.format
          }),
          rule: millisRule(min, max)
        })
      )
}

const restartTypes: ReadonlyArray<string> = ["permanent", "transient", "temporary"] satisfies ReadonlyArray<RestartType>

/** For callers that the compiler does not see. */
const checkRestart = (owner: string, value: RestartType): Effect.Effect<RestartType, InvalidOption> =>
  restartTypes.includes(value)
    ? Effect.succeed(value)
    : Effect.fail(
        new InvalidOption({ owner, option: "restart", value: `"${value}"`, rule: `one of ${restartTypes.join(", ")}` })
      )

/** What the options of one actor look like; see `Actor.Options` for what each means. */
export interface ActorOptions {
  readonly capacity?: number | undefined
  readonly stash?: number | undefined
  readonly redeliver?: number | undefined
  readonly maxMessageBytes?: number | undefined
  readonly deadline?: Duration.Input | undefined
  readonly restart?: RestartType | undefined
  readonly significant?: boolean | undefined
  readonly startTimeout?: Duration.Input | undefined
  readonly shutdown?: Duration.Input | undefined
  readonly backoff?:
    | {
        readonly base?: Duration.Input | undefined
        readonly cap?: Duration.Input | undefined
        readonly jitter?: boolean | undefined
      }
    | undefined
  readonly intensity?:
    | {
        readonly restarts?: number | undefined
        readonly window?: Duration.Input | undefined
      }
    | undefined
  readonly amnesia?: boolean | undefined
}

const infinite = Number.POSITIVE_INFINITY

/** Checks an actor's options and fills in the defaults. */
export const resolveActor = Effect.fnUntraced(function* (
  owner: string,
  options: ActorOptions,
  defaults: ActorSettings
): Effect.fn.Return<ActorSettings, InvalidOption> {
  const { backoff, intensity } = options
  const restart = yield* checkRestart(owner, options.restart ?? defaults.restart)
  const significant = options.significant ?? false
  if (significant && restart === "permanent") {
    const rule = 'false for a permanent child, which is always restarted: make it "transient" or "temporary"'
    return yield* new InvalidOption({ owner, option: "significant", value: "true", rule })
  }
  const cap = yield* checkMillis(owner, "backoff.cap", backoff?.cap ?? defaults.backoff.cap, 1, 86_400_000)
  return {
    capacity: yield* checkInt(owner, "capacity", options.capacity ?? defaults.capacity, 1, 1_048_576),
    stash: yield* checkInt(owner, "stash", options.stash ?? options.capacity ?? defaults.stash, 0, 1_048_576),
    redeliver: yield* checkInt(owner, "redeliver", options.redeliver ?? defaults.redeliver, 0, 1_000_000),
    maxMessageBytes: yield* checkInt(
      owner,
      "maxMessageBytes",
      options.maxMessageBytes ?? defaults.maxMessageBytes,
      1,
      Number.MAX_SAFE_INTEGER
    ),
    deadline: yield* checkMillis(owner, "deadline", options.deadline ?? defaults.deadline, 1, infinite),
    restart,
    significant,
    startTimeout: yield* checkMillis(owner, "startTimeout", options.startTimeout ?? defaults.startTimeout, 1, infinite),
    shutdown: yield* checkMillis(owner, "shutdown", options.shutdown ?? defaults.shutdown, 0, infinite),
    backoff: {
      // The default base gives way to a smaller cap; a base that was asked for does not.
      base: yield* checkMillis(
        owner,
        "backoff.base",
        backoff?.base ?? Math.min(cap, defaults.backoff.base),
        Number.MIN_VALUE,
        cap
      ),
      cap,
      jitter: backoff?.jitter ?? defaults.backoff.jitter
    },
    intensity: {
      threshold: yield* checkInt(
        owner,
        "intensity.restarts",
        intensity?.restarts ?? defaults.intensity.threshold,
        0,
        1_000_000
      ),
      window: yield* checkMillis(owner, "intensity.window", intensity?.window ?? defaults.intensity.window, 1, infinite)
    },
    validate: defaults.validate,
    own: ownKeys(options),
    amnesia: options.amnesia ?? defaults.amnesia
  }
})

/** The configuration's keys that an actor's options decide. */
export const ownKeys = ({
  amnesia,
  backoff,
  capacity,
  deadline,
  intensity,
  maxMessageBytes
}: ActorOptions): ReadonlySet<string> => {
  const given: ReadonlyArray<readonly [string, unknown]> = [
    ["defaults.mailbox_capacity", capacity],
    ["defaults.max_msg_bytes", maxMessageBytes],
    ["defaults.deadline", deadline],
    ["supervisor.backoff_base_ms", backoff?.base],
    ["supervisor.backoff_cap_ms", backoff?.cap],
    ["supervisor.decorrelated_jitter", backoff?.jitter],
    ["supervisor.rapid_fail_threshold", intensity?.restarts],
    ["supervisor.rapid_fail_window", intensity?.window],
    ["amnesia.enabled", amnesia]
  ]
  return new Set(given.flatMap(([key, value]) => (value === undefined ? [] : [key])))
}

/** What holds in the runtime now, which a reload may change. */
export interface Current {
  readonly settings: { readonly actor: ActorSettings }
}

/**
 * The settings of an actor whose options leave some of them to the runtime.
 *
 * What is hot follows the runtime at once, and so does what the next restart looks at. What is cold is as
 * it was when the actor was started: ask for the settings anew at each start.
 */
export class ActorPolicy {
  private readonly resolved: ActorSettings
  private readonly ownsStash: boolean
  private readonly runtime: Current
  private made: ActorSettings
  private madeFor: ActorSettings

  constructor(resolved: ActorSettings, options: ActorOptions, runtime: Current) {
    this.resolved = resolved
    this.ownsStash = options.stash !== undefined || options.capacity !== undefined
    this.runtime = runtime
    this.madeFor = runtime.settings.actor
    this.made = this.make(this.madeFor)
  }

  /** For an actor that is started now. Those that are started between two reloads share one object. */
  now(): ActorSettings {
    const { actor } = this.runtime.settings
    if (actor !== this.madeFor) {
      this.madeFor = actor
      this.made = this.make(actor)
    }
    return this.made
  }

  private make(atStart: ActorSettings): ActorSettings {
    const { resolved, runtime } = this
    const { own } = resolved
    const has = (key: string) => own.has(key)
    return {
      ...resolved,
      capacity: has("defaults.mailbox_capacity") ? resolved.capacity : atStart.capacity,
      stash: this.ownsStash ? resolved.stash : atStart.stash,
      maxMessageBytes: has("defaults.max_msg_bytes") ? resolved.maxMessageBytes : atStart.maxMessageBytes,
      amnesia: has("amnesia.enabled") ? resolved.amnesia : atStart.amnesia,
      get deadline() {
        return has("defaults.deadline") ? resolved.deadline : runtime.settings.actor.deadline
      },
      get backoff() {
        const { backoff } = runtime.settings.actor
        const cap = has("supervisor.backoff_cap_ms") ? resolved.backoff.cap : backoff.cap
        return {
          // A base from elsewhere gives way to a smaller cap, and a cap from elsewhere to a larger base.
          base: has("supervisor.backoff_base_ms") ? resolved.backoff.base : Math.min(backoff.base, cap),
          cap: Math.max(cap, has("supervisor.backoff_base_ms") ? resolved.backoff.base : 0),
          jitter: has("supervisor.decorrelated_jitter") ? resolved.backoff.jitter : backoff.jitter
        }
      },
      get intensity() {
        const { intensity } = runtime.settings.actor
        return {
          threshold: has("supervisor.rapid_fail_threshold") ? resolved.intensity.threshold : intensity.threshold,
          window: has("supervisor.rapid_fail_window") ? resolved.intensity.window : intensity.window
        }
      }
    }
  }
}

/** What an actor has of settings that its options do not say. */
type Fixed = Partial<Pick<ActorSettings, "validate" | "startTimeout">>

/** The policies of a runtime's actors under one of its settings. */
interface Policies {
  readonly actor: ActorSettings
  readonly byOptions: Map<string, ActorPolicy>
  /** The last that was asked for, with copies of the options: most often the next is alike. */
  latest: { readonly options: ActorOptions; readonly fixed: Fixed; readonly policy: ActorPolicy } | undefined
}

const shared = new WeakMap<Current, Policies>()

/** So many are kept, as options may be computed. */
const maxShared = 64

/** A record, so that the compiler misses an option that is missing here. */
const allOptions = {
  capacity: true,
  stash: true,
  redeliver: true,
  maxMessageBytes: true,
  deadline: true,
  restart: true,
  significant: true,
  startTimeout: true,
  shutdown: true,
  backoff: true,
  intensity: true,
  amnesia: true
} as const satisfies Record<keyof ActorOptions, true>

// The keys are those of the record.
const optionNames = Object.keys(allOptions) as ReadonlyArray<keyof ActorOptions>

/** What tells options from others; undefined for those that are not plain values, which may change. */
const keyOf = (options: ActorOptions, fixed: object): string | undefined => {
  let key = Object.values(fixed).join()
  for (const name of optionNames) {
    const value = options[name]
    if (value === undefined) continue
    if (typeof value === "object") return undefined
    key += ` ${name} ${typeof value} ${typeof value === "string" ? JSON.stringify(value) : value}`
  }
  return key
}

/** Whether both say the same, which is true of plain values only. */
const areAlike = (options: ActorOptions, others: ActorOptions): boolean => {
  for (const name of optionNames) if (options[name] !== others[name]) return false
  return true
}

/** Checks an actor's options, and gives the settings that it has under a runtime, now and after each reload. */
export const policyOf = (
  owner: string,
  options: ActorOptions,
  runtime: Current,
  fixed: Fixed = {}
): Effect.Effect<ActorPolicy, InvalidOption> => {
  // A hundred thousand actors that are started alike share one policy, and the checks of it.
  const { actor } = runtime.settings
  let known = shared.get(runtime)
  if (known?.actor !== actor) shared.set(runtime, (known = { actor, byOptions: new Map(), latest: undefined }))
  const { byOptions, latest } = known
  if (
    latest !== undefined &&
    latest.fixed.validate === fixed.validate &&
    latest.fixed.startTimeout === fixed.startTimeout &&
    areAlike(options, latest.options)
  ) {
    return Effect.succeed(latest.policy)
  }
  const key = keyOf(options, fixed)
  const policies = known
  const keep = (policy: ActorPolicy) => {
    policies.latest = { options: { ...options }, fixed, policy }
    return policy
  }
  const policy = key === undefined ? undefined : byOptions.get(key)
  if (policy !== undefined) return Effect.succeed(keep(policy))
  return Effect.map(resolveActor(owner, options, runtime.settings.actor), (resolved) => {
    const made = new ActorPolicy({ ...resolved, ...fixed }, options, runtime)
    if (key === undefined) return made
    if (byOptions.size < maxShared) byOptions.set(key, made)
    return keep(made)
  })
}
