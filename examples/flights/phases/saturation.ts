/** Phase b: senders that never wait for an answer, and mailboxes too small for them. */
import { Duration, Effect, Schedule } from "effect"
import { Ryker } from "ryker"
import { Airports } from "../airport.ts"
import { askAirports, checkAirports, checkNetwork } from "../audit.ts"
import { isBusy, patience } from "../busy.ts"
import { equal } from "../check.ts"
import { airportsOf, type Flight, type Movement, movementsOf } from "../flights.ts"
import { count, seconds } from "../format.ts"
import { recount } from "../recount.ts"
import { entryOf, type Outcome } from "../report.ts"
import { Screen } from "../screen.ts"
import { world } from "../world.ts"

const title = "b. Saturation"

const capacity = 4
const senders = 16

export const saturation = Effect.fnUntraced(
  function* (flights: ReadonlyArray<Flight>) {
    const airports = yield* Airports
    const screen = yield* Screen
    yield* screen.heading(
      title,
      `${senders} senders tell, and do not wait for answers; a mailbox holds ${capacity} messages. ` +
        "A full one is Busy: its sender backs off and sends again."
    )

    let done = 0
    let busy = 0
    let waited = 0
    let longest = 0
    const backoff = patience.pipe(
      Schedule.tap(({ duration }) =>
        Effect.sync(() => {
          const millis = Duration.toMillis(duration)
          waited += millis
          longest = Math.max(longest, millis)
        })
      )
    )
    const tell = ({ airport, kind, report }: Movement) =>
      airports
        .get(airport)
        .tell[kind](report)
        .pipe(
          Effect.tapErrorTag("Busy", () => Effect.sync(() => busy++)),
          Effect.retry({ while: isBusy, schedule: backoff })
        )
    const fly = Effect.fnUntraced(function* (flight: Flight, number: number) {
      for (const movement of movementsOf(flight, number)) yield* tell(movement)
      done++
    })
    const [time] = yield* Effect.forEach(flights, fly, { concurrency: senders, discard: true }).pipe(
      screen.track(() => ({ done, total: flights.length, unit: "flights", note: `${count(busy)} Busy` })),
      Effect.timed
    )

    const sent = 2 * flights.length
    const millis = Duration.toMillis(time)
    yield* screen.print(
      `  ${count(sent)} tells in ${seconds(millis)}: ${count(Math.round((sent * 1000) / millis))} a second`,
      `  ${count(busy)} times Busy: backed off ${seconds(waited)} in all, ${longest.toFixed(1)} ms at most at a time`
    )

    const expected = recount(flights)
    const refusedTells = entryOf(yield* Ryker.ledger, "Airport").refused.busy
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
        equal("every message was handled, every refusal was noticed", {
          accepted: [accepted, sent + answers.size],
          handled: [handled, sent + answers.size],
          busy: [refusedTells, busy]
        })
      ]
    }
    return outcome
  },
  Effect.provide(world({ airports: { capacity } }))
)
