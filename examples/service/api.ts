/** The service's own listener: orders, and with ADMIN=1 the drills. */
import { NodeHttpServer } from "@effect/platform-node"
import { Config, Duration, Effect, Layer, Option, Ref, Schema } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { Ryker, Supervisor } from "ryker"
import { createServer } from "node:http"
import { Audit, Customers, Dependency, Flaky, Order } from "./actors.ts"

/** What a client is told of each way in which an order can fail. */
const statuses = {
  Busy: 503,
  Stopped: 503,
  Unavailable: 503,
  Timeout: 504,
  Crashed: 500,
  Deadlock: 500,
  TooLarge: 413,
  Unknown: 404
} as const

const refuse = (tag: keyof typeof statuses) =>
  HttpServerResponse.jsonUnsafe(
    { error: tag },
    { status: statuses[tag], headers: statuses[tag] === 503 ? { "retry-after": "1" } : {} }
  )

const badRequest = HttpServerResponse.jsonUnsafe({ error: "BadRequest" }, { status: 400 })

const orders = HttpRouter.use((router) =>
  Effect.gen(function* () {
    const customers = yield* Customers
    yield* router.add(
      "POST",
      "/orders",
      Effect.gen(function* () {
        const order = yield* HttpServerRequest.schemaBodyJson(Order)
        const spent = yield* customers.get(order.customer).ask.Place(order)
        return HttpServerResponse.jsonUnsafe({ spent })
      }).pipe(
        Effect.catchTag(["SchemaError", "HttpServerError"], () => Effect.succeed(badRequest)),
        Effect.catch((error) => Effect.succeed(refuse(error._tag)))
      )
    )
  })
)

const Count = Schema.Struct({
  count: Schema.NumberFromString.check(Schema.isBetween({ minimum: 1, maximum: 100_000 }))
})
const Latency = Schema.Struct({
  millis: Schema.NumberFromString.check(Schema.isBetween({ minimum: 0, maximum: 60_000 }))
})

const Child = Schema.Struct({ child: Schema.String })

const drills = HttpRouter.use((router) =>
  Effect.gen(function* () {
    const [audit, dependency, flaky, ryker] = [yield* Audit, yield* Dependency, yield* Flaky, yield* Ryker.Ryker]
    const add = <E, R>(
      method: "GET" | "POST",
      path: `/${string}`,
      answer: Effect.Effect<unknown, E, R | HttpServerRequest.HttpServerRequest>
    ) =>
      router.add(
        method,
        path,
        Effect.matchEffect(answer, {
          onFailure: () => Effect.succeed(badRequest),
          onSuccess: (body) => Effect.succeed(HttpServerResponse.jsonUnsafe(body))
        })
      )
    /** Sends that many messages at once, and says what became of the sends. */
    const send = Effect.fnUntraced(function* <E extends { readonly _tag: string }>(
      count: number,
      one: Effect.Effect<void, E>
    ) {
      const became: Record<string, number> = {}
      for (let n = 0; n < count; n++) {
        const result = yield* Effect.match(one, { onFailure: ({ _tag }) => _tag, onSuccess: () => "accepted" })
        became[result] = (became[result] ?? 0) + 1
      }
      return became
    })

    const orders = Option.getOrThrow(yield* Supervisor.find("Orders"))
    yield* add("GET", "/admin/children", Supervisor.whichChildren(orders))
    // After what made it give up is mended.
    yield* add(
      "POST",
      "/admin/restart",
      Effect.flatMap(HttpServerRequest.schemaSearchParams(Child), ({ child }) =>
        Effect.as(Supervisor.restartChild(orders, child), { restarted: child })
      )
    )
    yield* add("GET", "/admin/ledger", Effect.provideService(Ryker.ledger, Ryker.Ryker, ryker))
    yield* add("GET", "/admin/config", Effect.provideService(Ryker.config, Ryker.Ryker, ryker))
    // Everything takes so long from now on.
    yield* add(
      "POST",
      "/admin/slow",
      Effect.flatMap(HttpServerRequest.schemaSearchParams(Latency), ({ millis }) =>
        Effect.as(Ref.set(dependency, Duration.millis(millis)), { millis })
      )
    )
    // More than the audit has room for, if there are many.
    yield* add(
      "POST",
      "/admin/burst",
      Effect.flatMap(HttpServerRequest.schemaSearchParams(Count), ({ count }) =>
        send(count, audit.tell.Record({ customer: "drill", item: "pen", quantity: 1 }))
      )
    )
    yield* add(
      "POST",
      "/admin/crash",
      Effect.flatMap(HttpServerRequest.schemaSearchParams(Count), ({ count }) => send(count, flaky.tell.Crash()))
    )
  })
)

/** Takes requests as long as it is there; the actors below it outlive it. */
export const Api = Layer.unwrap(
  Effect.gen(function* () {
    const port = yield* Config.Port("PORT").pipe(Config.withDefault(8080))
    const isAdmin = yield* Config.Boolean("ADMIN").pipe(Config.withDefault(false))
    return HttpRouter.serve(isAdmin ? Layer.merge(orders, drills) : orders, { disableLogger: true }).pipe(
      Layer.provide(
        NodeHttpServer.layer(() => createServer(), { host: "127.0.0.1", port, gracefulShutdownTimeout: "2 seconds" })
      )
    )
  })
)
