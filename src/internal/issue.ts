/**
 * What is wrong with a payload, told without a word of the payload.
 *
 * Effect's own formatters print the value found when asked to report inputs, and always print the keys found and the
 * messages that checks and transformations make at run time, which may quote the value. Here every word comes from the
 * schema: the names of its fields, and the annotations and types of the node that failed. The one number taken from the
 * payload is the index of an array's element.
 *
 * What this cannot see through: a transformation that makes a schema of the value, and fails with that schema's issue.
 */
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaIssue from "effect/SchemaIssue"

const maxProblems = 5
const maxDepth = 100
const maxText = 160

/**
 * Each problem with its path and what was expected, never the value found: `amount: expected a finite number;
 * note.text: is missing`. `*` stands for a key that the sender chose. At most 5 problems, then "and N more".
 */
export const describeIssue = (error: Schema.SchemaError | SchemaIssue.Issue): string => {
  const lines: Array<string> = []
  let more = 0
  collect(
    SchemaIssue.isIssue(error) ? error : error.issue,
    { path: "", ast: undefined, wanted: undefined, depth: 0 },
    (path, text) => {
      const line = path === "" ? clip(text) : `${clip(path)}: ${clip(text)}`
      // A record of a thousand bad values is one problem, since their keys do not tell them apart.
      if (lines.includes(line)) return
      if (lines.length < maxProblems) lines.push(line)
      else more++
    }
  )
  return more === 0 ? lines.join("; ") : `${lines.join("; ")}; and ${more} more`
}

interface Place {
  readonly path: string
  /** Where the path stands in the schema, when that is known. */
  readonly ast: SchemaAST.AST | undefined
  /** What a transformation that fails here was to be given. */
  readonly wanted: string | undefined
  readonly depth: number
}

type Add = (path: string, text: string) => void

const collect = (issue: SchemaIssue.Issue, place: Place, add: Add): void => {
  const { path } = place
  const at = (change: Partial<Place>): Place => ({ ...place, depth: place.depth + 1, ...change })
  if (place.depth > maxDepth) return add(path, "is not valid")
  switch (issue._tag) {
    case "MissingKey":
      return add(path, "is missing")
    case "UnexpectedKey":
      return add(path, issue.ast._tag === "Arrays" ? "an unexpected element" : "an unexpected key")
    case "Forbidden":
      return add(path, "is not allowed")
    case "InvalidType":
      return add(path, `expected ${describe(issue.ast)}`)
    case "InvalidValue":
      return add(path, place.wanted === undefined ? "is not valid" : `expected ${place.wanted}`)
    case "OneOf":
      return add(path, `expected exactly one of ${describe(issue.ast)}`)
    case "AnyOf": {
      const [only, ...others] = issue.issues
      // One member was meant, so its own problem says more; of several, none can be told to be.
      if (only !== undefined && others.length === 0) return collect(only, at({ ast: issue.ast }), add)
      return add(path, `expected ${describe(issue.ast)}`)
    }
    case "Filter": {
      const text = describeFilter(issue.filter)
      for (const inner of pathsWithin(issue.issue, place)) add(inner, text)
      return
    }
    case "Pointer": {
      // What is unexpected is told of the place that holds it: its name is the sender's.
      const keys = issue.issue._tag === "UnexpectedKey" ? issue.path.slice(0, -1) : issue.path
      return collect(issue.issue, keys.reduce<Place>(step, at({ wanted: undefined })), add)
    }
    case "Composite":
      // Its inner issues speak of the parts that Effect makes of the text.
      if (issue.ast._tag === "TemplateLiteral") return add(path, `expected ${describe(issue.ast)}`)
      for (const inner of issue.issues) collect(inner, at({ ast: issue.ast }), add)
      return
    case "Encoding": {
      const source = issue.ast.encoding?.at(-1)?.to
      const wanted = (source && annotated(source)) ?? describe(issue.ast)
      return collect(issue.issue, at({ ast: issue.ast, wanted }), add)
    }
  }
}

/**
 * A check is user code: of the issue it made only the path is taken, and of that only the names that the schema
 * declares, up to the first that it does not.
 */
const pathsWithin = (issue: SchemaIssue.Issue, place: Place): ReadonlyArray<string> => {
  const deeper: Place = { ...place, depth: place.depth + 1 }
  if (place.depth > maxDepth) return [place.path]
  if (issue._tag === "Composite") return issue.issues.flatMap((inner) => pathsWithin(inner, deeper))
  if (issue._tag !== "Pointer") return [place.path]
  let current = deeper
  for (const key of issue.path) {
    const found = field(current.ast, key)
    if (found === undefined) return [current.path]
    current = { ...current, ast: found.type, path: append(current.path, found.name) }
  }
  return pathsWithin(issue.issue, current)
}

/** The place one key further; `*` for a key that is data. */
const step = (place: Place, key: PropertyKey): Place => {
  const { ast, path } = place
  const found = field(ast, key)
  if (found !== undefined) return { ...place, ast: found.type, path: append(path, found.name) }
  if (ast?._tag === "Arrays" && typeof key === "number") {
    return { ...place, ast: ast.elements[key] ?? ast.rest[0], path: `${path}[${key}]` }
  }
  // The parts of Effect's own types ("value", "entries") are not data either.
  const isPart = ast?._tag === "Declaration" && isOfEffect(ast) && effectParts.has(key)
  return { ...place, ast: undefined, path: isPart ? append(path, key) : path === "" ? "*" : `${path}.*` }
}

const effectParts: ReadonlySet<PropertyKey> = new Set([
  "cause",
  "defect",
  "entries",
  "error",
  "failure",
  "reasons",
  "success",
  "value",
  "values"
])

const isOfEffect = (ast: SchemaAST.AST): boolean => {
  const representation = ast.annotations?.["representation"]
  const id = Predicate.hasProperty(representation, "id") ? representation.id : undefined
  return typeof id === "string" && id.startsWith("effect/schema/")
}

/** The field of that name which the schema declares. */
const field = (
  ast: SchemaAST.AST | undefined,
  key: PropertyKey,
  depth = 0
): SchemaAST.PropertySignature | undefined => {
  // Unions of unions, no deeper than people write them.
  if (ast === undefined || depth > 10) return undefined
  switch (ast._tag) {
    case "Objects":
      return ast.propertySignatures.find(({ name }) => name === key || String(name) === key)
    case "Suspend":
      return field(ast.thunk(), key, depth + 1)
    case "Union":
      for (const member of ast.types) {
        const found = field(member, key, depth + 1)
        if (found !== undefined) return found
      }
      return undefined
    case "Declaration": {
      // Of a class, the struct of its fields; other types have no fields to point at.
      const [fields] = ast.typeParameters
      return fields?._tag === "Objects" ? field(fields, key, depth + 1) : undefined
    }
    default:
      return undefined
  }
}

const append = (path: string, name: PropertyKey): string => {
  if (typeof name === "symbol") return `${path}[${String(name)}]`
  const text = String(name)
  if (!/^[\w$-]+$/.test(text)) return `${path}[${JSON.stringify(text)}]`
  return path === "" ? text : `${path}.${text}`
}

/** What the schema's author calls it. */
const annotated = (ast: SchemaAST.AST): string | undefined => {
  // Annotations given to a schema with checks are kept on the last of them.
  const { identifier } = (ast.checks?.at(-1) ?? ast).annotations ?? {}
  return text(identifier) ?? text(ast.annotations?.["expected"])
}

const describe = (ast: SchemaAST.AST, depth = 0): string => {
  if (depth > 4) return "..."
  const name = annotated(ast)
  if (name !== undefined) return name
  switch (ast._tag) {
    case "Literal":
      return typeof ast.literal === "string" ? JSON.stringify(ast.literal) : String(ast.literal)
    case "UniqueSymbol":
      return String(ast.symbol)
    case "Enum":
      return ast.enums.map(([, value]) => JSON.stringify(value)).join(" | ")
    case "TemplateLiteral": {
      const parts = ast.parts.map((part) =>
        part._tag === "Literal" ? String(part.literal) : `\${${describe(part, depth + 1)}}`
      )
      return `\`${parts.join("")}\``
    }
    case "Union":
      return Array.from(new Set(ast.types.map((type) => describe(type, depth + 1)))).join(" | ")
    case "Suspend":
      return describe(ast.thunk(), depth + 1)
    case "Arrays":
      return "array"
    case "Objects": {
      const tags = ast.propertySignatures.filter(({ type }) => type._tag === "Literal")
      if (depth === 0 || tags.length === 0) return "object"
      return `{ ${tags.map(({ name, type }) => `${append("", name)}: ${describe(type, depth + 1)}`).join(", ")} }`
    }
    case "ObjectKeyword":
      return "object"
    case "Declaration":
      return "a value of the declared type"
    default:
      return ast._tag.toLowerCase()
  }
}

const describeFilter = ({ annotations }: SchemaAST.Filter<unknown>): string => {
  const expected = text(annotations?.expected) ?? text(annotations?.identifier) ?? text(annotations?.title)
  if (expected !== undefined) return `expected ${expected}`
  return text(annotations?.message) ?? "does not pass a check"
}

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined)

/** On one line, and short: a union of hundreds of literals would drown the rest. */
const clip = (value: string): string => {
  const line = value.replace(/\s+/g, " ")
  return line.length > maxText ? `${line.slice(0, maxText)}...` : line
}
