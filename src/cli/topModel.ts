/** What `ryker top` knows and shows, and what keys and news do to it: functions of values. */
import type * as Terminal from "effect/Terminal"
import * as Option from "effect/Option"
import { quantile, type Rates, ratesOf } from "../inspector/internal/rates.ts"
import type { HostError, State } from "./host.ts"

export type ActorRow = State["actors"][number]
export type DefinitionRow = State["definitions"][number]

/** What the actors are sorted by, and the key for it. */
export const sorts = {
  t: "tree",
  n: "name",
  s: "status",
  d: "depth",
  h: "time in hand",
  i: "incarnation",
  r: "rate",
  l: "latency"
} as const

export type SortKey = keyof typeof sorts

const isSortKey = (key: string): key is SortKey => Object.hasOwn(sorts, key)

export const views = ["both", "actors", "definitions"] as const

export interface Model {
  readonly url: string
  /** Milliseconds between two states. */
  readonly interval: number
  readonly size: Terminal.Size
  readonly state: State
  /** The state before, which it is compared with. */
  readonly before: State | undefined
  /** When the state came: milliseconds since the epoch, by the clock of this machine. */
  readonly at: number
  /** Why there is no newer one. */
  readonly stale: string | undefined
  readonly isPaused: boolean
  readonly sort: SortKey
  readonly isReversed: boolean
  readonly search: string
  readonly isSearching: boolean
  readonly view: (typeof views)[number]
  readonly isHelp: boolean
  /** The row that is marked, by its address or name. */
  readonly selected: string | undefined
  /** Set when it is over: the exit code. */
  readonly exit: number | undefined
}

export const initial = (options: Pick<Model, "url" | "interval" | "size" | "state" | "at">): Model => ({
  ...options,
  before: undefined,
  stale: undefined,
  isPaused: false,
  sort: "t",
  isReversed: false,
  search: "",
  isSearching: false,
  view: "both",
  isHelp: false,
  selected: undefined,
  exit: undefined
})

// --- What is seen -------------------------------------------------------------------------------------------------------

/** Of one definition, over the last interval. */
export interface Recent {
  /** Undefined until there are two states. */
  readonly rates: Rates | undefined
  /** Seconds; undefined when nothing came. */
  readonly p50: number | undefined
  readonly p99: number | undefined
}

const none: Recent = { rates: undefined, p50: undefined, p99: undefined }

/** By the name of the definition. */
export const recentOf = ({ before, state }: Pick<Model, "before" | "state">): ReadonlyMap<string, Recent> => {
  if (before === undefined) return new Map(state.definitions.map(({ name }) => [name, none]))
  const rates = ratesOf(before, state)
  const earlier = new Map(before.definitions.map((each) => [each.name, each.latency]))
  return new Map(
    state.definitions.map(({ latency, name }) => {
      const since = earlier.get(name)
      const of = (q: number) => (latency === undefined ? undefined : quantile(latency, q, since))
      return [name, { rates: rates.get(name), p50: of(0.5), p99: of(0.99) }]
    })
  )
}

/** The worst first. */
const severity: ReadonlyArray<ActorRow["status"]> = [
  "stuck",
  "backoff",
  "stopped",
  "stopping",
  "closing",
  "suspended",
  "starting",
  "waiting",
  "busy",
  "running"
]

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Milliseconds; what nothing times counts as the shortest. */
const inHandOf = ({ inHand }: ActorRow): number => (inHand === undefined ? -1 : (inHand.millis ?? 0))

/** What comes first is what an operator looks for: the most, the longest, the worst. */
const compareActors = (
  sort: Exclude<SortKey, "t">,
  recent: ReadonlyMap<string, Recent>
): ((a: ActorRow, b: ActorRow) => number) => {
  const descending = (value: (row: ActorRow) => number) => (a: ActorRow, b: ActorRow) => value(b) - value(a)
  switch (sort) {
    case "n":
      return (a, b) => byText(a.address, b.address)
    case "s":
      return (a, b) => severity.indexOf(a.status) - severity.indexOf(b.status)
    case "d":
      return descending(({ depth }) => depth)
    case "h":
      return descending(inHandOf)
    case "i":
      return descending(({ incarnation }) => incarnation)
    case "r":
      return descending(({ name }) => recent.get(name)?.rates?.handled ?? 0)
    case "l":
      return descending(({ name }) => recent.get(name)?.p99 ?? -1)
  }
}

const compareDefinitions = (
  sort: SortKey,
  recent: ReadonlyMap<string, Recent>
): ((a: DefinitionRow, b: DefinitionRow) => number) => {
  const descending = (value: (row: DefinitionRow) => number) => (a: DefinitionRow, b: DefinitionRow) =>
    value(b) - value(a)
  switch (sort) {
    case "d":
      return descending(({ queued }) => queued)
    case "h":
      return descending(({ inHand }) => inHand)
    case "i":
      return descending(({ restarts }) => restarts)
    case "s":
      return descending(({ crashes }) => crashes)
    case "r":
      return descending(({ name }) => recent.get(name)?.rates?.handled ?? 0)
    case "l":
      return descending(({ name }) => recent.get(name)?.p99 ?? -1)
    case "n":
    case "t":
      return (a, b) => byText(a.name, b.name)
  }
}

const has = (text: string, wanted: string): boolean => text.toLowerCase().includes(wanted)

/** In the order in which they are shown: those that match the search. */
export const actorsOf = (model: Model, recent: ReadonlyMap<string, Recent>): ReadonlyArray<ActorRow> => {
  const { isReversed, search, sort, state } = model
  const wanted = search.toLowerCase()
  const found =
    wanted === ""
      ? state.actors
      : state.actors.filter(({ address, name, status }) => [address, name, status].some((text) => has(text, wanted)))
  const sorted = sort === "t" ? found : found.toSorted(compareActors(sort, recent))
  return isReversed ? sorted.toReversed() : sorted
}

export const definitionsOf = (model: Model, recent: ReadonlyMap<string, Recent>): ReadonlyArray<DefinitionRow> => {
  const { isReversed, search, sort, state } = model
  const wanted = search.toLowerCase()
  const found = wanted === "" ? state.definitions : state.definitions.filter(({ name }) => has(name, wanted))
  const sorted = found.toSorted(compareDefinitions(sort, recent))
  return isReversed ? sorted.toReversed() : sorted
}

/** How the lines of the terminal are shared out. */
export interface Layout {
  /** Of what is said of all. */
  readonly header: number
  /** Rows of definitions, without the line of titles; undefined if there is no such table. */
  readonly definitions: number | undefined
  readonly actors: number | undefined
  /** Whether there is a line on the row that is marked. */
  readonly hasDetail: boolean
  readonly hasFooter: boolean
}

const headerLines = 4
/** Below this, every line is for the tables. */
const tall = 12
const titles = 1

export const layoutOf = ({ size: { rows }, state, view }: Pick<Model, "size" | "state" | "view">): Layout => {
  const header = rows >= tall ? headerLines : 1
  const hasDetail = rows >= tall
  const hasFooter = rows >= 4
  const left = Math.max(0, rows - header - (hasDetail ? 1 : 0) - (hasFooter ? 1 : 0))
  const rest = Math.max(0, left - titles)
  const common = { header, hasDetail, hasFooter }
  if (view === "definitions") return { ...common, definitions: rest, actors: undefined }
  if (view === "actors" || rows < tall) return { ...common, definitions: undefined, actors: rest }
  const definitions = Math.min(state.definitions.length, Math.max(2, Math.floor(left / 3) - titles))
  return { ...common, definitions, actors: Math.max(0, rest - definitions - titles) }
}

const pageOf = (model: Model): number => {
  const { actors, definitions } = layoutOf(model)
  return Math.max(1, actors ?? definitions ?? 1)
}

/** What the arrows go through. */
const namesOf = (model: Model): ReadonlyArray<string> => {
  const recent = recentOf(model)
  return model.view === "definitions"
    ? definitionsOf(model, recent).map(({ name }) => name)
    : actorsOf(model, recent).map(({ address }) => address)
}

// --- What happens -------------------------------------------------------------------------------------------------------

export type News =
  | { readonly _tag: "State"; readonly state: State; readonly at: number }
  | { readonly _tag: "Lost"; readonly error: HostError }
  | { readonly _tag: "Size"; readonly size: Terminal.Size }
  | { readonly _tag: "Key"; readonly key: Terminal.UserInput }
  /** No more keys: the terminal has gone. */
  | { readonly _tag: "Gone" }

/** As a shell says it of what Ctrl-C has ended. */
const interrupted = 130

export const update = (model: Model, news: News): Model => {
  switch (news._tag) {
    case "State": {
      if (model.isPaused) return { ...model, stale: undefined }
      const { at, state } = news
      return { ...model, state, at, before: model.state, stale: undefined }
    }
    case "Lost":
      return { ...model, stale: news.error.why }
    case "Size":
      return { ...model, size: news.size }
    case "Key":
      return press(model, news.key)
    case "Gone":
      return { ...model, exit: 0 }
  }
}

/** Long enough for any address that somebody types. */
const longestSearch = 256

const press = (model: Model, pressed: Terminal.UserInput): Model => {
  const { ctrl, meta, name } = pressed.key
  if (ctrl && name === "c") return { ...model, exit: interrupted }
  if (model.isSearching) return type(model, pressed)
  if (ctrl || meta) return model
  const typed = Option.getOrElse(pressed.input, () => name)
  if (model.isHelp) return typed === "q" ? { ...model, exit: 0 } : { ...model, isHelp: false }
  switch (name) {
    case "up":
      return move(model, -1)
    case "down":
      return move(model, 1)
    case "pageup":
      return move(model, -pageOf(model))
    case "pagedown":
      return move(model, pageOf(model))
    case "home":
      return move(model, Number.NEGATIVE_INFINITY)
    case "end":
      return move(model, Number.POSITIVE_INFINITY)
    case "escape":
      return { ...model, search: "", selected: undefined }
    case "tab":
      return { ...model, view: views[(views.indexOf(model.view) + 1) % views.length]!, selected: undefined }
    case "space":
      return { ...model, isPaused: !model.isPaused }
  }
  switch (typed) {
    case "q":
      return { ...model, exit: 0 }
    case "/":
      return { ...model, isSearching: true }
    case "?":
      return { ...model, isHelp: true }
    case "k":
      return move(model, -1)
    case "j":
      return move(model, 1)
  }
  if (!isSortKey(typed)) return model
  return { ...model, sort: typed, isReversed: model.sort === typed && !model.isReversed }
}

/** A key while a search is typed. */
const type = (model: Model, { input, key }: Terminal.UserInput): Model => {
  const { search } = model
  switch (key.name) {
    case "return":
    case "enter":
      return { ...model, isSearching: false }
    case "escape":
      return { ...model, isSearching: false, search: "" }
    case "backspace":
      return { ...model, search: Array.from(search).slice(0, -1).join("") }
  }
  if (key.ctrl) return key.name === "u" ? { ...model, search: "" } : model
  const text = Option.getOrElse(input, () => "")
  if (key.meta || /\p{Cc}/u.test(text)) return model
  return { ...model, search: (search + text).slice(0, longestSearch), selected: undefined }
}

const move = (model: Model, by: number): Model => {
  const names = namesOf(model)
  if (names.length === 0) return model
  const from = model.selected === undefined ? -1 : names.indexOf(model.selected)
  const to = from < 0 && by > 0 && Number.isFinite(by) ? 0 : from + by
  return { ...model, selected: names[Math.min(names.length - 1, Math.max(0, to))] }
}
