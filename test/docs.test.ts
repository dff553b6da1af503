/** The pages that name tests name such as there are. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, globSync, readFileSync } from "node:fs"

/** Every test file that a page names, with the names of tests or groups of it that stand before. */
const references = (page: string) =>
  Array.from(
    page.replaceAll(/\s+/g, " ").matchAll(/((?:"[^"]+"(?:, | and |, and )?)*)(?: in )?`(test\/[\w/.]+\.ts)`/g),
    ([, names, file]) => ({
      file: file!,
      names: Array.from(names!.matchAll(/"([^"]+)"/g), ([, name]) => name!)
    })
  )

describe("the tests that a page names", () => {
  for (const path of globSync("docs/**/*.md")) {
    const found = references(readFileSync(path, "utf8"))
    if (found.length === 0) continue
    it(`${path} are there`, () => {
      const missing = found.flatMap(({ file, names }) => {
        if (!existsSync(file)) return [file]
        const source = readFileSync(file, "utf8").replaceAll(/\s+/g, " ")
        // A name may go on, and may hold what is filled in.
        return names.filter((name) => !source.includes(name)).map((name) => `"${name}" in ${file}`)
      })
      assert.deepStrictEqual(missing, [])
    })
  }

  it("include those of the page on semantics", () => {
    assert.isAbove(references(readFileSync("docs/semantics.md", "utf8")).length, 50)
  })
})
