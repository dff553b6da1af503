/** Members of a pool crash and stop while messages are sent to the pool. */
import * as Effect from "effect/Effect"
import * as Actor from "../../../src/Actor.ts"
import * as Router from "../../../src/Router.ts"
import { die, inTurn, pause, program, quick, reply, slow, together, Worker } from "./world.ts"

/** A message goes to one member, which handles it, or is refused: by a member that crashed none is lost. */
export const routerCrash = program(
  (world) => Router.layer(Worker, world.build({ closes: Effect.sleep(1) }), { ...quick, size: 2, capacity: 2 }),
  (world) =>
    Effect.gen(function* () {
      const { ask, insist, tell } = world
      const pool = yield* Worker
      const [first] = Router.members(pool)
      yield* together({
        ada: inTurn(insist(tell(pool, "ada1", die)), insist(ask(pool, "ada2", pause)), insist(ask(pool, "ada3"))),
        bob: inTurn(insist(ask(pool, "bob1", slow(2))), insist(tell(pool, "bob2", pause))),
        cy: inTurn(insist(tell(pool, "cy1", slow(1))), insist(ask(pool, "cy2", die)), insist(tell(pool, "cy3", reply))),
        stop: Effect.delay(Actor.stop(first!, { deadline: 5 }), 2)
      })
    })
)
