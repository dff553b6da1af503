/** The faults of one runtime: counts what they wait for, and strikes. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { ActorCell } from "../../internal/actorCell.ts"
import type { Start } from "../../internal/instrument.ts"
import type { Handler } from "../../internal/protocol.ts"
import type { Fault, Nth } from "../Fault.ts"

/** A fault that happened. */
export interface Injected {
  /** The fault, as it was written. */
  readonly fault: string
  readonly effect: "crash" | "hang" | "slow" | "failed start"
  /** The actor's address. */
  readonly actor: string
  /** The message's tag; undefined for a start. */
  readonly request: string | undefined
  readonly incarnation: number
  /** When, in milliseconds of virtual time since the runtime's clock began. */
  readonly time: number
}

/** How an injected defect is called in events and log lines. */
export const injectedDefect = "InjectedFault"

/** The defect of an injected crash. Its place in the code is the fault. */
class InjectedFault extends Error {
  constructor(label: string) {
    super(label)
    this.name = injectedDefect
    this.stack = `${injectedDefect}: ${label}\n    at ${label}`
  }
}

type MessageFault = Extract<Fault, { readonly _tag: "Message" }>
type StartFault = Extract<Fault, { readonly _tag: "Start" }>
type Storm = Extract<Fault, { readonly _tag: "Storm" }>

/** A fault with what it has seen so far. */
class Armed<F extends Fault> {
  readonly fault: F
  /** How many it has counted of what it waits for. */
  seen = 0
  /** How often it has struck. */
  struck = 0

  constructor(fault: F) {
    this.fault = fault
  }

  /** Counts one more; whether it is one that the fault strikes. */
  strikes(nth: Nth): boolean {
    this.seen++
    const isHit = nth === "every" || (typeof nth === "number" ? nth === this.seen : nth.includes(this.seen))
    if (isHit) this.struck++
    return isHit
  }
}

const concerns = ({ actor, address }: MessageFault | StartFault, cell: ActorCell): boolean =>
  address === undefined ? actor === cell.options.group.name : address === cell.address

export class ArmedFaults {
  readonly injected: Array<Injected> = []
  /** The definitions that have a probe. */
  readonly probes = new Set<string>()
  private readonly now: () => number
  private readonly onMessage: Array<Armed<MessageFault>> = []
  private readonly onStart: Array<Armed<StartFault>> = []
  private readonly storms: Array<Armed<Storm>> = []
  private readonly streams = new Map<string, Random.Random>()

  constructor(faults: ReadonlyArray<Fault>, now: () => number) {
    this.now = now
    for (const fault of faults) {
      if (fault._tag === "Message") this.onMessage.push(new Armed(fault))
      else if (fault._tag === "Start") this.onStart.push(new Armed(fault))
      else this.storms.push(new Armed(fault))
    }
  }

  /** Planned faults that have not happened; a storm promises none. */
  get unused(): ReadonlyArray<string> {
    return [...this.onMessage, ...this.onStart].filter(({ struck }) => struck === 0).map(({ fault }) => fault.label)
  }

  around(cell: ActorCell, start: Start): Start {
    if (cell.options.kind !== "actor") return start
    const storms = this.storms.filter(({ fault }) => this.isInStorm(fault, cell))
    return Effect.suspend(() => this.failStart(cell, storms) ?? this.bind(cell, start, storms))
  }

  private isInStorm({ actors }: Storm, { options }: ActorCell): boolean {
    const { name } = options.group
    return actors === undefined ? !this.probes.has(name) : actors.some(({ actor }) => actor === name)
  }

  private failStart(cell: ActorCell, storms: ReadonlyArray<Armed<Storm>>): Start | undefined {
    // Each counts, also when another has struck already.
    const hits = this.onStart
      .filter(({ fault }) => concerns(fault, cell))
      .filter((armed) => armed.strikes(armed.fault.nth))
    const isRestart = cell.incarnation > 1
    const storm = storms.find((armed) => isRestart && this.draws(armed, cell) < armed.fault.failStart)
    if (storm !== undefined) storm.struck++
    const fault = hits[0]?.fault ?? storm?.fault
    if (fault === undefined) return undefined
    this.note(fault, "failed start", cell, undefined)
    return Effect.die(new InjectedFault(fault.label))
  }

  private bind(cell: ActorCell, start: Start, storms: ReadonlyArray<Armed<Storm>>): Start {
    const faults = this.onMessage.filter(({ fault }) => concerns(fault, cell))
    if (faults.length === 0 && storms.length === 0) return start
    const { specs } = cell.options.protocol
    return Effect.map(start, (handlers) =>
      handlers.map((handler, index) => {
        const { tag } = specs[index]!
        const own = faults.filter(({ fault }) => fault.request === undefined || fault.request === tag)
        return own.length === 0 && storms.length === 0 ? handler : this.spoil(cell, tag, handler, own, storms)
      })
    )
  }

  /** The handler, with what the faults make of it. */
  private spoil(
    cell: ActorCell,
    tag: string,
    handler: Handler,
    faults: ReadonlyArray<Armed<MessageFault>>,
    storms: ReadonlyArray<Armed<Storm>>
  ): Handler {
    return (payload) => {
      let effect: Effect.Effect<unknown, unknown> = Effect.suspend(() => handler(payload))
      for (const { fault } of faults.filter((armed) => armed.strikes(armed.fault.nth))) {
        const crash = Effect.die(new InjectedFault(fault.label))
        switch (fault.effect) {
          case "crash before":
            effect = crash
            break
          case "crash after":
            effect = Effect.andThen(Effect.exit(effect), crash)
            break
          case "hang":
            effect = Effect.never
            break
          case "slow":
            effect = Effect.delay(effect, fault.duration)
            break
        }
        const kind = fault.effect === "hang" || fault.effect === "slow" ? fault.effect : "crash"
        this.note(fault, kind, cell, tag)
      }
      for (const armed of storms) {
        const { fault } = armed
        const drawn = this.draws(armed, cell)
        if (drawn >= fault.crash + fault.hang) continue
        armed.struck++
        const isCrash = drawn < fault.crash
        this.note(fault, isCrash ? "crash" : "hang", cell, tag)
        effect = isCrash ? Effect.die(new InjectedFault(fault.label)) : Effect.delay(effect, fault.hangFor)
      }
      return effect
    }
  }

  /** A number from 0 to 1 of the actor's own; one that reaches no rate once the storm is over. */
  private draws({ fault, struck }: Armed<Storm>, { address }: ActorCell): number {
    if (struck >= fault.limit) return Number.POSITIVE_INFINITY
    const key = `${fault.seed}/${address}`
    let stream = this.streams.get(key)
    if (stream === undefined) {
      stream = Effect.runSync(Random.withSeed(Effect.service(Random.Random), key))
      this.streams.set(key, stream)
    }
    return stream.nextDoubleUnsafe()
  }

  private note(fault: Fault, effect: Injected["effect"], cell: ActorCell, request: string | undefined): void {
    const { address: actor, incarnation } = cell
    this.injected.push({ fault: fault.label, effect, actor, request, incarnation, time: this.now() })
  }
}
