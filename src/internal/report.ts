/**
 * The log lines of an actor's life: one for each event, structured, never a payload.
 *
 * A defect is reported by its class and its place. Its message is withheld, as messages like to quote
 * what they were given.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as LogLevel from "effect/LogLevel"

/** What kind of thing went wrong, and where in the code, without a value. */
export const describeCause = (cause: Cause.Cause<unknown>): { readonly defect: string; readonly at: string } => {
  for (const reason of cause.reasons) {
    if (Cause.isInterruptReason(reason)) continue
    const value = Cause.isDieReason(reason) ? reason.defect : reason.error
    return value instanceof Error
      ? { defect: tagOf(value), at: frameOf(value) }
      : { defect: value === null ? "null" : typeof value, at: "" }
  }
  return { defect: "interrupted", at: "" }
}

const tagOf = (error: Error): string =>
  "_tag" in error && typeof error._tag === "string" ? error._tag : error.constructor.name

/** The first stack frame, without the lines above it, which hold the message. */
const frameOf = (error: Error): string =>
  error.stack
    ?.split("\n")
    .find((line) => /^\s+at /.test(line))
    ?.trim() ?? ""

/** Logs one event of an actor. A logger that throws must not take the actor's life with it. */
export const logEvent = (
  level: LogLevel.Severity,
  event: string,
  actor: string,
  fields: Readonly<Record<string, unknown>> = {}
): Effect.Effect<void> =>
  Effect.logWithLevel(level)(`${actor}: ${event}`).pipe(
    Effect.annotateLogs({ lib: "ryker", event, actor, ...fields }),
    Effect.catchCause(() => Effect.void)
  )

/** Logs a crash or a failed start. */
export const logCrash = (
  event: "actor_crashed" | "actor_start_failed",
  actor: string,
  incarnation: number,
  cause: Cause.Cause<unknown>
): Effect.Effect<void> => logEvent("Error", event, actor, { incarnation, ...describeCause(cause) })
