/** What the phases found, put together: the checks, the ledgers and the verdict. */
import { Effect } from "effect"
import { Ledger } from "ryker"
import { type Check, equal } from "./check.ts"
import { count, table, wrap } from "./format.ts"
import { Screen } from "./screen.ts"

export interface Outcome {
  /** Its title, which starts with a letter of its own. */
  readonly phase: string
  readonly ledger: ReadonlyArray<Ledger.Entry>
  readonly checks: ReadonlyArray<Check>
}

/** The entry of one definition. */
export const entryOf = (ledger: ReadonlyArray<Ledger.Entry>, actor: string): Ledger.Entry => {
  const entry = ledger.find((entry) => entry.actor === actor)
  if (entry === undefined) throw new Error(`the ledger has no entry for ${actor}`)
  return entry
}

/** Prints the checks and the ledgers; gives what is wrong. */
export const printReport = Effect.fnUntraced(function* (outcomes: ReadonlyArray<Outcome>) {
  const screen = yield* Screen

  yield* screen.heading("Checked against the file, and against the senders' own counts")
  for (const { checks, phase } of outcomes) {
    yield* screen.print(
      ...checks.map(({ claim, problems }) => {
        const mark = problems.length === 0 ? screen.paint("green", "ok  ") : screen.paint("red", "FAIL")
        return `  ${mark} ${phase[0]}  ${claim}`
      })
    )
  }

  yield* screen.heading("Ledger", "accepted = handled + failed + dropped + queued + in hand")
  const header = ["phase", "actor", "accepted", "handled", "failed", "dropped", "queued", "in hand", "balances"]
  const rows = outcomes.flatMap(({ ledger, phase }) => ledger.map((entry) => [phase[0]!, ...ledgerRow(entry)]))
  yield* screen.print(...table([header, ...rows], 2).map((line) => `  ${line}`))
  for (const { ledger, phase } of outcomes) {
    const reasons = ledger.flatMap(({ actor, dropped }) =>
      Object.entries(dropped)
        .filter(([, n]) => n > 0)
        .map(([reason, n]) => `${actor} ${reason} ${count(n)}`)
    )
    if (reasons.length === 0) continue
    const [first, ...rest] = wrap(`dropped in ${phase[0]}: ${reasons.join(", ")}`, 76)
    yield* screen.print(`  ${first}`, ...rest.map((line) => `    ${line}`))
  }

  return outcomes.flatMap(({ checks, ledger, phase }) =>
    [...checks, ...ledger.map(balance)].flatMap(({ problems }) => problems.map((problem) => `${phase}: ${problem}`))
  )
})

const ledgerRow = (entry: Ledger.Entry): ReadonlyArray<string> => {
  const { accepted, actor, dropped, failed, handled, inHand, queued } = entry
  const numbers = [accepted, handled, failed, Ledger.totalDropped(dropped), queued, inHand]
  return [actor, ...numbers.map(count), Ledger.imbalance(entry) === 0 ? "yes" : "NO"]
}

const balance = (entry: Ledger.Entry): Check =>
  equal("", { [`messages of ${entry.actor} not accounted for`]: [Ledger.imbalance(entry), 0] })

/** Prints the last line. */
export const printVerdict = Effect.fnUntraced(function* (problems: ReadonlyArray<string>) {
  const screen = yield* Screen
  const [first, ...others] = problems
  if (first === undefined) {
    return yield* screen.print(
      "",
      `${screen.paint("green", "PASS")}  every message is accounted for, every total agrees`
    )
  }
  const more = others.length === 0 ? "" : ` (and ${count(others.length)} more)`
  const [line, ...rest] = wrap(first + more, 74)
  yield* screen.print("", `${screen.paint("red", "FAIL")}  ${line}`, ...rest.map((line) => `      ${line}`))
})
