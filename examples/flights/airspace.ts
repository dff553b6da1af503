/**
 * The supervision tree: the airspace, its regions, and in each region a tally and two desks. Whoever fails more
 * often than it may is given up, and fails the supervisor above it.
 */
import { Layer } from "effect"
import { Supervisor } from "ryker"
import { deskLayer } from "./desk.ts"
import type { Region } from "./regions.ts"
import { tallyLayer } from "./tally.ts"

/** How often a tally or a desk may be restarted before it is given up. */
export const restarts = 2
/** How often a region may be. */
export const rebuilds = 1

const window = "1 minute"
const actors = {
  backoff: { base: "20 millis", cap: "100 millis" },
  intensity: { restarts, window },
  // A desk that waits for a tally that is down has nothing to finish: it is cut off soon.
  shutdown: "20 millis"
} as const
const supervisors = {
  backoff: { base: "100 millis", cap: "300 millis" },
  intensity: { restarts: rebuilds, window }
} as const

/** The address of the supervisor at the top. */
export const airspace = "Airspace"

export class Airspace extends Supervisor.Service<Airspace>()(airspace) {}

export const airspaceLayer = (regions: ReadonlyArray<Region>) =>
  Airspace.toLayer({ ...supervisors, strategy: "one-for-one", children: regions.map(regionLayer) })

const regionLayer = (region: Region) => {
  const tally = tallyLayer(region, actors)
  const desks = region.desks.map((desk) => deskLayer(region, desk, actors).pipe(Layer.provide(tally)))
  return Supervisor.layer(region.name, { ...supervisors, strategy: region.strategy, children: [tally, ...desks] })
}
