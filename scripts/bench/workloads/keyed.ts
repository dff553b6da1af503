/** Actors by id: a first message to each of so many ids, then a second. Who has no families keeps actors in a Map. */
import * as Effect from "effect/Effect"
import * as Senders from "../effectSenders.ts"
import * as PlainSenders from "../plainSenders.ts"
import { makeHandler, makePlainHandler, Tally } from "../tally.ts"
import type { EffectPeer, Environment, Handler, Measures, PlainPeer, Row, Workload } from "../workload.ts"

const idOf = (n: number, count: number): string => `id-${n % count}`

type Get<A> = (id: string) => Effect.Effect<A, unknown, Environment>

const family = <A>(peer: EffectPeer<A>, handler: Handler, ids: number): Effect.Effect<Get<A>, unknown, Environment> => {
  if (peer.keyed !== undefined) {
    return Effect.map(
      peer.keyed(handler, ids),
      (get): Get<A> =>
        (id) =>
          Effect.sync(() => get(id))
    )
  }
  const actors = new Map<string, A>()
  return Effect.succeed((id) =>
    Effect.suspend(() => {
      const actor = actors.get(id)
      return actor === undefined
        ? Effect.tap(peer.spawn(handler, {}), (made) => Effect.sync(() => actors.set(id, made)))
        : Effect.succeed(actor)
    })
  )
}

/** Asks so many callers at once, as one request after the other would measure the way there and back. */
const callers = 64

const measures = (count: number, first: number, second: number): Measures => ({
  rate: (count * 1000) / first,
  again: (count * 1000) / second
})

const workload: Workload = {
  rows: [
    {
      title: "keyed, first message to each of 100,000 ids",
      handler: "Effect.sync",
      count: 100_000,
      // It takes half a millisecond for each.
      counts: { entity: 5_000 },
      quick: 500,
      slow: 6
    }
  ],
  about: ["bounded", "deadline", "supervised"],
  absent: { xstate: "it has no ask" },
  effect: (peer, { handler }, count) =>
    Effect.gen(function* () {
      let tally = new Tally(count)
      const get = yield* family(peer, (n) => makeHandler(handler, tally)(n), count)
      const context = yield* Effect.context<Environment>()
      const pass = (now: Tally) => {
        tally = now
        return Senders.millisOf(
          now,
          Senders.concurrently(callers, count, (from, to) =>
            Senders.askAll(from, to, (n) =>
              Effect.provideContext(
                Effect.flatMap(get(idOf(n, count)), (actor) => peer.ask(actor, n)),
                context
              )
            )
          )
        )
      }
      return measures(count, yield* pass(tally), yield* pass(new Tally(count)))
    }),
  plain: async <A>(peer: PlainPeer<A>, { handler }: Row, count: number) => {
    let tally = new Tally(count)
    const actors = new Map<string, A>()
    const get = (id: string): A => {
      let actor = actors.get(id)
      if (actor === undefined) {
        actor = peer.spawn((n) => makePlainHandler(handler, tally)(n), {})
        actors.set(id, actor)
      }
      return actor
    }
    const pass = (now: Tally) => {
      tally = now
      return PlainSenders.millisOf(now, () =>
        PlainSenders.concurrently(callers, count, (from, to) =>
          PlainSenders.askAll(from, to, (n) => peer.ask(get(idOf(n, count)), n))
        )
      )
    }
    return measures(count, await pass(tally), await pass(new Tally(count)))
  }
}

export default workload
