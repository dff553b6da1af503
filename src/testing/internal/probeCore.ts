/** A probe behind its types: what came, what is still to be looked at, and what is to be answered. */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Formatter from "effect/Formatter"
import type { TestClock } from "effect/testing"
import type { MessageSpec } from "../../internal/protocol.ts"
import type { Self } from "../../internal/self.ts"
import { TestFailure } from "../TestFailure.ts"
import { type Patience, untilQuiet } from "./quiet.ts"

type Answer = Effect.Effect<unknown, unknown>

/** What answers a message: an effect, or a function of the payload. */
export type Script = Answer | ((payload: unknown) => Answer)

/** A message as the probe got it. */
export interface ReceivedCore {
  readonly tag: string
  readonly payload: unknown
  readonly actor: string
  readonly id: string | undefined
  readonly incarnation: number
  readonly time: number
  readonly answer: (answer: Answer) => Effect.Effect<boolean>
}

/** A message that does not come costs so much; one that comes costs nothing. */
const patience: Patience = { rounds: 64, millis: 20 }

/** When there is nothing to wait for but time, real I/O is left out. */
const impatience: Patience = { rounds: 64, millis: 0 }

export class ProbeCore {
  readonly name: string
  readonly received: Array<ReceivedCore> = []
  private readonly progress: () => unknown
  /** How many of them the test has looked at. */
  private seen = 0
  /** Scripts for all messages of a tag. */
  private readonly always = new Map<string, Script>()
  /** Scripts for one message each. */
  private readonly queued = new Map<string, Array<Script>>()
  private onMessage: (() => void) | undefined = undefined

  constructor(name: string, progress: () => unknown) {
    this.name = name
    this.progress = progress
  }

  script(tag: string, script: Script | ReadonlyArray<Script>): void {
    if (Array.isArray(script)) {
      this.queued.set(tag, [...(this.queued.get(tag) ?? []), ...(script as ReadonlyArray<Script>)])
    } else {
      this.always.set(tag, script as Script)
    }
  }

  /** The handlers of one incarnation. */
  handlers(specs: ReadonlyArray<MessageSpec>, self: Self["Service"]): Record<string, (payload: unknown) => Answer> {
    return Object.fromEntries(specs.map((spec) => [spec.tag, (payload: unknown) => this.take(spec, payload, self)]))
  }

  private take(spec: MessageSpec, payload: unknown, { address, id, incarnation }: Self["Service"]): Answer {
    return Effect.flatMap(Clock.currentTimeMillis, (time) => {
      const { tag } = spec
      const answered = Deferred.makeUnsafe<unknown, unknown>()
      this.received.push({
        tag,
        payload,
        actor: address,
        id,
        incarnation,
        time,
        answer: (answer) => Effect.sync(() => Deferred.doneUnsafe(answered, answer))
      })
      this.onMessage?.()
      const script = this.queued.get(tag)?.shift() ?? this.always.get(tag)
      if (script === undefined) return spec.repliesNothing ? Effect.void : Deferred.await(answered)
      return typeof script === "function" ? script(payload) : script
    })
  }

  // --- Expectations ---------------------------------------------------------------------------------------------------

  expectMessage(
    tag: string,
    match: unknown,
    within: Duration.Input | undefined
  ): Effect.Effect<ReceivedCore, TestFailure> {
    return Effect.flatMap(this.next(within, patience), (message) => {
      if (message === undefined) return this.fail(`${tag}${showWithin(within)}`, "no message came")
      if (message.tag !== tag) return this.fail(tag, `${show(message)} came`)
      return match === undefined || matches(match, message.payload)
        ? Effect.succeed(message)
        : this.fail(
            `${tag} ${typeof match === "function" ? "that the predicate accepts" : Formatter.format(match)}`,
            `${show(message)} came`
          )
    })
  }

  expectNoMessage(within: Duration.Input | undefined): Effect.Effect<void, TestFailure> {
    return Effect.flatMap(this.next(within, impatience), (message) =>
      message === undefined
        ? Effect.void
        : Effect.asVoid(this.fail(`no message${showWithin(within)}`, `${show(message)} came`))
    )
  }

  fishFor(
    isWanted: (message: ReceivedCore) => boolean,
    within: Duration.Input | undefined
  ): Effect.Effect<ReceivedCore, TestFailure> {
    return Effect.gen({ self: this }, function* () {
      const clock = yield* Clock.Clock
      const end = clock.currentTimeMillisUnsafe() + (within === undefined ? 0 : Duration.toMillis(within))
      let skipped = 0
      while (true) {
        const left = Math.max(0, end - clock.currentTimeMillisUnsafe())
        const message = yield* this.next(left, patience)
        if (message === undefined) {
          const found = skipped === 0 ? "no message came" : `none of the ${skipped} that came was accepted`
          return yield* this.fail(`a message that the function accepts${showWithin(within)}`, found)
        }
        if (isWanted(message)) return message
        skipped++
      }
    })
  }

  /**
   * The next message that the test has not looked at, or none in that time. Time is moved by nobody else while a
   * test waits here, so it is moved here, and stops when the message is there.
   */
  private next(within: Duration.Input | undefined, patience: Patience): Effect.Effect<ReceivedCore | undefined> {
    const isThere = () => this.seen < this.received.length
    return Effect.gen({ self: this }, function* () {
      const isEarly = yield* untilQuiet(this.progress, isThere, patience)
      if (!isEarly && within !== undefined && Duration.toMillis(within) > 0) {
        yield* Effect.raceFirst(passTime(within), this.arrival)
        yield* untilQuiet(this.progress, isThere, impatience)
      }
      return isThere() ? this.received[this.seen++] : undefined
    })
  }

  private readonly arrival = Effect.callback<void>((resume) => {
    this.onMessage = () => resume(Effect.void)
    return Effect.sync(() => {
      this.onMessage = undefined
    })
  })

  private fail(expected: string, found: string): Effect.Effect<never, TestFailure> {
    const all = this.received.map((message) => `\n  ${message.time} ms  ${show(message)}`)
    const received = all.length === 0 ? "It has received nothing." : `It has received so far:${all.join("")}`
    const message = `The probe of "${this.name}" expected ${expected}, but ${found}.\n${received}`
    return Effect.fail(new TestFailure({ kind: "probe", message }))
  }
}

const matches = (match: unknown, payload: unknown): boolean =>
  typeof match === "function" ? match(payload) === true : Equal.equals(match, payload)

const showWithin = (within: Duration.Input | undefined): string =>
  within === undefined ? " without time passing" : ` within ${Duration.format(Duration.fromInputUnsafe(within))}`

/** A test's payloads are the test's own, and a failure that withholds them says little. `Redacted` values stay hidden. */
const show = ({ actor, id, payload, tag }: ReceivedCore): string =>
  [tag, payload === undefined ? "" : Formatter.format(payload), id === undefined ? "" : `for ${actor}`]
    .filter(Boolean)
    .join(" ")

/** Moves the time of a `TestClock`; any other clock is left to those who move it. */
const passTime = (duration: Duration.Input): Effect.Effect<void> =>
  Effect.flatMap(Clock.Clock, (clock) => (isTestClock(clock) ? clock.adjust(duration) : Effect.sleep(duration)))

const isTestClock = (clock: Clock.Clock): clock is TestClock.TestClock => "adjust" in clock
