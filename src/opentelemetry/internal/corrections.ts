/**
 * What exporters get wrong of ryker's metrics, as Effect's metrics say nothing of it: units, and the extremes of nothing.
 */
import * as RykerMetrics from "../../RykerMetrics.ts"

/** Units in the Unified Code for Units of Measure, as OpenTelemetry has them; by the name of the metric. */
const units: ReadonlyMap<string, string> = new Map(
  RykerMetrics.contract.map(({ name, type }) => {
    if (name.endsWith("_seconds")) return [name, "s"]
    if (name.includes("_bytes")) return [name, "By"]
    // Where OTLP becomes Prometheus, a gauge whose unit is "1" is taken for a ratio, and renamed: ryker_actor_up_ratio.
    return [name, type === "gauge" ? `{${name === RykerMetrics.actorUp.id ? "actor" : "message"}}` : "1"]
  })
)

/** The unit of a metric of ryker's; undefined for those of others. */
export const unitOf = (name: string): string | undefined => units.get(name)

/**
 * A point of a histogram without its least and greatest value if there is none: Effect has the largest numbers there
 * are instead, and they would be drawn.
 */
export const withoutVoidExtremes = <
  A extends { readonly count?: number; readonly min?: number | undefined; readonly max?: number | undefined }
>(
  point: A
): Omit<A, "min" | "max"> => {
  if (point.count !== 0) return point
  const { max: _max, min: _min, ...rest } = point
  return rest
}
