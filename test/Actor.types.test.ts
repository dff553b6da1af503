import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as Actor from "../src/Actor.ts"
import type * as Keyed from "../src/Keyed.ts"
import type { DeadLetter } from "../src/DeadLetter.ts"
import * as Ryker from "../src/Ryker.ts"
import type {
  Busy,
  ChildError,
  Crashed,
  Deadlock,
  InvalidMessage,
  InvalidOption,
  RootFailure,
  StartError,
  Stopped,
  StopReason,
  SupervisorStartError,
  Timeout,
  TooLarge
} from "../src/RykerError.ts"
import type { RykerEvent } from "../src/RykerEvent.ts"
import * as Supervisor from "../src/Supervisor.ts"
import { withActors } from "./fixtures.ts"

// The assertions of this file are the compiler's: a wrong type fails `tsc`, and so does a `@ts-expect-error` that
// expects an error where there is none. Each of those stands beside a line that differs in one thing and compiles.

class Overdrawn extends Schema.TaggedError<Overdrawn>()("Overdrawn", { short: Schema.Finite }) {}
class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {}) {}

/** What a build, a handler and a payload's schema need. */
class Database extends Context.Service<Database, { readonly balance: number }>()("test/Database") {}
class Mailer extends Context.Service<Mailer, { readonly send: Effect.Effect<void> }>()("test/Mailer") {}
class Keys extends Context.Service<Keys, { readonly decrypt: (text: string) => string }>()("test/Keys") {}

const Deposit = Rpc.make("Deposit", { payload: { amount: Schema.Finite } })
const Withdraw = Rpc.make("Withdraw", {
  payload: { amount: Schema.Finite },
  success: Schema.Finite,
  error: Overdrawn
})
const Balance = Rpc.make("Balance", { success: Schema.Finite })
const Ping = Rpc.make("Ping")
type Messages = typeof Deposit | typeof Withdraw | typeof Balance | typeof Ping

class Account extends Actor.Service<Account>()("Account", [Deposit, Withdraw, Balance, Ping]) {}
class Strict extends Actor.Service<Strict>()("Strict", [Deposit, Withdraw, Balance, Ping], { validate: "always" }) {}
class Lenient extends Actor.Service<Lenient>()("Lenient", [Ping], { validate: "boundary" }) {}
class Accounts extends Actor.keyed<Accounts>()("Accounts", [Deposit, Withdraw, Balance, Ping]) {}
class StrictAccounts extends Actor.keyed<StrictAccounts>()("StrictAccounts", [Withdraw], { validate: "always" }) {}

type Amount = { readonly amount: number }
type AskError = Busy | Timeout | TooLarge | Crashed | Stopped | Deadlock
type TellError = Busy | TooLarge | Stopped

const deposit = (_payload: Amount) => Effect.void
const withdraw = (_payload: Amount): Effect.Effect<number, Overdrawn> => Effect.succeed(1)
const balance = () => Effect.succeed(1)
const ping = () => Effect.void
const handlers = { Deposit: deposit, Withdraw: withdraw, Balance: balance, Ping: ping }

describe("ask", () => {
  type Ask = (typeof Account)["Service"]["ask"]

  it("has a function for each message and no other", () => {
    expectTypeOf<keyof Ask>().toEqualTypeOf<"Deposit" | "Withdraw" | "Balance" | "Ping">()
  })

  it("takes the payload and options, or options alone where there is no payload", () => {
    expectTypeOf<Parameters<Ask["Withdraw"]>>().toEqualTypeOf<[payload: Amount, options?: Actor.SendOptions]>()
    expectTypeOf<Parameters<Ask["Balance"]>>().toEqualTypeOf<[payload?: void, options?: Actor.SendOptions]>()
    const calls = (ask: Ask) => [
      ask.Withdraw({ amount: 1 }),
      ask.Withdraw({ amount: 1 }, { deadline: "1 second" }),
      ask.Balance(),
      ask.Balance(undefined, { deadline: "1 second" }),
      // @ts-expect-error the payload is missing
      ask.Withdraw(),
      // @ts-expect-error the payload is of another type
      ask.Withdraw({ amount: "1" }),
      // @ts-expect-error the payload lacks a field
      ask.Withdraw({}),
      // @ts-expect-error the payload has one field too many
      ask.Withdraw({ amount: 1, currency: "EUR" }),
      // @ts-expect-error there is no payload
      ask.Balance({ amount: 1 }),
      // @ts-expect-error a deadline is a duration
      ask.Balance(undefined, { deadline: "soon" }),
      // @ts-expect-error there is no such message
      ask.Borrow({ amount: 1 })
    ]
    expectTypeOf(calls).toBeFunction()
  })

  it("gives the reply, and fails with the message's own error or an AskError, and with nothing else", () => {
    expectTypeOf<ReturnType<Ask["Withdraw"]>>().toEqualTypeOf<Effect.Effect<number, Overdrawn | AskError>>()
    expectTypeOf<ReturnType<Ask["Balance"]>>().toEqualTypeOf<Effect.Effect<number, AskError>>()
    expectTypeOf<ReturnType<Ask["Deposit"]>>().toEqualTypeOf<Effect.Effect<void, AskError>>()
    expectTypeOf<ReturnType<Ask["Ping"]>>().toEqualTypeOf<Effect.Effect<void, AskError>>()
  })

  it('fails with InvalidMessage as well where the actor validates "always"', () => {
    type Ask = (typeof Strict)["Service"]["ask"]
    expectTypeOf<ReturnType<Ask["Withdraw"]>>().toEqualTypeOf<
      Effect.Effect<number, Overdrawn | AskError | InvalidMessage>
    >()
    expectTypeOf<ReturnType<Ask["Ping"]>>().toEqualTypeOf<Effect.Effect<void, AskError | InvalidMessage>>()
    type LenientAsk = (typeof Lenient)["Service"]["ask"]
    expectTypeOf<ReturnType<LenientAsk["Ping"]>>().toEqualTypeOf<Effect.Effect<void, AskError>>()
  })

  it("leaves what was not caught in the error, and only that", () => {
    const rest = (ask: Ask) =>
      ask.Withdraw({ amount: 1 }).pipe(
        Effect.catchTag(["Busy", "Timeout", "TooLarge", "Stopped", "Deadlock"], () => Effect.succeed(0)),
        Effect.catchTag("Overdrawn", (error) => Effect.succeed(error.short))
      )
    expectTypeOf(rest).returns.toEqualTypeOf<Effect.Effect<number, Crashed>>()
  })

  it("takes payloads of any type that a schema can have", () => {
    class Odd extends Actor.Service<Odd>()("Odd", [
      Rpc.make("Any", { payload: Schema.Any }),
      Rpc.make("Unknown", { payload: Schema.Unknown }),
      Rpc.make("Maybe", { payload: Schema.UndefinedOr(Schema.Finite) }),
      Rpc.make("Void", { payload: Schema.Void }),
      Rpc.make("Text", { payload: Schema.String }),
      Rpc.make("Choice", { payload: Schema.Union([Schema.Finite, Schema.String]) })
    ]) {}
    type Ask = (typeof Odd)["Service"]["ask"]
    const calls = (ask: Ask) => [
      ask.Any({ anything: 1 }),
      ask.Any("anything"),
      ask.Unknown({ anything: 1 }),
      ask.Maybe(1),
      ask.Maybe(undefined),
      ask.Void(),
      ask.Text("text"),
      ask.Choice(1),
      ask.Choice("text"),
      // @ts-expect-error what may be undefined must still be said
      ask.Maybe(),
      // @ts-expect-error nothing fits no payload
      ask.Void(1)
    ]
    expectTypeOf(calls).toBeFunction()
  })
})

describe("the ways of sending without Effect", () => {
  type Account = (typeof Account)["Service"]
  type Strict = (typeof Strict)["Service"]

  it("take what ask and tell take, and a promise's ask a signal besides", () => {
    type Tell = Account["tellUnsafe"]
    expectTypeOf<keyof Tell>().toEqualTypeOf<"Deposit" | "Withdraw" | "Balance" | "Ping">()
    expectTypeOf<Parameters<Tell["Withdraw"]>>().toEqualTypeOf<[payload: Amount, options?: Actor.SendOptions]>()
    type Ask = Account["askPromise"]
    expectTypeOf<Parameters<Ask["Withdraw"]>>().toEqualTypeOf<[payload: Amount, options?: Actor.PromiseOptions]>()
    expectTypeOf<Parameters<Ask["Balance"]>>().toEqualTypeOf<[payload?: void, options?: Actor.PromiseOptions]>()
    const calls = (account: Account, signal: AbortSignal) => [
      account.askPromise.Balance(undefined, { deadline: "1 second", signal }),
      account.tellUnsafe.Ping(undefined, { deadline: "1 second" }),
      // @ts-expect-error what was told cannot be taken back
      account.tellUnsafe.Ping(undefined, { signal })
    ]
    expectTypeOf(calls).toBeFunction()
  })

  it("give what can be wrong, as far as a promise can say it", () => {
    expectTypeOf<ReturnType<Account["tellUnsafe"]["Withdraw"]>>().toEqualTypeOf<TellError | undefined>()
    expectTypeOf<ReturnType<Strict["tellUnsafe"]["Ping"]>>().toEqualTypeOf<TellError | InvalidMessage | undefined>()
    expectTypeOf<ReturnType<Account["askPromise"]["Withdraw"]>>().toEqualTypeOf<Promise<number>>()
    expectTypeOf<ReturnType<Account["askPromise"]["Ping"]>>().toEqualTypeOf<Promise<void>>()
    expectTypeOf<ReturnType<Account["askPromiseExit"]["Withdraw"]>>().toEqualTypeOf<
      Promise<Exit.Exit<number, Overdrawn | AskError>>
    >()
    expectTypeOf<ReturnType<Strict["askPromiseExit"]["Balance"]>>().toEqualTypeOf<
      Promise<Exit.Exit<number, AskError | InvalidMessage>>
    >()
  })
})

describe("tell", () => {
  type Tell = (typeof Account)["Service"]["tell"]

  it("takes what ask takes", () => {
    expectTypeOf<keyof Tell>().toEqualTypeOf<"Deposit" | "Withdraw" | "Balance" | "Ping">()
    expectTypeOf<Parameters<Tell["Withdraw"]>>().toEqualTypeOf<[payload: Amount, options?: Actor.SendOptions]>()
    expectTypeOf<Parameters<Tell["Balance"]>>().toEqualTypeOf<[payload?: void, options?: Actor.SendOptions]>()
  })

  it("gives nothing, and fails with a TellError: not with the message's own error", () => {
    expectTypeOf<ReturnType<Tell["Withdraw"]>>().toEqualTypeOf<Effect.Effect<void, TellError>>()
    expectTypeOf<ReturnType<Tell["Balance"]>>().toEqualTypeOf<Effect.Effect<void, TellError>>()
  })

  it('fails with InvalidMessage as well where the actor validates "always"', () => {
    type Tell = (typeof Strict)["Service"]["tell"]
    expectTypeOf<ReturnType<Tell["Withdraw"]>>().toEqualTypeOf<Effect.Effect<void, TellError | InvalidMessage>>()
  })

  it.effect("fails with nothing that its type does not say, also when its deadline has passed already", () =>
    Effect.gen(function* () {
      const account = yield* Account
      for (const deadline of [0, -1]) {
        const error = Option.fromUndefinedOr(
          yield* Effect.match(account.tell.Ping(undefined, { deadline }), {
            onFailure: (error) => error._tag,
            onSuccess: () => undefined
          })
        )
        if (Option.isSome(error)) assert.include(["Busy", "TooLarge", "Stopped"], error.value)
      }
    }).pipe(withActors(Account.toLayer(handlers)))
  )
})

describe("The service of a definition", () => {
  it("is the actor's handle, and who uses it needs the definition", () => {
    expectTypeOf<(typeof Account)["Service"]>().toEqualTypeOf<Actor.Handle<Messages>>()
    expectTypeOf<(typeof Strict)["Service"]>().toEqualTypeOf<Actor.Handle<Messages, InvalidMessage>>()
    const program = Effect.gen(function* () {
      const account = yield* Account
      return yield* account.ask.Withdraw({ amount: 1 })
    })
    expectTypeOf(program).toEqualTypeOf<Effect.Effect<number, Overdrawn | AskError, Account>>()
    expectTypeOf<(typeof Account)["actor"]>().toEqualTypeOf<"Account">()
  })

  it("is not the handle of another definition, nor of one that validates", () => {
    const uses = (
      account: Actor.Handle<Messages>,
      strict: Actor.Handle<Messages, InvalidMessage>,
      lenient: Actor.Handle<typeof Ping>
    ): ReadonlyArray<Actor.Any> => {
      let one: Actor.Handle<typeof Ping> = account
      one = lenient
      // @ts-expect-error it may fail with InvalidMessage
      account = strict
      // @ts-expect-error it does not know the other messages
      account = lenient
      return [account, strict, lenient, one]
    }
    expectTypeOf(uses).toBeFunction()
  })

  it("of a keyed family is the family: its handles are those of an actor", () => {
    expectTypeOf<(typeof Accounts)["Service"]>().toEqualTypeOf<Keyed.Keyed<Messages>>()
    type Get = (typeof Accounts)["Service"]["get"]
    expectTypeOf<Get>().toEqualTypeOf<(id: string) => Actor.Handle<Messages>>()
    type Residents = (typeof Accounts)["Service"]["residents"]
    expectTypeOf<Residents>().toEqualTypeOf<Effect.Effect<ReadonlyArray<string>>>()
    type StrictHandle = ReturnType<(typeof StrictAccounts)["Service"]["get"]>
    expectTypeOf<StrictHandle>().toEqualTypeOf<Actor.Handle<typeof Withdraw, InvalidMessage>>()
    const program = Effect.flatMap(Accounts, (accounts) => accounts.get("acc-7").ask.Withdraw({ amount: 1 }))
    expectTypeOf(program).toEqualTypeOf<Effect.Effect<number, Overdrawn | AskError, Accounts>>()
  })
})

describe("of", () => {
  it("gives the handlers back with the types that they have", () => {
    expectTypeOf(Account.of(handlers)).toEqualTypeOf<typeof handlers>()
  })

  it("tells each handler the type of its payload", () => {
    Account.of({
      ...handlers,
      Withdraw: (payload) => {
        expectTypeOf(payload).toEqualTypeOf<Amount>()
        return Effect.succeed(payload.amount)
      },
      Ping: (payload) => {
        expectTypeOf(payload).toEqualTypeOf<void>()
        return Effect.void
      }
    })
    Accounts.of({
      ...handlers,
      Withdraw: ({ amount }) => {
        expectTypeOf(amount).toEqualTypeOf<number>()
        return new Overdrawn({ short: amount })
      }
    })
  })

  it("takes a handler for each message, of the right reply, error and payload", () => {
    const overdrawn = () => new Overdrawn({ short: 1 })
    const text = () => Effect.succeed("1")
    const unavailable = () => new Unavailable()
    const plain = () => 1
    const ofText = (_payload: { readonly amount: string }) => Effect.succeed(1)
    const definitions = () => [
      Account.of({ Deposit: deposit, Withdraw: withdraw, Balance: balance, Ping: ping }),
      // @ts-expect-error Ping has no handler
      Account.of({ Deposit: deposit, Withdraw: withdraw, Balance: balance }),
      // @ts-expect-error there are no handlers
      Account.of({}),
      Account.of({ Deposit: deposit, Withdraw: balance, Balance: balance, Ping: ping }),
      // @ts-expect-error the reply is of another type
      Account.of({ Deposit: deposit, Withdraw: text, Balance: balance, Ping: ping }),
      // @ts-expect-error the reply is not in an Effect
      Account.of({ Deposit: deposit, Withdraw: plain, Balance: balance, Ping: ping }),
      Account.of({ Deposit: deposit, Withdraw: overdrawn, Balance: balance, Ping: ping }),
      // @ts-expect-error the error is another one
      Account.of({ Deposit: deposit, Withdraw: unavailable, Balance: balance, Ping: ping }),
      // @ts-expect-error the message has no error
      Account.of({ Deposit: deposit, Withdraw: withdraw, Balance: overdrawn, Ping: ping }),
      // @ts-expect-error the payload is of another type
      Account.of({ Deposit: deposit, Withdraw: ofText, Balance: balance, Ping: ping }),
      Accounts.of({ Deposit: deposit, Withdraw: withdraw, Balance: balance, Ping: ping }),
      // @ts-expect-error Ping has no handler
      Accounts.of({ Deposit: deposit, Withdraw: withdraw, Balance: balance }),
      // @ts-expect-error the error is another one
      Accounts.of({ Deposit: deposit, Withdraw: unavailable, Balance: balance, Ping: ping })
    ]
    expectTypeOf(definitions).toBeFunction()
  })
})

/** Needs the Database and a Scope, its own handle and itself, and may fail. */
const build = Effect.gen(function* () {
  const database = yield* Database
  yield* Effect.addFinalizer(() => Effect.void)
  yield* Account
  yield* Actor.self
  if (database.balance < 0) return yield* new Unavailable()
  return Account.of({
    ...handlers,
    // Handlers need the Mailer, a Scope, their own handle and themselves.
    Ping: () =>
      Effect.gen(function* () {
        const mailer = yield* Mailer
        yield* Effect.addFinalizer(() => mailer.send)
        const self = yield* Account
        yield* Effect.ignore(self.tell.Deposit({ amount: 1 }))
        yield* Actor.self
      })
  })
})

describe("toLayer", () => {
  it("of plain handlers needs the runtime alone, and fails to start only as any actor may", () => {
    type Expected = Layer.Layer<Account, StartError | InvalidOption, Ryker.Ryker>
    expectTypeOf(Account.toLayer(handlers)).toEqualTypeOf<Expected>()
    expectTypeOf(Account.toLayer(Account.of(handlers), { capacity: 1 })).toEqualTypeOf<Expected>()
    expectTypeOf(Account.toLayer(Effect.succeed(handlers))).toEqualTypeOf<Expected>()
    expectTypeOf(Account.toLayer(Effect.sync(() => Account.of(handlers)))).toEqualTypeOf<Expected>()
  })

  it("needs what build and the handlers need, without what every actor has of its own", () => {
    expectTypeOf(Account.toLayer(build)).toEqualTypeOf<
      Layer.Layer<Account, Unavailable | StartError | InvalidOption, Ryker.Ryker | Database | Mailer>
    >()
  })

  it("needs what only build needs, and what only a handler needs", () => {
    const onlyBuild = Account.toLayer(Effect.as(Database, handlers))
    expectTypeOf(onlyBuild).toEqualTypeOf<Layer.Layer<Account, StartError | InvalidOption, Ryker.Ryker | Database>>()
    const send = () => Effect.flatMap(Mailer, (mailer) => mailer.send)
    const onlyHandler = Account.toLayer({ ...handlers, Ping: send })
    expectTypeOf(onlyHandler).toEqualTypeOf<Layer.Layer<Account, StartError | InvalidOption, Ryker.Ryker | Mailer>>()
    const read = () => Effect.map(Database, ({ balance }) => balance)
    const twoHandlers = Account.toLayer({ ...handlers, Balance: read, Ping: send })
    expectTypeOf(twoHandlers).toEqualTypeOf<
      Layer.Layer<Account, StartError | InvalidOption, Ryker.Ryker | Mailer | Database>
    >()
  })

  it("needs another actor that build or a handler asks", () => {
    const asks = () => Effect.orDie(Effect.flatMap(Strict, (strict) => strict.ask.Ping()))
    expectTypeOf(Account.toLayer({ ...handlers, Ping: asks })).toEqualTypeOf<
      Layer.Layer<Account, StartError | InvalidOption, Ryker.Ryker | Strict>
    >()
  })

  it("fails with build's own error and no other", () => {
    const failing = Account.toLayer(Effect.as(Effect.fail(new Unavailable()), handlers))
    expectTypeOf(failing).toEqualTypeOf<Layer.Layer<Account, Unavailable | StartError | InvalidOption, Ryker.Ryker>>()
  })

  it("of a keyed family needs the same, and does not fail with what a build fails with, which is tried again", () => {
    const send = () => Effect.flatMap(Mailer, (mailer) => mailer.send)
    const layer = Accounts.toLayer((id) => {
      expectTypeOf(id).toEqualTypeOf<string>()
      return Effect.gen(function* () {
        yield* Database
        yield* Accounts
        yield* Actor.self
        yield* Effect.addFinalizer(() => Effect.void)
        if (id === "") return yield* new Unavailable()
        return { ...handlers, Ping: send }
      })
    })
    expectTypeOf(layer).toEqualTypeOf<
      Layer.Layer<Accounts, StartError | InvalidOption, Ryker.Ryker | Database | Mailer>
    >()
    expectTypeOf(Accounts.toLayer(() => handlers)).toEqualTypeOf<
      Layer.Layer<Accounts, StartError | InvalidOption, Ryker.Ryker>
    >()
  })

  it("takes a handler for each message, of the right reply and error", () => {
    const { Ping: _, ...noPing } = handlers
    const badReply = { ...handlers, Withdraw: () => Effect.succeed("1") }
    const badError = { ...handlers, Withdraw: () => new Unavailable() }
    const layers = () => [
      Account.toLayer(handlers),
      // @ts-expect-error Ping has no handler
      Account.toLayer(noPing),
      // @ts-expect-error the reply is of another type
      Account.toLayer(badReply),
      // @ts-expect-error the error is another one
      Account.toLayer(badError),
      Account.toLayer(Effect.succeed(handlers)),
      // @ts-expect-error Ping has no handler
      Account.toLayer(Effect.succeed(noPing)),
      // @ts-expect-error the reply is of another type
      Account.toLayer(Effect.succeed(badReply)),
      // @ts-expect-error the error is another one
      Account.toLayer(Effect.succeed(badError)),
      Accounts.toLayer(() => handlers),
      // @ts-expect-error Ping has no handler
      Accounts.toLayer(() => noPing),
      // @ts-expect-error the error is another one
      Accounts.toLayer(() => Effect.succeed(badError)),
      // @ts-expect-error a family's build takes the id
      Accounts.toLayer(handlers)
    ]
    expectTypeOf(layers).toBeFunction()
  })

  it("takes the options of an actor, and a family those of a family", () => {
    const layers = () => [
      Account.toLayer(handlers, { capacity: 1, deadline: "1 second", restart: "transient", backoff: { base: 1 } }),
      // @ts-expect-error there is no such option
      Account.toLayer(handlers, { size: 1 }),
      // @ts-expect-error a capacity is a number
      Account.toLayer(handlers, { capacity: "1" }),
      // @ts-expect-error there is no such restart type
      Account.toLayer(handlers, { restart: "always" }),
      // @ts-expect-error an actor has no residents
      Account.toLayer(handlers, { maxResident: 1 }),
      Accounts.toLayer(() => handlers, { capacity: 1, maxResident: 1, idleAfter: "1 minute" })
    ]
    expectTypeOf(layers).toBeFunction()
  })
})

describe("spawn", () => {
  it("gives a handle in a Scope, and needs and fails with what the Layer does", () => {
    expectTypeOf(Actor.spawn(Account, handlers)).toEqualTypeOf<
      Effect.Effect<Actor.Handle<Messages>, StartError | InvalidOption, Ryker.Ryker | Scope.Scope>
    >()
    expectTypeOf(Actor.spawn(Account, build, { name: "Account#a", capacity: 1 })).toEqualTypeOf<
      Effect.Effect<
        Actor.Handle<Messages>,
        Unavailable | StartError | InvalidOption,
        Ryker.Ryker | Database | Mailer | Scope.Scope
      >
    >()
    expectTypeOf(Actor.spawn(Strict, handlers)).toEqualTypeOf<
      Effect.Effect<Actor.Handle<Messages, InvalidMessage>, StartError | InvalidOption, Ryker.Ryker | Scope.Scope>
    >()
  })

  it("tells handlers their payloads, and takes one for each message", () => {
    const { Ping: _, ...noPing } = handlers
    const badError = { ...handlers, Withdraw: () => new Unavailable() }
    const spawns = () => [
      Actor.spawn(Account, {
        ...handlers,
        Withdraw: (payload) => {
          expectTypeOf(payload).toEqualTypeOf<Amount>()
          return Effect.succeed(1)
        }
      }),
      // @ts-expect-error Ping has no handler
      Actor.spawn(Account, noPing),
      // @ts-expect-error the error is another one
      Actor.spawn(Account, Effect.succeed(badError)),
      // @ts-expect-error a family has no single actor
      Actor.spawn(Accounts, handlers)
    ]
    expectTypeOf(spawns).toBeFunction()
  })
})

describe("dispatch", () => {
  it("gives any of the replies, and fails with any of the errors or InvalidMessage", () => {
    const dispatch = (account: Actor.Handle<Messages>, strict: Actor.Handle<Messages, InvalidMessage>) => ({
      account: Actor.dispatch(account, { tag: "Withdraw", payload: { amount: 1 } }),
      strict: Actor.dispatch(strict, { tag: "Withdraw" }, { deadline: "1 second" })
    })
    type Expected = Effect.Effect<number | void, Overdrawn | AskError | InvalidMessage>
    expectTypeOf(dispatch).returns.toEqualTypeOf<{ account: Expected; strict: Expected }>()
  })

  it("needs what decoding the payloads needs; ask and tell, which decode nothing, do not", () => {
    const Sealed = Schema.String.pipe(
      Schema.decodeTo(Schema.String, {
        decode: SchemaGetter.transformEffect((text: string) => Effect.map(Keys, (keys) => keys.decrypt(text))),
        encode: SchemaGetter.passthrough()
      })
    )
    class Vault extends Actor.Service<Vault>()("Vault", [
      Rpc.make("Open", { payload: { secret: Sealed }, success: Schema.Boolean }),
      Rpc.make("Read", { success: Sealed })
    ]) {}
    type Handle = (typeof Vault)["Service"]
    const dispatch = (vault: Handle) => Actor.dispatch(vault, { tag: "Open", payload: { secret: "x" } })
    expectTypeOf(dispatch).returns.toEqualTypeOf<Effect.Effect<boolean | string, AskError | InvalidMessage, Keys>>()
    expectTypeOf<ReturnType<Handle["ask"]["Open"]>>().toEqualTypeOf<Effect.Effect<boolean, AskError>>()
    expectTypeOf<ReturnType<Handle["tell"]["Open"]>>().toEqualTypeOf<Effect.Effect<void, TellError>>()
  })
})

describe("What looks at an actor or stops it", () => {
  it("takes any handle, needs nothing and cannot fail", () => {
    const uses = (account: Actor.Handle<Messages>, strict: Actor.Handle<Messages, InvalidMessage>) => ({
      awaitStopped: Actor.awaitStopped(account),
      status: Actor.status(strict),
      stop: Actor.stop(account, { deadline: 0 })
    })
    expectTypeOf(uses).returns.toEqualTypeOf<{
      awaitStopped: Effect.Effect<StopReason>
      status: Effect.Effect<Actor.Status>
      stop: Effect.Effect<void>
    }>()
  })

  it("self is there for build and handlers alone", () => {
    expectTypeOf(Actor.self).toEqualTypeOf<Effect.Effect<Actor.Self["Service"], never, Actor.Self>>()
    expectTypeOf<Actor.Self["Service"]>().toEqualTypeOf<{
      readonly name: string
      readonly address: string
      readonly id: string | undefined
      readonly incarnation: number
    }>()
  })
})

describe("What an actor does of itself", () => {
  class Failing extends Actor.Service<Failing>()("Failing", [Withdraw, Ping]) {}

  it("stash is the result of any handler, whatever it replies and fails with", () => {
    const stashing = {
      Deposit: () => Actor.stash,
      Withdraw: () => Actor.stash,
      Balance: () => Actor.stash,
      Ping: () => Actor.stash
    }
    expectTypeOf(Actor.stash).toEqualTypeOf<Effect.Effect<never, never, Actor.Self>>()
    expectTypeOf(Account.toLayer(stashing)).toEqualTypeOf<
      Layer.Layer<Account, StartError | InvalidOption, Ryker.Ryker>
    >()
    // Also when only one branch of it does.
    const sometimes = Failing.of({
      Withdraw: ({ amount }) => (amount > 1 ? Actor.stash : Effect.succeed(amount)),
      Ping: () =>
        Effect.gen(function* () {
          yield* Actor.unstashAll
          return yield* Actor.stash
        })
    })
    expectTypeOf(Failing.toLayer(sometimes)).toEqualTypeOf<
      Layer.Layer<Failing, StartError | InvalidOption, Ryker.Ryker>
    >()
  })

  it("stash, unstashAll, stopSelf, timers and the receive timeout are for actors alone", () => {
    type Own<A> = Effect.Effect<A, never, Actor.Self>
    expectTypeOf(Actor.unstashAll).toEqualTypeOf<Own<void>>()
    expectTypeOf(Actor.stopSelf).toEqualTypeOf<Own<void>>()
    expectTypeOf(Actor.cancelReceiveTimeout).toEqualTypeOf<Own<void>>()
    expectTypeOf(Actor.timers).toEqualTypeOf<Own<Actor.Timers>>()
    const run = (effect: Effect.Effect<unknown>) => effect
    run(Effect.void)
    // @ts-expect-error there is no actor here
    run(Actor.stopSelf)
    // @ts-expect-error there is no actor here
    run(Effect.flatMap(Actor.timers, (timers) => timers.cancelAll))
  })

  it("a timer, a receive timeout and onDown need what their effect needs, which cannot fail", () => {
    const work = Effect.flatMap(Mailer, (mailer) => mailer.send)
    const failing = Effect.fail(new Unavailable())
    const uses = (timers: Actor.Timers, other: Actor.Any) => ({
      single: timers.single("key", 1, work),
      fixedDelay: timers.fixedDelay("key", "1 second", work),
      fixedRate: timers.fixedRate("key", "1 second", Effect.void),
      cancel: timers.cancel("key"),
      isActive: timers.isActive("key"),
      timeout: Actor.receiveTimeout("1 second", work),
      plainTimeout: Actor.receiveTimeout(1, Effect.void),
      onDown: Actor.onDown(other, ({ actor }) => Effect.andThen(Effect.succeed(actor), work)),
      plainDown: Actor.onDown(other, () => Effect.void, { until: "incarnation" }),
      watch: Actor.watch(other, { until: "terminal" })
    })
    type Starts<R> = Effect.Effect<void, InvalidOption, R>
    expectTypeOf(uses).returns.toEqualTypeOf<{
      single: Starts<Mailer>
      fixedDelay: Starts<Mailer>
      fixedRate: Starts<never>
      cancel: Effect.Effect<void>
      isActive: Effect.Effect<boolean>
      timeout: Starts<Mailer | Actor.Self>
      plainTimeout: Starts<Actor.Self>
      onDown: Effect.Effect<Actor.Watch, never, Mailer | Actor.Self>
      plainDown: Effect.Effect<Actor.Watch, never, Actor.Self>
      watch: Effect.Effect<Actor.Watch>
    }>()
    const bad = (timers: Actor.Timers, other: Actor.Any) => [
      // @ts-expect-error nobody would see the failure
      timers.single("key", 1, failing),
      // @ts-expect-error nobody would see the failure
      timers.fixedRate("key", 1, failing),
      // @ts-expect-error nobody would see the failure
      Actor.receiveTimeout(1, failing),
      // @ts-expect-error nobody would see the failure
      Actor.onDown(other, () => failing),
      // @ts-expect-error there is no such time
      Actor.watch(other, { until: "tomorrow" })
    ]
    expectTypeOf(bad).toBeFunction()
  })

  it("what these need is what the actor's Layer needs", () => {
    const build = Effect.gen(function* () {
      const { fixedRate } = yield* Actor.timers
      yield* fixedRate(
        "flush",
        "1 second",
        Effect.flatMap(Mailer, (mailer) => mailer.send)
      )
      return { ...handlers, Ping: () => Actor.stopSelf }
    })
    expectTypeOf(
      Account.toLayer(build, { restart: "transient", significant: true, stash: 1, redeliver: 1 })
    ).toEqualTypeOf<Layer.Layer<Account, StartError | InvalidOption, Mailer | Ryker.Ryker>>()
  })
})

describe("Supervisor", () => {
  class Bank extends Supervisor.Service<Bank>()("Bank") {}
  const account = Account.toLayer(Effect.as(Database, handlers))
  const accounts = Accounts.toLayer(() => Effect.as(Mailer, handlers))
  type Errors = SupervisorStartError | StartError | InvalidOption

  it("gives the services of all its children and needs what they need; their errors are in its own", () => {
    const failing = Lenient.toLayer(Effect.fail(new Unavailable()))
    const all = Supervisor.layer("all", { children: [account, accounts, failing] })
    expectTypeOf(all).toEqualTypeOf<
      Layer.Layer<Account | Accounts | Lenient, Errors, Database | Mailer | Ryker.Ryker>
    >()
    const nested = Supervisor.layer("nested", {
      strategy: "rest-for-one",
      children: [all, Supervisor.layer("empty"), Strict.toLayer(handlers)]
    })
    expectTypeOf(nested).toEqualTypeOf<
      Layer.Layer<Account | Accounts | Lenient | Strict, Errors, Database | Mailer | Ryker.Ryker>
    >()
    expectTypeOf(Supervisor.layer("none")).toEqualTypeOf<Layer.Layer<never, Errors, Ryker.Ryker>>()
    expectTypeOf(Supervisor.layer("none", {})).toEqualTypeOf<Layer.Layer<never, Errors, Ryker.Ryker>>()
  })

  it("takes a child that was provided with another, which it then does not need, and gives no handle of", () => {
    const audit = Lenient.toLayer(Effect.as(Account, { Ping: () => Effect.void })).pipe(Layer.provide(account))
    expectTypeOf(Supervisor.layer("S", { children: [audit] })).toEqualTypeOf<
      Layer.Layer<Lenient, Errors, Database | Ryker.Ryker>
    >()
  })

  it("defined as a service gives its own handle, too", () => {
    expectTypeOf(Bank.toLayer({ children: [account], autoShutdown: "all" })).toEqualTypeOf<
      Layer.Layer<Bank | Account, Errors, Database | Ryker.Ryker>
    >()
    expectTypeOf(Bank.toLayer()).toEqualTypeOf<Layer.Layer<Bank, Errors, Ryker.Ryker>>()
    expectTypeOf<Effect.Success<typeof Bank>>().toEqualTypeOf<Supervisor.Handle>()
  })

  it("refuses options that are none, and children that are no Layers", () => {
    const layers = () => [
      Supervisor.layer("S", { strategy: "one-for-one", onExhausted: "isolate", autoShutdown: "any" }),
      // @ts-expect-error the names are OTP's, written with hyphens
      Supervisor.layer("S", { strategy: "one_for_one" }),
      // @ts-expect-error there is no such choice
      Supervisor.layer("S", { onExhausted: "ignore" }),
      // @ts-expect-error an Effect is no child
      Supervisor.layer("S", { children: [Effect.void] }),
      // @ts-expect-error a supervisor has no mailbox
      Supervisor.layer("S", { capacity: 1 })
    ]
    expectTypeOf(layers).toBeFunction()
  })

  it("startChild gives and needs what the effect does, less the Scope, which is the supervisor's", () => {
    const uses = (bank: Supervisor.Handle) => ({
      spawned: Supervisor.startChild(bank, Actor.spawn(Account, Effect.as(Database, handlers))),
      failing: Supervisor.startChild(bank, Actor.spawn(Account, Effect.fail(new Unavailable()))),
      built: Supervisor.startChild(bank, Layer.build(accounts))
    })
    expectTypeOf(uses).returns.toEqualTypeOf<{
      spawned: Effect.Effect<Actor.Handle<Messages>, StartError | InvalidOption | ChildError, Database | Ryker.Ryker>
      failing: Effect.Effect<Actor.Handle<Messages>, Unavailable | StartError | InvalidOption | ChildError, Ryker.Ryker>
      built: Effect.Effect<Context.Context<Accounts>, StartError | InvalidOption | ChildError, Mailer | Ryker.Ryker>
    }>()
  })

  it("is managed by its handle; what manages actors takes it as well", () => {
    const uses = (bank: Supervisor.Handle, account: Actor.Handle<Messages>) => ({
      terminate: Supervisor.terminateChild(bank, "Account"),
      restart: Supervisor.restartChild(bank, "Account"),
      delete: Supervisor.deleteChild(bank, "Account"),
      which: Supervisor.whichChildren(bank),
      count: Supervisor.countChildren(bank),
      find: Supervisor.find("Bank"),
      stop: Actor.stop(bank),
      status: Actor.status(bank),
      watch: Actor.watch(account)
    })
    expectTypeOf(uses).returns.toEqualTypeOf<{
      terminate: Effect.Effect<void, ChildError>
      restart: Effect.Effect<void, ChildError | SupervisorStartError>
      delete: Effect.Effect<void, ChildError>
      which: Effect.Effect<ReadonlyArray<Supervisor.Child>>
      count: Effect.Effect<Supervisor.Counts>
      find: Effect.Effect<Option.Option<Supervisor.Handle>, never, Ryker.Ryker>
      stop: Effect.Effect<void>
      status: Effect.Effect<Actor.Status>
      watch: Effect.Effect<Actor.Watch>
    }>()
    const bad = (bank: Supervisor.Handle) => [
      // @ts-expect-error a supervisor has no messages
      () => bank.ask,
      // @ts-expect-error a definition is no handle
      Actor.stop(Account)
    ]
    expectTypeOf(bad).toBeFunction()
  })
})

describe("The runtime", () => {
  it("gives streams that need it and cannot fail, and a failure that nothing but itself can be", () => {
    expectTypeOf(Ryker.events).toEqualTypeOf<Stream.Stream<RykerEvent, never, Ryker.Ryker>>()
    expectTypeOf(Ryker.deadLetters).toEqualTypeOf<Stream.Stream<DeadLetter, never, Ryker.Ryker>>()
    expectTypeOf(Ryker.missed).toEqualTypeOf<
      Effect.Effect<{ readonly events: number; readonly deadLetters: number }, never, Ryker.Ryker>
    >()
    expectTypeOf(Ryker.awaitFailure).toEqualTypeOf<Effect.Effect<never, RootFailure, Ryker.Ryker>>()
    expectTypeOf(Ryker.layerAwaitFailure).toEqualTypeOf<Layer.Layer<never, RootFailure, Ryker.Ryker>>()
  })

  it("has events that their tag tells apart", () => {
    expectTypeOf<Extract<RykerEvent, { _tag: "ActorStopped" }>["reason"]>().toEqualTypeOf<StopReason>()
    expectTypeOf<Extract<RykerEvent, { _tag: "DrainStarted" }>["limit"]>().toEqualTypeOf<number | undefined>()
    expectTypeOf<RykerEvent["actor"]>().toEqualTypeOf<string>()
    expectTypeOf<RykerEvent["time"]>().toEqualTypeOf<number>()
  })
})
