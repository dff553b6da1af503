/** The schedules under which tests have failed, in a file beside each test file. */
// oxlint-disable-next-line no-restricted-imports -- vitest runs on Node
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"

/** Schedules by the name of the test. */
type Failures = Record<string, ReadonlyArray<string>>

const fileOf = (testFile: string): string =>
  testFile.replace(/(?:\.(?:test|spec))?\.[cm]?[jt]sx?$/, "") + ".schedules.json"

const read = (path: string): Failures => {
  if (!existsSync(path)) return {}
  try {
    // What is not as it was written is of no use, and is written anew.
    return JSON.parse(readFileSync(path, "utf8")) as Failures
  } catch {
    return {}
  }
}

/** The schedules that the test has to pass first. */
export const recall = (testFile: string, test: string): ReadonlyArray<string> => read(fileOf(testFile))[test] ?? []

/** Keeps what the test failed under; with no schedules, forgets it. Done in one step, so that tests of a file don't mix. */
export const keep = (testFile: string, test: string, schedules: ReadonlyArray<string>): void => {
  const path = fileOf(testFile)
  const { [test]: before, ...others } = read(path)
  if (before === undefined && schedules.length === 0) return
  const failures: Failures = schedules.length === 0 ? others : { ...others, [test]: schedules }
  if (Object.keys(failures).length === 0) return rmSync(path, { force: true })
  const sorted = Object.fromEntries(Object.entries(failures).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  writeFileSync(path, `${JSON.stringify(sorted, undefined, 2)}\n`)
}
