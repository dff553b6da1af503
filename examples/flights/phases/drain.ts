/** Phase f: a shutdown with a deadline, while messages keep coming. */
import { Array as Arr, Effect, Fiber, Latch } from "effect"
import { Ledger, Ryker } from "ryker"
import { Airports } from "../airport.ts"
import { equal } from "../check.ts"
import { type Flight, type Movement, movementsOf } from "../flights.ts"
import { count, table } from "../format.ts"
import { differences, recountFirst, sum } from "../recount.ts"
import { entryOf, type Outcome } from "../report.ts"
import { Screen } from "../screen.ts"
import { Store } from "../store.ts"
import { Weather } from "../weather.ts"
import { world } from "../world.ts"

const title = "f. Drain under load"

/** Milliseconds that a movement takes. */
const fog = 2
/** Milliseconds that the shutdown may take. */
const deadline = 500

export const drain = Effect.fnUntraced(
  function* (flights: ReadonlyArray<Flight>) {
    const airports = yield* Airports
    const screen = yield* Screen
    const store = yield* Store
    yield* screen.heading(
      title,
      `Fog: every movement takes ${fog} ms. Half-way through the flights the system is told to shut ` +
        `down within ${deadline} ms; the sender does not know and goes on.`
    )

    const movements = flights.flatMap(movementsOf)
    const accepted: Array<Movement> = []
    let refused = 0
    const halfway = yield* Latch.make()
    const tell = (movement: Movement) =>
      airports
        .get(movement.airport)
        .tell[movement.kind](movement.report)
        .pipe(
          Effect.tap(() => Effect.sync(() => accepted.push(movement))),
          Effect.catchTag("Stopped", () => Effect.sync(() => refused++))
        )
    const sent = () => accepted.length + refused
    const send = Effect.forEach(
      Arr.chunksOf(movements, 200),
      Effect.fnUntraced(function* (chunk) {
        yield* Effect.forEach(chunk, tell, { discard: true })
        if (sent() >= movements.length / 2) yield* halfway.open
        yield* Effect.sleep("2 millis")
      }),
      { discard: true }
    )
    const report = yield* Effect.gen(function* () {
      const sender = yield* Effect.forkChild(send)
      yield* halfway.await
      const report = yield* Ryker.drain(deadline)
      yield* Fiber.join(sender)
      return report
    }).pipe(
      screen.track(() => ({
        done: sent(),
        total: movements.length,
        unit: "messages",
        note: `${count(refused)} refused`
      }))
    )

    yield* screen.print(
      `  ${count(accepted.length)} accepted, ${count(refused)} refused as Draining; ` +
        `drain ${report.outcome} after ${Math.round(report.millis)} ms:`,
      ...table(
        [
          ["DrainReport", "handled", "failed", "dropped", "abandoned"],
          ...report.actors.map(({ abandoned, actor, dropped, failed, handled }) => [
            actor,
            ...[handled, failed, dropped, abandoned].map(count)
          ])
        ],
        1
      ).map((line) => `  ${line}`)
    )

    const ledger = yield* Ryker.ledger
    const entry = entryOf(ledger, "Airport")
    const dropped = Ledger.totalDropped(entry.dropped)
    const saved = yield* store.all
    const counted = (airport: string) => {
      const totals = saved.get(airport)
      return totals === undefined ? 0 : totals.departures + totals.arrivals
    }
    const all = sum(saved.values())
    const outcome: Outcome = {
      phase: title,
      ledger,
      checks: [
        {
          claim: `${saved.size} airports saved what they handled: the first they accepted`,
          problems: differences(recountFirst(accepted, counted), saved)
        },
        equal("handled + failed + dropped + refused = sent", {
          accepted: [entry.accepted, accepted.length],
          refused: [entry.refused.stopped, refused],
          handled: [entry.handled, all.departures + all.arrivals],
          sent: [entry.handled + entry.failed + dropped + refused, movements.length]
        }),
        equal("the report has every message that was not handled", {
          dropped: [report.actors.find(({ actor }) => actor === "Airport")?.dropped ?? 0, dropped],
          failed: [report.actors.find(({ actor }) => actor === "Airport")?.failed ?? 0, entry.failed]
        })
      ]
    }
    return outcome
  },
  Effect.provide(
    // Room for the busiest airport's whole day: here it is the deadline that makes messages fail, not the bound.
    world({ airports: { capacity: 2_500 }, weather: Weather.fog(fog) })
  )
)
