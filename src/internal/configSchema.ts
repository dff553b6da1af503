/** The settings of the runtime as one schema; all else about them is derived from it. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { logLevels, spanLevels } from "./settings.ts"
import {
  formatBytes,
  formatMillis,
  formatPlainMillis,
  parseBytes,
  parseFlag,
  parseMillis,
  parseWhole
} from "./units.ts"

/**
 * When a changed key takes effect, see the module.
 *
 * @category models
 * @since 0.1.0
 */
export type ReloadClass = "hot" | "cold" | "next restart"

/**
 * What is known of one key.
 *
 * @category models
 * @since 0.1.0
 */
export interface Key {
  /** Its name in files: `defaults.deadline`. */
  readonly key: string
  /** Its name in the environment: `RYKER_DEFAULT_DEADLINE`. */
  readonly environment: string
  /** A name in the environment that still works, with a warning. */
  readonly deprecated: string | undefined
  readonly class: ReloadClass
  /** What it is measured in; empty for flags and choices. */
  readonly unit: string
  /** The default, as it would be written. */
  readonly default: string
  /** What is allowed. */
  readonly valid: string
  /** What it is for. */
  readonly description: string
  /** What it is in a JSON document. */
  readonly json: Readonly<Record<string, unknown>>
}

/** What the author of a key says of it, and what its kind adds. */
interface Notes extends Omit<Key, "key" | "default"> {
  readonly format: (value: never) => string
}

const annotationId = "ryker/RykerConfig/key"

type Given = Pick<Key, "environment" | "class" | "description"> & { readonly deprecated?: string }

/** A value that is written as text, whatever the source; `read` gives undefined for text that is not valid. */
const textual = <A>(
  type: Schema.Codec<A>,
  read: (text: string) => A | undefined,
  format: (value: A) => string,
  given: Given,
  kind: Pick<Key, "unit" | "valid" | "json">
) => {
  const notes: Notes = { deprecated: undefined, ...given, ...kind, environment: `RYKER_${given.environment}`, format }
  return Schema.String.pipe(
    Schema.decodeTo(
      type,
      SchemaTransformation.transformEffect({
        decode: (text: string) => {
          const value = read(text.trim())
          return value === undefined
            ? Effect.fail(new SchemaIssue.InvalidValue({ message: `must be ${kind.valid}` }))
            : Effect.succeed(value)
        },
        encode: (value: A) => Effect.succeed(format(value))
      })
    )
  ).annotate({ [annotationId]: notes, description: given.description })
}

/** The value, if it lies within the bounds. */
const within = (value: number | undefined, min: number, max: number): number | undefined =>
  value !== undefined && value >= min && value <= max ? value : undefined

const whole = (min: number, max: number, unit: string, given: Given) =>
  textual(Schema.Int, (text) => within(parseWhole(text), min, max), String, given, {
    unit,
    valid: `a whole number from ${min} to ${max}`,
    json: { type: "integer", minimum: min, maximum: max }
  })

/** Milliseconds that may be written without their unit, as the key's name has it. */
const millisNumber = (min: number, max: number, given: Given) =>
  textual(Schema.Finite, (text) => within(parseWhole(text) ?? parseMillis(text), min, max), formatPlainMillis, given, {
    unit: "ms",
    valid: `a number of milliseconds from ${min} to ${max}`,
    json: { type: ["integer", "string"], minimum: min, maximum: max, pattern: "^\\d+(\\.\\d+)?\\s*([mM]?[sS]|[mM])$" }
  })

const duration = (min: number, max: number, given: Given) =>
  textual(Schema.Finite, (text) => within(parseMillis(text), min, max), formatMillis, given, {
    unit: "ms, s or m",
    valid: `a duration from ${formatMillis(min)} to ${formatMillis(max)}, with its unit: ms, s or m`,
    json: { type: "string", pattern: "^\\d+(\\.\\d+)?\\s*([mM]?[sS]|[mM])$" }
  })

const size = (min: number, max: number, given: Given) =>
  textual(Schema.Int, (text) => within(parseBytes(text), min, max), formatBytes, given, {
    unit: "B, KiB or MiB",
    valid: `a size from ${formatBytes(min)} to ${formatBytes(max)}, with its unit: B, KiB or MiB`,
    json: { type: "string", pattern: "^\\d+\\s*([kKmM][iI])?[bB]$" }
  })

const flag = (given: Given) =>
  textual(Schema.Boolean, parseFlag, String, given, {
    unit: "",
    valid: "true or false",
    json: { type: "boolean" }
  })

const choice = <const Choices extends ReadonlyArray<string>>(choices: Choices, given: Given) =>
  textual<Choices[number]>(
    Schema.Literals(choices),
    (text) => choices.find((each) => each === text.toLowerCase()),
    (value) => value,
    given,
    { unit: "", valid: `one of ${choices.join(", ")}`, json: { enum: choices } }
  )

const day = 86_400_000

/**
 * All settings: text on the encoded side, as in files and in the environment; on the decoded side
 * numbers of milliseconds and bytes, booleans and names.
 *
 * **Example** (Reading settings of one's own)
 *
 * ```ts
 * import { RykerConfig } from "ryker"
 *
 * console.log(RykerConfig.defaults.defaults) // => { mailbox_capacity: 256, max_msg_bytes: 65536, deadline: 1000 }
 * ```
 *
 * @category schemas
 * @since 0.1.0
 */
export const RykerConfig = Schema.Struct({
  defaults: Schema.Struct({
    mailbox_capacity: whole(1, 1_048_576, "messages", {
      environment: "DEFAULT_MAILBOX_CAPACITY",
      class: "cold",
      description: "How many messages may wait in an actor's mailbox"
    }),
    max_msg_bytes: size(1_024, 1_048_576, {
      environment: "DEFAULT_MAX_MSG_BYTES",
      class: "cold",
      description: "The largest payload of a message"
    }),
    deadline: duration(10, 60_000, {
      environment: "DEFAULT_DEADLINE",
      class: "hot",
      description: "How long an ask may take in all"
    })
  }),
  supervisor: Schema.Struct({
    backoff_base_ms: millisNumber(1, day, {
      environment: "BACKOFF_BASE_MS",
      class: "next restart",
      description: "The shortest delay before a restart, at most backoff_cap_ms"
    }),
    backoff_cap_ms: millisNumber(1, day, {
      environment: "BACKOFF_CAP_MS",
      class: "next restart",
      description: "The longest delay before a restart"
    }),
    decorrelated_jitter: flag({
      environment: "DECORRELATED_JITTER",
      deprecated: "RYKER_JITTER",
      class: "next restart",
      description: "Whether delays are drawn at random; otherwise they double"
    }),
    rapid_fail_threshold: whole(1, 1_000_000, "restarts", {
      environment: "RAPID_FAIL_THRESHOLD",
      class: "next restart",
      description: "How many restarts within rapid_fail_window an actor may have"
    }),
    rapid_fail_window: duration(1_000, day, {
      environment: "RAPID_FAIL_WINDOW",
      class: "next restart",
      description: "The time in which restarts are counted"
    })
  }),
  fairness: Schema.Struct({
    batch_messages: whole(1, 1_000_000, "messages", {
      environment: "BATCH_MESSAGES",
      class: "hot",
      description: "How many messages an actor handles in one turn while others wait"
    }),
    yield_every_n_msgs: whole(1, 1_000_000, "messages", {
      environment: "YIELD_EVERY_N",
      class: "hot",
      description: "After how many messages timers and sockets go first, at least batch_messages"
    })
  }),
  observability: Schema.Struct({
    enable_metrics: flag({
      environment: "ENABLE_METRICS",
      class: "hot",
      description: "Whether metrics are kept"
    }),
    queue_depth_sampling: flag({
      environment: "QUEUE_DEPTH_SAMPLING",
      class: "hot",
      description: "Whether the depth of mailboxes is measured"
    }),
    span_level: choice(spanLevels, {
      environment: "SPAN_LEVEL",
      class: "hot",
      description: "Down to which level spans are made"
    }),
    log_level: choice(logLevels, {
      environment: "LOG_LEVEL",
      class: "hot",
      description: "Down to which level ryker itself logs; inherit for the program's own level"
    })
  }),
  amnesia: Schema.Struct({
    enabled: flag({
      environment: "AMNESIA",
      class: "cold",
      description: "Whether payloads are wiped when messages leave; needs zeroize_on_drop"
    }),
    zeroize_on_drop: flag({
      environment: "ZEROIZE",
      class: "cold",
      description: "Whether binary payloads are overwritten with zeros"
    })
  })
})

/**
 * The type of {@link RykerConfig}: durations are milliseconds, sizes bytes.
 *
 * @category models
 * @since 0.1.0
 */
export type RykerConfig = typeof RykerConfig.Type

/**
 * What holds where nothing else is said.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults: RykerConfig = {
  defaults: { mailbox_capacity: 256, max_msg_bytes: 64 * 1_024, deadline: 1_000 },
  supervisor: {
    backoff_base_ms: 100,
    backoff_cap_ms: 5_000,
    decorrelated_jitter: true,
    rapid_fail_threshold: 5,
    rapid_fail_window: 10_000
  },
  fairness: { batch_messages: 32, yield_every_n_msgs: 64 },
  observability: { enable_metrics: true, queue_depth_sampling: true, span_level: "info", log_level: "inherit" },
  amnesia: { enabled: false, zeroize_on_drop: true }
}

// --- What is derived from it --------------------------------------------------------------------------------------------

/** A key with what reading and writing its value takes. */
export interface Setting extends Key {
  readonly section: string
  readonly name: string
  /** The value of the text, or undefined. */
  readonly read: (text: string) => unknown
  readonly format: (value: unknown) => string
}

/** The values by key. */
export type Values = Readonly<Record<string, unknown>>

/** The nested settings, flat. */
export const flatten = (config: RykerConfig): Values =>
  Object.fromEntries(
    Object.entries(config).flatMap(([section, values]) =>
      Object.entries(values).map(([name, value]) => [`${section}.${name}`, value])
    )
  )

/** All settings, in the order of the schema. */
export const settings: ReadonlyArray<Setting> = Object.entries(RykerConfig.fields).flatMap(([section, { fields }]) =>
  Object.entries<Schema.Codec<unknown, string>>(fields).map(([name, schema]): Setting => {
    // Every field is made by `textual`, which leaves its notes there.
    const annotations = Schema.resolveAnnotations(schema)
    const { format, ...notes } = annotations![annotationId] as Notes
    const decode = Schema.decodeUnknownOption(schema)
    const key = `${section}.${name}`
    // The value's type is that of the same field.
    const formatAny = format as (value: unknown) => string
    return {
      ...notes,
      key,
      section,
      name,
      default: formatAny(flatten(defaults)[key]),
      read: (text) => Option.getOrUndefined(decode(text)),
      format: formatAny
    }
  })
)

/** The flat values, nested. */
export const nest = (values: Values): RykerConfig => {
  const config: Record<string, Record<string, unknown>> = {}
  for (const { key, name, section } of settings) (config[section] ??= {})[name] = values[key]
  // All keys are there, with values of their types.
  return config as unknown as RykerConfig
}

/** A rule that concerns two keys. */
export interface CrossRule {
  readonly keys: readonly [string, string]
  readonly holds: (config: RykerConfig) => boolean
  /** What must be of each of the two, beside the other. */
  readonly rules: readonly [string, string]
  readonly fix: string
}

export const crossRules: ReadonlyArray<CrossRule> = [
  {
    keys: ["supervisor.backoff_base_ms", "supervisor.backoff_cap_ms"],
    holds: ({ supervisor }) => supervisor.backoff_base_ms <= supervisor.backoff_cap_ms,
    rules: ["at most supervisor.backoff_cap_ms", "at least supervisor.backoff_base_ms"],
    fix: "lower supervisor.backoff_base_ms, or raise supervisor.backoff_cap_ms"
  },
  {
    keys: ["fairness.yield_every_n_msgs", "fairness.batch_messages"],
    holds: ({ fairness }) => fairness.yield_every_n_msgs >= fairness.batch_messages,
    rules: ["at least fairness.batch_messages", "at most fairness.yield_every_n_msgs"],
    fix: "raise fairness.yield_every_n_msgs, or lower fairness.batch_messages"
  },
  {
    keys: ["amnesia.enabled", "amnesia.zeroize_on_drop"],
    holds: ({ amnesia }) => !amnesia.enabled || amnesia.zeroize_on_drop,
    rules: ["false without amnesia.zeroize_on_drop", "true with amnesia.enabled"],
    fix: "set amnesia.zeroize_on_drop to true, or amnesia.enabled to false"
  }
]
