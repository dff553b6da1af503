/**
 * Spans of messages and of what happens to actors.
 *
 * Without a tracer there are none: Effect's default one keeps its spans to itself. No span is given a value of
 * the program's, also not the failure that it ends with.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import type { ActorCell } from "./actorCell.ts"
import type { Target } from "./cell.ts"
import { jobSpec } from "./control.ts"
import { correlationOf, type Envelope, type Sender } from "./envelope.ts"
import type { MessageSpec } from "./protocol.ts"
import { describeCause } from "./report.ts"
import type { Runtime } from "./runtime.ts"
import { type SpanLevel, spanLevels } from "./settings.ts"

/** At which level each kind of span is made. */
const levels = {
  "ryker.actor.restart": "error",
  "ryker.drain": "warn",
  "ryker.config.reload": "warn",
  "ryker.actor.handle": "info",
  "ryker.mailbox.enqueue": "debug",
  /** A handle span, too. */
  "a turn of its own": "trace"
} as const satisfies Record<string, SpanLevel>

const isWanted = (runtime: Runtime, kind: keyof typeof levels): boolean =>
  spanLevels.indexOf(runtime.settings.observability.spanLevel) >= spanLevels.indexOf(levels[kind])

/** Whether sends have spans of their own, where there is a tracer. */
export const hasSendSpans = ({ settings: { observability } }: Runtime): boolean =>
  observability.spanLevel === "debug" || observability.spanLevel === "trace"

/** Whether anybody sees the spans of this tracer. */
const isInstalled = (tracer: Tracer.Tracer | undefined): boolean =>
  tracer !== undefined && tracer !== Tracer.nativeTracer

export const isTraced = (context: Context.Context<never>): boolean => isInstalled(Context.get(context, Tracer.Tracer))

type Attributes = Readonly<Record<string, unknown>>

/** A tracer that throws must not take the actor with it. */
const makeSpan = (
  context: Context.Context<never>,
  name: string,
  options: Tracer.SpanOptionsNoTrace,
  attributes: Attributes
): Tracer.Span | undefined => {
  const exit = Effect.runForkWith(context)(Effect.makeSpan(name, options)).pollUnsafe()
  if (exit === undefined || Exit.isFailure(exit)) return undefined
  try {
    setAttributes(exit.value, attributes)
  } catch {
    return undefined
  }
  return exit.value
}

const endSpan = (
  span: Tracer.Span,
  runtime: Runtime,
  exit: Exit.Exit<unknown, unknown>,
  attributes: Attributes
): void => {
  try {
    setAttributes(span, attributes)
    span.end(runtime.nanos(), withoutValues(exit))
  } catch {
    // As above.
  }
}

/** Sets those that there are. */
const setAttributes = (span: Tracer.Span, attributes: Attributes): void => {
  for (const name in attributes) if (attributes[name] !== undefined) span.attribute(name, attributes[name])
}

/** The failure by its class and its place in the code: messages like to quote what they were given. */
const withoutValues = (exit: Exit.Exit<unknown, unknown>): Exit.Exit<unknown, unknown> => {
  if (Exit.isSuccess(exit)) return Exit.void
  if (Cause.hasInterruptsOnly(exit.cause)) return Exit.interrupt()
  const { at, defect } = describeCause(exit.cause)
  const error = new Error(defect)
  error.name = defect
  error.stack = at === "" ? defect : `${defect}\n    ${at}`
  return Cause.hasDies(exit.cause) ? Exit.die(error) : Exit.fail(error)
}

// --- Messages -----------------------------------------------------------------------------------------------------------

/** The sender's span, if spans of its are seen: what it started is to be found from there. */
export const callerOf = ({ cache }: Fiber.Fiber<unknown, unknown>): Tracer.AnySpan | undefined => {
  if (cache.span === undefined || !isInstalled(cache.tracer)) return undefined
  let span: Tracer.AnySpan | undefined = cache.span
  while (span !== undefined && Context.get(span.annotations, Tracer.DisablePropagation)) {
    span = span._tag === "Span" ? Option.getOrUndefined(span.parent) : undefined
  }
  return span
}

/** What identifies the cause of what a fiber sends. The trace has its id made when somebody wants to know it. */
export const correlationFor = (
  { cache }: Fiber.Fiber<unknown, unknown>,
  sender: Sender | undefined
): string | Tracer.AnySpan | undefined => sender?.correlation ?? cache.span

const deadlineMillis = ({ at, sentAt }: Envelope): number | undefined =>
  Number.isFinite(at) ? Math.round(at - sentAt) : undefined

/** What the handler of the message finds around it, besides what all handlers do; makes the message's span. */
export const enter = (cell: ActorCell, message: Envelope, context: Context.Context<never>): Context.Context<never> => {
  const { runtime } = cell
  const { caller, isAsk, spec } = message
  const kind = spec === jobSpec ? "a turn of its own" : "ryker.actor.handle"
  const correlation = correlationOf(message)
  // Where its cause is not recorded, neither is what follows from it.
  const isSampled = caller === undefined || caller.sampled
  message.span = undefined
  if (cell.isTraced && isSampled && isWanted(runtime, kind)) {
    const options: Tracer.SpanOptionsNoTrace =
      isAsk && caller !== undefined
        ? { kind: "consumer", parent: caller }
        : { kind: "consumer", root: true, links: caller === undefined ? [] : [{ span: caller, attributes: {} }] }
    message.span = makeSpan(context, "ryker.actor.handle", options, {
      actor: cell.address,
      request: spec.tag,
      incarnation: cell.incarnation,
      deadline_ms: deadlineMillis(message),
      queue_depth: cell.depth,
      delivery: message.deliveries > 1 ? message.deliveries : undefined,
      corr_id: correlation,
      "messaging.system": "ryker",
      "messaging.operation.name": "handle",
      "messaging.operation.type": "process",
      "messaging.destination.name": cell.options.group.name,
      "messaging.message.conversation_id": correlation
    })
  }
  // An ask is a step of its caller's, whether or not it has a span of its own.
  const parent = message.span ?? (isAsk || !isSampled ? caller : undefined)
  const inner = parent === undefined ? context : Context.add(context, Tracer.ParentSpan, parent)
  if (correlation === undefined) return inner
  const notes = { ...Context.get(inner, References.CurrentLogAnnotations), corr_id: correlation }
  return Context.add(inner, References.CurrentLogAnnotations, notes)
}

/** The message's handler has ended. */
export const leave = (runtime: Runtime, span: Tracer.Span, exit: Exit.Exit<unknown, unknown>, outcome: string): void =>
  endSpan(span, runtime, exit, { outcome })

/** Sends within a span of its own, if those are wanted here. `send` is given the span that is the message's cause. */
export const enqueue = <A extends Envelope | { readonly _tag: string }>(
  fiber: Fiber.Fiber<unknown, unknown>,
  target: Target,
  spec: MessageSpec,
  kind: "ask" | "tell",
  send: (caller: Tracer.AnySpan | undefined) => A
): A => {
  const caller = callerOf(fiber)
  const { runtime } = target
  if (!isInstalled(fiber.cache.tracer) || caller?.sampled === false || !isWanted(runtime, "ryker.mailbox.enqueue")) {
    return send(caller)
  }
  const span = makeSpan(
    fiber.context,
    "ryker.mailbox.enqueue",
    { kind: "producer" },
    {
      actor: target.address,
      request: spec.tag,
      "messaging.system": "ryker",
      "messaging.operation.name": kind,
      "messaging.operation.type": "send"
    }
  )
  const sent = send(span ?? caller)
  if (span === undefined) return sent
  if ("_tag" in sent) endSpan(span, runtime, Exit.fail(sent), { outcome: outcomes[sent._tag] ?? sent._tag })
  else {
    const { cell } = sent
    const correlation = correlationOf(sent)
    const attributes = {
      outcome: "accepted",
      actor: cell.address,
      deadline_ms: deadlineMillis(sent),
      queue_depth: cell.depth,
      corr_id: correlation,
      "messaging.destination.name": cell.options.group.name,
      "messaging.message.conversation_id": correlation
    }
    endSpan(span, runtime, Exit.void, attributes)
  }
  return sent
}

/** How a send that was refused is told, by its error. */
const outcomes: Readonly<Record<string, string>> = {
  Busy: "busy",
  TooLarge: "too_large",
  Stopped: "stopped",
  Timeout: "timeout",
  Deadlock: "deadlock",
  InvalidMessage: "invalid"
}

// --- What happens to actors and to the runtime --------------------------------------------------------------------------

/** A restart begins: linked to the message that made it necessary. Gives what is called at its end. */
export const restart = (
  cell: ActorCell,
  cause: Tracer.AnySpan | undefined,
  delay: number
): ((outcome: "ok" | "failed" | "stopped", exit: Exit.Exit<unknown, unknown>) => void) | undefined => {
  const { address, options, runtime } = cell
  if (!isTraced(options.context) || !isWanted(runtime, "ryker.actor.restart")) return undefined
  const span = makeSpan(
    options.context,
    "ryker.actor.restart",
    { root: true, links: cause === undefined ? [] : [{ span: cause, attributes: {} }] },
    { actor: address, incarnation: cell.incarnation + 1, delay_ms: Math.round(delay) }
  )
  return span && ((outcome, exit) => endSpan(span, runtime, exit, { outcome }))
}

/** Runs the effect within a span, if those are wanted; `describe` gives attributes for its end, `outcome` among them. */
export const within = <A, E, R>(
  runtime: Runtime,
  name: "ryker.drain" | "ryker.config.reload",
  attributes: Attributes,
  effect: Effect.Effect<A, E, R>,
  describe: (exit: Exit.Exit<A, E>) => Attributes
): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    if (!isInstalled(fiber.cache.tracer) || !isWanted(runtime, name)) return effect
    const span = makeSpan(fiber.context, name, {}, attributes)
    if (span === undefined) return effect
    return effect.pipe(
      Effect.provideService(Tracer.ParentSpan, span),
      Effect.onExit((exit) => Effect.sync(() => endSpan(span, runtime, exit, describe(exit))))
    )
  })
