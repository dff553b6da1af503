/** A pool: members that are alike under one handle, and the choice which of them gets a message. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Hash from "effect/Hash"
import type * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import type { Status } from "../Actor.ts"
import { Busy, type InvalidMessage, StartError, Stopped, type StopReason, type TooLarge } from "../RykerError.ts"
import type { ActorCell } from "./actorCell.ts"
import type { CellOptions, CellOwn } from "./cell.ts"
import { findFlaw } from "./admission.ts"
import { currentAdoption } from "./adoption.ts"
import type { Envelope } from "./envelope.ts"
import { withoutStack } from "./errors.ts"
import type { HandleImpl, Handles } from "./handle.ts"
import type { MessageSpec } from "./protocol.ts"
import type { Group, Runtime } from "./runtime.ts"
import type { ActorSettings } from "./settings.ts"
import { checkMayStart, startScoped } from "./start.ts"
import { findCycle } from "./waitFor.ts"

/** The key of a message, whose payload is known to the compiler at the edges only. */
export type KeyOf = (message: { readonly tag: string; readonly payload: unknown }) => string | number

/** Which member gets a message; a function gives the message's key. */
export type Choice = "round-robin" | "random" | "least-queued" | KeyOf

/** What a pool is made of. */
export interface PoolOptions {
  readonly runtime: Runtime
  readonly group: Group
  readonly handles: Handles
  readonly address: string
  readonly settings: ActorSettings
  readonly size: number
  readonly choice: Choice
  /** It is one of those that the application cannot be without: if it gives up, the runtime's root has. */
  readonly isVital: boolean
}

/** A member's own handle, and that of its pool. */
interface Membership {
  readonly own: HandleImpl
  readonly pool: HandleImpl
}

const memberships = new WeakMap<object, Membership>()

/** The handle of the pool that has this member; undefined for an actor in no pool. */
export const poolOf = (member: object): HandleImpl | undefined => memberships.get(member)?.pool

export class Pool {
  readonly handle: HandleImpl
  readonly address: string
  readonly runtime: Runtime
  readonly settings: ActorSettings
  readonly size: number
  /** In the order of their starts, from the first step of the first start on. Those that have ended stay. */
  readonly members: Array<ActorCell> = []
  readonly handles: Array<HandleImpl> = []
  private readonly options: PoolOptions
  private readonly random: Random.Random | undefined
  /** Where the search for a member begins: after the last one that was chosen. */
  private next = 0
  /** Why the pool as a whole takes no more messages. */
  private ending: StopReason | undefined = undefined
  /** Why the last member ended that did. */
  private endReason: StopReason | undefined = undefined
  /** Members whose end has been heard of: they may be started anew by their supervisor. */
  private readonly ended = new Set<ActorCell>()
  private onEnded: (() => void) | undefined = undefined

  constructor(options: PoolOptions) {
    this.options = options
    this.address = options.address
    this.runtime = options.runtime
    this.settings = options.settings
    this.size = options.size
    this.handle = options.handles.make(options.address, this)
    this.random = options.choice === "random" ? options.runtime.randomFor(options.address) : undefined
  }

  /** The definition's name. */
  get name(): string {
    return this.options.group.name
  }

  // --- Choosing a member ----------------------------------------------------------------------------------------------

  /**
   * The member that a message goes to, or why there is none. It has room and takes the message, unless
   * it is for that member alone to refuse it: the one that a key belongs to, or one of those that all
   * wait for the asker.
   */
  choose(
    spec: MessageSpec,
    payload: unknown,
    fromInside: boolean,
    asker: Envelope | undefined
  ): ActorCell | Busy | Stopped | InvalidMessage | TooLarge {
    const some = this.findOpen(fromInside)
    if (some === undefined) return this.refuseStopped(fromInside)
    // All members check alike. What is wrong with the payload is the pool's to say, not that of one of them.
    const flaw = findFlaw(some, spec, payload, fromInside, this.address)
    if (flaw !== undefined) return flaw
    const { choice } = this.options
    const key = typeof choice === "function" ? String(choice({ tag: spec.tag, payload })) : undefined
    if (key !== undefined) return this.ownerOf(key, fromInside) ?? this.refuseStopped(fromInside)
    const index =
      choice === "random" ? this.drawn(fromInside, asker) : this.best(choice === "least-queued", fromInside, asker)
    if (index < 0) return this.refuse(fromInside, asker)
    this.next = (index + 1) % this.members.length
    return this.members[index]!
  }

  /** A member that takes messages. */
  private findOpen(fromInside: boolean): ActorCell | undefined {
    if (this.ending !== undefined) return undefined
    for (const cell of this.members) if (cell.closedFor(fromInside) === undefined) return cell
    return undefined
  }

  /** 2 for a member that can take the message now, 1 for one that restarts or is suspended and can, else 0. */
  private fitness(cell: ActorCell, fromInside: boolean, asker: Envelope | undefined): number {
    if (cell.closedFor(fromInside) !== undefined || cell.mailbox.depth >= cell.settings.capacity) return 0
    if (asker !== undefined && findCycle(asker, cell) !== undefined) return 0
    return cell.phase === "Running" && !cell.suspended ? 2 : 1
  }

  /** The fittest member, of several the one with the least work, of several the first in turn; -1 if none is fit. */
  private best(byWork: boolean, fromInside: boolean, asker: Envelope | undefined): number {
    const { members } = this
    let best = -1
    let bestFitness = 0
    let bestWork = 0
    for (let n = 0, index = this.next; n < members.length; n++, index = index + 1 === members.length ? 0 : index + 1) {
      const cell = members[index]!
      const fitness = this.fitness(cell, fromInside, asker)
      if (fitness === 0 || fitness < bestFitness) continue
      const work = byWork ? cell.depth + (cell.inHand === undefined ? 0 : 1) : 0
      if (fitness === bestFitness && work >= bestWork) continue
      best = index
      bestFitness = fitness
      bestWork = work
      // No other can be better.
      if (fitness === 2 && work === 0) break
    }
    return best
  }

  /** Any of the fittest members, each as likely; -1 if none is fit. */
  private drawn(fromInside: boolean, asker: Envelope | undefined): number {
    const { members } = this
    const first = this.draw(members.length)
    if (this.fitness(members[first]!, fromInside, asker) === 2) return first
    // Not simply the one after it, which would get the double of what the others get.
    let fittest: Array<number> = []
    let bestFitness = 1
    for (let index = 0; index < members.length; index++) {
      const fitness = this.fitness(members[index]!, fromInside, asker)
      if (fitness < bestFitness) continue
      if (fitness > bestFitness) fittest = []
      bestFitness = fitness
      fittest.push(index)
    }
    return fittest.length === 0 ? -1 : fittest[this.draw(fittest.length)]!
  }

  private draw(n: number): number {
    return Math.floor(this.random!.nextDoubleUnsafe() * n)
  }

  /**
   * The member that a key belongs to. The key has an order of all members of its own, and belongs to
   * the first of them that takes messages: when a member ends, its keys spread over all others, and no
   * other key moves.
   *
   * It is no `HashRing`: that gives short keys, as ids often are, all to the same few members, and
   * takes a second and 100 MB for 10,000 members.
   */
  private ownerOf(key: string, fromInside: boolean): ActorCell | undefined {
    const { members } = this
    // The key is made by the user's code, which may do anything, also stop members.
    if (this.findOpen(fromInside) === undefined) return undefined
    // The positions run through all that there are, until a member takes messages.
    for (let position = Hash.string(key); ; position++) {
      const cell = members[scatter(position) % members.length]!
      if (cell.closedFor(fromInside) === undefined) return cell
    }
  }

  // --- Refusing -------------------------------------------------------------------------------------------------------

  /** No member takes messages. */
  private refuseStopped(fromInside: boolean): Stopped {
    this.options.group.counters.refused.stopped++
    const reason = this.whyStopped(fromInside)
    return withoutStack(() => new Stopped({ actor: this.address, reason, phase: "refused" }))
  }

  /** The end of a pool is that of its last member: those before it only made it smaller. */
  private whyStopped(fromInside: boolean): StopReason {
    const last = this.members.find(({ stopReason }) => stopReason === undefined)
    return (last === undefined ? this.endReason : (this.ending ?? last.closedFor(fromInside))) ?? "Stopped"
  }

  /**
   * No member is fit. Most often they are full, and it is worth trying again. If each that takes
   * messages waits for the asker, full or not, it is a deadlock, and the member says so.
   */
  private refuse(fromInside: boolean, asker: Envelope | undefined): ActorCell | Busy | Stopped {
    const open = this.members.filter((cell) => cell.closedFor(fromInside) === undefined)
    // The checks of payloads are the user's code as well.
    if (open.length === 0) return this.refuseStopped(fromInside)
    if (asker !== undefined && open.every((cell) => findCycle(asker, cell) !== undefined)) return open[0]!
    this.options.group.counters.refused.busy++
    const capacity = open.reduce((sum, cell) => sum + cell.settings.capacity, 0)
    return withoutStack(() => new Busy({ actor: this.address, limit: "mailbox", capacity }))
  }

  // --- Members that come and go ---------------------------------------------------------------------------------------

  /** A member joins with its first incarnation; with others it may come back. */
  joins(cell: ActorCell): void {
    if (memberships.has(cell)) {
      if (this.ended.delete(cell)) this.hearEndOf(cell)
      return
    }
    const own = this.options.handles.make(cell.address, cell)
    memberships.set(cell, { own, pool: this.handle })
    this.members.push(cell)
    this.handles.push(own)
    this.hearEndOf(cell)
  }

  handleOf(cell: ActorCell): HandleImpl {
    return memberships.get(cell)!.own
  }

  private hearEndOf(cell: ActorCell): void {
    // One that its supervisor starts anew takes messages again, whoever had stopped the pool.
    if (this.ending === "Stopped") this.ending = undefined
    // Before anybody else can: when they hear of the last member's end, the name of the pool is free again.
    cell.onStopped((reason) => {
      this.endReason = reason
      this.ended.add(cell)
      if (this.ended.size < this.size) return
      this.onEnded?.()
      // With a supervisor above them, it is that one's affair.
      if (reason !== "RapidFail" || !this.options.isVital || cell.supervisor !== undefined) return
      Effect.runForkWith(cell.options.context)(this.runtime.giveUp(this.address))
    })
  }

  /** The members, also those that have ended. */
  cells(): ReadonlyArray<ActorCell> {
    return this.members
  }

  /** All of the pool refuses messages, also while its members end one by one. */
  refuseAll(reason: StopReason): void {
    this.ending ??= reason
  }

  /** Starts the members, each when the one before is ready. If one fails, those before it are stopped again. */
  start(options: CellOptions, build: CellOwn["build"]): Effect.Effect<void, unknown, Scope.Scope> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.gen({ self: this }, function* () {
        const { address, runtime, size } = this
        yield* checkMayStart(runtime, address)
        const scope = Scope.forkUnsafe(yield* Effect.scope)
        runtime.names.add(address)
        const isSupervised = (yield* currentAdoption) !== undefined
        const free = () => {
          this.onEnded = undefined
          runtime.names.delete(address)
        }
        // Members that have ended may come back, as long as they have a supervisor.
        if (isSupervised) yield* Scope.addFinalizer(scope, Effect.sync(free))
        else {
          this.onEnded = () => {
            free()
            Effect.runFork(Scope.close(scope, Exit.void))
          }
        }
        const startAll = Effect.gen({ self: this }, function* () {
          for (let n = 1; n <= size; n++) {
            if (this.ending !== undefined) return yield* this.stoppedWhileStarting()
            yield* startScoped(options, { address: `${address}/${n}`, build })
          }
        })
        yield* restore(Scope.provide(startAll, scope)).pipe(
          Effect.onError((cause) => {
            this.ending ??= "ScopeClosed"
            return Effect.ensuring(
              Scope.close(scope, Exit.failCause(cause)),
              Effect.sync(() => this.onEnded?.())
            )
          })
        )
        // The last finalizer runs first: all of the pool refuses messages while its members stop one by one.
        yield* Scope.addFinalizer(
          scope,
          Effect.sync(() => {
            this.ending ??= "ScopeClosed"
          })
        )
      })
    )
  }

  private stoppedWhileStarting(): StartError {
    const { address: actor, ending } = this
    const detail = `it was stopped while it started (${ending})`
    return new StartError({ actor, reason: "NotRunning", detail })
  }

  /** That of its best member, for the pool as a whole. */
  status(statusOf: (cell: ActorCell) => Status): Status {
    const all = this.members.map(statusOf)
    const alive = all.filter((status) => status._tag !== "Stopped")
    const queued = alive.reduce((sum, status) => sum + status.queued, 0)
    const busy = alive.some((status) => "busy" in status && status.busy)
    const [best] = alive.toSorted((a, b) => bestFirst.indexOf(a._tag) - bestFirst.indexOf(b._tag))
    if (best === undefined) return { _tag: "Stopped", reason: this.whyStopped(false) }
    if (this.ending !== undefined) return { _tag: "Stopping", reason: this.ending, queued, busy }
    switch (best._tag) {
      case "Running":
      case "Suspended":
      case "Stopping":
        return { ...best, queued, busy }
      case "Restarting": {
        const millisLeft = Math.min(
          ...alive.map((status) => (status._tag === "Restarting" ? status.millisLeft : Infinity))
        )
        return { ...best, queued, millisLeft }
      }
      case "Starting":
        return { ...best, queued }
    }
  }
}

/** The states that a pool shows rather than others. */
const bestFirst: ReadonlyArray<Status["_tag"]> = [
  "Running",
  "Suspended",
  "Starting",
  "Restarting",
  "Stopping",
  "Stopped"
]

/** Spreads whole numbers evenly over 32 bits, so that neighbours have nothing in common: the end of MurmurHash3. */
const scatter = (n: number): number => {
  let hash = n ^ (n >>> 16)
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
