/** Whatever happens to a tree, in whatever order: in the end all is up or ended, listed, in order, and nothing is left. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import type { ActorCell } from "../src/internal/actorCell.ts"
import * as Supervisor from "../src/Supervisor.ts"
import {
  assertNothingLeft,
  open,
  run,
  runtime,
  settle,
  start,
  type TracedHandle,
  type TracedOptions,
  tracing
} from "./Supervisor.fixtures.ts"

class Top extends Supervisor.Service<Top>()("Top") {}

const strategies = ["one-for-one", "one-for-all", "rest-for-one"] as const
const restarts = ["permanent", "transient", "temporary"] as const
const seeds = Array.from({ length: 40 }, (_, seed) => seed)
const cases = strategies.flatMap((strategy) => seeds.map((seed) => [strategy, seed] as const))

describe("a tree to which anything happens", () => {
  it.effect.each(cases)("is whole again when it is left alone: %s, seed %d", ([strategy, seed]) =>
    Effect.gen(function* () {
      const { take, traced } = tracing()
      const any = (n: number) => Effect.map(Random.nextIntBetween(0, n), (value) => Math.min(value, n - 1))
      const one = <A>(values: ReadonlyArray<A>) => Effect.map(any(values.length), (index) => values[index]!)
      const flaky = Effect.gen(function* () {
        const roll = yield* any(10)
        if (roll < 2) yield* Effect.sleep(30)
        if (roll === 2) yield* Effect.die(new Error("on purpose"))
      })
      const options: Effect.Effect<TracedOptions> = Effect.gen(function* () {
        return {
          restart: yield* one(restarts),
          shutdown: yield* one([0, 20, 200]),
          intensity: { restarts: yield* one([1, 3, 20]), window: "1 second" },
          backoff: { base: yield* one([10, 50, 100]), jitter: false },
          onStart: (n: number) => (n === 1 ? Effect.void : flaky),
          onClose: () => Effect.sleep(seed % 3 === 0 ? 10 : 0)
        }
      })
      const often = {
        intensity: { restarts: 1_000, window: "1 minute" },
        backoff: { base: 20, jitter: false }
      } as const
      const layers = (names: ReadonlyArray<string>) =>
        Effect.forEach(names, (name) => Effect.map(options, (options) => traced(name, options)))
      const above = yield* layers(["a", "b"])
      const below = yield* layers(["c", "d", "e"])
      const mid = Supervisor.layer("Mid", {
        ...often,
        strategy: yield* one(strategies),
        onExhausted: yield* one(["escalate", "isolate"] as const),
        children: below.map(({ layer }) => layer)
      })
      const top = Top.toLayer({ ...often, strategy, children: [above[0]!.layer, mid, above[1]!.layer] })
      const { close, services } = yield* open(top)
      const handles = new Map<string, TracedHandle>()
      for (const actor of [...above, ...below]) {
        handles.set(actor.name, yield* Effect.provideContext(actor.handle, services))
      }
      const topHandle = Context.get(services, Top)
      const midHandle = Option.getOrThrow(yield* Supervisor.find("Mid"))
      let born = 0
      const fibers: Array<Fiber.Fiber<unknown>> = []

      const act = Effect.gen(function* () {
        const supervisor = yield* one([topHandle, midHandle])
        const children = yield* Supervisor.whichChildren(supervisor)
        const child = children.length === 0 ? "a" : (yield* one(children)).address
        const handle = handles.get(child)
        switch (yield* any(17)) {
          case 0:
          case 1:
          case 2:
            return yield* handle?.tell.Crash() ?? Effect.void
          case 3:
            return yield* handle?.tell.Bye() ?? Effect.void
          case 4:
            return yield* handle?.tell.Slow({ millis: 50 }) ?? Effect.void
          case 5:
            return yield* handle?.tell.Slow({ millis: 500 }) ?? Effect.void
          case 6:
            return yield* handle === undefined ? Effect.void : Actor.stop(handle, { deadline: 10 })
          case 7:
          case 8: {
            const name = `n${++born}-`
            const spawned = yield* Supervisor.startChild(supervisor, traced(name, yield* options).spawn)
            return void handles.set(name, spawned)
          }
          case 9:
            return yield* Supervisor.terminateChild(supervisor, child)
          case 10:
            return yield* Supervisor.restartChild(supervisor, child)
          case 11:
            return yield* Supervisor.deleteChild(supervisor, child)
          case 12:
            return yield* Effect.forEach(handles.values(), (handle) => handle.ask.Ping(), { concurrency: "unbounded" })
          case 13:
            return yield* handle === undefined ? Effect.void : Actor.restart(handle)
          case 14:
            return yield* Actor.restart(supervisor)
          case 15:
            return fibers.length === 0 ? undefined : (yield* one(fibers)).interruptUnsafe()
          default:
            return yield* handle === undefined ? Effect.void : Actor.suspend(handle)
        }
      })
      for (let step = 0; step < 60; step++) {
        fibers.push(yield* start(act))
        if ((yield* any(3)) === 0) yield* TestClock.adjust(yield* one([1, 10, 25, 100]))
      }
      for (const handle of handles.values()) yield* Actor.resume(handle)
      for (let n = 0; n < 60; n++) {
        yield* settle
        yield* TestClock.adjust(1_000)
      }
      for (const fiber of fibers) assert.isDefined(fiber.pollUnsafe(), "a call hangs")

      const trace = take()
      const alive = new Set<string>()
      for (const entry of trace.filter((entry) => /^[+-]/.test(entry))) {
        const name = entry.slice(1).replace(/\d+$/, "")
        if (entry.startsWith("+")) {
          assert.isFalse(alive.has(name), `two incarnations of ${name} at once: ${trace.join(" ")}`)
          alive.add(name)
        } else assert.isTrue(alive.delete(name), `${name} closed twice: ${trace.join(" ")}`)
      }
      const listed = yield* Effect.map(Effect.forEach([topHandle, midHandle], Supervisor.whichChildren), (lists) =>
        lists.flat()
      )
      const isBusy = (cell: ActorCell) => cell.inHand !== undefined
      const { cells } = yield* runtime
      for (const { address, status } of listed) {
        assert.include(["Running", "Stopped"], status._tag, `${address} of ${JSON.stringify(listed)}`)
      }
      const running = listed.filter(({ status }) => status._tag === "Running").map(({ address }) => address)
      // Whatever lives is listed, by one supervisor, and only once.
      assert.sameMembers(
        Array.from(cells, ({ address }) => address).filter((address) => address !== "Top"),
        running
      )
      assert.sameMembers(
        [...alive],
        running.filter((address) => address !== "Mid")
      )
      const closing = yield* start(close)
      yield* TestClock.adjust("30 seconds")
      yield* Fiber.join(closing)
      assert.isFalse(Array.from(cells).some(isBusy))
      yield* assertNothingLeft
    }).pipe(run(), Random.withSeed(`${strategy} ${seed}`))
  )
})
