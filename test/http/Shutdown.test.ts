import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer, Runtime } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { type Actor, Ryker } from "../../src/index.ts"
import { Health, Shutdown } from "../../src/http/index.ts"
import { Host } from "../../src/http/internal/host.ts"
import { Quiet, type Seen, Worker, workerLayer } from "./fixtures.ts"

/** A process that nothing ends but the test. */
class FakeProcess implements Host {
  readonly exits: Array<number> = []
  private readonly listeners = new Map<string, Set<() => void>>()
  /** What is to run at the deadline. */
  atDeadline: { readonly millis: number; readonly task: () => void } | undefined

  on(signal: string, listener: () => void): void {
    const listeners = this.listeners.get(signal) ?? new Set()
    this.listeners.set(signal, listeners.add(listener))
  }

  off(signal: string, listener: () => void): void {
    this.listeners.get(signal)?.delete(listener)
  }

  exit(code: number): void {
    this.exits.push(code)
  }

  after(millis: number, task: () => void): void {
    this.atDeadline = { millis, task }
  }

  kill(signal: string): void {
    for (const listener of this.listeners.get(signal) ?? []) listener()
  }

  get listening(): ReadonlyArray<string> {
    return Array.from(this.listeners).flatMap(([signal, listeners]) => (listeners.size > 0 ? [signal] : []))
  }
}

const settle = Effect.repeat(TestClock.adjust(0), { times: 10 })

const setup = (
  options: Shutdown.Options = {},
  http: Layer.Layer<never, never, Ryker.Ryker | Worker> = Layer.empty,
  actor: Actor.Options = {}
) =>
  Effect.gen(function* () {
    const process = new FakeProcess()
    const log: Array<string> = []
    const say = (line: string) => Effect.sync(() => void log.push(line))
    const seen: Seen = { begun: 0, interrupted: 0 }
    const App = Layer.provideMerge(Health.layer(), Ryker.layer)
    const context = yield* Layer.build(workerLayer(seen, { shutdown: 0, ...actor }).pipe(Layer.provideMerge(App)))
    const Server = Layer.merge(http, Layer.effectDiscard(Effect.addFinalizer(() => say("server closed"))))
    const fiber = yield* Effect.forkChild(
      Shutdown.launch(Server, options).pipe(
        Effect.onExit(() => say("launch ended")),
        Effect.provide(context),
        Effect.provideService(Host, process)
      )
    )
    yield* settle
    const inApp = Effect.provide(context)
    return { fiber, inApp, log, process }
  })

const endOf = <A, E>(fiber: Fiber.Fiber<A, E>) =>
  Effect.map(Fiber.await(fiber), (exit) => {
    assert.isTrue(Exit.isFailure(exit))
    const end = Cause.squash((exit as Exit.Failure<A, E>).cause)
    assert.instanceOf(end, Shutdown.ShutDown)
    return end
  })

describe("the steps", () => {
  it.effect("come one after the other, each after the one before", () =>
    Effect.gen(function* () {
      const { fiber, inApp, log, process } = yield* setup({ grace: "2 seconds" })
      const step = inApp(Shutdown.step)
      const readiness = inApp(Effect.map(Health.ready, ({ status }) => status))
      assert.deepStrictEqual([yield* step, yield* readiness, log], ["running", "ready", []])
      process.kill("SIGTERM")
      yield* settle
      assert.deepStrictEqual([yield* step, yield* readiness, log], ["grace", "unready", []])
      const worker = yield* inApp(Worker)
      assert.strictEqual(yield* worker.ask.Do({ what: "in the grace period" }), "in the grace period")
      yield* TestClock.adjust("2 seconds")
      yield* settle
      assert.deepStrictEqual([yield* step, log], ["closing", ["server closed", "launch ended"]])
      const end = yield* endOf(fiber)
      assert.deepStrictEqual([end.cause, end.outcome, end.requests], ["SIGTERM", "complete", 0])
      assert.deepStrictEqual(end.actors, [{ actor: "Worker", handled: 0, failed: 0, dropped: 0, abandoned: 0 }])
      assert.strictEqual(end[Runtime.errorExitCode], 0)
      assert.deepStrictEqual(process.exits, [])
    }).pipe(Effect.provide(Quiet))
  )

  it.effect("leave requests half of the time, and the actors the rest without what is kept to flush", () =>
    Effect.gen(function* () {
      const stuck = Layer.effectDiscard(Effect.addFinalizer(() => Effect.never))
      const { fiber, inApp, process } = yield* setup(
        { grace: "1 second", flush: "2 seconds", deadline: "13 seconds" },
        stuck
      )
      const worker = yield* inApp(Worker)
      yield* worker.tell.Do({ what: "hang" })
      process.kill("SIGTERM")
      yield* settle
      yield* TestClock.adjust("5999 millis")
      assert.strictEqual(yield* inApp(Shutdown.step), "requests")
      yield* TestClock.adjust("1 millis")
      yield* settle
      assert.strictEqual(yield* inApp(Shutdown.step), "actors")
      yield* TestClock.adjust("4999 millis")
      assert.strictEqual(fiber.pollUnsafe(), undefined)
      yield* TestClock.adjust("1 millis")
      const end = yield* endOf(fiber)
      assert.deepStrictEqual([end.outcome, end.requests], ["incomplete", 1])
      assert.deepStrictEqual(end.actors, [{ actor: "Worker", handled: 0, failed: 1, dropped: 0, abandoned: 0 }])
      assert.strictEqual(end[Runtime.errorExitCode], 1)
    }).pipe(Effect.provide(Quiet))
  )

  it.effect("go on when the server doesn't close well, and the outcome is incomplete", () =>
    Effect.gen(function* () {
      const broken = Layer.effectDiscard(Effect.addFinalizer(() => Effect.die("broken")))
      const { fiber, process } = yield* setup({ grace: 0 }, broken)
      process.kill("SIGINT")
      yield* settle
      const end = yield* endOf(fiber)
      assert.deepStrictEqual([end.cause, end.outcome, end.requests], ["SIGINT", "incomplete", 0])
    }).pipe(Effect.provide(Quiet))
  )
})

describe("the end", () => {
  it.effect("comes by request, with its own word", () =>
    Effect.gen(function* () {
      const { fiber, inApp } = yield* setup({ grace: 0 })
      const begun = yield* Effect.forkChild(inApp(Shutdown.begun))
      yield* settle
      assert.strictEqual(begun.pollUnsafe(), undefined)
      yield* inApp(Shutdown.request("deployed anew"))
      yield* Fiber.join(begun)
      yield* settle
      assert.strictEqual((yield* endOf(fiber)).cause, "deployed anew")
    }).pipe(Effect.provide(Quiet))
  )

  it.effect("comes with a root failure, as a failure", () =>
    Effect.gen(function* () {
      const { fiber, inApp } = yield* setup({ grace: 0 }, Layer.empty, { intensity: { restarts: 0 } })
      const worker = yield* inApp(Worker)
      yield* worker.tell.Do({ what: "crash" })
      yield* settle
      const end = yield* endOf(fiber)
      assert.deepStrictEqual([end.cause, end.outcome, end[Runtime.errorExitCode]], ["root_failed", "incomplete", 1])
    }).pipe(Effect.provide(Quiet))
  )

  it.effect("comes by interruption, and then it is a defect, which runMain reads", () =>
    Effect.gen(function* () {
      const { fiber, log } = yield* setup({ grace: "1 second" })
      fiber.interruptUnsafe()
      yield* settle
      assert.deepStrictEqual(log, [])
      yield* TestClock.adjust("1 second")
      const exit = yield* Fiber.await(fiber)
      assert.isTrue(Exit.hasDies(exit))
      const end = yield* endOf(fiber)
      assert.deepStrictEqual([end.cause, end.outcome], ["interrupted", "complete"])
      assert.isFalse(Runtime.getErrorReported(end))
      assert.strictEqual(Runtime.getErrorExitCode(end), 0)
    }).pipe(Effect.provide(Quiet))
  )

  it.effect("has the signal as its cause when runMain interrupts before we hear of it", () =>
    Effect.gen(function* () {
      const { fiber, process } = yield* setup({ grace: "1 second" })
      // What Node does when runMain was there first: one listener after the other.
      fiber.interruptUnsafe()
      process.kill("SIGTERM")
      yield* Effect.promise(() => Promise.resolve())
      yield* settle
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* endOf(fiber)).cause, "SIGTERM")
      assert.deepStrictEqual(process.exits, [])
    }).pipe(Effect.provide(Quiet))
  )
})

describe("a second signal", () => {
  it.effect("ends the process, also after launch has come back", () =>
    Effect.gen(function* () {
      const { fiber, process } = yield* setup({ grace: 0 })
      process.kill("SIGTERM")
      yield* settle
      yield* endOf(fiber)
      process.kill("SIGINT")
      yield* settle
      assert.deepStrictEqual(process.exits, [130])
    }).pipe(Effect.provide(Quiet))
  )

  it.effect("is not the first one that comes when the shutdown has begun for another cause", () =>
    Effect.gen(function* () {
      const { inApp, process } = yield* setup({ grace: "10 seconds" })
      yield* inApp(Shutdown.request("done"))
      yield* settle
      process.kill("SIGTERM")
      yield* settle
      assert.deepStrictEqual(process.exits, [])
      process.kill("SIGTERM")
      yield* settle
      assert.deepStrictEqual(process.exits, [143])
      yield* TestClock.adjust("2 minutes")
    }).pipe(Effect.provide(Quiet))
  )
})

describe("the deadline", () => {
  it.effect("ends the process with 1, whatever still runs", () =>
    Effect.gen(function* () {
      const { process } = yield* setup({ grace: "1 second", deadline: "10 seconds" })
      assert.strictEqual(process.atDeadline, undefined)
      process.kill("SIGTERM")
      yield* settle
      assert.strictEqual(process.atDeadline?.millis, 10_000)
      process.atDeadline?.task()
      yield* settle
      assert.deepStrictEqual(process.exits, [1])
      yield* TestClock.adjust("1 minute")
    }).pipe(Effect.provide(Quiet))
  )
})

describe("launch", () => {
  it.effect("listens to the signals that it is told to, and to no others", () =>
    Effect.gen(function* () {
      const usual = yield* setup({ grace: 0 })
      assert.deepStrictEqual(usual.process.listening, ["SIGTERM", "SIGINT"])
      const own = yield* setup({ grace: 0, signals: ["SIGQUIT", "SIGQUIT"] })
      assert.deepStrictEqual(own.process.listening, ["SIGQUIT"])
      usual.process.kill("SIGINT")
      own.process.kill("SIGQUIT")
      yield* settle
      assert.deepStrictEqual(
        [(yield* endOf(usual.fiber)).cause, (yield* endOf(own.fiber)).cause],
        ["SIGINT", "SIGQUIT"]
      )
    }).pipe(Effect.provide(Quiet))
  )

  it.effect("fails with the error of a Layer that cannot be built, and listens no more", () =>
    Effect.gen(function* () {
      const process = new FakeProcess()
      const released: Array<string> = []
      const Broken = Layer.effectDiscard(
        Effect.andThen(
          Effect.addFinalizer(() => Effect.sync(() => void released.push("port"))),
          Effect.fail("the port is taken")
        )
      )
      const error = yield* Effect.flip(Shutdown.launch(Broken)).pipe(
        Effect.provide(Ryker.layer),
        Effect.provideService(Host, process)
      )
      assert.strictEqual(error, "the port is taken")
      assert.deepStrictEqual([released, process.listening, process.atDeadline], [["port"], [], undefined])
    }).pipe(Effect.provide(Quiet))
  )

  it.effect("can be interrupted while the Layer is being built", () =>
    Effect.gen(function* () {
      const process = new FakeProcess()
      const fiber = yield* Effect.forkChild(
        Shutdown.launch(Layer.effectDiscard(Effect.never)).pipe(
          Effect.provide(Ryker.layer),
          Effect.provideService(Host, process)
        )
      )
      yield* settle
      yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      assert.deepStrictEqual([process.listening, process.atDeadline], [[], undefined])
    }).pipe(Effect.provide(Quiet))
  )

  it.effect.each([
    [{ deadline: 0 }, "deadline"],
    [{ deadline: Number.NaN }, "deadline"],
    [{ deadline: "Infinity" }, "deadline"],
    [{ deadline: "10 seconds", grace: "10 seconds" }, "grace"],
    [{ grace: -1 }, "grace"],
    [{ deadline: "10 seconds", grace: "5 seconds", flush: "5 seconds" }, "flush"]
  ] as const)("refuses %j", ([options, option]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Shutdown.launch(Layer.empty, options)).pipe(
        Effect.provide(Ryker.layer),
        Effect.provideService(Host, new FakeProcess())
      )
      assert.deepInclude(error, { _tag: "InvalidOption", owner: "Shutdown", option })
    }).pipe(Effect.provide(Quiet))
  )

  it.effect("lets defaults give way to a short deadline", () =>
    Effect.gen(function* () {
      const { fiber, process } = yield* setup({ deadline: "1 second" })
      process.kill("SIGTERM")
      yield* settle
      yield* TestClock.adjust("200 millis")
      yield* settle
      assert.strictEqual((yield* endOf(fiber)).outcome, "complete")
    }).pipe(Effect.provide(Quiet))
  )
})

describe("layerRouter", () => {
  it.effect("has connections closed once the shutdown has begun, and not before", () =>
    Effect.gen(function* () {
      const { inApp, process } = yield* setup({ grace: "1 second" })
      const ryker = yield* inApp(Ryker.Ryker)
      const App = HttpRouter.add("GET", "/", HttpServerResponse.text("here")).pipe(
        Layer.provideMerge(Shutdown.layerRouter),
        Layer.provide(Layer.succeed(Ryker.Ryker, ryker))
      )
      const { handler } = yield* Effect.acquireRelease(
        Effect.sync(() => HttpRouter.toWebHandler(App, { disableLogger: true })),
        ({ dispose }) => Effect.promise(dispose)
      )
      const connection = Effect.promise(async () => {
        const response = await handler(new Request("http://localhost/"))
        return response.headers.get("connection")
      })
      assert.strictEqual(yield* connection, null)
      process.kill("SIGTERM")
      yield* settle
      assert.strictEqual(yield* connection, "close")
      yield* TestClock.adjust("1 second")
    }).pipe(Effect.provide(Quiet))
  )
})
