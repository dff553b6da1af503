/** Halts that meet an actor in the middle of something: transitions of the diagram in docs/semantics.md. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import * as Supervisor from "../src/Supervisor.ts"
import { fragile, open, run, settle, type Traced, type TracedHandle, tracing } from "./Supervisor.fixtures.ts"

/** Built under a supervisor; gives the handles in the order of the children. */
const grow = (options: Supervisor.Options, children: ReadonlyArray<Traced>) =>
  Effect.map(
    open(Supervisor.layer("S", { ...options, children: children.map(({ layer }) => layer) })),
    ({ services }) =>
      // All definitions of the fixtures have handles of this type, under the key of their name.
      children.map(({ name }) => Context.getUnsafe(services, Context.Service<TracedHandle>(`ryker/Actor/${name}`)))
  )

/** Lets time pass once all has happened that needs none. */
const pass = (millis: number) => Effect.andThen(settle, Effect.andThen(TestClock.adjust(millis), settle))

describe("a halt that meets", () => {
  it.effect(
    "a child that backs off while its supervisor is taken down: it starts with the supervisor, not before",
    () =>
      Effect.gen(function* () {
        const { take, traced } = tracing({ timed: true })
        const [a, b] = yield* grow({ backoff: { base: 500, jitter: false } }, [traced("a"), traced("b", fragile)])
        take()
        yield* a!.tell.Crash()
        yield* a!.tell.Work({ label: "kept" })
        yield* settle
        assert.deepInclude(yield* Actor.status(a!), { _tag: "Restarting", millisLeft: 100 })
        yield* b!.tell.Crash()
        yield* pass(499)
        assert.deepInclude(yield* Actor.status(a!), { _tag: "Restarting", queued: 1 })
        yield* pass(1)
        assert.deepStrictEqual(take(), ["-a1@0", "-b1@0", "+a2@500", "+b2@500", "a2:kept@500"])
      }).pipe(run())
  )

  it.effect("a child that starts while its group is taken down: its start is cut short and comes again", () =>
    Effect.gen(function* () {
      const { note, take, traced } = tracing({ timed: true })
      const onStart = (incarnation: number) =>
        incarnation === 2 ? Effect.onInterrupt(Effect.sleep("1 second"), () => note("cut short")) : Effect.void
      const [a, b] = yield* grow({ strategy: "one-for-all" }, [traced("a"), traced("b", { onStart })])
      yield* b!.tell.Work({ label: "kept" })
      yield* settle
      take()
      yield* a!.tell.Crash()
      yield* pass(100)
      assert.strictEqual((yield* Actor.status(b!))._tag, "Starting")
      yield* b!.tell.Work({ label: "kept" })
      yield* a!.tell.Crash()
      yield* pass(200)
      assert.deepStrictEqual(take(), [
        "-a1@0",
        "-b1@0",
        "+a2@100",
        "+b2@100",
        "-a2@100",
        "cut short@100",
        "-b2@100",
        "+a3@300",
        "+b3@300",
        "b3:kept@300"
      ])
    }).pipe(run())
  )
})

describe("a supervisor that is restarted", () => {
  it.effect("begins its children's limits and delays anew", () =>
    Effect.gen(function* () {
      const { take, traced } = tracing({ timed: true })
      const limited = { intensity: { restarts: 2, window: "1 hour" } } as const
      const [a, b] = yield* grow({ backoff: { base: 500, jitter: false } }, [
        traced("a", limited),
        traced("b", fragile)
      ])
      const crashTwice = Effect.gen(function* () {
        take()
        yield* a!.tell.Crash()
        yield* pass(100)
        yield* a!.tell.Crash()
        yield* pass(200)
        return take()
      })
      assert.deepStrictEqual(yield* crashTwice, ["-a1@0", "+a2@100", "-a2@100", "+a3@300"])
      yield* b!.tell.Crash()
      yield* pass(500)
      assert.deepStrictEqual(take(), ["-b1@300", "-a3@300", "+a4@800", "+b2@800"])
      // One more crash of the same window would have been its end.
      assert.deepStrictEqual(yield* crashTwice, ["-a4@800", "+a5@900", "-a5@900", "+a6@1100"])
    }).pipe(run())
  )
})
