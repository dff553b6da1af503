/** A broadcast that never holds its publisher up: who reads too slowly loses the oldest, and it is counted. */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

/** How many elements wait for a subscriber. */
const bufferSize = 256

export class Feed<A> {
  /** How many elements subscribers have lost, of all subscribers together. */
  missed = 0
  private readonly subscribers = new Set<Queue.Queue<A, Cause.Done>>()
  private readonly listeners = new Set<(element: A) => void>()
  private ended = false

  get isWanted(): boolean {
    return this.subscribers.size > 0 || this.listeners.size > 0
  }

  /**
   * Calls back with every element at once, and loses none: for a test, and for who only notes it down, as the publisher
   * waits for it. Gives a function that takes the call back.
   */
  listen(listener: (element: A) => void): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  publish(element: A): void {
    for (const listener of this.listeners) listener(element)
    for (const queue of this.subscribers) {
      if (Queue.offerUnsafe(queue, element)) continue
      this.missed++
      Queue.takeUnsafe(queue)
      Queue.offerUnsafe(queue, element)
    }
  }

  /** All that is published from the moment on when it is run, until the feed ends. */
  readonly stream: Stream.Stream<A> = Stream.unwrap(
    Effect.map(
      Effect.acquireRelease(
        Effect.map(Queue.bounded<A, Cause.Done>(bufferSize), (queue) => {
          if (this.ended) Queue.endUnsafe(queue)
          else this.subscribers.add(queue)
          return queue
        }),
        (queue) => Effect.sync(() => this.subscribers.delete(queue))
      ),
      Stream.fromQueue
    )
  )

  /** Ends the streams, once their subscribers have read what waits for them. */
  end(): void {
    this.ended = true
    for (const queue of this.subscribers) Queue.endUnsafe(queue)
    this.subscribers.clear()
  }
}
