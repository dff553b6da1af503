import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import {
  formatBytes,
  formatMillis,
  formatPlainMillis,
  parseBytes,
  parseFlag,
  parseMillis,
  parseWhole
} from "../../src/internal/units.ts"

const int = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))
const checks = { arbitrary: { runs: 300, size: 60 } }

/** What no unit of ours is: numbers alone, signs, exponents, other digits, other units, two of them. */
const rubbish = [
  "",
  " ",
  "s",
  "ms",
  "B",
  "-1ms",
  "+1ms",
  "-1B",
  "+1B",
  "1e3ms",
  "1e400",
  "1e400ms",
  "0x10ms",
  "0x10B",
  "1_000ms",
  "1,000B",
  "1.ms",
  ".5s",
  "1..5s",
  "1.5.5s",
  "10 parsecs",
  "1sec",
  "1 second",
  "1h",
  "1d",
  "1us",
  "1s 2ms",
  "1s2ms",
  "64KB",
  "64K",
  "64kB",
  "1MB",
  "1GiB",
  "1 Ki B",
  "1.5KiB",
  "NaN",
  "NaNms",
  "Infinity",
  "Infinityms",
  "∞s",
  "１s",
  "٣s",
  "1ſ",
  "1\u212AiB",
  "1s\u0000",
  "1s\n1s",
  "constructor",
  "__proto__"
]

describe("parseMillis", () => {
  it.each([
    ["0ms", 0],
    ["1ms", 1],
    ["250ms", 250],
    ["1s", 1_000],
    ["2m", 120_000],
    ["1.5s", 1_500],
    ["0.25ms", 0.25],
    ["0.5m", 30_000],
    ["007s", 7_000],
    ["1 s", 1_000],
    ["1\ts", 1_000],
    ["1S", 1_000],
    ["1MS", 1],
    ["1Ms", 1],
    ["1mS", 1],
    ["1M", 60_000]
  ])("reads %s as %d ms", (text, millis) => {
    assert.strictEqual(parseMillis(text), millis)
  })

  it("reads the decimal fraction that is written, not one beside it", () => {
    assert.strictEqual(parseMillis("1.001s"), 1_001)
    assert.strictEqual(parseMillis("1.005s"), 1_005)
    assert.strictEqual(parseMillis("4.35s"), 4_350)
  })

  it.each([...rubbish, "1", "1.5", "1KiB", "1B"])("reads %j as nothing", (text) => {
    assert.isUndefined(parseMillis(text))
  })

  it("reads what is too long for a number as nothing", () => {
    assert.isUndefined(parseMillis(`${"9".repeat(400)}ms`))
    assert.isUndefined(parseMillis(`${"9".repeat(306)}m`))
  })
})

describe("formatMillis", () => {
  it.each([
    [0, "0ms"],
    [1, "1ms"],
    [999, "999ms"],
    [1_000, "1s"],
    [1_001, "1001ms"],
    [59_000, "59s"],
    [60_000, "1m"],
    [90_000, "90s"],
    [86_400_000, "1440m"],
    [0.5, "0.5ms"],
    [Number.POSITIVE_INFINITY, "Infinity"]
  ])("writes %d in the largest unit of which it is a whole number", (millis, text) => {
    assert.strictEqual(formatMillis(millis), text)
  })

  it.prop(
    "writes what is read as the same, also parts of a millisecond",
    [int(0, 86_400_000 * 8)],
    ([eighths]) => assert.strictEqual(parseMillis(formatMillis(eighths / 8)), eighths / 8),
    checks
  )

  it("writes nothing that can be read of what is no duration", () => {
    for (const millis of [-1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      assert.isUndefined(parseMillis(formatMillis(millis)))
    }
  })
})

describe("formatPlainMillis", () => {
  it("writes whole milliseconds in digits alone, and parts of them with their unit", () => {
    assert.strictEqual(formatPlainMillis(5_000), "5000")
    assert.strictEqual(formatPlainMillis(1.5), "1.5ms")
  })
})

describe("parseBytes", () => {
  it.each([
    ["0B", 0],
    ["1B", 1],
    ["65536B", 65_536],
    ["64KiB", 65_536],
    ["64kib", 65_536],
    ["64KIB", 65_536],
    ["64kIb", 65_536],
    ["64 KiB", 65_536],
    ["1MiB", 1_048_576],
    ["1mib", 1_048_576],
    ["1b", 1]
  ])("reads %s as %d bytes", (text, bytes) => {
    assert.strictEqual(parseBytes(text), bytes)
  })

  it.each([...rubbish, "1", "1.5", "1ms", "1s", "1m"])("reads %j as nothing", (text) => {
    assert.isUndefined(parseBytes(text))
  })

  it("reads what cannot be counted exactly as nothing", () => {
    assert.strictEqual(parseBytes(`${Number.MAX_SAFE_INTEGER}B`), Number.MAX_SAFE_INTEGER)
    assert.isUndefined(parseBytes(`${2 ** 53}B`))
    assert.isUndefined(parseBytes(`${2 ** 43}KiB`))
  })
})

describe("formatBytes", () => {
  it.each([
    [0, "0B"],
    [1_023, "1023B"],
    [1_024, "1KiB"],
    [1_025, "1025B"],
    [65_536, "64KiB"],
    [1_048_576, "1MiB"],
    [1_049_600, "1025KiB"]
  ])("writes %d in the largest unit of which it is a whole number", (bytes, text) => {
    assert.strictEqual(formatBytes(bytes), text)
  })

  it.prop(
    "writes what is read as the same",
    [int(0, 2 ** 40)],
    ([bytes]) => assert.strictEqual(parseBytes(formatBytes(bytes)), bytes),
    checks
  )
})

describe("parseWhole", () => {
  it.each([
    ["0", 0],
    ["256", 256],
    ["+5", 5],
    ["-5", -5],
    ["007", 7],
    ["9007199254740991", Number.MAX_SAFE_INTEGER]
  ])("reads %s", (text, value) => {
    assert.strictEqual(parseWhole(text), value)
  })

  it.each([...rubbish, "1.0", "1.5", "1e3", "1e400", "0x10", "9007199254740992", "1 000", "--1", "+-1", "1n", "true"])(
    "reads %j as nothing",
    (text) => {
      assert.isUndefined(parseWhole(text))
    }
  )
})

describe("parseFlag", () => {
  it.each(["true", "TRUE", "True", "yes", "YES", "on", "On", "1"])("reads %s as true", (text) => {
    assert.isTrue(parseFlag(text))
  })

  it.each(["false", "FALSE", "False", "no", "NO", "off", "Off", "0"])("reads %s as false", (text) => {
    assert.isFalse(parseFlag(text))
  })

  it.each([...rubbish, "2", "-1", "t", "y", "truee", "null", "undefined", "toString", "hasOwnProperty"])(
    "reads %j as nothing",
    (text) => {
      assert.isUndefined(parseFlag(text))
    }
  )
})
