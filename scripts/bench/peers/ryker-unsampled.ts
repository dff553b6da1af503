/** The library with a tracer, and senders whose spans are not sampled. */
import * as Layer from "effect/Layer"
import * as Ryker from "ryker/Ryker"
import { rykerWith } from "./ryker.ts"
import { sender, tracer } from "./ryker-traced.ts"

const layer = Layer.provideMerge(Ryker.layer, Layer.merge(tracer, sender(false)))

export default rykerWith("ryker, not sampled", layer)
