/** The command, run in this process: real files, and all else as the test gives it. */
import * as ConfigProvider from "effect/ConfigProvider"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Terminal from "effect/Terminal"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { run } from "../../src/cli/command.ts"
import * as Node from "../../src/cli/node.ts"

export interface Given {
  readonly env?: Readonly<Record<string, string>>
  readonly stdoutIsTerminal?: boolean
  readonly stderrIsTerminal?: boolean
}

export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** What the command prints, and its exit code. */
export const ryker = (args: ReadonlyArray<string>, given: Given = {}): Effect.Effect<Outcome> =>
  Effect.gen(function* () {
    const { env = {}, stderrIsTerminal = false, stdoutIsTerminal = false } = given
    let [stdout, stderr] = ["", ""]
    const console: Console.Console = {
      ...globalThis.console,
      log: (text: string) => {
        stdout += `${text}\n`
      },
      error: (text: string) => {
        stderr += `${text}\n`
      }
    }
    const code = yield* run(args, "1.2.3").pipe(
      Effect.updateService(Stdio.Stdio, (stdio) => ({
        ...stdio,
        stdoutIsTerminal: Effect.succeed(stdoutIsTerminal),
        stderrIsTerminal: Effect.succeed(stderrIsTerminal)
      })),
      Effect.updateService(Terminal.Terminal, (terminal) => ({
        ...terminal,
        display: (text) =>
          Effect.sync(() => {
            stdout += text
          })
      })),
      Effect.provide(Node.layer),
      Effect.provideService(Console.Console, console),
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env, preserveEmptyStrings: true }))
    )
    return { code, stdout, stderr }
  })

/** A folder that goes when the test is done, with files in it. */
export const folderWith = (files: Readonly<Record<string, string>>) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "ryker-cli-"))),
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
    ),
    (folder) => {
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
      return (name: string) => join(folder, name)
    }
  )
