/**
 * A service of orders as an operator meets it: an HTTP API over actors, metrics for Prometheus, a log in JSON, settings
 * from a file that is followed, a reload on SIGHUP and a drain on SIGTERM.
 *
 * Run it with `npm run service`. What an operator does with it is told in docs/runbook.md.
 */
import { NodeFileSystem, NodeRuntime } from "@effect/platform-node"
import { Cause, Config, Effect, Layer, Ref } from "effect"
import { Ryker, RykerConfig } from "ryker"
import { Dependency, Orders } from "./actors.ts"
import { Api } from "./api.ts"
import { JsonLog, Metrics, Readiness } from "./telemetry.ts"

/** Closed from the top: the API, the actors, the runtime, and the metrics last. */
const Service = Layer.unwrap(
  Effect.gen(function* () {
    const file = yield* Config.String("SETTINGS").pipe(Config.withDefault(undefined))
    return Api.pipe(
      Layer.merge(RykerConfig.layerReload({ signal: "SIGHUP", file })),
      Layer.provide(Orders),
      Layer.provide(Dependency.layer),
      Layer.provideMerge(Ryker.layerConfig({ file })),
      Layer.provide(Metrics)
    )
  })
).pipe(Layer.provideMerge(Readiness.layer), Layer.provide(NodeFileSystem.layer))

const main = Effect.gen(function* () {
  const isReady = yield* Readiness
  const drainDeadline = yield* Config.Duration("DRAIN_DEADLINE").pipe(Config.withDefault("10 seconds"))
  yield* Ref.set(isReady, true)
  yield* Effect.logInfo(`ready, process ${process.pid}`)
  // SIGTERM and SIGINT interrupt; a root that has failed ends the process with exit code 1.
  yield* Effect.onInterrupt(Ryker.awaitFailure, () =>
    Effect.andThen(Ref.set(isReady, false), Ryker.drain(drainDeadline))
  )
})

const reported = main.pipe(
  Effect.provide(Service),
  // A root's failure has its line already.
  Effect.tapCause((cause) => {
    const isTold =
      Cause.hasInterruptsOnly(cause) ||
      cause.reasons.some((it) => Cause.isFailReason(it) && it.error._tag === "RootFailure")
    return isTold ? Effect.void : Effect.logFatal("the service cannot run", cause)
  }),
  Effect.provide(JsonLog)
)

NodeRuntime.runMain(reported, { disableErrorReporting: true })
