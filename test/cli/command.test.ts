import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import { mkdirSync } from "node:fs"
import * as Node from "../../src/cli/node.ts"
import * as RykerConfig from "../../src/RykerConfig.ts"
import { folderWith, type Given, ryker } from "./fixtures.ts"

const example = `[defaults]
deadline = "250ms"

[fairness]
batch_messages = 8
`

const ansi = "\u001B["

const parsed = (text: string): Record<string, unknown> => JSON.parse(text)

describe("ryker config print", () => {
  it.effect("names the source of each value, and its line", () =>
    Effect.gen(function* () {
      const at = yield* folderWith({ "a.toml": example })
      const env = { RYKER_SPAN_LEVEL: "DEBUG", RYKER_BATCH_MESSAGES: "16" }
      const { code, stderr, stdout } = yield* ryker(["config", "print", "--file", at("a.toml")], { env })
      assert.strictEqual(code, 0)
      assert.strictEqual(stderr, "")
      assert.match(stdout, new RegExp(`^deadline = "250ms" +# ${at("a.toml")}, line 2$`, "m"))
      assert.match(stdout, /^batch_messages = 16 +# RYKER_BATCH_MESSAGES$/m)
      assert.match(stdout, /^span_level = "debug" +# RYKER_SPAN_LEVEL$/m)
      assert.match(stdout, /^mailbox_capacity = 256 +# default$/m)
      assert.strictEqual(stdout.match(/ # /g)?.length, RykerConfig.keys.length)
    })
  )

  for (const format of ["toml", "yaml", "json"] as const) {
    it.effect(`as ${format} is a file that says the same`, () =>
      Effect.gen(function* () {
        const at = yield* folderWith({ "a.toml": example })
        const env = { RYKER_DECORRELATED_JITTER: "no", RYKER_DEFAULT_MAX_MSG_BYTES: "1MiB" }
        const printed = yield* ryker(["config", "print", "--format", format, "--file", at("a.toml")], { env })
        const again = yield* folderWith({ [`b.${format}`]: printed.stdout })
        const from = yield* RykerConfig.load({ file: at("a.toml"), environment: ConfigProvider.fromEnv({ env }) })
        const none = ConfigProvider.fromEnv({ env: {} })
        const to = yield* RykerConfig.load({ file: again(`b.${format}`), environment: none })
        assert.deepStrictEqual(to.config, from.config)
      }).pipe(Effect.provide(Node.layer))
    )
  }

  it.effect("as env is an environment that says the same, each source on a line before", () =>
    Effect.gen(function* () {
      const at = yield* folderWith({ "a.toml": example })
      const { stdout } = yield* ryker(["config", "print", "--format", "env", "-f", at("a.toml")])
      const lines = stdout.trimEnd().split("\n")
      assert.strictEqual(lines.filter((line) => line.startsWith("# ")).length, RykerConfig.keys.length)
      assert.include(stdout, `# ${at("a.toml")}, line 2\nRYKER_DEFAULT_DEADLINE=250ms\n`)
      const env = Object.fromEntries(
        lines.filter((line) => !line.startsWith("#")).map((line) => line.split("=") as [string, string])
      )
      const { config } = yield* RykerConfig.load({ environment: ConfigProvider.fromEnv({ env }) })
      assert.strictEqual(config.defaults.deadline, 250)
      assert.strictEqual(config.fairness.batch_messages, 8)
    })
  )

  it.effect("as JSON for machines has the sources as data", () =>
    Effect.gen(function* () {
      const at = yield* folderWith({ "a.toml": example })
      const { code, stderr, stdout } = yield* ryker(["config", "print", "--json", "--file", at("a.toml")], {
        env: { RYKER_JITTER: "false" }
      })
      assert.deepStrictEqual([code, stderr], [0, ""])
      const printed = JSON.parse(stdout)
      assert.deepStrictEqual(Object.keys(printed), ["ok", "config", "settings", "warnings"])
      assert.strictEqual(printed.ok, true)
      assert.strictEqual(printed.config.defaults.deadline, "250ms")
      assert.deepStrictEqual(printed.settings[2], {
        key: "defaults.deadline",
        environment: "RYKER_DEFAULT_DEADLINE",
        class: "hot",
        value: "250ms",
        origin: { source: "file", name: at("a.toml"), line: 2 }
      })
      assert.deepStrictEqual(printed.settings[5].origin, { source: "environment", name: "RYKER_JITTER" })
      assert.match(printed.warnings[0], /RYKER_JITTER is deprecated/)
    })
  )

  it.effect("keeps warnings out of what it prints", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* ryker(["config", "print"], { env: { RYKER_JITTER: "false" } })
      assert.strictEqual(code, 0)
      assert.match(stderr, /^warning: RYKER_JITTER is deprecated.*\n$/)
      assert.notInclude(stdout, "warning")
    })
  )

  it.effect("refuses --json together with --format", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* ryker(["config", "print", "--json", "--format", "toml"])
      assert.deepStrictEqual([code, stdout], [2, ""])
      assert.include(stderr, "--json and --format exclude each other")
    })
  )
})

describe("ryker config check", () => {
  it.effect("says in one line where valid settings come from", () =>
    Effect.gen(function* () {
      const at = yield* folderWith({ "a.toml": example })
      const outcome = yield* ryker(["config", "check", "--file", at("a.toml")], { env: { RYKER_AMNESIA: "true" } })
      assert.deepStrictEqual(outcome, {
        code: 0,
        stdout: `the settings are valid: 13 by default, 2 from ${at("a.toml")}, 1 from the environment\n`,
        stderr: ""
      })
    })
  )

  it.effect("tells all that is wrong, each problem on its line, on standard error", () =>
    Effect.gen(function* () {
      const at = yield* folderWith({
        "a.toml": `[defaults]\ndeadline = "10 parsecs"\ndeadlin = 1\n[fairness]\nyield_every_n_msgs = 1\n`
      })
      const env = { RYKER_SPAN_LEVEL: "loud" }
      const { code, stderr, stdout } = yield* ryker(["config", "check", "--file", at("a.toml")], { env })
      assert.deepStrictEqual([code, stdout], [1, ""])
      const [heading, ...problems] = stderr.trimEnd().split("\n")
      assert.strictEqual(heading, "4 problems with the settings of ryker, none of which was applied:")
      assert.strictEqual(problems.length, 4)
      assert.isTrue(problems.every((line) => line.startsWith("- ")))
      assert.include(stderr, "did you mean defaults.deadline?")
      assert.include(stderr, "at least fairness.batch_messages")
      assert.include(stderr, `in ${at("a.toml")}, line 2, is "10 parsecs"`)
    })
  )

  it.effect("with --json tells all that is wrong as JSON on standard output", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* ryker(["config", "check", "--json"], { env: { RYKER_AMNESIA: "" } })
      assert.deepStrictEqual([code, stderr], [1, ""])
      assert.deepStrictEqual(parsed(stdout), {
        ok: false,
        problems: [
          {
            key: "amnesia.enabled",
            environment: "RYKER_AMNESIA",
            source: "RYKER_AMNESIA",
            value: "",
            rule: "true or false",
            fix: "give it a value, or remove it"
          }
        ]
      })
    })
  )

  it.effect("with --json has the warnings as data", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* ryker(["config", "check", "--json"], { env: { RYKER_JITTER: "1" } })
      assert.deepStrictEqual([code, stderr], [0, ""])
      const warning = "RYKER_JITTER is deprecated: use RYKER_DECORRELATED_JITTER"
      assert.deepStrictEqual(parsed(stdout), { ok: true, warnings: [warning] })
    })
  )

  const files: ReadonlyArray<readonly [string, string, RegExp]> = [
    ["a missing file", "missing.toml", /missing\.toml must be a file that can be read: NotFound/],
    ["a directory", "folder.toml", /folder\.toml must be a file, not a directory/],
    ["a path through a file", "a.toml/b.toml", /b\.toml must be a file that can be read: BadResource/],
    ["a name that tells no format", "a.ini", /a\.ini must be a file whose name ends in \.toml/],
    ["a file that is no TOML", "bad.toml", /bad\.toml, line 2, must be well-formed TOML/]
  ]
  for (const [what, name, expected] of files) {
    it.effect(`refuses ${what}`, () =>
      Effect.gen(function* () {
        const at = yield* folderWith({ "a.toml": example, "a.ini": "", "bad.toml": "[defaults]\n= 3\n" })
        mkdirSync(at("folder.toml"))
        const { code, stderr, stdout } = yield* ryker(["config", "check", "--file", at(name)])
        assert.deepStrictEqual([code, stdout], [1, ""])
        assert.match(stderr, expected)
        assert.strictEqual(stderr.trimEnd().split("\n").length, 1)
      })
    )
  }

  it.effect("reads the file that RYKER_CONFIG_PATH names", () =>
    Effect.gen(function* () {
      const at = yield* folderWith({ "a.toml": example })
      const { stdout } = yield* ryker(["config", "check"], { env: { RYKER_CONFIG_PATH: at("a.toml") } })
      assert.include(stdout, `2 from ${at("a.toml")}`)
    })
  )

  for (const name of ["APP_ENV", "NODE_ENV"]) {
    it.effect(`refuses RYKER_CONFIG_PATH when ${name} is production, unless that is allowed`, () =>
      Effect.gen(function* () {
        const at = yield* folderWith({ "a.toml": example })
        const env = { RYKER_CONFIG_PATH: at("a.toml"), [name]: "production" }
        const refused = yield* ryker(["config", "check"], { env })
        assert.strictEqual(refused.code, 1)
        assert.include(refused.stderr, "must be unset in production")
        const allowed = yield* ryker(["config", "check"], { env: { ...env, RYKER_ALLOW_CONFIG_PATH: "1" } })
        assert.strictEqual(allowed.code, 0)
        // A file that is asked for is meant.
        const asked = yield* ryker(["config", "check", "--file", at("a.toml")], { env: { [name]: "production" } })
        assert.strictEqual(asked.code, 0)
      })
    )
  }

  it.effect("leaves control characters out, so that a file cannot write to the terminal", () =>
    Effect.gen(function* () {
      const text = `[defaults]\ndeadline = "\\u001b[31mred"\n"a\\u009bb" = 1\n`
      const at = yield* folderWith({ "a.toml": text })
      const { stderr } = yield* ryker(["config", "check", "--file", at("a.toml")], { stderrIsTerminal: true })
      assert.include(stderr, " [31mred")
      assert.include(stderr, "a b")
      assert.notMatch(stderr.replaceAll("\n", ""), /\p{Cc}/u)
    })
  )
})

describe("ryker config diff", () => {
  const other = `[defaults]\ndeadline = "1s"\nmailbox_capacity = 512\n[supervisor]\nbackoff_base_ms = 50\n`

  it.effect("gives key, class and both values of what a reload would change", () =>
    Effect.gen(function* () {
      const at = yield* folderWith({ "a.toml": example, "b.toml": other })
      const outcome = yield* ryker(["config", "diff", at("a.toml"), at("b.toml")])
      assert.deepStrictEqual(outcome, {
        code: 0,
        stdout:
          "defaults.mailbox_capacity   cold          256   -> 512\n" +
          "defaults.deadline           hot           250ms -> 1s\n" +
          "supervisor.backoff_base_ms  next restart  100   -> 50\n" +
          "fairness.batch_messages     hot           8     -> 32\n",
        stderr: ""
      })
    })
  )

  it.effect("with --json gives them as data, also between formats", () =>
    Effect.gen(function* () {
      const at = yield* folderWith({ "a.toml": example, "b.yaml": "defaults: { deadline: 1s }" })
      const { code, stdout } = yield* ryker(["config", "diff", "--json", at("a.toml"), at("b.yaml")])
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(parsed(stdout), {
        ok: true,
        changes: [
          { key: "defaults.deadline", class: "hot", from: "250ms", to: "1s" },
          { key: "fairness.batch_messages", class: "hot", from: "8", to: "32" }
        ]
      })
    })
  )

  it.effect("says when nothing differs", () =>
    Effect.gen(function* () {
      const at = yield* folderWith({ "a.toml": example, "b.toml": example.replace("250ms", "0.25s") })
      const { code, stdout } = yield* ryker(["config", "diff", at("a.toml"), at("b.toml")])
      assert.strictEqual(code, 0)
      assert.strictEqual(stdout, `nothing differs between ${at("a.toml")} and ${at("b.toml")}\n`)
      const json = yield* ryker(["config", "diff", "--json", at("a.toml"), at("b.toml")])
      assert.deepStrictEqual(parsed(json.stdout), { ok: true, changes: [] })
    })
  )

  it.effect("leaves the environment out, also a wrong one", () =>
    Effect.gen(function* () {
      const at = yield* folderWith({ "a.toml": example, "b.toml": other })
      const env = { RYKER_DEFAULT_DEADLINE: "nonsense", RYKER_CONFIG_PATH: "/nowhere", NODE_ENV: "production" }
      const { code, stdout } = yield* ryker(["config", "diff", at("a.toml"), at("b.toml")], { env })
      assert.strictEqual(code, 0)
      assert.include(stdout, "250ms -> 1s")
    })
  )

  it.effect("tells what is wrong with either file, unknown keys and rules between keys included", () =>
    Effect.gen(function* () {
      const at = yield* folderWith({ "a.toml": "[default]\n", "b.toml": "[fairness]\nyield_every_n_msgs = 1\n" })
      const { code, stderr, stdout } = yield* ryker(["config", "diff", at("a.toml"), at("b.toml")])
      assert.deepStrictEqual([code, stdout], [1, ""])
      assert.include(stderr, "2 problems")
      assert.include(stderr, `in ${at("a.toml")}`)
      assert.include(stderr, `in ${at("b.toml")}, line 2`)
      // The same file twice has its problems once.
      const twice = yield* ryker(["config", "diff", at("a.toml"), at("a.toml")])
      assert.include(twice.stderr, "1 problem ")
    })
  )
})

describe("ryker config schema", () => {
  it.effect("prints the JSON Schema of a file", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* ryker(["config", "schema"])
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(parsed(stdout), JSON.parse(JSON.stringify(RykerConfig.jsonSchema)))
    })
  )
})

describe("ryker", () => {
  for (const path of [
    [],
    ["config"],
    ["config", "print"],
    ["config", "check"],
    ["config", "diff"],
    ["config", "schema"]
  ]) {
    it.effect(`${["ryker", ...path, "--help"].join(" ")} tells how it is used`, () =>
      Effect.gen(function* () {
        const { code, stderr, stdout } = yield* ryker([...path, "--help"])
        assert.deepStrictEqual([code, stderr], [0, ""])
        assert.include(stdout, `USAGE\n  ${["ryker", ...path].join(" ")}`)
      })
    )
  }

  for (const path of [[], ["config"]]) {
    it.effect(`${["ryker", ...path].join(" ")} alone gives its help`, () =>
      Effect.gen(function* () {
        const { code, stderr, stdout } = yield* ryker(path)
        assert.deepStrictEqual([code, stderr], [0, ""])
        assert.include(stdout, "SUBCOMMANDS")
      })
    )
  }

  it.effect("--version gives the package's version", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* ryker(["--version"]), { code: 0, stdout: "ryker v1.2.3\n", stderr: "" })
    })
  )

  for (const shell of ["bash", "zsh", "fish", "powershell"]) {
    it.effect(`--completions ${shell} gives a script that knows the commands`, () =>
      Effect.gen(function* () {
        const { code, stdout } = yield* ryker(["--completions", shell])
        assert.strictEqual(code, 0)
        for (const word of ["config", "print", "check", "diff", "schema", "file", "json"]) assert.include(stdout, word)
      })
    )
  }

  const wrong: ReadonlyArray<readonly [ReadonlyArray<string>, string]> = [
    [["config", "check", "--fle", "a"], "Unrecognized flag: --fle"],
    [["config", "nope"], 'Unknown subcommand "nope"'],
    [["config", "print", "--format", "ini"], 'Invalid value for flag --format: "ini"'],
    [["config", "print", "extra"], 'Unexpected positional argument: "extra"'],
    [["config", "diff", "a.toml"], "Missing required argument: to"],
    [["config", "check", "--file"], "--file"],
    [["--wizard"], "Unrecognized flag: --wizard"]
  ]
  for (const [args, message] of wrong) {
    it.effect(`${args.join(" ")} is refused with the usage on standard error and exit code 2`, () =>
      Effect.gen(function* () {
        const { code, stderr, stdout } = yield* ryker(args)
        assert.deepStrictEqual([code, stdout], [2, ""])
        assert.include(stderr, message)
        assert.include(stderr, "USAGE")
      })
    )
  }
})

describe("colours", () => {
  const terminal = { stdoutIsTerminal: true, stderrIsTerminal: true }
  const cases: ReadonlyArray<readonly [string, Given, boolean]> = [
    ["are there on a terminal", terminal, true],
    ["are not there in a pipe", {}, false],
    ["are not there with NO_COLOR", { ...terminal, env: { NO_COLOR: "1" } }, false],
    ["are not there on a dumb terminal", { ...terminal, env: { TERM: "dumb" } }, false]
  ]
  for (const [name, given, expected] of cases) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const at = yield* folderWith({ "a.toml": example, "b.toml": "[defaults]\nmailbox_capacity = 1\n" })
        const outcomes = [
          yield* ryker(["config", "print"], given),
          yield* ryker(["config", "print", "--format", "env"], given),
          yield* ryker(["config", "diff", at("a.toml"), at("b.toml")], given),
          yield* ryker(["--help"], given),
          yield* ryker(["nope"], given)
        ]
        for (const { stderr, stdout } of outcomes) assert.strictEqual((stdout + stderr).includes(ansi), expected)
      })
    )
  }

  it.effect("are never in what is for machines or for a file in JSON", () =>
    Effect.gen(function* () {
      for (const args of [["print", "--json"], ["print", "--format", "json"], ["check", "--json"], ["schema"]]) {
        const { stdout } = yield* ryker(["config", ...args], terminal)
        assert.isObject(JSON.parse(stdout))
      }
    })
  )

  it.effect("of errors go by standard error", () =>
    Effect.gen(function* () {
      assert.notInclude((yield* ryker(["nope"], { stdoutIsTerminal: true })).stderr, ansi)
      assert.include((yield* ryker(["nope"], { stderrIsTerminal: true })).stderr, ansi)
    })
  )
})
