/** The handle behind `Actor.Handle`: a target and a function for each message. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { Target } from "./actorCell.ts"
import type { Protocol } from "./protocol.ts"
import { ask, tell } from "./send.ts"

export const TypeId = "~ryker/Actor/Handle"

/** A send as the implementation sees it; the types of `Actor.Handle` say which payload and reply it has. */
type Send = (
  payload?: unknown,
  options?: { readonly deadline?: Duration.Input | undefined }
) => Effect.Effect<unknown, unknown>

export class HandleImpl {
  readonly [TypeId] = TypeId
  readonly address: string
  readonly target: Target
  readonly protocol: Protocol
  private asks: Readonly<Record<string, Send>> | undefined = undefined
  private tells: Readonly<Record<string, Send>> | undefined = undefined

  constructor(address: string, target: Target, protocol: Protocol) {
    this.address = address
    this.target = target
    this.protocol = protocol
  }

  // Made at the first use, so that a hundred thousand idle actors do not carry a function for each message.
  get ask(): Readonly<Record<string, Send>> {
    return (this.asks ??= Object.fromEntries(
      this.protocol.specs.map((spec) => [
        spec.tag,
        (payload, options) => ask(this.target, spec, payload, options?.deadline)
      ])
    ))
  }

  get tell(): Readonly<Record<string, Send>> {
    return (this.tells ??= Object.fromEntries(
      this.protocol.specs.map((spec) => [
        spec.tag,
        (payload, options) => tell(this.target, spec, payload, options?.deadline)
      ])
    ))
  }
}
