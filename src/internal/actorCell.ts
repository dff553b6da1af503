/**
 * One actor: its mailbox, the message in hand, and the loop that works through them.
 *
 * The cell outlives incarnations: it is what a handle points to. Its life
 * (`lifecycle.ts`) starts and ends incarnations; this file takes messages in and runs handlers.
 * A handler runs in a fiber of its own, in the actor's context, one at a time.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import { type DropReason, dropReasonOf } from "../Ledger.ts"
import { Busy, Crashed, Stopped, type StopReason, Timeout } from "../RykerError.ts"
import type * as RykerMetrics from "../RykerMetrics.ts"
import { findRefusal } from "./admission.ts"
import {
  type AwaitedStart,
  type CellLife,
  type CellOptions,
  type CellOwn,
  type CellPhase,
  type CellSupervisor,
  type DownReason,
  type HaltRequest,
  lessOf,
  type Refusal,
  type SingleTarget,
  type StopRequest,
  type WorkOff
} from "./cell.ts"
import { type Job, JobLane, jobSpec } from "./control.ts"
import type { Counters } from "./counters.ts"
import * as Tracing from "./tracing.ts"
import { type Abort, correlationOf, CurrentMessage, Envelope } from "./envelope.ts"
import { copiesOf, withoutStack } from "./errors.ts"
import type { HandleImpl } from "./handle.ts"
import { Incarnation } from "./incarnation.ts"
import { MailboxCore } from "./mailboxCore.ts"
import type { Timings } from "./metrics.ts"
import { Observers } from "./observers.ts"
import type { Handler } from "./protocol.ts"
import { crashed, emit } from "./report.ts"
import type { Runtime } from "./runtime.ts"
import type { ActorSettings } from "./settings.ts"

/** Nothing is put aside: what all share that have nothing there. Never added to. */
const nothing: Array<never> = []

export class ActorCell implements SingleTarget {
  readonly options: CellOptions
  readonly runtime: Runtime
  readonly address: string
  readonly build: CellOwn["build"]
  readonly supervisor: CellSupervisor | undefined
  readonly settings: ActorSettings
  mailbox: MailboxCore<Envelope>
  /** Told when anything changes that it may wait for. */
  life: CellLife | undefined = undefined
  phase: CellPhase = "New"
  incarnation = 0
  /** Where the program holds it, if that is one handle for all incarnations. */
  handle: HandleImpl | undefined = undefined
  /** Its own one below the Scope that owns it: goes with the actor. */
  scope: Scope.Closeable | undefined = undefined
  /** When the next incarnation starts, while backing off. */
  resumesAt = 0
  inHand: Envelope | undefined = undefined
  /** Why this incarnation crashed. */
  crashCause: Cause.Cause<unknown> | undefined = undefined
  /** What it had in hand when it crashed. */
  crashedBy: Pick<Envelope, "correlation" | "span"> | undefined = undefined
  stopRequest: StopRequest | undefined = undefined
  stopReason: StopReason | undefined = undefined
  /** Somebody sees the spans of its handlers. */
  isTraced = false
  /** It is to end because it was idle. */
  passivating = false
  /** It is to end because it said so itself. */
  exiting = false
  /** The incarnation has brought a message to its end. */
  hasConsumed = false
  /** Its random stream, from the first use on. */
  random: Random.Random | undefined = undefined
  /** The child with which this supervisor is to fail. */
  failedWith: string | undefined = undefined
  haltRequest: HaltRequest | undefined = undefined
  awaitedStart: AwaitedStart | undefined = undefined
  /** No message is begun until it is resumed. */
  suspended = false
  /** The incarnation that is alive. */
  present: Incarnation | undefined = undefined
  /** Why the last incarnation is over; undefined while one is alive or about to be. */
  lastDown: DownReason | undefined = undefined
  /** Nothing of it runs any more. */
  isGone = false
  readonly counters: Counters
  private handlers: ReadonlyArray<Handler> = []
  private context: Context.Context<never> = Context.empty()
  /** It has, or had at the last look, messages queued or in hand. */
  private working = false
  /** Messages were handled since the incarnation was last told that there are none. */
  private hasHandled = false
  /** When the message in hand was begun, if that is wanted. */
  private begunAt = 0
  /** When the message before ended, if that is now; else negative. */
  private endedAt = -1
  /** Makes what senders are told when the mailbox is full. */
  private refuseFull: (() => Busy) | undefined = undefined
  /** A turn is scheduled, or takes place. */
  private scheduled = false
  private isInTurn = false
  /** The last message of a turn, when its asker is still to be given the answer. */
  private answered: Envelope | undefined = undefined
  private lastAnswer: Effect.Effect<unknown, unknown> = Exit.void
  /** Asks since the last turn that were handled without one. */
  private handledAtOnce = 0
  /** Messages that handlers have put aside, in the order of doing so. */
  private stash: Array<Envelope> = nothing
  /** Turns of its own, which come before messages. */
  private jobs: JobLane | undefined = undefined
  private stopped: Observers<StopReason> | undefined = undefined
  private gone: Observers<void> | undefined = undefined
  private haltedOnce: Observers<void> | undefined = undefined
  private downOnce: Observers<DownReason> | undefined = undefined
  private ownTurn: (() => void) | undefined = undefined

  constructor(options: CellOptions, { address, build, supervisor }: CellOwn) {
    this.options = options
    this.runtime = options.runtime
    this.address = address
    this.build = build
    this.supervisor = supervisor
    this.settings = options.settings
    this.counters = options.group.counters
    this.mailbox = new MailboxCore(options.settings.capacity)
    const { observer } = this.runtime
    if (observer !== undefined) observer.created(this, this.turn)
  }

  resolve(): ActorCell {
    return this
  }

  cells(): ReadonlyArray<ActorCell> {
    return [this]
  }

  // --- Taking messages in ---------------------------------------------------------------------------------------------

  /** Takes a message in, or says why not. `fromInside`: a handler sends it that has its message in hand. */
  admit(message: Envelope, fromInside: boolean): Refusal | undefined {
    const { observer, timers } = this.runtime
    const refusal = findRefusal(this, message, fromInside)
    const isAtOnce = refusal === undefined && message.isAsk && message.asker === undefined && this.mayHandleAtOnce
    const refused = refusal ?? (isAtOnce || this.mailbox.offer(message) ? undefined : this.full())
    if (refused !== undefined) {
      observer?.refused(message, refused)
      return refused
    }
    this.counters.accepted++
    observer?.accepted(message)
    if (this.phase === "New") this.options.family?.enters(this)
    if (message.asker !== undefined) {
      message.asker.asks ??= new Set()
      message.asker.asks.add(message)
    }
    this.work()
    if (isAtOnce) this.handleAtOnce(message)
    else this.wake()
    if (message.at !== Number.POSITIVE_INFINITY && message.phase !== "Gone") timers.add(message)
    return undefined
  }

  private full(): Busy {
    this.counters.refused.busy++
    const { address: actor, settings } = this
    this.refuseFull ??= copiesOf(new Busy({ actor, limit: "mailbox", capacity: settings.capacity }))
    return this.refuseFull()
  }

  /** Why it takes no messages; undefined while it does. */
  closedFor(fromInside: boolean): StopReason | undefined {
    if (this.stopReason !== undefined) return this.stopReason
    if (this.stopRequest !== undefined && this.stopRequest.reason !== "Draining") return this.stopRequest.reason
    // While the runtime drains, work in hand may still need other actors: what it sends is let through.
    return this.runtime.drainBy !== undefined && !fromInside ? "Draining" : undefined
  }

  // --- Messages that end before their time ----------------------------------------------------------------------------

  /** The message's deadline has come. */
  expire(message: Envelope): void {
    const timeout = this.timeoutError(message)
    if (message.phase !== "InHand") this.withdraw(message, "deadline")
    // The caller first: a handler that cannot be interrupted must not hold it up.
    message.settle(Exit.fail(timeout))
    if (message.phase === "InHand") this.abort(message, "deadline")
  }

  /** Nobody waits for the answer any more. */
  cancel(message: Envelope): void {
    if (message.phase === "InHand") this.abort(message, "caller")
    else if (message.phase !== "Gone") this.withdraw(message, "interrupted")
    else if (this.settings.amnesia) this.forgetAnswer(message)
  }

  /** Interrupts the handler of the message in hand. */
  abort(message: Envelope, abort: Abort): void {
    // One that is on its way to the stash is not put there if it is not wanted any more.
    if (message.abort === undefined || message.abort === "stash") message.abort = abort
    this.runtime.nest(() => message.fiber?.interruptUnsafe())
  }

  private withdraw(message: Envelope, reason: "deadline" | "interrupted"): void {
    if (message.phase === "Stashed") this.stash = this.stash.filter((other) => other !== message)
    else this.mailbox.withdraw(message)
    this.drop(message, reason)
    if (this.isIdle) this.rest()
  }

  private drop(message: Envelope, reason: DropReason): void {
    const { deadLetters, timers } = this.runtime
    this.counters.dropped[reason]++
    this.runtime.observer?.dropped(message, reason)
    if (deadLetters.isWanted) {
      const { isAsk, sentAt, spec } = message
      const kind = isAsk ? "ask" : "tell"
      const age = timers.now() - sentAt
      const letter = { actor: this.address, request: spec.tag, reason, kind, age } as const
      const correlation = correlationOf(message)
      deadLetters.publish(correlation === undefined ? letter : { ...letter, correlation })
    }
    this.leave(message)
  }

  /** The message has come to its end; `answer` is what its handler gave. */
  private leave(message: Envelope, answer?: Exit.Exit<unknown, unknown>): void {
    const { payload } = message
    message.phase = "Gone"
    message.payload = undefined
    message.fiber = undefined
    this.runtime.timers.remove(message)
    if (this.settings.amnesia) this.forget(message, payload, answer)
  }

  /** Overwrites what the message held, less what its asker is given. */
  private forget(message: Envelope, payload: unknown, answer: Exit.Exit<unknown, unknown> | undefined): void {
    this.counters.zeroizedBytes += message.spec.zeroizer.zeroize(payload, answer, message.isAwaited)
  }

  /** The message holds its answer until the asker has it: an asker that is interrupted before leaves it behind. */
  private handOver(message: Envelope, answer: Exit.Exit<unknown, unknown>): Effect.Effect<unknown, unknown> {
    if (!message.isAwaited || !message.spec.zeroizer.seesAnswers) return answer
    message.payload = answer
    return Effect.suspend(() => {
      message.payload = undefined
      return answer
    })
  }

  /** The asker was interrupted when the answer was on its way already. */
  private forgetAnswer(message: Envelope): void {
    // What `handOver` has put there, and nobody else.
    const answer = message.payload as Exit.Exit<unknown, unknown> | undefined
    message.payload = undefined
    this.counters.zeroizedBytes += message.spec.zeroizer.zeroize(undefined, answer, false)
  }

  // --- The loop -------------------------------------------------------------------------------------------------------

  /** Made at the first turn. */
  private get turn(): () => void {
    return (this.ownTurn ??= () => this.takeTurn())
  }

  private wake(): void {
    if (this.scheduled || !this.mayBegin) return
    this.scheduled = true
    this.runtime.turnsWaiting++
    this.runtime.schedule(this.turn)
  }

  /**
   * Whether an ask from outside can be handled on the stack of its asker, who waits for the answer anyway, rather than in a
   * turn: when nothing is ahead of it here, no other actor waits for a turn, and timers and sockets are not due to go first.
   *
   * Not one that a handler makes: what that forks asks on its behalf, too, and would find itself waited for. And not with
   * amnesia: an asker that was interrupted meanwhile would leave the answer behind. And not within a span of the send, which
   * would seem to take as long as the handler.
   */
  private get mayHandleAtOnce(): boolean {
    const { runtime, settings } = this
    if (this.scheduled || !this.mayBegin || this.hasNext || settings.amnesia) return false
    if (runtime.turnsWaiting > 0 || this.handledAtOnce >= runtime.settings.yieldEvery) return false
    if (Tracing.hasSendSpans(runtime)) return false
    return runtime.mayNest && !runtime.isDrainOver && runtime.observer?.handlesAtOnce !== false
  }

  private handleAtOnce(message: Envelope): void {
    const { runtime } = this
    // Of deadlines that come together its own is the first, not those of the asks that its handler makes.
    runtime.timers.number(message)
    this.handledAtOnce++
    // Until it has ended, so that what comes meanwhile waits.
    this.scheduled = true
    this.endedAt = message.sentAt
    runtime.deliver(this, message)
    this.scheduled = false
    this.goOn()
  }

  /** Whether the next message, or turn of its own, can be begun. */
  private get mayBegin(): boolean {
    const { haltRequest, inHand, phase, stopRequest, suspended } = this
    if (phase !== "Running" || inHand !== undefined || suspended || haltRequest !== undefined) return false
    return stopRequest === undefined || stopRequest.worksOff === "all"
  }

  /**
   * Handles messages until there is none, a handler suspends, or it is time to let others go first:
   * after `batchMessages` when other actors wait for their turn, after `yieldEvery` in any case, so
   * that timers and sockets get theirs.
   */
  private takeTurn(): void {
    const { runtime } = this
    runtime.turnsWaiting--
    this.handledAtOnce = 0
    this.endedAt = -1
    this.isInTurn = true
    let handled = 0
    while (this.mayBegin) {
      // Each time: the message before may have changed them.
      const { batchMessages, yieldEvery } = runtime.settings
      if (handled >= yieldEvery || (handled >= batchMessages && runtime.turnsWaiting > 0)) {
        if (this.mailbox.depth > 0) this.counters.yields++
        break
      }
      // The drain is about to stop the actor: no message is begun any more.
      if (runtime.isDrainOver) break
      const next = this.takeNext()
      if (next === undefined) break
      this.deliver(next)
      handled++
    }
    this.isInTurn = false
    // Until here, so that an asker that asks again at once is served by this turn, not by one of its own.
    this.scheduled = false
    this.goOn()
    const { answered, lastAnswer } = this
    if (answered === undefined) return
    this.answered = undefined
    this.lastAnswer = Exit.void
    answered.settle(lastAnswer)
  }

  /** Goes on with what waits; rests when nothing does. */
  private goOn(): void {
    if (this.mayBegin) {
      if (this.runtime.isDrainOver) return
      if (this.hasNext) return this.wake()
      if (this.hasHandled) this.present?.rests()
      this.hasHandled = false
      if (this.isIdle) this.rest()
    } else if (this.suspended && this.isIdle) {
      // It may have nothing left to do, too.
      this.rest()
    }
  }

  /** Whether a message waits, or a turn of its own. */
  private get hasNext(): boolean {
    return this.mailbox.depth > 0 || (this.jobs?.isEmpty === false && !this.ignoresJobs)
  }

  /** A stop waits for messages, and for the run in hand: what repeats must not put it off. */
  private get ignoresJobs(): boolean {
    return this.stopRequest !== undefined && this.depth === 0
  }

  /** Begins the message. */
  deliver(message: Envelope): void {
    const { timings } = this.options.group
    // What went before has just looked at the clock, unless it has resumed an asker, which may take its time.
    const isTimed = timings !== undefined || message.at !== Number.POSITIVE_INFINITY
    this.begunAt = !isTimed ? -1 : this.endedAt < 0 ? this.runtime.timers.now() : this.endedAt
    this.endedAt = -1
    if (message.at !== Number.POSITIVE_INFINITY && message.at <= this.begunAt) {
      // The event loop was busy and the timers are late. Expired work must not run all the same, and
      // whatever else is due goes first, so that the messages end in the order of their deadlines.
      const timeout = this.timeoutError(message)
      this.drop(message, "deadline")
      this.runtime.timers.fireDue()
      return message.settle(Exit.fail(timeout))
    }
    message.phase = "InHand"
    message.deliveries++
    this.inHand = message
    this.runtime.observer?.began(message)
    // Before the handler is called: what it does before it gives its Effect takes time, too.
    const isWatched = this.isTraced || message.caller !== undefined || typeof message.correlation === "string"
    const context = isWatched ? Tracing.enter(this, message, this.context) : this.context
    let effect: Effect.Effect<unknown, unknown>
    try {
      effect = message.spec === jobSpec ? this.beginJob(message) : this.handlers[message.spec.index]!(message.payload)
    } catch (defect) {
      return this.finish(message, Exit.die(defect))
    }
    // A handler that has its reply at hand needs no fiber: this is what makes plain replies cheap.
    if (Exit.isExit(effect)) return this.finish(message, effect)
    if (!Effect.isEffect(effect)) return this.finish(message, Exit.die(new TypeError("the handler gave no Effect")))
    const fiber = Effect.runForkWith(Context.add(context, CurrentMessage, message))(effect)
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) return this.finish(message, exit)
    this.follow(message, fiber)
  }

  /** The handler has suspended. */
  private follow(message: Envelope, fiber: Fiber.Fiber<unknown, unknown>): void {
    message.fiber = fiber
    fiber.addObserver((exit) => {
      this.finish(message, exit)
      this.goOn()
    })
    // It was aborted by what it did itself before it first suspended.
    // To stash is a failure of its own already: what catches it, goes on.
    if (message.abort !== undefined && message.abort !== "stash") fiber.interruptUnsafe()
  }

  /** A handler has ended: counts it, answers its asker, and looks whether the actor survives. */
  private finish(message: Envelope, exit: Exit.Exit<unknown, unknown>): void {
    const { abort } = message
    const isAnswer = Exit.isSuccess(exit) || isTypedFailure(exit.cause)
    const { timings } = this.options.group
    this.inHand = undefined
    this.runtime.observer?.ended(message, exit)
    const outcome = outcomeOf(abort, exit, isAnswer)
    if (message.span !== undefined) Tracing.leave(this.runtime, message.span, exit, outcome)
    if (message.spec === jobSpec) {
      this.endJob(message, exit)
      return this.afterwards()
    }
    this.hasHandled = true
    if (timings !== undefined && outcome !== "stashed") this.measure(timings, message, outcome)
    if (outcome === "stashed") {
      this.putAside(message)
    } else if (!isAnswer && (abort === undefined || Cause.hasDies(exit.cause))) {
      this.crash(message, exit.cause)
    } else {
      this.leave(message, isAnswer ? exit : undefined)
      // What a handler answers that was told to stash and did not, counts like any answer.
      if (isAnswer && (abort === undefined || abort === "stash")) this.counters.handled++
      else this.counters.failed++
      this.hasConsumed = true
      this.afterwards()
      // Last of all: an asker that is resumed may ask again, and be answered, before this returns.
      return this.answer(message, isAnswer ? exit : undefined)
    }
    if (message.phase === "Gone") this.hasConsumed = true
    this.afterwards()
  }

  /** Gives the asker what the handler answered, if it did. */
  private answer(message: Envelope, exit: Exit.Exit<unknown, unknown> | undefined): void {
    if (!message.isAwaited) return
    // Only a stop leaves an asker waiting whose handler gave no answer: the others know already.
    if (exit === undefined) return message.settle(Exit.fail(this.stoppedError(message)))
    const answer = this.settings.amnesia ? this.handOver(message, exit) : exit
    if (!this.isInTurn || !this.mayBegin || this.hasNext) return message.settle(answer)
    // The turn ends first, so that the asker finds an actor that has nothing to do.
    this.answered = message
    this.lastAnswer = answer
  }

  /** Before the asker is resumed: what that does takes time, too. */
  private measure(timings: Timings, message: Envelope, outcome: RykerMetrics.HandlerOutcome): void {
    // Metrics were turned on while it ran.
    if (this.begunAt < 0) return
    const now = this.runtime.timers.now()
    if (message.deliveries === 1) timings.wait.observe((this.begunAt - message.sentAt) / 1_000)
    timings.latency[outcome].observe((now - this.begunAt) / 1_000)
    if (!message.isAwaited) this.endedAt = now
  }

  private afterwards(): void {
    if (this.exiting && this.phase === "Running") this.phase = "Closing"
    // A turn in progress looks for itself; otherwise its life may wait for this.
    if (this.phase !== "Running" || !this.mayBegin) this.notify()
  }

  /** The message in hand crashed the actor: it is delivered again, or consumed. */
  private crash(message: Envelope, cause: Cause.Cause<unknown>): void {
    const { address: actor, incarnation, settings } = this
    this.recordCrash(cause, message)
    const isWanted = (message.abort === undefined || message.abort === "stash") && this.phase !== "Stopped"
    const isRestarted = settings.restart !== "temporary"
    if (isWanted && isRestarted && message.deliveries <= settings.redeliver) {
      message.abort = undefined
      message.phase = "Queued"
      message.fiber = undefined
      return this.mailbox.putBack([message])
    }
    if (isWanted && isRestarted && settings.redeliver > 0) {
      this.drop(message, "poison")
    } else {
      this.counters.failed++
      this.leave(message)
    }
    message.settle(Exit.fail(withoutStack(() => new Crashed({ actor, request: message.spec.tag, incarnation }))))
  }

  private recordCrash(cause: Cause.Cause<unknown>, message: Envelope): void {
    this.counters.crashes++
    this.crashCause = cause
    this.crashedBy = message
    if (this.phase === "Running") this.phase = "Closing"
    // Its life reports it, unless it is over: the handler was abandoned at the end of a stop.
    if (this.phase === "Stopped") {
      Effect.runForkWith(this.options.context)(emit(this.runtime, crashed(this, cause)))
    }
  }

  // --- The stash ------------------------------------------------------------------------------------------------------

  /** The message in hand waits in the stash, if there is room and anybody wants it still. */
  private putAside(message: Envelope): void {
    message.fiber = undefined
    message.abort = undefined
    message.deliveries--
    if (this.stash.length >= this.settings.stash) {
      const { address: actor, settings } = this
      this.drop(message, "capacity")
      const busy = withoutStack(() => new Busy({ actor, limit: "stash", capacity: settings.stash }))
      return message.settle(Exit.fail(busy))
    }
    message.phase = "Stashed"
    if (this.stash === nothing) this.stash = [message]
    else this.stash.push(message)
  }

  /** All that was put aside comes next, in its order. */
  unstashAll(): void {
    if (this.stash.length === 0) return
    for (const message of this.stash) message.phase = "Queued"
    this.mailbox.putBack(this.stash)
    this.stash = nothing
    this.wake()
  }

  // --- Turns of its own -----------------------------------------------------------------------------------------------

  /** Runs the job in a turn of its own, before the queued messages. */
  signal(job: Job): void {
    // What falls due in `build` waits for the actor to be ready.
    if (this.phase !== "Running" && this.phase !== "Starting") return
    this.jobs ??= new JobLane()
    this.jobs.add(job, this.inHand?.spec === jobSpec)
    this.wake()
  }

  private takeNext(): Envelope | undefined {
    const job = this.takeJob()
    if (job !== undefined) return job
    const message = this.mailbox.take()
    this.jobs?.passed()
    return message ?? this.takeJob()
  }

  private takeJob(): Envelope | undefined {
    if (this.ignoresJobs) return undefined
    const job = this.jobs?.take()
    return job && new Envelope(this, jobSpec, job, 0, Number.POSITIVE_INFINITY, undefined, undefined)
  }

  private beginJob(message: Envelope): Effect.Effect<void> {
    const job = jobOf(message)
    // A drain waits for it, as for a message. It does not for those that begin later: with many actors that
    // have timers one may always run, and the drain would take all the time that it has.
    if (this.runtime.drainBy === undefined) this.work()
    else if (this.depth === 0) this.rest()
    job.begins()
    return job.effect
  }

  private endJob(message: Envelope, exit: Exit.Exit<unknown, unknown>): void {
    const job = jobOf(message)
    const { abort } = message
    this.leave(message)
    if (Exit.isFailure(exit) && (abort === undefined || Cause.hasDies(exit.cause)))
      this.recordCrash(exit.cause, message)
    job.ends()
  }

  /** There is something to do. */
  private work(): void {
    if (this.working) return
    this.working = true
    this.runtime.workBegins()
  }

  /** There is nothing to do now. */
  private rest(): void {
    if (this.working) {
      this.working = false
      this.runtime.workEnds()
    }
    if (this.stopRequest !== undefined) this.notify()
    else if (this.phase === "Running") this.options.family?.rests(this)
  }

  /** Whether what is in hand is a message, not a turn of its own. */
  get isHandling(): boolean {
    return this.inHand !== undefined && this.inHand.spec !== jobSpec
  }

  /** Whether messages wait or are in hand, or did so at the last look. */
  get hasWork(): boolean {
    return this.working
  }

  /** When what is in hand was begun, by the clock of `Timers`; undefined where nobody wanted to know. */
  get inHandSince(): number | undefined {
    return this.inHand === undefined || this.begunAt < 0 ? undefined : this.begunAt
  }

  get isIdle(): boolean {
    return this.inHand === undefined && this.depth === 0
  }

  /** Messages that were accepted and wait, in the mailbox or in the stash. */
  get depth(): number {
    return this.mailbox.depth + this.stash.length
  }

  // --- What its life does to it ---------------------------------------------------------------------------------------

  private notify(): void {
    this.life?.notify(this)
  }

  /** An incarnation begins: gives the surroundings of its `build`. */
  enter(scope: Scope.Closeable): Context.Context<never> {
    this.incarnation++
    this.phase = "Starting"
    this.resumesAt = 0
    this.crashCause = undefined
    this.crashedBy = undefined
    this.failedWith = undefined
    this.lastDown = undefined
    this.exiting = false
    this.hasConsumed = false
    this.present = new Incarnation(this, this.incarnation, scope)
    this.options.pool?.joins(this)
    return this.options.services.of(this.present)
  }

  /** The incarnation is ready: from here on messages are handled. */
  open(handlers: ReadonlyArray<Handler>, context: Context.Context<never>): void {
    this.handlers = handlers
    this.context = context
    this.isTraced = Tracing.isTraced(context)
    this.phase = "Running"
    this.present?.rests()
    // It may have said in its `build` that it is to end, or a child may have given up.
    if (this.exiting || this.failedWith !== undefined) {
      this.phase = "Closing"
      this.notify()
    } else if (this.isIdle) this.rest()
    // Most begin with nothing to do, and a turn is not free.
    if (!this.isIdle || this.jobs !== undefined) this.wake()
  }

  /** The incarnation is about to end: none of its own turns comes any more. */
  close(): void {
    this.phase = "Closing"
    this.present?.end()
    this.present = undefined
    this.jobs?.clear()
  }

  /** The incarnation has ended: what it held is let go, what it had put aside is queued. */
  shut(): void {
    this.handlers = []
    this.context = Context.empty()
    this.passivating = false
    this.unstashAll()
    if (this.isIdle) this.rest()
  }

  /** Tells those who watch the incarnation that it is over. */
  down(reason: DownReason): void {
    this.lastDown = reason
    this.downOnce?.tell(reason)
  }

  countFailedStart(): void {
    this.counters.crashes++
  }

  countRestart(): void {
    this.counters.restarts++
  }

  reportStart(exit: Exit.Exit<void, unknown>): void {
    const awaited = this.awaitedStart
    this.awaitedStart = undefined
    awaited?.onStarted(exit)
  }

  /** Ends the incarnation for its supervisor's sake; of several requests the earliest time holds. */
  requestHalt(at: number, because: string): void {
    if (this.phase === "Stopped") return
    this.haltRequest =
      this.haltRequest === undefined
        ? { at, because }
        : { at: Math.min(at, this.haltRequest.at), because: this.haltRequest.because }
    this.notify()
  }

  /** Lets a halted actor start its next incarnation. */
  releaseHalt(start: AwaitedStart | undefined): void {
    this.haltRequest = undefined
    this.awaitedStart = start
    if (this.incarnation > 0) this.countRestart()
    this.notify()
  }

  /** The asker of the message in hand need not wait until the handler has been interrupted. */
  haltInHand(because: string): void {
    const message = this.inHand
    if (message === undefined) return
    const { address: actor, incarnation } = this
    const request = message.spec.tag
    message.settle(Exit.fail(withoutStack(() => new Crashed({ actor, request, incarnation, sibling: because }))))
    this.abort(message, "halt")
  }

  /** Ends itself after the message in hand: normally, or as if it had been idle. */
  exit(): void {
    if (this.options.family !== undefined) this.passivating = true
    this.exiting = true
    if (this.phase !== "Running" || this.inHand !== undefined) return
    this.phase = "Closing"
    this.notify()
  }

  /** A supervisor fails, because the child has given up. */
  failWith(child: string): void {
    if (this.phase !== "Running" && this.phase !== "Starting") return
    this.failedWith ??= child
    if (this.phase === "Starting") return
    this.phase = "Closing"
    this.notify()
  }

  suspend(): boolean {
    if (this.suspended || this.phase === "Stopped") return false
    this.suspended = true
    return true
  }

  resume(): boolean {
    if (!this.suspended || this.phase === "Stopped") return false
    this.suspended = false
    if (this.isIdle && this.phase === "Running") this.rest()
    this.wake()
    return true
  }

  /** Makes it as new after its end, behind the same handles. */
  revive(): void {
    this.phase = "New"
    this.stopReason = undefined
    this.stopRequest = undefined
    this.haltRequest = undefined
    this.suspended = false
    this.isGone = false
    this.mailbox = new MailboxCore(this.settings.capacity)
    this.options.group.enter(this)
    this.runtime.cells.add(this)
  }

  /** Asks for an end; of several, the first gives the reason and the earliest the time. */
  requestStop(reason: StopReason, at: number, worksOff: WorkOff = "all"): void {
    if (this.phase === "Stopped") return
    const first = this.stopRequest
    this.stopRequest = {
      reason: first?.reason ?? reason,
      at: Math.min(at, first?.at ?? at),
      worksOff: lessOf(worksOff, first?.worksOff ?? "all")
    }
    this.options.onStopAsked?.()
    this.notify()
  }

  /** Ends an idle actor; it starts anew if messages come before it has ended. */
  passivate(): void {
    if (this.phase !== "Running" || !this.isIdle || this.suspended) return
    this.phase = "Closing"
    this.passivating = true
    this.notify()
  }

  /**
   * The end: reports it, and answers all that is queued.
   *
   * An actor that leaves nothing behind is forgotten before anybody hears of its end, so that whoever
   * does can start it anew at once. One that was abandoned in the middle of something is not, until
   * `depart`: two incarnations must never be alive together.
   */
  terminate(reason: StopReason, isGone: boolean): void {
    this.phase = "Stopped"
    this.stopReason = reason
    this.unstashAll()
    const left = this.mailbox.shutdown()
    for (const message of left) this.drop(message, dropReasonOf(reason))
    // Before anybody hears of the end, who may then end the runtime, and with it the stream of events.
    const { address: actor, incarnation, options } = this
    const event = {
      _tag: "ActorStopped",
      actor,
      kind: options.kind,
      incarnation,
      reason,
      dropped: left.length
    } as const
    Effect.runForkWith(options.context)(emit(this.runtime, event))
    this.rest()
    this.runtime.cells.delete(this)
    if (isGone) this.depart()
    // The supervisor first: whoever hears of the end sees what the supervisor made of it.
    this.supervisor?.childEnded(this, reason)
    this.inHand?.settle(Exit.fail(this.stoppedError(this.inHand)))
    for (const message of left) message.settle(Exit.fail(this.stoppedError(message)))
    this.down(reason)
    this.haltedOnce?.tell()
    if (this.scope !== undefined) Effect.runFork(Scope.close(this.scope, Exit.void))
    this.scope = undefined
    this.stopped?.tell(reason)
  }

  /** Nothing of it runs any more: forgets it. */
  depart(): void {
    this.isGone = true
    this.options.group.leave(this)
    // A child's name stays taken for as long as its supervisor may start it again.
    if (this.options.family !== undefined) this.options.family.leaves(this)
    else if (this.supervisor === undefined) this.freeName()
    this.supervisor?.changed()
    this.gone?.tell()
  }

  /** It is gone for good: frees its name, and those of what was below it. */
  freeName(): void {
    this.runtime.names.delete(this.address)
    this.options.onForgotten?.()
  }

  /** Calls back once nothing of it runs any more. */
  onGone(observer: () => void): void {
    if (this.isGone) return observer()
    this.gone ??= new Observers()
    this.gone.add(observer)
  }

  private timeoutError(message: Envelope): Timeout {
    const { at, sentAt, spec } = message
    const phase = hasBegun(message) ? "running" : "queued"
    return withoutStack(() => new Timeout({ actor: this.address, request: spec.tag, phase, millis: at - sentAt }))
  }

  private stoppedError(message: Envelope): Stopped {
    const reason = this.stopReason ?? this.stopRequest?.reason ?? "Stopped"
    const phase = hasBegun(message) ? "running" : "queued"
    return withoutStack(() => new Stopped({ actor: this.address, reason, phase }))
  }

  /** Calls back once it has stopped for good; gives a function that takes the call back. */
  onStopped(observer: (reason: StopReason) => void): () => void {
    if (this.stopReason !== undefined) {
      observer(this.stopReason)
      return () => {}
    }
    this.stopped ??= new Observers()
    return this.stopped.add(observer)
  }

  /** Calls back once it is halted, or has stopped. */
  onHalted(observer: () => void): () => void {
    if (this.phase === "Halted" || this.phase === "Stopped") {
      observer()
      return () => {}
    }
    this.haltedOnce ??= new Observers()
    return this.haltedOnce.add(observer)
  }

  /** It waits for its supervisor's word. */
  halted(): void {
    this.phase = "Halted"
    this.haltedOnce?.tell()
    this.supervisor?.changed()
  }

  /** Calls back once the incarnation that is alive, or about to be, is over. */
  onDown(observer: (reason: DownReason) => void): () => void {
    if (this.lastDown !== undefined) {
      observer(this.lastDown)
      return () => {}
    }
    this.downOnce ??= new Observers()
    return this.downOnce.add(observer)
  }
}

/** Whether a handler has had it in hand: it may have done part of its work. */
const hasBegun = (message: Envelope): boolean => message.phase === "InHand" || message.deliveries > 0

/** How a handler ended, for the metrics. One that went on past its deadline, or past an interruption, counts so whatever it gave. */
const outcomeOf = (
  abort: Abort | undefined,
  exit: Exit.Exit<unknown, unknown>,
  isAnswer: boolean
): RykerMetrics.HandlerOutcome | "stashed" => {
  const isAborted = abort !== undefined && abort !== "stash"
  if (Exit.isFailure(exit) && abort === "stash" && !isAnswer && !Cause.hasDies(exit.cause)) return "stashed"
  if (Exit.isFailure(exit) && !isAnswer && (!isAborted || Cause.hasDies(exit.cause))) return "crash"
  if (isAborted) return abort === "deadline" ? "timeout" : "interrupted"
  return isAnswer && Exit.isFailure(exit) ? "error" : "ok"
}

/** What envelopes of `jobSpec` carry; nobody else makes any. */
const jobOf = (message: Envelope): Job => message.payload as Job

/** A typed failure and nothing else: an answer, and the actor lives on. */
const isTypedFailure = (cause: Cause.Cause<unknown>): boolean =>
  cause.reasons.length > 0 && cause.reasons.every(Cause.isFailReason)
