/** An actor that does as it is told, and servers for it. */
import { NodeHttpServer } from "@effect/platform-node"
import { Context, Effect, Layer, Logger, Schema } from "effect"
import { HttpRouter, HttpServer, HttpServerRequest, HttpServerResponse } from "effect/http"
import { Rpc } from "effect/rpc"
import { createServer } from "node:http"
import { Actor } from "../../src/index.ts"
import { HttpProblem, RequestDeadline } from "../../src/http/index.ts"

export const Quiet = Logger.layer([])

/** Does at once, never, or by a crash what it is asked for. */
export class Worker extends Actor.Service<Worker>()("Worker", [
  Rpc.make("Do", { payload: { what: Schema.String }, success: Schema.String })
]) {}

/** What the handlers of `Worker` have met with. */
export interface Seen {
  begun: number
  interrupted: number
}

export const workerLayer = (seen: Seen, options: Actor.Options = {}) =>
  Worker.toLayer(
    {
      Do: ({ what }) => {
        seen.begun++
        if (what === "crash") return Effect.die("told to")
        if (what === "hang") return Effect.onInterrupt(Effect.never, () => Effect.sync(() => void seen.interrupted++))
        return Effect.succeed(what)
      }
    },
    options
  )

/** `POST /do` with what is to be done as JSON. */
export const doRoute = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const worker = yield* Worker
    yield* router.add(
      "POST",
      "/do",
      Effect.gen(function* () {
        const { what } = yield* HttpServerRequest.schemaBodyJson(Schema.Struct({ what: Schema.String }))
        const done = yield* worker.ask.Do({ what }, { deadline: yield* RequestDeadline.left })
        return HttpServerResponse.text(done)
      })
    )
  })
)

/** Routes with problems and deadlines on a port of the loopback interface; gives its URL. */
export const serve = <E, R>(routes: Layer.Layer<never, E, R>, options: RequestDeadline.Options = {}) => {
  const App = routes.pipe(Layer.provideMerge(RequestDeadline.layer(options)), Layer.provideMerge(HttpProblem.layer))
  const Server = NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1", gracefulShutdownTimeout: 0 })
  return Layer.build(
    HttpRouter.serve(App, { disableLogger: true, disableListenLog: true }).pipe(Layer.provideMerge(Server))
  ).pipe(Effect.map((context) => HttpServer.formatAddress(Context.get(context, HttpServer.HttpServer).address)))
}

/** A request of which the headers are an object. */
type PostInit = Omit<RequestInit, "headers"> & { readonly headers?: Readonly<Record<string, string>> }

/** Posts what is to be done. */
export const post = (url: string, what: string, init: PostInit = {}) =>
  Effect.promise((signal) =>
    fetch(`${url}/do`, {
      method: "POST",
      body: JSON.stringify({ what }),
      signal,
      ...init,
      headers: { "content-type": "application/json", ...init.headers }
    })
  )

/** The problem that a response has as its body. */
export const problemOf = (response: Response) =>
  Effect.promise(() => response.json() as Promise<Record<string, unknown>>)
