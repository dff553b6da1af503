import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { HttpRouter } from "effect/http"
import { TestClock } from "effect/testing"
import { Actor, Ryker, Supervisor } from "../../src/index.ts"
import { Health } from "../../src/http/index.ts"
import { Quiet, type Seen, Worker, workerLayer } from "./fixtures.ts"

const seen = (): Seen => ({ begun: 0, interrupted: 0 })

const withHealth =
  (options: Health.Options = {}, actor: Actor.Options = {}) =>
  <A, E>(program: Effect.Effect<A, E, Worker | Health.Health | Ryker.Ryker>) =>
    program.pipe(
      Effect.provide(workerLayer(seen(), { shutdown: 0, ...actor })),
      Effect.provide(Health.layer(options)),
      Effect.provide(Ryker.layer),
      Effect.provide(Quiet)
    )

const reasons = Effect.map(Health.ready, ({ reasons, status }) => [status, ...reasons.map(({ reason }) => reason)])

/** Lets the events come to whoever listens. */
const settle = Effect.repeat(TestClock.adjust(0), { times: 10 })

const crash = Effect.gen(function* () {
  const worker = yield* Worker
  yield* Effect.ignore(worker.ask.Do({ what: "crash" }))
  yield* settle
})

describe("readiness", () => {
  it.effect("is ready when nothing is wrong", () =>
    withHealth()(
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* Health.ready, { status: "ready", reasons: [] })
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(yield* Health.ready, { status: "ready", reasons: [] })
      })
    )
  )

  it.effect("is unready from the first step of a drain on", () =>
    withHealth()(
      Effect.gen(function* () {
        yield* Ryker.drain(0)
        assert.deepStrictEqual(yield* Health.ready, {
          status: "unready",
          reasons: [{ reason: "draining", retry_after: 1 }]
        })
      })
    )
  )

  it.effect("is unready when an actor at the top has given up", () =>
    withHealth(
      {},
      { intensity: { restarts: 0 } }
    )(
      Effect.gen(function* () {
        yield* crash
        yield* Effect.flip(Ryker.awaitFailure)
        assert.deepStrictEqual(yield* reasons, ["unready", "root_failed"])
      })
    )
  )

  it.effect("is degraded while the last reload was refused: until one is applied, also one that changes nothing", () =>
    withHealth()(
      Effect.gen(function* () {
        const wrong = Effect.flip(Ryker.reload({ defaults: { deadline: "soon" } }))
        yield* wrong
        yield* settle
        assert.deepStrictEqual(yield* reasons, ["degraded", "config_refused"])
        yield* Ryker.reload({ defaults: { deadline: "2s" } })
        yield* settle
        assert.deepStrictEqual(yield* reasons, ["ready"])
        yield* wrong
        yield* settle
        assert.deepStrictEqual(yield* reasons, ["degraded", "config_refused"])
        yield* Ryker.reload({ defaults: { deadline: "2s" } })
        yield* settle
        assert.deepStrictEqual(yield* reasons, ["ready"])
      })
    )
  )

  it.effect("is degraded while a mailbox is as full as the threshold says", () =>
    withHealth(
      { details: true },
      { capacity: 10, deadline: "Infinity" }
    )(
      Effect.gen(function* () {
        const worker = yield* Worker
        yield* Actor.suspend(worker)
        yield* Effect.forEach(Array.from({ length: 8 }), () => worker.tell.Do({ what: "x" }))
        assert.deepStrictEqual(yield* reasons, ["ready"])
        yield* worker.tell.Do({ what: "x" })
        assert.deepStrictEqual(yield* Health.ready, {
          status: "degraded",
          reasons: [{ reason: "mailboxes_saturated", retry_after: 1, actors: ["Worker"] }]
        })
        yield* Actor.resume(worker)
        yield* settle
        assert.deepStrictEqual(yield* reasons, ["ready"])
      })
    )
  )

  it.effect("is degraded while restarts are many, until the first of them is as old as the window", () =>
    withHealth(
      { thresholds: { restarts: 2, restartWindow: "10 seconds" } },
      { backoff: { base: "1 second", cap: "1 second" } }
    )(
      Effect.gen(function* () {
        yield* crash
        yield* TestClock.adjust("4 seconds")
        assert.deepStrictEqual(yield* reasons, ["ready"])
        yield* crash
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(yield* Health.ready, {
          status: "degraded",
          reasons: [{ reason: "restarts", retry_after: 4 }]
        })
        yield* TestClock.adjust("4 seconds")
        assert.deepStrictEqual(yield* reasons, ["ready"])
      })
    )
  )

  it.effect("is degraded while a child is isolated, until it is started anew", () =>
    Effect.gen(function* () {
      yield* crash
      assert.deepStrictEqual(yield* Health.ready, {
        status: "degraded",
        reasons: [{ reason: "child_isolated", actors: ["Worker"] }]
      })
      const root = yield* Root
      yield* Supervisor.restartChild(root, "Worker")
      yield* settle
      assert.deepStrictEqual(yield* reasons, ["ready"])
    }).pipe(
      Effect.provide(
        Root.toLayer({
          children: [workerLayer(seen(), { shutdown: 0, intensity: { restarts: 0 } })],
          onExhausted: "isolate"
        })
      ),
      Effect.provide(Health.layer({ details: true })),
      Effect.provide(Ryker.layer),
      Effect.provide(Quiet)
    )
  )

  it.live("is degraded when the event loop was late", () =>
    withHealth({ thresholds: { eventLoopDelay: "50 millis" } })(
      Effect.gen(function* () {
        yield* Effect.repeat(Effect.andThen(Effect.sync(block), Health.ready), {
          until: ({ reasons }) => reasons.some(({ reason }) => reason === "event_loop_delay")
        })
      })
    )
  )

  it.effect("has what makes it unready first, and says no more than names by default", () =>
    withHealth(
      {},
      { capacity: 1, deadline: "Infinity" }
    )(
      Effect.gen(function* () {
        const worker = yield* Worker
        yield* Actor.suspend(worker)
        yield* worker.tell.Do({ what: "secret" })
        yield* Effect.forkChild(Ryker.drain("1 minute"))
        yield* settle
        const readiness = yield* Health.ready
        assert.deepStrictEqual(
          readiness.reasons.map(({ reason }) => reason),
          ["draining", "mailboxes_saturated"]
        )
        assert.notInclude(JSON.stringify(readiness), "Worker")
        assert.deepStrictEqual(
          Schema.decodeUnknownSync(Health.Readiness)(JSON.parse(JSON.stringify(readiness))),
          readiness
        )
        yield* Actor.resume(worker)
      })
    )
  )
})

/** Keeps the event loop for as long as a timer of the monitor is sure to be due meanwhile. */
const block = () => {
  const until = performance.now() + 700
  while (performance.now() < until);
}

class Root extends Supervisor.Service<Root>()("Root") {}

/** The routes as a function from requests to responses. */
const routes = (options: Health.Options = {}) =>
  Effect.gen(function* () {
    const ryker = yield* Ryker.Ryker
    const App = Health.layerRoutes.pipe(
      Layer.provide(Health.layer(options)),
      Layer.provide(Layer.succeed(Ryker.Ryker, ryker))
    )
    const { handler } = yield* Effect.acquireRelease(
      Effect.sync(() => HttpRouter.toWebHandler(App, { disableLogger: true })),
      ({ dispose }) => Effect.promise(dispose)
    )
    return (path: string, method = "GET") =>
      Effect.promise(async () => {
        const response = await handler(new Request(`http://localhost${path}`, { method }))
        return { status: response.status, headers: response.headers, body: await response.text() }
      })
  })

describe("the routes", () => {
  it.effect("/healthz and /readyz answer 200 when all is well", () =>
    Effect.gen(function* () {
      const request = yield* routes()
      const alive = yield* request("/healthz")
      assert.deepStrictEqual([alive.status, alive.body], [200, '{"status":"alive"}'])
      const ready = yield* request("/readyz")
      assert.deepStrictEqual([ready.status, ready.body], [200, '{"status":"ready","reasons":[]}'])
      for (const { headers } of [alive, ready]) {
        assert.strictEqual(headers.get("cache-control"), "no-store")
        assert.include(headers.get("content-type") ?? "", "application/json")
      }
    }).pipe(Effect.provide(Ryker.layer), Effect.provide(Quiet))
  )

  it.effect("/readyz answers 503 with the reasons and Retry-After, /healthz goes on", () =>
    Effect.gen(function* () {
      const request = yield* routes()
      yield* Ryker.drain(0)
      const { body, headers, status } = yield* request("/readyz")
      assert.strictEqual(status, 503)
      assert.strictEqual(headers.get("retry-after"), "1")
      assert.strictEqual(body, '{"status":"unready","reasons":[{"reason":"draining","retry_after":1}]}')
      assert.strictEqual((yield* request("/healthz")).status, 200)
    }).pipe(Effect.provide(Ryker.layer), Effect.provide(Quiet))
  )

  it.effect("degraded answers 200, or 503 where that is wanted", () =>
    Effect.gen(function* () {
      const [lenient, strict] = [yield* routes(), yield* routes({ degradedIsUnready: true })]
      yield* lenient("/readyz")
      yield* strict("/readyz")
      yield* Effect.flip(Ryker.reload({ defaults: { deadline: "soon" } }))
      yield* settle
      const { body, headers, status } = yield* lenient("/readyz")
      assert.deepStrictEqual([status, body], [200, '{"status":"degraded","reasons":[{"reason":"config_refused"}]}'])
      assert.strictEqual(headers.get("retry-after"), null)
      assert.strictEqual((yield* strict("/readyz")).status, 503)
    }).pipe(Effect.provide(Ryker.layer), Effect.provide(Quiet))
  )

  it.effect.each(["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])("%s is not allowed", (method) =>
    Effect.gen(function* () {
      const request = yield* routes()
      for (const path of ["/healthz", "/readyz"]) {
        const { headers, status } = yield* request(path, method)
        assert.deepStrictEqual([status, headers.get("allow")], [405, "GET, HEAD"])
      }
    }).pipe(Effect.provide(Ryker.layer), Effect.provide(Quiet))
  )

  it.effect("HEAD has no body", () =>
    Effect.gen(function* () {
      const request = yield* routes()
      const { body, status } = yield* request("/readyz", "HEAD")
      assert.deepStrictEqual([status, body], [200, ""])
    }).pipe(Effect.provide(Ryker.layer), Effect.provide(Quiet))
  )
})

describe("thresholds", () => {
  it.effect.each([
    ["saturation", 0],
    ["saturation", 1.1],
    ["saturation", Number.NaN],
    ["restarts", 0],
    ["restarts", 1.5],
    ["restartWindow", 0],
    ["restartWindow", Number.NaN],
    ["eventLoopDelay", 0]
  ] as const)("%s of %d is refused", ([option, value]) =>
    Effect.gen(function* () {
      const layer = Health.layer({ thresholds: { [option]: value } })
      const error = yield* Effect.flip(Layer.build(layer)).pipe(Effect.provide(Ryker.layer))
      assert.deepInclude(error, { _tag: "InvalidOption", owner: "Health", option })
    }).pipe(Effect.provide(Quiet))
  )
})
