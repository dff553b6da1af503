/** A Prometheus with a temporary folder, and the shipped rules on a faster clock. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"

/** How much faster the rules are than those that are shipped. */
export const speed = 40

const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 }

/**
 * The rules with all their durations divided by `speed`: windows, offsets, and how long an alert waits. Nothing else is
 * changed, not an expression, a threshold nor a label, so what fires is what would fire in production after `speed` times as long.
 */
export const quicken = (rules: string): string =>
  rules.replaceAll(/(\[|offset |for: )(\d+)([smh])\b/g, (_, before: string, count: string, unit: string) => {
    const millis = (Number(count) * units[unit]!) / speed
    return `${before}${millis}ms`
  })

/** Writes the settings of a Prometheus that scrapes one target; gives the path of the file. */
export const configure = (folder: string, rules: string, target: string): string => {
  writeFileSync(join(folder, "ryker.rules.yml"), rules)
  const file = join(folder, "prometheus.yml")
  writeFileSync(
    file,
    `global: { scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms }
rule_files: [ryker.rules.yml]
scrape_configs:
  - job_name: orders
    static_configs: [{ targets: ["${target}"] }]
`
  )
  return file
}

export interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [time: number, value: string]
}

export interface Alert {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly state: "pending" | "firing"
  readonly activeAt: string
  readonly value: string
}

const get = async (url: string): Promise<unknown> => {
  const response = await fetch(url)
  const body = (await response.json()) as { readonly status: string; readonly data: unknown; readonly error?: string }
  if (body.status !== "success") throw new Error(body.error)
  return body.data
}

/** The HTTP API of a Prometheus. */
export const client = (base: string) => ({
  query: async (query: string): Promise<ReadonlyArray<Sample>> =>
    (
      (await get(`${base}/api/v1/query?query=${encodeURIComponent(query)}`)) as {
        readonly result: ReadonlyArray<Sample>
      }
    ).result,
  alerts: async (): Promise<ReadonlyArray<Alert>> =>
    ((await get(`${base}/api/v1/alerts`)) as { readonly alerts: ReadonlyArray<Alert> }).alerts
})

export type Client = ReturnType<typeof client>
