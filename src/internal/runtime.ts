/** What all actors of one `Ryker.layer` share: clock and timers, dispatcher, registry, settings. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import type { DeadLetter } from "../DeadLetter.ts"
import type * as Ledger from "../Ledger.ts"
import type { RykerEvent } from "../RykerEvent.ts"
import { RootFailure, type StopReason } from "../RykerError.ts"
import type { ActorCell } from "./actorCell.ts"
import { type CellKind, type CellOptions, isStartedByLayer } from "./cell.ts"
import { Changes } from "./changes.ts"
import { Closing } from "./closing.ts"
import { Counters } from "./counters.ts"
import type { Envelope, Resume } from "./envelope.ts"
import { Feed } from "./feed.ts"
import type { Family } from "./family.ts"
import { CurrentObserver, type RuntimeObserver } from "./runtimeObserver.ts"
import { CurrentInstrument, type Instrument } from "./instrument.ts"
import { type GroupMetrics, type Measured, RuntimeMetrics, type Timings } from "./metrics.ts"
import type { Values } from "./configSchema.ts"
import type { Snapshot } from "./reload.ts"
import { emit } from "./report.ts"
import type { RuntimeSettings } from "./settings.ts"
import { Timers } from "./timers.ts"

const TypeId = "~ryker/Ryker"

/** What users see of the runtime: nothing but that it is one. */
export interface RykerService {
  readonly [TypeId]: typeof TypeId
}

/** What is known of an actor that has ended for a failure. */
export interface Failed {
  readonly address: string
  /** The definition's name. */
  readonly name: string
  readonly kind: CellKind
  readonly incarnation: number
  readonly reason: StopReason
}

/** All actors of one definition. */
export class Group implements Measured {
  readonly name: string
  readonly counters = new Counters()
  readonly cells = new Set<ActorCell>()
  /** Where times of messages go; undefined while they are not wanted. */
  timings: Timings | undefined = undefined
  metrics: GroupMetrics | undefined = undefined
  /** What those had in common that were started last: who is started alike shares it. */
  latest: CellOptions | undefined = undefined
  /** Those that a Layer has started and that have ended for a failure, by address. */
  readonly failed = new Map<string, Failed>()

  constructor(name: string) {
    this.name = name
  }

  /** An actor comes alive. */
  enter(cell: ActorCell): void {
    this.cells.add(cell)
    if (this.failed.size > 0) this.failed.delete(cell.address)
    if (this.cells.size === 1) this.metrics?.setPresent(true)
  }

  /** Nothing of an actor is left. */
  leave(cell: ActorCell): void {
    this.cells.delete(cell)
    const { address, incarnation, options, stopReason } = cell
    if (isStartedByLayer(options) && (stopReason === "RapidFail" || stopReason === "Crashed")) {
      this.failed.set(address, { address, name: this.name, kind: options.kind, incarnation, reason: stopReason })
    }
    if (this.cells.size === 0 && this.failed.size === 0) this.metrics?.setPresent(false)
  }

  /** Nobody can start the actor again, and nobody is to be told that it is down. */
  forget(address: string): void {
    if (this.failed.delete(address) && this.cells.size + this.failed.size === 0) this.metrics?.setPresent(false)
  }

  get queued(): number {
    let queued = 0
    for (const cell of this.cells) queued += cell.depth
    return queued
  }

  get up(): number {
    let up = 0
    for (const cell of this.cells) if (cell.phase === "Running") up++
    return up
  }

  entry(): Ledger.Entry {
    let inHand = 0
    for (const cell of this.cells) if (cell.isHandling) inHand++
    return this.counters.entry(this.name, this.queued, inHand)
  }
}

/**
 * How deep answers and interruptions may be nested. Each resumes a fiber on the stack of the one
 * before; a chain of asks as long as the user likes must not overflow it.
 */
const maxNesting = 32

const answering = (resume: Resume, exit: Effect.Effect<unknown, unknown>) => () => resume(exit)

/** What a runtime begins with. */
export interface RuntimeOptions {
  readonly settings: RuntimeSettings
  readonly snapshot: Snapshot
  readonly pinned: Values
  readonly ownsStash: boolean
  readonly file: string | undefined
}

export class Runtime implements RykerService {
  readonly [TypeId] = TypeId
  /** What holds now; replaced as a whole. */
  settings: RuntimeSettings
  /** The same as users see it. */
  snapshot: Snapshot
  /** What the program itself has said, by key: it beats what is read. */
  pinned: Values
  /** The size of stashes is not left to that of mailboxes. */
  readonly ownsStash: boolean
  /** The file of settings that it began with, if the program named one. */
  readonly file: string | undefined
  readonly context: Context.Context<never>
  readonly observer: RuntimeObserver | undefined
  readonly timers: Timers
  /** `schedule`, for all those that hold it for later. */
  readonly scheduled: (task: () => void) => void
  readonly changes: Changes
  readonly closing: Closing<ReadonlyArray<Ledger.Entry>>
  readonly events = new Feed<RykerEvent>()
  readonly deadLetters = new Feed<DeadLetter>()
  /** What a test has put around it. */
  readonly instrument: Instrument | undefined
  /** Fails once something at the top has given up for good. */
  readonly failure = Deferred.makeUnsafe<never, RootFailure>()
  readonly groups = new Map<string, Group>()
  readonly metrics: RuntimeMetrics
  /** Those that have not stopped, in the order of their start. */
  readonly cells = new Set<ActorCell>()
  /** Keyed families in the order of their start. */
  readonly families = new Set<Family>()
  /** Names of actors and families that are taken. */
  readonly names = new Set<string>()
  /** The drain, from the first one on: nothing is taken in from outside any more. */
  draining: Fiber.Fiber<void> | undefined = undefined
  /** When the drain must be over. */
  drainBy: number | undefined = undefined
  /** True once a drain has let all work finish that could: no actor is started any more, not even from inside. */
  closed = false
  /** How many actors have work. */
  busy = 0
  /** How many turns are scheduled and have not begun. */
  turnsWaiting = 0
  private hasGivenUp = false
  private nesting = 0
  private spawned = 0
  /** Supervisors by name. The ledger does not list them, as they have no messages. */
  readonly supervisors = new Map<string, Group>()
  private readonly seed: number
  private readonly clock: Clock.Clock
  private readonly dispatcher: Scheduler.SchedulerDispatcher

  constructor(options: RuntimeOptions, context: Context.Context<never>) {
    const { settings } = options
    this.settings = settings
    this.snapshot = options.snapshot
    this.pinned = options.pinned
    this.ownsStash = options.ownsStash
    this.file = options.file
    this.context = context
    this.metrics = new RuntimeMetrics(context, settings.observability)
    this.dispatcher = Context.get(context, Scheduler.Scheduler).makeDispatcher()
    this.clock = Context.get(context, Clock.Clock)
    this.timers = new Timers(this.clock, context)
    this.scheduled = (task) => this.schedule(task)
    this.changes = new Changes(this.timers, this.scheduled)
    this.instrument = Context.get(context, CurrentInstrument)
    this.closing = new Closing(this.timers, settings.drainDeadline, () => this.books, this.instrument)
    this.seed = Context.get(context, Random.Random).nextIntUnsafe()
    this.observer = Context.get(context, CurrentObserver)
    this.observer?.opened(this)
    this.instrument?.attach(this)
  }

  /** Runs a task after those that wait already. */
  schedule(task: () => void): void {
    this.dispatcher.scheduleTask(task, 0)
  }

  /** Whether what is called now may call back once more on this stack. */
  get mayNest(): boolean {
    return this.nesting < maxNesting
  }

  /** Runs what may run the code of others; in a task of its own when that is nested too deep already. */
  nest(task: () => void): void {
    if (!this.mayNest) return this.schedule(task)
    this.nesting++
    try {
      task()
    } finally {
      this.nesting--
    }
  }

  // The same for what there is of each message, which is too frequent for closures.

  answer(resume: Resume, exit: Effect.Effect<unknown, unknown>): void {
    if (!this.mayNest) return this.schedule(answering(resume, exit))
    this.nesting++
    try {
      resume(exit)
    } finally {
      this.nesting--
    }
  }

  /** Where `mayNest` was looked at before. */
  deliver(cell: ActorCell, message: Envelope): void {
    this.nesting++
    try {
      cell.deliver(message)
    } finally {
      this.nesting--
    }
  }

  group(name: string): Group {
    let group = this.groups.get(name)
    if (group === undefined) {
      group = new Group(name)
      group.metrics = this.metrics.add(group, true)
      this.groups.set(name, group)
    }
    return group
  }

  /** What a supervisor is counted under. */
  supervisorGroup(name: string): Group {
    let group = this.supervisors.get(name)
    if (group === undefined) {
      group = new Group(name)
      group.metrics = this.metrics.add(group, false)
      this.supervisors.set(name, group)
    }
    return group
  }

  /** An address that no actor of this runtime had before. */
  nextAddress(name: string): string {
    let address: string
    do address = `${name}#${++this.spawned}`
    while (this.names.has(address))
    return address
  }

  /** A random stream of the actor's own: what others draw does not change what it draws. */
  randomFor(address: string): Random.Random {
    return Effect.runSync(Random.withSeed(Effect.service(Random.Random), `${this.seed}/${address}`))
  }

  /** Milliseconds since the epoch, for people; whatever is measured uses `timers`. */
  wallClock(): number {
    return this.clock.currentTimeMillisUnsafe()
  }

  /** Nanoseconds since the epoch, as spans have them. */
  nanos(): bigint {
    return this.clock.currentTimeNanosUnsafe()
  }

  /** Something at the top has given up. Of several, the first is the failure that the host sees. */
  giveUp(actor: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.hasGivenUp) return Effect.void
      this.hasGivenUp = true
      // The log line first: whoever waits for the failure may end the process.
      return Effect.andThen(
        emit(this, { _tag: "RootFailed", actor }),
        Effect.sync(() => Deferred.doneUnsafe(this.failure, Effect.fail(new RootFailure({ actor }))))
      )
    })
  }

  get ledger(): ReadonlyArray<Ledger.Entry> {
    return Array.from(this.groups.values(), (group) => group.entry())
  }

  /** The ledger without a look at every actor: what is queued and in hand is left out. */
  private get books(): ReadonlyArray<Ledger.Entry> {
    return Array.from(this.groups.values(), ({ counters, name }) => counters.entry(name, 0, 0))
  }

  /** True when a drain has begun and its time is over: no message is begun any more. */
  get isDrainOver(): boolean {
    return this.drainBy !== undefined && this.drainBy <= this.timers.now()
  }

  workBegins(): void {
    this.busy++
  }

  workEnds(): void {
    this.busy--
    if (this.drainBy !== undefined && this.busy === 0) this.changes.notify()
  }
}

/**
 * The runtime of actors. One per application.
 *
 * @category services
 * @since 0.1.0
 */
export class Ryker extends Context.Service<Ryker, RykerService>()("ryker/Ryker") {}

/** Every value of the service is made by `Ryker.layer`, so the implementation behind it is known. */
export const runtimeOf = (service: RykerService): Runtime => service as Runtime
