/** One peer in one row, in a process of its own: warms up, then runs a round whenever `main.ts` says so. */
import * as Effect from "effect/Effect"
import * as Ryker from "ryker/Ryker"
import type { Measures, Peer, Workload } from "./harness.ts"

/** How long a round should take, and at least how long to warm up before that. */
const roundMillis = 300
const warmUpMillis = 1_000
const warmUpRounds = 3

const [workloadName, rowIndex, peerName, quick] = process.argv.slice(2)

const workload: Workload = (await import(`./workloads/${workloadName}.ts`)).default
const peer: Peer<unknown> = (await import(`./peers/${peerName}.ts`)).default
const row = workload.rows[Number(rowIndex)]!

const runRound = (count: number): Promise<Measures> => {
  const round = Effect.tap(workload.round(peer, row, count), peer.check ?? Effect.void)
  return Effect.runPromise(Effect.provide(Effect.scoped(round), peer.runtime ?? Ryker.layer))
}

/** Runs until the code is compiled; gives how many operations a round is to have. */
const warmUp = async (): Promise<number> => {
  if (quick === "quick") return row.quick
  const until = performance.now() + warmUpMillis
  let count = row.quick
  for (let round = 0; round < warmUpRounds || performance.now() < until; round++) {
    const { rate } = await runRound(count)
    count = Math.ceil((rate * roundMillis) / 1000)
  }
  return row.count ?? count
}

const count = await warmUp()

/** A process that was idle has lost its caches and given memory back: a short round that does not count comes first. */
const takeTurn = async (): Promise<void> => {
  if (quick !== "quick") await runRound(Math.ceil(count / 4))
  process.send!(await runRound(count))
}

// A round that fails ends the process, which the parent notices.
process.on("message", () => void takeTurn())
process.send!({ ready: true })
