import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import { Busy, InvalidMessage, Stopped, TooLarge } from "../src/RykerError.ts"
import { ask, background, entryOf, settled, tell, Worker, workerLayer } from "./Actor.fixtures.ts"
import { Counter, counterLayer, withActors } from "./fixtures.ts"

const full = new Busy({ actor: "Worker", limit: "mailbox", capacity: 2 })

describe("a full mailbox", () => {
  it.effect("gives Busy at once, to tell and to ask, and what was refused never runs", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const ran: Array<string> = []
      const note = (what: string) => () => Effect.sync(() => ran.push(what))
      yield* tell(worker, note("first"))
      yield* tell(worker, note("second"))
      // No time passes and no other fiber runs: neither waits for room.
      assert.deepStrictEqual(yield* Effect.exit(tell(worker, note("told"))), Exit.fail(full))
      assert.deepStrictEqual(yield* Effect.exit(ask(worker, note("asked"))), Exit.fail(full))
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(ran, ["first", "second"])
      const { accepted, handled, refused } = yield* entryOf("Worker")
      assert.deepStrictEqual({ accepted, handled, busy: refused.busy }, { accepted: 2, handled: 2, busy: 2 })
    }).pipe(withActors(workerLayer({ capacity: 2 })))
  )

  it.effect("is one with as many messages waiting as its capacity: what is in hand does not count", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* tell(worker, () => Effect.delay(Effect.void, "1 second"))
      yield* settled
      yield* tell(worker, () => Effect.void)
      yield* tell(worker, () => Effect.void)
      assert.deepStrictEqual(yield* Effect.flip(tell(worker, () => Effect.void)), full)
      assert.deepInclude(yield* Actor.status(worker), { queued: 2, busy: true })
      yield* TestClock.adjust("1 second")
      yield* tell(worker, () => Effect.void)
      yield* settled
      assert.strictEqual((yield* entryOf("Worker")).handled, 4)
    }).pipe(withActors(workerLayer({ capacity: 2 })))
  )

  it.effect("has room again as soon as one message was taken, not when it was handled", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* tell(worker, () => Effect.never)
      assert.strictEqual((yield* Effect.flip(tell(worker, () => Effect.void)))._tag, "Busy")
      yield* settled
      yield* tell(worker, () => Effect.void)
      yield* Actor.stop(worker, { deadline: 0 })
    }).pipe(withActors(workerLayer({ capacity: 1 })))
  )

  it.effect("stays full while its actor restarts, and is worked off afterwards", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const ran: Array<number> = []
      yield* Effect.exit(ask(worker, () => Effect.die("on purpose")))
      yield* tell(worker, () => Effect.sync(() => ran.push(1)))
      yield* tell(worker, () => Effect.sync(() => ran.push(2)))
      assert.deepStrictEqual(yield* Effect.flip(tell(worker, () => Effect.sync(() => ran.push(3)))), full)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(ran, [1, 2])
    }).pipe(withActors(workerLayer({ capacity: 2 })))
  )

  it.effect("lets a stop through, which then handles what is queued", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const ran: Array<number> = []
      yield* tell(worker, () => Effect.delay(Effect.void, 100))
      yield* settled
      yield* tell(worker, () => Effect.sync(() => ran.push(1)))
      yield* tell(worker, () => Effect.sync(() => ran.push(2)))
      const stop = yield* background(Actor.stop(worker, { deadline: "1 second" }))
      assert.isUndefined(stop.pollUnsafe())
      yield* TestClock.adjust(100)
      yield* Fiber.join(stop)
      assert.deepStrictEqual(ran, [1, 2])
    }).pipe(withActors(workerLayer({ capacity: 2 })))
  )

  it.effect("is told apart from a stopped actor, also when the actor is both", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* tell(worker, () => Effect.never)
      yield* settled
      yield* tell(worker, () => Effect.void)
      yield* tell(worker, () => Effect.void)
      assert.strictEqual((yield* Effect.flip(tell(worker, () => Effect.void)))._tag, "Busy")
      yield* background(Actor.stop(worker, { deadline: 50 }))
      const stopped = new Stopped({ actor: "Worker", reason: "Stopped", phase: "refused" })
      assert.deepStrictEqual(yield* Effect.flip(tell(worker, () => Effect.void)), stopped)
      yield* TestClock.adjust(50)
      assert.deepStrictEqual(yield* Effect.flip(tell(worker, () => Effect.void)), stopped)
      const { refused } = yield* entryOf("Worker")
      assert.deepInclude(refused, { busy: 1, stopped: 2 })
    }).pipe(withActors(workerLayer({ capacity: 2 })))
  )

  it.effect("keeps the order of what stays when others are withdrawn from its middle", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const ran: Array<number> = []
      yield* tell(worker, () => Effect.delay(Effect.void, 100))
      yield* settled
      const callers = yield* Effect.forEach([0, 1, 2, 3, 4, 5], (n) =>
        background(ask(worker, () => Effect.sync(() => ran.push(n))))
      )
      yield* Fiber.interruptAll([callers[1]!, callers[2]!, callers[4]!])
      for (const n of [6, 7, 8]) yield* tell(worker, () => Effect.sync(() => ran.push(n)))
      assert.strictEqual((yield* Effect.flip(tell(worker, () => Effect.void)))._tag, "Busy")
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(ran, [0, 3, 5, 6, 7, 8])
    }).pipe(withActors(workerLayer({ capacity: 6 })))
  )

  it.effect("of one actor is no matter to another", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const counter = yield* Counter
      yield* tell(worker, () => Effect.never)
      yield* settled
      yield* tell(worker, () => Effect.void)
      yield* Effect.flip(tell(worker, () => Effect.void))
      assert.strictEqual(yield* counter.ask.Next(), 1)
      yield* Actor.stop(worker, { deadline: 0 })
    }).pipe(Effect.provide(counterLayer()), withActors(workerLayer({ capacity: 1 })))
  )
})

/** Holds text, which nothing bounds; a number, which its type bounds; and a short text, which a check bounds. */
class Notes extends Actor.Service<Notes>()("Notes", [
  Rpc.make("Put", { payload: { text: Schema.String }, success: Schema.Int }),
  Rpc.make("Number", { payload: { n: Schema.Int } }),
  Rpc.make("Short", { payload: { text: Schema.String.check(Schema.isMaxLength(10)) } })
]) {}

const notesHandlers = Notes.of({
  Put: ({ text }) => Effect.succeed(text.length),
  Number: () => Effect.void,
  Short: () => Effect.void
})

const notesLayer = (options?: Actor.Options) => Notes.toLayer(notesHandlers, options)

class CheckedNotes extends Actor.Service<CheckedNotes>()(
  "CheckedNotes",
  [Rpc.make("Short", { payload: { text: Schema.String.check(Schema.isMaxLength(10)) } })],
  { validate: "always" }
) {}

describe("a message", () => {
  it.effect("larger than the cap gives TooLarge with the bytes and the cap, is counted and never enqueued", () =>
    Effect.gen(function* () {
      const notes = yield* Notes
      const tooLarge = new TooLarge({ actor: "Notes", request: "Put", bytes: 11, max: 10 })
      assert.deepStrictEqual(yield* Effect.flip(notes.ask.Put({ text: "12345678901" })), tooLarge)
      assert.deepStrictEqual(yield* Effect.flip(notes.tell.Put({ text: "12345678901" })), tooLarge)
      assert.deepInclude(yield* Actor.status(notes), { queued: 0, busy: false })
      const { accepted, refused } = yield* entryOf("Notes")
      assert.deepStrictEqual({ accepted, tooLarge: refused.tooLarge }, { accepted: 0, tooLarge: 2 })
    }).pipe(withActors(notesLayer({ maxMessageBytes: 10 })))
  )

  it.effect("of exactly the cap passes", () =>
    Effect.gen(function* () {
      const notes = yield* Notes
      assert.strictEqual(yield* notes.ask.Put({ text: "1234567890" }), 10)
      // Bytes, not characters.
      assert.strictEqual((yield* Effect.flip(notes.ask.Put({ text: "123456789ü" })))._tag, "TooLarge")
    }).pipe(withActors(notesLayer({ maxMessageBytes: 10 })))
  )

  it.effect("may be 64 KiB by default", () =>
    Effect.gen(function* () {
      const notes = yield* Notes
      assert.strictEqual(yield* notes.ask.Put({ text: "x".repeat(65_536) }), 65_536)
      const error = yield* Effect.flip(notes.ask.Put({ text: "x".repeat(65_537) }))
      assert.deepInclude(error, { _tag: "TooLarge", max: 65_536 })
    }).pipe(withActors(notesLayer()))
  )

  it.effect("whose type keeps it under the cap is not measured at all", () =>
    Effect.gen(function* () {
      const notes = yield* Notes
      let reads = 0
      const n = { enumerable: true, get: () => ++reads }
      yield* notes.ask.Number(Object.defineProperty({ n: 0 }, "n", n))
      assert.strictEqual(reads, 0)
      // The control: text has no bound, so it is read.
      const text = { enumerable: true, get: () => String(++reads) }
      yield* notes.tell.Put(Object.defineProperty({ text: "" }, "text", text))
      assert.strictEqual(reads, 1)
    }).pipe(withActors(notesLayer()))
  )

  it.effect("whose type bounds it above the cap is measured", () =>
    Effect.gen(function* () {
      const notes = yield* Notes
      const error = yield* Effect.flip(notes.tell.Number({ n: 1 }))
      assert.deepStrictEqual(error, new TooLarge({ actor: "Notes", request: "Number", bytes: 8, max: 7 }))
    }).pipe(withActors(notesLayer({ maxMessageBytes: 7 })))
  )

  it.effect("that only a check would keep short is measured where nothing checks it", () =>
    Effect.gen(function* () {
      const notes = yield* Notes
      const error = yield* Effect.flip(notes.tell.Short({ text: "x".repeat(101) }))
      assert.strictEqual(error._tag, "TooLarge")
    }).pipe(withActors(notesLayer({ maxMessageBytes: 100 })))
  )

  it.effect("that a check keeps short is refused by the check where it is made", () =>
    Effect.gen(function* () {
      const notes = yield* CheckedNotes
      const error = yield* Effect.flip(notes.tell.Short({ text: "x".repeat(101) }))
      assert.instanceOf(error, InvalidMessage)
      yield* notes.ask.Short({ text: "x".repeat(10) })
    }).pipe(withActors(CheckedNotes.toLayer({ Short: () => Effect.void }, { maxMessageBytes: 100 })))
  )

  it.effect("in hand or queued weighs at most the cap, so a mailbox holds at most capacity times the cap", () =>
    Effect.gen(function* () {
      const notes = yield* Notes
      const offers = Array.from({ length: 20 }, (_, n) => "x".repeat(n))
      const taken = yield* Effect.filter(offers, (text) => Effect.isSuccess(notes.tell.Put({ text })))
      assert.deepStrictEqual(
        taken.map((text) => text.length),
        [0, 1, 2, 3]
      )
      const { refused } = yield* entryOf("Notes")
      assert.deepInclude(refused, { busy: 7, tooLarge: 9 })
    }).pipe(withActors(notesLayer({ maxMessageBytes: 10, capacity: 4 })))
  )
})
