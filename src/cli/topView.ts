/** What `ryker top` shows: lines of text from what it knows. */
import type { Colour, Paint } from "./render.ts"
import { type Column, type LastColumn, type Table, table } from "./table.ts"
import { cut, escape, fit, widthOf } from "./text.ts"
import {
  type ActorRow,
  actorsOf,
  type DefinitionRow,
  definitionsOf,
  layoutOf,
  type Model,
  type Recent,
  recentOf,
  sorts
} from "./topModel.ts"

// --- Numbers ------------------------------------------------------------------------------------------------------------

/** A count in at most five characters. */
export const compact = (count: number): string => {
  if (count < 10_000) return String(Math.round(count))
  const [divisor, unit] = count < 999_950 ? [1e3, "k"] : count < 999_950_000 ? [1e6, "M"] : [1e9, "G"]
  const scaled = count / divisor
  return `${scaled < 99.95 ? scaled.toFixed(1) : Math.round(scaled)}${unit}`
}

/** So many in a second. */
export const rate = (perSecond: number | undefined): string => {
  if (perSecond === undefined) return "-"
  return perSecond > 0 && perSecond < 9.95 ? perSecond.toFixed(1) : compact(perSecond)
}

/** How long, in at most six characters up to 99 hours. */
export const millis = (time: number): string => {
  if (time <= 0) return "0ms"
  if (time < 0.9995) return `${Math.round(time * 1000)}us`
  if (time < 9.95) return `${time.toFixed(1)}ms`
  if (time < 999.5) return `${Math.round(time)}ms`
  if (time < 59_950) return `${(time / 1000).toFixed(1)}s`
  const seconds = Math.round(time / 1000)
  const pair = (whole: number, part: number) => [Math.floor(whole), String(Math.floor(part)).padStart(2, "0")]
  const [minutes, rest] = pair(seconds / 60, seconds % 60)
  if (seconds < 3600) return `${minutes}m${rest}s`
  const [hours, more] = pair(seconds / 3600, (seconds % 3600) / 60)
  return `${hours}h${more}m`
}

const seconds = (time: number | undefined): string => (time === undefined ? "-" : millis(time * 1000))

/** The time of day, in UTC. */
export const clock = (time: number): string => {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? "-" : `${date.toISOString().slice(11, 19)}Z`
}

const sumOf = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0)

// --- Lines --------------------------------------------------------------------------------------------------------------

/** A line of pieces, each with its colour, as much of it as has room. */
type Pieces = ReadonlyArray<readonly [text: string, colour?: Colour | undefined]>

const line = (pieces: Pieces, width: number, paint: Paint): string => {
  let left = width
  let text = ""
  for (const [piece, colour] of pieces) {
    if (left <= 0) break
    const shown = cut(piece, left)
    left -= widthOf(shown)
    text += colour === undefined ? shown : paint(shown, colour)
    if (shown !== piece) break
  }
  return text
}

const statusColours: Readonly<Record<ActorRow["status"], Colour | undefined>> = {
  starting: "cyan",
  running: undefined,
  busy: "green",
  stuck: "red",
  suspended: "yellow",
  closing: "yellow",
  backoff: "yellow",
  waiting: "yellow",
  stopping: "yellow",
  stopped: "red"
}

const phaseColours = { running: "green", draining: "yellow", closed: "red" } as const

/** How actors are, the commonest first: `9 running, 1 stuck`. */
const statuses = (actors: ReadonlyArray<ActorRow>): string => {
  const counts = new Map<string, number>()
  for (const { status } of actors) counts.set(status, (counts.get(status) ?? 0) + 1)
  return Array.from(counts)
    .toSorted(([, a], [, b]) => b - a)
    .map(([status, count]) => `${count} ${status}`)
    .join(", ")
}

const headOf = (model: Model): Pieces => {
  const { at, interval, isPaused, stale, state, url } = model
  const where: Pieces = [[`  ${url}`], [`  every ${millis(interval)}`, "dim"]]
  if (stale !== undefined) return [[`stale since ${clock(at)}: ${stale}, trying again`, "red"], ...where]
  const paused: Pieces = isPaused ? [[" paused", "yellow"]] : []
  return [[state.phase, phaseColours[state.phase]], ...paused, [`  ${clock(state.now)}`], ...where]
}

const headerOf = (model: Model, recent: ReadonlyMap<string, Recent>): ReadonlyArray<Pieces> => {
  const { state } = model
  const { actors, definitions, omitted } = state
  const rows = actors.filter(({ kind }) => kind === "actor")
  const told = statuses(rows)
  const all = Array.from(recent.values(), ({ rates }) => rates)
  const total = (of: "accepted" | "handled" | "failed" | "refused" | "dropped") =>
    // Without a state before there is no rate of anything.
    rate(
      all.some((rates) => rates === undefined) || model.before === undefined
        ? undefined
        : all.reduce((sum, rates) => sum + rates![of], 0)
    )
  const sum = (of: (definition: DefinitionRow) => number) =>
    compact(definitions.reduce((total, definition) => total + of(definition), 0))
  return [
    headOf(model),
    [
      [`${rows.length} ${rows.length === 1 ? "actor" : "actors"}${told === "" ? "" : `: ${told}`}`],
      ...(omitted === 0 ? [] : ([[`; ${omitted} more rows are not told`, "yellow"]] as const))
    ],
    (["accepted", "handled", "failed", "refused", "dropped"] as const).map(
      (of, index) => [`${index === 0 ? "" : "  "}${of} ${total(of)}/s`] as const
    ),
    [
      [`queued ${sum(({ queued }) => queued)}  in hand ${sum(({ inHand }) => inHand)}`],
      [`  crashes ${sum(({ crashes }) => crashes)}  restarts ${sum(({ restarts }) => restarts)}`],
      [`  dead letters ${sum(({ dropped }) => sumOf(dropped))}`]
    ]
  ]
}

// --- Tables -------------------------------------------------------------------------------------------------------------

interface Shown<A> {
  readonly row: A
  readonly recent: Recent
}

const definitionColumns: ReadonlyArray<Column<Shown<DefinitionRow>>> = [
  { title: "DONE/S", width: 6, align: "right", cell: ({ recent }) => rate(recent.rates?.handled) },
  {
    title: "FAIL/S",
    width: 6,
    align: "right",
    from: 60,
    cell: ({ recent }) => rate(recent.rates?.failed),
    colour: ({ recent }) => ((recent.rates?.failed ?? 0) > 0 ? "yellow" : undefined)
  },
  {
    title: "BUSY/S",
    width: 6,
    align: "right",
    from: 68,
    cell: ({ recent }) => rate(recent.rates?.refused),
    colour: ({ recent }) => ((recent.rates?.refused ?? 0) > 0 ? "yellow" : undefined)
  },
  {
    title: "DROP/S",
    width: 6,
    align: "right",
    from: 76,
    cell: ({ recent }) => rate(recent.rates?.dropped),
    colour: ({ recent }) => ((recent.rates?.dropped ?? 0) > 0 ? "red" : undefined)
  },
  { title: "QUEUED", width: 6, align: "right", from: 40, cell: ({ row }) => compact(row.queued) },
  { title: "HAND", width: 5, align: "right", from: 80, cell: ({ row }) => compact(row.inHand) },
  { title: "P50", width: 6, align: "right", from: 50, cell: ({ recent }) => seconds(recent.p50) },
  { title: "P99", width: 6, align: "right", from: 32, cell: ({ recent }) => seconds(recent.p99) },
  {
    title: "CRASH",
    width: 5,
    align: "right",
    from: 90,
    cell: ({ row }) => compact(row.crashes),
    colour: ({ row }) => (row.crashes > 0 ? "yellow" : undefined)
  },
  { title: "RESTART", width: 7, align: "right", from: 56, cell: ({ row }) => compact(row.restarts) }
]

const definitionName = (count: string): LastColumn<Shown<DefinitionRow>> => ({
  title: `DEFINITION${count}`,
  cell: ({ row }) => escape(row.name)
})

interface ShownActor {
  readonly row: ActorRow
  readonly indent: number
  readonly waitsFor: string | undefined
}

const barWidth = 8

const bar = ({ capacity, depth }: ActorRow): string => {
  if (capacity === 0) return ""
  const filled = Math.min(barWidth, depth === 0 ? 0 : Math.max(1, Math.round((barWidth * depth) / capacity)))
  return "|".repeat(filled) + ".".repeat(barWidth - filled)
}

const fullness = ({ capacity, depth }: ActorRow): Colour | undefined => {
  if (capacity === 0 || depth < capacity * 0.5) return undefined
  return depth < capacity * 0.9 ? "yellow" : "red"
}

const depthOf = ({ capacity, depth, kind }: ActorRow): string => {
  if (kind === "supervisor") return ""
  return capacity === 0 ? compact(depth) : `${compact(depth)}/${compact(capacity)}`
}

/** What it does, or why it does nothing. */
const doing = ({ row, waitsFor }: Pick<ShownActor, "row" | "waitsFor">): string => {
  const { inHand, isolated, millisLeft, reason, strategy } = row
  if (inHand !== undefined) {
    const time = inHand.millis === undefined ? "" : ` ${millis(inHand.millis)}`
    return `${escape(inHand.request)}${time}${waitsFor === undefined ? "" : ` > ${escape(waitsFor)}`}`
  }
  if (millisLeft !== undefined) return `restart in ${millis(millisLeft)}`
  if (reason !== undefined) return `${reason}${isolated === true ? ", isolated" : ""}`
  return strategy ?? ""
}

const actorColumns: ReadonlyArray<Column<ShownActor>> = [
  { title: "STATUS", width: 9, cell: ({ row }) => row.status, colour: ({ row }) => statusColours[row.status] },
  { title: "", width: barWidth, from: 72, cell: ({ row }) => bar(row), colour: ({ row }) => fullness(row) },
  { title: "DEPTH", width: 11, from: 44, cell: ({ row }) => depthOf(row), colour: ({ row }) => fullness(row) },
  { title: "DOING", width: 18, from: 64, cell: doing },
  {
    title: "INC",
    width: 4,
    align: "right",
    from: 54,
    cell: ({ row }) => (row.incarnation === 0 ? "" : compact(row.incarnation)),
    colour: ({ row }) => (row.incarnation > 1 ? "yellow" : undefined)
  }
]

/** The most that a row is put in: a deep tree must not push names off the screen. */
const deepest = 8

const actorName = (count: string): LastColumn<ShownActor> => ({
  title: `ACTOR${count}`,
  cell: ({ indent, row }) => {
    const mark = row.kind === "actor" ? "" : ` (${row.kind})`
    return `${"  ".repeat(Math.min(indent, deepest))}${escape(row.address)}${mark}`
  }
})

/** How deep each row is in the tree. */
const indents = (actors: ReadonlyArray<ActorRow>): ReadonlyMap<string, number> => {
  const found = new Map<string, number>()
  // Those above come first.
  for (const { address, parent } of actors) {
    found.set(address, parent === null ? 0 : (found.get(parent) ?? -1) + 1)
  }
  return found
}

const showActors = (model: Model, actors: ReadonlyArray<ActorRow>): ReadonlyArray<ShownActor> => {
  const waits = new Map(model.state.waitFor.map(({ from, to }) => [from, to]))
  const isTree = model.sort === "t" && model.search === "" && !model.isReversed
  const deep = isTree ? indents(model.state.actors) : undefined
  return actors.map((row) => ({ row, indent: deep?.get(row.address) ?? 0, waitsFor: waits.get(row.address) }))
}

/** The part of the rows that is seen: the one that is marked is among them. */
const windowOf = (marked: number, count: number, height: number): readonly [from: number, to: number] => {
  const from = Math.max(0, Math.min(marked - Math.floor(height / 2), count - height))
  return [from, Math.min(count, from + height)]
}

/** ` (3 of 120)`, or less when there is less to say. */
const counted = (shown: number, found: number, all: number): string => {
  if (shown === all) return ` (${all})`
  return found === all ? ` (${shown} of ${all})` : ` (${shown} of ${found} that match, of ${all})`
}

// --- The screen ---------------------------------------------------------------------------------------------------------

const help: ReadonlyArray<string> = [
  "ryker top",
  "",
  "  q, Ctrl-C        quit",
  "  /                search by address, definition or status; Enter keeps it, Esc ends it",
  "  up, down, k, j   mark a row, to read all of it in the last line but one",
  "  PgUp, PgDn, Home, End",
  "  Tab              both tables, actors alone, definitions alone",
  "  Space            pause",
  "",
  "  sort by (once more: the other way round)",
  ...Object.entries(sorts).map(([key, name]) => `  ${key}                ${name}`),
  "",
  "  any key goes back"
]

const footerOf = ({ isReversed, isSearching, search, sort }: Model): Pieces => {
  if (isSearching) return [["/", "bold"], [escape(search)], [" ", "inverse"]]
  const order = `by ${sorts[sort]}${isReversed ? ", reversed" : ""}`
  const found: Pieces = search === "" ? [] : [[`  /${escape(search)} (Esc ends it)`, "cyan"]]
  return [["q quit  / search  ? keys  Tab tables  t n s d h i r l sort  ", "dim"], [order], ...found]
}

const detailOf = (model: Model): Pieces => {
  const { selected, state } = model
  if (selected === undefined) return []
  if (model.view === "definitions") {
    const found = state.definitions.find(({ name }) => name === selected)
    if (found === undefined) return []
    const reasons = (counts: Readonly<Record<string, number>>) =>
      Object.entries(counts)
        .filter(([, count]) => count > 0)
        .map(([reason, count]) => `${escape(reason)} ${compact(count)}`)
        .join(" ") || "none"
    const { accepted, dropped, failed, handled, name, refused } = found
    const ends = `accepted ${compact(accepted)} handled ${compact(handled)} failed ${compact(failed)}`
    return [[escape(name), "bold"], [`  ${ends}  dropped: ${reasons(dropped)}  refused: ${reasons(refused)}`]]
  }
  const row = state.actors.find(({ address }) => address === selected)
  if (row === undefined) return [[`${escape(selected)} is no more`, "dim"]]
  const [shown] = showActors(model, [row])
  const what = doing(shown!)
  const depth = depthOf(row)
  return [
    [escape(row.address), "bold"],
    [`  ${row.status}`, statusColours[row.status]],
    [`${what === "" ? "" : `  ${what}`}${depth === "" ? "" : `  depth ${depth}`}`],
    [`  incarnation ${row.incarnation}  ${row.kind}${row.name === row.address ? "" : ` of ${escape(row.name)}`}`]
  ]
}

const section = <A>(
  { head, line }: Table<A>,
  rows: ReadonlyArray<A>,
  marked: number,
  width: number,
  paint: Paint
): ReadonlyArray<string> => [paint(fit(head, width), "bold"), ...rows.map((row, index) => line(row, index === marked))]

/** The lines of the screen, no more and no longer than there is room for. */
export const screen = (model: Model, paint: Paint): ReadonlyArray<string> => {
  const { columns, rows } = model.size
  if (model.isHelp) return help.slice(0, rows).map((text) => cut(text, columns))
  const recent = recentOf(model)
  const layout = layoutOf(model)
  const lines = headerOf(model, recent)
    .slice(0, layout.header)
    .map((pieces) => line(pieces, columns, paint))
  if (layout.definitions !== undefined) {
    const found = definitionsOf(model, recent)
    const marked = model.view === "definitions" ? found.findIndex(({ name }) => name === model.selected) : -1
    const [from, to] = windowOf(marked, found.length, layout.definitions)
    const name = definitionName(counted(to - from, found.length, model.state.definitions.length))
    const shown = found.slice(from, to).map((row) => ({ row, recent: recent.get(row.name)! }))
    lines.push(...section(table(definitionColumns, name, columns, paint), shown, marked - from, columns, paint))
    while (lines.length < layout.header + 1 + layout.definitions) lines.push("")
  }
  if (layout.actors !== undefined) {
    const found = actorsOf(model, recent)
    const marked = found.findIndex(({ address }) => address === model.selected)
    const [from, to] = windowOf(marked, found.length, layout.actors)
    const name = actorName(counted(to - from, found.length, model.state.actors.length))
    const shown = showActors(model, found.slice(from, to))
    lines.push(...section(table(actorColumns, name, columns, paint), shown, marked - from, columns, paint))
  }
  const foot = (layout.hasDetail ? 1 : 0) + (layout.hasFooter ? 1 : 0)
  while (lines.length < rows - foot) lines.push("")
  if (layout.hasDetail) lines.push(line(detailOf(model), columns, paint))
  if (layout.hasFooter) lines.push(line(footerOf(model), columns, paint))
  return lines.slice(0, Math.max(0, rows))
}

/** All of it, to be printed once. Without a width nothing is cut. */
export const page = (model: Model, width: number | undefined, paint: Paint): ReadonlyArray<string> => {
  const columns = width ?? Number.MAX_SAFE_INTEGER
  const recent = recentOf(model)
  const definitions = table(definitionColumns, definitionName(""), columns, paint)
  const actors = table(actorColumns, actorName(""), columns, paint)
  return [
    ...headerOf(model, recent).map((pieces) => line(pieces, columns, paint)),
    "",
    definitions.head,
    ...definitionsOf(model, recent).map((row) => definitions.line({ row, recent: recent.get(row.name)! })),
    "",
    actors.head,
    ...showActors(model, actorsOf(model, recent)).map((shown) => actors.line(shown))
  ].map((text) => text.trimEnd())
}
