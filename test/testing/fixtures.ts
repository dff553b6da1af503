/** What the tests of `ryker/testing` share. */
import { assert } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { runtimeOf } from "../../src/internal/runtime.ts"
import * as Ryker from "../../src/Ryker.ts"
import { TestFailure } from "../../src/testing/TestFailure.ts"
import * as TestRyker from "../../src/testing/TestRyker.ts"
import { type Counter, counterLayer } from "../fixtures.ts"

type Provided = Ryker.Ryker | TestRyker.TestRyker

/** How a test of a user's ends, with an actor `Counter`, and what it prints. */
export const outcomeOf = <A, E>(
  test: Effect.Effect<A, E, Provided | Counter | Scope.Scope>,
  options: TestRyker.Options = {},
  counter: Layer.Layer<Counter, unknown, Ryker.Ryker> = counterLayer()
): Effect.Effect<{ readonly exit: Exit.Exit<A, unknown>; readonly printed: ReadonlyArray<string> }> =>
  Effect.gen(function* () {
    const printed: Array<string> = []
    const exit = yield* test.pipe(
      Effect.scoped,
      Effect.provide(counter),
      Effect.provide(TestRyker.layer({ print: (report) => void printed.push(report), ...options })),
      Effect.exit
    )
    return { exit, printed }
  })

/** The failure with which TestRyker ended a test. */
export const failureOf = (exit: Exit.Exit<unknown, unknown>): TestFailure => {
  assert.isTrue(Exit.isFailure(exit), "the test passed")
  const reasons = Exit.isFailure(exit) ? exit.cause.reasons : []
  const defects = reasons.filter(Cause.isDieReason).map(({ defect }) => defect)
  const failure = defects.find((defect) => defect instanceof TestFailure)
  assert.isDefined(failure, String(exit))
  return failure
}

export const assertPassed = (exit: Exit.Exit<unknown, unknown>): void =>
  assert.isTrue(Exit.isSuccess(exit), String(exit))

/** Makes the books wrong, as a fault of ryker would. */
export const loseMessages = (actor: string, count: number): Effect.Effect<void, never, Ryker.Ryker> =>
  Effect.map(Ryker.Ryker, (service) => {
    runtimeOf(service).group(actor).counters.accepted += count
  })
