// Checks that the imports of src/ go one way: integrations lean on the core, the core on policies, nothing back.
import { globSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path/posix"

/**
 * What src/ is made of, bottom first. A name that ends in "/" is a folder; where several names match a file, the
 * longest wins. A file's value imports stay in its layer or go below it; its type imports may go up, because they are
 * gone at run time.
 */
const layers: ReadonlyArray<ReadonlyArray<string>> = [
  [
    "RykerError.ts",
    "RykerEvent.ts",
    "RykerMetrics.ts",
    "Ledger.ts",
    "DeadLetter.ts",
    "Backoff.ts",
    "RestartWindow.ts",
    "Deadline.ts"
  ],
  [
    "Mailbox.ts",
    "Envelope.ts",
    "internal/changes.ts",
    "internal/closing.ts",
    "internal/envelope.ts",
    "internal/errors.ts",
    "internal/mailboxCore.ts",
    "internal/options.ts",
    "internal/protocol.ts",
    "internal/sizer.ts",
    "internal/timers.ts",
    "internal/zeroize.ts"
  ],
  ["internal/"],
  ["Supervisor.ts", "RykerConfig.ts"],
  ["Ryker.ts", "Actor.ts", "Keyed.ts", "Router.ts"],
  ["index.ts"]
]

/** Above all layers, each behind its own entry point. The core doesn't import them, not even their types. */
const integrations = ["http/", "inspector/", "opentelemetry/", "cluster/", "testing/", "cli/"]

/** Functions of values: of our files, these import each other alone, types included. */
const pure = ["Backoff.ts", "RestartWindow.ts", "Deadline.ts"]

/** Packages that only some files may import, types included. */
const restricted: ReadonlyArray<{ name: RegExp; allowed: ReadonlyArray<string>; why: string }> = [
  {
    name: /^effect\/rpc(\/|$)/,
    allowed: ["internal/protocol.ts"],
    why: "effect/rpc is unstable: one file touches it"
  },
  {
    name: /^effect\/(cluster|http|observability|cli)(\/|$)/,
    allowed: integrations,
    why: "unstable and optional: only integrations need it"
  },
  {
    name: /^effect\/encoding(\/|$)/,
    allowed: [...integrations, "internal/configFile.ts"],
    why: "unstable and optional: only integrations need it"
  },
  {
    name: /^preact(\/|$)/,
    allowed: ["inspector/page/"],
    why: "it is bundled into the inspector's page: who installs ryker doesn't have it"
  }
]

interface Import {
  readonly from: string
  readonly line: number
  readonly specifier: string
  /** The imported file of ours, relative to src/. */
  readonly to: string | undefined
  readonly isType: boolean
}

const importPatterns = [
  /^(?:import|export)\s+(?<type>type\s+)?(?:\*(?:\s+as\s+\w+)?|\{[^}]*\}|\w+)\s+from\s+["'](?<specifier>[^"']+)["']/gm,
  /^import\s+["'](?<specifier>[^"']+)["']/gm,
  // A dynamic import, or a type's import("..."), outside a comment.
  /^(?!\s*(?:\*|\/[/*])).*\bimport\(\s*["'](?<specifier>[^"']+)["']/gm
]

const importsOf = (file: string, source: string): ReadonlyArray<Import> =>
  importPatterns.flatMap((pattern) =>
    Array.from(source.matchAll(pattern), (match) => {
      const specifier = match.groups!["specifier"]!
      return {
        from: file,
        line: source.slice(0, match.index).split("\n").length,
        specifier,
        to: specifier.startsWith(".") ? join(dirname(file), specifier) : undefined,
        isType: match.groups!["type"] !== undefined
      }
    })
  )

const matches = (file: string, name: string) => (name.endsWith("/") ? file.startsWith(name) : file === name)
const isOneOf = (file: string, names: ReadonlyArray<string>) => names.some((name) => matches(file, name))

/** The file's place in `layers`, integrations last, or -1. */
const layerOf = (file: string): number => {
  const all = [...layers, integrations]
  const [longest] = all
    .flat()
    .filter((name) => matches(file, name))
    .toSorted((a, b) => b.length - a.length)
  return all.findIndex((names) => longest !== undefined && names.includes(longest))
}

const whyRefused = ({ from, specifier, to, isType }: Import): string | undefined => {
  if (to === undefined) {
    return restricted.find((rule) => rule.name.test(specifier) && !isOneOf(from, rule.allowed))?.why
  }
  if (isOneOf(to, integrations) && !isOneOf(from, integrations)) {
    return "the core doesn't import an integration"
  }
  if (isOneOf(from, pure) && !isOneOf(to, pure)) {
    return "a pure policy imports nothing of ours but pure policies"
  }
  return !isType && layerOf(to) > layerOf(from) ? "it belongs to a layer above" : undefined
}

/** The imports that close a cycle, each with its way round. Types are left out: they are gone at run time. */
const findCycles = (imports: ReadonlyArray<Import>): ReadonlyArray<readonly [Import, string]> => {
  const edges = imports.filter((it) => it.to !== undefined && !it.isType)
  const done = new Set<string>()
  const cycles: Array<readonly [Import, string]> = []
  const visit = (file: string, path: ReadonlyArray<string>) => {
    if (done.has(file)) return
    const here = [...path, file]
    for (const edge of edges.filter((it) => it.from === file)) {
      const start = here.indexOf(edge.to!)
      if (start >= 0) cycles.push([edge, [...here.slice(start), edge.to].join(" -> ")])
      else visit(edge.to!, here)
    }
    done.add(file)
  }
  for (const { from } of edges) visit(from, [])
  return cycles
}

const describe = (it: Import, why: string) => `src/${it.from}:${it.line} imports ${it.specifier}: ${why}`

/** The violations in `sources`, which maps a file's path relative to src/ to its text. */
export const check = (sources: ReadonlyMap<string, string>): ReadonlyArray<string> => {
  const imports = [...sources].flatMap(([file, source]) => importsOf(file, source))
  return [
    ...[...sources.keys()]
      .filter((file) => layerOf(file) < 0)
      .map((file) => `src/${file}:1 belongs to no layer: give it one in scripts/check-imports.ts`),
    ...imports.flatMap((it) => {
      const why = whyRefused(it)
      return why === undefined ? [] : [describe(it, why)]
    }),
    ...findCycles(imports).map(([it, way]) => describe(it, `a cycle, ${way}`))
  ]
}

if (import.meta.main) {
  const files = globSync("**/*.{ts,tsx}", { cwd: "src" })
  const violations = check(new Map(files.map((file) => [file, readFileSync(join("src", file), "utf8")])))
  for (const violation of violations) console.error(violation)
  console.log(`${files.length} files checked, ${violations.length} imports refused`)
  process.exitCode = files.length === 0 || violations.length > 0 ? 1 : 0
}
