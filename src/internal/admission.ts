/** Why a message is not taken in: the checks of a send, in their order, besides whether there is room. */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { Deadlock, InvalidMessage, Stopped, Timeout, TooLarge } from "../RykerError.ts"
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
  actor = cell.address
): Stopped | InvalidMessage | TooLarge | undefined => {
  const { counters, settings } = cell
  const request = spec.tag
  const stopped = refuseStopped(cell, fromInside)
  if (stopped !== undefined) return stopped
  if (settings.validate) {
    const checked = spec.check(payload)
    if (Exit.isFailure(checked)) {
      counters.refused.invalid++
      const found = Cause.findErrorOption(checked.cause)
      const issue = Option.isSome(found) ? describeIssue(found.value) : "a check of its schema died"
      return withoutStack(() => new InvalidMessage({ actor, request, reason: "InvalidPayload", issue }))
    }
  }
  const max = settings.maxMessageBytes
  const bytes = oversize(spec.sizer, payload, max, settings.validate)
  if (bytes !== undefined) {
    counters.refused.tooLarge++
    return withoutStack(() => new TooLarge({ actor, request, bytes, max }))
  }
  return undefined
}

/** Why a message cannot be taken in, whatever its payload. */
export const findRefusal = (cell: ActorCell, message: Envelope, fromInside: boolean): Refusal | undefined => {
  const { address: actor, counters } = cell
  const { asker, spec } = message
  const request = spec.tag
  const stopped = refuseStopped(cell, fromInside)
  if (stopped !== undefined) return stopped
  // A tell cannot fail so: it is taken in, and dropped when its timer fires.
  if (message.isAsk && message.at <= message.sentAt) {
    counters.refused.timeout++
    return withoutStack(() => new Timeout({ actor, request, phase: "queued", millis: 0 }))
  }
  if (asker !== undefined) {
    const cycle = findCycle(asker, cell)
    if (cycle !== undefined) {
      counters.refused.deadlock++
      return withoutStack(() => new Deadlock({ actor, request, cycle }))
    }
  }
  return undefined
}

const refuseStopped = (cell: ActorCell, fromInside: boolean): Stopped | undefined => {
  const reason = cell.closedFor(fromInside)
  if (reason === undefined) return undefined
  cell.counters.refused.stopped++
  return withoutStack(() => new Stopped({ actor: cell.address, reason, phase: "refused" }))
}
