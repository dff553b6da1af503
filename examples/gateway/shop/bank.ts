/**
 * Stands for the bank and the library that speaks to it: it takes its time, declines some cards, and now and then the library
 * throws, before or after the money has moved. When it throws follows from a seed.
 */
import { Context, Effect, Layer, Random, Redacted, Schema } from "effect"
import { HttpApiError } from "effect/http-api"

/** How the bank behaves. */
export const Behaviour = Schema.Struct({
  /** Which part of the charges makes the library throw. */
  crashRate: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })),
  /** How long a charge takes, in milliseconds. */
  latency: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60_000 })),
  /** The same seed, the same crashes: the first charge from now on, the seventh, the eighth. */
  seed: Schema.Int
})

export class Declined extends HttpApiError.Problem<Declined>()("Declined", {
  type: "urn:problem-type:gateway:declined",
  status: 402,
  title: "Card Declined"
}) {}

/** The card of which the bank takes no money. */
export const declinedCard = "card-declined"

export interface Charge {
  readonly order: string
  readonly card: Redacted.Redacted
  readonly cents: number
}

export class Bank extends Context.Service<
  Bank,
  {
    /** A token, with which charges are made until somebody signs on again. */
    readonly signOn: Effect.Effect<string>
    readonly charge: (token: string, charge: Charge) => Effect.Effect<void, Declined>
    /** Gives back what was taken for an order, which may be nothing. */
    readonly refund: (order: string) => Effect.Effect<void>
    readonly behave: (behaviour: typeof Behaviour.Type) => Effect.Effect<void>
    /** The cents that it has taken, by order. */
    readonly taken: Effect.Effect<ReadonlyMap<string, number>>
  }
>()("gateway/Bank") {
  static readonly layer = (initial: typeof Behaviour.Type) =>
    Layer.effect(
      Bank,
      Effect.gen(function* () {
        const taken = new Map<string, number>()
        let session = 0
        let { latency, throws } = yield* prepare(initial)
        return {
          signOn: Effect.sync(() => `session-${++session}`),
          charge: Effect.fnUntraced(function* (token, { card, cents, order }) {
            const fault = throws()
            yield* Effect.sleep(latency)
            if (token !== `session-${session}`) throw new Error("the session is over")
            if (fault === "before") throw new Error("connection reset")
            if (Redacted.value(card) === declinedCard) return yield* new Declined()
            taken.set(order, cents)
            if (fault === "after") throw new Error("connection reset while reading the answer")
          }),
          refund: (order) => Effect.sync(() => void taken.delete(order)),
          behave: (behaviour) => Effect.map(prepare(behaviour), (next) => void ({ latency, throws } = next)),
          taken: Effect.sync(() => new Map(taken))
        }
      })
    )
}

/** Draws for each charge whether the library throws, and when. */
const prepare = ({ crashRate, latency, seed }: typeof Behaviour.Type) =>
  Effect.map(Random.Random, (random) => ({
    latency,
    throws: (): "before" | "after" | undefined => {
      const drawn = random.nextDoubleUnsafe()
      return drawn >= crashRate ? undefined : drawn < crashRate / 2 ? "before" : "after"
    }
  })).pipe(Random.withSeed(seed))
