import { explore } from "./explore.ts"

explore("deadlock")
