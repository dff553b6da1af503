/** A running host, by the URL of its inspector: what it says, and what went wrong when it does not. */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Sse from "effect/encoding/Sse"
import * as Headers from "effect/http/Headers"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as InspectorState from "../inspector/InspectorState.ts"
import { cut, escape } from "./text.ts"

/** The host does not answer, or not as an inspector. */
export class HostError extends Data.TaggedError("HostError")<{
  /** A sentence for people, fit for a terminal. */
  readonly message: string
  /** A few words of why, without the URL. */
  readonly why: string
  /** Whether it may be otherwise in a while. */
  readonly again: boolean
}> {}

/** Only the numbers: what a later version may tell of more events is no reason to refuse its state. */
const Numbered = Schema.Array(Schema.Struct({ id: Schema.Int }))

const { config: _config, missed: _missed, ...fields } = InspectorState.State.fields

/** What the command reads of a state. */
const State = Schema.Struct({ ...fields, events: Numbered, deadLetters: Numbered })

export type State = typeof State.Type

/** A message of the stream of events. */
export interface Message {
  readonly topic: string
  /** Its number; what is told of the stream itself has none. */
  readonly id: number | undefined
  readonly data: Schema.Json
}

export interface Host {
  /** Where it is, without what may be a secret. */
  readonly url: string
  readonly state: Effect.Effect<State, HostError>
  /** What happens after the event of this number; `onOpen` runs once the host has agreed. */
  readonly events: (options: {
    readonly after: number
    readonly topics: ReadonlyArray<string>
    readonly onOpen: Effect.Effect<void>
  }) => Stream.Stream<Message, HostError>
}

/** A state of 10,000 actors has some 3 MiB. */
const mostBytes = 64 * 1024 * 1024
const mostEventChars = 1024 * 1024
const patience = Duration.seconds(10)
/** Three heartbeats. */
const silence = Duration.seconds(45)

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  EHOSTUNREACH: "no route to the machine",
  ENETUNREACH: "no network to the machine",
  ENOTFOUND: "no such name",
  EAI_AGAIN: "the name cannot be looked up now",
  EPROTO: "no TLS there",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "no TLS there",
  ERR_SSL_WRONG_VERSION_NUMBER: "no TLS there",
  UND_ERR_SOCKET: "the connection was closed"
}

/** The innermost reason that has a code. Messages of `fetch` say little, and may repeat a header. */
const reasonOf = (error: unknown): string => {
  let reason = "no connection"
  for (let cause = error, depth = 0; Predicate.isObject(cause) && depth < 8; depth++) {
    const { code, message } = cause as { readonly code?: unknown; readonly message?: unknown }
    if (typeof code === "string") reason = words[code] ?? escape(code)
    // The one that has no code: ports that browsers keep for other protocols.
    if (message === "bad port") reason = "no HTTP is spoken at that port, says the standard of fetch"
    cause = (cause as { readonly cause?: unknown }).cause
  }
  return reason
}

/** What a host says of an error in its own words, if they are RFC 9457 problem details. */
const detailOf = (body: string): string => {
  try {
    const problem: unknown = JSON.parse(body)
    if (!Predicate.isObject(problem)) return ""
    const { detail, title } = problem as { readonly detail?: unknown; readonly title?: unknown }
    const said = typeof detail === "string" ? detail : title
    return typeof said === "string" ? `: ${cut(escape(said), 200)}` : ""
  } catch {
    return ""
  }
}

const advice: Readonly<Record<number, string>> = {
  401: "Give what its `authorise` asks for, such as --header 'authorization: Bearer ...'",
  403: "Give what its `authorise` asks for, such as --header 'authorization: Bearer ...'; without `authorise` it serves its own machine alone, by a loopback name",
  404: 'No inspector is mounted there. Its path is where the host puts it, "/ryker" by default'
}

/** Refusals that no waiting mends; 400 is a topic that this host does not know. */
const isFinal = (status: number): boolean => status === 400 || status === 401 || status === 403

/** The inspector at this URL. `headers` go with each request, and nothing that this module says has their values. */
export const make = (base: URL, headers: Headers.Headers): Effect.Effect<Host, never, HttpClient.HttpClient> =>
  Effect.map(HttpClient.HttpClient, (client) => {
    const shown = `${base.origin}${base.pathname.replace(/\/+$/, "")}`
    const url = escape(shown)

    const stranger = (why: string) =>
      new HostError({
        message: `what answers at ${url} is no ryker inspector that this version of ryker can read: ${why}`,
        why,
        again: false
      })

    const unreachable = (error: HttpClientError.HttpClientError) => {
      const why = reasonOf(error)
      return new HostError({
        message: `nothing answers at ${url}: ${why}. Is the host running, and is that its address?`,
        why,
        again: true
      })
    }

    const lost = (error: HttpClientError.HttpClientError) => {
      const why = reasonOf(error)
      return new HostError({ message: `the connection to ${url} was lost: ${why}`, why, again: true })
    }

    const slow = () => {
      const why = `no answer within ${Duration.format(patience)}`
      return new HostError({ message: `${url} gives ${why}`, why, again: true })
    }

    const request = (path: string, extra: Headers.Input, topics: ReadonlyArray<string> = []) => {
      const target = new URL(`${shown}${path}`)
      // Some hosts are reached only with a parameter.
      for (const [name, value] of base.searchParams) target.searchParams.append(name, value)
      for (const topic of topics) target.searchParams.append("topic", topic)
      return HttpClientRequest.get(target, { headers: Headers.merge(headers, Headers.fromInput(extra)) })
    }

    const bodyOf = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<string, HostError> =>
      Stream.runFoldEffect(
        Stream.mapError(response.stream, lost),
        () => ({ bytes: 0, text: "", decoder: new TextDecoder() }),
        (read, chunk) => {
          read.bytes += chunk.length
          if (read.bytes > mostBytes) return Effect.fail(stranger(`its answer has more than ${mostBytes} bytes`))
          read.text += read.decoder.decode(chunk, { stream: true })
          return Effect.succeed(read)
        }
      ).pipe(Effect.map(({ decoder, text }) => text + decoder.decode()))

    const refused = (response: HttpClientResponse.HttpClientResponse) =>
      Effect.gen(function* () {
        const { headers, status } = response
        if (status >= 300 && status < 400) {
          // Not followed: the headers would go along, to wherever it says.
          const to = URL.parse(headers["location"] ?? "", shown)
          const where = to === null ? "elsewhere" : escape(`${to.origin}${to.pathname}`)
          return yield* stranger(`it redirects to ${where}. Give that address if it is meant`)
        }
        const detail = yield* bodyOf(response).pipe(
          Effect.map(detailOf),
          Effect.catch(() => Effect.succeed(""))
        )
        const hint = advice[status] === undefined ? "" : `. ${advice[status]}`
        return yield* new HostError({
          message: `${url} answers ${status}${detail}${hint}`,
          why: `it answers ${status}`,
          again: !isFinal(status)
        })
      })

    /** The answer, if it is of this type. */
    const answer = (sent: HttpClientRequest.HttpClientRequest, type: string) =>
      Effect.gen(function* () {
        const response = yield* Effect.mapError(client.execute(sent), unreachable)
        if (response.status !== 200) return yield* refused(response)
        const given = (response.headers["content-type"] ?? "").split(";")[0]!.trim()
        if (given.toLowerCase() === type) return response
        const what = given === "" ? "has no content type" : `is ${cut(escape(given), 80)}`
        return yield* stranger(`its answer ${what} rather than ${type}`)
      })

    const timely = <A>(effect: Effect.Effect<A, HostError>): Effect.Effect<A, HostError> =>
      Effect.timeoutOrElse(effect, { duration: patience, orElse: () => Effect.fail(slow()) })

    const state = answer(request("/state", { accept: "application/json" }), "application/json").pipe(
      Effect.flatMap(bodyOf),
      Effect.flatMap((body) =>
        Effect.mapError(decodeState(body), () => stranger(versionOf(body) ?? "its state has another form"))
      ),
      timely
    )

    const parse = (event: Sse.Event): Effect.Effect<Message, HostError> =>
      Effect.mapError(decodeJson(event.data), () => stranger("an event of it is no JSON")).pipe(
        Effect.map((data) => {
          const id = event.id !== undefined && /^\d{1,16}$/.test(event.id) ? Number(event.id) : undefined
          return { topic: event.event, id, data }
        })
      )

    const events: Host["events"] = ({ after, onOpen, topics }) =>
      Stream.unwrap(
        Effect.gen(function* () {
          const asked = request("/events", { accept: "text/event-stream", "last-event-id": String(after) }, topics)
          const response = yield* timely(answer(asked, "text/event-stream"))
          yield* onOpen
          const bytes = Stream.timeoutOrElse(Stream.mapError(response.stream, lost), {
            duration: silence,
            orElse: () => {
              const why = `nothing came for ${Duration.format(silence)}`
              return Stream.fail(new HostError({ message: `from ${url} ${why}`, why, again: true }))
            }
          })
          const parsed: Array<Sse.Event> = []
          // Not `Sse.decode`, which ends at a `retry:` of the host.
          const parser = Sse.makeParser((event) => void (event._tag === "Event" && parsed.push(event)), {
            maxEventSize: mostEventChars
          })
          return Stream.decodeText(bytes).pipe(
            Stream.mapEffect((text) => {
              const tooLarge = parser.feed(text)
              if (tooLarge !== undefined) return Effect.fail(stranger(tooLarge.message))
              return Effect.forEach(parsed.splice(0), parse)
            }),
            Stream.flattenIterable
          )
        })
      )

    return { url, state, events }
  })

const decodeState = Schema.decodeEffect(Schema.fromJsonString(State))
const decodeJson = Schema.decodeEffect(Schema.fromJsonString(Schema.Json))

/** What is wrong, if it is an inspector of another version. */
const versionOf = (body: string): string | undefined => {
  try {
    const state: unknown = JSON.parse(body)
    if (!Predicate.isObject(state)) return undefined
    const { version } = state as { readonly version?: unknown }
    if (typeof version !== "number" || version === 1) return undefined
    return `its state is in version ${version} of the format, and this one reads version 1`
  } catch {
    return undefined
  }
}
