/** What clients see over real sockets of the loopback interface. */
import { assert, describe, it } from "@effect/vitest"
import { ByteSize, Effect, Layer } from "effect"
import { HttpIncomingMessage } from "effect/http"
import { connect } from "node:net"
import { Ryker } from "../../src/index.ts"
import { doRoute, post, problemOf, Quiet, type Seen, serve, workerLayer } from "./fixtures.ts"

const start = (options: Parameters<typeof serve>[1] = {}, actor: Parameters<typeof workerLayer>[1] = {}) =>
  Effect.gen(function* () {
    const seen: Seen = { begun: 0, interrupted: 0 }
    const routes = doRoute.pipe(Layer.provide(workerLayer(seen, actor)), Layer.provide(Ryker.layer))
    return { seen, url: yield* serve(routes, options) }
  })

/** Waits, for real, until something has come about: the test's own time limit ends it. */
const until = (condition: () => boolean) => Effect.repeat(Effect.sleep(5), { until: condition })

/** Sends bytes as they are, and gives all that comes back until the server closes, or until `enough`. */
const raw = (url: string, text: string, enough: RegExp = /$^/) =>
  Effect.callback<string>((resume) => {
    const { hostname, port } = new URL(url)
    let received = ""
    const socket = connect({ host: hostname, port: Number(port) }, () => socket.write(text))
    const done = () => {
      socket.destroy()
      resume(Effect.succeed(received))
    }
    socket.on("data", (chunk) => {
      received += String(chunk)
      if (enough.test(received)) done()
    })
    socket.on("close", done)
    socket.on("error", done)
    return Effect.sync(() => socket.destroy())
  })

describe("a server", { timeout: 30_000 }, () => {
  it.live("answers what an actor answers", () =>
    Effect.gen(function* () {
      const { url } = yield* start()
      const response = yield* post(url, "hello")
      assert.strictEqual(response.status, 200)
      assert.strictEqual(yield* Effect.promise(() => response.text()), "hello")
    }).pipe(Effect.provide(Quiet))
  )

  it.live("answers a crash and a full mailbox with their problems", () =>
    Effect.gen(function* () {
      const { seen, url } = yield* start({}, { capacity: 1, deadline: "Infinity" })
      const crashed = yield* post(url, "crash")
      assert.strictEqual(crashed.status, 500)
      assert.strictEqual((yield* problemOf(crashed))["type"], "urn:problem-type:ryker:crashed")
      // One in hand, one queued, and one too many: it is the one that is answered.
      yield* Effect.forkScoped(post(url, "hang"))
      yield* until(() => seen.begun === 2)
      const busy = yield* Effect.raceFirst(post(url, "hang"), post(url, "hang"))
      assert.strictEqual(busy.status, 429)
      assert.match(busy.headers.get("retry-after") ?? "", /^\d+$/)
      assert.strictEqual((yield* problemOf(busy))["type"], "urn:problem-type:ryker:busy")
    }).pipe(Effect.provide(Quiet))
  )

  it.live("answers a deadline that has passed with its problem, and ends the work", () =>
    Effect.gen(function* () {
      const { seen, url } = yield* start()
      const late = yield* post(url, "hang", { headers: { "grpc-timeout": "50m" } })
      assert.strictEqual(late.status, 504)
      assert.strictEqual((yield* problemOf(late))["type"], "urn:problem-type:ryker:timeout")
      yield* until(() => seen.interrupted === seen.begun)
    }).pipe(Effect.provide(Quiet))
  )

  it.live("ends the work of a client that goes away, in hand and queued", () =>
    Effect.gen(function* () {
      const { seen, url } = yield* start({}, { deadline: "Infinity" })
      const gone = new AbortController()
      const init = { signal: gone.signal }
      const inHand = post(url, "hang", init).pipe(Effect.exit, Effect.forkScoped)
      yield* inHand
      yield* until(() => seen.begun === 1)
      yield* post(url, "hang", init).pipe(Effect.exit, Effect.forkScoped)
      assert.strictEqual(seen.interrupted, 0)
      gone.abort()
      yield* until(() => seen.interrupted >= 1)
      // The actor is free for others, and no work that nobody waits for was begun, or it was ended, too.
      assert.strictEqual((yield* post(url, "next")).status, 200)
      yield* until(() => seen.begun - 1 === seen.interrupted)
    }).pipe(Effect.provide(Quiet))
  )

  it.live.each([
    ["malformed JSON", { body: "{" }, 400],
    ["an empty body", { body: "" }, 400],
    ["JSON of another shape", { body: JSON.stringify({ what: 1 }) }, 400],
    ["JSON that is deep", { body: "[".repeat(100_000) }, 400],
    ["a wrong method", { method: "PUT" }, 404],
    ["a timeout without a unit", { headers: { "x-request-timeout": "5" } }, 400],
    ["a timeout of gRPC that is none", { headers: { "grpc-timeout": "1e3S" } }, 400],
    ["a negative timeout", { headers: { "x-request-timeout": "-5s" } }, 400]
  ] as const)("answers %s with a problem, and works on", ([, init, status]) =>
    Effect.gen(function* () {
      const { seen, url } = yield* start()
      const response = yield* post(url, "hello", init)
      assert.strictEqual(response.status, status)
      assert.strictEqual(response.headers.get("content-type"), "application/problem+json")
      const problem = yield* problemOf(response)
      assert.strictEqual(problem["status"], status)
      assert.strictEqual(problem["type"], "about:blank")
      assert.strictEqual(seen.begun, 0)
      assert.strictEqual((yield* post(url, "next")).status, 200)
    }).pipe(Effect.provide(Quiet))
  )

  it.live("answers a body that is too large with 413, with and without a length", () =>
    Effect.gen(function* () {
      const { url } = yield* start()
      const large = JSON.stringify({ what: "x".repeat(10_000) })
      const declared = yield* post(url, "", { body: large })
      assert.strictEqual(declared.status, 413)
      assert.strictEqual((yield* problemOf(declared))["title"], "Too Large")
      const chunked = yield* raw(
        url,
        "POST /do HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" +
          `${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`,
        /\r\n\r\n.*}/s
      )
      assert.match(chunked, /^HTTP\/1\.1 413 /)
      assert.strictEqual((yield* post(url, "next")).status, 200)
    }).pipe(
      Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.fromInputUnsafe(1000)),
      Effect.provide(Quiet)
    )
  )

  it.live("gives a client that sends its body slowly no more than the deadline", () =>
    Effect.gen(function* () {
      const { seen, url } = yield* start({ max: "100 millis" })
      const answer = yield* raw(
        url,
        "POST /do HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{",
        /\r\n\r\n.*}/s
      )
      assert.match(answer, /^HTTP\/1\.1 504 /)
      assert.include(answer, "urn:problem-type:ryker:timeout")
      assert.strictEqual(seen.begun, 0)
      assert.strictEqual((yield* post(url, "next")).status, 200)
    }).pipe(Effect.provide(Quiet))
  )
})
