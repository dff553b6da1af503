/** What most parts of the page need, so that it isn't handed through all of them. */
import { createContext } from "preact"
import { useContext } from "preact/hooks"
import type { Actor, State } from "../InspectorState.ts"
import type { History } from "./history.ts"
import type { Timeline } from "./timeline.ts"

export interface Page {
  readonly state: State
  /** When the state came, by the browser's clock. */
  readonly received: number
  /** Whether what is shown is what is; if not, clocks stand still. */
  readonly isLive: boolean
  readonly history: History
  readonly timeline: Timeline
  readonly byAddress: ReadonlyMap<string, Actor>
  readonly query: string
  readonly rowHeight: number
  readonly select: (address: string) => void
}

const PageContext = createContext<Page | undefined>(undefined)

export const PageProvider = PageContext.Provider

export const usePage = (): Page => useContext(PageContext)!
