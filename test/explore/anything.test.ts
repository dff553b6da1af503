import { explore } from "./explore.ts"

explore("anything")
