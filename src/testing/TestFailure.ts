/**
 * What a test fails with when actors did not do what it says of them.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * An expectation of a test that was not met.
 *
 * **Details**
 *
 * | kind | what was expected |
 * | --- | --- |
 * | `"ledger"` | that every accepted message is accounted for, see `TestRyker.layer` |
 * | `"failOn"` | that nothing happened of what the option `failOn` of `TestRyker.layer` names |
 * | `"probe"` | a message, or none, at a probe, see `TestProbe` |
 * | `"inspect"` | that the actor shows its state, see `TestRyker.inspect` |
 *
 * The first two are defects, as they come when a Layer closes; the others are typed, so that a test can go on.
 *
 * @category errors
 * @since 0.1.0
 */
export class TestFailure extends Data.TaggedError("TestFailure")<{
  readonly kind: "ledger" | "failOn" | "probe" | "inspect"
  /** What was expected, what there was instead, and what to do. */
  readonly message: string
}> {}
