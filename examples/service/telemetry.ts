/** What an operator sees: JSON lines in the log, the metrics and the health checks on a listener of their own. */
import { NodeHttpServer } from "@effect/platform-node"
import { Config, Context, Effect, Layer, Logger, Ref } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import * as RykerPrometheus from "ryker/opentelemetry/RykerPrometheus"
import { createServer } from "node:http"

/** One JSON object a line. Annotations stand at the top, so that `jq 'select(.lib == "ryker")'` finds ryker's. */
export const JsonLog = Logger.layer([
  Logger.withConsoleLog(
    Logger.map(Logger.formatStructured, ({ annotations, spans, ...line }) =>
      JSON.stringify({ ...line, ...(Object.keys(spans).length > 0 && { spans }), ...annotations })
    )
  )
])

/** Whether the service wants requests: from its start to the beginning of its shutdown. */
export class Readiness extends Context.Service<Readiness, Ref.Ref<boolean>>()("service/Readiness") {
  static readonly layer = Layer.effect(this, Ref.make(false))
}

const health = HttpRouter.use((router) =>
  Effect.gen(function* () {
    const isReady = yield* Readiness
    yield* router.add("GET", "/healthz", HttpServerResponse.text("alive\n"))
    yield* router.add(
      "GET",
      "/readyz",
      Effect.map(Ref.get(isReady), (ready) =>
        HttpServerResponse.text(ready ? "ready\n" : "not ready\n", { status: ready ? 200 : 503 })
      )
    )
  })
)

const settings = Config.all({
  port: Config.Port("METRICS_PORT").pipe(Config.withDefault(9464)),
  lastScrape: Config.Duration("LAST_SCRAPE").pipe(Config.withDefault("20 seconds"))
})

/** Outlives the runtime: what the shutdown counts is scraped before the process ends. */
export const Metrics = Layer.unwrap(
  Effect.gen(function* () {
    const { lastScrape, port } = yield* settings
    const routes = health.pipe(Layer.provide(Layer.succeed(Readiness, yield* Readiness)))
    return RykerPrometheus.layer({ lastScrape, routes }).pipe(
      Layer.provide(NodeHttpServer.layer(() => createServer(), { host: "127.0.0.1", port }))
    )
  })
)
