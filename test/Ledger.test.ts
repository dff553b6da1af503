import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Actor from "../src/Actor.ts"
import * as Ledger from "../src/Ledger.ts"
import * as Ryker from "../src/Ryker.ts"
import { StopReason } from "../src/RykerError.ts"
import { assertBalanced, withActors } from "./fixtures.ts"
import { pass, spawn, tell } from "./RykerEvent.fixtures.ts"

const entry: Ledger.Entry = {
  actor: "Account",
  accepted: 48,
  handled: 1,
  failed: 2,
  dropped: { deadline: 3, interrupted: 4, shutdown: 5, rapid_fail: 6, closed: 7, capacity: 8, poison: 9 },
  queued: 2,
  inHand: 1,
  refused: { busy: 100, tooLarge: 100, stopped: 100, timeout: 100, deadlock: 100, invalid: 100 },
  crashes: 100,
  restarts: 100,
  yields: 100,
  zeroizedBytes: 100
}

describe("Ledger", () => {
  it("counts every reason as dropped", () => {
    assert.strictEqual(Ledger.totalDropped(entry.dropped), 42)
  })

  it("balances when all that was accepted is accounted for, whatever was refused", () => {
    assert.strictEqual(Ledger.imbalance(entry), 0)
  })

  it("says how many messages are missing, or how many too many are accounted for", () => {
    for (const key of ["handled", "failed", "queued", "inHand"] as const) {
      assert.strictEqual(Ledger.imbalance({ ...entry, [key]: entry[key] - 1 }), 1, key)
    }
    assert.strictEqual(Ledger.imbalance({ ...entry, accepted: entry.accepted - 1 }), -1)
    for (const [reason, count] of Object.entries(entry.dropped)) {
      assert.strictEqual(Ledger.imbalance({ ...entry, dropped: { ...entry.dropped, [reason]: 0 } }), count, reason)
    }
  })

  it("gives the drop reason of every way in which an actor can end", () => {
    assert.deepStrictEqual(
      Object.fromEntries(StopReason.literals.map((reason) => [reason, Ledger.dropReasonOf(reason)])),
      {
        Stopped: "shutdown",
        Draining: "shutdown",
        ScopeClosed: "shutdown",
        RapidFail: "rapid_fail",
        Crashed: "closed",
        Normal: "closed",
        SupervisorStopped: "shutdown",
        Passivated: "closed",
        Closed: "closed",
        Ended: "closed"
      }
    )
  })

  it.effect("counts a stashed message as queued, and a timer's tick as no message at all", () =>
    Effect.gen(function* () {
      const a = yield* spawn()
      yield* tell(a, () => Actor.stash)
      yield* tell(a, () => Effect.flatMap(Actor.timers, ({ single }) => Effect.orDie(single("tick", 10, Effect.never))))
      yield* pass(10)
      // The tick is in hand, and not a message; the stashed one is not in the mailbox, and is one.
      assert.deepInclude(yield* Actor.status(a), { queued: 1, busy: true })
      assert.deepInclude((yield* Ryker.ledger)[0], { accepted: 2, handled: 1, queued: 1, inHand: 0 })
      yield* assertBalanced
      yield* Actor.stop(a, { deadline: 0 })
      assert.deepInclude((yield* Ryker.ledger)[0], { accepted: 2, handled: 1, queued: 0, inHand: 0, failed: 0 })
    }).pipe(withActors(Layer.empty, { drainDeadline: 0 }))
  )

  it.effect("counts an abandoned tick as no abandoned message", () =>
    Effect.gen(function* () {
      const tick = Effect.uninterruptible(Effect.sleep(100))
      yield* tell(yield* spawn(), () =>
        Effect.flatMap(Actor.timers, ({ single }) => Effect.orDie(single("tick", 10, tick)))
      )
      yield* pass(10)
      const { actors } = yield* Ryker.drain(0)
      assert.deepInclude(actors[0], { actor: "A", abandoned: 0, failed: 0 })
      yield* pass(100)
    }).pipe(withActors(Layer.empty, { drainDeadline: 0 }))
  )
})
