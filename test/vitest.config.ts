import { defineConfig } from "vitest/config"

/** What each file of these must have: they hold messages, decide on restarts, or read what operators wrote. */
const careful = { lines: 95, perFile: true }

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // The sources import what it writes.
    globalSetup: ["test/inspector/page.setup.ts"],
    pool: "threads",
    // Tests must not lean on each other's order; the seed is printed, and `--sequence.seed` repeats a run.
    sequence: { shuffle: true },
    coverage: {
      include: ["src/**/*.ts"],
      exclude: ["src/inspector/page/browser/**", "src/**/*.generated.ts"],
      reporter: [["text", { maxCols: 120 }]],
      thresholds: {
        lines: 90,
        "src/{Mailbox,Deadline}.ts": careful,
        "src/internal/{actorCell,admission,envelope,mailboxCore,send,sizer,timers}.ts": careful,
        "src/{Supervisor,Backoff,RestartWindow}.ts": careful,
        "src/internal/{adoption,closing,lifecycle,observers,ownLife,status,stopping,supervision,watching}.ts": careful,
        "src/RykerConfig.ts": careful,
        "src/internal/{changes,config*,nearest,options,reload*,settings,units}.ts": careful
      }
    }
  }
})
