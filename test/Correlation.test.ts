import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import * as Ryker from "../src/Ryker.ts"
import { ask, background, type Job, settled, spawnWorker, tell, Worker, workerLayer } from "./Actor.fixtures.ts"
import { withActors } from "./fixtures.ts"
import { Spans, withSpans } from "./Tracing.fixtures.ts"

const id = Effect.map(Actor.correlationId, Option.getOrUndefined)

/** Puts the handler's id where the test sees it. */
const seen = () => {
  const ids: Array<string | undefined> = []
  const note: Job = () => Effect.map(id, (each) => void ids.push(each))
  return { ids, note }
}

/** A test's runtime records spans, and a message without a cause is a trace of its own. */
const untraced: Ryker.Options = { observability: { spanLevel: "off" } }

describe("a correlation id", () => {
  it.effect("goes with an ask and with a tell, and to all that they lead to", () =>
    Effect.gen(function* () {
      const [a, b, c] = yield* Effect.all([spawnWorker("a"), spawnWorker("b"), spawnWorker("c")])
      const { ids, note } = seen()
      const job: Job = () =>
        Effect.andThen(
          tell(b, () => Effect.andThen(note(), tell(c, note))),
          note()
        )
      yield* ask(a, job).pipe(Actor.withCorrelationId("one"))
      yield* settled
      assert.deepStrictEqual(ids, ["one", "one", "one"])
      assert.strictEqual(yield* id, undefined)
      yield* ask(a, note)
      assert.strictEqual(ids.at(-1), undefined)
    }).pipe(Effect.scoped, withActors(Layer.empty, untraced))
  )

  it.effect("is the innermost, in a handler, too, and does not hide the message in hand", () =>
    Effect.gen(function* () {
      const [a, b] = yield* Effect.all([spawnWorker("a"), spawnWorker("b")])
      const { ids, note } = seen()
      const job: Job = () =>
        Effect.gen(function* () {
          yield* ask(b, note).pipe(Actor.withCorrelationId("inner"))
          yield* ask(b, note)
          // Who asks is known all the same: an ask of its own actor is a deadlock.
          const error = yield* Effect.flip(Actor.withCorrelationId(ask(a, note), "deadlock"))
          assert.strictEqual(error._tag, "Deadlock")
        }) as ReturnType<Job>
      yield* ask(a, job).pipe(Actor.withCorrelationId("middle"), Actor.withCorrelationId("outer"))
      assert.deepStrictEqual(ids, ["inner", "middle"])
    }).pipe(Effect.scoped, withActors(Layer.empty))
  )

  it.effect("stays with a fiber that a handler has forked, also when the handler has ended", () =>
    Effect.gen(function* () {
      const [a, b] = yield* Effect.all([spawnWorker("a"), spawnWorker("b")])
      const { ids, note } = seen()
      const gate = yield* Deferred.make<void>()
      yield* ask(a, () => Effect.forkDetach(Effect.andThen(Deferred.await(gate), tell(b, note)))).pipe(
        Actor.withCorrelationId("one")
      )
      yield* Deferred.succeed(gate, undefined)
      yield* settled
      assert.deepStrictEqual(ids, ["one"])
    }).pipe(Effect.scoped, withActors(Layer.empty))
  )

  it.effect("is by default that of the sender's trace, and stays when tells begin new ones", () =>
    Effect.gen(function* () {
      const [a, b, c] = yield* Effect.all([spawnWorker("a"), spawnWorker("b"), spawnWorker("c")])
      const { ids, note } = seen()
      yield* tell(a, () => tell(b, () => Effect.andThen(note(), ask(c, note)))).pipe(Effect.withSpan("outer"))
      yield* settled
      const [outer] = yield* Spans
      assert.deepStrictEqual(ids, [outer!.traceId, outer!.traceId])
    }).pipe(Effect.scoped, withSpans(Layer.empty))
  )

  it.effect("is so without a tracer, where spans are only for the program itself", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const { ids, note } = seen()
      const traceId = yield* Effect.andThen(
        ask(worker, note),
        Effect.map(Effect.currentSpan, (span) => span.traceId)
      ).pipe(Effect.withSpan("outer"))
      assert.deepStrictEqual(ids, [traceId])
    }).pipe(withActors(workerLayer()))
  )

  it.effect("is not that of an actor which a handler spawns", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const { ids, note } = seen()
      const notes: Array<unknown> = []
      const job: Job = () =>
        Effect.gen(function* () {
          const child = yield* Effect.orDie(spawnWorker("child"))
          yield* Effect.forkDetach(
            Effect.andThen(
              Effect.sleep("1 second"),
              tell(child, () =>
                Effect.map(References.CurrentLogAnnotations, (each) => {
                  notes.push(each["corr_id"])
                })
              ).pipe(Actor.withCorrelationId("later"))
            )
          )
          return child
        })
      const child = (yield* ask(worker, job).pipe(Actor.withCorrelationId("one"))) as Worker["Service"]
      yield* ask(child, note)
      yield* TestClock.adjust("1 second")
      yield* settled
      yield* ask(child, () =>
        Effect.map(References.CurrentLogAnnotations, (each) => {
          notes.push(each["corr_id"])
        })
      )
      assert.deepStrictEqual(ids, [undefined])
      assert.deepStrictEqual(notes, ["later", undefined])
    }).pipe(withActors(workerLayer(), untraced))
  )

  it.effect("is in the lines that the sender and the handler log, in the crash, and in the dead letter", () =>
    Effect.gen(function* () {
      const lines: Array<readonly [unknown, unknown]> = []
      const logger = Logger.make(({ fiber, message }) => {
        lines.push([message, fiber.getRef(References.CurrentLogAnnotations)["corr_id"]])
      })
      yield* Effect.gen(function* () {
        const worker = yield* Worker
        const letters: Array<string | undefined> = []
        yield* Ryker.deadLetters.pipe(
          Stream.runForEach(({ correlation }) => Effect.sync(() => void letters.push(correlation))),
          background
        )
        const crashes: Array<unknown> = []
        yield* Ryker.events.pipe(
          Stream.filter(({ _tag }) => _tag === "ActorCrashed"),
          Stream.runForEach((event) =>
            Effect.sync(() => void crashes.push("correlation" in event && event.correlation))
          ),
          background
        )
        yield* Effect.gen(function* () {
          yield* Effect.log("sent")
          yield* tell(worker, () => Effect.andThen(Effect.log("handled"), Effect.die("crash on purpose")))
          yield* tell(worker, () => Effect.void, { deadline: 0 })
        }).pipe(Actor.withCorrelationId("one"))
        yield* TestClock.adjust(1)
        yield* settled
        assert.deepStrictEqual(letters, ["one"])
        assert.deepStrictEqual(crashes, ["one"])
        yield* TestClock.adjust("1 minute")
        yield* tell(worker, () => Effect.die("crash on purpose"))
        yield* settled
        assert.deepStrictEqual(crashes, ["one", false])
      }).pipe(withActors(workerLayer()), Effect.provide(Logger.layer([logger])))
      const ofInterest = lines.filter(([message]) => /sent|handled|crashed/.test(String(message)))
      assert.deepStrictEqual(
        ofInterest.map(([message, corr]) => [String(message), corr]),
        [
          ["sent", "one"],
          ["handled", "one"],
          ["Worker: actor_crashed", "one"],
          ["Worker: actor_crashed", undefined]
        ]
      )
    })
  )
})
