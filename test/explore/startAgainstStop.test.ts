import { explore } from "./explore.ts"

explore("startAgainstStop")
