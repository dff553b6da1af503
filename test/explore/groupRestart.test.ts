import { explore } from "./explore.ts"

explore("groupRestart")
