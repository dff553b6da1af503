/** What scripts write into pages, and the check that it is still what they would write. */
import { execFileSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"

/** A table in Markdown. */
export const table = (titles: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [titles, titles.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n")

/** The text with what stands between its two markers of that name replaced. */
export const between = (file: string, text: string, name: string, content: string): string => {
  const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`]
  const [start, stop] = [text.indexOf(begin), text.indexOf(end)]
  if (start < 0 || stop < start) throw new Error(`${file} must hold ${begin} and ${end}`)
  return `${text.slice(0, start + begin.length)}\n\n${content}\n\n${text.slice(stop)}`
}

/** Writes the files as the formatter has them, or with `--check` only says which of them differ, and fails. */
export const writeOrCheck = (wanted: ReadonlyMap<string, string>, command: string): void => {
  const folder = mkdtempSync(join("docs", ".generated-"))
  try {
    for (const [file, content] of wanted) {
      const draft = join(folder, basename(file))
      writeFileSync(draft, content)
      // It knows no pictures.
      if (!file.endsWith(".svg")) execFileSync("oxfmt", [draft])
      const formatted = readFileSync(draft, "utf8")
      if (!process.argv.includes("--check")) writeFileSync(file, formatted)
      else if (!existsSync(file) || formatted !== readFileSync(file, "utf8")) {
        console.error(`${file} is out of date: run npm run ${command}`)
        process.exitCode = 1
      }
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
