/** What a benchmark is made of: peers, the workloads that they are given, and what those measure. */
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Sharding from "effect/cluster/Sharding"
import type * as Ryker from "ryker/Ryker"
import type { Metric } from "./metrics.ts"

// --- Peers --------------------------------------------------------------------------------------------------------------

/** In the order of the table; a new one is a file in `peers/` and its name here. */
export const peerNames = [
  "ryker",
  "effect-usual",
  "effect-fiber",
  "effect-pump",
  "entity",
  "nact",
  "xstate",
  "fastq",
  "p-queue",
  "erlang",
  "erlang-paced",
  "plain"
] as const

/** Ryker beside itself: what messages cost with more or less telemetry (`--telemetry`). */
export const telemetryPeerNames = [
  "ryker-no-metrics",
  "ryker",
  "ryker-no-spans",
  "ryker-unsampled",
  "ryker-traced"
] as const

export type PeerName = (typeof peerNames)[number] | (typeof telemetryPeerNames)[number]

export type Peer = EffectPeer<unknown> | PlainPeer<unknown> | ForeignPeer

/** What a peer promises, so that no row is read without it. */
export interface Guarantees {
  /** Whether there is a bound, and what happens to the message that there is no room for. */
  readonly bounded: Guarantee
  /** Whether an ask ends after a second, and what becomes of its message. */
  readonly deadline: Guarantee
  /** Whether an actor whose handler crashes begins anew, and what else happens. */
  readonly supervised: Guarantee
  /** Whether a handler that sends, or is sent to, runs on another stack than the send. */
  readonly ownTurn: Guarantee
}

export type Guarantee = readonly [holds: boolean, how: string]

interface AnyPeer {
  readonly title: string
  readonly guarantees: Guarantees
}

/** What there is besides the peer's own Layer; each is for the one that needs it. */
export type Services = Ryker.Ryker | Sharding.Sharding
export type Environment = Services | Scope.Scope

/** What an actor of the benchmark does with a message; which actor it is makes no difference. */
export type Handler = (n: number, bytes?: Uint8Array) => Effect.Effect<number>

/** A send that may be refused: `Busy` and `MailboxFull` mean that there is no room now. */
export type Tell = Effect.Effect<unknown, { readonly _tag: string }>

/** Actors whose senders and handlers are Effects. `A` is what a sender holds. */
export interface EffectPeer<A> extends AnyPeer {
  readonly kind: "effect"
  /** What its actors run in, made anew for each round. */
  readonly layer: Layer.Layer<never> | Layer.Layer<Services>
  /** Starts an actor that lives as long as the Scope. */
  readonly spawn: (handler: Handler, options: SpawnOptions) => Effect.Effect<A, unknown, Environment>
  /** Sends and goes on. Fails when there is no room, unless it waits for room. */
  readonly tell: (actor: A, n: number, bytes?: Uint8Array) => Tell
  /** Sends and waits for the answer, for `deadlineMillis` at most. */
  readonly ask: (actor: A, n: number) => Effect.Effect<unknown, unknown>
  /** As `tell`, without an Effect: false when there is no room. */
  readonly tellUnsafe?: (actor: A, n: number) => boolean
  /** As `ask`, for callers without Effect. */
  readonly askPromise?: (actor: A, n: number) => Promise<unknown>
  /** A family of actors by id, which their first message starts; without it the workload keeps a Map of actors. */
  readonly keyed?: (handler: Handler, ids: number) => Effect.Effect<(id: string) => A, unknown, Environment>
  /** An actor that begins with a new handler after a crash. */
  readonly restarting?: (build: () => Handler) => Effect.Effect<A, unknown, Environment>
  /** Handles what was accepted, then ends; fails if anything was lost. */
  readonly drain?: Effect.Effect<void, unknown, Environment>
  /** Fails when the peer's own books do not balance. */
  readonly check?: Effect.Effect<void, unknown, Environment>
  /** Bytes that the peer says it has overwritten. */
  readonly zeroized?: Effect.Effect<number, unknown, Environment>
}

export type PlainHandler = (n: number) => number | Promise<number>

/** Actors without Effect: their handlers are functions, their answers Promises. */
export interface PlainPeer<A> extends AnyPeer {
  readonly kind: "plain"
  readonly spawn: (handler: PlainHandler, options: SpawnOptions) => A
  /** Sends and goes on; false when there is no room. */
  readonly tell: (actor: A, n: number) => boolean
  readonly ask: (actor: A, n: number) => Promise<number>
  /** An actor that begins with a new handler after a crash. */
  readonly restarting?: (build: () => PlainHandler) => A
  /** Ends all that was started, after each round. */
  readonly stop: () => void
}

/** A peer in a language of its own: a program that reads "run" and answers with a line of JSON. */
export interface ForeignPeer extends AnyPeer {
  readonly kind: "foreign"
  /** Why it cannot run on this machine; undefined when it can. */
  readonly missing: () => string | undefined
  /** The program and its arguments; `folder` is for what it compiles. */
  readonly command: (folder: string, run: ForeignRun) => ReadonlyArray<string>
}

export interface ForeignRun {
  readonly workload: string
  readonly row: Row
  readonly quick: boolean
}

export interface SpawnOptions {
  /** Messages that may wait. */
  readonly capacity?: number
  /** Whether what a message held is overwritten after it, where a peer can. */
  readonly amnesia?: boolean
}

/** The same for all peers: what Ryker has by default. */
export const defaultCapacity = 256
/** Where only results are checked, none may be wrong because the machine is slow. */
export const quickDeadlineMillis = 60_000
export const deadlineMillis = process.env["BENCH_QUICK"] === "1" ? quickDeadlineMillis : 1_000

/** How long a round should take, and at least how long a process warms up before its first. */
export const roundMillis = 200
export const warmUpMillis = 400

// --- Workloads ----------------------------------------------------------------------------------------------------------

/** In the order of the table; a new one is a file in `workloads/` and its name here. */
export const workloadNames = [
  "tell",
  "tell-unsafe",
  "tell-busy",
  "ask",
  "ask-promise",
  "ask-concurrent",
  "fan-in",
  "fan-out",
  "ring",
  "suspend",
  "spawn",
  "keyed",
  "crash",
  "drain",
  "latency",
  "loop-delay",
  "payload",
  "allocation",
  "scale"
] as const

export type WorkloadName = (typeof workloadNames)[number]

/** A group of rows of the table. */
export interface Workload {
  readonly rows: ReadonlyArray<Row>
  /** Which of the guarantees matter here. */
  readonly about: ReadonlyArray<keyof Guarantees>
  /** Who is not in any row, and why. */
  readonly absent?: { readonly [name in PeerName]?: string }
  /** Further options of Node. */
  readonly node?: ReadonlyArray<string>
  /** One round of `count` operations. Dies when a result is wrong. */
  readonly effect: <A>(peer: EffectPeer<A>, row: Row, count: number) => Effect.Effect<Measures, unknown, Environment>
  readonly plain: <A>(peer: PlainPeer<A>, row: Row, count: number) => Promise<Measures>
}

export interface Row {
  readonly title: string
  /** The form of the handler of those whose handlers are Effects; others have a function. */
  readonly handler: HandlerForm
  /** What rows of a workload differ in: callers, actors or bytes. */
  readonly size?: number
  readonly amnesia?: boolean
  /** Operations in a round; without it as many as fill the round's time. */
  readonly count?: number
  /** Fewer for those whom `count` would take minutes. */
  readonly counts?: { readonly [name in PeerName]?: number }
  /** Operations in a round that only checks. */
  readonly quick: number
  /** How many times as long as others its rounds take: it has fewer of them, and more of the run's time. */
  readonly slow?: number
  /** Only these, of those who can. */
  readonly peers?: ReadonlyArray<PeerName>
  /** Whether producers can outrun the actor and are refused by who has a bound: `erlang-paced` is in such rows only. */
  readonly outruns?: true
}

/** What a round gave, by `Metric`. */
export type Measures = { readonly [metric in Metric]?: number }

/** The form that a handler is written in, which can matter more than the machinery around it. */
export type HandlerForm = "Effect.sync" | "Effect.succeed" | "Effect.gen" | "Effect.callback"

/** Whose handlers are Effects; the form of a handler is nothing to the others. */
export const effectPeers: ReadonlyArray<PeerName> = [
  "effect-usual",
  "effect-fiber",
  "effect-pump",
  ...telemetryPeerNames
]
