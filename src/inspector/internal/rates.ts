/**
 * What two successive states say together: how much came in a second, and how long it took lately.
 *
 * Functions of values, without an import at run time: the page and the terminal have them, too.
 */
import type { Definition, State, Times } from "../InspectorState.ts"

/** How many messages of a definition came to this in a second. */
export interface Rates {
  readonly accepted: number
  readonly handled: number
  readonly failed: number
  readonly dropped: number
  readonly refused: number
}

/** Where a bucket begins and ends, and how many fell into it. */
interface Bucket {
  readonly from: number
  readonly to: number
  readonly count: number
}

/**
 * The time in seconds that the share `q` (0..1) of messages did not exceed, of those since `before`, or of all. Undefined
 * if there were none. Within a bucket times are taken to be spread evenly.
 */
export const quantile = (times: Times, q: number, before?: Times): number | undefined => {
  const buckets = bucketsOf(times, before !== undefined && precedes(before, times) ? before : undefined)
  const count = buckets.reduce((sum, bucket) => sum + bucket.count, 0)
  if (count === 0) return undefined
  const rank = Math.min(1, Math.max(0, q)) * count
  let below = 0
  let last = buckets[0]!
  for (const bucket of buckets) {
    if (bucket.count === 0) continue
    last = bucket
    if (below + bucket.count >= rank) {
      // Rounded up, it would be longer than the longest.
      return Math.min(bucket.to, bucket.from + (bucket.to - bucket.from) * ((rank - below) / bucket.count))
    }
    below += bucket.count
  }
  return last.to
}

/** Those that came since `before`, one bucket after the other; the last one is for what is above all bounds. */
const bucketsOf = ({ buckets, count, max }: Times, before: Times | undefined): ReadonlyArray<Bucket> => {
  const bounds: ReadonlyArray<readonly [number, number]> = [...buckets, [Infinity, count]]
  return bounds.map(([bound, cumulative], index) => {
    const [from, lower] = bounds[index - 1] ?? [0, 0]
    const old =
      before === undefined
        ? 0
        : (before.buckets[index]?.[1] ?? before.count) - (index === 0 ? 0 : before.buckets[index - 1]![1])
    // No time was longer than the longest, which is most often in the middle of a bucket.
    const to = Math.max(from, Math.min(bound, max))
    return { from, to, count: Math.max(0, cumulative - lower - old) }
  })
}

/** Whether these are earlier ones of the same histogram: that of a host which was restarted begins anew. */
const precedes = (before: Times, after: Times): boolean =>
  before.count <= after.count &&
  before.buckets.length === after.buckets.length &&
  before.buckets.every(([bound, count], index) => {
    const [laterBound, laterCount] = after.buckets[index]!
    return bound === laterBound && count <= laterCount
  })

const sumOf = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0)

/** What the counters were before there were any. */
const nothing = { accepted: 0, handled: 0, failed: 0, dropped: {}, refused: {} } satisfies Partial<Definition>

/**
 * By definition, what came in a second between the two states. A counter that is less than before has begun anew with its
 * host: all that it counts has come since. Empty when no time has passed.
 */
export const ratesOf = (
  before: Pick<State, "now" | "definitions">,
  after: Pick<State, "now" | "definitions">
): ReadonlyMap<string, Rates> => {
  const seconds = (after.now - before.now) / 1000
  if (!(seconds > 0)) return new Map()
  const earlier = new Map(before.definitions.map((definition) => [definition.name, definition]))
  const rate = (from: number, to: number) => (to < from ? to : to - from) / seconds
  return new Map(
    after.definitions.map((now) => {
      const old = earlier.get(now.name) ?? nothing
      const rates = {
        accepted: rate(old.accepted, now.accepted),
        handled: rate(old.handled, now.handled),
        failed: rate(old.failed, now.failed),
        dropped: rate(sumOf(old.dropped), sumOf(now.dropped)),
        refused: rate(sumOf(old.refused), sumOf(now.refused))
      }
      return [now.name, rates]
    })
  )
}
