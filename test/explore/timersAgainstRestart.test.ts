import { explore } from "./explore.ts"

explore("timersAgainstRestart")
