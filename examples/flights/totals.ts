/** What is counted, by airports and by the check at the end. */
import { Schema } from "effect"
import type { Movement } from "./flights.ts"

export const Totals = Schema.Struct({
  departures: Schema.Int,
  arrivals: Schema.Int,
  /** Minutes, over departures and arrivals. */
  delay: Schema.Int,
  /** Miles, over departures and arrivals. */
  distance: Schema.Int
})

export type Totals = typeof Totals.Type

export const none: Totals = { departures: 0, arrivals: 0, delay: 0, distance: 0 }

export const add = (totals: Totals, { kind, report }: Omit<Movement, "airport">): Totals => ({
  departures: totals.departures + (kind === "Depart" ? 1 : 0),
  arrivals: totals.arrivals + (kind === "Land" ? 1 : 0),
  delay: totals.delay + report.delay,
  distance: totals.distance + report.distance
})
