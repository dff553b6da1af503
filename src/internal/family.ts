/** The residents of a keyed family: started by their first message, passivated when idle, bounded. */
import * as Effect from "effect/Effect"
import { Busy, Stopped, type StopReason } from "../RykerError.ts"
import { ActorCell } from "./actorCell.ts"
import type { CellFamily, CellOptions, CellOwn, Target } from "./cell.ts"
import { withoutStack } from "./errors.ts"
import { CurrentIncarnation } from "./incarnation.ts"
import { begin } from "./lifecycle.ts"
import type { Runtime } from "./runtime.ts"
import type { ActorSettings } from "./settings.ts"
import { awaitHalted, awaitStopped } from "./stopping.ts"
import type { TimerEntry } from "./timers.ts"

/** What a family is made of. */
export interface FamilyOptions {
  readonly name: string
  readonly maxResident: number
  /** Milliseconds without work after which an actor is passivated; `Infinity` for never. */
  readonly idleAfter: number
  /** The settings of an actor that is started now. */
  readonly settings: () => ActorSettings
  /** What all of its actors with these settings have in common. */
  readonly common: (family: Family, settings: ActorSettings) => CellOptions
  readonly build: (id: string) => CellOwn["build"]
  readonly runtime: Runtime
}

/** An actor that ended for a failure: its messages are refused with the reason until `at`. */
interface Ended {
  readonly cell: ActorCell
  readonly at: number
}

export class Family implements CellFamily, TimerEntry {
  /** Its timer: when the actor that rests the longest has rested long enough. */
  at = Number.POSITIVE_INFINITY
  place = -1
  order = 0
  isSupervised = false
  private readonly options: FamilyOptions
  private readonly residents = new Map<string, ActorCell>()
  /** The latest failures by id, the oldest first; as many as there may be residents. */
  private readonly ended = new Map<string, Ended>()
  private latest: CellOptions | undefined = undefined
  /** The last actor that was resolved and has not taken a message in: whoever resolves its id again gets it, too. */
  private candidate: ActorCell | undefined = undefined
  /** Since when actors rest, the longest first. May hold some that have work again. */
  private readonly resting = new Map<ActorCell, number>()
  private closedFor: StopReason | undefined = undefined
  /** What it is to its supervisor, from its first start on. */
  private own: ActorCell | undefined = undefined
  /** Set while residents are not to start, as their family's supervisor restarts it. */
  private haltedBecause: string | undefined = undefined

  constructor(options: FamilyOptions) {
    this.options = options
  }

  get name(): string {
    return this.options.name
  }

  /** The cell by which its supervisor has it, if it has one. */
  get cell(): ActorCell | undefined {
    return this.own
  }

  get isHalted(): boolean {
    return this.haltedBecause !== undefined
  }

  /** Why it takes no more messages. */
  get stopReason(): StopReason | undefined {
    return this.closedFor
  }

  /** Those that have ended for a failure, for as long as their messages are refused with it. */
  get failed(): ReadonlyArray<ActorCell> {
    const now = this.options.runtime.timers.now()
    return Array.from(this.ended.values()).flatMap(({ at, cell }) => (now < at ? [cell] : []))
  }

  get residentIds(): ReadonlyArray<string> {
    return Array.from(this.residents.keys())
  }

  /** Where the messages to one id go. */
  target(id: string): Target {
    return {
      runtime: this.options.runtime,
      address: `${this.options.name}/${id}`,
      resolve: (fromInside) => this.resolve(id, fromInside),
      cells: () => {
        const cell = this.current(id)
        return cell === undefined ? [] : [cell]
      }
    }
  }

  enters(cell: ActorCell): void {
    const id = this.idOf(cell)
    const { runtime } = this.options
    this.candidate = undefined
    this.residents.set(id, cell)
    this.ended.delete(id)
    cell.phase = "Starting"
    cell.options.group.enter(cell)
    runtime.cells.add(cell)
    if (this.haltedBecause !== undefined) cell.requestHalt(runtime.timers.now(), this.haltedBecause)
    // In a task of its own: a send never runs the code of `build` on its sender's stack.
    runtime.schedule(() => begin(cell, undefined))
  }

  rests(cell: ActorCell): void {
    if (this.options.idleAfter === Number.POSITIVE_INFINITY) return
    this.resting.delete(cell)
    this.resting.set(cell, this.options.runtime.timers.now())
    if (this.place < 0) this.armTimer()
  }

  fire(): void {
    const now = this.options.runtime.timers.now()
    for (const [cell, since] of this.resting) {
      if (since + this.options.idleAfter > now) break
      this.resting.delete(cell)
      cell.passivate()
    }
    this.armTimer()
  }

  /** Stops all residents by `at`, and takes no more. */
  close(reason: StopReason, at: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.closedFor ??= reason
      this.haltedBecause = undefined
      this.options.runtime.timers.remove(this)
      const cells = Array.from(this.residents.values())
      this.stopResidents(reason, at)
      this.freeName()
      return Effect.forEach(cells, awaitStopped, { discard: true })
    })
  }

  private stopResidents(reason: StopReason, at: number): void {
    for (const cell of this.residents.values()) cell.requestStop(reason, at)
  }

  /** Ends the incarnation of every resident, and lets none start until `open`. */
  halt(at: number, because: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.haltedBecause = because
      const cells = Array.from(this.residents.values())
      for (const cell of cells) cell.requestHalt(at, because)
      return Effect.forEach(cells, awaitHalted, { discard: true })
    })
  }

  /** What the family is to its supervisor: a child that is there as long as its residents may be. */
  get asChild(): Pick<CellOptions, "kind" | "release" | "onStopAsked"> & Pick<CellOwn, "build"> {
    const end = Effect.suspend(() => {
      const { own } = this
      if (own === undefined) return Effect.void
      const { haltRequest, runtime, settings, stopRequest } = own
      return stopRequest === undefined
        ? this.halt(runtime.timers.now() + settings.shutdown, haltRequest?.because ?? own.address)
        : this.close(stopRequest.reason, stopRequest.at)
    })
    return {
      kind: "family",
      build: Effect.gen({ self: this }, function* () {
        this.own = (yield* CurrentIncarnation)?.cell
        yield* Effect.addFinalizer(() => end)
        this.open()
        return {}
      }),
      release: (reason) => this.close(reason, this.options.runtime.timers.now()),
      onStopAsked: () => {
        const { own } = this
        // A stop that comes, or comes sooner, while residents end for a restart or a later stop.
        if (own?.stopRequest !== undefined && own.phase === "Closing") {
          this.stopResidents(own.stopRequest.reason, own.stopRequest.at)
        }
      }
    }
  }

  /** Takes messages, and lets the residents that were halted start again. */
  open(): void {
    this.closedFor = undefined
    this.haltedBecause = undefined
    for (const cell of this.residents.values()) {
      if (cell.haltRequest !== undefined) cell.releaseHalt(undefined)
    }
  }

  /**
   * The actor of this id, or a new one, which enters the family with the first message that it takes
   * in. A send resolves and offers in one step, so no id ever has two actors.
   */
  private resolve(id: string, fromInside: boolean): ActorCell | Busy | Stopped {
    const { build, maxResident, name, runtime } = this.options
    const current = this.current(id)
    if (current !== undefined) return current
    const { refused } = runtime.group(name).counters
    if (this.closedFor !== undefined || runtime.closed || (runtime.drainBy !== undefined && !fromInside)) {
      refused.stopped++
      const reason = this.closedFor ?? "Draining"
      return withoutStack(() => new Stopped({ actor: `${name}/${id}`, reason, phase: "refused" }))
    }
    if (this.residents.size >= maxResident) {
      refused.busy++
      return withoutStack(() => new Busy({ actor: name, limit: "residents", capacity: maxResident }))
    }
    const options = this.common()
    const { candidate } = this
    // One that was made before a reload has not been started: it must not keep what is cold.
    const isCurrent = candidate !== undefined && this.idOf(candidate) === id && candidate.settings === options.settings
    if (isCurrent) return candidate
    const cell = new ActorCell(options, { address: `${name}/${id}`, build: build(id) })
    this.candidate = cell
    return cell
  }

  /** One object for all until a reload. */
  private common(): CellOptions {
    const settings = this.options.settings()
    if (this.latest?.settings !== settings) this.latest = this.options.common(this, settings)
    return this.latest
  }

  /** The rest of the address: it is kept there only. */
  idOf({ address }: ActorCell): string {
    return address.slice(this.options.name.length + 1)
  }

  private current(id: string): ActorCell | undefined {
    const resident = this.residents.get(id)
    if (resident !== undefined) return resident
    const ended = this.ended.get(id)
    if (ended === undefined) return undefined
    if (this.options.runtime.timers.now() < ended.at) return ended.cell
    this.ended.delete(id)
    return undefined
  }

  leaves(cell: ActorCell): void {
    const id = this.idOf(cell)
    this.resting.delete(cell)
    this.residents.delete(id)
    this.freeName()
    if (cell.stopReason !== "RapidFail" && cell.stopReason !== "Crashed") return
    this.ended.set(id, { cell, at: this.options.runtime.timers.now() + cell.settings.intensity.window })
    const [oldest] = this.ended.keys()
    if (this.ended.size > this.options.maxResident && oldest !== undefined) this.ended.delete(oldest)
  }

  /** Once it is closed and its last actor is gone, another family may have its name. */
  private freeName(): void {
    if (!this.isSupervised && this.closedFor !== undefined && this.residents.size === 0)
      this.options.runtime.names.delete(this.options.name)
  }

  private armTimer(): void {
    const oldest = this.resting.values().next()
    if (oldest.done === true || this.closedFor !== undefined) return
    this.at = oldest.value + this.options.idleAfter
    this.options.runtime.timers.add(this)
  }
}
