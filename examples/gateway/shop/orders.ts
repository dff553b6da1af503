/** Takes an order: holds the units, charges the card, and either sells or leaves everything as it was before. */
import { Cause, Context, type Duration, Effect, Layer, Option, type Redacted, Schedule } from "effect"
import type { AskError } from "ryker/RykerError"
import { RequestDeadline } from "ryker/http"
import { randomUUID } from "node:crypto"
import { Bank, type Declined } from "./bank.ts"
import { itemOf, type UnknownSku } from "./catalogue.ts"
import { Inventory, type OutOfStock } from "./inventory.ts"
import { Payments } from "./payments.ts"

export interface Request {
  readonly sku: string
  readonly units: number
  readonly card: Redacted.Redacted
}

export interface Receipt {
  readonly order: string
  readonly cents: number
}

export type OrderError = UnknownSku | OutOfStock | Declined | AskError

export class Orders extends Context.Service<
  Orders,
  { readonly place: (request: Request) => Effect.Effect<Receipt, OrderError> }
>()("gateway/Orders") {
  static readonly layer = Layer.effect(
    Orders,
    Effect.gen(function* () {
      const [bank, inventory, payments] = [yield* Bank, yield* Inventory, yield* Payments]

      const place = Effect.fnUntraced(function* ({ card, sku, units }: Request) {
        const { price } = yield* itemOf(sku)
        const order = randomUUID()
        const cents = price * units
        const shelf = inventory.get(sku)
        const undo = Effect.andThen(bank.refund(order), untilDone(order, shelf.ask.Release({ order })))

        // A client that goes away, and a deadline that comes, interrupt what waits; nothing in between.
        yield* Effect.uninterruptibleMask((restore) =>
          Effect.gen(function* () {
            yield* restore(withinRequest((deadline) => shelf.ask.Reserve({ order, units }, { deadline }))).pipe(
              Effect.onError((cause) => (mayHaveBegun(cause) ? undo : Effect.void))
            )
            yield* restore(withinRequest((deadline) => payments.ask.Charge({ order, card, cents }, { deadline }))).pipe(
              // Also when it is not known whether the money has moved.
              Effect.onError(() => undo)
            )
            // Who has been told that it took too long must not have bought anything.
            if (!(yield* RequestDeadline.commit)) return yield* Effect.andThen(undo, Effect.interrupt)
            // From here on there is no way back, and the client waits for its receipt.
            yield* untilDone(order, shelf.ask.Sell({ order }))
          })
        )
        return { order, cents }
      })
      return { place }
    })
  )
}

/** An ask that knows when nobody waits for its answer any more. */
const withinRequest = <A, E>(ask: (deadline: Duration.Duration) => Effect.Effect<A, E>) =>
  Effect.flatMap(RequestDeadline.left, ask)

/** Whether the actor may have done what it was asked for, although the ask has failed. */
const mayHaveBegun = (cause: Cause.Cause<OutOfStock | AskError>): boolean => {
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  switch (error?._tag) {
    case "Timeout":
    case "Stopped":
      return error.phase === "running"
    case "Busy":
    case "Deadlock":
    case "OutOfStock":
    case "TooLarge":
      return false
    case "Crashed":
    case undefined: // The asker was interrupted.
      return true
  }
}

/** Full, late or crashed: it is asked again, as it may be asked twice. Only the end of the inventory ends that. */
const untilDone = (order: string, ask: Effect.Effect<void, AskError>) =>
  ask.pipe(
    Effect.retry({
      schedule: Schedule.jittered(Schedule.min([Schedule.exponential("10 millis"), Schedule.spaced("1 second")])),
      while: ({ _tag }) => _tag !== "Stopped"
    }),
    Effect.catch((error) => Effect.logError(`order ${order} is left as it is`, error))
  )
