/** The inspector's page. */
import { render } from "preact"
import { App } from "./App.tsx"
import { applyTheme, readTheme } from "./browser/preferences.ts"

applyTheme(readTheme())
render(<App />, document.getElementById("app")!)
