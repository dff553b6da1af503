/** The residents of a keyed family: started by their first message, passivated when idle, bounded. */
import * as Effect from "effect/Effect"
import { Busy, Stopped } from "../RykerError.ts"
import { ActorCell, type CellFamily, type CellOptions, type Target } from "./actorCell.ts"
import { withoutStack } from "./errors.ts"
import { begin } from "./lifecycle.ts"
import { awaitStopped } from "./stopping.ts"
import type { TimerEntry } from "./timers.ts"

/** What a family is made of. */
export interface FamilyOptions {
  readonly name: string
  readonly maxResident: number
  /** Milliseconds without work after which an actor is passivated; `Infinity` for never. */
  readonly idleAfter: number
  readonly cell: (id: string) => Omit<CellOptions, "family">
  readonly runtime: CellOptions["runtime"]
}

export class Family implements CellFamily, TimerEntry {
  /** Its timer: when the actor that rests the longest has rested long enough. */
  at = Number.POSITIVE_INFINITY
  place = -1
  order = 0
  private readonly options: FamilyOptions
  /** By id. An actor that ended for a failure stays for a while, so that its messages are refused with the reason. */
  private readonly residents = new Map<string, ActorCell>()
  private readonly ids = new Map<ActorCell, string>()
  /** Since when actors rest, the longest first. May hold some that have work again. */
  private readonly resting = new Map<ActorCell, number>()
  private closed = false

  constructor(options: FamilyOptions) {
    this.options = options
  }

  get(id: string): ActorCell | undefined {
    return this.residents.get(id)
  }

  get residentIds(): ReadonlyArray<string> {
    return Array.from(this.residents.keys())
  }

  /** The actor of this id. As this is one step, no id ever has two actors. */
  resolve(id: string, fromInside: boolean): ActorCell | Busy | Stopped {
    const resident = this.residents.get(id)
    if (resident !== undefined) return resident
    const { cell: cellOptions, maxResident, name, runtime } = this.options
    const actor = `${name}/${id}`
    const { refused } = runtime.group(name).counters
    if (this.closed || runtime.closed || (runtime.draining && !fromInside)) {
      refused.stopped++
      const reason = this.closed ? "ScopeClosed" : "Draining"
      return withoutStack(() => new Stopped({ actor, reason }))
    }
    if (this.residents.size >= maxResident) {
      refused.busy++
      return withoutStack(() => new Busy({ actor: name, limit: "residents", capacity: maxResident }))
    }
    const cell = new ActorCell({ ...cellOptions(id), family: this })
    this.residents.set(id, cell)
    this.ids.set(cell, id)
    cell.options.group.cells.add(cell)
    runtime.cells.set(cell.address, cell)
    // In a task of its own: a send never runs the code of `build` on its sender's stack.
    runtime.schedule(() => begin(cell, { retryFirst: true, onFirstStart: () => {} }))
    return cell
  }

  rests(cell: ActorCell): void {
    if (this.options.idleAfter === Number.POSITIVE_INFINITY) return
    this.resting.delete(cell)
    this.resting.set(cell, this.options.runtime.timers.now())
    if (this.place < 0) this.armTimer()
  }

  leaves(cell: ActorCell): void {
    this.resting.delete(cell)
    const forget = () => {
      const id = this.ids.get(cell)
      this.ids.delete(cell)
      if (id !== undefined && this.residents.get(id) === cell) this.residents.delete(id)
    }
    if (cell.stopReason !== "RapidFail" && cell.stopReason !== "Crashed") return forget()
    const { timers } = this.options.runtime
    timers.add({ at: timers.now() + cell.settings.intensity.window, place: -1, order: 0, fire: forget })
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

  /** Stops all residents by `at`. */
  close(at: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.closed = true
      this.options.runtime.timers.remove(this)
      const cells = Array.from(this.residents.values())
      for (const cell of cells) cell.requestStop("ScopeClosed", at)
      return Effect.forEach(cells, awaitStopped, { discard: true })
    })
  }

  /** Where the messages to one id go. */
  target(id: string): Target {
    return {
      resolve: (fromInside) => this.resolve(id, fromInside),
      current: () => this.residents.get(id)
    }
  }

  private armTimer(): void {
    const oldest = this.resting.values().next()
    if (oldest.done === true || this.closed) return
    this.at = oldest.value + this.options.idleAfter
    this.options.runtime.timers.add(this)
  }
}
