/** Children of one supervisor fail together, and give up. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Actor from "../../../src/Actor.ts"
import * as Ryker from "../../../src/Ryker.ts"
import * as Supervisor from "../../../src/Supervisor.ts"
import {
  die,
  inTurn,
  Other,
  pause,
  program,
  quick,
  reply,
  slow,
  slowDie,
  Third,
  together,
  Worker,
  type World,
  type WorldOptions
} from "./world.ts"

const order = ["Worker", "Other", "Third"]

/** A child starts when all after it are down, their Scopes closed: so a group is down before any of it starts. */
const child = (world: World, options: WorldOptions = {}): WorldOptions => ({
  ...options,
  closes: Effect.sleep(1),
  opens: ({ address }) =>
    Effect.suspend(() => {
      for (const later of order.slice(order.indexOf(address) + 1)) {
        if (world.alive.has(later)) world.blame(`${address} starts while ${later} is up`)
      }
      return Effect.yieldNow
    })
})

const group = (world: World, strategy: "one-for-all" | "rest-for-one", options: WorldOptions = {}) =>
  Supervisor.layer("group", {
    strategy,
    backoff: quick.backoff,
    intensity: { restarts: 1, window: 20 },
    children: [
      world.worker(child(world, options)),
      world.other(child(world, options)),
      world.third(child(world, options))
    ]
  })

/** Every ask settles, the queues are kept, and in the end all are up. */
export const groupRestart = (strategy: "one-for-all" | "rest-for-one") =>
  program(
    (world) => group(world, strategy, { shutdown: 1 }),
    ({ ask, tell }) =>
      Effect.gen(function* () {
        const [worker, other, third] = [yield* Worker, yield* Other, yield* Third]
        yield* together({
          ada: inTurn(tell(worker, "ada1", slowDie(1)), ask(worker, "ada2", pause), ask(third, "ada3")),
          bob: inTurn(tell(other, "bob1", die), ask(other, "bob2", slow(2)), ask(worker, "bob3")),
          cy: inTurn(ask(third, "cy1", slow(3)), tell(third, "cy2", reply), ask(third, "cy3", pause))
        })
        // They answer: they are up.
        for (const [n, actor] of [worker, other, third].entries()) yield* ask(actor, `dan${n}`)
      })
  )

/** A child gives up, and its supervisor with it, while a group restart goes on. The one above starts all anew. */
export const groupRestartAgainstEscalation = program(
  (world) =>
    Supervisor.layer("top", {
      children: [group(world, "one-for-all", { intensity: { restarts: 1, window: "1 minute" } })],
      backoff: quick.backoff,
      intensity: { restarts: 10, window: "1 minute" }
    }),
  ({ ask, tell }) =>
    Effect.gen(function* () {
      const [worker, other, third] = [yield* Worker, yield* Other, yield* Third]
      yield* together({
        ada: inTurn(tell(worker, "ada1", die), tell(worker, "ada2", slowDie(1)), ask(worker, "ada3", pause)),
        bob: inTurn(tell(other, "bob1", slow(2)), tell(other, "bob2", die), ask(other, "bob3", slow(1))),
        cy: inTurn(ask(third, "cy1", slow(2)), ask(third, "cy2", pause))
      })
    })
)

/** The group is stopped, or one of it, while it is restarted. */
export const groupRestartAgainstStop = program(
  (world) => Layer.provideMerge(group(world, "one-for-all"), Layer.empty),
  ({ ask, tell }) =>
    Effect.gen(function* () {
      const [worker, other, third] = [yield* Worker, yield* Other, yield* Third]
      yield* together({
        ada: inTurn(tell(worker, "ada1", die), ask(worker, "ada2", pause)),
        bob: inTurn(tell(other, "bob1", slow(2)), ask(other, "bob2", pause)),
        cy: inTurn(tell(third, "cy1", slowDie(1)), ask(third, "cy2")),
        stop: Effect.delay(Actor.stop(other), 1),
        drain: Effect.delay(Ryker.drain("10 seconds"), 3)
      })
    })
)

/** A child is stopped and started anew while its group is restarted: in the end all are up. */
export const groupRestartAgainstReplacement = program(
  (world) => group(world, "one-for-all"),
  ({ ask, tell }) =>
    Effect.gen(function* () {
      const [worker, other, third] = [yield* Worker, yield* Other, yield* Third]
      const supervisor = Option.getOrThrow(yield* Supervisor.find("group"))
      const { address } = third
      const replace = Effect.andThen(
        Supervisor.terminateChild(supervisor, address),
        // It may be up with its group already, or the group takes it down again while it starts.
        Effect.exit(Supervisor.restartChild(supervisor, address))
      )
      yield* together({
        ada: inTurn(Effect.sleep(2), tell(worker, "ada1", die), ask(worker, "ada2", pause)),
        bob: inTurn(ask(other, "bob1", slow(1)), ask(other, "bob2", pause)),
        cy: inTurn(Effect.sleep(1), tell(third, "cy1", slow(1)), ask(third, "cy2")),
        operator: Effect.delay(replace, 1)
      })
      yield* inTurn(ask(worker, "dan1"), ask(other, "dan2"))
    })
)
