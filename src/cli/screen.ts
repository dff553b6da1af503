/** The whole screen of a terminal, drawn in place. */
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import * as Terminal from "effect/Terminal"

const esc = "\u001B["

/** The other screen, without cursor, and without turning lines that are too long. */
const enter = `${esc}?1049h${esc}?25l${esc}?7l${esc}2J`

/** All of that undone; also what was begun and cut off. */
export const leave = `${esc}?2026l${esc}0m${esc}?7h${esc}?25h${esc}?1049l`

let open = 0

/** Whether this process has the screen: for what must give it back when the process dies. */
export const isOpen = (): boolean => open > 0

/**
 * What changes `before` into `after`: only lines that differ are written, and a terminal that can shows all of it at
 * once. Nothing if nothing differs.
 */
export const redraw = (before: ReadonlyArray<string>, after: ReadonlyArray<string>): string => {
  let text = ""
  for (let row = 0; row < Math.max(before.length, after.length); row++) {
    const line = after[row] ?? ""
    // Erased first: after a line that is as long as the terminal is wide, its last character would be.
    if (before[row] !== line) text += `${esc}${row + 1};1H${esc}2K${line}`
  }
  return text === "" ? "" : `${esc}?2026h${text}${esc}?2026l`
}

export interface Screen {
  /** Shows these lines and no others. */
  readonly draw: (lines: ReadonlyArray<string>) => Effect.Effect<void, PlatformError>
  /** What is there is no longer known: the next `draw` writes all of it. */
  readonly clear: Effect.Effect<void, PlatformError>
}

/** Takes the screen until the Scope closes, and then gives back what was there. */
export const make: Effect.Effect<Screen, PlatformError, Terminal.Terminal | Scope.Scope> = Effect.gen(function* () {
  const terminal = yield* Terminal.Terminal
  yield* Effect.acquireRelease(
    Effect.suspend(() => {
      open++
      return terminal.display(enter)
    }),
    () =>
      // A terminal that has gone needs nothing back.
      Effect.ignore(terminal.display(leave)).pipe(
        Effect.tap(() =>
          Effect.sync(() => {
            open--
          })
        )
      )
  )
  let drawn: ReadonlyArray<string> = []
  return {
    draw: (lines) =>
      Effect.suspend(() => {
        const text = redraw(drawn, lines)
        drawn = lines
        return text === "" ? Effect.void : terminal.display(text)
      }),
    clear: Effect.suspend(() => {
      drawn = []
      return terminal.display(`${esc}2J`)
    })
  }
})
