/** Messages come to keyed actors at the moment when these are passivated. */
import * as Effect from "effect/Effect"
import * as Explore from "../../../src/testing/Explore.ts"
import { Family, inTurn, pause, program, quick, slow, together } from "./world.ts"

/** Whatever is accepted is handled, by one incarnation at a time, and by one actor for an id. */
export const passivationAgainstSend = program(
  (world) =>
    Family.toLayer(() => world.build({ opens: () => Effect.yieldNow, closes: Effect.sleep(1) }), {
      ...quick,
      idleAfter: 2
    }),
  ({ ask, tell, messages }) =>
    Effect.gen(function* () {
      const family = yield* Family
      const [a, b] = [family.get("a"), family.get("b")]
      yield* together({
        ada: inTurn(ask(a, "ada1"), Effect.sleep(4), tell(a, "ada2", pause), ask(b, "ada3", slow(1)), ask(a, "ada4")),
        bob: inTurn(ask(b, "bob1"), Effect.sleep(4), ask(b, "bob2", pause), Effect.sleep(2), ask(b, "bob3", slow(1)))
      })
      for (const { name, outcome } of messages.values()) {
        if (outcome !== "reply" && outcome !== "taken") yield* Effect.fail(`${name} got ${outcome}`)
      }
    })
)

/** The bound on residents holds, and room comes as soon as one is gone. */
export const passivationAgainstRoom = program(
  (world) => Family.toLayer(() => world.build({ closes: Effect.yieldNow }), { ...quick, idleAfter: 2, maxResident: 1 }),
  ({ alive, ask, insist }) =>
    Effect.gen(function* () {
      const family = yield* Family
      yield* Explore.always(
        "one is resident at the most",
        Effect.map(family.residents, (ids) => ids.length <= 1 && alive.size <= 1)
      )
      yield* together({
        ada: inTurn(insist(ask(family.get("a"), "ada1", pause)), insist(ask(family.get("a"), "ada2"))),
        bob: inTurn(
          insist(ask(family.get("b"), "bob1")),
          Effect.sleep(1),
          insist(ask(family.get("a"), "bob2", slow(1)))
        )
      })
    })
)
