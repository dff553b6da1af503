/** Actors are stopped, and runtimes drained, by several at once, each with another deadline. */
import * as Effect from "effect/Effect"
import * as Actor from "../../../src/Actor.ts"
import * as Ryker from "../../../src/Ryker.ts"
import { inTurn, pause, program, slow, together, Worker, type World } from "./world.ts"

/** Longer than a run may take when the earliest deadline is kept, however late everybody is. */
const anHour = "1 hour"

const checkInTime = (world: World) =>
  Effect.suspend(() => (world.now < 1_000 ? Effect.void : Effect.fail(`it took ${world.now} ms`)))

/** The earliest deadline holds, in whatever order they come. */
export const stopAgainstStop = program(
  (world) => world.worker(),
  (world) =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* together({
        ada: inTurn(
          world.tell(worker, "ada1", pause),
          world.ask(worker, "ada2", () => Effect.never)
        ),
        patient: Effect.delay(Actor.stop(worker, { deadline: anHour }), 1),
        hasty: Effect.delay(Actor.stop(worker, { deadline: 4 }), 2)
      })
      yield* checkInTime(world)
    })
)

export const drainAgainstDrain = program(
  (world) => world.worker(),
  (world) =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* together({
        ada: inTurn(
          world.tell(worker, "ada1", slow(1)),
          world.ask(worker, "ada2", () => Effect.never)
        ),
        hasty: Effect.delay(Ryker.drain(4), 1),
        patient: Effect.delay(Ryker.drain(anHour), 2)
      })
      yield* checkInTime(world)
    })
)

/** A stop waits for nothing that has left the queue before its turn. */
export const stopAgainstWithdrawal = program(
  (world) => world.worker(),
  (world) =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* Actor.suspend(worker)
      yield* together({
        ada: world.ask(worker, "ada1", pause, { deadline: 2 }),
        bob: world.ask(worker, "bob1", pause, { deadline: 1 }),
        stop: Effect.delay(Actor.stop(worker, { deadline: anHour }), 3)
      })
      yield* checkInTime(world)
    })
)
