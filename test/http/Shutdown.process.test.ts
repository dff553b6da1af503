/** A service that gets real signals, as its clients and its parent process see it. */
import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { request } from "node:http"
import { createInterface } from "node:readline"
import { onTestFinished } from "vitest"

interface Line {
  readonly event?: string
  readonly url?: string
  readonly annotations?: Readonly<Record<string, unknown>>
}

/** The service, listening. */
const start = async (env: Readonly<Record<string, string>> = {}) => {
  const child = spawn(process.execPath, ["test/http/service.ts"], {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "inherit"]
  })
  onTestFinished(() => void child.kill("SIGKILL"))
  const exit = once(child, "exit") as Promise<[number | null, string | null]>
  const lines: Array<Line> = []
  const waiting = new Set<() => void>()
  createInterface(child.stdout).on("line", (line) => {
    lines.push(JSON.parse(line) as Line)
    for (const wake of waiting) wake()
  })
  const eventOf = ({ annotations, event }: Line) => event ?? String(annotations?.["event"])
  /** The events so far, a step of the shutdown with its name. */
  const events = () =>
    lines.map((line) => (eventOf(line) === "shutdown_step" ? String(line.annotations?.["step"]) : eventOf(line)))
  /** Waits until the event was told. */
  const told = async (event: string, times = 1) => {
    while (events().filter((it) => it === event).length < times) {
      await new Promise<void>((done) => {
        waiting.add(done)
      })
      waiting.clear()
    }
  }
  await told("listening")
  const { url = "" } = lines.find(({ event }) => event === "listening") ?? {}
  return {
    child,
    exit: exit.then(([code]) => code),
    events,
    told,
    fieldsOf: (event: string) => lines.find((line) => eventOf(line) === event)?.annotations ?? {},
    url
  }
}

type Answer = { readonly status: number; readonly connection: string | undefined } | "refused" | "cut off"

/** A request on a connection of its own. */
const call = (url: string, method = "POST"): Promise<Answer> =>
  new Promise((done) => {
    const outgoing = request(url, { method, agent: false }, (response) => {
      response.resume()
      response.on("close", () => done({ status: response.statusCode ?? 0, connection: response.headers.connection }))
    })
    outgoing.on("error", (error: NodeJS.ErrnoException) => done(error.code === "ECONNREFUSED" ? "refused" : "cut off"))
    outgoing.end()
  })

/** Asks until the answer is as wanted. The test's own time limit ends it. */
const callUntil = async (url: string, method: string, isWanted: (answer: Answer) => boolean): Promise<void> => {
  while (!isWanted(await call(url, method))) await new Promise((done) => setTimeout(done, 10))
}

const statusOf = (answer: Answer) => (typeof answer === "string" ? answer : answer.status)

describe("a service that gets a signal", { timeout: 60_000 }, () => {
  it.each(["SIGTERM", "SIGINT"] as const)(
    "%s: turns unready and serves on, then refuses, ends what is in flight, drains, flushes, and exits with 0",
    async (signal) => {
      const service = await start({ GRACE: "3000" })
      assert.strictEqual(statusOf(await call(`${service.url}/readyz`, "GET")), 200)
      const inFlight = call(`${service.url}/ask?what=wait`)
      await service.told("begun")
      service.child.kill(signal)
      await callUntil(`${service.url}/readyz`, "GET", (answer) => statusOf(answer) === 503)
      // In the grace period all that comes is served, and clients are told to let go of their connections.
      assert.deepStrictEqual(await call(`${service.url}/tell?what=quick`), { status: 204, connection: "close" })
      assert.strictEqual(statusOf(await call(`${service.url}/healthz`, "GET")), 200)
      assert.deepStrictEqual(service.events().slice(-1), ["grace"])
      await callUntil(`${service.url}/readyz`, "GET", (answer) => answer === "refused")
      // What is in flight has not ended, and nothing goes on before it.
      assert.deepStrictEqual(service.events().slice(-1), ["requests"])
      service.child.kill("SIGUSR2")
      assert.strictEqual(statusOf(await inFlight), 200)
      assert.strictEqual(await service.exit, 0)
      assert.deepStrictEqual(service.events(), [
        "listening",
        "begun",
        "shutdown_started",
        "grace",
        "requests",
        "actors",
        "drain_started",
        "drain_finished",
        "closing",
        "shutdown_finished",
        "flushed"
      ])
      assert.strictEqual(service.fieldsOf("shutdown_started")["cause"], signal)
      assert.strictEqual(service.fieldsOf("shutdown_finished")["outcome"], "complete")
    }
  )

  it("works off what actors have accepted before it exits with 0", async () => {
    const service = await start()
    assert.strictEqual(statusOf(await call(`${service.url}/tell?what=wait`)), 204)
    assert.strictEqual(statusOf(await call(`${service.url}/tell?what=quick`)), 204)
    await service.told("begun")
    service.child.kill("SIGTERM")
    await service.told("drain_started")
    service.child.kill("SIGUSR2")
    assert.strictEqual(await service.exit, 0)
    assert.strictEqual(service.fieldsOf("drain_finished")["handled"], 2)
  })

  it("exits at once at a second signal, with 128 and its number", async () => {
    for (const [signal, code] of [
      ["SIGINT", 130],
      ["SIGTERM", 143]
    ] as const) {
      const service = await start()
      await call(`${service.url}/tell?what=wait`)
      service.child.kill("SIGTERM")
      await service.told("drain_started")
      service.child.kill(signal)
      assert.strictEqual(await service.exit, code)
      assert.deepStrictEqual(service.events().slice(-1), ["shutdown_forced"])
    }
  })

  it("exits at once at a second signal while telemetry flushes", async () => {
    const service = await start({ FLUSH: "stuck" })
    service.child.kill("SIGTERM")
    await service.told("flushing")
    service.child.kill("SIGTERM")
    assert.strictEqual(await service.exit, 143)
  })

  it("exits with 1 and tells what was abandoned, when a handler cannot be interrupted", async () => {
    const service = await start({ DEADLINE: "1500" })
    await call(`${service.url}/tell?what=stuck`)
    await call(`${service.url}/tell?what=quick`)
    await service.told("begun")
    service.child.kill("SIGTERM")
    assert.strictEqual(await service.exit, 1)
    assert.deepInclude(service.fieldsOf("shutdown_finished"), { outcome: "incomplete", requests: 0 })
    assert.deepStrictEqual(service.fieldsOf("shutdown_finished")["incomplete"], [
      { actor: "Job", handled: 0, failed: 0, dropped: 1, abandoned: 1 }
    ])
    // There was time left for it.
    assert.include(service.events(), "flushed")
    assert.notInclude(service.events(), "shutdown_deadline_exceeded")
  })

  it("exits with 1 and tells of requests that were cut off", async () => {
    const service = await start({ DEADLINE: "1500" })
    const inFlight = call(`${service.url}/ask?what=stuck`)
    await service.told("begun")
    service.child.kill("SIGTERM")
    assert.strictEqual(await service.exit, 1)
    assert.deepInclude(service.fieldsOf("shutdown_finished"), { outcome: "incomplete", requests: 1 })
    // Its actor was stopped under it: it got the answer that it was, or none.
    assert.include([503, "cut off"], statusOf(await inFlight))
  })

  it("exits with 1 at the deadline, when telemetry doesn't come to its end", async () => {
    const service = await start({ FLUSH: "stuck", DEADLINE: "1500" })
    service.child.kill("SIGTERM")
    assert.strictEqual(await service.exit, 1)
    assert.deepStrictEqual(service.events().slice(-2), ["flushing", "shutdown_deadline_exceeded"])
    assert.strictEqual(service.fieldsOf("shutdown_deadline_exceeded")["step"], "closing")
  })

  it("exits with 1 by itself, in the same order, when an actor at the top has given up", async () => {
    const service = await start()
    await call(`${service.url}/tell?what=crash`)
    assert.strictEqual(await service.exit, 1)
    assert.strictEqual(service.fieldsOf("shutdown_finished")["cause"], "root_failed")
    assert.deepStrictEqual(service.events().slice(-2), ["shutdown_finished", "flushed"])
  })
})
