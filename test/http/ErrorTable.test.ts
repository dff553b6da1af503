import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { readFileSync } from "node:fs"
import { ErrorTable } from "../../src/http/index.ts"
import { RykerError } from "../../src/index.ts"

const { Busy, Crashed, Deadlock, InvalidMessage, Stopped, Timeout, TooLarge } = RykerError
const classes = { Busy, TooLarge, Timeout, Crashed, Stopped, Deadlock, InvalidMessage }
const rows = Object.entries(ErrorTable.table)

describe("the table", () => {
  it("has the codes of the contract", () => {
    assert.deepStrictEqual(
      rows.map(([tag, { grpc, retryAfter, status }]) => [tag, status, grpc.name, grpc.code, retryAfter]),
      [
        ["Busy", 429, "RESOURCE_EXHAUSTED", 8, true],
        ["TooLarge", 413, "RESOURCE_EXHAUSTED", 8, false],
        ["Timeout", 504, "DEADLINE_EXCEEDED", 4, false],
        ["Crashed", 500, "INTERNAL", 13, false],
        ["Stopped", 503, "UNAVAILABLE", 14, true],
        ["Deadlock", 500, "INTERNAL", 13, false],
        ["InvalidMessage", 400, "INVALID_ARGUMENT", 3, false]
      ]
    )
  })

  it("has the statuses that the errors carry for HttpApi", () => {
    for (const [tag, class_] of Object.entries(classes)) {
      const annotations = Schema.resolveAnnotations(class_)
      assert.strictEqual(annotations?.["httpApiStatus"], ErrorTable.table[tag as keyof typeof classes].status, tag)
    }
  })

  it("has a type for each error that no other has", () => {
    assert.strictEqual(new Set(rows.map(([, { type }]) => type)).size, rows.length)
  })

  it.each(["docs/guides/http.md", "src/http/ErrorTable.ts"])("is what %s says", (path) => {
    const lines = readFileSync(path, "utf8").split("\n")
    const found = lines
      .map((line) => line.replace(/^ \* /, ""))
      .flatMap(
        (line) =>
          /^\| `(\w+)` *\| (\d{3}) *\| `(\w+)` \((\d+)\) *\| (yes|no) *\|/.exec(line)?.slice(1, 6).join(" ") ?? []
      )
    assert.deepStrictEqual(
      found,
      rows.map(([tag, { grpc, retryAfter, status }]) =>
        [tag, status, grpc.name, grpc.code, retryAfter ? "yes" : "no"].join(" ")
      )
    )
  })
})

describe("an error", () => {
  it("is told by its class, not by its tag", () => {
    class Own extends Schema.TaggedError<Own>("test/Busy")("Busy", {}) {}
    assert.isFalse(ErrorTable.isSendError(new Own()))
    const busy = new Busy({ actor: "A", limit: "mailbox", capacity: 1 })
    assert.isTrue(ErrorTable.isSendError(busy))
    assert.strictEqual(ErrorTable.statusOf(busy), 429)
    assert.strictEqual(ErrorTable.grpcOf(busy).code, 8)
  })
})
