import { explore } from "./explore.ts"

explore("crashDuringAsk")
