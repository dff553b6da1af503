/** Phase d: a supervision tree of three levels that escalates and recovers. */
import { Clock, Effect, Layer } from "effect"
import { Ledger, Ryker, type RykerEvent, Supervisor } from "ryker"
import { Airspace, airspace, airspaceLayer, restarts } from "../airspace.ts"
import { patience } from "../busy.ts"
import { census, censusRows, deviations, type Node, waiting } from "../census.ts"
import { equal } from "../check.ts"
import { deskAt } from "../desk.ts"
import { Events } from "../events.ts"
import type { Flight, Movement } from "../flights.ts"
import { count, table } from "../format.ts"
import { Journal } from "../journal.ts"
import { drawPlan, type Plan } from "../plan.ts"
import { differences, recount, sum } from "../recount.ts"
import { loadRegions, type Region } from "../regions.ts"
import { tallyOf } from "../tally.ts"
import { entryOf, type Outcome } from "../report.ts"
import { Screen } from "../screen.ts"
import { timeline } from "../timeline.ts"
import type { Totals } from "../totals.ts"
import { Weather } from "../weather.ts"
import { type Outage, witness } from "../witness.ts"

const title = "d. Escalation"

/** Senders in each region: fewer than a mailbox of 256 holds, so that none is Busy. */
const senders = 100
/** Milliseconds that a sender waits between two messages. */
const pause = 15

export const tree = Effect.fnUntraced(function* (flights: ReadonlyArray<Flight>) {
  const regions = yield* loadRegions(flights)
  const plan = yield* drawPlan(flights, regions)
  return yield* fly(flights, regions, plan).pipe(
    Effect.provide(
      airspaceLayer(regions).pipe(
        Layer.provideMerge(Ryker.layerWith({ defaults: { deadline: "20 seconds" } })),
        Layer.provideMerge(Layer.mergeAll(Journal.layer, Events.layer, Weather.lightning(plan.bolts)))
      )
    )
  )
})

const fly = Effect.fnUntraced(function* (flights: ReadonlyArray<Flight>, regions: ReadonlyArray<Region>, plan: Plan) {
  const screen = yield* Screen
  const { name, tally } = plan.doomed
  yield* screen.heading(
    title,
    `${airspace} supervises ${regions.length} regions. In each, two Desks take the airports' messages and ask a ` +
      `Tally to count them. (1) A Desk of each region crashes. (2) ${tally} may restart ${restarts} times, and ` +
      `crashes once more: ${name} is rebuilt. (3) Again: now ${airspace} is. What Crashed or Stopped is sent again.`
  )
  const root = yield* Effect.forkChild(Ryker.awaitFailure, { startImmediately: true })
  const flown = yield* run(2 * flights.length, regions, plan)
  yield* screen.print(...texts(regions, flown).map((line) => `  ${line}`))

  const ledger = yield* Ryker.ledger
  const { events: missed } = yield* Ryker.missed
  const outcome: Outcome = {
    phase: title,
    ledger,
    checks: [
      totalsAgree(flights, regions, plan, flown),
      restartsAsPlanned(plan, flown),
      eventsAsPlanned(plan, flown, missed),
      equal("the root has never failed", { failures: [root.pollUnsafe() === undefined ? 0 : 1, 0] }),
      messagesKept(2 * flights.length, flown, ledger)
    ]
  }
  return outcome
})

// --- What happens ---------------------------------------------------------------------------------------------------

/** What there is to see at one moment. */
interface View {
  readonly time: number
  readonly nodes: ReadonlyArray<Node>
  /** How many messages have been answered. */
  readonly answered: number
}

interface Flown {
  readonly start: View
  /** At the end of each act, when all is quiet. */
  readonly ends: ReadonlyArray<View>
  /** What the regions' tallies answer then. */
  readonly totals: ReadonlyArray<ReadonlyMap<string, Totals>>
  readonly outages: ReadonlyArray<Outage<View>>
  readonly events: ReadonlyArray<RykerEvent.RykerEvent>
  readonly answered: number
  readonly told: Told
}

/** What senders heard that did not get an answer, by what became of the message. */
interface Told {
  /** Crashed: its own desk did. */
  crashed: number
  /** Crashed: its desk was restarted because another actor crashed. */
  cutOff: number
  /** Stopped: its desk ended while it had it in hand. */
  interrupted: number
  /** Stopped: it had waited in a desk that ended. */
  dropped: number
  /** Stopped: the desk had ended before. */
  refused: number
  /** Stopped, of both kinds, although the desk was only to be restarted. */
  wrongly: number
}

const run = Effect.fnUntraced(function* (total: number, regions: ReadonlyArray<Region>, { acts, doomed }: Plan) {
  const screen = yield* Screen
  const top = yield* Airspace
  const below = new Map<string, Supervisor.Handle>()
  for (const { name } of regions) below.set(name, yield* Effect.fromOption(yield* Supervisor.find(name)))

  const told: Told = { crashed: 0, cutOff: 0, interrupted: 0, dropped: 0, refused: 0, wrongly: 0 }
  let answered = 0
  let act = 0
  const look = Effect.gen(function* () {
    const view: View = { time: yield* Clock.currentTimeMillis, nodes: yield* census(top, below), answered }
    return view
  })
  const report = Effect.fnUntraced(function* (region: Region, movement: Movement) {
    const desk = yield* deskAt(region.airports.get(movement.airport)!)
    yield* desk.ask.Report(movement).pipe(
      Effect.tapErrorTag("Crashed", ({ sibling }) =>
        Effect.sync(() => told[sibling === undefined ? "crashed" : "cutOff"]++)
      ),
      // At once: it waits in the mailbox until the desk is up again.
      Effect.retry({ while: ({ _tag }) => _tag === "Crashed" }),
      Effect.tapErrorTag("Stopped", ({ phase }) =>
        Effect.sync(() => {
          told[phase === "refused" ? "refused" : phase === "running" ? "interrupted" : "dropped"]++
          // Only in the last act a supervisor is given up, so that what waits below it is not kept.
          if (act < acts.length || region !== doomed) told.wrongly++
        })
      ),
      Effect.retry({ while: ({ _tag }) => _tag === "Stopped", schedule: patience })
    )
    answered++
    yield* Effect.sleep(pause)
  })

  const askTally = (region: Region) =>
    Effect.flatMap(tallyOf(region), (tally) =>
      Effect.map(tally.ask.Totals(), (totals) => [region.name, totals] as const)
    )

  const { events, outages } = yield* witness([airspace, ...below.keys()], look)
  const start = yield* look
  const totals: Array<Flown["totals"][number]> = []
  const ends = yield* Effect.forEach(
    acts,
    Effect.fnUntraced(function* ({ movements }) {
      act++
      const send = (region: Region) =>
        Effect.forEach(movements.get(region.name)!, (movement) => report(region, movement), {
          concurrency: senders,
          discard: true
        })
      yield* Effect.forEach(regions, send, { concurrency: "unbounded", discard: true })
      totals.push(new Map(yield* Effect.forEach(regions, askTally)))
      return yield* look
    })
  ).pipe(screen.track(() => ({ done: answered, total, unit: "messages", note: `part ${act} of ${acts.length}` })))
  const flown: Flown = { start, ends, totals, outages, events, answered, told }
  return flown
})

// --- What is printed ------------------------------------------------------------------------------------------------

const texts = (
  regions: ReadonlyArray<Region>,
  { ends, events, outages, start, told }: Flown
): ReadonlyArray<string> => {
  const views = [
    { name: "start", view: start },
    { name: "(1)", view: ends[0] },
    { name: "in (2)", view: outages[0]?.before },
    { name: "(2)", view: ends[1] },
    { name: "in (3)", view: outages[1]?.before },
    { name: "(3)", view: ends[2] }
  ].flatMap(({ name, view }) => (view === undefined ? [] : [{ name, view }]))
  const strategies = new Map(regions.map(({ name, strategy }) => [name, strategy]))
  const label = ({ address }: Node) => {
    const strategy = strategies.get(address)
    return strategy === undefined ? address.split("/").at(-1)! : `${address}, ${strategy}`
  }
  const rows = censusRows(
    label,
    views.map(({ view }) => view.nodes)
  )
  return [
    ...table([["incarnation, (n) while down", ...views.map(({ name }) => name)], ...rows], 1),
    ...timeline(events, start.time),
    ...outages.map(outageText),
    `${count(told.crashed + told.cutOff)} told Crashed, ${count(told.cutOff)} of them for a sibling's sake, ` +
      `${count(told.interrupted + told.dropped + told.refused)} Stopped: all sent again`
  ]
}

const outageText = ({ after, before, supervisor }: Outage<View>): string => {
  const kept = `${count(waiting(before.nodes))} waiting messages kept`
  if (after === undefined) return `${supervisor} went down and stayed: ${kept}`
  const elsewhere = supervisor === airspace ? "" : `, ${count(after.answered - before.answered)} others answered`
  return `${supervisor} was down ${count(after.time - before.time)} ms: ${kept}${elsewhere}`
}

// --- What is checked ------------------------------------------------------------------------------------------------

const totalsAgree = (
  flights: ReadonlyArray<Flight>,
  regions: ReadonlyArray<Region>,
  { acts }: Plan,
  { totals }: Flown
) => ({
  claim: `${regions.length} tallies answer with the file's totals, after each part`,
  problems: acts.flatMap((act, i) => {
    const file = recount(flights.slice(0, act.flights))
    const expected = regions.map(
      ({ airports, name }) => [name, sum(Array.from(airports.keys()).flatMap((id) => file.get(id) ?? []))] as const
    )
    return differences(new Map(expected), totals[i]!).map((problem) => `after (${i + 1}): ${problem}`)
  })
})

const restartsAsPlanned = ({ acts }: Plan, { ends, start }: Flown) => ({
  claim: `${start.nodes.length} nodes were restarted as often as planned, and no more often`,
  problems: acts.flatMap(({ incarnations }, i) =>
    deviations(incarnations, ends[i]!.nodes).map((problem) => `after (${i + 1}): ${problem}`)
  )
})

const eventsAsPlanned = ({ doomed, struck }: Plan, { events, outages }: Flown, missed: number) => {
  const happened = (tag: RykerEvent.RykerEvent["_tag"], actor?: string) =>
    events.filter((event) => event._tag === tag && (actor === undefined || event.actor === actor)).length
  return equal("crashes, restarts of groups and escalations were those planned", {
    crashes: [happened("ActorCrashed"), struck.length + 2 * (restarts + 1)],
    groups: [happened("GroupRestarting"), struck.length + 2 * restarts],
    [`failures of ${doomed.name}`]: [happened("SupervisorFailed", doomed.name), 2],
    [`failures of ${airspace}`]: [happened("SupervisorFailed", airspace), 1],
    "failures of supervisors": [happened("SupervisorFailed"), 3],
    "failed starts": [happened("ActorStartFailed"), 0],
    outages: [outages.filter(({ after }) => after !== undefined).length, 2],
    "failures of the root": [happened("RootFailed"), 0],
    "events missed": [missed, 0]
  })
}

const messagesKept = (total: number, { answered, told }: Flown, ledger: ReadonlyArray<Ledger.Entry>) => {
  const { dropped, failed, handled, refused } = entryOf(ledger, "Desk")
  return equal("what waited was kept; who Crashed or Stopped was told, and sent again", {
    sent: [answered, total],
    handled: [handled, answered],
    "crashed or cut off": [failed, told.crashed + told.cutOff + told.interrupted],
    dropped: [dropped.shutdown, told.dropped],
    "dropped in all": [Ledger.totalDropped(dropped), told.dropped],
    refused: [refused.stopped, told.refused],
    "Stopped though kept": [told.wrongly, 0]
  })
}
