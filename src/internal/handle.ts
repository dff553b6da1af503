/** The handle behind `Actor.Handle`: a target, and a function for each message. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import type { Any } from "../Actor.ts"
import type { Target } from "./cell.ts"
import type { MessageSpec, Protocol } from "./protocol.ts"
import { ask, tell } from "./send.ts"

export const TypeId = "~ryker/Actor/Handle"

/** Every handle is a `HandleImpl`; the interface hides what users have no business with. */
export const implOf = (handle: Any): HandleImpl => handle as HandleImpl

/** A send as the implementation sees it; the types of `Actor.Handle` say which payload and reply it has. */
type Send = (
  payload?: unknown,
  options?: { readonly deadline?: Duration.Input | undefined }
) => Effect.Effect<unknown, unknown>

/** The functions of a handle by tag. */
type Sends = Readonly<Record<string, Send>>

/**
 * Makes the handles of one protocol.
 *
 * A handle may be made for each message (`family.get(id).ask.X()`), and there may be a hundred
 * thousand of them, so it does not carry a function for each message: a getter on a prototype that
 * all share makes the one that is wanted. It is bound to its target, so it can be passed around.
 */
export class Handles {
  readonly protocol: Protocol
  private readonly Asks: typeof Bound
  private readonly Tells: typeof Bound

  constructor(protocol: Protocol) {
    this.protocol = protocol
    this.Asks = boundClass(protocol.specs, ask)
    this.Tells = boundClass(protocol.specs, tell)
  }

  make(address: string, target: Target): HandleImpl {
    // What `boundClass` puts on the prototypes is not known to the compiler.
    const asks = new this.Asks(target) as unknown as Sends
    const tells = new this.Tells(target) as unknown as Sends
    return new HandleImpl(address, target, this.protocol, asks, tells)
  }
}

export class HandleImpl extends Inspectable.Class {
  readonly [TypeId] = TypeId
  readonly address: string
  readonly target: Target
  readonly protocol: Protocol
  readonly ask: Sends
  readonly tell: Sends

  constructor(address: string, target: Target, protocol: Protocol, asks: Sends, tells: Sends) {
    super()
    this.address = address
    this.target = target
    this.protocol = protocol
    this.ask = asks
    this.tell = tells
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

const boundClass = (specs: ReadonlyArray<MessageSpec>, send: typeof ask | typeof tell): typeof Bound => {
  class Sends extends Bound {}
  for (const spec of specs) {
    Object.defineProperty(Sends.prototype, spec.tag, {
      enumerable: true,
      get(this: Bound): Send {
        const target = Bound.targetOf(this)
        return (payload, options) => send(target, spec, payload, options?.deadline)
      }
    })
  }
  return Sends
}
