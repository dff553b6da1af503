/** What the peers by hand share: a message that settles its own asker, and the ways to ask. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { deadlineMillis, type Guarantees } from "../workload.ts"

export const guarantees: Guarantees = {
  bounded: [true, "refused"],
  deadline: [true, "the asker gives up; the message runs"],
  supervised: [false, "the asker is told, the actor goes on with its state"],
  ownTurn: [true, "a turn of its own"]
}

type Reply = Exit.Exit<unknown, unknown>

/** A class, so that all messages have one shape and no closures; its timer is one of Node's, which are cheap to clear. */
export class Message {
  readonly n: number
  readonly bytes: Uint8Array | undefined
  private resume: ((reply: Reply) => void) | undefined
  private readonly timer: NodeJS.Timeout | undefined

  constructor(n: number, bytes: Uint8Array | undefined, resume?: (reply: Reply) => void) {
    this.n = n
    this.bytes = bytes
    this.resume = resume
    this.timer = resume === undefined ? undefined : setTimeout(expire, deadlineMillis, this)
  }

  settle(reply: Reply): void {
    if (this.resume === undefined) return
    clearTimeout(this.timer)
    this.resume(reply)
    this.resume = undefined
  }
}

const expire = (message: Message): void => message.settle(Exit.fail(new Cause.TimeoutError()))

export const busy = Exit.fail({ _tag: "Busy" })

/** `offer` says whether there was room. */
export const askBy = (offer: (message: Message) => boolean, n: number): Effect.Effect<unknown, unknown> =>
  Effect.callback((resume) => {
    const message = new Message(n, undefined, resume)
    if (!offer(message)) message.settle(busy)
  })

export const askPromiseBy = (offer: (message: Message) => boolean, n: number): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const message = new Message(n, undefined, (reply) => {
      if (Exit.isSuccess(reply)) resolve(reply.value)
      else reject(Cause.squash(reply.cause))
    })
    if (!offer(message)) message.settle(busy)
  })
