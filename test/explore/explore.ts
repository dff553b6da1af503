/** Runs the programs of a scenario under many schedules. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Explore from "../../src/testing/Explore.ts"
import { scenarios } from "./programs/index.ts"
import type { Program } from "./programs/world.ts"

/** A thousand schedules at random, of two kinds and with two ideas of time; and the simplest ones, each of them. */
const explorations: Readonly<Record<string, Explore.Options>> = {
  "at random": { seeds: 400 },
  // Other schedules than those of the same seeds with stalls: the time goes on only when all has been done.
  "at random, without stalls": { seeds: 300, stall: 0 },
  "by priorities": { seeds: 300, strategy: Explore.pct() },
  "with two deviations at the most": { seeds: 300, strategy: Explore.exhaustive({ deviations: 2 }) }
}

/** Far above what they take, as the machine may be busy. */
const timeout = 60_000

export const explore = (scenario: keyof typeof scenarios): void => {
  const programs: Readonly<Record<string, Program>> = scenarios[scenario]
  // The title is a string, which the linter does not see.
  // oxlint-disable-next-line vitest/valid-title
  describe(scenario, () => {
    for (const [name, program] of Object.entries(programs)) {
      it.effect.each(Object.keys(explorations))(
        `${name}, %s`,
        (how) =>
          Effect.gen(function* () {
            const options = explorations[how]!
            const { exhausted, schedules } = yield* Explore.run(program, options)
            assert.isTrue(exhausted || schedules === options.seeds)
          }),
        timeout
      )
    }
  })
}
