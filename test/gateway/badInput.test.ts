/** What the gateway does with clients that are wrong, slow, or gone, over real sockets. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { limits } from "../../examples/gateway/http/server.ts"
import { gateway, jsonOf, pens, raw, until } from "./fixtures.ts"

const secret = "card-4711-0815"

const post = (head: string, body: string) =>
  `POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${head}\r\n\r\n${body}`

const whole = /\r\n\r\n.*}/s

describe("a request", { timeout: 60_000 }, () => {
  it.live.each([
    ["malformed JSON", "{"],
    ["an empty body", ""],
    ["JSON that is deep", "[".repeat(10_000)],
    ["JSON of another shape", JSON.stringify({ ...pens, units: "many" })],
    ["no units at all", JSON.stringify({ ...pens, units: 0 })],
    ["a part of a unit", JSON.stringify({ ...pens, units: 0.5 })],
    ["more units than there may be", JSON.stringify({ ...pens, units: 1e300 })],
    ["a name without an end", JSON.stringify({ ...pens, sku: "x".repeat(65) })],
    ["a card that is too long", JSON.stringify({ ...pens, card: secret.repeat(10) })],
    ["a card that is none", JSON.stringify({ ...pens, card: [secret] })],
    ["a key of the prototype", '{"__proto__":{"sku":"pen","units":1,"card":"4242"}}'],
    ["no text at all", "\uFFFF\u0000"]
  ] as const)("with %s gets 400 with a problem, and nothing is done", ([, body]) =>
    Effect.gen(function* () {
      const { bank, ledger, order } = yield* gateway()
      const response = yield* order(body.replace("4242", secret))
      assert.strictEqual(response.status, 400)
      assert.strictEqual(response.headers.get("content-type"), "application/problem+json")
      const problem = yield* jsonOf(response)
      assert.deepInclude(problem, { type: "about:blank", status: 400 })
      assert.notInclude(JSON.stringify(problem), secret)
      assert.strictEqual((yield* bank.taken).size, 0)
      assert.strictEqual((yield* ledger).find(({ actor }) => actor === "Inventory")?.accepted ?? 0, 0)
      assert.strictEqual((yield* order(pens)).status, 201)
    })
  )

  it.live("for an article that there is not gets 404, and starts no actor", () =>
    Effect.gen(function* () {
      const { call, ledger, order } = yield* gateway()
      for (const sku of ["unicorn", "__proto__", "../pen", "pen/1", "<script>"]) {
        assert.strictEqual((yield* order({ ...pens, sku })).status, 404)
        assert.strictEqual((yield* call("GET", `/stock/${encodeURIComponent(sku)}`)).status, 404)
      }
      assert.strictEqual((yield* ledger).find(({ actor }) => actor === "Inventory")?.accepted ?? 0, 0)
    })
  )

  it.live("of more than 16 KiB gets 413, with and without a length", () =>
    Effect.gen(function* () {
      const { order, url } = yield* gateway()
      const large = JSON.stringify({ ...pens, more: "x".repeat(20_000) })
      const declared = yield* order(large)
      assert.strictEqual(declared.status, 413)
      assert.strictEqual((yield* jsonOf(declared))["title"], "Too Large")
      const chunked = yield* raw(
        url,
        post("Transfer-Encoding: chunked", `${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`),
        whole
      )
      assert.match(chunked, /^HTTP\/1\.1 413 /)
      assert.strictEqual((yield* order(pens)).status, 201)
    })
  )

  it.live("that is no JSON by its own word gets 415", () =>
    Effect.gen(function* () {
      const { order } = yield* gateway()
      assert.strictEqual((yield* order("sku=pen", { headers: { "content-type": "text/plain" } })).status, 415)
    })
  )

  it.live.each([
    ["PUT", "/orders", 405, "POST"],
    ["GET", "/orders", 405, "POST"],
    ["DELETE", "/stock/pen", 405, "GET, HEAD"],
    ["POST", "/stock", 405, "GET, HEAD"],
    ["POST", "/healthz", 405, "GET, HEAD"],
    ["GET", "/nothing", 404, null]
  ] as const)("%s of %s gets %d", ([method, path, status, allow]) =>
    Effect.gen(function* () {
      const { call } = yield* gateway()
      const response = yield* call(method, path)
      assert.strictEqual(response.status, status)
      assert.strictEqual(response.headers.get("allow"), allow)
      assert.strictEqual(response.headers.get("content-type"), "application/problem+json")
    })
  )

  it.live("of no HTTP at all is refused, and the gateway goes on", () =>
    Effect.gen(function* () {
      const { order, url } = yield* gateway()
      assert.match(yield* raw(url, "\u0016\u0003\u0001 hello\r\n\r\n"), /^HTTP\/1\.1 400 /)
      assert.match(
        yield* raw(url, `GET /stock HTTP/1.1\r\nHost: x\r\nX-Long: ${"x".repeat(100_000)}\r\n\r\n`),
        /^HTTP\/1\.1 431 /
      )
      // Two lengths are how requests are smuggled.
      assert.match(
        yield* raw(url, post("Content-Length: 1\r\nTransfer-Encoding: chunked", "0\r\n\r\n")),
        /^HTTP\/1\.1 400 /
      )
      assert.strictEqual((yield* order(pens)).status, 201)
    })
  )
})

describe("a deadline", { timeout: 60_000 }, () => {
  it.live.each([
    ["x-request-timeout", "soon"],
    ["x-request-timeout", "5"],
    ["x-request-timeout", "-1s"],
    ["x-request-timeout", "0ms"],
    ["x-request-timeout", "1e9s"],
    ["x-request-timeout", "NaNs"],
    ["x-request-timeout", "1s, 2s"],
    ["grpc-timeout", "1e3S"],
    ["grpc-timeout", "999999999S"],
    ["grpc-timeout", "1"]
  ] as const)("of nonsense (%s: %s) gets 400, and nothing is done", ([header, value]) =>
    Effect.gen(function* () {
      const { ledger, order } = yield* gateway()
      const response = yield* order(pens, { headers: { [header]: value } })
      assert.strictEqual(response.status, 400)
      const { detail } = yield* jsonOf(response)
      assert.include(String(detail), header)
      assert.strictEqual((yield* ledger).find(({ actor }) => actor === "Inventory")?.accepted ?? 0, 0)
    })
  )

  it.live("that passes while the card is charged gets 504, and leaves everything as it was", () =>
    Effect.gen(function* () {
      const { bank, order, quiet } = yield* gateway({ env: { BANK_LATENCY_MS: "60000" } })
      for (const headers of [{ "x-request-timeout": "50ms" }, { "grpc-timeout": "50m" }]) {
        const response = yield* order(pens, { headers })
        assert.strictEqual(response.status, 504)
        assert.strictEqual((yield* jsonOf(response))["type"], "urn:problem-type:ryker:timeout")
      }
      assert.deepStrictEqual(yield* quiet("pen"), { available: 1_000_000, held: 0, sold: 0 })
      assert.strictEqual((yield* bank.taken).size, 0)
    })
  )

  it.live("of a day is that of the gateway", () =>
    Effect.gen(function* () {
      const { order } = yield* gateway({
        env: { BANK_LATENCY_MS: "60000" },
        limits: { ...limits, deadline: { max: "100 millis" } }
      })
      assert.strictEqual((yield* order(pens, { headers: { "x-request-timeout": "1440m" } })).status, 504)
    })
  )
})

describe("a client", { timeout: 60_000 }, () => {
  it.live("that sends its body slowly gets 504 at the deadline", () =>
    Effect.gen(function* () {
      const { ledger, url } = yield* gateway({ limits: { ...limits, deadline: { max: "100 millis" } } })
      const answer = yield* raw(url, post("Content-Length: 50", '{"sku'), whole)
      assert.match(answer, /^HTTP\/1\.1 504 /)
      assert.strictEqual((yield* ledger).find(({ actor }) => actor === "Inventory")?.accepted ?? 0, 0)
    })
  )

  it.live("that sends its headers slowly is cut off, while others are served", () =>
    Effect.gen(function* () {
      const node = { headersTimeout: 100, requestTimeout: 200, connectionsCheckingInterval: 20 }
      const { order, url } = yield* gateway({ limits: { ...limits, node } })
      const slow = yield* Effect.forkChild(raw(url, "POST /orders HTTP/1.1\r\nHost: local"), { startImmediately: true })
      assert.strictEqual((yield* order(pens)).status, 201)
      assert.match(yield* Fiber.join(slow), /^HTTP\/1\.1 408 /)
    })
  )

  it.live("that goes away while its card is charged has its order cancelled, in hand and queued", () =>
    Effect.gen(function* () {
      const { bank, ledger, level, order, quiet } = yield* gateway({ env: { BANK_LATENCY_MS: "60000" } })
      const payments = Effect.map(ledger, (all) => all.find(({ actor }) => actor === "Payments"))
      const gone = new AbortController()
      // Four in hand, and four more that wait.
      yield* Effect.forkScoped(
        Effect.forEach(Array.from({ length: 8 }), () => Effect.exit(order(pens, { signal: gone.signal })), {
          concurrency: "unbounded"
        })
      )
      yield* until(Effect.map(payments, (entry) => entry?.inHand === 4 && entry.queued === 4))
      assert.deepStrictEqual(yield* level("pen"), { available: 999_984, held: 16, sold: 0 })
      gone.abort()
      yield* until(Effect.map(payments, (entry) => entry?.inHand === 0 && entry.queued === 0))
      assert.deepStrictEqual(yield* quiet("pen"), { available: 1_000_000, held: 0, sold: 0 })
      assert.strictEqual((yield* bank.taken).size, 0)
      assert.strictEqual((yield* payments)?.handled, 0)
      // Whoever stays is served.
      yield* bank.behave({ crashRate: 0, latency: 1, seed: 1 })
      assert.strictEqual((yield* order(pens)).status, 201)
    })
  )
})
