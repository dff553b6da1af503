/** How the time of a run is divided: between its rows, and in a row between processes. */
import type { PeerName, Row } from "./workload.ts"

/** Of each peer. Rounds of one process are not independent, so that one alone says nothing. */
export const leastProcesses = 2
export const mostProcesses = 5

/** What targets compare: where there is time for a few more rounds only, those have them. */
export const compared: ReadonlyArray<PeerName> = ["ryker", "erlang", "effect-fiber", "effect-pump"]

/** Rounds of the peer's next process: three in all at least, and two where they are slow and nothing is compared with them. */
export const roundsOf = ({ slow }: Row, peer: PeerName, earlier: number): number => {
  if (slow === undefined) return 2
  return earlier === 0 && compared.includes(peer) ? 2 : 1
}

/** How much of a run's time a row needs, beside others. */
export const weightOf = ({ slow = 1 }: Row, peers: ReadonlyArray<PeerName>): number => slow * peers.length

export const inTurn = (peers: ReadonlyArray<PeerName>): ReadonlyArray<PeerName> => [
  ...compared.filter((peer) => peers.includes(peer)),
  ...peers.filter((peer) => !compared.includes(peer))
]

/**
 * Time for rows of some weight in all. Each row may take its share of what is left, so that what a row has left over, or
 * taken more, is shared by those that follow.
 */
export class Budget {
  private readonly begunAt: number
  private readonly millis: number
  private weight: number

  constructor(now: number, millis: number, weight: number) {
    this.begunAt = now
    this.millis = millis
    this.weight = weight
  }

  /** Until when the next row, of that weight, may begin further processes. */
  until(now: number, weight: number): number {
    const share = weight / this.weight
    this.weight -= weight
    return now + Math.max(0, this.begunAt + this.millis - now) * share
  }

  /** Whether so much more was taken that no further row may begin: a machine for which the least is too much. */
  isSpent(now: number): boolean {
    return now - this.begunAt > this.millis * 1.5
  }
}
