/** What must hold of a run. Functions of what was seen, so that tests can show that each can fail. */
import type { Statuses, Units } from "./counts.ts"
import { total } from "./counts.ts"

export interface Check {
  readonly claim: string
  readonly seen: string
  readonly passed: boolean
}

export const check = (claim: string, passed: boolean, seen: string | number): Check => ({
  claim,
  seen: String(seen),
  passed
})

export const show = (statuses: Statuses): string =>
  Object.entries(statuses)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([status, count]) => `${count} x ${status}`)
    .join(", ") || "none"

/** Every answer that the service has sent was got, and every one that was got was sent. */
export const agree = (clients: Statuses, service: Statuses): Check => {
  const { 0: abandoned = 0, ...answered } = service
  const statuses = new Set([...Object.keys(clients), ...Object.keys(answered)])
  const wrong = [...statuses].filter((status) => (clients[status] ?? 0) !== (answered[status] ?? 0))
  return check(
    "what clients got is what the service has sent, status by status",
    wrong.length === 0,
    wrong.length === 0
      ? `${show(clients)}${abandoned === 0 ? "" : `; ${abandoned} whose client was gone`}`
      : wrong.map((it) => `${it}: ${clients[it] ?? 0} got, ${answered[it] ?? 0} sent`).join("; ")
  )
}

/** Every request that was begun has come to an end that is known. */
export const accounted = (attempts: number, answers: Statuses, failures: Statuses): Check => {
  const count = (ends: Statuses) => Object.values(ends).reduce((sum, n) => sum + n, 0)
  const ends = count(answers) + count(failures)
  return check(
    "every request of a client has its answer, or was refused",
    ends === attempts && attempts > 0,
    `${ends} of ${attempts}`
  )
}

/** A phase in which this did not happen shows nothing. */
export const happened = (what: string, count: number): Check => check(`there is ${what}`, count > 0, count)

/** Nothing was sold twice, and nothing was lost: when all is quiet no unit is held. */
export const conserved = (before: Units, after: Units): Check =>
  check(
    "units sold and units left are those of the start",
    after.held === 0 && total(before) === total(after),
    `${after.sold} sold + ${after.available} left + ${after.held} held = ${total(after)} of ${total(before)}`
  )

/** What clients were told that they have bought. */
export const sold = (clients: number, before: Units, after: Units): Check =>
  check(
    "units sold are those of the receipts that clients have got",
    after.sold - before.sold === clients,
    `${after.sold - before.sold} sold, receipts for ${clients}`
  )
