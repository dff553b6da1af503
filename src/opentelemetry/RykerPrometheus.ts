/**
 * Serves metrics to Prometheus until after the last drain, with `effect` alone.
 *
 * **When to use**
 *
 * For a service that is scraped. In a program whose shutdown need not be seen, `PrometheusMetrics.layerHttp` of `effect/observability` adds
 * the route to a server that is there anyway, and `PrometheusMetrics.format` gives the text itself.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import type * as HttpServer from "effect/http/HttpServer"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"

/**
 * Options of {@link layer}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<E = never> {
  /** Where the metrics are. Default `"/metrics"`. */
  readonly path?: HttpRouter.PathInput | undefined
  /** How long to wait for one more scrape when the Layer closes: a little more than the interval of the scrapes. Default 0. */
  readonly lastScrape?: Duration.Input | undefined
  /** Further routes of the same listener, for instance of health checks. */
  readonly routes?: Layer.Layer<never, E, HttpRouter.HttpRouter> | undefined
}

/**
 * A listener of its own for `GET /metrics`, which outlives the runtime.
 *
 * **Details**
 *
 * Provide it to `Ryker.layer`, and to it an `HttpServer` with a port of its own, such as 9464. What is built last closes first: the
 * runtime drains, then this Layer waits until it is scraped once more, for at most `lastScrape`, and then the
 * listener ends. Otherwise nobody would see what a shutdown dropped: the process is gone before the next scrape.
 *
 * It does not wait if it has never been scraped. The time comes on top of the drain's; the host's grace period has to cover both.
 *
 * **Example** (What was counted while the Layers closed is scraped)
 *
 * ```ts
 * import { NodeHttpServer } from "@effect/platform-node"
 * import { Effect, Layer, Schema } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Ryker } from "ryker"
 * import * as RykerPrometheus from "ryker/opentelemetry/RykerPrometheus"
 * import { createServer } from "node:http"
 *
 * class Mailer extends Actor.Service<Mailer>()("Mailer", [Rpc.make("Send", { payload: { to: Schema.String } })]) {}
 *
 * const MailerLayer = Mailer.toLayer({ Send: () => Effect.sleep("5 millis") })
 *
 * const server = createServer()
 * const Telemetry = RykerPrometheus.layer({ lastScrape: "15 seconds" }).pipe(
 *   Layer.provide(NodeHttpServer.layer(() => server, { host: "127.0.0.1", port: 0 }))
 * )
 *
 * const scrape = async () => {
 *   const { port } = server.address() as { port: number }
 *   const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
 *   return text.split("\n").find((line) => /^ryker_handler_latency_seconds_count.*outcome="ok"/.test(line))
 * }
 *
 * let last: Promise<string | undefined> | undefined
 * const program = Effect.gen(function*() {
 *   const mailer = yield* Mailer
 *   yield* Effect.promise(scrape)
 *   yield* mailer.tell.Send({ to: "ada" })
 *   setTimeout(() => { last = scrape() }, 100) // Stands for Prometheus: the message was handled meanwhile.
 * })
 *
 * await Effect.runPromise(program.pipe(
 *   Effect.provide(MailerLayer.pipe(Layer.provide(Ryker.layer), Layer.provide(Telemetry)))
 * ))
 * console.log(await last) // => ryker_handler_latency_seconds_count{actor="Mailer",outcome="ok"} 1
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <E = never>(
  options: Options<E> = {}
): Layer.Layer<never, HttpRouter.Request.Without<E>, HttpServer.HttpServer> =>
  Layer.unwrap(
    Effect.sync(() => {
      const { lastScrape = 0, path = "/metrics", routes = Layer.empty } = options
      let hasBeenScraped = false
      const next = Deferred.makeUnsafe<void>()
      let isLast = false
      const scrape = Effect.map(PrometheusMetrics.format(), (body) => {
        hasBeenScraped = true
        if (isLast) Deferred.doneUnsafe(next, Effect.void)
        return HttpServerResponse.text(body, {
          contentType: "text/plain; version=0.0.4; charset=utf-8",
          // The listener ends with its last connection, and would wait for one that is kept alive.
          headers: isLast ? { connection: "close" } : {}
        })
      })
      const awaitScrape = Effect.suspend(() => {
        isLast = true
        return hasBeenScraped ? Deferred.await(next) : Effect.void
      }).pipe(Effect.interruptible, Effect.timeoutOption(lastScrape))
      const served = HttpRouter.serve(Layer.merge(routes, HttpRouter.add("GET", path, scrape)), {
        disableLogger: true,
        disableListenLog: true
      })
      // Built after the listener, so that its finalizer is run while that still listens.
      return Layer.effectDiscard(Effect.addFinalizer(() => awaitScrape)).pipe(Layer.provide(served))
    })
  )
