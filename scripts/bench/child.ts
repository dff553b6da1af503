/** One peer in one row, in a process of its own: warms up, then runs a round whenever `main.ts` says so. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { countOf } from "./rows.ts"
import type {
  EffectPeer,
  Measures,
  Peer,
  PeerName,
  PlainPeer,
  Row,
  Services,
  Workload,
  WorkloadName
} from "./workload.ts"

/** How long a round should take, and at least how long to warm up before that. */
const roundMillis = 200
const warmUpMillis = 600
const warmUpRounds = 3

/** The cast: a peer takes no service but its own Layer's, which the types do not say. */
const effectRound = <A>(workload: Workload, peer: EffectPeer<A>, row: Row, count: number): Promise<Measures> => {
  const round = Effect.tap(workload.effect(peer, row, count), peer.check ?? Effect.void)
  // Crashes are part of a workload; their log lines are not.
  const layer = Layer.provideMerge(peer.layer as Layer.Layer<Services>, Logger.layer([]))
  return Effect.runPromise(Effect.provide(Effect.scoped(round), layer))
}

const plainRound = async <A>(workload: Workload, peer: PlainPeer<A>, row: Row, count: number): Promise<Measures> => {
  try {
    return await workload.plain(peer, row, count)
  } finally {
    peer.stop()
  }
}

export const load = async (
  workloadName: WorkloadName,
  peerName: PeerName
): Promise<{ readonly workload: Workload; readonly round: (row: Row, count: number) => Promise<Measures> }> => {
  const { default: workload }: { default: Workload } = await import(`./workloads/${workloadName}.ts`)
  const { default: peer }: { default: Peer } = await import(`./peers/${peerName}.ts`)
  if (peer.kind === "foreign") throw new Error(`${peerName} does not run in this process`)
  return {
    workload,
    round: (row, count) =>
      peer.kind === "effect" ? effectRound(workload, peer, row, count) : plainRound(workload, peer, row, count)
  }
}

/** Runs until the code is compiled; gives how many operations a round is to have. */
const warmUp = async (
  round: (count: number) => Promise<Measures>,
  { quick }: Row,
  fixed: number | undefined
): Promise<number> => {
  const until = performance.now() + warmUpMillis
  // An earlier round's count, or more and more of what will be counted.
  let count = Math.min(quick, fixed ?? quick)
  for (let rounds = 0; rounds < warmUpRounds || performance.now() < until; rounds++) {
    const begunAt = performance.now()
    const { rate = (count * 1000) / (performance.now() - begunAt) } = await round(count)
    if (fixed === undefined) count = Math.ceil((rate * roundMillis) / 1000)
    else count = Math.min(fixed, count * 4)
  }
  return fixed ?? count
}

const serve = async (workloadName: WorkloadName, rowIndex: number, peerName: PeerName): Promise<void> => {
  const { round, workload } = await load(workloadName, peerName)
  const row = workload.rows[rowIndex]!
  const fixed = countOf(row, peerName)
  const count = await warmUp((count) => round(row, count), row, fixed)
  // A process that was idle has lost its caches and given memory back: a short round that does not count comes first.
  const takeTurn = async (): Promise<void> => {
    await round(row, Math.ceil(count / 4))
    process.send!(await round(row, count))
  }
  // A round that fails ends the process, which the parent notices.
  process.on("message", () => void takeTurn())
  process.send!({ ready: true })
}

if (import.meta.main) {
  const [workload, row, peer] = process.argv.slice(2)
  await serve(workload as WorkloadName, Number(row), peer as PeerName)
}
