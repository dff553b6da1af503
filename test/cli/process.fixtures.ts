/** The command as a process of its own, also in a terminal of its own. */
import Headless from "@xterm/headless"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { resolve } from "node:path"

export const bin = resolve("src/cli/bin.ts")

/** Nothing of the environment in which the tests run. */
const environment = (env: Readonly<Record<string, string>> = {}) => ({
  PATH: process.env["PATH"],
  TERM: "xterm-256color",
  ...env
})

/** Waits for something that is bound to come; the time limit of the test is what ends it otherwise. */
export const until = async <A>(found: () => A | undefined | false): Promise<A> => {
  for (;;) {
    const value = found()
    if (value !== undefined && value !== false) return value
    await new Promise((done) => {
      setTimeout(done, 20)
    })
  }
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

const endOf = (child: ChildProcess) =>
  new Promise<Ended>((done) => {
    child.on("close", (code, signal) => done({ code, signal }))
  })

/** All that tests have started, so that none outlives them. */
const children = new Set<ChildProcess>()

export const endAll = () => {
  for (const child of children) child.kill("SIGKILL")
}

const started = <A extends ChildProcess>(child: A): A => {
  children.add(child)
  child.on("exit", () => children.delete(child))
  return child
}

export interface Running {
  readonly child: ChildProcess
  readonly stdout: () => string
  readonly stderr: () => string
  readonly ended: Promise<Ended>
}

/** With pipes. */
export const run = (args: ReadonlyArray<string>, env?: Readonly<Record<string, string>>): Running => {
  const child = started(
    spawn(process.execPath, [bin, ...args], { env: environment(env), stdio: ["ignore", "pipe", "pipe"] })
  )
  let [stdout, stderr] = ["", ""]
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString()
  })
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  return { child, stdout: () => stdout, stderr: () => stderr, ended: endOf(child) }
}

/** `script` makes terminals: it comes with every Debian, and elsewhere it has other options. */
export const hasTerminals = process.platform === "linux" && spawnSync("script", ["--version"]).status === 0

export interface InTerminal {
  /** The text that is seen. */
  readonly lines: () => ReadonlyArray<string>
  readonly isAlternate: () => boolean
  readonly type: (keys: string) => void
  readonly resize: (columns: number, rows: number) => void
  /** Of the process in the terminal. */
  readonly signal: (signal: NodeJS.Signals) => void
  readonly written: () => string
  readonly ended: Promise<Ended>
}

/** In a terminal, by a shell that runs `after` when it has ended. */
export const runInTerminal = (
  args: ReadonlyArray<string>,
  options: {
    readonly columns?: number
    readonly rows?: number
    readonly env?: Readonly<Record<string, string>>
    readonly node?: ReadonlyArray<string>
    readonly after?: string
  } = {}
): InTerminal => {
  const { after = "", columns = 80, node = [], rows = 24 } = options
  const shown = new Headless.Terminal({ cols: columns, rows, allowProposedApi: true })
  const command = [process.execPath, ...node, bin, ...args].map((arg) => `'${arg}'`).join(" ")
  // The inner shell becomes the command, so that its number is known.
  const inner = `echo "at $(tty) $$"; exec ${command}`
  const shell = `stty cols ${columns} rows ${rows}; sh -c '${inner.replaceAll("'", String.raw`'\''`)}'; code=$?; ${after} exit $code`
  const child = started(
    spawn("script", ["-qefc", shell, "/dev/null"], { env: environment({ SHELL: "/bin/sh", ...options.env }) })
  )
  let written = ""
  child.stdout.on("data", (chunk: Buffer) => {
    written += chunk.toString()
    shown.write(chunk)
  })
  const place = () => {
    const [, tty, pid] = /at (\S+) (\d+)/.exec(written)!
    return { tty: tty!, pid: Number(pid) }
  }
  return {
    lines: () => {
      const { active } = shown.buffer
      return Array.from({ length: shown.rows }, (_, row) =>
        active
          .getLine(active.baseY + row)!
          .translateToString(true)
          .trimEnd()
      )
    },
    isAlternate: () => shown.buffer.active.type === "alternate",
    type: (keys) => void child.stdin.write(keys),
    resize: (columns, rows) => {
      shown.resize(columns, rows)
      spawnSync("stty", ["-F", place().tty, "cols", String(columns), "rows", String(rows)])
    },
    signal: (signal) => void process.kill(place().pid, signal),
    written: () => written,
    ended: endOf(child)
  }
}
