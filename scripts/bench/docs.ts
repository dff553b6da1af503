// Writes the tables of docs/performance.md, the picture beside it and the lines in the README from scripts/bench/results.
//
// With --check it changes nothing, and fails when they differ from what the results say.
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { between, writeOrCheck } from "../generated.ts"
import { actorSizes, bare, kindOf, messageSizes, type Metric, unitOf } from "./metrics.ts"
import { plot, type Series } from "./plot.ts"
import { bestByHand, type Figure, isQuiet, ratio, read, type RowResult, type Run } from "./results.ts"
import { judge, needed, targets } from "./targets.ts"
import { type Guarantees, type Peer, type PeerName, peerNames, type Workload, workloadNames } from "./workload.ts"

const page = "docs/performance.md"
const picture = "docs/performance-scale.svg"
const readme = "README.md"

// --- What there is ------------------------------------------------------------------------------------------------------

const runs = globSync(join(import.meta.dirname, "results", "*.json"))
  .map(read)
  .toSorted((a, b) => b.machine.at.localeCompare(a.machine.at))
const [latest] = runs
if (latest === undefined) throw new Error("There are no results: npm run bench")

const peers = new Map<PeerName, Peer>()
for (const name of peerNames) peers.set(name, (await import(`./peers/${name}.ts`)).default)

const title = (peer: PeerName): string => peers.get(peer)!.title

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n")

// --- Figures ------------------------------------------------------------------------------------------------------------

/** Columns after Ryker's: what it is compared with first, then the others. */
const columns: ReadonlyArray<{
  readonly name: string
  readonly figure: (row: RowResult, metric: Metric) => Figure | undefined
}> = [
  { name: "Effect, best by hand", figure: bestByHand },
  ...(["erlang", "effect-usual", "entity", "nact", "xstate", "fastq", "p-queue", "plain"] as const).map((peer) => ({
    name: title(peer),
    figure: ({ figures }: RowResult, metric: Metric) => figures[peer]?.[metric]
  }))
]

const withRange = (metric: Metric, [median, min, max]: Figure): string =>
  `${bare(metric, median)} [${bare(metric, min)} to ${bare(metric, max)}]`

const withRatio = (metric: Metric, ryker: Figure, other: Figure | undefined): string => {
  if (other === undefined) return ""
  const times = ratio(ryker, other)
  return times === "" ? bare(metric, other[0]) : `${bare(metric, other[0])} (${times})`
}

/** A row of the page for each measure of a row of the run. */
const figureRows = (
  run: Run,
  wanted: (metric: Metric) => boolean,
  nameOf: (row: RowResult, metric: Metric) => string
): ReadonlyArray<ReadonlyArray<string>> =>
  run.rows.flatMap((row) =>
    (Object.keys(row.figures.ryker ?? {}) as Array<Metric>).filter(wanted).map((metric) => {
      const ryker = row.figures.ryker![metric]!
      return [
        nameOf(row, metric),
        `\`${row.handler}\``,
        withRange(metric, ryker),
        ...columns.map(({ figure }) => withRatio(metric, ryker, figure(row, metric)))
      ]
    })
  )

const isRate = (metric: Metric): boolean => kindOf(metric).unit === "per second"
const isScale = (metric: Metric): boolean => metric.startsWith("at ")

const head = (first: string): ReadonlyArray<string> => [first, "handler", "ryker", ...columns.map(({ name }) => name)]

const rates = table(
  head("thousands a second; more is better"),
  figureRows(latest, isRate, ({ title }, metric) => {
    const { note } = kindOf(metric)
    return note === "" ? title : `${title}: ${note}`
  })
)

const costs = table(
  head("less is better"),
  figureRows(
    latest,
    (metric) => !isRate(metric) && !isScale(metric),
    ({ title }, metric) => `${title}: ${kindOf(metric).note}, ${unitOf(metric)}`
  )
)

// --- The run ------------------------------------------------------------------------------------------------------------

const { at, cores, cpu, load, pinned, rounds, seconds, versions } = latest.machine

const machine = [
  `Measured on ${at.replace("T", " at ")} UTC: ${cpu}, ${cores} cores, ${pinned ? "all on one core" : "not pinned to a core"},`,
  `${Object.entries(versions)
    .map(([name, version]) => `${name} ${version.replace(/^v/, "")}`)
    .join(", ")};`,
  `up to ${rounds} rounds, ${Math.ceil(seconds / 60)} minutes.`,
  // Whoever reads a figure is to know that it is none.
  ...(isQuiet(latest)
    ? []
    : [
        `**The machine was not quiet (load ${load}): these figures are placeholders. Nothing is to be read from them.**`
      ])
].join(" ")

// --- Guarantees ---------------------------------------------------------------------------------------------------------

const questions: ReadonlyArray<readonly [keyof Guarantees, string]> = [
  ["bounded", "is the mailbox bounded"],
  ["deadline", "does an ask have a deadline of 1 s"],
  ["supervised", "is an actor that crashed restarted"],
  ["ownTurn", "do handlers run outside the send"]
]

const guarantees = table(
  ["", ...questions.map(([, question]) => question)],
  Array.from(peers.values(), ({ guarantees, title }) => [
    title,
    ...questions.map(([name]) => `${guarantees[name][0] ? "yes" : "**no**"}: ${guarantees[name][1]}`)
  ])
)

const absences: Array<ReadonlyArray<string>> = []
for (const name of workloadNames) {
  const { default: workload }: { readonly default: Workload } = await import(`./workloads/${name}.ts`)
  const reasons = new Map<string, Array<string>>()
  for (const [peer, why] of Object.entries(workload.absent ?? {})) {
    reasons.set(why, [...(reasons.get(why) ?? []), title(peer as PeerName)])
  }
  for (const { counts = {} } of workload.rows) {
    for (const [peer, count] of Object.entries(counts)) {
      reasons.set(`${count.toLocaleString("en")} only, as more would take too long`, [title(peer as PeerName)])
    }
  }
  for (const [why, titles] of reasons) absences.push([`\`${name}\``, titles.join(", "), why])
}
const absent = table(["workload", "without", "why"], absences)

// --- Targets ------------------------------------------------------------------------------------------------------------

const quiet = runs.filter(isQuiet)

const aim = table(
  ["target", "handler", "needed", ...quiet.map(({ machine }) => machine.at.replace("T", " "))],
  targets.map((target) => {
    const verdicts = quiet.map((run) => judge(run, target))
    const { note } = kindOf(target.metric)
    return [
      note === "" ? target.title : `${target.title}: ${note}`,
      `\`${target.handler}\``,
      needed(target),
      ...verdicts.map((verdict) =>
        verdict === undefined ? "" : `${verdict.is}, ${verdict.isMet ? "met" : "**missed**"}`
      )
    ]
  })
)

// --- Scale --------------------------------------------------------------------------------------------------------------

const scaleRows = latest.rows.filter(({ workload }) => workload === "scale")

const scale = scaleRows
  .map((row, index) => {
    const sizes = (index === 0 ? messageSizes : actorSizes).map((size) => `at ${size}` as const)
    const entries = Object.entries(row.figures) as Array<[PeerName, { readonly [metric in Metric]?: Figure }]>
    return table(
      [`${row.title}, ns`, ...sizes.map((size) => kindOf(size).note)],
      entries.map(([peer, figure]) => [
        title(peer),
        ...sizes.map((size) => (figure[size] === undefined ? "" : bare(size, figure[size][0])))
      ])
    )
  })
  .join("\n\n")

const shortTitles: { readonly [peer in PeerName]?: string } = { "effect-pump": "by hand", erlang: "Erlang/OTP" }

const svg = plot(
  scaleRows.map((row) => ({
    title: row.title,
    series: Object.entries(row.figures).map(([peer, figure]): Series => ({
      name: shortTitles[peer as PeerName] ?? title(peer as PeerName),
      points: Object.entries(figure).map(([metric, [median]]) => [Number(metric.slice(3)), median])
    }))
  }))
)

// --- README -------------------------------------------------------------------------------------------------------------

/** The rows that a first reader asks for. */
const headline = [
  ["tell", "tell, 1 producer, 1 actor"],
  ["ask", "ask, one at a time"],
  ["ask-concurrent", "ask, 64 callers"],
  ["fan-out", "fan-out, 1 producer to 1,000 actors"]
] as const

const summaryOf = (run: Run): string =>
  table(
    ["thousands a second, `Effect.sync` handler", "ryker", ...columns.slice(0, 2).map(({ name }) => name)],
    headline.flatMap(([workload, title]) => {
      const row = run.rows.find(
        (row) => row.workload === workload && row.title === title && row.handler === "Effect.sync"
      )
      const ryker = row?.figures.ryker?.rate
      if (row === undefined || ryker === undefined) return []
      const others = columns.slice(0, 2).map(({ figure }) => withRatio("rate", ryker, figure(row, "rate")))
      return [[row.title, bare("rate", ryker[0]), ...others]]
    })
  )

const summary = quiet[0] === undefined ? "There is no run on a quiet machine yet." : summaryOf(quiet[0])

const sections = { machine, rates, costs, guarantees, absent, targets: aim, scale }

const text = Object.entries(sections).reduce(
  (text, [name, content]) => between(page, text, `bench-${name}`, content),
  readFileSync(page, "utf8")
)

writeOrCheck(
  new Map([
    [page, text],
    [picture, svg],
    [readme, between(readme, readFileSync(readme, "utf8"), "bench", summary)]
  ]),
  "bench-docs"
)
