/** What a runtime has that an operator may look at, and what each stands below. */
import { ActorCell } from "../../internal/actorCell.ts"
import { Family } from "../../internal/family.ts"
import { Pool } from "../../internal/pool.ts"
import type { Failed, Runtime } from "../../internal/runtime.ts"
import { Supervision, supervisionOf } from "../../internal/supervision.ts"

/**
 * A row of the tree: an actor, a supervisor or a supervised family; a pool; a family that no supervisor has; or what is left of
 * something that a Layer had started and that has ended for a failure.
 */
export type Subject = ActorCell | Pool | Family | Failed

export const addressOf = (subject: Subject): string => (subject instanceof Family ? subject.name : subject.address)

/** The supervisor whose child it is. */
export const supervisionAbove = ({ supervisor }: ActorCell): Supervision | undefined =>
  supervisor instanceof Supervision ? supervisor : undefined

/** The pool, family or supervisor that it stands below. */
export const parentOf = (subject: Subject): Subject | undefined => {
  if (subject instanceof Pool) {
    const [member] = subject.members
    return member && supervisionAbove(member)?.supervisor
  }
  if (!(subject instanceof ActorCell)) return undefined
  const { family, pool } = subject.options
  if (pool !== undefined) return pool
  if (family instanceof Family) return family.cell ?? family
  return supervisionAbove(subject)?.supervisor
}

/**
 * Visits each once, until a visit gives true. What is alive comes in the order of its start, a pool before its first member; then come
 * families, and then what has ended, as far as anybody still knows of it.
 */
export const visitAll = (runtime: Runtime, visit: (subject: Subject) => boolean): boolean => {
  const pools = new Set<Pool>()
  const supervisors: Array<ActorCell> = []
  const visitCell = (cell: ActorCell): boolean => {
    const { kind, pool } = cell.options
    if (kind === "supervisor") supervisors.push(cell)
    if (pool === undefined || pools.has(pool)) return visit(cell)
    pools.add(pool)
    return visit(pool) || visit(cell)
  }
  for (const cell of runtime.cells) {
    if (visitCell(cell)) return true
  }
  for (const family of runtime.families) {
    if ((!family.isSupervised && visit(family)) || family.failed.some(visit)) return true
  }
  const ended = new Set<ActorCell>()
  for (const pool of pools) endedOf(pool.members, ended)
  // A supervisor that has ended has children, too, all of which have.
  for (const cell of supervisors) endedOf(supervisionOf(cell)?.cells ?? [], ended)
  for (const cell of ended) {
    endedOf(supervisionOf(cell)?.cells ?? [], ended)
    if (visitCell(cell)) return true
  }
  const addresses = new Set(Array.from(ended, ({ address }) => address))
  for (const groups of [runtime.supervisors, runtime.groups]) {
    for (const { failed } of groups.values()) {
      for (const one of failed.values()) {
        if (!addresses.has(one.address) && visit(one)) return true
      }
    }
  }
  return false
}

const endedOf = (cells: ReadonlyArray<ActorCell>, ended: Set<ActorCell>): void => {
  for (const cell of cells) if (cell.phase === "Stopped") ended.add(cell)
}

/** The one of this address. */
export const findSubject = (runtime: Runtime, address: string): Subject | undefined => {
  let found: Subject | undefined
  visitAll(runtime, (subject) => {
    if (addressOf(subject) !== address) return false
    found = subject
    return true
  })
  return found
}
