/**
 * Tests of actors: a runtime in virtual time whose books must balance, probes, faults by plan, and programs run under
 * many schedules.
 *
 * @since 0.1.0
 */
export * as Explore from "./Explore.ts"
export * as Fault from "./Fault.ts"
export * as History from "./History.ts"
export * as Linearizable from "./Linearizable.ts"
export * as TestFailure from "./TestFailure.ts"
export * as TestProbe from "./TestProbe.ts"
export * as TestRyker from "./TestRyker.ts"
export * as Timeline from "./Timeline.ts"
