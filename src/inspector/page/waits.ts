/** Who waits for whom: what holds the most up, and cycles. */
import type { Wait } from "../InspectorState.ts"

/** The edges by where they begin, or where they end. */
const group = (waits: ReadonlyArray<Wait>, by: "from" | "to"): ReadonlyMap<string, ReadonlyArray<Wait>> => {
  const groups = new Map<string, Array<Wait>>()
  for (const wait of waits) {
    const known = groups.get(wait[by])
    if (known === undefined) groups.set(wait[by], [wait])
    else known.push(wait)
  }
  return groups
}

/**
 * Those that wait for each other: of each knot one way round, closed (`[a, b, a]`). Found as strongly connected components, by
 * Tarjan's algorithm.
 */
export const cyclesOf = (waits: ReadonlyArray<Wait>): ReadonlyArray<ReadonlyArray<string>> => {
  const next = group(waits, "from")
  const order = new Map<string, number>()
  const lowest = new Map<string, number>()
  const stack: Array<string> = []
  const onStack = new Set<string>()
  const knots: Array<ReadonlySet<string>> = []
  const visit = (address: string): void => {
    const index = order.size
    order.set(address, index)
    lowest.set(address, index)
    stack.push(address)
    onStack.add(address)
    for (const { to } of next.get(address) ?? []) {
      if (!order.has(to)) {
        visit(to)
        lowest.set(address, Math.min(lowest.get(address)!, lowest.get(to)!))
      } else if (onStack.has(to)) {
        lowest.set(address, Math.min(lowest.get(address)!, order.get(to)!))
      }
    }
    if (lowest.get(address) !== index) return
    const knot = new Set(stack.splice(stack.indexOf(address)))
    for (const member of knot) onStack.delete(member)
    if (knot.size > 1 || (next.get(address) ?? []).some(({ to }) => to === address)) knots.push(knot)
  }
  for (const { from } of waits) if (!order.has(from)) visit(from)
  return knots.map((knot) => wayRound(knot, next))
}

/** The shortest way from one of the knot back to it. */
const wayRound = (knot: ReadonlySet<string>, next: ReadonlyMap<string, ReadonlyArray<Wait>>): ReadonlyArray<string> => {
  const [start] = [...knot].toSorted() as [string]
  let ways: ReadonlyArray<ReadonlyArray<string>> = [[start]]
  const seen = new Set<string>()
  for (;;) {
    const further: Array<ReadonlyArray<string>> = []
    for (const way of ways) {
      for (const { to } of next.get(way.at(-1)!) ?? []) {
        if (to === start) return [...way, start]
        if (!knot.has(to) || seen.has(to)) continue
        seen.add(to)
        further.push([...way, to])
      }
    }
    ways = further
  }
}

/** One row of the list: what is waited for, and below it those that wait. */
export interface WaitRow {
  /** From 1. */
  readonly level: number
  readonly address: string
  /** What it has asked the one above; undefined at the top. */
  readonly request: string | undefined
  /** How many wait for it, and for those that do. */
  readonly waiting: number
  readonly isInCycle: boolean
  /** Those that wait for it are listed already, further up. */
  readonly isRepeated: boolean
}

/** All waits, seen from their end: first what holds the most up. */
export const waitRowsOf = (waits: ReadonlyArray<Wait>): ReadonlyArray<WaitRow> => {
  const waiters = group(waits, "to")
  const asking = group(waits, "from")
  const cycles = cyclesOf(waits)
  const inCycle = new Set(cycles.flat())
  const counts = new Map<string, number>()
  const waitingFor = (address: string): number => {
    const known = counts.get(address)
    if (known !== undefined) return known
    const seen = new Set<string>()
    const visit = (at: string) => {
      for (const { from } of waiters.get(at) ?? []) {
        if (from === address || seen.has(from)) continue
        seen.add(from)
        visit(from)
      }
    }
    visit(address)
    counts.set(address, seen.size)
    return seen.size
  }
  const rows: Array<WaitRow> = []
  const listed = new Set<string>()
  const add = (address: string, request: string | undefined, level: number): void => {
    const isRepeated = listed.has(address) && waiters.has(address)
    listed.add(address)
    const waiting = waitingFor(address)
    rows.push({ level, address, request, waiting, isInCycle: inCycle.has(address), isRepeated })
    if (isRepeated) return
    const below = (waiters.get(address) ?? []).toSorted((a, b) => waitingFor(b.from) - waitingFor(a.from))
    for (const wait of below) add(wait.from, wait.request, level + 1)
  }
  const targets = [...waiters.keys()]
  const byWaiting = (a: string, b: string) => waitingFor(b) - waitingFor(a)
  // A cycle has no end to start from, so it starts anywhere, and it comes first.
  const starts = cycles.map(([start]) => start!)
  for (const address of starts.toSorted(byWaiting)) if (!listed.has(address)) add(address, undefined, 1)
  for (const address of targets.filter((it) => !asking.has(it)).toSorted(byWaiting)) add(address, undefined, 1)
  return rows
}
