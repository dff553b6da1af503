import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { ByteSize, Effect, Layer, Logger, Schema } from "effect"
import {
  HttpClient,
  HttpClientRequest,
  HttpIncomingMessage,
  HttpRouter,
  HttpServerRespondable,
  HttpServerResponse
} from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiClient, HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { ErrorTable, HttpProblem, RetryAfter } from "../../src/http/index.ts"
import { RykerError } from "../../src/index.ts"

const secret = "acc-4711"
const actor = `Account/${secret}`

const all: ReadonlyArray<ErrorTable.SendError> = [
  new RykerError.Busy({ actor, limit: "mailbox", capacity: 256 }),
  new RykerError.Busy({ actor, limit: "residents", capacity: 10 }),
  new RykerError.Busy({ actor, limit: "stash", capacity: 10 }),
  new RykerError.TooLarge({ actor, request: "Withdraw", bytes: 70_000, max: 65_536 }),
  new RykerError.Timeout({ actor, request: "Withdraw", phase: "running", millis: 250 }),
  new RykerError.Crashed({ actor, request: "Withdraw", incarnation: 3, sibling: actor }),
  new RykerError.Stopped({ actor, reason: "Draining", phase: "refused" }),
  new RykerError.Stopped({ actor, reason: "RapidFail", phase: "queued" }),
  new RykerError.Deadlock({ actor, request: "Withdraw", cycle: [actor, "B", actor] }),
  new RykerError.InvalidMessage({
    actor,
    request: "Withdraw",
    reason: "InvalidPayload",
    issue: "amount: expected a number"
  })
]

describe("the response of an error", () => {
  it.effect.each(all.map((error) => [error._tag, error] as const))(
    "%s: is a problem of its row in the table",
    ([, error]) =>
      Effect.gen(function* () {
        const row = ErrorTable.table[error._tag]
        const response = HttpProblem.toResponse(yield* HttpProblem.fromError(error))
        assert.strictEqual(response.status, row.status)
        assert.strictEqual(response.headers["content-type"], "application/problem+json")
        const { detail, retryAfter, status, title, type, ...rest } = JSON.parse(response.body)
        assert.deepStrictEqual(
          { type, status, title, detail },
          { type: row.type, status: row.status, title: row.title, detail: row.detail }
        )
        assert.deepStrictEqual(rest, {})
        assert.strictEqual(retryAfter !== undefined, row.retryAfter)
        assert.strictEqual(response.headers["retry-after"], row.retryAfter ? String(retryAfter) : undefined)
      })
  )

  it.effect("shows nothing from inside", () =>
    Effect.gen(function* () {
      for (const error of all) {
        const text = JSON.stringify(HttpProblem.toResponse(yield* HttpProblem.fromError(error)))
        for (const inside of [secret, "Account", "Withdraw", "65536", "256", "amount", "    at "]) {
          assert.notInclude(text, inside, error._tag)
        }
      }
    })
  )

  it.effect("has the actor's address where that is wanted", () =>
    Effect.gen(function* () {
      for (const error of all) {
        const problem = yield* HttpProblem.fromError(error)
        assert.strictEqual(problem.actor, actor)
        assert.include(HttpProblem.toResponse(problem).body, `"actor":"${actor}"`)
      }
    }).pipe(Effect.provideService(HttpProblem.ShowActor, true))
  )

  it.effect("is the same as that of a problem that fails a handler", () =>
    Effect.gen(function* () {
      for (const error of all) {
        const problem = yield* HttpProblem.fromError(error)
        const own = HttpProblem.toHttpResponse(problem)
        const rendered = yield* HttpServerRespondable.toResponse(problem)
        assert.strictEqual(rendered.status, own.status)
        assert.strictEqual(rendered.headers["content-type"], "application/problem+json")
        assert.strictEqual(rendered.headers["retry-after"], own.headers["retry-after"])
      }
    })
  )

  it.effect("says when to come back as the estimator says", () =>
    Effect.gen(function* () {
      const problem = yield* HttpProblem.fromError(new RykerError.Busy({ actor, limit: "mailbox", capacity: 1 }))
      assert.strictEqual(problem.retryAfter, 17)
      assert.strictEqual(HttpProblem.toResponse(problem).headers["retry-after"], "17")
    }).pipe(Effect.provideService(RetryAfter.RetryAfter, { after: () => 17 }))
  )
})

class OutOfStock extends Schema.TaggedError<OutOfStock>("test/OutOfStock")("OutOfStock", { left: Schema.Int }) {}

describe("other errors", () => {
  it.effect("are left as they are", () =>
    Effect.gen(function* () {
      const fails = Effect.fail(new OutOfStock({ left: 3 }))
      assert.deepStrictEqual(yield* Effect.flip(HttpProblem.mapErrors(fails)), new OutOfStock({ left: 3 }))
      const left = yield* Effect.flip(HttpProblem.catchErrors(Effect.as(fails, HttpServerResponse.empty())))
      assert.deepStrictEqual(left, new OutOfStock({ left: 3 }))
    })
  )
})

const byName = (name: string) => Effect.fail(all[Number(name)]!)

const Api = HttpApi.make("shop").add(
  HttpApiGroup.make("stock").add(
    HttpApiEndpoint.get("problem", "/problem/:name", {
      params: { name: Schema.String },
      success: Schema.Int,
      error: [OutOfStock.annotate({ httpApiStatus: 409 }), ...HttpProblem.errors]
    }),
    HttpApiEndpoint.get("raw", "/raw/:name", {
      params: { name: Schema.String },
      success: Schema.Int,
      error: [
        RykerError.Busy,
        RykerError.TooLarge,
        RykerError.Timeout,
        RykerError.Crashed,
        RykerError.Stopped,
        RykerError.Deadlock,
        RykerError.InvalidMessage
      ]
    })
  )
)

const Handlers = HttpApiBuilder.group(Api, "stock", (handlers) =>
  handlers
    .handle("problem", ({ params }) =>
      params.name === "own" ? Effect.fail(new OutOfStock({ left: 3 })) : HttpProblem.mapErrors(byName(params.name))
    )
    .handle("raw", ({ params }) => byName(params.name))
)

const Server = HttpRouter.serve(HttpApiBuilder.layer(Api).pipe(Layer.provide(Handlers)), {
  disableLogger: true,
  disableListenLog: true
}).pipe(Layer.provideMerge(NodeHttpServer.layerTest))

describe("an HttpApi endpoint", () => {
  it.live("that lists the problems sends them, and its client has them as typed errors", () =>
    Effect.gen(function* () {
      const client = yield* HttpApiClient.make(Api)
      for (const [index, error] of all.entries()) {
        const name = String(index)
        const response = yield* HttpClient.get(`/problem/${name}`)
        const row = ErrorTable.table[error._tag]
        assert.strictEqual(response.status, row.status)
        assert.include(response.headers["content-type"], "application/problem+json")
        assert.strictEqual(response.headers["retry-after"] !== undefined, row.retryAfter)
        const body = yield* response.text
        assert.notInclude(body, secret)
        assert.strictEqual(JSON.parse(body).type, row.type)
        const problem = yield* Effect.flip(client.stock.problem({ params: { name } }))
        assert.strictEqual(problem._tag, `${error._tag}Problem`)
      }
      const own = yield* Effect.flip(client.stock.problem({ params: { name: "own" } }))
      assert.strictEqual(own._tag, "OutOfStock")
    }).pipe(Effect.provide(Server))
  )

  it.live("that lists the errors themselves sends their statuses, and its client has the errors", () =>
    Effect.gen(function* () {
      const client = yield* HttpApiClient.make(Api)
      for (const [index, error] of all.entries()) {
        const name = String(index)
        const response = yield* HttpClient.get(`/raw/${name}`)
        assert.strictEqual(response.status, ErrorTable.statusOf(error))
        const failure = yield* Effect.flip(client.stock.raw({ params: { name } }))
        assert.deepStrictEqual(failure, error)
      }
    }).pipe(Effect.provide(Server))
  )

  it("is described in OpenAPI with its statuses, media types and headers", () => {
    const responses = OpenApi.fromApi(Api).paths["/problem/{name}"]?.get?.responses ?? {}
    assert.deepStrictEqual(Object.keys(responses).toSorted(), ["200", "400", "409", "413", "429", "500", "503", "504"])
    const text = JSON.stringify(responses["429"])
    assert.include(text, "application/problem+json")
    assert.include(text, "retry-after")
  })
})

describe("layer", () => {
  it.effect("goes by what the router is provided with, and so do handlers below it", () =>
    Effect.gen(function* () {
      const Routes = HttpRouter.addAll([
        HttpRouter.route("GET", "/0", Effect.as(byName("0"), HttpServerResponse.empty())),
        HttpRouter.route("GET", "/1", HttpProblem.catchErrors(Effect.as(byName("0"), HttpServerResponse.empty())))
      ])
      const App = Routes.pipe(
        Layer.provideMerge(HttpProblem.layer),
        Layer.provide(Layer.succeed(RetryAfter.RetryAfter, { after: () => 17 })),
        Layer.provide(Layer.succeed(HttpProblem.ShowActor, true))
      )
      const { handler } = yield* Effect.acquireRelease(
        Effect.sync(() => HttpRouter.toWebHandler(App, { disableLogger: true })),
        ({ dispose }) => Effect.promise(dispose)
      )
      for (const path of ["/0", "/1"]) {
        const response = yield* Effect.promise(() => handler(new Request(`http://localhost${path}`)))
        assert.strictEqual(response.headers.get("retry-after"), "17")
        assert.include(yield* Effect.promise(() => response.text()), `"actor":"${actor}"`)
      }
    })
  )
})

const Payload = Schema.Struct({ pieces: Schema.Int })

const Refusing = HttpApi.make("refusing").add(
  HttpApiGroup.make("stock").add(
    HttpApiEndpoint.get("read", "/stock/:sku", { params: { sku: Schema.FiniteFromString }, success: Schema.Int }),
    HttpApiEndpoint.delete("clear", "/stock/:sku", { params: { sku: Schema.FiniteFromString } }),
    HttpApiEndpoint.post("add", "/stock", { payload: Payload, success: Schema.Int })
  )
)

const RefusingHandlers = HttpApiBuilder.group(Refusing, "stock", (handlers) =>
  handlers
    // An answer that does not fit is the service's own fault.
    .handle("read", () => Effect.succeed(0.5))
    .handle("clear", () => Effect.void)
    .handle("add", ({ payload }) => (payload.pieces === 13 ? Effect.die("a bug") : Effect.succeed(payload.pieces)))
)

const RefusingServer = HttpRouter.serve(
  Layer.merge(HttpApiBuilder.layer(Refusing), HttpProblem.layerMethodNotAllowed(Refusing)).pipe(
    Layer.provide(RefusingHandlers),
    Layer.provideMerge(HttpProblem.layer)
  ),
  { disableLogger: true, disableListenLog: true }
).pipe(
  Layer.provide(Layer.succeed(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(100))),
  Layer.provideMerge(NodeHttpServer.layerTest),
  Layer.provide(Logger.layer([]))
)

const json = (body: string) =>
  HttpClientRequest.post("/stock").pipe(HttpClientRequest.bodyText(body, "application/json"))

describe("an HttpApi below the layer", () => {
  it.live.each([
    ["malformed JSON", json("{"), 400],
    ["an empty body", json(""), 400],
    ["a body of another shape", json('{"pieces":"many"}'), 400],
    ["a body that is too large", json(JSON.stringify({ pieces: 1, more: "x".repeat(200) })), 413],
    ["a parameter that is none", HttpClientRequest.get("/stock/pen"), 400],
    ["a path that is not there", HttpClientRequest.get("/nothing"), 404]
  ] as const)("answers %s with a problem", ([, request, status]) =>
    Effect.gen(function* () {
      const response = yield* HttpClient.execute(request)
      assert.strictEqual(response.status, status)
      assert.strictEqual(response.headers["content-type"], "application/problem+json")
      const body = yield* response.text
      assert.strictEqual(JSON.parse(body).status, status)
      assert.notInclude(body, "many")
    }).pipe(Effect.provide(RefusingServer))
  )

  it.live("leaves its own faults to the server: an answer that does not fit, and a defect", () =>
    Effect.gen(function* () {
      for (const request of [HttpClientRequest.get("/stock/1"), json('{"pieces":13}')]) {
        const response = yield* HttpClient.execute(request)
        assert.isAtLeast(response.status, 400)
        assert.strictEqual(yield* response.text, "")
        assert.notStrictEqual(response.headers["content-type"], "application/problem+json")
      }
    }).pipe(Effect.provide(RefusingServer))
  )

  it.live.each([
    ["DELETE", "/stock", "POST"],
    ["PUT", "/stock/1", "GET, HEAD, DELETE"],
    ["POST", "/stock/1", "GET, HEAD, DELETE"],
    ["OPTIONS", "/stock", "POST"],
    ["HEAD", "/stock", "POST"]
  ] as const)("answers %s of %s with 405 and the methods that there are", ([method, path, allow]) =>
    Effect.gen(function* () {
      const response = yield* HttpClient.execute(HttpClientRequest.make(method)(path))
      assert.strictEqual(response.status, 405)
      assert.strictEqual(response.headers["allow"], allow)
      assert.strictEqual(response.headers["content-type"], "application/problem+json")
    }).pipe(Effect.provide(RefusingServer))
  )

  it.live("answers the methods that there are, HEAD with GET", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* HttpClient.execute(json('{"pieces":7}'))).status, 200)
      assert.strictEqual((yield* HttpClient.del("/stock/1")).status, 204)
      assert.notStrictEqual((yield* HttpClient.head("/stock/1")).status, 405)
    }).pipe(Effect.provide(RefusingServer))
  )
})
