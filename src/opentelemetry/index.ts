/**
 * Exporting what ryker measures: with the OpenTelemetry SDK, over HTTP to a collector, or to Prometheus.
 *
 * Each module is also an entry of its own (`ryker/opentelemetry/RykerPrometheus`): this one loads all three, and so the SDK.
 *
 * @since 0.1.0
 */
export * as RykerOtel from "./RykerOtel.ts"
export * as RykerOtlp from "./RykerOtlp.ts"
export * as RykerPrometheus from "./RykerPrometheus.ts"
