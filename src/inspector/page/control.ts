/** What an operator can do to an actor, and what will happen then. */
import type { Actor, Command } from "../InspectorState.ts"
import { formatCount, formatCounted, formatMillis } from "./format.ts"

export type Action = Command["action"]

/** What can be done to it as it is. The host may still refuse: it knows more. */
export const actionsFor = (actor: Actor): ReadonlyArray<Action> => {
  if (actor.status === "stopping") return []
  // Its supervisor can start it anew.
  if (actor.status === "stopped") return actor.parent === null ? [] : ["restart"]
  switch (actor.kind) {
    case "actor":
      return [actor.status === "suspended" ? "resume" : "suspend", "restart", "stop"]
    case "pool":
      return ["suspend", "resume", "restart", "stop"]
    case "supervisor":
      return ["restart", "stop"]
    case "family":
      return actor.parent === null ? [] : ["restart", "stop"]
  }
}

/** What an action is about. */
export interface Subject {
  readonly actor: Actor
  readonly parent: Actor | undefined
  /** How many actors there are below it. */
  readonly below: number
}

/** What will happen, in sentences. */
export const consequences = (action: Action, { actor, below, parent }: Subject): ReadonlyArray<string> => {
  const { capacity, depth, inHand, kind } = actor
  const isOne = kind === "actor"
  const queued = formatCounted(depth, "message")
  const hand =
    inHand &&
    (inHand.millis === undefined ? inHand.request : `${inHand.request}, for ${formatMillis(inHand.millis)} now`)
  const whom = isOne ? "It" : `Each of the ${formatCount(below)} below`
  switch (action) {
    case "suspend":
      return [
        hand === undefined
          ? `${whom} begins no message until it is resumed.`
          : `It ends the message in hand (${hand}), and then begins no other until it is resumed.`,
        isOne && capacity > 0
          ? `Messages go on to queue: ${formatCount(depth)} of ${formatCount(capacity)} places are taken. Beyond that senders get Busy, and deadlines go on.`
          : "Messages go on to queue. Beyond the bounds senders get Busy, and deadlines go on.",
        "It outlasts restarts."
      ]
    case "resume":
      return [`${whom} goes on with what is queued${isOne ? `: ${queued}` : ""}.`]
    case "restart":
      return [
        ...(actor.status === "stopped"
          ? ["Its supervisor starts it anew, as it was at first."]
          : restart(actor, below, hand)),
        ...(parent?.strategy === undefined || parent.strategy === "one-for-one"
          ? []
          : [`Siblings are restarted with it: ${parent.address} is ${parent.strategy}.`])
      ]
    case "stop":
      return [
        isOne
          ? `It takes nothing in any more, and handles what it has (${queued}) until its shutdown time is over. What is left then is dropped.`
          : `It and all ${formatCount(below)} below take nothing in any more, and handle what they have until their shutdown time is over. What is left then is dropped.`,
        `Nothing restarts it by itself.${parent?.kind === "supervisor" ? " Its supervisor can: Restart." : ""}`
      ]
  }
}

const restart = ({ depth, kind }: Actor, below: number, hand: string | undefined): ReadonlyArray<string> =>
  kind === "actor"
    ? [
        ...(hand === undefined ? [] : [`The message in hand (${hand}) has its shutdown time to come to an end.`]),
        "What it holds in memory is lost, and it starts anew.",
        `What is queued stays: ${formatCounted(depth, "message")}.`,
        "It counts neither as a crash nor for the restart intensity."
      ]
    : [
        `${kind === "pool" ? "All" : "It and all"} ${formatCount(below)} below are restarted, and what they hold in memory is lost.`,
        "Messages in hand have the shutdown time to come to an end. What is queued stays."
      ]
