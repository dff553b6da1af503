// The tests of what is mutated, alone: a mutant that only distant tests notice is one that its own tests miss.
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/{Backoff,RestartWindow,Deadline,Mailbox}.test.ts", "test/internal/mailboxCore.test.ts"],
    pool: "threads"
  }
})
