/** What a gateway has counted, as its metrics tell it, and the differences between two moments. */

/** Values by the series as Prometheus writes it: `name{label="value"}`. */
export type Series = ReadonlyMap<string, number>

export const parse = (text: string): Series => {
  const series = new Map<string, number>()
  for (const line of text.split("\n")) {
    const match = /^([a-z_]+(?:\{[^}]*\})?) (\S+)$/.exec(line)
    if (match !== null) series.set(match[1]!, Number(match[2]))
  }
  return series
}

/** The sum of all series of this name that have these labels. */
export const sum = (series: Series, name: string, labels: Readonly<Record<string, string>> = {}): number => {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
  let total = 0
  for (const [key, value] of series) {
    if (key !== name && !key.startsWith(`${name}{`)) continue
    const found = key.slice(name.length + 1, -1).split(",")
    if (wanted.every((label) => found.includes(label))) total += value
  }
  return total
}

/** How often each status was sent. `0` stands for requests whose client went away before. */
export type Statuses = Readonly<Record<string, number>>

export const statusesOf = (series: Series): Statuses => {
  const statuses: Record<string, number> = {}
  for (const [key, value] of series) {
    const match = /^gateway_http_request_seconds_count\{status="(\d+)"\}$/.exec(key)
    if (match !== null) statuses[match[1]!] = value
  }
  return statuses
}

/** What came on top, without what did not change. */
export const since = (before: Statuses, after: Statuses): Statuses =>
  Object.fromEntries(
    Object.entries(after)
      .map(([status, count]) => [status, count - (before[status] ?? 0)] as const)
      .filter(([, count]) => count !== 0)
  )

/** Units of all articles, by where they are. */
export interface Units {
  readonly available: number
  readonly held: number
  readonly sold: number
}

export const unitsOf = (series: Series): Units => {
  const of = (state: string) => sum(series, "gateway_stock_units", { state })
  return { available: of("available"), held: of("held"), sold: of("sold") }
}

/** All units, wherever they are: the same at all times. */
export const total = ({ available, held, sold }: Units): number => available + held + sold
