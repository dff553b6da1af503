/** The data: flights of US airlines in early 2001, from the npm package `vega-datasets`. */
import { Effect, Schema } from "effect"
import { readFile } from "node:fs/promises"

const Flight = Schema.Struct({
  date: Schema.String,
  /** Minutes; early flights have a negative one. */
  delay: Schema.Int,
  /** Miles. */
  distance: Schema.Int,
  origin: Schema.String,
  destination: Schema.String
})

export type Flight = typeof Flight.Type

/** What an airport is told of a flight. `flight` is its number in the file. */
export const Report = Schema.Struct({ flight: Schema.Int, delay: Schema.Int, distance: Schema.Int })

/** A flight as one of its two airports sees it. */
export const Movement = Schema.Struct({
  airport: Schema.String,
  kind: Schema.Literals(["Depart", "Land"]),
  report: Report
})

export type Movement = typeof Movement.Type

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Array(Flight)))

export const loadFlights = Effect.gen(function* () {
  const file = new URL("../data/flights-20k.json", import.meta.resolve("vega-datasets"))
  return yield* decode(yield* Effect.promise(() => readFile(file, "utf8")))
})

/** Every flight is two movements. */
export const movementsOf = ({ delay, destination, distance, origin }: Flight, flight: number): [Movement, Movement] => [
  { airport: origin, kind: "Depart", report: { flight, delay, distance } },
  { airport: destination, kind: "Land", report: { flight, delay, distance } }
]

export const airportsOf = (flights: ReadonlyArray<Flight>): ReadonlyArray<string> =>
  Array.from(new Set(flights.flatMap(({ destination, origin }) => [origin, destination]))).toSorted()
