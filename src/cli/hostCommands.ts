/** `ryker top` and `ryker tail`: what they are called with. */
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Headers from "effect/http/Headers"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import * as Redacted from "effect/Redacted"
import * as Stdio from "effect/Stdio"
import * as Terminal from "effect/Terminal"
import { nearest } from "../internal/nearest.ts"
import { formatMillis, parseMillis } from "../internal/units.ts"
import * as Host from "./host.ts"
import { paintStyle, paintWith } from "./render.ts"
import * as Tail from "./tail.ts"
import { isAbout, topics as knownTopics } from "./tailView.ts"
import { escape } from "./text.ts"
import * as Top from "./top.ts"

/** It is over, and all has been said. */
export class Ended extends Data.TaggedError("Ended")<{ readonly code: number }> {}

const invalid = (message: string) => new CliError.ValidationError({ message })

// --- Options ------------------------------------------------------------------------------------------------------------

const example = "http://127.0.0.1:3000/ryker"

/** Neither its parameters nor a password are ever printed. */
const parseUrl = (text: string): Effect.Effect<URL, CliError.ValidationError> => {
  const url = URL.parse(text.trim())
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return Effect.fail(invalid(`The inspector's URL must begin with http:// or https://, like ${example}`))
  }
  if (url.username !== "" || url.password !== "") {
    return Effect.fail(invalid("The inspector's URL must have no user or password: give them with --header"))
  }
  return Effect.succeed(url)
}

const url = Flag.String("url").pipe(
  Flag.withDescription(`Where a host has its inspector, like ${example}. Default: RYKER_INSPECTOR_URL`),
  Flag.withFallbackConfig(Config.String("RYKER_INSPECTOR_URL")),
  Flag.mapEffect(parseUrl)
)

/** Which one is wrong is said by its place: what looks like a name may be the secret. */
const parseHeader = (header: Redacted.Redacted, index: number) => {
  const [, name, value] = /^([\w!#$%&'*+.^`|~-]+):[ \t]*([\x20-\x7E\x80-\xFF]*)$/.exec(Redacted.value(header)) ?? []
  if (name !== undefined && value !== undefined) return Effect.succeed([name, value.trim()] as const)
  return Effect.fail(invalid(`--header number ${index + 1} must be a name, a colon and a value, like 'x-user: ops'`))
}

const headers = Flag.Redacted("header").pipe(
  Flag.withAlias("H"),
  Flag.withMetavar("'name: value'"),
  Flag.withDescription("A header for each request, such as 'authorization: Bearer ...'; can be given several times"),
  Flag.atLeast(0),
  Flag.mapEffect((given) => Effect.map(Effect.forEach(given, parseHeader), Headers.fromInput))
)

const { least, most, usual } = Top.intervals

const interval = Flag.String("interval").pipe(
  Flag.withDescription(
    `The time between two looks, from ${Duration.toMillis(least)}ms to ${formatMillis(Duration.toMillis(most))}. Default: ${formatMillis(Duration.toMillis(usual))}`
  ),
  Flag.mapEffect((text) => {
    const millis = parseMillis(text)
    if (millis !== undefined && millis >= Duration.toMillis(least) && millis <= Duration.toMillis(most)) {
      return Effect.succeed(millis)
    }
    const range = `from ${Duration.toMillis(least)}ms to ${formatMillis(Duration.toMillis(most))}`
    return Effect.fail(invalid(`--interval is "${escape(text)}", but must be a time ${range}, like 2s`))
  }),
  Flag.withDefault(Duration.toMillis(usual))
)

const isOnce = Flag.Boolean("once").pipe(
  Flag.withDescription("Print it once and end; so it is where standard output is no terminal"),
  Flag.withoutNegation,
  Flag.withDefault(false)
)

const checkTopic = (pattern: string) => {
  if (knownTopics.some((known) => isAbout(pattern, known))) return Effect.succeed(pattern)
  const groups = knownTopics.map((known) => known.replace(/\..*/, ".*"))
  const near = nearest(pattern, [...knownTopics, ...groups])
  const hint = near === undefined ? `: there are ${knownTopics.join(", ")}` : `: did you mean ${near}?`
  return Effect.fail(invalid(`--topic ${escape(pattern)} is no topic${hint}`))
}

const topics = Flag.String("topic").pipe(
  Flag.withAlias("t"),
  Flag.withDescription("Only these events, like config.applied or config.*; can be given several times"),
  Flag.atLeast(0),
  Flag.mapEffect((patterns) => Effect.forEach(patterns, checkTopic))
)

const replay = Flag.Boolean("replay").pipe(
  Flag.withDescription("Begin with the events that the host remembers"),
  Flag.withoutNegation,
  Flag.withDefault(false)
)

const count = Flag.Int("count").pipe(
  Flag.withAlias("n"),
  Flag.withDescription("End after so many events"),
  Flag.filter(
    (n) => n > 0,
    (n) => `--count is ${n}, but must be at least 1`
  ),
  Flag.optional
)

const json = Flag.Boolean("json").pipe(
  Flag.withDescription("Print each event as JSON on a line of its own"),
  Flag.withoutNegation,
  Flag.withDefault(false)
)

// --- What they do -------------------------------------------------------------------------------------------------------

/** Redirects are not followed: the headers would go along. */
const client = Layer.provide(FetchHttpClient.layer, Layer.succeed(FetchHttpClient.RequestInit, { redirect: "manual" }))

const connect = (options: { readonly url: URL; readonly headers: Headers.Headers }) =>
  Effect.provide(Host.make(options.url, options.headers), client)

/** A reader that has gone, such as `head`, which has what it wanted. */
const isBrokenPipe = ({ reason }: PlatformError): boolean =>
  reason.cause instanceof Error && "code" in reason.cause && reason.cause.code === "EPIPE"

/** A host that does not answer is told in a sentence. What else is wrong with the output, `bin.ts` says. */
const ending =
  (command: string) =>
  <R>(effect: Effect.Effect<void, Host.HostError | PlatformError | Ended, R>): Effect.Effect<void, Ended, R> =>
    effect.pipe(
      Effect.catchTag("HostError", (error) =>
        Effect.andThen(Console.error(`ryker ${command}: ${error.message}`), new Ended({ code: 1 }))
      ),
      Effect.catchTag("PlatformError", (error) => (isBrokenPipe(error) ? Effect.void : new Ended({ code: 1 })))
    )

export const top = Command.make("top", { url, headers, interval, once: isOnce }, (options) =>
  Effect.gen(function* () {
    const host = yield* connect(options)
    const { canAnimate, canColor } = yield* TerminalCapabilities.TerminalCapabilities
    if (options.once || !canAnimate) {
      const stdio = yield* Stdio.Stdio
      const terminal = yield* Terminal.Terminal
      const width = (yield* stdio.stdoutIsTerminal) ? yield* terminal.columns : 0
      return yield* Top.once({ host, ...options }, width > 0 ? width : undefined, paintWith(canColor))
    }
    const code = yield* Top.watch({ host, ...options }, canColor ? paintWith(true) : paintStyle)
    if (code !== 0) yield* new Ended({ code })
  }).pipe(Effect.scoped, ending("top"))
).pipe(
  Command.withDescription(
    "Watch the actors of a running host: their state, how full their mailboxes are, what they handle and how long it takes. " +
      "The host mounts ryker/inspector. Press ? for the keys"
  ),
  Command.withShortDescription("Watch the actors of a running host"),
  Command.withExamples([
    { command: `ryker top --url ${example}`, description: "Watch" },
    { command: `ryker top --url ${example} --once`, description: "Print once, with the rates of one interval" }
  ])
)

export const tail = Command.make("tail", { url, headers, topics, replay, count, json }, (options) =>
  Effect.gen(function* () {
    const host = yield* connect(options)
    const { canColor } = yield* TerminalCapabilities.TerminalCapabilities
    const count = Option.getOrUndefined(options.count)
    yield* Tail.tail({ ...options, host, count }, paintWith(canColor))
  }).pipe(ending("tail"))
).pipe(
  Command.withDescription(
    "Print the events of a running host as they happen, one on a line. The host mounts ryker/inspector. " +
      "A connection that is lost is made anew, and goes on where it was"
  ),
  Command.withShortDescription("Print the events of a running host as they happen"),
  Command.withExamples([
    { command: `ryker tail --url ${example} --topic config.applied`, description: "What reloads change" },
    { command: `ryker tail --url ${example} --json | jq .event.actor`, description: "For machines" }
  ])
)
