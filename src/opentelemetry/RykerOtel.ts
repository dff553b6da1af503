/**
 * Exports metrics, traces and logs with the OpenTelemetry SDK.
 *
 * **When to use**
 *
 * When the program has the SDK already: for its exporters, processors and samplers, or for libraries that are instrumented with it.
 * Without it, `RykerOtlp` sends the same over HTTP and `RykerPrometheus` serves it to be scraped, both with `effect` alone.
 *
 * **Details**
 *
 * It takes `@effect/opentelemetry` and the packages of the SDK that this one asks for.
 *
 * @since 0.1.0
 */
import type { Attributes } from "@opentelemetry/api"
import { DataPointType, type MetricData, type MetricProducer, type MetricReader } from "@opentelemetry/sdk-metrics"
import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import * as OtelMetrics from "@effect/opentelemetry/OtelMetrics"
import * as Resource from "@effect/opentelemetry/Resource"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type { LazyArg } from "effect/Function"
import * as Layer from "effect/Layer"
import { unitOf, withoutVoidExtremes } from "./internal/corrections.ts"

/**
 * Options of {@link layer}: those of `NodeSdk.layer`, with a resource of which nothing is required.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Omit<NodeSdk.Configuration, "resource"> {
  /** Who sends. What is left out is taken from `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`. */
  readonly resource?:
    | {
        /** Default `"unknown_service:node"`, as OpenTelemetry has it. */
        readonly serviceName?: string | undefined
        readonly serviceVersion?: string | undefined
        /** What tells this process from others of the service. Default: a random UUID. */
        readonly serviceInstanceId?: string | undefined
        readonly attributes?: Attributes | undefined
      }
    | undefined
}

/**
 * Exports metrics, spans and logs; what has no reader or processor is left alone.
 *
 * **Details**
 *
 * Provide it to `Ryker.layer`, do not merge the two: what is built last closes first. So the runtime drains, and then this Layer sends what
 * is left, the counts and spans of the drain among it. All three together take at most `shutdownTimeout` for
 * that, 3 seconds by default, in addition to the drain's deadline.
 *
 * Over `NodeSdk.layer` it has:
 *
 * - the units of ryker's metrics. Without them a gauge is a ratio, and has another name, where OTLP becomes Prometheus;
 * - no extremes of histograms that hold nothing, which would be ±1.8e308;
 * - `service.instance.id`, without which the counters of two processes are one series that jumps;
 * - a state of its own for each reader, also with `metricTemporality: "delta"`.
 *
 * **Gotchas**
 *
 * - Views of the SDK do not act on Effect's metrics: buckets are those of `RykerMetrics.contract`.
 * - With `"delta"`, counters that come back after `observability.enable_metrics` was off are sent with all that they ever
 *   counted. Keep metrics on, or use `"cumulative"`, the default.
 * - Readers and processors are for one Layer: what makes them is run each time that it is built.
 *
 * **Example** (The counts of the last drain arrive)
 *
 * ```ts
 * import { AggregationTemporality, InMemoryMetricExporter, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics"
 * import { Effect, Layer, Schema } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Ryker } from "ryker"
 * import { RykerOtel } from "ryker/opentelemetry"
 *
 * class Mailer extends Actor.Service<Mailer>()("Mailer", [Rpc.make("Send", { payload: { to: Schema.String } })]) {}
 *
 * const MailerLayer = Mailer.toLayer({ Send: () => Effect.sleep("5 millis") })
 *
 * const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
 *
 * const Telemetry = RykerOtel.layer(() => ({
 *   resource: { serviceName: "mailer" },
 *   metricReader: new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 60_000 })
 * }))
 *
 * const program = Effect.gen(function*() {
 *   const mailer = yield* Mailer
 *   yield* mailer.tell.Send({ to: "ada" }) // It is handled while the Layers close.
 * })
 *
 * await Effect.runPromise(program.pipe(
 *   Effect.provide(MailerLayer.pipe(Layer.provide(Ryker.layer), Layer.provide(Telemetry)))
 * ))
 *
 * const metrics = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
 * const latency = metrics.find(({ descriptor }) => descriptor.name === "ryker_handler_latency_seconds")
 * const ok = latency?.dataPoints.find(({ attributes }) => attributes["outcome"] === "ok")
 * console.log(latency?.descriptor.unit, (ok?.value as { count: number }).count) // => s 1
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <E = never, R = never>(
  evaluate: LazyArg<Options> | Effect.Effect<Options, E, R>
): Layer.Layer<Resource.Resource, E, R> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { metricReader, resource, ...rest } = yield* Effect.isEffect(evaluate) ? evaluate : Effect.sync(evaluate)
      const configuration = yield* configured(resource)
      const readers: ReadonlyArray<MetricReader> = metricReader === undefined ? [] : Arr.ensure(metricReader)
      const metrics = readers.map((reader) => layerReader(reader, rest))
      return Layer.mergeAll(
        NodeSdk.layer(() => ({ ...rest, resource: configuration })),
        ...metrics.map(Layer.provide(Resource.layer(configuration)))
      )
    })
  )

/** The resource as `NodeSdk` wants it, with what the environment says and what nobody says. */
const configured = Effect.fnUntraced(function* (options: Options["resource"]) {
  const explicit: Attributes = {
    ...options?.attributes,
    ...(options?.serviceName !== undefined && { "service.name": options.serviceName }),
    ...(options?.serviceVersion !== undefined && { "service.version": options.serviceVersion }),
    ...(options?.serviceInstanceId !== undefined && { "service.instance.id": options.serviceInstanceId })
  }
  const { attributes } = yield* Effect.provide(Resource.Resource, Resource.layerFromEnv(explicit), { local: true })
  return {
    serviceName: String(attributes["service.name"] ?? "unknown_service:node"),
    attributes: { "service.instance.id": crypto.randomUUID(), ...attributes }
  }
})

const layerReader = (
  reader: MetricReader,
  { metricTemporality, shutdownTimeout }: Pick<Options, "metricTemporality" | "shutdownTimeout">
): Layer.Layer<never, never, Resource.Resource> =>
  Layer.effectDiscard(
    Effect.flatMap(OtelMetrics.makeProducer(metricTemporality), (producer) =>
      OtelMetrics.registerProducer(corrected(producer), () => reader, { shutdownTimeout })
    )
  )

const corrected = (producer: MetricProducer): MetricProducer => ({
  collect: async (options) => {
    const { errors, resourceMetrics } = await producer.collect(options)
    const scopeMetrics = resourceMetrics.scopeMetrics.map((scope) => ({
      ...scope,
      metrics: scope.metrics.map(correct)
    }))
    return { errors, resourceMetrics: { ...resourceMetrics, scopeMetrics } }
  }
})

const correct = (metric: MetricData): MetricData => {
  const unit = unitOf(metric.descriptor.name)
  if (unit === undefined) return metric
  const descriptor = { ...metric.descriptor, unit }
  if (metric.dataPointType !== DataPointType.HISTOGRAM) return { ...metric, descriptor }
  const dataPoints = metric.dataPoints.map((point) => ({ ...point, value: withoutVoidExtremes(point.value) }))
  return { ...metric, descriptor, dataPoints }
}
