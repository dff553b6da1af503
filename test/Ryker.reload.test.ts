/** Reloading by a call: what changes, when and for whom; and reloads that are wrong, strict, many, or come at a bad time. */
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Result from "effect/Result"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import type { ActorSettings } from "../src/internal/settings.ts"
import * as Ledger from "../src/Ledger.ts"
import * as Router from "../src/Router.ts"
import * as Ryker from "../src/Ryker.ts"
import * as RykerConfig from "../src/RykerConfig.ts"
import { InvalidConfig } from "../src/RykerError.ts"
import type * as RykerEvent from "../src/RykerEvent.ts"
import * as Supervisor from "../src/Supervisor.ts"
import {
  ask,
  background,
  entryOf,
  errorOf,
  interruptedAtStep,
  type Job,
  settled,
  spawnWorker,
  tell,
  Worker,
  workerHandlers,
  type WorkerHandle
} from "./Actor.fixtures.ts"
import { crash, Pack, Sibling, Top } from "./Actor.kinds.ts"
import { assertBalanced, withActors } from "./fixtures.ts"
import { type Line, loggerInto, assertAgree, record, show } from "./RykerEvent.fixtures.ts"
import { runtime } from "./Supervisor.fixtures.ts"

// --- What the tests use -------------------------------------------------------------------------------------------------

const run = withActors(Layer.empty, { drainDeadline: 0 })

const runWith = (options: Ryker.Options) => withActors(Layer.empty, { drainDeadline: 0, ...options })

/** What is read when the environment holds this and nothing else. */
const read = (env: Readonly<Record<string, string>> = {}) =>
  RykerConfig.load({ environment: ConfigProvider.fromEnv({ env, preserveEmptyStrings: true }) })

const noop: Job = () => Effect.void
const hang: Job = () => Effect.never

/** An actor without options that a key could be about, and how another of its definition is started later. */
interface Made {
  readonly worker: WorkerHandle
  readonly later: Effect.Effect<WorkerHandle, unknown, Ryker.Ryker | Scope.Scope>
}

type Make = (options?: Actor.Options) => Effect.Effect<Made, unknown, Ryker.Ryker | Scope.Scope>

const underSupervisor =
  (strategy: "one-for-one" | "one-for-all"): Make =>
  (options) =>
    Effect.gen(function* () {
      const all = { shutdown: 0, ...options }
      const children = [Worker.toLayer(workerHandlers, all), Sibling.toLayer(workerHandlers, all)] as const
      const context = yield* Layer.build(Top.toLayer({ strategy, onExhausted: "isolate", shutdown: 0, children }))
      const start = Actor.spawn(Worker, workerHandlers, { ...all, name: "later" })
      const later = Supervisor.startChild(Context.get(context, Top), start)
      return { worker: Context.get(context, Worker), later }
    })

const kinds: Readonly<Record<string, Make>> = {
  plain: (options) =>
    Effect.map(spawnWorker("early", options), (worker) => ({ worker, later: spawnWorker("later", options) })),
  keyed: (options) =>
    Effect.gen(function* () {
      const layer = Pack.toLayer(() => workerHandlers, { shutdown: 0, ...options })
      const pack = Context.get(yield* Layer.build(layer), Pack)
      const resident = (id: string) =>
        Effect.gen(function* () {
          const one = pack.get(id)
          yield* tell(one, noop)
          yield* settled
          return one
        })
      return { worker: yield* resident("early"), later: resident("later") }
    }),
  pooled: (options) => {
    const pool = (name: string) => Router.spawn(Worker, workerHandlers, { shutdown: 0, ...options, size: 1, name })
    return Effect.map(pool("early"), (worker) => ({ worker, later: pool("later") }))
  },
  supervised: underSupervisor("one-for-one"),
  grouped: underSupervisor("one-for-all")
}

const each = <A, E>(
  name: string,
  test: (make: Make) => Effect.Effect<A, E, Ryker.Ryker | Scope.Scope>,
  options: Ryker.Options = {}
): void => {
  for (const [kind, make] of Object.entries(kinds)) it.effect(`${name} (${kind})`, () => runWith(options)(test(make)))
}

/** How many messages an idle actor takes in before it says that it is full. */
const roomOf = (worker: WorkerHandle) =>
  Effect.gen(function* () {
    yield* Actor.suspend(worker)
    for (let n = 0; n <= 2_000; n++) {
      const sent = yield* Effect.result(tell(worker, noop))
      if (Result.isSuccess(sent)) continue
      assert.deepInclude(sent.failure, { _tag: "Busy", capacity: n })
      yield* Actor.resume(worker)
      yield* settled
      return n
    }
    return assert.fail("it takes whatever comes")
  })

/** Crashes the actor, and gives how long it waits until its restart. */
const backoffAfterCrash = (worker: WorkerHandle) =>
  Effect.gen(function* () {
    yield* tell(worker, crash)
    yield* settled
    return yield* millisLeft(worker)
  })

const millisLeft = (worker: WorkerHandle) =>
  Effect.map(Actor.status(worker), (status) =>
    status._tag === "Restarting" ? status.millisLeft : assert.fail(`it is ${JSON.stringify(status)}`)
  )

const assertUp = (worker: WorkerHandle) =>
  Effect.map(Actor.status(worker), ({ _tag }) => assert.strictEqual(_tag, "Running"))

/** Lets time pass, with all that follows from it. */
const pass = (duration: Duration.Input) => Effect.andThen(Effect.andThen(settled, TestClock.adjust(duration)), settled)

/** When the ask of a handler that never ends is told so: its deadline, as it is. */
const deadlineOf = (worker: WorkerHandle) =>
  Effect.gen(function* () {
    const asker = yield* background(Effect.flip(ask(worker, hang)))
    for (let millis = 0; millis < 70_000; millis += 10) {
      if (asker.pollUnsafe() !== undefined) break
      yield* TestClock.adjust(10)
    }
    const error = yield* Fiber.join(asker)
    assert.strictEqual(error._tag, "Timeout")
    yield* settled
    return error._tag === "Timeout" ? error.millis : Number.NaN
  })

/** What the actor of this address goes by. */
const settingsOf = (address: string) =>
  Effect.map(runtime, ({ cells }): ActorSettings => {
    const cell = Array.from(cells).find((cell) => cell.address === address)
    return cell?.settings ?? assert.fail(`no actor ${address}`)
  })

/** All that a refused reload must leave alone. */
const state = Effect.gen(function* () {
  const { pinned, settings, snapshot } = yield* runtime
  const { refused, ...rest } = snapshot
  return { refused, rest: structuredClone(rest), settings, pinned: { ...pinned } }
})

const assertRefused = <A, E, R>(reload: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const before = yield* state
    const error = yield* Effect.flip(reload)
    assert.instanceOf(error, InvalidConfig)
    const after = yield* state
    assert.strictEqual(after.refused, before.refused + 1)
    assert.deepStrictEqual(after.rest, before.rest)
    assert.strictEqual(after.settings, before.settings)
    assert.deepStrictEqual(after.pinned, before.pinned)
    return error
  })

/** The events about settings from now on. */
const configEvents = Effect.gen(function* () {
  const found: Array<RykerEvent.RykerEvent> = []
  yield* background(
    Stream.runForEach(Ryker.events, (event) =>
      Effect.sync(() => {
        if (event._tag === "ConfigApplied" || event._tag === "ConfigRefused") found.push(event)
      })
    )
  )
  return found
})

const deadlineNow = Effect.map(Ryker.config, ({ config }) => config.defaults.deadline)

/** Payloads of a size. */
class Box extends Actor.Service<Box>()("Box", [Rpc.make("Store", { payload: { text: Schema.String } })]) {}
class Boxes extends Actor.keyed<Boxes>()("Boxes", Box.messages) {}
const boxHandlers = Box.of({ Store: () => Effect.void })

const large = { text: "x".repeat(1_500) }

// --- The first snapshot -------------------------------------------------------------------------------------------------

describe("the first settings", () => {
  it.effect("are version 1 with the defaults, all of which say so", () =>
    Effect.gen(function* () {
      const { origins, ...snapshot } = yield* Ryker.config
      assert.deepStrictEqual(snapshot, { version: 1, config: RykerConfig.defaults, source: "start", refused: 0 })
      assert.deepStrictEqual(
        origins,
        Object.fromEntries(RykerConfig.keys.map(({ key }) => [key, { source: "default", name: "" }]))
      )
    }).pipe(run)
  )

  it.effect("name the program for exactly the keys that it gave", () =>
    Effect.gen(function* () {
      const { config, origins } = yield* Ryker.config
      const given = Object.entries(origins).filter(([, { source }]) => source === "builder")
      assert.deepStrictEqual(
        given.map(([key]) => key),
        ["defaults.deadline", "supervisor.backoff_cap_ms", "supervisor.rapid_fail_threshold", "fairness.batch_messages"]
      )
      assert.strictEqual(config.defaults.deadline, 3_000)
      assert.strictEqual(config.supervisor.backoff_cap_ms, 7_000)
      assert.strictEqual(config.supervisor.rapid_fail_threshold, 0)
      assert.strictEqual(config.fairness.batch_messages, 8)
    }).pipe(
      runWith({
        defaults: { deadline: "3 seconds", backoff: { cap: "7 seconds" }, intensity: { restarts: 0 } },
        fairness: { batchMessages: 8 }
      })
    )
  )

  const startedWith = (env: Readonly<Record<string, string>>, options: Ryker.ConfigOptions = {}) =>
    Effect.gen(function* () {
      const lines: Array<Line> = []
      const snapshot = yield* Ryker.config.pipe(
        Effect.provide(Ryker.layerConfig({ drainDeadline: 0, ...options })),
        Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }))),
        Effect.provide(Logger.layer([loggerInto(lines)])),
        Effect.provideService(References.MinimumLogLevel, "All")
      )
      return { snapshot, lines: lines.filter(({ annotations }) => annotations["event"] === "config_applied") }
    })

  it.effect("come from the environment below what the program gave, and are logged with what differs", () =>
    Effect.gen(function* () {
      const env = { RYKER_DEFAULT_DEADLINE: "250ms", RYKER_BATCH_MESSAGES: "7" }
      const { lines, snapshot } = yield* startedWith(env, { fairness: { batchMessages: 9 } })
      assert.deepStrictEqual(snapshot.origins["defaults.deadline"], {
        source: "environment",
        name: "RYKER_DEFAULT_DEADLINE"
      })
      assert.deepStrictEqual(snapshot.origins["fairness.batch_messages"], { source: "builder", name: "builder" })
      assert.strictEqual(snapshot.config.fairness.batch_messages, 9)
      assert.deepStrictEqual(
        lines.map(({ annotations, level }): Record<string, unknown> => ({ ...annotations, level })),
        [
          {
            lib: "ryker",
            event: "config_applied",
            actor: "ryker",
            level: "Info",
            source: "start",
            version: 1,
            diff: [
              { key: "defaults.deadline", class: "hot", from: "1s", to: "250ms" },
              { key: "fairness.batch_messages", class: "hot", from: "32", to: "9" }
            ]
          }
        ]
      )
    })
  )

  it.effect("are logged for those who look closely if they are the defaults", () =>
    Effect.gen(function* () {
      const { lines } = yield* startedWith({})
      assert.deepStrictEqual(
        lines.map(({ annotations, level }) => [level, annotations["version"], annotations["diff"]]),
        [["Debug", 1, []]]
      )
    })
  )
})

// --- Hot keys -----------------------------------------------------------------------------------------------------------

describe("a hot key", () => {
  each("acts on actors that run, and on those that are started later", (make) =>
    Effect.gen(function* () {
      const { later, worker } = yield* make()
      assert.strictEqual(yield* deadlineOf(worker), 1_000)
      const { changes } = yield* Ryker.reload({ defaults: { deadline: "70ms" } })
      assert.deepStrictEqual(changes, [{ key: "defaults.deadline", class: "hot", from: "1s", to: "70ms", keeps: [] }])
      assert.strictEqual(yield* deadlineOf(worker), 70)
      assert.strictEqual(yield* deadlineOf(yield* later), 70)
      yield* Ryker.reload({ defaults: { deadline: "2s" } })
      assert.strictEqual(yield* deadlineOf(worker), 2_000)
    })
  )

  it.effect("acts on every member of a pool", () =>
    Effect.gen(function* () {
      const pool = yield* Router.spawn(Worker, workerHandlers, { shutdown: 0, size: 3 })
      yield* Ryker.reload({ defaults: { deadline: "50ms" } })
      for (const member of Router.members(pool)) assert.strictEqual(yield* deadlineOf(member), 50)
    }).pipe(run)
  )

  each(
    "acts at once under load; the mailbox stays as it is, and asks in flight keep their deadlines",
    (make) =>
      Effect.gen(function* () {
        const { worker } = yield* make()
        const asks = []
        for (let n = 0; n < 5; n++) asks.push(yield* background(Effect.result(ask(worker, hang))))
        assert.deepInclude(yield* Effect.flip(ask(worker, noop)), { _tag: "Busy", capacity: 4 })

        yield* Ryker.reload({
          defaults: { deadline: "100ms", mailbox_capacity: 64 },
          fairness: { batch_messages: 1, yield_every_n_msgs: 1 }
        })
        assert.deepInclude(yield* Effect.flip(ask(worker, noop)), { _tag: "Busy", capacity: 4 })
        yield* pass(100)
        assert.deepStrictEqual(
          asks.filter((fiber) => fiber.pollUnsafe() !== undefined),
          []
        )

        // The last of those that are queued makes room for one with the new deadline.
        yield* Fiber.interrupt(asks[4]!)
        const next = yield* background(Effect.flip(ask(worker, hang)))
        assert.deepInclude(yield* Effect.flip(tell(worker, noop)), { _tag: "Busy", capacity: 4 })
        yield* pass(99)
        assert.isUndefined(next.pollUnsafe())
        yield* pass(1)
        assert.deepInclude(yield* Fiber.join(next), { _tag: "Timeout", phase: "queued", millis: 100 })

        yield* pass(9_799)
        assert.isUndefined(asks[0]!.pollUnsafe())
        yield* pass(1)
        for (const fiber of asks.slice(0, 4)) {
          const result = yield* Fiber.join(fiber)
          assert.deepInclude(Result.isFailure(result) ? result.failure : undefined, { _tag: "Timeout", millis: 10_000 })
        }
        yield* ask(worker, noop)
      }),
    { defaults: { deadline: "10 seconds", capacity: 4 } }
  )

  /** The names in the trace with how often each stands there in a row. */
  const runs = (trace: ReadonlyArray<string>) => {
    const out: Array<[string, number]> = []
    for (const name of trace) {
      const last = out.at(-1)
      if (last !== undefined && last[0] === name) last[1]++
      else out.push([name, 1])
    }
    return out
  }

  const saturated = (trace: Array<string>, names: ReadonlyArray<string>, times: number, first: Job) =>
    Effect.gen(function* () {
      const workers = yield* Effect.forEach(names, (name) => spawnWorker(name))
      for (const worker of workers) yield* Actor.suspend(worker)
      for (const [index, worker] of workers.entries()) {
        const note = Effect.sync(() => void trace.push(names[index]!))
        if (index === 0) yield* tell(worker, first)
        for (let n = index === 0 ? 1 : 0; n < times; n++) yield* tell(worker, () => note)
      }
      return workers
    })

  it.effect("of fairness acts on queues that are full already, from the next turn on", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const note: Job = () => Effect.sync(() => void trace.push("a"))
      const workers = yield* saturated(trace, ["a", "b"], 60, note)
      yield* Ryker.reload({ fairness: { batch_messages: 3, yield_every_n_msgs: 6 } })
      // In one step, so that both have work when the first takes its turn.
      yield* Effect.sync(() => Effect.runSync(Effect.forEach(workers, Actor.resume)))
      yield* settled
      assert.deepStrictEqual(
        runs(trace),
        Array.from({ length: 40 }, (_, index) => [index % 2 === 0 ? "a" : "b", 3])
      )
    }).pipe(run)
  )

  it.effect("of fairness acts from the next message on, also within the turn that changes it", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const first: Job = () => {
        trace.push("a")
        return Effect.orDie(Ryker.reload({ fairness: { batch_messages: 2, yield_every_n_msgs: 2 } }))
      }
      const workers = yield* saturated(trace, ["a", "b"], 20, first)
      yield* Effect.sync(() => Effect.runSync(Effect.forEach(workers, Actor.resume)))
      yield* settled
      assert.deepStrictEqual(
        runs(trace),
        Array.from({ length: 20 }, (_, index) => [index % 2 === 0 ? "a" : "b", 2])
      )
    }).pipe(run)
  )

  it.effect("of fairness is counted: an actor that is alone yields after as many messages as it says now", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const note: Job = () => Effect.sync(() => void trace.push("a"))
      const workers = yield* saturated(trace, ["a"], 60, note)
      yield* Ryker.reload({ fairness: { batch_messages: 5, yield_every_n_msgs: 10 } })
      yield* Effect.forEach(workers, Actor.resume)
      yield* settled
      assert.strictEqual((yield* entryOf("Worker")).yields, 5)
    }).pipe(run)
  )
})

// --- Keys that act at the next restart ----------------------------------------------------------------------------------

const steady: RykerConfig.Input = { supervisor: { decorrelated_jitter: false } }

describe("a key that acts at the next restart", () => {
  each("leaves a backoff that is scheduled, and sets the next one", (make) =>
    Effect.gen(function* () {
      yield* Ryker.reload(steady)
      const { worker } = yield* make()
      assert.strictEqual(yield* backoffAfterCrash(worker), 100)
      yield* pass(40)
      yield* Ryker.reload({ supervisor: { backoff_base_ms: 1_000, backoff_cap_ms: 60_000 } })
      assert.strictEqual(yield* millisLeft(worker), 60)
      yield* pass(59)
      assert.strictEqual(yield* millisLeft(worker), 1)
      yield* pass(1)
      yield* assertUp(worker)
      // The second of the series: twice the base.
      assert.strictEqual(yield* backoffAfterCrash(worker), 2_000)
      yield* Ryker.reload({ supervisor: { backoff_cap_ms: 1_500 } })
      assert.strictEqual(yield* millisLeft(worker), 2_000)
      yield* pass(1_999)
      assert.strictEqual(yield* millisLeft(worker), 1)
      yield* pass(1)
      yield* assertUp(worker)
      assert.strictEqual(yield* backoffAfterCrash(worker), 1_500)
    })
  )

  it.effect("does not hurry a restart that is scheduled for a group", () =>
    Effect.gen(function* () {
      yield* Ryker.reload({ supervisor: { decorrelated_jitter: false, backoff_base_ms: 5_000 } })
      const { worker } = yield* kinds["grouped"]!()
      assert.strictEqual(yield* backoffAfterCrash(worker), 5_000)
      yield* Ryker.reload({ supervisor: { backoff_base_ms: 1, backoff_cap_ms: 1 } })
      yield* pass(4_999)
      assert.strictEqual(yield* millisLeft(worker), 1)
      yield* pass(1)
      yield* assertUp(worker)
    }).pipe(run)
  )

  it.effect("turns the jitter of delays on and off", () =>
    Effect.gen(function* () {
      yield* Ryker.reload({
        supervisor: { backoff_base_ms: 1_000, backoff_cap_ms: 3_600_000, rapid_fail_threshold: 9 }
      })
      const worker = yield* spawnWorker("w")
      assert.notStrictEqual((yield* backoffAfterCrash(worker)) % 1, 0)
      yield* Ryker.reload(steady)
      yield* pass("1 hour")
      // Healthy for longer than the window: the series starts over.
      assert.strictEqual(yield* backoffAfterCrash(worker), 1_000)
      yield* pass("1 second")
      yield* Ryker.reload({ supervisor: { decorrelated_jitter: true } })
      assert.notStrictEqual((yield* backoffAfterCrash(worker)) % 1, 0)
    }).pipe(run)
  )

  each("has no say while the actor is well, and ends it at its next crash if that is one too many now", (make) =>
    Effect.gen(function* () {
      yield* Ryker.reload(steady)
      const { worker } = yield* make()
      for (const delay of [100, 200]) {
        assert.strictEqual(yield* backoffAfterCrash(worker), delay)
        yield* pass(delay)
      }
      yield* Ryker.reload({ supervisor: { rapid_fail_threshold: 1 } })
      yield* pass(500)
      yield* assertUp(worker)
      yield* tell(worker, crash)
      yield* settled
      assert.deepStrictEqual(yield* Actor.status(worker), { _tag: "Stopped", reason: "RapidFail" })
    })
  )

  each("gives an actor more restarts than it had when it was started", (make) =>
    Effect.gen(function* () {
      yield* Ryker.reload({ supervisor: { decorrelated_jitter: false, rapid_fail_threshold: 1 } })
      const { worker } = yield* make()
      assert.strictEqual(yield* backoffAfterCrash(worker), 100)
      yield* pass(100)
      yield* Ryker.reload({ supervisor: { rapid_fail_threshold: 3 } })
      for (const delay of [200, 400]) {
        assert.strictEqual(yield* backoffAfterCrash(worker), delay)
        yield* pass(delay)
      }
      yield* tell(worker, crash)
      yield* settled
      assert.deepStrictEqual(yield* Actor.status(worker), { _tag: "Stopped", reason: "RapidFail" })
    })
  )

  it.effect("changes the time in which restarts are counted", () =>
    Effect.gen(function* () {
      yield* Ryker.reload({ supervisor: { decorrelated_jitter: false, rapid_fail_threshold: 1 } })
      const worker = yield* spawnWorker("w")
      yield* backoffAfterCrash(worker)
      yield* pass(1_500)
      yield* Ryker.reload({ supervisor: { rapid_fail_window: "1s" } })
      // Within the window of 10 s it was one too many; of 1 s it is the first, and of a new series.
      assert.strictEqual(yield* backoffAfterCrash(worker), 100)
      yield* pass(100)
      yield* assertUp(worker)
    }).pipe(run)
  )

  it.effect("acts on supervisors, too", () =>
    Effect.gen(function* () {
      const Tree = Top.toLayer({
        shutdown: 0,
        children: [Worker.toLayer(workerHandlers, { shutdown: 0, intensity: { restarts: 0 } })]
      })
      yield* Ryker.reload({ supervisor: { decorrelated_jitter: false, backoff_base_ms: 300 } })
      const worker = Context.get(yield* Layer.build(Tree), Worker)
      yield* tell(worker, crash)
      yield* pass(299)
      yield* Effect.flip(tell(worker, noop, { deadline: 0 }))
      yield* pass(1)
      yield* assertUp(worker)
      yield* Ryker.reload({ supervisor: { rapid_fail_threshold: 1 } })
      yield* tell(worker, crash)
      yield* settled
      assert.strictEqual((yield* Effect.flip(Ryker.awaitFailure)).actor, "Top")
    }).pipe(run)
  )
})

// --- Cold keys ----------------------------------------------------------------------------------------------------------

describe("a cold key", () => {
  each("acts on actors that are started later; a running one keeps what it has, also when it is restarted", (make) =>
    Effect.gen(function* () {
      yield* Ryker.reload({ defaults: { mailbox_capacity: 3 }, supervisor: { decorrelated_jitter: false } })
      const { later, worker } = yield* make()
      assert.strictEqual(yield* roomOf(worker), 3)
      yield* Ryker.reload({ defaults: { mailbox_capacity: 5 } })
      assert.strictEqual(yield* roomOf(worker), 3)
      assert.strictEqual(yield* roomOf(yield* later), 5)
      yield* backoffAfterCrash(worker)
      yield* pass(100)
      assert.strictEqual(yield* roomOf(worker), 3)
      yield* Ryker.reload({ defaults: { mailbox_capacity: 2 } })
      assert.strictEqual(yield* roomOf(worker), 3)
    })
  )

  it.effect("acts on an id of a family that comes back after it went idle", () =>
    Effect.gen(function* () {
      yield* Ryker.reload({ defaults: { mailbox_capacity: 3 } })
      const layer = Pack.toLayer(() => workerHandlers, { shutdown: 0, idleAfter: "10 seconds" })
      const one = Context.get(yield* Layer.build(layer), Pack).get("one")
      yield* tell(one, noop)
      yield* settled
      yield* Ryker.reload({ defaults: { mailbox_capacity: 6 } })
      assert.strictEqual(yield* roomOf(one), 3)
      yield* pass("10 seconds")
      assert.deepStrictEqual(yield* Actor.status(one), { _tag: "Stopped", reason: "Passivated" })
      yield* tell(one, noop)
      yield* settled
      assert.strictEqual(yield* roomOf(one), 6)
    }).pipe(run)
  )

  it.effect("acts on an id of a family whose first message was refused before, and so started nothing", () =>
    Effect.gen(function* () {
      yield* Ryker.reload({ defaults: { max_msg_bytes: "1KiB", mailbox_capacity: 1 } })
      const boxes = Context.get(yield* Layer.build(Boxes.toLayer(() => boxHandlers, { shutdown: 0 })), Boxes)
      assert.strictEqual((yield* Effect.flip(boxes.get("a").tell.Store(large)))._tag, "TooLarge")
      const { changes } = yield* Ryker.reload({
        defaults: { max_msg_bytes: "4KiB", mailbox_capacity: 9 }
      })
      for (const { keeps } of changes) assert.deepStrictEqual(keeps, [])
      yield* boxes.get("a").tell.Store(large)
      yield* settled
      assert.strictEqual((yield* settingsOf("Boxes/a")).capacity, 9)
    }).pipe(run)
  )

  it.effect("of the size of messages acts on actors that are started later", () =>
    Effect.gen(function* () {
      const early = yield* Actor.spawn(Box, boxHandlers, { shutdown: 0 })
      yield* Ryker.reload({ defaults: { max_msg_bytes: "1KiB" } })
      const late = yield* Actor.spawn(Box, boxHandlers, { shutdown: 0 })
      yield* early.ask.Store(large)
      assert.deepInclude(yield* Effect.flip(late.ask.Store(large)), { _tag: "TooLarge", max: 1_024 })
    }).pipe(run)
  )

  it.effect("of mailboxes is the size of stashes, too, unless the program has given that", () =>
    Effect.gen(function* () {
      const stashAfter = (address: string, options?: Actor.Options) =>
        Effect.andThen(
          spawnWorker(address, options),
          Effect.map(settingsOf(address), ({ capacity, stash }) => [capacity, stash])
        )
      assert.deepStrictEqual(yield* stashAfter("a"), [256, 256])
      yield* Ryker.reload({ defaults: { mailbox_capacity: 7 } })
      assert.deepStrictEqual(yield* stashAfter("b"), [7, 7])
      assert.deepStrictEqual(yield* stashAfter("c", { capacity: 3 }), [3, 3])
      assert.deepStrictEqual(yield* stashAfter("d", { stash: 4 }), [7, 4])
      const given = Effect.andThen(Ryker.reload({ defaults: { mailbox_capacity: 7 } }), stashAfter("e"))
      assert.deepStrictEqual(yield* given.pipe(runWith({ defaults: { stash: 20 } })), [7, 20])
    }).pipe(run)
  )

  it.effect("of mailboxes is the size of the stashes of a family's later actors", () =>
    Effect.gen(function* () {
      const pack = Context.get(yield* Layer.build(Pack.toLayer(() => workerHandlers, { shutdown: 0 })), Pack)
      yield* tell(pack.get("early"), noop)
      yield* Ryker.reload({ defaults: { mailbox_capacity: 7 } })
      yield* tell(pack.get("late"), noop)
      yield* settled
      const stashes = yield* Effect.forEach(["Pack/early", "Pack/late"], settingsOf)
      assert.deepStrictEqual(
        stashes.map(({ stash }) => stash),
        [256, 7]
      )
    }).pipe(run)
  )

  it.effect("does not move the actors of a pool, one of which is started anew", () =>
    Effect.gen(function* () {
      yield* Ryker.reload({ defaults: { mailbox_capacity: 2 }, supervisor: { decorrelated_jitter: false } })
      const pool = yield* Router.spawn(Worker, workerHandlers, { shutdown: 0, size: 3, name: "pool" })
      yield* Ryker.reload({ defaults: { mailbox_capacity: 50 } })
      yield* backoffAfterCrash(Router.members(pool)[1]!)
      yield* pass(100)
      for (const member of Router.members(pool)) assert.strictEqual(yield* roomOf(member), 2)
    }).pipe(run)
  )
})

// --- The plan -----------------------------------------------------------------------------------------------------------

describe("a plan", () => {
  it.effect("names each definition once whose running actors keep a cold value, and no others", () =>
    Effect.gen(function* () {
      // Two of one definition, a family with residents, and a tree.
      yield* spawnWorker("one")
      yield* spawnWorker("two")
      const pack = Context.get(yield* Layer.build(Pack.toLayer(() => workerHandlers, { shutdown: 0 })), Pack)
      for (const id of ["a", "b"]) yield* tell(pack.get(id), noop)
      // A family that nobody has written to has no actor that could keep anything.
      yield* Layer.build(Boxes.toLayer(() => boxHandlers))
      const own = { shutdown: 0, capacity: 8 } as const
      const Tree = Top.toLayer({ shutdown: 0, children: [Sibling.toLayer(workerHandlers, own)] })
      yield* Layer.build(Tree)
      const gone = yield* Actor.spawn(Box, boxHandlers)
      yield* Actor.stop(gone)
      yield* settled

      const { changes } = yield* Ryker.plan({
        defaults: { mailbox_capacity: 9, max_msg_bytes: "2KiB", deadline: "5s" },
        supervisor: { backoff_cap_ms: 9_000 }
      })
      assert.deepStrictEqual(
        changes.map(({ class: reload, from, keeps, key, to }) => [key, reload, from, to, keeps]),
        [
          ["defaults.mailbox_capacity", "cold", "256", "9", ["Worker", "Pack"]],
          // Its own capacity is no word about this one.
          ["defaults.max_msg_bytes", "cold", "64KiB", "2KiB", ["Worker", "Pack", "Sibling"]],
          ["defaults.deadline", "hot", "1s", "5s", []],
          ["supervisor.backoff_cap_ms", "next restart", "5000", "9000", []]
        ]
      )
    }).pipe(run)
  )

  it.effect("changes nothing, reports nothing and counts nothing, right or wrong", () =>
    Effect.gen(function* () {
      const events = yield* configEvents
      const before = yield* state
      const loaded = yield* read({ RYKER_DEFAULT_DEADLINE: "5s", RYKER_DEFAULT_MAILBOX_CAPACITY: "9" })
      assert.strictEqual((yield* Ryker.plan(loaded)).changes.length, 2)
      assert.strictEqual((yield* Ryker.plan({ defaults: { deadline: "5s" } })).changes.length, 1)
      yield* Effect.flip(Ryker.plan({ defaults: { deadline: "soon" } }))
      yield* settled
      const after = yield* state
      assert.deepStrictEqual(after, before)
      assert.strictEqual(after.settings, before.settings)
      assert.deepStrictEqual(events, [])
      // It did not become the program's word either.
      yield* Ryker.reload(read({ RYKER_DEFAULT_DEADLINE: "6s" }))
      assert.strictEqual(yield* deadlineNow, 6_000)
    }).pipe(run)
  )

  it.effect("is what the reload then gives", () =>
    Effect.gen(function* () {
      yield* spawnWorker("one")
      const loaded = yield* read({ RYKER_DEFAULT_DEADLINE: "5s", RYKER_DEFAULT_MAILBOX_CAPACITY: "9" })
      const plan = yield* Ryker.plan(loaded)
      const { config, origins } = yield* Effect.tap(Ryker.reload(loaded), (done) =>
        Effect.sync(() => assert.deepStrictEqual(done, plan))
      )
      const snapshot = yield* Ryker.config
      assert.deepStrictEqual([snapshot.config, snapshot.origins], [config, origins])
    }).pipe(run)
  )
})

// --- Options of one actor -----------------------------------------------------------------------------------------------

describe("an actor's own option", () => {
  const before: RykerConfig.RykerConfig = RykerConfig.defaults
  const after: RykerConfig.RykerConfig = {
    ...before,
    defaults: { mailbox_capacity: 77, max_msg_bytes: 7_168, deadline: 7_000 },
    supervisor: {
      backoff_base_ms: 700,
      backoff_cap_ms: 7_000,
      decorrelated_jitter: false,
      rapid_fail_threshold: 7,
      rapid_fail_window: 70_000
    }
  }

  /** What an actor goes by whose cold keys are of one snapshot and whose others of another. */
  const view = (cold: RykerConfig.RykerConfig, warm: RykerConfig.RykerConfig) => ({
    capacity: cold.defaults.mailbox_capacity,
    maxMessageBytes: cold.defaults.max_msg_bytes,
    deadline: warm.defaults.deadline,
    base: warm.supervisor.backoff_base_ms,
    cap: warm.supervisor.backoff_cap_ms,
    jitter: warm.supervisor.decorrelated_jitter,
    restarts: warm.supervisor.rapid_fail_threshold,
    window: warm.supervisor.rapid_fail_window
  })
  type View = ReturnType<typeof view>

  const viewOf = (address: string) =>
    Effect.map(settingsOf(address), ({ backoff, capacity, deadline, intensity, maxMessageBytes }): View => ({
      capacity,
      maxMessageBytes,
      deadline,
      ...backoff,
      restarts: intensity.threshold,
      window: intensity.window
    }))

  const cases: ReadonlyArray<readonly [Actor.Options, Partial<View>]> = [
    [{}, {}],
    [{ capacity: 5 }, { capacity: 5 }],
    [{ maxMessageBytes: 50 }, { maxMessageBytes: 50 }],
    [{ deadline: "5 seconds" }, { deadline: 5_000 }],
    [{ deadline: "Infinity" }, { deadline: Infinity }],
    [{ backoff: {} }, {}],
    [{ backoff: { base: 500 } }, { base: 500 }],
    [{ backoff: { cap: "1 minute" } }, { cap: 60_000 }],
    [{ backoff: { cap: 50 } }, { base: 50, cap: 50 }],
    [{ backoff: { jitter: false } }, { jitter: false }],
    [{ backoff: { jitter: true } }, { jitter: true }],
    [{ backoff: { base: 5, cap: 50 } }, { base: 5, cap: 50 }],
    [{ intensity: {} }, {}],
    [{ intensity: { restarts: 0 } }, { restarts: 0 }],
    [{ intensity: { window: "5 seconds" } }, { window: 5_000 }],
    // What is given and is the default all the same is given.
    [
      { capacity: 256, deadline: "1 second", backoff: { base: 100, cap: 5_000 }, intensity: { restarts: 5 } },
      { capacity: 256, deadline: 1_000, base: 100, cap: 5_000, restarts: 5 }
    ],
    [{ capacity: undefined, deadline: undefined, backoff: { cap: undefined } }, {}]
  ]

  it.effect.each(cases)("beats every reload, and what is not given follows it: %j", ([options, own]) =>
    Effect.gen(function* () {
      yield* spawnWorker("early", options)
      assert.deepStrictEqual(yield* viewOf("early"), { ...view(before, before), ...own })
      const { origins } = yield* Ryker.config
      yield* Ryker.reload({ config: after, origins, warnings: [] })
      assert.deepStrictEqual(yield* viewOf("early"), { ...view(before, after), ...own })
      yield* spawnWorker("late", options)
      assert.deepStrictEqual(yield* viewOf("late"), { ...view(after, after), ...own })
      yield* Ryker.reload({ config: before, origins, warnings: [] })
      assert.deepStrictEqual(yield* viewOf("early"), { ...view(before, before), ...own })
      assert.deepStrictEqual(yield* viewOf("late"), { ...view(after, before), ...own })
    }).pipe(run)
  )

  it.effect("is not in the way of what its definition's other actors keep or follow", () =>
    Effect.gen(function* () {
      const own = yield* spawnWorker("own", { deadline: "2 seconds", capacity: 2 })
      const other = yield* spawnWorker("other")
      yield* Ryker.reload({ defaults: { deadline: "40ms", mailbox_capacity: 4 } })
      assert.strictEqual(yield* deadlineOf(own), 2_000)
      assert.strictEqual(yield* deadlineOf(other), 40)
      assert.strictEqual(yield* roomOf(own), 2)
      assert.strictEqual(yield* roomOf(other), 256)
    }).pipe(run)
  )

  each("of the longest delay alone holds, above and below what the runtime has", (make) =>
    Effect.gen(function* () {
      yield* Ryker.reload(steady)
      const { worker } = yield* make({ backoff: { cap: 150 } })
      assert.strictEqual(yield* backoffAfterCrash(worker), 100)
      yield* pass(100)
      yield* Ryker.reload({ supervisor: { backoff_base_ms: 2_000, backoff_cap_ms: 60_000 } })
      // The base of the runtime gives way to the actor's own cap.
      assert.strictEqual(yield* backoffAfterCrash(worker), 150)
      yield* pass(150)
      yield* Ryker.reload({ supervisor: { backoff_base_ms: 10 } })
      assert.strictEqual(yield* backoffAfterCrash(worker), 40)
    })
  )

  it.effect("of the shortest delay alone holds, also above the runtime's longest", () =>
    Effect.gen(function* () {
      yield* Ryker.reload(steady)
      const worker = yield* spawnWorker("w", { backoff: { base: "2 seconds" } })
      yield* Ryker.reload({ supervisor: { backoff_cap_ms: 1_000 } })
      assert.strictEqual(yield* backoffAfterCrash(worker), 2_000)
    }).pipe(run)
  )

  it.effect("of restarts alone holds, and the time in which they are counted follows", () =>
    Effect.gen(function* () {
      yield* Ryker.reload(steady)
      const worker = yield* spawnWorker("w", { intensity: { restarts: 1 } })
      yield* Ryker.reload({ supervisor: { rapid_fail_threshold: 100, rapid_fail_window: "1s" } })
      assert.strictEqual(yield* backoffAfterCrash(worker), 100)
      yield* pass("2 seconds")
      assert.strictEqual(yield* backoffAfterCrash(worker), 100)
      yield* pass(100)
      yield* tell(worker, crash)
      yield* settled
      assert.deepStrictEqual(yield* Actor.status(worker), { _tag: "Stopped", reason: "RapidFail" })
    }).pipe(run)
  )

  // Whatever the options of actors and however many reloads: own options hold, cold ones are those of the start.
  const int = (minimum: number, maximum: number) =>
    Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))
  const maybe = <A>(arbitrary: Arbitrary.Arbitrary<A>) =>
    Arbitrary.map(Arbitrary.all({ has: Arbitrary.schema(Schema.Boolean), value: arbitrary }), ({ has, value }) =>
      has ? value : undefined
    )
  const anyOptions = Arbitrary.all({
    capacity: maybe(int(1, 9)),
    deadline: maybe(int(10, 99)),
    cap: maybe(int(500, 999)),
    restarts: maybe(int(0, 9))
  })
  const anySteps = Arbitrary.array(
    Arbitrary.all({
      starts: maybe(anyOptions),
      capacity: maybe(int(100, 200)),
      deadline: maybe(int(100, 200)),
      cap: maybe(int(100, 400)),
      restarts: maybe(int(10, 20))
    }),
    { minLength: 1, maxLength: 12 }
  )

  it.effect.prop("holds through any series of reloads, of any part of the settings", { anySteps }, ({ anySteps }) =>
    Effect.gen(function* () {
      const now = { capacity: 256, deadline: 1_000, cap: 5_000, restarts: 5 }
      const actors: Array<{ readonly address: string; readonly own: Partial<typeof now>; readonly capacity: number }> =
        []
      for (const [index, { capacity, cap, deadline, restarts, starts }] of anySteps.entries()) {
        if (starts !== undefined) {
          const address = `a${index}`
          const { cap, restarts, ...rest } = starts
          yield* spawnWorker(address, { ...rest, backoff: { cap }, intensity: { restarts } })
          const own = Object.fromEntries(Object.entries(starts).filter(([, value]) => value !== undefined))
          actors.push({ address, own, capacity: starts.capacity ?? now.capacity })
        }
        yield* Ryker.reload({
          defaults: { mailbox_capacity: capacity, deadline },
          supervisor: { backoff_cap_ms: cap, rapid_fail_threshold: restarts }
        })
        Object.assign(
          now,
          Object.fromEntries(
            Object.entries({ capacity, cap, deadline, restarts }).filter(([, value]) => value !== undefined)
          )
        )
        for (const { address, capacity, own } of actors) {
          const seen = yield* viewOf(address)
          assert.deepInclude(seen, { ...now, ...own, capacity })
        }
      }
    }).pipe(run)
  )
})

// --- Who has the last word ----------------------------------------------------------------------------------------------

describe("precedence", () => {
  it.effect("has what the program gave at the start above what is read", () =>
    Effect.gen(function* () {
      const loaded = yield* read({ RYKER_DEFAULT_DEADLINE: "5s", RYKER_BATCH_MESSAGES: "3" })
      assert.deepStrictEqual((yield* Ryker.plan(loaded)).changes, [])
      const before = yield* state
      yield* Ryker.reload(loaded)
      assert.deepStrictEqual(yield* state, before)
      const worker = yield* spawnWorker("w")
      assert.strictEqual(yield* deadlineOf(worker), 3_000)
    }).pipe(runWith({ defaults: { deadline: "3 seconds" }, fairness: { batchMessages: 5 } }))
  )

  it.effect("has it above what is read also where no file could say it", () =>
    Effect.gen(function* () {
      yield* Ryker.reload(read({ RYKER_DEFAULT_DEADLINE: "5s", RYKER_SPAN_LEVEL: "debug" }))
      const { config, version } = yield* Ryker.config
      assert.deepInclude(config.defaults, { deadline: Infinity, max_msg_bytes: 10 })
      assert.strictEqual(config.supervisor.rapid_fail_threshold, 0)
      assert.strictEqual(config.observability.span_level, "debug")
      assert.strictEqual(version, 2)
    }).pipe(runWith({ defaults: { deadline: "Infinity", maxMessageBytes: 10, intensity: { restarts: 0 } } }))
  )

  it.effect("takes back what held before, also what only the program may say", () =>
    Effect.gen(function* () {
      const before = yield* Ryker.config
      yield* Ryker.reload(read({ RYKER_SPAN_LEVEL: "debug" }))
      yield* Ryker.reload({ ...before, warnings: [] })
      const { config, origins, version } = yield* Ryker.config
      assert.deepStrictEqual([config, origins, version], [before.config, before.origins, 3])
    }).pipe(runWith({ defaults: { deadline: "Infinity", maxMessageBytes: 10, intensity: { restarts: 0 } } }))
  )

  // What makes way for the program's value at the start must do so ever after.
  const givesWay: ReadonlyArray<readonly [Ryker.Options]> = [
    [{ fairness: { batchMessages: 100 } }],
    [{ defaults: { backoff: { cap: 50 } } }]
  ]
  it.effect.each(givesWay)("does not refuse what the start took: %j", ([options]) =>
    Effect.gen(function* () {
      const before = yield* Ryker.config
      const { changes } = yield* Ryker.reload(read())
      assert.deepStrictEqual(changes, [])
      assert.deepStrictEqual((yield* Ryker.config).config, before.config)
      yield* Ryker.reload(read({ RYKER_DEFAULT_DEADLINE: "5s" }))
      assert.strictEqual(yield* deadlineNow, 5_000)
    }).pipe(runWith(options))
  )

  it.effect("has a single value given to reload above what is read later, and a later one above it", () =>
    Effect.gen(function* () {
      const now = Effect.map(Ryker.config, ({ config, origins, version }) => [
        version,
        config.defaults.deadline,
        origins["defaults.deadline"]!.source,
        config.defaults.mailbox_capacity,
        origins["defaults.mailbox_capacity"]!.source
      ])
      yield* Ryker.reload(read({ RYKER_DEFAULT_DEADLINE: "5s" }))
      assert.deepStrictEqual(yield* now, [2, 5_000, "environment", 256, "default"])
      yield* Ryker.reload({ defaults: { deadline: "2s" } })
      assert.deepStrictEqual(yield* now, [3, 2_000, "builder", 256, "default"])
      yield* Ryker.reload(read({ RYKER_DEFAULT_DEADLINE: "7s", RYKER_DEFAULT_MAILBOX_CAPACITY: "9" }))
      assert.deepStrictEqual(yield* now, [4, 2_000, "builder", 9, "environment"])
      yield* Ryker.reload({ defaults: { deadline: "3s" } })
      assert.deepStrictEqual(yield* now, [5, 3_000, "builder", 9, "environment"])
      yield* Ryker.reload(read({ RYKER_DEFAULT_DEADLINE: "7s" }))
      assert.deepStrictEqual(yield* now, [6, 3_000, "builder", 256, "default"])
      const worker = yield* spawnWorker("w")
      assert.strictEqual(yield* deadlineOf(worker), 3_000)
    }).pipe(run)
  )

  it.effect("takes a single value that holds already as the program's word", () =>
    Effect.gen(function* () {
      yield* Ryker.reload({ defaults: { deadline: "1s" } })
      const { origins, version } = yield* Ryker.config
      assert.strictEqual(version, 1)
      assert.strictEqual(origins["defaults.deadline"]!.source, "builder")
      yield* Ryker.reload(read({ RYKER_DEFAULT_DEADLINE: "5s" }))
      assert.strictEqual(yield* deadlineNow, 1_000)
    }).pipe(run)
  )

  it.effect("takes what is undefined for no word at all", () =>
    Effect.gen(function* () {
      yield* Ryker.reload({ defaults: { deadline: undefined, mailbox_capacity: 9 } })
      yield* Ryker.reload(read({ RYKER_DEFAULT_DEADLINE: "5s", RYKER_DEFAULT_MAILBOX_CAPACITY: "3" }))
      const { config } = yield* Ryker.config
      assert.deepInclude(config.defaults, { deadline: 5_000, mailbox_capacity: 9 })
    }).pipe(run)
  )

  it.effect("takes nothing for the program's word that was refused", () =>
    Effect.gen(function* () {
      yield* assertRefused(Ryker.reload({ defaults: { deadline: "2s", mailbox_capacity: 0 } }))
      yield* assertRefused(Ryker.reload({ defaults: { deadline: "2s", mailbox_capacity: 3 } }, { strict: true }))
      yield* Ryker.reload(read({ RYKER_DEFAULT_DEADLINE: "5s", RYKER_DEFAULT_MAILBOX_CAPACITY: "9" }))
      const { config } = yield* Ryker.config
      assert.deepInclude(config.defaults, { deadline: 5_000, mailbox_capacity: 9 })
    }).pipe(run)
  )
})

// --- No reload at all ---------------------------------------------------------------------------------------------------

describe("a reload that changes nothing", () => {
  const same: ReadonlyArray<readonly [RykerConfig.Input]> = [
    [{}],
    [{ defaults: {} }],
    [{ defaults: { deadline: "1s" } }],
    [{ defaults: { deadline: " 1000MS " } }],
    [{ defaults: { deadline: 1_000, max_msg_bytes: "65536b" } }],
    [{ defaults: { deadline: Duration.seconds(1), max_msg_bytes: 65_536 } }],
    [{ supervisor: { backoff_base_ms: "0.1s", decorrelated_jitter: "Yes" } }],
    [{ observability: { span_level: "INFO" } }]
  ]

  it.effect.each(same)("leaves the version and says nothing, however it is written: %j", ([next]) =>
    Effect.gen(function* () {
      const events = yield* configEvents
      const { config, refused, source, version } = yield* Ryker.config
      const before = (yield* runtime).settings
      const { changes } = yield* Ryker.reload(next, { strict: true, source: "again" })
      assert.deepStrictEqual(changes, [])
      yield* settled
      assert.deepStrictEqual(events, [])
      const now = yield* Ryker.config
      assert.deepStrictEqual([now.version, now.config, now.refused, now.source], [version, config, refused, source])
      assert.strictEqual((yield* runtime).settings, before)
    }).pipe(run)
  )

  it.effect("tells from where the same value comes now", () =>
    Effect.gen(function* () {
      yield* Ryker.reload(read({ RYKER_DEFAULT_DEADLINE: "1s" }))
      const { origins, version } = yield* Ryker.config
      assert.strictEqual(version, 1)
      assert.deepStrictEqual(origins["defaults.deadline"], { source: "environment", name: "RYKER_DEFAULT_DEADLINE" })
    }).pipe(run)
  )
})

// --- Refused ------------------------------------------------------------------------------------------------------------

describe("a reload that is refused", () => {
  const wrong: ReadonlyArray<readonly [number, RykerConfig.Input]> = [
    [1, { defaults: { deadline: "soon" } }],
    [1, { defaults: { deadline: "" } }],
    [1, { defaults: { deadline: 0 } }],
    [1, { defaults: { deadline: Number.NaN } }],
    [1, { defaults: { deadline: Infinity } }],
    [1, { defaults: { deadline: Duration.infinity } }],
    [1, { defaults: { deadline: -1_000 } }],
    [1, { defaults: { mailbox_capacity: 1.5 } }],
    [1, { defaults: { mailbox_capacity: "1s" } }],
    [1, { defaults: { max_msg_bytes: "64KB" } }],
    [1, { supervisor: { backoff_base_ms: 5_001 } }],
    [1, { supervisor: { backoff_cap_ms: 99 } }],
    [1, { fairness: { batch_messages: 65 } }],
    [1, { amnesia: { enabled: true, zeroize_on_drop: false } }],
    [
      4,
      {
        defaults: { deadline: "soon", mailbox_capacity: 0 },
        fairness: { batch_messages: 9, yield_every_n_msgs: 8 },
        supervisor: { rapid_fail_window: "999ms" }
      }
    ]
  ]

  it.effect.each(wrong)("leaves everything as it was, is counted, and tells all %i problems: %j", ([count, next]) =>
    Effect.gen(function* () {
      const worker = yield* spawnWorker("w")
      const error = yield* assertRefused(Ryker.reload(next))
      assert.strictEqual(error.problems.length, count)
      assert.strictEqual(yield* deadlineOf(worker), 1_000)
      yield* assertRefused(Ryker.reload(next))
      yield* Ryker.reload({ defaults: { deadline: "2s" } })
      const { refused, version } = yield* Ryker.config
      assert.deepStrictEqual([version, refused], [2, 2])
    }).pipe(run)
  )

  it.effect("holds what the compiler does not see: keys that there are none of", () =>
    Effect.gen(function* () {
      // As from a caller in JavaScript.
      const next = { default: { deadline: "2s" }, defaults: { deadlin: "2s" } } as RykerConfig.Input
      const { problems } = yield* assertRefused(Ryker.reload(next))
      assert.deepStrictEqual(
        problems.map(({ fix, key }) => [key, fix]),
        [
          ["default.deadline", "did you mean defaults.deadline?"],
          ["defaults.deadlin", "did you mean defaults.deadline?"]
        ]
      )
    }).pipe(run)
  )

  it.effect("was put together by hand and is out of range", () =>
    Effect.gen(function* () {
      const loaded = yield* read()
      const config = {
        ...loaded.config,
        defaults: { ...loaded.config.defaults, mailbox_capacity: 0, deadline: Number.NaN }
      }
      const { problems } = yield* assertRefused(Ryker.reload({ ...loaded, config }))
      assert.deepStrictEqual(
        problems.map(({ key }) => key),
        ["defaults.mailbox_capacity", "defaults.deadline"]
      )
    }).pipe(run)
  )

  // As parsed JSON is, which passes for anything.
  const shapeless: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
    ["null", [""]],
    ["3", [""]],
    ["[]", [""]],
    ['"defaults"', [""]],
    ['{ "defaults": 3 }', ["defaults"]],
    ['{ "defaults": null }', ["defaults"]],
    ['{ "defaults": ["1s"] }', ["defaults"]],
    ['{ "nope": {} }', ["nope"]],
    ['{ "origins": null }', ["origins"]],
    ['{ "config": {}, "origins": {}, "warnings": [] }', RykerConfig.keys.map(({ key }) => key)]
  ]
  it.effect.each(shapeless)("has not the shape of settings: %s", ([text, keys]) =>
    Effect.gen(function* () {
      const { problems } = yield* assertRefused(Ryker.reload(JSON.parse(text) as RykerConfig.Input))
      assert.deepStrictEqual(
        problems.map(({ key }) => key),
        keys
      )
    }).pipe(run)
  )

  it.effect("brings amnesia without zeroize_on_drop, or takes that from amnesia, wherever the two come from", () =>
    Effect.gen(function* () {
      const withoutZeroize: ReadonlyArray<RykerConfig.Input | ReturnType<typeof read>> = [
        { amnesia: { zeroize_on_drop: false } },
        read({ RYKER_ZEROIZE: "false" })
      ]
      for (const next of withoutZeroize) {
        yield* assertRefused(Ryker.reload(next)).pipe(runWith({ defaults: { amnesia: true } }))
        yield* Effect.gen(function* () {
          yield* Ryker.reload(next)
          yield* assertRefused(Ryker.reload({ amnesia: { enabled: true } }))
        }).pipe(run)
      }
      const layer = Ryker.layerConfig({ defaults: { amnesia: true } })
      const environment = ConfigProvider.layer(ConfigProvider.fromEnv({ env: { RYKER_ZEROIZE: "false" } }))
      const error = yield* Effect.flip(Layer.build(Layer.provide(layer, environment)))
      assert.strictEqual(error._tag, "InvalidConfig")
    }).pipe(Effect.scoped)
  )

  it.effect("was wrong when it was read", () =>
    Effect.gen(function* () {
      const { problems } = yield* assertRefused(Ryker.reload(read({ RYKER_DEFAULT_DEADLINE: "soon", RYKER_NOPE: "1" })))
      assert.strictEqual(problems.length, 2)
      yield* Ryker.reload(read({ RYKER_DEFAULT_DEADLINE: "2s" }))
      assert.strictEqual(yield* deadlineNow, 2_000)
    }).pipe(run)
  )

  it.effect("is right by itself and wrong with what the program has said", () =>
    Effect.gen(function* () {
      yield* Ryker.reload({ supervisor: { backoff_base_ms: 4_000 } })
      const loaded = yield* read({ RYKER_BACKOFF_CAP_MS: "3000" })
      const { problems } = yield* assertRefused(Ryker.reload(loaded))
      assert.deepStrictEqual(
        problems.map(({ key, source, value }) => [key, source, value]),
        [["supervisor.backoff_base_ms", "builder", "4000"]]
      )
    }).pipe(run)
  )

  it.effect("died while it was read: nothing has changed, and the next one is not held up", () =>
    Effect.gen(function* () {
      const before = yield* state
      const exit = yield* Effect.exit(Ryker.reload(Effect.die(new Error("on purpose"))))
      assert.isTrue(Exit.hasDies(exit))
      assert.deepStrictEqual(yield* state, before)
      yield* Ryker.reload({ defaults: { deadline: "2s" } })
      assert.strictEqual(yield* deadlineNow, 2_000)
    }).pipe(run)
  )
})

describe("a strict reload", () => {
  it.effect("is refused as a whole for its cold changes, which it names", () =>
    Effect.gen(function* () {
      yield* spawnWorker("w")
      const next = { defaults: { deadline: "2s", mailbox_capacity: 9, max_msg_bytes: "2KiB" } } as const
      const { problems } = yield* assertRefused(Ryker.reload(next, { strict: true }))
      assert.deepStrictEqual(
        problems.map(({ environment, key, source, value }) => [key, environment, source, value]),
        [
          ["defaults.mailbox_capacity", "RYKER_DEFAULT_MAILBOX_CAPACITY", "builder", "9"],
          ["defaults.max_msg_bytes", "RYKER_DEFAULT_MAX_MSG_BYTES", "builder", "2KiB"]
        ]
      )
      yield* Ryker.reload(next)
      assert.strictEqual((yield* Ryker.config).version, 2)
    }).pipe(run)
  )

  it.effect("names the default when a value has gone from where it stood", () =>
    Effect.gen(function* () {
      yield* Ryker.reload(read({ RYKER_DEFAULT_MAILBOX_CAPACITY: "9" }))
      const { problems } = yield* assertRefused(Ryker.reload(read(), { strict: true }))
      assert.deepStrictEqual(
        problems.map(({ key, source, value }) => [key, source, value]),
        [["defaults.mailbox_capacity", "default", "256"]]
      )
    }).pipe(run)
  )

  it.effect("changes what is hot or acts at the next restart, and does not mind cold keys that stay", () =>
    Effect.gen(function* () {
      yield* Ryker.reload({ defaults: { mailbox_capacity: 9 } })
      const next = { defaults: { deadline: "2s", mailbox_capacity: 9 }, supervisor: { backoff_cap_ms: 9_000 } }
      const { changes } = yield* Ryker.reload(next, { strict: true })
      assert.deepStrictEqual(
        changes.map(({ class: reload }) => reload),
        ["hot", "next restart"]
      )
    }).pipe(run)
  )
})

// --- Many at once -------------------------------------------------------------------------------------------------------

describe("reloads at the same time", () => {
  /** Takes its time to read, and leaves its marks. */
  const slow = (trace: Array<string>, name: string, millis: number, next: Effect.Effect<Ryker.Next, InvalidConfig>) =>
    Effect.gen(function* () {
      trace.push(`${name} begins`)
      yield* Effect.sleep(millis)
      trace.push(`${name} ends`)
      return yield* next
    })

  const deadlineOfSeconds = (seconds: number) => read({ RYKER_DEFAULT_DEADLINE: `${seconds}s` })

  it.effect("take turns in the order in which they were asked for, however long each reads", () =>
    Effect.gen(function* () {
      const events = yield* configEvents
      const trace: Array<string> = []
      const fibers = []
      for (const [name, millis, seconds] of [
        ["a", 300, 2],
        ["b", 200, 3],
        ["c", 100, 4],
        ["d", 0, 5]
      ] as const) {
        fibers.push(
          yield* background(Ryker.reload(slow(trace, name, millis, deadlineOfSeconds(seconds)), { source: name }))
        )
      }
      yield* pass(299)
      assert.strictEqual(yield* deadlineNow, 1_000)
      for (const [millis, deadline] of [
        [1, 2_000],
        [200, 3_000],
        [99, 3_000]
      ] as const) {
        yield* pass(millis)
        assert.strictEqual(yield* deadlineNow, deadline)
      }
      yield* pass(1)
      assert.strictEqual(yield* deadlineNow, 5_000)
      yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(
        trace,
        ["a", "b", "c", "d"].flatMap((name) => [`${name} begins`, `${name} ends`])
      )
      assert.deepStrictEqual(
        events.map((event) => event._tag === "ConfigApplied" && [event.source, event.version, event.diff[0]!.from]),
        [
          ["a", 2, "1s"],
          ["b", 3, "2s"],
          ["c", 4, "3s"],
          ["d", 5, "4s"]
        ]
      )
    }).pipe(run)
  )

  it.effect("do not suffer from one among them that fails, or dies", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const fibers = []
      const reads = [
        deadlineOfSeconds(2),
        read({ RYKER_DEFAULT_DEADLINE: "soon" }),
        Effect.die(new Error("on purpose")),
        deadlineOfSeconds(3)
      ]
      for (const [index, next] of reads.entries()) {
        fibers.push(yield* background(Effect.exit(Ryker.reload(slow(trace, String(index), 100, next)))))
      }
      yield* pass(400)
      const exits = yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(
        exits.map((exit) => exit._tag),
        ["Success", "Failure", "Failure", "Success"]
      )
      const { refused, version } = yield* Ryker.config
      assert.deepStrictEqual([version, refused, yield* deadlineNow], [3, 1, 3_000])
    }).pipe(run)
  )

  it.effect("lose one that is interrupted while it waits: it is never read", () =>
    Effect.gen(function* () {
      const trace: Array<string> = []
      const first = yield* background(Ryker.reload(slow(trace, "a", 100, deadlineOfSeconds(2))))
      const second = yield* background(Ryker.reload(slow(trace, "b", 100, deadlineOfSeconds(3))))
      const third = yield* background(Ryker.reload(slow(trace, "c", 100, deadlineOfSeconds(4))))
      yield* Fiber.interrupt(second)
      yield* pass(200)
      yield* Fiber.join(first)
      yield* Fiber.join(third)
      assert.deepStrictEqual(trace, ["a begins", "a ends", "c begins", "c ends"])
      const { refused, version } = yield* Ryker.config
      assert.deepStrictEqual([version, refused, yield* deadlineNow], [3, 0, 4_000])
    }).pipe(run)
  )

  it.effect("lose one that is interrupted while it reads, at once: nothing of it is applied or counted", () =>
    Effect.gen(function* () {
      const before = yield* state
      const first = yield* background(Ryker.reload(Effect.andThen(Effect.never, deadlineOfSeconds(2))))
      const second = yield* background(Ryker.reload(deadlineOfSeconds(3)))
      const interrupting = yield* background(Fiber.interrupt(first))
      assert.isDefined(interrupting.pollUnsafe(), "it cannot be interrupted")
      yield* settled
      yield* Fiber.join(second)
      assert.strictEqual(yield* deadlineNow, 3_000)
      const after = yield* state
      assert.deepStrictEqual([after.refused, after.rest.version], [before.refused, before.rest.version + 1])
    }).pipe(run)
  )

  it.effect("are applied whole or not at all, wherever one is interrupted", () =>
    Effect.gen(function* () {
      let isThere = true
      for (let n = 0; isThere; n++) {
        const each = Effect.gen(function* () {
          const { rest: before } = yield* state
          const next: RykerConfig.Input = { defaults: { deadline: "2s", mailbox_capacity: 9 } }
          const { exit, reached } = yield* interruptedAtStep(Ryker.reload(Effect.as(Effect.yieldNow, next)), n)
          yield* settled
          const { pinned, rest, settings } = yield* state
          const isApplied = rest.version === 2
          assert.strictEqual(settings.actor.deadline, isApplied ? 2_000 : 1_000)
          assert.strictEqual(settings.actor.capacity, isApplied ? 9 : 256)
          assert.deepInclude(rest.config.defaults, {
            deadline: settings.actor.deadline,
            mailbox_capacity: settings.actor.capacity
          })
          assert.deepStrictEqual(
            pinned,
            isApplied ? { "defaults.deadline": 2_000, "defaults.mailbox_capacity": 9 } : {}
          )
          if (!isApplied) assert.deepStrictEqual(rest, before)
          if (exit !== undefined && Exit.isSuccess(exit)) assert.isTrue(isApplied)
          // The turn is free again.
          yield* Ryker.reload({ defaults: { deadline: "3s" } })
          assert.strictEqual(yield* deadlineNow, 3_000)
          return reached
        })
        isThere = yield* each.pipe(run)
        assert.isBelow(n, 1_000)
      }
    })
  )

  it.effect("of a hundred fibers are each seen whole, one version after the other", () =>
    Effect.gen(function* () {
      const events = yield* configEvents
      const reloads = Array.from({ length: 100 }, (_, index) =>
        // Both values are the same number, so that half of one and half of another would show.
        Ryker.reload(
          Effect.as(Effect.yieldNow, { defaults: { mailbox_capacity: 1_000 + index, deadline: 1_001 + index } })
        )
      )
      const watching = yield* background(
        Effect.forever(
          Effect.gen(function* () {
            const { settings, snapshot } = yield* runtime
            const { capacity, deadline } = settings.actor
            const { defaults } = snapshot.config
            assert.deepInclude(defaults, { mailbox_capacity: capacity, deadline })
            if (snapshot.version > 1) assert.strictEqual(deadline, capacity + 1)
            yield* Effect.yieldNow
          })
        )
      )
      yield* Effect.all(reloads, { concurrency: "unbounded" })
      yield* settled
      assert.isUndefined(watching.pollUnsafe())
      yield* Fiber.interrupt(watching)
      assert.deepStrictEqual(
        events.map((event) => event._tag === "ConfigApplied" && event.version),
        Array.from({ length: 100 }, (_, index) => index + 2)
      )
      assert.strictEqual(yield* deadlineNow, 1_100)
    }).pipe(run)
  )
})

// --- At bad times -------------------------------------------------------------------------------------------------------

describe("a reload", () => {
  it.effect("by a handler acts on what the handler sends next", () =>
    Effect.gen(function* () {
      const other = yield* spawnWorker("other")
      const worker = yield* spawnWorker("w", { deadline: "Infinity" })
      const asker = yield* background(
        ask(worker, () =>
          Effect.gen(function* () {
            yield* Effect.orDie(Ryker.reload({ defaults: { deadline: "50ms" } }))
            return yield* Effect.orDie(Effect.flip(ask(other, hang)))
          })
        )
      )
      yield* pass(49)
      assert.isUndefined(asker.pollUnsafe())
      yield* pass(1)
      assert.deepInclude(yield* Fiber.join(asker), { _tag: "Timeout", millis: 50 })
    }).pipe(run)
  )

  it.effect("by a handler that dies of it is an ordinary crash", () =>
    Effect.gen(function* () {
      const worker = yield* spawnWorker("w", { backoff: { jitter: false } })
      const error = yield* Effect.flip(
        ask(worker, () => Effect.orDie(Ryker.reload({ defaults: { deadline: "soon" } })))
      )
      assert.strictEqual(error._tag, "Crashed")
      yield* pass(100)
      yield* assertUp(worker)
      assert.strictEqual((yield* Ryker.config).refused, 1)
    }).pipe(run)
  )

  it.effect("by a handler that is cut off at its deadline is whole or not at all, and holds nobody up", () =>
    Effect.gen(function* () {
      const worker = yield* spawnWorker("w", { deadline: "100 millis" })
      const slowly = Effect.delay(Effect.succeed({ defaults: { deadline: "5s", mailbox_capacity: 9 } } as const), 200)
      const error = yield* background(Effect.flip(ask(worker, () => Effect.orDie(Ryker.reload(slowly)))))
      yield* pass(100)
      assert.deepInclude(yield* Fiber.join(error), { _tag: "Timeout", phase: "running" })
      yield* pass(200)
      const { defaults } = (yield* Ryker.config).config
      assert.strictEqual(defaults.deadline === 5_000, defaults.mailbox_capacity === 9)
      yield* ask(worker, noop)
      yield* Ryker.reload({ defaults: { deadline: "2s" } })
    }).pipe(run)
  )

  it.effect("by a `build` acts on the actor that is being built", () =>
    Effect.gen(function* () {
      const worker = yield* Actor.spawn(
        Worker,
        Effect.as(Effect.orDie(Ryker.reload({ defaults: { deadline: "50ms" } })), workerHandlers),
        { shutdown: 0 }
      )
      assert.strictEqual(yield* deadlineOf(worker), 50)
    }).pipe(run)
  )

  it.effect("by a subscriber of the event of another follows it", () =>
    Effect.gen(function* () {
      const versions: Array<number> = []
      yield* background(
        Stream.runForEach(Ryker.events, (event) => {
          if (event._tag === "ConfigRefused") return Effect.orDie(Ryker.reload({ defaults: { deadline: "2s" } }))
          if (event._tag !== "ConfigApplied") return Effect.void
          versions.push(event.version)
          const deadline = 2_000 + event.version
          return event.version < 6 ? Effect.orDie(Ryker.reload({ defaults: { deadline } })) : Effect.void
        })
      )
      yield* Effect.flip(Ryker.reload({ defaults: { deadline: "soon" } }))
      yield* settled
      assert.deepStrictEqual(versions, [2, 3, 4, 5, 6])
      assert.strictEqual(yield* deadlineNow, 2_005)
    }).pipe(run)
  )

  it.effect("during a drain acts on the work that it waits for, and does not hold it up", () =>
    Effect.gen(function* () {
      const other = yield* spawnWorker("other")
      const worker = yield* spawnWorker("w", { deadline: "Infinity" })
      const asker = yield* background(
        ask(worker, () => Effect.andThen(Effect.sleep("1 second"), Effect.orDie(Effect.flip(ask(other, hang)))))
      )
      const drain = yield* background(Ryker.drain("1 minute"))
      yield* Ryker.reload({ defaults: { deadline: "50ms" } })
      yield* assertRefused(Ryker.reload({ defaults: { deadline: "soon" } }))
      yield* pass(1_050)
      assert.deepInclude(yield* Fiber.join(asker), { _tag: "Timeout", millis: 50 })
      assert.strictEqual((yield* Fiber.join(drain)).millis, 1_050)
      // Also when all is over.
      yield* Ryker.reload({ defaults: { deadline: "60ms" } })
      assert.strictEqual((yield* Ryker.config).version, 3)
    }).pipe(run)
  )

  it.effect("while the Layer closes does not keep it from closing", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(Ryker.layerWith({}), scope)
      const versions: Array<number> = []
      yield* Actor.spawn(
        Worker,
        Effect.gen(function* () {
          const reloads = Effect.gen(function* () {
            yield* Ryker.reload({ defaults: { deadline: "2s" } })
            yield* Effect.flip(Ryker.reload({ defaults: { deadline: "soon" } }))
            const { refused, version } = yield* Ryker.config
            versions.push(version, refused)
          })
          const own = yield* Effect.context<Ryker.Ryker>()
          yield* Effect.addFinalizer(() => Effect.orDie(Effect.provide(reloads, own)))
          return workerHandlers
        }),
        {}
      ).pipe(Effect.provide(context), Scope.provide(scope))
      const closing = yield* background(Scope.close(scope, Exit.void))
      assert.isDefined(closing.pollUnsafe())
      assert.deepStrictEqual(versions, [2, 1])
      yield* assertBalanced.pipe(Effect.provide(context))
    })
  )

  it.effect("that reads for ever does not keep the Layer of who asked for it from closing", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(Ryker.layerWith({}), scope)
      yield* Ryker.reload(Effect.never).pipe(Effect.forkIn(scope, { startImmediately: true }), Effect.provide(context))
      const closing = yield* background(Scope.close(scope, Exit.void))
      yield* pass("1 minute")
      assert.isDefined(closing.pollUnsafe(), "it waits for ever")
    })
  )

  it.effect("is of one runtime only", () =>
    Effect.gen(function* () {
      yield* Effect.gen(function* () {
        yield* Ryker.reload({ defaults: { deadline: "2s" } })
        // Of another runtime, it need not wait for this one's turn either.
      }).pipe(Effect.provide(Layer.fresh(Ryker.layer)))
      assert.strictEqual((yield* Ryker.config).version, 1)
      assert.strictEqual(yield* deadlineNow, 1_000)
    }).pipe(run)
  )
})

// --- Events and log lines -----------------------------------------------------------------------------------------------

describe("what is reported of reloads", () => {
  it.effect("is an event and a log line for each that changed something or was refused, with old and new values", () =>
    Effect.gen(function* () {
      const recording = yield* record(
        Effect.gen(function* () {
          yield* Ryker.reload(read({ RYKER_DEFAULT_DEADLINE: "2s", RYKER_DEFAULT_MAX_MSG_BYTES: "1MiB" }), {
            source: "SIGHUP"
          })
          yield* Ryker.reload({ defaults: { deadline: "2000ms" } })
          yield* Effect.flip(
            Ryker.reload({ defaults: { deadline: "soon", mailbox_capacity: 0 } }, { source: "ryker.toml" })
          )
          yield* Effect.flip(Ryker.reload({ defaults: { mailbox_capacity: 5 } }, { strict: true }))
          yield* Ryker.reload({ supervisor: { decorrelated_jitter: "off" }, observability: { span_level: "DEBUG" } })
        })
      )
      assertAgree(recording)
      assert.deepStrictEqual(
        recording.events.slice(0, recording.at).map((event, index) => show(event, recording.lines[index]!.level)),
        [
          "Info ConfigApplied ryker diff=defaults.max_msg_bytes cold 64KiB 1MiB,defaults.deadline hot 1s 2s source=SIGHUP version=2",
          "Error ConfigRefused ryker problems=2 source=ryker.toml version=2",
          "Error ConfigRefused ryker problems=1 source=program version=2",
          "Info ConfigApplied ryker diff=supervisor.decorrelated_jitter next restart true false,observability.span_level hot info debug source=program version=3"
        ]
      )
    })
  )

  it.effect("never comes before what it tells", () =>
    Effect.gen(function* () {
      const seen: Array<readonly [number, number]> = []
      yield* background(
        Stream.runForEach(Ryker.events, (event) =>
          Effect.map(runtime, ({ settings, snapshot }) => {
            if (event._tag === "ConfigApplied") seen.push([snapshot.version, settings.actor.deadline])
          })
        )
      )
      yield* Ryker.reload({ defaults: { deadline: "2s" } })
      yield* settled
      assert.deepStrictEqual(seen, [[2, 2_000]])
    }).pipe(run)
  )

  it.effect("does not undo a reload if a logger dies of it", () =>
    Effect.gen(function* () {
      const dying = Logger.make(() => {
        throw new Error("on purpose")
      })
      yield* Ryker.reload({ defaults: { deadline: "2s" } }).pipe(Effect.provide(Logger.layer([dying])))
      const { refused, version } = yield* Ryker.config
      assert.deepStrictEqual([version, refused, yield* deadlineNow], [2, 0, 2_000])
    }).pipe(run)
  )

  it.effect("is told to the one who asked, too: the source is the last that changed anything", () =>
    Effect.gen(function* () {
      yield* Ryker.reload({ defaults: { deadline: "2s" } }, { source: "first" })
      yield* Ryker.reload({ defaults: { deadline: "2s" } }, { source: "second" })
      yield* Effect.flip(Ryker.reload({ defaults: { deadline: "no" } }, { source: "third" }))
      assert.strictEqual((yield* Ryker.config).source, "first")
    }).pipe(run)
  )
})

// --- All of it at once --------------------------------------------------------------------------------------------------

describe("reloads of any keys, under any load", () => {
  const pick = <const A extends ReadonlyArray<string>>(values: A) => Arbitrary.schema(Schema.Literals(values))
  const kind = pick(["noop", "sleep", "crash", "hang", "reload", "wrong"])
  const setting = Arbitrary.schema(
    Schema.Literals([
      '{"defaults":{"deadline":"20ms"}}',
      '{"defaults":{"deadline":"400ms"}}',
      '{"defaults":{"mailbox_capacity":2}}',
      '{"defaults":{"mailbox_capacity":64,"max_msg_bytes":"2KiB"}}',
      '{"fairness":{"batch_messages":1,"yield_every_n_msgs":1}}',
      '{"fairness":{"yield_every_n_msgs":90,"batch_messages":90}}',
      '{"supervisor":{"backoff_base_ms":1,"backoff_cap_ms":1}}',
      '{"supervisor":{"backoff_base_ms":50,"backoff_cap_ms":900}}',
      '{"supervisor":{"rapid_fail_threshold":1}}',
      '{"supervisor":{"rapid_fail_threshold":1000,"rapid_fail_window":"1s"}}'
    ])
  )
  const steps = Arbitrary.array(
    Arbitrary.all({
      kind,
      id: pick(["a", "b"]),
      to: pick(["plain", "keyed", "pool"]),
      wait: Arbitrary.schema(Schema.Literals([0, 0, 5, 30])),
      setting
    }),
    { minLength: 5, maxLength: 60 }
  )

  it.effect.prop(
    "leave every ask answered, every message counted once, and the settings as the last one said",
    { steps },
    ({ steps }) =>
      Effect.gen(function* () {
        const plain = yield* spawnWorker("plain")
        const pack = Context.get(
          yield* Layer.build(Pack.toLayer(() => workerHandlers, { shutdown: 0, idleAfter: 40 })),
          Pack
        )
        const pool = yield* Router.spawn(Worker, workerHandlers, { shutdown: 0, size: 2, name: "pool" })
        const fibers = []
        let applied = yield* Effect.map(Ryker.config, ({ config }) => config)
        for (const { id, kind, setting, to, wait } of steps) {
          // What the literals say is valid.
          const next = JSON.parse(setting) as RykerConfig.Input
          const target = to === "plain" ? plain : to === "keyed" ? pack.get(id) : pool
          if (kind === "reload") applied = (yield* Ryker.reload(next)).config
          else if (kind === "wrong") yield* Effect.flip(Ryker.reload({ ...next, amnesia: { enabled: "maybe" } }))
          else {
            const job = { noop, crash, hang, sleep: () => Effect.sleep(25) }[kind]
            fibers.push(yield* Effect.forkChild(Effect.exit(ask(target, job)), { startImmediately: true }))
          }
          if (wait > 0) yield* TestClock.adjust(wait)
        }
        for (let n = 0; n < 40; n++) yield* Effect.andThen(settled, TestClock.adjust(100))
        const ends = yield* Effect.forEach(fibers, (fiber) => fiber.pollUnsafe() ?? assert.fail("an ask hangs"))
        const expected = new Set(["Timeout", "Busy", "Crashed", "Stopped"])
        for (const end of ends) if (Exit.isFailure(end)) assert.isTrue(expected.has(errorOf(end)._tag))
        for (const entry of yield* Ryker.ledger) {
          assert.strictEqual(entry.queued + entry.inHand, 0)
          assert.strictEqual(Ledger.imbalance(entry), 0)
        }
        const { config, refused, version } = yield* Ryker.config
        assert.deepStrictEqual(config, applied)
        assert.strictEqual(refused, steps.filter(({ kind }) => kind === "wrong").length)
        assert.isAtMost(version - 1, steps.filter(({ kind }) => kind === "reload").length)
      }).pipe(run)
  )
})
