/**
 * A service as a process of its own, for `Shutdown.process.test.ts`. Its log is JSON lines on standard output, and so is what the test
 * waits for. SIGUSR2 lets what waits go on.
 */
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Effect, Layer, Logger, Schema } from "effect"
import { HttpRouter, HttpServer, HttpServerRequest, HttpServerResponse } from "effect/http"
import { Rpc } from "effect/rpc"
import { createServer } from "node:http"
import { Actor, Ryker } from "../../src/index.ts"
import { Health, HttpProblem, Shutdown } from "../../src/http/index.ts"

class Job extends Actor.Service<Job>()("Job", [
  Rpc.make("Run", { payload: { what: Schema.String }, success: Schema.String })
]) {}

const say = (event: string, fields: object = {}) => Effect.sync(() => console.log(JSON.stringify({ event, ...fields })))

const untilSignal = Effect.callback<void>((resume) => {
  process.once("SIGUSR2", () => resume(Effect.void))
})

const JobLayer = Job.toLayer(
  {
    Run: ({ what }) => {
      switch (what) {
        case "wait":
          return Effect.andThen(say("begun"), Effect.as(untilSignal, "done"))
        case "stuck":
          return Effect.andThen(say("begun"), Effect.uninterruptible(Effect.never))
        case "crash":
          return Effect.die("told to")
        default:
          return Effect.succeed(what)
      }
    }
  },
  { deadline: "Infinity", intensity: { restarts: 0 } }
)

const Routes = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const job = yield* Job
    const what = Effect.map(
      HttpServerRequest.HttpServerRequest,
      ({ url }) => new URL(url, "http://x").searchParams.get("what") ?? ""
    )
    yield* router.add(
      "POST",
      "/ask",
      Effect.map(
        Effect.flatMap(what, (what) => job.ask.Run({ what })),
        (text) => HttpServerResponse.text(text)
      )
    )
    yield* router.add(
      "POST",
      "/tell",
      Effect.as(
        Effect.flatMap(what, (what) => job.tell.Run({ what })),
        HttpServerResponse.empty()
      )
    )
  })
)

const App = Layer.mergeAll(Routes, Health.layerRoutes).pipe(
  Layer.provideMerge(Shutdown.layerRouter),
  Layer.provideMerge(HttpProblem.layer)
)

const Http = HttpRouter.serve(App, { disableLogger: true, disableListenLog: true }).pipe(
  Layer.tap(() => HttpServer.addressFormattedWith((url) => say("listening", { url }))),
  Layer.provide(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" }))
)

/** In place of telemetry: the outermost Layer. */
const flushing = process.env["FLUSH"] === "stuck" ? Effect.andThen(say("flushing"), Effect.never) : say("flushed")
const Telemetry = Layer.effectDiscard(Effect.addFinalizer(() => flushing))

Shutdown.launch(Http, {
  grace: Number(process.env["GRACE"] ?? 0),
  deadline: Number(process.env["DEADLINE"] ?? 20_000)
}).pipe(
  Effect.provide(JobLayer),
  Effect.provide(Health.layer()),
  Effect.provide(Ryker.layer),
  Effect.provide(Telemetry),
  Effect.provide(Logger.layer([Logger.consoleJson])),
  NodeRuntime.runMain
)
