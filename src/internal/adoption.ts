/** How an actor that is started becomes the child of a supervisor. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { ActorCell } from "./actorCell.ts"
import type { CellSupervisor } from "./cell.ts"

/** A supervisor that is starting children: all that is started meanwhile is its. */
export interface Adoption {
  readonly supervisor: CellSupervisor
  /** Whether a child's end by itself can mean anything to it. */
  readonly takesSignificant: boolean
  readonly adopt: (cell: ActorCell) => void
  /** The start is over: what a fiber that outlives it starts is not the supervisor's. */
  isDone: boolean
  /** The supervisor's incarnation has ended meanwhile: it can take no child any more. */
  readonly isLate: boolean
}

/** The supervisor that is starting children here. What these start in turn is not its: they own it themselves. */
export const CurrentAdoption = Context.Reference<Adoption | undefined>("ryker/internal/CurrentAdoption", {
  defaultValue: () => undefined
})

/** The adoption that what is started here falls under, if any. */
export const currentAdoption: Effect.Effect<Adoption | undefined> = Effect.map(CurrentAdoption, (adoption) =>
  adoption?.isDone === true ? undefined : adoption
)
