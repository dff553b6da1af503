/** The report of a drill, as Markdown to keep. */
import type { Check } from "./checks.ts"

export interface Drill {
  readonly name: string
  /** What is done to the service. */
  readonly what: string
  readonly checks: ReadonlyArray<Check>
}

/** A drill that has looked at nothing has shown nothing. */
export const passed = ({ checks }: Drill): boolean => checks.length > 0 && checks.every((check) => check.passed)

const verdict = (isPassed: boolean) => (isPassed ? "pass" : "**FAIL**")

const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ")

export const report = (drills: ReadonlyArray<Drill>, facts: Readonly<Record<string, string>>): string => {
  const failures = drills.filter((drill) => !passed(drill)).length
  const sections = drills.map((drill) =>
    [
      `## ${drill.name}: ${verdict(passed(drill))}`,
      "",
      drill.what,
      "",
      "| must be seen | was seen | |",
      "| --- | --- | --- |",
      ...drill.checks.map(({ claim, passed, seen }) => `| ${cell(claim)} | ${cell(seen)} | ${verdict(passed)} |`)
    ].join("\n")
  )
  const heading = [
    "# Chaos drill of the gateway",
    "",
    ...Object.entries(facts).map(([fact, value]) => `- ${fact}: ${value}`),
    `- verdict: ${failures === 0 ? `pass, ${drills.length} drills` : `**FAIL**, ${failures} of ${drills.length} drills`}`
  ].join("\n")
  return `${[heading, ...sections].join("\n\n")}\n`
}
