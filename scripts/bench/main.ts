// Measures Ryker beside actors written by hand and those of other libraries, and prints how they compare. Options:
//   --quick         runs every workload and peer with small counts and checks the results, without a figure
//   --only NAMES    some workloads, with commas between them
//   --targets       the workloads that targets are about, and the peers that they compare
//   --telemetry     Ryker beside itself with metrics off, with a tracer, and with one whose spans are not sampled
//   --minutes N     how long a run of everything takes, 12 by default; one of some workloads takes their part of it
//   --json FILE     where the figures go; by default a new file in scripts/bench/results, if the machine is quiet and the run is
//                   one of everything or of the targets
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { parseArgs } from "node:util"
import { Budget, compared, weightOf } from "./budget.ts"
import { kindOf, type Metric, show } from "./metrics.ts"
import { bestByHand, type Figure, isQuiet, ratio, type RowResult, type Run, summarize, write } from "./results.ts"
import { countOf, peersOf } from "./rows.ts"
import { targets } from "./targets.ts"
import { pinnedTo, runRow, startForeign } from "./turns.ts"
import {
  type Guarantees,
  type Measures,
  type Peer,
  type PeerName,
  peerNames,
  type Row,
  telemetryPeerNames,
  type Workload,
  type WorkloadName,
  workloadNames
} from "./workload.ts"

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    targets: { type: "boolean", default: false },
    telemetry: { type: "boolean", default: false },
    minutes: { type: "string", default: "12" },
    json: { type: "string" }
  }
})
const telemetryWorkloads = ["tell", "ask", "ask-concurrent"]
const all = options.telemetry
  ? telemetryWorkloads
  : options.targets
    ? targets.map(({ workload }) => workload)
    : workloadNames
const only = options.only?.split(",") ?? all
for (const name of only) {
  if (!workloadNames.some((known) => known === name)) {
    throw new Error(`"${name}" is no workload: one of ${workloadNames.join(", ")}`)
  }
}
const names = workloadNames.filter((name) => only.includes(name))
const minutes = Number(options.minutes)
if (!(minutes > 0)) throw new Error(`--minutes ${options.minutes}: a number above 0 is needed`)

// --- What there is ------------------------------------------------------------------------------------------------------

const workloads = new Map<WorkloadName, Workload>()
for (const name of workloadNames) workloads.set(name, (await import(`./workloads/${name}.ts`)).default)

const peers = new Map<PeerName, Peer>()
for (const name of options.telemetry ? telemetryPeerNames : options.targets ? compared : peerNames) {
  const { default: peer }: { readonly default: Peer } = await import(`./peers/${name}.ts`)
  const missing = peer.kind === "foreign" ? peer.missing() : undefined
  if (missing === undefined) peers.set(name, peer)
  else console.log(`without ${peer.title}: ${missing}`)
}

const title = (peer: PeerName): string => peers.get(peer)!.title

// --- Printing -----------------------------------------------------------------------------------------------------------

const line = (name: string, cells: ReadonlyArray<string>, note = "") =>
  `  ${name.padEnd(32)}${cells.map((cell) => cell.padStart(12)).join("")}  ${note}`.trimEnd()

const guaranteeNames = {
  bounded: "bounded",
  deadline: "deadline",
  supervised: "supervised",
  ownTurn: "own turn"
} as const satisfies { readonly [name in keyof Guarantees]: string }

const allGuarantees = Object.keys(guaranteeNames) as Array<keyof Guarantees>

/** A comparison is worth as much as what is compared: what each guarantees stands beside its figure, where it matters. */
const promises = (workload: Workload, peer: PeerName): string =>
  allGuarantees
    .filter((name) => workload.about.includes(name))
    .map((name) => (peers.get(peer)!.guarantees[name][0] ? guaranteeNames[name] : "-").padEnd(10))
    .join(" ")

const printGuarantees = (): void => {
  for (const { guarantees, title } of peers.values()) {
    console.log(`\n${title}`)
    for (const name of allGuarantees) {
      const [holds, how] = guarantees[name]
      console.log(`  ${guaranteeNames[name].padEnd(12)}${(holds ? "yes" : "no").padEnd(5)}${how}`)
    }
  }
}

const report = (workload: Workload, row: Row, result: RowResult): void => {
  const { figures } = result
  const metrics = new Set(Object.values(figures).flatMap((figure) => Object.keys(figure) as Array<Metric>))
  for (const [index, metric] of Array.from(metrics).entries()) {
    const { note } = kindOf(metric)
    console.log(`\n${row.title}, ${row.handler}${note === "" ? "" : `: ${note}`}`)
    const ryker = figures.ryker?.[metric]
    for (const peer of peersOf(workload, row)) {
      const figure = figures[peer]?.[metric]
      if (figure === undefined || !peers.has(peer)) continue
      const cells = [...figure.map((value) => show(metric, value)), peer === "ryker" ? "" : ratio(ryker, figure)]
      const few = row.counts?.[peer] === undefined ? "" : `, only ${countOf(row, peer)!.toLocaleString("en")}`
      console.log(line(title(peer), cells, index === 0 ? promises(workload, peer) + few : ""))
    }
    const best: Figure | undefined = bestByHand(result, metric)
    if (best !== undefined) console.log(line("against the best by hand", ["", "", "", ratio(ryker, best)]))
  }
  for (const [peer, why] of Object.entries(workload.absent ?? {})) {
    if (peers.has(peer as PeerName)) console.log(line(title(peer as PeerName), [], `not here: ${why}`))
  }
}

// --- Running ------------------------------------------------------------------------------------------------------------

/** Where the foreign peers are compiled to. */
const folder = mkdtempSync(join(tmpdir(), "ryker-bench-"))

const figuresOf = (processes: ReadonlyArray<ReadonlyArray<Measures>>): { readonly [metric in Metric]?: Figure } => {
  const samples = processes.flat()
  const metrics = Object.keys(samples[0] ?? {}) as Array<Metric>
  return Object.fromEntries(metrics.map((metric) => [metric, summarize(samples.map((measures) => measures[metric]!))]))
}

/** How much of a run's time a row needs with those of the peers that can be in it. */
const weigh = (workload: Workload, row: Row, among: ReadonlyArray<PeerName>): number =>
  weightOf(
    row,
    peersOf(workload, row).filter((peer) => among.includes(peer))
  )

const weighAll = (of: ReadonlyArray<WorkloadName>, among: ReadonlyArray<PeerName>): number =>
  of
    .map((name) => workloads.get(name)!)
    .flatMap((workload) => workload.rows.map((row) => weigh(workload, row, among)))
    .reduce((sum, weight) => sum + weight, 0)

const seconds = (millis: number): number => Number((millis / 1000).toFixed(1))

/** What the cores that nothing is pinned to have done so far, and how long they could have. */
const otherCores = (): { readonly busy: number; readonly all: number } => {
  let [busy, all] = [0, 0]
  for (const [core, { times }] of cpus().entries()) {
    if (pinnedTo === undefined || core === pinnedTo) continue
    const { idle, irq, nice, sys, user } = times
    busy += irq + nice + sys + user
    all += idle + irq + nice + sys + user
  }
  return { busy, all }
}

const version = (name: string): string =>
  JSON.parse(readFileSync(join(import.meta.dirname, "..", "..", "node_modules", name, "package.json"), "utf8")).version

const measure = async (): Promise<void> => {
  const begunAt = performance.now()
  const coresBefore = otherCores()
  const at = new Date().toISOString().slice(0, 16)
  const machine = {
    at,
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    pinned: pinnedTo !== undefined,
    load: Number(loadavg()[0]!.toFixed(2)),
    versions: {
      node: process.version,
      ...Object.fromEntries(["effect", "nact", "xstate", "fastq", "p-queue"].map((name) => [name, version(name)]))
    }
  }
  console.log(`${at}, Node ${process.version}, ${machine.cpu}, ${machine.cores} cores, load ${machine.load}`)
  const present = Array.from(peers.keys())
  const chosen = weighAll(names, present)
  const millis = (minutes * 60_000 * chosen) / weighAll(workloadNames, peerNames)
  const budget = new Budget(begunAt, millis, chosen)
  console.log(`Median, least and most of all rounds; the last is Ryker's median divided by this one's.`)
  console.log(`${Math.round(millis / 1000)} s are allowed, and taken as far as the least number of rounds allows.`)
  printGuarantees()
  const rows: Array<RowResult> = []
  let isComplete = options.only === undefined && !options.telemetry
  for (const name of names) {
    const workload = workloads.get(name)!
    for (const [index, row] of workload.rows.entries()) {
      const rowBegunAt = performance.now()
      if (budget.isSpent(rowBegunAt)) {
        console.error(`\nLEFT OUT: ${row.title}, ${row.handler}: this machine needs more than --minutes ${minutes}`)
        process.exitCode = 1
        isComplete = false
        continue
      }
      const until = budget.until(rowBegunAt, weigh(workload, row, present))
      const { failed, samples } = await runRow(name, workload, index, peers, folder, until)
      const result: RowResult = {
        workload: name,
        title: row.title,
        handler: row.handler,
        seconds: seconds(performance.now() - rowBegunAt),
        rounds: Object.fromEntries(Array.from(samples, ([peer, runs]) => [peer, runs.map((run) => run.length)])),
        figures: Object.fromEntries(Array.from(samples, ([peer, runs]) => [peer, figuresOf(runs)]))
      }
      report(workload, row, result)
      for (const [peer, error] of failed) {
        console.error(line(title(peer), [], `FAILED: ${(error as Error).message}`))
        process.exitCode = 1
      }
      rows.push(result)
    }
  }
  const coresAfter = otherCores()
  const others = (coresAfter.busy - coresBefore.busy) / Math.max(1, coresAfter.all - coresBefore.all)
  const run: Run = {
    machine: { ...machine, others: Number(others.toFixed(3)), seconds: seconds(performance.now() - begunAt) },
    rows
  }
  console.log(`\n${run.machine.seconds} s in all, other cores busy for ${(others * 100).toFixed(1)} % of them`)
  const results = join(import.meta.dirname, "results")
  const file = options.json ?? (isComplete && isQuiet(run) ? join(results, `${at.replace(":", "")}.json`) : undefined)
  if (file === undefined) {
    if (isComplete) console.log("not kept, as the machine was not quiet; --json FILE keeps it elsewhere")
    return
  }
  mkdirSync(dirname(file), { recursive: true })
  write(file, run)
  console.log(`written to ${file}`)
}

/** Checks one peer: all workloads in one process, as most of the time goes into starting them. */
const checkNode = async (peer: PeerName): Promise<void> => {
  const args = ["--expose-gc", "--max-semi-space-size=128", "--min-semi-space-size=128"]
  const file = join(import.meta.dirname, "quick.ts")
  const child = spawn(process.execPath, [...args, file, peer, ...names], {
    env: { ...process.env, BENCH_QUICK: "1" },
    stdio: "inherit",
    timeout: 300_000
  })
  const [code] = await once(child, "exit")
  if (code !== 0) throw new Error(`${peer}: ${code === null ? "not done after five minutes" : "failed"}`)
}

const checkPeer = async (name: PeerName): Promise<void> => {
  const peer = peers.get(name)!
  if (peer.kind !== "foreign") return checkNode(name)
  for (const workloadName of names) {
    const workload = workloads.get(workloadName)!
    for (const [index, row] of workload.rows.entries()) {
      if (!peersOf(workload, row).includes(name)) continue
      const runner = await startForeign(workloadName, workload, index, peer, folder, true)
      try {
        await runner.run()
      } finally {
        await runner.end()
      }
      console.log(`ok  ${name}: ${row.title}, ${row.handler}`)
    }
  }
}

const check = async (): Promise<void> => {
  const queue = Array.from(peers.keys())
  const worker = async () => {
    for (let peer = queue.shift(); peer !== undefined; peer = queue.shift()) {
      // The others are checked all the same.
      await checkPeer(peer).catch((error: unknown) => {
        console.error(error)
        process.exitCode = 1
      })
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
}

try {
  await (options.quick ? check() : measure())
} finally {
  rmSync(folder, { recursive: true })
}
