/** All that is known of one actor, and what can be done to it. */
import type { Actor } from "../InspectorState.ts"
import { usePage } from "./context.ts"
import { type Action, actionsFor } from "./control.ts"
import { levelOf, textOf } from "./eventText.ts"
import { formatClock, formatCount, formatMillis, formatRate, formatReasons, formatSeconds } from "./format.ts"
import { latencySeries, type Percentiles, rateSeries, recentPercentiles, recentRates } from "./history.ts"
import { Fact, Icon, InHand, Queue, Sparkline, StatusOf } from "./parts.tsx"
import { explain } from "./status.ts"
import { restartsOf } from "./tree.ts"

export const ActorDetails = ({
  act,
  address,
  close
}: {
  readonly address: string
  readonly act: (action: Action, actor: Actor) => void
  readonly close: () => void
}) => {
  const { byAddress, isLive, received, state } = usePage()
  const actor = byAddress.get(address)
  return (
    <section class="details" aria-label="Details">
      <header>
        <h2>{address}</h2>
        <button type="button" class="quiet close" aria-label="Close details" onClick={close}>
          <Icon shape="close" />
        </button>
      </header>
      {actor === undefined ? (
        <p class="empty">It is not there any more.</p>
      ) : (
        <>
          <div class="now">
            <StatusOf actor={actor} isLive={isLive} received={received} />
            <span class="dim">{explain(actor)}</span>
            {state.control && (
              <span class="actions">
                {actionsFor(actor).map((action) => (
                  <button
                    key={action}
                    type="button"
                    class={action === "stop" ? "danger" : ""}
                    disabled={!isLive}
                    onClick={() => act(action, actor)}
                  >
                    {action[0]!.toUpperCase() + action.slice(1)}
                  </button>
                ))}
              </span>
            )}
          </div>
          <Facts actor={actor} />
        </>
      )}
      <Latest address={address} />
    </section>
  )
}

const Facts = ({ actor }: { readonly actor: Actor }) => {
  const { history, state } = usePage()
  const definition = state.definitions.find(({ name }) => name === actor.name)
  const sharing = state.actors.filter(({ kind, name }) => kind === "actor" && name === actor.name).length
  const rates = recentRates(history).get(actor.name)
  return (
    <>
      <dl class="facts">
        <Fact name="Kind">{actor.strategy === undefined ? actor.kind : `${actor.kind}, ${actor.strategy}`}</Fact>
        {actor.kind !== "supervisor" && (
          <Fact isLong name="Queue">
            {actor.capacity > 0 ? <Queue depth={actor.depth} capacity={actor.capacity} /> : formatCount(actor.depth)}
          </Fact>
        )}
        {actor.kind === "actor" && (
          <Fact isLong name="In hand">
            {actor.inHand === undefined ? "–" : <InHand actor={actor} />}
          </Fact>
        )}
        <Fact name="Restarts">{formatCount(restartsOf(actor))}</Fact>
        <Waits actor={actor} />
      </dl>
      {definition !== undefined && (
        <>
          <h3>
            {definition.name}
            <span class="dim">{sharing > 1 ? `, its ${formatCount(sharing)} actors together` : ""}</span>
          </h3>
          <dl class="facts">
            <Fact isLong name="Handled/s">
              {rates === undefined ? "–" : formatRate(rates.handled)}
              <Sparkline
                label="Handled in a second, last two minutes"
                series={rateSeries(history, actor.name, "handled")}
              />
            </Fact>
            <Fact isLong name="Latency p50 · p95 · p99">
              <Three {...recentPercentiles(history, actor.name, "latency")} />
              <Sparkline label="95th percentile, last two minutes" series={latencySeries(history, actor.name, 0.95)} />
            </Fact>
            <Fact isLong name="Wait p50 · p95 · p99">
              <Three {...recentPercentiles(history, actor.name, "wait")} />
            </Fact>
            <Fact name="Accepted">{formatCount(definition.accepted)}</Fact>
            <Fact name="Handled">{formatCount(definition.handled)}</Fact>
            <Fact name="Failed">{formatCount(definition.failed)}</Fact>
            <Fact name="Dropped">{formatReasons(definition.dropped) || "0"}</Fact>
            <Fact name="Refused">{formatReasons(definition.refused) || "0"}</Fact>
            <Fact name="Crashes">{formatCount(definition.crashes)}</Fact>
            <Fact name="Restarts">{formatCount(definition.restarts)}</Fact>
            <Fact name="Yields">{formatCount(definition.yields)}</Fact>
          </dl>
        </>
      )}
    </>
  )
}

const Three = ({ p50, p95, p99 }: Percentiles) => (
  <span class="three">
    {formatSeconds(p50)} · {formatSeconds(p95)} · {formatSeconds(p99)}
  </span>
)

const Waits = ({ actor: { address } }: { readonly actor: Actor }) => {
  const { select, state } = usePage()
  const out = state.waitFor.filter(({ from }) => from === address)
  const waiting = state.waitFor.filter(({ to }) => to === address)
  if (out.length === 0 && waiting.length === 0) return null
  const link = (to: string, request: string) => (
    <span key={`${to} ${request}`}>
      <button type="button" class="link" onClick={() => select(to)}>
        {to}
      </button>{" "}
      <span class="dim">({request})</span>{" "}
    </span>
  )
  return (
    <>
      {out.length > 0 && (
        <Fact isLong name="Waits for">
          {out.map(({ request, to }) => link(to, request))}
        </Fact>
      )}
      {waiting.length > 0 && (
        <Fact isLong name="Is waited for by">
          {waiting.slice(0, 5).map(({ from, request }) => link(from, request))}
          {waiting.length > 5 && <span class="dim">and {formatCount(waiting.length - 5)} more</span>}
        </Fact>
      )}
    </>
  )
}

/** The last of its events and dead letters, the newest first. */
const Latest = ({ address }: { readonly address: string }) => {
  const { timeline } = usePage()
  const latest = [
    ...timeline.events
      .filter(({ event }) => event.actor === address)
      .slice(-8)
      .map(({ event, id, topic }) => ({
        id,
        time: event.time,
        shape: levelOf(event),
        what: topic,
        text: textOf(event)
      })),
    ...timeline.letters
      .filter(({ letter }) => letter.actor === address)
      .slice(-8)
      .map(({ id, letter, time }) => ({
        id,
        time,
        shape: "letter" as const,
        what: "dead_letter",
        text: `${letter.request}: ${letter.reason}, ${formatMillis(letter.age)} old`
      }))
  ]
    .toSorted((a, b) => b.id - a.id)
    .slice(0, 8)
  if (latest.length === 0) return null
  return (
    <>
      <h3>Latest events</h3>
      <ul class="latest">
        {latest.map(({ id, shape, text, time, what }) => (
          <li key={id}>
            <time>{formatClock(time)}</time>
            <span class={`level level-${shape}`}>
              <Icon shape={shape} />
              {what}
            </span>
            <span>{text}</span>
          </li>
        ))}
      </ul>
    </>
  )
}
