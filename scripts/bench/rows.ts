/** Which peer is in which row. */
import { type PeerName, peerNames, type Row, type Workload } from "./workload.ts"

export const peersOf = (workload: Workload, row: Row): ReadonlyArray<PeerName> =>
  peerNames.filter((peer) => workload.absent?.[peer] === undefined && (row.peers?.includes(peer) ?? true))

/** Operations in a round of the row, if they are fixed. */
export const countOf = (row: Row, peer: PeerName): number | undefined => row.counts?.[peer] ?? row.count
