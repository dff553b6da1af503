/** What callers do to the host, at random. Each kind is counted. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Actor from "ryker/Actor"
import * as Ryker from "ryker/Ryker"
import * as Supervisor from "ryker/Supervisor"
import { Account, Display, Job, jobHandlers, Jobs, Sensor, Sessions, Slow, Worker } from "./host.ts"

const kinds = ["tell", "ask", "crash", "reload", "refused reload", "signal", "suspend", "stop", "interrupt"]
/** What the load must bring about: each of ryker's errors but those of mistakes. */
const outcomes = ["Busy", "TooLarge", "Timeout", "Crashed", "Stopped", "Overdrawn"]

/** What was done and what came of it, over all lives. */
export class Tally {
  asksBegun = 0
  asksEnded = 0
  /** How often each kind of action was taken, and each kind of error met. */
  readonly counts: { [what: string]: number } = Object.fromEntries([...kinds, ...outcomes].map((what) => [what, 0]))

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1
  }
}

/** Takes random actions until it is interrupted. */
export const caller = Effect.fnUntraced(function* (tally: Tally) {
  const actions = yield* makeActions(tally)
  while (true) {
    const burst = yield* Random.nextIntBetween(1, 40)
    for (let n = 0; n < burst; n++) yield* yield* choose(actions)
    yield* Effect.sleep(yield* Random.nextIntBetween(1, 10))
  }
})

/** The likelier, the larger the number. */
const choose = <A>(choices: ReadonlyArray<readonly [number, A]>): Effect.Effect<A> =>
  Effect.map(Random.next, (random) => {
    let left = random * choices.reduce((sum, [weight]) => sum + weight, 0)
    return choices.find(([weight]) => (left -= weight) < 0)![1]
  })

const makeActions = Effect.fnUntraced(function* (tally: Tally) {
  const account = yield* Account
  const display = yield* Display
  const jobs = yield* Jobs
  const sensor = yield* Sensor
  const sessions = yield* Sessions
  const slow = yield* Slow
  const worker = yield* Worker

  /** Any error is one that the types know, and is counted. */
  const expectAny = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.match(effect, { onFailure: (error) => tally.count(error._tag), onSuccess: () => undefined })
  const tell = <E extends { readonly _tag: string }>(effect: Effect.Effect<void, E>) =>
    Effect.suspend(() => {
      tally.count("tell")
      return expectAny(effect)
    })
  const ask = <A, E extends { readonly _tag: string }>(effect: Effect.Effect<A, E>) =>
    Effect.suspend(() => {
      tally.count("ask")
      tally.asksBegun++
      return Effect.onExit(expectAny(effect), () => Effect.sync(() => void tally.asksEnded++))
    })
  const doing = <A, E extends { readonly _tag: string }, R>(kind: string, effect: Effect.Effect<A, E, R>) =>
    Effect.suspend(() => {
      tally.count(kind)
      return expectAny(effect)
    })
  const drawn = <R>(max: number, action: (n: number) => Effect.Effect<void, never, R>) =>
    Effect.flatMap(Random.nextIntBetween(1, max), action)
  const bytes = new Uint8Array(512)
  const tooMany = new Uint8Array(2048)

  const interrupted = Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(ask(slow.ask.Sleep({ millis: 50 })), { startImmediately: true })
    yield* Effect.yieldNow
    yield* Fiber.interrupt(fiber)
  })
  // Whoever suspends resumes, whatever happens meanwhile.
  const suspended = Effect.gen(function* () {
    const handle = yield* choose<Actor.Any>([
      [1, account],
      [1, display]
    ])
    yield* Effect.acquireUseRelease(
      Actor.suspend(handle),
      () => Effect.sleep("5 millis"),
      () => Actor.resume(handle)
    )
  })
  const job = Effect.gen(function* () {
    const handle = yield* Supervisor.startChild(jobs, Actor.spawn(Job, jobHandlers, { restart: "temporary" }))
    yield* ask(handle.ask.Run())
    yield* ask(handle.ask.Crash())
    yield* Actor.stop(handle, { deadline: 0 })
  })

  const actions: ReadonlyArray<readonly [number, Effect.Effect<void, never, Ryker.Ryker>]> = [
    [300, drawn(100, (amount) => tell(account.tell.Deposit({ amount, note: "soak" })))],
    [300, drawn(100, (amount) => ask(account.ask.Withdraw({ amount })))],
    [300, drawn(200, (id) => ask(sessions.get(`s${id}`).ask.Visit({ page: `p${id % 7}` })))],
    [200, drawn(200, (id) => tell(sessions.get(`s${id}`).tell.Visit({ page: "home" })))],
    [300, ask(worker.ask.Sum({ bytes }))],
    [100, ask(display.ask.Show())],
    [5, tell(worker.tell.Sum({ bytes: tooMany }))],
    // Some of these outlive the ask's deadline.
    [5, drawn(40, (millis) => ask(slow.ask.Sleep({ millis })))],
    [1, drawn(30, (millis) => ask(slow.ask.Stubborn({ millis })))],
    [5, doing("crash", ask(account.ask.Crash()))],
    [3, doing("crash", ask(worker.ask.Crash()))],
    [3, drawn(200, (id) => doing("crash", ask(sessions.get(`s${id}`).ask.Crash())))],
    [4, doing("crash", ask(sensor.ask.Crash()))],
    [3, doing("interrupt", interrupted)],
    [3, doing("suspend", suspended)],
    [5, doing("stop", job)],
    [
      3,
      drawn(100, (n) =>
        doing("reload", Ryker.reload({ defaults: { deadline: `${900 + n}ms`, mailbox_capacity: 256 + n } }))
      )
    ],
    [3, doing("refused reload", Ryker.reload({ defaults: { deadline: "soon" } }))],
    [
      1,
      doing(
        "signal",
        Effect.sync(() => process.kill(process.pid, "SIGHUP"))
      )
    ]
  ]
  return actions
})
