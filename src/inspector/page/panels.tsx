/** What stands beside the tree: definitions, waits, dead letters, events, settings. */
import { useMemo, useState } from "preact/hooks"
import type { ConfigEntry, Definition, RecordedEvent, RecordedLetter } from "../InspectorState.ts"
import { useMedia } from "./browser/hooks.ts"
import { usePage } from "./context.ts"
import { type Level, levelOf, levels, textOf } from "./eventText.ts"
import {
  formatClockMillis,
  formatCount,
  formatCounted,
  formatMillis,
  formatRate,
  formatReasons,
  formatSeconds
} from "./format.ts"
import { latencySeries, rateSeries, recentPercentiles, recentRates } from "./history.ts"
import { Icon, Marked, Sparkline, StatusOf } from "./parts.tsx"
import { searchFor } from "./search.ts"
import { type Column, Table } from "./Table.tsx"
import { cyclesOf, type WaitRow, waitRowsOf } from "./waits.ts"

/** What an address is shown as: it opens the details of its actor. */
const Address = ({ address }: { readonly address: string }) => {
  const { query, select } = usePage()
  return (
    <button type="button" class="link" title={address} onClick={() => select(address)}>
      <Marked text={address} query={query} />
    </button>
  )
}

const sumOf = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((sum, count) => sum + count, 0)

export const Definitions = () => {
  // There are three lines of text then.
  const isNarrow = useMedia("(max-width: 40rem)")
  const { history, query, rowHeight, state } = usePage()
  const search = searchFor(query)
  const items = state.definitions.filter(({ name }) => search(name))
  const rates = recentRates(history)
  const rate = (name: string, of: "handled" | "failed" | "refused" | "dropped" | "accepted") => {
    const value = rates.get(name)?.[of]
    return value === undefined ? "–" : formatRate(value)
  }
  const times = ({ name }: Definition, of: "wait" | "latency", q: "p50" | "p95" | "p99") =>
    formatSeconds(recentPercentiles(history, name, of)[q])
  const two = (above: string, below: string) => (
    <>
      <span class="above">{above}</span>
      <span class="below">{below}</span>
    </>
  )
  const trouble = (one: Definition, of: "failed" | "refused" | "dropped", total: number, reasons: string) => (
    <span class={`two${(rates.get(one.name)?.[of] ?? 0) > 0 ? " some" : ""}`} title={reasons}>
      {two(rate(one.name, of), formatCount(total))}
    </span>
  )
  const columns: ReadonlyArray<Column<Definition>> = [
    {
      title: "Definition",
      class: "c-name",
      cell: (one) => (
        <span class="two">
          <span class="above mono" title={one.name}>
            <Marked text={one.name} query={query} />
          </span>
          <span class="below">
            {[
              ...(one.queued > 0 ? [`${formatCount(one.queued)} queued`] : []),
              ...(one.inHand > 0 ? [`${formatCount(one.inHand)} in hand`] : []),
              ...(one.restarts > 0 ? [formatCounted(one.restarts, "restart")] : [])
            ].join(", ") || "nothing queued"}
          </span>
        </span>
      )
    },
    {
      title: "Handled",
      class: "c-rate number",
      cell: (one) => <span class="two">{two(rate(one.name, "handled"), formatCount(one.handled))}</span>
    },
    {
      title: "Lately",
      class: "c-spark",
      cell: ({ name }) => (
        <>
          <Sparkline label={`${name}: handled in a second`} series={rateSeries(history, name, "handled")} />
          <Sparkline label={`${name}: 95th percentile of latency`} series={latencySeries(history, name, 0.95)} />
        </>
      )
    },
    ...(["p50", "p95", "p99"] as const).map((q) => ({
      title: q,
      class: `c-time number c-${q}`,
      cell: (one: Definition) => <span class="two">{two(times(one, "latency", q), times(one, "wait", q))}</span>
    })),
    { title: "Failed", class: "c-trouble number", cell: (one) => trouble(one, "failed", one.failed, "") },
    {
      title: "Refused",
      class: "c-trouble number",
      cell: (one) => trouble(one, "refused", sumOf(one.refused), formatReasons(one.refused))
    },
    {
      title: "Dropped",
      class: "c-trouble number",
      cell: (one) => trouble(one, "dropped", sumOf(one.dropped), formatReasons(one.dropped))
    }
  ]
  return (
    <>
      <p class="note">
        Per second, over the last 5 s; handler times of the last minute. Below: totals, times in the mailbox.
      </p>
      <Table
        class="definitions"
        label="Definitions"
        columns={columns}
        items={items}
        keyOf={({ name }) => name}
        rowHeight={isNarrow ? 92 : rowHeight * 2}
        empty={state.definitions.length === 0 ? "No definitions yet." : "No definition is found."}
      />
    </>
  )
}

export const Cycles = () => {
  const { select, state } = usePage()
  const cycles = useMemo(() => cyclesOf(state.waitFor), [state])
  if (cycles.length === 0) return null
  return (
    <div class="banner alarm" role="alert">
      <Icon shape="cycle" />
      <div>
        <strong>
          {cycles.length === 1 ? "Actors wait for each other" : `${cycles.length} groups of actors wait for each other`}
        </strong>
        , and will until a deadline ends it:
        {cycles.map((cycle) => (
          <p key={cycle.join("\n")} class="cycle">
            {cycle.map((address, index) => (
              <span key={index}>
                {index > 0 && <span class="arrow"> → </span>}
                <button type="button" class="link" onClick={() => select(address)}>
                  {address}
                </button>
              </span>
            ))}
          </p>
        ))}
      </div>
    </div>
  )
}

export const Waits = () => {
  const { byAddress, isLive, query, received, rowHeight, select, state } = usePage()
  const search = searchFor(query)
  const rows = useMemo(() => waitRowsOf(state.waitFor), [state])
  const items = rows.filter(({ address, request }) => search(`${address} ${request ?? ""}`))
  const columns: ReadonlyArray<Column<WaitRow>> = [
    {
      title: "Waited for, and who waits",
      class: "c-name",
      cell: ({ address, isInCycle, isRepeated, level, request }) => (
        <span class="branch" style={{ "--level": Math.min(level, 12) - 1 }}>
          {level > 1 && (
            <span class="edge">
              <span aria-hidden="true">└ </span>
              <span class="sr">level {level}: </span>
            </span>
          )}
          <span class="mono">
            <Marked text={address} query={query} />
          </span>
          {request !== undefined && <span class="asks">asks {request}</span>}
          {isRepeated && <span class="dim">see above</span>}
          {isInCycle && (
            <span class="tone-stuck">
              <Icon shape="cycle" /> in a cycle
            </span>
          )}
        </span>
      )
    },
    {
      title: "Waiting",
      class: "c-count number",
      cell: ({ waiting }) => (waiting > 0 ? formatCount(waiting) : "")
    },
    {
      title: "Status",
      class: "c-status",
      cell: ({ address }) => {
        const actor = byAddress.get(address)
        return actor === undefined ? null : <StatusOf actor={actor} isLive={isLive} received={received} />
      }
    },
    {
      title: "For",
      class: "c-for number",
      cell: ({ address }) => {
        const millis = byAddress.get(address)?.inHand?.millis
        return millis === undefined ? "" : formatMillis(millis)
      }
    }
  ]
  return (
    <>
      <p class="note">
        {formatCounted(state.waitFor.length, "ask")} that messages in hand wait for. At the left what they wait for:
        first what holds the most up.
      </p>
      <Table
        class="waits"
        label="Waits"
        columns={columns}
        items={items}
        keyOf={(_, index) => index}
        rowHeight={rowHeight}
        rowClass={({ isInCycle }) => (isInCycle ? "alarming" : "")}
        onChoose={({ address }) => select(address)}
        empty={rows.length === 0 ? "Nobody waits for anybody." : "No wait is found."}
      />
    </>
  )
}

export const DeadLetters = () => {
  const { query, rowHeight, state, timeline } = usePage()
  const search = searchFor(query)
  const items = useMemo(
    () =>
      timeline.letters
        .filter(({ letter }) =>
          search(`${letter.actor} ${letter.request} ${letter.reason} ${letter.kind} ${letter.correlation ?? ""}`)
        )
        .toReversed(),
    [timeline.letters, query]
  )
  const columns: ReadonlyArray<Column<RecordedLetter>> = [
    { title: "Time", class: "c-time", cell: ({ time }) => <time>{formatClockMillis(time)}</time> },
    { title: "Reason", class: "c-reason", cell: ({ letter }) => <Marked text={letter.reason} query={query} /> },
    { title: "Actor", class: "c-name", cell: ({ letter }) => <Address address={letter.actor} /> },
    {
      title: "Message",
      class: "c-text",
      cell: ({ letter }) => (
        <span title={letter.correlation}>
          <Marked text={letter.request} query={query} />
          <span class="dim">
            , {letter.kind}
            {letter.correlation === undefined ? "" : `, ${letter.correlation}`}
          </span>
        </span>
      )
    },
    { title: "Age", class: "c-for number", cell: ({ letter }) => formatMillis(letter.age) }
  ]
  return (
    <>
      <p class="note">
        Messages that were accepted and not handled, the latest first.
        {state.missed.deadLetters > 0 &&
          ` ${formatCount(state.missed.deadLetters)} came before these; the counts of definitions have them.`}
      </p>
      <Table
        class="letters"
        label="Dead letters"
        columns={columns}
        items={items}
        keyOf={({ id }) => id}
        rowHeight={rowHeight}
        empty={timeline.letters.length === 0 ? "No dead letters." : "No dead letter is found."}
      />
    </>
  )
}

export const Events = () => {
  const { query, rowHeight, state, timeline } = usePage()
  const [least, setLeast] = useState<Level>("debug")
  const items = useMemo(() => {
    const search = searchFor(query)
    const shown = levels.slice(0, levels.indexOf(least) + 1)
    return timeline.events
      .filter(
        ({ event, topic }) => shown.includes(levelOf(event)) && search(`${topic} ${event.actor} ${textOf(event)}`)
      )
      .toReversed()
  }, [timeline.events, query, least])
  const columns: ReadonlyArray<Column<RecordedEvent>> = [
    { title: "Time", class: "c-time", cell: ({ event }) => <time>{formatClockMillis(event.time)}</time> },
    {
      title: "Topic",
      class: "c-topic",
      cell: ({ event, topic }) => {
        const level = levelOf(event)
        return (
          <span class={`level level-${level}`} title={level}>
            <Icon shape={level} />
            <Marked text={topic} query={query} />
          </span>
        )
      }
    },
    { title: "Actor", class: "c-name", cell: ({ event }) => <Address address={event.actor} /> },
    {
      title: "What happened",
      class: "c-text",
      cell: ({ event }) => {
        const text = textOf(event)
        return (
          <span title={text}>
            <Marked text={text} query={query} />
          </span>
        )
      }
    }
  ]
  return (
    <>
      <p class="note">
        <label>
          At least{" "}
          <select value={least} onChange={(event) => setLeast(event.currentTarget.value as Level)}>
            {levels.map((level) => (
              <option key={level}>{level}</option>
            ))}
          </select>
        </label>{" "}
        {formatCounted(items.length, "event")}, the latest first.
        {state.missed.events > 0 && ` ${formatCount(state.missed.events)} came before these.`}
      </p>
      <Table
        class="events"
        label="Events"
        columns={columns}
        items={items}
        keyOf={({ id }) => id}
        rowHeight={rowHeight}
        empty={timeline.events.length === 0 ? "No events yet." : "No event is found."}
      />
    </>
  )
}

export const Config = () => {
  const { query, rowHeight, state } = usePage()
  const { entries, refused, source, version } = state.config
  const search = searchFor(query)
  const items = entries.filter((entry) =>
    search(`${entry.key} ${entry.value} ${entry.class} ${entry.source} ${entry.name}`)
  )
  const columns: ReadonlyArray<Column<ConfigEntry>> = [
    {
      title: "Key",
      class: "c-name",
      cell: ({ key }) => (
        <span class="mono" title={key}>
          <Marked text={key} query={query} />
        </span>
      )
    },
    {
      title: "Value",
      class: "c-value",
      cell: ({ value }) => (
        <span class="mono" title={value}>
          <Marked text={value} query={query} />
        </span>
      )
    },
    { title: "Takes effect", class: "c-class", cell: (entry) => <Marked text={entry.class} query={query} /> },
    {
      title: "Source",
      class: "c-source",
      cell: (entry) => (
        <span class={entry.source === "default" ? "dim" : ""} title={entry.name}>
          <Marked text={entry.source} query={query} />
          {entry.source !== "default" && (
            <span class="dim mono">
              {" "}
              <Marked text={entry.name} query={query} />
            </span>
          )}
        </span>
      )
    }
  ]
  return (
    <>
      <p class="note">
        Version {version} from {source}, {refused === 0 ? "no reload" : formatCounted(refused, "reload")} refused. Hot
        keys take effect at once, cold ones for actors that start afterwards.
      </p>
      <Table
        class="config"
        label="Settings"
        columns={columns}
        items={items}
        keyOf={({ key }) => key}
        rowHeight={rowHeight}
        rowClass={(entry) => (entry.source === "default" ? "" : "set")}
        empty="No key is found."
      />
    </>
  )
}
