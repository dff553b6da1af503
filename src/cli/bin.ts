#!/usr/bin/env node
/** The `ryker` command, as npm installs it. */
import * as Effect from "effect/Effect"
import { run } from "./command.ts"
import * as Node from "./node.ts"

// A reader that has gone, such as `head`, has what it wanted; any other output that is lost is a failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") return
  process.exitCode = 1
  process.stderr.write(`the output could not be written: ${error.code ?? error.message}\n`)
})

const code = await Effect.runPromise(Effect.provide(run(Node.args, Node.version), Node.layer))
// Not `process.exit`, which would cut output that is still on its way to a pipe.
process.exitCode ??= code
