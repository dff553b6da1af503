/** The limit: a ring buffer and a loop in plain JavaScript, with nothing that an actor has besides a bound and turns. */
import { defaultCapacity, type PlainHandler, type PlainPeer } from "../workload.ts"

/** Messages after which timers and sockets get their turn, as in Ryker. */
const yieldEvery = 64

type Settle = (answer: number | Promise<number>) => void

class Ring {
  private readonly handler: PlainHandler
  private readonly capacity: number
  private readonly numbers: Array<number>
  private readonly askers: Array<Settle | undefined>
  private readonly mask: number
  private head = 0
  private queued = 0
  private working = false

  constructor(handler: PlainHandler, capacity: number) {
    this.handler = handler
    this.capacity = capacity
    // Grows into a power of two when it is first filled.
    this.mask = 2 ** Math.ceil(Math.log2(capacity)) - 1
    this.numbers = []
    this.askers = []
  }

  offer(n: number, settle: Settle | undefined): boolean {
    if (this.queued === this.capacity) return false
    const place = (this.head + this.queued++) & this.mask
    this.numbers[place] = n
    this.askers[place] = settle
    if (!this.working) {
      this.working = true
      queueMicrotask(this.turn)
    }
    return true
  }

  private readonly turn = (): void => {
    for (let handled = 0; this.queued > 0; handled++) {
      if (handled === yieldEvery) return void setImmediate(this.turn)
      const place = this.head
      const settle = this.askers[place]
      this.askers[place] = undefined
      this.head = (place + 1) & this.mask
      this.queued--
      const answer = this.handler(this.numbers[place]!)
      settle?.(answer)
      if (typeof answer !== "number") return void answer.then(this.turn)
    }
    this.working = false
  }
}

const peer: PlainPeer<Ring> = {
  kind: "plain",
  title: "plain JavaScript ring",
  guarantees: {
    bounded: [true, "refused"],
    deadline: [false, "the asker waits"],
    supervised: [false, "the process ends"],
    ownTurn: [true, "a turn of its own"]
  },
  spawn: (handler, { capacity = defaultCapacity }) => new Ring(handler, capacity),
  tell: (ring, n) => ring.offer(n, undefined),
  ask: (ring, n) =>
    new Promise((resolve, reject) => {
      if (!ring.offer(n, resolve)) reject(new Error("The ring is full"))
    }),
  stop: () => {}
}

export default peer
