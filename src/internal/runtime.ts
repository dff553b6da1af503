/** What all actors of one `Ryker.layer` share: clock and timers, dispatcher, registry, settings. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import type * as Ledger from "../Ledger.ts"
import type { ActorCell } from "./actorCell.ts"
import { Changes } from "./changes.ts"
import { Counters } from "./counters.ts"
import type { Resume } from "./envelope.ts"
import type { RuntimeSettings } from "./settings.ts"
import { Timers } from "./timers.ts"

const TypeId = "~ryker/Ryker"

/** What users see of the runtime: nothing but that it is one. */
export interface RykerService {
  readonly [TypeId]: typeof TypeId
}

/** All actors of one definition. */
export class Group {
  readonly name: string
  readonly counters = new Counters()
  readonly cells = new Set<ActorCell>()

  constructor(name: string) {
    this.name = name
  }

  entry(): Ledger.Entry {
    let queued = 0
    let inHand = 0
    for (const cell of this.cells) {
      queued += cell.mailbox.depth
      if (cell.inHand !== undefined) inHand++
    }
    return this.counters.entry(this.name, queued, inHand)
  }
}

/**
 * Answers given inside answers, before the next goes to a task of its own. Each resumes a fiber on
 * the stack of the one before; a chain of asks as long as the user likes must not overflow it.
 */
const maxNesting = 32

/** Closes that begin within this time of the last one's end, in milliseconds, belong to the same shutdown. */
const closePause = 100

export class Runtime implements RykerService {
  readonly [TypeId] = TypeId
  readonly settings: RuntimeSettings
  readonly context: Context.Context<never>
  readonly timers: Timers
  readonly changes: Changes
  readonly groups = new Map<string, Group>()
  /** Those that have not stopped, in the order of their start. */
  readonly cells = new Set<ActorCell>()
  /** Names of actors and families that are taken. */
  readonly names = new Set<string>()
  /** True from the first drain on: nothing is taken in from outside any more. */
  draining = false
  /** True once a drain has let all work finish that could: no actor is started any more, not even from inside. */
  closed = false
  /** How many actors have work. */
  busy = 0
  /** How many turns are scheduled and have not begun. */
  turnsWaiting = 0
  private closing = 0
  private closedAt = Number.NEGATIVE_INFINITY
  private closesBy = 0
  private nesting = 0
  private spawned = 0
  private readonly seed: number
  private readonly dispatcher: Scheduler.SchedulerDispatcher

  constructor(settings: RuntimeSettings, context: Context.Context<never>) {
    this.settings = settings
    this.context = context
    this.dispatcher = Context.get(context, Scheduler.Scheduler).makeDispatcher()
    this.timers = new Timers(Context.get(context, Clock.Clock), context)
    this.changes = new Changes(this.timers, (task) => this.schedule(task))
    this.seed = Context.get(context, Random.Random).nextIntUnsafe()
  }

  /** Runs a task after those that wait already. */
  schedule(task: () => void): void {
    this.dispatcher.scheduleTask(task, 0)
  }

  resume(resume: Resume, exit: Exit.Exit<unknown, unknown>): void {
    if (this.nesting >= maxNesting) return this.schedule(() => resume(exit))
    this.nesting++
    try {
      resume(exit)
    } finally {
      this.nesting--
    }
  }

  group(name: string): Group {
    let group = this.groups.get(name)
    if (group === undefined) {
      group = new Group(name)
      this.groups.set(name, group)
    }
    return group
  }

  /** An address that no actor of this runtime had before. */
  nextAddress(name: string): string {
    return `${name}#${++this.spawned}`
  }

  /** A random stream of the actor's own: what others draw does not change what it draws. */
  randomFor(address: string): Random.Random {
    return Effect.runSync(Random.withSeed(Effect.service(Random.Random), `${this.seed}/${address}`))
  }

  get ledger(): ReadonlyArray<Ledger.Entry> {
    return Array.from(this.groups.values(), (group) => group.entry())
  }

  /**
   * When a close that begins now must be over.
   *
   * An application that shuts down closes its Layers one after the other, and no single one knows of
   * the rest. So closes that follow each other without a pause share one `drainDeadline`.
   */
  private closeBy(shutdown: number): number {
    const now = this.timers.now()
    if (this.closing === 0 && now - this.closedAt > closePause) this.closesBy = now + this.settings.drainDeadline
    return Math.min(now + shutdown, this.closesBy)
  }

  /** Runs a close, see `closeBy`. */
  readonly duringClose = (close: (at: number) => Effect.Effect<void>, shutdown: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      const at = this.closeBy(shutdown)
      this.closing++
      return Effect.ensuring(
        close(at),
        Effect.sync(() => {
          this.closing--
          this.closedAt = this.timers.now()
        })
      )
    })

  workBegins(): void {
    this.busy++
  }

  workEnds(): void {
    this.busy--
    if (this.draining && this.busy === 0) this.changes.notify()
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
