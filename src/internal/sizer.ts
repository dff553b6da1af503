/**
 * How large a message is: a bound known from its schema, and a walk for when there is none.
 *
 * The size of a value, on the decoded side, is the bytes of its leaves: 8 for a number or a Date, 1 for a boolean, whole
 * 64-bit words for a bigint, UTF-8 for a string, `byteLength` for binary data, 0 for null, undefined, symbols and
 * functions; of an Error its message, of a `Redacted` its inner value. Key names count where the schema does not fix
 * them (a record's, unlisted ones); an object counts once. It is not the memory taken: objects, holes and slots cost
 * nothing, and what is kept under symbols, in non-enumerable properties and in private fields is not seen.
 */
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import type * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"

export interface Sizer {
  /**
   * Upper bound in bytes of any value of the schema, Infinity when the schema does not bound it. It holds for values
   * that were checked: the compiler does not enforce an `isMaxLength`.
   */
  readonly bound: number
  /** The same for values that only the compiler has seen: bounded by their types, checks left out of account. */
  readonly typeBound: number
  /** Size in bytes of `value`; stops early, returning a number > limit, once it has passed `limit`. */
  readonly measure: (value: unknown, limit: number) => number
}

/**
 * One generic walk measures everything, rather than one made from the schema: it takes 0.1 us for a flat message, sees
 * fields the schema does not list, and never takes a field at its bound, which would refuse messages that fit.
 */
export const fromSchema = (schema: Schema.Top): Sizer => {
  const ast = SchemaAST.toType(schema.ast)
  // At the first measure, not here: a suspended schema may not exist yet while its neighbours are being declared.
  let fixed: ReadonlySet<string> | undefined
  return {
    bound: boundOf(ast, true),
    typeBound: boundOf(ast, false),
    measure: (value, limit) => measure(value, limit, (fixed ??= fixedNames(ast)))
  }
}

/**
 * How many bytes a value measures when that is more than `max`; undefined when it fits. Where the schema keeps values
 * small enough, they are not measured at all. `isChecked`: the value has passed the schema's checks.
 */
export const oversize = (sizer: Sizer, value: unknown, max: number, isChecked: boolean): number | undefined => {
  if ((isChecked ? sizer.bound : sizer.typeBound) <= max) return undefined
  const bytes = sizer.measure(value, max)
  // More parts than can be counted measure as infinite, which is not a number of bytes.
  return bytes > max ? Math.min(bytes, Number.MAX_SAFE_INTEGER) : undefined
}

const boundOf = (ast: SchemaAST.AST, checked: boolean): number => {
  const inside = (part: SchemaAST.AST): number => boundOf(part, checked)
  switch (ast._tag) {
    case "Boolean":
      return 1
    case "Number":
      return 8
    case "Literal":
      return primitiveBytes(ast.literal, Infinity)
    case "Enum":
      return largest(ast.enums.map(([, value]) => primitiveBytes(value, Infinity)))
    case "String":
      return stringBound(ast, checked)
    case "TemplateLiteral":
      return Math.min(stringBound(ast, checked), sum(ast.parts.map((part) => partBound(part, checked))))
    case "Arrays":
      return sum(ast.elements.map(inside)) + repeated(maximum(ast, "Length", checked), ast.rest.map(inside))
    case "Objects": {
      const { indexSignatures: open, propertySignatures: named } = ast
      // `Struct({})` is TypeScript's `{}`: it accepts, and keeps, anything that is not null or undefined.
      if (named.length === 0 && open.length === 0) return Infinity
      const entries = open.map(({ parameter, type }) => partBound(parameter, checked) + inside(type))
      return sum(named.map(({ type }) => inside(type))) + repeated(maximum(ast, "Properties", checked), entries)
    }
    case "Union":
      return largest(ast.types.map(inside))
    case "Declaration":
      return declarationBound(ast, checked)
    // A suspended schema is nearly always recursive, which bounds nothing, and its thunk may not be callable yet.
    case "Suspend":
    case "Any":
    case "Unknown":
    case "ObjectKeyword":
    case "BigInt":
      return Infinity
    default: // null, undefined, void, never and symbols
      return 0
  }
}

const declarationBound = (ast: SchemaAST.Declaration, checked: boolean): number => {
  const inner = ast.typeParameters.map((part) => boundOf(part, checked))
  const representation = ast.annotations?.["representation"]
  switch (Predicate.hasProperty(representation, "id") ? representation.id : undefined) {
    case "effect/schema/Date":
      return 8
    case "effect/schema/Uint8Array":
      return maximum(ast, "Length", checked)
    case "effect/schema/Option":
    case "effect/schema/Redacted":
    case "effect/schema/Result":
      return largest(inner)
    case "effect/schema/ReadonlyMap": // inner: the key, the value
    case "effect/schema/ReadonlySet":
      return repeated(maximum(ast, "Size", checked), [sum(inner)])
  }
  // How Effect marks a `Schema.Class`, whose one parameter is the struct of its fields; unmarked, no bound is known.
  return Object.hasOwn(ast.annotations ?? {}, "~constructor") ? largest(inner) : Infinity
}

const sum = (bounds: ReadonlyArray<number>): number => bounds.reduce((total, bound) => total + bound, 0)
const largest = (bounds: ReadonlyArray<number>): number => Math.max(0, ...bounds)

/** Up to `count` items, each of one of the kinds; without a limit on how many, no bound, even of nulls. */
const repeated = (count: number, kinds: ReadonlyArray<number>): number =>
  kinds.length === 0 || count === 0 ? 0 : count === Infinity ? Infinity : count * largest(kinds)

/** A part of a template literal and a record's key are text whatever the schema; that of a number has no limit ("001"). */
const partBound = (part: SchemaAST.AST, checked: boolean): number => {
  if (part._tag === "Literal") return utf8Bytes(String(part.literal), Infinity)
  if (part._tag === "Union") return largest(part.types.map((type) => partBound(type, checked)))
  const isText = part._tag === "String" || part._tag === "TemplateLiteral" || part._tag === "Symbol"
  return isText && part.encoding === undefined ? boundOf(part, checked) : Infinity
}

const stringBound = (ast: SchemaAST.AST, checked: boolean): number => {
  const isUuid = checked && declared(ast.checks).some(({ id }) => id === "effect/schema/isUUID")
  // At most 3 bytes of UTF-8 per UTF-16 code unit, 4 per code point.
  return Math.min(maximum(ast, "Length", checked) * 3, maximum(ast, "CodePoints", checked) * 4, isUuid ? 36 : Infinity)
}

/** The least maximum that Effect's own checks, `isMax...` and `isBetween...`, put on a value. */
const maximum = (
  ast: SchemaAST.AST,
  what: "Length" | "CodePoints" | "Size" | "Properties",
  checked: boolean
): number => {
  if (!checked) return Infinity
  const maxima = declared(ast.checks).map(({ id, payload }) => {
    if (id === `effect/schema/isMax${what}`) return payload[`max${what}`]
    return id === `effect/schema/isBetween${what}` ? payload["maximum"] : undefined
  })
  return Math.min(Infinity, ...maxima.filter((max) => typeof max === "number"))
}

type Declared = { readonly id: string; readonly payload: Readonly<Record<string, unknown>> }

/** What each check declares of itself; every member of a group must pass, so each bounds the value. */
const declared = (checks: ReadonlyArray<SchemaAST.Check<unknown>> | undefined): ReadonlyArray<Declared> =>
  (checks ?? []).flatMap((check) => {
    if (check._tag === "FilterGroup") return declared(check.checks)
    const own = check.annotations?.representation
    return own === undefined ? [] : [{ id: own.id, payload: { ...Object(own.payload) } }]
  })

/** Every key name the schema fixes, at any depth: a record that reuses one does not pay for it. */
const fixedNames = (root: SchemaAST.AST): ReadonlySet<string> => {
  const names = new Set<string>()
  const seen = new Set<SchemaAST.AST>()
  const collect = (ast: SchemaAST.AST): void => {
    if (seen.has(ast)) return
    seen.add(ast)
    if (ast._tag === "Objects") {
      for (const { name } of ast.propertySignatures) names.add(String(name))
      for (const { type } of [...ast.propertySignatures, ...ast.indexSignatures]) collect(type)
    } else if (ast._tag === "Arrays") [...ast.elements, ...ast.rest].forEach(collect)
    else if (ast._tag === "Union") ast.types.forEach(collect)
    else if (ast._tag === "Declaration") ast.typeParameters.forEach(collect)
    else if (ast._tag === "Suspend") collect(ast.thunk())
  }
  collect(root)
  return names
}

/**
 * Values looked at before giving up with Infinity, as many as a mebibyte has bytes: what weighs nothing (a sparse array's
 * holes, an endless getter's objects) would otherwise let a message hold the event loop without reaching its limit.
 */
const maxVisits = 2 ** 20

interface Walk {
  readonly limit: number
  readonly fixed: ReadonlySet<string>
  readonly pending: Array<object>
  readonly seen: Set<object>
  total: number
  visits: number
}

const measure = (root: unknown, limit: number, fixed: ReadonlySet<string>): number => {
  if (typeof root !== "object" || root === null) return primitiveBytes(root, limit)
  const walk: Walk = { limit, fixed, pending: [root], seen: new Set([root]), total: 0, visits: 0 }
  for (let next = walk.pending.pop(); next !== undefined; next = walk.pending.pop()) {
    try {
      if (!expand(walk, next)) break
    } catch {
      // A hostile object (a proxy's trap, an iterator that throws) counts for what it has shown so far.
    }
  }
  return walk.total
}

/** False once there is no point in going on. */
const add = (walk: Walk, bytes: number): boolean => {
  walk.total += ++walk.visits > maxVisits ? Infinity : bytes
  return walk.total <= walk.limit && walk.visits <= maxVisits
}

/** Counts a leaf, puts off an object not yet seen. */
const visit = (walk: Walk, value: unknown): boolean => {
  if (typeof value !== "object" || value === null) return add(walk, primitiveBytes(value, walk.limit - walk.total))
  if (!walk.seen.has(value)) {
    walk.seen.add(value)
    walk.pending.push(value)
  }
  return add(walk, 0)
}

const visitAll = (walk: Walk, values: Iterable<unknown>): boolean => {
  for (const value of values) if (!visit(walk, value)) return false
  return true
}
/** Visits what `holder` holds. */
const expand = (walk: Walk, holder: object): boolean => {
  if (Array.isArray(holder) || holder instanceof Set) return visitAll(walk, holder)
  if (holder instanceof Map) return visitAll(walk, holder.keys()) && visitAll(walk, holder.values())
  if (ArrayBuffer.isView(holder) || holder instanceof ArrayBuffer) return add(walk, holder.byteLength)
  if (holder instanceof Date) return add(walk, 8)
  const prototype: unknown = Object.getPrototypeOf(holder)
  // The keys of an instance are its class's, never data.
  const isPlain = prototype === Object.prototype || prototype === null
  // Decoded JSON may carry the mark of a Redacted; nothing plain is one.
  if (!isPlain && Redacted.isRedacted(holder)) return visit(walk, Redacted.value(holder))
  const keys = Object.keys(holder)
  // An error keeps its message out of its enumerable properties.
  if (holder instanceof Error && !keys.includes("message") && !visit(walk, read(holder, "message"))) return false
  for (const key of keys) {
    if (isPlain && !walk.fixed.has(key) && !add(walk, utf8Bytes(key, walk.limit - walk.total))) return false
    if (!visit(walk, read(holder, key))) return false
  }
  return true
}

const read = (holder: object, key: string): unknown => {
  try {
    return Reflect.get(holder, key)
  } catch {
    return undefined
  }
}

const primitiveBytes = (value: unknown, limit: number): number => {
  if (typeof value === "string") return utf8Bytes(value, limit)
  if (typeof value !== "bigint") return typeof value === "number" ? 8 : typeof value === "boolean" ? 1 : 0
  return BigInt.asIntN(64, value) === value ? 8 : Math.ceil(value.toString(16).replace("-", "").length / 16) * 8
}

/** What TextEncoder would write, counted without writing it; a lone surrogate becomes U+FFFD, 3 bytes. */
const utf8Bytes = (text: string, limit: number): number => {
  // Each code unit takes at least a byte, so a long text need not be read to be refused.
  if (text.length > limit) return text.length
  let bytes = text.length
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    bytes += unit < 0x80 ? 0 : unit < 0x800 ? 1 : 2
    // A pair of surrogates takes 4 bytes: its two units, and the 2 just added.
    if ((unit & 0xfc00) === 0xd800 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00) index++
  }
  return bytes
}
