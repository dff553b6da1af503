/** Senders of the workloads for peers whose sends are Effects. */
import * as Effect from "effect/Effect"
import { setImmediate as turn } from "node:timers/promises"
import { expectEqual, replyTo, type Tally } from "./tally.ts"
import type { Measures, Tell } from "./workload.ts"

const isFull = ({ _tag }: { readonly _tag: string }) => _tag === "Busy" || _tag === "MailboxFull"

/** Tells the numbers of [from, to). Refused, it lets others go on and tries the same number again. */
export const tellAll = (
  from: number,
  to: number,
  tell: (n: number) => Tell,
  onRefused?: () => void
): Effect.Effect<void, unknown> => {
  let next = from
  const burst = Effect.gen(function* () {
    for (; next < to; next++) yield* tell(next)
  })
  const bursts: Effect.Effect<void, unknown> = Effect.catchIf(burst, isFull, () => {
    onRefused?.()
    return Effect.andThen(Effect.yieldNow, bursts)
  })
  return bursts
}

/** Asks with the numbers of [from, to), one after the other, and checks each answer. */
export const askAll = (
  from: number,
  to: number,
  ask: (n: number) => Effect.Effect<unknown, unknown>
): Effect.Effect<void, unknown> =>
  Effect.gen(function* () {
    for (let n = from; n < to; n++) expectEqual(`answer to ${n}`, yield* ask(n), replyTo(n))
  })

/** What callers without Effect do, in turns of their own: where it begins, no fiber is running. */
export const outside = (send: () => Promise<void>): Effect.Effect<void> =>
  Effect.promise(async () => {
    await turn()
    await send()
  })

/** Splits [0, count) between `senders` that send at the same time. */
export const concurrently = (
  senders: number,
  count: number,
  send: (from: number, to: number, sender: number) => Effect.Effect<void, unknown>
): Effect.Effect<void, unknown> => {
  const bound = (sender: number) => Math.floor((count * sender) / senders)
  return Effect.forEach(
    Array.from({ length: senders }, (_, sender) => sender),
    (sender) => send(bound(sender), bound(sender + 1), sender),
    { concurrency: "unbounded", discard: true }
  )
}

/** The milliseconds from before `send` begins until the last number was handled and `send` has ended. */
export const millisOf = (tally: Tally, send: Effect.Effect<void, unknown>): Effect.Effect<number, unknown> =>
  Effect.gen(function* () {
    const begunAt = performance.now()
    yield* send
    const sentAt = performance.now()
    const finishedAt = yield* Effect.promise(tally.finished)
    yield* Effect.yieldNow
    tally.check()
    return Math.max(sentAt, finishedAt) - begunAt
  })

/** The rate of one round. */
export const timed = (tally: Tally, count: number, send: Effect.Effect<void, unknown>) =>
  Effect.map(millisOf(tally, send), (millis): Measures => ({ rate: (count * 1000) / millis }))
