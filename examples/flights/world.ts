/** All that a phase runs in, fresh for each: the airports, what they need, and a ryker of their own. */
import { Layer } from "effect"
import { type Keyed, Ryker } from "ryker"
import { airportsLayer } from "./airport.ts"
import { Events } from "./events.ts"
import { NetworkLayer } from "./network.ts"
import { Store } from "./store.ts"
import { Weather } from "./weather.ts"

export const world = (options: {
  readonly airports?: Keyed.Options | undefined
  readonly weather?: Layer.Layer<Weather> | undefined
}) =>
  airportsLayer(options.airports ?? {}).pipe(
    Layer.provideMerge(NetworkLayer),
    // Every answer counts, also on a slow machine: no question is given up after the usual second.
    Layer.provideMerge(Ryker.layerWith({ defaults: { deadline: "20 seconds" } })),
    Layer.provideMerge(Layer.mergeAll(Store.layer, Events.layer, options.weather ?? Weather.clear))
  )
