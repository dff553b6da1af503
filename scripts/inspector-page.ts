// Bundles the inspector's page into src/inspector/internal/assets.generated.ts, from where the build takes it into the package.
import { transform } from "lightningcss"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { rolldown } from "rolldown"

const root = join(import.meta.dirname, "..")
const page = join(root, "src/inspector/page")
const target = join(root, "src/inspector/internal/assets.generated.ts")

/** Preact's licence wants to be in all copies of it. */
const banner = `/*! With Preact:\n${readFileSync(join(root, "node_modules/preact/LICENSE"), "utf8").trim()}\n*/`

const bundleScript = async (): Promise<string> => {
  const bundle = await rolldown({
    input: join(page, "main.tsx"),
    platform: "browser",
    tsconfig: join(page, "tsconfig.json"),
    // A warning here would be a mistake in the page: an import that resolves to nothing, most likely.
    onLog: (level, log) => {
      if (level === "warn") throw new Error(log.message)
    }
  })
  const { output } = await bundle.generate({ format: "es", minify: true, comments: false, postBanner: banner })
  await bundle.close()
  if (output.length !== 1) throw new Error(`the page must be one script, and is ${output.length} files`)
  return output[0].code
}

const bundleStyle = (): string => {
  const filename = join(page, "style.css")
  const { code, warnings } = transform({ filename, code: readFileSync(filename), minify: true })
  if (warnings.length > 0) throw new Error(warnings.map(({ message }) => message).join("\n"))
  return code.toString()
}

const declare = (name: string, doc: string, value: string) =>
  `/** ${doc} */\nexport const ${name}: string =\n  ${JSON.stringify(value)}\n`

/** Writes the file unless it is that already, and gives the number of bytes that a browser loads. */
export const bundlePage = async (): Promise<{
  readonly page: number
  readonly script: number
  readonly style: number
}> => {
  const assets = {
    page: readFileSync(join(page, "index.html"), "utf8")
      .replace(/\s*\n\s*/g, " ")
      .replaceAll("> <", "><"),
    script: await bundleScript(),
    style: bundleStyle()
  }
  const source = [
    "// Written by scripts/inspector-page.ts.\n",
    declare(
      "page",
      "Wherever it has `%base%` comes what leads from the page's own address to its files: `ryker/` for a page at `/ryker`, escaped.",
      assets.page
    ),
    declare("script", "`app.js`, a module. It finds the other routes beside itself.", assets.script),
    declare("style", "`app.css`.", assets.style)
  ].join("\n")
  mkdirSync(dirname(target), { recursive: true })
  if (!existsSync(target) || readFileSync(target, "utf8") !== source) writeFileSync(target, source)
  const { page: html, script, style } = assets
  return { page: Buffer.byteLength(html), script: Buffer.byteLength(script), style: Buffer.byteLength(style) }
}

if (import.meta.main) {
  const sizes = await bundlePage()
  const total = sizes.page + sizes.script + sizes.style
  console.log(`inspector page: ${total} bytes (script ${sizes.script}, style ${sizes.style}, page ${sizes.page})`)
}
