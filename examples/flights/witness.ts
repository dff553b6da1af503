/** Follows the events of a supervision tree, and looks at it each time that a supervisor in it is down. */
import { Effect, Stream } from "effect"
import { Ryker, type RykerEvent } from "ryker"

export interface Witness<View> {
  readonly events: ReadonlyArray<RykerEvent.RykerEvent>
  readonly outages: ReadonlyArray<Outage<View>>
}

/** A supervisor with all below it was down, and is up again unless `after` is missing. */
export interface Outage<View> {
  readonly supervisor: string
  /** What there was to see when all was down and nothing had begun to start. */
  readonly before: View
  /** What there was to see when all was up. */
  readonly after?: View
}

/** Takes note until the current fiber ends. */
export const witness = Effect.fnUntraced(function* <View>(
  supervisors: ReadonlyArray<string>,
  look: Effect.Effect<View>
) {
  const events: Array<RykerEvent.RykerEvent> = []
  const outages: Array<Outage<View>> = []
  const note = Effect.fnUntraced(function* (event: RykerEvent.RykerEvent) {
    const { _tag, actor } = event
    events.push(event)
    if (!supervisors.includes(actor)) return
    // Its children have been stopped by now, and the backoff lies before their start.
    if (_tag === "ActorRestarting") outages.push({ supervisor: actor, before: yield* look })
    const last = outages.findLastIndex(({ after, supervisor }) => supervisor === actor && after === undefined)
    if (_tag === "ActorStarted" && last >= 0) outages[last] = { ...outages[last]!, after: yield* look }
  })
  yield* Effect.forkChild(Stream.runForEach(Ryker.events, note), { startImmediately: true })
  const seen: Witness<View> = { events, outages }
  return seen
})
