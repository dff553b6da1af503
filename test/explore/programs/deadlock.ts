/** Actors ask each other in a circle. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { expect, inTurn, Other, pause, program, reply, Third, together, Worker, type Outcome } from "./world.ts"

/** An ask that would close the circle fails at once, none that would not, and nobody waits for a deadline. */
export const deadlock = program(
  (world) => Layer.mergeAll(world.worker(), world.other(), world.third()),
  ({ ask, messages }) =>
    Effect.gen(function* () {
      const [worker, other, third] = [yield* Worker, yield* Other, yield* Third]
      const inner: Array<Outcome> = []
      /** Asks another within its own handler, and answers whatever comes of it. */
      const via =
        (to: typeof worker, name: string, job = reply) =>
        () =>
          Effect.map(ask(to, name, job), (outcome) => inner.push(outcome))
      yield* together({
        ada: ask(worker, "ada1", via(other, "eve1", pause)),
        bob: ask(other, "bob1", via(third, "fay1", pause)),
        cy: ask(third, "cy1", via(worker, "gus1"))
      })
      const closed = inner.filter((outcome) => outcome === "Deadlock").length
      yield* expect("asks that closed the circle", closed <= 1, true)
      for (const { isAsk, name, outcome } of messages.values()) {
        if (isAsk && outcome !== "reply" && outcome !== "Deadlock") yield* Effect.fail(`${name} got ${outcome}`)
      }
      // By now nobody waits for anybody.
      yield* together({
        dan: inTurn(ask(worker, "dan1", via(other, "hal1")), ask(other, "dan2", via(worker, "hal2")))
      })
      yield* expect("asks that closed the circle", inner.filter((outcome) => outcome === "Deadlock").length, closed)
    })
)

/** An ask that is over is no part of a circle, even if the one who asked works on: it answered, expired, or was given up. */
export const noDeadlock = program(
  (world) => Layer.merge(world.worker(), world.other()),
  ({ ask, blame }) =>
    Effect.gen(function* () {
      const [worker, other] = [yield* Worker, yield* Other]
      /** How many handlers of each wait for the other, or do not know yet that they need not. */
      const waiting = { worker: 0, other: 0 }
      const waits = <A>(who: keyof typeof waiting, effect: Effect.Effect<A>) =>
        Effect.acquireUseRelease(
          Effect.sync(() => waiting[who]++),
          () => effect,
          () => Effect.sync(() => waiting[who]--)
        )
      const asksBack = (name: string) =>
        Effect.suspend(() => {
          const mayBeCircle = waiting.worker > 0
          return Effect.map(waits("other", ask(worker, name)), (outcome) => {
            if (outcome === "Deadlock" && !mayBeCircle) blame(`${name} closes no circle`)
          })
        })
      yield* together({
        ada: inTurn(
          ask(worker, "ada1", () => Effect.andThen(waits("worker", ask(other, "eve1", pause)), Effect.sleep(2))),
          ask(worker, "ada2", () =>
            Effect.andThen(
              waits(
                "worker",
                ask(other, "eve2", () => Effect.sleep(3), { deadline: 1 })
              ),
              Effect.sleep(2)
            )
          )
        ),
        bob: inTurn(
          Effect.sleep(3),
          ask(other, "bob1", () => Effect.andThen(Effect.sleep(1), asksBack("fay1"))),
          ask(other, "bob2", () => asksBack("fay2"))
        )
      })
    })
)
