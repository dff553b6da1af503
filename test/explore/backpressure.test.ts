import { explore } from "./explore.ts"

explore("backpressure")
