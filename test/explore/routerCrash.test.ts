import { explore } from "./explore.ts"

explore("routerCrash")
