/** How far the shutdown of a runtime has come: one state for each runtime, whichever Layer asks for it. */
import * as Deferred from "effect/Deferred"
import type { Runtime } from "../../internal/runtime.ts"

/** What a shutdown is at, in this order. */
export type Phase = "running" | "grace" | "requests" | "actors" | "closing"

export class ShutdownState {
  phase: Phase = "running"
  /** Done once a shutdown was asked for. */
  readonly asked = Deferred.makeUnsafe<string>()
  /** Requests that are being answered, where `Shutdown.layerRouter` counts them. */
  requests = 0
}

const states = new WeakMap<Runtime, ShutdownState>()

/** By the runtime and not by a Layer: the health check and what serves requests may be built anywhere. */
export const stateOf = (runtime: Runtime): ShutdownState => {
  const known = states.get(runtime)
  if (known !== undefined) return known
  const state = new ShutdownState()
  states.set(runtime, state)
  return state
}
