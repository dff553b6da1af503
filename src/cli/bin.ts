#!/usr/bin/env node
/** The `ryker` command, as npm installs it. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { run } from "./command.ts"
import * as Node from "./node.ts"

// A reader that has gone, such as `head`, has what it wanted; any other output that is lost is a failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") return
  process.exitCode = 1
  process.stderr.write(`the output could not be written: ${error.code ?? error.message}\n`)
})

process.on("uncaughtExceptionMonitor", Node.giveBack)
process.on("exit", Node.giveBack)

const fiber = Effect.runFork(Effect.provide(run(Node.args, Node.version), Node.layer))

// What ends it is what a shell sees, once the terminal is as it was. A second signal acts at once.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    fiber.addObserver(() => process.kill(process.pid, signal))
    fiber.interruptUnsafe()
  })
}

const exit = await Effect.runPromise(Fiber.await(fiber))
// Not `process.exit`, which would cut output that is still on its way to a pipe.
if (Exit.isSuccess(exit)) process.exitCode ??= exit.value
else if (!Exit.hasInterrupts(exit)) throw Cause.squash(exit.cause)
