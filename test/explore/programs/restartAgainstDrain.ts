/** A drain begins while actors work, crash and restart. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ryker from "../../../src/Ryker.ts"
import {
  die,
  expect,
  givenUpAfter,
  type Handle,
  type Job,
  inTurn,
  Other,
  pause,
  program,
  reply,
  slow,
  stubborn,
  together,
  type World,
  Worker
} from "./world.ts"

/** Drains, and checks that nothing begins when its time is over or it is done, and that its outcome fits its report. */
const drained = (world: World, deadline: number) =>
  Effect.gen(function* () {
    world.drainBy = world.now + deadline
    const report = yield* Ryker.drain(deadline)
    const isComplete = report.actors.every(({ abandoned, dropped, failed }) => abandoned + dropped + failed === 0)
    yield* expect("outcome", report.outcome, isComplete ? "complete" : "incomplete")
    // Nothing is begun any more, whatever comes.
    const begun = Array.from(world.messages.values(), (message) => message.begun)
    yield* Effect.sleep(200)
    yield* expect(
      "begun after the drain",
      Array.from(world.messages.values(), (message) => message.begun).slice(0, begun.length),
      begun
    )
  })

/** Asks another from within, which a drain lets through. */
const relay =
  (world: World, to: Handle, name: string, job: Job): Job =>
  () =>
    Effect.andThen(Effect.sleep(2), world.ask(to, name, job))

/** There is time enough: what was accepted is handled, also by the incarnations to come. */
export const restartAgainstDrain = program(
  (world) => Layer.merge(world.worker({ opens: () => Effect.yieldNow, closes: Effect.sleep(1) }), world.other()),
  (world) =>
    Effect.gen(function* () {
      const { ask, tell } = world
      const [worker, other] = [yield* Worker, yield* Other]
      yield* together({
        ada: inTurn(tell(worker, "ada1", die), ask(worker, "ada2", relay(world, other, "eve1", slow(1)))),
        bob: inTurn(ask(other, "bob1", relay(world, worker, "fay1", pause)), tell(worker, "bob2", reply)),
        cy: inTurn(givenUpAfter(ask(worker, "cy1", slow(2)), 1), ask(worker, "cy2", pause)),
        drain: drained(world, 1_000)
      })
      for (const { name, outcome } of world.messages.values()) {
        const isInner = name.startsWith("eve") || name.startsWith("fay")
        if (
          outcome === "Stopped queued" ||
          outcome === "Stopped running" ||
          (isInner && outcome === "Stopped refused")
        ) {
          yield* Effect.fail(`there was time for ${name}, which got ${outcome}`)
        }
      }
    })
)

/** A message that is given up while another is in hand does not make the drain believe that there is nothing in hand. */
export const drainAgainstWithdrawal = program(
  (world) => Layer.merge(world.worker(), world.other()),
  (world) =>
    Effect.gen(function* () {
      const [worker, other] = [yield* Worker, yield* Other]
      yield* together({
        ada: world.ask(worker, "ada1", relay(world, other, "eve1", pause)),
        bob: world.ask(worker, "bob1", pause, { deadline: 1 }),
        drain: Effect.delay(drained(world, 1_000), 2)
      })
      const outcome = world.messages.get("eve1")?.outcome
      yield* expect("eve1", outcome === undefined || outcome === "reply", true)
    })
)

/** The time is short: it is kept, and nothing is begun after it. */
export const drainInHaste = program(
  (world) => Layer.merge(world.worker({ closes: Effect.sleep(1) }), world.other()),
  (world) =>
    Effect.gen(function* () {
      const { ask, tell } = world
      const [worker, other] = [yield* Worker, yield* Other]
      yield* together({
        ada: inTurn(tell(worker, "ada1", slow(2)), tell(worker, "ada2", pause), ask(worker, "ada3", slow(1))),
        bob: inTurn(ask(other, "bob1", stubborn(4)), ask(other, "bob2")),
        cy: inTurn(tell(worker, "cy1", die), tell(other, "cy2", pause)),
        drain: Effect.delay(drained(world, 3), 1)
      })
    })
)
