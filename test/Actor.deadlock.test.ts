import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import { type AskError, Deadlock } from "../src/RykerError.ts"
import {
  ask,
  background,
  entryOf,
  type Refused,
  settled,
  spawnWorker,
  tell,
  Worker,
  type WorkerHandle,
  workerLayer
} from "./Actor.fixtures.ts"
import { withActors } from "./fixtures.ts"

const done = () => Effect.succeed("done")

const spawnWorkers = (...names: ReadonlyArray<string>) => Effect.forEach(names, (name) => spawnWorker(name))

/** Each asks the next, and the last does the job. */
const askAlong = (
  [first, ...others]: ReadonlyArray<WorkerHandle>,
  job: Parameters<typeof ask>[1]
): Effect.Effect<unknown, Refused | AskError> => ask(first!, others.length === 0 ? job : () => askAlong(others, job))

/** Nobody is in anybody's way: all of them answer. */
const assertFree = (workers: ReadonlyArray<WorkerHandle>) =>
  Effect.forEach(workers, (worker) => Effect.map(ask(worker, done), (reply) => assert.strictEqual(reply, "done")))

describe("an ask that closes a cycle fails at once with Deadlock", () => {
  it.effect("when an actor asks itself", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const error = yield* Effect.flip(ask(worker, () => ask(worker, done)))
      assert.deepStrictEqual(error, new Deadlock({ actor: "Worker", request: "Run", cycle: ["Worker", "Worker"] }))
      yield* assertFree([worker])
      const { accepted, refused } = yield* entryOf("Worker")
      assert.deepStrictEqual({ accepted, deadlock: refused.deadlock }, { accepted: 2, deadlock: 1 })
    }).pipe(withActors(workerLayer({ deadline: "Infinity" })))
  )

  it.effect("when two ask each other", () =>
    Effect.gen(function* () {
      const [a, b] = (yield* spawnWorkers("a", "b")) as [WorkerHandle, WorkerHandle]
      const error = yield* Effect.flip(askAlong([a, b, a], done))
      assert.deepStrictEqual(error, new Deadlock({ actor: "a", request: "Run", cycle: ["b", "a", "b"] }))
      yield* assertFree([a, b])
    }).pipe(withActors(Layer.empty))
  )

  it.effect("when three ask each other in a ring, and names them in the order of waiting", () =>
    Effect.gen(function* () {
      const workers = yield* spawnWorkers("a", "b", "c")
      const error = yield* Effect.flip(askAlong([...workers, workers[0]!], done))
      assert.deepStrictEqual(error, new Deadlock({ actor: "a", request: "Run", cycle: ["c", "a", "b", "c"] }))
      yield* assertFree(workers)
    }).pipe(withActors(Layer.empty))
  )

  it.effect("when the ring does not hold the first of the line", () =>
    Effect.gen(function* () {
      const [a, b, c] = (yield* spawnWorkers("a", "b", "c")) as [WorkerHandle, WorkerHandle, WorkerHandle]
      const error = yield* Effect.flip(askAlong([a, b, c, b], done))
      assert.deepStrictEqual(error, new Deadlock({ actor: "b", request: "Run", cycle: ["c", "b", "c"] }))
    }).pipe(withActors(Layer.empty))
  )

  it.effect("when the two sides began on their own, and meet", () =>
    Effect.gen(function* () {
      const [a, b] = (yield* spawnWorkers("a", "b")) as [WorkerHandle, WorkerHandle]
      const later = (other: WorkerHandle) => () => Effect.andThen(Effect.sleep(10), ask(other, done))
      const fromA = yield* background(Effect.exit(ask(a, later(b))))
      const fromB = yield* background(Effect.exit(ask(b, later(a))))
      yield* TestClock.adjust(10)
      const exits = [yield* Fiber.join(fromA), yield* Fiber.join(fromB)]
      // One of them is refused, and so the other gets its answer.
      assert.deepStrictEqual(
        exits.filter(Exit.isSuccess).map(({ value }) => value),
        ["done"]
      )
      assert.strictEqual((yield* entryOf("Worker")).refused.deadlock, 1)
    }).pipe(withActors(Layer.empty))
  )

  it.effect("when one of several asks at the same time would close it; the others go through", () =>
    Effect.gen(function* () {
      const [a, b, c, d] = yield* Effect.all([spawnWorker("a"), spawnWorker("b"), spawnWorker("c"), spawnWorker("d")])
      const back = () => Effect.map(Effect.exit(ask(a, done)), Exit.isSuccess)
      const later = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.delay(effect, 10)
      const jobs = [() => Effect.delay(done(), 20), () => later(back()), () => later(done())]
      const replies = yield* background(
        ask(a, () => Effect.forEach([b, c, d], (worker, n) => ask(worker, jobs[n]!), { concurrency: "unbounded" }))
      )
      yield* TestClock.adjust(20)
      assert.deepStrictEqual(yield* Fiber.join(replies), ["done", false, "done"])
    }).pipe(withActors(Layer.empty))
  )

  it.effect("behind a message that has nothing to do with it", () =>
    Effect.gen(function* () {
      const [a, b] = (yield* spawnWorkers("a", "b")) as [WorkerHandle, WorkerHandle]
      // b has another message in hand when a asks it, and asks a only then.
      const other = yield* background(
        Effect.flip(ask(b, () => Effect.andThen(Effect.sleep(10), ask(a, done)), { deadline: 900 }))
      )
      const waiting = yield* background(ask(a, () => ask(b, done), { deadline: 900 }))
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(
        yield* Fiber.join(other),
        new Deadlock({ actor: "a", request: "Run", cycle: ["b", "a", "b"] })
      )
      assert.strictEqual(yield* Fiber.join(waiting), "done")
    }).pipe(withActors(Layer.empty))
  )
})

describe("there is no Deadlock", () => {
  const noAlarm = Effect.map(entryOf("Worker"), ({ refused }) => assert.strictEqual(refused.deadlock, 0))

  it.effect("when two ask the same third for one", () =>
    Effect.gen(function* () {
      const [a, b, c, d] = yield* spawnWorkers("a", "b", "c", "d")
      const replies = yield* ask(a!, () =>
        Effect.all([askAlong([b!, d!], done), askAlong([c!, d!], done), ask(d!, done)], { concurrency: 3 })
      )
      assert.deepStrictEqual(replies, ["done", "done", "done"])
      yield* noAlarm
    }).pipe(withActors(Layer.empty))
  )

  it.effect("when two ways lead to the same actor, and none of them back", () =>
    Effect.gen(function* () {
      const [top, left, right, bottom, outsider] = yield* spawnWorkers("top", "left", "right", "bottom", "outsider")
      const slowly = () => Effect.as(Effect.sleep(10), "done")
      yield* background(
        ask(top!, () =>
          Effect.all([askAlong([left!, bottom!], slowly), askAlong([right!, bottom!], slowly)], { concurrency: 2 })
        )
      )
      const asked = yield* background(askAlong([outsider!, top!], done))
      yield* TestClock.adjust(20)
      assert.strictEqual(yield* Fiber.join(asked), "done")
      yield* noAlarm
    }).pipe(withActors(Layer.empty))
  )

  it.effect("when an actor tells itself, or those who wait for it", () =>
    Effect.gen(function* () {
      const [a, b] = (yield* spawnWorkers("a", "b")) as [WorkerHandle, WorkerHandle]
      let told = 0
      const count = () => Effect.sync(() => told++)
      const tellBoth = Effect.orDie(Effect.andThen(tell(a, count), tell(b, count)))
      yield* askAlong([a, b], () => tellBoth)
      yield* settled
      assert.strictEqual(told, 2)
      yield* noAlarm
    }).pipe(withActors(Layer.empty))
  )

  it.effect("when a handler serves a tell of the one it asks", () =>
    Effect.gen(function* () {
      const [a, b] = (yield* spawnWorkers("a", "b")) as [WorkerHandle, WorkerHandle]
      const replies: Array<unknown> = []
      const back = () => Effect.map(Effect.orDie(ask(a, done)), (reply) => replies.push(reply))
      yield* ask(a, () => Effect.orDie(tell(b, back)))
      yield* settled
      assert.deepStrictEqual(replies, ["done"])
      yield* noAlarm
    }).pipe(withActors(Layer.empty))
  )

  it.effect("when a fork asks back after the answer", () =>
    Effect.gen(function* () {
      const [a, b] = (yield* spawnWorkers("a", "b")) as [WorkerHandle, WorkerHandle]
      const replies: Array<unknown> = []
      const note = (effect: Effect.Effect<unknown, unknown>) =>
        Effect.forkDetach(
          Effect.delay(effect, 10).pipe(
            Effect.exit,
            Effect.map((exit) => replies.push(exit))
          )
        )
      yield* ask(a, () => note(ask(a, done)))
      yield* askAlong([a, b], () => note(ask(a, done)))
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(replies, [Exit.succeed("done"), Exit.succeed("done")])
      yield* noAlarm
    }).pipe(withActors(Layer.empty))
  )

  it.effect("when the ask that would close the cycle was forked by a handler that has answered", () =>
    Effect.gen(function* () {
      const [a, b] = (yield* spawnWorkers("a", "b")) as [WorkerHandle, WorkerHandle]
      // a forks an ask to b and answers. b's handler, which serves it, asks a: a waits for nothing.
      const replies: Array<unknown> = []
      const forked = ask(b, () => Effect.andThen(Effect.sleep(10), ask(a, done)))
      yield* ask(a, () =>
        Effect.forkDetach(
          Effect.map(forked, (reply) => replies.push(reply)),
          { startImmediately: true }
        )
      )
      const busy = yield* background(ask(a, () => Effect.sleep(20)))
      yield* TestClock.adjust(20)
      yield* Fiber.join(busy)
      assert.deepStrictEqual(replies, ["done"])
      yield* noAlarm
    }).pipe(withActors(Layer.empty))
  )

  it.effect("any more once the ask that it would wait for has timed out", () =>
    Effect.gen(function* () {
      const [a, b] = (yield* spawnWorkers("a", "b")) as [WorkerHandle, WorkerHandle]
      const stubborn = () => Effect.uninterruptible(Effect.sleep(100))
      const asked = yield* background(
        ask(a, () => Effect.andThen(Effect.exit(ask(b, stubborn, { deadline: 10 })), Effect.sleep(200)))
      )
      const back = yield* background(ask(b, () => ask(a, done)))
      yield* TestClock.adjust(100)
      // b now asks a, which is busy still, but waits for b no longer.
      assert.isUndefined(back.pollUnsafe())
      yield* TestClock.adjust(200)
      yield* Fiber.join(asked)
      assert.strictEqual(yield* Fiber.join(back), "done")
      yield* noAlarm
    }).pipe(withActors(Layer.empty))
  )

  it.effect("any more once the ask that it would wait for was interrupted, queued or running", () =>
    Effect.gen(function* () {
      const [a, b] = (yield* spawnWorkers("a", "b")) as [WorkerHandle, WorkerHandle]
      for (const job of [() => Effect.never, () => Effect.uninterruptible(Effect.sleep(100))]) {
        const asked = yield* background(
          ask(a, () => Effect.andThen(Effect.timeoutOption(ask(b, job), 10), Effect.sleep(200)))
        )
        const back = yield* background(ask(b, () => ask(a, done)))
        yield* TestClock.adjust(210)
        yield* Fiber.join(asked)
        assert.strictEqual(yield* Fiber.join(back), "done")
      }
      yield* noAlarm
    }).pipe(withActors(Layer.empty))
  )

  it.effect("any more once the ask that it would wait for was answered, failed, refused or crashed", () =>
    Effect.gen(function* () {
      const [a, b] = (yield* spawnWorkers("a", "b")) as [WorkerHandle, WorkerHandle]
      const jobs = [done, () => Effect.result(ask(b, done)), () => Effect.die("on purpose")]
      for (const job of jobs) {
        const asked = yield* background(ask(a, () => Effect.andThen(Effect.exit(ask(b, job)), Effect.sleep(50))))
        const back = yield* background(ask(b, () => ask(a, done)))
        yield* TestClock.adjust("900 millis")
        yield* Fiber.join(asked)
        assert.strictEqual(yield* Fiber.join(back), "done")
      }
    }).pipe(withActors(Layer.empty))
  )

  it.effect("when the line is long and ends well", () =>
    Effect.gen(function* () {
      const workers = yield* spawnWorkers(...Array.from({ length: 50 }, (_, n) => `worker ${n}`))
      assert.strictEqual(yield* askAlong(workers, done), "done")
      yield* noAlarm
    }).pipe(withActors(Layer.empty))
  )
})
