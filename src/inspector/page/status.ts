/** What the statuses of actors mean to who reads them. */
import type { Actor, Status } from "../InspectorState.ts"

/** Reasons to have stopped that nobody chose. */
const failures: ReadonlySet<string> = new Set(["RapidFail", "Crashed"])

/** Whether it has ended, or is ending, because of a failure. */
export const hasFailed = (actor: Actor): boolean => actor.reason !== undefined && failures.has(actor.reason)

/** A status, or that it has ended because of a failure: what an operator tells apart at a glance. */
export type Tone = Status | "failed"

export const toneOf = (actor: Actor): Tone => (hasFailed(actor) ? "failed" : actor.status)

/** All of them, those that an operator should see first in front. */
export const tones: ReadonlyArray<Tone> = [
  "failed",
  "stuck",
  "backoff",
  "waiting",
  "closing",
  "stopping",
  "starting",
  "suspended",
  "stopped",
  "busy",
  "running"
]

/** The larger, the more it should be looked at. */
export const severityOf = (actor: Actor): number => tones.length - tones.indexOf(toneOf(actor))

/** Whether an operator should know of it even where it is folded away. */
export const isNotable = (tone: Tone): boolean => tone !== "running" && tone !== "busy" && tone !== "stopped"

/** The word that stands for its status. */
export const statusWord = (actor: Actor): string =>
  actor.reason === undefined ? actor.status : `${actor.status}: ${actor.reason}`

const reasons: Readonly<Record<NonNullable<Actor["reason"]>, string>> = {
  Stopped: "stopped on purpose",
  Draining: "the runtime drains",
  ScopeClosed: "the Layer or Scope that owns it was closed",
  RapidFail: "it crashed more often than its restart intensity allows",
  Crashed: "it crashed, and is not to be restarted",
  Normal: "it ended itself",
  SupervisorStopped: "its supervisor ended",
  Passivated: "idle for long enough",
  Closed: "closed",
  Ended: "ended"
}

const meanings: Readonly<Record<Status, string>> = {
  starting: "its build runs, or is about to",
  running: "up, with nothing in hand",
  busy: "has a message in hand",
  stuck: "has had the same message in hand for too long",
  suspended: "begins no message until it is resumed",
  closing: "an incarnation has ended, and its Scope is being closed",
  backoff: "waits for its next start",
  waiting: "waits until its supervisor lets it start with its group",
  stopping: "is to stop",
  stopped: "has stopped"
}

/** What its status means, in a few words. */
export const explain = (actor: Actor): string =>
  actor.reason === undefined ? meanings[actor.status] : `${meanings[actor.status]}: ${reasons[actor.reason]}`

/** How many actors have each, those to be seen first in front. */
export const countTones = (actors: ReadonlyArray<Actor>): ReadonlyArray<readonly [Tone, number]> => {
  const counts = new Map<Tone, number>()
  for (const actor of actors) counts.set(toneOf(actor), (counts.get(toneOf(actor)) ?? 0) + 1)
  return tones.map((tone) => [tone, counts.get(tone) ?? 0] as const)
}
