// Checks that the tarball holds what a user needs and nothing else.
import { execFileSync } from "node:child_process"

const allowed = [
  /^(?:package\.json|README\.md|LICENSE|CHANGELOG\.md)$/,
  /^dist\/.+\.(?:js|d\.ts)(?:\.map)?$/,
  // The sources that the maps in dist/ point at.
  /^src\/.+\.ts$/
]
const needed = [
  "package.json",
  "README.md",
  "LICENSE",
  "dist/index.js",
  "dist/index.d.ts",
  "dist/testing/index.js",
  "dist/testing/index.d.ts",
  "dist/cli/bin.js",
  "dist/opentelemetry/index.js",
  "dist/opentelemetry/index.d.ts",
  "dist/http/index.js",
  "dist/http/index.d.ts",
  "dist/inspector/index.js",
  "dist/inspector/index.d.ts",
  "dist/inspector/internal/assets.generated.js",
  "src/index.ts"
]

const report = execFileSync("npm", ["pack", "--dry-run", "--json"], {
  encoding: "utf8",
  stdio: ["ignore", "pipe", "ignore"]
})
const [{ files }] = JSON.parse(report) as [{ files: ReadonlyArray<{ path: string }> }]
const paths = files.map((file) => file.path)
const problems = [
  ...paths.filter((path) => !allowed.some((pattern) => pattern.test(path))).map((path) => `${path} must not be packed`),
  ...needed.filter((path) => !paths.includes(path)).map((path) => `${path} is missing`)
]
for (const problem of problems) console.error(problem)
console.log(`${paths.length} files packed, ${problems.length} problems`)
process.exitCode = problems.length > 0 ? 1 : 0
