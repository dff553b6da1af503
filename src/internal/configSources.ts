/** Where settings come from, and which of several says what holds. */
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import { InvalidConfig } from "../RykerError.ts"
import { type ConfigFile, readFile } from "./configFile.ts"
import {
  crossRules,
  defaults,
  flatten,
  nest,
  type RykerConfig,
  type Setting,
  settings,
  type Values
} from "./configSchema.ts"
import { nearest } from "./nearest.ts"
import { formatBytes, formatMillis, formatPlainMillis } from "./units.ts"

/** What is wrong with a setting. */
export type Problem = InvalidConfig["problems"][number]

/** Values that the program gives: what files may hold, and also numbers of milliseconds and bytes, and durations. */
export type Input = {
  readonly [Section in keyof RykerConfig]?: {
    readonly [Name in keyof RykerConfig[Section]]?: RykerConfig[Section][Name] | string | Duration.Duration | undefined
  }
}

/** Where a value stands. */
export interface Origin {
  /** `"builder"`, `"environment"`, `"file"`, or `"default"`. */
  readonly source: "builder" | "environment" | "file" | "default"
  /** The name in the environment, or the path of the file. */
  readonly name: string
  readonly line?: number
}

/** A value as it is written somewhere. */
interface Written {
  /** Undefined for what is no single value. */
  readonly text: string | undefined
  readonly origin: Origin
}

/** Settings that hold, and where each comes from. */
export interface Resolved {
  readonly config: RykerConfig
  readonly origins: Readonly<Record<string, Origin>>
  /** What works and should be changed. */
  readonly warnings: ReadonlyArray<string>
}

export interface LoadOptions {
  readonly builder?: Input | undefined
  /** Default: the current `ConfigProvider`, which is the process's environment unless the host provides another. */
  readonly environment?: ConfigProvider.ConfigProvider | undefined
  /** The path of a file. Default: `RYKER_CONFIG_PATH` of the environment, if it is set. */
  readonly file?: string | undefined
}

/** Names in the environment that are no settings; the last is for `ryker top` and `ryker tail`. */
const controls = {
  path: "RYKER_CONFIG_PATH",
  allow: "RYKER_ALLOW_CONFIG_PATH",
  inspector: "RYKER_INSPECTOR_URL"
} as const

/** Reads all sources, and gives what holds, or all that is wrong with it. */
export const load = Effect.fnUntraced(function* (options: LoadOptions): Effect.fn.Return<Resolved, InvalidConfig> {
  const problems: Array<Problem> = []
  const warnings: Array<string> = []
  const provider = options.environment ?? (yield* environment)
  const names = yield* readEnvironment(provider, problems)
  const file = yield* openFile(options.file, names, problems)
  const written = [
    writtenByBuilder(options.builder ?? {}, problems),
    writtenInEnvironment(names, problems, warnings),
    file === undefined ? new Map<string, Written>() : yield* writtenInFile(file, problems)
  ]
  const values: Record<string, unknown> = { ...flatten(defaults) }
  const origins: Record<string, Origin> = Object.fromEntries(
    settings.map(({ key }) => [key, { source: "default", name: "" }])
  )
  const bad = readInto(values, origins, written, problems)
  const resolved = { config: nest(values), origins, warnings }
  problems.push(...brokenRules(resolved, bad))
  if (problems.length > 0) return yield* new InvalidConfig({ problems })
  return resolved
})

/** The rules between keys that do not hold; those about a key that is wrong in itself are left out. */
const brokenRules = ({ config, origins }: Resolved, wrong: ReadonlySet<string>): ReadonlyArray<Problem> => {
  const values = flatten(config)
  return crossRules.flatMap(({ fix, holds, keys, rules }) => {
    if (keys.some((key) => wrong.has(key)) || holds(config)) return []
    // The default is not what somebody can look up and mend.
    const at = origins[keys[0]]!.source === "default" && origins[keys[1]]!.source !== "default" ? 1 : 0
    const [setting, other] = [at, 1 - at].map((n) => settings.find(({ key }) => key === keys[n])!)
    const rule = `${rules[at]}, which is ${other!.format(values[other!.key])}`
    return [problemOf(setting!, origins[setting!.key]!, setting!.format(values[setting!.key]), rule, fix)]
  })
}

/** Settings that were put together, if they can hold together. */
export const checkRules = (resolved: Resolved): Effect.Effect<Resolved, InvalidConfig> => {
  const problems = brokenRules(resolved, new Set())
  return problems.length === 0 ? Effect.succeed(resolved) : Effect.fail(new InvalidConfig({ problems }))
}

/** Settings that may have been put together by hand, if each of them can hold; those of the keys given are not looked at. */
export const checkValues = (resolved: Resolved, trusted: Values): Effect.Effect<Resolved, InvalidConfig> => {
  const values = flatten(resolved.config)
  const problems = settings.flatMap((setting) => {
    const { format, key, read, valid } = setting
    const text = values[key] === undefined ? "" : format(values[key])
    if (Object.hasOwn(trusted, key) || read(text) !== undefined) return []
    const origin = resolved.origins[key] ?? { source: "builder", name: "builder" }
    return [problemOf(setting, origin, text, valid, `write it like ${setting.default}`)]
  })
  return problems.length === 0 ? Effect.succeed(resolved) : Effect.fail(new InvalidConfig({ problems }))
}

/** Single values over settings that hold. */
export const overlay = (
  base: Pick<Resolved, "config" | "origins">,
  input: Input
): Effect.Effect<Resolved, InvalidConfig> =>
  Effect.suspend(() => {
    const problems: Array<Problem> = []
    const values: Record<string, unknown> = { ...flatten(base.config) }
    const origins: Record<string, Origin> = { ...base.origins }
    const wrong = readInto(values, origins, [writtenByBuilder(input, problems)], problems)
    const resolved = { config: nest(values), origins, warnings: [] }
    problems.push(...brokenRules(resolved, wrong))
    return problems.length === 0 ? Effect.succeed(resolved) : Effect.fail(new InvalidConfig({ problems }))
  })

/** Takes for each key the first source that has it; gives the keys whose value is wrong. */
const readInto = (
  values: Record<string, unknown>,
  origins: Record<string, Origin>,
  sources: ReadonlyArray<ReadonlyMap<string, Written>>,
  problems: Array<Problem>
): ReadonlySet<string> => {
  const wrong = new Set<string>()
  for (const setting of settings) {
    const { key } = setting
    const found = sources.map((source) => source.get(key)).find((each) => each !== undefined)
    if (found === undefined) continue
    const { origin, text } = found
    origins[key] = origin
    const value = text === undefined ? undefined : setting.read(text)
    if (value !== undefined) {
      values[key] = value
      continue
    }
    wrong.add(key)
    const fix = text?.trim() === "" ? "give it a value, or remove it" : `write it like ${setting.default}`
    problems.push(problemOf(setting, origin, text ?? "no single value", setting.valid, fix))
  }
  return wrong
}

/** A line that is not known is left out. */
const lineAt = (line: number | undefined): { readonly line?: number } => (line === undefined ? {} : { line })

const problemOf = (setting: Setting, origin: Origin, value: string, rule: string, fix: string): Problem => ({
  key: setting.key,
  environment: setting.environment,
  source: origin.source === "file" || origin.source === "environment" ? oneLine(origin.name) : origin.source,
  ...lineAt(origin.line),
  value: clip(value),
  rule,
  fix
})

/** Control characters would act on the terminal of who reads the log. */
const oneLine = (text: string): string => text.replaceAll(/[\s\p{Cc}\p{Cf}]+/gu, " ")

/** A value that was put into the wrong place may be long, or more than one line. */
const clip = (text: string): string => {
  const line = oneLine(text)
  return line.length > 64 ? `${line.slice(0, 61).replace(/[\uD800-\uDBFF]$/, "")}...` : line
}

// --- The builder --------------------------------------------------------------------------------------------------------

const writtenByBuilder = (input: Input, problems: Array<Problem>): Map<string, Written> => {
  const written = new Map<string, Written>()
  const origin: Origin = { source: "builder", name: "builder" }
  // Parsed JSON passes for any type.
  if (!Predicate.isObject(input)) {
    const fix = "begin with a section, such as defaults"
    problems.push({ key: "", environment: "", source: origin.name, rule: "sections with keys", fix })
    return written
  }
  for (const [section, values] of Object.entries<unknown>(input)) {
    if (values === undefined) continue
    if (!Predicate.isObject(values)) {
      problems.push(sections.includes(section) ? noSection(section, origin) : unknownKey(section, origin))
      continue
    }
    const entries = Object.entries(values)
    if (entries.length === 0 && !sections.includes(section)) problems.push(unknownKey(section, origin))
    for (const [name, value] of entries) {
      if (value === undefined) continue
      const key = `${section}.${name}`
      const setting = settings.find((each) => each.key === key)
      if (setting === undefined) problems.push(unknownKey(key, origin))
      else written.set(key, { text: textOf(setting, value), origin })
    }
  }
  return written
}

const textOf = ({ unit }: Setting, value: unknown): string | undefined => {
  if (Duration.isDuration(value)) return formatMillis(Duration.toMillis(value))
  if (typeof value === "number" && unit === "ms, s or m") return formatMillis(value)
  if (typeof value === "number" && unit === "ms") return formatPlainMillis(value)
  if (typeof value === "number" && unit === "B, KiB or MiB") return formatBytes(value)
  const isSingle = typeof value === "string" || typeof value === "number" || typeof value === "boolean"
  return isSingle ? String(value) : undefined
}

// --- The environment ----------------------------------------------------------------------------------------------------

/** The host's provider, or the process's environment, in which an empty value is a value. */
const environment: Effect.Effect<ConfigProvider.ConfigProvider> = Effect.contextWith(
  (context: Context.Context<never>) =>
    Effect.succeed(
      Context.getOrUndefined(context, ConfigProvider.ConfigProvider) ??
        ConfigProvider.fromEnv({ preserveEmptyStrings: true })
    )
)

/** All that begins with `RYKER_`, by name, and the two names that tell a production environment. */
const readEnvironment = (
  provider: ConfigProvider.ConfigProvider,
  problems: Array<Problem>
): Effect.Effect<Map<string, string>> =>
  Effect.gen(function* () {
    const names = new Map<string, string>()
    const walk = (path: ConfigProvider.Path): Effect.Effect<void, ConfigProvider.SourceError> =>
      Effect.gen(function* () {
        const node = yield* provider.load(path)
        if (node === undefined) return
        if (node.value !== undefined) names.set(path.join("_"), node.value)
        if (node._tag === "Array") {
          // No setting has a number in its name. A large one must not be counted up to; the last is there.
          const numbers = node.length > 64 ? [node.length - 1] : Array.from({ length: node.length }, (_, n) => n)
          for (const n of numbers) yield* walk([...path, n])
        }
        if (node._tag === "Record") for (const key of node.keys) yield* walk([...path, key])
      })
    const value = (path: ConfigProvider.Path) =>
      Effect.map(provider.load(path), (node) => {
        if (node?.value !== undefined) names.set(path.join("_"), node.value)
      })
    // Parts of names find what is not known; whole names what a source has that does not take names apart.
    const whole = settings.flatMap(({ deprecated, environment }) => [environment, ...(deprecated ? [deprecated] : [])])
    const single = [...whole, ...Object.values(controls), "APP_ENV", "NODE_ENV"].map((name) => [name])
    yield* walk(["RYKER"]).pipe(
      Effect.andThen(Effect.forEach([["APP", "ENV"], ["NODE", "ENV"], ...single], value, { discard: true })),
      Effect.catchCause(() =>
        Effect.sync(() => {
          const rule = "an environment that can be read"
          const fix = "look at the ConfigProvider that the host provides"
          problems.push({ key: "", environment: "", source: "environment", rule, fix })
        })
      )
    )
    return names
  })

const writtenInEnvironment = (
  names: ReadonlyMap<string, string>,
  problems: Array<Problem>,
  warnings: Array<string>
): Map<string, Written> => {
  const written = new Map<string, Written>()
  const known = new Set<string>(Object.values(controls))
  for (const { deprecated, environment, key } of settings) {
    known.add(environment)
    const take = (name: string) => {
      const text = names.get(name)
      if (text !== undefined) written.set(key, { text, origin: { source: "environment", name } })
      return text !== undefined
    }
    if (deprecated !== undefined) {
      known.add(deprecated)
      if (take(deprecated)) {
        warnings.push(
          names.has(environment)
            ? `${deprecated} is deprecated, and ignored as ${environment} is set: remove it`
            : `${deprecated} is deprecated: use ${environment}`
        )
      }
    }
    take(environment)
  }
  for (const name of names.keys()) {
    if (!name.startsWith("RYKER_") || known.has(name)) continue
    const near = nearest(name, Array.from(known))
    // Nobody should move to a deprecated name.
    const hint = settings.find(({ deprecated }) => deprecated !== undefined && deprecated === near)?.environment ?? near
    problems.push({
      key: "",
      environment: clip(name),
      source: "environment",
      rule: "a name that is known",
      fix: hint === undefined ? "remove it" : `did you mean ${hint}?`
    })
  }
  return written
}

// --- The file -----------------------------------------------------------------------------------------------------------

/** The file that was asked for or that the environment names, unless production forbids the latter. */
const openFile = (
  asked: string | undefined,
  names: ReadonlyMap<string, string>,
  problems: Array<Problem>
): Effect.Effect<ConfigFile | undefined> =>
  Effect.gen(function* () {
    const named = names.get(controls.path)
    const path = asked ?? named
    if (path === undefined) return undefined
    const environment = asked === undefined ? controls.path : ""
    if (path.trim() === "") {
      const source = asked === undefined ? controls.path : "builder"
      problems.push({ key: "", environment, source, rule: "the path of a file", fix: "give it a path, or remove it" })
      return undefined
    }
    if (asked === undefined) {
      const isProduction = names.get("APP_ENV") === "production" || names.get("NODE_ENV") === "production"
      if (isProduction && names.get(controls.allow) !== "1") {
        problems.push({
          key: "",
          environment: controls.path,
          source: "environment",
          value: clip(path),
          rule: "unset in production, where settings come from the environment",
          fix: `unset it, or set ${controls.allow}=1 if it is meant`
        })
        return undefined
      }
    }
    const file = yield* Effect.result(readFile(path))
    if (file._tag === "Success") return file.success
    const { fix, line, rule } = file.failure
    problems.push({
      key: "",
      environment,
      source: oneLine(path),
      ...lineAt(line),
      rule,
      fix
    })
    return undefined
  })

const writtenInFile = (
  { lineOf, path, root }: ConfigFile,
  problems: Array<Problem>
): Effect.Effect<Map<string, Written>> =>
  Effect.gen(function* () {
    const provider = ConfigProvider.fromUnknown(root, { preserveEmptyStrings: true })
    const written = new Map<string, Written>()
    for (const section of Object.keys(root)) {
      const at = (name: string): Origin => ({ source: "file", name: path, ...lineAt(lineOf(section, name)) })
      const values = root[section]
      if (!sections.includes(section)) {
        problems.push(unknownKey(section, at(section)))
        continue
      }
      // A section that is begun and has nothing in it.
      if (values === null) continue
      if (typeof values !== "object" || Array.isArray(values) || values instanceof Date) {
        problems.push(noSection(section, at(section)))
        continue
      }
      for (const name of Object.keys(values)) {
        const key = `${section}.${name}`
        if (!settings.some((setting) => setting.key === key)) {
          problems.push(unknownKey(key, at(name)))
          continue
        }
        // A source of plain values cannot fail.
        const node = yield* Effect.orDie(provider.load([section, name]))
        written.set(key, { text: node === undefined ? "" : node.value, origin: at(name) })
      }
    }
    return written
  })

const sections = Array.from(new Set(settings.map(({ section }) => section)))

/** A single value where a section should be. */
const noSection = (section: string, { line, name }: Origin): Problem => {
  const first = settings.find((setting) => setting.section === section)!.key
  const fix = `write its keys one by one, such as ${first}`
  return { key: section, environment: "", source: name, ...lineAt(line), rule: "a section with keys", fix }
}

const unknownKey = (key: string, { line, name }: Origin): Problem => {
  const keys = settings.map((setting) => setting.key)
  // A key that stands outside of its section has its name alone.
  const hint = nearest(key, key.includes(".") ? keys : sections) ?? keys.find((each) => each.endsWith(`.${key}`))
  return {
    key: clip(key),
    environment: "",
    source: name,
    ...lineAt(line),
    rule: "a key that is known",
    fix: hint === undefined ? "remove it" : `did you mean ${hint}?`
  }
}

/** What holds, as text by key. */
export const texts = (config: RykerConfig): Readonly<Record<string, string>> => {
  const values: Values = flatten(config)
  return Object.fromEntries(settings.map(({ format, key }) => [key, format(values[key])]))
}
