/**
 * The output: colours and a live bar on a terminal, plain lines elsewhere. Effect's own Terminal and Stdio would be
 * the services for it, but their Node layer is a package that this demo can do without.
 */
import { Context, Effect, Layer } from "effect"
import { styleText } from "node:util"
import { bar, type Progress, progressText, wrap } from "./format.ts"

/** What is needed of `process.stdout`. */
export interface Output {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  readonly write: (text: string) => unknown
}

type Style = Parameters<typeof styleText>[0]

export class Screen extends Context.Service<
  Screen,
  {
    /** Text in a style, where there are colours. */
    readonly paint: (style: Style, text: string) => string
    readonly print: (...lines: ReadonlyArray<string>) => Effect.Effect<void>
    /** A title and what it is about. */
    readonly heading: (title: string, text?: string) => Effect.Effect<void>
    /** Shows how far some work is for as long as it runs. */
    readonly track: (progress: () => Progress) => <A, E, R>(work: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  }
>()("flights/Screen") {
  static readonly layer = (output: Output, env: Readonly<Record<string, string | undefined>>) =>
    Layer.sync(Screen, () => {
      const isTerminal = output.isTTY === true && env["TERM"] !== "dumb"
      const hasColours = isTerminal && (env["NO_COLOR"] ?? "") === ""
      const width = Math.min(80, output.columns || 80)
      const barWidth = Math.max(0, Math.min(30, width - 50))

      const paint = (style: Style, text: string) =>
        hasColours ? styleText(style, text, { validateStream: false }) : text
      const print = (...lines: ReadonlyArray<string>) =>
        Effect.sync(() => {
          for (const line of lines) output.write(`${line}\n`)
        })

      /** The bar, over the one before. One column stays free, as some terminals wrap at the last. */
      const redraw = (progress: Progress) => {
        const text = ` ${progressText(progress)}`.slice(0, width - barWidth - 3)
        output.write(`\r  ${paint("cyan", bar(progress.done / progress.total, barWidth))}${text}\x1b[K`)
      }

      return {
        paint,
        print,
        heading: (title, text = "") =>
          print("", paint("bold", title), ...(text === "" ? [] : wrap(text, 76).map((line) => `  ${line}`))),
        track: (progress) => (work) =>
          Effect.suspend(() => {
            let quarters = 0
            const show = Effect.sync(() => {
              const now = progress()
              if (isTerminal) return redraw(now)
              const passed = Math.floor((4 * now.done) / now.total)
              if (passed > quarters) output.write(`  ${progressText(now)}\n`)
              quarters = passed
            })
            const watch = Effect.forever(Effect.delay(show, "50 millis"))
            return Effect.raceFirst(work, watch).pipe(
              Effect.ensuring(Effect.andThen(show, isTerminal ? print("") : Effect.void))
            )
          })
      }
    })
}
