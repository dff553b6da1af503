// Writes what the documentation says of the metrics: the tables in docs/metrics.md.
//
// With --check it changes nothing, and fails when they differ from the contract in src/.
import { RykerMetrics } from "ryker"
import { readFileSync } from "node:fs"
import { between, table, writeOrCheck } from "./generated.ts"

const page = "docs/metrics.md"

const metrics = table(
  ["metric", "type", "labels", "what it is"],
  RykerMetrics.contract.map(({ description, labels, name, type }) => {
    const names = labels.map((label) => `\`${label.name}\``).join(", ")
    return [`\`${name}\``, type, names, description]
  })
)

const buckets = RykerMetrics.contract.flatMap(({ buckets, name }) =>
  buckets === undefined ? [] : [[`\`${name}\``, buckets.join(", ")]]
)

/** Labels as they are described, each once, with the metrics that have it. */
const labels = new Map<string, ReadonlyArray<string>>()
for (const { labels: own, name } of RykerMetrics.contract) {
  for (const { description, name: label, values } of own) {
    const list = Object.entries(values ?? {}).map(([value, meaning]) => `| \`${value}\` | ${meaning} |`)
    const body = list.length === 0 ? "" : ["", "| value | meaning |", "| --- | --- |", ...list].join("\n")
    const text = `\`${label}\`: ${description}.${body === "" ? "" : `\n${body}`}`
    labels.set(text, [...(labels.get(text) ?? []), `\`${name}\``])
  }
}

const sections = Array.from(labels, ([text, names]) => {
  // The label that nearly all have needs no list.
  const whose = names.length > 2 ? "" : ` Of ${names.join(" and ")}.`
  return text.replace(/\.(?=\n|$)/, `.${whose}`)
})

const content = [
  metrics,
  "Upper bounds of buckets, in seconds; the last bucket is infinite:",
  table(["histogram", "bounds"], buckets),
  "### Labels",
  ...sections
].join("\n\n")

writeOrCheck(new Map([[page, between(page, readFileSync(page, "utf8"), "metrics", content)]]), "metrics-docs")
