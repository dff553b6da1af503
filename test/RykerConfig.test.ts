import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import * as Yaml from "effect/encoding/Yaml"
import * as Toml from "effect/encoding/Toml"
import * as Result from "effect/Result"
import { readFileSync } from "node:fs"
import * as RykerConfig from "../src/RykerConfig.ts"
import {
  environmentOf,
  type Env,
  fileWith,
  Files,
  formats,
  load,
  problemsOf,
  schemaProblems,
  written
} from "./RykerConfig.fixtures.ts"

/** The table of design.md, section 5, by hand: key, environment, default, class. */
const table = [
  ["defaults.mailbox_capacity", "RYKER_DEFAULT_MAILBOX_CAPACITY", "256", "cold"],
  ["defaults.max_msg_bytes", "RYKER_DEFAULT_MAX_MSG_BYTES", "64KiB", "cold"],
  ["defaults.deadline", "RYKER_DEFAULT_DEADLINE", "1s", "hot"],
  ["supervisor.backoff_base_ms", "RYKER_BACKOFF_BASE_MS", "100", "next restart"],
  ["supervisor.backoff_cap_ms", "RYKER_BACKOFF_CAP_MS", "5000", "next restart"],
  ["supervisor.decorrelated_jitter", "RYKER_DECORRELATED_JITTER", "true", "next restart"],
  ["supervisor.rapid_fail_threshold", "RYKER_RAPID_FAIL_THRESHOLD", "5", "next restart"],
  ["supervisor.rapid_fail_window", "RYKER_RAPID_FAIL_WINDOW", "10s", "next restart"],
  ["fairness.batch_messages", "RYKER_BATCH_MESSAGES", "32", "hot"],
  ["fairness.yield_every_n_msgs", "RYKER_YIELD_EVERY_N", "64", "hot"],
  ["observability.enable_metrics", "RYKER_ENABLE_METRICS", "true", "hot"],
  ["observability.queue_depth_sampling", "RYKER_QUEUE_DEPTH_SAMPLING", "true", "hot"],
  ["observability.span_level", "RYKER_SPAN_LEVEL", "info", "hot"],
  ["observability.log_level", "RYKER_LOG_LEVEL", "inherit", "hot"],
  ["amnesia.enabled", "RYKER_AMNESIA", "false", "cold"],
  ["amnesia.zeroize_on_drop", "RYKER_ZEROIZE", "true", "cold"]
] as const

/** A value of each key that is not the default; all go together. */
const others: Readonly<Record<string, string>> = {
  "defaults.mailbox_capacity": "8",
  "defaults.max_msg_bytes": "2KiB",
  "defaults.deadline": "250ms",
  "supervisor.backoff_base_ms": "20",
  "supervisor.backoff_cap_ms": "400",
  "supervisor.decorrelated_jitter": "false",
  "supervisor.rapid_fail_threshold": "7",
  "supervisor.rapid_fail_window": "3s",
  "fairness.batch_messages": "4",
  "fairness.yield_every_n_msgs": "48",
  "observability.enable_metrics": "false",
  "observability.queue_depth_sampling": "false",
  "observability.span_level": "trace",
  "observability.log_level": "warn",
  "amnesia.enabled": "true",
  "amnesia.zeroize_on_drop": "true"
}

const other: RykerConfig.RykerConfig = {
  defaults: { mailbox_capacity: 8, max_msg_bytes: 2_048, deadline: 250 },
  supervisor: {
    backoff_base_ms: 20,
    backoff_cap_ms: 400,
    decorrelated_jitter: false,
    rapid_fail_threshold: 7,
    rapid_fail_window: 3_000
  },
  fairness: { batch_messages: 4, yield_every_n_msgs: 48 },
  observability: { enable_metrics: false, queue_depth_sampling: false, span_level: "trace", log_level: "warn" },
  amnesia: { enabled: true, zeroize_on_drop: true }
}

const builderWith = (key: string, value: string): RykerConfig.Input => {
  const [section, name] = key.split(".")
  return { [section!]: { [name!]: value } }
}

const shownOf = (resolved: RykerConfig.Resolved, key: string) =>
  RykerConfig.describe(resolved).find((each) => each.key === key)!

/** Lines for the environment, as a shell or a service file has them. */
const envOf = (text: string): Env =>
  Object.fromEntries(
    text
      .trimEnd()
      .split("\n")
      .map((line) => line.split("=") as [string, string]) // No value of ours has a sign of its own.
  )

describe("the keys", () => {
  it("are those of the design, with their names, defaults and classes, in its order", () => {
    const keys = RykerConfig.keys.map((key) => [key.key, key.environment, key.default, key.class])
    assert.deepStrictEqual<unknown>(keys, table)
  })

  it("each say what is allowed and what they are for", () => {
    for (const { description, unit, valid } of RykerConfig.keys) {
      assert.match(description, /^[A-Z].{10,}[^.]$/)
      assert.isAbove(valid.length, 5)
      if (unit !== "") assert.notMatch(unit, /undefined/)
    }
    assert.strictEqual(new Set(RykerConfig.keys.map(({ description }) => description)).size, table.length)
  })

  it("have one deprecated name among them", () => {
    const deprecated = RykerConfig.keys.flatMap(({ deprecated, key }) =>
      deprecated === undefined ? [] : [[key, deprecated]]
    )
    assert.deepStrictEqual(deprecated, [["supervisor.decorrelated_jitter", "RYKER_JITTER"]])
  })

  it("make a schema that decodes from text and encodes to it", () => {
    const encoded = Schema.encodeUnknownSync(RykerConfig.RykerConfig)(RykerConfig.defaults)
    const flat = Object.entries(encoded).flatMap(([section, values]) =>
      Object.entries(values).map(([name, value]) => [`${section}.${name}`, value])
    )
    assert.deepStrictEqual(
      flat,
      table.map(([key, , standard]) => [key, standard])
    )
    assert.deepStrictEqual(Schema.decodeUnknownSync(RykerConfig.RykerConfig)(encoded), RykerConfig.defaults)
    const wrong = { ...encoded, defaults: { ...encoded.defaults, deadline: "10 parsecs" } }
    assert.throws(() => Schema.decodeUnknownSync(RykerConfig.RykerConfig)(wrong), /must be a duration from 10ms to 1m/)
  })
})

describe("settings of which nothing is said", () => {
  it.effect("are the defaults, and known as such", () =>
    Effect.gen(function* () {
      const resolved = yield* load({})
      assert.deepStrictEqual(resolved.config, RykerConfig.defaults)
      assert.deepStrictEqual(resolved.warnings, [])
      assert.deepStrictEqual<unknown>(
        RykerConfig.describe(resolved),
        table.map(([key, , value, reload]) => ({
          key,
          value,
          origin: { source: "default", name: "" },
          class: reload
        }))
      )
    })
  )
})

describe("of several sources", () => {
  for (const [key, name, standard] of table) {
    it.effect(`the builder holds before the environment, that before the file, that before the default: ${key}`, () =>
      Effect.gen(function* () {
        const value = others[key]!
        for (const format of formats) {
          const file = yield* written(`ryker.${format}`, fileWith(format, key, JSON.stringify(value)))
          const inFile = shownOf(yield* load({ file }), key)
          assert.deepStrictEqual(inFile.origin, { source: "file", name: file, line: 4 })
          assert.strictEqual(inFile.value, value)

          const inEnvironment = shownOf(yield* load({ env: { [name]: standard }, file }), key)
          assert.deepStrictEqual(inEnvironment.origin, { source: "environment", name })
          assert.strictEqual(inEnvironment.value, standard)

          const builder = builderWith(key, value)
          const inBuilder = shownOf(yield* load({ builder, env: { [name]: standard }, file }), key)
          assert.deepStrictEqual(inBuilder.origin, { source: "builder", name: "builder" })
          assert.strictEqual(inBuilder.value, value)
        }
      })
    )

    it.effect(`what another overrides is not looked at: ${key}`, () =>
      Effect.gen(function* () {
        const value = others[key]!
        const wrong = { file: yield* written("ryker.toml", fileWith("toml", key, `"!"`)), env: { [name]: "!" } }
        const builder = builderWith(key, value)
        assert.strictEqual(shownOf(yield* load({ ...wrong, builder }), key).value, value)
        assert.strictEqual(shownOf(yield* load({ ...wrong, env: { [name]: value } }), key).value, value)
        // The one that holds is.
        assert.strictEqual((yield* problemsOf({ ...wrong, env: { [name]: "" } }))[0]!.source, name)
      })
    )
  }

  it.effect("each may say some of it", () =>
    Effect.gen(function* () {
      const file = yield* written("ryker.yaml", "defaults:\n  deadline: 2s\n  mailbox_capacity: 16\n")
      const { config, origins } = yield* load({
        builder: { defaults: { max_msg_bytes: 4_096 }, fairness: { batch_messages: 1 } },
        env: { RYKER_DEFAULT_MAILBOX_CAPACITY: "32" },
        file
      })
      assert.deepStrictEqual(config.defaults, { deadline: 2_000, mailbox_capacity: 32, max_msg_bytes: 4_096 })
      assert.deepStrictEqual(config.supervisor, RykerConfig.defaults.supervisor)
      assert.deepStrictEqual(
        ["deadline", "mailbox_capacity", "max_msg_bytes"].map((name) => origins[`defaults.${name}`]!.source),
        ["file", "environment", "builder"]
      )
      assert.strictEqual(origins["amnesia.enabled"]!.source, "default")
    })
  )

  it.effect("one may say all of it", () =>
    Effect.gen(function* () {
      const env = Object.fromEntries(table.map(([key, name]) => [name, others[key]!]))
      assert.deepStrictEqual((yield* load({ env })).config, other)
      const builder = yield* load({ builder: other })
      assert.deepStrictEqual(builder.config, other)
      assert.isTrue(Object.values(builder.origins).every(({ source }) => source === "builder"))
    })
  )
})

describe("the builder", () => {
  it.effect("takes numbers of milliseconds and bytes, durations, flags, and what files may hold", () =>
    Effect.gen(function* () {
      const { config } = yield* load({
        builder: {
          defaults: { deadline: Duration.seconds(2), max_msg_bytes: "8KiB", mailbox_capacity: "10" },
          supervisor: {
            backoff_base_ms: Duration.millis(1.5),
            backoff_cap_ms: "2s",
            decorrelated_jitter: false,
            rapid_fail_window: 90_000
          },
          observability: { enable_metrics: "no", span_level: "WARN" }
        }
      })
      assert.deepStrictEqual(config.defaults, { deadline: 2_000, max_msg_bytes: 8_192, mailbox_capacity: 10 })
      assert.strictEqual(config.supervisor.backoff_base_ms, 1.5)
      assert.strictEqual(config.supervisor.backoff_cap_ms, 2_000)
      assert.strictEqual(config.supervisor.rapid_fail_window, 90_000)
      assert.isFalse(config.supervisor.decorrelated_jitter)
      assert.isFalse(config.observability.enable_metrics)
      assert.strictEqual(config.observability.span_level, "warn")
    })
  )
})

describe("the deprecated name RYKER_JITTER", () => {
  const alone = "RYKER_JITTER is deprecated: use RYKER_DECORRELATED_JITTER"
  const both = "RYKER_JITTER is deprecated, and ignored as RYKER_DECORRELATED_JITTER is set: remove it"

  it.effect("alone is honoured, with one warning", () =>
    Effect.gen(function* () {
      const resolved = yield* load({ env: { RYKER_JITTER: "false" } })
      assert.isFalse(resolved.config.supervisor.decorrelated_jitter)
      assert.deepStrictEqual(resolved.warnings, [alone])
      const { origin } = shownOf(resolved, "supervisor.decorrelated_jitter")
      assert.deepStrictEqual(origin, { source: "environment", name: "RYKER_JITTER" })
    })
  )

  it.effect("beside the new one is ignored, with one warning", () =>
    Effect.gen(function* () {
      for (const [old, now] of [
        ["false", "true"],
        ["true", "false"],
        ["perhaps", "false"]
      ] as const) {
        const resolved = yield* load({ env: { RYKER_JITTER: old, RYKER_DECORRELATED_JITTER: now } })
        assert.strictEqual(String(resolved.config.supervisor.decorrelated_jitter), now)
        assert.deepStrictEqual(resolved.warnings, [both])
        const { origin } = shownOf(resolved, "supervisor.decorrelated_jitter")
        assert.strictEqual(origin.name, "RYKER_DECORRELATED_JITTER")
      }
    })
  )

  it.effect("does not step in for the new one where that is wrong", () =>
    Effect.gen(function* () {
      const problems = yield* problemsOf({ env: { RYKER_JITTER: "false", RYKER_DECORRELATED_JITTER: "perhaps" } })
      assert.deepStrictEqual(
        problems.map(({ source, value }) => [source, value]),
        [["RYKER_DECORRELATED_JITTER", "perhaps"]]
      )
    })
  )

  it.effect("with a wrong value is told as the place to mend", () =>
    Effect.gen(function* () {
      const [problem] = yield* problemsOf({ env: { RYKER_JITTER: "perhaps" } })
      assert.deepStrictEqual<unknown>(
        { ...problem },
        {
          key: "supervisor.decorrelated_jitter",
          environment: "RYKER_DECORRELATED_JITTER",
          source: "RYKER_JITTER",
          value: "perhaps",
          rule: "true or false",
          fix: "write it like true"
        }
      )
    })
  )

  it.effect("is of the environment: it holds before a file, and below the builder", () =>
    Effect.gen(function* () {
      const file = yield* written("ryker.toml", "[supervisor]\ndecorrelated_jitter = true\n")
      const env = { RYKER_JITTER: "no" }
      assert.isFalse((yield* load({ env, file })).config.supervisor.decorrelated_jitter)
      const builder = { supervisor: { decorrelated_jitter: true } }
      const resolved = yield* load({ builder, env, file })
      assert.isTrue(resolved.config.supervisor.decorrelated_jitter)
      assert.deepStrictEqual(resolved.warnings, [alone])
    })
  )

  it.effect("is no name in files", () =>
    Effect.gen(function* () {
      const file = yield* written("ryker.toml", "[supervisor]\njitter = true\n")
      assert.strictEqual((yield* problemsOf({ file }))[0]!.key, "supervisor.jitter")
    })
  )
})

describe("the golden vectors", () => {
  it.effect("RYKER_SPAN_LEVEL=DEBUG reads as debug", () =>
    Effect.gen(function* () {
      const resolved = yield* load({ env: { RYKER_SPAN_LEVEL: "DEBUG" } })
      assert.strictEqual(resolved.config.observability.span_level, "debug")
      assert.strictEqual(shownOf(resolved, "observability.span_level").value, "debug")
    })
  )

  it.effect("amnesia takes zeroize, which is the default", () =>
    Effect.gen(function* () {
      assert.isTrue((yield* load({ env: { RYKER_AMNESIA: "true" } })).config.amnesia.zeroize_on_drop)
      const [problem] = yield* problemsOf({ env: { RYKER_AMNESIA: "true", RYKER_ZEROIZE: "false" } })
      assert.strictEqual(problem!.key, "amnesia.enabled")
    })
  )
})

describe("the file that RYKER_CONFIG_PATH names", () => {
  const text = {
    toml: "[defaults]\ndeadline = '2s'\n",
    json: `{"defaults":{"deadline":"2s"}}`,
    yaml: "defaults: {deadline: 2s}"
  }

  for (const [name, content] of [
    ["ryker.toml", text.toml],
    ["RYKER.TOML", text.toml],
    ["ryker.json", text.json],
    ["ryker.yaml", text.yaml],
    ["ryker.yml", text.yaml]
  ] as const) {
    it.effect(`is read by the end of its name: ${name}`, () =>
      Effect.gen(function* () {
        const path = yield* written(name, content)
        const resolved = yield* load({ env: { RYKER_CONFIG_PATH: path, APP_ENV: "development" } })
        assert.strictEqual(resolved.config.defaults.deadline, 2_000)
        assert.strictEqual(resolved.origins["defaults.deadline"]!.name, path)
      })
    )
  }

  it.effect("is not read when the program asks for another", () =>
    Effect.gen(function* () {
      const file = yield* written("ryker.toml", text.toml)
      const { config } = yield* load({ env: { RYKER_CONFIG_PATH: "/nowhere/ryker.toml" }, file })
      assert.strictEqual(config.defaults.deadline, 2_000)
    })
  )

  it.effect("is not asked for when there is none, and so takes no FileSystem", () =>
    Effect.gen(function* () {
      const { config } = yield* RykerConfig.load({ environment: environmentOf({}) })
      assert.deepStrictEqual(config, RykerConfig.defaults)
    })
  )
})

describe("in production", () => {
  const untouched = FileSystem.layerNoop({
    stat: () => Effect.die("was looked at"),
    readFile: () => Effect.die("was read")
  })
  const refused = {
    key: "",
    environment: "RYKER_CONFIG_PATH",
    source: "environment",
    value: "/etc/ryker.toml",
    rule: "unset in production, where settings come from the environment",
    fix: "unset it, or set RYKER_ALLOW_CONFIG_PATH=1 if it is meant"
  }
  const path = { RYKER_CONFIG_PATH: "/etc/ryker.toml" }

  it.effect.each([
    [{ APP_ENV: "production" }],
    [{ NODE_ENV: "production" }],
    [{ APP_ENV: "production", NODE_ENV: "development" }],
    [{ APP_ENV: "staging", NODE_ENV: "production" }],
    [{ APP_ENV: "production", RYKER_ALLOW_CONFIG_PATH: "0" }],
    [{ APP_ENV: "production", RYKER_ALLOW_CONFIG_PATH: "" }],
    [{ APP_ENV: "production", RYKER_ALLOW_CONFIG_PATH: "true" }],
    [{ APP_ENV: "production", RYKER_ALLOW_CONFIG_PATH: "10" }]
  ] as ReadonlyArray<[Env]>)("a file that the environment names is refused, unread: %o", ([env]) =>
    Effect.gen(function* () {
      const loading = RykerConfig.load({ environment: environmentOf({ ...env, ...path }) })
      const { problems } = yield* Effect.provide(Effect.flip(loading), untouched)
      assert.deepStrictEqual<unknown>(
        problems.map((problem) => ({ ...problem })),
        [refused]
      )
    })
  )

  it.effect.each([
    [{ APP_ENV: "production", RYKER_ALLOW_CONFIG_PATH: "1" }],
    [{ NODE_ENV: "production", RYKER_ALLOW_CONFIG_PATH: "1" }],
    [{ APP_ENV: "staging", NODE_ENV: "test" }],
    [{ APP_ENV: "", NODE_ENV: "" }],
    [{ RYKER_ALLOW_CONFIG_PATH: "1" }],
    [{}]
  ] as ReadonlyArray<[Env]>)("a file that the environment names is read where it is allowed: %o", ([env]) =>
    Effect.gen(function* () {
      const file = yield* written("ryker.toml", "[defaults]\ndeadline = '2s'\n")
      const { config } = yield* load({ env: { ...env, RYKER_CONFIG_PATH: file } })
      assert.strictEqual(config.defaults.deadline, 2_000)
    })
  )

  it.effect("a file that the program asks for is read", () =>
    Effect.gen(function* () {
      const file = yield* written("ryker.toml", "[defaults]\ndeadline = '2s'\n")
      const { config } = yield* load({ env: { APP_ENV: "production", ...path }, file })
      assert.strictEqual(config.defaults.deadline, 2_000)
    })
  )

  it.effect("no file is refused where none is named", () =>
    Effect.gen(function* () {
      const { config } = yield* load({ env: { APP_ENV: "production", RYKER_DEFAULT_DEADLINE: "2s" } })
      assert.strictEqual(config.defaults.deadline, 2_000)
    })
  )

  it.effect("the refusal stands beside the other problems", () =>
    Effect.gen(function* () {
      const problems = yield* problemsOf({ env: { APP_ENV: "production", RYKER_SPAN_LEVEL: "loud", ...path } })
      assert.deepStrictEqual(
        problems.map(({ environment }) => environment),
        ["RYKER_CONFIG_PATH", "RYKER_SPAN_LEVEL"]
      )
    })
  )
})

describe("the environment", () => {
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  it.effect("is that of the process, unless the host provides another", () =>
    Effect.gen(function* () {
      vi.stubEnv("RYKER_DEFAULT_DEADLINE", "3s")
      assert.strictEqual((yield* RykerConfig.load()).config.defaults.deadline, 3_000)
      const env = { RYKER_DEFAULT_DEADLINE: "4s" }
      const hosts = ConfigProvider.layer(ConfigProvider.fromEnv({ env }))
      assert.strictEqual((yield* Effect.provide(RykerConfig.load(), hosts)).config.defaults.deadline, 4_000)
      const given = RykerConfig.load({ environment: environmentOf({}) })
      assert.strictEqual((yield* Effect.provide(given, hosts)).config.defaults.deadline, 1_000)
    })
  )

  it.effect("of the process is read anew by each load", () =>
    Effect.gen(function* () {
      vi.stubEnv("RYKER_SPAN_LEVEL", "warn")
      assert.strictEqual((yield* RykerConfig.load()).config.observability.span_level, "warn")
      vi.stubEnv("RYKER_SPAN_LEVEL", "error")
      assert.strictEqual((yield* RykerConfig.load()).config.observability.span_level, "error")
    })
  )

  it.effect("of the process may not have an empty value; one of the host's says itself what that is", () =>
    Effect.gen(function* () {
      vi.stubEnv("RYKER_SPAN_LEVEL", "")
      const { problems } = yield* Effect.flip(RykerConfig.load())
      assert.strictEqual(problems[0]!.fix, "give it a value, or remove it")
      const environment = ConfigProvider.fromEnv({ env: { RYKER_SPAN_LEVEL: "" } })
      assert.strictEqual((yield* RykerConfig.load({ environment })).config.observability.span_level, "info")
    })
  )

  it.effect("may be any ConfigProvider, whether it takes names apart or not", () =>
    Effect.gen(function* () {
      const providers = {
        flat: ConfigProvider.fromUnknown({ RYKER_DEFAULT_DEADLINE: "2s", RYKER_AMNESIA: true }),
        nested: ConfigProvider.fromUnknown({ RYKER: { DEFAULT: { DEADLINE: "2s" }, AMNESIA: "yes" } }),
        mixed: ConfigProvider.fromUnknown({ RYKER: { DEFAULT_DEADLINE: "2s" }, RYKER_AMNESIA: true }),
        dotEnv: ConfigProvider.fromDotEnvContents("export RYKER_DEFAULT_DEADLINE='2s'\nRYKER_AMNESIA=1 # indeed\n"),
        first: ConfigProvider.fromEnv({ env: { RYKER_DEFAULT_DEADLINE: "2s" } }).pipe(
          ConfigProvider.orElse(ConfigProvider.fromUnknown({ RYKER_AMNESIA: true, RYKER_DEFAULT_DEADLINE: "9s" }))
        )
      }
      for (const [name, environment] of Object.entries(providers)) {
        const { config, origins } = yield* RykerConfig.load({ environment })
        assert.strictEqual(config.defaults.deadline, 2_000, name)
        assert.isTrue(config.amnesia.enabled, name)
        assert.deepStrictEqual(origins["amnesia.enabled"], { source: "environment", name: "RYKER_AMNESIA" })
      }
    })
  )

  it.effect("guards production in any of them", () =>
    Effect.gen(function* () {
      for (const environment of [
        ConfigProvider.fromUnknown({ APP_ENV: "production", RYKER_CONFIG_PATH: "ryker.toml" }),
        ConfigProvider.fromUnknown({ APP: { ENV: "production" }, RYKER: { CONFIG: { PATH: "ryker.toml" } } })
      ]) {
        const { problems } = yield* Effect.flip(Effect.provide(RykerConfig.load({ environment }), Files))
        assert.include(problems[0]!.rule, "unset in production")
      }
    })
  )
})

describe("the difference of two settings", () => {
  it("is none between the same", () => {
    assert.deepStrictEqual(RykerConfig.diff(RykerConfig.defaults, RykerConfig.defaults), [])
    assert.deepStrictEqual(RykerConfig.diff(other, { ...other, amnesia: { ...other.amnesia } }), [])
  })

  it("has each key that differs, with its class and both values as they would be written, in the order of the keys", () => {
    const expected = table.flatMap(([key, , from, reload]) =>
      others[key] === from ? [] : [{ key, class: reload, from, to: others[key]! }]
    )
    assert.strictEqual(expected.length, 15)
    assert.deepStrictEqual<unknown>(RykerConfig.diff(RykerConfig.defaults, other), expected)
    const back = expected.map(({ from, to, ...rest }) => ({ ...rest, from: to, to: from }))
    assert.deepStrictEqual<unknown>(RykerConfig.diff(other, RykerConfig.defaults), back)
  })
})

describe("settings as text", () => {
  it("are sections of a TOML file", () => {
    assert.strictEqual(
      RykerConfig.format(RykerConfig.defaults, "toml"),
      `[defaults]
mailbox_capacity = 256
max_msg_bytes = "64KiB"
deadline = "1s"

[supervisor]
backoff_base_ms = 100
backoff_cap_ms = 5000
decorrelated_jitter = true
rapid_fail_threshold = 5
rapid_fail_window = "10s"

[fairness]
batch_messages = 32
yield_every_n_msgs = 64

[observability]
enable_metrics = true
queue_depth_sampling = true
span_level = "info"
log_level = "inherit"

[amnesia]
enabled = false
zeroize_on_drop = true
`
    )
  })

  it("are one object of a JSON file", () => {
    const text = RykerConfig.format(RykerConfig.defaults, "json")
    assert.deepStrictEqual<unknown>(JSON.parse(text), {
      defaults: { mailbox_capacity: 256, max_msg_bytes: "64KiB", deadline: "1s" },
      supervisor: {
        backoff_base_ms: 100,
        backoff_cap_ms: 5_000,
        decorrelated_jitter: true,
        rapid_fail_threshold: 5,
        rapid_fail_window: "10s"
      },
      fairness: { batch_messages: 32, yield_every_n_msgs: 64 },
      observability: { enable_metrics: true, queue_depth_sampling: true, span_level: "info", log_level: "inherit" },
      amnesia: { enabled: false, zeroize_on_drop: true }
    })
    assert.strictEqual(text, `${JSON.stringify(JSON.parse(text), undefined, 2)}\n`)
  })

  it("are mappings of a YAML file", () => {
    const text = RykerConfig.format(RykerConfig.defaults, "yaml")
    assert.strictEqual(
      text.split("\n").slice(0, 5).join("\n"),
      `defaults:
  mailbox_capacity: 256
  max_msg_bytes: "64KiB"
  deadline: "1s"
supervisor:`
    )
    assert.deepStrictEqual(Yaml.parse(text), JSON.parse(RykerConfig.format(RykerConfig.defaults, "json")))
  })

  it("are lines for the environment", () => {
    const lines = table.map(([, name, value]) => `${name}=${value}\n`)
    assert.strictEqual(RykerConfig.format(RykerConfig.defaults, "env"), lines.join(""))
  })

  for (const format of formats) {
    it.effect(`are read back as they were (${format})`, () =>
      Effect.gen(function* () {
        for (const config of [RykerConfig.defaults, other]) {
          const file = yield* written(`ryker.${format}`, RykerConfig.format(config, format))
          const resolved = yield* load({ file })
          assert.deepStrictEqual(resolved.config, config)
          // Each is found in its line, too: the values in the order of the lines are those of the keys.
          const lines = RykerConfig.keys.map(({ key }) => resolved.origins[key]!.line!)
          assert.deepStrictEqual(
            lines,
            lines.toSorted((a, b) => a - b)
          )
          assert.strictEqual(new Set(lines).size, table.length)
        }
      })
    )
  }

  it.effect("are read back as they were (env)", () =>
    Effect.gen(function* () {
      for (const config of [RykerConfig.defaults, other]) {
        const env = envOf(RykerConfig.format(config, "env"))
        assert.deepStrictEqual((yield* load({ env })).config, config)
      }
    })
  )
})

describe("the JSON Schema of files", () => {
  const { jsonSchema } = RykerConfig

  it("is the one that docs/ has", () => {
    assert.deepStrictEqual(JSON.parse(readFileSync("docs/ryker.config.schema.json", "utf8")), jsonSchema)
  })

  it("takes what is written by format, and what the documentation shows", () => {
    for (const config of [RykerConfig.defaults, other]) {
      assert.deepStrictEqual(schemaProblems(jsonSchema, JSON.parse(RykerConfig.format(config, "json"))), [])
      assert.deepStrictEqual(schemaProblems(jsonSchema, Yaml.parse(RykerConfig.format(config, "yaml"))), [])
      const toml = Result.getOrThrow(Toml.parse(RykerConfig.format(config, "toml")))
      assert.deepStrictEqual(schemaProblems(jsonSchema, JSON.parse(JSON.stringify(toml))), [])
    }
    assert.deepStrictEqual(schemaProblems(jsonSchema, {}), [])
  })

  it.each<[value: unknown, problem: string]>([
    [{ default: {} }, "default"],
    [{ defaults: { deadlin: "1s" } }, "defaults.deadlin"],
    [{ defaults: { deadline: 1_000 } }, "defaults.deadline"],
    [{ defaults: { deadline: "10 parsecs" } }, "defaults.deadline"],
    [{ defaults: { max_msg_bytes: "64KB" } }, "defaults.max_msg_bytes"],
    [{ defaults: { max_msg_bytes: 65_536 } }, "defaults.max_msg_bytes"],
    [{ defaults: { mailbox_capacity: 0 } }, "defaults.mailbox_capacity"],
    [{ defaults: { mailbox_capacity: 1.5 } }, "defaults.mailbox_capacity"],
    [{ defaults: { mailbox_capacity: "256" } }, "defaults.mailbox_capacity"],
    [{ supervisor: { backoff_base_ms: 0 } }, "supervisor.backoff_base_ms"],
    [{ supervisor: { backoff_base_ms: "soon" } }, "supervisor.backoff_base_ms"],
    [{ observability: { span_level: "loud" } }, "observability.span_level"],
    [{ amnesia: { enabled: "perhaps" } }, "amnesia.enabled"],
    [{ amnesia: true }, "amnesia"],
    [[], ""]
  ])("refuses %j", (value, problem) => {
    assert.deepStrictEqual(schemaProblems(jsonSchema, value), [problem])
  })

  it("describes each key, with its default, class and name in the environment", () => {
    for (const [key, name, standard, reload] of table) {
      const [section, field] = key.split(".")
      const text = JSON.stringify(jsonSchema["properties"])
      assert.include(text, `Default ${standard}; ${reload}; ${name} in the environment.`, `${section} ${field}`)
    }
  })
})

describe("the files that docs/configuration.md shows", () => {
  const shown = Array.from(
    readFileSync("docs/configuration.md", "utf8").matchAll(/^```(toml|json|yaml)\n([^]*?)^```$/gm),
    ([, format, text]) => ({
      format: format as (typeof formats)[number], // The pattern has no others.
      text: text!
    })
  )

  it("are of each format", () => {
    for (const format of formats) assert.isTrue(shown.some((file) => file.format === format))
  })

  it.effect.each(shown.map((file) => [file.format, file] as const))("are valid (%s)", ([, { format, text }]) =>
    Effect.gen(function* () {
      const file = yield* written(`ryker.${format}`, text)
      const { config } = yield* load({ file })
      assert.notDeepEqual(config, RykerConfig.defaults)
      const value: unknown =
        format === "toml"
          ? Result.getOrThrow(Toml.parse(text))
          : format === "yaml"
            ? Yaml.parse(text)
            : JSON.parse(text)
      assert.deepStrictEqual(schemaProblems(RykerConfig.jsonSchema, JSON.parse(JSON.stringify(value))), [])
    })
  )
})
