/**
 * The deadline that a client gives with its request, for the whole request and for the asks that serve it.
 *
 * **Details**
 *
 * Two headers are read. When a request has both, the shorter time holds.
 *
 * | header | syntax | examples |
 * | --- | --- | --- |
 * | `x-request-timeout` | a number, with or without a fraction, and its unit: `ms`, `s` or `m` | `250ms`, `1.5s`, `2m` |
 * | `grpc-timeout` | as in gRPC: one to eight digits and a unit: `H`, `M`, `S`, `m` (ms), `u` (µs), `n` (ns) | `100m`, `1S` |
 *
 * The time must be more than 0. A number without a unit is refused, as some take it for seconds and others for milliseconds. What
 * does not fit is answered with a problem, status 400, and nothing is done.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Deadline from "../Deadline.ts"
import { checkMillis } from "../internal/options.ts"
import { parseMillis } from "../internal/units.ts"
import { table } from "./ErrorTable.ts"
import { plainResponse, TimeoutProblem, toHttpResponse } from "./HttpProblem.ts"

/**
 * The bounds of what clients may ask for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The most that a request may take: a longer time in a header is shortened to it. More than 0. Default 1 minute. */
  readonly max?: Duration.Input | undefined
  /** What a request without a header may take. More than 0, at most `max`. Default `max`. */
  readonly default?: Duration.Input | undefined
}

/**
 * The most that a request may take unless `max` says otherwise: 1 minute.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultMax: Duration.Duration = Duration.minutes(1)

const perGrpcUnit: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 }

/** The header's time in milliseconds, or undefined if it is none. */
const grpcMillis = (text: string): number | undefined => {
  const match = /^(\d{1,8})([HMSmun])$/.exec(text)
  return match === null ? undefined : Number(match[1]) * perGrpcUnit[match[2]!]!
}

const headers = [
  {
    name: "x-request-timeout",
    // No time needs more; a pattern that has to look at less has less to do.
    millisOf: (text: string) => (text.length > 32 ? undefined : parseMillis(text)),
    rule: "a time of more than 0 with its unit, ms, s or m, like 250ms or 1.5s"
  },
  {
    name: "grpc-timeout",
    millisOf: grpcMillis,
    rule: "one to eight digits, more than 0, and a unit, H, M, S, m, u or n, like 100m or 1S"
  }
] as const

/**
 * Reads the time that a request may take from its headers: milliseconds, `undefined` without a header, or what is wrong.
 *
 * **Details**
 *
 * Names of headers must be in lower case, as Node and Effect give them. What is wrong is told without the value.
 *
 * **Example** (Reading headers in a framework of one's own)
 *
 * ```ts
 * import { RequestDeadline } from "ryker/http"
 * import { Result } from "effect"
 *
 * console.log(Result.getOrThrow(RequestDeadline.fromHeaders({ "x-request-timeout": "1.5s" }))) // => 1500
 * console.log(Result.getOrThrow(RequestDeadline.fromHeaders({ "x-request-timeout": "1.5s", "grpc-timeout": "100m" }))) // => 100
 * const wrong = RequestDeadline.fromHeaders({ "x-request-timeout": "soon" })
 * console.log(Result.isFailure(wrong) && wrong.failure) // => x-request-timeout must be a time of more than 0 with its unit, ms, s or m, like 250ms or 1.5s
 * ```
 *
 * @category parsing
 * @since 0.1.0
 */
export const fromHeaders = (
  given: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
): Result.Result<number | undefined, string> => {
  let least: number | undefined
  for (const { millisOf, name, rule } of headers) {
    const text = given[name]
    if (text === undefined) continue
    const millis = typeof text === "string" ? millisOf(text.trim()) : undefined
    if (millis === undefined || millis <= 0) return Result.fail(`${name} must be ${rule}`)
    least = Math.min(millis, least ?? millis)
  }
  return Result.succeed(least)
}

/** Readings of the monotonic clock in milliseconds, as `Deadline` has them. */
const now: Effect.Effect<number> = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

/**
 * The deadline of the request that is being served; `Deadline.none` outside of {@link within}.
 *
 * @category references
 * @since 0.1.0
 */
export const Current: Context.Reference<Deadline.Deadline> = Context.Reference<Deadline.Deadline>(
  "ryker/http/RequestDeadline",
  { defaultValue: () => Deadline.none }
)

/**
 * The time that is left to the request, infinite if it has no deadline: for the `deadline` of an ask or a tell.
 *
 * **When to use**
 *
 * Give it to each ask, so that the actor itself knows when the work is no longer wanted: the message expires as `Timeout` and
 * is counted as `deadline`, and asks of its handler inherit what is left. Without it the request ends at its deadline all
 * the same: the ask is interrupted then, which takes its message out of the mailbox or interrupts its handler.
 *
 * **Example** (An ask within the request's deadline)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { HttpRouter, HttpServerResponse } from "effect/http"
 * import { Actor, Ryker } from "ryker"
 * import { HttpProblem, RequestDeadline } from "ryker/http"
 *
 * class Slow extends Actor.Service<Slow>()("Slow", [Rpc.make("Work")]) {}
 *
 * const Route = HttpRouter.use(Effect.fnUntraced(function*(router) {
 *   const slow = yield* Slow
 *   yield* router.add("POST", "/work", Effect.gen(function*() {
 *     yield* slow.ask.Work(undefined, { deadline: yield* RequestDeadline.left })
 *     return HttpServerResponse.empty()
 *   }))
 * }))
 *
 * const App = Route.pipe(
 *   Layer.provideMerge(RequestDeadline.layer({ max: "5 seconds" })),
 *   Layer.provideMerge(HttpProblem.layer),
 *   Layer.provide(Slow.toLayer({ Work: () => Effect.never })),
 *   Layer.provide(Ryker.layer)
 * )
 * const { dispose, handler } = HttpRouter.toWebHandler(App, { disableLogger: true })
 *
 * const work = (timeout: string) => handler(new Request("http://localhost/work", {
 *   method: "POST",
 *   headers: { "x-request-timeout": timeout }
 * }))
 * console.log((await work("20ms")).status) // => 504
 * console.log((await work("20")).status) // => 400
 * await dispose()
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const left: Effect.Effect<Duration.Duration> = Effect.withFiber((fiber) => {
  const deadline = fiber.getRef(Current)
  return Effect.map(now, (now) => Duration.millis(Deadline.remaining(deadline, now)))
})

/** Which comes first: the answer that the deadline has come, or what cannot be undone. */
interface Race {
  first: "deadline" | "commit" | undefined
}

const CurrentRace = Context.Reference<Race>("ryker/http/RequestDeadline/Race", {
  // Outside of a request there is no deadline that could come first, and nothing to remember.
  defaultValue: () => ({ first: "commit" })
})

/**
 * Lifts the deadline before something that cannot be undone, unless it has come: gives false if the client has its 504.
 *
 * **When to use**
 *
 * Before the last step of work that is done as a whole or not at all, once all that may still fail is behind: the card is charged, the
 * order is to be written down. Without it a client can get 504 for what is done a moment later.
 *
 * **Details**
 *
 * One of the two comes first, and the other one never: when it gives true, no 504 is sent for this request any more, and the client
 * gets the answer however long it takes. When it gives false, undo what was done: nobody waits. Outside of {@link within} it gives
 * true. {@link left} goes on to tell what is left, so that asks after it need a deadline of their own.
 *
 * **Gotchas**
 *
 * - The client may have gone away; that interrupts what serves it, if it can be interrupted.
 * - What comes after it has no limit but its own.
 *
 * **Example** (Paid or not)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { HttpRouter, HttpServerResponse } from "effect/http"
 * import { RequestDeadline } from "ryker/http"
 *
 * const notes: Array<string> = []
 * const pay = (name: string, millis: number) =>
 *   Effect.uninterruptible(Effect.gen(function*() {
 *     yield* Effect.sleep(millis) // The bank takes its time.
 *     if (!(yield* RequestDeadline.commit)) {
 *       notes.push(`${name}: given back`)
 *       return yield* Effect.interrupt
 *     }
 *     yield* Effect.sleep(100) // The order is written down: longer than there was time for.
 *     notes.push(`${name}: written down`)
 *     return HttpServerResponse.text("paid")
 *   }))
 *
 * const App = Layer.merge(
 *   HttpRouter.add("POST", "/quick", pay("quick", 0)),
 *   HttpRouter.add("POST", "/slow", pay("slow", 200))
 * ).pipe(Layer.provideMerge(RequestDeadline.layer({ max: "50 millis" })))
 * const { dispose, handler } = HttpRouter.toWebHandler(App, { disableLogger: true })
 *
 * const post = (path: string) => handler(new Request(`http://localhost${path}`, { method: "POST" }))
 * console.log((await post("/quick")).status) // => 200
 * console.log((await post("/slow")).status) // => 504
 * await new Promise((done) => setTimeout(done, 400))
 * console.log(notes.join(", ")) // => quick: written down, slow: given back
 * await dispose()
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const commit: Effect.Effect<boolean> = Effect.withFiber((fiber) => {
  const race = fiber.getRef(CurrentRace)
  return Effect.sync(() => (race.first ??= "commit") === "commit")
})

const timeout = new TimeoutProblem({ detail: table.Timeout.detail })

/**
 * Serves a request within the deadline that its headers give.
 *
 * **Details**
 *
 * At the deadline the client gets 504, and then what serves the request is interrupted, reading of a slow body included: also one that
 * cannot be interrupted doesn't keep the client waiting, unless it has come to {@link commit}. A stream that is the body of a response is
 * not bounded: only the effect that makes the response is. Headers that make no sense give 400.
 *
 * @see {@link left} for an example
 *
 * @category combinators
 * @since 0.1.0
 */
export const within =
  (options: Options = {}) =>
  <E, R>(
    self: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
  ): Effect.Effect<HttpServerResponse.HttpServerResponse, E, R | HttpServerRequest.HttpServerRequest | Scope.Scope> =>
    Effect.gen(function* () {
      const { headers } = yield* HttpServerRequest.HttpServerRequest
      const wanted = fromHeaders(headers)
      if (Result.isFailure(wanted)) return plainResponse(400, "Bad Request", wanted.failure)
      const max = Duration.toMillis(options.max ?? defaultMax)
      const otherwise = options.default === undefined ? max : Duration.toMillis(options.default)
      const millis = Math.min(wanted.success ?? otherwise, max)
      const race: Race = { first: undefined }
      // In the request's Scope, which closes after the response was sent: to interrupt it before would close the connection of a
      // client that still sends its body.
      const fiber = yield* self.pipe(
        Effect.provideService(Current, Deadline.after(yield* now, millis)),
        Effect.provideService(CurrentRace, race),
        Effect.forkScoped({ startImmediately: true })
      )
      const exit = yield* Effect.timeoutOption(Fiber.await(fiber), millis)
      if (Option.isSome(exit)) return yield* exit.value
      return (race.first ??= "deadline") === "deadline" ? toHttpResponse(timeout) : yield* yield* Fiber.await(fiber)
    })

/**
 * {@link within} for all routes of an `HttpRouter`.
 *
 * **Details**
 *
 * Fails with `InvalidOption` when an option is out of its range.
 *
 * @see {@link left} for an example
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}) =>
  HttpRouter.middleware(
    Effect.gen(function* () {
      const check = (option: "max" | "default") =>
        checkMillis("RequestDeadline", option, options[option] ?? defaultMax, Number.MIN_VALUE, Infinity)
      const max = yield* check("max")
      const bounds = { max, default: options.default === undefined ? max : yield* check("default") }
      // Around the router nothing can be interrupted, and it is the router that says which routes can: so it is in the
      // fiber that serves. The one that waits for it must hear of a client that goes away.
      return (self) => Effect.interruptible(within(bounds)(Effect.uninterruptible(self)))
    }),
    { global: true }
  )
