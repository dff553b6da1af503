/** The page's way to its host: it asks for the state once a second, listens to events, and comes back by itself. */
import type { Command, RecordedEvent, RecordedLetter, State } from "../../InspectorState.ts"
import { topics } from "../eventText.ts"

/** How the page stands with its host. */
export type Link =
  | { readonly _tag: "Connecting" }
  | { readonly _tag: "Live" }
  /** The reader has stopped the page. */
  | { readonly _tag: "Paused" }
  /** No answer, for now. */
  | { readonly _tag: "Lost"; readonly why: string; readonly retryAt: number }

/** What the page is told. */
export interface Listener {
  readonly link: (link: Link) => void
  readonly state: (state: State) => void
  readonly streamed: (records: ReadonlyArray<RecordedEvent | RecordedLetter>) => void
}

const interval = 1_000
/** A host that says nothing for so long is as good as gone. */
const patience = 8_000
const longestRetry = 5_000

/** Beside the script. */
const route = (name: string): string => new URL(name, import.meta.url).href

/** What a problem (RFC 9457) says, or the status. */
const whyNot = async (response: Response): Promise<string> => {
  const problem: unknown = await response.json().catch(() => undefined)
  const { detail, title } = (problem ?? {}) as { readonly detail?: unknown; readonly title?: unknown }
  const words = [title, detail].filter((it) => typeof it === "string" && it !== "")
  return words.length > 0 ? words.join(": ") : `it answered ${response.status} ${response.statusText}`.trimEnd()
}

const whyFailed = (error: unknown): string => {
  if (error instanceof DOMException && error.name === "TimeoutError") return "no answer in time"
  return error instanceof TypeError ? "it cannot be reached" : error instanceof Error ? error.message : "it failed"
}

const readState = async (): Promise<State> => {
  const response = await fetch(route("state"), {
    headers: { accept: "application/json" },
    cache: "no-store",
    signal: AbortSignal.timeout(patience)
  })
  if (!response.ok) throw new Error(await whyNot(response))
  const state = (await response.json()) as State
  if (state.version !== 1) throw new Error("the host is of another version: load the page anew")
  return state
}

export class Connection {
  private readonly listener: Listener
  private timer: number | undefined
  private stream: EventSource | undefined
  private isPaused = false
  private isAsking = false
  private failures = 0
  private batch: Array<RecordedEvent | RecordedLetter> = []

  constructor(listener: Listener) {
    this.listener = listener
    document.addEventListener("visibilitychange", this.follow)
    addEventListener("online", this.retry)
    this.follow()
  }

  close(): void {
    document.removeEventListener("visibilitychange", this.follow)
    removeEventListener("online", this.retry)
    this.rest()
  }

  pause(isPaused: boolean): void {
    this.isPaused = isPaused
    this.follow()
  }

  /** Asks at once, rather than when the time has come. */
  readonly retry = (): void => {
    if (!this.isResting) this.schedule(0)
  }

  private get isResting(): boolean {
    return this.isPaused || document.hidden
  }

  private readonly follow = (): void => {
    if (this.isPaused) this.listener.link({ _tag: "Paused" })
    if (this.isResting) return this.rest()
    if (this.timer !== undefined || this.isAsking) return
    this.failures = 0
    this.listener.link({ _tag: "Connecting" })
    this.schedule(0)
  }

  private rest(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    this.stream?.close()
    this.stream = undefined
  }

  private schedule(delay: number): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => void this.ask(), delay)
  }

  private async ask(): Promise<void> {
    if (this.isAsking) return
    this.isAsking = true
    const began = performance.now()
    let delay: number
    try {
      const state = await readState()
      this.failures = 0
      this.listener.state(state)
      if (!this.isResting) {
        this.listener.link({ _tag: "Live" })
        this.listen()
      }
      delay = Math.max(interval / 4, interval - (performance.now() - began))
    } catch (error) {
      this.failures++
      delay = Math.min(longestRetry, interval * 2 ** (this.failures - 1))
      if (!this.isResting) this.listener.link({ _tag: "Lost", why: whyFailed(error), retryAt: Date.now() + delay })
    } finally {
      this.isAsking = false
    }
    if (!this.isResting) this.schedule(delay)
  }

  /** The browser comes back to a stream that was cut, but not to one that was refused. */
  private listen(): void {
    if (this.stream !== undefined && this.stream.readyState !== EventSource.CLOSED) return
    this.stream?.close()
    const stream = new EventSource(route("events"))
    for (const topic of topics) stream.addEventListener(topic, (message) => this.take(message.data))
    this.stream = stream
  }

  /** A burst of events is one change of the page. */
  private take(data: string): void {
    if (this.batch.length === 0) {
      setTimeout(() => {
        const records = this.batch
        this.batch = []
        this.listener.streamed(records)
      }, 50)
    }
    this.batch.push(JSON.parse(data) as RecordedEvent | RecordedLetter)
  }
}

/** Has an action done, and says in words what came of it. */
export const command = async (
  action: Command["action"],
  address: string
): Promise<{ readonly isDone: boolean; readonly text: string }> => {
  try {
    const response = await fetch(route("control"), {
      method: "POST",
      headers: { "content-type": "application/json", "x-ryker-control": "1" },
      body: JSON.stringify({ action, address, confirm: address } satisfies Command),
      signal: AbortSignal.timeout(patience)
    })
    return response.ok
      ? { isDone: true, text: `${action} of ${address}: accepted` }
      : { isDone: false, text: `${action} of ${address}: ${await whyNot(response)}` }
  } catch (error) {
    return { isDone: false, text: `${action} of ${address}: ${whyFailed(error)}` }
  }
}
