/** One peer in one row, in a process of its own: warms up, then runs a round whenever `turns.ts` says so. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { countOf } from "./rows.ts"
import {
  type EffectPeer,
  type Measures,
  type Peer,
  type PeerName,
  type PlainPeer,
  roundMillis,
  type Row,
  type Services,
  warmUpMillis,
  type Workload,
  type WorkloadName
} from "./workload.ts"

/** Rounds that were no faster than those before, and the longest that it may take to have as many. */
const staleRounds = 3
const mostWarmUpMillis = 3 * warmUpMillis

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

/**
 * Runs until the code is compiled, which takes longer for some than for others: until rounds get no faster, or it has taken too
 * long. Gives how many operations a round is to have.
 */
const warmUp = async (round: (count: number) => Promise<Measures>, quick: number): Promise<number> => {
  const begunAt = performance.now()
  const took = () => performance.now() - begunAt
  let [count, best, since] = [quick, 0, 0]
  while (took() < warmUpMillis || (since < staleRounds && took() < mostWarmUpMillis)) {
    const roundBegunAt = performance.now()
    const { rate = (count * 1000) / (performance.now() - roundBegunAt) } = await round(count)
    since = rate > best * 1.05 ? 0 : since + 1
    best = Math.max(best, rate)
    count = Math.ceil((rate * warmUpMillis) / 4000)
  }
  return Math.ceil((best * roundMillis) / 1000)
}

/** The same where a round has a fixed number of operations: more and more of them, as one round may take seconds. */
const warmUpTo = async (round: (count: number) => Promise<Measures>, quick: number, count: number): Promise<void> => {
  const until = performance.now() + 2 * warmUpMillis
  for (let now = Math.min(quick, count); performance.now() < until; now = Math.min(count, now * 2)) await round(now)
}

const serve = async (workloadName: WorkloadName, rowIndex: number, peerName: PeerName): Promise<void> => {
  const { round, workload } = await load(workloadName, peerName)
  const row = workload.rows[rowIndex]!
  const run = (count: number): Promise<Measures> => round(row, count)
  const fixed = countOf(row, peerName)
  if (fixed !== undefined) await warmUpTo(run, row.quick, fixed)
  const count = fixed ?? (await warmUp(run, row.quick))
  const takeTurn = async (): Promise<void> => void process.send!(await run(count))
  // A round that fails ends the process, which the parent notices.
  process.on("message", () => void takeTurn())
  // What a peer has left behind does not hold it up.
  process.on("disconnect", () => process.exit())
  process.send!({ ready: true })
}

if (import.meta.main) {
  const [workload, row, peer] = process.argv.slice(2)
  await serve(workload as WorkloadName, Number(row), peer as PeerName)
}
