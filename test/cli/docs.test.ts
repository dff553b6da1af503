/** Runs what docs/cli.md shows, in a shell, and compares. `UPDATE_DOCS=1` writes what was printed into the page. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { spawn } from "node:child_process"
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join, resolve } from "node:path"
import { Actor, Ryker } from "../../src/index.ts"
import { Mailer, Payment, Quiet, serve, Shop, Stock } from "./shop.fixtures.ts"

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
const runBlock = async (steps: ReadonlyArray<Step>, folder: string, host: string): Promise<ReadonlyArray<Step>> => {
  const end = "--- end of a step ---"
  for (const { command, output } of steps) {
    // What the page shows of a file is the file.
    const shown = /^cat (\S+)$/.exec(command)?.[1]
    if (shown !== undefined) writeFileSync(join(folder, shown), `${output}\n`)
  }
  const script = steps.map(({ command }) => `${command}\ncode=$?; echo '${end}'; (exit $code)`).join("\n")
  const shell = spawn("sh", ["-c", `exec 2>&1\n${script.replaceAll(shownHost, host)}`], {
    cwd: folder,
    env: { PATH: [join(folder, "bin"), process.env["PATH"]].join(delimiter), RYKER_INSPECTOR_URL: `${host}/ryker` },
    stdio: ["ignore", "pipe", "inherit"]
  })
  let stdout = ""
  shell.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString()
  })
  await new Promise((done) => {
    shell.on("close", done)
  })
  const outputs = stdout.replaceAll(host, shownHost).split(`${end}\n`)
  return steps.map(({ command }, index) => ({ command, output: outputs[index]!.trimEnd() }))
}

/** Where the page has the host that it asks; here it is on another port. */
const shownHost = "http://127.0.0.1:3000"

/** What the host does between two looks at it, in a second of its own time. */
const work = Effect.gen(function* () {
  const stock = yield* Stock
  const reservations = ["apples", "pears"].flatMap((id, n) =>
    Array.from({ length: 40 - 20 * n }, () => stock.get(id).ask.Reserve({ count: 1 }))
  )
  const done = yield* Effect.forkChild(Effect.orDie(Effect.all(reservations, { concurrency: "unbounded" })))
  yield* TestClock.adjust("1 second")
  yield* Fiber.join(done)
})

/** What has happened before anybody looks. */
const past = Effect.gen(function* () {
  const [mailer, payment] = [yield* Mailer, yield* Payment]
  yield* payment.tell.Charge()
  yield* Actor.suspend(mailer)
  yield* Effect.repeat(mailer.tell.Send(), { times: 39 })
  yield* TestClock.adjust("30 seconds")
  yield* Ryker.reload({ defaults: { deadline: "250ms" } }, { source: "SIGHUP" })
})

const textOf = (steps: ReadonlyArray<Step>): string =>
  steps.map(({ command, output }) => `$ ${command}\n${output === "" ? "" : `${output}\n`}`).join("")

describe.skipIf(process.platform === "win32")("the page on the command", () => {
  it.effect(
    "shows what the commands print",
    () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(Date.UTC(2026, 10, 28, 9, 30))
        yield* Effect.gen(function* () {
          const context = yield* Effect.context<Stock>()
          const { port } = yield* serve({ beforeState: Effect.provideContext(work, context) })
          yield* past
          yield* Effect.promise(() => compare(`http://127.0.0.1:${port}`))
        }).pipe(Effect.scoped, Effect.provide(Shop), Effect.provide(Quiet))
      }),
    120_000
  )
})

const compare = async (host: string) => {
  const folder = mkdtempSync(join(tmpdir(), "ryker-docs-"))
  try {
    mkdirSync(join(folder, "bin"))
    writeFileSync(
      join(folder, "bin", "ryker"),
      `#!/bin/sh\nexec "${process.execPath}" "${resolve("src/cli/bin.ts")}" "$@"\n`
    )
    chmodSync(join(folder, "bin", "ryker"), 0o755)
    const shown = readFileSync(page, "utf8")
    let [count, printed, end] = [0, "", 0]
    for (const block of shown.matchAll(/(?<=^```console\n)[^]*?(?=^```$)/gm)) {
      const steps = stepsOf(block[0])
      count += steps.length
      printed += shown.slice(end, block.index) + textOf(await runBlock(steps, folder, host))
      end = block.index + block[0].length
    }
    printed += shown.slice(end)
    if (process.env["UPDATE_DOCS"] === "1") writeFileSync(page, printed)
    else assert.strictEqual(shown, printed)
    assert.isAbove(count, 10)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
