/** The service that is soaked: a tree of actors that ask each other, crash, give up and are passivated. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import * as Actor from "ryker/Actor"
import * as Router from "ryker/Router"
import * as RykerConfig from "ryker/RykerConfig"
import * as Supervisor from "ryker/Supervisor"

class Overdrawn extends Schema.TaggedError<Overdrawn>()("Overdrawn", { short: Schema.Int }) {}

const crash = Effect.die(new Error("on purpose"))

// --- One-off --------------------------------------------------------------------------------------------------------------

export class Job extends Actor.Service<Job>()("Job", [Rpc.make("Run", { success: Schema.Int }), Rpc.make("Crash")]) {}
export const jobHandlers = Job.of({ Run: () => Effect.succeed(1), Crash: () => crash })

export class Jobs extends Supervisor.Service<Jobs>()("Jobs") {}

// --- State, asked by others -----------------------------------------------------------------------------------------------

export class Journal extends Actor.Service<Journal>()("Journal", [
  Rpc.make("Append", { payload: { line: Schema.String }, success: Schema.Int })
]) {}

const JournalLayer = Journal.toLayer(
  Effect.sync(() => {
    let length = 0
    return Journal.of({ Append: ({ line }) => Effect.sync(() => (length += line.length)) })
  })
)

export class Account extends Actor.Service<Account>()("Account", [
  Rpc.make("Deposit", { payload: { amount: Schema.Int, note: Schema.String } }),
  Rpc.make("Withdraw", { payload: { amount: Schema.Int }, success: Schema.Int, error: Overdrawn }),
  Rpc.make("Crash")
]) {}

const AccountLayer = Account.toLayer(
  Effect.gen(function* () {
    const journal = yield* Journal
    const timers = yield* Actor.timers
    let balance = 0
    let ticks = 0
    yield* timers.fixedRate(
      "tick",
      "50 millis",
      Effect.sync(() => void ticks++)
    )
    // What a Scope holds must go with it, at each crash.
    yield* Effect.acquireRelease(
      Effect.sync(() => setInterval(() => undefined, 60_000)),
      (timer) => Effect.sync(() => clearInterval(timer))
    )
    return Account.of({
      Deposit: ({ amount, note }) =>
        journal.ask
          .Append({ line: note })
          .pipe(Effect.ignore, Effect.andThen(Effect.sync(() => void (balance += amount)))),
      Withdraw: ({ amount }) =>
        amount > balance ? new Overdrawn({ short: amount - balance }) : Effect.sync(() => (balance -= amount)),
      Crash: () => crash
    })
  }),
  { capacity: 64, deadline: "100 millis", redeliver: 1 }
)

/** Takes its time: some of its work outlives its deadline, some cannot be interrupted. */
export class Slow extends Actor.Service<Slow>()("Slow", [
  Rpc.make("Sleep", { payload: { millis: Schema.Int } }),
  Rpc.make("Stubborn", { payload: { millis: Schema.Int } })
]) {}

const SlowLayer = Slow.toLayer(
  Slow.of({
    Sleep: ({ millis }) => Effect.sleep(millis),
    Stubborn: ({ millis }) => Effect.uninterruptible(Effect.sleep(millis))
  }),
  { capacity: 4, deadline: "20 millis" }
)

// --- By id ----------------------------------------------------------------------------------------------------------------

export class Sessions extends Actor.keyed<Sessions>()("Session", [
  Rpc.make("Visit", { payload: { page: Schema.String }, success: Schema.Int }),
  Rpc.make("Crash")
]) {}

const SessionsLayer = Sessions.toLayer(
  () =>
    Effect.sync(() => {
      const pages = new Set<string>()
      return { Visit: ({ page }) => Effect.sync(() => pages.add(page).size), Crash: () => crash }
    }),
  { maxResident: 64, idleAfter: "100 millis", capacity: 8, deadline: "200 millis" }
)

// --- A pool ---------------------------------------------------------------------------------------------------------------

export class Worker extends Actor.Service<Worker>()("Worker", [
  Rpc.make("Sum", { payload: { bytes: Schema.Uint8Array }, success: Schema.Int }),
  Rpc.make("Crash")
]) {}

const WorkersLayer = Router.layer(
  Worker,
  Worker.of({
    Sum: ({ bytes }) => Effect.sync(() => bytes.reduce((sum, byte) => sum + byte, 0)),
    Crash: () => crash
  }),
  { size: 4, choose: "round-robin", capacity: 32, deadline: "200 millis", maxMessageBytes: 1024 }
)

// --- A subtree that gives up, and comes back ------------------------------------------------------------------------------

export class Sensor extends Actor.Service<Sensor>()("Sensor", [
  Rpc.make("Read", { success: Schema.Int }),
  Rpc.make("Crash")
]) {}
export class Display extends Actor.Service<Display>()("Display", [Rpc.make("Show", { success: Schema.Int })]) {}

const SensorLayer = Sensor.toLayer(
  Effect.sync(() => {
    let reading = 0
    return Sensor.of({ Read: () => Effect.sync(() => ++reading), Crash: () => crash })
  }),
  // The second crash in a second is one too many: its supervisor is restarted with all its children.
  { intensity: { restarts: 1, window: "1 second" } }
)

// A group is taken down when what its members have in hand has ended: who asks a sibling that is down holds up both.
const DisplayLayer = Display.toLayer(
  Effect.map(Sensor, (sensor) => Display.of({ Show: () => Effect.orElseSucceed(sensor.ask.Read(), () => -1) })),
  { deadline: "50 millis" }
)

// --- The tree -------------------------------------------------------------------------------------------------------------

/** Crashes are part of the load: only the sensor's supervisor gives up for them. */
const often = { restarts: 1_000_000, window: "1 minute" } as const

export const backoff = { base: "1 millis", cap: "20 millis" } as const

export const host = Supervisor.layer("Host", {
  strategy: "one-for-one",
  intensity: often,
  backoff,
  children: [
    JournalLayer,
    AccountLayer.pipe(Layer.provide(JournalLayer)),
    SlowLayer,
    SessionsLayer,
    WorkersLayer,
    Jobs.toLayer({ intensity: often, backoff }),
    Supervisor.layer("Instruments", {
      strategy: "one-for-all",
      intensity: often,
      backoff,
      children: [SensorLayer, DisplayLayer.pipe(Layer.provide(SensorLayer))]
    })
  ]
}).pipe(Layer.merge(RykerConfig.layerReload({ signal: "SIGHUP" })))

export const defaults = { backoff, intensity: often }
