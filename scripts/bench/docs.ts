// Writes the tables of docs/performance.md, the picture beside it and the lines in the README from scripts/bench/results.
//
// With --check it changes nothing, and fails when they differ from what the results say.
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { between, writeOrCheck } from "../generated.ts"
import { render } from "./page.ts"
import { read } from "./results.ts"

const page = "docs/performance.md"
const readme = "README.md"

const { picture, sections, summary } = render(globSync(join(import.meta.dirname, "results", "*.json")).map(read))

const text = Object.entries(sections).reduce(
  (text, [name, content]) => between(page, text, `bench-${name}`, content),
  readFileSync(page, "utf8")
)

writeOrCheck(
  new Map([
    [page, text],
    [readme, between(readme, readFileSync(readme, "utf8"), "bench", summary)],
    ...(picture === undefined ? [] : [["docs/performance-scale.svg", picture] as const])
  ]),
  "bench-docs"
)
