/** The answer of `GET /state`, made from what the runtime holds at this moment. */
import { settings } from "../../internal/configSchema.ts"
import { texts } from "../../internal/configSources.ts"
import type { Histogram } from "../../internal/histogram.ts"
import type { Group, Runtime } from "../../internal/runtime.ts"
import { stateOf as shutdownOf } from "../../http/internal/phase.ts"
import type * as InspectorState from "../InspectorState.ts"
import type { Memory } from "./memory.ts"
import { type TreeOptions, treeOf, type Work } from "./tree.ts"

export interface StateOptions extends TreeOptions {
  readonly control: boolean
}

export const collect = (runtime: Runtime, memory: Memory, options: StateOptions): InspectorState.State => {
  const { deadLetters, events } = memory
  const { work, ...tree } = treeOf(runtime, options)
  return {
    version: 1,
    now: runtime.wallClock(),
    phase: phaseOf(runtime),
    control: options.control,
    ...tree,
    definitions: Array.from(runtime.groups.values(), (group) => definitionOf(group, work.get(group))),
    events: events.all.map(({ record }) => record),
    deadLetters: deadLetters.all.map(({ record }) => record),
    missed: { events: events.forgotten, deadLetters: deadLetters.forgotten },
    config: configOf(runtime)
  }
}

const phaseOf = (runtime: Runtime): InspectorState.State["phase"] => {
  if (runtime.closed) return "closed"
  return runtime.drainBy !== undefined || shutdownOf(runtime).phase !== "running" ? "draining" : "running"
}

const definitionOf = (group: Group, work: Work | undefined): InspectorState.Definition => {
  // One more than was seen has ended, and has left a handler behind that could not be interrupted.
  const entry =
    work?.actors === group.cells.size ? group.counters.entry(group.name, work.queued, work.inHand) : group.entry()
  const { accepted, actor, crashes, dropped, failed, handled, inHand, queued, refused, restarts, yields } = entry
  const counts = {
    accepted,
    handled,
    failed,
    dropped,
    refused: { ...refused },
    queued,
    inHand,
    crashes,
    restarts,
    yields
  }
  if (group.timings === undefined) return { name: actor, ...counts }
  const { latency, wait } = group.timings
  const all = latency.ok.alike()
  for (const histogram of Object.values(latency)) all.merge(histogram)
  return { name: actor, ...counts, wait: timesOf(wait), latency: timesOf(all) }
}

const timesOf = (histogram: Histogram): InspectorState.Times => {
  const { buckets, count, max, sum } = histogram.state
  return { count, sum, max: count === 0 ? 0 : max, buckets }
}

const configOf = ({ snapshot }: Runtime): InspectorState.State["config"] => {
  const { config, origins, refused, source, version } = snapshot
  const values = texts(config)
  return {
    version,
    source,
    refused,
    entries: settings.map((setting) => {
      const { name, source } = origins[setting.key]!
      return { key: setting.key, value: values[setting.key]!, class: setting.class, source, name }
    })
  }
}
