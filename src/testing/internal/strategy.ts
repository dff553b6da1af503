/** How the next task is chosen: what a strategy is asked, and the three that there are. */
import type * as Random from "effect/Random"
import type { Deviation } from "./schedule.ts"

/** What belongs together: the tasks of one fiber, or of one actor's turns. */
export interface Chain {
  /** For strategies that rank chains: the highest goes first. Not a number until one has given it. */
  rank: number
}

/** A task that can go next. */
export interface Task {
  readonly run: () => void
  readonly chain: Chain
  /** As Effect gives it: of those that nobody chooses among, the lowest goes first. */
  readonly priority: number
}

/** Makes the decisions of one run. */
export interface Chooser {
  /**
   * Which of the tasks goes next: its place, or `tasks.length` for the time to go on before any of them.
   * Asked only where there is a choice. `at` is the number of the decision.
   */
  next(tasks: ReadonlyArray<Task>, timeMayPass: boolean, at: number): number
  /** Whether a fiber that was woken by the task that runs gives way to it, and goes on in a task of its own. */
  givesWay(woken: Chain, running: Chain, at: number): boolean
}

/** Makes those decisions that were written down, and lets the rest happen. */
export const following = (deviations: ReadonlyArray<Deviation>): Chooser => {
  const choices = new Map(deviations)
  return {
    next: (tasks, timeMayPass, at) => Math.min(choices.get(at) ?? 0, tasks.length - (timeMayPass ? 0 : 1)),
    givesWay: (_woken, _running, at) => (choices.get(at) ?? 0) > 0
  }
}

/** How often the time goes on although there are tasks, and how often a fiber gives way where it may. */
const rates = { time: 0.03, givesWay: 0.15 }

/** Each task is as likely as any other. */
export const uniform = (random: Random.Random): Chooser => ({
  next: (tasks, timeMayPass) => {
    if (timeMayPass && random.nextDoubleUnsafe() < rates.time) return tasks.length
    return Math.floor(random.nextDoubleUnsafe() * tasks.length)
  },
  givesWay: () => random.nextDoubleUnsafe() < rates.givesWay
})

/**
 * Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi, Nagarakatte: "A randomized scheduler
 * with probabilistic guarantees of finding bugs", ASPLOS 2010): every chain has a random priority, the
 * highest goes; at `depth - 1` random steps the one that would go falls below all others.
 */
export const byPriority = (random: Random.Random, depth: number, steps: number): Chooser => {
  const draw = (): number => Math.floor(random.nextDoubleUnsafe() * steps)
  const changes = new Set(Array.from({ length: depth - 1 }, draw))
  let step = 0
  // Below the ranks of chains, which are between 0 and 1.
  let lowest = 0
  const rankOf = (chain: Chain): number => {
    if (Number.isNaN(chain.rank)) chain.rank = random.nextDoubleUnsafe()
    return chain.rank
  }
  const highest = (tasks: ReadonlyArray<Task>): number => {
    let best = 0
    for (let i = 1; i < tasks.length; i++) {
      if (rankOf(tasks[i]!.chain) > rankOf(tasks[best]!.chain)) best = i
    }
    return best
  }
  return {
    next: (tasks, timeMayPass) => {
      const chosen = highest(tasks)
      if (!changes.has(step++)) return chosen
      tasks[chosen]!.chain.rank = --lowest
      // What is delayed may be delayed until something else is due: time is one of the chains.
      return timeMayPass && random.nextDoubleUnsafe() < 0.25 ? tasks.length : highest(tasks)
    },
    givesWay: (woken, running) => rankOf(woken) < rankOf(running)
  }
}
