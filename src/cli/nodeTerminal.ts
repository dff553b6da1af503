/** Effect's `Terminal` over Node's own streams, as far as the command needs it. `node.ts` says why it is not that of `@effect/platform-node`. */
// oxlint-disable-next-line no-restricted-imports -- the command is for Node
import { writeSync } from "node:fs"
// oxlint-disable-next-line no-restricted-imports -- the command is for Node
import * as Readline from "node:readline"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as PlatformError from "effect/PlatformError"
import * as Queue from "effect/Queue"
import * as Terminal from "effect/Terminal"
import * as Screen from "./screen.ts"

const { stdin, stdout } = process

/** How long an Esc may be the beginning of another key, in milliseconds. */
const escapeMillis = 50

/** For a process that dies with the screen in its hands: gives it back, so that what Node prints of why is seen. */
export const giveBack = () => {
  if (!Screen.isOpen()) return
  try {
    writeSync(1, Screen.leave)
  } catch {
    // The terminal has gone.
  }
}

const sizeNow = (): Terminal.Size => ({ columns: stdout.columns ?? 0, rows: stdout.rows ?? 0 })

const size = Effect.gen(function* () {
  const queue = yield* Queue.sliding<Terminal.Size, Cause.Done>(1)
  const onResize = () => void Queue.offerUnsafe(queue, sizeNow())
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      stdout.on("resize", onResize)
      onResize()
    }),
    () => Effect.sync(() => stdout.off("resize", onResize))
  )
  return queue
})

const readInput = Effect.gen(function* () {
  // Someone who types faster than that has leant on the keyboard.
  const queue = yield* Queue.sliding<Terminal.UserInput, Cause.Done>(1024)
  const onKey = (text: string | undefined, { ctrl, meta, name, shift }: Readline.Key) =>
    void Queue.offerUnsafe(queue, {
      input: Option.fromUndefinedOr(text),
      key: { name: name ?? "", ctrl: ctrl === true, meta: meta === true, shift: shift === true }
    })
  const onEnd = () => void Queue.endUnsafe(queue)
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const reader = Readline.createInterface({ input: stdin, escapeCodeTimeout: escapeMillis })
      Readline.emitKeypressEvents(stdin, reader)
      stdin.on("keypress", onKey)
      stdin.once("end", onEnd)
      stdin.once("error", onEnd)
      if (stdin.isTTY) stdin.setRawMode(true)
      return reader
    }),
    (reader) =>
      Effect.sync(() => {
        if (stdin.isTTY) stdin.setRawMode(false)
        stdin.off("keypress", onKey)
        stdin.off("end", onEnd)
        stdin.off("error", onEnd)
        reader.close()
      })
  )
  return queue
})

/** Waits until it is written, so that a slow reader slows the writer. */
const display = (text: string): Effect.Effect<void, PlatformError.PlatformError> =>
  Effect.callback((resume) => {
    stdout.write(text, (cause) => {
      if (cause === null || cause === undefined) return resume(Effect.void)
      resume(Effect.fail(PlatformError.systemError({ _tag: "Unknown", module: "Terminal", method: "display", cause })))
    })
  })

export const terminal: Terminal.Terminal = Terminal.make({
  columns: Effect.sync(() => sizeNow().columns),
  rows: Effect.sync(() => sizeNow().rows),
  size,
  readInput,
  readLine: Effect.die("the ryker command asks nothing"),
  display
})
