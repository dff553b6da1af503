// Writes what the documentation says of the settings: docs/ryker.config.schema.json and the table in docs/configuration.md.
//
// With --check it changes nothing, and fails when they differ from the schema in src/.
import { RykerConfig } from "ryker"
import { between, table, writeOrCheck } from "./generated.ts"

const page = "docs/configuration.md"

const keys = table(
  ["key", "environment", "default", "allowed", "class", "what it is for"],
  RykerConfig.keys.map((key) => {
    const names = [key.environment, ...(key.deprecated === undefined ? [] : [`${key.deprecated} (deprecated)`])]
    const cells = [`\`${key.key}\``, names.map((name) => `\`${name}\``).join(", "), key.default, key.valid, key.class]
    return [...cells, key.description]
  })
)

const files = new Map([
  [page, between(page, "config", keys)],
  ["docs/ryker.config.schema.json", JSON.stringify(RykerConfig.jsonSchema, null, 2)]
])
writeOrCheck(files, "npm run config-docs")
