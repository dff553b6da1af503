/** What actors of the benchmark do with numbers, and the check that each was handled once. */
import * as Effect from "effect/Effect"
import type { Handler, HandlerForm, PlainHandler } from "./workload.ts"

/** Counts what actors have handled: the numbers 0 to `expected - 1`, each once, in any order. */
export class Tally {
  private readonly expected: number
  private count = 0
  private sum = 0
  private finishedAt = 0
  private onFinished: (() => void) | undefined = undefined

  constructor(expected: number) {
    this.expected = expected
  }

  add(n: number): number {
    this.sum += n
    if (++this.count === this.expected) {
      this.finishedAt = performance.now()
      // Not on the handler's own stack.
      if (this.onFinished !== undefined) setImmediate(this.onFinished)
    }
    return replyTo(n)
  }

  /** When the last number was handled, once it was. Fails when that takes so long that a message must be lost. */
  readonly finished = (): Promise<number> =>
    new Promise((resolve, reject) => {
      if (this.count >= this.expected) return resolve(this.finishedAt)
      const lost = setTimeout(() => reject(this.lost()), 30_000)
      this.onFinished = () => {
        clearTimeout(lost)
        resolve(this.finishedAt)
      }
    })

  private lost(): Error {
    return new Error(`${this.expected - this.count} of ${this.expected} messages are not handled after 30 s`)
  }

  /** Looked at when all actors have come to rest, as a number handled twice may come late. */
  check(): void {
    expectEqual("handled", this.count, this.expected)
    expectEqual("sum of what was handled", this.sum, (this.expected * (this.expected - 1)) / 2)
  }
}

export const replyTo = (n: number): number => n + 1

/** A wrong result: it ends the round, and with it the benchmark. */
export const expectEqual = (what: string, actual: unknown, expected: unknown): void => {
  if (actual !== expected) throw new Error(`${what}: expected ${String(expected)}, but got ${String(actual)}`)
}

export const makeHandler = (form: HandlerForm, tally: Tally): Handler => {
  switch (form) {
    case "Effect.sync":
      return (n) => Effect.sync(() => tally.add(n))
    case "Effect.succeed":
      return (n) => Effect.succeed(tally.add(n))
    case "Effect.gen":
      return (n) =>
        Effect.gen(function* () {
          return yield* Effect.sync(() => tally.add(n))
        })
    case "Effect.callback":
      return (n) => Effect.callback((resume) => void setImmediate(() => resume(Effect.succeed(tally.add(n)))))
  }
}

export const makePlainHandler = (form: HandlerForm, tally: Tally): PlainHandler =>
  form === "Effect.callback"
    ? (n) => new Promise((resolve) => setImmediate(() => resolve(tally.add(n))))
    : (n) => tally.add(n)
