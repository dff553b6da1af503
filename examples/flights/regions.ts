/** The airspace, cut by longitude into three regions, each with two desks for its airports. */
import { Array as Arr, Effect } from "effect"
import { readFile } from "node:fs/promises"
import { airportsOf, type Flight } from "./flights.ts"

export interface Region {
  readonly name: string
  /** Who is restarted with a child of the region that fails. */
  readonly strategy: "one-for-all" | "rest-for-one"
  /** The addresses of its children, in the order of starting. */
  readonly tally: string
  readonly desks: readonly [string, string]
  /** Each airport with the address of the desk that it reports to. */
  readonly airports: ReadonlyMap<string, string>
}

/** From west to east. */
const bounds = [
  { name: "West", east: -104, strategy: "rest-for-one" },
  { name: "Central", east: -87.5, strategy: "one-for-all" },
  { name: "East", east: Infinity, strategy: "rest-for-one" }
] as const

export const loadRegions = Effect.fnUntraced(function* (flights: ReadonlyArray<Flight>) {
  const longitudes = yield* loadLongitudes
  const nameOf = (airport: string) => {
    const longitude = longitudes.get(airport)
    // One that is not in the file of airports would be counted nowhere, and be missed in the end.
    return bounds.find(({ east }) => longitude !== undefined && longitude < east)?.name ?? "nowhere"
  }
  const byName = Arr.groupBy(airportsOf(flights), nameOf)
  return bounds.map(({ name, strategy }): Region => {
    const desks = [`${name}/Desk 1`, `${name}/Desk 2`] as const
    const airports = new Map((byName[name] ?? []).map((airport, i) => [airport, desks[i % 2 === 0 ? 0 : 1]]))
    return { name, strategy, tally: `${name}/Tally`, desks, airports }
  })
})

/** The degrees of each airport; west of Greenwich they are negative. */
const loadLongitudes = Effect.gen(function* () {
  const file = new URL("../data/airports.csv", import.meta.resolve("vega-datasets"))
  const [, ...lines] = (yield* Effect.promise(() => readFile(file, "utf8"))).trim().split("\n")
  // The first and the last column, which have no commas in them.
  return new Map(lines.map((line) => line.split(",")).map((cells) => [cells[0]!, Number(cells.at(-1))]))
})
