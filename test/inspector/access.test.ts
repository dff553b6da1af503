/** Who may look, and what no response ever lacks. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Logger, Option, References } from "effect"
import { HttpRouter } from "effect/http"
import { Ryker } from "../../src/index.ts"
import { Inspector } from "../../src/inspector/index.ts"
import { isCrossSite, whyNotLocal } from "../../src/inspector/internal/access.ts"
import { control, get, inspect, Quiet, raw, run, serve, textOf } from "./fixtures.ts"

const paths = ["", "/app.js", "/app.css", "/state", "/events", "/control", "/nothing"]

/** A request with headers that no `fetch` would send; gives status line and headers. */
const request = (url: string, headers: Readonly<Record<string, string>>, method = "GET") => {
  const { host, pathname } = new URL(url)
  const lines = Object.entries({ host, connection: "close", ...headers }).map(([name, value]) => `${name}: ${value}`)
  return raw(url, `${method} ${pathname} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`, /\r\n\r\n/)
}

const statusOf = (response: string): number => Number(/^HTTP\/1\.1 (\d+)/.exec(response)?.[1])

describe("every response", { timeout: 30_000 }, () => {
  it.live("has a strict content security policy, and cannot be framed, cached or taken for anything else", () =>
    run(
      Effect.gen(function* () {
        const open = yield* inspect({ control: true })
        const closed = yield* inspect({ authorise: () => Effect.succeed(false) })
        for (const url of [open, closed]) {
          for (const path of paths) {
            for (const method of ["GET", "POST"]) {
              const abort = new AbortController()
              const response = yield* get(`${url}${path}`, { method, signal: abort.signal })
              const { headers } = response
              assert.strictEqual(
                headers.get("content-security-policy"),
                "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
                  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
                `${method} ${path}`
              )
              assert.strictEqual(headers.get("x-content-type-options"), "nosniff")
              assert.strictEqual(headers.get("referrer-policy"), "no-referrer")
              assert.strictEqual(headers.get("cache-control"), "no-store")
              assert.strictEqual(headers.get("cross-origin-resource-policy"), "same-origin")
              assert.isNull(headers.get("access-control-allow-origin"))
              if (url === closed) assert.strictEqual(response.status, 403)
              abort.abort()
            }
          }
        }
      })
    )
  )

  it.live("says with which methods a path can be used", () =>
    run(
      Effect.gen(function* () {
        const url = yield* inspect({ control: true })
        for (const path of ["", "/app.js", "/app.css", "/state", "/events"]) {
          for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "QUERY"]) {
            const response = yield* get(`${url}${path}`, { method })
            assert.deepStrictEqual([response.status, response.headers.get("allow")], [405, "GET, HEAD"], method + path)
            assert.strictEqual(response.headers.get("content-type"), "application/problem+json")
          }
        }
        const response = yield* get(`${url}/control`)
        assert.deepStrictEqual([response.status, response.headers.get("allow")], [405, "POST"])
        assert.strictEqual((yield* get(`${url}/state`, { method: "HEAD" })).status, 200)
      })
    )
  )
})

describe("the page", { timeout: 30_000 }, () => {
  it.live("and its files are there, whatever is before or after the path", () =>
    run(
      Effect.gen(function* () {
        const url = yield* inspect({ path: "/internal/ryker" })
        const page = yield* get(url)
        assert.strictEqual(page.headers.get("content-type"), "text/html; charset=utf-8")
        const text = yield* textOf(page)
        assert.include(text, 'src="./ryker/app.js"')
        assert.include(text, 'href="./ryker/app.css"')
        assert.notInclude(text, "%base%")
        assert.include(yield* textOf(yield* get(`${url}/`)), 'src="./app.js"')
        assert.include(yield* textOf(yield* get(`${url}?a=/b/c`)), 'src="./ryker/app.js"')
        const script = yield* get(`${url}/app.js`)
        assert.strictEqual(script.headers.get("content-type"), "text/javascript; charset=utf-8")
        assert.strictEqual((yield* get(`${url}/app.css`)).headers.get("content-type"), "text/css; charset=utf-8")
      })
    )
  )

  it.live("may be at the root, where all else is the host's", () =>
    run(
      Effect.gen(function* () {
        const url = (yield* inspect({ path: "/" })).slice(0, -1)
        assert.include(yield* textOf(yield* get(`${url}/`)), 'src="./app.js"')
        assert.strictEqual((yield* get(`${url}/state`)).status, 200)
        assert.isNull((yield* get(`${url}/elsewhere`)).headers.get("content-security-policy"))
      })
    )
  )

  it.live("follows a prefix of the host's router", () =>
    run(
      Effect.gen(function* () {
        const prefixed = Layer.effect(
          HttpRouter.HttpRouter,
          Effect.map(HttpRouter.HttpRouter, (router) => router.prefixed("/ops"))
        )
        const url = yield* serve(Layer.provide(Inspector.layerRoutes(), prefixed))
        assert.include(yield* textOf(yield* get(`${url}/ops/ryker`)), 'src="./ryker/app.js"')
        assert.strictEqual((yield* get(`${url}/ops/ryker/app.js`)).status, 200)
      })
    )
  )

  it.live("escapes what it takes from the address", () =>
    run(
      Effect.gen(function* () {
        const url = yield* inspect()
        for (const path of ['/ryker/"><script>alert(1)</script>', "/ryker/%22%3E%3Cscript%3E", "/%72yker"]) {
          const text = yield* raw(url, `GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`)
          assert.notInclude(text, "<script>")
        }
      })
    )
  )

  it.live("leads to no file of the machine", () =>
    run(
      Effect.gen(function* () {
        const url = yield* inspect()
        for (const path of [
          "/ryker/../../../../etc/passwd",
          "/ryker/..%2f..%2f..%2fetc%2fpasswd",
          "/ryker/%2e%2e/%2e%2e/etc/passwd",
          "/ryker/app.js/../../package.json",
          "/ryker/....//....//etc/passwd",
          "/ryker/app.js%00.css",
          "/ryker//etc/passwd",
          "/ryker/\\..\\..\\etc\\passwd"
        ]) {
          const text = yield* raw(url, `GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`)
          assert.include([400, 404], statusOf(text), path)
          assert.notInclude(text, "root:")
        }
      })
    )
  )
})

describe("without authorise", { timeout: 30_000 }, () => {
  it.live("those of the machine itself are served, and nobody who comes under another name or by a proxy", () =>
    run(
      Effect.gen(function* () {
        const url = `${yield* inspect()}/state`
        const { port } = new URL(url)
        for (const host of [`localhost:${port}`, "localhost", "127.0.0.1", "[::1]:80", "LOCALHOST", "127.8.9.10"]) {
          assert.strictEqual(statusOf(yield* request(url, { host })), 200, host)
        }
        for (const host of [
          "evil.example",
          `evil.example:${port}`,
          "localhost.evil.example",
          "127.0.0.1.evil.example",
          "10.0.0.1",
          "[::2]",
          "localhost:80:80",
          "localhost@evil.example",
          ""
        ]) {
          assert.strictEqual(statusOf(yield* request(url, { host })), 403, host)
        }
        // Neither believed nor passed over.
        for (const header of [
          { "x-forwarded-for": "127.0.0.1" },
          { "x-forwarded-host": "localhost" },
          { forwarded: "for=127.0.0.1;host=localhost" },
          { "x-real-ip": "127.0.0.1" },
          { via: "1.1 proxy" }
        ]) {
          assert.strictEqual(statusOf(yield* request(url, header)), 403, Object.keys(header)[0])
        }
        // What is in the target is the Host.
        const absolute = yield* raw(
          url,
          "GET http://evil.example/ryker/state HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
        )
        assert.strictEqual(statusOf(absolute), 403)
        assert.notInclude(absolute, "actors")
      })
    )
  )

  it("the addresses of the connection count", () => {
    const at = (remote: string | undefined, peer = remote) =>
      whyNotLocal({
        headers: { host: "localhost" } as never,
        remoteAddress: Option.fromUndefinedOr(remote),
        peerAddress: Option.fromUndefinedOr(peer)
      })
    for (const address of ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1", "0:0:0:0:0:0:0:1"]) {
      assert.isUndefined(at(address), address)
    }
    for (const address of ["10.0.0.1", "::2", "::ffff:10.0.0.1", "fe80::1", "localhost", "", "128.0.0.1"]) {
      assert.isDefined(at(address), address)
    }
    // A socket of the file system, or a request that came by no connection.
    assert.isDefined(at(undefined))
    // Middleware that believes a proxy puts one of them in place of the other.
    assert.isDefined(at("10.0.0.1", "127.0.0.1"))
    assert.isDefined(at("127.0.0.1", "10.0.0.1"))
  })

  it.live("a request that comes by no connection is refused, and the log says so once", () =>
    Effect.gen(function* () {
      const lines: Array<unknown> = []
      const logger = Logger.make(({ fiber }) => lines.push(fiber.getRef(References.CurrentLogAnnotations)))
      const App = Inspector.layerRoutes().pipe(Layer.provide(Ryker.layer), Layer.provideMerge(Logger.layer([logger])))
      const { dispose, handler } = HttpRouter.toWebHandler(App, { disableLogger: true })
      for (let n = 0; n < 3; n++) {
        const response = yield* Effect.promise(() => handler(new Request("http://localhost/ryker/state")))
        assert.strictEqual(response.status, 403)
        assert.notInclude(yield* textOf(response), "loopback")
      }
      yield* Effect.promise(dispose)
      const told = lines.filter((line) => (line as { readonly event?: string }).event === "inspector_refused")
      assert.deepStrictEqual(told, [
        { lib: "ryker", event: "inspector_refused", actor: "ryker", why: "its peer is not on the loopback interface" }
      ])
    })
  )

  it.live("pages of other sites are refused what the page itself loads", () =>
    run(
      Effect.gen(function* () {
        const url = yield* inspect()
        const origin = new URL(url).origin
        for (const path of ["/state", "/events", "/app.js"]) {
          for (const headers of [
            { "sec-fetch-site": "cross-site" },
            { "sec-fetch-site": "same-site" },
            { origin: "https://evil.example" },
            { origin: "null" }
          ]) {
            assert.strictEqual(statusOf(yield* request(`${url}${path}`, headers)), 403, JSON.stringify(headers))
          }
          assert.strictEqual(
            statusOf(yield* request(`${url}${path}`, { "sec-fetch-site": "same-origin", origin })),
            200
          )
        }
        // Whoever follows a link comes from elsewhere.
        assert.strictEqual(statusOf(yield* request(url, { "sec-fetch-site": "cross-site" })), 200)
      })
    )
  )

  it("an origin is the same site if its host is", () => {
    const of = (origin: string, host = "localhost:3000") => isCrossSite({ origin, host } as never)
    assert.isFalse(of("http://localhost:3000"))
    assert.isFalse(of("https://LOCALHOST:3000"))
    for (const origin of ["http://localhost", "http://localhost:3001", "null", "", "http://localhost:3000@evil", "x"]) {
      assert.isTrue(of(origin), origin)
    }
  })
})

describe("with authorise", { timeout: 30_000 }, () => {
  class Tokens extends Context.Service<Tokens, { readonly token: string }>()("test/Tokens") {}

  it.live("those are served whom it lets, wherever they come from; it has the services that it needs", () =>
    run(
      Effect.gen(function* () {
        const url = yield* inspect({
          authorise: (request) =>
            Effect.map(Tokens, ({ token }) => request.headers["authorization"] === `Bearer ${token}`)
        })
        const state = `${url}/state`
        assert.strictEqual(statusOf(yield* request(state, { host: "ops.example", authorization: "Bearer t" })), 200)
        assert.strictEqual(statusOf(yield* request(state, { host: "ops.example", authorization: "Bearer u" })), 403)
        assert.strictEqual(statusOf(yield* request(state, {})), 403)
      }).pipe(Effect.provideService(Tokens, { token: "t" }))
    )
  )

  it.live("who is refused hears nothing of why, by whatever way it was", () =>
    run(
      Effect.gen(function* () {
        const reasons = {
          no: () => Effect.succeed(false),
          failure: () => Effect.fail("the database is at 10.1.2.3"),
          defect: () => Effect.die(new Error("the database is at 10.1.2.3")),
          thrown: () => {
            throw new Error("the database is at 10.1.2.3")
          },
          // What the compiler would not let through.
          ...Object.fromEntries(
            [undefined, null, 1, "ada", {}, { operator: 7 }].map((value) => [
              JSON.stringify(value),
              () => Effect.succeed(value as never)
            ])
          )
        }
        for (const authorise of Object.values(reasons)) {
          const url = yield* inspect({ authorise, control: true })
          for (const path of paths) {
            const response = yield* get(`${url}${path}`)
            assert.strictEqual(response.status, 403)
            assert.deepStrictEqual(JSON.parse(yield* textOf(response)), {
              type: "about:blank",
              status: 403,
              title: "Forbidden",
              detail: "The request is refused."
            })
          }
          assert.strictEqual((yield* control(url, "stop", "any")).status, 403)
        }
      })
    )
  )

  it.live("a challenge makes a browser ask for a name and a password", () =>
    run(
      Effect.gen(function* () {
        const url = yield* inspect({ authorise: () => Effect.succeed(false), challenge: 'Basic realm="ryker"' })
        const response = yield* get(url)
        assert.strictEqual(response.status, 401)
        assert.strictEqual(response.headers.get("www-authenticate"), 'Basic realm="ryker"')
      })
    )
  )
})

describe("options", () => {
  const refusalOf = (options: Inspector.Options) =>
    Layer.build(Inspector.layerRoutes(options)).pipe(
      Effect.flip,
      Effect.provide(Layer.effect(HttpRouter.HttpRouter, HttpRouter.make)),
      Effect.provide(Ryker.layer),
      Effect.provide(Quiet),
      Effect.scoped
    )

  it.effect("that are out of their range are refused", () =>
    Effect.gen(function* () {
      const wrong: ReadonlyArray<readonly [string, Inspector.Options]> = [
        ["path", { path: "/a b" }],
        ["path", { path: "/ryker/" }],
        ["path", { path: "/:id" }],
        ["path", { path: "/a/*" }],
        ["challenge", { challenge: "Basic\r\nx: y" }],
        ["stuckAfter", { stuckAfter: 0 }],
        ["actors", { actors: 0 }],
        ["actors", { actors: 10_001 }],
        ["events", { events: 0 }],
        ["events", { events: 10_001 }],
        ["clients", { clients: 0 }]
      ]
      for (const [option, options] of wrong) {
        assert.deepInclude(yield* refusalOf(options), { _tag: "InvalidOption", owner: "Inspector", option })
      }
    })
  )
})
