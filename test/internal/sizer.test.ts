import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { fromSchema } from "../../src/internal/sizer.ts"

class Note extends Schema.Class<Note>("test/Note")({
  text: Schema.String.check(Schema.isMaxLength(10)),
  at: Schema.Date
}) {}

class Overdrawn extends Schema.TaggedError<Overdrawn>("test/Overdrawn")("Overdrawn", { short: Schema.Finite }) {}

interface Tree {
  readonly label: string
  readonly children: ReadonlyArray<Tree>
}
const Tree: Schema.Codec<Tree> = Schema.Struct({
  label: Schema.String,
  children: Schema.Array(Schema.suspend(() => Tree))
})

const short = Schema.String.check(Schema.isMaxLength(10))
const boundOf = (schema: Schema.Top): number => fromSchema(schema).bound
const sizeOf = (value: unknown, schema: Schema.Top = Schema.Unknown, limit = Infinity): number =>
  fromSchema(schema).measure(value, limit)

/** Schemas with a bound, and the bound by hand. */
const boundedSchemas = {
  number: [Schema.Number, 8],
  int: [Schema.Int, 8],
  boolean: [Schema.Boolean, 1],
  null: [Schema.Null, 0],
  void: [Schema.Void, 0],
  date: [Schema.Date, 8],
  literals: [Schema.Literals(["a", "é", 7, "four"]), 8],
  enum: [Schema.Enum({ A: "alpha", B: "b" }), 5],
  string: [short, 30],
  stringBetween: [Schema.String.check(Schema.isBetweenLength(2, 4)), 12],
  codePoints: [Schema.String.check(Schema.isMaxCodePoints(10)), 40],
  leastOfTwo: [Schema.String.check(Schema.isMaxLength(10).and(Schema.isMaxLength(7))), 21],
  uuid: [Schema.String.check(Schema.isUUID()), 36],
  branded: [short.pipe(Schema.brand("Name")), 30],
  template: [Schema.TemplateLiteral(["id-", Schema.Literals(["a", "bb"]), short]), 35],
  decoded: [Schema.FiniteFromString, 8],
  struct: [Schema.Struct({ id: Schema.Int, name: Schema.optionalKey(short), on: Schema.NullOr(Schema.Boolean) }), 39],
  tuple: [Schema.Tuple([Schema.Int, short]), 38],
  array: [Schema.Array(Schema.Int).check(Schema.isMaxLength(5)), 40],
  tupleWithRest: [Schema.TupleWithRest(Schema.Tuple([Schema.Boolean]), [Schema.Int]).check(Schema.isMaxLength(5)), 41],
  union: [Schema.Union([Schema.Int, short, Schema.Struct({ a: Schema.Int, b: Schema.Int })]), 30],
  record: [Schema.Record(short, Schema.Int).check(Schema.isMaxProperties(3)), 3 * 38],
  closedRecord: [Schema.Record(Schema.Literals(["a", "b"]), Schema.Int), 16],
  map: [Schema.ReadonlyMap(short, Schema.Int).check(Schema.isMaxSize(2)), 76],
  set: [Schema.ReadonlySet(short).check(Schema.isMaxSize(2)), 60],
  bytes: [Schema.Uint8Array.check(Schema.isMaxLength(16)), 16],
  option: [Schema.Option(short), 30],
  result: [Schema.Result(Schema.Int, short), 30],
  redacted: [Schema.Redacted(short), 30],
  class: [Note, 38],
  error: [Overdrawn, 17]
} as const

const unboundedSchemas: Record<string, Schema.Top> = {
  string: Schema.String,
  bigint: Schema.BigInt,
  unknown: Schema.Unknown,
  any: Schema.Any,
  object: Schema.ObjectKeyword,
  array: Schema.Array(Schema.Int),
  arrayOfNulls: Schema.Array(Schema.Null),
  arrayOfStrings: Schema.Array(Schema.String).check(Schema.isMaxLength(2)),
  record: Schema.Record(Schema.String, Schema.Int),
  recordOfLongKeys: Schema.Record(Schema.String, Schema.Int).check(Schema.isMaxProperties(1)),
  template: Schema.TemplateLiteral(["id-", Schema.Finite]),
  emptyStruct: Schema.Struct({}),
  field: Schema.Struct({ id: Schema.Int, text: Schema.String }),
  member: Schema.Union([Schema.Int, Schema.String]),
  recursive: Tree,
  bytes: Schema.Uint8Array,
  option: Schema.Option(Schema.String),
  // The bound is of the decoded side: that the text was short says nothing of what it became.
  transformed: short.pipe(Schema.decodeTo(Schema.String)),
  file: Schema.URL
}

const checks = { arbitrary: { runs: 200, size: 40 } }

/** Strings of any code units, surrogates alone and in pairs among them. */
const anyText = Arbitrary.map(
  Arbitrary.array(
    Arbitrary.schema(
      Schema.Union([
        Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0x7f })),
        Schema.Int.check(Schema.isBetween({ minimum: 0x80, maximum: 0xffff })),
        Schema.Int.check(Schema.isBetween({ minimum: 0xd800, maximum: 0xdfff })),
        Schema.Int.check(Schema.isBetween({ minimum: 0x10000, maximum: 0x10ffff }))
      ])
    ),
    { maxLength: 60 }
  ),
  (points) => String.fromCodePoint(...points)
)

describe("sizer: the bound", () => {
  for (const [name, [schema, bound]] of Object.entries(boundedSchemas)) {
    it(`a schema that limits its values is bounded: ${name}`, () => {
      assert.strictEqual(boundOf(schema), bound)
    })
    // A union of all schemas would not do: each is to be tried.
    it.prop(
      `no value is larger than its schema's bound: ${name}`,
      [Arbitrary.map(Arbitrary.schema(Schema.toType(schema)), (value): unknown => value)],
      ([value]) => {
        assert.isAtMost(sizeOf(value, schema), bound)
      },
      checks
    )
  }

  for (const [name, schema] of Object.entries(unboundedSchemas)) {
    it(`a schema that does not limit its values has no bound: ${name}`, () => {
      assert.strictEqual(boundOf(schema), Infinity)
    })
  }

  it("a schema may refer to one that is declared later", () => {
    const early = fromSchema(Schema.Struct({ later: Schema.suspend(() => Later) }))
    const Later = Schema.Struct({ flag: Schema.Boolean })
    assert.strictEqual(early.bound, Infinity)
    assert.strictEqual(early.measure({ later: { flag: true } }, Infinity), 1)
  })
})

describe("sizer: the measure", () => {
  it.prop(
    "a string measures what its UTF-8 takes, 3 bytes for a lone surrogate",
    [anyText],
    ([text]) => {
      assert.strictEqual(sizeOf(text), new TextEncoder().encode(text).length)
    },
    { arbitrary: { runs: 500, size: 60 } }
  )

  it.prop(
    "stopping early tells the same of a value as measuring it whole",
    [
      Arbitrary.schema(
        Schema.Tuple([
          Tree,
          Schema.Record(Schema.String, Schema.Union([Schema.Number, Schema.Boolean, Schema.String])),
          Schema.Uint8Array,
          Schema.ReadonlyMap(Schema.String, Schema.BigInt),
          Schema.HashMap(Schema.String, Schema.Option(Schema.String))
        ])
      ),
      Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 200 }))
    ],
    ([value, limit]) => {
      const whole = sizeOf(value)
      for (const near of [limit, whole - 1, whole, whole + 1]) {
        const size = sizeOf(value, Schema.Unknown, near)
        assert.strictEqual(size > near, whole > near)
        if (whole <= near) assert.strictEqual(size, whole)
      }
    },
    checks
  )

  const leaves: ReadonlyArray<readonly [value: unknown, bytes: number]> = [
    [1, 8],
    [Number.NaN, 8],
    [true, 1],
    ["é", 2],
    ["\ud800", 3],
    [null, 0],
    [undefined, 0],
    [Symbol("a"), 0],
    [() => "a", 0],
    [0n, 8],
    [-(2n ** 63n), 8],
    [2n ** 63n, 8],
    [2n ** 64n, 16],
    [-(2n ** 128n), 24],
    [new Date(Number.NaN), 8],
    [new Uint16Array(5), 10],
    [new DataView(new ArrayBuffer(8), 2), 6],
    [new ArrayBuffer(7), 7]
  ]
  it("a leaf measures its bytes, alone or held", () => {
    for (const [value, bytes] of leaves) {
      assert.strictEqual(sizeOf(value), bytes)
      assert.strictEqual(sizeOf([value, [value]]), typeof value === "object" ? bytes : 2 * bytes)
    }
  })

  it("a collection measures the sum of what it holds", () => {
    assert.strictEqual(sizeOf(new Map([["ab", { x: 1 }]]), Schema.Struct({ x: Schema.Int })), 2 + 8)
    assert.strictEqual(sizeOf(new Set(["ab", "c"])), 3)
    assert.strictEqual(sizeOf(Redacted.make("secret")), 6)
    assert.strictEqual(sizeOf(Option.some("abc")), 3)
    assert.strictEqual(sizeOf(Option.none()), 0)
    assert.strictEqual(sizeOf(Result.fail("abc")), 3)
    assert.strictEqual(sizeOf(new Error("abc")), 3)
    assert.strictEqual(sizeOf(new Overdrawn({ short: 1 })), "Overdrawn".length + 8)
    assert.isAtLeast(sizeOf(Chunk.fromIterable(["abc", "de"])), 5)
    assert.isAtLeast(sizeOf(HashMap.make(["ab", "cde"])), 5)
    assert.isAtLeast(sizeOf(Duration.seconds(1)), 8)
  })

  it("a key counts its name where the schema does not fix it", () => {
    const schema = Schema.Struct({ id: Schema.Int, tags: Schema.Record(Schema.String, Schema.Boolean) })
    assert.strictEqual(sizeOf({ id: 1, tags: { red: true } }, schema), 8 + 3 + 1)
    assert.strictEqual(sizeOf({ id: 1, tags: {}, extra: true }, schema), 8 + 5 + 1)
    assert.strictEqual(sizeOf({ id: 1 }, Schema.Unknown), 2 + 8)
    assert.strictEqual(sizeOf({ label: "a", children: [{ label: "b", children: [] }] }, Tree), 2)
  })

  it("an object held twice, or by itself, counts once", () => {
    const shared = { text: "abc" }
    const cyclic: Array<unknown> = [shared, shared, 1]
    cyclic.push(cyclic)
    assert.strictEqual(sizeOf(cyclic, Schema.Struct({ text: Schema.String })), 3 + 8)
  })

  it("deep nesting does not overflow the stack", () => {
    let deep: unknown = "end"
    for (let depth = 0; depth < 200_000; depth++) deep = [deep]
    assert.strictEqual(sizeOf(deep), 3)
  })

  it("a getter that throws counts nothing and hides nothing else", () => {
    const value = {
      get broken(): string {
        throw new Error("no")
      },
      text: "abc"
    }
    assert.strictEqual(sizeOf(value, Schema.Struct({ broken: Schema.String, text: Schema.String })), 3)
  })

  it("a proxy that throws and a wiped secret count nothing", () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    const wiped = Redacted.make("secret")
    Redacted.wipeUnsafe(wiped)
    assert.strictEqual(sizeOf([proxy, wiped, "abc"]), 3)
    assert.strictEqual(sizeOf(proxy), 0)
  })

  it("data cannot pass for a secret, or for bytes, to weigh less", () => {
    const marked = { ...Object.getPrototypeOf(Redacted.make("a")), byteLength: 0, text: "abc" }
    assert.isTrue(Redacted.isRedacted(marked))
    assert.isAtLeast(sizeOf(marked), 3)
  })

  it("what has no end, or no bytes to end it, is too large rather than a hang", () => {
    const endless = (): object => ({
      get next() {
        return endless()
      }
    })
    const schema = Schema.Struct({ next: Schema.Unknown })
    assert.strictEqual(sizeOf(endless(), schema, 10), Infinity)
    const sparse: Array<unknown> = []
    sparse.length = 2 ** 32 - 1
    assert.strictEqual(sizeOf(sparse, schema, 10), Infinity)
  })

  it("a long text is refused without being read", () => {
    const text = "é".repeat(1000)
    assert.strictEqual(sizeOf(text, Schema.String, 100), 1000)
    assert.strictEqual(sizeOf(text, Schema.String, 1000), 2000)
  })
})
