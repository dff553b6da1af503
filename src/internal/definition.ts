/** What hangs on the definition of an actor for the functions that take one, behind the types that users see. */
import type * as Context from "effect/Context"
import type { Handles } from "./handle.ts"

export interface Definition {
  readonly key: Context.Key<unknown, unknown>
  readonly handles: Handles
  readonly validate: boolean
}

const definitions = new WeakMap<object, Definition>()

export const define = (key: object, definition: Definition): void => void definitions.set(key, definition)

/** The definition of an actor; none of a keyed family, which has no handle of its own. */
export const findDefinition = (definition: object): Definition | undefined => {
  // A class that extends a definition has the definition as its prototype.
  for (let self: object | null = definition; self !== null; self = Object.getPrototypeOf(self)) {
    const found = definitions.get(self)
    if (found !== undefined) return found
  }
  return undefined
}

export const definitionOf = (definition: object): Definition => {
  const found = findDefinition(definition)
  if (found !== undefined) return found
  throw new TypeError("not an actor's definition: give what Actor.Service made, or a class that extends it")
}
