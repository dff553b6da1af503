/**
 * An order gateway as an operator runs it: `npm run gateway`. What it does and how to look at it is told in README.md.
 *
 * The process ends with 0 after SIGTERM or SIGINT when nothing was lost, with 1 when something was, or when the shop has given up.
 */
import { NodeFileSystem, NodeRuntime } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { Ryker, RykerConfig } from "ryker"
import { Health, Shutdown } from "ryker/http"
import * as Server from "./http/server.ts"
import { settings } from "./settings.ts"
import { Shop } from "./shop/shop.ts"
import { JsonLog, Metrics } from "./telemetry.ts"

/** ryker's settings are read at the start, when the file changes, and at SIGHUP. */
const Runtime = Layer.unwrap(
  Effect.map(settings, ({ file }) =>
    RykerConfig.layerReload({ file, signal: "SIGHUP" }).pipe(Layer.provideMerge(Ryker.layerConfig({ file })))
  )
).pipe(Layer.provide(NodeFileSystem.layer))

const main = Effect.gen(function* () {
  const { deadline, grace } = yield* settings
  yield* Shutdown.launch(Server.layer(), { deadline, grace })
})

main.pipe(
  // What is provided last is outermost and ends last.
  Effect.provide(Shop),
  Effect.provide(Health.layer()),
  Effect.provide(Runtime),
  Effect.provide(Metrics),
  Effect.provide(JsonLog),
  NodeRuntime.runMain
)
