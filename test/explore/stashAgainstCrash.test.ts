import { explore } from "./explore.ts"

explore("stashAgainstCrash")
