import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Rpc } from "effect/rpc"
import { TestClock } from "effect/testing"
import { Actor, Router, Ryker, RykerError } from "../../src/index.ts"
import { RetryAfter } from "../../src/http/index.ts"
import { Quiet } from "./fixtures.ts"

/** Takes half a second for each message, or crashes. */
class Press extends Actor.Service<Press>()("Press", [
  Rpc.make("Print", { payload: { millis: Schema.Finite } }),
  Rpc.make("Break")
]) {}

const handlers = {
  Print: ({ millis }: { readonly millis: number }) => Effect.sleep(millis),
  Break: () => Effect.die("broken")
}

class Shelf extends Actor.keyed<Shelf>()("Shelf", [Rpc.make("Put")]) {}

const options = { capacity: 20, deadline: "Infinity", shutdown: 0 } as const

const estimate = (error: RykerError.Busy | RykerError.Stopped) =>
  Effect.map(RetryAfter.RetryAfter, (estimator) => estimator.after(error))

const busy = (actor: string, capacity: number) => estimate(new RykerError.Busy({ actor, limit: "mailbox", capacity }))

const withPress = <A, E>(program: Effect.Effect<A, E, Press | Ryker.Ryker>) =>
  program.pipe(
    Effect.provide(RetryAfter.layer),
    Effect.provide(Press.toLayer(handlers, options)),
    Effect.provide(Ryker.layer),
    Effect.provide(Quiet)
  )

/** A full mailbox; gives the error of one message more. */
const fill = (millis: number) =>
  Effect.gen(function* () {
    const press = yield* Press
    return yield* Effect.flip(Effect.forever(Effect.andThen(press.tell.Print({ millis }), Effect.yieldNow)))
  })

describe("by default", () => {
  it.effect("it is what the error alone says", () =>
    Effect.gen(function* () {
      const { ended, least, residents } = RetryAfter.seconds
      assert.strictEqual(yield* busy("Press", 20), least)
      assert.strictEqual(yield* estimate(new RykerError.Busy({ actor: "A", limit: "stash", capacity: 1 })), least)
      assert.strictEqual(
        yield* estimate(new RykerError.Busy({ actor: "A", limit: "residents", capacity: 1 })),
        residents
      )
      assert.strictEqual(yield* estimate(new RykerError.Stopped({ actor: "A", reason: "Draining" })), least)
      assert.strictEqual(yield* estimate(new RykerError.Stopped({ actor: "A", reason: "RapidFail" })), ended)
    })
  )
})

describe("measured", () => {
  it.effect("it is the time that the actor takes for half of its mailbox", () =>
    withPress(
      Effect.gen(function* () {
        yield* fill(500)
        yield* TestClock.adjust("5 seconds")
        yield* fill(500)
        // Two messages a second, and half of 20 is 10.
        assert.strictEqual(yield* busy("Press", 20), 5)
      })
    )
  )

  it.effect("idle time before does not count", () =>
    withPress(
      Effect.gen(function* () {
        yield* TestClock.adjust("1 hour")
        yield* fill(500)
        yield* TestClock.adjust("4 seconds")
        assert.approximately(yield* busy("Press", 20), 5, 1)
      })
    )
  )

  it.effect("it is at least one second", () =>
    withPress(
      Effect.gen(function* () {
        yield* fill(1)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* busy("Press", 20), RetryAfter.seconds.least)
      })
    )
  )

  it.effect("it is the most for an actor that ends nothing, and for one that is suspended", () =>
    withPress(
      Effect.gen(function* () {
        yield* fill(60_000)
        yield* TestClock.adjust("11 seconds")
        assert.strictEqual(yield* busy("Press", 20), RetryAfter.seconds.most)
        yield* TestClock.adjust("1 hour")
        yield* fill(500)
        yield* TestClock.adjust("5 seconds")
        yield* Actor.suspend(yield* Press)
        assert.strictEqual(yield* busy("Press", 20), RetryAfter.seconds.most)
      })
    )
  )

  it.effect("it holds for a second", () =>
    withPress(
      Effect.gen(function* () {
        yield* fill(500)
        yield* TestClock.adjust("5 seconds")
        const before = yield* busy("Press", 20)
        yield* Actor.suspend(yield* Press)
        assert.strictEqual(yield* busy("Press", 20), before)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* busy("Press", 20), RetryAfter.seconds.most)
      })
    )
  )

  it.effect("what is left of the delay before a restart comes on top", () =>
    Effect.gen(function* () {
      const press = yield* Press
      yield* fill(10)
      yield* TestClock.adjust("1 second")
      yield* Effect.forkChild(Effect.ignore(press.ask.Break()))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Actor.status(press))._tag, "Restarting")
      // 9 of the 10 seconds are left, and half of the mailbox takes one at most.
      assert.approximately(yield* busy("Press", 20), 10, 1)
    }).pipe(
      Effect.provide(RetryAfter.layer),
      Effect.provide(
        Press.toLayer(handlers, { ...options, backoff: { base: "10 seconds", cap: "10 seconds", jitter: false } })
      ),
      Effect.provide(Ryker.layer),
      Effect.provide(Quiet)
    )
  )

  it.effect("members of a pool work at the same time", () =>
    Effect.gen(function* () {
      // A little less than a second: what ends in the same instant as a sample may be in it or not.
      yield* fill(990)
      yield* TestClock.adjust("4 seconds")
      // Four messages a second, and half of 80 is 40.
      assert.strictEqual(yield* busy("Press", 80), 10)
    }).pipe(
      Effect.provide(RetryAfter.layer),
      Effect.provide(Router.layer(Press, handlers, { ...options, size: 4 })),
      Effect.provide(Ryker.layer),
      Effect.provide(Quiet)
    )
  )

  it.effect("a keyed actor has its part of what the family does", () =>
    Effect.gen(function* () {
      const shelf = yield* Shelf
      for (const id of ["a", "b"]) yield* Effect.forEach(Array.from({ length: 20 }), () => shelf.get(id).tell.Put())
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* busy("Shelf/a", 20), 10)
    }).pipe(
      Effect.provide(RetryAfter.layer),
      Effect.provide(Shelf.toLayer(() => ({ Put: () => Effect.sleep("1 second") }), options)),
      Effect.provide(Ryker.layer),
      Effect.provide(Quiet)
    )
  )

  it.effect("of an actor that has failed for good it is the restart window", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* estimate(new RykerError.Stopped({ actor: "A", reason: "RapidFail" })), 20)
      assert.strictEqual(yield* busy("no such actor", 20), RetryAfter.seconds.least)
    }).pipe(
      Effect.provide(RetryAfter.layer),
      Effect.provide(Ryker.layerWith({ defaults: { intensity: { window: "20 seconds" } } })),
      Effect.provide(Quiet)
    )
  )
})
