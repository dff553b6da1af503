/** The supervision tree as the rows of a table: what is above what, what is folded, found, and in which order. */
import type { Actor } from "../InspectorState.ts"
import { searchFor } from "./search.ts"
import { isNotable, severityOf, statusWord, type Tone, toneOf, tones } from "./status.ts"

/** An actor with all below it. */
export interface Node {
  readonly actor: Actor
  /** Its address less what the one above has in common with it. */
  readonly label: string
  readonly parent: Node | undefined
  readonly children: ReadonlyArray<Node>
  /** How many there are below, at all depths. */
  readonly below: number
  /** Of those, how many are in a state that an operator should know of. */
  readonly notable: ReadonlyArray<readonly [Tone, number]>
}

interface Growing {
  readonly actor: Actor
  readonly label: string
  readonly parent: Growing | undefined
  readonly children: Array<Growing>
  below: number
  notable: Array<readonly [Tone, number]>
}

/** The tree. Who is above is listed before who is below; whose parent is not listed stands at the top. */
export const treeOf = (actors: ReadonlyArray<Actor>): ReadonlyArray<Node> => {
  const nodes = new Map<string, Growing>()
  const roots: Array<Growing> = []
  for (const actor of actors) {
    const parent = actor.parent === null ? undefined : nodes.get(actor.parent)
    const node: Growing = {
      actor,
      label: labelOf(actor.address, parent?.actor.address),
      parent,
      children: [],
      below: 0,
      notable: []
    }
    nodes.set(actor.address, node)
    if (parent === undefined) roots.push(node)
    else parent.children.push(node)
  }
  roots.forEach(countBelow)
  return roots
}

const labelOf = (address: string, parent: string | undefined): string =>
  parent !== undefined && address.startsWith(`${parent}/`) && address.length > parent.length + 1
    ? address.slice(parent.length + 1)
    : address

const countBelow = (node: Growing): void => {
  const counts = new Map<Tone, number>()
  const count = (tone: Tone, by: number) => counts.set(tone, (counts.get(tone) ?? 0) + by)
  for (const child of node.children) {
    countBelow(child)
    node.below += 1 + child.below
    count(toneOf(child.actor), 1)
    for (const [tone, more] of child.notable) count(tone, more)
  }
  node.notable = tones.flatMap((tone) => {
    const number = counts.get(tone)
    return number === undefined || !isNotable(tone) ? [] : [[tone, number] as const]
  })
}

/** What the rows can be sorted by; `"tree"` is the order in which they are started. */
export type SortKey = "tree" | "name" | "status" | "queue" | "hand" | "restarts"

export interface Sort {
  readonly key: SortKey
  readonly isDescending: boolean
}

export const treeOrder: Sort = { key: "tree", isDescending: false }

/** The order that a click on a column asks for: its natural one, the other way round, then that of the tree again. */
export const nextSort = (sort: Sort, key: SortKey): Sort => {
  // Of numbers the large ones are looked for.
  const first = key !== "name"
  if (sort.key !== key) return { key, isDescending: first }
  return sort.isDescending === first ? { key, isDescending: !first } : treeOrder
}

const measures: Readonly<Record<Exclude<SortKey, "tree" | "name">, (actor: Actor) => number>> = {
  status: severityOf,
  queue: (actor) => (actor.capacity > 0 ? actor.depth / actor.capacity : 0),
  hand: (actor) => (actor.inHand === undefined ? -1 : (actor.inHand.millis ?? 0)),
  restarts: (actor) => restartsOf(actor)
}

/** How often it was started anew. */
export const restartsOf = (actor: Actor): number => Math.max(0, actor.incarnation - 1)

const collator = new Intl.Collator("en", { numeric: true })

/**
 * Siblings in the order wanted. By a measure, one stands where the most extreme of all below it would: what is looked for comes to
 * the top with those above it.
 */
const sorterOf = ({ isDescending, key }: Sort): ((siblings: ReadonlyArray<Node>) => ReadonlyArray<Node>) => {
  const sign = isDescending ? -1 : 1
  if (key === "tree") return (siblings) => siblings
  if (key === "name") return (siblings) => siblings.toSorted((a, b) => sign * collator.compare(a.label, b.label))
  const measure = measures[key]
  const known = new Map<Node, number>()
  const extreme = (node: Node): number => {
    const value = node.children.reduce((most, child) => Math.max(most, extreme(child)), measure(node.actor))
    known.set(node, value)
    return value
  }
  return (siblings) => siblings.toSorted((a, b) => sign * ((known.get(a) ?? extreme(a)) - (known.get(b) ?? extreme(b))))
}

/** What is asked of the tree. */
export interface View {
  readonly sort: Sort
  readonly query: string
  /** Only these, with those above them; all when empty. */
  readonly only: ReadonlySet<Tone>
  /** What the reader has folded (`false`) or unfolded (`true`). */
  readonly unfolded: ReadonlyMap<string, boolean>
}

/** One row of the table. */
export interface Row {
  readonly node: Node
  /** From 1. */
  readonly level: number
  /** Undefined where there is nothing to unfold. */
  readonly isUnfolded: boolean | undefined
  /** From 1, of the siblings that are shown. */
  readonly position: number
  readonly siblings: number
  /** Whether it was found itself, and not only something below it. */
  readonly isMatch: boolean
}

/** More children than this of a family or a pool are folded until somebody wants to see them. */
const manyChildren = 24

/** Whether it is unfolded when nobody has said. */
export const unfoldsByItself = ({ actor, children }: Node): boolean =>
  (actor.kind !== "family" && actor.kind !== "pool") || children.length <= manyChildren

/** The rows to show, and how many actors were found. */
export const rowsOf = (
  roots: ReadonlyArray<Node>,
  { only, query, sort, unfolded }: View
): { readonly rows: ReadonlyArray<Row>; readonly found: number } => {
  const search = searchFor(query)
  const isFiltered = query.trim() !== "" || only.size > 0
  const matches = ({ actor }: Node) =>
    (only.size === 0 || only.has(toneOf(actor))) &&
    search(`${actor.address} ${actor.name} ${actor.kind} ${statusWord(actor)} ${actor.inHand?.request ?? ""}`)
  const kept = new Map<Node, boolean>()
  let found = 0
  const keep = (node: Node): boolean => {
    const isMatch = matches(node)
    if (isMatch) found++
    const hasMatch = node.children.map(keep).includes(true)
    if (isMatch || hasMatch) kept.set(node, isMatch)
    return isMatch || hasMatch
  }
  roots.forEach(keep)
  const sorted = sorterOf(sort)
  const rows: Array<Row> = []
  const add = (nodes: ReadonlyArray<Node>, level: number) => {
    const shown = nodes.filter((node) => kept.has(node))
    for (const [index, node] of sorted(shown).entries()) {
      const isMatch = kept.get(node)!
      const hasMore = node.children.some((child) => kept.has(child))
      // What is searched for is not to be found folded.
      const isUnfolded = hasMore ? isFiltered || (unfolded.get(node.actor.address) ?? unfoldsByItself(node)) : undefined
      rows.push({ node, level, isUnfolded, position: index + 1, siblings: shown.length, isMatch })
      if (isUnfolded === true) add(node.children, level + 1)
    }
  }
  add(roots, 1)
  return { rows, found }
}
