import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { readFileSync } from "node:fs"
import * as Actor from "../src/Actor.ts"
import * as Ryker from "../src/Ryker.ts"
import * as RykerEvent from "../src/RykerEvent.ts"
import { settled, Worker, workerLayer } from "./Actor.fixtures.ts"
import { withActors } from "./fixtures.ts"
import { durations, snake } from "./RykerEvent.fixtures.ts"

/** Runs the test; gives its lines: of ryker's own the event, of others the text. */
const linesOf = <A, E>(test: (lines: Array<string>) => Effect.Effect<A, E>) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const logger = Logger.make(({ fiber, logLevel, message }) => {
      const { event, lib } = fiber.getRef(References.CurrentLogAnnotations)
      lines.push(`${logLevel} ${lib === "ryker" ? String(event) : String(message)}`)
    })
    return Effect.as(Effect.provide(test(lines), Logger.layer([logger])), lines)
  })

/** An actor comes, is suspended and resumed, and goes; the handler logs for itself, too. */
const life = Effect.gen(function* () {
  const worker = yield* Worker
  yield* worker.ask.Run({ job: () => Effect.andThen(Effect.logDebug("own debug"), Effect.log("own info")) })
  yield* Actor.suspend(worker)
  yield* Actor.stop(worker, { deadline: 0 })
  yield* settled
})

const all = [
  "Debug config_applied",
  "Debug actor_started",
  "Info own info",
  "Info actor_suspended",
  "Debug actor_stopped"
]
const atInfo = ["Info own info", "Info actor_suspended"]

describe("observability.log_level", () => {
  const levels: ReadonlyArray<
    readonly ["inherit" | "off" | "fatal" | "error" | "warn" | "info" | "debug" | "trace", ReadonlyArray<string>]
  > = [
    ["inherit", atInfo],
    ["off", ["Info own info"]],
    ["fatal", ["Info own info"]],
    ["error", ["Info own info"]],
    ["warn", ["Info own info"]],
    ["info", atInfo],
    ["debug", [...all, "Debug drain_finished"]],
    ["trace", [...all, "Debug drain_finished"]]
  ]

  it.effect.each(levels)("%s is for ryker's own lines, and for no others", ([logLevel, expected]) =>
    Effect.gen(function* () {
      const applied = logLevel === "inherit" ? [] : ["Info config_applied"]
      const lines = yield* linesOf(() => life.pipe(withActors(workerLayer(), { observability: { logLevel } })))
      // What differs from the defaults is told at Info.
      const wanted = expected.map((line) => line.replace("Debug config_applied", "Info config_applied"))
      assert.deepStrictEqual(lines, logLevel === "info" ? [...applied, ...wanted] : wanted)
    })
  )

  it.effect("inherit is what the program says, more or less", () =>
    Effect.gen(function* () {
      const loud = yield* linesOf(() =>
        life.pipe(withActors(workerLayer()), Effect.provideService(References.MinimumLogLevel, "Debug"))
      )
      assert.include(loud, "Debug own debug")
      assert.include(loud, "Debug actor_started")
      const quiet = yield* linesOf(() =>
        life.pipe(withActors(workerLayer()), Effect.provideService(References.MinimumLogLevel, "Warn"))
      )
      assert.deepStrictEqual(quiet, [])
    })
  )

  it.effect("acts at once", () =>
    linesOf((lines) =>
      Effect.gen(function* () {
        const worker = yield* Worker
        const both = Effect.andThen(Actor.suspend(worker), Actor.resume(worker))
        yield* Ryker.reload({ observability: { log_level: "warn" } })
        yield* both
        assert.deepStrictEqual(lines, [])
        yield* Ryker.reload({ observability: { log_level: "info" } })
        yield* both
        assert.deepStrictEqual(lines, ["Info config_applied", "Info actor_suspended", "Info actor_resumed"])
      }).pipe(withActors(workerLayer()))
    )
  )

  it.effect("is RYKER_LOG_LEVEL in the environment, and holds for the warning of a deprecated name, too", () =>
    Effect.gen(function* () {
      const lines = (env: Readonly<Record<string, string>>) =>
        linesOf(() =>
          Effect.scoped(Layer.build(Layer.fresh(Ryker.layerConfig()))).pipe(
            Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env })))
          )
        )
      assert.include(yield* lines({ RYKER_JITTER: "no" }), "Warn config_deprecated")
      assert.deepStrictEqual(yield* lines({ RYKER_JITTER: "no", RYKER_LOG_LEVEL: "error" }), [])
      assert.include(yield* lines({ RYKER_LOG_LEVEL: "debug" }), "Debug drain_finished")
    })
  )
})

describe("the page on semantics", () => {
  const page = readFileSync(new URL("../docs/semantics.md", import.meta.url), "utf8")
  const section = page.slice(page.indexOf("\n## Log\n"))
  const rows = (title: string): ReadonlyArray<ReadonlyArray<string>> => {
    const lines = section.slice(section.indexOf(`| \`${title}\``)).split("\n")
    const end = lines.findIndex((line) => !line.startsWith("|"))
    return lines.slice(2, end).map((line) => line.split("|").map((cell) => cell.trim().replaceAll("`", "")))
  }

  it("has every line in its table, and no other, at the levels that the module's table has", () => {
    const source = readFileSync(new URL("../src/RykerEvent.ts", import.meta.url), "utf8")
    const documented = new Map(
      Array.from(source.matchAll(/^ \* \| (`\w+`(?:, `\w+`)*) \| ([\w, ]+) \|/gm)).flatMap(
        ([, events = "", levels = ""]) =>
          events
            .split(", ")
            .map((event) => [snake(event.slice(1, -1)), levels.split(", ").toSorted().join(", ")] as const)
      )
    )
    const others = [
      ["config_deprecated", "Warn"],
      ["config_problem", "Error"]
    ] as const
    const here = rows("event").map(([, event, levels]) => [event!, levels!.split(", ").toSorted().join(", ")] as const)
    assert.deepStrictEqual(new Map(here), new Map([...documented, ...others]))
    assert.strictEqual(here.length, new Set(here.map(([event]) => event)).size)
  })

  it("has every annotation in its table, and the lines that have it", () => {
    const expected = new Map<string, Array<string>>()
    for (const { fields } of RykerEvent.RykerEvent.members) {
      for (const name of Object.keys(fields)) {
        if (name === "_tag" || name === "time" || name === "actor") continue
        const annotation = name === "correlation" ? "corr_id" : durations.has(name) ? `${name}_ms` : name
        expected.set(annotation, [...(expected.get(annotation) ?? []), snake(fields._tag.schema.literal)])
      }
    }
    const here = rows("annotation").flatMap(([, names, lines]) =>
      names!.split(", ").map((name) => [name, lines!.split(", ").toSorted().join(", ")] as const)
    )
    for (const name of ["lib", "event", "actor"]) expected.set(name, ["all"])
    assert.deepStrictEqual(
      new Map(here),
      new Map(Array.from(expected, ([name, lines]) => [name, lines.toSorted().join(", ")] as const))
    )
  })
})
