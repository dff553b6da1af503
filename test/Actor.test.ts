import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { Counter, counterLayer, withActors } from "./fixtures.ts"

describe("ask", () => {
  it.effect("gives the handler's reply", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      assert.strictEqual(yield* counter.ask.Next(), 1)
    }).pipe(withActors(counterLayer()))
  )

  it.effect("whose deadline passes while its handler runs gives Timeout running", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      const fiber = yield* Effect.forkChild(Effect.flip(counter.ask.Hang()))
      yield* TestClock.adjust("1 second")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error._tag, "Timeout")
    }).pipe(withActors(counterLayer()))
  )
  it.effect("crash", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      const e = yield* Effect.flip(counter.ask.Crash())
      assert.strictEqual(e._tag, "Crashed")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* counter.ask.Next(), 1)
    }).pipe(withActors(counterLayer()))
  )
})
