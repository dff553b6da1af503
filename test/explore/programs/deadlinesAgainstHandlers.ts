/** Deadlines come at the moment when handlers begin and end. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { inTurn, Other, pause, program, slow, stubborn, together, Worker } from "./world.ts"

/** Who asks hears by the deadline, of the phase that was; expired work does not run, whoever it was passed on to. */
export const deadlinesAgainstHandlers = program(
  (world) => Layer.merge(world.worker(), world.other()),
  (world) =>
    Effect.gen(function* () {
      const [worker, other] = [yield* Worker, yield* Other]
      const { ask, tell } = world
      /** Ends at the deadline of the message behind it. */
      const behind = (sender: string) =>
        inTurn(tell(other, `${sender}1`, slow(2)), ask(other, `${sender}2`, pause, { deadline: 2 }))
      /** Asks on, within what is left of its own time. */
      const onward = (name: string, millis: number) => () => ask(other, name, slow(millis))
      yield* together({
        dan: inTurn(behind("dan"), behind("don"), behind("dot")),
        ada: inTurn(
          ask(worker, "ada1", onward("eve1", 2), { deadline: 2 }),
          ask(worker, "ada2", onward("eve2", 1), { deadline: 2 })
        ),
        bob: inTurn(ask(worker, "bob1", stubborn(2), { deadline: 1 }), ask(other, "bob2", pause, { deadline: 1 })),
        cy: inTurn(tell(worker, "cy1", slow(1), { deadline: 2 }), ask(worker, "cy2", slow(1), { deadline: 3 }))
      })
    })
)
