/** Many runs of a program, one after the other: until one goes wrong, which is then made simpler and told. */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { checkInt, checkMillis } from "../../internal/options.ts"
import { InvalidOption } from "../../RykerError.ts"
import type { Options, Report } from "../Explore.ts"
import { type Attempt, attempt, type AttemptOptions } from "./attempt.ts"
import { ExploreFailure } from "./failure.ts"
import { planOf, type Seeds, type Strategy } from "./plan.ts"
import { decode, encode, type Schedule } from "./schedule.ts"
import { shrink } from "./shrink.ts"
import { following } from "./strategy.ts"
import { render } from "./trace.ts"

/** Lines of a trace that a failure shows. */
const maxLines = 200

/** Runs after which others have their turn. */
const runsPerTurn = 16

export const defaultSeeds = 200

/** Runs the program as the options say. */
export const explore = (
  program: Effect.Effect<unknown, unknown, Scope.Scope>,
  context: Context.Context<never>,
  options: Options
): Effect.Effect<Report, ExploreFailure | InvalidOption> =>
  Effect.flatMap(resolve(options), (settings) => {
    const { checksLedger, maxSteps, stall } = settings
    const base = { checksLedger, maxSteps, stall, keepsForks: false, isTold: false }
    const once: Once = (own) => attempt(program, context, { ...base, ...own })
    return settings.replay === undefined ? many(once, settings) : replay(once, settings.replay, settings)
  })

/** The options, checked, with the defaults filled in. */
interface Settings {
  readonly seeds: Seeds
  readonly strategy: Strategy
  readonly maxSteps: number
  readonly stall: number
  readonly checksLedger: boolean
  readonly maxShrinks: number
  readonly budget: number
  readonly replay: Schedule | undefined
  readonly hintFor: (schedule: string) => string
}

const resolve = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Settings, InvalidOption> {
  const { seeds = defaultSeeds, strategy = { _tag: "Random" } } = options
  const count = (option: string, value: number, min: number) =>
    checkInt("Explore", option, value, min, Number.MAX_SAFE_INTEGER)
  if (strategy._tag === "Pct") yield* count("strategy.depth", strategy.depth, 1)
  if (strategy._tag === "Exhaustive" && strategy.deviations !== Number.POSITIVE_INFINITY) {
    yield* count("strategy.deviations", strategy.deviations, 0)
  }
  if (typeof seeds === "number") yield* count("seeds", seeds, 1)
  else yield* Effect.forEach(seeds, (seed) => count("seeds", seed, 0), { discard: true })
  return {
    seeds: typeof seeds === "number" ? { length: seeds, at: (place) => place } : seeds,
    strategy,
    maxSteps: yield* count("maxSteps", options.maxSteps ?? 10_000, 1),
    stall: yield* checkMillis("Explore", "stall", options.stall ?? 100, 0, Number.POSITIVE_INFINITY),
    checksLedger: options.checkLedger ?? true,
    maxShrinks: yield* count("maxShrinks", options.maxShrinks ?? 500, 0),
    budget: yield* checkMillis("Explore", "budget", options.budget ?? "Infinity", 0, Number.POSITIVE_INFINITY),
    replay: options.replay === undefined ? undefined : yield* scheduleOf(options.replay),
    hintFor: options.replayHint ?? ((schedule) => `Explore.run(program, { replay: "${schedule}" })`)
  }
})

const scheduleOf = (text: string): Effect.Effect<Schedule, InvalidOption> => {
  const schedule = decode(text)
  const rule = "a schedule from a failure, such as 17 or 17:3-8.2"
  return schedule === undefined
    ? new InvalidOption({ owner: "Explore", option: "replay", value: `"${text}"`, rule })
    : Effect.succeed(schedule)
}

/** Runs the program once. */
type Once = (
  options: Pick<AttemptOptions, "seed" | "chooser"> & Partial<Pick<AttemptOptions, "keepsForks" | "isTold">>
) => Effect.Effect<Attempt>

const many = Effect.fnUntraced(function* (once: Once, settings: Settings): Effect.fn.Return<Report, ExploreFailure> {
  const { budget, seeds, strategy } = settings
  const until = performance.now() + budget
  const plan = planOf(strategy, seeds)
  const seen = new Set<string>()
  let schedules = 0
  let steps = 0
  let next = plan.next()
  while (next !== undefined && schedules < seeds.length && performance.now() < until) {
    const { chooser, seed } = next
    const result = yield* once({ seed, chooser, keepsForks: strategy._tag === "Exhaustive" })
    schedules++
    steps += result.steps
    seen.add(encode({ seed: 0, deviations: result.deviations }))
    if (result.flaw !== undefined) {
      const simpler = yield* simplify(once, { seed, deviations: result.deviations }, result, settings)
      return yield* failureOf(once, simpler, schedules, result, settings)
    }
    plan.learn(result)
    next = plan.next()
    if (schedules % runsPerTurn === 0) yield* Effect.yieldNow
  }
  return { schedules, distinct: seen.size, steps, exhausted: next === undefined && strategy._tag === "Exhaustive" }
})

const replay = Effect.fnUntraced(function* (
  once: Once,
  schedule: Schedule,
  settings: Settings
): Effect.fn.Return<Report, ExploreFailure> {
  const { deviations, seed } = schedule
  const result = yield* once({ seed, chooser: following(deviations) })
  if (result.flaw !== undefined) return yield* failureOf(once, schedule, 1, result, settings)
  return { schedules: 1, distinct: 1, steps: result.steps, exhausted: false }
})

/** A schedule with fewer deviations that fails in the same way. */
const simplify = Effect.fnUntraced(function* (
  once: Once,
  { deviations, seed }: Schedule,
  { flaw }: Attempt,
  { maxShrinks }: Settings
): Effect.fn.Return<Schedule> {
  const tries = shrink(deviations)
  let fewest = deviations
  let tried = tries.next()
  for (let i = 1; tried.done !== true && i <= maxShrinks; i++) {
    const again = yield* once({ seed, chooser: following(tried.value) })
    const isSame = again.flaw?.fault === flaw?.fault
    if (isSame) fewest = again.deviations
    tried = tries.next(isSame ? again.deviations : undefined)
    if (i % runsPerTurn === 0) yield* Effect.yieldNow
  }
  return { seed, deviations: fewest }
})

/** Runs the schedule once more, to tell what happens in it. */
const failureOf = Effect.fnUntraced(function* (
  once: Once,
  schedule: Schedule,
  run: number,
  found: Attempt,
  { hintFor }: Settings
): Effect.fn.Return<never, ExploreFailure> {
  const told = yield* once({ seed: schedule.seed, chooser: following(schedule.deviations), isTold: true })
  const same = told.flaw?.fault === found.flaw?.fault
  const flaw = (same ? told.flaw : found.flaw)!
  const warning = "the same schedule did not fail again: the program does not do the same each time"
  return yield* new ExploreFailure({
    fault: flaw.fault,
    detail: same ? flaw.detail : `${flaw.detail}\n(${warning})`,
    schedule: encode(schedule),
    run,
    deviations: schedule.deviations.length,
    deviationsBefore: found.deviations.length,
    trace: render(told.lines, maxLines),
    hint: hintFor(encode(schedule)),
    ...(flaw.cause === undefined ? {} : { cause: Cause.squash(flaw.cause) })
  })
})
