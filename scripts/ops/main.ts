// Shows with a real Prometheus that the example service is scraped and that the shipped alerts fire for what they are for;
// and runs every command of the runbook against the service. It takes a minute and a half.
//
// Without prometheus, jq or curl it says so and is skipped; with CI=true it fails. scripts/install-prometheus.sh brings them.
import { spawnSync } from "node:child_process"
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { freePort, start, type Started, until } from "./processes.ts"
import { type Alert, client, configure, quicken, speed } from "./prometheus.ts"
import { blocksOf, run } from "./runbook.ts"

const rules = "docs/ops/prometheus/ryker.rules.yml"
const tests = "docs/ops/prometheus/ryker.rules.test.yml"
const runbook = "docs/runbook.md"

const missing = ["prometheus", "promtool", "jq", "curl"].filter((tool) => spawnSync(tool, ["--version"]).status !== 0)
if (missing.length > 0) {
  const isCi = process.env["CI"] === "true"
  console.error(
    `${isCi ? "failed" : "skipped"}: there is no ${missing.join(", ")} here; scripts/install-prometheus.sh installs it`
  )
  process.exit(isCi ? 1 : 0)
}

let passed = 0
const failures: Array<string> = []
const report = (what: string, isRight: boolean, detail = "") => {
  if (isRight) passed++
  else failures.push(what)
  console.log(`${isRight ? "ok  " : "FAIL"} ${what}${detail === "" ? "" : `: ${detail}`}`)
}

const promtool = (...args: ReadonlyArray<string>) => {
  const { status, stderr, stdout } = spawnSync("promtool", args, { encoding: "utf8" })
  report(`promtool ${args.slice(0, 2).join(" ")}`, status === 0, status === 0 ? "" : stdout + stderr)
}

// --- Rules by themselves --------------------------------------------------------------------------------------------------

const folder = mkdtempSync(join(tmpdir(), "ryker-ops-"))
const quick = join(folder, "ryker.rules.yml")
writeFileSync(quick, quicken(readFileSync(rules, "utf8")))
promtool("check", "rules", rules)
promtool("test", "rules", tests)
promtool("check", "rules", quick)

// --- The service and Prometheus -------------------------------------------------------------------------------------------

const [apiPort, metricsPort, prometheusPort] = [await freePort(), await freePort(), await freePort()]
const api = `http://127.0.0.1:${apiPort}`
const metrics = `http://127.0.0.1:${metricsPort}`
const prometheusUrl = `http://127.0.0.1:${prometheusPort}`
const settings = join(folder, "ryker.toml")
const log = join(folder, "service.log")

const goodSettings = '[defaults]\ndeadline = "1s"\n'
writeFileSync(settings, goodSettings)

const startService = async (): Promise<Started> => {
  const service = start(process.execPath, ["examples/service/main.ts"], log, {
    ADMIN: "true",
    PORT: String(apiPort),
    METRICS_PORT: String(metricsPort),
    SETTINGS: settings,
    // So that a crash storm ends in a rapid fail each time, and not only if the delays happen to be short.
    RYKER_BACKOFF_CAP_MS: "500",
    DRAIN_DEADLINE: "2 seconds",
    LAST_SCRAPE: "3 seconds"
  })
  await until("the service is ready", 20_000, async () => ((await fetch(`${metrics}/readyz`)).ok ? true : undefined))
  return service
}

const post = (path: string, body?: unknown): Promise<Response> =>
  fetch(`${api}${path}`, {
    method: "POST",
    ...(body !== undefined && { body: JSON.stringify(body), headers: { "content-type": "application/json" } })
  })

/** Orders at an even pace, answered or not, until it is told to stop. */
const orderSteadily = (everyMillis: number) => {
  let n = 0
  const timer = setInterval(() => {
    const order = { customer: `customer-${n++ % 20}`, item: "pen", quantity: 1 }
    post("/orders", order).then(
      (response) => response.arrayBuffer(),
      () => undefined
    )
  }, everyMillis)
  return () => clearInterval(timer)
}

let service = await startService()
const prometheus = start(
  "prometheus",
  [
    `--config.file=${configure(folder, readFileSync(quick, "utf8"), `127.0.0.1:${metricsPort}`)}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    `--web.listen-address=127.0.0.1:${prometheusPort}`
  ],
  join(folder, "prometheus.log")
)
const { alerts, query } = client(prometheusUrl)

/** Every alert that was seen to fire, with the first answer that said so. */
const fired = new Map<string, Alert>()
const watch = async () => {
  for (const alert of await alerts()) {
    const name = alert.labels["alertname"]!
    if (alert.state === "firing" && !fired.has(name)) fired.set(name, alert)
  }
}
const untilFired = async (names: ReadonlyArray<string>, millis: number) => {
  const all = await until(names.join(", "), millis, async () => {
    await watch()
    return names.every((name) => fired.has(name)) ? true : undefined
  }).catch(() => false)
  for (const name of names) {
    const alert = fired.get(name)
    report(`${name} fires`, alert !== undefined, alert === undefined ? "" : JSON.stringify(alert))
  }
  return all
}

try {
  await until("Prometheus scrapes the service", 20_000, async () => {
    const [up] = await query("up")
    return up?.value[1] === "1" ? true : undefined
  })

  // --- In calm weather nothing fires
  const stopOrders = orderSteadily(20)
  await sleep(4_000)
  await watch()
  report("no alert fires while orders are handled", fired.size === 0, [...fired.keys()].join(", "))
  for (const series of [
    'ryker_handler_latency_seconds_count{actor="Pricing", outcome="ok"} > 0',
    'ryker_handler_latency_seconds_count{actor="Customer", outcome="ok"} > 0',
    'ryker_mailbox_wait_seconds_bucket{actor="Audit", le="+Inf"} > 0',
    'ryker_actor_up{actor="Customer"} == 20',
    'ryker_config_reload_total{source="start"} == 1',
    'ryker:success:ratio_rate5m{actor="Customer"} == 1',
    'ryker:fast:ratio_rate5m{actor="Pricing"} == 1'
  ]) {
    const found = await query(series)
    report(`there is ${series}`, found.length === 1, JSON.stringify(found))
  }

  // --- The worst night: a slow dependency, saturation, a crash storm and a bad file at once
  await post("/admin/slow?millis=950")
  await post("/admin/crash?count=8")
  writeFileSync(settings, '[defaults]\ndeadline = "10 parsecs"\n')
  const saturation = setInterval(() => void post("/admin/burst?count=400").catch(() => undefined), 500)
  await untilFired(
    [
      "RykerReloadRefused",
      "RykerRestarts",
      "RykerRapidFail",
      "RykerBusy",
      "RykerTimeouts",
      "RykerNearDeadline",
      "RykerErrorBudgetBurn"
    ],
    45_000
  )
  for (const series of [
    "ryker_mailbox_depth",
    "ryker_busy_rejections_total",
    'ryker_mailbox_dropped_total{reason="capacity"}',
    'ryker_handler_latency_seconds_count{outcome="timeout"}'
  ]) {
    // The alerts may have fired before the next scrape has all of it.
    const found = await until(`${series} above 0`, 20_000, async () => {
      const actors = (await query(`${series} > 0`)).map(({ metric, value }) => `${metric["actor"]} ${value[1]}`)
      return actors.length > 0 ? actors : undefined
    }).catch(() => [])
    report(`there is ${series} above 0`, found.length > 0, found.join(", "))
  }

  // --- It is told to end with a full mailbox
  clearInterval(saturation)
  stopOrders()
  service.signal("SIGTERM")
  report("the service ends at SIGTERM", (await service.ended()) === 130)
  await untilFired(["RykerShutdownDrops", "RykerMetricsMissing"], 30_000)

  // --- The runbook, against a service that has seen something
  writeFileSync(settings, goodSettings)
  const bin = join(folder, "ryker")
  writeFileSync(bin, `#!/bin/sh\nexec ${process.execPath} ${resolve("dist/cli/bin.js")} "$@"\n`)
  chmodSync(bin, 0o755)
  for (const block of blocksOf(runbook)) {
    if (!service.isAlive()) service = await startService()
    const { output, problem } = await run(block, {
      API: api,
      METRICS: metrics,
      PROMETHEUS: prometheusUrl,
      LOG: log,
      SETTINGS: settings,
      PID: String(service.pid),
      PATH: `${folder}:${process.env["PATH"]}`
    })
    report(
      `${runbook}:${block.line} works`,
      problem === undefined,
      problem === undefined ? "" : `it ${problem}\n${output}`
    )
  }
} catch (error) {
  report(error instanceof Error ? error.message : String(error), false)
} finally {
  if (service.isAlive()) service.signal("SIGKILL")
  prometheus.signal("SIGTERM")
  await prometheus.ended()
  if (failures.length > 0) console.error(`the log of the service: ${readFileSync(log, "utf8").slice(-4_000)}`)
  rmSync(folder, { recursive: true, force: true })
}

console.log(`rules ${speed} times as fast as shipped`)
console.log(`${passed} passed, ${failures.length} failed`)
process.exitCode = failures.length > 0 ? 1 : 0
