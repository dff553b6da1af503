/** What `GET /events` sends, and what its clients cost. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, type Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { spawn as spawnProcess } from "node:child_process"
import { connect } from "node:net"
import { join } from "node:path"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { Actor, Ryker } from "../../src/index.ts"
import { Shutdown } from "../../src/http/index.ts"
import { Latest, Memory } from "../../src/inspector/internal/memory.ts"
import { EventStreams } from "../../src/inspector/internal/streams.ts"
import {
  get,
  handlers,
  inspect,
  listen,
  options,
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

const has = (check: () => boolean) => until(Effect.sync(check))

describe("events", { timeout: 30_000 }, () => {
  it.live("are sent as they happen, with their id and topic", () =>
    run(
      Effect.gen(function* () {
        const url = yield* inspect()
        const client = yield* listen(`${url}/events`)
        assert.strictEqual(client.response.headers.get("content-type"), "text/event-stream")
        const worker = yield* spawn("w")
        yield* Actor.suspend(worker)
        yield* tellTo(worker, "ok")
        yield* Actor.stop(worker, { deadline: 0 })
        yield* has(() => client.received.length >= 4)
        assert.deepStrictEqual(
          client.received.map(({ event }) => event),
          ["actor.started", "actor.suspended", "dead_letter", "actor.stopped"]
        )
        const [started, , letter] = client.received
        assert.strictEqual(started?.id, String(started?.data["id"]))
        assert.strictEqual(started?.data["topic"], "actor.started")
        assert.deepInclude(started?.data["event"] as object, { _tag: "ActorStarted", actor: "w" })
        assert.deepInclude(letter?.data["letter"] as object, { actor: "w", request: "Do", reason: "shutdown" })
        assert.notInclude(client.text, secret)
        const ids = client.received.map(({ id }) => Number(id))
        assert.deepStrictEqual(
          ids,
          ids.toSorted((a, b) => a - b)
        )
      })
    )
  )

  it.live("begin where the client was, as far as that is remembered", () =>
    run(
      Effect.gen(function* () {
        const url = yield* inspect({ events: 3 })
        const first = yield* listen(`${url}/events`)
        yield* spawn("a")
        yield* spawn("b")
        yield* has(() => first.received.length === 2)
        const again = yield* listen(`${url}/events`, { headers: { "last-event-id": first.received[0]?.id ?? "" } })
        yield* has(() => again.received.length === 1)
        assert.strictEqual(again.received[0]?.id, first.received[1]?.id)
        for (const name of ["c", "d", "e"]) yield* spawn(name)
        // From an id that was never given, and one of another life of the host: all that there is.
        for (const other of ["0", "999999999999999"]) {
          const all = yield* listen(`${url}/events`, { headers: { "last-event-id": other } })
          yield* has(() => all.received.length === 4)
          assert.deepStrictEqual(all.received[0], { id: undefined, event: "missed", data: { missed: 2 } })
          assert.deepStrictEqual(
            all.received.slice(1).map(({ data }) => (data["event"] as { readonly actor: string }).actor),
            ["c", "d", "e"]
          )
        }
        // What is no id is nothing.
        const fresh = yield* listen(`${url}/events`, { headers: { "last-event-id": "x; DROP" } })
        yield* spawn("f")
        yield* has(() => fresh.received.length > 0)
        assert.deepInclude(fresh.received[0]?.data["event"] as object, { actor: "f" })
      })
    )
  )

  it.live("can be chosen by topic", () =>
    run(
      Effect.gen(function* () {
        const url = yield* inspect()
        const some = yield* listen(`${url}/events?topic=config.applied&topic=actor.suspended`)
        const all = yield* listen(`${url}/events?topic=config.*&topic=actor.*`)
        const worker = yield* spawn("w")
        yield* Actor.suspend(worker)
        yield* Ryker.reload({ defaults: { deadline: "2s" } })
        yield* has(() => some.received.length === 2 && all.received.length === 3)
        assert.deepStrictEqual(
          some.received.map(({ event }) => event),
          ["actor.suspended", "config.applied"]
        )
        for (const topic of ["actor", "nothing.at.all", "a%0Ab", ""]) {
          const response = yield* get(`${url}/events?topic=${topic}`)
          assert.strictEqual(response.status, 400, topic)
          assert.include(yield* textOf(response), "config.applied")
        }
      })
    )
  )

  it.live("hold together whatever an actor is called", () =>
    run(
      Effect.gen(function* () {
        const url = yield* inspect()
        const client = yield* listen(`${url}/events`)
        const names = [
          "a\n\nevent: missed\ndata: {}\n\n",
          "b\r\nid: 1\r\n\r\n",
          "\u2028c\u2029",
          "</script>",
          "d\u0000"
        ]
        for (const name of names) yield* spawn(name)
        yield* has(() => client.received.length === names.length)
        assert.deepStrictEqual(
          client.received.map(({ data }) => (data["event"] as { readonly actor: string }).actor),
          names
        )
        for (const { event } of client.received) assert.strictEqual(event, "actor.started")
      })
    )
  )

  it.live(
    "end when a shutdown begins, with what is left for them; who comes later hears what is remembered, and the end",
    () =>
      run(
        Effect.gen(function* () {
          const url = yield* inspect()
          const client = yield* listen(`${url}/events`)
          yield* spawn("w")
          const launched = yield* Effect.forkScoped(
            Effect.exit(Shutdown.launch(Layer.empty, { grace: "1 millis", deadline: "5 seconds" })),
            { startImmediately: true }
          )
          yield* Shutdown.request("test")
          yield* has(() => client.ended)
          assert.strictEqual(client.received[0]?.event, "actor.started")
          const late = yield* listen(`${url}/events`, { headers: { "last-event-id": "0" } })
          yield* has(() => late.ended)
          assert.strictEqual(late.received[0]?.event, "actor.started")
          yield* Fiber.interrupt(launched)
        })
      )
  )

  it.live("free the place of a client that goes away", () =>
    run(
      Effect.gen(function* () {
        const url = yield* inspect({ clients: 2 })
        const [a] = [yield* listen(`${url}/events`), yield* listen(`${url}/events`)]
        const refused = yield* get(`${url}/events`)
        assert.deepStrictEqual([refused.status, refused.headers.get("retry-after")], [503, "30"])
        // HEAD needs none for longer than it takes.
        a.close()
        yield* until(Effect.map(get(`${url}/events`, { method: "HEAD" }), ({ status }) => status === 200))
        yield* until(Effect.map(get(`${url}/events`, { method: "HEAD" }), ({ status }) => status === 200))
        const b = yield* listen(`${url}/events`)
        yield* spawn("w")
        yield* has(() => b.received.length === 1)
      })
    )
  )

  it.live("of a client that reads nothing are lost, not kept", () =>
    run(
      Effect.gen(function* () {
        const url = yield* inspect({ events: 10 })
        const { hostname, host, pathname, port } = new URL(`${url}/events`)
        let text = ""
        const socket = yield* Effect.acquireRelease(
          Effect.sync(() => connect({ host: hostname, port: Number(port) })),
          (socket) => Effect.sync(() => socket.destroy())
        )
        socket.on("data", (chunk) => {
          text += String(chunk)
        })
        socket.write(`GET ${pathname} HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
        yield* has(() => text.includes("retry:"))
        socket.pause()
        // As long as an event's text may be: the sockets' own buffers hold some megabytes.
        const name = "x".repeat(100_000)
        for (let n = 0; n < 200; n++) {
          const actor = yield* spawn(`${n}-${name}`)
          yield* Actor.stop(actor)
          if (n % 10 === 0) yield* Effect.sleep(110)
        }
        socket.resume()
        yield* has(() => text.includes(`199-${name}`) && text.endsWith("\r\n"))
        const lost = Array.from(text.matchAll(/event: missed\ndata: {"missed":(\d+)}/g), ([, n]) => Number(n))
        const missed = lost.reduce((a, b) => a + b, 0)
        const received = text.match(/^id: /gm)?.length ?? 0
        assert.isAbove(missed, 100)
        assert.isAtLeast(missed + received, 399)
      })
    )
  )
})

describe("the clients' place", () => {
  const withStreams = <A, E>(
    program: (memory: Memory, streams: EventStreams) => Effect.Effect<A, E, Scope.Scope>,
    most = 10
  ) =>
    Effect.scoped(
      Effect.gen(function* () {
        const memory = new Memory(100, () => 0)
        const streams = new EventStreams(memory, most)
        yield* Effect.forkScoped(streams.run(), { startImmediately: true })
        return yield* program(memory, streams)
      })
    )

  const decoder = new TextDecoder()

  /** A client that takes all it is given. */
  const client = (streams: EventStreams, wants?: (topic: string) => boolean) =>
    Effect.gen(function* () {
      const chunks: Array<string> = []
      const stream = yield* streams.open(undefined, wants)
      const fiber = yield* Effect.forkScoped(
        Stream.runForEach(stream!, (chunk) => Effect.sync(() => chunks.push(decoder.decode(chunk)))),
        { startImmediately: true }
      )
      return { chunks, fiber }
    })

  const event = { _tag: "ActorSuspended", actor: "a", time: 0 } as const

  it.effect("many events at once are few writes", () =>
    withStreams((memory, streams) =>
      Effect.gen(function* () {
        const { chunks } = yield* client(streams)
        memory.heardEvent(event)
        yield* TestClock.adjust(0)
        for (let n = 0; n < 100; n++) memory.heardEvent(event)
        yield* TestClock.adjust("100 millis")
        // The greeting, the first one, and the others in two.
        assert.strictEqual(chunks.length, 4)
        assert.strictEqual(chunks.join("").match(/^id: /gm)?.length, 101)
      })
    )
  )

  it.effect("each hears that the server is there every 15 seconds", () =>
    withStreams((_, streams) =>
      Effect.gen(function* () {
        const { chunks } = yield* client(streams)
        yield* TestClock.adjust("14 seconds")
        assert.strictEqual(chunks.length, 1)
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(chunks.slice(1), [": still here\n\n"])
        yield* TestClock.adjust("15 seconds")
        assert.strictEqual(chunks.length, 3)
      })
    )
  )

  it.effect("one that takes nothing for a minute loses it", () =>
    withStreams((memory, streams) =>
      Effect.gen(function* () {
        const stream = yield* streams.open(undefined, undefined)
        // It takes the greeting and one event, and then no more.
        const stuck = yield* Effect.forkScoped(
          Stream.runForEach(stream!, (chunk) => (decoder.decode(chunk).includes("id:") ? Effect.never : Effect.void)),
          { startImmediately: true }
        )
        memory.heardEvent(event)
        yield* TestClock.adjust("59 seconds")
        assert.isUndefined(stuck.pollUnsafe())
        yield* TestClock.adjust("16 seconds")
        assert.isDefined(stuck.pollUnsafe())
      })
    )
  )

  it.effect("is free again when its Scope closes, also if nobody ever read", () =>
    withStreams(
      (_, streams) =>
        Effect.gen(function* () {
          yield* Effect.scoped(
            Effect.gen(function* () {
              assert.isDefined(yield* streams.open(undefined, undefined))
              assert.isUndefined(yield* streams.open(undefined, undefined))
            })
          )
          assert.strictEqual(streams.size, 0)
          assert.isDefined(yield* streams.open(undefined, undefined))
        }),
      1
    )
  )

  it.effect("what a filter leaves out is passed over, and what was lost is told", () =>
    withStreams((memory, streams) =>
      Effect.gen(function* () {
        const { chunks } = yield* client(streams, (topic) => topic === "actor.resumed")
        for (let n = 0; n < 90; n++) memory.heardEvent(event)
        memory.heardEvent({ ...event, _tag: "ActorResumed" })
        yield* TestClock.adjust("1 second")
        assert.strictEqual(chunks.length, 2)
        assert.include(chunks[1], "event: actor.resumed")
        for (let n = 0; n < 150; n++) memory.heardEvent(event)
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(chunks.slice(2), ['event: missed\ndata: {"missed":50}\n\n'])
      })
    )
  )
})

describe("the memory", () => {
  it("keeps the latest, in order, and counts the others", () => {
    for (const count of [0, 1, 3, 4, 7, 12]) {
      const latest = new Latest<{ readonly id: number }>(4)
      for (let id = 1; id <= count; id++) latest.add({ id })
      const ids = Array.from({ length: Math.min(4, count) }, (_, n) => Math.max(0, count - 4) + n + 1)
      assert.deepStrictEqual(
        latest.all.map(({ id }) => id),
        ids
      )
      assert.strictEqual(latest.forgotten, Math.max(0, count - 4))
      for (let after = 0; after <= count; after++) {
        assert.deepStrictEqual(
          latest.after(after).map(({ id }) => id),
          ids.filter((id) => id > after)
        )
      }
    }
  })
})

describe("10,000 idle clients", { timeout: 180_000 }, () => {
  const count = 10_000

  /** Bytes that are alive. */
  const heap = (): number => {
    setFlagsFromString("--expose-gc")
    const collect = runInNewContext("gc") as () => void
    collect()
    collect()
    return process.memoryUsage().heapUsed
  }

  it.live("cost little memory each, hear what happens, and are all ended at the shutdown", () =>
    run(
      Effect.gen(function* () {
        const url = yield* inspect()
        // What is made once, at the first client, is none of the others'.
        yield* listen(`${url}/events`)
        const before = heap()
        let said = ""
        const clients = yield* Effect.acquireRelease(
          Effect.sync(() =>
            spawnProcess(
              process.execPath,
              [join(import.meta.dirname, "idleClients.ts"), `${url}/events`, String(count)],
              {
                stdio: ["ignore", "pipe", "inherit"]
              }
            )
          ),
          (child) => Effect.sync(() => child.kill("SIGKILL"))
        )
        clients.stdout.on("data", (chunk) => {
          said += String(chunk)
        })
        yield* has(() => said.includes("open"))
        const each = (heap() - before) / count
        // What Node holds for a connection and a response of its own is most of it.
        assert.isBelow(each, 40_000)
        // One event is one write to each, and the state is served all the same.
        yield* spawn("w")
        yield* stateWhen(url, ({ actors }) => actors.length === 1)
        const after = (heap() - before) / count
        assert.isBelow(after, 40_000)
        yield* Effect.forkScoped(
          Effect.exit(Shutdown.launch(Layer.empty, { grace: "1 millis", deadline: "30 seconds" })),
          {
            startImmediately: true
          }
        )
        yield* Shutdown.request("test")
        yield* has(() => said.includes("ended"))
        assert.include(said, `ended ${count}`)
      })
    )
  )
})
