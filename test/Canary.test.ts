/**
 * Secrets are planted wherever a program has some, every way of failing is gone, and all that comes out is searched.
 *
 * Meant to come out are only: a reply and a typed failure, to their asker; the wrong value of a setting that is
 * known, as an operator must see it; addresses and tags.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import { PrometheusMetrics } from "effect/observability"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { inspect } from "node:util"
import * as Actor from "../src/Actor.ts"
import * as Ryker from "../src/Ryker.ts"
import * as RykerConfig from "../src/RykerConfig.ts"
import * as RykerError from "../src/RykerError.ts"
import * as Supervisor from "../src/Supervisor.ts"
import { folderWith, ryker } from "./cli/fixtures.ts"
import { boom, record, secret } from "./RykerEvent.fixtures.ts"
import { scenarios } from "./RykerEvent.scenarios.ts"
import type { formats } from "./RykerConfig.fixtures.ts"
import { Files } from "./RykerConfig.fixtures.ts"
import { recording, Spans } from "./Tracing.fixtures.ts"

// --- What is searched ---------------------------------------------------------------------------------------------------

/** All that can be seen of a value, however deep, by any of the usual ways of printing. */
const seen = (value: unknown): string => {
  const ways = [
    () => inspect(value, { depth: Infinity, showHidden: true, maxStringLength: Infinity, maxArrayLength: Infinity }),
    () => JSON.stringify(value) ?? "",
    () => String(value),
    () => (value instanceof Error ? `${value.stack ?? ""} ${value.message}` : "")
  ]
  return ways
    .map((way) => {
      try {
        return way()
      } catch {
        return ""
      }
    })
    .join("\n")
}

/** Every logger of Effect's that gives text, and all that a logger is given. */
const loggersInto = (texts: Array<string>) =>
  [Logger.formatSimple, Logger.formatLogFmt, Logger.formatJson, Logger.formatStructured].map((format) =>
    Logger.make((options) => {
      const { cause, date, fiber, logLevel, message } = options
      const annotations = fiber.getRef(References.CurrentLogAnnotations)
      texts.push(
        seen(format.log(options)),
        seen(message),
        seen(annotations),
        seen(fiber.getRef(References.CurrentLogSpans))
      )
      texts.push(`${date.toISOString()} ${logLevel} ${Cause.pretty(cause)}`)
    })
  )

interface Outputs {
  readonly texts: Array<string>
  readonly events: Set<string>
  readonly spans: Set<string>
}

/** Runs the test with everything on; gives all that came out, and which kinds of it. */
const observe = <A, E>(test: (texts: Array<string>) => Effect.Effect<A, E>): Effect.Effect<Outputs, E> =>
  Effect.gen(function* () {
    const texts: Array<string> = []
    yield* test(texts).pipe(
      Effect.provide(Logger.layer(loggersInto(texts))),
      Effect.provideService(References.MinimumLogLevel, "All")
    )
    const spans = (yield* Spans).filter(({ name }) => name.startsWith("ryker."))
    for (const span of spans) {
      const { attributes, events, kind, links, name, status } = span
      texts.push(seen([name, kind, Array.from(attributes), events, links.map((link) => link.attributes), status]))
      if (status._tag === "Ended" && Exit.isFailure(status.exit)) {
        texts.push(Cause.pretty(status.exit.cause), seen(Cause.prettyErrors(status.exit.cause)))
      }
    }
    texts.push(yield* PrometheusMetrics.format(), yield* Metric.dump)
    const found = texts.join("\n").matchAll(/event: '(\w+)'/g)
    return {
      texts,
      events: new Set(Array.from(found, ([, event]) => event!)),
      spans: new Set(spans.map(({ attributes, name }) => `${name} ${String(attributes.get("outcome"))}`))
    }
  }).pipe(Effect.provide(Layer.fresh(recording)), Effect.provideService(Metric.MetricRegistry, new Map()))

const loud: Ryker.Options = { observability: { spanLevel: "trace", logLevel: "trace" } }

const assertKept = (texts: ReadonlyArray<string>): void => {
  assert.isNotEmpty(texts)
  for (const text of texts) {
    const at = text.indexOf(secret)
    if (at >= 0) assert.fail(`a secret came out: ${text.slice(Math.max(0, at - 200), at + 100)}`)
  }
}

// --- Who keeps secrets --------------------------------------------------------------------------------------------------

class Denied extends Schema.TaggedError<Denied>()("Denied", { why: Schema.String }) {}

type Job = () => Effect.Effect<unknown, Denied, Actor.Self | Ryker.Ryker>

class Vault extends Actor.Service<Vault>()(
  "Vault",
  [
    Rpc.make("Do", {
      payload: {
        job: Schema.declare((value): value is Job => typeof value === "function"),
        text: Schema.String,
        bytes: Schema.Uint8Array,
        redacted: Schema.Redacted(Schema.String),
        nested: Schema.Struct({ list: Schema.Array(Schema.Record(Schema.String, Schema.String)) })
      },
      success: Schema.Unknown,
      error: Denied
    }),
    Rpc.make("Small", { payload: { n: Schema.Int } })
  ],
  { validate: "always" }
) {}

const payload = (job: Job) => ({
  job,
  text: secret,
  bytes: new TextEncoder().encode(secret),
  redacted: Redacted.make(secret),
  nested: { list: [{ [secret]: secret }] }
})

const handlers = Effect.sync(() => {
  const state = { password: secret }
  return Vault.of({
    Do: ({ job }) => Effect.suspend(() => (state.password === secret ? job() : Effect.void)),
    Small: () => Effect.void
  })
})

const quick: Actor.Options = { shutdown: 0, backoff: { base: 100, jitter: false } }

const spawn = (options: Actor.Options = {}) => Actor.spawn(Vault, handlers, { ...quick, ...options })

type VaultHandle = Vault["Service"]
const ask = (vault: VaultHandle, job: Job, options?: Actor.SendOptions) => vault.ask.Do(payload(job), options)
const tell = (vault: VaultHandle, job: Job, options?: Actor.SendOptions) => vault.tell.Do(payload(job), options)

const nothing: Job = () => Effect.void
const settled = Effect.repeat(Effect.yieldNow, { times: 60 })
const pass = (millis: number) => Effect.andThen(Effect.andThen(settled, TestClock.adjust(millis)), settled)
const beside = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.tap(Effect.forkChild(Effect.exit(effect), { startImmediately: true }), () => settled)

/** Defects in all forms in which they like to quote. */
const defects: ReadonlyArray<() => unknown> = [
  boom,
  () => secret,
  () => ({ secret }),
  () => [secret],
  () => new Error(secret, { cause: new Error(secret) }),
  () => new AggregateError([new Error(secret)], secret),
  () => Object.assign(new Error("plain"), { token: secret }),
  () => Object.assign(new Error(secret), { name: secret }),
  () => new Denied({ why: secret }),
  () => new Error(`first\n    at ${secret}\n    at ${secret}:1:1`)
]

describe("secrets", () => {
  it.effect("are found by the search wherever they come out, so that it is one", () =>
    Effect.gen(function* () {
      const leaks: ReadonlyArray<Effect.Effect<unknown>> = [
        Effect.log(secret),
        Effect.log({ deep: { deep: { deep: { deep: [secret] } } } }),
        Effect.logError("x", Cause.die(new Error(secret))),
        Effect.annotateLogs(Effect.log("x"), "y", { secret }),
        Effect.withSpan(Effect.void, `ryker.${secret}`),
        Effect.withSpan(Effect.void, "ryker.x", { attributes: { y: { secret } } }),
        Effect.exit(Effect.withSpan(Effect.die(new Error("x", { cause: new Error(secret) })), "ryker.x")),
        Metric.update(Metric.counter("x", { attributes: { y: secret } }), 1)
      ]
      for (const leak of leaks) {
        const { texts } = yield* observe(() => leak)
        assert.isTrue(
          texts.some((text) => text.includes(secret)),
          String(leaks.indexOf(leak))
        )
      }
    })
  )

  it.effect.each(Object.entries(scenarios))("stay inside: %s", ([, { run }]) =>
    Effect.gen(function* () {
      const { texts } = yield* observe((texts) =>
        Effect.map(record(run, loud, loggersInto(texts)), ({ events }) => {
          for (const event of events) texts.push(seen(event))
        })
      )
      assertKept(texts)
    })
  )

  it.effect("stay inside, whatever becomes of a message", () =>
    Effect.gen(function* () {
      const errors = new Set<string>()
      const reasons = new Set<string>()
      const { events, spans, texts } = yield* observe((texts) =>
        Effect.gen(function* () {
          /** The error that the sender gets, which is not one of the handler's own. */
          const failing = <A, E, R>(send: Effect.Effect<A, E, R>) =>
            Effect.map(Effect.exit(send), (exit) => {
              if (Exit.isSuccess(exit)) return
              const error: unknown = Cause.squash(exit.cause)
              if (error instanceof Denied) return
              errors.add((error as { readonly _tag: string })._tag)
              texts.push(seen(error), seen(exit), Cause.pretty(exit.cause))
            })
          yield* beside(Stream.runForEach(Ryker.events, (event) => Effect.sync(() => texts.push(seen(event)))))
          yield* beside(
            Stream.runForEach(Ryker.deadLetters, (letter) =>
              Effect.sync(() => {
                reasons.add(letter.reason)
                texts.push(seen(letter))
              })
            )
          )
          const outer = Effect.withSpan("ryker.test.outer")

          // Busy, and deadlines of what is queued.
          const full = yield* spawn({ capacity: 1 })
          yield* Actor.suspend(full)
          const queued = yield* beside(failing(ask(full, nothing)).pipe(outer))
          yield* failing(tell(full, nothing)).pipe(outer)
          yield* failing(ask(full, nothing, { deadline: 0 })).pipe(outer)
          texts.push(seen(full), seen(yield* Actor.status(full)))
          yield* pass(1_000)
          yield* Fiber.join(queued)
          const gone = yield* beside(failing(ask(full, nothing)))
          yield* Fiber.interrupt(gone)
          yield* tell(full, nothing)
          yield* Actor.stop(full, { deadline: 0 })
          yield* failing(ask(full, nothing)).pipe(outer)

          // While it runs: a deadline, an interruption, a typed failure, a crash, a stop.
          const busy = yield* spawn({ capacity: 10, intensity: { restarts: 1_000 } })
          const running = yield* beside(failing(ask(busy, () => Effect.never)))
          yield* pass(1_000)
          yield* Fiber.join(running)
          const late: Job = () => Effect.onInterrupt(Effect.never, () => Effect.die(boom()))
          const dying = yield* beside(failing(ask(busy, late)))
          yield* pass(1_000)
          yield* Fiber.join(dying)
          yield* pass(10_000)
          yield* Effect.exit(ask(busy, () => new Denied({ why: secret })))
          for (const defect of defects) {
            yield* pass(10_000)
            yield* failing(ask(busy, () => Effect.die(defect()))).pipe(outer)
            yield* pass(10_000)
            yield* failing(
              ask(busy, () => {
                throw defect()
              })
            )
            yield* pass(10_000)
            yield* Actor.dispatch(busy, { tag: "Small", payload: { n: secret } }).pipe(failing)
          }
          // What does not fit.
          yield* failing(busy.tell.Small({ n: secret as unknown as number }))
          yield* failing(busy.tell.Do({ ...payload(nothing), text: secret.repeat(1_000_000) }))
          yield* failing(busy.tell.Do({ ...payload(nothing), nested: secret as never }))
          yield* pass(10_000)
          yield* failing(ask(busy, () => Effect.orDie(ask(busy, nothing)) as ReturnType<Job>))
          yield* pass(10_000)
          const self: Job = () =>
            Effect.gen(function* () {
              yield* failing(ask(busy, nothing))
            })
          yield* ask(busy, self)
          // Turns of its own.
          yield* ask(busy, () =>
            Effect.orDie(Effect.flatMap(Actor.timers, (timers) => timers.single("x", 1, Effect.die(boom()))))
          )
          yield* pass(10_000)

          // A stash that is full, and poison.
          const stashing = yield* spawn({ stash: 0 })
          yield* failing(ask(stashing, () => Actor.stash))
          const poisoned = yield* spawn({ redeliver: 1, intensity: { restarts: 2, window: "1 hour" } })
          const poison = yield* beside(failing(ask(poisoned, () => Effect.die(boom()), { deadline: "1 minute" })))
          yield* pass(10_000)
          yield* Fiber.join(poison)
          yield* tell(poisoned, () => Effect.die(boom()))
          yield* pass(10_000)
          yield* failing(ask(poisoned, nothing))

          // What has ended and is not restarted.
          const mortal = yield* spawn({ restart: "temporary" })
          yield* tell(mortal, () => Effect.die(boom()))
          yield* tell(mortal, nothing)
          yield* settled

          // Starts and ends that fail.
          yield* failing(Actor.spawn(Vault, Effect.die(boom()), quick))
          yield* Effect.exit(Actor.spawn(Vault, Effect.fail(new Denied({ why: secret })), quick))
          const finalizer = Effect.addFinalizer(() => Effect.die(boom()))
          const unclean = yield* Actor.spawn(Vault, Effect.andThen(finalizer, handlers), quick)
          yield* Actor.stop(unclean)
          yield* Effect.scoped(
            Effect.gen(function* () {
              const services = yield* Layer.build(
                Supervisor.layer("Tree", {
                  children: [Vault.toLayer(handlers, { ...quick, intensity: { restarts: 0 } })],
                  intensity: { restarts: 0 }
                })
              )
              yield* failing(ask(Context.get(services, Vault), () => Effect.die(boom())))
              yield* pass(10_000)
            })
          )

          // A reload that is refused. The wrong value of a known key is shown, the value of an unknown one is not.
          yield* failing(Ryker.reload({ defaults: { [`deadlines`]: secret } } as never))
          yield* failing(Ryker.reload({ [`passwords`]: { of: secret } } as never))
          yield* Effect.exit(Ryker.reload(Effect.die(boom())))
          texts.push(seen(yield* Ryker.config), seen(yield* Ryker.ledger))

          const last = yield* spawn()
          yield* tell(last, () => Effect.never)
          yield* tell(last, nothing)
          const draining = yield* beside(Ryker.drain("1 second"))
          yield* pass(1_000)
          texts.push(seen(yield* Fiber.join(draining)))
        }).pipe(Effect.scoped, Effect.provide(Layer.fresh(Ryker.layerWith(loud))))
      )
      assertKept(texts)
      // It is a test of what has happened, so all of it must have.
      assert.sameMembers(
        [...errors],
        [
          "Busy",
          "Timeout",
          "Crashed",
          "Stopped",
          "TooLarge",
          "InvalidMessage",
          "Deadlock",
          "StartError",
          "InvalidConfig"
        ]
      )
      assert.sameMembers(
        [...reasons],
        ["deadline", "interrupted", "shutdown", "capacity", "poison", "rapid_fail", "closed"]
      )
      for (const event of [
        "actor_crashed",
        "actor_start_failed",
        "actor_restarting",
        "actor_stopped",
        "finalizer_failed",
        "supervisor_failed",
        "root_failed",
        "config_refused",
        "drain_finished"
      ]) {
        assert.include([...events], event)
      }
      for (const outcome of ["ok", "error", "timeout", "crash", "interrupted", "stashed"]) {
        assert.include([...spans], `ryker.actor.handle ${outcome}`)
      }
      for (const outcome of ["accepted", "busy", "too_large", "stopped", "timeout", "deadlock", "invalid"]) {
        assert.include([...spans], `ryker.mailbox.enqueue ${outcome}`)
      }
      for (const span of ["ryker.actor.restart ok", "ryker.config.reload refused", "ryker.drain incomplete"]) {
        assert.include([...spans], span)
      }
    })
  )
})

describe("secrets in settings", () => {
  /** Files in which a secret stands where none is meant to be, whole ones and broken ones. */
  const files: ReadonlyArray<readonly [(typeof formats)[number], string]> = [
    ["toml", `[defaults]\npassword = "${secret}"\n`],
    ["toml", `[database]\nurl = "postgres://user:${secret}@host/"\n`],
    ["toml", `token = "${secret}"\n`],
    ["toml", `[defaults]\ndeadline = "1s\npassword = "${secret}\n`],
    ["toml", `[defaults]\n${secret}\n`],
    ["toml", `[defaults]\ndeadline = { a = "${secret}" }\n`],
    ["json", `{"defaults":{"password":"${secret}"}}`],
    ["json", `{"defaults":{"deadline":"1s" "${secret}"}}`],
    ["json", `{"token":"${secret}"}`],
    ["json", secret],
    ["yaml", `defaults:\n  password: ${secret}\n`],
    ["yaml", `defaults: "${secret}"\n`],
    ["yaml", `defaults:\n  deadline: 1s\n ${secret}: [\n`],
    ["yaml", `- ${secret}\n`]
  ]

  const outcomeOf = (text: Exit.Exit<unknown, unknown>): string =>
    [
      seen(text),
      Exit.isFailure(text) ? Cause.pretty(text.cause) : "",
      Exit.isFailure(text) ? seen(Cause.squash(text.cause)) : ""
    ].join("\n")

  it.effect.each(files)("of a file (%s) are not shown: %s", ([format, text]) =>
    Effect.gen(function* () {
      const at = yield* folderWith({ [`a.${format}`]: text })
      const file = at(`a.${format}`)
      const none = ConfigProvider.layer(ConfigProvider.fromEnv({ env: {} }))
      const { texts } = yield* observe((texts) =>
        Effect.gen(function* () {
          const start = yield* Effect.exit(
            Effect.scoped(Layer.build(Layer.fresh(Ryker.layerConfig({ ...loud, file }))))
          )
          assert.isTrue(Exit.isFailure(start))
          texts.push(outcomeOf(start))
          const reload = Ryker.reload(RykerConfig.load({ file })).pipe(
            Effect.exit,
            Effect.provide(Layer.fresh(Ryker.layerWith(loud)))
          )
          texts.push(outcomeOf(yield* reload))
        }).pipe(Effect.provide(Layer.merge(none, Files)))
      )
      for (const args of [
        ["config", "print", "--file", file],
        ["config", "check", "--file", file],
        ["config", "check", "--format", "json", "--file", file],
        ["config", "diff", file, file]
      ]) {
        const { stderr, stdout } = yield* ryker(args)
        texts.push(stdout, stderr)
      }
      assertKept(texts)
    })
  )

  it.effect("of the environment are not shown, whoever's they are", () =>
    Effect.gen(function* () {
      const env = {
        RYKER_PASSWORD: secret,
        RYKER_DEFAULT_DEADLINES: secret,
        DATABASE_URL: `postgres://user:${secret}@host/`,
        AWS_SECRET_ACCESS_KEY: secret
      }
      const { texts } = yield* observe((texts) =>
        Effect.gen(function* () {
          const start = yield* Effect.exit(Effect.scoped(Layer.build(Layer.fresh(Ryker.layerConfig(loud)))))
          assert.isTrue(Exit.isFailure(start))
          texts.push(outcomeOf(start))
        }).pipe(Effect.provide(Layer.merge(ConfigProvider.layer(ConfigProvider.fromEnv({ env })), Files)))
      )
      for (const args of [
        ["config", "print"],
        ["config", "check"],
        ["config", "check", "--format", "json"]
      ]) {
        const { code, stderr, stdout } = yield* ryker(args, { env })
        assert.notStrictEqual(code, 0)
        texts.push(stdout, stderr)
      }
      assertKept(texts)
    })
  )

  it.effect("a wrong value of a key that is known is shown: it is how an operator finds it", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Ryker.reload({ defaults: { deadline: secret } }).pipe(Effect.provide(Layer.fresh(Ryker.layerWith({}))))
      )
      assert.instanceOf(error, RykerError.InvalidConfig)
      assert.include(error.message, secret)
    }).pipe(Effect.provide(Logger.layer([])))
  )
})
