/**
 * What a test puts around a runtime: the one way in which `ryker/testing` reaches it.
 *
 * A runtime reads it once, when it is built. Without one, nothing of it costs anything: it acts where an
 * incarnation starts and where something closes, never where a message passes.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { ActorCell } from "./actorCell.ts"
import type { Handler } from "./protocol.ts"
import type { Runtime } from "./runtime.ts"

/** The start of an incarnation: runs `build`, and gives the handlers in the order of the protocol. */
export type Start = Effect.Effect<ReadonlyArray<Handler>, unknown, unknown>

export interface Instrument {
  /** A runtime is built; its first event is still to come. */
  attach(runtime: Runtime): void
  /** What an incarnation does in place of `start`. */
  start(cell: ActorCell, start: Start): Start
  /** What the closing of a Layer or Scope does in place of `close`. */
  close(close: Effect.Effect<void>): Effect.Effect<void>
}

export const CurrentInstrument = Context.Reference<Instrument | undefined>("ryker/internal/CurrentInstrument", {
  defaultValue: () => undefined
})
