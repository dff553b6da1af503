/** States as a host would give them, with no more in them than a test is about. */
import type { Actor, Definition, RecordedEvent, RecordedLetter } from "../../../src/inspector/InspectorState.ts"

export const actor = (address: string, more: Partial<Actor> = {}): Actor => ({
  address,
  name: address,
  kind: "actor",
  parent: null,
  status: "running",
  incarnation: 1,
  depth: 0,
  capacity: 10,
  ...more
})

export const definition = (name: string, more: Partial<Definition> = {}): Definition => ({
  name,
  accepted: 0,
  handled: 0,
  failed: 0,
  dropped: {},
  refused: {},
  queued: 0,
  inHand: 0,
  crashes: 0,
  restarts: 0,
  yields: 0,
  ...more
})

export const suspended = (id: number, time: number, of = "Account"): RecordedEvent => ({
  id,
  topic: "actor.suspended",
  event: { _tag: "ActorSuspended", actor: of, time }
})

export const letter = (id: number, time: number): RecordedLetter => ({
  id,
  time,
  letter: { actor: "Account", request: "Deposit", reason: "deadline", kind: "tell", age: 1 }
})
