/** What `POST /control` does, and for whom. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Logger, References } from "effect"
import { Actor, Router, Ryker, Supervisor } from "../../src/index.ts"
import type { Inspector } from "../../src/inspector/index.ts"
import {
  Accounts,
  control,
  get,
  handlers,
  inspect,
  options,
  raw,
  rowOf,
  run,
  secret,
  stateWhen,
  tellTo,
  textOf,
  until,
  Worker
} from "./fixtures.ts"

const spawn = (name: string, more: Actor.Options = {}) =>
  Effect.orDie(Actor.spawn(Worker, handlers, { ...options, ...more, name }))

const start = (more: Inspector.Options = {}) => inspect({ control: true, ...more })

const problemOf = (response: Response) =>
  Effect.map(textOf(response), (text) => JSON.parse(text) as { readonly status: number; readonly detail: string })

/** The status that a command gives, and why it is refused. */
const outcome = (url: string, action: string, address: string) =>
  Effect.gen(function* () {
    const response = yield* control(url, action, address)
    if (response.status === 202) {
      assert.deepStrictEqual(JSON.parse(yield* textOf(response)), { action, address })
      return [202]
    }
    return [response.status, (yield* problemOf(response)).detail]
  })

describe("control", { timeout: 30_000 }, () => {
  it.live("suspends an actor and lets it go on", () =>
    run(
      Effect.gen(function* () {
        const url = yield* start()
        const worker = yield* spawn("w")
        assert.deepStrictEqual(yield* outcome(url, "suspend", "w"), [202])
        assert.strictEqual((yield* Actor.status(worker))._tag, "Suspended")
        assert.deepStrictEqual(yield* outcome(url, "suspend", "w"), [
          409,
          "This is not possible now: it is suspended already."
        ])
        assert.deepStrictEqual(yield* outcome(url, "resume", "w"), [202])
        assert.strictEqual((yield* Actor.status(worker))._tag, "Running")
        assert.deepStrictEqual(yield* outcome(url, "resume", "w"), [
          409,
          "This is not possible now: it is not suspended."
        ])
        const { events } = yield* stateWhen(url, ({ events }) => events.length >= 3)
        assert.deepStrictEqual(
          events.map(({ topic }) => topic),
          ["actor.started", "actor.suspended", "actor.resumed"]
        )
      })
    )
  )

  it.live("restarts an actor, which keeps its queue", () =>
    run(
      Effect.gen(function* () {
        const url = yield* start()
        const worker = yield* spawn("w")
        yield* Actor.suspend(worker)
        yield* tellTo(worker, "ok")
        assert.deepStrictEqual(yield* outcome(url, "restart", "w"), [202])
        const state = yield* stateWhen(url, (state) => rowOf(state, "w").incarnation === 2)
        assert.deepInclude(rowOf(state, "w"), { status: "suspended", depth: 1 })
      })
    )
  )

  it.live("stops an actor; one that nothing can start anew stays so", () =>
    run(
      Effect.gen(function* () {
        const url = yield* start()
        const worker = yield* spawn("w", { shutdown: "1 hour" })
        yield* tellTo(worker, "hang")
        assert.deepStrictEqual(yield* outcome(url, "stop", "w"), [202])
        assert.deepStrictEqual(yield* outcome(url, "stop", "w"), [409, "This is not possible now: it is stopping."])
        for (const action of ["restart", "suspend"]) {
          assert.strictEqual((yield* outcome(url, action, "w"))[0], 409)
        }
        yield* Actor.stop(worker, { deadline: 0 })
        yield* stateWhen(url, ({ actors }) => actors.length === 0)
        assert.strictEqual((yield* outcome(url, "restart", "w"))[0], 404)
      })
    )
  )

  it.live("starts a child anew that has ended, and an isolated one", () =>
    run(
      Effect.gen(function* () {
        const url = yield* start()
        const Top = Supervisor.layer("Top", {
          onExhausted: "isolate",
          children: [Worker.toLayer(handlers, { ...options, intensity: { restarts: 0 } })]
        })
        const worker = Context.get(yield* Layer.build(Top), Worker)
        yield* tellTo(worker, "crash")
        yield* stateWhen(url, (state) => rowOf(state, "Worker").isolated === true)
        assert.deepStrictEqual(yield* outcome(url, "restart", "Worker"), [202])
        const state = yield* stateWhen(url, (state) => rowOf(state, "Worker").status === "running")
        assert.isUndefined(rowOf(state, "Worker").isolated)
        assert.deepStrictEqual(yield* outcome(url, "stop", "Worker"), [202])
        yield* stateWhen(url, (state) => rowOf(state, "Worker").reason === "Stopped")
        assert.deepStrictEqual(yield* outcome(url, "restart", "Worker"), [202])
        assert.strictEqual(yield* worker.ask.Do({ what: "ok", note: secret }), "ok")
      })
    )
  )

  it.live("acts on supervisors and pools as a whole", () =>
    run(
      Effect.gen(function* () {
        const url = yield* start()
        yield* Layer.build(
          Supervisor.layer("Top", { children: [Router.layer(Worker, handlers, { ...options, size: 2 })] })
        )
        assert.deepStrictEqual(yield* outcome(url, "suspend", "Top"), [
          409,
          "This is not possible now: only actors can be suspended."
        ])
        assert.deepStrictEqual(yield* outcome(url, "suspend", "Worker"), [202])
        const suspended = yield* stateWhen(url, (state) => rowOf(state, "Worker").status === "suspended")
        assert.strictEqual(rowOf(suspended, "Worker/2").status, "suspended")
        assert.deepStrictEqual(yield* outcome(url, "resume", "Worker"), [202])
        assert.deepStrictEqual(yield* outcome(url, "restart", "Top"), [202])
        const isAnew = (incarnation: number) =>
          stateWhen(url, ({ actors }) =>
            actors.every((row) => row.kind === "pool" || (row.incarnation === incarnation && row.status === "running"))
          )
        yield* isAnew(2)
        assert.deepStrictEqual(yield* outcome(url, "restart", "Worker"), [202])
        yield* stateWhen(url, (state) => rowOf(state, "Worker/2").incarnation === 3)
        assert.deepStrictEqual(yield* outcome(url, "stop", "Worker"), [202])
        yield* stateWhen(url, (state) => rowOf(state, "Worker").status === "stopped")
      })
    )
  )

  it.live("acts on the residents of a family; a family on its own has no life that one could act on", () =>
    run(
      Effect.gen(function* () {
        const url = yield* start()
        const accounts = Context.get(yield* Layer.build(Accounts.toLayer(() => handlers, options)), Accounts)
        yield* accounts.get("ada").tell.Do({ what: "ok", note: secret })
        assert.deepStrictEqual(yield* outcome(url, "suspend", "Account/ada"), [202])
        assert.strictEqual((yield* outcome(url, "stop", "Account"))[0], 409)
        assert.strictEqual((yield* outcome(url, "stop", "Account/bob"))[0], 404)
      })
    )
  )

  it.live("says why an actor cannot be restarted", () =>
    run(
      Effect.gen(function* () {
        const url = yield* start()
        yield* spawn("temporary", { restart: "temporary" })
        yield* Effect.forkScoped(
          Actor.spawn(Worker, Effect.never, { ...options, startTimeout: "1 hour", name: "starting" })
        )
        yield* stateWhen(url, ({ actors }) => actors.length === 2)
        const why = (text: string) => [409, `This is not possible now: ${text}.`]
        assert.deepStrictEqual(yield* outcome(url, "restart", "temporary"), why("it is temporary: nothing restarts it"))
        assert.deepStrictEqual(yield* outcome(url, "restart", "starting"), why("its first start is not over"))
      })
    )
  )

  it.live("cannot start what no supervisor has", () =>
    run(
      Effect.gen(function* () {
        const url = yield* start()
        const layer = Worker.toLayer(handlers, { ...options, intensity: { restarts: 0 } })
        yield* tellTo(Context.get(yield* Layer.build(layer), Worker), "crash")
        yield* stateWhen(url, (state) => rowOf(state, "Worker").status === "stopped")
        const why = "This is not possible now: it has stopped, and no supervisor can start it anew."
        for (const action of ["restart", "stop", "suspend", "resume"]) {
          assert.deepStrictEqual(yield* outcome(url, action, "Worker"), [409, why])
        }
      })
    )
  )

  it.live("leaves a line in the log that says who did what", () =>
    Effect.gen(function* () {
      const lines: Array<{ readonly level: string; readonly notes: Readonly<Record<string, unknown>> }> = []
      const logger = Logger.make(({ fiber, logLevel }) =>
        lines.push({ level: logLevel, notes: fiber.getRef(References.CurrentLogAnnotations) })
      )
      yield* Effect.scoped(
        Effect.gen(function* () {
          const url = yield* start({ authorise: () => Effect.succeed({ operator: "ada" }) })
          yield* spawn("w")
          yield* control(url, "suspend", "w")
          yield* control(url, "suspend", "w")
        })
      ).pipe(Effect.provide(Ryker.layer), Effect.provide(Logger.layer([logger])))
      const told = lines.filter(({ notes }) => String(notes["event"]).startsWith("inspector_control"))
      const common = { lib: "ryker", actor: "w", action: "suspend", by: "ada", peer: "127.0.0.1" }
      assert.deepStrictEqual(told, [
        { level: "Info", notes: { ...common, event: "inspector_control" } },
        { level: "Info", notes: { ...common, event: "inspector_control_refused", why: "it is suspended already" } }
      ])
    })
  )
})

describe("a command", { timeout: 30_000 }, () => {
  it.live("is nothing that there is, unless control is on", () =>
    run(
      Effect.gen(function* () {
        const url = yield* inspect()
        const worker = yield* spawn("w")
        assert.strictEqual((yield* control(url, "stop", "w")).status, 404)
        assert.strictEqual((yield* Actor.status(worker))._tag, "Running")
      })
    )
  )

  it.live("that a page of another site has sent is refused", () =>
    run(
      Effect.gen(function* () {
        const url = yield* start()
        const worker = yield* spawn("w")
        const { host, pathname } = new URL(`${url}/control`)
        const body = JSON.stringify({ action: "stop", address: "w", confirm: "w" })
        const send = (headers: Readonly<Record<string, string>>) => {
          const all = {
            host,
            connection: "close",
            "content-type": "application/json",
            "content-length": String(body.length),
            "x-ryker-control": "1",
            ...headers
          }
          const lines = Object.entries(all).flatMap(([name, value]) => (value === "" ? [] : [`${name}: ${value}`]))
          return raw(url, `POST ${pathname} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n${body}`, /\r\n\r\n/)
        }
        for (const [headers, status] of [
          [{ origin: "https://evil.example" }, 403],
          [{ origin: "null" }, 403],
          [{ "sec-fetch-site": "cross-site" }, 403],
          [{ "sec-fetch-site": "same-site" }, 403],
          [{ "sec-fetch-site": "none" }, 403],
          [{ "x-ryker-control": "" }, 403],
          [{ "x-ryker-control": "yes" }, 403],
          // What a form can send without asking.
          [{ "content-type": "text/plain" }, 415],
          [{ "content-type": "application/x-www-form-urlencoded" }, 415],
          [{ "content-type": "application/jsonp" }, 415],
          [{ "content-type": "" }, 415]
        ] as const) {
          assert.include(yield* send(headers), `HTTP/1.1 ${status} `, JSON.stringify(headers))
        }
        assert.strictEqual((yield* Actor.status(worker))._tag, "Running")
        assert.include(
          yield* send({
            origin: `http://${host}`,
            "sec-fetch-site": "same-origin",
            "content-type": "application/json; charset=utf-8"
          }),
          "HTTP/1.1 202 "
        )
      })
    )
  )

  it.live("that is none is refused", () =>
    run(
      Effect.gen(function* () {
        const url = yield* start()
        yield* spawn("w")
        for (const body of [
          "",
          "{",
          "null",
          "[]",
          '"stop"',
          JSON.stringify({ action: "stop", address: "w" }),
          JSON.stringify({ action: "stop", address: "w", confirm: "W" }),
          JSON.stringify({ action: "explode", address: "w", confirm: "w" }),
          JSON.stringify({ action: "toString", address: "w", confirm: "w" }),
          JSON.stringify({ action: "stop", address: 7, confirm: 7 }),
          '{"action":"stop","address":"w","confirm":"w"',
          "\u0000\uffff",
          "[".repeat(8000)
        ]) {
          const response = yield* control(url, "", "", { body })
          assert.strictEqual(response.status, 400, body.slice(0, 60))
          assert.strictEqual(response.headers.get("content-type"), "application/problem+json")
        }
      })
    )
  )

  it.live("for an address that there is not is refused, whatever it looks like", () =>
    run(
      Effect.gen(function* () {
        const url = yield* start()
        for (const address of ["nobody", "", "__proto__", "../w", "<script>", "a\nb"]) {
          const response = yield* control(url, "stop", address)
          assert.strictEqual(response.status, 404)
          assert.strictEqual((yield* problemOf(response)).detail, "There is no actor of this address.")
        }
      })
    )
  )

  it.live("that is larger than any is refused before it is read", () =>
    run(
      Effect.gen(function* () {
        const url = yield* start()
        const body = JSON.stringify({ action: "stop", address: "w".repeat(100_000), confirm: "w" })
        assert.strictEqual((yield* control(url, "", "", { body })).status, 413)
        // One that says nothing of its length.
        const { host, pathname } = new URL(`${url}/control`)
        const chunk = `4000\r\n${"x".repeat(0x4000)}\r\n`
        const head =
          `POST ${pathname} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\n` +
          "x-ryker-control: 1\r\ntransfer-encoding: chunked\r\n\r\n"
        assert.include(yield* raw(url, `${head}${chunk}${chunk}`, /\r\n\r\n/), "HTTP/1.1 413 ")
        assert.strictEqual((yield* get(`${url}/state`)).status, 200)
      })
    )
  )

  it.live("that does not come to its end is not waited for", () =>
    run(
      Effect.gen(function* () {
        const url = yield* start()
        const { host, pathname } = new URL(`${url}/control`)
        const head =
          `POST ${pathname} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\n` +
          "x-ryker-control: 1\r\ncontent-length: 100\r\n\r\n"
        assert.include(yield* raw(url, `${head}{`, /\r\n\r\n/), "HTTP/1.1 408 ")
      })
    )
  )

  it.live("whose sender goes away before it is whole does nothing", () =>
    run(
      Effect.gen(function* () {
        const url = yield* start()
        const worker = yield* spawn("w")
        const { host, pathname } = new URL(`${url}/control`)
        const body = JSON.stringify({ action: "stop", address: "w", confirm: "w" })
        const head =
          `POST ${pathname} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\n` +
          `x-ryker-control: 1\r\ncontent-length: ${body.length}\r\n\r\n`
        yield* Effect.timeoutOption(raw(url, `${head}${body.slice(0, -1)}`), "50 millis")
        yield* until(Effect.map(get(`${url}/state`), ({ status }) => status === 200))
        assert.strictEqual((yield* Actor.status(worker))._tag, "Running")
      })
    )
  )
})
