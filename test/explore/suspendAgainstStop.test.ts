import { explore } from "./explore.ts"

explore("suspendAgainstStop")
