/** `ryker top` and `ryker tail` as processes, in pipes and in terminals. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs"
import { spawn } from "node:child_process"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, onTestFinished } from "vitest"
import * as F from "./host.fixtures.ts"
import { bin, endAll, hasTerminals, run, runInTerminal, until } from "./process.fixtures.ts"

const folder = mkdtempSync(join(tmpdir(), "ryker-host-"))
afterAll(() => {
  endAll()
  rmSync(folder, { recursive: true, force: true })
})

const host = async () => {
  const host = await F.fakeHost()
  onTestFinished(() => host.stop())
  host.answer("state", F.state({ actors: [F.actor("Account"), F.actor("Ledger", { depth: 3, status: "busy" })] }))
  return host
}

const timeout = 60_000

describe("ryker top in a pipe", { timeout }, () => {
  it("prints once and ends", async () => {
    const { url } = await host()
    const top = run(["top", "--interval", "250ms", "--url", url])
    assert.deepStrictEqual(await top.ended, { code: 0, signal: null })
    assert.strictEqual(
      top.stdout(),
      `running  09:30:00Z  ${url}  every 250ms
2 actors: 1 running, 1 busy
accepted 0/s  handled 0/s  failed 0/s  refused 0/s  dropped 0/s
queued 0  in hand 0  crashes 0  restarts 0  dead letters 0

DONE/S FAIL/S BUSY/S DROP/S QUEUED  HAND    P50    P99 CRASH RESTART DEFINITION

STATUS             DEPTH       DOING               INC ACTOR
running   ........ 0/256                             1 Account
busy      |....... 3/256                             1 Ledger
`
    )
  })
})

describe("ryker tail in a pipe", { timeout }, () => {
  it("ends quietly with 0 when its reader goes", async () => {
    const { answer, url } = await host()
    answer("events", (request, response) => {
      let id = 0
      F.stream("")(request, response)
      const more = setInterval(() => response.write(F.frame(F.suspended(++id))), 20)
      request.socket.on("close", () => clearInterval(more))
    })
    const tail = run(["tail", "--json", "--url", url])
    await until(() => tail.stdout().includes("\n"))
    tail.child.stdout!.destroy()
    assert.deepStrictEqual(await tail.ended, { code: 0, signal: null })
    assert.strictEqual(tail.stderr(), "")
  })

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it(`is ended by ${signal} as shells expect it`, async () => {
      const { answer, url } = await host()
      answer("events", F.stream(F.frame(F.suspended(1))))
      const tail = run(["tail", "--url", url])
      await until(() => tail.stdout().includes("\n"))
      tail.child.kill(signal)
      assert.deepStrictEqual(await tail.ended, { code: null, signal })
      assert.strictEqual(tail.stderr(), "")
    })
  }

  it.skipIf(!existsSync("/dev/full"))("fails when its output cannot be written", async () => {
    const { answer, url } = await host()
    answer("events", F.stream(F.frame(F.suspended(1))))
    const child = spawn(process.execPath, [bin, "tail", "--url", url], {
      stdio: ["ignore", openSync("/dev/full", "w"), "pipe"]
    })
    let stderr = ""
    child.stderr!.on("data", (chunk: Buffer) => {
      stderr += chunk.toString()
    })
    const code = await new Promise((done) => {
      child.on("close", done)
    })
    assert.strictEqual(code, 1)
    assert.include(stderr, "the output could not be written: ENOSPC")
  })

  it("has no colours where NO_COLOR is set, and JSON has none anywhere", async () => {
    const { answer, url } = await host()
    answer("events", F.stream(F.frame(F.suspended(1))))
    const outputs = []
    for (const [args, env] of [
      [["-n", "1"], { FORCE_COLOR: "1" }],
      [["-n", "1"], { FORCE_COLOR: "1", NO_COLOR: "1" }],
      [["-n", "1", "--json"], { FORCE_COLOR: "1" }]
    ] as const) {
      const tail = run(["tail", "--url", url, ...args], env)
      assert.strictEqual((await tail.ended).code, 0)
      outputs.push(tail.stdout().includes("\u001B["))
    }
    assert.deepStrictEqual(outputs, [true, false, false])
  })
})

describe.skipIf(!hasTerminals)("ryker top in a terminal", { timeout }, () => {
  const isUp = (top: { lines: () => ReadonlyArray<string> }) => () =>
    top.lines().some((line) => line.endsWith(" Ledger"))

  it("takes the screen, obeys keys, and gives the screen and the keyboard back by q", async () => {
    const { url } = await host()
    const top = runInTerminal(["top", "--url", url], { after: `echo "code $code"; stty -a | grep -o -- "-*icanon";` })
    await until(isUp(top))
    assert.isTrue(top.isAlternate())
    assert.match(top.lines()[0]!, /^running {2}09:30:00Z/)
    top.type("/led")
    await until(() => !top.lines().some((line) => line.endsWith(" Account")) && isUp(top)())
    assert.strictEqual(top.lines().at(-1), "/led")
    // An Esc alone, and arrows, which begin with one.
    top.type("\u001B")
    await until(() => top.lines().some((line) => line.endsWith(" Account")))
    top.type("\u001B[B\u001B[B")
    await until(() => top.lines().at(-2)!.startsWith("Ledger  busy"))
    top.type("q")
    assert.strictEqual((await top.ended).code, 0)
    assert.isFalse(top.isAlternate())
    const [first, ...rest] = top.lines().filter((line) => line !== "")
    assert.match(first!, /^at \/dev\//)
    assert.deepStrictEqual(rest, ["code 0", "icanon"])
    assert.isTrue(top.written().lastIndexOf("\u001B[?25h") > top.written().lastIndexOf("\u001B[?25l"))
  })

  for (const [how, end, code] of [
    ["Ctrl-C", (top) => top.type("\u0003"), 130],
    ["SIGTERM", (top) => top.signal("SIGTERM"), 143],
    ["SIGINT of another process", (top) => top.signal("SIGINT"), 130]
  ] as ReadonlyArray<readonly [string, (top: ReturnType<typeof runInTerminal>) => void, number]>) {
    it(`gives the screen back when it is ended by ${how}`, async () => {
      const { url } = await host()
      const top = runInTerminal(["top", "--url", url], { after: `stty -a | grep -o -- "-*icanon";` })
      await until(isUp(top))
      end(top)
      assert.strictEqual((await top.ended).code, code)
      assert.isFalse(top.isAlternate())
      assert.include(top.lines(), "icanon")
    })
  }

  it("gives the screen back when the process dies of a bug, and the bug is seen", async () => {
    const { url } = await host()
    const bug = join(folder, "bug.mjs")
    writeFileSync(bug, `process.on("SIGUSR2", () => { throw new Error("a bug of this test") })\n`)
    const top = runInTerminal(["top", "--url", url], {
      node: ["--import", bug],
      after: `stty -a | grep -o -- "-*icanon";`
    })
    await until(isUp(top))
    top.signal("SIGUSR2")
    assert.notStrictEqual((await top.ended).code, 0)
    assert.isFalse(top.isAlternate())
    assert.include(top.lines().join("\n"), "Error: a bug of this test")
    assert.include(top.lines(), "icanon")
  })

  it("follows the size of the terminal", async () => {
    const { url } = await host()
    const top = runInTerminal(["top", "--url", url], { columns: 80, rows: 24 })
    await until(isUp(top))
    top.resize(30, 6)
    await until(() => top.lines()[1] === "STATUS    ACTOR (2)" && top.lines()[5]!.startsWith("q quit"))
    top.resize(120, 30)
    await until(() => top.lines()[29]?.startsWith("q quit"))
    assert.isTrue(top.lines().some((line) => line.includes("CRASH")))
    top.type("q")
    assert.strictEqual((await top.ended).code, 0)
  })

  it("says that the host has gone, and finds it again", async () => {
    const { start, stop, url } = await host()
    const top = runInTerminal(["top", "--interval", "250ms", "--url", url], { columns: 120 })
    await until(isUp(top))
    await stop()
    await until(() => /^stale since \d\d:\d\d:\d\dZ: connection refused, trying again/.test(top.lines()[0]!))
    assert.isTrue(isUp(top)())
    await start()
    await until(() => top.lines()[0]!.startsWith("running"))
    top.type("q")
    assert.strictEqual((await top.ended).code, 0)
  })

  it("marks rows without colours where NO_COLOR is set, and prints once where TERM is dumb", async () => {
    const { url } = await host()
    const top = runInTerminal(["top", "--url", url], { env: { NO_COLOR: "1" } })
    await until(isUp(top))
    top.type("j")
    await until(() => top.written().includes("\u001B[7m"))
    top.type("q")
    await top.ended
    assert.notMatch(top.written().replaceAll("\u001B", "ESC"), /ESC\[3\dm/)
    const dumb = runInTerminal(["top", "--interval", "250ms", "--url", url], { env: { TERM: "dumb" } })
    assert.strictEqual((await dumb.ended).code, 0)
    assert.isFalse(dumb.written().includes("\u001B"))
    assert.isTrue(dumb.lines().some((line) => line.endsWith(" Ledger")))
  })
})
