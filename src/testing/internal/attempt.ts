/** Running a program once under a schedule, and saying what went wrong in it. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import { imbalance } from "../../Ledger.ts"
import { CurrentObserver } from "../../internal/runtimeObserver.ts"
import { type Checks, Controls, CurrentControls } from "./controls.ts"
import { type Fork, type Observer, type Pause, Run, type RunOptions } from "./run.ts"
import type { Deviation } from "./schedule.ts"
import type { Chooser } from "./strategy.ts"
import { type Line, Trace } from "./trace.ts"

/** What can be wrong with a run. */
export type Fault = "Failure" | "Always" | "Eventually" | "Ledger" | "Deadlock" | "Livelock"

export interface Flaw {
  readonly fault: Fault
  /** For people: what happened, and where. */
  readonly detail: string
  /** What the program failed with, if it did. */
  readonly cause?: Cause.Cause<unknown> | undefined
}

/** What came of one run. */
export interface Attempt {
  /** Undefined when all went well. */
  readonly flaw: Flaw | undefined
  readonly deviations: ReadonlyArray<Deviation>
  readonly steps: number
  /** How many decisions there were. */
  readonly decisions: number
  readonly forks: ReadonlyArray<Fork>
  readonly lines: ReadonlyArray<Line>
}

export interface AttemptOptions extends RunOptions {
  readonly seed: number
  readonly chooser: Chooser
  /** Whether the books of every runtime must balance after each step. */
  readonly checksLedger: boolean
  /** Whether it is to be told what happened. */
  readonly isTold: boolean
}

/** Turns of the real event loop that a program gets which waits for something outside. */
const turnsForOutside = 100

/**
 * In most runs each send is followed by a choice, which is all that there can be between it and the handler. An ask
 * that is handled without a turn is one of those orders, but goes another way through the code: some runs have it.
 */
const handlesAtOnce = (seed: number): boolean => seed % 4 === 3

/** A seeded stream of random numbers. */
export const seeded = (seed: string): Random.Random =>
  Effect.runSync(Random.withSeed(Effect.service(Random.Random), seed))

/** What is current where the exploration runs, and must not be shared by its runs. */
const passing = [Layer.CurrentMemoMap, Scope.Scope, Tracer.ParentSpan] as const

/** Runs the program once. Never fails: what went wrong is in the result. */
export const attempt = (
  program: Effect.Effect<unknown, unknown, Scope.Scope>,
  surroundings: Context.Context<never>,
  options: AttemptOptions
): Effect.Effect<Attempt> =>
  Effect.gen(function* () {
    const controls: Controls = new Controls(() => run)
    const trace: Trace = new Trace(options.isTold, handlesAtOnce(options.seed), (turn) => run.distinguish(turn))
    let flaw: Flaw | undefined
    const observer: Observer = {
      onStep: (isTime, deviates) => trace.onStep(isTime, deviates),
      onFiber: (fiber) => trace.onFiber(fiber),
      onGivenWay: (fiber) => trace.onGivenWay(fiber),
      afterStep: () => {
        flaw = flawOf(controls, options.checksLedger ? trace : undefined)
        return flaw !== undefined
      }
    }
    const run: Run = new Run(options.chooser, observer, options)
    trace.begin(run.clock.currentTimeMillisUnsafe)
    const context = Context.omit(...passing)(surroundings).pipe(
      Context.add(Scheduler.Scheduler, run),
      Context.add(Clock.Clock, run.clock),
      Context.add(Random.Random, seeded(`${options.seed}`)),
      Context.add(Logger.CurrentLoggers, new Set([trace.logger])),
      Context.add(CurrentObserver, trace),
      Context.add(CurrentControls, controls)
    )
    // It begins in a step of its own, like everything that it does.
    const fiber = Effect.runForkWith(context)(Effect.andThen(Effect.yieldNow, Effect.scoped(program)))
    trace.isProgram(fiber)
    let pause = run.goOn(fiber)
    for (let turn = 0; pause === "Stuck" && turn < turnsForOutside; turn++) {
      if (controls.giveUp()) flaw = flawOf(controls, undefined)
      yield* Effect.yieldNow
      pause = flaw === undefined ? run.goOn(fiber) : "Broken"
    }
    const { decisions, deviations, forks = [], steps } = run
    const exit = fiber.pollUnsafe()
    if (exit !== undefined && Exit.isFailure(exit)) {
      flaw ??= { fault: "Failure", detail: Cause.pretty(exit.cause), cause: exit.cause }
    }
    flaw ??= flawOfPause(pause, trace, steps)
    const lines = trace.lines.slice()
    if (exit === undefined) run.windUp([fiber], options.maxSteps)
    return { flaw, deviations: deviations.slice(), decisions, forks: forks.slice(), steps, lines }
  })

const flawOf = (checks: Checks, trace: Trace | undefined): Flaw | undefined => {
  const broken = checks.broken()
  if (broken !== undefined) return broken
  for (const runtime of trace?.runtimes ?? []) {
    for (const entry of runtime.ledger) {
      const lost = imbalance(entry)
      if (lost === 0) continue
      const books = JSON.stringify(entry)
      return {
        fault: "Ledger",
        detail: `the books of "${entry.actor}" do not balance: ${lost} unaccounted for: ${books}`
      }
    }
  }
  return undefined
}

const flawOfPause = (pause: Pause, trace: Trace, steps: number): Flaw | undefined => {
  if (pause === "Stuck") {
    return {
      fault: "Deadlock",
      detail: ["nothing can run and nobody sleeps, but the program has not ended", ...outstanding(trace)].join("\n")
    }
  }
  if (pause === "Endless") {
    return {
      fault: "Livelock",
      detail: [`the program has not ended after ${steps} steps (maxSteps)`, ...outstanding(trace)].join("\n")
    }
  }
  return undefined
}

/** Who still has work, and what they do with it. */
const outstanding = ({ runtimes }: Trace): ReadonlyArray<string> =>
  runtimes.flatMap((runtime) =>
    Array.from(runtime.cells)
      .filter((cell) => !cell.isIdle || cell.suspended)
      .map((cell) => {
        const { address, depth, inHand, phase, suspended } = cell
        const hand = inHand === undefined ? "nothing" : inHand.spec.tag
        return `  ${address}: ${suspended ? "Suspended" : phase}, ${hand} in hand, ${depth} queued`
      })
  )
