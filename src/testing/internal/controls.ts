/** What a program that is explored says of itself: what must always hold, and what must come about. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Flaw } from "./attempt.ts"
import type { Run } from "./run.ts"

/** Something that is looked at after each step. */
interface Watch {
  readonly name: string
  /** Whether it holds now, or what looking at it failed with. */
  readonly look: () => Exit.Exit<boolean, unknown>
}

interface Expectation extends Watch {
  readonly resume: (effect: Effect.Effect<void>) => void
}

/** Says what is broken, if anything is. */
export interface Checks {
  readonly broken: () => Flaw | undefined
}

export class Controls implements Checks {
  private readonly invariants = new Set<Watch>()
  private readonly expectations = new Set<Expectation>()
  private readonly runOf: () => Run
  private flaw: Flaw | undefined = undefined

  constructor(runOf: () => Run) {
    this.runOf = runOf
  }

  broken(): Flaw | undefined {
    for (const { look, name } of this.invariants) {
      const exit = look()
      if (Exit.isSuccess(exit) && exit.value) continue
      const detail = `"${name}" does not hold`
      this.flaw ??= {
        fault: "Always",
        detail: Exit.isSuccess(exit) ? detail : `${detail}: ${explain(exit.cause)}`,
        cause: Exit.isSuccess(exit) ? undefined : exit.cause
      }
    }
    for (const expectation of this.expectations) {
      const exit = expectation.look()
      if (Exit.isFailure(exit)) {
        const { name } = expectation
        this.flaw ??= { fault: "Eventually", detail: `"${name}" failed: ${explain(exit.cause)}`, cause: exit.cause }
      } else if (exit.value) {
        this.expectations.delete(expectation)
        expectation.resume(Effect.void)
      }
    }
    return this.flaw
  }

  /** Nothing can change any more: what was still expected never comes. True when anything was. */
  giveUp(): boolean {
    const [first] = this.expectations
    if (first === undefined) return false
    this.flaw ??= { fault: "Eventually", detail: `"${first.name}" does not hold, and nothing can change any more` }
    return true
  }

  always(watch: Watch): () => void {
    this.invariants.add(watch)
    return () => this.invariants.delete(watch)
  }

  eventually(watch: Watch): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const expectation = { ...watch, resume }
      this.expectations.add(expectation)
      return Effect.sync(() => this.expectations.delete(expectation))
    })
  }

  /** Waits until nothing can run without time passing. */
  readonly quiet: Effect.Effect<void> = Effect.callback<void>((resume) => {
    this.runOf().onQuiet(() => resume(Effect.void))
  })
}

/** A check that waits cannot be looked at between two steps. */
const explain = (cause: Cause.Cause<unknown>): string =>
  cause.reasons.some((reason) => Cause.isDieReason(reason) && Cause.isAsyncFiberError(reason.defect))
    ? "it waits for something, which a check cannot: look at state only"
    : Cause.pretty(cause)

/** The run that the current fiber belongs to. */
export const CurrentControls = Context.Reference<Controls | undefined>("ryker/testing/CurrentControls", {
  defaultValue: () => undefined
})
