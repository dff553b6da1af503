/** Phase e: an operator changes the file of settings while messages keep coming, and makes a mistake. */
import { Effect, Layer } from "effect"
import { Ledger, Ryker, RykerConfig } from "ryker"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { Airports, airportsLayer } from "../airport.ts"
import { equal } from "../check.ts"
import { Events } from "../events.ts"
import { FilesLayer } from "../files.ts"
import { type Flight, movementsOf } from "../flights.ts"
import { count } from "../format.ts"
import { NetworkLayer } from "../network.ts"
import { entryOf, type Outcome } from "../report.ts"
import { Screen } from "../screen.ts"
import { Store } from "../store.ts"
import { Weather } from "../weather.ts"

const title = "e. Reload under load"

/** Milliseconds that a movement takes. */
const fog = 2
/** Flights at a time: the busiest airports have a line in front of them. */
const senders = 200

const patient = '[defaults]\ndeadline = "20s"\n'
const hasty = '[defaults]\ndeadline = "20ms"\nmailbox_capacity = 512\n'
const wrong = '[defaults]\ndeadline = "10 parsecs"\nmailbox_capasity = 64\n'

export const reload = Effect.fnUntraced(function* (flights: ReadonlyArray<Flight>) {
  const folder = yield* Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "flights-"))),
    (folder) => Effect.promise(() => rm(folder, { recursive: true }))
  )
  const file = join(folder, "ryker.toml")
  yield* Effect.promise(() => writeFile(file, patient))
  return yield* operate(flights, file).pipe(
    Effect.provide(
      airportsLayer({}).pipe(
        Layer.provideMerge(NetworkLayer),
        Layer.provideMerge(Ryker.layerConfig({ file })),
        Layer.provideMerge(Layer.mergeAll(Store.layer, Events.layer, Weather.fog(fog), FilesLayer))
      )
    )
  )
}, Effect.scoped)

const operate = Effect.fnUntraced(function* (flights: ReadonlyArray<Flight>, file: string) {
  const airports = yield* Airports
  const screen = yield* Screen
  yield* screen.heading(
    title,
    `Fog: every movement takes ${fog} ms, and ${senders} flights are under way at a time. The file of settings gives an ask ` +
      "20 s; then 20 ms, and new mailboxes more room; then it is wrong; then it is as it was."
  )

  const part = Math.floor(flights.length / 10)
  const total = 2 * 4 * part
  let answered = 0
  let timedOut = 0
  const fly = (n: number) =>
    Effect.forEach(
      flights.slice(n * part, (n + 1) * part).flatMap(movementsOf),
      ({ airport, kind, report }) =>
        airports
          .get(airport)
          .ask[kind](report)
          .pipe(
            Effect.andThen(Effect.sync(() => answered++)),
            Effect.catchTag("Timeout", () => Effect.sync(() => timedOut++)),
            // The airport gave the network up at its own deadline, and crashed for it: its asker was told.
            Effect.catchTag("Crashed", () => Effect.sync(() => timedOut++))
          ),
      { concurrency: senders, discard: true }
    ).pipe(
      Effect.andThen(
        Effect.sync(() => {
          const timeouts = timedOut - seen
          seen = timedOut
          return timeouts
        })
      )
    )
  let seen = 0
  const change = (text: string) =>
    Effect.andThen(
      Effect.promise(() => writeFile(file, text)),
      Effect.result(Ryker.reload(RykerConfig.load({ file }), { source: "ryker.toml" }))
    )

  const parts = yield* Effect.gen(function* () {
    const before = yield* fly(0)
    const hurried = yield* change(hasty)
    const during = yield* fly(1)
    const refused = yield* change(wrong)
    const still = yield* fly(2)
    const calmed = yield* change(patient)
    const after = yield* fly(3)
    return { before, hurried, during, refused, still, calmed, after }
  }).pipe(screen.track(() => ({ done: answered + timedOut, total, unit: "asks", note: `${count(timedOut)} gave up` })))

  const { config, refused, version } = yield* Ryker.config
  const { hurried } = parts
  if (hurried._tag === "Success") {
    yield* screen.print(
      ...hurried.success.changes.map(
        ({ class: reload, from, keeps, key, to }) =>
          `  ${key} ${from} -> ${to}, ${reload}${keeps.length === 0 ? "" : `; ${keeps.join(", ")} keep theirs`}`
      )
    )
  }
  if (parts.refused._tag === "Failure") {
    yield* screen.print(
      ...parts.refused.failure.problems.map(({ fix, line, source }) => `  ${basename(source)}, line ${line}: ${fix}`)
    )
  }
  yield* screen.print(
    `  gave up: ${[parts.before, parts.during, parts.still, parts.after].map(count).join(", ")}; version ${version}, ${refused} refused`
  )

  const ledger = yield* Ryker.ledger
  const entry = entryOf(ledger, "Airport")
  const outcome: Outcome = {
    phase: title,
    ledger,
    checks: [
      {
        claim: "a deadline acts at once on running actors, shorter or longer",
        problems: [
          ...(parts.before === 0 ? [] : [`${parts.before} gave up before`]),
          ...(parts.during > 0 ? [] : ["nobody gave up with 20 ms"]),
          ...(parts.after === 0 ? [] : [`${parts.after} gave up afterwards`])
        ]
      },
      {
        claim: "a wrong file changes nothing, and says why",
        problems: [
          ...(parts.refused._tag === "Failure" && parts.refused.failure.problems.length === 2
            ? []
            : ["it was applied"]),
          ...(parts.still > 0 ? [] : ["the deadline of 20 ms did not hold on"])
        ]
      },
      equal("versions and refusals are counted, and every ask is accounted for", {
        version: [version, 3],
        refused: [refused, 1],
        deadline: [config.defaults.deadline, 20_000],
        asks: [answered + timedOut, total],
        answered: [entry.handled, answered],
        "gave up": [entry.failed + Ledger.totalDropped(entry.dropped), timedOut]
      })
    ]
  }
  return outcome
})
