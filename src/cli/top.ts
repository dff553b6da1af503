/** `ryker top`: a host's actors, watched in the terminal. */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Terminal from "effect/Terminal"
import type { Host, HostError } from "./host.ts"
import type { Paint } from "./render.ts"
import * as Screen from "./screen.ts"
import { initial, type News, update } from "./topModel.ts"
import * as View from "./topView.ts"

export interface Options {
  readonly host: Host
  /** Milliseconds between two states. */
  readonly interval: number
}

/** Some terminals do not know how large they are. */
const sizeOr = ({ columns, rows }: Terminal.Size): Terminal.Size => ({
  columns: columns > 0 ? columns : 80,
  rows: rows > 0 ? rows : 24
})

/** Prints all of it once: the rates are those of one interval. `width` is that of a terminal, if it goes to one. */
export const once = Effect.fnUntraced(function* (
  { host, interval }: Options,
  width: number | undefined,
  paint: Paint
): Effect.fn.Return<void, HostError> {
  const before = yield* host.state
  yield* Effect.sleep(interval)
  const state = yield* host.state
  const at = yield* Clock.currentTimeMillis
  const size = { columns: 0, rows: 0 }
  const model = { ...initial({ url: host.url, interval, size, state, at }), before }
  yield* Console.log(View.page(model, width, paint).join("\n"))
})

/** How many things that happened may wait to be drawn. States wait, too, so that a terminal that stands still holds the host's up. */
const waiting = 16

/** Shows it until somebody quits; gives the exit code. */
export const watch = Effect.fnUntraced(function* (
  { host, interval }: Options,
  paint: Paint
): Effect.fn.Return<number, HostError | PlatformError, Terminal.Terminal | Stdio.Stdio | Scope.Scope> {
  const terminal = yield* Terminal.Terminal
  const stdio = yield* Stdio.Stdio
  // What is wrong with the URL is said before the screen is taken.
  const state = yield* host.state
  const at = yield* Clock.currentTimeMillis
  const news = yield* Queue.bounded<News>(waiting)
  const feed = <E>(stream: Stream.Stream<News, E>) =>
    Effect.forkScoped(Stream.runForEach(stream, (each) => Queue.offer(news, each)))

  const screen = yield* Screen.make
  const sizes = yield* terminal.size
  if (yield* stdio.stdinIsTerminal) {
    const keys = Stream.map(Stream.fromQueue(yield* terminal.readInput), (key): News => ({ _tag: "Key", key }))
    yield* feed(Stream.concat(keys, Stream.succeed<News>({ _tag: "Gone" })))
  }
  yield* feed(Stream.map(Stream.fromQueue(sizes), (size): News => ({ _tag: "Size", size: sizeOr(size) })))
  const poll = Effect.gen(function* () {
    yield* Effect.sleep(interval)
    const result = yield* Effect.result(host.state)
    const at = yield* Clock.currentTimeMillis
    return result._tag === "Success"
      ? ({ _tag: "State", state: result.success, at } satisfies News)
      : ({ _tag: "Lost", error: result.failure } satisfies News)
  })
  yield* feed(Stream.fromEffectRepeat(poll))

  const size = sizeOr({ columns: yield* terminal.columns, rows: yield* terminal.rows })
  let model = initial({ url: host.url, interval, size, state, at })
  while (model.exit === undefined) {
    yield* screen.draw(View.screen(model, paint))
    // Keys that came while it was drawn are one change.
    for (const each of yield* Queue.takeAll(news)) {
      const { size } = model
      model = update(model, each)
      // Terminals do as they like with what is there when their size changes.
      if (model.size.columns !== size.columns || model.size.rows !== size.rows) yield* screen.clear
      if (model.exit !== undefined) break
    }
  }
  return model.exit
}, Effect.scoped)

/** The interval between two states that is allowed. */
export const intervals = { least: Duration.millis(250), most: Duration.minutes(1), usual: Duration.seconds(1) } as const
