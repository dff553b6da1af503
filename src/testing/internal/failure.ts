/** The error that an exploration fails with. */
import * as Data from "effect/Data"
import type { Fault } from "./attempt.ts"

/** A run went wrong: see `Explore`, which exports it. */
export class ExploreFailure extends Data.TaggedError("ExploreFailure")<{
  readonly fault: Fault
  /** What happened, and where. */
  readonly detail: string
  /** The schedule, for `replay`. */
  readonly schedule: string
  /** Which run it was, counted from 1. */
  readonly run: number
  /** How many decisions of the schedule differ from what happens by itself. */
  readonly deviations: number
  /** How many did before it was made simpler. */
  readonly deviationsBefore: number
  /** What happened in the run: the last 200 lines. */
  readonly trace: string
  /** How to run the schedule alone. */
  readonly hint: string
  /** The error or defect of the program, or of a check, if it was one. */
  readonly cause?: unknown
}> {
  override get message(): string {
    const { detail, deviations, deviationsBefore, fault, hint, run, trace } = this
    return [
      `${fault}: ${detail}`,
      "",
      `Run ${run}. ${deviations} of its ${deviationsBefore} deviations are enough; each is marked with *:`,
      "",
      trace,
      "",
      `To see it again: ${hint}`
    ].join("\n")
  }
}
