/** Building the errors that the run loop gives. */

/**
 * Builds an error without a stack trace.
 *
 * A refusal is an answer, not a bug: its stack would only show the run loop, and capturing it costs
 * five times as much as the error, at the very moment when the system has no time to spare.
 */
export const withoutStack = <E>(build: () => E): E => {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    return build()
  } finally {
    Error.stackTraceLimit = limit
  }
}
