import { assert, describe, it } from "@effect/vitest"
import * as Ledger from "../src/Ledger.ts"
import { StopReason } from "../src/RykerError.ts"

const entry: Ledger.Entry = {
  actor: "Account",
  accepted: 31,
  handled: 1,
  failed: 2,
  dropped: { deadline: 3, interrupted: 4, shutdown: 5, rapid_fail: 6, closed: 7 },
  queued: 2,
  inHand: 1,
  refused: { busy: 100, tooLarge: 100, stopped: 100, timeout: 100, deadlock: 100, invalid: 100 },
  crashes: 100,
  restarts: 100,
  yields: 100
}

describe("Ledger", () => {
  it("counts every reason as dropped", () => {
    assert.strictEqual(Ledger.totalDropped(entry.dropped), 25)
  })

  it("balances when all that was accepted is accounted for, whatever was refused", () => {
    assert.strictEqual(Ledger.imbalance(entry), 0)
  })

  it("says how many messages are missing, or how many too many are accounted for", () => {
    for (const key of ["handled", "failed", "queued", "inHand"] as const) {
      assert.strictEqual(Ledger.imbalance({ ...entry, [key]: entry[key] - 1 }), 1, key)
    }
    assert.strictEqual(Ledger.imbalance({ ...entry, accepted: entry.accepted - 1 }), -1)
    assert.strictEqual(Ledger.imbalance({ ...entry, dropped: { ...entry.dropped, closed: 0 } }), 7)
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
        Passivated: "closed",
        Closed: "closed",
        Ended: "closed"
      }
    )
  })
})
