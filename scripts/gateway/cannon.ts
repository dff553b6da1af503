/** Fires requests with autocannon, and keeps what each of them came to. */
import autocannon from "autocannon"
import type { Statuses } from "./counts.ts"

export interface Seen {
  /** Requests that were to be sent. */
  readonly attempts: number
  readonly statuses: Statuses
  /**
   * What became of those without an answer, by the name of the error. A connection that the other side closes without a word is
   * none: such requests are in `attempts` alone.
   */
  readonly failures: Statuses
  /** Of all answers, in milliseconds. */
  readonly millis: ReadonlyArray<number>
  /** Units for which there are receipts. */
  readonly units: number
}

export const nothing: Seen = { attempts: 0, statuses: {}, failures: {}, millis: [], units: 0 }

const add = (a: Statuses, b: Statuses): Statuses => {
  const all: Record<string, number> = { ...a }
  for (const [key, count] of Object.entries(b)) all[key] = (all[key] ?? 0) + count
  return all
}

export const merge = (a: Seen, b: Seen): Seen => ({
  attempts: a.attempts + b.attempts,
  statuses: add(a.statuses, b.statuses),
  failures: add(a.failures, b.failures),
  millis: [...a.millis, ...b.millis],
  units: a.units + b.units
})

/** The time that so many of the answers took at most: `q` of 0.5 is the median. */
export const percentile = (millis: ReadonlyArray<number>, q: number): number => {
  const sorted = millis.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0
}

export const order = (sku: string, units = 1, card = "4242"): autocannon.Request => ({
  method: "POST",
  path: "/orders",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ sku, units, card })
})

export const read = (path: string): autocannon.Request => ({ method: "GET", path })

export interface Volley {
  readonly url: string
  /** Each connection sends them in turn, the next one after the answer to the one before. */
  readonly requests: ReadonlyArray<autocannon.Request>
  readonly connections: number
  /** In all. It ends when each of them has come to an end, however long that takes: no request is cut off by the clock. */
  readonly amount: number
  /** In a second, of all connections; as fast as they can without. */
  readonly rate?: number
}

export const fire = ({ amount, connections, rate, requests, url }: Volley): Promise<Seen> =>
  new Promise((resolve, reject) => {
    const statuses: Record<string, number> = {}
    const failures: Record<string, number> = {}
    const millis: Array<number> = []
    let units = 0
    const count = (counts: Record<string, number>, what: string) => void (counts[what] = (counts[what] ?? 0) + 1)
    const onResponse = (status: number, body: string) => {
      if (status === 201) units += (JSON.parse(body) as { units: number }).units
    }
    const instance = autocannon(
      {
        url,
        connections,
        amount,
        timeout: 120,
        sampleInt: 20,
        requests: requests.map((request) => ({ ...request, onResponse })),
        ...(rate !== undefined && { overallRate: rate })
      },
      (error: unknown) => {
        if (error !== null && error !== undefined) return reject(error)
        resolve({ attempts: amount, statuses, failures, millis, units })
      }
    )
    instance.on("response", (_client, status, _bytes, time) => {
      count(statuses, String(status))
      millis.push(time)
    })
    instance.on("reqError", (error: NodeJS.ErrnoException) => count(failures, error.code ?? error.message))
  })
