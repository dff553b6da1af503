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
  const seen = new Set<ActorCell>()
  const search = (cell: ActorCell): ReadonlyArray<string> | undefined => {
    if (cell === asker.cell) return [cell.address]
    if (seen.has(cell)) return undefined
    seen.add(cell)
    for (const ask of cell.inHand?.asks ?? []) {
      const rest = search(ask.cell)
      if (rest !== undefined) return [cell.address, ...rest]
    }
    return undefined
  }
  const path = search(target)
  return path === undefined ? undefined : [asker.cell.address, ...path]
}
