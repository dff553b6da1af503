/**
 * What the errors of a send are to clients: one table of HTTP and gRPC codes.
 *
 * | error | HTTP | gRPC | `Retry-After` |
 * | --- | --- | --- | --- |
 * | `Busy` | 429 | `RESOURCE_EXHAUSTED` (8) | yes |
 * | `TooLarge` | 413 | `RESOURCE_EXHAUSTED` (8) | no |
 * | `Timeout` | 504 | `DEADLINE_EXCEEDED` (4) | no |
 * | `Crashed` | 500 | `INTERNAL` (13) | no |
 * | `Stopped` | 503 | `UNAVAILABLE` (14) | yes |
 * | `Deadlock` | 500 | `INTERNAL` (13) | no |
 * | `InvalidMessage` | 400 | `INVALID_ARGUMENT` (3) | no |
 *
 * All functions here are plain: any framework can use them. `HttpProblem` makes whole responses.
 *
 * @since 0.1.0
 */
import * as RykerError from "../RykerError.ts"

/**
 * Any error that a send to an actor can fail with, besides the message's own.
 *
 * @category models
 * @since 0.1.0
 */
export type SendError = RykerError.AskError | RykerError.InvalidMessage

/**
 * A row of the table.
 *
 * @category models
 * @since 0.1.0
 */
export interface Row {
  /** The HTTP status, the same as the error's `httpApiStatus` annotation. */
  readonly status: number
  /** The gRPC status, by name and number. */
  readonly grpc: { readonly name: string; readonly code: number }
  /** The `type` of the problem (RFC 9457): a name for the kind of error, not an address. */
  readonly type: string
  /** The `title` of the problem: the same for every error of the kind. */
  readonly title: string
  /** The `detail` of the problem: for people, without anything of the request. */
  readonly detail: string
  /** Whether the response says when to try again. */
  readonly retryAfter: boolean
}

/**
 * The table, by the error's tag.
 *
 * **Details**
 *
 * A payload that is too large is `RESOURCE_EXHAUSTED`, as gRPC itself says of messages over its limits; what tells it from
 * `Busy` is that it says nothing of trying again. The numbers of gRPC are those of its `statuscodes.md`.
 *
 * **Example** (Reading the table)
 *
 * ```ts
 * import { ErrorTable } from "ryker/http"
 *
 * console.log(ErrorTable.table.Timeout.status, ErrorTable.table.Timeout.grpc.name) // => 504 DEADLINE_EXCEEDED
 * ```
 *
 * @category constants
 * @since 0.1.0
 */
export const table = {
  Busy: {
    status: 429,
    grpc: { name: "RESOURCE_EXHAUSTED", code: 8 },
    type: "urn:problem-type:ryker:busy",
    title: "Too Busy",
    detail: "There is too much to do at the moment. Try again later.",
    retryAfter: true
  },
  TooLarge: {
    status: 413,
    grpc: { name: "RESOURCE_EXHAUSTED", code: 8 },
    type: "urn:problem-type:ryker:too-large",
    title: "Too Large",
    detail: "The request carries more data than is allowed. Send less, or send it in parts.",
    retryAfter: false
  },
  Timeout: {
    status: 504,
    grpc: { name: "DEADLINE_EXCEEDED", code: 4 },
    type: "urn:problem-type:ryker:timeout",
    title: "Deadline Exceeded",
    detail: "There was no answer before the deadline. It is not known how far the work came.",
    retryAfter: false
  },
  Crashed: {
    status: 500,
    grpc: { name: "INTERNAL", code: 13 },
    type: "urn:problem-type:ryker:crashed",
    title: "Internal Failure",
    detail: "The work failed on the way. It is not known how far it came.",
    retryAfter: false
  },
  Stopped: {
    status: 503,
    grpc: { name: "UNAVAILABLE", code: 14 },
    type: "urn:problem-type:ryker:stopped",
    title: "Not Available",
    detail: "This part of the service takes no work now. Try again later.",
    retryAfter: true
  },
  Deadlock: {
    status: 500,
    grpc: { name: "INTERNAL", code: 13 },
    type: "urn:problem-type:ryker:deadlock",
    title: "Internal Deadlock",
    detail: "The request cannot be served, as parts of the service would wait for each other.",
    retryAfter: false
  },
  InvalidMessage: {
    status: 400,
    grpc: { name: "INVALID_ARGUMENT", code: 3 },
    type: "urn:problem-type:ryker:invalid-message",
    title: "Invalid Message",
    detail: "The request does not have the form that is expected.",
    retryAfter: false
  }
} as const satisfies Readonly<Record<SendError["_tag"], Row>>

/** By class and not by tag: an error of one's own may be called `Timeout`, too. */
const classes = [
  RykerError.Busy,
  RykerError.TooLarge,
  RykerError.Timeout,
  RykerError.Crashed,
  RykerError.Stopped,
  RykerError.Deadlock,
  RykerError.InvalidMessage
]

/**
 * Whether it is one of the errors of the table.
 *
 * **Details**
 *
 * It goes by the class, so that errors of your own may have the same tag.
 *
 * **Example** (Telling errors apart)
 *
 * ```ts
 * import { RykerError } from "ryker"
 * import { ErrorTable } from "ryker/http"
 *
 * console.log(ErrorTable.isSendError(new RykerError.Busy({ actor: "Stock", limit: "mailbox", capacity: 256 }))) // => true
 * console.log(ErrorTable.isSendError({ _tag: "Busy" })) // => false
 * ```
 *
 * @category guards
 * @since 0.1.0
 */
export const isSendError = (error: unknown): error is SendError => classes.some((class_) => error instanceof class_)

/**
 * The HTTP status of an error.
 *
 * **Example** (Answering with a status)
 *
 * ```ts
 * import { RykerError } from "ryker"
 * import { ErrorTable } from "ryker/http"
 *
 * const error = new RykerError.Stopped({ actor: "Stock", reason: "Draining", phase: "refused" })
 * console.log(ErrorTable.statusOf(error)) // => 503
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const statusOf = (error: SendError): number => table[error._tag].status

/**
 * The gRPC status of an error, by name and number.
 *
 * **Example** (Answering a gRPC call)
 *
 * ```ts
 * import { RykerError } from "ryker"
 * import { ErrorTable } from "ryker/http"
 *
 * const error = new RykerError.Timeout({ actor: "Stock", request: "Reserve", phase: "queued", millis: 250 })
 * console.log(ErrorTable.grpcOf(error)) // => { name: 'DEADLINE_EXCEEDED', code: 4 }
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const grpcOf = (error: SendError): Row["grpc"] => table[error._tag].grpc
