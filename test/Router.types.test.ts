import { describe, expectTypeOf, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Actor from "../src/Actor.ts"
import * as Router from "../src/Router.ts"
import type * as Ryker from "../src/Ryker.ts"
import type { InvalidMessage, InvalidOption, StartError } from "../src/RykerError.ts"

// The assertions of this file are the compiler's, as those of Actor.types.test.ts.

class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {}) {}
class Database extends Context.Service<Database, { readonly rows: number }>()("test/Database") {}
class Mailer extends Context.Service<Mailer, { readonly send: Effect.Effect<void> }>()("test/Mailer") {}

const Store = Rpc.make("Store", { payload: { id: Schema.String, row: Schema.Int } })
const Count = Rpc.make("Count", { payload: { table: Schema.Finite }, success: Schema.Finite })
const Ping = Rpc.make("Ping")
type Messages = typeof Store | typeof Count | typeof Ping

class Rows extends Actor.Service<Rows>()("Rows", [Store, Count, Ping]) {}
class Strict extends Actor.Service<Strict>()("Strict", [Store, Count, Ping], { validate: "always" }) {}
class Family extends Actor.keyed<Family>()("Family", [Ping]) {}

const handlers = { Store: () => Effect.void, Count: () => Effect.succeed(1), Ping: () => Effect.void }

/** Needs the Database, and a handler the Mailer; may fail. */
const build = Effect.gen(function* () {
  const database = yield* Database
  yield* Effect.addFinalizer(() => Effect.void)
  yield* Rows
  yield* Actor.self
  if (database.rows < 0) return yield* new Unavailable()
  return Rows.of({ ...handlers, Ping: () => Effect.flatMap(Mailer, (mailer) => mailer.send) })
})

describe("layer", () => {
  it("gives the definition's service, and needs and fails with what toLayer does", () => {
    expectTypeOf(Router.layer(Rows, handlers, { size: 2 })).toEqualTypeOf<
      Layer.Layer<Rows, StartError | InvalidOption, Ryker.Ryker>
    >()
    expectTypeOf(Router.layer(Rows, build, { size: 2, capacity: 1 })).toEqualTypeOf<
      Layer.Layer<Rows, Unavailable | StartError | InvalidOption, Ryker.Ryker | Database | Mailer>
    >()
    expectTypeOf(
      Router.layer(
        Strict,
        Effect.sync(() => handlers),
        { size: 2 }
      )
    ).toEqualTypeOf<Layer.Layer<Strict, StartError | InvalidOption, Ryker.Ryker>>()
  })

  it("takes a handler for each message, a size, and the options of an actor", () => {
    const { Ping: _, ...noPing } = handlers
    const layers = () => [
      Router.layer(Rows, handlers, { size: 2, choose: "random", capacity: 1, restart: "transient" }),
      // @ts-expect-error Ping has no handler
      Router.layer(Rows, noPing, { size: 2 }),
      // @ts-expect-error a pool has a size
      Router.layer(Rows, handlers, { choose: "random" }),
      // @ts-expect-error there is no such choice
      Router.layer(Rows, handlers, { size: 2, choose: "sticky" }),
      // @ts-expect-error a pool has no residents
      Router.layer(Rows, handlers, { size: 2, maxResident: 1 }),
      // @ts-expect-error only a spawned pool has a name of its own
      Router.layer(Rows, handlers, { size: 2, name: "rows" }),
      // @ts-expect-error a family has no single actor
      Router.layer(Family, handlers, { size: 2 })
    ]
    expectTypeOf(layers).toBeFunction()
  })
})

describe("spawn", () => {
  it("gives an ordinary handle in a Scope", () => {
    expectTypeOf(Router.spawn(Rows, build, { size: 2, name: "rows" })).toEqualTypeOf<
      Effect.Effect<
        Actor.Handle<Messages>,
        Unavailable | StartError | InvalidOption,
        Ryker.Ryker | Database | Mailer | Scope.Scope
      >
    >()
    expectTypeOf(Router.spawn(Strict, handlers, { size: 2 })).toEqualTypeOf<
      Effect.Effect<Actor.Handle<Messages, InvalidMessage>, StartError | InvalidOption, Ryker.Ryker | Scope.Scope>
    >()
  })
})

describe("consistentHash", () => {
  it("knows the messages of the definition: each payload goes with its tag", () => {
    type Message =
      | { readonly tag: "Store"; readonly payload: { readonly id: string; readonly row: number } }
      | { readonly tag: "Count"; readonly payload: { readonly table: number } }
      | { readonly tag: "Ping"; readonly payload: void }
    expectTypeOf<Router.Routed<Messages>>().toEqualTypeOf<Message>()
    const layers = () => [
      Router.layer(Rows, handlers, {
        size: 2,
        choose: Router.consistentHash((message) => {
          expectTypeOf(message).toEqualTypeOf<Message>()
          switch (message.tag) {
            case "Store":
              return message.payload.id
            case "Count":
              return message.payload.table
            case "Ping":
              return ""
          }
        })
      }),
      Router.spawn(Strict, handlers, { size: 2, choose: Router.consistentHash(({ tag }) => tag) }),
      // @ts-expect-error not all payloads have an id
      Router.layer(Rows, handlers, { size: 2, choose: Router.consistentHash(({ payload }) => payload.id) }),
      // @ts-expect-error a key is a string or a number
      Router.layer(Rows, handlers, { size: 2, choose: Router.consistentHash(() => true) })
    ]
    expectTypeOf(layers).toBeFunction()
  })

  it("made for some messages does not do for a definition with others", () => {
    const byId = Router.consistentHash<typeof Store>(({ payload: { id } }) => id)
    class Stores extends Actor.Service<Stores>()("Stores", [Store]) {}
    const layers = () => [
      Router.layer(Stores, { Store: () => Effect.void }, { size: 2, choose: byId }),
      // @ts-expect-error Rows has messages without an id
      Router.layer(Rows, handlers, { size: 2, choose: byId })
    ]
    expectTypeOf(layers).toBeFunction()
  })
})

describe("members and poolOf", () => {
  it("give handles of the pool's type, and take any handle", () => {
    const uses = (pool: Actor.Handle<Messages, InvalidMessage>, any: Actor.Any) => ({
      members: Router.members(pool),
      pool: Router.poolOf(pool),
      any: Router.members(any)
    })
    expectTypeOf(uses).returns.toEqualTypeOf<{
      members: ReadonlyArray<Actor.Handle<Messages, InvalidMessage>>
      pool: Actor.Handle<Messages, InvalidMessage>
      any: ReadonlyArray<Actor.Any>
    }>()
  })
})
