/** A message on its way: what it says, until when, and who waits for the answer. */
import type * as Effect from "effect/Effect"
import * as Context from "effect/Context"
import type * as Fiber from "effect/Fiber"
import type * as Tracer from "effect/Tracer"
import type * as Deadline from "../Deadline.ts"
import type { ActorCell } from "./actorCell.ts"
import type { MessageSpec } from "./protocol.ts"
import type { TimerEntry } from "./timers.ts"

/** Where a message is. It goes back to the queue from the stash, and if it is delivered again after a crash. */
export type Phase = "Queued" | "InHand" | "Stashed" | "Gone"

/** Why the run loop interrupted a handler. */
export type Abort = "deadline" | "caller" | "stop" | "halt" | "stash"

/** Gives the asker its answer. */
export type Resume = (exit: Effect.Effect<unknown, unknown>) => void

/** On whose behalf a fiber sends. */
export interface Sender {
  /** The message that it serves, or has served. */
  readonly serving: Envelope | undefined
  /** What identifies the cause of what it sends, see `correlationOf`. */
  readonly correlation: string | Tracer.AnySpan | undefined
}

/**
 * A class with methods on its prototype, not a literal with closures: one is made for each message.
 */
export class Envelope implements TimerEntry, Sender {
  readonly cell: ActorCell
  readonly spec: MessageSpec
  payload: unknown
  readonly sentAt: number
  /** Its deadline; also when its timer is due. */
  readonly at: Deadline.Deadline
  place = -1
  order = 0
  phase: Phase = "Queued"
  /** The handler's fiber, once it was found to suspend. */
  fiber: Fiber.Fiber<unknown, unknown> | undefined = undefined
  abort: Abort | undefined = undefined
  /** How often its handler has begun, those times left out that ended in the stash. */
  deliveries = 0
  /** The message whose handler waits for this one; undefined for a tell, and for an ask from outside. */
  asker: Envelope | undefined
  /** The asks that this message's handler waits for, while it has any. */
  asks: Set<Envelope> | undefined = undefined
  /** The sender's span, if anybody sees it. */
  readonly caller: Tracer.AnySpan | undefined
  readonly correlation: string | Tracer.AnySpan | undefined
  /** The span of its handler. */
  span: Tracer.Span | undefined = undefined
  /** Somebody waits, or has waited, for the answer. */
  readonly isAsk: boolean
  private resume: Resume | undefined

  constructor(
    cell: ActorCell,
    spec: MessageSpec,
    payload: unknown,
    sentAt: number,
    at: Deadline.Deadline,
    asker: Envelope | undefined,
    resume: Resume | undefined,
    caller?: Tracer.AnySpan,
    correlation?: string | Tracer.AnySpan
  ) {
    this.cell = cell
    this.spec = spec
    this.payload = payload
    this.sentAt = sentAt
    this.at = at
    this.asker = asker
    this.resume = resume
    this.isAsk = resume !== undefined
    this.caller = caller
    this.correlation = correlation
  }

  get serving(): Envelope {
    return this
  }

  /** Somebody waits for the answer still. */
  get isAwaited(): boolean {
    return this.resume !== undefined
  }

  /** Its timer: the deadline has come. */
  fire(): void {
    this.cell.expire(this)
  }

  /** Its asker was interrupted. */
  cancel(): void {
    this.forgetAsk()
    this.resume = undefined
    this.cell.cancel(this)
  }

  /** Gives the asker its answer, the first time only; nothing happens for a tell. */
  settle(exit: Effect.Effect<unknown, unknown>): void {
    const resume = this.resume
    if (resume === undefined) return
    this.resume = undefined
    this.forgetAsk()
    this.cell.runtime.answer(resume, exit)
  }

  /** Nobody waits any more: also, messages must not keep those alive that led to them. */
  private forgetAsk(): void {
    this.asker?.asks?.delete(this)
    this.asker = undefined
  }
}

/** The message's correlation id: the one that it was given, or the trace in which its first cause was sent. */
export const correlationOf = ({ correlation }: Pick<Sender, "correlation">): string | undefined =>
  typeof correlation === "object" ? correlation.traceId : correlation

/** On whose behalf the current fiber sends: for the message that it serves; a fiber forked off a handler has it too. */
export const CurrentMessage = Context.Reference<Sender | undefined>("ryker/internal/CurrentMessage", {
  defaultValue: () => undefined
})
