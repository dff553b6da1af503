/** The library with its metrics turned off. */
import * as Layer from "effect/Layer"
import * as Ryker from "ryker/Ryker"
import { rykerWith } from "./ryker.ts"

const layer = Layer.orDie(Ryker.layerWith({ observability: { metrics: false, logLevel: "warn" } }))

export default rykerWith("ryker, metrics off", layer)
