/**
 * A schedule as data: the seed of a run, and the decisions in which it differs from what happens by itself.
 *
 * A run makes decisions one after the other, counted from 0: which task goes next, whether a fiber gives
 * way. Choice 0 is always what happens without anybody's doing: the oldest task goes, no fiber gives way.
 * So a run is given by its deviations alone, and the fewer it has, the simpler it is to read.
 */

/** Which choice was made at which decision; never choice 0. */
export type Deviation = readonly [at: number, choice: number]

export interface Schedule {
  /** Of the random numbers that the program draws. */
  readonly seed: number
  /** In the order of the decisions. */
  readonly deviations: ReadonlyArray<Deviation>
}

/** `seed` alone, or `seed:at.choice-at.choice-...`, with `.1` left out. */
export const encode = ({ deviations, seed }: Schedule): string =>
  deviations.length === 0
    ? `${seed}`
    : `${seed}:${deviations.map(([at, choice]) => (choice === 1 ? `${at}` : `${at}.${choice}`)).join("-")}`

const pattern = /^(?<seed>\d+)(?::(?<deviations>\d+(?:\.\d+)?(?:-\d+(?:\.\d+)?)*))?$/

/** The schedule that `encode` wrote; undefined for any other text. */
export const decode = (text: string): Schedule | undefined => {
  const groups = pattern.exec(text.trim())?.groups
  if (groups === undefined) return undefined
  const deviations = (groups["deviations"] ?? "")
    .split("-")
    .filter((part) => part !== "")
    .map((part): Deviation => {
      const [at, choice = "1"] = part.split(".")
      return [Number(at), Number(choice)]
    })
  return { seed: Number(groups["seed"]), deviations }
}
