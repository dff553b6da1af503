import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { Rpc } from "effect/rpc"
import * as Scheduler from "effect/Scheduler"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import type * as Keyed from "../src/Keyed.ts"
import type * as Ledger from "../src/Ledger.ts"
import * as Ryker from "../src/Ryker.ts"
import { type Busy, Deadlock, type InvalidMessage, type Stopped } from "../src/RykerError.ts"
import { withActors } from "./fixtures.ts"

// --- The family under test ----------------------------------------------------------------------------------------------

const Who = Schema.Struct({
  name: Schema.String,
  address: Schema.String,
  id: Schema.UndefinedOr(Schema.String),
  incarnation: Schema.Int
})

/** `Note` is written into the `House`; `Visit` asks the rooms of the path in turn, each from within the one before. */
class Room extends Actor.keyed<Room>()("Room", [
  Rpc.make("Next", { success: Schema.Int }),
  Rpc.make("Note", { payload: { n: Schema.Int } }),
  Rpc.make("Slow", { payload: { millis: Schema.Finite }, success: Schema.Int }),
  Rpc.make("Stubborn", { payload: { millis: Schema.Finite }, success: Schema.Int }),
  Rpc.make("Hang"),
  Rpc.make("Crash"),
  Rpc.make("Who", { success: Who }),
  Rpc.make("Visit", {
    payload: { path: Schema.Array(Schema.String) },
    success: Schema.Array(Schema.String),
    error: Deadlock
  }),
  Rpc.make("Send", { payload: { id: Schema.String, n: Schema.Int } }),
  Rpc.make("Fan", { payload: { ids: Schema.Array(Schema.String) }, success: Schema.Array(Schema.Int) })
]) {}

type FailKind = "typed" | "defect" | "throws" | "never"

class NoKey extends Schema.TaggedError<NoKey>()("NoKey", {}) {}

/** What happens in the rooms of one test, and how long it takes. */
class House {
  /** `start`, `closing` and `closed` of incarnations, in order. */
  readonly log: Array<string> = []
  /** The `Note`s as they were handled. */
  readonly notes: Array<readonly [id: string, n: number]> = []
  /** What must never be: two incarnations of one id alive, or a handler of one that is not. */
  readonly violations: Array<string> = []
  readonly alive = new Map<string, number>()
  mostAlive = 0
  buildMillis = 0
  closeMillis = 0
  readonly failing = new Map<string, FailKind>()
  private made = 0

  of(event: string): ReadonlyArray<string> {
    return this.log.filter((line) => line.startsWith(`${event} `)).map((line) => line.slice(event.length + 1))
  }

  notesOf(id: string): ReadonlyArray<number> {
    return this.notes.filter(([to]) => to === id).map(([, n]) => n)
  }

  /** Alive from the first step of `build` until the last finalizer has run. */
  readonly enter = (id: string) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        if (this.alive.has(id)) this.violations.push(`two of ${id}`)
        const incarnation = ++this.made
        this.alive.set(id, incarnation)
        this.mostAlive = Math.max(this.mostAlive, this.alive.size)
        this.log.push(`start ${id}`)
        return incarnation
      }),
      () =>
        Effect.gen({ self: this }, function* () {
          this.log.push(`closing ${id}`)
          if (this.closeMillis > 0) yield* Effect.sleep(this.closeMillis)
          this.log.push(`closed ${id}`)
          this.alive.delete(id)
        })
    )

  readonly build = (id: string) =>
    Effect.gen({ self: this }, function* () {
      const incarnation = yield* this.enter(id)
      if (this.buildMillis > 0) yield* Effect.sleep(this.buildMillis)
      const failing = this.failing.get(id)
      if (failing === "typed") return yield* new NoKey()
      if (failing === "defect") return yield* Effect.die(new Error("build dies on purpose"))
      if (failing === "throws") throw new Error("build throws on purpose")
      if (failing === "never") return yield* Effect.never
      let n = 0
      const next = Effect.sync(() => {
        if (this.alive.get(id) !== incarnation) this.violations.push(`${id} works though it is over`)
        return ++n
      })
      return Room.of({
        Next: () => next,
        Note: (payload) => Effect.map(next, () => void this.notes.push([id, payload.n])),
        Slow: ({ millis }) => Effect.delay(next, millis),
        // A stop closes the Scope under it, as it cannot be interrupted.
        Stubborn: ({ millis }) => Effect.uninterruptible(Effect.delay(Effect.succeed(1), millis)),
        Hang: () => Effect.never,
        Crash: () => Effect.die(new Error("crash on purpose")),
        Who: () => Actor.self,
        Visit: ({ path: [first, ...rest] }) =>
          Effect.gen(function* () {
            if (first === undefined) return [id]
            const room = (yield* Room).get(first)
            const further = yield* room.ask
              .Visit({ path: rest })
              .pipe(Effect.catchTag(["Busy", "Crashed", "Stopped", "Timeout", "TooLarge"], Effect.die))
            return [id, ...further]
          }),
        Send: (payload) => Effect.flatMap(Room, (rooms) => Effect.ignore(rooms.get(payload.id).tell.Note(payload))),
        Fan: ({ ids }) =>
          Effect.flatMap(Room, (rooms) =>
            Effect.forEach(ids, (id) => Effect.orDie(rooms.get(id).ask.Next()), { concurrency: "unbounded" })
          )
      })
    })
}

const rooms = (house: House, options?: Keyed.Options) => Room.toLayer((id) => house.build(id), options)

/** Runs a test with a house of its own, in which nothing may happen that must not. */
const withHouse =
  (options: Keyed.Options, runtime: Ryker.Options = {}) =>
  <A, E, R>(test: (house: House) => Effect.Effect<A, E, R>) =>
    Effect.suspend(() => {
      const house = new House()
      return test(house).pipe(
        Effect.tap(() => Effect.sync(() => assert.deepStrictEqual(house.violations, []))),
        withActors(rooms(house, options), runtime)
      )
    })

const room = (id: string) => Effect.map(Room, (rooms) => rooms.get(id))
const residents = Effect.flatMap(Room, (rooms) => rooms.residents)

/** Lets all that can run now run, without time passing. */
const settle = Effect.repeat(Effect.yieldNow, { times: 20 })

/** Lets time pass, from a quiet moment to a quiet moment. */
const adjust = (duration: Duration.Input) =>
  settle.pipe(Effect.andThen(TestClock.adjust(duration)), Effect.andThen(settle))

/** Runs until it suspends, as a fiber of its own. */
const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

const entryOf = (actor: string): Effect.Effect<Ledger.Entry, never, Ryker.Ryker> =>
  Effect.map(Ryker.ledger, (entries) => {
    const entry = entries.find((entry) => entry.actor === actor)
    return entry ?? assert.fail(`no entry of ${actor}`)
  })

const isPending = (fiber: Fiber.Fiber<unknown, unknown>) => fiber.pollUnsafe() === undefined

/** How an ask ended that must have ended by now: its reply, or the error's tag with what tells it from others. */
const answerOf = (fiber: Fiber.Fiber<unknown, unknown>): unknown => {
  const exit = fiber.pollUnsafe()
  if (exit === undefined) return "pending"
  if (Exit.isSuccess(exit)) return exit.value
  const [reason] = exit.cause.reasons
  if (reason === undefined || !Cause.isFailReason(reason)) return Cause.pretty(exit.cause)
  // The errors of a send are the only failures that the fibers of these tests have.
  const error = reason.error as Busy | Stopped | Deadlock | InvalidMessage
  switch (error._tag) {
    case "Stopped":
      return `Stopped ${error.reason}`
    case "Busy":
      return `Busy ${error.limit}`
    default:
      return error._tag
  }
}

const minute = 60_000

// --- Tests --------------------------------------------------------------------------------------------------------------

describe("the first message", () => {
  it.effect("starts the actor; getting a handle, asking for its state or stopping it does not", () =>
    withHouse({})((house) =>
      Effect.gen(function* () {
        const ada = yield* room("ada")
        assert.strictEqual(ada.address, "Room/ada")
        assert.deepStrictEqual(yield* Actor.status(ada), { _tag: "Stopped", reason: "Passivated" })
        assert.strictEqual(yield* Actor.awaitStopped(ada), "Passivated")
        yield* Actor.stop(ada)
        yield* settle
        assert.deepStrictEqual(house.log, [])
        assert.deepStrictEqual(yield* residents, [])

        assert.strictEqual(yield* ada.ask.Next(), 1)
        assert.deepStrictEqual(house.log, ["start ada"])
        assert.deepStrictEqual(yield* residents, ["ada"])
      })
    )
  )

  it.effect("may be a tell, and does not run `build` on its sender's stack", () =>
    withHouse({})((house) =>
      Effect.gen(function* () {
        const ada = yield* room("ada")
        yield* ada.tell.Note({ n: 1 })
        assert.deepStrictEqual(house.log, [])
        assert.strictEqual((yield* Actor.status(ada))._tag, "Starting")
        yield* settle
        assert.deepStrictEqual(house.log, ["start ada"])
        assert.deepStrictEqual(house.notesOf("ada"), [1])
      })
    )
  )

  it.effect("of a thousand fibers at once meets one incarnation, however long `build` takes", () =>
    withHouse({ capacity: 1000, deadline: "1 minute" })((house) =>
      Effect.gen(function* () {
        house.buildMillis = 500
        const all = yield* Effect.forkChild(
          Effect.forEach(Array.from({ length: 1000 }), () => Effect.flatMap(room("ada"), (ada) => ada.ask.Next()), {
            concurrency: "unbounded"
          })
        )
        yield* adjust(499)
        assert.isTrue(isPending(all))
        yield* adjust(1)
        assert.deepStrictEqual(
          yield* Fiber.join(all),
          Array.from({ length: 1000 }, (_, index) => index + 1)
        )
        assert.deepStrictEqual(house.log, ["start ada"])
      })
    )
  )

  it.effect("and those behind it are handled in the order in which they were sent", () =>
    withHouse({})((house) =>
      Effect.gen(function* () {
        house.buildMillis = 100
        const ada = yield* room("ada")
        for (const n of [1, 2, 3]) yield* ada.tell.Note({ n })
        const next = yield* fork(ada.ask.Next())
        yield* adjust(50)
        for (const n of [4, 5]) yield* (yield* room("ada")).tell.Note({ n })
        yield* adjust(50)
        assert.deepStrictEqual(house.notesOf("ada"), [1, 2, 3, 4, 5])
        assert.strictEqual(answerOf(next), 4)
      })
    )
  )

  it.effect("of one id does not wait for the start of another", () =>
    withHouse({})((house) =>
      Effect.gen(function* () {
        house.failing.set("never", "never")
        yield* (yield* room("never")).tell.Note({ n: 1 })
        assert.strictEqual(yield* (yield* room("ada")).ask.Next(), 1)
        yield* Actor.stop(yield* room("never"), { deadline: 0 })
      })
    )
  )

  it.effect("that does not fit the mailbox of an actor that still starts gives Busy", () =>
    withHouse({ capacity: 2 })((house) =>
      Effect.gen(function* () {
        house.buildMillis = 100
        const ada = yield* room("ada")
        yield* ada.tell.Note({ n: 1 })
        yield* ada.tell.Note({ n: 2 })
        const busy = yield* Effect.flip(ada.tell.Note({ n: 3 }))
        assert.deepInclude(busy, { _tag: "Busy", actor: "Room/ada", limit: "mailbox", capacity: 2 })
        yield* adjust(100)
        assert.deepStrictEqual(house.notesOf("ada"), [1, 2])
      })
    )
  )

  it.effect("that is refused at the door starts nothing and takes no place", () =>
    withHouse({ maxResident: 1 })((house) =>
      Effect.gen(function* () {
        const late = yield* Effect.flip((yield* room("late")).ask.Slow({ millis: 1 }, { deadline: 0 }))
        assert.strictEqual(late._tag, "Timeout")
        assert.strictEqual(yield* (yield* room("ada")).ask.Next(), 1)
        yield* settle
        assert.deepStrictEqual(house.log, ["start ada"])
        assert.deepStrictEqual(yield* residents, ["ada"])
      })
    )
  )

  it.effect("whose payload's check sends to the same id meets the actor that this has started", () => {
    let alive = 0
    let most = 0
    let onCheck = () => {}
    const n = Schema.Int.check(
      Schema.makeFilter(() => {
        onCheck()
        return true
      })
    )
    class Odd extends Actor.keyed<Odd>()("Odd", [Rpc.make("Put", { payload: { n } }), Rpc.make("Ping")], {
      validate: "always"
    }) {}
    const enter = Effect.acquireRelease(
      Effect.sync(() => (most = Math.max(most, ++alive))),
      () => Effect.sync(() => alive--)
    )
    const layer = Odd.toLayer(() => Effect.as(enter, { Put: () => Effect.void, Ping: () => Effect.void }))
    return Effect.gen(function* () {
      const odd = (yield* Odd).get("x")
      const context = yield* Effect.context()
      onCheck = () => {
        onCheck = () => {}
        Effect.runSyncWith(context)(Effect.orDie(odd.tell.Ping()))
      }
      yield* odd.ask.Put({ n: 1 })
      assert.strictEqual(most, 1)
      assert.strictEqual((yield* entryOf("Odd")).accepted, 2)
    }).pipe(withActors(layer))
  })

  it.effect("whose asker gives up before `build` has run counts as interrupted, and a next one is served", () =>
    withHouse({})((house) =>
      Effect.gen(function* () {
        const ada = yield* room("ada")
        const asker = yield* fork(ada.ask.Next())
        yield* Fiber.interrupt(asker)
        assert.strictEqual((yield* entryOf("Room")).dropped.interrupted, 1)
        assert.strictEqual(yield* ada.ask.Next(), 1)
        assert.strictEqual(house.of("start").length, 1)
      })
    )
  )
})

describe("passivation", () => {
  it.effect("comes after idleAfter without work, and not before", () =>
    withHouse({ idleAfter: "1 minute" })((house) =>
      Effect.gen(function* () {
        const ada = yield* room("ada")
        yield* ada.ask.Next()
        yield* adjust(minute - 1)
        assert.deepStrictEqual(yield* residents, ["ada"])
        assert.strictEqual((yield* Actor.status(ada))._tag, "Running")
        yield* adjust(1)
        assert.deepStrictEqual(yield* residents, [])
        assert.deepStrictEqual(house.log, ["start ada", "closing ada", "closed ada"])
        assert.deepStrictEqual(yield* Actor.status(ada), { _tag: "Stopped", reason: "Passivated" })
      })
    )
  )

  it.effect("comes after a minute by default", () =>
    withHouse({})(() =>
      Effect.gen(function* () {
        yield* (yield* room("ada")).ask.Next()
        yield* adjust(minute - 1)
        assert.deepStrictEqual(yield* residents, ["ada"])
        yield* adjust(1)
        assert.deepStrictEqual(yield* residents, [])
      })
    )
  )

  it.effect("is put off by each message, for its own id only", () =>
    withHouse({ idleAfter: 100 })(() =>
      Effect.gen(function* () {
        const [ada, bob] = [yield* room("ada"), yield* room("bob")]
        yield* bob.ask.Next()
        yield* ada.ask.Next()
        for (let count = 2; count <= 5; count++) {
          yield* adjust(99)
          assert.strictEqual(yield* ada.ask.Next(), count)
        }
        assert.deepStrictEqual(yield* residents, ["ada"])
        yield* adjust(99)
        assert.deepStrictEqual(yield* residents, ["ada"])
        yield* adjust(1)
        assert.deepStrictEqual(yield* residents, [])
      })
    )
  )

  it.effect("is counted from the end of the last work, not from its beginning", () =>
    withHouse({ idleAfter: 100, deadline: "Infinity" })(() =>
      Effect.gen(function* () {
        const ada = yield* room("ada")
        const slow = yield* fork(ada.ask.Slow({ millis: 1000 }))
        yield* adjust(1000)
        assert.strictEqual(answerOf(slow), 1)
        yield* adjust(99)
        assert.deepStrictEqual(yield* residents, ["ada"])
        yield* adjust(1)
        assert.deepStrictEqual(yield* residents, [])
      })
    )
  )

  it.effect("does not come while a handler has a message in hand, nor while messages are queued behind it", () =>
    withHouse({ idleAfter: 100, deadline: "Infinity" })((house) =>
      Effect.gen(function* () {
        const ada = yield* room("ada")
        const hang = yield* fork(ada.ask.Hang())
        yield* ada.tell.Note({ n: 1 })
        yield* adjust(10_000)
        assert.deepInclude(yield* Actor.status(ada), { _tag: "Running", queued: 1, busy: true })
        yield* Fiber.interrupt(hang)
        yield* settle
        assert.deepStrictEqual(house.notesOf("ada"), [1])
        yield* adjust(99)
        assert.deepStrictEqual(yield* residents, ["ada"])
        yield* adjust(1)
        assert.deepStrictEqual(house.log, ["start ada", "closing ada", "closed ada"])
      })
    )
  )

  it.effect("does not come while messages wait for a restart that takes longer than idleAfter", () =>
    withHouse({ idleAfter: 100, backoff: { base: 1000, cap: 1000 }, deadline: "Infinity" })((house) =>
      Effect.gen(function* () {
        const ada = yield* room("ada")
        yield* ada.ask.Next()
        yield* adjust(50)
        yield* Effect.flip(ada.ask.Crash())
        yield* ada.tell.Note({ n: 1 })
        yield* adjust(999)
        assert.strictEqual((yield* Actor.status(ada))._tag, "Restarting")
        yield* adjust(1)
        assert.deepStrictEqual(house.notesOf("ada"), [1])
        assert.strictEqual((yield* entryOf("Room")).restarts, 1)
      })
    )
  )

  it.effect("is counted anew after a restart, also without another message", () =>
    withHouse({ idleAfter: 100, backoff: { base: 30, cap: 30 } })((house) =>
      Effect.gen(function* () {
        const ada = yield* room("ada")
        yield* ada.ask.Next()
        yield* adjust(80)
        yield* Effect.flip(ada.ask.Crash())
        yield* adjust(30)
        assert.deepInclude(yield* Actor.status(ada), { _tag: "Running", incarnation: 2 })
        yield* adjust(99)
        assert.deepInclude(yield* Actor.status(ada), { _tag: "Running", incarnation: 2 })
        yield* adjust(1)
        assert.deepStrictEqual(yield* residents, [])
        assert.deepStrictEqual(house.of("closed"), ["ada", "ada"])
      })
    )
  )

  it.effect("comes also to an actor whose only message went before it had started", () =>
    withHouse({ idleAfter: 100 })((house) =>
      Effect.gen(function* () {
        house.buildMillis = 50
        const ada = yield* room("ada")
        const asker = yield* fork(ada.ask.Next())
        yield* adjust(10)
        yield* Fiber.interrupt(asker)
        yield* adjust(40 + 99)
        assert.deepStrictEqual(yield* residents, ["ada"])
        yield* adjust(1)
        assert.deepStrictEqual(yield* residents, [])
        assert.deepStrictEqual(house.log, ["start ada", "closing ada", "closed ada"])
      })
    )
  )

  it.effect("comes also when the last message expired in the mailbox, or in hand", () =>
    withHouse({ idleAfter: 100, deadline: 10 })(() =>
      Effect.gen(function* () {
        const ada = yield* room("ada")
        const hang = yield* fork(ada.ask.Hang())
        const queued = yield* fork(ada.ask.Next(undefined, { deadline: 5 }))
        yield* adjust(10)
        assert.strictEqual(answerOf(queued), "Timeout")
        assert.strictEqual(answerOf(hang), "Timeout")
        yield* adjust(99)
        assert.deepStrictEqual(yield* residents, ["ada"])
        yield* adjust(1)
        assert.deepStrictEqual(yield* residents, [])
      })
    )
  )

  it.effect("never comes when idleAfter is Infinity", () =>
    withHouse({ idleAfter: "Infinity" })(() =>
      Effect.gen(function* () {
        const ada = yield* room("ada")
        yield* ada.ask.Next()
        yield* adjust("365 days")
        assert.strictEqual(yield* ada.ask.Next(), 2)
      })
    )
  )

  it.effect("loses the state, and handles from before it reach the actor that comes next", () =>
    withHouse({ idleAfter: 100 })((house) =>
      Effect.gen(function* () {
        const ada = yield* room("ada")
        yield* ada.ask.Next()
        assert.strictEqual(yield* ada.ask.Next(), 2)
        yield* adjust(100)
        assert.strictEqual(yield* Actor.awaitStopped(ada), "Passivated")
        assert.strictEqual(yield* ada.ask.Next(), 1)
        assert.strictEqual(yield* (yield* room("ada")).ask.Next(), 2)
        assert.deepStrictEqual(house.log, ["start ada", "closing ada", "closed ada", "start ada"])
      })
    )
  )

  it.effect("wakes those who wait for the actor's end", () =>
    withHouse({ idleAfter: 100 })((house) =>
      Effect.gen(function* () {
        yield* TestClock.adjust(0)
        house.closeMillis = 10
        const ada = yield* room("ada")
        yield* ada.ask.Next()
        const waiting = yield* fork(Actor.awaitStopped(ada))
        yield* adjust(109)
        assert.isTrue(isPending(waiting))
        yield* adjust(1)
        assert.strictEqual(answerOf(waiting), "Passivated")
      })
    )
  )

  it.effect("of many ids that idle since the same time takes one timer, and goes in the order of their last work", () =>
    withHouse({ idleAfter: 1000 })((house) =>
      Effect.gen(function* () {
        const ids = Array.from({ length: 200 }, (_, index) => `${index}`)
        yield* Effect.forEach(ids, (id) => Effect.flatMap(room(id), (room) => room.ask.Next()))
        yield* adjust(10)
        // The first ones work again, so that they come last.
        const again = ids.slice(0, 3).toReversed()
        yield* Effect.forEach(again, (id) => Effect.flatMap(room(id), (room) => room.ask.Next()))
        yield* adjust(990)
        assert.deepStrictEqual(house.of("closing"), ids.slice(3))
        assert.sameMembers([...(yield* residents)], again)
        yield* adjust(10)
        assert.deepStrictEqual(house.of("closing"), [...ids.slice(3), ...again])
        assert.deepStrictEqual(yield* residents, [])
      })
    )
  )

  it.effect("of ids at different times comes to each at its own", () =>
    withHouse({ idleAfter: 100 })(() =>
      Effect.gen(function* () {
        for (const id of ["a", "b", "c"]) {
          yield* (yield* room(id)).ask.Next()
          yield* adjust(10)
        }
        yield* adjust(69)
        assert.deepStrictEqual(yield* residents, ["a", "b", "c"])
        for (const left of [["b", "c"], ["c"], []]) {
          yield* adjust(1)
          assert.deepStrictEqual(yield* residents, left)
          yield* adjust(9)
          assert.deepStrictEqual(yield* residents, left)
        }
      })
    )
  )
})

describe("a message that comes while an idle actor closes", () => {
  /** An actor that has been told to close by its idleness and needs 50 ms for it. */
  const closing = (house: House) =>
    Effect.gen(function* () {
      yield* TestClock.adjust(0)
      house.closeMillis = 50
      const ada = yield* room("ada")
      yield* ada.ask.Next()
      yield* adjust(100)
      assert.deepStrictEqual(house.log, ["start ada", "closing ada"])
      return ada
    })
  // The closing may take longer than a stop would: nobody has asked for one.
  const options: Keyed.Options = { idleAfter: 100, deadline: "1 minute", capacity: 3, shutdown: 20 }

  it.effect("is kept, and starts the next incarnation once the old Scope is closed", () =>
    withHouse(options)((house) =>
      Effect.gen(function* () {
        const ada = yield* closing(house)
        yield* ada.tell.Note({ n: 1 })
        const next = yield* fork(ada.ask.Next())
        yield* ada.tell.Note({ n: 2 })
        assert.deepInclude(yield* Actor.status(ada), { _tag: "Restarting", queued: 3, millisLeft: 0 })
        const busy = yield* Effect.flip(ada.tell.Note({ n: 3 }))
        assert.deepInclude(busy, { _tag: "Busy", limit: "mailbox" })
        yield* adjust(49)
        assert.deepStrictEqual(house.log, ["start ada", "closing ada"])
        assert.deepStrictEqual(house.notes, [])
        yield* adjust(1)
        assert.deepStrictEqual(house.log, ["start ada", "closing ada", "closed ada", "start ada"])
        assert.deepStrictEqual(house.notesOf("ada"), [1, 2])
        assert.strictEqual(answerOf(next), 2)
        // It was no crash.
        assert.deepInclude(yield* entryOf("Room"), { crashes: 0, restarts: 0 })
        house.closeMillis = 0
      })
    )
  )

  it.effect("and goes again before it has closed starts nothing", () =>
    withHouse(options)((house) =>
      Effect.gen(function* () {
        const ada = yield* closing(house)
        const expires = yield* fork(ada.ask.Next(undefined, { deadline: 20 }))
        const givesUp = yield* fork(ada.ask.Next())
        yield* adjust(20)
        assert.strictEqual(answerOf(expires), "Timeout")
        yield* Fiber.interrupt(givesUp)
        yield* adjust(30)
        assert.deepStrictEqual(yield* residents, [])
        yield* adjust(minute)
        assert.deepStrictEqual(house.of("start"), ["ada"])
        const { dropped } = yield* entryOf("Room")
        assert.deepInclude(dropped, { deadline: 1, interrupted: 1 })
      })
    )
  )

  it.effect("is served before a stop's deadline, if there is time after the closing", () =>
    withHouse(options)((house) =>
      Effect.gen(function* () {
        const ada = yield* closing(house)
        yield* ada.tell.Note({ n: 1 })
        const next = yield* fork(ada.ask.Next())
        const stopping = yield* fork(Actor.stop(ada, { deadline: 1000 }))
        assert.strictEqual((yield* Effect.flip(ada.tell.Note({ n: 2 })))._tag, "Stopped")
        yield* adjust(50)
        assert.deepStrictEqual(house.notesOf("ada"), [1])
        assert.strictEqual(answerOf(next), 2)
        yield* adjust(50)
        assert.isFalse(isPending(stopping))
        assert.deepStrictEqual(house.of("closed"), ["ada", "ada"])
      })
    )
  )

  it.effect("is dropped at a stop's deadline, without a new incarnation beside the one that still closes", () =>
    withHouse(options)((house) =>
      Effect.gen(function* () {
        const ada = yield* closing(house)
        yield* ada.tell.Note({ n: 1 })
        const next = yield* fork(ada.ask.Next())
        const stopping = yield* fork(Actor.stop(ada, { deadline: 20 }))
        yield* adjust(20)
        assert.strictEqual(answerOf(next), "Stopped Stopped")
        assert.isFalse(isPending(stopping))
        yield* adjust(minute)
        assert.deepStrictEqual(house.log, ["start ada", "closing ada", "closed ada"])
        assert.strictEqual((yield* entryOf("Room")).dropped.shutdown, 2)
      })
    )
  )

  it.effect("and is stopped by its Layer at the deadline is dropped, without a new incarnation", () =>
    Effect.gen(function* () {
      const house = new House()
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(rooms(house, { ...options, shutdown: 20 }), scope)
      const ada = yield* Effect.provide(closing(house), context)
      const next = yield* fork(ada.ask.Next())
      const close = yield* fork(Scope.close(scope, Exit.void))
      yield* adjust(20)
      assert.strictEqual(answerOf(next), "Stopped ScopeClosed")
      assert.isFalse(isPending(close))
      yield* adjust(minute)
      assert.deepStrictEqual(house.log, ["start ada", "closing ada", "closed ada"])
    }).pipe(withActors(Layer.empty))
  )

  it.effect("in the very step in which the closing begins, before a stop, is served within the stop's deadline", () =>
    withHouse({ idleAfter: 10.25, capacity: 3 })((house) =>
      Effect.gen(function* () {
        const [ada, bob] = [yield* room("ada"), yield* room("bob")]
        yield* fork(ada.ask.Next())
        // Timers sleep whole milliseconds: at 11 the idleness of ada and the deadline of bob are due in one pass.
        const race = yield* bob.ask
          .Hang(undefined, { deadline: 10.75 })
          .pipe(
            Effect.flip,
            Effect.andThen(ada.tell.Note({ n: 1 })),
            Effect.andThen(Actor.stop(ada, { deadline: 1000 })),
            fork
          )
        yield* adjust(11)
        assert.isFalse(isPending(race))
        assert.deepStrictEqual(house.notesOf("ada"), [1])
        assert.deepInclude((yield* entryOf("Room")).dropped, { shutdown: 0 })
      })
    )
  )
})

describe("under random times", () => {
  /** Quarters of a millisecond, so that idleness, builds, finalizers and senders often meet at the same time. */
  const quarters = (maximum: number) =>
    Arbitrary.map(Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))), (n) => n / 4)
  const step = Arbitrary.all({
    wait: quarters(60),
    id: Arbitrary.schema(Schema.Literals(["a", "b", "c"])),
    kind: Arbitrary.schema(Schema.Literals(["tell", "ask", "slow", "crash"]))
  })
  const plan = Arbitrary.all({
    idleAfter: Arbitrary.map(quarters(40), (millis) => 1 + millis),
    buildMillis: quarters(12),
    closeMillis: quarters(40),
    maxResident: Arbitrary.schema(Schema.Literals([1, 2, 3])),
    senders: Arbitrary.array(Arbitrary.array(step, { maxLength: 25 }), { minLength: 1, maxLength: 3 })
  })

  it.effect.prop(
    "passivation loses no accepted message, repeats none, keeps their order, and no id is ever alive twice",
    { plan },
    ({ plan: { buildMillis, closeMillis, idleAfter, maxResident, senders } }) => {
      const options: Keyed.Options = {
        idleAfter,
        maxResident,
        deadline: "Infinity",
        backoff: { base: 1, cap: 5 },
        intensity: { restarts: 1000 }
      }
      return withHouse(options)((house) =>
        Effect.gen(function* () {
          yield* TestClock.adjust(0)
          Object.assign(house, { buildMillis, closeMillis })
          const accepted: Array<readonly [sender: number, id: string, n: number]> = []
          const answers: Array<Fiber.Fiber<unknown, unknown>> = []
          let sent = 0
          const fibers = yield* Effect.forEach(senders, (steps, sender) =>
            fork(
              Effect.gen(function* () {
                for (const { id, kind, wait } of steps) {
                  yield* Effect.sleep(wait)
                  const to = yield* room(id)
                  const n = sent++
                  if (kind === "tell") {
                    const result = yield* Effect.exit(to.tell.Note({ n }))
                    if (Exit.isSuccess(result)) accepted.push([sender, id, n])
                    continue
                  }
                  const ask =
                    kind === "ask" ? to.ask.Next() : kind === "slow" ? to.ask.Slow({ millis: wait }) : to.ask.Crash()
                  answers.push(yield* Effect.forkScoped(ask, { startImmediately: true }))
                }
              })
            )
          )
          for (let millis = 0; millis < 500; millis += 5) yield* TestClock.adjust(5)
          yield* adjust(minute)
          for (const fiber of [...fibers, ...answers]) {
            assert.include(["undefined", "number", "Crashed", "Busy residents"], kindOf(answerOf(fiber)))
          }
          for (const id of ["a", "b", "c"]) {
            const mine = accepted.filter(([, to]) => to === id)
            assert.sameMembers(
              [...house.notesOf(id)],
              mine.map(([, , n]) => n)
            )
            for (const sender of senders.keys()) {
              const order = mine.filter(([from]) => from === sender).map(([, , n]) => n)
              assert.deepStrictEqual(
                house.notesOf(id).filter((n) => order.includes(n)),
                order
              )
            }
          }
          assert.isAtMost(house.mostAlive, maxResident)
          assert.deepStrictEqual(yield* residents, [])
          assert.strictEqual(house.alive.size, 0)
          const { accepted: total, crashes, dropped, failed, handled, refused } = yield* entryOf("Room")
          assert.strictEqual(total + refused.busy, sent)
          assert.strictEqual(handled + failed, total)
          assert.strictEqual(failed, crashes)
          assert.isTrue(
            Object.values(dropped).every((n) => n === 0),
            JSON.stringify(dropped)
          )
        })
      )
    },
    { arbitrary: { runs: 60, size: 25 } }
  )

  const kindOf = (answer: unknown) => (typeof answer === "string" ? answer : typeof answer)
})

describe("the cap on residents", () => {
  it.effect("refuses the next id with Busy, counts it, and goes on serving the ids that are there", () =>
    withHouse({ maxResident: 2, idleAfter: 100 })((house) =>
      Effect.gen(function* () {
        for (const id of ["a", "b"]) yield* (yield* room(id)).ask.Next()
        const c = yield* room("c")
        for (const send of [c.ask.Next(), c.tell.Note({ n: 1 })]) {
          const error = yield* Effect.flip<unknown, unknown, never>(send)
          assert.deepInclude(error, { _tag: "Busy", actor: "Room", limit: "residents", capacity: 2 })
        }
        assert.strictEqual((yield* entryOf("Room")).refused.busy, 2)
        assert.deepStrictEqual(yield* Actor.status(c), { _tag: "Stopped", reason: "Passivated" })
        assert.strictEqual(yield* (yield* room("a")).ask.Next(), 2)
        assert.strictEqual(yield* (yield* room("b")).ask.Next(), 2)
        assert.strictEqual(house.mostAlive, 2)
      })
    )
  )

  it.effect("has room again after a passivation, and no sooner than the Scope is closed", () =>
    withHouse({ maxResident: 2, idleAfter: 100 })((house) =>
      Effect.gen(function* () {
        yield* TestClock.adjust(0)
        house.closeMillis = 50
        const [a, b, c] = [yield* room("a"), yield* room("b"), yield* room("c")]
        yield* a.ask.Next()
        yield* adjust(60)
        yield* b.ask.Next()
        yield* adjust(40)
        assert.deepStrictEqual(house.of("closing"), ["a"])
        yield* adjust(49)
        assert.deepInclude(yield* Effect.flip(c.ask.Next()), { _tag: "Busy", limit: "residents" })
        yield* adjust(1)
        assert.strictEqual(yield* c.ask.Next(), 1)
        assert.deepInclude(yield* Effect.flip(a.ask.Next()), { _tag: "Busy", limit: "residents" })
        assert.strictEqual(house.mostAlive, 2)
        house.closeMillis = 0
      })
    )
  )

  it.effect("does not keep an id that closes from being served again", () =>
    withHouse({ maxResident: 1, idleAfter: 100 })((house) =>
      Effect.gen(function* () {
        yield* TestClock.adjust(0)
        house.closeMillis = 50
        const a = yield* room("a")
        yield* a.ask.Next()
        yield* adjust(100)
        const next = yield* fork(a.ask.Next())
        yield* adjust(50)
        assert.strictEqual(answerOf(next), 1)
        house.closeMillis = 0
      })
    )
  )

  it.effect("has room again after a stop", () =>
    withHouse({ maxResident: 1 })(() =>
      Effect.gen(function* () {
        const [a, b] = [yield* room("a"), yield* room("b")]
        yield* a.ask.Next()
        assert.strictEqual((yield* Effect.flip(b.ask.Next()))._tag, "Busy")
        yield* Actor.stop(a)
        assert.strictEqual(yield* b.ask.Next(), 1)
        assert.strictEqual((yield* Effect.flip(a.ask.Next()))._tag, "Busy")
      })
    )
  )

  it.effect("counts an actor that was stopped at once for as long as its Scope closes", () =>
    withHouse({ maxResident: 1 })((house) =>
      Effect.gen(function* () {
        yield* TestClock.adjust(0)
        house.closeMillis = 50
        const [a, b] = [yield* room("a"), yield* room("b")]
        yield* a.ask.Next()
        yield* Actor.stop(a, { deadline: 0 })
        yield* adjust(49)
        assert.deepInclude(yield* Effect.flip(b.ask.Next()), { _tag: "Busy", limit: "residents" })
        yield* adjust(1)
        assert.strictEqual(yield* b.ask.Next(), 1)
        assert.strictEqual(house.mostAlive, 1)
        house.closeMillis = 0
      })
    )
  )

  it.effect("holds when more ids than it allows are used at once", () =>
    withHouse({ maxResident: 10 })((house) =>
      Effect.gen(function* () {
        house.buildMillis = 10
        const all = yield* Effect.forkChild(
          Effect.forEach(
            Array.from({ length: 100 }, (_, index) => `${index}`),
            (id) => Effect.flatMap(room(id), (room) => Effect.result(room.ask.Next())),
            { concurrency: "unbounded" }
          )
        )
        yield* adjust(10)
        const results = yield* Fiber.join(all)
        assert.deepStrictEqual(
          results.map((result) => result._tag === "Success"),
          Array.from({ length: 100 }, (_, index) => index < 10)
        )
        assert.strictEqual(house.mostAlive, 10)
        assert.strictEqual((yield* entryOf("Room")).refused.busy, 90)
      })
    )
  )
})

describe("a `build` that fails", () => {
  const kinds: ReadonlyArray<FailKind> = ["typed", "defect", "throws"]
  const options: Keyed.Options = {
    deadline: "Infinity",
    backoff: { base: 100, cap: 100 },
    intensity: { restarts: 2, window: 1000 }
  }

  it.effect.each(kinds)("(%s) is tried again after the backoff, while messages wait in their order", (kind) =>
    withHouse(options)((house) =>
      Effect.gen(function* () {
        house.failing.set("ada", kind)
        const ada = yield* room("ada")
        yield* ada.tell.Note({ n: 1 })
        yield* settle
        assert.deepInclude(yield* Actor.status(ada), { _tag: "Restarting", queued: 1, millisLeft: 100 })
        yield* ada.tell.Note({ n: 2 })
        const next = yield* fork(ada.ask.Next())
        yield* adjust(100)
        yield* ada.tell.Note({ n: 3 })
        house.failing.clear()
        yield* adjust(99)
        assert.deepStrictEqual(house.notes, [])
        yield* adjust(1)
        assert.deepStrictEqual(house.notesOf("ada"), [1, 2, 3])
        assert.strictEqual(answerOf(next), 3)
        assert.deepInclude(yield* entryOf("Room"), { crashes: 2, restarts: 2 })
        // What a failed start had acquired is released before the next.
        const failed = ["start ada", "closing ada", "closed ada"]
        assert.deepStrictEqual(house.log, [...failed, ...failed, "start ada"])
      })
    )
  )

  it.effect.each(kinds)("(%s) too often ends the actor with RapidFail, and what waits is accounted for", (kind) =>
    withHouse(options)((house) =>
      Effect.gen(function* () {
        house.failing.set("ada", kind)
        const [ada, bob] = [yield* room("ada"), yield* room("bob")]
        assert.strictEqual(yield* bob.ask.Next(), 1)
        const asks = yield* Effect.forEach([1, 2], () => fork(ada.ask.Next()))
        yield* ada.tell.Note({ n: 1 })
        yield* adjust(199)
        assert.deepStrictEqual(asks.map(answerOf), ["pending", "pending"])
        yield* adjust(1)
        assert.deepStrictEqual(asks.map(answerOf), ["Stopped RapidFail", "Stopped RapidFail"])
        assert.deepInclude(yield* entryOf("Room"), { crashes: 3, restarts: 2, queued: 0 })
        assert.strictEqual((yield* entryOf("Room")).dropped.rapid_fail, 3)
        assert.deepStrictEqual(yield* Actor.status(ada), { _tag: "Stopped", reason: "RapidFail" })
        assert.strictEqual(yield* Actor.awaitStopped(ada), "RapidFail")
        assert.strictEqual(yield* bob.ask.Next(), 2)
      })
    )
  )

  it.effect("too often refuses the id for the window of the intensity, then it starts anew", () =>
    withHouse(options)((house) =>
      Effect.gen(function* () {
        house.failing.set("ada", "typed")
        const ada = yield* room("ada")
        yield* ada.tell.Note({ n: 1 })
        yield* adjust(200)
        house.failing.clear()
        const starts = house.of("start").length
        for (let at = 0; at < 1000; at += 250) {
          assert.deepInclude(yield* Effect.flip(ada.ask.Next()), { _tag: "Stopped", reason: "RapidFail" })
          assert.deepInclude(yield* Effect.flip(ada.tell.Note({ n: 2 })), { _tag: "Stopped", reason: "RapidFail" })
          yield* adjust(at === 750 ? 249 : 250)
        }
        assert.deepInclude(yield* Effect.flip(ada.ask.Next()), { _tag: "Stopped", reason: "RapidFail" })
        assert.strictEqual((yield* entryOf("Room")).refused.stopped, 9)
        assert.strictEqual(house.of("start").length, starts)
        yield* adjust(1)
        assert.strictEqual(yield* ada.ask.Next(), 1)
        // It starts with a new intensity and a first incarnation.
        assert.deepInclude(yield* Actor.status(ada), { _tag: "Running", incarnation: 1 })
      })
    )
  )

  it.effect("too often is not a resident any more, as it is not alive", () =>
    withHouse(options)((house) =>
      Effect.gen(function* () {
        house.failing.set("ada", "typed")
        yield* (yield* room("ada")).tell.Note({ n: 1 })
        yield* adjust(200)
        assert.deepStrictEqual(yield* Actor.status(yield* room("ada")), { _tag: "Stopped", reason: "RapidFail" })
        assert.deepStrictEqual(yield* residents, [])
      })
    )
  )

  it.effect("too often leaves room for other ids, and their residents", () =>
    withHouse({ ...options, maxResident: 1 })((house) =>
      Effect.gen(function* () {
        house.failing.set("ada", "typed")
        const [ada, bob] = [yield* room("ada"), yield* room("bob")]
        yield* ada.tell.Note({ n: 1 })
        assert.deepInclude(yield* Effect.flip(bob.ask.Next()), { _tag: "Busy", limit: "residents" })
        yield* adjust(200)
        assert.strictEqual(yield* bob.ask.Next(), 1)
        assert.deepInclude(yield* Effect.flip(ada.ask.Next()), { _tag: "Stopped", reason: "RapidFail" })
      })
    )
  )

  it.effect("before it gives an Effect is a failed start as well", () => {
    let starts = 0
    const layer = Room.toLayer((id) => {
      if (++starts === 1) throw new Error(`no room for ${id}`)
      return new House().build(id)
    }, options)
    return Effect.gen(function* () {
      const next = yield* fork((yield* room("ada")).ask.Next())
      yield* adjust(99)
      assert.strictEqual(answerOf(next), "pending")
      yield* adjust(1)
      assert.strictEqual(answerOf(next), 1)
      assert.deepInclude(yield* entryOf("Room"), { crashes: 1, restarts: 1 })
    }).pipe(withActors(layer))
  })

  it.effect("by never ending is interrupted at startTimeout and tried again", () =>
    withHouse({ ...options, startTimeout: 500 })((house) =>
      Effect.gen(function* () {
        house.failing.set("ada", "never")
        const ada = yield* room("ada")
        yield* ada.tell.Note({ n: 1 })
        yield* adjust(499)
        assert.strictEqual((yield* Actor.status(ada))._tag, "Starting")
        yield* adjust(1)
        assert.strictEqual((yield* Actor.status(ada))._tag, "Restarting")
        house.failing.clear()
        yield* adjust(100)
        assert.deepStrictEqual(house.notesOf("ada"), [1])
      })
    )
  )
})

describe("a crash", () => {
  const options: Keyed.Options = { backoff: { base: 100, cap: 100 }, intensity: { restarts: 1, window: 1000 } }

  it.effect("of one id touches no other: their state, their queues and their starts", () =>
    withHouse(options)((house) =>
      Effect.gen(function* () {
        const [ada, bob] = [yield* room("ada"), yield* room("bob")]
        yield* bob.ask.Next()
        const slow = yield* fork(bob.ask.Slow({ millis: 150 }))
        assert.deepInclude(yield* Effect.flip(ada.ask.Crash()), {
          _tag: "Crashed",
          actor: "Room/ada",
          incarnation: 1
        })
        yield* ada.tell.Note({ n: 1 })
        yield* bob.tell.Note({ n: 2 })
        const carl = yield* room("carl")
        assert.strictEqual(yield* carl.ask.Next(), 1)
        yield* adjust(100)
        assert.deepStrictEqual(house.notes, [["ada", 1]])
        yield* adjust(50)
        assert.strictEqual(answerOf(slow), 2)
        assert.deepStrictEqual(house.notes, [
          ["ada", 1],
          ["bob", 2]
        ])
        assert.deepInclude(yield* Actor.status(bob), { incarnation: 1 })
        assert.deepInclude(yield* Actor.status(ada), { incarnation: 2 })
      })
    )
  )

  it.effect("of one id too often ends that id alone", () =>
    withHouse(options)(() =>
      Effect.gen(function* () {
        const [ada, bob] = [yield* room("ada"), yield* room("bob")]
        yield* bob.ask.Next()
        yield* Effect.flip(ada.ask.Crash())
        yield* adjust(100)
        const queued = yield* fork(ada.ask.Slow({ millis: 10 }))
        const crash = yield* fork(ada.ask.Crash())
        const behind = yield* fork(ada.ask.Next())
        yield* adjust(10)
        assert.deepStrictEqual([queued, crash, behind].map(answerOf), [1, "Crashed", "Stopped RapidFail"])
        assert.deepInclude(yield* Effect.flip(ada.ask.Next()), { _tag: "Stopped", reason: "RapidFail" })
        assert.strictEqual(yield* bob.ask.Next(), 2)
        yield* adjust(999)
        assert.deepInclude(yield* Effect.flip(ada.ask.Next()), { _tag: "Stopped", reason: "RapidFail" })
        yield* adjust(1)
        assert.strictEqual(yield* ada.ask.Next(), 1)
      })
    )
  )

  it.effect("of a temporary actor ends it, and its id starts anew after the window", () =>
    withHouse({ ...options, restart: "temporary" })(() =>
      Effect.gen(function* () {
        const ada = yield* room("ada")
        const crash = yield* fork(ada.ask.Crash())
        const behind = yield* fork(ada.ask.Next())
        yield* settle
        assert.deepStrictEqual([crash, behind].map(answerOf), ["Crashed", "Stopped Crashed"])
        assert.deepInclude(yield* Effect.flip(ada.ask.Next()), { _tag: "Stopped", reason: "Crashed" })
        yield* adjust(1000)
        assert.strictEqual(yield* ada.ask.Next(), 1)
      })
    )
  )
})

describe("a keyed handle", () => {
  it.effect("tells where its actor is in its life", () =>
    withHouse({ idleAfter: 100, backoff: { base: 10, cap: 10 }, deadline: "Infinity" })((house) =>
      Effect.gen(function* () {
        yield* TestClock.adjust(0)
        Object.assign(house, { buildMillis: 10, closeMillis: 10 })
        const ada = yield* room("ada")
        const status = Actor.status(ada)
        const slow = yield* fork(ada.ask.Slow({ millis: 10 }))
        yield* adjust(9)
        assert.deepStrictEqual(yield* status, { _tag: "Starting", incarnation: 1, queued: 1 })
        yield* adjust(1)
        assert.deepStrictEqual(yield* status, { _tag: "Running", incarnation: 1, queued: 0, busy: true })
        yield* adjust(10)
        assert.strictEqual(answerOf(slow), 1)
        assert.deepStrictEqual(yield* status, { _tag: "Running", incarnation: 1, queued: 0, busy: false })
        yield* adjust(100)
        assert.deepStrictEqual(yield* status, { _tag: "Restarting", incarnation: 1, queued: 0, millisLeft: 0 })
        yield* adjust(10)
        assert.deepStrictEqual(yield* status, { _tag: "Stopped", reason: "Passivated" })
        house.closeMillis = 0
        house.buildMillis = 0
        const crash = yield* fork(ada.ask.Crash())
        yield* adjust(4)
        assert.strictEqual(answerOf(crash), "Crashed")
        assert.deepStrictEqual(yield* status, { _tag: "Restarting", incarnation: 1, queued: 0, millisLeft: 6 })
        yield* adjust(6)
        const hang = yield* fork(ada.ask.Hang())
        yield* settle
        const stopping = yield* fork(Actor.stop(ada, { deadline: 10 }))
        assert.deepStrictEqual(yield* status, { _tag: "Stopping", reason: "Stopped", queued: 0, busy: true })
        yield* adjust(10)
        assert.isFalse(isPending(stopping))
        assert.strictEqual(answerOf(hang), "Stopped Stopped")
        assert.deepStrictEqual(yield* status, { _tag: "Stopped", reason: "Passivated" })
      })
    )
  )

  it.effect("stops its actor after the work it has, and the next message starts it anew", () =>
    withHouse({})((house) =>
      Effect.gen(function* () {
        const ada = yield* room("ada")
        const slow = yield* fork(ada.ask.Slow({ millis: 100 }))
        yield* ada.tell.Note({ n: 1 })
        const ended = yield* fork(Actor.awaitStopped(ada))
        const stopping = yield* fork(Actor.stop(ada, { deadline: 1000 }))
        assert.deepInclude(yield* Effect.flip(ada.ask.Next()), { _tag: "Stopped", reason: "Stopped" })
        yield* adjust(100)
        assert.deepStrictEqual([slow, ended, stopping].map(answerOf), [1, "Stopped", undefined])
        assert.deepStrictEqual(house.notesOf("ada"), [1])
        assert.strictEqual(yield* ada.ask.Next(), 1)
      })
    )
  )

  it.effect("that is stopped while its actor starts, or backs off, has what waits handled if there is time", () =>
    withHouse({ backoff: { base: 100, cap: 100 } })((house) =>
      Effect.gen(function* () {
        house.buildMillis = 10
        const [slow, failing] = [yield* room("slow"), yield* room("failing")]
        house.failing.set("failing", "typed")
        for (const room of [slow, failing]) yield* room.tell.Note({ n: 1 })
        yield* settle
        const stops = yield* Effect.forEach([slow, failing], (room) => fork(Actor.stop(room, { deadline: 1000 })))
        yield* adjust(10)
        house.failing.clear()
        assert.deepStrictEqual(house.notes, [["slow", 1]])
        assert.deepStrictEqual(stops.map(isPending), [false, true])
        yield* adjust(110)
        assert.deepStrictEqual(house.notesOf("failing"), [1])
        assert.deepStrictEqual(stops.map(isPending), [false, false])
      })
    )
  )

  it.effect("that is stopped while its actor backs off waits no longer than there is work for it", () =>
    withHouse({ deadline: "Infinity", backoff: { base: 10_000, cap: 10_000 } })(() =>
      Effect.gen(function* () {
        const [ada, bob] = [yield* room("ada"), yield* room("bob")]
        const askers: Array<Fiber.Fiber<unknown, unknown>> = []
        for (const room of [ada, bob]) {
          yield* Effect.flip(room.ask.Crash())
          askers.push(yield* fork(room.ask.Next()))
        }
        const stopping = yield* fork(Actor.stop(ada, { deadline: "1 minute" }))
        const draining = yield* fork(Ryker.drain("1 minute"))
        yield* adjust(100)
        assert.deepStrictEqual([stopping, draining].map(isPending), [true, true])
        yield* Fiber.interruptAll(askers)
        yield* settle
        assert.deepStrictEqual([stopping, draining].map(isPending), [false, false])
      })
    )
  )

  it.effect("that is stopped while its actor starts ends the start at the deadline, and what it had acquired", () =>
    withHouse({ deadline: "Infinity" })((house) =>
      Effect.gen(function* () {
        yield* TestClock.adjust(0)
        house.buildMillis = 1000
        const ada = yield* room("ada")
        const next = yield* fork(ada.ask.Next())
        yield* settle
        const stopping = yield* fork(Actor.stop(ada, { deadline: 10 }))
        yield* adjust(9)
        assert.isTrue(isPending(stopping))
        yield* adjust(1)
        assert.isFalse(isPending(stopping))
        assert.strictEqual(answerOf(next), "Stopped Stopped")
        assert.deepStrictEqual(house.log, ["start ada", "closing ada", "closed ada"])
      })
    )
  )

  it.effect("that is stopped at once before its actor has begun to start does not start it", () =>
    withHouse({})((house) =>
      Effect.gen(function* () {
        const ada = yield* room("ada")
        yield* ada.tell.Note({ n: 1 })
        yield* Actor.stop(ada, { deadline: 0 })
        yield* settle
        assert.deepStrictEqual(house.notes, [])
        assert.deepStrictEqual(house.log, [])
        assert.strictEqual((yield* entryOf("Room")).dropped.shutdown, 1)
      })
    )
  )

  it.effect("that was stopped at once has its id start anew only when the old Scope is closed", () =>
    withHouse({ deadline: "Infinity" })((house) =>
      Effect.gen(function* () {
        yield* TestClock.adjust(0)
        house.closeMillis = 50
        const ada = yield* room("ada")
        yield* ada.ask.Next()
        yield* Actor.stop(ada, { deadline: 0 })
        assert.deepStrictEqual(house.log, ["start ada", "closing ada"])
        const next = yield* fork(ada.ask.Next())
        yield* adjust(50)
        house.closeMillis = 0
        // Refused or kept until then, but never two incarnations at a time: `withHouse` looks for them.
        assert.include([1, "Stopped Stopped"], answerOf(next))
        assert.isNumber(yield* ada.ask.Next())
      })
    )
  )

  it.effect("that was stopped over a handler that cannot be interrupted does not start a second one beside it", () =>
    withHouse({ deadline: "Infinity" })((house) =>
      Effect.gen(function* () {
        yield* TestClock.adjust(0)
        const ada = yield* room("ada")
        const stubborn = yield* fork(ada.ask.Stubborn({ millis: 50 }))
        yield* settle
        yield* Actor.stop(ada, { deadline: 0 })
        assert.strictEqual(answerOf(stubborn), "Stopped Stopped")
        const next = yield* fork(ada.ask.Next())
        yield* adjust(10)
        assert.deepStrictEqual(house.of("start"), ["ada"])
        yield* adjust(40)
        assert.include([1, "Stopped Stopped"], answerOf(next))
        assert.isNumber(yield* ada.ask.Next())
      })
    )
  )

  it.effect("answers those it leaves behind only when a next message can start the actor anew", () =>
    withHouse({ deadline: "Infinity" })(() =>
      Effect.gen(function* () {
        const ada = yield* room("ada")
        const hang = yield* fork(ada.ask.Hang())
        const queued = yield* fork(Effect.andThen(Effect.flip(ada.ask.Next()), ada.ask.Next()))
        yield* settle
        yield* Actor.stop(ada, { deadline: 0 })
        yield* settle
        assert.strictEqual(answerOf(hang), "Stopped Stopped")
        assert.strictEqual(answerOf(queued), 1)
      })
    )
  )

  it.effect("takes messages of unknown origin", () =>
    withHouse({})((house) =>
      Effect.gen(function* () {
        const ada = yield* room("ada")
        const unknown = yield* Effect.flip(Actor.dispatch(ada, { tag: "Paint" }))
        const invalid = yield* Effect.flip(Actor.dispatch(ada, { tag: "Note", payload: { n: "one" } }))
        assert.deepInclude(unknown, { _tag: "InvalidMessage", actor: "Room/ada", reason: "UnknownTag" })
        assert.deepInclude(invalid, { _tag: "InvalidMessage", actor: "Room/ada", reason: "InvalidPayload" })
        yield* settle
        assert.deepStrictEqual(house.log, [])
        yield* Actor.dispatch(ada, { tag: "Note", payload: { n: 1 } })
        assert.deepStrictEqual(house.notesOf("ada"), [1])
      })
    )
  )
})

describe("closing the family's Layer", () => {
  /** The family in a Scope of its own, within a runtime that lives on. */
  const inScope = Effect.fnUntraced(function* (house: House, options: Keyed.Options) {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(rooms(house, options), scope)
    const room = (id: string) =>
      Effect.provide(
        Effect.map(Room, (rooms) => rooms.get(id)),
        context
      )
    return { room, close: fork(Scope.close(scope, Exit.void)) }
  })

  it.effect("lets residents finish the work they have, at once and not one after the other", () =>
    Effect.gen(function* () {
      const house = new House()
      const { close, room } = yield* inScope(house, { shutdown: 1000 })
      const asks = yield* Effect.forEach(["a", "b", "c"], (id) =>
        Effect.flatMap(room(id), (room) => fork(room.ask.Slow({ millis: 500 })))
      )
      yield* (yield* room("a")).tell.Note({ n: 1 })
      yield* settle
      const closing = yield* close
      for (const id of ["a", "new"]) {
        const error = yield* Effect.flip((yield* room(id)).tell.Note({ n: 2 }))
        assert.deepInclude(error, { _tag: "Stopped", actor: `Room/${id}`, reason: "ScopeClosed" })
      }
      yield* adjust(499)
      assert.isTrue(isPending(closing))
      yield* adjust(1)
      assert.isFalse(isPending(closing))
      assert.deepStrictEqual(asks.map(answerOf), [1, 1, 1])
      assert.deepStrictEqual(house.notesOf("a"), [1])
      assert.sameMembers([...house.of("closed")], ["a", "b", "c"])
      assert.deepInclude(yield* Effect.flip((yield* room("a")).ask.Next()), { _tag: "Stopped", reason: "ScopeClosed" })
      assert.strictEqual((yield* entryOf("Room")).refused.stopped, 3)
    }).pipe(withActors(Layer.empty))
  )

  it.effect("takes no longer than the deadline, whatever handlers and finalizers do", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust(0)
      const house = new House()
      const { close, room } = yield* inScope(house, { shutdown: 100, deadline: "Infinity" })
      const hang = yield* fork((yield* room("hang")).ask.Hang())
      const behind = yield* fork((yield* room("hang")).ask.Next())
      const stubborn = yield* fork((yield* room("stubborn")).ask.Stubborn({ millis: 10_000 }))
      yield* (yield* room("slow")).ask.Next()
      house.closeMillis = 10_000
      const closing = yield* close
      yield* adjust(99)
      assert.isTrue(isPending(closing))
      assert.deepStrictEqual([hang, behind, stubborn].map(answerOf), ["pending", "pending", "pending"])
      yield* adjust(1)
      assert.isFalse(isPending(closing))
      for (const ask of [hang, behind, stubborn]) assert.strictEqual(answerOf(ask), "Stopped ScopeClosed")
      assert.deepInclude(yield* entryOf("Room"), { queued: 0, inHand: 1, failed: 1 })
      yield* adjust(10_000)
      assert.deepInclude(yield* entryOf("Room"), { queued: 0, inHand: 0, failed: 2 })
    }).pipe(withActors(Layer.empty))
  )

  it.effect("also ends actors that start, that back off, and that wait to be passivated", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust(0)
      const house = new House()
      const { close, room } = yield* inScope(house, {
        shutdown: 100,
        idleAfter: 50,
        deadline: "Infinity",
        backoff: { base: 1000, cap: 1000 }
      })
      yield* (yield* room("closing")).ask.Next()
      house.closeMillis = 10
      yield* adjust(50)
      house.failing.set("starting", "never").set("failing", "typed")
      const waiting = yield* Effect.forEach(["starting", "failing"], (id) =>
        Effect.flatMap(room(id), (room) => fork(room.ask.Next()))
      )
      yield* settle
      const closing = yield* close
      yield* adjust(100)
      assert.isFalse(isPending(closing))
      assert.deepStrictEqual(waiting.map(answerOf), ["Stopped ScopeClosed", "Stopped ScopeClosed"])
      yield* adjust(minute)
      assert.sameMembers([...house.of("start")], ["closing", "starting", "failing"])
    }).pipe(withActors(Layer.empty))
  )

  it.effect("leaves room for a family of the same name after it", () =>
    Effect.gen(function* () {
      const first = yield* inScope(new House(), {})
      assert.strictEqual(yield* (yield* first.room("ada")).ask.Next(), 1)
      yield* Fiber.join(yield* first.close)
      const second = yield* inScope(new House(), {})
      assert.strictEqual(yield* (yield* second.room("ada")).ask.Next(), 1)
      assert.strictEqual((yield* Effect.flip((yield* first.room("ada")).ask.Next()))._tag, "Stopped")
      yield* Fiber.join(yield* second.close)
    }).pipe(withActors(Layer.empty))
  )
})

describe("draining", () => {
  it.effect(
    "refuses all ids from outside, and finishes what residents have, also with ids that they need first now",
    () =>
      withHouse({})((house) =>
        Effect.gen(function* () {
          const ada = yield* room("ada")
          const slow = yield* fork(ada.ask.Slow({ millis: 100 }))
          yield* ada.tell.Send({ id: "bob", n: 1 })
          yield* settle
          const draining = yield* fork(Ryker.drain(1000))
          for (const id of ["ada", "bob", "new"]) {
            const error = yield* Effect.flip((yield* room(id)).ask.Next())
            assert.deepInclude(error, { _tag: "Stopped", actor: `Room/${id}`, reason: "Draining" })
          }
          yield* adjust(100)
          assert.strictEqual(answerOf(slow), 1)
          const report = yield* Fiber.join(draining)
          assert.strictEqual(report.outcome, "complete")
          assert.deepStrictEqual(report.actors, [{ actor: "Room", handled: 3, failed: 0, dropped: 0, abandoned: 0 }])
          assert.deepStrictEqual(house.notesOf("bob"), [1])
          assert.strictEqual((yield* entryOf("Room")).refused.stopped, 3)
          assert.deepStrictEqual(yield* residents, [])
          assert.deepInclude(yield* Effect.flip(ada.ask.Next()), { _tag: "Stopped", reason: "Draining" })
        })
      )
  )

  it.effect("that is over between two ticks of the timers keeps nobody busy until the next", () => {
    let tasks = 0
    const test = withHouse({ deadline: "Infinity" })((house) =>
      Effect.gen(function* () {
        const ada = yield* room("ada")
        yield* fork(ada.ask.Slow({ millis: 10.75 }))
        yield* ada.tell.Note({ n: 1 })
        yield* settle
        const draining = yield* fork(Ryker.drain(10.5))
        // The timers wake at 11. At 10.75 the drain is over, and the actor must not look for that in a loop.
        const before = tasks
        yield* adjust(10.8)
        const turns = tasks - before
        yield* adjust(1)
        const report = yield* Fiber.join(draining)
        assert.deepStrictEqual(report.actors, [{ actor: "Room", handled: 1, failed: 0, dropped: 1, abandoned: 0 }])
        assert.deepStrictEqual(house.notes, [])
        assert.isBelow(turns, 1000)
      })
    )
    return Effect.updateService(test, Scheduler.Scheduler, (scheduler) => ({
      executionMode: scheduler.executionMode,
      shouldYield: (fiber) => scheduler.shouldYield(fiber),
      makeDispatcher: () => {
        const dispatcher = scheduler.makeDispatcher()
        return {
          scheduleTask: (task, priority) => {
            tasks++
            dispatcher.scheduleTask(task, priority)
          },
          flush: () => dispatcher.flush()
        }
      }
    }))
  })

  it.effect("waits for messages that an idle actor took in while it closed", () =>
    withHouse({ idleAfter: 100 })((house) =>
      Effect.gen(function* () {
        yield* TestClock.adjust(0)
        house.closeMillis = 50
        const ada = yield* room("ada")
        yield* ada.ask.Next()
        yield* adjust(100)
        yield* ada.tell.Note({ n: 1 })
        const draining = yield* fork(Ryker.drain(1000))
        yield* adjust(50)
        assert.deepStrictEqual(house.notesOf("ada"), [1])
        yield* adjust(50)
        assert.strictEqual((yield* Fiber.join(draining)).outcome, "complete")
      })
    )
  )

  it.effect("at once does not start an id whose first message has just been taken in", () =>
    withHouse({})((house) =>
      Effect.gen(function* () {
        yield* (yield* room("ada")).tell.Note({ n: 1 })
        const report = yield* Ryker.drain(0)
        assert.deepStrictEqual(report.actors, [{ actor: "Room", handled: 0, failed: 0, dropped: 1, abandoned: 0 }])
        yield* settle
        assert.deepStrictEqual(house.log, [])
      })
    )
  )

  it.effect("drops what is left at the deadline, and starts nothing anew", () =>
    withHouse({ idleAfter: 100 })((house) =>
      Effect.gen(function* () {
        yield* TestClock.adjust(0)
        house.closeMillis = 500
        const ada = yield* room("ada")
        yield* ada.ask.Next()
        yield* adjust(100)
        yield* ada.tell.Note({ n: 1 })
        const draining = yield* fork(Ryker.drain(50))
        yield* adjust(50)
        const report = yield* Fiber.join(draining)
        assert.deepStrictEqual(report.actors, [{ actor: "Room", handled: 0, failed: 0, dropped: 1, abandoned: 0 }])
        yield* adjust(minute)
        assert.deepStrictEqual(house.log, ["start ada", "closing ada", "closed ada"])
      })
    )
  )
})

describe("inside an actor", () => {
  it.effect("self is its name, address, id and incarnation", () =>
    withHouse({ backoff: { base: 10, cap: 10 }, idleAfter: 100 })(() =>
      Effect.gen(function* () {
        const ada = yield* room("ada")
        const self = { name: "Room", address: "Room/ada", id: "ada", incarnation: 1 }
        assert.deepStrictEqual(yield* ada.ask.Who(), self)
        yield* Effect.flip(ada.ask.Crash())
        yield* adjust(10)
        assert.deepStrictEqual(yield* ada.ask.Who(), { ...self, incarnation: 2 })
        yield* adjust(100)
        assert.deepStrictEqual(yield* ada.ask.Who(), self)
        assert.strictEqual((yield* (yield* room("bob")).ask.Who()).id, "bob")
      })
    )
  )

  it.effect("`build` gets the id and has Actor.self, and what it takes into its Scope goes with it", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      class Probe extends Actor.keyed<Probe>()("Probe", [Rpc.make("Touch")]) {}
      const layer = Probe.toLayer(
        (id) =>
          Effect.gen(function* () {
            const { address, incarnation } = yield* Actor.self
            yield* Effect.addFinalizer(() => Effect.sync(() => log.push(`end ${id}`)))
            log.push(`${id} ${address} ${incarnation}`)
            return { Touch: () => Effect.void }
          }),
        { idleAfter: 10 }
      )
      yield* Effect.gen(function* () {
        yield* (yield* Probe).get("x").ask.Touch()
        yield* adjust(10)
      }).pipe(withActors(layer))
      assert.deepStrictEqual(log, ["x Probe/x 1", "end x"])
    })
  )

  it.effect("what `build` has forked into its Scope ends with a passivation, before the Scope has closed", () =>
    Effect.gen(function* () {
      let beats = 0
      class Heart extends Actor.keyed<Heart>()("Heart", [Rpc.make("Touch")]) {}
      const beat = Effect.forever(
        Effect.delay(
          Effect.sync(() => beats++),
          1
        )
      )
      const layer = Heart.toLayer(() => Effect.as(Effect.forkScoped(beat), { Touch: () => Effect.void }), {
        idleAfter: 10
      })
      yield* Effect.gen(function* () {
        yield* (yield* Heart).get("x").ask.Touch()
        yield* adjust(9)
        assert.strictEqual(beats, 9)
        yield* adjust(1)
        const last = beats
        yield* adjust(100)
        assert.strictEqual(beats, last)
        assert.deepStrictEqual(yield* (yield* Heart).residents, [])
      }).pipe(withActors(layer))
    })
  )

  it.effect("a finalizer that asks its own id waits no longer than its deadline, and starts nothing", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust(0)
      const answers: Array<string> = []
      let starts = 0
      class Clingy extends Actor.keyed<Clingy>()("Clingy", [Rpc.make("Touch")]) {}
      const layer = Clingy.toLayer(
        (id) =>
          Effect.gen(function* () {
            starts++
            const self = (yield* Clingy).get(id)
            yield* Effect.addFinalizer(() =>
              Effect.map(Effect.result(self.ask.Touch(undefined, { deadline: 20 })), (result) =>
                answers.push(result._tag === "Failure" ? result.failure._tag : "reply")
              )
            )
            return { Touch: () => Effect.void }
          }),
        { idleAfter: 10 }
      )
      yield* Effect.gen(function* () {
        yield* (yield* Clingy).get("x").ask.Touch()
        yield* adjust(10)
        assert.deepStrictEqual(answers, [])
        yield* adjust(20)
        assert.deepStrictEqual(answers, ["Timeout"])
        assert.deepStrictEqual(yield* (yield* Clingy).residents, [])
        assert.strictEqual(starts, 1)
      }).pipe(withActors(layer))
    })
  )

  it.effect("the family is at hand: asking siblings, also several at once, is no deadlock", () =>
    withHouse({})(() =>
      Effect.gen(function* () {
        const a = yield* room("a")
        assert.deepStrictEqual(yield* a.ask.Visit({ path: ["b", "c", "d"] }), ["a", "b", "c", "d"])
        assert.deepStrictEqual(yield* a.ask.Fan({ ids: ["b", "c", "b", "new"] }), [1, 1, 2, 1])
        // Two that ask the same third one wait for it, not for each other.
        const both = yield* Effect.all([a.ask.Visit({ path: ["z"] }), (yield* room("b")).ask.Visit({ path: ["z"] })], {
          concurrency: 2
        })
        assert.deepStrictEqual(both, [
          ["a", "z"],
          ["b", "z"]
        ])
      })
    )
  )

  it.effect("asking oneself, or someone who waits for oneself, is a Deadlock at once", () =>
    withHouse({ deadline: "Infinity" })(() =>
      Effect.gen(function* () {
        const a = yield* room("a")
        const self = yield* Effect.flip(a.ask.Visit({ path: ["a"] }))
        assert.deepInclude(self, { _tag: "Deadlock", actor: "Room/a", request: "Visit" })
        const circle = yield* Effect.flip(a.ask.Visit({ path: ["b", "c", "a"] }))
        assert.strictEqual(circle._tag, "Deadlock")
        if (circle._tag === "Deadlock") {
          assert.deepStrictEqual(circle.cycle, ["Room/c", "Room/a", "Room/b", "Room/c"])
        }
        assert.deepStrictEqual(yield* a.ask.Visit({ path: ["b"] }), ["a", "b"])
        assert.strictEqual((yield* entryOf("Room")).refused.deadlock, 2)
      })
    )
  )

  it.effect("telling oneself is handled next, in the same incarnation", () =>
    withHouse({})((house) =>
      Effect.gen(function* () {
        yield* (yield* room("a")).ask.Send({ id: "a", n: 7 })
        yield* settle
        assert.deepStrictEqual(house.notesOf("a"), [7])
        assert.deepStrictEqual(house.of("start"), ["a"])
      })
    )
  )

  it.effect("a sibling that there is no room for is Busy, and the asker lives on", () =>
    withHouse({ maxResident: 1 })(() =>
      Effect.gen(function* () {
        const a = yield* room("a")
        assert.strictEqual((yield* Effect.flip(a.ask.Fan({ ids: ["b"] })))._tag, "Crashed")
        assert.strictEqual((yield* entryOf("Room")).refused.busy, 1)
        yield* adjust(minute / 2)
        assert.strictEqual(yield* a.ask.Next(), 1)
      })
    )
  )
})

describe("ids", () => {
  const odd = [
    "",
    " ",
    "/",
    "a/b",
    "a//b",
    "a#1",
    "__proto__",
    "constructor",
    "toString",
    "ada\u0000",
    "é",
    "e\u0301",
    "日本語",
    "👩‍🚀",
    "\ud800",
    "x".repeat(100_000)
  ]

  it.effect("may be any strings, and no two of them are the same actor", () =>
    withHouse({ idleAfter: 100 })((house) =>
      Effect.gen(function* () {
        for (const round of [1, 2]) {
          for (const id of odd) assert.strictEqual(yield* (yield* room(id)).ask.Next(), round)
        }
        assert.deepStrictEqual(yield* residents, odd)
        for (const id of odd) {
          const self = yield* (yield* room(id)).ask.Who()
          assert.deepStrictEqual([self.id, self.address], [id, `Room/${id}`])
        }
        yield* adjust(100)
        assert.deepStrictEqual(house.of("closed"), odd)
        assert.deepStrictEqual(yield* residents, [])
      })
    )
  )

  class Shelf extends Actor.keyed<Shelf>()("Shelf", [Rpc.make("Next", { success: Schema.Int }), Rpc.make("Hang")]) {}
  const counting = () => {
    let n = 0
    return Shelf.of({ Next: () => Effect.sync(() => ++n), Hang: () => Effect.never })
  }

  const shelves = Shelf.toLayer(counting, { shutdown: 0 })

  it.effect("of one family mean nothing to another", () =>
    Effect.gen(function* () {
      const house = new House()
      yield* Effect.gen(function* () {
        const [shelf, ada] = [(yield* Shelf).get("ada"), yield* room("ada")]
        assert.strictEqual(yield* shelf.ask.Next(), 1)
        assert.strictEqual(yield* ada.ask.Next(), 1)
        assert.strictEqual(yield* shelf.ask.Next(), 2)
        yield* adjust(100)
        assert.deepStrictEqual(yield* residents, [])
        assert.deepStrictEqual(yield* (yield* Shelf).residents, ["ada"])
        assert.strictEqual(yield* shelf.ask.Next(), 3)
        assert.strictEqual((yield* entryOf("Shelf")).accepted, 3)
        assert.strictEqual((yield* entryOf("Room")).accepted, 1)
      }).pipe(withActors(Layer.merge(rooms(house, { idleAfter: 100 }), Shelf.toLayer(counting, { idleAfter: 1000 }))))
    })
  )

  class Deep extends Actor.keyed<Deep>()("Shelf/a", [Rpc.make("Next", { success: Schema.Int })]) {}

  it.effect("that give the same address in two families are two actors, and a drain ends both", () =>
    Effect.gen(function* () {
      const shelf = (yield* Shelf).get("a/b")
      const deep = (yield* Deep).get("b")
      assert.strictEqual(shelf.address, deep.address)
      const hang = yield* fork(shelf.ask.Hang(undefined, { deadline: "Infinity" }))
      yield* settle
      assert.strictEqual(yield* deep.ask.Next(), 1)
      const draining = yield* fork(Ryker.drain(100))
      yield* adjust(100)
      yield* Fiber.join(draining)
      assert.strictEqual(answerOf(hang), "Stopped Draining")
      assert.strictEqual((yield* Actor.status(shelf))._tag, "Stopped")
      assert.deepInclude(yield* entryOf("Shelf"), { inHand: 0, failed: 1 })
    }).pipe(withActors(Layer.merge(shelves, Deep.toLayer(counting))))
  )
})

describe("the name of a family", () => {
  const duplicate = { _tag: "StartError", actor: "Room", reason: "DuplicateName" } as const

  it.effect("is taken while its Layer is open, for families as for actors", () =>
    withHouse({})(() =>
      Effect.gen(function* () {
        const twin = Effect.scoped(Layer.build(Layer.fresh(rooms(new House()))))
        assert.deepInclude(yield* Effect.flip(twin), duplicate)
        class Namesake extends Actor.Service<Namesake>()("Namesake", [Rpc.make("Ping")]) {}
        const actor = Effect.scoped(Actor.spawn(Namesake, { Ping: () => Effect.void }, { name: "Room" }))
        assert.deepInclude(yield* Effect.flip(actor), duplicate)
        assert.strictEqual(yield* (yield* room("ada")).ask.Next(), 1)
      })
    )
  )

  it.effect("is free again once nothing of the family runs any more", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust(0)
      const house = new House()
      const first = yield* Scope.make()
      const context = yield* Layer.buildWithScope(rooms(house, { shutdown: 0 }), first)
      yield* Effect.provide(
        Effect.flatMap(room("ada"), (ada) => ada.ask.Next()),
        context
      )
      house.closeMillis = 50
      yield* Scope.close(first, Exit.void)
      const again = Layer.build(rooms(house))
      yield* adjust(49)
      assert.deepInclude(yield* Effect.flip(Effect.scoped(again)), duplicate)
      yield* adjust(1)
      house.closeMillis = 0
      yield* Effect.scoped(again)
    }).pipe(withActors(Layer.empty))
  )
})

describe("options", () => {
  const bad: ReadonlyArray<readonly [option: keyof Keyed.Options, value: number | string]> = [
    ...[0, -1, 1.5, Number.NaN, Infinity, 2 ** 53].map((value) => ["maxResident", value] as const),
    ...[0, -1, Number.NaN, -Infinity, "0 millis", "soon"].map((value) => ["idleAfter", value] as const),
    ["capacity", 0],
    ["deadline", 0]
  ]

  it.effect.each(bad)("%s = %s is an InvalidOption of the Layer, which says what is allowed", ([option, value]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.scoped(Layer.build(rooms(new House(), { [option]: value }))))
      assert.deepInclude(error, { _tag: "InvalidOption", owner: "Room", option })
      assert.match(error.message, /must be a/)
    }).pipe(withActors(Layer.empty))
  )

  it.effect("of the least size are allowed", () =>
    withHouse({ maxResident: 1, idleAfter: 1, capacity: 1, deadline: 1 })(() =>
      Effect.gen(function* () {
        assert.strictEqual(yield* (yield* room("ada")).ask.Next(), 1)
        yield* adjust(1)
        assert.strictEqual(yield* (yield* room("bob")).ask.Next(), 1)
      })
    )
  )

  it.effect("that are left out are those of the runtime", () =>
    withHouse(
      {},
      { defaults: { capacity: 1, deadline: 7 } }
    )((house) =>
      Effect.gen(function* () {
        house.failing.set("ada", "never")
        const ada = yield* room("ada")
        const ask = yield* fork(Effect.flip(ada.ask.Next()))
        assert.strictEqual((yield* Effect.flip(ada.tell.Note({ n: 1 })))._tag, "Busy")
        yield* adjust(7)
        assert.deepInclude(yield* Fiber.join(ask), { _tag: "Timeout", millis: 7 })
        yield* Actor.stop(ada, { deadline: 0 })
      })
    )
  )

  class Strict extends Actor.keyed<Strict>()("Strict", [Rpc.make("Put", { payload: { n: Schema.Int } })], {
    validate: "always"
  }) {}

  it.effect("validate: always refuses a payload whose check throws: it has not been found right", () => {
    const n = Schema.Int.check(
      Schema.makeFilter((n: number) => {
        if (n === 2) throw new Error("the check fails on purpose")
        return true
      })
    )
    class Brittle extends Actor.keyed<Brittle>()("Brittle", [Rpc.make("Put", { payload: { n } })], {
      validate: "always"
    }) {}
    let handled = 0
    const layer = Brittle.toLayer(() => ({ Put: () => Effect.sync(() => void handled++) }))
    return Effect.gen(function* () {
      const brittle = (yield* Brittle).get("x")
      // A typed refusal or a defect of the sender, who alone can mend it.
      assert.isTrue(Exit.isFailure(yield* Effect.exit(brittle.ask.Put({ n: 2 }))))
      yield* brittle.ask.Put({ n: 1 })
      assert.strictEqual(handled, 1)
    }).pipe(withActors(layer))
  })

  it.effect("validate: always refuses a payload that breaks its schema, and starts nothing for it", () => {
    let started = 0
    const layer = Strict.toLayer(() => {
      started++
      return { Put: () => Effect.void }
    })
    return Effect.gen(function* () {
      const ada = (yield* Strict).get("ada")
      for (const send of [ada.ask.Put({ n: 0.5 }), ada.tell.Put({ n: 0.5 })]) {
        const error = yield* Effect.flip<unknown, unknown, never>(send)
        assert.deepInclude(error, { _tag: "InvalidMessage", actor: "Strict/ada", reason: "InvalidPayload" })
      }
      yield* settle
      assert.strictEqual(started, 0)
      assert.strictEqual((yield* entryOf("Strict")).refused.invalid, 2)
      yield* ada.ask.Put({ n: 1 })
      assert.strictEqual(started, 1)
    }).pipe(withActors(layer))
  })
})
