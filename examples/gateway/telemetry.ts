/** What an operator sees from outside: the log, one JSON object a line, and the metrics on a listener of their own. */
import { NodeHttpServer } from "@effect/platform-node"
import { type Context, Effect, Layer, Logger, Metric } from "effect"
import { RykerMetrics } from "ryker"
import * as RykerPrometheus from "ryker/opentelemetry/RykerPrometheus"
import { createServer, type Server } from "node:http"
import { settings } from "./settings.ts"

export const JsonLog = Logger.layer([Logger.consoleJson])

/** Outlives the runtime, and can wait for one more scrape: what the shutdown counts is seen. */
export const Metrics = Layer.unwrap(
  Effect.map(settings, ({ host, lastScrape, metricsPort }) =>
    RykerPrometheus.layer({ lastScrape }).pipe(
      Layer.provide(NodeHttpServer.layer(() => createServer(), { host, port: metricsPort }))
    )
  )
)

const requests = Metric.histogram("gateway_http_request_seconds", {
  description: "Time of requests until their response was sent, by status; 0 if the client went away before",
  boundaries: RykerMetrics.messageBuckets
})

/** Counts what Node has sent, and so what clients have got: not what the program has meant to send. */
export const counted = (server: Server, context: Context.Context<never>): Server =>
  server.prependListener("request", (_request, response) => {
    const begun = performance.now()
    response.once("close", () => {
      const status = String(response.writableFinished ? response.statusCode : 0)
      Metric.withAttributes(requests, { status }).updateUnsafe((performance.now() - begun) / 1000, context)
    })
  })
