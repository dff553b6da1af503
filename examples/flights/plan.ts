/**
 * What is to go wrong in the tree, act by act, and what must follow: which node is in which incarnation then. This is
 * plain code that shares nothing with the supervisors.
 */
import { Array as Arr, Effect, Random } from "effect"
import { airspace, restarts } from "./airspace.ts"
import { type Flight, type Movement, movementsOf } from "./flights.ts"
import type { Region } from "./regions.ts"
import type { Bolt } from "./weather.ts"

/** A stretch of time. */
export interface Act {
  /** How many of the flights have been by its end. */
  readonly flights: number
  /** The movements of each region, by the region's name. */
  readonly movements: ReadonlyMap<string, ReadonlyArray<Movement>>
  /** The incarnation of each node at its end, by address. */
  readonly incarnations: ReadonlyMap<string, number>
}

export interface Plan {
  /** The desk of each region that crashes in the first act. */
  readonly struck: ReadonlyArray<string>
  /** The region that is given up in the end. */
  readonly doomed: Region
  readonly bolts: ReadonlyArray<Bolt>
  readonly acts: readonly [Act, Act, Act]
}

/**
 * Draws a plan. In the first act a desk of each region crashes; in the second and in the third the tally of one
 * region does so once too often. Its region may be rebuilt once: the second time, the whole airspace is.
 */
export const drawPlan = Effect.fnUntraced(function* (flights: ReadonlyArray<Flight>, regions: ReadonlyArray<Region>) {
  const third = Math.ceil(flights.length / 3)
  const movementsIn = (act: number): Act["movements"] => {
    const all = flights.flatMap((flight, n) => (Math.floor(n / third) === act ? movementsOf(flight, n) : []))
    return new Map(regions.map(({ airports, name }) => [name, all.filter(({ airport }) => airports.has(airport))]))
  }
  const [first, second, last] = [movementsIn(0), movementsIn(1), movementsIn(2)] as const

  /** Early in an act, so that much is still to come. */
  const draw = (movements: ReadonlyArray<Movement>) =>
    Random.choice(movements.slice(movements.length * 0.05, movements.length * 0.1))
  const hits = yield* Effect.forEach(regions, (region) =>
    Effect.map(draw(first.get(region.name)!), ({ airport, report }) => ({
      region,
      desk: region.airports.get(airport)!,
      flight: report.flight
    }))
  )
  const doomed = yield* Random.choice(regions)
  const { airports, desks, tally } = doomed
  const isWithin = ({ destination, origin }: Flight) => airports.has(origin) && airports.has(destination)
  const lethal = yield* Effect.forEach([second, last], (act) =>
    draw(
      // Through the last desk alone, so that the tally crashes again only once its whole group is up.
      act
        .get(doomed.name)!
        .filter(({ airport, report }) => airports.get(airport) === desks[1] && !isWithin(flights[report.flight]!))
    )
  )

  const addresses = [airspace, ...regions.flatMap((region) => [region.name, ...childrenOf(region)])]
  const start = new Map(addresses.map((address) => [address, 1]))
  const groups = hits.flatMap(({ desk, region }) => groupOf(region, desk))
  const afterFirst = restarted(start, groups)
  const inDoomed = Arr.makeBy(restarts + 1, () => childrenOf(doomed)).flat()
  const afterSecond = restarted(afterFirst, [...inDoomed, doomed.name])
  const others = addresses.filter((address) => !childrenOf(doomed).includes(address))
  const afterLast = restarted(afterSecond, [...inDoomed, ...others])

  const plan: Plan = {
    struck: hits.map(({ desk }) => desk),
    doomed,
    bolts: [
      ...hits.map(({ desk, flight }) => ({ place: desk, flight, times: 1 })),
      ...lethal.map(({ report }) => ({ place: tally, flight: report.flight, times: restarts + 1 }))
    ],
    acts: [
      { flights: third, movements: first, incarnations: afterFirst },
      { flights: 2 * third, movements: second, incarnations: afterSecond },
      { flights: flights.length, movements: last, incarnations: afterLast }
    ]
  }
  return plan
})

const childrenOf = ({ desks, tally }: Region): ReadonlyArray<string> => [tally, ...desks]

/** Who is restarted together with the child that failed. */
const groupOf = (region: Region, failed: string): ReadonlyArray<string> => {
  const children = childrenOf(region)
  return region.strategy === "one-for-all" ? children : children.slice(children.indexOf(failed))
}

/** One more incarnation for each time that an address is given. */
const restarted = (before: ReadonlyMap<string, number>, addresses: ReadonlyArray<string>): Map<string, number> => {
  const after = new Map(before)
  for (const address of addresses) after.set(address, after.get(address)! + 1)
  return after
}
