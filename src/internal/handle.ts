/** The handle behind `Actor.Handle`: a target, and a function for each message. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Inspectable from "effect/Inspectable"
import type { Any } from "../Actor.ts"
import type { Target } from "./cell.ts"
import { askPromise, askPromiseExit, tellUnsafe } from "./edge.ts"
import type { MessageSpec, Protocol } from "./protocol.ts"
import { ask, type Refused, tell } from "./send.ts"

export const TypeId = "~ryker/Actor/Handle"

/** Every handle is a `HandleImpl`; the interface hides what users have no business with. */
export const implOf = (handle: Any): HandleImpl => handle as HandleImpl

/** A send as the implementation sees it; the types of `Actor.Handle` say which payload and reply it has. */
type Send<Sent> = (
  payload?: unknown,
  options?: { readonly deadline?: Duration.Input | undefined; readonly signal?: AbortSignal | undefined }
) => Sent

/** The functions of a handle by tag. */
type Sends<Sent> = Readonly<Record<string, Send<Sent>>>

/** The ways of sending for those that run no effects. */
interface Edge {
  readonly tellUnsafe: Sends<Refused | undefined>
  readonly askPromise: Sends<Promise<unknown>>
  readonly askPromiseExit: Sends<Promise<Exit.Exit<unknown, unknown>>>
}

/**
 * Makes the handles of one protocol.
 *
 * A handle may be made for each message (`family.get(id).ask.X()`), and there may be a hundred
 * thousand of them, so it does not carry a function for each message: a getter on a prototype that
 * all share makes the one that is wanted. It is bound to its target, so it can be passed around.
 */
export class Handles {
  readonly protocol: Protocol
  readonly asks: (target: Target) => Sends<Effect.Effect<unknown, unknown>>
  readonly tells: (target: Target) => Sends<Effect.Effect<void, unknown>>
  private ownEdge: ((target: Target) => Edge) | undefined = undefined

  constructor(protocol: Protocol) {
    this.protocol = protocol
    this.asks = binder(protocol.specs, ask)
    this.tells = binder(protocol.specs, tell)
  }

  /** Made at the first use, as most programs stay within Effect. */
  get edge(): (target: Target) => Edge {
    return (this.ownEdge ??= edgeOf(this.protocol))
  }

  make(address: string, target: Target): HandleImpl {
    return new HandleImpl(address, target, this)
  }
}

const edgeOf = ({ specs }: Protocol): ((target: Target) => Edge) => {
  const tells = binder(specs, tellUnsafe)
  const promises = binder(specs, askPromise)
  const exits = binder(specs, askPromiseExit)
  return (target) => ({ tellUnsafe: tells(target), askPromise: promises(target), askPromiseExit: exits(target) })
}

export class HandleImpl extends Inspectable.Class implements Edge {
  readonly [TypeId] = TypeId
  readonly address: string
  readonly target: Target
  private readonly handles: Handles
  private asks: Sends<Effect.Effect<unknown, unknown>> | undefined = undefined
  private tells: Sends<Effect.Effect<void, unknown>> | undefined = undefined
  private edge: Edge | undefined = undefined

  constructor(address: string, target: Target, handles: Handles) {
    super()
    this.address = address
    this.target = target
    this.handles = handles
  }

  /** Made at the first use, like the others: there may be far more handles than are used, or used in both ways. */
  get ask(): Sends<Effect.Effect<unknown, unknown>> {
    return (this.asks ??= this.handles.asks(this.target))
  }

  get tell(): Sends<Effect.Effect<void, unknown>> {
    return (this.tells ??= this.handles.tells(this.target))
  }

  get protocol(): Protocol {
    return this.handles.protocol
  }

  get tellUnsafe(): Edge["tellUnsafe"] {
    return this.ownEdge.tellUnsafe
  }

  get askPromise(): Edge["askPromise"] {
    return this.ownEdge.askPromise
  }

  get askPromiseExit(): Edge["askPromiseExit"] {
    return this.ownEdge.askPromiseExit
  }

  private get ownEdge(): Edge {
    return (this.edge ??= this.handles.edge(this.target))
  }

  /** What it looks like when printed: nothing of what is queued. */
  toJSON(): unknown {
    return { _id: "ryker/Actor", address: this.address }
  }
}

/** Something bound to a target, which nobody can see who prints it. */
class Bound {
  readonly #target: Target

  constructor(target: Target) {
    this.#target = target
  }

  static targetOf(self: Bound): Target {
    return self.#target
  }
}

/** Makes objects that have a function for each message, all bound to one target. */
const binder = <Sent>(
  specs: ReadonlyArray<MessageSpec>,
  send: (
    target: Target,
    spec: MessageSpec,
    payload: unknown,
    deadline: Duration.Input | undefined,
    signal: AbortSignal | undefined
  ) => Sent
): ((target: Target) => Sends<Sent>) => {
  class Functions extends Bound {}
  for (const spec of specs) {
    Object.defineProperty(Functions.prototype, spec.tag, {
      enumerable: true,
      get(this: Bound): Send<Sent> {
        const target = Bound.targetOf(this)
        return (payload, options) => send(target, spec, payload, options?.deadline, options?.signal)
      }
    })
  }
  // What is on the prototype is not known to the compiler.
  return (target) => new Functions(target) as unknown as Sends<Sent>
}
