import { explore } from "./explore.ts"

explore("watchAgainstStop")
