/** The orders' tree: prices are asked for, customers are a keyed family, the audit is told, and one actor is flaky. */
import { Context, Duration, Effect, Layer, Ref, Schema } from "effect"
import { Rpc } from "effect/rpc"
import { Actor, Supervisor } from "ryker"

const Name = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(64))

export const Order = Schema.Struct({
  customer: Name,
  item: Name,
  quantity: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000 }))
})

export class Unknown extends Schema.TaggedError<Unknown>()("Unknown", { item: Schema.String }) {}

/** What an order needs cannot be had now. */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", { reason: Schema.String }) {}

/** How long what the actors lean on takes to answer. A drill makes it slow. */
export class Dependency extends Context.Service<Dependency, Ref.Ref<Duration.Duration>>()("service/Dependency") {
  static readonly layer = Layer.effect(this, Ref.make(Duration.millis(2)))
}

/** Work that takes as long as the dependency does. */
const work = Effect.map(Dependency, (latency) => Effect.flatMap(Ref.get(latency), Effect.sleep))

export class Pricing extends Actor.Service<Pricing>()("Pricing", [
  Rpc.make("Quote", { payload: { item: Schema.String }, success: Schema.Finite, error: Unknown })
]) {}

const prices: ReadonlyMap<string, number> = new Map([
  ["pen", 2],
  ["paper", 5],
  ["printer", 120]
])

const PricingLayer = Pricing.toLayer(
  Effect.gen(function* () {
    const lookUp = yield* work
    return Pricing.of({
      Quote: ({ item }) =>
        Effect.flatMap(lookUp, () => {
          const price = prices.get(item)
          return price === undefined ? Effect.fail(new Unknown({ item })) : Effect.succeed(price)
        })
    })
  })
)

/** Writes down what was ordered, in its own time. */
export class Audit extends Actor.Service<Audit>()("Audit", [Rpc.make("Record", { payload: Order })]) {}

const AuditLayer = Audit.toLayer(Effect.map(work, (write) => Audit.of({ Record: () => write })))

/** An actor for each customer. */
export class Customers extends Actor.keyed<Customers>()("Customer", [
  Rpc.make("Place", { payload: Order, success: Schema.Finite, error: Schema.Union([Unknown, Unavailable]) })
]) {}

const CustomersLayer = Customers.toLayer(
  () =>
    Effect.gen(function* () {
      const [audit, pricing] = [yield* Audit, yield* Pricing]
      let spent = 0
      return Customers.of({
        Place: Effect.fnUntraced(function* (order) {
          const price = yield* Effect.catchIf(
            pricing.ask.Quote({ item: order.item }),
            (error) => error._tag !== "Unknown",
            (error) => Effect.fail(new Unavailable({ reason: error._tag }))
          )
          // An order is not refused for its record: what the audit cannot take is counted.
          yield* Effect.ignore(audit.tell.Record(order))
          return (spent += price * order.quantity)
        })
      })
    }),
  { maxResident: 1_000, idleAfter: "1 minute" }
)

/** Crashes when it is told to: a drill. */
export class Flaky extends Actor.Service<Flaky>()("Flaky", [Rpc.make("Crash")]) {}

const FlakyLayer = Flaky.toLayer({ Crash: () => Effect.die(new Error("a drill")) })

/** What gives up is left behind, and the others go on. */
export const Orders = Supervisor.layer("Orders", {
  strategy: "one-for-one",
  onExhausted: "isolate",
  children: [
    PricingLayer,
    AuditLayer,
    CustomersLayer.pipe(Layer.provide(Layer.merge(PricingLayer, AuditLayer))),
    FlakyLayer
  ]
})
