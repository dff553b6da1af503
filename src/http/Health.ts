/**
 * Whether the process is alive, and whether it should get requests.
 *
 * **Details**
 *
 * `GET /healthz` answers 200 as long as the event loop turns: whoever gets no answer in time restarts the process. It looks at
 * nothing else, since a restart mends nothing of what `/readyz` finds.
 *
 * `GET /readyz` says whether to send requests here:
 *
 * | status | code | when |
 * | --- | --- | --- |
 * | `ready` | 200 | nothing is wrong |
 * | `degraded` | 200, or 503 with `degradedIsUnready` | requests are served, with less than all there is |
 * | `unready` | 503 | no request should come |
 *
 * | reason | makes it | when |
 * | --- | --- | --- |
 * | `draining` | unready | a shutdown has begun (see `Shutdown`), or `Ryker.drain` was called |
 * | `root_failed` | unready | an actor or supervisor at the top has given up (`Stopped`, `RapidFail`) |
 * | `config_refused` | degraded | the last reload was refused: the settings before it hold, and somebody must look |
 * | `child_isolated` | degraded | a child has given up, and its supervisor goes on without it |
 * | `mailboxes_saturated` | degraded | an actor's mailbox holds at least `saturation` of its capacity |
 * | `restarts` | degraded | actors restart often: at least `restarts` in `restartWindow` |
 * | `event_loop_delay` | degraded | the event loop was late by at least `eventLoopDelay` in the last 10 seconds |
 *
 * A refused reload does not take requests away, as a wrong file reaches all instances at once: none would be left.
 *
 * The body is JSON: `status`, and `reasons`, each with its name and, where it passes by itself, `retry_after` in seconds. It holds no
 * names of actors and no payload; with `details` it has the addresses of the actors that a reason is about, at most 10.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Snapshot } from "../internal/reload.ts"
import { checkInt, checkMillis } from "../internal/options.ts"
import { Ryker, type Runtime, runtimeOf } from "../internal/runtime.ts"
import { InvalidOption } from "../RykerError.ts"
import type { RykerEvent } from "../RykerEvent.ts"
import { plainResponse } from "./HttpProblem.ts"
import { stateOf } from "./internal/phase.ts"
import { seconds } from "./RetryAfter.ts"

/**
 * When a degraded state begins.
 *
 * @category models
 * @since 0.1.0
 */
export interface Thresholds {
  /** Queued messages over capacity, from which on a mailbox is saturated: more than 0, at most 1. */
  readonly saturation: number
  /** Restarts of all actors together within `restartWindow`: a whole number of at least 1. */
  readonly restarts: number
  /** At least 1 ms. */
  readonly restartWindow: Duration.Input
  /** How much later than asked for the event loop may run a timer: at least 1 ms. */
  readonly eventLoopDelay: Duration.Input
}

/**
 * The thresholds that hold unless others are given.
 *
 * **Details**
 *
 * - `saturation`: 0.9. Above, a burst of some messages gives `Busy`.
 * - `restarts` in `restartWindow`: 5 in 10 seconds, the intensity at which one actor alone would be given up.
 * - `eventLoopDelay`: 200 ms, a fifth of the default deadline of an ask.
 *
 * @category constants
 * @since 0.1.0
 */
export const thresholds: Thresholds = {
  saturation: 0.9,
  restarts: 5,
  restartWindow: Duration.seconds(10),
  eventLoopDelay: Duration.millis(200)
}

/**
 * How often the delay of the event loop is measured, and for how long a measurement counts.
 *
 * @category constants
 * @since 0.1.0
 */
export const eventLoop: { readonly interval: Duration.Duration; readonly remembered: Duration.Duration } = {
  interval: Duration.millis(500),
  remembered: Duration.seconds(10)
}

/**
 * Options of {@link layer}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly thresholds?: Partial<Thresholds> | undefined
  /** Whether `degraded` answers 503, too. Default false. */
  readonly degradedIsUnready?: boolean | undefined
  /** Whether reasons name the actors that they are about. Default false: an id in an address may be a customer's. */
  readonly details?: boolean | undefined
}

/**
 * What is wrong.
 *
 * @category models
 * @since 0.1.0
 */
export const Reason = Schema.Struct({
  reason: Schema.Literals([
    "draining",
    "root_failed",
    "config_refused",
    "child_isolated",
    "mailboxes_saturated",
    "restarts",
    "event_loop_delay"
  ]),
  /** Seconds after which to look again; absent when it does not pass by itself. */
  retry_after: Schema.optionalKey(Schema.Int),
  /** The addresses of up to 10 actors that it is about, with `details`. */
  actors: Schema.optionalKey(Schema.Array(Schema.String))
})

/**
 * The type of {@link Reason}.
 *
 * @category models
 * @since 0.1.0
 */
export type Reason = typeof Reason.Type

/**
 * The answer of `/readyz`.
 *
 * @category models
 * @since 0.1.0
 */
export const Readiness = Schema.Struct({
  status: Schema.Literals(["ready", "degraded", "unready"]),
  /** Those that make it unready first. */
  reasons: Schema.Array(Reason)
})

/**
 * The type of {@link Readiness}.
 *
 * @category models
 * @since 0.1.0
 */
export type Readiness = typeof Readiness.Type

/**
 * The service that looks.
 *
 * @category services
 * @since 0.1.0
 */
export class Health extends Context.Service<
  Health,
  {
    /** Whether to send requests here. */
    readonly ready: Effect.Effect<Readiness>
    readonly isUnready: (readiness: Readiness) => boolean
  }
>()("ryker/http/Health") {}

const mostActors = 10

/** What happened lately, which the runtime itself does not remember. */
class Recently {
  readonly isolated = new Set<string>()
  /** When actors were restarted, and which, the oldest first: no more than the threshold. */
  restarts: Array<{ readonly at: number; readonly actor: string }> = []
  /** When the event loop was last too late. */
  lateAt = Number.NEGATIVE_INFINITY
  /** The settings that held when a reload was last refused: any reload that is applied replaces them, also by the same. */
  refusedOn: Snapshot | undefined = undefined
  private readonly runtime: Runtime
  private readonly most: number

  constructor(runtime: Runtime, most: number) {
    this.runtime = runtime
    this.most = most
  }

  heard(event: RykerEvent): void {
    switch (event._tag) {
      case "ActorRestarting":
        this.restarts.push({ at: this.runtime.timers.now(), actor: event.actor })
        if (this.restarts.length > this.most) this.restarts.shift()
        return
      case "ChildIsolated":
        this.isolated.add(event.child)
        return
      case "ActorStarted":
        this.isolated.delete(event.actor)
        return
      case "ConfigRefused":
        if (this.runtime.snapshot.version === event.version) this.refusedOn = this.runtime.snapshot
        return
      default:
    }
  }
}

const millisOf = (input: Duration.Input): number => Duration.toMillis(input)

const checkThresholds = Effect.fnUntraced(function* (given: Thresholds): Effect.fn.Return<Thresholds, InvalidOption> {
  const { eventLoopDelay, restarts, restartWindow, saturation } = given
  if (!(saturation > 0 && saturation <= 1)) {
    const rule = "a number of more than 0 and at most 1"
    return yield* new InvalidOption({ owner: "Health", option: "saturation", value: String(saturation), rule })
  }
  return {
    saturation,
    restarts: yield* checkInt("Health", "restarts", restarts, 1, 1_000_000),
    restartWindow: yield* checkMillis("Health", "restartWindow", restartWindow, 1, Infinity),
    eventLoopDelay: yield* checkMillis("Health", "eventLoopDelay", eventLoopDelay, 1, Infinity)
  }
})

const make = (options: Options): Effect.Effect<Health["Service"], InvalidOption, Ryker | Scope.Scope> =>
  Effect.gen(function* () {
    const runtime = runtimeOf(yield* Ryker)
    const limits = yield* checkThresholds({ ...thresholds, ...options.thresholds })
    const window = millisOf(limits.restartWindow)
    const recently = new Recently(runtime, limits.restarts)
    yield* runtime.events.stream.pipe(
      Stream.runForEach((event) => Effect.sync(() => recently.heard(event))),
      Effect.forkScoped({ startImmediately: true })
    )
    yield* Effect.forkScoped(watchEventLoop(runtime, recently, millisOf(limits.eventLoopDelay)))

    const about = (actors: Iterable<string>): Pick<Reason, "actors"> =>
      options.details === true ? { actors: Array.from(actors).slice(0, mostActors) } : {}

    const hindrances = (): ReadonlyArray<Reason> => {
      const reasons: Array<Reason> = []
      if (stateOf(runtime).phase !== "running" || runtime.drainBy !== undefined) {
        reasons.push({ reason: "draining", retry_after: seconds.least })
      }
      if (Deferred.isDoneUnsafe(runtime.failure)) reasons.push({ reason: "root_failed" })
      return reasons
    }

    const defects = (): ReadonlyArray<Reason> => {
      const now = runtime.timers.now()
      const reasons: Array<Reason> = []
      if (recently.refusedOn === runtime.snapshot) reasons.push({ reason: "config_refused" })
      if (recently.isolated.size > 0) reasons.push({ reason: "child_isolated", ...about(recently.isolated) })
      const saturated = saturatedActors(runtime, limits.saturation)
      if (saturated.length > 0) {
        reasons.push({ reason: "mailboxes_saturated", retry_after: seconds.least, ...about(saturated) })
      }
      recently.restarts = recently.restarts.filter(({ at }) => now - at < window)
      const [first] = recently.restarts
      if (first !== undefined && recently.restarts.length >= limits.restarts) {
        const actors = new Set(recently.restarts.map(({ actor }) => actor))
        reasons.push({ reason: "restarts", retry_after: Math.ceil((first.at + window - now) / 1000), ...about(actors) })
      }
      const late = recently.lateAt + millisOf(eventLoop.remembered) - now
      if (late > 0) reasons.push({ reason: "event_loop_delay", retry_after: Math.ceil(late / 1000) })
      return reasons
    }

    return {
      ready: Effect.sync((): Readiness => {
        const [unready, degraded] = [hindrances(), defects()]
        const status = unready.length > 0 ? "unready" : degraded.length > 0 ? "degraded" : "ready"
        return { status, reasons: [...unready, ...degraded] }
      }),
      isUnready: ({ status }) => status === "unready" || (status === "degraded" && options.degradedIsUnready === true)
    }
  })

/** Up to as many as are told of. */
const saturatedActors = (runtime: Runtime, saturation: number): ReadonlyArray<string> => {
  const found: Array<string> = []
  for (const { address, mailbox, options, settings } of runtime.cells) {
    if (options.kind !== "actor" || mailbox.depth < saturation * settings.capacity) continue
    found.push(address)
    if (found.length === mostActors) break
  }
  return found
}

/** A timer that is late says how long something else has kept the event loop. */
const watchEventLoop = (runtime: Runtime, recently: Recently, limit: number): Effect.Effect<never> => {
  const monotonic = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)
  const interval = millisOf(eventLoop.interval)
  return Effect.gen(function* () {
    const due = (yield* monotonic) + interval
    yield* Effect.sleep(interval)
    if ((yield* monotonic) - due >= limit) recently.lateAt = runtime.timers.now()
  }).pipe(Effect.forever)
}

/**
 * Whether to send requests here, see {@link Readiness}.
 *
 * **Example** (Asking without HTTP)
 *
 * ```ts
 * import { Effect, Logger } from "effect"
 * import { Ryker } from "ryker"
 * import { Health } from "ryker/http"
 *
 * const program = Effect.gen(function*() {
 *   console.log((yield* Health.ready).status) // => ready
 *   yield* Ryker.drain("1 second")
 *   const { reasons, status } = yield* Health.ready
 *   console.log(status, reasons[0]?.reason) // => unready draining
 * })
 *
 * await Effect.runPromise(program.pipe(
 *   Effect.provide(Health.layer()),
 *   Effect.provide(Ryker.layer),
 *   Effect.provide(Logger.layer([]))
 * ))
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const ready: Effect.Effect<Readiness, never, Health> = Effect.flatMap(Health, (health) => health.ready)

/**
 * The service alone, for {@link ready}, and for routes of your own.
 *
 * **Details**
 *
 * It listens to `Ryker.events` from when it is built, so build it with the runtime. Fails with `InvalidOption` when a
 * threshold is out of its range.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Health, InvalidOption, Ryker> =>
  Layer.effect(Health, make(options))

const json = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  HttpServerResponse.jsonUnsafe(body, { status, headers: { "cache-control": "no-store", ...headers } })

const notAllowed = HttpServerResponse.setHeader(
  plainResponse(405, "Method Not Allowed", "There is nothing here but to read: use GET or HEAD."),
  "allow",
  "GET, HEAD"
)

/**
 * The routes `/healthz` and `/readyz`.
 *
 * **Details**
 *
 * They answer to GET and HEAD, and with 405 to every other method. 503 comes with `Retry-After` where a reason says when to look again.
 *
 * **Gotchas**
 *
 * With `HttpProblem.layer` and `RequestDeadline.layer` on the same router these routes are served like all others. An orchestrator
 * that asks for them while the event loop is late has to wait, and its own timeout is what makes it restart the process.
 *
 * **Example** (Routes)
 *
 * ```ts
 * import { Layer } from "effect"
 * import { HttpRouter } from "effect/http"
 * import { Ryker } from "ryker"
 * import { Health } from "ryker/http"
 *
 * const App = Health.layerRoutes.pipe(Layer.provide(Health.layer()), Layer.provide(Ryker.layer))
 * const { dispose, handler } = HttpRouter.toWebHandler(App, { disableLogger: true })
 *
 * const response = await handler(new Request("http://localhost/readyz"))
 * console.log(response.status, await response.text()) // => 200 {"status":"ready","reasons":[]}
 * await dispose()
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerRoutes: Layer.Layer<never, never, Health | HttpRouter.HttpRouter> = HttpRouter.use((router) =>
  Effect.gen(function* () {
    const health = yield* Health
    const readyz = Effect.map(health.ready, (readiness) => {
      if (!health.isUnready(readiness)) return json(200, readiness)
      const again = readiness.reasons.flatMap(({ retry_after }) => retry_after ?? [])
      return json(503, readiness, again.length > 0 ? { "retry-after": String(Math.max(...again)) } : {})
    })
    const read =
      (answer: Effect.Effect<HttpServerResponse.HttpServerResponse>) => (request: { readonly method: string }) =>
        request.method === "GET" || request.method === "HEAD" ? answer : Effect.succeed(notAllowed)
    yield* router.add("*", "/healthz", read(Effect.sync(() => json(200, { status: "alive" }))))
    yield* router.add("*", "/readyz", read(readyz))
  })
)
