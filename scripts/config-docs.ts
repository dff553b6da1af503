// Writes what the documentation says of the settings: docs/ryker.config.schema.json and the table in docs/configuration.md.
//
// With --check it changes nothing, and fails when they differ from the schema in src/.
import { RykerConfig } from "ryker"
import { readFileSync } from "node:fs"
import { between, table, writeOrCheck } from "./generated.ts"

const page = "docs/configuration.md"
const schema = "docs/ryker.config.schema.json"

const keys = table(
  ["key", "environment", "default", "allowed", "class", "what it is for"],
  RykerConfig.keys.map((key) => {
    const names = [key.environment, ...(key.deprecated === undefined ? [] : [`${key.deprecated} (deprecated)`])]
    const cells = [`\`${key.key}\``, names.map((name) => `\`${name}\``).join(", "), key.default, key.valid, key.class]
    return [...cells, key.description]
  })
)

writeOrCheck(
  new Map([
    [page, between(page, readFileSync(page, "utf8"), "config", keys)],
    [schema, JSON.stringify(RykerConfig.jsonSchema, null, 2)]
  ]),
  "config-docs"
)
