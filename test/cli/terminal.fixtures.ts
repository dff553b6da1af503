/** A terminal for tests: it shows what is written as a real one would, and has keys that a test presses. */
import Headless from "@xterm/headless"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Terminal from "effect/Terminal"

export interface TestTerminal {
  readonly terminal: Terminal.Terminal
  /** Writes as a program would, and waits until it is seen. */
  readonly write: (text: string) => Effect.Effect<void>
  /** Waits until all that was written is seen. */
  readonly seen: Effect.Effect<void>
  /** The text that is seen, without spaces at the ends of lines. */
  readonly lines: () => ReadonlyArray<string>
  /** All that was written. */
  readonly written: () => string
  readonly isAlternate: () => boolean
  readonly resize: (size: Terminal.Size) => void
  /** Text is typed; a name such as `up` or `ctrl-c` in angle brackets is one key. */
  readonly press: (keys: string) => void
  readonly hangUp: () => void
}

const keyOf = (name: string): Terminal.UserInput => {
  const ctrl = name.startsWith("ctrl-")
  const key = { name: ctrl ? name.slice(5) : name, ctrl, meta: false, shift: false }
  return { input: Option.none(), key }
}

const characterOf = (input: string): Terminal.UserInput => {
  const name = input === " " ? "space" : /^[a-zA-Z0-9]$/.test(input) ? input.toLowerCase() : ""
  const key = { name, ctrl: false, meta: false, shift: name !== input }
  return { input: Option.some(input), key }
}

export const terminalOf = (size: Terminal.Size): TestTerminal => {
  const shown = new Headless.Terminal({ cols: size.columns, rows: size.rows, allowProposedApi: true, scrollback: 0 })
  const keys = Effect.runSync(Queue.unbounded<Terminal.UserInput, Cause.Done>())
  const sizes = Effect.runSync(Queue.sliding<Terminal.Size, Cause.Done>(1))
  let written = ""
  Queue.offerUnsafe(sizes, size)
  const write = (text: string) =>
    Effect.callback<void>((resume) => {
      written += text
      shown.write(text, () => resume(Effect.void))
    })
  // Without waiting: what a test does next must not hang on how fast this is.
  const display = (text: string) =>
    Effect.sync(() => {
      written += text
      shown.write(text)
    })
  return {
    terminal: Terminal.make({
      columns: Effect.sync(() => shown.cols),
      rows: Effect.sync(() => shown.rows),
      size: Effect.succeed(sizes),
      readInput: Effect.succeed(keys),
      readLine: Effect.die("nothing is asked"),
      display
    }),
    write,
    seen: write(""),
    lines: () =>
      Array.from({ length: shown.rows }, (_, row) =>
        shown.buffer.active.getLine(row)!.translateToString(true).trimEnd()
      ),
    written: () => written,
    isAlternate: () => shown.buffer.active.type === "alternate",
    resize: (next) => {
      shown.resize(next.columns, next.rows)
      Queue.offerUnsafe(sizes, next)
    },
    press: (text) => {
      for (const [, name, character] of text.matchAll(/<([\w-]+)>|([^])/g)) {
        Queue.offerUnsafe(keys, name === undefined ? characterOf(character!) : keyOf(name))
      }
    },
    hangUp: () => void Queue.endUnsafe(keys)
  }
}
