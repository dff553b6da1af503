/** The units of one article: on the shelf, held for orders that are not paid yet, and sold. Functions of values alone. */

export interface Shelf {
  readonly available: number
  /** Units by order. */
  readonly held: ReadonlyMap<string, number>
  readonly sold: number
}

export const full = (units: number): Shelf => ({ available: units, held: new Map(), sold: 0 })

export const heldUnits = ({ held }: Shelf): number => Array.from(held.values()).reduce((sum, units) => sum + units, 0)

/** Undefined if there are not enough. An order that holds units already holds them still: to ask twice changes nothing. */
export const hold = (shelf: Shelf, order: string, units: number): Shelf | undefined => {
  if (shelf.held.has(order)) return shelf
  if (units > shelf.available) return undefined
  return { ...shelf, available: shelf.available - units, held: new Map(shelf.held).set(order, units) }
}

/** Back on the shelf what an order holds, which may be nothing. */
export const release = (shelf: Shelf, order: string): Shelf => {
  const { held, units } = without(shelf, order)
  return units === 0 ? shelf : { ...shelf, available: shelf.available + units, held }
}

/** Out of the house what an order holds, which may be nothing. */
export const sell = (shelf: Shelf, order: string): Shelf => {
  const { held, units } = without(shelf, order)
  return units === 0 ? shelf : { ...shelf, sold: shelf.sold + units, held }
}

const without = (shelf: Shelf, order: string) => {
  const held = new Map(shelf.held)
  held.delete(order)
  return { held, units: shelf.held.get(order) ?? 0 }
}
