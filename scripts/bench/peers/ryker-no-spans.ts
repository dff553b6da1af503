/** The library with a tracer, and spans of its own turned off. */
import * as Layer from "effect/Layer"
import * as Ryker from "ryker/Ryker"
import { rykerWith } from "./ryker.ts"
import { tracer } from "./ryker-traced.ts"

const layer = Layer.orDie(Ryker.layerWith({ observability: { spanLevel: "off", logLevel: "warn" } }))

export default rykerWith("ryker, tracer, spans off", Layer.provideMerge(layer, tracer))
