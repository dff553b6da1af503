/** Replacing the settings of a running runtime: what would change, and changing it. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Semaphore from "effect/Semaphore"
import { InvalidConfig } from "../RykerError.ts"
import { flatten, nest, type ReloadClass, type RykerConfig, settings, type Values } from "./configSchema.ts"
import { checkRules, checkValues, type Input, type Origin, overlay, type Resolved, texts } from "./configSources.ts"
import { emit } from "./report.ts"
import type { Runtime } from "./runtime.ts"
import type { RuntimeSettings } from "./settings.ts"
import * as Tracing from "./tracing.ts"

/** The settings that hold, as users see them. */
export interface Snapshot {
  /** Counted from 1; one more for each reload that changed anything. */
  readonly version: number
  readonly config: RykerConfig
  readonly origins: Readonly<Record<string, Origin>>
  /** What the last change came from. */
  readonly source: string
  /** How many reloads were refused. */
  readonly refused: number
}

/** A change that a reload brings. */
export interface PlannedChange {
  readonly key: string
  readonly class: ReloadClass
  readonly from: string
  readonly to: string
  /** The definitions of running actors that keep what they have: of cold keys those that were started before. */
  readonly keeps: ReadonlyArray<string>
}

/** What a reload would do, or has done. */
export interface ReloadPlan {
  /** Empty when nothing differs. */
  readonly changes: ReadonlyArray<PlannedChange>
  /** What holds afterwards. */
  readonly config: RykerConfig
  readonly origins: Readonly<Record<string, Origin>>
}

/** Settings to be: whole ones that were read, or single values over those that hold. */
export type Next = Resolved | Input

/** Parsed JSON passes for any type: what has not the shape of either is told as single values are. */
const isResolved = (next: Next): next is Resolved =>
  Predicate.hasProperty(next, "config") &&
  Predicate.isObject(next.config) &&
  Predicate.hasProperty(next, "origins") &&
  Predicate.isObject(next.origins)

/** What the keys are in the terms of the run loop; what has no key stays. */
export const settingsOf = (config: RykerConfig, fixed: RuntimeSettings, ownsStash: boolean): RuntimeSettings => {
  const { amnesia, defaults, fairness, observability, supervisor } = config
  return {
    ...fixed,
    actor: {
      ...fixed.actor,
      capacity: defaults.mailbox_capacity,
      stash: ownsStash ? fixed.actor.stash : defaults.mailbox_capacity,
      maxMessageBytes: defaults.max_msg_bytes,
      deadline: defaults.deadline,
      amnesia: amnesia.enabled,
      backoff: {
        base: supervisor.backoff_base_ms,
        cap: supervisor.backoff_cap_ms,
        jitter: supervisor.decorrelated_jitter
      },
      intensity: { threshold: supervisor.rapid_fail_threshold, window: supervisor.rapid_fail_window }
    },
    batchMessages: fairness.batch_messages,
    yieldEvery: fairness.yield_every_n_msgs,
    observability: {
      metrics: observability.enable_metrics,
      queueDepth: observability.queue_depth_sampling,
      spanLevel: observability.span_level,
      logLevel: observability.log_level
    }
  }
}

/** The keys of what the run loop goes by, over others that it does not know. */
export const configOf = (
  { actor, batchMessages, observability, yieldEvery }: RuntimeSettings,
  others: RykerConfig
): RykerConfig => ({
  ...others,
  observability: {
    enable_metrics: observability.metrics,
    queue_depth_sampling: observability.queueDepth,
    span_level: observability.spanLevel,
    log_level: observability.logLevel
  },
  defaults: { mailbox_capacity: actor.capacity, max_msg_bytes: actor.maxMessageBytes, deadline: actor.deadline },
  supervisor: {
    backoff_base_ms: actor.backoff.base,
    backoff_cap_ms: actor.backoff.cap,
    decorrelated_jitter: actor.backoff.jitter,
    rapid_fail_threshold: actor.intensity.threshold,
    rapid_fail_window: actor.intensity.window
  },
  amnesia: { ...others.amnesia, enabled: actor.amnesia },
  fairness: { batch_messages: batchMessages, yield_every_n_msgs: yieldEvery }
})

/** What would change; fails if the result cannot hold. Nothing is changed by this. */
export const planFor = (runtime: Runtime, next: Next): Effect.Effect<ReloadPlan, InvalidConfig> =>
  Effect.gen(function* () {
    const { snapshot } = runtime
    const target = isResolved(next)
      ? yield* keepPinned(runtime, yield* checkValues(next, runtime.pinned))
      : yield* overlay(snapshot, next)
    const [old, new_] = [texts(snapshot.config), texts(target.config)]
    return {
      config: target.config,
      origins: target.origins,
      changes: settings.flatMap(({ class: reload, key }) => {
        const [from, to] = [old[key]!, new_[key]!]
        return from === to ? [] : [{ key, class: reload, from, to, keeps: keepersOf(runtime, key, reload) }]
      })
    }
  })

/** What the program itself has said beats what was read. */
const keepPinned = (runtime: Runtime, { config, origins }: Resolved): Effect.Effect<Resolved, InvalidConfig> => {
  const values = giveWay({ ...flatten(config), ...runtime.pinned }, runtime.pinned)
  const pinned = Object.keys(runtime.pinned).map((key): [string, Origin] => [
    key,
    { source: "builder", name: "builder" }
  ])
  return checkRules({
    config: nest(values),
    origins: { ...origins, ...Object.fromEntries(pinned) },
    warnings: []
  })
}

/** As at the start: what the program has not said gives way to a larger batch and to a smaller cap that it has. */
const giveWay = (values: Values, said: Values): Values => {
  const { fairness, supervisor } = nest(values)
  const [every, batch] = ["fairness.yield_every_n_msgs", "fairness.batch_messages"]
  const [base, cap] = ["supervisor.backoff_base_ms", "supervisor.backoff_cap_ms"]
  return {
    ...values,
    ...(batch in said &&
      !(every in said) && {
        [every]: Math.max(fairness.yield_every_n_msgs, fairness.batch_messages)
      }),
    ...(cap in said &&
      !(base in said) && {
        [base]: Math.min(supervisor.backoff_base_ms, supervisor.backoff_cap_ms)
      })
  }
}

const keepersOf = (runtime: Runtime, key: string, reload: ReloadClass): ReadonlyArray<string> => {
  if (reload !== "cold") return []
  const names = new Set<string>()
  for (const { options } of runtime.cells) {
    if (options.kind === "actor" && !options.settings.own.has(key)) names.add(options.group.name)
  }
  return Array.from(names)
}

/** One reload at a time: what was read later is not overtaken by what was read before. */
const turns = new WeakMap<Runtime, Semaphore.Semaphore>()

export const reload = <E = never>(
  runtime: Runtime,
  read: Effect.Effect<Next, InvalidConfig | E>,
  source: string,
  strict: boolean
): Effect.Effect<ReloadPlan, InvalidConfig | E> => {
  const turn = turns.get(runtime) ?? Semaphore.makeUnsafe(1)
  turns.set(runtime, turn)
  // Half of it must not be done when the one who asked goes away. Reading is not: a file may never answer.
  const reloading = Effect.uninterruptibleMask((restore) =>
    restore(read).pipe(
      Effect.flatMap((next) =>
        Effect.map(planFor(runtime, next), (plan) => ({ plan, isPinned: !isResolved(next), next }))
      ),
      Effect.tapError((error) =>
        error instanceof InvalidConfig ? refuse(runtime, source, error, "invalid") : Effect.void
      ),
      Effect.tap(({ plan }) => (strict ? refuseCold(runtime, plan, source) : Effect.void)),
      Effect.flatMap(({ isPinned, next, plan }) => {
        if (isPinned) pin(runtime, plan, next)
        return Effect.as(apply(runtime, plan, source), plan)
      }),
      Effect.tapCause((cause) =>
        Effect.sync(() => {
          if (Cause.hasDies(cause)) runtime.metrics.configRefused(source, "defect")
        })
      )
    )
  ).pipe(turn.withPermits(1))
  return Tracing.within(runtime, "ryker.config.reload", { source }, reloading, (exit) =>
    Exit.isSuccess(exit)
      ? {
          outcome: exit.value.changes.length === 0 ? "unchanged" : "applied",
          version: runtime.snapshot.version,
          changes: exit.value.changes.length
        }
      : { outcome: Cause.hasInterruptsOnly(exit.cause) ? "interrupted" : "refused", version: runtime.snapshot.version }
  )
}

/** What the program says while it runs is its word, too. */
const pin = (runtime: Runtime, { config }: ReloadPlan, next: Next): void => {
  const values = flatten(config)
  const said = Object.entries(next).flatMap(([section, keys]) =>
    Object.entries(keys ?? {}).flatMap(([name, value]) => (value === undefined ? [] : [`${section}.${name}`]))
  )
  runtime.pinned = {
    ...runtime.pinned,
    ...Object.fromEntries(said.map((key) => [key, values[key]]))
  }
}

const refuseCold = (
  runtime: Runtime,
  { changes, origins }: ReloadPlan,
  source: string
): Effect.Effect<void, InvalidConfig> => {
  const cold = changes.filter(({ class: reload }) => reload === "cold")
  if (cold.length === 0) return Effect.void
  const problems = cold.map(({ key, to }) => ({
    key,
    environment: settings.find((setting) => setting.key === key)!.environment,
    source: origins[key]!.name || origins[key]!.source,
    value: to,
    rule: "unchanged: it is cold, and the reload is strict",
    fix: "restart the process, or reload without strict"
  }))
  const error = new InvalidConfig({ problems })
  return Effect.andThen(refuse(runtime, source, error, "cold"), Effect.fail(error))
}

const apply = (runtime: Runtime, { changes, config, origins }: ReloadPlan, source: string): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { snapshot } = runtime
    if (changes.length === 0) {
      runtime.snapshot = { ...snapshot, origins }
      return Effect.void
    }
    const version = snapshot.version + 1
    // In one step: every actor sees the old settings or the new ones.
    runtime.snapshot = { ...snapshot, version, config, origins, source }
    runtime.settings = settingsOf(config, runtime.settings, runtime.ownsStash)
    runtime.metrics.follow(runtime.settings.observability)
    return reportApplied(runtime, changes)
  })

export const reportApplied = (
  runtime: Runtime,
  changes: ReadonlyArray<Pick<PlannedChange, "key" | "class" | "from" | "to">>
): Effect.Effect<void> => {
  const { source, version } = runtime.snapshot
  runtime.metrics.configApplied(source)
  const diff = changes.map(({ class: reload, from, key, to }) => ({ key, class: reload, from, to }))
  return emit(runtime, { _tag: "ConfigApplied", actor: "ryker", source, version, diff })
}

const refuse = (runtime: Runtime, source: string, error: InvalidConfig, why: "invalid" | "cold"): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { snapshot } = runtime
    const problems = error.problems.length
    runtime.metrics.configRefused(source, why)
    runtime.snapshot = { ...snapshot, refused: snapshot.refused + 1 }
    return emit(runtime, { _tag: "ConfigRefused", actor: "ryker", source, version: snapshot.version, problems })
  })
