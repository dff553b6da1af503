/**
 * A look into a running host, and a way to intervene: routes that the host mounts where it likes.
 *
 * **Details**
 *
 * | route | gives |
 * | --- | --- |
 * | `GET` the path itself | a page: the tree of actors with what they do, kept up to date |
 * | `GET state` | the same as JSON, `InspectorState.State` |
 * | `GET events` | what happens, as server-sent events |
 * | `POST control` | with `control: true`: suspends, resumes, restarts or stops an actor |
 *
 * Nothing is there unless {@link layerRoutes} is mounted, and no port is opened: the routes are served by the host's own server. They
 * are for the machine itself only, unless `authorise` says who else may see them. Payloads and replies are never shown, by any of them.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpRouter from "effect/http/HttpRouter"
import type * as HttpServerError from "effect/http/HttpServerError"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as ByteSize from "effect/ByteSize"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { plainResponse } from "../http/HttpProblem.ts"
import { stateOf as shutdownOf } from "../http/internal/phase.ts"
import { checkInt, checkMillis } from "../internal/options.ts"
import { Ryker, type Runtime, runtimeOf } from "../internal/runtime.ts"
import { InvalidOption } from "../RykerError.ts"
import { RykerEvent } from "../RykerEvent.ts"
import { Command, topicOf } from "./InspectorState.ts"
import { isCrossSite, whyNotLocal } from "./internal/access.ts"
import { page, script, style } from "./internal/assets.generated.ts"
import { act } from "./internal/control.ts"
import { letterTopic, Memory } from "./internal/memory.ts"
import { collect } from "./internal/state.ts"
import { EventStreams } from "./internal/streams.ts"

/**
 * Who acts, for the log.
 *
 * @category models
 * @since 0.1.0
 */
export interface Operator {
  /** A name by which others know who it was. */
  readonly operator: string
}

/**
 * Options of {@link layerRoutes}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<R = never> {
  /** Where the routes are: segments of letters, digits and `-._~`, each after a slash. Default `/ryker`. */
  readonly path?: `/${string}` | undefined
  /** Whether actors can be suspended, resumed, restarted and stopped. Default false. */
  readonly control?: boolean | undefined
  /**
   * Whether this request may see, and with `control` do, all there is here; it may also say whose it is. A failure or a defect means no.
   *
   * Without it, the routes answer to requests of the machine itself: from a loopback address, for a name of the loopback interface, and
   * not passed on by a proxy.
   */
  readonly authorise?:
    | ((request: HttpServerRequest.HttpServerRequest) => Effect.Effect<boolean | Operator, unknown, R>)
    | undefined
  /**
   * The value of `WWW-Authenticate`, with which requests are answered (401) that `authorise` refuses: a browser then asks for a name and a
   * password, which it must for the page to work with `Basic`. Without it the answer is 403.
   */
  readonly challenge?: string | undefined
  /** How long a message may be in hand before its actor counts as stuck: at least 1 ms. Default 30 seconds. */
  readonly stuckAfter?: Duration.Input | undefined
  /** Most rows of one state: 1 to 10,000. Default 2,000. */
  readonly actors?: number | undefined
  /** How many events are remembered: 1 to 10,000. Default 500. */
  readonly events?: number | undefined
  /** Most clients of `events` at the same time: 1 to 1,000,000. Default 20,000. One more gets 503. */
  readonly clients?: number | undefined
}

/** Of all responses. The page needs no more, and nothing else is to be made of the others. */
const guards = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store"
}

type Response = HttpServerResponse.HttpServerResponse
type Request = HttpServerRequest.HttpServerRequest

type Route = (request: Request) => Effect.Effect<Response, never, Scope.Scope>

/** A failure is a response, too: one that ends what is left to do. */
type Answer = Effect.Effect<Response, Response, Scope.Scope>

const refuse = (status: number, title: string, detail: string, headers: Readonly<Record<string, string>> = {}) =>
  HttpServerResponse.setHeaders(plainResponse(status, title, detail), headers)

const forbidden = refuse(403, "Forbidden", "The request is refused.")
const notFound = refuse(404, "Not Found", "There is nothing at this path.")

/** Most bytes of a command: an address is a name with an id, and is in it twice. */
const maxCommand = ByteSize.kibibytes(16)

/** How long a client may take to send its command. */
const commandTime = "10 seconds"

/** A state is given to all who ask for this long at least, and this many times as long as it took to make, up to a limit. */
const freshness = { least: 200, times: 20, most: 2000 }

interface Settings<R> {
  readonly path: `/${string}`
  readonly control: boolean
  readonly authorise: Options<R>["authorise"]
  readonly challenge: string | undefined
  readonly stuckAfter: number
  readonly most: number
  readonly events: number
  readonly clients: number
}

const owner = "Inspector"

const checkOptions = Effect.fnUntraced(function* <R>(
  options: Options<R>
): Effect.fn.Return<Settings<R>, InvalidOption> {
  const { authorise, challenge, control = false, path = "/ryker" } = options
  if (!/^(?:\/|(?:\/[A-Za-z0-9._~-]+)+)$/.test(path)) {
    const rule = 'segments of letters, digits and "-._~", each after a slash, like "/ryker"'
    return yield* new InvalidOption({ owner, option: "path", value: JSON.stringify(path), rule })
  }
  if (challenge !== undefined && !/^[\x20-\x7e]+$/.test(challenge)) {
    const rule = "the value of a header, like 'Basic realm=\"ryker\"'"
    return yield* new InvalidOption({ owner, option: "challenge", value: JSON.stringify(challenge), rule })
  }
  return {
    path,
    control,
    authorise,
    challenge,
    stuckAfter: yield* checkMillis(owner, "stuckAfter", options.stuckAfter ?? "30 seconds", 1, Infinity),
    most: yield* checkInt(owner, "actors", options.actors ?? 2000, 1, 10_000),
    events: yield* checkInt(owner, "events", options.events ?? 500, 1, 10_000),
    clients: yield* checkInt(owner, "clients", options.clients ?? 20_000, 1, 1_000_000)
  }
})

/** One structured line, as ryker's own. */
const log = (level: "Info" | "Warn", event: string, fields: Readonly<Record<string, unknown>>): Effect.Effect<void> =>
  Effect.logWithLevel(level)(`ryker: ${event}`).pipe(
    Effect.annotateLogs({ lib: "ryker", event, ...fields }),
    Effect.catchCause(() => Effect.void)
  )

/** All topics that a client can ask for. */
const topics: ReadonlyArray<string> = [
  ...RykerEvent.members.map(({ fields }) => topicOf(fields._tag.schema.literal)),
  letterTopic
]

/** Which topics the client wants; undefined for all. */
const wantedTopics = (url: string): Effect.Effect<((topic: string) => boolean) | undefined, Response> => {
  const start = url.indexOf("?")
  const given = new URLSearchParams(start < 0 ? "" : url.slice(start)).getAll("topic")
  if (given.length === 0) return Effect.undefined
  const wanted = new Set<string>()
  for (const topic of given) {
    const found = topics.filter((known) =>
      topic.endsWith(".*") ? known.startsWith(topic.slice(0, -1)) : known === topic || topic === "*"
    )
    if (found.length === 0) {
      return Effect.fail(
        refuse(400, "Bad Request", `A topic is one of ${topics.join(", ")}, or their beginning: actor.*`)
      )
    }
    for (const known of found) wanted.add(known)
  }
  return Effect.succeed((topic) => wanted.has(topic))
}

class Inspector<R> {
  private readonly runtime: Runtime
  private readonly settings: Settings<R>
  private readonly context: Context.Context<R>
  private readonly memory: Memory
  private readonly streams: EventStreams
  private state: { readonly body: Uint8Array; readonly until: number } | undefined = undefined
  /** Why requests were refused, as far as the log has it. */
  private readonly told = new Set<string>()

  constructor(runtime: Runtime, settings: Settings<R>, context: Context.Context<R>) {
    this.runtime = runtime
    this.settings = settings
    this.context = context
    this.memory = new Memory(settings.events, () => runtime.wallClock())
    this.streams = new EventStreams(this.memory, settings.clients)
  }

  /** Listens from now on, until the Scope closes. */
  start(): Effect.Effect<void, never, Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      const { memory, runtime, streams } = this
      yield* Effect.acquireRelease(
        Effect.sync(() => [
          runtime.events.listen((event) => memory.heardEvent(event)),
          runtime.deadLetters.listen((letter) => memory.heardLetter(letter))
        ]),
        (ends) => Effect.sync(() => ends.forEach((end) => end()))
      )
      yield* Effect.forkScoped(streams.run())
      yield* Effect.forkScoped(Effect.andThen(Deferred.await(shutdownOf(runtime).asked), streams.end()))
    })
  }

  /** What is served, by what follows the path. */
  get routes(): {
    readonly home: Route
    readonly files: ReadonlyArray<readonly [`/${string}`, Route]>
    readonly missing: Route
  } {
    const read = (answer: (request: Request) => Answer) => this.guarded(["GET", "HEAD"], answer)
    const file = (body: string, contentType: string) => read(() => Effect.succeed(text(body, contentType)))
    const home = this.guarded(["GET", "HEAD"], (request) => Effect.succeed(pageFor(request)), true)
    const missing = this.guarded([], () => Effect.succeed(notFound))
    const files: ReadonlyArray<readonly [`/${string}`, Route]> = [
      ["/app.js", file(script, "text/javascript; charset=utf-8")],
      ["/app.css", file(style, "text/css; charset=utf-8")],
      ["/state", read(() => this.getState())],
      ["/events", read((request) => this.getEvents(request))],
      [
        "/control",
        this.settings.control ? this.guarded(["POST"], (request, by) => this.postControl(request, by)) : missing
      ]
    ]
    return { home, files, missing }
  }

  /** Serves those who may, by one of these methods; without any, the answer is the same for all. */
  private guarded(
    methods: ReadonlyArray<string>,
    answer: (request: Request, by: string) => Answer,
    isEntry = false
  ): Route {
    const allow = methods.join(", ")
    const notAllowed = refuse(405, "Method Not Allowed", `There is nothing here but ${allow}.`, { allow })
    return (request) =>
      Effect.gen({ self: this }, function* () {
        const by = yield* this.admit(request)
        if (methods.length > 0 && !methods.includes(request.method)) return notAllowed
        // Whoever follows a link to the page may come from anywhere; what it loads is asked for by the page alone.
        if (!isEntry && isCrossSite(request.headers)) return forbidden
        return yield* answer(request, by)
      }).pipe(
        Effect.catch((response) => Effect.succeed(response)),
        Effect.map((response) => HttpServerResponse.setHeaders(response, guards))
      )
  }

  /** Who it is; fails with the answer for those who may not. */
  private admit(request: Request): Effect.Effect<string, Response> {
    const { authorise, challenge } = this.settings
    if (authorise === undefined) {
      const why = whyNotLocal(request)
      return why === undefined ? Effect.succeed("local") : Effect.andThen(this.tell(why), Effect.fail(forbidden))
    }
    const refused = challenge === undefined ? forbidden : unauthorised(challenge)
    return Effect.suspend(() => authorise(request)).pipe(
      // What it needs is the Layer's; what is the request's own stays so.
      Effect.updateContext((own: Context.Context<never>) => Context.merge(this.context, own)),
      Effect.exit,
      Effect.flatMap((exit) => {
        if (Exit.isSuccess(exit)) {
          const by = nameOf(exit.value)
          return by === undefined ? Effect.fail(refused) : Effect.succeed(by)
        }
        if (Cause.hasInterruptsOnly(exit.cause)) return Effect.interrupt
        return Effect.andThen(this.tell("authorise failed"), Effect.fail(refused))
      })
    )
  }

  /** For the operator who wonders; once, as whoever is refused may come as often as he likes. */
  private tell(why: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.told.has(why)) return Effect.void
      this.told.add(why)
      return this.asHost(log("Warn", "inspector_refused", { actor: "ryker", why }))
    })
  }

  /** With the surroundings of the Layer: its log is where the host's other lines are, whatever the server's is. */
  private asHost<A>(effect: Effect.Effect<A>): Effect.Effect<A> {
    return Effect.provideContext(effect, this.context)
  }

  private getState(): Answer {
    return Effect.sync(() => {
      const { timers } = this.runtime
      const now = timers.now()
      if (this.state === undefined || this.state.until <= now) {
        const state = collect(this.runtime, this.memory, this.settings)
        const body = new TextEncoder().encode(JSON.stringify(state))
        // Whatever it costs, it takes a small part of the time, however many ask.
        const { least, most, times } = freshness
        const until = now + Math.min(most, Math.max(least, times * (timers.now() - now)))
        this.state = { body, until }
      }
      return HttpServerResponse.uint8Array(this.state.body, { contentType: "application/json" })
    })
  }

  private getEvents(request: Request): Answer {
    return Effect.gen({ self: this }, function* () {
      const wanted = yield* wantedTopics(request.url)
      const last = request.headers["last-event-id"]
      const after = last !== undefined && /^\d{1,16}$/.test(last) ? Number(last) : undefined
      const body = yield* this.streams.open(after, wanted)
      if (body === undefined) {
        return refuse(503, "Service Unavailable", "There are too many clients.", { "retry-after": "30" })
      }
      // Proxies that gather what they pass on are told not to.
      return HttpServerResponse.stream(body, {
        contentType: "text/event-stream",
        headers: { "x-accel-buffering": "no" }
      })
    })
  }

  private postControl(request: Request, by: string): Answer {
    return Effect.gen({ self: this }, function* () {
      const { headers } = request
      if (headers["x-ryker-control"] !== "1" || headers["sec-fetch-site"] === "none") return forbidden
      const command = yield* readCommand(request)
      const { action, address } = command
      const outcome = yield* this.asHost(act(this.runtime, command))
      this.state = undefined
      if (outcome._tag === "Unknown") return refuse(404, "Not Found", "There is no actor of this address.")
      const peer = Option.getOrElse(request.remoteAddress, () => "unknown")
      const isAccepted = outcome._tag === "Accepted"
      const fields = { actor: address, action, by, peer, ...(!isAccepted && { why: outcome.why }) }
      yield* this.asHost(log("Info", isAccepted ? "inspector_control" : "inspector_control_refused", fields))
      return isAccepted
        ? HttpServerResponse.jsonUnsafe({ action, address }, { status: 202 })
        : refuse(409, "Conflict", `This is not possible now: ${outcome.why}.`)
    })
  }
}

/** Whom `authorise` has let in. For callers that the compiler does not see, whatever else it gives means no. */
const nameOf = (given: unknown): string | undefined => {
  if (given === true) return "authorised"
  return Predicate.hasProperty(given, "operator") && typeof given.operator === "string" ? given.operator : undefined
}

const text = (body: string, contentType: string): Response => HttpServerResponse.text(body, { contentType })

const unauthorised = (challenge: string): Response =>
  refuse(401, "Unauthorized", "The request is refused.", { "www-authenticate": challenge })

/** Where the page's files are, as seen from the address that the browser knows: a proxy may have put more before the path. */
const pageFor = ({ originalUrl }: Request): Response => {
  const pathname = originalUrl.replace(/[?#].*$/s, "")
  const segment = pathname.slice(pathname.lastIndexOf("/") + 1)
  const base = segment === "" ? "./" : `./${segment}/`
  const escaped = base.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
  return text(
    page.replaceAll("%base%", () => escaped),
    "text/html; charset=utf-8"
  )
}

const badRequest = refuse(
  400,
  "Bad Request",
  'The body must be JSON: {"action": "suspend", "resume", "restart" or "stop", "address": ..., "confirm": the address once more}.'
)

const decodeCommand = Schema.decodeUnknownEffect(Schema.fromJsonString(Command))

const readCommand = (request: Request): Effect.Effect<Command, Response, Scope.Scope> =>
  Effect.gen(function* () {
    if (!/^application\/json\s*(?:;|$)/i.test(request.headers["content-type"] ?? "")) {
      return yield* Effect.fail(refuse(415, "Unsupported Media Type", "The body must be application/json."))
    }
    // In the request's Scope, which closes after the response was sent: to interrupt it before would close the connection.
    const reading = yield* request.text.pipe(
      Effect.provideService(HttpIncomingMessage.MaxBodySize, maxCommand),
      Effect.forkScoped({ startImmediately: true })
    )
    const read = yield* Effect.timeoutOption(Fiber.await(reading), commandTime)
    if (Option.isNone(read)) return yield* Effect.fail(refuse(408, "Request Timeout", "The body did not come in time."))
    const body = yield* Effect.mapError(read.value, unreadable)
    const command = yield* Effect.mapError(decodeCommand(body), () => badRequest)
    return command.confirm === command.address ? command : yield* Effect.fail(badRequest)
  })

const unreadable = ({ reason }: HttpServerError.HttpServerError): Response =>
  reason._tag === "RequestParseError" && reason.reason === "BodyTooLarge"
    ? refuse(413, "Content Too Large", "The body is larger than a command can be.")
    : badRequest

/**
 * The routes of the inspector.
 *
 * **When to use**
 *
 * In a service that somebody operates. Mount it on the server that health checks and metrics are on, or, with `authorise`, where the API is.
 *
 * **Details**
 *
 * - Build it with the runtime: it remembers events and dead letters from when it is built.
 * - `GET state` shows at most `actors` rows. Where there are more, those are shown first that hold the tree together or that a Layer has
 *   started, then those that are not well, then the others in the order of their start; `omitted` says how many are left out. It is made
 *   at most 5 times in a second, whoever asks.
 * - `GET events` sends events and dead letters with ascending ids. A client that says which it had last (`Last-Event-ID`) is sent what came
 *   after it, as far as that is remembered; `?topic=config.applied` chooses, may be repeated, and may end in `.*`. A client that
 *   does not keep up loses the oldest, and hears how many (`missed`). Each hears from the server at least every 15 seconds. The streams end when a
 *   shutdown begins (`Shutdown.begun`).
 * - `POST control` takes `InspectorState.Command` as JSON, with the header `x-ryker-control: 1`; it answers 202 when what was asked for has
 *   begun, 409 when it is not possible now. What pages of other sites send is refused. Each command is a line of the log,
 *   `inspector_control`, with `action`, `actor`, `by` and `peer`.
 * - Who may not gets 403, or 401 with `challenge`, for every path and method.
 * - All responses forbid to be framed, cached and taken for anything else, and the page loads nothing from elsewhere.
 *
 * Fails with `InvalidOption` when an option is out of its range.
 *
 * **Gotchas**
 *
 * - A proxy on the same machine that says nowhere that it is one makes everybody local: give `authorise` where there is one.
 * - Messages in hand are timed while metrics are on, and those with a deadline always: others are never stuck.
 * - Where the server is not ended by `Shutdown.launch`, it waits for the streams as for any request in flight.
 *
 * **Example** (Mounting it for those with a token)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { HttpRouter } from "effect/http"
 * import { Ryker } from "ryker"
 * import { Inspector } from "ryker/inspector"
 *
 * const Routes = Inspector.layerRoutes({
 *   path: "/internal/ryker",
 *   authorise: (request) => Effect.succeed(request.headers["authorization"] === "Bearer let-me-in")
 * })
 *
 * const App = Routes.pipe(Layer.provide(Ryker.layer))
 * const { dispose, handler } = HttpRouter.toWebHandler(App, { disableLogger: true })
 *
 * const get = (headers: Record<string, string>) =>
 *   handler(new Request("http://localhost/internal/ryker/state", { headers }))
 * console.log((await get({})).status) // => 403
 * const response = await get({ authorization: "Bearer let-me-in" })
 * const { phase } = await response.json() as { phase: string }
 * console.log(response.status, phase) // => 200 running
 * await dispose()
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerRoutes = <R = never>(
  options: Options<R> = {}
): Layer.Layer<never, InvalidOption, Ryker | HttpRouter.HttpRouter | R> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const router = yield* HttpRouter.HttpRouter
      const runtime = runtimeOf(yield* Ryker)
      const settings = yield* checkOptions(options)
      const inspector = new Inspector(runtime, settings, yield* Effect.context<R>())
      yield* inspector.start()
      const prefix: `/${string}` | "" = settings.path === "/" ? "" : settings.path
      const { files, home, missing } = inspector.routes
      for (const [path, serve] of files) yield* router.add("*", prefix === "" ? path : `${prefix}${path}`, serve)
      // At the root, what is not the inspector's is the host's.
      if (prefix === "") return yield* router.add("*", "/", home)
      // It matches the path itself, too, with and without a slash at its end.
      yield* router.add("*", `${prefix}/*`, (request) =>
        Effect.flatMap(HttpRouter.params, ({ "*": rest = "" }) => (rest === "" ? home(request) : missing(request)))
      )
    })
  )
