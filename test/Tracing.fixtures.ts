/** A tracer that keeps its spans where tests see them. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import * as Ryker from "../src/Ryker.ts"
import { assertBalanced } from "./fixtures.ts"

/** The spans of a test, in the order in which they began. */
export class Spans extends Context.Service<Spans, ReadonlyArray<Tracer.NativeSpan>>()("test/Spans") {}

/** A tracer of the test's own. */
export const recording: Layer.Layer<Spans> = Layer.effectContext(
  Effect.sync(() => {
    const spans: Array<Tracer.NativeSpan> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    return Context.make(Spans, spans).pipe(Context.add(Tracer.Tracer, tracer))
  })
)

/** A runtime in which spans are seen. */
export const withSpans =
  <ROut, E2>(layer: Layer.Layer<ROut, E2, Ryker.Ryker>, options: Ryker.Options = {}) =>
  <A, E, R>(test: Effect.Effect<A, E, R>) =>
    test.pipe(
      Effect.tap(() => assertBalanced),
      Effect.provide(
        Layer.provideMerge(layer, Layer.provideMerge(Layer.fresh(Ryker.layerWith(options)), Layer.fresh(recording)))
      )
    )

/** Those of that name, in the order in which they began. */
export const spansOf = (name: string) => Effect.map(Spans, (spans) => spans.filter((span) => span.name === name))

/** All that a span says, but for its ids and times. */
export const described = (span: Tracer.NativeSpan) => ({
  name: span.name,
  kind: span.kind,
  parent: Option.match(span.parent, { onNone: () => undefined, onSome: (parent) => parent.spanId }),
  links: span.links.map((link) => link.span.spanId),
  ended: span.status._tag === "Ended" ? howEnded(span.status.exit) : "not yet",
  attributes: Object.fromEntries(span.attributes) as Record<string, unknown>
})

const howEnded = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return `success ${String(exit.value)}`
  if (Cause.hasInterruptsOnly(exit.cause)) return "interrupted"
  return `${Cause.hasDies(exit.cause) ? "died" : "failed"} ${Cause.prettyErrors(exit.cause)[0]!.message}`
}
