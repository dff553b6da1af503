/** The rows of the tree: a bounded number of them, those first that an operator needs most. */
import { ActorCell } from "../../internal/actorCell.ts"
import { isStartedByLayer } from "../../internal/cell.ts"
import { Family } from "../../internal/family.ts"
import { Pool } from "../../internal/pool.ts"
import type { Group, Runtime } from "../../internal/runtime.ts"
import { supervisionOf } from "../../internal/supervision.ts"
import type * as InspectorState from "../InspectorState.ts"
import { addressOf, parentOf, type Subject, supervisionAbove, visitAll } from "./subjects.ts"

export interface TreeOptions {
  /** Most rows. */
  readonly most: number
  /** Milliseconds after which a message in hand counts as stuck. */
  readonly stuckAfter: number
}

export interface Tree {
  readonly actors: ReadonlyArray<InspectorState.Actor>
  readonly omitted: number
  readonly waitFor: ReadonlyArray<InspectorState.Wait>
  /** The messages of each definition that wait or are in hand. */
  readonly work: ReadonlyMap<Group, Work>
}

/** What the actors of a definition have to do, as far as they were seen. */
export interface Work {
  actors: number
  queued: number
  inHand: number
}

/** Counts the work of actors as they are seen; those of one definition mostly come one after the other. */
class Works {
  readonly all = new Map<Group, Work>()
  private group: Group | undefined = undefined
  private work: Work = { actors: 0, queued: 0, inHand: 0 }

  add(cell: ActorCell): void {
    const { group } = cell.options
    if (group !== this.group) {
      this.group = group
      this.work = this.all.get(group) ?? { actors: 0, queued: 0, inHand: 0 }
      this.all.set(group, this.work)
    }
    this.work.actors++
    if (!cell.hasWork) return
    this.work.queued += cell.depth
    if (cell.isHandling) this.work.inHand++
  }
}

/**
 * Looks at each actor once, and makes rows of those alone that are shown: a hundred thousand actors cost a look each.
 *
 * Where there are more than are to be shown, what holds the tree together goes first, with what a Layer has started; then what is not
 * just running; then the others in the order of their start.
 */
export const treeOf = (runtime: Runtime, { most, stuckAfter }: TreeOptions): Tree => {
  const now = runtime.timers.now()
  const chosen = new Chosen(most)
  const troubled: Array<Place> = []
  const ordinary: Array<Place> = []
  const waitFor: Array<InspectorState.Wait> = []
  const works = new Works()
  let all = 0
  visitAll(runtime, (subject) => {
    const index = all++
    if (!(subject instanceof ActorCell)) {
      chosen.add(subject, index)
      return false
    }
    const { inHand, options } = subject
    if (subject.phase !== "Stopped") works.add(subject)
    if (inHand?.asks !== undefined) {
      for (const { cell, spec } of inHand.asks) {
        if (waitFor.length < most) waitFor.push({ from: subject.address, to: cell.address, request: spec.tag })
      }
    }
    if (options.kind !== "actor" || (isStartedByLayer(options) && options.pool === undefined)) {
      chosen.add(subject, index)
      return false
    }
    const others = isWell(subject, now, stuckAfter) ? ordinary : troubled
    if (others.length < most) others.push({ subject, index })
    return false
  })
  for (const { index, subject } of troubled) chosen.add(subject, index)
  for (const { index, subject } of ordinary) chosen.add(subject, index)
  const queuedOf = (definition: string) => {
    const group = runtime.groups.get(definition)
    return group === undefined ? 0 : (works.all.get(group)?.queued ?? 0)
  }
  const actors = chosen.inOrder((subject, parent) => rowOf(subject, parent, { now, stuckAfter, queuedOf }))
  return { actors, omitted: all - actors.length, waitFor, work: works.all }
}

interface Place {
  readonly subject: Subject
  /** Where it came among all. */
  readonly index: number
}

/** Those that are shown, in their tree. */
class Chosen {
  private readonly most: number
  private readonly indices = new Map<Subject, number>()
  private readonly top: Array<Subject> = []
  private readonly below = new Map<Subject, Array<Subject>>()

  constructor(most: number) {
    this.most = most
  }

  /** Adds it with all that it stands below, if there is room for it. */
  add(subject: Subject, index: number): void {
    if (this.has(subject)) this.indices.set(subject, index)
  }

  private has(subject: Subject): boolean {
    if (this.indices.has(subject)) return true
    const parent = parentOf(subject)
    // It goes as deep as supervisors are nested.
    if (parent !== undefined && !this.has(parent)) return false
    if (this.indices.size >= this.most) return false
    // Its own index comes when it is visited itself, should a child be before it.
    this.indices.set(subject, Number.POSITIVE_INFINITY)
    if (parent === undefined) this.top.push(subject)
    else {
      const siblings = this.below.get(parent)
      if (siblings === undefined) this.below.set(parent, [subject])
      else siblings.push(subject)
    }
    return true
  }

  /** Parents before their children, siblings in the order of their start. */
  inOrder<A>(make: (subject: Subject, parent: string | null) => A): ReadonlyArray<A> {
    const made: Array<A> = []
    const open = this.reversed(this.top, undefined).map((subject) => ({ subject, parent: null as string | null }))
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const { parent, subject } = next
      made.push(make(subject, parent))
      const children = this.below.get(subject)
      if (children === undefined) continue
      const address = addressOf(subject)
      for (const child of this.reversed(children, subject)) open.push({ subject: child, parent: address })
    }
    return made
  }

  private reversed(siblings: ReadonlyArray<Subject>, parent: Subject | undefined): Array<Subject> {
    const places = childrenOf(parent, this.indices)
    return siblings.toSorted((a, b) => places.get(b)! - places.get(a)!)
  }
}

/** Where children stand by the word of what is above them, which knows better than the order in which they were visited. */
const childrenOf = (
  parent: Subject | undefined,
  indices: ReadonlyMap<Subject, number>
): ReadonlyMap<Subject, number> => {
  const children =
    parent instanceof Pool ? parent.members : parent instanceof ActorCell ? supervisionOf(parent)?.cells : undefined
  if (children === undefined) return indices
  const places = new Map<Subject, number>()
  for (const cell of children) {
    const child = parent instanceof Pool ? cell : (cell.options.pool ?? cell)
    if (!places.has(child)) places.set(child, places.size)
  }
  return places
}

const isStuck = ({ inHandSince }: ActorCell, now: number, stuckAfter: number): boolean =>
  inHandSince !== undefined && now - inHandSince > stuckAfter

/** It handles messages, or could. */
const isWell = (cell: ActorCell, now: number, stuckAfter: number): boolean =>
  cell.phase === "Running" && !cell.suspended && cell.stopRequest === undefined && !isStuck(cell, now, stuckAfter)

const statusOf = (cell: ActorCell, now: number, stuckAfter: number): InspectorState.Status => {
  if (cell.stopReason !== undefined) return "stopped"
  if (cell.stopRequest !== undefined) return "stopping"
  switch (cell.phase) {
    case "New":
    case "Starting":
      return "starting"
    case "Running":
      if (isStuck(cell, now, stuckAfter)) return "stuck"
      if (cell.suspended) return "suspended"
      return cell.inHand === undefined ? "running" : "busy"
    case "Closing":
      return "closing"
    case "BackingOff":
      return "backoff"
    case "Halted":
      return "waiting"
    case "Stopped":
      return "stopped"
  }
}

/** How a pool as a whole does is how the best of its members does. */
const bestFirst: ReadonlyArray<InspectorState.Status> = [
  "busy",
  "running",
  "stuck",
  "suspended",
  "starting",
  "closing",
  "backoff",
  "waiting",
  "stopping",
  "stopped"
]

interface Look {
  readonly now: number
  readonly stuckAfter: number
  /** Messages that wait for any actor of the definition. */
  readonly queuedOf: (definition: string) => number
}

const rowOf = (subject: Subject, parent: string | null, look: Look): InspectorState.Actor => {
  const { now, queuedOf, stuckAfter } = look
  if (subject instanceof Pool) return poolRow(subject, parent, look)
  if (subject instanceof Family) return familyRow(subject, parent, queuedOf(subject.name))
  if (!(subject instanceof ActorCell)) {
    const { address, incarnation, kind, reason } = subject
    return { address, name: subject.name, kind, parent, status: "stopped", incarnation, reason, depth: 0, capacity: 0 }
  }
  const { address, depth, inHand, inHandSince, incarnation, options, settings, stopReason, stopRequest } = subject
  const { kind } = options
  const status = statusOf(subject, now, stuckAfter)
  const reason = stopReason ?? stopRequest?.reason
  const above = supervisionAbove(subject)
  const own = kind === "supervisor" ? supervisionOf(subject) : undefined
  return {
    address,
    name: options.group.name,
    kind,
    parent,
    status,
    incarnation,
    ...(reason !== undefined && { reason }),
    ...(status === "backoff" && { millisLeft: Math.max(0, subject.resumesAt - now) }),
    depth: kind === "family" ? queuedOf(address) : depth,
    capacity: kind === "actor" ? settings.capacity : 0,
    ...(inHand !== undefined && {
      inHand: { request: inHand.spec.tag, ...(inHandSince !== undefined && { millis: now - inHandSince }) }
    }),
    ...(own !== undefined && { strategy: own.strategy }),
    ...(status === "stopped" && reason === "RapidFail" && above?.isolates === true && { isolated: true })
  }
}

const poolRow = (pool: Pool, parent: string | null, { now, stuckAfter }: Look): InspectorState.Actor => {
  const { address, members } = pool
  const statuses = new Set(members.map((cell) => statusOf(cell, now, stuckAfter)))
  const status = bestFirst.find((status) => statuses.has(status)) ?? "starting"
  const last = members.findLast((cell) => (cell.stopReason ?? cell.stopRequest) !== undefined)
  const reason =
    status === "stopped" || status === "stopping" ? (last?.stopReason ?? last?.stopRequest?.reason) : undefined
  const alive = members.filter(({ stopReason }) => stopReason === undefined)
  const millisLeft = Math.min(...members.flatMap((cell) => (cell.phase === "BackingOff" ? [cell.resumesAt - now] : [])))
  return {
    address,
    name: pool.name,
    kind: "pool",
    parent,
    status,
    incarnation: 0,
    ...(reason !== undefined && { reason }),
    ...(status === "backoff" && { millisLeft: Math.max(0, millisLeft) }),
    depth: alive.reduce((sum, { depth }) => sum + depth, 0),
    capacity: alive.reduce((sum, { settings }) => sum + settings.capacity, 0)
  }
}

const familyRow = ({ name, stopReason }: Family, parent: string | null, depth: number): InspectorState.Actor => ({
  address: name,
  name,
  kind: "family",
  parent,
  status: stopReason === undefined ? "running" : "stopping",
  incarnation: 0,
  ...(stopReason !== undefined && { reason: stopReason }),
  depth,
  capacity: 0
})
