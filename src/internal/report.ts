/**
 * Reporting events: each goes to the stream of events and is one structured log line, never with a payload.
 *
 * A defect is reported by its class and its place. Its message is withheld, as messages like to quote
 * what they were given.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as LogLevel from "effect/LogLevel"
import * as References from "effect/References"
import type { RykerEvent } from "../RykerEvent.ts"
import type { ActorCell } from "./actorCell.ts"
import { correlationOf } from "./envelope.ts"
import type { Runtime } from "./runtime.ts"
import type { OwnLogLevel } from "./settings.ts"

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

/** That a message, or a turn of its own, has crashed the actor. */
export const crashed = (cell: ActorCell, cause: Cause.Cause<unknown>): NewEvent => {
  const { address: actor, crashedBy, incarnation } = cell
  const correlation = crashedBy === undefined ? undefined : correlationOf(crashedBy)
  const event = { _tag: "ActorCrashed", actor, incarnation, ...describeCause(cause) } as const
  return correlation === undefined ? event : { ...event, correlation }
}

/** An event as its place in the code gives it. */
type Unstamped<E> = E extends unknown ? Omit<E, "time"> : never

/** An event before it is published. */
export type NewEvent = Unstamped<RykerEvent>

/** Publishes the event and logs it, at its own level or at the one given. */
export const emit = (
  runtime: Runtime,
  event: NewEvent,
  level: LogLevel.Severity = levelOf(event)
): Effect.Effect<void> =>
  Effect.suspend(() => {
    runtime.observer?.happened(event)
    if (runtime.events.isWanted) runtime.events.publish({ ...event, time: runtime.wallClock() })
    return log(runtime.settings.observability.logLevel, level, () => describe(event))
  })

/** A line of the log: its text, and what it is annotated with besides `lib`. */
export interface Line {
  readonly text: string
  readonly annotations: Readonly<Record<string, unknown>> & { readonly event: string; readonly actor: string }
}

/**
 * Writes a line of ryker's own.
 *
 * `minimum` is what the settings say of ryker's lines; what they leave open, the program's own minimum decides. A
 * logger that throws must not take the actor's life with it.
 */
export const log = (minimum: OwnLogLevel, level: LogLevel.Severity, line: () => Line): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    const least = minimum === "inherit" ? fiber.getRef(References.MinimumLogLevel) : effectLevels[minimum]
    // A hundred thousand actors that come and go are two lines each that mostly nobody wants.
    if (!LogLevel.isGreaterThanOrEqualTo(level, least)) return Effect.void
    const { annotations, text } = line()
    return Effect.logWithLevel(level)(text).pipe(
      Effect.annotateLogs({ lib: "ryker", ...annotations }),
      Effect.provideService(References.MinimumLogLevel, least),
      Effect.catchCause(() => Effect.void)
    )
  })

const effectLevels = {
  off: "None",
  fatal: "Fatal",
  error: "Error",
  warn: "Warn",
  info: "Info",
  debug: "Debug",
  trace: "Trace"
} as const satisfies Record<Exclude<OwnLogLevel, "inherit">, LogLevel.LogLevel>

const levelOf = (event: NewEvent): LogLevel.Severity => {
  switch (event._tag) {
    case "ActorStarted":
      return "Debug"
    case "ActorStopped":
      if (event.reason === "RapidFail" || event.reason === "Crashed") return "Error"
      return event.dropped > 0 ? "Warn" : "Debug"
    case "ActorCrashed":
    case "ActorStartFailed":
    case "SupervisorFailed":
    case "FinalizerFailed":
    case "ConfigRefused":
      return "Error"
    case "GroupRestarting":
    case "ChildIsolated":
    case "ScopeSlowToClose":
    case "ScopeAbandoned":
      return "Warn"
    case "RootFailed":
      return "Fatal"
    case "ConfigApplied":
      return event.version === 1 && event.diff.length === 0 ? "Debug" : "Info"
    case "DrainFinished":
      return event.outcome === "complete" ? "Info" : "Warn"
    case "ActorRestarting":
    case "ActorSuspended":
    case "ActorResumed":
    case "SupervisorFinished":
    case "DrainStarted":
      return "Info"
  }
}

/** Fields that are durations carry their unit in the log. */
const durations: ReadonlyArray<string> = ["delay", "waited", "elapsed", "limit"]

const describe = ({ _tag, actor, ...fields }: NewEvent): Line => {
  const event = _tag.replace(/(?!^)[A-Z]/g, "_$&").toLowerCase()
  const annotations: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) {
    if (durations.includes(name)) annotations[`${name}_ms`] = Math.round(Number(value))
    else annotations[name === "correlation" ? "corr_id" : name] = value
  }
  return { text: `${actor}: ${event}`, annotations: { event, actor, ...annotations } }
}

/** What is told of the settings in words, besides the events. */
export const logSettings = (
  minimum: OwnLogLevel,
  level: LogLevel.Severity,
  event: "config_problem" | "config_deprecated",
  text: string
): Effect.Effect<void> => log(minimum, level, () => ({ text, annotations: { event, actor: "ryker" } }))
