/** Which schedules are run, one after the other. */
import { type Attempt, seeded } from "./attempt.ts"
import type { Deviation } from "./schedule.ts"
import { byPriority, type Chooser, following, uniform } from "./strategy.ts"

export type Strategy =
  | { readonly _tag: "Random" }
  | { readonly _tag: "Pct"; readonly depth: number }
  | { readonly _tag: "Exhaustive"; readonly deviations: number }

/** The seeds of the runs to be, in their order: there may be millions. */
export interface Seeds {
  readonly length: number
  at(place: number): number | undefined
}

export interface Plan {
  /** The next run; undefined when there is no other. */
  readonly next: () => { readonly seed: number; readonly chooser: Chooser } | undefined
  /** Told what came of the last one. */
  readonly learn: (attempt: Attempt) => void
}

export const planOf = (strategy: Strategy, seeds: Seeds): Plan => {
  switch (strategy._tag) {
    case "Random":
      return seedBySeed(seeds, (seed) => uniform(seeded(`${seed}/schedule`)))
    case "Pct": {
      let longest = 1
      return {
        ...seedBySeed(seeds, (seed) => byPriority(seeded(`${seed}/schedule`), strategy.depth, longest)),
        learn: ({ decisions }) => {
          longest = Math.max(longest, decisions)
        }
      }
    }
    case "Exhaustive":
      return oneByOne(strategy.deviations, seeds.at(0) ?? 0)
  }
}

const seedBySeed = (seeds: Seeds, chooserOf: (seed: number) => Chooser): Plan => {
  let place = 0
  return {
    next: () => {
      const seed = place < seeds.length ? seeds.at(place++) : undefined
      return seed === undefined ? undefined : { seed, chooser: chooserOf(seed) }
    },
    learn: () => {}
  }
}

/**
 * Every schedule with at most `most` deviations, those with fewer first. Each is one that was run before, with one
 * deviation more, later than all of its own: so none is left out, and none comes twice.
 */
const oneByOne = (most: number, seed: number): Plan => {
  let current: ReadonlyArray<Deviation> = []
  let successors: Iterator<ReadonlyArray<Deviation>> = [current].values()
  const waiting: Array<Iterator<ReadonlyArray<Deviation>>> = []
  return {
    next: () => {
      let next = successors.next()
      while (next.done === true) {
        const following = waiting.shift()
        if (following === undefined) return undefined
        successors = following
        next = successors.next()
      }
      current = next.value
      return { seed, chooser: following(current) }
    },
    learn: ({ forks }) => {
      if (current.length < most) waiting.push(successorsOf(current, forks))
    }
  }
}

function* successorsOf(
  deviations: ReadonlyArray<Deviation>,
  forks: Attempt["forks"]
): Generator<ReadonlyArray<Deviation>, void> {
  const last = deviations.at(-1)?.[0] ?? -1
  for (const [at, choices] of forks) {
    if (at <= last) continue
    for (let choice = 1; choice < choices; choice++) yield [...deviations, [at, choice]]
  }
}
