// Type-checks and runs every ```ts example of the README, of docs/ and of the doc comments in src/.
//
// What a block prints must be its `// => value` comments, line by line and in order; a block without such a comment
// only has to run. A block marked "ts no-run" is only compiled. Other fences are left alone.
import { execFile } from "node:child_process"
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"

const run = promisify(execFile)

/** Inside the repository, so that `ryker` resolves to the built package itself. */
const folder = ".doc-examples"
const timeLimitMillis = 20_000

interface Example {
  readonly source: string
  /** The line of the fence. */
  readonly line: number
  /** The file the block is written to. */
  readonly file: string
  readonly code: ReadonlyArray<string>
  readonly isRun: boolean
}

/** The lines of a Markdown file as they are; of a TypeScript file the doc comments' text, with all else blank. */
const proseOf = (source: string): ReadonlyArray<string> => {
  const lines = readFileSync(source, "utf8").split("\n")
  if (!source.endsWith(".ts")) return lines
  let inComment = false
  return lines.map((line) => {
    inComment ||= /^\s*\/\*\*/.test(line)
    const text = inComment ? line.replace(/^\s*(?:\/\*\*|\*(?!\/)) ?/, "") : ""
    if (line.includes("*/")) inComment = false
    return text
  })
}

const examplesOf = (source: string): ReadonlyArray<Example> => {
  const examples: Array<Example> = []
  const lines = proseOf(source)
  for (let open = 0; open < lines.length; open++) {
    const info = /^\s*```(.*)$/.exec(lines[open]!)?.[1]?.trim()
    if (info === undefined) continue
    const close = lines.findIndex((line, index) => index > open && /^\s*```\s*$/.test(line))
    if (close < 0) throw new Error(`${source}:${open + 1} opens a fence that nothing closes`)
    if (info === "ts" || info === "ts no-run") {
      examples.push({
        source,
        line: open + 1,
        file: `${source.replaceAll(/[\\/]/g, "__")}.${open + 1}.ts`,
        code: lines.slice(open + 1, close),
        isRun: info === "ts"
      })
    }
    open = close
  }
  return examples
}

/** Compiles all examples at once. Gives the compiler's words for each file that has an error. */
const compile = async (examples: ReadonlyArray<Example>): Promise<Map<string, string>> => {
  rmSync(folder, { force: true, recursive: true })
  mkdirSync(folder)
  for (const { code, file, line } of examples) {
    // Blank lines on top: an error has the line that the reader of the source sees.
    writeFileSync(join(folder, file), "\n".repeat(line) + code.join("\n") + "\n")
  }
  const options = { declaration: false, declarationMap: false, noUnusedLocals: false }
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ extends: "../tsconfig.json", compilerOptions: options, include: ["*.ts"] })
  )
  const tsc = join("node_modules", "typescript", "bin", "tsc")
  const output = await run(process.execPath, [tsc, "--project", folder, "--pretty", "false"]).then(
    () => "",
    (error: Error & { stdout: string; stderr: string }) => error.stdout + error.stderr || error.message
  )
  const errors = new Map<string, string>()
  for (const error of output.split(/\n(?=\S)/).filter((text) => text !== "")) {
    const example = examples.find(({ file }) => error.includes(`${file}(`))
    if (example === undefined) throw new Error(`tsc: ${output}`)
    const text = error.slice(error.indexOf(example.file) + example.file.length).trimEnd()
    errors.set(example.file, [errors.get(example.file), example.source + text].filter(Boolean).join("\n"))
  }
  return errors
}

/** Runs one example. Gives what is wrong, if anything is. */
const execute = async ({ code, file }: Example): Promise<string | undefined> => {
  const expected = code.flatMap((line) => /\/\/\s*=>\s?(.*)$/.exec(line)?.[1]?.trimEnd() ?? [])
  try {
    const { stdout } = await run(process.execPath, [join(folder, file)], {
      env: { ...process.env, FORCE_COLOR: "0" },
      // An example may answer a gentler signal with a graceful stop.
      killSignal: "SIGKILL",
      timeout: timeLimitMillis
    })
    const printed = stdout === "" ? [] : stdout.replace(/\n$/, "").split("\n")
    const isSame = printed.length === expected.length && printed.every((line, index) => line === expected[index])
    if (expected.length === 0 || isSame) return undefined
    return ["expected", ...expected.map((line) => `  ${line}`), "printed", ...printed.map((line) => `  ${line}`)].join(
      "\n"
    )
  } catch (error) {
    const { killed, stderr } = error as { killed: boolean; stderr: string }
    return killed ? `still running after ${timeLimitMillis} ms` : `failed\n${stderr.trimEnd()}`
  }
}

const examples = ["README.md", "docs/**/*.md", "src/**/*.ts"].flatMap((pattern) =>
  globSync(pattern).toSorted().flatMap(examplesOf)
)
if (examples.length === 0) throw new Error("No example was found")

const failures = await compile(examples)
const queue = examples.filter(({ file, isRun }) => isRun && !failures.has(file))
const worker = async () => {
  for (let example = queue.shift(); example !== undefined; example = queue.shift()) {
    const failure = await execute(example)
    if (failure !== undefined) failures.set(example.file, failure)
  }
}
await Promise.all(Array.from({ length: availableParallelism() }, worker))

for (const { file, line, source } of examples) {
  if (failures.has(file)) console.error(`${source}:${line} ${failures.get(file)}\n`)
}
console.log(`${examples.length - failures.size} passed, ${failures.size} failed`)
process.exitCode = failures.size > 0 ? 1 : 0
