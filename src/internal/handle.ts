/** The handle behind `Actor.Handle`: a target, and a function for each message. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import type { Target } from "./actorCell.ts"
import type { MessageSpec, Protocol } from "./protocol.ts"
import { ask, tell } from "./send.ts"

export const TypeId = "~ryker/Actor/Handle"

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
  private readonly asks: object
  private readonly tells: object

  constructor(protocol: Protocol) {
    this.protocol = protocol
    this.asks = prototypeOf(protocol.specs, ask)
    this.tells = prototypeOf(protocol.specs, tell)
  }

  make(address: string, target: Target): HandleImpl {
    return new HandleImpl(address, target, this.protocol, sendsTo(this.asks, target), sendsTo(this.tells, target))
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

const targetKey = Symbol("ryker/target")

interface Targeted {
  [targetKey]: Target
}

const sendsTo = (prototype: object, target: Target): Sends => {
  const sends: Targeted & Sends = Object.create(prototype)
  sends[targetKey] = target
  return sends
}

const prototypeOf = (specs: ReadonlyArray<MessageSpec>, send: typeof ask | typeof tell): object => {
  const prototype: object = Object.create(null, {
    [Inspectable.NodeInspectSymbol]: { value: () => specs.map(({ tag }) => tag) }
  })
  for (const spec of specs) {
    Object.defineProperty(prototype, spec.tag, {
      enumerable: true,
      get(this: Targeted): Send {
        const target = this[targetKey]
        return (payload, options) => send(target, spec, payload, options?.deadline)
      }
    })
  }
  return prototype
}
