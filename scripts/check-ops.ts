// Checks docs/ops against the metrics: every query of the rules and of the dashboard names metrics, labels and values that there
// are; every alert has its tests and its section in the runbook; the dashboard leaves out no metric.
import * as Yaml from "effect/encoding/Yaml"
import { RykerConfig, RykerMetrics } from "ryker"
import { readFileSync } from "node:fs"
import { type Checked, checkQuery, knownSeries, type Series } from "./ops/promql.ts"

const rulesFile = "docs/ops/prometheus/ryker.rules.yml"
const testsFile = "docs/ops/prometheus/ryker.rules.test.yml"
const dashboardFile = "docs/ops/grafana/ryker.json"
const runbookFile = "docs/runbook.md"

interface Rule {
  readonly record?: string
  readonly alert?: string
  readonly expr: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

interface Target {
  readonly expr: string
  readonly legendFormat?: string
}

interface Dashboard {
  readonly panels: ReadonlyArray<{ readonly title: string; readonly targets?: ReadonlyArray<Target> }>
  readonly templating: {
    readonly list: ReadonlyArray<{ readonly name: string; readonly type: string; readonly definition?: string }>
  }
  readonly annotations: { readonly list: ReadonlyArray<{ readonly name: string; readonly expr: string }> }
}

const problems: Array<string> = []
let queries = 0
const known = knownSeries()

const check = (where: string, query: string): Checked => {
  queries++
  const checked = checkQuery(query, known)
  problems.push(...checked.problems.map((problem) => `${where}: ${problem}`))
  return checked
}

/** Labels that a template names, as in {{ $labels.actor }} or {{actor}}. */
const templated = (text: string) =>
  Array.from(text.matchAll(/\{\{\s*(?:\$labels\.)?([a-z_]+)\s*\}\}/g), ([, name]) => name!)

const checkTemplate = (where: string, text: string, labels: ReadonlySet<string>) => {
  for (const label of templated(text)) {
    if (!labels.has(label)) problems.push(`${where}: its result has no label "${label}"`)
  }
}

// --- Rules ---------------------------------------------------------------------------------------------------------------

// These files are ours, and promtool has read them.
const { groups } = Yaml.parse(readFileSync(rulesFile, "utf8")) as {
  readonly groups: ReadonlyArray<{ readonly name: string; readonly rules: ReadonlyArray<Rule> }>
}
const alerts: Array<Rule & { readonly alert: string }> = []
for (const { name: group, rules } of groups) {
  for (const rule of rules) {
    const name = rule.record ?? rule.alert ?? "a rule without a name"
    const where = `${rulesFile}: ${name}`
    const { labels } = check(where, rule.expr)
    if (rule.record !== undefined) {
      // An operator adds rules for actors of their own to the parameter.
      const more = group === "ryker-parameters" ? ["actor"] : []
      const series: Series = {
        labels: new Set([...labels, ...Object.keys(rule.labels ?? {}), ...more]),
        values: {},
        kind: "gauge"
      }
      known.set(rule.record, series)
    } else {
      alerts.push({ ...rule, alert: name })
      for (const text of Object.values(rule.annotations ?? {})) checkTemplate(where, text, labels)
    }
  }
}
const deadline = groups[0]?.rules.find(({ record }) => record === "ryker:deadline_seconds")?.expr
if (deadline !== `vector(${RykerConfig.defaults.defaults.deadline / 1_000})`) {
  problems.push(`${rulesFile}: ryker:deadline_seconds is ${deadline}, not the default of defaults.deadline`)
}

// --- Alerts --------------------------------------------------------------------------------------------------------------

interface Tests {
  readonly tests: ReadonlyArray<{
    readonly alert_rule_test?: ReadonlyArray<{
      readonly alertname: string
      readonly exp_alerts: ReadonlyArray<unknown>
    }>
  }>
}

const { tests } = Yaml.parse(readFileSync(testsFile, "utf8")) as Tests
const firing = new Set(
  tests.flatMap(({ alert_rule_test = [] }) =>
    alert_rule_test.filter((test) => test.exp_alerts.length > 0).map((test) => test.alertname)
  )
)

/** The sections of a page by their anchors, as GitHub makes them. */
const sections = new Map(
  readFileSync(runbookFile, "utf8")
    .split(/^(?=#+ )/m)
    .map((section) => {
      const title = /^#+ (.*)/.exec(section)?.[1] ?? ""
      return [
        title
          .toLowerCase()
          .replaceAll(/[^\w\s-]/g, "")
          .replaceAll(" ", "-"),
        section
      ] as const
    })
)

for (const { alert, annotations, labels } of alerts) {
  const where = `${rulesFile}: ${alert}`
  if (!firing.has(alert)) problems.push(`${testsFile} never has ${alert} fire`)
  if (annotations?.["summary"] === undefined) problems.push(`${where} has no summary`)
  if (!["page", "ticket"].includes(labels?.["severity"] ?? "")) problems.push(`${where} has no severity`)
  const [page, anchor] = annotations?.["runbook"]?.split("#") ?? []
  const section = page === runbookFile ? sections.get(anchor ?? "") : undefined
  if (section === undefined) problems.push(`${where}: there is no section ${annotations?.["runbook"]}`)
  else if (!section.includes(alert)) problems.push(`${runbookFile}#${anchor} does not name ${alert}`)
}
/** What is named like an alert and is none. */
const modules = ["RykerConfig", "RykerMetrics", "RykerPrometheus"]
for (const [, name] of readFileSync(runbookFile, "utf8").matchAll(/`(Ryker[A-Z]\w+)`/g)) {
  if (!modules.includes(name!) && !alerts.some(({ alert }) => alert === name)) {
    problems.push(`${runbookFile}: there is no alert ${name}`)
  }
}

// --- Dashboard -----------------------------------------------------------------------------------------------------------

const dashboard = JSON.parse(readFileSync(dashboardFile, "utf8")) as Dashboard
const shown = new Set<string>()
for (const { targets = [], title } of dashboard.panels) {
  for (const { expr, legendFormat = "" } of targets) {
    const where = `${dashboardFile}: ${title}`
    const { labels, reads } = check(where, expr)
    for (const name of reads) shown.add(name)
    checkTemplate(where, legendFormat, labels)
  }
}
for (const { expr, name } of dashboard.annotations.list) check(`${dashboardFile}: ${name}`, expr)
const variables = new Set(dashboard.templating.list.map(({ name }) => name))
for (const { definition = "", name, type } of dashboard.templating.list) {
  if (type !== "query") continue
  const where = `${dashboardFile}: $${name}`
  const [, query, label] = /^label_values\((.*), (\w+)\)$/.exec(definition) ?? []
  if (query === undefined || label === undefined) problems.push(`${where} is no label_values(query, label)`)
  else if (!check(where, query).labels.has(label)) problems.push(`${where}: its result has no label "${label}"`)
}
for (const [, name] of JSON.stringify(dashboard).matchAll(/\$\{?([a-z]\w*)/g)) {
  if (!variables.has(name!)) problems.push(`${dashboardFile}: there is no variable $${name}`)
}
for (const { name } of RykerMetrics.contract) {
  if (![name, `${name}_bucket`, `${name}_count`].some((series) => shown.has(series))) {
    problems.push(`${dashboardFile} does not show ${name}`)
  }
}

for (const problem of problems) console.error(problem)
console.log(`${queries} queries and ${alerts.length} alerts checked, ${problems.length} problems`)
process.exitCode = queries === 0 || problems.length > 0 ? 1 : 0
