/** Runs what docs/cli.md shows, in a shell, and compares. `UPDATE_DOCS=1` writes what was printed into the page. */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join, resolve } from "node:path"

const page = "docs/cli.md"

interface Step {
  readonly command: string
  readonly output: string
}

/** The commands of a block, each with the lines that follow it. */
const stepsOf = (block: string): ReadonlyArray<Step> =>
  block
    .split(/^\$ /m)
    .slice(1)
    .map((text) => {
      const [command, ...output] = text.trimEnd().split("\n")
      return { command: command!, output: output.join("\n") }
    })

/** What each command of a block printed; they share one shell, and see each other's exit codes. */
const runBlock = (steps: ReadonlyArray<Step>, folder: string): ReadonlyArray<Step> => {
  const end = "--- end of a step ---"
  for (const { command, output } of steps) {
    // What the page shows of a file is the file.
    const shown = /^cat (\S+)$/.exec(command)?.[1]
    if (shown !== undefined) writeFileSync(join(folder, shown), `${output}\n`)
  }
  const script = steps.map(({ command }) => `${command}\ncode=$?; echo '${end}'; (exit $code)`).join("\n")
  const { stdout } = spawnSync("sh", ["-c", `exec 2>&1\n${script}`], {
    cwd: folder,
    encoding: "utf8",
    env: { PATH: [join(folder, "bin"), process.env["PATH"]].join(delimiter) }
  })
  const outputs = stdout.split(`${end}\n`)
  return steps.map(({ command }, index) => ({ command, output: outputs[index]!.trimEnd() }))
}

const textOf = (steps: ReadonlyArray<Step>): string =>
  steps.map(({ command, output }) => `$ ${command}\n${output === "" ? "" : `${output}\n`}`).join("")

describe.skipIf(process.platform === "win32")("the page on the command", () => {
  it("shows what the commands print", { timeout: 60_000 }, () => {
    const folder = mkdtempSync(join(tmpdir(), "ryker-docs-"))
    try {
      mkdirSync(join(folder, "bin"))
      writeFileSync(
        join(folder, "bin", "ryker"),
        `#!/bin/sh\nexec "${process.execPath}" "${resolve("src/cli/bin.ts")}" "$@"\n`
      )
      chmodSync(join(folder, "bin", "ryker"), 0o755)
      const shown = readFileSync(page, "utf8")
      let count = 0
      const printed = shown.replaceAll(/(?<=^```console\n)[^]*?(?=^```$)/gm, (block) => {
        const steps = stepsOf(block)
        count += steps.length
        return textOf(runBlock(steps, folder))
      })
      if (process.env["UPDATE_DOCS"] === "1") writeFileSync(page, printed)
      else assert.strictEqual(shown, printed)
      assert.isAbove(count, 10)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
