// The chaos drill of docs/runbook.md against the gateway, as a process of its own under load: crashes, saturation, a bad file of
// settings, a shutdown. Prints a report to keep, as Markdown, and ends with 1 if anything that must be seen was not. Options:
//   --out FILE      writes the report there
import { execFileSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { parseArgs } from "node:util"
import { until } from "../ops/processes.ts"
import * as cannon from "./cannon.ts"
import { agree, type Check, check, conserved, happened, show, sold } from "./checks.ts"
import { since, statusesOf, sum, unitsOf } from "./counts.ts"
import { type Drill, passed, report } from "./report.ts"
import { goodSettings, lastWords, patience, startGateway } from "./service.ts"

const { values } = parseArgs({ options: { out: { type: "string" } } })
const begun = new Date()
const gateway = await startGateway({ GRACE: "4 seconds" })
const start = await gateway.scrape()
const { url } = gateway
const drills: Array<Drill> = []

const run = async (name: string, what: string, drill: () => Promise<ReadonlyArray<Check>>) => {
  console.error(`${name} ...`)
  const checks = await drill().catch((error: unknown) => [
    check("the drill comes to its end", false, error instanceof Error ? error.message : String(error))
  ])
  drills.push({ name, what, checks })
}

/** Calm again: nothing is held for an order any more. */
const quiet = () => gateway.settled((series) => unitsOf(series).held === 0)

/** Waits until readiness gives this reason no more. Others may come and go with the machine that it runs on. */
const gone = (reason: string) =>
  until(`${reason} is gone`, patience, async () => {
    const readiness = await gateway.readiness()
    return readiness.reasons.includes(reason) ? undefined : readiness
  })

await run(
  "Panic storm",
  "Every charge makes the bank's library throw, while 8 clients order and 4 look at the stock.",
  async () => {
    const before = await gateway.scrape()
    const takenBefore = (await gateway.books()).taken
    const restarts = "ryker_actor_restarts_total"
    await gateway.bank({ crashRate: 1, latency: 5 })
    let orders = cannon.nothing
    let readers = cannon.nothing
    // Until the tills are given up, which is how a storm ends.
    await until("the tills have given up", patience, async () => {
      const [ordered, read] = await Promise.all([
        cannon.fire({ url, requests: [cannon.order("pen"), cannon.order("paper")], connections: 8, amount: 40 }),
        cannon.fire({ url, requests: [cannon.read("/stock/pen")], connections: 4, amount: 20 })
      ])
      orders = cannon.merge(orders, ordered)
      readers = cannon.merge(readers, read)
      const { tree } = await gateway.books()
      return tree.some(({ address, status }) => address === "Tills" && status === "Stopped") ? true : undefined
    })
    const refused = await gateway.order()
    const degraded = await gateway.readiness()
    const stock = await gateway.call("GET", "/stock")
    const after = await quiet()
    const takenAfter = (await gateway.books()).taken
    const backoffs = gateway
      .events("actor_restarting")
      .filter(({ annotations }) => String(annotations?.["actor"]).startsWith("Payments/"))

    await gateway.bank({ crashRate: 0, latency: 5 })
    const mended = (await (await gateway.call("POST", "/drills/restart-tills")).json()) as { restarted: boolean }
    const again = await gateway.order()
    const { tree } = await gateway.books()
    const well = await gone("child_isolated")
    return [
      happened("an order that met a crash (500)", orders.statuses["500"] ?? 0),
      happened(
        "a restart of one that charges",
        sum(after, restarts, { actor: "Payments" }) - sum(before, restarts, { actor: "Payments" })
      ),
      check(
        "each restart waits before it",
        backoffs.length > 0 && backoffs.every(({ annotations }) => Number(annotations?.["delay_ms"]) > 0),
        `${backoffs.length} delays`
      ),
      happened(
        "a restart of all tills together",
        sum(after, restarts, { actor: "Tills" }) - sum(before, restarts, { actor: "Tills" })
      ),
      check(
        "no order is sold in the storm",
        (orders.statuses["201"] ?? 0) === 0 && unitsOf(after).sold === unitsOf(before).sold,
        show(orders.statuses)
      ),
      check(
        "no money is kept of an order that failed",
        takenAfter.cents === takenBefore.cents,
        `${takenAfter.cents - takenBefore.cents} cents`
      ),
      conserved(unitsOf(start), unitsOf(after)),
      check("stock is answered all the time", readers.statuses["200"] === readers.attempts, show(readers.statuses)),
      check(
        "once given up, an order is refused with 503 and Retry-After",
        refused.status === 503 && Number(refused.headers.get("retry-after")) >= 1,
        `${refused.status}, ${refused.headers.get("retry-after")} s`
      ),
      check(
        "the service is degraded and goes on",
        degraded.code === 200 && degraded.reasons.includes("child_isolated") && stock.ok,
        `${degraded.code} ${degraded.status}: ${degraded.reasons.join(", ")}`
      ),
      check(
        "an operator starts the tills again",
        mended.restarted && tree.every(({ status }) => status === "Running"),
        tree.map(({ address, status }) => `${address} ${status}`).join(", ")
      ),
      check("orders are sold again", again.status === 201, again.status),
      check("no child is left isolated", !well.reasons.includes("child_isolated"), `${well.code} ${well.status}`)
    ]
  }
)

await run(
  "Saturation",
  "The bank takes 100 ms for each charge; 120 clients order at once, and come back when they are told to.",
  async () => {
    const before = await gateway.scrape()
    await gateway.bank({ crashRate: 0, latency: 100 })
    const statuses: Record<string, number> = {}
    const told: Array<string | null> = []
    const client = async (sku: string) => {
      for (let attempt = 1; attempt <= 100; attempt++) {
        const response = await gateway.order(sku)
        await response.arrayBuffer()
        statuses[response.status] = (statuses[response.status] ?? 0) + 1
        if (response.status === 201) return
        const after = response.headers.get("retry-after")
        if (response.status === 429) told.push(after)
        await sleep(Number(after ?? 1) * 1000)
      }
    }
    await Promise.all(Array.from({ length: 120 }, (_, n) => client(["pen", "paper", "printer"][n % 3]!)))
    await gateway.bank({ crashRate: 0, latency: 5 })
    const after = await gateway.settled(
      (series) => agree(statuses, since(statusesOf(before), statusesOf(series))).passed
    )
    const { ledger } = await gateway.books()
    const dropped = (all: Readonly<Record<string, number>>) => Object.values(all).reduce((total, n) => total + n, 0)
    const unbalanced = ledger.filter(
      (entry) => entry.accepted !== entry.handled + entry.failed + dropped(entry.dropped) + entry.queued + entry.inHand
    )
    const refusals = "ryker_busy_rejections_total"
    return [
      happened("a refusal (429)", statuses["429"] ?? 0),
      check(
        "each 429 says when to come back",
        told.every((it) => /^[1-9]\d*$/.test(it ?? "")),
        `${told.length} times, ${[...new Set(told.map(Number))].toSorted((a, b) => a - b).join(", ")} s`
      ),
      check(
        "all who come back when they are told to get their order in the end",
        statuses["201"] === 120,
        show(statuses)
      ),
      happened(
        "a refusal that the service has counted",
        sum(after, refusals, { actor: "Payments" }) - sum(before, refusals, { actor: "Payments" })
      ),
      check(
        "the ledger balances",
        unbalanced.length === 0,
        unbalanced.length === 0
          ? ledger.map(({ accepted, actor }) => `${actor} ${accepted}`).join(", ")
          : JSON.stringify(unbalanced)
      ),
      sold(120, unitsOf(before), unitsOf(after)),
      conserved(unitsOf(start), unitsOf(after))
    ]
  }
)

await run(
  "Bad settings",
  "The file of settings is replaced by one that is wrong, under load, and then by a good one.",
  async () => {
    const errors = async () => sum(await gateway.scrape(), "ryker_config_reload_errors_total")
    const holding = (await gateway.books()).config
    const errorsBefore = await errors()
    const load = cannon.fire({ url, requests: [cannon.order("pen")], connections: 4, amount: 100, rate: 50 })
    gateway.configure('[defaults]\ndeadline = "10 parsecs"\nmailbox_capcity = 5\n')
    await until("the file is refused", patience, async () => ((await errors()) > errorsBefore ? true : undefined))
    const refused = (await gateway.books()).config
    const degraded = await gateway.readiness()
    const problems = gateway.events("config_problem").map(({ message }) => message)
    const { statuses } = await load
    gateway.configure(goodSettings("1500ms"))
    const applied = await until("the good file is applied", patience, async () => {
      const { config } = await gateway.books()
      return config.version > holding.version ? config : undefined
    })
    const mended = await gone("config_refused")
    return [
      check("the metric counts the refusal", (await errors()) === errorsBefore + 1, (await errors()) - errorsBefore),
      check(
        "the settings before it hold",
        refused.version === holding.version && refused.deadline === holding.deadline,
        `version ${refused.version}, deadline ${refused.deadline} ms`
      ),
      check(
        "readiness says so, and requests go on coming",
        degraded.code === 200 && degraded.reasons.includes("config_refused"),
        `${degraded.code} ${degraded.status}: ${degraded.reasons.join(", ")}`
      ),
      check(
        "the log names both faults and what is meant",
        problems.some((it) => it.includes("10 parsecs") && it.includes("mailbox_capacity")),
        problems.at(-1)?.slice(0, 300) ?? "nothing"
      ),
      happened("an order that was sold meanwhile (201)", statuses["201"] ?? 0),
      check(
        "the good file is applied",
        applied.deadline === 1500,
        `version ${applied.version}, deadline ${applied.deadline} ms`
      ),
      check(
        "readiness has nothing against it",
        !mended.reasons.includes("config_refused"),
        `${mended.code} ${mended.status}`
      )
    ]
  }
)

await run(
  "Shutdown under load",
  "SIGTERM while clients order, 20 at a time, each on a connection of its own, until nobody listens any more.",
  async () => {
    await gateway.bank({ crashRate: 0, latency: 20 })
    const before = await gateway.scrape()
    const words = lastWords(gateway)
    let seen = cannon.nothing
    let during: Awaited<ReturnType<typeof gateway.readiness>> | undefined
    for (let wave = 1; ; wave++) {
      const fired = cannon.fire({ url, requests: [cannon.order("pen")], connections: 20, amount: 20 })
      if (wave === 2) {
        gateway.child.signal("SIGTERM")
        during = await until("readiness goes", patience, async () => {
          const readiness = await gateway.readiness()
          seen = cannon.merge(seen, { ...cannon.nothing, attempts: 1, statuses: { [readiness.code]: 1 } })
          return readiness.status === "unready" ? readiness : undefined
        })
      }
      const got = await fired
      seen = cannon.merge(seen, got)
      if (Object.keys(got.statuses).length === 0) break
    }
    const after = await words
    const code = await gateway.child.ended()
    const service = since(statusesOf(before), statusesOf(after))
    const steps = gateway.events("shutdown_step").map(({ annotations }) => String(annotations?.["step"]))
    const finished = gateway.events("shutdown_finished")[0]?.annotations
    return [
      check("the steps come in their order", steps.join(" ") === "grace requests actors closing", steps.join(", ")),
      check(
        "readiness goes first, and requests are served on",
        during?.code === 503 && during.reasons.includes("draining"),
        `${during?.code} ${during?.reasons.join(", ")}`
      ),
      check(
        "what has begun is answered",
        (service["0"] ?? 0) === 0 && (seen.statuses["201"] ?? 0) > 0,
        show(seen.statuses)
      ),
      happened("a connection that was refused after that", seen.failures["ECONNREFUSED"] ?? 0),
      agree(seen.statuses, service),
      sold(seen.units, unitsOf(before), unitsOf(after)),
      conserved(unitsOf(start), unitsOf(after)),
      check(
        "the drain was complete, and is in the last scrape",
        sum(after, "ryker_drain_seconds_count", { outcome: "complete" }) === 1,
        `outcome ${String(finished?.["outcome"])}`
      ),
      check("the process ends with 0", code === 0, code ?? "a signal")
    ]
  }
)

const commit = (() => {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim()
  } catch {
    return "unknown"
  }
})()
const text = report(drills, {
  begun: begun.toISOString(),
  took: `${Math.round((Date.now() - begun.getTime()) / 1000)} s`,
  commit,
  node: process.version
})
if (values.out === undefined) process.stdout.write(text)
else writeFileSync(values.out, text)
process.exitCode = drills.every(passed) ? 0 : 1
