/** What one of many costs: a message when so many are sent to one actor, an actor and its message when so many live. */
import * as Effect from "effect/Effect"
import * as Senders from "../effectSenders.ts"
import { actorSizes, messageSizes } from "../metrics.ts"
import { makeHandler, Tally } from "../tally.ts"
import type { EffectPeer, Environment, PeerName, Row, Workload } from "../workload.ts"

/** A small number takes no time that a clock could tell: it is repeated until as many are done. */
const leastMessages = 20_000
const leastActors = 5_000

const peers: ReadonlyArray<PeerName> = ["ryker", "effect-pump", "erlang"]

const row = (title: string, size: number, count: number): Row => ({
  title,
  handler: "Effect.sync",
  // By this the peer in Erlang tells the rows.
  size,
  count,
  quick: 100,
  slow: 5,
  peers
})

const messages = row("each of so many messages", 0, 1_000_000)
const actors = row("each of so many actors, with a message", 1, 100_000)

/** Repeats `run`, which gives milliseconds, and gives nanoseconds for one of its `size`. */
const repeated = <E, R>(size: number, least: number, run: Effect.Effect<number, E, R>): Effect.Effect<number, E, R> =>
  Effect.gen(function* () {
    const times = Math.ceil(least / size)
    let millis = 0
    for (let time = 0; time < times; time++) millis += yield* run
    return (millis * 1e6) / (times * size)
  })

const sendMany = <A>(peer: EffectPeer<A>, size: number): Effect.Effect<number, unknown, Environment> =>
  Effect.scoped(
    Effect.gen(function* () {
      let tally = new Tally(size)
      const actor = yield* peer.spawn((n) => makeHandler("Effect.sync", tally)(n), {})
      const send = Effect.suspend(() => {
        tally = new Tally(size)
        return millis(
          tally,
          Senders.tellAll(0, size, (n) => peer.tell(actor, n))
        )
      })
      return yield* repeated(size, leastMessages, send)
    })
  )

const spawnMany = <A>(peer: EffectPeer<A>, size: number): Effect.Effect<number, unknown, Environment> =>
  repeated(
    size,
    leastActors,
    Effect.scoped(
      Effect.gen(function* () {
        const tally = new Tally(size)
        const handle = makeHandler("Effect.sync", tally)
        const all: Array<A> = []
        const begunAt = performance.now()
        for (let n = 0; n < size; n++) all.push(yield* peer.spawn(handle, {}))
        const spawned = performance.now() - begunAt
        return (
          spawned +
          (yield* millis(
            tally,
            Senders.tellAll(0, size, (n) => peer.tell(all[n]!, n))
          ))
        )
      })
    )
  )

/** As `Senders.millisOf`, without a garbage collection for each of thousands of repetitions. */
const millis = (tally: Tally, send: Effect.Effect<void, unknown>): Effect.Effect<number, unknown> =>
  Effect.gen(function* () {
    const begunAt = performance.now()
    yield* send
    const finishedAt = yield* Effect.promise(tally.finished)
    tally.check()
    return finishedAt - begunAt
  })

const workload: Workload = {
  rows: [messages, actors],
  about: ["bounded", "supervised", "ownTurn"],
  effect: (peer, { title }, count) =>
    Effect.gen(function* () {
      const isMessages = title === messages.title
      const measures: Record<string, number> = {}
      for (const size of isMessages ? messageSizes : actorSizes) {
        if (size > count) break
        globalThis.gc?.()
        measures[`at ${size}`] = yield* isMessages ? sendMany(peer, size) : spawnMany(peer, size)
      }
      return measures
    }),
  plain: () => Promise.reject(new Error("It is not in these rows"))
}

export default workload
