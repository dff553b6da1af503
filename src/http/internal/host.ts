/** The process as a shutdown needs it, so that tests can have one of their own. */
import * as Context from "effect/Context"

export interface Host {
  readonly on: (signal: string, listener: () => void) => void
  readonly off: (signal: string, listener: () => void) => void
  /** Ends the process. Comes back in tests only. */
  readonly exit: (code: number) => void
  /** Runs a task after a time in milliseconds, unless the process has ended by itself before. */
  readonly after: (millis: number, task: () => void) => void
}

/** What there is of Node's `process`; elsewhere there are no signals, and nothing to end. */
interface Process {
  readonly on?: Host["on"]
  readonly off?: Host["off"]
  readonly exit?: Host["exit"]
}

export const Host = Context.Reference<Host>("ryker/http/Host", {
  defaultValue: () => {
    const { process = {} } = globalThis as { readonly process?: Process }
    return {
      on: (signal, listener) => process.on?.(signal, listener),
      off: (signal, listener) => process.off?.(signal, listener),
      exit: (code) => process.exit?.(code),
      after: (millis, task) => {
        // A number in browsers. A process that has nothing else left to do need not wait for it.
        const timer: unknown = setTimeout(task, millis)
        if (typeof timer === "object" && timer !== null && "unref" in timer && typeof timer.unref === "function")
          timer.unref()
      }
    }
  }
})
