/** Who is restarted with whom: strategies, restart types, intensity, and what comes in the middle of a group restart. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Actor from "../src/Actor.ts"
import * as Ryker from "../src/Ryker.ts"
import * as Supervisor from "../src/Supervisor.ts"
import { ask, entryOf, Worker, workerHandlers } from "./Actor.fixtures.ts"
import {
  childrenOf,
  crash,
  errorOf,
  fragile,
  pass,
  quick,
  Refused,
  run,
  settle,
  start,
  supervisorOf,
  type TracedHandle,
  type TracedOptions,
  tracing
} from "./Supervisor.fixtures.ts"

// --- What the tests use -------------------------------------------------------------------------------------------------

/** A supervisor "S" with these children, in this order: gives their handles by name, and the supervisor's as `S`. */
const plant = <Name extends string>(
  { traced }: ReturnType<typeof tracing>,
  children: Readonly<Record<Name, TracedOptions>>,
  options: Supervisor.Options = {}
) =>
  Effect.gen(function* () {
    const actors = Object.entries<TracedOptions>(children).map(([name, options]) => traced(name, options))
    const context = yield* Layer.build(
      Supervisor.layer("S", { ...quick, ...options, children: actors.map(({ layer }) => layer) })
    )
    const handles: Record<string, Supervisor.Handle> = { S: yield* supervisorOf("S") }
    for (const { handle, name } of actors) handles[name] = yield* Effect.provide(handle, context)
    // There is one for each name of the record, and no other.
    return handles as { readonly [N in Name]: TracedHandle } & { readonly S: Supervisor.Handle }
  })

/** The incarnation that answers, of each. */
const incarnations = (...actors: ReadonlyArray<TracedHandle>) => Effect.forEach(actors, (actor) => actor.ask.Ping())

const work = (actor: TracedHandle, ...labels: ReadonlyArray<string>) =>
  Effect.forEach(labels, (label) => actor.tell.Work({ label }), { discard: true })

/** The Scope of its first incarnation takes its time; the later ones do not hold up the end of the test. */
const slowToClose = (millis: number): TracedOptions => ({
  onClose: (incarnation) => (incarnation === 1 ? Effect.sleep(millis) : Effect.void)
})

/** Nothing starts before everything that ends has ended. */
const assertDownBeforeUp = (trace: ReadonlyArray<string>) =>
  assert.isBelow(
    trace.findLastIndex((line) => line.startsWith("-")),
    trace.findIndex((line) => line.startsWith("+")),
    trace.join(" ")
  )

// --- Strategies ---------------------------------------------------------------------------------------------------------

describe("a child that crashes", () => {
  const cases = [
    ["one-for-one", "a", "-a1@0 +a2@100"],
    ["one-for-one", "b", "-b1@0 +b2@100"],
    ["one-for-one", "c", "-c1@0 +c2@100"],
    ["one-for-all", "a", "-a1@0 -c1@0 -b1@0 +a2@100 +b2@100 +c2@100"],
    ["one-for-all", "b", "-b1@0 -c1@0 -a1@0 +a2@100 +b2@100 +c2@100"],
    ["one-for-all", "c", "-c1@0 -b1@0 -a1@0 +a2@100 +b2@100 +c2@100"],
    ["rest-for-one", "a", "-a1@0 -c1@0 -b1@0 +a2@100 +b2@100 +c2@100"],
    ["rest-for-one", "b", "-b1@0 -c1@0 +b2@100 +c2@100"],
    ["rest-for-one", "c", "-c1@0 +c2@100"]
  ] as const
  for (const [strategy, failing, expected] of cases) {
    it.effect(`under ${strategy} as ${failing} of a, b, c: takes down in reverse, starts in order: ${expected}`, () =>
      Effect.gen(function* () {
        const t = tracing({ timed: true })
        const actors = yield* plant(t, { a: {}, b: {}, c: {} }, { strategy })
        assert.strictEqual(t.take().join(" "), "+a1@0 +b1@0 +c1@0")
        const error = yield* Effect.flip(actors[failing].ask.Crash())
        assert.deepInclude(error, { _tag: "Crashed", actor: failing, incarnation: 1 })
        assert.notProperty(error, "sibling")
        yield* pass(99)
        assert.notInclude(t.take().join(" "), "+", "nothing of it starts before the backoff is over")
        yield* pass(1)
        yield* crash(actors[failing])
        t.take()
        yield* pass("1 minute")
        const ups = t.take().map((line) => line.replace(/\d@.*/, ""))
        assert.deepStrictEqual(
          ups,
          expected
            .split(" ")
            .filter((line) => line.startsWith("+"))
            .map((line) => line.slice(0, 2))
        )
      }).pipe(run())
    )
    it.effect(`under ${strategy} as ${failing}: exactly this happens, and no more: ${expected}`, () =>
      Effect.gen(function* () {
        const t = tracing({ timed: true })
        const actors = yield* plant(t, { a: {}, b: {}, c: {} }, { strategy })
        t.take()
        yield* crash(actors[failing])
        yield* pass("1 minute")
        assert.strictEqual(t.take().join(" "), expected)
      }).pipe(run())
    )
  }

  it.effect("under one-for-one is not noticed by its siblings: messages in hand and queues go on", () =>
    Effect.gen(function* () {
      const t = tracing()
      const { a, b } = yield* plant(t, { a: {}, b: {} })
      const slow = yield* start(a.ask.Slow({ millis: 1_000 }))
      yield* work(a, "next")
      yield* crash(b)
      yield* pass("1 second")
      assert.strictEqual((yield* Fiber.join(slow))._tag, "Success")
      assert.deepStrictEqual(t.take(), ["+a1", "+b1", "-b1", "+b2", "a1:slow", "a1:next"])
    }).pipe(run())
  )
})

describe("a group restart", () => {
  it.effect("starts each child after the one before is ready, as at the first start", () =>
    Effect.gen(function* () {
      const t = tracing({ timed: true })
      const slow = { onStart: () => Effect.sleep(50) }
      const planting = yield* start(plant(t, { a: slow, b: slow, c: {} }, { strategy: "one-for-all" }))
      yield* pass(100)
      const actors = yield* Effect.flatten(Fiber.join(planting))
      assert.strictEqual(t.take().join(" "), "+a1@0 +b1@50 +c1@100")
      yield* crash(actors.c)
      t.take()
      yield* pass("1 minute")
      assert.strictEqual(t.take().join(" "), "+a2@200 +b2@250 +c2@300")
    }).pipe(Effect.scoped, run())
  )

  for (const strategy of ["one-for-all", "rest-for-one"] as const) {
    it.effect(`under ${strategy} starts nothing before all Scopes are closed, one after the other`, () =>
      Effect.gen(function* () {
        const t = tracing({ timed: true })
        const slow = slowToClose(500)
        const { a } = yield* plant(t, { a: slow, b: slow, c: slow }, { strategy })
        t.take()
        yield* crash(a)
        yield* pass("1 minute")
        const trace = t.take()
        assertDownBeforeUp(trace)
        const order = trace.map((line) => line.replace(/@.*/, "")).join(" ")
        assert.strictEqual(order, "-a1 -c1 -b1 +a2 +b2 +c2")
        const [, downOfC, downOfB] = trace
        assert.strictEqual(`${downOfC} ${downOfB}`, "-c1@1000 -b1@1500")
      }).pipe(run())
    )
  }

  it.effect("keeps what its siblings had queued, in order, and what comes while it is down", () =>
    Effect.gen(function* () {
      const t = tracing()
      const { a, b, c } = yield* plant(t, { a: {}, b: {}, c: {} }, { strategy: "one-for-all" })
      const inHand = yield* start(
        Effect.forEach([a, b, c], (actor) => actor.ask.Slow({ millis: 10 }), { concurrency: 3 })
      )
      for (const actor of [a, b, c]) yield* work(actor, "1", "2")
      yield* b.tell.Crash()
      for (const actor of [a, b, c]) yield* work(actor, "3")
      t.take()
      yield* pass(10)
      yield* settle
      for (const actor of [a, b, c]) yield* work(actor, "4", "5")
      yield* pass("1 minute")
      assert.strictEqual((yield* Fiber.join(inHand))._tag, "Success")
      const trace = t.take()
      for (const name of ["a", "b", "c"]) {
        const labels = trace
          .filter((line) => /:\d/.test(line) && line.startsWith(name))
          .map((line) => line.split(":")[1])
        assert.deepStrictEqual(labels, ["1", "2", "3", "4", "5"], name)
      }
    }).pipe(run())
  )

  it.effect("lets deadlines go on: a message that expires while the group is down never runs", () =>
    Effect.gen(function* () {
      const t = tracing()
      const { a, b } = yield* plant(t, { a: {}, b: {} }, { strategy: "one-for-all" })
      yield* crash(b)
      const early = yield* start(a.ask.Work({ label: "early" }, { deadline: 50 }))
      const late = yield* start(a.ask.Work({ label: "late" }, { deadline: 5_000 }))
      yield* a.tell.Work({ label: "told" }, { deadline: 99 })
      yield* pass(50)
      assert.deepInclude(errorOf(yield* Fiber.join(early)), { _tag: "Timeout", phase: "queued" })
      yield* pass("1 second")
      assert.strictEqual((yield* Fiber.join(late))._tag, "Success")
      assert.deepStrictEqual(
        t.take().filter((line) => line.includes(":")),
        ["a2:late"]
      )
      const entry = yield* entryOf("a")
      assert.deepInclude(entry, { accepted: 3, handled: 1, failed: 0, queued: 0 })
      assert.strictEqual(entry.dropped.deadline, 2)
    }).pipe(run())
  )

  it.effect("keeps a suspended sibling suspended", () =>
    Effect.gen(function* () {
      const t = tracing()
      const { a, b } = yield* plant(t, { a: {}, b: {} }, { strategy: "one-for-all" })
      yield* Actor.suspend(a)
      yield* work(a, "1")
      yield* crash(b)
      yield* pass("1 second")
      assert.deepInclude(yield* Actor.status(a), { _tag: "Suspended", incarnation: 2, queued: 1 })
      yield* Actor.resume(a)
      yield* settle
      assert.include(t.take(), "a2:1")
    }).pipe(run())
  )
})

describe("the message in hand of a sibling that is taken down", () => {
  it.effect("may come to its end within the child's shutdown time, and nothing else is begun", () =>
    Effect.gen(function* () {
      const t = tracing({ timed: true })
      const { a, b } = yield* plant(t, { a: { shutdown: 1_000 }, b: {} }, { strategy: "one-for-all" })
      const asker = yield* start(a.ask.Slow({ millis: 1_000 }))
      yield* work(a, "next")
      yield* crash(b)
      t.take()
      yield* pass("1 minute")
      assert.strictEqual((yield* Fiber.join(asker))._tag, "Success")
      assert.strictEqual(t.take().join(" "), "a1:slow@1000 -a1@1000 +a2@1000 a2:next@1000 +b2@1000")
    }).pipe(run())
  )

  it.effect("is interrupted at the end of that time: its asker gets Crashed with the sibling, the queue is kept", () =>
    Effect.gen(function* () {
      const t = tracing({ timed: true })
      const { a, b } = yield* plant(t, { a: { shutdown: 1_000 }, b: {} }, { strategy: "one-for-all" })
      const asker = yield* start(a.ask.Slow({ millis: 1_001 }))
      yield* work(a, "next")
      yield* crash(b)
      t.take()
      yield* pass(999)
      assert.isUndefined(asker.pollUnsafe())
      yield* pass(1)
      const error = errorOf(yield* Fiber.join(asker))
      assert.deepInclude(error, { _tag: "Crashed", actor: "a", request: "Slow", incarnation: 1, sibling: "b" })
      yield* pass("1 minute")
      assert.strictEqual(t.take().join(" "), "-a1@1000 +a2@1000 a2:next@1000 +b2@1000")
      const entry = yield* entryOf("a")
      assert.deepInclude(entry, { handled: 1, failed: 1, crashes: 0, restarts: 1 })
    }).pipe(run())
  )

  it.effect("that cannot be interrupted: its asker hears at once, and the group waits for it", () =>
    Effect.gen(function* () {
      const t = tracing({ timed: true })
      const { a, b } = yield* plant(t, { a: { shutdown: 1_000 }, b: {} }, { strategy: "one-for-all" })
      const asker = yield* start(a.ask.Stubborn({ millis: 60_000 }))
      yield* crash(b)
      t.take()
      yield* pass(1_000)
      assert.deepInclude(errorOf(yield* Fiber.join(asker)), { _tag: "Crashed", sibling: "b" })
      yield* pass(58_999)
      assert.deepStrictEqual(t.take(), [], "two incarnations are never alive together")
      yield* pass(1)
      assert.strictEqual(t.take().join(" "), "a1:stubborn@60000 -a1@60000 +a2@60000 +b2@60000")
      const entry = yield* entryOf("a")
      assert.deepInclude(entry, { handled: 0, failed: 1, inHand: 0 })
    }).pipe(run())
  )

  it.effect("that crashes by itself meanwhile: a crash is reported, and there is one restart, with the group", () =>
    Effect.gen(function* () {
      const t = tracing()
      const { b } = yield* plant(t, { b: {} }, { strategy: "one-for-all" })
      const S = yield* supervisorOf("S")
      const worker = yield* Supervisor.startChild(
        S,
        Actor.spawn(Worker, workerHandlers, { ...quick, intensity: { restarts: 0 }, shutdown: 1_000, name: "worker" })
      )
      const dying = yield* start(ask(worker, () => Effect.andThen(Effect.sleep(500), Effect.die("at last"))))
      yield* crash(b)
      yield* pass("1 minute")
      const error = errorOf(yield* Fiber.join(dying))
      assert.deepInclude(error, { _tag: "Crashed", actor: "worker", incarnation: 1 })
      // A crash in time is its own, and not charged: it would have given up.
      assert.notProperty(error, "sibling")
      assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 2 })
      assert.deepInclude(yield* entryOf("Worker"), { failed: 1, crashes: 1, restarts: 1 })
    }).pipe(run())
  )
})

// --- Restart types ------------------------------------------------------------------------------------------------------

describe("restart types", () => {
  const outcomes = [
    // [restart, how it ends, strategy, status of the child, what starts again, listed still]
    ["permanent", "Crash", "one-for-one", "Running", "b2", true],
    ["permanent", "Bye", "one-for-one", "Running", "b2", true],
    ["transient", "Crash", "one-for-one", "Running", "b2", true],
    ["transient", "Bye", "one-for-one", "Normal", "", true],
    ["temporary", "Crash", "one-for-one", "Crashed", "", false],
    ["temporary", "Bye", "one-for-one", "Normal", "", false],
    ["permanent", "Crash", "one-for-all", "Running", "a2 b2 c2", true],
    ["permanent", "Bye", "one-for-all", "Running", "a2 b2 c2", true],
    ["transient", "Crash", "one-for-all", "Running", "a2 b2 c2", true],
    ["transient", "Bye", "one-for-all", "Normal", "", true],
    ["temporary", "Crash", "one-for-all", "Crashed", "", false],
    ["temporary", "Bye", "one-for-all", "Normal", "", false],
    ["permanent", "Bye", "rest-for-one", "Running", "b2 c2", true],
    ["transient", "Crash", "rest-for-one", "Running", "b2 c2", true],
    ["transient", "Bye", "rest-for-one", "Normal", "", true],
    ["temporary", "Crash", "rest-for-one", "Crashed", "", false]
  ] as const
  for (const [restart, end, strategy, status, again, listed] of outcomes) {
    it.effect(
      `a ${restart} child under ${strategy} that ends by ${end}: ${status}; starts again: ${again || "none"}`,
      () =>
        Effect.gen(function* () {
          const t = tracing()
          const { S, a, b, c } = yield* plant(t, { a: {}, b: { restart }, c: {} }, { strategy })
          t.take()
          yield* b.tell[end]()
          yield* pass("1 minute")
          const actual = yield* Actor.status(b)
          assert.strictEqual(actual._tag === "Stopped" ? actual.reason : actual._tag, status)
          const ups = t.take().filter((line) => line.startsWith("+"))
          assert.strictEqual(ups.join(" "), again.replace(/(\S+)/g, "+$1"))
          const names = (yield* Supervisor.whichChildren(S)).map(({ address }) => address)
          assert.deepStrictEqual(names, listed ? ["a", "b", "c"] : ["a", "c"])
          assert.strictEqual((yield* incarnations(a, c)).length, 2)
        }).pipe(run())
    )
  }

  it.effect("a temporary or ended child before the failed one is not touched by rest-for-one", () =>
    Effect.gen(function* () {
      const t = tracing()
      const { S, b, c } = yield* plant(
        t,
        { a: { restart: "temporary" }, b: { restart: "transient" }, c: {}, d: {} },
        { strategy: "rest-for-one" }
      )
      yield* b.ask.Bye()
      yield* settle
      t.take()
      yield* crash(c)
      yield* pass("1 second")
      assert.deepStrictEqual(t.take(), ["-c1", "-d1", "+c2", "+d2"])
      assert.deepStrictEqual(yield* childrenOf(S), ["a:Running", "b:Stopped", "c:Running", "d:Running"])
    }).pipe(run())
  )

  it.effect("a temporary sibling that is ended with its group: SupervisorStopped, no Crashed, gone from the list", () =>
    Effect.gen(function* () {
      const t = tracing()
      const { S, a, b } = yield* plant(
        t,
        { a: {}, b: { restart: "temporary", shutdown: 1_000 }, c: {} },
        { strategy: "one-for-all" }
      )
      t.take()
      const inHand = yield* start(b.ask.Hang())
      const queued = yield* start(b.ask.Ping())
      yield* crash(a)
      yield* pass("1 minute")
      assert.deepInclude(errorOf(yield* Fiber.join(inHand)), { _tag: "Stopped", reason: "SupervisorStopped" })
      assert.deepInclude(errorOf(yield* Fiber.join(queued)), { _tag: "Stopped", reason: "SupervisorStopped" })
      assert.deepStrictEqual(t.take(), ["-a1", "-c1", "-b1", "+a2", "+c2"])
      assert.deepStrictEqual(yield* childrenOf(S), ["a:Running", "c:Running"])
      assert.deepInclude(yield* Actor.status(b), { _tag: "Stopped", reason: "SupervisorStopped" })
      // Nor does it come with the next group restart.
      yield* crash(a)
      yield* pass("1 minute")
      assert.deepStrictEqual(t.take(), ["-a2", "-c2", "+a3", "+c3"])
    }).pipe(run())
  )

  it.effect("a transient child that had ended normally starts anew with its group, behind the same handle", () =>
    Effect.gen(function* () {
      const t = tracing()
      const { a, b } = yield* plant(t, { a: {}, b: { restart: "transient" }, c: {} }, { strategy: "one-for-all" })
      yield* b.ask.Bye()
      yield* settle
      t.take()
      yield* crash(a)
      yield* pass("1 second")
      assert.deepStrictEqual(t.take(), ["-a1", "-c1", "+a2", "+b2", "+c2"])
      assert.strictEqual(yield* b.ask.Ping(), 2)
    }).pipe(run())
  )

  const stops = [
    ["Actor.stop", (_: Supervisor.Handle, b: TracedHandle) => Actor.stop(b)],
    ["terminateChild", (S: Supervisor.Handle, b: TracedHandle) => Effect.orDie(Supervisor.terminateChild(S, b.address))]
  ] as const
  for (const [name, stop] of stops) {
    it.effect(`a child that was stopped by ${name} is not started with its group`, () =>
      Effect.gen(function* () {
        const t = tracing()
        const { S, a, b } = yield* plant(t, { a: {}, b: {}, c: {} }, { strategy: "one-for-all" })
        yield* stop(S, b)
        t.take()
        yield* crash(a)
        yield* pass("1 second")
        assert.deepStrictEqual(t.take(), ["-a1", "-c1", "+a2", "+c2"])
        assert.deepStrictEqual(yield* childrenOf(S), ["a:Running", "b:Stopped", "c:Running"])
      }).pipe(run())
    )
  }

  it.effect("a child that has given up and was isolated is not started with its group", () =>
    Effect.gen(function* () {
      const t = tracing()
      const { S, a, b } = yield* plant(
        t,
        { a: {}, b: fragile, c: {} },
        { strategy: "one-for-all", onExhausted: "isolate" }
      )
      t.take()
      yield* crash(b)
      yield* pass("1 second")
      assert.deepStrictEqual(t.take(), ["-b1"], "its siblings go on")
      yield* crash(a)
      yield* pass("1 second")
      assert.deepStrictEqual(t.take(), ["-a1", "-c1", "+a2", "+c2"])
      assert.deepStrictEqual(yield* childrenOf(S), ["a:Running", "b:Stopped", "c:Running"])
    }).pipe(run())
  )
})

// --- Intensity ----------------------------------------------------------------------------------------------------------

describe("the restart intensity in a group", () => {
  const twice = { intensity: { restarts: 2, window: "1 hour" } } as const

  for (const strategy of ["one-for-all", "rest-for-one"] as const) {
    it.effect(`under ${strategy} is charged to the one that failed, not to those that are restarted with it`, () =>
      Effect.gen(function* () {
        const t = tracing()
        const { S, a, b } = yield* plant(
          t,
          { a: { intensity: { restarts: 5, window: "1 hour" } }, b: twice },
          { strategy, onExhausted: "isolate" }
        )
        for (let n = 0; n < 5; n++) {
          yield* crash(a)
          yield* pass("1 minute")
        }
        assert.deepStrictEqual(yield* incarnations(a, b), [6, 6])
        // So b has its whole budget still.
        for (let n = 0; n < 2; n++) {
          yield* crash(b)
          yield* pass("1 minute")
        }
        assert.deepStrictEqual(yield* childrenOf(S), ["a:Running", "b:Running"])
        yield* crash(b)
        yield* pass("1 minute")
        assert.deepStrictEqual(yield* childrenOf(S), ["a:Running", "b:Stopped"])
      }).pipe(run())
    )
  }

  it.effect("is charged with a start that fails in a group restart, which begins a new round with a longer delay", () =>
    Effect.gen(function* () {
      const t = tracing({ timed: true })
      const bad = { onStart: (n: number) => (n === 2 || n === 3 ? new Refused({ why: "not yet" }) : Effect.void) }
      const { S, a, b } = yield* plant(
        t,
        { a: {}, b: { ...bad, ...twice }, c: {} },
        { strategy: "one-for-all", onExhausted: "isolate" }
      )
      t.take()
      yield* crash(a)
      yield* pass("1 minute")
      assert.strictEqual(
        t.take().join(" "),
        "-a1@0 -c1@0 -b1@0 +a2@100 +b2@100 -b2@100 -a2@100 +a3@200 +b3@200 -b3@200 -a3@200 +a4@400 +b4@400 +c2@400"
      )
      // Its budget of two is spent now.
      yield* crash(b)
      yield* pass("1 minute")
      assert.deepStrictEqual(yield* childrenOf(S), ["a:Running", "b:Stopped", "c:Running"])
    }).pipe(run())
  )

  it.effect("that is exceeded by starts that fail in a group restart isolates the child, and the others come up", () =>
    Effect.gen(function* () {
      const t = tracing()
      const bad = { onStart: (n: number) => (n > 1 ? new Refused({ why: "never again" }) : Effect.void) }
      const { S, a, b } = yield* plant(
        t,
        { a: {}, b: { ...bad, ...twice }, c: {} },
        { strategy: "one-for-all", onExhausted: "isolate" }
      )
      const queued = yield* start(Effect.andThen(Effect.sleep(1), b.ask.Ping()))
      yield* crash(a)
      yield* pass("1 minute")
      assert.deepInclude(errorOf(yield* Fiber.join(queued)), { _tag: "Stopped", reason: "RapidFail", phase: "queued" })
      assert.deepStrictEqual(yield* childrenOf(S), ["a:Running", "b:Stopped", "c:Running"])
    }).pipe(run())
  )
})

// --- Failures in the middle of it ---------------------------------------------------------------------------------------

describe("failures that meet", () => {
  for (const strategy of ["one-for-all", "rest-for-one"] as const) {
    it.effect(`under ${strategy}: all children at the same moment make one restart of the group`, () =>
      Effect.gen(function* () {
        const t = tracing()
        const { S, a, b, c } = yield* plant(t, { a: {}, b: {}, c: {} }, { strategy })
        t.take()
        yield* Effect.forEach([c, a, b], (actor) => actor.tell.Crash())
        yield* pass("1 minute")
        const trace = t.take()
        assertDownBeforeUp(trace)
        assert.deepStrictEqual(trace.slice(3), ["+a2", "+b2", "+c2"], trace.join(" "))
        assert.deepStrictEqual(yield* childrenOf(S), ["a:Running", "b:Running", "c:Running"])
      }).pipe(run())
    )
  }

  it.effect("under one-for-one: all children at the same moment restart each by itself", () =>
    Effect.gen(function* () {
      const t = tracing({ timed: true })
      const { a, b, c } = yield* plant(t, { a: {}, b: {}, c: {} })
      yield* crash(a)
      yield* pass("1 hour")
      t.take()
      yield* Effect.forEach([c, b, a], (actor) => actor.tell.Crash())
      yield* pass("1 hour")
      const ups = t.take().filter((line) => line.startsWith("+"))
      assert.deepStrictEqual(ups.map((line) => line.slice(0, 3)).toSorted(), ["+a3", "+b2", "+c2"])
    }).pipe(run())
  )

  it.effect("a sibling that crashes while the group is being torn down is restarted once, with the group", () =>
    Effect.gen(function* () {
      const t = tracing()
      const slow = slowToClose(1_000)
      const { a, b } = yield* plant(t, { a: {}, b: {}, c: slow }, { strategy: "one-for-all" })
      t.take()
      yield* crash(b)
      // c closes; a is up still.
      yield* crash(a)
      yield* pass("1 minute")
      const trace = t.take()
      assertDownBeforeUp(trace)
      assert.deepStrictEqual(trace.slice(-3), ["+a2", "+b2", "+c2"])
      assert.strictEqual(trace.length, 6, trace.join(" "))
    }).pipe(run())
  )

  it.effect(
    "a sibling whose handler dies while it is halted is restarted once, with the group, and its crash is reported",
    () =>
      Effect.gen(function* () {
        const t = tracing()
        const { a, b } = yield* plant(
          t,
          { a: { shutdown: 1_000, ...slowToClose(10) }, b: {} },
          { strategy: "one-for-all" }
        )
        const asker = yield* start(a.ask.Hang())
        t.take()
        yield* crash(b)
        yield* pass("1 minute")
        assert.deepInclude(errorOf(yield* Fiber.join(asker)), { _tag: "Crashed", sibling: "b" })
        assert.deepStrictEqual(t.take(), ["-b1", "-a1", "+a2", "+b2"])
      }).pipe(run())
  )

  it.effect("an earlier child that fails while rest-for-one waits for the backoff makes the group larger", () =>
    Effect.gen(function* () {
      const t = tracing({ timed: true })
      const { a, c } = yield* plant(t, { a: {}, b: {}, c: {}, d: {} }, { strategy: "rest-for-one" })
      t.take()
      yield* crash(c)
      assert.strictEqual(t.take().join(" "), "-c1@0 -d1@0")
      yield* pass(50)
      yield* crash(a)
      yield* pass("1 minute")
      assert.strictEqual(t.take().join(" "), "-a1@50 -b1@50 +a2@150 +b2@150 +c2@150 +d2@150")
    }).pipe(run())
  )

  it.effect("a later child that failed first does not shorten the delay of the earlier one, nor its own", () =>
    Effect.gen(function* () {
      const t = tracing({ timed: true })
      const long = { backoff: { base: 10_000, cap: "1 hour", jitter: false } } as const
      const { a, c } = yield* plant(t, { a: {}, b: {}, c: long }, { strategy: "rest-for-one" })
      yield* crash(c)
      yield* crash(a)
      t.take()
      yield* pass(9_999)
      assert.deepStrictEqual(t.take(), [])
      yield* pass(1)
      assert.strictEqual(t.take().join(" "), "+a2@10000 +b2@10000 +c2@10000")
    }).pipe(run())
  )

  it.effect("an earlier child that fails while a later one starts again in a group restart begins a new round", () =>
    Effect.gen(function* () {
      const t = tracing({ timed: true })
      const slow = { onStart: (n: number) => (n > 1 ? Effect.sleep(1_000) : Effect.void) }
      const { a, b } = yield* plant(t, { a: {}, b: {}, c: slow, d: {} }, { strategy: "rest-for-one" })
      t.take()
      yield* crash(b)
      yield* pass(500)
      assert.strictEqual(t.take().join(" "), "-b1@0 -d1@0 -c1@0 +b2@100 +c2@100")
      yield* crash(a)
      yield* pass("1 minute")
      assert.strictEqual(t.take().join(" "), "-a1@500 -c2@500 -b2@500 +a2@600 +b3@600 +c3@600 +d2@1600")
    }).pipe(run())
  )

  it.effect(
    "a child of the group that was started again and crashes while the next one starts begins a new round",
    () =>
      Effect.gen(function* () {
        const t = tracing({ timed: true })
        const slow = { onStart: (n: number) => (n === 2 ? Effect.sleep(1_000) : Effect.void) }
        const { a, c } = yield* plant(t, { a: {}, b: slow, c: {} }, { strategy: "one-for-all" })
        t.take()
        yield* crash(c)
        yield* pass(500)
        yield* crash(a)
        yield* pass("1 minute")
        const trace = t.take()
        assert.strictEqual(trace.join(" "), "-c1@0 -b1@0 -a1@0 +a2@100 +b2@100 -a2@500 -b2@500 +a3@600 +b3@600 +c2@600")
      }).pipe(run())
  )

  it.effect("a queue that crashes each incarnation at its first message does not hold the group up for ever", () =>
    Effect.gen(function* () {
      const t = tracing()
      const { S, a, b, c } = yield* plant(t, { a: {}, b: {}, c: {} }, { strategy: "one-for-all" })
      for (let n = 0; n < 4; n++) yield* b.tell.Crash()
      yield* work(a, "1")
      yield* work(c, "1")
      yield* pass("1 hour")
      assert.deepStrictEqual(yield* childrenOf(S), ["a:Running", "b:Running", "c:Running"])
      assert.strictEqual(yield* b.ask.Ping(), 5)
      const trace = t.take()
      assert.strictEqual(trace.filter((line) => line.endsWith(":1")).length, 2, trace.join(" "))
    }).pipe(run())
  )
})

describe("what comes in while a group is restarted", () => {
  /** Crashes b; a, b and c are down then, for 100 ms. */
  const down = (t: ReturnType<typeof tracing>, strategy: "one-for-all" | "rest-for-one" = "one-for-all") =>
    Effect.gen(function* () {
      const actors = yield* plant(t, { a: {}, b: {}, c: {} }, { strategy })
      yield* crash(actors.b)
      t.take()
      return actors
    })

  const stops = [
    [
      "terminateChild",
      (S: Supervisor.Handle, b: TracedHandle) => Effect.orDie(Supervisor.terminateChild(S, b.address))
    ],
    ["Actor.stop", (_: Supervisor.Handle, b: TracedHandle) => Actor.stop(b)]
  ] as const
  for (const [name, stop] of stops) {
    for (const strategy of ["one-for-all", "rest-for-one"] as const) {
      it.effect(`${name} of the failed child, under ${strategy}: it stays stopped, and its siblings come back`, () =>
        Effect.gen(function* () {
          const t = tracing()
          const { S, a, b, c } = yield* down(t, strategy)
          yield* stop(S, b)
          yield* pass("1 minute")
          assert.deepStrictEqual(yield* childrenOf(S), ["a:Running", "b:Stopped", "c:Running"])
          assert.strictEqual((yield* incarnations(a, c)).at(-1), 2)
        }).pipe(run())
      )
    }
  }

  it.effect("terminateChild of a sibling: it stays stopped, the others come back", () =>
    Effect.gen(function* () {
      const t = tracing()
      const { S, c } = yield* down(t)
      const queued = yield* start(c.ask.Ping())
      const terminating = yield* start(Supervisor.terminateChild(S, "c"))
      yield* pass("1 minute")
      // It may work off what is queued first, in a new incarnation, or drop it: but it ends, and is not started again.
      assert.isDefined(queued.pollUnsafe())
      assert.strictEqual((yield* Fiber.join(terminating))._tag, "Success")
      assert.deepStrictEqual(yield* childrenOf(S), ["a:Running", "b:Running", "c:Stopped"])
      yield* crash(c).pipe(Effect.ignore)
      yield* pass("1 minute")
      assert.deepStrictEqual(yield* childrenOf(S), ["a:Running", "b:Running", "c:Stopped"])
    }).pipe(run())
  )

  it.effect("a startChild: the new child is ready, and the group comes back", () =>
    Effect.gen(function* () {
      const t = tracing()
      const { S, a } = yield* down(t)
      const d = yield* Supervisor.startChild(S, t.traced("d").spawn)
      yield* pass("1 minute")
      assert.deepStrictEqual(yield* childrenOf(S), ["a:Running", "b:Running", "c:Running", "d:Running"])
      t.take()
      // It belongs to the group from now on.
      yield* crash(a)
      yield* pass("1 minute")
      assert.isTrue(t.take().join(" ").startsWith("-a2 -d"))
      assert.isAtLeast(yield* d.ask.Ping(), 2)
    }).pipe(run())
  )

  it.effect(
    "a group restart while a startChild's child is starting: the call settles, and no half-started child is left",
    () =>
      Effect.gen(function* () {
        const t = tracing()
        const { S, a } = yield* plant(t, { a: {}, b: {} }, { strategy: "one-for-all" })
        const starting = yield* start(
          Supervisor.startChild(
            S,
            t.traced("d", { onStart: (n) => (n === 1 ? Effect.sleep(1_000) : Effect.void) }).spawn
          )
        )
        yield* pass(500)
        yield* crash(a)
        yield* pass("1 minute")
        const exit = yield* Fiber.join(starting)
        const children = yield* childrenOf(S)
        if (exit._tag === "Success") assert.deepStrictEqual(children, ["a:Running", "b:Running", "d:Running"])
        else {
          assert.deepStrictEqual(children, ["a:Running", "b:Running"])
          // Nothing of it is left: its name is free.
          yield* Supervisor.startChild(S, t.traced("d").spawn)
        }
      }).pipe(run())
  )

  it.effect("a restartChild that the group restart cuts short leaves the child as it says: running, or as it was", () =>
    Effect.gen(function* () {
      const t = tracing()
      const slow = { onStart: (n: number) => (n === 2 ? Effect.sleep(1_000) : Effect.void) }
      const { S, a } = yield* plant(t, { a: {}, b: slow }, { strategy: "one-for-all" })
      yield* Supervisor.terminateChild(S, "b")
      const restarting = yield* start(Supervisor.restartChild(S, "b"))
      yield* pass(500)
      yield* crash(a)
      yield* pass("1 minute")
      const exit = yield* Fiber.join(restarting)
      const expected = exit._tag === "Success" ? "b:Running" : "b:Stopped"
      assert.deepStrictEqual(yield* childrenOf(S), ["a:Running", expected])
    }).pipe(run())
  )

  it.effect("a stop of the supervisor: nothing starts any more, and every asker hears of it", () =>
    Effect.gen(function* () {
      const t = tracing()
      const { S, a, b, c } = yield* down(t)
      const queued = yield* Effect.forEach([a, b, c], (actor) => start(actor.ask.Ping()))
      yield* Actor.stop(S, { deadline: 0 })
      assert.deepStrictEqual(t.take(), [])
      for (const asker of queued) {
        assert.deepInclude(errorOf(yield* Fiber.join(asker)), { _tag: "Stopped", reason: "SupervisorStopped" })
      }
      yield* pass("1 minute")
      assert.deepStrictEqual(t.take(), [])
    }).pipe(run())
  )

  it.effect("a drain: the group comes back, and what is queued is handled before all ends", () =>
    Effect.gen(function* () {
      const t = tracing()
      const { a, b, c } = yield* down(t)
      for (const actor of [a, b, c]) yield* work(actor, "1", "2")
      const drain = yield* start(Ryker.drain("10 seconds"))
      yield* pass("1 minute")
      const report = yield* Effect.flatten(Fiber.join(drain))
      assert.strictEqual(report.outcome, "complete")
      assert.isAtMost(report.millis, 10_000)
      assert.deepStrictEqual(t.take().slice(-3), ["-c2", "-b2", "-a2"])
    }).pipe(run())
  )

  it.effect("a drain that has no time for it: nothing starts, and the queues are dropped as shutdown", () =>
    Effect.gen(function* () {
      const t = tracing()
      const { a, b, c } = yield* down(t)
      for (const actor of [a, b, c]) yield* work(actor, "1", "2")
      const drain = yield* start(Ryker.drain(50))
      yield* pass("1 minute")
      const report = yield* Effect.flatten(Fiber.join(drain))
      assert.strictEqual(report.millis, 50)
      assert.deepStrictEqual(t.take(), [])
      for (const { accepted, dropped, failed } of yield* Ryker.ledger) {
        assert.strictEqual(dropped.shutdown, 2)
        assert.strictEqual(accepted, dropped.shutdown + failed)
      }
    }).pipe(run())
  )

  it.effect("the close of its Layer: it ends within its time, and nothing starts afterwards", () =>
    Effect.gen(function* () {
      const t = tracing()
      yield* Effect.scoped(down(t))
      assert.deepStrictEqual(t.take(), [])
      yield* pass("1 minute")
      assert.deepStrictEqual(t.take(), [])
    }).pipe(run())
  )
})
