/** The nodes of a supervision tree, in the order of starting, and how each of them is. */
import { Effect } from "effect"
import { Actor, Supervisor } from "ryker"

export interface Node {
  readonly address: string
  /** How many supervisors are above it. */
  readonly depth: number
  readonly status: Actor.Status
}

/** A supervisor and all below it. Of supervisors below it, it looks into those given: handles outlast restarts. */
export const census = (
  top: Supervisor.Handle,
  below: ReadonlyMap<string, Supervisor.Handle>
): Effect.Effect<ReadonlyArray<Node>> => {
  const visit = (supervisor: Supervisor.Handle, depth: number): Effect.Effect<ReadonlyArray<Node>> =>
    Effect.map(
      Effect.flatMap(Supervisor.whichChildren(supervisor), (children) =>
        Effect.forEach(children, ({ address, status }) => {
          const handle = below.get(address)
          const node = { address, depth, status }
          return handle === undefined
            ? Effect.succeed([node])
            : Effect.map(visit(handle, depth + 1), (nodes) => [node, ...nodes])
        })
      ),
      (nodes) => nodes.flat()
    )
  return Effect.gen(function* () {
    const status = yield* Actor.status(top)
    return [{ address: top.address, depth: 0, status }, ...(yield* visit(top, 1))]
  })
}

/** One row for each node: its place in the tree and, for each column, its incarnation, in brackets while it is down. */
export const censusRows = (
  label: (node: Node) => string,
  columns: ReadonlyArray<ReadonlyArray<Node>>
): ReadonlyArray<ReadonlyArray<string>> =>
  (columns[0] ?? []).map((node, row) => [
    "  ".repeat(node.depth) + label(node),
    ...columns.map((nodes) => statusText(nodes[row]!.status))
  ])

const statusText = (status: Actor.Status): string => {
  switch (status._tag) {
    case "Running":
      return String(status.incarnation)
    case "Starting":
    case "Restarting":
    case "Suspended":
      return `(${status.incarnation})`
    default:
      return "ended"
  }
}

/** How many messages wait for nodes that are down. */
export const waiting = (nodes: ReadonlyArray<Node>): number =>
  nodes.reduce((n, { status }) => n + (status._tag === "Restarting" ? status.queued : 0), 0)

/** What is not as expected: every node must run, in its incarnation. */
export const deviations = (
  expected: ReadonlyMap<string, number>,
  nodes: ReadonlyArray<Node>
): ReadonlyArray<string> => [
  ...Array.from(expected.keys())
    .filter((address) => nodes.every((node) => node.address !== address))
    .map((address) => `${address} is missing`),
  ...nodes.flatMap(({ address, status }) => {
    const want = expected.get(address)
    const has = status._tag === "Running" ? `incarnation ${status.incarnation}` : status._tag
    return has === `incarnation ${want}` ? [] : [`${address}: ${has}, not incarnation ${want}`]
  })
]
