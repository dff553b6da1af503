/** Processes that run one peer in one row, one at a time. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { availableParallelism } from "node:os"
import { createInterface } from "node:readline"
import { inTurn, leastProcesses, mostProcesses, roundsOf } from "./budget.ts"
import { peersOf } from "./rows.ts"
import type { ForeignPeer, Measures, Peer, PeerName, Workload, WorkloadName } from "./workload.ts"

const timeLimitMillis = 120_000

/** All children run on one core, so that helper threads count; not on the first, which most interrupts go to. */
const core = availableParallelism() - 1
const pin = ["taskset", "--cpu-list", String(core)]

/** The core that all run on, if this system can do that. */
export const pinnedTo = spawnSync(pin[0]!, [...pin.slice(1), "true"]).status === 0 ? core : undefined

/** A process that is warm. */
interface Runner {
  readonly run: () => Promise<Measures>
  /** When it has ended, it takes no time from the next one. */
  readonly end: () => Promise<void>
}

const launch = (command: ReadonlyArray<string>, stdio: "ipc" | "pipe", folder: string): ChildProcess => {
  const [program, ...args] = pinnedTo === undefined ? command : [...pin, ...command]
  return spawn(program!, args, {
    // All load the same modules, which are compiled once.
    env: { ...process.env, ERL_CRASH_DUMP: "/dev/null", NODE_COMPILE_CACHE: `${folder}/node` },
    stdio: stdio === "ipc" ? ["ignore", "inherit", "inherit", "ipc"] : ["pipe", "pipe", "inherit"]
  })
}

/** What `next` waits for; fails when the process ends first, or it takes too long. */
const orFail = async <A>(child: ChildProcess, next: (signal: AbortSignal) => Promise<A>): Promise<A> => {
  const over = new AbortController()
  const signal = AbortSignal.any([over.signal, AbortSignal.timeout(timeLimitMillis)])
  const ended = once(child, "exit", { signal }).then(([code]) =>
    Promise.reject(new Error(`${child.spawnargs.join(" ")}: ended with code ${code}`))
  )
  try {
    return await Promise.race([next(signal), ended])
  } finally {
    over.abort()
  }
}

/** Ends a process, and gives when it has. */
const end = async (child: ChildProcess, ask: () => void): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = orEnd(child)
  ask()
  await gone
}

const orEnd = async (child: ChildProcess): Promise<void> => {
  const tooLong = setTimeout(() => child.kill("SIGKILL"), 5_000)
  await once(child, "exit")
  clearTimeout(tooLong)
}

/** A process that does not become ready is not left behind. */
const endUnless = async (child: ChildProcess, ready: Promise<unknown>): Promise<void> => {
  try {
    await ready
  } catch (error) {
    child.kill("SIGKILL")
    throw error
  }
}

const startNode = async (
  name: WorkloadName,
  workload: Workload,
  row: number,
  peer: PeerName,
  folder: string
): Promise<Runner> => {
  const file = `${import.meta.dirname}/child.ts`
  const child = launch(
    [process.execPath, "--expose-gc", ...(workload.node ?? []), file, name, String(row), peer],
    "ipc",
    folder
  )
  // The child is ours: it says that it is ready, and then measures.
  const message = () => orFail(child, (signal) => once(child, "message", { signal }).then(([measures]) => measures))
  await endUnless(child, message())
  return {
    run: () => {
      child.send("run")
      return message()
    },
    // Not by a signal: what it has compiled is kept when it exits by itself.
    end: () => end(child, () => child.disconnect())
  }
}

export const startForeign = async (
  name: WorkloadName,
  workload: Workload,
  row: number,
  peer: ForeignPeer,
  folder: string,
  quick: boolean
): Promise<Runner> => {
  const child = launch(peer.command(folder, { workload: name, row: workload.rows[row]!, quick }), "pipe", folder)
  const lines = createInterface({ input: child.stdout! })
  const line = () => orFail(child, (signal) => once(lines, "line", { signal }).then(([text]) => String(text)))
  await endUnless(child, line())
  return {
    run: async () => {
      child.stdin!.write("run\n")
      return JSON.parse(await line()) as Measures
    },
    // It takes its time over a gentler signal, and says so.
    end: () => end(child, () => child.kill("SIGKILL"))
  }
}

export interface RowRun {
  /** What each round gave, of one process after the other. */
  readonly samples: ReadonlyMap<PeerName, ReadonlyArray<ReadonlyArray<Measures>>>
  /** Those that have gone wrong: they have no samples, and the others go on. */
  readonly failed: ReadonlyMap<PeerName, unknown>
}

/** Warms up a process and runs its rounds one after the other, as one that waits in between loses its caches. */
const runProcess = async (start: () => Promise<Runner>, rounds: number): Promise<ReadonlyArray<Measures>> => {
  const runner = await start()
  const measures: Array<Measures> = []
  try {
    while (measures.length < rounds) measures.push(await runner.run())
  } finally {
    await runner.end()
  }
  return measures
}

/**
 * The rounds of each peer in a row: processes of all peers in turn, so that what disturbs the machine disturbs them alike.
 * When all have as many as they need, there are more for as long as `until` allows.
 */
export const runRow = async (
  name: WorkloadName,
  workload: Workload,
  index: number,
  peers: ReadonlyMap<PeerName, Peer>,
  folder: string,
  until: number
): Promise<RowRun> => {
  const row = workload.rows[index]!
  const samples = new Map<PeerName, Array<ReadonlyArray<Measures>>>()
  const failed = new Map<PeerName, unknown>()
  const took = new Map<PeerName, number>()
  for (let earlier = 0; earlier < mostProcesses; earlier++) {
    for (const peer of inTurn(peersOf(workload, row))) {
      const kind = peers.get(peer)
      if (kind === undefined || failed.has(peer)) continue
      const begunAt = performance.now()
      if (earlier >= leastProcesses && begunAt + took.get(peer)! > until) continue
      const start = () =>
        kind.kind === "foreign"
          ? startForeign(name, workload, index, kind, folder, false)
          : startNode(name, workload, index, peer, folder)
      try {
        const measures = await runProcess(start, roundsOf(row, peer, earlier))
        samples.set(peer, [...(samples.get(peer) ?? []), measures])
      } catch (error) {
        failed.set(peer, error)
        samples.delete(peer)
      }
      took.set(peer, performance.now() - begunAt)
    }
  }
  return { samples, failed }
}
