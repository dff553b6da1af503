/** A host with an inspector on a port of the loopback interface, and what asks it. */
import { NodeHttpServer } from "@effect/platform-node"
import { assert } from "@effect/vitest"
import { Context, Effect, Layer, Logger, Schema, type Scope } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { Rpc } from "effect/rpc"
import { createServer } from "node:http"
import { connect } from "node:net"
import { Actor, Ryker } from "../../src/index.ts"
import { Inspector, InspectorState } from "../../src/inspector/index.ts"

export const Quiet = Logger.layer([])

/** What an actor is told to do; a secret that no inspector may show. */
export const secret = "the secret in the payload"

const messages = [
  Rpc.make("Do", { payload: { what: Schema.String, note: Schema.String }, success: Schema.String }),
  /** Asks another worker to hang. */
  Rpc.make("Pass", { payload: { note: Schema.String } })
] as const

/** Does at once, never, or by a crash what it is asked for. */
export class Worker extends Actor.Service<Worker>()("Worker", messages) {}

/** One that others ask. */
export class Other extends Actor.Service<Other>()("Other", messages) {}

export class Accounts extends Actor.keyed<Accounts>()("Account", messages) {}

export const handlers = Worker.of({
  Do: ({ what }) => {
    if (what === "crash") return Effect.die(new Error(secret))
    if (what === "hang") return Effect.never
    return Effect.succeed(what)
  },
  Pass: () => Effect.void
})

/** No waiting at the end, and no deadline that a test has not asked for. */
export const options: Actor.Options = { shutdown: 0, deadline: "Infinity" }

export type Handle = Worker["Service"]

export const tellTo = (worker: Handle, what: string) => worker.tell.Do({ what, note: secret })

/** Waits, for real, until something has come about: the test's own time limit ends it. */
export const until = <R>(condition: Effect.Effect<boolean, never, R>): Effect.Effect<unknown, never, R> =>
  Effect.repeat(Effect.andThen(Effect.sleep(5), condition), { until: (holds) => holds })

/** Routes on a port of the loopback interface, by default on one that is free; gives its URL. */
export const serve = <A, E, R>(routes: Layer.Layer<A, E, R>, port = 0) => {
  const Server = NodeHttpServer.layer(createServer, { port, host: "127.0.0.1", gracefulShutdownTimeout: 0 })
  return Layer.build(
    HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true }).pipe(Layer.provideMerge(Server))
  ).pipe(
    Effect.map((context) => {
      const url = HttpServer.formatAddress(Context.get(context, HttpServer.HttpServer).address)
      return url.replace("0.0.0.0", "127.0.0.1")
    })
  )
}

/** The inspector of the runtime around it; gives the URL of its path. */
export const inspect = <R = never>(options: Inspector.Options<R> = {}) =>
  Effect.map(serve(Inspector.layerRoutes(options)), (url) => `${url}${options.path ?? "/ryker"}`)

/** A test with a runtime around it. */
export const run = <A, E>(program: Effect.Effect<A, E, Ryker.Ryker | Scope.Scope>) =>
  Effect.scoped(program).pipe(Effect.provide(Layer.orDie(Ryker.layerWith({ drainDeadline: 0 }))), Effect.provide(Quiet))

export type Init = Omit<RequestInit, "headers"> & { readonly headers?: Readonly<Record<string, string>> }

export const get = (url: string, init: Init = {}) =>
  Effect.promise((signal) => fetch(url, { signal, redirect: "manual", ...init }))

export const textOf = (response: Response) => Effect.promise(() => response.text())

const decodeState = Schema.decodeUnknownEffect(InspectorState.State)

/** The state, as the schema has it. */
export const stateAt = (url: string) =>
  Effect.gen(function* () {
    const response = yield* get(`${url}/state`)
    assert.strictEqual(response.status, 200)
    return yield* Effect.orDie(decodeState(JSON.parse(yield* textOf(response))))
  })

/** Waits for a state that is so. */
export const stateWhen = (url: string, holds: (state: InspectorState.State) => boolean) =>
  Effect.gen(function* () {
    while (true) {
      const state = yield* stateAt(url)
      if (holds(state)) return state
      yield* Effect.sleep(20)
    }
  })

export const rowOf = (state: InspectorState.State, address: string) => {
  const row = state.actors.find((actor) => actor.address === address)
  assert.isDefined(row, `no row of ${address}`)
  return row
}

/** Posts a command as the page does. */
export const control = (url: string, action: string, address: string, init: Init = {}) =>
  get(`${url}/control`, {
    method: "POST",
    body: JSON.stringify({ action, address, confirm: address }),
    ...init,
    headers: { "content-type": "application/json", "x-ryker-control": "1", ...init.headers }
  })

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

/** One that came by `GET /events`. */
export interface Received {
  readonly id: string | undefined
  readonly event: string
  readonly data: Record<string, unknown>
}

/** A client of `GET /events` that reads all the time. */
export const listen = (url: string, init: Init = {}) =>
  Effect.gen(function* () {
    const abort = new AbortController()
    yield* Effect.addFinalizer(() => Effect.sync(() => abort.abort()))
    const response = yield* Effect.promise(() => fetch(url, { ...init, signal: abort.signal }))
    assert.strictEqual(response.status, 200)
    const received: Array<Received> = []
    const stream = { received, text: "", ended: false, response, close: () => abort.abort() }
    const decoder = new TextDecoder()
    const read = async () => {
      for await (const chunk of response.body!) {
        stream.text += decoder.decode(chunk, { stream: true })
        const frames = stream.text.split("\n\n")
        received.length = 0
        for (const frame of frames.slice(0, -1)) {
          const field = (name: string) =>
            frame
              .split("\n")
              .find((line) => line.startsWith(`${name}: `))
              ?.slice(name.length + 2)
          const [event, data] = [field("event"), field("data")]
          if (event !== undefined && data !== undefined)
            received.push({ id: field("id"), event, data: JSON.parse(data) })
        }
      }
    }
    void read().then(
      () => (stream.ended = true),
      () => (stream.ended = true)
    )
    return stream
  })
