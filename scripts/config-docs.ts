// Writes what the documentation says of the settings: docs/ryker.config.schema.json and the table in docs/configuration.md.
//
// With --check it changes nothing, and fails when they differ from the schema in src/.
import { RykerConfig } from "ryker"
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"

const page = "docs/configuration.md"
const schema = "docs/ryker.config.schema.json"
const [begin, end] = ["<!-- config:begin -->", "<!-- config:end -->"]

const table = [
  "| key | environment | default | allowed | class | what it is for |",
  "| --- | --- | --- | --- | --- | --- |",
  ...RykerConfig.keys.map((key) => {
    const names = [key.environment, ...(key.deprecated === undefined ? [] : [`${key.deprecated} (deprecated)`])]
    const cells = [`\`${key.key}\``, names.map((name) => `\`${name}\``).join(", "), key.default, key.valid, key.class]
    return `| ${[...cells, key.description].join(" | ")} |`
  })
].join("\n")

const text = readFileSync(page, "utf8")
const [start, stop] = [text.indexOf(begin), text.indexOf(end)]
if (start < 0 || stop < start) throw new Error(`${page} must hold ${begin} and ${end}`)

const wanted = new Map([
  [page, `${text.slice(0, start + begin.length)}\n\n${table}\n\n${text.slice(stop)}`],
  [schema, JSON.stringify(RykerConfig.jsonSchema, null, 2)]
])

// As the formatter has it, so that its check and this one agree.
const folder = mkdtempSync(join("docs", ".config-"))
try {
  for (const [file, content] of wanted) {
    const draft = join(folder, basename(file))
    writeFileSync(draft, content)
    execFileSync("oxfmt", [draft])
    const formatted = readFileSync(draft, "utf8")
    if (!process.argv.includes("--check")) writeFileSync(file, formatted)
    else if (formatted !== readFileSync(file, "utf8")) {
      console.error(`${file} is not what src/ says: run npm run config-docs`)
      process.exitCode = 1
    }
  }
} finally {
  rmSync(folder, { recursive: true })
}
