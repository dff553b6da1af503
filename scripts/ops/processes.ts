/** The processes of the check: started, waited for, and ended again whatever happens. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { closeSync, openSync } from "node:fs"
import { createServer } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"

export interface Started {
  readonly pid: number
  readonly isAlive: () => boolean
  /** Waits until it has ended, and gives its exit code. */
  readonly ended: () => Promise<number | null>
  readonly signal: (signal: NodeJS.Signals) => void
}

const running = new Set<ChildProcess>()

/** What is left is ended with this process. */
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL")
})
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1))

/** Starts a process whose output is appended to a file. */
export const start = (
  command: string,
  args: ReadonlyArray<string>,
  log: string,
  env: Readonly<Record<string, string>> = {}
): Started => {
  const out = openSync(log, "a")
  const child = spawn(command, args, { stdio: ["ignore", out, out], env: { ...process.env, ...env } })
  closeSync(out)
  running.add(child)
  const ended = once(child, "exit").then(([code]) => {
    running.delete(child)
    return code as number | null
  })
  if (child.pid === undefined) throw new Error(`${command} cannot be started`)
  return {
    pid: child.pid,
    isAlive: () => child.exitCode === null && child.signalCode === null,
    ended: () => ended,
    signal: (signal) => void child.kill(signal)
  }
}

/** A port on the loopback that nobody uses now. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  if (address === null || typeof address === "string") throw new Error("no port on the loopback")
  return address.port
}

/** Asks until there is an answer; fails with what was waited for when it takes too long. */
export const until = async <A>(what: string, millis: number, ask: () => Promise<A | undefined>): Promise<A> => {
  const end = performance.now() + millis
  for (;;) {
    const answer = await ask().catch(() => undefined)
    if (answer !== undefined) return answer
    if (performance.now() > end) throw new Error(`after ${millis / 1_000} s still not: ${what}`)
    await sleep(200)
  }
}
