/**
 * Ryker logs one structured line for each event of an actor's life. A service would write them as JSON;
 * this Logger keeps them, so that the demo can count them and its output stays whole.
 */
import { Context, Effect, Layer, Logger, References } from "effect"

export interface Event {
  readonly event: string
  readonly actor: string
  readonly delay: number
}

export class Events extends Context.Service<Events, ReadonlyArray<Event>>()("flights/Events") {
  static readonly layer = Layer.unwrap(
    Effect.sync(() => {
      const events: Array<Event> = []
      const logger = Logger.make((options) => {
        const { actor, delay_ms, event, lib } = options.fiber.getRef(References.CurrentLogAnnotations)
        if (lib !== "ryker") return Logger.defaultLogger.log(options)
        events.push({ event: String(event), actor: String(actor), delay: Number(delay_ms ?? 0) })
      })
      return Layer.merge(Layer.succeed(Events, events), Logger.layer([logger]))
    })
  )
}

/** How long each actor waited before its first restart, its second, and so on, in milliseconds. */
export const restartDelays = (events: ReadonlyArray<Event>): ReadonlyMap<string, ReadonlyArray<number>> => {
  const delays = new Map<string, Array<number>>()
  for (const { actor, delay, event } of events) {
    if (event === "actor_restarting") delays.set(actor, [...(delays.get(actor) ?? []), delay])
  }
  return delays
}

/** The mean of the first numbers of all series, of the second ones, and so on, rounded. */
export const meanOfNth = (series: ReadonlyArray<ReadonlyArray<number>>): ReadonlyArray<number> =>
  Array.from({ length: Math.max(0, ...series.map(({ length }) => length)) }, (_, n) => {
    const nth = series.flatMap((each) => each[n] ?? [])
    return Math.round(nth.reduce((sum, each) => sum + each, 0) / nth.length)
  })
