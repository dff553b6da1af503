/** Why a message is not taken in: the checks of a send, in their order, besides whether there is room. */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as SchemaIssue from "effect/SchemaIssue"
import { Deadlock, InvalidMessage, Stopped, type StopReason, Timeout, TooLarge } from "../RykerError.ts"
import type { ActorCell } from "./actorCell.ts"
import type { Refusal } from "./cell.ts"
import type { Envelope } from "./envelope.ts"
import { withoutStack } from "./errors.ts"
import { describeIssue } from "./issue.ts"
import type { MessageSpec } from "./protocol.ts"
import { oversize } from "./sizer.ts"
import { findCycle } from "./waitFor.ts"

/**
 * Why a payload cannot be sent here, looked at before there is a message. The checks are the user's
 * code and may do anything, also send: the target must be resolved anew after them.
 */
export const findFlaw = (
  cell: ActorCell,
  spec: MessageSpec,
  payload: unknown,
  fromInside: boolean,
  actor?: string
): Stopped | InvalidMessage | TooLarge | undefined => {
  const { settings } = cell
  const stopped = refuseStopped(cell, fromInside)
  if (stopped !== undefined) return stopped
  if (settings.validate) {
    const checked = spec.check(payload)
    if (Exit.isFailure(checked)) return refuseInvalid(cell, spec, checked.cause, actor)
  }
  const bytes = oversize(spec.sizer, payload, settings.maxMessageBytes, settings.validate)
  return bytes === undefined ? undefined : refuseTooLarge(cell, spec, bytes, actor)
}

// What builds an error has a function of its own: its closure must cost nothing where there is no error.

const refuseInvalid = (
  { address, counters }: ActorCell,
  { tag: request }: MessageSpec,
  cause: Cause.Cause<SchemaIssue.Issue>,
  actor = address
): InvalidMessage => {
  counters.refused.invalid++
  const found = Cause.findErrorOption(cause)
  const issue = Option.isSome(found) ? describeIssue(found.value) : "a check of its schema died"
  return withoutStack(() => new InvalidMessage({ actor, request, reason: "InvalidPayload", issue }))
}

const refuseTooLarge = (
  { address, counters, settings }: ActorCell,
  { tag: request }: MessageSpec,
  bytes: number,
  actor = address
): TooLarge => {
  counters.refused.tooLarge++
  return withoutStack(() => new TooLarge({ actor, request, bytes, max: settings.maxMessageBytes }))
}

/** Why a message cannot be taken in, whatever its payload. */
export const findRefusal = (cell: ActorCell, message: Envelope, fromInside: boolean): Refusal | undefined => {
  const stopped = refuseStopped(cell, fromInside)
  if (stopped !== undefined) return stopped
  // A tell cannot fail so: it is taken in, and dropped when its timer fires.
  if (message.isAsk && message.at <= message.sentAt) return refuseLate(cell, message)
  if (message.asker === undefined) return undefined
  const cycle = findCycle(message.asker, cell)
  return cycle === undefined ? undefined : refuseDeadlock(cell, message, cycle)
}

const refuseLate = ({ address: actor, counters }: ActorCell, { spec: { tag: request } }: Envelope): Timeout => {
  counters.refused.timeout++
  return withoutStack(() => new Timeout({ actor, request, phase: "queued", millis: 0 }))
}

const refuseDeadlock = (
  { address: actor, counters }: ActorCell,
  { spec: { tag: request } }: Envelope,
  cycle: ReadonlyArray<string>
): Deadlock => {
  counters.refused.deadlock++
  return withoutStack(() => new Deadlock({ actor, request, cycle }))
}

const refuseStopped = (cell: ActorCell, fromInside: boolean): Stopped | undefined => {
  const reason = cell.closedFor(fromInside)
  return reason === undefined ? undefined : stoppedFor(cell, reason)
}

const stoppedFor = ({ address: actor, counters }: ActorCell, reason: StopReason): Stopped => {
  counters.refused.stopped++
  return withoutStack(() => new Stopped({ actor, reason, phase: "refused" }))
}
