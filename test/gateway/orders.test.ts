/** What the gateway does with orders, as its clients see it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Logger } from "effect"
import { Actor } from "ryker"
import { declinedCard, gateway, jsonOf, pens, until } from "./fixtures.ts"

const limited = { sku: "signed-print", units: 1, card: "4242" }

describe("an order", { timeout: 60_000 }, () => {
  it.live("is sold: the receipt, the stock and the bank agree", () =>
    Effect.gen(function* () {
      const { bank, call, order } = yield* gateway()
      const response = yield* order(pens)
      assert.strictEqual(response.status, 201)
      const receipt = yield* jsonOf(response)
      assert.deepInclude(receipt, { sku: "pen", units: 2, cents: 400 })
      const stock = yield* jsonOf(yield* call("GET", "/stock/pen"))
      assert.deepInclude(stock, { sku: "pen", available: 999_998, held: 0, sold: 2 })
      assert.deepStrictEqual(yield* bank.taken, new Map([[String(receipt["order"]), 400]]))
    })
  )

  it.live("of which the card is declined leaves everything as it was", () =>
    Effect.gen(function* () {
      const { bank, level, order } = yield* gateway()
      const response = yield* order({ ...pens, card: declinedCard })
      assert.strictEqual(response.status, 402)
      assert.strictEqual((yield* jsonOf(response))["type"], "urn:problem-type:gateway:declined")
      assert.deepStrictEqual(yield* level("pen"), { available: 1_000_000, held: 0, sold: 0 })
      assert.strictEqual((yield* bank.taken).size, 0)
    })
  )

  it.live("that meets a crash at the bank, before or after the money has moved, leaves everything as it was", () =>
    Effect.gen(function* () {
      const { bank, level, order } = yield* gateway({ env: { BANK_CRASH_RATE: "1" } })
      // One for each of those that charge: seed 1 draws both kinds of crash.
      const responses = yield* Effect.forEach([1, 2, 3, 4], () => order(pens), { concurrency: "unbounded" })
      assert.deepStrictEqual(
        responses.map(({ status }) => status),
        [500, 500, 500, 500]
      )
      assert.strictEqual((yield* jsonOf(responses[0]!))["type"], "urn:problem-type:ryker:crashed")
      assert.deepStrictEqual(yield* level("pen"), { available: 1_000_000, held: 0, sold: 0 })
      assert.strictEqual((yield* bank.taken).size, 0)
      yield* bank.behave({ crashRate: 0, latency: 1, seed: 1 })
      assert.strictEqual((yield* order(pens)).status, 201)
    })
  )

  it.live("is not sold when there are not enough, however many come at once", () =>
    Effect.gen(function* () {
      const { bank, level, order } = yield* gateway({ env: { BANK_LATENCY_MS: "0" } })
      const place = Effect.gen(function* () {
        const response = yield* order(limited)
        yield* Effect.promise(() => response.arrayBuffer())
        return response.status
      })
      const statuses = yield* Effect.forEach(Array.from({ length: 60 }), () => place, { concurrency: 30 })
      const count = (status: number) => statuses.filter((it) => it === status).length
      assert.strictEqual(count(201), 25)
      assert.strictEqual(count(409), 35)
      assert.deepStrictEqual(yield* level("signed-print"), { available: 0, held: 0, sold: 25 })
      assert.strictEqual((yield* bank.taken).size, 25)
    })
  )

  it.live("of more than can be charged at a time gets 429 and when to come back, and leaves everything as it was", () =>
    Effect.gen(function* () {
      const { bank, level, order } = yield* gateway({ env: { BANK_LATENCY_MS: "60000" } })
      // Four in hand and eight in each mailbox: of 37 at least one is too many.
      const first = yield* Effect.raceAll(Array.from({ length: 37 }, () => order(pens)))
      assert.strictEqual(first.status, 429)
      assert.match(first.headers.get("retry-after") ?? "", /^[1-9]\d*$/)
      // The others have gone away with that: their work is cancelled.
      yield* until(Effect.map(level("pen"), ({ available, held }) => held === 0 && available === 1_000_000))
      assert.strictEqual((yield* bank.taken).size, 0)
    })
  )
})

describe("a deadline", { timeout: 60_000 }, () => {
  it.live("that passes once the card is charged is lifted: the client gets its receipt", () =>
    Effect.gen(function* () {
      const { bank, inHand, inventory, order } = yield* gateway({ env: { BANK_LATENCY_MS: "300" } })
      const begunAt = performance.now()
      const placing = yield* Effect.forkChild(order(pens, { headers: { "x-request-timeout": "3s" } }))
      yield* until(Effect.map(inHand("Payments"), (count) => count === 1))
      // The units cannot be handed out before the deadline has passed.
      yield* Actor.suspend(inventory.get("pen"))
      yield* until(Effect.sync(() => performance.now() - begunAt > 3_100))
      assert.strictEqual((yield* bank.taken).size, 1)
      assert.isUndefined(placing.pollUnsafe())
      yield* Actor.resume(inventory.get("pen"))
      assert.strictEqual((yield* Fiber.join(placing)).status, 201)
    }).pipe(Effect.provide(Logger.layer([])))
  )
})

describe("billing", { timeout: 60_000 }, () => {
  const tree = (call: (method: string, path: string) => Effect.Effect<Response>) =>
    Effect.map(
      Effect.flatMap(call("GET", "/drills/books"), jsonOf),
      (books) => books["tree"] as ReadonlyArray<{ readonly address: string; readonly status: string }>
    )

  it.live("signs on again when the session crashes, and all that charge begin anew with the new token", () =>
    Effect.gen(function* () {
      const { call, order } = yield* gateway()
      assert.strictEqual((yield* order(pens)).status, 201)
      yield* call("POST", "/drills/crash-session")
      // Orders that come meanwhile wait. One with an old token would crash.
      const responses = yield* Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8], () => order(pens))
      for (const { status } of responses) assert.strictEqual(status, 201)
    })
  )

  it.live(
    "that has given up refuses orders with 503, leaves the stock alone, and begins again when it is told to",
    () =>
      Effect.gen(function* () {
        const { bank, call, level, order } = yield* gateway({ env: { BANK_CRASH_RATE: "1" } })
        const storm = Effect.map(
          Effect.andThen(
            Effect.forEach([1, 2, 3, 4], () => order(pens), { concurrency: "unbounded" }),
            tree(call)
          ),
          (children) => children.some(({ address, status }) => address === "Tills" && status === "Stopped")
        )
        yield* until(storm)
        const refused = yield* order(pens)
        assert.strictEqual(refused.status, 503)
        assert.match(refused.headers.get("retry-after") ?? "", /^[1-9]\d*$/)
        assert.strictEqual((yield* call("GET", "/stock")).status, 200)
        const ready = yield* call("GET", "/readyz")
        assert.strictEqual(ready.status, 200)
        assert.include(JSON.stringify(yield* jsonOf(ready)), "child_isolated")
        yield* bank.behave({ crashRate: 0, latency: 1, seed: 1 })
        assert.deepStrictEqual(yield* jsonOf(yield* call("POST", "/drills/restart-tills")), { restarted: true })
        assert.strictEqual((yield* order(pens)).status, 201)
        assert.deepStrictEqual(yield* level("pen"), { available: 999_998, held: 0, sold: 2 })
      })
  )
})

describe("the drills", { timeout: 60_000 }, () => {
  it.live("are not there unless they are switched on", () =>
    Effect.gen(function* () {
      const { call } = yield* gateway({ env: { DRILLS: "false" } })
      assert.strictEqual((yield* call("GET", "/drills/books")).status, 404)
      assert.strictEqual((yield* call("PUT", "/drills/bank", { body: "{}" })).status, 404)
    })
  )
})

describe("the inspector", { timeout: 60_000 }, () => {
  it.live("shows the tree below /ryker, and has controls only where drills are switched on", () =>
    Effect.gen(function* () {
      for (const isOn of [true, false]) {
        const { call, order } = yield* gateway({ env: { DRILLS: String(isOn) } })
        yield* order(pens)
        const state = (yield* jsonOf(yield* call("GET", "/ryker/state"))) as {
          readonly control: boolean
          readonly actors: ReadonlyArray<{ readonly address: string; readonly parent: string | null }>
        }
        assert.strictEqual(state.control, isOn)
        assert.deepStrictEqual(
          state.actors.map(({ address, parent }) => [address, parent]),
          [
            ["Gateway", null],
            ["Inventory", "Gateway"],
            ["Inventory/pen", "Inventory"],
            ["Billing", "Gateway"],
            ["Session", "Billing"],
            ["Tills", "Billing"],
            ["Payments", "Tills"],
            ["Payments/1", "Payments"],
            ["Payments/2", "Payments"],
            ["Payments/3", "Payments"],
            ["Payments/4", "Payments"]
          ]
        )
      }
    })
  )
})

describe("the documents", { timeout: 60_000 }, () => {
  it.live("tell every status that an order can have", () =>
    Effect.gen(function* () {
      const { call } = yield* gateway()
      const api = (yield* jsonOf(yield* call("GET", "/openapi.json"))) as {
        readonly paths: Record<string, { readonly post?: { readonly responses: object } }>
      }
      assert.deepStrictEqual(Object.keys(api.paths["/orders"]?.post?.responses ?? {}).toSorted(), [
        "201",
        "400",
        "402",
        "404",
        "409",
        "413",
        "429",
        "500",
        "503",
        "504"
      ])
    })
  )

  it.live("are one page that names no script, style or font of another host", () =>
    Effect.gen(function* () {
      const { call } = yield* gateway()
      const page = yield* Effect.flatMap(call("GET", "/docs"), (response) => Effect.promise(() => response.text()))
      assert.include(page, "Order gateway")
      assert.notMatch(page, /<(?:script|link|img|iframe)\b[^>]*\s(?:src|href)=/i)
      assert.notMatch(page, /@import|url\(\s*["']?https?:/i)
    })
  )
})
