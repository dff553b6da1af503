/** Processes that run one peer in one row and take turns. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { availableParallelism } from "node:os"
import { createInterface } from "node:readline"
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
  readonly end: () => void
}

const launch = (command: ReadonlyArray<string>, stdio: "ipc" | "pipe"): ChildProcess => {
  const [program, ...args] = pinnedTo === undefined ? command : [...pin, ...command]
  return spawn(program!, args, {
    env: { ...process.env, ERL_CRASH_DUMP: "/dev/null" },
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

/** A process that does not become ready is not left behind. */
const endUnless = async (child: ChildProcess, ready: Promise<unknown>): Promise<void> => {
  try {
    await ready
  } catch (error) {
    child.kill("SIGKILL")
    throw error
  }
}

const startNode = async (name: WorkloadName, workload: Workload, row: number, peer: PeerName): Promise<Runner> => {
  const file = `${import.meta.dirname}/child.ts`
  const child = launch(
    [process.execPath, "--expose-gc", ...(workload.node ?? []), file, name, String(row), peer],
    "ipc"
  )
  // The child is ours: it says that it is ready, and then measures.
  const message = () => orFail(child, (signal) => once(child, "message", { signal }).then(([measures]) => measures))
  await endUnless(child, message())
  return {
    run: () => {
      child.send("run")
      return message()
    },
    end: () => child.kill()
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
  const child = launch(peer.command(folder, { workload: name, row: workload.rows[row]!, quick }), "pipe")
  const lines = createInterface({ input: child.stdout! })
  const line = () => orFail(child, (signal) => once(lines, "line", { signal }).then(([text]) => String(text)))
  await endUnless(child, line())
  return {
    run: async () => {
      child.stdin!.write("run\n")
      return JSON.parse(await line()) as Measures
    },
    // It takes its time over a gentler signal, and says so.
    end: () => child.kill("SIGKILL")
  }
}

export interface RowRun {
  readonly samples: ReadonlyMap<PeerName, ReadonlyArray<Measures>>
  /** Those that have gone wrong: they have no samples, and the others go on. */
  readonly failed: ReadonlyMap<PeerName, unknown>
}

/** The rounds of each peer in a row. Peers take turns, so that what disturbs the machine disturbs them alike. */
export const runRow = async (
  name: WorkloadName,
  workload: Workload,
  index: number,
  peers: ReadonlyMap<PeerName, Peer>,
  folder: string,
  rounds: number
): Promise<RowRun> => {
  const row = workload.rows[index]!
  const runners = new Map<PeerName, Runner>()
  const samples = new Map<PeerName, Array<Measures>>()
  const failed = new Map<PeerName, unknown>()
  const attempt = async (peer: PeerName, run: () => Promise<void>): Promise<void> => {
    try {
      await run()
    } catch (error) {
      failed.set(peer, error)
      samples.delete(peer)
      runners.get(peer)?.end()
      runners.delete(peer)
    }
  }
  const start = (peer: PeerName, kind: Peer): Promise<Runner> =>
    kind.kind === "foreign"
      ? startForeign(name, workload, index, kind, folder, false)
      : startNode(name, workload, index, peer)
  try {
    // One after the other: two that warm up at once would slow each other down.
    for (const peer of peersOf(workload, row)) {
      const kind = peers.get(peer)
      if (kind === undefined) continue
      await attempt(peer, async () => {
        runners.set(peer, await start(peer, kind))
        samples.set(peer, [])
      })
    }
    for (let round = 0; round < Math.min(rounds, row.rounds ?? rounds); round++) {
      for (const [peer, runner] of runners) {
        await attempt(peer, async () => void samples.get(peer)!.push(await runner.run()))
      }
    }
    return { samples, failed }
  } finally {
    for (const runner of runners.values()) runner.end()
  }
}
