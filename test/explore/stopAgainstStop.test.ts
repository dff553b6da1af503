import { explore } from "./explore.ts"

explore("stopAgainstStop")
