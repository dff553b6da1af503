/** Phase c: airports crash and come back, one crashes until it is given up. */
import { Effect } from "effect"
import { Actor, Ledger, Ryker } from "ryker"
import { Airports } from "../airport.ts"
import { askAirports, checkAirports, checkNetwork } from "../audit.ts"
import { equal } from "../check.ts"
import { Events, meanOfNth, restartDelays } from "../events.ts"
import { airportsOf, type Flight, type Movement, movementsOf } from "../flights.ts"
import { count, plural } from "../format.ts"
import { differences, recount, recountFirst } from "../recount.ts"
import { entryOf, type Outcome } from "../report.ts"
import { Screen } from "../screen.ts"
import { Store } from "../store.ts"
import { drawForecast, type Forecast, mostStrikes, Weather } from "../weather.ts"
import { world } from "../world.ts"

const title = "c. Crash storm"

/** How often an airport may restart before it is given up. */
const restarts = 5

export const storm = Effect.fnUntraced(function* (flights: ReadonlyArray<Flight>) {
  const forecast = yield* drawForecast(flights)
  return yield* ride(flights, forecast).pipe(
    Effect.provide(
      world({
        airports: {
          backoff: { base: "20 millis", cap: "500 millis" },
          intensity: { restarts, window: "1 minute" }
        },
        weather: Weather.storm(forecast)
      })
    )
  )
})

const ride = Effect.fnUntraced(function* (flights: ReadonlyArray<Flight>, forecast: Forecast) {
  const airports = yield* Airports
  const events = yield* Events
  const screen = yield* Screen
  const store = yield* Store
  const { doomed, strikes } = forecast
  yield* screen.heading(
    title,
    `${strikes.length} movements are a defect the first time, in ${new Set(strikes.map(({ airport }) => airport)).size} ` +
      `airports; in ${doomed.airport}, after a third of its own, all are. What Crashed is sent again. ` +
      `An airport may restart ${restarts} times a minute.`
  )

  const answered: Array<Movement> = []
  let done = 0
  let crashed = 0
  let stopped = 0
  const ask = (movement: Movement) =>
    airports
      .get(movement.airport)
      .ask[movement.kind](movement.report)
      .pipe(
        Effect.tapErrorTag("Crashed", () => Effect.sync(() => crashed++)),
        // At once: it waits in the mailbox until the airport is up again.
        Effect.retry({ while: ({ _tag }) => _tag === "Crashed" }),
        Effect.tap(() => Effect.sync(() => answered.push(movement))),
        Effect.catchTag("Stopped", () => Effect.sync(() => stopped++))
      )
  const fly = Effect.fnUntraced(function* (flight: Flight, number: number) {
    for (const movement of movementsOf(flight, number)) yield* ask(movement)
    done++
  })
  // Fewer than a mailbox of 256 holds: while an airport is down its questions queue, and none is Busy.
  yield* Effect.forEach(flights, fly, { concurrency: 250, discard: true }).pipe(
    screen.track(() => ({ done, total: flights.length, unit: "flights", note: plural(crashed, "crash", "crashes") }))
  )

  const ids = airportsOf(flights)
  const statuses = yield* Effect.forEach(ids, (id) => Actor.status(airports.get(id)))
  const failed = ids.filter((_, i) => {
    const status = statuses[i]!
    return status._tag === "Stopped" && status.reason === "RapidFail"
  })
  const survivors = ids.filter((id) => !failed.includes(id))
  const entry = entryOf(yield* Ryker.ledger, "Airport")

  const delays = restartDelays(events)
  const means = meanOfNth(Array.from(delays.values())).slice(0, mostStrikes)
  yield* screen.print(
    `  ${plural(entry.crashes, "crash", "crashes")} in ${plural(delays.size, "airport")}, ${plural(entry.restarts, "restart")}; ` +
      `${count(crashed)} asks Crashed and were sent again`,
    `  before restarts 1 to ${means.length} they waited ${means.join(", ")} ms on average`,
    ...failed.map((id) => `  ${id} waited ${delays.get(`Airport/${id}`)?.join(", ")} ms, then ended in RapidFail:`),
    `  ${count(entry.dropped.rapid_fail)} queued messages dropped, ${count(entry.refused.stopped)} later ones refused`
  )

  const file = recount(flights)
  const expected = new Map(survivors.map((id) => [id, file.get(id)!]))
  const answers = yield* askAirports(survivors)
  const saved = yield* store.all
  const network = yield* checkNetwork(saved)
  const ledger = yield* Ryker.ledger
  const inDoomed = answered.filter(({ airport }) => failed.includes(airport))
  const outcome: Outcome = {
    phase: title,
    ledger,
    checks: [
      checkAirports(expected, answers),
      network,
      {
        claim: `only ${doomed.airport} failed for good, and it has what it answered`,
        problems: [
          ...failed.filter((id) => id !== doomed.airport).map((id) => `${id} failed for good`),
          ...(failed.includes(doomed.airport) ? [] : [`${doomed.airport} did not fail`]),
          ...differences(
            recountFirst(inDoomed, () => Infinity),
            new Map(Array.from(saved).filter(([id]) => failed.includes(id)))
          )
        ]
      },
      equal("only what Crashed or Stopped was lost, and its sender was told", {
        sent: [answered.length + stopped, 2 * flights.length],
        handled: [entry.handled, answered.length],
        crashed: [entry.failed, crashed],
        crashes: [entry.crashes, strikes.length + restarts + 1],
        stopped: [entry.dropped.rapid_fail + entry.refused.stopped, stopped],
        dropped: [Ledger.totalDropped(entry.dropped), entry.dropped.rapid_fail]
      })
    ]
  }
  return outcome
})
