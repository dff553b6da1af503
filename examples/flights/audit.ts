/** Asking the actors what they have counted, and comparing it with the file. */
import { Effect } from "effect"
import { Airports } from "./airport.ts"
import { isBusy, patience } from "./busy.ts"
import { type Check, equal } from "./check.ts"
import { Network } from "./network.ts"
import { differences, sum } from "./recount.ts"
import type { Totals } from "./totals.ts"

/** Each airport's own answer. As mailboxes are queues, it counts all that was sent before. */
export const askAirports = Effect.fnUntraced(function* (ids: ReadonlyArray<string>) {
  const airports = yield* Airports
  const answers = yield* Effect.forEach(
    ids,
    (id) =>
      airports
        .get(id)
        .ask.Totals()
        .pipe(
          Effect.retry({ while: isBusy, schedule: patience }),
          Effect.map((totals) => [id, totals] as const)
        ),
    { concurrency: 64 }
  )
  return new Map<string, Totals>(answers)
})

export const checkAirports = (expected: ReadonlyMap<string, Totals>, answers: ReadonlyMap<string, Totals>): Check => ({
  claim: `${expected.size} airports answer with the file's totals`,
  problems: differences(expected, answers)
})

export const checkNetwork = Effect.fnUntraced(function* (expected: ReadonlyMap<string, Totals>) {
  const network = yield* Network
  const { delay, distance, movements } = yield* network.ask.Totals()
  const all = sum(expected.values())
  return equal("the network has counted every movement once", {
    movements: [movements, all.departures + all.arrivals],
    delay: [delay, all.delay],
    distance: [distance, all.distance]
  })
})
