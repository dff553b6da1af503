/** Which peer is in which row. */
import { type PeerName, peerNames, type Row, telemetryPeerNames, type Workload } from "./workload.ts"

const allNames = new Set<PeerName>([...peerNames, ...telemetryPeerNames])

/** All that can be in the row; a run has some of them. */
export const peersOf = (workload: Workload, row: Row): ReadonlyArray<PeerName> =>
  Array.from(allNames).filter(
    (peer) =>
      workload.absent?.[peer] === undefined &&
      (row.peers?.includes(peer) ?? true) &&
      (peer !== "erlang-paced" || row.outruns === true)
  )

/** Operations in a round of the row, if they are fixed. */
export const countOf = (row: Row, peer: PeerName): number | undefined => row.counts?.[peer] ?? row.count
