/** What happens in a supervision tree, as text: a line for each failure, and for each supervisor that recovers. */
import type { RykerEvent } from "ryker"

interface Line {
  readonly time: number
  readonly actor: string
  readonly what: string
  /** What follows from it. */
  readonly next: string
  /** Who else is restarted. */
  readonly group: ReadonlyArray<string>
  /** Whether a restart of it is under way. */
  readonly restarts: boolean
}

/** Lines of the events, each with its time in milliseconds since `from`. */
export const timeline = (events: ReadonlyArray<RykerEvent.RykerEvent>, from: number): ReadonlyArray<string> => {
  const lines: Array<Line> = []
  const add = ({ actor, time }: RykerEvent.RykerEvent, what: string) =>
    lines.push({ time, actor, what, next: "", group: [], restarts: false })
  /** Adds to the last line about an actor. */
  const follow = (actor: string, more: Partial<Line>) => {
    const at = lines.findLastIndex((line) => line.actor === actor)
    if (at >= 0) lines[at] = { ...lines[at]!, ...more }
  }
  for (const event of events) {
    switch (event._tag) {
      case "ActorCrashed":
        add(event, "crashes")
        break
      case "ActorStartFailed":
        add(event, "fails to start")
        break
      case "SupervisorFailed":
        add(event, `fails with ${event.child}`)
        break
      case "RootFailed":
        add(event, "was the root")
        break
      case "ActorRestarting":
        follow(event.actor, { next: `, restarts in ${Math.round(event.delay)} ms`, restarts: true })
        break
      case "GroupRestarting":
        follow(event.child, { group: event.group.filter((address) => address !== event.child) })
        break
      case "ActorStopped":
        if (event.reason === "RapidFail") follow(event.actor, { next: ", is given up (RapidFail)" })
        break
      case "ActorStarted":
        // A supervisor that is started again together with the one above it needs no line of its own.
        if (event.kind === "supervisor" && lines.findLast(({ actor }) => actor === event.actor)?.restarts === true) {
          add(event, "is up again, with all below it")
        }
        break
    }
  }
  return lines.map(({ actor, group, next, time, what }) => {
    const others = group.length === 0 ? "" : ` with ${group.map((address) => address.split("/").at(-1)).join(", ")}`
    return `${String(time - from).padStart(6)} ms  ${actor} ${what}${next}${others}`
  })
}
