/** Crashes and what follows them: the answer, the Scope, the queue, the backoff, the restart, the end. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as References from "effect/References"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import * as Ledger from "../src/Ledger.ts"
import * as Ryker from "../src/Ryker.ts"
import { Account, accountLayer, Counter, counterHandlers, withActors } from "./fixtures.ts"

// --- What the tests use -------------------------------------------------------------------------------------------------

/** `Work` answers with its label and the incarnation; the others end as their names say. */
class Worker extends Actor.Service<Worker>()("Worker", [
  Rpc.make("Work", { payload: { label: Schema.String }, success: Schema.String }),
  Rpc.make("Slow", { payload: { millis: Schema.Int }, success: Schema.String }),
  Rpc.make("Crash"),
  Rpc.make("Throw"),
  Rpc.make("Hang")
]) {}

/** The handlers of `Worker`, which write into `trace` what they do. */
const workerHandlers = (trace: Array<string>, incarnation: number) =>
  Worker.of({
    Work: ({ label }) =>
      Effect.sync(() => {
        trace.push(`work ${label}`)
        return `${label} by ${incarnation}`
      }),
    Slow: ({ millis }) =>
      Effect.sync(() => {
        trace.push(`slow ${millis}`)
        return `slow by ${incarnation}`
      }).pipe(Effect.delay(millis)),
    Crash: () =>
      Effect.suspend(() => {
        trace.push(`crash ${incarnation}`)
        return Effect.die(new Error("crash on purpose"))
      }),
    Throw: (): Effect.Effect<void> => {
      throw new Error("throw on purpose")
    },
    Hang: () => Effect.never
  })

/** Builds a `Worker` whose starts and ends are in the trace. */
const traced = (trace: Array<string>) =>
  Effect.gen(function* () {
    const { incarnation } = yield* Actor.self
    trace.push(`start ${incarnation}`)
    yield* Effect.addFinalizer(() => Effect.sync(() => trace.push(`close ${incarnation}`)))
    return workerHandlers(trace, incarnation)
  })

/** Delays that are easy to reckon with: 100 ms, then 200, 400 and so on. */
const doubling = { base: 100, cap: "1 hour", jitter: false } as const

const often = { restarts: 1_000, window: "1 hour" } as const

/** Actors are spawned in the test's Scope; what they leave undone in the end is none of the test's business. */
const run = withActors(Layer.empty, { drainDeadline: 0 })

/** Begins at once, and goes on beside the test. */
const start = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.forkChild(Effect.exit(effect), { startImmediately: true })

/** Lets everything run that needs no time to pass: a message takes a few turns of the event loop for each actor it meets. */
const settle = Effect.repeat(Effect.yieldNow, { times: 30 })

const errorOf = <A, E>(fiber: Fiber.Fiber<Exit.Exit<A, E>>) =>
  Effect.map(Fiber.join(fiber), (exit) =>
    Exit.isFailure(exit) ? Cause.squash(exit.cause) : assert.fail(`succeeded with ${String(exit.value)}`)
  )

const ledgerOf = (actor: string) =>
  Effect.map(Ryker.ledger, (entries): Ledger.Entry => {
    const entry = entries.find((entry) => entry.actor === actor)
    return entry ?? assert.fail(`no entry for ${actor}`)
  })

interface Line {
  readonly level: string
  readonly annotations: Readonly<Record<string, unknown>>
  /** Everything of the line that any logger could print. */
  readonly text: string
}

/** Takes all log lines in. */
const logsInto = (lines: Array<Line>) =>
  Logger.layer([
    Logger.make(({ cause, fiber, logLevel, message }) => {
      const annotations = fiber.getRef(References.CurrentLogAnnotations)
      const text = [Cause.pretty(cause), JSON.stringify([message, annotations])].join(" ")
      lines.push({ level: logLevel, annotations, text })
    })
  ])

const eventsOf = (lines: ReadonlyArray<Line>, event: string) =>
  lines.filter(({ annotations }) => annotations["event"] === event)

/** Spawns an actor that crashes at each message and gives the times of its starts. */
const crasher = (options: Actor.Options & { readonly name?: string }) =>
  Effect.gen(function* () {
    const starts: Array<number> = []
    const worker = yield* Actor.spawn(
      Worker,
      Effect.gen(function* () {
        starts.push(yield* Clock.currentTimeMillis)
        return workerHandlers([], 0)
      }),
      { capacity: 1_000, intensity: often, ...options }
    )
    return { worker, starts }
  })

const gaps = (times: ReadonlyArray<number>) => times.slice(1).map((time, index) => time - times[index]!)

const crashes = (worker: Actor.Handle<(typeof Worker)["messages"][number]>, n: number) =>
  Effect.repeat(worker.tell.Crash(), { times: n - 1 })

// --- Failure ------------------------------------------------------------------------------------------------------------

describe("a crash", () => {
  it.effect("consumes the message in hand, which is never handled again", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const worker = yield* Actor.spawn(Worker, traced(trace))
      yield* worker.tell.Crash()
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(trace, ["start 1", "crash 1", "close 1", "start 2"])
      const entry = yield* ledgerOf("Worker")
      assert.deepInclude(entry, { accepted: 1, handled: 0, failed: 1, queued: 0, inHand: 0, crashes: 1, restarts: 1 })
    }).pipe(run)
  )

  it.effect("gives its asker Crashed with the actor, the message and the incarnation", () =>
    Effect.gen(function* () {
      const worker = yield* Actor.spawn(Worker, traced([]), { name: "mine" })
      const first = yield* Effect.flip(worker.ask.Crash())
      assert.deepInclude(first, { _tag: "Crashed", actor: "mine", request: "Crash", incarnation: 1 })
      yield* TestClock.adjust("1 second")
      const second = yield* Effect.flip(worker.ask.Throw())
      assert.deepInclude(second, { _tag: "Crashed", actor: "mine", request: "Throw", incarnation: 2 })
    }).pipe(run)
  )

  it.effect("is told to its asker at once, before the old Scope is closed and before any backoff", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const worker = yield* Actor.spawn(
        Worker,
        Effect.gen(function* () {
          const { incarnation } = yield* Actor.self
          trace.push(`start ${incarnation}`)
          yield* Effect.addFinalizer(() =>
            Effect.gen(function* () {
              trace.push(`closing ${incarnation}`)
              yield* Effect.sleep("10 seconds")
              trace.push(`closed ${incarnation}`)
            })
          )
          return workerHandlers(trace, incarnation)
        }),
        { backoff: doubling }
      )
      const asker = yield* start(
        Effect.tapError(worker.ask.Crash(), () =>
          Effect.map(Clock.currentTimeMillis, (now) => trace.push(`told at ${now}`))
        )
      )
      yield* settle
      assert.strictEqual((yield* errorOf(asker)) instanceof Error, true)
      assert.deepStrictEqual(trace, ["start 1", "crash 1", "told at 0", "closing 1"])
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual(trace.slice(4), ["closed 1", "start 2"])
    }).pipe(run)
  )

  const never: Effect.Effect<never> = Effect.never
  const endings: ReadonlyArray<readonly [string, () => Effect.Effect<void>]> = [
    ["dies", () => Effect.die(new Error("x"))],
    ["dies with something that is no Error", () => Effect.die({ not: "an error" })],
    ["dies with null", () => Effect.die(null)],
    ["gives a failed Exit without a fiber", () => Exit.die(new Error("x"))],
    [
      "throws before it gives an Effect",
      () => {
        throw new Error("x")
      }
    ],
    [
      "throws inside an Effect",
      () =>
        Effect.sync(() => {
          throw new Error("x")
        })
    ],
    ["dies after it suspended", () => Effect.andThen(Effect.sleep(10), Effect.die(new Error("x")))],
    ["interrupts itself", () => Effect.interrupt],
    ["interrupts itself after it suspended", () => Effect.andThen(Effect.sleep(10), Effect.interrupt)],
    [
      "joins a fiber that was interrupted",
      () =>
        Effect.gen(function* () {
          const fiber = yield* Effect.forkChild(never)
          yield* Fiber.interrupt(fiber)
          return yield* Fiber.join(fiber)
        })
    ],
    ["has a finalizer that dies", () => Effect.ensuring(Effect.void, Effect.die(new Error("x")))],
    // JavaScript callers, and casts, can do this.
    ["gives something that is no Effect", () => JSON.parse("42") as Effect.Effect<void>],
    // As match.groups is: not even a string can be made of it.
    ["gives an object without a prototype", () => Object.create(null) as Effect.Effect<void>]
  ]
  it.effect.each(endings)("is what becomes of an actor whose handler %s", ([, end]) =>
    Effect.gen(function* () {
      const worker = yield* Actor.spawn(Worker, { ...workerHandlers([], 0), Crash: end }, { backoff: doubling })
      const asker = yield* start(worker.ask.Crash())
      const next = yield* start(worker.ask.Work({ label: "next" }))
      yield* TestClock.adjust(10)
      assert.deepInclude(yield* errorOf(asker), { _tag: "Crashed", incarnation: 1 })
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(yield* Fiber.join(next), Exit.succeed("next by 0"))
      assert.deepInclude(yield* ledgerOf("Worker"), { accepted: 2, handled: 1, failed: 1, crashes: 1, restarts: 1 })
    }).pipe(run)
  )

  it.effect("survives a defect that cannot be looked at: the actor restarts all the same", () =>
    Effect.gen(function* () {
      // Error.prepareStackTrace of some tools makes an array of it; a getter may even throw.
      const structured = Object.defineProperty(new Error("x"), "stack", { value: [] })
      const throwing = Object.defineProperty(new Error("x"), "stack", {
        get: () => {
          throw new Error("no stack for you")
        }
      })
      const unreadable = new Proxy(new Error("x"), {
        getPrototypeOf: () => {
          throw new Error("no prototype for you")
        }
      })
      for (const defect of [structured, throwing, unreadable]) {
        const worker = yield* Actor.spawn(
          Worker,
          { ...workerHandlers([], 0), Crash: () => Effect.die(defect) },
          { backoff: doubling }
        )
        assert.strictEqual((yield* Effect.flip(worker.ask.Crash()))._tag, "Crashed")
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* Actor.status(worker))._tag, "Running")
      }
    }).pipe(run)
  )

  it.effect("is not what a typed failure is: that is an answer, and the state stays", () =>
    Effect.gen(function* () {
      const account = yield* Account
      yield* account.tell.Deposit({ amount: 10 })
      const error = yield* Effect.flip(account.ask.Withdraw({ amount: 11 }))
      assert.strictEqual(error._tag, "Overdrawn")
      assert.strictEqual(yield* account.ask.Withdraw({ amount: 3 }), 7)
      assert.deepInclude(yield* ledgerOf("Account"), { handled: 3, failed: 0, crashes: 0, restarts: 0 })
    }).pipe(withActors(accountLayer()))
  )

  it.effect("leaves nothing of the state: build makes it anew", () =>
    Effect.gen(function* () {
      const counter = yield* Actor.spawn(Counter, Effect.sync(counterHandlers))
      yield* counter.tell.Add({ n: 41 })
      assert.strictEqual(yield* counter.ask.Next(), 42)
      yield* counter.tell.Crash()
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* counter.ask.Next(), 1)
    }).pipe(run)
  )

  it.effect("keeps the queue in order, over any number of crashes", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const worker = yield* Actor.spawn(Worker, traced(trace), { intensity: often, deadline: "Infinity" })
      const asks = [yield* start(worker.ask.Work({ label: "a" }))]
      yield* worker.tell.Crash()
      yield* worker.tell.Work({ label: "b" })
      asks.push(yield* start(worker.ask.Work({ label: "c" })))
      yield* worker.tell.Throw()
      yield* worker.tell.Crash()
      asks.push(yield* start(worker.ask.Work({ label: "d" })))
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(
        trace.filter((line) => line.startsWith("work")),
        ["work a", "work b", "work c", "work d"]
      )
      const answers = yield* Effect.forEach(asks, Fiber.join)
      assert.deepStrictEqual(answers, [Exit.succeed("a by 1"), Exit.succeed("c by 2"), Exit.succeed("d by 4")])
      assert.deepInclude(yield* ledgerOf("Worker"), { accepted: 7, handled: 4, failed: 3, crashes: 3, restarts: 3 })
    }).pipe(run)
  )

  it.effect("lets messages in while the actor restarts, up to the bound, and handles them in order after it", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const worker = yield* Actor.spawn(
        Worker,
        Effect.gen(function* () {
          const { incarnation } = yield* Actor.self
          // The first start is quick; the second takes its time, as does the end of the first.
          if (incarnation > 1) yield* Effect.sleep(100)
          yield* Effect.addFinalizer(() => Effect.sleep(100))
          return workerHandlers(trace, incarnation)
        }),
        { capacity: 3, backoff: doubling }
      )
      yield* worker.tell.Crash()
      yield* settle
      // The old Scope closes.
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Restarting", incarnation: 1, millisLeft: 0 })
      yield* worker.tell.Work({ label: "a" })
      yield* TestClock.adjust(150)
      // It backs off, from 100 to 200.
      assert.deepStrictEqual(yield* Actor.status(worker), {
        _tag: "Restarting",
        incarnation: 1,
        queued: 1,
        millisLeft: 50
      })
      yield* worker.tell.Work({ label: "b" })
      yield* TestClock.adjust(100)
      // It starts, from 200 to 300.
      assert.deepStrictEqual(yield* Actor.status(worker), { _tag: "Starting", incarnation: 2, queued: 2 })
      yield* worker.tell.Work({ label: "c" })
      const busy = yield* Effect.flip(worker.tell.Work({ label: "d" }))
      assert.deepInclude(busy, { _tag: "Busy", limit: "mailbox", capacity: 3 })
      assert.deepStrictEqual(trace, ["crash 1"])
      yield* TestClock.adjust(50)
      assert.deepStrictEqual(trace, ["crash 1", "work a", "work b", "work c"])
      const entry = yield* ledgerOf("Worker")
      assert.strictEqual(entry.refused.busy, 1)
      assert.deepInclude(entry, { accepted: 4, handled: 3, failed: 1 })
    }).pipe(run)
  )

  it.effect("takes nothing from the queue until a start has succeeded", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const worker = yield* Actor.spawn(
        Worker,
        Effect.gen(function* () {
          const { incarnation } = yield* Actor.self
          trace.push(`start ${incarnation}`)
          if (incarnation === 2) return yield* Effect.fail("not yet")
          if (incarnation === 3) return yield* Effect.die("not yet either")
          if (incarnation === 4) yield* Effect.sleep(50)
          return workerHandlers(trace, incarnation)
        }),
        { backoff: doubling, deadline: "Infinity" }
      )
      yield* worker.tell.Crash()
      const ask = yield* start(worker.ask.Work({ label: "a" }))
      // 100, 300 and 700 are the starts, 750 is the end of the last one.
      yield* TestClock.adjust(749)
      assert.deepStrictEqual(trace, ["start 1", "crash 1", "start 2", "start 3", "start 4"])
      const during = yield* ledgerOf("Worker")
      assert.deepInclude(during, { accepted: 2, handled: 0, failed: 1, queued: 1, crashes: 3, restarts: 3 })
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* Fiber.join(ask), Exit.succeed("a by 4"))
    }).pipe(run)
  )

  it.effect("does not stop the deadlines of what is queued", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const worker = yield* Actor.spawn(Worker, traced(trace), { backoff: doubling })
      yield* worker.tell.Crash()
      const ask = yield* start(worker.ask.Work({ label: "late" }, { deadline: 50 }))
      yield* worker.tell.Work({ label: "in time" })
      yield* TestClock.adjust(50)
      assert.deepInclude(yield* errorOf(ask), { _tag: "Timeout", phase: "queued", millis: 50 })
      yield* TestClock.adjust(50)
      assert.deepStrictEqual(trace, ["start 1", "crash 1", "close 1", "start 2", "work in time"])
      assert.strictEqual((yield* ledgerOf("Worker")).dropped.deadline, 1)
    }).pipe(run)
  )

  it.effect("ends a temporary actor with Crashed: asks are told, tells are dropped as closed", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const worker = yield* Actor.spawn(Worker, traced(trace), { restart: "temporary" })
      const first = yield* start(worker.ask.Crash())
      const queued = yield* start(worker.ask.Work({ label: "a" }))
      yield* worker.tell.Work({ label: "b" })
      assert.strictEqual(yield* Actor.awaitStopped(worker), "Crashed")
      assert.deepInclude(yield* errorOf(first), { _tag: "Crashed" })
      assert.deepInclude(yield* errorOf(queued), { _tag: "Stopped", reason: "Crashed" })
      assert.deepInclude(yield* Effect.flip(worker.tell.Work({ label: "c" })), { _tag: "Stopped", reason: "Crashed" })
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(trace, ["start 1", "crash 1", "close 1"])
      const entry = yield* ledgerOf("Worker")
      assert.strictEqual(entry.dropped.closed, 2)
      assert.strictEqual(entry.refused.stopped, 1)
      assert.deepInclude(entry, { accepted: 3, failed: 1, crashes: 1, restarts: 0 })
    }).pipe(run)
  )

  it.effect("restarts a transient actor", () =>
    Effect.gen(function* () {
      const worker = yield* Actor.spawn(Worker, traced([]), { restart: "transient" })
      yield* worker.tell.Crash()
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 2 })
    }).pipe(run)
  )

  it.effect("of an actor that a handler asks is an answer to that handler, whose actor lives on", () =>
    Effect.gen(function* () {
      const inner = yield* Actor.spawn(Worker, traced([]), { name: "inner" })
      const outer = yield* Actor.spawn(
        Worker,
        {
          ...workerHandlers([], 1),
          Work: () =>
            inner.ask.Crash().pipe(
              Effect.as("no crash"),
              Effect.catch((error) => Effect.succeed(error._tag))
            )
        },
        { name: "outer" }
      )
      assert.strictEqual(yield* outer.ask.Work({ label: "a" }), "Crashed")
      assert.strictEqual((yield* Actor.status(outer))._tag, "Running")
      assert.strictEqual((yield* Actor.status(inner))._tag, "Restarting")
    }).pipe(run)
  )

  it.effect(
    "of an actor that a handler relies on goes up, one Crashed for each asker, one restart for each actor",
    () =>
      Effect.gen(function* () {
        const inner = yield* Actor.spawn(Worker, traced([]), { name: "inner" })
        const outer = yield* Actor.spawn(
          Worker,
          { ...workerHandlers([], 1), Work: () => Effect.as(Effect.orDie(inner.ask.Throw()), "no crash") },
          { name: "outer" }
        )
        const error = yield* Effect.flip(outer.ask.Work({ label: "a" }))
        assert.deepInclude(error, { _tag: "Crashed", actor: "outer", request: "Work" })
        yield* TestClock.adjust("1 second")
        for (const worker of [inner, outer]) {
          assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 2 })
        }
      }).pipe(run)
  )

  it.effect("while its own ask is under way takes that ask back, and the asked actor lives on", () =>
    Effect.gen(function* () {
      const inner = yield* Actor.spawn(Counter, Effect.sync(counterHandlers), { name: "inner" })
      const outer = yield* Actor.spawn(
        Worker,
        {
          ...workerHandlers([], 1),
          // One ask is in hand of `inner`, the other queued, when the defect ends them both.
          Work: () =>
            Effect.all([inner.ask.Hang(), inner.ask.Next(), Effect.andThen(Effect.sleep(10), Effect.die("x"))], {
              concurrency: "unbounded"
            }).pipe(Effect.orDie, Effect.as("no crash"))
        },
        { name: "outer" }
      )
      const asker = yield* start(outer.ask.Work({ label: "a" }))
      yield* TestClock.adjust(10)
      assert.deepInclude(yield* errorOf(asker), { _tag: "Crashed", actor: "outer" })
      const entry = yield* ledgerOf("Counter")
      assert.deepInclude(entry, { accepted: 2, handled: 0, failed: 1, crashes: 0, inHand: 0, queued: 0 })
      assert.strictEqual(entry.dropped.interrupted, 1)
      assert.strictEqual(yield* inner.ask.Next(), 1)
    }).pipe(run)
  )

  it.effect("while askers of askers wait is told to each of them at once", () =>
    Effect.gen(function* () {
      const bottom = yield* Actor.spawn(
        Worker,
        {
          ...workerHandlers([], 1),
          Work: () => Effect.andThen(Effect.sleep(10), Effect.die("x"))
        },
        { name: "bottom" }
      )
      const relay = (to: typeof bottom, name: string) =>
        Actor.spawn(
          Worker,
          { ...workerHandlers([], 1), Work: (payload) => Effect.orDie(to.ask.Work(payload)) },
          { name }
        )
      const middle = yield* relay(bottom, "middle")
      const top = yield* relay(middle, "top")
      const asker = yield* start(top.ask.Work({ label: "a" }))
      yield* settle
      yield* TestClock.adjust(10)
      assert.deepInclude(yield* errorOf(asker), { _tag: "Crashed", actor: "top" })
      assert.strictEqual((yield* ledgerOf("Worker")).crashes, 3)
    }).pipe(run)
  )

  it.effect("at the very moment that its asker gives up is a crash all the same, and nobody hangs", () =>
    Effect.gen(function* () {
      const worker = yield* Actor.spawn(
        Worker,
        { ...workerHandlers([], 1), Hang: () => Effect.onInterrupt(Effect.never, () => Effect.die("x")) },
        { backoff: doubling }
      )
      const asker = yield* start(worker.ask.Hang())
      yield* settle
      yield* Fiber.interrupt(asker)
      const queued = yield* start(worker.ask.Hang())
      yield* Fiber.interrupt(queued)
      yield* settle
      assert.strictEqual((yield* Actor.status(worker))._tag, "Restarting")
      yield* TestClock.adjust(100)
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 2 })
      assert.deepInclude(yield* ledgerOf("Worker"), { accepted: 2, failed: 1, crashes: 1, restarts: 1 })
    }).pipe(run)
  )

  it.effect("does not restart because of what a handler left running: only handlers crash an actor", () =>
    Effect.gen(function* () {
      const worker = yield* Actor.spawn(Worker, {
        ...workerHandlers([], 1),
        Hang: () => Effect.asVoid(Effect.forkDetach(Effect.die("nobody's business")))
      })
      yield* worker.ask.Hang()
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 1 })
    }).pipe(run)
  )
})

// --- The old Scope ------------------------------------------------------------------------------------------------------

describe("the Scope of an incarnation", () => {
  it.effect("closes completely before the next build runs, its finalizers last to first", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const slowly = (what: string) =>
        Effect.addFinalizer(() =>
          Effect.sync(() => trace.push(what)).pipe(Effect.delay(100), Effect.andThen(Effect.yieldNow))
        )
      const worker = yield* Actor.spawn(
        Worker,
        Effect.gen(function* () {
          const { incarnation } = yield* Actor.self
          trace.push(`start ${incarnation} at ${yield* Clock.currentTimeMillis}`)
          yield* slowly(`close first of ${incarnation}`)
          yield* slowly(`close second of ${incarnation}`)
          yield* slowly(`close third of ${incarnation}`)
          return workerHandlers([], incarnation)
        }),
        { backoff: doubling }
      )
      yield* worker.tell.Crash()
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(trace, [
        "start 1 at 0",
        "close third of 1",
        "close second of 1",
        "close first of 1",
        "start 2 at 400"
      ])
    }).pipe(run)
  )

  it.effect("interrupts its fibers, and waits for them, before the next build runs", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const worker = yield* Actor.spawn(
        Worker,
        Effect.gen(function* () {
          const { incarnation } = yield* Actor.self
          trace.push(`start ${incarnation}`)
          yield* Effect.never.pipe(
            Effect.onInterrupt(() =>
              Effect.delay(
                Effect.sync(() => trace.push(`fiber of ${incarnation} ended`)),
                500
              )
            ),
            Effect.forkScoped
          )
          return workerHandlers([], incarnation)
        }),
        { backoff: doubling }
      )
      yield* TestClock.adjust(0)
      yield* worker.tell.Crash()
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(trace, ["start 1", "fiber of 1 ended", "start 2"])
    }).pipe(run)
  )

  it.effect("tells its finalizers how it ended: a crash after a crash, a success after a stop", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const worker = yield* Actor.spawn(
        Worker,
        Effect.gen(function* () {
          yield* Effect.addFinalizer((exit) =>
            Effect.sync(() => {
              trace.push(Exit.isFailure(exit) && Cause.hasDies(exit.cause) ? "crashed" : exit._tag)
            })
          )
          return workerHandlers([], 0)
        })
      )
      yield* worker.tell.Crash()
      yield* TestClock.adjust("1 second")
      yield* Actor.stop(worker)
      assert.deepStrictEqual(trace, ["crashed", "Success"])
    }).pipe(run)
  )

  it.effect("is one for each start: what a failed build has acquired is released before the next", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const worker = yield* Actor.spawn(
        Worker,
        Effect.gen(function* () {
          const { incarnation } = yield* Actor.self
          trace.push(`start ${incarnation}`)
          yield* Effect.addFinalizer(() =>
            Effect.delay(
              Effect.sync(() => trace.push(`close ${incarnation}`)),
              10
            )
          )
          if (incarnation === 2) return yield* Effect.fail("no")
          return workerHandlers([], incarnation)
        })
      )
      yield* worker.tell.Crash()
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(trace, ["start 1", "close 1", "start 2", "close 2", "start 3"])
    }).pipe(run)
  )

  it.effect("with a finalizer that dies runs the others, is reported, and does not stop the restart", () => {
    const lines: Array<Line> = []
    return Effect.gen(function* () {
      const trace: Array<string> = []
      const worker = yield* Actor.spawn(
        Worker,
        Effect.gen(function* () {
          const { incarnation } = yield* Actor.self
          yield* Effect.addFinalizer(() => Effect.sync(() => trace.push(`first of ${incarnation}`)))
          yield* Effect.addFinalizer(() => Effect.die(new RangeError("SECRET")))
          yield* Effect.addFinalizer(() => Effect.sync(() => trace.push(`third of ${incarnation}`)))
          return workerHandlers([], incarnation)
        })
      )
      yield* worker.tell.Crash()
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(trace, ["third of 1", "first of 1"])
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 2 })
      const reports = eventsOf(lines, "finalizer_failed")
      assert.strictEqual(reports.length, 1)
      assert.strictEqual(reports[0]?.level, "Error")
      assert.deepInclude(reports[0]?.annotations, {
        lib: "ryker",
        actor: "Worker#1",
        incarnation: 1,
        defect: "RangeError"
      })
      assert.isFalse(lines.some(({ text }) => text.includes("SECRET")))
    }).pipe(run, Effect.provide(logsInto(lines)))
  })

  it.effect("closes on the actor's own account, also where a handler of another spawned the actor", () =>
    Effect.gen(function* () {
      const parts = { ryker: yield* Ryker.Ryker, scope: yield* Effect.scope }
      const answers: Array<Exit.Exit<number, unknown>> = []
      const parent = yield* Actor.spawn(
        Counter,
        Effect.map(Counter, (self) => ({
          ...counterHandlers(),
          Slow: ({ millis }: { readonly millis: number }) =>
            Effect.gen(function* () {
              const child = yield* Actor.spawn(
                Worker,
                Effect.gen(function* () {
                  // Not the parent, which would wait for itself, but its child asks here.
                  yield* Effect.addFinalizer(() =>
                    Effect.map(Effect.exit(self.ask.Next(undefined, { deadline: "1 minute" })), (exit) =>
                      answers.push(exit)
                    )
                  )
                  return workerHandlers([], 0)
                })
              )
              yield* child.tell.Crash()
              yield* Effect.sleep(millis)
              return millis
            }).pipe(
              Effect.orDie,
              Effect.provideService(Ryker.Ryker, parts.ryker),
              Effect.provideService(Scope.Scope, parts.scope)
            )
        })),
        { deadline: "Infinity" }
      )
      const ask = yield* start(parent.ask.Slow({ millis: 500 }))
      yield* settle
      assert.deepStrictEqual(answers, [])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(ask), Exit.succeed(500))
      assert.deepStrictEqual(answers, [Exit.succeed(1)])
    }).pipe(run)
  )

  it.effect("that hangs holds up the restart, but not a stop with a deadline", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust(0)
      const trace: Array<string> = []
      const worker = yield* Actor.spawn(
        Worker,
        Effect.gen(function* () {
          trace.push("start")
          yield* Effect.addFinalizer(() => Effect.never)
          return workerHandlers(trace, 0)
        }),
        { deadline: "Infinity" }
      )
      yield* worker.tell.Crash()
      const ask = yield* start(worker.ask.Work({ label: "a" }))
      yield* TestClock.adjust("1 day")
      assert.deepStrictEqual(trace, ["start", "crash 0"])
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Restarting", queued: 1 })
      const before = yield* Clock.currentTimeMillis
      const stop = yield* start(Effect.andThen(Actor.stop(worker, { deadline: "3 seconds" }), Clock.currentTimeMillis))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(stop), Exit.succeed(before + 3_000))
      assert.deepInclude(yield* errorOf(ask), { _tag: "Stopped", reason: "Stopped" })
      assert.strictEqual((yield* ledgerOf("Worker")).dropped.shutdown, 1)
    }).pipe(run)
  )
})

// --- Backoff ------------------------------------------------------------------------------------------------------------

describe("backoff", () => {
  const delaysOf = (seed: string, others: number, restarts: number) =>
    Effect.gen(function* () {
      const { starts, worker } = yield* crasher({ name: "watched", backoff: { base: 100, cap: 5_000 } })
      for (let index = 0; index < others; index++) {
        const other = yield* crasher({ name: `other ${index}`, backoff: { base: 1, cap: 10 } })
        yield* crashes(other.worker, restarts)
      }
      yield* crashes(worker, restarts)
      yield* TestClock.adjust("20 minutes")
      assert.strictEqual(starts.length, restarts + 1)
      return gaps(starts)
    }).pipe(withActors(Layer.empty, { drainDeadline: 0 }), Effect.scoped, Random.withSeed(seed))

  it.effect("draws from Effect's Random: the same seed gives the same delays, another seed others", () =>
    Effect.gen(function* () {
      const first = yield* delaysOf("seed", 0, 20)
      assert.deepStrictEqual(yield* delaysOf("seed", 0, 20), first)
      assert.notDeepEqual(yield* delaysOf("another seed", 0, 20), first)
    })
  )

  it.effect("draws from a stream of each actor's own: crashes of others change nothing", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* delaysOf("seed", 3, 20), yield* delaysOf("seed", 0, 20))
    })
  )

  it.effect("does not make actors that crash together restart together", () =>
    Effect.gen(function* () {
      const actors = yield* Effect.forEach([1, 2, 3], () => crasher({}))
      for (const { worker } of actors) yield* crashes(worker, 10)
      yield* TestClock.adjust("20 minutes")
      const series = actors.map(({ starts }) => gaps(starts).join())
      assert.strictEqual(new Set(series).size, 3)
    }).pipe(run, Random.withSeed("seed"))
  )

  it.effect("lies between base and cap, within three times the delay before, and reaches the cap", () =>
    Effect.gen(function* () {
      const delays = yield* Effect.map(
        Effect.forEach(["a", "b", "c", "d", "e"], (seed) => delaysOf(seed, 0, 60)),
        (all) => all.flatMap((delays) => delays.map((delay, index) => [delays[index - 1] ?? 100, delay] as const))
      )
      for (const [previous, delay] of delays) {
        assert.isAtLeast(delay, 100)
        // The timer wakes in whole milliseconds, never early.
        assert.isAtMost(delay, Math.min(5_000, 3 * previous) + 1)
      }
      assert.isAbove(delays.filter(([, delay]) => delay === 5_000).length, 10)
      assert.isBelow(delays.filter(([, delay]) => delay === 5_000).length, delays.length)
    })
  )

  it.effect("without jitter doubles from base to cap", () =>
    Effect.gen(function* () {
      const { starts, worker } = yield* crasher({ backoff: { base: 100, cap: 1_000, jitter: false } })
      yield* crashes(worker, 6)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(gaps(starts), [100, 200, 400, 800, 1_000, 1_000])
    }).pipe(run)
  )

  it.effect("goes on over failed starts, which back off as crashes do", () =>
    Effect.gen(function* () {
      const starts: Array<number> = []
      const worker = yield* Actor.spawn(
        Worker,
        Effect.gen(function* () {
          starts.push(yield* Clock.currentTimeMillis)
          const { incarnation } = yield* Actor.self
          if (incarnation === 2) return yield* Effect.fail("no")
          if (incarnation === 3) return yield* Effect.die("no")
          if (incarnation === 4) return yield* Effect.interrupt
          return workerHandlers([], incarnation)
        }),
        { backoff: doubling }
      )
      yield* crashes(worker, 2)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(gaps(starts), [100, 200, 400, 800, 1_600])
    }).pipe(run)
  )

  it.effect("counts a start that outlives startTimeout as failed", () =>
    Effect.gen(function* () {
      const starts: Array<number> = []
      const worker = yield* Actor.spawn(
        Worker,
        Effect.gen(function* () {
          starts.push(yield* Clock.currentTimeMillis)
          const { incarnation } = yield* Actor.self
          if (incarnation === 2) yield* Effect.never
          return workerHandlers([], incarnation)
        }),
        { backoff: doubling, startTimeout: "1 second" }
      )
      yield* worker.tell.Crash()
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(gaps(starts), [100, 1_200])
    }).pipe(run)
  )

  it.effect("starts over once the actor was healthy for a whole window, and not a moment sooner", () =>
    Effect.gen(function* () {
      const { starts, worker } = yield* crasher({ backoff: doubling, intensity: { restarts: 100, window: 10_000 } })
      yield* crashes(worker, 3)
      yield* TestClock.adjust(700)
      assert.deepStrictEqual(gaps(starts), [100, 200, 400])
      yield* TestClock.adjust(9_999)
      yield* worker.tell.Crash()
      yield* TestClock.adjust(800)
      assert.deepStrictEqual(gaps(starts).slice(3), [9_999 + 800])
      yield* TestClock.adjust(10_000)
      yield* worker.tell.Crash()
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(gaps(starts).slice(4), [10_000 + 100])
    }).pipe(run)
  )

  it.effect("does not take for health the time that a crashed incarnation needs to close", () =>
    Effect.gen(function* () {
      const starts: Array<number> = []
      const worker = yield* Actor.spawn(
        Worker,
        Effect.gen(function* () {
          starts.push(yield* Clock.currentTimeMillis)
          yield* Effect.addFinalizer(() => Effect.sleep(10_000))
          return workerHandlers([], 0)
        }),
        { backoff: doubling, intensity: { restarts: 100, window: 10_000 } }
      )
      yield* crashes(worker, 4)
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(gaps(starts), [10_100, 10_200, 10_400, 10_800])
    }).pipe(run)
  )

  it.effect("does not take for health the time that a failed start needs", () =>
    Effect.gen(function* () {
      const starts: Array<number> = []
      const worker = yield* Actor.spawn(
        Worker,
        Effect.gen(function* () {
          starts.push(yield* Clock.currentTimeMillis)
          const { incarnation } = yield* Actor.self
          if (incarnation === 1) return workerHandlers([], incarnation)
          yield* Effect.sleep(20_000)
          return yield* Effect.fail("no")
        }),
        { backoff: doubling, startTimeout: "1 minute", intensity: { restarts: 3, window: 10_000 } }
      )
      yield* worker.tell.Crash()
      yield* TestClock.adjust(61_000)
      assert.deepStrictEqual(gaps(starts), [100, 20_200, 20_400])
    }).pipe(run)
  )
})

// --- Intensity ----------------------------------------------------------------------------------------------------------

describe("restart intensity", () => {
  it.effect.each([0, 1, 2, 5])("of %i allows so many restarts within the window, and one more is the end", (restarts) =>
    Effect.gen(function* () {
      const { starts, worker } = yield* crasher({
        backoff: { base: 1, cap: 1 },
        intensity: { restarts, window: "1 minute" }
      })
      yield* Effect.repeat(Effect.andThen(worker.tell.Crash(), TestClock.adjust(10)), { times: restarts })
      assert.strictEqual(starts.length, restarts + 1)
      assert.deepInclude(yield* ledgerOf("Worker"), { crashes: restarts + 1, restarts })
      assert.deepStrictEqual(yield* Actor.status(worker), { _tag: "Stopped", reason: "RapidFail" })
    }).pipe(run)
  )

  it.effect("is measured in a window that slides: a restart as old as the window no longer counts", () =>
    Effect.gen(function* () {
      const options = { backoff: { base: 1, cap: 1 }, intensity: { restarts: 2, window: 10_000 } }
      const fatal = yield* crasher(options)
      const harmless = yield* crasher(options)
      const both = [fatal.worker, harmless.worker]
      yield* Effect.forEach(both, (worker) => worker.tell.Crash())
      yield* TestClock.adjust(5_000)
      yield* Effect.forEach(both, (worker) => worker.tell.Crash())
      yield* TestClock.adjust(4_999)
      yield* fatal.worker.tell.Crash()
      yield* TestClock.adjust(1)
      yield* harmless.worker.tell.Crash()
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* Actor.status(fatal.worker), { _tag: "Stopped", reason: "RapidFail" })
      assert.deepInclude(yield* Actor.status(harmless.worker), { _tag: "Running", incarnation: 4 })
      // The second restart still counts, and so does the third.
      yield* harmless.worker.tell.Crash()
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* Actor.status(harmless.worker), { _tag: "Stopped", reason: "RapidFail" })
    }).pipe(run)
  )

  it.effect("is never exceeded by restarts spread wider than the window", () =>
    Effect.gen(function* () {
      const { starts, worker } = yield* crasher({
        backoff: { base: 1, cap: 1 },
        intensity: { restarts: 1, window: 1_000 }
      })
      yield* Effect.repeat(Effect.andThen(worker.tell.Crash(), TestClock.adjust(1_000)), { times: 49 })
      assert.strictEqual(starts.length, 51)
      assert.strictEqual((yield* Actor.status(worker))._tag, "Running")
    }).pipe(run)
  )

  it.effect("counts failed starts", () =>
    Effect.gen(function* () {
      let starts = 0
      const worker = yield* Actor.spawn(
        Worker,
        Effect.suspend(() => (++starts === 1 ? Effect.succeed(workerHandlers([], 1)) : Effect.fail("never again"))),
        { backoff: { base: 1, cap: 1 }, intensity: { restarts: 3, window: "1 minute" } }
      )
      yield* worker.tell.Crash()
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(starts, 4)
      assert.deepStrictEqual(yield* Actor.status(worker), { _tag: "Stopped", reason: "RapidFail" })
      assert.deepInclude(yield* ledgerOf("Worker"), { crashes: 4, restarts: 3 })
    }).pipe(run)
  )

  it.effect("is each actor's own: the storm of one touches no other", () =>
    Effect.gen(function* () {
      const options = { backoff: { base: 1, cap: 1 }, intensity: { restarts: 2, window: "1 minute" } } as const
      const stormy = yield* crasher(options)
      const calm = yield* crasher(options)
      yield* crashes(calm.worker, 2)
      yield* crashes(stormy.worker, 3)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Actor.status(stormy.worker), { _tag: "Stopped", reason: "RapidFail" })
      assert.deepInclude(yield* Actor.status(calm.worker), { _tag: "Running", incarnation: 3 })
      assert.strictEqual(yield* calm.worker.ask.Work({ label: "a" }), "a by 0")
    }).pipe(run)
  )
})

// --- Rapid fail ---------------------------------------------------------------------------------------------------------

describe("RapidFail", () => {
  const fragile = { backoff: { base: 1, cap: 1 }, intensity: { restarts: 0, window: 1_000 } } as const

  it.effect("is the end: queued asks are told, queued tells dropped, later sends refused, for good", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const worker = yield* Actor.spawn(Worker, traced(trace), fragile)
      const waiting = yield* start(Actor.awaitStopped(worker))
      const crash = yield* start(worker.ask.Crash())
      const queued = yield* start(worker.ask.Work({ label: "a" }))
      yield* worker.tell.Work({ label: "b" })
      yield* worker.tell.Work({ label: "c" })
      yield* settle
      assert.deepInclude(yield* errorOf(crash), { _tag: "Crashed" })
      assert.deepInclude(yield* errorOf(queued), {
        _tag: "Stopped",
        actor: "Worker#1",
        reason: "RapidFail",
        phase: "queued"
      })
      assert.deepStrictEqual(yield* Fiber.join(waiting), Exit.succeed("RapidFail" as const))
      // The window passes, and it is still the end.
      yield* TestClock.adjust("1 hour")
      assert.deepInclude(yield* Effect.flip(worker.tell.Work({ label: "d" })), { _tag: "Stopped", reason: "RapidFail" })
      const late = yield* Effect.flip(worker.ask.Work({ label: "e" }))
      assert.deepInclude(late, { _tag: "Stopped", reason: "RapidFail", phase: "refused" })
      assert.deepStrictEqual(trace, ["start 1", "crash 1", "close 1"])
      const entry = yield* ledgerOf("Worker")
      assert.deepInclude(entry, { accepted: 4, handled: 0, failed: 1, queued: 0, inHand: 0, restarts: 0 })
      assert.strictEqual(entry.dropped.rapid_fail, 3)
      assert.strictEqual(Ledger.totalDropped(entry.dropped), 3)
      assert.strictEqual(entry.refused.stopped, 2)
    }).pipe(run)
  )

  it.effect("waits for the old Scope, as every end does", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust(0)
      const worker = yield* Actor.spawn(
        Worker,
        Effect.gen(function* () {
          yield* Effect.addFinalizer(() => Effect.sleep(500))
          return workerHandlers([], 0)
        }),
        fragile
      )
      const ended = yield* start(Effect.andThen(Actor.awaitStopped(worker), Clock.currentTimeMillis))
      yield* worker.tell.Crash()
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(ended), Exit.succeed(500))
    }).pipe(run)
  )

  it.effect("leaves the other actors and the runtime alive", () =>
    Effect.gen(function* () {
      const other = yield* Actor.spawn(Counter, Effect.sync(counterHandlers))
      yield* other.tell.Add({ n: 1 })
      const worker = yield* Actor.spawn(Worker, traced([]), fragile)
      yield* worker.tell.Crash()
      yield* settle
      assert.strictEqual(yield* other.ask.Next(), 2)
      const another = yield* Actor.spawn(Worker, traced([]))
      assert.strictEqual(yield* another.ask.Work({ label: "a" }), "a by 1")
    }).pipe(run)
  )

  it.effect("makes its name free for an actor that is started anew, even by whoever hears of it first", () =>
    Effect.gen(function* () {
      const worker = yield* Actor.spawn(Worker, traced([]), { ...fragile, name: "one" })
      yield* worker.tell.Crash()
      const anew = yield* start(
        Effect.catchTag(worker.ask.Work({ label: "a" }), "Stopped", () =>
          Effect.flatMap(Actor.spawn(Worker, traced([]), { name: "one" }), (next) => next.ask.Work({ label: "b" }))
        )
      )
      yield* settle
      assert.deepStrictEqual(yield* Fiber.join(anew), Exit.succeed("b by 1"))
    }).pipe(run)
  )

  it.effect("is one log line at level Error", () => {
    const lines: Array<Line> = []
    return Effect.gen(function* () {
      const worker = yield* Actor.spawn(Worker, traced([]), { ...fragile, intensity: { restarts: 2, window: 1_000 } })
      yield* crashes(worker, 3)
      yield* worker.tell.Work({ label: "a" })
      yield* TestClock.adjust("1 second")
      yield* Effect.exit(worker.tell.Work({ label: "b" }))
      const ends = lines.filter(({ annotations }) => annotations["reason"] === "RapidFail")
      assert.strictEqual(ends.length, 1)
      assert.strictEqual(ends[0]?.level, "Error")
      assert.deepInclude(ends[0]?.annotations, {
        lib: "ryker",
        event: "actor_stopped",
        actor: "Worker#1",
        incarnation: 3,
        dropped: 1
      })
      assert.strictEqual(eventsOf(lines, "actor_crashed").length, 3)
    }).pipe(run, Effect.provide(logsInto(lines)))
  })
})

// --- Stops that meet restarts -------------------------------------------------------------------------------------------

describe("a stop", () => {
  /** Takes the time at which an effect ends. */
  const timed = <E, R>(effect: Effect.Effect<void, E, R>) => Effect.andThen(effect, Clock.currentTimeMillis)

  it.effect("at the moment of a crash, with nothing queued, ends the actor without another start", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const worker = yield* Actor.spawn(Worker, traced(trace))
      const asker = yield* start(worker.ask.Crash())
      const stop = yield* start(timed(Actor.stop(worker)))
      yield* TestClock.adjust("1 minute")
      assert.deepInclude(yield* errorOf(asker), { _tag: "Crashed" })
      assert.deepStrictEqual(yield* Fiber.join(stop), Exit.succeed(0))
      assert.strictEqual(yield* Actor.awaitStopped(worker), "Stopped")
      assert.deepStrictEqual(trace, ["start 1", "crash 1", "close 1"])
      assert.deepInclude(yield* ledgerOf("Worker"), { crashes: 1, restarts: 0 })
    }).pipe(run)
  )

  it.effect("at the moment of a crash, with work queued and time left, lets the actor restart and work it off", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const worker = yield* Actor.spawn(Worker, traced(trace), { backoff: doubling })
      yield* worker.tell.Crash()
      const ask = yield* start(worker.ask.Work({ label: "a" }))
      yield* worker.tell.Work({ label: "b" })
      const stop = yield* start(timed(Actor.stop(worker, { deadline: "1 second" })))
      const refused = yield* Effect.flip(worker.tell.Work({ label: "c" }))
      assert.deepInclude(refused, { _tag: "Stopped", reason: "Stopped" })
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(ask), Exit.succeed("a by 2"))
      assert.deepStrictEqual(yield* Fiber.join(stop), Exit.succeed(100))
      assert.deepStrictEqual(trace, ["start 1", "crash 1", "close 1", "start 2", "work a", "work b", "close 2"])
    }).pipe(run)
  )

  it.effect("at the moment of a crash, without time left, drops what is queued", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const worker = yield* Actor.spawn(Worker, traced(trace), { backoff: doubling })
      yield* worker.tell.Crash()
      const ask = yield* start(worker.ask.Work({ label: "a" }))
      const stop = yield* start(timed(Actor.stop(worker, { deadline: 0 })))
      yield* TestClock.adjust("1 minute")
      assert.deepInclude(yield* errorOf(ask), { _tag: "Stopped", reason: "Stopped" })
      assert.deepStrictEqual(yield* Fiber.join(stop), Exit.succeed(0))
      assert.notInclude(trace, "start 2")
      assert.strictEqual(yield* Actor.awaitStopped(worker), "Stopped")
    }).pipe(run)
  )

  it.effect("just before a crash is the actor's end, not a restart", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const worker = yield* Actor.spawn(Worker, traced(trace))
      const stop = yield* start(timed(Effect.andThen(worker.tell.Slow({ millis: 50 }), Actor.stop(worker))))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(stop), Exit.succeed(50))
      const dying = yield* Actor.spawn(Worker, {
        ...workerHandlers(trace, 7),
        Slow: ({ millis }) => Effect.andThen(Effect.sleep(millis), Effect.die("x"))
      })
      const asker = yield* start(dying.ask.Slow({ millis: 50 }))
      yield* Actor.stop(dying).pipe(start)
      yield* TestClock.adjust("1 minute")
      assert.deepInclude(yield* errorOf(asker), { _tag: "Crashed" })
      assert.strictEqual(yield* Actor.awaitStopped(dying), "Stopped")
    }).pipe(run)
  )

  it.effect("during backoff, with nothing queued, ends it at once", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const worker = yield* Actor.spawn(Worker, traced(trace), { backoff: doubling })
      yield* worker.tell.Crash()
      yield* TestClock.adjust(50)
      const stop = yield* start(timed(Actor.stop(worker)))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(stop), Exit.succeed(50))
      assert.deepStrictEqual(trace, ["start 1", "crash 1", "close 1"])
    }).pipe(run)
  )

  it.effect("during backoff, with work queued and time left, restarts and works it off", () =>
    Effect.gen(function* () {
      const worker = yield* Actor.spawn(Worker, traced([]), { backoff: doubling, deadline: "Infinity" })
      yield* worker.tell.Crash()
      const ask = yield* start(worker.ask.Work({ label: "a" }))
      yield* TestClock.adjust(50)
      const stop = yield* start(timed(Actor.stop(worker, { deadline: 51 })))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(ask), Exit.succeed("a by 2"))
      assert.deepStrictEqual(yield* Fiber.join(stop), Exit.succeed(100))
    }).pipe(run)
  )

  it.effect("during backoff, whose deadline comes before the restart, drops the work at the deadline", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const worker = yield* Actor.spawn(Worker, traced(trace), { backoff: doubling, deadline: "Infinity" })
      yield* worker.tell.Crash()
      const ask = yield* start(worker.ask.Work({ label: "a" }))
      yield* worker.tell.Work({ label: "b" })
      yield* TestClock.adjust(50)
      // At 100 it would start again, and at 100 its time is over: the deadline wins.
      const stop = yield* start(timed(Actor.stop(worker, { deadline: 50 })))
      yield* TestClock.adjust(49)
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Stopping", reason: "Stopped", queued: 2 })
      yield* TestClock.adjust("1 minute")
      assert.deepInclude(yield* errorOf(ask), { _tag: "Stopped", reason: "Stopped" })
      assert.deepStrictEqual(yield* Fiber.join(stop), Exit.succeed(100))
      assert.deepStrictEqual(trace, ["start 1", "crash 1", "close 1"])
      assert.strictEqual((yield* ledgerOf("Worker")).dropped.shutdown, 2)
    }).pipe(run)
  )

  /** Starts at once the first time, and takes 500 ms whenever it starts again. */
  const slowToRestart = (trace: Array<string>) =>
    Effect.gen(function* () {
      const { incarnation } = yield* Actor.self
      trace.push(`start ${incarnation}`)
      yield* Effect.addFinalizer(() => Effect.sync(() => trace.push(`close ${incarnation}`)))
      if (incarnation > 1) yield* Effect.sleep(500)
      trace.push(`started ${incarnation}`)
      return workerHandlers(trace, incarnation)
    })

  it.effect("during a start, with nothing queued, interrupts the start and releases what it had acquired", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const worker = yield* Actor.spawn(Worker, slowToRestart(trace), { backoff: doubling })
      yield* worker.tell.Crash()
      yield* TestClock.adjust(200)
      const stop = yield* start(timed(Actor.stop(worker)))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(stop), Exit.succeed(200))
      assert.deepStrictEqual(trace, ["start 1", "started 1", "crash 1", "close 1", "start 2", "close 2"])
      // A start that was cut short has not failed.
      assert.deepInclude(yield* ledgerOf("Worker"), { crashes: 1 })
    }).pipe(run)
  )

  it.effect("during a start, with work queued and time left, lets it start and work off the queue", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const worker = yield* Actor.spawn(Worker, slowToRestart(trace), { backoff: doubling })
      yield* worker.tell.Crash()
      yield* worker.tell.Work({ label: "a" })
      yield* TestClock.adjust(200)
      const stop = yield* start(timed(Actor.stop(worker)))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(stop), Exit.succeed(600))
      assert.deepStrictEqual(trace.slice(4), ["start 2", "started 2", "work a", "close 2"])
    }).pipe(run)
  )

  it.effect("during a start, whose deadline comes first, interrupts the start and drops the work", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const worker = yield* Actor.spawn(Worker, slowToRestart(trace), { backoff: doubling })
      yield* worker.tell.Crash()
      yield* worker.tell.Work({ label: "a" })
      yield* TestClock.adjust(200)
      const stop = yield* start(timed(Actor.stop(worker, { deadline: 100 })))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(stop), Exit.succeed(300))
      assert.deepStrictEqual(trace.slice(4), ["start 2", "close 2"])
      assert.strictEqual((yield* ledgerOf("Worker")).dropped.shutdown, 1)
      assert.deepInclude(yield* ledgerOf("Worker"), { crashes: 1 })
    }).pipe(run)
  )

  it.effect("with work queued and time left survives a start that fails: it is tried again", () => {
    const lines: Array<Line> = []
    return Effect.gen(function* () {
      const worker = yield* Actor.spawn(
        Worker,
        Effect.gen(function* () {
          const { incarnation } = yield* Actor.self
          if (incarnation === 2) return yield* Effect.fail("not yet")
          return workerHandlers([], incarnation)
        }),
        { backoff: doubling, deadline: "Infinity" }
      )
      yield* worker.tell.Crash()
      const ask = yield* start(worker.ask.Work({ label: "a" }))
      yield* settle
      const stop = yield* start(timed(Actor.stop(worker, { deadline: "5 seconds" })))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(ask), Exit.succeed("a by 3"))
      assert.deepStrictEqual(yield* Fiber.join(stop), Exit.succeed(300))
      assert.strictEqual(eventsOf(lines, "actor_start_failed").length, 1)
    }).pipe(run, Effect.provide(logsInto(lines)))
  })

  it.effect("by the closing of its Scope meets a backoff as any other: in time, and dropped as shutdown", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const scope = yield* Scope.make()
      const worker = yield* Scope.provide(
        Actor.spawn(Worker, traced(trace), {
          backoff: { ...doubling, base: 400 },
          shutdown: 300,
          deadline: "Infinity"
        }),
        scope
      )
      yield* worker.tell.Crash()
      const ask = yield* start(worker.ask.Work({ label: "a" }))
      yield* TestClock.adjust(50)
      const close = yield* start(timed(Scope.close(scope, Exit.void)))
      const refused = yield* Effect.flip(worker.tell.Work({ label: "b" }))
      assert.deepInclude(refused, { _tag: "Stopped", reason: "ScopeClosed" })
      yield* TestClock.adjust("1 minute")
      assert.deepInclude(yield* errorOf(ask), { _tag: "Stopped", reason: "ScopeClosed" })
      assert.deepStrictEqual(yield* Fiber.join(close), Exit.succeed(350))
      assert.deepStrictEqual(trace, ["start 1", "crash 1", "close 1"])
      assert.strictEqual((yield* ledgerOf("Worker")).dropped.shutdown, 1)
    }).pipe(withActors(Layer.empty))
  )

  it.effect("by the closing of its Scope during backoff works the queue off when there is time", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const worker = yield* Scope.provide(Actor.spawn(Worker, traced([]), { backoff: doubling }), scope)
      yield* worker.tell.Crash()
      const ask = yield* start(worker.ask.Work({ label: "a" }))
      yield* TestClock.adjust(50)
      const close = yield* start(timed(Scope.close(scope, Exit.void)))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(ask), Exit.succeed("a by 2"))
      assert.deepStrictEqual(yield* Fiber.join(close), Exit.succeed(100))
    }).pipe(withActors(Layer.empty))
  )

  it.effect("does not hide a crash that happens while it ends the handler in hand", () => {
    const lines: Array<Line> = []
    return Effect.gen(function* () {
      const worker = yield* Actor.spawn(Worker, {
        ...workerHandlers([], 1),
        Hang: () => Effect.onInterrupt(Effect.never, () => Effect.die(new RangeError("x")))
      })
      const asker = yield* start(worker.ask.Hang())
      yield* settle
      yield* Actor.stop(worker, { deadline: 0 })
      assert.deepInclude(yield* errorOf(asker), { _tag: "Crashed", incarnation: 1 })
      assert.strictEqual(yield* Actor.awaitStopped(worker), "Stopped")
      assert.strictEqual(eventsOf(lines, "actor_crashed").length, 1)
      assert.deepInclude(yield* ledgerOf("Worker"), { accepted: 1, failed: 1, crashes: 1 })
    }).pipe(run, Effect.provide(logsInto(lines)))
  })

  it.effect("does not hide a crash of a handler that it had to abandon", () => {
    const lines: Array<Line> = []
    return Effect.gen(function* () {
      const worker = yield* Actor.spawn(Worker, {
        ...workerHandlers([], 1),
        Hang: () => Effect.uninterruptible(Effect.andThen(Effect.sleep(500), Effect.die(new RangeError("x"))))
      })
      const asker = yield* start(worker.ask.Hang())
      yield* settle
      yield* Actor.stop(worker, { deadline: 0 })
      assert.deepInclude(yield* errorOf(asker), { _tag: "Stopped", reason: "Stopped" })
      assert.deepInclude(yield* ledgerOf("Worker"), { accepted: 1, inHand: 1, crashes: 0 })
      yield* TestClock.adjust("1 second")
      assert.strictEqual(eventsOf(lines, "actor_crashed").length, 1)
      assert.deepInclude(yield* ledgerOf("Worker"), { accepted: 1, inHand: 0, failed: 1, crashes: 1, restarts: 0 })
    }).pipe(run, Effect.provide(logsInto(lines)))
  })
})

// --- Logs ---------------------------------------------------------------------------------------------------------------

describe("the log", () => {
  it.effect("has each crash exactly once, structured, with the class and the place of the defect", () => {
    const lines: Array<Line> = []
    return Effect.gen(function* () {
      const worker = yield* Actor.spawn(Worker, traced([]), { name: "watched" })
      yield* Effect.exit(worker.ask.Crash())
      yield* TestClock.adjust("1 second")
      yield* worker.tell.Throw()
      yield* TestClock.adjust("1 second")
      const crashes = eventsOf(lines, "actor_crashed")
      assert.deepStrictEqual(
        crashes.map(({ annotations, level }) => [
          level,
          annotations["lib"],
          annotations["actor"],
          annotations["incarnation"]
        ]),
        [
          ["Error", "ryker", "watched", 1],
          ["Error", "ryker", "watched", 2]
        ]
      )
      for (const { annotations } of crashes) {
        assert.strictEqual(annotations["defect"], "Error")
        assert.include(annotations["at"], "Restart.test.ts")
      }
      assert.strictEqual(eventsOf(lines, "actor_restarting").length, 2)
    }).pipe(run, Effect.provide(logsInto(lines)))
  })

  it.effect("has a failed start exactly once", () => {
    const lines: Array<Line> = []
    return Effect.gen(function* () {
      const exit = yield* Effect.exit(Actor.spawn(Worker, Effect.die(new RangeError("SECRET"))))
      assert.isTrue(Exit.isFailure(exit))
      const starts = eventsOf(lines, "actor_start_failed")
      assert.strictEqual(starts.length, 1)
      assert.deepInclude(starts[0]?.annotations, { actor: "Worker#1", incarnation: 1, defect: "RangeError" })
      assert.isFalse(lines.some(({ text }) => text.includes("SECRET")))
      assert.notInclude(String(exit), "SECRET")
    }).pipe(run, Effect.provide(logsInto(lines)))
  })

  class Vault extends Actor.Service<Vault>()("Vault", [
    Rpc.make("Store", { payload: { text: Schema.String, how: Schema.String } })
  ]) {}

  class Rejected extends Schema.TaggedError<Rejected>()("Rejected", { why: Schema.String }) {}

  /** Ways to let a secret into a defect. */
  const leaks: Readonly<Record<string, (text: string, state: string) => unknown>> = {
    message: (text, state) => new Error(`cannot store ${text} on top of ${state}`),
    "a message of many lines": (text, state) =>
      new Error(`cannot store\n    at ${text}\n  at ${state} (x.ts:1:1)\nend`),
    "the end of a message": (text, state) => new Error(`${text}\n    at ${state}`),
    cause: (text, state) => new Error("cannot store", { cause: new Error(`${text} ${state}`) }),
    "errors of an AggregateError": (text, state) => new AggregateError([new Error(text)], state),
    "a tagged error": (text, state) => new Rejected({ why: `${text} ${state}` }),
    "a string": (text, state) => `${text} ${state}`,
    "an object": (text, state) => ({ text, state }),
    "an array": (text, state) => [text, state],
    "a name": (text) => Object.assign(new Error("cannot store"), { name: text })
  }

  it.effect.each(Object.keys(leaks))("tells nothing of a payload, the state or the defect: %s", (how) => {
    const lines: Array<Line> = []
    return Effect.gen(function* () {
      const vault = yield* Actor.spawn(
        Vault,
        Effect.gen(function* () {
          const { incarnation } = yield* Actor.self
          let state = "SECRET of the state"
          if (incarnation === 2) return yield* Effect.die(leaks[how]!("SECRET of the build", state))
          if (incarnation === 3) return yield* Effect.fail(leaks[how]!("SECRET of the build", state))
          yield* Effect.addFinalizer(() => Effect.die(leaks[how]!("SECRET of the finalizer", state)))
          return {
            Store: ({ how, text }: { readonly how: string; readonly text: string }) =>
              Effect.suspend(() => {
                const defect = leaks[how]!(text, state)
                state += text
                return Effect.die(defect)
              })
          }
        }),
        { backoff: { base: 1, cap: 1 }, intensity: { restarts: 3, window: "1 minute" } }
      )
      const error = yield* Effect.flip(vault.ask.Store({ text: "SECRET of the payload", how }))
      yield* vault.tell.Store({ text: "SECRET of another", how })
      const last = yield* start(vault.ask.Store({ text: "SECRET of a third", how }))
      yield* TestClock.adjust("1 minute")
      const end = yield* errorOf(last)
      assert.strictEqual(yield* Actor.awaitStopped(vault), "RapidFail")
      assert.isAbove(eventsOf(lines, "actor_crashed").length, 0)
      assert.isAbove(eventsOf(lines, "actor_start_failed").length, 0)
      assert.isAbove(eventsOf(lines, "finalizer_failed").length, 0)
      for (const { text } of lines) assert.notInclude(text, "SECRET")
      for (const told of [error, end]) assert.notInclude(JSON.stringify(told) + String(told), "SECRET")
    }).pipe(run, Effect.provide(logsInto(lines)))
  })

  it.effect("may throw: that takes no actor with it", () =>
    Effect.gen(function* () {
      const worker = yield* Actor.spawn(Worker, traced([]), {
        backoff: { base: 1, cap: 1 },
        intensity: { restarts: 1, window: "1 minute" }
      })
      yield* worker.tell.Crash()
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* worker.ask.Work({ label: "a" }), "a by 2")
      // The line of a RapidFail, too.
      yield* worker.tell.Crash()
      yield* settle
      assert.deepStrictEqual(yield* Actor.status(worker), { _tag: "Stopped", reason: "RapidFail" })
      // And the line of a drain.
      const next = yield* Actor.spawn(Worker, traced([]))
      assert.strictEqual((yield* Ryker.drain("1 second")).outcome, "complete")
      assert.strictEqual(yield* Actor.awaitStopped(next), "Draining")
    }).pipe(
      run,
      Effect.provide(
        Logger.layer([
          Logger.make(() => {
            throw new Error("disk full")
          })
        ])
      )
    )
  )

  it.effect("may send to the actor it writes of, in the middle of that actor's crash", () => {
    let handle: { readonly tell: () => void } | undefined
    return Effect.gen(function* () {
      const trace: Array<string> = []
      const done = yield* Deferred.make<void>()
      const worker = yield* Actor.spawn(
        Worker,
        Effect.map(traced(trace), (handlers) => ({
          ...handlers,
          Hang: () => Effect.asVoid(Deferred.succeed(done, undefined))
        })),
        { backoff: { base: 1, cap: 1 } }
      )
      handle = { tell: () => Effect.runSync(Effect.ignore(worker.tell.Work({ label: "from the log" }))) }
      yield* worker.tell.Crash()
      yield* TestClock.adjust(10)
      handle = undefined
      yield* worker.tell.Hang()
      yield* Deferred.await(done)
      // One for the crash, one for the restart.
      assert.deepStrictEqual(trace, [
        "start 1",
        "crash 1",
        "close 1",
        "start 2",
        "work from the log",
        "work from the log"
      ])
    }).pipe(run, Effect.provide(Logger.layer([Logger.make(() => handle?.tell())])))
  })
})
