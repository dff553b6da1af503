/** The command as a process of its own. */
import { assert, describe, it } from "@effect/vitest"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { chmodSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { afterAll } from "vitest"

const source = resolve("src/cli/bin.ts")
const built = resolve("dist/cli/bin.js")
const folder = mkdtempSync(join(tmpdir(), "ryker-bin-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Nothing of the environment in which the tests run. */
const environment = (env: Readonly<Record<string, string>>) => ({ PATH: process.env["PATH"], ...env })

const ryker = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}, bin = source) => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [bin, ...args], {
    cwd: folder,
    encoding: "utf8",
    env: environment(env)
  })
  return { code: status, stdout, stderr }
}

const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text)
  return name
}

const codeOf = (child: ChildProcess) =>
  new Promise<number | null>((done) => {
    child.on("exit", done)
  })

describe("the process", { timeout: 30_000 }, () => {
  it("reads a file by the path that it is given, and repeats that path", () => {
    const name = file("a.toml", '[defaults]\ndeadline = "250ms"\n')
    const { code, stderr, stdout } = ryker(["config", "print", "--file", name])
    assert.deepStrictEqual([code, stderr], [0, ""])
    assert.match(stdout, /^deadline = "250ms" +# a\.toml, line 2$/m)
    assert.notInclude(stdout, "\u001B")
  })

  it("reads the environment, an empty value too", () => {
    const { code, stderr, stdout } = ryker(["config", "check"], { RYKER_DEFAULT_DEADLINE: "", RYKER_NOPE: "1" })
    assert.deepStrictEqual([code, stdout], [1, ""])
    assert.include(stderr, "2 problems")
    assert.include(stderr, "RYKER_DEFAULT_DEADLINE")
    assert.include(stderr, "RYKER_NOPE must be a name that is known")
  })

  it("prints JSON that parses, with exit code 1 when settings are wrong", () => {
    const valid = ryker(["config", "print", "--json"])
    assert.strictEqual(valid.code, 0)
    assert.isTrue(JSON.parse(valid.stdout).ok)
    const wrong = ryker(["config", "print", "--json", "--file", "missing.toml"])
    assert.deepStrictEqual([wrong.code, wrong.stderr], [1, ""])
    assert.isFalse(JSON.parse(wrong.stdout).ok)
  })

  it("is refused in production as a program is", () => {
    const env = { RYKER_CONFIG_PATH: file("b.toml", ""), NODE_ENV: "production" }
    assert.strictEqual(ryker(["config", "check"], env).code, 1)
    assert.strictEqual(ryker(["config", "check"], { ...env, RYKER_ALLOW_CONFIG_PATH: "1" }).code, 0)
  })

  it("ends with exit code 2 when it is called wrongly", () => {
    const { code, stdout } = ryker(["config", "check", "--nope"])
    assert.deepStrictEqual([code, stdout], [2, ""])
  })

  // Root may read anything.
  it.skipIf(process.getuid?.() === 0 || process.platform === "win32")("tells that a file may not be read", () => {
    const name = file("secret.toml", "")
    chmodSync(join(folder, name), 0)
    const { code, stderr } = ryker(["config", "check", "--file", name])
    assert.strictEqual(code, 1)
    assert.include(stderr, "PermissionDenied")
  })

  it("says nothing when its reader goes", async () => {
    const child = spawn(process.execPath, [source, "config", "schema"], { env: environment({}) })
    let stderr = ""
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString()
    })
    child.stdout.destroy()
    assert.strictEqual(await codeOf(child), 0)
    assert.strictEqual(stderr, "")
  })

  it.skipIf(!existsSync("/dev/full"))("fails when its output cannot be written", () => {
    const { status, stderr } = spawnSync(process.execPath, [source, "config", "schema"], {
      encoding: "utf8",
      env: environment({}),
      stdio: ["ignore", openSync("/dev/full", "w"), "pipe"]
    })
    assert.strictEqual(status, 1)
    assert.include(stderr, "the output could not be written: ENOSPC")
  })

  it.skipIf(!existsSync(built))("is the same when built, with the version of the package", () => {
    assert.strictEqual(readFileSync(built, "utf8").split("\n")[0], "#!/usr/bin/env node")
    const { version } = JSON.parse(readFileSync("package.json", "utf8"))
    assert.strictEqual(ryker(["--version"], {}, built).stdout, `ryker v${version}\n`)
    assert.deepStrictEqual(ryker(["config", "check"], {}, built), ryker(["config", "check"]))
  })
})
