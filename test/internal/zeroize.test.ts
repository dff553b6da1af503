import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Exit from "effect/Exit"
import * as HashMap from "effect/HashMap"
import * as HashSet from "effect/HashSet"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Buffer } from "node:buffer"
import { Zeroizer } from "../../src/internal/zeroize.ts"

// --- What the tests use -------------------------------------------------------------------------------------------------

/** Overwrites a payload of the schema, whose handler answered nothing; gives the bytes counted. */
const zeroize = (schema: Schema.Top, payload: unknown): number =>
  new Zeroizer(schema, Schema.Void, Schema.Never).zeroize(payload, undefined, true)

/** Overwrites a payload whose handler gave this answer. */
const answered = (
  payload: unknown,
  answer: Exit.Exit<unknown, unknown>,
  isTaken: boolean,
  schemas: { readonly payload?: Schema.Top; readonly success?: Schema.Top; readonly error?: Schema.Top } = {}
): number => {
  const { error = Schema.Unknown, payload: payloadSchema = Schema.Unknown, success = Schema.Unknown } = schemas
  return new Zeroizer(payloadSchema, success, error).zeroize(payload, answer, isTaken)
}

const ones = (length = 8): Uint8Array<ArrayBuffer> => new Uint8Array(length).fill(1)

const bytesOf = (buffer: ArrayBufferLike | ArrayBufferView): ReadonlyArray<number> =>
  ArrayBuffer.isView(buffer)
    ? Array.from(new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength))
    : Array.from(new Uint8Array(buffer))

const zeros = (length = 8): ReadonlyArray<number> => Array.from({ length }, () => 0)

const isWiped = (secret: Redacted.Redacted<unknown>): boolean => {
  try {
    Redacted.value(secret)
    return false
  } catch {
    return true
  }
}

/** What the compiler's library does not know yet. */
const Resizable = ArrayBuffer as unknown as new (
  length: number,
  options: { readonly maxByteLength: number }
) => ArrayBuffer & { readonly resize: (length: number) => void }

class Note extends Schema.Class<Note>("test/Note")({ text: Schema.String, data: Schema.Uint8Array }) {}

class PlainNote extends Schema.Class<PlainNote>("test/PlainNote")({ text: Schema.String, at: Schema.Date }) {}

class Refused extends Schema.TaggedError<Refused>("test/Refused")("Refused", { data: Schema.Uint8Array }) {}

interface Tree {
  readonly data: Uint8Array
  readonly children: ReadonlyArray<Tree>
}
const Tree: Schema.Codec<Tree> = Schema.Struct({
  data: Schema.Uint8Array,
  children: Schema.Array(Schema.suspend(() => Tree))
})

class Blob8 {
  readonly inner: Uint8Array

  constructor(inner: Uint8Array) {
    this.inner = inner
  }
}

const Declared = Schema.declare((value): value is Blob8 => value instanceof Blob8)

// --- Where it looks -----------------------------------------------------------------------------------------------------

/** Schemas with room for binary data, and a value of each that holds the bytes. */
const places: Record<string, readonly [Schema.Top, (data: Uint8Array<ArrayBuffer>) => unknown]> = {
  "the payload itself": [Schema.Uint8Array, (data) => data],
  "with a check": [Schema.Uint8Array.check(Schema.isMaxLength(16)), (data) => data],
  "decoded from text": [Schema.Uint8ArrayFromBase64, (data) => data],
  "a field": [Schema.Struct({ id: Schema.Int, data: Schema.Uint8Array }), (data) => ({ id: 1, data })],
  "a field that may be missing": [Schema.Struct({ data: Schema.optionalKey(Schema.Uint8Array) }), (data) => ({ data })],
  "a field of a field": [Schema.Struct({ a: Schema.Struct({ data: Schema.Uint8Array }) }), (data) => ({ a: { data } })],
  "a field with a symbol": [
    Schema.Struct({ [Symbol.for("data")]: Schema.Uint8Array }),
    (data) => ({ [Symbol.for("data")]: data })
  ],
  "an array": [Schema.Array(Schema.Uint8Array), (data) => [ones(0), data]],
  "a tuple": [Schema.Tuple([Schema.Int, Schema.Uint8Array]), (data) => [1, data]],
  "the rest of a tuple": [
    Schema.TupleWithRest(Schema.Tuple([Schema.Int]), [Schema.Uint8Array]),
    (data) => [1, ones(0), data]
  ],
  "what comes after the rest": [
    Schema.TupleWithRest(Schema.Tuple([]), [Schema.Int, Schema.Uint8Array]),
    (data) => [1, 2, data]
  ],
  "a record": [Schema.Record(Schema.String, Schema.Uint8Array), (data) => ({ any: data })],
  "a union": [Schema.Union([Schema.String, Schema.Uint8Array]), (data) => data],
  "a member of a union": [
    Schema.Union([
      Schema.Struct({ _tag: Schema.Literal("A"), a: Schema.Uint8Array }),
      Schema.Struct({ _tag: Schema.Literal("B"), b: Schema.Uint8Array })
    ]),
    (data) => ({ _tag: "B", b: data })
  ],
  "what may be null": [Schema.NullOr(Schema.Uint8Array), (data) => data],
  "a class": [Note, (data) => new Note({ text: "a", data })],
  "a tagged error": [Refused, (data) => new Refused({ data })],
  "an option": [Schema.Option(Schema.Uint8Array), Option.some],
  "a result": [Schema.Result(Schema.Uint8Array, Schema.String), Result.succeed],
  "the failure of a result": [Schema.Result(Schema.String, Schema.Uint8Array), Result.fail],
  "a map": [Schema.ReadonlyMap(Schema.String, Schema.Uint8Array), (data) => new Map([["a", data]])],
  "a map's key": [Schema.ReadonlyMap(Schema.Uint8Array, Schema.String), (data) => new Map([[data, "a"]])],
  "a set": [Schema.ReadonlySet(Schema.Uint8Array), (data) => new Set([data])],
  "a chunk": [Schema.Chunk(Schema.Uint8Array), (data) => Chunk.make(ones(0), data)],
  "a hash map": [Schema.HashMap(Schema.String, Schema.Uint8Array), (data) => HashMap.make(["a", data])],
  "a hash set": [Schema.HashSet(Schema.Uint8Array), (data) => HashSet.make(data)],
  "an exit": [Schema.Exit(Schema.Uint8Array, Schema.String, Schema.Unknown), Exit.succeed],
  "a cause": [Schema.Cause(Schema.Uint8Array, Schema.Unknown), Cause.fail],
  "a redacted value": [Schema.Redacted(Schema.Uint8Array), (data) => Redacted.make(data)],
  "a redacted struct": [Schema.Redacted(Schema.Struct({ data: Schema.Uint8Array })), (data) => Redacted.make({ data })],
  "a recursive schema": [Tree, (data) => ({ data: ones(0), children: [{ data, children: [] }] })],
  "a declared type": [Declared, (data) => new Blob8(data)],
  "an error": [Schema.ErrorInstance(), (data) => new Error("a", { cause: data })],
  anything: [Schema.Unknown, (data) => ({ a: [new Map([["b", new Set([{ data }])]])] })],
  any: [Schema.Any, (data) => data],
  "an object": [Schema.ObjectKeyword, (data) => ({ data })],
  "what is not null": [Schema.Struct({}), (data) => ({ data })],
  "symbols of what is open": [Schema.Unknown, (data) => ({ [Symbol("a")]: data })],
  "hidden properties of what is open": [Schema.Unknown, (data) => Object.defineProperty({}, "a", { value: data })],
  "an object without a prototype": [Schema.Unknown, (data) => Object.assign(Object.create(null), { data })],
  "a frozen object": [Schema.Unknown, (data) => Object.freeze({ data })],
  "a frozen field": [Schema.Struct({ data: Schema.Uint8Array }), (data) => Object.freeze({ data })],
  "a getter that the schema names": [
    Schema.Struct({ data: Schema.Uint8Array }),
    (data) => ({
      get data() {
        return data
      }
    })
  ]
}

/** Schemas without room for anything that can be overwritten. */
const closed: Record<string, Schema.Top> = {
  nothing: Schema.Void,
  never: Schema.Never,
  text: Schema.String,
  number: Schema.Number,
  bigint: Schema.BigInt,
  boolean: Schema.Boolean,
  literals: Schema.Literals(["a", "b"]),
  enum: Schema.Enum({ A: "a" }),
  symbol: Schema.Symbol,
  template: Schema.TemplateLiteral(["a", Schema.Number]),
  date: Schema.Date,
  duration: Schema.Duration,
  url: Schema.URL,
  regExp: Schema.RegExp,
  bigDecimal: Schema.BigDecimal,
  dateTime: Schema.DateTimeUtc,
  struct: Schema.Struct({ id: Schema.Int, name: Schema.optionalKey(Schema.String) }),
  array: Schema.Array(Schema.Struct({ id: Schema.Int })),
  tuple: Schema.Tuple([Schema.Int, Schema.String]),
  record: Schema.Record(Schema.String, Schema.Int),
  union: Schema.Union([Schema.Int, Schema.Struct({ id: Schema.Int })]),
  class: PlainNote,
  option: Schema.Option(Schema.Int),
  result: Schema.Result(Schema.Int, Schema.String),
  map: Schema.ReadonlyMap(Schema.String, Schema.Int),
  set: Schema.ReadonlySet(Schema.Int),
  chunk: Schema.Chunk(Schema.Int),
  hashMap: Schema.HashMap(Schema.String, Schema.Int),
  hashSet: Schema.HashSet(Schema.Int)
}

/** A value that counts how often anybody looks into it. */
const spied = () => {
  let looks = 0
  const look = () => void looks++
  const traps = { get: look, getPrototypeOf: () => (look(), null), ownKeys: () => (look(), []) }
  return { value: new Proxy({}, traps), looks: () => looks }
}

describe("zeroize finds binary data in", () => {
  for (const [name, [schema, make]] of Object.entries(places)) {
    it(`${name}, and overwrites it`, () => {
      const data = ones()
      assert.strictEqual(zeroize(schema, make(data)), 8)
      assert.deepStrictEqual(bytesOf(data), zeros())
    })
  }
})

describe("a schema that has no room for anything to overwrite", () => {
  for (const [name, schema] of Object.entries(closed)) {
    it(`is never looked into: ${name}`, () => {
      const { looks, value } = spied()
      assert.strictEqual(zeroize(schema, value), 0)
      assert.strictEqual(looks(), 0)
      assert.strictEqual(zeroize(Schema.Unknown, value), 0)
      assert.isAbove(looks(), 0)
    })
  }

  it("is not looked into beside one that has room", () => {
    const { looks, value } = spied()
    const schema = Schema.Struct({ data: Schema.Uint8Array, rows: Schema.Array(Schema.Int) })
    assert.strictEqual(zeroize(schema, { data: ones(), rows: value }), 8)
    assert.strictEqual(looks(), 0)
  })
})

// --- What it overwrites -------------------------------------------------------------------------------------------------

describe("zeroize overwrites", () => {
  const arrays = [
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array
  ]
  for (const Type of arrays) {
    it(`a ${Type.name}`, () => {
      const array = new Type(4).fill(1)
      assert.strictEqual(zeroize(Schema.Unknown, { array }), array.byteLength)
      assert.deepStrictEqual(Array.from(array), [0, 0, 0, 0])
    })
  }

  for (const Type of [BigInt64Array, BigUint64Array]) {
    it(`a ${Type.name}`, () => {
      const array = new Type(2).fill(1n)
      assert.strictEqual(zeroize(Schema.Unknown, { array }), 16)
      assert.deepStrictEqual(Array.from(array), [0n, 0n])
    })
  }

  it("a DataView, an ArrayBuffer and a SharedArrayBuffer", () => {
    const view = new DataView(ones().buffer)
    const { buffer } = ones()
    const shared = new SharedArrayBuffer(8)
    new Uint8Array(shared).fill(1)
    assert.strictEqual(zeroize(Schema.Unknown, { view, buffer, shared }), 24)
    for (const each of [view, buffer, shared]) assert.deepStrictEqual(bytesOf(each), zeros())
  })

  it("of a view its own bytes and none beside them, as in the pool of Node's Buffers", () => {
    const { buffer } = ones(16)
    assert.strictEqual(zeroize(Schema.Unknown, new Uint8Array(buffer, 4, 8)), 8)
    assert.deepStrictEqual(bytesOf(buffer), [...ones(4), ...zeros(8), ...ones(4)])
    const [first, second] = [Buffer.from("secret"), Buffer.from("another")]
    assert.strictEqual(zeroize(Schema.Unknown, first), 6)
    assert.deepStrictEqual(bytesOf(first), zeros(6))
    assert.strictEqual(second.toString(), "another")
  })

  it("what is left of resized buffers, and of detached ones nothing", () => {
    const grown = new Resizable(4, { maxByteLength: 8 })
    const tracking = new Uint8Array(grown)
    grown.resize(8)
    tracking.fill(1)
    const shrunk = new Resizable(8, { maxByteLength: 8 })
    const beyond = new Uint8Array(shrunk, 4, 4)
    shrunk.resize(6)
    const lost = ones()
    const moved = structuredClone(lost, { transfer: [lost.buffer] })
    const detached = new DataView(ones().buffer)
    structuredClone(detached.buffer, { transfer: [detached.buffer] })
    assert.strictEqual(zeroize(Schema.Unknown, { beyond, detached, lost, buffer: lost.buffer, tracking }), 8)
    assert.deepStrictEqual(bytesOf(tracking), zeros())
    assert.deepStrictEqual(bytesOf(moved), Array.from(ones()))
  })

  it("each byte once, whatever the number of views on it", () => {
    const { buffer } = ones(16)
    const views = [new Uint8Array(buffer, 0, 6), new Uint8Array(buffer, 4, 4), new DataView(buffer, 10, 2)]
    assert.strictEqual(zeroize(Schema.Unknown, [...views, ...views]), 10)
    assert.deepStrictEqual(bytesOf(buffer), [...zeros(8), 1, 1, 0, 0, 1, 1, 1, 1])
  })

  it("the values of Redacted, and what those hold", () => {
    const [text, data] = [Redacted.make("secret"), ones()]
    const outer = Redacted.make({ inner: Redacted.make(data) })
    const { inner } = Redacted.value(outer)
    assert.strictEqual(zeroize(Schema.Struct({ text: Schema.Redacted(Schema.String) }), { text }), 0)
    assert.strictEqual(zeroize(Schema.Unknown, [outer]), 8)
    assert.deepStrictEqual([text, outer, inner].map(isWiped), [true, true, true])
    assert.deepStrictEqual(bytesOf(data), zeros())
  })
})

// --- What must not stop it ----------------------------------------------------------------------------------------------

const thrower = {
  get: () => {
    throw new Error("on purpose")
  },
  ownKeys: () => {
    throw new Error("on purpose")
  },
  getPrototypeOf: () => {
    throw new Error("on purpose")
  }
}

const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

/** Each look gives another object. */
const endless = (): object =>
  new Proxy(
    {},
    {
      ownKeys: () => ["next"],
      getOwnPropertyDescriptor: () => ({ value: endless(), configurable: true, enumerable: true })
    }
  )

const hostile: Record<string, () => unknown> = {
  "a getter that throws": () => Object.defineProperty({}, "a", thrower),
  "a proxy whose traps throw": () => new Proxy({}, thrower),
  "a proxy of an array whose traps throw": () => new Proxy([1], thrower),
  "a revoked proxy": revoked,
  "a proxy of bytes": () => new Proxy(new Uint8Array(8), {}),
  "a proxy of a map": () => new Proxy(new Map(), {}),
  "a map whose iterator throws": () => Object.assign(new Map(), { keys: thrower.get }),
  "a cycle": () => {
    const cycle: Record<string, unknown> = {}
    return Object.assign(cycle, { cycle, array: [cycle], map: new Map([[cycle, cycle]]) })
  },
  "a Redacted that was wiped before": () => {
    const secret = Redacted.make("a")
    Redacted.wipeUnsafe(secret)
    return secret
  },
  "JSON that looks like a Redacted": () => JSON.parse('{ "~effect/Redacted": {} }'),
  "what looks like a buffer": () => ({ [Symbol.toStringTag]: "ArrayBuffer", byteLength: 8, length: 8 }),
  "what looks like a huge buffer": () => ({ [Symbol.toStringTag]: "ArrayBuffer", byteLength: 8, length: 2 ** 40 }),
  "what looks like a shared buffer": () => Object.create(SharedArrayBuffer.prototype),
  "a prototype that says it is a map": () => Object.create(Map.prototype),
  "a function": () => Object.assign(() => {}, { data: ones() }),
  "a long array without elements": () => Object.assign([], { length: 100_000 }),
  null: () => null,
  text: () => "text"
}

describe("zeroize goes on after", () => {
  for (const [name, make] of Object.entries(hostile)) {
    it(`${name}, whatever the schema`, () => {
      const beside = [ones(), ones(), ones(), ones()]
      const [a, b, c, d] = beside
      assert.strictEqual(zeroize(Schema.Unknown, [a, make(), b]), 16)
      const schema = Schema.Struct({ c: Schema.Uint8Array, bad: Schema.Unknown, d: Schema.Uint8Array })
      assert.strictEqual(zeroize(schema, { c, bad: make(), d }), 16)
      for (const data of beside) assert.deepStrictEqual(bytesOf(data), zeros())
      for (const [schema] of Object.values(places)) assert.strictEqual(zeroize(schema, make()), 0)
    })
  }

  it("a getter that detaches what was found", () => {
    const data = ones()
    const payload = {
      data,
      get after() {
        structuredClone(data.buffer, { transfer: [data.buffer] })
        return undefined
      }
    }
    assert.strictEqual(zeroize(Schema.Struct({ data: Schema.Uint8Array, after: Schema.Unknown }), payload), 0)
  })

  it("what is as deep as one likes", () => {
    const data = ones()
    let deep: unknown = data
    for (let depth = 0; depth < 200_000; depth++) deep = { deep }
    assert.strictEqual(zeroize(Schema.Unknown, deep), 8)
  })
})

describe("JSON that looks like a Redacted", () => {
  it("is looked through like any other", () => {
    const payload: object = JSON.parse('{ "~effect/Redacted": {} }')
    assert.strictEqual(zeroize(Schema.Unknown, Object.assign(payload, { data: ones() })), 8)
  })
})

describe("zeroize runs no getter", () => {
  it("of what the schema leaves open", () => {
    let ran = 0
    const payload = {
      get data() {
        ran++
        return ones()
      }
    }
    assert.strictEqual(zeroize(Schema.Unknown, payload), 0)
    assert.strictEqual(ran, 0)
  })
})

describe("zeroize gives up after 1,048,576 parts", () => {
  const many = () => [ones(), ...Array.from({ length: 2 ** 20 }, () => undefined), ones()]

  for (const [name, schema] of [
    ["what is open", Schema.Unknown],
    ["an array", Schema.Array(Schema.Uint8Array)]
  ] as const) {
    it(`of ${name}, and has overwritten what it had found until then`, () => {
      assert.strictEqual(zeroize(schema, many()), 8)
    })
  }

  it("of a record, and has overwritten what it had found until then", { timeout: 30_000 }, () => {
    const record = Object.fromEntries(many().map((value, index) => [`k${index}`, value]))
    assert.strictEqual(zeroize(Schema.Record(Schema.String, Schema.Uint8Array), record), 8)
  })

  it("of a proxy that never ends", { timeout: 30_000 }, () => {
    assert.strictEqual(zeroize(Schema.Unknown, [endless(), ones()]), 8)
  })

  it("of an answer that is taken, which keeps all of the payload as it is", () => {
    const [data, secret] = [ones(), Redacted.make("a")]
    assert.strictEqual(answered([data, secret], Exit.succeed(many()), true), 0)
    assert.deepStrictEqual(bytesOf(data), Array.from(ones()))
    assert.isFalse(isWiped(secret))
  })
})

// --- Answers ------------------------------------------------------------------------------------------------------------

describe("an answer that is taken", () => {
  it("is left alone, also what the payload shares with it", () => {
    const [echoed, other, kept, lost] = [ones(), ones(), Redacted.make("a"), Redacted.make("b")]
    assert.strictEqual(answered({ echoed, other, kept, lost }, Exit.succeed([kept, { echoed }]), true), 8)
    assert.deepStrictEqual(bytesOf(echoed), Array.from(ones()))
    assert.deepStrictEqual(bytesOf(other), zeros())
    assert.deepStrictEqual([kept, lost].map(isWiped), [false, true])
  })

  it("keeps of a buffer what it has a view on, and no more", () => {
    const data = ones(16)
    assert.strictEqual(answered(data, Exit.succeed(data.subarray(4, 8)), true), 12)
    assert.deepStrictEqual(bytesOf(data), [...zeros(4), 1, 1, 1, 1, ...zeros(8)])
  })

  it("keeps the whole of a buffer that it holds itself", () => {
    const data = ones(16)
    assert.strictEqual(answered(data.subarray(4, 8), Exit.succeed(data.buffer), true), 0)
    assert.deepStrictEqual(bytesOf(data), Array.from(ones(16)))
  })

  it("keeps what it holds in a Redacted, of which the payload has another", () => {
    const data = ones()
    const [sent, answer] = [Redacted.make(data), Redacted.make(data)]
    assert.strictEqual(answered(sent, Exit.succeed(answer), true), 0)
    assert.deepStrictEqual(bytesOf(Redacted.value(answer)), Array.from(ones()))
    assert.isTrue(isWiped(sent))
  })

  it("may be a typed failure", () => {
    const [data, other] = [ones(), ones()]
    assert.strictEqual(answered([data, other], Exit.fail(new Refused({ data })), true, { error: Refused }), 8)
    assert.deepStrictEqual(bytesOf(data), Array.from(ones()))
    assert.deepStrictEqual(bytesOf(other), zeros())
  })

  it("is not looked into when the payload held nothing", () => {
    const { looks, value } = spied()
    assert.strictEqual(answered({ a: 1 }, Exit.succeed(value), true), 0)
    assert.strictEqual(answered(value, Exit.succeed(value), true, { payload: Schema.String }), 0)
    assert.strictEqual(looks(), 0)
  })

  it("has nothing of the payload where its schema has no room for it", () => {
    const { looks, value } = spied()
    assert.strictEqual(answered(ones(), Exit.succeed(value), true, { success: Schema.String }), 8)
    assert.strictEqual(looks(), 0)
  })
})

describe("an answer that nobody takes", () => {
  it("is overwritten with the payload, each byte once", () => {
    const [data, reply, secret] = [ones(), ones(), Redacted.make("a")]
    assert.strictEqual(answered(data, Exit.succeed({ data, reply, secret }), false), 16)
    for (const each of [data, reply]) assert.deepStrictEqual(bytesOf(each), zeros())
    assert.isTrue(isWiped(secret))
  })

  it("is overwritten where the payload has no room for anything", () => {
    const reply = ones()
    assert.strictEqual(answered("a", Exit.succeed(reply), false, { payload: Schema.String }), 8)
    assert.deepStrictEqual(bytesOf(reply), zeros())
  })

  it("may be a typed failure", () => {
    const data = ones()
    assert.strictEqual(answered(undefined, Exit.fail(new Refused({ data })), false, { error: Refused }), 8)
    assert.deepStrictEqual(bytesOf(data), zeros())
  })

  it("is not looked into where its schema has no room for anything", () => {
    const { looks, value } = spied()
    assert.strictEqual(answered(undefined, Exit.succeed(value), false, { success: Schema.String }), 0)
    assert.strictEqual(answered(undefined, Exit.fail(value), false, { error: Schema.String }), 0)
    assert.strictEqual(looks(), 0)
  })
})

// --- Any payload and any answer -----------------------------------------------------------------------------------------

const int = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

/** A view on one of three buffers of 32 bytes, somewhere in a nest of containers. */
const part = Arbitrary.all({ buffer: int(0, 2), start: int(0, 31), length: int(0, 32), nest: int(0, 6) })
type Part = { readonly buffer: number; readonly start: number; readonly length: number; readonly nest: number }

const nests: ReadonlyArray<(value: unknown) => unknown> = [
  (value) => value,
  (value) => ({ value }),
  (value) => [1, value],
  (value) => new Map([["a", value]]),
  (value) => new Set([{ value }]),
  (value) => Option.some([value]),
  (value) => Redacted.make(value)
]

const endOf = ({ length, start }: Part): number => Math.min(32, start + length)

const covers =
  (buffer: number, index: number) =>
  (part: Part): boolean =>
    part.buffer === buffer && part.start <= index && index < endOf(part)

describe("any payload and any answer", () => {
  it.prop(
    "leave zeros where the payload reaches and a taken answer does not, and the count of those bytes",
    {
      payload: Arbitrary.array(part, { maxLength: 6 }),
      answer: Arbitrary.array(part, { maxLength: 4 }),
      taken: int(0, 1)
    },
    ({ answer, payload, taken }) => {
      const buffers = [ones(32).buffer, ones(32).buffer, ones(32).buffer]
      const made = (parts: ReadonlyArray<Part>) =>
        parts.map((part) =>
          nests[part.nest]!(new Uint8Array(buffers[part.buffer]!, part.start, endOf(part) - part.start))
        )
      const isTaken = taken === 1
      const count = answered(made(payload), Exit.succeed(made(answer)), isTaken)
      let expectedCount = 0
      for (const [buffer, bytes] of buffers.entries()) {
        const expected = Array.from({ length: 32 }, (_, index) => {
          const isAnswered = answer.some(covers(buffer, index))
          const isLost = payload.some(covers(buffer, index)) ? !(isTaken && isAnswered) : !isTaken && isAnswered
          if (isLost) expectedCount++
          return isLost ? 0 : 1
        })
        assert.deepStrictEqual(bytesOf(bytes), expected)
      }
      assert.strictEqual(count, expectedCount)
    },
    { arbitrary: { runs: 500 } }
  )

  it.prop(
    "never make it throw, whatever the schema",
    { value: Arbitrary.schema(Schema.Json), place: int(0, Object.keys(places).length - 1) },
    ({ place, value }) => {
      const [schema] = Object.values(places)[place]!
      assert.strictEqual(zeroize(schema, value), 0)
    }
  )
})
