/** Whatever stands in the environment and in a file: settings that hold, or a typed error. */
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { maxFileBytes } from "../src/internal/configFile.ts"
import * as RykerConfig from "../src/RykerConfig.ts"
import { InvalidConfig } from "../src/RykerError.ts"
import {
  environmentOf,
  type Env,
  fileInMemory,
  type Format,
  formats,
  holdTogether,
  schemaProblems
} from "./RykerConfig.fixtures.ts"

// --- What is checked ----------------------------------------------------------------------------------------------------

const encode = Schema.encodeUnknownSync(RykerConfig.RykerConfig)
const decode = Schema.decodeUnknownSync(RykerConfig.RykerConfig)
const keys = RykerConfig.keys.map(({ key }) => key)
const byKey = new Map(RykerConfig.keys.map((key) => [key.key, key]))

/** Settings that hold: within all bounds, which only the way from text knows, and together. */
const assertValid = ({ config, origins, warnings }: RykerConfig.Resolved): void => {
  assert.deepStrictEqual(decode(encode(config)), config)
  assert.isTrue(holdTogether(config), "the rules between keys")
  assert.deepStrictEqual(Object.keys(origins), keys)
  assert.isAtMost(warnings.length, 1)
}

/** A problem says where, what is allowed, and what to do, in one line that nothing of the input can break. */
const assertTold = (error: InvalidConfig): void => {
  assert.instanceOf(error, InvalidConfig)
  assert.isAbove(error.problems.length, 0)
  for (const { environment, fix, key, line, rule, source, value = "" } of error.problems) {
    assert.isTrue(key === "" || environment === "" || byKey.get(key)?.environment === environment)
    for (const part of [source, rule, fix]) assert.notStrictEqual(part, "")
    for (const part of [key, environment, value, rule, fix]) assert.isAtMost(part.length, 120)
    for (const part of [key, environment, value]) assert.notMatch(part, /[\p{Cc}\u2028\u2029]/u)
    assert.isTrue(line === undefined || line >= 1)
  }
  assert.strictEqual(error.message.split("\n").length, error.problems.length === 1 ? 1 : error.problems.length + 1)
}

interface Input {
  readonly env?: Env
  readonly file?: { readonly name: string; readonly content: Uint8Array }
}

const loadExit = ({ env = {}, file }: Input) => {
  const loading = RykerConfig.load({ environment: environmentOf(env), file: file?.name })
  return Effect.exit(Effect.provide(loading, fileInMemory(file?.content ?? new Uint8Array())))
}

/** Valid settings or a typed error; a defect fails the test. Gives whether they are valid. */
const answered = (input: Input) =>
  Effect.map(loadExit(input), (exit): boolean => {
    if (Exit.isSuccess(exit)) {
      assertValid(exit.value)
      return true
    }
    const [reason, ...more] = exit.cause.reasons
    assert.strictEqual(more.length, 0)
    if (reason?._tag !== "Fail") return assert.fail(`a defect: ${String(exit.cause)}`)
    assertTold(reason.error)
    return false
  })

const asFile = (format: Format, text: string) => ({
  name: `ryker.${format}`,
  content: new TextEncoder().encode(text)
})

// --- What is drawn ------------------------------------------------------------------------------------------------------

const int = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))
const oneOf = <A>(values: ReadonlyArray<A>) => Arbitrary.map(int(0, values.length - 1), (index) => values[index]!)
/** Mostly one of these, now and then anything. */
const mostly = (values: ReadonlyArray<string>) =>
  Arbitrary.map(Arbitrary.all([int(0, 5), oneOf(values), Arbitrary.schema(Schema.String)]), ([dice, known, any]) =>
    dice === 0 ? any : known
  )
const listOf = <A>(item: Arbitrary.Arbitrary<A>, maxLength: number) => Arbitrary.array(item, { maxLength })

const texts = [
  "",
  " ",
  "0",
  "1",
  "-1",
  "32",
  "64",
  "256",
  "1e400",
  "9007199254740993",
  "99999999999999999999999",
  "1ms",
  "10ms",
  "250ms",
  "1s",
  "2s",
  "1m",
  "60s",
  "1440m",
  "10 parsecs",
  "1.5s",
  "0.0001ms",
  " 1S ",
  "64KiB",
  "64KB",
  "1mib",
  "1024B",
  "1B",
  "true",
  "FALSE",
  "yes",
  "off",
  "DEBUG",
  "trace",
  "null",
  "{}",
  "\u001b[31m",
  "\u0000",
  "\uFEFF1s",
  "😀",
  "\ud83d",
  "__proto__",
  "a\nb",
  "x".repeat(100),
  "NaN",
  "Infinity"
]

const names = [
  ...RykerConfig.keys.flatMap(({ deprecated = "RYKER_", environment }) => [environment, environment, deprecated]),
  "RYKER_CONFIG_PATH",
  "RYKER_ALLOW_CONFIG_PATH",
  "APP_ENV",
  "NODE_ENV",
  "RYKER",
  "RYKER_DEFAULT",
  "RYKER_DEFAULT_DEADLINES",
  "RYKER_0",
  "RYKER_4294967294",
  "RYKER___proto__",
  "__proto__",
  "constructor"
]

/** Entries, not an object: a key may be `__proto__`. */
const anyEnv = Arbitrary.map(
  listOf(Arbitrary.all([mostly(names), mostly([...texts, "production", "ryker.toml"])]), 6),
  (entries): Env => Object.fromEntries(entries)
)

/** What the three formats are made of: parts that may fit, in any order. */
const parts = [
  ...keys.flatMap((key) => key.split(".")),
  ...keys,
  ...texts,
  ...texts.map((text) => JSON.stringify(text)),
  "[",
  "]",
  "{",
  "}",
  "[[",
  "]]",
  "=",
  ":",
  ": ",
  " = ",
  ",",
  ".",
  "\n",
  "\n",
  "\n  ",
  "\n\t",
  "\r\n",
  "#",
  " # ",
  '"',
  "'",
  '"""',
  "'''",
  "|",
  ">",
  "- ",
  "&a",
  "*a",
  "<<: *a",
  "---",
  "...",
  "%",
  "!!str",
  "?",
  "\\",
  "\\u0061",
  "(",
  "(a+)+$",
  "1979-05-27T07:32:00Z",
  "0x10",
  "1_0",
  ".inf",
  "nan",
  "~",
  "//",
  "/*",
  "\uFEFF",
  "__proto__"
]
const anyText = Arbitrary.map(listOf(mostly(parts), 40), (all) => all.join(""))

/** A file that is well-formed but for its values, and its names now and then. */
const anyEntry = Arbitrary.all({
  key: mostly([...keys, ...keys, "defaults.deadlines", "default.deadline", "amnesia.__proto__", "defaults.("]),
  value: mostly(texts)
})
const anyEntries = listOf(anyEntry, 8)

const fileOf = (format: Format, entries: ReadonlyArray<{ readonly key: string; readonly value: string }>): string => {
  const sections = new Map<string, Map<string, string>>()
  for (const { key, value } of entries) {
    const [section, ...rest] = key.split(".")
    const values = sections.get(section!) ?? new Map<string, string>()
    // A lone surrogate has no place in a file.
    sections.set(section!, values.set(rest.join("."), value.replaceAll(/\p{Cs}/gu, "?")))
  }
  const quote = (text: string) => JSON.stringify(text.replaceAll(/\p{Cs}/gu, "?")).replaceAll("\u007f", "\\u007f")
  const write = (before: string, pair: (name: string, value: string) => string, glue: string, after: string) =>
    Array.from(sections, ([section, values]) => {
      const lines = Array.from(values, ([name, value]) => pair(quote(name), quote(value)))
      return before.replace("%", () => quote(section)) + lines.join(glue) + after
    })
  switch (format) {
    case "toml":
      return write("[%]\n", (name, value) => `${name} = ${value}`, "\n", "\n").join("\n")
    case "yaml":
      return write("%:\n", (name, value) => `  ${name}: ${value}`, "\n", "\n").join("")
    case "json":
      return `{${write("%: {\n", (name, value) => `  ${name}: ${value}`, ",\n", "}").join(",\n")}}`
  }
}

/** A valid one, with parts of a millisecond where there may be some. */
const anyConfig = Arbitrary.map(
  Arbitrary.all({
    capacity: int(1, 1_048_576),
    bytes: int(1_024, 1_048_576),
    deadline: int(10 * 8, 60_000 * 8),
    backoffs: Arbitrary.all([int(8, 86_400_000 * 8), int(8, 86_400_000 * 8)]),
    jitter: Arbitrary.schema(Schema.Boolean),
    threshold: int(1, 1_000_000),
    window: int(1_000 * 8, 86_400_000 * 8),
    messages: Arbitrary.all([int(1, 1_000_000), int(1, 1_000_000)]),
    flags: Arbitrary.all([int(0, 1), int(0, 1), int(0, 1), int(0, 1)]),
    level: oneOf(["off", "error", "warn", "info", "debug", "trace"] as const),
    logs: oneOf(["inherit", "off", "fatal", "error", "warn", "info", "debug", "trace"] as const),
    isRound: Arbitrary.schema(Schema.Boolean)
  }),
  ({ backoffs, bytes, capacity, deadline, flags, isRound, jitter, level, logs, messages, threshold, window }) => {
    // Round ones are written in another unit.
    const millis = (eighths: number) => (isRound ? Math.max(1_000, Math.floor(eighths / 8_000) * 1_000) : eighths / 8)
    const size = isRound ? Math.max(1_024, Math.floor(bytes / 1_024) * 1_024) : bytes
    const config: RykerConfig.RykerConfig = {
      defaults: { mailbox_capacity: capacity, max_msg_bytes: size, deadline: millis(deadline) },
      supervisor: {
        backoff_base_ms: millis(Math.min(...backoffs)),
        backoff_cap_ms: millis(Math.max(...backoffs)),
        decorrelated_jitter: jitter,
        rapid_fail_threshold: threshold,
        rapid_fail_window: millis(window)
      },
      fairness: { batch_messages: Math.min(...messages), yield_every_n_msgs: Math.max(...messages) },
      observability: {
        enable_metrics: flags[0] === 1,
        queue_depth_sampling: flags[1] === 1,
        span_level: level,
        log_level: logs
      },
      amnesia: { enabled: flags[2] === 1, zeroize_on_drop: flags[2] === 1 || flags[3] === 1 }
    }
    return config
  }
)

// --- The properties -----------------------------------------------------------------------------------------------------

describe("valid settings, or InvalidConfig with all that is wrong", () => {
  it.effect.prop("are what any environment gives", [anyEnv], ([env]) => Effect.asVoid(answered({ env })), {
    arbitrary: { runs: 500, size: 20 }
  })

  for (const format of formats) {
    it.effect.prop(
      `are what any text gives (${format})`,
      [anyText],
      ([text]) => Effect.asVoid(answered({ file: asFile(format, text) })),
      { arbitrary: { runs: 500, size: 40 } }
    )

    it.effect.prop(
      `are what any keys and values give (${format})`,
      [anyEntries],
      ([entries]) => Effect.asVoid(answered({ file: asFile(format, fileOf(format, entries)) })),
      { arbitrary: { runs: 400, size: 20 } }
    )

    it.effect.prop(
      `are what any bytes give (${format})`,
      [Arbitrary.array(int(0, 255), { maxLength: 200 })],
      ([bytes]) => Effect.asVoid(answered({ file: { name: `ryker.${format}`, content: new Uint8Array(bytes) } })),
      { arbitrary: { runs: 200, size: 100 } }
    )

    it.effect.prop(
      `are what a file gives that is cut, or has a piece twice (${format})`,
      [anyConfig, int(0, 1_000), int(0, 1_000)],
      ([config, one, two]) => {
        const text = RykerConfig.format(config, format)
        const [start, end] = [one, two].map((n) => n % (text.length + 1)).toSorted((a, b) => a - b)
        return Effect.gen(function* () {
          yield* answered({ file: asFile(format, text.slice(0, start)) })
          yield* answered({ file: asFile(format, text.slice(0, start) + text.slice(end)) })
          yield* answered({ file: asFile(format, text.slice(0, end) + text.slice(start)) })
        })
      },
      { arbitrary: { runs: 300 } }
    )
  }

  it.effect.prop(
    "are what any environment and any file give together",
    [anyEnv, oneOf(formats), anyEntries],
    ([env, format, entries]) => Effect.asVoid(answered({ env, file: asFile(format, fileOf(format, entries)) })),
    { arbitrary: { runs: 400, size: 20 } }
  )

  it.effect("are both seen in what is drawn", () =>
    Effect.gen(function* () {
      let valid = 0
      const samples = yield* Arbitrary.sampleEffect(Arbitrary.all([anyEnv, anyEntries]), {
        count: 300,
        size: 20,
        seed: 1
      })
      for (const [env, entries] of samples) {
        if (yield* answered({ env })) valid++
        for (const format of formats) if (yield* answered({ file: asFile(format, fileOf(format, entries)) })) valid++
      }
      assert.isAbove(valid, 50)
      assert.isBelow(valid, 1_150)
    })
  )

  it.effect("are what a file of the largest size gives", () =>
    Effect.gen(function* () {
      for (const format of formats) {
        const text = fileOf(
          format,
          Array.from({ length: 400 }, (_, n) => ({ key: `defaults.k${n}`, value: "1".repeat(12) }))
        )
        assert.isAtMost(text.length, maxFileBytes)
        assert.isFalse(yield* answered({ file: asFile(format, text) }))
      }
    })
  )
})

describe("what is drawn as a text of each format", () => {
  it.effect.prop(
    "says the same in all of them",
    [anyEntries],
    ([entries]) =>
      Effect.gen(function* () {
        const told = yield* Effect.forEach(formats, (format) =>
          Effect.map(loadExit({ file: asFile(format, fileOf(format, entries)) }), (exit) => {
            if (Exit.isSuccess(exit)) return exit.value.config
            const [reason] = exit.cause.reasons
            if (reason?._tag !== "Fail") return assert.fail(String(exit.cause))
            // The file's name and its lines differ.
            return reason.error.problems.map(({ fix, key, rule, value }) => ({ fix, key, rule, value }))
          })
        )
        assert.deepStrictEqual(told[1], told[0])
        assert.deepStrictEqual(told[2], told[0])
      }),
    { arbitrary: { runs: 500, size: 20 } }
  )
})

describe("valid settings", () => {
  for (const format of formats) {
    it.effect.prop(
      `are read back as they were written (${format})`,
      [anyConfig],
      ([config]) =>
        Effect.gen(function* () {
          const exit = yield* loadExit({ file: asFile(format, RykerConfig.format(config, format)) })
          if (Exit.isFailure(exit)) return assert.fail(String(exit.cause))
          assert.deepStrictEqual(exit.value.config, config)
          assert.deepStrictEqual(RykerConfig.diff(exit.value.config, config), [])
          const sources = new Set(Object.values(exit.value.origins).map(({ source }) => source))
          assert.deepStrictEqual(sources, new Set(["file" as const]))
        }),
      { arbitrary: { runs: 500 } }
    )
  }

  it.effect.prop(
    "are read back as they were written (env)",
    [anyConfig],
    ([config]) =>
      Effect.gen(function* () {
        const lines = RykerConfig.format(config, "env").trimEnd().split("\n")
        const env = Object.fromEntries(lines.map((line) => line.split("=") as [string, string])) // One sign in each line.
        const exit = yield* loadExit({ env })
        if (Exit.isFailure(exit)) return assert.fail(String(exit.cause))
        assert.deepStrictEqual(exit.value.config, config)
      }),
    { arbitrary: { runs: 500 } }
  )

  it.effect.prop(
    "are taken as they are from the program",
    [anyConfig],
    ([config]) =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(RykerConfig.load({ builder: config, environment: environmentOf({}) }))
        if (Exit.isFailure(exit)) return assert.fail(String(exit.cause))
        assert.deepStrictEqual(exit.value.config, config)
      }),
    { arbitrary: { runs: 300 } }
  )

  it.prop(
    "hold to the JSON Schema",
    [anyConfig],
    ([config]) => {
      const json: unknown = JSON.parse(RykerConfig.format(config, "json"))
      assert.deepStrictEqual(schemaProblems(RykerConfig.jsonSchema, json), [])
    },
    { arbitrary: { runs: 300 } }
  )

  it.prop(
    "differ from others in the keys whose values do",
    [anyConfig, anyConfig],
    ([one, two]) => {
      const changed = RykerConfig.diff(one, two).map(({ key }) => key)
      const flat = (config: RykerConfig.RykerConfig): ReadonlyArray<unknown> =>
        Object.values(config).flatMap((values) => Object.values(values))
      const [ones, twos] = [flat(one), flat(two)]
      assert.deepStrictEqual(
        changed,
        keys.filter((_, index) => ones[index] !== twos[index])
      )
      assert.deepStrictEqual(RykerConfig.diff(one, one), [])
    },
    { arbitrary: { runs: 300 } }
  )
})
