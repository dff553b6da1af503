import { explore } from "./explore.ts"

explore("restartAgainstDrain")
