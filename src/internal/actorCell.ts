/**
 * One actor: its mailbox, the message in hand, and the loop that works through them.
 *
 * The cell outlives incarnations: it is what a handle points to. Its lifecycle fiber
 * (`lifecycle.ts`) starts and ends incarnations; this file takes messages in and runs handlers.
 * A handler runs in a fiber of its own, in the actor's context, one at a time.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { dropReasonOf } from "../Ledger.ts"
import { Busy, Crashed, Deadlock, InvalidMessage, Stopped, type StopReason, Timeout, TooLarge } from "../RykerError.ts"
import { Changes } from "./changes.ts"
import type { Counters } from "./counters.ts"
import { type Abort, CurrentMessage, type Envelope } from "./envelope.ts"
import { withoutStack } from "./errors.ts"
import { describeIssue } from "./issue.ts"
import { MailboxCore } from "./mailboxCore.ts"
import type { Handler, MessageSpec, Protocol } from "./protocol.ts"
import { logCrash } from "./report.ts"
import type { Group, Runtime } from "./runtime.ts"
import type { ActorSettings } from "./settings.ts"
import { oversize } from "./sizer.ts"
import { findCycle } from "./waitFor.ts"

/** Where an actor is in its life; `lifecycle.ts` and `crash` below make all the transitions. */
export type CellPhase = "New" | "Starting" | "Running" | "Closing" | "BackingOff" | "Stopped"

/** What an actor is made of. */
export interface CellOptions {
  readonly runtime: Runtime
  readonly group: Group
  readonly protocol: Protocol
  readonly address: string
  readonly settings: ActorSettings
  /** Run at every start; gives the handlers by tag. */
  readonly build: Effect.Effect<unknown, unknown, unknown>
  /** What `build` and the handlers find around them, besides what `provide` adds. */
  readonly context: Context.Context<never>
  /** Adds what each incarnation has of its own. */
  readonly provide: (context: Context.Context<never>, cell: ActorCell) => Context.Context<never>
  /** Called once, when nothing of the actor is left. */
  readonly leave: (cell: ActorCell) => void
  /** The keyed family that the actor belongs to. */
  readonly family?: CellFamily | undefined
}

/** What a cell tells its family. */
export interface CellFamily {
  /** It has taken its first message in: it is to be started. */
  enters(cell: ActorCell): void
  /** It has no work any more. */
  rests(cell: ActorCell): void
}

/** A stop that was asked for. */
export interface StopRequest {
  readonly reason: StopReason
  /** When it must be over. */
  readonly at: number
  /** Whether what is queued and in hand may use the time until then. */
  readonly worksOff: boolean
}

/** What a message can be refused with, besides a flaw of its payload. */
export type Refusal = Busy | Timeout | Stopped | Deadlock

/** Where messages of a handle go. */
export interface Target {
  /** The actor to send to, or why there is none. A keyed one may be new: the first message it takes in starts it. */
  resolve(fromInside: boolean): ActorCell | Busy | Stopped
  /** The actor as it is now; undefined for a keyed actor that is not resident. */
  current(): ActorCell | undefined
}

export class ActorCell implements Target {
  readonly options: CellOptions
  readonly runtime: Runtime
  readonly address: string
  readonly settings: ActorSettings
  readonly mailbox: MailboxCore<Envelope>
  /** Woken when anything changes that the lifecycle fiber may wait for. */
  readonly changes: Changes
  phase: CellPhase = "New"
  incarnation = 0
  /** When the next incarnation starts, while backing off. */
  resumesAt = 0
  inHand: Envelope | undefined = undefined
  /** Why this incarnation crashed. */
  crashCause: Cause.Cause<unknown> | undefined = undefined
  stopRequest: StopRequest | undefined = undefined
  stopReason: StopReason | undefined = undefined
  /** It is to end because it was idle. */
  passivating = false
  private readonly counters: Counters
  private handlers: ReadonlyArray<Handler> = []
  private context: Context.Context<never> = Context.empty()
  /** It has, or had at the last look, messages queued or in hand. */
  private working = false
  /** A turn is scheduled. */
  private scheduled = false
  private stopObservers: Array<(reason: StopReason) => void> | undefined = undefined
  private readonly turn = (): void => this.takeTurn()

  constructor(options: CellOptions) {
    this.options = options
    this.runtime = options.runtime
    this.address = options.address
    this.settings = options.settings
    this.counters = options.group.counters
    this.mailbox = new MailboxCore(options.settings.capacity)
    this.changes = new Changes(this.runtime.timers, (task) => this.runtime.schedule(task))
  }

  resolve(): ActorCell {
    return this
  }

  current(): ActorCell {
    return this
  }

  // --- Taking messages in ---------------------------------------------------------------------------------------------

  /** Takes a message in, or says why not. `fromInside`: a handler sends it that has its message in hand. */
  admit(message: Envelope, fromInside: boolean): Refusal | undefined {
    const refusal = this.findRefusal(message, fromInside)
    if (refusal !== undefined) return refusal
    if (!this.mailbox.offer(message)) {
      this.counters.refused.busy++
      return withoutStack(() => new Busy({ actor: this.address, limit: "mailbox", capacity: this.settings.capacity }))
    }
    this.counters.accepted++
    if (this.phase === "New") this.options.family?.enters(this)
    if (message.at !== Number.POSITIVE_INFINITY) this.runtime.timers.add(message)
    if (message.asker !== undefined) {
      message.asker.asks ??= new Set()
      message.asker.asks.add(message)
    }
    if (!this.working) {
      this.working = true
      this.runtime.workBegins()
    }
    this.wake()
    return undefined
  }

  /**
   * Why a payload cannot be sent here, looked at before there is a message. The checks are the user's
   * code and may do anything, also send: the target must be resolved anew after them.
   */
  findFlaw(spec: MessageSpec, payload: unknown, fromInside: boolean): Stopped | InvalidMessage | TooLarge | undefined {
    const actor = this.address
    const request = spec.tag
    const stopped = this.refuseStopped(fromInside)
    if (stopped !== undefined) return stopped
    if (this.settings.validate) {
      const checked = spec.check(payload)
      if (Exit.isFailure(checked)) {
        this.counters.refused.invalid++
        const found = Cause.findErrorOption(checked.cause)
        const issue = Option.isSome(found) ? describeIssue(found.value) : "a check of its schema died"
        return withoutStack(() => new InvalidMessage({ actor, request, reason: "InvalidPayload", issue }))
      }
    }
    const max = this.settings.maxMessageBytes
    const bytes = oversize(spec.sizer, payload, max, this.settings.validate)
    if (bytes !== undefined) {
      this.counters.refused.tooLarge++
      return withoutStack(() => new TooLarge({ actor, request, bytes, max }))
    }
    return undefined
  }

  private findRefusal(message: Envelope, fromInside: boolean): Refusal | undefined {
    const { refused } = this.counters
    const { asker, spec } = message
    const actor = this.address
    const request = spec.tag
    const stopped = this.refuseStopped(fromInside)
    if (stopped !== undefined) return stopped
    // A tell cannot fail so: it is taken in, and dropped when its timer fires.
    if (message.isAsk && message.at <= message.sentAt) {
      refused.timeout++
      return withoutStack(() => new Timeout({ actor, request, phase: "queued", millis: 0 }))
    }
    if (asker !== undefined) {
      const cycle = findCycle(asker, this)
      if (cycle !== undefined) {
        refused.deadlock++
        return withoutStack(() => new Deadlock({ actor, request, cycle }))
      }
    }
    return undefined
  }

  private refuseStopped(fromInside: boolean): Stopped | undefined {
    // While the runtime drains, work in hand may still need other actors: what it sends is let through.
    const reason = this.stopReason ?? this.stoppingFor(fromInside)
    if (reason === undefined) return undefined
    this.counters.refused.stopped++
    return withoutStack(() => new Stopped({ actor: this.address, reason, phase: "refused" }))
  }

  private stoppingFor(fromInside: boolean): StopReason | undefined {
    if (this.stopRequest !== undefined && this.stopRequest.reason !== "Draining") return this.stopRequest.reason
    return this.runtime.drainBy !== undefined && !fromInside ? "Draining" : undefined
  }

  // --- Messages that end before their time ----------------------------------------------------------------------------

  /** The message's deadline has come. */
  expire(message: Envelope): void {
    const timeout = this.timeoutError(message, message.phase === "InHand" ? "running" : "queued")
    if (message.phase === "Queued") this.withdraw(message, "deadline")
    // The caller first: a handler that cannot be interrupted must not hold it up.
    message.settle(Exit.fail(timeout))
    if (message.phase === "InHand") this.abort(message, "deadline")
  }

  /** Nobody waits for the answer any more. */
  cancel(message: Envelope): void {
    if (message.phase === "Queued") this.withdraw(message, "interrupted")
    else if (message.phase === "InHand") this.abort(message, "caller")
  }

  /** Interrupts the handler of the message in hand. */
  abort(message: Envelope, abort: Abort): void {
    message.abort ??= abort
    this.runtime.nest(() => message.fiber?.interruptUnsafe())
  }

  private withdraw(message: Envelope, reason: "deadline" | "interrupted"): void {
    this.mailbox.withdraw(message)
    this.drop(message, reason)
    if (this.mailbox.depth === 0 && this.inHand === undefined) this.rest()
  }

  private drop(message: Envelope, reason: keyof Counters["dropped"]): void {
    this.counters.dropped[reason]++
    this.leave(message)
  }

  private leave(message: Envelope): void {
    message.phase = "Gone"
    message.payload = undefined
    message.fiber = undefined
    this.runtime.timers.remove(message)
  }

  // --- The loop -------------------------------------------------------------------------------------------------------

  private wake(): void {
    if (this.scheduled || this.phase !== "Running" || this.inHand !== undefined) return
    this.scheduled = true
    this.runtime.turnsWaiting++
    this.runtime.schedule(this.turn)
  }

  /**
   * Handles messages until there is none, a handler suspends, or it is time to let others go first:
   * after `batchMessages` when other actors wait for their turn, after `yieldEvery` in any case, so
   * that timers and sockets get theirs.
   */
  private takeTurn(): void {
    const { runtime } = this
    const { batchMessages, yieldEvery } = runtime.settings
    runtime.turnsWaiting--
    let handled = 0
    while (this.phase === "Running" && this.inHand === undefined) {
      if (handled >= yieldEvery || (handled >= batchMessages && runtime.turnsWaiting > 0)) {
        if (this.mailbox.depth > 0) this.counters.yields++
        break
      }
      // The drain is about to stop the actor: no message is begun any more.
      if (runtime.isDrainOver) {
        this.scheduled = false
        return
      }
      const next = this.mailbox.take()
      if (next === undefined) {
        this.scheduled = false
        return this.rest()
      }
      this.deliver(next)
      handled++
    }
    // Until here, so that an asker that asks again at once is served by this turn, not by one of its own.
    this.scheduled = false
    this.wake()
  }

  private deliver(message: Envelope): void {
    if (message.at !== Number.POSITIVE_INFINITY && message.at <= this.runtime.timers.now()) {
      // The event loop was busy and the timers are late. Expired work must not run all the same, and
      // whatever else is due goes first, so that the messages end in the order of their deadlines.
      this.drop(message, "deadline")
      this.runtime.timers.fireDue()
      return message.settle(Exit.fail(this.timeoutError(message, "queued")))
    }
    message.phase = "InHand"
    this.inHand = message
    let effect: Effect.Effect<unknown, unknown>
    try {
      const handler = this.handlers[message.spec.index]!
      effect = handler(message.payload)
      if (!Effect.isEffect(effect)) throw new TypeError("the handler gave no Effect")
    } catch (defect) {
      return this.finish(message, Exit.die(defect))
    }
    // A handler that has its reply at hand needs no fiber: this is what makes plain replies cheap.
    if (Exit.isExit(effect)) return this.finish(message, effect)
    const fiber = Effect.runForkWith(Context.add(this.context, CurrentMessage, message))(effect)
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) return this.finish(message, exit)
    message.fiber = fiber
    fiber.addObserver((exit) => {
      this.finish(message, exit)
      this.wake()
    })
    // It was aborted by what it did itself before it first suspended.
    if (message.abort !== undefined) fiber.interruptUnsafe()
  }

  /** A handler has ended: counts it, answers its asker, and looks whether the actor survives. */
  private finish(message: Envelope, exit: Exit.Exit<unknown, unknown>): void {
    const abort = message.abort
    this.inHand = undefined
    this.leave(message)
    if (Exit.isSuccess(exit) || isTypedFailure(exit.cause)) {
      if (abort === undefined) this.counters.handled++
      else this.counters.failed++
      message.settle(exit)
    } else {
      this.counters.failed++
      if (abort === undefined || Cause.hasDies(exit.cause)) this.crash(message, exit.cause)
      // Only a stop leaves an asker waiting: the others know already.
      else message.settle(Exit.fail(this.stoppedError("running")))
    }
    // A turn in progress looks for itself; otherwise the lifecycle fiber may wait for this.
    if (this.phase !== "Running") this.changes.notify()
  }

  private crash(message: Envelope, cause: Cause.Cause<unknown>): void {
    const { address: actor, incarnation } = this
    this.counters.crashes++
    this.crashCause = cause
    if (this.phase === "Running") this.phase = "Closing"
    // The lifecycle fiber reports it, unless it is gone: the handler was abandoned at the end of a stop.
    if (this.phase === "Stopped") {
      Effect.runForkWith(this.options.context)(logCrash("actor_crashed", actor, incarnation, cause))
    }
    message.settle(Exit.fail(withoutStack(() => new Crashed({ actor, request: message.spec.tag, incarnation }))))
  }

  /** There is nothing to do now. */
  private rest(): void {
    if (this.working) {
      this.working = false
      this.runtime.workEnds()
    }
    if (this.stopRequest !== undefined) this.changes.notify()
    else if (this.phase === "Running") this.options.family?.rests(this)
  }

  get isIdle(): boolean {
    return this.inHand === undefined && this.mailbox.depth === 0
  }

  // --- What the lifecycle fiber does to it ----------------------------------------------------------------------------

  /** A new incarnation is ready: from here on messages are handled. */
  open(handlers: ReadonlyArray<Handler>, context: Context.Context<never>): void {
    this.handlers = handlers
    this.context = context
    this.phase = "Running"
    if (this.isIdle) this.rest()
    else this.wake()
  }

  /** The incarnation is over: what it held is let go. */
  shut(): void {
    this.handlers = []
    this.context = Context.empty()
    if (this.isIdle) this.rest()
  }

  countFailedStart(): void {
    this.counters.crashes++
  }

  countRestart(): void {
    this.counters.restarts++
  }

  /** Asks for an end; of several, the first gives the reason and the earliest the time. */
  requestStop(reason: StopReason, at: number, worksOff = true): void {
    if (this.phase === "Stopped") return
    const first = this.stopRequest
    this.stopRequest = {
      reason: first?.reason ?? reason,
      at: Math.min(at, first?.at ?? at),
      worksOff: worksOff && first?.worksOff !== false
    }
    this.changes.notify()
  }

  /** Ends an idle actor; it starts anew if messages come before it has ended. */
  passivate(): void {
    if (this.phase !== "Running" || !this.isIdle) return
    this.phase = "Closing"
    this.passivating = true
    this.changes.notify()
  }

  /**
   * The end: answers all that is queued, and gives the number of messages dropped.
   *
   * An actor that leaves nothing behind is forgotten before anybody hears of its end, so that whoever
   * does can start it anew at once. One that was abandoned in the middle of something is not, until
   * `depart`: two incarnations must never be alive together.
   */
  terminate(reason: StopReason, isGone: boolean): number {
    this.phase = "Stopped"
    this.stopReason = reason
    const left = this.mailbox.shutdown()
    for (const message of left) this.drop(message, dropReasonOf(reason))
    this.rest()
    this.runtime.cells.delete(this)
    if (isGone) this.depart()
    this.inHand?.settle(Exit.fail(this.stoppedError("running")))
    const answer = Exit.fail(this.stoppedError("queued"))
    for (const message of left) message.settle(answer)
    const observers = this.stopObservers
    this.stopObservers = undefined
    for (const observer of observers ?? []) observer(reason)
    return left.length
  }

  /** Nothing of it runs any more: forgets it. */
  depart(): void {
    this.options.group.cells.delete(this)
    this.options.leave(this)
  }

  private timeoutError(message: Envelope, phase: Timeout["phase"]): Timeout {
    const { at, sentAt, spec } = message
    return withoutStack(() => new Timeout({ actor: this.address, request: spec.tag, phase, millis: at - sentAt }))
  }

  private stoppedError(phase: "queued" | "running"): Stopped {
    const reason = this.stopReason ?? this.stopRequest?.reason ?? "Stopped"
    return withoutStack(() => new Stopped({ actor: this.address, reason, phase }))
  }

  /** Calls back once it has stopped for good; gives a function that takes the call back. */
  onStopped(observer: (reason: StopReason) => void): () => void {
    if (this.stopReason !== undefined) {
      observer(this.stopReason)
      return () => {}
    }
    this.stopObservers ??= []
    this.stopObservers.push(observer)
    return () => {
      const index = this.stopObservers?.indexOf(observer) ?? -1
      if (index >= 0) this.stopObservers!.splice(index, 1)
    }
  }
}

/** A typed failure and nothing else: an answer, and the actor lives on. */
const isTypedFailure = (cause: Cause.Cause<unknown>): boolean =>
  cause.reasons.length > 0 && cause.reasons.every(Cause.isFailReason)
