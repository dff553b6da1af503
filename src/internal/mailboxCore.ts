/**
 * The run loop's mailbox, without effects: a `Queue.bounded`, from which messages can also be
 * withdrawn before their turn, and to whose front messages can be put back.
 *
 * No fiber ever waits in the Queue: offers are refused when it is full, and the run loop is woken by
 * other means. A message that comes when no other waits is handed over without it, so that most actors need
 * no Queue most of the time: it is made when a second message waits.
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as MutableList from "effect/MutableList"
import * as Queue from "effect/Queue"

/** Nothing was put back: what all mailboxes share until something is. */
const nothing: Array<never> = []

export class MailboxCore<in out A> {
  private readonly capacity: number
  /** The message that came when none waited: it comes before the Queue's. */
  private first: A | undefined = undefined
  private queue: Queue.Queue<A> | undefined = undefined
  /** Messages that were taken and put back: they come before all others. Replaced, never added to. */
  private front: Array<A> = nothing
  /** Messages that are still held here but left for everybody else, see `withdraw`. */
  private withdrawn: Set<A> | undefined = undefined
  /** How many messages are held, with those that were withdrawn. */
  private held = 0
  private isShut = false

  constructor(capacity: number) {
    this.capacity = capacity
  }

  /** Messages that wait to be taken. */
  get depth(): number {
    return this.withdrawn === undefined ? this.held : this.held - this.withdrawn.size
  }

  /** Takes the message in; false when it is full or was shut down. */
  offer(message: A): boolean {
    // What is not in the Queue counts like the rest, so that the bound holds.
    if (this.isShut || (this.held >= this.capacity && !this.sweep())) return false
    if (this.held === 0) this.first = message
    else {
      this.queue ??= Effect.runSync(Queue.bounded<A>(this.capacity))
      Queue.offerUnsafe(this.queue, message)
    }
    this.held++
    return true
  }

  /** Puts messages back that were taken before, so that they are taken next, in their order. */
  putBack(messages: ReadonlyArray<A>): void {
    this.front = [...messages, ...this.front]
    this.held += messages.length
  }

  /** The next message; undefined when there is none, which no message is. */
  take(): A | undefined {
    while (true) {
      const next = this.takeHeld()
      if (next === undefined || this.withdrawn === undefined || !this.withdrawn.delete(next)) return next
    }
  }

  private takeHeld(): A | undefined {
    if (this.held === 0) return undefined
    this.held--
    if (this.front.length > 0) return this.front.shift()
    const { first } = this
    if (first !== undefined) {
      this.first = undefined
      return first
    }
    const next: Exit.Exit<A> | undefined = Queue.takeUnsafe(this.queue!)
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
    const left = [...this.front]
    if (this.first !== undefined) left.push(this.first)
    this.front = nothing
    this.first = undefined
    this.held = 0
    this.isShut = true
    if (this.queue === undefined) return left
    for (const message of MutableList.toArray(this.queue.messages)) left.push(message)
    Queue.shutdownUnsafe(this.queue)
    return left
  }

  /** Takes out for good what was withdrawn; true when that made room. */
  private sweep(): boolean {
    const { queue, withdrawn } = this
    if (withdrawn === undefined || withdrawn.size === 0) return false
    this.withdrawn = undefined
    this.held -= withdrawn.size
    if (this.first !== undefined && withdrawn.has(this.first)) this.first = undefined
    if (this.front.length > 0) this.front = this.front.filter((message) => !withdrawn.has(message))
    if (queue !== undefined) MutableList.filter(queue.messages, (message: A) => !withdrawn.has(message))
    return this.held < this.capacity
  }
}
