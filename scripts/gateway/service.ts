/** A gateway as a process of its own, with settings of its own, and what it says of itself. */
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { freePort, start, until } from "../ops/processes.ts"
import { parse, type Series } from "./counts.ts"

/** How long to wait for something that has to come, before it is said that it did not. No measure of speed. */
export const patience = 60_000

export interface Books {
  readonly taken: { readonly orders: number; readonly cents: number }
  readonly tree: ReadonlyArray<{ readonly address: string; readonly status: string }>
  readonly config: { readonly version: number; readonly refused: number; readonly deadline: number }
  readonly ledger: ReadonlyArray<{
    readonly actor: string
    readonly accepted: number
    readonly handled: number
    readonly failed: number
    readonly dropped: Readonly<Record<string, number>>
    readonly queued: number
    readonly inHand: number
  }>
}

export interface Line {
  readonly message: string
  readonly annotations?: Readonly<Record<string, unknown>>
}

export const goodSettings = (deadline: string): string => `[defaults]
deadline = "${deadline}"

[supervisor]
backoff_base_ms = 20
backoff_cap_ms = 200
`

export type Service = Awaited<ReturnType<typeof startGateway>>

export const startGateway = async (env: Readonly<Record<string, string>> = {}) => {
  const folder = mkdtempSync(join(tmpdir(), "ryker-gateway-"))
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }))
  const [settings, log] = [join(folder, "gateway.toml"), join(folder, "gateway.log")]
  /** In one step, as a deployment does it. */
  const configure = (text: string) => {
    writeFileSync(`${settings}.next`, text)
    renameSync(`${settings}.next`, settings)
  }
  configure(goodSettings("1s"))
  const [port, metricsPort] = [await freePort(), await freePort()]
  const url = `http://127.0.0.1:${port}`
  const child = start(process.execPath, ["examples/gateway/main.ts"], log, {
    PORT: String(port),
    METRICS_PORT: String(metricsPort),
    SETTINGS: settings,
    DRILLS: "true",
    BANK_CRASH_RATE: "0",
    GRACE: "1 second",
    SHUTDOWN_DEADLINE: "30 seconds",
    LAST_SCRAPE: "10 seconds",
    ...env
  })

  const scrape = async (): Promise<Series> => {
    const response = await fetch(`http://127.0.0.1:${metricsPort}/metrics`)
    return parse(await response.text())
  }
  /** On a connection of its own: an idle one that is kept would be closed under the next request. */
  const call = (method: string, path: string, body?: unknown): Promise<Response> =>
    fetch(`${url}${path}`, {
      method,
      headers: { connection: "close", ...(body !== undefined && { "content-type": "application/json" }) },
      ...(body !== undefined && { body: JSON.stringify(body) })
    })
  const lines = (): ReadonlyArray<Line> =>
    readFileSync(log, "utf8")
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Line)

  await until("the gateway is ready", patience, async () => {
    if (!child.isAlive()) throw new Error(readFileSync(log, "utf8"))
    return (await call("GET", "/readyz")).ok ? true : undefined
  })

  return {
    url,
    child,
    configure,
    scrape,
    call,
    bank: async (behaviour: { readonly crashRate: number; readonly latency: number; readonly seed?: number }) => {
      const response = await call("PUT", "/drills/bank", { seed: 1, ...behaviour })
      if (!response.ok) throw new Error(`the bank cannot be told: ${response.status}`)
    },
    books: async () => (await (await call("GET", "/drills/books")).json()) as Books,
    readiness: async () => {
      const response = await call("GET", "/readyz")
      const body = (await response.json()) as { status: string; reasons: ReadonlyArray<{ reason: string }> }
      return { code: response.status, status: body.status, reasons: body.reasons.map(({ reason }) => reason) }
    },
    order: (sku = "pen") => call("POST", "/orders", { sku, units: 1, card: "4242" }),
    /** The log's lines of an event, oldest first. */
    events: (event: string) => lines().filter(({ annotations }) => annotations?.["event"] === event),
    /** Counts that are as expected, or those that there are when patience has ended: an answer is counted just after it was sent. */
    settled: async (isSettled: (series: Series) => boolean): Promise<Series> => {
      for (let left = 50; left > 0; left--) {
        const series = await scrape()
        if (isSettled(series)) return series
        await sleep(100)
      }
      return scrape()
    }
  }
}

/** What the gateway says last: its metrics wait, after all else has ended, until they were scraped once more. */
export const lastWords = async (service: Service): Promise<Series> => {
  let last: Series | undefined
  for (;;) {
    const series = await service.scrape().catch(() => undefined)
    if (series !== undefined && series.size > 0) last = series
    else if (!service.child.isAlive()) break
    await sleep(20)
  }
  if (last === undefined) throw new Error("the gateway has ended without a word")
  return last
}
