/** What one incarnation of an actor has of its own, for as long as it is alive. */
import * as Context from "effect/Context"
import type * as Scope from "effect/Scope"
import type { ActorCell } from "./actorCell.ts"
import type { AsyncContext } from "./asyncContext.ts"

export class Incarnation {
  readonly cell: ActorCell
  readonly number: number
  readonly scope: Scope.Closeable
  /** What its life goes on in once there is something to do. */
  asyncContext: AsyncContext | undefined = undefined
  isOver = false
  /** Told whenever the actor has nothing to do. */
  onRest: (() => void) | undefined = undefined
  /** Reads the actor's state, for tests: see `Actor.inspectable`. */
  read: (() => unknown) | undefined = undefined
  private releases: Set<() => void> | undefined = undefined

  constructor(cell: ActorCell, number: number, scope: Scope.Closeable) {
    this.cell = cell
    this.number = number
    this.scope = scope
  }

  rests(): void {
    this.onRest?.()
  }

  /** Calls back when the incarnation is about to end; gives a function that takes the call back. */
  onEnd(release: () => void): () => void {
    const releases = (this.releases ??= new Set())
    releases.add(release)
    return () => releases.delete(release)
  }

  end(): void {
    this.isOver = true
    const { releases } = this
    this.releases = undefined
    for (const release of releases ?? []) release()
  }
}

/** The incarnation whose `build` or handler runs; fibers that these forked have it too, also when it is over. */
export const CurrentIncarnation = Context.Reference<Incarnation | undefined>("ryker/internal/CurrentIncarnation", {
  defaultValue: () => undefined
})
