/**
 * Testing actors: in virtual time, under many schedules.
 *
 * @since 0.1.0
 */
export * as Explore from "./Explore.ts"
