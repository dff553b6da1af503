/** The commands of the runbook: every block that is marked `sh`. */
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"

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

/** Runs a block as it stands. Gives what is wrong with it: it failed, or it found nothing to print. */
export const run = (
  block: Block,
  env: Readonly<Record<string, string>>
): { readonly problem?: string; readonly output: string } => {
  const { signal, status, stderr, stdout } = spawnSync("bash", ["-euo", "pipefail", "-c", block.script], {
    encoding: "utf8",
    env: { ...process.env, ...env },
    timeout: 20_000
  })
  const output = stdout + stderr
  if (status !== 0) return { problem: `ended with ${signal ?? `exit code ${status}`}`, output }
  return stdout.trim() === "" ? { problem: "printed nothing", output } : { output }
}
