import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as PlatformError from "effect/PlatformError"
import * as fs from "node:fs/promises"
import { type ConfigFile, type Format, formatOf, maxFileBytes, parse, readFile } from "../../src/internal/configFile.ts"
import { fileInMemory, Files, folder, formats, info, written } from "../RykerConfig.fixtures.ts"

const bytes = (text: string) => new TextEncoder().encode(text)

const parsed = (format: Format, content: string | Uint8Array) =>
  parse(`ryker.${format}`, format, typeof content === "string" ? bytes(content) : content)

/** As JSON has it, which forgets the prototypes of tables. */
const rootOf = (file: ConfigFile): unknown => JSON.parse(JSON.stringify(file.root))

const wellFormed = (format: Format, line?: number) => ({
  line,
  rule: `well-formed ${format.toUpperCase()}`,
  fix: "mend the file, or let an editor check it"
})
const noneTwice = (line?: number) => ({
  line,
  rule: "a file in which no key stands twice",
  fix: "remove one of the two"
})
const sections = { line: undefined, rule: "sections with keys", fix: "begin with a section, such as defaults" }
const utf8 = { line: undefined, rule: "text in UTF-8", fix: "save it as UTF-8" }

describe("the format of a file", () => {
  it.each([
    ["ryker.toml", "toml"],
    ["ryker.json", "json"],
    ["ryker.yaml", "yaml"],
    ["ryker.yml", "yaml"],
    ["RYKER.TOML", "toml"],
    ["/etc/ryker.d/ryker.prod.Json", "json"],
    ["C:\\ryker\\ryker.YML", "yaml"],
    ["ryker.toml.yaml", "yaml"],
    [".toml", "toml"]
  ])("is told by the end of its name: %s", (path, format) => {
    assert.strictEqual(formatOf(path), format)
  })

  it.each([
    "",
    ".",
    "toml",
    "ryker",
    "ryker.",
    "ryker.txt",
    "ryker.toml.bak",
    "ryker.toml~",
    "ryker.jsonc",
    "ryker.toml ",
    "ryker.toml/",
    "a.toml/ryker",
    "a.toml\\ryker",
    "ryker.constructor"
  ])("is not told by %j", (path) => {
    assert.isUndefined(formatOf(path))
  })
})

describe("a file that is understood", () => {
  const whole: Record<Format, string> = {
    toml: `[defaults]\ndeadline = "2s"\nmailbox_capacity = 8\n[amnesia]\nenabled = true\n`,
    json: `{ "defaults": { "deadline": "2s", "mailbox_capacity": 8 }, "amnesia": { "enabled": true } }`,
    yaml: `defaults:\n  deadline: 2s\n  mailbox_capacity: 8\namnesia: { enabled: true }\n`
  }
  const values = { defaults: { deadline: "2s", mailbox_capacity: 8 }, amnesia: { enabled: true } }

  for (const format of formats) {
    it.effect(`has sections with keys (${format})`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(rootOf(yield* parsed(format, whole[format])), values)
      })
    )

    it.effect(`may begin with a byte order mark, and have the line ends of any system (${format})`, () =>
      Effect.gen(function* () {
        const windows = `\uFEFF${whole[format].replaceAll("\n", "\r\n")}`
        assert.deepStrictEqual(rootOf(yield* parsed(format, windows)), values)
      })
    )

    it.effect(`may be empty (${format})`, () =>
      Effect.gen(function* () {
        for (const nothing of ["", " ", "\n\n", "\uFEFF", "\t\r\n"]) {
          assert.deepStrictEqual(rootOf(yield* parsed(format, nothing)), {})
        }
      })
    )
  }

  it.effect("may be of comments alone, where there are comments", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(rootOf(yield* parsed("toml", "# nothing\n")), {})
      assert.deepStrictEqual(rootOf(yield* parsed("yaml", "# nothing\n---\n")), {})
    })
  )

  it.effect("is the same JSON however it is indented", () =>
    Effect.gen(function* () {
      const plain = JSON.stringify(values)
      const ways = [
        JSON.stringify(values, undefined, 2),
        JSON.stringify(values, undefined, "\t"),
        plain.replaceAll(/([{}:,])/g, "\n$1\n"),
        plain.replaceAll(/([{},])/g, "$1\n"),
        `   \n\n  ${plain.replaceAll("{", "{\n")}\n\n`,
        `\t${plain.replaceAll(",", " \n,\n\t")}`
      ]
      for (const way of ways) assert.deepStrictEqual(rootOf(yield* parsed("json", way)), values)
    })
  )

  it.effect("is what JSON says, where YAML would read another thing", () =>
    Effect.gen(function* () {
      const odd = {
        a: { "x # y": "p # q", "&b": "*c", "<<": "- d", null: null, "1": 1e3, e: "\u2028 \u{1F600}", f: "~" }
      }
      assert.deepStrictEqual(rootOf(yield* parsed("json", JSON.stringify(odd))), odd)
      assert.deepStrictEqual(rootOf(yield* parsed("json", JSON.stringify(odd, undefined, 4))), odd)
    })
  )

  it.effect("may have __proto__ as a key, which is a key like others", () =>
    Effect.gen(function* () {
      const texts = {
        toml: "[__proto__]\nenabled = true\n",
        json: `{"__proto__": {"enabled": true}}`,
        yaml: "__proto__:\n  enabled: true\n"
      }
      for (const format of formats) {
        const { root } = yield* parsed(format, texts[format])
        assert.deepStrictEqual(Object.keys(root), ["__proto__"])
      }
      assert.notProperty({}, "enabled")
    })
  )
})

describe("the line of a key", () => {
  const line = (format: Format, text: string, section: string, name: string) =>
    Effect.map(parsed(format, text), ({ lineOf }) => lineOf(section, name))

  const cases: ReadonlyArray<[what: string, Format, text: string, line: number | undefined]> = [
    ["below its section", "toml", `[amnesia]\nenabled = true\n[defaults]\n\ndeadline = "x"`, 5],
    ["with its section in one key", "toml", `amnesia.enabled = true\ndefaults.deadline = "x"`, 2],
    ["in quotes", "toml", `["defaults"]\n'deadline' = "x"`, 2],
    ["in an inline table", "toml", `amnesia = {}\ndefaults = { deadline = "x" }`, 2],
    ["with space before its sign", "toml", `[ defaults ]\n  deadline   = "x"`, 2],
    [
      "below a comment that names it",
      "toml",
      `# defaults.deadline = 1\n# [defaults]\n[defaults]\n#deadline = 2\ndeadline = 3`,
      5
    ],
    [
      "behind words that name it",
      "toml",
      `[amnesia] # not [defaults]\nenabled = true # deadline\n[defaults]\ndeadline = 3`,
      4
    ],
    ["of a section with more keys", "toml", `[defaults]\nmax_msg_bytes = "1KiB"\ndeadline = "x"`, 3],
    ["beside a key that ends alike", "toml", `[defaults]\nold-deadline = 1\ndeadline_ms = 2\ndeadline = 3`, 4],
    ["in another section", "toml", `[fairness]\ndeadline = 1\n[defaults]\ndeadline = 2`, 4],
    ["with Windows line ends", "toml", `[amnesia]\r\n[defaults]\r\ndeadline = 1`, 3],
    ["below its section", "yaml", `amnesia:\n  enabled: true\ndefaults:\n\n  deadline: x`, 5],
    ["in a flow", "yaml", `amnesia: {}\ndefaults: { mailbox_capacity: 1, deadline: x }`, 2],
    ["in quotes", "yaml", `"defaults":\n  'deadline': x`, 2],
    ["below a comment that names it", "yaml", `# defaults:\n#   deadline: 1\ndefaults:\n  deadline: x`, 4],
    ["below its section", "json", `{\n  "amnesia": {},\n  "defaults": {\n    "deadline": 1\n  }\n}`, 4],
    ["in one line with all else", "json", `{ "defaults": { "deadline": 1 } }`, 1],
    [
      "behind a value that names it",
      "json",
      `{\n "amnesia": { "x": "deadline", "y": "defaults" },\n "defaults": {\n "deadline": 1 } }`,
      4
    ]
  ]
  for (const [what, format, text, expected] of cases) {
    it.effect(`is told ${what} (${format})`, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* line(format, text, "defaults", "deadline"), expected)
      })
    )
  }

  it.effect("is not told of a key that is not there, or is that of its section", () =>
    Effect.gen(function* () {
      assert.isUndefined(yield* line("toml", `[amnesia]\nenabled = true`, "defaults", "deadline"))
      assert.strictEqual(yield* line("toml", `[amnesia]\n[defaults]\n`, "defaults", "deadline"), 2)
    })
  )

  it.effect("is told of keys that are no words", () =>
    Effect.gen(function* () {
      const keys = ["(", "[", "a.c", "^", "$", "\\\\", "*", "+?", "a|b", "([a-z]+)+[0-9]", "{1}", " ", "é", "-"]
      // "abc" stands above, for a key that is taken for a pattern.
      const lines = ["abc", ...keys].map((key) => `  "${key}": 1`)
      const text = `{ "defaults": {\n${lines.join(",\n")}\n} }`
      for (const [index, key] of keys.entries()) {
        const written = key.replaceAll("\\\\", "\\")
        // A backslash is written twice, and not found: its section's line will do.
        const expected = key === "\\\\" ? 1 : index + 3
        assert.strictEqual(yield* line("json", text, "defaults", written), expected, key)
      }
    })
  )
})

describe("a text that is no settings", () => {
  const cases: ReadonlyArray<[what: string, Format, content: string | Uint8Array, problem: object]> = [
    ["a key twice", "toml", `[defaults]\ndeadline = "1s"\ndeadline = "2s"\n`, noneTwice(3)],
    ["a section twice", "toml", `[defaults]\ndeadline = "1s"\n\n[defaults]\nmailbox_capacity = 1\n`, noneTwice(4)],
    [
      "a section twice, with dots",
      "toml",
      `defaults.deadline = "1s"\n[defaults]\nmailbox_capacity = 1\n`,
      noneTwice(2)
    ],
    ["a key twice", "yaml", `defaults:\n  deadline: 1s\n  deadline: 2s\n`, noneTwice(3)],
    ["a section twice", "yaml", `defaults:\n  deadline: 1s\ndefaults:\n  mailbox_capacity: 1\n`, noneTwice(3)],
    ["a key twice", "json", `{\n  "defaults": {\n    "deadline": "1s",\n    "deadline": "2s"\n  }\n}`, noneTwice(4)],
    ["a section twice", "json", `{\n  "defaults": {},\n  "defaults": {}\n}`, noneTwice(3)],
    ["a key twice, once in escapes", "json", `{ "defaults": {\n "a": 1,\n "\\u0061": 2 } }`, noneTwice(3)],
    ["a key twice that speaks of a line", "yaml", `"line 77": 1\n"line 77": 2\n`, noneTwice(2)],
    ["a value that speaks of a duplicate", "toml", `[observability]\nspan_level = duplicate\n`, wellFormed("toml", 2)],
    ["a value without quotes", "toml", `[defaults]\ndeadline = 1s\n`, wellFormed("toml", 2)],
    ["a value that is missing", "toml", `[defaults]\ndeadline =\n`, wellFormed("toml", 2)],
    [
      "a number that is too large to be exact",
      "toml",
      `[defaults]\nmailbox_capacity = 9007199254740993`,
      wellFormed("toml", 2)
    ],
    ["the first half of it", "toml", `[defaults]\ndeadline = "1`, wellFormed("toml", 2)],
    ["a colon", "toml", `[defaults]\ndeadline: "1s"`, wellFormed("toml", 2)],
    ["another format", "toml", `{ "defaults": {} }`, wellFormed("toml", 1)],
    ["a NUL", "toml", `[defaults]\ndeadline = "1s\u0000"`, wellFormed("toml", 2)],
    ["a tab for indentation", "yaml", `defaults:\n\tdeadline: 1s\n`, wellFormed("yaml", 2)],
    [
      "an indentation that steps back wrongly",
      "yaml",
      `defaults:\n    deadline: 1s\n  mailbox_capacity: 1\n`,
      wellFormed("yaml", 3)
    ],
    ["two documents", "yaml", `defaults: {}\n---\ndefaults: {}\n`, wellFormed("yaml", 2)],
    ["the first half of it", "yaml", `defaults: { deadline: "1s`, wellFormed("yaml")],
    ["an alias of nothing", "yaml", `defaults: *nothing\n`, wellFormed("yaml")],
    ["the first half of it", "json", `{\n  "defaults": {\n    "deadline": "1s"\n`, wellFormed("json", 4)],
    ["a comma too many", "json", `{\n  "defaults": {\n    "deadline": "1s",\n  }\n}`, wellFormed("json", 4)],
    ["a comment", "json", `{\n  // a comment\n  "defaults": {}\n}`, wellFormed("json", 2)],
    ["single quotes", "json", `{\n  'defaults': {}\n}`, wellFormed("json", 2)],
    ["more after its end", "json", `{}\n{}\n`, wellFormed("json", 2)],
    ["a list", "json", `[1, 2]`, sections],
    ["a list", "yaml", `- 1\n- 2\n`, sections],
    ["a number", "json", `42`, sections],
    ["nothing but null", "json", `null`, sections],
    ["one word", "yaml", `hello`, sections],
    ["one word", "toml", `hello`, wellFormed("toml", 1)],
    ["Latin-1", "toml", new Uint8Array([0x23, 0xe9, 0x0a]), utf8],
    ["Latin-1", "yaml", new Uint8Array([0x23, 0xe9, 0x0a]), utf8],
    ["Latin-1", "json", new Uint8Array([0x22, 0xe9, 0x22]), utf8],
    ["UTF-16", "json", new Uint8Array([0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]), utf8],
    ["a character that is cut", "yaml", new Uint8Array([0x61, 0xf0, 0x9f, 0x98]), utf8],
    ["a surrogate in UTF-8", "yaml", new Uint8Array([0xed, 0xa0, 0x80]), utf8]
  ]
  for (const [what, format, content, problem] of cases) {
    it.effect(`is refused with its line, if it has one: ${what} (${format})`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual<unknown>(yield* Effect.flip(parsed(format, content)), problem)
      })
    )
  }

  it.effect("is not quoted: it may be anything, also a secret", () =>
    Effect.gen(function* () {
      for (const format of formats) {
        const error = yield* Effect.flip(parsed(format, `{ "a": "s3cr3t", s3cr3t: [s3cr3t\ns3cr3t = s3cr3t: s3cr3t`))
        assert.notInclude(JSON.stringify(error), "s3cr3t")
      }
    })
  )
})

describe("a text that is made to take long", () => {
  const fill = (part: string) => part.repeat(Math.ceil(maxFileBytes / part.length)).slice(0, maxFileBytes)
  const numbered = (write: (n: number) => string) => {
    let text = ""
    for (let n = 0; text.length < maxFileBytes; n++) text += write(n)
    return text
  }
  const texts: Record<string, () => string> = {
    "open brackets": () => fill("["),
    "open braces": () => fill(`{"a":`),
    "open quotes": () => fill(`"`),
    "spaces in a flow": () => `[a${fill(" ")}b]`,
    "spaces in quotes": () => `a: "x${fill(" ")}b\n  c"`,
    "backslashes in quotes": () => `a: "x${fill("\\")}b\n  c"`,
    "lines of a flow": () => `[\n${fill("1,\n")}]`,
    "lines in quotes": () => `a: '${fill("\n x")}`,
    anchors: () => fill("& "),
    "merges of merges": () => `a: &a {${numbered((n) => `k${n}: 1,`)}}\n${numbered((n) => `b${n}: {<<: *a}\n`)}`,
    "aliases of aliases": () => `a0: &a0 [x]\n${numbered((n) => `a${n + 1}: &a${n + 1} [*a${n}, *a${n}]\n`)}`,
    "keys with dots": () => `[${fill("a.")}b]`,
    "many keys": () => `[defaults]\n${numbered((n) => `k${n} = 1\n`)}`,
    "many sections": () => numbered((n) => `[s${n}]\n`),
    "digits with underscores": () => `a = ${fill("1_")}`,
    hashes: () => fill("#"),
    newlines: () => fill("\n"),
    zeros: () => fill("\u0000")
  }

  it("is short: settings are, and parsers take their square", () => {
    // The next tests would not end if it were much more. Never raise it without trying them with the new size.
    assert.isAtMost(maxFileBytes, 65_536)
  })

  for (const [what, text] of Object.entries(texts)) {
    for (const format of formats) {
      it.effect(`is answered all the same: ${what} (${format})`, () =>
        Effect.gen(function* () {
          assert.isAtMost(maxFileBytes, 65_536)
          const content = bytes(text().slice(0, maxFileBytes))
          const result = yield* Effect.result(parsed(format, content))
          if (result._tag === "Failure") assert.notStrictEqual(result.failure.rule, "")
        })
      )
    }
  }
})

describe("a file that is read", () => {
  const refused = (path: string) => Effect.provide(Effect.flip(readFile(path)), Files)
  const look = "check that it is there, is no directory, and may be read"

  it.effect("is understood by its name", () =>
    Effect.gen(function* () {
      for (const [name, text] of [
        ["ryker.toml", "[amnesia]\nenabled = true"],
        ["ryker.JSON", `{"amnesia": {"enabled": true}}`],
        ["ryker.yml", "amnesia: { enabled: true }"]
      ] as const) {
        const path = yield* written(name, text)
        const file = yield* Effect.provide(readFile(path), Files)
        assert.strictEqual(file.path, path)
        assert.deepStrictEqual(rootOf(file), { amnesia: { enabled: true } })
      }
    })
  )

  it.effect("is refused when its name tells no format, and then not even looked at", () =>
    Effect.gen(function* () {
      const rule = "a file whose name ends in .toml, .json, .yaml or .yml"
      // There is no FileSystem here.
      assert.deepStrictEqual(yield* Effect.flip(readFile("/etc/passwd")), { line: undefined, rule, fix: "rename it" })
    })
  )

  it.effect("is refused when there is no FileSystem", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Effect.flip(readFile("ryker.toml")), {
        line: undefined,
        rule: "a file that can be read: there is no FileSystem here",
        fix: "provide a FileSystem, such as NodeFileSystem.layer of @effect/platform-node, or name no file"
      })
    })
  )

  it.effect("is refused when it is missing", () =>
    Effect.gen(function* () {
      const path = `${yield* folder}/ryker.toml`
      const rule = "a file that can be read: NotFound"
      assert.deepStrictEqual(yield* refused(path), { line: undefined, rule, fix: look })
    })
  )

  it.effect("is refused when it is a directory", () =>
    Effect.gen(function* () {
      const path = `${yield* folder}/ryker.toml`
      yield* Effect.promise(() => fs.mkdir(path))
      const rule = "a file, not a directory"
      assert.deepStrictEqual(yield* refused(path), { line: undefined, rule, fix: "give the path of a file" })
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
      const error = yield* Effect.provide(Effect.flip(readFile("ryker.toml")), denied)
      assert.deepStrictEqual(error, { line: undefined, rule: "a file that can be read: PermissionDenied", fix: look })
    })
  )

  it.effect.each(["FIFO", "CharacterDevice", "BlockDevice", "Socket", "Unknown"] as const)(
    "is not waited for when it is a %s",
    (type) =>
      Effect.gen(function* () {
        const endless = FileSystem.layerNoop({
          stat: () => Effect.succeed(info(type, 0)),
          readFile: () => Effect.never
        })
        const error = yield* Effect.provide(Effect.flip(readFile("ryker.toml")), endless)
        assert.strictEqual(error.rule, `a file, not a ${type.toLowerCase()}`)
      })
  )

  it.effect("is refused when it is 10 MB of rubbish, unread", () =>
    Effect.gen(function* () {
      const rubbish = new Uint8Array(10_485_760).map((_, index) => (index * 2_654_435_761) >>> 24)
      for (const format of formats) {
        const path = yield* written(`ryker.${format}`, rubbish)
        const unread = Layer.effect(
          FileSystem.FileSystem,
          Effect.map(FileSystem.FileSystem, (files) => ({ ...files, readFile: () => Effect.die("was read") }))
        ).pipe(Layer.provide(Files))
        const error = yield* Effect.provide(Effect.flip(readFile(path)), unread)
        assert.strictEqual(error.rule, `a file of at most ${maxFileBytes} bytes, not 10485760`)
        assert.strictEqual(error.fix, "check the path")
      }
    })
  )

  it.effect("may have as many bytes as are allowed, and not one more", () =>
    Effect.gen(function* () {
      const text = (length: number) => bytes("#".repeat(length))
      const most = yield* Effect.provide(readFile("ryker.toml"), fileInMemory(text(maxFileBytes)))
      assert.deepStrictEqual(rootOf(most), {})
      const error = yield* Effect.provide(Effect.flip(readFile("ryker.toml")), fileInMemory(text(maxFileBytes + 1)))
      assert.strictEqual(error.rule, `a file of at most ${maxFileBytes} bytes, not ${maxFileBytes + 1}`)
    })
  )

  it.effect("is refused when it has grown since it was looked at", () =>
    Effect.gen(function* () {
      const grown = fileInMemory(bytes("#".repeat(maxFileBytes + 1)), 0)
      const error = yield* Effect.provide(Effect.flip(readFile("ryker.toml")), grown)
      assert.strictEqual(error.rule, `a file of at most ${maxFileBytes} bytes, not ${maxFileBytes + 1}`)
    })
  )
})
