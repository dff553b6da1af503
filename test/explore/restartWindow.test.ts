import { explore } from "./explore.ts"

explore("restartWindow")
