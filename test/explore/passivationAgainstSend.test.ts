import { explore } from "./explore.ts"

explore("passivationAgainstSend")
