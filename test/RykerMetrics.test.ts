import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import { PrometheusMetrics } from "effect/observability"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import { readFileSync } from "node:fs"
import * as Actor from "../src/Actor.ts"
import * as Ledger from "../src/Ledger.ts"
import * as Router from "../src/Router.ts"
import * as Ryker from "../src/Ryker.ts"
import * as RykerMetrics from "../src/RykerMetrics.ts"
import * as Supervisor from "../src/Supervisor.ts"
import {
  ask,
  background,
  Refused,
  settled,
  spawnWorker,
  tell,
  Worker,
  workerHandlers,
  workerLayer
} from "./Actor.fixtures.ts"
import { assertBalanced, Counter, counterHandlers, counterLayer } from "./fixtures.ts"
import { readCounted, readHistogram, readMetric, readMetrics, withRegistry } from "./RykerMetrics.fixtures.ts"

/** A runtime, and a registry of the test's own. */
const withRuntime =
  <ROut, E2>(layer: Layer.Layer<ROut, E2, Ryker.Ryker>, options: Ryker.Options = {}) =>
  <A, E, R>(test: Effect.Effect<A, E, R>) =>
    test.pipe(
      Effect.tap(() => assertBalanced),
      Effect.provide(layer),
      Effect.provide(Ryker.layerWith(options)),
      withRegistry
    )

class Families extends Actor.keyed<Families>()("Families", [
  Rpc.make("Next", { success: Schema.Int }),
  Rpc.make("Crash")
]) {}

const familiesLayer = Families.toLayer(
  () => {
    let n = 0
    return Families.of({ Next: () => Effect.sync(() => ++n), Crash: () => Effect.die("crash on purpose") })
  },
  { idleAfter: "1 second", intensity: { restarts: 0 } }
)

/** A number of every kind of series. */
const dropped = (reason: string) => readMetric("ryker_mailbox_dropped_total", { actor: "Worker", reason })
const letters = (reason: string) => readMetric("ryker_dead_letters_total", { actor: "Worker", reason })

describe("the contract", () => {
  it("has names, types, labels, their values and buckets as they are promised", () => {
    const lines = RykerMetrics.contract.map(({ buckets, labels, name, type }) =>
      [
        name,
        type,
        ...labels.map((label) =>
          label.values === undefined ? label.name : `${label.name}=${Object.keys(label.values).join("|")}`
        ),
        ...(buckets === undefined ? [] : [`le=${[...buckets, "+Inf"].join("|")}`])
      ].join(" ")
    )
    const golden = readFileSync(new URL("RykerMetrics.golden", import.meta.url), "utf8")
    assert.deepStrictEqual(lines, golden.trimEnd().split("\n"))
  })

  it.effect("holds for all that a run gives: no other series, no other label, no metric that is missing", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      yield* counter.ask.Next()
      yield* Effect.exit(Ryker.reload({ defaults: { deadline: "never" } }))
      const context = yield* Effect.context()
      const seen = new Set<string>()
      for (const { attributes, description, id, state, type } of Metric.snapshotUnsafe(context)) {
        const definition = RykerMetrics.contract.find(({ name }) => name === id)
        assert(definition !== undefined, id)
        seen.add(id)
        assert.strictEqual(type.toLowerCase(), definition.type, id)
        assert.strictEqual(description, definition.description, id)
        const labels = attributes ?? {}
        assert.deepStrictEqual(
          Object.keys(labels),
          definition.labels.map(({ name }) => name),
          id
        )
        for (const { name, values } of definition.labels) {
          if (values !== undefined) assert.include(Object.keys(values), labels[name], id)
        }
        if ("buckets" in state) {
          assert.deepStrictEqual(
            state.buckets.map(([bound]) => bound),
            definition.buckets,
            id
          )
        }
        // Otherwise exporters take it for a gauge.
        if (type === "Counter") assert.isTrue("incremental" in state && state.incremental, id)
      }
      assert.deepStrictEqual(Array.from(seen).toSorted(), RykerMetrics.contract.map(({ name }) => name).toSorted())
    }).pipe(withRuntime(counterLayer()))
  )

  it.effect("has all label values from the start, at zero, so that no first increase is missed", () =>
    Effect.gen(function* () {
      const all = yield* readMetrics
      for (const { labels, name } of RykerMetrics.contract.filter(({ labels }) => labels[0]!.name === "actor")) {
        for (const value of Object.keys(labels[1]?.values ?? { "": "" })) {
          const series =
            value === "" ? `${name}{actor="Counter"}` : `${name}{actor="Counter",${labels[1]!.name}="${value}"}`
          assert.strictEqual(all[series], name === "ryker_actor_up" ? 1 : 0, series)
        }
      }
    }).pipe(withRuntime(counterLayer()))
  )

  it.effect("is what a scrape of the Prometheus text format gives", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      yield* counter.ask.Next()
      const lines = (yield* PrometheusMetrics.format()).split("\n")
      for (const { buckets, description, name, type } of RykerMetrics.contract) {
        if (name === "ryker_config_reload_errors_total") continue
        assert.include(lines, `# TYPE ${name} ${type}`)
        assert.include(lines, `# HELP ${name} ${description}`)
        if (buckets !== undefined) continue
        assert.isTrue(
          lines.some((line) => line.startsWith(`${name}{`)),
          name
        )
      }
      assert.include(lines, 'ryker_handler_latency_seconds_bucket{actor="Counter",outcome="ok",le="0.005"} 1')
      assert.include(lines, 'ryker_handler_latency_seconds_count{actor="Counter",outcome="ok"} 1')
    }).pipe(withRuntime(counterLayer()))
  )
})

describe("what is counted", () => {
  it.effect("Busy, as a rejection and as dropped for its capacity", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* Actor.suspend(worker)
      yield* tell(worker, () => Effect.void)
      yield* Effect.exit(tell(worker, () => Effect.void))
      yield* Effect.exit(ask(worker, () => Effect.void))
      assert.strictEqual(yield* readMetric("ryker_busy_rejections_total", { actor: "Worker" }), 2)
      assert.strictEqual(yield* dropped("capacity"), 2)
      assert.strictEqual(yield* letters("capacity"), 0)
    }).pipe(withRuntime(workerLayer({ capacity: 1 })))
  )

  it.effect("a stash that is full, as dropped for its capacity and not as Busy at the door", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const stash = () => Actor.stash
      yield* tell(worker, stash)
      yield* tell(worker, stash)
      yield* settled
      assert.strictEqual(yield* dropped("capacity"), 1)
      assert.strictEqual(yield* letters("capacity"), 1)
      assert.strictEqual(yield* readMetric("ryker_busy_rejections_total", { actor: "Worker" }), 0)
      // What is put aside waits, and has no outcome.
      assert.strictEqual(yield* readMetric("ryker_mailbox_depth", { actor: "Worker" }), 1)
      assert.deepStrictEqual(yield* readCounted("ryker_handler_latency_seconds"), {})
    }).pipe(withRuntime(workerLayer({ stash: 1 })))
  )

  it.effect("deadlines: of queued messages as dead letters, of late sends as refusals", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* Actor.suspend(worker)
      yield* background(Effect.exit(ask(worker, () => Effect.void, { deadline: "1 second" })))
      yield* TestClock.adjust("1 second")
      yield* Effect.exit(ask(worker, () => Effect.void, { deadline: 0 }))
      assert.strictEqual(yield* dropped("deadline"), 2)
      assert.strictEqual(yield* letters("deadline"), 1)
    }).pipe(withRuntime(workerLayer()))
  )

  it.effect("an asker that is interrupted while its message waits", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* Actor.suspend(worker)
      yield* Effect.flatMap(background(ask(worker, () => Effect.void)), Fiber.interrupt)
      assert.strictEqual(yield* dropped("interrupted"), 1)
      assert.strictEqual(yield* letters("interrupted"), 1)
    }).pipe(withRuntime(workerLayer()))
  )

  it.effect("what a stop drops, and what comes after it", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* Actor.suspend(worker)
      yield* tell(worker, () => Effect.void)
      yield* Actor.stop(worker, { deadline: 0 })
      yield* Effect.exit(tell(worker, () => Effect.void))
      assert.strictEqual(yield* dropped("shutdown"), 1)
      assert.strictEqual(yield* letters("shutdown"), 1)
      assert.strictEqual(yield* dropped("closed"), 1)
      assert.strictEqual(yield* letters("closed"), 0)
    }).pipe(withRuntime(workerLayer()))
  )

  it.effect("a limit of restarts that is exceeded, and poison", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      for (let n = 0; n < 3; n++) yield* tell(worker, () => Effect.die("crash on purpose"))
      yield* settled
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* letters("poison"), 1)
      // The one in hand at the last crash, which was to be delivered again, and the one behind it.
      assert.strictEqual(yield* letters("rapid_fail"), 2)
      assert.strictEqual(yield* dropped("rapid_fail"), 2)
      assert.strictEqual(yield* readMetric("ryker_actor_restarts_total", { actor: "Worker" }), 2)
    }).pipe(withRuntime(workerLayer({ redeliver: 1, intensity: { restarts: 2, window: "1 hour" } })))
  )

  it.effect("payloads that are too large", () =>
    Effect.gen(function* () {
      class Text extends Actor.Service<Text>()("Text", [Rpc.make("Put", { payload: { text: Schema.String } })]) {}
      const text = yield* Actor.spawn(Text, Text.of({ Put: () => Effect.void }))
      yield* Effect.exit(text.tell.Put({ text: "x".repeat(2_000_000) }))
      assert.strictEqual(yield* readMetric("ryker_mailbox_dropped_total", { actor: "Text", reason: "too_large" }), 1)
    }).pipe(Effect.scoped, withRuntime(Layer.empty))
  )

  it.effect("yields, deadlocks and zeroized bytes", () =>
    Effect.gen(function* () {
      class Blob extends Actor.Service<Blob>()("Blob", [
        Rpc.make("Put", { payload: { bytes: Schema.Uint8Array } }),
        Rpc.make("Self")
      ]) {}
      const blob = yield* Actor.spawn(
        Blob,
        Effect.gen(function* () {
          const self = yield* Blob
          return Blob.of({
            Put: () => Effect.void,
            Self: () => Effect.orDie(self.ask.Self()).pipe(Effect.exit, Effect.asVoid)
          })
        }),
        { amnesia: true }
      )
      yield* blob.ask.Put({ bytes: new Uint8Array(40) })
      yield* blob.ask.Self()
      for (let n = 0; n < 200; n++) yield* blob.tell.Put({ bytes: new Uint8Array(1) })
      yield* settled
      const labels = { actor: "Blob" }
      assert.strictEqual(yield* readMetric("ryker_zeroized_bytes_total", labels), 240)
      assert.strictEqual(yield* readMetric("ryker_deadlocks_total", labels), 1)
      const [{ yields } = assert.fail()] = yield* Ryker.ledger
      assert.isAbove(yields, 0)
      assert.strictEqual(yield* readMetric("ryker_yields_total", labels), yields)
    }).pipe(Effect.scoped, withRuntime(Layer.empty))
  )

  it.effect("agrees with the ledger about everything it has", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* tell(worker, () => Effect.void)
      yield* Effect.exit(ask(worker, () => Effect.fail(new Refused({ why: "on purpose" }))))
      yield* settled
      yield* Effect.exit(ask(worker, () => Effect.die("crash on purpose")))
      yield* settled
      const [entry = assert.fail()] = yield* Ryker.ledger
      const all = Object.values(yield* readCounted("ryker_handler_latency_seconds"))
      assert.strictEqual(
        entry.handled + entry.failed,
        all.reduce((a, b) => a + b, 0)
      )
      assert.strictEqual(
        Ledger.totalDropped(entry.dropped),
        Object.values(yield* readCounted("ryker_dead_letters_total")).reduce((a, b) => a + b, 0)
      )
    }).pipe(withRuntime(workerLayer()))
  )

  it.effect("reloads by their source, refused ones by their error, too", () =>
    Effect.gen(function* () {
      yield* Ryker.reload({ defaults: { deadline: "2s" } })
      yield* Ryker.reload({ defaults: { deadline: "2s" } }, { source: "the same again is no reload" })
      yield* Ryker.reload({ defaults: { deadline: "3s" } }, { source: "admin" })
      yield* Effect.exit(Ryker.reload({ defaults: { deadline: "soon" } }))
      yield* Effect.exit(Ryker.reload({ defaults: { mailbox_capacity: 3 } }, { strict: true }))
      yield* Effect.exit(Ryker.reload(Effect.die("on purpose"), { source: "SIGHUP" }))
      assert.deepStrictEqual(yield* readCounted("ryker_config_reload"), {
        'ryker_config_reload_total{source="start"}': 1,
        'ryker_config_reload_total{source="program"}': 1,
        'ryker_config_reload_total{source="admin"}': 1,
        'ryker_config_reload_errors_total{error="invalid",source="program"}': 1,
        'ryker_config_reload_errors_total{error="cold",source="program"}': 1,
        'ryker_config_reload_errors_total{error="defect",source="SIGHUP"}': 1
      })
    }).pipe(withRuntime(Layer.empty))
  )

  it.effect("sources of reloads, as other when there are many", () =>
    Effect.gen(function* () {
      for (let n = 0; n < 40; n++) {
        yield* Ryker.reload({ defaults: { deadline: `${n + 2}s` } }, { source: `request ${n}` })
      }
      const counted = yield* readCounted("ryker_config_reload_total")
      assert.strictEqual(Object.keys(counted).length, 33)
      assert.strictEqual(counted['ryker_config_reload_total{source="other"}'], 9)
    }).pipe(withRuntime(Layer.empty))
  )

  it.effect("drains, with their time and outcome", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* tell(worker, () => Effect.sleep("3 seconds"))
      yield* settled
      const draining = yield* background(Ryker.drain("1 minute"))
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.join(draining)
      const { count, sum } = yield* readHistogram(RykerMetrics.drainSeconds, { outcome: "complete" })
      assert.deepStrictEqual({ count, sum }, { count: 1, sum: 3 })
    }).pipe(withRuntime(workerLayer()))
  )
})

describe("times", () => {
  const latency = (outcome: string) => readHistogram(RykerMetrics.handlerLatency, { actor: "Worker", outcome })
  const wait = readHistogram(RykerMetrics.mailboxWait, { actor: "Worker" })

  it.effect("are seconds, of the wait and of the handler, each by itself", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* tell(worker, () => Effect.sleep("200 millis"))
      yield* tell(worker, () => Effect.sleep("3 seconds"))
      yield* settled
      yield* TestClock.adjust("10 seconds")
      const { buckets, count, max, min, sum } = yield* latency("ok")
      assert.deepStrictEqual({ count, max, min }, { count: 2, max: 3, min: 0.2 })
      assert.closeTo(sum, 3.2, 1e-9)
      const upTo = (bound: number) => buckets.find(([each]) => each === bound)![1]
      assert.deepStrictEqual([0.1, 0.25, 2.5, 5].map(upTo), [0, 1, 1, 2])
      const waited = yield* wait
      assert.deepStrictEqual([waited.count, waited.min, waited.max], [2, 0, 0.2])
    }).pipe(withRuntime(workerLayer()))
  )

  it.effect("of each outcome go to its own series", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const outcomes = ["ok", "error", "timeout", "crash", "interrupted"] as const
      const counts = Effect.forEach(outcomes, (outcome) => Effect.map(latency(outcome), ({ count }) => count))
      yield* ask(worker, () => Effect.void)
      yield* Effect.exit(ask(worker, () => Effect.fail(new Refused({ why: "on purpose" }))))
      assert.deepStrictEqual(yield* counts, [1, 1, 0, 0, 0])
      const asking = yield* background(Effect.exit(ask(worker, () => Effect.never, { deadline: "2 seconds" })))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(asking)
      assert.deepStrictEqual(yield* counts, [1, 1, 1, 0, 0])
      assert.strictEqual((yield* latency("timeout")).sum, 2)
      // One that cannot be interrupted counts as what it was told, and as long as it took.
      const stubborn = () => Effect.uninterruptible(Effect.sleep("5 seconds"))
      const late = yield* background(Effect.exit(ask(worker, stubborn, { deadline: "2 seconds" })))
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(late)
      assert.deepStrictEqual(yield* counts, [1, 1, 2, 0, 0])
      assert.strictEqual((yield* latency("timeout")).sum, 7)
      yield* Effect.flatMap(background(ask(worker, () => Effect.never)), Fiber.interrupt)
      assert.deepStrictEqual(yield* counts, [1, 1, 2, 0, 1])
      yield* Effect.exit(ask(worker, () => Effect.die("crash on purpose")))
      assert.deepStrictEqual(yield* counts, [1, 1, 2, 1, 1])
      yield* TestClock.adjust("1 minute")
      yield* tell(worker, () => Effect.never)
      yield* settled
      yield* Actor.stop(worker, { deadline: 0 })
      yield* settled
      assert.deepStrictEqual(yield* counts, [1, 1, 2, 1, 2])
    }).pipe(withRuntime(workerLayer({ deadline: "1 hour" })))
  )

  it.effect("of a message that is delivered again: each handler, but one wait", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* Effect.exit(ask(worker, () => Effect.die("crash on purpose"))).pipe(background)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* latency("crash")).count, 3)
      assert.strictEqual((yield* wait).count, 1)
    }).pipe(withRuntime(workerLayer({ redeliver: 2, deadline: "1 hour" })))
  )

  /** A clock that stands still until it is told to go on, also in the middle of a turn. */
  const handClock = () => {
    let millis = 0
    const nanos = () => BigInt(millis) * 1_000_000n
    const clock: Clock.Clock = {
      currentTimeMillisUnsafe: () => millis,
      currentTimeMillis: Effect.sync(() => millis),
      currentTimeNanosUnsafe: nanos,
      currentTimeNanos: Effect.sync(nanos),
      monotonicTimeNanosUnsafe: nanos,
      monotonicTimeNanos: Effect.sync(nanos),
      sleep: () => Effect.never
    }
    const passes = (more: number) => () =>
      Effect.sync(() => {
        millis += more
      })
    return { clock, passes }
  }

  it.effect("of messages that are handled in one turn are each its own", () => {
    const { clock, passes } = handClock()
    return Effect.gen(function* () {
      const worker = yield* Worker
      for (const millis of [100, 20, 7]) yield* tell(worker, passes(millis))
      yield* settled
      const { count, max, min, sum } = yield* latency("ok")
      assert.deepStrictEqual({ count, max, min }, { count: 3, max: 0.1, min: 0.007 })
      assert.closeTo(sum, 0.127, 1e-9)
      const waited = yield* wait
      assert.deepStrictEqual([waited.min, waited.max], [0, 0.12])
      // Time between turns is nobody's.
      yield* passes(5_000)()
      yield* tell(worker, passes(1))
      yield* settled
      assert.strictEqual((yield* latency("ok")).max, 0.1)
      assert.strictEqual((yield* wait).max, 0.12)
    }).pipe(withRuntime(workerLayer()), Effect.provideService(Clock.Clock, clock))
  })

  it.effect("are not the asker's, who goes on before the next message is begun", () => {
    const { clock, passes } = handClock()
    return Effect.gen(function* () {
      const worker = yield* Worker
      yield* tell(worker, passes(0))
      yield* Effect.forkChild(Effect.andThen(ask(worker, passes(1)), passes(5_000)()), { startImmediately: true })
      yield* tell(worker, passes(2))
      yield* settled
      assert.strictEqual((yield* latency("ok")).max, 0.002)
      assert.strictEqual((yield* wait).max, 5.001)
    }).pipe(withRuntime(workerLayer()), Effect.provideService(Clock.Clock, clock))
  })

  it.effect("are not those of a message between that was put aside", () => {
    const { clock, passes } = handClock()
    return Effect.gen(function* () {
      const worker = yield* Worker
      yield* tell(worker, passes(1))
      yield* tell(worker, () => Effect.andThen(passes(5_000)(), Actor.stash))
      yield* tell(worker, passes(2))
      yield* settled
      assert.strictEqual((yield* latency("ok")).max, 0.002)
      assert.strictEqual((yield* wait).max, 5.001)
    }).pipe(withRuntime(workerLayer()), Effect.provideService(Clock.Clock, clock))
  })

  it.effect("need no look into a registry for a message", () =>
    Effect.gen(function* () {
      let looks = 0
      class Watched extends Map<string, Metric.Metric.Metadata<number, unknown>> {
        override get(key: string) {
          looks++
          return super.get(key)
        }
        override set(key: string, value: Metric.Metric.Metadata<number, unknown>) {
          looks++
          return super.set(key, value)
        }
        override has(key: string) {
          looks++
          return super.has(key)
        }
      }
      const registry = new Watched()
      yield* Effect.gen(function* () {
        const counter = yield* Counter
        yield* counter.ask.Next()
        const before = looks
        assert.isAbove(before, 0)
        for (let n = 0; n < 100; n++) yield* counter.ask.Next()
        yield* Effect.exit(counter.ask.Crash())
        assert.strictEqual(looks, before)
      }).pipe(
        Effect.provide(counterLayer()),
        Effect.provide(Ryker.layer),
        Effect.provideService(Metric.MetricRegistry, registry)
      )
    })
  )
})

describe("the gauges", () => {
  const up = (actor: string) => readMetric("ryker_actor_up", { actor })
  const depth = (actor: string) => readMetric("ryker_mailbox_depth", { actor })

  it.effect("show what waits and who is up, at the moment when they are read", () =>
    Effect.gen(function* () {
      const pool = yield* Router.spawn(Worker, workerHandlers, { size: 3, shutdown: 0 })
      yield* Actor.suspend(pool)
      for (let n = 0; n < 5; n++) yield* tell(pool, () => Effect.void)
      assert.strictEqual(yield* depth("Worker"), 5)
      assert.strictEqual(yield* up("Worker"), 3)
      yield* Actor.resume(pool)
      yield* settled
      assert.strictEqual(yield* depth("Worker"), 0)
      yield* tell(pool, () => Effect.die("crash on purpose"))
      yield* settled
      assert.strictEqual(yield* up("Worker"), 2)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* up("Worker"), 3)
    }).pipe(Effect.scoped, withRuntime(Layer.empty))
  )

  it.effect("go with the last of the spawned actors, and come back with the next; counts stay", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const [a, b] = yield* Effect.all([spawnWorker("a"), spawnWorker("b")]).pipe(Scope.provide(scope))
      yield* ask(a, () => Effect.void)
      yield* Actor.stop(a)
      assert.strictEqual(yield* up("Worker"), 1)
      yield* Actor.stop(b)
      assert.strictEqual(yield* up("Worker"), undefined)
      assert.strictEqual(yield* depth("Worker"), undefined)
      assert.strictEqual(yield* readMetric("ryker_mailbox_wait_seconds", { actor: "Worker" }), 1)
      yield* spawnWorker("c").pipe(Scope.provide(scope))
      assert.strictEqual(yield* up("Worker"), 1)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* up("Worker"), undefined)
    }).pipe(withRuntime(Layer.empty))
  )

  it.effect("of a keyed family have one label value, and go when nobody is resident", () =>
    Effect.gen(function* () {
      const families = yield* Families
      for (let n = 0; n < 20; n++) yield* families.get(`id-${n}`).ask.Next()
      assert.strictEqual(yield* up("Families"), 20)
      const all = Object.keys(yield* readMetrics)
      assert.isFalse(all.some((name) => name.includes("id-")))
      yield* TestClock.adjust("2 seconds")
      yield* settled
      assert.strictEqual(yield* up("Families"), undefined)
      // One that gave up is no alarm: its family goes on.
      yield* Effect.exit(families.get("bad").ask.Crash())
      yield* settled
      assert.strictEqual(yield* up("Families"), undefined)
      assert.strictEqual(yield* readMetric("ryker_handler_latency_seconds", { actor: "Families", outcome: "ok" }), 20)
    }).pipe(withRuntime(familiesLayer))
  )

  it.effect("show an actor of a Layer as down that has given up, and not one that was stopped", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      const worker = yield* Worker
      yield* Effect.exit(counter.ask.Crash())
      yield* settled
      assert.strictEqual(yield* up("Counter"), 0)
      assert.strictEqual(yield* depth("Counter"), 0)
      yield* Actor.stop(worker)
      assert.strictEqual(yield* up("Worker"), undefined)
    }).pipe(withRuntime(Layer.merge(counterLayer({ intensity: { restarts: 0 } }), workerLayer())))
  )

  it.effect("show supervisors, and children that were isolated until they are started anew or taken away", () => {
    class Tree extends Supervisor.Service<Tree>()("Tree") {}
    const tree = Tree.toLayer({
      children: [counterLayer({ intensity: { restarts: 0 } })],
      onExhausted: "isolate"
    })
    return Effect.gen(function* () {
      const supervisor = yield* Tree
      const counter = yield* Counter
      assert.strictEqual(yield* up("Tree"), 1)
      assert.strictEqual(yield* readMetric("ryker_actor_restarts_total", { actor: "Tree" }), 0)
      assert.strictEqual(yield* depth("Tree"), undefined)
      yield* Effect.exit(counter.ask.Crash())
      yield* settled
      assert.strictEqual(yield* up("Counter"), 0)
      yield* Supervisor.restartChild(supervisor, "Counter")
      assert.strictEqual(yield* up("Counter"), 1)
      const child = Layer.build(workerLayer({ intensity: { restarts: 0 } }))
      const services = yield* Supervisor.startChild(supervisor, child)
      yield* tell(Context.get(services, Worker), () => Effect.die("crash on purpose"))
      yield* settled
      assert.strictEqual(yield* up("Worker"), 0)
      yield* Supervisor.deleteChild(supervisor, "Worker")
      yield* settled
      assert.strictEqual(yield* up("Worker"), undefined)
    }).pipe(withRuntime(tree))
  })
})

describe("the settings", () => {
  const off = { observability: { enable_metrics: false } }
  const on = { observability: { enable_metrics: true } }

  it.effect("enable_metrics takes all series away at once, and brings them back with what was counted meanwhile", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      yield* counter.ask.Next()
      yield* Ryker.reload(off)
      assert.deepStrictEqual(yield* readMetrics, {})
      yield* Effect.exit(counter.ask.Next(undefined, { deadline: 0 }))
      yield* counter.ask.Next()
      yield* Ryker.reload(on)
      assert.strictEqual(yield* readMetric("ryker_mailbox_dropped_total", { actor: "Counter", reason: "deadline" }), 1)
      // Times are not taken while nobody wants them.
      assert.strictEqual(yield* readMetric("ryker_mailbox_wait_seconds", { actor: "Counter" }), 1)
      yield* counter.ask.Next()
      assert.strictEqual(yield* readMetric("ryker_mailbox_wait_seconds", { actor: "Counter" }), 2)
      assert.strictEqual(yield* readMetric("ryker_config_reload_total", { source: "program" }), 2)
    }).pipe(withRuntime(counterLayer()))
  )

  it.effect("metrics that are turned on while a handler runs do not invent its time", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* tell(worker, () => Effect.sleep("5 seconds"))
      yield* settled
      yield* Ryker.reload(on)
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* readCounted("ryker_handler_latency_seconds"), {})
    }).pipe(withRuntime(workerLayer(), { observability: { metrics: false } }))
  )

  it.effect("a runtime that begins without metrics leaves nothing in the registry", () =>
    Effect.gen(function* () {
      const counter = yield* Counter
      yield* counter.ask.Next()
      yield* Ryker.drain(0)
      assert.deepStrictEqual(yield* readMetrics, {})
      const { config, origins } = yield* Ryker.config
      assert.isFalse(config.observability.enable_metrics)
      assert.strictEqual(origins["observability.enable_metrics"]?.source, "builder")
    }).pipe(withRuntime(counterLayer(), { observability: { metrics: false } }))
  )

  it.effect("queue_depth_sampling takes the depth away, and nothing else", () =>
    Effect.gen(function* () {
      const before = Object.keys(yield* readMetrics)
      yield* Ryker.reload({ observability: { queue_depth_sampling: false } })
      const after = Object.keys(yield* readMetrics)
      assert.deepStrictEqual(
        before.filter((name) => !after.includes(name)),
        ['ryker_mailbox_depth{actor="Counter"}']
      )
      yield* Ryker.reload({ observability: { queue_depth_sampling: true } })
      assert.strictEqual(yield* readMetric("ryker_mailbox_depth", { actor: "Counter" }), 0)
    }).pipe(withRuntime(counterLayer()))
  )

  it.effect("a span level that there is not is refused", () =>
    Effect.gen(function* () {
      // What the compiler would not let through.
      const options = { observability: { spanLevel: "loud" } } as unknown as Ryker.Options
      const error = yield* Effect.flip(Effect.scoped(Layer.build(Ryker.layerWith(options))))
      assert.include(error.message, `observability.spanLevel is "loud"`)
    })
  )
})

describe("runtimes and registries", () => {
  /** A runtime with a counter, and what closes it. */
  const open = Effect.gen(function* () {
    const scope = yield* Scope.make()
    const layer = Layer.provideMerge(Layer.fresh(counterLayer()), Layer.fresh(Ryker.layerWith({})))
    const services = yield* Layer.buildWithScope(layer, scope)
    return { counter: Context.get(services, Counter), services, close: Scope.close(scope, Exit.void) }
  })
  const handled = readMetric("ryker_handler_latency_seconds", { actor: "Counter", outcome: "ok" })
  const busy = readMetric("ryker_mailbox_dropped_total", { actor: "Counter", reason: "deadline" })
  const up = readMetric("ryker_actor_up", { actor: "Counter" })

  it.effect("that share one are summed, and no count falls when one closes", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* open, yield* open]
      for (const { counter } of [a, b, b]) {
        yield* counter.ask.Next()
        yield* Effect.exit(counter.ask.Next(undefined, { deadline: 0 }))
      }
      assert.deepStrictEqual([yield* handled, yield* busy, yield* up], [3, 3, 2])
      yield* b.close
      assert.deepStrictEqual([yield* handled, yield* busy, yield* up], [3, 3, 1])
      yield* a.close
      assert.deepStrictEqual([yield* handled, yield* busy, yield* up], [3, 3, undefined])
      const c = yield* open
      yield* Effect.exit(c.counter.ask.Next(undefined, { deadline: 0 }))
      assert.deepStrictEqual([yield* handled, yield* busy, yield* up], [3, 4, 1])
      yield* c.close
    }).pipe(withRegistry)
  )

  it.effect("turning one's metrics off leaves the other's", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* open, yield* open]
      yield* a.counter.ask.Next()
      yield* Effect.provideContext(Ryker.reload({ observability: { enable_metrics: false } }), b.services)
      assert.deepStrictEqual([yield* handled, yield* up], [1, 1])
      yield* Effect.provideContext(Ryker.reload({ observability: { enable_metrics: true } }), b.services)
      assert.deepStrictEqual([yield* handled, yield* up], [1, 2])
      yield* a.close
      yield* b.close
    }).pipe(withRegistry)
  )

  it.effect("at the closing, what the shutdown dropped is there to be exported", () =>
    Effect.gen(function* () {
      yield* Effect.gen(function* () {
        const worker = yield* Worker
        yield* Actor.suspend(worker)
        yield* tell(worker, () => Effect.void)
      }).pipe(Effect.provide(workerLayer()), Effect.provide(Ryker.layer))
      assert.strictEqual(yield* dropped("shutdown"), 1)
      assert.strictEqual(yield* readMetric("ryker_drain_seconds", { outcome: "incomplete" }), 1)
      const gauges = RykerMetrics.contract.filter(({ type }) => type === "gauge").map(({ name }) => name)
      for (const name of Object.keys(yield* readMetrics)) {
        assert.isFalse(
          gauges.some((gauge) => name.startsWith(`${gauge}{`)),
          name
        )
      }
    }).pipe(withRegistry)
  )

  it.effect("a drain counts once, also when the Layer closes after it", () =>
    Effect.gen(function* () {
      yield* Effect.provide(Ryker.drain("1 second"), Ryker.layer)
      assert.strictEqual(yield* readMetric("ryker_drain_seconds", { outcome: "complete" }), 1)
    }).pipe(withRegistry)
  )

  it.effect(
    "attributes that are current where the runtime is built are on every series, and cannot change the actor",
    () =>
      Effect.gen(function* () {
        yield* Effect.flatMap(Counter, (counter) => counter.ask.Next()).pipe(
          Effect.provide(Counter.toLayer(Effect.sync(counterHandlers))),
          Effect.provide(Ryker.layer),
          Effect.provideService(Metric.CurrentMetricAttributes, { shard: "7", actor: "none" })
        )
        const names = Object.keys(yield* readMetrics)
        assert.include(names, 'ryker_handler_latency_seconds{actor="Counter",outcome="ok",shard="7"}')
        assert.isTrue(names.every((name) => name.includes('shard="7"')))
        assert.strictEqual(
          (yield* readMetrics)['ryker_handler_latency_seconds{actor="Counter",outcome="ok",shard="7"}'],
          1
        )
      }).pipe(withRegistry)
  )
})
