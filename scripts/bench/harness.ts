/** What a benchmark is made of: peers, workloads, and what workloads have in common. */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Ryker from "ryker/Ryker"

// --- Peers --------------------------------------------------------------------------------------------------------------

/** What an actor of the benchmark does with a number; which actor it is makes no difference. */
export type Handler = (n: number) => Effect.Effect<number>

/** What there is besides the peer's own; `Ryker.layer` is for the one that needs it. */
export type Environment = Ryker.Ryker | Scope.Scope

/** How actors are made, one file for each in `peers/`. `A` is what a sender holds. */
export interface Peer<A> {
  readonly title: string
  /** What it runs in, where that is not `Ryker.layer`. */
  readonly runtime?: Layer.Layer<Ryker.Ryker>
  /** Starts an actor that lives as long as the Scope and holds at most `capacity` messages. */
  readonly spawn: (handler: Handler) => Effect.Effect<A, unknown, Environment>
  /** Sends and goes on. Fails with `Busy` when there is no room, unless it waits for room. */
  readonly tell: (actor: A, n: number) => Effect.Effect<unknown, { readonly _tag: string }>
  /** Sends and waits for the answer, for `deadlineMillis` at most. */
  readonly ask: (actor: A, n: number) => Effect.Effect<unknown, unknown>
  /** Fails when the peer's own books do not balance. */
  readonly check?: Effect.Effect<void, unknown, Environment>
}

/** The same for all peers: what Ryker has by default. */
export const capacity = 256
export const deadlineMillis = 1_000

// --- Workloads ----------------------------------------------------------------------------------------------------------

/** A group of rows of the table, one file for each in `workloads/`. */
export interface Workload {
  readonly rows: ReadonlyArray<Row>
  /** One round of `count` operations. Dies when a result is wrong. */
  readonly round: <A>(peer: Peer<A>, row: Row, count: number) => Effect.Effect<Measures, unknown, Environment>
}

export interface Row {
  readonly title: string
  readonly handler: HandlerForm
  /** Operations in a round; without it as many as fill the round's time. */
  readonly count?: number
  /** Operations in a round that only checks. */
  readonly quick: number
}

/** What a round gave. */
export interface Measures {
  /** Operations in a second. */
  readonly rate: number
  /** Heap of each actor, in bytes. */
  readonly idle?: number
  readonly used?: number
}

// --- Handlers -----------------------------------------------------------------------------------------------------------

/** The form that a handler is written in, which can matter more than the machinery around it. */
export type HandlerForm = "Effect.sync" | "Effect.succeed" | "Effect.gen"

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
  }
}

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

  /** When the last number was handled. */
  readonly finished: Effect.Effect<number> = Effect.callback((resume) => {
    this.onFinished = () => resume(Effect.succeed(this.finishedAt))
    if (this.count >= this.expected) this.onFinished()
  })

  /** Looked at when all actors have come to rest, as a number handled twice may come late. */
  readonly check: Effect.Effect<void> = Effect.suspend(() => {
    const sum = (this.expected * (this.expected - 1)) / 2
    return expectEqual("handled", this.count, this.expected).pipe(
      Effect.andThen(expectEqual("sum of what was handled", this.sum, sum))
    )
  })
}

const replyTo = (n: number): number => n + 1

export const expectEqual = (what: string, actual: unknown, expected: unknown): Effect.Effect<void> =>
  actual === expected
    ? Effect.void
    : Effect.die(new Error(`${what}: expected ${String(expected)}, but got ${String(actual)}`))

// --- Senders ------------------------------------------------------------------------------------------------------------

/** Tells the numbers of [from, to). Refused, it lets others go on and tries the same number again. */
export const tellAll = (
  from: number,
  to: number,
  tell: (n: number) => Effect.Effect<unknown, { readonly _tag: string }>
): Effect.Effect<void, unknown> => {
  let next = from
  const burst = Effect.gen(function* () {
    for (; next < to; next++) yield* tell(next)
  })
  const bursts: Effect.Effect<void, unknown> = Effect.catchIf(
    burst,
    (error) => error._tag === "Busy",
    () => Effect.andThen(Effect.yieldNow, bursts)
  )
  return bursts
}

/** Asks with the numbers of [from, to), one after the other, and checks each answer. */
export const askAll = (
  from: number,
  to: number,
  ask: (n: number) => Effect.Effect<unknown, unknown>
): Effect.Effect<void, unknown> =>
  Effect.gen(function* () {
    for (let n = from; n < to; n++) {
      const reply = yield* ask(n)
      if (reply !== replyTo(n)) yield* expectEqual(`answer to ${n}`, reply, replyTo(n))
    }
  })

/** Splits [0, count) between `senders` that send at the same time. */
export const concurrently = (
  senders: number,
  count: number,
  send: (from: number, to: number) => Effect.Effect<void, unknown>
): Effect.Effect<void, unknown> => {
  const bound = (sender: number) => Math.floor((count * sender) / senders)
  return Effect.forEach(
    Array.from({ length: senders }, (_, sender) => sender),
    (sender) => send(bound(sender), bound(sender + 1)),
    { concurrency: "unbounded", discard: true }
  )
}

/** Times one round: from before `send` begins until the last of `count` numbers was handled and `send` has ended. */
export const timed = (
  tally: Tally,
  count: number,
  send: Effect.Effect<void, unknown>
): Effect.Effect<Measures, unknown> =>
  Effect.gen(function* () {
    globalThis.gc?.()
    const begunAt = performance.now()
    yield* send
    const sentAt = performance.now()
    // Only a message that was lost takes so long; the check says that there is one.
    const finishedAt = yield* Effect.race(tally.finished, Effect.as(Effect.sleep("10 seconds"), Number.NaN))
    yield* Effect.yieldNow
    yield* tally.check
    return { rate: (count * 1000) / (Math.max(sentAt, finishedAt) - begunAt) }
  })
