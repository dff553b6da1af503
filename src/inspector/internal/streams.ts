/**
 * The clients of `GET /events`: each holds its place in the memory and nothing else.
 *
 * There is one memory and one fiber that wakes those who wait, however many clients there are. A client asks for more when it
 * has taken what it was given, so that what waits for a slow one stays in the memory, where new events push out old ones: then it
 * loses some, and is told how many.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { frameOf, type Memory, missedTopic } from "./memory.ts"

type Chunk = readonly [Uint8Array]

/** The next that is sent, or the end. */
type Pulled = Effect.Effect<Chunk, Cause.Done>

interface Client {
  /** The id of the last event that it was sent, or that its filter has left out. */
  last: number
  readonly wants: ((topic: string) => boolean) | undefined
  /** Set while it waits. */
  resume: ((pulled: Pulled) => void) | undefined
  /** What sends to it. */
  fiber: Fiber.Fiber<unknown, unknown> | undefined
  /** How many heartbeats have passed since it last asked for more. */
  beats: number
}

/** How many events go in one write. */
const mostAtOnce = 64

/** Events that come within this time of each other are sent together, so that a storm of them does not wake all clients for each. */
const pause = "100 millis"

/** How often a client hears that there is nothing new. */
export const heartbeat = "15 seconds"

/** One that has not taken what it was sent after so many heartbeats loses its place. */
const patience = 4

const encoder = new TextEncoder()
const bytes = (text: string): Chunk => [encoder.encode(text)]

const beat = bytes(": still here\n\n")

export class EventStreams {
  private readonly memory: Memory
  private readonly most: number
  private readonly clients = new Set<Client>()
  private readonly news = Latch.makeUnsafe()
  private hasEnded = false
  /** What was made last, for clients that want all: most of them are at the same place. */
  private made: { readonly after: number; readonly last: number; readonly chunk: Chunk } | undefined = undefined

  constructor(memory: Memory, most: number) {
    this.memory = memory
    this.most = most
    memory.onNew = () => this.news.openUnsafe()
  }

  /** How many clients there are. */
  get size(): number {
    return this.clients.size
  }

  /** Wakes those who wait when there is something new, and at each heartbeat; for as long as it runs. */
  run(): Effect.Effect<never, never, Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      yield* Effect.forkScoped(
        Effect.forever(
          Effect.andThen(
            Effect.sleep(heartbeat),
            Effect.sync(() => this.beat())
          )
        )
      )
      return yield* Effect.forever(
        Effect.gen({ self: this }, function* () {
          yield* this.news.await
          // It goes on where the event was told, which is no place to serve clients.
          yield* Effect.yieldNow
          this.news.closeUnsafe()
          for (const client of this.clients) this.wake(client)
          yield* Effect.sleep(pause)
        })
      )
    })
  }

  /**
   * A client's stream, from after the id on, or from now on; undefined if there are too many. Its place is taken until the Scope
   * closes, whether or not anybody ever reads the stream.
   */
  open(
    after: number | undefined,
    wants: Client["wants"]
  ): Effect.Effect<Stream.Stream<Uint8Array> | undefined, never, Scope.Scope> {
    return Effect.suspend(() => {
      if (this.clients.size >= this.most) return Effect.undefined
      const { memory } = this
      const last = after === undefined ? memory.latest : memory.placeOf(after)
      const client: Client = { last, wants, resume: undefined, fiber: undefined, beats: 0 }
      return Effect.as(
        Effect.acquireRelease(
          Effect.sync(() => this.clients.add(client)),
          () => Effect.sync(() => this.clients.delete(client))
        ),
        this.streamFor(client)
      )
    })
  }

  private streamFor(client: Client): Stream.Stream<Uint8Array> {
    // The first write makes the server send the headers.
    let greeting: Chunk | undefined = bytes("retry: 2000\n\n")
    const pull: Pulled = Effect.withFiber((fiber) => {
      client.fiber = fiber
      client.beats = 0
      if (greeting !== undefined) {
        const first = greeting
        greeting = undefined
        return Effect.succeed(first)
      }
      const chunk = this.next(client)
      if (chunk !== undefined) return Effect.succeed(chunk)
      if (this.hasEnded) return Cause.done()
      return Effect.callback<Chunk, Cause.Done>((resume) => {
        client.resume = resume
        return Effect.sync(() => {
          client.resume = undefined
        })
      })
    })
    return Stream.fromPull(Effect.succeed(pull))
  }

  private wake(client: Client): void {
    const { resume } = client
    if (resume === undefined) return
    const chunk = this.next(client)
    if (chunk === undefined && !this.hasEnded) return
    client.resume = undefined
    resume(chunk === undefined ? Cause.done() : Effect.succeed(chunk))
  }

  /** What the client is to be sent next, if there is anything. */
  private next(client: Client): Chunk | undefined {
    const { memory } = this
    const { wants } = client
    while (client.last !== memory.latest) {
      const after = client.last
      if (wants === undefined && this.made?.after === after) {
        client.last = this.made.last
        return this.made.chunk
      }
      const { missed, remembered } = memory.after(after)
      const some = remembered.slice(0, mostAtOnce)
      client.last = remembered.length > some.length ? some.at(-1)!.id : memory.latest
      const frames = some.filter(({ topic }) => wants === undefined || wants(topic)).map(({ frame }) => frame)
      // What a client has lost is older than nearly all that is left, whatever its topics were.
      if (missed > 0) frames.unshift(frameOf(missedTopic, { missed }))
      if (frames.length === 0) continue
      const chunk = bytes(frames.join(""))
      if (wants === undefined) this.made = { after, last: client.last, chunk }
      return chunk
    }
    return undefined
  }

  private beat(): void {
    for (const client of this.clients) {
      const { fiber, resume } = client
      if (resume !== undefined) {
        client.resume = undefined
        resume(Effect.succeed(beat))
      } else if (++client.beats >= patience) fiber?.interruptUnsafe()
    }
  }

  /** Sends each client what is left for it, and ends its stream. Those that take nothing are cut off. */
  end(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.hasEnded = true
      for (const client of this.clients) this.wake(client)
      return Effect.sleep("1 second").pipe(
        Effect.andThen(
          Effect.sync(() => {
            for (const { fiber } of this.clients) fiber?.interruptUnsafe()
          })
        )
      )
    })
  }
}
