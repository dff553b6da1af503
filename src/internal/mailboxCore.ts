/**
 * The run loop's mailbox, without effects: a `Queue.bounded`, from which messages can also be
 * withdrawn before their turn, and to whose front messages can be put back.
 *
 * No fiber ever waits in the Queue: offers are refused when it is full, and the run loop is woken by
 * other means.
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as MutableList from "effect/MutableList"
import * as Queue from "effect/Queue"

export class MailboxCore<in out A> {
  private readonly capacity: number
  private readonly queue: Queue.Queue<A>
  /** Messages that were taken and put back: they come before the Queue's. */
  private front: Array<A> = []
  /** Messages that are still in the Queue but left it for everybody else, see `withdraw`. */
  private withdrawn: Set<A> | undefined = undefined

  constructor(capacity: number) {
    this.capacity = capacity
    this.queue = Effect.runSync(Queue.bounded<A>(capacity))
  }

  /** Messages that wait to be taken. */
  get depth(): number {
    const held = this.front.length + Queue.sizeUnsafe(this.queue)
    return this.withdrawn === undefined ? held : held - this.withdrawn.size
  }

  /** Takes the message in; false when it is full or was shut down. */
  offer(message: A): boolean {
    // What was put back counts like the rest, so that the bound holds.
    if (this.front.length > 0 && this.depth >= this.capacity) return false
    return Queue.offerUnsafe(this.queue, message) || (this.sweep() && Queue.offerUnsafe(this.queue, message))
  }

  /** Puts messages back that were taken before, so that they are taken next, in their order. */
  putBack(messages: ReadonlyArray<A>): void {
    this.front = [...messages, ...this.front]
  }

  /** The next message; undefined when there is none, which no message is. */
  take(): A | undefined {
    while (true) {
      const next = this.front.length > 0 ? this.front.shift() : this.takeQueued()
      if (next === undefined || this.withdrawn === undefined || !this.withdrawn.delete(next)) return next
    }
  }

  private takeQueued(): A | undefined {
    const next: Exit.Exit<A> | undefined = Queue.takeUnsafe(this.queue)
    return next === undefined || next._tag === "Failure" ? undefined : next.value
  }

  /**
   * Removes a queued message and frees its place.
   *
   * Removing from the middle costs a pass over the queue, so it is only marked here and swept when
   * its place is wanted: thousands of callers that give up together cost one pass, not one each.
   */
  withdraw(message: A): void {
    this.withdrawn ??= new Set()
    this.withdrawn.add(message)
  }

  /** Takes no more, and hands back what was queued, oldest first. */
  shutdown(): Array<A> {
    this.sweep()
    const left = [...this.front, ...MutableList.toArray(this.queue.messages)]
    this.front = []
    Queue.shutdownUnsafe(this.queue)
    return left
  }

  /** Takes withdrawn messages out of the Queue; true when that made room. */
  private sweep(): boolean {
    const withdrawn = this.withdrawn
    if (withdrawn === undefined || withdrawn.size === 0) return false
    this.withdrawn = undefined
    this.front = this.front.filter((message) => !withdrawn.has(message))
    MutableList.filter(this.queue.messages, (message: A) => !withdrawn.has(message))
    return true
  }
}
