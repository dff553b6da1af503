/** Asks of an actor that has nothing to do: handled in the step that sends them. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import * as Ryker from "../src/Ryker.ts"
import { Timeout } from "../src/RykerError.ts"
import { ask, entryOf, settled, spawnWorker, tell, Worker, workerLayer } from "./Actor.fixtures.ts"
import { assertBalanced, withActors } from "./fixtures.ts"

/** What the effect gives without suspending, or undefined when it suspends. */
const inOneStep = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.contextWith((context: Parameters<typeof Effect.runForkWith<R>>[0]) =>
    Effect.sync(() => {
      const fiber = Effect.runForkWith(context)(effect)
      return { fiber, exit: fiber.pollUnsafe() }
    })
  )

describe("an ask of an idle actor", () => {
  it.effect("is handled at once, in a fiber and with the surroundings of the actor", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const { exit } = yield* inOneStep(ask(worker, () => Actor.self))
      assert.isTrue(exit !== undefined && Exit.isSuccess(exit))
      assert.deepInclude(yield* exit!, { address: "Worker", incarnation: 1 })
      assert.deepInclude(yield* entryOf("Worker"), { accepted: 1, handled: 1, queued: 0, inHand: 0 })
    }).pipe(withActors(workerLayer()))
  )

  it.effect("whose handler suspends waits with its deadline, and is cancelled with its asker", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const late = yield* inOneStep(ask(worker, () => Effect.never, { deadline: 20 }))
      assert.isUndefined(late.exit)
      assert.deepInclude(yield* entryOf("Worker"), { inHand: 1 })
      yield* TestClock.adjust(20)
      const error = yield* Effect.flip(Fiber.join(late.fiber))
      assert.instanceOf(error, Timeout)
      assert.deepInclude(error, { phase: "running", millis: 20 })
      const given = yield* inOneStep(ask(worker, () => Effect.never))
      yield* Fiber.interrupt(given.fiber)
      assert.deepInclude(yield* entryOf("Worker"), { accepted: 2, failed: 2, inHand: 0 })
    }).pipe(withActors(workerLayer()))
  )

  it.effect("that crashes it gives Crashed at once, and the next waits for the restart", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const { exit } = yield* inOneStep(ask(worker, () => Effect.die("on purpose")))
      assert.isTrue(exit !== undefined && Exit.isFailure(exit))
      const next = yield* inOneStep(ask(worker, () => Actor.self))
      assert.isUndefined(next.exit)
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* Fiber.join(next.fiber), { incarnation: 2 })
    }).pipe(withActors(workerLayer()))
  )

  it.effect("takes a turn after yieldEvery in a row, so that others go first", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      for (let n = 0; n < 6; n++) {
        const { exit, fiber } = yield* inOneStep(ask(worker, () => Effect.sync(() => n)))
        // 4 at once, then one that takes a turn, after which there are 4 again.
        assert.strictEqual(exit === undefined, n === 4, `ask ${n}`)
        assert.strictEqual(yield* Fiber.join(fiber), n)
      }
    }).pipe(withActors(workerLayer(), { fairness: { batchMessages: 2, yieldEvery: 4 } }))
  )
})

describe("an ask takes a turn", () => {
  const takesTurn = Effect.fnUntraced(function* (worker: Actor.Handle<(typeof Worker)["messages"][number]>) {
    const { exit, fiber } = yield* inOneStep(ask(worker, () => Effect.succeed("answer")))
    assert.isUndefined(exit)
    assert.strictEqual(yield* Fiber.join(fiber), "answer")
    yield* assertBalanced
  })

  it.effect("behind a message that waits, in their order", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const order: Array<string> = []
      yield* tell(worker, () => Effect.sync(() => void order.push("tell")))
      const { exit, fiber } = yield* inOneStep(ask(worker, () => Effect.sync(() => void order.push("ask"))))
      assert.isUndefined(exit)
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(order, ["tell", "ask"])
    }).pipe(withActors(workerLayer()))
  )

  it.effect("while another actor waits for its turn", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const other = yield* spawnWorker("other")
      yield* tell(other, () => Effect.void)
      yield* takesTurn(worker)
    }).pipe(withActors(workerLayer()))
  )

  it.effect("of an actor that forgets what messages held", () =>
    Effect.flatMap(Worker, takesTurn).pipe(withActors(workerLayer({ amnesia: true })))
  )

  it.effect("of a suspended actor, once it is resumed", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* Actor.suspend(worker)
      const { exit, fiber } = yield* inOneStep(ask(worker, () => Effect.succeed("answer")))
      yield* settled
      assert.isUndefined(exit)
      yield* Actor.resume(worker)
      assert.strictEqual(yield* Fiber.join(fiber), "answer")
    }).pipe(withActors(workerLayer()))
  )

  it.effect("when a handler makes it: what it forks may be asked back", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const other = yield* spawnWorker("other")
      const back = ask(other, () => ask(worker, () => Effect.succeed("no deadlock")))
      const fiber = yield* ask(worker, () => Effect.forkDetach(back, { startImmediately: true }))
      assert.strictEqual(yield* Fiber.join(fiber as Fiber.Fiber<unknown>), "no deadlock")
    }).pipe(withActors(workerLayer()))
  )
})

it.effect("a tell returns before its handler begins", () =>
  Effect.gen(function* () {
    const worker = yield* Worker
    let begun = false
    const { exit } = yield* inOneStep(tell(worker, () => Effect.sync(() => void (begun = true))))
    assert.deepStrictEqual(exit, Exit.void)
    assert.isFalse(begun)
    yield* settled
    assert.isTrue(begun)
    assert.strictEqual((yield* Ryker.drain("1 second")).outcome, "complete")
  }).pipe(withActors(workerLayer()))
)
