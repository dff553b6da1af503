/** What one `TestRyker.layer` knows of its runtime: all that happened, and what was left at the end. */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import type * as LogLevel from "effect/LogLevel"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import type { DeadLetter } from "../../DeadLetter.ts"
import type { ActorCell } from "../../internal/actorCell.ts"
import type { Instrument, Start } from "../../internal/instrument.ts"
import type { Runtime } from "../../internal/runtime.ts"
import { cutShort } from "../../internal/stopping.ts"
import { totalDropped } from "../../Ledger.ts"
import type { RykerEvent } from "../../RykerEvent.ts"
import type { Fault } from "../Fault.ts"
import { ArmedFaults } from "./armedFaults.ts"
import { CurrentControls } from "./controls.ts"
import { untilQuiet } from "./quiet.ts"

/** One line of the log. */
export interface LogLine {
  readonly level: LogLevel.LogLevel
  /** What was logged: one value, or an array of several. */
  readonly message: unknown
  readonly annotations: Readonly<Record<string, unknown>>
  readonly cause: Cause.Cause<unknown>
}

/** Messages of one actor that the end of the test found undone. */
export interface Unfinished {
  readonly actor: string
  readonly queued: number
  /** The tag of the message whose handler was at work. */
  readonly inHand: string | undefined
}

/** For a close that makes no progress; what a test may do beside it takes fewer rounds and less time. */
const patience = { rounds: 256, millis: 20, mostRounds: 10_000 }

export class Recorder implements Instrument {
  readonly events: Array<RykerEvent> = []
  readonly deadLetters: Array<DeadLetter> = []
  readonly logs: Array<LogLine> = []
  readonly spans: Array<Tracer.Span> = []
  readonly unfinished: Array<Unfinished> = []
  readonly faults: ArmedFaults
  /** The probes that are Layers, by the definition's name. Each is a `ProbeCore`, which `TestProbe` knows. */
  readonly probes = new Map<string, unknown>()
  /** How many dead letters the test has looked at. */
  deadLettersRead = 0
  private attached: Runtime | undefined = undefined
  private closing = 0
  /** Those whose messages are among the unfinished. */
  private readonly noted = new WeakSet<ActorCell>()
  private isWatching = false

  constructor(faults: ReadonlyArray<Fault>) {
    this.faults = new ArmedFaults(faults, () => this.runtime.timers.now())
  }

  get runtime(): Runtime {
    if (this.attached === undefined) throw new Error("the runtime is not built yet")
    return this.attached
  }

  /** False if the runtime could not be built. */
  get hasRuntime(): boolean {
    return this.attached !== undefined
  }

  readonly logger: Logger.Logger<unknown, void> = Logger.make(({ cause, fiber, logLevel, message }) => {
    const parts = Array.isArray(message) && message.length === 1 ? message[0] : message
    const annotations = fiber.getRef(References.CurrentLogAnnotations)
    this.logs.push({ level: logLevel, message: parts, annotations, cause })
  })

  /** A tracer that keeps every span, and otherwise is the one that was there. */
  tracer(outer: Tracer.Tracer): Tracer.Tracer {
    const span: Tracer.Tracer["span"] = (options) => {
      const made = outer.span(options)
      this.spans.push(made)
      return made
    }
    return Tracer.make(
      outer.context === undefined ? { span } : { span, context: (primitive, fiber) => outer.context!(primitive, fiber) }
    )
  }

  // --- As the runtime's instrument ------------------------------------------------------------------------------------

  attach(runtime: Runtime): void {
    this.attached = runtime
    runtime.events.listen((event) => this.events.push(event))
    runtime.deadLetters.listen((letter) => {
      // What the end of the test cuts off is reported as such.
      if (this.unfinished.length === 0 || letter.reason !== "shutdown") this.deadLetters.push(letter)
    })
  }

  start(cell: ActorCell, start: Start): Start {
    return this.faults.around(cell, start)
  }

  /**
   * A test that is over moves no clock any more, and closing waits for the work in hand in virtual time. So
   * what goes on only if time passes gets none: it is cut short as at a deadline. In a program that is explored
   * time goes on by itself.
   */
  close(close: Effect.Effect<void>): Effect.Effect<void> {
    return Effect.flatMap(CurrentControls, (controls) => {
      if (controls !== undefined) return close
      this.closing++
      if (!this.isWatching) {
        this.isWatching = true
        Effect.runFork(this.watch)
      }
      return Effect.ensuring(
        close,
        Effect.sync(() => this.closing--)
      )
    })
  }

  private readonly watch = Effect.gen({ self: this }, function* () {
    const isClosed = () => this.closing === 0
    let before: string | undefined
    while (!(yield* untilQuiet(() => this.progress, isClosed, patience))) {
      const cells = this.heldUp(before === this.progress)
      this.noteUnfinished(cells)
      before = this.progress
      cutShort(this.runtime, cells)
    }
    this.isWatching = false
  })

  /**
   * Those that a close waits for. What is above them in a tree goes on by itself when they have ended; only if cutting them short
   * has changed nothing, it is cut short as well.
   */
  private heldUp(isStuck: boolean): ReadonlyArray<ActorCell> {
    const { cells, drainBy } = this.runtime
    if (isStuck || drainBy !== undefined) return Array.from(cells)
    return Array.from(cells).filter(({ options, stopRequest }) => stopRequest !== undefined && options.kind === "actor")
  }

  private noteUnfinished(cells: ReadonlyArray<ActorCell>): void {
    for (const cell of cells) {
      const inHand = cell.isHandling ? cell.inHand?.spec.tag : undefined
      // In a close of some, the others go on.
      const isEnding = cell.stopRequest !== undefined || this.runtime.drainBy !== undefined
      if (!isEnding || this.noted.has(cell) || (cell.depth === 0 && inHand === undefined)) continue
      this.noted.add(cell)
      this.unfinished.push({ actor: cell.address, queued: cell.depth, inHand })
    }
  }

  /** Something that differs whenever the runtime has got on. */
  get progress(): string {
    const { busy, cells, groups, timers } = this.runtime
    let sum = 0
    for (const { counters } of groups.values()) {
      sum += counters.accepted + counters.handled + counters.failed + totalDropped(counters.dropped)
    }
    return `${timers.now()} ${this.events.length} ${busy} ${cells.size} ${sum}`
  }
}
