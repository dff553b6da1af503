/** The commands of the runbook: every block that is marked `sh`. */
import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { promisify } from "node:util"

const execute = promisify(execFile)

export interface Block {
  readonly line: number
  readonly script: string
}

/** The blocks of a page, in their order. */
export const blocksOf = (page: string): ReadonlyArray<Block> => {
  const text = readFileSync(page, "utf8")
  return Array.from(text.matchAll(/^```sh\n([\s\S]*?)^```$/gm), (match) => ({
    line: text.slice(0, match.index).split("\n").length,
    script: match[1]!
  }))
}

/** What `execFile` fails with. */
interface Failure {
  readonly code: number
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a block as it stands. Gives what is wrong with it: it failed, or it found nothing to print. */
export const run = async (
  block: Block,
  env: Readonly<Record<string, string>>
): Promise<{ readonly problem?: string; readonly output: string }> => {
  const options = { env: { ...process.env, ...env }, timeout: 20_000, encoding: "utf8" } as const
  try {
    const { stderr, stdout } = await execute("bash", ["-euo", "pipefail", "-c", block.script], options)
    const output = stdout + stderr
    return stdout.trim() === "" ? { problem: "printed nothing", output } : { output }
  } catch (error) {
    const { code, signal, stderr, stdout } = error as Failure
    return { problem: `ended with ${signal ?? `exit code ${code}`}`, output: stdout + stderr }
  }
}
