import { assert, describe, it } from "@effect/vitest"
import * as Equal from "effect/Equal"
import * as Schema from "effect/Schema"
import { inspect, types } from "node:util"
import { copiesOf } from "../../src/internal/errors.ts"
import { Busy } from "../../src/RykerError.ts"

describe("copiesOf", () => {
  const made = () => new Busy({ actor: "a", limit: "mailbox", capacity: 3 })

  it("makes errors that are like one that was built, each its own", () => {
    const copy = copiesOf(made())
    const [first, second] = [copy(), copy()]
    assert.notStrictEqual(first, second)
    for (const error of [first, second]) {
      assert.instanceOf(error, Busy)
      assert.isTrue(types.isNativeError(error))
      assert.isTrue(Schema.is(Busy)(error))
      assert.isTrue(Equal.equals(error, made()))
      assert.strictEqual(error.message, made().message)
      assert.deepStrictEqual(JSON.parse(JSON.stringify(error)), JSON.parse(JSON.stringify(made())))
      assert.deepStrictEqual(Schema.encodeSync(Busy)(error), Schema.encodeSync(Busy)(made()))
      assert.notInclude(error.stack ?? "", "\n    at ")
      assert.notInclude(inspect(error), "plainArgs")
    }
  })

  it("makes errors that do not show what was written to another", () => {
    const copy = copiesOf(made())
    Object.assign(copy(), { status: 503, capacity: 4 })
    assert.notProperty(copy(), "status")
    assert.strictEqual(copy().capacity, 3)
  })
})
