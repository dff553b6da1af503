/** What is left of a message's bytes, whichever way the message has left. */
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import { CurrentMessage } from "../src/internal/envelope.ts"
import * as Router from "../src/Router.ts"
import * as Ryker from "../src/Ryker.ts"
import * as RykerError from "../src/RykerError.ts"
import * as Supervisor from "../src/Supervisor.ts"
import { background, entryOf, errorOf, settled, stalledClock } from "./Actor.fixtures.ts"
import { crash, defaults, pass, run } from "./Actor.kinds.ts"
import { assertBalanced } from "./fixtures.ts"

// --- What the tests use -------------------------------------------------------------------------------------------------

/** A typed failure that holds bytes, too. */
class Declined extends Schema.TaggedError<Declined>()("Declined", { data: Schema.Uint8Array }) {}

/** What a vault does with what it is given. */
type Job = (
  held: unknown
) => Effect.Effect<unknown, Declined | RykerError.AskError, Actor.Self | Ryker.Ryker | Scope.Scope>

interface Tree {
  readonly data: Uint8Array
  readonly children: ReadonlyArray<Tree>
}
const Tree: Schema.Codec<Tree> = Schema.Struct({
  data: Schema.Uint8Array,
  children: Schema.Array(Schema.suspend(() => Tree))
})

const message = <const Tag extends string, S extends Schema.Top>(tag: Tag, held: S) =>
  Rpc.make(tag, {
    payload: { job: Schema.declare((value): value is Job => typeof value === "function"), held },
    success: Schema.Unknown,
    error: Schema.Union([
      Declined,
      RykerError.Busy,
      RykerError.Timeout,
      RykerError.TooLarge,
      RykerError.Crashed,
      RykerError.Stopped,
      RykerError.Deadlock
    ])
  })

const messages = [
  message("Bytes", Schema.Uint8Array),
  message("Open", Schema.Unknown),
  message("Secret", Schema.Redacted(Schema.Unknown)),
  message("Tree", Tree),
  message("Nothing", Schema.Void)
] as const

class Vault extends Actor.Service<Vault>()("Vault", messages) {}
class Vaults extends Actor.keyed<Vaults>()("Vaults", messages) {}
class Sibling extends Actor.Service<Sibling>()("Sibling", messages) {}
class Top extends Supervisor.Service<Top>()("Top") {}

type VaultHandle = Vault["Service"]

const handle = ({ held, job }: { readonly held: unknown; readonly job: Job }) => job(held)

const handlers = { Bytes: handle, Open: handle, Secret: handle, Tree: handle, Nothing: handle }

const ones = (length = 8): Uint8Array<ArrayBuffer> => new Uint8Array(length).fill(1)
const zeros = (length = 8): Uint8Array<ArrayBuffer> => new Uint8Array(length)

const isWiped = (secret: Redacted.Redacted<unknown>): boolean => {
  try {
    Redacted.value(secret)
    return false
  } catch {
    return true
  }
}

/** Something to send, and how much of it is left. */
interface Sample {
  readonly ask: (vault: VaultHandle, job: Job, options?: Actor.SendOptions) => ReturnType<VaultHandle["ask"]["Bytes"]>
  readonly tell: (vault: VaultHandle, job: Job, options?: Actor.SendOptions) => ReturnType<VaultHandle["tell"]["Bytes"]>
  /** Of several parts that may be gone: none, or all. Anything in between fails the test. */
  readonly isGone: () => boolean
  /** How many bytes are overwritten. */
  readonly bytes: number
}

const sampleOf = <Tag extends "Bytes" | "Open" | "Secret" | "Tree">(
  tag: Tag,
  held: Parameters<VaultHandle["ask"][Tag]>[0]["held"],
  arrays: ReadonlyArray<Uint8Array>,
  secrets: ReadonlyArray<Redacted.Redacted<unknown>> = []
): Sample => {
  // Which of the messages it is makes no difference to what the functions do with it.
  const payload = (job: Job) => ({ job, held }) as never
  return {
    ask: (vault, job, options) => vault.ask[tag](payload(job), options),
    tell: (vault, job, options) => vault.tell[tag](payload(job), options),
    isGone: () => {
      const signs = [...arrays.flatMap((array) => Array.from(array, (byte) => byte === 0)), ...secrets.map(isWiped)]
      assert.strictEqual(new Set(signs).size, 1, "gone in part")
      return signs[0]!
    },
    bytes: arrays.reduce((sum, { byteLength }) => sum + byteLength, 0)
  }
}

const bytesSample = (): Sample => {
  const data = ones()
  return sampleOf("Bytes", data, [data])
}

/** Each kind of payload that has something to forget. */
const samples: Record<string, () => Sample> = {
  "a typed array": bytesSample,
  "buffers and views in what is open": () => {
    const arrays = [ones(), ones(16), ones(24), ones(4)]
    const [a, b, c, d] = arrays
    const held = new Map<unknown, unknown>([
      ["a", { list: [a!.buffer] }],
      [new DataView(b!.buffer), new Set([new Float64Array(c!.buffer)])]
    ])
    held.set("self", held).set("d", Object.freeze({ d }))
    return sampleOf("Open", held, arrays)
  },
  "a Redacted text": () => {
    const secret = Redacted.make("secret")
    return sampleOf("Secret", secret, [], [secret])
  },
  "Redacted bytes": () => {
    const data = ones()
    const secret = Redacted.make({ data })
    return sampleOf("Secret", secret, [data], [secret])
  },
  "a recursive structure": () => {
    const arrays = [ones(), ones(2), ones(3)]
    const [a, b, c] = arrays
    const leaf = { data: c!, children: [] }
    return sampleOf("Tree", { data: a!, children: [{ data: b!, children: [leaf] }, leaf] }, arrays)
  }
}

/** Sends something that holds nothing to forget. */
const askPlainly = (vault: VaultHandle, job: Job, options?: Actor.SendOptions) =>
  vault.ask.Nothing({ job, held: undefined }, options)
const tellPlainly = (vault: VaultHandle, job: Job, options?: Actor.SendOptions) =>
  vault.tell.Nothing({ job, held: undefined }, options)

const never: Job = () => Effect.never

const stubborn =
  (millis: number, reply?: unknown): Job =>
  () =>
    Effect.uninterruptible(Effect.as(Effect.sleep(millis), reply))

type Services = Ryker.Ryker | Scope.Scope

/** The ways of running an actor. */
const kinds = {
  plain: (options) => Actor.spawn(Vault, handlers, options),
  keyed: (options) =>
    Effect.map(Layer.build(Vaults.toLayer(() => handlers, options)), (context) =>
      Context.get(context, Vaults).get("a")
    ),
  supervised: (options) =>
    Effect.map(Layer.build(Top.toLayer({ children: [Vault.toLayer(handlers, options)] })), (context) =>
      Context.get(context, Vault)
    ),
  routed: (options) => Router.spawn(Vault, handlers, { ...options, size: 1 })
} as const satisfies Record<string, (options: Actor.Options) => Effect.Effect<VaultHandle, unknown, Services>>

type Kind = keyof typeof kinds

const amnesiac: Actor.Options = { ...defaults, amnesia: true }

const spawn = (options: Actor.Options = {}) => Actor.spawn(Vault, handlers, { ...amnesiac, ...options })

const nameOf = (vault: VaultHandle): string => vault.address.split(/[/#]/)[0]!

const bytesForgotten = (vault: VaultHandle) => Effect.map(entryOf(nameOf(vault)), (entry) => entry.zeroizedBytes)

// --- Every way out ------------------------------------------------------------------------------------------------------

interface Way {
  readonly options?: Actor.Options
  /** Has the sample leave; what a handler gets must be whole, which is checked around each of its runs. */
  readonly leave: (
    vault: VaultHandle,
    sample: Sample,
    whole: (job: Job) => Job
  ) => Effect.Effect<unknown, unknown, Services>
}

const once: Actor.Options = { restart: "temporary" }
const fragile: Actor.Options = { intensity: { restarts: 0 } }

const ways: Record<string, Way> = {
  "handled, with a reply at hand": {
    leave: (vault, sample, whole) =>
      sample.ask(
        vault,
        whole(() => Exit.succeed("done"))
      )
  },
  "handled, after a while": {
    leave: (vault, sample, whole) =>
      Effect.gen(function* () {
        yield* background(
          sample.ask(
            vault,
            whole(() => Effect.sleep(50))
          )
        )
        assert.isFalse(sample.isGone(), "under the handler's hands")
        yield* pass(50)
      })
  },
  "handled, a tell": {
    leave: (vault, sample, whole) =>
      Effect.andThen(
        sample.tell(
          vault,
          whole(() => Effect.void)
        ),
        settled
      )
  },
  "failed with a typed error": {
    leave: (vault, sample, whole) =>
      Effect.flip(
        sample.ask(
          vault,
          whole(() => new Declined({ data: zeros() }))
        )
      )
  },
  crashed: {
    leave: (vault, sample, whole) => Effect.exit(sample.ask(vault, whole(crash)))
  },
  "crashed before there was an Effect": {
    leave: (vault, sample, whole) =>
      Effect.exit(
        sample.ask(
          vault,
          whole(() => {
            throw new Error("on purpose")
          })
        )
      )
  },
  "timed out in the queue": {
    leave: (vault, sample) =>
      Effect.gen(function* () {
        yield* background(askPlainly(vault, never))
        yield* background(Effect.exit(sample.ask(vault, never, { deadline: 50 })))
        yield* pass(40)
        assert.isFalse(sample.isGone(), "while it is queued")
        yield* pass(20)
      })
  },
  "a tell that expired in the queue": {
    leave: (vault, sample) =>
      Effect.gen(function* () {
        yield* background(askPlainly(vault, never))
        yield* sample.tell(vault, never, { deadline: 50 })
        yield* pass(60)
      })
  },
  "a tell that had expired when it was sent": {
    leave: (vault, sample) => Effect.andThen(sample.tell(vault, never, { deadline: 0 }), pass(10))
  },
  "timed out in hand": {
    leave: (vault, sample, whole) =>
      Effect.gen(function* () {
        yield* background(Effect.exit(sample.ask(vault, whole(never), { deadline: 50 })))
        yield* pass(60)
      })
  },
  "timed out in hand, by a handler that cannot be interrupted, when that ends": {
    leave: (vault, sample, whole) =>
      Effect.gen(function* () {
        const asker = yield* background(Effect.exit(sample.ask(vault, whole(stubborn(100)), { deadline: 50 })))
        yield* pass(60)
        assert.isDefined(asker.pollUnsafe(), "the asker does not wait for it")
        assert.isFalse(sample.isGone(), "under the handler's hands")
        yield* pass(50)
      })
  },
  "its asker interrupted, in the queue": {
    leave: (vault, sample) =>
      Effect.gen(function* () {
        yield* background(askPlainly(vault, never))
        yield* Fiber.interrupt(yield* background(sample.ask(vault, never)))
      })
  },
  "its asker interrupted, in hand": {
    leave: (vault, sample, whole) =>
      Effect.gen(function* () {
        yield* Fiber.interrupt(yield* background(sample.ask(vault, whole(never))))
        yield* settled
      })
  },
  "its asker interrupted, by a handler that cannot be interrupted, when that ends": {
    leave: (vault, sample, whole) =>
      Effect.gen(function* () {
        yield* Fiber.interrupt(yield* background(sample.ask(vault, whole(stubborn(50)))))
        yield* settled
        assert.isFalse(sample.isGone(), "under the handler's hands")
        yield* pass(50)
      })
  },
  "queued at a stop": {
    leave: (vault, sample) =>
      Effect.gen(function* () {
        yield* tellPlainly(vault, never)
        yield* sample.tell(vault, never)
        yield* Actor.stop(vault, { deadline: 0 })
      })
  },
  "in hand at a stop": {
    leave: (vault, sample, whole) =>
      Effect.gen(function* () {
        yield* background(Effect.exit(sample.ask(vault, whole(never))))
        yield* Actor.stop(vault, { deadline: 0 })
        yield* settled
      })
  },
  "in hand at a stop that does not wait for it, when its handler ends": {
    leave: (vault, sample, whole) =>
      Effect.gen(function* () {
        yield* background(Effect.exit(sample.ask(vault, whole(stubborn(50)))))
        yield* Actor.stop(vault, { deadline: 0 })
        assert.isFalse(sample.isGone(), "under the handler's hands")
        yield* pass(50)
      })
  },
  "queued at a drain": {
    leave: (vault, sample) =>
      Effect.gen(function* () {
        yield* tellPlainly(vault, never)
        yield* sample.tell(vault, never)
        yield* Ryker.drain(0)
      })
  },
  "in hand at a drain": {
    leave: (vault, sample, whole) =>
      Effect.gen(function* () {
        yield* background(Effect.exit(sample.ask(vault, whole(never))))
        yield* Ryker.drain(0)
        yield* settled
      })
  },
  "handled during a drain": {
    leave: (vault, sample, whole) =>
      Effect.gen(function* () {
        yield* tellPlainly(vault, () => Effect.sleep(10))
        yield* sample.tell(
          vault,
          whole(() => Effect.sleep(10))
        )
        yield* background(Ryker.drain(100))
        yield* pass(30)
      })
  },
  "queued at a rapid fail": {
    options: fragile,
    leave: (vault, sample) =>
      Effect.gen(function* () {
        yield* background(Effect.exit(askPlainly(vault, () => Effect.andThen(Effect.sleep(10), crash()))))
        yield* background(Effect.exit(sample.ask(vault, never)))
        yield* pass(20)
      })
  },
  "queued at the crash of a temporary actor": {
    options: once,
    leave: (vault, sample) =>
      Effect.gen(function* () {
        yield* background(Effect.exit(askPlainly(vault, () => Effect.andThen(Effect.sleep(10), crash()))))
        yield* sample.tell(vault, never)
        yield* pass(20)
      })
  },
  "too much for the stash": {
    options: { stash: 0 },
    leave: (vault, sample, whole) =>
      Effect.flip(
        sample.ask(
          vault,
          whole(() => Actor.stash)
        )
      )
  },
  "timed out in the stash": {
    leave: (vault, sample, whole) =>
      Effect.gen(function* () {
        yield* background(
          Effect.exit(
            sample.ask(
              vault,
              whole(() => Actor.stash),
              { deadline: 50 }
            )
          )
        )
        assert.isFalse(sample.isGone(), "while it is stashed")
        yield* pass(60)
      })
  },
  "its asker interrupted, in the stash": {
    leave: (vault, sample, whole) =>
      Effect.gen(function* () {
        yield* Fiber.interrupt(
          yield* background(
            sample.ask(
              vault,
              whole(() => Actor.stash)
            )
          )
        )
      })
  },
  "stashed at a stop": {
    leave: (vault, sample, whole) =>
      Effect.gen(function* () {
        yield* sample.tell(
          vault,
          whole(() => Actor.stash)
        )
        yield* settled
        yield* Actor.stop(vault, { deadline: 0 })
      })
  },
  "handled after it was stashed": {
    leave: (vault, sample, whole) =>
      Effect.gen(function* () {
        let isReady = false
        const job = whole(() => (isReady ? Effect.void : Actor.stash))
        yield* sample.tell(vault, job)
        yield* settled
        isReady = true
        assert.isFalse(sample.isGone(), "while it is stashed")
        yield* askPlainly(vault, () => Actor.unstashAll)
        yield* settled
      })
  },
  poison: {
    options: { redeliver: 2 },
    leave: (vault, sample, whole) =>
      Effect.gen(function* () {
        let deliveries = 0
        const job = whole(() => (deliveries++, crash()))
        const asker = yield* background(Effect.exit(sample.ask(vault, job)))
        assert.isFalse(sample.isGone(), "before it is delivered again")
        yield* pass(1_000)
        assert.strictEqual(deliveries, 3)
        assert.isDefined(asker.pollUnsafe())
      })
  },
  "handled when it was delivered again": {
    options: { redeliver: 1 },
    leave: (vault, sample, whole) =>
      Effect.gen(function* () {
        let deliveries = 0
        const job = whole(() => (deliveries++ === 0 ? crash() : Effect.succeed("done")))
        const asker = yield* background(sample.ask(vault, job))
        yield* pass(200)
        assert.strictEqual(yield* Fiber.join(asker), "done")
      })
  }
}

const runWay = (kind: Kind, { leave, options }: Way, sample: Sample) =>
  Effect.gen(function* () {
    const vault = yield* kinds[kind]({ ...amnesiac, ...options })
    yield* leave(vault, sample, (job) => (held) => {
      assert.isFalse(sample.isGone(), "gone before its handler")
      return job(held)
    })
    assert.isTrue(sample.isGone(), "not gone")
    assert.strictEqual(yield* bytesForgotten(vault), sample.bytes)
    yield* assertBalanced
  }).pipe(run)

describe("what a message held is gone once it was", () => {
  for (const [name, way] of Object.entries(ways)) {
    for (const kind of ["plain", "keyed", "supervised", "routed"] as const) {
      it.effect(`${name} (${kind})`, () => runWay(kind, way, bytesSample()))
    }
    for (const [what, make] of Object.entries(samples)) {
      if (make !== bytesSample) it.effect(`${name}: ${what}`, () => runWay("plain", way, make()))
    }
  }

  it.effect("taken from the mailbox after its deadline, when timers are late", () => {
    let now = 0
    const sample = bytesSample()
    return Effect.gen(function* () {
      const vault = yield* spawn()
      yield* Actor.suspend(vault)
      yield* sample.tell(vault, never, { deadline: 50 })
      now = 60
      yield* Actor.resume(vault)
      yield* settled
      assert.isTrue(sample.isGone())
      assert.strictEqual(yield* bytesForgotten(vault), 8)
    }).pipe(
      run,
      Effect.provideService(
        Clock.Clock,
        stalledClock(() => now)
      )
    )
  })

  it.effect("in hand of an actor that is restarted with its group, and not what it has queued", () => {
    const [first, second] = [bytesSample(), bytesSample()]
    return Effect.gen(function* () {
      const children = [Sibling.toLayer(handlers, amnesiac), Vault.toLayer(handlers, amnesiac)] as const
      const context = yield* Layer.build(Top.toLayer({ strategy: "one-for-all", children }))
      const vault = Context.get(context, Vault)
      const asker = yield* background(Effect.exit(first.ask(vault, never)))
      const queued = yield* background(second.ask(vault, () => Effect.succeed(second.isGone())))
      yield* tellPlainly(Context.get(context, Sibling), crash)
      yield* settled
      assert.isDefined(asker.pollUnsafe())
      assert.isTrue(first.isGone())
      assert.isFalse(second.isGone(), "while it is queued")
      yield* pass(200)
      assert.isFalse(yield* Fiber.join(queued), "gone before its handler")
      assert.isTrue(second.isGone())
    }).pipe(run)
  })

  it.effect("queued when its Scope closed", () => {
    const sample = bytesSample()
    return Effect.gen(function* () {
      const scope = yield* Scope.make()
      const vault = yield* Scope.provide(spawn(), scope)
      yield* tellPlainly(vault, never)
      yield* sample.tell(vault, never)
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(sample.isGone())
    }).pipe(run)
  })
})

// --- What never came in -------------------------------------------------------------------------------------------------

/** Sends that are refused. */
const refusals: Record<string, (sample: Sample) => Effect.Effect<VaultHandle, unknown, Services>> = {
  "Busy, as the mailbox is full": (sample) =>
    Effect.gen(function* () {
      const vault = yield* spawn({ capacity: 1 })
      yield* Actor.suspend(vault)
      yield* tellPlainly(vault, () => Effect.void)
      assert.strictEqual((yield* Effect.flip(sample.tell(vault, never)))._tag, "Busy")
      assert.strictEqual((yield* Effect.flip(sample.ask(vault, never)))._tag, "Busy")
      return vault
    }),
  "Busy, as the pool is full": (sample) =>
    Effect.gen(function* () {
      const vault = yield* Router.spawn(Vault, handlers, { ...amnesiac, capacity: 1, size: 1 })
      yield* Actor.suspend(vault)
      yield* tellPlainly(vault, () => Effect.void)
      assert.strictEqual((yield* Effect.flip(sample.tell(vault, never)))._tag, "Busy")
      return vault
    }),
  "Busy, as the family is full": (sample) =>
    Effect.gen(function* () {
      const layer = Vaults.toLayer(() => handlers, { ...amnesiac, maxResident: 1 })
      const family = Context.get(yield* Layer.build(layer), Vaults)
      yield* tellPlainly(family.get("a"), () => Effect.void)
      assert.strictEqual((yield* Effect.flip(sample.tell(family.get("b"), never)))._tag, "Busy")
      return family.get("a")
    }),
  TooLarge: (sample) =>
    Effect.gen(function* () {
      const vault = yield* spawn({ maxMessageBytes: 1 })
      assert.strictEqual((yield* Effect.flip(sample.tell(vault, never)))._tag, "TooLarge")
      return vault
    }),
  Stopped: (sample) =>
    Effect.gen(function* () {
      const vault = yield* spawn()
      yield* Actor.stop(vault)
      assert.strictEqual((yield* Effect.flip(sample.tell(vault, never)))._tag, "Stopped")
      return vault
    }),
  "Timeout, as the deadline had come when it was sent": (sample) =>
    Effect.gen(function* () {
      const vault = yield* spawn()
      assert.strictEqual((yield* Effect.flip(sample.ask(vault, never, { deadline: 0 })))._tag, "Timeout")
      return vault
    }),
  Deadlock: (sample) =>
    Effect.gen(function* () {
      const vault: VaultHandle = yield* spawn()
      const error = yield* askPlainly(vault, () => Effect.map(Effect.exit(sample.ask(vault, never)), errorOf))
      assert.deepInclude(error, { _tag: "Deadlock" })
      return vault
    })
}

describe("what a message holds that was refused is its sender's still", () => {
  for (const [name, refuse] of Object.entries(refusals)) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const sample = bytesSample()
        const vault = yield* refuse(sample)
        yield* settled
        assert.isFalse(sample.isGone())
        assert.strictEqual(yield* bytesForgotten(vault), 0)
        yield* assertBalanced
        // So it can be sent again, to one that takes it.
        const other = yield* spawn()
        yield* sample.ask(other, () => Effect.sync(() => assert.isFalse(sample.isGone())))
        assert.isTrue(sample.isGone())
      }).pipe(run)
    )
  }

  it.effect("InvalidMessage", () => {
    class Strict extends Actor.Service<Strict>()(
      "Strict",
      [Rpc.make("Put", { payload: { data: Schema.Uint8Array.check(Schema.isMaxLength(4)) } })],
      { validate: "always" }
    ) {}
    return Effect.gen(function* () {
      const strict = yield* Actor.spawn(Strict, { Put: () => Effect.void }, amnesiac)
      const data = ones()
      assert.strictEqual((yield* Effect.flip(strict.tell.Put({ data })))._tag, "InvalidMessage")
      assert.deepStrictEqual(data, ones())
    }).pipe(run)
  })
})

// --- Replies ------------------------------------------------------------------------------------------------------------

describe("a reply", () => {
  const asked = (vault: VaultHandle, held: Uint8Array, job: Job, options?: Actor.SendOptions) =>
    vault.ask.Bytes({ held, job }, options)

  it.effect("that is what the payload held is given to the asker as it is", () =>
    Effect.gen(function* () {
      const vault = yield* spawn()
      const data = ones()
      assert.strictEqual(yield* asked(vault, data, Effect.succeed), data)
      assert.strictEqual(yield* asked(vault, data, (held) => Effect.delay(Effect.succeed(held), 0)), data)
      assert.deepStrictEqual(data, ones())
      assert.strictEqual(yield* bytesForgotten(vault), 0)
    }).pipe(run)
  )

  it.effect("that is a part of what the payload held keeps that part, and no more", () =>
    Effect.gen(function* () {
      const vault = yield* spawn()
      const data = ones()
      const part = yield* asked(vault, data, () => Effect.succeed({ part: data.subarray(2, 4) }))
      assert.deepStrictEqual(part, { part: ones(2) })
      assert.deepStrictEqual(Array.from(data), [0, 0, 1, 1, 0, 0, 0, 0])
      assert.strictEqual(yield* bytesForgotten(vault), 6)
    }).pipe(run)
  )

  it.effect("that holds the payload's Redacted leaves it as it is", () =>
    Effect.gen(function* () {
      const vault = yield* spawn()
      const secret = Redacted.make<unknown>(ones())
      assert.strictEqual(yield* vault.ask.Secret({ held: secret, job: Effect.succeed }), secret)
      assert.deepStrictEqual(Redacted.value(secret), ones())
    }).pipe(run)
  )

  it.effect("may be a typed failure", () =>
    Effect.gen(function* () {
      const vault = yield* spawn()
      const data = ones()
      const error = yield* Effect.flip(asked(vault, data, () => Effect.fail(new Declined({ data }))))
      assert.deepInclude(error, { _tag: "Declined", data: ones() })
      yield* vault.tell.Bytes({ held: data, job: () => Effect.fail(new Declined({ data })) })
      yield* settled
      assert.deepStrictEqual(data, zeros())
    }).pipe(run)
  )

  it.effect("that is a typed failure is known by its own schema", () => {
    class Strict extends Actor.Service<Strict>()("Strict", [
      Rpc.make("Refuse", { payload: { data: Schema.Uint8Array }, error: Declined }),
      Rpc.make("Return", { payload: { data: Schema.Uint8Array }, success: Schema.Uint8Array })
    ]) {}
    return Effect.gen(function* () {
      const strict = yield* Actor.spawn(
        Strict,
        { Refuse: ({ data }) => new Declined({ data }), Return: ({ data }) => Effect.succeed(data) },
        amnesiac
      )
      const error = yield* Effect.flip(strict.ask.Refuse({ data: ones() }))
      assert.deepInclude(error, { _tag: "Declined", data: ones() })
      assert.deepStrictEqual(yield* strict.ask.Return({ data: ones() }), ones())
    }).pipe(run)
  })

  it.effect("of bytes of the handler's own belongs to the asker", () =>
    Effect.gen(function* () {
      const vault = yield* spawn()
      const [data, reply] = [ones(), ones()]
      assert.strictEqual(yield* asked(vault, data, () => Effect.succeed(reply)), reply)
      assert.deepStrictEqual([data, reply], [zeros(), ones()])
    }).pipe(run)
  )

  it.effect("to a tell is gone", () =>
    Effect.gen(function* () {
      const vault = yield* spawn()
      const [data, reply] = [ones(), ones()]
      yield* vault.tell.Bytes({ held: data, job: () => Effect.succeed([reply, data]) })
      yield* settled
      assert.deepStrictEqual([data, reply], [zeros(), zeros()])
      assert.strictEqual(yield* bytesForgotten(vault), 16)
    }).pipe(run)
  )

  for (const [how, wrap] of [
    ["at hand", (reply: () => unknown) => Exit.succeed(reply())],
    ["in an Effect", (reply: () => unknown) => Effect.sync(reply)]
  ] as const) {
    it.effect(`to an asker that its handler has interrupted is gone (${how})`, () =>
      Effect.gen(function* () {
        const vault = yield* spawn()
        const [data, reply] = [ones(), ones()]
        let asker: Fiber.Fiber<unknown, unknown> | undefined
        const job: Job = () =>
          wrap(() => {
            asker?.interruptUnsafe()
            return reply
          })
        asker = yield* Effect.forkChild(asked(vault, data, job))
        yield* settled
        assert.deepStrictEqual([data, reply], [zeros(), zeros()])
        assert.deepInclude(yield* entryOf("Vault"), { failed: 1, zeroizedBytes: 16 })
      }).pipe(run)
    )
  }

  it.effect("that its asker has got, or nobody, is not held by the message any longer", () =>
    Effect.gen(function* () {
      const vault = yield* spawn()
      const served: Array<{ readonly payload: unknown } | undefined> = []
      const echo: Job = (held) =>
        Effect.map(CurrentMessage, (current) => {
          served.push(current?.serving)
          return held
        })
      assert.deepStrictEqual(yield* asked(vault, ones(), echo), ones())
      yield* vault.tell.Bytes({ held: ones(), job: echo })
      yield* settled
      assert.deepStrictEqual(
        served.map((message) => message?.payload),
        [undefined, undefined]
      )
      assert.isDefined(served[0])
    }).pipe(run)
  )

  // Effect drops what an uninterruptible region gives to a fiber that was interrupted meanwhile: nobody ever sees it.
  it.effect("that a handler makes when it was interrupted already is not seen by anybody, and stays", () =>
    Effect.gen(function* () {
      const vault = yield* spawn()
      const [data, reply] = [ones(), ones()]
      yield* background(Effect.exit(asked(vault, data, stubborn(100, reply), { deadline: 50 })))
      yield* pass(110)
      assert.deepStrictEqual([data, reply], [zeros(), ones()])
    }).pipe(run)
  )

  // Replies that are nested too deep are handed over in a task of their own: the asker may be interrupted before.
  it.effect("that is on its way when its asker is interrupted is gone", () =>
    Effect.gen(function* () {
      const depth = 60
      const vaults = yield* Effect.forEach(Array.from({ length: depth }), () => spawn())
      const breaker = yield* spawn()
      const replies: Array<Uint8Array> = []
      let taken = 0
      let outer: Fiber.Fiber<unknown, unknown> | undefined
      const reply = () => {
        const bytes = ones()
        replies.push(bytes)
        return bytes
      }
      const at =
        (level: number): Job =>
        () =>
          level === depth
            ? Effect.andThen(
                // Its turn comes after this handler's end, and before the task that hands a reply over.
                tellPlainly(breaker, () => Effect.sync(() => outer?.interruptUnsafe())),
                Effect.sync(reply)
              )
            : Effect.map(askPlainly(vaults[level]!, at(level + 1)), () => {
                taken++
                return reply()
              })
      outer = yield* Effect.forkChild(Effect.exit(askPlainly(vaults[0]!, at(1))))
      for (let n = 0; n < 10; n++) yield* settled
      assert.strictEqual(taken, replies.length - 1, "one was not taken")
      assert.isBelow(taken, depth - 1, "the interruption came too late")
      assert.deepStrictEqual(replies.at(-1), zeros())
      for (const taken of replies.slice(0, -1)) assert.deepStrictEqual(taken, ones())
    }).pipe(run)
  )
})

// --- What users stumble over --------------------------------------------------------------------------------------------

describe("bytes that are given away", () => {
  it.effect("are zeros to a handler that has kept them", () =>
    Effect.gen(function* () {
      const vault = yield* spawn()
      let kept: unknown
      yield* vault.ask.Bytes({ held: ones(), job: (held) => Effect.sync(() => void (kept = held)) })
      assert.deepStrictEqual(kept, zeros())
    }).pipe(run)
  )

  it.effect("are zeros to a fiber that the handler left behind", () =>
    Effect.gen(function* () {
      const vault = yield* spawn()
      let seen: unknown
      const later = (held: unknown) =>
        Effect.delay(
          Effect.sync(() => void (seen = held)),
          10
        )
      yield* vault.ask.Bytes({ held: ones(), job: (held) => Effect.asVoid(Effect.forkDetach(later(held))) })
      yield* pass(20)
      assert.deepStrictEqual(seen, zeros())
    }).pipe(run)
  )

  it.effect("are zeros to the second of two actors that they were sent to, when the first has ended with them", () =>
    Effect.gen(function* () {
      const [first, second] = [yield* spawn(), yield* spawn()]
      const data = ones()
      let seen: ReadonlyArray<number> = []
      const look: Job = () => Effect.sync(() => (seen = Array.from(data)))
      yield* Actor.suspend(second)
      yield* second.tell.Bytes({ held: data, job: look })
      yield* first.ask.Bytes({ held: data, job: () => Effect.void })
      yield* Actor.resume(second)
      yield* settled
      assert.deepStrictEqual(seen, Array.from(zeros()))
    }).pipe(run)
  )

  it.effect("are whole to the second if the sender made a copy", () =>
    Effect.gen(function* () {
      const [first, second] = [yield* spawn(), yield* spawn()]
      const data = ones()
      yield* first.ask.Bytes({ held: data.slice(), job: () => Effect.void })
      assert.deepStrictEqual(yield* second.ask.Bytes({ held: data, job: (held) => Effect.succeed(held) }), ones())
    }).pipe(run)
  )
})

// --- The setting --------------------------------------------------------------------------------------------------------

describe("amnesia", () => {
  /** Whether an actor with these options forgets. */
  const forgets = (kind: Kind, options: Actor.Options) =>
    Effect.gen(function* () {
      const vault = yield* kinds[kind]({ ...defaults, ...options })
      const sample = bytesSample()
      yield* sample.ask(vault, () => Effect.void)
      assert.strictEqual(yield* bytesForgotten(vault), sample.isGone() ? 8 : 0)
      return sample.isGone()
    })

  for (const kind of ["plain", "keyed", "supervised", "routed"] as const) {
    it.effect(`is off by default (${kind})`, () =>
      Effect.gen(function* () {
        assert.isFalse(yield* forgets(kind, {}))
      }).pipe(run)
    )

    it.effect(`is what the runtime's default says (${kind})`, () =>
      Effect.gen(function* () {
        assert.isTrue(yield* forgets(kind, {}))
      }).pipe(Effect.scoped, Effect.provide(Ryker.layerWith({ defaults: { amnesia: true } })))
    )

    it.effect(`is what the actor's own option says (${kind})`, () =>
      Effect.gen(function* () {
        assert.isFalse(yield* forgets(kind, { amnesia: false }))
      }).pipe(Effect.scoped, Effect.provide(Ryker.layerWith({ defaults: { amnesia: true } })))
    )
  }

  it.effect("outlasts restarts", () =>
    Effect.gen(function* () {
      const vault = yield* spawn()
      yield* Effect.exit(askPlainly(vault, crash))
      yield* pass(200)
      const sample = bytesSample()
      yield* sample.ask(vault, () => Effect.void)
      assert.isTrue(sample.isGone())
    }).pipe(run)
  )

  it.effect("leaves alone what is no message: the actor's state, and what its timers hold", () =>
    Effect.gen(function* () {
      const state = ones()
      let seen: ReadonlyArray<number> = []
      const vault = yield* Actor.spawn(
        Vault,
        Effect.gen(function* () {
          const timers = yield* Actor.timers
          yield* timers.single(
            "look",
            10,
            Effect.sync(() => (seen = Array.from(state)))
          )
          return handlers
        }),
        amnesiac
      )
      yield* vault.ask.Bytes({ held: ones(), job: () => Effect.sync(() => state[0]) })
      yield* pass(20)
      assert.deepStrictEqual(seen, Array.from(ones()))
      assert.strictEqual(yield* bytesForgotten(vault), 8)
    }).pipe(run)
  )

  it.effect("counts by definition, and what is off counts nothing", () =>
    Effect.gen(function* () {
      const [first, second, off] = [yield* spawn(), yield* spawn(), yield* spawn({ amnesia: false })]
      for (const vault of [first, second, off]) yield* vault.ask.Bytes({ held: ones(), job: () => Effect.void })
      assert.strictEqual(yield* bytesForgotten(first), 16)
    }).pipe(run)
  )

  it.effect("is no reason to fail: a payload that cannot be looked through is handled as ever", () =>
    Effect.gen(function* () {
      const vault = yield* spawn()
      const { proxy, revoke } = Proxy.revocable({}, {})
      const job: Job = () => Effect.sync(revoke)
      yield* vault.ask.Open({ held: { proxy }, job })
      assert.deepInclude(yield* entryOf("Vault"), { handled: 1, crashes: 0 })
    }).pipe(run)
  )
})

// --- Anything at any time -----------------------------------------------------------------------------------------------

const acts = ["reply", "echo", "fail", "die", "slow", "slowEcho", "stubborn", "stubbornEcho", "hang", "stash"] as const
type Act = (typeof acts)[number]

const int = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

const operation = Arbitrary.all({
  kind: int(0, 9),
  act: Arbitrary.map(int(0, acts.length - 1), (index): Act => acts[index]!),
  isAsk: int(0, 1),
  deadline: int(0, 60),
  millis: int(1, 40),
  which: int(0, 9)
})
type Operation = typeof operation extends Arbitrary.Arbitrary<infer A> ? A : never

const jobOf = (act: Act, millis: number, isReady: () => boolean): Job => {
  switch (act) {
    case "reply":
      return () => Effect.void
    case "echo":
      return Effect.succeed
    case "fail":
      return () => Effect.fail(new Declined({ data: zeros(0) }))
    case "die":
      return crash
    case "slow":
      return () => Effect.sleep(millis)
    case "slowEcho":
      return (held) => Effect.as(Effect.sleep(millis), held)
    case "stubborn":
      return stubborn(millis)
    case "stubbornEcho":
      return (held) => stubborn(millis, held)(held)
    case "hang":
      return never
    case "stash":
      return (held) => (isReady() ? Effect.succeed(held) : Actor.stash)
  }
}

interface Sent {
  readonly data: Uint8Array
  readonly act: Act
  readonly fiber: Fiber.Fiber<Exit.Exit<unknown, unknown>>
  readonly isAsk: boolean
}

const wasRefused = (exit: Exit.Exit<unknown, unknown>): boolean => {
  const reason = Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined
  const error: unknown = reason?._tag === "Fail" ? reason.error : undefined
  if (error instanceof RykerError.Busy) return error.limit === "mailbox"
  if (error instanceof RykerError.Stopped) return error.phase === "refused"
  return error instanceof RykerError.Timeout && error.millis === 0
}

describe("whatever happens", () => {
  it.effect.prop(
    "what was accepted is zeros in the end, what was refused or taken as a reply is whole, and the count is right",
    { operations: Arbitrary.array(operation, { maxLength: 40 }), redeliver: int(0, 2), stash: int(0, 3) },
    ({ operations, redeliver, stash }) =>
      Effect.gen(function* () {
        yield* TestClock.adjust(0)
        const vault = yield* spawn({ capacity: 4, redeliver, stash, backoff: { base: 5, cap: 5, jitter: false } })
        const sent: Array<Sent> = []
        let isReady = false
        const perform = Effect.fnUntraced(function* ({ act, deadline, isAsk, kind, millis, which }: Operation) {
          if (kind === 0) return yield* pass(millis)
          if (kind === 1) return sent[which]?.fiber.interruptUnsafe()
          if (kind === 2) {
            isReady = !isReady
            return yield* background(Effect.exit(askPlainly(vault, () => Actor.unstashAll, { deadline: 10 })))
          }
          const data = ones()
          const payload = { held: data, job: jobOf(act, millis, () => isReady) }
          const sending =
            isAsk === 1
              ? vault.ask.Bytes(payload, { deadline })
              : vault.tell.Bytes(payload, act === "hang" || deadline > 30 ? { deadline } : {})
          sent.push({ data, act, isAsk: isAsk === 1, fiber: yield* background(Effect.exit(sending)) })
        })
        for (const operation of operations) yield* perform(operation)
        yield* background(Ryker.drain(20))
        yield* pass(100)
        let expected = 0
        for (const { act, data, fiber, isAsk } of sent) {
          const exit = fiber.pollUnsafe()
          assert.isDefined(exit, `${act} has not settled`)
          const inner = Exit.isSuccess(exit) ? exit.value : exit
          const isTaken = isAsk && Exit.isSuccess(inner) && inner.value === data
          const isWhole = isTaken || wasRefused(inner)
          assert.deepStrictEqual(data, isWhole ? ones() : zeros(), `${act} ${String(inner)}`)
          if (!isWhole) expected += 8
        }
        assert.strictEqual(yield* bytesForgotten(vault), expected)
        yield* assertBalanced
        return true
      }).pipe(run),
    { arbitrary: { runs: 150, size: 40 }, timeout: 60_000 }
  )
})
