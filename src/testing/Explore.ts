/**
 * Runs a program under many schedules, to find what goes wrong only when things happen in an unlucky order.
 *
 * What Effect leaves open is decided by a seed: which of the tasks that wait goes next, whether a fiber that
 * is woken goes on at once, whether time passes before it does. So a failure comes with a schedule under
 * which it happens again, each time, and with what happened in it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import { dual } from "effect/Function"
import type * as Scope from "effect/Scope"
import { checkInt } from "../internal/options.ts"
import type { InvalidOption } from "../RykerError.ts"
import * as History from "./History.ts"
import type { Fault } from "./internal/attempt.ts"
import { type Controls, CurrentControls } from "./internal/controls.ts"
import { explore } from "./internal/explore.ts"
import type { ExploreFailure } from "./internal/failure.ts"
import type { Strategy } from "./internal/plan.ts"
import { CurrentName } from "./internal/trace.ts"
import * as Linearizable from "./Linearizable.ts"

/**
 * How schedules are chosen: {@link random}, {@link pct} or {@link exhaustive}.
 *
 * @category models
 * @since 0.1.0
 */
export type { Strategy }

/**
 * What can be wrong with a run.
 *
 * **Details**
 *
 * | fault | what it means |
 * | --- | --- |
 * | `Failure` | the program failed or died |
 * | `Always` | a check of {@link always} does not hold |
 * | `Eventually` | a check of {@link eventually} never came to hold, or failed |
 * | `Ledger` | a message that a runtime accepted is unaccounted for |
 * | `Deadlock` | the program has not ended, nothing can run, and nobody sleeps |
 * | `Livelock` | the program has not ended after `maxSteps` steps |
 *
 * @category models
 * @since 0.1.0
 */
export type { Fault }

/**
 * Options of {@link run}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** How many schedules, at least 1, with the seeds from 0 on; or their seeds, whole numbers of at least 0. Default 200. */
  readonly seeds?: number | ReadonlyArray<number> | undefined
  /** Default {@link random}. */
  readonly strategy?: Strategy | undefined
  /** Steps after which a run counts as a livelock: at least 1. Default 10,000. */
  readonly maxSteps?: number | undefined
  /** For how long in virtual time, at the most, what can run may be kept waiting. Default 100 ms. */
  readonly stall?: Duration.Input | undefined
  /** Whether the ledger of each runtime must balance after every step. Default true. */
  readonly checkLedger?: boolean | undefined
  /** The most runs for finding a simpler schedule that fails as well: at least 0. Default 500. */
  readonly maxShrinks?: number | undefined
  /** Real time after which no further run is begun. Default: none. */
  readonly budget?: Duration.Input | undefined
  /** A schedule from a failure, to run alone instead of many. */
  readonly replay?: string | undefined
  /** For integrations: how a failure says that its schedule can be run alone. */
  readonly replayHint?: ((schedule: string) => string) | undefined
}

/**
 * What was explored.
 *
 * @category models
 * @since 0.1.0
 */
export interface Report {
  /** How many runs there were. Fewer than asked for when the `budget` was used up, or with {@link exhaustive}. */
  readonly schedules: number
  /** How many of their schedules were different. */
  readonly distinct: number
  /** How many steps they took, all together. */
  readonly steps: number
  /** True when {@link exhaustive} has run all the schedules that it was to run: there is no other. */
  readonly exhausted: boolean
}

/**
 * A run went wrong. Its `message` has all of the fields, as a person reads them.
 *
 * @category errors
 * @since 0.1.0
 */
export { ExploreFailure } from "./internal/failure.ts"

/**
 * Runs the program under many schedules, and fails with the first that goes wrong.
 *
 * **When to use**
 *
 * Use for programs whose parts run at the same time: several senders, crashes and restarts during asks, stops
 * and drains among sends. Begin with {@link random}.
 *
 * **Details**
 *
 * - Each run is the whole program, with its own clock, random numbers, Scope, and Layers: what it shares with
 *   others must be made inside it. The clock begins at 0 and is a `TestClock`.
 * - Time goes on by itself, to the next sleeper, when nothing can run. It may also go on before what can run has
 *   run, by `stall` at the most: as if the machine were slow for as long. With `stall: 0` it never does.
 * - A fiber that is woken, by an answer or a `Deferred`, may go on at once, within the task that woke it, or after
 *   others. By itself Effect does the former; when what wakes it is a socket, the latter is as likely.
 * - A fiber is not cut off in the middle of what it does without waiting, as it isn't by Effect, save after
 *   some thousand operations. One that begins at once, as those of `Effect.all` do, gives nobody a turn before it waits: let
 *   parties that are to race begin with `Effect.yieldNow`.
 * - The program must do the same each time for the same schedule: no `Date.now`, no `Math.random`. One that waits
 *   for a promise gets 100 turns of the event loop, and is then taken for a deadlock.
 * - Of a schedule that fails, decisions are taken back one by one for as long as it fails in the same way. What
 *   is left is in the failure, with a trace: who ran, what was sent, to whom.
 * - Log lines of the program go to the trace, and nowhere else.
 *
 * Fails with {@link ExploreFailure}, and with `InvalidOption` when an option is out of its range.
 *
 * **Example** (An update that is lost)
 *
 * ```ts
 * import { Effect, Ref } from "effect"
 * import { Explore } from "ryker/testing"
 *
 * const program = Effect.gen(function* () {
 *   const ref = yield* Ref.make(0)
 *   const increment = Effect.gen(function* () {
 *     const n = yield* Ref.get(ref)
 *     yield* Effect.sleep("1 millis")
 *     yield* Ref.set(ref, n + 1)
 *   })
 *   yield* Effect.all([increment, Effect.delay(increment, "2 millis")], { concurrency: 2 })
 *   const n = yield* Ref.get(ref)
 *   if (n !== 2) return yield* Effect.fail(`it is ${n}`)
 * })
 *
 * // By itself all is well.
 * await Effect.runPromise(program)
 *
 * const error = await Effect.runPromise(Effect.flip(Explore.run(program)))
 * console.log(error.message.split("\n")[0]) // => Failure: Error: it is 1
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const run = <A, E, R>(
  program: Effect.Effect<A, E, R>,
  options: Options = {}
): Effect.Effect<Report, ExploreFailure | InvalidOption, Exclude<R, Scope.Scope>> =>
  Effect.contextWith((context: Context.Context<Exclude<R, Scope.Scope>>) =>
    // What the program needs is in the context, save the Scope, which each run has of its own.
    explore(program as Effect.Effect<unknown, unknown, Scope.Scope>, context, options)
  )

/**
 * How many schedules are run when `seeds` is not given: 200.
 *
 * @category running
 * @since 0.1.0
 */
export { defaultSeeds } from "./internal/explore.ts"

/**
 * Each task that can go is as likely as any other.
 *
 * @category strategies
 * @since 0.1.0
 */
export const random: Strategy = { _tag: "Random" }

/**
 * Probabilistic concurrency testing: every fiber and every actor has a random priority, the highest goes, and at
 * `depth - 1` random moments the one that would go falls below all others.
 *
 * **When to use**
 *
 * Use for bugs that a few orderings bring about in a long run, where uniform choices seldom keep one party
 * waiting for long enough.
 *
 * **Details**
 *
 * A bug of depth `d` is one that happens whenever `d` given steps come in a given order. In a program of `n`
 * threads and at most `k` steps, one run finds it with a probability of at least `1 / (n * k ** (d - 1))`
 * (Burckhardt, Kothari, Musuvathi and Nagarakatte, "A randomized scheduler with probabilistic guarantees of finding
 * bugs", ASPLOS 2010). Here fibers and actors are the threads, and steps are those at which there is a choice.
 * What a fiber forks begins with its priority, and how long a run is, is known from those before: so take the bound as a measure, not as a promise.
 *
 * `depth` is a whole number of at least 1. Most bugs have a depth of 1 to 3. Default 3.
 *
 * @category strategies
 * @since 0.1.0
 */
export const pct = (options: { readonly depth?: number | undefined } = {}): Strategy => ({
  _tag: "Pct",
  depth: options.depth ?? 3
})

/**
 * All schedules, or all with at most so many deviations, those with fewer first.
 *
 * **When to use**
 *
 * Use for small programs, where the report's `exhausted` is then a proof for what a schedule decides here.
 *
 * **Details**
 *
 * `seeds` is the most runs that there may be; its first seed is that of the random numbers in all of them. The
 * report's `exhausted` says whether there would have been more. `deviations` is the most decisions in which a schedule
 * differs from what happens by itself, a whole number of at least 0, by default any number: most bugs need
 * one or two (Emmi, Qadeer and Rakamaric, "Delay-bounded scheduling", POPL 2011).
 *
 * **Example** (Two senders)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Explore } from "ryker/testing"
 *
 * const program = Effect.all([Effect.yieldNow, Effect.yieldNow], { concurrency: 2 })
 *
 * const report = await Effect.runPromise(Explore.run(program, { strategy: Explore.exhaustive() }))
 * console.log(report.exhausted, report.schedules === report.distinct) // => true true
 * ```
 *
 * @category strategies
 * @since 0.1.0
 */
export const exhaustive = (options: { readonly deviations?: number | undefined } = {}): Strategy => ({
  _tag: "Exhaustive",
  deviations: options.deviations ?? Number.POSITIVE_INFINITY
})

/**
 * Says what must hold after every step, until the Scope closes: an invariant.
 *
 * **Details**
 *
 * The check is run between two steps of the program, so it can only look at state: a `Ref`, `Ryker.ledger`,
 * `Actor.status`. One that waits fails the run, and so does one that fails. It must not change anything.
 *
 * Dies outside a program that {@link run} runs.
 *
 * **Example** (An invariant)
 *
 * ```ts
 * import { Effect, Ref } from "effect"
 * import { Explore } from "ryker/testing"
 *
 * const program = Effect.gen(function* () {
 *   const balance = yield* Ref.make(10)
 *   yield* Explore.always("the balance is not negative", Effect.map(Ref.get(balance), (n) => n >= 0))
 *   const withdraw = Effect.gen(function* () {
 *     const isEnough = (yield* Ref.get(balance)) >= 10
 *     yield* Effect.yieldNow
 *     if (isEnough) yield* Ref.update(balance, (n) => n - 10)
 *   })
 *   yield* Effect.all([withdraw, withdraw], { concurrency: 2 })
 * })
 *
 * const error = await Effect.runPromise(Effect.flip(Explore.run(program)))
 * console.log(error.message.split("\n")[0]) // => Always: "the balance is not negative" does not hold
 * ```
 *
 * @category checks
 * @since 0.1.0
 */
export const always = <E, R>(
  name: string,
  check: Effect.Effect<boolean, E, R>
): Effect.Effect<void, never, R | Scope.Scope> =>
  inRun("always", check, (controls, look) =>
    Effect.asVoid(
      Effect.acquireRelease(
        Effect.sync(() => controls.always({ name, look })),
        (forget) => Effect.sync(forget)
      )
    )
  )

/**
 * Waits until the check holds, and fails the run if it never will.
 *
 * **Details**
 *
 * It is looked at after every step, also when time has passed. It never will hold when nothing can run and nobody
 * sleeps; where somebody always sleeps, such as a timer that repeats, the run ends as a livelock. As with
 * {@link always}, the check can only look at state.
 *
 * Dies outside a program that {@link run} runs.
 *
 * **Example** (What must come about)
 *
 * ```ts
 * import { Effect, Ref } from "effect"
 * import { Explore } from "ryker/testing"
 *
 * const program = Effect.gen(function* () {
 *   const done = yield* Ref.make(false)
 *   yield* Effect.forkChild(Effect.delay(Ref.set(done, true), "1 hour"))
 *   yield* Explore.eventually("it is done", Ref.get(done))
 * })
 *
 * const report = await Effect.runPromise(Explore.run(program))
 * console.log(report.schedules) // => 200
 * ```
 *
 * @category checks
 * @since 0.1.0
 */
export const eventually = <E, R>(name: string, check: Effect.Effect<boolean, E, R>): Effect.Effect<void, never, R> =>
  inRun("eventually", check, (controls, look) => controls.eventually({ name, look }))

/**
 * What the processes of {@link linearizable} do.
 *
 * @category models
 * @since 0.1.0
 */
export interface Commands<Op, Result, A extends Result, E extends Result | History.SendError, R, R2>
  extends History.Options<Op, Result>, Linearizable.CheckOptions {
  /** What a process does next: drawn with Effect's `Random`, so that a seed gives the same. */
  readonly next: Effect.Effect<Op, never, R>
  /** Does it. */
  readonly run: (op: Op) => Effect.Effect<A, E, R2>
  /** How many processes there are: from 1 to 1,000. Default 3. */
  readonly processes?: number | undefined
  /** How many calls each makes, one after the other: from 1 to 1,000. Default 4. */
  readonly calls?: number | undefined
}

/**
 * What was answered cannot be explained by any order of the calls, or the search for one gave up. Its `message`
 * shows the calls.
 *
 * @category errors
 * @since 0.1.0
 */
export class LinearizableFailure extends Data.TaggedError("LinearizableFailure")<{
  readonly verdict: Linearizable.NotLinearizable<unknown, unknown> | Linearizable.GaveUp
  readonly explanation: string
}> {
  override get message(): string {
    return this.explanation
  }
}

/**
 * Lets several processes call something at the same time, and checks that their answers are such as they could have
 * had one after the other, by the model.
 *
 * **When to use**
 *
 * Use for an actor, or for several behind one interface, that is to behave like a simple value: a counter, a register,
 * a queue. The model is that value.
 *
 * **Details**
 *
 * - It is a program for {@link run}, which gives each run other orders and other commands. Build the Layers of
 *   what is called inside of it, or around it.
 * - A call that failed without having begun took no effect; one that may have begun may have taken effect or not. See
 *   `History.outcomeOf`.
 * - The search is that of Wing and Gong with Lowe's memory of what it has seen, see `Linearizable.check`. When it has looked
 *   at `maxStates` states it gives up, and that is a failure, too: nothing was shown.
 *
 * Fails with {@link LinearizableFailure}, and with `InvalidOption` when a number is out of its range.
 *
 * **Example** (A counter that reads, waits and writes)
 *
 * ```ts
 * import { Effect, Ref } from "effect"
 * import { Explore } from "ryker/testing"
 *
 * const program = Effect.gen(function* () {
 *   const ref = yield* Ref.make(0)
 *   const next = Effect.gen(function* () {
 *     const n = yield* Ref.get(ref)
 *     yield* Effect.yieldNow
 *     yield* Ref.set(ref, n + 1)
 *     return n + 1
 *   })
 *   const model = { initial: 0, step: (n: number) => ({ state: n + 1, result: n + 1 }) }
 *   yield* Explore.linearizable(model, { next: Effect.succeed("next"), run: () => next, processes: 2, calls: 1 })
 * })
 *
 * const error = await Effect.runPromise(Effect.flip(Explore.run(program)))
 * console.log(error.message.includes("Not linearizable")) // => true
 * ```
 *
 * @category checks
 * @since 0.1.0
 */
export const linearizable = <State, Op, Result, A extends Result, E extends Result | History.SendError, R, R2>(
  model: Linearizable.Model<State, Op, Result>,
  commands: Commands<Op, Result, A, E, R, R2>
): Effect.Effect<void, LinearizableFailure | InvalidOption, R | R2> =>
  Effect.gen(function* () {
    const { next, run } = commands
    const count = (option: string, value: number) => checkInt("Explore.linearizable", option, value, 1, 1_000)
    const processes = yield* count("processes", commands.processes ?? 3)
    const calls = yield* count("calls", commands.calls ?? 4)
    const history = yield* History.make<Op, Result>(commands)
    const call = (process: string) => Effect.flatMap(next, (op) => Effect.exit(history.record(process, op, run(op))))
    yield* Effect.forEach(
      Array.from({ length: processes }, (_, place) => `process ${place + 1}`),
      (process) => named(Effect.replicateEffect(call(process), calls, { discard: true }), process),
      { concurrency: "unbounded", discard: true }
    )
    const verdict = Linearizable.check(model, yield* history.calls, commands)
    if (verdict._tag === "Linearizable") return
    return yield* new LinearizableFailure({ verdict, explanation: Linearizable.format(verdict, model) })
  })

/**
 * Waits until nothing can run without time passing.
 *
 * Dies outside a program that {@link run} runs.
 *
 * @category checks
 * @since 0.1.0
 */
export const settled: Effect.Effect<void> = Effect.suspend(() =>
  inRun("settled", Effect.succeed(true), (controls) => controls.quiet)
)

/** Uses what the run has for its program. */
const inRun = <A, E, R, R2>(
  name: string,
  check: Effect.Effect<boolean, E, R>,
  use: (controls: Controls, look: () => Exit.Exit<boolean, E>) => Effect.Effect<A, never, R2>
): Effect.Effect<A, never, R | R2> =>
  Effect.contextWith((context: Context.Context<R>): Effect.Effect<A, never, R2> => {
    const controls = Context.get(context, CurrentControls)
    if (controls === undefined) {
      return Effect.die(new TypeError(`Explore.${name} is for programs that Explore.run runs`))
    }
    return use(controls, () => Effect.runSyncExitWith(context)(check))
  })

/**
 * Gives the fibers of the effect a name in traces. Without one they have numbers, and those of actors have the
 * actor's address.
 *
 * **Example** (Naming two senders)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Explore } from "ryker/testing"
 *
 * const bob = Effect.andThen(Effect.log("hello"), Effect.die("no"))
 * const program = Effect.all([Explore.named(Effect.yieldNow, "ada"), Explore.named(bob, "bob")], { concurrency: 2 })
 *
 * const error = await Effect.runPromise(Effect.flip(Explore.run(program)))
 * console.log(error.message.includes("bob")) // => true
 * ```
 *
 * @category traces
 * @since 0.1.0
 */
export const named: {
  (name: string): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  <A, E, R>(self: Effect.Effect<A, E, R>, name: string): Effect.Effect<A, E, R>
} = dual(2, <A, E, R>(self: Effect.Effect<A, E, R>, name: string): Effect.Effect<A, E, R> =>
  Effect.provideService(self, CurrentName, name)
)
