/**
 * Reading a file of settings. The one place that touches `effect/encoding`, which is unstable.
 *
 * What is wrong with a file is told with its line where that can be known.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Toml from "effect/encoding/Toml"
import * as Yaml from "effect/encoding/Yaml"

/** All settings are 600 bytes; what is longer is another file. Parsers need quadratic time for some texts: 0.35 s for these. */
export const maxFileBytes = 16_384

export type Format = "toml" | "json" | "yaml"

/** A file that was read and understood. */
export interface ConfigFile {
  readonly path: string
  readonly root: Readonly<Record<string, unknown>>
  /** The line of a key, counted from 1. */
  readonly lineOf: (section: string, name: string) => number | undefined
}

/** Why a file gives no settings. */
export interface FileProblem {
  readonly line: number | undefined
  readonly rule: string
  readonly fix: string
}

const problem = (rule: string, fix: string, line?: number): FileProblem => ({ line, rule, fix })

/** The format that the name of a file tells. */
export const formatOf = (path: string): Format | undefined => {
  const extension = /\.([^./\\]+)$/.exec(path)?.[1]?.toLowerCase()
  if (extension === "yml") return "yaml"
  return extension === "toml" || extension === "json" || extension === "yaml" ? extension : undefined
}

export const readFile = Effect.fnUntraced(function* (path: string): Effect.fn.Return<ConfigFile, FileProblem> {
  const format = formatOf(path)
  if (format === undefined) {
    return yield* Effect.fail(problem("a file whose name ends in .toml, .json, .yaml or .yml", "rename it"))
  }
  const fs = yield* Effect.serviceOption(FileSystem.FileSystem)
  if (Option.isNone(fs)) {
    const fix = "provide a FileSystem, such as NodeFileSystem.layer of @effect/platform-node, or name no file"
    return yield* Effect.fail(problem("a file that can be read: there is no FileSystem here", fix))
  }
  const unreadable = (error: { readonly message: string; readonly reason?: unknown }) =>
    problem(`a file that can be read: ${reasonOf(error)}`, "check that it is there, is no directory, and may be read")
  const info = yield* Effect.mapError(fs.value.stat(path), unreadable)
  if (info.type !== "File") {
    return yield* Effect.fail(problem(`a file, not a ${info.type.toLowerCase()}`, "give the path of a file"))
  }
  const tooLong = (size: number | bigint) =>
    problem(`a file of at most ${maxFileBytes} bytes, not ${size}`, "check the path")
  if (info.size > maxFileBytes) return yield* Effect.fail(tooLong(info.size))
  const bytes = yield* Effect.mapError(fs.value.readFile(path), unreadable)
  // It may have grown since, or be one that tells no size, as in /proc.
  if (bytes.length > maxFileBytes) return yield* Effect.fail(tooLong(bytes.length))
  // The first half of a file may be well-formed, too.
  if (stateOf(yield* Effect.mapError(fs.value.stat(path), unreadable)) !== stateOf(info)) {
    return yield* Effect.fail(problem("a file that nobody writes while it is read", "read it again when it is whole"))
  }
  return yield* parse(path, format, bytes)
})

/** What tells one state of a file from another without reading it. */
export const stateOf = ({ dev, ino, mtime, size }: FileSystem.File.Info): string =>
  [dev, Option.getOrUndefined(ino), size, Option.getOrUndefined(mtime)?.getTime()].join(" ")

const reasonOf = (error: { readonly reason?: unknown }): string =>
  Predicate.hasProperty(error.reason, "_tag") ? String(error.reason._tag) : "it failed"

/** Understands the bytes of a file. */
export const parse = (path: string, format: Format, bytes: Uint8Array): Effect.Effect<ConfigFile, FileProblem> =>
  Effect.gen(function* () {
    const text = yield* decodeText(bytes)
    const root = yield* parseText(format, text)
    if (!Predicate.isObject(root) || Array.isArray(root)) {
      return yield* Effect.fail(problem("sections with keys", "begin with a section, such as defaults"))
    }
    // In JSON no line begins so; in the others it is a comment.
    const lines = text.split(/\r\n|\n|\r/).map((line) => (/^\s*#/.test(line) ? "" : line))
    return {
      path,
      root: root,
      lineOf: (section: string, name: string) => findLine(lines, section, name)
    }
  })

const decodeText = (bytes: Uint8Array): Effect.Effect<string, FileProblem> =>
  Effect.try({
    // Takes a byte order mark away, and refuses what is no UTF-8.
    try: () => new TextDecoder("utf-8", { fatal: true }).decode(bytes),
    catch: () => problem("text in UTF-8", "save it as UTF-8")
  })

/** An empty file says nothing, in any format. */
const parseText = (format: Format, text: string): Effect.Effect<unknown, FileProblem> => {
  if (text.trim() === "") return Effect.succeed({})
  if (format === "toml") {
    return Result.match(Toml.parse(text), {
      onFailure: ({ message }) => Effect.fail(malformed(format, message, text)),
      onSuccess: (root) => Effect.succeed(root)
    })
  }
  return Effect.try({
    try: () => {
      if (format !== "json") return Yaml.parse(text) ?? {}
      const root: unknown = JSON.parse(text)
      // JSON is YAML, too, if it begins at the margin, and YAML notices a key that stands twice.
      Yaml.parse(text.trimStart())
      return root
    },
    // Whatever it is, also a stack that is too deep.
    catch: (error) => malformed(format, error instanceof Error ? error.message : String(error), text)
  })
}

/** Parsers name the place, and sometimes quote the text around it, which may be anything: only the place is told. */
const malformed = (format: Format, message: string, text: string): FileProblem => {
  // The parsers' own words, at the end and at the beginning: between them is text of the file.
  const line = /\bline (\d+)(?:,? column \d+)?\)?$/.exec(message)?.[1]
  const isTwice = /^(?:Duplicate key|Cannot redefine) /.test(message)
  const rule = isTwice ? "a file in which no key stands twice" : `well-formed ${format.toUpperCase()}`
  const fix = isTwice ? "remove one of the two" : "mend the file, or let an editor check it"
  return problem(rule, fix, line === undefined ? lineOfOffset(format, message, text) : Number(line))
}

/** The first line that names the key, after one that names its section. Good enough for a message. */
const findLine = (lines: ReadonlyArray<string>, section: string, name: string): number | undefined => {
  const begins = keyPattern(section)
  const start = lines.findIndex((line) => begins.test(line))
  if (start < 0) return undefined
  const names = keyPattern(name)
  const found = lines.findIndex((line, index) => index >= start && names.test(line))
  return (found < 0 ? start : found) + 1
}

/** Where a word stands as a key: what is written before and after it in one of the formats. Words are anything. */
const keyPattern = (word: string): RegExp =>
  new RegExp(`(^|[\\s[{,."'])${word.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")}["']?\\s*[\\].:=]`)

/** Of JSON, which is one flow collection, YAML tells how far it came, not counting what a line is indented by. */
const lineOfOffset = (format: Format, message: string, text: string): number | undefined => {
  const offset = /at flow offset (\d+)$/.exec(message)?.[1]
  if (format !== "json" || offset === undefined) return undefined
  const start = text.slice(0, text.length - text.trimStart().length).split("\n").length
  const lines = text.trimStart().split(/\r\n|\n|\r/)
  let left = Number(offset)
  const after = lines.findIndex((line) => (left -= line.replace(/^ +/, "").length + 1) < 0)
  return start + Math.max(0, after)
}
