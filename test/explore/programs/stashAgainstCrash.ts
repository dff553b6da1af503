/** Messages are put aside while their actor crashes, and their deadlines go on. */
import * as Effect from "effect/Effect"
import * as Actor from "../../../src/Actor.ts"
import { die, givenUpAfter, inTurn, type Job, pause, programOf, quick, together, Worker, type World } from "./world.ts"

/** What waits is put aside until the gate is open: somebody has opened it, or the actor has been restarted. */
const gate = (world: World) => {
  let isOpen = false
  return {
    opens: ({ incarnation }: { readonly incarnation: number }) =>
      Effect.sync(() => {
        if (incarnation > 1) isOpen = true
      }),
    open: () =>
      Effect.suspend(() => {
        if (isOpen) return Effect.void
        isOpen = true
        return Actor.unstashAll
      }),
    waiting:
      (name: string, job: Job = pause): Job =>
      () =>
        isOpen ? job() : world.stash(name)
  }
}

/** None is lost, none overtakes another of its sender, and what leaves the stash before its turn does not run. */
export const stashAgainstCrash = programOf((world) =>
  Effect.gen(function* () {
    const { ask, build, insist, tell } = world
    const { open, opens, waiting } = gate(world)
    const options = { ...quick, capacity: 3, closes: Effect.yieldNow, opens }
    const worker = yield* Actor.spawn(Worker, build(options), options)
    yield* together({
      ada: inTurn(insist(tell(worker, "ada1", waiting("ada1"))), insist(ask(worker, "ada2", waiting("ada2")))),
      bob: inTurn(
        ask(worker, "bob1", waiting("bob1"), { deadline: 3 }),
        insist(ask(worker, "bob2", waiting("bob2"), { deadline: 4 }))
      ),
      cy: inTurn(givenUpAfter(ask(worker, "cy1", waiting("cy1")), 2), insist(tell(worker, "cy2", die))),
      gate: inTurn(Effect.sleep(1), insist(ask(worker, "gate1", open)), insist(ask(worker, "gate2")))
    })
  })
)

/** What comes back from the stash may crash, be delivered again, expire and be given up, in any order. */
export const stashAndRedelivery = programOf((world) =>
  Effect.gen(function* () {
    const { ask, build, insist, tell } = world
    const { open, waiting } = gate(world)
    const options = { ...quick, capacity: 3, stash: 8, redeliver: 1, closes: Effect.yieldNow }
    const worker = yield* Actor.spawn(Worker, build(options), options)
    let crashes = 0
    const dieOnce = () => (crashes++ === 0 ? die() : Effect.yieldNow)
    yield* together({
      ada: inTurn(insist(tell(worker, "ada1", waiting("ada1", dieOnce))), insist(ask(worker, "ada2", waiting("ada2")))),
      bob: insist(ask(worker, "bob1", waiting("bob1"), { deadline: 4 })),
      cy: inTurn(givenUpAfter(insist(ask(worker, "cy1", waiting("cy1"))), 3), insist(tell(worker, "cy2"))),
      gate: insist(ask(worker, "gate1", open))
    })
  })
)

/** What is given up after it came back from the stash does not run, also when others want its place. */
export const stashAndWithdrawal = programOf((world) =>
  Effect.gen(function* () {
    const { ask, build, insist, tell } = world
    const { open, waiting } = gate(world)
    const options = { ...quick, capacity: 2, stash: 8 }
    const worker = yield* Actor.spawn(Worker, build(options), options)
    const openAndWork = () => Effect.andThen(open(), Effect.sleep(4))
    yield* together({
      ada: ask(worker, "ada1", waiting("ada1"), { deadline: 2 }),
      bob: inTurn(Effect.sleep(1), givenUpAfter(ask(worker, "bob1"), 1), insist(tell(worker, "bob2"))),
      cy: inTurn(Effect.sleep(1), insist(tell(worker, "cy1")), insist(tell(worker, "cy2"))),
      gate: inTurn(Effect.sleep(3), insist(ask(worker, "gate1", openAndWork)))
    })
  })
)
