/** Checks PromQL against the contract of the metrics: that each name, label and value is such as there is. */
import { parser } from "@prometheus-io/lezer-promql"
import { RykerMetrics } from "ryker"

type Node = ReturnType<typeof parser.parse>["topNode"]

/** What is known of a series: its labels, and the values of those that have fixed ones. */
export interface Series {
  readonly labels: ReadonlySet<string>
  readonly values: Readonly<Record<string, ReadonlyArray<string>>>
  readonly kind: "counter" | "gauge" | "bucket"
}

/** What Prometheus adds to all that it scrapes. */
const targetLabels = ["job", "instance"]

/** The series of the contract as Prometheus has them, and those that it makes itself. */
export const knownSeries = (): Map<string, Series> => {
  const known = new Map<string, Series>()
  for (const { buckets, labels, name, type } of RykerMetrics.contract) {
    const own = [...targetLabels, ...labels.map((label) => label.name)]
    const values = Object.fromEntries(
      labels.flatMap((label) => (label.values === undefined ? [] : [[label.name, Object.keys(label.values)]]))
    )
    if (type !== "histogram") {
      known.set(name, { labels: new Set(own), values, kind: type })
      continue
    }
    const le = [...(buckets ?? []).map(String), "+Inf"]
    known.set(`${name}_bucket`, { labels: new Set([...own, "le"]), values: { ...values, le }, kind: "bucket" })
    for (const part of ["sum", "count"]) known.set(`${name}_${part}`, { labels: new Set(own), values, kind: "counter" })
  }
  const alerts = ["alertname", "alertstate", "severity", "actor", "source", "error", ...targetLabels]
  known.set("ALERTS", { labels: new Set(alerts), values: { alertstate: ["pending", "firing"] }, kind: "gauge" })
  return known
}

/** What a query gives. */
export interface Checked {
  readonly problems: ReadonlyArray<string>
  /** The labels that its result can have. */
  readonly labels: ReadonlySet<string>
  /** The series that it reads. */
  readonly reads: ReadonlySet<string>
}

const none: ReadonlySet<string> = new Set()
const expressions = /Expr$|^(?:MatrixSelector|VectorSelector|FunctionCall|NumberDurationLiteral|StringLiteral)$/

const children = (node: Node): ReadonlyArray<Node> => {
  const all: Array<Node> = []
  for (let child = node.firstChild; child !== null; child = child.nextSibling) all.push(child)
  return all
}

/** Functions that make no sense of anything but counters. */
const ofCounters = ["rate", "irate", "increase"]

/** What Grafana fills in before it asks, with something that has the same form. */
const filledIn = (query: string) => query.replaceAll(/\$__(?:rate_interval|interval|range)/g, "5m")

/** A value that a dashboard's variable stands for, or a pattern that is more than a list. */
const isOpen = (value: string, isPattern: boolean) => value.includes("$") || (isPattern && /[.*+?()[\]]/.test(value))

export const checkQuery = (text: string, known: ReadonlyMap<string, Series>): Checked => {
  const query = filledIn(text)
  const problems: Array<string> = []
  const reads = new Set<string>()
  const textOf = (node: Node | null) => (node === null ? "" : query.slice(node.from, node.to))
  const named = (node: Node) =>
    children(node)
      .filter(({ name }) => name === "LabelName")
      .map(textOf)

  const checkMatcher = (matcher: Node, name: string, series: Series) => {
    const label = textOf(matcher.getChild("LabelName"))
    const value = textOf(matcher.getChild("StringLiteral")).slice(1, -1)
    const isPattern = textOf(matcher.getChild("MatchOp")).endsWith("~")
    if (!series.labels.has(label)) problems.push(`${name} has no label "${label}"`)
    const values = series.values[label]
    if (values === undefined || isOpen(value, isPattern)) return
    for (const one of isPattern ? value.split("|") : [value]) {
      if (!values.includes(one)) problems.push(`${label} of ${name} is never "${one}"`)
    }
  }

  const selector = (node: Node): ReadonlySet<string> => {
    const name = textOf(node.getChild("Identifier"))
    const series = known.get(name)
    reads.add(name)
    if (series === undefined) {
      problems.push(name === "" ? `"${textOf(node)}" names no metric` : `there is no metric "${name}"`)
      return none
    }
    for (const matcher of node.getChild("LabelMatchers")?.getChildren("UnquotedLabelMatcher") ?? []) {
      checkMatcher(matcher, name, series)
    }
    return series.labels
  }

  const grouped = (node: Node, inner: ReadonlySet<string>): ReadonlyArray<string> => {
    const labels = named(node)
    for (const label of labels)
      if (!inner.has(label)) problems.push(`nothing in "${textOf(node.parent?.parent ?? node)}" has a label "${label}"`)
    return labels
  }

  const aggregate = (node: Node): ReadonlySet<string> => {
    const inner = union(children(node.getChild("FunctionCallBody")!))
    const modifier = node.getChild("AggregateModifier")
    const labels = modifier?.getChild("GroupingLabels")
    if (!modifier || !labels) return none
    const list = grouped(labels, inner)
    return modifier.getChild("By") ? new Set(list) : new Set([...inner].filter((label) => !list.includes(label)))
  }

  const call = (node: Node): ReadonlySet<string> => {
    const name = textOf(node.getChild("FunctionIdentifier"))
    const body = node.getChild("FunctionCallBody")
    const labels = union(body === null ? [] : children(body))
    if (ofCounters.includes(name)) {
      const read = textOf(body?.getChild("MatrixSelector")?.getChild("VectorSelector")?.getChild("Identifier") ?? null)
      if (known.get(read)?.kind === "gauge") problems.push(`${name} of ${read}, which is no counter`)
    }
    if (name !== "histogram_quantile") return labels
    if (!labels.has("le")) problems.push(`histogram_quantile of what has no label "le"`)
    return new Set([...labels].filter((label) => label !== "le"))
  }

  const binary = (node: Node): ReadonlySet<string> => {
    const [left = none, right = none] = children(node)
      .filter(({ name }) => expressions.test(name))
      .map(labelsOf)
    const clause = node.getChild("MatchingModifierClause")
    const list = clause?.getChild("GroupingLabels")
    const both = new Set([...left, ...right])
    if (list) grouped(list, both)
    if (node.getChild("Or")) return both
    // 1 - x has the labels of x.
    return left.size > 0 ? left : right
  }

  const union = (nodes: ReadonlyArray<Node>): ReadonlySet<string> =>
    new Set(nodes.flatMap((node) => [...labelsOf(node)]))

  const labelsOf = (node: Node): ReadonlySet<string> => {
    switch (node.name) {
      case "VectorSelector":
        return selector(node)
      case "AggregateExpr":
        return aggregate(node)
      case "FunctionCall":
        return call(node)
      case "BinaryExpr":
        return binary(node)
      default:
        return union(children(node))
    }
  }

  const tree = parser.parse(query)
  tree.iterate({
    enter: ({ from, type }) => {
      if (type.isError) problems.push(`it cannot be parsed from "${query.slice(from, from + 20)}" on`)
    }
  })
  return { problems, labels: labelsOf(tree.topNode), reads }
}
