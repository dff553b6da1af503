import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import { FetchHttpClient } from "effect/http"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import * as RykerOtlp from "../../src/opentelemetry/RykerOtlp.ts"
import { withRegistry } from "../RykerMetrics.fixtures.ts"
import { sendAndClose } from "./fixtures.ts"

interface Received {
  readonly path: string
  readonly type: string
  readonly body: Buffer
}

/** A collector on the loopback that keeps what it gets. */
const collector: Effect.Effect<
  { readonly url: string; readonly received: ReadonlyArray<Received> },
  never,
  Scope.Scope
> = Effect.gen(function* () {
  const received: Array<Received> = []
  const server = yield* Effect.acquireRelease(
    Effect.callback<ReturnType<typeof createServer>>((resume) => {
      const server = createServer((request, response) => {
        const chunks: Array<Buffer> = []
        request.on("data", (chunk: Buffer) => chunks.push(chunk))
        request.on("end", () => {
          received.push({
            path: request.url ?? "",
            type: request.headers["content-type"] ?? "",
            body: Buffer.concat(chunks)
          })
          response.end("{}")
        })
      }).listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
  // It listens, so it has an address with a port.
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received }
})

interface Attribute {
  readonly key: string
  readonly value: { readonly stringValue?: string }
}

/** The part of OTLP that the tests look at. */
interface Exported {
  readonly resourceMetrics: ReadonlyArray<{
    readonly resource: { readonly attributes: ReadonlyArray<Attribute> }
    readonly scopeMetrics: ReadonlyArray<{
      readonly metrics: ReadonlyArray<{
        readonly name: string
        readonly unit: string
        readonly histogram?: {
          readonly dataPoints: ReadonlyArray<{
            readonly attributes: ReadonlyArray<Attribute>
            readonly count: number
            readonly min?: number
          }>
        }
      }>
    }>
  }>
}

const has = (attributes: ReadonlyArray<Attribute>, key: string, value: string) =>
  attributes.some((it) => it.key === key && it.value.stringValue === value)

const run = (options: (url: string) => RykerOtlp.Options, env: Record<string, string> = {}) =>
  Effect.gen(function* () {
    const { received, url } = yield* collector
    yield* sendAndClose(RykerOtlp.layer(options(url)).pipe(Layer.provide(FetchHttpClient.layer)))
    return received
  }).pipe(withRegistry, Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }))), Effect.scoped)

const hourly = {
  metricsExportInterval: "1 hour",
  tracerExportInterval: "1 hour",
  loggerExportInterval: "1 hour",
  loggerMergeWithExisting: false
} as const

describe("RykerOtlp.layer", () => {
  it.live("sends after the runtime has drained: the last messages, their spans and logs arrive", () =>
    Effect.gen(function* () {
      const received = yield* run((baseUrl) => ({ ...hourly, baseUrl, resource: { serviceName: "mailer" } }))
      assert.deepStrictEqual(received.map(({ path }) => path).toSorted(), ["/v1/logs", "/v1/metrics", "/v1/traces"])
      const textOf = (path: string) => received.find((it) => it.path === path)!.body.toString()
      assert.include(textOf("/v1/traces"), '"ryker.drain"')
      assert.strictEqual(textOf("/v1/traces").split('"mailer.send"').length - 1, 2)
      assert.strictEqual(textOf("/v1/logs").split('"stringValue":"sent"').length - 1, 2)

      const exported = JSON.parse(textOf("/v1/metrics")) as Exported
      const metrics = exported.resourceMetrics.flatMap((it) => it.scopeMetrics.flatMap(({ metrics }) => metrics))
      const unitOf = (name: string) => metrics.find((metric) => metric.name === name)?.unit
      assert.deepStrictEqual(
        [unitOf("ryker_handler_latency_seconds"), unitOf("ryker_zeroized_bytes_total"), unitOf("ryker_yields_total")],
        ["s", "By", "1"]
      )
      const latency = metrics.find(({ name }) => name === "ryker_handler_latency_seconds")?.histogram?.dataPoints ?? []
      const ok = latency.find(({ attributes }) => has(attributes, "outcome", "ok"))
      assert.strictEqual(ok?.count, 2)
      assert.isAbove(ok!.min!, 0)
      const crash = latency.find(({ attributes }) => has(attributes, "outcome", "crash"))
      assert.deepStrictEqual([crash?.count, crash?.min], [0, undefined])
    })
  )

  it.live("tells the process from others of its service, unless the environment does", () =>
    Effect.gen(function* () {
      const instanceOf = (received: ReadonlyArray<Received>) => {
        const { body } = received.find(({ path }) => path === "/v1/metrics")!
        const [first] = (JSON.parse(body.toString()) as Exported).resourceMetrics
        return first?.resource.attributes.find(({ key }) => key === "service.instance.id")?.value.stringValue
      }
      const own = yield* run((baseUrl) => ({ ...hourly, baseUrl, resource: { serviceName: "mailer" } }))
      assert.match(instanceOf(own)!, /^[0-9a-f-]{36}$/)
      const env = { OTEL_SERVICE_NAME: "mailer", OTEL_RESOURCE_ATTRIBUTES: "service.instance.id=pod-7" }
      const fromEnv = yield* run((baseUrl) => ({ ...hourly, baseUrl }), env)
      assert.strictEqual(instanceOf(fromEnv), "pod-7")
    })
  )

  it.live("writes Protocol Buffers on request", () =>
    Effect.gen(function* () {
      const received = yield* run((baseUrl) => ({
        ...hourly,
        baseUrl,
        resource: { serviceName: "mailer" },
        encoding: "protobuf"
      }))
      const metrics = received.find(({ path }) => path === "/v1/metrics")!
      assert.strictEqual(metrics.type, "application/x-protobuf")
      // Behind the description is field 3, the unit, of 2 bytes.
      assert.include(metrics.body.toString("latin1"), `overwritten with zeros${String.fromCharCode(0x1a, 2)}By`)
    })
  )
})
