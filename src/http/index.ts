/**
 * Ryker behind HTTP: errors as responses, request deadlines, health, and shutdown.
 *
 * @since 0.1.0
 */
export * as ErrorTable from "./ErrorTable.ts"
export * as HttpProblem from "./HttpProblem.ts"
export * as RequestDeadline from "./RequestDeadline.ts"
export * as RetryAfter from "./RetryAfter.ts"
export * as Health from "./Health.ts"
export * as Shutdown from "./Shutdown.ts"
