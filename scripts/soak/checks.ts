/** What a soak looks at when it is over. Functions of what was measured, so that tests can show that each can fail. */
import type { Entry } from "ryker/Ledger"
import * as Ledger from "ryker/Ledger"

/** One line of the verdict. */
export interface Check {
  readonly name: string
  readonly measured: string
  readonly limit: string
  readonly passed: boolean
}

const mebibyte = 2 ** 20

/**
 * The heap after garbage collection, at the end of each life, in bytes. The first quarter of the lives warms up: code is
 * compiled, caches fill. The median of the second quarter is compared with that of the last one.
 *
 * A life of two seconds handles more than 10,000 messages: 100 bytes kept for each are beyond the limit within 15 seconds.
 */
export const heap = (afterEachLife: ReadonlyArray<number>): Check => {
  const quarter = Math.max(1, Math.floor(afterEachLife.length / 4))
  const before = median(afterEachLife.slice(quarter, 2 * quarter))
  const after = median(afterEachLife.slice(-quarter))
  const limit = Math.max(2 * mebibyte, before / 10)
  return {
    name: "heap does not grow",
    measured: `${megabytes(after - before)} (${megabytes(before)} to ${megabytes(after)})`,
    limit: `at most ${megabytes(limit)}`,
    // No figure at all is no proof.
    passed: after - before <= limit
  }
}

const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}

const megabytes = (bytes: number): string => `${(bytes / mebibyte).toFixed(2)} MiB`

/** Timers, sockets and signal handlers, as `process.getActiveResourcesInfo` names them. */
export const resources = (before: ReadonlyArray<string>, after: ReadonlyArray<string>): Check => {
  const left = [...new Set(after)].flatMap((kind) => {
    const count = (all: ReadonlyArray<string>) => all.filter((it) => it === kind).length
    const more = count(after) - count(before)
    return more > 0 ? [`${more} ${kind}`] : []
  })
  return {
    name: "no handle or timer is left",
    measured: left.length === 0 ? "none" : left.join(", "),
    limit: "none beyond those before",
    passed: left.length === 0
  }
}

/** The ledger's entries after each drain: every message is accounted for, and none is left. */
export const ledger = (afterEachDrain: ReadonlyArray<ReadonlyArray<Entry>>): Check => {
  const entries = afterEachDrain.flat()
  const wrong = entries.filter((entry) => Ledger.imbalance(entry) !== 0 || entry.queued + entry.inHand !== 0)
  const accepted = entries.reduce((sum, entry) => sum + entry.accepted, 0)
  return {
    name: "the ledger balances after each drain",
    measured:
      wrong.length === 0
        ? `${afterEachDrain.length} drains, ${accepted} messages`
        : wrong.map((entry) => `${entry.actor}: ${JSON.stringify(entry)}`).join(", "),
    limit: "no message lost or left",
    passed: wrong.length === 0 && accepted > 0
  }
}

/** Asks that were begun, and asks that came to an end, of whatever kind. */
export const settled = (begun: number, ended: number): Check => ({
  name: "every ask has settled",
  measured: `${ended} of ${begun}`,
  limit: "all",
  passed: begun === ended && begun > 0
})

/** How long each drain took, in milliseconds, and the deadline that each was given. */
export const drains = (millis: ReadonlyArray<number>, deadline: number): Check => {
  const longest = Math.max(0, ...millis)
  // A timer never fires early, and is late by as much as the loop is held up.
  const limit = deadline + 250
  return {
    name: "drains keep their deadline",
    measured: `${longest.toFixed(0)} ms at most`,
    limit: `at most ${limit} ms`,
    passed: millis.length > 0 && longest <= limit
  }
}

/** What `monitorEventLoopDelay` measured, in milliseconds, without the garbage collections that the soak itself calls for. */
export const eventLoop = (p99: number, max: number): Check => ({
  name: "the event loop is not held up",
  measured: `p99 ${p99.toFixed(1)} ms, max ${max.toFixed(1)} ms`,
  limit: "p99 at most 200 ms, max at most 1500 ms",
  passed: p99 <= 200 && max <= 1500
})

/** Log lines and warnings of the process that nothing in the load brings about. */
export const surprises = (lines: ReadonlyArray<string>): Check => ({
  name: "nothing unexpected is logged",
  measured: lines.length === 0 ? "none" : [`${lines.length} lines`, ...lines.slice(0, 5)].join("\n    "),
  limit: "none",
  passed: lines.length === 0
})

/** How often each thing that the load does has come about: a soak that did not do it shows nothing. */
export const coverage = (counts: { readonly [what: string]: number }): Check => {
  const missing = Object.keys(counts).filter((what) => counts[what] === 0)
  return {
    name: "the load did all of its kinds",
    measured: missing.length === 0 ? `${Object.keys(counts).length} kinds` : `never: ${missing.join(", ")}`,
    limit: "each at least once",
    passed: missing.length === 0
  }
}
