// Measures Ryker beside actors written by hand, and prints how they compare. Options:
//   --quick         runs everything once with small counts and checks the results, without a figure
//   --only NAME     one workload
//   --telemetry     Ryker beside itself with metrics off, with a tracer, and with one whose spans are not sampled
//   --rounds N      rounds of each row, 7 by default
//   --json FILE     writes all figures to a file
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { readFileSync, writeFileSync } from "node:fs"
import { availableParallelism, cpus } from "node:os"
import { parseArgs } from "node:util"
import type { Measures, Peer, Row, Workload } from "./harness.ts"

/** In the order of the table; a new one is a file in `workloads/` or `peers/` and its name here. */
const allWorkloads = ["tell", "ask", "ask-concurrent", "fan-in", "fan-out", "spawn"]
const allPeers = ["ryker", "effect-usual", "effect-fiber", "effect-pump"]
/** What messages cost with more or less telemetry. */
const telemetry = {
  workloads: ["tell", "ask", "ask-concurrent"],
  peers: ["ryker", "ryker-no-metrics", "ryker-no-spans", "ryker-unsampled", "ryker-traced"]
}

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    telemetry: { type: "boolean", default: false },
    rounds: { type: "string", default: "7" },
    json: { type: "string" }
  }
})
const workloads = options.telemetry ? telemetry.workloads : allWorkloads
const peers = options.telemetry ? telemetry.peers : allPeers
const rounds = options.quick ? 1 : Number(options.rounds)

// --- Running ------------------------------------------------------------------------------------------------------------

const timeLimitMillis = 120_000

/** All children run on one core, so that helper threads count; not on the first, which most interrupts go to. */
const core = availableParallelism() - 1
const pin = ["taskset", "--cpu-list", String(core)]
const isPinned = !options.quick && spawnSync(pin[0]!, [...pin.slice(1), "true"]).status === 0

const start = async (workload: string, row: number, peer: string): Promise<ChildProcess> => {
  const command = [
    ...(isPinned ? pin : []),
    process.execPath,
    "--expose-gc",
    `${import.meta.dirname}/child.ts`,
    workload,
    String(row),
    peer,
    ...(options.quick ? ["quick"] : [])
  ]
  const child = spawn(command[0]!, command.slice(1), { stdio: ["ignore", "inherit", "inherit", "ipc"] })
  await reply(child)
  return child
}

/** What the child sends next; fails when it ends, or takes too long. */
const reply = async (child: ChildProcess): Promise<unknown> => {
  const over = new AbortController()
  const signal = AbortSignal.any([over.signal, AbortSignal.timeout(timeLimitMillis)])
  try {
    return await Promise.race([
      once(child, "message", { signal }).then(([message]) => message),
      once(child, "exit", { signal }).then(([code]) =>
        Promise.reject(new Error(`${child.spawnargs.join(" ")}: ended with code ${code}`))
      )
    ])
  } finally {
    over.abort()
  }
}

/** The rounds of each peer. Peers take turns, so that what disturbs the machine disturbs them alike. */
const runRow = async (workload: string, row: number): Promise<ReadonlyArray<ReadonlyArray<Measures>>> => {
  const children: Array<ChildProcess> = []
  try {
    // One after the other, except where nothing is measured: two that warm up at once would slow each other down.
    if (options.quick) children.push(...(await Promise.all(peers.map((peer) => start(workload, row, peer)))))
    else for (const peer of peers) children.push(await start(workload, row, peer))
    const samples: Array<Array<Measures>> = peers.map(() => [])
    for (let round = 0; round < rounds; round++) {
      for (const [index, child] of children.entries()) {
        child.send("run")
        // The child is ours and sends nothing else after it is ready.
        samples[index]!.push((await reply(child)) as Measures)
      }
    }
    return samples
  } finally {
    for (const child of children) child.kill()
  }
}

// --- Printing -----------------------------------------------------------------------------------------------------------

interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly samples: ReadonlyArray<number>
}

const summarize = (samples: ReadonlyArray<number>): Summary => {
  const sorted = samples.toSorted((a, b) => a - b)
  return { median: sorted[sorted.length >> 1]!, min: sorted[0]!, max: sorted.at(-1)!, samples }
}

const metrics = [
  { key: "rate", note: "", show: (value: number) => `${significant(value / 1000)} k/s` },
  { key: "idle", note: "heap of each, new", show: (value: number) => `${significant(value / 1000)} KB` },
  { key: "used", note: "heap of each, after an ask", show: (value: number) => `${significant(value / 1000)} KB` }
] as const

/** Three digits, and no more zeros than it takes. */
const significant = (value: number): string => {
  const digits = Math.max(0, 2 - Math.floor(Math.log10(value)))
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

const line = (handler: string, peer: string, [median, min, max, ratio]: ReadonlyArray<string>) =>
  [`  ${handler.padEnd(15)} ${peer.padEnd(30)}`, ...[median, min, max, ratio].map((cell) => cell!.padStart(12))]
    .join("")
    .trimEnd()

const results: Array<object> = []

const report = (row: Row, titles: ReadonlyArray<string>, samples: ReadonlyArray<ReadonlyArray<Measures>>): void => {
  for (const { key, note, show } of metrics) {
    const summaries = samples.map((measures) =>
      measures[0]![key] === undefined ? undefined : summarize(measures.map((measure) => measure[key]!))
    )
    const first = summaries[0]
    if (first === undefined) continue
    console.log(`\n${row.title}${note === "" ? "" : `: ${note}`}`)
    for (const [index, summary] of summaries.entries()) {
      const { median, min, max } = summary!
      const ratio = index === 0 ? "" : `${(first.median / median).toFixed(2)} x`
      console.log(line(row.handler, titles[index]!, [show(median), show(min), show(max), ratio]))
      results.push({ row: row.title, handler: row.handler, peer: peers[index], measure: key, ...summary })
    }
  }
}

const version = (name: string): string =>
  JSON.parse(readFileSync(new URL(import.meta.resolve(`${name}/package.json`)), "utf8")).version

const machine = {
  date: new Date().toISOString().slice(0, 10),
  node: process.version,
  effect: version("effect"),
  ryker: version("ryker"),
  cpu: cpus()[0]?.model ?? "unknown",
  cores: availableParallelism(),
  core: isPinned ? core : undefined,
  rounds
}

const begunAt = performance.now()
if (!options.quick) {
  const { cores, cpu, date, effect, node } = machine
  console.log(`${date}, Node ${node}, effect ${effect}, ${cpu}, ${cores} cores${isPinned ? `, on core ${core}` : ""}`)
  console.log(`Operations in a second (k/s), or bytes: median, least and most of ${rounds} interleaved rounds.`)
  console.log("The last column is Ryker's median divided by this one's.")
  console.log(line("handler", "", ["median", "min", "max", "ryker / it"]))
}

const titles: Array<string> = []
for (const peer of peers) {
  const module: { readonly default: Peer<unknown> } = await import(`./peers/${peer}.ts`)
  titles.push(module.default.title)
}

for (const name of workloads.filter((workload) => workload === (options.only ?? workload))) {
  const { default: workload }: { readonly default: Workload } = await import(`./workloads/${name}.ts`)
  for (const [index, row] of workload.rows.entries()) {
    const samples = await runRow(name, index)
    if (options.quick) console.log(`ok  ${row.title}, ${row.handler}`)
    else report(row, titles, samples)
  }
}

if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ machine, results }, undefined, 2)}\n`)
if (!options.quick) console.log(`\n${Math.round((performance.now() - begunAt) / 1000)} s in all`)
