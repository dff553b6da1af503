import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { HttpClient, HttpClientResponse, HttpTraceContext } from "effect/http"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { TestClock } from "effect/testing"
import * as Tracer from "effect/Tracer"
import * as Actor from "../src/Actor.ts"
import * as Router from "../src/Router.ts"
import * as Ryker from "../src/Ryker.ts"
import {
  ask,
  background,
  type Job,
  Refused,
  settled,
  spawnWorker,
  tell,
  Worker,
  workerHandlers,
  workerLayer
} from "./Actor.fixtures.ts"
import { described, recording, Spans, spansOf, withSpans } from "./Tracing.fixtures.ts"

const handles = spansOf("ryker.actor.handle")
const enqueues = spansOf("ryker.mailbox.enqueue")
const nothing: Job = () => Effect.void

/** What the last handler's span says. */
const lastHandle = Effect.map(handles, (spans) => described(spans.at(-1)!))

const messaging = (operation: string, name: string, conversation?: string) => ({
  "messaging.system": "ryker",
  "messaging.operation.name": name,
  "messaging.operation.type": operation,
  "messaging.destination.name": "Worker",
  ...(conversation !== undefined && { "messaging.message.conversation_id": conversation })
})

describe("the span of a handler", () => {
  it.effect("of an ask is a child of its caller's, and has spans of the handler's own below it", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* ask(worker, () => Effect.withSpan(Effect.void, "inner")).pipe(Effect.withSpan("outer"))
      const [outer, handle, inner] = yield* Spans
      assert.deepStrictEqual(described(handle!), {
        name: "ryker.actor.handle",
        kind: "consumer",
        parent: outer!.spanId,
        links: [],
        ended: "success undefined",
        attributes: {
          actor: "Worker",
          request: "Run",
          incarnation: 1,
          deadline_ms: 1_000,
          queue_depth: 0,
          corr_id: outer!.traceId,
          outcome: "ok",
          ...messaging("process", "handle", outer!.traceId)
        }
      })
      assert.strictEqual(Option.getOrThrow(inner!.parent).spanId, handle!.spanId)
      assert.strictEqual(inner!.traceId, outer!.traceId)
    }).pipe(withSpans(workerLayer()))
  )

  it.effect("of a tell is a root, linked to its caller's", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* tell(worker, () => Effect.withSpan(Effect.void, "inner")).pipe(Effect.withSpan("outer"))
      yield* settled
      const [outer, handle, inner] = yield* Spans
      const { attributes, links, parent } = described(handle!)
      assert.deepStrictEqual({ links, parent }, { links: [outer!.spanId], parent: undefined })
      assert.notStrictEqual(handle!.traceId, outer!.traceId)
      assert.strictEqual(inner!.traceId, handle!.traceId)
      // No deadline, and the cause is still to be found.
      assert.notProperty(attributes, "deadline_ms")
      assert.strictEqual(attributes["corr_id"], outer!.traceId)
    }).pipe(withSpans(workerLayer()))
  )

  it.effect("of what is sent outside of spans is a root without links", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* ask(worker, nothing)
      yield* tell(worker, nothing)
      yield* settled
      for (const span of yield* handles) {
        const { attributes, links, parent } = described(span)
        assert.deepStrictEqual({ links, parent }, { links: [], parent: undefined })
        assert.notProperty(attributes, "corr_id")
      }
    }).pipe(withSpans(workerLayer()))
  )

  it.effect("is the parent of those that its asks lead to, however many", () =>
    Effect.gen(function* () {
      const c = yield* spawnWorker("c")
      const b = yield* spawnWorker("b")
      const a = yield* spawnWorker("a")
      yield* ask(a, () => ask(b, () => ask(c, nothing))).pipe(Effect.withSpan("outer"))
      const spans = yield* Spans
      assert.deepStrictEqual(
        spans.map((span) => span.attributes.get("actor") ?? span.name),
        ["outer", "a", "b", "c"]
      )
      for (let n = 1; n < 4; n++) {
        assert.strictEqual(Option.getOrThrow(spans[n]!.parent).spanId, spans[n - 1]!.spanId)
        assert.strictEqual(spans[n]!.traceId, spans[0]!.traceId)
      }
    }).pipe(Effect.scoped, withSpans(Layer.empty))
  )

  it.effect("is there for a handler that gives its reply without an Effect to run", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* ask(worker, () => Exit.succeed(1))
      assert.strictEqual((yield* lastHandle).ended, "success undefined")
    }).pipe(withSpans(workerLayer()))
  )

  it.effect("begins when the handler does, not when the message was sent", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* tell(worker, () => Effect.sleep("2 seconds"))
      yield* tell(worker, () => Effect.sleep("3 seconds"))
      yield* settled
      yield* TestClock.adjust("2 seconds")
      yield* TestClock.adjust("3 seconds")
      const times = (yield* handles).map(({ status }) =>
        status._tag === "Ended" ? [status.startTime, status.endTime].map((nanos) => Number(nanos / 1_000_000n)) : []
      )
      assert.deepStrictEqual(times, [
        [0, 2_000],
        [2_000, 5_000]
      ])
      assert.deepStrictEqual(
        (yield* handles).map((span) => span.attributes.get("queue_depth")),
        [1, 0]
      )
    }).pipe(withSpans(workerLayer()))
  )

  it.effect("says how it ended, by classes and places, without a value", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const ended = Effect.map(lastHandle, ({ attributes, ended }) => `${String(attributes["outcome"])}: ${ended}`)
      yield* Effect.exit(ask(worker, () => Effect.fail(new Refused({ why: "a secret" }))))
      assert.strictEqual(yield* ended, "error: failed Refused")
      const late = yield* background(Effect.exit(ask(worker, () => Effect.never)))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(late)
      assert.strictEqual(yield* ended, "timeout: interrupted")
      yield* Effect.flatMap(background(ask(worker, () => Effect.never)), Fiber.interrupt)
      assert.strictEqual(yield* ended, "interrupted: interrupted")
      yield* Effect.exit(ask(worker, () => Effect.die(new RangeError("a secret"))))
      assert.strictEqual(yield* ended, "crash: died RangeError")
      yield* TestClock.adjust("1 minute")
      yield* Effect.exit(ask(worker, () => Effect.die("a secret")))
      assert.strictEqual(yield* ended, "crash: died string")
    }).pipe(withSpans(workerLayer()))
  )

  it.effect("is made for each delivery, and says when it is not the first", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* background(Effect.exit(ask(worker, () => Effect.die("crash on purpose"), { deadline: "1 hour" })))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(
        (yield* handles).map((span) => [span.attributes.get("incarnation"), span.attributes.get("delivery")]),
        [
          [1, undefined],
          [2, 2]
        ]
      )
    }).pipe(withSpans(workerLayer({ redeliver: 1 })))
  )

  it.effect("of one that stashes its message says so", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* tell(worker, () => Actor.stash)
      yield* settled
      const { attributes, ended } = yield* lastHandle
      assert.deepStrictEqual([attributes["outcome"], ended], ["stashed", "interrupted"])
    }).pipe(withSpans(workerLayer()))
  )

  it.effect("has the address of the actor, and its definition as the destination", () =>
    Effect.gen(function* () {
      const pool = yield* Router.spawn(Worker, workerHandlers, { size: 2, shutdown: 0 })
      yield* ask(pool, nothing)
      const { attributes } = yield* lastHandle
      assert.deepStrictEqual([attributes["actor"], attributes["messaging.destination.name"]], ["Worker#1/1", "Worker"])
    }).pipe(Effect.scoped, withSpans(Layer.empty))
  )
})

describe("the span of a send", () => {
  const options: Ryker.Options = { observability: { spanLevel: "debug" } }

  it.effect("stands between the caller's and the handler's", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* ask(worker, nothing).pipe(Effect.withSpan("outer"))
      yield* tell(worker, nothing).pipe(Effect.withSpan("outer"))
      yield* settled
      const [outer, asked, served, told, sent, handled] = yield* Spans
      assert.deepStrictEqual(described(asked!), {
        name: "ryker.mailbox.enqueue",
        kind: "producer",
        parent: outer!.spanId,
        links: [],
        ended: "success undefined",
        attributes: {
          actor: "Worker",
          request: "Run",
          deadline_ms: 1_000,
          queue_depth: 1,
          corr_id: outer!.traceId,
          outcome: "accepted",
          ...messaging("send", "ask", outer!.traceId)
        }
      })
      assert.strictEqual(Option.getOrThrow(served!.parent).spanId, asked!.spanId)
      assert.strictEqual(sent!.attributes.get("messaging.operation.name"), "tell")
      assert.strictEqual(Option.getOrThrow(sent!.parent).spanId, told!.spanId)
      assert.deepStrictEqual(described(handled!).links, [sent!.spanId])
    }).pipe(withSpans(workerLayer(), options))
  )

  it.effect("that is refused says why", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const ended = Effect.map(enqueues, (spans) => {
        const { attributes, ended } = described(spans.at(-1)!)
        return `${String(attributes["outcome"])}: ${ended}`
      })
      yield* Effect.exit(ask(worker, nothing, { deadline: 0 }))
      assert.strictEqual(yield* ended, "timeout: failed Timeout")
      yield* Actor.suspend(worker)
      yield* tell(worker, nothing)
      yield* Effect.exit(tell(worker, nothing))
      assert.strictEqual(yield* ended, "busy: failed Busy")
      yield* Actor.stop(worker, { deadline: 0 })
      yield* Effect.exit(tell(worker, nothing))
      assert.strictEqual(yield* ended, "stopped: failed Stopped")
    }).pipe(withSpans(workerLayer({ capacity: 1 }), options))
  )
})

describe("the level", () => {
  const kinds = Effect.gen(function* () {
    const worker = yield* Worker
    const before = (yield* Spans).length
    yield* ask(worker, nothing)
    yield* ask(worker, () => Effect.orDie(Effect.flatMap(Actor.timers, (timers) => timers.single("x", 1, Effect.void))))
    yield* TestClock.adjust("10 millis")
    yield* Effect.exit(ask(worker, () => Effect.die("crash on purpose")))
    yield* TestClock.adjust("1 minute")
    const spans = (yield* Spans).slice(before)
    return Array.from(
      new Set(spans.map((span) => `${span.name}${span.attributes.get("request") === "Run" ? "" : " *"}`))
    )
  })
  const restart = "ryker.actor.restart *"
  const reload = "ryker.config.reload *"
  const levels = {
    off: [],
    error: [restart],
    warn: [restart, reload],
    info: [restart, reload, "ryker.actor.handle"],
    debug: [restart, reload, "ryker.actor.handle", "ryker.mailbox.enqueue"],
    // The second with a star is a turn of its own, which is no message.
    trace: [restart, reload, "ryker.actor.handle", "ryker.mailbox.enqueue", "ryker.actor.handle *"]
  } as const

  it.effect("decides which spans there are, and acts at once", () =>
    Effect.gen(function* () {
      for (const [spanLevel, expected] of Object.entries(levels)) {
        yield* Ryker.reload({ observability: { span_level: spanLevel } })
        const before = (yield* Spans).length
        yield* Ryker.reload({ defaults: { deadline: "7s" } })
        const reloads = (yield* Spans).length - before
        assert.sameMembers([...(yield* kinds), ...(reloads === 1 ? [reload] : [])], [...expected], spanLevel)
      }
    }).pipe(withSpans(workerLayer({ intensity: { restarts: 100 } })))
  )

  it.effect("leaves the caller's trace whole where there are no spans of ryker's", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* ask(worker, () => Effect.withSpan(Effect.void, "inner")).pipe(Effect.withSpan("outer"))
      const [outer, inner] = yield* Spans
      assert.strictEqual(Option.getOrThrow(inner!.parent).spanId, outer!.spanId)
    }).pipe(withSpans(workerLayer(), { observability: { spanLevel: "off" } }))
  )
})

describe("without a tracer", () => {
  it.effect("there are no spans, not even ones that nobody sees", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const current: Job = () => Effect.map(Effect.option(Effect.currentSpan), Option.isSome)
      assert.isFalse(yield* ask(worker, current))
      assert.isFalse(yield* ask(worker, current).pipe(Effect.withSpan("outer")))
      const said = Effect.provideService(Tracer.Tracer, Tracer.nativeTracer)
      assert.isFalse(yield* ask(worker, current).pipe(Effect.withSpan("outer"), said))
    }).pipe(Effect.provide(workerLayer()), Effect.provide(Ryker.layerWith({ observability: { spanLevel: "trace" } })))
  )
})

describe("what is not sampled", () => {
  it.effect("is not followed by spans of ryker's, and what handlers trace below it is not sampled either", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const job: Job = () => Effect.withSpan(Effect.void, "inner")
      yield* Effect.andThen(ask(worker, job), tell(worker, job)).pipe(Effect.withSpan("outer", { sampled: false }))
      yield* settled
      assert.deepStrictEqual(
        (yield* Spans).map(({ name, sampled }) => [name, sampled]),
        [
          ["outer", false],
          ["inner", false],
          ["inner", false]
        ]
      )
    }).pipe(withSpans(workerLayer(), { observability: { spanLevel: "trace" } }))
  )

  it.effect("is what the minimum level of the program's traces says", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* ask(worker, nothing)
      assert.deepStrictEqual(
        (yield* handles).map(({ sampled }) => sampled),
        [false]
      )
    }).pipe(withSpans(workerLayer()), Effect.provideService(Tracer.MinimumTraceLevel, "Error"))
  )

  it.effect("nor is what must not be propagated", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const hidden = { annotations: Context.make(Tracer.DisablePropagation, true) }
      yield* ask(worker, nothing).pipe(Effect.withSpan("hidden", hidden), Effect.withSpan("outer"))
      const spans = yield* Spans
      const outer = spans.find(({ name }) => name === "outer")!
      assert.strictEqual((yield* lastHandle).parent, outer.spanId)
    }).pipe(withSpans(workerLayer()))
  )
})

describe("a tracer that fails", () => {
  const failing = (part: "span" | "end") =>
    Tracer.make({
      span: (options) => {
        if (part === "span") throw new Error("a tracer that throws")
        const span = new Tracer.NativeSpan(options)
        span.end = () => {
          throw new Error("a tracer that throws")
        }
        return span
      }
    })

  it.effect.each(["span", "end"] as const)("to make or to end a span does no harm: %s", (part) =>
    Effect.gen(function* () {
      const worker = yield* Worker
      assert.strictEqual(yield* ask(worker, () => Effect.succeed(1)), 1)
      yield* Effect.exit(ask(worker, () => Effect.die("crash on purpose")))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* ask(worker, () => Effect.succeed(2)), 2)
      yield* Ryker.reload({ defaults: { deadline: "7s" } })
      assert.strictEqual((yield* Ryker.drain("1 second")).outcome, "complete")
    }).pipe(
      Effect.provide(workerLayer()),
      Effect.provide(Ryker.layerWith({ observability: { spanLevel: "trace" } })),
      Effect.provideService(Tracer.Tracer, failing(part))
    )
  )
})

describe("the span of a restart", () => {
  const restarts = Effect.map(spansOf("ryker.actor.restart"), (spans) => spans.map(described))

  it.effect("lasts from the backoff to the start, and is linked to the message that crashed the actor", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* Effect.exit(ask(worker, () => Effect.die("crash on purpose")))
      yield* settled
      assert.strictEqual((yield* restarts)[0]!.ended, "not yet")
      yield* TestClock.adjust("100 millis")
      const [handle] = yield* handles
      assert.deepStrictEqual(yield* restarts, [
        {
          name: "ryker.actor.restart",
          kind: "internal",
          parent: undefined,
          links: [handle!.spanId],
          ended: "success undefined",
          attributes: { actor: "Worker", incarnation: 2, delay_ms: 100, outcome: "ok" }
        }
      ])
    }).pipe(withSpans(workerLayer({ backoff: { jitter: false } })))
  )

  it.effect("says when the start failed, and when a stop came first", () =>
    Effect.gen(function* () {
      let starts = 0
      const worker = yield* Actor.spawn(
        Worker,
        Effect.suspend(() => (++starts === 2 ? Effect.die(new TypeError("a secret")) : Effect.succeed(workerHandlers)))
      )
      yield* Effect.exit(ask(worker, () => Effect.die("crash on purpose")))
      yield* TestClock.adjust("10 seconds")
      yield* Effect.exit(ask(worker, () => Effect.die("crash on purpose")))
      yield* settled
      yield* Actor.stop(worker, { deadline: 0 })
      assert.deepStrictEqual(
        (yield* restarts).map(({ attributes, ended }) => [attributes["outcome"], ended]),
        [
          ["failed", "died TypeError"],
          ["ok", "success undefined"],
          ["stopped", "success undefined"]
        ]
      )
    }).pipe(Effect.scoped, withSpans(Layer.empty))
  )
})

describe("the span of a reload, and of a drain", () => {
  it.effect("says what became of it", () =>
    Effect.gen(function* () {
      yield* Ryker.reload({ defaults: { deadline: "7s" } }, { source: "admin" }).pipe(Effect.withSpan("outer"))
      yield* Ryker.reload({ defaults: { deadline: "7s" } })
      yield* Effect.exit(Ryker.reload({ defaults: { deadline: "soon" } }))
      const [outer] = yield* Spans
      const reloads = (yield* spansOf("ryker.config.reload")).map(described)
      assert.strictEqual(reloads[0]!.parent, outer!.spanId)
      assert.deepStrictEqual(
        reloads.map(({ attributes, ended }): Record<string, unknown> => ({ ...attributes, ended })),
        [
          { source: "admin", outcome: "applied", version: 2, changes: 1, ended: "success undefined" },
          { source: "program", outcome: "unchanged", version: 2, changes: 0, ended: "success undefined" },
          { source: "program", outcome: "refused", version: 2, ended: "failed InvalidConfig" }
        ]
      )
    }).pipe(withSpans(Layer.empty))
  )

  it.effect("of a drain says how many messages it lost", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* ask(worker, nothing)
      yield* Actor.suspend(worker)
      yield* tell(worker, nothing)
      const draining = yield* background(Ryker.drain("3 seconds"))
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.join(draining)
      const [drain] = (yield* spansOf("ryker.drain")).map(described)
      assert.deepStrictEqual(drain!.attributes, {
        deadline_ms: 3_000,
        outcome: "incomplete",
        handled: 0,
        failed: 0,
        dropped: 1,
        abandoned: 0
      })
    }).pipe(withSpans(workerLayer()))
  )

  it.effect("is there for the drain at the closing of the Layer, too", () =>
    Effect.gen(function* () {
      const services = yield* Layer.build(Layer.fresh(recording))
      yield* Effect.provideContext(
        Effect.scoped(Layer.build(Layer.provideMerge(workerLayer(), Layer.fresh(Ryker.layerWith({}))))),
        services
      )
      const [drain] = Context.get(services, Spans).filter(({ name }) => name === "ryker.drain")
      assert.strictEqual(described(drain!).attributes["outcome"], "complete")
    }).pipe(Effect.scoped)
  )
})

describe("the trace of an HTTP request", () => {
  const parent = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" }

  it.effect("comes in with Effect's own HTTP modules, goes through an ask, and out again", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const sent: Array<string | undefined> = []
      const client = HttpClient.make((request) => {
        sent.push(request.headers["traceparent"])
        return Effect.succeed(HttpClientResponse.fromWeb(request, new Response()))
      })
      const incoming = HttpTraceContext.fromHeaders({
        traceparent: `00-${parent.traceId}-${parent.spanId}-01`
      } as never)
      const job: Job = () => Effect.orDie(client.get("http://localhost/"))
      yield* ask(worker, job).pipe(Effect.withParentSpan(Option.getOrThrow(incoming)))
      const [handle, request] = yield* Spans
      assert.strictEqual(handle!.traceId, parent.traceId)
      assert.strictEqual(Option.getOrThrow(handle!.parent).spanId, parent.spanId)
      assert.strictEqual(Option.getOrThrow(request!.parent).spanId, handle!.spanId)
      assert.deepStrictEqual(sent, [`00-${parent.traceId}-${request!.spanId}-01`])
    }).pipe(withSpans(workerLayer()))
  )
})
