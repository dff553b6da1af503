/**
 * The check, in plain code that shares nothing with the actors: every airport's totals straight from the file,
 * and what differs.
 */
import type { Flight, Movement } from "./flights.ts"
import type { Totals } from "./totals.ts"

export const recount = (flights: Iterable<Flight>): Map<string, Totals> => {
  const byAirport = new Map<string, { departures: number; arrivals: number; delay: number; distance: number }>()
  const at = (airport: string) => {
    let totals = byAirport.get(airport)
    if (totals === undefined) {
      totals = { departures: 0, arrivals: 0, delay: 0, distance: 0 }
      byAirport.set(airport, totals)
    }
    return totals
  }
  for (const { delay, destination, distance, origin } of flights) {
    at(origin).departures += 1
    at(destination).arrivals += 1
    for (const airport of [origin, destination]) {
      at(airport).delay += delay
      at(airport).distance += distance
    }
  }
  return byAirport
}

/**
 * What airports must hold when each worked through the first so many of the movements it was sent. An actor takes
 * one sender's messages in their order, so how many it has counted says which.
 */
export const recountFirst = (sent: Iterable<Movement>, counted: (airport: string) => number): Map<string, Totals> => {
  const byAirport = new Map<string, Totals>()
  for (const { airport, kind, report } of sent) {
    const { arrivals, delay, departures, distance } = byAirport.get(airport) ?? {
      departures: 0,
      arrivals: 0,
      delay: 0,
      distance: 0
    }
    if (departures + arrivals >= counted(airport)) continue
    byAirport.set(airport, {
      departures: kind === "Depart" ? departures + 1 : departures,
      arrivals: kind === "Land" ? arrivals + 1 : arrivals,
      delay: delay + report.delay,
      distance: distance + report.distance
    })
  }
  return byAirport
}

/** All airports together. */
export const sum = (totals: Iterable<Totals>): Totals => {
  const all = { departures: 0, arrivals: 0, delay: 0, distance: 0 }
  for (const each of totals) for (const key of keys) all[key] += each[key]
  return all
}

/** A line for each airport whose figures are not those expected. */
export const differences = (
  expected: ReadonlyMap<string, Totals>,
  actual: ReadonlyMap<string, Totals>
): ReadonlyArray<string> =>
  Array.from(new Set([...expected.keys(), ...actual.keys()])).flatMap((airport) => {
    const want = expected.get(airport)
    const got = actual.get(airport)
    if (want === undefined) return [`${airport} is none of the file's`]
    if (got === undefined) return [`${airport} gave no answer`]
    const wrong = keys.filter((key) => want[key] !== got[key])
    return wrong.length === 0
      ? []
      : [`${airport} has ${wrong.map((key) => `${key} ${got[key]}, not ${want[key]}`).join("; ")}`]
  })

const keys = ["departures", "arrivals", "delay", "distance"] as const
