/** One test for each failure that other supervision systems are known for, and a storm over a whole tree. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Stream from "effect/Stream"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import type { DeadLetter } from "../src/DeadLetter.ts"
import * as Ryker from "../src/Ryker.ts"
import type * as RykerError from "../src/RykerError.ts"
import * as Supervisor from "../src/Supervisor.ts"
import { ask, entryOf, Worker, workerHandlers, type WorkerHandle } from "./Actor.fixtures.ts"
import { assertBalanced } from "./fixtures.ts"
import {
  assertNothingLeft,
  childrenOf,
  crash,
  errorOf,
  fragile,
  grow,
  pass,
  quick,
  Refused,
  run,
  runtime,
  settle,
  start,
  supervisor,
  supervisorOf,
  type TracedHandle,
  type TracedOptions,
  tracing
} from "./Supervisor.fixtures.ts"

// --- What the tests use -------------------------------------------------------------------------------------------------

/** The labels that an actor worked on, in order, from all incarnations. */
const labelsOf = (trace: ReadonlyArray<string>, name: string) =>
  trace.filter((line) => new RegExp(`^${name}\\d+:`).test(line)).map((line) => line.split(":")[1])

const all = { strategy: "one-for-all" } as const

/** The ways in which the incarnation of "a" comes to its end and is followed by another, each by one crash. */
const restarts = [
  // [how, its siblings' strategy, who crashes, what gives up at once]
  ["its own crash", "one-for-one", "a", {}],
  ["its own crash in a group", "one-for-all", "a", {}],
  ["a sibling's crash, in a group", "one-for-all", "b", {}],
  ["its supervisor's restart", "one-for-one", "b", fragile]
] as const

const plantFor = (
  t: ReturnType<typeof tracing>,
  [, strategy, who, options]: (typeof restarts)[number],
  ofA: TracedOptions = {},
  ofB: TracedOptions = {}
) =>
  Effect.gen(function* () {
    const actors = { a: t.traced("a", ofA), b: t.traced("b", { ...ofB, ...options }) }
    const handles = yield* grow(supervisor("S", Object.values(actors), { strategy }), actors)
    return { ...handles, failing: handles[who] }
  })

// --- Messages -----------------------------------------------------------------------------------------------------------

describe("messages lost on restart", () => {
  for (const restart of restarts) {
    it.effect(`none, by ${restart[0]}: those before it and those that come meanwhile, in order`, () =>
      Effect.gen(function* () {
        const t = tracing()
        const { a, failing } = yield* plantFor(t, restart, {
          onStart: (n) => (n === 2 ? Effect.sleep(100) : Effect.void),
          onClose: (n) => (n === 1 ? Effect.sleep(100) : Effect.void)
        }).pipe(Effect.forkChild({ startImmediately: true }), Effect.flatMap(Fiber.join))
        const labels = Array.from({ length: 20 }, (_, n) => `${n}`)
        // One before the crash is queued, the others while Scopes close, while it backs off, and while it starts.
        if (failing === a) yield* a.tell.Crash()
        yield* a.tell.Work({ label: "0" })
        if (failing !== a) yield* failing.tell.Crash()
        for (const label of labels.slice(1)) {
          yield* pass(20)
          yield* a.tell.Work({ label })
        }
        yield* pass("1 minute")
        assert.deepStrictEqual(labelsOf(t.take(), "a"), labels)
        assert.deepInclude(yield* Actor.status(a), { _tag: "Running", incarnation: 2, queued: 0 })
      }).pipe(run())
    )
  }

  it.effect("none of a full mailbox, which stays bounded while it is down", () =>
    Effect.gen(function* () {
      const t = tracing()
      const { a, failing } = yield* plantFor(t, restarts[2], { capacity: 3 })
      yield* failing.tell.Crash()
      yield* settle
      for (const label of ["1", "2", "3"]) yield* a.tell.Work({ label })
      assert.deepInclude(yield* Effect.flip(a.tell.Work({ label: "4" })), { _tag: "Busy", capacity: 3 })
      yield* pass("1 minute")
      assert.deepStrictEqual(labelsOf(t.take(), "a"), ["1", "2", "3"])
    }).pipe(run())
  )
})

describe("leftovers lost when the budget is spent", () => {
  for (const onExhausted of ["isolate", "escalate"] as const) {
    it.effect(
      `none (${onExhausted}): queued asks get Stopped, queued tells are dead letters, and all are counted`,
      () =>
        Effect.gen(function* () {
          const t = tracing()
          const letters: Array<DeadLetter> = []
          const reader = yield* Ryker.deadLetters.pipe(
            Stream.runForEach((letter) => Effect.sync(() => letters.push(letter))),
            Effect.forkChild({ startImmediately: true })
          )
          const actors = { a: t.traced("a", fragile), b: t.traced("b") }
          const { a } = yield* grow(supervisor("S", Object.values(actors), { onExhausted }), actors)
          yield* Actor.suspend(a)
          yield* a.tell.Crash()
          yield* a.tell.Work({ label: "told" })
          const asked = yield* start(a.ask.Ping())
          yield* a.tell.Work({ label: "told" })
          yield* Actor.resume(a)
          yield* settle
          assert.deepInclude(errorOf(yield* Fiber.join(asked)), {
            _tag: "Stopped",
            reason: "RapidFail",
            phase: "queued"
          })
          assert.deepStrictEqual(
            letters.map(({ actor, kind, reason, request }) => [actor, kind, request, reason]),
            [
              ["a", "tell", "Work", "rapid_fail"],
              ["a", "ask", "Ping", "rapid_fail"],
              ["a", "tell", "Work", "rapid_fail"]
            ]
          )
          const entry = yield* entryOf("a")
          assert.deepInclude(entry, { accepted: 4, handled: 0, failed: 1, queued: 0, inHand: 0 })
          assert.strictEqual(entry.dropped.rapid_fail, 3)
          yield* Fiber.interrupt(reader)
        }).pipe(run())
    )
  }

  it.effect(
    "none when the root gives up: what the other actors of the tree had queued is answered and counted, too",
    () =>
      Effect.gen(function* () {
        const t = tracing()
        const actors = { a: t.traced("a"), b: t.traced("b", fragile), c: t.traced("c") }
        const inner = supervisor("I", [actors.a], fragile)
        const tree = supervisor("S", [inner, actors.b, actors.c], fragile)
        const { a, b, c } = yield* grow(tree, actors)
        for (const actor of [a, c]) yield* Actor.suspend(actor)
        const asked = yield* Effect.forEach([a, c], (actor) =>
          Effect.andThen(actor.tell.Work({ label: "told" }), start(actor.ask.Ping()))
        )
        yield* crash(b)
        yield* settle
        for (const asker of asked) {
          assert.deepInclude(errorOf(yield* Fiber.join(asker)), { _tag: "Stopped", reason: "SupervisorStopped" })
        }
        for (const name of ["a", "c"]) {
          const entry = yield* entryOf(name)
          assert.strictEqual(entry.dropped.shutdown, 2, name)
          assert.strictEqual(entry.queued, 0)
        }
      }).pipe(run())
  )
})

describe("order broken when a crash follows a backoff", () => {
  it.effect("not: each crash takes its own message, and the rest stays as it was sent", () =>
    Effect.gen(function* () {
      for (const restart of restarts.slice(0, 2)) {
        yield* Effect.gen(function* () {
          const t = tracing()
          const { a } = yield* plantFor(t, restart)
          yield* a.tell.Crash()
          yield* a.tell.Work({ label: "1" })
          yield* a.tell.Crash()
          yield* a.tell.Work({ label: "2" })
          yield* pass(150)
          // In the second backoff: what is sent now comes after what waits since the first.
          yield* a.tell.Crash()
          yield* a.tell.Work({ label: "3" })
          yield* pass("1 minute")
          const trace = t.take().filter((line) => /^.?a/.test(line))
          assert.deepStrictEqual(trace, "+a1 -a1 +a2 a2:1 -a2 +a3 a3:2 -a3 +a4 a4:3".split(" "))
        }).pipe(run())
      }
    })
  )
})

describe("a call executed after its caller gave up", () => {
  for (const restart of restarts) {
    for (const gaveUp of ["timeout", "interruption"] as const) {
      it.effect(`never, by ${gaveUp} while its actor is down by ${restart[0]}`, () =>
        Effect.gen(function* () {
          const t = tracing()
          const { a, failing } = yield* plantFor(t, restart)
          yield* crash(failing)
          const asker = yield* start(
            a.ask.Work({ label: "too late" }, { deadline: gaveUp === "timeout" ? 50 : "Infinity" })
          )
          yield* a.tell.Work({ label: "after" })
          yield* pass(50)
          if (gaveUp === "timeout") {
            assert.deepInclude(errorOf(yield* Fiber.join(asker)), { _tag: "Timeout", phase: "queued" })
          } else yield* Fiber.interrupt(asker)
          yield* pass("1 minute")
          assert.deepStrictEqual(labelsOf(t.take(), "a"), ["after"])
          const { dropped } = yield* entryOf("a")
          assert.strictEqual(dropped[gaveUp === "timeout" ? "deadline" : "interrupted"], 1)
        }).pipe(run())
      )
    }
  }

  for (const gaveUp of ["timeout", "interruption"] as const) {
    it.effect(`never, by ${gaveUp} while it is stashed, also when a group restart brings the stash back`, () =>
      Effect.gen(function* () {
        const t = tracing()
        const actors = { b: t.traced("b") }
        const { b } = yield* grow(supervisor("S", Object.values(actors), all), actors)
        const S = yield* supervisorOf("S")
        const worker = yield* Supervisor.startChild(
          S,
          Actor.spawn(Worker, workerHandlers, { ...quick, name: "worker" })
        )
        const job = () =>
          Effect.gen(function* () {
            const { incarnation } = yield* Actor.self
            if (incarnation === 1) return yield* Actor.stash
            return yield* t.note("ran")
          })
        const asker = yield* start(ask(worker, job, { deadline: gaveUp === "timeout" ? 50 : "Infinity" }))
        const patient = yield* start(ask(worker, job))
        yield* crash(b)
        yield* pass(50)
        if (gaveUp === "timeout") assert.deepInclude(errorOf(yield* Fiber.join(asker)), { _tag: "Timeout" })
        else yield* Fiber.interrupt(asker)
        yield* pass("1 minute")
        assert.strictEqual((yield* Fiber.join(patient))._tag, "Success")
        assert.deepStrictEqual(
          t.take().filter((line) => line === "ran"),
          ["ran"]
        )
      }).pipe(run())
    )
  }
})

// --- Incarnations -------------------------------------------------------------------------------------------------------

describe("an old handle controlling a dead incarnation", () => {
  it.effect("not: a handle from before leads to the incarnation that is there, after each kind of restart", () =>
    Effect.gen(function* () {
      for (const restart of restarts) {
        yield* Effect.gen(function* () {
          const t = tracing()
          const { a, failing } = yield* plantFor(t, restart)
          yield* crash(failing)
          yield* pass("1 minute")
          assert.strictEqual(yield* a.ask.Ping(), 2, restart[0])
          yield* Actor.stop(a)
          assert.include(t.take(), "-a2", "it is the living one that it stops")
        }).pipe(run())
      }
    })
  )

  const leftovers = [
    ["Actor.stopSelf", Actor.stopSelf],
    [
      "a timer",
      Effect.flatMap(Actor.timers, (timers) => Effect.ignore(timers.single("late", 1, Effect.die("from the grave"))))
    ],
    ["a receive timeout", Effect.ignore(Actor.receiveTimeout(1, Effect.die("from the grave")))]
  ] as const
  for (const [name, act] of leftovers) {
    it.effect(`not: ${name} in a fiber that outlives its incarnation does nothing to the next one`, () =>
      Effect.gen(function* () {
        const t = tracing()
        const gate = yield* Deferred.make<void>()
        const actors = { b: t.traced("b") }
        const { b } = yield* grow(supervisor("S", Object.values(actors), all), actors)
        const worker: WorkerHandle = yield* Supervisor.startChild(
          yield* supervisorOf("S"),
          Actor.spawn(Worker, workerHandlers, { ...quick, name: "worker" })
        )
        yield* ask(worker, () =>
          Effect.forkDetach(Effect.andThen(Deferred.await(gate), act), { startImmediately: true })
        )
        yield* crash(b)
        yield* pass("1 second")
        yield* Deferred.succeed(gate, undefined)
        yield* pass("1 second")
        assert.deepInclude(yield* Actor.status(worker), { _tag: "Running", incarnation: 2 })
      }).pipe(run())
    )
  }

  it.effect("not: Actor.unstashAll in a fiber that outlives its incarnation leaves the next one's stash alone", () =>
    Effect.gen(function* () {
      const t = tracing()
      const gate = yield* Deferred.make<void>()
      const actors = { b: t.traced("b") }
      const { b } = yield* grow(supervisor("S", Object.values(actors), all), actors)
      const worker = yield* Supervisor.startChild(
        yield* supervisorOf("S"),
        Actor.spawn(Worker, workerHandlers, { ...quick, name: "worker" })
      )
      const late = Effect.andThen(Deferred.await(gate), Actor.unstashAll)
      yield* ask(worker, () => Effect.forkDetach(late, { startImmediately: true }))
      yield* crash(b)
      yield* pass("1 second")
      const stashed = yield* start(ask(worker, () => Effect.andThen(t.note("stash"), Actor.stash)))
      yield* Deferred.succeed(gate, undefined)
      yield* settle
      assert.strictEqual(t.take().filter((line) => line === "stash").length, 1)
      yield* Fiber.interrupt(stashed)
    }).pipe(run())
  )

  it.effect("not: an answer that comes late from the old incarnation changes nothing in the new one's books", () =>
    Effect.gen(function* () {
      const t = tracing()
      const { a, failing } = yield* plantFor(t, restarts[2], { shutdown: 0 })
      const asker = yield* start(a.ask.Stubborn({ millis: 1_000 }))
      yield* crash(failing)
      assert.deepInclude(errorOf(yield* Fiber.join(asker)), { _tag: "Crashed", incarnation: 1, sibling: "b" })
      yield* pass("1 minute")
      assert.deepInclude(yield* entryOf("a"), { accepted: 1, handled: 0, failed: 1, inHand: 0, crashes: 0 })
      assert.deepInclude(yield* Actor.status(a), { _tag: "Running", incarnation: 2, busy: false })
    }).pipe(run())
  )
})

describe("old cleanup overlapping the new start", () => {
  for (const restart of restarts) {
    for (const whose of ["its own", "its sibling's"] as const) {
      // There its sibling does not end.
      if (restart === restarts[0] && whose !== "its own") continue
      it.effect(`never, by ${restart[0]}, when ${whose} cleanup is slow`, () =>
        Effect.gen(function* () {
          const t = tracing()
          const alive = { a: 0, b: 0 }
          const counted = (name: "a" | "b", isSlow: boolean): TracedOptions => ({
            onStart: () => {
              alive[name]++
              assert.strictEqual(alive[name], 1, `two of ${name}`)
              // In a group, and below a supervisor that restarts, nobody is left of the others.
              if (restart[2] === "b") assert.isAtMost(alive.a + alive.b, name === "a" ? 1 : 2)
              return Effect.void
            },
            onClose: (n) =>
              Effect.andThen(
                n === 1 && isSlow ? Effect.sleep(10_000) : Effect.void,
                Effect.sync(() => alive[name]--)
              )
          })
          const { a, b, failing } = yield* plantFor(
            t,
            restart,
            counted("a", whose === "its own"),
            counted("b", whose !== "its own")
          )
          yield* crash(failing)
          yield* pass("1 minute")
          for (const actor of [a, b]) assert.strictEqual((yield* Actor.status(actor))._tag, "Running")
          assert.deepStrictEqual(alive, { a: 1, b: 1 })
          assert.strictEqual(yield* a.ask.Ping(), 2)
        }).pipe(run())
      )
    }
  }
})

describe("a throwing start that leaves a zombie", () => {
  const starts: ReadonlyArray<readonly [string, () => Effect.Effect<unknown, Refused>]> = [
    ["fails", () => new Refused({ why: "no" })],
    ["dies", () => Effect.die("no")],
    [
      "throws",
      () => {
        throw new Error("no")
      }
    ],
    ["interrupts itself", () => Effect.interrupt],
    ["hangs", () => Effect.never]
  ]
  for (const [how, bad] of starts) {
    it.effect(`not at the first start that ${how}: nothing of the tree is left, and it can be started anew`, () =>
      Effect.gen(function* () {
        const t = tracing()
        const tree = supervisor("S", [
          t.traced("a"),
          supervisor("I", [t.traced("b"), t.traced("c", { onStart: bad, startTimeout: 100 })])
        ])
        const building = yield* start(Effect.scoped(Layer.build(tree)))
        yield* pass("1 minute")
        assert.deepInclude(errorOf(yield* Fiber.join(building)), {
          _tag: "SupervisorStartError",
          supervisor: "S",
          child: "I"
        })
        assert.deepStrictEqual(t.take(), ["+a1", "+b1", "+c1", "-c1", "-b1", "-a1"])
        yield* assertNothingLeft
        yield* grow(supervisor("S", [t.traced("a"), supervisor("I", [t.traced("b"), t.traced("c")])]), {})
      }).pipe(run())
    )

    for (const restart of restarts) {
      it.effect(
        `not in ${restart[0]}, when the start once ${how}: what it had is released, and the next one succeeds`,
        () =>
          Effect.gen(function* () {
            const t = tracing()
            const { a, b, failing } = yield* plantFor(t, restart, {
              onStart: (n) => (n === 2 ? bad() : Effect.void),
              startTimeout: 100
            })
            yield* crash(failing)
            const queued = yield* start(a.ask.Ping())
            yield* pass("1 minute")
            assert.strictEqual((yield* Fiber.join(queued))._tag, "Success")
            const trace = t.take()
            assert.deepStrictEqual(
              trace.filter((line) => line.includes("a")),
              ["+a1", "-a1", "+a2", "-a2", "+a3"],
              trace.join(" ")
            )
            assert.strictEqual(yield* a.ask.Ping(), 3)
            assert.strictEqual((yield* Actor.status(b))._tag, "Running")
          }).pipe(run())
      )
    }
  }
})

// --- Budgets ------------------------------------------------------------------------------------------------------------

describe("siblings sharing one restart budget", () => {
  for (const strategy of ["one-for-one", "one-for-all", "rest-for-one"] as const) {
    it.effect(`not under ${strategy}: each may crash as often as it may alone`, () =>
      Effect.gen(function* () {
        const t = tracing()
        const twice = { intensity: { restarts: 2, window: "1 hour" } } as const
        const actors = { a: t.traced("a", twice), b: t.traced("b", twice), c: t.traced("c", twice) }
        const tree = supervisor("S", Object.values(actors), { strategy, onExhausted: "isolate" })
        const { a, b, c } = yield* grow(tree, actors)
        const S = yield* supervisorOf("S")
        for (const actor of [a, b, c, c, b, a]) {
          yield* crash(actor)
          yield* pass("1 minute")
        }
        assert.deepStrictEqual(yield* childrenOf(S), ["a:Running", "b:Running", "c:Running"])
        yield* crash(b)
        yield* pass("1 minute")
        assert.deepStrictEqual(yield* childrenOf(S), ["a:Running", "b:Stopped", "c:Running"])
      }).pipe(run())
    )
  }
})

describe("a crash every window/n", () => {
  for (const strategy of ["one-for-one", "one-for-all"] as const) {
    for (const [millis, trips] of [
      [250, false],
      [249, true],
      [251, false]
    ] as const) {
      it.effect(`of 1,000 ms / 4, under ${strategy}, each ${millis} ms: ${trips ? "trips" : "never trips"}`, () =>
        Effect.gen(function* () {
          const t = tracing()
          const actors = {
            a: t.traced("a", {
              intensity: { restarts: 4, window: 1_000 },
              backoff: { base: 1, cap: 1, jitter: false }
            }),
            b: t.traced("b")
          }
          const tree = supervisor("S", Object.values(actors), { strategy, onExhausted: "isolate" })
          const { a } = yield* grow(tree, actors)
          for (let n = 0; n < 20; n++) {
            yield* Effect.ignore(crash(a))
            yield* pass(millis)
          }
          const status = yield* Actor.status(a)
          assert.strictEqual(status._tag, trips ? "Stopped" : "Running")
          if (!trips) assert.strictEqual(yield* a.ask.Ping(), 21)
        }).pipe(run())
      )
    }
  }
})

// --- Shutdown -----------------------------------------------------------------------------------------------------------

describe("no total shutdown deadline", () => {
  const hindrances = [
    ["stubborn handlers", {}, (actor: TracedHandle) => actor.tell.Stubborn({ millis: 7_200_000 })],
    ["hanging finalizers", { onClose: () => Effect.sleep("2 hours") }, () => Effect.void],
    [
      "both, and long queues",
      { onClose: () => Effect.sleep("2 hours") },
      (actor: TracedHandle) =>
        Effect.forEach(Array.from({ length: 5 }), () => actor.tell.Stubborn({ millis: 7_200_000 }), { discard: true })
    ]
  ] as const
  const ends = [
    ["Actor.stop of the root", Effect.flatMap(supervisorOf("R"), (root) => Actor.stop(root)), false],
    [
      "Actor.stop with a deadline",
      Effect.flatMap(supervisorOf("R"), (root) => Actor.stop(root, { deadline: 3_000 })),
      false
    ],
    ["the close of its Layer", Effect.void, true],
    ["a drain", Ryker.drain(3_000), false]
  ] as const
  for (const [what, options, hinder] of hindrances) {
    for (const [how, end, closes] of ends) {
      it.effect(`there is one, with ${what} in a tree of three levels, for ${how}`, () =>
        Effect.gen(function* () {
          const t = tracing()
          // Each of the six has 2 seconds, all together 3.
          const of = (name: string) => t.traced(name, { ...options, shutdown: 2_000 })
          const actors = { a: of("a"), b: of("b"), c: of("c"), d: of("d"), e: of("e"), f: of("f") }
          const total = { shutdown: 3_000 }
          const L = supervisor("L", [actors.a, actors.b], total)
          const M = supervisor("M", [actors.c, L, actors.d], total)
          const ending = Effect.gen(function* () {
            const handles = yield* grow(supervisor("R", [actors.e, M, actors.f], total), actors)
            for (const actor of Object.values(handles)) yield* hinder(actor)
            yield* settle
            if (!closes) yield* Effect.asVoid(end)
          })
          // The Layer's own Scope, so that its close is what is waited for; or one that lasts.
          const scope = yield* Effect.scope
          const fiber = yield* start(closes ? Effect.scoped(ending) : Effect.provideService(ending, Scope.Scope, scope))
          yield* TestClock.adjust(2_999)
          assert.isUndefined(fiber.pollUnsafe(), "it gives them the time")
          yield* TestClock.adjust(1)
          yield* settle
          assert.isDefined(fiber.pollUnsafe(), "it takes no more")
          yield* pass("1 day")
          yield* assertNothingLeft
        }).pipe(run())
      )
    }
  }

  it.effect("there is one, for a stop that comes in the middle of a group restart whose cleanup hangs", () =>
    Effect.gen(function* () {
      const t = tracing()
      const hanging = { onClose: () => Effect.sleep("2 hours"), shutdown: 2_000 }
      const actors = { a: t.traced("a", hanging), b: t.traced("b", hanging), c: t.traced("c") }
      const { c } = yield* grow(supervisor("S", Object.values(actors), { ...all, shutdown: 3_000 }), actors)
      const S = yield* supervisorOf("S")
      yield* crash(c)
      yield* pass("10 minutes")
      const queued = yield* start(c.ask.Ping())
      const stopping = yield* start(Actor.stop(S))
      yield* pass(3_000)
      assert.isDefined(stopping.pollUnsafe())
      assert.deepInclude(errorOf(yield* Fiber.join(queued)), { _tag: "Stopped", reason: "SupervisorStopped" })
      yield* pass("1 day")
      yield* assertNothingLeft
    }).pipe(run())
  )
})

describe("a cleanup that throws or hangs", () => {
  for (const restart of restarts) {
    it.effect(`throws, in ${restart[0]}: it is reported, and everything comes back`, () => {
      const events: Array<unknown> = []
      return Effect.gen(function* () {
        const t = tracing()
        const dies = { onClose: (n: number) => (n === 1 ? Effect.die("in a finalizer") : Effect.void) }
        const { a, b, failing } = yield* plantFor(t, restart, dies, dies)
        yield* crash(failing)
        yield* pass("1 minute")
        for (const actor of [a, b]) assert.strictEqual((yield* Actor.status(actor))._tag, "Running")
        assert.strictEqual(yield* a.ask.Ping(), 2)
        const expected = restart[1] === "one-for-one" && restart[2] === "a" ? 1 : 2
        assert.strictEqual(events.filter((event) => event === "finalizer_failed").length, expected)
      }).pipe(run(), Effect.provide(eventsInto(events)))
    })

    it.effect(
      `hangs, in ${restart[0]}: it is reported, nothing starts beside it, and askers hear by their deadline`,
      () => {
        const events: Array<unknown> = []
        return Effect.gen(function* () {
          const t = tracing()
          const hangs = { onClose: (n: number) => (n === 1 ? Effect.sleep("1 hour") : Effect.void), shutdown: 1_000 }
          const { a, failing } = yield* plantFor(t, restart, hangs)
          yield* crash(failing)
          t.take()
          const asker = yield* start(a.ask.Ping(undefined, { deadline: 5_000 }))
          yield* pass(5_000)
          assert.deepInclude(errorOf(yield* Fiber.join(asker)), { _tag: "Timeout", phase: "queued" })
          assert.deepStrictEqual(t.take(), [])
          assert.strictEqual(events.filter((event) => event === "scope_slow_to_close").length, 1)
          yield* pass("1 hour")
          assert.strictEqual(yield* a.ask.Ping(), 2, "it goes on as soon as it can")
        }).pipe(run(), Effect.provide(eventsInto(events)))
      }
    )
  }
})

const eventsInto = (events: Array<unknown>) =>
  Logger.layer([
    Logger.make(({ fiber }) => {
      events.push(fiber.getRef(References.CurrentLogAnnotations)["event"])
    })
  ])

// --- A storm ------------------------------------------------------------------------------------------------------------

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
const randomOf = (seed: number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Does random things to a tree of three levels with all strategies, and says what became of it. */
const storm = (seed: number, intensity: { readonly restarts: number; readonly window: number }) =>
  Effect.gen(function* () {
    const random = randomOf(seed)
    const pick = <A>(values: ReadonlyArray<A>): A => values[Math.floor(random() * values.length)]!
    const t = tracing()
    const backoff = { base: 1, cap: 4, jitter: false } as const
    /** How many incarnations of each actor are alive. */
    const alive = new Map<string, number>()
    const actor = (name: string, options: TracedOptions = {}) =>
      t.traced(name, {
        intensity,
        backoff,
        capacity: 8,
        shutdown: 40,
        ...options,
        onStart: () =>
          Effect.suspend(() => {
            const count = (alive.get(name) ?? 0) + 1
            alive.set(name, count)
            assert.strictEqual(count, 1, `${count} incarnations of ${name} at once`)
            const chance = storming ? random() : 1
            if (chance < 0.1) return new Refused({ why: "bad luck" })
            return chance < 0.3 ? Effect.sleep(20) : Effect.void
          }),
        onClose: () =>
          Effect.andThen(
            storming && random() < 0.2 ? Effect.sleep(30) : Effect.void,
            Effect.sync(() => alive.set(name, (alive.get(name) ?? 0) - 1))
          )
      })
    let storming = false
    const actors = {
      a: actor("a"),
      b: actor("b", { restart: "transient" }),
      c: actor("c"),
      d: actor("d", { restart: "temporary" }),
      e: actor("e"),
      f: actor("f"),
      g: actor("g", { restart: "transient" })
    }
    const policy = { intensity, backoff, shutdown: 200 }
    const L = supervisor("L", [actors.a, actors.b], { ...policy, strategy: "one-for-one" })
    const N = supervisor("N", [actors.c, actors.d, actors.e], { ...policy, strategy: "rest-for-one" })
    const M = supervisor("M", [L, actors.f, N], { ...policy, strategy: "one-for-all" })
    const handles = yield* grow(supervisor("R", [M, actors.g], { ...policy, strategy: "rest-for-one" }), actors)
    const all = Object.values(handles)
    const supervisors = yield* Effect.forEach(["L", "M", "N", "R"], supervisorOf)
    const failure = yield* start(Ryker.awaitFailure)
    const asks: Array<Fiber.Fiber<Exit.Exit<unknown, RykerError.AskError>>> = []
    /** What an operator had a hand in. */
    const stopped = new Set<string>()
    const calls: Array<Fiber.Fiber<unknown>> = []
    const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      Effect.forkChild(Effect.exit(effect), { startImmediately: true })

    const acts: ReadonlyArray<() => Effect.Effect<unknown, unknown, Ryker.Ryker>> = [
      () => pick(all).tell.Crash(),
      () => pick(all).tell.Bye(),
      () => pick(all).tell.Work({ label: "x" }),
      () => pick(all).tell.Stubborn({ millis: Math.ceil(random() * 60) }),
      ...Array.from({ length: 4 }, () => () => {
        const actor = pick(all)
        const effect: Effect.Effect<unknown, RykerError.AskError> = pick([
          actor.ask.Ping(),
          actor.ask.Ping(undefined, { deadline: 30 }),
          actor.ask.Crash(),
          actor.ask.Slow({ millis: 25 }, { deadline: 50 }),
          actor.ask.Hang(undefined, { deadline: 70 }),
          actor.ask.Stubborn({ millis: 45 })
        ])
        return Effect.map(fork(effect), (fiber) => asks.push(fiber))
      }),
      () => {
        const ask = pick(asks)
        return ask === undefined ? Effect.void : fork(Fiber.interrupt(ask))
      },
      () => Effect.andThen(TestClock.adjust(Math.ceil(random() * 60)), Effect.void),
      () => TestClock.adjust(Math.ceil(random() * 200)),
      () => Actor.suspend(pick(all)),
      () => Actor.resume(pick(all)),
      () => {
        const actor = pick(all)
        stopped.add(actor.address)
        return Effect.map(fork(Actor.stop(actor, { deadline: 20 })), (fiber) => calls.push(fiber))
      },
      () => {
        const supervisor = pick(supervisors)
        return Effect.gen(function* () {
          const address = pick((yield* Supervisor.whichChildren(supervisor)).map(({ address }) => address))
          if (address !== undefined) stopped.add(address)
          const call: Effect.Effect<void, unknown> = pick([
            Supervisor.terminateChild(supervisor, address ?? ""),
            Supervisor.restartChild(supervisor, address ?? ""),
            Supervisor.restartChild(supervisor, address ?? "")
          ])
          calls.push(yield* fork(call))
        })
      },
      () =>
        Effect.map(
          fork(Effect.scoped(Supervisor.startChild(pick(supervisors), actor(`x${calls.length}`).spawn))),
          (fiber) => calls.push(fiber)
        )
    ]
    storming = true
    for (let n = 0; n < 150; n++) {
      yield* Effect.ignore(pick(acts)())
      if (random() < 0.5) yield* settle
    }
    storming = false
    for (const actor of all) yield* Actor.resume(actor)
    yield* pass("10 minutes")
    for (const { cells } of [yield* runtime]) for (const cell of cells) if (cell.suspended) cell.resume()
    yield* pass("10 minutes")

    // Every ask has settled, and every call of an operator.
    for (const fiber of [...asks, ...calls]) assert.isDefined(fiber.pollUnsafe(), "something hangs")
    yield* assertBalanced
    for (const { actor, inHand, queued } of yield* Ryker.ledger) {
      assert.deepStrictEqual([actor, queued, inHand], [actor, 0, 0])
    }
    const hasFailed = failure.pollUnsafe() !== undefined
    yield* Fiber.interrupt(failure)
    if (hasFailed) {
      yield* assertNothingLeft
      for (const [name, count] of alive) assert.strictEqual(count, 0, name)
      return "failed" as const
    }
    // What runs has all its children up, save those that an operator stopped or that ended themselves; the
    // tree's list agrees with what is alive.
    for (const supervisor of supervisors) {
      const isUp = (yield* Actor.status(supervisor))._tag === "Running"
      for (const { address, kind, restart, status } of yield* Supervisor.whichChildren(supervisor)) {
        const end = status._tag === "Stopped" ? status.reason : status._tag
        const mayBe = isUp ? ["Running"] : ["Stopped", "SupervisorStopped", "RapidFail", "Crashed", "Normal"]
        if (restart !== "permanent") mayBe.push("Normal")
        // A restartChild that failed is the child's end, too.
        if (stopped.has(address)) mayBe.push("Stopped", "Crashed")
        assert.include(mayBe, end, address)
        if (kind === "actor") assert.strictEqual(alive.get(address), end === "Running" ? 1 : 0, address)
      }
    }
    return "running" as const
  })

describe("conservation", () => {
  const seeds = Array.from({ length: 40 }, (_, seed) => seed)

  it.effect("of a storm that the tree survives: every ask settles, the books balance, and each child is up again", () =>
    Effect.gen(function* () {
      for (const seed of seeds) {
        const outcome = yield* storm(seed, { restarts: 10_000, window: 1_000 }).pipe(run({ drainDeadline: 1_000 }))
        assert.strictEqual(outcome, "running", `seed ${seed}`)
      }
    })
  )

  it.effect("of a storm in which supervisors give up: also then, or the root has failed and nothing is left", () =>
    Effect.gen(function* () {
      const outcomes = new Set<string>()
      for (const seed of seeds) {
        outcomes.add(yield* storm(1_000 + seed, { restarts: 1, window: 400 }).pipe(run({ drainDeadline: 1_000 })))
      }
      // Both must come about, or the storm is too mild or too wild to say anything.
      assert.deepStrictEqual(Array.from(outcomes).toSorted(), ["failed", "running"])
    })
  )
})
