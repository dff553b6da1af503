/**
 * Explorations as tests of vitest: `it.explore`.
 *
 * Import it from `ryker/testing/vitest`. It takes the packages `vitest` and `@effect/vitest`, and for
 * `regressions` Node's file system.
 *
 * @since 0.1.0
 */
import { it as effectIt, type TestContext, type Vitest } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
// oxlint-disable-next-line no-restricted-imports -- vitest runs on Node
import { relative } from "node:path"
// oxlint-disable-next-line no-restricted-imports -- vitest runs on Node
import { env } from "node:process"
import type { InvalidOption } from "../RykerError.ts"
import * as Explore from "./Explore.ts"
import { keep, recall } from "./internal/regressions.ts"

/**
 * Options of an exploration that is a test.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Omit<Explore.Options, "replay" | "replayHint"> {
  /** Real time after which vitest gives the test up. Default 60 seconds, or twice the `budget` if that is more. */
  readonly timeout?: Duration.Input | undefined
  /**
   * Whether the schedules under which the test fails are kept in a file beside the test's, `name.schedules.json`
   * for `name.test.ts`, and run first the next time, until they pass. Default false.
   */
  readonly regressions?: boolean | undefined
}

/**
 * Registers an exploration as a test.
 *
 * @category models
 * @since 0.1.0
 */
export interface Register {
  <A, E>(name: string, program: Effect.Effect<A, E, Scope.Scope>, options?: Options): void
}

/**
 * What `it` has besides what `@effect/vitest` gives it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Methods {
  /**
   * Runs the program under many schedules, as `Explore.run` does.
   *
   * When it fails, the message ends with the command that runs the failing schedule alone. When the `budget`
   * is used up before all schedules have been run, the test passes and is annotated with their number.
   */
  readonly explore: Register & { readonly only: Register; readonly skip: Register }
}

/** Names a schedule to be run alone, by the tests that are chosen with `-t`. */
const replayVariable = "RYKER_REPLAY"

type RegisterTest = (
  name: string,
  options: { readonly timeout: number },
  test: (context: TestContext) => Promise<void>
) => void

const registerWith =
  (registerTest: RegisterTest): Register =>
  (name, program, options = {}) => {
    const { budget = 0, timeout = 60_000 } = options
    const [budgetMillis, timeoutMillis] = [budget, timeout].map((it) => Duration.toMillis(Duration.fromInputUnsafe(it)))
    registerTest(name, { timeout: Math.max(timeoutMillis!, 2 * budgetMillis!) }, (context) =>
      Effect.runPromise(runTest(program, options, context), { signal: context.signal })
    )
  }

const runTest = Effect.fnUntraced(function* (
  program: Effect.Effect<unknown, unknown, Scope.Scope>,
  { regressions = false, ...options }: Options,
  { annotate, task }: TestContext
): Effect.fn.Return<void, Explore.ExploreFailure | InvalidOption> {
  const { filepath } = task.file
  const test = task.fullTestName
  const command = `npx vitest run ${quote(relative(".", filepath))} -t ${quote(asPattern(test))}`
  const replayHint = (schedule: string) => `${replayVariable}=${schedule} ${command}`

  const only = env[replayVariable]
  const first = only !== undefined ? [only] : regressions ? recall(filepath, test) : []
  for (const replay of first) yield* Explore.run(program, { ...options, replayHint, replay })
  if (only !== undefined) return

  const explored = Explore.run(program, { ...options, replayHint })
  const { exhausted, schedules } = yield* !regressions
    ? explored
    : Effect.tapError(explored, (error) =>
        Effect.sync(() => error._tag === "ExploreFailure" && keep(filepath, test, [error.schedule]))
      )
  if (regressions) keep(filepath, test, [])
  const { budget, seeds = Explore.defaultSeeds } = options
  const wanted = typeof seeds === "number" ? seeds : seeds.length
  if (budget !== undefined && schedules < wanted && !exhausted) {
    const note = `${schedules} of ${wanted} schedules were run: the budget of ${Duration.format(Duration.fromInputUnsafe(budget))} was used up`
    yield* Effect.promise(() => annotate(note))
  }
})

/** As one word of a shell. */
const quote = (word: string): string => (/^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)

/** vitest takes the name for a regular expression. */
const asPattern = (name: string): string => name.replaceAll(/[$()*+.?[\\\]^{|}]/g, "\\$&")

/**
 * Runs a program under many schedules, as a test.
 *
 * @see {@link it} for the same beside `it.effect`
 *
 * @category running
 * @since 0.1.0
 */
export const explore: Methods["explore"] = Object.assign(registerWith(effectIt), {
  only: registerWith(effectIt.only),
  skip: registerWith(effectIt.skip)
})

/**
 * The `it` of `@effect/vitest`, with `it.explore`.
 *
 * **Example** (A test that explores)
 *
 * ```ts no-run
 * import { Effect, Schema } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Ryker } from "ryker"
 * import { Explore } from "ryker/testing"
 * import { it } from "ryker/testing/vitest"
 *
 * class Counter extends Actor.Service<Counter>()("Counter", [Rpc.make("Next", { success: Schema.Int })]) {}
 *
 * const CounterLayer = Counter.toLayer(
 *   Effect.sync(() => {
 *     let n = 0
 *     return Counter.of({ Next: () => Effect.sync(() => ++n) })
 *   })
 * )
 *
 * it.explore(
 *   "two askers never get the same number",
 *   Effect.gen(function* () {
 *     const counter = yield* Counter
 *     const [a, b] = yield* Effect.all([counter.ask.Next(), counter.ask.Next()], { concurrency: 2 })
 *     if (a === b) return yield* Effect.die(new Error(`both got ${a}`))
 *   }).pipe(Effect.provide(CounterLayer), Effect.provide(Ryker.layer)),
 *   { seeds: 500, strategy: Explore.pct() }
 * )
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const it: Vitest.Methods & Methods = new Proxy(effectIt as Vitest.Methods & Methods, {
  // It is a Proxy as well, which has to be asked itself: vitest's own methods look at what they are called on.
  get: (target, property) => (property === "explore" ? explore : Reflect.get(target, property))
})
