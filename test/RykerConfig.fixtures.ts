/** Reading settings for tests: real files in a temporary folder, and nothing of the process that runs the tests. */
import * as ByteSize from "effect/ByteSize"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as PlatformError from "effect/PlatformError"
import * as fs from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as RykerConfig from "../src/RykerConfig.ts"
import type { InvalidConfig } from "../src/RykerError.ts"

// --- Files --------------------------------------------------------------------------------------------------------------

const tags: Readonly<Record<string, PlatformError.SystemErrorTag>> = {
  ENOENT: "NotFound",
  EACCES: "PermissionDenied",
  EISDIR: "BadResource"
}

const attempt = <A>(method: string, path: string, run: () => Promise<A>) =>
  Effect.tryPromise({
    try: run,
    catch: (cause) => {
      const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
      const _tag = tags[code] ?? "Unknown"
      return PlatformError.systemError({ _tag, module: "FileSystem", method, pathOrDescriptor: path, cause })
    }
  })

/** What `stat` tells of a file of this type and size. */
export const info = (type: FileSystem.File.Type, size: number): FileSystem.File.Info => ({
  type,
  size: ByteSize.fromInputUnsafe(size),
  mtime: Option.none(),
  atime: Option.none(),
  birthtime: Option.none(),
  dev: 0n,
  ino: Option.none(),
  mode: 0,
  nlink: Option.none(),
  uid: Option.none(),
  gid: Option.none(),
  rdev: Option.none(),
  blksize: Option.none(),
  blocks: Option.none()
})

export const Files = FileSystem.layerNoop({
  readFile: (path) => attempt("readFile", path, () => fs.readFile(path)),
  stat: (path) =>
    Effect.map(
      attempt("stat", path, () => fs.stat(path)),
      (stats) => info(stats.isFile() ? "File" : stats.isDirectory() ? "Directory" : "Unknown", stats.size)
    )
})

/** One file that is not on disk, whatever the path: `size` is what `stat` says of it. */
export const fileInMemory = (content: Uint8Array, size = content.length) =>
  FileSystem.layerNoop({ readFile: () => Effect.succeed(content), stat: () => Effect.succeed(info("File", size)) })

/** A folder that is gone when the test is over. */
export const folder = Effect.acquireRelease(
  Effect.promise(() => fs.mkdtemp(join(tmpdir(), "ryker-config-"))),
  (path) => Effect.promise(() => fs.rm(path, { force: true, recursive: true }))
)

/** Writes a file of its own folder; gives its path. */
export const written = (name: string, content: string | Uint8Array) =>
  Effect.gen(function* () {
    const path = join(yield* folder, name)
    yield* Effect.promise(() => fs.writeFile(path, content))
    return path
  })

export const formats = ["toml", "json", "yaml"] as const
export type Format = (typeof formats)[number]

/** A file with one key, whose literal stands in line 4, below a comment that speaks of it where there are comments. */
export const fileWith = (format: Format, key: string, literal: string): string => {
  const [section, name] = key.split(".")
  switch (format) {
    case "toml":
      return `# ${key} = is explained elsewhere\n\n[${section}]\n${name} = ${literal}\n`
    case "yaml":
      return `# ${key}: is explained elsewhere\n\n${section}:\n  ${name}: ${literal}\n`
    case "json":
      return `{\n  "${section}":\n  {\n    "${name}": ${literal}\n  }\n}\n`
  }
}

// --- Loading ------------------------------------------------------------------------------------------------------------

export type Env = Readonly<Record<string, string>>

/** As the process's environment is read: an empty value is a value. */
export const environmentOf = (env: Env) => ConfigProvider.fromEnv({ env, preserveEmptyStrings: true })

export interface Given {
  readonly builder?: RykerConfig.Input | undefined
  readonly env?: Env | undefined
  readonly file?: string | undefined
}

export const load = ({ builder, env = {}, file }: Given) =>
  RykerConfig.load({ builder, environment: environmentOf(env), file }).pipe(Effect.provide(Files))

export type Problem = InvalidConfig["problems"][number]

export const problemsOf = (given: Given) => Effect.map(Effect.flip(load(given)), ({ problems }) => problems)

/** The rules between keys, as design.md has them. */
export const holdTogether = ({ amnesia, fairness, supervisor }: RykerConfig.RykerConfig): boolean =>
  supervisor.backoff_base_ms <= supervisor.backoff_cap_ms &&
  fairness.batch_messages <= fairness.yield_every_n_msgs &&
  (amnesia.zeroize_on_drop || !amnesia.enabled)

// --- JSON Schema --------------------------------------------------------------------------------------------------------

/** As much of JSON Schema as ours uses; a word that is not known here fails, lest it be passed over. */
interface JsonSchema {
  readonly $schema?: string
  readonly title?: string
  readonly description?: string
  readonly type?: string | ReadonlyArray<string>
  readonly enum?: ReadonlyArray<unknown>
  readonly minimum?: number
  readonly maximum?: number
  readonly pattern?: string
  readonly additionalProperties?: boolean
  readonly properties?: Readonly<Record<string, JsonSchema>>
}

const words = ["$schema", "title", "description", "type", "enum", "minimum", "maximum", "pattern"]
const objectWords = ["additionalProperties", "properties"]

const typeOf = (value: unknown): string => {
  if (value === null) return "null"
  if (Array.isArray(value)) return "array"
  return Number.isInteger(value) ? "integer" : typeof value
}

/** The paths of what does not hold to the schema. */
export const schemaProblems = (schema: JsonSchema, value: unknown, path = ""): ReadonlyArray<string> => {
  const strange = Object.keys(schema).filter((word) => ![...words, ...objectWords].includes(word))
  if (strange.length > 0) throw new Error(`the test does not know ${strange.join(", ")} of JSON Schema`)
  const { enum: choices, maximum = Infinity, minimum = -Infinity, pattern = "", properties, type } = schema
  const isType = type === undefined || [type].flat().includes(typeOf(value))
  const isChoice = choices === undefined || choices.includes(value)
  const isWithin = typeof value !== "number" || (value >= minimum && value <= maximum)
  const isMatch = typeof value !== "string" || new RegExp(pattern, "u").test(value)
  if (!isType || !isChoice || !isWithin || !isMatch) return [path]
  if (properties === undefined || typeof value !== "object" || value === null) return []
  return Object.entries(value).flatMap(([name, each]) => {
    const below = path === "" ? name : `${path}.${name}`
    if (Object.hasOwn(properties, name)) return schemaProblems(properties[name]!, each, below)
    return schema.additionalProperties === false ? [below] : []
  })
}
