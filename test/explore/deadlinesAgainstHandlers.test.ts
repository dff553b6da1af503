import { explore } from "./explore.ts"

explore("deadlinesAgainstHandlers")
