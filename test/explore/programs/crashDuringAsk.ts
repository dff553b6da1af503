/** An actor crashes while others ask it. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Actor from "../../../src/Actor.ts"
import {
  die,
  givenUpAfter,
  inTurn,
  Other,
  pause,
  program,
  programOf,
  quick,
  reply,
  slow,
  slowDie,
  together,
  Worker,
  type WorldOptions
} from "./world.ts"

/**
 * Every asker hears once: the reply, `Crashed`, or `Timeout`. The queue is kept in its order, and the next incarnation
 * waits until the Scope of the one before has closed.
 */
export const crashDuringAsk = program(
  (world) => world.worker({ opens: () => Effect.yieldNow, closes: Effect.sleep(1) }),
  ({ ask, tell }) =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* together({
        ada: inTurn(tell(worker, "ada1"), ask(worker, "ada2", slowDie(1)), ask(worker, "ada3", pause)),
        bob: inTurn(ask(worker, "bob1", pause, { deadline: 2 }), ask(worker, "bob2", reply, { deadline: 3 })),
        cy: inTurn(tell(worker, "cy1", die), tell(worker, "cy2", pause), givenUpAfter(ask(worker, "cy3", slow(2)), 3))
      })
    })
)

/** The same, with messages that are delivered once more. */
export const crashAndRedelivery = program(
  (world) => world.worker({ redeliver: 1, capacity: 3, closes: Effect.yieldNow }),
  ({ ask, insist, tell }) =>
    Effect.gen(function* () {
      const worker = yield* Worker
      let crashes = 0
      const dieOnce = () => (crashes++ === 0 ? die() : Effect.yieldNow)
      yield* together({
        ada: inTurn(
          insist(tell(worker, "ada1")),
          insist(ask(worker, "ada2", dieOnce)),
          insist(ask(worker, "ada3", pause))
        ),
        bob: inTurn(ask(worker, "bob1", slowDie(1), { deadline: 3 }), ask(worker, "bob2", reply, { deadline: 5 })),
        dan: inTurn(
          insist(tell(worker, "dan1")),
          Effect.sleep(1),
          insist(tell(worker, "dan2")),
          insist(tell(worker, "dan3"))
        ),
        cy: inTurn(givenUpAfter(ask(worker, "cy1", slowDie(2)), 3), insist(ask(worker, "cy2")))
      })
    })
)

/** Askers give up at the moment at which they are answered: they have the answer, or they have given up. */
export const givingUpAgainstAnswer = program(
  (world) => Layer.merge(world.worker(), world.other()),
  ({ ask }) =>
    Effect.gen(function* () {
      const [worker, other] = [yield* Worker, yield* Other]
      /** The n-th in the queue, which is answered after n milliseconds. */
      const inPlace = (n: number, sender: string) =>
        inTurn(
          givenUpAfter(ask(worker, `${sender}1`, slow(1)), n),
          Effect.sleep(1),
          givenUpAfter(ask(other, `${sender}2`, slow(1)), n)
        )
      yield* together({ ada: inPlace(1, "ada"), bob: inPlace(2, "bob"), cy: inPlace(3, "cy"), dan: inPlace(4, "dan") })
    })
)

/** What `build` has acquired when it fails is released before it is tried again, and not before it has ended. */
export const crashDuringStart = programOf(({ ask, blame, build, tell }) =>
  Effect.gen(function* () {
    let isStubborn = false
    const stubbornly = Effect.acquireUseRelease(
      Effect.sync(() => (isStubborn = true)),
      () => Effect.sleep(5),
      () => Effect.sync(() => (isStubborn = false))
    )
    const options: WorldOptions = {
      ...quick,
      startTimeout: 4,
      opens: ({ incarnation }) => {
        if (incarnation === 2) return Effect.andThen(Effect.yieldNow, die())
        return incarnation === 3 ? Effect.uninterruptible(stubbornly) : Effect.void
      },
      closes: Effect.suspend(() => {
        if (isStubborn) blame("the Scope closes while build still runs")
        return Effect.sleep(1)
      })
    }
    const worker = yield* Actor.spawn(Worker, build(options), options)
    yield* together({
      ada: inTurn(tell(worker, "ada1", die), ask(worker, "ada2")),
      bob: inTurn(ask(worker, "bob1", reply, { deadline: 3 }), ask(worker, "bob2", pause))
    })
  })
)
