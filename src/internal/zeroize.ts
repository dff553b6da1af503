/**
 * Amnesia: what a message held is overwritten once the message has left.
 *
 * Memory that can be overwritten is found in payloads and answers: the bytes of every `ArrayBufferView`, `ArrayBuffer`
 * and `SharedArrayBuffer`, and the values of `Redacted`. Where to look is worked out from the schema, once for each
 * message of a protocol. Fields that the schema names are read as they are; what it leaves open (Unknown, a declared
 * type, a recursive one) is walked through, and there no getter is run.
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import type * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"

/** What is overwritten of one message of a protocol. */
export class Zeroizer {
  private readonly payload: Find | undefined
  private readonly success: Find | undefined
  private readonly error: Find | undefined

  constructor(payload: Schema.Top, success: Schema.Top, error: Schema.Top) {
    const [inPayload, inSuccess, inError] = [payload, success, error].map(({ ast }) => findOf(SchemaAST.toType(ast)))
    this.payload = inPayload
    this.success = inSuccess
    this.error = inError
  }

  /** Whether an answer may hold anything that can be overwritten. */
  get seesAnswers(): boolean {
    return this.success !== undefined || this.error !== undefined
  }

  /**
   * Overwrites the payload, and the handler's answer with it, if there is one that nobody takes. An answer that is
   * taken belongs to its asker: what can be reached from it stays, also what the payload shares with it. Gives the
   * number of bytes; never throws.
   */
  zeroize(payload: unknown, answer: Exit.Exit<unknown, unknown> | undefined, isTaken: boolean): number {
    // Most messages hold nothing that could be overwritten: they get no further.
    if (this.payload === undefined && (answer === undefined || isTaken)) return 0
    const lost = new Found()
    if (this.payload !== undefined) lost.visit(this.payload, payload)
    if (!isTaken) this.visitAnswer(answer, lost)
    if (lost.isEmpty) return 0
    const kept = new Found()
    if (isTaken) this.visitAnswer(answer, kept)
    // An answer that cannot be looked through may hold anything, and must not change under its asker.
    return kept.isCutOff ? 0 : lost.zeroizeBut(kept)
  }

  private visitAnswer(answer: Exit.Exit<unknown, unknown> | undefined, found: Found): void {
    if (answer === undefined) return
    if (Exit.isSuccess(answer)) {
      if (this.success !== undefined) found.visit(this.success, answer.value)
    } else if (this.error !== undefined) {
      for (const reason of answer.cause.reasons) if (Cause.isFailReason(reason)) found.visit(this.error, reason.error)
    }
  }
}

// --- Where to look ------------------------------------------------------------------------------------------------------

/** Notes what can be overwritten in a value of one schema. */
type Find = (value: unknown, found: Found) => void

const everything: Find = (value, found) => found.walk(value)

/** Undefined when values of the schema hold nothing that can be overwritten. */
const findOf = (ast: SchemaAST.AST): Find | undefined => {
  switch (ast._tag) {
    case "Any":
    case "Unknown":
    case "ObjectKeyword":
    // A suspended schema is nearly always recursive, and the walk knows how to deal with cycles.
    case "Suspend":
      return everything
    case "Declaration":
      return findInDeclared(ast)
    case "Union":
      return oneOf(ast.types.map(findOf))
    case "Arrays":
      return findInArray(ast.elements.map(findOf), oneOf(ast.rest.map(findOf)))
    case "Objects": {
      const { indexSignatures: open, propertySignatures: named } = ast
      // `Struct({})` is TypeScript's `{}`: it accepts, and keeps, anything that is not null or undefined.
      if (named.length === 0 && open.length === 0) return everything
      const fields = named.flatMap(({ name, type }) => {
        const find = findOf(type)
        return find === undefined ? [] : [{ name, find }]
      })
      return findInObject(fields, oneOf(open.map(({ type }) => findOf(type))))
    }
    default: // text, numbers and the like
      return undefined
  }
}

const own = (names: ReadonlyArray<string>): ReadonlySet<unknown> =>
  new Set(names.map((name) => `effect/schema/${name}`))

/** Types of Effect's that hold nothing that can be overwritten. The bytes of a `File` are out of JavaScript's reach. */
const plain = own([
  "BigDecimal",
  "ByteSize",
  "Date",
  "DateTimeUtc",
  "DateTimeZoned",
  "Duration",
  "File",
  "FormData",
  "RegExp",
  "SemVer",
  "SemVerRange",
  "TimeZone",
  "TimeZoneNamed",
  "TimeZoneOffset",
  "URL",
  "URLSearchParams"
])

/** Types of Effect's that hold what their type parameters say, and nothing else. */
const containers = own([
  "Cause",
  "CauseReason",
  "Chunk",
  "Exit",
  "Graph",
  "HashMap",
  "HashSet",
  "Option",
  "ReadonlyMap",
  "ReadonlySet",
  "Result"
])

const findInDeclared = (ast: SchemaAST.Declaration): Find | undefined => {
  const inner = ast.typeParameters.map(findOf)
  // How Effect marks a `Schema.Class`, whose one parameter is the struct of its fields.
  if (Object.hasOwn(ast.annotations ?? {}, "~constructor")) return oneOf(inner)
  const representation = ast.annotations?.["representation"]
  const id = Predicate.hasProperty(representation, "id") ? representation.id : undefined
  if (plain.has(id)) return undefined
  return containers.has(id) && oneOf(inner) === undefined ? undefined : everything
}

/** Looks in all of the ways: each passes over values that are not of its schema. */
const oneOf = (finds: ReadonlyArray<Find | undefined>): Find | undefined => {
  const some = finds.filter((find) => find !== undefined)
  if (some.length <= 1) return some[0]
  if (some.includes(everything)) return everything
  return (value, found) => {
    for (const find of some) found.visit(find, value)
  }
}

const findInArray = (fixed: ReadonlyArray<Find | undefined>, others: Find | undefined): Find | undefined => {
  if (others === undefined && fixed.every((find) => find === undefined)) return undefined
  return (value, found) => {
    if (!Array.isArray(value)) return
    const length = others === undefined ? Math.min(fixed.length, value.length) : value.length
    for (let index = 0; index < length && found.goesOn(); index++) {
      const find = index < fixed.length ? fixed[index] : others
      if (find !== undefined) found.visit(find, read(value, index))
    }
  }
}

interface Field {
  readonly name: PropertyKey
  readonly find: Find
}

const findInObject = (fields: ReadonlyArray<Field>, others: Find | undefined): Find | undefined => {
  if (fields.length === 0 && others === undefined) return undefined
  return (value, found) => {
    if (typeof value !== "object" || value === null) return
    for (const { find, name } of fields) found.visit(find, read(value, name))
    if (others === undefined) return
    for (const key of Reflect.ownKeys(value)) {
      if (!found.goesOn()) return
      found.visit(others, read(value, key))
    }
  }
}

const read = (holder: object, key: PropertyKey): unknown => {
  try {
    return Reflect.get(holder, key)
  } catch {
    return undefined
  }
}

// --- What was found -----------------------------------------------------------------------------------------------------

/**
 * Parts looked at before giving up. A payload that was measured has no more (see `sizer.ts`); an answer may, and so may a
 * proxy that never ends.
 */
const maxVisits = 2 ** 20

/** From a byte up to, and without, another. */
interface Range {
  readonly start: number
  readonly end: number
}

class Found {
  private readonly ranges = new Map<ArrayBufferLike, Array<Range>>()
  private readonly redacted = new Set<Redacted.Redacted<unknown>>()
  private readonly seen = new Set<object>()
  private readonly pending: Array<object> = []
  private visits = 0

  get isEmpty(): boolean {
    return this.ranges.size === 0 && this.redacted.size === 0
  }

  /** There was more than could be looked at. */
  get isCutOff(): boolean {
    return this.visits > maxVisits
  }

  /** Counts a part; false once there were too many. */
  goesOn(): boolean {
    return ++this.visits <= maxVisits
  }

  visit(find: Find, value: unknown): void {
    try {
      find(value, this)
    } catch {
      // A hostile object (a revoked proxy): it is passed over, and the rest is not.
    }
  }

  /** Looks through a value of any kind. A loop, not a recursion: it may be as deep as the user likes. */
  walk(root: unknown): void {
    this.add(root)
    for (let next = this.pending.pop(); next !== undefined; next = this.pending.pop()) {
      try {
        this.expand(next)
      } catch {
        // As in `visit`, and a `Redacted` that was wiped before.
      }
    }
  }

  /** Puts off an object not yet seen; false once there is no point in going on. */
  private add(value: unknown): boolean {
    if (!this.goesOn()) return false
    if (typeof value === "object" && value !== null && !this.seen.has(value)) {
      this.seen.add(value)
      this.pending.push(value)
    }
    return true
  }

  private addAll(values: Iterable<unknown>): boolean {
    for (const value of values) if (!this.add(value)) return false
    return true
  }

  private expand(holder: object): void {
    // Of a view its own bytes, not its whole buffer, which it may share: Node keeps small Buffers in one pool.
    if (ArrayBuffer.isView(holder)) return this.note(holder.buffer, holder.byteOffset, holder.byteLength)
    if (isBuffer(holder)) return this.note(holder, 0, holder.byteLength)
    if (Array.isArray(holder)) {
      for (let index = 0; index < holder.length; index++) if (!this.add(read(holder, index))) return
      return
    }
    if (holder instanceof Set) return void this.addAll(holder)
    if (holder instanceof Map) return void (this.addAll(holder.keys()) && this.addAll(holder.values()))
    const prototype: unknown = Object.getPrototypeOf(holder)
    // Decoded JSON may carry the mark of a Redacted; nothing plain is one.
    if (prototype !== Object.prototype && prototype !== null && Redacted.isRedacted(holder)) {
      this.add(Redacted.value(holder))
      this.redacted.add(holder)
      return
    }
    for (const key of Reflect.ownKeys(holder)) {
      const property = Reflect.getOwnPropertyDescriptor(holder, key)
      if (property !== undefined && !this.add(property.value)) return
    }
  }

  private note(buffer: ArrayBufferLike, start: number, length: number): void {
    // Nothing is left of one that is detached.
    if (length === 0) return
    const ranges = this.ranges.get(buffer)
    const range = { start, end: start + length }
    if (ranges === undefined) this.ranges.set(buffer, [range])
    else ranges.push(range)
  }

  /** Overwrites all of it that is not also in `kept`; gives the number of bytes. */
  zeroizeBut(kept: Found): number {
    for (const redacted of this.redacted) if (!kept.redacted.has(redacted)) Redacted.wipeUnsafe(redacted)
    let bytes = 0
    for (const [buffer, ranges] of this.ranges) {
      for (const range of subtract(merge(ranges), merge(kept.ranges.get(buffer) ?? []))) {
        bytes += overwrite(buffer, range)
      }
    }
    return bytes
  }
}

/** Whatever realm it comes from. */
const isBuffer = (holder: object): holder is ArrayBufferLike => {
  switch (Object.prototype.toString.call(holder)) {
    // The getters throw for what only looks like one.
    case "[object ArrayBuffer]":
      return Reflect.get(ArrayBuffer.prototype, "byteLength", holder) !== undefined
    case "[object SharedArrayBuffer]":
      return Reflect.get(SharedArrayBuffer.prototype, "byteLength", holder) !== undefined
    default:
      return false
  }
}

const overwrite = (buffer: ArrayBufferLike, { end, start }: Range): number => {
  try {
    new Uint8Array(buffer, start, end - start).fill(0)
    return end - start
  } catch {
    // A getter has detached or shrunk it meanwhile; or it is immutable.
    return 0
  }
}

/** In their order, those that overlap or touch as one. */
const merge = (ranges: ReadonlyArray<Range>): ReadonlyArray<Range> => {
  if (ranges.length <= 1) return ranges
  const merged: Array<Range> = []
  for (const range of ranges.toSorted((a, b) => a.start - b.start)) {
    const last = merged.at(-1)
    if (last === undefined || last.end < range.start) merged.push(range)
    else merged[merged.length - 1] = { start: last.start, end: Math.max(last.end, range.end) }
  }
  return merged
}

/** What is left of merged ranges without others, merged as well. */
const subtract = (ranges: ReadonlyArray<Range>, others: ReadonlyArray<Range>): ReadonlyArray<Range> => {
  if (others.length === 0) return ranges
  const left: Array<Range> = []
  let next = 0
  for (const { end, start } of ranges) {
    let from = start
    while (next < others.length && others[next]!.end <= from) next++
    for (let index = next; index < others.length && others[index]!.start < end; index++) {
      const other = others[index]!
      if (from < other.start) left.push({ start: from, end: other.start })
      from = other.end
    }
    if (from < end) left.push({ start: from, end })
  }
  return left
}
