/**
 * What an incarnation finds around it: what all that are started alike find, and what is its own.
 *
 * As a `Context` it would be a layer for each service of its own. They are a tenth of what an idle actor would take; and
 * where many actors are started, V8 learns that layers live long and makes all of them in the old generation,
 * also those that live as long as one message: sending one to each of 1,000 actors then took half as long again.
 */
import * as Context from "effect/Context"
import * as Scope from "effect/Scope"
import { CurrentIncarnation, type Incarnation } from "./incarnation.ts"

/** A service that each incarnation has one of its own of. */
export type OwnService = readonly [key: { readonly key: string }, of: (incarnation: Incarnation) => unknown]

/** The same for all that are started alike. */
export class Services {
  readonly shared: ReadonlyMap<string, unknown>
  readonly own: ReadonlyMap<string, (incarnation: Incarnation) => unknown>
  readonly size: number

  constructor(context: Context.Context<never>, own: ReadonlyArray<OwnService> = []) {
    this.shared = context.mapUnsafe
    this.own = new Map([
      [Scope.Scope.key, ({ scope }) => scope],
      [CurrentIncarnation.key, (incarnation) => incarnation],
      ...own.map(([{ key }, of]) => [key, of] as const)
    ])
    this.size = new Set([...this.shared.keys(), ...this.own.keys()]).size
  }

  of(incarnation: Incarnation): Context.Context<never> {
    return Context.makeUnsafe(new ServicesOf(this, incarnation))
  }
}

class ServicesOf implements ReadonlyMap<string, unknown> {
  private readonly services: Services
  private readonly incarnation: Incarnation
  /** All of them, once somebody has looked at more than one: who provides others copies them. */
  private known: ReadonlyMap<string, unknown> | undefined = undefined

  constructor(services: Services, incarnation: Incarnation) {
    this.services = services
    this.incarnation = incarnation
  }

  get(key: string): unknown {
    const { own, shared } = this.services
    const of = own.get(key)
    return of === undefined ? shared.get(key) : of(this.incarnation)
  }

  has(key: string): boolean {
    return this.services.own.has(key) || this.services.shared.has(key)
  }

  get size(): number {
    return this.services.size
  }

  private get all(): ReadonlyMap<string, unknown> {
    if (this.known !== undefined) return this.known
    const all = new Map(this.services.shared)
    for (const [key, of] of this.services.own) all.set(key, of(this.incarnation))
    return (this.known = all)
  }

  forEach(f: (value: unknown, key: string, map: ReadonlyMap<string, unknown>) => void, self?: unknown): void {
    for (const [key, value] of this.all) f.call(self, value, key, this)
  }

  entries(): MapIterator<[string, unknown]> {
    return this.all.entries()
  }

  keys(): MapIterator<string> {
    return this.all.keys()
  }

  values(): MapIterator<unknown> {
    return this.all.values()
  }

  [Symbol.iterator](): MapIterator<[string, unknown]> {
    return this.all.entries()
  }
}
