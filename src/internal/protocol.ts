/**
 * The one place that touches `effect/rpc`, which is unstable: an actor's protocol as types and as
 * what the run loop needs of each message.
 */
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import type * as Rpc from "effect/rpc/Rpc"
import * as RpcSchema from "effect/rpc/RpcSchema"
import * as Schema from "effect/Schema"
import type * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import type { Sizer } from "./sizer.ts"
import { fromSchema } from "./sizer.ts"
import { Zeroizer } from "./zeroize.ts"

/** One message of a protocol, made by `Rpc.make`. */
export type Message = Rpc.Any

/** The payload's type. */
export type Payload<M extends Message> = Rpc.Payload<M>

/** The reply's type. */
export type Reply<M extends Message> = Rpc.Success<M>

/** The domain error's type. */
export type DomainError<M extends Message> = Rpc.Error<M>

/** What decoding the payload needs. */
export type DecodingServices<M extends Message> =
  M extends Rpc.Rpc<infer _Tag, infer P, infer _S, infer _E, infer _M, infer _R> ? P["DecodingServices"] : never

/** A function for each message. */
export type Handlers<M extends Message> = {
  readonly [Current in M as Current["_tag"]]: (
    payload: Payload<Current>
  ) => Effect.Effect<Reply<Current>, DomainError<Current>, unknown>
}

/** What an effect needs; a handler that only throws gives `never`, which needs nothing. */
type ServicesOf<Reply> = [Reply] extends [never]
  ? never
  : Reply extends Effect.Effect<infer _A, infer _E, infer R>
    ? R
    : never

/** What a set of handlers needs. */
export type HandlersServices<H> = {
  [K in keyof H]: H[K] extends (...args: never) => infer Reply ? ServicesOf<Reply> : never
}[keyof H]

/** A handler as the run loop calls it: its payload and reply are known to the compiler at the edges only. */
export type Handler = (payload: unknown) => Effect.Effect<unknown, unknown>

/** The schemas of what a handler can answer. */
interface Answers {
  readonly success: Schema.Top
  readonly error: Schema.Top
}

const noAnswers: Answers = { success: Schema.Void, error: Schema.Never }

/** What the run loop knows of one message. */
export class MessageSpec {
  readonly tag: string
  /** Its place among the protocol's messages. */
  readonly index: number
  readonly sizer: Sizer
  private readonly schema: Schema.Top
  private readonly answers: Answers
  private ownZeroizer: Zeroizer | undefined = undefined
  private checker: ((payload: unknown) => Exit.Exit<unknown, SchemaIssue.Issue>) | undefined = undefined

  constructor(tag: string, index: number, schema: Schema.Top, answers: Answers = noAnswers) {
    this.tag = tag
    this.index = index
    this.schema = schema
    this.answers = answers
    this.sizer = fromSchema(schema)
  }

  /** Whether there is nothing to say in reply: the handler's success is `void`. */
  get repliesNothing(): boolean {
    return this.answers.success.ast._tag === "Void"
  }

  /** What is overwritten when a message has left: made at the first use, as most actors forget nothing. */
  get zeroizer(): Zeroizer {
    return (this.ownZeroizer ??= new Zeroizer(this.schema, this.answers.success, this.answers.error))
  }

  /** Whether a payload is right, on the decoded side. */
  check(payload: unknown): Exit.Exit<unknown, SchemaIssue.Issue> {
    // Compiled at the first use: most actors trust the compiler and never check.
    this.checker ??= SchemaParser.decodeUnknownExit(Schema.toType(this.schema))
    try {
      return this.checker(payload)
    } catch (defect) {
      return Exit.die(defect)
    }
  }

  /** Decodes a payload of unknown origin. */
  decode(payload: unknown): Effect.Effect<unknown, SchemaIssue.Issue, unknown> {
    return SchemaParser.decodeUnknownEffect(this.schema)(payload)
  }
}

/** The compiler sees to it that no handler is missing; this is for those it cannot see. */
export class MissingHandler extends TypeError {}

/** A protocol made ready for the run loop. */
export class Protocol {
  readonly specs: ReadonlyArray<MessageSpec>
  private readonly byTag: ReadonlyMap<string, MessageSpec>

  constructor(messages: ReadonlyArray<Message>) {
    // `Rpc.Any` hides the schemas that every Rpc carries; `Rpc.make` is its only constructor.
    this.specs = (messages as ReadonlyArray<Rpc.AnyWithProps>).map((message, index) => {
      if (RpcSchema.isStreamSchema(message.successSchema)) {
        throw new TypeError(`"${message._tag}" replies with a stream, which an actor cannot: reply with one value`)
      }
      const answers = { success: message.successSchema, error: message.errorSchema }
      return new MessageSpec(message._tag, index, message.payloadSchema, answers)
    })
    this.byTag = new Map(this.specs.map((spec) => [spec.tag, spec]))
    if (this.byTag.size < this.specs.length) {
      const twice = this.specs.find((spec) => this.byTag.get(spec.tag) !== spec)
      throw new TypeError(`"${twice?.tag}" stands twice in the protocol: give each message a tag of its own`)
    }
  }

  find(tag: string): MessageSpec | undefined {
    return this.byTag.get(tag)
  }

  /** The handlers in the order of the specs; throws when one is missing. */
  bind(actor: string, handlers: unknown): ReadonlyArray<Handler> {
    return this.specs.map(({ tag }) => {
      const handler = Predicate.hasProperty(handlers, tag) ? handlers[tag] : undefined
      if (typeof handler !== "function") {
        throw new MissingHandler(`"${actor}" has no handler for "${tag}": add it to what build gives to of({ ... })`)
      }
      // The types of `of` say which payload and reply it has; the run loop passes them through.
      return handler as Handler
    })
  }
}

/** The protocol of what handles no messages: supervisors and families. */
export const noMessages = new Protocol([])
