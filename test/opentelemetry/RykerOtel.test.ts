import { assert, describe, it } from "@effect/vitest"
import type { Attributes } from "@opentelemetry/api"
import { BatchLogRecordProcessor, type ReadableLogRecord } from "@opentelemetry/sdk-logs"
import {
  AggregationTemporality,
  type Histogram,
  InMemoryMetricExporter,
  type MetricData,
  PeriodicExportingMetricReader
} from "@opentelemetry/sdk-metrics"
import { BatchSpanProcessor, type ReadableSpan } from "@opentelemetry/sdk-trace-base"
import { Resource } from "@effect/opentelemetry"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Ryker from "../../src/Ryker.ts"
import * as RykerMetrics from "../../src/RykerMetrics.ts"
import * as RykerOtel from "../../src/opentelemetry/RykerOtel.ts"
import { Counter, counterLayer } from "../fixtures.ts"
import { withRegistry } from "../RykerMetrics.fixtures.ts"
import { sendAndClose } from "./fixtures.ts"

/** A reader that exports when it is asked to, and when it is shut down. */
const manual = (temporality = AggregationTemporality.CUMULATIVE) => {
  const exporter = new InMemoryMetricExporter(temporality)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  return { exporter, reader }
}

/** The metrics of the last export. */
const lastOf = (exporter: InMemoryMetricExporter): ReadonlyMap<string, MetricData> =>
  new Map(
    exporter
      .getMetrics()
      .at(-1)
      ?.scopeMetrics.flatMap(({ metrics }) => metrics)
      .map((metric) => [metric.descriptor.name, metric])
  )

/** The histogram whose labels have these values. */
const histogram = (
  metrics: ReadonlyMap<string, MetricData>,
  name: string,
  labels: Readonly<Record<string, string>>
) => {
  const isWanted = ({ attributes }: { readonly attributes: Attributes }) =>
    Object.entries(labels).every(([label, value]) => attributes[label] === value)
  const point = metrics.get(name)?.dataPoints.find(isWanted)
  assert.isDefined(point, `${name} ${JSON.stringify(labels)}`)
  // The caller names one.
  return point?.value as Histogram
}

/** An exporter that keeps what it gets also after it was shut down, as the SDK's own do not. */
const keep = <A>() => {
  const kept: Array<A> = []
  return {
    kept,
    export: (batch: ReadonlyArray<A>, done: (result: { code: 0 }) => void) => {
      kept.push(...batch)
      done({ code: 0 })
    },
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve()
  }
}

describe("RykerOtel.layer", () => {
  it.live("flushes after the runtime has drained: the last messages, their spans and logs arrive", () =>
    Effect.gen(function* () {
      const { exporter, reader } = manual()
      const spans = keep<ReadableSpan>()
      const logs = keep<ReadableLogRecord>()
      yield* sendAndClose(
        RykerOtel.layer(() => ({
          metricReader: reader,
          spanProcessor: new BatchSpanProcessor(spans, { scheduledDelayMillis: 3_600_000 }),
          logRecordProcessor: new BatchLogRecordProcessor({ exporter: logs, scheduledDelayMillis: 3_600_000 }),
          loggerMergeWithExisting: false
        }))
      )
      const metrics = lastOf(exporter)
      const latency = histogram(metrics, "ryker_handler_latency_seconds", { actor: "Mailer", outcome: "ok" })
      assert.strictEqual(latency.count, 2)
      const drain = histogram(metrics, "ryker_drain_seconds", { outcome: "complete" })
      assert.strictEqual(drain.count, 1)
      const handled = spans.kept
        .filter(({ name }) => name === "ryker.actor.handle")
        .map((it) => it.spanContext().spanId)
      const sent = spans.kept.filter(({ name }) => name === "mailer.send").map((it) => it.parentSpanContext?.spanId)
      assert.deepStrictEqual([handled.length, sent], [2, handled])
      assert.strictEqual(spans.kept.find(({ name }) => name === "ryker.drain")?.attributes["outcome"], "complete")
      assert.strictEqual(logs.kept.filter(({ body }) => body === "sent").length, 2)
    }).pipe(withRegistry)
  )

  it.live("gives every metric of the contract with its unit and its buckets", () =>
    Effect.gen(function* () {
      const { exporter, reader } = manual()
      yield* Effect.gen(function* () {
        const counter = yield* Counter
        yield* counter.ask.Next()
        yield* Effect.ignore(Ryker.reload({ defaults: { deadline: "never" } }))
        yield* Effect.promise(() => reader.forceFlush())
      }).pipe(
        Effect.provide(
          counterLayer().pipe(
            Layer.provideMerge(Ryker.layer),
            Layer.provide(RykerOtel.layer(() => ({ metricReader: reader })))
          )
        ),
        Effect.provide(Logger.layer([]))
      )
      const metrics = new Map(
        exporter
          .getMetrics()[0]
          ?.scopeMetrics.flatMap(({ metrics }) => metrics)
          .map((metric) => [metric.descriptor.name, metric])
      )
      const units = RykerMetrics.contract.map(({ name }) => [name, metrics.get(name)?.descriptor.unit])
      assert.deepStrictEqual(Object.fromEntries(units), {
        ryker_mailbox_depth: "{message}",
        ryker_mailbox_dropped_total: "1",
        ryker_busy_rejections_total: "1",
        ryker_mailbox_wait_seconds: "s",
        ryker_handler_latency_seconds: "s",
        ryker_actor_restarts_total: "1",
        ryker_actor_up: "{actor}",
        ryker_yields_total: "1",
        ryker_dead_letters_total: "1",
        ryker_deadlocks_total: "1",
        ryker_config_reload_total: "1",
        ryker_config_reload_errors_total: "1",
        ryker_drain_seconds: "s",
        ryker_zeroized_bytes_total: "By"
      })
      const ok = histogram(metrics, "ryker_handler_latency_seconds", { outcome: "ok" })
      const { buckets, count, max } = ok
      assert.deepStrictEqual([buckets.boundaries, count], [RykerMetrics.messageBuckets, 1])
      assert.isBelow(max!, 10)
      const crash = histogram(metrics, "ryker_handler_latency_seconds", { outcome: "crash" })
      assert.deepStrictEqual(Object.keys(crash).toSorted(), ["buckets", "count", "sum"])
    }).pipe(withRegistry)
  )

  it.live("gives each reader its own changes with delta", () =>
    Effect.gen(function* () {
      const [a, b] = [manual(AggregationTemporality.DELTA), manual(AggregationTemporality.DELTA)]
      const counts = ({ exporter }: typeof a) =>
        exporter.getMetrics().map(({ scopeMetrics }) => {
          const metrics = new Map(scopeMetrics.flatMap(({ metrics }) => metrics).map((it) => [it.descriptor.name, it]))
          const ok = histogram(metrics, "ryker_handler_latency_seconds", { outcome: "ok" })
          return ok.count
        })
      yield* Effect.gen(function* () {
        const counter = yield* Counter
        yield* counter.ask.Next()
        yield* Effect.promise(() => a.reader.forceFlush())
        yield* counter.ask.Next()
        yield* counter.ask.Next()
        yield* Effect.promise(() => a.reader.forceFlush())
        yield* Effect.promise(() => b.reader.forceFlush())
      }).pipe(
        Effect.provide(
          counterLayer().pipe(
            Layer.provide(Ryker.layer),
            Layer.provide(RykerOtel.layer(() => ({ metricReader: [a.reader, b.reader], metricTemporality: "delta" })))
          )
        )
      )
      // The last of each is what the shutdown sends.
      assert.deepStrictEqual(
        [counts(a), counts(b)],
        [
          [1, 2, 0],
          [3, 0]
        ]
      )
    }).pipe(withRegistry)
  )

  /** The resource of a Layer with these options in that environment. */
  const resourceOf = (resource: RykerOtel.Options["resource"], env: Record<string, string> = {}) =>
    Effect.map(Resource.Resource, ({ attributes }) => attributes).pipe(
      Effect.provide(RykerOtel.layer(() => ({ resource }))),
      Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env })))
    )

  it.effect("tells the process from others of its service", () =>
    Effect.gen(function* () {
      const [a, b] = [
        yield* resourceOf(undefined),
        yield* resourceOf({ serviceName: "orders", serviceVersion: "1.4.0" })
      ]
      assert.strictEqual(a["service.name"], "unknown_service:node")
      assert.match(String(a["service.instance.id"]), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
      assert.deepStrictEqual([b["service.name"], b["service.version"]], ["orders", "1.4.0"])
      assert.notStrictEqual(a["service.instance.id"], b["service.instance.id"])
    })
  )

  it.effect("takes from the environment what the options leave out", () =>
    Effect.gen(function* () {
      const env = {
        OTEL_SERVICE_NAME: "orders",
        OTEL_RESOURCE_ATTRIBUTES: "service.instance.id=pod-7,deployment.environment.name=staging"
      }
      const fromEnv = yield* resourceOf(undefined, env)
      assert.deepInclude(fromEnv, {
        "service.name": "orders",
        "service.instance.id": "pod-7",
        "deployment.environment.name": "staging"
      })
      const own = yield* resourceOf({ serviceName: "own", serviceInstanceId: "1", attributes: { zone: "a" } }, env)
      assert.deepInclude(own, {
        "service.name": "own",
        "service.instance.id": "1",
        "deployment.environment.name": "staging",
        zone: "a"
      })
    })
  )

  it.effect("fails as the effect fails that gives its options", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Effect.scoped(Layer.build(RykerOtel.layer(Effect.fail("no settings" as const)))))
      assert.deepStrictEqual(exit, Exit.fail("no settings"))
    })
  )
})
