/** An actor for each airport: it reports every movement to the network, counts it, and saves its totals. */
import { Effect } from "effect"
import { Rpc } from "effect/rpc"
import { Actor, type Keyed } from "ryker"
import { type Movement, Report } from "./flights.ts"
import { Network } from "./network.ts"
import { Store } from "./store.ts"
import * as Totals from "./totals.ts"
import { Weather } from "./weather.ts"

export class Airports extends Actor.keyed<Airports>()("Airport", [
  Rpc.make("Depart", { payload: Report }),
  Rpc.make("Land", { payload: Report }),
  Rpc.make("Totals", { success: Totals.Totals })
]) {}

export const airportsLayer = (options: Keyed.Options) =>
  Airports.toLayer(
    // Runs at the airport's first message, and again after every crash.
    Effect.fnUntraced(function* (airport: string) {
      const network = yield* Network
      const store = yield* Store
      const weather = yield* Weather
      let totals = yield* store.load(airport)

      const count = Effect.fnUntraced(function* (kind: Movement["kind"], report: Movement["report"]) {
        yield* weather.pass(airport, report.flight)
        // An airport that cannot reach the network has nothing better to do than to crash and start anew.
        yield* Effect.orDie(network.ask.Record({ delay: report.delay, distance: report.distance }))
        totals = Totals.add(totals, { kind, report })
        yield* store.save(airport, totals)
      })

      return Airports.of({
        Depart: (report) => count("Depart", report),
        Land: (report) => count("Land", report),
        Totals: () => Effect.sync(() => totals)
      })
    }),
    options
  )
