/** The library with a tracer, which makes a span for each message and exports none. */
import * as Layer from "effect/Layer"
import * as Tracer from "effect/Tracer"
import * as Ryker from "ryker/Ryker"
import { rykerWith } from "./ryker.ts"

/** Not Effect's own, whose spans are not made at all. */
export const tracer = Layer.succeed(Tracer.Tracer, Tracer.make({ span: (options) => new Tracer.NativeSpan(options) }))

/** What sends is in a span. */
export const sender = (sampled: boolean) =>
  Layer.succeed(
    Tracer.ParentSpan,
    Tracer.externalSpan({ traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", sampled })
  )

const layer = Layer.provideMerge(Ryker.layer, Layer.merge(tracer, sender(true)))

export default rykerWith("ryker, traced", layer)
