/** Timers fall due while their actor crashes, cancels them, or stops. */
import * as Effect from "effect/Effect"
import * as Actor from "../../../src/Actor.ts"
import { die, expect, inTurn, pause, program, slow, together, Worker, type World } from "./world.ts"

/** A run of a timer: its incarnation is alive then, and no handler is in the middle of something. */
const tick = (world: World, address: string, incarnation: number) =>
  Effect.gen(function* () {
    const life = world.alive.get(address)
    if (life?.incarnation !== incarnation) world.blame(`a timer of incarnation ${incarnation} runs after its end`)
    else if (life.isOver) world.blame("a timer runs while the Scope closes")
    else if (life.inHand !== undefined) world.blame(`a timer runs beside ${life.inHand}`)
    else {
      life.inHand = "a timer"
      yield* Effect.onExit(Effect.yieldNow, () => Effect.sync(() => (life.inHand = undefined)))
    }
  })

/** None runs after its incarnation, also none that a fiber starts which outlives it. */
export const timersAgainstRestart = program(
  (world) =>
    world.worker({
      closes: Effect.sleep(1),
      opens: ({ address, incarnation }) =>
        Effect.gen(function* () {
          const timers = yield* Actor.timers
          const run = tick(world, address, incarnation)
          yield* Effect.orDie(timers.fixedRate("rate", 2, run))
          yield* Effect.orDie(timers.single("once", 3, run))
          yield* Effect.orDie(Actor.receiveTimeout(2, run))
          const late = Effect.andThen(Effect.sleep(1), Effect.orDie(timers.fixedDelay("late", 4, run)))
          yield* Effect.forkDetach(late)
        })
    }),
  ({ ask, tell }) =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* together({
        ada: inTurn(Effect.sleep(3), ask(worker, "ada1", pause), Effect.sleep(8), ask(worker, "ada2", slow(2))),
        bob: inTurn(Effect.sleep(1), tell(worker, "bob1", die), Effect.sleep(3), tell(worker, "bob2", die)),
        cy: inTurn(Effect.sleep(7), tell(worker, "cy1", die), Effect.sleep(3), ask(worker, "cy2", slow(2))),
        stop: Effect.delay(Actor.stop(worker), 14)
      })
    })
)

/** None runs after it was cancelled, also when it waited for its turn already. */
export const timersAgainstCancel = program(
  (world) => world.worker(),
  (world) =>
    Effect.gen(function* () {
      const worker = yield* Worker
      let cancelled = false
      let runs = 0
      const run = Effect.sync(() => {
        runs++
        if (cancelled) world.blame("a timer runs after it was cancelled")
      })
      yield* together({
        ada: inTurn(
          world.ask(worker, "ada1", () =>
            Effect.gen(function* () {
              const timers = yield* Actor.timers
              yield* Effect.orDie(timers.fixedRate("rate", 3, run))
            })
          ),
          Effect.sleep(2),
          world.ask(worker, "ada2", () =>
            Effect.gen(function* () {
              yield* Effect.yieldNow
              const timers = yield* Actor.timers
              yield* timers.cancel("rate")
              cancelled = true
            })
          ),
          Effect.sleep(5)
        ),
        bob: inTurn(world.ask(worker, "bob1", pause), Effect.sleep(1), world.ask(worker, "bob2", pause))
      })
      yield* expect("runs", runs <= 2, true)
    })
)
