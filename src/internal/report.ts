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
  // Of a failure and a defect at once, the defect is what crashed it.
  const reason = cause.reasons.find(Cause.isDieReason) ?? cause.reasons.find(Cause.isFailReason)
  if (reason === undefined) return { defect: "interrupted", at: "" }
  const value = Cause.isDieReason(reason) ? reason.defect : reason.error
  try {
    return value instanceof Error
      ? { defect: tagOf(value), at: frameOf(value) }
      : { defect: value === null ? "null" : typeof value, at: "" }
  } catch {
    // A proxy, or a getter that throws: whatever it is, it must not stop the restart.
    return { defect: "unreadable", at: "" }
  }
}

const tagOf = (error: Error): string =>
  "_tag" in error && typeof error._tag === "string" ? error._tag : error.constructor.name

/**
 * The first stack frame.
 *
 * The stack begins with the message, and a message may hold lines that look like frames. So it is cut
 * behind its last occurrence; where the stack does not have it, nothing can be told apart.
 */
const frameOf = ({ message, stack }: Error): string => {
  if (stack === undefined || !stack.includes(message)) return ""
  const frames = stack.slice(message.includes("\n") ? stack.lastIndexOf(message) + message.length : 0)
  return (
    frames
      .split("\n")
      .slice(1)
      .find((line) => /^\s+at /.test(line))
      ?.trim() ?? ""
  )
}

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
