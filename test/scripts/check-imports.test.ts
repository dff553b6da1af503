import { assert, describe, it } from "@effect/vitest"
import { check } from "../../scripts/check-imports.ts"

/** Checks a source tree written as one text for each file. */
const checkFiles = (files: Record<string, string>) => check(new Map(Object.entries(files)))

describe("check-imports", () => {
  it("imports that go down are accepted", () => {
    assert.deepStrictEqual(
      checkFiles({
        "Backoff.ts": `import * as Duration from "effect/Duration"\n`,
        "Mailbox.ts": `import { Busy } from "./RykerError.ts"\n`,
        "http/Server.ts": `import * as HttpServer from "effect/http/HttpServer"\nimport * as Actor from "../Actor.ts"\n`,
        "internal/protocol.ts": `import * as Rpc from "effect/rpc/Rpc"\n`
      }),
      []
    )
  })

  it("a value import of a layer above is refused", () => {
    assert.deepStrictEqual(checkFiles({ "Mailbox.ts": `\nimport * as Actor from "./Actor.ts"\n` }), [
      "src/Mailbox.ts:2 imports ./Actor.ts: it belongs to a layer above"
    ])
  })

  it("a type import of a layer above is accepted", () => {
    assert.deepStrictEqual(checkFiles({ "internal/loop.ts": `import type * as Actor from "../Actor.ts"\n` }), [])
  })

  it("a core file that imports an integration is refused, also for a type", () => {
    assert.deepStrictEqual(checkFiles({ "index.ts": `export type { Server } from "./http/Server.ts"\n` }), [
      "src/index.ts:1 imports ./http/Server.ts: the core doesn't import an integration"
    ])
  })

  it("a cycle of value imports is refused", () => {
    assert.deepStrictEqual(
      checkFiles({
        "Ryker.ts": `import * as Actor from "./Actor.ts"\n`,
        "Actor.ts": `import {\n  lookup\n} from "./Keyed.ts"\n`,
        "Keyed.ts": `export * from "./Ryker.ts"\n`
      }),
      ["src/Keyed.ts:1 imports ./Ryker.ts: a cycle, Ryker.ts -> Actor.ts -> Keyed.ts -> Ryker.ts"]
    )
  })

  it("a cycle that a type import closes is accepted", () => {
    assert.deepStrictEqual(
      checkFiles({
        "Ryker.ts": `import * as Actor from "./Actor.ts"\n`,
        "Actor.ts": `import type * as Ryker from "./Ryker.ts"\n`
      }),
      []
    )
  })

  it("effect/rpc outside internal/protocol.ts is refused", () => {
    assert.deepStrictEqual(
      checkFiles({ "Actor.ts": `import type * as Rpc from "effect/rpc/Rpc"\nconst rpc = import("effect/rpc")\n` }),
      [
        "src/Actor.ts:1 imports effect/rpc/Rpc: effect/rpc is unstable: one file touches it",
        "src/Actor.ts:2 imports effect/rpc: effect/rpc is unstable: one file touches it"
      ]
    )
  })

  it("a pure policy that imports another file of ours is refused", () => {
    assert.deepStrictEqual(
      checkFiles({
        "Backoff.ts": `import type { Busy } from "./RykerError.ts"\n`,
        "RestartWindow.ts": `import * as Backoff from "./Backoff.ts"\n`
      }),
      ["src/Backoff.ts:1 imports ./RykerError.ts: a pure policy imports nothing of ours but pure policies"]
    )
  })

  it("an unstable package in the core is refused", () => {
    for (const name of ["cluster", "http", "observability", "cli", "encoding"]) {
      assert.deepStrictEqual(checkFiles({ "Ryker.ts": `import "effect/${name}"\n` }), [
        `src/Ryker.ts:1 imports effect/${name}: unstable and optional: only integrations need it`
      ])
    }
  })

  it("a file without a layer is refused", () => {
    assert.deepStrictEqual(checkFiles({ "Stray.ts": "" }), [
      "src/Stray.ts:1 belongs to no layer: give it one in scripts/check-imports.ts"
    ])
  })

  it("an import in a comment is not an import", () => {
    assert.deepStrictEqual(
      checkFiles({ "Mailbox.ts": `/**\n * import * as Actor from "./Actor.ts"\n * import("./Actor.ts")\n */\n` }),
      []
    )
  })
})
