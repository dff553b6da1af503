/** The page as a whole: what is where, and what the keys do everywhere. */
import type { ComponentChildren } from "preact"
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks"
import type { Actor } from "../InspectorState.ts"
import { ActorDetails } from "./ActorDetails.tsx"
import { ActorTree, firstTreeView, type TreeView } from "./ActorTree.tsx"
import { command, Connection, type Link } from "./browser/connection.ts"
import { useElapsed, useMedia } from "./browser/hooks.ts"
import { applyTheme, nextTheme, readShortcuts, readTheme, writeShortcuts } from "./browser/preferences.ts"
import { type Page, PageProvider, usePage } from "./context.ts"
import type { Action } from "./control.ts"
import { ConfirmDialog, HelpDialog, type Intent } from "./dialogs.tsx"
import { formatAge, formatClock, formatCount, formatRate } from "./format.ts"
import { recentTotals, totalSeries, type Totals } from "./history.ts"
import { emptyModel, hearState, hearStream, type Model } from "./model.ts"
import { Config, Cycles, DeadLetters, Definitions, Events, Waits } from "./panels.tsx"
import { Icon, Sparkline } from "./parts.tsx"
import { type Node, treeOf } from "./tree.ts"
import { cyclesOf } from "./waits.ts"

type PanelName = "actors" | "definitions" | "waits" | "letters" | "events" | "config"

/** In the order of their keys. */
const panels: ReadonlyArray<readonly [name: PanelName, title: string]> = [
  ["actors", "Actors"],
  ["definitions", "Definitions"],
  ["waits", "Waits"],
  ["letters", "Dead letters"],
  ["events", "Events"],
  ["config", "Settings"]
]

/** A connection for as long as the page is there, and what it has told. */
const useHost = () => {
  const [model, setModel] = useState<Model>(emptyModel)
  const [link, setLink] = useState<Link>({ _tag: "Connecting" })
  const connection = useRef<Connection>(undefined)
  useEffect(() => {
    const made = new Connection({
      link: setLink,
      state: (state) => setModel((old) => hearState(old, state, Date.now())),
      streamed: (records) => setModel((old) => hearStream(old, records))
    })
    connection.current = made
    return () => made.close()
  }, [])
  return {
    ...model,
    link,
    pause: (isPaused: boolean) => connection.current?.pause(isPaused),
    retry: () => connection.current?.retry()
  }
}

/** What came of an action. What has failed stays until it is put away. */
interface Notice {
  readonly isDone: boolean
  readonly text: string
}

export const App = () => {
  const { history, link, pause, received, retry, state, timeline } = useHost()
  const [query, setQuery] = useState("")
  const [view, setView] = useState<TreeView>(firstTreeView)
  const [panel, setPanel] = useState<PanelName>("actors")
  const [side, setSide] = useState<PanelName>("definitions")
  const [opened, setOpened] = useState<string>()
  const [theme, setTheme] = useState(readTheme)
  const [hasShortcuts, setShortcuts] = useState(readShortcuts)
  const [isHelping, setHelping] = useState(false)
  const [intent, setIntent] = useState<Intent>()
  const [notice, setNotice] = useState<Notice>()
  const search = useRef<HTMLInputElement>(null)
  const isWide = useMedia("(min-width: 75rem)")
  // Fingers need more room than pointers, and so does text in two lines.
  const isTouched = useMedia("(pointer: coarse), (max-width: 40rem)")

  const byAddress = useMemo(() => new Map(state?.actors.map((actor) => [actor.address, actor])), [state])
  const page: Page | undefined = state && {
    state,
    received,
    isLive: link._tag === "Live",
    history,
    timeline,
    byAddress,
    query,
    rowHeight: isTouched ? 40 : 26,
    select: setOpened
  }

  const show = (name: PanelName) => {
    if (name === "actors" && isWide) document.getElementById("tree")?.focus()
    else if (isWide) setSide(name)
    else setPanel(name)
  }
  const hold = () => pause(link._tag !== "Paused")
  const turnTheme = () => {
    const next = nextTheme(theme)
    applyTheme(next)
    setTheme(next)
  }

  const press = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") !== null) return
    const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement
    if (event.key === "Escape" && !isTyping && opened !== undefined) return setOpened(undefined)
    if (isTyping || !hasShortcuts) return
    const keys: Readonly<Record<string, () => void>> = {
      "/": () => search.current?.select(),
      "?": () => setHelping(true),
      p: hold,
      t: turnTheme
    }
    const digit = panels[Number(event.key) - 1]
    const act = digit === undefined ? keys[event.key] : () => show(digit[0])
    if (act === undefined) return
    event.preventDefault()
    act()
  }
  // Before the next key: it is about what is shown by then.
  useLayoutEffect(() => {
    addEventListener("keydown", press)
    return () => removeEventListener("keydown", press)
  })

  // What was done needs no answer; what was not should be read.
  useEffect(() => {
    if (notice?.isDone !== true) return
    const timer = setTimeout(() => setNotice(undefined), 8_000)
    return () => clearTimeout(timer)
  }, [notice])

  const act = (action: Action, actor: Actor) => {
    const find = (nodes: ReadonlyArray<Node>): number | undefined => {
      for (const node of nodes) {
        const below = node.actor === actor ? node.below : find(node.children)
        if (below !== undefined) return below
      }
      return undefined
    }
    const parent = actor.parent === null ? undefined : byAddress.get(actor.parent)
    setIntent({ action, actor, parent, below: find(treeOf(state?.actors ?? [])) ?? 0 })
  }
  const confirm = async ({ action, actor }: Intent) => {
    setIntent(undefined)
    setNotice(await command(action, actor.address))
    retry()
  }

  const tree = (
    <>
      <ActorTree view={view} change={(change) => setView((old) => ({ ...old, ...change }))} opened={opened} />
      {opened !== undefined && <ActorDetails address={opened} act={act} close={() => setOpened(undefined)} />}
    </>
  )
  const bodies: Readonly<Record<PanelName, () => ComponentChildren>> = {
    actors: () => tree,
    definitions: () => <Definitions />,
    waits: () => <Waits />,
    letters: () => <DeadLetters />,
    events: () => <Events />,
    config: () => <Config />
  }
  const shown = isWide ? side : panel

  return (
    <div class={`page${link._tag === "Lost" ? " is-lost" : ""}`}>
      <header class="top">
        <h1>
          ryker <span class="sr">inspector</span>
        </h1>
        {state !== undefined && <span class={`phase phase-${state.phase}`}>{state.phase}</span>}
        <LinkState link={link} received={received} />
        <input
          ref={search}
          type="search"
          class="search"
          placeholder="Search  /"
          aria-label="Search all panels"
          spellcheck={false}
          autocomplete="off"
          value={query}
          onInput={(event) => setQuery(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape") {
              if (query === "") event.currentTarget.blur()
              setQuery("")
            } else if (event.key === "ArrowDown" || event.key === "Enter") {
              document.getElementById("tree")?.focus()
            } else return
            event.preventDefault()
          }}
        />
        <span class="buttons">
          <button
            type="button"
            class="quiet"
            title="Hold still (p)"
            aria-pressed={link._tag === "Paused"}
            onClick={hold}
          >
            {link._tag === "Paused" ? "Go on" : "Hold"}
          </button>
          <button
            type="button"
            class="quiet"
            title="Light or dark (t)"
            aria-label={`Theme: ${theme}`}
            onClick={turnTheme}
          >
            <span class="dim long">theme </span>
            {theme}
          </button>
          <button type="button" class="quiet" title="Keys (?)" aria-label="Keys" onClick={() => setHelping(true)}>
            ?
          </button>
        </span>
      </header>
      {link._tag === "Lost" && <LostBanner link={link} received={received} retry={retry} />}
      {page === undefined ? (
        <main class="first">{link._tag !== "Lost" && <p class="empty">Asking the host…</p>}</main>
      ) : (
        <PageProvider value={page}>
          {page.state.phase !== "running" && (
            <div class="banner" role="status">
              <Icon shape="stopping" />
              <div>
                {page.state.phase === "draining"
                  ? "The runtime drains: it takes nothing in from outside, and ends what it has."
                  : "The runtime has drained: no actor is started any more."}
              </div>
            </div>
          )}
          <Cycles />
          <Overview />
          <main class={isWide ? "wide" : "narrow"}>
            {isWide && <div class="pane">{tree}</div>}
            <div class="pane">
              <Tabs names={isWide ? panels.slice(1) : panels} shown={shown} show={show} />
              <div class="panel" role="tabpanel" id={`panel-${shown}`} aria-labelledby={`tab-${shown}`}>
                {bodies[shown]()}
              </div>
            </div>
          </main>
        </PageProvider>
      )}
      <div class="notices" role="status" aria-live="polite">
        {notice !== undefined && (
          <p class={notice.isDone ? "notice" : "notice failed"}>
            <Icon shape={notice.isDone ? "running" : "failed"} />
            <span>{notice.text}</span>
            <button type="button" class="quiet" aria-label="Put away" onClick={() => setNotice(undefined)}>
              <Icon shape="close" />
            </button>
          </p>
        )}
      </div>
      {isHelping && (
        <HelpDialog
          close={() => setHelping(false)}
          hasShortcuts={hasShortcuts}
          setShortcuts={(isOn) => {
            writeShortcuts(isOn)
            setShortcuts(isOn)
          }}
        />
      )}
      {intent !== undefined && (
        <ConfirmDialog intent={intent} close={() => setIntent(undefined)} confirm={() => void confirm(intent)} />
      )}
    </div>
  )
}

const LinkState = ({ link, received }: { readonly link: Link; readonly received: number }) => {
  const words = {
    Connecting: "connecting",
    Live: "live",
    Paused: `held since ${formatClock(received)}`,
    Lost: "reconnecting"
  }
  return (
    <span class={`link-state is-${link._tag.toLowerCase()}`} role="status">
      <Icon shape={link._tag === "Live" ? "running" : link._tag === "Paused" ? "suspended" : "backoff"} />
      {words[link._tag]}
    </span>
  )
}

const LostBanner = ({
  link,
  received,
  retry
}: {
  readonly link: Extract<Link, { readonly _tag: "Lost" }>
  readonly received: number
  readonly retry: () => void
}) => {
  const age = useElapsed(received, 1_000, received > 0)
  return (
    <div class="banner alarm">
      <Icon shape="warn" />
      <div>
        <strong>The host does not answer</strong>: {link.why}.{" "}
        {received > 0 && `What is shown is of ${formatClock(received)}, ${formatAge(age)} ago. `}
        <button type="button" onClick={retry}>
          Try now
        </button>
      </div>
    </div>
  )
}

/** The numbers of all definitions together. */
const Overview = () => {
  const tiles = useOverview()
  return (
    <section class="overview" aria-label="All definitions together">
      {tiles.map(({ name, series, tone, value }) => (
        <div key={name} class={`tile ${tone}`}>
          <span class="name">{name}</span>
          <span class="value number">{value}</span>
          <Sparkline label={`${name}, last two minutes`} series={series} />
        </div>
      ))}
    </section>
  )
}

const useOverview = () => {
  const { history, state } = usePage()
  const totals = recentTotals(history)
  const tile = (name: string, of: keyof Totals, isTrouble: boolean) => ({
    name,
    series: totalSeries(history, of),
    tone: isTrouble && (totals?.[of] ?? 0) > 0 ? "trouble" : "",
    value: totals === undefined ? "–" : formatRate(totals[of])
  })
  return [
    tile("Handled/s", "handled", false),
    {
      ...tile("Queued", "queued", false),
      value: formatCount(state.definitions.reduce((sum, { queued }) => sum + queued, 0))
    },
    tile("Failed/s", "failed", true),
    tile("Refused/s", "refused", true),
    tile("Dropped/s", "dropped", true),
    tile("Restarts/s", "restarts", true)
  ]
}

const Tabs = ({
  names,
  show,
  shown
}: {
  readonly names: typeof panels
  readonly shown: PanelName
  readonly show: (name: PanelName) => void
}) => {
  const { state, timeline } = usePage()
  const list = useRef<HTMLDivElement>(null)
  const counts: Readonly<Partial<Record<PanelName, number>>> = {
    actors: state.actors.length + state.omitted,
    definitions: state.definitions.length,
    waits: state.waitFor.length,
    letters: timeline.letters.length
  }
  const hasCycle = useMemo(() => cyclesOf(state.waitFor).length > 0, [state])
  const move = (event: KeyboardEvent) => {
    const at = names.findIndex(([name]) => name === shown)
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1 + names.length, Home: 0, End: names.length - 1 }[event.key]
    if (to === undefined) return
    event.preventDefault()
    show(names[to % names.length]![0])
    list.current!.querySelectorAll("button")[to % names.length]!.focus()
  }
  return (
    <div ref={list} class="tabs" role="tablist" aria-label="Panels" onKeyDown={move}>
      {names.map(([name, title]) => (
        <button
          key={name}
          type="button"
          role="tab"
          id={`tab-${name}`}
          aria-selected={shown === name}
          aria-controls={shown === name ? `panel-${name}` : undefined}
          tabIndex={shown === name ? 0 : -1}
          title={`${title} (${panels.findIndex(([it]) => it === name) + 1})`}
          onClick={() => show(name)}
        >
          {title}
          {(counts[name] ?? 0) > 0 && <span class="count number">{formatCount(counts[name]!)}</span>}
          {name === "waits" && hasCycle && (
            <span class="tone-stuck">
              <Icon shape="cycle" />
              <span class="sr">with a cycle</span>
            </span>
          )}
        </button>
      ))}
    </div>
  )
}
