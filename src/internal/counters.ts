/** The run loop's side of the ledger: plain numbers, one object for each definition. */
import type * as Ledger from "../Ledger.ts"

export class Counters {
  accepted = 0
  handled = 0
  failed = 0
  crashes = 0
  restarts = 0
  yields = 0
  zeroizedBytes = 0
  readonly dropped: { [reason in Ledger.DropReason]: number } = {
    deadline: 0,
    interrupted: 0,
    shutdown: 0,
    rapid_fail: 0,
    closed: 0,
    capacity: 0,
    poison: 0
  }
  readonly refused = { busy: 0, tooLarge: 0, stopped: 0, timeout: 0, deadlock: 0, invalid: 0 }

  /** A copy, with what the mailboxes and run loops hold now. */
  entry(actor: string, queued: number, inHand: number): Ledger.Entry {
    return {
      actor,
      accepted: this.accepted,
      handled: this.handled,
      failed: this.failed,
      dropped: { ...this.dropped },
      queued,
      inHand,
      refused: { ...this.refused },
      crashes: this.crashes,
      restarts: this.restarts,
      yields: this.yields,
      zeroizedBytes: this.zeroizedBytes
    }
  }
}
