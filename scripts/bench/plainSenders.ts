/** Senders of the workloads for peers without Effect; what they do is as in `effectSenders.ts`. */
import { setImmediate as turn } from "node:timers/promises"
import { expectEqual, replyTo, type Tally } from "./tally.ts"
import type { Measures } from "./workload.ts"

export const tellAll = async (
  from: number,
  to: number,
  tell: (n: number) => boolean,
  onRefused?: () => void
): Promise<void> => {
  for (let next = from; next < to; next++) {
    while (!tell(next)) {
      onRefused?.()
      await turn()
    }
  }
}

export const askAll = async (from: number, to: number, ask: (n: number) => Promise<unknown>): Promise<void> => {
  for (let n = from; n < to; n++) expectEqual(`answer to ${n}`, await ask(n), replyTo(n))
}

export const concurrently = async (
  senders: number,
  count: number,
  send: (from: number, to: number, sender: number) => Promise<void>
): Promise<void> => {
  const bound = (sender: number) => Math.floor((count * sender) / senders)
  await Promise.all(Array.from({ length: senders }, (_, sender) => send(bound(sender), bound(sender + 1), sender)))
}

export const millisOf = async (tally: Tally, send: () => Promise<void>): Promise<number> => {
  const begunAt = performance.now()
  await send()
  const sentAt = performance.now()
  const finishedAt = await tally.finished()
  await turn()
  tally.check()
  return Math.max(sentAt, finishedAt) - begunAt
}

export const timed = async (tally: Tally, count: number, send: () => Promise<void>): Promise<Measures> => ({
  rate: (count * 1000) / (await millisOf(tally, send))
})
