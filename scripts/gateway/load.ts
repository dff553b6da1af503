// Drives the gateway as a process of its own through steady, saturated, crashing, reloading and draining phases, and puts what
// its clients saw beside what it has counted itself. They must agree to the last request. Options:
//   --seconds N     how long the steady phases send requests, 5 by default
//   --quick         as little as shows it, for CI
import { parseArgs } from "node:util"
import { until } from "../ops/processes.ts"
import * as cannon from "./cannon.ts"
import * as checks from "./checks.ts"
import { since, type Series, type Statuses, statusesOf, sum, unitsOf } from "./counts.ts"
import { goodSettings, lastWords, patience, startGateway } from "./service.ts"

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "5" }, quick: { type: "boolean", default: false } }
})
const seconds = values.quick ? 2 : Number(values.seconds)
if (!(seconds >= 1)) throw new Error("--seconds must be a number of at least 1")
const connections = 10

const failed: Array<string> = []
const judge = (phase: string, found: ReadonlyArray<checks.Check>) => {
  for (const { claim, passed, seen } of found) {
    console.log(`  ${passed ? "ok    " : "FAILED"} ${claim}: ${seen}`)
    if (!passed) failed.push(`${phase}: ${claim}`)
  }
}
const print = (phase: string, { attempts, failures, millis, statuses }: cannon.Seen, service: Statuses) => {
  const at = (q: number) => `p${q * 100} ${cannon.percentile(millis, q).toFixed(0)} ms`
  console.log(`\n${phase}: ${attempts} requests, ${[0.5, 0.9, 0.99].map(at).join(", ")}`)
  const lost = Object.keys(failures).length === 0 ? "" : `; without an answer: ${checks.show(failures)}`
  console.log(`  clients saw      ${checks.show(statuses)}${lost}`)
  console.log(`  service counted  ${checks.show(service)}`)
}

const gateway = await startGateway()
const { url } = gateway
const start = await gateway.scrape()
let receipts = 0

/** Runs something, and compares what was seen in the meantime with what was counted. */
const phase = async (
  name: string,
  run: () => Promise<cannon.Seen>,
  found: (
    seen: cannon.Seen,
    counted: (metric: string, labels?: Readonly<Record<string, string>>) => number
  ) => ReadonlyArray<checks.Check>
) => {
  const before = await gateway.scrape()
  const seen = await run()
  receipts += seen.units
  const service = (series: Series) => since(statusesOf(before), statusesOf(series))
  // An order that has failed is undone while its client has its answer already.
  const after = await gateway.settled(
    (series) => checks.agree(seen.statuses, service(series)).passed && unitsOf(series).held === 0
  )
  print(name, seen, service(after))
  judge(name, [
    checks.agree(seen.statuses, service(after)),
    checks.accounted(seen.attempts, seen.statuses, seen.failures),
    checks.check("no connection failed", Object.keys(seen.failures).length === 0, checks.show(seen.failures)),
    checks.sold(seen.units, unitsOf(before), unitsOf(after)),
    checks.conserved(unitsOf(start), unitsOf(after)),
    ...found(seen, (metric, labels) => sum(after, metric, labels) - sum(before, metric, labels))
  ])
}

const mix = [
  cannon.order("pen", 3),
  cannon.read("/stock/pen"),
  cannon.order("paper"),
  cannon.order("signed-print"),
  cannon.read("/stock"),
  cannon.order("printer", 1, "card-declined"),
  cannon.order("unicorn")
]

await phase(
  "steady",
  () => cannon.fire({ url, requests: mix, connections, rate: 100, amount: 100 * seconds }),
  ({ statuses }) => [
    checks.happened("an order that was sold (201)", statuses["201"] ?? 0),
    checks.happened("a card that was declined (402)", statuses["402"] ?? 0)
  ]
)

await gateway.bank({ crashRate: 0, latency: 250 })
await phase(
  "saturated",
  () =>
    cannon.fire({
      url,
      requests: [cannon.order("pen"), cannon.order("paper"), cannon.order("printer")],
      connections: 150,
      amount: 300 * seconds
    }),
  ({ statuses }, counted) => [
    checks.happened("a refusal for too much work (429)", statuses["429"] ?? 0),
    // A refusal whose client has waited for too long by then is a 504.
    checks.check(
      "each 429 is a refusal of a full mailbox",
      counted("ryker_busy_rejections_total") >= (statuses["429"] ?? 0) &&
        counted("ryker_busy_rejections_total") <= (statuses["429"] ?? 0) + (statuses["504"] ?? 0),
      `${counted("ryker_busy_rejections_total")} refusals`
    )
  ]
)

await gateway.bank({ crashRate: 0.05, latency: 5, seed: 7 })
await phase(
  "crashing",
  () =>
    cannon.fire({
      url,
      requests: [cannon.order("pen"), cannon.order("paper")],
      connections,
      rate: 50,
      amount: 50 * seconds
    }),
  ({ statuses }, counted) => [
    checks.happened("an order that met a crash (500)", statuses["500"] ?? 0),
    checks.happened("a restart", counted("ryker_actor_restarts_total", { actor: "Payments" }))
  ]
)
await gateway.bank({ crashRate: 0, latency: 5 })
await gateway.call("POST", "/drills/restart-tills")
await until("orders are sold again", patience, async () => {
  const { status } = await gateway.order()
  if (status === 201) receipts++
  return status === 201 ? true : undefined
})

/** Replaces the file, and waits until the gateway has said of it what it had to say. */
const reload = async (text: string, metric: string) => {
  const count = async () => sum(await gateway.scrape(), metric)
  const before = await count()
  gateway.configure(text)
  await until(metric, patience, async () => ((await count()) > before ? true : undefined))
}
const applied = "ryker_config_reload_total"
const refused = "ryker_config_reload_errors_total"
await phase(
  "reloading",
  async () => {
    const [seen] = await Promise.all([
      cannon.fire({ url, requests: mix, connections, rate: 100, amount: 100 * seconds }),
      (async () => {
        await reload(goodSettings("2s"), applied)
        await reload('[defaults]\ndeadline = "10 parsecs"\n', refused)
        await reload(goodSettings("3s"), applied)
      })()
    ])
    return seen
  },
  ({ statuses }, counted) => [
    checks.happened("an order that was sold (201)", statuses["201"] ?? 0),
    checks.check("each good file was applied once", counted(applied) === 2, counted(applied)),
    checks.check("the bad file was refused once", counted(refused) === 1, counted(refused))
  ]
)

// Each request on a connection of its own, as from clients that heed `connection: close`, until nobody listens any more.
const before = await gateway.scrape()
let seen = cannon.nothing
const words = lastWords(gateway)
for (let wave = 1; ; wave++) {
  const got = cannon.fire({ url, requests: [cannon.order("pen")], connections: 20, amount: 20 })
  if (wave === 3) gateway.child.signal("SIGTERM")
  const { statuses, ...rest } = await got
  seen = cannon.merge(seen, { statuses, ...rest })
  if (Object.keys(statuses).length === 0) break
}
const after = await words
const exitCode = await gateway.child.ended()
receipts += seen.units
const service = since(statusesOf(before), statusesOf(after))
print("draining", seen, service)
judge("draining", [
  checks.agree(seen.statuses, service),
  checks.check("what was begun was not cut off", (service["0"] ?? 0) === 0, service["0"] ?? 0),
  checks.happened("a connection that was refused", seen.failures["ECONNREFUSED"] ?? 0),
  checks.sold(seen.units, unitsOf(before), unitsOf(after)),
  checks.conserved(unitsOf(start), unitsOf(after)),
  checks.check("the process ended with 0", exitCode === 0, exitCode ?? "a signal")
])

console.log("\nfrom the start to the end")
judge("from the start to the end", [
  checks.sold(receipts, unitsOf(start), unitsOf(after)),
  checks.conserved(unitsOf(start), unitsOf(after))
])

console.log(failed.length === 0 ? "\nclients and service agree" : `\nFAILED:\n- ${failed.join("\n- ")}`)
process.exitCode = failed.length === 0 ? 0 : 1
