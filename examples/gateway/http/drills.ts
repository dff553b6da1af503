/** What a drill needs to make things go wrong, and to see what came of it: see docs/runbook.md. Only with `DRILLS=true`. */
import { Effect, Option, Schema } from "effect"
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, HttpApiMiddleware } from "effect/http-api"
import { HttpProblem } from "ryker/http"
import { Ryker, Supervisor } from "ryker"
import { Bank, Behaviour } from "../shop/bank.ts"
import { Session } from "../shop/session.ts"
import { Billing } from "../shop/tree.ts"

const Books = Schema.Struct({
  /** What the bank has taken and not given back. */
  taken: Schema.Struct({ orders: Schema.Int, cents: Schema.Int }),
  tree: Schema.Array(Schema.Struct({ address: Schema.String, status: Schema.String })),
  ledger: Schema.Array(Schema.Record(Schema.String, Schema.Unknown)),
  /** The settings that hold, and the deadline among them, in milliseconds. */
  config: Schema.Struct({ version: Schema.Int, refused: Schema.Int, deadline: Schema.Finite })
})

const drills = HttpApiGroup.make("drills").add(
  HttpApiEndpoint.put("bank", "/drills/bank", { payload: Behaviour }),
  HttpApiEndpoint.post("crashSession", "/drills/crash-session", { error: HttpProblem.errors }),
  HttpApiEndpoint.post("restartTills", "/drills/restart-tills", {
    success: Schema.Struct({ restarted: Schema.Boolean })
  }),
  HttpApiEndpoint.get("books", "/drills/books", { success: Books })
)

export const Drills = HttpApi.make("drills").add(drills).middleware(HttpApiMiddleware.ProblemDetails)

export const DrillsHandlers = HttpApiBuilder.group(
  Drills,
  "drills",
  Effect.fnUntraced(function* (handlers) {
    const [bank, billing, ryker, session] = [yield* Bank, yield* Billing, yield* Ryker.Ryker, yield* Session]
    const books = Effect.gen(function* () {
      const taken = yield* bank.taken
      const tills = yield* Supervisor.find("Tills")
      const children = [
        ...(yield* Supervisor.whichChildren(billing)),
        ...(Option.isSome(tills) ? yield* Supervisor.whichChildren(tills.value) : [])
      ]
      const { config, refused, version } = yield* Ryker.config
      return {
        taken: { orders: taken.size, cents: Array.from(taken.values()).reduce((sum, cents) => sum + cents, 0) },
        tree: children.map(({ address, status }) => ({ address, status: status._tag })),
        ledger: (yield* Ryker.ledger).map((entry) => ({ ...entry })),
        config: { refused, version, deadline: config.defaults.deadline }
      }
    })
    return handlers.handleAll({
      bank: ({ payload }) => bank.behave(payload),
      crashSession: () => HttpProblem.mapErrors(session.tell.Crash()),
      // What has given up stays down until somebody who has mended the cause says so.
      restartTills: () =>
        Effect.match(Supervisor.restartChild(billing, "Tills"), {
          onFailure: () => ({ restarted: false }),
          onSuccess: () => ({ restarted: true })
        }),
      books: () => Effect.provideService(books, Ryker.Ryker, ryker)
    })
  })
)
