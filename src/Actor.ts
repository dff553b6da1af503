/**
 * Typed actors: a protocol of messages, handlers with private state, a bounded mailbox, and a
 * supervisor that restarts them.
 *
 * **Details**
 *
 * - An actor handles one message at a time, in the order of arrival for each sender.
 * - `tell` sends and goes on; `ask` waits for the answer. Neither ever waits for room: a full mailbox
 *   is the error `Busy`.
 * - A handler's typed failure is an answer. A defect is a crash: the asker gets `Crashed`, the Scope
 *   of the incarnation closes, and after a backoff `build` runs again. The queue is kept in order.
 * - More crashes than the restart intensity allows end the actor: `Stopped { reason: "RapidFail" }`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Deadline from "./Deadline.ts"
import type { ActorCell } from "./internal/actorCell.ts"
import type { CellOptions } from "./internal/cell.ts"
import { type Definition, define, definitionOf } from "./internal/definition.ts"
import { withoutStack } from "./internal/errors.ts"
import { type HandleImpl, Handles, implOf, type TypeId } from "./internal/handle.ts"
import { describeIssue } from "./internal/issue.ts"
import { policyOf } from "./internal/options.ts"
import { Pool } from "./internal/pool.ts"
import * as Protocol from "./internal/protocol.ts"
import { emit } from "./internal/report.ts"
import { type Group, type Runtime, Ryker, runtimeOf } from "./internal/runtime.ts"
import { Self, selfOf } from "./internal/self.ts"
import * as Restarting from "./internal/restarting.ts"
import { ask } from "./internal/send.ts"
import { Services } from "./internal/services.ts"
import type { ActorSettings } from "./internal/settings.ts"
import { startScoped, surroundings } from "./internal/start.ts"
import { statusOf } from "./internal/status.ts"
import { awaitStopped as awaitCellStopped, stopBy } from "./internal/stopping.ts"
import {
  type AskError,
  InvalidMessage,
  type InvalidOption,
  type StartError,
  type StopReason,
  type TellError
} from "./RykerError.ts"

export {
  /**
   * Who the current actor is, for `build` and handlers.
   *
   * @category services
   * @since 0.1.0
   */
  Self
} from "./internal/self.ts"

export {
  /**
   * Defines a keyed family: actors of one protocol, by id, see `Keyed.Service`.
   *
   * @category constructors
   * @since 0.1.0
   */
  Service as keyed
} from "./Keyed.ts"

export { type Down, type Watch, type WatchOptions, onDown, watch } from "./internal/watching.ts"

export { type Timers, cancelReceiveTimeout, receiveTimeout, timers } from "./internal/actorTimers.ts"

export { correlationId, withCorrelationId } from "./internal/correlation.ts"

export { inspectable, stash, stopSelf, unstashAll } from "./internal/ownLife.ts"

// --- Types --------------------------------------------------------------------------------------------------------------

/**
 * One message of a protocol, made by `Rpc.make` of `effect/rpc`.
 *
 * @category models
 * @since 0.1.0
 */
export type Message = Protocol.Message

/**
 * A handler for each message: it gets the payload and gives the reply, or fails with the message's
 * own error.
 *
 * @category models
 * @since 0.1.0
 */
export type Handlers<M extends Message> = Protocol.Handlers<M>

/**
 * Options of one send.
 *
 * @category models
 * @since 0.1.0
 */
export interface SendOptions {
  /**
   * How long the message may take in all. An ask's deadline is the earliest of this, what is left of
   * the ask being served, and the actor's default; a tell has one only if it is given here.
   */
  readonly deadline?: Duration.Input | undefined
}

/**
 * Options of one ask that gives a promise.
 *
 * @category models
 * @since 0.1.0
 */
export interface PromiseOptions extends SendOptions {
  /** Ends the ask when it is aborted, as an interruption does: see `Handle.askPromise`. */
  readonly signal?: AbortSignal | undefined
}

/**
 * What a send takes: nothing, or the payload, and options.
 *
 * @category models
 * @since 0.1.0
 */
export type SendArgs<M extends Message, Options = SendOptions> = [Protocol.Payload<M>] extends [void]
  ? unknown extends Protocol.Payload<M>
    ? // Only `any` passes for both void and unknown; it is a payload.
      [payload: Protocol.Payload<M>, options?: Options]
    : [payload?: void, options?: Options]
  : [payload: Protocol.Payload<M>, options?: Options]

/**
 * Any actor's handle, whatever its messages; also a supervisor's.
 *
 * @category models
 * @since 0.1.0
 */
export interface Any {
  readonly [TypeId]: typeof TypeId
  /** The actor's address: its name, and what tells it from others of that name. */
  readonly address: string
}

/**
 * The way to an actor. It is logical: it follows the actor across restarts.
 *
 * **Details**
 *
 * `Invalid` is `InvalidMessage` for actors defined with `validate: "always"`, otherwise `never`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Handle<M extends Message, Invalid = never> extends Any {
  /**
   * Sends and waits for the answer. It settles exactly once, with the reply, the message's own error,
   * or an `AskError`, and never later than the deadline. Interrupting it takes the message out of
   * the mailbox, or interrupts its handler.
   */
  readonly ask: {
    readonly [Current in M as Current["_tag"]]: (
      ...args: SendArgs<Current>
    ) => Effect.Effect<Protocol.Reply<Current>, Protocol.DomainError<Current> | AskError | Invalid>
  }
  /** Sends and goes on. What the handler gives, also a typed failure, is ignored; a crash is logged. */
  readonly tell: {
    readonly [Current in M as Current["_tag"]]: (...args: SendArgs<Current>) => Effect.Effect<void, TellError | Invalid>
  }
  /**
   * The same as `tell` for code that runs no effects: gives why the message was refused, or undefined
   * when it is in the mailbox.
   *
   * **When to use**
   *
   * In callbacks: of an event emitter, a socket, a stream, a library. Within Effect use `tell`, whose errors
   * cannot be overlooked.
   *
   * **Details**
   *
   * Bound, size, books and deadline are those of `tell`; there is no fiber and no promise. Called while a fiber
   * runs, as in an `Effect.sync` of a handler, it sends on that fiber's behalf, with its correlation id.
   *
   * **Gotchas**
   *
   * A caller that does not look at what it gives loses messages without noticing: the ledger counts them as refused.
   *
   * **Example** (Messages of an event emitter)
   *
   * ```ts
   * import { Effect, Schema } from "effect"
   * import { Rpc } from "effect/rpc"
   * import { EventEmitter } from "node:events"
   * import { Actor, Ryker } from "ryker"
   *
   * class Meter extends Actor.Service<Meter>()("Meter", [
   *   Rpc.make("Read", { payload: { value: Schema.Finite } })
   * ]) {}
   *
   * const MeterLayer = Meter.toLayer({ Read: () => Effect.void }, { capacity: 1 })
   *
   * const program = Effect.gen(function*() {
   *   const meter = yield* Meter
   *   const device = new EventEmitter()
   *   device.on("value", (value: number) => {
   *     const refused = meter.tellUnsafe.Read({ value })
   *     if (refused !== undefined) console.log(`${value}: ${refused._tag}`) // => 2: Busy
   *   })
   *   device.emit("value", 1)
   *   device.emit("value", 2)
   * })
   *
   * await Effect.runPromise(program.pipe(Effect.provide(MeterLayer), Effect.provide(Ryker.layer)))
   * ```
   */
  readonly tellUnsafe: {
    readonly [Current in M as Current["_tag"]]: (...args: SendArgs<Current>) => TellError | Invalid | undefined
  }
  /**
   * The same as `ask` for code that runs no effects: a promise of the reply.
   *
   * **When to use**
   *
   * In an `async` function of a framework that is not Effect's: a request handler, a job, a test of another
   * kind. Where the caller decides by the error, {@link Handle.askPromiseExit} has its type.
   *
   * **Details**
   *
   * - It is rejected with the message's own error or the `AskError`, as `Effect.runPromise` would.
   * - It is settled no later than the deadline, with or without a `signal`.
   * - When `signal` is aborted, it is rejected with the signal's reason at once, and the message is taken out of the
   *   mailbox, or its handler interrupted. A signal that is aborted already sends nothing.
   * - There is no fiber. Called while a fiber runs, it asks on that fiber's behalf: an ask that would close a
   *   cycle is refused with `Deadlock`, and what is left of the ask being served bounds the deadline.
   *
   * **Example** (A request handler)
   *
   * ```ts
   * import { Effect, Schema } from "effect"
   * import { Rpc } from "effect/rpc"
   * import { Actor, Ryker } from "ryker"
   *
   * class Prices extends Actor.Service<Prices>()("Prices", [
   *   Rpc.make("Of", { payload: { item: Schema.String }, success: Schema.Finite }),
   *   Rpc.make("Guess", { success: Schema.Finite })
   * ]) {}
   *
   * const PricesLayer = Prices.toLayer({ Of: ({ item }) => Effect.succeed(item.length), Guess: () => Effect.never })
   *
   * const program = Effect.gen(function*() {
   *   const prices = yield* Prices
   *   const handle = async (item: string, signal: AbortSignal) => `${item}: ${await prices.askPromise.Of({ item }, { signal })}`
   *   const { signal } = new AbortController()
   *   console.log(yield* Effect.promise(() => handle("tea", signal))) // => tea: 3
   *   const gone = AbortSignal.abort(new Error("the client is gone"))
   *   yield* Effect.promise(() => handle("tea", gone).catch((error: Error) => console.log(error.message))) // => the client is gone
   *   const late = prices.askPromise.Guess(undefined, { deadline: "10 millis" })
   *   yield* Effect.promise(() => late.catch((error: Error) => console.log(error.name))) // => ryker/Timeout
   * })
   *
   * await Effect.runPromise(program.pipe(Effect.provide(PricesLayer), Effect.provide(Ryker.layer)))
   * ```
   */
  readonly askPromise: {
    readonly [Current in M as Current["_tag"]]: (
      ...args: SendArgs<Current, PromiseOptions>
    ) => Promise<Protocol.Reply<Current>>
  }
  /**
   * The same as `askPromise`, which is never rejected: a promise of the `Exit`, with the errors in its type.
   * An aborted `signal` gives an interruption.
   *
   * **Example** (Which status a request gets)
   *
   * ```ts
   * import { Cause, Effect, Exit, Option, Schema } from "effect"
   * import { Rpc } from "effect/rpc"
   * import { Actor, Ryker } from "ryker"
   *
   * class Greeter extends Actor.Service<Greeter>()("Greeter", [Rpc.make("Greet", { success: Schema.String })]) {}
   *
   * const program = Effect.gen(function*() {
   *   const greeter = yield* Greeter
   *   const handle = async (): Promise<number> => {
   *     const exit = await greeter.askPromiseExit.Greet()
   *     if (Exit.isSuccess(exit)) return 200
   *     const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
   *     return error?._tag === "Busy" ? 503 : 500
   *   }
   *   console.log(yield* Effect.promise(handle)) // => 200
   * })
   *
   * await Effect.runPromise(program.pipe(
   *   Effect.provide(Greeter.toLayer({ Greet: () => Effect.succeed("hello") })),
   *   Effect.provide(Ryker.layer)
   * ))
   * ```
   */
  readonly askPromiseExit: {
    readonly [Current in M as Current["_tag"]]: (
      ...args: SendArgs<Current, PromiseOptions>
    ) => Promise<Exit.Exit<Protocol.Reply<Current>, Protocol.DomainError<Current> | AskError | Invalid>>
  }
}

/**
 * How an actor is run. Whatever is left out has the default of `Ryker.layerWith`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** How many messages may wait: a whole number from 1 to 1,048,576. Default 256. */
  readonly capacity?: number | undefined
  /** How many messages may be put aside with `Actor.stash`: a whole number from 0 to 1,048,576. Default `capacity`. */
  readonly stash?: number | undefined
  /**
   * How often a message whose handler crashed is delivered again, first after the restart: a whole
   * number from 0. After that many more crashes it is a dead letter (`"poison"`). Default 0: it is
   * consumed by the first crash. Only for handlers that may run twice; not for temporary actors.
   */
  readonly redeliver?: number | undefined
  /** The largest payload in bytes: a whole number of at least 1. Default 65,536. */
  readonly maxMessageBytes?: number | undefined
  /** How long an ask may take in all: at least 1 ms, or `"Infinity"`. Default 1 second. */
  readonly deadline?: Duration.Input | undefined
  /**
   * When it is restarted, as in OTP: `"permanent"` always, `"transient"` after a crash and not after
   * `Actor.stopSelf`, `"temporary"` never. Default `"permanent"`.
   */
  readonly restart?: "permanent" | "transient" | "temporary" | undefined
  /**
   * Whether its end by itself may end its supervisor, see `autoShutdown` of `Supervisor.Options`. Only
   * for transient and temporary children. Default false.
   */
  readonly significant?: boolean | undefined
  /** How long `build` may take: at least 1 ms. Default 5 seconds. */
  readonly startTimeout?: Duration.Input | undefined
  /** How long it may work on when its Layer or Scope closes. Default 5 seconds, as in OTP. */
  readonly shutdown?: Duration.Input | undefined
  /** How long it waits before a restart, see `Backoff`. */
  readonly backoff?:
    | {
        /** The shortest delay: more than 0. Default 100 ms. */
        readonly base?: Duration.Input | undefined
        /** The longest delay: from `base` to one day. Default 5 seconds. */
        readonly cap?: Duration.Input | undefined
        /** Decorrelated jitter, or doubling. Default true. */
        readonly jitter?: boolean | undefined
      }
    | undefined
  /** How often it may be restarted, see `RestartWindow`. */
  readonly intensity?:
    | {
        /** Restarts within the window: a whole number of at least 0. Default 5. */
        readonly restarts?: number | undefined
        /** The window: at least 1 ms. Default 10 seconds. */
        readonly window?: Duration.Input | undefined
      }
    | undefined
  /**
   * Whether what a message held is overwritten once the message has left, whichever way: binary data with zeros,
   * and `Redacted` values are wiped. So a payload is given away when it is sent: of what is kept, sent on or sent
   * twice, make a copy. A reply that its asker gets is left alone; one that nobody takes is overwritten, too, so that
   * a handler answers with a copy of what it keeps. See `docs/security.md`. Default false.
   */
  readonly amnesia?: boolean | undefined
}

/**
 * Where an actor is in its life.
 *
 * **Details**
 *
 * | status | meaning |
 * | --- | --- |
 * | `Starting` | `build` runs; messages queue |
 * | `Running` | it handles messages |
 * | `Suspended` | it is ready, and begins no message until it is resumed; messages queue |
 * | `Restarting` | it closes its old Scope, backs off, or waits for its group; messages queue |
 * | `Stopping` | a stop was asked for; it works on until the stop's deadline |
 * | `Stopped` | the end |
 *
 * @category models
 * @since 0.1.0
 */
export type Status =
  | { readonly _tag: "Starting"; readonly incarnation: number; readonly queued: number }
  | { readonly _tag: "Running"; readonly incarnation: number; readonly queued: number; readonly busy: boolean }
  | { readonly _tag: "Suspended"; readonly incarnation: number; readonly queued: number; readonly busy: boolean }
  | {
      readonly _tag: "Restarting"
      readonly incarnation: number
      readonly queued: number
      /** Milliseconds until the next start; 0 while the old Scope closes. */
      readonly millisLeft: number
    }
  | { readonly _tag: "Stopping"; readonly reason: StopReason; readonly queued: number; readonly busy: boolean }
  | { readonly _tag: "Stopped"; readonly reason: StopReason }

/**
 * What the Layer of an actor needs besides the runtime: what `build` and the handlers need, less what
 * every actor has of itself.
 *
 * @category models
 * @since 0.1.0
 */
export type Requirements<Own, R> = Ryker | Exclude<R, Own | Self | Scope.Scope>

/**
 * The definition of an actor, and the service by which others reach it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServiceClass<Self_, Name extends string, M extends Message, Invalid> extends Context.Key<
  Self_,
  Handle<M, Invalid>
> {
  new (_: never): Context.ServiceClass.Shape<`ryker/Actor/${Name}`, Handle<M, Invalid>>
  /** The definition's name. */
  readonly actor: Name
  /** The messages. */
  readonly messages: ReadonlyArray<M>
  /** Gives the handlers back, with their types checked against the protocol. */
  readonly of: <H extends Handlers<M>>(handlers: H) => H
  /**
   * The actor as a Layer: started when the Layer is built, stopped when it closes.
   *
   * `build` runs at every start and restart, in a fresh Scope that closes before the next start. In it
   * and in the handlers, the definition itself gives the actor's own handle and `Actor.self` says who
   * it is. The Layer fails with `build`'s own error, `InvalidOption`, or `StartError`.
   */
  readonly toLayer: <H extends Handlers<M>, E = never, R = never>(
    build: H | Effect.Effect<H, E, R>,
    options?: Options
  ) => Layer.Layer<Self_, E | StartError | InvalidOption, Requirements<Self_, R | Protocol.HandlersServices<H>>>
}

// --- Constructors -------------------------------------------------------------------------------------------------------

/**
 * Defines an actor: its name and the messages it understands.
 *
 * **Details**
 *
 * The class is a service whose value is the actor's {@link Handle}. With `validate: "always"` every
 * payload is checked against its schema when it is sent, and sends can fail with `InvalidMessage`;
 * by default (`"boundary"`) the compiler is trusted, and only {@link dispatch} checks.
 *
 * The definition throws a `TypeError` for a tag that stands twice, and for a message that replies
 * with a stream.
 *
 * **Example** (An account)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Ryker } from "ryker"
 *
 * class Overdrawn extends Schema.TaggedError<Overdrawn>()("Overdrawn", { short: Schema.Finite }) {}
 *
 * class Account extends Actor.Service<Account>()("Account", [
 *   Rpc.make("Deposit", { payload: { amount: Schema.Finite } }),
 *   Rpc.make("Withdraw", { payload: { amount: Schema.Finite }, success: Schema.Finite, error: Overdrawn })
 * ]) {}
 *
 * const AccountLayer = Account.toLayer(Effect.sync(() => {
 *   let balance = 0
 *   return Account.of({
 *     Deposit: ({ amount }) => Effect.sync(() => { balance += amount }),
 *     Withdraw: ({ amount }) =>
 *       amount > balance
 *         ? new Overdrawn({ short: amount - balance })
 *         : Effect.sync(() => (balance -= amount))
 *   })
 * }))
 *
 * const program = Effect.gen(function*() {
 *   const account = yield* Account
 *   yield* account.tell.Deposit({ amount: 10 })
 *   console.log(yield* account.ask.Withdraw({ amount: 3 })) // => 7
 *   const error = yield* Effect.flip(account.ask.Withdraw({ amount: 30 }))
 *   console.log(error._tag) // => Overdrawn
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(AccountLayer), Effect.provide(Ryker.layer)))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const Service =
  <Self_>() =>
  <
    const Name extends string,
    const Messages extends ReadonlyArray<Message>,
    Validate extends "always" | "boundary" = "boundary"
  >(
    name: Name,
    messages: Messages,
    options?: { readonly validate?: Validate | undefined }
  ): ServiceClass<Self_, Name, Messages[number], Validate extends "always" ? InvalidMessage : never> => {
    type M = Messages[number]
    type Invalid = Validate extends "always" ? InvalidMessage : never
    const handles = new Handles(new Protocol.Protocol(messages))
    const key = Context.Service<Self_, Handle<M, Invalid>>()(`ryker/Actor/${name}`)
    const definition: Definition = { key, handles, validate: options?.validate === "always" }
    const statics = {
      actor: name,
      messages,
      of: <H extends Handlers<M>>(handlers: H): H => handlers,
      toLayer: <H extends Handlers<M>, E, R>(build: H | Effect.Effect<H, E, R>, options: Options = {}) =>
        Layer.effect(
          key,
          start<Self_, M, Invalid, H, E, R | Protocol.HandlersServices<H>>(
            definition,
            name,
            build,
            options,
            () => name,
            true
          )
        )
    }
    define(key, definition)
    return Object.assign(key, statics)
  }

/**
 * Starts an actor of a definition in the current Scope; it stops when the Scope closes.
 *
 * **When to use**
 *
 * For actors that come and go while the program runs. For actors that the program cannot be without,
 * use `toLayer`; for actors by id, `Actor.keyed`.
 *
 * **Details**
 *
 * The address is the name and a number (`"Account#1"`), unless `name` is given. Fails with `build`'s
 * own error, `InvalidOption`, or `StartError`.
 *
 * **Example** (An actor for as long as a Scope)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Ryker } from "ryker"
 *
 * class Counter extends Actor.Service<Counter>()("Counter", [
 *   Rpc.make("Next", { success: Schema.Int })
 * ]) {}
 *
 * const program = Effect.scoped(Effect.gen(function*() {
 *   const counter = yield* Actor.spawn(Counter, Effect.sync(() => {
 *     let n = 0
 *     return { Next: () => Effect.sync(() => ++n) }
 *   }))
 *   yield* counter.ask.Next()
 *   console.log(counter.address, yield* counter.ask.Next()) // => Counter#1 2
 * }))
 *
 * await Effect.runPromise(program.pipe(Effect.provide(Ryker.layer)))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const spawn = <
  Self_,
  Name extends string,
  M extends Message,
  Invalid,
  H extends Handlers<M>,
  E = never,
  R = never
>(
  definition: ServiceClass<Self_, Name, M, Invalid>,
  build: H | Effect.Effect<H, E, R>,
  options: Options & { readonly name?: string | undefined } = {}
): Effect.Effect<
  Handle<M, Invalid>,
  E | StartError | InvalidOption,
  Requirements<Self_, R | Protocol.HandlersServices<H>> | Scope.Scope
> =>
  start<Self_, M, Invalid, H, E, R | Protocol.HandlersServices<H>>(
    definitionOf(definition),
    definition.actor,
    build,
    options,
    (next) => options.name ?? next(),
    false
  )

/** What starting needs before a Layer has taken the Scope out. */
type Started<Own, R> = Requirements<Own, R> | Scope.Scope

const start = <Own, M extends Message, Invalid, H, E, R>(
  definition: Definition,
  name: string,
  build: H | Effect.Effect<H, E, R>,
  options: Options,
  addressOf: (next: () => string) => string,
  isVital: boolean
): Effect.Effect<Handle<M, Invalid>, E | StartError | InvalidOption, Started<Own, R>> =>
  startUntyped(definition, name, build, options, addressOf, isVital) as unknown as Effect.Effect<
    // The run loop knows neither the messages' types nor what `build` needs and fails with; the definition does.
    Handle<M, Invalid>,
    E | StartError | InvalidOption,
    Started<Own, R>
  >

/** The same for all actors; made once, as a generator function of its own for each costs more than all it does. */
const startUntyped = Effect.fnUntraced(function* (
  definition: Definition,
  name: string,
  build: unknown,
  options: Options,
  addressOf: (next: () => string) => string,
  isVital: boolean
) {
  const runtime = runtimeOf(yield* Ryker)
  const policy = yield* policyOf(name, options, runtime, { validate: definition.validate })
  const address = addressOf(() => runtime.nextAddress(name))
  const context = yield* surroundings
  const common = commonOptions(definition, runtime.group(name), runtime, policy.now(), context, isVital)
  const cell = yield* startScoped(common, { address, build: Effect.isEffect(build) ? build : Effect.succeed(build) })
  return handleOf(definition, cell)
})

/** One for all incarnations, and for whoever starts it. */
const handleOf = ({ handles }: Definition, cell: ActorCell): HandleImpl =>
  (cell.handle ??= handles.make(cell.address, cell))

/** One object for all that are started alike, one after the other. */
const commonOptions = (
  definition: Definition,
  group: Group,
  runtime: Runtime,
  settings: ActorSettings,
  context: Context.Context<never>,
  isVital: boolean
): CellOptions => {
  const { protocol } = definition.handles
  const { latest } = group
  if (
    latest !== undefined &&
    latest.settings === settings &&
    latest.context === context &&
    latest.isVital === isVital &&
    latest.protocol === protocol
  ) {
    return latest
  }
  return (group.latest = {
    runtime,
    group,
    protocol,
    settings,
    kind: "actor",
    isVital,
    context,
    services: new Services(context, [
      [definition.key, ({ cell }) => handleOf(definition, cell)],
      [Self, (incarnation) => selfOf(incarnation)]
    ])
  })
}

// --- Handles ------------------------------------------------------------------------------------------------------------

/**
 * Who the current actor is: its name, address, id and incarnation.
 *
 * **Example** (Knowing one's incarnation)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Ryker } from "ryker"
 *
 * class Who extends Actor.Service<Who>()("Who", [Rpc.make("Ask", { success: Schema.String })]) {}
 *
 * const WhoLayer = Who.toLayer({
 *   Ask: () => Effect.map(Actor.self, ({ address, incarnation }) => `${address}, incarnation ${incarnation}`)
 * })
 *
 * const program = Effect.flatMap(Who, (who) => who.ask.Ask())
 *
 * console.log(await Effect.runPromise(program.pipe(Effect.provide(WhoLayer), Effect.provide(Ryker.layer)))) // => Who, incarnation 1
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const self: Effect.Effect<Self["Service"], never, Self> = Effect.service(Self)

/**
 * Where the actor is in its life.
 *
 * **Details**
 *
 * A keyed actor that is not resident is `Stopped { reason: "Passivated" }`: its next message starts it.
 *
 * **Example** (Looking at an actor)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Ryker } from "ryker"
 *
 * class Echo extends Actor.Service<Echo>()("Echo", [Rpc.make("Ping")]) {}
 *
 * const program = Effect.gen(function*() {
 *   const echo = yield* Echo
 *   console.log((yield* Actor.status(echo))._tag) // => Running
 *   yield* Actor.stop(echo)
 *   console.log((yield* Actor.status(echo))._tag) // => Stopped
 * })
 *
 * await Effect.runPromise(program.pipe(
 *   Effect.provide(Echo.toLayer({ Ping: () => Effect.void })),
 *   Effect.provide(Ryker.layer)
 * ))
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const status = (handle: Any): Effect.Effect<Status> =>
  Effect.sync(() => {
    const { target } = implOf(handle)
    if (target instanceof Pool) return target.status(statusOf)
    const [cell] = target.cells()
    return cell === undefined ? { _tag: "Stopped", reason: "Passivated" } : statusOf(cell)
  })

/**
 * Stops the actor and waits until it has stopped.
 *
 * **Details**
 *
 * It takes no more messages from this moment on (`Stopped { reason: "Stopped" }`), handles those it
 * has until the deadline, then closes its Scope. At the deadline the handler in hand is interrupted,
 * and what is queued is dropped (`reason: "shutdown"`): asks fail with `Stopped`. Stopping is not a
 * crash: nothing restarts the actor. Stopping twice is harmless; the earlier deadline holds.
 *
 * `deadline` is by default the actor's `shutdown` time; `0` stops it at once. From within one of its
 * own handlers, fork it: the actor cannot stop before that handler has ended, so waiting for it there
 * would last until the deadline.
 *
 * @category stopping
 * @since 0.1.0
 */
export const stop = (handle: Any, options?: { readonly deadline?: Duration.Input | undefined }): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { target } = implOf(handle)
    if (target instanceof Pool) target.refuseAll("Stopped")
    return Effect.forEach(
      target.cells(),
      (cell) =>
        stopBy(cell, "Stopped", Deadline.after(cell.runtime.timers.now(), options?.deadline ?? cell.settings.shutdown)),
      { concurrency: "unbounded", discard: true }
    )
  })

/**
 * Waits until the actor has stopped for good, and says why.
 *
 * **Details**
 *
 * Restarts do not count. For a keyed actor that is not resident it is `"Passivated"` at once.
 *
 * @category stopping
 * @since 0.1.0
 */
export const awaitStopped = (handle: Any): Effect.Effect<StopReason> =>
  Effect.suspend(() => {
    const cells = implOf(handle).target.cells()
    const stopped = Effect.forEach(cells, awaitCellStopped, { concurrency: "unbounded" })
    return Effect.map(stopped, (reasons) => reasons.at(-1) ?? "Passivated")
  })

/**
 * Lets the actor begin no message until it is resumed.
 *
 * **When to use**
 *
 * For an operator: to hold an actor still while something that it needs is mended. It is what
 * `sys:suspend` is in OTP.
 *
 * **Details**
 *
 * - The message in hand is not touched. Messages queue meanwhile: the bound holds, senders get `Busy`
 *   beyond it, and deadlines go on. Timers and Down wait.
 * - It outlasts restarts, and of a keyed actor also keeps it resident. A keyed actor that is not resident is left alone.
 * - A stop waits until its deadline for the actor to be resumed, and then drops what is queued.
 * - Suspending twice is suspending once. A supervisor's handle is left alone.
 *
 * **Example** (Holding an actor still)
 *
 * ```ts
 * import { Effect, Logger } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Ryker } from "ryker"
 *
 * class Echo extends Actor.Service<Echo>()("Echo", [Rpc.make("Ping")]) {}
 *
 * const program = Effect.gen(function*() {
 *   const echo = yield* Echo
 *   yield* Actor.suspend(echo)
 *   yield* echo.tell.Ping()
 *   console.log(yield* Actor.status(echo)) // => { _tag: 'Suspended', incarnation: 1, queued: 1, busy: false }
 *   yield* Actor.resume(echo)
 * })
 *
 * await Effect.runPromise(program.pipe(
 *   Effect.provide(Echo.toLayer({ Ping: () => Effect.void })),
 *   Effect.provide(Ryker.layer),
 *   Effect.provide(Logger.layer([])) // no log line of it here
 * ))
 * ```
 *
 * @category suspending
 * @since 0.1.0
 */
export const suspend = (handle: Any): Effect.Effect<void> =>
  Effect.suspend(() =>
    Effect.forEach(
      implOf(handle).target.cells(),
      (cell) =>
        cell.options.kind === "actor" && cell.suspend()
          ? emit(cell.runtime, { _tag: "ActorSuspended", actor: cell.address })
          : Effect.void,
      { discard: true }
    )
  )

/**
 * Lets a suspended actor go on.
 *
 * @see {@link suspend}
 *
 * @category suspending
 * @since 0.1.0
 */
export const resume = (handle: Any): Effect.Effect<void> =>
  Effect.suspend(() =>
    Effect.forEach(
      implOf(handle).target.cells(),
      (cell) => (cell.resume() ? emit(cell.runtime, { _tag: "ActorResumed", actor: cell.address }) : Effect.void),
      { discard: true }
    )
  )

/**
 * Ends the actor's incarnation and starts the next one, without a crash.
 *
 * **When to use**
 *
 * For an operator: where an actor's state has gone wrong, or its `build` is to read again what it needs.
 *
 * **Details**
 *
 * - The message in hand may come to its end within the actor's `shutdown`; then it is interrupted, and its asker gets
 *   `Crashed`, with the actor's own address as `sibling`. The queue is kept, in order, and messages are taken in meanwhile.
 * - It neither waits for a backoff nor counts as one of the restarts that `intensity` allows. One that backs off starts at once.
 * - Under a supervisor with another strategy than one-for-one, the siblings that the strategy names are restarted with it.
 * - A supervisor's children are restarted with it, and a family's residents with the family, all with their queues. What
 *   `Supervisor.startChild` brought does not come back, as with any restart of the supervisor.
 * - A suspended actor stays suspended.
 * - What has stopped, is stopping, is on its way to a restart already, or is `temporary` is left alone. `Supervisor.restartChild`
 *   starts a child that has stopped.
 *
 * It doesn't wait for the next incarnation: {@link watch} and {@link status} tell of it.
 *
 * **Example** (Dropping what an actor remembers)
 *
 * ```ts
 * import { Effect, Logger, Schema } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Ryker } from "ryker"
 *
 * class Counter extends Actor.Service<Counter>()("Counter", [Rpc.make("Count", { success: Schema.Int })]) {}
 *
 * const CounterLayer = Counter.toLayer(Effect.sync(() => {
 *   let count = 0
 *   return Counter.of({ Count: () => Effect.sync(() => ++count) })
 * }))
 *
 * const program = Effect.gen(function*() {
 *   const counter = yield* Counter
 *   yield* counter.ask.Count()
 *   yield* Actor.restart(counter)
 *   console.log(yield* counter.ask.Count()) // => 1
 * })
 *
 * await Effect.runPromise(program.pipe(
 *   Effect.provide(CounterLayer),
 *   Effect.provide(Ryker.layer),
 *   Effect.provide(Logger.layer([])) // no log line of it here
 * ))
 * ```
 *
 * @category restarting
 * @since 0.1.0
 */
export const restart = (handle: Any): Effect.Effect<void> =>
  Effect.suspend(() => Effect.forEach(implOf(handle).target.cells(), Restarting.restart, { discard: true }))

/**
 * Asks with a message of unknown origin: its tag is looked up and its payload decoded first.
 *
 * **When to use**
 *
 * At the edge, for messages from HTTP, a queue or a file. Between actors use `ask`, whose types make
 * the check needless.
 *
 * **Details**
 *
 * Besides what `ask` can fail with, it fails with `InvalidMessage` for a tag that is not in the
 * protocol (`"UnknownTag"`) and for a payload that does not decode (`"InvalidPayload"`). Nothing was
 * sent then.
 *
 * **Example** (A message from outside)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Ryker } from "ryker"
 *
 * class Greeter extends Actor.Service<Greeter>()("Greeter", [
 *   Rpc.make("Greet", { payload: { name: Schema.String }, success: Schema.String })
 * ]) {}
 *
 * const program = Effect.gen(function*() {
 *   const greeter = yield* Greeter
 *   console.log(yield* Actor.dispatch(greeter, { tag: "Greet", payload: { name: "Ada" } })) // => Hello, Ada
 *   const error = yield* Effect.flip(Actor.dispatch(greeter, { tag: "Greet", payload: { name: 7 } }))
 *   console.log(error.message) // => "Greet" does not fit the protocol of "Greeter" (InvalidPayload): name: expected string
 * })
 *
 * await Effect.runPromise(program.pipe(
 *   Effect.provide(Greeter.toLayer({ Greet: ({ name }) => Effect.succeed(`Hello, ${name}`) })),
 *   Effect.provide(Ryker.layer)
 * ))
 * ```
 *
 * @category sending
 * @since 0.1.0
 */
export const dispatch = <M extends Message, Invalid>(
  handle: Handle<M, Invalid>,
  message: { readonly tag: string; readonly payload?: unknown },
  options?: SendOptions
): Effect.Effect<
  Protocol.Reply<M>,
  Protocol.DomainError<M> | AskError | InvalidMessage,
  Protocol.DecodingServices<M>
> => {
  const { address: actor, protocol, target } = implOf(handle)
  const tag: unknown = message.tag
  const spec = protocol.find(message.tag)
  const answer =
    spec === undefined
      ? Effect.fail(
          withoutStack(
            () =>
              new InvalidMessage({
                actor,
                // The tag is the sender's: it is quoted, but not at any length, and it may be no text at all.
                request: typeof tag === "string" ? tag.slice(0, 64) : typeof tag,
                reason: "UnknownTag",
                issue: `expected one of ${protocol.specs.map(({ tag }) => tag).join(", ")}`
              })
          )
        )
      : Effect.flatMap(
          Effect.mapError(spec.decode(message.payload), (issue) =>
            withoutStack(
              () =>
                new InvalidMessage({ actor, request: spec.tag, reason: "InvalidPayload", issue: describeIssue(issue) })
            )
          ),
          (payload) => ask(target, spec, payload, options?.deadline)
        )
  // The run loop passes replies and errors through unseen; the protocol says which they are.
  return answer as Effect.Effect<
    Protocol.Reply<M>,
    Protocol.DomainError<M> | AskError | InvalidMessage,
    Protocol.DecodingServices<M>
  >
}
