/** Phase a: as many flights at a time as the airports can take, and every one is answered. */
import { Duration, Effect } from "effect"
import { Ryker } from "ryker"
import { Airports } from "../airport.ts"
import { askAirports, checkAirports, checkNetwork } from "../audit.ts"
import { equal } from "../check.ts"
import { airportsOf, type Flight, movementsOf } from "../flights.ts"
import { count, seconds } from "../format.ts"
import { recount } from "../recount.ts"
import { entryOf, type Outcome } from "../report.ts"
import { Screen } from "../screen.ts"
import { world } from "../world.ts"

const title = "a. Steady"

export const steady = Effect.fnUntraced(
  function* (flights: ReadonlyArray<Flight>) {
    const airports = yield* Airports
    const screen = yield* Screen
    yield* screen.heading(
      title,
      "64 flights at a time. The origin is asked to count the departure, then the destination the arrival; " +
        "each asks the network before it answers."
    )

    let done = 0
    const fly = Effect.fnUntraced(function* (flight: Flight, number: number) {
      for (const { airport, kind, report } of movementsOf(flight, number)) {
        yield* airports.get(airport).ask[kind](report)
      }
      done++
    })
    const [time] = yield* Effect.forEach(flights, fly, { concurrency: 64, discard: true }).pipe(
      screen.track(() => ({ done, total: flights.length, unit: "flights" })),
      Effect.timed
    )

    const sent = 2 * flights.length
    const millis = Duration.toMillis(time)
    const { length: residents } = yield* airports.residents
    yield* screen.print(
      `  ${count(sent)} asks, as many nested, in ${seconds(millis)}: ` +
        `${count(Math.round((2 * sent * 1000) / millis))} a second; ${residents} airports`
    )

    const expected = recount(flights)
    const answers = yield* askAirports(airportsOf(flights))
    const network = yield* checkNetwork(expected)
    const ledger = yield* Ryker.ledger
    const { accepted, handled } = entryOf(ledger, "Airport")
    const outcome: Outcome = {
      phase: title,
      ledger,
      checks: [
        checkAirports(expected, answers),
        network,
        equal("every message was handled", {
          accepted: [accepted, sent + answers.size],
          handled: [handled, sent + answers.size]
        })
      ]
    }
    return outcome
  },
  Effect.provide(world({}))
)
