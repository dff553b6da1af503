import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Deferred from "effect/Deferred"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as Ryker from "../../src/Ryker.ts"
import * as Explore from "../../src/testing/Explore.ts"
import { Counter, counterLayer } from "../fixtures.ts"

const lostUpdate = Effect.gen(function* () {
  const ref = yield* Ref.make(0)
  const bump = Effect.gen(function* () {
    const n = yield* Ref.get(ref)
    yield* Effect.yieldNow
    yield* Ref.set(ref, n + 1)
  })
  yield* Effect.all([bump, Effect.delay(bump, 10)], { concurrency: "unbounded" })
  assert.strictEqual(yield* Ref.get(ref), 2)
})

describe("x", () => {
  for (const [n, strategy] of Object.entries({ r: Explore.random, p: Explore.pct({ depth: 3 }), e: Explore.exhaustive({deviations: 3}) })) {
    it.effect("lost update " + n, () =>
      Effect.gen(function* () {
        const e = yield* Effect.flip(Explore.run(lostUpdate, { seeds: 2000, strategy }))
        console.log(e.message)
        const e2 = yield* Effect.flip(Explore.run(lostUpdate, { replay: e.schedule }))
        assert.strictEqual(e2.schedule, e.schedule)
      }))
    it.effect("counter " + n, () =>
      Effect.gen(function* () {
        const prog = Effect.gen(function* () {
          const c = yield* Counter
          yield* Effect.all([c.ask.Next(), c.ask.Slow({millis: 10}), Effect.flip(c.ask.Crash()), c.ask.Next(), c.tell.Add({n: 3})], { concurrency: "unbounded" })
        }).pipe(Effect.provide(counterLayer()), Effect.provide(Ryker.layer))
        const t = performance.now()
        const e = yield* Effect.result(Explore.run(prog, { seeds: 2000, strategy }))
        console.log(e._tag === "Failure" ? e.failure.message : e.success, performance.now() - t)
      }))
  }
})
