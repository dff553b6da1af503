/** An inspector that does what a test wants of it, the wrong things too. What it says is of the real schema. */
import * as Schema from "effect/Schema"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import type * as InspectorState from "../../src/inspector/InspectorState.ts"
import * as State from "../../src/inspector/InspectorState.ts"

type Actor = InspectorState.Actor
type Definition = InspectorState.Definition

export const actor = (address: string, given: Partial<Actor> = {}): Actor => ({
  address,
  name: address,
  kind: "actor",
  parent: null,
  status: "running",
  incarnation: 1,
  depth: 0,
  capacity: 256,
  ...given
})

export const definition = (name: string, given: Partial<Definition> = {}): Definition => ({
  name,
  accepted: 0,
  handled: 0,
  failed: 0,
  dropped: {},
  refused: {},
  queued: 0,
  inHand: 0,
  crashes: 0,
  restarts: 0,
  yields: 0,
  ...given
})

export const stateOf = (given: Partial<InspectorState.State> = {}): InspectorState.State => ({
  version: 1,
  now: Date.UTC(2026, 10, 28, 9, 30),
  phase: "running",
  control: false,
  actors: [],
  omitted: 0,
  definitions: [],
  waitFor: [],
  events: [],
  deadLetters: [],
  missed: { events: 0, deadLetters: 0 },
  config: { version: 1, source: "start", refused: 0, entries: [] },
  ...given
})

const encodeState = Schema.encodeSync(State.State)
const encodeEvent = Schema.encodeSync(State.RecordedEvent)

/** An event as the stream has it. */
export const frame = (event: InspectorState.RecordedEvent): string =>
  `id: ${event.id}\nevent: ${event.topic}\ndata: ${JSON.stringify(encodeEvent(event))}\n\n`

export const suspended = (id: number, address = `actor-${id}`): InspectorState.RecordedEvent => ({
  id,
  topic: "actor.suspended",
  event: { _tag: "ActorSuspended", actor: address, time: Date.UTC(2026, 10, 28, 9, 30, 0, id) }
})

export type Answer = (request: IncomingMessage, response: ServerResponse) => void

export const json =
  (body: unknown, status = 200, type = "application/json"): Answer =>
  (_, response) => {
    response.writeHead(status, { "content-type": type })
    response.end(JSON.stringify(body))
  }

export const state = (given: Partial<InspectorState.State> = {}): Answer => json(encodeState(stateOf(given)))

/** Begins a stream of events with this text, and leaves it open. */
export const stream =
  (text: string, then: (response: ServerResponse) => void = () => {}): Answer =>
  (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" })
    response.flushHeaders()
    response.write(text, () => then(response))
  }

export interface FakeHost {
  readonly url: string
  /** The next requests of this path get these answers, one after the other; the last stays. */
  readonly answer: (path: "state" | "events", ...answers: ReadonlyArray<Answer>) => void
  /** What was asked for, with its headers. */
  readonly requests: ReadonlyArray<IncomingMessage>
  readonly stop: () => Promise<void>
  /** On the port that it had. */
  readonly start: () => Promise<void>
}

const listen = (server: Server, port: number) =>
  new Promise<number>((done) => {
    server.listen(port, "127.0.0.1", () => done((server.address() as AddressInfo).port))
  })

export const fakeHost = async (): Promise<FakeHost> => {
  const answers = { state: [state()], events: [stream("")] } as Record<string, Array<Answer>>
  const requests: Array<IncomingMessage> = []
  const server = createServer((request, response) => {
    requests.push(request)
    const path = /^\/ryker\/(state|events)(?:\?|$)/.exec(request.url!)?.[1]
    const left = path === undefined ? [json({ title: "Not Found" }, 404)] : answers[path]!
    const [next] = left.length > 1 ? left.splice(0, 1) : left
    next!(request, response)
  })
  const port = await listen(server, 0)
  return {
    url: `http://127.0.0.1:${port}/ryker`,
    requests,
    answer: (path, ...given) => {
      answers[path] = [...given]
    },
    stop: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
    start: async () => void (await listen(server, port))
  }
}
