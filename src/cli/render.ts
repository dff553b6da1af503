/** What the `ryker` command prints: functions of values. */
import * as RykerConfig from "../RykerConfig.ts"
import { InvalidConfig } from "../RykerError.ts"
import { escape } from "./text.ts"

/** The forms in which settings are printed. */
export const formats = ["toml", "json", "yaml", "env"] as const

export type Format = (typeof formats)[number]

export type Colour = keyof typeof codes

/** Puts colour to text, or leaves it. */
export type Paint = (text: string, colour: Colour) => string

const codes = { bold: 1, dim: 2, inverse: 7, red: 31, green: 32, yellow: 33, cyan: 36 } as const

/** Without colours a row that is marked must be seen, too. */
export const paintStyle: Paint = (text, colour) =>
  colour === "bold" || colour === "inverse" ? paintWith(true)(text, colour) : text

export const paintWith = (canColor: boolean): Paint =>
  canColor ? (text, colour) => `\u001B[${codes[colour]}m${text}\u001B[0m` : (text) => text

const placeOf = ({ line, name, source }: RykerConfig.Origin): string =>
  source === "default" ? "default" : escape(line === undefined ? name : `${name}, line ${line}`)

/** The line of a setting; others are the headings of sections. */
const isSetting = { toml: /^\w+ = /, yaml: /^ {2}\w+: /, env: /^\w+=/ } as const

/** The settings in one of the forms, with comments that say where each value comes from. JSON has no comments. */
export const settingsText = (resolved: RykerConfig.Resolved, format: Format, paint: Paint): string => {
  const text = RykerConfig.format(resolved.config, format).trimEnd()
  if (format === "json") return text
  const lines = text.split("\n")
  const width = Math.max(...lines.map((line) => line.length))
  const described = RykerConfig.describe(resolved)
  let next = 0
  return lines
    .map((line) => {
      if (!isSetting[format].test(line)) return line
      // The lines of the text are in the order of the keys.
      const place = paint(`# ${placeOf(described[next++]!.origin)}`, "dim")
      // Few readers of such lines know a comment behind a value.
      return format === "env" ? `${place}\n${line}` : `${line.padEnd(width)} ${place}`
    })
    .join("\n")
}

/** One line that says that all is well. */
export const validText = (resolved: RykerConfig.Resolved): string => {
  const counts = new Map<string, number>()
  for (const { origin } of RykerConfig.describe(resolved)) {
    const from = { builder: "from the program", default: "by default", environment: "from the environment" }
    const place = origin.source === "file" ? `from ${escape(origin.name)}` : from[origin.source]
    counts.set(place, (counts.get(place) ?? 0) + 1)
  }
  return `the settings are valid: ${Array.from(counts, ([place, n]) => `${n} ${place}`).join(", ")}`
}

/** A line for each change, in columns. */
export const changesText = (
  changes: ReadonlyArray<RykerConfig.Change>,
  files: readonly [string, string],
  paint: Paint
): string => {
  if (changes.length === 0) return `nothing differs between ${escape(files[0])} and ${escape(files[1])}`
  const widest = (text: (change: RykerConfig.Change) => string) =>
    Math.max(...changes.map((change) => text(change).length))
  const [keys, classes, froms] = [widest(({ key }) => key), widest((each) => each.class), widest(({ from }) => from)]
  return changes
    .map((change) => {
      const reload = change.class.padEnd(classes)
      const painted = change.class === "cold" ? paint(reload, "yellow") : reload
      return `${change.key.padEnd(keys)}  ${painted}  ${change.from.padEnd(froms)} -> ${change.to}`
    })
    .join("\n")
}

/** The message of the error, each problem on a line of its own. */
export const problemsText = ({ problems }: InvalidConfig): string => {
  const safe = problems.map((problem) => ({
    ...problem,
    key: escape(problem.key),
    environment: escape(problem.environment),
    source: escape(problem.source),
    ...(problem.value === undefined ? {} : { value: escape(problem.value) })
  }))
  return new InvalidConfig({ problems: safe }).message
}

export const warningText = (warning: string): string => `warning: ${escape(warning)}`

/** For machines: `ok` says which of the shapes it is, see docs/cli.md. */
export const json = (value: Readonly<Record<string, unknown>>): string => JSON.stringify(value, undefined, 2)

export const settingsJson = (resolved: RykerConfig.Resolved): string => {
  const environments = new Map(RykerConfig.keys.map(({ environment, key }) => [key, environment]))
  return json({
    ok: true,
    config: JSON.parse(RykerConfig.format(resolved.config, "json")),
    settings: RykerConfig.describe(resolved).map(({ class: reload, key, origin, value }) => ({
      key,
      environment: environments.get(key),
      class: reload,
      value,
      origin
    })),
    warnings: resolved.warnings
  })
}
