/** More is sent than there is room for. */
import * as Effect from "effect/Effect"
import * as Actor from "../../../src/Actor.ts"
import * as Explore from "../../../src/testing/Explore.ts"
import { givenUpAfter, inTurn, pause, program, reply, slow, together, Worker } from "./world.ts"

/** Nothing is lost, no sender is overtaken by itself, and `Busy` means that there was no room, at that moment. */
export const backpressure = (capacity: number) =>
  program(
    (world) => world.worker({ capacity }),
    ({ ask, insist, tell }) =>
      Effect.gen(function* () {
        const worker = yield* Worker
        yield* Explore.always(
          "no more is queued than there is room for",
          Effect.map(Actor.status(worker), (status) => !("queued" in status) || status.queued <= capacity)
        )
        yield* together({
          ada: inTurn(insist(tell(worker, "ada1", pause)), insist(tell(worker, "ada2")), insist(ask(worker, "ada3"))),
          bob: inTurn(insist(ask(worker, "bob1", slow(1))), insist(tell(worker, "bob2", pause))),
          cy: inTurn(tell(worker, "cy1"), ask(worker, "cy2", pause), tell(worker, "cy3"))
        })
      })
  )

/** Messages that leave the queue before their turn make room at once, and do not run. */
export const backpressureAndWithdrawal = program(
  (world) => world.worker({ capacity: 2 }),
  ({ ask, insist, tell }) =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* Explore.always(
        "no more is queued than there is room for",
        Effect.map(Actor.status(worker), (status) => !("queued" in status) || status.queued <= 2)
      )
      yield* together({
        ada: inTurn(tell(worker, "ada1", slow(3)), insist(tell(worker, "ada2", reply))),
        bob: inTurn(ask(worker, "bob1", pause, { deadline: 2 }), insist(tell(worker, "bob2"))),
        cy: inTurn(givenUpAfter(ask(worker, "cy1", pause), 1), insist(ask(worker, "cy2")), tell(worker, "cy3"))
      })
    })
)
