/**
 * The errors of a send as HTTP responses: problem details as in RFC 9457, without anything from inside.
 *
 * **Details**
 *
 * A problem has the `type`, `status`, `title` and `detail` of its row in `ErrorTable`, and `retryAfter`, in seconds, where the
 * row says so; the response then has the header `Retry-After`, too. It holds no payload, no stack trace, no name of a message and no
 * capacity. The actor's address is left out, as the id in it may be a customer's; {@link ShowActor} puts it in.
 *
 * - With Effect's `HttpRouter`: {@link layer} for all routes, {@link catchErrors} for one.
 * - With Effect's `HttpApi`: list {@link errors} in the endpoint, and {@link mapErrors} in its handler.
 * - With anything else: {@link fromError} and {@link toResponse}.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerError from "effect/http/HttpServerError"
import * as HttpServerRespondable from "effect/http/HttpServerRespondable"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as ProblemDetails from "effect/http/ProblemDetails"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiError from "effect/http-api/HttpApiError"
import type * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as RykerError from "../RykerError.ts"
import { isSendError, type SendError, table } from "./ErrorTable.ts"
import { RetryAfter } from "./RetryAfter.ts"

const actor = {
  /** The actor's address; absent unless `ShowActor` is on. */
  actor: Schema.optionalKey(Schema.String)
}

const retryAfter = {
  ...actor,
  /** When to try again, in seconds. */
  retryAfter: Schema.optionalKey(Schema.Int)
}

/** The header that belongs to the body. */
const headersOf = (problem: Problem): { readonly "retry-after"?: number } =>
  "retryAfter" in problem && problem.retryAfter !== undefined ? { "retry-after": problem.retryAfter } : {}

const respondWith = (problem: Problem): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.sync(() => toHttpResponse(problem))

/**
 * `Busy` as a problem: 429 with `Retry-After`.
 *
 * @category problems
 * @since 0.1.0
 */
export class BusyProblem extends HttpApiError.Problem<BusyProblem>()("BusyProblem", table.Busy, retryAfter) {
  override [HttpServerRespondable.symbol]() {
    return respondWith(this)
  }
}

/**
 * `TooLarge` as a problem: 413.
 *
 * @category problems
 * @since 0.1.0
 */
export class TooLargeProblem extends HttpApiError.Problem<TooLargeProblem>()(
  "TooLargeProblem",
  table.TooLarge,
  actor
) {}

/**
 * `Timeout` as a problem: 504.
 *
 * @category problems
 * @since 0.1.0
 */
export class TimeoutProblem extends HttpApiError.Problem<TimeoutProblem>()("TimeoutProblem", table.Timeout, actor) {}

/**
 * `Crashed` as a problem: 500.
 *
 * @category problems
 * @since 0.1.0
 */
export class CrashedProblem extends HttpApiError.Problem<CrashedProblem>()("CrashedProblem", table.Crashed, actor) {}

/**
 * `Stopped` as a problem: 503 with `Retry-After`.
 *
 * @category problems
 * @since 0.1.0
 */
export class StoppedProblem extends HttpApiError.Problem<StoppedProblem>()(
  "StoppedProblem",
  table.Stopped,
  retryAfter
) {
  override [HttpServerRespondable.symbol]() {
    return respondWith(this)
  }
}

/**
 * `Deadlock` as a problem: 500.
 *
 * @category problems
 * @since 0.1.0
 */
export class DeadlockProblem extends HttpApiError.Problem<DeadlockProblem>()(
  "DeadlockProblem",
  table.Deadlock,
  actor
) {}

/**
 * `InvalidMessage` as a problem: 400.
 *
 * @category problems
 * @since 0.1.0
 */
export class InvalidMessageProblem extends HttpApiError.Problem<InvalidMessageProblem>()(
  "InvalidMessageProblem",
  table.InvalidMessage,
  actor
) {}

const classes = {
  Busy: BusyProblem,
  TooLarge: TooLargeProblem,
  Timeout: TimeoutProblem,
  Crashed: CrashedProblem,
  Stopped: StoppedProblem,
  Deadlock: DeadlockProblem,
  InvalidMessage: InvalidMessageProblem
}

/**
 * The problem of an error.
 *
 * @category models
 * @since 0.1.0
 */
export type ProblemOf<E extends SendError> = E extends SendError ? InstanceType<(typeof classes)[E["_tag"]]> : never

/**
 * Any of the problems.
 *
 * @category models
 * @since 0.1.0
 */
export type Problem = ProblemOf<SendError>

/**
 * Whether a problem has the actor's address, as the member `actor`. Off by default.
 *
 * **When to use**
 *
 * Between services of your own, where ids in addresses are no secrets.
 *
 * @category references
 * @since 0.1.0
 */
export const ShowActor: Context.Reference<boolean> = Context.Reference<boolean>("ryker/http/HttpProblem/ShowActor", {
  defaultValue: () => false
})

/**
 * Makes the problem of an error.
 *
 * **Details**
 *
 * When to try again is said by the `RetryAfter` that is in the context.
 *
 * **Example** (The problem of a full mailbox)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { RykerError } from "ryker"
 * import { HttpProblem } from "ryker/http"
 *
 * const error = new RykerError.Busy({ actor: "Stock/sku-7", limit: "mailbox", capacity: 256 })
 * const problem = await Effect.runPromise(HttpProblem.fromError(error))
 * console.log(problem.status, problem.type, problem.retryAfter) // => 429 urn:problem-type:ryker:busy 1
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromError = <E extends SendError>(error: E): Effect.Effect<ProblemOf<E>> =>
  Effect.withFiber((fiber) => {
    const row = table[error._tag]
    const fields = {
      detail: row.detail,
      ...(fiber.getRef(ShowActor) && { actor: error.actor }),
      ...(isRetried(error) && { retryAfter: fiber.getRef(RetryAfter).after(error) })
    }
    // The compiler doesn't follow the tag from the error to its class.
    return Effect.succeed(new classes[error._tag](fields) as ProblemOf<E>)
  })

const isRetried = (error: SendError): error is RykerError.Busy | RykerError.Stopped => table[error._tag].retryAfter

/**
 * Replaces the errors of sends by their problems, and leaves all others as they are.
 *
 * **When to use**
 *
 * In the handler of an `HttpApi` endpoint that lists {@link errors}.
 *
 * **Example** (A handler that fails with a problem)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { RykerError } from "ryker"
 * import { HttpProblem } from "ryker/http"
 *
 * const ask = Effect.fail(new RykerError.Crashed({ actor: "Stock", request: "Reserve", incarnation: 1 }))
 * const problem = await Effect.runPromise(Effect.flip(HttpProblem.mapErrors(ask)))
 * console.log(problem._tag, problem.status) // => CrashedProblem 500
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const mapErrors = <A, E, R>(
  self: Effect.Effect<A, E, R>
): Effect.Effect<A, Exclude<E, SendError> | ProblemOf<Extract<E, SendError>>, R> =>
  self.pipe(
    Effect.catch((error): Effect.Effect<never, Exclude<E, SendError> | ProblemOf<Extract<E, SendError>>> =>
      isSendError(error)
        ? // The guard has told the two kinds apart; the compiler doesn't narrow what is left.
          Effect.flatMap(fromError(error as Extract<E, SendError>), Effect.fail)
        : Effect.fail(error as Exclude<E, SendError>)
    )
  )

/** The status and the body's media type go with the class; the header repeats `retryAfter`. */
const header = { "retry-after": Schema.optionalKey(Schema.Int) }

const withHeader = <P extends BusyProblem | StoppedProblem>() => ({
  decode: ({ body }: { readonly body: P }): P => body,
  encode: (problem: P) => ({ body: problem, headers: headersOf(problem) })
})

/**
 * The problems of all errors of an ask, for the `error` of an `HttpApi` endpoint.
 *
 * **Details**
 *
 * Clients made by `HttpApiClient` get them as typed errors; the OpenAPI document describes them, the header `Retry-After` included.
 *
 * An endpoint may also list the error classes of `RykerError` themselves: they carry their status. The response is then
 * the error as JSON, with the actor's address and all, for clients that you trust, and without `Retry-After`.
 *
 * **Example** (An endpoint that says how it may fail)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { HttpApiEndpoint } from "effect/http-api"
 * import { HttpProblem } from "ryker/http"
 *
 * const reserve = HttpApiEndpoint.post("reserve", "/stock/:sku", {
 *   params: { sku: Schema.String },
 *   success: Schema.Int,
 *   error: HttpProblem.errors
 * })
 * console.log(reserve.path) // => /stock/:sku
 * ```
 *
 * @category schemas
 * @since 0.1.0
 */
export const errors = [
  BusyProblem.pipe(
    HttpApiSchema.encodeToWithHeaders({ body: BusyProblem, headers: header }, withHeader<BusyProblem>())
  ),
  TooLargeProblem,
  TimeoutProblem,
  CrashedProblem,
  StoppedProblem.pipe(
    HttpApiSchema.encodeToWithHeaders({ body: StoppedProblem, headers: header }, withHeader<StoppedProblem>())
  ),
  DeadlockProblem,
  InvalidMessageProblem
] as const

/**
 * A response in its parts, for any framework.
 *
 * @category models
 * @since 0.1.0
 */
export interface Response {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** JSON. */
  readonly body: string
}

/** The members in the order of RFC 9457, then ours; `undefined` leaves no trace in JSON. */
const membersOf = (problem: Problem) => {
  const { actor, detail, status, title, type } = problem
  return { type, status, title, detail, actor, retryAfter: headersOf(problem)["retry-after"] }
}

/**
 * The response of a problem in its parts.
 *
 * **Example** (Answering in a framework of one's own)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { RykerError } from "ryker"
 * import { HttpProblem } from "ryker/http"
 *
 * const error = new RykerError.Stopped({ actor: "Stock", reason: "Draining", phase: "refused" })
 * const { body, headers, status } = HttpProblem.toResponse(await Effect.runPromise(HttpProblem.fromError(error)))
 * console.log(status, headers["content-type"], headers["retry-after"]) // => 503 application/problem+json 1
 * console.log(JSON.parse(body).title) // => Not Available
 * ```
 *
 * @category converting
 * @since 0.1.0
 */
export const toResponse = (problem: Problem): Response => {
  const seconds = headersOf(problem)["retry-after"]
  return {
    status: problem.status,
    headers: {
      "content-type": ProblemDetails.contentType,
      // A problem is about one moment.
      "cache-control": "no-store",
      ...(seconds !== undefined && { "retry-after": String(seconds) })
    },
    body: JSON.stringify(membersOf(problem))
  }
}

/**
 * The response of a problem for Effect's HTTP server.
 *
 * @category converting
 * @since 0.1.0
 */
export const toHttpResponse = (problem: Problem): HttpServerResponse.HttpServerResponse => {
  const { body, headers, status } = toResponse(problem)
  return HttpServerResponse.text(body, { status, headers, contentType: ProblemDetails.contentType })
}

/**
 * A problem without a kind of its own: its status says it all.
 *
 * @category converting
 * @since 0.1.0
 */
export const plainResponse = (status: number, title: string, detail: string): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.setHeader(
    ProblemDetails.toResponse({ type: ProblemDetails.blankType, status, title, detail }),
    "cache-control",
    "no-store"
  )

/**
 * Answers with the problem when an effect fails with the error of a send, and leaves all other errors as they are.
 *
 * **Example** (One route)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { HttpServerResponse } from "effect/http"
 * import { RykerError } from "ryker"
 * import { HttpProblem } from "ryker/http"
 *
 * const ask = Effect.fail(new RykerError.Busy({ actor: "Stock", limit: "mailbox", capacity: 256 }))
 * const handler = HttpProblem.catchErrors(Effect.as(ask, HttpServerResponse.empty()))
 * const response = await Effect.runPromise(handler)
 * console.log(response.status, response.headers["retry-after"]) // => 429 1
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const catchErrors = <E, R>(
  self: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
): Effect.Effect<HttpServerResponse.HttpServerResponse, Exclude<E, SendError>, R> =>
  self.pipe(
    Effect.catch((error): Effect.Effect<HttpServerResponse.HttpServerResponse, Exclude<E, SendError>> =>
      isSendError(error)
        ? Effect.map(fromError(error), toHttpResponse)
        : // What is no error of a send is left.
          Effect.fail(error as Exclude<E, SendError>)
    )
  )

/** What Effect's server itself refuses, of which it would send the status alone. */
const refusalOf = (error: unknown): HttpServerResponse.HttpServerResponse | undefined => {
  if (Schema.isSchemaError(error) || isRefusedByApi(error)) {
    return plainResponse(400, "Bad Request", table.InvalidMessage.detail)
  }
  if (!HttpServerError.isHttpServerError(error)) return undefined
  switch (error.reason._tag) {
    case "RouteNotFound":
      return plainResponse(404, "Not Found", "There is nothing at this path, or not for this method.")
    case "RequestParseError":
      return error.reason.reason === "BodyTooLarge"
        ? plainResponse(413, table.TooLarge.title, table.TooLarge.detail)
        : plainResponse(400, "Bad Request", "The request cannot be read.")
    default:
      return undefined
  }
}

/** What of a request does not fit its schema, as an `HttpApi` says it; an answer that does not fit is a fault of the service. */
const isRefusedByApi = (error: unknown): boolean =>
  HttpApiError.HttpApiSchemaError.is(error) && error.kind !== "Body" && error.kind !== "ResponseHeaders"

/**
 * The same of a cause. An `HttpApi` gives what it refuses as a defect, because it is in no endpoint's list of errors.
 */
const refusalIn = (cause: Cause.Cause<unknown>): HttpServerResponse.HttpServerResponse | undefined => {
  const [reason] = cause.reasons
  if (cause.reasons.length !== 1 || reason === undefined || Cause.isInterruptReason(reason)) return undefined
  return refusalOf(Cause.isFailReason(reason) ? reason.error : reason.defect)
}

/**
 * Answers with problems for all routes of an `HttpRouter`.
 *
 * **Details**
 *
 * Routes may fail with the errors of sends: the compiler no longer asks for a handler of them. What Effect's server refuses by
 * itself is answered with a problem, too: a path that is not there or not for this method (404), a body that cannot be
 * read or does not fit its schema (400), one larger than `HttpServerRequest.MaxBodySize` (413), also where an `HttpApi` refuses it.
 * Other failures, and defects, are left to the server, which answers 500 without a body.
 *
 * The `RetryAfter` and {@link ShowActor} that this Layer is provided with hold in all routes, so that {@link fromError}, {@link mapErrors} and
 * {@link catchErrors} in them go by these, too. Without this Layer they go by what the server is provided with.
 *
 * **Example** (A router)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { HttpRouter, HttpServerResponse } from "effect/http"
 * import { RykerError } from "ryker"
 * import { HttpProblem } from "ryker/http"
 *
 * const ask = Effect.fail(new RykerError.Busy({ actor: "Stock", limit: "mailbox", capacity: 256 }))
 * const Routes = HttpRouter.add("GET", "/stock", Effect.as(ask, HttpServerResponse.empty()))
 *
 * const App = Routes.pipe(Layer.provideMerge(HttpProblem.layer))
 * const { dispose, handler } = HttpRouter.toWebHandler(App, { disableLogger: true })
 *
 * const response = await handler(new Request("http://localhost/stock"))
 * console.log(response.status, response.headers.get("retry-after")) // => 429 1
 * console.log(response.headers.get("content-type")) // => application/problem+json
 * await dispose()
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = HttpRouter.middleware<{ handles: SendError }>()(
  Effect.gen(function* () {
    // Routes run in the context of the server, in which the Layers that the router was provided with are not.
    const [retryAfter, showActor] = [yield* RetryAfter, yield* ShowActor]
    return (self) =>
      catchErrors(self).pipe(
        Effect.catchCause((cause) => {
          const response = refusalIn(cause)
          return response === undefined ? Effect.failCause(cause) : Effect.succeed(response)
        }),
        Effect.provideService(RetryAfter, retryAfter),
        Effect.provideService(ShowActor, showActor)
      )
  }),
  { global: true }
)

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"] as const

/**
 * Answers 405 with `Allow` to the methods that a path of an `HttpApi` does not have, where the router would answer 404.
 *
 * **When to use**
 *
 * Beside `HttpApiBuilder.layer`. A client that has the right path and the wrong method learns which ones there are.
 *
 * **Details**
 *
 * `HEAD` goes with `GET`. Methods other than GET, POST, PUT, PATCH, DELETE, OPTIONS and QUERY are answered with 404 as before.
 *
 * **Gotchas**
 *
 * It adds routes for all other methods of a path: a route of your own for one of them, outside of the `HttpApi`, must not be
 * there. With `HttpMiddleware.cors` OPTIONS is answered before the router is asked.
 *
 * **Example** (A path that can only be read)
 *
 * ```ts
 * import { Effect, Layer, Schema } from "effect"
 * import { HttpRouter, HttpServer } from "effect/http"
 * import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
 * import { HttpProblem } from "ryker/http"
 *
 * const Api = HttpApi.make("shop").add(
 *   HttpApiGroup.make("stock").add(HttpApiEndpoint.get("count", "/stock", { success: Schema.Int }))
 * )
 * const Handlers = HttpApiBuilder.group(Api, "stock", (handlers) => handlers.handle("count", () => Effect.succeed(7)))
 *
 * const App = Layer.merge(HttpApiBuilder.layer(Api), HttpProblem.layerMethodNotAllowed(Api)).pipe(
 *   Layer.provide(Handlers),
 *   Layer.provide(HttpServer.layerServices)
 * )
 * const { dispose, handler } = HttpRouter.toWebHandler(App, { disableLogger: true })
 *
 * const response = await handler(new Request("http://localhost/stock", { method: "DELETE" }))
 * console.log(response.status, response.headers.get("allow")) // => 405 GET, HEAD
 * await dispose()
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMethodNotAllowed = <Id extends string, Groups extends HttpApiGroup.Constraint>(
  api: HttpApi.HttpApi<Id, Groups>
): Layer.Layer<never, never, HttpRouter.HttpRouter> =>
  HttpRouter.use((router) => {
    const allowed = new Map<HttpRouter.PathInput, Set<string>>()
    HttpApi.reflect(api, {
      onGroup: () => undefined,
      onEndpoint: ({ endpoint: { method, path } }) => {
        // Its constructor has seen to it that it begins with a slash, and its widened type has forgotten.
        const key = path as HttpRouter.PathInput
        allowed.set(key, (allowed.get(key) ?? new Set()).add(method))
      }
    })
    return Effect.forEach(
      allowed,
      ([path, known]) => {
        const refusal = HttpServerResponse.setHeader(
          plainResponse(405, "Method Not Allowed", "There is something at this path, but not for this method."),
          "allow",
          Array.from(known, (method) => (method === "GET" ? "GET, HEAD" : method)).join(", ")
        )
        const others = methods.filter((method) => !known.has(method))
        return Effect.forEach(others, (method) => router.add(method, path, refusal), { discard: true })
      },
      { discard: true }
    )
  })
