/** Whatever may happen to a tree of actors, drawn anew for each seed: not only the schedule, the program differs as well. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Actor from "../../../src/Actor.ts"
import type * as Ryker from "../../../src/Ryker.ts"
import * as Supervisor from "../../../src/Supervisor.ts"
import {
  die,
  Family,
  givenUpAfter,
  type Handle,
  inTurn,
  type Job,
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
  type World
} from "./world.ts"

const jobs: ReadonlyArray<Job> = [
  reply,
  reply,
  pause,
  pause,
  slow(1),
  slow(2),
  die,
  slowDie(1),
  () => Actor.stopSelf,
  () => Effect.andThen(Effect.yieldNow, Actor.stopSelf)
]

const options = { ...quick, capacity: 3, shutdown: 20, intensity: { restarts: 3, window: 20 } } as const

/** A few things that one party does, one after the other. */
const party = (world: World, sender: string, actors: ReadonlyArray<Handle>) =>
  Effect.gen(function* () {
    const supervisor = Option.getOrThrow(yield* Supervisor.find("group"))
    const one = <A>(values: ReadonlyArray<A>) =>
      Effect.map(Random.nextIntBetween(0, values.length - 1), (n) => values[n]!)
    let n = 0
    const next = () => `${sender}${n++}`
    /** Comes while the others are there already, and talks to itself. */
    const guest = (name: string) =>
      Effect.gen(function* () {
        const restart = yield* one(["permanent", "transient", "temporary"] as const)
        const handle = yield* Actor.spawn(Worker, world.build({ ...options, closes: Effect.sleep(1) }), {
          ...options,
          restart,
          name
        })
        yield* world.tell(handle, next(), yield* one(jobs))
        yield* world.tell(handle, next(), yield* one(jobs))
      })
    const step = Effect.gen(function* () {
      const actor = yield* one(actors)
      const job = yield* one(jobs)
      const millis = yield* Random.nextIntBetween(1, 6)
      const relay: Job = () => world.ask(actor, `${sender}In${n++}`, job)
      const acts: ReadonlyArray<() => Effect.Effect<unknown, unknown, Ryker.Ryker>> = [
        () => world.tell(actor, next(), job),
        () => world.tell(actor, next(), job),
        () => world.ask(actor, next(), job),
        () => world.ask(actor, next(), job, { deadline: millis }),
        () => givenUpAfter(world.ask(actor, next(), job), millis),
        () => world.ask(actors[0]!, next(), relay),
        () => Effect.sleep(millis),
        () => inTurn(Actor.suspend(actor), Effect.sleep(millis), Actor.resume(actor)),
        () => Actor.stop(actor, { deadline: millis }),
        () => Effect.exit(Supervisor.restartChild(supervisor, actor.address)),
        () => Effect.exit(Supervisor.terminateChild(supervisor, actor.address)),
        () =>
          Effect.andThen(
            Effect.exit(Supervisor.terminateChild(supervisor, actor.address)),
            Effect.exit(Supervisor.restartChild(supervisor, actor.address))
          ),
        () => Effect.exit(Supervisor.startChild(supervisor, guest(`Worker#${sender}`))),
        () => Effect.exit(Supervisor.deleteChild(supervisor, `Worker#${sender}`)),
        () => Effect.flatMap(Actor.watch(actor, { until: "incarnation" }), ({ down }) => givenUpAfter(down, millis))
      ]
      yield* (yield* one(acts))()
    })
    for (let i = 0; i < 7; i++) yield* step
    // Nobody may wait for a resume for ever.
    for (const actor of actors) yield* Actor.resume(actor)
  })

export const anything = (strategy: "one-for-one" | "one-for-all" | "rest-for-one") =>
  program(
    (world) =>
      Supervisor.layer("top", {
        intensity: { restarts: 10, window: "1 minute" },
        backoff: quick.backoff,
        children: [
          Supervisor.layer("group", {
            strategy,
            backoff: quick.backoff,
            intensity: { restarts: 2, window: 50 },
            children: [
              world.worker({ ...options, opens: () => Effect.yieldNow, closes: Effect.sleep(1) }),
              world.other({ ...options, redeliver: 1, closes: Effect.yieldNow }),
              Family.toLayer(() => world.build({ ...options, closes: Effect.sleep(1) }), { ...options, idleAfter: 2 }),
              world.third({ ...options, restart: "transient", opens: () => Effect.sleep(1) })
            ]
          })
        ]
      }),
    (world) =>
      Effect.gen(function* () {
        const family = yield* Family
        const actors = [yield* Worker, yield* Other, yield* Third, family.get("a"), family.get("b")]
        yield* together({
          ada: party(world, "ada", actors),
          bob: party(world, "bob", actors),
          cy: party(world, "cy", actors)
        })
      })
  )
