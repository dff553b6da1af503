/** Sending: from a typed or untyped call to an envelope in a mailbox. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
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
  // Without a tracer the way is short.
  fiber === undefined || fiber.cache.tracer === undefined
    ? post(fiber, target, spec, payload, deadline, resume, undefined)
    : enqueue(fiber, target, spec, resume === undefined ? "tell" : "ask", (caller) =>
        post(fiber, target, spec, payload, deadline, resume, caller)
      )

/** Sends and waits for the answer. */
export const ask = (
  target: Target,
  spec: MessageSpec,
  payload: unknown,
  deadline: Duration.Input | undefined
): Effect.Effect<unknown, unknown> =>
  Effect.withFiber((fiber) =>
    Effect.callback<unknown, unknown>((resume) => {
      const sent = send(fiber, target, spec, payload, deadline, resume)
      if (!(sent instanceof Envelope)) return resume(Exit.fail(sent))
      return Effect.sync(() => sent.cancel())
    })
  )

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
): Effect.Effect<void, unknown> =>
  Effect.withFiber((fiber): Effect.Effect<void, unknown> => {
    const sent = send(fiber, target, spec, payload, deadline, undefined)
    return sent instanceof Envelope ? Effect.void : Effect.fail(sent)
  })
