/** What is wrong with settings, told by key, name in the environment, source, line, value, rule and fix. */
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as PlatformError from "effect/PlatformError"
import * as fs from "node:fs/promises"
import { maxFileBytes } from "../src/internal/configFile.ts"
import * as RykerConfig from "../src/RykerConfig.ts"
import {
  environmentOf,
  fileInMemory,
  fileWith,
  folder,
  type Format,
  formats,
  info,
  load,
  type Problem,
  problemsOf,
  written
} from "./RykerConfig.fixtures.ts"

/** By hand, not from the schema: a rule that changes there must change here. */
const keys = {
  "defaults.mailbox_capacity": ["RYKER_DEFAULT_MAILBOX_CAPACITY", "a whole number from 1 to 1048576", "256"],
  "defaults.max_msg_bytes": [
    "RYKER_DEFAULT_MAX_MSG_BYTES",
    "a size from 1KiB to 1MiB, with its unit: B, KiB or MiB",
    "64KiB"
  ],
  "defaults.deadline": ["RYKER_DEFAULT_DEADLINE", "a duration from 10ms to 1m, with its unit: ms, s or m", "1s"],
  "supervisor.backoff_base_ms": ["RYKER_BACKOFF_BASE_MS", "a number of milliseconds from 1 to 86400000", "100"],
  "supervisor.backoff_cap_ms": ["RYKER_BACKOFF_CAP_MS", "a number of milliseconds from 1 to 86400000", "5000"],
  "supervisor.decorrelated_jitter": ["RYKER_DECORRELATED_JITTER", "true or false", "true"],
  "supervisor.rapid_fail_threshold": ["RYKER_RAPID_FAIL_THRESHOLD", "a whole number from 1 to 1000000", "5"],
  "supervisor.rapid_fail_window": [
    "RYKER_RAPID_FAIL_WINDOW",
    "a duration from 1s to 1440m, with its unit: ms, s or m",
    "10s"
  ],
  "fairness.batch_messages": ["RYKER_BATCH_MESSAGES", "a whole number from 1 to 1000000", "32"],
  "fairness.yield_every_n_msgs": ["RYKER_YIELD_EVERY_N", "a whole number from 1 to 1000000", "64"],
  "observability.enable_metrics": ["RYKER_ENABLE_METRICS", "true or false", "true"],
  "observability.queue_depth_sampling": ["RYKER_QUEUE_DEPTH_SAMPLING", "true or false", "true"],
  "observability.span_level": ["RYKER_SPAN_LEVEL", "one of off, error, warn, info, debug, trace", "info"],
  "observability.log_level": [
    "RYKER_LOG_LEVEL",
    "one of inherit, off, fatal, error, warn, info, debug, trace",
    "inherit"
  ],
  "amnesia.enabled": ["RYKER_AMNESIA", "true or false", "false"],
  "amnesia.zeroize_on_drop": ["RYKER_ZEROIZE", "true or false", "true"]
} as const
type KeyName = keyof typeof keys
const keyNames = Object.keys(keys) as ReadonlyArray<KeyName> // Object.keys forgets the names of a constant.

/** Two problems are the same if all their parts are, also those that are absent. */
const assertProblems = (actual: ReadonlyArray<Problem>, expected: ReadonlyArray<Problem>): void =>
  assert.deepStrictEqual(
    actual.map((problem) => ({ ...problem })),
    expected.slice()
  )

const emptyFix = "give it a value, or remove it"

/** The problem that a wrong value is, in the environment or in line 4 of a file. */
const wrong = (key: KeyName, value: string, file?: string): Problem => {
  const [environment, rule, standard] = keys[key]
  return {
    key,
    environment,
    source: file ?? environment,
    ...(file === undefined ? {} : { line: 4 }),
    value,
    rule,
    fix: value.trim() === "" ? emptyFix : `write it like ${standard}`
  }
}

/** The keys of a kind, for what is wrong for all of them. */
const kinds = {
  whole: [
    "defaults.mailbox_capacity",
    "supervisor.rapid_fail_threshold",
    "fairness.batch_messages",
    "fairness.yield_every_n_msgs"
  ],
  size: ["defaults.max_msg_bytes"],
  duration: ["defaults.deadline", "supervisor.rapid_fail_window"],
  millis: ["supervisor.backoff_base_ms", "supervisor.backoff_cap_ms"],
  flag: [
    "supervisor.decorrelated_jitter",
    "observability.enable_metrics",
    "observability.queue_depth_sampling",
    "amnesia.enabled",
    "amnesia.zeroize_on_drop"
  ],
  choice: ["observability.span_level", "observability.log_level"]
} as const satisfies Record<string, ReadonlyArray<KeyName>>

const numbers = [...kinds.whole, ...kinds.size, ...kinds.duration, ...kinds.millis]

interface BadText {
  readonly what: string
  readonly keys: ReadonlyArray<KeyName>
  readonly texts: ReadonlyArray<string>
  /** As a problem shows it, if not as it is. */
  readonly shown?: string
}

const badTexts: ReadonlyArray<BadText> = [
  { what: "an empty value", keys: keyNames, texts: [""] },
  { what: "a value of space alone", keys: keyNames, texts: [" ", "  ", "\t"], shown: " " },
  { what: "zero", keys: numbers, texts: ["0", "00", "-0", "+0", "0.0"] },
  { what: "zero with its unit", keys: [...kinds.duration, ...kinds.millis], texts: ["0ms", "0s", "0m"] },
  { what: "zero with its unit", keys: kinds.size, texts: ["0B", "0KiB", "0MiB"] },
  { what: "a negative number", keys: numbers, texts: ["-1", "-256", "- 1", "−1"] },
  { what: "a negative number with its unit", keys: [...kinds.duration, ...kinds.millis], texts: ["-1s", "-0.5ms"] },
  { what: "a negative number with its unit", keys: kinds.size, texts: ["-64KiB", "-65536B"] },
  { what: "a number beyond all", keys: numbers, texts: ["1e400", "1e400ms", "-1e400", "1e400B"] },
  { what: "what is no number", keys: numbers, texts: ["NaN", "nan", "Infinity", "-Infinity", "∞", "inf", "null"] },
  { what: "a number of many digits", keys: numbers, texts: ["9007199254740993", "9".repeat(60)] },
  { what: "another unit", keys: numbers, texts: ["10 parsecs", "10parsecs", "1h", "1d", "1us", "1 second", "5%"] },
  { what: "a number in another notation", keys: numbers, texts: ["0x10", "1_000", "1,000", "1 000", "1e3", "１"] },
  { what: "two values", keys: numbers, texts: ["1s 2s", "1, 2", "[1]", "1;2", "1s2ms"] },
  { what: "a word", keys: numbers, texts: ["true", "many", "undefined", "__proto__", "constructor"] },
  { what: "a part", keys: kinds.whole, texts: ["1.5", "256.0", ".5"] },
  { what: "a unit where there is none", keys: kinds.whole, texts: ["256ms", "1KiB", "256 messages"] },
  { what: "a number without a unit", keys: kinds.duration, texts: ["1", "1000", "1.5"] },
  { what: "a number without a unit", keys: kinds.size, texts: ["65536", "64"] },
  { what: "a part without a unit", keys: kinds.millis, texts: ["1.5", "100.0"] },
  { what: "a decimal size", keys: kinds.size, texts: ["64KB", "64kB", "64K", "1MB", "1M", "64Kibi", "64KiBytes"] },
  { what: "a part of a size", keys: kinds.size, texts: ["1.5KiB", "0.5MiB"] },
  { what: "a size above those there are", keys: kinds.size, texts: ["1GiB", "1TiB"] },
  { what: "a word that is no flag", keys: kinds.flag, texts: ["2", "-1", "maybe", "truee", "t", "y", "null", "10"] },
  {
    what: "a word that is no level",
    keys: kinds.choice,
    texts: ["verbose", "warning", "infos", "debug,trace", "true", "0", "none", "__proto__", "toString"]
  },
  // The ranges, at their very edges.
  { what: "too many", keys: ["defaults.mailbox_capacity"], texts: ["1048577", "2097152"] },
  { what: "too many", keys: ["supervisor.rapid_fail_threshold", ...kinds.whole.slice(2)], texts: ["1000001"] },
  { what: "too small", keys: kinds.size, texts: ["1B", "1023B"] },
  { what: "too large", keys: kinds.size, texts: ["1048577B", "1025KiB", "2MiB"] },
  { what: "too short", keys: ["defaults.deadline"], texts: ["9ms", "9.999ms", "0.009s", "1ms"] },
  { what: "too long", keys: ["defaults.deadline"], texts: ["60001ms", "60.001s", "61s", "2m", "1.01m"] },
  { what: "too short", keys: ["supervisor.rapid_fail_window"], texts: ["999ms", "0.999s", "0.01m"] },
  { what: "too long", keys: ["supervisor.rapid_fail_window"], texts: ["86400001ms", "86401s", "1441m"] },
  { what: "too short", keys: kinds.millis, texts: ["0.999ms", "0.0009s"] },
  { what: "too long", keys: kinds.millis, texts: ["86400001", "86400001ms", "1441m"] },
  // What would harm who reads the log.
  { what: "more than one line", keys: keyNames, texts: ["x\ny", "x\r\ny", "x\n\t\ny", "x\u2028y"], shown: "x y" },
  { what: "what acts on a terminal", keys: keyNames, texts: ["a\u001b[2Jb", "a\u009b\u0007[2Jb"], shown: "a [2Jb" },
  {
    what: "more than can be shown",
    keys: keyNames,
    texts: ["x".repeat(65), "x".repeat(9_000)],
    shown: `${"x".repeat(61)}...`
  },
  { what: "as much as can be shown", keys: keyNames, texts: ["x".repeat(64)] },
  {
    what: "a character that would be cut",
    keys: keyNames,
    texts: [`${"x".repeat(60)}${"😀".repeat(3)}`],
    shown: `${"x".repeat(60)}...`
  }
]

describe("a value that is not allowed", () => {
  for (const { keys: all, shown, texts, what } of badTexts) {
    const name = `${what}, ${texts.map((text) => JSON.stringify(text.slice(0, 20))).join(" ")}`
    it.effect(`is told with its name in the environment: ${name}`, () =>
      Effect.gen(function* () {
        for (const key of all) {
          for (const text of texts) {
            assertProblems(yield* problemsOf({ env: { [keys[key][0]]: text } }), [wrong(key, shown ?? text)])
          }
        }
      })
    )

    for (const format of formats) {
      it.effect(`is told with its file and its line (${format}): ${name}`, () =>
        Effect.gen(function* () {
          for (const key of all) {
            for (const text of texts) {
              const file = `/etc/ryker.${format}`
              const content = new TextEncoder().encode(fileWith(format, key, JSON.stringify(text)))
              const loading = RykerConfig.load({ environment: environmentOf({}), file })
              const error = yield* Effect.provide(Effect.flip(loading), fileInMemory(content))
              assertProblems(error.problems, [wrong(key, shown ?? text, file)])
            }
          }
        })
      )
    }

    it.effect(`is told as the program's own: ${name}`, () =>
      Effect.gen(function* () {
        for (const key of all) {
          const [section, field] = key.split(".")
          for (const text of texts) {
            const builder: RykerConfig.Input = { [section!]: { [field!]: text } }
            const expected = { ...wrong(key, shown ?? text), source: "builder" }
            assertProblems(yield* problemsOf({ builder }), [expected])
          }
        }
      })
    )
  }
})

describe("a literal of a file that is not allowed", () => {
  type Literal = readonly [key: KeyName, literal: string, shown: string]
  const shared: ReadonlyArray<Literal> = [
    ["defaults.mailbox_capacity", "0", "0"],
    ["defaults.mailbox_capacity", "-1", "-1"],
    ["defaults.mailbox_capacity", "1.5", "1.5"],
    ["defaults.mailbox_capacity", "1e400", "Infinity"],
    ["defaults.mailbox_capacity", "true", "true"],
    ["defaults.mailbox_capacity", "[1, 2]", "no single value"],
    ["defaults.mailbox_capacity", "[]", "no single value"],
    ["defaults.deadline", "1000", "1000"],
    ["defaults.deadline", "{}", "no single value"],
    ["defaults.max_msg_bytes", "65536", "65536"],
    ["supervisor.backoff_base_ms", "0.5", "0.5"],
    ["observability.span_level", "false", "false"],
    ["amnesia.enabled", "2", "2"]
  ]
  const empty: ReadonlyArray<Literal> = keyNames.map((key): Literal => [key, "null", ""])
  const literals: Record<Format, ReadonlyArray<Literal>> = {
    toml: [
      ...shared,
      ["defaults.mailbox_capacity", "inf", "Infinity"],
      ["defaults.mailbox_capacity", "nan", "NaN"],
      ["defaults.deadline", "{ seconds = 1 }", "no single value"],
      ["defaults.deadline", "1979-05-27T07:32:00Z", "no single value"],
      ["defaults.deadline", "1979-05-27", "1979-05-27"],
      ["defaults.deadline", "07:32:00", "07:32:00"],
      ["defaults.deadline", `"""1\n1s"""`, "1 1s"]
    ],
    json: [...shared, ...empty, ["defaults.deadline", `{ "seconds": 1 }`, "no single value"]],
    yaml: [
      ...shared,
      ...empty,
      ...keyNames.map((key): Literal => [key, "", ""]),
      ["defaults.deadline", "~", ""],
      ["defaults.mailbox_capacity", ".inf", "Infinity"],
      ["defaults.mailbox_capacity", ".nan", "NaN"],
      ["defaults.deadline", "10 parsecs", "10 parsecs"],
      ["defaults.deadline", "2024-01-01", "2024-01-01"],
      ["defaults.deadline", "!!str", "!!str"]
    ]
  }
  for (const format of formats) {
    it.effect.each(literals[format].map(([...literal]) => literal))(
      `is told with its line (${format}): %s, %s`,
      ([key, literal, shown]) =>
        Effect.gen(function* () {
          const file = yield* written(`ryker.${format}`, fileWith(format, key, literal))
          assertProblems(yield* problemsOf({ file }), [wrong(key, shown, file)])
        })
    )
  }
})

describe("a value that is written in another way", () => {
  const good: ReadonlyArray<[key: KeyName, texts: ReadonlyArray<string>, value: unknown]> = [
    ["defaults.mailbox_capacity", ["1024", " 1024", "1024\n", "\t1024 ", "+1024", "01024"], 1_024],
    ["defaults.mailbox_capacity", ["1"], 1],
    ["defaults.mailbox_capacity", ["1048576"], 1_048_576],
    ["defaults.max_msg_bytes", ["16KiB", "16kib", "16KIB", "16 KiB", " 16KiB ", "16384B", "16384b", "16384 B"], 16_384],
    ["defaults.max_msg_bytes", ["1KiB", "1024B"], 1_024],
    ["defaults.max_msg_bytes", ["1MiB", "1mib", "1024KiB"], 1_048_576],
    ["defaults.deadline", ["10ms", "0.01s", "10MS", "10 ms"], 10],
    ["defaults.deadline", ["1m", "60s", "60000ms", "1M", "60S", " 1m\t"], 60_000],
    ["defaults.deadline", ["1.5s", "1500ms", "0.025m"], 1_500],
    ["supervisor.backoff_base_ms", ["1", "1ms", "0.001s", " 1 "], 1],
    ["supervisor.backoff_cap_ms", ["86400000", "86400s", "1440m"], 86_400_000],
    ["supervisor.rapid_fail_window", ["1s", "1000ms"], 1_000],
    ["supervisor.rapid_fail_window", ["1440m", "86400s"], 86_400_000],
    ["supervisor.rapid_fail_threshold", ["1000000"], 1_000_000],
    ["observability.enable_metrics", ["false", "FALSE", "False", "no", "NO", "off", "OFF", "0", " false "], false],
    ["amnesia.enabled", ["true", "TRUE", "True", "yes", "YES", "on", "ON", "1", " true\n"], true],
    ["observability.span_level", ["debug", "DEBUG", "Debug", " dEbUg "], "debug"],
    ["observability.span_level", ["off", "OFF"], "off"]
  ]
  const valueOf = (config: RykerConfig.RykerConfig, key: KeyName): unknown => {
    const values: Readonly<Record<string, Readonly<Record<string, unknown>>>> = config
    const [section, name] = key.split(".")
    return values[section!]![name!]
  }

  for (const [key, texts, value] of good) {
    it.effect(`is the same: ${key}, ${texts.map((text) => JSON.stringify(text)).join(" ")}`, () =>
      Effect.gen(function* () {
        for (const text of texts) {
          const inEnvironment = yield* load({ env: { [keys[key][0]]: text } })
          assert.strictEqual(valueOf(inEnvironment.config, key), value)
          for (const format of formats) {
            const content = new TextEncoder().encode(fileWith(format, key, JSON.stringify(text)))
            const loading = RykerConfig.load({ environment: environmentOf({}), file: `ryker.${format}` })
            const inFile = yield* Effect.provide(loading, fileInMemory(content))
            assert.strictEqual(valueOf(inFile.config, key), value)
          }
        }
      })
    )
  }

  it.effect("is the same: a bare literal where a format has one", () =>
    Effect.gen(function* () {
      const bare: ReadonlyArray<[Format, KeyName, literal: string, value: unknown]> = [
        ["toml", "defaults.mailbox_capacity", "1_024", 1_024],
        ["toml", "defaults.mailbox_capacity", "0x400", 1_024],
        ["toml", "amnesia.enabled", "true", true],
        ["toml", "supervisor.backoff_base_ms", "250", 250],
        ["json", "defaults.mailbox_capacity", "1024", 1_024],
        ["json", "defaults.mailbox_capacity", "1.024e3", 1_024],
        ["json", "amnesia.enabled", "true", true],
        ["json", "amnesia.enabled", "1", true],
        ["yaml", "defaults.mailbox_capacity", "1024", 1_024],
        ["yaml", "defaults.deadline", "250ms", 250],
        ["yaml", "observability.span_level", "off", "off"],
        ["yaml", "observability.span_level", "OFF", "off"],
        ["yaml", "amnesia.enabled", "yes", true],
        ["yaml", "amnesia.enabled", "True", true]
      ]
      for (const [format, key, literal, value] of bare) {
        const file = yield* written(`ryker.${format}`, fileWith(format, key, literal))
        assert.strictEqual(valueOf((yield* load({ file })).config, key), value, `${format} ${literal}`)
      }
    })
  )
})

describe("a value that the program gives", () => {
  const given: ReadonlyArray<[key: KeyName, value: unknown, shown: string]> = [
    ["defaults.deadline", 0, "0ms"],
    ["defaults.deadline", -1, "-1ms"],
    ["defaults.deadline", 9, "9ms"],
    ["defaults.deadline", 60_001, "60001ms"],
    ["defaults.deadline", Number.NaN, "NaNms"],
    ["defaults.deadline", Number.POSITIVE_INFINITY, "Infinity"],
    ["defaults.deadline", 1e-9, "1e-9ms"],
    ["defaults.deadline", 1e21, "1000000000000000000s"],
    ["defaults.deadline", Duration.infinity, "Infinity"],
    ["defaults.deadline", Duration.millis(1), "1ms"],
    ["defaults.deadline", true, "true"],
    ["defaults.deadline", null, "no single value"],
    ["defaults.deadline", {}, "no single value"],
    ["defaults.deadline", [1_000], "no single value"],
    ["defaults.deadline", Object.create(null), "no single value"],
    ["defaults.deadline", Symbol("1s"), "no single value"],
    ["defaults.deadline", () => "1s", "no single value"],
    ["defaults.max_msg_bytes", 1_023, "1023B"],
    ["defaults.max_msg_bytes", 1_500.5, "1500.5B"],
    ["defaults.max_msg_bytes", Duration.seconds(1), "1s"],
    ["defaults.mailbox_capacity", 0, "0"],
    ["defaults.mailbox_capacity", 1.5, "1.5"],
    ["defaults.mailbox_capacity", 2 ** 53, "9007199254740992"],
    ["defaults.mailbox_capacity", Number.POSITIVE_INFINITY, "Infinity"],
    ["defaults.mailbox_capacity", Duration.seconds(1), "1s"],
    ["supervisor.backoff_base_ms", 0, "0"],
    ["amnesia.enabled", 2, "2"],
    ["observability.span_level", 3, "3"]
  ]
  it.effect.each(given.map(([...row]) => row))("is told as the program's own: %s, %o", ([key, value, shown]) =>
    Effect.gen(function* () {
      const [section, name] = key.split(".")
      // What a program without types may give.
      const builder = { [section!]: { [name!]: value } } as RykerConfig.Input
      assertProblems(yield* problemsOf({ builder }), [{ ...wrong(key, shown), source: "builder" }])
    })
  )

  it.effect("is told when there is no such key, with the nearest one", () =>
    Effect.gen(function* () {
      const builder = JSON.parse(`{
        "defaults": { "deadlin": "1s", "__proto__": 1 },
        "__proto__": { "enabled": true },
        "fairnes": { "batch_messages": 1 }
      }`) as RykerConfig.Input // What a program without types may give.
      const unknown = (key: string, fix: string): Problem => {
        return { key, environment: "", source: "builder", rule: "a key that is known", fix }
      }
      assertProblems(yield* problemsOf({ builder }), [
        unknown("defaults.deadlin", "did you mean defaults.deadline?"),
        unknown("defaults.__proto__", "remove it"),
        unknown("__proto__.enabled", "remove it"),
        unknown("fairnes.batch_messages", "did you mean fairness.batch_messages?")
      ])
    })
  )

  it.effect("is left out when it is undefined", () =>
    Effect.gen(function* () {
      const builder = { defaults: { deadline: undefined }, fairness: undefined } as unknown as RykerConfig.Input // As above.
      const { config, origins } = yield* load({ builder, env: { RYKER_DEFAULT_DEADLINE: "2s" } })
      assert.strictEqual(config.defaults.deadline, 2_000)
      assert.strictEqual(origins["defaults.deadline"]!.source, "environment")
    })
  )
})

describe("a name that is not known", () => {
  const unknown = (environment: string, fix: string): Problem => {
    return { key: "", environment, source: "environment", rule: "a name that is known", fix }
  }
  it.effect.each([
    ["RYKER_DEFAULT_DEADLIN", "did you mean RYKER_DEFAULT_DEADLINE?"],
    ["RYKER_DEFAULT_DEADLINE_", "did you mean RYKER_DEFAULT_DEADLINE?"],
    ["RYKER_default_deadline", "did you mean RYKER_DEFAULT_DEADLINE?"],
    ["RYKER__AMNESIA", "did you mean RYKER_AMNESIA?"],
    ["RYKER_ALLOW_CONFIG_PATHS", "did you mean RYKER_ALLOW_CONFIG_PATH?"],
    ["RYKER_CONFIG_FILE", "did you mean RYKER_CONFIG_PATH?"],
    // Nobody is sent to a deprecated name.
    ["RYKER_JITTR", "did you mean RYKER_DECORRELATED_JITTER?"],
    ["RYKER_", "remove it"],
    ["RYKER_0", "remove it"],
    ["RYKER_FOO_BAR_BAZ", "remove it"],
    ["RYKER___proto__", "remove it"],
    ["RYKER_constructor", "remove it"],
    ["RYKER_\u001b[2J", "remove it"],
    ["RYKER_SECRET_SAUCE=1", "remove it"]
  ] as const)("is refused in the environment, with the nearest one: %s", ([name, fix]) =>
    Effect.gen(function* () {
      const shown = name.replace("\u001b", " ")
      // The value may be a secret that was misspelt: it is not told.
      const problems = yield* problemsOf({ env: { [name]: "s3cr3t" } })
      assertProblems(problems, [unknown(shown, fix)])
    })
  )

  it.effect("is refused beside names that it is a part of, or that are a part of it", () =>
    Effect.gen(function* () {
      const env = { RYKER_DEFAULT: "1", RYKER_DEFAULT_DEADLINE: "1s", RYKER_DEFAULT_DEADLINE_MS: "1" }
      const names = (yield* problemsOf({ env })).map(({ environment }) => environment)
      assert.deepStrictEqual(names.toSorted(), ["RYKER_DEFAULT", "RYKER_DEFAULT_DEADLINE_MS"])
    })
  )

  it.effect("is refused if it ends in a number, however large", () =>
    Effect.gen(function* () {
      for (const name of ["RYKER_7", "RYKER_4294967294", "RYKER_AMNESIA_99999999"]) {
        assertProblems(yield* problemsOf({ env: { [name]: "" } }), [unknown(name, "remove it")])
      }
      const several = yield* problemsOf({ env: { RYKER_NODE_0: "a", RYKER_NODE_1: "b", RYKER_NODE_12: "c" } })
      assert.strictEqual(several.length, 3)
    })
  )

  it.effect("is nobody's business if it does not begin with RYKER_", () =>
    Effect.gen(function* () {
      const env = {
        RYKER: "1",
        RYKERS_DEADLINE: "1",
        ryker_amnesia: "perhaps",
        MY_RYKER_AMNESIA: "perhaps",
        APP_ENV: "production",
        APP_ENV_4294967294: "1",
        NODE_ENV_7: "1",
        PATH: ""
      }
      const { config, warnings } = yield* load({ env })
      assert.deepStrictEqual(config, RykerConfig.defaults)
      assert.deepStrictEqual(warnings, [])
    })
  )

  const files: ReadonlyArray<
    readonly [what: string, Format, text: string, key: string, line: number, fix: string, rule?: string]
  > = [
    ["a slip", "toml", `[defaults]\n\ndeadlin = "1s"`, "defaults.deadlin", 3, "did you mean defaults.deadline?"],
    ["a slip", "yaml", `defaults:\n  deadlin: 1s`, "defaults.deadlin", 2, "did you mean defaults.deadline?"],
    ["a slip", "json", `{"defaults":\n{"deadlin": "1s"}}`, "defaults.deadlin", 2, "did you mean defaults.deadline?"],
    ["the name in the environment", "toml", `RYKER_AMNESIA = true`, "RYKER_AMNESIA", 1, "remove it"],
    ["a section's slip", "toml", `[default]\ndeadline = "1s"`, "default", 1, "did you mean defaults?"],
    ["a section's slip", "yaml", `\nDefaults:\n  deadline: 1s`, "Defaults", 2, "did you mean defaults?"],
    ["a section's slip", "json", `{\n"superviser": {}}`, "superviser", 2, "did you mean supervisor?"],
    ["a key outside of its section", "toml", `deadline = "1s"`, "deadline", 1, "did you mean defaults.deadline?"],
    ["a key of another section", "toml", `[fairness]\ndeadline = "1s"`, "fairness.deadline", 2, "remove it"],
    ["__proto__", "toml", `[__proto__]\nenabled = true`, "__proto__", 1, "remove it"],
    ["__proto__", "json", `{"__proto__": {"enabled": true}}`, "__proto__", 1, "remove it"],
    ["__proto__", "yaml", `__proto__:\n  enabled: true`, "__proto__", 1, "remove it"],
    ["__proto__ in a section", "toml", `[amnesia]\n__proto__ = 1`, "amnesia.__proto__", 2, "remove it"],
    ["__proto__ in a section", "json", `{"amnesia":\n{"__proto__": {}}}`, "amnesia.__proto__", 2, "remove it"],
    ["__proto__ in a section", "yaml", `amnesia:\n  __proto__: {}`, "amnesia.__proto__", 2, "remove it"],
    ["constructor", "json", `{"constructor": {"prototype": {}}}`, "constructor", 1, "remove it"],
    ["toString in a section", "yaml", `amnesia:\n  toString: 1`, "amnesia.toString", 2, "remove it"],
    ["an empty name", "json", `{"": 1}`, "", 1, "remove it"],
    ["a bracket", "json", `{"defaults":\n{"(": 1}}`, "defaults.(", 2, "remove it"],
    ["a pattern", "json", `{"defaults":\n{"([a-z]+)+[0-9]": 1}}`, "defaults.([a-z]+)+[0-9]", 2, "remove it"],
    [
      "what acts on a terminal",
      "json",
      `{"defaults":\n{"a\\u001b[2J": 1}}`,
      "defaults.a [2J",
      // It is written in escapes, and not found: its section's line will do.
      1,
      "remove it"
    ],
    [
      "a section that is a flag",
      "yaml",
      `\namnesia: true`,
      "amnesia",
      2,
      "write its keys one by one, such as amnesia.enabled",
      "a section with keys"
    ],
    [
      "a section that is text",
      "toml",
      `fairness = "32"`,
      "fairness",
      1,
      "write its keys one by one, such as fairness.batch_messages",
      "a section with keys"
    ],
    [
      "a section that is a list",
      "json",
      `{"defaults": []}`,
      "defaults",
      1,
      "write its keys one by one, such as defaults.mailbox_capacity",
      "a section with keys"
    ],
    [
      "a section of which there are many",
      "toml",
      `[[defaults]]\ndeadline = "1s"`,
      "defaults",
      1,
      "write its keys one by one, such as defaults.mailbox_capacity",
      "a section with keys"
    ],
    [
      "a section that is a date",
      "toml",
      `defaults = 2020-01-01T00:00:00Z`,
      "defaults",
      1,
      "write its keys one by one, such as defaults.mailbox_capacity",
      "a section with keys"
    ]
  ]
  for (const [what, format, text, key, line, fix, rule = "a key that is known"] of files) {
    it.effect(`is refused in a file, with its line and the nearest one: ${what} (${format})`, () =>
      Effect.gen(function* () {
        const file = yield* written(`ryker.${format}`, text)
        assertProblems(yield* problemsOf({ file }), [{ key, environment: "", source: file, line, rule, fix }])
        assert.notProperty({}, "enabled")
      })
    )
  }

  it.effect("is no section that has nothing in it", () =>
    Effect.gen(function* () {
      for (const [format, text] of [
        ["toml", "[defaults]\n[amnesia]\n"],
        ["yaml", "defaults:\namnesia: {}\n"],
        ["json", `{"defaults": {}, "amnesia": null}`]
      ] as const) {
        const file = yield* written(`ryker.${format}`, text)
        assert.deepStrictEqual((yield* load({ file })).config, RykerConfig.defaults)
      }
    })
  )
})

describe("a file that gives no settings", () => {
  const look = "check that it is there, is no directory, and may be read"
  const mend = "mend the file, or let an editor check it"
  /** Asked for by the program, and named by the environment: which it was is told. */
  const both = (path: string, expected: Pick<Problem, "line" | "rule" | "fix">) =>
    Effect.gen(function* () {
      assertProblems(yield* problemsOf({ file: path }), [{ key: "", environment: "", source: path, ...expected }])
      assertProblems(yield* problemsOf({ env: { RYKER_CONFIG_PATH: path } }), [
        { key: "", environment: "RYKER_CONFIG_PATH", source: path, ...expected }
      ])
    })

  const contents: ReadonlyArray<
    readonly [what: string, Format, content: string | Uint8Array, Pick<Problem, "line" | "rule" | "fix">]
  > = [
    [
      "a key twice",
      "toml",
      `[defaults]\ndeadline = "1s"\ndeadline = "2s"`,
      { line: 3, rule: "a file in which no key stands twice", fix: "remove one of the two" }
    ],
    [
      "a key twice",
      "yaml",
      `defaults:\n  deadline: 1s\n  deadline: 2s`,
      { line: 3, rule: "a file in which no key stands twice", fix: "remove one of the two" }
    ],
    [
      "a key twice",
      "json",
      `{"defaults":\n{"deadline": "1s",\n"deadline": "2s"}}`,
      { line: 3, rule: "a file in which no key stands twice", fix: "remove one of the two" }
    ],
    ["a value without quotes", "toml", `[defaults]\ndeadline = 1s`, { line: 2, rule: "well-formed TOML", fix: mend }],
    ["half of it", "json", `{\n"defaults": {`, { line: 2, rule: "well-formed JSON", fix: mend }],
    ["half of it", "toml", `[defaults]\ndeadl`, { line: 2, rule: "well-formed TOML", fix: mend }],
    ["a tab", "yaml", `defaults:\n\tdeadline: 1s`, { line: 2, rule: "well-formed YAML", fix: mend }],
    ...formats.map(
      (format) =>
        [
          "another encoding",
          format,
          new Uint8Array([0xff, 0xfe, 0x00]),
          { rule: "text in UTF-8", fix: "save it as UTF-8" }
        ] as const
    ),
    [
      "a list",
      "json",
      `[{"defaults": {}}]`,
      { rule: "sections with keys", fix: "begin with a section, such as defaults" }
    ]
  ]
  for (const [what, format, content, expected] of contents) {
    it.effect(`is refused with its line, if it has one: ${what} (${format})`, () =>
      Effect.gen(function* () {
        yield* both(yield* written(`ryker.${format}`, content), expected)
      })
    )
  }

  it.effect("is refused when it is missing, a directory, or has another name", () =>
    Effect.gen(function* () {
      const path = yield* folder
      for (const format of [...formats, "yml"]) {
        yield* both(`${path}/missing.${format}`, { rule: "a file that can be read: NotFound", fix: look })
        yield* Effect.promise(() => fs.mkdir(`${path}/folder.${format}`))
        yield* both(`${path}/folder.${format}`, { rule: "a file, not a directory", fix: "give the path of a file" })
      }
      const rule = "a file whose name ends in .toml, .json, .yaml or .yml"
      for (const name of ["ryker", "ryker.txt", "ryker.toml.bak"]) {
        yield* both(`${path}/${name}`, { rule, fix: "rename it" })
      }
      yield* both(path, { rule, fix: "rename it" })
    })
  )

  it.effect("is refused when it may not be read", () =>
    Effect.gen(function* () {
      // Root may read all, so the refusal is played.
      const denied = FileSystem.layerNoop({
        stat: () => Effect.succeed(info("File", 3)),
        readFile: (pathOrDescriptor) =>
          Effect.fail(
            PlatformError.systemError({
              _tag: "PermissionDenied",
              module: "FileSystem",
              method: "readFile",
              pathOrDescriptor
            })
          )
      })
      for (const format of formats) {
        const file = `/root/ryker.${format}`
        const loading = RykerConfig.load({ environment: environmentOf({}), file })
        const { problems } = yield* Effect.provide(Effect.flip(loading), denied)
        const rule = "a file that can be read: PermissionDenied"
        assertProblems(problems, [{ key: "", environment: "", source: file, rule, fix: look }])
      }
    })
  )

  it.effect("is refused when it is 10 MB of rubbish", () =>
    Effect.gen(function* () {
      const rubbish = new Uint8Array(10_485_760).map((_, index) => (index * 2_654_435_761) >>> 24)
      const rule = `a file of at most ${maxFileBytes} bytes, not 10485760`
      for (const format of formats) {
        yield* both(yield* written(`ryker.${format}`, rubbish), { rule, fix: "check the path" })
      }
    })
  )

  it.effect("is refused when nothing can read it", () =>
    Effect.gen(function* () {
      const loading = RykerConfig.load({ environment: environmentOf({}), file: "ryker.toml" })
      const { problems } = yield* Effect.flip(loading)
      assertProblems(problems, [
        {
          key: "",
          environment: "",
          source: "ryker.toml",
          rule: "a file that can be read: there is no FileSystem here",
          fix: "provide a FileSystem, such as NodeFileSystem.layer of @effect/platform-node, or name no file"
        }
      ])
    })
  )

  it.effect("is one that RYKER_CONFIG_PATH leaves empty", () =>
    Effect.gen(function* () {
      for (const path of ["", " "]) {
        const problems = yield* problemsOf({ env: { RYKER_CONFIG_PATH: path } })
        assert.strictEqual(problems.length, 1)
        assert.strictEqual(problems[0]!.environment, "RYKER_CONFIG_PATH")
      }
    })
  )

  it.effect("is none that begins with a byte order mark", () =>
    Effect.gen(function* () {
      for (const format of formats) {
        const file = yield* written(`ryker.${format}`, `\uFEFF${fileWith(format, "defaults.deadline", `"2s"`)}`)
        const { config, origins } = yield* load({ file })
        assert.strictEqual(config.defaults.deadline, 2_000)
        assert.deepStrictEqual(origins["defaults.deadline"], { source: "file", name: file, line: 4 })
      }
    })
  )
})

describe("an environment that cannot be read", () => {
  it.effect.each([
    ["fails", () => Effect.fail(new ConfigProvider.SourceError({ message: "s3cr3t" }))],
    ["dies", () => Effect.die(new Error("s3cr3t"))],
    [
      "throws",
      () => {
        throw new Error("s3cr3t")
      }
    ]
  ] as const)("is a problem, not an empty one: it %s", ([, get]) =>
    Effect.gen(function* () {
      const environment = ConfigProvider.make(get)
      const { problems } = yield* Effect.flip(RykerConfig.load({ environment }))
      assertProblems(problems, [
        {
          key: "",
          environment: "",
          source: "environment",
          rule: "an environment that can be read",
          fix: "look at the ConfigProvider that the host provides"
        }
      ])
    })
  )
})

describe("two keys that do not go together", () => {
  type Pair = readonly [key: KeyName, value: string]
  interface Quarrel {
    readonly what: string
    readonly pairs: ReadonlyArray<Pair>
    readonly blamed: KeyName
    readonly shown: string
    readonly rule: string
    readonly fix: string
  }
  const backoff = "lower supervisor.backoff_base_ms, or raise supervisor.backoff_cap_ms"
  const fairness = "raise fairness.yield_every_n_msgs, or lower fairness.batch_messages"
  const amnesia = "set amnesia.zeroize_on_drop to true, or amnesia.enabled to false"
  const quarrels: ReadonlyArray<Quarrel> = [
    {
      what: "a base above the cap",
      pairs: [
        ["supervisor.backoff_base_ms", "200"],
        ["supervisor.backoff_cap_ms", "199"]
      ],
      blamed: "supervisor.backoff_base_ms",
      shown: "200",
      rule: "at most supervisor.backoff_cap_ms, which is 199",
      fix: backoff
    },
    {
      what: "a base above the cap that is default",
      pairs: [["supervisor.backoff_base_ms", "5001"]],
      blamed: "supervisor.backoff_base_ms",
      shown: "5001",
      rule: "at most supervisor.backoff_cap_ms, which is 5000",
      fix: backoff
    },
    {
      // Who set the cap is not told of a base that they never heard of.
      what: "a cap below the base that is default",
      pairs: [["supervisor.backoff_cap_ms", "0.099s"]],
      blamed: "supervisor.backoff_cap_ms",
      shown: "99",
      rule: "at least supervisor.backoff_base_ms, which is 100",
      fix: backoff
    },
    {
      what: "a yield below the batch",
      pairs: [
        ["fairness.batch_messages", "10"],
        ["fairness.yield_every_n_msgs", "9"]
      ],
      blamed: "fairness.yield_every_n_msgs",
      shown: "9",
      rule: "at least fairness.batch_messages, which is 10",
      fix: fairness
    },
    {
      what: "a yield below the batch that is default",
      pairs: [["fairness.yield_every_n_msgs", "31"]],
      blamed: "fairness.yield_every_n_msgs",
      shown: "31",
      rule: "at least fairness.batch_messages, which is 32",
      fix: fairness
    },
    {
      what: "a batch above the yield that is default",
      pairs: [["fairness.batch_messages", "65"]],
      blamed: "fairness.batch_messages",
      shown: "65",
      rule: "at most fairness.yield_every_n_msgs, which is 64",
      fix: fairness
    },
    {
      what: "amnesia without zeroize",
      pairs: [
        ["amnesia.enabled", "true"],
        ["amnesia.zeroize_on_drop", "false"]
      ],
      blamed: "amnesia.enabled",
      shown: "true",
      rule: "false without amnesia.zeroize_on_drop, which is false",
      fix: amnesia
    }
  ]
  /** All pairs in one file; gives the line of the blamed one, too. */
  const fileOf = (format: Format, pairs: ReadonlyArray<Pair>, blamed: KeyName) => {
    const section = pairs[0]![0].split(".")[0]!
    const names = pairs.map(([key]) => key.split(".")[1]!)
    const values = pairs.map(([, value]) => JSON.stringify(value))
    const line = 2 + pairs.findIndex(([key]) => key === blamed)
    const text = {
      toml: [`[${section}]`, ...names.map((name, index) => `${name} = ${values[index]}`)].join("\n"),
      yaml: [`${section}:`, ...names.map((name, index) => `  ${name}: ${values[index]}`)].join("\n"),
      json: `{"${section}": {\n${names.map((name, index) => `"${name}": ${values[index]}`).join(",\n")}}}`
    }
    return { line, text: text[format] }
  }

  for (const { blamed, fix, pairs, rule, shown, what } of quarrels) {
    const problem = (source: string, line?: number): Problem => {
      const place = line === undefined ? {} : { line }
      return { key: blamed, environment: keys[blamed][0], source, ...place, value: shown, rule, fix }
    }
    it.effect(`are told by the one that was set, with the other's value: ${what}`, () =>
      Effect.gen(function* () {
        const env = Object.fromEntries(pairs.map(([key, value]) => [keys[key][0], value]))
        assertProblems(yield* problemsOf({ env }), [problem(keys[blamed][0])])
        for (const format of formats) {
          const { line, text } = fileOf(format, pairs, blamed)
          const file = yield* written(`ryker.${format}`, text)
          assertProblems(yield* problemsOf({ file }), [problem(file, line)])
        }
      })
    )
  }

  it.effect("are told wherever each of them stands", () =>
    Effect.gen(function* () {
      const file = yield* written("ryker.toml", `[supervisor]\nbackoff_cap_ms = 50\n`)
      const [problem] = yield* problemsOf({ env: { RYKER_BACKOFF_BASE_MS: "60" }, file })
      assert.strictEqual(problem!.source, "RYKER_BACKOFF_BASE_MS")
      assert.strictEqual(problem!.rule, "at most supervisor.backoff_cap_ms, which is 50")
      const builder = { supervisor: { backoff_base_ms: 60 } }
      assert.strictEqual((yield* problemsOf({ builder, file }))[0]!.source, "builder")
    })
  )

  it.effect("are not told when one of them is wrong in itself: mend that first", () =>
    Effect.gen(function* () {
      const env = { RYKER_BACKOFF_BASE_MS: "6000", RYKER_BACKOFF_CAP_MS: "soon", RYKER_YIELD_EVERY_N: "0" }
      const problems = yield* problemsOf({ env })
      assert.deepStrictEqual(
        problems.map(({ key }) => key),
        ["supervisor.backoff_cap_ms", "fairness.yield_every_n_msgs"]
      )
    })
  )

  it.effect("may be equal, and amnesia goes with zeroize", () =>
    Effect.gen(function* () {
      const { config } = yield* load({
        env: {
          RYKER_BACKOFF_BASE_MS: "70",
          RYKER_BACKOFF_CAP_MS: "70ms",
          RYKER_BATCH_MESSAGES: "64",
          RYKER_AMNESIA: "yes"
        }
      })
      assert.strictEqual(config.supervisor.backoff_base_ms, config.supervisor.backoff_cap_ms)
      assert.strictEqual(config.fairness.batch_messages, config.fairness.yield_every_n_msgs)
      assert.deepStrictEqual(config.amnesia, { enabled: true, zeroize_on_drop: true })
    })
  )
})

describe("several problems", () => {
  it.effect("are told all at once, whichever source they stand in, and nothing holds", () =>
    Effect.gen(function* () {
      const file = yield* written(
        "ryker.toml",
        `[defaults]\ndeadline = "soon"\nmailbox_capacity = 8\n\n[fairnes]\nbatch_messages = 1\n`
      )
      const error = yield* Effect.flip(
        load({
          builder: { amnesia: { enabled: "perhaps" } },
          env: { RYKER_SPAN_LEVEL: "loud", RYKER_NOISE: "1", RYKER_BACKOFF_CAP_MS: "50", RYKER_ENABLE_METRICS: "" },
          file
        })
      )
      const told = error.problems.map(({ environment, key, line, source }) => [key || environment, source, line])
      assert.sameDeepMembers(told, [
        ["amnesia.enabled", "builder", undefined],
        ["observability.span_level", "RYKER_SPAN_LEVEL", undefined],
        ["RYKER_NOISE", "environment", undefined],
        ["observability.enable_metrics", "RYKER_ENABLE_METRICS", undefined],
        ["supervisor.backoff_cap_ms", "RYKER_BACKOFF_CAP_MS", undefined],
        ["defaults.deadline", file, 2],
        ["fairnes", file, 5]
      ])
      assert.strictEqual(error._tag, "InvalidConfig")
      const lines = error.message.split("\n")
      assert.strictEqual(lines[0], "7 problems with the settings of ryker, none of which was applied:")
      assert.strictEqual(lines.length, 8)
      assert.include(
        error.message,
        `- defaults.deadline (RYKER_DEFAULT_DEADLINE) in ${file}, line 2, is "soon", but must be a duration from 10ms to 1m, with its unit: ms, s or m: write it like 1s`
      )
      for (const line of lines.slice(1)) assert.match(line, /^- .+ must be .+: .+$/)
    })
  )

  it.effect("of the environment are told beside a file that cannot be read", () =>
    Effect.gen(function* () {
      const env = { RYKER_CONFIG_PATH: "/nowhere/ryker.toml", RYKER_SPAN_LEVEL: "loud" }
      const told = (yield* problemsOf({ env })).map(({ environment }) => environment)
      assert.deepStrictEqual(told, ["RYKER_CONFIG_PATH", "RYKER_SPAN_LEVEL"])
    })
  )

  it.effect("may be very many", () =>
    Effect.gen(function* () {
      const env = Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`RYKER_X${n}`, "1"]))
      assert.strictEqual((yield* problemsOf({ env })).length, 2_000)
    })
  )
})
