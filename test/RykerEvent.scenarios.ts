/** What can happen to actors and supervisors, and the events that must tell of it. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Actor from "../src/Actor.ts"
import * as Ryker from "../src/Ryker.ts"
import * as Supervisor from "../src/Supervisor.ts"
import {
  A,
  ask,
  B,
  type Build,
  boom,
  C,
  dies,
  diesWhenInterrupted,
  handlers,
  type Job,
  Keys,
  never,
  pass,
  quick,
  refuse,
  secret,
  settled,
  spawn,
  start,
  tell
} from "./RykerEvent.fixtures.ts"

const layerA = (options: Actor.Options = {}, build: Build = Effect.succeed(handlers)) =>
  A.toLayer(build, { ...quick, ...options })
const layerB = (options: Actor.Options = {}, build: Build = Effect.succeed(handlers)) =>
  B.toLayer(build, { ...quick, ...options })
const layerC = (options: Actor.Options = {}) => C.toLayer(handlers, { ...quick, ...options })

const trio = (options: Supervisor.Options) =>
  Layer.build(Supervisor.layer("S", { backoff: quick.backoff, ...options, children: [layerA(), layerB(), layerC()] }))

export interface Scenario {
  readonly run: Effect.Effect<unknown, unknown, Ryker.Ryker | Scope.Scope>
  readonly expected: ReadonlyArray<string>
}

const started = (actor: string, incarnation = 1, kind = "actor") =>
  `Debug ActorStarted ${actor} incarnation=${incarnation} kind=${kind}`
const crashed = (actor: string, incarnation = 1, defect = "Boom") =>
  `Error ActorCrashed ${actor} defect=${defect} incarnation=${incarnation}`
const startFailed = (actor: string, incarnation: number, defect: string) =>
  `Error ActorStartFailed ${actor} defect=${defect} incarnation=${incarnation}`
const restarting = (actor: string, incarnation = 2, delay = 100) =>
  `Info ActorRestarting ${actor} delay=${delay} incarnation=${incarnation}`
const stopped = (level: string, actor: string, reason: string, incarnation = 1, dropped = 0, kind = "actor") =>
  `${level} ActorStopped ${actor} dropped=${dropped} incarnation=${incarnation} kind=${kind} reason=${reason}`
const regrouping = (child: string, group: string) => `Warn GroupRestarting S child=${child} group=${group}`

/** A crash and the restart that follows. */
const restarted = (actor: string, defect = "Boom") => [crashed(actor, 1, defect), restarting(actor), started(actor, 2)]

/** The three children of `trio` and their supervisor. */
const up = [started("A"), started("B"), started("C"), started("S", 1, "supervisor")]

/** Ways to crash: each makes actor A do the job. */
const crashes: Record<string, { readonly job: Job; readonly defect?: string; readonly options?: Actor.Options }> = {
  "dies at once": { job: dies },
  "dies after it suspended": { job: () => Effect.andThen(Effect.sleep(10), Effect.die(boom())) },
  "gives a failed Exit without a fiber": { job: () => Exit.die(boom()) },
  "throws before it gives an Effect": {
    job: () => {
      throw boom()
    }
  },
  "throws inside an Effect": {
    job: () =>
      Effect.sync(() => {
        throw boom()
      })
  },
  // JavaScript callers, and casts, can do this.
  "gives no Effect": { job: () => JSON.parse(`"${secret}"`) as Effect.Effect<void>, defect: "TypeError" },
  "interrupts itself": { job: () => Effect.interrupt, defect: "interrupted" },
  "dies with a text": { job: () => Effect.die(secret), defect: "string" },
  "dies with null": { job: () => Effect.die(null), defect: "null" },
  "dies with an object": { job: () => Effect.die({ secret }), defect: "object" },
  "dies with an error of a tag": { job: () => Effect.die(refuse()), defect: "Refused" },
  "fails and dies at once": {
    job: () => Effect.failCause(Cause.combine(Cause.fail(refuse()), Cause.die(boom())))
  },
  "answers with a finalizer that dies": { job: () => Effect.ensuring(Effect.succeed(secret), Effect.die(boom())) },
  "stops itself and dies": { job: () => Effect.andThen(Actor.stopSelf, Effect.die(boom())) },
  "puts its message aside and dies": { job: () => Effect.ensuring(Actor.stash, Effect.die(boom())) },
  "dies of its timer's tick": {
    job: () => Effect.flatMap(Actor.timers, ({ single }) => Effect.orDie(single(secret, 10, Effect.die(boom()))))
  },
  "dies of a tick that suspends": {
    job: () =>
      Effect.flatMap(Actor.timers, ({ fixedRate }) =>
        Effect.orDie(fixedRate("tick", 10, Effect.andThen(Effect.sleep(25), Effect.die(boom()))))
      )
  },
  "dies of its receive timeout": {
    job: () => Effect.orDie(Actor.receiveTimeout(10, Effect.die(boom())))
  },
  "dies of what it does when another is down": {
    job: () =>
      Effect.gen(function* () {
        const other = yield* Keys
        yield* Actor.onDown(other.get("nobody"), () => Effect.die(boom()))
      }).pipe(Effect.provide(Keys.toLayer(() => handlers)), Effect.orDie)
  }
}

export const scenarios: Record<string, Scenario> = {
  "an actor that answers, and refuses with a typed failure": {
    run: Effect.gen(function* () {
      const a = yield* spawn()
      yield* ask(a, () => Effect.succeed(secret))
      yield* Effect.flip(ask(a, refuse))
      yield* tell(a, refuse)
    }),
    expected: [started("A")]
  },
  "a stop": {
    run: Effect.flatMap(spawn(), (a) => Actor.stop(a)),
    expected: [started("A"), stopped("Debug", "A", "Stopped")]
  },
  "a stop that drops messages": {
    run: Effect.gen(function* () {
      const a = yield* spawn()
      yield* tell(a, never)
      yield* tell(a, never)
      yield* tell(a, never)
      yield* settled
      yield* Actor.stop(a, { deadline: 0 })
    }),
    expected: [started("A"), stopped("Warn", "A", "Stopped", 1, 2)]
  },
  ...Object.fromEntries(
    Object.entries(crashes).map(([name, { defect = "Boom", job, options }]): [string, Scenario] => [
      `a handler that ${name}`,
      {
        run: Effect.gen(function* () {
          const a = yield* spawn(options)
          yield* tell(a, job)
          yield* pass(50)
          yield* pass(100)
        }),
        expected: [started("A"), ...restarted("A", defect)]
      }
    ])
  ),
  "a handler that dies when its deadline interrupts it": {
    run: Effect.gen(function* () {
      const a = yield* spawn()
      yield* tell(a, diesWhenInterrupted, { deadline: 10 })
      yield* pass(10)
      yield* pass(100)
    }),
    expected: [started("A"), ...restarted("A")]
  },
  "a handler that dies when its asker is interrupted": {
    run: Effect.gen(function* () {
      const a = yield* spawn()
      yield* Fiber.interrupt(yield* start(ask(a, diesWhenInterrupted)))
      yield* pass(100)
    }),
    expected: [started("A"), ...restarted("A")]
  },
  "a handler that is interrupted by its deadline, which is no crash": {
    run: Effect.gen(function* () {
      const a = yield* spawn()
      yield* tell(a, never, { deadline: 10 })
      yield* pass(10)
    }),
    expected: [started("A")]
  },
  "a message that is delivered again until it is poison": {
    run: Effect.gen(function* () {
      const a = yield* spawn({ redeliver: 1 })
      yield* tell(a, dies)
      yield* pass(100)
      yield* pass(200)
    }),
    expected: [started("A"), ...restarted("A"), crashed("A", 2), restarting("A", 3, 200), started("A", 3)]
  },
  "a handler that dies at the deadline of a stop": {
    run: Effect.gen(function* () {
      const a = yield* spawn()
      yield* tell(a, diesWhenInterrupted)
      yield* settled
      yield* Actor.stop(a, { deadline: 0 })
    }),
    expected: [started("A"), crashed("A"), stopped("Debug", "A", "Stopped")]
  },
  "a crash while it works off what it has before a stop": {
    run: Effect.gen(function* () {
      const a = yield* spawn()
      yield* tell(a, () => Effect.andThen(Effect.sleep(10), Effect.die(boom())))
      yield* tell(a, () => Effect.void)
      yield* settled
      const stop = yield* start(Actor.stop(a, { deadline: 1_000 }))
      yield* pass(10)
      yield* pass(100)
      yield* Fiber.join(stop)
    }),
    expected: [started("A"), ...restarted("A"), stopped("Debug", "A", "Stopped", 2)]
  },
  "a handler that was abandoned, and dies after the end": {
    run: Effect.gen(function* () {
      const a = yield* spawn()
      yield* tell(a, () => Effect.uninterruptible(Effect.andThen(Effect.sleep(50), Effect.die(boom()))))
      yield* settled
      yield* Actor.stop(a, { deadline: 0 })
      yield* pass(50)
    }),
    expected: [started("A"), stopped("Debug", "A", "Stopped"), crashed("A")]
  },
  "a tick that was abandoned, and dies after the end": {
    run: Effect.gen(function* () {
      const a = yield* spawn()
      const tick = Effect.uninterruptible(Effect.andThen(Effect.sleep(50), Effect.die(boom())))
      yield* tell(a, () => Effect.flatMap(Actor.timers, ({ single }) => Effect.orDie(single("tick", 10, tick))))
      yield* pass(10)
      yield* Actor.stop(a, { deadline: 0 })
      yield* pass(50)
    }),
    expected: [started("A"), stopped("Debug", "A", "Stopped"), crashed("A")]
  },
  "a permanent actor that ends itself": {
    run: Effect.gen(function* () {
      yield* tell(yield* spawn(), () => Actor.stopSelf)
      yield* pass(100)
    }),
    expected: [started("A"), restarting("A"), started("A", 2)]
  },
  "a transient actor that ends itself": {
    run: Effect.gen(function* () {
      const a = yield* spawn({ restart: "transient" })
      yield* tell(a, () => Actor.stopSelf)
      yield* Actor.awaitStopped(a)
    }),
    expected: [started("A"), stopped("Debug", "A", "Normal")]
  },
  "a temporary actor that crashes": {
    run: Effect.gen(function* () {
      const a = yield* spawn({ restart: "temporary" })
      yield* tell(a, dies)
      yield* Actor.awaitStopped(a)
    }),
    expected: [started("A"), crashed("A"), stopped("Error", "A", "Crashed")]
  },
  "a spawned actor that gives up, which is no failure of the root": {
    run: Effect.gen(function* () {
      const a = yield* spawn({ intensity: { restarts: 1 } })
      yield* tell(a, dies)
      yield* pass(100)
      yield* tell(a, dies)
      yield* Actor.awaitStopped(a)
    }),
    expected: [started("A"), ...restarted("A"), crashed("A", 2), stopped("Error", "A", "RapidFail", 2)]
  },
  "an actor at the top that gives up": {
    run: Effect.gen(function* () {
      const a = Context.get(yield* Layer.build(layerA({ intensity: { restarts: 0 } })), A)
      yield* tell(a, dies)
      yield* Effect.flip(Ryker.awaitFailure)
    }),
    expected: [started("A"), crashed("A"), stopped("Error", "A", "RapidFail"), "Fatal RootFailed A"]
  },
  "a first start that fails": {
    run: Effect.exit(spawn({}, Effect.fail(refuse()))),
    expected: [startFailed("A", 1, "Refused"), stopped("Error", "A", "Crashed")]
  },
  "a first start that dies": {
    run: Effect.exit(spawn({}, Effect.die(boom()))),
    expected: [startFailed("A", 1, "Boom"), stopped("Error", "A", "Crashed")]
  },
  "a first start that takes too long": {
    run: Effect.gen(function* () {
      const spawning = yield* start(spawn({ startTimeout: 100 }, Effect.never))
      yield* pass(100)
      yield* Fiber.join(spawning)
    }),
    expected: [startFailed("A", 1, "StartError"), stopped("Error", "A", "Crashed")]
  },
  "a first start that is interrupted": {
    run: Effect.gen(function* () {
      yield* Fiber.interrupt(yield* start(spawn({}, Effect.never)))
    }),
    expected: [stopped("Debug", "A", "ScopeClosed")]
  },
  "a first start that dies when it is interrupted": {
    run: Effect.gen(function* () {
      const build = Effect.onInterrupt(Effect.never, () => Effect.die(boom()))
      yield* Fiber.interrupt(yield* start(spawn({}, build)))
    }),
    expected: [startFailed("A", 1, "Boom"), stopped("Debug", "A", "ScopeClosed")]
  },
  "a start that cannot be interrupted, and dies after the end": {
    run: Effect.gen(function* () {
      const build = Effect.uninterruptible(Effect.andThen(Effect.sleep(50), Effect.die(boom())))
      yield* Fiber.interrupt(yield* start(spawn({}, build)))
      yield* pass(50)
    }),
    expected: [stopped("Debug", "A", "ScopeClosed"), startFailed("A", 1, "Boom")]
  },
  "restarts whose start fails": {
    run: Effect.gen(function* () {
      let starts = 0
      const a = yield* spawn(
        {},
        Effect.suspend(() => (++starts === 2 ? refuse() : starts === 3 ? Effect.die(boom()) : Effect.succeed(handlers)))
      )
      yield* tell(a, dies)
      for (const millis of [100, 200, 400]) yield* pass(millis)
    }),
    expected: [
      started("A"),
      crashed("A"),
      restarting("A"),
      startFailed("A", 2, "Refused"),
      restarting("A", 3, 200),
      startFailed("A", 3, "Boom"),
      restarting("A", 4, 400),
      started("A", 4)
    ]
  },
  "an actor that is suspended and resumed, and again": {
    run: Effect.gen(function* () {
      const a = yield* spawn()
      yield* Actor.resume(a)
      yield* Actor.suspend(a)
      yield* Actor.suspend(a)
      yield* Actor.resume(a)
      yield* Actor.resume(a)
      yield* Actor.suspend(a)
    }),
    expected: [started("A"), "Info ActorSuspended A", "Info ActorResumed A", "Info ActorSuspended A"]
  },
  "an actor that is suspended or resumed after its end": {
    run: Effect.gen(function* () {
      const a = yield* spawn()
      yield* Actor.suspend(a)
      yield* Actor.stop(a)
      yield* Actor.resume(a)
      yield* Actor.suspend(a)
    }),
    expected: [started("A"), "Info ActorSuspended A", stopped("Debug", "A", "Stopped")]
  },
  "a Scope whose finalizer dies": {
    run: Effect.gen(function* () {
      const a = yield* spawn(
        {},
        Effect.as(
          Effect.addFinalizer(() => Effect.die(boom())),
          handlers
        )
      )
      yield* tell(a, dies)
      yield* pass(100)
      yield* Actor.stop(a)
    }),
    expected: [
      started("A"),
      crashed("A"),
      "Error FinalizerFailed A defect=Boom incarnation=1",
      restarting("A"),
      started("A", 2),
      "Error FinalizerFailed A defect=Boom incarnation=2",
      stopped("Debug", "A", "Stopped", 2)
    ]
  },
  "a Scope that takes long to close": {
    run: Effect.gen(function* () {
      const a = yield* spawn(
        { shutdown: 50 },
        Effect.as(
          Effect.addFinalizer(() => Effect.sleep(70)),
          handlers
        )
      )
      yield* tell(a, dies)
      yield* pass(0)
      for (const millis of [50, 20, 100]) yield* pass(millis)
    }),
    expected: [
      started("A"),
      crashed("A"),
      "Warn ScopeSlowToClose A incarnation=1 waited=50",
      restarting("A"),
      started("A", 2)
    ]
  },
  "a Scope that is not closed when the time of a stop is over": {
    run: Effect.gen(function* () {
      const a = yield* spawn(
        {},
        Effect.as(
          Effect.addFinalizer(() => Effect.sleep(70)),
          handlers
        )
      )
      yield* pass(0)
      const stop = yield* start(Actor.stop(a, { deadline: 50 }))
      yield* pass(50)
      yield* Fiber.join(stop)
      yield* pass(20)
    }),
    expected: [started("A"), "Warn ScopeAbandoned A incarnation=1", stopped("Debug", "A", "Stopped")]
  },
  "a finalizer that dies after its Scope was abandoned": {
    run: Effect.gen(function* () {
      const finalizer = Effect.andThen(Effect.sleep(70), Effect.die(boom()))
      const a = yield* spawn(
        {},
        Effect.as(
          Effect.addFinalizer(() => finalizer),
          handlers
        )
      )
      yield* pass(0)
      const stop = yield* start(Actor.stop(a, { deadline: 50 }))
      yield* pass(50)
      yield* Fiber.join(stop)
      yield* pass(20)
    }),
    expected: [
      started("A"),
      "Warn ScopeAbandoned A incarnation=1",
      stopped("Debug", "A", "Stopped"),
      "Error FinalizerFailed A defect=Boom incarnation=1"
    ]
  },
  "a keyed actor that crashes, and goes idle": {
    run: Effect.gen(function* () {
      const keys = Context.get(yield* Layer.build(Keys.toLayer(() => handlers, { ...quick, idleAfter: 1_000 })), Keys)
      yield* tell(keys.get("7"), dies)
      yield* pass(100)
      yield* pass(1_000)
    }),
    expected: [started("Keys/7"), ...restarted("Keys/7"), stopped("Debug", "Keys/7", "Passivated", 2)]
  },
  "a keyed actor whose start fails, and that gives up": {
    run: Effect.gen(function* () {
      const build = () => Effect.fail(refuse())
      const keys = Context.get(yield* Layer.build(Keys.toLayer(build, { ...quick, intensity: { restarts: 1 } })), Keys)
      yield* tell(keys.get("7"), never)
      yield* pass(100)
    }),
    expected: [
      startFailed("Keys/7", 1, "Refused"),
      restarting("Keys/7"),
      startFailed("Keys/7", 2, "Refused"),
      stopped("Error", "Keys/7", "RapidFail", 2, 1)
    ]
  },
  "one-for-one": {
    run: Effect.gen(function* () {
      const services = yield* trio({ strategy: "one-for-one" })
      yield* tell(Context.get(services, B), dies)
      yield* pass(100)
    }),
    expected: [...up, ...restarted("B")]
  },
  "one-for-all": {
    run: Effect.gen(function* () {
      const services = yield* trio({ strategy: "one-for-all" })
      yield* tell(Context.get(services, B), dies)
      yield* pass(100)
    }),
    expected: [
      ...up,
      crashed("B"),
      restarting("B"),
      regrouping("B", "A,B,C"),
      started("A", 2),
      started("B", 2),
      started("C", 2)
    ]
  },
  "rest-for-one": {
    run: Effect.gen(function* () {
      const services = yield* trio({ strategy: "rest-for-one" })
      yield* tell(Context.get(services, B), dies)
      yield* pass(100)
    }),
    expected: [...up, crashed("B"), restarting("B"), regrouping("B", "B,C"), started("B", 2), started("C", 2)]
  },
  "a handler that dies while its actor is halted with its group": {
    run: Effect.gen(function* () {
      const services = yield* trio({ strategy: "one-for-all" })
      yield* tell(Context.get(services, C), diesWhenInterrupted)
      yield* settled
      yield* tell(Context.get(services, B), dies)
      yield* pass(100)
    }),
    expected: [
      ...up,
      crashed("B"),
      restarting("B"),
      regrouping("B", "A,B,C"),
      crashed("C"),
      started("A", 2),
      started("B", 2),
      started("C", 2)
    ]
  },
  "two of a group that crash at the same moment": {
    run: Effect.gen(function* () {
      const services = yield* trio({ strategy: "one-for-all" })
      const latch = yield* Latch.make()
      const later: Job = () => Effect.andThen(latch.await, Effect.die(boom()))
      yield* tell(Context.get(services, A), later)
      yield* tell(Context.get(services, C), later)
      yield* settled
      yield* latch.open
      yield* pass(100)
    }),
    expected: [
      ...up,
      crashed("A"),
      restarting("A"),
      crashed("C"),
      restarting("C"),
      regrouping("A", "A,B,C"),
      started("A", 2),
      started("B", 2),
      started("C", 2)
    ]
  },
  "a temporary child whose group is restarted": {
    run: Effect.gen(function* () {
      const children = [layerA(), layerB({ restart: "temporary" })]
      const services = yield* Layer.build(Supervisor.layer("S", { strategy: "one-for-all", children }))
      yield* tell(Context.get(services, A), dies)
      yield* pass(100)
    }),
    expected: [
      started("A"),
      started("B"),
      started("S", 1, "supervisor"),
      crashed("A"),
      restarting("A"),
      regrouping("A", "A"),
      stopped("Debug", "B", "SupervisorStopped"),
      started("A", 2)
    ]
  },
  "a start that fails in the restart of a group": {
    run: Effect.gen(function* () {
      let starts = 0
      const build: Build = Effect.suspend(() => (++starts === 2 ? refuse() : Effect.succeed(handlers)))
      const children = [layerA(), layerB({}, build)]
      const services = yield* Layer.build(Supervisor.layer("S", { strategy: "one-for-all", children }))
      yield* tell(Context.get(services, A), dies)
      yield* pass(100)
      yield* pass(100)
    }),
    expected: [
      started("A"),
      started("B"),
      started("S", 1, "supervisor"),
      crashed("A"),
      restarting("A"),
      regrouping("A", "A,B"),
      started("A", 2),
      startFailed("B", 2, "Refused"),
      restarting("B", 3),
      regrouping("B", "A,B"),
      started("A", 3),
      started("B", 3)
    ]
  },
  "a child that gives up, and its supervisor that is restarted with it": {
    run: Effect.gen(function* () {
      const children = [layerA({ intensity: { restarts: 0 } }), layerB()]
      const services = yield* Layer.build(Supervisor.layer("S", { backoff: quick.backoff, children }))
      yield* tell(Context.get(services, A), dies)
      yield* pass(100)
    }),
    expected: [
      started("A"),
      started("B"),
      started("S", 1, "supervisor"),
      crashed("A"),
      stopped("Error", "A", "RapidFail"),
      "Error SupervisorFailed S child=A incarnation=1",
      restarting("S"),
      started("A", 2),
      started("B", 2),
      started("S", 2, "supervisor")
    ]
  },
  "a child that gives up, and is isolated": {
    run: Effect.gen(function* () {
      const children = [layerA({ intensity: { restarts: 0 } }), layerB()]
      const services = yield* Layer.build(Supervisor.layer("S", { onExhausted: "isolate", children }))
      yield* tell(Context.get(services, A), dies)
      yield* pass(100)
    }),
    expected: [
      started("A"),
      started("B"),
      started("S", 1, "supervisor"),
      crashed("A"),
      stopped("Error", "A", "RapidFail"),
      "Warn ChildIsolated S child=A"
    ]
  },
  "a supervisor at the top that gives up": {
    run: Effect.gen(function* () {
      const children = [layerA({ intensity: { restarts: 0 } }), layerB()]
      const services = yield* Layer.build(Supervisor.layer("S", { intensity: { restarts: 0 }, children }))
      yield* tell(Context.get(services, A), dies)
      yield* Effect.flip(Ryker.awaitFailure)
    }),
    expected: [
      started("A"),
      started("B"),
      started("S", 1, "supervisor"),
      crashed("A"),
      stopped("Error", "A", "RapidFail"),
      "Error SupervisorFailed S child=A incarnation=1",
      stopped("Debug", "B", "SupervisorStopped"),
      stopped("Error", "S", "RapidFail", 1, 0, "supervisor"),
      "Fatal RootFailed S"
    ]
  },
  "a significant child that ends itself": {
    run: Effect.gen(function* () {
      const children = [layerA({ restart: "transient", significant: true }), layerB()]
      const services = yield* Layer.build(Supervisor.layer("S", { autoShutdown: "any", children }))
      yield* tell(Context.get(services, A), () => Actor.stopSelf)
      yield* settled
    }),
    expected: [
      started("A"),
      started("B"),
      started("S", 1, "supervisor"),
      stopped("Debug", "A", "Normal"),
      "Info SupervisorFinished S child=A",
      stopped("Debug", "B", "SupervisorStopped"),
      stopped("Debug", "S", "Normal", 1, 0, "supervisor")
    ]
  },
  "an actor at the top whose first start fails": {
    run: Effect.exit(Layer.build(layerA({}, Effect.fail(refuse())))),
    expected: [startFailed("A", 1, "Refused"), stopped("Error", "A", "Crashed")]
  },
  "a supervisor whose second child does not start": {
    run: Effect.exit(
      Layer.build(Supervisor.layer("S", { children: [layerA(), layerB({}, Effect.fail(refuse())), layerC()] }))
    ),
    expected: [
      started("A"),
      startFailed("B", 1, "Refused"),
      stopped("Error", "B", "Crashed"),
      startFailed("S", 1, "SupervisorStartError"),
      stopped("Debug", "A", "SupervisorStopped"),
      stopped("Error", "S", "Crashed", 1, 0, "supervisor")
    ]
  },
  "a family below a supervisor that is closed": {
    run: Effect.gen(function* () {
      const children = [Keys.toLayer(() => handlers, quick)]
      const scope = yield* Scope.make()
      const services = yield* Layer.buildWithScope(Supervisor.layer("S", { children }), scope)
      yield* ask(Context.get(services, Keys).get("7"), () => Effect.void)
      yield* Scope.close(scope, Exit.void)
    }),
    expected: [
      started("Keys", 1, "family"),
      started("S", 1, "supervisor"),
      started("Keys/7"),
      stopped("Debug", "Keys/7", "ScopeClosed"),
      stopped("Debug", "Keys", "ScopeClosed", 1, 0, "family"),
      stopped("Debug", "S", "ScopeClosed", 1, 0, "supervisor")
    ]
  },
  "a reload, one that changes nothing, and one that is refused": {
    run: Effect.gen(function* () {
      yield* Ryker.reload({ defaults: { deadline: "2s" }, fairness: { batch_messages: 8 } }, { source: "test" })
      yield* Ryker.reload({ defaults: { deadline: 2_000 } })
      yield* Effect.flip(Ryker.reload({ defaults: { deadline: "soon", mailbox_capacity: 0 } }))
    }),
    expected: [
      "Info ConfigApplied ryker diff=defaults.deadline hot 1s 2s,fairness.batch_messages hot 32 8 source=test version=2",
      "Error ConfigRefused ryker problems=2 source=program version=2"
    ]
  },
  "a drain that handles all": {
    run: Effect.gen(function* () {
      yield* tell(yield* spawn(), () => Effect.succeed(secret))
      yield* Ryker.drain(1_000)
    }),
    expected: [
      started("A"),
      "Info DrainStarted ryker limit=1000",
      stopped("Debug", "A", "Draining"),
      "Info DrainFinished ryker abandoned=0 dropped=0 elapsed=0 failed=0 handled=1 outcome=complete"
    ]
  },
  "a drain without a deadline": {
    run: Ryker.drain("Infinity"),
    expected: [
      "Info DrainStarted ryker",
      "Info DrainFinished ryker abandoned=0 dropped=0 elapsed=0 failed=0 handled=0 outcome=complete"
    ]
  },
  "a drain that loses messages, one of them by a crash": {
    run: Effect.gen(function* () {
      const a = yield* spawn()
      for (const job of [dies, diesWhenInterrupted, never]) yield* tell(a, job)
      const drain = yield* start(Ryker.drain(500))
      yield* pass(100)
      yield* pass(400)
      yield* Fiber.join(drain)
    }),
    expected: [
      started("A"),
      "Info DrainStarted ryker limit=500",
      crashed("A"),
      restarting("A"),
      started("A", 2),
      crashed("A", 2),
      stopped("Warn", "A", "Draining", 2, 1),
      "Warn DrainFinished ryker abandoned=0 dropped=1 elapsed=500 failed=2 handled=0 outcome=incomplete"
    ]
  },
  "a drain whose caller is interrupted": {
    run: Effect.gen(function* () {
      const a = yield* spawn()
      yield* tell(a, never)
      const drain = yield* start(Ryker.drain(500))
      yield* Fiber.interrupt(drain)
      yield* pass(500)
    }),
    expected: [
      started("A"),
      "Info DrainStarted ryker limit=500",
      stopped("Debug", "A", "Draining"),
      "Warn DrainFinished ryker abandoned=0 dropped=0 elapsed=500 failed=1 handled=0 outcome=incomplete"
    ]
  }
}
