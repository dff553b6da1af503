/** Those who wait for something that happens once. */
export class Observers<A> {
  private waiting: Set<(value: A) => void> | undefined = undefined

  /** Gives a function that takes the observer back. */
  add(observer: (value: A) => void): () => void {
    // Made when it is needed: most actors are never waited for.
    const waiting = (this.waiting ??= new Set())
    waiting.add(observer)
    return () => waiting.delete(observer)
  }

  /** Tells all who wait, and forgets them; who comes in the middle waits for the next time. */
  tell(value: A): void {
    const { waiting } = this
    this.waiting = undefined
    for (const observer of waiting ?? []) observer(value)
  }
}
