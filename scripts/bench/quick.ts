/** One peer through all its rows with small counts, in one process: says of each whether its results were right. */
import { peersOf } from "./rows.ts"
import { load } from "./child.ts"
import type { PeerName, WorkloadName } from "./workload.ts"

const [peerName, ...names] = process.argv.slice(2) as [PeerName, ...Array<WorkloadName>]

for (const name of names) {
  const { round, workload } = await load(name, peerName)
  for (const row of workload.rows) {
    if (!peersOf(workload, row).includes(peerName)) continue
    try {
      await round(row, row.quick)
    } catch (error) {
      throw new Error(`${peerName}, ${row.title}, ${row.handler}`, { cause: error })
    }
    console.log(`ok  ${peerName}: ${row.title}, ${row.handler}`)
  }
}
