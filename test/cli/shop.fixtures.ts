/** A shop on a real runtime, with a real inspector on a port of the loopback interface. */
import { NodeHttpServer } from "@effect/platform-node"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import { createServer } from "node:http"
import { Actor, Ryker } from "../../src/index.ts"
import { Inspector } from "../../src/inspector/index.ts"

export class Stock extends Actor.keyed<Stock>()("Stock", [
  Rpc.make("Reserve", { payload: { count: Schema.Int } })
] as const) {}

export class Payment extends Actor.Service<Payment>()("Payment", [Rpc.make("Charge")] as const) {}

export class Mailer extends Actor.Service<Mailer>()("Mailer", [Rpc.make("Send")] as const) {}

const options: Actor.Options = { capacity: 64, deadline: "Infinity", shutdown: 0 }

/** Payment takes the first charge and never ends it; Stock takes 3 ms for each. */
const Actors = Layer.mergeAll(
  Stock.toLayer(() => Effect.succeed(Stock.of({ Reserve: () => Effect.sleep("3 millis") })), options),
  Payment.toLayer(Effect.succeed(Payment.of({ Charge: () => Effect.never })), options),
  Mailer.toLayer(Effect.succeed(Mailer.of({ Send: () => Effect.void })), options)
)

export const Quiet = Logger.layer([])

export const Shop = Layer.provideMerge(Actors, Layer.orDie(Ryker.layerWith({ drainDeadline: 0 })))

export interface Serving {
  /** Runs before each answer to `GET /state`. */
  readonly beforeState?: Effect.Effect<void>
  readonly port?: number
  readonly inspector?: Inspector.Options
}

/** Serves the inspector of the runtime around it until the Scope closes; gives its URL. */
export const serve = ({ beforeState = Effect.void, inspector = {}, port = 0 }: Serving = {}) => {
  const Server = NodeHttpServer.layer(createServer, { port, host: "127.0.0.1", gracefulShutdownTimeout: 0 })
  const Routes = Layer.orDie(Inspector.layerRoutes(inspector))
  const App = HttpRouter.serve(Routes, {
    disableLogger: true,
    disableListenLog: true,
    middleware: (app) =>
      Effect.gen(function* () {
        const { url } = yield* HttpServerRequest.HttpServerRequest
        if (/\/state(\?|$)/.test(url)) yield* beforeState
        return yield* app
      })
  })
  return Effect.map(Layer.build(Layer.provideMerge(App, Server)), (context) => {
    const { port } = new URL(HttpServer.formatAddress(Context.get(context, HttpServer.HttpServer).address))
    return { url: `http://127.0.0.1:${port}/ryker`, port: Number(port) }
  })
}
