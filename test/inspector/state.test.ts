/** What `GET /state` says. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { Actor, Router, Ryker, Supervisor } from "../../src/index.ts"
import { runtimeOf } from "../../src/internal/runtime.ts"
import {
  Accounts,
  control,
  get,
  handlers,
  inspect,
  options,
  Other,
  rowOf,
  run,
  secret,
  stateAt,
  stateWhen,
  tellTo,
  textOf,
  until,
  Worker
} from "./fixtures.ts"

const build = <A, E, R>(layer: Layer.Layer<A, E, R>) => Effect.orDie(Layer.build(layer))

const spawn = (name: string, more: Actor.Options = {}) =>
  Effect.orDie(Actor.spawn(Worker, handlers, { ...options, ...more, name }))

describe("the tree", { timeout: 30_000 }, () => {
  it.live("has parents before their children, and says what each is", () =>
    run(
      Effect.gen(function* () {
        const Inner = Supervisor.layer("Inner", {
          strategy: "one-for-all",
          children: [Router.layer(Worker, handlers, { ...options, size: 2 })]
        })
        yield* build(
          Supervisor.layer("Outer", {
            strategy: "rest-for-one",
            children: [Other.toLayer(Other.of(handlers), options), Inner]
          })
        )
        const accounts = Context.get(yield* build(Accounts.toLayer(() => handlers, options)), Accounts)
        yield* accounts.get("ada").tell.Do({ what: "ok", note: secret })
        yield* spawn("Free", { capacity: 7 })
        const state = yield* stateAt(yield* inspect())
        assert.deepStrictEqual(
          state.actors.map(({ address, kind, name, parent }) => [address, name, kind, parent]),
          [
            ["Outer", "Outer", "supervisor", null],
            ["Other", "Other", "actor", "Outer"],
            ["Inner", "Inner", "supervisor", "Outer"],
            ["Worker", "Worker", "pool", "Inner"],
            ["Worker/1", "Worker", "actor", "Worker"],
            ["Worker/2", "Worker", "actor", "Worker"],
            ["Free", "Worker", "actor", null],
            ["Account", "Account", "family", null],
            ["Account/ada", "Account", "actor", "Account"]
          ]
        )
        assert.strictEqual(rowOf(state, "Outer").strategy, "rest-for-one")
        assert.strictEqual(rowOf(state, "Inner").strategy, "one-for-all")
        assert.deepInclude(rowOf(state, "Free"), { status: "running", incarnation: 1, depth: 0, capacity: 7 })
        assert.deepInclude(rowOf(state, "Account"), { status: "running", incarnation: 0, capacity: 0 })
        assert.strictEqual(rowOf(state, "Worker").capacity, 2 * rowOf(state, "Worker/1").capacity)
        assert.strictEqual(state.omitted, 0)
        assert.strictEqual(state.phase, "running")
        assert.isFalse(state.control)
      })
    )
  )

  it.live("says of a family below a supervisor the same", () =>
    run(
      Effect.gen(function* () {
        const context = yield* build(Supervisor.layer("Top", { children: [Accounts.toLayer(() => handlers, options)] }))
        yield* Context.get(context, Accounts).get("ada").tell.Do({ what: "ok", note: secret })
        const { actors } = yield* stateAt(yield* inspect())
        assert.deepStrictEqual(
          actors.map(({ address, kind, parent }) => [address, kind, parent]),
          [
            ["Top", "supervisor", null],
            ["Account", "family", "Top"],
            ["Account/ada", "actor", "Account"]
          ]
        )
      })
    )
  )

  it.live("has of a pool and a family what waits for all below it", () =>
    run(
      Effect.gen(function* () {
        const context = yield* build(
          Supervisor.layer("Top", {
            children: [
              Accounts.toLayer(() => handlers, options),
              Router.layer(Worker, handlers, { ...options, size: 2 })
            ]
          })
        )
        const accounts = Context.get(context, Accounts)
        const all = [accounts.get("ada"), accounts.get("bob"), ...Router.members(Context.get(context, Worker))]
        for (const one of all) {
          yield* one.tell.Do({ what: "hang", note: secret })
          yield* one.tell.Do({ what: "ok", note: secret })
        }
        const url = yield* inspect()
        const state = yield* stateWhen(
          url,
          ({ actors }) => actors.filter(({ status }) => status === "busy").length === 5
        )
        assert.deepInclude(rowOf(state, "Account"), { depth: 2, capacity: 0, status: "running" })
        assert.deepInclude(rowOf(state, "Worker"), { depth: 2, status: "busy" })
        assert.deepInclude(state.definitions[0], { name: "Account", queued: 2, inHand: 2 })
      })
    )
  )

  it.live("tells where each is in its life", () =>
    run(
      Effect.gen(function* () {
        const url = yield* inspect({ stuckAfter: "1 millis" })
        const suspended = yield* spawn("suspended")
        yield* Actor.suspend(suspended)
        yield* tellTo(suspended, "ok")
        const backoff = yield* spawn("backoff", { backoff: { base: "1 hour", cap: "1 hour", jitter: false } })
        yield* tellTo(backoff, "crash")
        const stuck = yield* spawn("stuck")
        yield* tellTo(stuck, "hang")
        yield* tellTo(stuck, "ok")
        const stopping = yield* spawn("stopping", { shutdown: "1 hour" })
        yield* tellTo(stopping, "hang")
        yield* Effect.forkScoped(Actor.stop(stopping))
        yield* Effect.forkScoped(
          Actor.spawn(Worker, Effect.never, { ...options, startTimeout: "1 hour", name: "starting" })
        )
        const state = yield* stateWhen(url, ({ actors }) =>
          ["stuck", "backoff"].every((status) => actors.some((actor) => actor.status === status))
        )
        assert.deepInclude(rowOf(state, "suspended"), { status: "suspended", depth: 1 })
        const { millisLeft, status } = rowOf(state, "backoff")
        assert.strictEqual(status, "backoff")
        assert.isTrue(millisLeft! > 3_000_000 && millisLeft! <= 3_600_000)
        const { depth, inHand } = rowOf(state, "stuck")
        assert.strictEqual(depth, 1)
        assert.strictEqual(inHand?.request, "Do")
        assert.isAbove(inHand?.millis ?? 0, 1)
        assert.deepInclude(rowOf(state, "stopping"), { status: "stopping", reason: "Stopped" })
        assert.deepInclude(rowOf(state, "starting"), { status: "starting" })
        // Patience ends with the test.
        yield* Actor.stop(stopping, { deadline: 0 })
      })
    )
  )

  it.live("tells that an actor is busy until it counts as stuck", () =>
    run(
      Effect.gen(function* () {
        const url = yield* inspect({ stuckAfter: "1 hour" })
        yield* tellTo(yield* spawn("busy"), "hang")
        const state = yield* stateWhen(url, (state) => rowOf(state, "busy").inHand !== undefined)
        assert.strictEqual(rowOf(state, "busy").status, "busy")
      })
    )
  )

  it.live("keeps those that have ended for a failure: isolated children, and what a Layer had started", () =>
    run(
      Effect.gen(function* () {
        const brittle = { ...options, intensity: { restarts: 0 } }
        const top = yield* build(
          Supervisor.layer("Top", { onExhausted: "isolate", children: [Worker.toLayer(handlers, brittle)] })
        )
        const other = yield* build(Other.toLayer(Other.of(handlers), brittle))
        const url = yield* inspect()
        yield* tellTo(Context.get(top, Worker), "crash")
        yield* Context.get(other, Other).tell.Do({ what: "crash", note: secret })
        const isOver = ({ actors }: { readonly actors: ReadonlyArray<{ readonly status: string }> }) =>
          actors.filter(({ status }) => status === "stopped").length === 2
        const state = yield* stateWhen(url, isOver)
        assert.deepInclude(rowOf(state, "Worker"), {
          parent: "Top",
          status: "stopped",
          reason: "RapidFail",
          isolated: true
        })
        assert.deepInclude(rowOf(state, "Other"), { parent: null, status: "stopped", reason: "RapidFail" })
        assert.isUndefined(rowOf(state, "Other").isolated)
        assert.strictEqual(rowOf(state, "Top").status, "running")
      })
    )
  )

  it.live("is bounded: first what holds it together, then what is not well, then the others in their order", () =>
    run(
      Effect.gen(function* () {
        for (let n = 0; n < 50; n++) yield* spawn(`a${n}`)
        const last = yield* spawn("last")
        yield* Actor.suspend(last)
        yield* build(Supervisor.layer("Top", { children: [Other.toLayer(Other.of(handlers), options)] }))
        const url = yield* inspect({ actors: 5 })
        const state = yield* stateAt(url)
        assert.deepStrictEqual(
          state.actors.map(({ address }) => address),
          ["a0", "a1", "last", "Top", "Other"]
        )
        assert.strictEqual(state.omitted, 48)
      })
    )
  )

  it.live("has the same order each time", () =>
    run(
      Effect.gen(function* () {
        const accounts = Context.get(yield* build(Accounts.toLayer(() => handlers, options)), Accounts)
        for (const id of ["c", "a", "b"]) yield* accounts.get(id).tell.Do({ what: "ok", note: secret })
        const url = yield* inspect({ control: true })
        const order = Effect.map(stateAt(url), ({ actors }) => actors.map(({ address }) => address))
        const first = yield* order
        assert.deepStrictEqual(first, ["Account", "Account/c", "Account/a", "Account/b"])
        // A change of status moves nothing.
        yield* control(url, "suspend", "Account/b")
        assert.deepStrictEqual(yield* order, first)
      })
    )
  )
})

describe("besides the tree", { timeout: 30_000 }, () => {
  it.live("it says what definitions have done, and how long it took", () =>
    run(
      Effect.gen(function* () {
        const worker = yield* spawn("w")
        yield* worker.ask.Do({ what: "ok", note: secret })
        yield* Effect.exit(worker.ask.Do({ what: "crash", note: secret }))
        const state = yield* stateWhen(yield* inspect(), ({ definitions }) => definitions[0]?.crashes === 1)
        const definition = state.definitions[0]!
        assert.deepInclude(definition, { name: "Worker", accepted: 2, handled: 1, failed: 1, queued: 0, inHand: 0 })
        assert.strictEqual(definition.latency?.count, 2)
        assert.isAtLeast(definition.wait?.count ?? 0, 1)
        assert.isAtLeast(definition.latency?.sum ?? -1, 0)
        assert.strictEqual(definition.latency?.buckets.at(-1)?.[1], 2)
      })
    )
  )

  it.live("it leaves times out while metrics are off", () =>
    Effect.scoped(
      Effect.gen(function* () {
        yield* spawn("w")
        const [definition] = (yield* stateAt(yield* inspect())).definitions
        assert.strictEqual(definition?.name, "Worker")
        assert.isUndefined(definition?.wait)
        assert.isUndefined(definition?.latency)
      })
    ).pipe(Effect.provide(Layer.orDie(Ryker.layerWith({ observability: { metrics: false } }))))
  )

  it.live("it says who waits for whom", () =>
    run(
      Effect.gen(function* () {
        const other = yield* spawn("other")
        yield* Actor.suspend(other)
        const asking = Worker.of({
          Do: handlers.Do,
          Pass: ({ note }) => Effect.orDie(Effect.asVoid(other.ask.Do({ what: "ok", note })))
        })
        const worker = yield* Actor.spawn(Worker, asking, { ...options, name: "asker" })
        yield* worker.tell.Pass({ note: secret })
        const state = yield* stateWhen(yield* inspect(), ({ waitFor }) => waitFor.length > 0)
        assert.deepStrictEqual(state.waitFor, [{ from: "asker", to: "other", request: "Do" }])
      })
    )
  )

  it.live("it has the latest events and dead letters, and counts those that are forgotten", () =>
    run(
      Effect.gen(function* () {
        const url = yield* inspect({ events: 3 })
        const worker = yield* spawn("w", { capacity: 200 })
        yield* Actor.suspend(worker)
        for (let n = 0; n < 120; n++) yield* tellTo(worker, "ok")
        yield* Actor.stop(worker, { deadline: 0 })
        const state = yield* stateWhen(url, ({ deadLetters }) => deadLetters.length > 0)
        assert.deepStrictEqual(
          state.events.map(({ topic }) => topic),
          ["actor.started", "actor.suspended", "actor.stopped"]
        )
        assert.strictEqual(state.deadLetters.length, 100)
        assert.deepInclude(state.deadLetters[0]?.letter, {
          actor: "w",
          request: "Do",
          reason: "shutdown",
          kind: "tell"
        })
        assert.strictEqual(state.missed.deadLetters, 20)
        const ids = [...state.events, ...state.deadLetters].map(({ id }) => id)
        assert.strictEqual(new Set(ids).size, ids.length)
        assert.isAtLeast(Math.min(...ids), 1e15)
        yield* spawn("another")
        const later = yield* stateWhen(url, ({ events }) => events.at(-1)?.event.actor === "another")
        assert.strictEqual(later.missed.events, 1)
      })
    )
  )

  it.live("it has the settings, where each comes from, and what a change of it needs", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { config } = yield* stateAt(yield* inspect())
        assert.deepInclude(config, { version: 1, source: "start", refused: 0 })
        const entryOf = (key: string) => config.entries.find((entry) => entry.key === key)
        assert.deepStrictEqual(entryOf("defaults.deadline"), {
          key: "defaults.deadline",
          value: "250ms",
          class: "hot",
          source: "builder",
          name: "builder"
        })
        assert.deepInclude(entryOf("supervisor.backoff_base_ms"), { class: "next restart", source: "default" })
      })
    ).pipe(Effect.provide(Layer.orDie(Ryker.layerWith({ defaults: { deadline: "250 millis" } }))))
  )

  it.live("it says that the runtime drains, and that it is closed", () =>
    run(
      Effect.gen(function* () {
        const url = yield* inspect()
        const worker = yield* spawn("w", { shutdown: "1 hour" })
        yield* tellTo(worker, "hang")
        yield* Effect.forkScoped(Ryker.drain("1 hour"))
        assert.strictEqual((yield* stateWhen(url, ({ phase }) => phase !== "running")).phase, "draining")
        yield* Ryker.drain(0)
        const state = yield* stateWhen(url, ({ phase }) => phase !== "draining")
        assert.strictEqual(state.phase, "closed")
        assert.deepStrictEqual(state.actors, [])
      })
    )
  )

  it.live("it never has a payload, a reply or the message of a defect", () =>
    run(
      Effect.gen(function* () {
        const url = yield* inspect()
        const worker = yield* spawn("w")
        yield* worker.ask.Do({ what: secret, note: secret })
        yield* tellTo(worker, "crash")
        yield* stateWhen(url, ({ events }) => events.some(({ topic }) => topic === "actor.crashed"))
        yield* tellTo(worker, "hang")
        yield* tellTo(worker, secret)
        const text = yield* textOf(yield* get(`${url}/state`))
        assert.notInclude(text, secret)
      })
    )
  )

  it.live("a state is made at most so often, whoever asks", () =>
    run(
      Effect.gen(function* () {
        const url = yield* inspect()
        const runtime = runtimeOf(yield* Ryker.Ryker)
        let looks = 0
        const cells = runtime.cells
        const iterate = cells[Symbol.iterator].bind(cells)
        cells[Symbol.iterator] = () => {
          looks++
          return iterate()
        }
        const states = yield* Effect.forEach(Array.from({ length: 20 }), () => stateAt(url), { concurrency: 20 })
        assert.strictEqual(states.length, 20)
        assert.isBelow(looks, 20)
      })
    )
  )
})

describe("hostile names", { timeout: 30_000 }, () => {
  const names = [
    "</script><script>alert(1)</script>",
    "a\nevent: x\ndata: {}\n\n",
    "../../etc/passwd",
    "\u2028\ud800",
    "__proto__"
  ]

  it.live("go through JSON as they are, and nowhere else", () =>
    run(
      Effect.gen(function* () {
        const accounts = Context.get(yield* build(Accounts.toLayer(() => handlers, options)), Accounts)
        for (const id of names) yield* accounts.get(id).tell.Do({ what: "ok", note: secret })
        const url = yield* inspect()
        yield* until(Effect.map(stateAt(url), ({ actors }) => actors.length === names.length + 1))
        const response = yield* get(`${url}/state`)
        assert.strictEqual(response.headers.get("content-type"), "application/json")
        const { actors } = JSON.parse(yield* textOf(response)) as { actors: ReadonlyArray<{ address: string }> }
        assert.deepStrictEqual(
          actors.slice(1).map(({ address }) => address),
          names.map((id) => `Account/${id}`)
        )
        const page = yield* textOf(yield* get(url))
        assert.notInclude(page, "alert(1)")
      })
    )
  )
})
