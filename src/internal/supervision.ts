/**
 * A supervisor: which children it has, in which order they start and stop, and who is restarted with whom.
 *
 * To its own supervisor it is a cell like any other: its `build` starts the children, its Scope holds
 * them, and a child that has given up is its crash. So backoff, restart intensity, escalation and the
 * stop within a time are those of actors, and trees need no case of their own.
 *
 * A child restarts itself as long as this concerns nobody else (one-for-one). Where siblings are
 * restarted with it, it waits, halted, for this supervisor, whose `regroup` fiber takes the group down
 * and starts it again. All waiting is for a state of the children, so events that come in the middle of
 * something are never lost: whoever is done looks at the states again.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { ChildError, StartError, Stopped, type StopReason, SupervisorStartError } from "../RykerError.ts"
import type { ActorCell } from "./actorCell.ts"
import type { AwaitedStart, CellSupervisor } from "./cell.ts"
import { type Adoption, CurrentAdoption } from "./adoption.ts"
import { Changes } from "./changes.ts"
import { withoutStack } from "./errors.ts"
import { begin } from "./lifecycle.ts"
import { emit, type NewEvent } from "./report.ts"
import type { Runtime } from "./runtime.ts"
import { awaitStopped } from "./stopping.ts"

export type Strategy = "one-for-one" | "one-for-all" | "rest-for-one"

export interface SupervisionOptions {
  readonly runtime: Runtime
  readonly strategy: Strategy
  readonly onExhausted: "escalate" | "isolate"
  readonly autoShutdown: "never" | "any" | "all"
  /** Builds the Layers of the children, each of which starts its own; run once, in the Layer's Scope. */
  readonly layers: ReadonlyArray<Effect.Effect<void, unknown>>
  /** Holds what the children's Layers hold. */
  readonly scope: Scope.Scope
}

/** What is kept of a child besides its cell. */
interface Child {
  readonly cell: ActorCell
  /** The `startChild` that brought it: such a child does not outlive an incarnation of the supervisor. */
  readonly started: Started | undefined
}

/** What one `startChild` has brought: its Scope goes with the last child of it. */
interface Started {
  readonly scope: Scope.Closeable
  /** How many children it has; one more while it is still starting. */
  children: number
  /** How many it has ever had. */
  brought: number
  /** Closes the Scope, once the last child is forgotten. */
  closing: Fiber.Fiber<void> | undefined
}

const supervisions = new WeakMap<ActorCell, Supervision>()

/** The supervision behind a supervisor's cell. */
export const supervisionOf = (cell: ActorCell): Supervision | undefined => supervisions.get(cell)

export class Supervision implements CellSupervisor {
  readonly restartsGroups: boolean
  private readonly options: SupervisionOptions
  private readonly changes: Changes
  /** In the order of starting. */
  private list: ReadonlyArray<Child> = []
  /** Those that every incarnation begins with. */
  private fixed: ReadonlyArray<Child> = []
  /** Those that have failed and wait for their group to be restarted. */
  private readonly asking = new Set<ActorCell>()
  /** The supervisor's own cell, from its first start on. */
  private own: ActorCell | undefined = undefined
  private areLayersBuilt = false
  /** What closes the Scopes of children that are forgotten. */
  private readonly closings = new Set<Fiber.Fiber<void>>()
  /** Done when the group that is being started is up, or has failed again. */
  private groupStart: Deferred.Deferred<void> | undefined = undefined
  /** A significant child that ended by itself while others were being started. */
  private endedEarly: ActorCell | undefined = undefined

  constructor(options: SupervisionOptions) {
    const { runtime, strategy } = options
    this.options = options
    this.restartsGroups = strategy !== "one-for-one"
    this.changes = new Changes(runtime.timers, (task) => runtime.schedule(task))
  }

  /** Who is restarted with whom. */
  get strategy(): Strategy {
    return this.options.strategy
  }

  /** Whether it goes on without a child that has given up. */
  get isolates(): boolean {
    return this.options.onExhausted === "isolate"
  }

  /** The supervisor's own cell; undefined before its first start. */
  get supervisor(): ActorCell | undefined {
    return this.own
  }

  get isEnding(): boolean {
    return this.own !== undefined && isEnding(this.own)
  }

  /** The children's cells, in the order of starting. */
  get cells(): ReadonlyArray<ActorCell> {
    return this.list.map(({ cell }) => cell)
  }

  // --- What children tell ---------------------------------------------------------------------------------------------

  changed(): void {
    this.changes.notify()
  }

  asksForRestart(cell: ActorCell): void {
    this.asking.add(cell)
    this.changes.notify()
  }

  childEnded(cell: ActorCell, reason: StopReason): void {
    this.asking.delete(cell)
    this.changes.notify()
    const child = this.list.find((child) => child.cell === cell)
    const own = this.own
    if (child === undefined || own === undefined) return
    const isTemporary = cell.settings.restart === "temporary"
    if (isTemporary) this.forget(child)
    // Whatever ends while the supervisor itself ends is no failure.
    if (own.stopRequest !== undefined || own.haltRequest !== undefined) return
    if (reason === "RapidFail") this.exhausted(own, cell)
    else if (reason === "Normal" || (isTemporary && reason === "Crashed")) this.endedByItself(own, cell)
  }

  private exhausted(own: ActorCell, child: ActorCell): void {
    const { address: actor } = own
    if (this.options.onExhausted === "isolate") {
      return this.report({ _tag: "ChildIsolated", actor, child: child.address })
    }
    own.failWith(child.address)
  }

  private endedByItself(own: ActorCell, child: ActorCell): void {
    const { autoShutdown } = this.options
    if (autoShutdown === "never" || !child.settings.significant) return
    // Whether it was the last can be said only when all are there.
    if (own.phase === "Starting") this.endedEarly = child
    else if (own.phase === "Running") this.finishAfter(own, child)
  }

  private finishAfter(own: ActorCell, child: ActorCell): void {
    const isLast = this.cells.every(({ phase, settings }) => !settings.significant || phase === "Stopped")
    if (this.options.autoShutdown === "all" && !isLast) return
    this.report({ _tag: "SupervisorFinished", actor: own.address, child: child.address })
    // A permanent one lets its children wait for its restart; another one stops them, within its time.
    if (own.settings.restart === "permanent") own.exit()
    else own.requestStop("Normal", own.runtime.timers.now() + own.settings.shutdown)
  }

  private report(event: NewEvent): void {
    const { own } = this
    if (own !== undefined) Effect.runForkWith(own.options.context)(emit(own.runtime, event))
  }

  // --- The supervisor's own life --------------------------------------------------------------------------------------

  /** The supervisor's `build`: starts the children in order, and takes them down when the Scope closes. */
  start(own: ActorCell): Effect.Effect<object, SupervisorStartError, Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      this.own = own
      supervisions.set(own, this)
      this.endedEarly = undefined
      yield* Effect.addFinalizer(() => this.takeDown(own))
      if (this.areLayersBuilt) yield* this.startAgain(own)
      else yield* this.buildLayers(own)
      if (this.restartsGroups) yield* Effect.forkScoped(this.regroup(own))
      if (this.endedEarly !== undefined) this.finishAfter(own, this.endedEarly)
      return {}
    })
  }

  private buildLayers(own: ActorCell): Effect.Effect<void, SupervisorStartError> {
    return Effect.gen({ self: this }, function* () {
      for (const [index, layer] of this.options.layers.entries()) {
        const before = this.fixed.length
        const adoption = this.adoption(undefined)
        const exit = yield* Effect.exit(Effect.provideService(layer, CurrentAdoption, adoption))
        adoption.isDone = true
        const place = `child ${index + 1}`
        // Of the actors of one Layer, the one that failed; none did if it failed before it was one.
        const failed = this.fixed
          .slice(before)
          .findLast(({ cell }) => cell.phase !== "Running" && (cell.stopRequest?.reason ?? "Crashed") === "Crashed")
        const child = failed?.cell.address ?? place
        if (Exit.isFailure(exit)) return yield* this.startError(own, child, exit.cause)
        if (this.fixed.length === before) {
          const detail =
            "its Layer started no actor for this supervisor: give it an actor's or a supervisor's Layer, " +
            "and provide that Layer nowhere before the supervisor's, which gives the handle, too"
          const error = new StartError({ actor: place, reason: "NotSupervised", detail })
          return yield* this.startError(own, place, Cause.fail(error))
        }
        yield* this.checkNoneGaveUp(own)
      }
      this.areLayersBuilt = true
    })
  }

  /** A later incarnation: the children that were there from the beginning start anew. */
  private startAgain(own: ActorCell): Effect.Effect<void, SupervisorStartError> {
    return Effect.gen({ self: this }, function* () {
      this.list = this.fixed
      for (const cell of this.cells) {
        if (!this.has(cell)) continue
        const exit = yield* Effect.exit(this.startCell(cell, "hold"))
        if (Exit.isFailure(exit)) return yield* this.startError(own, cell.address, exit.cause)
        yield* this.checkNoneGaveUp(own)
      }
    })
  }

  /** A child may give up while those after it are being started. */
  private checkNoneGaveUp(own: ActorCell): Effect.Effect<void, SupervisorStartError> {
    const actor = own.failedWith
    if (actor === undefined) return Effect.void
    const error = withoutStack(() => new Stopped({ actor, reason: "RapidFail" }))
    return this.startError(own, actor, Cause.fail(error))
  }

  private startError(
    own: ActorCell,
    child: string,
    cause: Cause.Cause<unknown>
  ): Effect.Effect<never, SupervisorStartError> {
    return Effect.fail(new SupervisorStartError({ supervisor: own.address, child, cause: Cause.squash(cause) }))
  }

  /** Lets a halted or ended child start, and waits for it. */
  private startCell(cell: ActorCell, ifFailed: AwaitedStart["ifFailed"]): Effect.Effect<void, unknown> {
    return Effect.callback<void, unknown>((resume) => {
      const { address: actor, phase } = cell
      const start: AwaitedStart = { ifFailed, onStarted: (exit) => resume(exit) }
      if (phase === "Halted") return cell.releaseHalt(start)
      if (phase === "Stopped" && cell.isGone) {
        cell.revive()
        return begin(cell, start)
      }
      const detail = "a handler or finalizer that a stop left behind still runs: wait for it, or let it be interrupted"
      return resume(Effect.fail(new StartError({ actor, reason: "NotRunning", detail })))
    })
  }

  /**
   * Ends the children's incarnations, the last one first, when the supervisor's own ends.
   *
   * A supervisor that is to stop stops its children, each within its own time and all within the
   * supervisor's. One that is to be restarted lets those keep their queues that it will start again.
   */
  private takeDown(own: ActorCell): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      while (true) {
        const child = this.list.findLast((child) => !isOver(child))
        if (child === undefined) break
        const { stopRequest } = own
        this.tell(own, child)
        yield* this.changes.waitUntil(
          // A stop of the supervisor that comes meanwhile, or comes sooner, is for this child, too.
          () => isOver(child) || own.stopRequest !== stopRequest,
          () => Infinity
        )
      }
      // Also those that failed while others were taken down.
      this.asking.clear()
      for (const child of this.list.filter(({ started }) => started !== undefined)) this.forget(child)
      // What came with them is closed, too, before anything starts anew or the supervisor has ended.
      yield* this.changes.waitUntil(
        () => this.closings.size === 0,
        () => own.stopRequest?.at ?? Infinity
      )
    })
  }

  private tell(own: ActorCell, { cell, started }: Child): void {
    const { stopRequest } = own
    const at = own.runtime.timers.now() + cell.settings.shutdown
    if (stopRequest !== undefined) {
      cell.requestStop(inherited(stopRequest.reason), Math.min(at, stopRequest.at), stopRequest.worksOff)
    } else if (started !== undefined) {
      // One that waits for its group to be restarted waits in vain.
      cell.requestStop("SupervisorStopped", at, isHalted(cell) ? "nothing" : "all")
    } else {
      cell.requestHalt(at, own.failedWith ?? own.haltRequest?.because ?? own.address)
    }
  }

  /** The supervisor ends for good: so do the children that were kept for a restart, the last one first. */
  release(reason: StopReason): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      for (const cell of this.cells.toReversed()) {
        if (cell.phase === "Stopped") continue
        cell.requestStop(inherited(reason), cell.runtime.timers.now(), "nothing")
        yield* awaitStopped(cell)
      }
    })
  }

  /** A stop of the supervisor was asked for, maybe while it takes children down. */
  stopAsked(): void {
    this.changes.notify()
  }

  /** Nobody can start the supervisor again, so its children's names are free. */
  forgotten(): void {
    for (const child of this.list) this.forget(child)
    for (const { cell } of this.fixed) free(cell)
  }

  // --- Groups ---------------------------------------------------------------------------------------------------------

  /** Restarts those that fail together with the siblings that the strategy names, until the Scope closes. */
  private regroup(own: ActorCell): Effect.Effect<never> {
    return Effect.gen({ self: this }, function* () {
      while (true) {
        yield* this.changes.waitUntil(
          () => this.asking.size > 0 || this.cells.some(isHalted),
          () => Infinity
        )
        if (isEnding(own)) return yield* Effect.never
        const group = this.groupToRestart()
        const failed = group.find((cell) => this.asking.has(cell))?.address
        if (failed !== undefined) {
          yield* emit(own.runtime, {
            _tag: "GroupRestarting",
            actor: own.address,
            child: failed,
            group: group.filter(isRestartedWithGroup).map(({ address }) => address)
          })
        }
        if (failed === undefined || (yield* this.takeGroupDown(group, failed))) {
          yield* this.startInTurn(own, group)
        }
      }
    })
  }

  /**
   * The children that are to be restarted now. Some may be halted without one that asks for it: the one
   * that did was stopped on purpose meanwhile. Then these are only to be started again.
   */
  private groupToRestart(): ReadonlyArray<ActorCell> {
    const { cells } = this
    if (this.options.strategy === "one-for-all") return cells
    return cells.slice(cells.findIndex((cell) => this.asking.has(cell) || isHalted(cell)))
  }

  /**
   * Takes the group down, the last one first, and waits until those that failed may start again. Gives
   * false if it became another group meanwhile: a child before it has failed, or one was started.
   */
  private takeGroupDown(group: ReadonlyArray<ActorCell>, because: string): Effect.Effect<boolean> {
    return Effect.gen({ self: this }, function* () {
      const isSame = () => this.groupToRestart().every((cell) => cell.phase === "Stopped" || group.includes(cell))
      while (isSame()) {
        const last = group.findLast((cell) => !isDown(cell))
        // The last to fail may start the latest.
        const at = Math.max(0, ...Array.from(this.asking, ({ resumesAt }) => resumesAt))
        if (last === undefined && at <= this.options.runtime.timers.now()) return true
        if (last !== undefined) this.halt(last, because)
        yield* this.changes.waitUntil(
          // One that was stopped and is started anew by then has not been told: it is taken down once more.
          () => !isSame() || (last !== undefined && (isDown(last) || !isToldToEnd(last))),
          () => (last === undefined ? at : Infinity)
        )
      }
      return false
    })
  }

  private halt(cell: ActorCell, because: string): void {
    const at = cell.runtime.timers.now() + cell.settings.shutdown
    // A temporary child is not restarted, also not with its group.
    if (cell.settings.restart === "temporary") cell.requestStop("SupervisorStopped", at)
    else cell.requestHalt(at, because)
  }

  /** Starts the group. What an operator wants started meanwhile waits: else it would be up before those that come before it. */
  private startInTurn(own: ActorCell, group: ReadonlyArray<ActorCell>): Effect.Effect<void> {
    return Effect.suspend(() => {
      const start = Deferred.makeUnsafe<void>()
      this.groupStart = start
      return Effect.ensuring(
        this.startGroup(own, group),
        Effect.sync(() => {
          this.groupStart = undefined
          Deferred.doneUnsafe(start, Exit.void)
        })
      )
    })
  }

  /** Starts the group in order, until it is up or one of the children fails again. */
  private startGroup(own: ActorCell, group: ReadonlyArray<ActorCell>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      this.asking.clear()
      for (const cell of group) {
        if (isEnding(own)) return yield* Effect.never
        if (!isDown(cell) || !isRestartedWithGroup(cell) || !this.has(cell)) continue
        // A start that fails is tried again, and that is a restart of a group, too.
        if (isHalted(cell)) {
          cell.releaseHalt(undefined)
        } else {
          cell.revive()
          begin(cell, undefined)
        }
        yield* this.changes.waitUntil(
          () => cell.phase === "Running" || cell.phase === "Stopped" || this.asking.size > 0,
          () => Infinity
        )
        if (this.asking.size > 0) return
      }
    })
  }

  // --- Children that come and go --------------------------------------------------------------------------------------

  private adoption(started: Started | undefined): Adoption {
    const incarnation = this.own?.present
    return {
      isDone: false,
      get isLate() {
        return incarnation === undefined || incarnation.isOver
      },
      supervisor: this,
      takesSignificant: this.options.autoShutdown !== "never",
      adopt: (cell) => {
        const child = { cell, started }
        this.list = [...this.list, child]
        if (started === undefined) this.fixed = [...this.fixed, child]
        else {
          started.children++
          started.brought++
        }
      }
    }
  }

  /** Takes a child from the list. A fixed one comes back with the supervisor's next incarnation. */
  private forget(child: Child): void {
    const { cell, started } = child
    if (!this.list.includes(child)) return
    this.list = this.list.filter((other) => other !== child)
    this.asking.delete(cell)
    if (started === undefined) return
    free(cell)
    started.children--
    if (started.children === 0) this.letGo(started, cell)
  }

  private letGo(started: Started, { options }: ActorCell): void {
    const closing = Effect.runForkWith(options.context)(Scope.close(started.scope, Exit.void))
    started.closing = closing
    this.closings.add(closing)
    closing.addObserver(() => {
      this.closings.delete(closing)
      this.changes.notify()
    })
  }

  /** Whether it is in the list still: it may have been deleted while others were being started. */
  private has(cell: ActorCell): boolean {
    return this.list.some((child) => child.cell === cell)
  }

  private find(address: string): Effect.Effect<Child, ChildError> {
    const child = this.list.find(({ cell }) => cell.address === address)
    return child === undefined ? this.refuse(address, "NotFound") : Effect.succeed(child)
  }

  private refuse(child: string, reason: ChildError["reason"]): Effect.Effect<never, ChildError> {
    return Effect.fail(new ChildError({ supervisor: this.own?.address ?? "", child, reason }))
  }

  /** Starts what the effect starts as children, the last in order. */
  startChild<A, E, R>(start: Effect.Effect<A, E, R>): Effect.Effect<A, E | ChildError, Exclude<R, Scope.Scope>> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.gen({ self: this }, function* () {
        if (this.own?.phase !== "Running") return yield* this.refuse("", "NotRunning")
        const started: Started = {
          scope: Scope.forkUnsafe(this.options.scope),
          children: 1,
          brought: 0,
          closing: undefined
        }
        const adoption = this.adoption(started)
        const exit = yield* start.pipe(
          Effect.provideService(Scope.Scope, started.scope),
          Effect.provideService(CurrentAdoption, adoption),
          restore,
          Effect.exit
        )
        adoption.isDone = true
        if (Exit.isSuccess(exit)) {
          started.children--
          if (started.children === 0) yield* Scope.close(started.scope, exit)
          return started.brought > 0 ? exit.value : yield* this.refuse("", "NotSupervised")
        }
        const brought = this.list.filter((child) => child.started === started)
        for (const child of brought.toReversed()) {
          const { cell } = child
          cell.requestStop("SupervisorStopped", cell.runtime.timers.now() + cell.settings.shutdown, "nothing")
          yield* awaitStopped(cell)
          this.forget(child)
        }
        yield* Scope.close(started.scope, exit)
        return yield* exit
      })
    )
  }

  /** Stops a child; it stays in the list, unless it is temporary. */
  terminateChild(address: string): Effect.Effect<void, ChildError> {
    return Effect.flatMap(this.find(address), ({ cell }) => {
      cell.requestStop("Stopped", cell.runtime.timers.now() + cell.settings.shutdown)
      return Effect.asVoid(awaitStopped(cell))
    })
  }

  /** Starts a child anew that has ended. */
  restartChild(address: string): Effect.Effect<void, ChildError | SupervisorStartError> {
    return Effect.gen({ self: this }, function* () {
      while (this.groupStart !== undefined) yield* Deferred.await(this.groupStart)
      const { own } = this
      if (own?.phase !== "Running") return yield* this.refuse(address, "NotRunning")
      const { cell } = yield* this.find(address)
      if (cell.phase !== "Stopped") return yield* this.refuse(address, presence(cell))
      const exit = yield* Effect.exit(this.startCell(cell, "end"))
      if (Exit.isFailure(exit)) {
        // One that was cut short by a restart of its group would come up with the group. It has its time to close what
        // it had acquired: the group starts when it has stopped.
        cell.requestStop("Stopped", cell.runtime.timers.now() + cell.settings.shutdown, "nothing")
        yield* awaitStopped(cell)
        return yield* this.startError(own, address, exit.cause)
      }
    })
  }

  /** Takes a child that has ended from the list. */
  deleteChild(address: string): Effect.Effect<void, ChildError> {
    return Effect.flatMap(this.find(address), (child) => {
      if (child.cell.phase !== "Stopped") return this.refuse(address, presence(child.cell))
      this.forget(child)
      const closing = child.started?.closing
      return closing === undefined ? Effect.void : Effect.asVoid(Fiber.await(closing))
    })
  }
}

/** The child needs no more for its supervisor's incarnation to end. */
const isOver = ({ cell, started }: Child): boolean => (started === undefined ? isDown(cell) : cell.phase === "Stopped")

/** The supervisor's incarnation is about to end, and whatever runs in its Scope. */
const isEnding = ({ haltRequest, phase, stopRequest }: ActorCell): boolean =>
  phase === "Closing" || stopRequest !== undefined || haltRequest !== undefined

/** Nothing of the incarnation is alive, and none starts by itself. */
const isDown = ({ phase }: ActorCell): boolean => phase === "Halted" || phase === "Stopped"

/** Its incarnation is to end, which it has heard of. */
const isToldToEnd = ({ haltRequest, stopRequest }: ActorCell): boolean =>
  haltRequest !== undefined || stopRequest !== undefined

const isHalted = ({ phase }: ActorCell): boolean => phase === "Halted"

/** Nobody can start the child again. */
const free = (cell: ActorCell): void =>
  cell.onGone(() => {
    cell.options.group.forget(cell.address)
    cell.freeName()
  })

/** One that had ended itself starts anew with its group; one that was stopped, or has given up, does not. */
const isRestartedWithGroup = ({ isGone, phase, settings, stopReason }: ActorCell): boolean =>
  settings.restart !== "temporary" && (phase !== "Stopped" || (stopReason === "Normal" && isGone))

const presence = ({ phase }: ActorCell): "Running" | "Restarting" =>
  phase === "Running" || phase === "Starting" || phase === "New" ? "Running" : "Restarting"

/** What children of a supervisor hear that ends for this reason. */
const inherited = (reason: StopReason): StopReason =>
  reason === "Draining" || reason === "ScopeClosed" ? reason : "SupervisorStopped"
