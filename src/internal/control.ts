/**
 * The lane of an actor's own signals: timers, Down, receive timeout. Each is a turn of its own, before
 * queued messages, and none is ever refused: a full mailbox does not hold them up.
 *
 * Whoever signals has at most one job waiting at a time, so the lane is bounded by their number.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import { CurrentMessage } from "./envelope.ts"
import { CurrentIncarnation } from "./incarnation.ts"
import { MessageSpec } from "./protocol.ts"

/** An effect that is to run in the actor's turn. */
export interface Job {
  readonly effect: Effect.Effect<void>
  /** It was cancelled while it waited. */
  readonly isStale: boolean
  /** It is about to run. */
  begins(): void
  /** It has ended, well or not. */
  ends(): void
}

/** Marks the envelopes that carry a job: they are no messages, and no ledger counts them. */
export const jobSpec = new MessageSpec("(a turn of its own)", -1, Schema.Void)

/** What the actor has of its own in each turn, or what ends with the handler that is current there. */
const passing = [
  Tracer.ParentSpan,
  Scope.Scope,
  References.CurrentLogAnnotations,
  References.CurrentLogSpans,
  CurrentMessage,
  CurrentIncarnation
] as const

/** The effect with services from elsewhere, less what is current only there. */
export const withServices = <R>(
  effect: Effect.Effect<void, never, R>,
  services: Context.Context<R>
): Effect.Effect<void> => {
  // What is omitted the actor's own turn has of itself, so the effect still finds all that it needs.
  const lasting = Context.omit(...passing)(services) as Context.Context<R>
  return Effect.updateContext(effect, (own: Context.Context<never>) => Context.merge(own, lasting))
}

/** The jobs of one actor that wait for their turn. */
export class JobLane {
  private jobs: Array<Job> = []
  /** How many of them may begin now; the rest lets one message go first. */
  private ready = 0

  /** What comes while another job runs waits for one message: such turns must not keep messages waiting for ever. */
  add(job: Job, isInTurn: boolean): void {
    this.jobs.push(job)
    if (!isInTurn) this.ready = this.jobs.length
  }

  get isEmpty(): boolean {
    return this.jobs.length === 0
  }

  take(): Job | undefined {
    while (this.ready > 0) {
      this.ready--
      const next = this.jobs.shift()!
      if (!next.isStale) return next
    }
    return undefined
  }

  /** A message had its turn, or there was none: all that wait may begin. */
  passed(): void {
    this.ready = this.jobs.length
  }

  clear(): void {
    this.jobs = []
    this.ready = 0
  }
}
