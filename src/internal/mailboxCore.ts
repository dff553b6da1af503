/**
 * The bounded mailbox without effects: what the public `Mailbox` wraps and the run loop drives.
 *
 * Messages are held by a `Queue.bounded`, which knows the bound and the states open, closing and
 * done. Three things are ours, because `Queue` has no entry for them: a refused offer that says why,
 * withdrawing a message from the middle, and waking a consumer that is not a fiber. So no fiber ever
 * waits in the Queue itself, and its own lists of takers and offers stay empty.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as MutableList from "effect/MutableList"
import * as Queue from "effect/Queue"

/** What became of an offer. */
export type OfferResult = "Accepted" | "Full" | "Closed" | "Ended"

/** An offer that waits for room: `admit` is called once, when it was accepted or can no longer be. */
export interface Waiter<in out A> {
  readonly message: A
  readonly admit: (result: "Accepted" | "Closed" | "Ended") => void
}

export class MailboxCore<in out A> {
  readonly capacity: number
  /** Called when a message was accepted, and when the mailbox has ended. */
  onMessage: (() => void) | undefined

  private readonly queue: Queue.Queue<A, Cause.Done>
  /** Messages that are still in the queue but left it for everybody else, see `withdraw`. */
  private withdrawn: Set<A> | undefined
  private waiters: Set<Waiter<A>> | undefined

  constructor(capacity: number) {
    this.capacity = capacity
    this.onMessage = undefined
    this.queue = Effect.runSync(Queue.bounded<A, Cause.Done>(capacity))
    this.withdrawn = undefined
    this.waiters = undefined
  }

  /** Messages that wait to be taken. */
  get depth(): number {
    return Queue.sizeUnsafe(this.queue) - (this.withdrawn === undefined ? 0 : this.withdrawn.size)
  }

  get isOpen(): boolean {
    return this.queue.state._tag === "Open"
  }

  get hasEnded(): boolean {
    return this.queue.state._tag === "Done"
  }

  /** Takes the message in, or says why not; never waits. */
  offer(message: A): OfferResult {
    if (Queue.offerUnsafe(this.queue, message) || (this.compact() && Queue.offerUnsafe(this.queue, message))) {
      this.onMessage?.()
      return "Accepted"
    }
    return this.refusal()
  }

  /** Takes the message in as soon as there is room; offers that wait are served in their order. */
  offerWaiting(waiter: Waiter<A>): void {
    const result = this.offer(waiter.message)
    if (result !== "Full") return waiter.admit(result)
    this.waiters ??= new Set()
    this.waiters.add(waiter)
  }

  /** Gives up an offer that waits; false when it no longer does. */
  forget(waiter: Waiter<A>): boolean {
    return this.waiters !== undefined && this.waiters.delete(waiter)
  }

  /** The next message; undefined when there is none now; a failure when the mailbox has ended. */
  take(): Exit.Exit<A, Cause.Done> | undefined {
    while (true) {
      const next = Queue.takeUnsafe(this.queue)
      if (next === undefined || next._tag === "Failure") return next
      if (this.withdrawn !== undefined && this.withdrawn.delete(next.value)) continue
      if (this.waiters !== undefined) this.admitWaiters()
      return next
    }
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
    if (this.waiters !== undefined && this.waiters.size > 0) this.admitWaiters()
  }

  /** Refuses further offers; what is queued can still be taken, then the mailbox has ended. */
  close(): void {
    if (!this.isOpen) return
    Queue.endUnsafe(this.queue)
    this.compact()
    this.turnAwayWaiters(this.refusal())
    this.notifyEnd()
  }

  /** Ends the mailbox now and hands back what was queued, oldest first. */
  shutdown(): Array<A> {
    const withdrawn = this.withdrawn
    const queued = MutableList.toArray(this.queue.messages)
    const left = withdrawn === undefined ? queued : queued.filter((message) => !withdrawn.has(message))
    this.withdrawn = undefined
    Queue.shutdownUnsafe(this.queue)
    this.turnAwayWaiters("Ended")
    this.notifyEnd()
    return left
  }

  private refusal(): "Full" | "Closed" | "Ended" {
    switch (this.queue.state._tag) {
      case "Open":
        return "Full"
      case "Closing":
        return "Closed"
      case "Done":
        return "Ended"
    }
  }

  /** Sweeps withdrawn messages out of the queue; true when that made room. */
  private compact(): boolean {
    const withdrawn = this.withdrawn
    if (withdrawn === undefined || withdrawn.size === 0) return false
    this.withdrawn = undefined
    MutableList.filter(this.queue.messages, (message: A) => !withdrawn.has(message))
    // The Queue ends when its last message is taken; here the last one went without being taken.
    if (this.queue.state._tag === "Closing" && this.queue.messages.length === 0) Queue.shutdownUnsafe(this.queue)
    return true
  }

  private admitWaiters(): void {
    for (const waiter of this.waiters!) {
      const result = this.offer(waiter.message)
      if (result === "Full") return
      this.waiters!.delete(waiter)
      waiter.admit(result)
    }
  }

  private turnAwayWaiters(result: "Full" | "Closed" | "Ended"): void {
    if (this.waiters === undefined) return
    const waiters = this.waiters
    this.waiters = undefined
    for (const waiter of waiters) waiter.admit(result === "Closed" ? "Closed" : "Ended")
  }

  private notifyEnd(): void {
    if (this.hasEnded) this.onMessage?.()
  }
}
