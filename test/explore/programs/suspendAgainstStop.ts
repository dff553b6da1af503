/** An actor is suspended and resumed while others send, and stop it. */
import * as Effect from "effect/Effect"
import * as Actor from "../../../src/Actor.ts"
import { die, expect, inTurn, pause, program, slow, together, Worker } from "./world.ts"

/** Nothing begins while it is suspended, all goes on afterwards, and a stop keeps to its time in any case. */
export const suspendAgainstStop = program(
  (world) => world.worker({ closes: Effect.yieldNow }),
  (world) =>
    Effect.gen(function* () {
      const { ask, blame, now: startedAt, tell } = world
      const worker = yield* Worker
      let isSuspended = false
      const work = () =>
        Effect.suspend(() => (isSuspended ? Effect.sync(() => blame("begun while suspended")) : pause()))
      yield* together({
        ada: inTurn(tell(worker, "ada1", work), ask(worker, "ada2", work), ask(worker, "ada3", work)),
        bob: inTurn(ask(worker, "bob1", slow(1)), tell(worker, "bob2", die), ask(worker, "bob3", pause)),
        operator: inTurn(
          Effect.tap(Actor.suspend(worker), () => Effect.sync(() => (isSuspended = true))),
          Effect.sleep(2),
          Effect.suspend(() => {
            isSuspended = false
            return Actor.resume(worker)
          })
        ),
        stop: Effect.delay(Actor.stop(worker, { deadline: 4 }), 1)
      })
      // Time may go on by itself for as long as a run may stall.
      yield* expect("in time", world.now - startedAt <= 105, true)
    })
)
