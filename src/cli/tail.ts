/** `ryker tail`: a host's events as they happen, as lines. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import * as Terminal from "effect/Terminal"
import * as Backoff from "../Backoff.ts"
import { type Host, HostError } from "./host.ts"
import type { Paint } from "./render.ts"
import * as View from "./tailView.ts"

export interface Options {
  readonly host: Host
  /** Patterns such as `config.*`; none for all. */
  readonly topics: ReadonlyArray<string>
  /** Whether to begin with what the host remembers. */
  readonly replay: boolean
  /** How many events to end after; undefined for never. */
  readonly count: number | undefined
  readonly json: boolean
}

/** Milliseconds between two attempts to connect. */
const policy: Backoff.Policy = { base: 250, cap: 5000, jitter: true }

/**
 * Prints events until there were enough. It ends with an error if it never got through, or is refused; a
 * connection that ends later is made anew from the event after the last one that was printed.
 */
export const tail = Effect.fnUntraced(function* (
  { count, host, json, replay, topics }: Options,
  paint: Paint
): Effect.fn.Return<void, HostError | PlatformError, Terminal.Terminal> {
  const terminal = yield* Terminal.Terminal
  const warn = (text: string) => Console.error(`ryker tail: ${text}`)

  // Where the events stand: what happens until the stream is open is not lost. And what is no inspector is told at once.
  const { deadLetters, events } = yield* host.state
  let last = replay ? 0 : Math.max(0, ...[...events, ...deadLetters].map(({ id }) => id))
  let left = count ?? Number.POSITIVE_INFINITY
  let isLost = false
  let wait = Backoff.initial

  const onOpen = Effect.suspend(() => {
    if (!isLost) return Effect.void
    isLost = false
    return warn(`connected to ${host.url} again`)
  })
  const ended = new HostError({
    message: `${host.url} has ended its stream of events`,
    why: "the host has ended its stream of events",
    again: true
  })

  for (;;) {
    const error = yield* Stream.runForEachWhile(host.events({ after: last, topics, onOpen }), (message) =>
      Effect.gen(function* () {
        const lost = View.missedOf(message)
        if (lost !== undefined && !json)
          yield* warn(`${lost} events are not here: the host does not remember them any more`)
        else yield* terminal.display(`${json ? View.jsonLine(message) : View.textLine(message, paint)}\n`)
        wait = Backoff.initial
        if (message.id !== undefined) last = message.id
        if (lost === undefined) left--
        return left > 0
      })
    ).pipe(
      Effect.as(ended),
      Effect.catchTag("HostError", (error) => Effect.succeed(error))
    )
    if (left <= 0) return
    if (!error.again) return yield* error
    if (!isLost) yield* warn(`${error.message}; trying again`)
    isLost = true
    wait = Backoff.next(wait, policy, yield* Random.next)
    yield* Effect.sleep(wait.delay)
  }
})
