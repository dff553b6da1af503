/** The listener for clients: the API and its documents, health, the inspector; and what one client may take of it. */
import { NodeHttpServer } from "@effect/platform-node"
import { ByteSize, Effect, Layer } from "effect"
import { HttpIncomingMessage, HttpRouter } from "effect/http"
import { HttpApiBuilder, HttpApiMiddleware, HttpApiSwagger } from "effect/http-api"
import { Health, HttpProblem, RequestDeadline, RetryAfter, Shutdown } from "ryker/http"
import { Inspector } from "ryker/inspector"
import { createServer } from "node:http"
import { settings } from "../settings.ts"
import { counted } from "../telemetry.ts"
import { Api } from "./api.ts"
import { Drills, DrillsHandlers } from "./drills.ts"
import { Handlers } from "./handlers.ts"

export const limits = {
  /** What a request may take without a deadline of its own, and with one. */
  deadline: { default: "2 seconds", max: "5 seconds" },
  body: ByteSize.kibibytes(16),
  /** Of Node's server, in milliseconds: clients that send their headers or bodies slowly are cut off. */
  node: {
    headersTimeout: 5_000,
    requestTimeout: 10_000,
    connectionsCheckingInterval: 1_000,
    // Longer than those of the proxies in front of it, so that it is not this side that closes a connection in use.
    keepAliveTimeout: 75_000
  }
} as const

const ApiRoutes = Layer.mergeAll(
  HttpApiBuilder.layer(Api, { openapiPath: "/openapi.json" }).pipe(Layer.provide(Handlers)),
  // All in one page: its script and style are in the package, nothing is loaded from elsewhere.
  HttpApiSwagger.layer(Api, { path: "/docs" }),
  HttpProblem.layerMethodNotAllowed(Api),
  Health.layerRoutes
)

/** For the machine itself: nobody else may look, as nobody is asked who they are here. */
const Look = (control: boolean) => Inspector.layerRoutes({ control })

const DrillRoutes = HttpApiBuilder.layer(Drills).pipe(Layer.provide(DrillsHandlers))

/** Around every route, the first one outermost: problems as answers, requests counted, deadlines kept. */
const middleware = <A, E, R>(routes: Layer.Layer<A, E, R>, deadline: RequestDeadline.Options) =>
  routes.pipe(
    Layer.provideMerge(RequestDeadline.layer(deadline)),
    Layer.provideMerge(Shutdown.layerRouter),
    Layer.provideMerge(HttpProblem.layer),
    Layer.provide(RetryAfter.layer),
    Layer.provide(HttpApiMiddleware.layerProblemDetails({ includeDetails: true }))
  )

/** Takes requests as long as it is there; the shop below it outlives it. Gives the server, for its address. */
export const layer = (options: { readonly deadline: RequestDeadline.Options; readonly node: object } = limits) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { drills, host, port } = yield* settings
      const context = yield* Effect.context()
      const routes = Layer.mergeAll(ApiRoutes, Look(drills), drills ? DrillRoutes : Layer.empty)
      return HttpRouter.serve(middleware(routes, options.deadline), { disableLogger: true }).pipe(
        Layer.provideMerge(NodeHttpServer.layer(() => counted(createServer(options.node), context), { host, port })),
        Layer.provide(Layer.succeed(HttpIncomingMessage.MaxBodySize, limits.body))
      )
    })
  )
