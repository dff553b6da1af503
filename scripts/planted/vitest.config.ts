// The plain test suite with one fault planted, for `main.ts --unit`.
import { configDefaults, defineConfig, mergeConfig } from "vitest/config"
import base from "../../test/vitest.config.ts"
import { faults, plant } from "./faults.ts"

// Not RYKER_...: the tests of configuration refuse a name that they do not know.
const fault = faults.find(({ name }) => name === process.env["PLANTED_FAULT"])
if (fault === undefined) throw new Error("PLANTED_FAULT names no fault")

export default mergeConfig(
  base,
  defineConfig({
    plugins: [
      {
        name: "plant",
        enforce: "pre",
        transform: (source, id) => (id.endsWith(`/src/${fault.file}`) ? plant(source, fault) : undefined)
      }
    ],
    test: {
      // It would hand the source with one fault to the run with the next.
      fsModuleCache: false,
      exclude: [...configDefaults.exclude, "test/explore/**", "test/testing/**"]
    }
  })
)
