/** Actors are given up while they start, and their names are wanted again. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Actor from "../../../src/Actor.ts"
import { givenUpAfter, inTurn, pause, program, quick, slow, together, Worker } from "./world.ts"

/** One name has one actor at a time, whatever is interrupted, and whatever was acquired is released before the next. */
export const startAgainstStop = program(
  (world) => world.other(),
  ({ ask, build, tell }) =>
    Effect.gen(function* () {
      const spawn = Actor.spawn(Worker, build({ opens: () => Effect.sleep(1), closes: Effect.sleep(1) }), {
        ...quick,
        name: "Worker#1"
      })
      /** Spawns it in a Scope of its own, sends, and closes the Scope; or another is there already. */
      const live = (sender: string) =>
        Effect.gen(function* () {
          const scope = yield* Scope.make()
          const started = yield* Effect.result(Scope.provide(spawn, scope))
          if (started._tag === "Success") {
            yield* tell(started.success, `${sender}1`, pause)
            yield* ask(started.success, `${sender}2`, slow(1), { deadline: 3 })
          }
          yield* Scope.close(scope, Exit.void)
        })
      yield* together({
        ada: givenUpAfter(live("ada"), 1),
        bob: inTurn(live("bob"), live("ben")),
        cy: inTurn(Effect.sleep(2), givenUpAfter(live("cy"), 2), live("cid"))
      })
    })
)
