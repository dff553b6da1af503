/** The page in a browser, served by a host with actors in it. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import type { Locator, Page } from "playwright-core"
import { Actor, Ryker, Supervisor } from "../../../src/index.ts"
import { Inspector } from "../../../src/inspector/index.ts"
import { Accounts, handlers, inspect, options, Other, Quiet, run, secret, serve, tellTo, Worker } from "../fixtures.ts"
import { act, closeBrowser, countColours, eventually, isLeftOut, open, see, violationsOf, when } from "./browser.ts"

afterAll(closeBrowser)

const build = <A, E, R>(layer: Layer.Layer<A, E, R>) => Effect.orDie(Layer.build(layer))

/** A backoff that can be seen, and is over within the test. */
const backoff = { base: "1500 millis", cap: "1500 millis", jitter: false } as const

/** A supervisor with two children, and a family with three residents. */
const shop = Effect.gen(function* () {
  const context = yield* build(
    Supervisor.layer("Shop", {
      strategy: "one-for-one",
      children: [
        Worker.toLayer(handlers, { ...options, capacity: 4, backoff }),
        Other.toLayer(Other.of(handlers), options)
      ]
    })
  )
  const accounts = Context.get(yield* build(Accounts.toLayer(() => handlers, options)), Accounts)
  for (const id of ["ada", "bob", "cleo"]) yield* accounts.get(id).tell.Do({ what: "ok", note: secret })
  return { worker: Context.get(context, Worker), other: Context.get(context, Other), accounts }
})

const tree = (page: Page) => page.getByRole("treegrid")
const rowOf = (page: Page, label: string): Locator =>
  tree(page)
    .getByRole("row")
    .filter({ has: page.locator(".label").getByText(label, { exact: true }) })
const labels = (page: Page) => tree(page).locator(".rows .label").allInnerTexts()
const tab = (page: Page, name: string) => page.getByRole("tab", { name })
const panel = (page: Page) => page.getByRole("tabpanel")
const actions = (page: Page, name: string) => page.locator(".actions").getByRole("button", { name, exact: true })
const details = (page: Page) => page.getByRole("region", { name: "Details" })
const activeRow = (page: Page) => page.locator(".row.active .label").innerText()

describe.skipIf(isLeftOut)("the inspector's page", { timeout: 120_000 }, () => {
  it.live("shows the tree, and is no blank page", () =>
    run(
      Effect.gen(function* () {
        yield* shop
        const { page } = yield* open(yield* inspect())
        yield* see(rowOf(page, "Worker"))
        assert.deepStrictEqual(yield* act(() => labels(page)), [
          "Shop",
          "Worker",
          "Other",
          "Account",
          "ada",
          "bob",
          "cleo"
        ])
        assert.match(yield* act(() => rowOf(page, "Shop").innerText()), /one-for-one/)
        assert.match(yield* act(() => rowOf(page, "Worker").innerText()), /running[\s\S]*0\/4/)
        const levels = yield* act(() =>
          tree(page)
            .locator(".rows .row")
            .evaluateAll((rows) => rows.map((row) => row.getAttribute("aria-level")))
        )
        assert.deepStrictEqual(levels, ["1", "2", "2", "1", "2", "2", "2"])
        yield* see(page.getByText("live", { exact: true }))
        const picture = yield* act(() => page.screenshot())
        assert.isAbove(yield* act(() => countColours(page, picture)), 50)
      })
    )
  )

  it.live("shows a crash, the backoff and the restart when they happen", () =>
    run(
      Effect.gen(function* () {
        const { worker } = yield* shop
        const { page } = yield* open(yield* inspect())
        const row = rowOf(page, "Worker")
        yield* see(row.getByText("running"))
        yield* act(() => tab(page, "Events").click())
        yield* tellTo(worker, "crash")
        yield* see(row.getByText("backoff"))
        const left = yield* act(() => row.locator(".left").innerText())
        assert.match(left, /^\s?[01]\.\d s$/)
        // It counts down between two states, too.
        yield* when(
          () => row.locator(".left").or(row.getByText("running")).first().innerText(),
          (text) => text !== left
        )
        yield* see(row.getByText("running"))
        yield* eventually(() => row.locator(".c-restarts").innerText(), "1")
        const events = panel(page).locator(".events")
        for (const topic of ["actor.crashed", "actor.restarting", "actor.started"]) {
          yield* see(events.getByRole("row").filter({ hasText: topic }).filter({ hasText: "Worker" }))
        }
        yield* see(events.getByText(/incarnation 1: Error/))
        assert.notInclude(yield* act(() => page.content()), secret)
      })
    )
  )

  it.live("shows rates, dead letters, waits and settings", () =>
    run(
      Effect.gen(function* () {
        const { other, worker } = yield* shop
        const { page } = yield* open(yield* inspect())
        yield* see(rowOf(page, "Worker"))
        for (let at = 0; at < 100; at++) yield* worker.ask.Do({ what: "ok", note: secret })
        const definition = panel(page).locator(".definitions .rows .row").filter({ hasText: "Worker" })
        yield* when(
          () => definition.locator(".c-rate .above").innerText(),
          (rate) => Number(rate) > 0
        )
        yield* eventually(() => definition.locator(".c-rate .below").innerText(), "100")
        assert.match(yield* act(() => definition.locator(".c-p99 .above").innerText()), /ms$/)
        assert.match(
          (yield* act(() => definition.locator(".spark .line").first().getAttribute("d"))) ?? "",
          /^M[\d. L]+$/
        )

        yield* Effect.exit(other.ask.Do({ what: "hang", note: secret }, { deadline: "10 millis" }))
        yield* tellTo(worker, "hang")
        yield* Effect.exit(worker.ask.Do({ what: "ok", note: secret }, { deadline: "10 millis" }))
        yield* act(() => tab(page, "Dead letters").click())
        yield* see(panel(page).getByRole("row").filter({ hasText: "deadline" }).filter({ hasText: "Worker" }))

        yield* act(() => tab(page, "Settings").click())
        const setting = panel(page).getByRole("row").filter({ hasText: "defaults.deadline" })
        assert.match(yield* act(() => setting.innerText()), /1s[\s\S]*hot[\s\S]*default/)
      })
    )
  )

  it.live("shows who waits for whom", () =>
    run(
      Effect.gen(function* () {
        const other = Context.get(yield* build(Other.toLayer(Other.of(handlers), options)), Other)
        const passing = Worker.of({
          ...handlers,
          Pass: () => Effect.orDie(other.ask.Do({ what: "hang", note: secret }))
        })
        const worker = Context.get(yield* build(Worker.toLayer(passing, options)), Worker)
        const { page } = yield* open(yield* inspect({ stuckAfter: "1 millis" }))
        yield* worker.tell.Pass({ note: secret })
        yield* see(rowOf(page, "Worker").getByText("stuck"))
        yield* act(() => tab(page, "Waits").click())
        const rows = panel(page).locator(".rows .row")
        yield* eventually(() => rows.count(), 2)
        assert.match(yield* act(() => rows.nth(0).innerText()), /^Other[\s\S]*1/)
        assert.match(yield* act(() => rows.nth(1).innerText()), /Worker[\s\S]*asks Do/)
        // The runtime refuses to close a cycle, so a host that has one is made up.
        yield* act(() =>
          page.route("**/state", async (route) => {
            const response = await route.fetch()
            const state = (await response.json()) as { waitFor: ReadonlyArray<unknown> }
            const back = { from: "Other", to: "Worker", request: "Pass" }
            await route.fulfill({ response, json: { ...state, waitFor: [...state.waitFor, back] } })
          })
        )
        const alarm = page.getByRole("alert")
        yield* see(alarm)
        assert.match(yield* act(() => alarm.innerText()), /wait for each other[\s\S]*Other → Worker → Other/)
      })
    )
  )

  it.live("is used by keys alone", () =>
    run(
      Effect.gen(function* () {
        yield* shop
        const { page } = yield* open(yield* inspect())
        yield* see(rowOf(page, "cleo"))
        const press = (...keys: ReadonlyArray<string>) =>
          act(async () => {
            for (const key of keys) await page.keyboard.press(key)
          })
        yield* press("1")
        yield* eventually(() => activeRow(page), "Shop")
        yield* press("ArrowDown", "ArrowDown")
        yield* eventually(() => activeRow(page), "Other")
        yield* press("ArrowLeft")
        yield* eventually(() => activeRow(page), "Shop")
        yield* press("ArrowLeft")
        yield* eventually(() => labels(page), ["Shop", "Account", "ada", "bob", "cleo"])
        yield* eventually(() => rowOf(page, "Shop").getAttribute("aria-expanded"), "false")
        yield* press("ArrowRight", "ArrowRight")
        yield* eventually(() => activeRow(page), "Worker")
        yield* press("End")
        yield* eventually(() => activeRow(page), "cleo")
        yield* press("c")
        yield* eventually(() => labels(page), ["Shop", "Account"])
        yield* press("e", "Home", "Enter")
        yield* see(details(page).getByRole("heading", { name: "Shop" }))
        yield* press("Escape")
        yield* eventually(() => details(page).count(), 0)

        yield* press("/")
        yield* act(() => page.keyboard.type("ADA"))
        yield* eventually(() => labels(page), ["Account", "ada"])
        yield* see(page.getByText("1 of 7 actors found"))
        yield* press("Escape", "Escape")
        yield* see(rowOf(page, "cleo"))

        yield* press("6")
        yield* see(panel(page).getByRole("table", { name: "Settings" }))
        yield* act(() => tab(page, "Settings").focus())
        yield* press("ArrowLeft")
        yield* see(panel(page).getByRole("table", { name: "Events" }))

        yield* press("?")
        yield* see(page.getByRole("dialog", { name: "Keys" }))
        yield* press("Escape")
        yield* eventually(() => page.getByRole("dialog").count(), 0)
        yield* press("p")
        yield* see(page.getByText(/^held since/))
        yield* press("p")
        yield* see(page.getByText("live", { exact: true }))
      })
    )
  )

  it.live("does what an operator wants, once it is confirmed", () =>
    run(
      Effect.gen(function* () {
        const { worker } = yield* shop
        const { page } = yield* open(yield* inspect({ control: true }))
        const row = rowOf(page, "Worker")
        const dialog = page.getByRole("dialog")
        const told = page.locator(".notices")
        yield* act(() => row.click())
        yield* act(() => actions(page, "Suspend").click())
        assert.match(yield* act(() => dialog.innerText()), /Suspend Worker\?[\s\S]*until it is resumed/)
        // Who presses Enter without having read it has done nothing.
        yield* act(() => page.keyboard.press("Enter"))
        yield* eventually(() => dialog.count(), 0)
        assert.strictEqual((yield* Actor.status(worker))._tag, "Running")

        yield* act(() => actions(page, "Suspend").click())
        yield* act(() => dialog.getByRole("button", { name: "Suspend" }).click())
        yield* see(told.getByText("suspend of Worker: accepted"))
        assert.strictEqual((yield* Actor.status(worker))._tag, "Suspended")
        yield* see(row.getByText("suspended"))

        yield* act(() => actions(page, "Resume").click())
        yield* act(() => dialog.getByRole("button", { name: "Resume" }).click())
        yield* see(row.getByText("running"))

        yield* act(() => actions(page, "Restart").click())
        yield* act(() => dialog.getByRole("button", { name: "Restart" }).click())
        yield* eventually(() => row.locator(".c-restarts").innerText(), "1")

        yield* act(() => actions(page, "Stop").click())
        assert.match(yield* act(() => dialog.innerText()), /Nothing restarts it/)
        yield* act(() => dialog.getByRole("button", { name: "Stop" }).click())
        yield* see(told.getByText("stop of Worker: accepted"))
        assert.strictEqual(yield* Actor.awaitStopped(worker), "Stopped")
      })
    )
  )

  it.live("says why something was not done", () =>
    run(
      Effect.gen(function* () {
        const { worker } = yield* shop
        const { forgive, page } = yield* open(yield* inspect({ control: true }))
        forgive(/the server responded with a status of 4/)
        yield* act(() => rowOf(page, "Worker").click())
        yield* act(() => actions(page, "Suspend").click())
        // Somebody else is quicker.
        yield* Actor.suspend(worker)
        yield* act(() => page.getByRole("dialog").getByRole("button", { name: "Suspend" }).click())
        yield* see(page.locator(".notice.failed").getByText(/suspend of Worker: .*suspended already/))
      })
    )
  )

  it.live("offers nothing to do where the host allows nothing", () =>
    run(
      Effect.gen(function* () {
        yield* shop
        const { page } = yield* open(yield* inspect())
        yield* act(() => rowOf(page, "Worker").click())
        yield* see(details(page).getByText("up, with nothing in hand"))
        assert.strictEqual(yield* act(() => page.locator(".actions").count()), 0)
      })
    )
  )

  it.live("says that the runtime has drained", () =>
    run(
      Effect.gen(function* () {
        yield* shop
        const { page } = yield* open(yield* inspect())
        yield* see(rowOf(page, "Worker"))
        yield* Ryker.drain(0)
        yield* see(page.getByText("The runtime has drained"))
        yield* see(page.locator(".phase").getByText("closed"))
      })
    )
  )

  it.live("sorts by what is clicked at, and narrows to a status", () =>
    run(
      Effect.gen(function* () {
        const { accounts, worker } = yield* shop
        yield* Actor.suspend(worker)
        yield* tellTo(worker, "ok")
        yield* Actor.suspend(accounts.get("bob"))
        const { page } = yield* open(yield* inspect())
        yield* see(rowOf(page, "Worker"))
        const header = (name: string) => tree(page).getByRole("columnheader", { name })
        yield* act(() => header("Actor").getByRole("button").click())
        yield* when(
          () => labels(page),
          ([first]) => first === "Account"
        )
        yield* eventually(() => header("Actor").getAttribute("aria-sort"), "ascending")
        yield* act(() => header("Status").getByRole("button").click())
        yield* when(
          () => labels(page),
          (some) => some.slice(0, 2).join() === "Shop,Worker"
        )
        yield* act(() => page.getByRole("button", { name: "2 suspended" }).click())
        yield* eventually(() => labels(page), ["Shop", "Worker", "Account", "bob"])
      })
    )
  )

  it.live("has only those rows in the document that can be seen, of 2,000", () =>
    run(
      Effect.gen(function* () {
        const accounts = Context.get(
          yield* build(Accounts.toLayer(() => handlers, { ...options, maxResident: 3_000 })),
          Accounts
        )
        const ids = Array.from({ length: 1_999 }, (_, at) => String(at))
        yield* Effect.forEach(ids, (id) => accounts.get(id).tell.Do({ what: "ok", note: secret }), {
          concurrency: "unbounded"
        })
        const { page } = yield* open(yield* inspect())
        yield* see(rowOf(page, "Account"))
        assert.match(yield* act(() => rowOf(page, "Account").innerText()), /1,999 below/)
        yield* act(() => page.getByRole("button", { name: "Unfold all" }).click())
        yield* eventually(() => tree(page).getAttribute("aria-rowcount"), "2001")
        const rows = tree(page).locator(".rows .row")
        assert.isBelow(yield* act(() => rows.count()), 60)
        yield* act(() => tree(page).focus())
        yield* act(() => page.keyboard.press("End"))
        yield* see(rowOf(page, "1998"))
        yield* eventually(() => rowOf(page, "1998").getAttribute("aria-rowindex"), "2001")
        assert.isBelow(yield* act(() => rows.count()), 60)
        yield* act(() => page.getByRole("searchbox").fill("1234"))
        yield* eventually(() => labels(page), ["Account", "1234"])
      })
    )
  )

  it.live("takes the names of actors for text", () =>
    run(
      Effect.gen(function* () {
        const hostile = [
          '<img src=x onerror="alert(1)">',
          '"><script>alert(1)</script>',
          "javascript:alert(1)",
          "{{constructor.constructor('alert(1)')()}}",
          "__proto__",
          "a b\u202e\u0000\ud800"
        ]
        const accounts = Context.get(yield* build(Accounts.toLayer(() => handlers, options)), Accounts)
        for (const id of hostile) yield* accounts.get(id).tell.Do({ what: "ok", note: secret })
        const { page } = yield* open(yield* inspect({ control: true }))
        yield* see(rowOf(page, hostile[0]!))
        yield* when(
          () => labels(page),
          (some) => some.length === hostile.length + 1
        )
        for (const id of hostile.slice(0, 5)) {
          yield* act(() => rowOf(page, id).click())
          yield* see(details(page).getByRole("heading", { name: `Account/${id}`, exact: true }))
          yield* act(() => actions(page, "Suspend").click())
          yield* act(() => page.getByRole("dialog").getByRole("button", { name: "Suspend" }).click())
          yield* see(page.locator(".notices").getByText(`suspend of Account/${id}: accepted`))
          yield* act(() => page.getByRole("searchbox").fill(id))
          yield* see(page.locator("mark"))
          yield* act(() => page.getByRole("searchbox").fill(""))
        }
        yield* act(() => tab(page, "Events").click())
        yield* see(panel(page).getByText(`Account/${hostile[0]}`))
        assert.strictEqual(yield* act(() => page.locator("img, script:not([src])").count()), 0)
      })
    )
  )

  it.live("works at the width of a phone, without scrolling sideways", () =>
    run(
      Effect.gen(function* () {
        yield* shop
        const { page } = yield* open(yield* inspect({ control: true }), {
          viewport: { width: 360, height: 640 },
          hasTouch: true,
          isMobile: true
        })
        const width = () => act(() => page.evaluate<number>("document.documentElement.scrollWidth"))
        yield* see(rowOf(page, "Worker"))
        yield* act(() => rowOf(page, "Worker").tap())
        yield* see(actions(page, "Stop"))
        assert.strictEqual(yield* width(), 360)
        yield* act(() => page.getByRole("button", { name: "Close details" }).tap())
        for (const name of ["Definitions", "Waits", "Dead letters", "Events", "Settings"]) {
          yield* act(() => tab(page, name).tap())
          yield* see(panel(page).getByRole("table"))
          assert.strictEqual(yield* width(), 360, name)
        }
      })
    )
  )

  it.live("is light or dark as the system is, or as the reader wants", () =>
    run(
      Effect.gen(function* () {
        yield* shop
        const { page } = yield* open(yield* inspect(), { colorScheme: "dark" })
        const ground = () => page.evaluate<string>("getComputedStyle(document.documentElement).backgroundColor")
        yield* see(rowOf(page, "Worker"))
        const dark = yield* act(ground)
        yield* act(() => page.emulateMedia({ colorScheme: "light" }))
        const light = yield* act(ground)
        assert.notStrictEqual(light, dark)
        yield* act(() => page.keyboard.press("t"))
        yield* act(() => page.emulateMedia({ colorScheme: "dark" }))
        assert.strictEqual(yield* act(ground), light)
        yield* act(() => page.reload())
        yield* see(rowOf(page, "Worker"))
        assert.strictEqual(yield* act(ground), light)
      })
    )
  )

  it.live("asks for nothing while nobody sees it", () =>
    run(
      Effect.gen(function* () {
        yield* shop
        const { page, requests } = yield* open(yield* inspect())
        yield* see(page.getByText("live", { exact: true }))
        const asked = () => requests.filter((it) => it.endsWith("/state")).length
        yield* act(() => page.clock.install())
        const hide = (isHidden: boolean) =>
          act(() =>
            page.evaluate(`Object.defineProperty(document, "hidden", { configurable: true, value: ${isHidden} });
              document.dispatchEvent(new Event("visibilitychange"))`)
          )
        yield* hide(true)
        const before = asked()
        yield* act(() => page.clock.runFor(60_000))
        assert.isAtMost(asked(), before)
        yield* hide(false)
        yield* act(() => page.clock.runFor(100))
        yield* when(
          () => Promise.resolve(asked()),
          (count) => count > before
        )
      })
    )
  )

  it.live("comes back by itself when its host does, and says what it shows meanwhile", () =>
    Effect.gen(function* () {
      /** A host of its own at the port, with one actor of this name. */
      const host = (name: string, port: number) =>
        Effect.gen(function* () {
          const runtime = yield* Layer.build(Layer.orDie(Ryker.layerWith({ drainDeadline: 0 })))
          // The inspector first: it tells what happens from then on.
          return yield* serve(Inspector.layerRoutes(), port).pipe(
            Effect.tap(Effect.orDie(Actor.spawn(Worker, handlers, { ...options, name }))),
            Effect.provideContext(runtime)
          )
        })
      const first = yield* Scope.make()
      const url = `${yield* Scope.provide(host("Before", 0), first)}/ryker`
      const { forgive, page } = yield* open(url)
      forgive(/net::ERR_|Failed to load resource/)
      yield* see(rowOf(page, "Before"))
      yield* see(page.getByText("live", { exact: true }))
      yield* act(() => tab(page, "Events").click())
      yield* see(panel(page).getByText("Before"))
      yield* Scope.close(first, Exit.void)
      yield* see(page.getByText("reconnecting"))
      yield* see(page.getByText(/The host does not answer[\s\S]*What is shown is of \d\d:\d\d:\d\d/))
      yield* eventually(() => labels(page), ["Before"])
      yield* host("After", Number(new URL(url).port))
      yield* see(rowOf(page, "After"))
      yield* see(page.getByText("live", { exact: true }))
      yield* eventually(() => labels(page), ["After"])
      yield* see(panel(page).getByText("After"))
      // What the one before told stays.
      yield* see(panel(page).getByText("Before"))
    }).pipe(Effect.scoped, Effect.provide(Quiet))
  )

  for (const colorScheme of ["light", "dark"] as const) {
    it.live(`has no fault that axe knows of when it is ${colorScheme}`, () =>
      run(
        Effect.gen(function* () {
          const { accounts, worker } = yield* shop
          yield* tellTo(worker, "crash")
          yield* tellTo(accounts.get("ada"), "hang")
          yield* Actor.suspend(accounts.get("bob"))
          const { page } = yield* open(yield* inspect({ control: true, stuckAfter: "1 millis" }), { colorScheme })
          yield* see(rowOf(page, "ada").getByText("stuck"))
          yield* act(() => rowOf(page, "ada").click())
          for (const name of ["Definitions", "Waits", "Dead letters", "Events", "Settings"]) {
            yield* act(() => tab(page, name).click())
            assert.deepStrictEqual(yield* act(() => violationsOf(page)), [], name)
          }
          yield* act(() => actions(page, "Stop").click())
          assert.deepStrictEqual(yield* act(() => violationsOf(page)), [], "confirmation")
          yield* act(() => page.keyboard.press("Escape"))
          yield* act(() => page.keyboard.press("?"))
          assert.deepStrictEqual(yield* act(() => violationsOf(page)), [], "keys")
          yield* act(() => page.keyboard.press("Escape"))
          yield* act(() => page.setViewportSize({ width: 360, height: 640 }))
          yield* see(tab(page, "Actors"))
          assert.deepStrictEqual(yield* act(() => violationsOf(page)), [], "phone")
        })
      )
    )
  }
})
