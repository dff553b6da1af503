/**
 * Testing actors: in virtual time, under many schedules.
 *
 * @since 0.1.0
 */
export * as Explore from "./Explore.ts"
export * as History from "./History.ts"
export * as Linearizable from "./Linearizable.ts"
export * as Timeline from "./Timeline.ts"
