/** Halts that meet an actor in the middle of something: transitions of the diagram in docs/semantics.md. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Actor from "../src/Actor.ts"
import { fragile, grow, pass, run, settle, supervisor, tracing } from "./Supervisor.fixtures.ts"

/** The delay of a supervisor, longer than those of its children. */
const slow = { backoff: { base: 500, jitter: false } } as const

describe("a halt that meets", () => {
  it.effect(
    "a child that backs off while its supervisor is taken down: it starts with the supervisor, not before",
    () =>
      Effect.gen(function* () {
        const { take, traced } = tracing({ timed: true })
        const actors = { a: traced("a"), b: traced("b", fragile) }
        const { a, b } = yield* grow(supervisor("S", Object.values(actors), slow), actors)
        take()
        yield* a.tell.Crash()
        yield* a.tell.Work({ label: "kept" })
        yield* settle
        assert.deepInclude(yield* Actor.status(a), { _tag: "Restarting", millisLeft: 100 })
        yield* b.tell.Crash()
        yield* pass(499)
        assert.deepInclude(yield* Actor.status(a), { _tag: "Restarting", queued: 1 })
        yield* pass(1)
        assert.deepStrictEqual(take(), ["-a1@0", "-b1@0", "+a2@500", "+b2@500", "a2:kept@500"])
      }).pipe(run())
  )

  it.effect("a child that starts while its group is taken down: its start is cut short and comes again", () =>
    Effect.gen(function* () {
      const { note, take, traced } = tracing({ timed: true })
      const onStart = (incarnation: number) =>
        incarnation === 2 ? Effect.onInterrupt(Effect.sleep("1 second"), () => note("cut short")) : Effect.void
      const actors = { a: traced("a"), b: traced("b", { onStart }) }
      const { a, b } = yield* grow(supervisor("S", Object.values(actors), { strategy: "one-for-all" }), actors)
      yield* b.tell.Work({ label: "kept" })
      yield* settle
      take()
      yield* a.tell.Crash()
      yield* pass(100)
      assert.strictEqual((yield* Actor.status(b))._tag, "Starting")
      yield* b.tell.Work({ label: "kept" })
      yield* a.tell.Crash()
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
      const actors = { a: traced("a", limited), b: traced("b", fragile) }
      const { a, b } = yield* grow(supervisor("S", Object.values(actors), slow), actors)
      const crashTwice = Effect.gen(function* () {
        take()
        yield* a.tell.Crash()
        yield* pass(100)
        yield* a.tell.Crash()
        yield* pass(200)
        return take()
      })
      assert.deepStrictEqual(yield* crashTwice, ["-a1@0", "+a2@100", "-a2@100", "+a3@300"])
      yield* b.tell.Crash()
      yield* pass(500)
      assert.deepStrictEqual(take(), ["-b1@300", "-a3@300", "+a4@800", "+b2@800"])
      // One more crash of the same window would have been its end.
      assert.deepStrictEqual(yield* crashTwice, ["-a4@800", "+a5@900", "-a5@900", "+a6@1100"])
    }).pipe(run())
  )
})
