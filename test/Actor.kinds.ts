/** The worker of `Actor.fixtures.ts` in each of the ways that there are to run an actor. */
import { it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import type { DeadLetter } from "../src/DeadLetter.ts"
import type * as Keyed from "../src/Keyed.ts"
import * as Ryker from "../src/Ryker.ts"
import * as Supervisor from "../src/Supervisor.ts"
import { background, settled, tell, Worker, workerHandlers, type WorkerHandle } from "./Actor.fixtures.ts"
import { withActors } from "./fixtures.ts"

/** Actors are spawned in the test's Scope; what they leave undone in the end is none of the test's business. */
export const run = withActors(Layer.empty, { drainDeadline: 0 })

/** Delays that are easy to reckon with, no deadline that a test has not asked for, and no waiting at the end. */
export const defaults: Actor.Options = { backoff: { base: 100, jitter: false }, deadline: "Infinity", shutdown: 0 }

export type Build = Effect.Effect<typeof workerHandlers, never, Actor.Self | Scope.Scope>

const plain: Build = Effect.succeed(workerHandlers)

/** A build that does something first, and then serves the worker's messages. */
export const building = <E, R>(effect: Effect.Effect<unknown, E, R>) => Effect.as(Effect.orDie(effect), workerHandlers)

export const spawn = (options: Actor.Options = {}, build: Build = plain) =>
  Actor.spawn(Worker, build, { ...defaults, ...options })

export class Pack extends Actor.keyed<Pack>()("Pack", Worker.messages) {}

/** Workers by id. */
export const packOf = (options: Keyed.Options = {}, build: Build = plain) =>
  Effect.map(Layer.build(Pack.toLayer(() => build, { ...defaults, ...options })), (context) =>
    Context.get(context, Pack)
  )

/** A family, and one actor of it, which is resident. */
export const residentOf = (options: Keyed.Options = {}, build: Build = plain) =>
  Effect.gen(function* () {
    const pack = yield* packOf(options, build)
    const one = pack.get("a")
    yield* tell(one, () => Effect.void)
    yield* settled
    return { pack, one }
  })

export class Sibling extends Actor.Service<Sibling>()("Sibling", Worker.messages) {}

export class Top extends Supervisor.Service<Top>()("Top") {}

/** A worker and a permanent sibling, which are restarted together. */
export const treeOf = (options: Actor.Options = {}, build: Build = plain) =>
  Effect.gen(function* () {
    const children = [
      Worker.toLayer(build, { ...defaults, ...options }),
      Sibling.toLayer(workerHandlers, { ...defaults, ...options, restart: "permanent" })
    ] as const
    const context = yield* Layer.build(Top.toLayer({ strategy: "one-for-all", children }))
    return {
      worker: Context.get(context, Worker),
      sibling: Context.get(context, Sibling),
      top: Context.get(context, Top)
    }
  })

/** Makes a worker that is up. */
export type Make = (
  options?: Actor.Options,
  build?: Build
) => Effect.Effect<WorkerHandle, unknown, Ryker.Ryker | Scope.Scope>

export const kinds = {
  plain: spawn,
  keyed: (options, build) => Effect.map(residentOf(options, build), ({ one }) => one),
  supervised: (options, build) => Effect.map(treeOf(options, build), ({ worker }) => worker)
} as const satisfies Record<string, Make>

/** A test with an actor of each of the kinds. */
export const each = <A, E>(
  name: string,
  test: (make: Make) => Effect.Effect<A, E, Ryker.Ryker | Scope.Scope>,
  only: ReadonlyArray<keyof typeof kinds> = ["plain", "keyed", "supervised"]
): void => {
  for (const kind of only) it.effect(`${name} (${kind})`, () => run(test(kinds[kind])))
}

/** The definition's name, by which the ledger knows the actor. */
export const nameOf = (worker: WorkerHandle): string => worker.address.split(/[/#]/)[0]!

export const crash = () => Effect.die(new Error("on purpose"))

/** Lets time pass in small steps, so that each step's consequences come before the next. */
export const pass = (millis: number): Effect.Effect<void> =>
  Effect.forEach(Array.from({ length: Math.ceil(millis / 10) }), () => Effect.andThen(TestClock.adjust(10), settled), {
    discard: true
  })

/** All dead letters from now on. */
export const letters = Effect.gen(function* () {
  const found: Array<DeadLetter> = []
  yield* background(Stream.runForEach(Ryker.deadLetters, (letter) => Effect.sync(() => found.push(letter))))
  return found
})
