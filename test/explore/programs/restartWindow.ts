/** Crashes come about as often as an actor may be restarted. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Ryker from "../../../src/Ryker.ts"
import { die, inTurn, Other, program, together, Worker } from "./world.ts"

const restarts = 1
const window = 10

/**
 * Of the restarts of any `window` milliseconds there are at most `restarts`, and an actor gives up only when one more
 * would have been too many.
 */
export const restartWindow = program(
  (world) =>
    Layer.merge(world.worker({ intensity: { restarts, window } }), world.other({ intensity: { restarts, window } })),
  ({ blame, tell }) =>
    Effect.gen(function* () {
      const [worker, other] = [yield* Worker, yield* Other]
      const admitted = new Map<string, ReadonlyArray<number>>()
      const inWindow = (actor: string, now: number) =>
        (admitted.get(actor) ?? []).filter((at) => now - at < window).length
      yield* Ryker.events.pipe(
        Stream.runForEach((event) =>
          Effect.sync(() => {
            const { actor, time } = event
            if (event._tag === "ActorRestarting") {
              admitted.set(actor, [...(admitted.get(actor) ?? []), time])
              if (inWindow(actor, time) > restarts) blame(`one restart of ${actor} too many`)
            } else if (
              event._tag === "ActorStopped" &&
              event.reason === "RapidFail" &&
              inWindow(actor, time) < restarts
            ) {
              blame(`${actor} gives up too early`)
            }
          })
        ),
        Effect.forkScoped({ startImmediately: true })
      )
      // In 11 and in 12 milliseconds from crash to crash; whoever is late the first time has only 10.
      yield* together({
        ada: inTurn(tell(worker, "ada1", die), Effect.sleep(1), tell(worker, "ada2")),
        bob: inTurn(Effect.sleep(1), tell(other, "bob1", die), Effect.sleep(1), tell(other, "bob2")),
        cy: inTurn(Effect.sleep(11), tell(worker, "cy1", die)),
        dan: inTurn(Effect.sleep(12), tell(other, "dan1", die))
      })
      yield* Effect.sleep(30)
    })
)
