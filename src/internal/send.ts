/** Sending: from a typed or untyped call to an envelope in a mailbox. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Tracer from "effect/Tracer"
import * as Deadline from "../Deadline.ts"
import type { Busy, InvalidMessage, Stopped, TooLarge } from "../RykerError.ts"
import { ActorCell } from "./actorCell.ts"
import type { Refusal, Target } from "./cell.ts"
import { findFlaw } from "./admission.ts"
import { CurrentMessage, Envelope, type Resume } from "./envelope.ts"
import { Pool } from "./pool.ts"
import type { MessageSpec } from "./protocol.ts"
import { correlationFor, enqueue } from "./tracing.ts"

/** Why a message was not taken in. */
export type Refused = Refusal | InvalidMessage | TooLarge

/** The actor to send to, or why the payload cannot be sent. */
const resolve = (
  target: Target,
  spec: MessageSpec,
  payload: unknown,
  fromInside: boolean,
  asker: Envelope | undefined
): ActorCell | Busy | Stopped | InvalidMessage | TooLarge => {
  if (target instanceof Pool) return target.choose(spec, payload, fromInside, asker)
  const cell = target.resolve(fromInside)
  if (!(cell instanceof ActorCell)) return cell
  return findFlaw(cell, spec, payload, fromInside) ?? target.resolve(fromInside)
}

/** Puts the message into the mailbox, or says why not. `caller` is the span that is to be found as its cause. */
const post = (
  fiber: Fiber.Fiber<unknown, unknown> | undefined,
  target: Target,
  spec: MessageSpec,
  payload: unknown,
  deadline: Duration.Input | undefined,
  resume: Resume | undefined,
  caller: Tracer.AnySpan | undefined
): Envelope | Refused => {
  const sender = fiber?.getRef(CurrentMessage)
  const serving = sender?.serving
  // Undefined outside handlers and after their answer.
  const inHand = serving !== undefined && serving.phase === "InHand" ? serving : undefined
  const asker = resume === undefined ? undefined : inHand
  const cell = resolve(target, spec, payload, inHand !== undefined, asker)
  if (!(cell instanceof ActorCell)) return cell
  const now = cell.runtime.timers.now()
  let at = resume === undefined ? Deadline.none : Deadline.after(now, cell.settings.deadline)
  if (deadline !== undefined) at = Deadline.earliest(at, Deadline.after(now, deadline))
  if (asker !== undefined) at = Deadline.earliest(at, asker.at)
  const correlation = fiber === undefined ? undefined : correlationFor(fiber, sender)
  const message = new Envelope(cell, spec, payload, now, at, asker, resume, caller, correlation)
  return cell.admit(message, inHand !== undefined) ?? message
}

/** The same, within a span of its own where it is wanted. Without a fiber it is sent from outside of Effect. */
export const send = (
  fiber: Fiber.Fiber<unknown, unknown> | undefined,
  target: Target,
  spec: MessageSpec,
  payload: unknown,
  deadline: Duration.Input | undefined,
  resume: Resume | undefined
): Envelope | Refused =>
  // Without a tracer the way is short, and has no closure.
  fiber === undefined || fiber.cache.tracer === undefined
    ? post(fiber, target, spec, payload, deadline, resume, undefined)
    : sendTraced(fiber, target, spec, payload, deadline, resume)

const sendTraced = (
  fiber: Fiber.Fiber<unknown, unknown>,
  target: Target,
  spec: MessageSpec,
  payload: unknown,
  deadline: Duration.Input | undefined,
  resume: Resume | undefined
): Envelope | Refused =>
  enqueue(fiber, target, spec, resume === undefined ? "tell" : "ask", (caller) =>
    post(fiber, target, spec, payload, deadline, resume, caller)
  )

/** Sends and waits for the answer. */
export const ask = (
  target: Target,
  spec: MessageSpec,
  payload: unknown,
  deadline: Duration.Input | undefined
): Effect.Effect<unknown, unknown> =>
  Effect.callback<unknown, unknown>((resume) => {
    const sent = send(Fiber.getCurrent(), target, spec, payload, deadline, resume)
    if (!(sent instanceof Envelope)) return resume(Exit.fail(sent))
    // Nothing is left to cancel when it was handled at once.
    return sent.isAwaited ? new Cancel(sent) : undefined
  })

/** What an asker that is interrupted does. An object, as one is made for each ask that is waited for. */
class Cancel extends Effectable.Class<void> {
  private readonly message: Envelope

  constructor(message: Envelope) {
    super()
    this.message = message
  }

  override asEffect(): Effect.Effect<void> {
    this.message.cancel()
    return Effect.void
  }
}

/**
 * Sends and goes on.
 *
 * A tell has a deadline only when it is given one: its sender does not wait, so neither the default
 * nor the deadline of the ask being served says how long the work is worth doing.
 */
export const tell = (
  target: Target,
  spec: MessageSpec,
  payload: unknown,
  deadline: Duration.Input | undefined
): Effect.Effect<void, unknown> => new Tell(target, spec, payload, deadline)

/** A tell as an Effect of its own, which has less to carry than one made of closures. */
class Tell extends Effectable.Class<void, unknown> {
  private readonly target: Target
  private readonly spec: MessageSpec
  private readonly payload: unknown
  private readonly deadline: Duration.Input | undefined

  constructor(target: Target, spec: MessageSpec, payload: unknown, deadline: Duration.Input | undefined) {
    super()
    this.target = target
    this.spec = spec
    this.payload = payload
    this.deadline = deadline
  }

  override asEffect(): Effect.Effect<void, unknown> {
    const sent = send(Fiber.getCurrent(), this.target, this.spec, this.payload, this.deadline, undefined)
    return sent instanceof Envelope ? Effect.void : Effect.fail(sent)
  }
}
