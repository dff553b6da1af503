/** Records what happens to actors, as events and as log lines, for the tests of both. */
import { assert } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import * as Ryker from "../src/Ryker.ts"
import type { InvalidOption } from "../src/RykerError.ts"
import * as RykerEvent from "../src/RykerEvent.ts"
import { assertBalanced } from "./fixtures.ts"

// --- What the tests use -------------------------------------------------------------------------------------------------

/** It is in payloads, typed failures, defects and names of nothing: no event and no line may hold it. */
export const secret = "s3cr3t"

export class Boom extends Error {}
export const boom = () => new Boom(`${secret}\n    at ${secret} (${secret}.ts:1:1)`, { cause: secret })

export class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String }) {}
export const refuse = () => new Refused({ why: secret })

export type Job = () => Effect.Effect<unknown, Refused, Actor.Self | Ryker.Ryker | Scope.Scope>

const Run = Rpc.make("Run", {
  payload: {
    job: Schema.declare((value): value is Job => typeof value === "function"),
    note: Schema.String
  },
  success: Schema.Unknown,
  error: Refused
})
export type Handle = Actor.Handle<typeof Run>

export class A extends Actor.Service<A>()("A", [Run]) {}
export class B extends Actor.Service<B>()("B", [Run]) {}
export class C extends Actor.Service<C>()("C", [Run]) {}
export class Keys extends Actor.keyed<Keys>()("Keys", [Run]) {}

export const handlers = A.of({ Run: ({ job }) => job() })

export const tell = (actor: Handle, job: Job, options?: Actor.SendOptions) =>
  actor.tell.Run({ job, note: secret }, options)
export const ask = (actor: Handle, job: Job, options?: Actor.SendOptions) =>
  actor.ask.Run({ job, note: secret }, options)

/** Delays of 100, 200, 400 ms; closing waits for nobody. */
export const quick: Actor.Options = { backoff: { base: 100, jitter: false }, shutdown: 0 }

export type Build = Effect.Effect<typeof handlers, Refused, Actor.Self | Scope.Scope>

export const spawn = (options: Actor.Options = {}, build: Build = Effect.succeed(handlers)) =>
  Actor.spawn(A, build, { ...quick, ...options, name: "A" })

/** Lets all happen that can without time passing. */
export const settled: Effect.Effect<void> = Effect.repeat(Effect.yieldNow, { times: 60 })

export const pass = (millis: number) => Effect.andThen(Effect.andThen(settled, TestClock.adjust(millis)), settled)

export const start = <X, E, R>(effect: Effect.Effect<X, E, R>) =>
  Effect.tap(Effect.forkChild(Effect.exit(effect), { startImmediately: true }), () => settled)

export const never: Job = () => Effect.never
export const dies: Job = () => Effect.die(boom())
/** Interrupting it makes it die. */
export const diesWhenInterrupted: Job = () => Effect.onInterrupt(Effect.never, () => Effect.die(boom()))

export interface Line {
  readonly level: string
  readonly message: unknown
  readonly annotations: Readonly<Record<string, unknown>>
  /** Everything of the line that any logger could print. */
  readonly text: string
}

export interface Recording {
  readonly events: Array<RykerEvent.RykerEvent>
  readonly lines: Array<Line>
}

export const loggerInto = (lines: Array<Line>) =>
  Logger.make(({ cause, fiber, logLevel, message }) => {
    const annotations = fiber.getRef(References.CurrentLogAnnotations)
    const spans = fiber.getRef(References.CurrentLogSpans)
    const text = [Cause.pretty(cause), JSON.stringify([message, annotations, spans])].join(" ")
    lines.push({ level: logLevel, message, annotations, text })
  })

/** Runs a test and takes in all events and lines, those of the end included; `at` has how many came before the end. */
export const record = <X, E>(
  test: Effect.Effect<X, E, Ryker.Ryker | Scope.Scope>,
  options: Ryker.Options = {},
  loggers: ReadonlyArray<Logger.Logger<unknown, unknown>> = []
): Effect.Effect<Recording & { readonly at: number; readonly value: X }, E | InvalidOption> =>
  Effect.gen(function* () {
    const events: Array<RykerEvent.RykerEvent> = []
    const lines: Array<Line> = []
    const recorded = Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(Ryker.layerWith({ drainDeadline: 0, ...options }), scope)
      // The first settings are reported before anybody can subscribe.
      const [first, ...others] = lines.splice(0).map(({ annotations }) => annotations["event"])
      assert.deepStrictEqual([first, ...others], ["config_applied"])
      const subscriber = yield* start(
        Effect.provide(
          Stream.runForEach(Ryker.events, (event) => Effect.sync(() => events.push(event))),
          context
        )
      )
      const [value, at] = yield* Effect.scoped(
        Effect.gen(function* () {
          const value = yield* test
          yield* settled
          return [value, events.length] as const
        })
      ).pipe(
        Effect.tap(() => assertBalanced),
        Effect.provide(context)
      )
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(subscriber)
      return { events, lines, at, value }
    })
    return yield* recorded.pipe(
      Effect.provide(Logger.layer([loggerInto(lines), ...loggers])),
      Effect.provideService(References.MinimumLogLevel, "All")
    )
  })

/** `ActorCrashed` becomes `actor_crashed`. */
export const snake = (tag: string) => tag.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).slice(1)

export const durations = new Set(["delay", "waited", "elapsed", "limit"])

/** What the one log line of an event must be annotated with. */
const annotationsFor = ({ _tag, ...fields }: RykerEvent.RykerEvent) => {
  const annotations = Object.entries(fields).filter(([key]) => key !== "time")
  return {
    lib: "ryker",
    event: snake(_tag),
    ...Object.fromEntries(annotations.map(([key, value]) => [durations.has(key) ? `${key}_ms` : key, value]))
  }
}

const isList = (value: unknown): value is ReadonlyArray<unknown> => Array.isArray(value)

/** An address, or a change of a setting. */
const showItem = (item: unknown): string =>
  typeof item === "string" ? item : Object.values(item as Record<string, unknown>).join(" ")

/** An event and its level on one line, without the time and place. */
export const show = (event: RykerEvent.RykerEvent, level: string) => {
  const { _tag, actor, ...fields } = event
  const rest = Object.entries(fields)
    .filter(([key]) => key !== "at" && key !== "time")
    .map(([key, value]) => `${key}=${isList(value) ? value.map(showItem).join(",") : String(value)}`)
  return [level, _tag, actor, ...rest.toSorted()].join(" ")
}

const encode = Schema.encodeUnknownSync(RykerEvent.RykerEvent)
const decode = Schema.decodeUnknownSync(RykerEvent.RykerEvent)

/** Each event is one line, in the same order, at home in its schema, and both keep secrets. */
export const assertAgree = ({ events, lines }: Recording): void => {
  assert.deepStrictEqual(
    lines.map(({ annotations }) => annotations),
    events.map(annotationsFor)
  )
  for (const [index, event] of events.entries()) {
    assert.deepStrictEqual(lines[index]!.message, [`${event.actor}: ${snake(event._tag)}`])
    const encoded: unknown = JSON.parse(JSON.stringify(encode(event)))
    assert.deepStrictEqual(encoded, event)
    assert.deepStrictEqual(decode(encoded), event)
    assert.notInclude(JSON.stringify(event), secret)
    if ("at" in event) assert.match(event.at, /^$|^at .*\.ts:\d+:\d+\)?$/)
  }
  for (const { text } of lines) assert.notInclude(text, secret)
}
