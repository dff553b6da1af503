import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { describeIssue } from "../../src/internal/issue.ts"

const secret = "hunter2"
const secretNumber = 31337.5
const secretKey = "sesame"
const secrets = [secret, String(secretNumber), secretKey]

/** As indiscreet as parsing can be: inputs kept in the issue, every problem told, unexpected keys refused. */
const indiscreet: SchemaAST.ParseOptions = { errors: "all", onExcessProperty: "error", reportInput: true }

const explain = (schema: Schema.Codec<unknown, unknown>, input: unknown, options = indiscreet): string => {
  const result = Schema.decodeUnknownResult(schema)(input, options)
  if (Result.isSuccess(result)) return assert.fail("the input was expected to be refused")
  assert.strictEqual(describeIssue(result.failure), describeIssue(result.failure.issue))
  return describeIssue(result.failure)
}

class Note extends Schema.Class<Note>("app/Note")({ text: Schema.String, pages: Schema.Int }) {}
class Book extends Schema.Class<Book>("app/Book")({ note: Note }) {}

interface Tree {
  readonly value: number
  readonly children: ReadonlyArray<Tree>
}
const Tree: Schema.Codec<Tree> = Schema.Struct({
  value: Schema.Finite,
  children: Schema.Array(Schema.suspend(() => Tree))
})

const Circle = Schema.Struct({ kind: Schema.Literal("circle"), radius: Schema.Finite })
const Square = Schema.Struct({ kind: Schema.Literal("square"), side: Schema.Finite })
const pair = Schema.Struct({ one: Schema.String, two: Schema.Struct({ three: Schema.String }) })

/** A transformation that quotes what it was given in all it can say. */
const Indiscreet = Schema.String.pipe(
  Schema.decodeTo(
    Schema.Finite,
    SchemaTransformation.transformEffect<number, string>({
      decode: (input, options) =>
        Effect.fail(
          new SchemaIssue.Pointer(
            [input],
            new SchemaIssue.InvalidValue({ message: `bad ${input}`, expected: `not ${input}` }, input, options)
          )
        ),
      encode: (value) => Effect.succeed(String(value))
    })
  )
)

const cases: Record<string, readonly [schema: Schema.Codec<unknown, unknown>, input: unknown, told: string]> = {
  "a struct": [
    Schema.Struct({ amount: Schema.Finite, note: Schema.Struct({ text: Schema.String }) }),
    { amount: Infinity, note: {}, [secretKey]: secret },
    "an unexpected key; amount: expected a finite number; note.text: is missing"
  ],
  "a struct that is none": [Schema.Struct({ amount: Schema.Finite }), secret, "expected object"],
  "unexpected keys, however many": [
    Schema.Struct({ note: Schema.Struct({ text: Schema.String }) }),
    { note: { text: "a", [secretKey]: secret, [`${secretKey}2`]: secret } },
    "note: an unexpected key"
  ],
  "field names that need quotes": [
    Schema.Struct({ "a b": Schema.Struct({ "c.d": Schema.Finite, 7: Schema.Finite }) }),
    { "a b": { "c.d": secret, 7: secret } },
    '["a b"].7: expected number; ["a b"]["c.d"]: expected number'
  ],
  "optional fields": [
    Schema.Struct({ a: Schema.optionalKey(Schema.Finite), b: Schema.optional(Schema.Finite) }),
    { a: secret, b: secret },
    "a: expected number; b: expected number | undefined"
  ],
  "a union": [
    Schema.Struct({ u: Schema.Union([Schema.String, Schema.Struct({ a: Schema.String }), Schema.Null]) }),
    { u: secretNumber },
    "u: expected string | object | null"
  ],
  "a tagged union, of a known tag": [
    Schema.Union([Circle, Square]),
    { kind: "circle", radius: secret },
    "radius: expected number"
  ],
  "a tagged union, of an unknown tag": [
    Schema.Union([Circle, Square]),
    { kind: secret, radius: secretNumber },
    'expected { kind: "circle" } | { kind: "square" }'
  ],
  "a union of which several members may be meant": [
    Schema.Union([Schema.Struct({ a: Schema.Finite }), Schema.Struct({ b: Schema.Finite })]),
    { a: secret, [secretKey]: secretNumber },
    "expected object"
  ],
  "a union of which one member only may match": [
    Schema.Union([Schema.Struct({ a: Schema.Finite }), Schema.Struct({ a: Schema.Number })], { mode: "oneOf" }),
    { a: secretNumber },
    "expected exactly one of object"
  ],
  "a tuple": [
    Schema.Tuple([Schema.String, Schema.Finite]),
    ["fine", secret, secret],
    "[1]: expected number; an unexpected element"
  ],
  "a tuple that is too short": [Schema.Tuple([Schema.String, Schema.Finite]), [secret], "[1]: is missing"],
  "an array of structs": [
    Schema.Struct({ items: Schema.Array(Schema.Struct({ price: Schema.Finite })) }),
    { items: [{ price: 1 }, { price: secret }] },
    "items[1].price: expected number"
  ],
  "a record's values": [
    Schema.Struct({ scores: Schema.Record(Schema.String, Schema.Finite) }),
    { scores: { [secretKey]: secret, [`${secretKey}2`]: secret } },
    "scores.*: expected number"
  ],
  "a record's nested values": [
    Schema.Record(Schema.String, Schema.Struct({ a: Schema.Finite })),
    { [secretKey]: { a: secret } },
    "*.a: expected number"
  ],
  "a record's keys": [
    Schema.Record(Schema.TemplateLiteral(["id-", Schema.String]), Schema.Finite),
    { [secretKey]: 1 },
    "an unexpected key"
  ],
  "a check of a record's keys": [
    Schema.Struct({
      by: Schema.Record(Schema.String, Schema.Finite).check(
        Schema.isPropertyNames(Schema.String.check(Schema.isMaxLength(1)))
      )
    }),
    { by: { [secretKey]: 1 } },
    "by: expected an object with property names matching the schema"
  ],
  "a map's entries": [
    Schema.toType(Schema.Struct({ m: Schema.ReadonlyMap(Schema.String, Schema.Finite) })),
    { m: new Map<string, unknown>([[secretKey, secret]]) },
    "m.entries[0][1]: expected number"
  ],
  "checks, each of them": [
    Schema.Struct({ s: Schema.String.check(Schema.isMaxLength(2), Schema.isStartingWith("q")) }),
    { s: secret },
    's: expected a value with a length of at most 2; s: expected a string starting with "q"'
  ],
  "a check that quotes the value": [
    Schema.Struct({ s: Schema.String.check(Schema.makeFilter((s: string) => `bad ${s}`)) }),
    { s: secret },
    "s: does not pass a check"
  ],
  "a check with a message of its own": [
    Schema.Finite.check(Schema.makeFilter((n: number) => n === 1, { message: "must be one" })),
    secretNumber,
    "must be one"
  ],
  "a check that points at fields": [
    pair.check(
      Schema.makeFilter((value: typeof pair.Type) => [
        { path: ["two", "three"], issue: `must equal ${value.one}` },
        { path: ["two", value.one, "three"], issue: "as well" },
        { path: [value.one], issue: "as well" }
      ])
    ),
    { one: secret, two: { three: "x" } },
    "two.three: does not pass a check; two: does not pass a check; does not pass a check"
  ],
  "a check that makes issues of the value": [
    Schema.Struct({
      items: Schema.Array(Schema.Finite).check(
        Schema.makeFilter(
          ([n = 0]: ReadonlyArray<number>) =>
            new SchemaIssue.Pointer([n], new SchemaIssue.InvalidType(Schema.Literal(n).ast)),
          { expected: "items in order" }
        )
      )
    }),
    { items: [secretNumber] },
    "items: expected items in order"
  ],
  "a class in a class": [Book, { note: { text: secretNumber } }, "note.text: expected string; note.pages: is missing"],
  "a class, where an instance was wanted": [Schema.toType(Book), { note: { text: secret } }, "expected app/Book"],
  "a check of a class that points at its field": [
    Note.check(Schema.makeFilter((note: Note) => ({ path: ["text"], issue: note.text }))),
    { text: secret, pages: 1 },
    "text: does not pass a check"
  ],
  "a brand": [
    Schema.Struct({ id: Schema.String.check(Schema.isUUID()).pipe(Schema.brand("Id")) }),
    { id: secret },
    "id: expected a UUID"
  ],
  "an identifier": [Schema.Struct({ a: Schema.Finite }).annotate({ identifier: "Amount" }), secret, "expected Amount"],
  "a template literal": [
    Schema.Struct({ key: Schema.TemplateLiteral(["user-", Schema.Finite]) }),
    { key: `user-${secret}` },
    "key: expected `user-${number}`"
  ],
  "a template literal of the wrong type": [Schema.TemplateLiteral(["a"]), secretNumber, "expected `a`"],
  "a literal": [Schema.Literal("a"), secret, 'expected "a"'],
  literals: [Schema.Literals(["a", 1]), secret, 'expected "a" | 1'],
  "an enum": [Schema.Enum({ A: "a", B: 1 }), secret, 'expected "a" | 1'],
  "a date": [Schema.DateFromString, secret, "expected a valid Date"],
  "a transformation whose result is refused": [
    Schema.Struct({ n: Schema.FiniteFromString }),
    { n: secret },
    "n: expected a finite number"
  ],
  "a transformation that fails": [
    Schema.Struct({ at: Schema.DateTimeUtcFromString }),
    { at: secret },
    "at: expected a string that will be decoded as a DateTime.Utc"
  ],
  "a transformation that quotes the value": [Schema.Struct({ n: Indiscreet }), { n: secret }, "n.*: is not valid"],
  "a transformation that is not allowed": [
    Schema.String.pipe(
      Schema.decodeTo(Schema.String, {
        decode: SchemaGetter.forbidden((input) => `not for ${Option.getOrElse(input, () => "")}`),
        encode: SchemaGetter.passthrough()
      })
    ),
    secret,
    "is not allowed"
  ],
  "text that is no JSON": [
    Schema.fromJsonString(Schema.Struct({ a: Schema.Finite })),
    `{${secret}`,
    "expected a string that will be decoded as JSON"
  ],
  "text that is the wrong JSON": [
    Schema.fromJsonString(Schema.Struct({ a: Schema.Finite })),
    JSON.stringify({ a: secret }),
    "a: expected number"
  ],
  bytes: [
    Schema.Uint8ArrayFromBase64,
    `${secret}!`,
    "expected a base64 encoded string that will be decoded as Uint8Array"
  ],
  "an option": [
    Schema.toType(Schema.Struct({ o: Schema.Option(Schema.Finite) })),
    { o: Option.some(secret) },
    "o.value: expected number"
  ],
  "a redacted value": [
    Schema.toType(Schema.Struct({ p: Schema.Redacted(Schema.String.check(Schema.isMinLength(10))) })),
    { p: Redacted.make(secret, { label: secretKey }) },
    "p.value: is not valid"
  ],
  "a redacted label": [
    Schema.toType(Schema.Redacted(Schema.String, { label: "password" })),
    Redacted.make(secret, { label: secretKey }),
    '*: expected "password"'
  ],
  "a value of a type of the user's": [
    Schema.Struct({
      custom: Schema.declareConstructor<unknown>()(
        [],
        () => (input, ast) =>
          Effect.fail(
            new SchemaIssue.Composite(ast, [
              new SchemaIssue.Pointer([secretKey, String(input)], new SchemaIssue.InvalidType(ast))
            ])
          )
      )
    }),
    { custom: secret },
    "custom.*.*: expected a value of the declared type"
  ],
  "a recursive schema": [
    Tree,
    { value: 1, children: [{ value: 2, children: [{ value: secret, children: [] }] }] },
    "children[0].children[0].value: expected number"
  ],
  "an annotation on several lines": [
    Schema.Literal("a").annotate({ expected: "the letter\n  a" }),
    secret,
    "expected the letter a"
  ]
}

describe("issue", () => {
  for (const [name, [schema, input, told]] of Object.entries(cases)) {
    it(`tells the path and what was expected, and nothing of the payload: ${name}`, () => {
      const message = explain(schema, input)
      assert.strictEqual(message, told)
      for (const word of secrets) assert.notInclude(message, word)
      // The first problem alone, and Effect's defaults, say no more.
      for (const word of secrets) assert.notInclude(explain(schema, input, { ...indiscreet, errors: "first" }), word)
    })
  }

  it("the secrets planted above do appear in what Effect itself would print", () => {
    const leaks = Object.values(cases).filter(([schema, input]) => {
      const result = Schema.decodeUnknownResult(schema)(input, indiscreet)
      return Result.isFailure(result) && secrets.some((word) => result.failure.message.includes(word))
    })
    assert.isAbove(leaks.length, 35)
  })

  it("five problems are told, the others are counted", () => {
    const schema = Schema.Array(Schema.Finite)
    const list = (count: number) =>
      explain(
        schema,
        Array.from({ length: count }, () => secret)
      )
    assert.strictEqual(
      list(5),
      "[0]: expected number; [1]: expected number; [2]: expected number; [3]: expected number; [4]: expected number"
    )
    assert.isTrue(list(6).endsWith("[4]: expected number; and 1 more"))
    assert.isTrue(list(105).endsWith("[4]: expected number; and 100 more"))
  })

  it("a long expectation is cut short", () => {
    const schema = Schema.Struct({ code: Schema.Literals(Array.from({ length: 500 }, (_, index) => `code-${index}`)) })
    const message = explain(schema, { code: secret })
    assert.isTrue(message.startsWith('code: expected "code-0" | "code-1"'))
    assert.isBelow(message.length, 250)
  })

  it("a problem however deep is told without overflowing the stack", () => {
    let issue: SchemaIssue.Issue = new SchemaIssue.InvalidType(Schema.Finite.ast)
    for (let depth = 0; depth < 100_000; depth++) {
      issue = new SchemaIssue.Composite(Tree.ast, [new SchemaIssue.Pointer(["children"], issue)])
    }
    assert.include(describeIssue(issue), "is not valid")
    const inFilter = new SchemaIssue.Filter(Schema.isFinite(), issue)
    assert.include(describeIssue(new SchemaIssue.Composite(Tree.ast, [inFilter])), "expected a finite number")
  })

  it("what a parser gives without a SchemaError is told alike", () => {
    const exit = SchemaParser.decodeUnknownExit(Schema.Struct({ a: Schema.Finite }))({ a: secret }, indiscreet)
    const error = Exit.findErrorOption(exit)
    assert.strictEqual(Option.isSome(error) && describeIssue(error.value), "a: expected number")
  })
})
