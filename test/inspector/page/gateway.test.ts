/** The inspector of the example gateway, which runs as a process of its own. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync } from "node:fs"
import { startGateway } from "../../../scripts/gateway/service.ts"
import { act, closeBrowser, countColours, eventually, isCi, isLeftOut, open, see, violationsOf } from "./browser.ts"

afterAll(closeBrowser)

/** The example is a program that has ryker installed. */
const isBuilt = existsSync("dist/inspector/index.js")

if (!isBuilt) console.warn("The test of the gateway's inspector is left out, as ryker is not built: npm run build")

const gateway = Effect.acquireRelease(
  Effect.promise(() => startGateway({ LAST_SCRAPE: "0 seconds" })),
  ({ child }) =>
    Effect.promise(async () => {
      child.signal("SIGKILL")
      await child.ended()
    })
)

describe.skipIf(isLeftOut || (!isBuilt && !isCi))("the gateway's inspector", { timeout: 120_000 }, () => {
  it.live("shows its tree, and a crash and the restart when they happen", () =>
    Effect.gen(function* () {
      const service = yield* gateway
      const { page } = yield* open(`${service.url}/ryker`)
      const tree = page.getByRole("treegrid")
      const row = (label: string) =>
        tree.getByRole("row").filter({ has: page.locator(".label").getByText(label, { exact: true }) })
      for (const label of ["Gateway", "Billing", "Tills"]) yield* see(row(label).getByText("running"))

      yield* act(() => page.getByRole("tab", { name: "Events" }).click())
      yield* act(() => service.bank({ crashRate: 1, latency: 0 }))
      assert.strictEqual((yield* act(() => service.order())).status, 500)
      yield* act(() => service.bank({ crashRate: 0, latency: 0 }))
      const events = page.getByRole("table", { name: "Events" }).getByRole("row")
      const crash = events.filter({ hasText: "actor.crashed" })
      yield* see(crash)
      const address = yield* act(() => crash.first().locator(".c-name").innerText())
      yield* see(events.filter({ hasText: "actor.restarting" }).filter({ hasText: address }))
      yield* see(
        events.filter({ hasText: "actor.started" }).filter({ hasText: address }).filter({ hasText: "incarnation 2" })
      )
      const crashed = tree.locator(`[title="${address}"]`).locator("..")
      yield* eventually(() => crashed.locator(".c-restarts").innerText(), "1")
      yield* see(crashed.getByText("running"))
      assert.strictEqual((yield* act(() => service.order())).status, 201)

      const picture = yield* act(() => page.screenshot())
      assert.isAbove(yield* act(() => countColours(page, picture)), 50)
      yield* act(() => page.keyboard.press("1"))
      yield* act(() => page.keyboard.press("ArrowDown"))
      yield* act(() => page.keyboard.press("Enter"))
      yield* see(page.getByRole("region", { name: "Details" }))
      assert.deepStrictEqual(yield* act(() => violationsOf(page)), [])
    })
  )
})
