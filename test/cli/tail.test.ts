/** `ryker tail` against a host over HTTP that cuts connections, restarts and repeats itself. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { IncomingMessage, ServerResponse } from "node:http"
import { ryker } from "./fixtures.ts"
import * as F from "./host.fixtures.ts"

const host = Effect.acquireRelease(
  Effect.promise(() => F.fakeHost()),
  (host) => Effect.promise(() => host.stop())
)

const cut = (response: ServerResponse) => void response.socket!.destroy()
const end = (response: ServerResponse) => void response.end()

const tail = (url: string, ...args: ReadonlyArray<string>) => ryker(["tail", "--url", url, ...args])

const idsOf = (stdout: string) =>
  stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).id as number)

const streamsOf = (requests: ReadonlyArray<IncomingMessage>) =>
  requests.filter(({ url }) => url!.startsWith("/ryker/events"))

const askedAfter = (requests: ReadonlyArray<IncomingMessage>) =>
  streamsOf(requests).map(({ headers }) => headers["last-event-id"])

const text = (...ids: ReadonlyArray<number>) => ids.map((id) => F.frame(F.suspended(id))).join("")

describe("ryker tail", () => {
  it.live("begins with what happens after it was called, and ends after so many events", () =>
    Effect.gen(function* () {
      const { answer, requests, url } = yield* host
      const letter = {
        id: 9,
        time: 0,
        letter: { actor: "a", request: "r", reason: "closed", kind: "tell", age: 1 }
      } as const
      answer("state", F.state({ events: [F.suspended(7), F.suspended(8)], deadLetters: [letter] }))
      answer("events", F.stream(text(10, 11, 12)))
      const outcome = yield* tail(url, "--count", "2")
      assert.deepStrictEqual(outcome, {
        code: 0,
        stdout:
          "2026-11-28T09:30:00.010Z  actor.suspended      actor-10\n" +
          "2026-11-28T09:30:00.011Z  actor.suspended      actor-11\n",
        stderr: ""
      })
      assert.deepStrictEqual(askedAfter(requests), ["9"])
    })
  )

  it.live("begins with what the host remembers by --replay, and asks for the topics alone", () =>
    Effect.gen(function* () {
      const { answer, requests, url } = yield* host
      answer("state", F.state({ events: [F.suspended(8)] }))
      answer("events", F.stream(text(8)))
      const args = ["--replay", "-n", "1", "--json", "--topic", "config.*", "-t", "actor.suspended"]
      const { stdout } = yield* tail(url, ...args)
      assert.deepStrictEqual(idsOf(stdout), [8])
      assert.deepStrictEqual(askedAfter(requests), ["0"])
      assert.strictEqual(streamsOf(requests)[0]!.url, "/ryker/events?topic=config.*&topic=actor.suspended")
    })
  )

  it.live("goes on after the last event when the connection is cut, even within an event", () =>
    Effect.gen(function* () {
      const { answer, requests, url } = yield* host
      answer(
        "events",
        F.stream(`retry: 2000\n\n${text(1, 2)}${text(3).slice(0, 40)}`, cut),
        F.stream(text(3), end),
        F.json({ title: "Starting" }, 503),
        F.stream(`: still here\n\n${text(4, 5)}`)
      )
      const { code, stderr, stdout } = yield* tail(url, "--json", "--count", "5")
      assert.deepStrictEqual([code, idsOf(stdout)], [0, [1, 2, 3, 4, 5]])
      assert.deepStrictEqual(askedAfter(requests), ["0", "2", "3", "3"])
      assert.deepStrictEqual(stderr.trimEnd().split("\n"), [
        `ryker tail: the connection to ${url} was lost: the connection was closed; trying again`,
        `ryker tail: connected to ${url} again`,
        `ryker tail: ${url} has ended its stream of events; trying again`,
        `ryker tail: connected to ${url} again`
      ])
    })
  )

  it.live("waits for a host that restarts", () =>
    Effect.gen(function* () {
      const { answer, requests, start, stop, url } = yield* host
      answer(
        "events",
        F.stream(text(1), () => void stop().then(start)),
        F.stream(text(2))
      )
      const { code, stdout } = yield* tail(url, "--json", "--count", "2")
      assert.deepStrictEqual([code, idsOf(stdout)], [0, [1, 2]])
      assert.deepStrictEqual(askedAfter(requests), ["0", "1"])
    })
  )

  it.live("ends when it is refused later on", () =>
    Effect.gen(function* () {
      const { answer, url } = yield* host
      answer("events", F.stream(text(1), end), F.json({ title: "Unauthorized" }, 401))
      const { code, stderr, stdout } = yield* tail(url, "--json")
      assert.deepStrictEqual([code, idsOf(stdout)], [1, [1]])
      assert.match(stderr.trimEnd().split("\n").at(-1)!, /answers 401: Unauthorized/)
    })
  )

  it.live("tells what the host could not keep, to machines in their stream", () =>
    Effect.gen(function* () {
      const { answer, url } = yield* host
      const missed = 'event: missed\ndata: {"missed":12}\n\n'
      answer("events", F.stream(missed + text(20)))
      const people = yield* tail(url, "--count", "1")
      assert.strictEqual(
        people.stderr,
        "ryker tail: 12 events are not here: the host does not remember them any more\n"
      )
      assert.match(people.stdout, /^\S+ {2}actor\.suspended +actor-20\n$/)
      const machines = yield* tail(url, "--count", "1", "--json")
      assert.strictEqual(machines.stderr, "")
      assert.strictEqual(machines.stdout.split("\n")[0], '{"missed":12}')
      assert.strictEqual(machines.stdout.trimEnd().split("\n").length, 2)
    })
  )

  for (const [what, events, expected] of [
    ["no JSON", "data: {\n\n", /an event of it is no JSON/],
    ["too much in one event", `data: ${"x".repeat(2 * 1024 * 1024)}\n\n`, /exceeded the maximum size/]
  ] as const) {
    it.live(`refuses a stream that has ${what}`, () =>
      Effect.gen(function* () {
        const { answer, url } = yield* host
        answer("events", F.stream(events))
        const { code, stderr, stdout } = yield* tail(url)
        assert.deepStrictEqual([code, stdout], [1, ""])
        assert.match(stderr, expected)
      })
    )
  }
})
