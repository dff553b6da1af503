/** An actor whose last message is handled while its Layers close. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import * as Actor from "../../src/Actor.ts"
import * as Ryker from "../../src/Ryker.ts"

export class Mailer extends Actor.Service<Mailer>()("Mailer", [Rpc.make("Send", { payload: { to: Schema.String } })]) {}

/** Each message has a span, and a log line. */
export const mailerLayer: Layer.Layer<Mailer, never, Ryker.Ryker> = Layer.orDie(
  Mailer.toLayer({
    Send: () => Effect.logInfo("sent").pipe(Effect.delay("5 millis"), Effect.withSpan("mailer.send"))
  })
)

/** Leaves two messages to the closing of the Layers, which it then has run in the order that is documented. */
export const sendAndClose = <A, E, R>(telemetry: Layer.Layer<A, E, R>) =>
  Effect.gen(function* () {
    const mailer = yield* Mailer
    yield* mailer.tell.Send({ to: "ada" })
    yield* mailer.tell.Send({ to: "bob" })
  }).pipe(
    Effect.provide(mailerLayer.pipe(Layer.provide(Ryker.layer), Layer.provide(telemetry))),
    // What a test exports is its own.
    Effect.scoped
  )
