/** What the runtime and its actors go by, as plain numbers, after all options were checked. */
import type { Policy } from "../Backoff.ts"

/** Whether an actor is restarted, as in OTP's child specification. */
export type RestartType = "permanent" | "transient" | "temporary"

/** Settings of one actor. Times are milliseconds. */
export interface ActorSettings {
  readonly capacity: number
  /** How many messages may be put aside. */
  readonly stash: number
  /** How often a message whose handler crashed is delivered again. */
  readonly redeliver: number
  readonly maxMessageBytes: number
  /** The default time of an ask; `Infinity` for none. */
  readonly deadline: number
  readonly restart: RestartType
  /** Its end by itself may end its supervisor. */
  readonly significant: boolean
  readonly startTimeout: number
  /** How long a stop may take in all. */
  readonly shutdown: number
  readonly backoff: Policy
  /** More restarts than `threshold` within `window` end the actor. */
  readonly intensity: { readonly threshold: number; readonly window: number }
  /** Whether payloads are checked on every send. */
  readonly validate: boolean
  /** The configuration's keys that the actor's own options decide. */
  readonly own: ReadonlySet<string>
  /** Whether what messages held is overwritten when they have left. Cold: an actor keeps what it was started with. */
  readonly amnesia: boolean
}

/** Down to which level spans are made: the levels, each with those before it. */
export const spanLevels = ["off", "error", "warn", "info", "debug", "trace"] as const

export type SpanLevel = (typeof spanLevels)[number]

/** Down to which level ryker logs; `inherit` for what the program has for all. */
export const logLevels = ["inherit", "off", "fatal", "error", "warn", "info", "debug", "trace"] as const

export type OwnLogLevel = (typeof logLevels)[number]

/** What is measured, traced and logged. */
export interface Observability {
  readonly metrics: boolean
  readonly queueDepth: boolean
  readonly spanLevel: SpanLevel
  readonly logLevel: OwnLogLevel
}

/** Settings of a runtime. Times are milliseconds. */
export interface RuntimeSettings {
  readonly actor: ActorSettings
  readonly batchMessages: number
  readonly yieldEvery: number
  readonly observability: Observability
  readonly drainDeadline: number
}

export const defaults: RuntimeSettings = {
  actor: {
    capacity: 256,
    stash: 256,
    redeliver: 0,
    maxMessageBytes: 64 * 1024,
    deadline: 1_000,
    restart: "permanent",
    significant: false,
    startTimeout: 5_000,
    shutdown: 5_000,
    backoff: { base: 100, cap: 5_000, jitter: true },
    intensity: { threshold: 5, window: 10_000 },
    validate: false,
    own: new Set(),
    amnesia: false
  },
  batchMessages: 32,
  yieldEvery: 64,
  observability: { metrics: true, queueDepth: true, spanLevel: "info", logLevel: "inherit" },
  drainDeadline: 10_000
}
