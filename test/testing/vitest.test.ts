import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { promisify } from "node:util"
import * as Explore from "../../src/testing/Explore.ts"
import { explore, it } from "../../src/testing/vitest.ts"

const root = resolve(import.meta.dirname, "../..")

/** A test that passes on its own, and fails when the second step is taken before the first. */
const source = `
import * as Effect from "effect/Effect"
import { it } from "${root}/src/testing/vitest.ts"

const two = (isRight: (order: string) => boolean) =>
  Effect.gen(function* () {
    let order = ""
    const step = (letter: string) => Effect.andThen(Effect.yieldNow, Effect.sync(() => { order += letter }))
    yield* Effect.all([step("a"), step("b")], { concurrency: "unbounded" })
    if (!isRight(order)) return yield* Effect.die(new Error("it was " + order))
  })

const isMended = process.env["MENDED"] === "1"
it.explore("finds it's wrong (a [b])", two((order) => isMended || order === "ab"), { seeds: 50, regressions: true })
it.explore("is right", two(() => true), { seeds: 50, budget: 0 })
it.explore.skip("is left out", Effect.die("it was not"))
it.effect("is beside other tests", () => Effect.void)
`

/** Runs vitest on the test in a folder of its own. */
const withProject = (
  use: (run: (env: NodeJS.ProcessEnv, args?: ReadonlyArray<string>) => Promise<string>, folder: string) => Promise<void>
) =>
  Effect.promise(async () => {
    const folder = mkdtempSync(join(tmpdir(), "ryker-vitest-"))
    try {
      symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))
      writeFileSync(join(folder, "wrong.test.ts"), source)
      await use((env, args = []) => {
        const all = ["node_modules/vitest/vitest.mjs", "run", "--reporter=verbose", ...args]
        return promisify(execFile)(process.execPath, all, {
          cwd: folder,
          env: { ...process.env, NO_COLOR: "1", ...env }
        }).then(
          ({ stdout }) => stdout,
          ({ stderr, stdout }: { stderr: string; stdout: string }) => stdout + stderr
        )
      }, folder)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

describe("it.explore", () => {
  it.explore("runs the program under each of its schedules", Effect.yieldNow, { seeds: 20 })
  explore("stands alone, too", Effect.yieldNow, { strategy: Explore.pct(), seeds: 20 })
  it.effect("has the other tests beside it", () => Effect.void)

  it.effect(
    "fails with the command that runs the schedule alone, and runs it first the next time",
    () =>
      withProject(async (run, folder) => {
        const kept = join(folder, "wrong.schedules.json")
        const first = await run({})
        assert.include(first, "1 failed | 2 passed | 1 skipped")
        assert.include(first, "Failure: Error: it was ba")
        const command = /RYKER_REPLAY=(\S+) npx vitest run wrong\.test\.ts -t '(.+)'$/m.exec(first)
        assert.isNotNull(command)
        const [, schedule, name] = command
        assert.deepStrictEqual(JSON.parse(readFileSync(kept, "utf8")), { "finds it's wrong (a [b])": [schedule] })

        const pattern = name!.replaceAll(String.raw`'\''`, "'")
        const alone = await run({ RYKER_REPLAY: schedule! }, ["wrong.test.ts", "-t", pattern])
        assert.include(alone, "1 failed | 3 skipped")
        assert.include(alone, "Run 1.")

        // The schedule that was kept comes first.
        assert.include(await run({}), "Run 1.")
        assert.isTrue(existsSync(kept))
        assert.include(await run({ MENDED: "1" }), "3 passed | 1 skipped")
        assert.isFalse(existsSync(kept))
      }),
    60_000
  )

  it.effect(
    "says how many schedules there were when the budget is used up",
    () =>
      withProject(async (run) => {
        assert.include(await run({ MENDED: "1" }), "0 of 50 schedules were run: the budget of 0 was used up")
      }),
    60_000
  )
})
