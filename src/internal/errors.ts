/** Building the errors that the run loop gives. */
import * as Data from "effect/Data"

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

/**
 * Makes errors that say the same as one that was built before, without a stack trace.
 *
 * Building one checks each of its fields, which costs four times as much, and is not needed twice. Each sender has
 * one of its own all the same: what a program writes to it, as frameworks do with a status, is not the others' affair.
 */
export const copiesOf = <E extends Error>(error: E): (() => E) => {
  const { constructor } = error
  const fields = [Object.assign({}, error)]
  // The class's own base, without the class's checks: all that errors of ryker have comes from there.
  const copy = () => Reflect.construct(Data.Error, fields, constructor)
  return () => withoutStack(copy)
}
