// Runs a host in real time under random load, with crashes, reloads, suspends and drains, and checks what is left of it:
// memory, handles, messages, the event loop, the log. Options:
//   --seconds N     how long the load lasts, 60 by default
//   --seed N        another load; the seed is printed
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { setTimeout } from "node:timers/promises"
import { parseArgs } from "node:util"
import type { Entry } from "ryker/Ledger"
import * as Ryker from "ryker/Ryker"
import * as checks from "./checks.ts"
import { defaults, host } from "./host.ts"
import { caller, Tally } from "./load.ts"
import { expected, Lines } from "./log.ts"

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "60" }, seed: { type: "string", default: String(Date.now() % 1e6) } }
})
const seconds = Number(values.seconds)
const seed = Number(values.seed)
if (!(seconds >= 5) || !Number.isSafeInteger(seed)) {
  throw new Error("--seconds must be a number of at least 5, --seed a whole number")
}
const gc = globalThis.gc
if (gc === undefined) throw new Error("Run it with node --expose-gc, as npm run soak does")

const callers = 24
/** The runtime is drained and started anew so often: heaps are compared between lives. */
const lives = Math.max(8, Math.round(seconds / 3))
const drainDeadline = 300

const tally = new Tally()
const lines = new Lines()
const ledgers: Array<ReadonlyArray<Entry>> = []
const drainMillis: Array<number> = []
const heaps: Array<number> = []
const delay = monitorEventLoopDelay({ resolution: 5 })

/** One runtime, from its start to its drain. */
const life = (number: number) =>
  Effect.gen(function* () {
    const fibers = yield* Effect.forEach(Array.from({ length: callers }), (_, index) =>
      Effect.forkChild(Random.withSeed(caller(tally), `${seed}/${number}/${index}`))
    )
    yield* Effect.sleep((seconds * 1000) / lives)
    // The load goes on during the drain.
    const startedAt = performance.now()
    yield* Ryker.drain(drainDeadline)
    drainMillis.push(performance.now() - startedAt)
    yield* Fiber.interruptAll(fibers)
    ledgers.push(yield* Ryker.ledger)
  }).pipe(
    Effect.provide(host),
    Effect.provide(Ryker.layerConfig({ defaults })),
    Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: {} }))),
    Effect.provide(Logger.layer([lines.logger])),
    Effect.scoped
  )

/** What the collector cannot reach any more has gone, finalizers of the platform included. */
const settle = async () => {
  for (let n = 0; n < 3; n++) {
    await setTimeout(20)
    gc()
  }
}

const notice = (warning: Error) => lines.surprise(`process warning: ${warning.message}`)
process.on("warning", notice)
process.on("unhandledRejection", (reason) => lines.surprise(`unhandled rejection: ${String(reason)}`))

console.log(`soak: ${seconds} s, seed ${seed}, ${lives} lives, ${callers} callers`)
await settle()
const resourcesBefore = process.getActiveResourcesInfo()
for (let number = 0; number < lives; number++) {
  delay.enable()
  await Effect.runPromise(life(number))
  delay.disable()
  await settle()
  heaps.push(process.memoryUsage().heapUsed)
}
const resourcesAfter = process.getActiveResourcesInfo()

const results = [
  checks.heap(heaps),
  checks.resources(resourcesBefore, resourcesAfter),
  checks.ledger(ledgers),
  checks.settled(tally.asksBegun, tally.asksEnded),
  checks.drains(drainMillis, drainDeadline),
  checks.eventLoop(delay.percentile(99) / 1e6, delay.max / 1e6),
  checks.surprises(lines.surprises),
  checks.coverage({
    ...tally.counts,
    ...Object.fromEntries([...expected].map((event) => [event, lines.counts[event] ?? 0]))
  })
]

console.log(
  `\n${Object.entries(tally.counts)
    .map(([what, count]) => `${what} ${count}`)
    .join(", ")}`
)
console.log(
  `log: ${Object.entries(lines.counts)
    .map(([event, count]) => `${event} ${count}`)
    .join(", ")}\n`
)
for (const { limit, measured, name, passed } of results) {
  console.log(`${passed ? "ok    " : "FAILED"}  ${name.padEnd(38)} ${measured}  (${limit})`)
}
const failed = results.filter(({ passed }) => !passed).length
console.log(
  failed === 0 ? "\npassed" : `\n${failed} failed; again with: npm run soak -- --seconds ${seconds} --seed ${seed}`
)
process.exitCode = failed === 0 ? 0 : 1
