/** Events in words, and how much they matter. */
import type { RecordedEvent } from "../InspectorState.ts"
import { formatCounted, formatMillis } from "./format.ts"

type Event = RecordedEvent["event"]

/** The topics of all events, and that of dead letters: an `EventSource` gives only those that one has asked for by name. */
export const topics: ReadonlyArray<string> = [
  "actor.started",
  "actor.crashed",
  "actor.start_failed",
  "actor.restarting",
  "actor.stopped",
  "actor.suspended",
  "actor.resumed",
  "group.restarting",
  "supervisor.failed",
  "child.isolated",
  "supervisor.finished",
  "root.failed",
  "scope.slow_to_close",
  "scope.abandoned",
  "finalizer.failed",
  "config.applied",
  "config.refused",
  "drain.started",
  "drain.finished",
  "dead_letter"
]

/** As the log has it. */
export type Level = "error" | "warn" | "info" | "debug"

export const levels: ReadonlyArray<Level> = ["error", "warn", "info", "debug"]

const failures: ReadonlySet<string> = new Set(["RapidFail", "Crashed"])

/** How much an event matters: the level of its log line, less what depends on settings that the page does not know. */
export const levelOf = (event: Event): Level => {
  switch (event._tag) {
    case "ActorCrashed":
    case "ActorStartFailed":
    case "SupervisorFailed":
    case "RootFailed":
    case "FinalizerFailed":
    case "ConfigRefused":
      return "error"
    case "ActorStopped":
      return failures.has(event.reason) ? "error" : event.dropped > 0 ? "warn" : "debug"
    case "GroupRestarting":
    case "ChildIsolated":
    case "ScopeSlowToClose":
    case "ScopeAbandoned":
      return "warn"
    case "DrainFinished":
      return event.outcome === "incomplete" ? "warn" : "info"
    case "ActorStarted":
      return "debug"
    default:
      return "info"
  }
}

const thrown = (event: { readonly defect: string; readonly at: string }) =>
  // As a stack trace has it, it begins with `at`.
  event.at === "" ? event.defect : `${event.defect} at ${event.at.replace(/^at /, "")}`

/** What happened, in one line, less the time, the topic and the actor. */
export const textOf = (event: Event): string => {
  switch (event._tag) {
    case "ActorStarted":
      return `${event.kind === "actor" ? "" : `${event.kind}, `}incarnation ${event.incarnation}`
    case "ActorCrashed":
      return `incarnation ${event.incarnation}: ${thrown(event)}${event.correlation === undefined ? "" : `, for ${event.correlation}`}`
    case "ActorStartFailed":
    case "FinalizerFailed":
      return `incarnation ${event.incarnation}: ${thrown(event)}`
    case "ActorRestarting":
      return `incarnation ${event.incarnation} in ${formatMillis(event.delay)}`
    case "ActorStopped":
      return event.dropped > 0 ? `${event.reason}, ${formatCounted(event.dropped, "message")} dropped` : event.reason
    case "ActorSuspended":
      return "begins no message until it is resumed"
    case "ActorResumed":
      return "goes on"
    case "GroupRestarting":
      return `as ${event.child} failed, with it: ${event.group.filter((it) => it !== event.child).join(", ") || "nobody"}`
    case "SupervisorFailed":
      return `as ${event.child} has given up`
    case "ChildIsolated":
      return `goes on without ${event.child}, which has given up`
    case "SupervisorFinished":
      return `as ${event.child} has ended`
    case "RootFailed":
      return "has given up: the application should end"
    case "ScopeSlowToClose":
      return `incarnation ${event.incarnation}, for ${formatMillis(event.waited)} so far`
    case "ScopeAbandoned":
      return `incarnation ${event.incarnation}: not closed at the deadline`
    case "ConfigApplied":
      return `version ${event.version} from ${event.source}: ${event.diff.map(({ from, key, to }) => `${key} ${from} → ${to}`).join(", ") || "no difference"}`
    case "ConfigRefused":
      return `from ${event.source}: ${formatCounted(event.problems, "problem")}; version ${event.version} still holds`
    case "DrainStarted":
      return event.limit === undefined ? "without a limit" : `within ${formatMillis(event.limit)}`
    case "DrainFinished":
      return `${event.outcome} after ${formatMillis(event.elapsed)}: handled ${event.handled}, failed ${event.failed}, dropped ${event.dropped}, abandoned ${event.abandoned}`
  }
}
