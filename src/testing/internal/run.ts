/**
 * One run of a program under one schedule: a `Scheduler` that hands out its tasks one at a time, in the
 * order that a chooser gives, and a clock that goes on when there is nothing else to do.
 *
 * Where the schedule has a say:
 *
 * - which of the tasks that can go is next, where there are several;
 * - whether the time goes on before them, where somebody sleeps;
 * - whether a fiber that is woken goes on within the task that woke it, as it does by itself, or gives
 *   way and has a task of its own.
 *
 * Nothing else in a program of Effects depends on chance, save its `Random`, which has a seed. Once it
 * began, a fiber is not cut off in the middle: by itself it gives way only after some thousand steps.
 */
import type * as Fiber from "effect/Fiber"
import type * as Scheduler from "effect/Scheduler"
import type { Deviation } from "./schedule.ts"
import type { Chain, Chooser, Task } from "./strategy.ts"
import { VirtualClock } from "./virtualClock.ts"

/** A decision that could be made otherwise: how many choices there were. */
export type Fork = readonly [at: number, choices: number]

/** Why a run is where it is. */
export type Pause =
  /** The program has ended. */
  | "Done"
  /** A check failed. */
  | "Broken"
  /** Nothing can go, and nobody sleeps. */
  | "Stuck"
  /** It took as many steps as it may. */
  | "Endless"

/** Sees the steps of a run. */
export interface Observer {
  /** Before each step; `deviates` when it is not the one that would have gone by itself. */
  readonly onStep: (isTime: boolean, deviates: boolean) => void
  /** A fiber begins, or goes on, with the step. */
  readonly onFiber: (fiber: Fiber.Fiber<unknown, unknown>) => void
  readonly onGivenWay: (fiber: Fiber.Fiber<unknown, unknown>) => void
  /** After each step: whether the run is to end here. */
  readonly afterStep: () => boolean
}

export interface RunOptions {
  readonly maxSteps: number
  /** For how long, in virtual milliseconds, what can go may be kept waiting. */
  readonly stall: number
  /** Whether to keep which decisions there were. */
  readonly keepsForks: boolean
}

export class Run implements Scheduler.Scheduler {
  readonly executionMode = "async"
  readonly clock: VirtualClock
  /** What can go now, the oldest first. */
  private readonly tasks: Array<Task> = []
  /** Called when nothing can go without time passing. */
  private quiet: Array<() => void> = []
  private readonly chooser: Chooser
  private readonly observer: Observer
  private readonly options: RunOptions
  /** The chains of tasks that are the same function each time. */
  private readonly own = new WeakMap<() => void, Chain>()
  private readonly begun = new WeakSet<object>()
  private running: Chain = { rank: Number.NaN }
  /** The fiber that the step began with was chosen just now. */
  private isFresh = false
  /** The program has ended, or is given up: what is left goes as it comes. */
  private isOver = false
  /** When there was nothing to do but wait, for the last time. */
  private restedAt = 0
  decisions = 0
  steps = 0
  readonly deviations: Array<Deviation> = []
  /** Kept where somebody asks for them. */
  readonly forks: Array<Fork> | undefined

  constructor(chooser: Chooser, observer: Observer, options: RunOptions) {
    this.chooser = chooser
    this.observer = observer
    this.options = options
    this.forks = options.keepsForks ? [] : undefined
    const chain = { rank: Number.NaN }
    this.clock = new VirtualClock({
      schedule: (run) => this.tasks.push({ run, chain, priority: 0 }),
      onQuiet: (task) => this.onQuiet(task)
    })
  }

  // --- As Effect's scheduler -----------------------------------------------------------------------------------------

  makeDispatcher(): Scheduler.SchedulerDispatcher {
    return new Dispatcher((run, priority, chain) => this.add(run, priority, chain))
  }

  shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    const { cache, currentOpCount } = fiber
    if (currentOpCount >= cache.maxOpsBeforeYield) return true
    if (currentOpCount !== 1 || this.isOver) return false
    const isFresh = this.isFresh
    this.isFresh = false
    if (isFresh) this.observer.onFiber(fiber)
    // A fiber that begins is no wake-up: whoever forked it counts on what it does at once.
    if (!this.begun.has(fiber)) {
      this.begun.add(fiber)
      return false
    }
    if (isFresh) return false
    const at = this.decisions++
    this.forks?.push([at, 2])
    if (!this.chooser.givesWay(chainOf(fiber), this.running, at)) return false
    this.deviations.push([at, 1])
    this.observer.onGivenWay?.(fiber)
    return true
  }

  private add(run: () => void, priority: number, chain: Chain): void {
    const task = { run, chain: this.own.get(run) ?? chain, priority }
    const place = this.tasks.findLastIndex((other) => other.priority <= priority)
    this.tasks.splice(place + 1, 0, task)
  }

  /** The task goes by a chain of its own, whoever schedules it. */
  distinguish(task: () => void): void {
    this.own.set(task, { rank: Number.NaN })
  }

  // --- Going on ------------------------------------------------------------------------------------------------------

  /** Calls back when nothing can go without time passing. */
  onQuiet(task: () => void): void {
    this.quiet.push(task)
  }

  /** Whether anything can still go, now or later. */
  get canGoOn(): boolean {
    return this.tasks.length > 0 || this.quiet.length > 0 || this.clock.next < Number.POSITIVE_INFINITY
  }

  /** Takes steps until the program has ended, or cannot go on. */
  goOn(program: Fiber.Fiber<unknown, unknown>): Pause {
    while (program.pollUnsafe() === undefined) {
      if (!this.canGoOn) return "Stuck"
      if (this.steps >= this.options.maxSteps) return "Endless"
      this.step()
      if (this.observer.afterStep()) return "Broken"
    }
    return "Done"
  }

  /** Lets what is left end, as it comes, but for no longer than `steps`. */
  windUp(fibers: Iterable<Fiber.Fiber<unknown, unknown>>, steps: number): void {
    this.isOver = true
    for (const fiber of fibers) fiber.interruptUnsafe()
    for (let i = 0; i < steps && this.canGoOn; i++) this.step()
  }

  private step(): void {
    this.steps++
    if (this.tasks.length > 0) {
      const choice = this.choose()
      if (choice < this.tasks.length) {
        const [task] = this.tasks.splice(choice, 1)
        this.observer.onStep(false, choice > 0)
        return this.perform(task!)
      }
      this.observer.onStep(true, true)
      return this.clock.pass()
    }
    const waiting = this.quiet.shift()
    this.observer.onStep(waiting === undefined, false)
    if (waiting !== undefined) return this.perform({ run: waiting, chain: this.running, priority: 0 })
    this.clock.pass()
    this.restedAt = this.clock.currentTimeMillisUnsafe()
  }

  private choose(): number {
    const canPass = this.clock.next - this.restedAt <= this.options.stall
    const choices = this.tasks.length + (canPass ? 1 : 0)
    if (choices === 1 || this.isOver) return 0
    const at = this.decisions++
    this.forks?.push([at, choices])
    const choice = this.chooser.next(this.tasks, canPass, at)
    if (choice > 0) this.deviations.push([at, choice])
    return choice
  }

  private perform(task: Task): void {
    this.running = task.chain
    this.isFresh = true
    task.run()
    this.isFresh = false
  }
}

/** Where one fiber puts its tasks, and with them those of the fibers that it forks. */
class Dispatcher implements Scheduler.SchedulerDispatcher, Chain {
  rank = Number.NaN
  private readonly add: (task: () => void, priority: number, chain: Chain) => void

  constructor(add: (task: () => void, priority: number, chain: Chain) => void) {
    this.add = add
  }

  scheduleTask(task: () => void, priority: number): void {
    this.add(task, priority, this)
  }

  /** Only those who run effects synchronously ask for it; in a run everything waits for its turn. */
  flush(): void {}
}

/** The fiber's chain is its dispatcher, which this scheduler made. */
const chainOf = (fiber: Fiber.Fiber<unknown, unknown>): Chain => fiber.currentDispatcher as Dispatcher
