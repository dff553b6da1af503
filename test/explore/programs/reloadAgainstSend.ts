/** Settings are replaced while messages are sent. */
import * as Effect from "effect/Effect"
import { Rpc } from "effect/rpc"
import * as Actor from "../../../src/Actor.ts"
import * as Explore from "../../../src/testing/Explore.ts"
import * as Ryker from "../../../src/Ryker.ts"
import type * as RykerConfig from "../../../src/RykerConfig.ts"
import { expect, inTurn, pause, program, together, Worker } from "./world.ts"

class Sleeper extends Actor.Service<Sleeper>()("Sleeper", [Rpc.make("Hang")]) {}

const reload = (next: RykerConfig.Input) => Ryker.reload(next)

/** A hot key holds for every message that is sent after the reload, for none before, and in one step. */
export const reloadOfHotKeys = program(
  () => Sleeper.toLayer({ Hang: () => Effect.never }),
  () =>
    Effect.gen(function* () {
      const sleeper = yield* Sleeper
      let version = 0
      yield* Explore.always(
        "versions go up",
        Effect.map(Ryker.config, (now) => now.version >= version && (version = now.version) > 0)
      )
      /** Asks for what never comes: that takes as long as the settings said when it was asked. */
      const wait = Effect.gen(function* () {
        const { config } = yield* Ryker.config
        const error = yield* Effect.flip(sleeper.ask.Hang())
        yield* expect("deadline", error._tag === "Timeout" && error.millis, config.defaults.deadline)
      })
      yield* together({
        ada: inTurn(wait, wait),
        bob: inTurn(wait, Effect.sleep(10), wait),
        cy: reload({ defaults: { deadline: "20ms" }, fairness: { batch_messages: 1 } }),
        dan: Effect.delay(reload({ defaults: { deadline: "15ms" } }), 10)
      })
    }),
  { defaults: { deadline: 30 } }
)

/** A cold key holds for actors that are started after the reload, and all others keep what they have. */
export const reloadOfColdKeys = program(
  (world) => world.worker(),
  ({ ask, build, insist, tell }) =>
    Effect.gen(function* () {
      const flood = (sender: string) =>
        Effect.gen(function* () {
          const { config } = yield* Ryker.config
          const name = `Worker#${sender}`
          const handle = yield* Actor.spawn(Worker, build(), { name, deadline: "Infinity" })
          yield* Effect.sleep(1)
          const outcomes = yield* Effect.forEach([1, 2, 3, 4], (n) => tell(handle, `${sender}${n}`, pause))
          // None is handled in between, as the sender does not wait.
          const taken = outcomes.filter((outcome) => outcome === "taken").length
          yield* expect(`taken from ${sender}`, taken, config.defaults.mailbox_capacity)
          yield* insist(ask(handle, `${sender}5`))
        })
      yield* together({
        ada: flood("ada"),
        bob: Effect.delay(flood("bob"), 1),
        cy: reload({ defaults: { mailbox_capacity: 1 } }),
        dan: Effect.delay(reload({ defaults: { mailbox_capacity: 3 } }), 1)
      })
    }),
  { defaults: { capacity: 2 } }
)
