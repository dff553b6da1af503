/** `ryker top` and `ryker tail` in this process, with a host over HTTP that may be wrong. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as F from "./host.fixtures.ts"
import { type Given, ryker } from "./fixtures.ts"

const host = Effect.acquireRelease(
  Effect.promise(() => F.fakeHost()),
  (host) => Effect.promise(() => host.stop())
)

const secret = "Bearer s3cr3t-t0ken"

const run = (args: ReadonlyArray<string>, given: Given = {}) =>
  Effect.map(ryker(args, given), (outcome) => {
    // However it is called and whatever goes wrong.
    for (const text of [outcome.stdout, outcome.stderr]) {
      assert.notInclude(text, "s3cr3t")
      assert.notMatch(text.replaceAll("\n", ""), /[\p{Cc}\p{Cf}]/u)
    }
    return outcome
  })

describe("ryker top and ryker tail", () => {
  const wrong: ReadonlyArray<readonly [string, F.Answer, RegExp]> = [
    ["401", F.json({ title: "Unauthorized" }, 401), /answers 401: Unauthorized\. Give what its `authorise` asks for/],
    ["403", F.json({ detail: "not\u001B[2J you" }, 403), /answers 403: not\\x1b\[2J you\. Give.*its own machine/],
    ["404", F.json({}, 404), /answers 404\. No inspector is mounted there/],
    ["503", F.json({ title: "Draining" }, 503), /answers 503: Draining\n/],
    [
      "a page",
      F.json("<html>", 200, "text/html; charset=utf-8"),
      /no ryker inspector.*its answer is text\/html rather/
    ],
    ["no content type", (_, response) => void response.end("{}"), /its answer has no content type/],
    ["other JSON", F.json({ hello: "world" }), /its state has another form/],
    [
      "a later version",
      F.json({ version: 2 }),
      /its state is in version 2 of the format, and this one reads version 1/
    ],
    [
      "no JSON",
      (_, response) => void response.writeHead(200, { "content-type": "application/json" }).end("{"),
      /another form/
    ],
    [
      "a redirect",
      (_, response) => void response.writeHead(302, { location: "http://other.example/in?token=s3cr3t" }).end(),
      /it redirects to http:\/\/other\.example\/in\. Give that address/
    ],
    ["a cut answer", (request) => void request.socket.destroy(), /nothing answers at .*: the connection was closed/]
  ]
  for (const [what, answer, expected] of wrong) {
    it.live(`end with exit code 1 and say why: ${what}`, () =>
      Effect.gen(function* () {
        const { answer: set, url } = yield* host
        set("state", answer)
        for (const args of [["top"], ["top", "--once"], ["tail"]]) {
          const outcome = yield* run([...args, "--url", url, "--header", `authorization: ${secret}`])
          assert.deepStrictEqual([outcome.code, outcome.stdout], [1, ""])
          assert.match(outcome.stderr, expected)
          assert.strictEqual(outcome.stderr.trimEnd().split("\n").length, 1)
        }
      })
    )
  }

  it.live("say that nothing is there", () =>
    Effect.gen(function* () {
      const { stop, url } = yield* host
      yield* Effect.promise(stop)
      const { code, stderr } = yield* run(["tail", "--url", url])
      assert.strictEqual(code, 1)
      assert.include(stderr, `nothing answers at ${url}: connection refused. Is the host running`)
      const port = yield* run(["top", "--url", "http://127.0.0.1:25/ryker"])
      assert.include(port.stderr, "nothing answers at http://127.0.0.1:25/ryker: no HTTP is spoken at that port")
      const name = yield* run(["top", "--url", "http://no-such-host.invalid/ryker"])
      assert.match(name.stderr, /no such name|the name cannot be looked up now/)
    })
  )

  it.live("take the URL from RYKER_INSPECTOR_URL, with its parameters, and send the headers that they are given", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* host
      const given = { env: { RYKER_INSPECTOR_URL: `${url}/?key=s3cr3t` } }
      const args = ["top", "--interval", "250ms", "-H", `Authorization: ${secret}`, "--header=x-user:ops"]
      const { code, stdout } = yield* run(args, given)
      assert.strictEqual(code, 0)
      assert.include(stdout, `  ${url}  every 250ms\n`)
      assert.strictEqual(requests.length, 2)
      for (const request of requests) {
        assert.strictEqual(request.url, "/ryker/state?key=s3cr3t")
        assert.strictEqual(request.headers["authorization"], secret)
        assert.strictEqual(request.headers["x-user"], "ops")
      }
      // It is no setting, and no mistake.
      assert.strictEqual((yield* run(["config", "check"], given)).code, 0)
    })
  )

  const calls: ReadonlyArray<readonly [string, ReadonlyArray<string>, string]> = [
    ["no URL", ["top"], "--url"],
    ["a URL without its scheme", ["tail", "--url", "localhost:3000/ryker"], "must begin with http:// or https://"],
    ["a file", ["tail", "--url", "file:///ryker"], "must begin with http:// or https://"],
    ["a password in the URL", ["tail", "--url", "http://me:s3cr3t@host/"], "must have no user or password"],
    ["a header without a colon", ["top", "--url", "http://host/", "--header", "s3cr3t"], "--header number 1 must be"],
    [
      "a header of two lines",
      ["top", "--url", "http://host/", "--header", "a: s3cr3t\nb: c"],
      "--header number 1 must be"
    ],
    [
      "a header without quotes",
      ["top", "--url", "http://host/", "--header", "a:", "Bearer", "s3cr3t"],
      "2 arguments too many"
    ],
    ["a flag that is none", ["top", "--url", "http://host/", "--headr=s3cr3t"], "headr"],
    ["too short an interval", ["top", "--url", "http://host/", "--interval", "1ms"], "must be a time from 250ms to 1m"],
    ["no interval", ["top", "--url", "http://host/", "--interval", "\u001Bfast"], "must be a time from 250ms to 1m"],
    [
      "a slip in a topic",
      ["tail", "--url", "http://host/", "--topic", "config.aplied"],
      "did you mean config.applied?"
    ],
    ["a slip in a pattern", ["tail", "--url", "http://host/", "--topic", "confg.*"], "did you mean config.*?"],
    ["no event", ["tail", "--url", "http://host/", "--count", "0"], "must be at least 1"]
  ]
  for (const [what, args, expected] of calls) {
    it.effect(`are called wrongly with ${what}`, () =>
      Effect.gen(function* () {
        const { code, stderr, stdout } = yield* run(args)
        assert.deepStrictEqual([code, stdout], [2, ""])
        assert.include(stderr, expected)
      })
    )
  }
})
