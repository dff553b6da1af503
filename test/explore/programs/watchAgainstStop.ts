/** Actors are watched while they crash, stop and start anew. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Actor from "../../../src/Actor.ts"
import * as Explore from "../../../src/testing/Explore.ts"
import { die, expect, inTurn, Other, pause, program, slow, together, Worker, type World } from "./world.ts"

/** Watches once, and sees to it that it hears once. */
const heard = (target: Actor.Any, until: "terminal" | "incarnation") =>
  Effect.gen(function* () {
    const { down } = yield* Actor.watch(target, { until })
    const first = yield* down
    yield* Effect.sleep(5)
    yield* expect("Down", yield* down, first)
    return first
  })

/** Everybody who watches hears exactly once, whenever the watch began. */
export const watchAgainstStop = program(
  (world) => world.worker({ closes: Effect.sleep(1) }),
  ({ ask, tell }) =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* together({
        ada: inTurn(heard(worker, "terminal"), heard(worker, "terminal"), heard(worker, "incarnation")),
        bob: inTurn(heard(worker, "incarnation"), heard(worker, "terminal")),
        cy: inTurn(tell(worker, "cy1", die), ask(worker, "cy2", slow(1)), ask(worker, "cy3", pause)),
        stop: Effect.delay(Actor.stop(worker, { deadline: 3 }), 2)
      })
      yield* expect("reason", yield* Actor.awaitStopped(worker), "Stopped")
    })
)

/** The watcher's own incarnations each hear once of each end, also one that is only just starting. */
const watcher = (world: World, target: Actor.Any, heardBy: Array<number>) =>
  world.build({
    opens: ({ incarnation }) =>
      Effect.andThen(
        Actor.onDown(target, () => Effect.sync(() => heardBy.push(incarnation))),
        // From here on it has a watch, and is not up yet.
        Effect.sleep(2)
      )
  })

export const watchFromWithin = program(
  (world) => world.worker(),
  (world) =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const heardBy: Array<number> = []
      yield* Explore.always(
        "no incarnation hears twice",
        Effect.sync(() => new Set(heardBy).size === heardBy.length)
      )
      const name = "Other"
      const boss = yield* Actor.spawn(Other, watcher(world, worker, heardBy), {
        name,
        deadline: "Infinity",
        backoff: { base: 1, cap: 1 }
      })
      yield* together({
        ada: inTurn(world.tell(boss, "ada1", pause), world.tell(boss, "ada2", die), world.ask(boss, "ada3", slow(1))),
        bob: world.ask(worker, "bob1", pause),
        stop: Effect.delay(Actor.stop(worker), 7)
      })
      const last = yield* Effect.map(
        Effect.sync(() => world.alive.get(name)),
        (life) => life?.incarnation
      )
      yield* Explore.eventually(
        "the last incarnation hears of it",
        Effect.sync(() => heardBy.includes(last ?? 0))
      )
    })
)

/** After `unwatch` nothing is heard any more; until then it may have been. */
export const unwatchAgainstStop = program(
  (world) => Layer.merge(world.worker(), world.other()),
  ({ ask }) =>
    Effect.gen(function* () {
      const [worker, boss] = [yield* Worker, yield* Other]
      let heard = 0
      let isOver = false
      yield* together({
        ada: ask(boss, "ada1", () =>
          Effect.gen(function* () {
            const watch = yield* Actor.onDown(worker, () => Effect.sync(() => (heard += isOver ? 100 : 1)))
            yield* Effect.sleep(1)
            yield* watch.unwatch
            isOver = true
            yield* Effect.sleep(2)
          })
        ),
        bob: ask(boss, "bob1", pause),
        stop: Effect.delay(Actor.stop(worker), 1)
      })
      yield* ask(boss, "cy1")
      yield* expect("heard after unwatch", heard >= 100, false)
    })
)
