/** How fast actors work, for whoever must be told when there will be room. */
import type { ActorCell } from "../../internal/actorCell.ts"
import type { Group, Runtime } from "../../internal/runtime.ts"

/** How many messages each definition had ended at a time. */
interface Sample {
  readonly at: number
  readonly ended: ReadonlyMap<string, number>
}

/** Of how many seconds samples are kept. */
const keptSamples = 10

/** How many actors may be looked at between two samples: some milliseconds' worth. */
const mostLooks = 100_000

const endedBy = ({ counters }: Group): number => counters.handled + counters.failed

export class Load {
  private readonly runtime: Runtime
  private samples: Array<Sample>
  /** What was said since the last sample, by address. */
  private readonly said = new Map<string, number>()
  private looks = 0

  constructor(runtime: Runtime) {
    this.runtime = runtime
    this.samples = [this.now()]
  }

  /** To be called once a second. */
  sample(): void {
    this.samples = [...this.samples, this.now()].slice(-keptSamples)
    this.said.clear()
    this.looks = 0
  }

  private now(): Sample {
    const ended = Array.from(this.runtime.groups.values(), (group) => [group.name, endedBy(group)] as const)
    return { at: this.runtime.timers.now(), ended: new Map(ended) }
  }

  /** Seconds until the full mailbox of this address is half empty; undefined if that cannot be told. */
  waitFor(address: string, capacity: number): number | undefined {
    const known = this.said.get(address)
    if (known !== undefined) return known
    const group = this.groupOf(address)
    if (group === undefined || this.looks + group.cells.size > mostLooks) return undefined
    this.looks += group.cells.size
    const wait = this.estimate(group, address, capacity)
    this.said.set(address, wait)
    return wait
  }

  /** An address is the definition's name, or begins with it: `Account/ada`, `Account#1`, `Account#1/2`. */
  private groupOf(address: string): Group | undefined {
    for (
      let name = address;
      name !== "";
      name = name.slice(0, Math.max(name.lastIndexOf("/"), name.lastIndexOf("#"), 0))
    ) {
      const group = this.runtime.groups.get(name)
      if (group !== undefined) return group
    }
    return undefined
  }

  private estimate(group: Group, address: string, capacity: number): number {
    let own: ActorCell | undefined
    let working = 0
    for (const cell of group.cells) {
      if (cell.address === address) own = cell
      if (cell.depth > 0 || cell.isHandling) working++
    }
    if (own?.suspended === true) return Number.POSITIVE_INFINITY
    const delay = own?.phase === "BackingOff" ? Math.max(0, own.resumesAt - this.runtime.timers.now()) / 1000 : 0
    // A pool's address is no actor's: its capacity is that of all its members, which work at the same time.
    const workers = own === undefined ? 1 : Math.max(1, working)
    return delay + capacity / 2 / (this.rateOf(group) / workers)
  }

  /** Messages that end in a second, without the time before the first of them. */
  private rateOf(group: Group): number {
    const ended = endedBy(group)
    const at = this.runtime.timers.now()
    const endedIn = (sample: Sample) => sample.ended.get(group.name) ?? 0
    const first = this.samples.findIndex((sample, index) => {
      const next = this.samples[index + 1]
      return endedIn(sample) < (next === undefined ? ended : endedIn(next))
    })
    const from = this.samples[first]
    if (from === undefined) return 0
    return (ended - endedIn(from)) / Math.max(1e-3, (at - from.at) / 1000)
  }
}
