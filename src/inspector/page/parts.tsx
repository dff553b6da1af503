/** The small parts that everything else is made of. */
import type { ComponentChildren } from "preact"
import type { Actor } from "../InspectorState.ts"
import { useElapsed } from "./browser/hooks.ts"
import { formatLeft, formatMillis } from "./format.ts"
import { type Series, span } from "./history.ts"
import { piecesOf } from "./search.ts"
import { explain, toneOf } from "./status.ts"

/* Shapes on 12 by 12, so that no status is told by its colour alone. */
const cross = "M2.6 1.2L6 4.6l3.4-3.4 1.4 1.4L7.4 6l3.4 3.4-1.4 1.4L6 7.4l-3.4 3.4-1.4-1.4L4.6 6L1.2 2.6z"
const warning = "M6 .6L11.8 11H.2zM5.3 4.4v3h1.4v-3zM5.3 8.3v1.4h1.4V8.3z"
const turn =
  "M6 1.2a4.8 4.8 0 1 0 4.7 5.9H9.1A3.3 3.3 0 1 1 6 2.7c.8 0 1.6.3 2.2.8L6.5 5.2H11V.7L9.3 2.4A4.8 4.8 0 0 0 6 1.2z"
const dot = "M6 2a4 4 0 1 1 0 8a4 4 0 1 1 0-8z"
const shapes = {
  running: dot,
  busy: "M3 1.5L10.5 6L3 10.5z",
  stuck: warning,
  suspended: "M2.5 2h2.6v8H2.5zM6.9 2h2.6v8H6.9z",
  backoff: turn,
  waiting:
    "M6 1a5 5 0 1 0 0 10A5 5 0 1 0 6 1zM6 2.4a3.6 3.6 0 1 1 0 7.2a3.6 3.6 0 1 1 0-7.2zM5.3 3.4v3.1l2.1 1.3.7-1-1.4-.9V3.4z",
  starting: "M6 1L10.5 6H7.5v5h-3V6h-3z",
  closing: "M1.5 3.2L6 7.7l4.5-4.5v2.4L6 10.1L1.5 5.6z",
  stopping: "M6 11L1.5 6h3V1h3v5h3z",
  stopped: "M2.2 2.2h7.6v7.6H2.2z",
  failed: cross,
  cycle: turn,
  error: cross,
  warn: warning,
  info: dot,
  debug: "M6 4.5a1.5 1.5 0 1 1 0 3a1.5 1.5 0 1 1 0-3z",
  letter: "M.8 2.2h10.4v7.6H.8zM2 3.4v.4l4 2.8 4-2.8v-.4zM2 5.3v3.3h8V5.3L6 8.1z",
  unfolded: "M1.5 3.5h9L6 9.5z",
  folded: "M3.5 1.5v9L9.5 6z",
  unfoldAll: "M5.3.8h1.4v4.5h4.5v1.4H6.7v4.5H5.3V6.7H.8V5.3h4.5z",
  foldAll: "M.8 5.3h10.4v1.4H.8z",
  close: "M2.1 1.1L6 5l3.9-3.9 1 1L7 6l3.9 3.9-1 1L6 7l-3.9 3.9-1-1L5 6L1.1 2.1z"
}

export type Shape = keyof typeof shapes

export const Icon = ({ shape }: { readonly shape: Shape }) => (
  <svg class="icon" viewBox="0 0 12 12" aria-hidden="true">
    <path d={shapes[shape]} fill-rule="evenodd" />
  </svg>
)

/** What its status is, how much is left of it, and why. */
export const StatusOf = ({ actor, isLive, received }: { actor: Actor; isLive: boolean; received: number }) => {
  const tone = toneOf(actor)
  return (
    <span class={`status tone-${tone}`} title={explain(actor)}>
      <Icon shape={tone} />
      <span class="word">{actor.status}</span>
      {actor.reason !== undefined && <span class="reason"> {actor.reason}</span>}
      {actor.millisLeft !== undefined && <Left millis={actor.millisLeft} received={received} runs={isLive} />}
    </span>
  )
}

const Left = ({ millis, received, runs }: { millis: number; received: number; runs: boolean }) => {
  const elapsed = useElapsed(received, 100, runs)
  return <span class="left"> {formatLeft(millis - elapsed)}</span>
}

/** How full a mailbox is. */
export const Queue = ({ capacity, depth }: { readonly depth: number; readonly capacity: number }) => {
  if (capacity === 0) return <span class="queue">{depth > 0 && <span class="number">{depth}</span>}</span>
  const share = Math.min(1, depth / capacity)
  const level = share >= 1 ? "full" : share >= 0.8 ? "high" : "low"
  return (
    <span class={`queue queue-${level}`} title={level === "full" ? "full: senders get Busy" : undefined}>
      <span class="bar" style={{ "--share": `${share * 100}%` }} aria-hidden="true" />
      <span class="number">
        {depth}
        <span class="of">/{capacity}</span>
      </span>
    </span>
  )
}

/** What it has in hand, and for how long. */
export const InHand = ({ actor }: { readonly actor: Actor }) =>
  actor.inHand === undefined ? null : (
    <span class="hand" title={actor.inHand.request}>
      <span class="request">{actor.inHand.request}</span>
      {actor.inHand.millis !== undefined && <span class="for">{formatMillis(actor.inHand.millis)}</span>}
    </span>
  )

/** Text with what was searched for marked. */
export const Marked = ({ query, text }: { readonly text: string; readonly query: string }) => (
  <>{piecesOf(text, query).map((piece, index) => (index % 2 === 1 ? <mark key={index}>{piece}</mark> : piece))}</>
)

const chart = { width: 100, height: 24 }

/** At first a chart is as long as what there is, but never so short that a second is much of it. */
const shortest = 20_000

/** A small chart of the last two minutes. It begins at 0, and ends at its own highest value. */
export const Sparkline = ({ label, series }: { readonly series: Series; readonly label: string }) => {
  const end = series.at(-1)?.[0] ?? 0
  const length = Math.min(span, Math.max(shortest, end - (series[0]?.[0] ?? 0)))
  const top = series.reduce((most, [, value]) => Math.max(most, value ?? 0), 0)
  const x = (time: number) => (((time - end + length) / length) * chart.width).toFixed(1)
  const y = (value: number) => (chart.height - 1.5 - (top === 0 ? 0 : (value / top) * (chart.height - 3))).toFixed(1)
  const runs: Array<Array<readonly [x: string, y: string]>> = [[]]
  for (const [time, value] of series) {
    if (value === undefined) runs.push([])
    else runs.at(-1)!.push([x(time), y(value)])
  }
  const drawn = runs.filter((run) => run.length > 0)
  const through = (run: ReadonlyArray<readonly [string, string]>) => run.map((point) => point.join(" ")).join("L")
  const line = drawn.map((run) => `M${through(run)}`).join("")
  const area = drawn.map((run) => `M${run[0]![0]} ${chart.height}L${through(run)}V${chart.height}z`).join("")
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${chart.width} ${chart.height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <path class="area" d={area} />
      <path class="line" d={line} />
    </svg>
  )
}

/** A number with its name. */
export const Fact = ({
  children,
  isLong = false,
  name
}: {
  readonly name: string
  readonly isLong?: boolean
  readonly children: ComponentChildren
}) => (
  <div class={isLong ? "fact long" : "fact"}>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
)
