import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { TestClock } from "effect/testing"
import { equal } from "../../examples/flights/check.ts"
import { meanOfNth, restartDelays } from "../../examples/flights/events.ts"
import { airportsOf, type Flight, loadFlights, movementsOf } from "../../examples/flights/flights.ts"
import { bar, plural, progressText, table, wrap } from "../../examples/flights/format.ts"
import { differences, recount, recountFirst, sum } from "../../examples/flights/recount.ts"
import { Screen } from "../../examples/flights/screen.ts"
import * as Totals from "../../examples/flights/totals.ts"
import { drawForecast, mostStrikes, Weather } from "../../examples/flights/weather.ts"

const flight = (origin: string, destination: string, delay: number, distance: number): Flight => ({
  date: "2001/01/01 00:47",
  delay,
  distance,
  origin,
  destination
})

const flights = [flight("DTW", "LAS", 66, 1750), flight("LAS", "PHX", -5, 256), flight("LAS", "DTW", 0, 1750)]

const totals = {
  DTW: { departures: 1, arrivals: 1, delay: 66, distance: 3500 },
  LAS: { departures: 2, arrivals: 1, delay: 61, distance: 3756 },
  PHX: { departures: 0, arrivals: 1, delay: -5, distance: 256 }
}

describe("the recount", () => {
  it("gives every airport its departures, arrivals, delay and distance", () => {
    assert.deepStrictEqual(Object.fromEntries(recount(flights)), totals)
  })

  it.effect("agrees with what the airports do, for all 20,000 flights and 224 airports", () =>
    Effect.gen(function* () {
      const all = yield* loadFlights
      assert.strictEqual(all.length, 20_000)
      assert.strictEqual(airportsOf(all).length, 224)
      const counted = new Map<string, Totals.Totals>()
      for (const movement of all.flatMap(movementsOf)) {
        counted.set(movement.airport, Totals.add(counted.get(movement.airport) ?? Totals.none, movement))
      }
      const recounted = recount(all)
      assert.deepStrictEqual(differences(recounted, counted), [])
      const { arrivals, departures } = sum(recounted.values())
      assert.deepStrictEqual([departures, arrivals], [20_000, 20_000])
    })
  )

  it("stops at as many movements as each airport has counted", () => {
    const counted = recountFirst(flights.flatMap(movementsOf), (airport) => (airport === "LAS" ? 2 : 1))
    assert.deepStrictEqual(Object.fromEntries(counted), {
      DTW: { departures: 1, arrivals: 0, delay: 66, distance: 1750 },
      LAS: { departures: 1, arrivals: 1, delay: 61, distance: 2006 },
      PHX: totals.PHX
    })
  })

  it("has no airport that has counted nothing", () => {
    assert.strictEqual(recountFirst(flights.flatMap(movementsOf), () => 0).size, 0)
  })
})

describe("the comparison", () => {
  const expected = new Map(Object.entries(totals))

  it("finds nothing where all is equal", () => {
    assert.deepStrictEqual(differences(expected, recount(flights)), [])
  })

  for (const key of ["departures", "arrivals", "delay", "distance"] as const) {
    it(`finds one ${key} too many`, () => {
      const { LAS } = totals
      const actual = new Map([...expected, ["LAS", { ...LAS, [key]: LAS[key] + 1 }]])
      assert.deepStrictEqual(differences(expected, actual), [`LAS has ${key} ${LAS[key] + 1}, not ${LAS[key]}`])
    })
  }

  it("finds an airport without an answer, and an answer without an airport", () => {
    const [, ...others] = expected
    assert.deepStrictEqual(differences(expected, new Map(others)), ["DTW gave no answer"])
    assert.deepStrictEqual(differences(new Map(others), expected), ["DTW is none of the file's"])
  })

  it("says which figures are not equal", () => {
    assert.deepStrictEqual(equal("all", { sent: [3, 3], handled: [2, 3] }), {
      claim: "all",
      problems: ["handled: 2 against 3"]
    })
  })
})

describe("the text", () => {
  it("fills a bar to an eighth of a column, never beyond its width", () => {
    assert.strictEqual(bar(0, 4), "░░░░")
    assert.strictEqual(bar(3 / 8, 4), "█▌░░")
    assert.strictEqual(bar(1, 4), "████")
    assert.strictEqual(bar(1.5, 4), "████")
  })

  it("says 100% only when all is done", () => {
    assert.strictEqual(progressText({ done: 19_999, total: 20_000, unit: "flights" }), " 99%  19,999 of 20,000 flights")
    assert.strictEqual(
      progressText({ done: 2, total: 2, unit: "flights", note: "1 crash" }),
      "100%  2 of 2 flights, 1 crash"
    )
  })

  it("aligns names to the left and numbers to the right", () => {
    assert.deepStrictEqual(
      table(
        [
          ["actor", "handled"],
          ["Airport", "7"]
        ],
        1
      ),
      ["actor    handled", "Airport        7"]
    )
  })

  it("wraps words at the width, and leaves longer ones whole", () => {
    assert.deepStrictEqual(wrap("one two three", 7), ["one two", "three"])
    assert.deepStrictEqual(wrap("unbreakable a", 4), ["unbreakable", "a"])
  })

  it("counts one crash and two crashes", () => {
    assert.deepStrictEqual([plural(1, "crash", "crashes"), plural(2, "crash", "crashes")], ["1 crash", "2 crashes"])
  })
})

describe("the restart delays", () => {
  const restarting = (actor: string, delay: number) => ({ event: "actor_restarting", actor, delay })

  it("are kept by actor in their order, and averaged by how many came before", () => {
    const delays = restartDelays([
      restarting("a", 10),
      { event: "actor_crashed", actor: "a", delay: 0 },
      restarting("b", 20),
      restarting("a", 40)
    ])
    assert.deepStrictEqual(Object.fromEntries(delays), { a: [10, 40], b: [20] })
    assert.deepStrictEqual(meanOfNth(Array.from(delays.values())), [15, 40])
    assert.deepStrictEqual(meanOfNth([]), [])
  })
})

describe("the forecast", () => {
  it.effect("is the same for the same seed, and another for another", () =>
    Effect.gen(function* () {
      const all = yield* loadFlights
      const first = yield* Random.withSeed(drawForecast(all), 7)
      assert.deepStrictEqual(yield* Random.withSeed(drawForecast(all), 7), first)
      assert.notDeepEqual(yield* Random.withSeed(drawForecast(all), 8), first)
    })
  )

  it.effect("strikes 24 airports, none more often than it can bear, and not the doomed one", () =>
    Effect.gen(function* () {
      const all = yield* loadFlights
      const { doomed, strikes } = yield* Random.withSeed(drawForecast(all), 7)
      const airports = new Set(strikes.map(({ airport }) => airport))
      assert.strictEqual(airports.size, 24)
      assert.isFalse(airports.has(doomed.airport))
      for (const airport of airports) {
        assert.isAtMost(strikes.filter((strike) => strike.airport === airport).length, mostStrikes)
      }
    })
  )

  it.effect("strikes a movement once, and the doomed airport each time", () =>
    Effect.gen(function* () {
      const weather = yield* Weather
      const strikes = (airport: string, flight: number) =>
        Effect.map(Effect.exit(weather.pass(airport, flight)), ({ _tag }) => _tag === "Failure")
      assert.isTrue(yield* strikes("LAS", 3))
      assert.isFalse(yield* strikes("LAS", 3))
      assert.isFalse(yield* strikes("PHX", 3))
      assert.isFalse(yield* strikes("DTW", 4))
      assert.isTrue(yield* strikes("DTW", 5))
      assert.isTrue(yield* strikes("DTW", 5))
    }).pipe(
      Effect.provide(Weather.storm({ strikes: [{ airport: "LAS", flight: 3 }], doomed: { airport: "DTW", from: 5 } }))
    )
  )
})

describe("the screen", () => {
  const paper = (isTTY: boolean, columns = 80) => {
    const written: Array<string> = []
    return { written, isTTY, columns, write: (text: string) => written.push(text) }
  }

  /** Half of the work is done after 100 ms, all of it after 200 ms. */
  const show = (output: ReturnType<typeof paper>, env: Record<string, string> = {}) =>
    Effect.gen(function* () {
      const screen = yield* Screen
      let done = 0
      const half = Effect.delay(
        Effect.sync(() => (done += 50)),
        100
      )
      const fiber = yield* Effect.forkChild(
        screen.track(() => ({ done, total: 100, unit: "flights" }))(Effect.andThen(half, half))
      )
      for (let i = 0; i < 8; i++) yield* TestClock.adjust(25)
      assert.isDefined(fiber.pollUnsafe())
      yield* screen.print(screen.paint("green", "PASS"))
      return output.written.join("")
    }).pipe(Effect.provide(Screen.layer(output, env)))

  it.effect("prints plain lines where there is no terminal", () =>
    Effect.gen(function* () {
      const text = yield* show(paper(false))
      assert.strictEqual(text, "   50%  50 of 100 flights\n  100%  100 of 100 flights\nPASS\n")
    })
  )

  it.effect("draws a coloured bar over the one before on a terminal, and ends its line", () =>
    Effect.gen(function* () {
      const text = yield* show(paper(true))
      const frames = text.split("\r")
      assert.isAtLeast(frames.length, 4)
      assert.include(frames.at(-1), "\x1b[36m██████████████████████████████\x1b[39m 100%  100 of 100 flights\x1b[K\n")
      assert.include(text, "\x1b[32mPASS\x1b[39m\n")
    })
  )

  it.effect("has no colours with NO_COLOR, and no bar on a dumb terminal", () =>
    Effect.gen(function* () {
      const colourless = yield* show(paper(true), { NO_COLOR: "1" })
      assert.include(colourless, "\r")
      assert.notInclude(colourless, "\x1b[3")
      const dumb = yield* show(paper(true), { TERM: "dumb" })
      assert.notInclude(dumb, "\x1b")
      assert.notInclude(dumb, "\r")
    })
  )

  it.effect("keeps the bar within a narrow terminal", () =>
    Effect.gen(function* () {
      const text = yield* show(paper(true, 40), { NO_COLOR: "1" })
      for (const frame of text.replaceAll("\x1b[K", "").split(/[\r\n]/)) assert.isBelow(frame.length, 40)
    })
  )
})
