/** What `ryker tail` prints of an event: a line for people, or one for machines. */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as InspectorState from "../inspector/InspectorState.ts"
import { RykerEvent } from "../RykerEvent.ts"
import type { Message } from "./host.ts"
import type { Paint } from "./render.ts"
import { escape, escapeJson, fit } from "./text.ts"
import { millis } from "./topView.ts"

export const deadLetter = "dead_letter"

/** What is told of the stream itself. */
export const missed = "missed"

/** All topics of events that this version knows. */
export const topics: ReadonlyArray<string> = [
  ...RykerEvent.members.map((member) => InspectorState.topicOf(member.fields._tag.schema.literal)),
  deadLetter
]

/** Whether a pattern such as `config.*` is about this topic. */
export const isAbout = (pattern: string, topic: string): boolean =>
  pattern.endsWith(".*") ? topic.startsWith(pattern.slice(0, -1)) : pattern === topic

/** The event as the host has sent it, on one line. */
export const jsonLine = ({ data }: Message): string => escapeJson(JSON.stringify(data))

const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`

const by = (correlation: string | undefined): string =>
  correlation === undefined ? "" : `, correlation ${correlation}`

/** The place is a line of a stack trace, "at" and all; it may be empty. */
const placed = ({ at, defect }: { readonly at: string; readonly defect: string }): string => `${defect} ${at}`.trimEnd()

/** What is special about an event; its time, topic and actor have columns of their own. */
const detailsOf = (event: RykerEvent): string => {
  switch (event._tag) {
    case "ActorStarted":
      return `${event.kind}, incarnation ${event.incarnation}`
    case "ActorCrashed":
      return `incarnation ${event.incarnation}, ${placed(event)}${by(event.correlation)}`
    case "ActorStartFailed":
    case "FinalizerFailed":
      return `incarnation ${event.incarnation}, ${placed(event)}`
    case "ActorRestarting":
      return `incarnation ${event.incarnation} in ${millis(event.delay)}`
    case "ActorStopped":
      return `${event.kind}, incarnation ${event.incarnation}, ${event.reason}, ${count(event.dropped, "message")} dropped`
    case "ActorSuspended":
    case "ActorResumed":
    case "RootFailed":
      return ""
    case "GroupRestarting":
      return `${event.child} failed, with it restart ${event.group.join(", ")}`
    case "SupervisorFailed":
      return `${event.child} has given up, incarnation ${event.incarnation}`
    case "ChildIsolated":
      return `${event.child} has given up, and is left out`
    case "SupervisorFinished":
      return `${event.child} has ended`
    case "ScopeSlowToClose":
      return `incarnation ${event.incarnation}, for ${millis(event.waited)}`
    case "ScopeAbandoned":
      return `incarnation ${event.incarnation}`
    case "ConfigApplied": {
      const changes = event.diff.map((change) => `${change.key} ${change.from} -> ${change.to} (${change.class})`)
      return `version ${event.version} from ${event.source}: ${changes.length === 0 ? "nothing differs" : changes.join(", ")}`
    }
    case "ConfigRefused":
      return `${count(event.problems, "problem")} in ${event.source}, version ${event.version} still holds`
    case "DrainStarted":
      return event.limit === undefined ? "no limit" : `limit ${millis(event.limit)}`
    case "DrainFinished": {
      const { abandoned, dropped, elapsed, failed, handled, outcome } = event
      return `${outcome} after ${millis(elapsed)}, handled ${handled}, failed ${failed}, dropped ${dropped}, abandoned ${abandoned}`
    }
  }
}

const lettersOf = ({ age, correlation, kind, reason, request }: InspectorState.RecordedLetter["letter"]): string =>
  `${request}, ${kind}, ${reason}, ${millis(age)} old${by(correlation)}`

const isEvent = Schema.decodeUnknownOption(InspectorState.RecordedEvent)
const isLetter = Schema.decodeUnknownOption(InspectorState.RecordedLetter)

/** Of an event that this version does not know: its fields as they are. */
const others = (data: Schema.Json) => {
  const whole: unknown = data
  const event = Predicate.isObject(whole) && "event" in whole ? whole["event"] : whole
  if (!Predicate.isObject(event)) return { time: undefined, actor: "", details: JSON.stringify(data) }
  const { _tag, actor, time, ...rest } = event as Readonly<Record<string, unknown>>
  return {
    time: typeof time === "number" ? time : undefined,
    actor: typeof actor === "string" ? actor : "",
    details: JSON.stringify(rest)
  }
}

interface Told {
  readonly time: number | undefined
  readonly actor: string
  readonly details: string
}

const toldOf = ({ data, topic }: Message): Told => {
  if (topic === deadLetter) {
    const found = isLetter(data)
    if (Option.isSome(found)) {
      const { letter, time } = found.value
      return { time, actor: letter.actor, details: lettersOf(letter) }
    }
  }
  const found = isEvent(data)
  if (Option.isNone(found)) return others(data)
  const { event } = found.value
  return { time: event.time, actor: event.actor, details: detailsOf(event) }
}

/** Sortable, and the same everywhere. */
const timeOf = (time: number | undefined): string => {
  const date = new Date(time ?? Number.NaN)
  return Number.isNaN(date.getTime()) ? "-".padEnd(24) : date.toISOString()
}

const topicWidth = Math.max(...topics.map((topic) => topic.length))
/** A longer address is written in full, and only its line is out of step. */
const actorWidth = 20

const urgent = /^(actor\.crashed|actor\.start_failed|supervisor\.failed|root\.failed|config\.refused|dead_letter)$/

export const textLine = (message: Message, paint: Paint): string => {
  const { actor, details, time } = toldOf(message)
  const topic = fit(escape(message.topic), topicWidth)
  const painted = urgent.test(message.topic) ? paint(topic, "red") : paint(topic, "cyan")
  const address = escape(actor).padEnd(actorWidth)
  return `${paint(timeOf(time), "dim")}  ${painted}  ${address}  ${escape(details)}`.trimEnd()
}

/** How many events, of any topic, the host did not remember until they could be sent, if that is what it tells. */
export const missedOf = ({ data, topic }: Message): number | undefined => {
  if (topic !== missed || !Predicate.isObject(data)) return undefined
  const { missed: lost } = data as Readonly<Record<string, unknown>>
  return typeof lost === "number" ? lost : undefined
}
