/** The id by which everything can be found that one cause has led to. */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import { correlationOf, CurrentMessage, type Envelope, type Sender } from "./envelope.ts"
import { correlationFor } from "./tracing.ts"

/** Somebody who sends under an id of its own, and may serve a message besides. */
class Correlated implements Sender {
  readonly serving: Envelope | undefined
  readonly correlation: string

  constructor(serving: Envelope | undefined, correlation: string) {
    this.serving = serving
    this.correlation = correlation
  }
}

/**
 * Gives what the effect sends a correlation id, and with it all that handlers send because of it.
 *
 * **When to use**
 *
 * At the edge of a program, with the id that a request or an event came with. Without it, what is sent within a span
 * has the id of that span's trace, so that in a traced program there is nothing to do.
 *
 * **Details**
 *
 * The id goes with the message to its handler, and from there to all messages that the handler, or a fiber that it
 * forks, sends; asks and tells alike, however long the line. What it is given first holds; an inner
 * `withCorrelationId` holds for what it encloses. Log lines of the effect and of the handlers have it as `corr_id`, and so have
 * `actor_crashed`, dead letters and spans.
 *
 * **Gotchas**
 *
 * It is written to logs and spans: it should be short, and no secret.
 *
 * **Example** (The id of a request, two actors further)
 *
 * ```ts
 * import { Effect, Option, Schema } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Ryker } from "ryker"
 *
 * class Echo extends Actor.Service<Echo>()("Echo", [Rpc.make("Id", { success: Schema.String })]) {}
 *
 * const EchoLayer = Echo.toLayer({
 *   Id: () => Effect.map(Actor.correlationId, Option.getOrElse(() => "none"))
 * })
 *
 * const program = Effect.gen(function*() {
 *   const echo = yield* Echo
 *   console.log(yield* echo.ask.Id()) // => none
 *   console.log(yield* echo.ask.Id().pipe(Actor.withCorrelationId("request-7"))) // => request-7
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(EchoLayer), Effect.provide(Ryker.layer)))
 * ```
 *
 * @see {@link correlationId} for the id that holds
 *
 * @category tracing
 * @since 0.1.0
 */
export const withCorrelationId: {
  (id: string): <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  <A, E, R>(effect: Effect.Effect<A, E, R>, id: string): Effect.Effect<A, E, R>
} = dual(2, <A, E, R>(effect: Effect.Effect<A, E, R>, id: string): Effect.Effect<A, E, R> =>
  effect.pipe(
    Effect.annotateLogs("corr_id", id),
    Effect.updateService(CurrentMessage, (sender) => new Correlated(sender?.serving, id))
  )
)

/**
 * The correlation id that the next message from here would have: that of the message in hand, or of
 * {@link withCorrelationId}, or of the trace of the current span.
 *
 * @category tracing
 * @since 0.1.0
 */
export const correlationId: Effect.Effect<Option.Option<string>> = Effect.withFiber((fiber) => {
  const correlation = correlationFor(fiber, fiber.getRef(CurrentMessage))
  return Effect.succeed(Option.fromUndefinedOr(correlationOf({ correlation })))
})
