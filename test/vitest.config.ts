import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "threads",
    // Tests must not lean on each other's order; the seed is printed, and `--sequence.seed` repeats a run.
    sequence: { shuffle: true },
    coverage: {
      include: ["src/**/*.ts"],
      reporter: ["text"]
    }
  }
})
