/**
 * Probes: actors that record what they get, and answer as the test says.
 *
 * **Details**
 *
 * A probe has the definition, and so the protocol and the handle, of the actor in whose place it stands. {@link make} starts one
 * in the test's Scope, {@link layer} is one as a Layer, in the place of the real one, also in a supervision tree or for a keyed family.
 *
 * Expectations look at each message once, in order. `within` is virtual time. The probe moves the `TestClock` itself, as nobody else
 * would while the test waits for it, and stops it in the moment in which the message comes; without `within` no time passes.
 *
 * A failed expectation shows the payloads of what came instead. They are the test's own data, and without them it would say little;
 * `Redacted` values stay hidden.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Actor from "../Actor.ts"
import { findDefinition } from "../internal/definition.ts"
import * as Protocol from "../internal/protocol.ts"
import type * as Keyed from "../Keyed.ts"
import type { Ryker } from "../Ryker.ts"
import type { InvalidOption, StartError } from "../RykerError.ts"
import { ProbeCore, type Script as AnyScript } from "./internal/probeCore.ts"
import type { Recorder } from "./internal/recorder.ts"
import { recorderOf, TestRyker } from "./internal/service.ts"
import { TestFailure } from "./TestFailure.ts"

/**
 * A message that a probe got.
 *
 * @category models
 * @since 0.1.0
 */
export type Received<M extends Actor.Message> = M extends Actor.Message
  ? {
      readonly tag: M["_tag"]
      readonly payload: Protocol.Payload<M>
      /** The address of the actor that got it. */
      readonly actor: string
      /** The id, if that is a keyed actor. */
      readonly id: string | undefined
      readonly incarnation: number
      /** When it was taken from the mailbox, in milliseconds of virtual time. */
      readonly time: number
      /**
       * Answers a message for which there was no script: with a reply, a typed failure, or a defect, which crashes the
       * probe. False if it was answered already.
       */
      readonly answer: (answer: Answer<M>) => Effect.Effect<boolean>
    }
  : never

/**
 * An answer to a message: `Effect.succeed(reply)`, one of the message's errors, `Effect.die(defect)` for a crash, `Effect.never`, or any
 * other effect.
 *
 * @category models
 * @since 0.1.0
 */
export type Answer<M extends Actor.Message> = Effect.Effect<Protocol.Reply<M>, Protocol.DomainError<M>>

/**
 * What a probe answers to messages of one tag: all of them, by a function of the payload, as a handler does; or one each, by a list of
 * answers and such functions.
 *
 * @category models
 * @since 0.1.0
 */
export type Script<M extends Actor.Message> = Respond<M> | ReadonlyArray<Answer<M> | Respond<M>>

type Respond<M extends Actor.Message> = (payload: Protocol.Payload<M>) => Answer<M>

/**
 * What a probe answers, by tag.
 *
 * **Details**
 *
 * A message for which there is no script, or none any more, is answered at once if its reply is `void`. Any other waits, as in its
 * handler, until the test calls `answer` of what `expectMessage` gives, or until its deadline; those behind it wait, too, as with any
 * actor.
 *
 * @category models
 * @since 0.1.0
 */
export type Replies<M extends Actor.Message> = {
  readonly [Current in M as Current["_tag"]]?: Script<Current> | undefined
}

/**
 * Options of a probe: those of an actor, and what it answers.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<M extends Actor.Message> extends Omit<Actor.Options, "amnesia"> {
  // The definition says which messages there are, not the replies.
  readonly replies?: NoInfer<Replies<M>> | undefined
}

/**
 * How long an expectation waits.
 *
 * @category models
 * @since 0.1.0
 */
export interface Within {
  /** In virtual time. Default: no time passes. */
  readonly within?: Duration.Input | undefined
}

/**
 * What a test sees of a probe.
 *
 * @category models
 * @since 0.1.0
 */
export interface TestProbe<M extends Actor.Message> {
  /** The definition's name. */
  readonly actor: string
  /** All messages so far, the oldest first, whether an expectation has looked at them or not. */
  readonly received: Effect.Effect<ReadonlyArray<Received<M>>>
  /** The next message must be of this tag, and have this payload or one that the predicate accepts. */
  readonly expectMessage: <Tag extends M["_tag"]>(
    tag: Tag,
    match?:
      | Protocol.Payload<Extract<M, { readonly _tag: Tag }>>
      | ((payload: Protocol.Payload<Extract<M, { readonly _tag: Tag }>>) => boolean),
    options?: Within
  ) => Effect.Effect<Received<Extract<M, { readonly _tag: Tag }>>, TestFailure>
  /** No message may come for so long, besides those that expectations have looked at. */
  readonly expectNoMessage: (within?: Duration.Input) => Effect.Effect<void, TestFailure>
  /** The first message that the function accepts. Those before it are passed over, and count as looked at. */
  readonly fishFor: (
    isWanted: (message: Received<M>) => boolean,
    options?: Within
  ) => Effect.Effect<Received<M>, TestFailure>
  /** Adds a list of answers to those that wait, or replaces the answer to all messages of the tag. */
  readonly script: <Tag extends M["_tag"]>(
    tag: Tag,
    script: Script<Extract<M, { readonly _tag: Tag }>>
  ) => Effect.Effect<void>
}

/**
 * A probe that {@link make} started.
 *
 * @category models
 * @since 0.1.0
 */
export interface Started<Self_, M extends Actor.Message, Invalid> extends TestProbe<M> {
  /** The way to the probe. */
  readonly handle: Actor.Handle<M, Invalid>
  /** The probe in the place of the real actor, for what is to be tested. */
  readonly layer: Layer.Layer<Self_>
}

/**
 * Starts a probe in the current Scope.
 *
 * **When to use**
 *
 * For one actor that the test's subject sends to. Where the subject is a Layer that has the other's Layer in it, use {@link layer}.
 *
 * **Details**
 *
 * Fails with `InvalidOption` and `StartError` as `Actor.spawn` does.
 *
 * **Example** (What a teller says to an account)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor } from "ryker"
 * import { TestProbe, TestRyker } from "ryker/testing"
 *
 * class Account extends Actor.Service<Account>()("Account", [
 *   Rpc.make("Withdraw", { payload: { amount: Schema.Finite }, success: Schema.Finite })
 * ]) {}
 *
 * // What is tested: it tries once more after a second.
 * const withdraw = Effect.gen(function*() {
 *   const account = yield* Account
 *   const ask = account.ask.Withdraw({ amount: 3 })
 *   return yield* Effect.catchTag(ask, "Crashed", () => Effect.delay(ask, "1 second"))
 * })
 *
 * const test = Effect.gen(function*() {
 *   const account = yield* TestProbe.make(Account, { replies: { Withdraw: [Effect.die("broken"), Effect.succeed(7)] } })
 *   yield* Effect.forkChild(Effect.provide(withdraw, account.layer))
 *   yield* account.expectMessage("Withdraw", { amount: 3 })
 *   yield* account.expectNoMessage("999 millis")
 *   const again = yield* account.expectMessage("Withdraw", ({ amount }) => amount > 0, { within: "1 second" })
 *   console.log(again.time, again.incarnation) // => 1000 2
 *   const failure = yield* Effect.flip(account.expectMessage("Withdraw"))
 *   console.log(failure.message.split("\n")[0])
 *   // => The probe of "Account" expected Withdraw without time passing, but no message came.
 * })
 *
 * await Effect.runPromise(Effect.scoped(test).pipe(Effect.provide(TestRyker.layer())))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Self_, Name extends string, M extends Actor.Message, Invalid>(
  definition: Actor.ServiceClass<Self_, Name, M, Invalid>,
  options: Options<M> = {}
): Effect.Effect<Started<Self_, M, Invalid>, StartError | InvalidOption, Ryker | TestRyker | Scope.Scope> =>
  Effect.gen(function* () {
    const { replies, ...actorOptions } = options
    const core = newCore(recorderOf(yield* TestRyker), definition.actor, replies)
    const handle = yield* Actor.spawn(definition, buildOf<M>(core, definition.messages), withoutAmnesia(actorOptions))
    return { ...viewOf<M>(core), handle, layer: Layer.succeed(definition, handle) }
  })

/**
 * A probe as a Layer, in the place of the real actor or keyed family.
 *
 * **Details**
 *
 * {@link of} gives the probe. It starts, stops and is restarted as the real one would, under the same name. One probe stands for all
 * actors of a keyed family: `id` of a message says whose it was. Fails as the real Layer does, but for the errors of its `build`.
 *
 * **Example** (A family of probes)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor } from "ryker"
 * import { TestProbe, TestRyker } from "ryker/testing"
 *
 * class Accounts extends Actor.keyed<Accounts>()("Account", [
 *   Rpc.make("Deposit", { payload: { amount: Schema.Finite } })
 * ]) {}
 *
 * const test = Effect.gen(function*() {
 *   const accounts = yield* Accounts
 *   yield* accounts.get("ada").tell.Deposit({ amount: 1 })
 *   yield* accounts.get("bob").tell.Deposit({ amount: 2 })
 *   const probe = yield* TestProbe.of(Accounts)
 *   const deposit = yield* probe.fishFor(({ id }) => id === "bob")
 *   console.log(deposit.payload) // => { amount: 2 }
 * })
 *
 * await Effect.runPromise(test.pipe(
 *   Effect.provide(TestProbe.layer(Accounts)),
 *   Effect.provide(TestRyker.layer())
 * ))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <Self_, Name extends string, M extends Actor.Message, Invalid>(
  definition: Actor.ServiceClass<Self_, Name, M, Invalid> | Keyed.ServiceClass<Self_, Name, M, Invalid>,
  options: Options<M> = {}
): Layer.Layer<Self_, StartError | InvalidOption, Ryker | TestRyker> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { replies, ...actorOptions } = options
      const recorder = recorderOf(yield* TestRyker)
      const core = newCore(recorder, definition.actor, replies)
      recorder.probes.set(definition.actor, core)
      const build = buildOf<M>(core, definition.messages)
      return isFamily(definition)
        ? definition.toLayer(() => build, withoutAmnesia(actorOptions))
        : definition.toLayer(build, withoutAmnesia(actorOptions))
    })
  )

/**
 * The probe of a {@link layer}.
 *
 * **Details**
 *
 * Fails with a {@link TestFailure.TestFailure} if there is none of this definition.
 *
 * @see {@link layer} for an example
 *
 * @category getters
 * @since 0.1.0
 */
export const of = <M extends Actor.Message>(definition: {
  readonly actor: string
  readonly messages: ReadonlyArray<M>
}): Effect.Effect<TestProbe<M>, TestFailure, TestRyker> =>
  Effect.flatMap(TestRyker, (service) => {
    const core = recorderOf(service).probes.get(definition.actor)
    if (core instanceof ProbeCore) return Effect.succeed(viewOf<M>(core))
    const message = `There is no probe of "${definition.actor}": provide TestProbe.layer(${definition.actor})`
    return Effect.fail(new TestFailure({ kind: "probe", message }))
  })

const isFamily = <Self_, Name extends string, M extends Actor.Message, Invalid>(
  definition: Actor.ServiceClass<Self_, Name, M, Invalid> | Keyed.ServiceClass<Self_, Name, M, Invalid>
): definition is Keyed.ServiceClass<Self_, Name, M, Invalid> => findDefinition(definition) === undefined

/** What it recorded must not be overwritten. */
const withoutAmnesia = (options: Actor.Options): Actor.Options => ({ ...options, amnesia: false })

const newCore = <M extends Actor.Message>(
  recorder: Recorder,
  name: string,
  replies: Replies<M> | undefined
): ProbeCore => {
  const core = new ProbeCore(name, () => recorder.progress)
  recorder.faults.probes.add(name)
  for (const [tag, script] of Object.entries(replies ?? {})) {
    // The types of `Replies` say which payload and reply it has.
    if (script !== undefined) core.script(tag, script as AnyScript | ReadonlyArray<AnyScript>)
  }
  return core
}

/** Handlers that need nothing. */
type ProbeHandlers<M extends Actor.Message> = {
  readonly [Current in M as Current["_tag"]]: (payload: Protocol.Payload<Current>) => Answer<Current>
}

const buildOf = <M extends Actor.Message>(
  core: ProbeCore,
  messages: ReadonlyArray<M>
): Effect.Effect<ProbeHandlers<M>, never, Actor.Self> => {
  const { specs } = new Protocol.Protocol(messages)
  // A handler for each message of the protocol, by its tag; the scripts answer with what their types say.
  return Effect.map(Actor.self, (self) => core.handlers(specs, self) as unknown as ProbeHandlers<M>)
}

/** The core with the types of the protocol. */
const viewOf = <M extends Actor.Message>(core: ProbeCore): TestProbe<M> =>
  ({
    actor: core.name,
    received: Effect.sync(() => Array.from(core.received)),
    expectMessage: (tag: string, match?: unknown, options?: Within) => core.expectMessage(tag, match, options?.within),
    expectNoMessage: (within?: Duration.Input) => core.expectNoMessage(within),
    fishFor: (isWanted: (message: never) => boolean, options?: Within) =>
      core.fishFor(isWanted as (message: unknown) => boolean, options?.within),
    script: (tag: string, script: unknown) =>
      Effect.sync(() => core.script(tag, script as AnyScript | ReadonlyArray<AnyScript>))
    // The core knows tags, payloads and replies of this protocol and of no other.
  }) as unknown as TestProbe<M>
