/** What happened lately: the latest events and dead letters, each with what clients are sent of it. */
import * as Sse from "effect/encoding/Sse"
import type { DeadLetter } from "../../DeadLetter.ts"
import type { RykerEvent } from "../../RykerEvent.ts"
import type * as InspectorState from "../InspectorState.ts"
import { topicOf } from "../InspectorState.ts"

/** What is sent of one that is remembered. */
export interface Remembered {
  readonly id: number
  readonly topic: string
  /** As a server-sent event. */
  readonly frame: string
}

/** The topic of dead letters, which are no events. */
export const letterTopic = "dead_letter"

/** The topic under which clients hear how many they have lost. */
export const missedTopic = "missed"

export const frameOf = (topic: string, data: unknown, id?: number): string =>
  // JSON has no line breaks of its own and escapes those in strings, so that no name of an actor can end the event.
  Sse.encoder.write({
    _tag: "Event",
    id: id === undefined ? undefined : String(id),
    event: topic,
    data: JSON.stringify(data)
  })

class Entry<A> implements Remembered {
  readonly id: number
  readonly topic: string
  readonly record: A
  private text: string | undefined = undefined

  constructor(id: number, topic: string, record: A) {
    this.id = id
    this.topic = topic
    this.record = record
  }

  /** Made when the first client is sent it, and then for all of them. */
  get frame(): string {
    return (this.text ??= frameOf(this.topic, this.record, this.id))
  }
}

/** The latest of something, as many as there is room for. */
export class Latest<A extends { readonly id: number }> {
  /** How many there were that are not here any more. */
  forgotten = 0
  private readonly size: number
  /** A ring: the oldest is at `start`. */
  private readonly items: Array<A> = []
  private start = 0

  constructor(size: number) {
    this.size = size
  }

  add(item: A): void {
    if (this.items.length < this.size) return void this.items.push(item)
    this.items[this.start] = item
    this.start = (this.start + 1) % this.size
    this.forgotten++
  }

  /** The oldest first. */
  get all(): ReadonlyArray<A> {
    return [...this.items.slice(this.start), ...this.items.slice(0, this.start)]
  }

  /** Those with a larger id, the oldest first. */
  after(id: number): ReadonlyArray<A> {
    const { length } = this.items
    const found: Array<A> = []
    // From the newest on: most who ask know all but the last few.
    for (let n = length - 1; n >= 0; n--) {
      const item = this.items[(this.start + n) % length]!
      if (item.id <= id) break
      found.push(item)
    }
    return found.toReversed()
  }
}

/** How many dead letters are remembered. */
const letters = 100

export class Memory {
  readonly events: Latest<Entry<InspectorState.RecordedEvent>>
  readonly deadLetters = new Latest<Entry<InspectorState.RecordedLetter>>(letters)
  /** The id before the first one. */
  readonly origin: number
  /** The id of the last one. */
  latest: number
  /** Called when there is something new. */
  onNew: () => void = () => {}
  private readonly clock: () => number

  /** `clock` gives milliseconds since the epoch. */
  constructor(events: number, clock: () => number) {
    this.events = new Latest(events)
    this.clock = clock
    // Larger than all ids that a host has given which ran before: a client that was connected to that one, and says which it
    // had last, is sent all that this one has. A thousand in each millisecond are more than there are.
    this.origin = clock() * 1000
    this.latest = this.origin
  }

  heardEvent(event: RykerEvent): void {
    const id = ++this.latest
    const topic = topicOf(event._tag)
    this.events.add(new Entry(id, topic, { id, topic, event }))
    this.onNew()
  }

  heardLetter(letter: DeadLetter): void {
    const id = ++this.latest
    this.deadLetters.add(new Entry(id, letterTopic, { id, time: this.clock(), letter }))
    this.onNew()
  }

  /** Where a client is that says which id it had last. */
  placeOf(id: number): number {
    // One that this host has not given yet is of another one whose clock was ahead, or made up.
    return id > this.latest ? this.origin : Math.max(this.origin, id)
  }

  /** What came after this place, and how much of it is not remembered. */
  after(place: number): { readonly remembered: ReadonlyArray<Remembered>; readonly missed: number } {
    const [events, letters] = [this.events.after(place), this.deadLetters.after(place)]
    const remembered: ReadonlyArray<Remembered> =
      letters.length === 0 ? events : [...events, ...letters].toSorted((a, b) => a.id - b.id)
    return { remembered, missed: this.latest - place - remembered.length }
  }
}
