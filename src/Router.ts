/**
 * Routers: a pool of actors that are all alike, its members, under one handle.
 *
 * **Details**
 *
 * - A message to the pool goes to one member; `choose` says to which.
 * - Each member is an actor like any other: it has a mailbox of `capacity`, its own state, its own
 *   restarts with their backoff and limit. It handles one message at a time, in the order of arrival.
 * - A message goes to a member that handles messages and has room; if there is none, to one that is
 *   restarting and has room; if there is none either, it fails with `Busy`. {@link consistentHash}
 *   alone keeps to the member of the key.
 * - A member that has ended, or was asked to stop, gets no more messages and is not replaced. When all
 *   have ended, the pool has: it refuses messages with the reason of the last one's end.
 *
 * These are the rules of the pool routers of Akka and Pekko Typed, with `Busy` and the members that
 * restart added, and the rule of their classic `SmallestMailboxPool`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Actor from "./Actor.ts"
import type { CellOptions } from "./internal/cell.ts"
import { definitionOf } from "./internal/definition.ts"
import { implOf } from "./internal/handle.ts"
import { checkInt, policyOf } from "./internal/options.ts"
import { type Choice, type KeyOf, Pool, poolOf as poolOfMember } from "./internal/pool.ts"
import type * as Protocol from "./internal/protocol.ts"
import { Ryker, runtimeOf } from "./internal/runtime.ts"
import { Self, selfOf } from "./internal/self.ts"
import { Services } from "./internal/services.ts"
import { surroundings } from "./internal/start.ts"
import { InvalidOption, type StartError } from "./RykerError.ts"

/**
 * A message as the key of {@link consistentHash} sees it: any of the protocol, by its tag.
 *
 * @category models
 * @since 0.1.0
 */
export type Routed<M extends Actor.Message> = M extends unknown
  ? { readonly tag: M["_tag"]; readonly payload: Protocol.Payload<M> }
  : never

/**
 * The choice of the member by a key, made by {@link consistentHash}.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConsistentHash<in M extends Actor.Message> {
  readonly _tag: "ConsistentHash"
  /** The key of a message. */
  readonly key: (message: Routed<M>) => string | number
}

/**
 * Which member gets a message.
 *
 * **Details**
 *
 * | choice | the message goes to |
 * | --- | --- |
 * | `"round-robin"` | the member after the one that was chosen last |
 * | `"random"` | any member, each as likely |
 * | `"least-queued"` | the one with the fewest messages queued and in hand; of several, the first after the one that was chosen last |
 * | `consistentHash` | the one that the message's key belongs to |
 *
 * All but `consistentHash` choose among the members that can take the message: those that handle
 * messages and have room, or, if there is none, those that restart and have room. An ask from a
 * handler leaves those out that wait for that handler, and so could not answer it.
 *
 * `"random"` draws from Effect's `Random`, so that a seed repeats it. `"least-queued"` looks at each
 * member until it finds one without work.
 *
 * @category models
 * @since 0.1.0
 */
export type Choose<M extends Actor.Message> = "round-robin" | "random" | "least-queued" | ConsistentHash<M>

/**
 * How a pool is run. The options of an actor hold for each member: `capacity` is that of one mailbox.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<M extends Actor.Message> extends Actor.Options {
  /** How many members it has: a whole number from 1 to 10,000. */
  readonly size: number
  /** Which member gets a message. Default `"round-robin"`. */
  readonly choose?: Choose<M> | undefined
}

/**
 * Sends messages of the same key to the same member.
 *
 * **When to use**
 *
 * When messages that belong together must meet the same state, or be handled in order: those of one
 * customer, one file, one connection. For an actor of its own for each id, use `Actor.keyed`.
 *
 * **Details**
 *
 * - `key` gets the tag and the payload, and gives a string or a number; `7` and `"7"` are the same key.
 *   With `validate: "always"` it sees only payloads that were checked.
 * - Which member a key belongs to follows from the key, the pool's `size` and the members that have
 *   ended. It is the same in each run.
 * - The keys spread evenly over the members. When a member ends, its keys spread over the others;
 *   no other key moves.
 * - If the mailbox of the key's member is full, the message fails with that member's `Busy`, also while
 *   others have room. A member that is restarting keeps its keys: their messages wait.
 * - If that member waits for the handler that asks, the ask fails with `Deadlock`.
 *
 * **Gotchas**
 *
 * - A member that was asked to stop works off what it has, while its keys go to others already. For
 *   that time two members may work on one key.
 * - `key` runs in the sender, at each send, and must not throw: the sender would die of it.
 *
 * **Example** (Words that always come to the same member)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Router, Ryker } from "ryker"
 *
 * class Words extends Actor.Service<Words>()("Words", [
 *   Rpc.make("Count", { payload: { word: Schema.String }, success: Schema.Int })
 * ]) {}
 *
 * const build = Effect.sync(() => {
 *   const counts = new Map<string, number>()
 *   return Words.of({
 *     Count: ({ word }) =>
 *       Effect.sync(() => {
 *         const count = (counts.get(word) ?? 0) + 1
 *         counts.set(word, count)
 *         return count
 *       })
 *   })
 * })
 *
 * const WordsLayer = Router.layer(Words, build, {
 *   size: 4,
 *   choose: Router.consistentHash((message) => message.payload.word)
 * })
 *
 * const program = Effect.gen(function*() {
 *   const words = yield* Words
 *   for (const word of ["to", "be", "or", "not", "to"]) yield* words.ask.Count({ word })
 *   console.log(yield* words.ask.Count({ word: "to" })) // => 3
 *   console.log(yield* words.ask.Count({ word: "be" })) // => 2
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(WordsLayer), Effect.provide(Ryker.layer)))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const consistentHash = <M extends Actor.Message>(
  key: (message: Routed<M>) => string | number
): ConsistentHash<M> => ({ _tag: "ConsistentHash", key })

/**
 * A pool of actors of a definition as a Layer: started when the Layer is built, stopped when it closes.
 * Its service is the definition's ordinary handle.
 *
 * **When to use**
 *
 * When one actor is too slow, since its handlers wait (for a database, a printer, another service) and
 * it handles one message at a time. With state that messages share, keep one actor, or use
 * {@link consistentHash}. Handlers that compute gain nothing: all actors share one thread.
 *
 * **Details**
 *
 * - `build` runs once for each start of each member. Members have addresses of the pool's and a number:
 *   `Printer/1`, `Printer/2`. In `build` and in the handlers the definition itself gives the member's
 *   own handle, as in any actor: what it tells itself comes to its own state. {@link poolOf} gives the
 *   pool's.
 * - Members start one after the other. The first start that fails stops those before it, the last one
 *   first, and fails the Layer. They stop in the same order when the Layer closes, each within its
 *   `shutdown` time; the pool refuses messages from the first step on.
 * - `Busy` names the pool, and its `capacity` is that of all mailboxes that take messages.
 *   `refused.busy` of the ledger counts a message that was refused once, however many members were
 *   full. Other errors of an accepted message name the member.
 * - An ask from a member's handler to its own pool goes to another member. If all wait for one
 *   another, the ask fails with `Deadlock`.
 * - `Actor.stop` of the pool's handle stops all members, by one deadline; `Actor.awaitStopped` waits for
 *   all of them. `Actor.status` shows the best state that a member has (`Running`, then `Starting`,
 *   `Restarting`, `Stopping`, `Stopped`) and the incarnation of the first one in it, with what is queued
 *   in all mailboxes. {@link members} gives the handle of each member, to look at it or to stop it alone.
 *
 * Fails with `build`'s own error, `InvalidOption`, or `StartError`.
 *
 * **Gotchas**
 *
 * - Two messages of one sender may go to two members, and the later one may be handled first. Only
 *   {@link consistentHash} keeps the order, for messages of one key.
 * - Handlers that are given as they are, without an `Effect` around them, are the same object for all
 *   members: whatever they close over is shared.
 *
 * **Example** (Two printers for one queue of pages)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Router, Ryker } from "ryker"
 *
 * class Printer extends Actor.Service<Printer>()("Printer", [
 *   Rpc.make("Print", { payload: { page: Schema.Int }, success: Schema.String })
 * ]) {}
 *
 * const build = Effect.gen(function*() {
 *   const { address } = yield* Actor.self
 *   return Printer.of({
 *     Print: ({ page }) => Effect.delay(Effect.succeed(`page ${page}: ${address}`), "10 millis")
 *   })
 * })
 *
 * const PrinterLayer = Router.layer(Printer, build, { size: 2, choose: "round-robin" })
 *
 * const program = Effect.gen(function*() {
 *   const printer = yield* Printer
 *   const print = (page: number) => printer.ask.Print({ page })
 *   const printed = yield* Effect.forEach([1, 2, 3], print, { concurrency: "unbounded" })
 *   console.log(printed.join(", ")) // => page 1: Printer/1, page 2: Printer/2, page 3: Printer/1
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(PrinterLayer), Effect.provide(Ryker.layer)))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const layer = <
  Self_,
  Name extends string,
  M extends Actor.Message,
  Invalid,
  H extends Actor.Handlers<M>,
  E = never,
  R = never
>(
  definition: Actor.ServiceClass<Self_, Name, M, Invalid>,
  build: H | Effect.Effect<H, E, R>,
  options: Options<M>
): Layer.Layer<Self_, E | StartError | InvalidOption, Actor.Requirements<Self_, R | Protocol.HandlersServices<H>>> =>
  Layer.effect(
    definition,
    start<Self_, M, Invalid, H, E, R | Protocol.HandlersServices<H>>(
      definition,
      build,
      options,
      () => definition.actor,
      true
    )
  )

/**
 * Starts a pool of actors of a definition in the current Scope; it stops when the Scope closes.
 *
 * **When to use**
 *
 * For pools that come and go while the program runs, as `Actor.spawn` for single actors.
 *
 * **Details**
 *
 * As {@link layer}. The address is the name and a number (`"Printer#1"`), unless `name` is given; the
 * members are `Printer#1/1`, `Printer#1/2`.
 *
 * **Example** (A pool for as long as a Scope)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Router, Ryker } from "ryker"
 *
 * class Who extends Actor.Service<Who>()("Who", [Rpc.make("Ask", { success: Schema.String })]) {}
 *
 * const handlers = Who.of({ Ask: () => Effect.map(Actor.self, ({ address }) => address) })
 *
 * const program = Effect.scoped(Effect.gen(function*() {
 *   const pool = yield* Router.spawn(Who, handlers, { size: 2, name: "night shift" })
 *   console.log(yield* pool.ask.Ask()) // => night shift/1
 *   console.log(yield* pool.ask.Ask()) // => night shift/2
 *   console.log(yield* pool.ask.Ask()) // => night shift/1
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
  M extends Actor.Message,
  Invalid,
  H extends Actor.Handlers<M>,
  E = never,
  R = never
>(
  definition: Actor.ServiceClass<Self_, Name, M, Invalid>,
  build: H | Effect.Effect<H, E, R>,
  options: Options<M> & { readonly name?: string | undefined }
): Effect.Effect<
  Actor.Handle<M, Invalid>,
  E | StartError | InvalidOption,
  Actor.Requirements<Self_, R | Protocol.HandlersServices<H>> | Scope.Scope
> =>
  start<Self_, M, Invalid, H, E, R | Protocol.HandlersServices<H>>(
    definition,
    build,
    options,
    (next) => options.name ?? next(),
    false
  )

/**
 * The handles of a pool's members, in the order of their start.
 *
 * **When to use**
 *
 * To look at members one by one, to stop one of them, or to send a message to all.
 *
 * **Details**
 *
 * Those that have ended are among them, so a member keeps its place. For a handle that is no pool's it
 * is that handle alone: one actor is its own only member.
 *
 * **Example** (A message to all members)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Router, Ryker } from "ryker"
 *
 * class Cache extends Actor.Service<Cache>()("Cache", [Rpc.make("Clear", { success: Schema.String })]) {}
 *
 * const handlers = Cache.of({ Clear: () => Effect.map(Actor.self, ({ address }) => `${address} is clear`) })
 *
 * const program = Effect.gen(function*() {
 *   const members = Router.members(yield* Cache)
 *   const cleared = yield* Effect.forEach(members, (member) => member.ask.Clear())
 *   console.log(cleared.join(", ")) // => Cache/1 is clear, Cache/2 is clear
 *   yield* Actor.stop(members[0]!)
 *   console.log((yield* Actor.status(members[0]!))._tag) // => Stopped
 *   console.log((yield* Actor.status(yield* Cache))._tag) // => Running
 * })
 *
 * await Effect.runPromise(program.pipe(
 *   Effect.provide(Router.layer(Cache, handlers, { size: 2 })),
 *   Effect.provide(Ryker.layer)
 * ))
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const members = <H extends Actor.Any>(handle: H): ReadonlyArray<H> => {
  const { target } = implOf(handle)
  // The members of a pool have its protocol.
  return target instanceof Pool ? (target.handles.slice() as ReadonlyArray<Actor.Any> as ReadonlyArray<H>) : [handle]
}

/**
 * The handle of the pool that a member belongs to.
 *
 * **When to use**
 *
 * In a handler that splits its work and gives the parts to its own pool.
 *
 * **Details**
 *
 * For a handle that is no member's it is that handle itself.
 *
 * **Gotchas**
 *
 * A member that waits for its pool handles nothing else. A pool in which all members wait for each other
 * makes no progress; the ask that would bring this about fails with `Deadlock`.
 *
 * **Example** (Splitting a sum)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Router, Ryker } from "ryker"
 *
 * class Adder extends Actor.Service<Adder>()("Adder", [
 *   Rpc.make("Add", { payload: { numbers: Schema.Array(Schema.Int) }, success: Schema.Int })
 * ]) {}
 *
 * const handlers = Adder.of({
 *   Add: ({ numbers }) =>
 *     Effect.gen(function*() {
 *       if (numbers.length < 3) return numbers.reduce((sum, n) => sum + n, 0)
 *       const pool = Router.poolOf(yield* Adder)
 *       const half = Math.ceil(numbers.length / 2)
 *       const parts = [numbers.slice(0, half), numbers.slice(half)]
 *       const sums = yield* Effect.forEach(parts, (numbers) => pool.ask.Add({ numbers }), { concurrency: 2 })
 *       return sums.reduce((sum, n) => sum + n, 0)
 *     }).pipe(Effect.orDie)
 * })
 *
 * const program = Effect.gen(function*() {
 *   const adder = yield* Adder
 *   console.log(yield* adder.ask.Add({ numbers: [1, 2, 3, 4] })) // => 10
 * })
 *
 * await Effect.runPromise(program.pipe(
 *   Effect.provide(Router.layer(Adder, handlers, { size: 8, choose: "least-queued" })),
 *   Effect.provide(Ryker.layer)
 * ))
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const poolOf = <H extends Actor.Any>(handle: H): H => {
  const pool: Actor.Any = poolOfMember(implOf(handle).target) ?? implOf(handle)
  // A pool has the protocol of its members.
  return pool as H
}

const start = <Own, M extends Actor.Message, Invalid, H, E, R>(
  owner: Actor.ServiceClass<Own, string, M, Invalid>,
  build: H | Effect.Effect<H, E, R>,
  options: Options<M>,
  addressOf: (next: () => string) => string,
  isVital: boolean
): Effect.Effect<Actor.Handle<M, Invalid>, E | StartError | InvalidOption, Actor.Requirements<Own, R> | Scope.Scope> =>
  Effect.gen(function* () {
    const definition = definitionOf(owner)
    const name = owner.actor
    const runtime = runtimeOf(yield* Ryker)
    const policy = yield* policyOf(name, options, runtime, { validate: definition.validate })
    const settings = policy.now()
    const size = yield* checkInt(name, "size", options.size, 1, 10_000)
    const choice = yield* checkChoice(name, options.choose ?? "round-robin")
    const context = yield* surroundings
    const group = runtime.group(name)
    const address = addressOf(() => runtime.nextAddress(name))
    const pool = new Pool({ runtime, group, handles: definition.handles, address, settings, size, choice, isVital })
    const common: CellOptions = {
      runtime,
      group,
      protocol: definition.handles.protocol,
      settings,
      kind: "actor",
      pool,
      isOfLayer: isVital,
      context,
      services: new Services(context, [
        [definition.key, ({ cell }) => pool.handleOf(cell)],
        [Self, (incarnation) => selfOf(incarnation)]
      ])
    }
    yield* pool.start(common, Effect.isEffect(build) ? build : Effect.succeed(build))
    return pool.handle
  }) as unknown as Effect.Effect<
    // The run loop knows neither the messages' types nor what `build` needs and fails with; the definition does.
    Actor.Handle<M, Invalid>,
    E | StartError | InvalidOption,
    Actor.Requirements<Own, R> | Scope.Scope
  >

const choices: ReadonlyArray<unknown> = ["round-robin", "random", "least-queued"] satisfies ReadonlyArray<Choice>

const checkChoice = <M extends Actor.Message>(
  owner: string,
  choose: Choose<M>
): Effect.Effect<Choice, InvalidOption> => {
  // A message's payload is of its type, as the handle's types say.
  if (typeof choose === "object" && typeof choose.key === "function") return Effect.succeed(choose.key as KeyOf)
  if (typeof choose === "string" && choices.includes(choose)) return Effect.succeed(choose)
  const rule = `one of ${choices.join(", ")}, or made by Router.consistentHash`
  const value = typeof choose === "string" ? `"${choose}"` : typeof choose
  // For callers that the compiler does not see.
  return Effect.fail(new InvalidOption({ owner, option: "choose", value, rule }))
}
