/** Settings as text: files in each format, lines for the environment, and the JSON Schema of files. */
import type { Format } from "./configFile.ts"
import { flatten, type RykerConfig, type Setting, settings } from "./configSchema.ts"

const sections = Array.from(new Set(settings.map(({ section }) => section)))

const inSection = (section: string) => settings.filter((setting) => setting.section === section)

/** Digits and flags stand for themselves; anything else is quoted. */
const literal = ({ format }: Setting, value: unknown): string => {
  const text = format(value)
  return typeof value === "boolean" || /^\d+$/.test(text) ? text : JSON.stringify(text)
}

export const format = (config: RykerConfig, as: Format | "env"): string => {
  const values = flatten(config)
  const lines = (section: string, write: (setting: Setting) => string) => inSection(section).map(write)
  switch (as) {
    case "toml":
      return sections
        .map((section) =>
          [`[${section}]`, ...lines(section, (each) => `${each.name} = ${literal(each, values[each.key])}`), ""].join(
            "\n"
          )
        )
        .join("\n")
    case "yaml":
      return sections
        .map((section) =>
          [`${section}:`, ...lines(section, (each) => `  ${each.name}: ${literal(each, values[each.key])}`), ""].join(
            "\n"
          )
        )
        .join("")
    case "json": {
      const json = sections.map((section) => {
        const fields = lines(section, (each) => `    "${each.name}": ${literal(each, values[each.key])}`)
        return `  "${section}": {\n${fields.join(",\n")}\n  }`
      })
      return `{\n${json.join(",\n")}\n}\n`
    }
    case "env":
      return settings.map(({ environment, format, key }) => `${environment}=${format(values[key])}\n`).join("")
  }
}

export const jsonSchemaOf = (all: ReadonlyArray<Setting>): Readonly<Record<string, unknown>> => ({
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "Settings of ryker",
  type: "object",
  additionalProperties: false,
  properties: Object.fromEntries(
    sections.map((section) => [
      section,
      {
        type: "object",
        additionalProperties: false,
        properties: Object.fromEntries(
          all
            .filter((setting) => setting.section === section)
            .map(({ class: reload, default: standard, description, environment, json, name, valid }) => [
              name,
              {
                ...json,
                description: `${description}: ${valid}. Default ${standard}; ${reload}; ${environment} in the environment.`
              }
            ])
        )
      }
    ])
  )
})
