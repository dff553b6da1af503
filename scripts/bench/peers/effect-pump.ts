/** By hand, for speed and size: no fiber waits, a message that comes to an idle actor schedules a turn. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Scheduler from "effect/Scheduler"
import { defaultCapacity, type EffectPeer, type Handler } from "../workload.ts"
import { askBy, askPromiseBy, busy, guarantees, Message } from "./byHand.ts"

const dispatcher = new Scheduler.MixedScheduler().makeDispatcher()

/** Messages after which timers and sockets get their turn, as in Ryker. */
const batch = 64

class Pump {
  private readonly queue: Queue.Queue<Message>
  private readonly handler: Handler
  private readonly run: (effect: Effect.Effect<number>) => Fiber.Fiber<number>
  private working = false

  constructor(
    queue: Queue.Queue<Message>,
    handler: Handler,
    run: (effect: Effect.Effect<number>) => Fiber.Fiber<number>
  ) {
    this.queue = queue
    this.handler = handler
    this.run = run
  }

  offer(message: Message): boolean {
    if (!Queue.offerUnsafe(this.queue, message)) return false
    if (!this.working) this.schedule()
    return true
  }

  private schedule(): void {
    this.working = true
    dispatcher.scheduleTask(() => this.turn(), 0)
  }

  private turn(): void {
    for (let handled = 0; handled < batch; handled++) {
      const next = Queue.takeUnsafe(this.queue)
      if (next === undefined || Exit.isFailure(next)) {
        this.working = false
        return
      }
      const message = next.value
      const effect = this.handler(message.n, message.bytes)
      if (Exit.isExit(effect)) {
        message.settle(effect)
        continue
      }
      const fiber = this.run(effect)
      const exit = fiber.pollUnsafe()
      if (exit === undefined) {
        fiber.addObserver((exit) => {
          message.settle(exit)
          this.schedule()
        })
        return
      }
      message.settle(exit)
    }
    this.schedule()
  }
}

const peer: EffectPeer<Pump> = {
  kind: "effect",
  title: "Effect by hand, no fiber each",
  guarantees,
  layer: Layer.empty,
  spawn: (handler, { capacity = defaultCapacity }) =>
    Effect.contextWith((context) =>
      Effect.map(
        Effect.acquireRelease(Queue.bounded<Message>(capacity), Queue.shutdown),
        (queue) => new Pump(queue, handler, Effect.runForkWith(context))
      )
    ),
  // The least that a tell can be as an Effect: one of Effect's own, whose function hands the message over.
  tell: (pump, n, bytes) => Effect.suspend(() => (pump.offer(new Message(n, bytes)) ? Exit.void : busy)),
  ask: (pump, n) => askBy((message) => pump.offer(message), n),
  tellUnsafe: (pump, n) => pump.offer(new Message(n, undefined)),
  askPromise: (pump, n) => askPromiseBy((message) => pump.offer(message), n)
}

export default peer
