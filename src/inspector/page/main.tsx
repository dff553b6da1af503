/** The inspector's page. */
import { render } from "preact"

const App = () => <h1>ryker</h1>

render(<App />, document.getElementById("app")!)
