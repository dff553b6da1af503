/**
 * The runtime of actors for tests: virtual time, seeded random numbers, all that happens recorded, and books that must
 * balance at the end.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Tracer from "effect/Tracer"
import type * as Actor from "../Actor.ts"
import type { DeadLetter } from "../DeadLetter.ts"
import { Counters } from "../internal/counters.ts"
import { implOf } from "../internal/handle.ts"
import { CurrentInstrument } from "../internal/instrument.ts"
import type * as Ledger from "../Ledger.ts"
import * as Ryker from "../Ryker.ts"
import type { InvalidConfig, InvalidOption } from "../RykerError.ts"
import type { RykerEvent } from "../RykerEvent.ts"
import type { Fault } from "./Fault.ts"
import type { Injected as InternalInjected } from "./internal/armedFaults.ts"
import { CurrentControls } from "./internal/controls.ts"
import { liveClock, untilQuiet } from "./internal/quiet.ts"
import { type LogLine as InternalLogLine, Recorder } from "./internal/recorder.ts"
import { makeService, recorderOf, TestRyker } from "./internal/service.ts"
import { type FailOn as InternalFailOn, findImbalance, findProblems, showRun } from "./internal/verdict.ts"
import { TestFailure } from "./TestFailure.ts"

export {
  /**
   * What a test reads of the runtime.
   *
   * **Details**
   *
   * Whatever is in this module needs it, so that the compiler keeps it out of production code.
   *
   * @category services
   * @since 0.1.0
   */
  TestRyker
} from "./internal/service.ts"

/**
 * What a test can be made to fail for when it ends.
 *
 * **Details**
 *
 * | what | it fails if |
 * | --- | --- |
 * | `"crash"` | an actor crashed, or a start failed, other than by a `Fault` |
 * | `"dead_letter"` | a message was accepted and dropped after the test last read {@link deadLetters} |
 * | `"unfinished"` | a message was still queued or in hand at the end, and could not be done without virtual time passing |
 * | `"unused_fault"` | a planned fault has not happened; a storm promises none |
 *
 * @category models
 * @since 0.1.0
 */
export type FailOn = InternalFailOn

/**
 * Options of {@link layer}: those of `Ryker.layerWith`, and what is for tests alone.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Ryker.Options {
  /**
   * Settings as an operator would give them, such as `{ RYKER_DEFAULT_DEADLINE: "250ms" }`: the runtime is then that of
   * `Ryker.layerConfig`. The environment of the process is not read.
   */
  readonly environment?: Readonly<Record<string, string>> | undefined
  /** What all random numbers are made from, those of backoff among them. Default `"ryker"`, unless the test has seeded them already. */
  readonly seed?: string | number | undefined
  /** Faults to inject. Default: none. */
  readonly faults?: ReadonlyArray<Fault> | undefined
  /** Whether a test fails that loses a message. Default true. */
  readonly checkLedger?: boolean | undefined
  /** What else it fails for when it ends. Default: nothing. */
  readonly failOn?: ReadonlyArray<FailOn> | undefined
  /** Where the report of a test that failed goes. Default: standard error. */
  readonly print?: ((report: string) => void) | undefined
}

/**
 * One line of the log.
 *
 * @category models
 * @since 0.1.0
 */
export interface LogLine extends InternalLogLine {}

/**
 * A fault that happened.
 *
 * @category models
 * @since 0.1.0
 */
export interface Injected extends InternalInjected {}

/**
 * The runtime for a test.
 *
 * **When to use**
 *
 * In place of `Ryker.layer`, inside the test: `it.effect("...", () => test.pipe(Effect.provide(AccountLayer),
 * Effect.provide(TestRyker.layer())))`.
 *
 * **Details**
 *
 * - Time is that of the `TestClock` that is current, as in `it.effect`; where the clock is the live one, it brings one.
 * - Random numbers come from `seed`: backoff with jitter is the same in each run.
 * - Log lines, spans and metrics go to where {@link logs}, {@link spans} and {@link metrics} have them. Effect's default logger is left
 *   out, so that the test's output stays clean; other loggers, and the tracer, that were current get theirs all the same.
 * - When a Layer or Scope of an actor closes, work in hand and queued goes on as in production for as long as it does so without
 *   time passing, and real I/O for about 20 ms. What is left is ended as at a deadline. So a test never hangs for a message that is
 *   left over, and never waits for the clock.
 * - At the end every accepted message must be accounted for, see `Ledger`; otherwise the test fails with a {@link TestFailure.TestFailure}
 *   as a defect, and the ledger printed. That is also so where the test catches its own failures, as the Layer closes after them.
 * - A message that is dropped is accounted for: it is a dead letter. `failOn` makes the test fail for it, and for more.
 * - If the test itself fails, its failure stays as it is, and a report goes to `print`: the seed, the ledger, injected
 *   faults and the last events.
 *
 * **Gotchas**
 *
 * That also goes for a Scope that a test closes in the middle, beside itself: if for 256 rounds of the event loop and 20 ms it neither
 * moves the clock nor sends anything, the close is cut short.
 *
 * Fails with `InvalidOption` as `Ryker.layerWith` does, and with `InvalidConfig` for what `environment` has.
 *
 * **Example** (A restart in virtual time)
 *
 * ```ts
 * import { Effect, Fiber, Schema } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { TestClock } from "effect/testing"
 * import { Actor } from "ryker"
 * import { TestRyker } from "ryker/testing"
 *
 * class Counter extends Actor.Service<Counter>()("Counter", [
 *   Rpc.make("Next", { success: Schema.Int }),
 *   Rpc.make("Crash")
 * ]) {}
 *
 * const CounterLayer = Counter.toLayer(Effect.sync(() => {
 *   let n = 0
 *   return Counter.of({ Next: () => Effect.sync(() => ++n), Crash: () => Effect.die("on purpose") })
 * }))
 *
 * const test = Effect.gen(function*() {
 *   const counter = yield* Counter
 *   yield* Effect.flip(counter.ask.Crash())
 *   const next = yield* Effect.forkChild(counter.ask.Next())
 *   yield* TestClock.adjust("300 millis")
 *   console.log(yield* Fiber.join(next)) // => 1
 *   const events = yield* TestRyker.events
 *   console.log(events.map(({ _tag }) => _tag).join(" "))
 *   // => ConfigApplied ActorStarted ActorCrashed ActorRestarting ActorStarted
 * })
 *
 * await Effect.runPromise(test.pipe(Effect.provide(CounterLayer), Effect.provide(TestRyker.layer())))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Ryker.Ryker | TestRyker, InvalidOption | InvalidConfig> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const { environment, faults = [] } = options
      const outerRandom = yield* Random.Random
      // Who has replaced the random numbers already, has seeded them.
      const seed = options.seed ?? (outerRandom === liveRandom ? "ryker" : undefined)
      const recorder = new Recorder(faults)
      const scope = yield* Effect.scope
      // Before the runtime is built, so that it runs when that is closed.
      yield* Scope.addFinalizerExit(scope, (exit) => judge(recorder, options, seed, exit))
      const tracer = recorder.tracer(yield* Tracer.Tracer)
      const random = seed === undefined ? outerRandom : yield* Random.withSeed(Effect.service(Random.Random), seed)
      const loggers = new Set(yield* Logger.CurrentLoggers)
      // A test's output is not the place for what is recorded; whoever provides a logger wants the lines all the same.
      loggers.delete(Logger.defaultLogger)
      let surroundings: Context.Context<never> = Context.make(Random.Random, random).pipe(
        Context.add(Tracer.Tracer, tracer),
        Context.add(Metric.MetricRegistry, new Map()),
        Context.add(Logger.CurrentLoggers, loggers.add(recorder.logger))
      )
      if ((yield* Clock.Clock) === liveClock) {
        surroundings = Context.merge(surroundings, yield* Layer.build(TestClock.layer()))
      }
      const runtime =
        environment === undefined
          ? Ryker.layerWith(options)
          : Layer.provide(
              Ryker.layerConfig(options),
              ConfigProvider.layer(ConfigProvider.fromEnv({ env: { ...environment } }))
            )
      const built = yield* Layer.build(runtime).pipe(
        Effect.provideContext(Context.add(surroundings, CurrentInstrument, recorder))
      )
      return Context.merge(surroundings, built).pipe(Context.add(TestRyker, makeService(recorder)))
    })
  )

/** The random numbers that nobody has replaced. */
const liveRandom = Context.get(Context.empty(), Random.Random)

/** Fails the test for what it finds, if the test has not failed already; then it only says what it has seen. */
const judge = (
  recorder: Recorder,
  { checkLedger = true, failOn = [], print = printError }: Options,
  seed: string | number | undefined,
  exit: Exit.Exit<unknown, unknown>
): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (!recorder.hasRuntime) return Effect.void
    const report = showRun(recorder, seed)
    const imbalance = checkLedger ? findImbalance(recorder.runtime.ledger) : undefined
    const problems = Exit.isSuccess(exit) ? findProblems(recorder, failOn) : []
    const found = [...(imbalance === undefined ? [] : [imbalance]), ...problems]
    if (found.length > 0) {
      const kind = imbalance === undefined ? "failOn" : "ledger"
      return Effect.die(new TestFailure({ kind, message: [...found, report].join("\n") }))
    }
    if (Exit.isSuccess(exit)) return Effect.void
    return Effect.map(CurrentControls, (controls) => {
      // Of a program that is explored, the failure tells more, once, and not for each run that fails.
      if (controls === undefined) print(`The test failed under TestRyker.\n${report}`)
    })
  })

/** The console that no test has replaced: the report is for whoever reads the test's output. */
const printError = (report: string): void => Context.get(Context.empty(), Console.Console).error(report)

const recorded: Effect.Effect<Recorder, never, TestRyker> = Effect.map(TestRyker, recorderOf)

/**
 * All events so far, the first being `ConfigApplied`; none is ever missed.
 *
 * @see {@link layer} for an example
 *
 * @category getters
 * @since 0.1.0
 */
export const events: Effect.Effect<ReadonlyArray<RykerEvent>, never, TestRyker> = Effect.map(recorded, ({ events }) =>
  Array.from(events)
)

/**
 * All dead letters so far. With `failOn: ["dead_letter"]` the test has seen these, and does not fail for them.
 *
 * @see {@link layer} for an example
 *
 * @category getters
 * @since 0.1.0
 */
export const deadLetters: Effect.Effect<ReadonlyArray<DeadLetter>, never, TestRyker> = Effect.map(
  recorded,
  (recorder) => {
    recorder.deadLettersRead = recorder.deadLetters.length
    return Array.from(recorder.deadLetters)
  }
)

/**
 * All log lines so far, ryker's and the program's own, from the minimum log level on (`References.MinimumLogLevel`, by default
 * `"Info"`).
 *
 * **Example** (The lines of a crash)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor } from "ryker"
 * import { TestRyker } from "ryker/testing"
 *
 * class Fragile extends Actor.Service<Fragile>()("Fragile", [Rpc.make("Break")]) {}
 *
 * const test = Effect.gen(function*() {
 *   const fragile = yield* Fragile
 *   yield* Effect.flip(fragile.ask.Break())
 *   yield* TestRyker.settle
 *   for (const { level, message } of yield* TestRyker.logs) console.log(level, message)
 *   // => Error Fragile: actor_crashed
 *   // => Info Fragile: actor_restarting
 * })
 *
 * await Effect.runPromise(test.pipe(
 *   Effect.provide(Fragile.toLayer({ Break: () => Effect.die("broken") })),
 *   Effect.provide(TestRyker.layer())
 * ))
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const logs: Effect.Effect<ReadonlyArray<LogLine>, never, TestRyker> = Effect.map(recorded, ({ logs }) =>
  Array.from(logs)
)

/**
 * All spans so far, in the order of their start, those in progress among them.
 *
 * @see {@link logs} for the like of it with log lines
 *
 * @category getters
 * @since 0.1.0
 */
export const spans: Effect.Effect<ReadonlyArray<Tracer.Span>, never, TestRyker> = Effect.map(recorded, ({ spans }) =>
  Array.from(spans)
)

/**
 * What the metrics of this test have now; those of other tests are not among them.
 *
 * @see {@link logs} for the like of it with log lines
 *
 * @category getters
 * @since 0.1.0
 */
export const metrics: Effect.Effect<ReadonlyArray<Metric.Metric.Snapshot>, never, TestRyker> = Effect.map(
  recorded,
  ({ runtime }) => Metric.snapshotUnsafe(runtime.context)
)

/**
 * What became of the messages of one definition so far; all zeros if it had none.
 *
 * **Example** (Counting what was handled)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor } from "ryker"
 * import { TestRyker } from "ryker/testing"
 *
 * class Echo extends Actor.Service<Echo>()("Echo", [Rpc.make("Ping")]) {}
 *
 * const test = Effect.gen(function*() {
 *   const echo = yield* Echo
 *   yield* echo.ask.Ping()
 *   const { accepted, handled } = yield* TestRyker.ledger(Echo)
 *   console.log(accepted, handled) // => 1 1
 * })
 *
 * await Effect.runPromise(test.pipe(
 *   Effect.provide(Echo.toLayer({ Ping: () => Effect.void })),
 *   Effect.provide(TestRyker.layer())
 * ))
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const ledger = (definition: { readonly actor: string }): Effect.Effect<Ledger.Entry, never, TestRyker> =>
  Effect.map(
    recorded,
    ({ runtime }) => runtime.groups.get(definition.actor)?.entry() ?? new Counters().entry(definition.actor, 0, 0)
  )

/**
 * The faults that have happened so far.
 *
 * @see `Fault.crashOn` for an example
 *
 * @category getters
 * @since 0.1.0
 */
export const injected: Effect.Effect<ReadonlyArray<Injected>, never, TestRyker> = Effect.map(recorded, ({ faults }) =>
  Array.from(faults.injected)
)

/**
 * Lets all happen that can without virtual time passing.
 *
 * **Details**
 *
 * It returns when nothing has happened for 64 rounds of the event loop, at the latest after 2,000 rounds. What waits for real I/O is not waited for.
 *
 * @see {@link logs} for an example
 *
 * @category combinators
 * @since 0.1.0
 */
export const settle: Effect.Effect<void, never, TestRyker> = Effect.flatMap(recorded, (recorder) =>
  Effect.asVoid(
    untilQuiet(
      () => recorder.progress,
      () => false,
      { rounds: 64, millis: 0 }
    )
  )
)

/**
 * The state of an actor, as it is now, that its `build` shows with `Actor.inspectable`.
 *
 * **Details**
 *
 * Nothing knows the type of the state but `build`, so it is `unknown`: compare it whole, or decode it with
 * `Schema.decodeUnknownEffect`. It is also read while a handler is at work, in the middle of whatever that does.
 *
 * Fails with a {@link TestFailure.TestFailure} if the actor has no incarnation now, if its `build` has not called `Actor.inspectable`, and for
 * the handle of a pool, which has a state for each member.
 *
 * @see `Actor.inspectable` for an example
 *
 * @category getters
 * @since 0.1.0
 */
export const inspect = (handle: Actor.Any): Effect.Effect<unknown, TestFailure, TestRyker> =>
  Effect.flatMap(TestRyker, () => {
    const cells = implOf(handle).target.cells()
    const [cell] = cells
    const fail = (why: string) =>
      Effect.fail(new TestFailure({ kind: "inspect", message: `"${handle.address}" cannot be inspected: ${why}` }))
    if (cells.length > 1) return fail("it is a pool, and each member has a state of its own")
    if (cell?.present === undefined)
      return fail("it has no incarnation now: it has ended, restarts, or is not resident")
    const { read } = cell.present
    if (read === undefined) return fail("its build does not call Actor.inspectable(() => state)")
    return Effect.sync(read)
  })
