/** What an actor's cell is made of, and what it has to do with those around it: its types. */
import type * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type { Busy, Deadlock, Stopped, StopReason, Timeout } from "../RykerError.ts"
import type { ActorCell } from "./actorCell.ts"
import type { Pool } from "./pool.ts"
import type { Protocol } from "./protocol.ts"
import type { Group, Runtime } from "./runtime.ts"
import type { Services } from "./services.ts"
import type { ActorSettings } from "./settings.ts"

/** Where an actor is in its life; `lifecycle.ts` and `crash` below make all the transitions. */
export type CellPhase = "New" | "Starting" | "Running" | "Closing" | "BackingOff" | "Halted" | "Stopped"

/** Whether it handles messages, or only starts and ends together with what it has below it. */
export type CellKind = "actor" | "supervisor" | "family"

/** What an actor is made of, as far as it is the same for all that are started alike: they share the object. */
export interface CellOptions {
  readonly runtime: Runtime
  readonly group: Group
  readonly protocol: Protocol
  readonly settings: ActorSettings
  readonly kind: CellKind
  /** Where it is started: what happens to the actor, not in it, has this around it. */
  readonly context: Context.Context<never>
  /** What `build` and the handlers find around them. */
  readonly services: Services
  /** The pool that the actor is a member of. */
  readonly pool?: Pool | undefined
  /** The keyed family that the actor belongs to. */
  readonly family?: CellFamily | undefined
  /** It is one of those that the application cannot be without: if it gives up, and no supervisor is above it, the root has. */
  readonly isVital?: boolean | undefined
  /** A Layer starts it, so that it is meant to be there for as long. */
  readonly isOfLayer?: boolean | undefined
  /** Ends what it has below it, just before it ends itself. */
  readonly release?: ((reason: StopReason) => Effect.Effect<void>) | undefined
  /** Called when nobody can start it again. */
  readonly onForgotten?: (() => void) | undefined
  /** Called when a stop of it is asked for. */
  readonly onStopAsked?: (() => void) | undefined
}

/** Whether a Layer has started it: what is vital says so by that, unless it says otherwise. */
export const isStartedByLayer = ({ isOfLayer, isVital }: CellOptions): boolean => (isOfLayer ?? isVital) === true

/** What goes on with an actor, see `lifecycle.ts`. */
export interface CellLife {
  /** Something has changed that it may wait for: it looks at the state in a task of its own. */
  notify(cell: ActorCell): void
}

/** What is an actor's own. */
export interface CellOwn {
  readonly address: string
  /** Run at every start; gives the handlers by tag. */
  readonly build: Effect.Effect<unknown, unknown, unknown>
  /** The supervisor whose child it is. */
  readonly supervisor?: CellSupervisor | undefined
}

/** What a cell tells its supervisor. */
export interface CellSupervisor {
  /** Whether a restart is the supervisor's affair, as others are restarted with it. */
  readonly restartsGroups: boolean
  /** Its own incarnation is about to end: children that are down stay so, until it starts them again. */
  readonly isEnding: boolean
  /** It has changed its phase. */
  changed(): void
  /** It has failed, may be restarted, and waits to be released. */
  asksForRestart(cell: ActorCell): void
  /** It has stopped. */
  childEnded(cell: ActorCell, reason: StopReason): void
}

/** A start that somebody waits for. */
export interface AwaitedStart {
  /**
   * What follows when it fails: the end; a wait for the supervisor's word; or another try, with backoff
   * and within the restart intensity, as after a crash.
   */
  readonly ifFailed: "end" | "hold" | "retry"
  /** Called once, with what the start gave. */
  readonly onStarted: (exit: Exit.Exit<void, unknown>) => void
}

/** A supervisor wants the incarnation to end, and the actor to wait until it is released. */
export interface HaltRequest {
  /** Until when the message in hand may take its time. */
  readonly at: number
  /** The address of the one that failed. */
  readonly because: string
}

/** Why an incarnation is over: the actor's end, or what went before a restart. */
export type DownReason = StopReason | "StartFailed" | "Restarted"

/** What a cell tells its family. */
export interface CellFamily {
  /** It has taken its first message in: it is to be started. */
  enters(cell: ActorCell): void
  /** It has no work any more. */
  rests(cell: ActorCell): void
  /** Nothing of it is left. */
  leaves(cell: ActorCell): void
  /** Its residents are not to start, as the family's supervisor restarts it. */
  readonly isHalted: boolean
  /** The family is a supervisor's child, which stops it in its turn. */
  readonly isSupervised: boolean
}

/** A stop that was asked for. */
export interface StopRequest {
  readonly reason: StopReason
  /** When it must be over. */
  readonly at: number
  readonly worksOff: WorkOff
}

/** What may use the time until a stop's deadline: all that was accepted, the message in hand, or nothing. */
export type WorkOff = "all" | "inHand" | "nothing"

/** The less of two. */
export const lessOf = (self: WorkOff, that: WorkOff): WorkOff => {
  if (self === "nothing" || that === "nothing") return "nothing"
  return self === "inHand" || that === "inHand" ? "inHand" : "all"
}

/** What a message can be refused with, besides a flaw of its payload. */
export type Refusal = Busy | Timeout | Stopped | Deadlock

/** Where messages of a handle go. */
export type Target = SingleTarget | Pool

/** One actor. */
export interface SingleTarget {
  readonly runtime: Runtime
  /** Where it is, also when no actor is there. */
  readonly address: string
  /** The actor to send to, or why there is none. A keyed one may be new: the first message it takes in starts it. */
  resolve(fromInside: boolean): ActorCell | Busy | Stopped
  /** The actor as it is now; none for a keyed actor that is not resident. */
  cells(): ReadonlyArray<ActorCell>
}
