/** Every transition as one typed event and one log line, and nothing of what is private in either. */
import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import * as Ryker from "../src/Ryker.ts"
import * as RykerEvent from "../src/RykerEvent.ts"
import * as Supervisor from "../src/Supervisor.ts"
import {
  A,
  ask,
  assertAgree,
  B,
  C,
  dies,
  handlers,
  type Handle,
  Keys,
  never,
  pass,
  record,
  refuse,
  secret,
  settled,
  show,
  spawn,
  start,
  tell
} from "./RykerEvent.fixtures.ts"
import { scenarios } from "./RykerEvent.scenarios.ts"

describe("Events and log lines", () => {
  it.effect.each(Object.entries(scenarios))("of %s", ([, { expected, run }]) =>
    Effect.gen(function* () {
      const recording = yield* record(run)
      const { at, events, lines } = recording
      assert.deepStrictEqual(
        events.slice(0, at).map((event, index) => show(event, lines[index]?.level ?? "none")),
        expected
      )
      assertAgree(recording)
    })
  )

  it.effect("of the closing of the Layer are those of a drain, at Debug if nothing was lost", () =>
    Effect.gen(function* () {
      const { at, events, lines } = yield* record(Effect.flatMap(spawn(), (a) => ask(a, () => Effect.void)))
      const last = events.slice(at).map((event, index) => show(event, lines[at + index]?.level ?? "none"))
      assert.deepStrictEqual(last, [
        "Debug ActorStopped A dropped=0 incarnation=1 kind=actor reason=ScopeClosed",
        "Debug DrainFinished ryker abandoned=0 dropped=0 elapsed=0 failed=0 handled=0 outcome=complete"
      ])
    })
  )

  it.effect("of the closing of the Layer warn if anything was lost", () =>
    Effect.gen(function* () {
      const busy = Effect.gen(function* () {
        const a = yield* spawn()
        yield* tell(a, never)
        yield* tell(a, never)
      })
      const { at, events, lines } = yield* record(busy)
      const last = events.slice(at).map((event, index) => show(event, lines[at + index]?.level ?? "none"))
      assert.deepStrictEqual(last, [
        "Warn ActorStopped A dropped=1 incarnation=1 kind=actor reason=ScopeClosed",
        "Warn DrainFinished ryker abandoned=0 dropped=1 elapsed=0 failed=1 handled=0 outcome=incomplete"
      ])
    })
  )

  it.effect("tell when: the event by the clock, in milliseconds since the epoch", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2026, 0, 1))
      const { at, events } = yield* record(
        Effect.gen(function* () {
          yield* tell(yield* spawn(), dies)
          yield* pass(100)
        })
      )
      const times = events.slice(0, at).map(({ time }) => time - Date.UTC(2026, 0, 1))
      assert.deepStrictEqual(times, [0, 0, 0, 100])
    })
  )

  it.effect(
    "are independent: with a log level of Warn the stream has all events, the log the lines of that level",
    () =>
      Effect.gen(function* () {
        const quiet = Effect.gen(function* () {
          yield* tell(yield* spawn(), dies)
          yield* pass(100)
        }).pipe(Effect.provideService(References.MinimumLogLevel, "Warn"))
        const { at, events, lines } = yield* record(quiet)
        assert.deepStrictEqual(
          events.slice(0, at).map(({ _tag }) => _tag),
          ["ActorStarted", "ActorCrashed", "ActorRestarting", "ActorStarted"]
        )
        // The actor logs with what was set where it was spawned; the runtime with what its own Layer had.
        assert.deepStrictEqual(
          lines.map(({ level }) => level),
          ["Error", "Debug"]
        )
      })
  )

  const throwing = Logger.make<unknown, void>(() => {
    throw new Error(secret)
  })
  const chosen = [
    "a stop that drops messages",
    "a handler that dies at once",
    "a handler that was abandoned, and dies after the end",
    "a first start that fails",
    "one-for-all",
    "a child that gives up, and is isolated",
    "a supervisor at the top that gives up",
    "a significant child that ends itself",
    "a drain that loses messages, one of them by a crash"
  ]
  it.effect.each(chosen)("do not change what happens when a logger throws: %s", (name) =>
    Effect.gen(function* () {
      const { expected, run } = scenarios[name]!
      const { at, events } = yield* record(run, {}, [throwing])
      assert.deepStrictEqual(
        events.slice(0, at).map((event) => show(event, "any")),
        expected.map((line) => line.replace(/^\w+/, "any"))
      )
    })
  )

  it.effect("of a storm: each actor's are a life, every crash is there once, and all agree with the log", () =>
    Effect.gen(function* () {
      const backoff = { base: 10, cap: 20, jitter: false }
      const often: Actor.Options = { backoff, shutdown: 0, intensity: { restarts: 3, window: "1 second" } }
      const steady: Actor.Options = {
        backoff,
        intensity: { restarts: 1_000 },
        shutdown: 0
      }
      // Every start but the first may fail.
      const build = Effect.gen(function* () {
        const { incarnation } = yield* Actor.self
        return incarnation > 1 && (yield* Random.nextBoolean) ? yield* refuse() : handlers
      })
      const storm = Effect.gen(function* () {
        const services = yield* Layer.build(
          Supervisor.layer("S", {
            strategy: "one-for-all",
            intensity: { restarts: 1_000 },
            backoff,
            children: [A.toLayer(build, often), B.toLayer(build, often), Keys.toLayer(() => build, often)]
          })
        )
        const isolated = yield* Layer.build(
          Supervisor.layer("T", { onExhausted: "isolate", children: [C.toLayer(build, often)] })
        )
        const keys = Context.get(services, Keys)
        const actors: ReadonlyArray<Handle> = [
          Context.get(services, A),
          Context.get(services, B),
          Context.get(isolated, C),
          keys.get("1"),
          keys.get("2"),
          yield* Actor.spawn(A, build, { ...steady, name: "D" }),
          yield* Actor.spawn(A, build, { ...steady, name: "E", redeliver: 2 })
        ]
        const jobs = [dies, dies, () => Actor.stopSelf, () => Effect.void, refuse, () => Effect.sleep(30)]
        for (let step = 0; step < 600; step++) {
          const actor = actors[yield* Random.nextIntBetween(0, actors.length, { halfOpen: true })]!
          const job = jobs[yield* Random.nextIntBetween(0, jobs.length, { halfOpen: true })]!
          // Those that have ended, or have no room, refuse it.
          yield* Effect.ignore(tell(actor, job))
          if (step % 5 === 0) yield* pass(yield* Random.nextIntBetween(0, 60))
        }
        yield* pass(20_000)
        return yield* Ryker.ledger
      })
      const recording = yield* record(storm.pipe(Random.withSeed("storm")))
      assertAgree(recording)
      const { at, events, value } = recording
      const before = events.slice(0, at)
      const crashes = before.filter(({ _tag }) => _tag === "ActorCrashed" || _tag === "ActorStartFailed")
      // The supervisors' own failed starts are in no ledger.
      const ofActors = crashes.filter(({ actor }) => actor !== "S" && actor !== "T")
      assert.isAbove(ofActors.length, 100)
      assert.strictEqual(
        ofActors.length,
        value.reduce((sum, entry) => sum + entry.crashes, 0)
      )
      const actors = new Set(events.map(({ actor }) => actor).filter((actor) => actor !== "ryker"))
      assert.sameMembers([...actors], ["S", "T", "A", "B", "C", "D", "E", "Keys", "Keys/1", "Keys/2"])
      for (const actor of actors) assertLife(actor, events)
    })
  )
})

const childrenOfS = new Set(["A", "B", "Keys"])

/** Whether it says that the actor is halted, to be started again with others. */
const isHalt = (event: RykerEvent.RykerEvent, actor: string): boolean => {
  const child = actor.split("/")[0]!
  switch (event._tag) {
    case "GroupRestarting":
      return event.group.includes(child)
    case "SupervisorFailed":
    case "ActorStartFailed":
      return event.actor === "S" && childrenOfS.has(child)
    default:
      return false
  }
}

/** What can happen to an actor or a supervisor, one after the other. */
const assertLife = (actor: string, events: ReadonlyArray<RykerEvent.RykerEvent>): void => {
  const life = events.filter((event) => event.actor === actor || isHalt(event, actor))
  const told = `of ${actor}:\n${life.map((event) => show(event, "")).join("\n")}`
  let incarnation = 0
  let state: "down" | "up" | "failed" | "ended" = "down"
  let isHalted = false
  const isKeyed = actor.includes("/")
  for (const event of life) {
    if (event.actor !== actor) {
      isHalted = true
      continue
    }
    switch (event._tag) {
      case "ActorStarted":
      case "ActorStartFailed":
        // A keyed actor that ends itself starts anew at once, if it has messages; then nothing is to be told in between.
        assert.isTrue(state === "down" || state === "ended" || isHalted || (state === "up" && isKeyed), told)
        // A keyed actor that has ended comes back as a new one; a child that its supervisor revives goes on counting.
        if (state === "ended" && isKeyed) incarnation = 0
        assert.strictEqual(event.incarnation, ++incarnation, told)
        state = event._tag === "ActorStarted" ? "up" : "failed"
        isHalted = false
        break
      case "ActorCrashed":
      case "SupervisorFailed":
        assert.strictEqual(state, "up", told)
        assert.strictEqual(event.incarnation, incarnation, told)
        state = "failed"
        break
      case "ActorRestarting":
        // From "up" an actor that has ended itself.
        assert.include(["up", "failed"], state, told)
        assert.strictEqual(event.incarnation, incarnation + 1, told)
        state = "down"
        break
      case "ActorStopped":
        assert.notStrictEqual(state, "ended", told)
        assert.strictEqual(event.incarnation, incarnation, told)
        state = "ended"
        break
    }
  }
  assert.strictEqual(state, "ended", told)
}

describe("Ryker.events", () => {
  type Seen = Array<RykerEvent.RykerEvent>

  const subscribe = (seen: Seen, react: (event: RykerEvent.RykerEvent) => Effect.Effect<unknown> = () => Effect.void) =>
    start(
      Stream.runForEach(Ryker.events, (event) => {
        seen.push(event)
        return react(event)
      })
    )

  const tags = (seen: Seen) => seen.map(({ _tag }) => _tag)

  const run = <X, E>(test: Effect.Effect<X, E, Ryker.Ryker | Scope.Scope>) =>
    Effect.scoped(test).pipe(Effect.provide(Ryker.layerWith({ drainDeadline: 0 })), Effect.provide(Logger.layer([])))

  it.effect("begins when it is run, not when it is made", () =>
    Effect.gen(function* () {
      const { events } = Ryker
      const a = yield* spawn()
      const seen: Seen = []
      yield* start(Stream.runForEach(events, (event) => Effect.sync(() => seen.push(event))))
      yield* Actor.suspend(a)
      yield* settled
      assert.deepStrictEqual(tags(seen), ["ActorSuspended"])
    }).pipe(run)
  )

  it.effect("gives all to every subscriber; a slow one loses the oldest, which is counted, and holds nobody up", () =>
    Effect.gen(function* () {
      const latch = yield* Latch.make()
      const [slow, fast]: [Seen, Seen] = [[], []]
      yield* subscribe(slow, () => latch.await)
      yield* subscribe(fast)
      const a = yield* spawn()
      yield* settled
      for (let n = 0; n < 150; n++) {
        yield* Actor.suspend(a)
        yield* Actor.resume(a)
        yield* settled
      }
      assert.strictEqual(fast.length, 301)
      assert.deepStrictEqual(yield* Ryker.missed, { events: 44, deadLetters: 0 })
      yield* latch.open
      yield* settled
      assert.deepStrictEqual(slow, [fast[0]!, ...fast.slice(45)])
    }).pipe(run)
  )

  it.effect("does without a subscriber that dies, fails or is interrupted, and so do the others", () =>
    Effect.gen(function* () {
      const seen: Seen = []
      const dying = yield* subscribe([], () => Effect.die("dead"))
      const interrupted = yield* subscribe([], () => Effect.never)
      yield* subscribe(seen)
      const a = yield* spawn()
      yield* settled
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(dying)))
      yield* Fiber.interrupt(interrupted)
      for (let n = 0; n < 200; n++) {
        yield* Actor.suspend(a)
        yield* Actor.resume(a)
        yield* settled
      }
      assert.strictEqual(seen.length, 401)
      assert.deepStrictEqual(yield* Ryker.missed, { events: 0, deadLetters: 0 })
    }).pipe(run)
  )

  it.effect("may be read by an actor's handler, which hears of itself and can be stopped at any time", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const reader = yield* Actor.spawn(B, handlers, { name: "reader", shutdown: 0 })
      yield* tell(reader, () =>
        Stream.runForEach(Ryker.events, (event) => Effect.sync(() => heard.push(show(event, ""))))
      )
      yield* settled
      yield* tell(yield* spawn(), dies)
      yield* settled
      yield* Actor.suspend(reader)
      yield* settled
      assert.deepStrictEqual(heard, [
        " ActorStarted A incarnation=1 kind=actor",
        " ActorCrashed A defect=Boom incarnation=1",
        " ActorRestarting A delay=100 incarnation=2",
        " ActorSuspended reader"
      ])
      yield* Actor.stop(reader, { deadline: 0 })
      // Its own end is the last that it can hear, if at all; then nobody is subscribed.
      yield* pass(100)
      assert.isAtMost(heard.length, 5)
      assert.deepStrictEqual(yield* Ryker.missed, { events: 0, deadLetters: 0 })
    }).pipe(run)
  )

  it.effect("may be reacted to with what makes more events", () =>
    Effect.gen(function* () {
      const a = yield* spawn()
      const seen: Seen = []
      yield* subscribe(seen, ({ _tag }) =>
        _tag === "ActorCrashed" ? Actor.suspend(a) : _tag === "ActorSuspended" ? Actor.resume(a) : Effect.void
      )
      yield* tell(a, dies)
      yield* pass(100)
      assert.deepStrictEqual(tags(seen).toSorted(), [
        "ActorCrashed",
        "ActorRestarting",
        "ActorResumed",
        "ActorStarted",
        "ActorSuspended"
      ])
    }).pipe(run)
  )

  it.effect("ends with the Layer, whose closing waits for no subscriber; what is buffered is still read", () =>
    Effect.gen(function* () {
      const latch = yield* Latch.make()
      const seen: Seen = []
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(Ryker.layer, scope)
      const slow = yield* Effect.provide(
        subscribe(seen, () => latch.await),
        context
      )
      yield* Effect.provide(Layer.buildWithScope(A.toLayer(handlers), scope), context)
      yield* settled
      const closing = yield* start(Scope.close(scope, Exit.void))
      assert.isDefined(closing.pollUnsafe())
      assert.deepStrictEqual(tags(seen), ["ActorStarted"])
      yield* latch.open
      assert.isTrue(Exit.isSuccess(yield* Fiber.join(slow)))
      assert.deepStrictEqual(tags(seen), ["ActorStarted", "ActorStopped", "DrainFinished"])
      const late = yield* Effect.provide(Stream.runCollect(Ryker.events), context)
      assert.deepStrictEqual(late, [])
    }).pipe(Effect.provide(Logger.layer([])))
  )
})

describe("The table in the module's documentation", () => {
  const source = readFileSync(new URL("../src/RykerEvent.ts", import.meta.url), "utf8")
  const rows = source.matchAll(/^ \* \| (`\w+`(?:, `\w+`)*) \| ([\w, ]+) \|/gm)
  const documented = new Set(
    Array.from(rows).flatMap(([, events = "", levels = ""]) =>
      events.split(", ").flatMap((event) => levels.split(", ").map((level) => `${event.slice(1, -1)} ${level}`))
    )
  )

  it("names every event, at each level at which it is logged, and no other", () => {
    const logged = Object.values(scenarios).flatMap(({ expected }) =>
      expected.map((line) => {
        const [level, event] = line.split(" ")
        return `${event} ${level}`
      })
    )
    // See the closing of the Layer, above; the first settings come before anybody can subscribe.
    const others = ["DrainFinished Debug", "ConfigApplied Debug"]
    assert.deepStrictEqual([...documented].toSorted(), [...new Set([...logged, ...others])].toSorted())
  })

  it("names the members of the union", () => {
    const tags = new Set([...documented].map((row) => row.split(" ")[0]))
    const members = RykerEvent.RykerEvent.members.map((member) => member.fields._tag.schema.literal)
    assert.deepStrictEqual(tags, new Set<string | undefined>(members))
  })
})

describe("RykerEvent", () => {
  const decode = Schema.decodeUnknownSync(RykerEvent.RykerEvent)
  const stop = {
    _tag: "ActorStopped",
    actor: "A",
    time: 0,
    kind: "actor",
    incarnation: 1,
    reason: "Normal",
    dropped: 0
  }

  it.each([
    [{ ...stop, _tag: "ActorVanished" }],
    [{ ...stop, time: "now" }],
    [{ ...stop, time: Number.NaN }],
    [{ ...stop, incarnation: 1.5 }],
    [{ ...stop, reason: "Tired" }],
    [{ ...stop, kind: "pool" }],
    [{ ...stop, dropped: undefined }],
    [{ _tag: "GroupRestarting", actor: "S", time: 0, child: "A", group: "A" }],
    [{ _tag: "DrainStarted", actor: "ryker", time: 0, limit: undefined }],
    [null]
  ])("refuses to decode what is none of its events: %j", (bad) => {
    assert.deepStrictEqual<unknown>(decode(stop), stop)
    assert.throws(() => decode(bad))
  })
})
