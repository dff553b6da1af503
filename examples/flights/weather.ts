/** What each movement has to come through: nothing, a wait, or a crash of the actor that has it in hand. */
import type { Duration } from "effect"
import { Array as Arr, Context, Effect, Layer, Random } from "effect"
import type { Flight } from "./flights.ts"
import { movementsOf } from "./flights.ts"

export class Weather extends Context.Service<
  Weather,
  { readonly pass: (place: string, flight: number) => Effect.Effect<void> }
>()("flights/Weather") {
  static readonly clear = Layer.succeed(Weather, { pass: () => Effect.void })

  /** Every movement takes its time. */
  static readonly fog = (delay: Duration.Input) => Layer.succeed(Weather, { pass: () => Effect.sleep(delay) })

  /** A movement that lightning strikes is a defect in its airport, the first time that it is tried. */
  static readonly storm = ({ doomed, strikes }: Forecast) =>
    Layer.sync(Weather, () => {
      const ahead = new Set(strikes.map(({ airport, flight }) => `${airport} ${flight}`))
      return {
        pass: (airport, flight) =>
          Effect.suspend(() =>
            ahead.delete(`${airport} ${flight}`) || (airport === doomed.airport && flight >= doomed.from)
              ? struck
              : Effect.void
          )
      }
    })

  /** A flight that lightning strikes is a defect at that place, as many times as it says. */
  static readonly lightning = (bolts: ReadonlyArray<Bolt>) =>
    Layer.sync(Weather, () => {
      const left = new Map(bolts.map(({ flight, place, times }) => [`${place} ${flight}`, times]))
      return {
        pass: (place, flight) =>
          Effect.suspend(() => {
            const times = left.get(`${place} ${flight}`) ?? 0
            left.set(`${place} ${flight}`, times - 1)
            return times > 0 ? struck : Effect.void
          })
      }
    })
}

const struck = Effect.suspend(() => Effect.die(new Error("struck by lightning")))

/** Lightning that strikes one flight at one place, so many times in a row. */
export interface Bolt {
  readonly place: string
  readonly flight: number
  readonly times: number
}

/** Where lightning strikes. */
export interface Forecast {
  readonly strikes: ReadonlyArray<{ readonly airport: string; readonly flight: number }>
  /** The airport that is struck again and again, from this flight on. */
  readonly doomed: { readonly airport: string; readonly from: number }
}

/** An airport that is struck no more often than this comes back every time. */
export const mostStrikes = 4

/** Draws a forecast: 24 airports are struck a few times, one airport without end. */
export const drawForecast = Effect.fnUntraced(function* (flights: ReadonlyArray<Flight>) {
  const byAirport = Arr.groupBy(flights.flatMap(movementsOf), ({ airport }) => airport)
  const order = yield* Random.shuffle(Object.entries(byAirport))
  // Large enough to have messages queued when it fails for good.
  const [doomed, movements] = order.find(([, { length }]) => length >= 200 && length <= 600)!
  const struck = order.filter(([airport, { length }]) => airport !== doomed && length >= 20).slice(0, 24)
  const strikes = yield* Effect.forEach(struck, ([airport, movements]) =>
    Effect.gen(function* () {
      const times = yield* Random.nextIntBetween(1, mostStrikes)
      const hit = (yield* Random.shuffle(movements)).slice(0, times)
      return hit.map(({ report }) => ({ airport, flight: report.flight }))
    })
  )
  const forecast: Forecast = {
    strikes: strikes.flat(),
    doomed: { airport: doomed, from: movements[Math.floor(movements.length / 3)]!.report.flight }
  }
  return forecast
})
