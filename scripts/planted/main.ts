// Plants faults in the run loop, one at a time, and checks that exploring schedules finds each, and that a plain run of the same
// programs does not find most. Options:
//   --only NAME     one fault
//   --unit          instead, runs the plain test suite against each fault, and says which it misses (half an hour)
import { execFile } from "node:child_process"
import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import { type Fault, faults } from "./faults.ts"
import type { Trial } from "./trial.ts"

const { values: options } = parseArgs({
  options: { only: { type: "string" }, unit: { type: "boolean", default: false } }
})
const chosen = faults.filter(({ name }) => options.only === undefined || name === options.only)
if (chosen.length === 0) throw new Error(`no fault is called "${options.only}"`)

/** A fault may make a program go on for ever. */
const timeLimitMillis = 180_000

interface Ended {
  readonly code: number | "too long"
  readonly stdout: string
  readonly stderr: string
}

const run = (args: ReadonlyArray<string>, env: NodeJS.ProcessEnv, timeout: number): Promise<Ended> =>
  new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      args,
      { env: { ...process.env, ...env }, timeout, maxBuffer: 1 << 26 },
      (error, stdout, stderr) => {
        const code = error?.killed === true ? "too long" : (child.exitCode ?? 1)
        resolve({ code, stdout, stderr })
      }
    )
  })

/** All of them, as many at a time as there are cores. */
const forEach = async <A, B>(items: ReadonlyArray<A>, use: (item: A) => Promise<B>): Promise<ReadonlyArray<B>> => {
  const results: Array<B> = []
  const waiting = Array.from(items.entries())
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) results[next[0]] = await use(next[1])
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  return results
}

// --- Exploring ----------------------------------------------------------------------------------------------------------

/** What came of the trial, or how it broke off. */
const attempt = async (name: string): Promise<Trial | string> => {
  const { code, stderr, stdout } = await run([`${import.meta.dirname}/trial.ts`, name], {}, timeLimitMillis)
  return code === 0 ? (JSON.parse(stdout) as Trial) : `the trial of "${name}" ended with ${code}:\n${stderr}`
}

const rowOf = ({ name }: Fault, { explored, plain }: Trial): string => {
  const cells =
    explored === undefined
      ? [name, "NOT FOUND", "", "", ""]
      : [name, explored.program, explored.fault, `${explored.run}`, `${explored.deviations}`]
  const found = plain.length === 0 ? "no" : `yes: ${plain.map(({ program }) => program).join("; ")}`
  return `| ${[...cells, found].join(" | ")} |`
}

const explore = async (): Promise<ReadonlyArray<string>> => {
  const all = await forEach(["none", ...chosen.map(({ name }) => name)], attempt)
  const brokenOff = all.filter((trial) => typeof trial === "string")
  if (brokenOff.length > 0) return brokenOff
  const [sound, ...trials] = all.filter((trial) => typeof trial !== "string")
  console.log("| fault | found by | as | at run | deviations | found by a plain run |")
  console.log("| --- | --- | --- | --- | --- | --- |")
  for (const [index, trial] of trials.entries()) console.log(rowOf(chosen[index]!, trial))
  const missed = trials.filter(({ plain }) => plain.length === 0).length
  const found = trials.filter(({ explored }) => explored !== undefined).length
  console.log(
    `\n${trials.length} faults: exploring finds ${found}, plain runs of the same programs ${trials.length - missed}`
  )
  return [
    ...[...sound!.plain, ...(sound!.explored === undefined ? [] : [sound!.explored])].map(
      ({ detail, fault, program }) => `without a fault, "${program}" fails: ${fault}: ${detail}`
    ),
    ...(found < trials.length ? ["some faults are not found"] : []),
    ...(missed * 2 < trials.length ? ["plain runs find more than half of the faults: they are not subtle enough"] : [])
  ]
}

// --- The plain test suite -----------------------------------------------------------------------------------------------

const unit = async (): Promise<ReadonlyArray<string>> => {
  let missed = 0
  for (const { name } of chosen) {
    const vitest = [
      "node_modules/vitest/vitest.mjs",
      "run",
      "--bail",
      "1",
      "--reporter",
      "dot",
      "--testTimeout",
      "120000"
    ]
    const config = ["--root", ".", "--config", `${import.meta.dirname}/vitest.config.ts`]
    const { code, stderr, stdout } = await run([...vitest, ...config], { PLANTED_FAULT: name, NO_COLOR: "1" }, 600_000)
    if (code === 0) missed++
    const first = /FAIL {1,}(?<test>.*)/.exec(stdout + stderr)?.groups?.["test"]?.trim() ?? `it ended with ${code}`
    console.log(`| ${name} | ${code === 0 ? "no" : `yes: ${first}`} |`)
  }
  console.log(`\n${chosen.length} faults: the plain test suite misses ${missed}`)
  return []
}

const problems = await (options.unit ? unit() : explore())
for (const problem of problems) console.error(problem)
process.exitCode = problems.length > 0 ? 1 : 0
