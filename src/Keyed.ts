/**
 * Keyed families: actors of one protocol, one for each id, started by their first message and
 * passivated when idle.
 *
 * **Details**
 *
 * - However many ask for an id at once, it has one actor, and one incarnation at a time.
 * - An actor without work for `idleAfter` is passivated: its Scope closes and its state is gone. A
 *   message that comes in the meantime is kept and starts the next incarnation.
 * - At most `maxResident` actors are alive; a message to one more id fails with
 *   `Busy { limit: "residents" }`.
 * - A `build` that fails is tried again with backoff, as after a crash, while messages wait.
 * - An actor whose restart intensity is exceeded refuses its messages with
 *   `Stopped { reason: "RapidFail" }` for the length of its restart window; then the next message
 *   starts it anew.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Actor from "./Actor.ts"
import { Family } from "./internal/family.ts"
import { currentAdoption } from "./internal/adoption.ts"
import { Handles } from "./internal/handle.ts"
import { checkInt, checkMillis, policyOf } from "./internal/options.ts"
import * as Protocol from "./internal/protocol.ts"
import { Group, Ryker, runtimeOf } from "./internal/runtime.ts"
import { Self, selfOf } from "./internal/self.ts"
import { Services } from "./internal/services.ts"
import { checkMayStart, startScoped, surroundings } from "./internal/start.ts"
import type { InvalidMessage, InvalidOption, StartError } from "./RykerError.ts"

/**
 * A family of actors by id.
 *
 * @category models
 * @since 0.1.0
 */
export interface Keyed<M extends Actor.Message, Invalid = never> {
  /** The definition's name. */
  readonly actor: string
  /** The handle of an id. It starts nothing: the first message does. */
  readonly get: (id: string) => Actor.Handle<M, Invalid>
  /** The ids that have an actor now. */
  readonly residents: Effect.Effect<ReadonlyArray<string>>
}

/**
 * How a family is run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Actor.Options {
  /** How many actors may be alive: a whole number of at least 1. Default 10,000. */
  readonly maxResident?: number | undefined
  /** How long an actor may be without work before it is passivated: at least 1 ms, or `"Infinity"`. Default 1 minute. */
  readonly idleAfter?: Duration.Input | undefined
}

/**
 * The definition of a keyed family, and the service by which others reach it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServiceClass<Self_, Name extends string, M extends Actor.Message, Invalid> extends Context.Key<
  Self_,
  Keyed<M, Invalid>
> {
  new (_: never): Context.ServiceClass.Shape<`ryker/Keyed/${Name}`, Keyed<M, Invalid>>
  /** The definition's name. */
  readonly actor: Name
  /** The messages. */
  readonly messages: ReadonlyArray<M>
  /** Gives the handlers back, with their types checked against the protocol. */
  readonly of: <H extends Actor.Handlers<M>>(handlers: H) => H
  /**
   * The family as a Layer. `build` gets the id, and runs at every start of an actor in a fresh Scope.
   * A `build` that fails is reported in the log and tried again; the Layer itself fails only with
   * `InvalidOption`, and with `StartError` when the name is taken or the runtime drains.
   */
  readonly toLayer: <H extends Actor.Handlers<M>, E = never, R = never>(
    build: (id: string) => H | Effect.Effect<H, E, R>,
    options?: Options
  ) => Layer.Layer<Self_, InvalidOption | StartError, Actor.Requirements<Self_, R | Protocol.HandlersServices<H>>>
}

/**
 * Defines a keyed family: its name and the messages that its actors understand.
 *
 * **Details**
 *
 * `validate` is as in `Actor.Service`.
 *
 * **Example** (An account for each customer)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Ryker } from "ryker"
 *
 * class Accounts extends Actor.keyed<Accounts>()("Account", [
 *   Rpc.make("Deposit", { payload: { amount: Schema.Finite }, success: Schema.Finite })
 * ]) {}
 *
 * const AccountsLayer = Accounts.toLayer((_id) => {
 *   let balance = 0
 *   return { Deposit: ({ amount }) => Effect.sync(() => (balance += amount)) }
 * }, { maxResident: 1_000, idleAfter: "5 minutes" })
 *
 * const program = Effect.gen(function*() {
 *   const accounts = yield* Accounts
 *   yield* accounts.get("ada").ask.Deposit({ amount: 3 })
 *   console.log(yield* accounts.get("ada").ask.Deposit({ amount: 4 })) // => 7
 *   console.log(yield* accounts.get("bob").ask.Deposit({ amount: 1 })) // => 1
 *   console.log((yield* accounts.residents).join(" ")) // => ada bob
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(AccountsLayer), Effect.provide(Ryker.layer)))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const Service =
  <Self_>() =>
  <
    const Name extends string,
    const Messages extends ReadonlyArray<Actor.Message>,
    Validate extends "always" | "boundary" = "boundary"
  >(
    name: Name,
    messages: Messages,
    options?: { readonly validate?: Validate | undefined }
  ): ServiceClass<Self_, Name, Messages[number], Validate extends "always" ? InvalidMessage : never> => {
    type M = Messages[number]
    type Invalid = Validate extends "always" ? InvalidMessage : never
    const handles = new Handles(new Protocol.Protocol(messages))
    const key = Context.Service<Self_, Keyed<M, Invalid>>()(`ryker/Keyed/${name}`)
    const validate = options?.validate === "always"

    const make = Effect.fnUntraced(function* <H, E, R>(
      build: (id: string) => H | Effect.Effect<H, E, R>,
      options: Options
    ) {
      const runtime = runtimeOf(yield* Ryker)
      const policy = yield* policyOf(name, options, runtime, { validate })
      const settings = policy.now()
      const maxResident = yield* checkInt(name, "maxResident", options.maxResident ?? 10_000, 1, 10_000_000)
      const idleAfter = yield* checkMillis(
        name,
        "idleAfter",
        options.idleAfter ?? "1 minute",
        1,
        Number.POSITIVE_INFINITY
      )
      const context = yield* surroundings
      const group = runtime.group(name)
      const newFamily = Effect.suspend(() => {
        const family = new Family({
          name,
          maxResident,
          idleAfter,
          runtime,
          settings: () => policy.now(),
          common: (family, settings) => ({
            runtime,
            group,
            family,
            protocol: handles.protocol,
            settings,
            kind: "actor",
            context,
            services: new Services(context, [
              [key, () => keyed],
              [Self, (incarnation) => selfOf(incarnation, family.idOf(incarnation.cell))]
            ])
          }),
          build: (id) =>
            Effect.suspend(() => {
              const built = build(id)
              return Effect.isEffect(built) ? built : Effect.succeed(built)
            })
        })
        return Effect.as(checkMayStart(runtime, name), family)
      })
      const ownFamily = Effect.acquireRelease(
        Effect.tap(newFamily, (family) =>
          Effect.sync(() => {
            runtime.names.add(name)
            runtime.families.add(family)
            runtime.closing.startBegins()
          })
        ),
        (family) =>
          Effect.andThen(
            runtime.closing.during(settings.shutdown, (at) => family.close("ScopeClosed", at)),
            Effect.sync(() => runtime.families.delete(family))
          )
      )
      const childFamily = Effect.tap(newFamily, (family) => {
        family.isSupervised = true
        // A family's own start cannot fail in a way of its own.
        const { build, ...asChild } = family.asChild
        const options = {
          runtime,
          // It has no messages of its own: the ledger is its residents'.
          group: new Group(name),
          protocol: Protocol.noMessages,
          settings,
          ...asChild,
          context,
          services: new Services(context)
        }
        return startScoped(options, { address: name, build }) as Effect.Effect<unknown, StartError, Scope.Scope>
      })
      const family = (yield* currentAdoption) === undefined ? yield* ownFamily : yield* childFamily
      if (family.isSupervised) {
        yield* Effect.acquireRelease(
          Effect.sync(() => runtime.families.add(family)),
          () => Effect.sync(() => runtime.families.delete(family))
        )
      }
      const keyed: Keyed<M, Invalid> = {
        actor: name,
        // The run loop knows nothing of the messages' types; the definition does.
        get: (id) => handles.make(`${name}/${id}`, family.target(id)) as unknown as Actor.Handle<M, Invalid>,
        residents: Effect.sync(() => family.residentIds)
      }
      return keyed
    })

    const statics = {
      actor: name,
      messages,
      of: <H extends Actor.Handlers<M>>(handlers: H): H => handlers,
      toLayer: <H extends Actor.Handlers<M>, E, R>(
        build: (id: string) => H | Effect.Effect<H, E, R>,
        options: Options = {}
      ) => Layer.effect(key, make(build, options))
    }
    return Object.assign(key, statics)
  }
