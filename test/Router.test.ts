import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Actor from "../src/Actor.ts"
import * as Ledger from "../src/Ledger.ts"
import * as Router from "../src/Router.ts"
import * as Ryker from "../src/Ryker.ts"
import { Busy, Deadlock, InvalidOption, StartError, Stopped, TooLarge } from "../src/RykerError.ts"
import {
  ask,
  background,
  entryOf,
  errorOf,
  interruptedAtStep,
  type Job,
  makeResource,
  settled,
  spawnWorker,
  tell,
  Worker,
  type WorkerHandle,
  workerHandlers,
  workerLayer
} from "./Actor.fixtures.ts"
import { withActors } from "./fixtures.ts"

// --- The pools under test -----------------------------------------------------------------------------------------------

type Choice = Exclude<Router.Choose<never>, Router.ConsistentHash<never>>

interface PoolOptions extends Actor.Options {
  readonly size: number
  readonly choose?: Choice | undefined
}

/** Does what its messages say; closing waits for nobody, so that a failed assertion does not hang. */
const poolLayer = (options: PoolOptions) => Router.layer(Worker, workerHandlers, { shutdown: 0, ...options })

const spawnPool = (options: PoolOptions & { readonly name?: string }) =>
  Router.spawn(Worker, workerHandlers, { shutdown: 0, ...options })

/** Knows what it was told, by key. */
class Clerk extends Actor.Service<Clerk>()("Clerk", [
  Rpc.make("Where", { payload: { key: Schema.Union([Schema.String, Schema.Number]) }, success: Schema.String }),
  Rpc.make("Note", { payload: { key: Schema.String, n: Schema.Int } }),
  Rpc.make("Notes", { payload: { key: Schema.String }, success: Schema.Array(Schema.Int) }),
  Rpc.make("Hang", { payload: { key: Schema.String } }),
  Rpc.make("Crash", { payload: { key: Schema.String } })
]) {}

const buildClerk = Effect.gen(function* () {
  const { address } = yield* Actor.self
  const notes = new Map<string, Array<number>>()
  return Clerk.of({
    Where: () => Effect.succeed(address),
    Note: ({ key, n }) => Effect.sync(() => void notes.set(key, [...(notes.get(key) ?? []), n])),
    Notes: ({ key }) => Effect.sync(() => notes.get(key) ?? []),
    Hang: () => Effect.never,
    Crash: () => Effect.die(new Error("crash on purpose"))
  })
})

const clerkLayer = (options: Actor.Options & { readonly size: number }) =>
  Router.layer(Clerk, buildClerk, {
    shutdown: 0,
    ...options,
    choose: Router.consistentHash((message) => message.payload.key)
  })

/** Each without jitter, so that the delays are known. */
const noJitter = { jitter: false } as const

const address: Job = () => Effect.map(Actor.self, ({ address }) => address)

/** The number of the member that answers. */
const who = (pool: WorkerHandle) => Effect.map(ask(pool, address), numberOf)

const numberOf = (address: unknown): number => Number(String(address).split("/")[1])

const times = (count: number) => Array.from({ length: count }, (_, index) => index)

/** Which members answer so many messages in a row. */
const turns = (pool: WorkerHandle, count: number) => Effect.forEach(times(count), () => who(pool))

const member = (pool: WorkerHandle, n: number): WorkerHandle => {
  const found = Router.members(pool)[n - 1]
  assert.isDefined(found)
  return found
}

const crash: Job = () => Effect.die(new Error("crash on purpose"))

/** Occupies a member, until it is let go. */
const occupy = (worker: WorkerHandle) =>
  Effect.gen(function* () {
    const gate = yield* Deferred.make<void>()
    yield* tell(worker, () => Deferred.await(gate))
    yield* settled
    return Deferred.succeed(gate, undefined)
  })

/** Puts so many messages into the mailbox of an occupied member. */
const queue = (worker: WorkerHandle, count: number) =>
  Effect.forEach(times(count), () => tell(worker, () => Effect.void), { discard: true })

const tagsOf = (pool: Actor.Any) =>
  Effect.forEach(Router.members(pool), (member) => Effect.map(Actor.status(member), ({ _tag }) => _tag))

const choices: ReadonlyArray<Choice> = ["round-robin", "random", "least-queued"]

class NoStart extends Schema.TaggedError<NoStart>()("NoStart", {}) {}

/** The builds and closings of members, in order, and what may go wrong with them. */
class House {
  readonly log: Array<string> = []
  buildMillis = 0
  closeMillis = 0
  failAt = 0

  readonly build = Effect.gen({ self: this }, function* () {
    const { address } = yield* Actor.self
    const n = numberOf(address)
    yield* Effect.acquireRelease(
      Effect.sync(() => this.log.push(`start ${n}`)),
      () =>
        Effect.delay(
          Effect.sync(() => this.log.push(`closed ${n}`)),
          this.closeMillis
        )
    )
    if (this.buildMillis > 0) yield* Effect.sleep(this.buildMillis)
    if (n === this.failAt) return yield* new NoStart()
    this.log.push(`ready ${n}`)
    return workerHandlers
  })
}

const started = (...numbers: ReadonlyArray<number>) => numbers.flatMap((n) => [`start ${n}`, `ready ${n}`])

/** No pool, and no member of one, is left: the names are free. */
const assertFree = Effect.scoped(Effect.asVoid(spawnPool({ size: 3, name: "Worker" })))

// --- Tests --------------------------------------------------------------------------------------------------------------

describe("the start of a pool", () => {
  it.effect("starts the members in order, each when the one before is ready", () => {
    const house = new House()
    house.buildMillis = 10
    return Effect.gen(function* () {
      const start = yield* background(Router.spawn(Worker, house.build, { size: 3, name: "Worker" }))
      assert.deepStrictEqual(house.log, ["start 1"])
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(house.log, [...started(1), "start 2"])
      assert.isUndefined(start.pollUnsafe())
      yield* TestClock.adjust(20)
      const pool = yield* Fiber.join(start)
      assert.deepStrictEqual(house.log, started(1, 2, 3))
      assert.deepStrictEqual(
        Router.members(pool).map(({ address }) => address),
        ["Worker/1", "Worker/2", "Worker/3"]
      )
      assert.strictEqual(pool.address, "Worker")
    }).pipe(Effect.scoped, withActors(Layer.empty))
  })

  it.effect("gives a spawned pool the name and a number, and its members those and their own", () =>
    Effect.gen(function* () {
      const one = yield* spawnPool({ size: 2 })
      const other = yield* spawnPool({ size: 1 })
      assert.deepStrictEqual([one.address, other.address], ["Worker#1", "Worker#2"])
      assert.deepStrictEqual(
        Router.members(one).map(({ address }) => address),
        ["Worker#1/1", "Worker#1/2"]
      )
    }).pipe(withActors(Layer.empty))
  )

  it.effect(
    "that fails at one member stops those before it, the last one first, and fails the Layer with its error",
    () => {
      const house = new House()
      house.failAt = 3
      house.closeMillis = 10
      return Effect.gen(function* () {
        yield* TestClock.adjust(0)
        const layer = Router.layer(Worker, house.build, { size: 5, shutdown: "1 second" })
        const start = yield* background(Effect.exit(Effect.scoped(Layer.build(layer))))
        yield* TestClock.adjust(10)
        assert.deepStrictEqual(house.log, ["start 1", "ready 1", "start 2", "ready 2", "start 3", "closed 3"])
        yield* TestClock.adjust(20)
        assert.instanceOf(errorOf(yield* Fiber.join(start)), NoStart)
        assert.deepStrictEqual(house.log.slice(-3), ["closed 3", "closed 2", "closed 1"])
        yield* assertFree
      }).pipe(withActors(Layer.empty))
    }
  )

  it.effect("that fails in a Scope does not wait for the Scope to close", () => {
    const house = new House()
    house.failAt = 2
    return Effect.gen(function* () {
      const scope = yield* Scope.make()
      const exit = yield* Effect.exit(Scope.provide(Router.spawn(Worker, house.build, { size: 2 }), scope))
      assert.instanceOf(errorOf(exit), NoStart)
      assert.deepStrictEqual(house.log, ["start 1", "ready 1", "start 2", "closed 2", "closed 1"])
      assert.strictEqual(scope.state._tag, "Empty")
    }).pipe(withActors(Layer.empty))
  })

  it.effect("gives StartError for a defect in a build, with the member's address", () =>
    Effect.gen(function* () {
      const build = Effect.flatMap(Actor.self, ({ address }) =>
        address === "Worker/2" ? Effect.die(new Error("on purpose")) : Effect.succeed(workerHandlers)
      )
      const error = yield* Effect.flip(Effect.scoped(Router.spawn(Worker, build, { size: 3, name: "Worker" })))
      assert.deepInclude(error, { _tag: "StartError", reason: "Defect", actor: "Worker/2" })
      yield* assertFree
    }).pipe(withActors(Layer.empty))
  )

  it.effect("that is interrupted leaves no member and takes no name, at any step", () =>
    Effect.gen(function* () {
      const { acquire, resource } = makeResource()
      const build = Effect.as(acquire, workerHandlers)
      let steps = 0
      for (let reached = true; reached; steps++) {
        const scope = yield* Scope.make()
        const start = Scope.provide(Router.spawn(Worker, build, { size: 3, name: "Worker" }), scope)
        const interrupted = yield* interruptedAtStep(start, steps)
        reached = interrupted.reached
        assert.isDefined(interrupted.exit, "it hangs")
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual(resource.released, resource.acquired, `step ${steps}`)
        yield* assertFree
      }
      assert.isAbove(steps, 20)
      assert.isAbove(resource.acquired, 3)
    }).pipe(withActors(Layer.empty))
  )

  it.effect("that is interrupted in a build stops all members before the interruption returns", () => {
    const house = new House()
    house.closeMillis = 10
    return Effect.gen(function* () {
      yield* TestClock.adjust(0)
      const build = Effect.flatMap(Actor.self, ({ address }) =>
        numberOf(address) === 2 ? Effect.andThen(house.build, Effect.never) : house.build
      )
      const start = yield* background(Effect.scoped(Router.spawn(Worker, build, { size: 3, name: "Worker" })))
      const interruption = yield* background(Fiber.interrupt(start))
      yield* TestClock.adjust(10)
      assert.isUndefined(interruption.pollUnsafe())
      yield* TestClock.adjust(10)
      assert.isDefined(interruption.pollUnsafe())
      assert.deepStrictEqual(house.log.slice(4), ["closed 2", "closed 1"])
      yield* assertFree
    }).pipe(withActors(Layer.empty))
  })

  it.effect("that has failed leaves a pool that refuses messages, while its members still close", () => {
    const pools = new Set<WorkerHandle>()
    const build = Effect.gen(function* () {
      const own = yield* Worker
      pools.add(Router.poolOf(own))
      if (numberOf(own.address) === 3) return yield* new NoStart()
      yield* Effect.addFinalizer(() => Effect.sleep(10))
      return workerHandlers
    })
    return Effect.gen(function* () {
      yield* TestClock.adjust(0)
      const start = yield* background(Effect.exit(Router.spawn(Worker, build, { size: 3, name: "Worker" })))
      const [pool] = pools
      assert.isDefined(pool)
      assert.deepStrictEqual(yield* tagsOf(pool), ["Running", "Stopping", "Stopped"])
      const refused = new Stopped({ actor: "Worker", reason: "ScopeClosed", phase: "refused" })
      assert.deepStrictEqual(yield* Effect.flip(tell(pool, () => Effect.void)), refused)
      yield* TestClock.adjust(20)
      assert.instanceOf(errorOf(yield* Fiber.join(start)), NoStart)
      assert.strictEqual(pools.size, 1)
    }).pipe(withActors(Layer.empty))
  })

  it.effect("in a closed Scope gives StartError NotRunning, and takes no name", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* Scope.close(scope, Exit.void)
      const exit = yield* Effect.exit(Scope.provide(spawnPool({ size: 2, name: "Worker" }), scope))
      assert.deepInclude(errorOf(exit), { _tag: "StartError", reason: "NotRunning" })
      yield* assertFree
    }).pipe(withActors(Layer.empty))
  )

  it.effect("in a Scope that closes meanwhile gives StartError NotRunning, and stops all members", () => {
    const house = new House()
    house.buildMillis = 10
    return Effect.gen(function* () {
      const scope = yield* Scope.make()
      const start = yield* background(
        Effect.exit(Scope.provide(Router.spawn(Worker, house.build, { size: 3, name: "Worker" }), scope))
      )
      yield* TestClock.adjust(10)
      yield* Scope.close(scope, Exit.void)
      assert.deepInclude(errorOf(yield* Fiber.join(start)), { _tag: "StartError", reason: "NotRunning" })
      assert.deepStrictEqual(house.log, ["start 1", "ready 1", "start 2", "closed 2", "closed 1"])
      yield* assertFree
    }).pipe(withActors(Layer.empty))
  })

  it.effect("that one of its builds stops gives StartError NotRunning, and starts no further member", () => {
    let builds = 0
    const build = Effect.gen(function* () {
      builds++
      const pool = Router.poolOf(yield* Worker)
      yield* Effect.forkDetach(Actor.stop(pool), { startImmediately: true })
      return workerHandlers
    })
    return Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.scoped(Router.spawn(Worker, build, { size: 3, name: "Worker" })))
      assert.deepInclude(error, { _tag: "StartError", reason: "NotRunning" })
      assert.strictEqual(builds, 1)
      yield* assertFree
    }).pipe(withActors(Layer.empty))
  })

  it.effect("gives InvalidOption for a size or a choice that there is not, and starts nothing", () =>
    Effect.gen(function* () {
      for (const size of [0, -1, 1.5, 10_001, Number.NaN]) {
        const error = yield* Effect.flip(Effect.scoped(spawnPool({ size })))
        const rule = "a whole number from 1 to 10000"
        assert.deepStrictEqual(error, new InvalidOption({ owner: "Worker", option: "size", value: String(size), rule }))
      }
      // Those that the compiler does not see.
      for (const choose of ["roundrobin", {}, 7, () => 1]) {
        const error = yield* Effect.flip(Effect.scoped(spawnPool({ size: 1, choose: choose as "random" })))
        assert.deepInclude(error, { _tag: "InvalidOption", option: "choose" })
      }
      assert.deepInclude(yield* Effect.flip(Effect.scoped(spawnPool({ size: 1, capacity: 0 }))), {
        _tag: "InvalidOption",
        option: "capacity"
      })
      assert.deepStrictEqual(yield* Ryker.ledger, [])
    }).pipe(withActors(Layer.empty))
  )

  it.effect("gives StartError DuplicateName where the pool's name or a member's is taken", () =>
    Effect.gen(function* () {
      yield* spawnPool({ size: 2, name: "pool" })
      const names = [
        Effect.flip(spawnPool({ size: 2, name: "pool" })),
        Effect.flip(spawnWorker("pool")),
        Effect.flip(spawnWorker("pool/2")),
        Effect.andThen(spawnWorker("other/2"), Effect.flip(spawnPool({ size: 3, name: "other" })))
      ]
      for (const name of names) {
        assert.deepInclude(yield* name, { _tag: "StartError", reason: "DuplicateName" })
      }
    }).pipe(withActors(Layer.empty))
  )

  it.effect("gives StartError DuplicateName while a member still runs that an earlier stop left behind", () =>
    Effect.gen(function* () {
      const earlier = yield* spawnPool({ size: 3, name: "Worker" })
      yield* tell(member(earlier, 2), () => Effect.uninterruptible(Effect.sleep(10)))
      yield* settled
      yield* Actor.stop(earlier, { deadline: 0 })
      const error = yield* Effect.flip(Effect.scoped(spawnPool({ size: 3, name: "Worker" })))
      assert.deepInclude(error, { _tag: "StartError", reason: "DuplicateName", actor: "Worker/2" })
      yield* TestClock.adjust(10)
      yield* assertFree
    }).pipe(withActors(Layer.empty))
  )

  it.effect("gives StartError NotRunning while the runtime drains", () =>
    Effect.gen(function* () {
      yield* Ryker.drain("1 second")
      assert.deepInclude(yield* Effect.flip(spawnPool({ size: 2 })), { _tag: "StartError", reason: "NotRunning" })
    }).pipe(withActors(Layer.empty))
  )

  it.effect("of one member, and of 10,000", () =>
    Effect.gen(function* () {
      const one = yield* spawnPool({ size: 1 })
      assert.deepStrictEqual(yield* turns(one, 3), [1, 1, 1])
      const many = yield* spawnPool({ size: 10_000, choose: "least-queued" })
      assert.strictEqual(Router.members(many).length, 10_000)
      assert.deepStrictEqual(yield* turns(many, 3), [1, 2, 3])
    }).pipe(withActors(Layer.empty))
  )

  it.effect("builds the pool once for a Layer that is provided twice", () => {
    const house = new House()
    const layer = Router.layer(Worker, house.build, { size: 2 })
    return Effect.gen(function* () {
      const one = yield* Worker
      const other = yield* Worker.pipe(Effect.provide(layer))
      assert.strictEqual(one, other)
      assert.deepStrictEqual(house.log, started(1, 2))
    }).pipe(withActors(layer))
  })
})

describe("in build and in the handlers of a member", () => {
  class Talker extends Actor.Service<Talker>()("Talker", [
    Rpc.make("Begin", { payload: { left: Schema.Int } }),
    Rpc.make("Heard", { success: Schema.Int }),
    Rpc.make("Names", { success: Schema.Array(Schema.String) })
  ]) {}

  const build = Effect.gen(function* () {
    const own = yield* Talker
    let heard = 0
    return Talker.of({
      Begin: ({ left }) =>
        Effect.gen(function* () {
          heard++
          if (left > 0) yield* Effect.orDie((yield* Talker).tell.Begin({ left: left - 1 }))
        }),
      Heard: () => Effect.sync(() => heard),
      Names: () =>
        Effect.gen(function* () {
          const { address, id, name } = yield* Actor.self
          const handle = yield* Talker
          assert.strictEqual(handle, own)
          assert.isUndefined(id)
          return [name, address, handle.address, Router.poolOf(handle).address]
        })
    })
  })
  const layer = Router.layer(Talker, build, { size: 3 })

  it.effect("the definition gives the member's own handle: what it tells itself comes to its own state", () =>
    Effect.gen(function* () {
      const talker = yield* Talker
      yield* talker.tell.Begin({ left: 5 })
      yield* settled
      assert.deepStrictEqual(yield* Effect.forEach(Router.members(talker), (member) => member.ask.Heard()), [6, 0, 0])
    }).pipe(withActors(layer))
  )

  it.effect("Actor.self has the member's address, and poolOf gives the pool, also after a restart", () =>
    Effect.gen(function* () {
      const talker = yield* Talker
      assert.deepStrictEqual(yield* talker.ask.Names(), ["Talker", "Talker/1", "Talker/1", "Talker"])
      assert.deepStrictEqual(yield* talker.ask.Names(), ["Talker", "Talker/2", "Talker/2", "Talker"])
      assert.strictEqual(Router.poolOf(Router.members(talker)[2]!), talker)
    }).pipe(withActors(layer))
  )

  it.effect("a message to the pool, sent in build, waits for the member that starts", () => {
    let told = 0
    const eager = Effect.gen(function* () {
      const pool = Router.poolOf(yield* Worker)
      yield* tell(pool, () => Effect.sync(() => told++))
      return workerHandlers
    })
    return Effect.gen(function* () {
      yield* settled
      assert.strictEqual(told, 3)
    }).pipe(withActors(Router.layer(Worker, eager, { size: 3 })))
  })
})

describe("round-robin", () => {
  it.effect("is the default, and takes the members in turn", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* turns(yield* Worker, 7), [1, 2, 3, 1, 2, 3, 1])
    }).pipe(withActors(poolLayer({ size: 3 })))
  )

  it.effect("goes on after the member that took the message, so that none gets two turns for one that cannot", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      yield* Actor.stop(member(pool, 2))
      assert.deepStrictEqual(yield* turns(pool, 6), [1, 3, 4, 1, 3, 4])
    }).pipe(withActors(poolLayer({ size: 4 })))
  )
})

/** How often each of so many members was chosen. */
const distribution = (chosen: ReadonlyArray<number>, size: number): ReadonlyArray<number> =>
  times(size).map((index) => chosen.filter((n) => n === index + 1).length)

describe("random", () => {
  it.effect("chooses each member as often as any other", () =>
    Effect.gen(function* () {
      const counts = distribution(yield* turns(yield* Worker, 8_000), 8)
      // 1,000 each; a deviation of 4 sigma (29.6) in one of 8 has a chance of 1 in 2,000, and the seed is fixed.
      for (const count of counts) assert.closeTo(count, 1_000, 120, String(counts))
    }).pipe(withActors(poolLayer({ size: 8, choose: "random" })), Random.withSeed("router"))
  )

  it.effect("chooses each of those that can as often as any other, when one cannot", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      yield* Actor.stop(member(pool, 3))
      const counts = distribution(yield* turns(pool, 7_000), 8)
      assert.strictEqual(counts[2], 0)
      for (const count of counts.toSpliced(2, 1)) assert.closeTo(count, 1_000, 120, String(counts))
    }).pipe(withActors(poolLayer({ size: 8, choose: "random" })), Random.withSeed("router"))
  )

  it.effect("is the same for the same seed and another for another", () => {
    const drawn = (seed: string) =>
      Effect.flatMap(Worker, (pool) => turns(pool, 20)).pipe(
        withActors(poolLayer({ size: 8, choose: "random" })),
        Random.withSeed(seed)
      )
    return Effect.gen(function* () {
      const first = yield* drawn("a")
      assert.deepStrictEqual(yield* drawn("a"), first)
      assert.notDeepEqual(yield* drawn("b"), first)
    })
  })
})

describe("least-queued", () => {
  it.effect("chooses the member with the fewest messages queued and in hand", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      const release = yield* Effect.forEach([1, 2, 3], (n) => occupy(member(pool, n)))
      yield* queue(member(pool, 1), 2)
      yield* queue(member(pool, 3), 1)
      const asked = yield* background(who(pool))
      const loads = yield* Effect.forEach(Router.members(pool), (member) =>
        Effect.map(Actor.status(member), (status) => (status._tag === "Running" ? status.queued : -1))
      )
      assert.deepStrictEqual(loads, [2, 1, 1])
      yield* Effect.all(release)
      assert.strictEqual(yield* Fiber.join(asked), 2)
    }).pipe(withActors(poolLayer({ size: 3, choose: "least-queued", deadline: "Infinity" })))
  )

  it.effect("counts the message in hand: an idle member goes before one that works", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      yield* occupy(member(pool, 1))
      yield* occupy(member(pool, 2))
      assert.deepStrictEqual(yield* turns(pool, 3), [3, 3, 3])
    }).pipe(withActors(poolLayer({ size: 3, choose: "least-queued" })))
  )

  it.effect("takes those with equally many in turn", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* turns(yield* Worker, 5), [1, 2, 3, 1, 2])
    }).pipe(withActors(poolLayer({ size: 3, choose: "least-queued" })))
  )

  it.effect("does not send everything to a member that crashes and so has nothing to do", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      yield* occupy(member(pool, 1))
      yield* queue(member(pool, 1), 3)
      yield* Effect.flip(ask(member(pool, 2), crash))
      const asked = yield* background(Effect.forEach([1, 2], () => who(pool), { concurrency: 2 }))
      assert.strictEqual((yield* Actor.status(member(pool, 2)))._tag, "Restarting")
      assert.deepInclude(yield* Actor.status(member(pool, 1)), { queued: 5 })
      yield* Fiber.interrupt(asked)
    }).pipe(withActors(poolLayer({ size: 2, choose: "least-queued" })))
  )
})

describe("consistentHash", () => {
  const where = (clerk: Clerk["Service"], key: string | number) => Effect.map(clerk.ask.Where({ key }), numberOf)

  /** Keys as they occur: numbers, short and long words, ids. */
  const keys = [
    ...times(1_000).map(String),
    ...times(676).map((n) => String.fromCharCode(97 + Math.floor(n / 26), 97 + (n % 26))),
    ...times(1_000).map((n) => `customer-${n}`),
    ...times(1_000).map((n) => `0190a5c2-7f3e-7000-8000-${String(n * 7919).padStart(12, "0")}`)
  ]

  const owners = (clerk: Clerk["Service"]) => Effect.forEach(keys, (key) => where(clerk, key))

  it.effect("sends the messages of one key to the same member, which handles them in order", () =>
    Effect.gen(function* () {
      const clerk = yield* Clerk
      for (let n = 0; n < 20; n++) {
        for (const key of ["ada", "bob", "cleo"]) yield* clerk.tell.Note({ key, n })
      }
      for (const key of ["ada", "bob", "cleo"]) {
        assert.deepStrictEqual(yield* clerk.ask.Notes({ key }), times(20))
      }
    }).pipe(withActors(clerkLayer({ size: 8 })))
  )

  it.effect("spreads the keys evenly, also short ones and numbers", () =>
    Effect.gen(function* () {
      const clerk = yield* Clerk
      const owner = yield* owners(clerk)
      for (const [from, to] of [
        [0, 1_000],
        [1_000, 1_676],
        [1_676, 2_676],
        [2_676, 3_676]
      ] as const) {
        const counts = distribution(owner.slice(from, to), 8)
        const ideal = (to - from) / 8
        for (const count of counts)
          assert.closeTo(count, ideal, 4 * Math.sqrt(ideal), `${keys[from]}: ${String(counts)}`)
      }
    }).pipe(withActors(clerkLayer({ size: 8 })))
  )

  it.effect("moves the keys of a member that has ended, evenly to all others, and no other key", () =>
    Effect.gen(function* () {
      const clerk = yield* Clerk
      const members = Router.members(clerk)
      let before = yield* owners(clerk)
      const ended = new Set<number>()
      for (const n of [3, 8, 1, 5, 2, 7, 4]) {
        yield* Actor.stop(members[n - 1]!)
        ended.add(n)
        const after = yield* owners(clerk)
        const moved = after.filter((owner, index) => owner !== before[index])
        after.forEach((owner, index) => {
          assert.isFalse(ended.has(owner))
          if (before[index] !== n) assert.strictEqual(owner, before[index])
        })
        const heirs = times(8).filter((index) => !ended.has(index + 1))
        const ideal = moved.length / heirs.length
        const counts = heirs.map((index) => distribution(moved, 8)[index]!)
        for (const count of counts) assert.closeTo(count, ideal, 4 * Math.sqrt(ideal), `after ${n}: ${String(counts)}`)
        before = after
      }
      assert.deepStrictEqual(new Set(before), new Set([6]))
    }).pipe(withActors(clerkLayer({ size: 8 })))
  )

  it.effect("takes a number and its text for the same key", () =>
    Effect.gen(function* () {
      const clerk = yield* Clerk
      for (let key = -20; key < 20; key++) {
        assert.strictEqual(yield* where(clerk, key), yield* where(clerk, String(key)))
      }
      assert.strictEqual(yield* where(clerk, -0), yield* where(clerk, 0))
    }).pipe(withActors(clerkLayer({ size: 8 })))
  )

  it.effect("sends a key to the same member in another pool of the same size", () =>
    Effect.gen(function* () {
      const clerk = yield* Clerk
      const options = { size: 8, choose: Router.consistentHash(({ payload: { key } }) => key) } as const
      const other = yield* Router.spawn(Clerk, buildClerk, options)
      assert.deepStrictEqual(yield* owners(other), yield* owners(clerk))
    }).pipe(withActors(clerkLayer({ size: 8 })))
  )

  it.effect("fails with the Busy of the key's member, and tries no other", () =>
    Effect.gen(function* () {
      const clerk = yield* Clerk
      const owner = Router.members(clerk)[(yield* where(clerk, "ada")) - 1]!
      yield* clerk.tell.Hang({ key: "ada" })
      yield* settled
      yield* clerk.tell.Note({ key: "ada", n: 1 })
      const error = yield* Effect.flip(clerk.tell.Note({ key: "ada", n: 2 }))
      assert.deepStrictEqual(error, new Busy({ actor: owner.address, limit: "mailbox", capacity: 1 }))
      assert.strictEqual((yield* entryOf("Clerk")).refused.busy, 1)
    }).pipe(withActors(clerkLayer({ size: 8, capacity: 1 })))
  )

  it.effect("keeps to the key's member while it restarts", () =>
    Effect.gen(function* () {
      const clerk = yield* Clerk
      const owner = yield* where(clerk, "ada")
      yield* Effect.flip(clerk.ask.Crash({ key: "ada" }))
      const asked = yield* background(where(clerk, "ada"))
      assert.isUndefined(asked.pollUnsafe())
      yield* TestClock.adjust(100)
      assert.strictEqual(yield* Fiber.join(asked), owner)
    }).pipe(withActors(clerkLayer({ size: 8, backoff: noJitter })))
  )

  it.effect("gives the keys of a member that was asked to stop to others at once", () =>
    Effect.gen(function* () {
      const clerk = yield* Clerk
      const owner = yield* where(clerk, "ada")
      yield* clerk.tell.Hang({ key: "ada" })
      yield* background(Actor.stop(Router.members(clerk)[owner - 1]!, { deadline: "1 second" }))
      assert.strictEqual((yield* Actor.status(Router.members(clerk)[owner - 1]!))._tag, "Stopping")
      assert.notStrictEqual(yield* where(clerk, "ada"), owner)
    }).pipe(withActors(clerkLayer({ size: 8 })))
  )

  it.effect("fails with Deadlock when the key's member waits for the handler that asks", () => {
    class Ring extends Actor.Service<Ring>()("Ring", [
      Rpc.make("Ask", { payload: { path: Schema.Array(Schema.String) }, success: Schema.String, error: Deadlock })
    ]) {}
    const handlers = Ring.of({
      Ask: ({ path: [, ...rest] }) =>
        Effect.gen(function* () {
          if (rest.length === 0) return (yield* Actor.self).address
          return yield* Router.poolOf(yield* Ring).ask.Ask({ path: rest })
        }).pipe(Effect.catchTag(["Busy", "Crashed", "Stopped", "Timeout", "TooLarge"], Effect.die))
    })
    const choose = Router.consistentHash<(typeof Ring)["messages"][number]>(({ payload: { path } }) => path[0] ?? "")
    return Effect.gen(function* () {
      const ring = yield* Ring
      const address = yield* ring.ask.Ask({ path: ["a"] })
      const error = yield* Effect.flip(ring.ask.Ask({ path: ["a", "a"] }))
      assert.deepStrictEqual(error, new Deadlock({ actor: address, request: "Ask", cycle: [address, address] }))
    }).pipe(withActors(Router.layer(Ring, handlers, { size: 4, choose })))
  })

  it.effect("makes keys of checked payloads only, where the actor validates", () => {
    class Strict extends Actor.Service<Strict>()(
      "Strict",
      [Rpc.make("Put", { payload: { id: Schema.NonEmptyString }, success: Schema.String })],
      { validate: "always" }
    ) {}
    const seen: Array<string> = []
    const choose = Router.consistentHash<(typeof Strict)["messages"][number]>(({ payload: { id } }) => {
      seen.push(id)
      return id.toUpperCase()
    })
    const layer = Router.layer(Strict, { Put: ({ id }) => Effect.succeed(id) }, { size: 2, choose })
    return Effect.gen(function* () {
      const strict = yield* Strict
      const error = yield* Effect.flip(strict.ask.Put({ id: "" }))
      assert.deepInclude(error, { _tag: "InvalidMessage", actor: "Strict" })
      assert.strictEqual(yield* strict.ask.Put({ id: "a" }), "a")
      assert.deepStrictEqual(seen, ["a"])
    }).pipe(withActors(layer))
  })

  it.effect("whose key throws dies in the sender, and accepts nothing", () => {
    const boom = new Error("no key")
    const choose = Router.consistentHash(() => {
      throw boom
    })
    return Effect.gen(function* () {
      const pool = yield* Worker
      for (const send of [ask, tell]) {
        assert.deepStrictEqual(yield* Effect.exit(send(pool, () => Effect.void)), Exit.die(boom))
      }
      assert.deepInclude(yield* entryOf("Worker"), { accepted: 0, crashes: 0 })
    }).pipe(withActors(Router.layer(Worker, workerHandlers, { size: 2, choose })))
  })

  it.effect("whose key stops members finds another, or refuses", () =>
    Effect.gen(function* () {
      const pools: Array<WorkerHandle> = []
      const choose = Router.consistentHash(() => {
        const left = Router.members(pools[0]!).find((member) => Effect.runSync(Actor.status(member))._tag === "Running")
        if (left !== undefined) Effect.runFork(Actor.stop(left))
        return "key"
      })
      const pool = yield* Router.spawn(Worker, workerHandlers, { size: 2, choose, name: "pool" })
      pools.push(pool)
      assert.strictEqual(yield* who(pool), 2)
      assert.deepStrictEqual(
        yield* Effect.flip(who(pool)),
        new Stopped({ actor: "pool", reason: "Stopped", phase: "refused" })
      )
    }).pipe(withActors(Layer.empty))
  )
})

describe("a member that is full", () => {
  for (const choose of choices) {
    it.effect(`is passed over, with ${choose}: none refuses before all are full`, () =>
      Effect.gen(function* () {
        const pool = yield* Worker
        yield* Effect.forEach(Router.members(pool), occupy)
        yield* queue(member(pool, 1), 2)
        yield* queue(member(pool, 3), 1)
        for (let n = 0; n < 5; n++) yield* tell(pool, () => Effect.void)
        assert.deepInclude(yield* Actor.status(pool), { queued: 8 })
        assert.strictEqual((yield* entryOf("Worker")).refused.busy, 0)
        const full = new Busy({ actor: "Worker", limit: "mailbox", capacity: 8 })
        assert.deepStrictEqual(yield* Effect.flip(tell(pool, () => Effect.void)), full)
        assert.deepStrictEqual(yield* Effect.flip(ask(pool, () => Effect.void)), full)
        // Once for each message that was refused, not for each member that was full.
        assert.strictEqual((yield* entryOf("Worker")).refused.busy, 2)
      }).pipe(withActors(poolLayer({ size: 4, capacity: 2, choose })))
    )
  }

  it.effect("has room again for a message of the pool when a queued one is withdrawn", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      yield* Effect.forEach(Router.members(pool), occupy)
      const asks = yield* Effect.forEach([1, 2], () => background(ask(pool, () => Effect.void)))
      assert.instanceOf(yield* Effect.flip(tell(pool, () => Effect.void)), Busy)
      yield* Fiber.interrupt(asks[1]!)
      yield* tell(pool, () => Effect.void)
      assert.instanceOf(yield* Effect.flip(tell(pool, () => Effect.void)), Busy)
    }).pipe(withActors(poolLayer({ size: 2, capacity: 1 })))
  )

  it.effect("and has ended counts no more for the capacity that Busy says", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      yield* Actor.stop(member(pool, 2))
      for (const n of [1, 3]) {
        yield* occupy(member(pool, n))
        yield* queue(member(pool, n), 5)
      }
      const error = yield* Effect.flip(tell(pool, () => Effect.void))
      assert.deepStrictEqual(error, new Busy({ actor: "Worker", limit: "mailbox", capacity: 10 }))
    }).pipe(withActors(poolLayer({ size: 3, capacity: 5 })))
  )

  it.effect("and crashes keeps its queue, and handles it when it has restarted", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      const gate = yield* Deferred.make<void>()
      const ran: Array<number> = []
      for (const n of [1, 2]) {
        yield* tell(member(pool, n), () => Effect.andThen(Deferred.await(gate), n === 1 ? crash() : Effect.void))
      }
      yield* settled
      for (let n = 0; n < 6; n++) yield* tell(pool, () => Effect.sync(() => ran.push(n)))
      assert.instanceOf(yield* Effect.flip(tell(pool, () => Effect.void)), Busy)
      yield* Deferred.succeed(gate, undefined)
      yield* settled
      // The second member goes on, and takes what comes now.
      assert.deepStrictEqual(ran, [1, 3, 5])
      assert.deepStrictEqual(yield* tagsOf(pool), ["Restarting", "Running"])
      assert.deepStrictEqual(yield* turns(pool, 3), [2, 2, 2])
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(ran, [1, 3, 5, 0, 2, 4])
      assert.deepStrictEqual(yield* turns(pool, 2), [1, 2])
    }).pipe(withActors(poolLayer({ size: 2, capacity: 3, backoff: noJitter })))
  )
})

describe("a member that restarts", () => {
  for (const choose of choices) {
    it.effect(`is passed over while another can take the message, with ${choose}`, () =>
      Effect.gen(function* () {
        const pool = yield* Worker
        yield* Effect.flip(ask(member(pool, 1), crash))
        const chosen = new Set(yield* turns(pool, 40))
        assert.sameMembers([...chosen], [2, 3])
        yield* TestClock.adjust(100)
        assert.sameMembers([...new Set(yield* turns(pool, 40))], [1, 2, 3])
      }).pipe(withActors(poolLayer({ size: 3, choose, backoff: noJitter })), Random.withSeed("router"))
    )

    it.effect(`takes messages when all others are full, with ${choose}`, () =>
      Effect.gen(function* () {
        const pool = yield* Worker
        yield* Effect.flip(ask(member(pool, 2), crash))
        yield* occupy(member(pool, 1))
        yield* queue(member(pool, 1), 1)
        const asked = yield* background(who(pool))
        assert.deepInclude(yield* Actor.status(member(pool, 2)), { _tag: "Restarting", queued: 1 })
        assert.instanceOf(yield* Effect.flip(who(pool)), Busy)
        yield* TestClock.adjust(100)
        assert.strictEqual(yield* Fiber.join(asked), 2)
      }).pipe(withActors(poolLayer({ size: 2, capacity: 1, choose, backoff: noJitter })))
    )
  }

  it.effect("does so by itself, with its own backoff and its own limit", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      const [one, two] = [member(pool, 1), member(pool, 2)]
      yield* Effect.flip(ask(one, crash))
      yield* TestClock.adjust(100)
      // The second delay of the first member, the first one of the second.
      yield* Effect.flip(ask(one, crash))
      yield* Effect.flip(ask(two, crash))
      yield* settled
      assert.deepInclude(yield* Actor.status(one), { _tag: "Restarting", incarnation: 2, millisLeft: 200 })
      assert.deepInclude(yield* Actor.status(two), { _tag: "Restarting", incarnation: 1, millisLeft: 100 })
      yield* TestClock.adjust(200)
      yield* Effect.flip(ask(one, crash))
      assert.strictEqual(yield* Actor.awaitStopped(one), "RapidFail")
      assert.deepStrictEqual(yield* tagsOf(pool), ["Stopped", "Running"])
      assert.deepStrictEqual(yield* turns(pool, 3), [2, 2, 2])
      assert.deepInclude(yield* entryOf("Worker"), { crashes: 4, restarts: 3 })
    }).pipe(withActors(poolLayer({ size: 2, backoff: noJitter, intensity: { restarts: 2 } })))
  )
})

describe("a member that has ended", () => {
  for (const choose of choices) {
    it.effect(`gets no more messages, with ${choose}, from the moment on when it was asked to stop`, () =>
      Effect.gen(function* () {
        const pool = yield* Worker
        yield* occupy(member(pool, 2))
        const stop = yield* background(Actor.stop(member(pool, 2), { deadline: "1 second" }))
        assert.sameMembers([...new Set(yield* turns(pool, 40))], [1, 3])
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(stop)
        assert.sameMembers([...new Set(yield* turns(pool, 40))], [1, 3])
        assert.strictEqual((yield* entryOf("Worker")).refused.stopped, 0)
      }).pipe(withActors(poolLayer({ size: 3, choose })), Random.withSeed("router"))
    )
  }

  it.effect("leaves what it had queued to the sender: Stopped, not handled by another", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      yield* occupy(member(pool, 1))
      const asked = yield* background(Effect.flip(ask(member(pool, 1), () => Effect.void)))
      yield* Actor.stop(member(pool, 1), { deadline: 0 })
      assert.deepStrictEqual(
        yield* Fiber.join(asked),
        new Stopped({ actor: "Worker/1", reason: "Stopped", phase: "queued" })
      )
    }).pipe(withActors(poolLayer({ size: 2 })))
  )
})

describe("when all members have ended", () => {
  const refused = (reason: Stopped["reason"]) => new Stopped({ actor: "Worker", reason, phase: "refused" })

  for (const choose of choices) {
    it.effect(`the pool refuses with the reason of the last one's end, with ${choose}, and counts it once`, () =>
      Effect.gen(function* () {
        const pool = yield* Worker
        yield* Effect.flip(ask(member(pool, 2), crash))
        yield* Actor.stop(member(pool, 1))
        yield* Effect.flip(ask(member(pool, 3), crash))
        assert.strictEqual(yield* Actor.awaitStopped(pool), "RapidFail")
        assert.deepStrictEqual(yield* Effect.flip(ask(pool, () => Effect.void)), refused("RapidFail"))
        assert.deepStrictEqual(yield* Effect.flip(tell(pool, () => Effect.void)), refused("RapidFail"))
        assert.strictEqual((yield* entryOf("Worker")).refused.stopped, 2)
        assert.deepStrictEqual(yield* Actor.status(pool), { _tag: "Stopped", reason: "RapidFail" })
      }).pipe(withActors(poolLayer({ size: 3, choose, intensity: { restarts: 0 } })))
    )
  }

  it.effect("the reason is that of a stop if the pool was stopped after a failure of some", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      yield* Effect.flip(ask(member(pool, 2), crash))
      yield* Actor.stop(pool)
      assert.deepStrictEqual(yield* Effect.flip(ask(pool, () => Effect.void)), refused("Stopped"))
    }).pipe(withActors(poolLayer({ size: 2, restart: "temporary" })))
  )

  it.effect("the name is free for a new pool, before anybody hears of the end", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const pool = yield* Scope.provide(spawnPool({ size: 3, name: "Worker" }), scope)
      const next = yield* background(Effect.andThen(Actor.awaitStopped(pool), spawnPool({ size: 3, name: "Worker" })))
      yield* Actor.stop(pool)
      assert.deepStrictEqual(yield* turns(yield* Fiber.join(next), 2), [1, 2])
      // The Scope of the first one has nothing to do with the second.
      assert.strictEqual(scope.state._tag === "Open" ? scope.state.finalizers?.size : 0, 0)
      yield* Scope.close(scope, Exit.void)
      assert.instanceOf(yield* Effect.flip(spawnPool({ size: 1, name: "Worker" })), StartError)
    }).pipe(withActors(Layer.empty))
  )

  it.effect("a Scope that sees pools come and go keeps nothing of them", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const live = yield* Scope.provide(spawnPool({ size: 2 }), scope)
      for (let n = 0; n < 50; n++) yield* Actor.stop(yield* Scope.provide(spawnPool({ size: 3 }), scope))
      assert.strictEqual(scope.state._tag === "Open" ? scope.state.finalizers?.size : 0, 1)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Actor.status(live))._tag, "Stopped")
    }).pipe(withActors(Layer.empty))
  )
})

describe("Actor.stop of a pool", () => {
  it.effect("lets all members work off what they have, and waits for all", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      let ran = 0
      for (let n = 0; n < 6; n++) {
        yield* tell(pool, () =>
          Effect.delay(
            Effect.sync(() => ran++),
            100
          )
        )
      }
      const stop = yield* background(Actor.stop(pool, { deadline: "1 second" }))
      const refused = new Stopped({ actor: "Worker", reason: "Stopped", phase: "refused" })
      assert.deepStrictEqual(yield* Effect.flip(tell(pool, () => Effect.void)), refused)
      // One handler of each runs.
      assert.deepStrictEqual(yield* Actor.status(pool), { _tag: "Stopping", reason: "Stopped", queued: 3, busy: true })
      yield* TestClock.adjust(100)
      assert.deepInclude(yield* Actor.status(pool), { queued: 0 })
      assert.isUndefined(stop.pollUnsafe())
      yield* TestClock.adjust(100)
      yield* Fiber.join(stop)
      assert.strictEqual(ran, 6)
      assert.deepStrictEqual(yield* Actor.status(pool), { _tag: "Stopped", reason: "Stopped" })
    }).pipe(withActors(poolLayer({ size: 3 })))
  )

  it.effect("has one deadline for all: then what is queued is dropped and what is in hand is cut off", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      const asks = yield* Effect.forEach(times(4), () =>
        background(Effect.flip(ask(pool, () => Effect.never, { deadline: "Infinity" })))
      )
      const stop = yield* background(Actor.stop(pool))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(stop)
      const phases = yield* Effect.forEach(asks, (fiber) => Fiber.join(fiber))
      assert.deepStrictEqual(
        phases,
        (["running", "running", "queued", "queued"] as const).map(
          (phase, index) => new Stopped({ actor: `Worker/${(index % 2) + 1}`, reason: "Stopped", phase })
        )
      )
      assert.strictEqual((yield* entryOf("Worker")).dropped.shutdown, 2)
    }).pipe(withActors(poolLayer({ size: 2, deadline: "Infinity", shutdown: "2 seconds" })))
  )

  it.effect("is harmless twice, and the earlier deadline holds", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      yield* Effect.forEach(Router.members(pool), occupy)
      const first = yield* background(Actor.stop(pool, { deadline: "1 hour" }))
      const second = yield* background(Actor.stop(pool, { deadline: "1 second" }))
      const ended = yield* background(Actor.awaitStopped(pool))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(first)
      yield* Fiber.join(second)
      assert.strictEqual(yield* Fiber.join(ended), "Stopped")
      yield* Actor.stop(pool)
    }).pipe(withActors(poolLayer({ size: 2 })))
  )

  it.effect("does not wait for a handler that cannot be interrupted", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      yield* tell(pool, () => Effect.uninterruptible(Effect.sleep("1 minute")))
      yield* settled
      yield* Actor.stop(pool, { deadline: 0 })
      assert.deepStrictEqual(yield* Actor.status(pool), { _tag: "Stopped", reason: "Stopped" })
      assert.strictEqual((yield* entryOf("Worker")).inHand, 1)
      yield* TestClock.adjust("1 minute")
    }).pipe(withActors(poolLayer({ size: 2 })))
  )
})

describe("closing the Layer or Scope of a pool", () => {
  it.effect("stops the members one after the other, the last one first", () => {
    const house = new House()
    house.closeMillis = 10
    return Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* Scope.provide(Router.spawn(Worker, house.build, { size: 3 }), scope)
      yield* TestClock.adjust(0)
      const closing = yield* background(Scope.close(scope, Exit.void))
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(house.log.slice(6), ["closed 3"])
      yield* TestClock.adjust(20)
      yield* Fiber.join(closing)
      assert.deepStrictEqual(house.log.slice(6), ["closed 3", "closed 2", "closed 1"])
    }).pipe(withActors(Layer.empty))
  })

  it.effect("refuses messages to the pool from the first step on, and lets all members work off what they have", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const pool = yield* Scope.provide(spawnPool({ size: 3, shutdown: "1 second", name: "Worker" }), scope)
      let ran = 0
      for (let n = 0; n < 9; n++) {
        yield* tell(pool, () =>
          Effect.delay(
            Effect.sync(() => ran++),
            100
          )
        )
      }
      const closing = yield* background(Scope.close(scope, Exit.void))
      assert.deepStrictEqual(yield* tagsOf(pool), ["Running", "Running", "Stopping"])
      assert.deepInclude(yield* Actor.status(pool), { _tag: "Stopping", reason: "ScopeClosed", queued: 6 })
      const refused = new Stopped({ actor: "Worker", reason: "ScopeClosed", phase: "refused" })
      assert.deepStrictEqual(yield* Effect.flip(ask(pool, () => Effect.void)), refused)
      // They work side by side: it takes no longer than the longest.
      yield* TestClock.adjust(300)
      yield* Fiber.join(closing)
      assert.strictEqual(ran, 9)
      assert.deepStrictEqual(yield* Effect.flip(ask(pool, () => Effect.void)), refused)
      assert.strictEqual(yield* Actor.awaitStopped(pool), "ScopeClosed")
    }).pipe(withActors(Layer.empty))
  )

  it.effect("gives each member its own shutdown time, and all together no more than the runtime's for a shutdown", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const pool = yield* Scope.provide(spawnPool({ size: 5, shutdown: "1 second" }), scope)
      yield* Effect.forEach(Router.members(pool), occupy)
      const closing = yield* background(Scope.close(scope, Exit.void))
      yield* TestClock.adjust(999)
      assert.deepStrictEqual(yield* tagsOf(pool), ["Running", "Running", "Running", "Running", "Stopping"])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* tagsOf(pool), ["Running", "Running", "Running", "Stopping", "Stopped"])
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(closing)
      assert.deepStrictEqual(new Set(yield* tagsOf(pool)), new Set(["Stopped"]))
    }).pipe(withActors(Layer.empty, { drainDeadline: "3 seconds" }))
  )
})

describe("a message", () => {
  it.effect("of one sender is handled in order within each member", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      const handled = new Map<unknown, Array<number>>()
      const note =
        (n: number): Job =>
        () =>
          Effect.map(Actor.self, ({ address }) => handled.set(address, [...(handled.get(address) ?? []), n]))
      for (let n = 0; n < 200; n++) {
        yield* tell(pool, () => Effect.andThen(n % 7 === 0 ? Effect.sleep(1) : Effect.void, note(n)()))
      }
      for (let n = 0; n < 50; n++) yield* TestClock.adjust(1)
      for (const numbers of handled.values()) {
        assert.deepStrictEqual(
          numbers,
          numbers.toSorted((a, b) => a - b)
        )
      }
      assert.strictEqual([...handled.values()].flat().length, 200)
      assert.strictEqual(handled.size, 3)
    }).pipe(withActors(poolLayer({ size: 3, choose: "random" })), Random.withSeed("router"))
  )

  it.effect("that is too large, or does not fit, is the pool's to refuse, and is counted once", () => {
    class Blobs extends Actor.Service<Blobs>()(
      "Blobs",
      [Rpc.make("Store", { payload: { text: Schema.String, n: Schema.Int } })],
      { validate: "always" }
    ) {}
    const layer = Router.layer(Blobs, { Store: () => Effect.void }, { size: 3, maxMessageBytes: 10 })
    return Effect.gen(function* () {
      const blobs = yield* Blobs
      const large = yield* Effect.flip(blobs.tell.Store({ text: "abc", n: 1 }))
      assert.deepStrictEqual(large, new TooLarge({ actor: "Blobs", request: "Store", bytes: 11, max: 10 }))
      const invalid = yield* Effect.flip(blobs.ask.Store({ text: "a", n: 1.5 }))
      assert.deepInclude(invalid, { _tag: "InvalidMessage", actor: "Blobs", reason: "InvalidPayload" })
      const dispatched = yield* Effect.flip(Actor.dispatch(blobs, { tag: "Store", payload: { text: "a" } }))
      assert.deepInclude(dispatched, { _tag: "InvalidMessage", actor: "Blobs" })
      yield* Actor.dispatch(blobs, { tag: "Store", payload: { text: "a", n: 1 } })
      const { accepted, refused } = yield* entryOf("Blobs")
      assert.deepStrictEqual(
        { accepted, ...refused },
        {
          accepted: 1,
          busy: 0,
          tooLarge: 1,
          stopped: 0,
          timeout: 0,
          deadlock: 0,
          invalid: 1
        }
      )
      // What is refused takes no turn.
      assert.deepStrictEqual(yield* tagsOf(blobs), ["Running", "Running", "Running"])
    }).pipe(withActors(layer))
  })

  it.effect("whose check stops the members goes to one that is left, or is refused", () => {
    const stopping: Array<Actor.Any> = []
    const Eager = Schema.Int.check(
      Schema.makeFilter(() => {
        for (const member of stopping.splice(0)) Effect.runFork(Actor.stop(member))
        return true
      })
    )
    class Odd extends Actor.Service<Odd>()(
      "Odd",
      [Rpc.make("Put", { payload: { n: Eager }, success: Schema.String })],
      {
        validate: "always"
      }
    ) {}
    const handlers = Odd.of({ Put: () => Effect.map(Actor.self, ({ address }) => address) })
    return Effect.gen(function* () {
      const odd = yield* Odd
      stopping.push(Router.members(odd)[0]!)
      assert.strictEqual(yield* odd.ask.Put({ n: 1 }), "Odd/2")
      stopping.push(odd)
      const refused = new Stopped({ actor: "Odd", reason: "Stopped", phase: "refused" })
      assert.deepStrictEqual(yield* Effect.flip(odd.ask.Put({ n: 1 })), refused)
    }).pipe(withActors(Router.layer(Odd, handlers, { size: 3 })))
  })

  it.effect("that crashes its member gives Crashed with the member's address", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(ask(yield* Worker, crash))
      assert.deepInclude(error, { _tag: "Crashed", actor: "Worker/1", incarnation: 1 })
    }).pipe(withActors(poolLayer({ size: 2 })))
  )

  it.effect("times out queued or running as for one actor, at the deadline of the options or of the send", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      const asks = yield* Effect.forEach(times(4), (n) =>
        background(Effect.flip(ask(pool, () => Effect.never, n === 3 ? { deadline: 10 } : {})))
      )
      yield* TestClock.adjust(10)
      assert.deepInclude(yield* Fiber.join(asks[3]!), { _tag: "Timeout", phase: "queued", millis: 10 })
      yield* TestClock.adjust(40)
      const ends = yield* Effect.forEach(asks.slice(0, 3), (fiber) => Fiber.join(fiber))
      assert.deepStrictEqual(
        ends.map((end) => (end._tag === "Timeout" ? `${end.actor} ${end.phase}` : end._tag)),
        ["Worker/1 running", "Worker/2 running", "Worker/1 queued"]
      )
    }).pipe(withActors(poolLayer({ size: 2, deadline: 50 })))
  )

  it.effect("whose deadline has passed is refused with Timeout, and takes no room", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      const error = yield* Effect.flip(ask(pool, () => Effect.void, { deadline: 0 }))
      assert.deepInclude(error, { _tag: "Timeout", phase: "queued" })
      assert.deepInclude(yield* entryOf("Worker"), { accepted: 0 })
    }).pipe(withActors(poolLayer({ size: 2 })))
  )

  it.effect("whose sender is interrupted is withdrawn from its member, or its handler interrupted", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      let interrupted = 0
      const hang: Job = () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++))
      const asks = yield* Effect.forEach(times(4), () => background(ask(pool, hang)))
      assert.deepInclude(yield* Actor.status(pool), { queued: 2, busy: true })
      yield* Effect.forEach(asks.toReversed(), Fiber.interrupt, { discard: true })
      yield* settled
      assert.strictEqual(interrupted, 2)
      assert.deepInclude(yield* Actor.status(pool), { _tag: "Running", queued: 0, busy: false })
      const { dropped, failed } = yield* entryOf("Worker")
      assert.deepStrictEqual({ interrupted: dropped.interrupted, failed }, { interrupted: 2, failed: 2 })
    }).pipe(withActors(poolLayer({ size: 2 })))
  )

  it.effect("is not sent before its Effect runs, and is sent each time it runs", () =>
    Effect.gen(function* () {
      const send = who(yield* Worker)
      assert.deepInclude(yield* entryOf("Worker"), { accepted: 0 })
      assert.deepStrictEqual([yield* send, yield* send], [1, 2])
    }).pipe(withActors(poolLayer({ size: 2 })))
  )
})

describe("an ask from a member to its own pool", () => {
  for (const choose of choices) {
    it.effect(`goes to another member, with ${choose}`, () =>
      Effect.gen(function* () {
        const pool = yield* Worker
        for (let n = 0; n < 20; n++) {
          const [asker, answerer] = (yield* ask(pool, () => Effect.all([address(), ask(pool, address)]))) as [
            string,
            string
          ]
          assert.notStrictEqual(answerer, asker)
        }
        assert.strictEqual((yield* entryOf("Worker")).refused.deadlock, 0)
      }).pipe(withActors(poolLayer({ size: 3, choose })), Random.withSeed("router"))
    )

    it.effect(`fails with Deadlock, with ${choose}, when all members wait for one another`, () =>
      Effect.gen(function* () {
        const pool = yield* Worker
        const deep =
          (left: number): Job =>
          () =>
            left === 0 ? address() : ask(pool, deep(left - 1))
        // As deep as there are members: each waits for the next, and the last has nobody left to ask.
        assert.isTrue(Exit.isSuccess(yield* Effect.exit(ask(pool, deep(2)))))
        const error = yield* Effect.flip(ask(pool, deep(3)))
        assert.instanceOf(error, Deadlock)
        if (!(error instanceof Deadlock)) return
        assert.strictEqual(error.cycle[0], error.cycle.at(-1))
        assert.strictEqual(error.cycle[1], error.actor)
        assert.strictEqual((yield* entryOf("Worker")).refused.deadlock, 1)
        // Nobody is in anybody's way.
        assert.strictEqual((yield* turns(pool, 6)).length, 6)
      }).pipe(withActors(poolLayer({ size: 3, choose })), Random.withSeed("router"))
    )
  }

  it.effect("of one member is a Deadlock at once", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      const error = yield* Effect.flip(ask(pool, () => ask(pool, address)))
      const cycle = ["Worker/1", "Worker/1"]
      assert.deepStrictEqual(error, new Deadlock({ actor: "Worker/1", request: "Run", cycle }))
    }).pipe(withActors(poolLayer({ size: 1, deadline: "Infinity" })))
  )

  it.effect(
    "that two members begin on their own, and that meet, is a Deadlock for one, and an answer for the other",
    () =>
      Effect.gen(function* () {
        const pool = yield* Worker
        const asks = yield* Effect.forEach([1, 2], () =>
          background(Effect.exit(ask(pool, () => Effect.andThen(Effect.sleep(10), ask(pool, address)))))
        )
        yield* TestClock.adjust(10)
        const exits = yield* Effect.forEach(asks, (fiber) => Fiber.join(fiber))
        assert.strictEqual(exits.filter(Exit.isSuccess).length, 1)
        assert.strictEqual((yield* entryOf("Worker")).refused.deadlock, 1)
      }).pipe(withActors(poolLayer({ size: 2, deadline: "Infinity" })))
  )

  it.effect("is Busy, not a Deadlock, while a member that could answer is full", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      yield* occupy(member(pool, 2))
      yield* queue(member(pool, 2), 1)
      const error = yield* Effect.flip(ask(pool, () => ask(pool, address)))
      assert.deepStrictEqual(error, new Busy({ actor: "Worker", limit: "mailbox", capacity: 2 }))
      const { refused } = yield* entryOf("Worker")
      assert.deepInclude(refused, { busy: 1, deadlock: 0 })
    }).pipe(withActors(poolLayer({ size: 2, capacity: 1 })))
  )

  it.effect("by way of another actor leaves those out that wait", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      const relay = yield* spawnWorker("relay")
      const through: Job = () => Effect.all([address(), ask(relay, () => ask(pool, address))])
      for (let n = 0; n < 4; n++) {
        const [asker, answerer] = (yield* ask(pool, through)) as [string, string]
        assert.notStrictEqual(answerer, asker)
      }
    }).pipe(withActors(poolLayer({ size: 2 })))
  )

  it.effect("and a tell may go to the member itself: it waits for nobody", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      let told = 0
      yield* ask(pool, () => tell(pool, () => Effect.sync(() => told++)))
      yield* settled
      assert.strictEqual(told, 1)
    }).pipe(withActors(poolLayer({ size: 1 })))
  )
})

describe("a drain", () => {
  it.effect("refuses what comes from outside, and runs what the members have", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      let ran = 0
      for (let n = 0; n < 6; n++) {
        yield* tell(pool, () =>
          Effect.delay(
            Effect.sync(() => ran++),
            100
          )
        )
      }
      const drain = yield* background(Ryker.drain("1 second"))
      const refused = new Stopped({ actor: "Worker", reason: "Draining", phase: "refused" })
      assert.deepStrictEqual(yield* Effect.flip(tell(pool, () => Effect.void)), refused)
      yield* TestClock.adjust(200)
      const { actors, millis, outcome } = yield* Fiber.join(drain)
      assert.deepStrictEqual({ outcome, millis }, { outcome: "complete", millis: 200 })
      assert.deepStrictEqual(actors, [{ actor: "Worker", handled: 6, failed: 0, dropped: 0, abandoned: 0 }])
      assert.strictEqual(ran, 6)
      assert.deepStrictEqual(yield* Actor.status(pool), { _tag: "Stopped", reason: "Draining" })
    }).pipe(withActors(poolLayer({ size: 3 })))
  )

  it.effect("lets handlers of members send to their own pool", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      const replies: Array<unknown> = []
      yield* tell(pool, () =>
        Effect.andThen(
          Effect.sleep(100),
          Effect.map(ask(pool, address), (reply) => replies.push(reply))
        )
      )
      const drain = yield* background(Ryker.drain("1 second"))
      yield* TestClock.adjust(100)
      assert.strictEqual((yield* Fiber.join(drain)).outcome, "complete")
      assert.deepStrictEqual(replies, ["Worker/2"])
    }).pipe(withActors(poolLayer({ size: 2 })))
  )

  it.effect("drops what is queued at its deadline, and cuts off what runs", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      for (let n = 0; n < 9; n++) yield* tell(pool, () => Effect.never)
      const drain = yield* background(Ryker.drain("1 second"))
      yield* TestClock.adjust("1 second")
      const { actors, millis } = yield* Fiber.join(drain)
      assert.strictEqual(millis, 1_000)
      assert.deepStrictEqual(actors, [{ actor: "Worker", handled: 0, failed: 3, dropped: 6, abandoned: 0 }])
    }).pipe(withActors(poolLayer({ size: 3 })))
  )

  it.effect("stops the members in reverse", () => {
    const house = new House()
    return Effect.gen(function* () {
      yield* Worker
      yield* Ryker.drain("1 second")
      assert.deepStrictEqual(house.log.slice(6), ["closed 3", "closed 2", "closed 1"])
    }).pipe(withActors(Router.layer(Worker, house.build, { size: 3 })))
  })
})

describe("Actor.status of a pool", () => {
  it.effect("shows the best state of a member, with what is queued in all, and busy if one of them is", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      assert.deepStrictEqual(yield* Actor.status(pool), { _tag: "Running", incarnation: 1, queued: 0, busy: false })
      yield* occupy(member(pool, 2))
      assert.deepStrictEqual(yield* Actor.status(pool), { _tag: "Running", incarnation: 1, queued: 0, busy: true })
      yield* occupy(member(pool, 1))
      yield* occupy(member(pool, 3))
      for (let n = 0; n < 5; n++) yield* tell(pool, () => Effect.void)
      assert.deepStrictEqual(yield* Actor.status(pool), { _tag: "Running", incarnation: 1, queued: 5, busy: true })
    }).pipe(withActors(poolLayer({ size: 3 })))
  )

  it.effect("shows Running while one runs, Restarting until the next start while none does", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      yield* Effect.flip(ask(member(pool, 2), crash))
      assert.deepInclude(yield* Actor.status(pool), { _tag: "Running", incarnation: 1 })
      yield* TestClock.adjust(40)
      yield* Effect.flip(ask(member(pool, 1), crash))
      yield* settled
      yield* tell(pool, () => Effect.void)
      const restarting = { _tag: "Restarting", incarnation: 1, queued: 1 }
      assert.deepStrictEqual<object>(yield* Actor.status(pool), { ...restarting, millisLeft: 60 })
      yield* Actor.stop(member(pool, 2), { deadline: 0 })
      assert.deepStrictEqual<object>(yield* Actor.status(pool), { ...restarting, millisLeft: 100 })
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(yield* Actor.status(pool), { _tag: "Running", incarnation: 2, queued: 0, busy: false })
    }).pipe(withActors(poolLayer({ size: 2, backoff: noJitter })))
  )

  it.effect("has the incarnation of the first member of that state", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      yield* Effect.flip(ask(member(pool, 2), crash))
      yield* TestClock.adjust(100)
      assert.deepInclude(yield* Actor.status(pool), { _tag: "Running", incarnation: 1 })
      yield* Effect.flip(ask(member(pool, 1), crash))
      assert.deepInclude(yield* Actor.status(pool), { _tag: "Running", incarnation: 2 })
    }).pipe(withActors(poolLayer({ size: 2, backoff: noJitter })))
  )

  it.effect("shows Starting before Restarting, and Stopping when all that are left are", () => {
    let slow = false
    const build = Effect.suspend(() => Effect.as(slow ? Effect.sleep(50) : Effect.void, workerHandlers))
    return Effect.gen(function* () {
      const pool = yield* Worker
      slow = true
      yield* Effect.flip(ask(member(pool, 1), crash))
      yield* TestClock.adjust(100)
      yield* Effect.flip(ask(member(pool, 2), crash))
      assert.deepStrictEqual(yield* tagsOf(pool), ["Starting", "Restarting"])
      assert.deepStrictEqual(yield* Actor.status(pool), { _tag: "Starting", incarnation: 2, queued: 0 })
      yield* TestClock.adjust(50)
      yield* Actor.stop(member(pool, 2), { deadline: 0 })
      yield* occupy(member(pool, 1))
      yield* background(Actor.stop(member(pool, 1), { deadline: "1 second" }))
      assert.deepStrictEqual(yield* Actor.status(pool), { _tag: "Stopping", reason: "Stopped", queued: 0, busy: true })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Actor.status(pool), { _tag: "Stopped", reason: "Stopped" })
    }).pipe(withActors(Router.layer(Worker, build, { size: 2, shutdown: 0, backoff: noJitter })))
  })
})

describe("members", () => {
  it.effect("gives the handles in order, those that have ended among them, and always the same ones", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      const members = Router.members(pool)
      assert.deepStrictEqual(yield* Effect.forEach(members, who), [1, 2, 3])
      yield* Actor.stop(members[1]!)
      assert.deepStrictEqual(Router.members(pool), members)
      assert.deepStrictEqual(yield* tagsOf(pool), ["Running", "Stopped", "Running"])
    }).pipe(withActors(poolLayer({ size: 3 })))
  )

  it.effect("of an actor that is no pool is the actor itself, and so is its pool", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      assert.deepStrictEqual(Router.members(worker), [worker])
      assert.strictEqual(Router.poolOf(worker), worker)
    }).pipe(withActors(workerLayer()))
  )

  it.effect("of a member is the member itself; the pool of a pool is the pool", () =>
    Effect.gen(function* () {
      const pool = yield* Worker
      assert.deepStrictEqual(Router.members(member(pool, 1)), [member(pool, 1)])
      assert.strictEqual(Router.poolOf(member(pool, 1)), pool)
      assert.strictEqual(Router.poolOf(pool), pool)
    }).pipe(withActors(poolLayer({ size: 2 })))
  )
})

describe("the ledger", () => {
  it.effect("has one entry for the pool, under the definition's name", () =>
    Effect.gen(function* () {
      yield* turns(yield* Worker, 5)
      const entries = yield* Ryker.ledger
      assert.deepStrictEqual(
        entries.map(({ actor, handled }) => [actor, handled]),
        [["Worker", 5]]
      )
    }).pipe(withActors(poolLayer({ size: 3 })))
  )
})

// --- Whatever happens ---------------------------------------------------------------------------------------------------

const kinds = ["send", "send", "send", "crash", "slow", "nested", "advance", "interrupt", "stop", "settle"] as const

interface Step {
  readonly kind: (typeof kinds)[number]
  readonly n: number
}

interface Program {
  readonly choose: Choice
  readonly size: number
  readonly capacity: number
  readonly steps: ReadonlyArray<Step>
}

const int = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

const oneOf = <A>(values: ReadonlyArray<A>) => Arbitrary.map(int(0, values.length - 1), (index) => values[index]!)

const program: Arbitrary.Arbitrary<Program> = Arbitrary.all({
  choose: oneOf(choices),
  size: int(1, 4),
  capacity: int(1, 3),
  steps: Arbitrary.array(Arbitrary.all({ kind: oneOf(kinds), n: int(0, 30) }), { maxLength: 80 })
})

const runProgram = ({ capacity, choose, size, steps }: Program) =>
  Effect.gen(function* () {
    const pool = yield* Worker
    const begun = new Map<number, number>()
    const sends: Array<Fiber.Fiber<Exit.Exit<unknown, unknown>>> = []
    let refused = 0

    const send = Effect.fnUntraced(function* (kind: Step["kind"], n: number, id: number) {
      const begin = Effect.sync(() => void begun.set(id, (begun.get(id) ?? 0) + 1))
      const nested = ask(pool, () => Effect.sleep(n))
      const job: Job = () =>
        Effect.andThen(
          begin,
          kind === "crash" ? crash() : kind === "slow" ? Effect.sleep(n) : kind === "nested" ? nested : Effect.void
        )
      const sent = n % 2 === 0 ? tell(pool, job) : ask(pool, job, n % 3 === 0 ? { deadline: n } : {})
      const fiber = yield* Effect.forkChild(Effect.exit(sent), { startImmediately: true })
      sends.push(fiber)
      const exit = fiber.pollUnsafe()
      if (exit === undefined || !Exit.isSuccess(exit) || !Exit.isFailure(exit.value)) return
      const error = errorOf(exit.value)
      if (error instanceof Busy || error instanceof Stopped) refused++
      // A handler that passes a refusal on has left room since.
      if (kind === "nested") return
      for (const member of Router.members(pool)) {
        const status = yield* Actor.status(member)
        const hasEnded = status._tag === "Stopped" || status._tag === "Stopping"
        // Nobody could have taken it.
        if (error instanceof Busy) assert.isTrue(hasEnded || status.queued === capacity, status._tag)
        if (error instanceof Stopped) assert.isTrue(hasEnded, status._tag)
      }
    })

    const run = ({ kind, n }: Step, id: number): Effect.Effect<unknown> => {
      switch (kind) {
        case "advance":
          return TestClock.adjust(n * 5)
        case "settle":
          return settled
        case "interrupt":
          return Effect.sync(() => sends[n % Math.max(1, sends.length)]?.interruptUnsafe())
        case "stop":
          return n < 6 ? Effect.forkChild(Actor.stop(member(pool, (n % size) + 1), { deadline: n })) : Effect.void
        default:
          return send(kind, n, id)
      }
    }
    yield* Effect.forEach(steps, run, { discard: true })
    const stop = yield* background(Actor.stop(pool, { deadline: 100 }))
    yield* TestClock.adjust("1 minute")
    yield* Fiber.join(stop)
    for (const fiber of sends) assert.isDefined(fiber.pollUnsafe())
    for (const count of begun.values()) assert.strictEqual(count, 1)
    const entry = yield* entryOf("Worker")
    assert.deepInclude(entry, { queued: 0, inHand: 0 })
    assert.strictEqual(Ledger.imbalance(entry), 0)
    assert.isAtLeast(entry.refused.busy + entry.refused.stopped, refused)
    return true
  }).pipe(withActors(poolLayer({ size, choose, capacity, intensity: { restarts: 2 } })))

describe("whatever happens", () => {
  it.effect.prop(
    "no message is handled twice, each ask is settled, the books balance, and none is refused that a member could take",
    { program },
    ({ program }) => runProgram(program),
    { arbitrary: { runs: 200, size: 80, maxShrinks: 2_000 }, timeout: 60_000 }
  )
})
