/** What happened in a run, as a person reads it: who ran, what was sent, to whom, and what came of it. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Inspectable from "effect/Inspectable"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import type { ActorCell } from "../../internal/actorCell.ts"
import { jobSpec } from "../../internal/control.ts"
import { CurrentMessage, type Envelope } from "../../internal/envelope.ts"
import { CurrentIncarnation } from "../../internal/incarnation.ts"
import type { RuntimeObserver } from "../../internal/runtimeObserver.ts"
import type { Runtime } from "../../internal/runtime.ts"

/** The name that `Explore.named` gave. */
export const CurrentName = Context.Reference<string | undefined>("ryker/testing/CurrentName", {
  defaultValue: () => undefined
})

/** One thing that happened. */
export interface Line {
  /** The step in which it happened, counted from 1. */
  readonly step: number
  /** Virtual milliseconds. */
  readonly millis: number
  /** The step was not the one that would have gone by itself. */
  readonly deviates: boolean
  readonly who: string
  readonly what: string
}

/** Collects the runtimes of a run, and, where it is to be told, what happened in it. */
export class Trace implements RuntimeObserver {
  readonly handlesAtOnce: boolean
  readonly runtimes: Array<Runtime> = []
  readonly lines: Array<Line> = []
  private readonly isTold: boolean
  private readonly onCreated: (turn: () => void) => void
  private readonly fibers = new WeakMap<object, string>()
  private step = 0
  private deviates = false
  private numbered = 0
  private now: () => number = () => 0

  constructor(isTold: boolean, handlesAtOnce: boolean, onCreated: (turn: () => void) => void) {
    this.isTold = isTold
    this.handlesAtOnce = handlesAtOnce
    this.onCreated = onCreated
  }

  /** The run begins. */
  begin(now: () => number): void {
    this.now = now
  }

  isProgram(program: Fiber.Fiber<unknown, unknown>): void {
    this.fibers.set(program, "program")
  }

  onStep(isTime: boolean, deviates: boolean): void {
    this.step++
    this.deviates = deviates
    if (isTime && deviates) this.add("time", "goes on although there is something to do")
  }

  onFiber(fiber: Fiber.Fiber<unknown, unknown>): void {
    if (this.isTold) this.add(this.nameOf(fiber), goesOn)
  }

  /** What the program logs. The runtime's own lines are there already, as events. */
  readonly logger = Logger.make<unknown, void>(({ fiber, message }) => {
    if (!this.isTold || fiber.getRef(References.CurrentLogAnnotations)["lib"] === "ryker") return
    const parts = Array.isArray(message) ? message : [message]
    this.add(this.nameOf(fiber), `logs ${parts.map((part) => Inspectable.toStringUnknown(part, 0)).join(" ")}`)
  })

  /** A fiber that was woken waits for a turn of its own. */
  onGivenWay(fiber: Fiber.Fiber<unknown, unknown>): void {
    if (this.isTold) this.add(this.nameOf(fiber), "is woken, and goes on later", true)
  }

  // --- As the runtime's observer -----------------------------------------------------------------------------------

  opened(runtime: Runtime): void {
    this.runtimes.push(runtime)
  }

  created(_cell: ActorCell, turn: () => void): void {
    this.onCreated(turn)
  }

  lives(cell: ActorCell, fiber: Fiber.Fiber<unknown, unknown>): void {
    const name = `${cell.address} (lifecycle)`
    // The step that it began with was told of before its first word, under a number.
    const number = this.fibers.get(fiber)
    const last = this.lines.at(-1)
    if (last !== undefined && last.who === number) this.lines[this.lines.length - 1] = { ...last, who: name }
    this.fibers.set(fiber, name)
  }

  accepted(message: Envelope): void {
    this.tell(() => `${message.isAsk ? "asks" : "tells"} ${subjectOf(message)}`)
  }

  refused(message: Envelope, refusal: { readonly _tag: string }): void {
    this.tell(() => `${message.isAsk ? "asks" : "tells"} ${subjectOf(message)}: ${refusal._tag}`)
  }

  began(message: Envelope): void {
    this.tell(() => `begins ${tagOf(message)}`, message.cell.address)
  }

  ended(message: Envelope, exit: Exit.Exit<unknown, unknown>): void {
    this.tell(() => `${tagOf(message)} ${outcomeOf(exit)}`, message.cell.address)
  }

  dropped(message: Envelope, reason: string): void {
    this.tell(() => `drops ${tagOf(message)} (${reason})`, message.cell.address)
  }

  happened({ _tag, actor }: { readonly _tag: string; readonly actor: string }): void {
    this.tell(() => _tag, actor)
  }

  private tell(what: () => string, who?: string): void {
    if (this.isTold) this.add(who ?? this.nameOf(Fiber.getCurrent()), what())
  }

  private add(who: string, what: string, deviates = this.deviates): void {
    this.lines.push({ step: this.step, millis: this.now(), deviates, who, what })
  }

  /** Whose fiber it is: an actor's, one with a name, or one with a number by the order of being told of. */
  private nameOf(fiber: Fiber.Fiber<unknown, unknown> | undefined): string {
    if (fiber === undefined) return "outside"
    const message = fiber.getRef(CurrentMessage)?.serving
    if (message !== undefined) return message.cell.address
    const incarnation = fiber.getRef(CurrentIncarnation)
    if (incarnation !== undefined) return incarnation.cell.address
    let name = this.fibers.get(fiber) ?? fiber.getRef(CurrentName)
    if (name === undefined) {
      name = `fiber ${++this.numbered}`
      this.fibers.set(fiber, name)
    }
    return name
  }
}

const tagOf = ({ spec }: Envelope): string => (spec === jobSpec ? "a turn of its own" : spec.tag)

const subjectOf = (message: Envelope): string => `${message.cell.address} ${tagOf(message)}`

const outcomeOf = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "succeeds"
  if (Cause.hasDies(exit.cause)) return "dies"
  return Cause.hasFails(exit.cause) ? "fails" : "is interrupted"
}

/** What a step says of itself that did nothing else worth telling. */
const goesOn = "goes on"

/** The lines as a table: `*` where the schedule, and not the program, decided who was next. */
export const render = (lines: ReadonlyArray<Line>, most: number): string => {
  const telling = lines.filter(
    ({ step, what, who }) =>
      what !== goesOn || lines.every((other) => other.step !== step || other.who !== who || other.what === goesOn)
  )
  const shown = telling.slice(-most)
  const width = Math.max(3, ...shown.map(({ who }) => who.length))
  const rows = shown.map(
    ({ deviates, millis, step, what, who }) =>
      `${deviates ? "*" : " "} ${String(step).padStart(5)} ${`${millis} ms`.padStart(9)}  ${who.padEnd(width)}  ${what}`
  )
  const head = `   step      time  ${"who".padEnd(width)}  what`
  const cut = telling.length > shown.length ? [`  (${telling.length - shown.length} lines before these)`] : []
  return [head, ...cut, ...rows].join("\n")
}
