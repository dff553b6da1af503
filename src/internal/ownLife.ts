/** What an actor does to itself from within `build` and its handlers: stash, unstash, stop, show its state to tests. */
import * as Effect from "effect/Effect"
import { jobSpec } from "./control.ts"
import { CurrentMessage } from "./envelope.ts"
import { CurrentIncarnation } from "./incarnation.ts"
import type { Self } from "./self.ts"

/**
 * Puts the message in hand aside, until `Actor.unstashAll`: the handler ends here, and the asker waits on.
 *
 * **When to use**
 *
 * In a handler of an actor that is not ready for the message yet: `return yield* Actor.stash`.
 *
 * **Details**
 *
 * - At most `stash` messages are aside (see `Actor.Options`). One more is dropped (`"capacity"`), and its
 *   asker gets `Busy { limit: "stash" }`.
 * - Deadlines go on: a message whose deadline comes leaves the stash, and so does one whose asker is
 *   interrupted.
 * - When the incarnation ends, all go back to the front of the mailbox in their order: a restart loses none. A
 *   stop waits for them as for queued messages, and then drops them.
 * - The rest of the handler is interrupted; its finalizers run. What it did before happens again when the message comes
 *   back.
 * - In a timer or an `Actor.onDown` it is a defect. In a fiber whose message is not in hand any more it only interrupts.
 *
 * **Example** (Waiting for a connection)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Ryker } from "ryker"
 *
 * class Store extends Actor.Service<Store>()("Store", [
 *   Rpc.make("Connected"),
 *   Rpc.make("Get", { payload: { key: Schema.String }, success: Schema.String })
 * ]) {}
 *
 * const StoreLayer = Store.toLayer(Effect.sync(() => {
 *   let ready = false
 *   return Store.of({
 *     Connected: () => Effect.andThen(Effect.sync(() => { ready = true }), Actor.unstashAll),
 *     Get: ({ key }) => ready ? Effect.succeed(`value of ${key}`) : Actor.stash
 *   })
 * }))
 *
 * const program = Effect.gen(function*() {
 *   const store = yield* Store
 *   yield* Effect.forkChild(Effect.delay(store.tell.Connected(), "10 millis"))
 *   console.log(yield* store.ask.Get({ key: "a" })) // => value of a
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(StoreLayer), Effect.provide(Ryker.layer)))
 * ```
 *
 * @category stashing
 * @since 0.1.0
 */
export const stash: Effect.Effect<never, never, Self> = Effect.flatMap(CurrentMessage, (sender) => {
  const message = sender?.serving
  // The abort is how the run loop knows this interruption from one that nobody asked for.
  if (message?.spec === jobSpec)
    return Effect.die(new Error("Actor.stash is for handlers: here is no message to stash"))
  if (message !== undefined && message.phase === "InHand") message.abort ??= "stash"
  return Effect.interrupt
})

/**
 * Puts all stashed messages back to the front of the mailbox, in the order in which they were put aside.
 *
 * @see {@link stash}
 *
 * @category stashing
 * @since 0.1.0
 */
export const unstashAll: Effect.Effect<void, never, Self> = Effect.map(CurrentIncarnation, (incarnation) => {
  if (incarnation !== undefined && !incarnation.isOver) incarnation.cell.unstashAll()
})

/**
 * Ends the actor normally, after the message in hand.
 *
 * **Details**
 *
 * | restart type | what follows |
 * | --- | --- |
 * | `permanent` | it is restarted, with backoff and within its restart intensity, as after a crash; the queue is kept |
 * | `transient`, `temporary` | it has ended: `Stopped { reason: "Normal" }`; what is queued is dropped (`"closed"`) |
 * | any, of a keyed actor | it is passivated: messages that are queued start it anew at once |
 *
 * It is not a crash. In `build` it takes effect once the start has succeeded. In a fiber that outlives its incarnation it
 * does nothing. It is what exit reason `normal` is in OTP.
 *
 * **Example** (Ending when the work is done)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor, Ryker } from "ryker"
 *
 * class Job extends Actor.Service<Job>()("Job", [Rpc.make("Run")]) {}
 *
 * const program = Effect.gen(function*() {
 *   const job = yield* Job
 *   yield* job.ask.Run()
 *   console.log(yield* Actor.awaitStopped(job)) // => Normal
 * })
 *
 * await Effect.runPromise(program.pipe(
 *   Effect.provide(Job.toLayer({ Run: () => Actor.stopSelf }, { restart: "transient" })),
 *   Effect.provide(Ryker.layer)
 * ))
 * ```
 *
 * @category stopping
 * @since 0.1.0
 */
export const stopSelf: Effect.Effect<void, never, Self> = Effect.map(CurrentIncarnation, (incarnation) => {
  if (incarnation !== undefined && !incarnation.isOver) incarnation.cell.exit()
})

/**
 * Lets tests read the actor's state.
 *
 * **When to use**
 *
 * In `build`, where a test is to see what no message tells. What a message can tell, ask for it.
 *
 * **Details**
 *
 * `read` is called by `TestRyker.inspect` of `ryker/testing` and by nothing else; it belongs to the incarnation that registers
 * it. Only a program that provides `TestRyker` can call `inspect`, so the state stays private in production. It costs
 * nothing per message.
 *
 * **Example** (An account whose balance a test can see)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Rpc } from "effect/rpc"
 * import { Actor } from "ryker"
 * import { TestRyker } from "ryker/testing"
 *
 * class Account extends Actor.Service<Account>()("Account", [
 *   Rpc.make("Deposit", { payload: { amount: Schema.Finite } })
 * ]) {}
 *
 * const AccountLayer = Account.toLayer(Effect.gen(function*() {
 *   let balance = 0
 *   yield* Actor.inspectable(() => ({ balance }))
 *   return Account.of({ Deposit: ({ amount }) => Effect.sync(() => { balance += amount }) })
 * }))
 *
 * const test = Effect.gen(function*() {
 *   const account = yield* Account
 *   yield* account.ask.Deposit({ amount: 3 })
 *   console.log(yield* TestRyker.inspect(account)) // => { balance: 3 }
 * })
 *
 * await Effect.runPromise(test.pipe(Effect.provide(AccountLayer), Effect.provide(TestRyker.layer())))
 * ```
 *
 * @category testing
 * @since 0.1.0
 */
export const inspectable = (read: () => unknown): Effect.Effect<void, never, Self> =>
  Effect.map(CurrentIncarnation, (incarnation) => {
    if (incarnation !== undefined && !incarnation.isOver) incarnation.read = read
  })
