import { assert, describe, it } from "@effect/vitest"
import { NodeHttpServer } from "@effect/platform-node"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { HttpRouter, HttpServerResponse } from "effect/http"
import * as Layer from "effect/Layer"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import * as Ryker from "../../src/Ryker.ts"
import * as RykerPrometheus from "../../src/opentelemetry/RykerPrometheus.ts"
import { withRegistry } from "../RykerMetrics.fixtures.ts"
import { Mailer, mailerLayer } from "./fixtures.ts"

/** The metrics of a server that listens. */
const get = (server: Server, path = "/metrics") =>
  Effect.promise(async () => {
    // It listens, so it has an address with a port.
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`)
    return { status: response.status, type: response.headers.get("content-type"), text: await response.text() }
  })

/** A runtime whose metrics are scraped at that server. */
const serving = (server: Server, options: RykerPrometheus.Options) =>
  mailerLayer.pipe(
    Layer.provideMerge(Ryker.layer),
    Layer.provide(
      RykerPrometheus.layer(options).pipe(
        Layer.provide(NodeHttpServer.layer(() => server, { host: "127.0.0.1", port: 0 }))
      )
    )
  )

const handled = 'ryker_handler_latency_seconds_count{actor="Mailer",outcome="ok"}'
const drains = 'ryker_drain_seconds_count{outcome="complete"}'

describe("RykerPrometheus.layer", () => {
  it.live("serves the metrics, and other routes beside them", () =>
    Effect.gen(function* () {
      const server = createServer()
      const routes = HttpRouter.add("GET", "/healthz", HttpServerResponse.text("up"))
      yield* Effect.gen(function* () {
        const { status, text, type } = yield* get(server, "/ops/metrics")
        assert.deepStrictEqual([status, type], [200, "text/plain; version=0.0.4; charset=utf-8"])
        assert.include(text, `${handled} 0`)
        assert.strictEqual((yield* get(server, "/healthz")).text, "up")
        assert.strictEqual((yield* get(server, "/metrics")).status, 404)
      }).pipe(Effect.provide(serving(server, { path: "/ops/metrics", routes })))
    }).pipe(withRegistry)
  )

  it.live("is scraped once more when the runtime has drained, and then ends", () =>
    Effect.gen(function* () {
      const server = createServer()
      const isClosing = yield* Deferred.make<void>()
      // Its finalizer is run when the runtime has closed, and before the wait.
      const marker = Layer.effectDiscard(Effect.addFinalizer(() => Deferred.succeed(isClosing, undefined)))
      const layers = mailerLayer.pipe(
        Layer.provide(Ryker.layer),
        Layer.provide(marker),
        Layer.provide(
          RykerPrometheus.layer({ lastScrape: "1 hour" }).pipe(
            Layer.provide(NodeHttpServer.layer(() => server, { host: "127.0.0.1", port: 0 }))
          )
        )
      )
      const service = yield* Effect.gen(function* () {
        const mailer = yield* Mailer
        assert.include((yield* get(server)).text, `${drains} 0`)
        yield* mailer.tell.Send({ to: "ada" })
      }).pipe(Effect.provide(layers), Effect.forkChild({ startImmediately: true }))
      yield* Deferred.await(isClosing)
      const last = yield* get(server)
      assert.include(last.text, `${handled} 1`)
      assert.include(last.text, `${drains} 1`)
      yield* Fiber.join(service)
      assert.isFalse(server.listening)
    }).pipe(withRegistry)
  )

  it.live("does not wait for who has never come", () =>
    Effect.gen(function* () {
      const server = createServer()
      yield* Effect.void.pipe(Effect.provide(serving(server, { lastScrape: "1 hour" })))
      assert.isFalse(server.listening)
    }).pipe(withRegistry)
  )

  it.live("waits no longer than it was told to", () =>
    Effect.gen(function* () {
      const server = createServer()
      yield* Effect.asVoid(get(server)).pipe(Effect.provide(serving(server, { lastScrape: "20 millis" })))
      assert.isFalse(server.listening)
    }).pipe(withRegistry)
  )
})
