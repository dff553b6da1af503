/**
 * What the programs share: actors that do what their messages say, and a world that notes what becomes of each message
 * and of each incarnation, and knows what must never be.
 *
 * Nothing here imports vitest: the check of planted faults runs the same programs without it.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Actor from "../../../src/Actor.ts"
import * as Ledger from "../../../src/Ledger.ts"
import * as Router from "../../../src/Router.ts"
import * as Ryker from "../../../src/Ryker.ts"
import type { AskError } from "../../../src/RykerError.ts"
import * as Explore from "../../../src/testing/Explore.ts"

// --- Actors -------------------------------------------------------------------------------------------------------------

/** What a handler does; a program says it where it matters. */
export type Job = () => Effect.Effect<unknown, never, Actor.Self | Ryker.Ryker | Scope.Scope>

const Run = Rpc.make("Run", {
  payload: { name: Schema.String, job: Schema.declare((value): value is Job => typeof value === "function") },
  success: Schema.String
})

export class Worker extends Actor.Service<Worker>()("Worker", [Run]) {}
export class Other extends Actor.Service<Other>()("Other", [Run]) {}
export class Third extends Actor.Service<Third>()("Third", [Run]) {}
export class Family extends Actor.keyed<Family>()("Family", [Run]) {}

export type Handle = Actor.Handle<typeof Run>

/** Answers at once. */
export const reply: Job = () => Effect.void
/** Answers after a turn of its fiber. */
export const pause: Job = () => Effect.yieldNow
/** Answers after so many milliseconds. */
export const slow =
  (millis: number): Job =>
  () =>
    Effect.sleep(millis)
/** As `slow`, and cannot be interrupted. */
export const stubborn =
  (millis: number): Job =>
  () =>
    Effect.uninterruptible(Effect.sleep(millis))
export const die: Job = () => Effect.die(new Error("crash on purpose"))
export const slowDie =
  (millis: number): Job =>
  () =>
    Effect.andThen(Effect.sleep(millis), die())

/** No deadline, and restarts without a limit after 1 ms. */
export const quick = {
  deadline: "Infinity",
  backoff: { base: 1, cap: 1, jitter: false },
  intensity: { restarts: 1_000, window: "1 minute" }
} as const satisfies Actor.Options

// --- What is known of messages and incarnations -------------------------------------------------------------------------

/** What the sender got. Errors with the phase that they tell; "taken" for a tell. */
export type Outcome = string

interface Message {
  readonly name: string
  readonly sender: string
  readonly actor: string
  readonly isAsk: boolean
  /** Its own deadline. */
  readonly at: number
  /** Its place among all that were sent. */
  readonly n: number
  outcome: Outcome | undefined
  /** How often its handler began, those times left out that ended in the stash. */
  begun: number
  ended: "answered" | "crashed" | "interrupted" | undefined
  isAside: boolean
}

interface Life {
  readonly address: string
  readonly incarnation: number
  inHand: string | undefined
  /** Its Scope has begun to close. */
  isOver: boolean
}

/** How an actor of the world is. */
export interface WorldOptions extends Actor.Options {
  /** Done in `build`. */
  readonly opens?: (life: Life) => Effect.Effect<unknown, never, Actor.Self | Ryker.Ryker | Scope.Scope>
  /** Done when its Scope closes. */
  readonly closes?: Effect.Effect<unknown>
}

/** How often a message may begin: once, and once more for each redelivery. */
const mostDeliveries = ({ redeliver = 0 }: Actor.Options): number => 1 + redeliver

export class World {
  /** The incarnations whose Scope has not closed, by address. */
  readonly alive = new Map<string, Life>()
  /** The names of the messages in the order in which handlers got them, by address. */
  readonly order = new Map<string, Array<string>>()
  readonly messages = new Map<string, Message>()
  private readonly wrong: Array<string> = []
  private readonly clock: Clock.Clock
  /** When a drain's time is over: nothing begins from then on. */
  drainBy = Number.POSITIVE_INFINITY
  private sent = 0
  /** How many sends there were, by definition: a name may be sent again that was refused. */
  private readonly sends = new Map<string, number>()
  private mostBegun = 1
  /** The room in the mailboxes; undefined where what is queued may be in the stash, or in one of several mailboxes. */
  private room: number | undefined = undefined

  constructor(clock: Clock.Clock) {
    this.clock = clock
  }

  get now(): number {
    return this.clock.currentTimeMillisUnsafe()
  }

  /** Something happened that must not. */
  readonly blame = (what: string): void => {
    this.wrong.push(what)
  }

  /** An invariant: fails with the first thing that was wrong. */
  readonly isRight: Effect.Effect<boolean, string> = Effect.suspend(() => {
    const [first] = this.wrong
    return first === undefined ? Effect.succeed(true) : Effect.fail(first)
  })

  // --- Actors -----------------------------------------------------------------------------------------------------------

  /** The `build` of an actor. */
  readonly build = ({ closes = Effect.void, opens, ...options }: WorldOptions = {}) =>
    Effect.gen({ self: this }, function* () {
      const { address, incarnation } = yield* Actor.self
      const life: Life = { address, incarnation, inHand: undefined, isOver: false }
      const other = this.alive.get(address)
      if (other !== undefined) {
        this.blame(`incarnation ${incarnation} of ${address} begins before ${other.incarnation} has closed`)
      }
      this.alive.set(address, life)
      this.room = options.capacity
      this.mostBegun = Math.max(this.mostBegun, mostDeliveries(options))
      yield* Effect.addFinalizer(() => {
        life.isOver = true
        return Effect.andThen(
          closes,
          Effect.sync(() => {
            if (this.alive.get(address) === life) this.alive.delete(address)
          })
        )
      })
      if (opens !== undefined) yield* opens(life)
      return { Run: ({ job, name }: { readonly name: string; readonly job: Job }) => this.handle(life, name, job) }
    })

  readonly worker = (options: WorldOptions = {}) => Worker.toLayer(this.build(options), { ...quick, ...options })
  readonly other = (options: WorldOptions = {}) => Other.toLayer(this.build(options), { ...quick, ...options })
  readonly third = (options: WorldOptions = {}) => Third.toLayer(this.build(options), { ...quick, ...options })

  private handle(life: Life, name: string, job: Job) {
    const message = this.messages.get(name)!
    const { address } = life
    if (life.inHand !== undefined) this.blame(`${name} comes to ${address} while ${life.inHand} is in hand`)
    if (life.isOver) this.blame(`${name} comes to an incarnation of ${address} that is over`)
    if (message.at <= this.now) this.blame(`${name} begins after its deadline`)
    if (this.drainBy <= this.now) this.blame(`${name} begins when the drain's time is over`)
    if (message.outcome !== undefined && message.isAsk)
      this.blame(`${name} begins after its sender got ${message.outcome}`)
    life.inHand = name
    message.begun++
    if (message.begun > this.mostBegun) this.blame(`${name} begins for the ${message.begun}. time`)
    const order = this.order.get(address) ?? []
    this.order.set(address, order)
    if (message.begun === 1) order.push(name)
    return Effect.as(
      Effect.onExit(Effect.suspend(job), (exit) =>
        Effect.sync(() => {
          life.inHand = undefined
          if (Exit.isSuccess(exit)) message.ended = "answered"
          else if (Cause.hasDies(exit.cause)) message.ended = "crashed"
          else if (message.isAside) {
            message.isAside = false
            message.begun--
            if (message.begun === 0) order.splice(order.indexOf(name), 1)
          } else message.ended = "interrupted"
        })
      ),
      name
    )
  }

  /** `Actor.stash` for the message of this name: it was not begun then. */
  readonly stash = (name: string): Effect.Effect<never, never, Actor.Self> =>
    Effect.suspend(() => {
      this.messages.get(name)!.isAside = true
      this.room = undefined
      return Actor.stash
    })

  // --- Senders ----------------------------------------------------------------------------------------------------------

  private note(name: string, handle: Handle, isAsk: boolean, deadline: number): Message {
    const known = this.messages.get(name)
    if (known !== undefined && known.begun > 0) throw new Error(`${name} is sent twice`)
    const message: Message = {
      name,
      sender: name.replace(/\d+$/, ""),
      actor: handle.address,
      isAsk,
      at: this.now + deadline,
      n: this.sent++,
      outcome: undefined,
      begun: 0,
      ended: undefined,
      isAside: false
    }
    this.messages.set(name, message)
    const definition = definitionOf(handle.address)
    this.sends.set(definition, (this.sends.get(definition) ?? 0) + 1)
    return message
  }

  /** Asks, and gives what came of it. `name` is the sender's with a number. */
  readonly ask = (
    handle: Handle,
    name: string,
    job: Job = reply,
    options?: { readonly deadline?: number }
  ): Effect.Effect<Outcome> =>
    Effect.suspend(() => {
      const message = this.note(name, handle, true, options?.deadline ?? Number.POSITIVE_INFINITY)
      return Effect.map(this.settling(message, handle, handle.ask.Run({ name, job }, options)), () => message.outcome!)
    })

  /** Tells, and gives what came of it. */
  readonly tell = (
    handle: Handle,
    name: string,
    job: Job = reply,
    options?: { readonly deadline?: number }
  ): Effect.Effect<Outcome> =>
    Effect.suspend(() => {
      const message = this.note(name, handle, false, options?.deadline ?? Number.POSITIVE_INFINITY)
      const told = Effect.as(handle.tell.Run({ name, job }, options), "taken")
      return Effect.map(this.settling(message, handle, told), () => message.outcome!)
    })

  /** Sends until there is room. */
  readonly insist = (send: Effect.Effect<Outcome>): Effect.Effect<Outcome> =>
    Effect.flatMap(send, (outcome) =>
      outcome === "Busy" ? Effect.delay(this.insist(send), 1) : Effect.succeed(outcome)
    )

  private settling<E extends { readonly _tag: string }>(
    message: Message,
    handle: Handle,
    sent: Effect.Effect<string, E>
  ) {
    return Effect.exit(
      Effect.onExit(sent, (exit) =>
        Effect.map(Actor.status(handle), (status) => {
          const { isAsk, name, outcome: before } = message
          if (before !== undefined) this.blame(`${name} gets ${before}, and another outcome`)
          message.outcome = outcomeOf(exit)
          if (isAsk && Exit.isSuccess(exit) && exit.value !== name)
            this.blame(`${name} gets the answer to ${exit.value}`)
          const error = Exit.isSuccess(exit) ? undefined : errorOf(exit.cause)
          // In the very step in which it was refused. What is in the stash counts as queued, too.
          const isSingle = Router.members(handle).length === 1
          const hasRoom = this.room === undefined || !isSingle || !("queued" in status) || status.queued <= this.room
          if (message.outcome === "taken" && !hasRoom) this.blame(`${name} is taken in, but there was no room for it`)
          const isFull = error?._tag === "Busy" && error.limit === "mailbox" && isSingle
          if (isFull && "queued" in status && status.queued < error.capacity) {
            this.blame(`${name} is refused, but only ${status.queued} are queued`)
          }
        })
      )
    )
  }

  // --- The reckoning ----------------------------------------------------------------------------------------------------

  /** What is wrong once all is over: senders, handlers and books must agree. */
  reckon(entries: ReadonlyArray<Ledger.Entry>): ReadonlyArray<string> {
    const wrong = Array.from(this.messages.values()).flatMap((message) => {
      const what = whatIsWrong(message)
      return what === undefined ? [] : [`${message.name} got ${message.outcome}, but ${what}`]
    })
    const fifo = Array.from(this.order.entries()).flatMap(([address, names]) => this.outOfOrder(address, names))
    return [
      ...wrong,
      ...fifo,
      ...entries.filter(({ actor }) => this.sends.has(actor)).flatMap((entry) => this.balance(entry))
    ]
  }

  private outOfOrder(address: string, names: ReadonlyArray<string>): ReadonlyArray<string> {
    const last = new Map<string, Message>()
    return names.flatMap((name) => {
      const message = this.messages.get(name)!
      const before = last.get(message.sender)
      last.set(message.sender, message)
      return before !== undefined && before.n > message.n ? [`${address} handled ${before.name} before ${name}`] : []
    })
  }

  private balance({ accepted, actor, dropped, failed, handled, inHand, queued, refused }: Ledger.Entry) {
    const sent = Array.from(this.messages.values()).filter((message) => definitionOf(message.actor) === actor)
    const begun = sent.filter((message) => message.begun > 0).length
    // One that is to be delivered again has begun, and may be dropped all the same.
    const isExact = this.mostBegun === 1
    const denied = Object.values(refused).reduce((sum, n) => sum + n, 0)
    const books: ReadonlyArray<readonly [string, number, number]> = [
      ["left", queued + inHand, 0],
      ["begun", isExact ? handled + failed : begun, begun],
      ["dropped", Ledger.totalDropped(dropped), isExact ? accepted - begun : accepted - handled - failed],
      ["sent", accepted + denied, this.sends.get(actor) ?? 0]
    ]
    return books.flatMap(([what, booked, seen]) =>
      booked === seen ? [] : [`${actor}: ${booked} ${what} in the books, ${seen} were seen`]
    )
  }
}

const definitionOf = (address: string): string => address.replace(/[/#].*$/, "")

const errorOf = (cause: Cause.Cause<unknown>): AskError | undefined => {
  const reason = cause.reasons.find(Cause.isFailReason)
  // Whatever a send fails with; a job has no typed failure.
  return reason?.error as AskError | undefined
}

const outcomeOf = (exit: Exit.Exit<unknown, unknown>): Outcome => {
  if (Exit.isSuccess(exit)) return exit.value === "taken" ? "taken" : "reply"
  const error = errorOf(exit.cause)
  if (error === undefined) return Cause.hasDies(exit.cause) ? Cause.pretty(exit.cause) : "interrupted"
  return "phase" in error && error.phase !== undefined ? `${error._tag} ${error.phase}` : error._tag
}

/** Whether what the sender got fits to what the handler saw. */
const whatIsWrong = ({ begun, ended, isAsk, outcome }: Message): string | undefined => {
  switch (outcome) {
    case undefined:
      return "never settled"
    case "reply":
      return ended === "answered" ? undefined : `its handler ${ended ?? "never began"}`
    case "taken":
    case "interrupted":
      return undefined
    case "Crashed":
      return begun > 0 && ended !== "answered" ? undefined : `its handler ${ended ?? "never began"}`
    case "Timeout running":
    case "Stopped running":
      return begun > 0 ? undefined : "it never began"
    case "Busy":
    case "Timeout queued":
    case "Stopped queued":
    case "Stopped refused":
    case "Deadlock":
      return begun === 0 ? undefined : "it began"
    default:
      return isAsk ? "nobody knows that outcome" : undefined
  }
}

// --- Programs -----------------------------------------------------------------------------------------------------------

/** A program that is explored: it provides all that it needs. */
export type Program = Effect.Effect<void, unknown, Scope.Scope>

type AnyEffect = Effect.Effect<unknown, unknown, unknown>

/** What is done with these effects: it fails as they do, and needs what they need. */
type Of<Effects extends AnyEffect> = Effect.Effect<void, Effect.Error<Effects>, Effect.Services<Effects>>

/** The parties of a program, side by side, each under its name in traces. None begins before the others. */
export const together = <Parties extends Readonly<Record<string, AnyEffect>>>(
  parties: Parties
): Of<Parties[keyof Parties]> =>
  Effect.forEach(
    Object.entries(parties),
    ([name, party]) => Explore.named(Effect.andThen(Effect.yieldNow, party), name),
    { concurrency: "unbounded", discard: true }
    // The entries have lost what each party fails with.
  ) as Of<Parties[keyof Parties]>

/** One after the other. */
export const inTurn = <Effects extends ReadonlyArray<AnyEffect>>(...effects: Effects): Of<Effects[number]> =>
  Effect.all(effects, { discard: true }) as Of<Effects[number]>

/**
 * A program in a runtime and a world of its own: nothing that must not happen does, at any step, and in the end, with
 * all actors gone, senders, handlers and books agree.
 */
export const program = <ROut, E1, E2>(
  actors: (world: World) => Layer.Layer<ROut, E1, Ryker.Ryker>,
  body: (world: World) => Effect.Effect<unknown, E2, ROut | Ryker.Ryker | Scope.Scope>,
  options: Ryker.Options = {}
): Program =>
  Effect.gen(function* () {
    const world = new World(yield* Clock.Clock)
    yield* Explore.always("all is right", world.isRight)
    const runtime = yield* Effect.gen(function* () {
      yield* Effect.scoped(body(world))
      return yield* Ryker.Ryker
    }).pipe(Effect.provide(actors(world)), Effect.provide(Ryker.layerWith(options)))
    // What cannot be interrupted ends by itself.
    yield* Effect.sleep("1 minute")
    const wrong = world.reckon(yield* Effect.provideService(Ryker.ledger, Ryker.Ryker, runtime))
    if (wrong.length > 0) return yield* Effect.fail(wrong.join("\n"))
    if (world.alive.size > 0) return yield* Effect.fail(`still alive: ${Array.from(world.alive.keys()).join()}`)
  })

/** A program that spawns its actors itself. */
export const programOf = <E>(
  body: (world: World) => Effect.Effect<unknown, E, Ryker.Ryker | Scope.Scope>,
  options?: Ryker.Options
): Program => program(() => Layer.empty, body, options)

/** Fails the program unless the two are the same. */
export const expect = (what: string, actual: unknown, expected: unknown): Effect.Effect<void, string> =>
  JSON.stringify(actual) === JSON.stringify(expected)
    ? Effect.void
    : Effect.fail(`${what}: ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`)

/** The effect, cut off after so many milliseconds. */
export const givenUpAfter = <A, E, R>(effect: Effect.Effect<A, E, R>, millis: Duration.Input) =>
  Effect.raceFirst(effect, Effect.sleep(millis))
