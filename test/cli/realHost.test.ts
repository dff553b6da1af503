/** `ryker top` and `ryker tail` as processes, with a real inspector of a real runtime. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { connect, createServer, type AddressInfo, type Socket } from "node:net"
import { afterAll } from "vitest"
import { Actor, Ryker } from "../../src/index.ts"
import { InspectorState } from "../../src/inspector/index.ts"
import { endAll, run, until } from "./process.fixtures.ts"
import { Mailer, Payment, Quiet, serve, Shop, Stock } from "./shop.fixtures.ts"

afterAll(endAll)

const timeout = 60_000

const live = <E>(
  name: string,
  program: () => Effect.Effect<unknown, E, Ryker.Ryker | Stock | Payment | Mailer | Scope.Scope>
) => it.live(name, () => program().pipe(Effect.scoped, Effect.provide(Shop), Effect.provide(Quiet)), timeout)

const eventually = <A>(found: () => A | undefined | false) => Effect.promise(() => until(found))

const decode = Schema.decodeUnknownSync(InspectorState.RecordedEvent)

const eventsOf = (stdout: string) =>
  stdout
    .split("\n")
    .slice(0, -1)
    .map((line) => decode(JSON.parse(line)))

/** A way to the host that can be cut off. */
const passage = (port: number) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const sockets = new Set<Socket>()
      const open = { isOpen: true }
      const server = createServer((socket) => {
        if (!open.isOpen) return void socket.destroy()
        const other = connect(port, "127.0.0.1")
        for (const [one, two] of [
          [socket, other],
          [other, socket]
        ] as const) {
          sockets.add(one)
          one.pipe(two)
          one.on("error", () => two.destroy())
          one.on("close", () => {
            sockets.delete(one)
            two.destroy()
          })
        }
      })
      await new Promise<void>((done) => {
        server.listen(0, "127.0.0.1", done)
      })
      return {
        port: (server.address() as AddressInfo).port,
        set: (isOpen: boolean) => {
          open.isOpen = isOpen
          if (!isOpen) for (const socket of sockets) socket.destroy()
        },
        close: () => {
          for (const socket of sockets) socket.destroy()
          server.close()
        }
      }
    }),
    (passage) => Effect.sync(() => passage.close())
  )

/** An event of each. */
const turn = Effect.gen(function* () {
  const mailer = yield* Mailer
  yield* Actor.suspend(mailer)
  yield* Actor.resume(mailer)
})

describe("with a real inspector", () => {
  live("ryker top prints what the runtime does", () =>
    Effect.gen(function* () {
      const { url } = yield* serve()
      const payment = yield* Payment
      yield* payment.tell.Charge()
      yield* payment.tell.Charge()
      yield* (yield* Stock).get("apples").ask.Reserve({ count: 1 })
      const top = run(["top", "--interval", "250ms", "--url", url])
      assert.deepStrictEqual(yield* Effect.promise(() => top.ended), { code: 0, signal: null })
      const lines = top.stdout().split("\n")
      assert.match(lines[0]!, /^running /)
      assert.strictEqual(lines[1], "3 actors: 2 running, 1 busy")
      assert.match(lines[3]!, /^queued 1 {2}in hand 1 {2}crashes 0/)
      const row = (name: RegExp) => lines.filter((line) => name.test(line)).at(-1)
      assert.match(row(/ Payment$/)!, /^busy +\|\.{7} 1\/64 +Charge [\d.]+m?s +1 Payment$/)
      assert.match(row(/apples$/)!, /^running +\.{8} 0\/64 +1 {3}Stock\/apples$/)
    })
  )

  live("ryker tail prints what a reload changes, and nothing else", () =>
    Effect.gen(function* () {
      const { url } = yield* serve()
      const tail = run(["tail", "--topic", "config.applied", "--url", url, "--count", "2"])
      // What happens before it listens is not its business, so it is told again.
      let deadline = 300
      yield* Effect.gen(function* () {
        yield* turn
        yield* Ryker.reload({ defaults: { deadline: `${deadline++}ms` } }, { source: "SIGHUP" })
        yield* Effect.sleep(50)
      }).pipe(Effect.repeat({ until: () => tail.stdout().split("\n").length > 2 }))
      assert.deepStrictEqual(yield* Effect.promise(() => tail.ended), { code: 0, signal: null })
      const [first, second, rest] = tail.stdout().split("\n")
      assert.match(
        first!,
        /^\S{24} {2}config\.applied {7}ryker {17}version \d+ from SIGHUP: defaults\.deadline \w+ -> \d+ms \(hot\)$/
      )
      const version = (line: string) => Number(/version (\d+)/.exec(line)![1])
      assert.strictEqual(version(second!), version(first!) + 1)
      assert.strictEqual(rest, "")
    })
  )

  live("ryker tail --json has the schema's encoding, dead letters too", () =>
    Effect.gen(function* () {
      const { url } = yield* serve()
      const payment = yield* Payment
      yield* payment.tell.Charge()
      yield* payment.tell.Charge()
      yield* turn
      yield* Actor.stop(payment)
      const tail = run([
        "tail",
        "--json",
        "--replay",
        "--topic",
        "actor.*",
        "-t",
        "dead_letter",
        "--url",
        url,
        "-n",
        "4"
      ])
      assert.strictEqual((yield* Effect.promise(() => tail.ended)).code, 0)
      const lines = tail
        .stdout()
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line))
      const letters = lines.filter((line) => "letter" in line)
      assert.deepStrictEqual(
        letters.map((line) => Schema.decodeUnknownSync(InspectorState.RecordedLetter)(line).letter.actor),
        ["Payment", "Payment"].slice(0, letters.length)
      )
      const events = lines.filter((line) => !("letter" in line)).map((line) => decode(line).topic)
      assert.includeMembers(events, ["actor.suspended", "actor.resumed", "actor.stopped"])
    })
  )

  live("ryker tail loses and doubles nothing when its connection is cut again and again", () =>
    Effect.gen(function* () {
      const { port } = yield* serve()
      const way = yield* passage(port)
      const args = ["--json", "--replay", "--topic", "actor.suspended", "--topic", "actor.resumed"]
      const tail = run(["tail", ...args, "--url", `http://127.0.0.1:${way.port}/ryker`])
      for (let round = 1; round <= 3; round++) {
        yield* turn
        yield* eventually(() => eventsOf(tail.stdout()).length >= round * 6 - 4)
        way.set(false)
        yield* turn
        yield* eventually(() => tail.stderr().split("trying again").length > round)
        yield* turn
        way.set(true)
        yield* eventually(() => eventsOf(tail.stdout()).length >= round * 6)
      }
      const events = eventsOf(tail.stdout())
      assert.deepStrictEqual(
        events.map(({ topic }) => topic),
        Array.from({ length: 18 }, (_, n) => (n % 2 === 0 ? "actor.suspended" : "actor.resumed"))
      )
      const ids = events.map(({ id }) => id)
      assert.deepStrictEqual(
        ids,
        Array.from(new Set(ids)).toSorted((a, b) => a - b)
      )
      tail.child.kill("SIGINT")
      assert.strictEqual((yield* Effect.promise(() => tail.ended)).signal, "SIGINT")
    })
  )

  it.live(
    "ryker tail goes on with a host that was restarted, from its beginning",
    () =>
      Effect.gen(function* () {
        const host = (port: number, then: (port: number) => Effect.Effect<unknown, never, Ryker.Ryker | Mailer>) =>
          Effect.gen(function* () {
            const serving = yield* serve({ port })
            yield* turn
            yield* then(serving.port)
            return serving.port
          }).pipe(Effect.scoped, Effect.provide(Shop, { local: true }), Effect.provide(Quiet))
        let tail: ReturnType<typeof run> | undefined
        const seen = (count: number) => eventually(() => eventsOf(tail!.stdout()).length >= count)
        const port = yield* host(0, (port) => {
          const args = ["--json", "--replay", "--topic", "actor.suspended", "--topic", "actor.resumed"]
          tail = run(["tail", ...args, "--url", `http://127.0.0.1:${port}/ryker`])
          return seen(2)
        })
        yield* host(port, () => Effect.andThen(turn, seen(6)))
        const topics = eventsOf(tail!.stdout()).map(({ topic }) => topic)
        assert.deepStrictEqual(topics.length, 6)
        tail!.child.kill("SIGINT")
        yield* Effect.promise(() => tail!.ended)
      }),
    timeout
  )

  live("both show what authorise lets them", () =>
    Effect.gen(function* () {
      const authorise = ({ headers }: { readonly headers: Readonly<Record<string, string | undefined>> }) =>
        Effect.succeed(headers["authorization"] === "Bearer ops")
      const { url } = yield* serve({ inspector: { authorise } })
      const outcomes = []
      for (const header of [
        [],
        ["--header", "authorization: Bearer other"],
        ["--header", "authorization: Bearer ops"]
      ]) {
        const top = run(["top", "--interval", "250ms", "--url", url, ...header])
        const { code } = yield* Effect.promise(() => top.ended)
        assert.notInclude(top.stderr(), "other")
        outcomes.push([code, /answers 403/.test(top.stderr())])
      }
      assert.deepStrictEqual(outcomes, [
        [1, true],
        [1, true],
        [0, false]
      ])
    })
  )
})
