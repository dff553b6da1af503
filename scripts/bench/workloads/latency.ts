/**
 * How long an ask takes that comes when it comes: 10,000 a second at even intervals, whether or not the earlier ones
 * are answered. Each counts from when it was to be sent, so that a pause is seen by all that fell into it.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { percentile } from "../metrics.ts"
import { makeHandler, makePlainHandler, replyTo, Tally } from "../tally.ts"
import type { Measures, Workload } from "../workload.ts"

const perSecond = 10_000

/** Room for what comes within almost a second, as a pause of the machine is no reason to be refused. */
const capacity = 8_192

/**
 * Calls `send` for each number at its time, and gives the percentiles of how long it took until `done` was called: with the
 * answer, or with nothing when the ask has failed, which it may when the machine is too slow for so many.
 */
const openLoop = (count: number, send: (n: number, done: (answer: unknown) => void) => void): Promise<Measures> =>
  new Promise((resolve, reject) => {
    globalThis.gc?.()
    const interval = 1000 / perSecond
    const micros = new Float64Array(count)
    let [sent, settled, unanswered] = [0, 0, 0]
    const begunAt = performance.now()
    const dueAt = (n: number) => begunAt + n * interval
    const done = (n: number, answer: unknown) => {
      micros[n] = (performance.now() - dueAt(n)) * 1000
      if (answer === undefined) unanswered++
      else if (answer !== replyTo(n)) reject(new Error(`answer to ${n}: ${JSON.stringify(answer)}`))
      if (++settled < count) return
      micros.sort()
      resolve({
        p50: percentile(micros, 0.5),
        p99: percentile(micros, 0.99),
        p999: percentile(micros, 0.999),
        unanswered
      })
    }
    const turn = () => {
      while (sent < count && dueAt(sent) <= performance.now()) {
        const n = sent++
        send(n, (answer) => done(n, answer))
      }
      if (sent < count) setImmediate(turn)
    }
    turn()
  })

/** Whoever has failed may not have been handled; all others were, once. */
const check = (tally: Tally, { unanswered }: Measures): void => {
  if (unanswered === 0) tally.check()
}

const workload: Workload = {
  rows: [
    {
      title: "ask, open loop, 10,000 a second",
      handler: "Effect.sync",
      count: 5_000,
      quick: 500,
      slow: 2
    }
  ],
  about: ["bounded", "deadline", "supervised", "ownTurn"],
  absent: { xstate: "it has no ask" },
  effect: (peer, { handler }, count) =>
    Effect.gen(function* () {
      const tally = new Tally(count)
      const actor = yield* peer.spawn(makeHandler(handler, tally), { capacity })
      const fork = Effect.runForkWith(yield* Effect.context())
      const measures = yield* Effect.promise(() =>
        openLoop(count, (n, done) => {
          const fiber: Fiber.Fiber<unknown, unknown> = fork(peer.ask(actor, n))
          fiber.addObserver((exit) => done(exit._tag === "Success" ? exit.value : undefined))
        })
      )
      check(tally, measures)
      return measures
    }),
  plain: async (peer, { handler }, count) => {
    const tally = new Tally(count)
    const actor = peer.spawn(makePlainHandler(handler, tally), { capacity })
    const answer = async (n: number, done: (answer: unknown) => void) =>
      done(await peer.ask(actor, n).catch(() => undefined))
    const measures = await openLoop(count, (n, done) => void answer(n, done))
    check(tally, measures)
    return measures
  }
}

export default workload
