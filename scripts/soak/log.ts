/** A Logger that keeps count of ryker's lines, and the words of those that nothing in the load brings about. */
import * as Logger from "effect/Logger"
import * as References from "effect/References"

/** What crashes, overload, reloads, suspends and drains write; see the log table of docs/semantics.md. */
export const expected = new Set([
  "actor_crashed",
  "actor_restarting",
  "actor_stopped",
  "actor_suspended",
  "actor_resumed",
  "group_restarting",
  "supervisor_failed",
  "config_applied",
  "config_refused",
  "drain_started",
  "drain_finished"
])

export class Lines {
  readonly counts: { [event: string]: number } = {}
  /** What is beyond this number is not kept: memory is measured. */
  private readonly kept = 100
  readonly surprises: Array<string> = []

  readonly logger = Logger.make(({ fiber, logLevel, message }) => {
    const { actor, event, lib } = fiber.getRef(References.CurrentLogAnnotations)
    const name = lib === "ryker" ? String(event) : "other"
    this.counts[name] = (this.counts[name] ?? 0) + 1
    if (!expected.has(name)) this.surprise(`${logLevel} ${name} ${String(actor)}: ${String(message)}`)
  })

  surprise(line: string): void {
    if (this.surprises.length < this.kept) this.surprises.push(line)
  }
}
