/**
 * What Node keeps for code that goes on later, such as the store of an `AsyncLocalStorage`.
 *
 * Effect captures it for each fiber that waits. Where no fiber waits, it is for whoever starts the next one to do the same.
 */
import * as Predicate from "effect/Predicate"

export interface AsyncContext {
  runInAsyncScope<Args extends ReadonlyArray<unknown>>(
    run: (...args: Args) => void,
    self: undefined,
    ...args: Args
  ): void
  emitDestroy(): void
}

type AsyncResource = new (type: string) => AsyncContext

/** Looked up as Effect does it: other runtimes have none, and bundlers must not look for one. */
const resource: AsyncResource | undefined = (() => {
  const { process } = globalThis as {
    readonly process?: { readonly getBuiltinModule?: (id: string) => unknown }
  }
  const hooks = process?.getBuiltinModule?.("node:async_hooks")
  // What the module has under this name is known from Node's documentation.
  return Predicate.hasProperty(hooks, "AsyncResource") ? (hooks.AsyncResource as AsyncResource) : undefined
})()

/** That of the code that runs now; undefined where there is no such thing. */
export const captureAsyncContext = (): AsyncContext | undefined =>
  resource === undefined ? undefined : new resource("ryker/Life")
