/** Debian's Chromium, or the one that the variable `CHROMIUM` names, and a page in it that notes whatever it should not do. */
import { assert } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import axe, { type AxeResults } from "axe-core"
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from "playwright-core"

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const executable =
  process.env["CHROMIUM"] ??
  (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, "chromium"))
    .find(isExecutable)

export const isCi = process.env["CI"] !== undefined && process.env["CI"] !== "false"

const why = "there is no Chromium: bash scripts/install-chromium.sh, or name one in CHROMIUM"

/** Without a browser the tests that need one are left out, and say why; in CI they fail. */
export const isLeftOut = executable === undefined && !isCi

if (isLeftOut) console.warn(`Tests of the inspector's page are left out, as ${why}`)

/** Started by the first test of a file, and shared by all: a start takes a second. */
let started: Promise<Browser> | undefined

const start = (): Promise<Browser> => {
  if (executable === undefined) throw new Error(why)
  return (started ??= chromium.launch({
    executablePath: executable,
    // Chromium's own sandbox refuses root, who CI's containers most often are.
    chromiumSandbox: process.getuid?.() !== 0
  }))
}

export const closeBrowser = async (): Promise<void> => (await started)?.close()

export interface Watched {
  readonly page: Page
  /** What the page asked for, with the method. */
  readonly requests: ReadonlyArray<string>
  /** Errors that the test itself has brought about, such as those of a host that is gone. */
  readonly forgive: (pattern: RegExp) => void
}

/**
 * A page of its own at the URL. At the end of the test it must not have written an error to the console, thrown, broken the content
 * security policy, or asked another host for anything.
 */
export const open = (url: string, options: BrowserContextOptions = {}): Effect.Effect<Watched, never, Scope.Scope> =>
  Effect.gen(function* () {
    const context = yield* Effect.acquireRelease(
      Effect.promise(async () => (await start()).newContext({ viewport: { width: 1280, height: 800 }, ...options })),
      (context) => Effect.promise(() => context.close())
    )
    const page = yield* Effect.promise(() => context.newPage())
    page.setDefaultTimeout(20_000)
    const faults: Array<string> = []
    const forgiven: Array<RegExp> = []
    const requests: Array<string> = []
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") faults.push(`console: ${message.text()}`)
    })
    page.on("pageerror", (error) => faults.push(`thrown: ${error.stack ?? error.message}`))
    page.on("request", (request) => {
      requests.push(`${request.method()} ${request.url()}`)
      const { host, protocol } = new URL(request.url())
      if (protocol !== "data:" && host !== new URL(url).host) faults.push(`it asked ${request.url()}`)
    })
    page.on("dialog", (dialog) => {
      faults.push(`a dialog of its own: ${dialog.message()}`)
      void dialog.dismiss()
    })
    yield* Effect.addFinalizer(() =>
      Effect.sync(() =>
        assert.deepStrictEqual(
          faults.filter((fault) => !forgiven.some((pattern) => pattern.test(fault))),
          []
        )
      )
    )
    yield* Effect.promise(() => page.goto(url))
    return { page, requests, forgive: (pattern) => forgiven.push(pattern) }
  })

/** A step in the browser. */
export const act = <A>(step: () => Promise<A>): Effect.Effect<A> => Effect.promise(step)

/** Waits until the element is there and can be seen. */
export const see = (locator: Locator): Effect.Effect<void> => act(() => locator.first().waitFor())

/** Waits until what is read is so; after a while what is read last must be. */
export const when = <A>(read: () => Promise<A>, holds: (value: A) => boolean): Effect.Effect<A> =>
  Effect.gen(function* () {
    for (let attempt = 0; attempt < 500; attempt++) {
      const value = yield* act(read)
      if (holds(value)) return value
      yield* Effect.sleep(20)
    }
    const value = yield* act(read)
    assert.isTrue(holds(value), `it is still ${JSON.stringify(value)}`)
    return value
  })

/** Waits until what is read is this. */
export const eventually = <A>(read: () => Promise<A>, expected: A): Effect.Effect<A> =>
  when(read, (value) => JSON.stringify(value) === JSON.stringify(expected))

/** How many colours a picture has: one is a blank page. */
export const countColours = (page: Page, png: Buffer): Promise<number> =>
  // As text: these files know no document.
  page.evaluate<number>(`(async () => {
    const image = new Image()
    image.src = "data:image/png;base64,${png.toString("base64")}"
    await image.decode()
    const canvas = new OffscreenCanvas(image.width, image.height)
    const drawing = canvas.getContext("2d")
    drawing.drawImage(image, 0, 0)
    return new Set(new Uint32Array(drawing.getImageData(0, 0, image.width, image.height).data.buffer)).size
  })()`)

/** What axe finds wrong, in words. */
export const violationsOf = async (page: Page): Promise<ReadonlyArray<string>> => {
  await page.evaluate(axe.source)
  const { passes, violations } = await page.evaluate<AxeResults>("axe.run()")
  assert.isTrue(
    passes.some(({ id, nodes }) => id === "color-contrast" && nodes.length > 3),
    "axe has looked at hardly anything"
  )
  return violations.flatMap(({ help, id, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html.slice(0, 200)}`))
}
