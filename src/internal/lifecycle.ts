/**
 * The life of an actor, one long-lived fiber: it starts incarnations, waits for their end, closes
 * their Scope completely, and decides what comes next.
 *
 * ```
 * New -> Starting -> Running -> Closing -> BackingOff -> Starting -> ...
 * ```
 *
 * A start that fails goes from Starting to Closing. From Closing, a passivated actor for which messages
 * came goes to Starting at once. Stopped is reached from New, Closing and BackingOff.
 *
 * The fiber is never interrupted. It is told to end by `requestStop`, so that an end always goes the
 * same way: work until its time is over, then close, then answer what is left.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Backoff from "../Backoff.ts"
import * as RestartWindow from "../RestartWindow.ts"
import { StartError, type StopReason } from "../RykerError.ts"
import type { ActorCell } from "./actorCell.ts"
import { CurrentMessage } from "./envelope.ts"
import { type Handler, MissingHandler } from "./protocol.ts"
import { describeCause, logCrash, logEvent } from "./report.ts"

/** How an incarnation ended. */
type Ending = "Crashed" | "StartFailed" | "Passivated" | "Stopped"

/** What a start gave: handlers in the order of the protocol, or nothing, as a stop made it pointless. */
type Started = Exit.Exit<ReadonlyArray<Handler>, unknown> | "Aborted"

/** How a life begins. */
export interface BeginOptions {
  /**
   * Treats a first start that fails as any later one: with backoff, within the restart intensity. That
   * is for keyed actors, whose messages wait already. Otherwise the actor ends.
   */
  readonly retryFirst: boolean
  /** Called once, with what the first start gave. */
  readonly onFirstStart: (exit: Exit.Exit<void, unknown>) => void
}

/** Begins the actor's life. It is over when `cell.phase` is `"Stopped"`, which it becomes in any case. */
export const begin = (cell: ActorCell, options: BeginOptions): void => {
  const life = new Life(cell, options)
  const fiber = Effect.runForkWith(cell.options.context)(life.run(), { uninterruptible: true })
  // Nothing in a life may fail. If it does all the same, the actor must not stay as a zombie.
  fiber.addObserver((exit) => {
    if (Exit.isSuccess(exit) || cell.phase === "Stopped") return
    cell.terminate("Crashed", true)
    life.reportFirstStart(exit)
  })
}

class Life {
  private readonly cell: ActorCell
  private readonly retryFirst: boolean
  private onFirstStart: ((exit: Exit.Exit<void, unknown>) => void) | undefined
  private restarts = RestartWindow.empty
  private backoff = Backoff.initial
  private random: Random.Random | undefined = undefined
  /** How long the last incarnation handled messages, in milliseconds. */
  private healthyFor = 0
  /** What a stop had no time to wait for: fibers of `build` and of Scopes. */
  private readonly abandoned: Array<Fiber.Fiber<unknown, unknown>> = []

  constructor(cell: ActorCell, options: BeginOptions) {
    this.cell = cell
    this.retryFirst = options.retryFirst
    this.onFirstStart = options.onFirstStart
  }

  run(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const { cell } = this
      while (true) {
        // A stop may come before the first start.
        if (this.stopIsDue()) {
          this.reportFirstStart(Exit.fail(this.stoppedWhileStarting()))
          return yield* this.end(cell.stopRequest!.reason)
        }
        const ending = yield* this.incarnation()
        if (ending === "Stopped" || this.stopIsDue()) return yield* this.end(cell.stopRequest!.reason)
        if (ending === "Passivated") {
          if (cell.isIdle) return yield* this.end("Passivated")
          // Messages came while it closed. They were accepted, so it starts anew for them.
          continue
        }
        if (ending === "StartFailed" && cell.incarnation === 1 && !this.retryFirst) return yield* this.end("Crashed")
        if (cell.settings.restart === "temporary") return yield* this.end("Crashed")
        if (!this.admitRestart()) return yield* this.end("RapidFail")
        yield* this.backOff()
        if (!this.stopIsDue()) cell.countRestart()
      }
    })
  }

  /** One incarnation, from its start until its Scope is closed. */
  private incarnation(): Effect.Effect<Ending> {
    return Effect.gen({ self: this }, function* () {
      const { cell } = this
      const scope = Scope.makeUnsafe()
      cell.incarnation++
      cell.phase = "Starting"
      cell.crashCause = undefined
      const context = Context.add(
        cell.options.provide(Context.add(cell.options.context, Scope.Scope, scope), cell),
        CurrentMessage,
        undefined
      )
      const started = yield* this.start(context)
      let ending: Ending
      this.healthyFor = 0
      if (started === "Aborted") {
        ending = "Stopped"
      } else if (Exit.isSuccess(started)) {
        const openedAt = cell.runtime.timers.now()
        cell.open(started.value, context)
        this.reportFirstStart(Exit.void)
        ending = yield* this.untilEnd()
        this.healthyFor = cell.runtime.timers.now() - openedAt
      } else {
        ending = "StartFailed"
        cell.crashCause = started.cause
        cell.countFailedStart()
        yield* logCrash("actor_start_failed", cell.address, cell.incarnation, started.cause)
      }
      if (ending === "Crashed") yield* this.reportCrash()
      yield* this.close(scope)
      // The handler in hand may also crash while it is being stopped.
      if (ending === "Stopped") yield* this.reportCrash()
      cell.shut()
      // The caller of a first start that failed hears of it when all it had acquired is released again.
      if (started === "Aborted") this.reportFirstStart(Exit.fail(this.stoppedWhileStarting()))
      else if (Exit.isFailure(started)) this.reportFirstStart(Exit.failCause(this.explain(started.cause)))
      return ending
    })
  }

  // --- Starting -------------------------------------------------------------------------------------------------------

  /** Runs `build` until it is done, its time is over, or a stop makes it pointless. */
  private start(context: Context.Context<never>): Effect.Effect<Started> {
    const { address, options, runtime, settings } = this.cell
    const build = Effect.map(options.build, (handlers) => options.protocol.bind(address, handlers))
    // The context holds all that `build` needs: the Layer's environment and what `provide` added.
    const fiber = Effect.runForkWith(context)(build as Effect.Effect<ReadonlyArray<Handler>, unknown>)
    const exit = fiber.pollUnsafe()
    return exit === undefined
      ? this.awaitStart(fiber, runtime.timers.now() + settings.startTimeout)
      : Effect.succeed(exit)
  }

  private awaitStart(fiber: Fiber.Fiber<ReadonlyArray<Handler>, unknown>, deadline: number): Effect.Effect<Started> {
    return Effect.gen({ self: this }, function* () {
      const { cell } = this
      const isDone = () => fiber.pollUnsafe() !== undefined
      fiber.addObserver(() => cell.changes.notify())
      yield* cell.changes.waitUntil(
        () => isDone() || this.stopIsDue(),
        () => Math.min(deadline, cell.stopRequest?.at ?? Infinity)
      )
      const exit = fiber.pollUnsafe()
      if (exit !== undefined) return exit
      const isAborted = this.stopIsDue()
      const failure = Exit.fail(isAborted ? this.stoppedWhileStarting() : this.startTimedOut())
      fiber.interruptUnsafe()
      // A build that cannot be interrupted must not hold up whoever waits for the start; the next
      // incarnation does wait, as two must never be alive together.
      if (!isDone()) this.reportFirstStart(failure)
      if (!(yield* cell.changes.waitUntil(isDone, () => cell.stopRequest?.at ?? Infinity))) this.abandoned.push(fiber)
      return isAborted ? "Aborted" : failure
    })
  }

  private startTimedOut(): StartError {
    const { address: actor, settings } = this.cell
    const detail = `build was not done after ${settings.startTimeout} ms: raise startTimeout, or do slow work after it`
    return new StartError({ actor, reason: "Timeout", detail })
  }

  private stoppedWhileStarting(): StartError {
    const { address: actor, stopRequest } = this.cell
    const detail = `it was stopped while it started (${stopRequest?.reason})`
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

  reportFirstStart(exit: Exit.Exit<void, unknown>): void {
    const report = this.onFirstStart
    this.onFirstStart = undefined
    report?.(exit)
  }

  // --- Ending ---------------------------------------------------------------------------------------------------------

  /** A stop was asked for, and there is nothing left to do or no time left to do it. */
  private stopIsDue(): boolean {
    const { isIdle, runtime, stopRequest } = this.cell
    return stopRequest !== undefined && (isIdle || !stopRequest.worksOff || stopRequest.at <= runtime.timers.now())
  }

  private untilEnd(): Effect.Effect<Ending> {
    const { cell } = this
    return Effect.map(
      cell.changes.waitUntil(
        () => cell.phase !== "Running" || this.stopIsDue(),
        () => cell.stopRequest?.at ?? Infinity
      ),
      (): Ending => {
        if (cell.crashCause !== undefined) return "Crashed"
        return cell.passivating ? "Passivated" : "Stopped"
      }
    )
  }

  private reportCrash(): Effect.Effect<void> {
    const { address, crashCause, incarnation } = this.cell
    return crashCause === undefined ? Effect.void : logCrash("actor_crashed", address, incarnation, crashCause)
  }

  /** Ends the message in hand, then closes the Scope; both within the time of a stop, if there is one. */
  private close(scope: Scope.Closeable): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const { cell } = this
      const { address, incarnation } = cell
      cell.phase = "Closing"
      const until = () => cell.stopRequest?.at ?? Infinity
      if (cell.inHand !== undefined) {
        cell.abort(cell.inHand, "stop")
        yield* cell.changes.waitUntil(() => cell.inHand === undefined, until)
      }
      const exit = cell.crashCause === undefined ? Exit.void : Exit.failCause(cell.crashCause)
      const closing = Effect.runForkWith(cell.options.context)(Scope.close(scope, exit), { uninterruptible: true })
      if (closing.pollUnsafe() === undefined) {
        const isClosed = () => closing.pollUnsafe() !== undefined
        const patience = cell.runtime.timers.now() + cell.settings.shutdown
        closing.addObserver(() => cell.changes.notify())
        // Without a stop there is no end to the waiting, as two incarnations must never be alive
        // together. Whoever is on call should know what the actor waits for.
        const inTime = yield* cell.changes.waitUntil(isClosed, () => Math.min(patience, until()))
        if (!inTime && cell.stopRequest === undefined) {
          yield* logEvent("Warn", "scope_slow_to_close", address, { incarnation, waited_ms: cell.settings.shutdown })
        }
        yield* cell.changes.waitUntil(isClosed, until)
      }
      const closed = closing.pollUnsafe()
      if (closed === undefined) {
        this.abandoned.push(closing)
        yield* logEvent("Warn", "scope_abandoned", address, { incarnation })
      } else if (Exit.isFailure(closed)) {
        yield* logEvent("Error", "finalizer_failed", address, { incarnation, ...describeCause(closed.cause) })
      }
      cell.passivating = false
    })
  }

  /**
   * Ends the actor in this very step, so that no message comes in after the decision. The effect that
   * it gives logs the end, and waits for what was abandoned, so that the actor is forgotten only then.
   */
  private end(reason: StopReason): Effect.Effect<void> {
    const { cell } = this
    const isGone = () => cell.inHand === undefined && this.abandoned.every((fiber) => fiber.pollUnsafe() !== undefined)
    const wasGone = isGone()
    const dropped = cell.terminate(reason, wasGone)
    const isFailure = reason === "RapidFail" || reason === "Crashed"
    const level = isFailure ? "Error" : dropped > 0 ? "Warn" : "Debug"
    const log = logEvent(level, "actor_stopped", cell.address, { reason, incarnation: cell.incarnation, dropped })
    if (wasGone) return log
    return log.pipe(
      Effect.andThen(cell.changes.waitUntil(isGone, () => Infinity)),
      Effect.andThen(Effect.sync(() => cell.depart()))
    )
  }

  // --- Restarting -----------------------------------------------------------------------------------------------------

  private admitRestart(): boolean {
    const { runtime, settings } = this.cell
    const admission = RestartWindow.admit(this.restarts, { now: runtime.timers.now(), ...settings.intensity })
    this.restarts = admission.window
    return admission.admitted
  }

  /** Waits before the restart, or until a stop leaves nothing to start for. */
  private backOff(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const { cell } = this
      const { backoff, intensity } = cell.settings
      const { timers } = cell.runtime
      this.random ??= cell.runtime.randomFor(cell.address)
      // Healthy for a whole window: the series of delays starts over.
      const wasHealthy = this.healthyFor >= intensity.window
      this.backoff = Backoff.next(wasHealthy ? Backoff.initial : this.backoff, backoff, this.random.nextDoubleUnsafe())
      cell.phase = "BackingOff"
      cell.resumesAt = timers.now() + this.backoff.delay
      yield* logEvent("Info", "actor_restarting", cell.address, {
        incarnation: cell.incarnation + 1,
        delay_ms: Math.round(this.backoff.delay)
      })
      yield* cell.changes.waitUntil(
        () => this.stopIsDue(),
        () => Math.min(cell.resumesAt, cell.stopRequest?.at ?? Infinity)
      )
    })
  }
}
