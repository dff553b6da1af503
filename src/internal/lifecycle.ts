/**
 * The life of an actor: it starts incarnations, waits for their end, closes their Scope completely, and decides
 * what comes next.
 *
 * ```
 * New -> Starting -> Running -> Closing -> BackingOff -> Starting -> ...
 * ```
 *
 * A start that fails goes from Starting to Closing. From Closing, a passivated actor for which messages
 * came goes to Starting at once, and one that its supervisor stopped, to start it again in its turn, to
 * Halted; so does one whose restart is the supervisor's affair. Stopped is reached from New, Closing,
 * BackingOff and Halted.
 *
 * It has a fiber whenever there is something to do, and none while an incarnation only handles messages: a hundred
 * thousand actors that rest keep no hundred thousand fibers that wait. The next one goes on where the last one ended,
 * with the same context.
 *
 * The fiber is never interrupted. It is told to end by `requestStop`, so that an end always goes the
 * same way: work until its time is over, then close, then answer what is left.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Backoff from "../Backoff.ts"
import * as RestartWindow from "../RestartWindow.ts"
import { StartError, type StopReason } from "../RykerError.ts"
import type { ActorCell } from "./actorCell.ts"
import { captureAsyncContext } from "./asyncContext.ts"
import type { AwaitedStart, CellLife, DownReason } from "./cell.ts"
import { Changes, type Condition } from "./changes.ts"
import { type Handler, MissingHandler } from "./protocol.ts"
import * as Tracing from "./tracing.ts"
import { crashed, describeCause, emit } from "./report.ts"

/** How an incarnation ended. */
type Ending = "Crashed" | "StartFailed" | "Failed" | "Exited" | "Passivated" | "Halted" | "Stopped"

/** What a start gave: handlers in the order of the protocol, or nothing, as it was cut short. */
type Started = Exit.Exit<ReadonlyArray<Handler>, unknown> | "Aborted"

/** Begins the actor's life. It is over when `cell.phase` is `"Stopped"`, which it becomes in any case. */
export const begin = (cell: ActorCell, start: AwaitedStart | undefined): void => {
  cell.awaitedStart = start
  const life = new Life(cell, false)
  cell.life = life
  live(life, cell)
}

/** Gives the life a fiber, for as long as there is something to do. */
const live = (life: Life, cell: ActorCell): void => {
  const { observer } = cell.runtime
  const living = life.run()
  const fiber = Effect.runForkWith(cell.options.context)(
    observer === undefined
      ? living
      : Effect.withFiber((fiber) => {
          observer.lives(cell, fiber)
          return living
        }),
    { uninterruptible: true }
  )
  // Nothing in a life may fail. If it does all the same, the actor must not stay as a zombie.
  fiber.addObserver((exit) => {
    if (Exit.isSuccess(exit) || cell.phase === "Stopped") return
    cell.terminate("Crashed", true)
    cell.reportStart(exit)
  })
}

/** The life of an actor that handles messages and has nothing to remember: all such share it. */
const uneventful: CellLife = {
  notify(cell) {
    const life = new Life(cell, true)
    cell.life = life
    life.notify()
  }
}

/**
 * What a life does step by step. Methods, not functions made on the way: a generator function that is made anew is
 * given a prototype and a layout of its own, which would stay for as long as the actor waits in it.
 */
type Steps<A> = Generator<Effect.Effect<unknown>, A, never>

class Life implements CellLife, Condition {
  private readonly cell: ActorCell
  /** The incarnation handles messages, and there is no fiber until there is something to do. */
  private isUp: boolean
  private ownChanges: Changes | undefined = undefined
  private restarts = RestartWindow.empty
  private backoff = Backoff.initial
  /** Since when the incarnation has handled messages; matters after a restart only. */
  private openedAt = 0
  /** How long the last incarnation handled messages, in milliseconds. */
  private healthyFor = 0
  /** The restart was admitted already, see `decide`. */
  private isAdmitted = false
  /** What follows if the start in progress fails. */
  private ifFailed: AwaitedStart["ifFailed"] = "retry"
  /** Ends the span of the restart that is in progress. */
  private endRestart: ReturnType<typeof Tracing.restart> = undefined
  /** What the first start failed with. */
  private failedStart: Exit.Exit<never, unknown> | undefined = undefined
  /** What a stop had no time to wait for: fibers of `build` and of Scopes. */
  private readonly abandoned: Array<Fiber.Fiber<unknown, unknown>> = []

  constructor(cell: ActorCell, isUp: boolean) {
    this.cell = cell
    this.isUp = isUp
  }

  /** Wakes whoever waits for something, which few ever do. */
  private get changes(): Changes {
    const { scheduled, timers } = this.cell.runtime
    return (this.ownChanges ??= new Changes(timers, scheduled))
  }

  notify(): void {
    if (this.isUp && !this.changes.isAwaited) this.changes.watch(this, () => this.wake())
    this.ownChanges?.notify()
  }

  /** The incarnation is to end. */
  private wake(): void {
    const { cell } = this
    const { asyncContext } = cell.present!
    if (asyncContext === undefined) return live(this, cell)
    asyncContext.runInAsyncScope(live, undefined, this, cell)
    asyncContext.emitDestroy()
  }

  run(): Effect.Effect<void> {
    // oxlint-disable-next-line typescript/unbound-method -- Effect.gen is given its self
    return Effect.gen({ self: this }, this.living)
  }

  private *living(): Steps<void> {
    const { cell } = this
    const { restart } = cell.settings
    while (true) {
      // A stop may come before the first start.
      if (!this.isUp && this.stopIsDue()) {
        cell.reportStart(Exit.fail(this.cutShort()))
        return yield* this.end(cell.stopRequest!.reason)
      }
      if (!this.isUp && cell.haltRequest !== undefined) {
        yield* this.awaitRelease()
        continue
      }
      const ending = this.isUp ? yield* this.leaving() : yield* this.arriving()
      if (ending === "Up") return
      if (ending === "Stopped" || this.stopIsDue()) return yield* this.end(cell.stopRequest!.reason)
      if (ending === "Passivated") {
        // A suspended one stays, so that its next message finds it suspended.
        if (cell.isIdle && !cell.suspended) return yield* this.end("Passivated")
        // Messages came while it closed. They were accepted, so it starts anew for them: at once, unless it
        // ended itself without handling any, as it might do so for ever.
        if (!cell.exiting || cell.hasConsumed) continue
      }
      if (ending === "Exited" && restart !== "permanent") return yield* this.end("Normal")
      if (ending === "StartFailed" && this.ifFailed === "end") return yield* this.end("Crashed")
      if (ending === "StartFailed" && this.ifFailed === "hold") {
        cell.requestHalt(cell.runtime.timers.now(), cell.address)
        continue
      }
      if ((ending === "Crashed" || ending === "StartFailed" || ending === "Failed") && restart === "temporary") {
        return yield* this.end("Crashed")
      }
      // It ends and starts again for others' sake: that is not counted against it.
      if (cell.haltRequest !== undefined) continue
      if (!this.isAdmitted && !this.admitRestart()) return yield* this.end("RapidFail")
      yield* this.backOff()
    }
  }

  /** Starts an incarnation: it is up then, or it has ended already. */
  private *arriving(): Steps<Ending | "Up"> {
    const { cell } = this
    const { address: actor, runtime } = cell
    const context = cell.enter(Scope.makeUnsafe())
    const { incarnation } = cell
    this.ifFailed = cell.awaitedStart?.ifFailed ?? "retry"
    this.healthyFor = 0
    this.isAdmitted = false
    if (this.ifFailed === "hold") {
      // Its supervisor begins anew, and with it the counts of its children.
      this.restarts = RestartWindow.empty
      this.backoff = Backoff.initial
    }
    const started = yield* this.starting(context)
    this.restarted(started)
    if (started === "Aborted") return yield* this.closing(this.stopIsDue() ? "Stopped" : "Halted", started)
    if (Exit.isFailure(started)) {
      cell.crashCause = started.cause
      cell.countFailedStart()
      yield* emit(runtime, { _tag: "ActorStartFailed", actor, incarnation, ...describeCause(started.cause) })
      return yield* this.closing("StartFailed", started)
    }
    this.openedAt = runtime.timers.now()
    cell.open(started.value, context)
    yield* emit(runtime, { _tag: "ActorStarted", actor, kind: cell.options.kind, incarnation })
    cell.reportStart(Exit.void)
    cell.supervisor?.changed()
    this.isUp = true
    // In the same step as the look at the state: what changes after it finds that this fiber has ended.
    if (cell.phase === "Running" && cell.stopRequest === undefined && cell.haltRequest === undefined) {
      cell.present!.asyncContext = captureAsyncContext()
      if (!this.remembers) cell.life = uneventful
      return "Up"
    }
    yield* this.changes.waitFor(this)
    return yield* this.leaving()
  }

  /** Something of the past makes a difference to what comes. */
  private get remembers(): boolean {
    const { abandoned, backoff, failedStart, restarts } = this
    return (
      restarts !== RestartWindow.empty ||
      backoff !== Backoff.initial ||
      failedStart !== undefined ||
      abandoned.length > 0
    )
  }

  /** Ends an incarnation that was up. */
  private *leaving(): Steps<Ending> {
    const { cell } = this
    const { address: actor, incarnation, runtime } = cell
    this.isUp = false
    const ending = this.whyEnded()
    this.healthyFor = runtime.timers.now() - this.openedAt
    if (ending === "Crashed") yield* this.reportCrash()
    if (ending === "Failed") {
      yield* emit(runtime, { _tag: "SupervisorFailed", actor, child: cell.failedWith!, incarnation })
    }
    return yield* this.closing(ending, undefined)
  }

  /** Ends an incarnation, whose start may have failed or been cut short, until its Scope is closed. */
  private *closing(ending: Ending, failed: Exit.Failure<unknown, unknown> | "Aborted" | undefined): Steps<Ending> {
    const { cell } = this
    if (cell.options.kind === "supervisor" && (ending === "Failed" || ending === "StartFailed")) this.decide(ending)
    yield* this.close(cell.present!.scope)
    // The handler in hand may also crash while it is being stopped.
    if (ending === "Stopped" || ending === "Halted") yield* this.reportCrash()
    cell.shut()
    if (ending !== "Stopped") cell.down(downReasons[ending])
    // The caller of a first start that failed hears of it when all it had acquired is released again.
    if (failed === "Aborted") cell.reportStart(Exit.fail(this.cutShort()))
    else if (failed !== undefined) {
      this.failedStart = Exit.failCause(this.explain(failed.cause))
      // Where it is the actor's end, that comes first: whoever hears of the failure may start it anew.
      if (this.ifFailed !== "end") cell.reportStart(this.failedStart)
    }
    return ending
  }

  /** The start that ends a restart is over. */
  private restarted(started: Started): void {
    if (started === "Aborted") this.endRestart?.("stopped", Exit.void)
    else this.endRestart?.(Exit.isSuccess(started) ? "ok" : "failed", started)
    this.endRestart = undefined
  }

  // --- Starting -------------------------------------------------------------------------------------------------------

  /** Runs `build` until it is done, its time is over, or a stop makes it pointless. */
  private *starting(context: Context.Context<never>): Steps<Started> {
    const { cell } = this
    const { runtime, settings } = cell
    // Handlers that are at hand need no fiber that gets them.
    if (runtime.instrument === undefined && Exit.isExit(cell.build)) return bind(cell, cell.build)
    const own = Effect.map(cell.build, (handlers) => cell.options.protocol.bind(cell.address, handlers))
    const build = runtime.instrument === undefined ? own : runtime.instrument.start(cell, own)
    // The context holds all that `build` needs: the Layer's environment and what `provide` added.
    const fiber = Effect.runForkWith(context)(build as Effect.Effect<ReadonlyArray<Handler>, unknown>)
    const exit = fiber.pollUnsafe()
    return exit ?? (yield* this.awaitStart(fiber, runtime.timers.now() + settings.startTimeout))
  }

  private awaitStart(fiber: Fiber.Fiber<ReadonlyArray<Handler>, unknown>, deadline: number): Effect.Effect<Started> {
    return Effect.gen({ self: this }, function* () {
      const { cell } = this
      const isDone = () => fiber.pollUnsafe() !== undefined
      fiber.addObserver(() => this.changes.notify())
      yield* this.changes.waitUntil(
        () => isDone() || this.stopIsDue() || cell.haltRequest !== undefined,
        () => Math.min(deadline, cell.stopRequest?.at ?? Infinity)
      )
      const exit = fiber.pollUnsafe()
      if (exit !== undefined) return exit
      const isAborted = this.stopIsDue() || cell.haltRequest !== undefined
      const failure = Exit.fail(isAborted ? this.cutShort() : this.startTimedOut())
      fiber.interruptUnsafe()
      if (isAborted) this.reportDefect(fiber, "ActorStartFailed")
      // A build that cannot be interrupted must not hold up whoever waits for the start; the next
      // incarnation does wait, as two must never be alive together.
      if (!isDone()) cell.reportStart(failure)
      if (!(yield* this.changes.waitUntil(isDone, () => cell.stopRequest?.at ?? Infinity))) this.abandoned.push(fiber)
      return isAborted ? "Aborted" : failure
    })
  }

  /** Nobody waits for the fiber's end any more: if it dies, maybe after the actor's end, nobody else would tell. */
  private reportDefect(fiber: Fiber.Fiber<unknown, unknown>, tag: "ActorStartFailed" | "FinalizerFailed"): void {
    const { address: actor, incarnation, options, runtime } = this.cell
    fiber.addObserver((exit) => {
      if (Exit.isSuccess(exit) || !Cause.hasDies(exit.cause)) return
      const event = { _tag: tag, actor, incarnation, ...describeCause(exit.cause) }
      Effect.runForkWith(options.context)(emit(runtime, event))
    })
  }

  private startTimedOut(): StartError {
    const { address: actor, settings } = this.cell
    const detail = `build was not done after ${settings.startTimeout} ms: raise startTimeout, or do slow work after it`
    return new StartError({ actor, reason: "Timeout", detail })
  }

  private cutShort(): StartError {
    const { address: actor, haltRequest, stopRequest } = this.cell
    const detail =
      stopRequest === undefined && haltRequest !== undefined
        ? `it was stopped while it started, because "${haltRequest.because}" failed`
        : `it was stopped while it started (${stopRequest?.reason})`
    return new StartError({ actor, reason: "NotRunning", detail })
  }

  /** A defect in `build` becomes a typed error for whoever waits for the start; the log has its place. */
  private explain(cause: Cause.Cause<unknown>): Cause.Cause<unknown> {
    if (cause.reasons.every(Cause.isFailReason)) return cause
    const defect = Cause.findDefect(cause)
    const detail =
      Result.isSuccess(defect) && defect.success instanceof MissingHandler
        ? defect.success.message
        : `build died with ${describeCause(cause).defect}: see the log for the place`
    return Cause.fail(new StartError({ actor: this.cell.address, reason: "Defect", detail }))
  }

  // --- Ending ---------------------------------------------------------------------------------------------------------

  /** A stop was asked for, and there is nothing left to do or no time left to do it. */
  private stopIsDue(): boolean {
    const { inHand, isIdle, runtime, stopRequest } = this.cell
    if (stopRequest === undefined) return false
    const { at, worksOff } = stopRequest
    const hasDone = worksOff === "all" ? isIdle : worksOff === "nothing" || inHand === undefined
    return hasDone || at <= runtime.timers.now()
  }

  private haltIsDue(): boolean {
    const { haltRequest, inHand, runtime } = this.cell
    return haltRequest !== undefined && (inHand === undefined || haltRequest.at <= runtime.timers.now())
  }

  /** The end of the incarnation, as a condition for `Changes`. */
  holds(): boolean {
    return this.cell.phase !== "Running" || this.stopIsDue() || this.haltIsDue()
  }

  until(): number {
    const { haltRequest, stopRequest } = this.cell
    return Math.min(stopRequest?.at ?? Infinity, haltRequest?.at ?? Infinity)
  }

  /** Why the incarnation ends. */
  private whyEnded(): Ending {
    const { cell } = this
    if (cell.crashCause !== undefined) return "Crashed"
    if (cell.failedWith !== undefined) return "Failed"
    if (cell.passivating) return "Passivated"
    if (cell.exiting) return "Exited"
    return this.stopIsDue() ? "Stopped" : "Halted"
  }

  private reportCrash(): Effect.Effect<void> {
    const { crashCause, runtime } = this.cell
    return crashCause === undefined ? Effect.void : emit(runtime, crashed(this.cell, crashCause))
  }

  /** Ends the message in hand, then closes the Scope; both within the time of a stop, if there is one. */
  private close(scope: Scope.Closeable): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const { cell } = this
      const { address: actor, incarnation, options, runtime } = cell
      cell.close()
      // A supervisor's Scope holds its children, each of which keeps to the time of the stop by itself.
      const until = () => (options.kind === "actor" ? (cell.stopRequest?.at ?? Infinity) : Infinity)
      if (cell.inHand !== undefined) {
        if (cell.stopRequest === undefined && cell.haltRequest !== undefined) cell.haltInHand(cell.haltRequest.because)
        else cell.abort(cell.inHand, "stop")
        yield* this.changes.waitUntil(() => cell.inHand === undefined, until)
      }
      const exit = cell.crashCause === undefined ? Exit.void : Exit.failCause(cell.crashCause)
      const closing = Effect.runForkWith(cell.options.context)(Scope.close(scope, exit), { uninterruptible: true })
      if (closing.pollUnsafe() === undefined) {
        const isClosed = () => closing.pollUnsafe() !== undefined
        const patience = cell.runtime.timers.now() + cell.settings.shutdown
        closing.addObserver(() => this.changes.notify())
        // Without a stop there is no end to the waiting, as two incarnations must never be alive
        // together. Whoever is on call should know what the actor waits for.
        const inTime = yield* this.changes.waitUntil(isClosed, () => Math.min(patience, until()))
        if (!inTime && cell.stopRequest === undefined && options.kind === "actor") {
          yield* emit(runtime, { _tag: "ScopeSlowToClose", actor, incarnation, waited: cell.settings.shutdown })
        }
        yield* this.changes.waitUntil(isClosed, until)
      }
      const closed = closing.pollUnsafe()
      if (closed === undefined) {
        this.abandoned.push(closing)
        yield* emit(runtime, { _tag: "ScopeAbandoned", actor, incarnation })
        this.reportDefect(closing, "FinalizerFailed")
      } else if (Exit.isFailure(closed)) {
        yield* emit(runtime, { _tag: "FinalizerFailed", actor, incarnation, ...describeCause(closed.cause) })
      }
    })
  }

  private end(reason: StopReason): Effect.Effect<void> {
    const { release } = this.cell.options
    return release === undefined
      ? this.endNow(reason)
      : Effect.andThen(
          release(reason),
          Effect.suspend(() => this.endNow(reason))
        )
  }

  /**
   * Ends the actor in this very step, so that no message comes in after the decision. The effect that
   * it gives waits for what was abandoned, so that the actor is forgotten only then.
   */
  private endNow(reason: StopReason): Effect.Effect<void> {
    const { cell } = this
    const { address, options, runtime } = cell
    this.restarted("Aborted")
    const isGone = () => cell.inHand === undefined && this.abandoned.every((fiber) => fiber.pollUnsafe() !== undefined)
    const wasGone = isGone()
    cell.terminate(reason, wasGone)
    if (this.failedStart !== undefined) cell.reportStart(this.failedStart)
    return Effect.gen({ self: this }, function* () {
      if (reason === "RapidFail" && options.isVital === true && cell.supervisor === undefined) {
        // With a supervisor above it, it is this one's affair.
        yield* runtime.giveUp(address)
      }
      if (wasGone) return
      yield* this.changes.waitUntil(isGone, () => Infinity)
      cell.depart()
    })
  }

  // --- Restarting -----------------------------------------------------------------------------------------------------

  /**
   * Whether a supervisor that failed is to come back is decided before it takes its children down. One
   * that is not stops them, within its time, so that whoever is above it hears of it in time, too: only
   * for a restart there is no limit to the waiting.
   */
  private decide(ending: "Failed" | "StartFailed"): void {
    const { cell, ifFailed } = this
    const { restart, shutdown } = cell.settings
    const by = cell.runtime.timers.now() + shutdown
    if (cell.stopRequest !== undefined || cell.haltRequest !== undefined) return
    if (ending === "StartFailed" && ifFailed === "hold") return
    if (ending === "StartFailed" && ifFailed === "end") return cell.requestStop("Crashed", by)
    this.isAdmitted = restart !== "temporary" && this.admitRestart()
    if (this.isAdmitted) return
    // Who is above is to hear of it soon: what the children have queued is not begun any more.
    cell.requestStop(restart === "temporary" ? "Crashed" : "RapidFail", by, "inHand")
  }

  private admitRestart(): boolean {
    const { runtime, settings } = this.cell
    const admission = RestartWindow.admit(this.restarts, { now: runtime.timers.now(), ...settings.intensity })
    this.restarts = admission.window
    return admission.admitted
  }

  /** Waits before the restart, or until something else is wanted of it. */
  private backOff(): Effect.Effect<void> {
    // oxlint-disable-next-line typescript/unbound-method -- Effect.gen is given its self
    return Effect.gen({ self: this }, this.backingOff)
  }

  private *backingOff(): Steps<void> {
    const { cell } = this
    const { runtime, settings, supervisor } = cell
    const { backoff, intensity } = settings
    // The cell's, as it may have several lives: they must not all wait the same.
    cell.random ??= runtime.randomFor(cell.address)
    // Healthy for a whole window: the series of delays starts over.
    const wasHealthy = this.healthyFor >= intensity.window
    this.backoff = Backoff.next(wasHealthy ? Backoff.initial : this.backoff, backoff, cell.random.nextDoubleUnsafe())
    const { delay } = this.backoff
    this.endRestart = Tracing.restart(cell, cell.crashedBy?.span, delay)
    cell.phase = "BackingOff"
    cell.resumesAt = runtime.timers.now() + delay
    yield* emit(runtime, { _tag: "ActorRestarting", actor: cell.address, incarnation: cell.incarnation + 1, delay })
    if (supervisor !== undefined && supervisor.restartsGroups && cell.stopRequest === undefined) {
      cell.requestHalt(runtime.timers.now(), cell.address)
      return supervisor.asksForRestart(cell)
    }
    yield* this.changes.waitUntil(
      () => this.stopIsDue() || cell.haltRequest !== undefined,
      () => Math.min(cell.resumesAt, cell.stopRequest?.at ?? Infinity)
    )
    if (!this.stopIsDue() && cell.haltRequest === undefined) cell.countRestart()
  }

  /** Waits until its supervisor lets it start again, or a stop is due. */
  private awaitRelease(): Effect.Effect<void> {
    const { cell } = this
    this.endRestart ??= cell.incarnation === 0 ? undefined : Tracing.restart(cell, undefined, 0)
    cell.halted()
    return Effect.asVoid(
      this.changes.waitUntil(
        () => this.stopIsDue() || cell.haltRequest === undefined,
        () => cell.stopRequest?.at ?? Infinity
      )
    )
  }
}

/** The handlers in the order of the protocol. */
const bind = (
  { address, options }: ActorCell,
  built: Exit.Exit<unknown, unknown>
): Exit.Exit<ReadonlyArray<Handler>, unknown> => {
  if (Exit.isFailure(built)) return Exit.failCause(built.cause)
  try {
    return Exit.succeed(options.protocol.bind(address, built.value))
  } catch (defect) {
    return Exit.die(defect)
  }
}

/** What those who watch an incarnation hear, when it was not the actor's end. */
const downReasons = {
  Crashed: "Crashed",
  StartFailed: "StartFailed",
  Failed: "SupervisorStopped",
  Exited: "Normal",
  Passivated: "Passivated",
  Halted: "Restarted"
} as const satisfies Record<Exclude<Ending, "Stopped">, DownReason>
