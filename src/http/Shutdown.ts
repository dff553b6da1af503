/**
 * Ending a service on SIGTERM without losing what it has accepted.
 *
 * **Details**
 *
 * {@link launch} runs the Layer that serves requests, as `Layer.launch` does, until a signal comes. Then, in this order:
 *
 * | step | what happens | until |
 * | --- | --- | --- |
 * | `grace` | `/readyz` says 503, so that no more requests are sent here; all that come are served | `grace` has passed |
 * | `requests` | the server takes no more connections; requests in flight come to their end | they have, or half of the time before `flush` has passed |
 * | `actors` | `Ryker.drain`: actors work off what they have accepted, and stop | they have, or `flush` before the deadline |
 * | `closing` | what `launch` was provided with closes: the actors' Layers, the runtime, telemetry, which flushes | it has, or the deadline |
 *
 * The process ends with 0 when all of that was done and nothing was lost, with 1 otherwise. At the deadline it ends with 1, whatever
 * still runs. A second signal ends it at once, with 128 and the signal's number.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import type * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { checkMillis } from "../internal/options.ts"
import { type Runtime as RykerRuntime, runtimeOf } from "../internal/runtime.ts"
import * as Ryker from "../Ryker.ts"
import type { InvalidOption } from "../RykerError.ts"
import { Host } from "./internal/host.ts"
import { type Phase, type ShutdownState, stateOf } from "./internal/phase.ts"

/**
 * Options of {@link launch}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * How long requests are still served after the signal, while readiness says 503: as long as those who send
   * requests take to notice. At least 0, less than `deadline`. Default 5 seconds, or a fifth of `deadline` if that is less.
   */
  readonly grace?: Duration.Input | undefined
  /**
   * How long all of it may take, from the signal to the end of the process: some seconds less than what the host
   * gives (Kubernetes: 30 seconds). At least 1 ms. Default 25 seconds.
   */
  readonly deadline?: Duration.Input | undefined
  /**
   * How much of `deadline` is kept for what closes after the actors: telemetry. At least 0, less than what `grace` leaves of `deadline`.
   * Default 2 seconds, or a tenth of `deadline` if that is less.
   */
  readonly flush?: Duration.Input | undefined
  /** The signals that it listens to. Default SIGTERM and SIGINT. */
  readonly signals?: ReadonlyArray<string> | undefined
}

/**
 * What {@link launch} goes by unless told otherwise.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults: {
  readonly grace: Duration.Duration
  readonly deadline: Duration.Duration
  readonly flush: Duration.Duration
  readonly signals: ReadonlyArray<string>
} = {
  grace: Duration.seconds(5),
  deadline: Duration.seconds(25),
  flush: Duration.seconds(2),
  signals: ["SIGTERM", "SIGINT"]
}

/**
 * What a shutdown is at: `"running"` before it, then its steps in their order.
 *
 * @category models
 * @since 0.1.0
 */
export type Step = Phase

const count = Schema.Int

/**
 * The service has ended, see {@link launch}.
 *
 * **Details**
 *
 * It comes as an error, because the end of a service that is launched is its only end, and as `runMain` reads the exit code of a process from it: 0
 * if `outcome` is `"complete"`, 1 otherwise. `runMain` doesn't log it; the log has `shutdown_finished`.
 *
 * **Example** (Reading how it ended)
 *
 * ```ts
 * import { Shutdown } from "ryker/http"
 *
 * const end = new Shutdown.ShutDown({ cause: "SIGTERM", outcome: "incomplete", requests: 0, actors: [
 *   { actor: "Mailer", handled: 3, failed: 0, dropped: 2, abandoned: 0 }
 * ] })
 * console.log(end.message) // => the service was shut down (SIGTERM), incompletely: 0 requests cut off; messages: 3 handled, 0 failed, 2 dropped, 0 abandoned
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class ShutDown extends Schema.TaggedError<ShutDown>("ryker/http/ShutDown")("ShutDown", {
  /** The signal; `"root_failed"`, when an actor at the top gave up; `"interrupted"`, when the fiber was; or what {@link request} was given. */
  cause: Schema.String,
  /** `"complete"` if nothing was cut off, dropped or abandoned, and the cause was no failure. */
  outcome: Schema.Literals(["complete", "incomplete"]),
  /** Requests that were not answered in time. Counted with {@link layerRouter}; without it 1 for any number. */
  requests: count,
  /** What became of the messages, one entry for each definition. */
  actors: Schema.Array(
    Schema.Struct({ actor: Schema.String, handled: count, failed: count, dropped: count, abandoned: count })
  )
}) {
  override get [Runtime.errorExitCode](): number {
    return this.outcome === "complete" ? 0 : 1
  }
  override readonly [Runtime.errorReported] = false
  override get message(): string {
    const sum = (key: "handled" | "failed" | "dropped" | "abandoned") =>
      `${this.actors.reduce((n, actor) => n + actor[key], 0)} ${key}`
    return (
      `the service was shut down (${this.cause}), ${this.outcome === "complete" ? "completely" : "incompletely"}: ` +
      `${this.requests} request${this.requests === 1 ? "" : "s"} cut off; ` +
      `messages: ${sum("handled")}, ${sum("failed")}, ${sum("dropped")}, ${sum("abandoned")}`
    )
  }
}

interface Times {
  readonly grace: number
  readonly deadline: number
  readonly flush: number
}

const checkTimes = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Times, InvalidOption> {
  // The longest time that Node's timers know.
  const deadline = yield* checkMillis("Shutdown", "deadline", options.deadline ?? defaults.deadline, 1, 2 ** 31 - 1)
  // A value that was given is refused when it doesn't fit; a default gives way.
  const check = (option: "grace" | "flush", part: number, most: number) =>
    checkMillis(
      "Shutdown",
      option,
      options[option] ?? Math.min(Duration.toMillis(defaults[option]), part * deadline, most),
      0,
      most
    )
  const grace = yield* check("grace", 1 / 5, deadline - 1)
  return { deadline, grace, flush: yield* check("flush", 1 / 10, deadline - grace - 1) }
})

/** One structured line, as ryker's own. */
const log = (level: LogLevel.Severity, event: string, fields: Readonly<Record<string, unknown>>): Effect.Effect<void> =>
  Effect.logWithLevel(level)(`ryker: ${event}`).pipe(
    Effect.annotateLogs({ lib: "ryker", event, actor: "ryker", ...fields }),
    Effect.catchCause(() => Effect.void)
  )

/** POSIX numbers of the signals that end a process; what a shell says of a process that one has ended is 128 more. */
const numbers: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 }

/** The signals as they come. Nobody stops to listen: what closes after `launch` is part of the shutdown, too. */
const listen = (signals: ReadonlyArray<string>): Effect.Effect<Signals> =>
  Effect.gen(function* () {
    const host = yield* Host
    const arrived = yield* Queue.unbounded<string>()
    const listeners = Array.from(new Set(signals), (signal) => {
      const listener = () => void Queue.offerUnsafe(arrived, signal)
      host.on(signal, listener)
      return [signal, listener] as const
    })
    const forget = Effect.sync(() => {
      for (const [signal, listener] of listeners) host.off(signal, listener)
    })
    return { arrived, forget }
  })

interface Signals {
  readonly arrived: Queue.Queue<string>
  readonly forget: Effect.Effect<void>
}

/**
 * Runs a Layer that serves requests, until it is to end; then ends it in order, within a deadline.
 *
 * **When to use**
 *
 * Instead of `Layer.launch` for the Layer of the server, with all that it needs provided around it. The outermost ends last: put telemetry there.
 *
 * ```ts no-run
 * import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
 * import { Effect, Layer } from "effect"
 * import { HttpRouter } from "effect/http"
 * import { createServer } from "node:http"
 * import { Ryker } from "ryker"
 * import { Health, Shutdown } from "ryker/http"
 *
 * const Routes = Layer.mergeAll(Health.layerRoutes, Shutdown.layerRouter)
 *
 * const Http = HttpRouter.serve(Routes).pipe(Layer.provide(NodeHttpServer.layer(createServer, { port: 3000 })))
 *
 * Shutdown.launch(Http, { deadline: "25 seconds" }).pipe(
 *   Effect.provide(Health.layer()),
 *   Effect.provide(Ryker.layer),
 *   NodeRuntime.runMain
 * )
 * ```
 *
 * **Details**
 *
 * - What begins it: one of `signals`; an interruption of the fiber, which is what `runMain` makes of a signal; a root failure
 *   (`Ryker.awaitFailure`); {@link request}.
 * - It never succeeds. It fails with {@link ShutDown}; with the Layer's own error if it could not be built; with `InvalidOption`. When its fiber was
 *   interrupted, as by `runMain`, `ShutDown` is a defect, as an interrupted fiber has no other failures; `runMain` takes the exit code from it.
 * - After a root failure the outcome is `"incomplete"`, so that the process ends with 1 and is started anew.
 * - What the Layer is provided with inside closes in the step `requests`, the server with it, if that is its Layer.
 * - The log has `shutdown_started`, `shutdown_step` for each step, and `shutdown_finished`; `shutdown_deadline_exceeded` or
 *   `shutdown_forced` when the process was ended.
 *
 * **Gotchas**
 *
 * - While the Layers around it are being built there is no `launch` yet: a signal then does what `runMain` does by itself, which is to interrupt.
 * - The deadline ends the process also if that has other things to do than this service.
 * - A handler that keeps the event loop busy keeps signals and deadlines waiting, too.
 *
 * **Example** (Ending by request)
 *
 * ```ts
 * import { Effect, Layer, Logger } from "effect"
 * import { Ryker } from "ryker"
 * import { Shutdown } from "ryker/http"
 *
 * // In place of a server: it asks for the end as soon as it is up.
 * const Http = Layer.effectDiscard(Shutdown.request("done"))
 *
 * const end = await Effect.runPromise(Shutdown.launch(Http, { grace: 0 }).pipe(
 *   Effect.flip,
 *   Effect.provide(Ryker.layer),
 *   Effect.provide(Logger.layer([]))
 * ))
 * console.log(end.message) // => the service was shut down (done), completely: 0 requests cut off; messages: 0 handled, 0 failed, 0 dropped, 0 abandoned
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const launch = <A, E, R>(
  layer: Layer.Layer<A, E, R>,
  options: Options = {}
): Effect.Effect<never, E | ShutDown | InvalidOption, R | Ryker.Ryker> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const times = yield* checkTimes(options)
      const runtime = runtimeOf(yield* Ryker.Ryker)
      const state = stateOf(runtime)
      const listenedTo = options.signals ?? defaults.signals
      const { arrived, forget } = yield* listen(listenedTo)
      const scope = yield* Scope.make()
      const built = yield* Effect.exit(restore(Layer.buildWithScope(layer, scope)))
      if (Exit.isFailure(built)) {
        yield* forget
        yield* Scope.close(scope, built)
        return yield* Effect.failCause(built.cause)
      }
      const cause = yield* awaitCause(restore, arrived, state)
      const end = yield* shutDown({
        cause,
        runtime,
        scope,
        arrived,
        signalsLeft: listenedTo.includes(cause) ? 1 : 2,
        state,
        times
      })
      // Interrupted fibers lose their typed failures when they go on, but not their defects: `runMain` is to see how it ended.
      const wasInterrupted = Exit.isFailure(yield* Effect.exit(restore(Effect.void)))
      return yield* wasInterrupted ? Effect.die(end) : Effect.fail(end)
    })
  )

/** What begins the shutdown. */
const awaitCause = (
  restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>,
  arrived: Queue.Queue<string>,
  state: ShutdownState
): Effect.Effect<string, never, Ryker.Ryker> =>
  Effect.gen(function* () {
    const failed = Ryker.awaitFailure.pipe(Effect.catch(() => Effect.succeed("root_failed")))
    const first = Effect.raceAllFirst([Queue.take(arrived), Deferred.await(state.asked), failed])
    const exit = yield* Effect.exit(restore(first))
    // `runMain` interrupts at the signal, and its listener may come before ours: all of them come before the next promise.
    yield* Effect.promise(() => Promise.resolve())
    const [signal] = yield* Queue.clear(arrived)
    return Exit.isSuccess(exit) ? exit.value : (signal ?? "interrupted")
  })

interface Ending {
  readonly cause: string
  readonly runtime: RykerRuntime
  /** Of what serves requests. */
  readonly scope: Scope.Closeable
  readonly arrived: Queue.Queue<string>
  /** How many more of them end the process at once. */
  readonly signalsLeft: number
  readonly state: ShutdownState
  readonly times: Times
}

const shutDown = ({
  arrived,
  cause,
  runtime,
  scope,
  signalsLeft,
  state,
  times
}: Ending): Effect.Effect<ShutDown, never, Ryker.Ryker> =>
  Effect.gen(function* () {
    const end = runtime.timers.now() + times.deadline
    const timeLeft = () => Math.max(0, end - times.flush - runtime.timers.now())
    const enter = (step: Step) =>
      Effect.suspend(() => {
        state.phase = step
        return log("Info", "shutdown_step", { step, requests: state.requests })
      })

    yield* endAtDeadline(times.deadline, state)
    yield* Deferred.succeed(state.asked, cause)
    yield* log("Info", "shutdown_started", { cause, grace_ms: times.grace, limit_ms: times.deadline })
    yield* endAtSecondSignal(arrived, signalsLeft)

    yield* enter("grace")
    yield* Effect.sleep(times.grace)

    yield* enter("requests")
    const closing = yield* Effect.forkDetach(Scope.close(scope, Exit.void), { startImmediately: true })
    const closed = yield* Effect.timeoutOption(Fiber.await(closing), timeLeft() / 2)
    const requests = Option.isSome(closed) ? 0 : Math.max(1, state.requests)
    const isClosed = Option.isSome(closed) && Exit.isSuccess(closed.value)
    if (Option.isSome(closed) && !isClosed) yield* log("Error", "shutdown_close_failed", { step: state.phase })

    yield* enter("actors")
    const { actors, outcome } = yield* Ryker.drain(timeLeft())

    yield* enter("closing")
    const isComplete = outcome === "complete" && isClosed && cause !== "root_failed"
    const result = new ShutDown({ cause, outcome: isComplete ? "complete" : "incomplete", requests, actors })
    yield* log(isComplete ? "Info" : "Warn", "shutdown_finished", {
      cause,
      outcome: result.outcome,
      requests,
      // Those that lost something, by the definition's name.
      incomplete: actors.filter(({ abandoned, dropped, failed }) => abandoned + dropped + failed > 0)
    })
    return result
  })

/** Whatever still runs then: also what closes after `launch` has come back. */
const endAtDeadline = (deadline: number, state: ShutdownState): Effect.Effect<void, never, Ryker.Ryker> =>
  Effect.gen(function* () {
    const host = yield* Host
    const fork = Effect.runForkWith(yield* Effect.context<Ryker.Ryker>())
    const give = Effect.gen(function* () {
      const inHand = (yield* Ryker.ledger).filter(({ inHand, queued }) => inHand + queued > 0)
      yield* log("Error", "shutdown_deadline_exceeded", {
        step: state.phase,
        limit_ms: deadline,
        requests: state.requests,
        abandoned: inHand.map(({ actor, inHand, queued }) => ({ actor, inHand, queued }))
      })
    })
    host.after(
      deadline,
      () =>
        void fork(
          Effect.ensuring(
            give,
            Effect.sync(() => host.exit(1))
          )
        )
    )
  })

/** Whoever sends a second one doesn't want to wait. The first may come after the shutdown has begun for another cause. */
const endAtSecondSignal = (arrived: Queue.Queue<string>, left: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    const host = yield* Host
    const wait = Effect.gen(function* () {
      if (left > 1) yield* Queue.take(arrived)
      const signal = yield* Queue.take(arrived)
      yield* log("Warn", "shutdown_forced", { cause: signal })
      host.exit(128 + (numbers[signal] ?? 0))
    })
    yield* Effect.forkDetach(wait, { startImmediately: true })
  })

/**
 * Begins the shutdown, as a signal would.
 *
 * **When to use**
 *
 * Where the end is not a signal: a message from a parent process, a route for operators, a job that is done.
 *
 * **Details**
 *
 * `cause` is what {@link ShutDown} says it was. It doesn't wait for anything. Without {@link launch}, nothing happens.
 *
 * @see {@link launch} for an example
 *
 * @category running
 * @since 0.1.0
 */
export const request = (cause: string): Effect.Effect<void, never, Ryker.Ryker> =>
  Effect.flatMap(Ryker.Ryker, (service) => Effect.asVoid(Deferred.succeed(stateOf(runtimeOf(service)).asked, cause)))

/**
 * Waits for the beginning of the shutdown.
 *
 * **When to use**
 *
 * To end by itself what has no end: `Stream.interruptWhen` for server-sent events. Until such responses end, they are requests in flight.
 *
 * **Example** (A stream that ends at the shutdown)
 *
 * ```ts
 * import { Effect, Layer, Logger, Stream } from "effect"
 * import { Ryker } from "ryker"
 * import { Shutdown } from "ryker/http"
 *
 * const program = Effect.gen(function*() {
 *   yield* Shutdown.request("done")
 *   const ticks = yield* Stream.tick("1 second").pipe(Stream.interruptWhen(Shutdown.begun), Stream.runCollect)
 *   console.log(ticks.length < 2) // => true
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(Ryker.layer), Effect.provide(Logger.layer([]))))
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const begun: Effect.Effect<void, never, Ryker.Ryker> = Effect.flatMap(Ryker.Ryker, (service) =>
  Effect.asVoid(Deferred.await(stateOf(runtimeOf(service)).asked))
)

/**
 * What the shutdown is at.
 *
 * @category getters
 * @since 0.1.0
 */
export const step: Effect.Effect<Step, never, Ryker.Ryker> = Effect.map(
  Ryker.Ryker,
  (service) => stateOf(runtimeOf(service)).phase
)

/**
 * Counts the requests in flight of an `HttpRouter`, and has connections closed once the shutdown has begun.
 *
 * **Details**
 *
 * With the header `connection: close` a client doesn't use its connection again. Without it, Node's server keeps connections open that
 * were in use when it stopped to listen, for its `keepAliveTimeout` (5 seconds), and the shutdown waits as long. The count is in the log and in {@link ShutDown}.
 *
 * @see {@link launch} for an example
 *
 * @category layers
 * @since 0.1.0
 */
export const layerRouter = HttpRouter.middleware(
  Effect.map(Ryker.Ryker, (service) => {
    const state = stateOf(runtimeOf(service))
    return <E, R>(self: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>) =>
      Effect.suspend(() => {
        state.requests++
        return Effect.ensuring(
          self,
          Effect.sync(() => void state.requests--)
        )
      }).pipe(
        Effect.map((response) =>
          state.phase === "running" ? response : HttpServerResponse.setHeader(response, "connection", "close")
        )
      )
  }),
  { global: true }
)
