/** Sending: from a typed or untyped call to an envelope in a mailbox. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Deadline from "../Deadline.ts"
import type { Busy, InvalidMessage, Stopped, TooLarge } from "../RykerError.ts"
import { ActorCell } from "./actorCell.ts"
import type { Target } from "./cell.ts"
import { findFlaw } from "./admission.ts"
import { CurrentMessage, Envelope } from "./envelope.ts"
import { Pool } from "./pool.ts"
import type { MessageSpec } from "./protocol.ts"

/** The message that the fiber's handler has in hand; undefined outside handlers and after their answer. */
const inHandOf = (fiber: Fiber.Fiber<unknown, unknown>): Envelope | undefined => {
  const message = fiber.getRef(CurrentMessage)
  return message !== undefined && message.phase === "InHand" ? message : undefined
}

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

/** Sends and waits for the answer. */
export const ask = (
  target: Target,
  spec: MessageSpec,
  payload: unknown,
  deadline: Duration.Input | undefined
): Effect.Effect<unknown, unknown> =>
  Effect.withFiber((fiber) => {
    const asker = inHandOf(fiber)
    return Effect.callback<unknown, unknown>((resume) => {
      const cell = resolve(target, spec, payload, asker !== undefined, asker)
      if (!(cell instanceof ActorCell)) return resume(Exit.fail(cell))
      const now = cell.runtime.timers.now()
      let at = Deadline.after(now, cell.settings.deadline)
      if (deadline !== undefined) at = Deadline.earliest(at, Deadline.after(now, deadline))
      if (asker !== undefined) at = Deadline.earliest(at, asker.at)
      const message = new Envelope(cell, spec, payload, now, at, asker, resume)
      const refusal = cell.admit(message, asker !== undefined)
      if (refusal !== undefined) return resume(Exit.fail(refusal))
      return Effect.sync(() => message.cancel())
    })
  })

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
    const fromInside = inHandOf(fiber) !== undefined
    const cell = resolve(target, spec, payload, fromInside, undefined)
    if (!(cell instanceof ActorCell)) return Effect.fail(cell)
    const now = cell.runtime.timers.now()
    const at = deadline === undefined ? Deadline.none : Deadline.after(now, deadline)
    const refusal = cell.admit(new Envelope(cell, spec, payload, now, at, undefined, undefined), fromInside)
    return refusal === undefined ? Effect.void : Effect.fail(refusal)
  })
