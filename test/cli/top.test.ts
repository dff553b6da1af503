/** `ryker top` with a terminal whose keys the test presses, and a host that says what the test wants. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Terminal from "effect/Terminal"
import * as TestClock from "effect/testing/TestClock"
import { type Host, HostError, type State } from "../../src/cli/host.ts"
import { paintStyle } from "../../src/cli/render.ts"
import * as Top from "../../src/cli/top.ts"
import { actor, definition, stateOf } from "./host.fixtures.ts"
import { terminalOf } from "./terminal.fixtures.ts"

const refused = new HostError({ message: "nothing answers", why: "connection refused", again: true })

const actors = [
  actor("Account/a", { depth: 1 }),
  actor("Account/b", { depth: 30, status: "busy" }),
  actor("Ledger", { depth: 2 })
]

/** Runs it, with what the host says next, until the test is over. */
const start = Effect.fnUntraced(function* (size: Terminal.Size = { columns: 80, rows: 20 }) {
  const shown = terminalOf(size)
  const given: { state: State | HostError; asked: number } = { state: stateOf({ actors }), asked: 0 }
  const host: Host = {
    url: "http://host/ryker",
    events: () => Stream.die("top wants no events"),
    state: Effect.suspend(() => {
      given.asked++
      const { state } = given
      return state instanceof HostError ? Effect.fail(state) : Effect.succeed(state)
    })
  }
  const fiber = yield* Top.watch({ host, interval: 1000 }, paintStyle).pipe(
    Effect.provideService(Terminal.Terminal, shown.terminal),
    Effect.provide(Stdio.layerTest({ stdinIsTerminal: Effect.succeed(true) })),
    Effect.forkChild
  )
  /** Lets everything happen that can without time going on: all of it is in this process, and takes few turns. */
  const settle = Effect.andThen(Effect.repeat(Effect.yieldNow, { times: 200 }), shown.seen)
  yield* settle
  const press = (keys: string) =>
    Effect.andThen(
      Effect.sync(() => shown.press(keys)),
      settle
    )
  const later = (millis: number) => Effect.andThen(TestClock.adjust(millis), settle)
  const names = () => shown.lines().flatMap((line) => /(?:Account\/\w|Ledger)$/.exec(line)?.[0] ?? [])
  return { shown, given, fiber, press, later, names, settle }
})

describe("ryker top", () => {
  it.effect("quits by q with 0 and by Ctrl-C with 130, and gives the screen back", () =>
    Effect.gen(function* () {
      for (const [keys, code] of [
        ["q", 0],
        ["<ctrl-c>", 130],
        ["/q<ctrl-c>", 130],
        ["?q", 0]
      ] as const) {
        const { fiber, press, shown } = yield* start()
        assert.isTrue(shown.isAlternate())
        yield* press(keys)
        assert.strictEqual(yield* Fiber.join(fiber), code)
        yield* shown.seen
        assert.isFalse(shown.isAlternate())
      }
    })
  )

  it.effect("gives the screen back when it is interrupted, and ends when the terminal goes", () =>
    Effect.gen(function* () {
      const first = yield* start()
      yield* Fiber.interrupt(first.fiber)
      yield* first.shown.seen
      assert.isFalse(first.shown.isAlternate())
      const second = yield* start()
      second.shown.hangUp()
      assert.strictEqual(yield* Fiber.join(second.fiber), 0)
    })
  )

  it.effect("sorts by a key, and the other way round by the same key", () =>
    Effect.gen(function* () {
      const { names, press, shown } = yield* start()
      assert.deepStrictEqual(names(), ["Account/a", "Account/b", "Ledger"])
      yield* press("d")
      assert.deepStrictEqual(names(), ["Account/b", "Ledger", "Account/a"])
      assert.include(shown.lines().at(-1), "by depth")
      yield* press("d")
      assert.deepStrictEqual(names(), ["Account/a", "Ledger", "Account/b"])
      assert.include(shown.lines().at(-1), "by depth, reversed")
      yield* press("n")
      assert.deepStrictEqual(names(), ["Account/a", "Account/b", "Ledger"])
    })
  )

  it.effect("searches while it is typed, keeps what was found, and lets go of it", () =>
    Effect.gen(function* () {
      const { names, press, shown } = yield* start()
      yield* press("/acqx<backspace><backspace>c")
      assert.strictEqual(shown.lines().at(-1), "/acc")
      assert.deepStrictEqual(names(), ["Account/a", "Account/b"])
      yield* press("<return>")
      assert.deepStrictEqual(names(), ["Account/a", "Account/b"])
      // A letter is a key again.
      yield* press("d")
      assert.deepStrictEqual(names(), ["Account/b", "Account/a"])
      yield* press("<escape>")
      assert.strictEqual(names().length, 3)
      yield* press("/ledger<escape>")
      assert.strictEqual(names().length, 3)
      yield* press("/x y<ctrl-u>led")
      assert.deepStrictEqual(names(), ["Ledger"])
    })
  )

  it.effect("goes through the rows, and stays with the one that is marked when they move", () =>
    Effect.gen(function* () {
      const { given, later, press, shown } = yield* start()
      const detail = () => shown.lines().at(-2)!.split("  ")[0]
      yield* press("<down>")
      assert.strictEqual(detail(), "Account/a")
      yield* press("jj")
      assert.strictEqual(detail(), "Ledger")
      yield* press("<down>k")
      assert.strictEqual(detail(), "Account/b")
      given.state = stateOf({ actors: actors.toReversed() })
      yield* later(1000)
      assert.strictEqual(detail(), "Account/b")
      yield* press("<home>")
      assert.strictEqual(detail(), "Ledger")
      yield* press("<end>")
      assert.strictEqual(detail(), "Account/a")
      yield* press("<pageup>")
      assert.strictEqual(detail(), "Ledger")
      given.state = stateOf({ actors: actors.slice(0, 2) })
      yield* later(1000)
      assert.strictEqual(shown.lines().at(-2), "Ledger is no more")
    })
  )

  it.effect("shows both tables, actors alone and definitions alone by Tab", () =>
    Effect.gen(function* () {
      const { given, later, press, shown } = yield* start()
      given.state = stateOf({ actors, definitions: [definition("Account"), definition("Ledger")] })
      yield* later(1000)
      const tables = () => ["DEFINITION", "ACTOR"].filter((title) => shown.lines().some((line) => line.includes(title)))
      assert.deepStrictEqual(tables(), ["DEFINITION", "ACTOR"])
      yield* press("<tab>")
      assert.deepStrictEqual(tables(), ["ACTOR"])
      yield* press("<tab>")
      assert.deepStrictEqual(tables(), ["DEFINITION"])
      yield* press("<tab>")
      assert.deepStrictEqual(tables(), ["DEFINITION", "ACTOR"])
      yield* press("?")
      assert.deepStrictEqual(tables(), [])
      assert.include(shown.lines().join("\n"), "sort by")
      yield* press("x")
      assert.deepStrictEqual(tables(), ["DEFINITION", "ACTOR"])
    })
  )

  it.effect("asks once an interval, also while nothing is pressed", () =>
    Effect.gen(function* () {
      const { given, later } = yield* start()
      assert.strictEqual(given.asked, 1)
      yield* later(999)
      assert.strictEqual(given.asked, 1)
      yield* later(1)
      assert.strictEqual(given.asked, 2)
      yield* later(1000)
      assert.strictEqual(given.asked, 3)
    })
  )

  it.effect("stands still while it is paused", () =>
    Effect.gen(function* () {
      const { given, later, names, press, shown } = yield* start()
      yield* press(" ")
      given.state = stateOf({ actors: [] })
      yield* later(1000)
      assert.strictEqual(names().length, 3)
      assert.include(shown.lines()[0], "paused")
      yield* press(" ")
      yield* later(1000)
      assert.strictEqual(names().length, 0)
    })
  )

  it.effect("shows that the host has gone, with what was known, and that it is back", () =>
    Effect.gen(function* () {
      const { given, later, names, shown } = yield* start()
      const { state } = given
      yield* later(2000)
      given.state = refused
      yield* later(3000)
      assert.strictEqual(
        shown.lines()[0],
        "stale since 00:00:02Z: connection refused, trying again  http://host/ryker  eve~"
      )
      assert.strictEqual(names().length, 3)
      given.state = state
      yield* later(1000)
      assert.include(shown.lines()[0], "running")
    })
  )

  it.effect("says what is wrong before it takes the screen, if the host was never there", () =>
    Effect.gen(function* () {
      const shown = terminalOf({ columns: 80, rows: 24 })
      const host: Host = { url: "http://host/ryker", events: () => Stream.empty, state: Effect.fail(refused) }
      const error = yield* Top.watch({ host, interval: 1000 }, paintStyle).pipe(
        Effect.scoped,
        Effect.provideService(Terminal.Terminal, shown.terminal),
        Effect.provide(Stdio.layerTest({})),
        Effect.flip
      )
      assert.strictEqual(error, refused)
      assert.strictEqual(shown.written(), "")
    })
  )

  it.effect("fills the terminal when its size changes", () =>
    Effect.gen(function* () {
      const { settle, shown } = yield* start()
      for (const size of [
        { columns: 40, rows: 8 },
        { columns: 120, rows: 40 },
        { columns: 10, rows: 3 }
      ]) {
        shown.resize(size)
        yield* settle
        const lines = shown.lines()
        assert.strictEqual(lines.length, size.rows)
        assert.match(lines[0]!, /^running/)
        assert.isTrue(size.rows < 4 || lines.at(-1)!.startsWith("q quit"))
      }
    })
  )
})
