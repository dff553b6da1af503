/**
 * Sends metrics, traces and logs to an OpenTelemetry collector over HTTP, with `effect` alone.
 *
 * **When to use**
 *
 * For a service that sends its telemetry to one collector. It needs neither the OpenTelemetry SDK nor `@effect/opentelemetry`;
 * `RykerOtel` is for those who have them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Otlp from "effect/observability/Otlp"
import type * as OtlpExporter from "effect/observability/OtlpExporter"
import type { MetricsData } from "effect/observability/OtlpMetrics"
import * as OtlpResource from "effect/observability/OtlpResource"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import { unitOf, withoutVoidExtremes } from "./internal/corrections.ts"

type EffectOptions = Parameters<typeof Otlp.layer>[0]

/**
 * Options of {@link layer}: those of Effect's `Otlp.layer`, and the encoding.
 *
 * @category models
 * @since 0.1.0
 */
export type Options = EffectOptions & {
  /** How bodies are written. Default `"json"`. */
  readonly encoding?: "json" | "protobuf" | undefined
}

/**
 * Sends metrics every 10 seconds, spans and logs every 5, to `/v1/metrics`, `/v1/traces` and `/v1/logs` below `baseUrl`.
 *
 * **Details**
 *
 * Provide it to `Ryker.layer`, do not merge the two: what is built last closes first. So the runtime drains, and then this Layer sends what
 * is left, for at most `shutdownTimeout` (3 seconds by default). The name of the service is that of `resource`, or of
 * `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES`; without any the Layer dies.
 *
 * Over `Otlp.layer` it has the units of ryker's metrics, without which Prometheus has its gauges under another name; no extremes of
 * histograms that hold nothing; and a `service.instance.id`, a random UUID unless `resource.attributes` or the environment has one.
 *
 * **Gotchas**
 *
 * - After an export that failed four times, Effect's exporter sends nothing for 60 seconds, and drops spans and logs
 *   of that time. A shutdown within it sends nothing, either.
 * - With `metricsTemporality: "delta"`, counters that come back after `observability.enable_metrics` was off are sent with all
 *   that they ever counted.
 *
 * **Example** (A runtime that sends to a collector)
 *
 * ```ts
 * import { Effect, Layer, Logger } from "effect"
 * import { FetchHttpClient } from "effect/http"
 * import { Ryker } from "ryker"
 * import * as RykerOtlp from "ryker/opentelemetry/RykerOtlp"
 * import { createServer } from "node:http"
 *
 * // Stands for a collector.
 * const paths: Array<string | undefined> = []
 * const collector = createServer((request, response) => {
 *   paths.push(request.url)
 *   request.resume().on("end", () => response.end("{}"))
 * })
 * await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve))
 * const { port } = collector.address() as { port: number }
 *
 * const Telemetry = RykerOtlp.layer({
 *   baseUrl: `http://127.0.0.1:${port}`,
 *   resource: { serviceName: "orders", serviceVersion: "1.4.0" }
 * }).pipe(Layer.provide(FetchHttpClient.layer))
 *
 * const program = Effect.as(Ryker.drain("1 second"), "drained")
 *
 * console.log(await Effect.runPromise(program.pipe(
 *   Effect.provide(Ryker.layer.pipe(Layer.provideMerge(Telemetry))),
 *   Effect.provide(Logger.layer([]))
 * ))) // => drained
 * console.log(paths.includes("/v1/metrics")) // => true
 * collector.close()
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = ({
  encoding,
  resource,
  ...rest
}: Options): Layer.Layer<OtlpExporter.Flusher, never, HttpClient.HttpClient> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const known = yield* OtlpResource.fromConfig(resource)
      const attributes = known.attributes.some(({ key }) => key === "service.instance.id")
        ? { ...resource?.attributes }
        : { ...resource?.attributes, "service.instance.id": crypto.randomUUID() }
      return Otlp.layer({ ...rest, resource: { ...resource, attributes } })
    })
  ).pipe(Layer.provide(layerCorrected(encoding)))

const layerCorrected = (encoding: Options["encoding"]): Layer.Layer<OtlpSerialization.OtlpSerialization> =>
  Layer.effect(
    OtlpSerialization.OtlpSerialization,
    Effect.map(OtlpSerialization.OtlpSerialization, (base) => ({
      ...base,
      metrics: (data: MetricsData) => base.metrics(correct(data))
    }))
  ).pipe(Layer.provide(encoding === "protobuf" ? OtlpSerialization.layerProtobuf : OtlpSerialization.layerJson))

const correct = ({ resourceMetrics }: MetricsData): MetricsData => ({
  resourceMetrics: resourceMetrics.map((resource) => ({
    ...resource,
    scopeMetrics: resource.scopeMetrics.map((scope) => ({ ...scope, metrics: scope.metrics.map(correctMetric) }))
  }))
})

type Metric = MetricsData["resourceMetrics"][number]["scopeMetrics"][number]["metrics"][number]

const correctMetric = (metric: Metric): Metric => {
  const unit = unitOf(metric.name)
  if (unit === undefined) return metric
  const { histogram } = metric
  if (histogram === undefined) return { ...metric, unit }
  return { ...metric, unit, histogram: { ...histogram, dataPoints: histogram.dataPoints.map(withoutVoidExtremes) } }
}
