import { explore } from "./explore.ts"

explore("reloadAgainstSend")
