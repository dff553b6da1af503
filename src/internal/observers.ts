/** Those who wait for something that happens once. */
export class Observers<A> {
  /** The one that waits alone: most have none, or the Scope that owns the actor. */
  private first: ((value: A) => void) | undefined = undefined
  private others: Set<(value: A) => void> | undefined = undefined

  /** Gives a function that takes the observer back. */
  add(observer: (value: A) => void): () => void {
    if (this.first === undefined && this.others === undefined) {
      this.first = observer
      return () => {
        if (this.first === observer) this.first = undefined
      }
    }
    const others = (this.others ??= new Set())
    others.add(observer)
    return () => others.delete(observer)
  }

  /** Tells all who wait, and forgets them; who comes in the middle waits for the next time. */
  tell(value: A): void {
    const { first, others } = this
    this.first = undefined
    this.others = undefined
    first?.(value)
    for (const observer of others ?? []) observer(value)
  }
}
