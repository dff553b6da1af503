/** What `docs.ts` writes into the pages, from runs: none, one or several. */
import { table } from "../generated.ts"
import { actorSizes, bare, kindOf, messageSizes, type Metric, unitOf } from "./metrics.ts"
import { plot, type Series } from "./plot.ts"
import { bestByHand, type Figure, isQuiet, ratio, type RowResult, type Run } from "./results.ts"
import { judge, needed, targets } from "./targets.ts"
import { type Guarantees, type Peer, type PeerName, peerNames, type Workload, workloadNames } from "./workload.ts"

const noRun = "There is no run on a quiet machine yet."

const peers = new Map<PeerName, Peer>()
for (const name of peerNames) peers.set(name, (await import(`./peers/${name}.ts`)).default)

const title = (peer: PeerName): string => peers.get(peer)!.title

// --- Figures ------------------------------------------------------------------------------------------------------------

/** Columns after Ryker's: what it is compared with first, then the others. */
const columns: ReadonlyArray<{
  readonly name: string
  readonly figure: (row: RowResult, metric: Metric) => Figure | undefined
}> = [
  { name: "Effect, best by hand", figure: bestByHand },
  ...(["erlang", "erlang-paced", "effect-usual", "entity", "nact", "xstate", "fastq", "p-queue", "plain"] as const).map(
    (peer) => ({
      name: title(peer),
      figure: ({ figures }: RowResult, metric: Metric) => figures[peer]?.[metric]
    })
  )
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

const ratesOf = (run: Run): string =>
  table(
    head("thousands a second; more is better"),
    figureRows(run, isRate, ({ title }, metric) => {
      const { note } = kindOf(metric)
      return note === "" ? title : `${title}: ${note}`
    })
  )

const costsOf = (run: Run): string =>
  table(
    head("less is better"),
    figureRows(
      run,
      (metric) => !isRate(metric) && !isScale(metric),
      ({ title }, metric) => `${title}: ${kindOf(metric).note}, ${unitOf(metric)}`
    )
  )

// --- The run ------------------------------------------------------------------------------------------------------------

const range = (numbers: ReadonlyArray<number>): string => {
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)]
  return least === most ? `${least}` : `${least} to ${most}`
}

const machineOf = ({ machine, rows }: Run): string => {
  const { at, cores, cpu, pinned, seconds, versions } = machine
  const processes = rows.flatMap(({ rounds }) => Object.values(rounds))
  const inAll = processes.map((rounds) => rounds.reduce((sum, one) => sum + one, 0))
  return [
    `Measured on ${at.replace("T", " at ")} UTC: ${cpu}, ${cores} cores, ${pinned ? "all on one core" : "not pinned to a core"},`,
    `${Object.entries(versions)
      .map(([name, version]) => `${name} ${version.replace(/^v/, "")}`)
      .join(", ")};`,
    `${range(processes.map(({ length }) => length))} processes of each peer in a row, ${range(inAll)} rounds;`,
    `${Math.ceil(seconds / 60)} minutes.`
  ].join(" ")
}

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

/** A column for each run, the latest first. */
const targetsOf = (runs: ReadonlyArray<Run>): string =>
  table(
    ["target", "handler", "needed", ...runs.map(({ machine }) => machine.at.replace("T", " "))],
    targets.map((target) => {
      const { note } = kindOf(target.metric)
      return [
        note === "" ? target.title : `${target.title}: ${note}`,
        `\`${target.handler}\``,
        needed(target),
        ...runs
          .map((run) => judge(run, target))
          .map((verdict) => (verdict === undefined ? "" : `${verdict.is}, ${verdict.isMet ? "met" : "**missed**"}`))
      ]
    })
  )

// --- Scale --------------------------------------------------------------------------------------------------------------

const scaleRowsOf = ({ rows }: Run): ReadonlyArray<RowResult> => rows.filter(({ workload }) => workload === "scale")

const scaleOf = (run: Run): string => {
  const tables = scaleRowsOf(run).map((row, index) => {
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
  const picture = "![Nanoseconds for each message and each actor, against how many there are](performance-scale.svg)"
  return [picture, ...tables].join("\n\n")
}

const shortTitles: { readonly [peer in PeerName]?: string } = { "effect-pump": "by hand", erlang: "Erlang/OTP" }

const pictureOf = (run: Run): string =>
  plot(
    scaleRowsOf(run).map((row) => ({
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
  ["tell-unsafe", "tellUnsafe, 1 producer, 1 actor"],
  ["ask", "ask, one at a time"],
  ["ask-concurrent", "ask, 64 callers"],
  ["fan-out", "fan-out, 1 producer to 1,000 actors"],
  ["fan-in", "fan-in, 100 producers to 1 actor"]
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

// --- All of it ----------------------------------------------------------------------------------------------------------

export interface Rendered {
  /** What stands between markers in the page, by name. */
  readonly sections: Readonly<Record<string, string>>
  /** What stands in the README. */
  readonly summary: string
  readonly picture: string | undefined
}

/**
 * Each row as it was when most peers were compared in it, and of those the last time: runs may be of some workloads only, or of what
 * targets are about.
 */
const latestOf = (quiet: ReadonlyArray<Run>): Run | undefined => {
  const [newest] = quiet
  if (newest === undefined) return undefined
  const rows = new Map<string, RowResult>()
  for (const row of quiet.flatMap(({ rows }) => rows)) {
    const key = [row.workload, row.title, row.handler].join()
    const known = rows.get(key)
    if (known === undefined || peersIn(row) > peersIn(known)) rows.set(key, row)
  }
  const place = ({ workload }: RowResult) => workloadNames.indexOf(workload)
  return { machine: newest.machine, rows: Array.from(rows.values()).toSorted((a, b) => place(a) - place(b)) }
}

const peersIn = ({ figures }: RowResult): number => Object.keys(figures).length

/** Runs that had not the machine to themselves count for nothing. */
export const render = (runs: ReadonlyArray<Run>): Rendered => {
  const quiet = runs.filter(isQuiet).toSorted((a, b) => b.machine.at.localeCompare(a.machine.at))
  const latest = latestOf(quiet)
  const scaled = latest?.rows.some(({ workload }) => workload === "scale") === true ? latest : undefined
  const ofLatest = (of: (run: Run) => string): string => (latest === undefined ? noRun : of(latest))
  return {
    sections: {
      machine: ofLatest(machineOf),
      targets: targetsOf(quiet),
      rates: ofLatest(ratesOf),
      // It stands below the rates, which say already that there is no run.
      costs: latest === undefined ? "" : costsOf(latest),
      guarantees,
      absent,
      scale: scaled === undefined ? ofLatest(() => "No run that was kept has this workload yet.") : scaleOf(scaled)
    },
    summary: ofLatest(summaryOf),
    picture: scaled === undefined ? undefined : pictureOf(scaled)
  }
}
