// Runs all programs with one fault planted, named by the first argument, or with none; a process of its own for `main.ts`.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { readFileSync } from "node:fs"
import { registerHooks } from "node:module"
import { faults, plant } from "./faults.ts"

/** What a run found. */
export interface Finding {
  readonly program: string
  readonly fault: string
  readonly detail: string
  /** Which run it was, and how many deviations it needs. */
  readonly run: number
  readonly deviations: number
}

export interface Trial {
  /** The programs that fail with the schedule that comes by itself. */
  readonly plain: ReadonlyArray<Finding>
  /** What exploring finds first, with the default options. */
  readonly explored: Finding | undefined
}

const fault = faults.find(({ name }) => name === process.argv[2])
if (fault !== undefined) {
  const file = new URL(`../../src/${fault.file}`, import.meta.url)
  const source = plant(readFileSync(file, "utf8"), fault)
  // No file is changed: only what this process sees of it.
  registerHooks({
    load: (url, context, nextLoad) => {
      const loaded = nextLoad(url, context)
      return url === file.href ? { ...loaded, source } : loaded
    }
  })
}

// Only now, so that they see the fault.
const { programs } = await import("../../test/explore/programs/index.ts")
const Explore = await import("../../src/testing/Explore.ts")

const find = (program: string, options: Parameters<typeof Explore.run>[1]): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.map(
    Effect.result(Effect.catchTag(Explore.run(programs[program]!, options), "InvalidOption", Effect.die)),
    (result) =>
      Result.isSuccess(result)
        ? []
        : [
            {
              program,
              fault: result.failure.fault,
              detail: result.failure.detail,
              run: result.failure.run,
              deviations: result.failure.deviations
            }
          ]
  )

if (fault !== undefined && programs[fault.program] === undefined) throw new Error(`no program is "${fault.program}"`)
const names = Object.keys(programs).toSorted((a, b) => Number(b === fault?.program) - Number(a === fault?.program))
const trial = Effect.gen(function* () {
  const plain = yield* Effect.forEach(names, (name) => find(name, { replay: "0" }))
  let explored: Finding | undefined
  for (const name of names) {
    explored = (yield* find(name, {}))[0]
    if (explored !== undefined) break
  }
  return { plain: plain.flat(), explored } satisfies Trial
})

console.log(JSON.stringify(await Effect.runPromise(trial)))
