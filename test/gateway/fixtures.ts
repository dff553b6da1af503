/** The gateway in this process, on a port of the loopback interface. */
import { NodeFileSystem } from "@effect/platform-node"
import { ConfigProvider, Context, Effect, Layer, Logger, Metric } from "effect"
import { HttpServer } from "effect/http"
import { connect } from "node:net"
import { Ryker } from "ryker"
import { Health } from "ryker/http"
import * as Server from "../../examples/gateway/http/server.ts"
import { Bank } from "../../examples/gateway/shop/bank.ts"
import { Inventory } from "../../examples/gateway/shop/inventory.ts"
import { Shop } from "../../examples/gateway/shop/shop.ts"

export { declinedCard } from "../../examples/gateway/shop/bank.ts"

export interface Options {
  /** Of the environment, on top of a bank that is quick and never throws. */
  readonly env?: Readonly<Record<string, string>>
  readonly limits?: Parameters<typeof Server.layer>[0]
}

/** The gateway until the test has ended. */
export const gateway = ({ env = {}, limits = Server.limits }: Options = {}) =>
  Effect.gen(function* () {
    const registry = new Map()
    const context = yield* Layer.build(
      Server.layer(limits).pipe(
        Layer.provideMerge(Shop),
        Layer.provideMerge(Health.layer()),
        Layer.provideMerge(Ryker.layer),
        Layer.provide(NodeFileSystem.layer),
        Layer.provide(Logger.layer([]))
      )
    ).pipe(
      Effect.provideService(Metric.MetricRegistry, registry),
      Effect.provideService(
        ConfigProvider.ConfigProvider,
        ConfigProvider.fromEnv({
          env: { PORT: "0", DRILLS: "true", BANK_CRASH_RATE: "0", BANK_LATENCY_MS: "1", ...env }
        })
      )
    )
    const url = HttpServer.formatAddress(Context.get(context, HttpServer.HttpServer).address)
    const bank = Context.get(context, Bank)
    const inventory = Context.get(context, Inventory)

    const call = (method: string, path: string, init: RequestInit = {}) =>
      Effect.promise((signal) => fetch(`${url}${path}`, { signal, method, ...init }))
    return {
      url,
      bank,
      inventory,
      call,
      order: (order: object | string, init: Omit<RequestInit, "headers"> & { headers?: Record<string, string> } = {}) =>
        call("POST", "/orders", {
          ...init,
          body: typeof order === "string" ? order : JSON.stringify(order),
          headers: { "content-type": "application/json", ...init.headers }
        }),
      /** Units of an article by where they are, once none is held. */
      quiet: (sku: string) =>
        Effect.repeat(Effect.delay(Effect.orDie(inventory.get(sku).ask.Count()), 5), {
          until: ({ held }) => held === 0
        }),
      level: (sku: string) => Effect.orDie(inventory.get(sku).ask.Count()),
      ledger: Effect.provide(Ryker.ledger, context),
      /** How many messages the actors of a definition handle at the moment. */
      inHand: (name: string) =>
        Effect.map(Effect.provide(Ryker.ledger, context), (all) => all.find(({ actor }) => actor === name)?.inHand ?? 0)
    }
  })

export const pens = { sku: "pen", units: 2, card: "4242" }

export const jsonOf = (response: Response) => Effect.promise(() => response.json() as Promise<Record<string, unknown>>)

/** Waits, for real, until something has come about: the test's own time limit ends it. */
export const until = <E, R>(condition: Effect.Effect<boolean, E, R>) =>
  Effect.repeat(Effect.delay(condition, 5), { until: (isSo) => isSo })

/** Sends bytes as they are, and gives all that comes back until the server closes, or until `enough`. */
export const raw = (url: string, text: string, enough: RegExp = /$^/) =>
  Effect.callback<string>((resume) => {
    const { hostname, port } = new URL(url)
    let received = ""
    const socket = connect({ host: hostname, port: Number(port) }, () => socket.write(text))
    const done = () => {
      socket.destroy()
      resume(Effect.succeed(received))
    }
    socket.on("data", (chunk) => {
      received += String(chunk)
      if (enough.test(received)) done()
    })
    socket.on("close", done)
    socket.on("error", done)
    return Effect.sync(() => socket.destroy())
  })
