/** What the end of a test finds: in words, for whoever has to mend it. */
import type { DeadLetter } from "../../DeadLetter.ts"
import * as Ledger from "../../Ledger.ts"
import type { RykerEvent } from "../../RykerEvent.ts"
import { type Injected, injectedDefect } from "./armedFaults.ts"
import type { Recorder, Unfinished } from "./recorder.ts"

/** What a test may want to fail for. */
export type FailOn = "crash" | "dead_letter" | "unfinished" | "unused_fault"

/** How many of a kind are shown one by one. */
const most = 10

const lines = (all: ReadonlyArray<string>): string =>
  [...all.slice(0, most), ...(all.length > most ? [`... and ${all.length - most} more`] : [])]
    .map((line) => `  ${line}`)
    .join("\n")

/** Names on the left, numbers on the right, each column as wide as it needs to be. */
const table = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows
    .map((row) =>
      row.map((text, column) => (column === 0 ? text.padEnd(widths[0]!) : text.padStart(widths[column]!))).join("  ")
    )
    .map((line) => `  ${line}`)
    .join("\n")
}

const droppedOf = ({ dropped }: Ledger.Entry): string => {
  const reasons = Object.entries(dropped).filter(([, count]) => count > 0)
  const detail = reasons.map(([reason, count]) => `${reason} ${count}`).join(", ")
  return reasons.length === 0 ? "0" : `${Ledger.totalDropped(dropped)} (${detail})`
}

/** The ledger as a table. */
export const showLedger = (entries: ReadonlyArray<Ledger.Entry>): string =>
  entries.length === 0
    ? "  no actor had a message"
    : table([
        ["actor", "accepted", "handled", "failed", "dropped", "queued", "in hand", "unaccounted"],
        ...entries.map((entry) => [
          entry.actor,
          String(entry.accepted),
          String(entry.handled),
          String(entry.failed),
          droppedOf(entry),
          String(entry.queued),
          String(entry.inHand),
          String(Ledger.imbalance(entry))
        ])
      ])

/** That messages are unaccounted for, if any are. */
export const findImbalance = (entries: ReadonlyArray<Ledger.Entry>): string | undefined => {
  const wrong = entries.filter((entry) => Ledger.imbalance(entry) !== 0)
  if (wrong.length === 0) return undefined
  const named = wrong.map((entry) => {
    const amount = Ledger.imbalance(entry)
    const [count, what] = [Math.abs(amount), amount > 0 ? "lost" : "counted twice"]
    return `"${entry.actor}": ${count} of ${entry.accepted} accepted ${count === 1 ? "message is" : "messages are"} ${what}`
  })
  return `the ledger does not balance\n${lines(named)}\n  This is a fault of ryker, not of the test: please report it.`
}

/** What happened of what the test wants to fail for. */
export const findProblems = (recorder: Recorder, failOn: ReadonlyArray<FailOn>): ReadonlyArray<string> =>
  (["crash", "dead_letter", "unfinished", "unused_fault"] as const).flatMap((kind) =>
    failOn.includes(kind) ? (finders[kind](recorder) ?? []) : []
  )

const finders: { readonly [kind in FailOn]: (recorder: Recorder) => string | undefined } = {
  crash: ({ events }) =>
    problem(
      "actors crashed, and no fault was injected there",
      events.flatMap((event) => (isCrash(event) && event.defect !== injectedDefect ? [showCrash(event)] : []))
    ),
  dead_letter: ({ deadLetters, deadLettersRead }) =>
    problem(
      "messages were accepted and dropped; if that is meant, read TestRyker.deadLetters in the test",
      deadLetters.slice(deadLettersRead).map(showDeadLetter)
    ),
  unfinished: ({ unfinished }) =>
    problem(
      "the test ended before these messages were done; wait for them, or move the TestClock",
      unfinished.map(showUnfinished)
    ),
  unused_fault: ({ faults }) => problem("planned faults did not happen, so the test has not tested them", faults.unused)
}

const problem = (what: string, cases: ReadonlyArray<string>): string | undefined =>
  cases.length === 0 ? undefined : `${what}\n${lines(cases)}`

type Crash = Extract<RykerEvent, { readonly _tag: "ActorCrashed" | "ActorStartFailed" }>

const isCrash = (event: RykerEvent): event is Crash =>
  event._tag === "ActorCrashed" || event._tag === "ActorStartFailed"

const showCrash = ({ _tag, actor, at, defect, incarnation }: Crash): string =>
  `${actor}, incarnation ${incarnation}: ${_tag === "ActorCrashed" ? defect : `its start failed: ${defect}`} ${at}`.trimEnd()

const showDeadLetter = ({ actor, kind, reason, request }: DeadLetter): string =>
  `${actor}: ${kind} ${request} (${reason})`

const showUnfinished = ({ actor, inHand, queued }: Unfinished): string =>
  [`${actor}:`, inHand === undefined ? "" : `${inHand} in hand`, queued === 0 ? "" : `${queued} queued`]
    .filter(Boolean)
    .join(" ")

const showInjected = ({ actor, effect, fault, incarnation, request, time }: Injected): string =>
  `${time} ms  ${actor}, incarnation ${incarnation}${request === undefined ? "" : `, ${request}`}: ${effect} by ${fault}`

/** How many of the last events are shown. */
const lastEvents = 10

const showEvent = (event: RykerEvent): string => {
  const { _tag, actor, time } = event
  const defect = isCrash(event) ? `: ${event.defect} ${event.at}` : ""
  const reason = event._tag === "ActorStopped" ? `: ${event.reason}` : ""
  return `${time} ms  ${_tag} ${actor}${defect}${reason}`.trimEnd()
}

/** What TestRyker has seen, for a test that failed. */
export const showRun = (recorder: Recorder, seed: string | number | undefined): string => {
  const { events, faults } = recorder
  return [
    seed === undefined
      ? "the random numbers were the test's own"
      : `the seed was ${JSON.stringify(seed)}: TestRyker.layer({ seed: ${JSON.stringify(seed)} }) has the same random numbers`,
    `the ledger\n${showLedger(recorder.runtime.ledger)}`,
    ...(faults.injected.length > 0 ? [`injected faults\n${lines(faults.injected.map(showInjected))}`] : []),
    ...(events.length > 0 ? [`the last events\n${lines(events.slice(-lastEvents).map(showEvent))}`] : [])
  ].join("\n")
}
