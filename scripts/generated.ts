/** What scripts have in common that write documentation from the code. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"

/** A table in Markdown. */
export const table = (titles: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [titles, titles.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n")

/** The page with `content` between the marks of that name. */
export const between = (page: string, mark: string, content: string): string => {
  const [begin, end] = [`<!-- ${mark}:begin -->`, `<!-- ${mark}:end -->`]
  const text = readFileSync(page, "utf8")
  const [start, stop] = [text.indexOf(begin), text.indexOf(end)]
  if (start < 0 || stop < start) throw new Error(`${page} must hold ${begin} and ${end}`)
  return `${text.slice(0, start + begin.length)}\n\n${content}\n\n${text.slice(stop)}`
}

/** Writes the files; with --check it changes nothing, and fails when they differ. `command` is what would write them. */
export const writeOrCheck = (files: ReadonlyMap<string, string>, command: string): void => {
  // As the formatter has it, so that its check and this one agree.
  const folder = mkdtempSync(join("docs", ".generated-"))
  try {
    for (const [file, content] of files) {
      const draft = join(folder, basename(file))
      writeFileSync(draft, content)
      execFileSync("oxfmt", [draft])
      const formatted = readFileSync(draft, "utf8")
      if (!process.argv.includes("--check")) writeFileSync(file, formatted)
      else if (formatted !== readFileSync(file, "utf8")) {
        console.error(`${file} is not what src/ says: run ${command}`)
        process.exitCode = 1
      }
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
