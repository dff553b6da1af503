/** The wait-for graph: which actor's message in hand waits for which other actor. */
import type { ActorCell } from "./actorCell.ts"
import type { Envelope } from "./envelope.ts"

/**
 * The addresses of the cycle that an ask from `asker` to `target` would close, or undefined.
 *
 * The graph is not kept anywhere: an edge is an ask that the message in hand waits for, so edges come
 * and go with the messages, and a handler that has answered waits for nothing, whatever it forked.
 */
export const findCycle = (asker: Envelope, target: ActorCell): ReadonlyArray<string> | undefined => {
  /** Who waits for whom, as far as the search has come: each actor with the one that led to it. */
  const waitedForBy = new Map<ActorCell, ActorCell>([[target, asker.cell]])
  const open = [target]
  // A loop, not a recursion: chains of asks may be as long as the user likes.
  for (let cell = open.pop(); cell !== undefined; cell = open.pop()) {
    if (cell === asker.cell) return pathTo(cell, waitedForBy)
    for (const { cell: next } of cell.inHand?.asks ?? []) {
      if (waitedForBy.has(next)) continue
      waitedForBy.set(next, cell)
      open.push(next)
    }
  }
  return undefined
}

const pathTo = (end: ActorCell, waitedForBy: ReadonlyMap<ActorCell, ActorCell>): ReadonlyArray<string> => {
  const path = [end.address]
  for (let cell = waitedForBy.get(end); cell !== undefined; cell = waitedForBy.get(cell)) {
    path.push(cell.address)
    if (cell === end) break
  }
  return path.toReversed()
}
