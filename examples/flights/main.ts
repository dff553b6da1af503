/**
 * 20,000 real flights as messages to actors: in steady state, under overload, in a crash storm, in a supervision tree
 * that escalates, while settings change, and through a shutdown. In the end every figure is checked against the file.
 *
 * Run it with `npm run demo`, or `npm run demo -- --seed 7` for another storm.
 */
import { Cause, Console, Data, Effect, Random } from "effect"
import { parseArgs } from "node:util"
import { airportsOf, loadFlights } from "./flights.ts"
import { count } from "./format.ts"
import { drain } from "./phases/drain.ts"
import { reload } from "./phases/reload.ts"
import { saturation } from "./phases/saturation.ts"
import { steady } from "./phases/steady.ts"
import { storm } from "./phases/storm.ts"
import { tree } from "./phases/tree.ts"
import { printReport, printVerdict } from "./report.ts"
import { Screen } from "./screen.ts"

class UsageError extends Data.TaggedError("UsageError")<{ readonly message: string }> {}

const readSeed = Effect.try({
  try: () => {
    const { seed } = parseArgs({ options: { seed: { type: "string", default: "2001" } } }).values
    if (!/^\d{1,9}$/.test(seed)) throw new Error("--seed must be a whole number of at most nine digits")
    return Number(seed)
  },
  catch: (error) => new UsageError({ message: error instanceof Error ? error.message : String(error) })
})

const demo = Effect.gen(function* () {
  const screen = yield* Screen
  const seed = yield* readSeed
  const flights = yield* loadFlights
  const title = `ryker: ${count(flights.length)} flights, ${airportsOf(flights).length} airports`
  yield* screen.print(`${screen.paint("bold", title)}, an actor each (seed ${seed})`)
  return yield* printReport([
    yield* steady(flights),
    yield* saturation(flights),
    yield* storm(flights).pipe(Random.withSeed(seed)),
    yield* tree(flights).pipe(Random.withSeed(seed)),
    yield* reload(flights),
    yield* drain(flights)
  ])
})

const main = Effect.gen(function* () {
  const problems = yield* demo.pipe(
    Effect.tapDefect((defect) => Console.error(defect)),
    Effect.catchCause((cause) => Effect.succeed(Cause.prettyErrors(cause).map(({ message }) => message)))
  )
  yield* printVerdict(problems)
  return problems.length === 0
})

const passed = await Effect.runPromise(main.pipe(Effect.provide(Screen.layer(process.stdout, process.env))))
process.exitCode = passed ? 0 : 1
