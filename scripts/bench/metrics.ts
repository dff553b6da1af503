/** What is measured: units, and how figures are shown. */

interface Kind {
  /** What it is, for a table's row; empty for the rate, which is what all rows are about. */
  readonly note: string
  readonly unit: "messages" | "per second" | "bytes" | "microseconds" | "nanoseconds"
}

/** Sizes of the scale curve. */
export const messageSizes = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000] as const
export const actorSizes = [1, 10, 100, 1_000, 10_000, 100_000] as const

type ScaleMetric = `at ${(typeof messageSizes)[number]}`

const kinds = {
  rate: { note: "", unit: "per second" },
  again: { note: "a second message to each", unit: "per second" },
  idleHeap: { note: "heap of each, new", unit: "bytes" },
  usedHeap: { note: "heap of each, after a message", unit: "bytes" },
  idleRss: { note: "resident memory of each, new", unit: "bytes" },
  usedRss: { note: "resident memory of each, after a message", unit: "bytes" },
  allocated: { note: "allocated for each", unit: "bytes" },
  p50: { note: "p50", unit: "microseconds" },
  p99: { note: "p99", unit: "microseconds" },
  p999: { note: "p99.9", unit: "microseconds" },
  max: { note: "longest", unit: "microseconds" },
  unanswered: { note: "refused, or not answered within 1 s", unit: "messages" }
} as const satisfies Record<string, Kind>

export type Metric = keyof typeof kinds | ScaleMetric

export const kindOf = (metric: Metric): Kind =>
  metric in kinds
    ? kinds[metric as keyof typeof kinds]
    : { note: Number(metric.slice(3)).toLocaleString("en"), unit: "nanoseconds" }

/** Three digits, and no more zeros than it takes. */
export const significant = (value: number): string => {
  if (value === 0) return "0"
  const digits = Math.min(3, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))))
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** A figure without its unit, as in a table whose head has it. */
export const bare = (metric: Metric, value: number): string => {
  const { unit } = kindOf(metric)
  return significant(unit === "per second" || unit === "bytes" ? value / 1000 : value)
}

const shortUnits = {
  messages: "messages",
  "per second": "k/s",
  bytes: "KB",
  microseconds: "us",
  nanoseconds: "ns"
} as const

export const unitOf = (metric: Metric): string => shortUnits[kindOf(metric).unit]

export const show = (metric: Metric, value: number): string => `${bare(metric, value)} ${unitOf(metric)}`

// --- Percentiles --------------------------------------------------------------------------------------------------------

/** Of samples that are sorted already. */
export const percentile = (sorted: ArrayLike<number>, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)]!
